package tui

import (
	"context"
	"errors"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/tui/term"
	tea "github.com/charmbracelet/bubbletea"
)

// comparisonOf is a table of two columns and eight rows, of which n columns are known.
func comparisonOf(n int) *comparing {
	c := &Comparison{Channels: []string{"plain", "tls13"}, Title: "compare \x1b", Lang: docs.English}
	for range 8 {
		c.Questions = append(c.Questions, strings.Repeat("a long question ", 6))
	}
	c.Measure = func(context.Context, int) (cells []Cell, err error) {
		for range c.Questions {
			cells = append(cells, Cell{Text: "everything \x1b[2J, and certificate_required", From: new(inspect.Recording), Run: "the run"})
		}
		return cells, nil
	}
	for column := range n {
		cells, _ := c.Measure(context.Background(), column)
		c.Known = append(c.Known, cells)
	}
	say := docs.For(docs.English)
	return &comparing{Comparison: c, ctx: context.Background(), say: say, pal: newPalette(new(strings.Builder), term.Dark, nil), w: 80, h: 24}
}

func pressOn(m *comparing, key string) tea.Cmd {
	msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
	for k, named := range map[string]tea.KeyType{"enter": tea.KeyEnter, "down": tea.KeyDown, "right": tea.KeyRight, "end": tea.KeyEnd} {
		if key == k {
			msg = tea.KeyMsg{Type: named}
		}
	}
	_, cmd := m.Update(msg)
	return cmd
}

func TestAComparisonFitsEveryScreenAndKeepsTheCursorInSight(t *testing.T) {
	for known := range 3 {
		m := comparisonOf(known)
		for _, size := range [][2]int{{20, 3}, {60, 16}, {80, 24}, {200, 60}} {
			m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			for row := range len(m.Questions) {
				m.Row = row
				view := m.View()
				lines := strings.Split(view, "\n")
				if len(lines) != size[1] {
					t.Fatalf("%v: %d lines", size, len(lines))
				}
				for _, line := range lines {
					if width(line) != size[0] || strings.Contains(line, "\x1b") {
						t.Fatalf("%v: %d cells: %q", size, width(line), line)
					}
				}
				if size[0] >= leastWidth && !strings.Contains(view, m.pal.glyphs.pointer) {
					t.Errorf("%v, row %d: no cursor:\n%s", size, row, view)
				}
			}
		}
	}
}

func TestOnlyACellThatIsKnownOpensItsSession(t *testing.T) {
	m := comparisonOf(1)
	pressOn(m, "right")
	if cmd := pressOn(m, "enter"); cmd != nil || m.chosen != nil {
		t.Error("a cell that is not known yet was opened")
	}
	pressOn(m, "h")
	pressOn(m, "down")
	if cmd := pressOn(m, "enter"); cmd == nil || m.chosen != &m.Known[0][1] {
		t.Errorf("row %d, column %d: not opened", m.Row, m.Column)
	}
	if pressOn(m, "end"); m.Row != 7 {
		t.Errorf("row %d", m.Row)
	}
	if pressOn(m, "right"); m.Column != 1 {
		t.Errorf("column %d", m.Column)
	}
	if pressOn(m, "right"); m.Column != 1 {
		t.Errorf("column %d of 2", m.Column)
	}
}

func TestColumnsAreMeasuredOneAfterTheOtherUntilOneFails(t *testing.T) {
	m := comparisonOf(0)
	for column := range 2 {
		cmd := m.next()
		if cmd == nil {
			t.Fatal("nothing more is measured")
		}
		m.Update(cmd())
		if len(m.Known) != column+1 {
			t.Fatalf("%d columns are known", len(m.Known))
		}
	}
	if m.next() != nil {
		t.Error("a third column is measured")
	}
	broken := errors.New("broken")
	m = comparisonOf(0)
	if _, cmd := m.Update(measured{err: broken}); cmd == nil || m.err != broken {
		t.Errorf("goes on after an error: %v", m.err)
	}
}
