package tui

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
	"github.com/charmbracelet/x/ansi"
)

// heldScreen opens a session that is held, its wire shown, the ClientHello on it.
func heldScreen(t *testing.T, o Options) *screen {
	t.Helper()
	o.Held = true
	if o.Stage == nil {
		o.Stage = echoStage{}
	}
	s := open(t, o)
	s.press("W", "right")
	s.waiting("ClientHello")
	return s
}

// waiting waits until such a record waits on the wire.
func (s *screen) waiting(name string) {
	s.t.Helper()
	s.until(name+" on the wire", func() bool {
		u, ok := s.m.selectedHeld()
		return ok && s.m.heldName(u) == name
	})
}

// settled waits until both sides have ended.
func (s *screen) settled() {
	s.t.Helper()
	s.until("the end", func() bool { return s.m.over() && s.m.time.follow && s.m.time.at == len(s.m.time.steps) })
}

// row returns the line of the screen that has the text.
func (s *screen) row(text string) string {
	for line := range strings.Lines(s.text()) {
		if strings.Contains(line, text) {
			return line
		}
	}
	s.t.Errorf("no line has %q:\n%s", text, s.text())
	return ""
}

func TestTheWireShowsWhatWaitsAndWhatBecameOfIt(t *testing.T) {
	s := heldScreen(t, Options{})
	s.shows("The wire", "holding: 1 waits", "r release", "d drop", "Nobody has noticed anything wrong so far.")
	s.press("r")
	s.waiting("ServerHello")
	if line := s.row("→  delivered"); !strings.Contains(line, " ClientHello ") {
		t.Errorf("the ClientHello was released: %q", line)
	}
	if line := s.row("←‖ waits"); !strings.Contains(line, " ServerHello ") {
		t.Errorf("the ServerHello waits: %q", line)
	}
	s.shows("What was let go cannot be called back.")
	s.press("up", "d")
	s.shows("cannot be undone")
}

func TestADropIsPredictedObservedAndExplained(t *testing.T) {
	for answers, said := range map[string]string{
		"c1y": "✓ The first to notice: the client, as you said.|✓ The alert: bad_record_mac, as you said.|✓ Does the server understand it: yes, as you said.",
		"s5n": "✗ The first to notice: the client. You had said: the server.|✗ The alert: bad_record_mac. You had said: decrypt_error.|✗ Does the server understand it: yes. You had said: no.",
		"n":   "✗ The first to notice: the client. You had said: nobody.",
		"c9 ": "✗ The alert: bad_record_mac. You had said: another one.",
		" 0":  "✗ The alert: bad_record_mac. You had said: no alert.",
		"  y": "✓ Does the server understand it: yes, as you said.",
		"cr":  "✓ The first to notice: the client, as you said.",
	} {
		s := heldScreen(t, Options{})
		s.size(100, 40)
		s.press("u", "2")
		s.waiting("Certificate")
		s.press("d")
		s.shows("Predict: which side will be the first to notice?")
		for _, answer := range answers {
			s.press(string(answer))
		}
		s.settled()
		s.shows(strings.Split(said, "|")...)
		s.shows("First to notice: the client", "bad_record_mac", "the server understood it", "tls: bad record MAC",
			"sealed before it had not arrived", "sequence number, nonce", "1 dropped", "The server can read the alert: it opens it as number")
	}
}

func TestWithoutAPredictionTheRestGoesOnWaiting(t *testing.T) {
	s := heldScreen(t, Options{})
	s.press("t", "esc")
	s.waiting("ClientHello")
	s.press("t", "enter")
	s.waiting("ServerHello")
	s.shows("sent 2 times", "holding")
	for _, g := range s.m.wire.guesses {
		if g.said() {
			t.Errorf("a prediction was made of nothing: %+v", g)
		}
	}
	s.press("p", "d")
	s.shows("dropped")
}

