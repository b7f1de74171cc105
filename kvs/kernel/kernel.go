// Package kernel is what every server of the lab has in common: it accepts
// connections, completes their handshakes, hands each to a handler in a goroutine
// of its own, tells an observer what happens, and ends in good order.
//
// Use it for any line of work that is "many connections, one handler". What is said
// on a connection is the handler's business; see package kvs for the
// key-value service. TLS comes from the listener: hand in one that gives out
// *tls.Conn (tls.NewListener, or a tap's), or a plain one for a service in clear.
package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// NoTimeout, as the value of a timeout of a [Server], means to wait for ever:
// for connections in memory, which a person may hold.
const NoTimeout time.Duration = -1

// What the fields of a [Server] mean when they are zero.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultIdleTimeout      = 5 * time.Minute
	DefaultWriteTimeout     = 30 * time.Second
	DefaultShutdownTimeout  = 5 * time.Second
	DefaultLinger           = 500 * time.Millisecond
	DefaultMaxConns         = 1024
)

// A Handler serves one connection until its client is done, and returns then.
// Ctx is done when the server is asked to stop: the handler should answer the
// request that it is working on, take no further one, and return. It need not
// close the connection. Nil, or an error that wraps io.EOF, is an end in good order.
type Handler interface {
	ServeConn(ctx context.Context, conn *Conn) error
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(ctx context.Context, conn *Conn) error

func (f HandlerFunc) ServeConn(ctx context.Context, conn *Conn) error { return f(ctx, conn) }

// Events tells an observer what happens. Any field may be nil. The functions
// are called from the goroutines of the connections, so several at once, and
// should be quick. The conn is the very one that the listener gave out (a
// *tls.Conn, perhaps), to know it again.
//
// For each connection Connected comes first and Closed last, and between them
// one of HandshakeFailed, Refused and Established.
type Events struct {
	Connected       func(conn net.Conn)
	HandshakeFailed func(conn net.Conn, err error)
	Refused         func(conn net.Conn, err error) // ErrTooMany or ErrOnce
	Established     func(conn net.Conn)            // the handshake is done, or there is none
	Panicked        func(conn net.Conn, value any, stack []byte)
	Closed          func(conn net.Conn, err error) // err is nil when the client was done, or left
	AcceptFailed    func(err error)                // it is tried again
}

var (
	ErrHandshakeTimeout = errors.New("the client did not finish the handshake in time")
	ErrIdle             = errors.New("the client said nothing for too long")
	ErrStopping         = errors.New("the server is stopping")
	ErrTooMany          = errors.New("too many connections")
	ErrOnce             = errors.New("this server serves one client, and has it")
	ErrStuck            = errors.New("a handler did not end in time")
)

// A HandshakeError is what ServeConn and the events report of a connection whose
// handshake failed: ErrHandshakeTimeout, ErrStopping, or what crypto/tls says.
type HandshakeError struct {
	Err error
}

func (e *HandshakeError) Error() string { return "the handshake failed: " + e.Err.Error() }

// Unwrap returns the cause, except for io.EOF: a client that leaves during the
// handshake did not end in good order.
func (e *HandshakeError) Unwrap() error {
	if e.Err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return e.Err
}

// Server serves connections. Its fields must not be changed once it serves. It
// may serve several listeners and single connections at once; its limits then
// hold for all of them together.
type Server struct {
	Handler Handler
	Events  Events

	// Timeouts: zero is the default above, NoTimeout waits for ever.
	HandshakeTimeout time.Duration // for the whole handshake
	IdleTimeout      time.Duration // without a byte from the client
	WriteTimeout     time.Duration // for one write, to a client that does not read
	ShutdownTimeout  time.Duration // for the requests that run when ctx ends; then connections are cut
	Linger           time.Duration // after the server's last byte, for the client to read it and close

	// MaxConns is how many connections there may be at once, handshakes
	// included; zero is DefaultMaxConns. One more is closed without a word.
	MaxConns int

	// Once serves one client, and makes Serve return when it is done. Who
	// does not finish the handshake does not count; who comes second is Refused.
	Once bool

	open  atomic.Int64
	taken atomic.Bool // with Once: there was a client
}

// Serve accepts connections and serves each, until ctx is done. Then it closes
// the listener, cuts the handshakes that are under way, lets each running
// request be answered, and closes each connection (with close_notify in TLS);
// what is not over within ShutdownTimeout is cut.
//
// It returns when no connection is left: nil after ctx or Once, otherwise why
// it cannot accept. When a handler does not return although its connection was
// cut, Serve returns ErrStuck a second later.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	accepting, stopAccepting := context.WithCancel(ctx)
	defer stopAccepting()
	defer context.AfterFunc(accepting, func() { listener.Close() })()
	defer listener.Close()

	var conns sync.WaitGroup
	err := s.accept(accepting, listener, func(conn net.Conn) {
		conns.Go(func() {
			served := false
			s.serve(ctx, conn, func() {
				if s.Once {
					served = true
					stopAccepting()
				}
			})
			if served {
				stop() // whoever is still in a handshake comes second
			}
		})
	})
	if err != nil {
		stop()
	}
	return errors.Join(err, s.wait(ctx, &conns))
}

