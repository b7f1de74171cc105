package router

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// MaxDepth is how deep the objects and arrays of a package may lie in each other,
// the package itself included.
const MaxDepth = 16

// What can be wrong with a package. After the first three nobody can tell where
// the next one begins.
var (
	errNoObject   = errors.New("a package must begin with {")
	errTooLong    = errors.New("the package is too long")
	errUnfinished = errors.New("the package has no end")

	errTooDeep = errors.New("the package is nested too deep")
	errUTF8    = errors.New("the package is not UTF-8")
	errSyntax  = errors.New("the package is not JSON")
	errTwice   = errors.New("a name stands twice in the package")
)

// isSpace reports whether b may stand between packages (RFC 8259, section 2).
func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// A cutter finds the end of the object that a stream of them begins with, from
// brackets and strings alone: also of one that is no JSON inside. Its zero value is ready.
type cutter struct {
	seen    int // bytes that were looked at
	open    int // brackets that are not closed
	deepest int
	quoted  bool
	escaped bool
}

// next returns the length of the object that b begins with, the space before it included; len(b)+1
// if it is not whole, and then goes on with a longer b; 0 if no object begins so.
func (c *cutter) next(b []byte) int {
	for ; c.seen < len(b); c.seen++ {
		switch sign := b[c.seen]; {
		case c.escaped:
			c.escaped = false
		case c.quoted:
			c.escaped = sign == '\\'
			c.quoted = sign != '"'
		case sign == '{' || sign == '[' && c.open > 0:
			c.open++
			c.deepest = max(c.deepest, c.open)
		case c.open == 0 && !isSpace(sign):
			return 0
		case sign == '"':
			c.quoted = true
		case sign == '}' || sign == ']':
			if c.open--; c.open == 0 {
				return c.seen + 1
			}
		}
	}
	return len(b) + 1
}

// isObject reports whether b is one object, as far as its brackets tell.
func isObject(b []byte) bool { return new(cutter).next(b) == len(b) }

// objects reads the objects of a stream one after the other.
type objects struct {
	source io.Reader
	limit  int    // of an object, in bytes
	begun  func() // if not nil, is told when one has begun that is not there whole

	buffer []byte // what was read and not returned
}

// next returns an object without the space before it, valid until the next call, and how deep
// it is. Between objects the end of the stream is io.EOF. The error says otherwise what is wrong, or
// is that of the source.
func (o *objects) next() (object []byte, depth int, err error) {
	cut, begun := cutter{}, false
	for {
		if !begun {
			o.buffer = bytes.TrimLeftFunc(o.buffer, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) })
		}
		n := cut.next(o.buffer)
		switch {
		case n == 0:
			return nil, 0, errNoObject
		case n <= len(o.buffer) && n <= o.limit:
			object, o.buffer = o.buffer[:n:n], o.buffer[n:]
			return object, cut.deepest, nil
		case len(o.buffer) > o.limit:
			return nil, 0, errTooLong
		}
		if !begun && len(o.buffer) > 0 {
			if begun = true; o.begun != nil {
				o.begun()
			}
		}
		if err := o.read(); err == io.EOF && begun {
			return nil, 0, errUnfinished
		} else if err != nil {
			return nil, 0, err
		}
	}
}

// read adds to the buffer what comes next, and makes it no longer than limit and one.
func (o *objects) read() error {
	if len(o.buffer) == cap(o.buffer) {
		larger := make([]byte, len(o.buffer), min(max(4<<10, 2*len(o.buffer)), o.limit+1))
		copy(larger, o.buffer)
		o.buffer = larger
	}
	n, err := o.source.Read(o.buffer[len(o.buffer):cap(o.buffer)])
	o.buffer = o.buffer[:len(o.buffer)+n]
	if n > 0 {
		return nil // an error shows at the next read
	}
	return err
}

// members reads an object as JSON. The values share the object's memory.
func members(object []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(object) {
		return nil, errUTF8
	}
	if !json.Valid(object) {
		return nil, errSyntax
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.Token() // {
	all := make(map[string]json.RawMessage)
	for decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errSyntax
		}
		if _, twice := all[name]; twice {
			return nil, errTwice
		}
		all[name] = value
	}
	return all, nil
}

// pack returns the object of these members, names and values, which are strings.
func pack(members []string) []byte {
	var object bytes.Buffer
	encoder := json.NewEncoder(&object)
	encoder.SetEscapeHTML(false)
	for i, text := range members {
		switch {
		case i == 0:
			object.WriteByte('{')
		case i%2 == 1:
			object.WriteByte(':')
		default:
			object.WriteByte(',')
		}
		encoder.Encode(text)
		object.Truncate(object.Len() - 1) // the line's end
	}
	object.WriteByte('}')
	return object.Bytes()
}
