package inspect

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// Protection returns what the record is sealed with, in the order in which it
// is computed, as far as it is known: the secret, the key and the IV that come
// from it, the sequence number, the nonce, the additional data, and what these
// give. It is nil for a record in clear. Of a record whose tag does not verify
// it is what its receiver would have used.
//
// What OpenSSL 3.0's command line lacks is AEAD. The command of the plain text
// therefore decrypts with the cipher alone and does not check the tag.
func (r *Record) Protection() []Value {
	seal, ok := r.seal()
	if !ok {
		return nil
	}
	values := seal.keyValues()
	sequence := seal.sequenceNumber()
	nonce := seal.nonce()
	if !seal.supported && r.version() != 0 && r.version() < version13 { // a block or stream cipher has neither nonce nor additional data
		return append(values, sequence)
	}
	additional := seal.additionalData()
	return append(values, sequence, nonce, additional, seal.plaintext(nonce))
}

// A Sealing is what of a record's protection changes from record to record, and
// the name of the secret that the rest comes from.
type Sealing struct {
	Secret         string // in the standard's words, as in "client_handshake_traffic_secret"
	Nonce          []byte
	AdditionalData []byte
}

// Sealed returns what a record that was decrypted had been sealed with: in
// short, and at little cost, what [Record.Protection] tells in full. It is the
// zero value for any other record, and lacks what stood in bytes let go.
func (r *Record) Sealed() Sealing {
	seal, ok := r.seal()
	if !ok || !r.Decrypted {
		return Sealing{}
	}
	return Sealing{seal.secretName(), seal.nonce().Bytes, seal.additionalData().Bytes}
}

// KeyName returns the standard's name of what sets the record's key apart: in
// TLS 1.3 the traffic secret that it comes from (RFC 8446 section 7.1), before
// client_write_key or server_write_key (RFC 5246 section 6.3). It is "" for a
// record in clear, and for one that is not decided.
func (r *Record) KeyName() string {
	switch {
	case !r.Encrypted || r.Epoch.Kind == EpochUnknown:
		return ""
	case r.view.state().Version == version13:
		return trafficSecretName(r.Epoch, r.Side)
	}
	return r.Side.String() + "_write_key"
}

// Onward returns what the sender protects its next record with after the first
// parts of this one: a message that changes its own sending keys does so for all
// that follows it (RFC 8446 appendix A, RFC 5246 section 7.1). It says nothing
// of what the other side's messages change. The record must be decided.
func (r *Record) Onward(parts int) Epoch {
	epoch := r.Epoch
	for _, part := range r.Parts[:min(parts, len(r.Parts))] {
		if part.Message != nil {
			epoch = part.Message.onward(epoch)
		}
	}
	content := r.Type
	if r.Encrypted {
		content = r.InnerType
	}
	if version := r.version(); content == ChangeCipherSpec && version != 0 && version != version13 {
		return epoch.next(EpochApplication)
	}
	return epoch
}

// onward is what the sender of the message, who sent it in that epoch, sends
// the next one in.
func (m *Message) onward(epoch Epoch) Epoch {
	switch {
	case m.Type == typeClientHello:
		if parseClientHello(m.body()).earlyData {
			return Epoch{Kind: EpochEarly}
		}
	case !m.is13():
	case m.Type == typeServerHello && !m.retry(), m.Type == typeEndOfEarlyData:
		return Epoch{Kind: EpochHandshake}
	case m.Type == typeFinished && epoch.Kind == EpochHandshake: // a later one ends a post-handshake authentication
		return Epoch{Kind: EpochApplication}
	case m.Type == typeKeyUpdate:
		return epoch.next(EpochApplication)
	}
	return epoch
}

// next is an epoch of that kind that follows e: of the same kind, it is the next generation.
func (e Epoch) next(kind EpochKind) Epoch {
	if e.Kind == kind {
		return Epoch{kind, e.Generation + 1}
	}
	return Epoch{Kind: kind}
}

