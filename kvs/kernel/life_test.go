package kernel_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
)

func TestStartReturnsOnceTheServerAcceptsAndRunBlocksUntilItHasStopped(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	check(t, s.Start(t.Context()))
	hello(t, s)
	check(t, s.Stop())
	check(t, s.Wait())

	started, ran := signal(s.OnStarted), make(chan error)
	go func() { ran <- s.Run(t.Context()) }()
	<-started
	hello(t, s)
	select {
	case err := <-ran:
		t.Fatalf("Run returned with %v while the server runs", err)
	default:
	}
	check(t, s.Stop())
	check(t, <-ran)
}

func TestTheEndOfTheContextStopsTheServer(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	ctx, stop := context.WithCancel(t.Context())
	check(t, s.Start(ctx))
	conn := dialTCP(t, s)
	talk(t, conn, "hello")
	stop()
	wantEnd(t, conn)
	check(t, s.Wait())
	wantNobody(t, s.ListenAddr())
}

func TestStopLetsWhatRunsBeAnsweredAndCutsItAfterTheShutdownTimeout(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
		answer  string
	}{
		{"graceful", 0, "answer\n"},
		{"hard", 20 * time.Millisecond, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			running, finish := make(chan bool), make(chan bool)
			s := &kernel.Server{Addr: "127.0.0.1:0", ShutdownTimeout: c.timeout, Handler: kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
				running <- true
				<-finish
				_, err := io.WriteString(conn, "answer\n")
				return err
			})}
			closed := make(chan error, 1)
			s.OnClientClosed(func(client *kernel.Conn) { closed <- client.Err() })
			check(t, s.Start(t.Context()))
			conn := dialTCP(t, s)
			<-running
			check(t, s.Stop())
			if c.answer == "" {
				conn.Read(make([]byte, 1)) // until it is cut
			}
			close(finish)
			all, _ := io.ReadAll(conn)
			if string(all) != c.answer {
				t.Errorf("the client got %q, want %q", all, c.answer)
			}
			if err := <-closed; c.answer == "" && !errors.Is(err, kernel.ErrStopping) {
				t.Errorf("it ended with %v, want ErrStopping", err)
			}
			check(t, s.Wait())
		})
	}
}

func TestARestartTakesTheSameAddressAndEndsTheConnections(t *testing.T) {
	for _, c := range []string{"a port of its choice", "a port that was named"} {
		t.Run(c, func(t *testing.T) {
			s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
			if c == "a port that was named" {
				s.Addr = freeAddr(t)
			}
			started := signal(s.OnStarted)
			ran := make(chan error, 1)
			go func() { ran <- s.Run(t.Context()) }() // blocking, over restarts
			<-started
			first := s.ListenAddr().String()
			for range 5 {
				conn := dialTCP(t, s)
				talk(t, conn, "hello")
				check(t, s.Restart())
				wantEnd(t, conn)
				<-started
				if got := s.ListenAddr().String(); got != first {
					t.Fatalf("it listens on %s, before on %s", got, first)
				}
				hello(t, s)
			}
			select {
			case err := <-ran:
				t.Fatalf("Run returned with %v at a restart", err)
			default:
			}
			check(t, s.Stop())
			check(t, <-ran)
		})
	}
}

func TestARestartMakesTLSAnew(t *testing.T) {
	authority, err := pki.NewAuthority(time.Now())
	check(t, err)
	certificate, err := authority.IssueServer()
	check(t, err)
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0", Wrap: func(l net.Listener) net.Listener {
		return tls.NewListener(l, pki.ServerConfig(certificate, tls.NoClientCert, nil))
	}}
	started := signal(s.OnStarted)
	check(t, s.Start(t.Context()))
	for range 2 {
		<-started
		conn, err := tls.Dial("tcp", s.ListenAddr().String(), pki.ClientConfig(authority.Roots(), "localhost"))
		check(t, err)
		talk(t, conn, "hello")
		check(t, s.Restart())
		wantEnd(t, conn)
		conn.Close()
	}
	<-started
	check(t, s.Stop())
	check(t, s.Wait())
}

func TestARestartWhoseAddressWasTakenMeanwhileSaysSo(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	var thief net.Listener
	s.OnStopped(func() {
		if thief == nil {
			thief, _ = net.Listen("tcp", s.ListenAddr().String())
		}
	})
	check(t, s.Start(t.Context()))
	check(t, s.Restart())
	var failed *net.OpError
	if err := s.Wait(); !errors.As(err, &failed) || failed.Op != "listen" {
		t.Errorf("got %v", err)
	}
	if s.Statistics().Running {
		t.Error("it counts as running")
	}
	thief.Close()
	check(t, s.Start(t.Context()))
	check(t, s.Stop())
	check(t, s.Wait())
}

