package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"
)

// A Reading reads a file into a recording while the screen is there, so that the first screen stands before the rest is
// read. Its methods are called from different goroutines, Read from one at a time.
type Reading interface {
	// Read reads on for a moment, or until ctx is done, and reports whether there is more to read.
	Read(ctx context.Context) (more bool)
	// Progress returns how many bytes have been read, and of how many; total is 0 if that is not known.
	Progress() (read, total int64)
	// Problem says in a language what could not be read, safe to draw; "" if everything was.
	Problem(lang string) string
}

// filled says that a moment's worth was read.
type filled struct {
	generation int
	more       bool
}

// fill reads on for a moment. The screen takes in what that gave before the next one, so that reading is never far ahead.
func (l *live) fill(r Reading, generation int) tea.Cmd {
	return l.task(func() tea.Msg { return filled{generation, r.Read(l.ctx)} })
}

func (m *model) filled(msg filled) tea.Cmd {
	if msg.generation != m.generation {
		return nil
	}
	m.extend()
	if msg.more {
		return m.live.fill(m.o.Reading, m.generation)
	}
	m.reading = false
	m.time.end()
	m.extendRead(m.time.visible())
	switch problem := m.o.Reading.Problem(m.sentences.Lang()); {
	case problem != "":
		m.said = saying{ink: bad, text: problem}
	case len(m.time.session.Connections()) > 1:
		m.tell("tui_read_connections", "count", len(m.time.session.Connections()))
	}
	return nil
}

// extendRead takes the selection nowhere: whoever looks at the beginning of a file goes on doing so while the rest is read.
func (m *model) extendRead(was int) {
	if was == 0 && m.time.visible() > 0 {
		m.streams.choose(0)
	}
	m.reopen()
}

// progress says how far reading has come, and what part of the bar that is.
func (m *model) progress(bar int) (text string, done int) {
	read, total := m.o.Reading.Progress()
	lang := m.sentences.Lang()
	if total <= 0 {
		return m.say("tui_reading_some", "bytes", thousands(read, lang)), 0
	}
	read = min(read, total)
	return m.say("tui_reading_part", "percent", read*100/total, "total", thousands(total, lang)), int(read * int64(bar) / total)
}

// end is told that the recording will not grow.
func (t *timeline) end() {
	t.session.End()
	t.layOut()
	if t.follow {
		t.at = len(t.steps)
	}
}