// A seal is what is known of the protection of one record.
type seal struct {
	*Record
	suite     suite
	supported bool
	placed    bool // epoch and sequence number are known
	epoch     Epoch
	seq       uint64
	key       *trafficKey // nil if there is none
	raw       []byte      // nil if the bytes were let go
}

// seal reports false for a record that is not protected, or of which this is
// not known.
func (r *Record) seal() (seal, bool) {
	if !r.TLS() {
		return seal{}, false
	}
	l := r.view.lanes[r.Side]
	s := seal{Record: r, placed: r.DecidedAt >= 0 && r.Why != WhyRecordsMissing, epoch: r.Epoch, seq: r.TLSSeq, raw: r.Raw()}
	s.suite, s.supported = r.suite()
	protected := r.Encrypted
	if r.DecidedAt < 0 {
		protected, _ = r.view.protected(l, r)
		if r.Seq == l.decided { // the first one that waits
			s.placed, s.epoch, s.seq = true, l.epoch, l.seq
		}
	}
	if s.key = r.key; s.key == nil && protected && s.placed && s.supported {
		if likely := r.view.candidates(s.epoch, s.Side); len(likely) > 0 {
			s.key = likely[0].key
		}
	}
	return s, protected
}

// secretName is the standard's name for the secret that the keys are from.
func (s seal) secretName() string {
	if !s.suite.tls13 {
		return "master_secret"
	}
	return trafficSecretName(s.epoch, s.Side)
}

// trafficSecretName is the name of a traffic secret (RFC 8446 section 7.1).
func trafficSecretName(epoch Epoch, from Side) string {
	switch epoch.Kind {
	case EpochEarly:
		return from.String() + "_early_traffic_secret"
	case EpochHandshake:
		return from.String() + "_handshake_traffic_secret"
	}
	return fmt.Sprintf("%s_application_traffic_secret_%d", from, epoch.Generation)
}

// keyValues are the secret, the key and the IV.
func (s seal) keyValues() []Value {
	switch {
	case !s.placed || !s.supported:
		return nil
	case s.suite.tls13:
		return s.keyValues13()
	}
	return s.keyValues12()
}

func (s seal) keyValues13() []Value {
	name := s.secretName()
	secret := s.view.trafficSecret(s.suite, s.epoch, s.Side, s.key)
	return append([]Value{secret}, s.suite.writeKeys(name, secret.Bytes)...)
}

// trafficSecret is the secret of an epoch of TLS 1.3: the one that key comes
// from, or where key is nil, the one of the key schedule.
func (v *View) trafficSecret(s suite, epoch Epoch, from Side, key *trafficKey) Value {
	if epoch.Generation > 0 {
		return s.updatedSecret(epoch, from, key)
	}
	trunk, _ := v.top()
	for _, b := range branches13 {
		if b.keyLog != secretLabel(epoch, from) {
			continue
		}
		computed := v.branchSecret(s, b, trunk)
		if key == nil || string(key.secret) == string(computed.Bytes) {
			return computed
		}
		computed.Bytes, computed.Command = key.secret, ""
		computed.lacks(Reason{})
		computed.Origin, computed.Logged = key.origin, true
		return computed
	}
	panic("inspect: an epoch without a secret")
}

// updatedSecret is the traffic secret after a KeyUpdate (RFC 8446 section 7.2).
func (s suite) updatedSecret(epoch Epoch, from Side, key *trafficKey) Value {
	before := epoch
	before.Generation--
	var secret []byte
	if key != nil && key.previous != nil {
		secret = key.previous.secret
	}
	length := s.hash().Size()
	name := trafficSecretName(before, from)
	value := Value{
		Kind: "schedule." + from.String() + "_application_traffic_secret", Name: trafficSecretName(epoch, from), RFC: "RFC 8446 section 7.2",
		Formula: fmt.Sprintf("HKDF-Expand-Label(%s, \"traffic upd\", \"\", %d)", name, length), Inputs: []Input{{name, secret}},
	}
	return s.expandInto(value, secret, "traffic upd", nil, length)
}

