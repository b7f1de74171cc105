package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// wireHead says what the wire does now.
func (m *model) wireHead(w int) string {
	hint := ""
	switch n := len(m.pending()); {
	case m.scene != nil:
		hint = m.say("scene_wire")
	case m.sitting != nil:
		hint = m.say("course_wire")
	case m.stepper == nil:
		hint = m.say("wire_no_gate_hint")
	case m.wire.until != "":
		hint = m.say("wire_runs_until", "until", m.wire.until)
	case !m.holding():
		hint = m.say("wire_runs")
	default:
		hint = m.say("wire_holds", "count", n)
	}
	return m.rule(w, m.say("wire_title"), hint)
}

// wireView draws the units, what can be done with the selected one, and what both endpoints made of it all.
func (m *model) wireView(w, height int) []string {
	acts := m.acts(w)
	if most := max(height/2, height-4); len(acts) > most {
		acts = acts[:most]
	}
	about := m.verdictLines(w)
	room := height - len(acts)
	below := min(len(about)+1, (room+1)/2)
	lines := append(m.unitLines(w, room-below), acts...)
	if len(about) > 0 {
		hint := ""
		if len(about) > below-1 {
			hint = m.say("wire_verdicts_hint")
		}
		lines = append(lines, m.rule(w, m.say("wire_verdicts"), hint))
		lines = append(lines, about[:max(below-1, 0)]...)
	}
	return m.fill(lines, w, height)
}

// unitLines draws the part of the list around the selected unit.
func (m *model) unitLines(w, height int) []string {
	visible, sel := m.wire.visible(m.time.event()), m.selectedUnit()
	if m.time.at == 0 {
		visible = 0
	}
	if visible == 0 {
		var lines []string
		id, waiting := "wire_empty", []string(nil)
		if m.o.Stage == nil && len(m.time.steps) == 0 {
			id, waiting = "wire_empty_watch", m.waitingLines(w)
		}
		for _, line := range wrap(m.say(id), w-2) {
			lines = append(lines, m.pal.line(w, false, span{quiet, " " + line}))
		}
		if len(lines)+len(waiting) > height { // what can be done goes before what there will be
			return m.fill(waiting[min(1, len(waiting)):], w, height)
		}
		return m.fill(append(lines, waiting...), w, height)
	}
	one := func(int) int { return 1 }
	next := min(sel+1, visible-1) // is what the selected unit is followed by, and would be swapped with
	m.wire.reveal(place{sel, 0}, place{next, 0}, visible, height, one)
	pending := m.pending()
	var lines []string
	for i := m.wire.top.row; i < visible && len(lines) < height; i++ {
		lines = append(lines, m.unitLine(i, i == sel, pending, w))
	}
	return m.fill(lines, w, height)
}

// unitLine draws a unit: number, direction, what became of it, what it says, its length.
func (m *model) unitLine(i int, selected bool, pending []inspect.Unit, w int) string {
	u := &m.wire.units[i]
	who, mark := sideInk(u.from), span{plain, " "}
	if selected {
		mark = span{who, m.pointer(onWire)}
	}
	number, what := "", m.say("tui_length", "count", u.size)
	if row, ok := m.time.rowAt(u.event); ok && row < m.time.visible() {
		number = strconv.Itoa(row + 1)
		what, _ = m.whatHappened(m.time.item(row))
	}
	spans := []span{mark, {quiet, right(number, max(2, digits(len(m.time.rows)))) + " "}}
	if conns := len(m.time.session.Connections()); conns > 1 {
		spans = append(spans, span{quiet, right("#"+strconv.Itoa(u.conn+1), digits(conns)+1) + " "})
	}
	s, times := m.unitState(i, pending)
	sign, name, ink := m.stateName(s, times)
	if left, counted := m.patience(u.event); counted && s == unitHeld {
		name += " " + left
	}
	column := 20
	if w < 76 {
		column = 15
	}
	spans = append(spans, span{who, m.pal.glyphs.arrow(u.from)}, span{ink, sign + " " + fit(name, column, m.pal.glyphs.more) + " "})
	end := right(strconv.Itoa(u.size), 6) + " "
	room := w - width(end)
	for _, s := range spans {
		room -= width(s.text)
	}
	inkWhat := who
	if s != unitHeld && s != unitOnItsWay && s != unitForwarded {
		inkWhat = plain
	}
	spans = append(spans, span{inkWhat, fit(what, max(room, 0), m.pal.glyphs.more)}, span{quiet, end})
	return m.pal.line(w, selected && (m.mode == onWire || m.mode > lastPane), spans...)
}

// stateName names a state, with its sign.
func (m *model) stateName(s state, times int) (sign, name string, i ink) {
	g := &m.pal.glyphs
	switch s {
	case unitHeld:
		return g.held, m.say("wire_state_held"), strong
	case unitDelayed:
		return g.held, m.say("wire_state_delayed"), strong
	case unitForwarded:
		return " ", m.say("wire_state_forwarded"), quiet
	case unitExpired:
		return g.held, m.say("wire_state_expired"), bad
	case unitOvertaken:
		return g.altered, m.say("wire_state_overtaken"), bad
	case unitRepeated:
		return g.altered, m.say("wire_state_repeated", "count", times), bad
	case unitAltered:
		return g.altered, m.say("wire_state_altered"), bad
	case unitDropped:
		return g.failed, m.say("wire_state_dropped"), bad
	case unitInjected:
		return g.altered, m.say("wire_state_injected"), bad
	case unitUndeliverable:
		return g.failed, m.say("wire_state_undeliverable"), bad
	}
	return " ", m.say("wire_state_on_its_way"), quiet
}

