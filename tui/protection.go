package tui

import (
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// protection is what a record is sealed with, as a subject of the detail: its bytes are those of the values, one behind
// the other. What it gives, the content in clear, is a subject of its own.
func (m *model) protection(r *inspect.Record) []subject {
	s := subject{root: inspect.Field{Kind: "protection.record", Name: m.say("tui_protection"), Value: m.epoch(r.Epoch)}}
	values := slices.DeleteFunc(r.Protection(), func(v inspect.Value) bool { return v.Kind == "protection.plaintext" })
	if len(values) == 0 {
		return nil
	}
	s.root.RFC = values[len(values)-1].RFC
	s.title = m.say("tui_subject_protection", "epoch", m.epochName(r.Epoch), "seq", r.TLSSeq)
	return []subject{m.valued(s, values)}
}

// valued gives a subject values: a field for each, and their bytes one behind the other.
func (m *model) valued(s subject, values []inspect.Value) subject {
	for _, v := range values {
		v.Missing = m.missing(&v)
		name, _, _ := strings.Cut(v.Name, " (from ")
		f := inspect.Field{Kind: v.Kind, Name: name, Offset: len(s.bytes), Length: len(v.Bytes), Value: v.Missing, RFC: v.RFC}
		if v.Bytes != nil {
			f.Value = fmt.Sprintf("%x", v.Bytes)
		}
		s.bytes = append(s.bytes, v.Bytes...)
		s.values = append(s.values, v)
		s.root.Children = append(s.root.Children, f)
	}
	s.root.Length = len(s.bytes)
	return s
}

// value returns the value that is selected in a protection, or nil.
func (d *detail) value() *inspect.Value {
	s := d.subject()
	if s == nil || s.values == nil || d.sel >= len(d.nodes) {
		return nil
	}
	var i int
	if _, err := fmt.Sscanf(d.nodes[d.sel].path, ".%d", &i); err != nil || i >= len(s.values) {
		return nil
	}
	return &s.values[i]
}

// proofsOf returns the proofs that a subject carries, as they stood at the cursor.
func (m *model) proofsOf(s *subject) []proof {
	if s.message == nil {
		return nil
	}
	conns := m.time.session.Connections()
	f := m.findingsOf(conns[s.message.Conn])
	r := m.time.item(m.streams.sel.row).Record
	for i, p := range r.Parts {
		if p.Message == s.message {
			return f.at(part{r, i}, m.time.event())
		}
	}
	return nil
}
