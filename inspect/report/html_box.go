package report

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// A box is a row of the streams: it opens where there is something inside.
type box struct {
	Number          int
	Side            string // "client" or "server": whose it is; "" if nobody knows, or neither did it
	Way, Name, Meta string
	Marks           []mark // what the wire did to it
	Sentence        string
	Notes           []string
	Columns         []column
	Values          []value
	Proofs          []proof
	whole           bool
	Before          string // of the first box that is a line alone: what is said there
}

// Opens reports whether the box has an inside.
func (b *box) Opens() bool { return b.whole && b.Columns != nil }

// A mark is a sign and its word; the sign alone would be lost on some readers, the word on others.
type mark struct{ Class, Sign, Word string }

// A column has what is known of the bytes in clear, or as they crossed.
type column struct {
	Title, Note string
	Dumps       []dumped
}

// rows yields the number of each row, from 1 on as the screen counts them, and its index among the items.
func (p *page) rows() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		number := 0
		for i, item := range p.session.Items() {
			if !item.HasRow() {
				continue
			}
			if number++; !yield(number, i) {
				return
			}
		}
	}
}

// Boxes are made one by one, while the page is written.
func (p *page) Boxes() iter.Seq[*box] {
	return func(yield func(*box) bool) {
		for number, i := range p.rows() {
			if number > mostBoxes || !yield(p.box(number, i)) {
				return
			}
		}
	}
}

// MoreBoxes says how many rows are not on the page; "" if all are.
func (p *page) MoreBoxes() string {
	left := -mostBoxes
	for range p.rows() {
		left++
	}
	if left <= 0 {
		return ""
	}
	return p.Word("page_more_boxes", "count", left)
}

func (p *page) box(number, i int) *box {
	item := p.session.Items()[i]
	b := &box{
		Number: number, Side: p.sideOf(item), Way: p.text.way(p.session, item), whole: number <= p.Whole,
		Marks: p.marks(item), Sentence: p.text.sentence(p.session, item),
	}
	if number == p.Whole+1 {
		b.Before = p.Word("page_lines", "count", p.Whole)
	}
	if len(p.session.Connections()) > 1 {
		b.Way = p.Word("report_connection", "conn", item.Conn+1) + ": " + b.Way
	}
	switch item.Kind {
	case inspect.RecordItem:
		b.Name, b.Meta = p.boxName(item), p.meta(item.Record)
		if b.whole && !wasDropped(item) {
			p.fill(b, item, i+1)
		}
	case inspect.BytesItem:
		raw, length := run(p.session, item)
		b.Name, b.Meta = p.Word("tui_bytes"), p.text.size(int(length))
		if b.whole && raw != nil {
			leaf := inspect.Field{Kind: inspect.NotUnderstood, Name: p.Word("tui_bytes"), Length: len(raw), Value: p.text.reason(item.Because)}
			b.Columns = []column{{Title: p.Word(p.text.sentLabel(item)), Dumps: []dumped{p.dump(dumping{title: p.Word("tui_subject_bytes", "count", len(raw)), bytes: raw, root: leaf})}}}
		}
	default:
		b.Way, b.Name, b.Sentence = "", b.Sentence, ""
	}
	return b
}

// sideOf says whose an item is: "client", "server", or "" if nobody knows, or if it tells how bytes were taken that someone copied.
func (p *page) sideOf(item inspect.Item) string {
	opening := p.session.Connections()[item.Conn].Opening
	if opening.SenderUnknown || opening.Bare && item.Kind == inspect.NoteItem {
		return ""
	}
	return item.Side.String()
}

// boxName is what a record holds, in the standard's words, as far as it could be read.
func (p *page) boxName(item inspect.Item) string {
	r := item.Record
	switch {
	case wasDropped(item), r.TLS() && r.DecidedAt < 0, r.Encrypted && !r.Decrypted:
		return p.text.recordName(r)
	case !r.TLS():
		if p.isSecret(r) || !r.Text() {
			return p.text.recordName(r)
		}
		return p.text.recordName(r) + " " + p.text.contents(r, r.Plaintext())
	case r.InnerType == inspect.ApplicationData:
		return p.text.contents(r, r.Plaintext())
	case r.InnerType == inspect.Alert && len(r.Plaintext()) == 2:
		return "Alert: " + inspect.AlertName(r.Plaintext()[1])
	}
	var names []string
	for _, part := range r.Parts {
		if part.Message != nil && part.Length == len(part.Message.Bytes) {
			names = append(names, structName(part.Message.Name()))
		} else {
			names = append(names, structName(p.text.part(part)))
		}
	}
	if names == nil {
		return p.text.recordName(r)
	}
	return strings.Join(names, ", ")
}

