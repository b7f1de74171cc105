package kvs

import (
	"errors"
	"io"
	"net"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
)

// A Screen says to whoever runs a server what happens to its connections: a sentence in
// each Write, safe to show. The fields must not be changed once the server serves.
type Screen struct {
	Lang string    // "en" or "pt-BR"
	Out  io.Writer // safe for concurrent use; nil is nowhere. See kernel.ScreenOf

	// Explain says why something failed, safe to show; nil is [Explain].
	Explain func(err error) string
}

// Watch has the server's events said.
func (s *Screen) Watch(server *kernel.Server) {
	server.OnClient(func(client *kernel.Conn) { s.Say("kvs_screen_connected", client) })
	server.OnHandshakeFailed(func(conn net.Conn, err error) { s.Say("kvs_screen_no_handshake", conn, "reason", s.explain(err)) })
	server.OnRefused(func(conn net.Conn, err error) { s.Say("kvs_screen_refused", conn, "reason", s.explain(err)) })
	server.OnRuntimeError(s.runtimeError)
	server.OnClientClosed(func(client *kernel.Conn) {
		if err := client.Err(); err != nil && !errors.Is(err, kernel.ErrStopping) {
			s.Say("kvs_screen_broken", client, "reason", s.explain(err))
		} else {
			s.Say("kvs_screen_closed", client)
		}
	})
	server.OnStopped(func() { s.Say("kvs_screen_stopped", nil) })
}

func (s *Screen) runtimeError(e kernel.RuntimeError) {
	var panicked *kernel.PanicError
	switch reason := s.explain(e.Err); {
	case e.Client == nil:
		s.Say("kvs_screen_accept_failed", nil, "reason", reason)
	case errors.As(e.Err, &panicked):
		s.Say("kvs_screen_panicked", e.Client, "reason", reason)
	default:
		s.Say("kvs_screen_store_failed", e.Client, "reason", reason)
	}
}

// Say says a sentence of package docs. Conn is what it is about, and its peer stands in it as "peer"; nil if it is about
// no connection.
func (s *Screen) Say(id string, conn net.Conn, pairs ...any) {
	screen := kernel.ScreenOf(conn, s.Out)
	if screen == nil {
		return
	}
	if conn != nil {
		pairs = append(pairs, "peer", conn.RemoteAddr().String())
	}
	io.WriteString(screen, docs.For(s.Lang).Say(id, pairs...)+"\n")
}

func (s *Screen) explain(err error) string {
	if s.Explain != nil {
		return s.Explain(err)
	}
	return Explain(docs.For(s.Lang), err)
}
