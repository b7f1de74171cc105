package kernel_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each line with the same line.
var echo = kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
	lines := bufio.NewReader(conn)
	for ctx.Err() == nil {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		if _, err := io.WriteString(conn, line); err != nil {
			return err
		}
	}
	return kernel.ErrStopping
})

func Example() {
	server := &kernel.Server{Addr: "127.0.0.1:0", Handler: echo}
	server.OnClientClosed(func(client *kernel.Conn) { fmt.Println("client", client.ID, "has left") })
	if err := server.Start(context.Background()); err != nil {
		fmt.Println(err)
	}

	conn, _ := net.Dial("tcp", server.ListenAddr().String())
	fmt.Fprintln(conn, "hello")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(line)
	conn.Close()

	server.Stop()
	fmt.Println(server.Wait(), server.Statistics().BytesIn)
	// Output:
	// hello
	// client 1 has left
	// <nil> 6
}

func TestManyClientsAreServedAtOnce(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo, HandshakeTimeout: time.Hour}) // nobody is given up
	var conns []net.Conn
	for i := range 20 {
		conn := l.dial()
		conns = append(conns, conn)
		talk(t, conn, fmt.Sprintf("client %d", i))
	}
	for i, conn := range conns { // all are still there
		talk(t, conn, fmt.Sprintf("again %d", i))
	}
}

// Redis-benchmark is one: it waits for the handshake of one connection while the others have theirs to do.
func TestAClientMayOpenItsConnectionsBeforeTheFirstHandshakeAndDoTheLastOneFirst(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo, HandshakeTimeout: time.Hour}) // nobody is given up
	var conns []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", l.address)
		check(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	for _, conn := range slices.Backward(conns) {
		conn.SetDeadline(time.Now().Add(patience))
		talk(t, tls.Client(conn, l.client), "hello")
	}
}

func TestAClientThatHalfClosesStillGetsItsAnswers(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo})
	conn := l.dial()
	io.WriteString(conn, "one\ntwo\n")
	check(t, conn.CloseWrite())
	all, err := io.ReadAll(conn)
	if string(all) != "one\ntwo\n" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
	if err := l.events.wait(t, "client_closed"); err != nil {
		t.Errorf("closed with %v, want nil", err)
	}
}

func TestABadHandshakeIsReportedAndCostsTheOthersNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		misuse func(l *lab, conn net.Conn)
		check  func(error) bool
	}{
		{"silence", func(*lab, net.Conn) {}, func(err error) bool { return errors.Is(err, kernel.ErrHandshakeTimeout) }},
		{"garbage", func(_ *lab, conn net.Conn) { io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n") }, func(err error) bool {
			var header tls.RecordHeaderError
			return errors.As(err, &header)
		}},
		{"a client that leaves", func(_ *lab, conn net.Conn) { conn.Close() }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"half a ClientHello", func(_ *lab, conn net.Conn) { conn.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}); conn.Close() }, func(err error) bool { return err != nil }},
		{"a wrong name", func(l *lab, conn net.Conn) {
			config := l.client.Clone()
			config.ServerName = "elsewhere.example"
			go tls.Client(conn, config).Handshake()
		}, func(err error) bool { return err != nil && !errors.Is(err, kernel.ErrHandshakeTimeout) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &kernel.Server{Handler: echo}
			if c.name == "silence" {
				s.HandshakeTimeout = limit // the others too must be done in that time
			}
			l := newLab(t, s)
			other := l.dial()
			bad, err := net.Dial("tcp", l.address)
			check(t, err)
			defer bad.Close()
			c.misuse(l, bad)
			talk(t, other, "still here")
			if err := l.events.wait(t, "handshake_failed"); !c.check(err) {
				t.Errorf("reported as %v", err)
			}
			talk(t, other, "and here")
			talk(t, l.dial(), "a new one")
		})
	}
}

func TestAClientReadsTheAlertAlthoughItsOwnBytesWereNotRead(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo}, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	conn := l.dial() // in TLS 1.3 the client is done before the server judges
	go conn.Write(make([]byte, 1<<10))
	_, err := io.ReadAll(conn)
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("got %v, want the alert certificate_required", err)
	}
}

