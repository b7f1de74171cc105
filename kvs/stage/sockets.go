package stage

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/sockets"
)

// Sockets is a version of the sockets course, without TLS. The commands of its play are those of
// [sockets.Client.Do]; "cliente N", which makes client N (1 to 9) the one that does what follows, and which
// connects if it has not; and exit, which ends the play. When the server has ended, the next
// command starts it anew. In V4 a client that waits for its turn sends one verb, whose answer nobody waits
// for. It implements [inspect.Stage], and may be opened any number of times.
type Sockets struct {
	Version sockets.Version
	Lang    string // of what the server says
	Shared  bool   // the clients of V5 work on one list
}

// SocketsHints returns the version's own short conversation.
func SocketsHints(v sockets.Version) []string {
	switch v {
	case sockets.V1:
		return []string{"conectar"}
	case sockets.V2:
		return []string{"olá, servidor!"}
	case sockets.V3:
		return []string{"adicionar 7 caneta 2.50", `chamar os.system "echo intruso"`}
	case sockets.V4:
		return []string{"adicionar 7 caneta 2.50", "cliente 2", "listar", "cliente 1", "listar", "terminar"}
	default:
		return []string{"adicionar 7 caneta 2.50", "cliente 2", "adicionar 8 lápis 1.25", "listar", "cliente 1", "listar", "consultar 7", "consultar 8", "terminar"}
	}
}

// Open implements [inspect.Stage]. The tap must be the play's own: closing the
// play closes it.
func (s *Sockets) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	p := &socketsPlay{Sockets: s, tap: tap, say: docs.For(s.Lang), number: 1}
	p.ctx, p.cancel = context.WithCancel(ctx)
	if _, err := p.current(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// A socketsPlay is a server, and its clients.
type socketsPlay struct {
	*Sockets
	tap    *inspect.Tap
	say    *docs.Sentences
	ctx    context.Context // ends with the play
	cancel context.CancelFunc
	parts  sync.WaitGroup // servers
	served sync.WaitGroup // connections, as servers see them

	mu     sync.Mutex
	number int          // of the client that does what is typed
	host   *socketsHost // nil if the server has ended
	ended  bool
}

// A socketsHost is a server from its start to its end.
type socketsHost struct {
	*kernel.Server
	listener *memoryListener
	screen   *memoryScreen
	guests   map[int]*socketsGuest // by number
}

// A socketsGuest is one client.
type socketsGuest struct {
	*sockets.Client
	conn  *inspect.Endpoint
	waits bool // for its turn, in V4

	mu    sync.Mutex
	asked bool // while it waits
}

// Do implements [inspect.Play]. What was refused is an answer like any other, and so is what is said
// of a command that is none.
func (p *socketsPlay) Do(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)() // Close is not kept waiting
	guest, switched, err := p.guest(command)
	switch {
	case err == errTaken:
		return p.say.Say("sockets_refused", "addr", sockets.Addr), nil
	case err != nil:
		return "", err
	case switched:
		return p.say.Say("sockets_client_switched", "client", guest.conn.LocalAddr()), nil
	case guest.waits:
		return p.ask(ctx, guest, command)
	}
	answer, err := guest.Do(ctx, command)
	if guest.Over() {
		p.leave(ctx, guest)
	}
	var refused *sockets.AnswerError
	switch {
	case errors.As(err, &refused):
		return refused.Answer, nil
	case errors.As(err, new(*sockets.UsageError)), errors.As(err, new(*kvs.SyntaxError)):
		return sockets.Explain(p.say, err), nil
	case err == nil && p.Version == sockets.V1:
		return p.say.Say("sockets_client_closed"), nil
	}
	return answer, err
}

// ask has a client that waits for its turn send its verb all the same, once.
func (p *socketsPlay) ask(ctx context.Context, guest *socketsGuest, command string) (string, error) {
	guest.mu.Lock()
	defer guest.mu.Unlock()
	if !guest.asked {
		guest.asked = true
		events := p.tap.Recording().Len()
		if err := guest.Send(ctx, command); err != nil {
			return "", err
		}
		if err := p.captured(ctx, guest, events); err != nil {
			return "", err
		}
	}
	return p.say.Say("sockets_client_waits"), nil
}

// captured waits until something of a client's has been captured after so many events.
func (p *socketsPlay) captured(ctx context.Context, guest *socketsGuest, events int) error {
	recording := p.tap.Recording()
	for {
		for e := range recording.Events(events) {
			if events = e.Index + 1; e.Kind == inspect.Captured && e.Conn == guest.conn.ID() {
				return nil
			}
		}
		if _, err := recording.Wait(ctx, events); err != nil {
			return err
		}
	}
}

// guest returns the client that does a command, and whether the command was only to make it that.
func (p *socketsPlay) guest(command string) (guest *socketsGuest, switched bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.TrimSpace(command) == "exit" {
		p.ended = true
	}
	if p.ended {
		return nil, false, ErrEnded
	}
	before := p.number
	switched = p.switchTo(command)
	if guest, err = p.current(); err == errTaken {
		p.number = before
	}
	return guest, switched, err
}