func (s seal) keyValues12() []Value {
	secret, seed := s.view.masterValue(), s.view.keySeed()
	if s.key != nil {
		secret.Bytes, secret.Origin = s.key.secret, s.key.origin
		secret.lacks(Reason{})
		seed = s.key.seed
	}
	values := []Value{secret}
	for _, value := range s.suite.keyBlock(secret.Bytes, seed) {
		switch value.Name {
		case "key_block", s.Side.String() + "_write_key", s.Side.String() + "_write_IV":
			values = append(values, value)
		}
	}
	return values
}

func (s seal) sequenceNumber() Value {
	value := Value{
		Kind: "protection.sequence_number", Name: "sequence number", RFC: "RFC 8446 section 5.3",
		Formula: "how many records were sent under this key before: 64 bits, from 0",
	}
	value.RFC = since13(s.version(), value.RFC, "RFC 5246 section 6.1")
	if !s.placed {
		value.lacks(s.Reason())
		return value
	}
	value.Bytes, value.Origin = binary.BigEndian.AppendUint64(nil, s.seq), Derived
	value.Command = fmt.Sprintf(`printf '%%016x\n' %d`, s.seq)
	return value
}

func (s seal) nonce() Value {
	if s.supported && s.suite.explicitNonce() > 0 {
		return s.explicitNonce()
	}
	iv := [2]string{"client_write_iv", "server_write_iv"}[s.Side]
	value := Value{Kind: "protection.nonce", Name: "nonce", RFC: "RFC 8446 section 5.3", Formula: iv + " XOR sequence number, padded on the left to 12 bytes with zeros"}
	if s.supported && !s.suite.tls13 {
		iv = [2]string{"client_write_IV", "server_write_IV"}[s.Side]
		value.Formula, value.RFC = iv+" XOR sequence number, padded on the left to 12 bytes with zeros", "RFC 7905 section 2"
	}
	if s.key == nil || !s.placed {
		value.lacks(s.Reason())
		return value
	}
	sequence := binary.BigEndian.AppendUint64(nil, s.seq)
	value.Inputs = []Input{{iv, s.key.iv}, {"sequence number", sequence}}
	value.Bytes, value.Origin = s.key.nonce(nil, s.seq), Derived
	value.Command = fmt.Sprintf(`printf '%%08x%%08x%%08x\n' 0x%x $((0x%x ^ 0x%x)) $((0x%x ^ 0x%x))`,
		s.key.iv[:4], s.key.iv[4:8], sequence[:4], s.key.iv[8:], sequence[4:])
	return value
}

// explicitNonce is the nonce of AES-GCM in TLS 1.2.
func (s seal) explicitNonce() Value {
	salt := [2]string{"client_write_IV", "server_write_IV"}[s.Side]
	value := Value{Kind: "protection.nonce_explicit", Name: "nonce", RFC: "RFC 5288 section 3", Formula: salt + " || nonce_explicit, the first 8 bytes of the fragment"}
	if s.key == nil {
		value.lacks(s.Reason())
		return value
	}
	if len(s.raw) < headerLength+explicitNonceLength {
		value.lacks(s.Reason())
		return value
	}
	explicit := s.raw[headerLength:][:explicitNonceLength]
	value.Inputs = []Input{{salt, s.key.iv}, {"nonce_explicit", explicit}}
	value.Bytes, value.Origin = s.key.nonce(explicit, s.seq), Derived
	value.Command = fmt.Sprintf(`printf '%%s%%s\n' %x %x`, s.key.iv, explicit)
	return value
}