func TestStoppingLetsTheRunningRequestBeAnsweredAndSaysCloseNotify(t *testing.T) {
	running, finish := make(chan bool), make(chan bool)
	l := newLab(t, &kernel.Server{Handler: kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
		lines := bufio.NewReader(conn)
		if _, err := lines.ReadString('\n'); err != nil {
			return err
		}
		running <- true
		<-finish
		if _, err := io.WriteString(conn, "answer\n"); err != nil {
			return err
		}
		_, err := lines.ReadString('\n')
		return err
	})})
	idle := l.dial()
	tcp, err := net.Dial("tcp", l.address)
	check(t, err)
	wire := &tee{Conn: tcp}
	busy := tls.Client(wire, l.client)
	io.WriteString(busy, "request\n")
	<-running
	for range 2 { // a client whose handshake is not over is cut off
		check(t, l.events.wait(t, "client"))
	}
	l.stop()
	if all, err := io.ReadAll(idle); len(all) > 0 || err != nil {
		t.Errorf("the idle client: %q, %v", all, err)
	}
	for { // until it accepts no more, or the test has taken too long
		conn, err := net.Dial("tcp", l.address)
		if err != nil {
			break
		}
		conn.Close()
	}
	close(finish)
	all, err := io.ReadAll(busy)
	if string(all) != "answer\n" || err != nil {
		t.Errorf("the busy client: %q, %v", all, err)
	}
	if !wire.endsWithAlert() { // an end without one is io.EOF too
		t.Error("the stream ended without close_notify")
	}
	idle.Close()
	busy.Close()
	check(t, l.wait())
	if err := l.events.wait(t, "client_closed"); !errors.Is(err, kernel.ErrStopping) {
		t.Errorf("closed with %v, want ErrStopping", err)
	}
}

func TestStoppingCutsWhatIsNotOverInTime(t *testing.T) {
	running := make(chan bool)
	l := newLab(t, &kernel.Server{
		ShutdownTimeout: 100 * time.Millisecond, WriteTimeout: kernel.NoTimeout,
		Handler: kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
			close(running)
			for { // the client does not read
				if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
		}),
	})
	l.dial()
	<-running
	l.stop()
	check(t, l.wait()) // for ever, if it were not cut
}

func TestStoppingDoesNotWaitForHandshakes(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo, HandshakeTimeout: kernel.NoTimeout})
	conn, err := net.Dial("tcp", l.address)
	check(t, err)
	defer conn.Close()
	l.events.wait(t, "connection")
	l.stop()
	if err := l.events.wait(t, "handshake_failed"); !errors.Is(err, kernel.ErrStopping) {
		t.Errorf("reported as %v", err)
	}
	check(t, l.wait())
}

func TestAHandlerThatNeverReturnsIsReportedAsStuck(t *testing.T) {
	t.Parallel()
	release, running := make(chan bool), make(chan bool)
	l := newLab(t, &kernel.Server{
		ShutdownTimeout: 10 * time.Millisecond,
		Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error {
			close(running)
			<-release
			return nil
		}),
	})
	l.dial()
	<-running
	l.stop()
	if err := l.wait(); !errors.Is(err, kernel.ErrStuck) {
		t.Errorf("got %v, want ErrStuck", err)
	}
	close(release)
	l.events.wait(t, "client_closed")
}

func TestAPanicEndsItsOwnConnectionOnly(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
		lines := bufio.NewReader(conn)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return err
			}
			if line == "panic\n" {
				panic("on demand")
			}
			io.WriteString(conn, line)
		}
	})})
	other, bad := l.dial(), l.dial()
	io.WriteString(bad, "panic\n")
	if all, err := io.ReadAll(bad); len(all) > 0 || err != nil {
		t.Errorf("the one that panicked: %q, %v", all, err)
	}
	bad.Close()
	var reported kernel.RuntimeError
	if err := l.events.wait(t, "runtime_error"); !errors.As(err, &reported) || !strings.Contains(err.Error(), "on demand") || !strings.Contains(reported.Traceback, "kernel_test.go") {
		t.Errorf("reported as %v", err)
	}
	talk(t, other, "still here")
}