// errTaken says that a server which serves one client has it.
var errTaken = errors.New("the server does not listen any more")

// switchTo reports whether the command makes another client the one that does what is typed.
func (p *socketsPlay) switchTo(command string) bool {
	const most = 9
	words := strings.Fields(command)
	if len(words) != 2 || words[0] != "cliente" {
		return false
	}
	number, err := strconv.Atoi(words[1])
	if err != nil || number < 1 || number > most {
		return false
	}
	p.number = number
	return true
}

// current returns the client that does what is typed, which connects if it has not; and the server is
// started if it has ended.
func (p *socketsPlay) current() (*socketsGuest, error) {
	if p.host == nil {
		p.host = p.start()
	}
	if guest := p.host.guests[p.number]; guest != nil {
		return guest, nil
	}
	name := "client"
	if p.number > 1 {
		name += " " + strconv.Itoa(p.number)
	}
	client, server := p.tap.PipeOfBetween(name, "server", sockets.Protocol(p.Version))
	guest := &socketsGuest{Client: sockets.NewClient(p.Version, client), conn: client}
	guest.waits = p.Version == sockets.V4 && len(p.host.guests) > 0
	p.served.Add(1)
	if !p.host.listener.take(p.ctx, server) {
		p.served.Done()
		server.Close()
		client.Close()
		if p.ctx.Err() != nil {
			return nil, ErrEnded
		}
		return nil, errTaken
	}
	p.host.guests[p.number] = guest
	return guest, p.host.screen.await(p.ctx, name) // who came first is served first
}

// start starts a server.
func (p *socketsPlay) start() *socketsHost {
	screen := &memoryScreen{news: make(chan struct{}, 1)}
	server := &sockets.Server{Version: p.Version, Lang: p.Lang, Shared: p.Shared, Screen: screen, RequestTimeout: kernel.NoTimeout}
	host := &socketsHost{
		Server: server.Kernel(), screen: screen, guests: make(map[int]*socketsGuest),
		listener: &memoryListener{port: 12000, conns: make(chan net.Conn), closed: make(chan struct{})},
	}
	untimed(host.Server)
	host.OnClientClosed(func(*kernel.Conn) { p.served.Done() })
	host.OnRefused(func(net.Conn, error) { p.served.Done() })
	p.parts.Go(func() { host.Serve(p.ctx, host.listener) })
	return host
}

// leave has a client whose conversation is over close, when the server has; in V1 to V4 the server has ended too.
func (p *socketsPlay) leave(ctx context.Context, guest *socketsGuest) {
	stop := context.AfterFunc(ctx, func() { guest.conn.SetReadDeadline(time.Unix(1, 0)) })
	io.Copy(io.Discard, guest.conn)
	stop()
	guest.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host == nil || !p.host.remove(guest) || p.Version == sockets.V5 || p.Version == 0 {
		return
	}
	for _, other := range p.host.guests {
		other.Close()
	}
	p.host = nil
}

// remove forgets a client, and reports false if it was forgotten before.
func (h *socketsHost) remove(guest *socketsGuest) bool {
	for number, other := range h.guests {
		if other == guest {
			delete(h.guests, number)
			return true
		}
	}
	return false
}

// Over implements [inspect.Lasting]: there can always be another client, and another server.
func (p *socketsPlay) Over() bool { return false }

// Close implements [inspect.Play]. An end in good order is tried first; what
// is held then is never delivered.
func (p *socketsPlay) Close() error {
	p.mu.Lock()
	p.ended = true
	if p.host != nil {
		for _, guest := range p.host.guests {
			guest.Close()
		}
	}
	p.mu.Unlock()
	p.awaitServers()
	p.cancel()
	p.tap.Close()
	p.parts.Wait()
	return nil
}

// awaitServers waits until the servers have closed all connections, but no longer than is good.
func (p *socketsPlay) awaitServers() {
	wait := patience
	if p.tap.Gate != nil {
		wait = patienceGated
	}
	ctx, cancel := context.WithTimeout(p.ctx, wait)
	defer cancel()
	closed := make(chan struct{})
	go func() {
		p.served.Wait()
		close(closed)
	}()
	until(ctx, closed)
}

// A memoryScreen is what a server in memory prints on.
type memoryScreen struct {
	mu   sync.Mutex
	text strings.Builder
	news chan struct{}
}

func (s *memoryScreen) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(line)
	select {
	case s.news <- struct{}{}:
	default:
	}
	return len(line), nil
}

// await waits until the server has said something of the client of that name.
func (s *memoryScreen) await(ctx context.Context, name string) error {
	for {
		s.mu.Lock()
		said := strings.Contains(s.text.String(), name)
		s.mu.Unlock()
		if said {
			return nil
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
