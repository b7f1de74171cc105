package tui

import (
	"os"
	"path/filepath"
	"strings"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// withoutSecrets is what may stand before the file that :save names.
const withoutSecrets = "--no-secrets"

// saved says what came of :save.
type saved struct {
	text string
	err  error
}

// askSave begins the command that saves the session; where to is typed.
func (m *model) askSave() tea.Cmd {
	cmd := m.enterCommand()
	m.command.set("save ")
	return cmd
}

// commandSave keeps what the session has come to in a new file.
func (m *model) commandSave(rest string) tea.Cmd {
	name, noSecrets := strings.CutPrefix(rest, withoutSecrets)
	name = strings.TrimSpace(name)
	switch {
	case m.o.Save == nil:
		m.complain("tui_no_save")
		return nil
	case name == "":
		m.complain("tui_save_what")
		return nil
	}
	save, recording, lang := m.o.Save, m.time.session.Recording(), m.sentences.Lang()
	return func() tea.Msg {
		text, err := save(recording, name, noSecrets, lang)
		return saved{text, err}
	}
}

func (m *model) saved(s saved) {
	m.said = saying{ink: quiet, text: s.text}
	if s.err != nil {
		m.said = saying{ink: bad, text: s.err.Error()}
	}
}

// filesLike completes the file that :save names: folders, and what would be in the way.
func filesLike(typed string) (words []string) {
	before, name := "", typed
	if rest, cut := strings.CutPrefix(typed, withoutSecrets+" "); cut {
		before, name = withoutSecrets+" ", strings.TrimLeft(rest, " ")
	} else {
		words = append(words, withoutSecrets+" ")
	}
	if name == "" {
		words = append(words, before+"session.pcapng")
	}
	folder, _ := filepath.Split(name)
	found, err := os.ReadDir(filepath.Join(".", folder))
	if filepath.IsAbs(folder) {
		found, err = os.ReadDir(folder)
	}
	if err != nil {
		return words
	}
	for _, entry := range found {
		path := folder + entry.Name()
		if entry.IsDir() && strings.HasPrefix(path, name) && !strings.HasPrefix(entry.Name(), ".") && inspect.Safe(path) == path {
			words = append(words, before+path+string(filepath.Separator))
		}
	}
	return words
}
