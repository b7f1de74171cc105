package inspect

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/ocsp"
	"pgregory.net/rapid"
)

// checkTree holds a tree against what a dissected byte owes the reader:
// children lie inside their parent, in order, and cover it, and the root
// covers all n bytes.
func checkTree(root Field, n int) error {
	if root.Offset != 0 || root.Length != n {
		return fmt.Errorf("the root covers %d bytes from %d on, not %d from 0 on", root.Length, root.Offset, n)
	}
	return checkField(root)
}

func checkField(f Field) error {
	if f.Kind == "" || f.Name == "" || f.RFC == "" || f.Length < 0 {
		return fmt.Errorf("incomplete field %+v", f)
	}
	at := f.Offset
	for _, child := range f.Children {
		if child.Offset != at {
			return fmt.Errorf("%s begins at %d inside %s, not at %d", child.Kind, child.Offset, f.Kind, at)
		}
		if err := checkField(child); err != nil {
			return err
		}
		at = child.End()
	}
	if len(f.Children) > 0 && at != f.End() {
		return fmt.Errorf("the children of %s end at %d, not at %d", f.Kind, at, f.End())
	}
	return nil
}

// notUnderstood returns the first leaf that is not understood.
func notUnderstood(root Field) (Field, bool) { return root.Find(NotUnderstood) }

// A conversation is a session between two endpoints of crypto/tls: how they
// are set up, and how often they talk.
type conversation struct {
	change func(client, server *tls.Config)
	times  int
}

var conversations = map[string]conversation{
	"TLS 1.3":           {times: 1, change: func(_, _ *tls.Config) {}},
	"TLS 1.2":           {times: 1, change: func(client, _ *tls.Config) { client.MaxVersion = tls.VersionTLS12 }},
	"x25519":            {times: 1, change: func(client, _ *tls.Config) { client.CurvePreferences = []tls.CurveID{tls.X25519} }},
	"SecP256r1MLKEM768": {times: 1, change: func(client, _ *tls.Config) { client.CurvePreferences = []tls.CurveID{tls.SecP256r1MLKEM768} }},
	"SecP384r1MLKEM1024": {times: 1, change: func(client, _ *tls.Config) {
		client.CurvePreferences = []tls.CurveID{tls.SecP384r1MLKEM1024}
	}},
	"client certificate": {times: 1, change: withClientCertificate},
	"client certificate in TLS 1.2": {times: 1, change: func(client, server *tls.Config) {
		withClientCertificate(client, server)
		client.MaxVersion = tls.VersionTLS12
	}},
	"no client certificate": {times: 1, change: func(_, server *tls.Config) { server.ClientAuth = tls.RequestClientCert }},
	"HelloRetryRequest": {times: 1, change: func(_, server *tls.Config) {
		server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	}},
	"resumption": {times: 2, change: func(client, _ *tls.Config) { client.ClientSessionCache = tls.NewLRUClientSessionCache(1) }},
	"resumption in TLS 1.2": {times: 2, change: func(client, _ *tls.Config) {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		client.MaxVersion = tls.VersionTLS12
	}},
	"ALPN": {times: 1, change: func(client, server *tls.Config) {
		client.NextProtos, server.NextProtos = []string{"h2", "http/1.1"}, []string{"h2"}
	}},
	"ALPN in TLS 1.2": {times: 1, change: func(client, server *tls.Config) {
		client.NextProtos, server.NextProtos = []string{"h2", "http/1.1"}, []string{"h2"}
		client.MaxVersion = tls.VersionTLS12
	}},
	"stapled":            {times: 1, change: staple},
	"stapled in TLS 1.2": {times: 1, change: func(client, server *tls.Config) { staple(client, server); client.MaxVersion = tls.VersionTLS12 }},
	"ChaCha20 in TLS 1.2": {times: 1, change: func(client, server *tls.Config) {
		client.MaxVersion = tls.VersionTLS12
		server.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
	}},
	"ECH":          {times: 1, change: func(client, server *tls.Config) { encryptHello(client, server, true) }},
	"ECH rejected": {times: 1, change: func(client, server *tls.Config) { encryptHello(client, server, false) }},
	"ECH and ALPN": {times: 1, change: func(client, server *tls.Config) {
		encryptHello(client, server, true)
		client.NextProtos, server.NextProtos = []string{"h2"}, []string{"h2"}
	}},
	"stapled client certificate": {times: 1, change: func(client, server *tls.Config) {
		staple(client, server)
		withClientCertificate(client, server)
	}},
	"RSA": {times: 1, change: func(client, server *tls.Config) { withCertificate(client, server, "RSA", keys().rsa) }},
	"RSA key exchange in TLS 1.2": {times: 1, change: func(client, server *tls.Config) {
		withCertificate(client, server, "RSA", keys().rsa)
		client.MaxVersion = tls.VersionTLS12
		client.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		server.CipherSuites = client.CipherSuites
	}},
	"RSA in TLS 1.2": {times: 1, change: func(client, server *tls.Config) {
		withCertificate(client, server, "RSA", keys().rsa)
		client.MaxVersion, client.CurvePreferences = tls.VersionTLS12, []tls.CurveID{tls.CurveP256}
	}},
	"Ed25519": {times: 1, change: func(client, server *tls.Config) { withCertificate(client, server, "Ed25519", keys().ed25519) }},
	"ECH after a HelloRetryRequest": {times: 1, change: func(client, server *tls.Config) {
		encryptHello(client, server, true)
		server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	}},
}

