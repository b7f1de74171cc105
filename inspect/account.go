package inspect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"time"
)

// An Account is what one endpoint made of a connection, as far as it had come
// once an event had happened. It is made of what the endpoint did, never of the
// wording of an error.
//
// Errors and clear text are known of endpoints of this process alone; alerts,
// where the recording holds the secrets that they are under.
type Account struct {
	Side     Side
	Errors   []Failure // that it returned, each wording once, in order
	Alerts   []Alerted // that it sent, in order
	Heard    []Alerted // that it received and could read, in order, whoever sent them
	Silences []Silence // in which it waited for its peer in vain
	Ended    Closing   // how what it sends ended; 0 while it goes on
	Saw      Closing   // how it saw its peer end; 0 if it did not

	// What its peer sent and it did not get: since a gate took it off the wire
	// (or put something else in its place, which Altered counts), since it could
	// not be handed over, or since it still waits for a gate. Without a gate,
	// a unit is what was captured at once.
	Dropped, Altered, Undelivered, Held Amount

	Wrote, Read int64    // bytes of clear text, by its program
	Fidelity    Fidelity // of what its program read to what the peer's wrote
	Agrees      int64    // bytes that its program read as the peer's wrote them, from the first on
}

// A Failure is an error that an endpoint returned.
type Failure struct {
	Event int
	Error *EndpointError
}

// An Alerted is an alert as one endpoint knows it.
type Alerted struct {
	Level, Description byte // RFC 8446 section 6
	Event              int  // that brought its record: to the wire, or of one that was heard, to the endpoint
	Record             *Record
	Fate               Fate // of one that was sent, 0 where [Item.Elsewhere] is so; FateRead of one that was heard
	Decided            int  // the event from which on the fate is so; -1 while it waits
}

// Fatal reports whether the alert says that something is wrong, so that the
// connection is over for who sent it. In TLS 1.3 every alert does but
// close_notify and user_canceled, whatever its level (RFC 8446 section 6).
func (a Alerted) Fatal() bool {
	const fatal, closeNotify, userCanceled = 0x02, 0x00, 0x5a
	if a.Description == closeNotify || a.Description == userCanceled {
		return false
	}
	return a.Level == fatal || a.Record.view.state().Version == version13
}

// A Fate says what became of an alert on its way.
type Fate uint8

// The fates.
const (
	FateHeld        Fate = iota + 1 // it waits for a gate, or is on its way
	FateRead                        // it arrived, and its receiver could read it
	FateUnread                      // it arrived, and its receiver could not read it
	FateAltered                     // something else arrived in its place
	FateDropped                     // a gate took it off the wire
	FateUndelivered                 // it could not be handed over
	FateLate                        // it arrived and could have been read, but its receiver had sent a fatal alert, and read no more
)

// String returns the fate in lower case; "" for none.
func (f Fate) String() string {
	return [...]string{"", "held", "read", "not readable", "altered", "dropped", "undeliverable", "late"}[f]
}

// A Silence is an endpoint's waiting until its deadline.
type Silence struct {
	Event int
	Wait  time.Duration
}

// An Amount is so many units, and so many bytes of them.
type Amount struct {
	Units int
	Bytes int64
}

func (a *Amount) add(bytes int) { a.Units, a.Bytes = a.Units+1, a.Bytes+int64(bytes) }

// A Fidelity says how the clear text that one program read compares to what the
// other wrote.
type Fidelity uint8

// The fidelities.
const (
	TextUnknown   Fidelity = iota // not both programs are in the recording, or the text was let go
	TextWhole                     // all of it, and nothing else
	TextBeginning                 // its beginning, or nothing: the rest is lost, or not read yet
	TextDifferent                 // from some byte on, what was never written there
)

// String returns the fidelity in English.
func (f Fidelity) String() string {
	return [...]string{"unknown", "whole", "a beginning", "different"}[f]
}

