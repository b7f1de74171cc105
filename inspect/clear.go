package inspect

import (
	"bytes"
	"context"
	"io"
	"net"
)

// ProtocolClear is the protocol of a connection without TLS: every byte on the
// wire is the program's own. A unit is a line with its end.
const ProtocolClear = "clear"

// A ClearConn is one endpoint of a tapped connection without TLS. What its
// program reads and writes is recorded twice, as clear text and as sent, as it
// is with TLS; here they are the same. It is as safe for concurrent use as a
// net.Conn is.
type ClearConn struct {
	net.Conn
	tap   *Tap
	id    int
	side  Side
	clear [2]stream
}

// PipeClear joins a client and a server in memory without TLS.
func (t *Tap) PipeClear() (*ClearConn, *ClearConn) {
	opening := &Opening{Protocol: ProtocolClear, Addr: [2]string{"client", "server"}, Ours: [2]bool{true, true}, Gated: t.Gate != nil}
	client, server, conn := t.join(opening)
	return t.newClearConn(client, conn, Client), t.newClearConn(server, conn, Server)
}

func (t *Tap) newClearConn(end net.Conn, id int, side Side) *ClearConn {
	c := &ClearConn{Conn: end, tap: t, id: id, side: side}
	for _, from := range []Side{Client, Server} {
		c.clear[from] = stream{conn: int32(id), side: side}
	}
	return c
}

// ID returns the connection's number in the recording.
func (c *ClearConn) ID() int { return c.id }

// HandshakeContext does nothing: there is no handshake.
func (c *ClearConn) HandshakeContext(context.Context) error { return nil }

// Write sends clear text.
func (c *ClearConn) Write(b []byte) (int, error) {
	if len(b) > 0 {
		c.clear[c.side].append(c.tap.Recording(), c.entry(Wrote), b)
	}
	n, err := c.Conn.Write(b)
	return n, c.note("write", err)
}

// Read receives clear text.
func (c *ClearConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.clear[c.side.Peer()].append(c.tap.Recording(), c.entry(Read), b[:n])
	}
	return n, c.note("read", err)
}

// CloseWrite ends what this side sends; reading goes on.
func (c *ClearConn) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// Close closes the connection.
func (c *ClearConn) Close() error {
	err := c.Conn.Close()
	c.clear[Client].retire(c.tap.Recording())
	c.clear[Server].retire(c.tap.Recording())
	return err
}

func (c *ClearConn) entry(kind EventKind) entry {
	return entry{kind: kind, conn: int32(c.id), side: c.side, time: c.tap.now().UnixNano(), cause: -1}
}

func (c *ClearConn) note(op string, err error) error {
	if err != nil && err != io.EOF && err != io.ErrClosedPipe {
		c.tap.failed(c.id, c.side, op, err)
	}
	return err
}

// longestLine bounds a unit in clear: what is longer is cut there.
const longestLine = 1 << 16

// lineLength returns the length of the line that b begins with, its end
// included; more than len(b) if it is not whole.
func lineLength(b []byte) int {
	if end := bytes.IndexByte(b[:min(len(b), longestLine)], '\n'); end >= 0 {
		return end + 1
	}
	return min(len(b)+1, longestLine)
}