func TestWaitSaysWhyAServerHasStoppedByItself(t *testing.T) {
	t.Parallel()
	release := make(chan bool)
	s := &kernel.Server{Addr: "127.0.0.1:0", ShutdownTimeout: 10 * time.Millisecond, Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error {
		<-release
		return nil
	})}
	client, closed := signalClient(s.OnClient), signalClient(s.OnClientClosed)
	check(t, s.Start(t.Context()))
	dialTCP(t, s)
	<-client
	check(t, s.Stop())
	if err := s.Wait(); !errors.Is(err, kernel.ErrStuck) {
		t.Errorf("got %v, want ErrStuck", err)
	}
	close(release)
	<-closed

	s.Wrap = func(l net.Listener) net.Listener {
		l.Close()
		return l
	}
	check(t, s.Start(t.Context()))
	if err := s.Wait(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want that it cannot accept", err)
	}
	if s.Statistics().Running {
		t.Error("it counts as running")
	}
}

func TestWhatCannotBeAskedOfAServerNowIsRefused(t *testing.T) {
	release := make(chan bool)
	s := &kernel.Server{Addr: "127.0.0.1:0", Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error {
		<-release
		return nil
	})}
	want := func(when string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) || (want == nil) != (got == nil) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	want("stop before", s.Stop(), kernel.ErrNotRunning)
	want("restart before", s.Restart(), kernel.ErrNotRunning)
	want("wait before", s.Wait(), kernel.ErrNotRunning)

	client := signalClient(s.OnClient)
	check(t, s.Start(t.Context()))
	dialTCP(t, s)
	<-client
	want("start twice", s.Start(t.Context()), kernel.ErrRunning)
	want("run beside", s.Run(t.Context()), kernel.ErrRunning)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	want("serve beside", s.Serve(t.Context(), listener), kernel.ErrRunning)
	wantNobody(t, listener.Addr())

	want("stop", s.Stop(), nil)
	want("stop twice", s.Stop(), kernel.ErrNotRunning)
	want("restart while it stops", s.Restart(), kernel.ErrNotRunning)
	want("start while it stops", s.Start(t.Context()), kernel.ErrStopping)
	close(release)
	want("wait", s.Wait(), nil)
	want("wait again", s.Wait(), nil)
	want("stop after", s.Stop(), kernel.ErrNotRunning)
	want("restart after", s.Restart(), kernel.ErrNotRunning)

	s.Addr = "127.0.0.1:99999"
	if err := s.Start(t.Context()); err == nil {
		t.Error("it listens on port 99999")
	}
	want("after a start that failed", s.Stop(), kernel.ErrNotRunning)

	given := &kernel.Server{Handler: echo}
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	given.OnStarted(func() {
		want("restart with a listener that was given", given.Restart(), kernel.ErrNoAddr)
		want("stop", given.Stop(), nil)
	})
	want("serve", given.Serve(t.Context(), listener), nil)
}

func TestAStopCallsOffARestartThatIsUnderWay(t *testing.T) {
	release := make(chan bool)
	s := &kernel.Server{Addr: "127.0.0.1:0", Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error {
		<-release
		return nil
	})}
	starts := 0
	s.OnStarted(func() { starts++ })
	client := signalClient(s.OnClient)
	check(t, s.Start(t.Context()))
	dialTCP(t, s)
	<-client
	check(t, s.Restart())
	check(t, s.Restart()) // is under way
	check(t, s.Stop())
	close(release)
	check(t, s.Wait())
	if starts != 1 {
		t.Errorf("it started %d times", starts)
	}

	s.OnStopped(func() { s.Stop() }) // between stopping and starting again
	check(t, s.Start(t.Context()))
	check(t, s.Restart())
	check(t, s.Wait())
	wantNobody(t, s.ListenAddr())
}

func TestEveryCallbackAndHandlerMayStopOrRestartTheServer(t *testing.T) {
	for name, register := range map[string]func(s *kernel.Server, f func()){
		"connection":    func(s *kernel.Server, f func()) { s.OnConnection(func(net.Conn) { f() }) },
		"client":        func(s *kernel.Server, f func()) { s.OnClient(func(*kernel.Conn) { f() }) },
		"request":       func(s *kernel.Server, f func()) { s.OnRequest(func(*kernel.Conn) { f() }) },
		"client_closed": func(s *kernel.Server, f func()) { s.OnClientClosed(func(*kernel.Conn) { f() }) },
		"started":       func(s *kernel.Server, f func()) { s.OnStarted(f) },
		"handler":       func(s *kernel.Server, f func()) { s.Handler = verbsOf(f) },
	} {
		t.Run(name, func(t *testing.T) {
			s := &kernel.Server{Handler: verbsOf(func() {}), Addr: "127.0.0.1:0", ShutdownTimeout: time.Hour} // whatever waits for itself does so
			var once sync.Once
			register(s, func() {
				once.Do(func() {
					if err := s.Restart(); err != nil {
						t.Error(err)
					}
				})
			})
			started := signal(s.OnStarted)
			check(t, s.Start(t.Context()))
			<-started
			if name != "started" {
				conn := dialTCP(t, s)
				io.WriteString(conn, "ping\n")
				conn.CloseWrite()
				io.Copy(io.Discard, conn)
			}
			<-started
			conn := dialTCP(t, s)
			io.WriteString(conn, "ping\n")
			if line, err := bufio.NewReader(conn).ReadString('\n'); line != "pong\n" {
				t.Errorf("after the restart: %q, %v", line, err)
			}
			s.OnClientClosed(func(*kernel.Conn) { s.Stop() })
			conn.Close()
			check(t, s.Wait())
		})
	}
}

