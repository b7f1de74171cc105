package tui

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// A heldReplay is the session of the golden views on a wire that holds: what was recorded of both endpoints comes again,
// and they do not mind what becomes of it. What is decided on is delivered at once.
type heldReplay struct {
	recording *inspect.Recording
	gate      *inspect.Stepper
	rest      []inspect.Event
	held      map[int]inspect.Unit
}

func newHeldReplay(t *testing.T) *heldReplay {
	all := replay(t)
	r := &heldReplay{recording: new(inspect.Recording), gate: new(inspect.Stepper), held: make(map[int]inspect.Unit)}
	for e := range all.Events(0) {
		r.rest = append(r.rest, e)
	}
	return r
}

// say has the endpoint whose turn it is say what it says before the other speaks, with the secrets that it logs by then.
func (r *heldReplay) say() {
	for begun := false; len(r.rest) > 0; r.rest = r.rest[1:] {
		e := r.rest[0]
		switch {
		case begun && e.Kind != inspect.Captured:
			return
		case e.Kind == inspect.Opened || e.Kind == inspect.Secret:
			r.recording.Append(e)
		case e.Kind == inspect.Captured:
			begun = true
			u := inspect.Unit{ID: r.recording.Append(e), Conn: e.Conn, From: e.Side, Bytes: e.Bytes}
			r.held[u.ID] = u
			r.gate.Captured(r, u)
		}
	}
}

func (r *heldReplay) Conn() int                     { return 0 }
func (r *heldReplay) Recording() *inspect.Recording { return r.recording }
func (r *heldReplay) Cut(inspect.Side)              {}
func (r *heldReplay) Finish(inspect.Side)           {}
func (r *heldReplay) After(time.Duration, func())   {}
func (r *heldReplay) Forward(id int)                { r.decide(inspect.Forwarded, id, nil) }
func (r *heldReplay) Expire(id int)                 { r.decide(inspect.Expired, id, nil); r.Forward(id) }
func (r *heldReplay) Drop(id int)                   { r.decide(inspect.Dropped, id, nil) }

func (r *heldReplay) Holds(id int) bool {
	_, held := r.held[id]
	return held
}

func (r *heldReplay) Send(from inspect.Side, b []byte, cause int) {
	if cause >= 0 {
		r.decide(inspect.Altered, cause, b)
		return
	}
	r.recording.Append(inspect.Event{Kind: inspect.Injected, Side: from, Cause: -1, Bytes: b})
}

func (r *heldReplay) Replace(id int, f func() []byte) {
	if b := f(); b != nil {
		r.decide(inspect.Altered, id, b)
		return
	}
	r.Forward(id)
}

func (r *heldReplay) decide(kind inspect.EventKind, id int, b []byte) {
	r.recording.Append(inspect.Event{Kind: kind, Side: r.recording.At(id).Side, Cause: id, Bytes: b})
	if kind != inspect.Expired {
		delete(r.held, id)
	}
}

// TestGoldenViewsOfAWireThatHolds draws a session whose every record waits: held, altered, dropped, sent twice.
func TestGoldenViewsOfAWireThatHolds(t *testing.T) {
	type visit struct {
		title string
		says  bool // an endpoint says what it has to say
		keys  []string
	}
	visits := []visit{
		{"before anybody has said anything", false, nil},
		{"the ClientHello waits", true, nil},
		{"it is released, and the server's flight waits", true, []string{"r"}},
		{"where the wire can run to", false, []string{"u"}},
		{"the ServerHello's last bit is to be flipped", false, []string{"esc", "p", "e", "end", "0"}},
		{"after the flip", false, []string{"enter"}},
		{"what is dropped is asked about", false, []string{"p", "r", "d"}},
		{"after the drop", false, []string{"enter"}},
		{"sent twice", false, []string{"p", "t"}},
		{"what both sides made of it", false, []string{"V"}},
		{"the rest of the page", false, []string{"pgdown"}},
		{"back in time", false, []string{"esc", "left", "left", "left"}},
		{"nothing is held any more", false, []string{"end", "H"}},
	}
	for _, screen := range []struct {
		w, h  int
		lang  string
		ascii bool
	}{
		{60, 16, "en", false},
		{80, 24, "en", false},
		{80, 24, "pt-BR", false},
		{80, 24, "en", true},
		{200, 60, "en", false},
		{200, 60, "pt-BR", false},
	} {
		name := fmt.Sprintf("held-%dx%d-%s", screen.w, screen.h, screen.lang)
		if screen.ascii {
			name += "-ascii"
		}
		t.Run(name, func(t *testing.T) {
			r := newHeldReplay(t)
			s := open(t, Options{Recording: r.recording, Gate: r.gate, Lang: screen.lang, ASCII: screen.ascii, Waiting: []string{"openssl s_client"}})
			s.size(screen.w, screen.h)
			var views bytes.Buffer
			for _, visit := range visits {
				s.press(visit.keys...)
				if visit.says {
					r.say()
				}
				s.send(grown{generation: s.m.generation})
				s.fits()
				fmt.Fprintf(&views, "== %s\n", visit.title)
				for line := range strings.Lines(s.text()) {
					views.WriteString(strings.TrimRight(line, " \n") + "\n")
				}
			}
			compare(t, filepath.Join("testdata", name+".golden"), views.String())
		})
	}
}
