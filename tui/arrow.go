package tui

import (
	"sort"
	"strings"

	"example.com/tlslab/inspect"
)

// A shaft is how far an arrow goes, and how it ends.
type shaft struct {
	from, to int // cells of the inner width; the client's lifeline is at 0
	stopped  string
}

// leastLabel is how much of a long label stays beside the note on its key.
const leastLabel = 24

// arrow draws what one part of a record holds, between the lifelines.
func (m *model) arrow(r *rung, item *inspect.Item, index, w int) []span {
	g := &m.pal.glyphs
	who := sideInk(item.Side)
	s := m.shaft(r, item, w)
	n := s.to - s.from
	stroke := g.stroke(inspect.EpochUnknown)
	if item.Kind == inspect.RecordItem && !item.Record.TLS() {
		stroke = m.unitStroke(item.Record)
	} else if item.Kind == inspect.RecordItem && m.isDecided(item.Record) {
		stroke = g.stroke(item.Record.Epoch.Kind)
	}
	tail, head := m.tail(item, index), g.toServerHead
	if item.Side == inspect.Server {
		head = g.toClientHead
	}
	if tail == "" {
		tail = stroke
	}
	if s.stopped != "" {
		head = s.stopped
	}
	const fixed = 5 // tail and head, a stroke, and a space on either side of the label
	label, note := m.labelAndNote(r, item, index, n-fixed)
	if note != "" {
		note = " " + note + " " + stroke
	}
	fill := strings.Repeat(stroke, max(n-fixed-lengthOf(label)-width(note), 0))
	left, right := tail, head
	if item.Side == inspect.Server {
		left, right = head, tail
	}
	if m.time.session.Connections()[item.Conn].Opening.SenderUnknown {
		left, right = g.fromAnyone, g.fromAnyone
	}
	spans := append([]span{{plain, spaces(s.from)}, {who, left + stroke + " "}}, label...)
	return append(spans, span{who, " " + fill}, span{quiet, note}, span{who, right}, span{plain, spaces(w - s.to)})
}

// labelAndNote returns what an arrow carries and what it is protected with, in at most w cells in all: the note with the
// blanks and the stroke around it.
func (m *model) labelAndNote(r *rung, item *inspect.Item, index, w int) (label []span, note string) {
	label = m.label(r, item, index)
	if lengthOf(label) > w {
		label = m.shortLabel(r, item, index, label)
	}
	least := lengthOf(label)
	if m.ladderParts(item) == 0 { // what was written may be long: the key goes before
		least = min(least, leastLabel)
	}
	for _, note := range m.arrowNotes(r, item, index) {
		if room := w - width(note) - 4; room >= least {
			return cut(label, room, m.pal.glyphs.more), note
		}
	}
	return cut(label, w, m.pal.glyphs.more), ""
}

// shortLabel leaves out of a label what can be seen elsewhere: the words of proofs, and that what is not told is encrypted.
func (m *model) shortLabel(r *rung, item *inspect.Item, index int, label []span) []span {
	record := item.Record
	switch {
	case index < m.ladderParts(item):
		return append([]span{label[0]}, m.proofMarks(item, index, false)...)
	case item.Kind == inspect.RecordItem && m.isDecided(record) && record.Encrypted && !record.Decrypted && r.first == r.last:
		return []span{{bad, m.why(record)}}
	}
	return label
}

// shaft returns where an arrow begins and ends: what waits on the wire, or was taken off it, has not arrived; what a gate
// put on it begins there.
func (m *model) shaft(r *rung, item *inspect.Item, w int) shaft {
	g := &m.pal.glyphs
	half := shaft{0, w * 3 / 4, ""}
	if item.Side == inspect.Server {
		half = shaft{w - w*3/4, w, ""}
	}
	if item.Kind == inspect.RecordItem && item.Lane == inspect.Sent {
		switch {
		case m.time.isHeld(item.Record, m.time.event()):
			half.stopped = g.held
			return half
		case r.lost > 0 && int(r.lost) <= m.time.event(), m.time.isUndeliverable(item.Record, m.time.event()):
			half.stopped = g.failed
			return half
		case !m.hasArrived(item.Record):
			half.stopped = g.onItsWay
			return half
		}
	}
	switch r := item.Record; {
	case item.Lane == inspect.Sent || r == nil || r.Verdict == inspect.VerdictUnreadable:
	case r.Verdict == inspect.VerdictDropped:
		half.stopped = g.failed
		return half
	default:
		if item.Side == inspect.Client {
			return shaft{w - w*3/4, w, ""}
		}
		return shaft{0, w * 3 / 4, ""}
	}
	return shaft{0, w, ""}
}

