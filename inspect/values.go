package inspect

import (
	"encoding/base64"
	"fmt"
	"slices"
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
	Because Reason // the same, for any language
	Logged  bool   // it stands in a key log of the recording, too or only
	Origin  Origin // where Bytes come from: Derived, if they were computed
	Formula string // as the standard writes it, with the names of the inputs
	Inputs  []Input
	Covers  []*Message // the messages that its transcript hash is over, in order
	Command string     // prints the value in hex, small letters, in a POSIX shell with OpenSSL 3.0, and for a hybrid group with Go too; "" if it was not computed, or with an HPKE that has none
	RFC     string
	Event   int // from which it is known; -1 if it is not

	after int // no earlier than this event
}

// asWeWrite ends a command of OpenSSL's that prints AB:CD.
const asWeWrite = ` | tr -d ':\n' | tr A-F a-f`

// lacks says why the value is not known; the zero Reason, that it is.
func (v *Value) lacks(why Reason) { v.Missing, v.Because = why.String(), why }

// An Input is what a Value is computed from.
type Input struct {
	Name  string
	Bytes []byte
}

// Schedule returns the key schedule of the connection in the order in which
// it is computed, as far as what this view knows allows: from the logged
// secrets down, or from the top where a private key or a PSK is known. It is
// empty before the ServerHello, and where the suite is not supported.
//
// After a renegotiation of TLS 1.2 it is that of the latest handshake.
//
// Another [Protocol] than TLS has the one that it tells ([Scheduler]). Behind it, or instead of it, are the other
// secrets that were told for the connection, each with its identifier as its one input, and without a formula.
func (v *View) Schedule() []Value {
	if v.reader != nil {
		return v.toldSecrets()
	}
	return v.latest().schedule()
}

// Schedules returns the key schedules of all handshakes, in order: one, unless
// TLS 1.2 renegotiates. Each is as [View.Schedule] has it, and none is empty.
func (v *View) Schedules() [][]Value {
	var all [][]Value
	if v.reader != nil {
		if told := v.toldSecrets(); len(told) > 0 {
			all = append(all, told)
		}
		return all
	}
	for _, handshake := range v.handshakes() {
		if values := handshake.schedule(); len(values) > 0 {
			all = append(all, values)
		}
	}
	return all
}

func (v *View) schedule() []Value {
	s, ok := aeadSuites[v.state().Suite]
	switch {
	case !ok:
		return nil
	case s.tls13:
		return v.dated(v.schedule13(s))
	}
	return v.dated(v.schedule12(s))
}

func (v *View) schedule13(s suite) []Value {
	const rfc = "RFC 8446 section 7.1"
	size := s.hash().Size()
	zeros := make([]byte, size)
	trunk, known := v.top()
	psk := Value{Kind: "schedule.psk", Name: "PSK", Bytes: trunk.psk, Origin: trunk.from, Command: zerosCommand(size), Formula: "zeros, as long as the hash: no PSK was agreed on", RFC: rfc}
	if v.chosen != nil {
		psk = v.pskValue(psk.Kind, psk.Name, string(v.chosen))
	}
	if !known {
		psk.Bytes, psk.Origin = nil, 0
		psk.lacks(because("psk"))
	}
	early := s.extracted("early_secret", "0", zeros, "PSK", psk.Bytes)
	derivedEarly := s.derivedValue("derived (from early_secret)", "early_secret", early.Bytes, "derived", nil)
	shared := v.sharedValue(s)
	handshake := s.extracted("handshake_secret", "derived", derivedEarly.Bytes, "(EC)DHE", shared.Bytes)
	derivedHandshake := s.derivedValue("derived (from handshake_secret)", "handshake_secret", handshake.Bytes, "derived", nil)
	master := s.extracted("master_secret", "derived", derivedHandshake.Bytes, "0", zeros)
	values := append(v.offeredValues(s), psk, early)
	values = append(values, v.chosenBinder(s)...)
	for _, b := range branches13 {
		switch b.keyLog {
		case "CLIENT_HANDSHAKE_TRAFFIC_SECRET":
			values = append(values, derivedEarly, shared, handshake)
		case "CLIENT_TRAFFIC_SECRET_0":
			values = append(values, derivedHandshake, master)
		}
		values = append(values, v.branchValues(s, b, trunk)...)
	}
	resumption := values[len(values)-1]
	return append(values, v.ticketValues(s, resumption.Bytes)...)
}

