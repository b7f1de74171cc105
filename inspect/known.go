package inspect

import "strings"

// Changed returns the event that brought the view's latest message, its latest unit
// that asked for secrets under another identifier, or the recording's latest secret. While it stays the same, so do [View.Schedule],
// [View.Verifications] and [View.Gains].
func (v *View) Changed() int {
	changed := max(v.session.learned, v.askedAt)
	if n := len(v.messages); n > 0 {
		changed = max(changed, v.messages[n-1].Event)
	}
	return changed
}

// Source returns the index of the value that values[i] is derived from: the
// first of its inputs that is an earlier value itself. It is -1 if none is.
func Source(values []Value, i int) int {
	for _, input := range values[i].Inputs {
		if j := named(values[:i], input.Name); j >= 0 {
			return j
		}
	}
	return -1
}

// named returns the index of the latest value that goes by the name in
// formulas, where what its full name adds in words or brackets is left out.
func named(values []Value, name string) int {
	for i := len(values) - 1; i >= 0; i-- {
		if values[i].Name == name || strings.HasPrefix(values[i].Name, name+" ") {
			return i
		}
	}
	return -1
}

// dated says of each value from which event on it is known.
func (v *View) dated(values []Value) []Value {
	for i := range values {
		value := &values[i]
		if value.Event = -1; value.Bytes == nil {
			continue
		}
		value.Event, _ = v.agreedAt()
		logged, given := recordedAt(v.secretsOf(v.state()), value.Bytes)
		computed := v.computedAt(values, i)
		switch {
		case given && computed >= 0:
			value.Event = max(value.Event, min(logged, computed))
		case given:
			value.Event = max(value.Event, logged)
		default:
			value.Event = max(value.Event, computed)
		}
		value.Event = max(value.Event, value.after)
	}
	return values
}

// datedProofs says of each proof from which event on it came out as it says.
func (v *View) datedProofs(all []Verification) []Verification {
	binders := 0 // of one message
	for i := range all {
		c := &all[i]
		c.Event = c.Message.Event
		if i == 0 || all[i-1].Message != c.Message {
			binders = 0
		}
		if c.Kind == "ech_confirmation" {
			for _, m := range c.Covers {
				c.Event = max(c.Event, m.Event)
			}
		}
		if c.Kind != "psk_binder" {
			continue
		}
		identities := parseClientHello(c.Message.body()).identities
		if binders < len(identities) && c.Outcome != NotCheckable {
			c.Event = max(c.Event, v.pskAt(string(identities[binders])))
		}
		binders++
	}
	return all
}

// agreedAt is the event of the latest handshake's first ServerHello, which names
// the cipher suite and with it the hash, and of the one that is no
// HelloRetryRequest, which has the server's key share; -1 if there is none.
func (v *View) agreedAt() (suite, share int) {
	suite, share = -1, -1
	retry := false
	for _, m := range v.messages {
		switch {
		case m.Type == typeClientHello && !retry: // not the answer to a HelloRetryRequest
			suite, share = -1, -1
		case m.Type == typeServerHello:
			if suite < 0 {
				suite = m.Event
			}
			if retry = m.retry(); !retry {
				share = m.Event
			}
		}
	}
	return suite, share
}

// computedAt is the event from which on the inputs of a value are known, and
// the messages that it covers; -1 if an input never is.
func (v *View) computedAt(values []Value, i int) int {
	value, at := &values[i], 0
	switch value.Kind {
	case "schedule.shared_secret":
		return v.sharedAt()
	case "schedule.pre_master_secret":
		_, keyed, _ := v.exchange12()
		return max(keyed, v.sharedAt())
	case "schedule.psk":
		if v.chosen != nil {
			return v.pskAt(string(v.chosen))
		}
	}
	for _, input := range value.Inputs {
		if input.Bytes == nil {
			return -1
		}
		if j := named(values[:i], input.Name); j >= 0 {
			at = max(at, values[j].Event)
		}
	}
	for _, m := range value.Covers {
		at = max(at, m.Event)
	}
	return at
}

// sharedAt is the event from which on a private key and the other side's key
// share are known; -1 if they never are.
func (v *View) sharedAt() int {
	_, share := v.agreedAt()
	for _, secret := range v.secretsOf(v.state()) {
		if secret.Label == LabelClientEphemeral || secret.Label == LabelServerEphemeral {
			return max(share, secret.Event)
		}
	}
	return -1
}

// pskAt is the event from which on the pre-shared key of an identity that the
// ClientHello has is known; -1 if it never is.
func (v *View) pskAt(identity string) int { return v.session.pskKnownAt(identity, v.psk(identity)) }

// pskKnownAt is the event from which on a pre-shared key is known: recorded, or as a
// ticket's can be computed.
func (s *Session) pskKnownAt(identity string, psk knownPSK) int {
	for _, secret := range s.secrets[identity] {
		if (secret.Label == LabelPSK || secret.Label == LabelExternalPSK) && string(secret.Bytes) == string(psk.bytes) {
			return secret.Event
		}
	}
	ticket := psk.ticket
	if ticket == nil || ticket.busy { // a recording may say that tickets made each other
		return -1
	}
	ticket.busy = true
	defer func() { ticket.busy = false }()
	earlier := ticket.view
	at := earlier.sharedAt()
	if earlier.chosen != nil {
		at = max(at, earlier.pskAt(string(earlier.chosen)))
	}
	if covered, ok := earlier.covered(branches13[len(branches13)-1]); ok {
		at = max(at, covered[len(covered)-1].Event)
	}
	return at
}

// recordedAt returns the event that brought a secret of these bytes.
func recordedAt(secrets []KnownSecret, b []byte) (event int, ok bool) {
	for _, secret := range secrets {
		if string(secret.Bytes) == string(b) {
			return secret.Event, true
		}
	}
	return 0, false
}
