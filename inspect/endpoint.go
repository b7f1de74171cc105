package inspect

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// An Endpoint is one end of a tapped connection that speaks another [Protocol]
// than TLS. What its program writes and reads is recorded as clear text,
// and so are its errors, besides what crosses the wire: as with [Conn]. It is
// as safe for concurrent use as a net.Conn is.
//
// As [Tap.PipeOf] returns it, its program speaks on the wire itself. Where the
// program speaks through something that encrypts, see [Endpoint.Over].
type Endpoint struct {
	net.Conn
	tap     *Tap
	id      int
	side    Side
	beneath atomic.Bool // another Endpoint is the program's
	clear   [2]stream

	mu   sync.Mutex
	last string // the error recorded last: the same one again is no news
}

// PipeOf joins a client and a server in memory that speak p, and not TLS.
func (t *Tap) PipeOf(p Protocol) (client, server *Endpoint) {
	return t.PipeOfBetween("client", "server", p)
}

// PipeOfBetween is PipeOf for endpoints that have other names: see [Tap.PipeBetween].
func (t *Tap) PipeOfBetween(clientName, serverName string, p Protocol) (client, server *Endpoint) {
	opening := &Opening{Protocol: p.Name(), Speaks: p, Addr: [2]string{clientName, serverName}, Ours: [2]bool{true, true}, Gated: t.Gate != nil}
	clientEnd, serverEnd, conn := t.join(opening)
	return t.newEndpoint(clientEnd, conn, Client), t.newEndpoint(serverEnd, conn, Server)
}

func (t *Tap) newEndpoint(conn net.Conn, id int, side Side) *Endpoint {
	e := &Endpoint{Conn: conn, tap: t, id: id, side: side}
	for _, from := range []Side{Client, Server} {
		e.clear[from] = stream{conn: int32(id), side: side}
	}
	return e
}

// Over returns the end for a program that speaks through conn, which
// speaks the protocol over e: what the program writes to the result and reads
// from it is recorded as clear text, and nothing of what conn writes to e and
// reads from it. It must be called before anything is said.
//
//	client, server := tap.PipeOf(protocol)
//	secure := secret.Client(client, &secret.Config{KeyLogWriter: client.KeyLog()})
//	program := client.Over(secure)
func (e *Endpoint) Over(conn net.Conn) *Endpoint {
	e.beneath.Store(true)
	return e.tap.newEndpoint(conn, e.id, e.side)
}

// KeyLog takes the secrets that this endpoint has of the connection, and records
// them: a line each, as in a key log, which it takes in one Write: a label of
// printable ASCII, an identifier and the secret, the latter two in hex. See
// [ParseSecret]. It is safe for concurrent use.
//
// A secret must be told before what it protects is sent or, by the other side,
// answered; each endpoint tells what it knows itself, since only that counts in its own view.
func (e *Endpoint) KeyLog() io.Writer {
	return &keyLog{tap: e.tap, origin: ClientLog + Origin(e.side)}
}

// Screen takes what the program at this end says to whoever sits before it, whole lines in
// each Write, safe to show, and records each as a [Printed] event. Nothing of it crosses the
// wire. It is safe for concurrent use.
func (e *Endpoint) Screen() io.Writer { return ownScreen{e.tap, e.entry} }

// An ownScreen is that of the program at one end.
type ownScreen struct {
	tap   *Tap
	entry func(EventKind) entry
}

func (s ownScreen) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		said := s.entry(Printed)
		said.more = line
		s.tap.Recording().append(said)
	}
	return len(text), nil
}

// ID returns the connection's number in the recording.
func (e *Endpoint) ID() int { return e.id }

// HandshakeContext runs the handshake of the connection beneath, if it has one
// and has not run it.
func (e *Endpoint) HandshakeContext(ctx context.Context) error {
	if conn, ok := e.Conn.(interface{ HandshakeContext(context.Context) error }); ok {
		return e.note("handshake", conn.HandshakeContext(ctx))
	}
	return nil
}

// Write sends clear text. A handshake comes first, so that the recording shows
// the clear text just before the units that carry it.
func (e *Endpoint) Write(b []byte) (int, error) {
	if err := e.HandshakeContext(context.Background()); err != nil {
		return 0, err
	}
	if len(b) > 0 && !e.beneath.Load() {
		e.clear[e.side].append(e.tap.Recording(), e.entry(Wrote), b)
	}
	n, err := e.Conn.Write(b)
	return n, e.note("write", err)
}

// Read receives clear text.
func (e *Endpoint) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	if n > 0 && !e.beneath.Load() {
		e.clear[e.side.Peer()].append(e.tap.Recording(), e.entry(Read), b[:n])
	}
	return n, e.note("read", err)
}

// CloseWrite ends what this side sends; reading goes on.
func (e *Endpoint) CloseWrite() error {
	half, ok := e.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return e.note("close", half.CloseWrite())
}

// Close closes the connection.
func (e *Endpoint) Close() error {
	err := e.Conn.Close()
	e.clear[Client].retire(e.tap.Recording())
	e.clear[Server].retire(e.tap.Recording())
	return err
}

func (e *Endpoint) entry(kind EventKind) entry {
	return entry{kind: kind, conn: int32(e.id), side: e.side, time: e.tap.now().UnixNano(), cause: -1}
}

// note records an error, unless it only says that the stream is over, or that whoever
// drives both ends has ended it: by its context, or by closing the tap.
func (e *Endpoint) note(op string, err error) error {
	if err == nil || err == io.EOF && op != "handshake" || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) || e.beneath.Load() {
		return err
	}
	if errors.Is(err, context.Canceled) || e.tap.isClosed() {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if text := err.Error(); text != e.last {
		e.last = text
		e.tap.failed(e.id, e.side, op, err)
	}
	return err
}
