package tui

import (
	"context"
	"errors"
	"testing"

	"example.com/tlslab/inspect"
)

func TestASceneIsPlayedInTheSessionsPlace(t *testing.T) {
	s := finished(t, Options{Scenes: []string{"flip", "drop"}, Scene: func(_ context.Context, name, channel string) (*inspect.Recording, string, error) {
		if name != "flip" || channel != "tls13" {
			return nil, "", errors.New("no such scene")
		}
		return traces(t, "1-rtt"), "the attacker gets nothing", nil
	}})
	s.command("scene")
	s.shows("Which one? flip, drop")
	s.press(":")
	s.write("scene fl")
	s.press("tab")
	s.shows(":scene flip")
	s.press("esc")
	s.command("scene flip tls13")
	s.shows("The scene flip is being played.")
	s.until("the scene", func() bool { return !s.m.opening })
	s.shows("the attacker gets nothing", "CN=rsa", ":restart begins a new session")
	s.command("scene other")
	s.until("its failure", func() bool { return !s.m.opening })
	s.shows("The scene could not be played: no such scene")
	s.fits()
	s.command("restart")
	s.until("a session", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	s.ask("create a b")
}

func TestWithoutScenesTheScreenSaysSo(t *testing.T) {
	s := finished(t, Options{})
	s.command("scene flip")
	s.shows("There are no scenes here")
}
