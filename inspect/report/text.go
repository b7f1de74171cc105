package report

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// width is how many columns the text is made for.
const width = 80

// A Level says how much a [Writer] of text tells about each item.
type Level int

// The levels; each has what the one before it has.
const (
	Streams   Level = iota // a sentence, and the beginnings of both streams
	WithBytes              // both streams as hex dumps
	WithTrees              // and every field explained
	Sentences Level = -1   // a sentence alone
)

// A Text tells the items of a session to a reader, in lines of ASCII and of
// the letters of the language, without columns that a screen reader stumbles
// over. Its methods count items from 1 on, as they stand in [inspect.Session.Items];
// what is printed is the number of the row, as on the screen: an alert has that
// of its record.
//
// The zero value tells both streams in English. Its methods return whole
// lines, each with its line feed, and may be used concurrently on different
// sessions.
type Text struct {
	Say   *docs.Sentences // the language; nil is English
	ASCII bool            // arrows as "->"
	Level Level           // what Writer and Item tell

	// NoSecrets leaves out clear text in which a key stands. It is for Writer and Item at the levels Sentences, Streams and
	// WithBytes, which tell no secrets besides.
	NoSecrets bool

	// Patience is how long after it was sent Writer holds back a record that may yet be read, once a secret comes; 0 means
	// until it is closed. What can be read later than that is told again at the end.
	Patience time.Duration
}

// Writer returns a Writer that tells each item at the Text's level, with an
// empty line after those that take more than one.
func (t Text) Writer(out io.Writer) *Writer {
	return &Writer{out: out, live: true, patience: t.Patience, item: func(s *inspect.Session, i int) []byte { return []byte(t.Item(s, i+1)) }, late: t.late, end: t.last}
}

// late tells items again, and what is proven of their connections, since secrets came that were not there yet.
func (t Text) late(s *inspect.Session, items []int) []byte {
	text := t.Say.Say("report_late", "count", len(items)) + "\n"
	proven := make(map[int]bool)
	for _, i := range items {
		text += t.Item(s, i+1)
	}
	for _, i := range items {
		conn := s.Items()[i].Conn
		if c := s.Connections()[conn]; !proven[conn] && c.Closed(inspect.Client) >= 0 && c.Closed(inspect.Server) >= 0 { // others follow
			proven[conn] = true
			text += t.Proofs(s, conn)
		}
	}
	return []byte(text)
}

// Item tells item n at the Text's level, and the proofs of a connection that it ends.
func (t Text) Item(s *inspect.Session, n int) string {
	text := t.Sentence(s, n)
	switch t.Level {
	case Streams:
		text += t.Streams(s, n)
	case WithBytes:
		text += t.Hex(s, n)
	case WithTrees:
		text += t.Hex(s, n) + t.Explain(s, n)
	}
	if strings.Count(text, "\n") > 1 {
		text += "\n"
	}
	return text + t.proofsAt(s, n)
}

// Streams tells the beginnings of what item n holds, in clear and as sent, a
// line each. It is empty where there are no bytes, and of a unit that is so short that its sentence has them.
func (t Text) Streams(s *inspect.Session, n int) string {
	clear, sent, ok := t.bytes(s, n)
	if !ok {
		return ""
	}
	item := s.Items()[n-1]
	if item.Kind == inspect.RecordItem && isShort(item.Record) {
		return ""
	}
	text := ""
	switch {
	case item.Kind == inspect.RecordItem && clear != nil:
		text = t.line("report_in_clear", t.contents(item.Record, clear))
	case item.Kind == inspect.BytesItem && inspect.IsText(sent):
		text = t.line("report_in_clear", t.quoted(sent))
	}
	if sent == nil {
		return text + t.line(t.sentLabel(item), t.Say.Say("report_let_go"))
	}
	return text + t.line(t.sentLabel(item), beginning(sent, width-t.columns(t.sentLabel(item))))
}

