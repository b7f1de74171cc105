package kernel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/tlslab/kvs/kernel"
)

func TestEveryEventIsToldByNameAndByMethodWithItsParametersInOrder(t *testing.T) {
	s := &kernel.Server{Addr: "127.0.0.1:0", HandshakeTimeout: 3 * time.Second, MaxConns: 1, Handler: everyVerb()}
	s.Wrap = func(l net.Listener) net.Listener { return moody{l} }
	told := newDiary()
	for _, kind := range s.Events() {
		check(t, s.On(kind.Name, func(e kernel.Event) {
			var types []string
			for _, value := range e.Values {
				types = append(types, fmt.Sprintf("%T", value))
			}
			told.write("%d %s(%s) %s", e.Number, e.Name, strings.Join(e.Parameters, ", "), strings.Join(types, ", "))
		}))
	}
	methods := newDiary()
	s.OnConnection(func(net.Conn) { methods.write("connection") })
	s.OnClient(func(client *kernel.Conn) { methods.write("client %d", client.ID) })
	s.OnClientClosed(func(client *kernel.Conn) { methods.write("client_closed %d %v", client.ID, client.Err()) })
	s.OnRequest(func(client *kernel.Conn) { methods.write("request %d", client.ID) })
	s.OnUnknownVerb(func(client *kernel.Conn) { methods.write("unknown_verb %d", client.ID) })
	s.OnMalformedRequest(func(client *kernel.Conn, errs map[string]string) {
		methods.write("malformed_request %d %v", client.ID, errs)
	})
	s.OnRuntimeError(func(e kernel.RuntimeError) {
		methods.write("runtime_error %s %s %v %d %t", e.Thread, e.Class, e.Err, e.Client.ID, strings.Contains(e.Traceback, "events_test.go"))
	})
	s.OnStarted(func() { methods.write("started") })
	s.OnStopped(func() { methods.write("stopped") })
	s.OnHandshakeFailed(func(_ net.Conn, err error) { methods.write("handshake_failed %v", err) })
	s.OnRefused(func(_ net.Conn, err error) { methods.write("refused %v", err) })

	check(t, s.Start(t.Context()))
	conn := dialTCP(t, s)
	io.WriteString(conn, "ok\n") // the mood of its handshake
	talkTo(t, conn, "ping", "pong")
	talkTo(t, conn, "sing", "error: unknown verb")
	talkTo(t, conn, "panic", "internal error")
	talkTo(t, conn, "broken", "understood nothing")
	late := dialTCP(t, s)
	late.Read(make([]byte, 1)) // until it is refused
	conn.Close()
	methods.wait(t, "client_closed") // whom it is told to last
	bad := dialTCP(t, s)
	io.WriteString(bad, "bad\n")
	wantEnd(t, bad)
	check(t, s.Stop())
	check(t, s.Wait())

	const class = "*errors.errorString"
	told.want(t, `
10 started()
3 connection(connection) *kernel_test.moodyConn
1 client(client) *kernel.Conn
8 request(client) *kernel.Conn
8 request(client) *kernel.Conn
12 unknown_verb(client) *kernel.Conn
8 request(client) *kernel.Conn
9 runtime_error(thread, class, traceback, client, error) string, string, string, *kernel.Conn, *kernel.PanicError
7 malformed_request(client, errors) *kernel.Conn, map[string]string
3 connection(connection) *kernel_test.moodyConn
0 refused(connection, error) *kernel_test.moodyConn, `+class+`
2 client_closed(client) *kernel.Conn
3 connection(connection) *kernel_test.moodyConn
0 handshake_failed(connection, error) *kernel_test.moodyConn, *kernel.HandshakeError
11 stopped()
`)
	methods.want(t, `
started
connection
client 1
request 1
request 1
unknown_verb 1
request 1
runtime_error client 1 string panic: on demand 1 true
malformed_request 1 map[verb:must be a word]
connection
refused too many connections
client_closed 1 <nil>
connection
handshake_failed the handshake failed: in a bad mood
stopped
`)
}

func TestAServiceHasEventsOfItsOwn(t *testing.T) {
	s := &kernel.Server{}
	check(t, s.Declare(kernel.EventKind{Number: 4, Name: "created_container", Parameters: []string{"client", "container"}}))
	if err := s.Declare(kernel.EventKind{Name: "created_container"}); err == nil {
		t.Error("it was declared twice")
	}
	if err := s.Declare(kernel.EventKind{Name: "request"}); err == nil {
		t.Error("a standard one was declared")
	}
	if err := s.On("created_countainer", nil); err == nil || !strings.Contains(err.Error(), "created_container") {
		t.Errorf("an event that there is not: %v", err)
	}
	var got []string
	for range 2 { // callbacks add up
		check(t, s.On("created_container", func(e kernel.Event) {
			got = append(got, fmt.Sprintf("%d %s %v %v %v", e.Number, e.Name, e.Value("client"), e.Value("container"), e.Value("shell")))
		}))
	}
	s.Emit("created_container", nil, "a space")
	if want := "4 created_container <nil> a space <nil>"; !slices.Equal(got, []string{want, want}) {
		t.Errorf("got %q", got)
	}
	for _, misuse := range []func(){
		func() { s.Emit("created_container", "a space") },
		func() { s.Emit("nothing") },
		func() { s.Emit("request", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a wrong event was let through")
				}
			}()
			misuse()
		}()
	}
	if n := len(s.Events()); n != 12 {
		t.Errorf("%d events", n)
	}
}

