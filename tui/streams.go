package tui

import (
	"fmt"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
)

// streams is the list of rows: clear text left, what crossed the wire right. Only what is visible is looked at, so that
// it costs the same however long the session is.
//
// A row takes one line, and more where it is unfolded.
type streams struct {
	window
	sel  place
	open map[int]*unfolded // by row
}

// unfolded is what an open row shows below its first line. It is made anew when the record is decided.
type unfolded struct {
	text       []string // of a row that has no bytes, across both columns
	parts      []string
	clear, raw []byte
	width      int // bytes a line
}

func (u *unfolded) lines() int {
	if u == nil {
		return 0
	}
	longest := max(len(u.clear), len(u.raw))
	return len(u.text) + len(u.parts) + (longest+u.width-1)/u.width
}

func (s *streams) lines(row int) int { return 1 + s.open[row].lines() }

// select moves the selection to the row and folds nothing.
func (s *streams) choose(row int) { s.sel = place{max(row, 0), 0} }

// move moves the selection by n lines.
func (s *streams) move(n, rows int) {
	for ; n > 0; n-- {
		if s.sel.line+1 < s.lines(s.sel.row) {
			s.sel.line++
		} else if s.sel.row+1 < rows {
			s.sel = place{s.sel.row + 1, 0}
		}
	}
	for ; n < 0; n++ {
		if s.sel.line > 0 {
			s.sel.line--
		} else if s.sel.row > 0 {
			s.sel = place{s.sel.row - 1, s.lines(s.sel.row-1) - 1}
		}
	}
}

// fold closes an open row, the selection on its first line.
func (s *streams) fold(row int) {
	delete(s.open, row)
	s.sel = place{row, 0}
}

// scroll keeps the selection in the window.
func (s *streams) scroll(rows, height int) {
	if rows == 0 {
		s.sel = place{}
	} else {
		s.sel.row = min(s.sel.row, rows-1)
		s.sel.line = min(s.sel.line, s.lines(s.sel.row)-1)
	}
	s.reveal(s.sel, s.sel, rows, height, s.lines)
}

// view draws the window.
func (s *streams) view(m *model, w, height int) []string {
	rows := m.time.visible()
	s.scroll(rows, height)
	lines := make([]string, 0, height)
	left, rest := halves(w)
	for p := s.top; len(lines) < height && p.row < rows; {
		selected := p == s.sel
		lines = append(lines, m.rowLine(s, p, selected, left, rest))
		if p.line+1 < s.lines(p.row) {
			p.line++
		} else {
			p = place{p.row + 1, 0}
		}
	}
	for len(lines) < height {
		lines = append(lines, m.pal.line(w, false, span{plain, spaces(left)}, span{quiet, m.pal.glyphs.column}))
	}
	return lines
}

// halves returns the widths of the two columns, with one cell between them. Where a lesson stands beside them, the left
// one has some cells more, so that a request of the lessons can be read to its end.
func halves(w int) (left, right int) {
	left = max((w-1)/2, 0)
	if w >= 64 && w < 80 {
		left += 3
	}
	return left, max(w-1-left, 0)
}

// bytesPerLine returns how many bytes of hex a pane shows on a line of a screen that wide.
func bytesPerLine(w int) int {
	if w < 160 {
		return 8
	}
	return 16
}

// rowLine draws one line of one row.
func (m *model) rowLine(s *streams, p place, selected bool, left, rest int) string {
	item := m.time.item(p.row)
	mark := span{plain, " "}
	if selected {
		mark = span{sideInk(item.Side), m.pointer(onStreams)}
	}
	across := width(m.rowText(item)) > left-12
	var clear, sent []span
	switch {
	case p.line > 0:
		clear, sent = m.unfoldedLine(s.open[p.row], p.line-1, left, rest)
	default:
		fold := " "
		if m.canUnfold(item) {
			fold = m.pal.glyphs.folded
			if s.open[p.row] != nil {
				fold = m.pal.glyphs.unfolded
			}
		}
		room := left - 2
		if across {
			room += 1 + rest
		}
		clear = append([]span{{quiet, fold}}, m.clearCell(item, p.row, room)...)
		sent = m.sentCell(item, rest-1)
	}
	lit := selected && (m.mode == onStreams || m.mode > lastPane)
	if across {
		return m.pal.line(left+1+rest, lit, append([]span{mark}, clear...)...)
	}
	clear = append([]span{mark}, clear...)
	sent = append([]span{{plain, " "}}, sent...)
	return m.pal.line(left, lit, clear...) + m.pal.line(1, false, span{quiet, m.pal.glyphs.column}) + m.pal.line(rest, lit, sent...)
}

