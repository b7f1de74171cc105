package sockets

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// Addr is where the servers of the course listen.
const Addr = "127.0.0.1:12000"

const defaultRequestTimeout = 30 * time.Second

// MaxClients is how many clients a server of [Server.Kernel] has at once; one more is closed.
const MaxClients = 64

// A Version is one of the five steps of the course.
type Version int

// The versions. Where one is wanted, zero means the last.
const (
	V1 Version = iota + 1
	V2
	V3
	V4
	V5
)

// String returns the name of the version's stage, as in "sockets-v4".
func (v Version) String() string { return "sockets-v" + string('0'+rune(cmp.Or(v, V5))) }

// ParseVersion finds a version by the name of its stage.
func ParseVersion(name string) (v Version, ok bool) {
	for v := V1; v <= V5; v++ {
		if v.String() == name {
			return v, true
		}
	}
	return 0, false
}

// Server is the server of one version. It is the Handler of a kernel.Server, which
// [Server.Kernel] makes. The fields must not be changed once it serves.
//
// A line of a client, or all that it sends in V3, may be as long as the kernel's MaxRequest
// says, and a connection needs about as much memory.
type Server struct {
	Version Version
	Lang    string    // of its answers and its screen: "en" or "pt-BR"
	Screen  io.Writer // what it says to whoever runs it, a line in each Write, safe to show; nil: nothing. See kernel.ScreenOf

	// Shared has all clients of V5 work on one list. Otherwise each has its own, which
	// ends with it.
	Shared bool
	// Store is where V5 keeps the shared list; nil: in memory. Lists in memory take
	// [MaxList] bytes.
	Store store.Store

	// RequestTimeout is how long a line, or the object of V3, may take once it has begun; zero is 30 s,
	// kernel.NoTimeout for ever.
	RequestTimeout time.Duration

	once   sync.Once
	shared database    // of all clients: of V4, and of V5 if it is Shared
	turn   kernel.Turn // of V4: of who is served
	verbs  kernel.Verbs[*session, string]
	screen sync.Mutex
}

// Kernel returns a managed server that serves as s does: on [Addr], and in V1 to V3 one client alone. It may
// be changed before it is started.
func (s *Server) Kernel() *kernel.Server {
	k := &kernel.Server{Handler: s, Addr: Addr, MaxConns: MaxClients, Once: cmp.Or(s.Version, V5) <= V3}
	k.OnStarted(func() {
		if addr := k.ListenAddr(); addr != nil {
			s.print(nil, "sockets_listening", "addr", addr)
		} else {
			s.print(nil, "sockets_listening_in_memory")
		}
	})
	k.OnStopped(func() { s.print(nil, "sockets_stopped") })
	k.OnRefused(func(conn net.Conn, err error) {
		s.print(conn, "sockets_turned_away", "addr", conn.RemoteAddr(), "reason", Explain(docs.For(s.Lang), err))
	})
	k.OnClientClosed(func(client *kernel.Conn) {
		if err := client.Err(); err != nil {
			s.print(client, "sockets_client_failed", "addr", client.RemoteAddr(), "reason", Explain(docs.For(s.Lang), err))
		}
	})
	return k
}

// ServeConn implements [kernel.Handler].
func (s *Server) ServeConn(ctx context.Context, conn *kernel.Conn) error {
	s.once.Do(s.prepare)
	c := &session{Server: s, conn: conn, in: bufio.NewReaderSize(conn, conn.MaxRequest()+len("\r\n")), say: docs.For(s.Lang)}
	err := c.serve(ctx)
	var bad *RequestError
	switch {
	case errors.As(err, &bad):
		c.tell(c.refused(bad))
	case errors.Is(err, kernel.ErrIdle), errors.Is(err, kernel.ErrSlow):
		c.tell(c.failure(Explain(c.say, err)))
	}
	return err
}

func (s *Server) prepare() {
	s.shared = newDatabase(nil)
	s.handle("adicionar", (*session).add)
	s.handle("listar", (*session).all)
	s.handle("terminar", (*session).end)
	if cmp.Or(s.Version, V5) == V5 {
		s.shared = newDatabase(s.Store)
		s.handle("consultar", (*session).find)
	}
}