func withClientCertificate(client, server *tls.Config) {
	client.Certificates = server.Certificates
	server.ClientAuth = tls.RequireAndVerifyClientCert
}

// withCertificate gives the server one of the sample certificates, which the
// client does not look at.
func withCertificate(client, server *tls.Config, name string, key crypto.PrivateKey) {
	client.InsecureSkipVerify = true
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{sampleCertificates()[name]}, PrivateKey: key}}
}

// staple puts an OCSP response and two certificate timestamps beside the
// server's certificate.
func staple(_, server *tls.Config) {
	cert := &server.Certificates[0]
	response, err := ocsp.CreateResponse(cert.Leaf, cert.Leaf, ocsp.Response{
		Status: ocsp.Good, SerialNumber: cert.Leaf.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
	}, cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		panic(err)
	}
	list := cryptobyte.String(sampleTimestamps())
	cert.OCSPStaple = response
	for list.Skip(2); !list.Empty(); {
		var timestamp cryptobyte.String
		list.ReadUint16LengthPrefixed(&timestamp)
		cert.SignedCertificateTimestamps = append(cert.SignedCertificateTimestamps, timestamp)
	}
}

// encryptHello gives the server a key for Encrypted Client Hello, and the
// client its configuration or, where it is to be rejected, another one.
func encryptHello(client, server *tls.Config, right bool) {
	config, key := echKey(1)
	server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key, SendAsRetry: true}}
	if !right {
		config, _ = echKey(2)
	}
	list := cryptobyte.NewBuilder(nil)
	list.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(config) })
	client.EncryptedClientHelloConfigList = list.BytesOrPanic()
}

// echKey returns the configuration of that number and its key.
func echKey(id uint8) (config, private []byte) {
	key, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{id}, 32))
	if err != nil {
		panic(err)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(0xfe0d)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(id)
		b.AddUint16(0x0020)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(key.PublicKey().Bytes()) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(0x0001); b.AddUint16(0x0001) })
		b.AddUint8(32)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("lab.example")) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x12, 0x34, 0, 1, 7}) })
	})
	return b.BytesOrPanic(), key.Bytes()
}

// talk holds the conversation through a tap and returns its messages.
func talk(t testing.TB, how conversation) []*Message {
	t.Helper()
	client, server := endpoints(t)
	how.change(client, server)
	tap := NewTap()
	defer tap.Close()
	for range how.times {
		c, s := tap.Pipe(client, server)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(s, s)
			s.Close()
		}()
		if _, err := io.WriteString(c, "create nome ana\n"); err == nil {
			if _, err := io.ReadFull(c, make([]byte, 16)); err != nil {
				t.Error(err)
			}
		}
		c.Close()
		<-done
	}
	var messages []*Message
	for _, conn := range NewSession(tap.Recording()).Connections() {
		messages = append(messages, conn.View(Client).Messages()...)
	}
	return messages
}

