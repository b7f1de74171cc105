package capture

import (
	"slices"

	"example.com/tlslab/inspect"
)

// A track is a connection of a recording as it becomes packets.
//
// It is one conversation as long as its two ends see the same bytes: that of the
// client, who has what it sent and what reached it. Where the wire is tampered
// with they no longer do. Then the server gets a conversation of its own, with
// the tap, which begins where the connection began.
type track struct {
	conn    int
	opening *inspect.Opening
	opened  int              // the event
	ends    [2]*conversation // by Side: in which its own view stands

	sent  [2][]sent // by Side, gated and one conversation: what was captured and is not known to have arrived, in order
	ended [2]inspect.Ending
	cut   [2]bool // by Side: gated, and what it sends was cut off: by itself, or by the gate alone

	hello []byte // of what the client sent, until it has been looked at
	heard bool
}

// A sent unit waits until it is known what became of it.
type sent struct {
	event int
	lost  bool // it could not be delivered, as nothing after it can
}

func (t *track) split() bool { return t.ends[inspect.Client] != t.ends[inspect.Server] }

// over reports whether nothing more is expected of it.
func (t *track) over() bool {
	client, server := t.ends[inspect.Client], t.ends[inspect.Server]
	return !t.opening.Gated && client.reset || client.over() && server.over()
}

// track writes the packets of an event of a connection.
func (w *Writer) track(rec *inspect.Recording, t *track, e inspect.Event) {
	if t.opening.Gated && e.Kind == inspect.Ended && e.How == inspect.Cut {
		t.cut[e.Side] = true
	}
	switch {
	case !t.opening.Gated:
		w.view(rec, t, inspect.Client, e)
		w.view(rec, t, inspect.Server, e)
	case t.split():
		w.halves(rec, t, e)
	case t.differs(e):
		w.divide(rec, t, e.Index)
		w.halves(rec, t, e)
	default:
		w.together(rec, t, e)
	}
	if t.over() {
		delete(w.conns, t.conn)
		if w.gone = append(w.gone, t); len(w.gone) > rememberedTracks {
			w.gone = w.gone[1:]
		}
	}
}

// afterwards tells of a connection that is over what comes only then: what was on
// its way when it was cut, and that what was sent last had nobody to go to.
func (w *Writer) afterwards(rec *inspect.Recording, e inspect.Event) {
	i := slices.IndexFunc(w.gone, func(t *track) bool { return t.conn == e.Conn })
	if i < 0 || w.gone[i].split() {
		return
	}
	t := w.gone[i]
	switch c := t.ends[inspect.Client]; e.Kind {
	case inspect.Captured:
		if !t.opening.Gated {
			w.view(rec, t, inspect.Client, e)
		}
	case inspect.Undeliverable:
		w.undeliverable(c, e)
		c.afterword(e.Side, w.at(e))
	case inspect.Noted: // behind a reset of its peer's
		if isComment(e) && e.Index >= w.skip {
			w.comments(rec, c, e)
			c.sayNow(e.Side, w.at(e))
		}
	}
}

// differs reports whether by this event the two ends see different bytes, or
// ends; it notes what is known to have arrived.
func (t *track) differs(e inspect.Event) bool {
	units := &t.sent[e.Side]
	switch e.Kind {
	case inspect.Captured:
		*units = append(*units, sent{event: e.Index})
	case inspect.Forwarded:
		return len(*units) == 0 || (*units)[0].event != e.Cause || (*units)[0].lost
	case inspect.Altered, inspect.Injected, inspect.Dropped:
		return true
	case inspect.Undeliverable: // the receiver is gone: a gate that cuts has said so by Drained
		if i := slices.IndexFunc(*units, func(u sent) bool { return u.event == e.Cause }); i >= 0 {
			(*units)[i].lost = true
		}
	case inspect.Ended:
		t.ended[e.Side] = e.How
	case inspect.Drained:
		return len(*units) > 0 || t.ended[e.Side] == inspect.Cut && e.How == inspect.EndOfFile // cut by the gate
	}
	return false
}

// together writes an event of a gated connection whose ends see the same: what
// the client sent once it is captured, what the server sent once it arrives.
func (w *Writer) together(rec *inspect.Recording, t *track, e inspect.Event) {
	c, from := t.ends[inspect.Client], e.Side
	send := w.at(e)
	switch e.Kind {
	case inspect.Captured:
		if from == inspect.Client {
			c.data(from, e.Bytes, e.N, send)
		}
	case inspect.Forwarded:
		t.sent[from] = t.sent[from][1:]
		w.held(rec, c, e, from == inspect.Server)
		if from == inspect.Server {
			unit := rec.At(e.Cause)
			c.data(from, unit.Bytes, unit.N, send)
		}
	case inspect.Undeliverable:
		w.lost(rec, t, e)
		w.annotate(c, e)
	case inspect.Ended:
		if e.How == inspect.Broken || from == inspect.Client && e.How == inspect.EndOfFile {
			w.end(c, e)
		}
	case inspect.Drained:
		if from == inspect.Server || t.cut[from] {
			c.end(from, e.How, send)
		}
	default:
		w.annotate(c, e)
	}
	w.lost(rec, t, e)
	if t.ended[inspect.Server] == inspect.EndOfFile && len(t.sent[inspect.Server]) == 0 { // which is not said where the client has gone
		c.end(inspect.Server, inspect.EndOfFile, send)
	}
}

