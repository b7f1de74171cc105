package tui

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/tui/term"
	tea "github.com/charmbracelet/bubbletea"
)

// A command is typed after ":". Words are what may follow it.
type command struct {
	name  string
	show  string // with what follows it
	words []string
	help  string
	run   func(m *model, rest string) tea.Cmd // of what follows it
}

// short returns the command's other name, as editors have it; "" for none.
func (c command) short() string {
	return map[string]string{"save": "w", "quit": "q"}[c.name]
}

// typed returns the ways to type the command, with the colon and what follows.
func (c command) typed() []string {
	ways := []string{":" + c.show}
	if short := c.short(); short != "" {
		ways = append(ways, ":"+short+strings.TrimPrefix(c.show, c.name))
	}
	return ways
}

// is reports whether a word is the name of the command.
func (c command) is(word string) bool { return word != "" && (word == c.name || word == c.short()) }

// commands returns those of the screen, in the order of the help.
func commands() []command {
	return []command{
		{"restart", "restart [held]", []string{"held"}, "tui_command_restart", (*model).commandRestart},
		{"goto", "goto N", nil, "tui_command_goto", (*model).commandGoto},
		{"ladder", "ladder", nil, "tui_command_ladder", func(m *model, _ string) tea.Cmd { return m.toggleLadder() }},
		{"schedule", "schedule", nil, "tui_command_schedule", func(m *model, _ string) tea.Cmd { return m.toggleSchedule() }},
		{"connections", "connections", nil, "tui_command_connections", func(m *model, _ string) tea.Cmd { return m.toggleConnections() }},
		{"scene", "scene flip tls13", nil, "wire_command_scene", (*model).commandScene},
		{"compare", "compare", nil, "tui_command_compare", (*model).commandCompare},
		{"lesson", "lesson [1]", nil, "course_command", (*model).commandLesson},
		{"wire", "wire", nil, "wire_command", func(m *model, _ string) tea.Cmd { return m.toggleWire() }},
		{"hold", "hold", nil, "wire_command_hold", func(m *model, _ string) tea.Cmd { return m.hold() }},
		{"run", "run", nil, "wire_command_run", func(m *model, _ string) tea.Cmd { return m.runOn() }},
		{"until", "until client text 3", breakpoints(), "wire_command_until", (*model).commandUntil},
		{"inject", "inject " + forgedAlert, nil, "wire_command_inject", (*model).commandInject},
		{"cut", "cut 17|before|behind", []string{"before", "behind"}, "wire_command_cut", (*model).commandCut},
		{"delay", "delay 500ms", []string{"500ms", "3s", "10s", "1m"}, "wire_command_delay", (*model).commandDelay},
		{"verdicts", "verdicts", nil, "wire_command_verdicts", func(m *model, _ string) tea.Cmd { return m.toggleVerdicts() }},
		{"secrets", "secrets", nil, "tui_command_secrets", func(m *model, _ string) tea.Cmd { return m.toggleSecrets() }},
		{"save", "save FILE", nil, "tui_command_save", (*model).commandSave},
		{"lang", "lang en|pt-BR", []string{docs.English, docs.Portuguese}, "tui_command_lang", (*model).commandLang},
		{"theme", "theme " + strings.Join(themes(), "|"), themes(), "tui_command_theme", (*model).commandTheme},
		{"help", "help", nil, "tui_command_help", func(m *model, _ string) tea.Cmd { return m.toggleHelp() }},
		{"quit", "quit", nil, "tui_command_quit", func(m *model, _ string) tea.Cmd { return m.askToQuit() }},
	}
}

// breakpoints are what may follow :until, but for numbers and texts.
func breakpoints() (all []string) {
	for _, sender := range lesson.MatchSender.Choices() {
		for _, kind := range lesson.MatchKind.Choices() {
			all = append(all, sender+" "+kind)
		}
	}
	return all
}

// runCommand does what was typed after ":".
func (m *model) runCommand() tea.Cmd {
	typed, rest, _ := strings.Cut(strings.TrimSpace(m.command.take()), " ")
	m.leave()
	if typed == "" {
		return nil
	}
	name, rest := strings.TrimPrefix(typed, ":"), strings.TrimSpace(rest)
	for _, c := range commands() {
		if c.is(name) {
			return c.run(m, rest)
		}
	}
	m.complain("tui_unknown_command", "command", inspect.Safe(typed), "nearest", nearest(name))
	return nil
}

func (m *model) commandRestart(word string) tea.Cmd {
	switch {
	case m.o.Stage == nil:
		m.complain("tui_no_restart")
		return nil
	case word != "" && word != "held":
		m.complain("tui_restart_what", "word", inspect.Safe(word))
		return nil
	}
	return m.restart(word == "held")
}

func (m *model) commandGoto(word string) tea.Cmd {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > len(m.time.steps) {
		m.complain("tui_goto_what", "last", len(m.time.steps))
		return nil
	}
	m.playing = false
	m.goTo(n)
	return nil
}

