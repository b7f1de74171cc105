package inspect

import (
	"crypto/hkdf"
	"crypto/hmac"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// Labels of secrets that no key log has: what only the endpoint itself knows.
// A recording holds them where randomness was recorded (RFC 8448 prints it, and
// the lab's own endpoints can be asked for it), or where a session cache was
// looked into.
const (
	// LabelClientEphemeral and LabelServerEphemeral are the private keys of
	// key_share: a scalar, or for a hybrid group the ML-KEM seed (64 bytes) and
	// the scalar, in the order in which the group has its parts. A server has
	// the scalar alone, since it encapsulates. In TLS 1.2 they are those of
	// ServerKeyExchange and ClientKeyExchange. A client may have several, for
	// several key shares. Identifier: the ClientHello.random.
	LabelClientEphemeral = "CLIENT_EPHEMERAL_PRIVATE_KEY"
	LabelServerEphemeral = "SERVER_EPHEMERAL_PRIVATE_KEY"
	// LabelPSK is a pre-shared key. Identifier: its identity in pre_shared_key,
	// which is the ticket where it came from one.
	LabelPSK = "PRE_SHARED_KEY"
	// LabelExternalPSK is one that both sides were given, not by a ticket.
	LabelExternalPSK = "EXTERNAL_PRE_SHARED_KEY"
	// LabelTicketMaster is the master secret that a ticket of TLS 1.2 stands
	// for. Identifier: the ticket.
	LabelTicketMaster = "TICKET_MASTER_SECRET"
)

var ephemeralLabels = [2]string{Client: LabelClientEphemeral, Server: LabelServerEphemeral}

// A schedule13 is the trunk of the key schedule of TLS 1.3 (RFC 8446 section
// 7.1), as far as it can be computed from the top.
type schedule13 struct {
	suite     suite
	psk       []byte // zeros if there is none
	from      Origin // of the PSK
	early     []byte
	shared    []byte // the (EC)DHE shared secret; nil if it is not known
	handshake []byte // nil if shared is
	master    []byte
}

// top computes the trunk. ok is false before the ServerHello, and where a PSK
// was chosen that the recording does not hold.
func (v *View) top() (s schedule13, ok bool) {
	state := v.state()
	s.suite, ok = aeadSuites[state.Suite]
	if !ok || !s.suite.tls13 {
		return s, false
	}
	size := s.suite.hash().Size()
	zeros := make([]byte, size)
	if s.psk, s.from = zeros, Derived; v.chosen != nil {
		known := v.psk(string(v.chosen))
		if s.psk, s.from = known.bytes, known.origin; s.psk == nil {
			return s, false
		}
	}
	s.early = s.suite.extract(zeros, s.psk)
	if s.shared = v.sharedSecret(); v.pskAlone() {
		s.shared = zeros
	}
	if s.shared == nil {
		return s, true
	}
	s.handshake = s.suite.extract(s.suite.deriveSecret(s.early, "derived", nil), s.shared)
	s.master = s.suite.extract(s.suite.deriveSecret(s.handshake, "derived", nil), zeros)
	return s, true
}

// pskAlone reports whether the keys come from the PSK without a key exchange
// (psk_ke, RFC 8446 section 4.2.9): zeros stand in its place (section 7.1).
func (v *View) pskAlone() bool { return v.chosen != nil && len(v.shares[Server]) == 0 }

// extract is HKDF-Extract (RFC 5869 section 2.2).
func (s suite) extract(salt, keyMaterial []byte) []byte {
	secret, err := hkdf.Extract(s.hash, keyMaterial, salt)
	if err != nil {
		panic(err) // only a hash that FIPS 140 forbids
	}
	return secret
}

// deriveSecret is Derive-Secret (RFC 8446 section 7.1) over the messages.
func (s suite) deriveSecret(secret []byte, label string, messages []*Message) []byte {
	return s.expandLabelContext(secret, label, s.transcriptHash(messages), s.hash().Size())
}

// expandLabelContext is HKDF-Expand-Label (RFC 8446 section 7.1).
func (s suite) expandLabelContext(secret []byte, label string, context []byte, length int) []byte {
	out, err := hkdf.Expand(s.hash, secret, string(hkdfLabel(label, context, length)), length)
	if err != nil {
		panic(err) // the length is ours
	}
	return out
}

// hkdfLabel is the structure HkdfLabel (RFC 8446 section 7.1).
func hkdfLabel(label string, context []byte, length int) []byte {
	var info cryptobyte.Builder
	info.AddUint16(uint16(length))
	info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(context) })
	return info.BytesOrPanic()
}

