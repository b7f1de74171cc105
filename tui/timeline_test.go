package tui

import (
	"slices"
	"testing"

	"example.com/tlslab/inspect"
)

// A wire that a gate stands on, and a hand that sends a unit over it: an alert in clear, which the gate lets through.
func gatedWire() (r *inspect.Recording, send func()) {
	r = new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Gated: true}})
	return r, func() {
		id := r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte{0x15, 3, 3, 0, 2, 1, 90}})
		r.Append(inspect.Event{Kind: inspect.Forwarded, Cause: id})
	}
}

func TestWhatComesWhileStepsAreLaidOutWaitsForItsTurn(t *testing.T) {
	r, send := gatedWire()
	send()
	send()
	asked := false
	steps := newTimeline(r, func(int) bool {
		if !asked { // the wire goes on behind the screen's back
			asked = true
			send()
		}
		return true
	})
	if steps.taken() == r.Len() {
		t.Fatal("nothing came meanwhile")
	}
	steps.extend()
	order := func(a, b step) int { return int(a.event - b.event) }
	if len(steps.steps) != 6 || !slices.IsSortedFunc(steps.steps, order) {
		t.Errorf("want 6 steps in the order in which they happened, have %v", steps.steps)
	}
}

func TestTheEndOfTimeIsTheLastEventThatTheScreenHasTakenIn(t *testing.T) {
	r, send := gatedWire()
	send()
	steps := newTimeline(r, nil)
	steps.move(len(steps.steps))
	before := steps.event()
	send()
	if got := steps.event(); got != before {
		t.Errorf("event %d, want %d: nobody has looked at what came since", got, before)
	}
	if steps.extend(); steps.event() != r.Len()-1 {
		t.Errorf("event %d, want %d", steps.event(), r.Len()-1)
	}
}
