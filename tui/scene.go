package tui

import (
	"strings"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// commandScene plays a scene in the session's place: NAME, or NAME CHANNEL.
func (m *model) commandScene(rest string) tea.Cmd {
	name, channel, _ := strings.Cut(rest, " ")
	switch {
	case m.o.Scene == nil:
		m.complain("wire_no_scenes")
		return nil
	case name == "":
		m.complain("wire_scene_what", "names", strings.Join(m.o.Scenes, ", "))
		return nil
	}
	m.forget()
	m.tell("wire_scene_plays", "name", inspect.Safe(name))
	return m.live.scene(m.o, m.generation, name, strings.TrimSpace(channel))
}

// showScene shows what a scene recorded, from its end, and says what came of it.
func (m *model) showScene(msg played) {
	if msg.generation != m.generation {
		return
	}
	m.opening, m.time = false, msg.time
	m.last()
	if msg.err != nil {
		m.complain("wire_scene_failed", "error", inspect.Safe(msg.err.Error()))
		return
	}
	m.said = saying{ink: strong, text: inspect.Safe(msg.told)}
}
