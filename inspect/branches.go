package inspect

import (
	"encoding/base64"
	"fmt"
	"slices"
)

// What hangs on the key schedule of TLS 1.3 besides the secrets that Derive-Secret
// makes from its trunk: the binders of pre-shared keys, the Finished of both
// sides, the secrets of KeyUpdates, the keys of tickets.

// An offer is a pre-shared key that the client offered.
type offer struct {
	index  int // among the identities
	psk    []byte
	from   Origin
	suffix string // of the names of what comes from it; "" if it was chosen
}

// offers returns the first pre-shared key that was offered, which early data
// goes with (RFC 8446 section 4.2.10), and the one that was chosen. Whatever
// comes from one that was not chosen has a name of its own.
func (v *View) offers() (all []offer) {
	for i, identity := range v.identities {
		chosen := v.chosen != nil && string(identity) == string(v.chosen)
		if i > 0 && !chosen {
			continue
		}
		o := offer{index: i, suffix: " (offered)"}
		known := v.psk(string(identity))
		if o.psk, o.from = known.bytes, known.origin; chosen {
			o.suffix = ""
		}
		if all = append(all, o); chosen {
			break
		}
	}
	return all
}

// offeredValues are the values of the PSKs that were offered and not chosen, of
// which there is one at most, and of its binder.
func (v *View) offeredValues(s suite) (values []Value) {
	for _, o := range v.offers() {
		if o.suffix == "" {
			continue
		}
		psk := v.pskValue("schedule.psk_offered", "PSK"+o.suffix, string(v.identities[o.index]))
		if psk.after = v.pskAt(string(v.identities[o.index])); psk.Bytes == nil {
			psk.lacks(because("psk"))
		}
		early := s.extracted("early_secret", "0", make([]byte, s.hash().Size()), psk.Name, psk.Bytes)
		early.Name += o.suffix
		values = append(values, psk, early)
		values = append(values, v.binderValues(s, o)...)
	}
	return values
}

// chosenBinder are the values of the binder of the PSK that was chosen.
func (v *View) chosenBinder(s suite) []Value {
	for _, o := range v.offers() {
		if o.suffix == "" {
			return v.binderValues(s, o)
		}
	}
	return nil
}

// binderValues computes a binder (RFC 8446 section 4.2.11.2).
func (v *View) binderValues(s suite, o offer) []Value {
	label := v.session.binderLabel(string(v.identities[o.index]))
	early := []byte(nil)
	if o.psk != nil {
		early = s.extract(make([]byte, s.hash().Size()), o.psk)
	}
	key := s.derivedValue("binder_key"+o.suffix, "early_secret"+o.suffix, early, label, nil)
	finished := s.expanded(key.Name, key.Bytes, "finished", "finished_key", s.hash().Size(), "RFC 8446 section 4.4.4")
	values := []Value{key, finished}
	before, hello, ok := v.bound()
	if !ok {
		return values
	}
	truncated := *hello
	_, length := bindersOf(hello.Bytes)
	truncated.Bytes = hello.Bytes[:len(hello.Bytes)-length]
	covered := append(before, &truncated)
	binder := s.macValue(Value{Kind: "schedule.binder", Name: "binder" + o.suffix, RFC: "RFC 8446 section 4.2.11.2"},
		finished, "Truncate("+covers(append(before, hello))+")", covered)
	binder.Covers = append(before, hello)
	return append(values, binder)
}

// bound returns the ClientHello whose binders count, and the messages before it
// that they cover. ok is false where one of them is missing.
func (v *View) bound() (before []*Message, hello *Message, ok bool) {
	transcript := v.transcript()
	for i, m := range transcript {
		if m.Type == typeClientHello {
			before, hello = transcript[:i:i], m
		}
	}
	return before, hello, hello != nil && v.complete(before, hello) && !v.blind()
}

// pskValue is the PSK of an identity, with where it comes from: computed from
// the connection of the recording that the ticket is from, if that is known.
func (v *View) pskValue(kind, name, identity string) Value {
	value := Value{Kind: kind, Name: name, RFC: "RFC 8446 section 4.6.1"}
	value.Formula = `HKDF-Expand-Label(resumption_master_secret, "resumption", ticket_nonce, Hash.length) of the connection that the ticket is from`
	if v.session.external(identity) {
		value.Formula, value.RFC = "a key that both sides were given, and not by a ticket", "RFC 8446 section 2.2"
	}
	known := v.psk(identity)
	value.Bytes, value.Origin = known.bytes, known.origin
	ticket := known.ticket
	if ticket == nil {
		return value
	}
	resumption := ticket.view.derived(branches13[len(branches13)-1])
	if suite, ok := aeadSuites[ticket.view.state().Suite]; ok && resumption != nil {
		value.Inputs = []Input{{"resumption_master_secret", resumption}, {"ticket_nonce", ticket.nonce}}
		value = suite.expandInto(value, resumption, "resumption", ticket.nonce, len(value.Bytes))
	}
	return value
}

