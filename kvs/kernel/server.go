package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// NoTimeout, as the value of a timeout of a [Server], means to wait for ever:
// for connections in memory, which a person may hold.
const NoTimeout time.Duration = -1

// What the fields of a [Server] mean when they are zero.
const (
	DefaultMaxConns             = 1024
	DefaultMaxConnsPerHost      = DefaultMaxConns / 4 * 3
	DefaultMaxHandshakes        = DefaultMaxConns
	DefaultMaxHandshakesPerHost = DefaultMaxConnsPerHost
	DefaultHandshakeRate        = 256
	DefaultMaxRequests          = 256
	DefaultMaxStretches         = 4
	DefaultMaxRequest           = 64 << 10
	DefaultMaxAnswers           = 256 << 20
	DefaultHandshakeTimeout     = 10 * time.Second
	DefaultIdleTimeout          = 5 * time.Minute
	DefaultRequestTimeout       = 30 * time.Second
	DefaultRequestWait          = 5 * time.Second
	DefaultWriteTimeout         = 30 * time.Second
	DefaultShutdownTimeout      = 5 * time.Second
	DefaultLinger               = 500 * time.Millisecond
)

const (
	answersOfHost = 4  // the part of MaxAnswers that one address may hold is one of so many
	maxFarewells  = 64 // connections that are told at once why they are refused; the others are closed without a word
)

