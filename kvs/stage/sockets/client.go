package sockets

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
)

// oneRead is how many bytes a client asks for at once.
const oneRead = 2048

var (
	// ErrOneRead says that a line is longer than the one read that clients before V5 make room for.
	ErrOneRead = fmt.Errorf("the answer has more than the %d bytes of one read", oneRead)
	// ErrAnswer says that a line is longer than any server's, or no answer of this protocol.
	ErrAnswer = errors.New("the answer is not that of a server of the sockets course")
	// ErrServerClosed says that the server closed the connection instead of answering.
	ErrServerClosed = errors.New("the server closed the connection without an answer")
	// ErrOver says that the conversation has come to its end.
	ErrOver = errors.New("the conversation is over")
	// ErrUnanswered says that the client has sent something without waiting for its answer.
	ErrUnanswered = errors.New("an earlier request was left without its answer")
)

// An AnswerError is an answer that says that something was refused. In V4 and V5 the conversation goes on.
type AnswerError struct {
	Answer string // as the server wrote it, in its language
}

func (e *AnswerError) Error() string { return e.Answer }

// A UsageError says that a command makes no sense to the client, which has sent nothing.
type UsageError struct {
	id    string // of the sentence that explains it
	pairs []any
}

func misuse(id string, pairs ...any) *UsageError { return &UsageError{id, pairs} }

func (e *UsageError) Error() string { return docs.For(docs.English).Say(e.id, e.pairs...) }

// Client is the client of one version, over a connection that it owns. Its methods may be called from several
// goroutines; what they do is done one after the other.
//
// What a server says comes from the peer, and is to be made safe before it is shown; [Client.Run] does so.
type Client struct {
	Version  Version       // of the server too
	Lang     string        // of what Run says: "en" or "pt-BR"
	Patience time.Duration // after which Run says that it waits for an answer; zero is a second

	conn net.Conn

	refused atomic.Bool

	mu       sync.Mutex
	rest     []byte  // that was read and not yet used
	greeting *string // of V2 and V3
	over     error   // nothing more can be said, and why
}

// NewClient returns a client for a connection.
func NewClient(version Version, conn net.Conn) *Client { return &Client{Version: version, conn: conn} }

// A DialError says that there is no connection.
type DialError struct {
	Addr string
	Err  error
}

func (e *DialError) Error() string { return "connect to " + e.Addr + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// Dial connects to a server. The error is a *[DialError].
func Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &DialError{addr, err}
	}
	return conn, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do does a command and returns what the server answered, without its line end:
//
//	V1            anything: waits until the server has closed, and returns ""
//	V2            TEXT: waits for what the server says, and answers TEXT
//	V3            adicionar CODE NAME PRICE: sends a [Product]
//	              chamar FUNCTION ARGUMENT: sends a [Call], which is refused
//	V4, V5        adicionar CODE NAME PRICE, listar, terminar, and any other verb
//	V5            consultar CODE
//
// After an *[AnswerError] (of V4 and V5) and a *[UsageError] or *[kvs.SyntaxError] the conversation goes on; after any other error,
// and where it has come to its end, it returns [ErrOver] or [ErrUnanswered]. The end of ctx ends the wait.
func (c *Client) Do(ctx context.Context, command string) (answer string, err error) {
	return c.during(ctx, func() (string, error) {
		switch c.Version {
		case V1:
			return c.last(c.v1())
		case V2:
			return c.last(c.v2(command))
		case V3:
			return c.last(c.v3(command))
		default:
			return c.converse(command)
		}
	})
}

// Send says a verb and does not wait for the answer: so a client can be looked at that waits
// for its turn. It is of no more use but to be closed.
func (c *Client) Send(ctx context.Context, verb string) error {
	_, err := c.during(ctx, func() (string, error) { return "", cmp.Or(c.tell(verb), ErrUnanswered) })
	if errors.Is(err, ErrUnanswered) {
		return nil
	}
	return err
}

// Greeting waits for what the server of V2 and V3 says first, and returns it.
func (c *Client) Greeting(ctx context.Context) (string, error) { return c.during(ctx, c.greeted) }

// ask sends a line and returns the one that answers it.
func (c *Client) ask(line string) (answer string, err error) {
	if strings.ContainsRune(line, '\n') {
		return "", misuse("sockets_usage_one_line")
	}
	if err := c.tell(line); err != nil {
		return "", err
	}
	return c.answer()
}

func (c *Client) tell(line string) error {
	_, err := io.WriteString(c.conn, line+"\n")
	return err
}

// answer returns the next line, or an *AnswerError if it says that something was refused.
func (c *Client) answer() (string, error) {
	answer, err := c.hear()
	if err == nil && (strings.HasPrefix(answer, "Error: ") || strings.HasPrefix(answer, "Erro: ")) {
		return "", &AnswerError{answer}
	}
	return answer, err
}