// Hex tells what item n holds as hex dumps, in clear and as sent. It is empty
// where there are no bytes.
func (t Text) Hex(s *inspect.Session, n int) string {
	clear, sent, ok := t.bytes(s, n)
	if !ok {
		return ""
	}
	item := s.Items()[n-1]
	text := ""
	if item.Kind == inspect.RecordItem && item.Record.Decrypted {
		text = t.line("report_in_clear", t.size(len(clear))) + dump(clear)
	}
	if sent == nil {
		return text + t.line(t.sentLabel(item), t.Say.Say("report_let_go"))
	}
	return text + t.line(t.sentLabel(item), t.size(len(sent))) + dump(sent)
}

// bytes returns what item n holds: nil where it is not known.
func (t Text) bytes(s *inspect.Session, n int) (clear, sent []byte, ok bool) {
	item := s.Items()[n-1]
	switch item.Kind {
	case inspect.RecordItem:
		if wasDropped(item) {
			return nil, nil, false
		}
		clear = item.Record.Plaintext()
		if t.NoSecrets && !item.Record.TLS() && item.Record.Decrypted && holdsSecret(clear, secretsOf(s, item.Conn)) {
			clear = nil
		}
		return clear, item.Record.Raw(), true
	case inspect.BytesItem:
		sent, _ = run(s, item)
		return nil, sent, true
	}
	return nil, nil, false
}

// sentLabel returns the id of what stands before the bytes on the wire.
func (t Text) sentLabel(item inspect.Item) string {
	if item.Lane == inspect.Received {
		return "report_as_received"
	}
	return "report_as_sent"
}

// line is a label, indented, and what it is about.
func (t Text) line(label, text string) string { return "  " + t.Say.Say(label) + ": " + text + "\n" }

func (t Text) size(bytes int) string { return t.Say.Say("report_size", "count", bytes) }

// columns returns how many columns of a line the label takes.
func (t Text) columns(label string) int { return utf8.RuneCountInString(t.line(label, "")) - 1 }

// contents tells the content of a record in a line: its messages by name,
// application data as it is.
func (t Text) contents(r *inspect.Record, clear []byte) string {
	if summary := r.Summary(); summary != "" {
		return t.cut(summary)
	}
	if !r.TLS() && !r.Text() && inspect.SafeBytes(clear) != string(clear) { // a key, say
		return beginning(clear, width-t.columns("report_in_clear"))
	}
	if len(r.Parts) == 0 || r.InnerType == inspect.ApplicationData || !r.TLS() {
		return t.quoted(clear)
	}
	var parts []string
	for _, part := range r.Parts {
		parts = append(parts, t.Say.Say("report_part", "name", t.part(part), "size", t.size(part.Length)))
	}
	return strings.Join(parts, ", ")
}

// quoted returns as much of b as there is room for, safe to print.
func (t Text) quoted(b []byte) string {
	room := width - t.columns("report_in_clear") - len(`""...`)
	safe := inspect.SafeBytes(b[:min(len(b), room)])
	if len(b) <= room && utf8.RuneCountInString(safe) <= room {
		return `"` + safe + `"`
	}
	for end := range b { // the longest beginning that has room, escapes and characters whole
		longer := inspect.SafeBytes(b[:end+1])
		if utf8.RuneCountInString(longer) > room {
			break
		}
		if utf8.RuneStart(at(b, end+1)) {
			safe = longer
		}
	}
	return `"` + safe + `"...`
}

// cut returns as much of a text that is safe to print as there is room for.
func (t Text) cut(text string) string {
	room := width - t.columns("report_in_clear")
	if utf8.RuneCountInString(text) <= room {
		return text
	}
	return string([]rune(text)[:room-len("...")]) + "..."
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// beginning returns as many bytes in hex as there is room for.
func beginning(b []byte, room int) string {
	n := min(len(b), (room-len("..."))/3)
	var hex []string
	for _, c := range b[:n] {
		hex = append(hex, inspect.HexCell(c))
	}
	text := strings.Join(hex, " ")
	if n < len(b) {
		text += " ..."
	}
	return text
}

func dump(b []byte) string {
	var text strings.Builder
	for _, line := range inspect.HexDump(b, 0, 16) {
		text.WriteString("  " + line.Text(16) + "\n")
	}
	return text.String()
}
