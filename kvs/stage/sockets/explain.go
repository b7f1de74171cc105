package sockets

import (
	"errors"
	"net"
	"syscall"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
)

// What Windows calls these two; syscall.ECONNREFUSED and EADDRINUSE are Go's own numbers there.
const (
	windowsRefused = syscall.Errno(10061)
	windowsInUse   = syscall.Errno(10048)
)

// Explain says in a language what an error of this package or of one under it means, and what to do: one line,
// safe to show.
func Explain(say *docs.Sentences, err error) string {
	var (
		bad     *RequestError
		misused *UsageError
		refused *AnswerError
		dial    *DialError
		address *net.AddrError
	)
	switch {
	case errors.As(err, &bad):
		return bad.explain(say)
	case errors.As(err, &misused):
		return say.Say(misused.id, misused.pairs...)
	case errors.As(err, &refused):
		return inspect.Safe(refused.Answer)
	case errors.As(err, &dial) && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsRefused)):
		return say.Say("sockets_refused", "addr", inspect.Safe(dial.Addr))
	case errors.As(err, &address) && address.Err == "invalid port":
		return say.Say("sockets_bad_port", "port", inspect.Safe(address.Addr))
	case errors.As(err, &dial):
		return say.Say("sockets_not_connected", "addr", inspect.Safe(dial.Addr), "reason", inspect.Safe(dial.Err.Error()))
	case errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsInUse):
		return say.Say("sockets_port_taken")
	case errors.Is(err, ErrOneRead):
		return say.Say("sockets_one_read", "limit", oneRead)
	case errors.Is(err, ErrAnswer):
		return say.Say("sockets_bad_answer")
	case errors.Is(err, ErrServerClosed):
		return say.Say("sockets_server_closed")
	case errors.Is(err, ErrOver):
		return say.Say("sockets_over")
	case errors.Is(err, ErrUnanswered):
		return say.Say("sockets_unanswered")
	}
	return kvs.Explain(say, err)
}
