package kvs

import (
	"cmp"
	"crypto/tls"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
)

// Explain says in a language what an error of kvs or of a package under it means, and
// what to do: one line, safe to show. An error of another origin stands as it
// is, except for what is not safe to show.
func Explain(say *docs.Sentences, err error) string {
	var (
		syntax  *SyntaxError
		locked  *store.LockedError
		damaged *store.DamagedError
		disk    *store.DiskError
		line    *store.ImportError
		file    *pki.FileError
		tokens  *TokensError
		revoked *pki.RevokedError
		spelled *pki.SpellingError
	)
	switch {
	case errors.As(err, &tokens) && tokens.Line == 0:
		return say.Say("kvs_tokens_too_large", "path", safe(tokens.Path), "limit", MaxTokens)
	case errors.As(err, &tokens):
		return say.Say("kvs_tokens_damaged", "path", safe(tokens.Path), "line", tokens.Line)
	case errors.As(err, &revoked) && revoked.Path != "":
		name := strings.TrimSuffix(filepath.Base(revoked.Path), ".pem")
		return say.Say("kvs_pem_revoked", "path", safe(revoked.Path), "since", revoked.Since.UTC().Format(time.DateOnly), "name", safe(name))
	case errors.As(err, &spelled):
		return say.Say("kvs_pem_spelled", "name", safe(spelled.Name), "there", safe(spelled.There))
	case errors.Is(err, pki.ErrNotIssued):
		return say.Say("kvs_pem_not_issued")
	case errors.Is(err, ErrTokenName):
		return say.Say("kvs_token_name")
	case errors.Is(err, ErrTokenExists):
		return say.Say("kvs_token_exists")
	case errors.Is(err, ErrTokenMissing):
		return say.Say("kvs_token_missing")
	case errors.As(err, &syntax):
		return explainSyntax(say, syntax)
	case errors.As(err, &locked):
		return say.Say("kvs_file_locked", "path", safe(locked.Path))
	case errors.As(err, &damaged):
		return say.Say("kvs_file_damaged", "path", safe(damaged.Path), "reason", say.Say(damage(damaged.Err)))
	case errors.As(err, &disk):
		return explainDisk(say, disk)
	case errors.As(err, &line):
		return say.Say("kvs_import_line", "line", line.Line, "reason", explainLine(say, line.Err))
	case errors.As(err, &file):
		return explainFile(say, file)
	case errors.Is(err, ErrManyLines):
		return say.Say("kvs_many_lines")
	case errors.Is(err, ErrOutOfStep):
		return say.Say("kvs_out_of_step")
	case errors.Is(err, ErrServerClosed):
		return say.Say("kvs_server_closed")
	case errors.Is(err, ErrAnswer):
		return say.Say("kvs_bad_answer")
	}
	if text, ok := explainKernel(say, err); ok {
		return text
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return say.Say("kvs_reset")
	}
	return safe(err.Error())
}

// explainLine says why a line of pairs cannot be taken.
func explainLine(say *docs.Sentences, err error) string {
	switch {
	case errors.Is(err, store.ErrLine):
		return say.Say("kvs_import_no_pair")
	case errors.Is(err, store.ErrExists):
		return say.Say("kvs_import_exists")
	case errors.Is(err, store.ErrTooLarge):
		return say.Say("kvs_pair_too_large", "key", store.MaxKey, "value", store.MaxValue)
	case errors.Is(err, store.ErrFull):
		return say.Say("kvs_store_full")
	}
	return Explain(say, err)
}

// damage is the sentence for what was found in a file.
func damage(err error) string {
	switch {
	case errors.Is(err, store.ErrNotFile):
		return "kvs_damage_not_file"
	case errors.Is(err, store.ErrEmpty):
		return "kvs_damage_empty"
	case errors.Is(err, store.ErrNoDatabase):
		return "kvs_damage_no_database"
	case errors.Is(err, store.ErrTheirs):
		return "kvs_damage_theirs"
	case errors.Is(err, store.ErrCut):
		return "kvs_damage_cut"
	}
	return "kvs_damage_pages"
}

func explainDisk(say *docs.Sentences, err *store.DiskError) string {
	id := "kvs_disk_refused"
	if err.Broken {
		id = "kvs_disk_broken"
	}
	reason := err.Err.Error()
	if at := strings.LastIndex(reason, err.Path+": "); err.Path != "" && at >= 0 { // what the system said stands behind the file's name
		reason = reason[at+len(err.Path+": "):]
	}
	text := say.Say(id, "path", safe(err.Path), "reason", safe(reason))
	if err.Lost > 0 {
		text += "; " + say.Say("kvs_disk_lost", "count", err.Lost)
	}
	return text
}

