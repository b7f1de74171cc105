package sealed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"example.com/tlslab/kvs"
)

// ErrAnswer says that an answer is not one of this protocol.
var ErrAnswer = errors.New("the answer is not that of a managed service")

// An AnswerError is an answer that says that a request failed.
type AnswerError struct {
	Answer Answer // as the server wrote it, in its language
}

func (e *AnswerError) Error() string { return e.Answer.Message }

// A Client talks to a [Server]. Each request is a connection of its own. Its methods may be
// called from several goroutines.
type Client struct {
	// Dial opens a connection to the server and returns its own end of the channel: see [Dialer].
	Dial func(ctx context.Context) (net.Conn, error)
}

// Dialer returns a function that dials a TCP address and makes the client's end of a channel of the connection.
func Dialer(addr string, config *Config) func(ctx context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		wire, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return ClientEnd(wire, config), nil
	}
}

// Do sends a request and returns the answer to it, also one that says that the
// request failed. The end of ctx ends the wait.
func (c *Client) Do(ctx context.Context, request Request) (Answer, error) {
	if request.Parameters == nil {
		request.Parameters = map[string]any{}
	}
	text, err := json.Marshal(request)
	if err != nil {
		return Answer{}, err
	}
	conn, err := c.Dial(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	defer interruptible(ctx, conn)()
	answer, err := exchangeMessages(conn, text)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer, err
}

func exchangeMessages(conn net.Conn, request []byte) (Answer, error) {
	if _, err := conn.Write(request); err != nil {
		return Answer{}, err
	}
	var text json.RawMessage
	err := json.NewDecoder(io.LimitReader(conn, DefaultMaxMessage)).Decode(&text)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return Answer{}, fmt.Errorf("%w: %w", ErrAnswer, err)
	case err != nil:
		return Answer{}, err
	}
	return parseAnswer(text)
}

// interruptible makes the end of ctx the end of all waiting on conn, until the function that it returns is called.
func interruptible(ctx context.Context, conn net.Conn) func() {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		conn.SetDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	return func() {
		if !stop() {
			<-interrupted
		}
	}
}

// parseAnswer reads an answer. What the client does not know in its data it leaves to custom verbs.
func parseAnswer(text []byte) (answer Answer, err error) {
	fields, ok := parseObject(text)
	if !ok {
		return answer, ErrAnswer
	}
	var complete [3]bool
	answer.Success, complete[0] = fields["success"].(bool)
	answer.Message, complete[1] = fields["message"].(string)
	answer.Data, complete[2] = fields["data"].(map[string]any)
	if complete != [3]bool{true, true, true} {
		return answer, ErrAnswer
	}
	return answer, nil
}

// ask sends a request whose failure is an error, and returns the data of the answer to it.
func (c *Client) ask(ctx context.Context, verb string, parameters map[string]any) (map[string]any, error) {
	answer, err := c.Do(ctx, Request{verb, parameters})
	if err == nil && !answer.Success {
		err = &AnswerError{answer}
	}
	return answer.Data, err
}

// Stat is what the verb STAT tells.
type Stat struct {
	Uptime    time.Duration // in whole seconds
	Available int           // how many more containers there is room for
}

// Stat asks how the server fares. An answer that says that it failed is an *[AnswerError], here and below.
func (c *Client) Stat(ctx context.Context) (Stat, error) {
	data, err := c.ask(ctx, VerbStat, nil)
	if err != nil {
		return Stat{}, err
	}
	uptime, ok1 := data["uptime"].(float64)
	available, ok2 := data["available"].(float64)
	if !ok1 || !ok2 || uptime < 0 || available < 0 {
		return Stat{}, ErrAnswer
	}
	return Stat{time.Duration(uptime) * time.Second, int(available)}, nil
}

// A Lease is what the verb CREATE gives: a container, and all that its client will ever be told of it.
type Lease struct {
	UUID, Token        string
	ImageSHA256        string // in hex
	Username, Password string
	Port               int // of the endpoint shell
}

// Create asks for a container.
func (c *Client) Create(ctx context.Context) (Lease, error) {
	answer, err := c.Do(ctx, Request{Verb: VerbCreate})
	if err != nil {
		return Lease{}, err
	}
	return LeaseOf(answer)
}

// LeaseOf reads what the answer to CREATE gives.
func LeaseOf(answer Answer) (Lease, error) {
	if !answer.Success {
		return Lease{}, &AnswerError{answer}
	}
	var lease Lease
	for _, field := range []struct {
		name string
		form interface{ MatchString(string) bool }
		into *string
	}{
		{fieldUUID, uuidForm, &lease.UUID},
		{fieldToken, tokenForm, &lease.Token},
		{fieldImage, sumForm, &lease.ImageSHA256},
		{fieldUsername, usernameForm, &lease.Username},
		{fieldPassword, passwordForm, &lease.Password},
	} {
		text, ok := answer.Data[field.name].(string)
		if !ok || !field.form.MatchString(text) {
			return Lease{}, fmt.Errorf("%w: %s", ErrAnswer, field.name)
		}
		*field.into = text
	}
	port, ok := answer.Data[fieldPort].(float64)
	if lease.Port = int(port); !ok || port != float64(lease.Port) || port < 1 || port > 65535 {
		return Lease{}, fmt.Errorf("%w: %s", ErrAnswer, fieldPort)
	}
	return lease, nil
}

// Destroy asks for the end of a container.
func (c *Client) Destroy(ctx context.Context, uuid, token string) error {
	_, err := c.ask(ctx, VerbDestroy, map[string]any{fieldUUID: uuid, fieldToken: token})
	return err
}

// OpenShell logs in to an endpoint shell, over the client's end of a channel, and
// returns a client of the key-value service over the container's space, which owns the connection. Wrong
// credentials are [ErrLogin]. The end of ctx ends the wait.
func OpenShell(ctx context.Context, conn net.Conn, username, password string) (*kvs.Client, error) {
	err := logIn(ctx, conn, username, password)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return kvs.NewClient(conn), nil
}

func logIn(ctx context.Context, conn net.Conn, username, password string) error {
	defer interruptible(ctx, conn)()
	for _, line := range []string{username, password} {
		if _, err := hear(conn); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, line+"\n"); err != nil {
			return err
		}
	}
	switch reply, err := hear(conn); {
	case err != nil:
		return err
	case reply != "Ok\n":
		return ErrLogin
	}
	return nil
}

// hear reads a short message whole.
func hear(conn net.Conn) (string, error) {
	message := make([]byte, 4<<10)
	n, err := conn.Read(message)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return string(message[:n]), err
}
