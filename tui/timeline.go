package tui

import (
	"sort"

	"example.com/tlslab/inspect"
)

// A timeline is a session laid out in steps, with a cursor: how many of them have happened, as far as the screen is
// concerned. Everything on the screen is a function of the session and the cursor.
type timeline struct {
	session *inspect.Session
	stopped func(id int) bool // reports which units waited on the wire: what was decided on them is a step too; nil if none did

	steps  []step
	rows   []int32       // the items that have a row in the streams, by index
	fates  map[int]int   // by unit that waited: the event that decided on it
	ends   map[int][]int // by connection: the items that end it, by index
	items  int           // how many are laid out
	late   int           // the unit that went on last since its time had run out, and 1; 0: none has
	events int           // how many were looked at

	alone  int  // the connection whose steps and rows these are; -1: all have theirs
	at     int  // steps done
	past   int  // all of them are, and yet the cursor stands at this event; 0: it does not
	follow bool // the cursor stays at the end
}

// A step is one thing that happened: an item, or (item -1) a decision of the gate. Rows is how many rows there are once
// it is done. The fields are narrow since there can be millions.
type step struct {
	event, item, rows int32
}

func newTimeline(r *inspect.Recording, stopped func(id int) bool) *timeline {
	t := &timeline{session: inspect.NewSession(r), stopped: stopped, fates: make(map[int]int), ends: make(map[int][]int), alone: -1}
	t.layOut()
	return t
}

// lookAt lays out the steps and rows of one connection alone, or with -1 of all. The cursor stays at the same event.
func (t *timeline) lookAt(conn int) {
	at := t.event()
	t.past, t.alone, t.steps, t.rows, t.items, t.events, t.late = 0, conn, nil, nil, 0, 0, 0
	clear(t.fates)
	clear(t.ends)
	t.layOut()
	if t.at = len(t.steps); !t.follow {
		t.at = sort.Search(len(t.steps), func(i int) bool { return int(t.steps[i].event) > at })
		if t.at == len(t.steps) {
			t.past = max(at, 0)
		}
	}
}

// has reports whether what happens on the connection has steps and rows.
func (t *timeline) has(conn int) bool { return t.alone < 0 || t.alone == conn }

// extend takes in what is new and reports whether there was anything.
func (t *timeline) extend() bool {
	if !t.session.Extend() {
		return false
	}
	t.layOut()
	if t.follow {
		t.at = len(t.steps)
	}
	return true
}

// taken returns how many events are laid out. The recording may hold more by now: nothing on the screen may ask for these.
func (t *timeline) taken() int { return t.session.Taken() }

func (t *timeline) layOut() {
	items := t.session.Items()
	for ; t.items < len(items); t.items++ {
		item := &items[t.items]
		t.decisionsBefore(item.Event)
		if item.Final() {
			t.ends[item.Conn] = append(t.ends[item.Conn], t.items)
		}
		if item.HasRow() && t.has(item.Conn) {
			t.rows = append(t.rows, int32(t.items))
			t.steps = append(t.steps, step{int32(item.Event), int32(t.items), int32(len(t.rows))})
		}
	}
	t.decisionsBefore(t.taken())
}

// decisionsBefore makes steps of what a gate let through, or not, before that event.
func (t *timeline) decisionsBefore(event int) {
	if t.stopped == nil {
		return
	}
	for ; t.events < event; t.events++ {
		e := t.session.Recording().At(t.events)
		if e.Cause < 0 || !t.stopped(e.Cause) {
			continue
		}
		switch e.Kind {
		case inspect.Forwarded, inspect.Dropped, inspect.Altered:
			if _, twice := t.fates[e.Cause]; !twice {
				t.fates[e.Cause] = e.Index
			}
			if t.has(e.Conn) {
				t.steps = append(t.steps, step{int32(e.Index), -1, int32(len(t.rows))})
			}
		case inspect.Expired:
			t.late = e.Cause + 1
		case inspect.Undeliverable:
			if _, twice := t.fates[e.Cause]; !twice {
				t.fates[e.Cause] = e.Index
			}
		}
	}
}

// event returns the event whose state is shown: the last one before the next step, so that what an endpoint concludes
// from a step shows with it. It is -1 before everything.
func (t *timeline) event() int {
	if t.at == len(t.steps) {
		if t.at == 0 && !t.follow {
			return -1
		}
		if t.past > 0 {
			return t.past
		}
		return t.taken() - 1
	}
	next := int(t.steps[t.at].event) - 1
	if t.at == 0 {
		return -1
	}
	return max(int(t.steps[t.at-1].event), next)
}

