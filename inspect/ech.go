package inspect

import (
	"bytes"
	"slices"
)

// Labels of secrets that open a ClientHelloOuter's encrypted_client_hello.
const (
	// LabelECHSecret and LabelECHConfig are those of a key log (RFC 9850
	// section 2.3): the KEM's shared secret, and the ECHConfig whose public key
	// it was made for. Identifier: the ClientHelloOuter's random. Both are
	// needed.
	LabelECHSecret = "ECH_SECRET"
	LabelECHConfig = "ECH_CONFIG"
	// LabelECHKey is a server's private key, which no key log has: it opens
	// every hello that was sealed for its configuration. Identifier: the
	// ECHConfig.
	LabelECHKey = "ECH_PRIVATE_KEY"
)

// An ECHStatus says what became of Encrypted Client Hello (RFC 9849) on a connection.
type ECHStatus uint8

// The statuses.
const (
	ECHNotOffered ECHStatus = iota
	ECHOffered              // whether the server accepts is not known (yet)
	ECHAccepted             // the handshake is that of the ClientHelloInner
	ECHRejected             // or never meant: the handshake is that of the ClientHelloOuter
	ECHGrease               // never meant (RFC 9849 section 6.2)
)

// String returns "not offered", "offered", "accepted", "rejected" or "GREASE".
func (s ECHStatus) String() string {
	return [...]string{"not offered", "offered", "accepted", "rejected", "GREASE"}[s]
}

// An OfferedECH is what the encrypted_client_hello of a ClientHelloOuter holds
// (RFC 9849 section 5), and what could be made of it. The slices must not be
// changed.
type OfferedECH struct {
	ConfigID  uint8
	KDF, AEAD uint16 // as HPKE numbers them (RFC 9180 section 7)
	Enc       []byte // the encapsulated key; empty after a HelloRetryRequest
	Payload   []byte // the sealed EncodedClientHelloInner

	// What is known once it has been opened.
	Inner   *Message // ClientHelloInner; nil while it is not known
	Encoded []byte   // EncodedClientHelloInner, as it was sealed; nil while it is not opened
	Padding int      // how many zeros it ends with
	Copied  []uint16 // the extensions that ech_outer_extensions stood for
	Config  []byte   // the ECHConfig that it was sealed for
	Origin  Origin   // of what opened it

	// Why there is no Inner; or, where there is one, why a server must refuse it.
	Why ECHWhy

	sealed  sealedECH
	outer   []byte // the ClientHelloOuter
	context *hpkeContext
	seq     uint64 // within the context
	event   int    // at which it was opened
}

// EncodedFields dissects Encoded. It is zero while that is not known.
func (o *OfferedECH) EncodedFields() Field {
	if o.Encoded == nil {
		return Field{}
	}
	return encodedClientHelloInner(o.Encoded)
}

// ECHWhy says why a ClientHelloInner is not known, or must be refused.
type ECHWhy uint8

// The reasons.
const (
	ECHWhyNone       ECHWhy = iota
	ECHWhyNoKey             // nothing that could open it is in the recording
	ECHWhyKey               // what is in the recording does not open it
	ECHWhyAlgorithm         // HPKE with an algorithm that is not supported
	ECHWhyFirst             // the hello before the HelloRetryRequest could not be opened
	ECHWhyCut               // opened, but no EncodedClientHelloInner
	ECHWhySessionID         // its legacy_session_id is not empty
	ECHWhyPadding           // its padding is not all zeros
	ECHWhyReference         // ech_outer_extensions names what the outer hello lacks, or has in another order
	ECHWhyReferenced        // ech_outer_extensions names encrypted_client_hello
	ECHWhyTooLong           // with the outer hello's extensions it is longer than a ClientHello can be
	ECHWhyNoMark            // the inner hello lacks encrypted_client_hello of the type inner
	ECHWhyOldVersion        // the inner hello offers TLS 1.2 or below
)

// String returns the reason in English; "" for ECHWhyNone.
func (w ECHWhy) String() string { return w.Reason().String() }

// Reason returns the sentence that says it.
func (w ECHWhy) Reason() Reason {
	return Reason{Key: [...]string{
		"", "inner_no_key", "inner_closed", "inner_algorithm", "inner_first", "inner_cut", "inner_session_id", "inner_padding",
		"inner_reference", "inner_referenced", "inner_too_long", "inner_no_mark", "inner_old_version",
	}[w]}
}