// handle sets who answers a verb.
func (s *Server) handle(verb string, answer func(*session) (string, error)) {
	s.verbs.Handle(verb, func(_ context.Context, _ *kernel.Conn, c *session) (string, error) { return answer(c) })
}

// print says a sentence on the screen; conn is what it is about, if it is about one connection.
func (s *Server) print(conn net.Conn, id string, pairs ...any) {
	screen := kernel.ScreenOf(conn, s.Screen)
	if screen == nil {
		return
	}
	s.screen.Lock()
	defer s.screen.Unlock()
	io.WriteString(screen, docs.For(s.Lang).Say(id, pairs...)+"\n")
}

// A session is the conversation with one client.
type session struct {
	*Server
	conn *kernel.Conn
	in   *bufio.Reader
	say  *docs.Sentences
	list database // of V4 and V5
	done bool     // the client has said terminar
}

func (c *session) serve(ctx context.Context) error {
	switch c.Version {
	case V1:
		return c.v1()
	case V2:
		return c.v2()
	case V3:
		return c.v3()
	case V4:
		return c.v4(ctx)
	default:
		return c.v5(ctx)
	}
}

// hear returns the next line without its end, valid until the next call.
func (c *session) hear() ([]byte, error) {
	if err := c.awaitRequest(); err != nil {
		return nil, err
	}
	defer c.conn.ReadBy(time.Time{})
	line, err := c.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return nil, final("sockets_line_too_long", "limit", c.conn.MaxRequest())
	case err == io.EOF && len(line) > 0:
		return nil, final("sockets_line_unfinished")
	case err != nil:
		return nil, err
	}
	if line = bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}); len(line) > c.conn.MaxRequest() {
		return nil, final("sockets_line_too_long", "limit", c.conn.MaxRequest())
	}
	return line, nil
}

// awaitRequest waits for the first byte of what a client sends, and bounds the time for the others.
func (c *session) awaitRequest() error {
	_, err := c.in.Peek(1)
	if bound := cmp.Or(c.RequestTimeout, defaultRequestTimeout); bound > 0 {
		c.conn.ReadBy(time.Now().Add(bound))
	}
	return err
}

// print says on the server's screen a sentence about the client.
func (c *session) print(id string, pairs ...any) { c.Server.print(c.conn, id, pairs...) }

// tell sends a line.
func (c *session) tell(text string) error {
	_, err := io.WriteString(c.conn, text+"\n")
	return err
}

// refused returns what is answered to a request that is not accepted, and has it counted if it makes no sense.
func (c *session) refused(err *RequestError) string {
	if err.malformed {
		c.conn.Malformed(map[string]string{"": err.Error()})
	}
	return c.failure(err.explain(c.say))
}

func (c *session) failure(reason string) string { return c.say.Say("sockets_error", "reason", reason) }

// A RequestError says what a server does not accept of what its client sent. The client is
// told so, in the server's language.
type RequestError struct {
	id        string // of the sentence that explains it
	pairs     []any
	malformed bool
	ends      bool // what follows cannot be understood
}

// refuse is for what makes sense but cannot be done.
func refuse(id string, pairs ...any) *RequestError { return &RequestError{id: id, pairs: pairs} }

// malformed is for what makes no sense.
func malformed(id string, pairs ...any) *RequestError {
	return &RequestError{id: id, pairs: pairs, malformed: true}
}

// final is for what makes no sense, and after which nothing can.
func final(id string, pairs ...any) *RequestError {
	return &RequestError{id: id, pairs: pairs, malformed: true, ends: true}
}

func (e *RequestError) Error() string { return e.explain(docs.For(docs.English)) }

func (e *RequestError) explain(say *docs.Sentences) string { return say.Say(e.id, e.pairs...) }

// shown returns the start of what a peer sent, safe to stand in a sentence.
func shown(text []byte) string { return inspect.Safe(cut(string(text))) }

// cut returns the start of a text that may be too long for a line.
func cut(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
