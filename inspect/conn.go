package inspect

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// A Conn is one endpoint of a tapped connection: a tls.Conn whose clear text
// and errors are recorded as well. It is as safe for concurrent use as a
// tls.Conn is.
type Conn struct {
	*tls.Conn
	tap   *Tap
	id    int
	side  Side
	clear [2]stream // what the program wrote, and read: by the side that wrote it
	deaf  atomic.Bool

	mu   sync.Mutex
	last string // the error recorded last: the same one again is no news
}

func (t *Tap) newConn(conn *tls.Conn, id int, side Side) *Conn {
	c := &Conn{Conn: conn, tap: t, id: id, side: side}
	for _, from := range []Side{Client, Server} {
		c.clear[from] = stream{conn: int32(id), side: side}
	}
	return c
}

// ID returns the connection's number in the recording.
func (c *Conn) ID() int { return c.id }

// Screen takes what the program at this end says on its own screen: see [Endpoint.Screen].
func (c *Conn) Screen() io.Writer { return ownScreen{c.tap, c.entry} }

// StopRecording has the tap record no more of the connection, but for how it ends,
// so that a long one costs no memory. Records behind the gap cannot be read. It
// reports false, and does nothing, where the connection is pumped.
func (c *Conn) StopRecording() bool {
	inline, ok := c.NetConn().(*inlineConn)
	if ok {
		c.deaf.Store(true)
		inline.deaf.Store(true)
	}
	return ok
}

// Handshake runs the handshake, if it has not been run.
func (c *Conn) Handshake() error { return c.HandshakeContext(context.Background()) }

// HandshakeContext runs the handshake, if it has not been run.
func (c *Conn) HandshakeContext(ctx context.Context) error {
	err := c.Conn.HandshakeContext(ctx)
	if err == io.EOF { // which only a handshake must not meet
		c.failed("handshake", err)
		return err
	}
	return c.note("handshake", err)
}

// Write sends clear text. The handshake comes first, so that the recording
// shows the clear text just before the records that carry it.
func (c *Conn) Write(b []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if len(b) > 0 && !c.deaf.Load() {
		c.clear[c.side].append(c.tap.Recording(), c.entry(Wrote), b)
	}
	n, err := c.Conn.Write(b)
	return n, c.note("write", err)
}

// Read receives clear text.
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if n > 0 && !c.deaf.Load() {
		c.clear[c.side.Peer()].append(c.tap.Recording(), c.entry(Read), b[:n])
	}
	return n, c.note("read", err)
}

// Close sends close_notify, unless something went wrong before, and closes the
// connection.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.clear[Client].retire(c.tap.Recording())
	c.clear[Server].retire(c.tap.Recording())
	return err
}

// CloseWrite sends close_notify; reading goes on.
func (c *Conn) CloseWrite() error { return c.note("close", c.Conn.CloseWrite()) }

func (c *Conn) entry(kind EventKind) entry {
	return entry{kind: kind, conn: int32(c.id), side: c.side, time: c.tap.now().UnixNano(), cause: -1}
}

// note records an error, unless it only says that the stream is over.
func (c *Conn) note(op string, err error) error {
	if err != nil && err != io.EOF && !errors.Is(err, net.ErrClosed) {
		c.failed(op, err)
	}
	return err
}

func (c *Conn) failed(op string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := err.Error(); text != c.last {
		c.last = text
		c.tap.failed(c.id, c.side, op, err)
	}
}

// Outgoing shows the memory buffer between the program and the wire: what the
// program has written, and what was sent for it.
func (c *Conn) Outgoing() Buffer { return c.buffer(c.side) }

// Incoming shows the memory buffer between the wire and the program: what was
// sent by the peer, and what the program has read of it.
func (c *Conn) Incoming() Buffer { return c.buffer(c.side.Peer()) }

func (c *Conn) buffer(from Side) Buffer {
	return Buffer{recording: c.tap.Recording(), conn: c.id, side: c.side, from: from}
}

