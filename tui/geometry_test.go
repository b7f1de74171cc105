package tui

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
	tea "github.com/charmbracelet/bubbletea"
	"pgregory.net/rapid"
)

// someKeys are what a cat on the keyboard presses, except what leaves the screen.
var someKeys = []string{
	"right", "left", "up", "down", "home", "end", "pgup", "pgdown", "tab", "shift+tab", "enter", "esc", "s", "S", "K", "?",
	"f1", "i", ":", "/", "n", "N", "h", "j", "k", "l", "g", "G", ".", ",", "+", "-", "ctrl+u", "backspace", "z", "世", "e\u0301", "q", "L", "D", "o", "c", "C", "e", "W", "V", "H", "d", "r", "u", "1", "t", "x", "I", "p", "v", "a", " ",
}

// A detached model has no program around it: what its commands would do never happens.
func detached(o Options) (*model, func()) {
	o.Out = new(bytes.Buffer)
	l := newLive(context.Background())
	return newModel(o, l), l.end
}

func TestTheViewFitsTheScreenWhateverItsSizeAndContent(t *testing.T) {
	session, ech := finished(t, Options{}), finished(t, Options{Stage: echoStage{ech: echkey.Common(t)}})
	recordings := []*inspect.Recording{
		session.m.time.session.Recording(), ech.m.time.session.Recording(), new(inspect.Recording), hostileRecording(),
		traces(t, "1-rtt", "0-rtt", "hello-retry-request", "client-authentication"),
		recordingOf([]byte("not TLS at all"), bytes.Repeat([]byte{0x17, 3, 3, 0, 1, 0xff}, 3000)),
	}
	rapid.Check(t, func(t *rapid.T) {
		m, end := detached(Options{
			Recording: rapid.SampledFrom(recordings).Draw(t, "recording"), Lang: rapid.SampledFrom([]string{"en", "pt-BR"}).Draw(t, "lang"),
			ASCII: rapid.Bool().Draw(t, "ascii"), Title: rapid.SampledFrom([]string{"", "title \x1b]0;x\a 世界"}).Draw(t, "title"),
		})
		defer end()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "resize?") == 0 {
				m.Update(tea.WindowSizeMsg{Width: rapid.IntRange(1, 250).Draw(t, "w"), Height: rapid.IntRange(1, 80).Draw(t, "h")})
			} else {
				key := rapid.SampledFrom(someKeys).Draw(t, "key")
				msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
				if named, ok := keyTypes[key]; ok {
					msg = tea.KeyMsg{Type: named}
				}
				m.Update(msg)
			}
			if err := fits(m); err != nil {
				t.Fatal(err)
			}
			if err := clean(m); err != nil {
				t.Fatal(err)
			}
			if sign := strings.IndexFunc(m.View(), isSign); m.o.ASCII && sign >= 0 {
				t.Fatalf("with ASCII alone the screen shows %q", m.View()[sign:][:3])
			}
		}
	})
}

func TestEverySizeUpTo250By80Fits(t *testing.T) {
	s := finished(t, Options{})
	s.press("enter")
	for _, in := range []mode{onStreams, onTree, onHex, onLadder, onSchedule, onWire, onEdit, onSecrets, onVerdicts, onValue, onHelp, onPrompt, onCommand, onSearch, onQuit} {
		s.m.mode, s.m.before = in, onStreams
		for w := 1; w <= 250; w += 3 {
			s.size(w, 1+(w*7)%80)
		}
		for h := 1; h <= 80; h++ {
			s.size(60+h, h)
		}
	}
}

func TestAStormOfResizesLeavesTheScreenWhole(t *testing.T) {
	s := finished(t, Options{})
	s.press("up", "up", "enter", "down")
	selected := s.m.streams.sel.row
	for i := range 200 {
		s.size(60+(i*37)%190, 16+(i*13)%60)
	}
	s.size(80, 24)
	if s.m.streams.sel.row != selected {
		t.Errorf("the selection went from row %d to %d", selected, s.m.streams.sel.row)
	}
}