func explainSyntax(say *docs.Sentences, err *SyntaxError) string {
	at := err.Offset + 1 // people count from one
	switch err.Reason {
	case OpenQuote:
		return say.Say("kvs_open_quote", "at", at)
	case BadEscape:
		return say.Say("kvs_bad_escape", "at", at)
	case AfterQuote:
		return say.Say("kvs_after_quote", "at", at)
	default:
		return say.Say("kvs_inner_quote", "at", at)
	}
}

func explainFile(say *docs.Sentences, err *pki.FileError) string {
	id := map[pki.Problem]string{
		pki.Unreadable:     "kvs_pem_unreadable",
		pki.TooLarge:       "kvs_pem_too_large",
		pki.NotPEM:         "kvs_pem_none",
		pki.NoCertificate:  "kvs_pem_no_certificate",
		pki.NoKey:          "kvs_pem_no_key",
		pki.EncryptedKey:   "kvs_pem_encrypted",
		pki.BadCertificate: "kvs_pem_bad_certificate",
		pki.BadKey:         "kvs_pem_bad_key",
		pki.Mismatch:       "kvs_pem_mismatch",
		pki.Expired:        "kvs_pem_expired",
		pki.Foreign:        "kvs_pem_foreign",
		pki.BadList:        "kvs_pem_bad_list",
		pki.Locked:         "kvs_pem_locked",
	}[err.Problem]
	reason := ""
	if err.Err != nil {
		reason = safe(err.Err.Error())
	}
	return say.Say(id, "path", safe(err.Path), "other", safe(err.Other), "reason", reason, "limit", pki.MaxFile)
}

// explainKernel knows the ends of a connection that package kernel reports.
func explainKernel(say *docs.Sentences, err error) (text string, ok bool) {
	var handshake *kernel.HandshakeError
	switch {
	case errors.As(err, &handshake):
		return explainHandshake(say, handshake), true
	case errors.Is(err, kernel.ErrHandshakeTimeout):
		return say.Say("kvs_handshake_timeout"), true
	case errors.Is(err, kernel.ErrStopping):
		return say.Say("kvs_stopping"), true
	case errors.Is(err, kernel.ErrIdle):
		return say.Say("kvs_idle"), true
	case errors.Is(err, kernel.ErrSlow):
		return say.Say("kvs_slow"), true
	case errors.Is(err, kernel.ErrTooMany):
		return say.Say("kvs_too_many"), true
	case errors.Is(err, kernel.ErrTooManyOfHost):
		return say.Say("kvs_too_many_of_host"), true
	case errors.Is(err, kernel.ErrHandshakes):
		return say.Say("kvs_handshakes"), true
	case errors.Is(err, kernel.ErrHandshakeRate):
		return say.Say("kvs_handshake_rate"), true
	case errors.Is(err, kernel.ErrBusy):
		return say.Say("kvs_busy"), true
	case errors.Is(err, kernel.ErrAnswers):
		return say.Say("kvs_answers"), true
	case errors.Is(err, kernel.ErrNotRead):
		return say.Say("kvs_not_read"), true
	case errors.Is(err, kernel.ErrDismissed):
		return say.Say("kvs_dismissed"), true
	case errors.Is(err, kernel.ErrOnce):
		return say.Say("kvs_once"), true
	case errors.Is(err, kernel.ErrStuck):
		return say.Say("kvs_stuck"), true
	}
	return "", false
}

func explainHandshake(say *docs.Sentences, err *kernel.HandshakeError) string {
	id, pairs := handshakeFailure(err)
	return say.Say(id, pairs...)
}

// handshakeFailure returns the sentence that says why a handshake failed, and what stands in it.
func handshakeFailure(err *kernel.HandshakeError) (id string, pairs []any) {
	var header tls.RecordHeaderError
	var revoked *pki.RevokedError
	var refused *kernel.RefusedError
	switch {
	case errors.Is(err, kernel.ErrHandshakeTimeout):
		return "kvs_handshake_timeout", nil
	case errors.Is(err, kernel.ErrStopping):
		return "kvs_stopping", nil
	case errors.Is(err, kernel.ErrDismissed):
		return "kvs_dismissed", nil
	case errors.As(err, &refused):
		return "kvs_handshake_refused", []any{"alert", cmp.Or(alertNames[refused.Description], "alert"), "code", refused.Description}
	case errors.As(err, &revoked):
		return "kvs_handshake_revoked", []any{"since", revoked.Since.UTC().Format(time.DateOnly)}
	case errors.As(err, &header):
		return "kvs_handshake_not_tls", nil
	case errors.Is(err, syscall.ECONNRESET):
		return "kvs_reset", nil
	case kernel.ReasonOf(err) == kernel.ReasonAlert:
		return "kvs_handshake_alert", []any{"reason", safe(innermost(err).Error())}
	case kernel.ReasonOf(err) == kernel.ReasonLeft:
		return "kvs_handshake_left", nil
	}
	return handshakeWords(err.Err), []any{"reason", safe(err.Err.Error())}
}

