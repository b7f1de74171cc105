package inspect_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/inspect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate mints a self-signed certificate for "lab.example".
func certificate(t testing.TB, subject string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject}, DNSNames: []string{subject},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// configs returns a client's and a server's configuration that trust each other.
func configs(t testing.TB) (client, server *tls.Config) {
	cert := certificate(t, "lab.example")
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	return &tls.Config{RootCAs: roots, ServerName: "lab.example"},
		&tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: roots}
}

// converse has the server echo each of the client's lines, and both close.
func converse(t testing.TB, client, server io.ReadWriteCloser, lines ...string) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(server, server)
		server.Close()
		done <- err
	}()
	for _, line := range lines {
		if _, err := io.WriteString(client, line); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, make([]byte, len(line))); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// names lists the items of a session as a person would tell them.
func names(s *inspect.Session) []string {
	var all []string
	for _, item := range s.Items() {
		switch item.Kind {
		case inspect.RecordItem:
			var parts []string
			for _, part := range item.Record.Parts {
				parts = append(parts, part.Type)
			}
			if item.Record.DecidedAt < 0 || item.Record.Why != inspect.WhyNone {
				parts = append(parts, item.Record.Why.String())
			}
			all = append(all, fmt.Sprintf("%s %s: %s", item.Side, item.Record.Epoch, strings.Join(parts, " ")))
		case inspect.AlertItem:
			all = append(all, fmt.Sprintf("%s alert %d", item.Side, item.Description))
		case inspect.ErrorItem:
			all = append(all, fmt.Sprintf("%s error %s", item.Side, item.Text))
		case inspect.ClosedItem:
			all = append(all, fmt.Sprintf("%s closed: %s", item.Side, item.How))
		case inspect.BytesItem:
			all = append(all, fmt.Sprintf("%s bytes", item.Side))
		}
	}
	return all
}

func TestADefaultSessionIsDecryptedAndNamed(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "create nome ana\n")
	tap.Close()
	got := names(inspect.NewSession(tap.Recording()))
	want := []string{
		"client clear: client_hello",
		"server clear: server_hello",
		"server clear: change_cipher_spec",
		"server handshake: encrypted_extensions",
		"server handshake: certificate",
		"server handshake: certificate_verify",
		"server handshake: finished",
		"client clear: change_cipher_spec",
		"client handshake: finished",
		"client application: application_data",
		"server application: application_data",
		"client application: alert", "client alert 0", "client closed: close_notify",
		"server application: alert", "server alert 0", "server closed: close_notify",
	}
	// How the two ends of a closing connection interleave is left to chance.
	for _, side := range []string{"client", "server"} {
		got, want := strings.Join(only(side, got), "\n"), strings.Join(only(side, want), "\n")
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func only(side string, lines []string) (of []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, side) {
			of = append(of, line)
		}
	}
	return of
}

