package tui

import (
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

func TestTheScreenOpensBeforeTheClientHello(t *testing.T) {
	s := open(t, Options{Stage: echoStage{}})
	s.shows("step 0 of", "→ client sends ClientHello", "no version agreed yet", "0 rec 0 B")
	s.hides("handshake    ", "ServerHello")
	s.fits()
}

func TestTheRightArrowDoesTheNextStepAndTheLeftOneTakesItBack(t *testing.T) {
	s := finished(t, Options{})
	s.press("home", "right")
	s.shows("step 1 of", "ClientHello", "server sends ServerHello")
	s.hides("TLS 1.3")
	s.press("right")
	s.shows("step 2 of", "TLS 1.3")
	s.press("left")
	s.shows("step 1 of")
	s.hides("TLS 1.3")
	s.press("left", "left")
	s.shows("step 0 of", "This is the beginning")
}

func TestTheStateIsThatOfTheStep(t *testing.T) {
	s := finished(t, Options{})
	s.press("home", "right")
	s.shows("client: in clear, 0 secrets logged", "→ 1 rec")
	s.hides("certificate")
	s.press("end")
	s.shows("client: application keys", "certificate CN=kvs.lab")
	s.press("K")
	s.shows("the client knows 4 secrets", "the server knows 4 secrets")
	s.press("pgdown")
	s.shows("CLIENT_TRAFFIC_SECRET_0")
	s.press("esc", "home", "right", "K")
	s.shows("client: no secret yet")
}

func TestBothEndpointsAndTheirSecretsFit80Columns(t *testing.T) {
	for lang, want := range map[string]string{
		"en": "client: application keys, 4 secrets", "pt-BR": "servidor: chaves de aplicação, 4 segr.",
	} {
		s := finished(t, Options{Lang: lang})
		s.size(80, 24)
		s.shows(want)
	}
}

func TestACommandAtThePromptIsAnsweredAndSeenOnTheWire(t *testing.T) {
	s := open(t, Options{Stage: echoStage{}})
	s.press("i")
	s.shows("create nome ana")
	s.write("create nome ana")
	s.press("enter")
	s.until("the answer", func() bool { return s.m.waiting == 0 })
	s.shows(`"create nome ana\n"`, `"Ok\n"`, "← Ok")
	if s.m.time.at != len(s.m.time.steps) {
		t.Errorf("the cursor is at step %d of %d, want the end", s.m.time.at, len(s.m.time.steps))
	}
}

func TestOnALowScreenTheAnswerStandsBesideThePromptUntilTheNextKey(t *testing.T) {
	s := open(t, Options{Stage: echoStage{}})
	s.size(60, 16)
	s.ask("create nome ana")
	s.shows("› ", "← Ok")
	s.write("r")
	s.hides("← Ok")
	s.shows("› r")
	s.press("ctrl+u")
	s.ask("what is this")
	s.shows("← not understood: what is this")
}

func TestALongAnswerIsShownWhole(t *testing.T) {
	s := open(t, Options{Stage: echoStage{}})
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		s.size(size[0], size[1])
		s.ask("what is this " + strings.Repeat("word ", 15) + "end")
		s.fits()
		s.shows("← not understood: what is this", "word end")
		s.press("ctrl+u")
		s.hides("← not understood")
	}
}

func TestWordsStayWholeWhereTheyHaveRoom(t *testing.T) {
	got := wrapWords("  client --ca /a-long/path-of/a-file.pem end", 29)
	want := []string{"  client --ca", "  /a-long/path-of/a-file.pem", "  end"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnALowScreenTheEndOfASessionIsToldAndWhatToDoThen(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		s := open(t, Options{Stage: echoStage{}, Lang: lang})
		s.size(60, 16)
		s.ask("exit")
		s.until("the end", s.m.over)
		first, _ := s.m.time.ending(0, s.m.time.event())
		s.send(answered{generation: s.m.generation, command: "exit", answer: "Ok"})
		s.shows(s.m.howItEnded(first), "← Ok", s.m.invitation())
	}
}

func TestEveryEndOfASessionFitsALowScreen(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		s := finished(t, Options{Lang: lang})
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, item := range []inspect.Item{
				{Kind: inspect.ClosedItem, How: inspect.ClosedNotify},
				{Kind: inspect.ClosedItem, How: inspect.ClosedEndOfFile},
				{Kind: inspect.ClosedItem, How: inspect.ClosedCut},
				{Kind: inspect.AlertItem, Description: 42},
			} {
				item.Side = side
				if text := s.m.howItEnded(&item); width(text)+5 > leastWidth {
					t.Errorf("%q has no room beside the speed", text)
				}
			}
		}
	}
}