// zerosCommand prints that many bytes of zeros.
func zerosCommand(size int) string { return fmt.Sprintf(`printf '%%0%dd\n' 0`, 2*size) }

// branchValues returns a secret of the schedule and what is derived from it.
func (v *View) branchValues(s suite, b branch13, trunk schedule13) []Value {
	if b.covers == typeClientHello && len(v.identities) == 0 {
		return nil // without a PSK there is no early data, and nothing to export early
	}
	secret := v.branchSecret(s, b, trunk)
	values := []Value{secret}
	if !strings.HasSuffix(b.label, "traffic") {
		return values
	}
	values = append(values, s.writeKeys(b.standard, secret.Bytes)...)
	side := b.sender()
	switch b.label {
	case "c hs traffic", "s hs traffic":
		finished := s.expanded(b.standard, secret.Bytes, "finished", "finished_key", s.hash().Size(), "RFC 8446 section 4.4.4")
		values = append(values, finished, v.finishedValue(s, side, finished))
	case "c ap traffic", "s ap traffic":
		values = append(values, v.updateValues(s, side)...)
	}
	return values
}

// branchSecret returns a secret of the schedule: computed, or as a key log has it.
func (v *View) branchSecret(s suite, b branch13, trunk schedule13) Value {
	from := trunkName(b)
	if b.covers == typeClientHello {
		if trunk.early = v.offeredEarly(s); len(v.identities) > 0 && string(v.identities[0]) != string(v.chosen) {
			from += " (offered)"
		}
	}
	secret := Value{Kind: branchKind(b.standard), Name: b.standard, RFC: "RFC 8446 section 7.1"}
	secret.Formula = fmt.Sprintf("Derive-Secret(%s, %q, %s)", from, b.label, b.messages())
	secret.lacks(because("not_so_far"))
	switch {
	case v.blind():
		secret.lacks(because("no_inner_hello"))
	case v.state().ECH == ECHOffered:
		secret.lacks(because("ech_undecided"))
	}
	if covered, complete := v.covered(b); complete && v.state().ECH != ECHOffered {
		secret = s.derivedValue(b.standard, from, b.trunk(trunk), b.label, covered)
	}
	if logged, ok := v.logged(b.keyLog); ok {
		secret.Logged = true
		if secret.Bytes == nil {
			secret.Bytes, secret.Origin = logged.Bytes, logged.Origin
			secret.lacks(Reason{})
		}
	}
	return secret
}

// branchKind is the kind of all generations of a secret.
func branchKind(standard string) string { return "schedule." + strings.TrimSuffix(standard, "_0") }

// writeKeys are the key and the IV of a traffic secret.
func (s suite) writeKeys(from string, secret []byte) []Value {
	const rfc = "RFC 8446 section 7.3"
	return []Value{
		s.expanded(from, secret, "key", "[sender]_write_key", s.keyBytes, rfc),
		s.expanded(from, secret, "iv", "[sender]_write_iv", 12, rfc),
	}
}

// logged returns a secret as a key log of the recording has it.
func (v *View) logged(label string) (KnownSecret, bool) {
	for _, secret := range v.session.secrets[string(v.state().ClientRandom)] {
		if secret.Label == label && label != "" && v.owns(secret) {
			return secret, true
		}
	}
	return KnownSecret{}, false
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
		value.lacks(because("input"))
		return value
	}
	value.Bytes, value.Origin = s.extract(salt, material), Derived
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt mode:EXTRACT_ONLY -kdfopt hexkey:%x -kdfopt hexsalt:%x HKDF"+asWeWrite,
		len(value.Bytes), s.digest(), material, salt)
	return value
}

