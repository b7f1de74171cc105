package tui

import (
	"context"
	"io"
	"os"
	"slices"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/tui/term"
	tea "github.com/charmbracelet/bubbletea"
	xterm "golang.org/x/term"
)

// A Comparison is a table that grows column by column, each cell with the session that it was read from.
type Comparison struct {
	Questions []string // one for each row
	Channels  []string // one for each column
	// Measure returns the cells of a column, from top to bottom. It is called for one column after the other, once each.
	Measure func(ctx context.Context, column int) ([]Cell, error)
	// Known are the columns that need no measuring any more; [Comparison.Show] adds to it.
	Known [][]Cell
	// Row and Column are where the cursor stands.
	Row, Column int

	Title string // of the window and the screen
	Lang  string // as [docs.For] reads it
	Theme string // as in [Options]
	ASCII bool

	In  io.Reader // nil means standard input
	Out io.Writer // nil means standard output
}

// A Cell is an answer, and what shows that it is true.
type Cell struct {
	Text string
	From *inspect.Recording
	Run  string // a sentence that says which run that is
}

// Show shows the table until the user chooses a cell, whose session is to be opened, or leaves; then chosen is nil. The
// cursor stays where it was, so that Show can be called again. The error is ctx's, or Measure's.
func (c *Comparison) Show(ctx context.Context) (chosen *Cell, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	theme, named := term.ParseTheme(c.Theme)
	if !named {
		theme = term.FromEnvironment(os.Getenv)
	}
	say := docs.For(c.Lang)
	m := &comparing{Comparison: c, ctx: ctx, say: say, w: 80, h: 24}
	options := []tea.ProgramOption{tea.WithoutSignalHandler(), tea.WithAltScreen()}
	out := c.Out
	if out == nil {
		out = os.Stdout
	}
	if c.In != nil {
		options = append(options, tea.WithInput(c.In))
	}
	if file, ok := out.(*os.File); ok {
		if w, h, err := xterm.GetSize(int(file.Fd())); err == nil {
			m.w, m.h = w, h
		}
	}
	m.pal = newPalette(out, theme, nil)
	if c.ASCII {
		m.pal = newPalette(out, theme, keyNames(say))
	}
	program := tea.NewProgram(m, append(options, tea.WithOutput(out))...)
	stop := context.AfterFunc(ctx, program.Quit)
	defer stop()
	if _, err := program.Run(); err != nil {
		return nil, err
	}
	return m.chosen, m.err
}

// comparing is the table on the screen.
type comparing struct {
	*Comparison
	ctx    context.Context
	say    *docs.Sentences
	pal    *palette
	w, h   int
	top    int // the first line of the table that is shown
	chosen *Cell
	err    error
}

// measured says that a column is there, or why not.
type measured struct {
	cells []Cell
	err   error
}

// Init begins to measure.
func (m *comparing) Init() tea.Cmd {
	return tea.Batch(tea.SetWindowTitle(inspect.Safe(m.Title)), m.next())
}

func (m *comparing) next() tea.Cmd {
	column := len(m.Known)
	if column == len(m.Channels) {
		return nil
	}
	return func() tea.Msg {
		cells, err := m.Measure(m.ctx, column)
		return measured{cells, err}
	}
}

// Update takes one message.
func (m *comparing) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case measured:
		if m.err = msg.err; m.err != nil {
			return m, tea.Quit
		}
		m.Known = append(m.Known, msg.cells)
		return m, m.next()
	case tea.KeyMsg:
		return m, m.key(msg.String())
	}
	return m, nil
}

// compareKeys are the keys of the table, in the order of the manual.
func compareKeys() []compareKey {
	return []compareKey{
		{[]string{"left", "h"}, "tui_compare_key_left", func(m *comparing) tea.Cmd { return m.move(-1, 0) }},
		{[]string{"right", "l"}, "tui_compare_key_right", func(m *comparing) tea.Cmd { return m.move(1, 0) }},
		{[]string{"up", "k"}, "tui_compare_key_up", func(m *comparing) tea.Cmd { return m.move(0, -1) }},
		{[]string{"down", "j"}, "tui_compare_key_down", func(m *comparing) tea.Cmd { return m.move(0, 1) }},
		{[]string{"home", "g"}, "tui_compare_key_first", func(m *comparing) tea.Cmd { return m.move(0, -len(m.Questions)) }},
		{[]string{"end", "G"}, "tui_compare_key_last", func(m *comparing) tea.Cmd { return m.move(0, len(m.Questions)) }},
		{[]string{"enter"}, "tui_compare_key_open", (*comparing).open},
		{[]string{"q", "esc", "ctrl+c"}, "tui_compare_key_leave", func(*comparing) tea.Cmd { return tea.Quit }},
	}
}

