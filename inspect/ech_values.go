package inspect

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// Sealing returns what the ClientHelloInner was sealed with, in the order in
// which it is computed: from the private key, or from the shared secret of a
// key log, down to the nonce and the additional data, and what these give. It
// is nil while that is not opened.
//
// As for a record, the command of what it gives does not check the tag.
func (o *OfferedECH) Sealing() []Value {
	c := o.context
	if c == nil {
		return nil
	}
	shared := c.sharedValues(o.Origin)
	values := append(shared, c.keyValues()...)
	sequence := Value{
		Kind: "ech.sequence_number", Name: "sequence number", RFC: "RFC 9180 section 5.2",
		Formula: "how many hellos of the connection were sealed before: 0, or 1 after a HelloRetryRequest",
		Bytes:   binary.BigEndian.AppendUint64(nil, o.seq), Origin: Derived, Command: fmt.Sprintf(`printf '%%016x\n' %d`, o.seq),
	}
	nonce := c.nonceValue(o.seq)
	additional := Value{
		Kind: "ech.additional_data", Name: "ClientHelloOuterAAD", RFC: "RFC 9849 section 5.2",
		Formula: "ClientHelloOuter without its header, with zeros for its payload", Bytes: o.sealed.additionalData(o.outer), Origin: Derived,
	}
	additional.Command = o.additionalCommand()
	values = append(values, sequence, nonce, additional, c.plaintextValue(o, nonce))
	for i := range values {
		values[i].Event = o.event
	}
	return values
}

// additionalCommand puts zeros between what stands before the payload and behind it.
func (o *OfferedECH) additionalCommand() string {
	hello := o.outer[handshakeHeaderLength:]
	from := o.sealed.at - handshakeHeaderLength
	to := from + len(o.sealed.payload)
	return fmt.Sprintf("{ printf %%s %s | openssl base64 -d -A; head -c %d /dev/zero; printf %%s %s | openssl base64 -d -A; } | od -An -v -tx1 | tr -d ' \\n'",
		base64.StdEncoding.EncodeToString(hello[:from]), to-from, base64.StdEncoding.EncodeToString(hello[to:]))
}

// sharedValues are what the KEM gives, and what it is computed from.
func (c *hpkeContext) sharedValues(origin Origin) []Value {
	shared := Value{
		Kind: "ech.shared_secret", Name: "shared_secret", RFC: "RFC 9180 section 4.1", Bytes: c.shared, Origin: Derived,
		Formula: "Decap(enc, skR)", Inputs: []Input{{"enc", c.enc}, {"skR", c.private}},
	}
	dh, ok := dhKEMs[c.algorithms.kem]
	switch {
	case c.private == nil:
		shared.Origin, shared.Logged, shared.Inputs = origin, true, []Input{{"enc", c.enc}}
		return []Value{shared}
	case !ok:
		return []Value{shared}
	}
	key, secret, _ := ecdhOf(dh.curve, c.private, c.enc)
	point := exchange{group: kemGroups[c.algorithms.kem], side: Server, private: c.private, peer: c.enc, shared: secret}
	exchanged := Value{
		Kind: "ech.dh", Name: "dh", RFC: "RFC 9180 section 4.1", Bytes: secret, Origin: Derived,
		Formula: "DH(skR, pkE), where pkE is enc", Inputs: []Input{{"skR", c.private}, {"enc", c.enc}}, Command: point.command(),
	}
	id := binary.BigEndian.AppendUint16([]byte("KEM"), c.algorithms.kem)
	prk := dh.hash.extracted("ech.eae_prk", id, Input{"", nil}, "eae_prk", Input{"dh", secret})
	context := append(append([]byte(nil), c.enc...), key.PublicKey().Bytes()...)
	expanded := dh.hash.expanded("ech.shared_secret", id, Input{"eae_prk", prk.Bytes}, "shared_secret", Input{"enc || pkRm", context}, dh.secret)
	return []Value{exchanged, prk, expanded}
}