// derivedValue is a value by Derive-Secret.
func (s suite) derivedValue(name, from string, secret []byte, label string, covered []*Message) Value {
	messages := covers(covered)
	hash := s.transcriptHash(covered)
	value := Value{
		Kind: branchKind(strings.Fields(name)[0]), Name: name, RFC: "RFC 8446 section 7.1", Covers: covered,
		Formula: fmt.Sprintf("Derive-Secret(%s, %q, %s)", from, label, messages),
		Inputs:  []Input{{from, secret}, {"Transcript-Hash(" + messages + ")", hash}},
	}
	return s.expandInto(value, secret, label, hash, s.hash().Size())
}

// covers is how formulas write the messages of a transcript hash.
func covers(messages []*Message) string {
	switch len(messages) {
	case 0:
		return `""`
	case 1:
		return standardName(messages[0])
	}
	return standardName(messages[0]) + "..." + standardName(messages[len(messages)-1])
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
		value.lacks(because("input"))
		return value
	}
	value.Bytes, value.Origin = s.expandLabelContext(secret, label, context, length), Derived
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:%x -kdfopt hexinfo:%x HKDF"+asWeWrite,
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

// schedule12 is the key schedule of TLS 1.2 (RFC 5246 sections 6.3 and 8.1). A
// handshake that resumes a session begins with its master secret.
func (v *View) schedule12(s suite) []Value {
	var values []Value
	master := v.masterValue()
	if preMaster, ok := v.preMasterValue(); ok {
		values = append(values, preMaster)
		master = v.masterFrom(s, preMaster.Bytes, master)
	}
	if hash, ok := v.sessionHash(s); ok {
		values = append(values, hash)
	}
	values = append(append(values, master), s.keyBlock(master.Bytes, v.keySeed())...)
	transcript := v.transcript()
	for i, m := range transcript {
		if m.Type == typeFinished {
			values = append(values, v.finishedValue12(s, m, transcript[:i:i], master.Bytes))
		}
	}
	return values
}

// finishedValue12 is verify_data of a Finished of TLS 1.2.
func (v *View) finishedValue12(s suite, m *Message, before []*Message, master []byte) Value {
	value := s.prfValue("schedule.verify_data", "verify_data ("+m.Side.String()+")", "master_secret", master, m.Side.String()+" finished", "Hash(handshake_messages)", s.transcriptHash(before), 12, "RFC 5246 section 7.4.9")
	value.Covers, value.after = before, m.Event
	if !v.complete(before, m) {
		value.Bytes, value.Origin, value.Command, value.Inputs[1].Bytes = nil, 0, "", nil
		value.lacks(v.lacksMessages())
	}
	return value
}

// sessionHash is the hash of the messages up to ClientKeyExchange, which the
// master secret is bound to where extended_master_secret was agreed on.
func (v *View) sessionHash(s suite) (value Value, ok bool) {
	covered, keyed := upTo(v.transcript(), Client, typeClientKeyExchange)
	if !keyed || !extendedMaster(covered) {
		return value, false
	}
	value = Value{Kind: "schedule.session_hash", Name: "session_hash", Covers: covered, RFC: "RFC 7627 section 3", Formula: "Hash(handshake_messages)"}
	last := len(covered) - 1
	if !v.complete(covered[:last], covered[last]) {
		value.lacks(v.lacksMessages())
		return value, true
	}
	var messages []byte
	for _, m := range covered {
		messages = append(messages, m.Bytes...)
	}
	value.Bytes, value.Origin = s.transcriptHash(covered), Derived
	value.Command = fmt.Sprintf("printf %%s %s | openssl base64 -d -A | openssl dgst -%s -r | cut -d' ' -f1",
		base64.StdEncoding.EncodeToString(messages), strings.ToLower(s.digest()))
	return value, true
}

