package inspect

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/tlslab/docs"
)

// A claim is a thing that is said to be taken apart to the last byte, as it
// was really sent or is really encoded.
type claim struct {
	what    string
	bytes   []byte
	dissect func([]byte) Field
}

// claims returns all that the package claims to take apart.
func claims(t testing.TB) []claim {
	t.Helper()
	all := slices.Concat(liveClaims(t), rareClaims(), encodingClaims())
	return append(all, claim{"EncodedClientHelloInner", encodedInner(t), encodedClientHelloInner})
}

// messageClaim claims a message as it was sent.
func messageClaim(from string, m *Message) claim {
	return claim{from + ": " + m.Name(), m.Bytes, func(b []byte) Field {
		cut := *m
		cut.Bytes = b
		return cut.Fields()
	}}
}

// live returns the messages of all conversations, which are held once.
func live(t testing.TB) map[string][]*Message {
	heldOnce.Do(func() {
		held = make(map[string][]*Message)
		for name, how := range conversations {
			held[name] = talk(t, how)
		}
		held["QUIC"] = talkQUIC(t)
	})
	return held
}

var (
	heldOnce sync.Once
	held     map[string][]*Message
)

func liveClaims(t testing.TB) (all []claim) {
	for _, name := range slices.Sorted(maps.Keys(live(t))) {
		for _, m := range live(t)[name] {
			all = append(all, messageClaim(name, m))
		}
	}
	sections, messages := rfc8448(t)
	for i, m := range messages {
		all = append(all, messageClaim("RFC 8448 section "+sections[i], m))
	}
	for _, m := range recordedMessages(t) {
		all = append(all, messageClaim("OpenSSL", m))
	}
	return all
}

// recordedMessages are those of the sessions that are kept of OpenSSL.
func recordedMessages(t testing.TB) (messages []*Message) {
	for _, recording := range recordedSessions(t) {
		for _, conn := range NewSession(recording).Connections() {
			messages = append(messages, conn.View(Client).Messages()...)
		}
	}
	return messages
}

// dissecting makes a tree of what read reads.
func dissecting(read func(*cursor)) func([]byte) Field {
	return func(b []byte) Field {
		c := newCursor("none", b)
		read(c)
		c.end()
		return Field{Kind: "record", Name: "root", RFC: "none", Length: len(b), Children: c.fields}
	}
}

var (
	dissectCertificate = dissecting(func(c *cursor) { certificateDER(c, "x509.certificate") })
	dissectResponse    = dissecting(func(c *cursor) { ocspResponse(c, "certificate_status.response") })
	dissectTimestamps  = dissecting(timestampList)
)

func encodingClaims() (all []claim) {
	for name, b := range sampleCertificates() {
		all = append(all, claim{"certificate " + name, b, dissectCertificate})
	}
	for name, b := range sampleResponses() {
		all = append(all, claim{"OCSP response " + name, b, dissectResponse})
	}
	return append(all, claim{"timestamps", sampleTimestamps(), dissectTimestamps})
}

// Vectors with a length of one, two and three bytes.
func vector8(parts ...[]byte) []byte {
	b := slices.Concat(parts...)
	return append([]byte{byte(len(b))}, b...)
}