func TestACallbackMayCloseWhatItWasGivenAndTheServerEndsThatSession(t *testing.T) {
	for name, c := range map[string]struct {
		register func(s *kernel.Server)
		events   string
	}{
		"the raw connection": {
			func(s *kernel.Server) { s.OnConnection(func(conn net.Conn) { conn.Close() }) },
			"connection",
		},
		"the client": {
			func(s *kernel.Server) { s.OnClient(func(client *kernel.Conn) { client.Close() }) },
			"connection client client_closed",
		},
		"the client, at a request": {
			func(s *kernel.Server) { s.OnRequest(func(client *kernel.Conn) { client.Close() }) },
			"connection client request client_closed",
		},
		"the client, at an unknown verb": {
			func(s *kernel.Server) {
				s.Handler = service(new(kernel.Verbs[string, string]))
				s.OnUnknownVerb(func(client *kernel.Conn) { client.Close() })
			},
			"connection client request unknown_verb client_closed",
		},
		"what is under the client": {
			func(s *kernel.Server) { s.OnClient(func(client *kernel.Conn) { client.Conn.Close() }) },
			"connection client client_closed",
		},
		"the client, while it waits": {
			func(s *kernel.Server) {
				s.OnClient(func(client *kernel.Conn) { time.AfterFunc(10*time.Millisecond, func() { client.Close() }) })
			},
			"connection client client_closed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ran := make(chan bool, 10)
			s := &kernel.Server{Addr: "127.0.0.1:0", Handler: verbsOf(func() { ran <- true })}
			seen := newDiary()
			ended := make(chan error, 1)
			for _, kind := range s.Events() {
				check(t, s.On(kind.Name, func(e kernel.Event) { seen.write("%s", e.Name) }))
			}
			c.register(s)
			s.OnClientClosed(func(client *kernel.Conn) { ended <- client.Err() })
			check(t, s.Start(t.Context()))
			conn := dialTCP(t, s)
			if name != "the client, while it waits" {
				io.WriteString(conn, "ping\n")
			}
			if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Error("the client was answered")
			}
			if c.events != "connection" {
				if err := <-ended; !errors.Is(err, kernel.ErrDismissed) {
					t.Errorf("it ended with %v, want ErrDismissed", err)
				}
			}
			check(t, s.Stop())
			check(t, s.Wait())
			if len(ran) > 0 {
				t.Error("the handler of the verb ran")
			}
			seen.want(t, "\nstarted\n"+strings.ReplaceAll(c.events, " ", "\n")+"\nstopped\n")
			if got := s.Statistics(); got.Open != 0 || got.RuntimeErrors != 0 || len(got.HandshakesFailed) != 0 {
				t.Errorf("counted as %+v", got)
			}
		})
	}
}

func TestTheHandlerOfAClientThatACallbackHasClosedIsNotCalled(t *testing.T) {
	s := &kernel.Server{Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error {
		t.Error("it was called")
		return nil
	})}
	s.OnClient(func(client *kernel.Conn) { client.Close() })
	client, server := net.Pipe()
	defer client.Close()
	if err := s.ServeConn(t.Context(), server); !errors.Is(err, kernel.ErrDismissed) {
		t.Errorf("got %v, want ErrDismissed", err)
	}
}

func TestTheRawConnectionMayBeClosedDuringItsHandshake(t *testing.T) {
	begun := make(chan bool)
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0", Wrap: func(l net.Listener) net.Listener { return telling{l, begun} }}
	s.OnConnection(func(conn net.Conn) {
		go func() {
			<-begun
			conn.Close()
		}()
	})
	failed := make(chan error, 1)
	s.OnHandshakeFailed(func(_ net.Conn, err error) { failed <- err })
	check(t, s.Start(t.Context()))
	wantEnd(t, dialTCP(t, s))
	if err := <-failed; !errors.Is(err, kernel.ErrDismissed) {
		t.Errorf("reported as %v", err)
	}
	if n := s.Statistics().HandshakesFailed[kernel.ReasonDismissed]; n != 1 {
		t.Errorf("%d were counted", n)
	}
	check(t, s.Stop())
	check(t, s.Wait())
}