func TestClearTextIsTheSameFromTheProgramAndFromDecryption(t *testing.T) {
	for name, change := range map[string]func(client, server *tls.Config){
		"TLS 1.3":                  func(_, _ *tls.Config) {},
		"TLS 1.3 hello retry":      func(c, s *tls.Config) { s.CurvePreferences = []tls.CurveID{tls.CurveP521} },
		"TLS 1.3 x25519":           func(c, _ *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"TLS 1.3 with certificate": func(c, s *tls.Config) { s.ClientAuth = tls.RequireAndVerifyClientCert; c.Certificates = s.Certificates },
		"TLS 1.2":                  func(c, _ *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"TLS 1.2 with certificate": func(c, s *tls.Config) {
			c.MaxVersion, s.ClientAuth, c.Certificates = tls.VersionTLS12, tls.RequireAndVerifyClientCert, s.Certificates
		},
		"TLS 1.2 AES-256": func(c, _ *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		},
		"TLS 1.2 ChaCha20": func(c, _ *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := configs(t)
			change(client, server)
			tap := inspect.NewTap()
			c, s := tap.Pipe(client, server)
			converse(t, c, s, "create nome ana\n", strings.Repeat("x", 100_000), "read nome\n")
			tap.Close()
			session := inspect.NewSession(tap.Recording())
			decrypted := [2][]byte{}
			for r := range session.Records() {
				if r.DecidedAt < 0 || r.Encrypted && !r.Decrypted {
					t.Errorf("%s record %d is not decrypted: %s", r.Side, r.Seq, r.Why)
				}
				if r.InnerType == inspect.ApplicationData {
					decrypted[r.Side] = append(decrypted[r.Side], r.Plaintext()...)
				}
			}
			for side, conn := range []*inspect.Conn{c, s} {
				if !bytes.Equal(decrypted[side], conn.Outgoing().Clear()) {
					t.Errorf("%s: decrypted %d bytes, the program wrote %d", inspect.Side(side), len(decrypted[side]), len(conn.Outgoing().Clear()))
				}
				if !bytes.Equal(decrypted[1-side], conn.Incoming().Clear()) {
					t.Errorf("%s: decrypted %d bytes, the peer read %d", inspect.Side(1-side), len(decrypted[1-side]), len(conn.Incoming().Clear()))
				}
			}
		})
	}
}

func TestStatesAreThoseOfTheirMoment(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	session := inspect.NewSession(tap.Recording())
	view := session.Connections()[0].View(inspect.Client)
	if before := view.State(session.Connections()[0].Event); before.Version != 0 || before.ServerName != "" {
		t.Errorf("before the ClientHello the state is already %+v", before)
	}
	state := view.State(tap.Recording().Len())
	if state.Version != 0x0304 || state.ServerName != "lab.example" || state.ServerSubject != "CN=lab.example" || !state.HandshakeDone {
		t.Errorf("after the session the state is %+v", state)
	}
	if state.Group != uint16(tls.X25519MLKEM768) {
		t.Errorf("group 0x%04x, want X25519MLKEM768", state.Group)
	}
	if n := len(view.Secrets(inspect.Client, tap.Recording().Len())); n != 4 {
		t.Errorf("the client knows %d secrets, want 4", n)
	}
}

func TestAResumedTLS12SessionIsDecryptedWithTheEarlierMasterSecret(t *testing.T) {
	client, server := configs(t)
	client.MaxVersion = tls.VersionTLS12
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	tap := inspect.NewTap()
	for range 2 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
	}
	tap.Close()
	session := inspect.NewSession(tap.Recording())
	second := session.Connections()[1].View(inspect.Client)
	if !second.State(tap.Recording().Len()).Resumed {
		t.Error("the second connection was not resumed")
	}
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, r := range second.Records(from) {
			if r.Encrypted && !r.Decrypted {
				t.Errorf("%s record %d is not decrypted: %s", from, r.Seq, r.Why)
			}
		}
	}
}

func TestResumptionWorksThroughTheTap(t *testing.T) {
	client, server := configs(t)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	tap := inspect.NewTap()
	for i := range 2 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
		if resumed := c.ConnectionState().DidResume; resumed != (i == 1) {
			t.Errorf("connection %d: resumed is %v", i, resumed)
		}
	}
	tap.Close()
}

func TestAnEndpointsErrorAndAlertAreRecorded(t *testing.T) {
	client, server := configs(t)
	client.ServerName = "other.example"
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	done := make(chan error)
	go func() { done <- s.Handshake(); s.Close() }()
	var invalid *tls.CertificateVerificationError
	if err := c.Handshake(); !errors.As(err, &invalid) {
		t.Fatalf("handshake with the wrong name: %v", err)
	}
	c.Close()
	<-done
	tap.Close()
	got := strings.Join(names(inspect.NewSession(tap.Recording())), "\n")
	for _, want := range []string{"client alert 42", "client error tls: failed to verify certificate", "server error remote error: tls: bad certificate"} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
}
