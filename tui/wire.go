package tui

import (
	"slices"
	"sort"
	"time"

	"example.com/tlslab/inspect"
)

// wire is what crosses the wire, unit by unit: what waits there, and what became of the rest. Its view is another look at
// the streams, as the ladder is.
type wire struct {
	window
	recording *inspect.Recording
	taken     int         // events that were looked at
	units     []unit      // in the order in which they came
	place     map[int]int // by event: the unit that it brought, or decided on
	sel       int         // the event of the selected unit, and 1; 0: whichever needs a decision first
	until     string      // what the wire runs to, in words; "" if to no end
	deed      deed        // that waits for predictions
	silent    bool        // nothing is asked before a deed
	asking    guess       // what was said so far
	guesses   []guess     // of this session, the latest last
	sealed    int         // the unit that was last sealed again, or was to be
	clock     bool        // a second is being counted
	expired   int         // the unit that was last said to have gone on by itself, and 1
	told      toldVerdict
}

// A unit is what was captured by itself, or put on the wire from nowhere.
type unit struct {
	event    int
	conn     int
	from     inspect.Side
	size     int
	injected bool
	fates    []fate // in order
}

// A fate is an event that decided on a unit, or that came of that.
type fate struct {
	event int
	kind  inspect.EventKind
}

// extend takes in what is new.
func (w *wire) extend(r *inspect.Recording) {
	if w.recording != r {
		*w = wire{recording: r, place: make(map[int]int), silent: w.silent}
	}
	for e := range r.Events(w.taken) {
		w.taken = e.Index + 1
		switch e.Kind {
		case inspect.Captured, inspect.Injected:
			w.place[e.Index] = len(w.units)
			w.units = append(w.units, unit{event: e.Index, conn: e.Conn, from: e.Side, size: e.N, injected: e.Kind == inspect.Injected})
		case inspect.Forwarded, inspect.Altered, inspect.Dropped, inspect.Undeliverable, inspect.Expired:
			if i, ok := w.place[e.Cause]; ok {
				w.place[e.Index] = i
				w.units[i].fates = append(w.units[i].fates, fate{e.Index, e.Kind})
			}
		}
	}
}

// visible returns how many units had come once event at had happened.
func (w *wire) visible(at int) int {
	return sort.Search(len(w.units), func(i int) bool { return w.units[i].event > at })
}

// A state is what had become of a unit.
type state uint8

const (
	unitOnItsWay state = iota
	unitHeld
	unitDelayed // somebody has decided on it, and it waits all the same
	unitForwarded
	unitExpired // it was let through since nobody had decided on it in time
	unitOvertaken
	unitRepeated
	unitAltered
	unitDropped
	unitInjected
	unitUndeliverable
)

// delivered returns the event that first brought the unit, or what stands for it, to its receiver; -1 if none had by at.
func (u *unit) delivered(at int) int {
	for _, f := range u.fates {
		if f.event <= at && (f.kind == inspect.Forwarded || f.kind == inspect.Altered) {
			return f.event
		}
	}
	return -1
}

// stateAt returns what had become of unit i once event at had happened, and how often it was delivered.
func (w *wire) stateAt(i, at int, waits func(id int) bool) (s state, times int) {
	u := &w.units[i]
	s = unitOnItsWay
	expired := false
	if u.injected {
		s = unitInjected
	}
	for _, f := range u.fates {
		if f.event > at {
			break
		}
		switch f.kind {
		case inspect.Expired:
			expired = true
		case inspect.Forwarded:
			times++
			s = unitForwarded
		case inspect.Altered:
			times++
			s = unitAltered
		case inspect.Dropped:
			s = unitDropped
		case inspect.Undeliverable:
			s = unitUndeliverable
		}
	}
	switch {
	case s == unitOnItsWay && waits(u.event):
		s = unitHeld
	case s == unitForwarded && times > 1:
		s = unitRepeated
	case s == unitForwarded && w.wasOvertaken(i, at):
		s = unitOvertaken
	case s == unitForwarded && expired:
		s = unitExpired
	}
	return s, times
}

// wasOvertaken reports whether a unit that came later arrived before unit i.
func (w *wire) wasOvertaken(i, at int) bool {
	u := &w.units[i]
	arrived := u.delivered(at)
	for j := i + 1; j < len(w.units) && w.units[j].event < arrived; j++ {
		other := &w.units[j]
		if other.conn != u.conn || other.from != u.from || other.injected {
			continue
		}
		if first := other.delivered(at); first >= 0 && first < arrived {
			return true
		}
	}
	return false
}

// holding reports whether what comes now will wait.
func (m *model) holding() bool { return m.stepper != nil && !m.stepper.Running() }