// hasArrived reports whether its receiver had the record at the cursor, or one that was sent after it.
func (m *model) hasArrived(r *inspect.Record) bool {
	c := m.time.session.Connections()[r.Conn]
	if !c.Opening.Gated {
		return true
	}
	recording, at := m.time.session.Recording(), m.time.event()
	received := c.View(r.Side.Peer()).Records(r.Side)
	n := sort.Search(len(received), func(i int) bool { return m.time.arrival(received[i].Event) > at })
	for n > 0 && recording.At(received[n-1].Event).Cause < 0 { // put on the wire by a gate
		n--
	}
	return n > 0 && recording.At(received[n-1].Event).Cause >= r.Event
}

// isThere reports whether the item is a record itself, and not word of what became of one.
func isThere(item *inspect.Item) bool {
	return item.Kind == inspect.RecordItem && item.Lane == item.Record.Lane
}

// tail brackets the arrows of messages that share a record.
func (m *model) tail(item *inspect.Item, index int) string {
	if item.Kind != inspect.RecordItem || !m.isDecided(item.Record) || len(item.Record.Parts) < 2 {
		return ""
	}
	signs := m.pal.glyphs.brackets[item.Side]
	switch index {
	case 0:
		return signs[0]
	case len(item.Record.Parts) - 1:
		return signs[2]
	}
	return signs[1]
}

// label says what an arrow carries, and how the proof in it came out.
func (m *model) label(r *rung, item *inspect.Item, index int) []span {
	record := item.Record
	if item.Kind != inspect.RecordItem || !m.isDecided(record) || record.Encrypted && !record.Decrypted {
		what, _ := m.whatHappened(item)
		ink := plain
		if m.isAlarm(item) {
			ink = bad
		}
		return m.counted([]span{{ink, what}}, r, item)
	}
	what := ""
	if item.Lane == inspect.Received && record.Verdict != inspect.VerdictNone {
		what = m.shortVerdict(record.Verdict) + ": " // the place says that it was on the wire
	}
	switch innerType(record) {
	case inspect.ApplicationData:
		return m.counted([]span{{plain, what + quoted(record.Plaintext())}}, r, item)
	case inspect.Handshake:
		if index < len(record.Parts) {
			label := append([]span{{strong, what + m.arrowName(r, record.Parts[index])}}, m.proofMarks(item, index, true)...)
			return append(label, m.innerName(record.Parts[index].Message)...)
		}
	}
	name, _ := m.nameRecord(record)
	ink := plain
	if m.isAlarm(item) {
		ink = bad
	}
	return []span{{ink, what + strings.TrimPrefix(name, m.verdict(record.Verdict)+": ")}}
}

// ladderParts returns how many handshake messages and pieces of them the arrows of an item are.
func (m *model) ladderParts(item *inspect.Item) int {
	if item.Kind != inspect.RecordItem || !m.isDecided(item.Record) || innerType(item.Record) != inspect.Handshake {
		return 0
	}
	return len(item.Record.Parts)
}

// innerName says which server a ClientHello asks for that is encrypted in another one, once that is known.
func (m *model) innerName(message *inspect.Message) []span {
	if message == nil || message.ECH() == nil || message.ECH().Inner == nil || message.ECH().Inner.Event > m.time.event() {
		return nil
	}
	name := inspect.Safe(message.ECH().Inner.ServerName())
	return []span{{quiet, m.pal.glyphs.dot + m.say("tui_ladder_inner", "name", name)}}
}

