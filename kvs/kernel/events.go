package kernel

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
)

// The names of the events that every server has; the package's page says when they happen.
const (
	EventClient           = "client"
	EventClientClosed     = "client_closed"
	EventConnection       = "connection"
	EventMalformedRequest = "malformed_request"
	EventRequest          = "request"
	EventRuntimeError     = "runtime_error"
	EventStarted          = "started"
	EventStopped          = "stopped"
	EventUnknownVerb      = "unknown_verb"
	EventHandshakeFailed  = "handshake_failed"
	EventRefused          = "refused"
)

// An EventKind is an event that can happen on a server.
type EventKind struct {
	Number     int // 0 if it has none
	Name       string
	Parameters []string // their names, in order
}

// standard are the events of every server, with the numbers that they have where they come from.
var standard = []EventKind{
	{1, EventClient, []string{"client"}},
	{2, EventClientClosed, []string{"client"}},
	{3, EventConnection, []string{"connection"}},
	{7, EventMalformedRequest, []string{"client", "errors"}},
	{8, EventRequest, []string{"client"}},
	{9, EventRuntimeError, []string{"thread", "class", "traceback", "client", "error"}},
	{10, EventStarted, nil},
	{11, EventStopped, nil},
	{12, EventUnknownVerb, []string{"client"}},
	{0, EventHandshakeFailed, []string{"connection", "error"}},
	{0, EventRefused, []string{"connection", "error"}},
}

// An Event is something that happened.
type Event struct {
	EventKind
	Values []any // of the parameters, in their order
}

// Value returns the value of the parameter of that name; nil if there is none.
func (e Event) Value(parameter string) any {
	if i := slices.Index(e.Parameters, parameter); i >= 0 {
		return e.Values[i]
	}
	return nil
}

// events are those that a service has declared, and who is told of them.
type events struct {
	mu        sync.RWMutex
	declared  []EventKind
	callbacks readMostly[[]func(Event)]
}

// Events returns every event that can happen: the standard ones, and then those that were declared.
func (s *Server) Events() []EventKind {
	s.events.mu.RLock()
	defer s.events.mu.RUnlock()
	return slices.Concat(standard, s.events.declared)
}

// Declare adds an event of a service's own, which [Server.Emit] then makes happen.
// The error says that there is one of that name.
func (s *Server) Declare(kind EventKind) error {
	if slices.ContainsFunc(s.Events(), func(k EventKind) bool { return k.Name == kind.Name }) {
		return fmt.Errorf("there is an event %q already", kind.Name)
	}
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	s.events.declared = append(s.events.declared, kind)
	return nil
}

// Emit makes an event of a service's own happen, with the values of its
// parameters in order. It panics if the event was not declared so.
func (s *Server) Emit(name string, values ...any) {
	s.events.mu.RLock()
	i := slices.IndexFunc(s.events.declared, func(k EventKind) bool { return k.Name == name })
	wrong := i < 0 || len(s.events.declared[i].Parameters) != len(values)
	s.events.mu.RUnlock()
	if wrong {
		panic(fmt.Sprintf("kernel: no event %q with %d parameters was declared", name, len(values)))
	}
	s.emit(name, values...)
}

// On has f called whenever the event of that name happens, after those that
// were registered for it before. The values have the types that the method of
// the event gives them: [Server.OnClient] gives its function a *Conn, so the
// value "client" is one. The error says that there is no such event.
func (s *Server) On(name string, f func(Event)) error {
	var names []string
	for _, kind := range s.Events() {
		if kind.Name == name {
			s.on(name, f)
			return nil
		}
		names = append(names, kind.Name)
	}
	return fmt.Errorf("there is no event %q, only %s", name, strings.Join(names, ", "))
}

func (s *Server) on(name string, f func(Event)) {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	before := s.events.callbacks.all()[name]
	s.events.callbacks.set(name, append(before[:len(before):len(before)], f))
}

