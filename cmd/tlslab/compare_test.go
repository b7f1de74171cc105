package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

func compareOn(t *testing.T, channel string, open func(string, []string) (inspect.Stage, error)) *lesson.Measure {
	t.Helper()
	return compareWith(t, channel, comparedCommands, open)
}

func compareWith(t *testing.T, channel string, commands []string, open func(string, []string) (inspect.Stage, error)) (m *lesson.Measure) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		if m, err = (lesson.Runner{Open: open}).Compare(t.Context(), channel, commands); err != nil {
			t.Fatal(err)
		}
	})
	return m
}

func TestAComparisonSaysWhatEachChannelComesTo(t *testing.T) {
	p := speaker(docs.English)
	for channel, want := range map[string]struct {
		trips       int
		reads       bool
		changed     bool
		flip, end   string // who notices a bit flipped in the middle, and near the end
		swap        string
		later, keys bool
	}{
		lesson.Clear:               {1, true, true, "", "", "", true, false},
		lesson.Sealed:              {7, false, true, "", "server", "", true, true},
		lesson.SealedAuthenticated: {7, false, false, "server", "server", "client", true, true},
		lesson.TLS12:               {3, false, false, "server", "server", "client", false, true},
		lesson.TLS13:               {2, false, false, "server", "server", "client", false, true},
		lesson.MTLS:                {2, false, false, "server", "server", "client", false, true},
	} {
		t.Run(channel, func(t *testing.T) {
			t.Parallel()
			m := compareOn(t, channel, p.sceneStage)
			if m.RoundTrips != want.trips {
				t.Errorf("%d round trips, want %d", m.RoundTrips, want.trips)
			}
			if m.Lines < 6 || (m.Read == m.Lines) != want.reads || (m.Read == 0) == want.reads {
				t.Errorf("an eavesdropper reads %d of %d lines", m.Read, m.Lines)
			}
			// On sealed the noise may be a line end, so that the two get out of step.
			if changed := len(m.Flipped.Changed) > 0; changed != want.changed || m.Flipped.Noticed != want.flip && channel != lesson.Sealed {
				t.Errorf("a flipped bit: %+v", m.Flipped)
			}
			if changed := len(m.FlippedEnd.Changed) > 0; changed != (want.end == "") || m.FlippedEnd.Noticed != want.end {
				t.Errorf("a flipped bit near the end: %+v", m.FlippedEnd)
			}
			if m.Swapped.Noticed != want.swap || (len(m.Swapped.Exposed) > 0) != (want.swap == "") || m.Keys != want.keys {
				t.Errorf("a swapped key (keys: %v): %+v", m.Keys, m.Swapped)
			}
			if (m.ReadLater == m.Lines) != want.later || (m.ReadLater == 0) == want.later {
				t.Errorf("with all long-term keys %d of %d lines are read", m.ReadLater, m.Lines)
			}
			if m.Said[0] == 0 || m.Sent[0] < m.Said[0] || m.Sent[1] < m.Said[1] {
				t.Errorf("%v bytes sent for %v", m.Sent, m.Said)
			}
		})
	}
}

// A leaky stage is in a glass box; its Steal returns the secrets with these labels.
type leaky struct {
	inspect.Stage
	tap    *inspect.Tap
	labels []string
}

func (l *leaky) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	tap.GlassBox = true
	l.tap = tap
	return l.Stage.Open(ctx, tap)
}

func (l *leaky) Steal(*inspect.Session) (found []inspect.LoggedSecret) {
	for e := range l.tap.Recording().Events(0) {
		if e.Kind == inspect.Secret && slices.Contains(l.labels, e.Logged.Label) {
			found = append(found, *e.Logged)
		}
	}
	return found
}

// That nothing is read with the long-term keys would say little if nothing were read with the right ones either.
func TestWhoeverHasTheKeysOfTheKeyExchangeReadsEverythingLater(t *testing.T) {
	if err := drawFromConfigRand(); err != nil {
		t.Fatal(err)
	}
	p := speaker(docs.English)
	for _, channel := range []string{lesson.TLS12, lesson.TLS13} {
		m := compareOn(t, channel, func(channel string, with []string) (inspect.Stage, error) {
			stage, err := p.sceneStage(channel, with)
			return &leaky{Stage: stage, labels: []string{inspect.LabelClientEphemeral, inspect.LabelServerEphemeral}}, err
		})
		if m.ReadLater != m.Lines {
			t.Errorf("%s: %d of %d lines are read", channel, m.ReadLater, m.Lines)
		}
	}
}

func TestTheChannelsStandSideBySideWhereTheWidthAllowsIt(t *testing.T) {
	p := speaker(docs.English)
	var rows []*lesson.Measure
	for _, channel := range compared {
		rows = append(rows, compareOn(t, channel, p.sceneStage))
	}
	for _, lang := range []string{docs.English, docs.Portuguese} {
		run := &compareRun{program: speaker(lang)}
		needs := len(rows) * (run.longestWord(rows) + gap)
		for _, width := range []int{80, needs - 1, needs, 200, 500} {
			var table strings.Builder
			run.table(&table, rows, width)
			head, _, _ := strings.Cut(table.String(), "\n")
			if wide := slices.Equal(strings.Fields(head), compared); wide != (width >= needs) {
				t.Errorf("%d columns, of %d that it needs: it begins with %q", width, needs, head)
			}
			for line := range strings.Lines(table.String()) {
				if n := len([]rune(line)); n > min(width, 200)+1 || strings.Contains(line, "cmd_") {
					t.Errorf("%d columns: %q", n-1, line)
				}
			}
		}
		if needs > 160 {
			t.Errorf("it needs %d columns", needs)
		}
	}
}

func TestASessionOfTheComparisonIsLabelledAsInTheLab(t *testing.T) {
	run := &compareRun{program: speaker(docs.English)}
	for channel, want := range map[string]string{lesson.Sealed: "HOME-MADE", lesson.SealedAuthenticated: "AUTHENTICATED", lesson.TLS13: "", lesson.Clear: ""} {
		if label := run.label(channel); !strings.Contains(label, want) || want == "" && label != "" {
			t.Errorf("%s: %q", channel, label)
		}
	}
}

// What it says of a flipped bit is not to hang on how long somebody's commands are.
func TestWhatAFlippedBitDoesIsTheSameForAScriptOfShortCommands(t *testing.T) {
	m := compareWith(t, lesson.Sealed, []string{"show"}, speaker(docs.English).sceneStage)
	if len(m.Flipped.Changed) == 0 || len(m.FlippedEnd.Changed) > 0 || m.FlippedEnd.Noticed != "server" {
		t.Errorf("in the middle: %+v\nnear the end: %+v", m.Flipped, m.FlippedEnd)
	}
}
