package capture

import (
	"strconv"
	"time"

	"example.com/tlslab/inspect"
)

// What a packet comment says: who did or said what. Clear text is cut after so
// many bytes.
const mostQuoted = 1024

// quoting begins a comment that only says again what decryption gives.
const quoting = "tlslab: "

// noticeablyHeld is how long a unit is held before that is worth a comment.
const noticeablyHeld = 100 * time.Millisecond

// annotate comments on an event that is no packet of its own: at the next
// packet of whoever did it, or of who acknowledges it.
func (w *Writer) annotate(c *conversation, e inspect.Event) {
	side := e.Side
	var text string
	switch e.Kind {
	case inspect.Wrote:
		text = w.quote("capture_note_wrote", e)
	case inspect.Read:
		text = w.quote("capture_note_read", e)
	case inspect.Printed:
		if !w.NoSecrets {
			text = word(w.say("capture_note_printed", "side", w.side(side), "text", inspect.SafeOnce(e.Text)))
		}
	case inspect.Failed:
		if e.Err != nil {
			text = word(w.say("capture_note_failed", "side", w.side(side), "text", inspect.Safe(e.Err.Text)))
		}
	case inspect.Noted:
		text = w.noted(e.Note)
	case inspect.Silent:
		text = w.say("capture_note_silent", "side", w.side(side), "ms", e.N)
	case inspect.LetGo:
		if n := min(e.N, c.unknown[side]); n > 0 { // else they have been written
			c.unknown[side] -= n
			text = w.say("capture_note_let_go", "side", w.side(side), "bytes", n)
		}
	case inspect.Altered: // whose packet is next
		c.add(side, w.say("capture_note_altered", "side", w.side(side)))
	case inspect.Injected:
		c.add(side, w.say("capture_note_injected", "side", w.side(side)))
	case inspect.Dropped: // who sent it is told nothing, but an acknowledgement
		side, text = side.Peer(), w.say("capture_note_dropped", "side", w.side(side))
	case inspect.Expired:
		side, text = side.Peer(), w.say("capture_note_expired", "side", w.side(side))
	case inspect.Undeliverable:
		w.undeliverable(c, e)
	}
	if text != "" {
		c.comment(side, text, w.at(e))
	}
}

// undeliverable says from where on nothing of what a side sends is delivered, once: where its peer would acknowledge it, or
// on a packet of its own if that has ended.
func (w *Writer) undeliverable(c *conversation, e inspect.Event) {
	if c.lost[e.Side] {
		return
	}
	c.lost[e.Side] = true
	from, on := max(0, c.sent[e.Side]-e.N), e.Side.Peer()
	if c.ended[on] {
		on = e.Side
	}
	c.add(on, tagged(w.say("capture_note_undeliverable", "side", w.side(e.Side), "from", from), undeliverableKey, "side", e.Side.String(), "from", from))
	c.sayNow(on, w.at(e))
}

// word is a comment that may quote what was captured, and so must not seem to be one of ours that says more.
func word(text string) string {
	if _, seems := untagged(text); seems {
		return text + " "
	}
	return text
}

// held has a unit say, if it waited on the wire for long, how long: with its own
// packet, which is next, or else with its acknowledgement.
func (w *Writer) held(rec *inspect.Recording, c *conversation, e inspect.Event, next bool) {
	if e.Cause < 0 {
		return
	}
	waited := e.Time.Sub(rec.At(e.Cause).Time)
	if waited < noticeablyHeld {
		return
	}
	text := w.say("capture_note_held", "side", w.side(e.Side), "seconds", strconv.FormatFloat(waited.Seconds(), 'f', 1, 64))
	if next {
		c.add(e.Side, text)
		return
	}
	c.comment(e.Side.Peer(), text, w.at(e))
}

// quote says what a program wrote or read, in clear.
func (w *Writer) quote(id string, e inspect.Event) string {
	if w.NoSecrets || e.Bytes == nil {
		return ""
	}
	b := e.Bytes[:min(len(e.Bytes), mostQuoted)]
	text := `"` + inspect.SafeBytes(b) + `"`
	if len(b) < len(e.Bytes) {
		text += " ..."
	}
	return quoting + w.say(id, "side", w.side(e.Side), "bytes", len(e.Bytes), "text", text)
}

// noted is what was said of the bytes before, by a comment in another file or by whoever made the recording.
func (w *Writer) noted(note *inspect.Reason) string {
	switch {
	case note == nil:
		return ""
	case note.Key == undeliverableKey: // its event says so
		return ""
	case note.Key != commentKey && note.Key != quoteKey:
		text := note.String()
		if w.Say != nil {
			text = w.Say("reason_"+note.Key, note.Data...)
		}
		return tagged(text, note.Key, note.Data...)
	case w.NoSecrets: // it may quote clear text
		return ""
	}
	text, _ := note.Text("text")
	return word(text)
}

// The keys of comments that are read from a file, and of those that quote.
const commentKey, quoteKey = "capture_comment", inspect.QuotingNote

// isComment reports whether an event is a comment that was read from a file.
func isComment(e inspect.Event) bool {
	return e.Kind == inspect.Noted && e.Note != nil && (e.Note.Key == commentKey || e.Note.Key == quoteKey)
}

// isDivision reports whether an event says that a connection was divided from there on.
func isDivision(e inspect.Event) bool {
	return e.Kind == inspect.Noted && e.Note != nil && e.Note.Key == inspect.ClientsPart
}

func (w *Writer) side(s inspect.Side) string { return w.say("capture_note_" + s.String()) }

func (w *Writer) say(id string, pairs ...any) string {
	if w.Say == nil {
		return english(id, pairs...)
	}
	return w.Say(id, pairs...)
}
