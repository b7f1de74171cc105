package sealed

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
)

// A Console does what a person writes, a line each, with a [Client]:
//
//	STAT                  how the server fares
//	CREATE                a container
//	SHELL COMMAND         a command of the key-value service, in the endpoint shell of the container created last
//	DESTROY [UUID TOKEN]  the end of a container: of the one created last if none is given
//	VERB [{JSON}]         any other verb, with its parameters
//	help                  is not sent: a *CommandError says what can be written
//
// Its methods may not be called from several goroutines at once.
type Console struct {
	Client Client
	// Shell opens a connection to the endpoint shell on a port, and returns the client's own end
	// of the channel. The error is ErrNoShell where there is none.
	Shell func(ctx context.Context, port int) (net.Conn, error)

	lease *Lease // of the container created last
}

// ErrNoShell says that there is no endpoint shell on a port.
var ErrNoShell = errors.New("there is no such endpoint shell")

// A CommandError says that a command makes no sense to the console, which has sent nothing of it.
type CommandError struct {
	id string // of the sentence that explains it
}

func (e *CommandError) Error() string { return docs.For(docs.English).Say(e.id) }

// Do does a command and returns the answer to it as the server wrote it. With one that says that the request failed
// comes an error, which says so too: an *[AnswerError], or a *[kvs.AnswerError] of an endpoint shell. After them, and after
// a *[CommandError], the console is as good as before.
func (c *Console) Do(ctx context.Context, command string) (answer string, err error) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(command), " ")
	rest = strings.TrimSpace(rest)
	words := strings.Fields(rest)
	switch {
	case verb == "help":
		return "", &CommandError{"sealed_usage"}
	case verb == "SHELL":
		return c.shell(ctx, rest)
	case verb == VerbCreate && rest == "":
		return c.create(ctx)
	case verb == VerbDestroy && rest == "" && c.lease != nil:
		return c.ask(ctx, verb, map[string]any{fieldUUID: c.lease.UUID, fieldToken: c.lease.Token})
	case verb == VerbDestroy && len(words) == 2:
		return c.ask(ctx, verb, map[string]any{fieldUUID: words[0], fieldToken: words[1]})
	}
	var parameters map[string]any
	if verb == "" || rest != "" && json.Unmarshal([]byte(rest), &parameters) != nil {
		return "", &CommandError{"sealed_usage"}
	}
	return c.ask(ctx, verb, parameters)
}

func (c *Console) create(ctx context.Context) (string, error) {
	answer, err := c.Client.Do(ctx, Request{Verb: VerbCreate})
	if err != nil {
		return "", err
	}
	if lease, err := LeaseOf(answer); err == nil {
		c.lease = &lease
	}
	return answer.text()
}

func (c *Console) ask(ctx context.Context, verb string, parameters map[string]any) (string, error) {
	answer, err := c.Client.Do(ctx, Request{Verb: verb, Parameters: parameters})
	if err != nil {
		return "", err
	}
	return answer.text()
}

// text returns an answer as the server wrote it, and an error if it says that the request failed.
func (a Answer) text() (string, error) {
	text, err := json.Marshal(a)
	if err == nil && !a.Success {
		err = &AnswerError{a}
	}
	return string(text), err
}

// shell does one command in the endpoint shell of the container created last, over a connection of its own.
func (c *Console) shell(ctx context.Context, command string) (string, error) {
	if c.lease == nil {
		return "", &CommandError{"sealed_no_container"}
	}
	conn, err := c.Shell(ctx, c.lease.Port)
	if errors.Is(err, ErrNoShell) {
		return "", &CommandError{"sealed_no_container"}
	}
	if err != nil {
		return "", err
	}
	kv, err := OpenShell(ctx, conn, c.lease.Username, c.lease.Password)
	if err != nil {
		return "", err
	}
	defer kv.Close()
	answer, err := kv.Do(ctx, command)
	var failed *kvs.AnswerError
	if errors.As(err, &failed) {
		answer = failed.Answer
	}
	return answer, err
}
