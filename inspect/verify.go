package inspect

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha1" // hashes that a signature scheme may ask for
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// An Outcome says how a verification came out.
type Outcome uint8

// The outcomes.
const (
	NotCheckable Outcome = iota // something that it needs is not known; Reason says what
	Verified
	Refuted
	NotApplicable // there is nothing to check; Reason says why
)

// String returns "not checkable", "verified", "refuted" or "not applicable".
func (o Outcome) String() string {
	return [...]string{"not checkable", "verified", "refuted", "not applicable"}[o]
}

// A Verification is one proof of the handshake, done again from the recording.
// Nothing of it is quoted: Want is computed.
type Verification struct {
	// Kind is a stable key: "finished", "certificate_verify", "server_key_exchange",
	// "psk_binder", "certificate_chain", "downgrade_sentinel" or "ech_confirmation".
	Kind    string
	Message *Message // that carries the proof
	Outcome Outcome
	Reason  string     // in English: why it is refuted, cannot be checked or need not be; "" if it is verified
	Because Reason     // the same, for any language
	Notes   []Reason   // what else is to be known: what was checked, or that the endpoint itself does not check
	Covers  []*Message // the messages that the proof is over, in the order of the transcript; of a psk_binder the last without its list of binders
	Got     []byte     // the proof, as sent; nil for a chain
	Want    []byte     // a MAC as it should be; nil for all else
	RFC     string
	Event   int // from which it comes out so; before, from its message on, it is not checkable
}

// Verifications does the proofs of the handshake again, as far as this view
// holds them: Finished of both sides, signatures, PSK binders, certificate
// chains, and the sign of a downgrade; and those of renegotiations and of
// post-handshake authentications. A handshake has eight messages that prove
// something at most; of one that goes on and on, a hundred proofs are done.
func (v *View) Verifications() []Verification {
	var all []Verification
	for _, handshake := range v.handshakes() {
		all = append(all, handshake.proofs(handshake.transcript(), 0)...)
	}
	transcript := v.transcript()
	for _, authentication := range v.authentications() {
		all = append(all, v.proofs(slices.Concat(transcript, authentication), len(transcript))...)
	}
	return v.datedProofs(all)
}

// mostProofs bounds what each message costs, since each proof is over all that
// comes before it.
const mostProofs = 100

// proofs does those of the transcript's messages from index from on.
func (v *View) proofs(transcript []*Message, from int) (all []Verification) {
	for i, m := range transcript[from:] {
		if len(all) >= mostProofs {
			break
		}
		before := transcript[: from+i : from+i]
		switch {
		case m.Type == typeFinished:
			all = append(all, v.verifyFinished(m, before))
		case m.Type == typeCertificateVerify:
			all = append(all, v.verifySignature(m, before))
		case m.Type == typeServerKeyExchange:
			if verification, ok := v.verifyKeyExchange(m, before); ok {
				all = append(all, verification)
			}
		case m.Type == typeClientHello:
			all = append(all, v.verifyBinders(m, before)...)
		case m.Type == typeServerHello:
			if !m.retry() {
				all = append(all, v.verifySentinel(m, before))
			}
			if verification, ok := v.verifyConfirmation(m); ok {
				all = append(all, verification)
			}
		case m.Type == typeCertificate:
			if verification, ok := v.verifyChain(m); ok {
				all = append(all, verification)
			}
		}
	}
	return all
}

// concluded fills in how a MAC came out.
func (c Verification) concluded(want []byte) Verification {
	c.Want = want
	if !hmac.Equal(c.Got, want) {
		return c.ended(Refuted, because("mac_differs"))
	}
	c.Outcome = Verified
	return c
}

// ended fills in how a proof came out that is not verified.
func (c Verification) ended(outcome Outcome, reason Reason) Verification {
	c.Outcome, c.Because, c.Reason = outcome, reason, reason.String()
	return c
}

// because fills in why a proof cannot be checked.
func (c Verification) because(key string, data ...any) Verification {
	return c.ended(NotCheckable, because(key, data...))
}

// verifyFinished computes verify_data (RFC 8446 section 4.4.4, RFC 5246
// section 7.4.9).
func (v *View) verifyFinished(m *Message, before []*Message) Verification {
	c := Verification{Kind: "finished", Message: m, Covers: before, Got: m.body(), RFC: "RFC 8446 section 4.4.4"}
	s, ok := aeadSuites[v.state().Suite]
	if !ok {
		return c.because("suite")
	}
	if !v.complete(before, m) {
		return c.ended(NotCheckable, v.lacksMessages())
	}
	if s.tls13 {
		if m.Record.key == nil {
			return c.because("record_closed")
		}
		if v.blind() {
			return c.because("no_inner_hello")
		}
		return c.concluded(s.finished(m, before))
	}
	c.RFC = "RFC 5246 section 7.4.9"
	if v.master == nil {
		return c.because("master")
	}
	label := [2]string{"client finished", "server finished"}[m.Side]
	return c.concluded(s.prf(v.master.secret, label, s.transcriptHash(before), 12))
}