func TestThePromptRemembersAndEdits(t *testing.T) {
	s := finished(t, Options{})
	s.ask("read nome")
	s.press("up", "up")
	s.shows("› create nome ana")
	s.press("down")
	s.shows("› read nome")
	s.press("down")
	s.write("abc")
	s.press("up", "down")
	s.shows("› abc")
	s.press("left", "backspace", "home", "delete")
	if got := s.m.prompt.String(); got != "c" {
		t.Errorf("the line is %q, want c", got)
	}
	s.press("ctrl+c")
	if got := s.m.prompt.String(); got != "" || s.m.mode != onPrompt {
		t.Errorf("after ctrl+c the line is %q in mode %d, want an empty prompt", got, s.m.mode)
	}
	s.press("ctrl+c")
	s.shows("y yes, n no")
}

func TestTheEmptyPromptTakesItsSuggestionWithTab(t *testing.T) {
	s := finished(t, Options{Hints: []string{"create nome ana", "read nome"}})
	s.press("i")
	s.shows("read nome   (tab takes it)")
	s.press("tab")
	s.shows("› read nome")
}

func TestThePromptSuggestsWhatWasNotDoneInThisSession(t *testing.T) {
	s := finished(t, Options{Hints: []string{"create nome ana", "read nome", "exit"}})
	s.ask("something else")
	s.press("ctrl+u")
	s.shows("read nome   (tab takes it)")
	s.ask("read nome")
	s.ask("create nome eva")
	s.press("ctrl+u")
	s.shows("exit   (tab takes it)")
	s.press("esc")
	s.command("restart")
	s.until("a new session", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	s.press("i")
	s.shows("create nome ana   (tab takes it)")
}

func TestInThePromptLettersAreText(t *testing.T) {
	s := finished(t, Options{})
	s.press("i")
	s.write("q ? : hjkl / g")
	s.shows("› q ? : hjkl / g")
}

func TestLettersThatComeAtOnceAreKeysOfTheirOwn(t *testing.T) {
	s := finished(t, Options{})
	s.press("home")
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("llli x")})
	s.shows("step 3 of")
	if got := s.m.prompt.String(); got != " x" {
		t.Errorf("the prompt holds %q, want the letters after i", got)
	}
}

func TestPastedTextNeverActsAsKeys(t *testing.T) {
	s := finished(t, Options{})
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q"), Paste: true})
	if s.left || s.m.mode != onStreams {
		t.Error("a pasted q acted")
	}
	s.shows("Press i")
	s.press("i")
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("read a\nexit\n"), Paste: true})
	if got := s.m.prompt.String(); got != "read a" {
		t.Errorf("the prompt holds %q, want the first line alone", got)
	}
}

func TestExitEndsTheSessionAndNotTheScreen(t *testing.T) {
	s := finished(t, Options{})
	s.ask("exit")
	s.until("the end", s.m.over)
	s.shows("over, ended by the", ": close_notify", ":restart begins a new session")
	if s.left || s.m.mode != onStreams {
		t.Errorf("left %v, mode %d, want the streams", s.left, s.m.mode)
	}
	s.press("i")
	s.shows("The session is over")
	s.press("q")
	s.until("leaving", func() bool { return s.left })
}

