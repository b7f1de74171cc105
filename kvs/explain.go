package kvs

import (
	"crypto/tls"
	"errors"
	"io"

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
	)
	switch {
	case errors.As(err, &syntax):
		return explainSyntax(say, syntax)
	case errors.As(err, &locked):
		return say.Say("kvs_file_locked", "path", safe(locked.Path))
	case errors.As(err, &damaged):
		return say.Say("kvs_file_damaged", "path", safe(damaged.Path), "reason", safe(damaged.Err.Error()))
	case errors.As(err, &disk) && disk.Broken:
		return say.Say("kvs_disk_broken", "reason", safe(disk.Err.Error()))
	case errors.As(err, &disk):
		return say.Say("kvs_disk_refused", "reason", safe(disk.Err.Error()))
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
	case errors.Is(err, kernel.ErrHandshakeTimeout):
		return say.Say("kvs_handshake_timeout"), true
	case errors.Is(err, kernel.ErrStopping):
		return say.Say("kvs_stopping"), true
	case errors.As(err, &handshake):
		return explainHandshake(say, handshake), true
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
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return say.Say("kvs_handshake_not_tls")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return say.Say("kvs_handshake_left")
	default:
		return say.Say("kvs_handshake_failed", "reason", safe(err.Err.Error()))
	}
}

// safe is text as it can be shown, most often unchanged.
func safe(text string) string { return escape([]byte(text), false) }