// binderLabel tells a PSK of a ticket from one that both sides were given (RFC
// 8446 section 7.1).
func (s *Session) binderLabel(identity string) string {
	if s.external(identity) {
		return "ext binder"
	}
	return "res binder"
}

// finishedValue is verify_data of a side (RFC 8446 section 4.4.4).
func (v *View) finishedValue(s suite, side Side, finishedKey Value) Value {
	value := Value{Kind: "schedule.verify_data_13", Name: "verify_data (" + side.String() + ")", RFC: "RFC 8446 section 4.4.4"}
	value.Formula = "HMAC(" + finishedKey.Name + ", Transcript-Hash(Handshake Context, Certificate*, CertificateVerify*))"
	transcript := v.transcript()
	for i, m := range transcript {
		switch {
		case m.Side != side || m.Type != typeFinished:
		case v.blind():
			value.lacks(because("no_inner_hello"))
			return value
		case !v.complete(transcript[:i:i], m):
			value.lacks(v.lacksMessages())
			return value
		default:
			value = s.macValue(value, finishedKey, covers(transcript[:i]), transcript[:i:i])
			value.Covers, value.after = transcript[:i:i], m.Event
			return value
		}
	}
	value.lacks(because("not_so_far"))
	return value
}

// macValue is HMAC(finished_key, Transcript-Hash(messages)).
func (s suite) macValue(value, finishedKey Value, messages string, covered []*Message) Value {
	hash := s.transcriptHash(covered)
	value.Formula = fmt.Sprintf("HMAC(%s, Transcript-Hash(%s))", finishedKey.Name, messages)
	value.Inputs = []Input{{finishedKey.Name, finishedKey.Bytes}, {"Transcript-Hash(" + messages + ")", hash}}
	if finishedKey.Bytes == nil {
		value.lacks(because("input"))
		return value
	}
	value.Bytes, value.Origin = s.mac(finishedKey.Bytes, hash), Derived
	value.Command = fmt.Sprintf("printf %%s %s | openssl base64 -d -A | openssl mac -digest %s -macopt hexkey:%x HMAC"+asWeWrite,
		base64.StdEncoding.EncodeToString(hash), s.digest(), finishedKey.Bytes)
	return value
}

// mostUpdates is how many KeyUpdates of a side the key schedule tells.
const mostUpdates = 100

// updateValues are the secret, key and IV after each KeyUpdate of a side.
func (v *View) updateValues(s suite, side Side) (values []Value) {
	var generations []*trafficKey
	for key := v.lanes[side].key; key != nil && key.previous != nil; key = key.previous {
		generations = append(generations, key)
	}
	slices.Reverse(generations)
	for i, key := range generations[:min(len(generations), mostUpdates)] {
		epoch := Epoch{EpochApplication, i + 1}
		secret := s.updatedSecret(epoch, side, key)
		secret.after = v.updatedAt(side, i)
		values = append(values, secret)
		values = append(values, s.writeKeys(secret.Name, secret.Bytes)...)
	}
	return values
}

// updatedAt is the event of a side's KeyUpdate, counted from 0; of one that is
// missing, 0.
func (v *View) updatedAt(side Side, n int) int {
	for _, m := range v.messages {
		if m.Side != side || m.Type != typeKeyUpdate {
			continue
		}
		if n == 0 {
			return m.Event
		}
		n--
	}
	return 0
}

// mostTickets is how many tickets the key schedule tells.
const mostTickets = 100

// ticketValues are the keys of the tickets that the server gave.
func (v *View) ticketValues(s suite, resumption []byte) (values []Value) {
	const name = "resumption_master_secret"
	size := s.hash().Size()
	for _, m := range v.messages {
		if m.Side != Server || m.Type != typeNewSessionTicket || len(values) == mostTickets {
			continue
		}
		identity, nonce := parseTicket(m.body())
		value := Value{
			Kind: "schedule.ticket_psk", Name: fmt.Sprintf("PSK (of ticket %d)", len(values)+1), RFC: "RFC 8446 section 4.6.1",
			Formula: fmt.Sprintf("HKDF-Expand-Label(%s, \"resumption\", ticket_nonce, %d)", name, size),
			Inputs:  []Input{{name, resumption}, {"ticket_nonce", nonce}}, after: m.Event,
		}
		value = s.expandInto(value, resumption, "resumption", nonce, size)
		if noted := v.session.psks(identity); value.Bytes == nil && len(noted) > 0 {
			value.Bytes, value.Origin = noted[0].bytes, noted[0].origin
			value.after = max(m.Event, v.session.pskKnownAt(identity, noted[0]))
			value.lacks(Reason{})
		}
		values = append(values, value)
	}
	return values
}
