package kernel_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs/kernel"
)

// reachedElsewhere are the limits of a server that another test reaches.
var reachedElsewhere = map[string]string{
	"MaxRequests":     "TestARequestWhoseTurnDoesNotComeIsNotCarriedOut",
	"MaxStretches":    "TestAStretchThatIsCarriedOutHoldsUpOtherStretchesAndNoRequest",
	"RequestWait":     "TestARequestWhoseTurnDoesNotComeIsNotCarriedOut",
	"MaxAnswers":      "TestAnswersHoldNoMoreMemoryThanThereIsForThem",
	"ShutdownTimeout": "TestStoppingCutsWhatIsNotOverInTime",
	"Linger":          "TestAConnectionThatNobodyReadsLingersNoLongerThanItMay",
}

// limit is what is reached. It leaves the others the time that they need on a busy machine.
const limit = 8 * time.Second

// Each case, named by the limit's field, reaches it with a raw client, while another client asks and is answered all the time.
func TestWhoReachesALimitIsSentAwayAndTheOthersAreServed(t *testing.T) {
	cases := map[string]struct {
		server *kernel.Server
		reach  func(t *testing.T, s *kernel.Server) net.Conn
		answer string
		ended  error
	}{
		"MaxConns": {
			&kernel.Server{MaxConns: 2},
			func(t *testing.T, s *kernel.Server) net.Conn {
				talkTo(t, dialMoody(t, s), "ping", "pong")
				return dialMoody(t, s)
			},
			"", kernel.ErrTooMany,
		},
		"MaxConnsPerHost": {
			&kernel.Server{MaxConnsPerHost: 2},
			func(t *testing.T, s *kernel.Server) net.Conn {
				talkTo(t, dialMoody(t, s), "ping", "pong")
				return dialMoody(t, s)
			},
			"", kernel.ErrTooManyOfHost,
		},
		"HandshakeTimeout": {
			&kernel.Server{HandshakeTimeout: limit},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialTCP(t, s)
				go trickle(conn) // does not lengthen it
				return conn
			},
			"", kernel.ErrHandshakeTimeout,
		},
		"IdleTimeout": {
			&kernel.Server{IdleTimeout: limit},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialMoody(t, s)
				io.WriteString(conn, "pin") // half a request
				return conn
			},
			"", kernel.ErrIdle,
		},
		"MaxRequest": {
			&kernel.Server{MaxRequest: 1000},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialMoody(t, s)
				fits := "echo " + strings.Repeat("x", 994) // with its end 1,000 bytes
				talkTo(t, conn, fits, fits[5:])
				io.WriteString(conn, strings.Repeat("x", 2000))
				return conn
			},
			"too long\n", kernel.ErrTooLarge,
		},
		"WriteTimeout": {
			&kernel.Server{WriteTimeout: limit},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialMoody(t, s)
				conn.SetReadBuffer(4096)
				io.WriteString(conn, "flood\n")
				return conn
			},
			"", kernel.ErrNotRead,
		},
		"RequestTimeout": {
			&kernel.Server{RequestTimeout: limit},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialMoody(t, s)
				go trickle(conn) // is not silent, and has to finish all the same
				return conn
			},
			"", kernel.ErrSlow,
		},
		"MaxHandshakes": {
			&kernel.Server{MaxHandshakes: 1, HandshakeTimeout: limit},
			func(t *testing.T, s *kernel.Server) net.Conn {
				dialTCP(t, s) // has its turn
				dialTCP(t, s) // has it next
				return dialTCP(t, s)
			},
			"", kernel.ErrHandshakes,
		},
		"MaxHandshakesPerHost": {
			&kernel.Server{MaxHandshakesPerHost: 1, HandshakeTimeout: limit},
			func(t *testing.T, s *kernel.Server) net.Conn {
				dialTCP(t, s)
				dialTCP(t, s)
				return dialTCP(t, s)
			},
			"", kernel.ErrHandshakes,
		},
		"HandshakeRate": {
			&kernel.Server{HandshakeRate: 2, HandshakeTimeout: limit}, // the place of one more is behind it
			func(t *testing.T, s *kernel.Server) net.Conn {
				for s.Statistics().RefusedBy[kernel.RefusedHandshakeRate] == 0 {
					dialMoody(t, s)
				}
				return nil
			},
			"", kernel.ErrHandshakeRate,
		},
	}
	for field := range reflect.TypeFor[kernel.Server]().Fields() {
		if k := field.Type.Kind(); !field.IsExported() || k != reflect.Int && k != reflect.Int64 {
			continue
		}
		if _, ok := cases[field.Name]; !ok && reachedElsewhere[field.Name] == "" {
			t.Errorf("no test reaches the limit %s", field.Name)
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.server
			s.Addr, s.Handler = "127.0.0.1:0", everyVerb()
			s.Wrap = func(l net.Listener) net.Listener { return moody{l} }
			ends := make(chan error, 1000)
			s.OnClientClosed(func(client *kernel.Conn) { ends <- client.Err() })
			s.OnHandshakeFailed(func(_ net.Conn, err error) { ends <- err })
			s.OnRefused(func(_ net.Conn, err error) { ends <- err })
			check(t, s.Start(t.Context()))
			defer func() {
				s.Stop()
				check(t, s.Wait())
			}()

			other := dialMoody(t, s)
			talkTo(t, other, "ping", "pong") // its handshake is over
			served := keepAsking(t, other)
			conn := c.reach(t, s)
			for err := range ends {
				if errors.Is(err, c.ended) {
					break
				}
				t.Log("besides:", err)
			}
			if conn != nil && name != "WriteTimeout" { // which left more than one would like to read
				if all, _ := io.ReadAll(conn); string(all) != c.answer {
					t.Errorf("it got %q, want %q", all, c.answer)
				}
			}
			waits := served()
			if t.Failed() {
				return
			}
			slices.Sort(waits)
			t.Logf("the other: %d answers, half of them within %v, 99 of 100 within %v", len(waits), waits[len(waits)/2], waits[len(waits)*99/100])
		})
	}
}

