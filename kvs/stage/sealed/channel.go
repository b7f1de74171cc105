package sealed

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxMessage is how many bytes a message has at most, in clear, where
// [Config.MaxMessage] is zero.
const DefaultMaxMessage = 1 << 20

// The labels of the secrets that open a session, as [Config.KeyLogWriter] is told them.
const (
	LabelKey    = "SEALED_KEY"    // of the original: 32 bytes of AES key, 16 of IV
	LabelSecret = "SEALED_SECRET" // of the authenticated variant: 48 bytes from each end
)

// Config is how one end of a channel behaves. It may be used for any number of
// connections, and must not be changed meanwhile.
type Config struct {
	// Key is this end's RSA-4096 key pair: a [Key], an *rsa.PrivateKey, or
	// whatever else can decrypt with OAEP. It must be set.
	Key crypto.Decrypter

	// Authenticated selects the mended variant: the peer's public key must be
	// one that Trusts takes, such as [Pinned] makes it; where it is nil, none is. Both ends must agree on the
	// variant; nothing is negotiated.
	Authenticated bool
	Trusts        func(peer Fingerprint) bool

	// MaxMessage is how many bytes a message has at most, in clear: zero is
	// DefaultMaxMessage, and 99,000,000 the most that the length field has room for.
	// What the peer sends may be longer by what fits into its last block.
	MaxMessage int

	// KeyLogWriter, if not nil, is told the secrets of each session, for study
	// alone: who has them can read the session. Each is a line as of a TLS key log, in one
	// Write: the label; the SHA-256 of the 512 bytes that the secret was sent in; and the
	// secret, both in hex. There is one for each end.
	KeyLogWriter io.Writer
}

// Conn is one end of a channel over a net.Conn. Messages go through
// [Conn.ReadMessage] and [Conn.WriteMessage]; as a net.Conn it is a stream for
// programs that take turns, such as the key-value service: what is written is
// kept, and goes out as one message when the program waits for an answer (Read,
// ReadMessage), ends its stream (CloseWrite), or has written more than a message takes.
//
// The channel is half duplex, because nothing in its format tells an acknowledging 1 from
// a length that begins with 1: the two ends must not send at the same time, so what is longer than one message must
// not be answered before its end. Its
// methods may be called from several goroutines, but while one waits in Read nothing is sent.
//
// After an *[Error] it is of no use but to be closed. An end of the stream between two messages is io.EOF,
// and nothing shows whether the peer has meant it.
type Conn struct {
	config *Config
	client bool

	turn sync.Mutex // held by who uses the wire
	wire net.Conn
	limits
	out, in     seal // nil until the keys are exchanged
	established atomic.Bool
	broken      error
	unread      []byte // of the message that is being read

	keep    sync.Mutex
	written []byte // that has not been sent
}

// ClientEnd returns the client's end of a channel. The keys are exchanged by
// HandshakeContext, or by whatever is asked first.
func ClientEnd(wire net.Conn, config *Config) *Conn { return newConn(wire, config, true) }

// ServerEnd returns the server's end of a channel.
func ServerEnd(wire net.Conn, config *Config) *Conn { return newConn(wire, config, false) }

func newConn(wire net.Conn, config *Config, client bool) *Conn {
	return &Conn{config: config, client: client, wire: wire, limits: limits{conn: wire}}
}

// NewListener returns a listener whose connections are the server's ends of channels.
func NewListener(inner net.Listener, config *Config) net.Listener {
	return &listener{inner, func(wire net.Conn) net.Conn { return ServerEnd(wire, config) }}
}

type listener struct {
	net.Listener
	secure func(wire net.Conn) net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	wire, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.secure(wire), nil
}

// HandshakeContext exchanges the keys, unless that has been done. Its errors are
// *[Error], or ctx's. A key pair that has yet to be generated is waited for, whatever ctx says.
func (c *Conn) HandshakeContext(ctx context.Context) error {
	if c.established.Load() {
		return nil
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.established.Load() || c.broken != nil {
		return c.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.use(writing)
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.interrupt()
		close(interrupted)
	})
	err := c.exchange()
	if !stop() {
		<-interrupted
		c.use(writing)
		if err != nil {
			err = ctx.Err()
		}
	}
	c.broken = err
	c.established.Store(err == nil)
	return err
}

