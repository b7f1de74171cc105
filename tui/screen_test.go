package tui

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// A screen drives the model as Bubble Tea would, without a terminal.
type screen struct {
	t    *testing.T
	m    *model
	msgs chan tea.Msg
	left bool
}

// open opens a screen of 80 by 24 and waits until the stage's session has begun.
func open(t *testing.T, o Options) *screen {
	t.Helper()
	s := openQuietly(t, o)
	if o.Stage != nil && o.Play == "" && o.Lesson == "" {
		s.until("the first record", func() bool { return len(s.m.time.steps) > 0 })
	}
	return s
}

// openQuietly is open, but waits for no record.
func openQuietly(t *testing.T, o Options) *screen {
	t.Helper()
	o.Out = new(bytes.Buffer)
	if o.Lang == "" {
		o.Lang = "en"
	}
	l := newLive(context.Background())
	s := &screen{t: t, m: newModel(o, l), msgs: make(chan tea.Msg)}
	stopped := make(chan struct{})
	t.Cleanup(func() {
		go func() { // whoever still has a message gets rid of it
			for {
				select {
				case <-s.msgs:
				case <-stopped:
					return
				}
			}
		}()
		l.end()
		close(stopped)
	})
	s.run(s.m.Init())
	return s
}

// run does a command in the background; what comes of it arrives in until.
func (s *screen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := s.m.live.ctx.Done()
	go func() {
		msg := cmd()
		select {
		case s.msgs <- msg:
		case <-done:
		}
	}()
}

func (s *screen) send(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
		return
	case tea.BatchMsg:
		for _, cmd := range msg {
			s.run(cmd)
		}
		return
	case tea.QuitMsg:
		s.left = true
		return
	}
	if v := reflect.ValueOf(msg); v.Kind() == reflect.Slice && v.Type().Elem() == reflect.TypeFor[tea.Cmd]() {
		s.t.Fatalf("a sequence of commands: %T", msg)
	}
	_, cmd := s.m.Update(msg)
	s.run(cmd)
}

// patience is how long a test waits for what must come. It is long since tests share their machine.
const patience = time.Minute

// until takes messages until the condition holds.
func (s *screen) until(what string, holds func() bool) {
	s.t.Helper()
	limit := time.After(patience)
	for !holds() {
		select {
		case msg := <-s.msgs:
			s.send(msg)
		case <-limit:
			s.t.Fatalf("waited in vain for %s; the screen:\n%s", what, s.text())
		}
	}
}

// comes waits until the screen shows the text.
func (s *screen) comes(text string) {
	s.t.Helper()
	s.until(text, func() bool { return strings.Contains(s.text(), text) })
}

// press presses keys, as tea.KeyMsg names them; a single letter is itself.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		s.send(keyOf(s.t, key))
	}
}

func keyOf(t *testing.T, name string) tea.KeyMsg {
	t.Helper()
	if name == " " {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	if len([]rune(name)) == 1 {
		return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
	}
	named, ok := keyTypes[name]
	if !ok {
		t.Fatalf("no key is called %q", name)
	}
	return tea.KeyMsg{Type: named}
}

var keyTypes = map[string]tea.KeyType{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "up": tea.KeyUp, "down": tea.KeyDown,
	"left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	"f1": tea.KeyF1, "ctrl+c": tea.KeyCtrlC, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete, "ctrl+u": tea.KeyCtrlU,
}

func keyRune(r rune) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}} }

// write types text, letter by letter.
func (s *screen) write(text string) {
	for _, r := range text {
		s.press(string(r))
	}
}

// ask types a command at the prompt and waits for its answer.
func (s *screen) ask(command string) {
	s.t.Helper()
	if s.m.mode != onPrompt {
		s.press("i")
	}
	s.write(command)
	s.press("enter")
	s.until("an answer to "+command, func() bool { return s.m.waiting == 0 })
}

// command types a command of the screen.
func (s *screen) command(text string) {
	s.press(":")
	s.write(text)
	s.press("enter")
}

func (s *screen) text() string { return ansi.Strip(s.m.View()) }

// shows fails unless the screen has each of the texts.
func (s *screen) shows(texts ...string) {
	s.t.Helper()
	view := s.text()
	for _, text := range texts {
		if !strings.Contains(view, text) {
			s.t.Errorf("the screen does not show %q:\n%s", text, view)
		}
	}
}

func (s *screen) hides(texts ...string) {
	s.t.Helper()
	view := s.text()
	for _, text := range texts {
		if strings.Contains(view, text) {
			s.t.Errorf("the screen shows %q:\n%s", text, view)
		}
	}
}

// size makes the screen that large, and checks its geometry.
func (s *screen) size(w, h int) {
	s.t.Helper()
	s.send(tea.WindowSizeMsg{Width: w, Height: h})
	s.fits()
}

// fits fails unless the view has exactly the screen's lines, each of exactly its cells.
func (s *screen) fits() {
	s.t.Helper()
	if err := fits(s.m); err != nil {
		s.t.Error(err)
	}
}

func fits(m *model) error {
	lines := strings.Split(m.View(), "\n")
	if len(lines) != m.h {
		return fmt.Errorf("%dx%d: %d lines:\n%s", m.w, m.h, len(lines), strings.Join(lines, "\n"))
	}
	if last := ansi.Strip(lines[len(lines)-1]); !strings.HasSuffix(last, " ") {
		return fmt.Errorf("%dx%d, mode %d: the last cell is not blank: %q", m.w, m.h, m.mode, last)
	}
	for i, line := range lines {
		if got := ansi.StringWidth(line); got != m.w {
			return fmt.Errorf("%dx%d, mode %d: line %d has %d cells: %q", m.w, m.h, m.mode, i, got, line)
		}
	}
	return nil
}

// finished opens a screen on the echo stage, its cursor at the end of the handshake.
func finished(t *testing.T, o Options) *screen {
	t.Helper()
	if o.Stage == nil {
		o.Stage = echoStage{}
	}
	s := open(t, o)
	s.ask("create nome ana")
	s.press("esc")
	return s
}

// recordingOf makes a recording of a connection on which nothing but these bytes crosses the wire, the client's first.
func recordingOf(units ...[]byte) *inspect.Recording {
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	for i, b := range units {
		r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Side: inspect.Side(i % 2), Bytes: b})
	}
	return r
}
