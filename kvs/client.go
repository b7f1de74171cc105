package kvs

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
)

// MaxAnswer is the longest answer that a [Client] takes, in bytes.
const MaxAnswer = 64 << 20

var (
	// ErrManyLines says that a request has a line end in it. Nothing was sent.
	ErrManyLines = errors.New("a request is one line: put a line end in quotes, as \\n")
	// ErrOutOfStep says that an earlier request was left without its answer,
	// so that the next answer would be the wrong one. Close the client.
	ErrOutOfStep = errors.New("the connection is no longer in step: open a new one")
	// ErrServerClosed says that the server closed instead of answering. Whether
	// the request was carried out is not known.
	ErrServerClosed = errors.New("the server closed the connection without an answer")
	// ErrHalfAnswer is an [ErrServerClosed] that came inside an answer.
	ErrHalfAnswer = fmt.Errorf("%w, but for a part of it", ErrServerClosed)
	// ErrAnswer says that an answer is not one of this protocol, is too long, or
	// was not asked for.
	ErrAnswer = errors.New("the answer is not that of a key-value server")
)

// An AnswerError is an answer that says that a request failed. The connection goes on.
type AnswerError struct {
	Answer string // as the server wrote it, in its language
}

func (e *AnswerError) Error() string { return e.Answer }

// Client talks to a [Server] over a connection, which it owns. Methods may be called from several
// goroutines; their requests go one after the other.
//
// The text of an answer comes from the peer: a server of this package makes it
// safe to show, another one may not.
type Client struct {
	conn net.Conn

	mu      sync.Mutex
	answers *bufio.Reader
	broken  error
}

// NewClient returns a client for a connection, such as a *tls.Conn.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, answers: bufio.NewReader(conn)}
}

// Close closes the connection; in TLS with close_notify.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends a request, a line without its end, and returns the answer as it
// came. An answer that reports an error comes as an *[AnswerError]. After any other error than
// that and [ErrManyLines] the client is of no more use but to be closed. What
// the connection says stands as it is: it is shown in every language. The end of
// ctx ends the wait.
func (c *Client) Do(ctx context.Context, line string) (string, error) {
	answers, err := c.Pipeline(ctx, line)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(answers[0], "Error: ") || strings.HasPrefix(answers[0], "Erro: ") {
		return "", &AnswerError{answers[0]}
	}
	return answers[0], nil
}

// Pipeline sends requests, each in a write of its own, before it waits for the
// answers, and returns these as they came; one that reports an error is an
// answer like any other. With an error come the answers before it. For errors
// and ctx it is as [Client.Do].
func (c *Client) Pipeline(ctx context.Context, lines ...string) (answers []string, err error) {
	for _, line := range lines {
		if strings.ContainsRune(line, '\n') {
			return nil, ErrManyLines
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, fmt.Errorf("%w (%w)", ErrOutOfStep, c.broken)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answers, err = c.exchange(ctx, lines)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	c.broken = err
	return answers, err
}

func (c *Client) exchange(ctx context.Context, lines []string) (answers []string, err error) {
	if c.answers.Buffered() > 0 { // it would be taken for the answer to what is asked now
		return nil, fmt.Errorf("%w: it came unasked", ErrAnswer)
	}
	c.conn.SetDeadline(time.Time{})
	interrupted := make(chan struct{})
	done := context.AfterFunc(ctx, func() {
		c.conn.SetDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	defer func() {
		if !done() {
			<-interrupted
		}
	}()
	for _, line := range lines {
		if _, err := io.WriteString(c.conn, line+"\n"); err != nil {
			return nil, err
		}
	}
	for range lines {
		answer, err := c.readAnswer()
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func (c *Client) readAnswer() (string, error) {
	var answer []byte
	for {
		part, err := c.answers.ReadSlice('\n')
		answer = append(answer, part...)
		switch {
		case len(answer) > MaxAnswer:
			return "", fmt.Errorf("%w: it has more than %d bytes", ErrAnswer, MaxAnswer)
		case err == nil:
			return strings.TrimSuffix(string(answer[:len(answer)-1]), "\r"), nil
		case err == io.EOF && len(answer) > 0:
			return "", ErrHalfAnswer
		case err == io.EOF:
			return "", ErrServerClosed
		case err != bufio.ErrBufferFull:
			return "", err
		}
	}
}

// Pair is a key and its value.
type Pair struct {
	Key, Value []byte
}

// Create adds a pair.
func (c *Client) Create(ctx context.Context, key, value []byte) error {
	_, err := c.Do(ctx, "create "+Quote(key)+" "+Quote(value))
	return err
}

// Read returns the value of a key.
func (c *Client) Read(ctx context.Context, key []byte) ([]byte, error) {
	answer, err := c.Do(ctx, "read "+Quote(key))
	if err != nil {
		return nil, err
	}
	words, err := Split([]byte(answer))
	if err != nil || len(words) != 1 {
		return nil, ErrAnswer
	}
	return words[0], nil
}

// Update replaces the value of a key.
func (c *Client) Update(ctx context.Context, key, value []byte) error {
	_, err := c.Do(ctx, "update "+Quote(key)+" "+Quote(value))
	return err
}

// Delete removes a pair.
func (c *Client) Delete(ctx context.Context, key []byte) error {
	_, err := c.Do(ctx, "delete "+Quote(key))
	return err
}

// Show returns all pairs, in the order of the keys' bytes.
func (c *Client) Show(ctx context.Context) ([]Pair, error) {
	all, err := c.list(ctx, "show", "{}")
	if err != nil {
		return nil, err
	}
	pairs := make([]Pair, 0, len(all)/2)
	for i := 0; i+1 < len(all); i += 2 {
		pairs = append(pairs, Pair{all[i], all[i+1]})
	}
	return pairs, nil
}

// Keys returns all keys, in the order of their bytes.
func (c *Client) Keys(ctx context.Context) ([][]byte, error) { return c.list(ctx, "keys", "[]") }

// Values returns all values, in the order of their keys' bytes.
func (c *Client) Values(ctx context.Context) ([][]byte, error) { return c.list(ctx, "values", "[]") }

func (c *Client) list(ctx context.Context, request, brackets string) ([][]byte, error) {
	answer, err := c.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	all, err := stringsOf(answer, brackets)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return all, nil
}
