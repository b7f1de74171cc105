package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
)

const (
	// dialTimeout is how long a server may take to accept and to finish the handshake.
	dialTimeout = 10 * time.Second
	// hangUpTimeout is how long the client waits for the server's goodbye.
	hangUpTimeout = time.Second
	// lastWordsTimeout is how long what the client said last may take to be offered for editing and to go out.
	lastWordsTimeout = 10 * time.Second
)

// What may end the wait for an answer, beside the server.
var (
	errTooSlow     = errors.New("no answer in time")
	errInterrupted = errors.New("interrupted")
	errUnasked     = errors.New("the server said what it was not asked for")
	errUnsent      = errors.New("the request was not sent")
)

// A link is a connection to a server that has proved who it is. Somebody always listens to the server, so that
// its end is known when it comes, and not with the next request.
type link struct {
	conn      *inspect.Conn
	recording *inspect.Recording // of it, for as long as it is recorded, and of its end
	client    *kvs.Client
	facts     facts         // of its TLS session
	gone      chan struct{} // closed when the server says no more
	why       error         // then, unless its stream has ended
	cut       bool          // then: its stream has ended without close_notify
	asking    atomic.Bool
	unasked   atomic.Bool
	used      bool // it has brought an answer
	told      bool // that the server has gone
}

func newLink(conn *inspect.Conn, recording *inspect.Recording) *link {
	l := &link{conn: conn, recording: recording, gone: make(chan struct{})}
	far, near := net.Pipe()
	l.client = kvs.NewClient(&answering{Conn: conn, answers: near, link: l})
	go l.listen(far)
	return l
}

// listen passes on what the server says, until it says no more.
func (l *link) listen(to net.Conn) {
	defer close(l.gone)
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := l.conn.Read(buffer)
		if n > 0 {
			if !l.asking.Load() {
				l.unasked.Store(true)
			}
			to.Write(buffer[:n]) // when nobody listens any more, it is passed over
		}
		if err != nil {
			if err != io.EOF {
				l.why = err
			} else {
				l.cut = endedWithoutNotify(l.conn, l.recording)
			}
			return
		}
	}
}

// endedWithoutNotify reports whether the server's stream, at whose end crypto/tls has come, ended without close_notify (RFC 8446
// section 6.1): crypto/tls reads nothing behind a close_notify, so no end of file was seen then, unless a gate read on its own.
func endedWithoutNotify(conn *inspect.Conn, recording *inspect.Recording) bool {
	session := inspect.NewSession(recording)
	for e := range recording.Events(0) {
		if e.Conn == conn.ID() && e.Side == inspect.Server && e.Kind == inspect.Ended {
			return session.Connections()[conn.ID()].Account(inspect.Client, session.Taken()-1).Saw != inspect.ClosedNotify
		}
	}
	return false
}

// do sends a request and waits for its answer.
func (l *link) do(ctx context.Context, line string) (string, error) {
	switch {
	case l.unasked.Load():
		return "", errors.Join(errUnsent, errUnasked)
	case l.over() && l.why != nil:
		return "", errors.Join(errUnsent, l.why)
	case l.over():
		return "", errors.Join(errUnsent, kvs.ErrServerClosed)
	}
	l.asking.Store(true)
	answer, err := l.client.Do(ctx, line)
	l.asking.Store(false)
	return answer, err
}

// over reports whether the server says no more.
func (l *link) over() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// ending is the sentence of a goodbye, or of a stream that ended without one. The server says no more.
func (l *link) ending(said, unsaid string) string {
	<-l.gone
	if l.cut {
		return unsaid
	}
	return said
}

// goodbye ends what the client says, and waits a moment for the server to do so too: a TCP connection that is closed with
// something unread in it is reset instead of ended.
func (l *link) goodbye(ctx context.Context) error {
	l.client.Close() // what the server still says is passed over
	if l.conn.CloseWrite() == nil {
		select {
		case <-l.gone:
		case <-ctx.Done():
		}
	}
	err := l.conn.Close()
	<-l.gone
	return err
}

// answering is the connection as the client of package kvs has it: it reads what was listened to.
type answering struct {
	net.Conn
	answers net.Conn
	link    *link
}

func (a *answering) Read(b []byte) (int, error) {
	n, err := a.answers.Read(b)
	if err == io.EOF {
		<-a.link.gone
		if a.link.why != nil {
			err = a.link.why
		}
	}
	return n, err
}

func (a *answering) SetDeadline(t time.Time) error {
	return errors.Join(a.answers.SetDeadline(t), a.Conn.SetWriteDeadline(t))
}