func vector16(parts ...[]byte) []byte {
	b := slices.Concat(parts...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}
func vector24(parts ...[]byte) []byte { return append([]byte{0}, vector16(parts...)...) }

// An extensionSample is the data of an extension in one of its places.
type extensionSample struct {
	number uint16
	where  place
	data   []byte
}

// rareExtensions are those that crypto/tls does not send, or not everywhere
// where they may stand.
func rareExtensions() []extensionSample {
	const ch, sh, hrr, ee, ct, cr, nst = inClientHello, inServerHello, inHelloRetryRequest, inEncryptedExtensions, inCertificate, inCertificateRequest, inNewSessionTicket
	hash := []byte("a hash of twenty one"[:20])
	name := derSequence(der(tagSet, derSequence(derOID(2, 5, 4, 3), der(tagUTF8String, []byte("ana")))))
	nonce := derSequence(derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 2), der(tagOctetString, der(tagOctetString, hash))))
	request := slices.Concat(vector16(vector16(der(constructed(2), der(tagOctetString, hash))), vector16(der(constructed(1), name))), vector16(nonce))
	delegated := slices.Concat(unhex("00093a80"), unhex("0807"), vector24(derSequence(derSequence(derOID(1, 3, 101, 112)), der(tagBitString, []byte{0}, hash, hash[:12]))),
		unhex("0403"), vector16(derSequence(derSmall(1), derSmall(2))))
	preferred := slices.Concat(unhex("c0000201"), unhex("01bb"), make([]byte, 15), []byte{1}, unhex("01bb"), vector8(unhex("0102030405")), hash[:16])
	session := vector8([]byte("a session's identifier"))
	h2 := []byte("h2")
	return []extensionSample{
		{0x0000, ee, nil},
		{0x0001, ch, unhex("02")},
		{0x0001, sh, unhex("02")},
		{0x0001, ee, unhex("02")},
		{0x0002, ch, nil},
		{0x0002, sh, nil},
		{0x0003, ch, vector16(unhex("00"), unhex("01"), hash, unhex("02"), vector16(name), unhex("03"), hash)},
		{0x0003, sh, nil},
		{0x0004, ch, nil},
		{0x0004, sh, nil},
		{0x0005, ch, slices.Concat(unhex("01"), request)},
		{0x0006, ch, vector8(unhex("40"))},
		{0x0006, sh, vector8(unhex("40"))},
		{0x0007, ch, vector8(unhex("0001"))},
		{0x0007, sh, vector8(unhex("01"))},
		{0x0008, ch, vector8(unhex("0203"))},
		{0x0008, sh, vector8(unhex("41"))},
		{0x0009, ch, vector8(unhex("0001"))},
		{0x0009, sh, unhex("01")},
		{0x000a, ee, vector16(unhex("001d11ec"))},
		{0x000c, ch, vector8([]byte("ana"))},
		{0x000e, ch, slices.Concat(vector16(unhex("00010007")), vector8())},
		{0x000e, sh, slices.Concat(vector16(unhex("0007")), vector8(unhex("0102030405")))},
		{0x000e, ee, slices.Concat(vector16(unhex("0007")), vector8())},
		{0x000f, ch, unhex("01")},
		{0x000f, sh, unhex("02")},
		{0x000f, ee, unhex("02")},
		{0x0011, ch, vector16(unhex("02"), vector16(request), unhex("01"), vector16(vector16(), vector16()))},
		{0x0011, sh, nil},
		{0x0013, ch, vector8(unhex("0200"))},
		{0x0013, sh, unhex("02")},
		{0x0013, ee, unhex("02")},
		{0x0014, ch, vector8(unhex("0200"))},
		{0x0014, sh, unhex("02")},
		{0x0014, ee, unhex("02")},
		{0x0015, ch, make([]byte, 9)},
		{0x0016, ch, nil},
		{0x0016, sh, nil},
		{0x0018, ch, slices.Concat(unhex("0100"), vector8(unhex("0002")))},
		{0x0018, sh, slices.Concat(unhex("0100"), vector8(unhex("02")))},
		{0x0019, ch, vector16(unhex("01"), vector8(hash), unhex("02"), vector8(hash))},
		{0x0019, sh, vector16(unhex("01"))},
		{0x0019, ee, vector16(unhex("01"))},
		{0x001b, ch, vector8(unhex("00020001"))},
		{0x001b, cr, vector8(unhex("0003"))},
		{0x001c, ch, unhex("4001")},
		{0x001c, sh, unhex("4000")},
		{0x001c, ee, unhex("4001")},
		{0x0021, ch, nil},
		{0x0021, sh, nil},
		{0x0022, ch, vector16(unhex("04030807"))},
		{0x0022, cr, vector16(unhex("0807"))},
		{0x0022, ct, delegated},
		{0x0027, ch, vector8(unhex("0001"))},
		{0x0027, sh, unhex("00")},
		{0x0027, ee, unhex("01")},
		{0x002c, ch, vector16(hash)},
		{0x002c, hrr, vector16(hash)},
		{0x002f, ch, vector16(vector16(name))},
		{0x0030, cr, vector16(
			vector8(derOID(2, 5, 29, 15)), vector16(der(tagBitString, unhex("0780"))), vector8(derOID(2, 5, 29, 37)), vector16(),
			vector8(derOID(2, 5, 29, 37)), vector16(derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 3, 2))),
		)},
		{0x0031, ch, nil},
		{0x0032, ch, vector16(unhex("04010403"))},
		{0x0032, cr, vector16(unhex("0401"))},
		{0x0034, ch, nil},
		{0x0034, cr, nil},
		{0x0034, ct, vector16(vector16(hash))},
		{0x0034, sh, vector16(vector16(hash))},
		{0x0036, ch, vector8()},
		{0x0036, sh, vector8(hash)},
		{0x0037, ch, vector8()},
		{0x0037, sh, vector8(hash)},
		{0x0037, ee, vector8(hash)},
		{0x0038, ch, session},
		{0x0038, sh, session},
		{0x0038, ee, session},
		{0x0039, ch, slices.Concat(
			unhex("0f"), vector8(hash), unhex("4001"), unhex("4002"), unhex("7530"), unhex("04"), vector8(unhex("c000000000100000")), unhex("0c00"),
			unhex("11"), vector8(unhex("00000001000000016b3343cf")),
		)},
		{0x0039, ee, slices.Concat(unhex("00"), vector8(hash), unhex("02"), vector8(hash[:16]), unhex("0d"), vector8(preferred), unhex("0a"), vector8(unhex("03")))},
		{0x003a, ch, unhex("0201")},
		{0x003a, ee, unhex("02")},
		{0x003e, ch, vector8(unhex("0100000080"))},
		{0x003e, sh, vector8(unhex("02"))},
		{0x003e, ee, vector8(unhex("02"))},
		{0x003e, cr, vector8(unhex("02"))},
		{0x003e, ct, vector8(unhex("02"))},
		{0x003e, nst, vector8(unhex("02"))},
		{0x3374, ch, nil},
		{0x3374, sh, slices.Concat(vector8(h2), vector8([]byte("http/1.1")))},
		{0x4469, ch, vector16(vector8(h2))},
		{0x4469, ee, hash},
		{0x44cd, ch, vector16(vector8(h2))},
		{0x44cd, ee, hash},
		{0xff01, sh, vector8(hash, hash[:4])},
	}
}