// endpoints returns configurations of a client and a server that trust each
// other.
func endpoints(t testing.TB) (client, server *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab.example"},
		DNSNames: []string{"lab.example"}, IPAddresses: []net.IP{net.IPv6loopback},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{RootCAs: roots, ServerName: "lab.example"}, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}, ClientCAs: roots,
	}
}

func TestEveryConversationIsHeld(t *testing.T) {
	for name, messages := range live(t) {
		if len(messages) < 2 {
			t.Errorf("%s: only %d messages", name, len(messages))
		}
	}
}

// rfc8448 returns the messages of the RFC's example traces.
func rfc8448(t testing.TB) (sections []string, messages []*Message) {
	t.Helper()
	file, err := os.Open("testdata/rfc8448-messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 3 || words[0] == "#" {
			continue
		}
		b, err := hex.DecodeString(words[2])
		if err != nil {
			t.Fatal(err)
		}
		sections = append(sections, words[0]+" "+words[1])
		messages = append(messages, &Message{Type: HandshakeType(b[0]), Bytes: b, version: 0x0304, suite: 0x1301})
	}
	if len(messages) == 0 || lines.Err() != nil {
		t.Fatal("no messages", lines.Err())
	}
	return sections, messages
}

func TestTheMessagesOfRFC8448AreCalledAsThere(t *testing.T) {
	sections, messages := rfc8448(t)
	for i, m := range messages {
		if want := strings.Fields(sections[i])[1]; m.Name() != want {
			t.Errorf("section %s is called %s", sections[i], m.Name())
		}
	}
}

// told returns the values of all fields of that kind in the messages.
func told(messages []*Message, kind string) (values []string) {
	var walk func(Field)
	walk = func(f Field) {
		if f.Kind == kind {
			values = append(values, f.Value)
		}
		for _, child := range f.Children {
			walk(child)
		}
	}
	for _, m := range messages {
		walk(m.Fields())
	}
	return values
}

func TestValuesReadAsAPersonReadsThem(t *testing.T) {
	for _, want := range []struct{ session, kind, value string }{
		{"TLS 1.3", "server_name.host_name", "lab.example"},
		{"TLS 1.3", "client_hello.legacy_version", "TLS 1.2 (0x0303)"},
		{"TLS 1.3", "extension.supported_versions", "TLS 1.3 (0x0304), TLS 1.2 (0x0303)"},
		{"TLS 1.3", "supported_versions.selected_version", "TLS 1.3 (0x0304)"},
		{"TLS 1.3", "key_share.group", "X25519MLKEM768 (0x11ec)"},
		{"TLS 1.3", "client_hello.cipher_suite", "TLS_AES_128_GCM_SHA256 (0x1301)"},
		{"TLS 1.3", "certificate_verify.algorithm", "ecdsa_secp256r1_sha256 (0x0403)"},
		{"TLS 1.2", "server_hello.downgrade_sentinel", "DOWNGRD 01: TLS 1.2, from a server that could do TLS 1.3"},
		{"TLS 1.2", "server_key_exchange.curve_type", "named_curve (0x03)"},
		{"TLS 1.2", "server_key_exchange.namedcurve", "x25519 (0x001d)"},
		{"HelloRetryRequest", "key_share.selected_group", "secp384r1 (0x0018)"},
		{"HelloRetryRequest", "server_hello.random", `HelloRetryRequest: SHA-256("HelloRetryRequest")`},
		{"resumption", "new_session_ticket.ticket_lifetime", "604800 s = 7 d"},
		{"resumption", "psk_key_exchange_modes.ke_mode", "psk_dhe_ke (0x01)"},
		{"resumption", "pre_shared_key.selected_identity", "0"},
		{"client certificate", "certificate_authorities.distinguished_name", "CN=lab.example"},
		{"client certificate in TLS 1.2", "certificate_authorities.distinguished_name", "CN=lab.example"},
		{"client certificate in TLS 1.2", "certificate_request.certificate_type", "ecdsa_sign (0x40)"},
		{"ALPN", "alpn.protocol_name_list", "h2, http/1.1"},
		{"ALPN in TLS 1.2", "alpn.protocol_name_list", "h2"},
		{"stapled", "sct.timestamp", "2023-11-14 22:13:20.000 UTC"},
		{"stapled in TLS 1.2", "sct.signature_algorithm", "ecdsa_secp256r1_sha256 (0x0403)"},
		{"ECH", "ech.type", "outer (0x00)"},
		{"ECH", "ech.cipher_suite", "HKDF-SHA256 (0x0001), AES-128-GCM (0x0001)"},
		{"ECH", "ech.config_id", "1"},
		{"ECH rejected", "ech.kem_id", "DHKEM(X25519, HKDF-SHA256) (0x0020)"},
		{"ECH rejected", "ech.public_name", "lab.example"},
	} {
		values := told(live(t)[want.session], want.kind)
		if !slices.Contains(values, want.value) {
			t.Errorf("%s: %s reads %q, none of them %q", want.session, want.kind, values, want.value)
		}
	}
}

