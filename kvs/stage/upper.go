package stage

import (
	"context"
	"sync"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/upper"
)

// Upper is the uppercase server, the first stage: each command is a text that a
// new client sends, over a connection of its own without TLS, and that comes back in
// capitals. It implements [inspect.Stage], and may be opened any number of times.
type Upper struct {
	Lang string // of what the server would print; nothing of it is on the wire
}

// UpperHints is the stage's own short conversation.
var UpperHints = []string{"Olá, servidor!", "Testando 123", "straße"}

// Open implements [inspect.Stage]. The tap must be the play's own: closing the
// play closes it.
func (u *Upper) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	server := upper.NewServer()
	server.Lang = u.Lang
	untimed(&server.Server)
	ctx, cancel := context.WithCancel(ctx)
	p := &upperPlay{tap: tap, server: server, ctx: ctx, cancel: cancel}
	p.next = p.connect()
	return p, nil
}

// untimed lets a server in memory wait as long as a person does.
func untimed(server *kernel.Server) {
	server.HandshakeTimeout = kernel.NoTimeout
	server.IdleTimeout = kernel.NoTimeout
	server.RequestTimeout = kernel.NoTimeout
	server.WriteTimeout = kernel.NoTimeout
	server.Linger = kernel.NoTimeout
}

// An upperPlay is a server, and one client after the other.
type upperPlay struct {
	tap    *inspect.Tap
	server *upper.Server
	ctx    context.Context
	cancel context.CancelFunc
	parts  sync.WaitGroup

	mu    sync.Mutex
	next  *inspect.Endpoint // the client that asks next, if it has connected
	ended bool
}

// connect joins a client and the server.
func (p *upperPlay) connect() *inspect.Endpoint {
	client, server := p.tap.PipeOf(upper.Protocol)
	p.parts.Go(func() { p.server.ServeConn(p.ctx, server) })
	return client
}

// Do implements [inspect.Play].
func (p *upperPlay) Do(ctx context.Context, command string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return "", ErrEnded
	}
	client := p.next
	if client == nil {
		client = p.connect()
	}
	p.next = nil
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)() // Close is not kept waiting
	answer, err := upper.Ask(ctx, client, command)
	return string(answer), err
}

// Over implements [inspect.Lasting]: there can always be another client.
func (p *upperPlay) Over() bool { return false }

// Close implements [inspect.Play].
func (p *upperPlay) Close() error {
	p.tap.Close() // sooner than the server is stopped: to what waits this is an end, and no failure
	p.cancel()
	p.mu.Lock()
	p.ended = true
	if p.next != nil {
		p.next.Close()
	}
	p.mu.Unlock()
	p.parts.Wait()
	return nil
}