// ServeConn serves one connection and returns when it is closed: nil when the
// client was done, or left. It keeps to ctx as Serve does.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	return s.serve(ctx, conn, func() {})
}

func (s *Server) accept(ctx context.Context, listener net.Listener, serve func(net.Conn)) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			pause = shortest
			serve(conn)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connections: %w", err)
		default: // out of file descriptors, or a client that has left already
			if s.Events.AcceptFailed != nil {
				s.Events.AcceptFailed(err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			pause = min(2*pause, longest)
		}
	}
}

// wait returns when no connection is left, or some time after that should be so.
func (s *Server) wait(ctx context.Context, conns *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		conns.Wait()
		close(done)
	}()
	select {
	case <-done: // with Once
		return nil
	case <-ctx.Done():
	}
	var stuck <-chan time.Time // for ever
	if bound := cmp.Or(s.ShutdownTimeout, DefaultShutdownTimeout); bound > 0 {
		stuck = time.After(bound + time.Second)
	}
	select {
	case <-done:
		return nil
	case <-stuck:
		return ErrStuck
	}
}

// serve takes a connection from Connected to Closed.
func (s *Server) serve(ctx context.Context, conn net.Conn, established func()) error {
	notify(s.Events.Connected, conn)
	err := s.session(ctx, conn, established)
	conn.Close()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	notifyError(s.Events.Closed, conn, err)
	return err
}

func (s *Server) session(ctx context.Context, conn net.Conn, established func()) error {
	defer s.open.Add(-1)
	if s.open.Add(1) > int64(cmp.Or(s.MaxConns, DefaultMaxConns)) {
		notifyError(s.Events.Refused, conn, ErrTooMany)
		return ErrTooMany
	}
	c := &Conn{Conn: conn, server: s}
	if err := s.handshake(ctx, conn); err != nil {
		err = &HandshakeError{err}
		notifyError(s.Events.HandshakeFailed, conn, err)
		closeWrite(c.wire())
		c.linger()
		return err
	}
	if s.Once && !s.taken.CompareAndSwap(false, true) {
		notifyError(s.Events.Refused, conn, ErrOnce)
		return ErrOnce
	}
	established()
	notify(s.Events.Established, conn)
	defer c.endWith(ctx)()
	err := s.handle(ctx, c)
	c.sayGoodbye()
	c.linger()
	return err
}

func (s *Server) handshake(ctx context.Context, conn net.Conn) error {
	tlsConn, ok := conn.(interface{ HandshakeContext(context.Context) error })
	if !ok {
		return nil
	}
	bounded := ctx
	if timeout := cmp.Or(s.HandshakeTimeout, DefaultHandshakeTimeout); timeout > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	err := tlsConn.HandshakeContext(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ErrStopping
	case bounded.Err() != nil:
		return ErrHandshakeTimeout
	default:
		return err
	}
}

func (s *Server) handle(ctx context.Context, c *Conn) (err error) {
	defer func() {
		if value := recover(); value != nil {
			c.Panicked(value)
			err = fmt.Errorf("the handler panicked: %v", value)
		}
	}()
	return s.Handler.ServeConn(ctx, c)
}

func notify(event func(net.Conn), conn net.Conn) {
	if event != nil {
		event(conn)
	}
}

func notifyError(event func(net.Conn, error), conn net.Conn, err error) {
	if event != nil {
		event(conn, err)
	}
}
