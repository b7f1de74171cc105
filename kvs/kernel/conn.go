package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// maxLinger is how many bytes that nobody will answer are read before a close.
const maxLinger = 256 << 10

// Conn is a connection as its handler sees it, and the client that callbacks are
// given. Deadlines are kept for it, and its bytes are counted. The embedded Conn
// is the one that the listener gave out. One goroutine may read and another
// write; the other methods may be called from any.
type Conn struct {
	net.Conn
	ID     int64 // 1 for the first of its server, and so on
	server *Server
	host   netip.Addr
	held   int64  // bytes of answers, see Hold
	turn   bool   // the request that is carried out has its turn, and must give it back
	waits  func() // see BeforeWait

	dismissed atomic.Bool

	mu       sync.Mutex
	stopping bool
	by       time.Time // see ReadBy
	lingers  bool      // the handler is done, and the deadline is another one
	ended    bool
	err      error // why it ended
	cutter   *time.Timer
}

// ScreenOf returns where a program says to whoever runs it what it has to say of a connection: the connection's own
// screen, if it has a method Screen, as the ends in memory of package inspect have; otherwise screen, which may be nil.
func ScreenOf(conn net.Conn, screen io.Writer) io.Writer {
	if c, ok := conn.(*Conn); ok {
		conn = c.Conn
	}
	if own, ok := conn.(interface{ Screen() io.Writer }); ok {
		return own.Screen()
	}
	return screen
}

// Read reads as net.Conn does. It returns [ErrIdle] when the client says nothing
// for longer than the server's IdleTimeout, [ErrSlow] after the time that was set
// with [Conn.ReadBy], and [ErrStopping], also while it waits, when the server is
// to stop.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if c.stopping {
		c.mu.Unlock()
		return 0, ErrStopping
	}
	// Both ways, since in TLS a read can write: the answer to a KeyUpdate
	// (RFC 8446, section 4.6.3).
	by := deadline(cmp.Or(c.server.IdleTimeout, DefaultIdleTimeout))
	late := ErrIdle
	if !c.by.IsZero() && (by.IsZero() || c.by.Before(by)) {
		by, late = c.by, ErrSlow
	}
	c.Conn.SetDeadline(by)
	c.mu.Unlock()

	n, err := c.Conn.Read(p)
	c.server.counts.bytesIn.Add(int64(n))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.stopping {
			return n, ErrStopping
		}
		return n, late
	case errors.Is(err, io.ErrClosedPipe): // so a net.Pipe says that this end was closed
		return n, net.ErrClosed
	}
	return n, err
}

// ReadBy sets the time until which a request that has begun must be there whole,
// however often a byte of it comes; the zero time is none. It is for whoever reads.
func (c *Conn) ReadBy(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by = t
}

// RequestDeadline returns the time until which a request that begins now must be there whole, for [Conn.ReadBy]: it is the
// server's RequestTimeout from now, or the zero time.
func (c *Conn) RequestDeadline() time.Time {
	return deadline(cmp.Or(c.server.RequestTimeout, DefaultRequestTimeout))
}

// Hold says how many bytes answers to this client hold in memory now, instead of what it said before. The error is [ErrAnswers]
// when they are too many with those of the others, and nothing has changed then. What is held ends with the session. It is for
// one goroutine at a time, and for answers that are large: it is locked for all connections.
func (c *Conn) Hold(bytes int64) error {
	if more := bytes - c.held; more != 0 && !c.server.hosts.hold(c.host, more, cmp.Or(c.server.MaxAnswers, DefaultMaxAnswers)) {
		return ErrAnswers
	}
	c.held = bytes
	return nil
}

// Stretch carries out a stretch of a request that takes long, in its turn: so many at once as the server's MaxStretches says, and
// one of each address. The request's own turn is over then, and between two stretches it has none, so that long requests hold up
// neither the short ones nor, for more than a stretch, each other. The error is do's, or [ErrBusy] if the turn did not come within
// RequestWait, or before ctx was done. It is for the goroutine that carries out the request.
func (c *Conn) Stretch(ctx context.Context, do func() error) error {
	c.giveTurn()
	b := bounds{cmp.Or(c.server.MaxStretches, DefaultMaxStretches), 1}
	if err := c.take(ctx, &c.server.stretches, b); err != nil {
		return err
	}
	defer c.server.stretches.give(c.host, b)
	return do()
}

// BeforeWait has f called whenever a request of this client, or a stretch of one, has to wait for its turn, before it does: for a service that keeps from
// request to request what others would miss meanwhile. Both are for the goroutine that carries out the requests.
func (c *Conn) BeforeWait(f func()) { c.waits = f }

// takeTurn waits for the turn of the request that is to be carried out.
func (c *Conn) takeTurn(ctx context.Context) error {
	err := c.take(ctx, &c.server.requests, c.server.requestBounds())
	c.turn = err == nil
	return err
}

