package kernel_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"example.com/tlslab/kvs/kernel"
)

// An inClear connection is that of a client which sends, behind its ClientHello, those bytes instead of its own.
type inClear struct {
	net.Conn
	said  []byte
	hello bool
}

func (c *inClear) Write(b []byte) (int, error) {
	if !c.hello {
		c.hello = true
		return c.Conn.Write(b)
	}
	for _, one := range c.said { // in pieces
		if _, err := c.Conn.Write([]byte{one}); err != nil {
			return 0, err
		}
	}
	c.said = nil
	return len(b), nil
}

// A covering listener has connections that lie over others, as those of a tap do.
type covering struct{ net.Listener }

func (l covering) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return cover{conn}, err
}

type cover struct{ net.Conn }

func (c cover) NetConn() net.Conn { return c.Conn }

func TestAnAlertInClearAfterTheServersHelloIsTheClientsRefusal(t *testing.T) {
	var config *tls.Config
	newLab(t, &kernel.Server{Handler: echo}, func(c *tls.Config) { config = c })
	for name, under := range map[string]func(net.Listener, *tls.Config) net.Listener{
		"TLS":                        tls.NewListener,
		"TLS over something between": func(l net.Listener, c *tls.Config) net.Listener { return tls.NewListener(covering{l}, c) },
	} {
		for _, c := range []struct {
			said        string
			reason      string
			description byte
		}{
			{"\x15\x03\x03\x00\x02\x02\x30", kernel.ReasonAlert, 0x30},
			{"\x14\x03\x03\x00\x01\x01\x15\x03\x03\x00\x02\x02\x2a", kernel.ReasonAlert, 0x2a},
			{"\x17\x03\x03\x00\x13nineteen.bytes.long", kernel.ReasonOther, 0}, // not in clear
			{"\x15\x03\x03\x00\x02\x01\x00", kernel.ReasonOther, 0},            // close_notify
		} {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			s := &kernel.Server{Handler: echo}
			failed := make(chan error, 1)
			s.OnHandshakeFailed(func(_ net.Conn, err error) { failed <- err })
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx, under(kernel.Overhear(inner), config)) }()
			raw, err := net.Dial("tcp", inner.Addr().String())
			check(t, err)
			tls.Client(&inClear{Conn: raw, said: []byte(c.said)}, &tls.Config{ServerName: "localhost"}).Handshake() // it trusts others
			err = <-failed
			var refused *kernel.RefusedError
			if is := errors.As(err, &refused); is != (c.description != 0) || is && refused.Description != c.description {
				t.Errorf("%s, %q: %v", name, c.said, err)
			}
			if n := s.Statistics().HandshakesFailed[c.reason]; n != 1 {
				t.Errorf("%s, %q: counted as %v", name, c.said, s.Statistics().HandshakesFailed)
			}
			raw.Close()
			stop()
			check(t, <-ended)
		}
	}
}

func TestAnOverheardConnectionIsTheOneBeneath(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer inner.Close()
	client, err := net.Dial("tcp", inner.Addr().String())
	check(t, err)
	defer client.Close()
	server, err := kernel.Overhear(inner).Accept()
	check(t, err)
	defer server.Close()
	check(t, server.(interface{ CloseWrite() error }).CloseWrite())
	if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	if _, err := io.WriteString(client, "more"); err != nil {
		t.Error(err)
	}
	if n, err := io.ReadFull(server, make([]byte, 4)); err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