// A branch13 is a secret that Derive-Secret makes from the trunk.
type branch13 struct {
	keyLog   string // its label in a key log; "" if it has none
	label    string // of Derive-Secret
	trunk    func(schedule13) []byte
	side     Side // who sends the last message that the transcript hash covers
	covers   HandshakeType
	standard string // its name in RFC 8446 section 7.1
}

// messages is how formulas write what the transcript hash covers.
func (b branch13) messages() string {
	switch {
	case b.covers == typeClientHello:
		return "ClientHello"
	case b.covers == typeServerHello:
		return "ClientHello...ServerHello"
	}
	return "ClientHello..." + b.side.String() + " Finished"
}

// sender is the side whose records a traffic secret protects.
func (b branch13) sender() Side {
	if b.label[0] == 's' {
		return Server
	}
	return Client
}

var branches13 = []branch13{
	{"CLIENT_EARLY_TRAFFIC_SECRET", "c e traffic", func(s schedule13) []byte { return s.early }, Client, typeClientHello, "client_early_traffic_secret"},
	{"EARLY_EXPORTER_SECRET", "e exp master", func(s schedule13) []byte { return s.early }, Client, typeClientHello, "early_exporter_master_secret"},
	{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "c hs traffic", func(s schedule13) []byte { return s.handshake }, Server, typeServerHello, "client_handshake_traffic_secret"},
	{"SERVER_HANDSHAKE_TRAFFIC_SECRET", "s hs traffic", func(s schedule13) []byte { return s.handshake }, Server, typeServerHello, "server_handshake_traffic_secret"},
	{"CLIENT_TRAFFIC_SECRET_0", "c ap traffic", func(s schedule13) []byte { return s.master }, Server, typeFinished, "client_application_traffic_secret_0"},
	{"SERVER_TRAFFIC_SECRET_0", "s ap traffic", func(s schedule13) []byte { return s.master }, Server, typeFinished, "server_application_traffic_secret_0"},
	{"EXPORTER_SECRET", "exp master", func(s schedule13) []byte { return s.master }, Server, typeFinished, "exporter_master_secret"},
	{"", "res master", func(s schedule13) []byte { return s.master }, Client, typeFinished, "resumption_master_secret"},
}

// derivedAs computes the secret that a key log would call label; nil if that
// cannot be done.
func (v *View) derivedAs(label string) []byte {
	for _, b := range branches13 {
		if b.keyLog == label {
			return v.derived(b)
		}
	}
	return nil
}

// derived computes the secret of a branch from the top; nil if that cannot be done.
func (v *View) derived(b branch13) []byte {
	s, ok := v.top()
	if !ok {
		return nil
	}
	if b.covers == typeClientHello {
		s.early = v.offeredEarly(s.suite)
	}
	if b.trunk(s) == nil {
		return nil
	}
	covered, ok := v.covered(b)
	if !ok {
		return nil
	}
	return s.suite.deriveSecret(b.trunk(s), b.label, covered)
}

// offeredEarly returns the early secret of the first PSK that the client
// offered, which early data goes with whether the server chooses it or not
// (RFC 8446 section 4.2.10); nil if it is not known.
func (v *View) offeredEarly(s suite) []byte {
	if len(v.identities) == 0 {
		return nil
	}
	psk := v.psk(string(v.identities[0]))
	if psk.bytes == nil {
		return nil
	}
	return s.extract(make([]byte, s.hash().Size()), psk.bytes)
}

// covered returns the messages that the branch's transcript hash is over.
func (v *View) covered(b branch13) ([]*Message, bool) {
	if v.blind() {
		return nil, false
	}
	transcript := v.transcript()
	if b.covers == typeClientHello {
		if len(transcript) == 0 {
			return nil, false
		}
		return transcript[:1], v.complete(nil, transcript[0]) // early data goes with the first ClientHello alone
	}
	covered, ok := upTo(transcript, b.side, b.covers)
	if !ok {
		return nil, false
	}
	last := len(covered) - 1
	return covered, v.complete(covered[:last], covered[last])
}