func TestAMaximumFragmentLengthIsToldInBytes(t *testing.T) {
	for code, want := range map[byte]string{1: "2^9 (0x01): 512 bytes", 2: "2^10 (0x02): 1024 bytes", 4: "2^12 (0x04): 4096 bytes", 5: maxFragmentLengths.label(5)} {
		c := newCursor("RFC 6066 section 4", []byte{code})
		if maxFragmentLength(c, inClientHello); c.last().Value != want {
			t.Errorf("%d reads %q, not %q", code, c.last().Value, want)
		}
	}
	c := newCursor("RFC 6066 section 4", nil)
	maxFragmentLength(c, inClientHello)
}

func TestACertificateIsToldBySubjectIssuerNamesValidityAndKey(t *testing.T) {
	for _, session := range []string{"TLS 1.3", "TLS 1.2"} {
		values := told(live(t)[session], "certificate.cert_data")
		if len(values) != 1 || !regexp.MustCompile(`^subject CN=lab\.example; issuer CN=lab\.example; subjectAltName dNSName lab\.example, iPAddress ::1; `+
			`validity [-0-9]+ [:0-9]+ UTC – [-0-9]+ [:0-9]+ UTC; EC secp256r1$`).MatchString(values[0]) {
			t.Errorf("%s: %q", session, values)
		}
	}
}

func TestAStapledResponseIsTold(t *testing.T) {
	for _, session := range []string{"stapled", "stapled in TLS 1.2"} {
		values := told(live(t)[session], "certificate_status.response")
		if len(values) != 1 || !strings.HasPrefix(values[0], "successful (0x00), serialNumber 1: good, thisUpdate ") {
			t.Errorf("%s: %q", session, values)
		}
	}
}

