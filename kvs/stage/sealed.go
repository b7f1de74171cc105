package stage

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/stage/sealed"
)

// Sealed is the managed service with its home-made cryptography: a server that makes containers, and a
// client, each of whose requests is a connection of its own. The zero value is the original. Nothing times out.
//
// The fields must not be changed once it has been opened; it may be opened any number of times. The
// commands of its play are those of [sealed.Console].
type Sealed struct {
	Authenticated bool // the mended variant
	Lang          string
	Image         *sealed.Image // what containers begin with
	Containers    int           // how many there may be at once; zero is sealed.DefaultMaxContainers
	Keys          *SealedKeys   // nil: its own

	once sync.Once
	own  *SealedKeys
}

// SealedHints is the stage's own short conversation.
var SealedHints = []string{"STAT", "CREATE", "SHELL create nome ana", "SHELL show", "DESTROY", "STAT"}

// Open implements [inspect.Stage]. The tap must be the play's own: closing the
// play closes it. The keys of a first connection are exchanged at once.
func (s *Sealed) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	s.once.Do(func() {
		if s.own = s.Keys; s.own == nil {
			s.own = new(SealedKeys)
		}
	})
	ctx, cancel := context.WithCancel(ctx)
	p := &sealedPlay{
		channel: &sealedChannel{tap, s.own, s.Authenticated},
		ctx:     ctx, cancel: cancel, shells: make(map[int]*memoryListener),
	}
	p.service = sealed.NewServer(&sealed.Config{Key: s.own.server(), Authenticated: s.Authenticated})
	p.service.Lang, p.service.Screen.Lang, p.service.Image = s.Lang, s.Lang, s.Image
	untimed(&p.service.Server)
	p.service.Secure = func(wire net.Conn) net.Conn { return p.channel.server(wire.(*inspect.Endpoint)) }
	p.service.Listen = func(context.Context) (net.Listener, error) { return p.listen(), nil }
	p.service.Virtualization = &sealed.Containers{Max: s.Containers}
	p.console = sealed.Console{Client: sealed.Client{Dial: p.dial}, Shell: p.shell}
	p.begin()
	return p, nil
}

// Impostor implements [inspect.TurnTaker].
func (s *Sealed) Impostor() inspect.Impostor { return &sealed.Impostor{Authenticated: s.Authenticated} }

// A sealedPlay is one server, and a client that opens a connection to it for each request.
type sealedPlay struct {
	channel *sealedChannel
	service *sealed.Server
	console sealed.Console
	ctx     context.Context // ends with the play
	cancel  context.CancelFunc
	parts   sync.WaitGroup

	turn   sync.Mutex        // one command at a time
	first  *inspect.Endpoint // the connection that was opened first, until it is used
	ready  chan struct{}     // closed when its keys are exchanged, or cannot be
	served <-chan struct{}   // closed when the server is done with the connection that was opened last
	ended  atomic.Bool

	mu     sync.Mutex
	shells map[int]*memoryListener // by port
}

// begin opens the first connection and has its keys exchanged.
func (p *sealedPlay) begin() {
	p.first, p.ready = p.connect(), make(chan struct{})
	first := p.first
	p.parts.Go(func() {
		defer close(p.ready)
		if first.HandshakeContext(p.ctx) != nil && p.ctx.Err() == nil { // else Close ends both sides at once, and neither fails
			first.Close()
		}
	})
}

// Over implements [inspect.Lasting].
func (p *sealedPlay) Over() bool { return p.ended.Load() }

// Prepared implements [inspect.Preparer].
func (p *sealedPlay) Prepared() <-chan struct{} { return p.ready }

// connect opens a connection, which the service serves, and returns the client's end.
func (p *sealedPlay) connect() *inspect.Endpoint {
	client, server := p.channel.tap.PipeOf(p.channel.protocol())
	served := make(chan struct{})
	p.served = served
	p.parts.Go(func() {
		defer close(served)
		p.service.ServeConn(p.ctx, p.channel.server(server))
	})
	return p.channel.client(client)
}

// dial returns the first connection, or another one when that has been used.
func (p *sealedPlay) dial(ctx context.Context) (net.Conn, error) {
	if p.first == nil {
		return p.connect(), nil
	}
	if !until(ctx, p.ready) {
		return nil, ctx.Err()
	}
	first := p.first
	p.first = nil
	return first, nil
}

// Do implements [inspect.Play]. An answer that reports an error is an answer like any other.
func (p *sealedPlay) Do(ctx context.Context, command string) (string, error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.ended.Load() {
		return "", ErrEnded
	}
	if strings.TrimSpace(command) == "exit" {
		p.ended.Store(true)
		return "", nil
	}
	answer, err := p.console.Do(ctx, command)
	switch {
	case errors.As(err, new(*sealed.AnswerError)), errors.As(err, new(*kvs.AnswerError)):
		return answer, nil
	case errors.As(err, new(*sealed.CommandError)):
		return "", &inspect.CommandError{Reply: sealed.Explain(docs.For(p.service.Lang), err)}
	}
	return answer, err
}

// shell opens a connection to an endpoint shell.
func (p *sealedPlay) shell(ctx context.Context, port int) (net.Conn, error) {
	p.mu.Lock()
	listener := p.shells[port]
	p.mu.Unlock()
	client, server := p.channel.tap.PipeOfBetween("client", "shell", p.channel.protocol())
	if listener == nil || !listener.take(ctx, server) {
		client.Close()
		server.Close()
		return nil, sealed.ErrNoShell
	}
	return p.channel.client(client), nil
}

// Close implements [inspect.Play]. An end in good order is tried first; what is held then is never delivered.
func (p *sealedPlay) Close() error {
	if p.turn.TryLock() { // no command is under way
		if !p.leave() {
			p.cancel() // both sides end at once, and neither fails
		}
		p.turn.Unlock()
	}
	p.channel.tap.Close() // which ends a command that is under way; and what waits has an end, before it is stopped and fails
	p.cancel()
	p.turn.Lock()
	p.ended.Store(true)
	p.turn.Unlock()
	p.service.DestroyAll()
	p.parts.Wait()
	return nil
}

// leave closes the first connection, if it was not used, and waits until the server is done with the one that was opened
// last, as far as that can be in time. It reports whether there is one: false means that the exchange of keys has not come to its end.
func (p *sealedPlay) leave() bool {
	if p.first != nil {
		ctx, cancel := whileItMoves(p.ctx, p.channel.tap.Recording()) // to make a key pair takes seconds
		defer cancel()
		if !until(ctx, p.ready) || p.ctx.Err() != nil {
			return false
		}
		p.first.Close()
		p.first = nil
	}
	ctx, cancel := inGoodTime(context.Background(), p.channel.tap)
	defer cancel()
	until(ctx, p.served)
	return true
}

// listen opens the listener of an endpoint shell, on a port that is a mere number.
func (p *sealedPlay) listen() *memoryListener {
	p.mu.Lock()
	defer p.mu.Unlock()
	const firstPort = 40_000
	l := &memoryListener{port: firstPort + len(p.shells), conns: make(chan net.Conn), closed: make(chan struct{})}
	p.shells[l.port] = l
	return l
}

// A memoryListener gives out the ends of connections in memory.
type memoryListener struct {
	port   int // a mere number; 0 is none
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// take hands it a connection, and reports false if it was closed, or ctx done, before.
func (l *memoryListener) take(ctx context.Context, conn net.Conn) bool {
	select {
	case l.conns <- conn:
		return true
	case <-l.closed:
	case <-ctx.Done():
	}
	return false
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr {
	if l.port == 0 {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.port}
}
