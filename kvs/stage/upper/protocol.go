package upper

import (
	"bytes"

	"example.com/tlslab/inspect"
)

// Protocol is what a connection of this stage speaks, for a tap. A unit is what came
// at once, since nothing else on the wire says where a text ends; of the client's
// bytes no more than a request may have.
var Protocol inspect.Protocol = protocol{}

type protocol struct{}

func (protocol) Name() string           { return "upper" }
func (protocol) Reader() inspect.Reader { return new(reader) }

// A reader knows how much the client has said, and whether it was answered.
type reader struct {
	said     int
	answered bool
}

func (r *reader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	if from == inspect.Server {
		r.answered = true
		return len(b), answer
	}
	if r.answered || r.said >= MaxRequest {
		return len(b), unread
	}
	n := min(len(b), MaxRequest-r.said)
	r.said += n
	return n, request
}

// Rest is never asked for: each unit is whole.
func (r *reader) Rest(from inspect.Side, b []byte) inspect.Reading {
	_, reading := r.Next(from, b)
	return reading
}

// A reading is what a unit is.
type reading struct {
	name string
	kind string
	text string // the kind of the field with the text in it
}

var (
	request = &reading{"request", "upper.request", "upper.text"}
	answer  = &reading{"answer", "upper.answer", "upper.capitals"}
	unread  = &reading{"unread", "upper.unread", "upper.ignored"} // what the server does not take
)

func (r *reading) Name() string { return r.name }
func (r *reading) Text() bool   { return true }

func (r *reading) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, r.kind, "", func(d *inspect.Dissector) {
		text := bytes.TrimSpace(b)
		if r != request { // nobody strips the others
			text = b
		}
		before := bytes.Index(b, text)
		space(d, before)
		tail := unfinished(text)
		if n := len(text) - tail; n > 0 {
			d.Text(r.text, n)
		}
		if tail > 0 {
			d.Bytes("upper.unfinished", tail, "")
		}
		space(d, len(d.Rest()))
	})
}

func space(d *inspect.Dissector, n int) {
	if n > 0 {
		d.Bytes("upper.space", n, string(d.Rest()[:n]))
	}
}
