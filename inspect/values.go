package inspect

import (
	"fmt"
	"strings"
)

// A Value is one value of the key schedule: computed from the recording, or
// taken from a key log where the recording does not reach further up. It is
// never quoted from elsewhere.
type Value struct {
	Kind    string // a stable key for explanations, as in "schedule.handshake_secret"
	Name    string // in the standard's words, as in "client_handshake_traffic_secret"
	Bytes   []byte // nil if it is not known; Missing says why
	Missing string // in English
	Logged  bool   // it stands in a key log of the recording, too or only
	Formula string // as the standard writes it, with the names of the inputs
	Inputs  []Input
	Covers  []*Message // the messages that its transcript hash is over, in order
	Command string     // prints the value, with OpenSSL 3.0 in a POSIX shell; "" if it was not computed
	RFC     string
}

// An Input is what a Value is computed from.
type Input struct {
	Name  string
	Bytes []byte
}

// Schedule returns the key schedule of the connection in the order in which
// it is computed, as far as what this view knows allows: from the logged
// secrets down, or from the top where a private key or a PSK is known. It is
// empty before the ServerHello, and where the suite is not supported.
func (v *View) Schedule() []Value {
	s, ok := aeadSuites[v.state().Suite]
	switch {
	case !ok:
		return nil
	case s.tls13:
		return v.schedule13(s)
	}
	return v.schedule12(s)
}

func (v *View) schedule13(s suite) []Value {
	const rfc = "RFC 8446 section 7.1"
	size := s.hash().Size()
	zeros := make([]byte, size)
	trunk, known := v.top()
	psk := Value{Kind: "schedule.psk", Name: "PSK", Bytes: trunk.psk, Formula: "zeros, as long as the hash: no PSK was agreed on", RFC: rfc}
	if v.chosen != nil {
		psk.Formula = `HKDF-Expand-Label(resumption_master_secret, "resumption", ticket_nonce, Hash.length) of the connection that the ticket is from`
		psk.RFC = "RFC 8446 section 4.6.1"
	}
	if !known {
		psk.Bytes, psk.Missing = nil, "the pre-shared key is not in the recording"
	}
	early := s.extracted("early_secret", "0", zeros, "PSK", psk.Bytes)
	derivedEarly := s.derivedValue("derived (from early_secret)", "early_secret", early.Bytes, "derived", nil)
	shared := Value{
		Kind: "schedule.shared_secret", Name: "(EC)DHE shared secret", Bytes: trunk.shared, RFC: "RFC 8446 section 7.4",
		Formula: "the key exchange of " + GroupName(v.state().Group) + ", from one side's private key and the other's key share",
	}
	if shared.Bytes == nil {
		shared.Missing = "neither side's private key is in the recording"
	}
	handshake := s.extracted("handshake_secret", "derived", derivedEarly.Bytes, "(EC)DHE", shared.Bytes)
	derivedHandshake := s.derivedValue("derived (from handshake_secret)", "handshake_secret", handshake.Bytes, "derived", nil)
	master := s.extracted("master_secret", "derived", derivedHandshake.Bytes, "0", zeros)
	values := []Value{psk, early}
	for _, b := range branches13 {
		switch b.keyLog {
		case "CLIENT_HANDSHAKE_TRAFFIC_SECRET":
			values = append(values, derivedEarly, shared, handshake)
		case "CLIENT_TRAFFIC_SECRET_0":
			values = append(values, derivedHandshake, master)
		}
		values = append(values, v.branchValues(s, b, trunk)...)
	}
	return values
}

// branchValues returns a secret of the schedule and what is derived from it.
func (v *View) branchValues(s suite, b branch13, trunk schedule13) []Value {
	covered, complete := v.covered(b)
	if b.covers == typeClientHello {
		if len(v.identities) == 0 {
			return nil // without a PSK there is no early data, and nothing to export early
		}
		trunk.early = v.offeredEarly(s)
	}
	from := b.trunk(trunk)
	secret := Value{Kind: "schedule." + b.standard, Name: b.standard, RFC: "RFC 8446 section 7.1"}
	if complete {
		secret = s.derivedValue(b.standard, trunkName(b), from, b.label, covered)
	} else {
		secret.Missing = "the handshake has not come so far"
	}
	if logged := v.logged(b.keyLog); logged != nil {
		secret.Logged = true
		if secret.Bytes == nil {
			secret.Bytes, secret.Missing = logged, ""
		}
	}
	values := []Value{secret}
	if !strings.HasSuffix(b.label, "traffic") {
		return values
	}
	values = append(values,
		s.expanded(b.standard, secret.Bytes, "key", "[sender]_write_key", s.keyBytes, "RFC 8446 section 7.3"),
		s.expanded(b.standard, secret.Bytes, "iv", "[sender]_write_iv", 12, "RFC 8446 section 7.3"))
	if strings.HasSuffix(b.label, "hs traffic") {
		values = append(values, s.expanded(b.standard, secret.Bytes, "finished", "finished_key", s.hash().Size(), "RFC 8446 section 4.4.4"))
	}
	return values
}

// logged returns a secret as a key log of the recording has it, or nil.
func (v *View) logged(label string) []byte {
	for _, secret := range v.session.secrets[string(v.state().ClientRandom)] {
		if secret.Label == label && label != "" && (v.shared || secret.Origin > ServerLog || secret.Origin == ClientLog+Origin(v.side)) {
			return secret.Bytes
		}
	}
	return nil
}

func trunkName(b branch13) string {
	switch b.covers {
	case typeClientHello:
		return "early_secret"
	case typeServerHello:
		return "handshake_secret"
	}
	return "master_secret"
}