// A Handler serves one connection until its client is done, and returns then.
// Ctx is done when the server is asked to stop: the handler should answer the
// request that it is working on, take no further one, and return. It need not
// close the connection. Nil, or an error that wraps io.EOF, is an end in good
// order; any other error is logged, so there must be no secret in it.
//
// A panic ends the connection, and no other. Handlers of single requests are
// better registered with [Verbs], so that a panic can be answered.
type Handler interface {
	ServeConn(ctx context.Context, conn *Conn) error
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(ctx context.Context, conn *Conn) error

// A Refuser is a Handler that can say to a client why it is not served. Refuse writes that, and returns; the connection is then
// closed. It is asked where there is no TLS between, or the handshake is done.
type Refuser interface {
	Refuse(conn *Conn, why error)
}

func (f HandlerFunc) ServeConn(ctx context.Context, conn *Conn) error { return f(ctx, conn) }

// Server serves connections. Its fields must not be changed once it serves; its
// methods may be called from any goroutine. Its limits hold for all its
// connections together.
type Server struct {
	Handler Handler

	// Addr is where Start and Run listen, "host:port". Without a host it is every
	// interface; port 0 takes a free one, which a restart takes again.
	Addr string
	// Wrap, if not nil, is given what listens on Addr and returns what gives out the
	// connections to serve: with TLS, through a tap. It is called anew for each restart.
	Wrap func(net.Listener) net.Listener

	// Log, if not nil, is told of every event: what goes wrong as errors and
	// warnings, connections as information, requests for debugging. It gets
	// addresses, errors and stacks, but no verb, nothing else of a request or an
	// answer, not the value of a panic, and of a service's own events their names.
	Log *slog.Logger

	// Timeouts: zero is the default above, NoTimeout waits for ever.
	HandshakeTimeout time.Duration // 10 s, for the whole handshake
	IdleTimeout      time.Duration // 5 min without a byte from the client
	RequestTimeout   time.Duration // 30 s from the first byte of a request to its last; see [Conn.RequestDeadline]
	RequestWait      time.Duration // 5 s for a request to wait for its turn; see MaxRequests
	WriteTimeout     time.Duration // 30 s for one write, to a client that does not read
	ShutdownTimeout  time.Duration // 5 s for the requests that run when the server is to stop; then connections are cut
	Linger           time.Duration // 0.5 s after the server's last byte, for the client to read it and close

	// MaxConns is how many connections there may be at once, handshakes
	// included; zero is 1,024. One more is refused: closed, and told why if the handler is a
	// [Refuser] and there is no TLS.
	MaxConns int
	// MaxConnsPerHost is how many of them there may be from one address, so that
	// nobody alone takes all places; zero is 768: all of a class may come through one router, or work on one machine. An address is one of IPv4, or the first 64 bits
	// of one of IPv6. Connections in memory have none, and no limit that is for one.
	MaxConnsPerHost int

	// MaxHandshakes is how many handshakes are under way at once, so that a flood of them leaves
	// the processor to the clients that are there; zero is 1,024. The others wait, each address in its turn,
	// as long as a handshake may take, and are refused then. With HandshakeTimeout NoTimeout there is no such limit.
	MaxHandshakes int
	// MaxHandshakesPerHost is how many of them may be of one address; zero is 768. Fewer than its connections can hold up a
	// client with one thread, such as redis-benchmark, for ever: it waits for one of them while its others have the turns.
	MaxHandshakesPerHost int
	// HandshakeRate is how many handshakes one address may begin in a second, and at once after a second without any;
	// zero is 256. One more waits until its time has come; it is refused where that is longer than a handshake may take.
	HandshakeRate int

	// MaxRequests is how many requests are carried out at once, of all connections; zero is 256. The
	// others wait, each address in its turn, for RequestWait; what is not carried out then comes to [ErrBusy].
	MaxRequests int
	// MaxStretches is how many stretches of long requests are carried out at once, of all connections, but one of each
	// address; zero is 4. The others wait as requests do. See [Conn.Stretch].
	MaxStretches int
	// MaxAnswers is how many bytes answers may hold in memory while their clients read them, of all
	// connections, as far as the service asks with [Conn.Hold]; zero is 256 MiB. One address may hold a quarter of it.
	MaxAnswers int64

	// MaxRequest is how long one request may be, in bytes; zero is 64 KiB. What a
	// request is and how one that is too long is answered is the handler's business:
	// it finds the limit as [Conn.MaxRequest], and has it kept by [Conn.Request].
	MaxRequest int

	// Once serves one client, and stops when it is done. Who does not finish the
	// handshake does not count; who comes second is refused.
	Once bool

	life   life
	events events
	counts counts
	hosts  hosts
	digest Digest      // of the log
	taken  atomic.Bool // with Once: there was a client

	handshakes, requests, stretches turns
	farewells                       atomic.Int64
}

// The ends that a connection or a server can come to.
var (
	ErrHandshakeTimeout = errors.New("the client did not finish the handshake in time")
	ErrIdle             = errors.New("the client said nothing for too long")
	ErrSlow             = errors.New("the client did not finish its request in time")
	ErrStopping         = errors.New("the server is stopping")
	ErrTooMany          = errors.New("too many connections")
	ErrTooManyOfHost    = errors.New("too many connections from one address")
	ErrHandshakes       = errors.New("too many handshakes at once")
	ErrHandshakeRate    = errors.New("too many handshakes in a second from one address")
	ErrBusy             = errors.New("too many requests at once")
	ErrAnswers          = errors.New("too many answers that nobody has read yet")
	ErrNotRead          = errors.New("the client did not read its answer in time")
	ErrOnce             = errors.New("this server serves one client, and has it")
	ErrDismissed        = errors.New("the server itself closed the connection")
	ErrTooLarge         = errors.New("the request is too large")
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

// ServeConn serves one connection and returns when it is closed: nil when the
// client was done, or left. It keeps to ctx as Serve does. Stop does not reach it.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	return s.serve(ctx, s.welcome(conn), func() {})
}

// serveAll accepts connections and serves each until ctx is done, the client of
// Once is, or it cannot accept any more; then it calls stopping. It returns when
// no connection is left, or with ErrStuck a second after that should be so.
func (s *Server) serveAll(ctx context.Context, listener net.Listener, stopping func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	accepting, stopAccepting := context.WithCancel(ctx)
	defer stopAccepting()
	defer context.AfterFunc(accepting, func() { listener.Close() })()
	defer listener.Close()

	var conns sync.WaitGroup
	err := s.accept(accepting, listener, func(conn net.Conn) {
		c := s.welcome(conn)
		conns.Go(func() {
			served := false
			s.serve(ctx, c, func() {
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
	if err != nil || ctx.Err() != nil { // otherwise, with Once, the server goes on with its client
		stopping()
	}
	if err != nil {
		stop()
	}
	return errors.Join(err, s.drain(ctx, &conns))
}

func (s *Server) accept(ctx context.Context, listener net.Listener, serve func(net.Conn)) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	const silence = time.Minute // it may go on for long, and one line is enough
	pause := shortest
	var told time.Time
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
			s.counts.acceptErrors.Add(1)
			if told.IsZero() || time.Since(told) >= silence {
				told = time.Now()
				s.report(RuntimeError{Thread: "accept", Err: err})
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

// grace is how long a handler may take to return once its connection was cut.
const grace = 3 * time.Second

// drain returns when no connection is left, or some time after that should be so.
func (s *Server) drain(ctx context.Context, conns *sync.WaitGroup) error {
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
		stuck = time.After(bound + grace)
	}
	select {
	case <-done:
		return nil
	case <-stuck:
		return ErrStuck
	}
}

// welcome counts a connection.
func (s *Server) welcome(conn net.Conn) *Conn {
	return &Conn{Conn: conn, ID: s.counts.accepted.Add(1), server: s, host: hostOf(conn)}
}

// serve takes a connection from its first event to its last.
func (s *Server) serve(ctx context.Context, c *Conn, established func()) error {
	isClient, err := s.session(ctx, c, established)
	c.Conn.Close()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if isClient {
		c.end(err)
		s.emit(EventClientClosed, c)
	}
	return err
}

// session reports whether the connection became a client, and how it ended.
func (s *Server) session(ctx context.Context, c *Conn, established func()) (isClient bool, err error) {
	tooMany := s.counts.open.Add(1) > int64(cmp.Or(s.MaxConns, DefaultMaxConns))
	tooManyOfHost := s.hosts.enter(c.host) > cmp.Or(s.MaxConnsPerHost, DefaultMaxConnsPerHost)
	leave := sync.OnceFunc(func() {
		s.hosts.leave(c.host)
		s.counts.open.Add(-1)
	})
	defer leave()
	s.emit(EventConnection, c.Conn)
	why := error(nil)
	switch {
	case tooMany:
		why = ErrTooMany
	case tooManyOfHost:
		why = ErrTooManyOfHost
	case isClosed(c.Conn):
		return false, ErrDismissed
	default:
		var done func()
		if done, why = s.admit(ctx, c); why == nil {
			err = s.handshake(ctx, c.Conn)
			done()
		}
	}
	if why != nil {
		leave() // a place is for those who are served
		return false, s.refuse(c, why)
	}
	if err != nil {
		err = &HandshakeError{err}
		s.counts.handshakeFailed(err)
		s.emit(EventHandshakeFailed, c.Conn, err)
		closeWrite(c.wire())
		c.linger()
		return false, err
	}
	if s.Once && !s.taken.CompareAndSwap(false, true) {
		return false, s.refuse(c, ErrOnce)
	}
	established()
	s.emit(EventClient, c)
	defer c.endWith(ctx)()
	if c.Dismissed() {
		return true, ErrDismissed
	}
	err = c.reason(s.handle(ctx, c))
	c.Hold(0)
	switch {
	case errors.Is(err, ErrNotRead):
		c.drop() // a goodbye would wait for the client too
	case !errors.Is(err, ErrDismissed):
		c.sayGoodbye()
		c.linger()
	}
	return true, err
}

func (s *Server) refuse(c *Conn, why error) error {
	s.counts.refuse(why)
	s.emit(EventRefused, c.Conn, why)
	refuser, ok := s.Handler.(Refuser)
	if !ok || hasHandshake(c.Conn) && why != ErrOnce {
		return why
	}
	if s.farewells.Add(1) <= maxFarewells {
		refuser.Refuse(c, why)
		c.sayGoodbye()
		c.linger()
	}
	s.farewells.Add(-1)
	return why
}

// admit waits for the connection's turn to begin its handshake, if it has one, and returns what is to be called when that is over.
func (s *Server) admit(ctx context.Context, c *Conn) (done func(), why error) {
	timeout := cmp.Or(s.HandshakeTimeout, DefaultHandshakeTimeout)
	if !hasHandshake(c.Conn) || timeout < 0 {
		return func() {}, nil
	}
	wait, ok := s.hosts.begin(c.host, cmp.Or(s.HandshakeRate, DefaultHandshakeRate), timeout)
	if !ok {
		return nil, ErrHandshakeRate
	}
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	b := bounds{cmp.Or(s.MaxHandshakes, DefaultMaxHandshakes), cmp.Or(s.MaxHandshakesPerHost, DefaultMaxHandshakesPerHost)}
	if !s.handshakes.take(waiting, c.host, b) {
		if ctx.Err() != nil { // the handshake will say that the server is stopping
			return func() {}, nil
		}
		return nil, ErrHandshakes
	}
	return func() { s.handshakes.give(c.host, b) }, nil
}

func (s *Server) requestBounds() bounds {
	return bounds{most: cmp.Or(s.MaxRequests, DefaultMaxRequests)}
}

// await reports whether a turn came within RequestWait.
func (s *Server) await(ctx context.Context, t *turns, host netip.Addr, b bounds) bool {
	if wait := cmp.Or(s.RequestWait, DefaultRequestWait); wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	taken := t.take(ctx, host, b)
	if !taken {
		s.counts.busy.Add(1)
	}
	return taken
}

// hasHandshake reports whether a connection has a handshake.
func hasHandshake(conn net.Conn) bool {
	_, ok := conn.(interface{ HandshakeContext(context.Context) error })
	return ok
}

func (s *Server) handshake(ctx context.Context, conn net.Conn) error {
	secure, ok := conn.(interface{ HandshakeContext(context.Context) error })
	if !ok {
		return nil
	}
	bounded := ctx
	if timeout := cmp.Or(s.HandshakeTimeout, DefaultHandshakeTimeout); timeout > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	err := refusal(conn, secure.HandshakeContext(bounded))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ErrStopping
	case bounded.Err() != nil:
		return ErrHandshakeTimeout
	case errors.Is(err, net.ErrClosed):
		return ErrDismissed
	default:
		return err
	}
}

// handle has the handler serve the connection.
func (s *Server) handle(ctx context.Context, c *Conn) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = s.panicked(c.thread(), value, c)
		}
	}()
	return s.Handler.ServeConn(ctx, c)
}