// structName makes ClientHello of client_hello: what the standard calls the structure of a message of that type.
func structName(name string) string {
	if strings.Contains(name, " ") || strings.HasPrefix(name, "0x") {
		return name
	}
	var text strings.Builder
	for _, word := range strings.Split(name, "_") {
		if word != "" {
			text.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return text.String()
}

// meta says how long a record is and which keys protect it.
func (p *page) meta(r *inspect.Record) string {
	size := p.text.size(recordSize(r))
	switch {
	case !r.Encrypted && (!r.TLS() || r.DecidedAt >= 0):
		return size + ", " + p.Word("report_in_clear")
	case r.TLS() && r.DecidedAt >= 0 && r.Epoch.Kind != inspect.EpochUnknown:
		return size + ", " + p.Word("tui_protected", "epoch", p.text.epoch(r.Epoch), "seq", r.TLSSeq)
	}
	return size + ", " + p.Word("unit_encrypted")
}

// fatesOf returns what became of each unit of a gated connection whose sent record cannot say so: by the event that captured it.
func fatesOf(s *inspect.Session) map[int]inspect.EventKind {
	if !slices.ContainsFunc(s.Connections(), func(c *inspect.Connection) bool { return c.Opening.Gated }) {
		return nil
	}
	until := 0 // the event of the last row that is shown
	shown := 0
	for _, item := range s.Items() {
		if item.HasRow() {
			until = item.Event
			if shown++; shown > mostBoxes {
				break
			}
		}
	}
	fates := make(map[int]inspect.EventKind)
	for event := range s.Recording().Events(0) {
		switch event.Kind {
		case inspect.Dropped, inspect.Altered, inspect.Undeliverable, inspect.Forwarded:
			if 0 <= event.Cause && event.Cause <= until {
				fates[event.Cause] = event.Kind
			}
		}
	}
	return fates
}

// marks says what the wire did to a record.
func (p *page) marks(item inspect.Item) []mark {
	if item.Kind != inspect.RecordItem {
		return nil
	}
	r := item.Record
	if item.Lane == inspect.Received {
		id := map[inspect.Verdict]mark{
			inspect.VerdictAltered: {"altered", "≠", "tui_short_altered"}, inspect.VerdictResealed: {"altered", "≠", "tui_verdict_resealed"},
			inspect.VerdictInjected: {"injected", "+", "tui_short_injected"}, inspect.VerdictRepeated: {"repeated", "↻", "tui_short_repeated"},
			inspect.VerdictReordered: {"repeated", "⇅", "tui_short_reordered"}, inspect.VerdictDropped: {"dropped", "✗", "tui_short_dropped"},
			inspect.VerdictUnreadable: {"dropped", "?", "tui_short_unreadable"},
		}[r.Verdict]
		if id.Word == "" {
			return nil
		}
		return []mark{{id.Class, id.Sign, p.Word(id.Word)}}
	}
	if !p.session.Connections()[item.Conn].Opening.Gated {
		return nil
	}
	switch fate, decided := p.fates[r.Event]; {
	case !decided:
		return []mark{{"held", "‖", p.Word("wire_state_held")}}
	case fate == inspect.Dropped:
		return []mark{{"dropped", "✗", p.Word("wire_state_dropped")}}
	case fate == inspect.Altered:
		return []mark{{"altered", "≠", p.Word("wire_state_altered")}}
	case fate == inspect.Undeliverable:
		return []mark{{"dropped", "✗", p.Word("wire_state_undeliverable")}}
	}
	return nil
}

// fill puts into a box what is inside: item n.
func (p *page) fill(b *box, item inspect.Item, n int) {
	r := item.Record
	told := make(map[string]bool)
	if clear, ok := p.clearColumn(r, told); ok {
		b.Columns = append(b.Columns, clear)
	}
	b.Columns = append(b.Columns, p.sentColumn(b, item, n, told))
	values := r.Protection()
	if !r.TLS() {
		values = r.UnitProtection()
	}
	for _, part := range r.Parts {
		if part.Message == nil {
			continue
		}
		if o := part.Message.ECH(); o != nil {
			values = append(values, o.Sealing()...)
		}
		b.Proofs = append(b.Proofs, p.proofsOf(part.Message)...)
	}
	for _, v := range values {
		if v.Kind != "protection.plaintext" && v.Kind != "ech.plaintext" { // which stand beside
			b.Values = append(b.Values, p.value(v, 0))
		}
	}
}

// clearColumn has the messages in clear, or what else was protected; there is none where a unit is in clear anyway.
func (p *page) clearColumn(r *inspect.Record, told map[string]bool) (c column, ok bool) {
	c.Title = p.Word("report_in_clear")
	content := r.Plaintext()
	switch {
	case r.Encrypted && !r.Decrypted, r.TLS() && r.DecidedAt < 0:
		if reason := r.Reason(); reason.Key != "" {
			c.Note = p.Word("tui_not_decrypted", "why", p.text.reason(reason))
		}
		return c, c.Note != ""
	case content == nil || !r.TLS() && !r.Encrypted:
		return c, false
	case p.isSecret(r):
		c.Note = p.Word("page_withheld_text")
		return c, true
	}
	for _, part := range r.Parts {
		switch m := part.Message; {
		case m != nil:
			c.Dumps = append(c.Dumps, p.dump(dumping{p.Word("tui_subject_message", "name", structName(m.Name()), "count", len(m.Bytes)), m.Bytes, m.Fields(), told, nil}))
			if o := m.ECH(); o != nil && o.Inner != nil {
				c.Dumps = append(c.Dumps, p.dump(dumping{p.Word("tui_subject_message", "name", structName(o.Inner.Name()), "count", len(o.Inner.Bytes)), o.Inner.Bytes, o.Inner.Fields(), told, nil}))
			}
		case part.Offset+part.Length <= len(content):
			b := content[part.Offset:][:part.Length]
			name := structName(p.text.part(part))
			if !r.TLS() {
				name = p.text.recordName(r)
			}
			c.Dumps = append(c.Dumps, p.dump(dumping{p.Word("tui_subject_content", "name", name, "count", len(b)), b, r.PartFields(part, b), told, nil}))
		}
	}
	return c, len(c.Dumps) > 0
}

// sentColumn has the record as it crossed, and what was changed in it.
func (p *page) sentColumn(b *box, item inspect.Item, n int, told map[string]bool) column {
	r := item.Record
	c := column{Title: p.Word(p.text.sentLabel(item))}
	raw := r.Raw()
	if raw == nil {
		c.Note = p.Word("report_let_go")
		return c
	}
	var changes []inspect.Change
	if r.Verdict == inspect.VerdictAltered || r.Verdict == inspect.VerdictResealed {
		if x := p.session.Connections()[item.Conn].Crossing(r); x.Sent != nil && x.Received == r {
			changes = inspect.Changes(x.Sent.Raw(), raw)
			b.Notes = append(b.Notes, p.changes(changes, x.Sent.Raw(), raw)...)
		}
	}
	title := "tui_subject_record"
	switch {
	case changes != nil:
		title = "tui_subject_arrived"
	case item.Lane == inspect.Received:
		title = "page_received"
	case !r.TLS():
		title = "unit_as_sent"
	}
	root := r.FieldsWith(func(earlier *inspect.Record, blocks, block int) string {
		return p.text.Say.SameBlocks(p.numberOf(n, earlier), blocks, block)
	})
	if !r.TLS() {
		root.Name = p.text.recordName(r)
	}
	c.Dumps = []dumped{p.dump(dumping{p.Word(title, "name", p.text.recordName(r), "count", len(raw)), raw, root, told, changes})}
	return c
}

// numberOf returns the number of the row of a record that stands before item n; 0 if it has none.
func (p *page) numberOf(n int, r *inspect.Record) int {
	for number, i := range p.rows() {
		if i >= n-1 {
			break
		}
		if item := p.session.Items()[i]; item.Kind == inspect.RecordItem && item.Record == r {
			return number
		}
	}
	return 0
}

// changes tells the first bytes that are not as they were sent.
func (p *page) changes(changes []inspect.Change, before, after []byte) (notes []string) {
	const most = 8
	moved := 0 // by how much an offset of what was sent differs
	for i, change := range changes {
		if i == most {
			return append(notes, p.Word("page_changes_more", "count", len(changes)-most))
		}
		was := min(change.Offset-moved, len(before))
		old, now := before[was:min(was+change.Old, len(before))], after[change.Offset:min(change.Offset+change.New, len(after))]
		moved += change.New - change.Old
		notes = append(notes, p.Word("page_change", "offset", change.Offset, "old", p.hexOrNone(old), "new", p.hexOrNone(now)))
	}
	return notes
}

func (p *page) hexOrNone(b []byte) string {
	const most = 16
	switch {
	case len(b) == 0:
		return p.Word("report_nothing")
	case len(b) > most:
		return fmt.Sprintf("% x …", b[:most])
	}
	return fmt.Sprintf("% x", b)
}

// isSecret reports whether what a record says in clear is to be left out, because there is a key in it.
func (p *page) isSecret(r *inspect.Record) bool {
	if !p.NoSecrets || !r.Decrypted {
		return false
	}
	return holdsSecret(r.Plaintext(), p.secretsOf(r.Conn))
}

func holdsSecret(text []byte, secrets [][]byte) bool {
	return slices.ContainsFunc(secrets, func(secret []byte) bool { return bytes.Contains(text, secret) })
}

// secretsOf returns the secrets of a connection, whoever knows them.
func (p *page) secretsOf(conn int) [][]byte {
	if known, ok := p.secrets[conn]; ok {
		return known
	}
	if p.secrets == nil || len(p.secrets) > mostChapter {
		p.secrets = make(map[int][][]byte)
	}
	p.secrets[conn] = secretsOf(p.session, conn)
	return p.secrets[conn]
}

// secretsOf returns what of a connection is secret: what was logged, and what the key schedule makes of it.
func secretsOf(s *inspect.Session, conn int) (secrets [][]byte) {
	const least = 12 // bytes: what is shorter is an IV's part at most, and stands somewhere by chance
	for side := range inspect.Side(2) {
		view := s.Connections()[conn].View(side)
		for _, secret := range view.Secrets(side, s.Recording().Len()) {
			secrets = append(secrets, secret.Bytes)
		}
		for _, v := range view.Schedule() {
			if !isPublic(v.Kind) {
				secrets = append(secrets, v.Bytes)
			}
		}
	}
	return slices.DeleteFunc(secrets, func(secret []byte) bool { return len(secret) < least })
}