func TestRestartBeginsANewSession(t *testing.T) {
	s := finished(t, Options{})
	before := s.m.time.session.Recording()
	s.command("restart")
	s.until("a new session", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	if s.m.time.session.Recording() == before {
		t.Error("the recording is the old one")
	}
	s.shows("step 0 of", "client sends ClientHello")
	s.ask("create a b")
	s.shows(`"create a b\n"`)
}

func TestAStepThatIsAskedForBeforeThereIsOneIsTakenThen(t *testing.T) {
	for _, held := range []bool{false, true} {
		s := finished(t, Options{Hints: []string{"create nome ana", "read nome"}})
		if held {
			s.command("restart held")
		} else {
			s.command("restart")
		}
		s.press("right")
		s.shows("The session is being opened; its first step")
		s.until("the first step", func() bool { return len(s.m.time.steps) > 0 })
		s.shows("step 1 of", "ClientHello")
		s.hides("The session is being opened")
		if held {
			s.comes("→‖ ClientHello")
		}
	}
}

func TestOnlyWhatWasShownIsReleased(t *testing.T) {
	s := finished(t, Options{})
	s.command("restart held")
	s.until("the ClientHello on the wire", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	s.press("right", "right")
	if err := s.m.stepper.Wait(t.Context()); err != nil { // nothing is told to the screen meanwhile
		t.Fatal(err)
	}
	first := s.m.stepper.Pending()[0].ID
	s.press("right")
	s.shows("←‖ ServerHello")
	if held := s.m.stepper.Pending(); held[0].ID != first {
		t.Error("the ServerHello was released before it was shown")
	}
	s.press("right")
	if held := s.m.stepper.Pending(); len(held) > 0 && held[0].ID == first {
		t.Error("the ServerHello was shown, but not released")
	}
}

func TestAHeldSessionWaitsForEachStep(t *testing.T) {
	s := finished(t, Options{})
	s.command("restart held")
	s.until("the ClientHello on the wire", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	s.press("right")
	s.comes("→‖ ClientHello")
	s.shows("releases ClientHello (client)")
	s.press("right")
	s.comes("←‖ ServerHello")
	s.shows("→  ClientHello")
	for range 40 {
		s.press("right")
		if s.m.stepper.Pending() == nil {
			break
		}
	}
	s.press("i")
	s.write("create nome ana")
	s.press("enter", "esc")
	s.until("the answer, a step at a time", func() bool {
		s.press("right")
		return s.m.waiting == 0
	})
	s.shows(`"create nome ana\n"`, `"Ok\n"`)
}

func TestAnUnknownCommandNamesTheNearest(t *testing.T) {
	s := finished(t, Options{})
	s.command("restrat")
	s.shows("No command :restrat", "nearest is :restart")
	s.command("goto 99")
	s.shows("a step from 0 to")
	s.command("goto 2")
	s.shows("step 2 of")
	s.command("theme pink")
	s.shows("auto, neutral, dark, light")
	s.command("lang xx")
	s.shows(":lang pt-BR")
}

func TestCommandsComplete(t *testing.T) {
	s := finished(t, Options{})
	s.press(":")
	s.write("res")
	s.press("tab")
	s.shows(":restart")
	s.write(" h")
	s.press("tab")
	s.shows(":restart held")
	s.press("ctrl+u")
	s.write("zz")
	s.press("tab")
	s.shows("No command begins like this")
}

func TestTheLanguageChangesAsTheScreenRuns(t *testing.T) {
	s := finished(t, Options{})
	s.press("z")
	s.shows("z does nothing here")
	s.command("lang pt-BR")
	s.shows("passo", "em claro", "cliente: chaves")
	s.press("z")
	s.shows("z não faz nada aqui")
	s.press("enter", "tab")
	s.shows("em claro")
}

func TestQuitAsksWhileASessionLives(t *testing.T) {
	s := finished(t, Options{})
	s.press("q")
	s.shows("Leave and end it?")
	s.press("n")
	s.hides("Leave and end it?")
	s.press("ctrl+c", "ctrl+c")
	s.until("leaving", func() bool { return s.left })
}

func TestWhoStaysIsWhereTheyWereAsked(t *testing.T) {
	s := finished(t, Options{})
	for _, answer := range []string{"n", "esc"} {
		s.press("i", "ctrl+c")
		s.shows("Leave and end it?")
		s.press(answer)
		if s.m.mode != onPrompt {
			t.Errorf("%s led to mode %d, not to the prompt", answer, s.m.mode)
		}
		s.press("esc", "?", "ctrl+c", answer)
		if s.m.mode != onHelp {
			t.Errorf("%s led to mode %d, not to the help", answer, s.m.mode)
		}
		s.press("esc")
		if s.m.mode != onStreams {
			t.Errorf("esc led from the help to mode %d", s.m.mode)
		}
	}
}

func TestWhereTheQuestionCannotBeSeenQLeavesAtOnce(t *testing.T) {
	for _, key := range []string{"q", "ctrl+c"} {
		s := finished(t, Options{})
		s.press("i")
		s.size(59, 16)
		s.shows("q leaves")
		s.press("x", "enter", key)
		s.until("leaving", func() bool { return s.left })
	}
}

func TestAPageOfHelpKeepsALineInSight(t *testing.T) {
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		s := finished(t, Options{})
		s.size(size[0], size[1])
		s.press("?")
		s.m.View()
		for end := len(s.m.help(s.m.w)); s.m.scroll+s.m.shown < end; {
			seen := s.m.scroll + s.m.shown
			s.press("pgdown")
			s.m.View()
			if s.m.scroll >= seen {
				t.Fatalf("%dx%d: no line stays: %d were seen, now the first is %d", size[0], size[1], seen, s.m.scroll)
			}
		}
	}
}

func TestEnterUnfoldsARowIntoItsBytes(t *testing.T) {
	s := finished(t, Options{})
	s.press("home", "right", "enter")
	s.shows("▾", "0000 01 00 05", "0000 16 03 01", "0008 ")
	s.press("down", "down", "enter")
	s.shows("▸")
	s.hides("0000 16 03 01")
}

func TestTheDetailLinksFieldsAndBytesBothWays(t *testing.T) {
	s := finished(t, Options{})
	s.press("home", "right", "tab")
	s.shows("ClientHello in clear", "legacy_version")
	s.press("down", "down", "down")
	s.shows("[03 03]", "offset 4, 2 bytes", "RFC 8446")
	s.press("tab", "right", "right")
	s.shows("random = ")
	s.press("end")
	if f, _ := s.m.detail.selected(); f.End() != s.m.detail.subject().root.Length {
		t.Errorf("the last byte finds %s, which ends at %d", f.Name, f.End())
	}
	s.press("s")
	s.shows("the record as sent")
	s.press("s", "esc")
	s.shows("in clear ──")
}

func TestEveryByteFindsTheLeafThatHoldsIt(t *testing.T) {
	s := finished(t, Options{})
	for row := range s.m.time.visible() {
		s.m.streams.choose(row)
		s.m.attend()
		for i, subject := range s.m.detail.subjects {
			s.m.detail.turnTo(i, s.m.pal)
			for at := range subject.bytes {
				s.m.detail.at = at
				s.m.detail.moveByte(0, s.m.pal)
				f, ok := s.m.detail.selected()
				if !ok || at < f.Offset || at >= f.End() || len(f.Children) > 0 {
					t.Fatalf("row %d, %s, byte %d: selected %q at %d, %d bytes", row, subject.title, at, f.Name, f.Offset, f.Length)
				}
			}
		}
	}
}

func TestSearchFindsWhatWasSaid(t *testing.T) {
	s := finished(t, Options{})
	s.press("/")
	s.write("certificatev")
	s.press("enter")
	if what, _ := s.m.whatHappened(s.m.time.item(s.m.streams.sel.row)); what != "CertificateVerify" {
		t.Errorf("found %q", what)
	}
	s.press("n")
	s.press("/")
	s.write("no such thing")
	s.press("enter")
	s.shows("no such thing stands in no row")
}

func TestPlayingStepsByItself(t *testing.T) {
	s := finished(t, Options{})
	s.press("home", "+", "+", "+", " ")
	s.shows("▶ 4x")
	s.until("the third step", func() bool { return s.m.time.at >= 3 })
	s.press(" ")
	at := s.m.time.at
	s.send(tick{s.m.ticks})
	if s.m.playing || s.m.time.at != at {
		t.Error("it plays on after it was stopped")
	}
}

func TestAtTheEndTheCursorFollows(t *testing.T) {
	s := finished(t, Options{})
	s.press("home", "right")
	r := s.m.time.session.Recording()
	s.m.play.Do(t.Context(), "read nome")
	s.until("the new records", func() bool { return s.m.time.taken() == r.Len() })
	s.shows("step 1 of")
	s.press("end")
	s.m.play.Do(t.Context(), "read nome")
	s.until("the new records", func() bool { return s.m.time.taken() == r.Len() })
	if s.m.time.at != len(s.m.time.steps) {
		t.Errorf("the cursor stays at %d of %d", s.m.time.at, len(s.m.time.steps))
	}
}

func TestARefusedHandshakeShowsTheAlertAndBothErrors(t *testing.T) {
	s := open(t, Options{Stage: echoStage{refuse: true}})
	s.ask("create a b")
	s.until("the end", s.m.over)
	s.press("end")
	s.shows("over, ended by the client: alert bad_certificate")
	s.press("/")
	s.write("x509")
	s.press("enter", "enter")
	s.shows("certificate signed by", "unknown authority")
	s.size(200, 60)
	s.shows("Alert bad_certificate (fatal)", "client: tls: failed to verify certificate", "server: remote error: tls: bad certificate")
}

func TestTLS12IsShownToo(t *testing.T) {
	s := finished(t, Options{Stage: echoStage{version: 0x0303}})
	s.shows("TLS 1.2", "ServerKeyExchange", "ServerHelloDone", `"create nome ana\n"`)
}

func TestAWatchedRecordingFollowsAndHasNoPrompt(t *testing.T) {
	r := new(inspect.Recording)
	s := open(t, Options{Recording: r})
	s.shows("Nothing has been sent yet")
	s.press("i")
	s.shows("There is no client here")
	s.command("restart")
	s.shows("no session of its own")
	for _, e := range []inspect.Event{
		{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Addr: [2]string{"192.0.2.1:5", "192.0.2.2:443"}}},
		{Kind: inspect.Captured, Cause: -1, Bytes: []byte("GET / HTTP/1.1\r\n")},
	} {
		r.Append(e)
	}
	s.until("the bytes", func() bool { return s.m.time.visible() == 1 })
	s.shows("not TLS", "GET / HTTP", "192.0.2.1:5")
	if s.m.isAlarm(s.m.time.item(0)) {
		t.Error("text on a connection that has no TLS is shown as a fault")
	}
	s.press("home")
	s.shows(`client sends not TLS: "GET / HTTP`)
	s.press("end")
	s.press("tab")
	s.shows("bytes, not TLS")
	s.press("esc", "q")
	s.until("leaving", func() bool { return s.left })
}

func TestWhileNothingHasHappenedTheScreenSaysHowToMakeSomethingHappen(t *testing.T) {
	r := new(inspect.Recording)
	how := []string{"In another terminal:", "  client --addr \x1b[2J" + strings.Repeat("x", 100), "", "", "", "The last line"}
	s := open(t, Options{Recording: r, Waiting: how})
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		s.size(size[0], size[1])
		s.shows("In another terminal:", "client --addr", `\x1b[2Jx`, "The last line")
		if err := clean(s.m); err != nil {
			t.Error(err)
		}
	}
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("GET / HTTP/1.1\r\n")})
	s.until("the bytes", func() bool { return s.m.time.visible() == 1 })
	s.hides("In another terminal:")
}