func TestARequestThatComesByteForByteIsWaitedForNoLongerThanItMayTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := &kernel.Server{IdleTimeout: 5 * time.Second, Linger: time.Millisecond, Handler: kernel.HandlerFunc(func(_ context.Context, conn *kernel.Conn) error {
			conn.ReadBy(time.Now().Add(time.Hour)) // the silence before it is a shorter wait
			conn.Read(make([]byte, 1))
			conn.ReadBy(time.Now().Add(10 * time.Second))
			_, err := io.ReadAll(conn)
			return err
		})}
		client, server := net.Pipe()
		var drip sync.WaitGroup
		defer drip.Wait()
		defer client.Close()
		drip.Go(func() {
			for {
				if _, err := client.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(3 * time.Second)
			}
		})
		if err := s.ServeConn(t.Context(), server); !errors.Is(err, kernel.ErrSlow) {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(began).Round(time.Second); took != 10*time.Second {
			t.Errorf("waited %v", took)
		}
	})
}

func TestWhoNeverFinishesTheHandshakeIsGivenUpAfter10Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		s := &kernel.Server{Handler: echo}
		var failed error
		s.OnHandshakeFailed(func(_ net.Conn, err error) { failed = err })
		began := time.Now()
		s.ServeConn(t.Context(), tls.Server(server, &tls.Config{}))
		if took := time.Since(began).Round(time.Second); !errors.Is(failed, kernel.ErrHandshakeTimeout) || took != 10*time.Second {
			t.Errorf("after %v: %v", took, failed)
		}
	})
}

func TestASilentClientIsSentAway(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo, IdleTimeout: 50 * time.Millisecond})
	conn := l.dial()
	if all, err := io.ReadAll(conn); len(all) > 0 || err != nil {
		t.Errorf("%q, %v", all, err)
	}
	conn.Close()
	if err := l.events.wait(t, "client_closed"); !errors.Is(err, kernel.ErrIdle) {
		t.Errorf("closed with %v, want ErrIdle", err)
	}
}

func TestAClientThatDoesNotReadIsSentAway(t *testing.T) {
	l := newLab(t, &kernel.Server{
		WriteTimeout: 50 * time.Millisecond,
		Handler: kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
			for {
				if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
		}),
	})
	l.dial()
	var timeout net.Error
	if err := l.events.wait(t, "client_closed"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("closed with %v, want a timeout", err)
	}
}

func TestOneMoreThanTheMostIsRefusedUntilAnotherLeaves(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo, MaxConns: 2})
	first, second := l.dial(), l.dial()
	talk(t, first, "1")
	talk(t, second, "2")
	third, err := net.Dial("tcp", l.address)
	check(t, err)
	defer third.Close()
	if err := l.events.wait(t, "refused"); !errors.Is(err, kernel.ErrTooMany) {
		t.Errorf("refused with %v", err)
	}
	if n, err := third.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("the third is not closed")
	}
	talk(t, first, "1 again")
	first.Close()
	l.events.wait(t, "client_closed")
	talk(t, l.dial(), "a place is free")
}

func TestOnceServesOneClientAndEnds(t *testing.T) {
	l := newLab(t, &kernel.Server{Handler: echo, Once: true})
	garbage, err := net.Dial("tcp", l.address)
	check(t, err)
	io.WriteString(garbage, "this is no handshake")
	garbage.Close()
	l.events.wait(t, "handshake_failed") // does not count
	silent, err := net.Dial("tcp", l.address)
	check(t, err)
	defer silent.Close()

	conn := l.dial()
	talk(t, conn, "served")
	l.events.wait(t, "client")
	if late, err := net.Dial("tcp", l.address); err == nil {
		// The listener's queue may have taken it; nobody serves it.
		late.SetDeadline(time.Now().Add(patience))
		if n, err := late.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Error("a second client is served")
		}
		late.Close()
	}
	talk(t, conn, "still served")
	conn.Close()
	check(t, l.wait())
}

func TestOneConnectionInMemoryIsServedWithoutAListener(t *testing.T) {
	client, server := net.Pipe()
	done := make(chan error)
	s := &kernel.Server{Handler: echo, IdleTimeout: kernel.NoTimeout}
	go func() { done <- s.ServeConn(t.Context(), server) }()
	talk(t, client, "hello")
	client.Close()
	check(t, <-done)

	client, server = net.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	go func() { done <- s.ServeConn(ctx, server) }()
	talk(t, client, "hello")
	stop()
	if err := <-done; !errors.Is(err, kernel.ErrStopping) {
		t.Errorf("got %v, want ErrStopping", err)
	}
	client.Close()
}