// pointer is the sign of a pane's selection: thin where the keys go to another pane.
func (m *model) pointer(in mode) string {
	if m.view() == in {
		return m.pal.glyphs.pointer
	}
	return m.pal.glyphs.shadow
}

func (m *model) canUnfold(item *inspect.Item) bool {
	return item.Kind == inspect.RecordItem || item.Kind == inspect.BytesItem || len(m.rowText(item)) > m.sessionWidth()-12
}

// rowText returns the text of a row that has no bytes, which may take both columns; else "".
func (m *model) rowText(item *inspect.Item) string {
	switch item.Kind {
	case inspect.ErrorItem, inspect.ClosedItem, inspect.SilenceItem, inspect.PrintedItem, inspect.GapItem, inspect.NoteItem:
		what, _ := m.whatHappened(item)
		return what
	}
	return ""
}

// clearCell says what happened, in clear: number, direction, name, length.
func (m *model) clearCell(item *inspect.Item, row, w int) []span {
	g := &m.pal.glyphs
	who := sideInk(item.Side)
	number := right(strconv.Itoa(row+1), max(2, digits(len(m.time.rows))))
	spans := []span{{quiet, number + " "}}
	if conns := len(m.time.session.Connections()); conns > 1 && m.time.alone < 0 {
		spans = append(spans, span{quiet, right("#"+strconv.Itoa(item.Conn+1), digits(conns)+1) + " "})
	}
	sign := span{who, " "}
	what, length := m.whatHappened(item)
	switch item.Kind {
	case inspect.ErrorItem:
		sign = span{bad, g.failed}
	case inspect.ClosedItem:
		sign = span{who, g.ended}
	case inspect.PrintedItem, inspect.NoteItem:
		sign = span{who, g.printed}
	case inspect.GapItem:
		sign = span{bad, g.gap}
	case inspect.RecordItem:
		if m.time.isHeld(item.Record, m.time.event()) {
			sign = span{strong, g.held}
		}
	}
	way := g.arrow(item.Side)
	switch {
	case m.isNobodys(item):
		way = " "
	case m.time.session.Connections()[item.Conn].Opening.SenderUnknown:
		way = g.fromAnyone
	}
	spans = append(spans, span{who, way}, sign, span{plain, " "})
	used := 0
	for _, s := range spans {
		used += width(s.text)
	}
	end := ""
	if length >= 0 && w >= 37 { // below that, the text comes first
		end = right(strconv.Itoa(length), 6) + " "
	}
	if r := item.Record; r != nil && w >= 64 && m.isDecided(r) && r.Encrypted && r.TLS() {
		end = " " + m.say("tui_protected", "epoch", m.epochName(r.Epoch), "seq", r.TLSSeq) + " " + end
	}
	room := max(w-used-width(end), 0)
	ink := who
	if item.Kind == inspect.ErrorItem || m.isAlarm(item) {
		ink = bad
	}
	return append(spans, span{ink, fit(what, room, g.more)}, span{quiet, end})
}

// isAlarm reports whether the item is an alert other than close_notify, was tampered with, or is what should not be there.
func (m *model) isAlarm(item *inspect.Item) bool {
	r := item.Record
	switch item.Kind {
	case inspect.GapItem:
		return true
	case inspect.BytesItem: // text before TLS, or instead of it, is no fault
		return m.time.session.Connections()[item.Conn].WasTLS(item.Event) || !inspect.IsText(m.time.session.Bytes(*item, m.time.event()))
	}
	if r == nil || item.Kind != inspect.RecordItem || !m.isDecided(r) {
		return false
	}
	return r.Verdict != inspect.VerdictNone || r.Encrypted && !r.Decrypted || r.TLS() && innerType(r) == inspect.Alert && !isCloseNotify(r)
}

// isDecided reports whether at the cursor it was known what the record holds.
func (m *model) isDecided(r *inspect.Record) bool {
	return r.DecidedAt >= 0 && r.DecidedAt <= m.time.event()
}