// message puts the extension where it stands: alone in a message of its kind.
func (e extensionSample) message() *Message {
	list := vector16(binary.BigEndian.AppendUint16(nil, e.number), vector16(e.data))
	server := slices.Concat(unhex("0303"), make([]byte, 32), unhex("00"), unhex("130100"))
	copy(server[2:], map[place]string{inHelloRetryRequest: helloRetryRandom}[e.where])
	m := map[place]*Message{
		inClientHello:         {Type: typeClientHello, Bytes: slices.Concat(unhex("0303"), make([]byte, 32), unhex("00"), vector16(unhex("1301")), unhex("0100"), list)},
		inServerHello:         {Type: typeServerHello, Bytes: slices.Concat(server, list)},
		inHelloRetryRequest:   {Type: typeServerHello, Bytes: slices.Concat(server, list)},
		inEncryptedExtensions: {Type: typeEncryptedExtensions, Bytes: list},
		inCertificate:         {Type: typeCertificate, Bytes: slices.Concat(unhex("00"), vector24(vector24(sampleCertificates()["Ed25519"]), list))},
		inCertificateRequest:  {Type: 0x0d, Bytes: slices.Concat(unhex("00"), list)},
		inNewSessionTicket:    {Type: typeNewSessionTicket, Bytes: slices.Concat(unhex("00093a80"), unhex("01020304"), vector8(unhex("00")), vector16(unhex("0102")), list)},
	}[e.where]
	return handshakeMessage(m.Type, m.Bytes, version13, 0x1301)
}

