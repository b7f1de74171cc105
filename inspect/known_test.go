package inspect

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// What was known at an event is what a recording that ends there gives.
func TestWhatIsKnownAtAnEventIsWhatARecordingThatEndsThereGives(t *testing.T) {
	for name, recording := range map[string]*Recording{
		"1-rtt":                 traces(t, "1-rtt"),
		"0-rtt":                 traces(t, "1-rtt", "0-rtt"),
		"hello-retry-request":   traces(t, "hello-retry-request"),
		"secrets last":          secretsLast(traces(t, "1-rtt", "0-rtt")),
		"client-authentication": traces(t, "client-authentication"),
	} {
		t.Run(name, func(t *testing.T) {
			whole := NewSession(recording)
			for n := 1; n <= recording.Len(); n++ {
				part := new(Recording)
				for e := range recording.Events(0) {
					if e.Index < n {
						part.Append(e)
					}
				}
				for i, c := range NewSession(part).conns {
					sameAt(t, n-1, whole.conns[i].views[Client], c.views[Client])
				}
			}
		})
	}
}

func traces(t *testing.T, names ...string) *Recording {
	recording := new(Recording)
	for _, name := range names {
		playTrace(t, recording, name)
	}
	return recording
}

// secretsLast is the same recording with its secrets at the end, as a key log
// that is read after the capture.
func secretsLast(r *Recording) *Recording {
	var events, secrets []Event
	for e := range r.Events(0) {
		if e.Kind == Secret {
			secrets = append(secrets, e)
		} else {
			events = append(events, e)
		}
	}
	late := new(Recording)
	for _, e := range slices.Concat(events, secrets) {
		late.Append(e)
	}
	return late
}

func sameAt(t *testing.T, at int, whole, part *View) {
	t.Helper()
	known := make(map[string][]byte)
	for _, value := range whole.Schedule() {
		if value.Event >= 0 && value.Event <= at {
			known[value.Name] = value.Bytes
		}
	}
	for _, value := range part.Schedule() {
		if (value.Bytes == nil) != (value.Event < 0) || value.Event > at {
			t.Errorf("event %d: %s: %d bytes, known from %d", at, value.Name, len(value.Bytes), value.Event)
		}
		if !bytes.Equal(value.Bytes, known[value.Name]) {
			t.Errorf("event %d: %s: got %x, later %x", at, value.Name, value.Bytes, known[value.Name])
		}
		delete(known, value.Name)
	}
	for name := range known {
		t.Errorf("event %d: %s is not known yet", at, name)
	}
	var before []Verification
	for _, c := range whole.Verifications() {
		if c.Message.Event <= at {
			if c.Event > at {
				c.Outcome = NotCheckable
			}
			before = append(before, c)
		}
	}
	got := part.Verifications()
	if len(got) != len(before) {
		t.Fatalf("event %d: %d proofs, later %d", at, len(got), len(before))
	}
	for i, c := range got {
		if c.Outcome != before[i].Outcome || c.Kind != before[i].Kind {
			t.Errorf("event %d: %s %s, later %s %s", at, c.Kind, c.Outcome, before[i].Kind, before[i].Outcome)
		}
	}
}

func TestEachValueNamesItsSource(t *testing.T) {
	want := map[string]string{
		"PSK":                                 "",
		"early_secret":                        "PSK",
		"derived (from early_secret)":         "early_secret",
		"(EC)DHE shared secret":               "",
		"handshake_secret":                    "derived (from early_secret)",
		"client_handshake_traffic_secret":     "handshake_secret",
		"derived (from handshake_secret)":     "handshake_secret",
		"master_secret":                       "derived (from handshake_secret)",
		"client_application_traffic_secret_0": "master_secret",
		"[sender]_write_key (from client_application_traffic_secret_0)": "client_application_traffic_secret_0",
	}
	values := NewSession(traces(t, "1-rtt")).conns[0].views[Client].Schedule()
	for i, value := range values {
		source, listed := want[value.Name]
		if !listed {
			continue
		}
		delete(want, value.Name)
		got := ""
		if j := Source(values, i); j >= 0 {
			got = values[j].Name
		}
		if got != source {
			t.Errorf("%s is derived from %q, want %q", value.Name, got, source)
		}
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
}

func TestChangedGrowsWithMessagesAndSecretsAlone(t *testing.T) {
	recording := traces(t, "1-rtt")
	v := NewSession(recording).conns[0].views[Client]
	before := v.Changed()
	recording.Append(Event{Kind: Captured, Cause: -1, Bytes: []byte{0x14, 3, 3, 0, 1, 1}})
	v.session.Extend()
	if got := v.Changed(); got != before {
		t.Errorf("a record without a message changed %d to %d", before, got)
	}
	recording.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{Label: "EXPORTER_SECRET", ClientRandom: v.state().ClientRandom, Bytes: make([]byte, 32)}})
	v.session.Extend()
	if got := v.Changed(); got != recording.Len()-1 {
		t.Errorf("after a secret it is %d, want %d", got, recording.Len()-1)
	}
}

func TestEachHandshakeOfARenegotiationHasItsKeySchedule(t *testing.T) {
	s := newScript(0xc02f)
	for _, random := range []string{"a", "b"} {
		for _, side := range []Side{Client, Server} {
			s.random[side] = []byte(strings.Repeat(random+side.String()[:1], 16))
			s.clear(side, Handshake, s.hello(side))
		}
	}
	v := NewSession(s.rec).conns[0].views[Client]
	all := v.Schedules()
	if len(all) != 2 {
		t.Fatalf("%d key schedules, want 2", len(all))
	}
	seed := func(values []Value) []byte {
		for _, value := range values {
			if value.Name == "key_block" {
				return value.Inputs[1].Bytes
			}
		}
		return nil
	}
	if first, second := seed(all[0]), seed(all[1]); first == nil || bytes.Equal(first, second) {
		t.Errorf("the key blocks have the seeds %x and %x", first, second)
	}
	if !bytes.Equal(seed(all[1]), seed(v.Schedule())) {
		t.Error("Schedule is not that of the latest handshake")
	}
}