func (m *model) commandLang(word string) tea.Cmd {
	if word == "" || !slices.Contains([]string{"en", "pt"}, strings.ToLower(strings.SplitN(word, "-", 2)[0])) {
		m.complain("tui_lang_what")
		return nil
	}
	m.look(m.theme, docs.For(word))
	m.reopen()
	return m.lessonIn(m.sentences.Lang())
}

// themes returns what may follow :theme.
func themes() []string { return append([]string{"auto"}, term.Themes()...) }

func (m *model) commandTheme(word string) tea.Cmd {
	theme, ok := term.ParseTheme(word)
	if word == "auto" {
		theme, ok = term.FromEnvironment(os.Getenv), true
	}
	if !ok {
		m.complain("tui_theme_what", "themes", strings.Join(themes(), ", "))
		return nil
	}
	m.look(theme, m.sentences)
	return nil
}

// nearest returns the command that is most like what was typed.
func nearest(name string) string {
	best, least := "", 1<<30
	for _, c := range commands() {
		if d := distance(name, c.name); d < least {
			best, least = c.name, d
		}
	}
	return best
}

// distance counts the letters to insert, remove or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// hint returns the command that the prompt suggests: the first that nothing like it has been sent in this session.
func (m *model) hint() string {
	if len(m.o.Hints) == 0 {
		return "create nome ana"
	}
	for _, hint := range m.o.Hints {
		if !slices.ContainsFunc(m.sent, func(line string) bool { return subjectOf(line) == subjectOf(hint) }) {
			return inspect.Safe(hint)
		}
	}
	return inspect.Safe(m.o.Hints[len(m.o.Hints)-1])
}

// subjectOf returns what a command does and to what: its first two words.
func subjectOf(command string) string {
	words := strings.Fields(command)
	return strings.Join(words[:min(len(words), 2)], " ")
}

// suggestion says what may be typed into the empty line.
func (m *model) suggestion() string {
	switch m.mode {
	case onPrompt:
		return m.say("tui_suggest_prompt", "hint", m.hint())
	case onCommand:
		names := make([]string, 0, 8)
		for _, c := range commands() {
			names = append(names, c.name)
		}
		return strings.Join(names, " ")
	}
	if m.mode == onAnswer {
		return m.suggestAnswer()
	}
	return m.say("tui_suggest_search")
}

// complete finishes the word that is being typed: in the empty prompt, the suggestion.
func (m *model) complete() tea.Cmd {
	if m.mode == onPrompt {
		if len(m.prompt.text) == 0 {
			m.prompt.set(m.hint())
		}
		return nil
	}
	line := m.command.String()
	name, word, spaced := strings.Cut(line, " ")
	var found []string
	for _, c := range commands() {
		if !spaced && strings.HasPrefix(c.name, name) {
			found = append(found, c.name)
		}
		if spaced && c.is(name) {
			words := c.words
			switch c.name {
			case "scene":
				words = m.o.Scenes
			case "lesson":
				words = m.o.Lessons.Names
			case "save":
				words = filesLike(word)
			}
			for _, w := range words {
				if strings.HasPrefix(w, word) {
					found = append(found, name+" "+w)
				}
			}
		}
	}
	if len(found) == 0 {
		m.tell("tui_nothing_completes")
		return nil
	}
	m.command.set(prefix(found))
	if len(found) > 1 {
		m.said = saying{ink: quiet, text: strings.Join(found, "  ")}
	}
	return nil
}

// prefix returns what all the words begin with.
func prefix(words []string) string {
	common := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, common) {
			common = common[:len(common)-1]
		}
	}
	return common
}

// searching goes on with a search: a stretch of rows at a time, so that the screen stays awake however many there are.
type searching struct {
	text       string
	row, step  int // the next row to look at, and the direction
	left       int // rows not looked at
	generation int
}

// stretch is how many rows are searched at a time.
const stretch = 2000

func (m *model) runSearch() tea.Cmd {
	m.sought = strings.TrimSpace(m.find.take())
	m.leave()
	return m.search(1)
}

func (m *model) search(step int) tea.Cmd {
	rows := m.time.visible()
	if m.sought == "" || rows == 0 {
		m.tell("tui_search_what")
		return nil
	}
	s := searching{text: strings.ToLower(m.sought), step: step, left: rows, generation: m.generation}
	s.row = (m.streams.sel.row + step + rows) % rows
	return m.searchOn(s)
}

func (m *model) searchOn(s searching) tea.Cmd {
	rows := m.time.visible()
	if s.generation != m.generation || rows == 0 || s.text != strings.ToLower(m.sought) {
		return nil
	}
	for n := 0; n < stretch && s.left > 0; n++ {
		s.row %= rows
		item := m.time.item(s.row)
		what, _ := m.whatHappened(item)
		if item.Record != nil {
			what += " " + item.Record.Name() + " " + m.recordName(item.Record)
		}
		if strings.Contains(strings.ToLower(what), s.text) {
			m.streams.choose(s.row)
			m.said = saying{}
			return nil
		}
		s.row = (s.row + s.step + rows) % rows
		s.left--
	}
	if s.left == 0 {
		m.tell("tui_not_found", "text", inspect.Safe(m.sought))
		return nil
	}
	m.tell("tui_searching", "text", inspect.Safe(m.sought))
	return func() tea.Msg { return s }
}