// Account returns what side made of the connection, once event at had happened.
// It takes time in the number of its events that a gate or an end brought, and
// in its clear text.
func (c *Connection) Account(side Side, at int) Account {
	sent, received := c.passages(side, at), c.passages(side.Peer(), at)
	a := Account{Side: side, Alerts: c.alertsOf(side, at, sent), Heard: c.heardBy(side, at, received)}
	c.tellOwn(&a, at)
	for _, p := range received {
		switch p.fate {
		case FateHeld:
			a.Held.add(p.lost)
		case FateDropped:
			a.Dropped.add(p.lost)
		case FateAltered:
			a.Altered.add(p.lost)
		case FateUndelivered:
			a.Undelivered.add(p.lost)
		}
	}
	closeNotify := func(alert Alerted) bool { return alert.Description == 0 }
	switch {
	case (a.Ended == ClosedEndOfFile || a.Ended == ClosedBroken) && slices.ContainsFunc(a.Alerts, closeNotify):
		a.Ended = ClosedNotify
	case a.Ended == ClosedEndOfFile && c.views[side].lanes[side].unread():
		a.Ended = ClosedUnread
	}
	if slices.ContainsFunc(a.Heard, closeNotify) {
		a.Saw = ClosedNotify
	}
	c.compareText(&a, at)
	return a
}

// A Notice is the first sign that an endpoint gives of having found something
// wrong with what it received: an alert, or an error.
type Notice struct {
	Side  Side
	Event int
}

// Noticed returns who was the first to notice something by the time that event
// at had happened; ok is false if nobody had. An endpoint notices by sending
// an alert that is fatal, or by failing to read without having been told by
// such an alert of its peer. It does not notice by running out of time, or
// when its connection is torn down by its own program or by the tap.
func (c *Connection) Noticed(at int) (first Notice, ok bool) {
	for _, side := range []Side{Client, Server} {
		notice, noticed := c.NoticedBy(side, at)
		if noticed && (!ok || notice.Event < first.Event) {
			first, ok = notice, true
		}
	}
	return first, ok
}

// NoticedBy is [Connection.Noticed] of one side, whatever the other had noticed before.
func (c *Connection) NoticedBy(side Side, at int) (Notice, bool) {
	event, noticed := c.noticed(c.Account(side, at))
	return Notice{side, event}, noticed
}

// never is an event that does not come.
const never = math.MaxInt

func (c *Connection) noticed(a Account) (event int, ok bool) {
	event = never
	if i := slices.IndexFunc(a.Alerts, Alerted.Fatal); i >= 0 {
		event = a.Alerts[i].Event
	}
	for _, failure := range a.Errors {
		if !failure.Error.ownDoing() && c.fed(a.Side, failure.Event) && !warned(a.Heard, failure.Event) {
			event = min(event, failure.Event)
			break
		}
	}
	return event, event < never
}

// warned reports whether a fatal alert had been heard by the event.
func warned(heard []Alerted, by int) bool {
	return slices.ContainsFunc(heard, func(alert Alerted) bool { return alert.Fatal() && alert.Event < by })
}

// fed reports whether by the event anything of its peer had reached side, bytes
// or their end, and the tap had not torn the connection down.
func (c *Connection) fed(side Side, by int) bool {
	end, how := c.drained(side.Peer(), by)
	if c.Opening.Gated && end >= 0 && how == Cut {
		return false
	}
	came := c.views[side].lanes[side.Peer()].chunks
	return end >= 0 || len(came) > 0 && came[0].event < by
}

// ownDoing reports whether the error comes from a deadline, from a context, or
// from the connection's having been closed, or was met in writing: then nothing
// that the endpoint received has brought it about.
func (e *EndpointError) ownDoing() bool {
	if e == nil || e.Op == "write" || e.Op == "close" {
		return true
	}
	own := func(target error) bool { return errors.Is(e.Err, target) }
	return slices.ContainsFunc([]error{os.ErrDeadlineExceeded, context.DeadlineExceeded, context.Canceled, io.ErrClosedPipe}, own)
}

// tell keeps an event that accounts are made of.
func (c *Connection) tell(e Event) {
	switch e.Kind {
	case Captured:
		if !c.Opening.Gated {
			return
		}
	case Wrote, Read, LetGo:
		return
	}
	c.story = append(c.story, e.Index)
}

func (c *Connection) events(at int) func(yield func(Event) bool) {
	return func(yield func(Event) bool) {
		recording := c.views[Client].session.recording
		for _, i := range c.story {
			if i > at || !yield(recording.At(i)) {
				return
			}
		}
	}
}

// tellOwn fills in what the endpoint said of itself, and how the directions ended.
func (c *Connection) tellOwn(a *Account, at int) {
	for e := range c.events(at) {
		switch {
		case e.Kind == Failed && e.Side == a.Side && e.Err != nil:
			again := func(f Failure) bool { return f.Error.Text == e.Err.Text }
			if !slices.ContainsFunc(a.Errors, again) {
				a.Errors = append(a.Errors, Failure{e.Index, e.Err})
			}
		case e.Kind == Silent && e.Side == a.Side:
			a.Silences = append(a.Silences, Silence{e.Index, time.Duration(e.N) * time.Millisecond})
		case e.Kind == Ended && e.Side == a.Side:
			a.Ended = closing(e.How)
		}
	}
	if end, how := c.drained(a.Side.Peer(), at); end >= 0 {
		a.Saw = closing(how)
	}
}

