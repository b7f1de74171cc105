package tui

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// edit is a held unit that is being changed. The detail shows it: its bytes, and, as far as they can be read, its fields.
type edit struct {
	unit   inspect.Unit
	record *inspect.Record // nil if it is none
	keys   bool            // the content is changed, and sealed again: by someone who has the keys
	draft  inspect.Draft
	before []byte
	half   bool // the first digit of a byte was typed
	typing editor
	fit    bool // the value that is typed takes the lengths around it along
}

// now returns the bytes as they are now.
func (e *edit) now() []byte { return e.draft.Bytes }

// editUnit begins to change the selected unit, as anyone on the wire can.
func (m *model) editUnit() tea.Cmd {
	unit, ok := m.selectedHeld()
	if !ok {
		m.complainNotHeld()
		return nil
	}
	e := &edit{unit: unit}
	if row, ok := m.time.rowAt(unit.ID); ok {
		e.record = m.time.item(row).Record
	}
	m.begin(e, false)
	m.mode = onEdit
	return nil
}

// begin begins anew: with what was sent, or with what it says, which takes the keys.
func (m *model) begin(e *edit, keys bool) {
	next := edit{unit: e.unit, record: e.record, keys: keys, draft: inspect.TextDraft(e.unit.Bytes)}
	switch {
	case e.record == nil:
	case keys:
		next.draft, _ = e.record.Draft() // which is there: otherHands has seen it
	default:
		if draft, err := e.record.Envelope(); err == nil {
			next.draft = draft
		}
	}
	next.before = next.draft.Bytes
	m.edit = &next
	m.detail = detail{}
	m.showEdit()
	m.detail.turnTo(0, m.pal)
	m.detail.moveByte(0, m.pal)
}

// showEdit has the detail show the bytes as they are now, and keeps its place.
func (m *model) showEdit() {
	e, d := m.edit, &m.detail
	s := subject{bytes: e.now(), root: e.draft.Fields, title: m.say("tui_subject_record", "count", len(e.now()))}
	if e.record == nil {
		s.title = m.say("tui_subject_bytes", "count", len(e.now()))
	}
	switch {
	case e.keys:
		s.title = m.say("edit_subject_content", "count", len(s.bytes))
	case isUnit(e.record):
		s.title = m.say("unit_as_sent", "name", m.recordName(e.record), "count", len(s.bytes))
	}
	d.subjects = []subject{s}
	if d.open != nil {
		d.layOut(m.pal)
		d.at = min(d.at, max(len(s.bytes)-1, 0))
		d.moveByte(0, m.pal)
	}
}

// otherHands changes between anyone on the wire and someone who has the keys. What was changed is taken back.
func (m *model) otherHands() tea.Cmd {
	e := m.edit
	switch {
	case m.inClear(e):
		m.complain("edit_in_clear")
	case !e.keys && !e.record.Decrypted:
		m.complain("edit_not_read", "why", m.why(e.record))
	case e.keys:
		m.begin(e, false)
	default:
		if _, err := e.record.Draft(); !m.refuse(err) {
			m.begin(e, true)
		}
	}
	return nil
}

// inClear reports whether nobody needs keys to change what the unit says.
func (m *model) inClear(e *edit) bool {
	return e.record == nil || e.record.DecidedAt >= 0 && !e.record.Encrypted
}

// hidden says why a person without keys does not see what the unit says; "" if there is nothing hidden.
func (m *model) hidden(e *edit) string {
	switch {
	case e.keys || m.inClear(e):
		return ""
	case isUnit(e.record) && e.record.Decrypted:
		return m.say("unit_edit_hidden", "how", m.blindly(e.record))
	case isUnit(e.record):
		return m.say("unit_edit_unknown", "why", m.why(e.record), "how", m.blindly(e.record))
	case e.record.Decrypted:
		return m.say("edit_hidden")
	}
	return m.say("edit_unknown", "why", m.why(e.record))
}

// blindly says what can be done to an encrypted unit without keys, and what comes of it: protocols differ in that.
func (m *model) blindly(r *inspect.Record) string {
	protocol := m.time.session.Connections()[r.Conn].Opening.Protocol
	id := "unit_edit_blindly_" + strings.ReplaceAll(protocol, "-", "_") + "_" + r.Name()
	if !m.sentences.Has(id) {
		id = "unit_edit_blindly"
	}
	return m.say(id)
}