func TestNewRowsNeverMoveTheSelection(t *testing.T) {
	s := finished(t, Options{})
	s.press("up", "up", "up")
	selected := s.m.streams.sel
	s.press("home")
	s.press("end")
	s.m.streams.sel = selected
	s.m.time.follow = false
	s.m.play.Do(t.Context(), "read nome")
	s.until("the new records", func() bool { return s.m.time.taken() == s.m.time.session.Recording().Len() })
	if s.m.streams.sel != selected {
		t.Errorf("the selection went from %v to %v", selected, s.m.streams.sel)
	}
}

func TestHelpListsEveryKeyAndCommand(t *testing.T) {
	s := finished(t, Options{})
	s.press("?")
	help := strings.Join(s.m.help(78), "\n")
	for _, b := range s.m.keys {
		if !strings.Contains(help, b.show) && b.show != "space" {
			t.Errorf("the help does not name %s", b.show)
		}
	}
	for _, c := range commands() {
		for _, typed := range c.typed() {
			if !strings.Contains(help, typed) {
				t.Errorf("the help does not name %s", typed)
			}
		}
	}
	s.press("f1")
	if s.m.mode != onStreams {
		t.Errorf("F1 does not close the help: mode %d", s.m.mode)
	}
}

// A dead key makes no character by itself on a Brazilian or US-International keyboard.
func TestNoActionNeedsADeadKey(t *testing.T) {
	for _, b := range keyMap() {
		for _, key := range b.keys {
			if strings.ContainsAny(key, "´`~^'\"") {
				t.Errorf("%q is a dead key", key)
			}
		}
	}
}

