package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
)

// A labSession is what the lab has recorded.
type labSession struct {
	name      string
	recording *inspect.Recording
}

// wires are what is done to a stage's session on its way, by name.
var wires = map[string]func() inspect.Gate{
	"alone":       func() inspect.Gate { return nil },
	"let through": func() inspect.Gate { return new(inspect.Rules) },
	"dropped":     func() inspect.Gate { return onSecond(inspect.FromServer, inspect.Drop) },
	"altered":     func() inspect.Gate { return onSecond(inspect.FromClient, inspect.Flip(-1, 0x01)) },
	"twice":       func() inspect.Gate { return onSecond(inspect.FromClient, inspect.Repeat(1)) },
	"held":        func() inspect.Gate { return onSecond(inspect.FromServer, inspect.Hold) },
	"cut":         func() inspect.Gate { return onSecond(inspect.FromServer, inspect.CutAfter(3)) },
}

func onSecond(from inspect.Sender, do inspect.Action) inspect.Gate {
	return &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: from, Nth: 2}, Do: do}}}
}

// labSessions are one of each scene on each of its channels, and of each stage, and each channel of kv, on each of the wires;
// on a clock that nobody has to wait for.
func labSessions(t *testing.T) (all []labSession) {
	t.Helper()
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		all = append(all, labSession{scene.Name + " on " + channel, playScene(t, scene, channel, false).Recording})
	})
	for _, name := range stage.Names() {
		channels := []string{""}
		if name == stage.NameKV {
			channels = stage.Channels()
		}
		for _, channel := range channels {
			for wire, gate := range wires {
				s := labSession{name: strings.TrimSpace(name+" "+channel) + ", " + wire}
				t.Run(s.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { s.recording = conversed(t, name, channel, gate()) })
				})
				all = append(all, s)
			}
		}
	}
	return all
}

// conversed has a stage play its own conversation, as far as it comes.
func conversed(t *testing.T, name, channel string, gate inspect.Gate) *inspect.Recording {
	t.Helper()
	entry, err := stage.New(name, stage.Options{Lang: docs.English, Keys: sealedKeys(), Channel: channel})
	if err != nil {
		t.Fatal(err)
	}
	tap := &inspect.Tap{Gate: gate}
	play, err := entry.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range entry.Conversation {
		ctx, done := context.WithTimeout(t.Context(), time.Minute)
		_, err := play.Do(ctx, command)
		done()
		if err != nil {
			break
		}
	}
	play.Close()
	tap.Close()
	return tap.Recording()
}