func handshakeMessage(kind HandshakeType, body []byte, version, suite uint16) *Message {
	return &Message{Type: kind, Bytes: slices.Concat([]byte{byte(kind)}, []byte{byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body), version: version, suite: suite}
}

// rareClaims are messages that Go's endpoints do not send to each other, and
// extensions that they do not put in them.
func rareClaims() (all []claim) {
	for _, e := range rareExtensions() {
		all = append(all, messageClaim(fmt.Sprintf("%s, %d", ExtensionName(e.number), e.where), e.message()))
	}
	for name, m := range rareMessages() {
		all = append(all, messageClaim(name, m))
	}
	return all
}

func rareMessages() map[string]*Message {
	const (
		rsa, psk, dhe, anon, dss = 0x009c, 0x00a8, 0x009e, 0x00a6, 0x00a2
		dhePSK, rsaPSK, ecdhePSK = 0x00aa, 0x00ac, 0xd001
		ecdhe, ecdsa, x25519     = 0xc02f, 0xc02b, "001d"
	)
	const serverKey, clientKey = typeServerKeyExchange, HandshakeType(0x10)
	key, ana := bytes.Repeat([]byte{9}, 32), vector16([]byte("ana"))
	dh := slices.Concat(vector16(key), vector16(unhex("02")), vector16(key))
	ecdh := slices.Concat(unhex("03"+x25519), vector8(key))
	point := vector8(unhex("04"), key, key)
	named := slices.Concat(unhex("0804"), vector16(key))
	pair := derSequence(der(tagInteger, key), der(tagInteger, key))
	response := slices.Concat(unhex("02"), vector24(vector24(sampleResponses()["good"]), vector24()))
	return map[string]*Message{
		"DHE_RSA":                      handshakeMessage(serverKey, slices.Concat(dh, named), version12, dhe),
		"DHE_DSS":                      handshakeMessage(serverKey, slices.Concat(dh, unhex("0402"), vector16(pair)), version12, dss),
		"DH_anon":                      handshakeMessage(serverKey, dh, version12, anon),
		"PSK":                          handshakeMessage(serverKey, ana, version12, psk),
		"DHE_PSK":                      handshakeMessage(serverKey, slices.Concat(ana, dh), version12, dhePSK),
		"RSA_PSK":                      handshakeMessage(serverKey, ana, version12, rsaPSK),
		"ECDHE_PSK":                    handshakeMessage(serverKey, slices.Concat(ana, ecdh), version12, ecdhePSK),
		"ECDHE_RSA on P-256":           handshakeMessage(serverKey, slices.Concat(unhex("030017"), point, named), version12, ecdhe),
		"ECDHE_RSA in TLS 1.0":         handshakeMessage(serverKey, slices.Concat(ecdh, vector16(key)), 0x0301, 0xc013),
		"ECDHE_ECDSA in TLS 1.1":       handshakeMessage(serverKey, slices.Concat(ecdh, vector16(pair)), 0x0302, 0xc009),
		"client of DHE_RSA":            handshakeMessage(clientKey, vector16(key), version12, dhe),
		"client of PSK":                handshakeMessage(clientKey, ana, version12, psk),
		"client of DHE_PSK":            handshakeMessage(clientKey, slices.Concat(ana, vector16(key)), version12, dhePSK),
		"client of RSA_PSK":            handshakeMessage(clientKey, slices.Concat(ana, vector16(key)), version12, rsaPSK),
		"client of ECDHE_PSK":          handshakeMessage(clientKey, slices.Concat(ana, vector8(key)), version12, ecdhePSK),
		"client of ECDHE_RSA on P-256": handshakeMessage(clientKey, point, version12, ecdhe),
		"client of RSA":                handshakeMessage(clientKey, vector16(key), version12, rsa),
		"client of ECDH_ECDSA with a certificate": handshakeMessage(clientKey, nil, version12, 0xc02d),
		"empty certificate":                       handshakeMessage(typeCertificate, vector24(), version12, ecdsa),
		"several responses":                       handshakeMessage(0x16, response, version12, ecdsa),
		"hello_request":                           handshakeMessage(0x00, nil, version12, ecdsa),
		"end_of_early_data":                       handshakeMessage(typeEndOfEarlyData, nil, version13, 0x1301),
		"key_update":                              handshakeMessage(typeKeyUpdate, unhex("01"), version13, 0x1301),
		"compressed_certificate":                  handshakeMessage(0x19, slices.Concat(unhex("0001"), unhex("000100"), vector24(key)), version13, 0x1301),
		"next_protocol":                           handshakeMessage(0x43, slices.Concat(vector8([]byte("h2")), vector8(make([]byte, 28))), version12, ecdsa),
		"message_hash":                            handshakeMessage(typeMessageHash, key, version13, 0x1301),
	}
}

// encodedInner opens what a client has encrypted for the server, as a server
// does (RFC 9849 section 7.1).
func encodedInner(t testing.TB) []byte {
	t.Helper()
	for _, m := range live(t)["ECH and ALPN"] {
		outer, found := m.Fields().Find("extension.encrypted_client_hello")
		if m.Type != typeClientHello || !found {
			continue
		}
		part := func(kind string) []byte { f, _ := outer.Find(kind); return m.Bytes[f.Offset:f.End()] }
		config, private := echKey(1)
		kem := hpke.DHKEM(ecdh.X25519())
		key, err := kem.NewPrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		recipient, err := hpke.NewRecipient(part("ech.enc"), key, hpke.HKDFSHA256(), hpke.AES128GCM(), append([]byte("tls ech\x00"), config...))
		if err != nil {
			t.Fatal(err)
		}
		payload := part("ech.payload")
		aad := bytes.Replace(m.Bytes[handshakeHeaderLength:], payload, make([]byte, len(payload)), 1)
		inner, err := recipient.Open(aad, payload)
		if err != nil {
			t.Fatal(err)
		}
		return inner
	}
	t.Fatal("no encrypted ClientHello")
	return nil
}

// talkQUIC holds two handshakes without records, as QUIC does, the second one
// resumed and with early data, and returns their messages.
func talkQUIC(t testing.TB) (messages []*Message) {
	client, server := endpoints(t)
	client.MinVersion, server.MinVersion = tls.VersionTLS13, tls.VersionTLS13
	client.NextProtos, server.NextProtos = []string{"h3"}, []string{"h3"}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 2 {
		c := tls.QUICClient(&tls.QUICConfig{TLSConfig: client})
		s := tls.QUICServer(&tls.QUICConfig{TLSConfig: server})
		c.SetTransportParameters(unhex("0f00" + "040480100000" + "01048000ea60"))
		s.SetTransportParameters(unhex("0000" + "0f00" + "0a0103"))
		ctx := context.Background()
		if err := errors.Join(c.Start(ctx), s.Start(ctx)); err != nil {
			t.Fatal(err)
		}
		for moved := true; moved; {
			moved = false
			for _, way := range [][2]*tls.QUICConn{{c, s}, {s, c}} {
				for e := way[0].NextEvent(); e.Kind != tls.QUICNoEvent; e = way[0].NextEvent() {
					switch e.Kind {
					case tls.QUICWriteData:
						moved = true
						messages = append(messages, splitMessages(e.Data)...)
						if err := way[1].HandleData(e.Level, e.Data); err != nil {
							t.Fatal(err)
						}
					case tls.QUICHandshakeDone:
						if way[0] == s {
							if err := s.SendSessionTicket(tls.QUICSessionTicketOptions{EarlyData: true}); err != nil {
								t.Fatal(err)
							}
							moved = true
						}
					}
				}
			}
		}
		c.Close()
		s.Close()
	}
	return messages
}

func splitMessages(b []byte) (messages []*Message) {
	for len(b) >= handshakeHeaderLength {
		n := handshakeHeaderLength + peekLength(b[1:], 3)
		messages = append(messages, &Message{Type: HandshakeType(b[0]), Bytes: bytes.Clone(b[:n]), version: version13, suite: 0x1301})
		b = b[n:]
	}
	return messages
}

// opaqueKinds are the leaves that may be longer than four bytes: what is in
// them is random, a key, a hash, a signature, a name, one number, or made for
// somebody else's eyes.
var opaqueKinds = setOf(
	// random, or made to look so
	"client_hello.random", "client_hello.legacy_session_id", "server_hello.random", "server_hello.random_bytes",
	"server_hello.downgrade_sentinel", "server_hello.legacy_session_id_echo", "cookie.cookie", "ech.confirmation", "ech.payload",
	"connection_id.cid", "external_session_id.session_id", "quic.connection_id", "quic.stateless_reset_token",
	"certificate_request.certificate_request_context", "certificate.certificate_request_context", "ocsp.nonce_octets",
	// keys and what is made with them
	"key_share.key_exchange", "key_share.mlkem_encapsulation_key", "key_share.mlkem_ciphertext", "key_share.ecdh_share", "ec_point.x",
	"ec_point.y", "ec_point.octets", "ech.enc", "ech.public_key", "pre_shared_key.binder", "certificate_verify.signature",
	"server_key_exchange.public", "server_key_exchange.signature", "server_key_exchange.dh_p", "server_key_exchange.dh_ys",
	"client_key_exchange.dh_yc", "client_key_exchange.ecdh_yc", "client_key_exchange.encrypted_pre_master_secret", "finished.verify_data",
	"sct.signature", "x509.public_key", "x509.signature_octets", "renegotiation_info.renegotiated_connection",
	// hashes
	"sct.log_id", "ocsp.hash", "x509.key_identifier_octets", "trusted_ca_keys.sha1_hash", "cached_info.hash_value", "external_id_hash.binding_hash",
	"message_hash.hash",
	// names and addresses
	"server_name.host_name", "alpn.protocol_name", "application_settings.protocol_name", "next_protocol_negotiation.protocol",
	"next_protocol.selected_protocol", "ech.public_name", "srp.srp_i", "x509.address", "quic.ipv6_address",
	"client_key_exchange.psk_identity", "server_key_exchange.psk_identity_hint",
	// one value each
	"der.integer", "der.object_identifier", "der.string", "der.time", "sct.timestamp", "quic.integer", "tls_flags.flags",
	// zeros
	"padding.padding", "next_protocol.padding", "ech.zeros",
	// the sender's own, or another protocol's
	"new_session_ticket.ticket", "new_session_ticket.ticket_nonce", "session_ticket.ticket", "pre_shared_key.identity",
	"application_settings.settings", "transparency_info.serialized_trans_item", "compressed_certificate.compressed_certificate_message",
	"use_srtp.srtp_mki",
)

// unknownParts are the leaves of what is known by its name alone, and that
// stand on purpose in these claims.
var unknownParts = map[string]map[string]bool{
	"certificate rare extensions": setOf("x509.other_qualifier", "x509.other_name_value"),
	"certificate by hand":         setOf("x509.other_attribute_value", "x509.other_parameters", "x509.other_extension", "x509.unique_identifier"),
}

func setOf(words ...string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range words {
		set[word] = true
	}
	return set
}

// checkClaim holds a claim against the promise that all of it is taken apart.
func checkClaim(t *testing.T, claimed claim) {
	t.Helper()
	root := claimed.dissect(claimed.bytes)
	if err := errors.Join(checkTree(root, len(claimed.bytes)), checkBounds(root, len(claimed.bytes))); err != nil {
		t.Errorf("%s: %v", claimed.what, err)
	}
	if f, found := notUnderstood(root); found {
		t.Errorf("%s: %s at %d not understood: %s\n%x", claimed.what, f.Name, f.Offset, f.Value, claimed.bytes)
	}
	for _, leaf := range root.Leaves() {
		if leaf.Length > 4 && !opaqueKinds[leaf.Kind] && !unknownParts[claimed.what][leaf.Kind] {
			t.Errorf("%s: a leaf %s of %d bytes", claimed.what, leaf.Kind, leaf.Length)
		}
	}
}

// checkPrefixes holds a claim against the promise that nothing passes for the
// whole of it but the whole.
func checkPrefixes(t *testing.T, claimed claim) {
	t.Helper()
	for n := range len(claimed.bytes) {
		cut := claimed.dissect(claimed.bytes[:n])
		if err := checkTree(cut, n); err != nil {
			t.Fatalf("%s cut to %d bytes: %v", claimed.what, n, err)
		}
		if _, found := notUnderstood(cut); !found {
			t.Fatalf("%s cut to %d bytes passes for whole", claimed.what, n)
		}
	}
}

// checkUnderstood does both for a message.
func checkUnderstood(t *testing.T, m *Message) {
	t.Helper()
	checkClaim(t, messageClaim("message", m))
	checkPrefixes(t, messageClaim("message", m))
}

func TestEverythingClaimedIsTakenApartToTheLastByte(t *testing.T) {
	for _, claimed := range claims(t) {
		checkClaim(t, claimed)
	}
}

func TestNoPrefixPassesForTheWhole(t *testing.T) {
	for _, claimed := range claims(t) {
		if claimed.what != "EncodedClientHelloInner" { // whose padding can be cut
			checkPrefixes(t, claimed)
		}
	}
}

// placesOf has, for each extension that is taken apart, the messages in which
// it may stand: RFC 8446 section 4.2 and the extension's own standard, with
// the ServerHello of TLS 1.2.
var placesOf = map[uint16][]place{
	0x0000: {inClientHello, inEncryptedExtensions},
	0x0001: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0002: {inClientHello, inServerHello},
	0x0003: {inClientHello, inServerHello},
	0x0004: {inClientHello, inServerHello},
	0x0005: {inClientHello, inServerHello, inCertificateRequest, inCertificate},
	0x0006: {inClientHello, inServerHello},
	0x0007: {inClientHello, inServerHello},
	0x0008: {inClientHello, inServerHello},
	0x0009: {inClientHello, inServerHello},
	0x000a: {inClientHello, inEncryptedExtensions},
	0x000b: {inClientHello, inServerHello},
	0x000c: {inClientHello},
	0x000d: {inClientHello, inCertificateRequest},
	0x000e: {inClientHello, inServerHello, inEncryptedExtensions},
	0x000f: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0010: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0011: {inClientHello, inServerHello},
	0x0012: {inClientHello, inServerHello, inCertificateRequest, inCertificate},
	0x0013: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0014: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0015: {inClientHello},
	0x0016: {inClientHello, inServerHello},
	0x0017: {inClientHello, inServerHello},
	0x0018: {inClientHello, inServerHello},
	0x0019: {inClientHello, inServerHello, inEncryptedExtensions},
	0x001b: {inClientHello, inCertificateRequest},
	0x001c: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0021: {inClientHello, inServerHello},
	0x0022: {inClientHello, inCertificateRequest, inCertificate},
	0x0023: {inClientHello, inServerHello},
	0x0027: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0029: {inClientHello, inServerHello},
	0x002a: {inClientHello, inEncryptedExtensions, inNewSessionTicket},
	0x002b: {inClientHello, inServerHello, inHelloRetryRequest},
	0x002c: {inClientHello, inHelloRetryRequest},
	0x002d: {inClientHello},
	0x002f: {inClientHello, inCertificateRequest},
	0x0030: {inCertificateRequest},
	0x0031: {inClientHello},
	0x0032: {inClientHello, inCertificateRequest},
	0x0033: {inClientHello, inServerHello, inHelloRetryRequest},
	0x0034: {inClientHello, inServerHello, inCertificateRequest, inCertificate},
	0x0036: {inClientHello, inServerHello},
	0x0037: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0038: {inClientHello, inServerHello, inEncryptedExtensions},
	0x0039: {inClientHello, inEncryptedExtensions},
	0x003a: {inClientHello, inEncryptedExtensions},
	0x003e: {inClientHello, inServerHello, inEncryptedExtensions, inCertificateRequest, inCertificate, inNewSessionTicket},
	0x3374: {inClientHello, inServerHello},
	0x4469: {inClientHello, inEncryptedExtensions},
	0x44cd: {inClientHello, inEncryptedExtensions},
	0xfd00: {inClientHello},
	0xfe0d: {inClientHello, inHelloRetryRequest, inEncryptedExtensions},
	0xff01: {inClientHello, inServerHello},
}

var placeNames = map[string]place{
	"client_hello": inClientHello, "encoded_client_hello_inner": inClientHello, "server_hello": inServerHello,
	"hello_retry_request": inHelloRetryRequest, "encrypted_extensions": inEncryptedExtensions, "certificate": inCertificate,
	"certificate_request": inCertificateRequest, "new_session_ticket": inNewSessionTicket,
}

func TestEveryExtensionIsClaimedWhereverItMayStand(t *testing.T) {
	seen := make(map[string]bool)
	for _, claimed := range claims(t) {
		root := claimed.dissect(claimed.bytes)
		walk(root, func(f Field) {
			if strings.HasPrefix(f.Kind, "extension.") && len(f.Children) > 0 {
				seen[fmt.Sprintf("%x in %d", claimed.bytes[f.Offset:f.Offset+2], placeNames[root.Kind])] = true
			}
		})
	}
	for number := range placesOf {
		if extensionBodies[number].read == nil {
			t.Errorf("%s is not taken apart", ExtensionName(number))
		}
	}
	for number := range extensionBodies {
		if placesOf[number] == nil {
			t.Errorf("nothing says where %s may stand", ExtensionName(number))
		}
		for _, where := range placesOf[number] {
			if !seen[fmt.Sprintf("%04x in %d", number, where)] {
				t.Errorf("nothing is claimed of %s in place %d", ExtensionName(number), where)
			}
		}
	}
}

// walk visits a field and all below it.
func walk(f Field, visit func(Field)) {
	visit(f)
	for _, child := range f.Children {
		walk(child, visit)
	}
}

// kindsSeen returns the kinds of all fields of the claims.
func kindsSeen(t *testing.T) map[string]bool {
	seen := make(map[string]bool)
	for _, claimed := range claims(t) {
		walk(claimed.dissect(claimed.bytes), func(f Field) { seen[f.Kind] = true })
	}
	return seen
}

// kindsNamed returns the kinds that the source of the package names, and where.
func kindsNamed(t *testing.T, files string) map[string]string {
	t.Helper()
	return wordsNamed(t, files, kindPattern)
}

// wordsNamed returns the strings in the source that are of the pattern.
func wordsNamed(t *testing.T, files string, pattern *regexp.Regexp) map[string]string {
	t.Helper()
	named := make(map[string]string)
	matches, err := filepath.Glob(files)
	if err != nil {
		t.Fatal(err)
	}
	places := token.NewFileSet()
	for _, file := range matches {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(places, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(node ast.Node) bool {
			if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if word, err := strconv.Unquote(lit.Value); err == nil && pattern.MatchString(word) {
					named[word] = places.Position(node.Pos()).String()
				}
			}
			return true
		})
	}
	return named
}

