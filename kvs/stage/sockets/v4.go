package sockets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"example.com/tlslab/kvs/kernel"
)

// v4 answers requests, one after the other, until the client says terminar: then the server
// ends. Meanwhile any other client waits for its turn.
func (c *session) v4(ctx context.Context) error {
	err := c.turn.Take(ctx, func(int) { c.print("sockets_must_wait", "addr", c.conn.RemoteAddr()) })
	if err != nil {
		return err
	}
	defer c.turn.Give()
	c.list = c.shared
	err = c.converse(ctx)
	if c.done {
		c.conn.Server().Stop()
	}
	return err
}

// converse answers the verbs that a client says, each a line.
func (c *session) converse(ctx context.Context) error {
	if err := c.v1(); err != nil {
		return err
	}
	for !c.done {
		line, err := c.hear()
		if err != nil {
			return err
		}
		verb := string(bytes.TrimSpace(line))
		answer, err := c.verbs.Do(ctx, c.conn, verb, c)
		if err != nil {
			if answer, err = c.explain(verb, err); err != nil {
				return err
			}
		}
		if err := c.tell(answer); err != nil {
			return err
		}
	}
	return nil
}

// explain returns what is answered where a verb was not carried out, or the error if
// the conversation cannot go on.
func (c *session) explain(verb string, err error) (answer string, end error) {
	var (
		bad      *RequestError
		panicked *kernel.PanicError
		failed   *databaseError
	)
	switch {
	case errors.As(err, &bad) && !bad.ends:
		return c.refused(bad), nil
	case errors.Is(err, kernel.ErrUnknownVerb):
		return c.failure(c.say.Say("sockets_unknown_verb", "verb", shown([]byte(verb)), "verbs", strings.Join(c.verbs.Names(), ", "))), nil
	case errors.As(err, &failed):
		c.conn.Report(failed)
		return c.failure(c.say.Say("sockets_internal_error")), nil
	case errors.As(err, &panicked):
		return c.failure(c.say.Say("sockets_internal_error")), nil
	}
	return "", err
}

// add takes a product: it says that it waits for one, and then that it has it.
func (c *session) add() (string, error) {
	if err := c.tell(c.say.Say("sockets_waiting_for_products")); err != nil {
		return "", err
	}
	line, err := c.hear()
	if err != nil {
		return "", err
	}
	product, err := ParseProduct(line)
	if err != nil {
		return "", err
	}
	if err := c.list.add(product); err != nil {
		return "", err
	}
	c.print("sockets_product", "product", product.shown(c.Lang))
	return c.say.Say("sockets_product_received"), nil
}

// all returns the list.
func (c *session) all() (string, error) { return c.list.all() }

// end ends the conversation.
func (c *session) end() (string, error) {
	c.done = true
	return c.say.Say("sockets_goodbye"), nil
}

// Add sends a product, with a client of V4 or V5.
func (c *Client) Add(ctx context.Context, p Product) error {
	_, err := c.during(ctx, func() (string, error) { return c.add(p) })
	return err
}

// List returns the products of the list, with a client of V4 or V5.
func (c *Client) List(ctx context.Context) (products []Product, err error) {
	answer, err := c.during(ctx, func() (string, error) { return c.ask("listar") })
	if err != nil {
		return nil, err
	}
	if json.Unmarshal([]byte(answer), &products) != nil {
		return nil, ErrAnswer
	}
	return products, nil
}

// End says terminar, with a client of V4 or V5: it ends the conversation, and in V4 the server.
func (c *Client) End(ctx context.Context) error {
	_, err := c.during(ctx, func() (string, error) { return c.last(c.ask("terminar")) })
	return err
}

// converse does a command of V4 or V5.
func (c *Client) converse(command string) (answer string, err error) {
	words, err := split(command)
	switch {
	case err != nil:
		return "", err
	case words[0] == "adicionar":
		product, err := parseWords(words)
		if err != nil {
			return "", err
		}
		return c.add(product)
	case words[0] == "consultar":
		if len(words) != 2 {
			return "", misuse("sockets_usage_find")
		}
		return c.find(words[1])
	case len(words) != 1:
		return "", misuse("sockets_usage_alone", "verb", shown([]byte(words[0])))
	case words[0] == "terminar":
		return c.last(c.ask(words[0]))
	}
	return c.ask(words[0])
}

func (c *Client) add(p Product) (answer string, err error) {
	if err := p.check(); err != nil {
		return "", misuse(err.id)
	}
	if _, err := c.ask("adicionar"); err != nil {
		return "", err
	}
	return c.ask(string(p.json()))
}