// extracted is a value by HKDF-Extract.
func (s suite) extracted(name, saltName string, salt []byte, materialName string, material []byte) Value {
	value := Value{
		Kind: "schedule." + name, Name: name, RFC: "RFC 8446 section 7.1",
		Formula: fmt.Sprintf("HKDF-Extract(salt = %s, IKM = %s)", saltName, materialName),
		Inputs:  []Input{{saltName, salt}, {materialName, material}},
	}
	if salt == nil || material == nil {
		value.Missing = "an input is not known"
		return value
	}
	value.Bytes = s.extract(salt, material)
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt mode:EXTRACT_ONLY -kdfopt hexkey:%x -kdfopt hexsalt:%x HKDF",
		len(value.Bytes), s.digest(), material, salt)
	return value
}

// derivedValue is a value by Derive-Secret.
func (s suite) derivedValue(name, from string, secret []byte, label string, covered []*Message) Value {
	messages := `""`
	if len(covered) > 0 {
		messages = standardName(covered[0]) + "..." + standardName(covered[len(covered)-1])
		if len(covered) == 1 {
			messages = standardName(covered[0])
		}
	}
	hash := s.transcriptHash(covered)
	value := Value{
		Kind: "schedule." + strings.TrimSuffix(strings.Fields(name)[0], "_0"), Name: name, RFC: "RFC 8446 section 7.1", Covers: covered,
		Formula: fmt.Sprintf("Derive-Secret(%s, %q, %s)", from, label, messages),
		Inputs:  []Input{{from, secret}, {"Transcript-Hash(" + messages + ")", hash}},
	}
	return s.expandInto(value, secret, label, hash, s.hash().Size())
}

// expanded is a value by HKDF-Expand-Label without a context.
func (s suite) expanded(from string, secret []byte, label, name string, length int, rfc string) Value {
	value := Value{
		Kind: "schedule." + label, Name: name + " (from " + from + ")", RFC: rfc,
		Formula: fmt.Sprintf("HKDF-Expand-Label(%s, %q, \"\", %d)", from, label, length), Inputs: []Input{{from, secret}},
	}
	return s.expandInto(value, secret, label, nil, length)
}

func (s suite) expandInto(value Value, secret []byte, label string, context []byte, length int) Value {
	if secret == nil {
		value.Missing = "an input is not known"
		return value
	}
	value.Bytes = s.expandLabelContext(secret, label, context, length)
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:%x -kdfopt hexinfo:%x HKDF",
		length, s.digest(), secret, hkdfLabel(label, context, length))
	return value
}

// digest is OpenSSL's name of the hash.
func (s suite) digest() string {
	if s.hash().Size() == 48 {
		return "SHA384"
	}
	return "SHA256"
}

// standardName is a message's name as formulas write it.
func standardName(m *Message) string {
	name := ""
	for _, word := range strings.Split(m.Name(), "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	if m.Type == typeFinished {
		return m.Side.String() + " " + name
	}
	return name
}

// schedule12 is the key schedule of TLS 1.2 (RFC 5246 sections 6.3 and 8.1)
// from the master secret down: what it was made from is in no key log.
func (v *View) schedule12(s suite) []Value {
	master := Value{Kind: "schedule.master_secret_12", Name: "master_secret", Bytes: v.master, RFC: "RFC 5246 section 8.1", Logged: v.logged("CLIENT_RANDOM") != nil}
	if master.Bytes == nil {
		if master.Bytes = v.logged("CLIENT_RANDOM"); master.Bytes == nil {
			master.Missing = "it is not in the recording"
		}
	}
	seed := append(append([]byte(nil), v.serverRandom...), v.state().ClientRandom...)
	ivBytes := 4
	if s.chacha {
		ivBytes = 12
	}
	block := s.prfValue("schedule.key_block", "key_block", master.Bytes, "key expansion", "ServerHello.random + ClientHello.random", seed, 2*(s.keyBytes+ivBytes), "RFC 5246 section 6.3")
	values := []Value{master, block}
	at := 0
	for _, part := range []struct {
		name   string
		length int
	}{
		{"client_write_key", s.keyBytes}, {"server_write_key", s.keyBytes}, {"client_write_IV", ivBytes}, {"server_write_IV", ivBytes},
	} {
		value := Value{
			Kind: "schedule." + part.name, Name: part.name, RFC: "RFC 5246 section 6.3",
			Formula: fmt.Sprintf("key_block[%d:%d]", at, at+part.length), Inputs: []Input{{"key_block", block.Bytes}},
		}
		if block.Bytes == nil {
			value.Missing = "an input is not known"
		} else {
			value.Bytes = block.Bytes[at : at+part.length]
		}
		at += part.length
		values = append(values, value)
	}
	transcript := v.transcript()
	for i, m := range transcript {
		if m.Type == typeFinished {
			label := m.Side.String() + " finished"
			value := s.prfValue("schedule.verify_data", "verify_data ("+m.Side.String()+")", master.Bytes, label, "Hash(handshake_messages)", s.transcriptHash(transcript[:i]), 12, "RFC 5246 section 7.4.9")
			value.Covers = transcript[:i:i]
			values = append(values, value)
		}
	}
	return values
}

func (s suite) prfValue(kind, name string, secret []byte, label, seedName string, seed []byte, length int, rfc string) Value {
	value := Value{
		Kind: kind, Name: name, RFC: rfc, Formula: fmt.Sprintf("PRF(master_secret, %q, %s)", label, seedName),
		Inputs: []Input{{"master_secret", secret}, {seedName, seed}},
	}
	if secret == nil {
		value.Missing = "an input is not known"
		return value
	}
	value.Bytes = s.prf(secret, label, seed, length)
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt hexsecret:%x -kdfopt hexseed:%x%x TLS1-PRF", length, s.digest(), secret, label, seed)
	return value
}