func innerType(r *inspect.Record) inspect.ContentType {
	if r.Encrypted {
		return r.InnerType
	}
	return r.Type
}

func isCloseNotify(r *inspect.Record) bool {
	b := r.Plaintext()
	return len(b) == 2 && b[1] == 0
}

// whatHappened names the item in safe text, and returns its length in clear, -1 if there is none.
func (m *model) whatHappened(item *inspect.Item) (string, int) {
	switch item.Kind {
	case inspect.RecordItem:
		return m.whatRecordHolds(item.Record)
	case inspect.BytesItem:
		b := m.time.session.Bytes(*item, max(m.time.event(), item.Event)) // it may be what comes next
		if key := item.Because.Key; key == "after_gap" || key == "rest" {
			return m.say("tui_bytes") + " " + quoted(b), len(b)
		}
		return m.say("tui_not_tls") + " " + quoted(b), len(b)
	case inspect.GapItem:
		if item.Because.Key == "snapped" {
			return m.say("tui_gap_snapped"), -1
		}
		return m.say("tui_gap"), -1
	case inspect.ErrorItem:
		return m.say("tui_error", "side", m.side(item.Side), "text", inspect.SafeOnce(item.Text)), -1
	case inspect.ClosedItem:
		return m.say("tui_closed", "side", m.side(item.Side), "how", m.howEnded(item)), -1
	case inspect.PrintedItem:
		return m.say("tui_printed", "side", m.side(item.Side), "text", inspect.SafeOnce(item.Text)), -1
	case inspect.NoteItem:
		what := m.say("reason_"+item.Because.Key, item.Because.Data...)
		if m.isNobodys(item) {
			return m.say("tui_note_bare", "what", what), -1
		}
		return m.say("tui_note", "side", m.side(item.Side), "what", what), -1
	case inspect.SilenceItem:
		return m.say("tui_silence", "side", m.side(item.Side), "wait", item.Wait.String()), -1
	}
	return "", -1
}

func (m *model) whatRecordHolds(r *inspect.Record) (string, int) {
	if !m.isDecided(r) && r.TLS() {
		return m.say("tui_undecided"), -1
	}
	return m.nameRecord(r)
}

// nameRecord names what a record holds that is decided.
func (m *model) nameRecord(r *inspect.Record) (string, int) {
	if r.Encrypted && !r.Decrypted && r.TLS() {
		return m.say("tui_not_decrypted", "why", m.why(r)), -1
	}
	what := ""
	if r.Verdict != inspect.VerdictNone {
		what = m.verdict(r.Verdict) + ": "
	}
	if !r.TLS() {
		unit, length := m.nameUnit(r)
		return what + unit, length
	}
	switch innerType(r) {
	case inspect.ApplicationData:
		return what + quoted(r.Plaintext()), r.Content
	case inspect.Alert:
		if b := r.Plaintext(); len(b) == 2 {
			what += "Alert " + inspect.AlertName(b[1])
			if b[1] != 0 {
				what += " (" + inspect.AlertLevelName(b[0]) + ")"
			}
			return what, r.Content
		}
		return what + "Alert", r.Content
	case inspect.ChangeCipherSpec:
		return what + "ChangeCipherSpec", r.Content
	}
	names := make([]string, 0, len(r.Parts))
	for _, part := range r.Parts {
		names = append(names, m.partName(part))
	}
	return what + strings.Join(names, ", "), r.Content
}

// partName names a part of a record's content: a message in the words of the standard.
func (m *model) partName(part inspect.Part) string {
	switch {
	case part.Message != nil && part.Type == "fragment":
		return m.say("tui_fragment_last", "message", structName(part.Message.Type.String()))
	case part.Type == "fragment":
		return m.say("tui_fragment")
	}
	return inspect.Safe(structName(part.Type))
}