// kemGroups are the groups of TLS that have a KEM's curve.
var kemGroups = map[uint16]uint16{0x0010: 0x0017, 0x0011: 0x0018, 0x0012: 0x0019, 0x0020: 0x001d}

// keyValues are the key and the nonce that the messages of the context begin
// with (RFC 9180 section 5.1).
func (c *hpkeContext) keyValues() []Value {
	kdf, id := hpkeKDF(c.algorithms.kdf), c.algorithms.id()
	if kdf == nil { // of one step: both are cut from what it gives
		key := Value{
			Kind: "ech.key", Name: "key", RFC: "draft-ietf-hpke-pq", Bytes: c.key, Origin: Derived,
			Formula: "the beginning of LabeledDerive(shared_secret, \"secret\", mode_base || info)", Inputs: []Input{{"shared_secret", c.shared}, {"info", c.info}},
		}
		nonce := key
		nonce.Kind, nonce.Name, nonce.Bytes = "ech.base_nonce", "base_nonce", c.baseNonce
		nonce.Formula = "what follows the key"
		return []Value{key, nonce}
	}
	context := Input{"key_schedule_context", kdf.context(id, c.info)}
	secret := kdf.extracted("ech.secret", id, Input{"shared_secret", c.shared}, "secret", Input{`""`, []byte{}})
	from := Input{"secret", secret.Bytes}
	return []Value{
		secret,
		kdf.expanded("ech.key", id, from, "key", context, len(c.key)),
		kdf.expanded("ech.base_nonce", id, from, "base_nonce", context, len(c.baseNonce)),
	}
}

// extracted is a value by LabeledExtract (RFC 9180 section 4).
func (h hpkeHash) extracted(kind string, suiteID []byte, salt Input, label string, material Input) Value {
	value := Value{
		Kind: kind, Name: nameOf(kind), RFC: "RFC 9180 section 4", Bytes: h.extract(suiteID, salt.Bytes, label, material.Bytes), Origin: Derived,
		Formula: fmt.Sprintf("LabeledExtract(%s, %q, %s)", salt.Name, label, material.Name), Inputs: []Input{material},
	}
	hexSalt := fmt.Sprintf("%x", salt.Bytes)
	if salt.Name == "" { // RFC 5869 section 2.2: as many zeros as the hash is long
		value.Formula = fmt.Sprintf("LabeledExtract(\"\", %q, %s)", label, material.Name)
		hexSalt = fmt.Sprintf("%x", make([]byte, h().Size()))
	} else {
		value.Inputs = []Input{salt, material}
	}
	value.Command = fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt mode:EXTRACT_ONLY -kdfopt hexkey:%x -kdfopt hexsalt:%s HKDF"+asWeWrite,
		len(value.Bytes), h.digest(), labelled(suiteID, label, material.Bytes), hexSalt)
	return value
}

// expanded is a value by LabeledExpand (RFC 9180 section 4).
func (h hpkeHash) expanded(kind string, suiteID []byte, secret Input, label string, info Input, length int) Value {
	return Value{
		Kind: kind, Name: nameOf(kind), RFC: "RFC 9180 section 4", Bytes: h.expand(suiteID, secret.Bytes, label, info.Bytes, length), Origin: Derived,
		Formula: fmt.Sprintf("LabeledExpand(%s, %q, %s, %d)", secret.Name, label, info.Name, length), Inputs: []Input{secret, info},
		Command: fmt.Sprintf("openssl kdf -keylen %d -kdfopt digest:%s -kdfopt mode:EXPAND_ONLY -kdfopt hexkey:%x -kdfopt hexinfo:%04x%x HKDF"+asWeWrite,
			length, h.digest(), secret.Bytes, length, labelled(suiteID, label, info.Bytes)),
	}
}

