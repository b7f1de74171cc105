package inspect

// A Dissector takes the bytes of a unit apart from the first to the last, for a
// [Protocol]. Each read makes a field of what it reads, whose Name is the last word of
// its Kind, as in "kv.request.key". Where bytes run short, those that are left become one
// [NotUnderstood] leaf, and further reads do nothing.
type Dissector struct {
	c *cursor
}

// Dissect returns the tree of b that read makes: each byte belongs to one leaf,
// whatever b holds. Bytes that read leaves are not understood. Where says where the
// layout is defined, as [Field.RFC] does; it may be "".
func Dissect(b []byte, kind, where string, read func(*Dissector)) Field {
	c := newCursor(where, b)
	read(&Dissector{c})
	c.end()
	return Field{Kind: kind, Name: nameOf(kind), Length: len(b), RFC: where, Children: c.fields}
}

// Rest returns the bytes that are left, and reads nothing. They must not be changed.
func (d *Dissector) Rest() []byte { return d.c.rest }

// Bytes reads n bytes, shown as value, or in hex if that is "".
func (d *Dissector) Bytes(kind string, n int, value string) []byte {
	return d.c.opaque(kind, max(n, 0), func(b []byte) string {
		if value != "" {
			return value
		}
		return shortHex(b)
	})
}

// Text reads n bytes of text, shown as it stands. It may be given another length
// when it is changed.
func (d *Dissector) Text(kind string, n int) []byte {
	b := d.c.opaque(kind, max(n, 0), text)
	if !d.c.failed {
		d.c.last().edit.text, d.c.last().edit.elastic = true, true
	}
	return b
}

// Uint reads a number of size bytes, at most 8, the most significant first.
func (d *Dissector) Uint(kind string, size int) uint64 {
	return d.c.uint(kind, min(max(size, 1), 8), nil)
}

// Counted reads a length of size bytes, at most 4, and as many bytes, which read must take
// apart to the end. The length is made to fit where they are changed.
func (d *Dissector) Counted(kind string, size int, read func(*Dissector)) {
	d.c.nested(kind, min(max(size, 1), 4), d.on(read))
}

// Part has the next n bytes read by themselves: what goes wrong in them ends with
// them, and what read leaves of them is not understood.
func (d *Dissector) Part(n int, read func(*Dissector)) {
	if d.c.has(NotUnderstood, n) {
		d.c.within(n, d.on(read))
	}
}

// Group makes a parent of what read reads.
func (d *Dissector) Group(kind string, read func(*Dissector)) { d.c.group(kind, d.on(read)) }

// Fail makes a leaf that is not understood of all that is left.
func (d *Dissector) Fail(kind, why string) { d.c.fail(kind, "%s", why) }

func (d *Dissector) on(read func(*Dissector)) func(*cursor) {
	return func(c *cursor) { read(&Dissector{c}) }
}