// A Buffer is one of the two memory buffers of a [Conn], in clear and as sent.
// It is a view of the recording, read anew at each call; the slices returned
// are the caller's.
type Buffer struct {
	recording  *Recording
	conn       int
	side, from Side
}

// Clear returns what the program at this end has written or read so far.
func (b Buffer) Clear() []byte {
	kind := Read
	if b.side == b.from {
		kind = Wrote
	}
	return b.collect(func(e Event) bool { return e.Kind == kind && e.Side == b.side })
}

// Sent returns what was captured from the sender so far.
func (b Buffer) Sent() []byte {
	return b.collect(func(e Event) bool { return e.Kind == Captured && e.Side == b.from })
}

// Held returns what was captured and waits for the gate.
func (b Buffer) Held() []byte {
	decided := make(map[int]bool)
	gated := false
	for e := range b.recording.Events(0) {
		if e.Conn != b.conn {
			continue
		}
		switch e.Kind {
		case Opened:
			gated = e.Opening.Gated
		case Forwarded, Dropped, Altered, Undeliverable:
			decided[e.Cause] = true
		}
	}
	if !gated {
		return nil
	}
	return b.collect(func(e Event) bool { return e.Kind == Captured && e.Side == b.from && !decided[e.Index] })
}

func (b Buffer) collect(wanted func(Event) bool) []byte {
	var all []byte
	for e := range b.recording.Events(0) {
		if e.Conn == b.conn && wanted(e) {
			all = append(all, e.Bytes...)
		}
	}
	return all
}

// An inlineConn records what passes between its own endpoint and the net.Conn
// beneath it.
type inlineConn struct {
	net.Conn
	tap       *Tap
	recording *Recording
	id        int
	side      Side
	streams   [2]stream
	ended     [2]atomic.Int32 // by Side: how, an Ending; 0 while it goes on
	deaf      atomic.Bool     // what passes is not recorded any more
}

func (c *inlineConn) place() (int, Side) { return c.id, c.side }

// NetConn returns what is beneath.
func (c *inlineConn) NetConn() net.Conn { return c.Conn }

// Write records first: what the peer does about the bytes comes after them.
func (c *inlineConn) Write(b []byte) (int, error) {
	if c.deaf.Load() {
		return c.Conn.Write(b)
	}
	captured := c.streams[c.side].append(c.recording, c.entry(Captured, c.side), b)
	n, err := c.Conn.Write(b)
	if n < len(b) {
		e := c.entry(Undeliverable, c.side)
		e.n, e.cause = int32(len(b)-n), int64(captured)
		c.recording.append(e)
	}
	return n, err
}

func (c *inlineConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.deaf.Load() {
		c.streams[c.side.Peer()].append(c.recording, c.entry(Captured, c.side.Peer()), b[:n])
	}
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed):
	case err == io.EOF:
		c.end(c.side.Peer(), EndOfFile)
	default:
		c.end(c.side.Peer(), Cut)
	}
	return n, err
}

// Close ends both directions: what the peer sends from now on, nobody gets.
func (c *inlineConn) Close() error {
	how := EndOfFile
	if Ending(c.ended[c.side.Peer()].Load()) == Cut {
		how = Broken
	}
	c.end(c.side, how)
	err := c.Conn.Close()
	c.end(c.side.Peer(), Broken)
	c.streams[Client].retire(c.recording)
	c.streams[Server].retire(c.recording)
	return err
}

func (c *inlineConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	c.end(c.side, EndOfFile)
	return half.CloseWrite()
}

func (c *inlineConn) end(from Side, how Ending) {
	if c.ended[from].CompareAndSwap(0, int32(how)) {
		e := c.entry(Ended, from)
		e.how = how
		c.recording.append(e)
	}
}

func (c *inlineConn) entry(kind EventKind, from Side) entry {
	return entry{kind: kind, conn: int32(c.id), side: from, time: c.tap.now().UnixNano(), cause: -1}
}