func TestEveryModeHasAWayOutAndAWayToQuit(t *testing.T) {
	for in := onStreams; in <= onQuit; in++ {
		for _, key := range []string{"esc", "ctrl+c"} {
			if find(keyMap(), in, key) == nil {
				t.Errorf("mode %d does not know %s", in, key)
			}
		}
	}
}

func TestEverySentenceOfTheKeysStandsInBothLanguages(t *testing.T) {
	ids := []string{}
	for _, b := range keyMap() {
		ids = append(ids, b.help)
		if b.brief != "" {
			ids = append(ids, b.brief)
		}
	}
	for _, c := range commands() {
		ids = append(ids, c.help)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, lang := range []string{"en", "pt-BR"} {
		for _, id := range ids {
			if !docs.For(lang).Has(id) {
				t.Errorf("%s: no sentence %s", lang, id)
			}
		}
	}
}

func TestNothingIsSaidOfWhatAStrangerKnows(t *testing.T) {
	r := recordingOf([]byte{0x15, 3, 3, 0, 2, 1, 0x5a})
	s := open(t, Options{Recording: r})
	s.shows("client: in clear")
	s.hides("0 secrets logged")
	s.press("K")
	s.shows("what the client knows is not seen")
	s.hides("no secret yet")
}

func TestALongLineIsSentWholeOrNotTakenAtAll(t *testing.T) {
	var e editor
	long := strings.Repeat("á", 60_000)
	e.insert([]rune("create big " + long))
	if got := e.String(); got != "create big "+long {
		t.Errorf("of 60,011 characters %d were taken", len([]rune(got)))
	}
	e.insert([]rune(strings.Repeat("x", maxInput)))
	if got := e.String(); !e.refused || got != "create big "+long {
		t.Errorf("a line over the bound: refused %v, %d characters", e.refused, len([]rune(got)))
	}
}

func TestLinesThatArePastedTogetherTakeTheirTurns(t *testing.T) {
	var e editor
	e.insert([]rune("create a 1\ncreate b 2\r\ncreate c 3\n"))
	for _, want := range []string{"create a 1", "create b 2", "create c 3", ""} {
		if got := e.take(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSilenceHasARowOfItsOwn(t *testing.T) {
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	r.Append(inspect.Event{Kind: inspect.Silent, Side: inspect.Server, Cause: -1, N: 2000})
	for lang, want := range map[string]string{"en": "server: waited 2s for what did not come", "pt-BR": "servidor: esperou 2s pelo que não veio"} {
		s := open(t, Options{Recording: r, Lang: lang})
		s.shows(want)
	}
}

func TestTheFooterNamesTheSameKeysWithArrowsAndWithout(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		for _, w := range []int{60, 80, 132, 200} {
			var briefs [2]string
			for i, ascii := range []bool{false, true} {
				s := finished(t, Options{Lang: lang, ASCII: ascii})
				s.size(w, 40)
				for _, view := range [][]string{{"esc"}, {"L"}, {"D"}, {"D", "L", "tab"}} {
					s.press(view...)
					briefs[i] += strings.Join(strings.Fields(strings.NewReplacer("←→", "", "↑↓", "", "→", "", "h/l", "", "j/k", "", " l ", " ").Replace(ansi.Strip(s.m.keyLine(w)))), " ") + "\n"
				}
			}
			if w > 60 && briefs[0] != briefs[1] {
				t.Errorf("%s, %d columns:\n%s\nwithout arrows:\n%s", lang, w, briefs[0], briefs[1])
			}
			for _, brief := range []string{"tui_brief_help", "tui_brief_quit", "tui_brief_escape"} {
				if text := docs.For(lang).Say(brief); !strings.Contains(briefs[1], text) {
					t.Errorf("%s, %d columns: no %q:\n%s", lang, w, text, briefs[1])
				}
			}
		}
	}
}
