package inspect_test

import (
	"encoding/binary"
	"testing"

	"example.com/tlslab/inspect"
)

// A mad protocol answers with whatever its bytes say: lengths, trees, clear texts.
type mad struct{ answers []byte }

func (m *mad) Name() string           { return string(m.answers[:min(len(m.answers), 5)]) }
func (m *mad) Reader() inspect.Reader { return &mad{m.answers} }

func (m *mad) number() int {
	if len(m.answers) == 0 {
		return 1
	}
	b := m.answers[0]
	m.answers = m.answers[1:]
	switch {
	case b < 0xf0:
		return int(b) - 8
	case len(m.answers) < 8:
		return -int(b)
	}
	n := int(binary.BigEndian.Uint64(m.answers))
	m.answers = m.answers[8:]
	return n
}

func (m *mad) Next(inspect.Side, []byte) (int, inspect.Reading) { return m.number(), m.Rest(0, nil) }

func (m *mad) Rest(inspect.Side, []byte) inspect.Reading {
	switch n := m.number(); {
	case n < 0:
		return nil
	case n%2 == 0:
		return madReading(m.answers[:min(len(m.answers), n)])
	default:
		return madSealed{madReading(m.answers[:min(len(m.answers), n)])}
	}
}

type madReading []byte

func (r madReading) Name() string { return string(r[:min(len(r), 3)]) }
func (r madReading) Text() bool   { return len(r)%2 == 0 }

func (r madReading) Fields(b []byte) inspect.Field {
	m := &mad{r}
	if m.number()%2 == 0 {
		return inspect.Dissect(b, "", "", func(d *inspect.Dissector) { m.dissect(d, 3) })
	}
	return m.field(len(b), 4)
}

func (m *mad) field(length, depth int) inspect.Field {
	f := inspect.Field{Kind: "mad", Length: length}
	for at := 0; at < length && depth > 0 && len(m.answers) > 0; {
		child := m.field(m.number(), depth-1)
		child.Offset = at
		if m.number() == 0 {
			child.Offset = m.number()
		}
		at += max(child.Length, 1)
		f.Children = append(f.Children, child)
	}
	return f
}

func (m *mad) dissect(d *inspect.Dissector, depth int) {
	for len(m.answers) > 0 && depth > 0 {
		switch m.number() {
		case 0:
			d.Text("a", m.number())
		case 1:
			d.Uint("b", m.number())
		case 2:
			d.Counted("c", m.number(), func(d *inspect.Dissector) { m.dissect(d, depth-1) })
		case 3:
			d.Group("d", func(d *inspect.Dissector) { m.dissect(d, depth-1) })
		case 4:
			d.Fail("e", "mad")
		default:
			d.Bytes("f", m.number(), "")
		}
	}
}

type madSealed struct{ madReading }

func (s madSealed) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	m := &mad{s.madReading}
	for range max(m.number(), 0) % 4 {
		if len(secrets("MAD", s.madReading)) > 0 {
			return m.answers, inspect.Reason{}
		}
	}
	if m.number() > 8 {
		return nil, inspect.Reason{Key: "mad"}
	}
	return m.answers, inspect.Reason{}
}

func (s madSealed) ClearFields(clear []byte) inspect.Field { return s.Fields(clear) }

func (s madSealed) Seal(_, clear []byte, _ inspect.Secrets) ([]byte, inspect.Reason) {
	return clear, inspect.Reason{}
}

// FuzzProtocol has a protocol return nonsense: nothing of what crossed may be lost, and
// every tree must cover its bytes.
func FuzzProtocol(f *testing.F) {
	f.Add([]byte{9, 8, 0x10, 11, 12, 13, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte("some bytes that crossed the wire"), uint8(3))
	f.Add([]byte{20, 20, 20, 12, 9, 9, 9, 8, 10, 11, 12, 13, 14, 15, 9, 9, 9}, []byte("some more bytes that crossed the wire"), uint8(40))
	f.Add([]byte{0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}, []byte("x"), uint8(0))
	f.Fuzz(func(t *testing.T, answers, sent []byte, size uint8) {
		sent, answers = sent[:min(len(sent), 1<<10)], answers[:min(len(answers), 1<<10)]
		recording := new(inspect.Recording)
		recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "mad", Speaks: &mad{answers}}})
		for i := 0; i < len(sent); i += int(size) + 1 {
			recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: sent[i:min(i+int(size)+1, len(sent))]})
			if i%3 == 0 {
				recording.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{Label: "MAD", ClientRandom: answers[min(i, len(answers)):], Bytes: sent}})
			}
		}
		session := inspect.NewSession(recording)
		session.End()
		at := int64(0)
		for _, item := range session.Items() {
			switch item.Kind {
			case inspect.RecordItem:
				r := item.Record
				if r.Offset != at || string(r.Raw()) != string(sent[at:][:r.Length]) {
					t.Fatalf("a unit at %d, want %d", r.Offset, at)
				}
				at += int64(r.Length)
				coversAll(t, r.Fields(), r.Length)
				for _, part := range r.Parts {
					content := r.Plaintext()[part.Offset:][:part.Length]
					coversAll(t, r.PartFields(part, content), len(content))
				}
				if d, err := r.Draft(); err == nil {
					for _, leaf := range d.Fields.Leaves()[:1] {
						leaf.Text(d.Bytes)
						leaf.Parse("17")
						d.Set(leaf, []byte("ab"), true)
					}
				}
			case inspect.BytesItem:
				if item.From != at {
					t.Fatalf("bytes from %d, want %d", item.From, at)
				}
				at += int64(len(session.Bytes(item, recording.Len())))
			}
		}
		if at != int64(len(sent)) {
			t.Fatalf("%d of %d bytes are shown", at, len(sent))
		}
	})
}

func coversAll(t *testing.T, root inspect.Field, n int) {
	t.Helper()
	at := 0
	for _, leaf := range root.Leaves() {
		if leaf.Offset != at || leaf.Length < 0 {
			t.Fatalf("%s at %d+%d, want %d, in %+v", leaf.Kind, leaf.Offset, leaf.Length, at, root)
		}
		at = leaf.End()
	}
	if at != n {
		t.Fatalf("%d of %d bytes are covered: %+v", at, n, root)
	}
}