// A knownPSK is what the recording holds for an identity.
type knownPSK struct {
	bytes  []byte
	origin Origin
	ticket *ticket // that it was computed from; nil if it was recorded
	event  int     // that brought it, if it was recorded
}

// psks returns the pre-shared keys that an identity may stand for: computed from
// the connections of this recording whose NewSessionTickets brought it, the latest
// first, or else as they were recorded, the earliest first.
func (s *Session) psks(identity string) (all []knownPSK) {
	for _, ticket := range slices.Backward(s.tickets[identity]) {
		if psk := ticket.psk(); psk != nil {
			all = append(all, knownPSK{bytes: psk, origin: Derived, ticket: ticket})
		}
	}
	for _, secret := range s.secrets[identity] {
		if (secret.Label == LabelPSK || secret.Label == LabelExternalPSK) && len(all) < maxCandidates {
			all = append(all, knownPSK{bytes: secret.Bytes, origin: secret.Origin, event: secret.Event})
		}
	}
	return all
}

// ticketed keeps a ticket, of those of one identity the latest.
func (s *Session) ticketed(identity string, t *ticket) {
	all := append(s.tickets[identity], t)
	s.tickets[identity] = all[max(0, len(all)-maxCandidates):]
}

// psk returns the pre-shared key of an identity that the ClientHello has; none if
// it is not known. Where it may be one of several, the binder decides.
func (v *View) psk(identity string) knownPSK {
	all := v.session.psks(identity)
	if len(all) == 0 {
		return knownPSK{}
	}
	if before, hello, ok := v.bound(); ok && len(all) > 1 {
		binders, _ := bindersOf(hello.Bytes)
		for i, offered := range parseClientHello(hello.body()).identities {
			if i < len(binders) && string(offered) == identity {
				all = all[v.boundBy(all, identity, binders[i], before, hello):]
				break
			}
		}
	}
	return all[0]
}

// boundBy returns the index of the key that a binder was made with; 0 if it was none of them.
func (v *View) boundBy(all []knownPSK, identity string, binder []byte, before []*Message, hello *Message) int {
	s, ok := suiteOfPSK(v.state().Suite, len(binder))
	if !ok {
		return 0
	}
	return max(0, slices.IndexFunc(all, func(k knownPSK) bool {
		return hmac.Equal(binder, s.binder(k.bytes, v.session.binderLabel(identity), before, hello))
	}))
}

// binder is what a ClientHello proves a pre-shared key with (RFC 8446 section 4.2.11.2).
func (s suite) binder(psk []byte, label string, before []*Message, hello *Message) []byte {
	early := s.extract(make([]byte, s.hash().Size()), psk)
	finishedKey := s.expandLabel(s.deriveSecret(early, label, nil), "finished", s.hash().Size())
	truncated := *hello
	_, length := bindersOf(hello.Bytes)
	truncated.Bytes = hello.Bytes[:len(hello.Bytes)-length]
	return s.mac(finishedKey, s.transcriptHash(append(before[:len(before):len(before)], &truncated)))
}

// psk is the pre-shared key of the ticket (RFC 8446 section 4.6.1); nil if the
// connection that brought it is not known from the top.
func (t *ticket) psk() []byte {
	if t.secret != nil || t.busy || t.view.sharedSecret() == nil {
		return t.secret
	}
	t.busy = true
	defer func() { t.busy = false }()
	resumption := t.view.derived(branches13[len(branches13)-1])
	if resumption == nil {
		return nil
	}
	suite := aeadSuites[t.view.state().Suite]
	t.secret = suite.expandLabelContext(resumption, "resumption", t.nonce, suite.hash().Size())
	return t.secret
}

// A ticket is what a NewSessionTicket of TLS 1.3 leaves behind.
type ticket struct {
	view   *View
	nonce  []byte
	secret []byte // once it has been computed
	busy   bool   // while it is: a recording may say that a session gave itself the ticket that it began with
}

// parseTicket reads a NewSessionTicket of TLS 1.3 (RFC 8446 section 4.6.1).
func parseTicket(body []byte) (identity string, nonce []byte) {
	s := cryptobyte.String(body)
	var nonceBytes, ticket cryptobyte.String
	if !s.Skip(8) || !s.ReadUint8LengthPrefixed(&nonceBytes) || !s.ReadUint16LengthPrefixed(&ticket) {
		return "", nil
	}
	return string(ticket), nonceBytes
}
