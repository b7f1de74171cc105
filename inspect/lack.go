package inspect

import (
	"encoding/hex"
	"slices"
	"strings"
)

// What a recording lacks: which secrets, by the names that a key log has for
// them, and whether messages are missing or only closed.

// lacksSecret says which secrets are missing that a record, or while it waits the
// next ones of its lane, are read with, as far as can be said.
func (v *View) lacksSecret(r *Record) Reason {
	state := v.state()
	known := v.session.secrets[string(state.ClientRandom)]
	if v.ours || len(known) == 0 && !v.session.hasSecrets() {
		return because("no_secret")
	}
	missing, misfit := v.labelsLacked(v.labelsWanted(r), known)
	named := []any{"labels", strings.Join(missing, ", "), "random", hex.EncodeToString(state.ClientRandom)}
	switch {
	case misfit != nil && misfit.Line > 0:
		return because("secret_misfit_line", "label", misfit.Label, "got", len(misfit.Bytes), "want", v.secretLength(), "line", misfit.Line)
	case misfit != nil:
		return because("secret_misfit", "label", misfit.Label, "got", len(misfit.Bytes), "want", v.secretLength())
	case len(missing) == 0:
		return because("no_secret")
	case len(known) > 0:
		return because("secret_missing", named...)
	}
	return because("secrets_of_others", named...)
}

// labelsLacked lists the labels of secrets that are wanted and
// not known, and the first secret that is, but cannot be one.
func (v *View) labelsLacked(wanted []string, known []KnownSecret) (missing []string, misfit *KnownSecret) {
	for _, label := range wanted {
		lacks := true
		for i := range known {
			switch {
			case known[i].Label != label:
			case len(known[i].Bytes) == v.secretLength():
				lacks = false
			case misfit == nil:
				misfit = &known[i]
			}
		}
		if lacks {
			missing = append(missing, label)
		}
	}
	return missing, misfit
}

// labelsWanted are the labels of the secrets that a record is read with. While it
// waits they are those of its lane's epoch, and of all that follow it.
func (v *View) labelsWanted(r *Record) (labels []string) {
	l := v.lanes[r.Side]
	switch {
	case v.state().Version != version13:
		return []string{labelMaster}
	case r.DecidedAt >= 0:
		return []string{secretLabel(r.Epoch, r.Side)}
	}
	for kind := l.epoch.Kind; kind >= EpochEarly && kind <= EpochApplication; kind++ {
		labels = append(labels, secretLabel(Epoch{Kind: kind}, l.from))
	}
	return labels
}

// secretLength is how long a secret is that the records are read with: as the hash
// of the cipher suite (RFC 8446 section 7.1), and in TLS 1.2 the master secret's 48
// bytes (RFC 5246 section 8.1).
func (v *View) secretLength() int {
	state := v.state()
	suite, ok := aeadSuites[state.Suite]
	if !ok || state.Version != version13 {
		return masterSecretLength
	}
	return suite.hash().Size()
}

// hasSecrets reports whether the recording has a secret of any connection.
func (s *Session) hasSecrets() bool {
	ofConnection := func(secret KnownSecret) bool { return secret.Label == labelMaster || SecretName(secret.Label) != "" }
	for _, secrets := range s.secrets {
		if slices.ContainsFunc(secrets, ofConnection) {
			return true
		}
	}
	return false
}

// lacksMessages says why not all that a proof should cover is known: it is
// missing, or it is there and could not be decrypted.
func (v *View) lacksMessages() Reason {
	closed, missing := false, v.late() || !v.has(typeClientHello) || !v.has(typeServerHello)
	for _, l := range v.lanes {
		missing = missing || l.holed || l.headless
		for _, r := range l.records {
			if v.closedHandshake(l, r) {
				missing, closed = missing || r.Truncated, closed || !r.Truncated
				break
			}
		}
	}
	switch {
	case closed && missing:
		return because("messages_lacking")
	case closed:
		return because("messages_closed")
	}
	return because("messages")
}

func (v *View) has(kind HandshakeType) bool {
	return slices.ContainsFunc(v.messages, func(m *Message) bool { return m.Type == kind })
}

// closedHandshake reports whether a record may have messages of the handshake that
// could not be decrypted.
func (v *View) closedHandshake(l *lane, r *Record) bool {
	epoch := r.Epoch
	if r.DecidedAt < 0 {
		if protected, known := v.protected(l, r); known && !protected {
			return false
		}
		epoch = l.epoch
	} else if !r.Encrypted || r.Decrypted {
		return false
	}
	if epoch.Kind == EpochEarly && r.DecidedAt >= 0 {
		return v.early != earlyRefused // EndOfEarlyData is one
	}
	if v.state().Version == version13 {
		return epoch.Kind != EpochApplication && epoch.Kind != EpochEarly
	}
	return r.Type == Handshake
}