func TestTheLimitOfOneAddressHoldsForNoOther(t *testing.T) {
	s := &kernel.Server{
		Addr: "127.0.0.1:0", MaxConnsPerHost: 1, Handler: everyVerb(),
		Wrap: func(l net.Listener) net.Listener { return moody{l} },
	}
	refused := make(chan error, 1)
	s.OnRefused(func(_ net.Conn, err error) { refused <- err })
	left := make(chan error, 4)
	s.OnClientClosed(func(client *kernel.Conn) { left <- client.Err() })
	check(t, s.Start(t.Context()))
	defer func() {
		s.Stop()
		check(t, s.Wait())
	}()
	from := func(host string) net.Conn {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
		conn, err := dialer.Dial("tcp", s.ListenAddr().String())
		if err != nil && host != "127.0.0.1" {
			t.Skip("this computer has one loopback address alone:", err)
		}
		check(t, err)
		conn.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { conn.Close() })
		io.WriteString(conn, "ok\n")
		return conn
	}
	first := from("127.0.0.1")
	talkTo(t, first, "ping", "pong")
	from("127.0.0.1")
	if err := <-refused; !errors.Is(err, kernel.ErrTooManyOfHost) {
		t.Errorf("the second was refused with %v", err)
	}
	talkTo(t, from("127.0.0.2"), "ping", "pong")
	first.Close()
	<-left
	talkTo(t, from("127.0.0.1"), "ping", "pong")
}

// keepAsking has a client ask again and again, ten times at least, until the
// function that it returns is called. That returns how long each answer took.
func keepAsking(t *testing.T, conn net.Conn) func() []time.Duration {
	var waits []time.Duration
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		answers := bufio.NewReader(conn)
		for {
			select {
			case <-stop:
				if len(waits) >= 10 {
					return
				}
			default:
			}
			begun := time.Now()
			io.WriteString(conn, "ping\n")
			if line, err := answers.ReadString('\n'); line != "pong\n" {
				t.Errorf("the other got %q, %v", line, err)
				return
			}
			waits = append(waits, time.Since(begun))
		}
	}()
	return func() []time.Duration {
		close(stop)
		<-done
		return waits
	}
}

// dialMoody returns a client that is done with the handshake.
func dialMoody(t *testing.T, s *kernel.Server) *net.TCPConn {
	t.Helper()
	conn := dialTCP(t, s)
	io.WriteString(conn, "ok\n")
	return conn
}

