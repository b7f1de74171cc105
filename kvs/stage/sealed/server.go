package sealed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
)

// Where a [Server] listens, and how long it waits for a client, unless it is told otherwise.
const (
	DefaultAddr          = ":6150" // every interface
	DefaultClientTimeout = 10 * time.Second
)

// The events of the service's own, with the numbers and parameters that they have in the original.
const (
	EventCreatedContainer     = "created_container"      // 4: client, container
	EventCreatedEndpointShell = "created_endpoint_shell" // 5: shell, container, client
	EventDestroyedContainer   = "destroyed_container"    // 6: client, nil when the server stops; container
)

// A Server is the managed service: it makes containers for whoever asks, tells how it
// fares, and destroys them again. Life, limits, events and statistics are those of package kernel.
//
// One connection is one request. A message that cannot be opened ends it without an answer;
// one that can, but is no request, is answered with what is wrong with each of its fields.
//
// The fields must not be changed once it serves. [NewServer] sets all of them.
type Server struct {
	kernel.Server

	Lang  string // of reasons and prompts: "en" or "pt-BR"
	Image *Image // what new containers begin with

	// Screen is where it says what happens. One that explains nothing itself does as [Explain].
	Screen kvs.Screen

	// The parts that it was handed, for whoever asks.
	Virtualization Virtualization
	Database       Database

	// Listen opens the listener of an endpoint shell. NewServer sets one that takes
	// a free port of the host where the server itself listens.
	Listen func(ctx context.Context) (net.Listener, error)
	// Secure makes the server's end of a channel of a connection, for the service and for its shells.
	// NewServer sets one that is [ServerEnd]; a tap wants to be above it too.
	Secure func(wire net.Conn) net.Conn

	config *Config
	verbs  kernel.Verbs[Request, Answer]
	began  time.Time

	mu     sync.Mutex
	shells map[string]*Shell // by the container's UUID
}

// NewServer returns a server that listens on DefaultAddr with the original's time-out, with containers and
// credentials in memory. The key pair of the config is what the original calls its RSA wrapper; it is
// asked for with [Server.Config].
func NewServer(config *Config) *Server {
	own := *config
	own.MaxMessage = cmp.Or(own.MaxMessage, kernel.DefaultMaxRequest)
	s := &Server{
		Virtualization: new(Containers), Database: new(Credentials),
		config: &own, began: time.Now(), shells: make(map[string]*Shell),
	}
	s.Addr = DefaultAddr
	s.HandshakeTimeout, s.IdleTimeout, s.WriteTimeout = DefaultClientTimeout, DefaultClientTimeout, DefaultClientTimeout
	s.MaxRequest = own.MaxMessage
	s.Handler = kernel.HandlerFunc(s.serve)
	s.Secure = func(wire net.Conn) net.Conn { return ServerEnd(wire, s.config) }
	s.Wrap = func(l net.Listener) net.Listener { return &listener{l, s.Secure} }
	s.Listen = s.listen
	for _, kind := range []kernel.EventKind{
		{Number: 4, Name: EventCreatedContainer, Parameters: []string{"client", "container"}},
		{Number: 5, Name: EventCreatedEndpointShell, Parameters: []string{"shell", "container", "client"}},
		{Number: 6, Name: EventDestroyedContainer, Parameters: []string{"client", "container"}},
	} {
		s.Declare(kind) // there is none of that name yet
	}
	s.OnStarted(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.began = time.Now()
	})
	s.OnStopped(s.DestroyAll) // before whoever else is told
	s.tell()
	s.Handle(VerbStat, s.stat)
	s.Handle(VerbCreate, s.create)
	s.Handle(VerbDestroy, s.destroy)
	return s
}

// tell has the server's events said on its screen. A client that leaves in good order has had its one answer, and
// when the server is to stop, it says so once.
func (s *Server) tell() {
	reason := func(err error) string {
		if s.Screen.Explain != nil {
			return s.Screen.Explain(err)
		}
		return Explain(docs.For(s.Screen.Lang), err)
	}
	s.OnClient(func(client *kernel.Conn) { s.Screen.Say("kvs_screen_connected", client) })
	s.OnHandshakeFailed(func(conn net.Conn, err error) {
		if !errors.Is(err, kernel.ErrStopping) {
			s.Screen.Say("kvs_screen_no_handshake", conn, "reason", reason(err))
		}
	})
	s.OnRefused(func(conn net.Conn, err error) {
		s.Screen.Say("kvs_screen_refused", conn, "reason", reason(err))
	})
	s.OnCreatedContainer(func(client *kernel.Conn, container *Container) {
		s.Screen.Say("sealed_created", client, "uuid", container.UUID)
	})
	s.OnDestroyedContainer(func(client *kernel.Conn, container *Container) {
		var by net.Conn
		if client != nil {
			by = client
		}
		s.Screen.Say("sealed_destroyed", by, "uuid", container.UUID)
	})
	s.OnClientClosed(func(client *kernel.Conn) {
		if err := client.Err(); err != nil && !errors.Is(err, kernel.ErrStopping) {
			s.Screen.Say("kvs_screen_broken", client, "reason", reason(err))
		}
	})
	s.OnStopped(func() { s.Screen.Say("kvs_screen_stopped", nil) })
}