func TestHoldingCanBeginAndEndAtAnyTime(t *testing.T) {
	s := finished(t, Options{})
	rows := s.m.time.visible()
	s.press("W", "d")
	s.shows("everything goes through", "Nothing is held. H, or :hold")
	s.press("H", "i")
	s.write("create cidade recife")
	s.press("enter", "esc")
	s.waiting(`"create cidade recife\n"`)
	s.shows("holding: 1 waits")
	if s.m.waiting == 0 {
		t.Error("the command was answered while it was held")
	}
	s.press("r")
	s.waiting(`"Ok\n"`)
	s.press("a")
	s.until("the answer", func() bool { return s.m.waiting == 0 })
	s.press("H")
	s.ask("read cidade")
	s.press("esc", "home")
	for range rows {
		s.press("right") // before the hold nothing waited: each record is one step
	}
	if got := s.m.time.visible(); got != rows {
		t.Errorf("after %d steps %d rows are there", rows, got)
	}
	s.press("right")
	s.shows("→‖ waits", "create cidade recife")
	s.press("right")
	s.shows("→  delivered", "create cidade recife")
}

func TestTheWireRunsToABreakpointInTheWordsOfAScene(t *testing.T) {
	s := heldScreen(t, Options{})
	s.command("until server")
	s.shows("which record? Behind the side comes record, text, alert", "certificate")
	s.command("until certificate")
	s.shows("certificate: whose record? First comes one of client, server, either")
	s.command("until client text third")
	s.shows("third: behind the kind comes which of them: a number")
	s.command("until client text containing \"half")
	s.shows("A text in quotes has no end")
	s.press(":")
	s.write("until server cert")
	s.press("tab")
	s.shows(":until server certificate", "server certificate_request")
	s.press("esc")
	s.command("until client text 2")
	s.ask("create a b")
	s.write("read a")
	s.press("enter", "esc")
	s.waiting(`"read a\n"`)
	s.shows("holding: 1 waits")
}

func TestTwoRecordsChangePlaces(t *testing.T) {
	s := heldScreen(t, Options{})
	s.press("x")
	s.shows("No other record of the client waits behind this one")
	s.size(100, 40)
	s.press("u", "2")
	s.waiting("Certificate")
	s.until("the whole flight", func() bool { return len(s.m.pending()) == 3 })
	s.press("x", "c", "enter")
	s.settled()
	s.shows("as you said", "bad_record_mac", "sealed before it had not arrived")
}

func TestWhatIsInjectedIsShownAsSuch(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(100, 30)
	s.press("I")
	s.shows(":inject 15 03 03 00 02 02 28")
	s.press("enter", "s", "enter")
	s.settled()
	s.shows("injected", "First to notice: the client, which sent no alert", "the client never sent this record")
	s.command("inject 1")
	s.shows("Write bytes in hexadecimal")
}

func TestTheCutDirectionEndsAndTheRestIsUndeliverable(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(100, 40)
	s.press("u", "2")
	s.waiting("Certificate")
	s.until("the whole flight", func() bool { return len(s.m.pending()) == 3 })
	s.press("C", "c", "0")
	s.settled()
	s.shows("undeliverable", "First to notice: the client", "unexpected EOF", "✓ The alert: no alert, as you said.", "the header of the record announces")
}

func TestTheTranscriptsPartWhereTheWireAlteredAHello(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(120, 50)
	s.m.commit(deed{unit: s.m.pending()[0], action: inspect.Flip(20, 1), done: "wire_released"}, false)
	s.press("a")
	for range 20 {
		if s.m.over() {
			break
		}
		s.until("something to release", func() bool { return s.m.over() || len(s.m.pending()) > 0 })
		if !s.m.over() {
			s.press("a")
		}
	}
	s.settled()
	s.shows("altered", "The transcripts part at message 1, ClientHello, in: random.", "Both logged these secrets, and not alike")
}

func TestWithoutAGateNothingCanBeHeld(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.press("end", "W")
	s.shows("looking on: nothing can be held", "ServerHello", "delivered")
	for _, key := range []string{"d", "H", "u", "a"} {
		s.press(key)
		s.shows("There is no gate on this wire")
	}
	for _, command := range []string{"hold", "run", "until client text", "inject 00"} {
		s.command(command)
		s.shows("There is no gate on this wire")
	}
}

func TestTheVerdictsFollowTheCursor(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(100, 40)
	s.press("d", "s", "enter")
	s.settleAfterSilence()
	s.shows("You say: the server. Nobody has noticed anything so far", "Row 1 never arrived, and nothing tells the server so: it goes on waiting.")
	s.press("home", "right")
	s.shows("Nobody has noticed anything wrong so far.", "1 record waits")
	s.hides("You said", "You say")
}