// telling gives out connections that tell when their handshake has begun.
type telling struct {
	net.Listener
	begun chan bool
}

func (l telling) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return tellingConn{conn, l.begun}, err
}

type tellingConn struct {
	net.Conn
	begun chan bool
}

func (c tellingConn) HandshakeContext(context.Context) error {
	c.begun <- true
	_, err := c.Read(make([]byte, 1))
	return err
}

func TestAPanicInACallbackIsCountedAndHurtsNobody(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	var mu sync.Mutex
	var threads []string
	s.OnRuntimeError(func(e kernel.RuntimeError) {
		mu.Lock()
		defer mu.Unlock()
		if !strings.Contains(e.Traceback, "events_test.go") {
			t.Errorf("the stack is\n%s", e.Traceback)
		}
		threads = append(threads, e.Thread)
	})
	var after atomic.Int64
	for _, on := range []func(func()){
		s.OnStarted, s.OnStopped,
		func(f func()) { s.OnConnection(func(net.Conn) { f() }) },
		func(f func()) { s.OnClient(func(*kernel.Conn) { f() }) },
		func(f func()) { s.OnClientClosed(func(*kernel.Conn) { f() }) },
		func(f func()) { s.OnRuntimeError(func(kernel.RuntimeError) { f() }) },
	} {
		on(func() { panic("on demand") })
		on(func() { after.Add(1) }) // the next one is told all the same
	}
	closed := signalClient(s.OnClientClosed)
	check(t, s.Start(t.Context()))
	for range 2 {
		hello(t, s)
		<-closed
	}
	check(t, s.Stop())
	check(t, s.Wait())
	want := []string{
		"callback of client", "callback of client", "callback of client_closed", "callback of client_closed",
		"callback of connection", "callback of connection", "callback of started", "callback of stopped",
	}
	slices.Sort(threads)
	if !slices.Equal(threads, want) {
		t.Errorf("told of %q", threads)
	}
	if n := s.Statistics().RuntimeErrors; n != 16 { // each of them, and the panic of whoever was told of it
		t.Errorf("%d runtime errors were counted, want 16", n)
	}
	if n := after.Load(); n != 16 {
		t.Errorf("%d callbacks were called after a panic, want 16", n)
	}
}

func TestTheLogTellsOfEveryEventAndHoldsNothingThatAClientSent(t *testing.T) {
	const secret = "hunter2"
	var out safeBuffer
	s := &kernel.Server{Handler: everyVerb(), Addr: "127.0.0.1:0", MaxConns: 1}
	s.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Wrap = func(l net.Listener) net.Listener { return moody{l} }
	closed := signalClient(s.OnClientClosed)
	check(t, s.Declare(kernel.EventKind{Name: "created_container", Parameters: []string{"client", "password"}}))
	check(t, s.Start(t.Context()))
	s.Emit("created_container", nil, secret)
	conn := dialTCP(t, s)
	io.WriteString(conn, "ok\n")
	talkTo(t, conn, "ping "+secret, "pong")
	talkTo(t, conn, "echo "+secret, secret)
	talkTo(t, conn, "refuse "+secret, "error: no "+secret)
	talkTo(t, conn, secret, "error: unknown verb")
	talkTo(t, conn, "panic "+secret, "internal error")
	talkTo(t, conn, "broken "+secret, "understood nothing")
	talkTo(t, conn, "report", "reported")
	late := dialTCP(t, s)
	late.Read(make([]byte, 1))
	io.WriteString(conn, "die "+secret+"\n")
	wantEnd(t, conn)
	<-closed
	bad := dialTCP(t, s)
	io.WriteString(bad, "bad\n")
	wantEnd(t, bad)
	check(t, s.Stop())
	check(t, s.Wait())

	text := out.String()
	if strings.Contains(text, secret) {
		t.Errorf("the log holds the secret:\n%s", text)
	}
	for _, want := range []string{
		"level=INFO msg=started addr=127.0.0.1:", `level=INFO msg="created container"`, "level=INFO msg=connection peer=127.0.0.1:", "level=INFO msg=client conn=1 peer=127.0.0.1:",
		"level=DEBUG msg=request conn=1", `level=WARN msg="unknown verb" conn=1`, `level=WARN msg="malformed request" conn=1`,
		`level=ERROR msg="runtime error" thread="client 1" class=string traceback=`, `error="the disk is full"`,
		`level=WARN msg=refused peer=127.0.0.1:`, `error="too many connections"`,
		`level=INFO msg="client closed" conn=1 peer=127.0.0.1:`, `error="panic of type string"`,
		`level=WARN msg="handshake failed" peer=127.0.0.1:`, `error="the handshake failed: in a bad mood"`, "level=INFO msg=stopped",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log does not say %s:\n%s", want, text)
		}
	}
}

