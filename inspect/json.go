package inspect

import (
	"fmt"
	"strings"
)

// maxJSONDepth is how deep the objects and arrays of a JSON text may lie in each
// other for a tree to be made of them, which is twice as deep: objects have members.
const maxJSONDepth = 16

// JSON reads n bytes as one JSON text (RFC 8259) and makes a parent of that kind of
// them. Objects, members, arrays and values are fields. What is no JSON, and what lies too deep,
// is not understood, whatever stands behind it. Nothing that JSON leaves to its readers
// is judged: a name may stand twice in an object.
func (d *Dissector) JSON(kind string, n int) {
	c := d.c
	if !c.has(kind, max(n, 0)) {
		return
	}
	start := len(c.fields)
	c.within(max(n, 0), func(c *cursor) {
		c.rfc = "RFC 8259 section 2"
		j := jsonReader{c}
		j.space()
		j.value(maxJSONDepth)
		j.space()
	})
	c.fold(kind, start)
}

// A jsonReader reads JSON with a cursor.
type jsonReader struct{ *cursor }

func (j jsonReader) value(depth int) {
	if j.failed {
		return
	}
	if !j.more() {
		j.fail("json.value", "a value should stand here")
		return
	}
	switch first := j.rest[0]; {
	case (first == '{' || first == '[') && depth == 0:
		j.tooDeep()
	case first == '{':
		j.at(4).group("json.object", func(*cursor) { j.list('}', func() { j.member(depth - 1) }) })
	case first == '[':
		j.at(5).group("json.array", func(*cursor) { j.list(']', func() { j.value(depth - 1) }) })
	case first == '"':
		j.at(7).str("json.string")
	case first == '-' || '0' <= first && first <= '9':
		j.at(6).number()
	default:
		j.at(3).literal()
	}
}

// at sets the section of RFC 8259 that what is read next is defined in.
func (j jsonReader) at(section int) jsonReader {
	j.rfc = fmt.Sprintf("RFC 8259 section %d", section)
	return j
}

// list reads what stands between a bracket and the one that closes it.
func (j jsonReader) list(closing byte, item func()) {
	j.structural()
	if j.next() == closing {
		j.structural()
		return
	}
	for !j.failed {
		if item(); j.failed {
			return
		}
		switch j.next() {
		case closing:
			j.structural()
			return
		case ',':
			j.structural()
		default:
			j.fail("json.structural", "a comma or a %q should stand here", closing)
		}
	}
}

// next returns the first byte that is not space, without reading it; 0 if there is none.
func (j jsonReader) next() byte {
	if at := j.spaces(0); at < len(j.rest) {
		return j.rest[at]
	}
	return 0
}

func (j jsonReader) member(depth int) {
	j.at(4).group("json.member", func(*cursor) {
		if j.next() != '"' {
			j.fail("json.name", "the name of a member should stand here, in double quotes")
			return
		}
		if j.str("json.name"); j.failed {
			return
		}
		if j.next() != ':' {
			j.fail("json.structural", "a colon should stand here")
			return
		}
		j.structural()
		j.value(depth)
	})
}

// structural reads one of { } [ ] : and the comma, and the space around it, which RFC 8259
// makes a part of it.
func (j jsonReader) structural() {
	rfc := j.rfc
	at := j.spaces(0)
	sign := string(j.rest[at : at+1])
	j.at(2).opaque("json.structural", j.spaces(at+1), func([]byte) string { return sign })
	j.rfc = rfc
}

// spaces returns the offset of the first byte, from one on, that is not space.
func (j jsonReader) spaces(from int) int {
	for from < len(j.rest) && strings.IndexByte(" \t\n\r", j.rest[from]) >= 0 {
		from++
	}
	return from
}

func (j jsonReader) space() {
	if n := j.spaces(0); n > 0 {
		j.at(2).opaque("json.ws", n, nil)
	}
}

// str reads a string with its quotes.
func (j jsonReader) str(kind string) {
	b := j.rest
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '"':
			j.written(kind, i+1)
			return
		case b[i] < ' ':
			j.fail(kind, "the byte 0x%02x must not stand in a string as it is", b[i])
			return
		case b[i] == '\\':
			n := escapeLength(b[i:])
			if n == 0 {
				j.fail(kind, "the backslash at byte %d does not begin an escape", i)
				return
			}
			i += n - 1
		}
	}
	j.fail(kind, "the string has no end")
}

// escapeLength returns the length of the escape that b begins with, or 0.
func escapeLength(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case strings.IndexByte(`"\/bfnrt`, b[1]) >= 0:
		return 2
	case b[1] != 'u' || len(b) < 6:
		return 0
	}
	for _, digit := range b[2:6] {
		if strings.IndexByte("0123456789abcdefABCDEF", digit) < 0 {
			return 0
		}
	}
	return 6
}

func (j jsonReader) number() {
	n := numberLength(j.rest)
	if n == 0 {
		j.fail("json.number", "this is not how a number is written")
		return
	}
	j.written("json.number", n)
}

// numberLength returns the length of the number that b begins with, or 0.
func numberLength(b []byte) int {
	i := 0
	digits := func() (some bool) {
		from := i
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i > from
	}
	is := func(signs string) bool {
		if i < len(b) && strings.IndexByte(signs, b[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	is("-")
	if !is("0") && !digits() {
		return 0
	}
	if is(".") && !digits() {
		return 0
	}
	if is("eE") {
		if is("+-"); !digits() {
			return 0
		}
	}
	return i
}

func (j jsonReader) literal() {
	for _, name := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(j.rest[:min(len(j.rest), len(name))]), name) {
			j.written("json.literal", len(name))
			return
		}
	}
	j.fail("json.literal", "no JSON value begins so")
}

// written reads a value that is written as text, and may be given another length.
func (j jsonReader) written(kind string, n int) {
	if j.opaque(kind, n, text); !j.failed {
		j.last().edit.text, j.last().edit.elastic = true, true
	}
}

// tooDeep reads an object or array of which no tree is made. Where it ends can be known
// from brackets and strings alone.
func (j jsonReader) tooDeep() {
	depth, quoted := 0, false
	for i := 0; i < len(j.rest); i++ {
		switch b := j.rest[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			if depth--; depth == 0 {
				j.opaque(NotUnderstood, i+1, func([]byte) string { return tooDeep })
				return
			}
		}
	}
	j.fail(NotUnderstood, "%s", tooDeep)
}

var tooDeep = fmt.Sprintf("nested deeper than %d levels", maxJSONDepth)