// settleAfterSilence waits until nothing is on the wire.
func (s *screen) settleAfterSilence() {
	s.t.Helper()
	s.until("the drop", func() bool {
		return bytes.Contains([]byte(s.text()), []byte("dropped")) && len(s.m.pending()) == 0
	})
}

func TestWhatBecomesOfAUnitIsReadFromTheRecording(t *testing.T) {
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Gated: true}})
	captured := func() int { return r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte{1}}) }
	happens := func(kind inspect.EventKind, cause int) int {
		return r.Append(inspect.Event{Kind: kind, Cause: cause, Bytes: []byte{2}})
	}
	late, early, twice, gone, lost, other := captured(), captured(), captured(), captured(), captured(), captured()
	happens(inspect.Forwarded, early)
	happens(inspect.Forwarded, late)
	happens(inspect.Forwarded, twice)
	happens(inspect.Forwarded, twice)
	happens(inspect.Dropped, gone)
	failed := happens(inspect.Forwarded, lost)
	happens(inspect.Undeliverable, failed)
	happens(inspect.Injected, -1)
	changed := happens(inspect.Altered, other)
	held, passing := captured(), captured()
	var w wire
	w.extend(r)
	waits := func(id int) bool { return id == held }
	want := []state{unitOvertaken, unitForwarded, unitRepeated, unitDropped, unitUndeliverable, unitAltered, unitInjected, unitHeld, unitOnItsWay}
	for i, want := range want {
		if got, _ := w.stateAt(i, r.Len(), waits); got != want {
			t.Errorf("unit %d is in state %d, want %d", i, got, want)
		}
	}
	if got, _ := w.stateAt(w.place[other], changed-1, waits); got != unitOnItsWay {
		t.Errorf("before it was altered the unit is in state %d", got)
	}
	if visible := w.visible(held); visible != len(w.units)-1 || w.units[visible].event != passing {
		t.Errorf("%d units are visible", visible)
	}
}

func TestARecordThatIsHeldForATimeOnlyIsCountedDown(t *testing.T) {
	gate := &inspect.Stepper{Patience: 10 * time.Minute}
	s := open(t, Options{Stage: echoStage{}, NewTap: func(bool) (*inspect.Tap, func()) { return &inspect.Tap{Gate: gate}, func() {} }})
	s.press("W", "right")
	s.waiting("ClientHello")
	if line := s.row("ClientHello "); line == "" {
		t.Fatal("the ClientHello is not shown")
	}
	first, _ := gate.Deadline(s.m.pending()[0].ID)
	s.until("the countdown", func() bool { return strings.Contains(s.text(), "waits 9:5") })
	s.shows("m more time")
	s.press("m")
	s.shows("10 minutes again")
	if second, ok := gate.Deadline(s.m.pending()[0].ID); !ok || !second.After(first) {
		t.Errorf("the deadline went from %v to %v", first, second)
	}
}

// A screen that is drawn between the capture of a record and its being held would say for ever that it is on its way.
func TestThatARecordIsHeldIsToldToAScreenThatHasDrawnItAlready(t *testing.T) {
	r := newHeldReplay(t)
	s := open(t, Options{Recording: r.recording, Gate: r.gate})
	var u inspect.Unit
	for e := r.rest[0]; u.Bytes == nil; e = r.rest[0] {
		r.rest = r.rest[1:]
		if id := r.recording.Append(e); e.Kind == inspect.Captured {
			u = inspect.Unit{ID: id, Conn: e.Conn, From: e.Side, Bytes: e.Bytes}
		}
	}
	s.until("the ClientHello", func() bool { return s.m.time.visible() == 1 })
	if line := s.row("ClientHello   "); !strings.Contains(line, "on its way") {
		t.Errorf("before it is held: %q", line)
	}
	told := false
	r.held[u.ID] = u
	r.gate.Captured(r, u)
	for limit := time.After(patience); !told; {
		select {
		case msg := <-s.msgs:
			_, told = msg.(halted)
			s.send(msg)
		case <-limit:
			t.Fatal("nothing was told")
		}
	}
	if line := s.row("ClientHello   "); !strings.Contains(line, "waits") {
		t.Errorf("once it is held: %q", line)
	}
}

