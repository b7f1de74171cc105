package tui

import (
	"io"
	"strconv"
	"strings"
	"unicode"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/tui/term"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
)

// A span is a run of text on one line, in one ink.
type span struct {
	ink  ink
	text string
}

// An ink is what a run of text is to the reader; the palette gives it a colour. Colour never says anything alone: with
// NO_COLOR every ink looks the same.
type ink uint8

const (
	plain  ink = iota
	quiet      // what may be overlooked
	strong     // what should be read first
	client     // what the client did
	server     // what the server did
	bad        // what went wrong
	good       // what was proven
	lit        // the bytes of the selected field
	value      // what the text of a lesson says that was computed from the session
	code       // keys, commands and names in it
	emphasis
	cursor // where the next character goes
	inks   // how many there are
)

// A paint is the escape sequences around a run of text.
type paint struct{ on, off string }

// A palette has the paints of every ink, as they are and on the selected row, and the glyphs.
type palette struct {
	paints     [2][inks]paint
	glyphs     glyphs
	names      *strings.Replacer // with ASCII alone, puts the names of keys in the place of their signs; else nil
	colourless bool              // there is nothing but glyphs
}

// hues are the colours of one theme.
type hues struct {
	quiet, client, server, bad, good, lit, selected lipgloss.TerminalColor
}

// Each has a contrast of at least 4.5 to 1 with its background (neutral: with both black and white at least 3.4 to 1).
var (
	onDark = hues{
		quiet: lipgloss.Color("#8b93a1"), client: lipgloss.Color("#6cb6ff"), server: lipgloss.Color("#f0a45d"),
		bad: lipgloss.Color("#ff7b72"), good: lipgloss.Color("#56d364"), lit: lipgloss.Color("#ffe08a"), selected: lipgloss.Color("#2d3646"),
	}
	onLight = hues{
		quiet: lipgloss.Color("#5d6572"), client: lipgloss.Color("#0a58b5"), server: lipgloss.Color("#9a4a00"),
		bad: lipgloss.Color("#b3161b"), good: lipgloss.Color("#116329"), lit: lipgloss.Color("#6b4e00"), selected: lipgloss.Color("#d7e3f4"),
	}
	onEither = hues{
		quiet: lipgloss.Color("244"), client: lipgloss.Color("32"), server: lipgloss.Color("166"),
		bad: lipgloss.Color("160"), good: lipgloss.Color("28"), lit: lipgloss.NoColor{}, selected: nil,
	}
)

// newPalette makes the palette of a theme, for as many colours as out has. With names there are no signs but ASCII.
func newPalette(out io.Writer, theme term.Theme, names *strings.Replacer) *palette {
	return paletteOf(lipgloss.NewRenderer(out), theme, names)
}

func paletteOf(renderer *lipgloss.Renderer, theme term.Theme, names *strings.Replacer) *palette {
	renderer.SetHasDarkBackground(theme != term.Light) // or Lip Gloss asks the terminal
	h := [...]hues{term.Neutral: onEither, term.Dark: onDark, term.Light: onLight}[theme]
	base := renderer.NewStyle()
	styles := [inks]lipgloss.Style{
		plain: base, quiet: base.Foreground(h.quiet), strong: base.Bold(true),
		client: base.Foreground(h.client), server: base.Foreground(h.server), bad: base.Foreground(h.bad).Bold(true), good: base.Foreground(h.good).Bold(true),
		lit: base.Foreground(h.lit).Bold(true).Reverse(h.selected == nil), cursor: base.Reverse(true),
		value: base.Foreground(h.lit).Bold(true).Underline(true), code: base.Foreground(h.lit).Bold(h.selected == nil), emphasis: base.Italic(true),
	}
	p := &palette{glyphs: unicodeGlyphs, names: names, colourless: renderer.ColorProfile() == termenv.Ascii}
	if names != nil {
		p.glyphs = asciiGlyphs
	}
	for i, style := range styles {
		p.paints[0][i] = paintOf(style)
		if h.selected == nil {
			style = style.Reverse(true)
		} else {
			style = style.Background(h.selected)
		}
		p.paints[1][i] = paintOf(style)
	}
	return p
}

func paintOf(style lipgloss.Style) paint {
	on, off, _ := strings.Cut(style.Render("x"), "x")
	return paint{on, off}
}

