package inspect

import (
	"bytes"
	"fmt"
	"testing"
)

// recordwise returns a recording in which each record is an event of its own, and
// the events of those that are not application data.
func recordwise(rec *Recording) (split *Recording, handshake []int) {
	split = new(Recording)
	type lane struct {
		conn int
		side Side
	}
	kept := make(map[lane][]byte)
	for e := range rec.Events(0) {
		l := lane{e.Conn, e.Side}
		if e.Kind != Captured {
			if e.Kind == Ended && len(kept[l]) > 0 {
				split.Append(Event{Kind: Captured, Conn: e.Conn, Side: e.Side, Cause: -1, Bytes: kept[l]})
			}
			split.Append(e)
			continue
		}
		b := append(kept[l], e.Bytes...)
		for len(b) >= headerLength && len(b) >= headerLength+int(b[3])<<8+int(b[4]) {
			n := headerLength + int(b[3])<<8 + int(b[4])
			e.Bytes, b = b[:n:n], b[n:]
			split.Append(e)
		}
		kept[l] = b
	}
	for r := range NewSession(split).Records() {
		if r.InnerType != ApplicationData {
			handshake = append(handshake, r.Event)
		}
	}
	return split, handshake
}

// losses are what may be wrong with a record: each changes its event, and may put
// one behind it.
var losses = map[string]func(e Event) []Event{
	"without": func(e Event) []Event {
		e.Bytes, e.N = nil, len(e.Bytes)
		return []Event{e}
	},
	"with half of": func(e Event) []Event {
		half := e
		half.Bytes, half.N = e.Bytes[:len(e.Bytes)/2], 0
		e.Bytes, e.N = nil, len(e.Bytes)-len(half.Bytes)
		return []Event{half, e}
	},
	"without the beginning of": func(e Event) []Event {
		half := e
		half.Bytes, half.N = e.Bytes[len(e.Bytes)/2:], 0
		e.Bytes, e.N = nil, len(e.Bytes)/2
		return []Event{e, half}
	},
}

// What is missing must not make a proof look refuted, nor a value look like another.
func TestWhateverRecordsAreMissingNoProofIsRefuted(t *testing.T) {
	for name, rec := range recordedSessions(t) {
		whole, handshake := recordwise(rec)
		refuted, values := refutations(whole)
		for how, lose := range losses {
			for i := range handshake {
				rows := [][]int{handshake[i : i+1]}
				if how == "without" && i+1 < len(handshake) {
					rows = append(rows, handshake[i:i+2])
				}
				for _, row := range rows {
					damaged := new(Recording)
					for e := range whole.Events(0) {
						if e.Index == row[0] || e.Index == row[len(row)-1] {
							for _, e := range lose(e) {
								damaged.Append(e)
							}
							continue
						}
						damaged.Append(e)
					}
					mustNotRefute(t, fmt.Sprintf("%s, %s %v", name, how, row), damaged, refuted, values)
				}
			}
		}
	}
}

func TestOfAConnectionSeenFromTheMiddleNoProofIsRefuted(t *testing.T) {
	for name, rec := range recordedSessions(t) {
		whole, handshake := recordwise(rec)
		refuted, values := refutations(whole)
		for _, last := range handshake {
			for _, of := range [][2]bool{{true, true}, {true, false}, {false, true}} { // whose beginning is missing
				late, conn := new(Recording), whole.At(last).Conn
				for e := range whole.Events(0) {
					switch {
					case e.Conn != conn:
					case e.Kind == Opened:
						opening := *e.Opening
						opening.Late = true
						e.Opening = &opening
					case e.Kind == Captured && e.Index <= last && of[e.Side]:
						continue
					}
					late.Append(e)
				}
				mustNotRefute(t, fmt.Sprintf("%s, without %v up to %d", name, of, last), late, refuted, values)
			}
		}
	}
}

func mustNotRefute(t *testing.T, what string, rec *Recording, refuted map[string]bool, values map[string][]byte) {
	t.Helper()
	got, others := refutations(rec)
	for proof := range got {
		if !refuted[proof] {
			t.Errorf("%s: %s", what, proof)
		}
	}
	for value, b := range others {
		if want := values[value]; want != nil && !bytes.Equal(want, b) {
			t.Errorf("%s: %s is another", what, value)
		}
	}
}

// refutations returns which proofs of a recording are refuted, and the values of
// its key schedules.
func refutations(rec *Recording) (proofs map[string]bool, values map[string][]byte) {
	session := NewSession(rec)
	session.End()
	proofs, values = make(map[string]bool), make(map[string][]byte)
	for _, c := range session.Connections() {
		view := c.View(Client)
		for _, p := range view.Verifications() {
			if p.Outcome == Refuted {
				proofs[fmt.Sprintf("%s's %s %x of connection %d is refuted: %s", p.Message.Side, p.Kind, p.Got, c.Conn, p.Reason)] = true
			}
		}
		for _, b := range branches13 {
			values[fmt.Sprintf("%s of connection %d", b.standard, c.Conn)] = view.derived(b)
		}
	}
	for value, b := range values {
		if b == nil {
			delete(values, value)
		}
	}
	return proofs, values
}
