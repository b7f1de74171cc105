package inspect

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

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