// Config returns how the server's ends of channels behave, its key pair among it. It must not be changed.
func (s *Server) Config() *Config { return s.config }

// A Handler answers the requests of a verb. An error that is a *[Refusal] tells the client
// why; of any other the client learns that there was an internal error, and the server's own
// observers the rest. Ctx is done when the server is to stop.
type Handler = kernel.VerbHandler[Request, Answer]

// Handle sets who answers a verb, a standard one or another, from the next request
// on. Nil is nobody. A verb has capital letters, A to Z, or it cannot be asked for.
func (s *Server) Handle(verb string, handler Handler) { s.verbs.Handle(verb, handler) }

// Verbs returns the verbs that are answered.
func (s *Server) Verbs() []string { return s.verbs.Names() }

// Statistics are those of the kernel, and how many more containers there is room for.
type Statistics struct {
	kernel.Statistics
	Available int `json:"available_containers"`
}

// Statistics returns the server's numbers.
func (s *Server) Statistics() Statistics {
	return Statistics{s.Server.Statistics(), s.Virtualization.Available()}
}

// OnCreatedContainer: a container was made for a client.
func (s *Server) OnCreatedContainer(f func(client *kernel.Conn, container *Container)) {
	s.on(EventCreatedContainer, func(e kernel.Event) { f(e.Values[0].(*kernel.Conn), e.Values[1].(*Container)) })
}

// OnCreatedEndpointShell: its shell was opened.
func (s *Server) OnCreatedEndpointShell(f func(shell *Shell, container *Container, client *kernel.Conn)) {
	s.on(EventCreatedEndpointShell, func(e kernel.Event) {
		f(e.Values[0].(*Shell), e.Values[1].(*Container), e.Values[2].(*kernel.Conn))
	})
}

// OnDestroyedContainer: a container is no more. The client is nil if nobody asked for that: the server has stopped.
func (s *Server) OnDestroyedContainer(f func(client *kernel.Conn, container *Container)) {
	s.on(EventDestroyedContainer, func(e kernel.Event) {
		client, _ := e.Values[0].(*kernel.Conn)
		f(client, e.Values[1].(*Container))
	})
}

// OnNumber is On for an event that is given by its number, 1 to 12. The error says that there is none.
func (s *Server) OnNumber(number int, f func(kernel.Event)) error {
	for _, kind := range s.Events() {
		if number > 0 && kind.Number == number {
			return s.On(kind.Name, f)
		}
	}
	return fmt.Errorf("there is no event %d", number)
}

func (s *Server) on(event string, f func(kernel.Event)) {
	if err := s.On(event, f); err != nil {
		panic(err) // NewServer has declared it
	}
}

// serve answers the one request of a connection.
func (s *Server) serve(ctx context.Context, conn *kernel.Conn) error {
	message, err := readMessage(conn)
	if err != nil {
		var failed *Error
		if errors.As(err, &failed) {
			conn.Malformed(map[string]string{"": Explain(docs.For(s.Lang), err)})
		}
		return err
	}
	answer, err := s.answer(ctx, conn, message)
	if err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil { // a custom handler's data
		conn.Report(err)
		text, _ = json.Marshal((&Refusal{Message: MessageInternalError}).answer())
	}
	if _, err := conn.Write(text); err != nil {
		return err
	}
	if channel, ok := conn.Conn.(*Conn); ok {
		return channel.Flush() // here, and not when the kernel closes it, to know whether it was sent
	}
	return nil
}

// readMessage reads one message whole: a channel returns it from one Read.
func readMessage(conn *kernel.Conn) ([]byte, error) {
	message := make([]byte, conn.MaxRequest()+1)
	n, err := conn.Read(message)
	return message[:n], err
}