// patience is how long a held unit still waits, if that is bounded.
func (m *model) patience(id int) (left string, counted bool) {
	if m.stepper == nil || m.stepper.Patience <= 0 {
		return "", false
	}
	deadline, ok := m.stepper.Deadline(id)
	if !ok {
		return "", false
	}
	seconds := max(int(time.Until(deadline).Round(time.Second)/time.Second), 0)
	return strconv.Itoa(seconds/60) + ":" + right2(seconds%60), true
}

func right2(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// A second says that a countdown has gone on.
type second struct{}

// count keeps the countdown of held units going, as long as there is one.
func (m *model) count() tea.Cmd {
	if m.wire.clock || m.stepper == nil || m.stepper.Patience <= 0 || len(m.pending()) == 0 {
		return nil
	}
	m.wire.clock = true
	return m.live.task(func() tea.Msg {
		select {
		case <-time.After(time.Second):
			return second{}
		case <-m.live.ctx.Done():
			return nil
		}
	})
}

// acts names the keys that act on the selected unit, or asks what was begun.
func (m *model) acts(w int) []string {
	switch {
	case m.mode == onUntil:
		return m.untilLines(w)
	case m.mode == onPredict, m.mode == onPredictAlert, m.mode == onPredictRead:
		return m.predictLines(w)
	case m.stepper == nil, m.o.Stage == nil && len(m.time.steps) == 0: // nothing has come yet
		return nil
	}
	_, some := m.selectedHeld()
	return m.keysInLines(w, func(b *binding) bool {
		return b.holds(onWire) && b.actsOnWire() && (some || slices.Contains(actsAlways, b.brief)) &&
			(b.brief != "wire_act_extend" || m.stepper.Patience > 0)
	})
}

// keysInLines names keys and what they do.
func (m *model) keysInLines(w int, wanted func(*binding) bool) []string {
	var choices []choice
	for i := range m.keys {
		if b := &m.keys[i]; wanted(b) {
			key, _, _ := strings.Cut(b.show, " ")
			choices = append(choices, choice{m.keyNames(key), m.actWord(b.brief)})
		}
	}
	return m.choicesInLines(w, choices)
}

// A choice is a key, and what it stands for.
type choice struct{ key, word string }

// choicesInLines names choices on as many lines as they take.
func (m *model) choicesInLines(w int, choices []choice) []string {
	var lines []string
	var spans []span
	used := 0
	flush := func() {
		if len(spans) > 0 {
			lines = append(lines, m.pal.line(w, false, append([]span{{plain, " "}}, spans...)...))
		}
		spans, used = nil, 0
	}
	for _, c := range choices {
		gap, need := "  ", width(c.key)+1+width(c.word)
		if 1+used+len(gap)+need > w {
			flush()
		}
		if used == 0 {
			gap = ""
		}
		spans = append(spans, span{plain, gap}, span{strong, c.key}, span{plain, " " + c.word})
		used += len(gap) + need
	}
	flush()
	return lines
}

// actsAlways are the acts that need no unit that waits.
var actsAlways = []string{"wire_act_until", "wire_act_hold", "wire_act_ask"}

// actsOnWire reports whether the key stands beside what it acts on, and not in the footer.
func (b *binding) actsOnWire() bool { return strings.HasPrefix(b.brief, "wire_act_") }

// actsInEdit is the same of a unit that is being changed.
func (b *binding) actsInEdit() bool { return strings.HasPrefix(b.brief, "edit_act_") }

// actWord says what a key of the wire does now.
func (m *model) actWord(id string) string {
	switch {
	case id == "wire_act_hold" && m.holding():
		return m.say("wire_act_run")
	case id == "wire_act_ask" && m.wire.silent:
		return m.say("wire_act_ask_not")
	case id == "edit_act_hands" && m.edit != nil && m.edit.keys:
		return m.say("edit_act_hands_without")
	}
	return m.say(id)
}

// toggleWire shows the wire in the streams' place.
func (m *model) toggleWire() tea.Cmd {
	if m.list == onWire {
		m.mode, m.list = onStreams, onStreams
		return nil
	}
	m.mode, m.list = onWire, onWire
	m.wire.sel = 0
	return nil
}

// showWire shows the wire, for a command that is about the unit that is selected there.
func (m *model) showWire() {
	if m.list != onWire {
		m.toggleWire()
		m.attendWire()
	}
}

// selectUnit moves the selection along the wire.
func (m *model) selectUnit(n int) tea.Cmd {
	visible := m.wire.visible(m.time.event())
	if visible == 0 {
		return nil
	}
	i := min(max(m.selectedUnit()+n, 0), visible-1)
	m.wire.sel = m.wire.units[i].event + 1
	return nil
}

// named is a unit in a sentence: what it says, and whose it is.
func (m *model) named(u inspect.Unit) string {
	return m.say("wire_unit", "what", strings.TrimSpace(m.heldName(u)), "side", m.side(u.From))
}

func (m *model) toggleVerdicts() tea.Cmd { return m.toggleView(onVerdicts) }