var kindPattern = regexp.MustCompile(`^[a-z0-9_]+\.[a-z][a-z0-9_]*$`)

// unclaimed are the kinds of what nobody claims to take apart, and of what
// stands in records and not in messages.
var unclaimed = setOf(
	NotUnderstood, "handshake.message", "handshake.body", "extension.other", "extension.grease", "extension.extension_data", "client_key_exchange.exchange_keys",
	"server_key_exchange.params", "x509.general_name", "sct.other_version", "ocsp.other_response", "quic.value",
	"alert.level", "alert.description", "change_cipher_spec.type", "record.handshake", "record.application_data", "record.content",
)

func TestEveryKindIsSeenInAClaim(t *testing.T) {
	seen := kindsSeen(t)
	named := kindsNamed(t, "dissect*.go")
	if len(named) < 300 {
		t.Fatalf("only %d kinds in the source", len(named))
	}
	for kind, where := range named {
		if !seen[kind] && !unclaimed[kind] {
			t.Errorf("%s: no claim has %s", where, kind)
		}
		if seen[kind] && unclaimed[kind] {
			t.Errorf("%s: %s is not claimed, but there is a claim", where, kind)
		}
	}
	for kind, layout := range bodies {
		if name := kind.String(); !seen[name] {
			t.Errorf("no claim has the message %s (%s)", name, layout.rfc)
		}
	}
}