func TestARecordWhoseTimeRunsOutGoesOnAndThatIsSaid(t *testing.T) {
	testCertificate() // by the real clock
	synctest.Test(t, func(t *testing.T) {
		gate := &inspect.Stepper{Patience: 10 * time.Minute}
		s := open(t, Options{Stage: echoStage{}, NewTap: func(bool) (*inspect.Tap, func()) { return &inspect.Tap{Gate: gate}, func() {} }})
		s.size(100, 30)
		s.press("W", "right")
		s.waiting("ClientHello")
		s.shows("by itself in 10:00")
		time.Sleep(10*time.Minute + time.Second)
		s.waiting("ServerHello")
		s.shows("ClientHello (client) goes on by itself: nobody decided on it in 10 minutes.")
		if line := s.row("time ran out"); !strings.Contains(line, " ClientHello ") {
			t.Errorf("whose time ran out: %q", line)
		}
		s.shows("by itself in 9:59")
	})
}

func TestTheVerdictsTellWhoWaitsAndWhatForAtEveryStep(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(100, 40)
	line := func() string {
		for line := range strings.Lines(s.text()) {
			if words := strings.Join(strings.Fields(line), " "); strings.HasPrefix(words, "waits ") {
				return words
			}
		}
		return ""
	}
	if got := line(); got != "waits still: what it said is held" {
		t.Errorf("with the ClientHello held: %q", got)
	}
	s.shows("Nothing times out here: who waits, waits as long as you let it.")
	s.press("r")
	s.waiting("ServerHello")
	if got := line(); got != "waits still: what is meant for it is held still: what it said is held" {
		t.Errorf("with the ServerHello held: %q", got)
	}
	s.press("H")
	s.ask("create a b")
	s.press("esc", "H", "i")
	s.write("read a")
	s.press("enter", "esc")
	s.waiting(`"read a\n"`)
	s.press("p", "d")
	if got := line(); got != "waits still: what it said was dropped still: something meant for it was dropped" {
		t.Errorf("with the request dropped: %q", got)
	}
	s.m.play.(*echoPlay).client.Close()
	s.until("the client's end", func() bool { return strings.Contains(s.text(), "silence: nothing came in ") })
	s.hides("what it said was dropped")
}

func TestAWatchedWireWithAGateWorksAsTheLabsDoes(t *testing.T) {
	gate := &inspect.Stepper{Patience: 10 * time.Minute}
	tap := &inspect.Tap{Gate: gate}
	s := open(t, Options{Recording: tap.Recording(), Gate: gate, Waiting: []string{"openssl s_client"}})
	s.size(100, 40)
	s.shows("The wire", "Nobody has connected yet. What comes will wait here.", "openssl s_client", "holding: 0 wait")
	s.press("right")
	s.shows("Nothing waits on the wire. What comes will wait there.")
	play, err := echoStage{}.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { play.Close() })
	s.waiting("ClientHello")
	s.shows("r release", "m more time", "ClientHello (client); by itself in ")
	s.press("q")
	s.shows("Leave and end it?")
	s.press("n", "r")
	s.waiting("ServerHello")
	s.press("H")
	s.until("the handshake", func() bool {
		return s.m.time.session.Connections()[0].View(inspect.Server).State(1 << 30).HandshakeDone
	})
	s.shows("everything goes through")
	s.press("q") // with nothing held, nothing is asked
	s.until("the end", func() bool { return s.left })
}

func TestTheDirectionIsCutWhereItIsSaid(t *testing.T) {
	for word, want := range map[string]struct {
		said  string
		bytes int // that arrive
	}{
		"17": {"Cut behind byte 17 of ClientHello (client)", 17}, "-1": {"Cut behind byte", -1}, "before": {"Cut before ClientHello", 0}, "": {"Cut behind byte", -2},
	} {
		s := heldScreen(t, Options{})
		s.size(100, 40)
		size := len(s.m.pending()[0].Bytes)
		s.press("p")
		s.command(strings.TrimSpace("cut " + word))
		s.shows(want.said)
		s.settled()
		arrived := 0
		for e := range s.m.time.session.Recording().Events(0) {
			if e.Side == inspect.Client && (e.Kind == inspect.Forwarded || e.Kind == inspect.Altered) {
				arrived += e.N
			}
		}
		if want := map[int]int{-1: size - 1, -2: size / 2}[want.bytes] + max(want.bytes, 0); arrived != want {
			t.Errorf(":cut %s delivers %d of %d bytes, want %d", word, arrived, size, want)
		}
	}
}

