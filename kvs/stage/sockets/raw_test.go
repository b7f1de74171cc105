package sockets_test

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/sockets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is how long a test waits for what must happen.
const soon = time.Minute

// A screen keeps what a server prints.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{}
}

func newScreen() *screen { return &screen{news: make(chan struct{}, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	select {
	case s.news <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the text stands on the screen.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(soon)
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.news:
		case <-late:
			t.Fatalf("%q does not come on the screen:\n%s", text, s)
		}
	}
}

// A running server over TCP.
type running struct {
	*kernel.Server
	addr   string
	screen *screen
	ended  chan error
}

// start runs a server on a free port until the test is over.
func start(t *testing.T, server *sockets.Server, change ...func(*kernel.Server)) *running {
	t.Helper()
	r := &running{screen: newScreen(), ended: make(chan error, 1)}
	server.Screen = r.screen
	r.Server = server.Kernel()
	r.Addr = "127.0.0.1:0"
	for _, change := range change {
		change(r.Server)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.addr = r.ListenAddr().String()
	go func() { r.ended <- r.Wait() }()
	t.Cleanup(func() {
		r.Stop()
		r.Wait()
	})
	return r
}

// awaitEnd waits until the server has ended by itself.
func (r *running) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("the server ended with %v", err)
		}
	case <-time.After(soon):
		t.Fatal("the server does not end")
	}
}

// raw is a client of sockets alone, which knows the protocols from their description.
type raw struct {
	t *testing.T
	*net.TCPConn
	in *bufio.Reader
}

func connect(t *testing.T, addr string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(soon))
	return &raw{t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

func (r *raw) send(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) line() string {
	r.t.Helper()
	line, err := r.in.ReadString('\n')
	if err != nil {
		r.t.Fatalf("%q and then %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (r *raw) want(line string) {
	r.t.Helper()
	if got := r.line(); got != line {
		r.t.Errorf("got %q, want %q", got, line)
	}
}

// wantEnd wants nothing more, in good order.
func (r *raw) wantEnd() {
	r.t.Helper()
	if rest, err := io.ReadAll(r.in); err != nil || len(rest) > 0 {
		r.t.Errorf("instead of the end came %q, %v", rest, err)
	}
}

// converse sends each line of a conversation that begins with "> ", and wants each of the others.
func (r *raw) converse(lines string) {
	r.t.Helper()
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if text, ours := strings.CutPrefix(line, "> "); ours {
			r.send(text + "\n")
		} else if line != "" {
			r.want(line)
		}
	}
}

// Gobs, from the documentation of the format: an unsigned number below 128 is a byte, any other its negated length and its
// bytes; a signed one is shifted left, and complemented if it is negative; a text has its length before it; a float has
// its bytes reversed; a struct has, for each field that is not zero, how many fields further it is, and ends with 0.

func gobUint(n uint64) []byte {
	if n < 128 {
		return []byte{byte(n)}
	}
	var digits []byte
	for ; n > 0; n >>= 8 {
		digits = append([]byte{byte(n)}, digits...)
	}
	return append([]byte{byte(-len(digits))}, digits...)
}

func gobInt(n int64) []byte {
	if n < 0 {
		return gobUint(uint64(^n)<<1 | 1)
	}
	return gobUint(uint64(n) << 1)
}

func gobText(text string) []byte { return append(gobUint(uint64(len(text))), text...) }

func gobFloat(f float64) []byte {
	n, reversed := math.Float64bits(f), uint64(0)
	for range 8 {
		reversed, n = reversed<<8|n&0xff, n>>8
	}
	return gobUint(reversed)
}

func gobMessage(parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(gobUint(uint64(len(body))), body...)
}

// gobStructType defines a struct as type 65; its fields are names and types in turn.
func gobStructType(name string, fields ...any) []byte {
	definition := [][]byte{gobInt(-65), {3}, {1}, {1}, gobText(name), {1}, gobInt(65), {0}, {1}, gobUint(uint64(len(fields) / 2))}
	for i := 0; i < len(fields); i += 2 {
		definition = append(definition, []byte{1}, gobText(fields[i].(string)), []byte{1}, gobInt(int64(fields[i+1].(int))), []byte{0})
	}
	return gobMessage(append(definition, []byte{0}, []byte{0})...)
}

const aFloat, aText = 4, 6 // the numbers of these types

var productType = gobStructType("Product", "Code", aText, "Name", aText, "Price", aFloat)

func gobProduct(code, name string, price float64) []byte {
	return append(bytes.Clone(productType), gobMessage(gobInt(65), []byte{1}, gobText(code), []byte{1}, gobText(name), []byte{1}, gobFloat(price), []byte{0})...)
}

func gobCall(function, argument string) []byte {
	return append(gobStructType("Call", "Function", aText, "Argument", aText),
		gobMessage(gobInt(65), []byte{1}, gobText(function), []byte{1}, gobText(argument), []byte{0})...)
}
