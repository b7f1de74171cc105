package capture_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/testdata/needs"
)

var (
	recordAnew = flag.Bool("record", false, "record the sessions under testdata/openssl anew; then -update what is told of them")
	update     = flag.Bool("update", false, "write the README of testdata/openssl anew")
)

// TestRecordOpenSSL keeps sessions of OpenSSL's own programs as files, since no
// two runs of TLS put the same bytes on the wire.
func TestRecordOpenSSL(t *testing.T) {
	if !*recordAnew {
		t.Skip("run it with -record")
	}
	if version, err := exec.Command(needs.Program(t, "openssl"), "version").Output(); err != nil || !strings.Contains(string(version), recordedWith) {
		t.Errorf("recordedWith says OpenSSL %s, and this is %s (%v)", recordedWith, version, err)
	}
	folder := certificates(t, recorded)
	for _, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			name := filepath.Join(recorded, s.name+".pcapng")
			if err := os.WriteFile(name, written(t, s.record(t, folder)), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The recorder must not rot: two of the sessions, held again.
func TestSessionsOfOpenSSLCanBeHeldAgain(t *testing.T) {
	needs.Program(t, "openssl")
	folder := certificates(t, "")
	for _, s := range sessions {
		if s.name == "tls13-hello-retry-request" || s.name == "tls12-ticket" {
			t.Run(s.name, func(t *testing.T) { s.check(t, inspect.NewSession(read(t, written(t, s.record(t, folder))))) })
		}
	}
}

// record holds the session, with a tap between its two programs.
func (s session) record(t *testing.T, folder string) *inspect.Recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server := start(ctx, t, folder, s.serverCommand())
	address := server.await(t, `ACCEPT (127\.0\.0\.1:\d+)`)
	tap := inspect.NewTap()
	for i, r := range s.runs {
		if err := os.WriteFile(filepath.Join(folder, "early.txt"), []byte(r.early), 0o600); err != nil {
			t.Fatal(err)
		}
		entrance, relayed := relay(ctx, t, tap, address)
		client := start(ctx, t, folder, append(s.clientCommand(i)[:3:3], append([]string{entrance}, s.clientCommand(i)[4:]...)...))
		for _, line := range r.typed {
			typeLine(ctx, t, tap.Recording(), client, server, line)
		}
		client.wait()
		if err := <-relayed; err != nil {
			t.Fatal(err)
		}
	}
	server.wait()
	if t.Failed() {
		t.Fatalf("the server said:\n%s", server.all())
	}
	return s.assembled(t, folder, tap.Recording())
}

// serverCommand is the command line of s_server; the port is filled in when it runs.
func (s session) serverCommand() []string {
	return append([]string{"openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", strconv.Itoa(len(s.runs))}, s.server...)
}

// clientCommand is the command line of s_client; the address is filled in when it runs.
func (s session) clientCommand(run int) []string {
	return append([]string{"openssl", "s_client", "-connect", "127.0.0.1:4433", "-keylogfile", "keys.txt"}, s.runs[run].client...)
}

// relay waits for one client and joins it to the server through the tap.
func relay(ctx context.Context, t *testing.T, tap *inspect.Tap, server string) (address string, done chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan error, 1)
	go func() {
		defer listener.Close()
		fromClient, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		toServer, err := new(net.Dialer).DialContext(ctx, "tcp", server)
		if err != nil {
			fromClient.Close()
			done <- err
			return
		}
		done <- tap.Relay(ctx, fromClient, toServer)
	}()
	return listener.Addr().String(), done
}

// typeLine types a line and waits until it has had its effect, at the peer or,
// where it is a command, on the wire: a program that finds two lines at once
// takes them for one.
func typeLine(ctx context.Context, t *testing.T, rec *inspect.Recording, client, server *program, line string) {
	t.Helper()
	side, text := inspect.Client, line[2:]
	from, peer := client, server
	if line[0] == '<' {
		side, from, peer = inspect.Server, server, client
	}
	before := rec.Len()
	from.input(t, text)
	if len(text) > 1 {
		peer.await(t, regexp.QuoteMeta(text))
		return
	}
	for seen := before; ; {
		length, err := rec.Wait(ctx, seen)
		if err != nil {
			t.Fatalf("nothing came of the command %s: %v; the program said\n%s", text, err, from.all())
		}
		for ; seen < length; seen++ {
			if e := rec.At(seen); e.Kind == inspect.Captured && e.Side == side {
				return
			}
		}
	}
}

// assembled returns the recording with its secrets in front, under addresses
// and at times that are the same whenever it is made.
func (s session) assembled(t *testing.T, folder string, rec *inspect.Recording) *inspect.Recording {
	t.Helper()
	tidy := new(inspect.Recording)
	for _, secret := range s.secrets(t, folder) {
		tidy.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &secret})
	}
	began := rec.At(0).Time
	for e := range rec.Events(0) {
		e.Time = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(e.Time.Sub(began))
		if e.Opening != nil {
			e.Opening = &inspect.Opening{Protocol: "tls", Addr: [2]string{fmt.Sprintf("127.0.0.1:%d", 50001+e.Conn), "127.0.0.1:4433"}}
		}
		tidy.Append(e)
	}
	return tidy
}

