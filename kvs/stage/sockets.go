package stage

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

	stalled atomic.Value // a string: see Stalled
}

// A socketsHost is a server from its start to its end.
type socketsHost struct {
	*kernel.Server
	listener *memoryListener
	lobby    *lobby
	guests   map[int]*socketsGuest // by number
	ended    chan struct{}         // closed when it has ended, and said so
}

// A socketsGuest is one client.
type socketsGuest struct {
	*sockets.Client
	conn  *inspect.Endpoint
	waits string // in V4: that it waits for its turn, and until when; "" if it does not

	mu    sync.Mutex
	asked bool // while it waits
}

// Do implements [inspect.Play]. What the server refused is an answer like any other.
func (p *socketsPlay) Do(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)() // Close is not kept waiting
	guest, switched, err := p.guest(command)
	switch {
	case err == errTaken:
		return "", &inspect.CommandError{Reply: p.say.Say("sockets_refused", "addr", sockets.Addr)}
	case err != nil:
		return "", err
	case switched && guest.waits != "":
		return guest.waits, nil
	case switched:
		return p.say.Say("sockets_client_switched", "client", guest.conn.LocalAddr()), nil
	case guest.waits != "":
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
		return "", &inspect.CommandError{Reply: sockets.Explain(p.say, err)}
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
		if err := p.await(ctx, events, guest, func(e inspect.Event) bool { return e.Kind == inspect.Captured }); err != nil {
			return "", err
		}
	}
	return guest.waits, nil
}

// Stalled implements [inspect.Staller].
func (p *socketsPlay) Stalled() string {
	stalled, _ := p.stalled.Load().(string)
	return stalled
}

// await waits for such an event of a client's connection, after so many events.
func (p *socketsPlay) await(ctx context.Context, events int, guest *socketsGuest, such func(inspect.Event) bool) error {
	recording := p.tap.Recording()
	for {
		for e := range recording.Events(events) {
			if events = e.Index + 1; e.Conn == guest.conn.ID() && such(e) {
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
	} else if guest != nil {
		p.stalled.Store(guest.waits)
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
	first := p.host.first()
	if p.host.Once && first != 0 {
		until(p.ctx, p.host.listener.closed) // which it is once the server has its client
	}
	if p.Version == sockets.V4 && first != 0 {
		guest.waits = p.say.Say("sockets_client_must_wait", "number", p.number, "first", first)
	}
	p.host.lobby.open(server.Screen())
	events := p.tap.Recording().Len()
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
	greeted := func(e inspect.Event) bool { return e.Kind == inspect.Printed && strings.Contains(e.Text, name) }
	return guest, p.await(p.ctx, events, guest, greeted) // who came first is served first
}

// first returns the number of the client that does not wait; 0 if there is none.
func (h *socketsHost) first() int {
	for number, guest := range h.guests {
		if guest.waits == "" {
			return number
		}
	}
	return 0
}

// start starts a server.
func (p *socketsPlay) start() *socketsHost {
	lobby := new(lobby)
	server := &sockets.Server{Version: p.Version, Lang: p.Lang, Shared: p.Shared, Screen: lobby, RequestTimeout: kernel.NoTimeout}
	host := &socketsHost{
		Server: server.Kernel(), lobby: lobby, guests: make(map[int]*socketsGuest),
		listener: &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})},
		ended:    make(chan struct{}),
	}
	untimed(host.Server)
	host.OnClientClosed(func(*kernel.Conn) { p.served.Done() })
	host.OnRefused(func(net.Conn, error) { p.served.Done() })
	p.parts.Go(func() {
		defer close(host.ended)
		host.Serve(p.ctx, host.listener)
	})
	return host
}

// leave has a client whose conversation is over close, when the server has; in V1 to V4 the server has ended too.
func (p *socketsPlay) leave(ctx context.Context, guest *socketsGuest) {
	stop := context.AfterFunc(ctx, func() { guest.conn.SetReadDeadline(time.Unix(1, 0)) })
	io.Copy(io.Discard, guest.conn)
	stop()
	guest.Close()
	if host := p.hostWithout(guest); host != nil { // what it says last is not to stand among what comes next
		ctx, cancel := inGoodTime(ctx, p.tap)
		defer cancel()
		until(ctx, host.ended)
	}
}

// hostWithout forgets a client, and returns the server if that ends with it.
func (p *socketsPlay) hostWithout(guest *socketsGuest) *socketsHost {
	p.mu.Lock()
	defer p.mu.Unlock()
	host := p.host
	if host == nil || !host.remove(guest) || p.Version == sockets.V5 || p.Version == 0 {
		return nil
	}
	for _, other := range host.guests {
		other.Close()
	}
	p.host = nil
	return host
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
	p.tap.Close() // sooner than the servers are stopped: to what is left this is an end, and no failure
	p.cancel()
	p.parts.Wait()
	return nil
}

// awaitServers waits until the servers have closed all connections, but no longer than is good.
func (p *socketsPlay) awaitServers() {
	ctx, cancel := inGoodTime(p.ctx, p.tap)
	defer cancel()
	closed := make(chan struct{})
	go func() {
		p.served.Wait()
		close(closed)
	}()
	until(ctx, closed)
}

// A lobby is where a server in memory says what is about no connection: on the screen of the latest one. What it
// says before there is any is kept until then.
type lobby struct {
	mu     sync.Mutex
	kept   []byte
	screen io.Writer
}

func (l *lobby) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.screen == nil {
		l.kept = append(l.kept, text...)
		return len(text), nil
	}
	return l.screen.Write(text)
}

// open makes the screen of a connection the latest.
func (l *lobby) open(screen io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	screen.Write(l.kept)
	l.kept, l.screen = nil, screen
}
