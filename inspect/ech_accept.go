package inspect

import (
	"bytes"
	"slices"
)

// answerECH takes in a ServerHello or HelloRetryRequest.
func (v *View) answerECH(m *Message, retry bool) {
	if retry {
		v.ech.retry = m
	} else {
		v.ech.answer = m
	}
	v.settleECH()
}

// settleECH decides whether the server has accepted (RFC 9849 section 6.1.4),
// as soon as its answer and what was sealed are known.
func (v *View) settleECH() {
	for _, answer := range []*Message{v.ech.retry, v.ech.answer} {
		if answer == nil || v.state().ECH != ECHOffered {
			continue
		}
		got, possible := confirmationOf(answer)
		if !possible {
			v.change(func(s *State) { s.ECH = ECHRejected })
			continue
		}
		want, ok := v.confirmation(answer)
		switch {
		case !ok: // not to be said yet
		case bytes.Equal(got, want.bytes()):
			v.acceptECH()
		default:
			v.change(func(s *State) { s.ECH = ECHRejected })
		}
	}
}

// acceptECH puts the inner hello in the place of the outer one.
func (v *View) acceptECH() {
	h := parseClientHello(v.ech.hellos[0].innerHello().body())
	v.change(func(s *State) { s.ECH, s.ClientRandom, s.ServerName = ECHAccepted, h.random, h.serverName })
	v.greet(v.greeting(v.ech.hellos[len(v.ech.hellos)-1]))
	if v.ech.answer != nil {
		v.choose(parseServerHello(v.ech.answer.body()))
	}
}

// confirmationOf returns the eight bytes in which a ServerHello or
// HelloRetryRequest can confirm that ECH was accepted; not possible where the
// answer as such rejects it.
func confirmationOf(m *Message) (confirmation []byte, possible bool) {
	at, ok := confirmationAt(m)
	if !ok {
		return nil, false
	}
	return m.Bytes[at:][:confirmationLength], true
}

const confirmationLength = 8

// confirmationAt is the place of these bytes in the message: the end of
// ServerHello.random, or the encrypted_client_hello of a HelloRetryRequest.
func confirmationAt(m *Message) (at int, ok bool) {
	h := parseServerHello(m.body())
	if h.version != version13 {
		return 0, false
	}
	if string(h.random) != helloRetryRandom {
		return handshakeHeaderLength + 2 + 32 - confirmationLength, true
	}
	return h.confirmation, h.confirmation > 0
}

// A confirmation is what the eight bytes are computed from (RFC 9849 sections
// 7.2 and 7.2.1).
type confirmation struct {
	suite  suite
	label  string
	random []byte // of the ClientHelloInner
	hash   []byte // of what it covers, with zeros for the bytes themselves
	covers []*Message
}

// confirmation returns what an answer would confirm ECH with; ok is false where
// that cannot be computed.
func (v *View) confirmation(answer *Message) (c confirmation, ok bool) {
	c.suite, ok = aeadSuites[parseServerHello(answer.body()).suite]
	at, possible := confirmationAt(answer)
	if !ok || !c.suite.tls13 || !possible || len(v.ech.hellos) == 0 {
		return c, false
	}
	hellos := v.ech.hellos
	if c.label = "ech accept confirmation"; answer == v.ech.retry {
		hellos, c.label = hellos[:1], "hrr ech accept confirmation"
	}
	for i, m := range hellos {
		if m = m.innerHello(); m == nil {
			return c, false
		}
		if c.covers = append(c.covers, m); i == 0 && v.ech.retry != nil && v.ech.retry != answer {
			c.covers = append(c.covers, v.ech.retry)
		}
	}
	c.random = parseClientHello(c.covers[0].body()).random
	zeroed := *answer
	zeroed.Bytes = slices.Clone(answer.Bytes)
	clear(zeroed.Bytes[at:][:confirmationLength])
	c.hash = c.suite.transcriptHash(append(slices.Clone(c.covers), &zeroed))
	c.covers = append(c.covers, answer)
	return c, true
}

// bytes are what confirms it.
func (c confirmation) bytes() []byte {
	secret := c.suite.extract(make([]byte, c.suite.hash().Size()), c.random)
	return c.suite.expandLabelContext(secret, c.label, c.hash, confirmationLength)
}

// verifyConfirmation checks that the server has accepted ECH; ok is false
// where the message has no place to say so.
func (v *View) verifyConfirmation(m *Message) (c Verification, ok bool) {
	got, possible := confirmationOf(m)
	if !possible || len(v.ech.hellos) == 0 || m != v.ech.retry && m != v.ech.answer {
		return c, false
	}
	c = Verification{Kind: "ech_confirmation", Message: m, Got: got, RFC: "RFC 9849 section 7.2"}
	if m == v.ech.retry {
		c.RFC = "RFC 9849 section 7.2.1"
	}
	want, ok := v.confirmation(m)
	if !ok {
		return c.ended(NotCheckable, v.whyNotConfirmed(m)), true
	}
	c.Covers = want.covers
	if c = c.concluded(want.bytes()); c.Outcome == Refuted {
		c = c.ended(Refuted, because("ech_not_confirmed"))
	}
	return c, true
}

// whyNotConfirmed says why a confirmation cannot be computed.
func (v *View) whyNotConfirmed(answer *Message) Reason {
	if s, ok := aeadSuites[parseServerHello(answer.body()).suite]; !ok || !s.tls13 {
		return because("suite")
	}
	for _, m := range v.ech.hellos {
		if m.innerHello() == nil {
			return m.ech.Why.Reason()
		}
	}
	return because("no_client_hello")
}
