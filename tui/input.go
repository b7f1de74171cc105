package tui

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// maxInput bounds a line that is being typed, in characters: well over what the service takes in a request, so that it
// is the server that refuses one, and says so.
const maxInput = 1 << 18

// An editor is one line of text with a cursor and a history.
type editor struct {
	waiting []string // lines that were pasted behind the first; each takes its turn after the one before
	refused bool     // something was too long to be put in, and none of it was
	text    []rune
	at      int
	history []string
	past    int    // how far back in the history; 0 is the line that is being typed
	draft   []rune // that line, while the history is shown
}

func (e *editor) String() string { return string(e.text) }

func (e *editor) set(s string) {
	e.text = []rune(s)
	e.at = len(e.text)
}

// take returns the line, clears it, and remembers it.
func (e *editor) take() string {
	line := e.String()
	e.set("")
	if len(e.waiting) > 0 {
		e.set(e.waiting[0])
		e.waiting = e.waiting[1:]
	}
	e.past = 0
	if strings.TrimSpace(line) != "" && (len(e.history) == 0 || e.history[len(e.history)-1] != line) {
		e.history = append(e.history, line)
		if len(e.history) > 1000 {
			e.history = e.history[1:]
		}
	}
	return line
}

// recall shows an older (-1) or newer (1) line of the history.
func (e *editor) recall(n int) {
	past := min(max(e.past-n, 0), len(e.history))
	if past == e.past {
		return
	}
	if e.past == 0 {
		e.draft = slices.Clone(e.text)
	}
	e.past = past
	if past == 0 {
		e.set(string(e.draft))
		return
	}
	e.set(e.history[len(e.history)-past])
}

// key takes a key that edits, and reports whether it was one.
func (e *editor) key(msg tea.KeyMsg) bool {
	switch msg.String() {
	case "left", "ctrl+b":
		e.at = max(e.at-1, 0)
	case "right", "ctrl+f":
		e.at = min(e.at+1, len(e.text))
	case "home", "ctrl+a":
		e.at = 0
	case "end", "ctrl+e":
		e.at = len(e.text)
	case "backspace", "ctrl+h":
		if e.at > 0 {
			e.text = slices.Delete(e.text, e.at-1, e.at)
			e.at--
		}
	case "delete", "ctrl+d":
		if e.at < len(e.text) {
			e.text = slices.Delete(e.text, e.at, e.at+1)
		}
	case "ctrl+u":
		e.text, e.at = slices.Clone(e.text[e.at:]), 0
	case "ctrl+k":
		e.text = e.text[:e.at]
	case "ctrl+w":
		from := e.at
		for from > 0 && e.text[from-1] == ' ' {
			from--
		}
		for from > 0 && e.text[from-1] != ' ' {
			from--
		}
		e.text = slices.Delete(e.text, from, e.at)
		e.at = from
	default:
		if msg.Type != tea.KeyRunes && msg.Type != tea.KeySpace || msg.Alt {
			return false
		}
		e.insert(msg.Runes)
	}
	return true
}

// insert puts characters in at the cursor. Of lines that are pasted together the first is put in, and the others wait
// for their turn. What would make the line too long is not put in at all: half a command is another command.
func (e *editor) insert(runes []rune) {
	lines := strings.FieldsFunc(string(runes), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return
	}
	first := []rune(lines[0])
	e.refused = len(e.text)+len(first) > maxInput || len(e.waiting)+len(lines) > maxWaiting
	if e.refused {
		return
	}
	e.text = slices.Insert(e.text, e.at, first...)
	e.at += len(first)
	e.waiting = append(e.waiting, lines[1:]...)
}

// maxWaiting bounds how many pasted lines wait.
const maxWaiting = 10_000

// spans draws the part of the line around the cursor in w cells; the character under the cursor is lit.
func (e *editor) spans(w int, p *palette) []span {
	cells := func(r []rune) string { return inspect.Safe(string(r)) }
	under := " "
	after := ""
	if e.at < len(e.text) {
		under, after = cells(e.text[e.at:e.at+1]), cells(e.text[e.at+1:])
	}
	from := 0
	for from < e.at && width(cells(e.text[from:e.at]))+width(under) > w {
		from += max((e.at-from)/2, 1)
	}
	if p.colourless {
		return []span{{plain, cells(e.text[from:e.at]) + p.glyphs.caret + under + after}}
	}
	return []span{{plain, cells(e.text[from:e.at])}, {cursor, under}, {plain, after}}
}
