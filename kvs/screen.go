package kvs

import (
	"errors"
	"io"
	"net"
	"sync/atomic"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// A Screen says to whoever runs a server what happens to its connections: a sentence in
// each Write, safe to show. The fields must not be changed once the server serves.
type Screen struct {
	Lang string    // "en" or "pt-BR"
	Out  io.Writer // safe for concurrent use; nil is nowhere. See kernel.ScreenOf

	// ScreenOf returns where that is said which is about one connection; nil is kernel.ScreenOf, with Out.
	ScreenOf func(conn net.Conn) io.Writer

	// Explain says why something failed, safe to show; nil is [Explain].
	Explain func(err error) string

	// TroubleOnly leaves out what goes as it should, and handshakes that fail: whoever sees the connections themselves sees it there.
	TroubleOnly bool

	digest kernel.Digest
	disk   atomic.Pointer[error] // what Disk was told last; nil before
}

// Watch has the server's events said. Of those that a flood of clients can cause, the first are said one by one, and the others
// together; see kernel.Digest.
func (s *Screen) Watch(server *kernel.Server) {
	const few, some = 3, 100
	server.OnRefused(func(conn net.Conn, err error) {
		s.sayOrCountAlike("kvs_screen_refused", "kvs_screen_more_refused", err.Error(), few, conn, err) // one of a few
	})
	server.OnRuntimeError(s.runtimeError)
	if s.TroubleOnly {
		server.OnStopped(s.digest.Flush)
		return
	}
	server.OnClient(func(client *kernel.Conn) {
		if subject := SubjectOf(client); subject != "" {
			s.sayOrCount("kvs_screen_connected_as", "kvs_screen_more_connected", some, client, nil, "who", shown([]byte(subject)))
		} else {
			s.sayOrCount("kvs_screen_connected", "kvs_screen_more_connected", some, client, nil)
		}
	})
	server.OnHandshakeFailed(func(conn net.Conn, err error) {
		s.noHandshake(few, conn, err)
	})
	server.OnClientClosed(func(client *kernel.Conn) {
		if err := client.Err(); err != nil && !errors.Is(err, kernel.ErrStopping) {
			s.sayOrCount("kvs_screen_broken", "kvs_screen_more_broken", some, client, err)
		} else {
			s.sayOrCount("kvs_screen_closed", "kvs_screen_more_closed", some, client, nil)
		}
	})
	server.OnStopped(func() {
		s.digest.Flush()
		s.Say("kvs_screen_stopped", nil)
	})
}

// sayOrCount says a sentence of a connection, and why if there is a reason; or counts it for the sentence more, after the first
// most of them.
func (s *Screen) sayOrCount(id, more string, most int, conn net.Conn, why error, pairs ...any) {
	tell := s.digest.Tell(id, most, func(count int) {
		s.Say(more, nil, "count", count, "seconds", int(kernel.DigestPeriod.Seconds()))
	})
	if why != nil {
		pairs = append(pairs, "reason", s.explain(why))
	}
	if tell {
		s.Say(id, conn, pairs...)
	}
}

// sayOrCountAlike is sayOrCount for what is counted by its reason, so that many of one kind do not hide the few of another.
func (s *Screen) sayOrCountAlike(id, more, kind string, most int, conn net.Conn, why error) {
	reason := s.explain(why)
	tell := s.digest.Tell(id+" "+kind, most, func(count int) {
		s.Say(more, nil, "count", count, "seconds", int(kernel.DigestPeriod.Seconds()), "reason", reason)
	})
	if tell {
		s.Say(id, conn, "reason", reason)
	}
}

func (s *Screen) noHandshake(most int, conn net.Conn, err error) {
	kind, more := "", "kvs_screen_more_no_handshake"
	var handshake *kernel.HandshakeError
	if named := false; errors.As(err, &handshake) {
		if kind, named = handshakeKind(handshake); !named {
			more = "kvs_screen_more_no_handshake_other"
		}
	}
	s.sayOrCountAlike("kvs_screen_no_handshake", more, kind, most, conn, err)
}

func (s *Screen) runtimeError(e kernel.RuntimeError) {
	const ten = 10
	var panicked *kernel.PanicError
	if s.disk.Load() != nil && errors.As(e.Err, new(*store.DiskError)) {
		return
	}
	id := "kvs_screen_store_failed"
	switch {
	case e.Client == nil:
		s.sayOrCount("kvs_screen_accept_failed", "kvs_screen_more_failed", ten, nil, e.Err)
		return
	case errors.As(e.Err, &panicked):
		id = "kvs_screen_panicked"
	case errors.As(e.Err, new(*accessFileError)):
		id = "kvs_screen_access_failed"
	}
	s.sayOrCount(id, "kvs_screen_more_failed", ten, e.Client, e.Err)
}

// Authenticated says that a client has given a token. It is what [Access.Told] may be.
func (s *Screen) Authenticated(client *kernel.Conn, who Who, err error) {
	const few, some = 3, 100
	if err != nil {
		s.sayOrCount("kvs_screen_wrong_token", "kvs_screen_more_wrong_tokens", few, client, nil)
		return
	}
	if s.TroubleOnly {
		return
	}
	s.sayOrCount("kvs_screen_authenticated", "kvs_screen_more_authenticated", some, client, nil, "who", shown([]byte(who.Name)))
}

// Disk says that the disk of the store began to fail, or takes writes again. It is what Told of [store.Options] may be; without it each
// write that fails is said.
func (s *Screen) Disk(err error) {
	const some = 4
	s.disk.Store(&err)
	// A disk that is nearly full takes one write and refuses the next. Whatever is left out, the last that is said is how it stands.
	if s.digest.Tell("disk", some, func(int) { s.sayDisk() }) {
		s.sayDisk()
	}
}

func (s *Screen) sayDisk() {
	if err := *s.disk.Load(); err != nil {
		s.Say("kvs_screen_disk_failed", nil, "reason", s.explain(err))
	} else {
		s.Say("kvs_screen_disk_again", nil)
	}
}

// Say says a sentence of package docs. Conn is what it is about, and its peer stands in it as "peer"; nil if it is about
// no connection.
func (s *Screen) Say(id string, conn net.Conn, pairs ...any) {
	screen := s.screenOf(conn)
	if screen == nil {
		return
	}
	if conn != nil {
		pairs = append(pairs, "peer", conn.RemoteAddr().String())
	}
	io.WriteString(screen, docs.For(s.Lang).Say(id, pairs...)+"\n")
}

func (s *Screen) screenOf(conn net.Conn) io.Writer {
	if conn != nil && s.ScreenOf != nil {
		return s.ScreenOf(conn)
	}
	return kernel.ScreenOf(conn, s.Out)
}

func (s *Screen) explain(err error) string {
	if s.Explain != nil {
		return s.Explain(err)
	}
	return Explain(docs.For(s.Lang), err)
}
