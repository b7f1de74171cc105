package report_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"flag"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

var recordAnew = flag.Bool("record", false, "record the sessions under testdata anew; then -update the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestRecordSessions keeps real sessions as files, since no two runs of TLS
// put the same bytes on the wire.
func TestRecordSessions(t *testing.T) {
	if !*recordAnew {
		t.Skip("run it with -record")
	}
	save(t, "tls13", converse(t, nil, func(c, _ *tls.Config) {}, "create nome ana\n", "olá\x1b[2J\n"))
	save(t, "tls12", converse(t, nil, func(c, _ *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "create nome ana\n"))
	save(t, "tampered", converse(t, &flipper{}, func(c, _ *tls.Config) {}, "create nome ana\n"))
	save(t, "refused", converse(t, nil, func(c, _ *tls.Config) { c.RootCAs = x509.NewCertPool() }))
	save(t, "ech", converse(t, nil, func(c, s *tls.Config) {
		ech := echkey.Common(t)
		s.EncryptedClientHelloKeys, c.EncryptedClientHelloConfigList = []tls.EncryptedClientHelloKey{ech.Key}, ech.List
	}, "create nome ana\n"))
}

func save(t *testing.T, name string, rec *inspect.Recording) {
	file, err := os.Create(filepath.Join("testdata", name+".events"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	start := rec.At(0).Time
	for event := range rec.Events(0) {
		event.Time = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(event.Time.Sub(start))
		if event.Err != nil {
			event.Err = &inspect.EndpointError{Text: event.Err.Text}
		}
		if err := json.NewEncoder(file).Encode(event); err != nil {
			t.Fatal(err)
		}
	}
}

// converse has a client say each line to a server that echoes.
func converse(t *testing.T, gate inspect.Gate, change func(client, server *tls.Config), lines ...string) *inspect.Recording {
	client, server := configs(t)
	change(client, server)
	tap := &inspect.Tap{Gate: gate}
	c, s := tap.Pipe(client, server)
	var both sync.WaitGroup
	both.Go(func() {
		defer s.Close()
		_, _ = io.Copy(s, s) // the recording tells how it went
	})
	both.Go(func() {
		defer c.Close()
		_ = c.Handshake()
		for _, line := range lines {
			_, _ = io.WriteString(c, line)
			_, _ = io.ReadFull(c, make([]byte, len(line)))
		}
	})
	both.Wait()
	tap.Close()
	return tap.Recording()
}

func configs(t *testing.T) (client, server *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab.example"}, DNSNames: []string{"lab.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
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
	groups := []tls.CurveID{tls.X25519}
	return &tls.Config{RootCAs: roots, ServerName: "lab.example", CurvePreferences: groups},
		&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, CurvePreferences: groups}
}

// A flipper changes the client's first record of application data, and
// repeats the server's change_cipher_spec.
type flipper struct {
	mu   sync.Mutex
	seen int
}

func (f *flipper) Captured(w inspect.Wire, u inspect.Unit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.From == inspect.Client && inspect.ContentType(u.Bytes[0]) == inspect.ApplicationData {
		f.seen++
	}
	if f.seen == 2 && u.From == inspect.Client { // the first is the Finished
		f.seen++
		changed := append([]byte(nil), u.Bytes...)
		changed[7] ^= 0x01
		w.Send(u.From, changed, u.ID)
		return
	}
	w.Forward(u.ID)
	if u.From == inspect.Server && inspect.ContentType(u.Bytes[0]) == inspect.ChangeCipherSpec {
		w.Forward(u.ID)
	}
}

func (f *flipper) Ended(inspect.Wire, inspect.Side) {}
