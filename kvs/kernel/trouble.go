package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
)

// A RuntimeError is something that went wrong with the server itself, and that
// it survived: a panic of a handler or a callback, a connection that could not
// be accepted, what a service reports with [Conn.Report].
type RuntimeError struct {
	Thread    string // where: "client 3", "accept", "callback of client"
	Class     string // the type of the error, or of the value of the panic
	Traceback string // the stack
	Client    *Conn  // nil if it was nobody's
	Err       error  // after a panic a *[PanicError]
}

func (e RuntimeError) Error() string { return e.Thread + ": " + e.Err.Error() }
func (e RuntimeError) Unwrap() error { return e.Err }

// A PanicError is a panic as an error. A service answers the request with what
// an internal error is in its protocol, and says no more.
type PanicError struct {
	Value any
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// panicked reports a panic, in the deferred function that has recovered it.
func (s *Server) panicked(thread string, value any, client *Conn) error {
	err := &PanicError{value}
	s.report(RuntimeError{Thread: thread, Class: fmt.Sprintf("%T", value), Client: client, Err: err})
	return err
}

// report counts a runtime error and tells of it.
func (s *Server) report(e RuntimeError) {
	s.counts.runtimeErrors.Add(1)
	if e.Class == "" {
		e.Class = fmt.Sprintf("%T", e.Err)
	}
	values := []any{e.Thread, e.Class, string(debug.Stack()), nil, e.Err}
	if e.Client != nil {
		values[3] = e.Client
	}
	if e.Thread == "callback of "+EventRuntimeError { // whoever panics when told of it is not told again
		if s.logs(EventRuntimeError) {
			s.log(s.event(EventRuntimeError, values))
		}
		return
	}
	s.emit(EventRuntimeError, values...)
}

// logs reports whether the log wants events of that name.
func (s *Server) logs(event string) bool {
	return s.Log != nil && s.Log.Enabled(context.Background(), level(event))
}

// log writes an event to the log: who, where and why, and nothing else of what
// a client may have sent.
func (s *Server) log(e Event) {
	if s.mayFlood(e) {
		return
	}
	var attrs []slog.Attr
	for i, parameter := range e.Parameters {
		switch value := e.Values[i].(type) {
		case *Conn:
			attrs = append(attrs, slog.Int64("conn", value.ID), slog.String("peer", value.RemoteAddr().String()))
			if err := value.Err(); err != nil {
				attrs = append(attrs, slog.String("error", loggable(err)))
			}
		case net.Conn:
			attrs = append(attrs, slog.String("peer", value.RemoteAddr().String()))
		case error:
			attrs = append(attrs, slog.String("error", loggable(value)))
		case string:
			if e.Name != EventRuntimeError { // a service's own may be anything
				continue
			}
			attrs = append(attrs, slog.String(parameter, value))
		}
	}
	if e.Name == EventStarted {
		attrs = append(attrs, slog.String("addr", s.ListenAddr().String()))
	}
	s.Log.LogAttrs(context.Background(), level(e.Name), strings.ReplaceAll(e.Name, "_", " "), attrs...)
}

// mayFlood reports whether there were so many of an event that they are told together. What clients can cause without being served
// is told a few times a period, and so is each class of runtime errors.
func (s *Server) mayFlood(e Event) bool {
	const few, ten, some = 3, 10, 100
	most, kind := some, e.Name
	switch e.Name {
	case EventRuntimeError:
		most, kind = ten, kind+" "+e.Values[1].(string)
	case EventRefused, EventHandshakeFailed:
		most = few
	case EventConnection, EventClient, EventClientClosed, EventMalformedRequest, EventUnknownVerb:
	case EventStopped:
		s.digest.Flush()
		return false
	default:
		return false
	}
	return !s.digest.Tell(kind, most, func(count int) {
		s.Log.LogAttrs(context.Background(), level(e.Name), "flood", slog.String("event", e.Name), slog.Int("more", count))
	})
}

func level(event string) slog.Level {
	switch event {
	case EventRuntimeError:
		return slog.LevelError
	case EventHandshakeFailed, EventRefused, EventMalformedRequest, EventUnknownVerb:
		return slog.LevelWarn
	case EventRequest:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// loggable is the text of an error; of a panic only that there was one, since
// its value may be anything.
func loggable(err error) string {
	var panicked *PanicError
	if errors.As(err, &panicked) {
		return fmt.Sprintf("panic of type %T", panicked.Value)
	}
	return err.Error()
}