func closing(how Ending) Closing {
	switch how {
	case Cut:
		return ClosedCut
	case Broken:
		return ClosedBroken
	}
	return ClosedEndOfFile
}

// drained returns the event at which the receiver of what from sends saw the
// end of it, and how; -1 if it has not.
func (c *Connection) drained(from Side, at int) (event int, how Ending) {
	kind := Ended
	if c.Opening.Gated {
		kind = Drained
	}
	for e := range c.events(at) {
		if e.Kind == kind && e.Side == from && e.How != Broken {
			return e.Index, e.How
		}
	}
	return -1, 0
}

// A passage is what had become of a unit.
type passage struct {
	fate  Fate // FateUnread for all that arrived
	event int  // that decided it; -1 while it waits
	lost  int  // how many bytes of it did not arrive
}

// passages returns what had become of what from sent, by the events that
// captured it. Without a gate that is only what was not delivered.
func (c *Connection) passages(from Side, at int) map[int]*passage {
	all := make(map[int]*passage)
	arrived := make(map[int]*passage) // by the event that brought it
	for e := range c.events(at) {
		if e.Side != from {
			continue
		}
		p := all[e.Cause]
		waits := p != nil && p.fate == FateHeld
		switch {
		case e.Kind == Captured:
			all[e.Index] = &passage{FateHeld, -1, e.N}
		case e.Kind == Forwarded && waits:
			*p = passage{FateUnread, e.Index, 0}
			arrived[e.Index] = p
		case e.Kind == Altered && waits:
			p.fate, p.event = FateAltered, e.Index
		case e.Kind == Dropped && waits:
			p.fate, p.event = FateDropped, e.Index
		case e.Kind == Undeliverable && waits:
			p.fate, p.event = FateUndelivered, e.Index
		case e.Kind == Undeliverable && arrived[e.Cause] != nil:
			*arrived[e.Cause] = passage{FateUndelivered, e.Index, e.N}
		case e.Kind == Undeliverable && !c.Opening.Gated:
			all[e.Cause] = &passage{FateUndelivered, e.Index, e.N}
		}
	}
	return all
}

// alertsOf returns the alerts that side sent.
func (c *Connection) alertsOf(side Side, at int, passages map[int]*passage) (all []Alerted) {
	for _, i := range c.alerts {
		item := c.views[side].session.items[i]
		if item.Side != side || item.Event > at {
			continue
		}
		alert := Alerted{Level: item.Level, Description: item.Description, Event: item.Record.Event, Record: item.Record}
		alert.Fate, alert.Decided = c.fate(item.Record, at, passages)
		all = append(all, alert)
	}
	return all
}

// fate returns what became of a record of a sent lane.
func (c *Connection) fate(r *Record, at int, passages map[int]*passage) (fate Fate, event int) {
	if !c.Opening.Gated {
		if c.part && r.Side == c.whose {
			return 0, r.Event
		}
		if event := c.lostAt(r, passages); event >= 0 {
			return FateUndelivered, event
		}
		return FateRead, r.Event
	}
	p := passages[r.Event]
	if p == nil {
		return FateHeld, -1 // never offered to a gate: not made by a tap
	}
	receiver := c.views[r.Side.Peer()]
	if received := receiver.recordAt(r.Side, p.event); p.fate == FateUnread && slices.Contains(receiver.heard, received) && received.reads(r, at) {
		fate = FateRead
		if received.Event > c.refused(r.Side.Peer(), at) {
			fate = FateLate
		}
		return fate, max(p.event, received.DecidedAt)
	}
	return p.fate, p.event
}

// refused returns the event that brought the first fatal alert of side's to the
// wire: it reads nothing any more then (RFC 8446 section 6.2).
func (c *Connection) refused(side Side, at int) int {
	for _, i := range c.alerts {
		item := c.views[side].session.items[i]
		if item.Side == side && item.Event <= at && (Alerted{Level: item.Level, Description: item.Description, Record: item.Record}).Fatal() {
			return item.Record.Event
		}
	}
	return never
}

