package capture_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func configs(t testing.TB) (client, server *tls.Config) {
	t.Helper()
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
	return &tls.Config{RootCAs: roots, ServerName: "lab.example"},
		&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// echo has a server send back what a client says, until either has enough.
func echo(t testing.TB, client, server io.ReadWriteCloser, lines ...string) {
	t.Helper()
	var serving sync.WaitGroup
	serving.Go(func() {
		defer server.Close()
		_, _ = io.Copy(server, server)
	})
	defer serving.Wait()
	defer client.Close()
	for _, line := range lines {
		if _, err := io.WriteString(client, line); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(client, make([]byte, len(line))); err != nil {
			t.Error(err)
		}
	}
}

// inMemory records some connections of one version, one after the other.
func inMemory(t testing.TB, version uint16, conversations ...[]string) *inspect.Recording {
	t.Helper()
	clientConfig, serverConfig := configs(t)
	clientConfig.MaxVersion = version
	clientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	tap := inspect.NewTap()
	for _, lines := range conversations {
		client, server := tap.Pipe(clientConfig, serverConfig)
		echo(t, client, server, lines...)
	}
	tap.Close()
	return tap.Recording()
}

// overTCP records one connection to a server that listens on address.
func overTCP(t testing.TB, address string, lines ...string) *inspect.Recording {
	t.Helper()
	clientConfig, serverConfig := configs(t)
	plain, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("nothing listens on %s: %v", address, err)
	}
	tap := inspect.NewTap()
	listener := tap.Listener(plain, serverConfig)
	defer listener.Close()
	var serving sync.WaitGroup
	serving.Go(func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	})
	client, err := tls.Dial("tcp", plain.Addr().String(), clientConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := io.WriteString(client, line); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(client, make([]byte, len(line))); err != nil {
			t.Error(err)
		}
	}
	client.Close()
	serving.Wait()
	return tap.Recording()
}

