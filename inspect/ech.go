package inspect

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
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

// ECHSecrets returns what a key log has for a connection with ECH (RFC 9850
// section 2.3): ECH_SECRET and ECH_CONFIG, with Derived for their Origin. They
// open this connection's hellos alone, where a [LabelECHKey] opens everyone's.
// sent is the beginning of what the client sent, known has the keys. The result
// is nil if there is no whole ClientHello, and if none of the keys opens it.
func ECHSecrets(sent []byte, known ...LoggedSecret) []LoggedSecret {
	recording := new(Recording)
	recording.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	for i := range known {
		if known[i].Label == LabelECHKey {
			recording.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &known[i]})
		}
	}
	recording.Append(Event{Kind: Captured, Side: Client, Cause: -1, Bytes: sent})
	messages := NewSession(recording).conns[0].View(Client).Messages()
	if len(messages) == 0 || messages[0].ech == nil || messages[0].ech.context == nil {
		return nil
	}
	random, o := parseClientHello(messages[0].body()).random, messages[0].ech
	return []LoggedSecret{
		{Origin: Derived, Label: LabelECHSecret, ClientRandom: random, Bytes: o.context.shared},
		{Origin: Derived, Label: LabelECHConfig, ClientRandom: random, Bytes: o.Config},
	}
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

// inner returns the ClientHelloInner of a hello that offers ECH: the message
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
	secrets := v.session.secrets[string(state.ClientRandom)]
	if state.ECH == ECHAccepted && !bytes.Equal(state.OuterRandom, state.ClientRandom) {
		secrets = slices.Concat(v.session.secrets[string(state.OuterRandom)], secrets)
	}
	return secrets
}

// openECH opens what is sealed, if the recording has gained anything that could.
func (v *View) openECH() {
	if v.ech.seen == v.session.echSecrets {
		return
	}
	v.ech.seen = v.session.echSecrets
	blind := v.blind()
	for i, m := range v.ech.hellos {
		if m.ech == nil || m.ech.Encoded != nil {
			continue
		}
		if i == 0 && v.ech.context == nil {
			v.findECH(m)
		} else if v.ech.context == nil {
			m.ech.Why = ECHWhyFirst
		} else if encoded, err := v.ech.context.open(uint64(i), m.ech.sealed.additionalData(m.Bytes), m.ech.Payload); err != nil {
			m.ech.Why = ECHWhyKey
		} else {
			first := v.ech.hellos[0].ech
			v.openedECH(m, v.ech.context, encoded, first.Config, first.Origin)
		}
	}
	if blind && !v.blind() { // what had been told from the secrets alone is known now
		v.acceptECH()
	}
	v.settleECH()
}

// findECH tries what could open the first hello; the tag decides.
func (v *View) findECH(m *Message) {
	if pairs := v.session.loggedECH(string(v.state().OuterRandom)); len(pairs) > v.ech.logged {
		v.ech.logged = len(pairs)
		for _, pair := range pairs {
			v.tryECH(m, pair.config, pair.origin, nil, func(uint16) ([]byte, error) { return pair.secret, nil })
		}
	}
	keys := v.session.echKeys[v.ech.keys:]
	v.ech.keys = len(v.session.echKeys)
	for _, likely := range []bool{true, false} { // first those that the hello names
		for _, key := range keys {
			if id, _, ok := parseECHConfig(key.ClientRandom); ok && likely == (id == m.ech.ConfigID) {
				v.tryECH(m, key.ClientRandom, key.Origin, key.Bytes, func(kem uint16) ([]byte, error) { return decapsulate(kem, key.Bytes, m.ech.Enc) })
			}
		}
	}
}

// tryECH opens the hello with the shared secret that a configuration gives,
// which may come from a private key.
func (v *View) tryECH(m *Message, config []byte, origin Origin, private []byte, shared func(kem uint16) ([]byte, error)) {
	if m.ech.Encoded != nil || v.session.echTries == 0 {
		return
	}
	v.session.echTries--
	_, kem, ok := parseECHConfig(config)
	if !ok {
		return
	}
	m.ech.Why = ECHWhyKey
	secret, err := shared(kem)
	if err != nil {
		if err == errKEM {
			m.ech.Why = ECHWhyAlgorithm
		}
		return
	}
	info := append([]byte("tls ech\x00"), config...) // RFC 9849 section 6.1
	context, err := newHPKE(hpkeAlgorithms{kem, m.ech.KDF, m.ech.AEAD}, secret, info)
	if err != nil {
		m.ech.Why = ECHWhyAlgorithm
		return
	}
	if encoded, err := context.open(0, m.ech.sealed.additionalData(m.Bytes), m.ech.Payload); err == nil {
		context.enc, context.private = m.ech.Enc, private
		v.ech.context = context
		v.openedECH(m, context, encoded, config, origin)
	}
}

// openedECH makes the inner hello of what was sealed.
func (v *View) openedECH(m *Message, context *hpkeContext, encoded, config []byte, origin Origin) {
	o := m.ech
	o.context, o.Encoded, o.Config, o.Origin = context, append([]byte{}, encoded...), config, origin
	inner, copied, padding, why := decodeInner(encoded, m.body())
	o.Copied, o.Padding, o.Why, o.event = copied, padding, why, max(m.Event, v.session.now.Index)
	if why != ECHWhyNone {
		return
	}
	o.Inner = &Message{
		Conn: m.Conn, Side: m.Side, Type: typeClientHello, Bytes: inner, Record: m.Record,
		Event: o.event, version: m.version, suite: m.suite, inner: true,
	}
	o.Why = illegalInner(inner)
}

