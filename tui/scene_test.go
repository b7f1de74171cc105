package tui

import (
	"context"
	"errors"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

const flipped = `
on tls13
do create nome ana
tamper client text: flip byte -1 bit 0
do read nome
expect server notices`

// onStage returns options with scenes on the echo stage: flip, and others that there are not.
func onStage(t *testing.T) Options {
	return Options{
		Stage: echoStage{}, Scenes: []string{"flip", "drop"},
		Told: func(*lesson.Result, string) string { return "the attacker gets nothing" },
		Scene: func(ctx context.Context, name, channel string, a Audience) (*lesson.Result, error) {
			if name != "flip" || channel != "tls13" {
				return nil, errors.New("no such scene")
			}
			s, err := lesson.Parse(name, flipped)
			if err != nil {
				t.Fatal(err)
			}
			runner := lesson.Runner{
				Open:  func(string, []string) (inspect.Stage, error) { return echoStage{}, nil },
				Watch: func(r *inspect.Recording) { a.Begins(s, channel, r) }, Pace: a.Pace,
			}
			return runner.Run(ctx, s, channel)
		},
	}
}

// staged waits until the scene waits for the user, or is over.
func (s *screen) staged(what string, text string) {
	s.t.Helper()
	s.until(what, func() bool {
		return (len(s.m.scene.waits) > 0 || !s.m.scene.running()) && strings.Contains(s.text(), text)
	})
}

func TestASceneIsPlayedStepByStepInTheSessionsPlace(t *testing.T) {
	s := finished(t, onStage(t))
	s.size(100, 40)
	s.command("scene")
	s.shows("Which one? flip, drop")
	s.press(":")
	s.write("scene fl")
	s.press("tab")
	s.shows(":scene flip")
	s.press("esc")
	s.command("scene flip tls13")
	s.staged("the first step", "step 1 of 3 of the scene")
	s.shows("Scene flip on tls13", "One bit of the client's text is inverted on its way.", "The client's program does: create nome ana.", "→ does this step of the scene")
	s.hides("ClientHello")
	s.press("right")
	s.staged("the second step", "step 2 of 3 of the scene")
	s.shows(`"create nome ana\n"`, "From now on someone on the wire waits for: client text. What they will do with it: flip", "Does anything tell the receiver")
	s.press("right")
	s.staged("the third step", "The client's program does: read nome.")
	s.press("right")
	s.staged("the record on the wire", "Here it is: row")
	s.shows("→‖ waits", `"read nome\n"`, "flip byte -1 bit 0", "Nobody has noticed anything wrong so far.", "→ does it to row")
	s.fits()
	for _, key := range []string{"r", "H", "d", "e", "u"} {
		s.press(key)
		s.shows("The scene decides what becomes of each record: → goes on with it.")
	}
	s.press("right")
	s.staged("the end", "over; V: what it teaches")
	s.shows("the attacker gets nothing", "altered", "First to notice: the server", "bad_record_mac", "were changed on the way")
	s.press("V")
	s.shows("that is integrity", "✓ expect server notices")
	s.press("V", "H")
	s.shows("The scene is over: nothing waits any more.")
	s.press("home", "right")
	s.shows("ClientHello", "Scene flip on tls13")
	s.fits()
	s.command("restart")
	s.until("a session", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	s.hides("Scene flip")
	s.ask("create a b")
}

func TestWhereASceneWaitsTwiceTheFirstGoesOnFirst(t *testing.T) {
	s := &scene{paused: make(map[int]bool)}
	var on [2]chan struct{}
	for i := range on {
		on[i] = make(chan struct{})
		s.wait(paused{lesson.Moment{At: i + 1, Unit: 10 * i}, on[i]})
	}
	gone := func(i int) bool {
		select {
		case <-on[i]:
			return true
		default:
			return false
		}
	}
	if s.moment.At != 1 {
		t.Errorf("it shows wait %d", s.moment.At)
	}
	if s.goOn(); !gone(0) || gone(1) || s.moment.At != 2 {
		t.Errorf("the first goes on: %t, the second: %t; it shows wait %d", gone(0), gone(1), s.moment.At)
	}
	if s.goOn(); !gone(1) {
		t.Error("the second does not go on")
	}
	s.goOn()
}

func TestASceneThatCannotBePlayedSaysSo(t *testing.T) {
	s := finished(t, onStage(t))
	s.command("scene other")
	s.until("its failure", func() bool { return s.m.scene.failed })
	s.shows("The scene could not be played: no such scene")
	s.fits()
	s.press("right", " ", "V")
	s.fits()
}

func TestSpacePlaysASceneToItsEnd(t *testing.T) {
	o := onStage(t)
	o.Play, o.Speed = "flip tls13", 4
	s := open(t, o)
	s.press(" ")
	s.until("the end of the scene", func() bool { return s.m.scene.result != nil })
	s.shows("Scene flip on tls13", "the attacker gets nothing")
}

func TestASceneIsLeftAtAnyStep(t *testing.T) {
	for at := range 5 {
		s := finished(t, onStage(t))
		s.command("scene flip tls13")
		for range at {
			s.until("a step", func() bool { return len(s.m.scene.waits) > 0 || !s.m.scene.running() })
			s.press("right")
		}
		s.command("restart")
		s.until("a session", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
		s.ask("create a b")
	}
}

func TestAStepOfASceneFitsEverySize(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		o := onStage(t)
		o.Play, o.Lang = "flip tls13", lang
		s := open(t, o)
		for step := range 5 {
			s.until("a step", func() bool { return len(s.m.scene.waits) > 0 || !s.m.scene.running() })
			for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
				s.size(size[0], size[1])
				for _, id := range []string{"scene_view", "scene_step", "scene_why", "scene_next"} {
					s.hides(id)
				}
			}
			if step < 4 {
				s.press("right")
			}
		}
	}
}

func TestWithoutScenesTheScreenSaysSo(t *testing.T) {
	s := finished(t, Options{})
	s.command("scene flip")
	s.shows("There are no scenes here")
}
