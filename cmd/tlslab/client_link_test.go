package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
)

// linkTo connects to a server of one connection, which does as it is told and closes.
func linkTo(t *testing.T, serve func(*tls.Conn)) *link {
	t.Helper()
	authority, err := pki.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.IssueServer()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", pki.ServerConfig(certificate, tls.NoClientCert, nil))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if server := conn.(*tls.Conn); server.Handshake() == nil {
			serve(server)
		}
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tap := inspect.NewTap()
	conn := tap.Client(raw, pki.ClientConfig(authority.Roots(), "localhost"))
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	l := newLink(conn, tap.Recording())
	t.Cleanup(func() {
		l.client.Close()
		l.conn.Close()
		<-l.gone
		listener.Close()
		<-served
	})
	return l
}

func awaitEvent(t *testing.T, what string, event <-chan struct{}) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(30 * time.Second):
		t.Fatal(what + " does not come")
	}
}

func TestTheEndOfAServerIsKnownWhileNothingIsAsked(t *testing.T) {
	l := linkTo(t, func(*tls.Conn) {})
	awaitEvent(t, "the end", l.gone)
	if _, err := l.do(t.Context(), "delete a"); !errors.Is(err, errUnsent) || !errors.Is(err, kvs.ErrServerClosed) {
		t.Errorf("got %v, want a request that was not sent", err)
	}
}

func TestAStreamThatEndsWithoutCloseNotifyIsNoGoodbye(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(*tls.Conn)
		cut   bool
	}{
		"close_notify": {func(*tls.Conn) {}, false},
		"a FIN alone":  {func(server *tls.Conn) { server.NetConn().Close() }, true},
	} {
		for _, recorded := range []bool{true, false} {
			asked := make(chan struct{})
			l := linkTo(t, func(server *tls.Conn) {
				<-asked
				c.serve(server)
			})
			if !recorded {
				l.conn.StopRecording()
			}
			close(asked)
			awaitEvent(t, "the end", l.gone)
			if l.why != nil || l.cut != c.cut {
				t.Errorf("%s, recorded %v: %v, cut %v", name, recorded, l.why, l.cut)
			}
		}
	}
}

func TestWhatWasNotAskedForIsNoAnswer(t *testing.T) {
	said := make(chan struct{})
	l := linkTo(t, func(server *tls.Conn) {
		io.WriteString(server, "Ok\n")
		close(said)
		io.Copy(io.Discard, server)
	})
	awaitEvent(t, "what is said", said)
	for deadline := time.Now().Add(30 * time.Second); !l.unasked.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody listens")
		}
	}
	if _, err := l.do(t.Context(), "delete a"); !errors.Is(err, errUnasked) || !errors.Is(err, errUnsent) {
		t.Errorf("got %v", err)
	}
}

func TestARequestOnItsWayWhenTheServerLeavesMayHaveBeenCarriedOut(t *testing.T) {
	l := linkTo(t, func(server *tls.Conn) { bufio.NewReader(server).ReadString('\n') })
	if _, err := l.do(t.Context(), "delete a"); !errors.Is(err, kvs.ErrServerClosed) || errors.Is(err, errUnsent) {
		t.Errorf("got %v", err)
	}
}

func TestGoodbyeWaitsForTheServersAndNoLongerThanItsContext(t *testing.T) {
	heard := make(chan error, 1)
	polite := linkTo(t, func(server *tls.Conn) {
		_, err := server.Read(make([]byte, 1))
		heard <- err
	})
	if err := polite.goodbye(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-heard; err != io.EOF {
		t.Errorf("the server heard %v, want close_notify", err)
	}
	release := make(chan struct{})
	deaf := linkTo(t, func(*tls.Conn) { <-release })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	deaf.goodbye(over)
	close(release)
}
