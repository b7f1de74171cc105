package kernel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// What can be wrong with asking a server to start, to stop or to start again.
var (
	ErrRunning    = errors.New("the server is running already: stop it first")
	ErrNotRunning = errors.New("the server is not running")
	ErrNoAddr     = errors.New("the server was handed its listener and cannot open it again")
)

// life is whether the server runs, and how that can be ended.
type life struct {
	mu    sync.Mutex
	phase phase
	again bool               // when it has stopped, it starts again
	stop  context.CancelFunc // ends the run
	since time.Time
	addr  net.Addr // of the last listener
	owned bool     // which the server opened itself, and can open again
	end   *end     // of the life that began last
}

// phase is where a server is in its life. From stopping it goes to starting, if
// it is to run again, or to stopped.
type phase int

const (
	stopped phase = iota
	starting
	running
	stopping
)

// end is how a life ends.
type end struct {
	come chan struct{}
	err  error // set before come is closed
}

// Start listens on Addr and returns. The server then accepts connections until
// [Server.Stop] or the end of ctx. The error is [ErrRunning], or [ErrStopping]
// (call [Server.Wait] first), or says why it cannot listen.
func (s *Server) Start(ctx context.Context) error {
	run, before, err := s.begin(ctx)
	if err != nil {
		return err
	}
	listener, err := s.listen(ctx, s.Addr)
	if err != nil {
		s.finish(s.life.end, err)
		return err
	}
	s.listening(listener, true)
	go s.live(ctx, run, before, listener)
	return nil
}

// Run is Start and then Wait: it blocks until the server has stopped.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	return s.Wait()
}

// Serve accepts connections from a listener, which it closes in the end, and
// serves each, until ctx is done or [Server.Stop] is called. Then it closes the
// listener, cuts the handshakes that are under way, lets each running request be
// answered, and closes each connection (with close_notify in TLS); what is not
// over within ShutdownTimeout is cut.
//
// It returns when no connection is left: nil after ctx, Stop or Once, otherwise
// why it cannot accept, or as Start does. When a handler does not return
// although its connection was cut, Serve returns ErrStuck some seconds later. Addr
// and Wrap are not for this listener: it is served as it is.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	run, before, err := s.begin(ctx)
	if err != nil {
		listener.Close()
		return err
	}
	s.listening(listener, false)
	return s.live(ctx, run, before, listener)
}

// Stop asks the server to stop, as the end of its context does, and returns at
// once; [Server.Wait] waits until it has. A restart that is under way is called
// off. The error is [ErrNotRunning], also when the server was asked to stop
// before.
func (s *Server) Stop() error {
	l := &s.life
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == stopped || l.phase == stopping && !l.again {
		return ErrNotRunning
	}
	l.phase, l.again = stopping, false
	l.stop()
	return nil
}

// Restart asks the server to stop and, when it has, to listen on the same
// address again, and returns at once. The event started tells when it is back;
// [Server.Wait] waits until it stops for good. If it cannot listen again, it has
// stopped, and Wait says why. The context that the server was started with still
// holds.
//
// The error is [ErrNotRunning], also when the server was asked to stop before,
// or [ErrNoAddr]. A server that is restarting already is left to it.
func (s *Server) Restart() error {
	l := &s.life
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.phase == starting || l.again:
		return nil
	case l.phase != running:
		return ErrNotRunning
	case !l.owned:
		return ErrNoAddr
	}
	l.phase, l.again = stopping, true
	l.stop()
	return nil
}

// Wait blocks until the server has stopped for good: no connection is left, and
// the callbacks of the event stopped have returned. It returns what Serve would:
// nil when the server was asked to stop. If it never ran, the error is
// [ErrNotRunning]. Handlers and callbacks must not call it, nor Run and Serve:
// these wait for them.
func (s *Server) Wait() error {
	s.life.mu.Lock()
	end := s.life.end
	s.life.mu.Unlock()
	if end == nil {
		return ErrNotRunning
	}
	<-end.come
	return end.err
}

// ListenAddr returns the address that the server listens on, or listened on
// last, with the port that it took; nil if it never has.
func (s *Server) ListenAddr() net.Addr {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.life.addr
}

// begin begins a life. The context that it returns is the first run's: it ends
// with ctx or by Stop. The life before, if there was one, may not have told
// everyone yet that it is over.
func (s *Server) begin(ctx context.Context) (run context.Context, before *end, err error) {
	l := &s.life
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.phase {
	case stopping:
		return nil, nil, ErrStopping
	case starting, running:
		return nil, nil, ErrRunning
	}
	before, l.end = l.end, &end{come: make(chan struct{})}
	return l.start(ctx), before, nil
}

// start makes the context of a run. The lock is held.
func (l *life) start(ctx context.Context) context.Context {
	l.phase, l.again = starting, false
	run, stop := context.WithCancel(ctx)
	l.stop = stop
	return run
}

// listening notes that the server is there for its clients.
func (s *Server) listening(listener net.Listener, owned bool) {
	l := &s.life
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addr, l.owned, l.since = listener.Addr(), owned, time.Now()
	if l.phase == starting { // Stop may have been sooner
		l.phase = running
	}
	s.taken.Store(false)
}

// stopping notes that no more connections are taken.
func (s *Server) stopping() {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.phase = stopping
}

// next returns the context of the run that follows the one that has ended, or
// nil if none is to follow.
func (s *Server) next(ctx context.Context) context.Context {
	l := &s.life
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	if l.again && ctx.Err() == nil {
		return l.start(ctx)
	}
	l.phase, l.again = stopped, false
	return nil
}

// live goes from run to run until one is not followed by another. Its first event
// comes after the last of the life before.
func (s *Server) live(ctx, run context.Context, before *end, listener net.Listener) error {
	end := s.life.end
	if before != nil {
		<-before.come
	}
	for {
		s.emit(EventStarted)
		err := s.serveAll(run, listener, s.stopping)
		run = s.next(ctx)
		s.emit(EventStopped) // whose callbacks may call Start: the phase is settled
		if run == nil {
			end.settle(err)
			return err
		}
		if err != nil { // what is left behind must not keep the server down
			s.report(RuntimeError{Thread: "restart", Err: err})
		}
		if listener, err = s.listen(run, s.ListenAddr().String()); err != nil {
			if run.Err() != nil {
				err = nil // it was asked to stop meanwhile
			}
			s.finish(end, err)
			return err
		}
		s.listening(listener, true)
	}
}

// finish ends a life whose server does not listen.
func (s *Server) finish(end *end, err error) {
	s.life.mu.Lock()
	s.life.stop()
	s.life.phase, s.life.again = stopped, false
	s.life.mu.Unlock()
	end.settle(err)
}

func (e *end) settle(err error) {
	e.err = err
	close(e.come)
}

func (s *Server) listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if s.Wrap != nil {
		listener = s.Wrap(listener)
	}
	return listener, nil
}

// uptime returns whether the server takes connections, and for how long it has.
func (l *life) uptime() (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase != running {
		return false, 0
	}
	return true, time.Since(l.since)
}
