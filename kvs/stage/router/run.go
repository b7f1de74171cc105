package router

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
)

// screen has the server say on Out what happens.
func (s *Server) screen() {
	s.OnStarted(func() {
		s.print(nil, "router_listening", "addr", s.ListenAddr(), "folder", safe(docs.For(s.Lang), s.root.Name()))
		if s.Flawed {
			s.print(nil, "router_flawed")
		}
	})
	s.OnStopped(func() { s.print(nil, "router_stopped") })
	s.OnClient(func(client *kernel.Conn) { s.print(client, "router_connected", "addr", client.RemoteAddr()) })
	s.OnRefused(func(conn net.Conn, err error) {
		s.print(conn, "router_refused", "addr", conn.RemoteAddr(), "reason", Explain(docs.For(s.Lang), err))
	})
	s.OnWaiting(func(client *kernel.Conn, ahead int) {
		s.print(client, "router_must_wait", "addr", client.RemoteAddr(), "count", ahead)
	})
	s.OnClientClosed(func(client *kernel.Conn) {
		if err := client.Err(); err != nil {
			s.print(client, "router_ended", "addr", client.RemoteAddr(), "reason", Explain(docs.For(s.Lang), err))
		} else {
			s.print(client, "router_left", "addr", client.RemoteAddr())
		}
	})
}

// report says what was answered to a request: only its url is shown, and no token.
func (s *Server) report(conn *kernel.Conn, url string, answers []reply) {
	for _, answer := range answers {
		s.print(conn, "router_answered", "addr", conn.RemoteAddr(), "url", kvs.Quote([]byte(cut(url))), "code", answer["code"])
	}
}

// cut returns the start of a text that may be too long for a line.
func cut(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// print says a sentence on the screen; conn is what it is about, if it is about one connection.
func (s *Server) print(conn net.Conn, id string, pairs ...any) {
	screen := kernel.ScreenOf(conn, s.Out)
	if screen == nil {
		return
	}
	s.out.Lock()
	defer s.out.Unlock()
	io.WriteString(screen, docs.For(s.Lang).Say(id, pairs...)+"\n")
}

// Run has a person talk to the server: it does the commands of in, each a line ([Client.Command]),
// and writes the answers to out, safe to show, until a line says exit or there is none left. Then the connection is
// closed. The end of ctx ends the wait for an answer, but not one for the next line of in.
func (c *Client) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	defer c.Close()
	p := &printer{out: out, say: docs.For(c.Lang)}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, kernel.DefaultMaxRequest)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch line {
		case "":
			continue
		case "exit":
			return nil
		}
		if err := c.step(ctx, p, line); err != nil {
			return err
		}
	}
	return lines.Err()
}

// Refused reports whether something that [Client.Run] was told to do was refused, by the client itself or by the server.
func (c *Client) Refused() bool { return c.refused.Load() }

// step does one command of a person.
func (c *Client) step(ctx context.Context, p *printer, line string) error {
	waits := time.AfterFunc(time.Second, func() { p.print("router_client_waits") })
	answer, err := c.Command(ctx, line)
	waits.Stop()
	for text := range strings.Lines(answer) {
		p.line(safe(p.say, strings.TrimSuffix(text, "\n")))
	}
	var misuse *CommandError
	if errors.As(err, &misuse) {
		c.refused.Store(true)
		p.line(Explain(p.say, err))
		return nil
	}
	return err
}

// A printer writes lines, of several goroutines.
type printer struct {
	mu  sync.Mutex
	out io.Writer
	say *docs.Sentences
}

func (p *printer) print(id string) { p.line(p.say.Say(id)) }

func (p *printer) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, text)
}
