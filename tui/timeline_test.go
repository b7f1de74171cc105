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

// raced is the handshake of RFC 8448 section 3 as a tap with a gate records it that holds nothing: prompt, where what was
// sent arrives at once and the client writes its key log at once, or as late as that can be.
func raced(t *testing.T, late bool) *inspect.Recording {
	r := new(inspect.Recording)
	var captured []inspect.Event
	for _, e := range traceEvents(t, "1-rtt", 0) {
		if e.Kind == inspect.Captured {
			captured = append(captured, e)
		}
	}
	trace := inspect.NewSession(traces(t, "1-rtt")).Connections()[0].View(inspect.Client)
	random := trace.State(1 << 30).ClientRandom
	values := trace.Schedule()
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Gated: true, Ours: [2]bool{true, true}}})
	log := func(origin inspect.Origin, labels ...string) {
		for _, label := range labels {
			i := slices.IndexFunc(values, func(v inspect.Value) bool { return v.Name == inspect.SecretName(label) })
			r.Append(inspect.Event{Kind: inspect.Secret, Cause: -1, Logged: &inspect.LoggedSecret{Origin: origin, Label: label, ClientRandom: random, Bytes: values[i].Bytes}})
		}
	}
	handshake := []string{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"}
	application := []string{"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
	var onItsWay []inspect.Event
	arrive := func() {
		for _, e := range onItsWay {
			r.Append(inspect.Event{Kind: inspect.Forwarded, Side: e.Side, Cause: e.Index})
		}
		onItsWay = nil
	}
	for i, e := range captured {
		switch {
		case i == 1:
			arrive()
			log(inspect.ServerLog, append(handshake, application...)...)
		case i == 3:
			arrive()
			if late {
				log(inspect.ClientLog, append(handshake, application...)...)
			}
		}
		e.Index = r.Append(e)
		onItsWay = append(onItsWay, e)
		if late {
			continue
		}
		arrive()
		switch i {
		case 1:
			log(inspect.ClientLog, handshake...)
		case 2:
			log(inspect.ClientLog, application...)
		}
	}
	arrive()
	return r
}

func TestAStepShowsTheSameHoweverFastTheWireAndTheKeyLogWere(t *testing.T) {
	prompt, late := open(t, Options{Recording: raced(t, false)}), open(t, Options{Recording: raced(t, true)})
	for range 2 {
		prompt.press("home")
		late.press("home")
		for step := range len(prompt.m.time.steps) {
			for _, key := range []string{".", "L", "D", "K", "esc", "D", "L", "right"} {
				prompt.press(key)
				late.press(key)
				if got, want := late.text(), prompt.text(); got != want {
					t.Fatalf("step %d, after %q:\n%s\nwith a prompt wire:\n%s", step+1, key, got, want)
				}
			}
		}
		prompt.size(200, 60)
		late.size(200, 60)
	}
}

func TestASecretCountsFromTheMessagesOnThatItFollowsFrom(t *testing.T) {
	s := open(t, Options{Recording: raced(t, true)})
	s.press("home")
	for _, count := range []int{0, 2, 4, 4} {
		s.press("right")
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			if got := len(s.m.knownTo(s.m.conn(), side)); got != count {
				t.Errorf("step %d: the %v knows %d secrets, want %d", s.m.time.at, side, got, count)
			}
		}
	}
}

func TestAStepIsOneStepWhileTheSessionGoesOnByItself(t *testing.T) {
	s := finished(t, Options{})
	n := len(s.m.time.steps)
	s.press("left", "right")
	if s.m.time.at != n {
		t.Fatalf("step %d, want %d, the latest so far", s.m.time.at, n)
	}
	s.m.time.session.Recording().Append(inspect.Event{Kind: inspect.Failed, Cause: -1, Err: &inspect.EndpointError{Text: "meanwhile"}})
	s.until("one more step", func() bool { return len(s.m.time.steps) > n })
	if s.m.time.at != n {
		t.Errorf("step %d, want %d: nobody has asked for more", s.m.time.at, n)
	}
	s.press("end")
	s.m.time.session.Recording().Append(inspect.Event{Kind: inspect.Failed, Cause: -1, Err: &inspect.EndpointError{Text: "afterwards"}})
	s.until("the latest step", func() bool { return s.m.time.at == n+2 })
}