func TestAHybridShareIsSplitWhereItsTwoPartsMeet(t *testing.T) {
	for session, want := range map[string][]string{
		"TLS 1.3": {
			"mlkem_encapsulation_key 1184", "ecdh_share 32", "key_exchange 32", // and x25519 by itself
			"mlkem_ciphertext 1088", "ecdh_share 32",
		},
		"SecP256r1MLKEM768":  {"ecdh_share 65", "mlkem_encapsulation_key 1184", "ecdh_share 65", "mlkem_ciphertext 1088"},
		"SecP384r1MLKEM1024": {"ecdh_share 97", "mlkem_encapsulation_key 1568", "ecdh_share 97", "mlkem_ciphertext 1568"},
	} {
		var got []string
		for _, m := range live(t)[session] {
			for _, leaf := range m.Fields().Leaves() {
				if strings.HasPrefix(leaf.Kind, "key_share.") && leaf.Length > 4 {
					got = append(got, fmt.Sprintf("%s %d", leaf.Name, leaf.Length))
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", session, got, want)
		}
	}
}

func TestAPointOnANISTCurveHasTwoCoordinates(t *testing.T) {
	for group, curve := range map[uint16]ecdh.Curve{0x0017: ecdh.P256(), 0x0018: ecdh.P384(), 0x0019: ecdh.P521()} {
		key, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point := key.PublicKey().Bytes()
		number := binary.BigEndian.AppendUint16(nil, group)
		for what, m := range map[string]*Message{
			"key_share":         extensionSample{0x0033, inServerHello, slices.Concat(number, vector16(point))}.message(),
			"ServerKeyExchange": handshakeMessage(typeServerKeyExchange, slices.Concat([]byte{namedCurve}, number, vector8(point)), version12, 0xc018),
			"ClientKeyExchange": handshakeMessage(0x10, vector8(point), version12, 0xc02f),
		} {
			root := m.Fields()
			x, _ := root.Find("ec_point.x")
			y, _ := root.Find("ec_point.y")
			if got := m.Bytes[min(x.Offset, y.Offset):y.End()]; !bytes.Equal(got, point[1:]) || x.Length != y.Length || x.End() != y.Offset {
				t.Errorf("%s in %s: %+v and %+v", GroupName(group), what, x, y)
			}
		}
	}
}

// An X25519 public key does not begin with 0x04, an uncompressed point of a
// NIST curve does: so the two halves are where they are said to be.
func TestTheECDHPartOfANISTHybridIsAnUncompressedPoint(t *testing.T) {
	for _, session := range []string{"SecP256r1MLKEM768", "SecP384r1MLKEM1024"} {
		for _, share := range told(live(t)[session], "key_share.ecdh_share") {
			if !strings.HasPrefix(share, "04") {
				t.Errorf("%s: the ECDH share begins %s", session, share)
			}
		}
	}
}

func TestWhatIsBrokenHidesNothingBehindIt(t *testing.T) {
	hello := live(t)["x25519"][0]
	groups, _ := hello.Fields().Find("extension.supported_groups")
	broken := *hello
	broken.Bytes = bytes.Clone(hello.Bytes)
	broken.Bytes[groups.Offset+5]++ // the list now claims a byte more than its extension has
	root := broken.Fields()
	if err := checkTree(root, len(broken.Bytes)); err != nil {
		t.Error(err)
	}
	bad, found := notUnderstood(root)
	if !found || bad.Name != "named_group_list" || bad.Offset != groups.Offset+6 || bad.Value != "3 bytes expected, 2 left" {
		t.Errorf("not understood: %+v", bad)
	}
	if share, _ := root.Find("key_share.group"); share.Value != "x25519 (0x001d)" {
		t.Errorf("behind the broken extension, the key share's group reads %q", share.Value)
	}
}

func TestABodyOfUnknownLayoutIsOneLeaf(t *testing.T) {
	for _, b := range [][]byte{{0x1a, 0, 0, 2, 1, 2}, {0x77, 0, 0, 2, 1, 2}} {
		m := &Message{Type: HandshakeType(b[0]), Bytes: b}
		root := m.Fields()
		if err := checkTree(root, len(b)); err != nil {
			t.Error(err)
		}
		if body, found := root.Find("handshake.body"); !found || body.Length != 2 || root.Name != m.Type.String() {
			t.Errorf("%+v", root)
		}
	}
}

func TestMessagesThatGoDoesNotSendAreUnderstoodToo(t *testing.T) {
	for _, want := range []struct {
		name, bytes, kind, value string
		version                  uint16
	}{
		{"key_update", "18000001" + "01", "key_update.request_update", "update_requested (0x01)", version13},
		{"end_of_early_data", "05000000", "handshake.length", "0", version13},
		{"hello_request", "00000000", "handshake.length", "0", version12},
		{
			"new_session_ticket", "04000019" + "00000e10" + "00000001" + "0101" + "0002abcd" + "0008002a000400004000" + "",
			"early_data.max_early_data_size", "16384", version13,
		},
	} {
		b, err := hex.DecodeString(want.bytes)
		if err != nil {
			t.Fatal(err)
		}
		b[3] = byte(len(b) - 4)
		m := &Message{Type: HandshakeType(b[0]), Bytes: b, version: want.version}
		if m.Name() != want.name {
			t.Errorf("%s is called %s", want.name, m.Name())
		}
		checkUnderstood(t, m)
		if f, _ := m.Fields().Find(want.kind); f.Value != want.value {
			t.Errorf("%s: %s reads %q", want.name, want.kind, f.Value)
		}
	}
}

func TestGreaseIsCalledGrease(t *testing.T) {
	c := newCursor("", []byte{0x0a, 0x0a, 0, 1, 0})
	extension(c, inClientHello)
	if f := c.fields[0]; f.Kind != "extension.grease" || f.Name != "GREASE 0x0a0a" || f.Length != 5 {
		t.Errorf("%+v", f)
	}
	if got := protocolName([]byte{0x1a, 0x1a}); got != "GREASE 0x1a1a" {
		t.Errorf("ALPN: %q", got)
	}
}

func TestContentOfEveryTypeIsCovered(t *testing.T) {
	for _, want := range []struct {
		t        ContentType
		content  string
		outlines string
	}{
		{Alert, "0228", "alert.level fatal (0x02), alert.description handshake_failure (0x28)"},
		{Alert, "0100", "alert.level warning (0x01), alert.description close_notify (0x00)"},
		{Alert, "02", "alert.level fatal (0x02), not_understood 1 bytes expected, 0 left"},
		{Alert, "010002", "alert.level warning (0x01), alert.description close_notify (0x00), not_understood 1 bytes more than belong here"},
		{ChangeCipherSpec, "01", "change_cipher_spec.type change_cipher_spec (0x01)"},
		{ApplicationData, "4f6b0a", "record.application_data Ok\n"},
		{Handshake, "14000000", "record.handshake 14000000"},
		{0x18, "010203", "record.content 010203"},
	} {
		content, err := hex.DecodeString(want.content)
		if err != nil {
			t.Fatal(err)
		}
		var outline []string
		at := 0
		for _, f := range contentFields(want.t, version13, content) {
			if f.Offset != at || f.RFC == "" {
				t.Errorf("%+v", f)
			}
			at = f.End()
			outline = append(outline, f.Kind+" "+f.Value)
		}
		if got := strings.Join(outline, ", "); got != want.outlines || at != len(content) {
			t.Errorf("%s %s: %d bytes: %q", want.t, want.content, at, got)
		}
	}
}

func TestTamperedMessagesAreStillCoveredExactlyOnce(t *testing.T) {
	var seeds []*Message
	for _, how := range conversations {
		seeds = append(seeds, talk(t, how)...)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := *seeds[rapid.IntRange(0, len(seeds)-1).Draw(t, "message")]
		m.Bytes = bytes.Clone(m.Bytes)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(m.Bytes)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				m.Bytes[at] = rapid.Byte().Draw(t, "byte")
			case 1:
				m.Bytes = slices.Insert(m.Bytes, at, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "inserted")...)
			case 2:
				m.Bytes = slices.Delete(m.Bytes, at, min(at+rapid.IntRange(1, 8).Draw(t, "deleted"), len(m.Bytes)))
			}
			if len(m.Bytes) == 0 {
				break
			}
		}
		m.version = rapid.SampledFrom([]uint16{0, 0x0301, version12, version13}).Draw(t, "version")
		root := m.Fields()
		if err := errors.Join(checkTree(root, len(m.Bytes)), checkBounds(root, len(m.Bytes))); err != nil {
			t.Fatal(err)
		}
	})
}