// lost writes the units whose turn it is and that nobody gets: they were sent all the same.
func (w *Writer) lost(rec *inspect.Recording, t *track, e inspect.Event) {
	for units := &t.sent[e.Side]; len(*units) > 0 && (*units)[0].lost; *units = (*units)[1:] {
		if unit := rec.At((*units)[0].event); e.Side == inspect.Server {
			t.ends[inspect.Client].data(e.Side, unit.Bytes, unit.N, w.at(e))
		}
	}
}

// end writes how a side ended. Where neither has cut the connection, and it is
// broken all the same, the tap has done that.
func (w *Writer) end(c *conversation, e inspect.Event) {
	if e.How == inspect.Broken && !c.reset && !c.ended[e.Side.Peer()] {
		c.add(e.Side.Peer(), w.say("capture_note_cut"))
	}
	c.end(e.Side, e.How, w.at(e))
}

// divide gives the server a conversation of its own, as far as it has come before an event.
func (w *Writer) divide(rec *inspect.Recording, t *track, before int) {
	c := t.ends[inspect.Client]
	between := behindTap(t.conn, c.addr)
	now := w.at(inspect.Event{Time: w.last})
	tap, client := between[inspect.Client].String(), c.addr[inspect.Client].String()
	c.add(inspect.Server, tagged(w.say("capture_note_divided", "tap", tap), inspect.ClientsPart, "tap", tap))
	c.sayNow(inspect.Server, now)
	own := newConversation(t.conn, between, w.packet)
	t.ends[inspect.Server], t.sent = own, [2][]sent{}
	w.protocol(own, t.opening)
	own.add(inspect.Client, tagged(w.say("capture_note_half", "client", client), inspect.ServersPart, "client", client))
	for e := range rec.Events(t.opened) {
		if e.Index == before {
			return
		}
		if e.Conn != t.conn {
			continue
		}
		if e.Index == t.opened {
			own.open(w.at(e))
			continue
		}
		w.view(rec, t, inspect.Server, e)
		if w.blocks.Len() >= flushAt {
			w.flush()
		}
	}
}

// halves writes an event of a connection whose ends see different bytes.
func (w *Writer) halves(rec *inspect.Recording, t *track, e inspect.Event) {
	w.view(rec, t, inspect.Client, e)
	w.view(rec, t, inspect.Server, e)
}

// view writes an event as one side sees it: what it sent itself, and what reached
// it. Without a gate both see the same, and the client's view says it all.
func (w *Writer) view(rec *inspect.Recording, t *track, whose inspect.Side, e inspect.Event) {
	c, send, from := t.ends[whose], w.at(e), e.Side
	own := from == whose
	if !t.opening.Gated {
		if whose == inspect.Server {
			return
		}
		own = true
	}
	switch e.Kind {
	case inspect.Captured:
		switch {
		case own && !t.opening.Gated && e.Bytes != nil:
			c.known(from, e.Bytes, unknownBehind(rec, e), send)
		case own && e.Bytes == nil:
			w.missing(c, e)
		case own:
			c.data(from, e.Bytes, e.N, send)
		}
	case inspect.Forwarded:
		if !own {
			unit := rec.At(e.Cause)
			w.held(rec, c, e, true)
			c.data(from, unit.Bytes, unit.N, send)
		}
	case inspect.Altered, inspect.Injected:
		if !own {
			w.held(rec, c, e, true)
			w.annotate(c, e)
			c.data(from, e.Bytes, e.N, send)
		}
	case inspect.Ended:
		if own && !(t.opening.Gated && e.How == inspect.Cut) { // a gate that cuts does so behind the back of who sends
			w.end(c, e)
		}
	case inspect.Drained:
		if !own || e.How == inspect.Cut && t.cut[from] {
			c.end(from, e.How, send)
		}
	default:
		if own {
			w.annotate(c, e)
		}
	}
}

// missing writes a packet of which there are no bytes, and says of it if that was lost: what is cut off needs no words.
func (w *Writer) missing(c *conversation, e inspect.Event) {
	if !e.Snapped && !c.ended[e.Side] {
		c.add(e.Side, tagged(w.say("capture_note_lost", "side", w.side(e.Side), "bytes", e.N), lostKey, "missing", "lost"))
	}
	c.missing(e.Side, e.N, w.at(e))
}

// nearBy is how many events behind some bytes are looked at for what is missing behind them.
const nearBy = 32

// unknownBehind returns how many bytes are missing right behind those of an event,
// as far as the recording tells it soon: most often since the capture kept the
// beginnings of packets alone.
func unknownBehind(rec *inspect.Recording, e inspect.Event) int {
	for next := range rec.Events(e.Index + 1) {
		switch {
		case next.Index > e.Index+nearBy:
			return 0
		case next.Conn != e.Conn || next.Kind != inspect.Captured && next.Kind != inspect.Ended || next.Side != e.Side:
		case next.Kind == inspect.Captured && next.Snapped:
			return next.N
		default:
			return 0
		}
	}
	return 0
}
