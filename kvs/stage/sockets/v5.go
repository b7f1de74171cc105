package sockets

import (
	"bytes"
	"context"
	"encoding/json"
)

// v5 is v4 without the turn: each client is served in a goroutine of its own, on a list of its own or
// on the one of all.
func (c *session) v5(ctx context.Context) error {
	if c.list = c.shared; !c.Shared {
		c.list = newDatabase(nil)
	}
	return c.converse(ctx)
}

// find is the exercise: it waits for the code of a product and looks the product up.
func (c *session) find() (string, error) {
	if err := c.tell(c.say.Say("sockets_waiting_for_code")); err != nil {
		return "", err
	}
	line, err := c.hear()
	if err != nil {
		return "", err
	}
	code, err := parseCode(line)
	if err != nil {
		return "", err
	}
	return c.list.find(code)
}

func parseCode(line []byte) (code string, err error) {
	if !bytes.HasPrefix(bytes.TrimSpace(line), []byte{'"'}) || json.Unmarshal(line, &code) != nil || code == "" {
		return "", malformed("sockets_code_form")
	}
	return code, nil
}

// Find returns the product of that code, with a client of V5; an *[AnswerError] if it does not exist.
func (c *Client) Find(ctx context.Context, code string) (Product, error) {
	answer, err := c.during(ctx, func() (string, error) { return c.find(code) })
	if err != nil {
		return Product{}, err
	}
	product, err := ParseProduct([]byte(answer))
	if err != nil {
		return Product{}, ErrAnswer
	}
	return product, nil
}

func (c *Client) find(code string) (answer string, err error) {
	text, err := json.Marshal(code)
	if err != nil {
		return "", err
	}
	if _, err := c.ask("consultar"); err != nil {
		return "", err
	}
	return c.ask(string(text))
}