// ECH returns what a ClientHelloOuter offers; nil if the message is none. What
// it points to is filled in when the secret comes that opens it.
func (m *Message) ECH() *OfferedECH { return m.ech }

// ServerName returns the name that a ClientHello asks for, as it stands; "" of
// one that asks for none, and of other messages.
func (m *Message) ServerName() string {
	if m.Type != typeClientHello {
		return ""
	}
	return parseClientHello(m.body()).serverName
}

// An echOffer is what a view knows of the Encrypted Client Hello of its connection.
type echOffer struct {
	hellos  []*Message // that offer it: one, or two around a HelloRetryRequest
	retry   *Message   // the server's answers
	answer  *Message
	context *hpkeContext
	seen    int // the session's count of secrets for ECH when they were last looked at
	logged  int // how many of them a key log has for this very hello
	keys    int // how many of the session's echKeys have been tried

	strangers [2]int // by Side: how many of the session's have been tried
}

// offerECH takes in a ClientHello.
func (v *View) offerECH(m *Message) {
	second := v.ech.retry != nil && v.ech.answer == nil
	if !second {
		v.ech = echOffer{seen: -1}
		v.change(func(s *State) { s.ECH, s.PublicName, s.OuterRandom = ECHNotOffered, "", nil })
	}
	kind, sealed := parseECH(m.Bytes)
	if kind < 0 || second && len(v.ech.hellos) == 0 {
		return
	}
	if kind == echOuter {
		m.ech = &OfferedECH{
			ConfigID: sealed.configID, KDF: sealed.kdf, AEAD: sealed.aead, Enc: sealed.enc, Payload: sealed.payload,
			Why: ECHWhyNoKey, sealed: sealed, outer: m.Bytes, seq: uint64(len(v.ech.hellos)),
		}
	}
	v.ech.hellos = append(v.ech.hellos, m)
	v.ech.seen = -1
	if !second {
		v.change(func(s *State) {
			s.ECH = ECHOffered
			if kind == echOuter {
				outer := parseClientHello(m.body())
				s.PublicName, s.OuterRandom = outer.serverName, outer.random
			}
		})
		v.session.seeking = append(v.session.seeking, v)
	} else if first := v.ech.hellos[0].ech; first != nil && m.ech != nil && len(m.ech.Enc) > 0 && bytes.Equal(first.Payload, m.ech.Payload) {
		// A client that means it seals anew, and sends no key again (RFC 9849 section 6.2.1).
		v.change(func(s *State) { s.ECH = ECHGrease })
	}
	v.openECH()
}

// innerHello returns the ClientHelloInner of a hello that offers ECH: the message
// itself where it came to a server behind the client-facing one (RFC 9849
// section 7.2); nil if it is not known.
func (m *Message) innerHello() *Message {
	if m.ech == nil {
		return m
	}
	return m.ech.Inner
}

// taken returns the ClientHello that the handshake goes on with: the inner one
// once the server has accepted it.
func (v *View) taken(m *Message) *Message {
	if m.ech != nil && m.ech.Inner != nil && v.state().ECH == ECHAccepted {
		return m.ech.Inner
	}
	return m
}

// blind reports whether the handshake goes on with a ClientHello that is not
// known, so that nothing can be said of the transcript.
func (v *View) blind() bool {
	return v.state().ECH == ECHAccepted && slices.ContainsFunc(v.ech.hellos, func(m *Message) bool { return m.innerHello() == nil })
}

// secretsOf returns the secrets of the connection: under the random of the
// ClientHello that the handshake goes on with, and, where that is the inner
// one, under the outer one's, where ECH_SECRET stands, and the private keys of
// key shares that both have.
func (v *View) secretsOf(state State) []KnownSecret {
	if v.reader != nil {
		return v.unitSecrets()
	}
	secrets := v.session.secrets[string(state.ClientRandom)]
	if state.ECH == ECHAccepted && !bytes.Equal(state.OuterRandom, state.ClientRandom) {
		secrets = slices.Concat(v.session.secrets[string(state.OuterRandom)], secrets)
	}
	return secrets
}