// arrival returns the event from which on the screen says that an event has come to pass: what nobody held arrives with
// the step that sent it, however long the wire takes in this run.
func (t *timeline) arrival(event int) int {
	e := t.session.Recording().At(event)
	if e.Kind != inspect.Forwarded || t.stopped != nil && t.stopped(e.Cause) {
		return event
	}
	return e.Cause
}

// since returns the event from which on the screen says that an endpoint has a message.
func (t *timeline) since(message *inspect.Message) int {
	if message.Record.Verdict != inspect.VerdictNone { // a step of its own brought it
		return message.Event
	}
	return t.arrival(message.Event)
}

// state returns what a side's view had come to at the cursor: what was sent by then has arrived, unless it is held.
func (t *timeline) state(c *inspect.Connection, side inspect.Side) inspect.State {
	at, received := t.event(), c.View(side).Records(side.Peer())
	if i := sort.Search(len(received), func(i int) bool { return t.arrival(received[i].Event) > at }); i > 0 {
		at = max(at, received[i-1].Event)
	}
	return c.View(side).State(at)
}

// visible returns how many rows have happened.
func (t *timeline) visible() int {
	if t.at == 0 {
		return 0
	}
	return int(t.steps[t.at-1].rows)
}

// item returns the item in row i.
func (t *timeline) item(i int) *inspect.Item { return &t.session.Items()[t.rows[i]] }

// next returns the item of the next step, or nil: there is none, or it is a decision of the gate.
func (t *timeline) next() *inspect.Item {
	if t.at == len(t.steps) || t.steps[t.at].item < 0 {
		return nil
	}
	return &t.session.Items()[t.steps[t.at].item]
}

// decided returns the row of the unit that the step at i is a decision on.
func (t *timeline) decided(i int) (row int, ok bool) {
	if i < 0 || i >= len(t.steps) || t.steps[i].item >= 0 {
		return 0, false
	}
	return t.rowAt(t.session.Recording().At(int(t.steps[i].event)).Cause)
}

// move sets the cursor, within bounds; at the end it follows.
func (t *timeline) move(at int) {
	t.at, t.past = min(max(at, 0), len(t.steps)), 0
	t.follow = t.at == len(t.steps)
}

// isHeld reports whether the record waited on the wire when the event at had happened.
func (t *timeline) isHeld(r *inspect.Record, at int) bool {
	if !t.hasStopped(r) {
		return false
	}
	fate, decided := t.fates[r.Event]
	return !decided || fate > at
}

// hasStopped reports whether the record waited on the wire.
func (t *timeline) hasStopped(r *inspect.Record) bool {
	return t.stopped != nil && r != nil && r.Lane == inspect.Sent && t.stopped(r.Event)
}

// isUndeliverable reports whether a record that had waited on the wire found nobody there to receive it.
func (t *timeline) isUndeliverable(r *inspect.Record, at int) bool {
	if !t.hasStopped(r) {
		return false
	}
	fate, decided := t.fates[r.Event]
	return decided && fate <= at && t.session.Recording().At(fate).Kind == inspect.Undeliverable
}

// ending returns what ended the connection, or nil if nothing had by the event at: the first close_notify, fatal alert or
// end of a side. over is whether both sides had come to their end.
func (t *timeline) ending(conn, at int) (first *inspect.Item, over bool) {
	var ended [2]bool
	for _, i := range t.ends[conn] {
		item := &t.session.Items()[i]
		if item.Event > at {
			break
		}
		if first == nil {
			first = item
		}
		ended[item.Side] = ended[item.Side] || item.Kind == inspect.ClosedItem
	}
	return first, ended[inspect.Client] && ended[inspect.Server]
}

// rowAt returns the row of the record, or the bytes, that the event brought.
func (t *timeline) rowAt(event int) (row int, ok bool) {
	row = sort.Search(len(t.rows), func(i int) bool { return t.item(i).Event >= event })
	for ; row < len(t.rows) && t.item(row).Event == event; row++ {
		if kind := t.item(row).Kind; kind == inspect.RecordItem || kind == inspect.BytesItem {
			return row, true
		}
	}
	return 0, false
}

// rowOf returns the row of a record, if it is visible.
func (t *timeline) rowOf(r *inspect.Record) (row int, ok bool) {
	visible := t.visible()
	row = sort.Search(visible, func(i int) bool { return t.item(i).Event >= r.Event })
	for ; row < visible; row++ {
		if item := t.item(row); item.Record == r {
			return row, true
		} else if item.Event > r.Event {
			break
		}
	}
	return 0, false
}
