package inspect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A cursor reads a run of bytes from its start and makes a Field of whatever
// it reads, so that the fields cover exactly the bytes that were read. Where
// bytes run short, those that are left become one NotUnderstood leaf, and
// further reads do nothing; the cursor around it goes on behind them.
//
// A read is given the field's Kind, whose last word is the field's Name.
type cursor struct {
	rfc    string // where the fields to be read are defined
	rest   []byte
	offset int // of rest in the tree
	fields []Field
	room   *int // how many more fields the tree may have; shared by the tree's cursors
	failed bool // bytes or room ran short
}

// mostFields is how many fields a tree may have, so that no message, which can
// be 16 MiB long, takes more than some 100 MiB to dissect. Messages that
// endpoints accept have hundreds.
const mostFields = 1 << 18

func newCursor(rfc string, b []byte) *cursor {
	room := mostFields
	return &cursor{rfc: rfc, rest: b, room: &room}
}

// kindLength is the Kind of a vector's length (RFC 8446 section 3.4).
const kindLength = "vector.length"

// more reports whether there is anything left to read.
func (c *cursor) more() bool { return len(c.rest) > 0 }

// code reads a code point of the registry's width.
func (c *cursor) code(kind string, r *registry) uint16 {
	code, ok := c.number(kind, r.digits/2)
	if ok {
		c.last().Value, c.last().edit.codes = r.label(uint16(code)), r
	}
	return uint16(code)
}

// uint reads a number of size bytes and shows it as format does; nil means in
// decimal.
func (c *cursor) uint(kind string, size int, format func(uint64) string) uint64 {
	n, ok := c.number(kind, size)
	if ok && format != nil {
		c.last().Value = format(n)
	}
	return n
}

// opaque reads n bytes and shows them as format does; nil means in hex.
func (c *cursor) opaque(kind string, n int, format func([]byte) string) []byte {
	b, ok := c.take(kind, n)
	if !ok {
		return nil
	}
	if format == nil {
		format = shortHex
	}
	c.last().Value = format(b)
	return b
}

// remaining reads all that is left.
func (c *cursor) remaining(kind string, format func([]byte) string) []byte {
	b := c.opaque(kind, len(c.rest), format)
	c.last().edit.elastic = !c.failed
	return b
}

// vector reads a length of size bytes and as many opaque bytes.
func (c *cursor) vector(kind string, size int, format func([]byte) string) []byte {
	n, ok := c.length(kind, size)
	if !ok {
		return nil
	}
	from := len(c.fields)
	b := c.opaque(kind, n, format)
	c.counted(from)
	c.last().edit.elastic = !c.failed
	return b
}

// counted notes that the length before the field with index from counts it and
// those behind it, unless they were not there.
func (c *cursor) counted(from int) {
	if !c.failed {
		c.fields[from-1].edit.counts = int32(len(c.fields) - from)
	}
}

// list reads a length of size bytes, and items until as many bytes are read.
// Each call of item must read something. An item may be left out, or become
// several.
func (c *cursor) list(kind string, size int, item func(*cursor)) {
	c.nested(kind, size, func(c *cursor) {
		for c.more() {
			from := len(c.fields)
			if item(c); len(c.fields) == from+1 && !c.failed {
				c.last().edit.elastic = true
			}
		}
	})
}

// nested reads a length of size bytes and a parent of as many bytes, which
// parse must read to the end.
func (c *cursor) nested(kind string, size int, parse func(*cursor)) {
	n, ok := c.length(kind, size)
	if !ok || !c.has(kind, n) {
		return
	}
	start := len(c.fields)
	c.within(n, parse)
	c.fold(kind, start)
	c.counted(start)
	c.last().edit.elastic = true
}

// inline is nested without the parent: the fields stand beside their length.
// The kind names the vector.
func (c *cursor) inline(kind string, size int, parse func(*cursor)) {
	if n, ok := c.length(kind, size); ok && c.has(kind, n) {
		start := len(c.fields)
		c.within(n, parse)
		c.counted(start)
	}
}

// group makes a parent of what parse reads.
func (c *cursor) group(kind string, parse func(*cursor)) {
	if c.failed {
		return
	}
	start, rfc := len(c.fields), c.rfc
	parse(c)
	c.rfc = rfc
	c.fold(kind, start)
}