func TestEveryKindOfFieldIsExplainedInBothLanguages(t *testing.T) {
	kinds := kindsNamed(t, "dissect*.go")
	maps.Copy(kinds, kindsNamed(t, "cursor.go"))
	maps.Copy(kinds, kindsNamed(t, "record.go"))
	for kind := range kindsSeen(t) {
		kinds[kind] = "a claim"
	}
	kinds["record"], kinds[NotUnderstood] = "record.go", "field.go"
	for _, lang := range []string{docs.English, docs.Portuguese} {
		for kind, where := range kinds {
			if docs.For(lang).Explain(kind) == "" {
				t.Errorf("%s: nothing is said in %s of %s", where, lang, kind)
			}
		}
	}
	for kind := range structures {
		if kinds[kind] == "" {
			t.Errorf("nothing is of the kind %s", kind)
		}
	}
}

func TestEveryExplanationIsOfAKindThatThereIs(t *testing.T) {
	kinds := map[string]bool{"field_kv_token": true, "field_kv_language": true} // of the arguments of commands, which kvs.Commands names
	for _, files := range []string{"*.go", "../kvs/stage/*/*.go"} {
		for word := range wordsNamed(t, files, regexp.MustCompile(`^[a-z0-9_.]+$`)) {
			kinds["field_"+strings.ReplaceAll(word, ".", "_")] = true
		}
	}
	sentences, err := os.ReadFile("../docs/sentences/field.en.toml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sentences)) {
		id, _, _ := strings.Cut(line, " = ")
		if strings.HasPrefix(id, "field_") && !kinds[id] {
			t.Errorf("%s explains nothing that there is", id)
		}
	}
}