func TestAPlaceThatIsNotInsideTheRecordIsRefused(t *testing.T) {
	s := heldScreen(t, Options{})
	for _, word := range []string{"0", "70000", "-70000", "x"} {
		s.command("cut " + word)
		s.shows("Write behind how many of its bytes, from 1 to")
	}
	for _, word := range []string{"x", "0s", "-1s", "2h"} {
		s.command("delay " + word)
		s.shows("Write for how long, up to an hour")
	}
	if len(s.m.pending()) != 1 {
		t.Error("the record waits no more")
	}
}

func TestARecordIsDelayedForAsLongAsItIsSaid(t *testing.T) {
	s := heldScreen(t, Options{})
	s.shows("delay 3 s", ":delay")
	s.command("delay 1ms")
	s.shows("goes on in 1ms.")
	s.waiting("ServerHello")
	s.press("w")
	s.shows("goes on in 3s.")
}

func TestThatNobodyNoticesIsCertainOnlyAtTheEnd(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(110, 40)
	s.press("e", "right", "right", "1", "enter")
	s.shows("Predict: which side will be the first to notice?")
	s.press("n")
	s.shows("You say: nobody.")
	s.ask("create nome ana")
	s.press("esc")
	s.shows("You say: nobody. Nobody has noticed anything so far: it stays open", "only the record's header was changed")
	s.ask("exit")
	s.settled()
	s.shows("✓ You said: nobody. The session is over, and nobody has noticed.")
}

func TestASecondDeedLeavesTheFirstPredictionUndecided(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(120, 44)
	s.press("e", "right", "right", "1", "enter", "n")
	s.ask("create nome ana")
	s.press("esc", "H", "i")
	s.write("read nome")
	s.press("enter", "esc")
	s.waiting(`"read nome\n"`)
	s.press("t", "s", "1", "y")
	s.until("the alert", func() bool { return strings.Contains(s.text(), "as you said") })
	s.shows("✓ The first to notice: the server, as you said.", "You said: nobody. Nothing had come of it when something else was tampered with")
}

func TestALossIsNotNoticedBeforeTheNextRecord(t *testing.T) {
	s := textHeld(t, "read nome")
	s.press("p", "d", "n")
	s.shows("You say: nobody.", "never arrived, and nothing has told the server so far", "the tag will not verify")
}

func TestAPredictionCanBeLeftAtAnyQuestion(t *testing.T) {
	for _, keys := range [][]string{{"esc"}, {"c", "esc"}, {"s", "1", "esc"}, {" ", " ", "esc"}} {
		s := heldScreen(t, Options{})
		s.press("d")
		s.press(keys...)
		s.shows("waits", "r release")
		if len(s.m.pending()) != 1 || len(s.m.wire.guesses) != 0 {
			t.Errorf("after %q the record is gone", keys)
		}
	}
}

func TestAKeyThatStandsAtTheEdgeIsWhole(t *testing.T) {
	m, end := detached(Options{Recording: recordingOf()})
	defer end()
	choices := []choice{{"a", "one"}, {"b", "three"}}
	for w := 5; w < 20; w++ {
		lines := m.choicesInLines(w, choices)
		if wide := w >= len(" a one  b three"); wide != (len(lines) == 1) {
			t.Errorf("at %d cells there are %d lines", w, len(lines))
		}
		if text := ansi.Strip(strings.Join(lines, "")); w > 8 && strings.Contains(text, m.pal.glyphs.more) {
			t.Errorf("at %d cells: %q", w, text)
		}
	}
}

func TestOfAnAlertWhosePeerIsAnotherConnectionNobodySaysThatItHasNotArrived(t *testing.T) {
	recording := recordingOf()
	recording.Append(inspect.Event{Kind: inspect.Noted, Cause: -1, Note: &inspect.Reason{Key: inspect.ServersPart, Data: []any{"client", "127.0.0.1:49152"}}})
	recording.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")})
	s := open(t, Options{Recording: recording})
	s.press("end")
	s.press("V")
	s.shows("is another connection")
	s.hides("has not arrived yet")
}