// masterValue is the master secret of TLS 1.2: the one that opened a record, or
// as a key log has it.
func (v *View) masterValue() Value {
	master := Value{Kind: "schedule.master_secret_12", Name: "master_secret", RFC: "RFC 5246 section 8.1"}
	logged, ok := v.logged(labelMaster)
	switch {
	case v.master != nil:
		master.Bytes, master.Origin = v.master.secret, v.master.origin
	case ok:
		master.Bytes, master.Origin = logged.Bytes, logged.Origin
	default:
		master.lacks(because("master"))
	}
	master.Logged = ok
	switch transcript := v.transcript(); {
	case abbreviated(transcript):
		master.Formula, master.RFC = "that of the session which is resumed", "RFC 5246 section 7.3"
	case extendedMaster(transcript):
		master.Formula, master.RFC = `PRF(pre_master_secret, "extended master secret", session_hash)`, "RFC 7627 section 4"
	default:
		master.Formula = `PRF(pre_master_secret, "master secret", ClientHello.random + ServerHello.random)`
	}
	return master
}

// masterFrom computes the master secret from the pre-master secret; it is as it
// was known if that cannot be done. With extended_master_secret the messages up
// to ClientKeyExchange are in it (RFC 7627 section 4), without it the randoms alone.
func (v *View) masterFrom(s suite, preMaster []byte, known Value) Value {
	const length = 48
	covered, keyed := upTo(v.transcript(), Client, typeClientKeyExchange)
	if preMaster == nil || !keyed {
		return known
	}
	if last := len(covered) - 1; !v.complete(covered[:last], covered[last]) {
		return known
	}
	seed := slices.Concat(v.state().ClientRandom, v.serverRandom)
	master := s.prfValue(known.Kind, known.Name, "pre_master_secret", preMaster, "master secret", "ClientHello.random + ServerHello.random", seed, length, known.RFC)
	if extendedMaster(covered) {
		master = s.prfValue(known.Kind, known.Name, "pre_master_secret", preMaster, "extended master secret", "session_hash", s.transcriptHash(covered), length, "RFC 7627 section 4")
		master.Covers = covered
	}
	master.Logged = known.Logged
	return master
}

// abbreviated reports whether a handshake of TLS 1.2 resumes a session: a full
// one has a ServerHelloDone (RFC 5246 section 7.3).
func abbreviated(messages []*Message) bool {
	has := func(kind HandshakeType) bool {
		return slices.ContainsFunc(messages, func(m *Message) bool { return m.Type == kind })
	}
	return has(typeFinished) && !has(typeServerHelloDone)
}

// extendedMaster reports whether extended_master_secret was agreed on: the
// server says so only to a client that did (RFC 7627 section 5.2).
func extendedMaster(messages []*Message) bool {
	return slices.ContainsFunc(messages, func(m *Message) bool {
		return m.Type == typeServerHello && parseServerHello(m.body()).extendedMaster
	})
}

// keySeed is what the key block of TLS 1.2 is made with besides the master secret.
func (v *View) keySeed() []byte { return slices.Concat(v.serverRandom, v.state().ClientRandom) }

// keyBlock is the key block of TLS 1.2 and its parts.
func (s suite) keyBlock(master, seed []byte) []Value {
	ivBytes := 12 - s.explicitNonce()
	block := s.prfValue("schedule.key_block", "key_block", "master_secret", master, "key expansion", "ServerHello.random + ClientHello.random", seed, 2*(s.keyBytes+ivBytes), "RFC 5246 section 6.3")
	values := []Value{block}
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
			value.lacks(because("input"))
		} else {
			value.Bytes, value.Origin = block.Bytes[at:at+part.length], Derived
			value.Command = fmt.Sprintf("printf '%%s\n' %x | cut -c%d-%d", block.Bytes, 2*at+1, 2*(at+part.length))
		}
		at += part.length
		values = append(values, value)
	}
	return values
}

func (s suite) prfValue(kind, name, secretName string, secret []byte, label, seedName string, seed []byte, length int, rfc string) Value {
	value := Value{
		Kind: kind, Name: name, RFC: rfc, Formula: fmt.Sprintf("PRF(%s, %q, %s)", secretName, label, seedName),
		Inputs: []Input{{secretName, secret}, {seedName, seed}},
	}
	if secret == nil {
		value.lacks(because("input"))
		return value
	}
	value.Bytes, value.Origin = s.prf(secret, label, seed, length), Derived
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt hexsecret:%x -kdfopt hexseed:%x%x TLS1-PRF"+asWeWrite, length, s.digest(), secret, label, seed)
	return value
}