// answer returns the answer to a message, or the error that ends the session without one.
func (s *Server) answer(ctx context.Context, conn *kernel.Conn, message []byte) (Answer, error) {
	say := docs.For(s.Lang)
	request, errs := Request{}, map[string]string{"": say.Say("sealed_too_long", "limit", conn.MaxRequest())}
	if len(message) <= conn.MaxRequest() {
		request, errs = parseRequest(message, say)
	}
	if errs != nil {
		conn.Malformed(errs)
		if conn.Dismissed() {
			return Answer{}, kernel.ErrDismissed
		}
		return (&Refusal{MessageBadRequest, reasons(errs)}).answer(), nil
	}
	answer, err := s.verbs.Do(ctx, conn, request.Verb, request)
	var (
		refusal  *Refusal
		panicked *kernel.PanicError
	)
	switch {
	case conn.Dismissed() || errors.Is(err, kernel.ErrDismissed):
		return Answer{}, kernel.ErrDismissed
	case errors.Is(err, kernel.ErrUnknownVerb):
		return (&Refusal{MessageBadRequest, say.Say("sealed_unknown_verb")}).answer(), nil
	case errors.As(err, &refusal):
		return refusal.answer(), nil
	case errors.As(err, &panicked): // the kernel has told of it
		return (&Refusal{Message: MessageInternalError}).answer(), nil
	case err != nil:
		conn.Report(err)
		return (&Refusal{Message: MessageInternalError}).answer(), nil
	}
	if answer.Data == nil {
		answer.Data = map[string]any{}
	}
	return answer, nil
}

func success(data map[string]any) Answer { return Answer{true, MessageOK, data} }

func (s *Server) stat(context.Context, *kernel.Conn, Request) (Answer, error) {
	s.mu.Lock()
	uptime := time.Since(s.began)
	s.mu.Unlock()
	return success(map[string]any{"uptime": int(uptime / time.Second), "available": s.Virtualization.Available()}), nil
}

// create makes a container and opens its shell. If a callback closes the client or the shell, what was made is undone.
func (s *Server) create(ctx context.Context, client *kernel.Conn, _ Request) (answer Answer, err error) {
	container, password, err := s.Virtualization.Create(s.Image)
	if errors.Is(err, ErrFull) {
		return answer, &Refusal{Message: MessageUnavailable}
	}
	if err != nil {
		return answer, err
	}
	defer func() {
		if err != nil {
			s.remove(client, container)
		}
	}()
	s.Emit(EventCreatedContainer, client, container)
	if client.Dismissed() {
		return answer, kernel.ErrDismissed
	}
	listener, err := s.Listen(ctx)
	if err != nil {
		return answer, fmt.Errorf("open an endpoint shell: %w", err)
	}
	shell := s.openShell(listener, container)
	s.mu.Lock()
	s.shells[container.UUID] = shell
	s.mu.Unlock()
	s.Emit(EventCreatedEndpointShell, shell, container, client)
	if client.Dismissed() || shell.Closed() {
		client.Close()
		return answer, kernel.ErrDismissed
	}
	token, err := s.Database.Add(container.UUID)
	if err != nil {
		return answer, err
	}
	return success(map[string]any{
		fieldUUID: container.UUID, fieldToken: token, fieldImage: container.ImageSHA256,
		fieldUsername: container.Username, fieldPassword: password, fieldPort: shell.Port(),
	}), nil
}

// listen takes a free port of the host where the server itself listens; of this one alone if it does not.
func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	host := "127.0.0.1"
	if addr, ok := s.ListenAddr().(*net.TCPAddr); ok {
		host = addr.IP.String()
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
}

func (s *Server) destroy(_ context.Context, client *kernel.Conn, request Request) (Answer, error) {
	uuid, _ := request.Parameters[fieldUUID].(string)
	token, _ := request.Parameters[fieldToken].(string)
	if !s.Database.Check(uuid, token) {
		return Answer{}, &Refusal{Message: MessageBadAuth}
	}
	container, ok := s.Virtualization.Container(uuid)
	if !ok || !s.remove(client, container) { // somebody was quicker
		return Answer{}, &Refusal{Message: MessageBadAuth}
	}
	return success(nil), nil
}

// remove destroys a container, and reports whether it was there. The client is nil if nobody asked for it.
func (s *Server) remove(client *kernel.Conn, container *Container) bool {
	s.Database.Remove(container.UUID)
	s.mu.Lock()
	shell := s.shells[container.UUID]
	delete(s.shells, container.UUID)
	s.mu.Unlock()
	if shell != nil {
		shell.Close()
	}
	if s.Virtualization.Destroy(container.UUID) != nil {
		return false
	}
	if client == nil {
		s.Emit(EventDestroyedContainer, nil, container)
	} else {
		s.Emit(EventDestroyedContainer, client, container)
	}
	return true
}

// DestroyAll destroys every container. A server that stops does it by itself; one that
// serves single connections in memory is told to.
func (s *Server) DestroyAll() {
	for _, container := range s.Virtualization.All() {
		s.remove(nil, container)
	}
}