func TestACallbackOfStoppedMayStartTheServerAgain(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	again := make(chan error, 1)
	s.OnStopped(sync.OnceFunc(func() { again <- s.Start(context.Background()) }))
	check(t, s.Start(t.Context()))
	check(t, s.Stop())
	check(t, <-again)
	hello(t, s)
	check(t, s.Stop())
	check(t, s.Wait())
}

func TestAServerThatServesItsOneClientCanBeStopped(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0", Once: true}
	check(t, s.Start(t.Context()))
	conn, err := net.Dial("tcp", s.ListenAddr().String())
	check(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, "a\n")
	_, err = io.ReadFull(conn, make([]byte, 2))
	check(t, err) // it serves its client, and takes no other
	if !s.Statistics().Running {
		t.Error("it is said not to run")
	}
	check(t, s.Stop())
	check(t, s.Wait())
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("its client read %d, %v", n, err)
	}
}

func TestTheEventsOfOneLifeComeAfterThoseOfTheLifeBefore(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	seen := newDiary()
	telling, told := make(chan bool), make(chan bool)
	s.OnStarted(func() { seen.write("started") })
	s.OnStopped(func() {
		telling <- true
		<-told
		seen.write("stopped")
	})
	check(t, s.Start(t.Context()))
	check(t, s.Stop())
	<-telling
	check(t, s.Start(t.Context())) // it listens
	conn := dialTCP(t, s)
	told <- true
	talk(t, conn, "hello")
	check(t, s.Stop())
	<-telling
	told <- true
	check(t, s.Wait())
	seen.want(t, "\nstarted\nstopped\nstarted\nstopped\n")
}

func TestTheEndOfAServerLeavesItsClientsTheTimeToReadTheLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := kernel.HandlerFunc(func(context.Context, *kernel.Conn) error { return nil })
		s := &kernel.Server{Handler: done, Linger: 4 * time.Second}
		ctx, stop := context.WithCancel(t.Context())
		client, server := net.Pipe()
		defer client.Close()
		go s.ServeConn(ctx, server)
		time.Sleep(time.Second) // the handler is done, and the client has not read all
		stop()
		time.Sleep(time.Second)
		if _, err := io.WriteString(client, "on its way when the server was done"); err != nil {
			t.Errorf("the connection was closed at once: %v", err)
		}
	})
}

func TestLifeCanBeAskedForFromManyGoroutinesAtOnce(t *testing.T) {
	s := &kernel.Server{Handler: echo, Addr: "127.0.0.1:0"}
	starts, stops := 0, 0
	s.OnStarted(func() { starts++ })
	s.OnStopped(func() { stops++ })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				switch (i + j) % 4 {
				case 0:
					s.Start(t.Context())
				case 1:
					s.Stop()
				case 2:
					s.Restart()
				case 3:
					s.Statistics()
					s.ListenAddr()
				}
			}
		})
	}
	wg.Wait()
	s.Stop()
	s.Wait()
	check(t, s.Start(t.Context()))
	hello(t, s)
	check(t, s.Stop())
	check(t, s.Wait())
	if starts != stops {
		t.Errorf("it started %d times and stopped %d times", starts, stops)
	}
}

// verbsOf is a service that answers each line with pong, and calls f before.
func verbsOf(f func()) kernel.Handler {
	var verbs kernel.Verbs[string, string]
	verbs.Handle("ping", func(context.Context, *kernel.Conn, string) (string, error) {
		f()
		return "pong", nil
	})
	return service(&verbs)
}

// signal returns a channel that gets something whenever the event happens.
func signal(on func(func())) <-chan bool {
	happened := make(chan bool, 100)
	on(func() { happened <- true })
	return happened
}

func signalClient(on func(func(*kernel.Conn))) <-chan *kernel.Conn {
	happened := make(chan *kernel.Conn, 100)
	on(func(client *kernel.Conn) { happened <- client })
	return happened
}

// dialTCP returns a client of a server without TLS.
func dialTCP(t *testing.T, s *kernel.Server) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.ListenAddr().String())
	check(t, err)
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// hello holds that the server answers a new client.
func hello(t *testing.T, s *kernel.Server) {
	t.Helper()
	conn := dialTCP(t, s)
	talk(t, conn, "hello")
	conn.Close()
}

func wantEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	if all, err := io.ReadAll(conn); len(all) > 0 || err != nil {
		t.Errorf("got %q, %v, want the end", all, err)
	}
	conn.Close()
}

func wantNobody(t *testing.T, addr net.Addr) {
	t.Helper()
	if conn, err := net.Dial("tcp", addr.String()); err == nil {
		conn.Close()
		t.Errorf("somebody listens on %s", addr)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
