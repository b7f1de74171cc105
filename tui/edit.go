package tui

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// edit is a held unit that is being changed. The detail shows it: its bytes, and, as far as they can be read, its fields.
type edit struct {
	unit   inspect.Unit
	record *inspect.Record // nil if it is none
	keys   bool            // the content is changed, and sealed again: by someone who has the keys
	fields bool            // draft is what is changed, else only raw
	draft  inspect.Draft
	raw    []byte
	before []byte
	half   bool // the first digit of a byte was typed
	typing editor
	fit    bool // the value that is typed takes the lengths around it along
}

// now returns the bytes as they are now.
func (e *edit) now() []byte {
	if e.fields {
		return e.draft.Bytes
	}
	return e.raw
}

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
	next := edit{unit: e.unit, record: e.record, keys: keys, raw: e.unit.Bytes}
	if e.record != nil && (keys || !e.record.Encrypted) {
		if draft, err := e.record.Draft(); err == nil {
			next.draft, next.fields = draft, true
		}
	}
	next.before = next.now()
	m.edit = &next
	m.detail = detail{}
	m.showEdit()
	m.detail.turnTo(0, m.pal)
	m.detail.moveByte(0, m.pal)
}

// showEdit has the detail show the bytes as they are now, and keeps its place.
func (m *model) showEdit() {
	e, d := m.edit, &m.detail
	s := subject{bytes: e.now(), title: m.say("tui_subject_record", "count", len(e.now()))}
	switch {
	case e.fields:
		s.root = e.draft.Fields
	case e.record != nil:
		s.root = withoutValues(e.record.Fields(), inspect.Changes(e.before, e.raw))
	default:
		s.root = inspect.Field{Kind: inspect.NotUnderstood, Name: m.say("tui_bytes"), Length: len(s.bytes)}
	}
	if e.keys {
		s.title = m.say("edit_subject_content", "count", len(s.bytes))
	}
	d.subjects = []subject{s}
	if d.open != nil {
		d.layOut(m.pal)
		d.at = min(d.at, max(len(s.bytes)-1, 0))
		d.moveByte(0, m.pal)
	}
}

// withoutValues empties the values of fields in which a byte was changed: they are those of what was sent.
func withoutValues(f inspect.Field, changes []inspect.Change) inspect.Field {
	for at := f.Offset; at < f.End(); at++ {
		if isChanged(changes, at) {
			f.Value = ""
			break
		}
	}
	f.Children = slices.Clone(f.Children)
	for i, child := range f.Children {
		f.Children[i] = withoutValues(child, changes)
	}
	return f
}

// otherHands changes between anyone on the wire and someone who has the keys. What was changed is taken back.
func (m *model) otherHands() tea.Cmd {
	e := m.edit
	switch {
	case e.record == nil || !e.record.Encrypted:
		m.complain("edit_in_clear")
	case !e.keys && !e.record.Decrypted:
		m.complain("edit_not_read")
	default:
		m.begin(e, !e.keys)
	}
	return nil
}

// setByte puts a byte under the cursor.
func (m *model) setByte(b byte) {
	e := m.edit
	at := m.detail.at
	if at >= len(e.now()) {
		return
	}
	var err error
	if e.fields {
		e.draft, err = e.draft.SetBytes(at, 1, []byte{b})
	} else {
		e.raw, err = inspect.ReplaceBytes(e.raw, at, 1, []byte{b})
	}
	m.refuse(err)
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

// flipBit inverts the lowest bit of the byte under the cursor.
func (m *model) flipBit() tea.Cmd {
	if b := m.edit.now(); m.detail.at < len(b) {
		m.edit.half = false
		m.setByte(b[m.detail.at] ^ 0x01)
	}
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
	if !e.fields || !ok {
		m.complain("edit_bytes_only")
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
	d := deed{e.unit, inspect.Alter(func([]byte) []byte { return e.now() }), "edit_sent"}
	if e.keys {
		d.done = "edit_sealed"
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
	who, ink := "edit_anyone", strong
	if e.keys {
		who, ink = "edit_insider", bad
	}
	s.text(ink, m.say(who))
	if text := m.changedLine(); !bytes.Equal(e.before, e.now()) {
		s.text(quiet, text)
	}
	lines := append([]string{m.rule(w, m.say("edit_title", "what", m.named(e.unit)), "")}, s.lines...)
	lines = append(lines, m.keysInLines(w, func(b *binding) bool { return b.holds(onEdit) && b.actsInEdit() })...)
	if len(lines) > height/2 {
		lines = lines[:height/2]
	}
	return append(lines, m.detailView(w, height-len(lines))...)
}

// changedLine says what has been changed, and what the byte under the cursor was.
func (m *model) changedLine() string {
	e := m.edit
	now, at := e.now(), m.detail.at
	changed := 0
	for _, c := range inspect.Changes(e.before, now) {
		changed += max(c.Old, c.New)
	}
	text := m.say("edit_changed", "count", changed)
	if len(now) == len(e.before) && at < len(now) && now[at] != e.before[at] {
		text += " " + m.say("edit_byte", "at", fmt.Sprintf("%04x", at), "was", fmt.Sprintf("%02x", e.before[at]), "is", fmt.Sprintf("%02x", now[at]))
	}
	return text
}

// changedBytes returns which bytes of the detail are not what they were.
func (m *model) changedBytes() []inspect.Change {
	if m.edit == nil {
		return nil
	}
	return inspect.Changes(m.edit.before, m.edit.now())
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