// everyVerb is a service that does well, and ill in every way.
func everyVerb() kernel.Handler {
	var verbs kernel.Verbs[string, string]
	for verb, f := range map[string]kernel.VerbHandler[string, string]{
		"ping": func(context.Context, *kernel.Conn, string) (string, error) { return "pong", nil },
		"echo": func(_ context.Context, _ *kernel.Conn, text string) (string, error) { return text, nil },
		"refuse": func(_ context.Context, _ *kernel.Conn, text string) (string, error) {
			return "", errors.New("no " + text)
		},
		"panic": func(_ context.Context, _ *kernel.Conn, text string) (string, error) { panic("on demand" + text) },
		"report": func(_ context.Context, client *kernel.Conn, _ string) (string, error) {
			client.Report(errors.New("the disk is full"))
			return "reported", nil
		},
		"flood": func(_ context.Context, client *kernel.Conn, _ string) (string, error) {
			for {
				if _, err := client.Write(make([]byte, 1<<16)); err != nil {
					return "", err
				}
			}
		},
	} {
		verbs.Handle(verb, f)
	}
	return service(&verbs)
}

// service answers each line: a verb, perhaps a space and more. Two verbs are not the business of verbs: broken is no
// request, and die a fault outside of any.
func service(verbs *kernel.Verbs[string, string]) kernel.Handler {
	return kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
		for ctx.Err() == nil {
			line, err := readLine(conn)
			if errors.Is(err, kernel.ErrTooLarge) {
				conn.Malformed(map[string]string{"line": "too long"})
				io.WriteString(conn, "too long\n")
			}
			if err != nil {
				return err
			}
			verb, rest, _ := strings.Cut(line, " ")
			var answer string
			switch verb {
			case "die":
				panic(rest)
			case "broken":
				conn.Malformed(map[string]string{"verb": "must be a word" + rest})
				answer = "understood nothing"
			default:
				answer, err = verbs.Do(ctx, conn, verb, rest)
			}
			var panicked *kernel.PanicError
			var broken net.Error
			switch {
			case errors.As(err, &panicked):
				answer = "internal error"
			case errors.Is(err, kernel.ErrDismissed), errors.As(err, &broken):
				return err
			case err != nil:
				answer = "error: " + err.Error()
			}
			if _, err := io.WriteString(conn, answer+"\n"); err != nil {
				return err
			}
		}
		return kernel.ErrStopping
	})
}

// moody gives out connections with a handshake of their own: the client says a
// mood, and a bad one fails.
type moody struct{ net.Listener }

func (l moody) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &moodyConn{conn.(*net.TCPConn)}, nil
}

type moodyConn struct{ *net.TCPConn }

func (c *moodyConn) HandshakeContext(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	switch mood, err := readLine(c); {
	case err != nil:
		return err
	case mood != "ok":
		return errors.New("in a " + mood + " mood")
	}
	return nil
}

// readLine reads a line byte by byte, and not a byte behind it.
func readLine(conn io.Reader) (string, error) {
	c, isServer := conn.(*kernel.Conn)
	if isServer {
		conn = c.Request()
		defer c.ReadBy(time.Time{})
	}
	var line []byte
	for b := make([]byte, 1); ; line = append(line, b...) {
		if _, err := io.ReadFull(conn, b); err != nil {
			return "", err
		}
		if isServer && line == nil {
			c.ReadBy(c.RequestDeadline())
		}
		if b[0] == '\n' {
			return string(line), nil
		}
	}
}

func talkTo(t *testing.T, conn net.Conn, request, want string) {
	t.Helper()
	if _, err := io.WriteString(conn, request+"\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := readLine(conn); got != want || err != nil {
		t.Fatalf("%s: got %q, %v, want %q", request, got, err, want)
	}
}

// diary keeps what happened, in order.
type diary struct {
	mu    sync.Mutex
	cond  *sync.Cond
	lines []string
}

func newDiary() *diary {
	d := new(diary)
	d.cond = sync.NewCond(&d.mu)
	return d
}

func (d *diary) write(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, strings.TrimSpace(fmt.Sprintf(format, a...)))
	d.cond.Broadcast()
}

// wait waits for a line that begins so.
func (d *diary) wait(t *testing.T, prefix string) {
	t.Helper()
	timer := time.AfterFunc(patience, func() { panic("nothing begins with " + prefix) })
	defer timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for !slices.ContainsFunc(d.lines, func(l string) bool { return strings.HasPrefix(l, prefix) }) {
		d.cond.Wait()
	}
}

func (d *diary) want(t *testing.T, want string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := "\n" + strings.Join(d.lines, "\n") + "\n"; got != want {
		t.Errorf("got:%s\nwant:%s", got, want)
	}
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
