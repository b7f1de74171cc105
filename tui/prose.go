package tui

import (
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"github.com/charmbracelet/x/ansi"
)

// inks gives the spans of a lesson's text their inks. What was computed from the session is made safe.
func (m *model) inks(spans []lesson.Span) []span {
	all := make([]span, 0, len(spans))
	for _, s := range spans {
		ink, text := plain, m.pal.spell(s.Text)
		switch s.Style {
		case lesson.Strong:
			ink = strong
		case lesson.Emphasis:
			ink = emphasis
		case lesson.Code:
			ink = code
		}
		if s.Computed {
			ink, text = value, m.pal.letters(inspect.Safe(s.Text))
		}
		all = append(all, span{ink, m.marked(ink, text)})
	}
	return all
}

// marked puts signs around text whose ink cannot be seen.
func (m *model) marked(ink ink, text string) string {
	if !m.pal.colourless {
		return text
	}
	switch ink {
	case strong:
		return "*" + text + "*"
	case emphasis:
		return "_" + text + "_"
	case code:
		return "`" + text + "`"
	case value:
		return m.pal.glyphs.open + text + m.pal.glyphs.shut
	}
	return text
}

// flow breaks text of several inks into lines of at most w cells, between words where it can.
func flow(text []span, w int) [][]span {
	f := &flowing{w: max(w, 2)}
	for _, s := range text {
		for i, word := range strings.Split(guard(s.text), " ") {
			if i > 0 {
				f.space(s.ink)
			}
			if word != "" {
				f.word = append(f.word, span{s.ink, word})
			}
		}
	}
	f.space(plain)
	return append(f.lines, f.line)
}

// flowing is text on its way into lines: a word can be of several inks.
type flowing struct {
	w     int
	lines [][]span
	line  []span
	used  int  // cells of the line
	gap   *ink // of the space behind the last word of the line
	word  []span
}

// space ends the word.
func (f *flowing) space(ink ink) {
	if len(f.word) == 0 {
		return
	}
	need := 0
	for _, s := range f.word {
		need += width(s.text)
	}
	switch {
	case f.used > 0 && f.used+1+need > f.w:
		f.end()
	case f.used > 0:
		f.put(span{*f.gap, " "})
	}
	for _, s := range f.word {
		f.put(s)
	}
	f.word, f.gap = nil, &ink
}

// put puts text on the line, and what has no room there on others.
func (f *flowing) put(s span) {
	for f.used+width(s.text) > f.w {
		head := ansi.Truncate(s.text, f.w-f.used, "")
		if head == "" && f.used == 0 { // not even one character has room
			return
		}
		f.add(span{s.ink, head})
		f.end()
		s.text = s.text[len(head):]
	}
	f.add(s)
}

func (f *flowing) add(s span) {
	if s.text != "" {
		f.line = append(f.line, s)
		f.used += width(s.text)
	}
}

func (f *flowing) end() {
	f.lines = append(f.lines, f.line)
	f.line, f.used = nil, 0
}
