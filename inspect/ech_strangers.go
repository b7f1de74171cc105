package inspect

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
