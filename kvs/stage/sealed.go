package stage

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/stage/sealed"
)

// Sealed is the managed service with its home-made cryptography: a server that makes containers, and a
// client, each of whose requests is a connection of its own. The zero value is the original. Nothing times out.
//
// The fields must not be changed once it has been opened; it may be opened any number of times. The
// commands of its play are
//
//	STAT                  how the server fares
//	CREATE                a container
//	SHELL COMMAND         a command of the key-value service, in the endpoint shell of the container created last
//	DESTROY [UUID TOKEN]  the end of a container: of the one created last if none is given
//	VERB [{JSON}]         any other verb, with its parameters
type Sealed struct {
	Authenticated bool // the mended variant
	Lang          string
	Image         *sealed.Image // what containers begin with
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
		channel: &sealedChannel{tap, s.own, s.Authenticated}, say: docs.For(s.Lang),
		ctx: ctx, cancel: cancel, shells: make(map[int]*memoryListener),
	}
	p.service = sealed.NewServer(&sealed.Config{Key: s.own.server(), Authenticated: s.Authenticated})
	p.service.Lang, p.service.Image = s.Lang, s.Image
	untimed(&p.service.Server)
	p.service.Secure = func(wire net.Conn) net.Conn { return p.channel.server(wire.(*inspect.Endpoint)) }
	p.service.Listen = func(context.Context) (net.Listener, error) { return p.listen(), nil }
	p.client = sealed.Client{Dial: p.dial}
	p.begin()
	return p, nil
}

// A sealedPlay is one server, and a client that opens a connection to it for each request.
type sealedPlay struct {
	channel *sealedChannel
	service *sealed.Server
	client  sealed.Client
	say     *docs.Sentences
	ctx     context.Context // ends with the play
	cancel  context.CancelFunc
	parts   sync.WaitGroup

	turn  sync.Mutex        // one command at a time
	first *inspect.Endpoint // the connection that was opened first, until it is used
	ready chan struct{}     // closed when its keys are exchanged, or cannot be
	lease *sealed.Lease     // of the container created last
	ended bool

	mu     sync.Mutex
	shells map[int]*memoryListener // by port
}

// begin opens the first connection and has its keys exchanged.
func (p *sealedPlay) begin() {
	p.first, p.ready = p.connect(), make(chan struct{})
	first := p.first
	p.parts.Go(func() {
		defer close(p.ready)
		if first.HandshakeContext(p.ctx) != nil {
			first.Close()
		}
	})
}

// connect opens a connection, which the service serves, and returns the client's end.
func (p *sealedPlay) connect() *inspect.Endpoint {
	client, server := p.channel.tap.PipeOf(p.channel.protocol())
	p.parts.Go(func() { p.service.ServeConn(p.ctx, p.channel.server(server)) })
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

// Do implements [inspect.Play]. An answer that reports an error is an answer like
// any other, and so is what is said of a command that is none.
func (p *sealedPlay) Do(ctx context.Context, command string) (string, error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.ended {
		return "", ErrEnded
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(command), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case verb == "exit":
		p.ended = true
		return "", nil
	case verb == "SHELL":
		return p.shell(ctx, rest)
	case verb == sealed.VerbCreate && rest == "":
		return p.create(ctx)
	case verb == sealed.VerbDestroy && rest == "" && p.lease != nil:
		return p.ask(ctx, verb, map[string]any{"container_uuid": p.lease.UUID, "client_token": p.lease.Token})
	case verb == sealed.VerbDestroy && len(strings.Fields(rest)) == 2:
		words := strings.Fields(rest)
		return p.ask(ctx, verb, map[string]any{"container_uuid": words[0], "client_token": words[1]})
	}
	var parameters map[string]any
	if verb == "" || rest != "" && json.Unmarshal([]byte(rest), &parameters) != nil {
		return p.say.Say("sealed_usage"), nil
	}
	return p.ask(ctx, verb, parameters)
}

func (p *sealedPlay) create(ctx context.Context) (string, error) {
	answer, err := p.client.Do(ctx, sealed.Request{Verb: sealed.VerbCreate})
	if err != nil {
		return "", err
	}
	if lease, err := sealed.LeaseOf(answer); err == nil {
		p.lease = &lease
	}
	return written(answer)
}

func (p *sealedPlay) ask(ctx context.Context, verb string, parameters map[string]any) (string, error) {
	answer, err := p.client.Do(ctx, sealed.Request{Verb: verb, Parameters: parameters})
	if err != nil {
		return "", err
	}
	return written(answer)
}

// written returns an answer as the server wrote it.
func written(answer sealed.Answer) (string, error) {
	text, err := json.Marshal(answer)
	return string(text), err
}

// shell does one command in the endpoint shell of the container created last, over a connection of its own.
func (p *sealedPlay) shell(ctx context.Context, command string) (string, error) {
	if p.lease == nil {
		return p.say.Say("sealed_no_container"), nil
	}
	p.mu.Lock()
	listener := p.shells[p.lease.Port]
	p.mu.Unlock()
	client, server := p.channel.tap.PipeOfBetween("client", "shell", p.channel.protocol())
	if listener == nil || !listener.take(ctx, server) {
		client.Close()
		server.Close()
		return p.say.Say("sealed_no_container"), nil
	}
	kv, err := sealed.OpenShell(ctx, p.channel.client(client), p.lease.Username, p.lease.Password)
	if err != nil {
		return "", err
	}
	defer kv.Close()
	answer, err := kv.Do(ctx, command)
	var failed *kvs.AnswerError
	if errors.As(err, &failed) {
		return failed.Answer, nil
	}
	return answer, err
}

// Close implements [inspect.Play]. What is held then is never delivered.
func (p *sealedPlay) Close() error {
	p.cancel()
	p.channel.tap.Close() // which ends a command that is under way
	p.turn.Lock()
	p.ended = true
	p.turn.Unlock()
	p.service.DestroyAll()
	p.parts.Wait()
	return nil
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
	port   int
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
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.port}
}
