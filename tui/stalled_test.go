package tui

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"example.com/tlslab/inspect"
)

// queueStage is a client that waits once it was told to, refuses what is nonsense, and never sends anything; its server says on its
// own screen that it has come.
type queueStage struct{}

func (queueStage) Open(_ context.Context, tap *inspect.Tap) (inspect.Play, error) {
	client, server := tap.PipeOf(caesar{})
	fmt.Fprintln(server.Screen(), "ave, client \x1b[2J")
	return &queuePlay{caesarPlay: caesarPlay{tap: tap, client: client}}, nil
}

// quietStage says a line on its server's own screen, if there is one, and then nothing.
type quietStage struct{ line string }

func (q quietStage) Open(_ context.Context, tap *inspect.Tap) (inspect.Play, error) {
	client, server := tap.PipeOf(caesar{})
	if q.line != "" {
		fmt.Fprintln(server.Screen(), q.line)
	}
	return &queuePlay{caesarPlay: caesarPlay{tap: tap, client: client}}, nil
}

type queuePlay struct {
	caesarPlay
	stalled atomic.Bool
}

func (p *queuePlay) Do(_ context.Context, command string) (string, error) {
	if command == "nonsense" {
		return "", &inspect.CommandError{Reply: "what is that? \x1b[2J"}
	}
	p.stalled.Store(true)
	return "", nil
}

func (p *queuePlay) Stalled() string {
	if p.stalled.Load() {
		return "client 2 waits until client 1 leaves"
	}
	return ""
}

func TestTheScreenSaysWhatStandsStill(t *testing.T) {
	s := open(t, Options{Stage: queueStage{}})
	s.press("right")
	s.ask("nonsense")
	s.hides("client 2 waits")
	s.ask("queue up")
	s.shows("client 2 waits until client 1 leaves")
	s.press("esc", "up", "down") // whatever is looked at
	s.shows("client 2 waits until client 1 leaves")
}

func TestWhatTheClientRefusesIsSaidAndTheSessionGoesOn(t *testing.T) {
	s := open(t, Options{Stage: queueStage{}})
	s.press("right")
	s.ask("nonsense")
	s.shows(`what is that? \x1b[2J`)
	if s.m.said.ink != bad {
		t.Error("it looks like an answer")
	}
	s.ask("queue up")
	s.hides("what is that?")
}

func TestWhatAServerSaysOnItsOwnScreenIsARow(t *testing.T) {
	for lang, want := range map[string]string{"en": `server prints: ave, client \x1b[2J`, "pt-BR": `servidor imprime: ave, client \x1b[2J`} {
		s := open(t, Options{Stage: queueStage{}, Lang: lang})
		s.shows(want) // as what comes next
		s.press("right")
		if row := s.row(want); row == "" {
			t.Errorf("%s: no row says it:\n%s", lang, s.text())
		}
		s.press("L")
		s.shows("ave, client")
		s.fits()
	}
}

func TestNoStepIsPromisedWhereNothingComesBeforeTheFirstCommand(t *testing.T) {
	s := openQuietly(t, Options{Stage: quietStage{}})
	s.until("the session", func() bool { return !s.m.opening })
	s.press("right")
	s.hides("follows at once")
	s.shows("i types a command")
}

func TestWhatAServerMadeSafeItselfIsNotEscapedOnceMore(t *testing.T) {
	s := open(t, Options{Stage: quietStage{line: `"Ol\xc3\xa1"`}})
	s.press("right")
	s.shows(`server prints: "Ol\xc3\xa1"`)
	s.press("L")
	s.shows(`"Ol\xc3\xa1"`)
}