// handshakeWords returns the sentence for what crypto/tls has no type for: it says it in words, which are Go's own and may change; then
// they stand as they are.
func handshakeWords(err error) (id string) {
	for words, id := range map[string]string{
		"client offered only unsupported versions": "kvs_handshake_version",
		"no cipher suite supported by both":        "kvs_handshake_suite",
		"client didn't provide a certificate":      "kvs_handshake_no_certificate",
	} {
		if strings.Contains(err.Error(), words) {
			return id
		}
	}
	return "kvs_handshake_failed"
}

// handshakeKind returns what is the same of handshakes that failed alike: the sentence, with the alert that it names. There are no more
// kinds than sentences and alerts, whatever clients do. Named is false where one kind has failures of any reasons.
func handshakeKind(err *kernel.HandshakeError) (kind string, named bool) {
	var refused *kernel.RefusedError
	switch kind, _ = handshakeFailure(err); kind {
	case "kvs_handshake_failed":
		return kind, false
	case "kvs_handshake_refused":
		errors.As(err, &refused)
		name, known := alertNames[refused.Description]
		return kind + " " + name, known
	case "kvs_handshake_alert":
		if text := innermost(err).Error(); !strings.Contains(text, "alert(") { // so crypto/tls writes one that it does not know
			return kind + " " + text, true
		}
		return kind, false
	}
	return kind, true
}

// alertNames are the names of the alerts with which clients refuse servers (RFC 8446 section 6).
var alertNames = map[byte]string{
	0x28: "handshake_failure", 0x2a: "bad_certificate", 0x2b: "unsupported_certificate", 0x2c: "certificate_revoked", 0x2d: "certificate_expired",
	0x2e: "certificate_unknown", 0x2f: "illegal_parameter", 0x30: "unknown_ca", 0x31: "access_denied", 0x32: "decode_error", 0x33: "decrypt_error",
	0x46: "protocol_version", 0x47: "insufficient_security", 0x50: "internal_error", 0x5a: "user_canceled", 0x6d: "missing_extension",
	0x6e: "unsupported_extension", 0x70: "unrecognized_name", 0x71: "bad_certificate_status_response", 0x78: "no_application_protocol",
}

// innermost is what is wrapped by everything else.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// safe is text as it can be shown, most often unchanged.
func safe(text string) string { return escape([]byte(text), false) }

// explainAccess says what is missing for a command.
func explainAccess(say *docs.Sentences, err *accessError) string {
	who, needs := shown([]byte(err.who.Name)), err.needs.String()
	switch {
	case err.lack == smallRole:
		return say.Say("kvs_access_role", "command", safe(err.command), "needs", needs, "who", who, "role", err.who.Role.String())
	case err.lack == certificateNoRole:
		return say.Say("kvs_access_no_role", "command", safe(err.command), "needs", needs, "who", who)
	case err.lack == certificateRevoked:
		return say.Say("kvs_access_certificate_revoked", "who", who)
	case err.lack == certificateExpired:
		return say.Say("kvs_access_certificate_expired", "who", who)
	case err.lack == tokenRevoked:
		return say.Say("kvs_access_token_revoked", "who", who)
	case err.lack == cannotTell:
		return say.Say("kvs_access_unknown")
	case err.access.Tokens == nil:
		return say.Say("kvs_access_certificate", "command", safe(err.command), "needs", needs)
	case err.access.Certificates:
		return say.Say("kvs_access_token_or_certificate", "command", safe(err.command), "needs", needs)
	}
	return say.Say("kvs_access_token", "command", safe(err.command), "needs", needs)
}

// refusalInRESP begins as Redis does, and says in English what is missing, as every error there.
func refusalInRESP(err *accessError) string {
	reason := explainAccess(docs.For(docs.English), err)
	switch {
	case err.lack == smallRole || err.lack == certificateNoRole:
		return "NOPERM this user has no permissions to run the '" + err.command + "' command: " + reason
	case err.lack == cannotTell:
		return "ERR " + reason
	case err.command == "hello":
		return "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time: " + reason
	}
	return "NOAUTH Authentication required: " + reason
}
