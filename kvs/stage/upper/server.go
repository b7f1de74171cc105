package upper

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
)

const (
	// DefaultAddr is where a [Server] listens unless it is told otherwise: on every interface.
	DefaultAddr = "0.0.0.0:8080"
	// MaxRequest is how much of what a client sends is its request, in bytes.
	MaxRequest = 1024
	// MaxAnswer is the length of the longest answer, in bytes: no letter takes more
	// than three times as many as a capital.
	MaxAnswer = 3 * MaxRequest
	// DefaultIdleTimeout is how long a client may say nothing.
	DefaultIdleTimeout = time.Minute

	// Verb is how requests are counted: there is only one kind.
	Verb = "upper"
)

// A Server answers each client's text in capitals. Life, limits, events and
// statistics are those of package kernel. The fields must not be changed once it
// serves. [NewServer] sets those that must be set.
type Server struct {
	kernel.Server

	Lang string    // of what it says: "en" or "pt-BR"
	Out  io.Writer // where it says what happens, in whole lines; nil is nowhere. See kernel.ScreenOf

	verbs kernel.Verbs[[]byte, []byte]
	mu    sync.Mutex // of Out
}

// NewServer returns a server that listens on DefaultAddr when it is started.
func NewServer() *Server {
	s := new(Server)
	s.Addr = DefaultAddr
	s.IdleTimeout = DefaultIdleTimeout
	s.MaxRequest = MaxRequest
	s.Handler = kernel.HandlerFunc(s.serve)
	s.OnStarted(func() { s.tell(nil, s.say("upper_running", "addr", s.address())) })
	s.OnRefused(func(conn net.Conn, err error) {
		s.tell(conn, s.say("upper_refused", "peer", host(conn.RemoteAddr()), "reason", Explain(docs.For(s.Lang), err)))
	})
	s.OnStopped(func() { s.tell(nil, s.say("upper_stopped")) })
	s.Handle(func(_ context.Context, _ *kernel.Conn, text []byte) ([]byte, error) { return Capitals(text), nil })
	return s
}

// Handle sets what answers a text that was stripped of white space, instead of
// [Capitals], from the next request on. An error ends the connection without an answer.
func (s *Server) Handle(answer kernel.VerbHandler[[]byte, []byte]) { s.verbs.Handle(Verb, answer) }

// serve answers one client. One read is its request, so a byte more than that may
// have says whether it was cut.
func (s *Server) serve(ctx context.Context, conn *kernel.Conn) error {
	request := make([]byte, conn.MaxRequest()+1)
	n, err := conn.Read(request)
	if n == 0 && err != io.EOF {
		return err
	}
	cut := n > conn.MaxRequest()
	request = bytes.TrimSpace(request[:min(n, conn.MaxRequest())])
	s.tell(conn, s.received(conn, request, cut)...)
	answer, err := s.verbs.Do(ctx, conn, Verb, request)
	if err != nil || len(answer) == 0 {
		return err
	}
	_, err = conn.Write(answer)
	return err
}

// received says what has come, and what is odd about it.
func (s *Server) received(conn *kernel.Conn, request []byte, cut bool) []string {
	lines := []string{s.say("upper_received_from", "peer", host(conn.RemoteAddr())), quoted(request)}
	if cut {
		lines = append(lines, s.say("upper_cut", "limit", conn.MaxRequest()))
	}
	if n := unfinished(request); n > 0 {
		lines = append(lines, s.say("upper_unfinished", "count", n))
	}
	return lines
}

func (s *Server) say(id string, pairs ...any) string { return docs.For(s.Lang).Say(id, pairs...) }

// tell says lines; conn is what they are about, if it is one connection.
func (s *Server) tell(conn net.Conn, lines ...string) {
	screen := kernel.ScreenOf(conn, s.Out)
	if screen == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		fmt.Fprintln(screen, line)
	}
}

// address is Addr as it was asked for, but with the port that it took.
func (s *Server) address() string {
	listening := s.ListenAddr().String()
	asked, _, err := net.SplitHostPort(s.Addr)
	_, port, err2 := net.SplitHostPort(listening)
	if err != nil || err2 != nil {
		return listening
	}
	return net.JoinHostPort(asked, port)
}

// host is an address without its port.
func host(addr net.Addr) string {
	if host, _, err := net.SplitHostPort(addr.String()); err == nil {
		return host
	}
	return addr.String()
}

// quoted shows bytes: those that are printable ASCII as such, the others in hexadecimal.
func quoted(b []byte) string {
	text := []byte{'"'}
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			text = append(text, '\\', c)
		case ' ' <= c && c <= '~':
			text = append(text, c)
		default:
			text = fmt.Appendf(text, `\x%02x`, c)
		}
	}
	return string(append(text, '"'))
}