// worstMessages are made of the shortest items, so that each byte costs most,
// and of structures in structures, as deep as they go.
func worstMessages(t *testing.T) map[string]*Message {
	const many = 12000
	repeat := func(item string, n int) []byte { return bytes.Repeat(unhex(item), n) }
	certificate := func(b []byte) *Message {
		return handshakeMessage(typeCertificate, vector24(vector24(b)), version12, 0xc02b)
	}
	withExtension := func(value []byte, id ...int) *Message {
		extensions := der(constructed(3), derSequence(derSequence(derOID(id...), der(tagOctetString, value))))
		plain := der(tagUTCTime, []byte("260101000000Z"))
		algorithm := derSequence(derOID(1, 3, 101, 112))
		return certificate(derSequence(derSequence(derSmall(1), algorithm, derSequence(), derSequence(plain, plain), derSequence(),
			derSequence(algorithm, der(tagBitString, []byte{0})), extensions), algorithm, der(tagBitString, []byte{0})))
	}
	responses := derSequence(der(constructed(2), der(tagOctetString)), der(tagGeneralizedTime, []byte("20261101120000Z")), derSequence(repeat("3000", many)))
	nested := derSequence(derOID(1, 2, 840, 113549, 1, 1, 10))
	for range 3000 {
		nested = derSequence(derOID(1, 2, 840, 113549, 1, 1, 10), derSequence(der(constructed(0), nested)))
	}
	var deep []byte
	for range 10000 {
		deep = derSequence(deep)
	}
	return map[string]*Message{
		"point formats":            helloFullOf(t, 0x000b, ""),
		"empty extensions":         helloFullOf(t, 0xfe0d, "ff010000"),
		"protocol names":           helloFullOf(t, 0x0010, "00"),
		"key shares":               helloFullOf(t, 0x0033, "001d0000"),
		"trusted authorities":      helloFullOf(t, 0x0003, "00"),
		"empty parts of a name":    withExtension(derSequence(der(constructed(4), derSequence(repeat("3100", many)))), 2, 5, 29, 17),
		"empty attributes":         withExtension(derSequence(der(constructed(4), derSequence(der(tagSet, repeat("3000", many))))), 2, 5, 29, 17),
		"empty names":              withExtension(derSequence(repeat("8200", many)), 2, 5, 29, 17),
		"empty object identifiers": withExtension(derSequence(repeat("0600", many)), 2, 5, 29, 37),
		"empty timestamps":         withExtension(der(tagOctetString, vector16(repeat("0000", many))), 1, 3, 6, 1, 4, 1, 11129, 2, 4, 2),
		"empty policies":           withExtension(derSequence(repeat("3000", many)), 2, 5, 29, 32),
		"empty responses":          handshakeMessage(0x16, slices.Concat(unhex("01"), vector24(derSequence(der(tagEnumerated, []byte{0}), der(constructed(0), derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 1), der(tagOctetString, derSequence(responses))))))), version12, 0xc02b),
		"parameters in parameters": certificate(derSequence(derSequence(derSmall(1), nested))),
		"sequences in sequences":   certificate(deep),
		"QUIC parameters":          extensionSample{0x0039, inClientHello, repeat("0000", many)}.message(),
	}
}