// Close ends the listening alone.
func (a *answering) Close() error { return a.answers.Close() }

// begin makes what a connection is seen through.
func (r *clientRun) begin() {
	r.tap = inspect.NewTap()
	if r.editor != nil {
		r.tap.Gate, r.editor.edited, r.editor.broken = r.editor, false, false
	}
	r.session = inspect.NewSession(r.tap.Recording())
	if r.show {
		r.shown = tellAll(r.tap.Recording(), r.text.Writer(r.notices))
	}
}

// finish tells the rest of a connection that is over.
func (r *clientRun) finish() {
	r.tap.Close()
	if r.shown != nil {
		r.problem = errors.Join(r.problem, r.shown.done())
		r.shown = nil
		return
	}
	r.comeOfIt()
}

// connect makes the link. Nothing is said before the server's certificate has been verified.
func (r *clientRun) connect(ctx context.Context) error {
	r.begin()
	var conn *inspect.Conn
	err := r.attend(ctx, min(r.timeout, dialTimeout), func(ctx context.Context) error {
		raw, err := new(net.Dialer).DialContext(ctx, "tcp", r.addr)
		if err != nil {
			return err
		}
		conn = r.tap.Client(raw, r.config)
		if err := conn.HandshakeContext(ctx); err != nil {
			return err
		}
		return r.handshakeOut(ctx, conn)
	})
	if err != nil {
		if conn != nil {
			r.lastWords(ctx, conn)
		}
		r.finish()
		return r.unreachable(err, conn)
	}
	r.session.Extend()
	r.link = newLink(conn, r.tap.Recording())
	r.link.facts = r.factsOf(conn)
	if err := r.identify(ctx); err != nil {
		return err
	}
	return r.speakAsBefore(ctx)
}

// lastWords closes a connection that failed, once what the client has said is on its way: its alert.
func (r *clientRun) lastWords(ctx context.Context, conn *inspect.Conn) {
	if r.editor == nil || r.editor.broken {
		conn.Close()
		return
	}
	r.attend(ctx, lastWordsTimeout, func(ctx context.Context) error {
		conn.Close()
		return r.delivered(ctx, conn)
	})
}

// delivered waits until what the client said has been decided on, and went out.
func (r *clientRun) delivered(ctx context.Context, conn *inspect.Conn) error {
	recording := r.tap.Recording()
	for seen := 0; ; {
		for e := range recording.Events(seen) {
			seen = e.Index + 1
			if e.Conn == conn.ID() && e.Side == inspect.Client && (e.Kind == inspect.Drained || e.Kind == inspect.Undeliverable) {
				return nil
			}
		}
		if _, err := recording.Wait(ctx, seen); err != nil {
			return err
		}
	}
}

// drop closes a link that is of no more use.
func (r *clientRun) drop(ctx context.Context) {
	if r.link == nil {
		return
	}
	r.lastWords(ctx, r.link.conn)
	r.link.client.Close()
	<-r.link.gone
	r.link = nil
	r.finish()
}

// hangUp says goodbye, and closes the link. Whoever pressed Ctrl+C says goodbye too.
func (r *clientRun) hangUp(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if r.link != nil && !r.link.over() && !r.editor.isBroken() {
		r.attend(ctx, hangUpTimeout, r.link.goodbye)
	}
	if r.link != nil && r.link.over() && r.link.cut && !r.link.told {
		r.notice(r.say("client_end_cut", "addr", safe(r.addr)))
	}
	r.drop(ctx)
}

// attend runs f, which ends with its context, and waits for it; meanwhile it has the user decide on what the client is
// about to send. It cancels f when time is up, which does not count while the user thinks, or when the user interrupts it.
func (r *clientRun) attend(ctx context.Context, timeout time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	clock := time.NewTimer(timeout)
	defer clock.Stop()
	interrupted, unwatch := r.desk.watch()
	defer func() { unwatch() }()
	var problem error
	for {
		select {
		case err := <-done:
			switch cause := context.Cause(ctx); {
			case problem != nil:
				return problem
			case err != nil && cause != nil:
				return cause
			}
			return err
		case <-r.editor.offered():
			clock.Stop()
			unwatch()
			if err := r.offerAll(ctx); err != nil {
				problem = err
				cancel(err)
			}
			interrupted, unwatch = r.desk.watch()
			clock.Reset(timeout)
		case <-clock.C:
			cancel(errTooSlow)
		case <-interrupted:
			cancel(errInterrupted)
			interrupted = nil
		}
	}
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}