func (s seal) additionalData() Value {
	header := []byte{byte(s.Type), byte(s.Version >> 8), byte(s.Version), byte(s.Length >> 8), byte(s.Length)}
	value := Value{Kind: "protection.additional_data", Name: "additional_data", RFC: "RFC 8446 section 5.2", Formula: "TLSCiphertext.opaque_type || legacy_record_version || length, the record's header"}
	switch {
	case !s.supported:
		value.lacks(s.Reason())
		return value
	case s.suite.tls13:
		value.Inputs = []Input{{"header", header}}
		value.Command = fmt.Sprintf(`printf '%%02x%%04x%%04x\n' %d 0x%04x %d`, header[0], s.Version, s.Length)
		value.Bytes, value.Origin = s.suite.additionalData(header, s.seq), Derived
		return value
	}
	value.Kind, value.RFC = "protection.additional_data_12", "RFC 5246 section 6.2.3.3"
	value.Formula = "seq_num || TLSCompressed.type || version || length, the length in clear"
	overhead := s.suite.explicitNonce() + tagLength
	switch {
	case !s.placed:
		value.lacks(s.Reason())
		return value
	case s.Length < overhead:
		value.lacks(WhyTooShort.Reason())
		return value
	}
	value.Bytes, value.Origin = s.suite.additionalData(header, s.seq), Derived
	value.Inputs = []Input{{"seq_num", value.Bytes[:8]}, {"type", header[:1]}, {"version", header[1:3]}, {"length", value.Bytes[11:]}}
	value.Command = fmt.Sprintf(`printf '%%016x%%02x%%04x%%04x\n' %d %d 0x%04x %d`, s.seq, header[0], s.Version, s.Length-overhead)
	return value
}

// plaintext is what the AEAD gives: TLSInnerPlaintext, or in TLS 1.2 the content.
func (s seal) plaintext(nonce Value) Value {
	value := Value{Kind: "protection.plaintext", Name: "plaintext", RFC: "RFC 5246 section 6.2.3.3", Formula: "AEAD-Decrypt(write_key, nonce, aead_encrypted, additional_data)"}
	if s.supported && s.suite.tls13 {
		value.Name, value.RFC = "TLSInnerPlaintext", "RFC 8446 section 5.2"
		value.Formula = "AEAD-Decrypt(peer_write_key, nonce, additional_data, AEADEncrypted)"
	}
	if !s.Decrypted || s.raw == nil {
		if value.lacks(s.Reason()); s.raw == nil {
			value.lacks(WhyBytesLetGo.Reason())
		}
		return value
	}
	plain, err := s.key.open(nil, s.raw, s.seq)
	if err != nil {
		value.Missing = err.Error()
		return value
	}
	sealed := s.raw[headerLength+s.key.explicit:]
	value.Bytes, value.Origin = plain, Derived
	value.Inputs = []Input{{"write_key", s.key.key}, {"nonce", nonce.Bytes}, {"cipher text and tag", sealed}}
	value.Command = fmt.Sprintf(`printf %%s %s | openssl base64 -d -A | openssl enc -d %s -K %x -iv %s | od -An -v -tx1 | tr -d ' \n'`,
		base64.StdEncoding.EncodeToString(sealed[:len(sealed)-tagLength]), s.suite.streamCipher(), s.key.key, s.suite.firstBlock(nonce.Bytes))
	return value
}

// streamCipher is OpenSSL's name for what the AEAD encrypts with.
func (s suite) streamCipher() string {
	if s.chacha {
		return "-chacha20"
	}
	return fmt.Sprintf("-aes-%d-ctr", 8*s.keyBytes)
}

// firstBlock is the counter block that the content begins with: GCM leaves the
// one before it to the tag (NIST SP 800-38D section 7.1), and so does
// ChaCha20-Poly1305, whose counter comes first (RFC 8439 section 2.8).
func (s suite) firstBlock(nonce []byte) string {
	if s.chacha {
		return fmt.Sprintf("01000000%x", nonce)
	}
	return fmt.Sprintf("%x00000002", nonce)
}