// keyNames returns what stands for the keys that have signs.
func keyNames(s *docs.Sentences) *strings.Replacer {
	left, right, up, down := s.Say("tui_left"), s.Say("tui_right"), s.Say("tui_up"), s.Say("tui_down")
	return strings.NewReplacer("←→", left+"/"+right, "↑↓", up+"/"+down, "←", left, "→", right, "↑", up, "↓", down)
}

// spell writes a sentence of ours with the signs that the terminal has. It comes before whatever depends on its width.
func (p *palette) spell(sentence string) string {
	if p.names == nil {
		return sentence
	}
	return p.names.Replace(sentence)
}

// letters escapes every sign that the terminal does not have; letters of any script may stay.
func (p *palette) letters(s string) string {
	if p.names == nil || !strings.ContainsFunc(s, isSign) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isSign(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isSign(r rune) bool {
	return r > 0x7e && !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Number)
}

// line draws the spans on one line of exactly w cells: cut with an ellipsis, or filled with spaces. No span holds a
// control character when it leaves this function, whatever was put into it.
func (p *palette) line(w int, selected bool, spans ...span) string {
	paints := &p.paints[0]
	if selected {
		paints = &p.paints[1]
	}
	total := 0
	for i := range spans {
		spans[i].text = p.letters(guard(spans[i].text))
		total += width(spans[i].text)
	}
	tail := ""
	if total > w {
		tail = ansi.Truncate(p.glyphs.more, max(w, 0), "")
	}
	room := max(w, 0) - width(tail)
	var b strings.Builder
	b.Grow(w + 32*len(spans))
	draw := func(i ink, text string) {
		if text != "" {
			b.WriteString(paints[i].on + text + paints[i].off)
		}
	}
	for _, s := range spans {
		full := width(s.text) > room
		if full {
			s.text = ansi.Truncate(s.text, room, "")
		}
		draw(s.ink, s.text)
		room -= width(s.text)
		if full {
			break
		}
	}
	draw(plain, spaces(room))
	draw(quiet, tail)
	return b.String()
}

// guard escapes what [inspect.Safe] would, except that a backslash stays as it is: what was made safe is not changed.
func guard(s string) string {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return strings.ReplaceAll(inspect.Safe(s), `\\`, `\`)
		}
	}
	return s
}

// width returns how many cells the text takes.
func width(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return ansi.StringWidth(s)
		}
	}
	return len(s)
}

// fit cuts or fills the text to exactly w cells.
func fit(s string, w int, more string) string {
	n := width(s)
	if n > w {
		s = ansi.Truncate(s, w, more)
		if n = width(s); n > w {
			s = ansi.Truncate(s, w, "")
			n = width(s)
		}
	}
	return s + spaces(w-n)
}

// right fills the text to w cells from the left.
func right(s string, w int) string { return spaces(w-width(s)) + s }

func spaces(n int) string {
	const blank = "                                                                                "
	if n <= len(blank) {
		return blank[:max(n, 0)]
	}
	return strings.Repeat(" ", n)
}

// wrap breaks the text into lines of at most w cells, between words where it can.
func wrap(text string, w int) []string {
	if w < 1 {
		return nil
	}
	return strings.Split(ansi.Wrap(guard(text), w, " "), "\n")
}

// wrapFormula breaks a formula, which may have no space where it must break, behind its points, commas and parentheses too.
func wrapFormula(text string, w int) []string {
	if w < 1 {
		return nil
	}
	return strings.Split(ansi.Wrap(guard(text), w, " .,()"), "\n")
}

// wrapWords breaks the text between words alone, wherever these have room: a path stays whole. What is indented stays so.
func wrapWords(text string, w int) []string {
	text = guard(text)
	indent := spaces(len(text) - len(strings.TrimLeft(text, " ")))
	lines := []string{indent}
	for i, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case i == 0:
			*last += word
		case width(*last)+1+width(word) <= w:
			*last += " " + word
		default:
			lines = append(lines, indent+word)
		}
	}
	var cut []string
	for _, line := range lines {
		cut = append(cut, wrap(line, w)...)
	}
	return cut
}

// glyphs are the signs that stand for what colour must not say alone.
type glyphs struct {
	toServer, toClient string // direction; a cell each
	pointer, shadow    string // what is selected, in the pane that has the keys and in others
	folded, unfolded   string
	branch, lastBranch string // of a tree
	trunk              string
	held, failed       string
	altered            string // or otherwise not as it was sent; also before a changed byte
	ended, gap         string
	printed            string
	play               string
	dot                string // between facts
	rule, column       string // lines
	cross, tee, upTee  string
	fromAnyone         string // in the place of an arrow: nobody knows who sent it
	more               string // text was cut off
	prompt             string
	done, todo         string // of the line of time
	open, shut, at     string // around the lit bytes, and before the byte itself
	caret              string // where the next character goes, if there are no colours

	verified, refuted, notCheckable string       // how a proof came out
	onItsWay                        string       // where an arrow ends that has not arrived
	down, joins                     string       // how a value of the key schedule comes from the one above it, or to it
	toServerHead, toClientHead      string       // of an arrow
	strokes, lifelines              [5]string    // by epoch
	dashes                          string       // where a side goes over to another key
	brackets                        [2][3]string // by side, around the arrows of one record

	item     string    // before an item of a list
	fresh    string    // before text that was not there at the stop before
	likeness [5]string // of an outer and an inner ClientHello
	absent   string    // in the place of a value that one of them lacks
}

var unicodeGlyphs = glyphs{
	toServer: "→", toClient: "←", pointer: "▌", shadow: "▏", folded: "▸", unfolded: "▾",
	branch: "├╴", lastBranch: "└╴", trunk: "│ ", held: "‖", failed: "✗", altered: "≠", ended: "■", gap: "┄", printed: "□",
	play: "▶", dot: " · ", rule: "─", column: "│", cross: "┼", tee: "┬", upTee: "┴",
	fromAnyone: "?", more: "…", prompt: "›", done: "━", todo: "─", open: "[", shut: "]", at: "›", caret: "▏",
	verified: "✓", refuted: "✗", notCheckable: "?", onItsWay: "╌", down: "↓", joins: "+", toServerHead: "▶", toClientHead: "◀",
	strokes: [...]string{"╌", "─", "┄", "═", "━"}, lifelines: [...]string{"┊", "│", "┆", "║", "┃"}, dashes: "╌",
	brackets: [2][3]string{{"┌", "├", "└"}, {"┐", "┤", "┘"}},
	item:     "•", fresh: "▎",
	likeness: [...]string{matching: "=", copied: "«", unlike: "≠", outerOnly: "○", innerOnly: "●"}, absent: "—",
}

var asciiGlyphs = glyphs{
	toServer: ">", toClient: "<", pointer: "#", shadow: ":", folded: "+", unfolded: "-",
	branch: "|-", lastBranch: "`-", trunk: "| ", held: "=", failed: "!", altered: "%", ended: "*", gap: "~", printed: "#",
	play: ">", dot: " | ", rule: "-", column: "|", cross: "+", tee: "+", upTee: "+",
	fromAnyone: "?", more: "~", prompt: ">", done: "=", todo: "-", open: "[", shut: "]", at: ">", caret: "_",
	verified: "(ok)", refuted: "(NO)", notCheckable: "(?)", onItsWay: ".", down: "v", joins: "+", toServerHead: ">", toClientHead: "<",
	strokes: [...]string{".", "-", ":", "=", "#"}, lifelines: [...]string{".", "|", "E", "H", "A"}, dashes: ".",
	brackets: [2][3]string{{"/", "|", "\\"}, {"\\", "|", "/"}},
	item:     "-", fresh: "|",
	likeness: [...]string{matching: "=", copied: "<", unlike: "!", outerOnly: "o", innerOnly: "@"}, absent: "-",
}

// arrow points from the side to its peer: the client stands on the left.
func (g *glyphs) arrow(from inspect.Side) string {
	if from == inspect.Client {
		return g.toServer
	}
	return g.toClient
}

// stroke is what an arrow is drawn with that is protected by keys of the epoch.
func (g *glyphs) stroke(e inspect.EpochKind) string { return g.strokes[e] }

// lifeline is what the line of a side is drawn with that protects its records so.
func (g *glyphs) lifeline(e inspect.EpochKind) string { return g.lifelines[e] }

func sideInk(s inspect.Side) ink {
	if s == inspect.Client {
		return client
	}
	return server
}