// finished is the verify_data of a Finished of TLS 1.3, whose record could be opened.
func (s suite) finished(m *Message, before []*Message) []byte {
	finishedKey := s.expandLabel(m.Record.key.secret, "finished", s.hash().Size())
	return s.mac(finishedKey, s.transcriptHash(before))
}

func (s suite) mac(key, data []byte) []byte {
	h := hmac.New(s.hash, key)
	h.Write(data)
	return h.Sum(nil)
}

func (m *Message) body() []byte { return m.Bytes[handshakeHeaderLength:] }

// verifySignature checks a CertificateVerify (RFC 8446 section 4.4.3, RFC 5246
// section 7.4.8).
func (v *View) verifySignature(m *Message, before []*Message) Verification {
	c := Verification{Kind: "certificate_verify", Message: m, Covers: before, RFC: "RFC 8446 section 4.4.3"}
	body := cryptobyte.String(m.body())
	var scheme uint16
	var signature cryptobyte.String
	if !body.ReadUint16(&scheme) || !body.ReadUint16LengthPrefixed(&signature) {
		return c.because("unparsed")
	}
	c.Got = signature
	if !v.complete(before, m) {
		return c.ended(NotCheckable, v.lacksMessages())
	}
	key, missing := v.publicKey(m.Side, before)
	if key == nil {
		return c.ended(NotCheckable, missing)
	}
	var signed []byte
	if v.blind() {
		return c.because("no_inner_hello")
	}
	if v.state().Version == version13 {
		s, ok := aeadSuites[v.state().Suite]
		if !ok {
			return c.because("suite")
		}
		signed = signedContent(m.Side, s.transcriptHash(before))
	} else {
		c.RFC = "RFC 5246 section 7.4.8"
		for _, earlier := range before {
			signed = append(signed, earlier.Bytes...)
		}
	}
	return c.signature(key, scheme, v.allowed(m.Side, before), signed)
}

// allowed returns what a signature of side may be made with: the versions'
// rules, and what its peer listed, nil if that is not known.
func (v *View) allowed(side Side, before []*Message) signing {
	kind := typeClientHello
	if side == Client {
		kind = typeCertificateRequest
	}
	s := signing{tls13: v.state().Version == version13}
	for _, m := range slices.Backward(before) {
		if m.Side != side && m.Type == kind {
			s.listed = m.signatureSchemes()
			break
		}
	}
	return s
}

// A signing says what a signature may be made with.
type signing struct {
	tls13  bool
	listed []uint16 // by the peer, in signature_algorithms; nil if it listed none
}

// signatureSchemes returns the schemes that a ClientHello or CertificateRequest
// lists for signatures of the handshake.
func (m *Message) signatureSchemes() (schemes []uint16) {
	for _, list := range []string{"signature_algorithms.supported_signature_algorithms", "certificate_request.supported_signature_algorithms"} {
		field, _ := m.Fields().Find(list)
		for _, scheme := range field.Children {
			if scheme.Length == 2 {
				schemes = append(schemes, binary.BigEndian.Uint16(m.Bytes[scheme.Offset:]))
			}
		}
		if schemes != nil {
			return schemes
		}
	}
	return nil
}

// refuses returns why a signature must not be made with a scheme and key,
// valid as it may be.
func (s signing) refuses(scheme uint16, known signatureScheme, key any) (Reason, bool) {
	name := SchemeName(scheme)
	if s.listed != nil && !slices.Contains(s.listed, scheme) {
		return because("scheme_not_listed", "scheme", name), true // RFC 8446 section 4.4.3, RFC 5246 sections 7.4.3 and 7.4.8
	}
	if !s.tls13 {
		return Reason{}, false
	}
	if known.kind == "pkcs1" || known.hash == crypto.SHA1 { // RFC 8446 section 4.2.3
		return because("scheme_forbidden", "scheme", name), true
	}
	if key, ok := key.(*ecdsa.PublicKey); ok && known.kind == "ecdsa" {
		if curve := key.Curve.Params().BitSize; curve != map[crypto.Hash]int{crypto.SHA256: 256, crypto.SHA384: 384, crypto.SHA512: 521}[known.hash] {
			return because("scheme_curve", "scheme", name), true
		}
	}
	return Reason{}, false
}

// signedContent is what a CertificateVerify of TLS 1.3 signs (RFC 8446 section 4.4.3).
func signedContent(side Side, hash []byte) []byte {
	content := bytes.Repeat([]byte{0x20}, 64)
	content = append(content, "TLS 1.3, "+side.String()+" CertificateVerify\x00"...)
	return append(content, hash...)
}

