package upper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
)

var (
	// ErrAnswer says that an answer is longer than any that this server gives.
	ErrAnswer = errors.New("the answer is too long for an uppercase server")
	// ErrNoAnswer says that the server closed without an answer, although there was a text.
	ErrNoAnswer = errors.New("the server closed without an answer")
)

// Ask sends a text and an end of line to a server, and returns its answer: what
// comes until it closes, [MaxAnswer] bytes at most. They may be any, since it is the
// server that decides. The connection is closed in the end; the end of ctx ends the wait.
func Ask(ctx context.Context, conn net.Conn, text string) (answer []byte, err error) {
	hurry := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer hurry()
	written := make(chan struct{})
	go func() { // beside the reading: a server may answer the beginning before it takes the rest
		defer close(written)
		io.WriteString(conn, text+"\n") // an error shows when there is no answer
	}()
	answer, err = io.ReadAll(io.LimitReader(conn, MaxAnswer+1))
	conn.Close()
	<-written
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case len(answer) > MaxAnswer:
		return nil, ErrAnswer
	case len(answer) == 0 && strings.TrimSpace(text[:min(len(text), MaxRequest)]) != "":
		return nil, ErrNoAnswer
	}
	return answer, nil
}

// A Client asks for the text of its arguments, and says what was sent and received.
type Client struct {
	Lang string // of what it says: "en" or "pt-BR"
	Out  io.Writer
}

// Run has the client ask once, over a connection that is closed in the end. Without an
// argument the text is empty, and so is the answer.
func (c *Client) Run(ctx context.Context, conn net.Conn, arguments ...string) error {
	text := strings.Join(arguments, " ")
	answer, err := Ask(ctx, conn, text)
	if err != nil {
		return err
	}
	say := docs.For(c.Lang)
	_, err = fmt.Fprintf(c.Out, "%s\n%s\n", say.Say("upper_sent", "text", shown(text)), say.Say("upper_received", "text", shown(string(answer))))
	return err
}

// shown is text that is safe to show. Its backslashes are left alone where nothing else needs an escape.
func shown(text string) string {
	safe := inspect.Safe(text)
	if safe == strings.ReplaceAll(text, `\`, `\\`) {
		return text
	}
	return safe
}

// Explain says in a language what an error of this package, or of one under it,
// means: one line, safe to show.
func Explain(say *docs.Sentences, err error) string {
	switch {
	case errors.Is(err, ErrAnswer):
		return say.Say("upper_bad_answer", "limit", MaxAnswer)
	case errors.Is(err, ErrNoAnswer):
		return say.Say("upper_no_answer")
	}
	return kvs.Explain(say, err)
}