// trickle writes a byte now and then, until the connection is closed.
func trickle(conn net.Conn) {
	for {
		if _, err := io.WriteString(conn, "o"); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// wait is for a turn that does not come, and long enough for one that does: it is given back behind the answer.
const wait = 2 * time.Second

func TestARequestWhoseTurnDoesNotComeIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	var verbs kernel.Verbs[string, string]
	working, carriedOut, goOn := make(chan bool), 0, make(chan bool)
	verbs.Handle("work", func(context.Context, *kernel.Conn, string) (string, error) {
		working <- true
		<-goOn
		return "done", nil
	})
	verbs.Handle("count", func(context.Context, *kernel.Conn, string) (string, error) {
		carriedOut++
		return "counted", nil
	})
	s := &kernel.Server{Addr: "127.0.0.1:0", Handler: service(&verbs), MaxRequests: 2, RequestWait: wait}
	check(t, s.Start(t.Context()))
	defer func() {
		s.Stop()
		check(t, s.Wait())
	}()
	first, second, third := dialTCP(t, s), dialTCP(t, s), dialTCP(t, s)
	io.WriteString(first, "work\n")
	io.WriteString(second, "work\n")
	<-working
	<-working
	talkTo(t, third, "count", "error: too many requests at once")
	if got := s.Statistics(); carriedOut != 0 || got.RequestsRefused != 1 || got.Verbs["count"].Requests != 0 {
		t.Errorf("carried out %d times; %+v", carriedOut, got)
	}
	goOn <- true
	goOn <- true
	readLine(first)
	readLine(second)
	talkTo(t, third, "count", "counted")
}

func TestAStretchThatIsCarriedOutHoldsUpOtherStretchesAndNoRequest(t *testing.T) {
	t.Parallel()
	var verbs kernel.Verbs[string, string]
	working, goOn := make(chan bool), make(chan bool)
	verbs.Handle("long", func(ctx context.Context, client *kernel.Conn, _ string) (string, error) {
		return "done", client.Stretch(ctx, func() error {
			working <- true
			<-goOn
			return nil
		})
	})
	verbs.Handle("short", func(context.Context, *kernel.Conn, string) (string, error) { return "done", nil })
	for _, s := range []*kernel.Server{
		{MaxRequests: 1, MaxStretches: 1, RequestWait: wait},
		{MaxRequests: 1, RequestWait: wait}, // one of each address, in any case
	} {
		s.Addr, s.Handler = "127.0.0.1:0", service(&verbs)
		check(t, s.Start(t.Context()))
		first, second := dialTCP(t, s), dialTCP(t, s)
		io.WriteString(first, "long\n")
		<-working
		talkTo(t, second, "short", "done")
		talkTo(t, second, "long", "error: too many requests at once")
		goOn <- true
		readLine(first)
		io.WriteString(second, "long\n")
		<-working
		talkTo(t, first, "short", "done")
		goOn <- true
		readLine(second)
		s.Stop()
		check(t, s.Wait())
	}
}

func TestAnswersHoldNoMoreMemoryThanThereIsForThem(t *testing.T) {
	s := &kernel.Server{Addr: "127.0.0.1:0", MaxAnswers: 400, Handler: kernel.HandlerFunc(func(_ context.Context, conn *kernel.Conn) error {
		for {
			line, err := readLine(conn)
			if err != nil {
				return err
			}
			bytes, _ := strconv.ParseInt(line, 10, 64)
			fmt.Fprintln(conn, conn.Hold(bytes))
		}
	})}
	closed := signalClient(s.OnClientClosed)
	check(t, s.Start(t.Context()))
	defer func() {
		s.Stop()
		check(t, s.Wait())
	}()
	first, second := dialTCP(t, s), dialTCP(t, s)
	talkTo(t, first, "60", "<nil>")
	talkTo(t, second, "41", kernel.ErrAnswers.Error()) // a quarter is for one address
	talkTo(t, second, "40", "<nil>")
	talkTo(t, first, "61", kernel.ErrAnswers.Error())
	talkTo(t, first, "50", "<nil>")
	first.Close()
	<-closed
	talkTo(t, second, "100", "<nil>")
}

func TestAConnectionThatNobodyReadsLingersNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		s := &kernel.Server{Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error { return nil })}
		began := time.Now()
		check(t, s.ServeConn(t.Context(), server))
		if took := time.Since(began); took != kernel.DefaultLinger {
			t.Errorf("it lingered for %v", took)
		}
	})
}