// verifyKeyExchange checks the signature of a ServerKeyExchange with an
// ephemeral key (RFC 8422 section 5.4, RFC 5246 section 7.4.3); ok is false
// where the message carries none.
func (v *View) verifyKeyExchange(m *Message, before []*Message) (c Verification, ok bool) {
	c = Verification{Kind: "server_key_exchange", Message: m, RFC: "RFC 8422 section 5.4"}
	body := cryptobyte.String(m.body())
	var signature cryptobyte.String
	var scheme uint16
	if how := m.keyExchange(); how == "DHE_RSA" || how == "DHE_DSS" {
		c.RFC = "RFC 5246 section 7.4.3"
		ok = skipDHParams(&body)
	} else {
		ok = skipCurveAndPoint(&body)
	}
	if !ok || !body.ReadUint16(&scheme) || !body.ReadUint16LengthPrefixed(&signature) || !body.Empty() {
		return c, false
	}
	c.Got = signature
	client, greeted := upTo(before, Client, typeClientHello)
	server, answered := upTo(before, Server, typeServerHello)
	if !greeted || !answered {
		return c.because("messages"), true
	}
	hello, answer := client[len(client)-1], server[len(server)-1] // for their randoms
	if !answer.follows(hello) || !m.follows(hello) {
		return c.ended(NotCheckable, v.lacksMessages()), true
	}
	c.Covers = []*Message{hello, answer}
	key, missing := v.publicKey(Server, before)
	if key == nil {
		return c.ended(NotCheckable, missing), true
	}
	parameters := m.body()[:len(m.body())-4-len(signature)]
	return c.signature(key, scheme, v.allowed(Server, before), slices.Concat(parseClientHello(hello.body()).random, parseServerHello(answer.body()).random, parameters)), true
}

func skipCurveAndPoint(body *cryptobyte.String) bool {
	var curveType uint8
	var point cryptobyte.String
	return body.ReadUint8(&curveType) && curveType == namedCurve && body.Skip(2) && body.ReadUint8LengthPrefixed(&point)
}

func skipDHParams(body *cryptobyte.String) bool {
	var p, g, public cryptobyte.String
	return body.ReadUint16LengthPrefixed(&p) && body.ReadUint16LengthPrefixed(&g) && body.ReadUint16LengthPrefixed(&public)
}

// publicKey returns the key of the certificate that side showed last, or nil and
// why there is none.
func (v *View) publicKey(side Side, before []*Message) (any, Reason) {
	for _, m := range slices.Backward(before) {
		if m.Type != typeCertificate || m.Side != side {
			continue
		}
		certificate, err := leafCertificate(m.body(), v.state().Version)
		if err != nil {
			return nil, because("certificate_unparsed", "error", err)
		}
		if certificate.PublicKey == nil { // crypto/x509 leaves it out
			return nil, because("key_unknown")
		}
		return certificate.PublicKey, Reason{}
	}
	return nil, because("no_certificate")
}

// signature checks Got over signed (RFC 8446 section 4.2.3).
func (c Verification) signature(key any, scheme uint16, allowed signing, signed []byte) Verification {
	known, ok := signatureSchemes[scheme]
	if !ok {
		return c.because("scheme", "scheme", SchemeName(scheme))
	}
	if wrong := known.verify(key, signed, c.Got); wrong != "" {
		return c.ended(Refuted, because(wrong))
	}
	if reason, refused := allowed.refuses(scheme, known, key); refused {
		return c.ended(Refuted, reason)
	}
	c.Outcome = Verified
	return c
}

// A signatureScheme is a signature algorithm with its hash.
type signatureScheme struct {
	kind string // "ecdsa", "pss", "pkcs1", "ed25519"
	hash crypto.Hash
}

var signatureSchemes = map[uint16]signatureScheme{
	0x0201: {"pkcs1", crypto.SHA1}, 0x0401: {"pkcs1", crypto.SHA256}, 0x0501: {"pkcs1", crypto.SHA384}, 0x0601: {"pkcs1", crypto.SHA512},
	0x0203: {"ecdsa", crypto.SHA1}, 0x0403: {"ecdsa", crypto.SHA256}, 0x0503: {"ecdsa", crypto.SHA384}, 0x0603: {"ecdsa", crypto.SHA512},
	0x0804: {"pss", crypto.SHA256}, 0x0805: {"pss", crypto.SHA384}, 0x0806: {"pss", crypto.SHA512},
	// 0x0809 to 0x080b want a key whose certificate says RSASSA-PSS, and crypto/x509 does not read those.
	0x0807: {"ed25519", 0},
}

