package kernel

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrUnknownVerb says that no handler was set for a verb.
var ErrUnknownVerb = errors.New("unknown verb")

// Verbs answers requests by the word that they begin with. What a request and an
// answer are is up to the service, which decodes the one and encodes the other.
// The zero value knows no verb. It may be used by several goroutines, and for the
// connections of several servers.
type Verbs[Request, Answer any] struct {
	mu       sync.RWMutex // of changes, and of names
	names    []string
	handlers readMostly[VerbHandler[Request, Answer]]
}

// A VerbHandler answers a request of a client. Ctx is done when the server is
// asked to stop. What an error looks like on the wire is up to the service too.
type VerbHandler[Request, Answer any] func(ctx context.Context, client *Conn, request Request) (Answer, error)

// Handle sets who answers a verb, instead of whoever did, from the next request
// on. Nil is nobody.
func (v *Verbs[Request, Answer]) Handle(verb string, handler VerbHandler[Request, Answer]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.Index(v.names, verb)
	switch {
	case handler == nil && i >= 0:
		v.names = slices.Delete(v.names, i, i+1)
		v.handlers.remove(verb)
		return
	case handler == nil:
		return
	case i < 0:
		v.names = append(v.names, verb)
	}
	v.handlers.set(verb, handler)
}

// Names returns the verbs that have a handler, in the order in which they got their first.
func (v *Verbs[Request, Answer]) Names() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Clone(v.names)
}

// Do has a request answered by the handler of its verb, and counted by the
// server of the client, which tells of it as the event request first.
//
// The error is the handler's, a *[PanicError] if it panicked, [ErrUnknownVerb] if
// there is none, [ErrBusy] if its turn did not come in time, and it was not carried out, or
// [ErrDismissed] if a callback has closed the client: then there is nobody to answer.
func (v *Verbs[Request, Answer]) Do(ctx context.Context, client *Conn, verb string, request Request) (answer Answer, err error) {
	server := client.server
	handler := v.handlers.all()[verb]
	if server.tells(EventRequest) {
		server.emit(EventRequest, client)
	}
	if handler == nil {
		server.counts.unknown.Add(1)
		server.emit(EventUnknownVerb, client)
	}
	switch {
	case client.Dismissed():
		return answer, ErrDismissed
	case handler == nil:
		return answer, ErrUnknownVerb
	}
	if err := client.takeTurn(ctx); err != nil {
		return answer, err
	}
	defer client.giveTurn()
	answer, err = handler.call(ctx, client, request)
	server.counts.answered(verb, err)
	return answer, err
}

func (h VerbHandler[Request, Answer]) call(ctx context.Context, client *Conn, request Request) (answer Answer, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = client.server.panicked(client.thread(), value, client)
		}
	}()
	return h(ctx, client, request)
}