func TestWhatIsNotKnownIsOneLeaf(t *testing.T) {
	hello := func(number uint16, data string) *Message {
		return extensionSample{number, inClientHello, unhex(data)}.message()
	}
	body := []byte("somebody's own layout")
	for kind, root := range map[string]Field{
		"sct.other_version":                 dissectTimestamps(vector16(vector16([]byte{1}, body))),
		"ocsp.other_response":               dissectResponse(responseByHand(derOID(1, 2, 3))),
		"quic.value":                        hello(0x0039, "1b03010203").Fields(),
		"extension.other":                   hello(0x1234, "0102030405").Fields(),
		"extension.grease":                  hello(0x1a1a, "00").Fields(),
		"server_key_exchange.params":        handshakeMessage(typeServerKeyExchange, body, version12, 0xc01d).Fields(), // SRP
		"client_key_exchange.exchange_keys": handshakeMessage(0x10, body, version12, 0xc01d).Fields(),
		"handshake.body":                    handshakeMessage(0x1a, body, version13, 0x1301).Fields(),
		"ech.contents":                      extensionSample{0xfe0d, inEncryptedExtensions, vector16(unhex("fe0c"), vector16(body))}.message().Fields(),
	} {
		if f, found := root.Find(kind); !found || f.Length == 0 {
			t.Errorf("no %s: %+v", kind, f)
		}
		if f, found := notUnderstood(root); found {
			t.Errorf("%s: %s at %d not understood: %s", kind, f.Name, f.Offset, f.Value)
		}
	}
}