// parseECHConfig reads what opening needs of an ECHConfig (RFC 9849 section 4).
func parseECHConfig(config []byte) (id uint8, kem uint16, ok bool) {
	s := cryptobyte.String(config)
	var version uint16
	var contents cryptobyte.String
	ok = s.ReadUint16(&version) && version == extensionEncryptedClientHello && s.ReadUint16LengthPrefixed(&contents) && s.Empty() &&
		contents.ReadUint8(&id) && contents.ReadUint16(&kem)
	return id, kem, ok
}

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

// An echPair is what a key log may have for one hello.
type echPair struct {
	secret, config []byte
	origin         Origin
}

// mostLogged is how many ECH_SECRETs, and ECH_CONFIGs, of one random are tried.
// There is more than one only if someone replays a ClientHello.
const mostLogged = 4

// loggedECH returns the pairs of ECH_SECRET and ECH_CONFIG that a key log has
// for an outer random.
func (s *Session) loggedECH(random string) (pairs []echPair) {
	labelled := func(label string) (found []KnownSecret) {
		for _, secret := range s.secrets[random] {
			if secret.Label == label && len(found) < mostLogged {
				found = append(found, secret)
			}
		}
		return found
	}
	configs := labelled(LabelECHConfig)
	for _, secret := range labelled(LabelECHSecret) {
		for _, config := range configs {
			pairs = append(pairs, echPair{secret.Bytes, config.Bytes, secret.Origin})
		}
	}
	return pairs
}

// mostECHTries is how many secrets a session tries to open hellos with, so
// that many secrets and many hellos take no more time than the sum of them.
const mostECHTries = 1 << 14

// learnECH tells the connections that offer ECH of a secret that may be theirs.
func (s *Session) learnECH(secret KnownSecret) {
	switch secret.Label {
	case LabelECHKey:
		s.echKeys = append(s.echKeys, secret)
	case LabelECHSecret, LabelECHConfig:
	default:
		if !s.strangers.meet(s, secret) {
			return
		}
	}
	s.echSecrets++
	seeking := s.seeking
	s.seeking = nil
	for _, v := range seeking {
		s.now.Conn = v.conn.Conn
		v.decide()
		if !v.ech.sought() && s.echTries+s.strangers.tries > 0 {
			s.seeking = append(s.seeking, v)
		}
	}
}

// sought reports whether no secret will tell more of the offer.
func (o echOffer) sought() bool {
	return !slices.ContainsFunc(o.hellos, func(m *Message) bool { return m.ech != nil && m.ech.Encoded == nil })
}

// Strangers are the secrets of randoms that no ClientHello of the recording
// has. They may be those of a ClientHelloInner that cannot be opened: crypto/tls
// logs no ECH_SECRET. The tag decides.
type strangers struct {
	known []KnownSecret
	tries int // how many more times one may be tried
}

// mostStrangerTries does for strangers what mostECHTries does for hellos.
const mostStrangerTries = 1 << 16

// meet takes in a secret if it is a stranger's.
func (o *strangers) meet(s *Session, secret KnownSecret) bool {
	if o.tries == 0 || len(secret.ClientRandom) != 32 || len(s.greeted[string(secret.ClientRandom)]) > 0 || !isHandshakeLabel(secret.Label) {
		return false
	}
	o.known = append(o.known, secret)
	return true
}

func isHandshakeLabel(label string) bool {
	handshake := Epoch{Kind: EpochHandshake}
	return label == secretLabel(handshake, Client) || label == secretLabel(handshake, Server)
}

// findStranger finds the key of a lane whose connection offers ECH, among the
// secrets of strangers. One that opens the record tells that the server has
// accepted, and the inner hello's random.
func (v *View) findStranger(l *lane, raw []byte) *trafficKey {
	s := v.session
	suite := aeadSuites[v.state().Suite]
	label := secretLabel(l.epoch, l.from)
	if v.state().ECH != ECHOffered || v.ech.answer == nil || l.epoch.Kind != EpochHandshake {
		return nil
	}
	from := v.ech.strangers[l.from]
	v.ech.strangers[l.from] = len(s.strangers.known)
	for _, secret := range s.strangers.known[from:] {
		if secret.Label != label || len(secret.Bytes) != suite.hash().Size() || len(s.greeted[string(secret.ClientRandom)]) > 0 || s.strangers.tries == 0 {
			continue
		}
		s.strangers.tries--
		key := suite.trafficKey13(secret.Bytes)
		if _, err := key.open(v.scratch[:0], raw, l.seq); err == nil {
			key.origin = secret.Origin
			v.acceptUnread(secret.ClientRandom)
			return key
		}
	}
	return nil
}

// acceptUnread notes that the handshake is that of an inner hello of which only
// the random is known.
func (v *View) acceptUnread(random []byte) {
	v.greet(hello{random: random})
	v.change(func(s *State) { s.ECH = ECHAccepted })
	v.choose(parseServerHello(v.ech.answer.body()))
}