// A compareKey is what keys do; help is the id of the sentence that says so.
type compareKey struct {
	keys []string
	help string
	do   func(*comparing) tea.Cmd
}

func (m *comparing) key(key string) tea.Cmd {
	for _, k := range compareKeys() {
		if slices.Contains(k.keys, key) {
			return k.do(m)
		}
	}
	return nil
}

// move moves the cursor as far as there are cells. In a list a line further down is the next channel, and behind the last of
// them the first of the next question; one to the side is another question.
func (m *comparing) move(columns, rows int) tea.Cmd {
	if m.listed() && (rows == 1 || rows == -1) {
		if at := m.Row*len(m.Channels) + m.Column + rows; at >= 0 && at < len(m.Questions)*len(m.Channels) {
			m.Row, m.Column = at/len(m.Channels), at%len(m.Channels)
		}
		return nil
	}
	if m.listed() {
		columns, rows = 0, columns+rows
	}
	m.Column = max(min(m.Column+columns, len(m.Channels)-1), 0)
	m.Row = max(min(m.Row+rows, len(m.Questions)-1), 0)
	return nil
}

// open leaves the table for the session of the cell, if there is one already.
func (m *comparing) open() tea.Cmd {
	if m.chosen = m.cell(m.Row, m.Column); m.chosen != nil {
		return tea.Quit
	}
	return nil
}

// listed reports whether the columns would be too narrow to read: then the cells of a row stand one below the other.
func (m *comparing) listed() bool { return m.columnWidth() < leastColumn }

const leastColumn = 22

// cell returns what is known of a cell; nil if nothing is yet.
func (m *comparing) cell(row, column int) *Cell {
	if column >= len(m.Known) || row >= len(m.Known[column]) {
		return nil
	}
	return &m.Known[column][row]
}

// View draws the screen: exactly h lines of w cells.
func (m *comparing) View() string {
	lines := m.lines()
	for len(lines) < m.h {
		lines = append(lines, m.pal.line(m.w, false))
	}
	out := ""
	for i, line := range lines[:max(m.h, 0)] {
		if i > 0 {
			out += "\n"
		}
		out += line
	}
	return out
}

func (m *comparing) lines() []string {
	if m.w < leastWidth || m.h < leastHeight {
		var lines []string
		for _, line := range wrap(m.say.Say("tui_too_small", "width", leastWidth, "height", leastHeight), m.w) {
			lines = append(lines, m.pal.line(m.w, false, span{plain, line}))
		}
		return lines
	}
	head := []string{m.pal.line(m.w, false, span{strong, " " + m.Title})}
	if !m.listed() {
		head = append(head, m.columns(strong, m.Channels, -1))
	}
	foot := m.foot()
	room := m.h - len(head) - len(foot)
	table, from, to := m.table(true)
	if len(table) > room {
		table, from, to = m.table(false)
	}
	m.top = max(min(m.top, from, len(table)-room), to-room, 0)
	table = table[m.top:min(m.top+room, len(table))]
	for len(table) < room {
		table = append(table, m.pal.line(m.w, false))
	}
	return append(append(head, table...), foot...)
}

// table draws all rows, with air between them if there is room for it; from and to are the lines of the one with the cursor.
func (m *comparing) table(airy bool) (lines []string, from, to int) {
	in := quiet
	if m.listed() {
		in = strong
	}
	for row, question := range m.Questions {
		if airy {
			lines = append(lines, m.pal.line(m.w, false))
		}
		if row == m.Row {
			from = len(lines)
		}
		for _, line := range wrap(question, m.w-2) {
			lines = append(lines, m.pal.line(m.w, false, span{in, " " + line}))
		}
		texts := make([]string, len(m.Channels))
		for column := range m.Channels {
			texts[column] = m.pal.glyphs.more
			if cell := m.cell(row, column); cell != nil {
				texts[column] = cell.Text
			}
		}
		if m.listed() {
			lines = append(lines, m.list(texts, row)...)
		} else {
			lines = append(lines, m.cells(texts, row)...)
		}
		if row == m.Row {
			to = len(lines)
		}
	}
	return lines, from, to
}