// take takes a turn, and waits for it where it must.
func (c *Conn) take(ctx context.Context, t *turns, b bounds) error {
	if t.takeNow(c.host, b) {
		return nil
	}
	if c.waits != nil {
		c.waits()
	}
	if !c.server.await(ctx, t, c.host, b) {
		return ErrBusy
	}
	return nil
}

// giveTurn gives it back, if that has not been done.
func (c *Conn) giveTurn() {
	if c.turn {
		c.turn = false
		c.server.requests.give(c.host, c.server.requestBounds())
	}
}

// Write writes as net.Conn does, within the server's WriteTimeout. It returns [ErrNotRead] when the client does not
// read for so long.
func (c *Conn) Write(p []byte) (int, error) {
	c.Conn.SetWriteDeadline(deadline(cmp.Or(c.server.WriteTimeout, DefaultWriteTimeout)))
	// Counted before, so that whoever has read them finds them counted.
	c.server.counts.bytesOut.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.server.counts.bytesOut.Add(int64(n - len(p)))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w (%w)", ErrNotRead, err)
	}
	return n, err
}

// Close ends the session at once, from a callback or from anywhere else. The
// session's error is then [ErrDismissed], unless its handler was done.
func (c *Conn) Close() error {
	c.dismissed.Store(true)
	return c.Conn.Close()
}

// Err returns why the session has ended. It is nil before, and when the client
// was done, or left.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Server returns the server of the connection.
func (c *Conn) Server() *Server { return c.server }

// MaxRequest is how long a request may be, in bytes.
func (c *Conn) MaxRequest() int { return cmp.Or(c.server.MaxRequest, DefaultMaxRequest) }

// Request returns a reader for one request: it gives as many bytes of the
// connection as a request may have; if there are more, it gives [ErrTooLarge].
func (c *Conn) Request() io.Reader { return &request{c, c.MaxRequest()} }

type request struct {
	conn *Conn
	left int
}

func (r *request) Read(p []byte) (int, error) {
	if r.left == 0 && len(p) > 0 {
		// It may end just here.
		if n, err := r.conn.Read(p[:1]); n == 0 {
			return 0, err
		}
		return 0, ErrTooLarge
	}
	n, err := r.conn.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// Failed counts the last answer to a request with that verb as an error after all: what it promised could not be kept, and the client was
// told so instead.
func (c *Conn) Failed(verb string) { c.server.counts.failed(verb) }

// Malformed tells of a request that cannot be understood, with what is wrong
// with it by field; "" is the request as a whole. It is counted.
func (c *Conn) Malformed(errs map[string]string) {
	c.server.counts.malformed.Add(1)
	c.server.emit(EventMalformedRequest, c, errs)
}

// Report tells of an error of the server's own that a request ran into, and of
// which the client learns no more than that there was one. It is counted as a
// runtime error, and logged: there must be no secret in it.
func (c *Conn) Report(err error) {
	c.server.report(RuntimeError{Thread: c.thread(), Err: err, Client: c})
}

// thread names the goroutine that serves the connection.
func (c *Conn) thread() string { return fmt.Sprintf("client %d", c.ID) }

// Dismissed reports whether the server itself has closed the session. A handler
// that has made an event of its own happen asks it afterwards.
func (c *Conn) Dismissed() bool { return c.dismissed.Load() }

// reason is why the session ended that ended with err for the handler.
func (c *Conn) reason(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && c.dismissed.Load():
		return ErrDismissed
	case !errors.Is(err, net.ErrClosed):
		return err
	case c.stopping: // it was cut
		return ErrStopping
	default: // somebody closed what is under it
		return ErrDismissed
	}
}

func (c *Conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
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
		if !c.lingers {
			c.Conn.SetReadDeadline(time.Unix(1, 0))
		}
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

// drop ends the connection without a goodbye, and without keeping what the client has not read.
func (c *Conn) drop() {
	wire := c.wire()
	if reset, ok := wire.(interface{ SetLinger(int) error }); ok {
		reset.SetLinger(0)
	}
	wire.Close()
}

// linger waits until the client closes too. A TCP connection that is closed
// with bytes in it that nobody read is reset, and a reset destroys what the
// client has not read yet: the last answer, an alert.
func (c *Conn) linger() {
	wire := c.wire()
	c.mu.Lock()
	c.lingers = true
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

// isClosed reports whether this side has closed a connection that has no
// deadlines yet: then it takes none any more.
func isClosed(conn net.Conn) bool {
	err := conn.SetDeadline(time.Time{})
	return errors.Is(err, net.ErrClosed)
}

// deadline of a timeout: none when it is NoTimeout.
func deadline(timeout time.Duration) time.Time {
	if timeout < 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}
