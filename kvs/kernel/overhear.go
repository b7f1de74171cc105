package kernel

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Overhear returns a listener whose connections remember the record that their client sent last in the handshake. It goes under TLS,
// and under whatever else is between TLS and the network.
//
// A client of TLS 1.3 may refuse a server in clear: OpenSSL sends the alert before it has changed to its keys for the handshake. The
// server expects an encrypted record then, so crypto/tls reports bad_record_mac, though it is the client that refused. With Overhear
// the error of the handshake is a [*RefusedError].
func Overhear(listener net.Listener) net.Listener { return &overhearing{listener} }

type overhearing struct{ net.Listener }

func (l *overhearing) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &overheard{Conn: conn}, nil
}

// A RefusedError is the error of a handshake that the client ended with an alert in clear, which crypto/tls could not take.
type RefusedError struct {
	Description byte  // of the alert, RFC 8446 section 6
	Err         error // that crypto/tls returned
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the client refused with alert %d, in clear (%v)", e.Description, e.Err)
}

// Unwrap returns the error of crypto/tls.
func (e *RefusedError) Unwrap() error { return e.Err }

// Reason is that of an alert.
func (e *RefusedError) Reason() string { return ReasonAlert }

// An overheard connection follows what it reads from record to record, until the handshake is over.
type overheard struct {
	net.Conn

	mu     sync.Mutex
	deaf   bool
	record [recordHeader + alertLength]byte // the beginning of the latest
	have   int                              // bytes of it
	left   int                              // bytes of the latest that have not been read, once its header has
}

const (
	recordHeader = 5 // type, version, length: RFC 8446 section 5.1
	alertLength  = 2 // level, description: section 6
	alertRecord  = 0x15
	closeNotify  = 0x00
)

func (c *overheard) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.deaf {
		c.follow(b[:n])
	}
	return n, err
}

func (c *overheard) follow(b []byte) {
	for len(b) > 0 {
		if c.have >= recordHeader && c.left == 0 {
			c.have = 0
		}
		if c.have < recordHeader {
			n := copy(c.record[c.have:recordHeader], b)
			c.have, b = c.have+n, b[n:]
			c.left = int(c.record[3])<<8 | int(c.record[4])
			continue
		}
		n := min(c.left, len(b))
		c.have += copy(c.record[min(c.have, len(c.record)):], b[:n])
		c.left, b = c.left-n, b[n:]
	}
}

// done ends the following, and returns the alert that was read last, if the record read last was one in clear: an encrypted one has a
// tag, and is longer.
func (c *overheard) done() (description byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
	r := &c.record
	ok = c.have == len(r) && c.left == 0 && r[0] == alertRecord && r[1] == 0x03 && r[3] == 0 && r[4] == alertLength && r[6] != closeNotify
	return r[6], ok
}

// CloseWrite ends what is sent, where the network can do that alone.
func (c *overheard) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetLinger is that of TCP.
func (c *overheard) SetLinger(seconds int) error {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// overheardUnder returns the connection that remembers, under TLS and under what else there is.
func overheardUnder(conn net.Conn) *overheard {
	for {
		if c, ok := conn.(*overheard); ok {
			return c
		}
		over, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = over.NetConn()
	}
}

// refusal is the error of a handshake, with what was overheard.
func refusal(conn net.Conn, err error) error {
	c := overheardUnder(conn)
	if c == nil {
		return err
	}
	description, ok := c.done()
	var local *net.OpError
	if ok && errors.As(err, &local) && local.Op == "local error" { // so crypto/tls wraps an alert that it sent
		return &RefusedError{description, err}
	}
	return err
}