func saved(t *testing.T, rec *inspect.Recording) []byte {
	t.Helper()
	var file bytes.Buffer
	writer := capture.NewWriter(&file)
	if err := errors.Join(writer.Extend(rec), writer.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// reopened is a saved session as tlslab open reads it.
func reopened(t *testing.T, file []byte) *inspect.Recording {
	t.Helper()
	reader := capture.NewReader(nil)
	reader.Speaks(protocolNamed)
	opened := reader.Open(bytes.NewReader(file))
	for reader.Next() {
	}
	if err := opened.Err(); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	return reader.Recording()
}

func toldAsText(t *testing.T, rec *inspect.Recording) string {
	t.Helper()
	var out bytes.Buffer
	if err := (report.Text{Say: docs.For(docs.English)}).Writer(&out).Close(inspect.NewSession(rec)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestASavedSessionIsSavedAgainAsItWas(t *testing.T) {
	for _, s := range labSessions(t) {
		first := reopened(t, saved(t, s.recording))
		file := saved(t, first)
		second := reopened(t, file)
		if diff := cmp.Diff(toldAsText(t, first), toldAsText(t, second)); diff != "" {
			t.Errorf("%s (-opened +saved and opened again):\n%s", s.name, diff)
		}
		if !bytes.Equal(file, saved(t, second)) {
			t.Errorf("%s: saved again, the file is another", s.name)
		}
	}
}

// A connection that was tampered with is two. Each end's is held to what that end saw.
func TestASavedSessionSaysOfEachEndWhatItSawAndNothingThatItDidNot(t *testing.T) {
	divided := 0
	for _, s := range labSessions(t) {
		conns := make(map[string]*inspect.Connection)
		session, again := inspect.NewSession(s.recording), inspect.NewSession(reopened(t, saved(t, s.recording)))
		for _, c := range again.Connections() {
			conns[c.Opening.Addr[inspect.Client]] = c
		}
		for n, c := range session.Connections() {
			ends := [2]*inspect.Connection{conns[fmt.Sprintf("127.0.0.1:%d", 49152+n)]}
			if ends[inspect.Server] = conns[fmt.Sprintf("192.0.2.%d:%d", 1+n, 49152+n)]; ends[inspect.Server] == nil {
				ends[inspect.Server] = ends[inspect.Client]
			} else {
				divided++
			}
			for side, end := range ends {
				whose := inspect.Side(side)
				where := fmt.Sprintf("%s, connection %d, the %s's", s.name, n, whose)
				if end == nil {
					t.Fatalf("%s: is not in the file", where)
				}
				if end.Opening.Protocol != c.Opening.Protocol {
					t.Errorf("%s: speaks %s, and no longer %s", where, end.Opening.Protocol, c.Opening.Protocol)
				}
				sameRecords(t, where, c, end, whose)
				sameProofs(t, where, c.View(whose), end.View(whose))
				sameAlerts(t, where, alertsOf(session, c, whose), alertsOf(again, end, whose), ends[0] != ends[1])
			}
		}
	}
	if divided < 50 {
		t.Errorf("only %d connections are divided", divided)
	}
}

// sameRecords holds what one end sent, and what reached it, to what is saved: the same bytes, and as clear as they were. What
// was sent last and could not be delivered is saved as sent, and the file has the secrets of both ends.
func sameRecords(t *testing.T, where string, c, end *inspect.Connection, whose inspect.Side) {
	t.Helper()
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		want, got := c.View(whose).Records(from), end.View(whose).Records(from)
		if len(got) < len(want) || len(got) > len(want) && from == whose {
			t.Errorf("%s: %d records of the %s, %d saved", where, len(want), from, len(got))
			continue
		}
		inTurn := true
		for i, r := range want {
			inTurn = inTurn && r.Verdict == inspect.VerdictNone
			clear := r.Plaintext()
			if !inTurn { // of which the recording knows more than who received it
				clear = nil
			}
			if !bytes.Equal(r.Raw(), got[i].Raw()) || r.Name() != got[i].Name() || len(clear) > 0 && !bytes.Equal(clear, got[i].Plaintext()) {
				t.Errorf("%s: record %d of the %s is saved as another:\n%s %x %q\n%s %x %q", where, i, from, r.Name(), r.Raw(), clear, got[i].Name(), got[i].Raw(), got[i].Plaintext())
			}
		}
	}
}

// sameProofs holds the proofs of one end to those that are saved. Of a chain, a file does not know the roots.
func sameProofs(t *testing.T, where string, v, saved *inspect.View) {
	t.Helper()
	outcomes := func(v *inspect.View) map[string]inspect.Outcome {
		all := make(map[string]inspect.Outcome)
		for _, proof := range v.Verifications() {
			if proof.Kind != "certificate_chain" {
				all[fmt.Sprintf("%s in %x", proof.Kind, proof.Message.Bytes)] = proof.Outcome
			}
		}
		return all
	}
	again := outcomes(saved)
	for proof, outcome := range outcomes(v) {
		if again[proof] != outcome {
			t.Errorf("%s: %.40s was %s, and is %s", where, proof, outcome, again[proof])
		}
	}
}

// sameAlerts holds what is said of the alerts of one end to what became of them. Where the connection is divided, nothing is.
func sameAlerts(t *testing.T, where string, want, got []inspect.Item, divided bool) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d alerts, and %d", where, len(want), len(got))
		return
	}
	for i, alert := range got {
		if alert.Arrived && !want[i].Arrived && !alert.Record.Encrypted {
			continue // crypto/tls refuses one in clear where it awaits a protected one, and a file does not know that it was crypto/tls
		}
		if alert.Elsewhere != divided || !divided && alert.Arrived != want[i].Arrived {
			t.Errorf("%s: alert %d arrived: %t; said to: %t, elsewhere %t", where, i, want[i].Arrived, alert.Arrived, alert.Elsewhere)
		}
	}
}

// alertsOf are those that a side sent.
func alertsOf(s *inspect.Session, c *inspect.Connection, side inspect.Side) (all []inspect.Item) {
	for _, item := range s.Items() {
		if item.Kind == inspect.AlertItem && item.Conn == c.Conn && item.Side == side {
			all = append(all, item)
		}
	}
	return all
}