// verify returns the key of the reason why the signature is wrong, or "".
func (s signatureScheme) verify(key any, signed, signature []byte) string {
	digest := signed
	if s.hash != 0 {
		h := s.hash.New()
		h.Write(signed)
		digest = h.Sum(nil)
	}
	valid := false
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if s.kind != "ecdsa" {
			return "key_kind"
		}
		valid = ecdsa.VerifyASN1(key, digest, signature)
	case ed25519.PublicKey:
		if s.kind != "ed25519" {
			return "key_kind"
		}
		valid = ed25519.Verify(key, signed, signature)
	case *rsa.PublicKey:
		switch s.kind {
		case "pss":
			valid = rsa.VerifyPSS(key, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		case "pkcs1":
			valid = rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil
		default:
			return "key_kind"
		}
	default:
		return "key_kind"
	}
	if !valid {
		return "signature_wrong"
	}
	return ""
}

// verifyBinders computes the binders of pre_shared_key (RFC 8446 section 4.2.11.2).
func (v *View) verifyBinders(m *Message, before []*Message) (all []Verification) {
	binders, _ := bindersOf(m.Bytes)
	identities := parseClientHello(m.body()).identities
	for i, binder := range binders {
		c := Verification{Kind: "psk_binder", Message: m, Covers: append(before, m), Got: binder, RFC: "RFC 8446 section 4.2.11.2"}
		if !v.complete(before, m) {
			all = append(all, c.ended(NotCheckable, v.lacksMessages()))
			continue
		}
		if i >= len(identities) {
			all = append(all, c.because("binder_without_identity"))
			continue
		}
		identity := string(identities[i])
		known := v.session.psks(identity)
		if len(known) == 0 {
			all = append(all, c.because("psk"))
			continue
		}
		s, ok := suiteOfPSK(v.state().Suite, len(binder))
		if !ok {
			all = append(all, c.because("binder_length"))
			continue
		}
		psk := known[v.boundBy(known, identity, binder, before, m)]
		all = append(all, c.concluded(s.binder(psk.bytes, v.session.binderLabel(identity), before, m)))
	}
	return all
}

// external reports whether an identity's key was recorded as one that did not
// come from a ticket.
func (s *Session) external(identity string) bool {
	return s.tickets[identity] == nil &&
		slices.ContainsFunc(s.secrets[identity], func(k KnownSecret) bool { return k.Label == LabelExternalPSK })
}

// suiteOfPSK returns a suite with the hash that the binder was made with: the
// negotiated one, if its hash fits.
func suiteOfPSK(negotiated uint16, binderLength int) (suite, bool) {
	for _, id := range []uint16{negotiated, 0x1301, 0x1302} {
		if s, ok := aeadSuites[id]; ok && s.tls13 && s.hash().Size() == binderLength {
			return s, true
		}
	}
	return suite{}, false
}

// bindersOf returns the binders of a ClientHello, and how many bytes their
// list has at its end, length included.
func bindersOf(hello []byte) (binders [][]byte, length int) {
	s := cryptobyte.String(hello[handshakeHeaderLength:])
	var session, suites, compression, extensions cryptobyte.String
	if !s.Skip(34) || !s.ReadUint8LengthPrefixed(&session) || !s.ReadUint16LengthPrefixed(&suites) ||
		!s.ReadUint8LengthPrefixed(&compression) || !s.ReadUint16LengthPrefixed(&extensions) || !s.Empty() {
		return nil, 0
	}
	eachExtension(extensions, func(kind uint16, data cryptobyte.String) {
		var identities, list, binder cryptobyte.String
		if kind != extensionPreSharedKey || !data.ReadUint16LengthPrefixed(&identities) {
			return
		}
		length = len(data)
		for data.ReadUint16LengthPrefixed(&list); list.ReadUint8LengthPrefixed(&binder); {
			binders = append(binders, binder)
		}
	})
	return binders, length
}

// leafCertificate returns the first certificate of a Certificate message.
func leafCertificate(body []byte, version uint16) (*x509.Certificate, error) {
	chain, err := certificatesOf(body, version)
	switch {
	case len(chain) > 0:
		return x509.ParseCertificate(chain[0])
	case err != nil:
		return nil, err
	}
	return nil, errors.New("the message holds none")
}

// certificatesOf returns the certificates of a Certificate message (RFC 8446
// section 4.4.2, RFC 5246 section 7.4.2): with an error, those before it.
func certificatesOf(body []byte, version uint16) (chain [][]byte, err error) {
	s := cryptobyte.String(body)
	var context, list, der, extensions cryptobyte.String
	cut := errors.New("the message is cut")
	if version == version13 && !s.ReadUint8LengthPrefixed(&context) || !s.ReadUint24LengthPrefixed(&list) {
		return nil, cut
	}
	for !list.Empty() {
		if !list.ReadUint24LengthPrefixed(&der) || version == version13 && !list.ReadUint16LengthPrefixed(&extensions) {
			return chain, cut
		}
		chain = append(chain, der)
	}
	return chain, nil
}