// list draws the cells of a row one below the other, each behind the name of its channel.
func (m *comparing) list(texts []string, row int) (lines []string) {
	name := 0
	for _, channel := range m.Channels {
		name = max(name, width(channel))
	}
	for c, text := range texts {
		marked := row == m.Row && c == m.Column
		before := "   "
		if marked {
			before = " " + m.pal.glyphs.pointer + " "
		}
		for i, line := range wrapWords(text, m.w-name-6) {
			channel := m.Channels[c]
			if i > 0 {
				before, channel = "   ", ""
			}
			lines = append(lines, m.pal.line(m.w, marked, span{strong, before}, span{quiet, channel + repeated(" ", name-width(channel)+2)}, span{plain, line}))
		}
	}
	return lines
}

// cells draws the cells of a row side by side.
func (m *comparing) cells(texts []string, row int) (lines []string) {
	var columns [][]string
	height := 0
	for _, text := range texts {
		column := wrapWords(text, m.columnWidth()-3)
		columns, height = append(columns, column), max(height, len(column))
	}
	for i := range height {
		line := make([]string, len(columns))
		for c, column := range columns {
			if i < len(column) {
				line[c] = column[i]
			}
		}
		marked := -1
		if row == m.Row {
			marked = m.Column
		}
		lines = append(lines, m.columns(plain, line, marked))
	}
	return lines
}

func (m *comparing) columnWidth() int { return m.w / max(len(m.Channels), 1) }

// columns draws texts of one line in columns, the marked one with the pointer before it.
func (m *comparing) columns(in ink, texts []string, marked int) string {
	line := ""
	width := m.columnWidth()
	for i, text := range texts {
		before := " "
		if i == marked {
			before = m.pal.glyphs.pointer
		}
		line += m.pal.line(width, i == marked, span{strong, before}, span{in, text})
	}
	return line + m.pal.line(m.w-width*len(texts), false)
}

// foot says what the cell at the cursor was read from, and the keys.
func (m *comparing) foot() []string {
	lines := []string{m.pal.line(m.w, false, span{quiet, repeated(m.pal.glyphs.rule, m.w)})}
	run := m.say.Say("tui_compare_runs")
	if cell := m.cell(m.Row, m.Column); cell != nil {
		run = m.Channels[m.Column] + ": " + cell.Run
	}
	said := wrap(run, m.w-2)
	for i := range 2 {
		text := ""
		if i < len(said) {
			text = said[i]
		}
		lines = append(lines, m.pal.line(m.w, false, span{plain, " " + text}))
	}
	return append(lines, m.pal.line(m.w, false, span{quiet, " " + m.pal.spell(m.say.Say("tui_compare_keys"))}))
}

func repeated(s string, n int) (all string) {
	for range n {
		all += s
	}
	return all
}

// commandCompare shows the comparison in the screen's place. The session goes on meanwhile.
func (m *model) commandCompare(string) tea.Cmd {
	if m.o.Compare == nil {
		m.complain("tui_no_compare")
		return nil
	}
	aside := &aside{show: func(in io.Reader, out io.Writer) error {
		return m.o.Compare(m.live.ctx, m.sentences.Lang(), in, out)
	}}
	return tea.Exec(aside, func(err error) tea.Msg { return compared{err} })
}

// compared says that the comparison has been left, or why it could not go on.
type compared struct{ err error }

// aside is another screen that has the terminal for a while. It implements [tea.ExecCommand].
type aside struct {
	show func(in io.Reader, out io.Writer) error
	in   io.Reader
	out  io.Writer
}

func (a *aside) Run() error              { return a.show(a.in, a.out) }
func (a *aside) SetStdin(in io.Reader)   { a.in = in }
func (a *aside) SetStdout(out io.Writer) { a.out = out }
func (a *aside) SetStderr(io.Writer)     {}
