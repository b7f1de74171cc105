package kernel_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/kvs/kernel"
)

// Each case reaches one limit with a raw client, while another client asks and is answered all the time.
func TestWhoReachesALimitIsSentAwayAndTheOthersAreServedPromptly(t *testing.T) {
	for name, c := range map[string]struct {
		server *kernel.Server
		reach  func(t *testing.T, s *kernel.Server) net.Conn
		answer string
		ended  error
	}{
		"connections": {
			&kernel.Server{MaxConns: 2},
			func(t *testing.T, s *kernel.Server) net.Conn {
				talkTo(t, dialMoody(t, s), "ping", "pong")
				return dialMoody(t, s)
			},
			"", kernel.ErrTooMany,
		},
		"connections from one address": {
			&kernel.Server{MaxConnsPerHost: 2},
			func(t *testing.T, s *kernel.Server) net.Conn {
				talkTo(t, dialMoody(t, s), "ping", "pong")
				return dialMoody(t, s)
			},
			"", kernel.ErrTooManyOfHost,
		},
		"handshake time": {
			&kernel.Server{HandshakeTimeout: 3 * time.Second},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialTCP(t, s)
				go trickle(conn) // does not lengthen it
				return conn
			},
			"", kernel.ErrHandshakeTimeout,
		},
		"idle time": {
			&kernel.Server{IdleTimeout: 3 * time.Second},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialMoody(t, s)
				io.WriteString(conn, "pin") // half a request
				return conn
			},
			"", kernel.ErrIdle,
		},
		"request size": {
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
		"write time": {
			&kernel.Server{WriteTimeout: 3 * time.Second},
			func(t *testing.T, s *kernel.Server) net.Conn {
				conn := dialMoody(t, s)
				conn.SetReadBuffer(4096)
				io.WriteString(conn, "flood\n")
				return conn
			},
			"", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.server
			s.Addr, s.Handler = "127.0.0.1:0", everyVerb()
			s.Wrap = func(l net.Listener) net.Listener { return moody{l} }
			ends := make(chan error, 10)
			s.OnClientClosed(func(client *kernel.Conn) { ends <- client.Err() })
			s.OnHandshakeFailed(func(_ net.Conn, err error) { ends <- err })
			s.OnRefused(func(_ net.Conn, err error) { ends <- err })
			check(t, s.Start(t.Context()))
			defer func() {
				s.Stop()
				check(t, s.Wait())
			}()

			served := keepAsking(t, dialMoody(t, s))
			conn := c.reach(t, s)
			err := <-ends
			var timeout net.Error
			switch {
			case c.ended != nil && !errors.Is(err, c.ended):
				t.Errorf("it ended with %v, want %v", err, c.ended)
			case c.ended == nil && (!errors.As(err, &timeout) || !timeout.Timeout()):
				t.Errorf("it ended with %v, want a timeout", err)
			}
			if name != "write time" { // which left more than one would like to read
				if all, _ := io.ReadAll(conn); string(all) != c.answer {
					t.Errorf("it got %q, want %q", all, c.answer)
				}
			}
			waits := served()
			slices.Sort(waits)
			if middle := waits[len(waits)/2]; middle > 500*time.Millisecond {
				t.Errorf("the other was served %d times, and waited %v", len(waits), middle)
			}
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
		conn.SetDeadline(time.Now().Add(20 * time.Second))
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