// greeted returns the server's first line.
func (c *Client) greeted() (string, error) {
	if c.greeting == nil {
		greeting, err := c.answer()
		if err != nil {
			return "", err
		}
		c.greeting = &greeting
	}
	return *c.greeting, nil
}

// hear returns the next line without its end, put together from as many reads as it comes in. Clients before V5 have room for
// one read alone.
func (c *Client) hear() (string, error) {
	limit, tooLong := MaxAnswer+oneRead, ErrAnswer
	if cmp.Or(c.Version, V5) < V5 {
		limit, tooLong = oneRead, ErrOneRead
	}
	line, read := c.rest, make([]byte, oneRead)
	for from := 0; ; {
		if end := bytes.IndexByte(line[from:], '\n'); end >= 0 {
			end += from
			c.rest = line[end+1:]
			return strings.TrimSuffix(string(line[:end]), "\r"), nil
		}
		if from = len(line); from >= limit {
			return "", tooLong
		}
		n, err := c.conn.Read(read[:min(oneRead, limit-from)])
		line = append(line, read[:n]...)
		switch {
		case n > 0:
		case err == io.EOF:
			return "", ErrServerClosed
		case err != nil:
			return "", err
		}
	}
}

// Over reports whether the conversation has come to its end, or broken off.
func (c *Client) Over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over != nil
}

// last is for what ends the conversation, if it was done.
func (c *Client) last(answer string, err error) (string, error) {
	if err == nil || errors.As(err, new(*AnswerError)) {
		c.over = ErrOver
	}
	return answer, err
}

// goesOn reports whether a conversation can go on after err.
func goesOn(err error) bool {
	return err == nil || errors.As(err, new(*AnswerError)) || errors.As(err, new(*UsageError)) || errors.As(err, new(*kvs.SyntaxError))
}

// during has the conversation go on by what f does, until ctx is done.
func (c *Client) during(ctx context.Context, f func() (string, error)) (answer string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return "", c.over
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c.conn.SetDeadline(time.Time{})
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.conn.SetDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	answer, err = f()
	if !stop() {
		<-interrupted
	}
	if goesOn(err) {
		return answer, err
	}
	c.over = ErrOver
	if err == ErrUnanswered {
		c.over = ErrUnanswered
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer, err
}

// Run has a person talk to the server: it does the commands of in, each a line, and writes to out what comes of them, until
// the conversation or in has ended. Then the connection is closed. The end of ctx ends the wait for an
// answer, but not one for the next line of in.
func (c *Client) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	defer c.Close()
	p := &printer{out: out, say: docs.For(c.Lang)}
	p.print("sockets_client_connected", "addr", c.conn.RemoteAddr())
	if c.Version == V1 {
		if _, err := c.Do(ctx, ""); err != nil {
			return err
		}
		p.print("sockets_client_closed")
		return nil
	}
	if c.Version == V2 || c.Version == V3 {
		greeting, err := c.Greeting(ctx)
		if err != nil {
			return err
		}
		p.show(greeting)
	}
	p.print(hints[cmp.Or(c.Version, V5)])
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		if over, err := c.step(ctx, p, lines.Text()); over || err != nil {
			return err
		}
	}
	return lines.Err()
}

// Refused reports whether something that [Client.Run] was told to do was refused, by the client itself or by the server.
func (c *Client) Refused() bool { return c.refused.Load() }

// hints say what can be typed.
var hints = map[Version]string{V2: "sockets_hint_v2", V3: "sockets_hint_v3", V4: "sockets_hint_v4", V5: "sockets_hint_v5"}

// step does one command of a person.
func (c *Client) step(ctx context.Context, p *printer, command string) (over bool, err error) {
	waits := time.AfterFunc(cmp.Or(c.Patience, time.Second), func() { p.print("sockets_client_waits") })
	answer, err := c.Do(ctx, command)
	waits.Stop()
	var refused *AnswerError
	switch {
	case errors.As(err, &refused):
		c.refused.Store(true)
		p.show(refused.Answer)
	case err != nil && goesOn(err):
		c.refused.Store(true)
		p.show(Explain(p.say, err))
	case err != nil:
		return true, err
	case c.Version != V2:
		p.show(answer)
	}
	if over = c.Over(); over {
		p.print("sockets_client_over")
	}
	return over, nil
}

// A printer writes lines to a person.
type printer struct {
	mu  sync.Mutex
	out io.Writer
	say *docs.Sentences
}

func (p *printer) print(id string, pairs ...any) { p.write(p.say.Say(id, pairs...)) }

func (p *printer) show(text string) { p.write(inspect.Safe(text)) }

func (p *printer) write(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	io.WriteString(p.out, line+"\n")
}
