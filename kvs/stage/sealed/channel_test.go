package sealed_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/kvs/stage/sealed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is how long a test waits for what must happen.
const soon = time.Minute

// key returns one of the keys in testdata: client, server, stranger.
func key(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(keyFile(name))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sealed.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keyFile(name string) string { return filepath.Join("testdata", name+".pem") }

func fingerprint(t testing.TB, name string) sealed.Fingerprint {
	t.Helper()
	f, err := sealed.FingerprintOf(&key(t, name).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// configs returns those of a client and a server that expect each other.
func configs(t testing.TB, authenticated bool) (client, server *sealed.Config) {
	t.Helper()
	client, server = &sealed.Config{Key: key(t, "client")}, &sealed.Config{Key: key(t, "server")}
	if authenticated {
		client.Authenticated, client.Trusts = true, sealed.Pinned(fingerprint(t, "server"))
		server.Authenticated, server.Trusts = true, sealed.Pinned(fingerprint(t, "client"))
	}
	return client, server
}

// bothVariants runs a test on the original and on the mended one.
func bothVariants(t *testing.T, test func(t *testing.T, authenticated bool)) {
	t.Run("plain", func(t *testing.T) { test(t, false) })
	t.Run("authenticated", func(t *testing.T) { test(t, true) })
}

// wires returns both ends of a TCP connection on loopback.
func wires(t testing.TB) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, wire := range []net.Conn{client, server} {
		wire.SetDeadline(time.Now().Add(soon))
		t.Cleanup(func() { wire.Close() })
	}
	return client, server
}

// meet exchanges the keys of two ends.
func meet(t testing.TB, client, server *sealed.Conn) {
	t.Helper()
	failed := make(chan error, 1)
	go func() { failed <- server.HandshakeContext(t.Context()) }()
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Error("the client:", err)
	}
	if err := <-failed; err != nil {
		t.Fatal("the server:", err)
	}
}

func pair(t testing.TB, clientConfig, serverConfig *sealed.Config) (client, server *sealed.Conn) {
	t.Helper()
	clientWire, serverWire := wires(t)
	client, server = sealed.ClientEnd(clientWire, clientConfig), sealed.ServerEnd(serverWire, serverConfig)
	for _, conn := range []*sealed.Conn{client, server} {
		conn.SetDeadline(time.Now().Add(soon))
	}
	meet(t, client, server)
	return client, server
}

func TestMessagesCrossBothWays(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		client, server := pair(t, first(configs(t, authenticated)), second(configs(t, authenticated)))
		var parts sync.WaitGroup
		defer parts.Wait()
		parts.Go(func() {
			for {
				message, err := server.ReadMessage()
				if err != nil {
					return
				}
				server.WriteMessage(bytes.ToUpper(message))
			}
		})
		for _, text := range []string{"ana", "", strings.Repeat("x", sealed.DefaultMaxMessage), "olá"} {
			if err := client.WriteMessage([]byte(text)); err != nil {
				t.Fatal(err)
			}
			answer, err := client.ReadMessage()
			if err != nil || string(answer) != string(bytes.ToUpper([]byte(text))) {
				t.Fatalf("%d bytes came back as %d (%v)", len(text), len(answer), err)
			}
		}
		if err := client.WriteMessage(make([]byte, sealed.DefaultMaxMessage+1)); !errors.Is(err, sealed.ErrTooLong) {
			t.Errorf("too long a message: %v", err)
		}
		client.Close()
	})
}

func first(a, _ *sealed.Config) *sealed.Config  { return a }
func second(_, b *sealed.Config) *sealed.Config { return b }

func TestAStreamGoesOutAsOneMessageWhenItsProgramWaits(t *testing.T) {
	client, server := pair(t, first(configs(t, false)), second(configs(t, false)))
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() {
		io.WriteString(client, "one ")
		io.WriteString(client, "and two")
		client.Read(make([]byte, 1))
		client.Close()
	})
	message, err := server.ReadMessage()
	if err != nil || string(message) != "one and two" {
		t.Errorf("got %q, %v", message, err)
	}
	server.WriteMessage([]byte("!"))
	if _, err := server.ReadMessage(); err != io.EOF {
		t.Errorf("the end of the stream: %v", err)
	}
}