func TestATreeTakesMemoryLinearInItsMessage(t *testing.T) {
	const most = 1600 // bytes allocated for a byte of message; the race detector adds a third
	for name, m := range worstMessages(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		root := m.Fields()
		runtime.ReadMemStats(&after)
		perByte := (after.TotalAlloc - before.TotalAlloc) / uint64(len(m.Bytes))
		t.Logf("%s: %d bytes", name, perByte)
		if perByte > most {
			t.Errorf("%s: %d bytes allocated for each byte of the message", name, perByte)
		}
		if err := errors.Join(checkTree(root, len(m.Bytes)), checkBounds(root, len(m.Bytes))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATreeHasABoundedNumberOfFields(t *testing.T) {
	const entry = 3 + 2 // an empty certificate without extensions
	list := make([]byte, 200000*entry)
	b := cryptobyte.NewBuilder([]byte{byte(typeCertificate)})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(0)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(list) })
	})
	m := &Message{Type: typeCertificate, Bytes: b.BytesOrPanic(), version: version13}
	root := m.Fields()
	if err := checkTree(root, len(m.Bytes)); err != nil {
		t.Error(err)
	}
	full := 0
	walk(root, func(f Field) {
		if f.Value == "more than 262144 fields" {
			full++
		}
	})
	if full == 0 {
		t.Error("nothing says that there are too many fields")
	}
	if n := len(root.Leaves()); n > mostFields+8 {
		t.Errorf("%d leaves", n)
	}
}

// helloFullOf returns a ClientHello of some 60,000 bytes in which the
// extension holds as many items as fit, or which holds as many such
// extensions, if the item is one.
func helloFullOf(t *testing.T, extension uint16, item string) *Message {
	t.Helper()
	one, err := hex.DecodeString(item)
	if err != nil {
		t.Fatal(err)
	}
	b := cryptobyte.NewBuilder([]byte{byte(typeClientHello)})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(version12)
		b.AddBytes(make([]byte, 32))
		b.AddBytes([]byte{0, 0, 2, 0x13, 0x01, 1, 0})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			switch extension {
			case 0xfe0d:
				for range 15000 {
					b.AddBytes(one)
				}
			case 0x000b:
				for range 200 {
					b.AddUint16(extension)
					b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
						b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(make([]byte, 255)) })
					})
				}
			default:
				b.AddUint16(extension)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
					b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
						for range 60000 / len(one) {
							b.AddBytes(one)
						}
					})
				})
			}
		})
	})
	return &Message{Type: typeClientHello, Bytes: b.BytesOrPanic()}
}
