package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"example.com/tlslab/kvs"
)

// MaxAnswer is the longest answer that a [Client] takes, in bytes. A file in it, which
// Base64 makes longer by a third, has less than 6 MiB.
const MaxAnswer = 8 << 20

var (
	// ErrAnswer says that an answer is not one of this protocol, or too long.
	ErrAnswer = errors.New("the answer is not that of a JSON router")
	// ErrPackage says that what was to be sent is not one object. Nothing was sent.
	ErrPackage = errors.New("a package is one object, in braces")
)

// An Answer is what a server says to a request.
type Answer struct {
	Code    int
	Text    []byte // as it came
	Members map[string]json.RawMessage
}

// text returns a member that is a string; "" if it is none.
func (a Answer) text(name string) string {
	text, _ := (&Request{Members: a.Members}).Text(name)
	return text
}

// Flawed reports whether the server says of itself that it has the original's faults.
func (a Answer) Flawed() bool { return a.Members["flawed"] != nil }

// An AnswerError is an answer with another code than [CodeOK]. The connection goes on.
type AnswerError struct {
	Answer  Answer
	Reason  string
	Message string  // for a person, in the server's language
	After   *Answer // what a flawed server gave after the refusal
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Answer.Code, e.Reason, e.Message)
}

// A Client talks to a [Server] over a connection, which it owns. Its methods may be
// called from several goroutines; their requests go one after the other. They wait as long as
// others are served before; the end of ctx ends the wait. After an error that is no *[AnswerError], and not
// about what was to be sent, the client is of no more use but to be closed.
//
// The text of an answer comes from the peer: show it escaped.
type Client struct {
	// Tokens, if not nil, is the folder in which the client keeps its token, in the file
	// [TokenFile]: other clients, and later ones, find it there. It is set before use.
	Tokens *os.Root
	Lang   string // of what Run says: "en" or "pt-BR"

	conn net.Conn

	refused atomic.Bool

	mu      sync.Mutex
	answers *objects
	token   string
	broken  error
}

// NewClient returns a client for a connection.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, answers: &objects{source: conn, limit: MaxAnswer}}
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Login asks for a token, keeps it, and returns it.
func (c *Client) Login(ctx context.Context, hostname string) (token string, err error) {
	answer, err := c.ask(ctx, "url", URLLogin, "hostname", hostname)
	if err != nil {
		return "", err
	}
	token, err = c.keep(answer)
	if err == nil && token == "" {
		err = fmt.Errorf("%w: it has no token", ErrAnswer)
	}
	return token, err
}

// Hashes returns the SHA-256 of each shared file, in hex, by the file's name.
func (c *Client) Hashes(ctx context.Context) (map[string]string, error) {
	answer, err := c.askWithToken(ctx, "url", URLHashes)
	if err != nil {
		return nil, err
	}
	var hashes map[string]string
	if json.Unmarshal(answer.Members["hashes"], &hashes) != nil || hashes == nil {
		return nil, fmt.Errorf("%w: it has no hashes", ErrAnswer)
	}
	return hashes, nil
}

// File returns what is in a shared file.
func (c *Client) File(ctx context.Context, name string) ([]byte, error) {
	answer, err := c.askWithToken(ctx, "url", URLFile, "name", name)
	if err != nil {
		return nil, err
	}
	var content []byte
	if json.Unmarshal(answer.Members["data"], &content) != nil || content == nil {
		return nil, fmt.Errorf("%w: it has no data", ErrAnswer)
	}
	return content, nil
}

// Token returns the token that the client has, from its own login or from the folder; "" if there is none.
func (c *Client) Token() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" || c.Tokens == nil {
		return c.token, nil
	}
	return LoadToken(c.Tokens)
}

// keep keeps the token of an answer, if it has one.
func (c *Client) keep(answer Answer) (token string, err error) {
	if token = answer.text("token"); token == "" {
		return "", nil
	}
	if !tokenForm.MatchString(token) {
		return "", fmt.Errorf("%w: its token is none", ErrAnswer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
	if c.Tokens != nil {
		err = SaveToken(c.Tokens, token)
	}
	return token, err
}

// withToken returns the names and values of members, and with them the token, if there is one.
func (c *Client) withToken(members ...string) ([]string, error) {
	token, err := c.Token()
	if err != nil || token == "" {
		return members, err
	}
	return append(members, "token", token), nil
}

func (c *Client) askWithToken(ctx context.Context, members ...string) (Answer, error) {
	members, err := c.withToken(members...)
	if err != nil {
		return Answer{}, err
	}
	return c.ask(ctx, members...)
}

// ask sends a request of these members, names and values, whose failure is an error.
func (c *Client) ask(ctx context.Context, members ...string) (Answer, error) {
	answers, err := c.Do(ctx, pack(members))
	if err != nil {
		return Answer{}, err
	}
	first := answers[0]
	if first.Code == CodeOK {
		return first, nil
	}
	failed := &AnswerError{Answer: first, Reason: first.text("reason"), Message: first.text("message")}
	if len(answers) > 1 {
		failed.After = &answers[1]
	}
	return Answer{}, failed
}

// Do sends a package as it stands, one object, and returns the answer to it; of a flawed server, also
// the one after a refusal. What is wrong inside of the object is left to the server to find. With an
// error come the answers before it.
func (c *Client) Do(ctx context.Context, object []byte) ([]Answer, error) {
	if !isObject(object) {
		return nil, ErrPackage
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, fmt.Errorf("%w (%w)", kvs.ErrOutOfStep, c.broken)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answers, err := c.exchange(ctx, object)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	c.broken = err
	return answers, err
}

func (c *Client) exchange(ctx context.Context, object []byte) ([]Answer, error) {
	c.conn.SetDeadline(time.Time{})
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.conn.SetDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	defer func() {
		if !stop() {
			<-interrupted
		}
	}()
	if _, err := c.conn.Write(object); err != nil {
		return nil, err
	}
	first, err := c.read()
	if err != nil {
		return nil, err
	}
	if !first.Flawed() || first.Code != CodeBad || first.text("reason") != ReasonToken {
		return []Answer{first}, nil
	}
	second, err := c.read()
	if err != nil {
		return []Answer{first}, err
	}
	return []Answer{first, second}, nil
}

// read reads one answer.
func (c *Client) read() (Answer, error) {
	object, depth, err := c.answers.next()
	switch {
	case err == io.EOF:
		return Answer{}, kvs.ErrServerClosed
	case err == nil && depth > MaxDepth:
		err = errTooDeep
	}
	answer := Answer{Text: object}
	if err == nil {
		answer.Members, err = members(object)
	}
	if packageSentence(err) != "" {
		return Answer{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	} else if err != nil {
		return Answer{}, err
	}
	if json.Unmarshal(answer.Members["code"], &answer.Code) != nil || answer.Code == 0 {
		return Answer{}, fmt.Errorf("%w: it has no code", ErrAnswer)
	}
	return answer, nil
}