// pending returns the units that can be decided on, oldest first.
func (m *model) pending() []inspect.Unit {
	if m.stepper == nil {
		return nil
	}
	return m.stepper.Pending()
}

// unitState is the state of unit i at the cursor. What was let go and waits all the same is told from what is held only
// in the present.
func (m *model) unitState(i int, pending []inspect.Unit) (s state, times int) {
	waits := func(id int) bool { return m.time.stopped != nil && m.time.stopped(id) }
	s, times = m.wire.stateAt(i, m.time.event(), waits)
	if conns := m.time.session.Connections(); s == unitOnItsWay && m.wire.units[i].conn < len(conns) && !conns[m.wire.units[i].conn].Opening.Gated {
		return unitForwarded, 1 // what could not be delivered has an event that says so
	}
	id := m.wire.units[i].event
	present := m.time.at == len(m.time.steps)
	if present && s == unitOnItsWay && m.scene.holds(&m.wire.units[i], &m.wire) {
		s = unitHeld
	}
	if s == unitHeld && present && m.sitting == nil && !m.scene.holds(&m.wire.units[i], &m.wire) && !slices.ContainsFunc(pending, func(u inspect.Unit) bool { return u.ID == id }) {
		s = unitDelayed
	}
	return s, times
}

// selectedUnit returns the place of the selected unit among those that are visible; -1 if there is none.
func (m *model) selectedUnit() int {
	visible := m.wire.visible(m.time.event())
	if i, ok := m.wire.place[m.wire.sel-1]; ok && m.wire.sel > 0 && i < visible {
		return i
	}
	for _, u := range m.pending() {
		if i, ok := m.wire.place[u.ID]; ok && i < visible {
			return i
		}
	}
	return visible - 1
}

// selectedHeld returns the selected unit if it can be decided on.
func (m *model) selectedHeld() (inspect.Unit, bool) {
	i := m.selectedUnit()
	if i < 0 {
		return inspect.Unit{}, false
	}
	for _, u := range m.pending() {
		if u.ID == m.wire.units[i].event {
			return u, true
		}
	}
	return inspect.Unit{}, false
}

// attendWire takes in what is new on the wire, and has the detail be about the selected unit.
func (m *model) attendWire() {
	if m.list != onWire {
		return
	}
	m.wire.extend(m.time.session.Recording())
	if i := m.selectedUnit(); i >= 0 && m.time.visible() > 0 {
		if row, ok := m.time.rowAt(m.wire.units[i].event); ok && row < m.time.visible() && row != m.streams.sel.row {
			m.streams.choose(row)
		}
	}
	if m.wire.until != "" && m.holding() {
		m.wire.until = ""
	}
}

// tellExpired says which unit has just gone on by itself.
func (m *model) tellExpired() {
	late := m.time.late - 1
	if late < 0 || m.time.late == m.wire.expired || m.stepper == nil {
		return
	}
	m.wire.expired = m.time.late
	e := m.time.session.Recording().At(late)
	unit := inspect.Unit{ID: late, Conn: e.Conn, From: e.Side, Bytes: e.Bytes}
	m.complain("wire_expired", "what", m.named(unit), "minutes", int(m.stepper.Patience.Minutes()))
}

// most lines tell of single units that were never delivered.
const mostUndelivered = 6

// lastWords says what of a session that is over waited on the wire and was never delivered, unit by unit, and who had
// waited in vain for an answer.
func (m *model) lastWords() []string {
	if m.time.stopped == nil {
		return nil
	}
	m.time.extend()
	m.time.move(len(m.time.steps))
	var lines []string
	units := 0
	for e := range m.time.session.Recording().Events(0) {
		if e.Kind != inspect.Undeliverable || e.Cause < 0 || !m.time.stopped(e.Cause) {
			continue
		}
		if units++; units <= mostUndelivered {
			lines = append(lines, m.say("wire_never_delivered", "what", m.named(inspect.Unit{ID: e.Cause, Conn: e.Conn, From: e.Side}), "bytes", thousands(int64(e.N), m.sentences.Lang())))
		}
	}
	if more := units - mostUndelivered; more > 0 {
		lines = append(lines, m.say("wire_never_delivered_more", "count", more))
	}
	last := m.time.session.Recording().Len() - 1
	conns := m.time.session.Connections()
	for i, c := range conns {
		if i == mostUndelivered {
			break
		}
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			if w, ok := c.InVain(side, last); ok && w.For >= time.Second {
				lines = append(lines, m.say("wire_waited_in_vain", "side", m.side(side), "wait", inSeconds(w.For)))
			}
		}
	}
	return lines
}

// inSeconds writes how long somebody waited.
func inSeconds(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
