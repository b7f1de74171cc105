package kernel

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// maxLinger is how many bytes that nobody will answer are read before a close.
const maxLinger = 256 << 10

// Conn is a connection as its handler sees it: deadlines are kept for it. The
// embedded Conn is the one that the listener gave out. One goroutine may read
// and another write.
type Conn struct {
	net.Conn
	server *Server

	mu       sync.Mutex
	stopping bool
	ended    bool
	cutter   *time.Timer
}

// Read reads as net.Conn does. It returns [ErrIdle] when the client says nothing
// for longer than the server's IdleTimeout, and [ErrStopping], also while it
// waits, when the server is to stop.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if c.stopping {
		c.mu.Unlock()
		return 0, ErrStopping
	}
	// Both ways, since in TLS a read can write: the answer to a KeyUpdate
	// (RFC 8446, section 4.6.3).
	c.Conn.SetDeadline(deadline(cmp.Or(c.server.IdleTimeout, DefaultIdleTimeout)))
	c.mu.Unlock()

	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.stopping {
			return n, ErrStopping
		}
		return n, ErrIdle
	}
	return n, err
}

// Write writes as net.Conn does, within the server's WriteTimeout.
func (c *Conn) Write(p []byte) (int, error) {
	c.Conn.SetWriteDeadline(deadline(cmp.Or(c.server.WriteTimeout, DefaultWriteTimeout)))
	return c.Conn.Write(p)
}

// Panicked reports a panic that the handler has recovered from. The handler
// calls it from the deferred function.
func (c *Conn) Panicked(value any) {
	if c.server.Events.Panicked != nil {
		c.server.Events.Panicked(c.Conn, value, debug.Stack())
	}
}

// endWith makes the end of ctx the end of the connection, until the function
// that it returns is called: reading ends now, everything after ShutdownTimeout.
func (c *Conn) endWith(ctx context.Context) func() {
	unwatch := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ended {
			return
		}
		c.stopping = true
		c.Conn.SetReadDeadline(time.Unix(1, 0))
		if bound := cmp.Or(c.server.ShutdownTimeout, DefaultShutdownTimeout); bound > 0 {
			c.cutter = time.AfterFunc(bound, func() { c.wire().Close() })
		}
	})
	return func() {
		unwatch()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = true
		if c.cutter != nil {
			c.cutter.Stop()
		}
	}
}

// sayGoodbye tells the client that nothing follows: close_notify (RFC 8446,
// section 6.1) where there is TLS, and the end of the stream.
func (c *Conn) sayGoodbye() {
	closeWrite(c.Conn)
	if wire := c.wire(); wire != c.Conn {
		closeWrite(wire)
	}
}

// linger waits until the client closes too. A TCP connection that is closed
// with bytes in it that nobody read is reset, and a reset destroys what the
// client has not read yet: the last answer, an alert.
func (c *Conn) linger() {
	wire := c.wire()
	c.mu.Lock()
	wire.SetReadDeadline(deadline(cmp.Or(c.server.Linger, DefaultLinger)))
	c.mu.Unlock()
	io.CopyN(io.Discard, wire, maxLinger)
}

// wire is what carries the bytes: what is under TLS, where there is TLS.
func (c *Conn) wire() net.Conn {
	if over, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		return over.NetConn()
	}
	return c.Conn
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// deadline of a timeout: none when it is NoTimeout.
func deadline(timeout time.Duration) time.Time {
	if timeout < 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}