func TestEventsNameTheConnectionThatTheListenerGave(t *testing.T) {
	client, server := net.Pipe()
	var seen []net.Conn
	s := &kernel.Server{Handler: echo}
	s.OnConnection(func(conn net.Conn) { seen = append(seen, conn) })
	s.OnClient(func(client *kernel.Conn) { seen = append(seen, client.Conn) })
	s.OnClientClosed(func(client *kernel.Conn) { seen = append(seen, client.Conn) })
	client.Close()
	check(t, s.ServeConn(t.Context(), server))
	if len(seen) != 3 || seen[0] != server || seen[1] != server || seen[2] != server {
		t.Errorf("got %v", seen)
	}
}

func TestAListenerThatFailsIsReported(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	listener.Close()
	if err := (&kernel.Server{Handler: echo}).Serve(t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	var told kernel.RuntimeError
	s := &kernel.Server{Handler: echo}
	s.OnRuntimeError(func(e kernel.RuntimeError) { told = e; s.Stop() })
	check(t, s.Serve(t.Context(), failing{listener}))
	if told.Thread != "accept" || told.Class != "*errors.errorString" || s.Statistics().RuntimeErrors != 1 {
		t.Errorf("told of %+v", told)
	}
}

type failing struct{ net.Listener }

func (failing) Accept() (net.Conn, error) { return nil, errors.New("too many open files") }

// lab is a server with TLS, its clients and its events.
type lab struct {
	t       *testing.T
	address string
	client  *tls.Config
	events  *events
	stop    context.CancelFunc
	wait    func() error
}

func newLab(t *testing.T, s *kernel.Server, change ...func(*tls.Config)) *lab {
	t.Helper()
	authority, err := pki.NewAuthority(time.Now())
	check(t, err)
	certificate, err := authority.IssueServer()
	check(t, err)
	config := pki.ServerConfig(certificate, tls.NoClientCert, nil)
	for _, c := range change {
		c(config)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	check(t, err)

	l := &lab{t: t, address: listener.Addr().String(), client: pki.ClientConfig(authority.Roots(), "localhost")}
	l.events = record(s)
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	l.wait = sync.OnceValue(func() error { return <-ended })
	t.Cleanup(func() {
		stop()
		l.wait()
	})
	return l
}

// patience is how long a test waits for what must come. It is long since tests share their machine.
const patience = time.Minute

// dial returns a client that closes at the end of the test, before the server does.
func (l *lab) dial() *tls.Conn {
	l.t.Helper()
	conn, err := tls.Dial("tcp", l.address, l.client)
	check(l.t, err)
	conn.SetDeadline(time.Now().Add(patience))
	l.t.Cleanup(func() { conn.NetConn().Close() })
	return conn
}

// events keeps what happened, by name.
type events struct {
	seen map[string]chan error
}

func record(s *kernel.Server) *events {
	r := &events{seen: map[string]chan error{}}
	for _, kind := range s.Events() {
		r.seen[kind.Name] = make(chan error, 100)
	}
	s.OnConnection(func(net.Conn) { r.seen["connection"] <- nil })
	s.OnClient(func(*kernel.Conn) { r.seen["client"] <- nil })
	s.OnHandshakeFailed(func(_ net.Conn, err error) { r.seen["handshake_failed"] <- err })
	s.OnRefused(func(_ net.Conn, err error) { r.seen["refused"] <- err })
	s.OnClientClosed(func(client *kernel.Conn) { r.seen["client_closed"] <- client.Err() })
	s.OnRuntimeError(func(e kernel.RuntimeError) { r.seen["runtime_error"] <- e })
	return r
}

// wait returns the error of the next event of that name.
func (e *events) wait(t *testing.T, name string) error {
	t.Helper()
	select {
	case err := <-e.seen[name]:
		return err
	case <-time.After(patience):
		t.Fatalf("no event %q", name)
		return nil
	}
}

// tee keeps what was read from the wire.
type tee struct {
	net.Conn
	read []byte
}

func (c *tee) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read = append(c.read, p[:n]...)
	return n, err
}

// endsWithAlert looks for an encrypted alert of TLS 1.3 at the end: a record of
// 2 bytes, the inner type and a tag of 16 (RFC 8446, section 5.2). In good
// order this can only be close_notify.
func (c *tee) endsWithAlert() bool {
	at := len(c.read) - (5 + 19)
	return at >= 0 && bytes.Equal(c.read[at:at+5], []byte{0x17, 0x03, 0x03, 0x00, 0x13})
}

func talk(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text+"\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text)+1)
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, []byte(text+"\n")) {
		t.Fatalf("got %q, %v, want %q", got, err, text)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