// fail makes a NotUnderstood leaf of all that is left, once.
func (c *cursor) fail(kind, format string, args ...any) {
	if c.failed {
		return
	}
	c.add(NotUnderstood, len(c.rest))
	c.last().Name = nameOf(kind)
	c.last().Value = fmt.Sprintf(format, args...)
	c.failed = true
}

// end makes a NotUnderstood leaf of bytes that should not be there.
func (c *cursor) end() {
	if n := len(c.rest); n > 0 {
		c.fail(NotUnderstood, "%d bytes more than belong here", n)
	}
}

// within has the next n bytes, which must be there, read by a cursor of their
// own. Whatever fails in them fails in them only.
func (c *cursor) within(n int, parse func(*cursor)) {
	inner := cursor{rfc: c.rfc, rest: c.rest[:n:n], offset: c.offset, fields: c.fields, room: c.room}
	parse(&inner)
	inner.end()
	c.fields, c.rest, c.offset = inner.fields, c.rest[n:], c.offset+n
}

// fold makes the fields from index start on, and all bytes that they cover,
// the children of a new parent, which shows their values in a row.
func (c *cursor) fold(kind string, start int) {
	children := slices.Clone(c.fields[start:])
	parent := Field{Kind: kind, Name: nameOf(kind), Offset: c.offset, RFC: c.rfc, Value: inARow(children)}
	if len(children) > 0 {
		parent.Offset = children[0].Offset
	}
	parent.Length, parent.Children = c.offset-parent.Offset, children
	*c.room--
	c.fields = append(c.fields[:start], parent)
}

func (c *cursor) length(kind string, size int) (n int, ok bool) {
	long, ok := c.number(kindLength, size)
	if ok {
		c.last().Name, c.last().edit.form = nameOf(kind)+".length", fixedLength
	}
	return int(long), ok
}

func (c *cursor) number(kind string, size int) (n uint64, ok bool) {
	b, ok := c.take(kind, size)
	for _, digit := range b {
		n = n<<8 | uint64(digit)
	}
	if ok {
		c.last().Value, c.last().edit.number = strconv.FormatUint(n, 10), true
	}
	return n, ok
}

func (c *cursor) take(kind string, n int) (b []byte, ok bool) {
	if !c.has(kind, n) {
		return nil, false
	}
	b = c.rest[:n:n]
	c.add(kind, n)
	return b, true
}

// has reports whether n bytes are left, and fails if not.
func (c *cursor) has(kind string, n int) bool {
	switch {
	case n < 0 || len(c.rest) < n:
		c.fail(kind, "%d bytes expected, %d left", n, len(c.rest))
	case *c.room <= 0:
		c.fail(kind, "more than %d fields", mostFields)
	}
	return !c.failed
}

// add makes a leaf of the next n bytes.
func (c *cursor) add(kind string, n int) {
	if len(c.fields) == cap(c.fields) {
		c.fields = slices.Grow(c.fields, len(c.fields)+8)
	}
	*c.room--
	c.fields = append(c.fields, Field{Kind: kind, Name: nameOf(kind), Offset: c.offset, Length: n, RFC: c.rfc})
	c.rest, c.offset = c.rest[n:], c.offset+n
}

func (c *cursor) last() *Field { return &c.fields[len(c.fields)-1] }

// retell shows the field that was read last by another value, if it is of
// that kind: it is not where the read has failed.
func (c *cursor) retell(kind, value string) {
	if last := c.last(); last.Kind == kind {
		last.Value = value
	}
}

// nameOf returns the name of a structure that is written in ASN.1, the last
// word of any other kind.
func nameOf(kind string) string {
	if s, ok := structures[kind]; ok {
		return s.name
	}
	return kind[strings.LastIndexByte(kind, '.')+1:]
}

// isGrammar has the kinds of the leaves that only say how others are written.
var isGrammar = map[string]bool{kindLength: true, "der.tag": true, "der.length": true, "der.unused_bits": true, "json.structural": true, "json.ws": true}

// inARow returns the values of the fields as one line, cut off where it gets
// too long for one.
func inARow(fields []Field) string {
	const enough = 100
	var row strings.Builder
	for i, f := range fields {
		if f.Value == "" || isGrammar[f.Kind] {
			continue
		}
		if row.Len() > enough {
			fmt.Fprintf(&row, " … (+%d)", len(fields)-i)
			break
		}
		if row.Len() > 0 {
			row.WriteString(", ")
		}
		row.WriteString(text([]byte(f.Value)))
	}
	return row.String()
}
