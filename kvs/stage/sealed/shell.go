package sealed

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
)

// A Shell is the endpoint shell of a container: a server on a port of its own that
// asks for the container's username and password, over the same channel, and then
// is the key-value service (package kvs) over the container's space.
//
// The server speaks first. Each prompt is a message without an end of line, each answer of the
// client's a line; what follows the second is "Ok", or why not and the prompts again, three times
// at most.
type Shell struct {
	addr net.Addr
	stop context.CancelFunc
	done chan struct{} // closed when nothing is left of it
}

// Limits of a shell.
const (
	shellAttempts = 3
	shellConns    = 16
	maxCredential = 256 // bytes of a username or a password
)

// ErrLogin says that a client of a shell has shown wrong credentials, too often.
var ErrLogin = errors.New("wrong username or password")

// openShell serves the shell of a container on a listener.
func (s *Server) openShell(listener net.Listener, container *Container) *Shell {
	ctx, stop := context.WithCancel(context.Background())
	shell := &Shell{addr: listener.Addr(), stop: stop, done: make(chan struct{})}
	server := &kernel.Server{
		Handler:          kernel.HandlerFunc(s.login(container)),
		Log:              s.Log,
		MaxConns:         shellConns,
		HandshakeTimeout: s.HandshakeTimeout,
		IdleTimeout:      shellTimeout(s.IdleTimeout),
		WriteTimeout:     s.WriteTimeout,
		ShutdownTimeout:  cmp.Or(s.ShutdownTimeout, time.Second),
	}
	go func() {
		defer close(shell.done)
		server.Serve(ctx, s.Wrap(listener))
	}()
	return shell
}

// shellTimeout is how long a client of a shell may say nothing: it is a person, unless nothing times out.
func shellTimeout(service time.Duration) time.Duration {
	if service < 0 {
		return kernel.NoTimeout
	}
	return kernel.DefaultIdleTimeout
}

// Addr returns where the shell listens.
func (s *Shell) Addr() net.Addr { return s.addr }

// Port returns the port of Addr; 0 if it has none.
func (s *Shell) Port() int {
	if addr, ok := s.addr.(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// Close ends the shell and the sessions on it, and returns when nothing is left of them.
func (s *Shell) Close() error {
	s.stop()
	<-s.done
	return nil
}

// Closed reports whether it was closed.
func (s *Shell) Closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// login is the handler of a shell.
func (s *Server) login(container *Container) func(context.Context, *kernel.Conn) error {
	service := &kvs.Server{Store: container.Space, Lang: s.Lang}
	return func(ctx context.Context, conn *kernel.Conn) error {
		say := docs.For(s.Lang)
		if s.IdleTimeout >= 0 {
			conn.ReadBy(time.Now().Add(kernel.DefaultIdleTimeout))
		}
		for range shellAttempts {
			username, err := ask(conn, say.Say("sealed_username"))
			if err != nil {
				return err
			}
			password, err := ask(conn, say.Say("sealed_password"))
			if err != nil {
				return err
			}
			if container.Admits(username, password) {
				io.WriteString(conn, "Ok\n")
				conn.ReadBy(time.Time{})
				return service.ServeConn(ctx, conn)
			}
			io.WriteString(conn, say.Say("kvs_error", "reason", say.Say("sealed_login"))+"\n")
		}
		return ErrLogin
	}
}

// ask writes a prompt and reads a line, no byte more of which is taken.
func ask(conn io.ReadWriter, prompt string) (string, error) {
	if _, err := io.WriteString(conn, prompt+" "); err != nil {
		return "", err
	}
	var line []byte
	for len(line) <= maxCredential {
		var b [1]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
	return "", kernel.ErrTooLarge
}