// setByte puts a byte under the cursor.
func (m *model) setByte(b byte) {
	changed, err := m.edit.draft.SetBytes(m.detail.at, 1, []byte{b})
	if !m.refuse(err) {
		m.edit.draft = changed
	}
	m.showEdit()
}

// refuse says why something cannot be changed so.
func (m *model) refuse(err error) bool {
	if err == nil {
		return false
	}
	why := inspect.Safe(err.Error())
	if refusal := new(inspect.Refusal); errors.As(err, &refusal) {
		why = m.because(refusal.Reason)
	}
	m.complain("edit_refused", "why", why)
	return true
}

// flipBit inverts a bit of the byte under the cursor: 0 is the lowest.
func (m *model) flipBit(bit int) tea.Cmd {
	if b := m.edit.now(); m.detail.at < len(b) {
		m.setByte(b[m.detail.at] ^ 1<<bit)
	}
	return nil
}

// digit takes a digit: the number of a bit, half a byte that is written in hexadecimal, or an answer.
func (m *model) digit(key string) tea.Cmd {
	digit, _ := strconv.ParseUint(key, 16, 4)
	switch m.mode {
	case onPredictAlert:
		return m.predictAlert(int(digit))
	case onBytes:
		return m.hexDigit(byte(digit))
	case onEdit:
		return m.flipBit(int(digit))
	}
	return m.choose(int(digit))
}

// writeBytes begins to write bytes in hexadecimal from the cursor on.
func (m *model) writeBytes() tea.Cmd {
	m.edit.half = false
	return m.enter(onBytes)
}

// doneWriting goes back to where the keys act on bits and fields.
func (m *model) doneWriting() tea.Cmd {
	m.edit.half = false
	m.leave()
	return nil
}

// hexDigit sets half a byte: the first digit the upper half, the second the lower one, and goes on.
func (m *model) hexDigit(digit byte) tea.Cmd {
	e, at := m.edit, m.detail.at
	if at >= len(e.now()) {
		return nil
	}
	old := e.now()[at]
	if !e.half {
		m.setByte(digit<<4 | old&0x0f)
		e.half = true
		return nil
	}
	m.setByte(old&0xf0 | digit)
	m.moveEdit(1)
	return nil
}

func (m *model) moveEdit(n int) tea.Cmd {
	m.edit.half = false
	m.detail.moveByte(n, m.pal)
	return nil
}

// undoEdit takes every change back.
func (m *model) undoEdit() tea.Cmd {
	at := m.detail.at
	m.begin(m.edit, m.edit.keys)
	m.detail.moveByte(at, m.pal)
	return nil
}

// askValue begins to write a value for the selected field, the lengths around it fitting or left alone.
func (m *model) askValue(fit bool) tea.Cmd {
	e := m.edit
	f, ok := m.detail.selected()
	if !ok {
		return nil
	}
	e.fit = fit
	e.typing.set(f.Text(e.draft.Bytes))
	return m.enter(onFieldValue)
}

// setValue puts the written value in the field's place.
func (m *model) setValue() tea.Cmd {
	m.leave()
	e := m.edit
	f, ok := m.detail.selected()
	if !ok {
		return nil
	}
	value, err := f.Parse(e.typing.take())
	if err == nil {
		var changed inspect.Draft
		if changed, err = e.draft.Set(f, value, e.fit); err == nil {
			e.draft = changed
		}
	}
	m.refuse(err)
	m.showEdit()
	return nil
}

// sendEdit sends what was made of the unit in its place.
func (m *model) sendEdit() tea.Cmd {
	e := *m.edit
	if !e.keys && bytes.Equal(e.now(), e.before) {
		m.complain("edit_nothing")
		return nil
	}
	m.leaveEdit()
	d := deed{unit: e.unit, action: inspect.Alter(func([]byte) []byte { return e.now() }), done: "edit_sent"}
	if e.keys {
		d.done = "edit_sealed"
		if isUnit(e.record) {
			d.done = "unit_sealed"
		}
		d.action = inspect.Edit(func(was inspect.Draft) (inspect.Draft, error) { return was.WithContent(e.draft.Content()) })
		m.wire.sealed = e.unit.ID
	}
	return m.commit(d, true)
}