func written(t testing.TB, rec *inspect.Recording) []byte {
	t.Helper()
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	if err := w.Extend(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// told is what a session says of a recording, apart from what a capture cannot
// hold: errors, whether an alert could be delivered, and when it became known
// that bytes are missing.
func told(rec *inspect.Recording) []string {
	var lines []string
	s := inspect.NewSession(rec)
	for _, item := range s.Items() {
		line := fmt.Sprintf("%d %s %s ", item.Conn, item.Side, item.Lane)
		switch item.Kind {
		case inspect.RecordItem:
			r := item.Record
			line += fmt.Sprintf("record %d at %d, %s: %s %04x %d %t %s %d %t %t %q %x %x", r.Seq, r.Offset, r.Time, r.Type, r.Version, r.Length,
				r.Truncated, r.Epoch, r.TLSSeq, r.Encrypted, r.Decrypted, r.Why, r.Raw(), r.Plaintext())
			for _, part := range r.Parts {
				line += fmt.Sprintf(" %s at %d, %d", part.Type, part.Offset, part.Length)
			}
		case inspect.BytesItem:
			line += fmt.Sprintf("bytes at %d, %s: %q %s", item.From, item.Time, s.Bytes(item, rec.Len()-1), item.Reason)
		case inspect.GapItem:
			_, end := s.Connections()[item.Conn].View(item.Side).Count(item.Side, item.Event)
			line += fmt.Sprintf("gap at %d to %d %s", item.From, end, item.Reason)
		case inspect.AlertItem:
			line += fmt.Sprintf("alert %s: %d %d", item.Time, item.Level, item.Description)
		case inspect.ClosedItem:
			line += fmt.Sprintf("closed %s: %s", item.Time, item.How)
		default:
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

func read(t testing.TB, file []byte) *inspect.Recording {
	t.Helper()
	rec, err := capture.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// recordings are one of each kind that a capture must hold.
func recordings(t *testing.T) map[string]*inspect.Recording {
	large := strings.Repeat("0123456789abcdef", 5000) // more than a record, and than a segment
	return map[string]*inspect.Recording{
		"TLS 1.3":           inMemory(t, tls.VersionTLS13, []string{"create nome ana\n", "read nome\n"}),
		"TLS 1.2":           inMemory(t, tls.VersionTLS12, []string{"create nome ana\n"}),
		"large":             inMemory(t, tls.VersionTLS13, []string{large, "end\n"}),
		"three connections": inMemory(t, tls.VersionTLS13, []string{"one\n"}, []string{"two\n"}, []string{"three\n"}),
		"resumed TLS 1.2":   inMemory(t, tls.VersionTLS12, []string{"one\n"}, []string{"two\n"}),
		"TCP over IPv4":     overTCP(t, "127.0.0.1:0", "create nome ana\n", large),
		"TCP over IPv6":     overTCP(t, "[::1]:0", "create nome ana\n"),
		"ECH":               withECH(t, false),
		"made by hand":      byHand(),
	}
}

// byHand is a recording of what endpoints rarely do: bytes that are not TLS, a
// record that is cut off, a reset, bytes that were let go, addresses used again.
func byHand() *inspect.Recording {
	rec := new(inspect.Recording)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	event := func(e inspect.Event) {
		at = at.Add(1234567 * time.Nanosecond)
		e.Time, e.Cause = at, -1
		rec.Append(e)
	}
	for conn := range 3 {
		event(inspect.Event{Kind: inspect.Opened, Conn: conn, Opening: &inspect.Opening{Protocol: "tls", Addr: [2]string{"192.0.2.1:5000", "192.0.2.2:443"}}})
		event(inspect.Event{Kind: inspect.Captured, Conn: conn, Bytes: []byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00\x15\x03\x03\x00\x09cut")})
		switch conn {
		case 1:
			event(inspect.Event{Kind: inspect.Captured, Conn: conn, Side: inspect.Server, Bytes: []byte("HTTP/1.0 400 \x1b[2J")})
		case 2:
			event(inspect.Event{Kind: inspect.Captured, Conn: conn, Side: inspect.Server, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")})
			event(inspect.Event{Kind: inspect.Ended, Conn: conn, Side: inspect.Server, How: inspect.Cut})
			rec.Append(inspect.Event{Kind: inspect.Ended, Conn: conn, How: inspect.Broken, Time: at, Cause: -1}) // which a capture tells at once
			event(inspect.Event{Kind: inspect.Captured, Conn: conn, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x00")})
		}
	}
	event(inspect.Event{Kind: inspect.Opened, Conn: 3, Opening: &inspect.Opening{Protocol: "tls"}})
	event(inspect.Event{Kind: inspect.Captured, Conn: 3, N: 5000})
	event(inspect.Event{Kind: inspect.Captured, Conn: 3, Bytes: []byte("after what was let go")})
	event(inspect.Event{Kind: inspect.Ended, Conn: 3, How: inspect.EndOfFile})
	return rec
}

func TestWhatIsWrittenReadsBackAsTheSameSession(t *testing.T) {
	for name, rec := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			file := written(t, rec)
			if diff := cmp.Diff(told(rec), told(read(t, file))); diff != "" {
				t.Errorf("(-recorded +read):\n%s", diff)
			}
			if again := written(t, read(t, file)); !bytes.Equal(again, written(t, read(t, again))) {
				t.Error("what was read and written twice differs")
			}
		})
	}
}

func TestTheCertificateChainOfACaptureIsCheckedByTheRootsThatItIsGiven(t *testing.T) {
	clientConfig, serverConfig := configs(t)
	tap := inspect.NewTap()
	client, server := tap.Pipe(clientConfig, serverConfig)
	echo(t, client, server, "one\n")
	tap.Close()
	opened := read(t, written(t, tap.Recording()))
	outcome := func() string {
		for _, c := range inspect.NewSession(opened).Connections()[0].View(inspect.Client).Verifications() {
			if c.Kind == "certificate_chain" {
				return c.Outcome.String() + " " + c.Reason
			}
		}
		return "there is none"
	}
	if got, want := outcome(), "not checkable which roots the client trusts is not in the recording"; got != want {
		t.Errorf("without roots: %s", got)
	}
	opened.Trust(clientConfig.RootCAs)
	if got, want := outcome(), "verified "; got != want {
		t.Errorf("with roots: %s", got)
	}
}

func TestAWriterThatFollowsWritesTheSameAsOneThatComesLate(t *testing.T) {
	rec := inMemory(t, tls.VersionTLS13, []string{"one\n"}, []string{"two\n"})
	growing := new(inspect.Recording)
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		if err := w.Follow(ctx, growing); err != nil {
			t.Error(err)
		}
	})
	for event := range rec.Events(0) {
		growing.Append(event)
		runtime.Gosched()
	}
	cancel()
	following.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(told(read(t, written(t, rec))), told(read(t, file.Bytes()))); diff != "" { // secrets may stand later
		t.Errorf("the files differ (-late +followed):\n%s", diff)
	}
}

func TestSecretsThatComeAfterTheirPacketsStandBeforeThem(t *testing.T) {
	rec := inMemory(t, tls.VersionTLS13, []string{"create nome ana\n"})
	growing, now := new(inspect.Recording), time.Now()
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	w.Lag = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		if err := w.Follow(ctx, growing); err != nil {
			t.Error(err)
		}
	})
	for _, secrets := range []bool{false, true} {
		for event := range rec.Events(0) {
			if event.Time = now; (event.Kind == inspect.Secret) == secrets {
				growing.Append(event)
				runtime.Gosched()
			}
		}
	}
	cancel()
	following.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for event := range read(t, file.Bytes()).Events(0) {
		if event.Kind == inspect.Captured {
			t.Fatal("a packet stands before every secret")
		}
		if event.Kind == inspect.Secret {
			return
		}
	}
}

func TestAfterEachWriteTheFileIsWhole(t *testing.T) {
	rec := inMemory(t, tls.VersionTLS13, []string{strings.Repeat("x", 300_000)})
	var sizes wholeFiles
	w := capture.NewWriter(&sizes)
	if err := w.Extend(rec); err != nil {
		t.Fatal(err)
	}
	if len(sizes.at) < 5 {
		t.Fatalf("only %d writes", len(sizes.at))
	}
	for _, size := range sizes.at {
		if _, err := capture.Read(bytes.NewReader(sizes.file[:size])); err != nil {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
}

// wholeFiles notes how long the file is after each write.
type wholeFiles struct {
	file []byte
	at   []int
}

func (f *wholeFiles) Write(b []byte) (int, error) {
	f.file = append(f.file, b...)
	f.at = append(f.at, len(f.file))
	return len(b), nil
}

func TestCreateMakesAFileForItsOwnerAloneAndOverwritesNone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "session.pcapng")
	w, err := capture.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Extend(byHand()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	if _, err := capture.Create(name); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating it again: %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(name); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAWriterThatFailedSaysSoEachTime(t *testing.T) {
	w := capture.NewWriter(fullDisk{})
	for range 2 {
		if err := w.Extend(byHand()); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("got %v", err)
		}
	}
}

func TestATicketThatIsTooLongForAKeyLogIsLeftOut(t *testing.T) {
	rec := new(inspect.Recording)
	for _, length := range []int{100, 20_000, 200} {
		rec.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{
			Origin: inspect.FromCache, Label: inspect.LabelPSK, ClientRandom: bytes.Repeat([]byte{7}, length), Bytes: []byte("secret"),
		}})
	}
	rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	var lengths []int
	for e := range read(t, written(t, rec)).Events(0) {
		if e.Kind == inspect.Secret {
			lengths = append(lengths, len(e.Logged.ClientRandom))
		}
	}
	if fmt.Sprint(lengths) != "[100 200]" {
		t.Errorf("tickets of %v bytes were kept", lengths)
	}
}

func TestASecretThatBothEndpointsLoggedIsWrittenOnce(t *testing.T) {
	rec := read(t, written(t, inMemory(t, tls.VersionTLS13, []string{"one\n"})))
	seen := make(map[string]bool)
	for event := range rec.Events(0) {
		if event.Kind != inspect.Secret {
			continue
		}
		if seen[event.Logged.Label] {
			t.Errorf("%s stands there twice", event.Logged.Label)
		}
		seen[event.Logged.Label] = true
		if event.Logged.Origin != inspect.FromFile {
			t.Errorf("%s has the origin %v", event.Logged.Label, event.Logged.Origin)
		}
	}
	if !seen["CLIENT_TRAFFIC_SECRET_0"] || !seen["SERVER_TRAFFIC_SECRET_0"] {
		t.Errorf("got %v", seen)
	}
}

func BenchmarkWrite(b *testing.B) {
	rec := new(inspect.Recording)
	rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	for range 1000 {
		rec.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: make([]byte, 16<<10)})
	}
	b.SetBytes(1000 * 16 << 10)
	for b.Loop() {
		w := capture.NewWriter(io.Discard)
		if err := w.Extend(rec); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	rec := new(inspect.Recording)
	rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	for range 1000 {
		rec.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: make([]byte, 16<<10)})
	}
	file := written(b, rec)
	b.SetBytes(1000 * 16 << 10)
	for b.Loop() {
		read(b, file)
	}
}