// structName makes ClientHello of client_hello: the standard's name of a message's structure of its type's name.
func structName(name string) string {
	if strings.ContainsAny(name, " ") || strings.HasPrefix(name, "0x") {
		return name
	}
	words := strings.Split(name, "_")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// quoted shows bytes as text between quotation marks, as much as a row could ever hold.
// quoted shows captured text between quotes; a quote in it has a backslash, as it has in Go.
func quoted(b []byte) string {
	const most = 512
	if len(b) > most {
		b = b[:most]
	}
	return `"` + strings.ReplaceAll(inspect.SafeBytes(b), `"`, `\"`) + `"`
}

// sentCell shows what crossed the wire: record type, length, first bytes.
func (m *model) sentCell(item *inspect.Item, w int) []span {
	var b []byte
	name, length := "", 0
	switch item.Kind {
	case inspect.RecordItem:
		r := item.Record
		b, name, length = r.Raw(), m.recordName(r), r.Length
	case inspect.BytesItem:
		b = m.time.session.Bytes(*item, m.time.event())
		name, length = m.say("tui_bytes"), len(b)
	default:
		return nil
	}
	column := 18
	if w < 36 {
		column = 11
	}
	head := fit(name, column, m.pal.glyphs.more) + right(strconv.Itoa(length), 5) + " "
	return []span{{sideInk(item.Side), head}, {quiet, hexRun(b, w-width(head), m.pal.glyphs.more)}}
}

// hexRun writes as many bytes in hex as have room, with an ellipsis where there are more.
func hexRun(b []byte, w int, more string) string {
	n := (w + 1) / 3
	var s strings.Builder
	for i := range min(n, len(b)) {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(inspect.HexCell(b[i]))
	}
	if n > 0 && n < len(b) && w-(3*n-1) > width(more) {
		s.WriteString(" " + more)
	}
	return s.String()
}

// unfold opens the selected row.
func (m *model) unfold(row int) {
	item := m.time.item(row)
	u := &unfolded{width: bytesPerLine(m.sessionWidth())}
	switch item.Kind {
	case inspect.RecordItem:
		u.raw = item.Record.Raw()
		if m.isDecided(item.Record) {
			u.clear = item.Record.Plaintext()
		}
		if u.clear != nil && len(item.Record.Parts) > 1 {
			for _, part := range item.Record.Parts {
				u.parts = append(u.parts, m.partName(part)+" "+m.say("tui_length", "count", part.Length))
			}
		}
	case inspect.BytesItem:
		u.raw = m.time.session.Bytes(*item, m.time.event())
	default:
		u.text = wrap(m.rowText(item), m.sessionWidth()-10)
	}
	if m.streams.open == nil {
		m.streams.open = make(map[int]*unfolded)
	}
	m.streams.open[row] = u
}

// reopen makes the open rows anew: the cursor, the width or the language has changed.
func (m *model) reopen() {
	for row := range m.streams.open {
		if row >= m.time.visible() {
			delete(m.streams.open, row)
			continue
		}
		m.unfold(row)
	}
}

func (m *model) unfoldedLine(u *unfolded, line, left, rest int) (clear, sent []span) {
	if line < len(u.text) {
		return []span{{plain, "        " + u.text[line]}}, nil
	}
	g := &m.pal.glyphs
	if line < len(u.parts) {
		branch := g.branch
		if line == len(u.parts)-1 {
			branch = g.lastBranch
		}
		return []span{{quiet, "    " + branch}, {plain, u.parts[line]}}, nil
	}
	line -= len(u.parts)
	return dumpLine(u.clear, line*u.width, u.width, left-1), dumpLine(u.raw, line*u.width, u.width, rest-1)
}

// dumpLine is one line of a hex dump, with the bytes as ASCII where there is room for them.
func dumpLine(b []byte, offset, n, w int) []span {
	if offset >= len(b) {
		return nil
	}
	chunk := inspect.HexDump(b[offset:min(offset+n, len(b))], offset, n)[0]
	var hex, ascii strings.Builder
	for i, c := range chunk.Bytes {
		hex.WriteString(inspect.HexGap(i) + inspect.HexCell(c))
		ascii.WriteString(inspect.ASCIICell(c))
	}
	spans := []span{{quiet, fmt.Sprintf("%04x ", offset)}, {plain, fit(hex.String(), hexWidth(n), "")}}
	if 5+hexWidth(n)+1+n <= w {
		spans = append(spans, span{quiet, " " + ascii.String()})
	}
	return spans
}

// hexWidth returns the cells that n bytes take in hex.
func hexWidth(n int) int {
	total := 0
	for i := range n {
		total += len(inspect.HexGap(i)) + 2
	}
	return total
}

func digits(n int) int { return len(strconv.Itoa(n)) }