// arrowName names a message, and a piece of one that other records complete.
func (m *model) arrowName(r *rung, p inspect.Part) string {
	if p.Type == "fragment" && r.whole != nil && r.whole.Event <= m.time.event() {
		if piece := r.piece; p.Message == r.whole || p.Message == nil {
			return m.say("tui_ladder_piece", "message", structName(r.whole.Name()), "at", piece, "of", r.of)
		}
	}
	if p.Message != nil && p.Type != "fragment" {
		return structName(p.Message.Name())
	}
	return m.partName(p)
}

// counted adds how many records a rung stands for.
func (m *model) counted(label []span, r *rung, item *inspect.Item) []span {
	if r.first == r.last {
		return label
	}
	const header = 5 // bytes, of a record
	last := m.time.item(m.ladder.latestRow(m.time, r)).Record
	n := last.Seq - item.Record.Seq + 1
	if n < 2 {
		return label
	}
	bytes := last.Offset + int64(header+last.Length) - item.Record.Offset
	run := m.say("tui_ladder_run", "count", n, "bytes", thousands(bytes, m.sentences.Lang()))
	return []span{{label[0].ink, run + " " + label[0].text}}
}

// latestRow returns the last of a rung's rows at the cursor.
func (l *ladder) latestRow(t *timeline, r *rung) int {
	for row := min(int(r.last), t.visible()-1); row > int(r.first); row-- {
		if t.item(row).Conn == l.conn { // other connections' rows may lie between
			return row
		}
	}
	return int(r.first)
}

// proofMarks shows how the proofs of an arrow came out. What is proven by the message of that name needs no word.
func (m *model) proofMarks(item *inspect.Item, index int, words bool) []span {
	if !isThere(item) {
		return nil
	}
	f := m.findingsOf(m.time.session.Connections()[item.Conn])
	var spans []span
	for _, proof := range f.at(part{item.Record, index}, m.time.event()) {
		if proof.Outcome == inspect.NotApplicable {
			continue
		}
		sign, ink := m.outcomeSign(proof.Outcome)
		word := m.proofWord(proof.Kind)
		switch {
		case !words:
			word = ""
		case word != "":
			word = m.pal.glyphs.dot + word
		}
		spans = append(spans, span{plain, word + " "}, span{ink, sign})
	}
	return spans
}

func (m *model) outcomeSign(o inspect.Outcome) (string, ink) {
	switch o {
	case inspect.Verified:
		return m.pal.glyphs.verified, good
	case inspect.Refuted:
		return m.pal.glyphs.refuted, bad
	case inspect.NotApplicable:
		return m.pal.glyphs.rule, quiet
	}
	return m.pal.glyphs.notCheckable, quiet
}

// arrowNotes say under which key a record is, and how long, the longest first; of several messages in one record, the first
// says that they are.
func (m *model) arrowNotes(r *rung, item *inspect.Item, index int) []string {
	record := item.Record
	if item.Kind != inspect.RecordItem || !m.isDecided(record) || r.first != r.last || index > 0 {
		return nil
	}
	notes := []string{m.say("tui_length", "count", len(record.Raw()))}
	if record.Encrypted && record.TLS() {
		key := m.say("tui_protected", "epoch", m.epochName(record.Epoch), "seq", record.TLSSeq)
		notes = []string{key + m.pal.glyphs.dot + notes[0], key}
	}
	if n := len(record.Parts); n > 1 {
		notes = append([]string{m.say("tui_ladder_one_record", "count", n) + m.pal.glyphs.dot + notes[0]}, notes...)
	}
	return notes
}

// cut shortens spans to w cells in all.
func cut(spans []span, w int, more string) []span {
	var kept []span
	for i, s := range spans {
		s.text = guard(s.text)
		rest := 0
		if i+1 < len(spans) && lengthOf(spans) > w { // a mark at the end stays
			rest = min(lengthOf(spans[i+1:]), w/3)
		}
		if n := width(s.text); n > w-rest {
			s.text = fit(s.text, max(min(n, w-rest), 0), more)
		}
		w -= width(s.text)
		kept = append(kept, s)
	}
	return kept
}

func lengthOf(spans []span) (n int) {
	for _, s := range spans {
		n += width(guard(s.text))
	}
	return n
}
