package inspect

import (
	"slices"
	"sort"
	"time"
)

// A Wait is the time in which an endpoint has said something, and nothing has
// reached it since: neither bytes nor their end.
type Wait struct {
	Since int           // the event that brought its latest unit to the wire, alerts aside
	Until int           // the event by which it gave up: its alert, its end, its error; -1 while it waits
	For   time.Duration // from Since to Until; 0 while it waits
	Fate  Fate          // of the unit Since; 0 if it arrived as it was sent
}

// Waiting returns how side waited for its peer once event at had happened; ok
// is false if it had said nothing, or something had reached it since, or it had
// found something wrong: then it did not wait any more. Whether it expects an
// answer is not known: a server that has answered waits for the
// next request.
func (c *Connection) Waiting(side Side, at int) (w Wait, ok bool) {
	sent := c.passages(side, at)
	alerts := c.alertsOf(side, at, sent)
	isAlert := func(event int) bool {
		return slices.ContainsFunc(alerts, func(alert Alerted) bool { return alert.Event == event })
	}
	said := c.views[side].lanes[side].chunks
	last := sort.Search(len(said), func(i int) bool { return said[i].event > at }) - 1
	for last >= 0 && isAlert(said[last].event) {
		last--
	}
	if last < 0 {
		return Wait{}, false
	}
	w = Wait{Since: said[last].event}
	wrong := false
	if w.Until, wrong = c.gaveUp(side, w.Since, at, alerts); wrong {
		return Wait{}, false
	}
	if p := sent[w.Since]; p != nil && p.fate != FateUnread { // which here is that of all that arrived
		w.Fate = p.fate
	}
	by := at
	if w.Until >= 0 {
		recording := c.views[side].session.recording
		by, w.For = w.Until, recording.At(w.Until).Time.Sub(recording.At(w.Since).Time)
	}
	return w, !c.reached(side, w.Since, by)
}

// InVain returns how side had waited until it gave up, by the time that event at had happened, where
// something of what was sent had been taken away or kept; ok is false otherwise.
func (c *Connection) InVain(side Side, at int) (w Wait, ok bool) {
	if w, ok = c.Waiting(side, at); !ok || w.Until < 0 {
		return w, false
	}
	mine, peers := c.Account(side, at), c.Account(side.Peer(), at)
	for _, lost := range []Amount{mine.Dropped, mine.Undelivered, mine.Held, peers.Dropped, peers.Undelivered, peers.Held} {
		if lost.Units > 0 {
			return w, true
		}
	}
	return w, false
}

// gaveUp returns the first event behind since by which side waits no longer, and
// whether it says that something was wrong; -1 if there is none by at.
func (c *Connection) gaveUp(side Side, since, at int, alerts []Alerted) (first int, wrong bool) {
	first = never
	for _, alert := range alerts {
		if alert.Event > since && alert.Event < first {
			first, wrong = alert.Event, alert.Fatal()
		}
	}
	for e := range c.events(at) {
		if e.Index > since && e.Index < first && e.Side == side && (e.Kind == Ended || e.Kind == Failed) {
			first, wrong = e.Index, e.Kind == Failed && !e.Err.ownDoing()
		}
	}
	if first == never {
		return -1, false
	}
	return first, wrong
}

// reached reports whether anything of its peer reached side behind the event
// since and by the event by.
func (c *Connection) reached(side Side, since, by int) bool {
	came := c.views[side].lanes[side.Peer()].chunks
	next := sort.Search(len(came), func(i int) bool { return came[i].event > since })
	if next < len(came) && came[next].event <= by {
		return true
	}
	end, _ := c.drained(side.Peer(), by)
	return end > since
}