// digest is OpenSSL's name of the hash.
func (h hpkeHash) digest() string { return fmt.Sprintf("SHA%d", 8*h().Size()) }

func (c *hpkeContext) nonceValue(seq uint64) Value {
	sequence := binary.BigEndian.AppendUint64(nil, seq)
	base := c.baseNonce
	return Value{
		Kind: "ech.nonce", Name: "nonce", RFC: "RFC 9180 section 5.2", Bytes: c.nonce(seq), Origin: Derived,
		Formula: "base_nonce XOR sequence number, padded on the left to 12 bytes with zeros",
		Inputs:  []Input{{"base_nonce", base}, {"sequence number", sequence}},
		Command: fmt.Sprintf(`printf '%%08x%%08x%%08x\n' 0x%x $((0x%x ^ 0x%x)) $((0x%x ^ 0x%x))`, base[:4], base[4:8], sequence[:4], base[8:], sequence[4:]),
	}
}

// plaintextValue is what the seal gives: EncodedClientHelloInner.
func (c *hpkeContext) plaintextValue(o *OfferedECH, nonce Value) Value {
	s := suite{tls13: true, keyBytes: len(c.key), chacha: c.algorithms.aead == aeadChaCha20Poly1305}
	return Value{
		Kind: "ech.plaintext", Name: "EncodedClientHelloInner", RFC: "RFC 9849 section 7.1", Bytes: o.Encoded, Origin: Derived,
		Formula: "Open(key, nonce, ClientHelloOuterAAD, payload)",
		Inputs:  []Input{{"key", c.key}, {"nonce", nonce.Bytes}, {"payload", o.Payload}},
		Command: fmt.Sprintf(`printf %%s %s | openssl base64 -d -A | openssl enc -d %s -K %x -iv %s | od -An -v -tx1 | tr -d ' \n'`,
			base64.StdEncoding.EncodeToString(o.Payload[:len(o.Payload)-tagLength]), s.streamCipher(), c.key, s.firstBlock(nonce.Bytes)),
	}
}

// Confirmations returns how the server's answers confirm that it has accepted
// ECH, as far as the ClientHelloInner is known (RFC 9849 sections 7.2 and
// 7.2.1): what stands there if it has, whether it stands there or not.
func (v *View) Confirmations() (values []Value) {
	for _, answer := range []*Message{v.ech.retry, v.ech.answer} {
		if answer == nil {
			continue
		}
		c, ok := v.confirmation(answer)
		if !ok {
			continue
		}
		if answer == v.ech.retry {
			values = append(values, c.values("ech.hrr_accept_confirmation", "transcript_hrr_ech_conf", "RFC 9849 section 7.2.1")...)
		} else {
			values = append(values, c.values("ech.accept_confirmation", "transcript_ech_conf", "RFC 9849 section 7.2")...)
		}
	}
	return values
}

// values are the confirmation and the secret that it is derived from. The hash
// has a name of its own: zeros stand in it for the confirmation.
func (c confirmation) values(kind, transcript, rfc string) []Value {
	secret := c.suite.extracted("", "0", make([]byte, c.suite.hash().Size()), "ClientHelloInner.random", c.random)
	secret.Kind, secret.Name, secret.RFC = "ech.confirmation_secret", secret.Formula, rfc
	value := Value{
		Kind: kind, Name: nameOf(kind), RFC: rfc, Covers: c.covers, Inputs: []Input{{secret.Name, secret.Bytes}, {transcript, c.hash}},
		Formula: fmt.Sprintf("HKDF-Expand-Label(%s, %q, %s, %d)", secret.Name, c.label, transcript, confirmationLength),
	}
	value = c.suite.expandInto(value, secret.Bytes, c.label, c.hash, confirmationLength)
	for _, m := range c.covers {
		secret.Event, value.Event = max(secret.Event, m.Event), max(value.Event, m.Event)
	}
	return []Value{secret, value}
}