// ReadMessage sends what was written, and returns the next message, or what Read has left of it. The bytes
// are the caller's.
func (c *Conn) ReadMessage() ([]byte, error) {
	if err := c.HandshakeContext(context.Background()); err != nil {
		return nil, err
	}
	if err := c.Flush(); err != nil {
		return nil, err
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	return c.nextMessage()
}

// Read sends what was written, and reads from the next message: of one that fits into p all, and never of two.
// An empty message is read as no bytes.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.HandshakeContext(context.Background()); err != nil {
		return 0, err
	}
	if err := c.Flush(); err != nil {
		return 0, err
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	if len(c.unread) == 0 {
		message, err := c.nextMessage()
		if err != nil {
			return 0, err
		}
		c.unread = message
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *Conn) nextMessage() ([]byte, error) {
	if len(c.unread) > 0 {
		message := c.unread
		c.unread = nil
		return message, nil
	}
	if c.broken != nil {
		return nil, c.broken
	}
	c.use(reading)
	body, started, err := receiveFramed(c.wire, c.maxMessage()+c.in.overhead(), c.in.fits)
	if err == nil {
		var message []byte
		if message, err = c.in.open(body); err == nil {
			return message, nil
		}
	}
	if !started {
		return nil, err // io.EOF, or a deadline, after which one can go on
	}
	c.broken = at(ReceiveMessage, unexpected(err))
	return nil, c.broken
}

// WriteMessage sends what was written before, and then p as one message.
func (c *Conn) WriteMessage(p []byte) error {
	if err := c.HandshakeContext(context.Background()); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	if len(p) > c.maxMessage() {
		return at(SendMessage, ErrTooLong)
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	return c.send(p)
}

// Write keeps p for the next message. Where it is more than one message takes,
// it sends.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.HandshakeContext(context.Background()); err != nil {
		return 0, err
	}
	c.keep.Lock()
	c.written = append(c.written, p...)
	full := len(c.written) >= c.maxMessage()
	c.keep.Unlock()
	if !full {
		return len(p), nil
	}
	return len(p), c.Flush()
}

// Flush sends what was written.
func (c *Conn) Flush() error {
	c.keep.Lock()
	empty := len(c.written) == 0
	c.keep.Unlock()
	if empty {
		return nil
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	c.keep.Lock()
	written := c.written
	c.written = nil
	c.keep.Unlock()
	for len(written) > 0 {
		n := min(len(written), c.maxMessage())
		if err := c.send(written[:n]); err != nil {
			return err
		}
		written = written[n:]
	}
	return nil
}

func (c *Conn) send(message []byte) error {
	if c.broken != nil {
		return c.broken
	}
	c.use(writing)
	c.broken = at(SendMessage, sendFramed(c.wire, c.out.seal(message)))
	return c.broken
}

func (c *Conn) maxMessage() int { return cmp.Or(c.config.MaxMessage, DefaultMaxMessage) }

// CloseWrite sends what was written and ends the stream, where the wire can do
// that; reading goes on.
func (c *Conn) CloseWrite() error {
	if err := c.Flush(); err != nil {
		return err
	}
	if half, ok := c.wire.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the wire. What was written and not sent is lost.
func (c *Conn) Close() error { return c.wire.Close() }

// NetConn returns what carries the bytes.
func (c *Conn) NetConn() net.Conn { return c.wire }

// LocalAddr and RemoteAddr are those of the wire.
func (c *Conn) LocalAddr() net.Addr  { return c.wire.LocalAddr() }
func (c *Conn) RemoteAddr() net.Addr { return c.wire.RemoteAddr() }

// limits keeps the deadlines of reading and writing apart, though to read a
// message is to write a 1, and to write one is to read a 1.
type limits struct {
	mu    sync.Mutex
	conn  net.Conn
	until [2]time.Time
	now   activity
}

type activity int

const (
	reading activity = iota
	writing
)

// use puts the wire under the deadline of what is done now.
func (l *limits) use(now activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = now
	l.conn.SetDeadline(l.until[now])
}

func (l *limits) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn.SetDeadline(time.Unix(1, 0))
}

func (l *limits) set(t time.Time, activities ...activity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, activity := range activities {
		l.until[activity] = t
		if l.now == activity {
			if err := l.conn.SetDeadline(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetDeadline bounds reading and writing.
func (l *limits) SetDeadline(t time.Time) error { return l.set(t, reading, writing) }

// SetReadDeadline bounds the wait for a message and its reception.
func (l *limits) SetReadDeadline(t time.Time) error { return l.set(t, reading) }

// SetWriteDeadline bounds the sending of a message, the peer's acknowledging 1
// included, and the key exchange.
func (l *limits) SetWriteDeadline(t time.Time) error { return l.set(t, writing) }
