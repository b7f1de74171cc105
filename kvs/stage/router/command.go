package router

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"example.com/tlslab/kvs"
)

// A Command is a short way to write a request: a word, and the values of the members that belong to it. Its
// url can be typed instead of the word.
type Command struct {
	Name    string
	URL     string
	Members []string
}

// Commands returns the commands that there are, in the order in which one learns them.
func Commands() []Command {
	return []Command{
		{"login", URLLogin, []string{"hostname"}},
		{"hashes", URLHashes, nil},
		{"file", URLFile, []string{"name"}},
	}
}

// Usage returns how the command is written: its word, and the names of its members in capitals.
func (c Command) Usage() string {
	words := []string{c.Name}
	for _, member := range c.Members {
		words = append(words, strings.ToUpper(member))
	}
	return strings.Join(words, " ")
}

// A CommandError says why a line is no command. Nothing was sent.
type CommandError struct {
	Command *Command // the one that has other members, if it is that
	Err     error    // what else is wrong with the line, or with the file of the token; nil if there is no such command
}

func (e *CommandError) Error() string {
	switch {
	case e.Command != nil:
		return "write " + e.Command.Usage()
	case e.Err != nil:
		return e.Err.Error()
	}
	return "there is no such command"
}

func (e *CommandError) Unwrap() error { return e.Err }

// Command does what a line says: one of the [Commands], any other url, or a package as it
// is to be sent, in braces. It returns the answer as it came; of a flawed server perhaps two,
// on lines of their own. The token of a login is kept, and goes with whatever wants one. If it is a
// *[CommandError], the client is as good as before.
func (c *Client) Command(ctx context.Context, line string) (string, error) {
	object, err := c.compose(strings.TrimSpace(line))
	if err != nil {
		return "", err
	}
	answers, err := c.Do(ctx, object)
	var texts [][]byte
	for _, answer := range answers {
		if answer.Code != CodeOK {
			c.refused.Store(true)
		}
		_, unkept := c.keep(answer)
		err = errors.Join(err, unkept)
		texts = append(texts, answer.Text)
	}
	return string(bytes.Join(texts, []byte("\n"))), err
}

// compose returns the package that a line stands for. The error is a *CommandError.
func (c *Client) compose(line string) ([]byte, error) {
	if strings.HasPrefix(line, "{") {
		if !isObject([]byte(line)) {
			return nil, &CommandError{Err: ErrPackage}
		}
		return []byte(line), nil
	}
	words, err := kvs.Split([]byte(line))
	if err != nil || len(words) == 0 {
		return nil, &CommandError{Err: err}
	}
	command := find(string(words[0]))
	switch {
	case command == nil:
		return nil, new(CommandError)
	case len(words)-1 != len(command.Members):
		return nil, &CommandError{Command: command}
	}
	members := []string{"url", command.URL}
	for i, name := range command.Members {
		members = append(members, name, string(words[i+1]))
	}
	if command.URL != URLLogin {
		if members, err = c.withToken(members...); err != nil {
			return nil, &CommandError{Err: err}
		}
	}
	return pack(members), nil
}

// find returns the command of a word, or nil. Any url is one.
func find(word string) *Command {
	for _, command := range Commands() {
		if word == command.Name || word == command.URL {
			return &command
		}
	}
	if strings.HasPrefix(word, "/") {
		return &Command{Name: word, URL: word}
	}
	return nil
}
