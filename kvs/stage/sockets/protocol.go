package sockets

import (
	"bytes"
	"cmp"
	"maps"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/kernel"
)

// Protocol returns what a connection of a version speaks, for a tap. A unit is a line, with its end; what the client of
// V3 sends is the messages of a gob.
func Protocol(v Version) inspect.Protocol { return protocol{cmp.Or(v, V5)} }

type protocol struct{ version Version }

func (p protocol) Name() string { return p.version.String() }

func (p protocol) Reader() inspect.Reader {
	r := &reader{version: p.version, types: make(gobTypes)}
	r.lines[inspect.Client].Max = kernel.DefaultMaxRequest + len("\r\n")
	r.lines[inspect.Server].Max = MaxAnswer + oneRead
	return r
}

// A reader knows what the client has announced with a verb, and which types it has defined.
type reader struct {
	version Version
	lines   [2]inspect.LineCutter
	awaited *lineReading // what the client's next line is, if it is no verb
	types   gobTypes
}

// Next implements [inspect.Reader].
func (r *reader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	if r.version == V3 && from == inspect.Client {
		return r.nextGob(b)
	}
	n := r.lines[from].Next(b)
	if n > len(b) {
		return n, nil
	}
	return n, r.line(from, b[:n])
}

// Rest implements [inspect.Reader].
func (r *reader) Rest(from inspect.Side, b []byte) inspect.Reading {
	if r.version == V3 && from == inspect.Client {
		return r.gob(b)
	}
	return r.line(from, b)
}

func (r *reader) nextGob(b []byte) (int, inspect.Reading) {
	length, size, ok := gobUint(b)
	switch {
	case !ok || length > kernel.DefaultMaxRequest:
		return 0, nil
	case size == 0:
		return len(b) + 1, nil
	}
	n := size + int(length)
	if n > len(b) {
		return n, nil
	}
	return n, r.gob(b[:n])
}

// gob reads a message of a gob. The types are those that were defined before it.
func (r *reader) gob(message []byte) inspect.Reading {
	reading := gobReading{isDefinition(message), r.types}
	if reading.defines && len(r.types) < maxGobTypes {
		r.types = maps.Clone(r.types) // what was read before goes by what was known then
		examineGob(message, r.types)
	}
	return reading
}

// A gobReading is a message of a gob.
type gobReading struct {
	defines bool
	types   gobTypes
}

func (g gobReading) Name() string {
	if g.defines {
		return "definition"
	}
	return "value"
}

// Text implements [inspect.Reading]: the program says values, and package gob how they are to be read.
func (g gobReading) Text() bool { return !g.defines }

// Summary implements [inspect.Summarizer]: the type that is defined, or the object with the names of its fields.
func (g gobReading) Summary(b []byte) string {
	types := maps.Clone(g.types)
	seen := examineGob(b, types)
	switch {
	case seen.broken:
		return ""
	case seen.defined != 0:
		return types.describe(seen.defined)
	}
	return types.write(seen.id, seen.value)
}

func (g gobReading) Fields(b []byte) inspect.Field {
	root, _ := dissectGob(b, g.types)
	return root
}

// A lineReading is what a line is.
type lineReading struct {
	name string
	kind string
	json bool // it is a JSON text
}

var (
	greetingLine = &lineReading{"greeting", "sockets.greeting", false}
	replyLine    = &lineReading{"reply", "sockets.reply", false}
	verbLine     = &lineReading{"verb", "sockets.verb", false}
	productLine  = &lineReading{"product", "sockets.product", true}
	codeLine     = &lineReading{"code", "sockets.code", true}
	listLine     = &lineReading{"list", "sockets.list", true}
	answerLine   = &lineReading{"answer", "sockets.answer", false}
	refusalLine  = &lineReading{"refusal", "sockets.refusal", false}
)

// line says what a line is.
func (r *reader) line(from inspect.Side, line []byte) *lineReading {
	text := bytes.TrimSpace(line)
	if from == inspect.Server {
		return r.serverLine(text)
	}
	if r.version < V4 {
		return replyLine
	}
	if awaited := r.awaited; awaited != nil {
		r.awaited = nil
		return awaited
	}
	switch {
	case string(text) == "adicionar":
		r.awaited = productLine
	case string(text) == "consultar" && r.version == V5:
		r.awaited = codeLine
	}
	return verbLine
}

func (r *reader) serverLine(text []byte) *lineReading {
	switch {
	case bytes.HasPrefix(text, []byte("Error: ")) || bytes.HasPrefix(text, []byte("Erro: ")):
		return refusalLine
	case r.version <= V2:
		return greetingLine
	case r.version >= V4 && bytes.HasPrefix(text, []byte{'['}):
		return listLine
	case r.version >= V4 && bytes.HasPrefix(text, []byte{'{'}):
		return productLine
	}
	return answerLine
}

func (l *lineReading) Name() string { return l.name }
func (l *lineReading) Text() bool   { return true }

func (l *lineReading) Fields(b []byte) inspect.Field {
	where := ""
	if l.json {
		where = "RFC 8259"
	}
	return inspect.Dissect(b, l.kind, where, func(d *inspect.Dissector) {
		text := bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
		switch {
		case len(text) == 0:
		case l.json:
			d.JSON("sockets.json", len(text))
		default:
			d.Text("line.text", len(text))
		}
		if end := d.Rest(); len(end) > 0 {
			d.Bytes("line.end", len(end), string(end))
		}
	})
}