func TestAStreamIsReadInPieces(t *testing.T) {
	client, server := pair(t, first(configs(t, false)), second(configs(t, false)))
	io.WriteString(client, "one and two")
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { client.CloseWrite() })
	piece := make([]byte, 3)
	if _, err := io.ReadFull(server, piece); err != nil || string(piece) != "one" {
		t.Errorf("got %q, %v", piece, err)
	}
	rest, err := io.ReadAll(server)
	if err != nil || string(rest) != " and two" {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestWhatIsLongerThanAMessageGoesOutInSeveral(t *testing.T) {
	clientConfig, serverConfig := configs(t, false)
	clientConfig.MaxMessage, serverConfig.MaxMessage = 100, 100
	client, server := pair(t, clientConfig, serverConfig)
	long := strings.Repeat("0123456789", 25)
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() {
		io.WriteString(client, long)
		client.CloseWrite()
	})
	for _, want := range []string{long[:100], long[:100], long[:50]} {
		if got, err := server.ReadMessage(); string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestAMessageThatIsTooLongIsRefusedBeforeItComes(t *testing.T) {
	clientConfig, serverConfig := configs(t, false)
	serverConfig.MaxMessage = 100
	client, server := pair(t, clientConfig, serverConfig)
	failed := make(chan error, 1)
	go func() { failed <- client.WriteMessage(make([]byte, 200)) }()
	if _, err := server.ReadMessage(); !errors.Is(err, sealed.ErrTooLong) {
		t.Errorf("the server: %v", err)
	}
	if err := <-failed; !errors.Is(err, sealed.ErrRefused) {
		t.Errorf("the client: %v", err)
	}
	if _, err := server.ReadMessage(); !errors.Is(err, sealed.ErrTooLong) {
		t.Errorf("the server goes on: %v", err)
	}
}

func TestADeadlineBoundsReadingAndTheChannelGoesOnAfterwards(t *testing.T) {
	client, server := pair(t, first(configs(t, false)), second(configs(t, false)))
	server.SetReadDeadline(time.Unix(1, 0))
	if _, err := server.ReadMessage(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	server.SetReadDeadline(time.Now().Add(soon))
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { client.WriteMessage([]byte("here")) })
	if message, err := server.ReadMessage(); string(message) != "here" {
		t.Errorf("got %q, %v", message, err)
	}
}

// kernel.Server interrupts reading when it is to stop, and still answers.
func TestAReadThatIsInterruptedLeavesWritingAlone(t *testing.T) {
	client, server := pair(t, first(configs(t, false)), second(configs(t, false)))
	interrupted := make(chan error, 1)
	go func() {
		_, err := server.ReadMessage()
		interrupted <- err
	}()
	server.SetReadDeadline(time.Unix(1, 0))
	if err := <-interrupted; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	failed := make(chan error, 1)
	go func() { failed <- server.WriteMessage([]byte("the last answer")) }()
	if message, err := client.ReadMessage(); string(message) != "the last answer" {
		t.Errorf("got %q, %v", message, err)
	}
	if err := <-failed; err != nil {
		t.Errorf("the server: %v", err)
	}
}

func TestTheEndOfItsContextEndsAKeyExchange(t *testing.T) {
	_, serverConfig := configs(t, false)
	peer, wire := wires(t)
	server := sealed.ServerEnd(wire, serverConfig)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- server.HandshakeContext(ctx) }()
	io.WriteString(peer, "800=====")
	io.ReadFull(peer, make([]byte, 1)) // the exchange has begun
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := server.ReadMessage(); err == nil {
		t.Error("a message was read without keys")
	}
}

func TestTheSecretOfASessionIsToldByBothEnds(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		clientConfig, serverConfig := configs(t, authenticated)
		const id = " [0-9a-f]{64} [0-9a-f]{96}\n"
		var told [2]bytes.Buffer
		clientConfig.KeyLogWriter, serverConfig.KeyLogWriter = &told[0], &told[1]
		pair(t, clientConfig, serverConfig)
		label := sealed.LabelKey
		if authenticated {
			label = sealed.LabelSecret
		}
		line := regexp.MustCompile("^" + label + id + label + id + "$")
		if !line.MatchString(told[0].String()) || told[0].String() != told[1].String() {
			t.Errorf("the client told %q, the server %q", told[0].String(), told[1].String())
		}
	})
}

func TestTheTwoVariantsDoNotUnderstandEachOther(t *testing.T) {
	for _, authenticated := range []bool{false, true} {
		clientWire, serverWire := wires(t)
		client := sealed.ClientEnd(clientWire, first(configs(t, authenticated)))
		server := sealed.ServerEnd(serverWire, second(configs(t, !authenticated)))
		failed := make(chan error, 1)
		go func() { failed <- server.HandshakeContext(t.Context()) }()
		if err := client.HandshakeContext(t.Context()); !errors.Is(err, sealed.ErrRefused) {
			t.Errorf("the client, authenticated %v: %v", authenticated, err)
		}
		if err := <-failed; !errors.Is(err, sealed.ErrSecret) {
			t.Errorf("the server, authenticated %v: %v", !authenticated, err)
		}
	}
}

func TestAKeyFileIsMadeForItsOwnerAloneAndReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	if testing.Short() {
		t.Skip("it takes seconds to generate a key of 4096 bits")
	}
	if _, err := sealed.OpenKey(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a file that there is not: %v", err)
	}
	made, err := sealed.CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.CreateKey(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second key in its place: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	read, err := sealed.OpenKey(path)
	if err != nil || !read.Equal(made) {
		t.Errorf("it was not read again: %v", err)
	}
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.OpenKey(path); !errors.Is(err, sealed.ErrKey) {
		t.Errorf("a file without a key: %v", err)
	}
}

func TestAFingerprintIsReadAsItWasWritten(t *testing.T) {
	want := fingerprint(t, "client")
	if got, err := sealed.ParseFingerprint(want.String()); got != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "00", strings.Repeat("z", 64), want.String() + "00"} {
		if _, err := sealed.ParseFingerprint(text); err == nil {
			t.Errorf("%q is none", text)
		}
	}
}