// lostAt returns the event that says that the record, or its end, could not be
// handed over; -1 if there is none.
func (c *Connection) lostAt(r *Record, passages map[int]*passage) int {
	l := r.view.lanes[r.Side]
	behind := r.Offset + int64(r.size)
	for captured, p := range passages {
		if end, ok := l.endOf(captured); ok && r.Offset < end && behind > end-int64(p.lost) {
			return p.event
		}
	}
	return -1
}

// recordAt returns the record that the event brought to the lane; nil if it
// brought none.
func (v *View) recordAt(from Side, event int) *Record {
	records := v.lanes[from].records
	i := sort.Search(len(records), func(i int) bool { return records[i].Event >= event })
	if i == len(records) || records[i].Event != event {
		return nil
	}
	return records[i]
}

// reads reports whether by the event at a received record said
// the same to its receiver as the sent one did to its sender.
func (r *Record) reads(sent *Record, at int) bool {
	return r.readable() && r.DecidedAt <= at && r.InnerType == sent.InnerType && bytes.Equal(r.Plaintext(), sent.Plaintext())
}

// heardBy returns the alerts that side received and could read.
func (c *Connection) heardBy(side Side, at int, passages map[int]*passage) (all []Alerted) {
	if !c.Opening.Gated {
		for _, alert := range c.alertsOf(side.Peer(), at, passages) {
			if alert.Fate == FateRead {
				all = append(all, alert)
			}
		}
		return all
	}
	lost := make(map[int]bool) // deliveries that failed
	for e := range c.events(at) {
		if e.Kind == Undeliverable && e.Side != side {
			lost[e.Cause] = true
		}
	}
	refused := c.refused(side, at)
	for _, r := range c.views[side].heard {
		content := r.Plaintext()
		if r.DecidedAt > at || r.Event > refused || lost[r.Event] || len(content) != 2 {
			continue
		}
		all = append(all, Alerted{content[0], content[1], r.Event, r, FateRead, r.DecidedAt})
	}
	return all
}

// compareText fills in what the programs wrote and read.
func (c *Connection) compareText(a *Account, at int) {
	_, a.Wrote, _ = c.text(a.Side, Wrote, at)
	read, length, kept := c.text(a.Side, Read, at)
	written, whole, known := c.text(a.Side.Peer(), Wrote, at)
	a.Read = length
	if c.Opening.Ours != [2]bool{true, true} || !kept || !known {
		return
	}
	a.Agrees = commonLength(read, written)
	switch {
	case a.Agrees < length:
		a.Fidelity = TextDifferent
	case length < whole:
		a.Fidelity = TextBeginning
	default:
		a.Fidelity = TextWhole
	}
}

// text returns what the program at side wrote or read, and its length; kept is
// false if any of it was let go.
func (c *Connection) text(side Side, kind EventKind, at int) (chunks [][]byte, length int64, kept bool) {
	kept = true
	for _, i := range c.Clear[side] {
		if i > at {
			break
		}
		e := c.views[side].session.recording.At(i)
		if e.Kind != kind {
			continue
		}
		chunks = append(chunks, e.Bytes)
		length += int64(e.N)
		kept = kept && (e.Bytes != nil || e.N == 0)
	}
	return chunks, length, kept
}

// commonLength returns how many bytes the two texts have in common from their
// beginning on.
func commonLength(a, b [][]byte) (n int64) {
	var restOfA, restOfB []byte
	for {
		for len(restOfA) == 0 && len(a) > 0 {
			restOfA, a = a[0], a[1:]
		}
		for len(restOfB) == 0 && len(b) > 0 {
			restOfB, b = b[0], b[1:]
		}
		size := min(len(restOfA), len(restOfB))
		same := 0
		for same < size && restOfA[same] == restOfB[same] {
			same++
		}
		n += int64(same)
		if size == 0 || same < size {
			return n
		}
		restOfA, restOfB = restOfA[size:], restOfB[size:]
	}
}

// FatalAlertOf returns the first fatal alert that side had sent by the event at. No close_notify is due after it (RFC 8446 section 6.1).
func (c *Connection) FatalAlertOf(side Side, at int) (description byte, ok bool) {
	for _, i := range c.alerts {
		if item := c.views[side].session.items[i]; item.Side == side && item.Event <= at && item.Final() && item.Description != 0 {
			return item.Description, true
		}
	}
	return 0, false
}

// WasTLS reports whether any record of TLS had been sent by the event at, by either side.
func (c *Connection) WasTLS(at int) bool {
	for _, side := range []Side{Client, Server} {
		if n, _ := c.View(side).Count(side, at); n > 0 {
			return true
		}
	}
	return false
}