// secrets are those of the key log, and the pre-shared keys, which it has not.
func (s session) secrets(t *testing.T, folder string) []inspect.LoggedSecret {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(folder, "keys.txt"))
	if err != nil && !s.fails() {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(folder, "keys.txt"))
	secrets, err := capture.ParseKeyLog(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	if at := slices.Index(s.server, "-psk"); at >= 0 {
		key, err := hex.DecodeString(s.server[at+1])
		if err != nil {
			t.Fatal(err)
		}
		identity := s.server[slices.Index(s.server, "-psk_identity")+1]
		secrets = append(secrets, inspect.LoggedSecret{Label: inspect.LabelExternalPSK, ClientRandom: []byte(identity), Bytes: key})
	}
	if session, err := os.ReadFile(filepath.Join(folder, "session.pem")); err == nil {
		os.Remove(filepath.Join(folder, "session.pem"))
		if ticket, key, version := parseSession(t, session); version == 0x0304 {
			secrets = append(secrets, inspect.LoggedSecret{Label: inspect.LabelPSK, ClientRandom: ticket, Bytes: key})
		}
	}
	for i := range secrets {
		secrets[i].Origin = inspect.FromFile
	}
	return secrets
}

// fails reports whether no run comes as far as having secrets.
func (s session) fails() bool {
	return !slices.ContainsFunc(s.runs, func(r run) bool { return r.want.alert == 0 })
}

// parseSession reads what -sess_out writes: OpenSSL's SSL_SESSION, whose
// master_key is the PSK of the ticket where the session is one of TLS 1.3.
func parseSession(t *testing.T, file []byte) (ticket, key []byte, version int) {
	t.Helper()
	var sequence, field asn1.RawValue
	decoded, _ := pem.Decode(file)
	if decoded == nil {
		t.Fatal("the session file is not PEM")
	}
	if _, err := asn1.Unmarshal(decoded.Bytes, &sequence); err != nil {
		t.Fatal(err)
	}
	for i, rest := 0, sequence.Bytes; len(rest) > 0; i++ {
		var err error
		if rest, err = asn1.Unmarshal(rest, &field); err != nil {
			t.Fatal(err)
		}
		switch {
		case i == 1:
			_, err = asn1.Unmarshal(field.FullBytes, &version)
		case i == 4:
			key = field.Bytes
		case field.Class == asn1.ClassContextSpecific && field.Tag == 10:
			_, err = asn1.Unmarshal(field.Bytes, &ticket)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return ticket, key, version
}

// A program is one that is typed to, and whose output is read as it comes.
type program struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	mu      sync.Mutex
	change  *sync.Cond
	output  []byte
	read    int // of output, by await
	over    bool
	ended   chan struct{}
}

func start(ctx context.Context, t *testing.T, folder string, line []string) *program {
	t.Helper()
	p := &program{command: exec.CommandContext(ctx, needs.Program(t, line[0]), line[1:]...), ended: make(chan struct{})}
	p.change = sync.NewCond(&p.mu)
	p.command.Dir = folder
	p.command.Stdout, p.command.Stderr = p, p
	p.command.Env = append(os.Environ(), "LC_ALL=C")
	var err error
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // a refused client ends with an error
		p.mu.Lock()
		defer p.mu.Unlock()
		p.over = true
		p.change.Broadcast()
	}()
	return p
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output = append(p.output, b...)
	p.change.Broadcast()
	return len(b), nil
}

func (p *program) input(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		t.Fatalf("typing %q: %v; the program said\n%s", line, err, p.all())
	}
}

// await waits until the program has said what the expression matches, behind
// all that was awaited before; it returns the first group, or all of it.
func (p *program) await(t *testing.T, expression string) string {
	t.Helper()
	compiled := regexp.MustCompile(expression)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if at := compiled.FindSubmatchIndex(p.output[p.read:]); at != nil {
			group := at[len(at)-2:]
			found := string(p.output[p.read+group[0] : p.read+group[1]])
			p.read += at[1]
			return found
		}
		if p.over {
			t.Fatalf("%s ended, and had not said %s:\n%s", p.command.Args, expression, p.output)
		}
		p.change.Wait()
	}
}

func (p *program) wait() { <-p.ended }

func (p *program) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.output)
}

// certificates makes an authority, what it certifies, and a stranger that it
// does not, in a folder for the programs to run in. The authority's own
// certificate is kept beside the recordings.
func certificates(t *testing.T, keep string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed25519Key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := ecdsaKey(t)
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC),
		}
	}
	root := template(1, "tlslab test authority")
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	rootDER := certify(t, root, root, authority.Public(), authority)
	writePEM(t, filepath.Join(folder, "ca.pem"), "CERTIFICATE", rootDER)
	if keep != "" {
		writePEM(t, filepath.Join(keep, "ca.pem"), "CERTIFICATE", rootDER)
	}
	for i, key := range []crypto.Signer{ecdsaKey(t), rsaKey, ed25519Key, ecdsaKey(t)} {
		name := []string{"ecdsa", "rsa", "ed25519", "stranger"}[i]
		leaf := template(int64(i+2), name+".lab.example")
		leaf.DNSNames = []string{"lab.example"}
		leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		if name == "rsa" {
			leaf.KeyUsage |= x509.KeyUsageKeyEncipherment
		}
		issuer, issuerKey := root, crypto.Signer(authority)
		if name == "stranger" {
			issuer, issuerKey = leaf, key
		}
		writePEM(t, filepath.Join(folder, name+".pem"), "CERTIFICATE", certify(t, leaf, issuer, key.Public(), issuerKey))
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, filepath.Join(folder, name+".key"), "PRIVATE KEY", der)
	}
	return folder
}

func ecdsaKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certify(t *testing.T, template, issuer *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