// leaveEdit goes back to the wire; the unit waits on as it was.
func (m *model) leaveEdit() tea.Cmd {
	m.edit, m.detail, m.mode = nil, detail{}, m.list
	return nil
}

// attendEdit forgets an edit that was left by another way.
func (m *model) attendEdit() {
	if m.edit != nil && m.mode != onEdit && m.before != onEdit && m.asked != onEdit {
		m.edit, m.detail = nil, detail{}
	}
}

// editView says who changes what, then shows it.
func (m *model) editView(w, height int) []string {
	if m.edit == nil {
		return m.fill(nil, w, height)
	}
	e := m.edit
	s := &sheet{m: m, w: w}
	who, short, ink := "edit_anyone", "edit_without_keys", strong
	if e.keys {
		who, short, ink = "edit_insider", "edit_with_keys", bad
	}
	if isUnit(e.record) {
		who = map[bool]string{false: "unit_edit_anyone", true: "unit_edit_insider"}[e.keys]
	}
	roomy := height >= 14
	if roomy {
		s.text(ink, m.say(who))
		s.text(quiet, m.hidden(e))
	}
	m.bits(s)
	if changed := m.changedLine(); roomy && changed != "" {
		s.text(quiet, changed)
	}
	lines := append([]string{m.rule(w, m.say("edit_title", "what", m.named(e.unit)), m.say(short))}, s.lines...)
	acts := onEdit
	if m.mode == onBytes {
		acts = onBytes
	}
	lines = append(lines, m.keysInLines(w, func(b *binding) bool { return b.holds(acts) && b.actsInEdit() })...)
	if len(lines) > height/2 {
		lines = lines[:height/2]
	}
	return append(lines, m.detailView(w, height-len(lines))...)
}

// bits shows the byte under the cursor, each bit behind the key that inverts it; those that were changed are marked.
func (m *model) bits(s *sheet) {
	e, at := m.edit, m.detail.at
	now := e.now()
	if at >= len(now) {
		return
	}
	spans := []span{{plain, m.say("edit_bits", "at", fmt.Sprintf("%04x", at), "byte", fmt.Sprintf("%02x", now[at])) + " "}}
	for bit := 7; bit >= 0; bit-- {
		value, ink, mark := fmt.Sprint(now[at]>>bit&1), plain, " "
		if len(now) == len(e.before) && (now[at]^e.before[at])>>bit&1 == 1 {
			ink, mark = bad, m.pal.glyphs.altered
		}
		spans = append(spans, span{ink, mark}, span{quiet, fmt.Sprint(bit) + ":"}, span{ink, value})
	}
	s.put(spans...)
}

// changedLine says what has been changed, and what the byte under the cursor was.
func (m *model) changedLine() string {
	e := m.edit
	now, at := e.now(), m.detail.at
	changed := 0
	for _, c := range inspect.Changes(e.before, now) {
		changed += max(c.Old, c.New)
	}
	if changed == 0 {
		return ""
	}
	text := m.say("edit_changed", "count", changed)
	if len(now) == len(e.before) && at < len(now) && now[at] != e.before[at] {
		text += " " + m.say("edit_byte", "at", fmt.Sprintf("%04x", at), "was", fmt.Sprintf("%02x", e.before[at]), "is", fmt.Sprintf("%02x", now[at]))
	}
	return text
}

// changedBytes returns which bytes of the detail are not what they were.
func (m *model) changedBytes() []inspect.Change {
	if m.edit != nil {
		return inspect.Changes(m.edit.before, m.edit.now())
	}
	if s := m.detail.subject(); s != nil && s.was != nil {
		return inspect.Changes(s.was, s.bytes)
	}
	return nil
}

func isChanged(changes []inspect.Change, at int) bool {
	for _, c := range changes {
		if c.Offset <= at && at < c.Offset+max(c.New, 1) && c.Old+c.New > 0 {
			return true
		}
	}
	return false
}

// fieldName names the field that a value is written for.
func (m *model) fieldName() string {
	f, _ := m.detail.selected()
	return inspect.Safe(f.Name)
}