// OnConnection: a connection was accepted. The conn is the one that the
// listener gave out, a *tls.Conn perhaps, before its handshake.
func (s *Server) OnConnection(f func(conn net.Conn)) {
	s.on(EventConnection, func(e Event) { f(e.Values[0].(net.Conn)) })
}

// OnHandshakeFailed: the handshake of a connection failed. The err is a *[HandshakeError].
func (s *Server) OnHandshakeFailed(f func(conn net.Conn, err error)) {
	s.on(EventHandshakeFailed, func(e Event) { f(e.Values[0].(net.Conn), e.Values[1].(error)) })
}

// OnRefused: a connection is closed since there is no place for it. The err is [ErrTooMany],
// [ErrTooManyOfHost], [ErrHandshakes], [ErrHandshakeRate] or [ErrOnce].
func (s *Server) OnRefused(f func(conn net.Conn, err error)) {
	s.on(EventRefused, func(e Event) { f(e.Values[0].(net.Conn), e.Values[1].(error)) })
}

// OnClient: a connection has become a client: its handshake is done, or it has none.
func (s *Server) OnClient(f func(client *Conn)) { s.onClient(EventClient, f) }

// OnClientClosed: a client's session has ended, and its connection is closed; [Conn.Err] says why.
func (s *Server) OnClientClosed(f func(client *Conn)) { s.onClient(EventClientClosed, f) }

// OnRequest: a request was understood, and its verb will be looked up.
func (s *Server) OnRequest(f func(client *Conn)) { s.onClient(EventRequest, f) }

// OnUnknownVerb: nobody answers requests with that verb.
func (s *Server) OnUnknownVerb(f func(client *Conn)) { s.onClient(EventUnknownVerb, f) }

func (s *Server) onClient(name string, f func(*Conn)) {
	s.on(name, func(e Event) { f(e.Values[0].(*Conn)) })
}

// OnMalformedRequest: a request could not be understood, and errs says what is wrong by field.
func (s *Server) OnMalformedRequest(f func(client *Conn, errs map[string]string)) {
	s.on(EventMalformedRequest, func(e Event) { f(e.Values[0].(*Conn), e.Values[1].(map[string]string)) })
}

// OnRuntimeError: something of the server itself went wrong, and it goes on.
func (s *Server) OnRuntimeError(f func(RuntimeError)) {
	s.on(EventRuntimeError, func(e Event) {
		client, _ := e.Values[3].(*Conn)
		f(RuntimeError{
			Thread: e.Values[0].(string), Class: e.Values[1].(string), Traceback: e.Values[2].(string),
			Client: client, Err: e.Values[4].(error),
		})
	})
}

// OnStarted: the server listens.
func (s *Server) OnStarted(f func()) { s.on(EventStarted, func(Event) { f() }) }

// OnStopped: the server does not listen any more, and no connection is left. It may be started again.
func (s *Server) OnStopped(f func()) { s.on(EventStopped, func(Event) { f() }) }

// tells reports whether there is anybody to be told of an event.
func (s *Server) tells(name string) bool {
	return s.events.callbacks.all()[name] != nil || s.logs(name)
}

// emit tells the log and the callbacks of an event.
func (s *Server) emit(name string, values ...any) {
	callbacks := s.events.callbacks.all()[name]
	logged := s.logs(name)
	if callbacks == nil && !logged {
		return
	}
	event := s.event(name, values)
	if logged {
		s.log(event)
	}
	for _, f := range callbacks {
		s.call(f, event)
	}
}

func (s *Server) event(name string, values []any) Event {
	s.events.mu.RLock()
	defer s.events.mu.RUnlock()
	for _, kinds := range [][]EventKind{standard, s.events.declared} {
		for _, kind := range kinds {
			if kind.Name == name {
				return Event{kind, values}
			}
		}
	}
	return Event{EventKind{Name: name}, values}
}

// call calls a callback, whose panic hurts nobody.
func (s *Server) call(f func(Event), e Event) {
	defer func() {
		if value := recover(); value != nil {
			client, _ := e.Value("client").(*Conn)
			s.panicked("callback of "+e.Name, value, client)
		}
	}()
	f(e)
}