// polite is a handler that says why it serves nobody.
type polite struct{ kernel.Handler }

func (polite) Refuse(conn *kernel.Conn, why error) { fmt.Fprintln(conn, "sorry:", why) }

func TestWhoIsRefusedIsToldWhyWhereThereIsNoHandshakeToBeDoneFirst(t *testing.T) {
	for _, c := range []struct {
		wrap func(net.Listener) net.Listener
		want string
	}{
		{nil, "sorry: too many connections\n"},
		{func(l net.Listener) net.Listener { return moody{l} }, ""},
	} {
		s := &kernel.Server{Addr: "127.0.0.1:0", Handler: polite{everyVerb()}, MaxConns: 1, Wrap: c.wrap}
		check(t, s.Start(t.Context()))
		first := dialTCP(t, s)
		if c.wrap != nil {
			io.WriteString(first, "ok\n")
		}
		talkTo(t, first, "ping", "pong")
		second := dialTCP(t, s)
		io.WriteString(second, "ping\n") // a request that nobody reads must not destroy the reason
		if got, _ := io.ReadAll(second); string(got) != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		first.Close()
		check(t, s.Stop())
		check(t, s.Wait())
	}
}

func TestAServerThatIsOutOfFileDescriptorsSaysSoOnceAndGoesOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s := &kernel.Server{Handler: everyVerb()}
	told := make(chan kernel.RuntimeError, 100)
	s.OnRuntimeError(func(e kernel.RuntimeError) { told <- e })
	ended := make(chan error)
	go func() { ended <- s.Serve(t.Context(), &exhausted{Listener: listener, left: 8}) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	check(t, err)
	defer conn.Close()
	talkTo(t, conn, "ping", "pong")
	check(t, s.Stop())
	check(t, <-ended)
	if e := <-told; e.Thread != "accept" || !errors.Is(e, syscall.EMFILE) || len(told) > 0 {
		t.Errorf("told of %v, and then %d times more", e, len(told))
	}
	if got := s.Statistics(); got.AcceptErrors != 8 || got.RuntimeErrors != 1 {
		t.Errorf("counted %+v", got)
	}
}

// exhausted is a listener of a process that has no file descriptor left, a few times.
type exhausted struct {
	net.Listener
	left int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left > 0 {
		l.left--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestTheLogTellsOfAFloodInOneLine(t *testing.T) {
	var out safeBuffer
	s := &kernel.Server{Addr: "127.0.0.1:0", Handler: everyVerb(), MaxConns: 1, Log: slog.New(slog.NewTextHandler(&out, nil))}
	check(t, s.Start(t.Context()))
	talkTo(t, dialTCP(t, s), "ping", "pong")
	const flood = 50
	for range flood {
		wantEnd(t, dialTCP(t, s))
	}
	check(t, s.Stop())
	check(t, s.Wait())
	text := out.String()
	if n := strings.Count(text, "msg=refused"); n != 3 || !strings.Contains(text, "level=WARN msg=flood event=refused more=47") {
		t.Errorf("it was said %d times:\n%s", n, text)
	}
	if s.Statistics().Refused != flood {
		t.Error("not every one was counted")
	}
}

func TestADigestTellsOfTheOthersWhenThePeriodIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d kernel.Digest
		var more []int
		tell := func() bool { return d.Tell("refused", 2, func(count int) { more = append(more, count) }) }
		for i := range 5 {
			if tell() != (i < 2) {
				t.Errorf("number %d", i)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(kernel.DigestPeriod)
		synctest.Wait()
		if !slices.Equal(more, []int{3}) || !tell() || !tell() || tell() {
			t.Errorf("told of %v", more)
		}
		d.Flush()
		time.Sleep(time.Hour)
		if !slices.Equal(more, []int{3, 1}) || !tell() {
			t.Errorf("told of %v", more)
		}
	})
}
