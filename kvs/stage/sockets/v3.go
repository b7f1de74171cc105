package sockets

import (
	"bytes"
	"encoding/gob"
	"errors"
	"time"
)

// v3 has an object cross the wire where v2 has a line. The server says that it waits for it, and
// whether it took it.
func (c *session) v3() error {
	if err := c.v1(); err != nil {
		return err
	}
	if err := c.tell(c.say.Say("sockets_waiting_for_products")); err != nil {
		return err
	}
	product, err := c.receive()
	if err != nil {
		return err
	}
	c.print("sockets_product", "product", product.shown(c.Lang))
	return c.tell(c.say.Say("sockets_product_received"))
}

// receive reads a product in the format of encoding/gob. Package gob decodes
// any struct into another, as far as their fields have the same names, and has no limits
// of its own; so what comes is bounded and looked at before it is decoded.
func (c *session) receive() (Product, error) {
	if err := c.awaitRequest(); err != nil {
		return Product{}, err
	}
	defer c.conn.ReadBy(time.Time{})
	var stream []byte
	types := make(gobTypes)
	for {
		message, err := readGob(c.in, c.conn.MaxRequest()-len(stream))
		switch {
		case errors.Is(err, errGobLimit):
			return Product{}, final("sockets_object_too_long", "limit", c.conn.MaxRequest())
		case errors.Is(err, errGobCut):
			return Product{}, final("sockets_object_unfinished")
		case errors.Is(err, errGobLength):
			return Product{}, final("sockets_object_broken")
		case err != nil:
			return Product{}, err
		}
		stream = append(stream, message...)
		seen := examineGob(message, types)
		if seen.broken || len(types) > maxGobTypes {
			return Product{}, final("sockets_object_broken")
		}
		if seen.defined != 0 {
			continue // the object that it is needed for follows
		}
		if got := types.describe(seen.id); got != productType {
			return Product{}, refuseObject(got, seen.value)
		}
		var product Product
		if err := gob.NewDecoder(bytes.NewReader(stream)).Decode(&product); err != nil {
			return Product{}, final("sockets_object_broken")
		}
		if err := product.check(); err != nil {
			return Product{}, err
		}
		return product, nil
	}
}

// refuseObject says why an object is refused, and what a decoder would have done that evaluates what it reads.
func refuseObject(got string, value any) error {
	object, _ := value.(gobStruct)
	function, _ := object["Function"].(string)
	argument, _ := object["Argument"].(string)
	if function == "" {
		return final("sockets_object_refused", "want", productType, "got", shown([]byte(got)))
	}
	return final("sockets_object_would_call", "want", productType, "got", shown([]byte(got)),
		"function", shown([]byte(function)), "argument", shown([]byte(argument)))
}

// A Call is what the server of V3 does not expect: an object that says what is to be called
// when it is read. It stands for those that make decoders dangerous which do so, as Python's pickle does.
type Call struct {
	Function, Argument string
}

// v3 waits until the server is ready, sends it an object, and returns its answer.
func (c *Client) v3(command string) (answer string, err error) {
	words, err := split(command)
	if err != nil {
		return "", err
	}
	var object any
	switch words[0] {
	case "adicionar":
		if object, err = parseWords(words); err != nil {
			return "", err
		}
	case "chamar":
		if len(words) != 3 {
			return "", misuse("sockets_usage_v3")
		}
		object = Call{words[1], words[2]}
	default:
		return "", misuse("sockets_usage_v3")
	}
	if _, err := c.greeted(); err != nil {
		return "", err
	}
	if err := gob.NewEncoder(c.conn).Encode(object); err != nil {
		return "", err
	}
	return c.answer()
}
