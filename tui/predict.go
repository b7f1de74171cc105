package tui

import (
	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// A guess is what the user said before a deed: which side would notice first that something is wrong.
type guess struct {
	made  bool
	conn  int
	event int // from which on it is held against what happened
	side  inspect.Side
	none  bool // nobody
}

// noticedAlready reports whether there is nothing left to guess.
func (m *model) noticedAlready(conn int) bool {
	conns := m.time.session.Connections()
	if conn < 0 || conn >= len(conns) {
		return true
	}
	_, noticed := conns[conn].Noticed(m.time.taken())
	return noticed
}

// predictLines asks which side will notice first.
func (m *model) predictLines(w int) []string {
	s := &sheet{m: m, w: w}
	s.text(strong, m.say("wire_ask"))
	s.put(span{strong, "c "}, span{client, m.say("wire_ask_client")}, span{strong, "   s "}, span{server, m.say("wire_ask_server")},
		span{strong, "   n "}, span{plain, m.say("wire_ask_nobody")})
	s.text(quiet, m.say("wire_ask_skip"))
	return s.lines
}

// predict takes the answer, does the deed, and lets everything go on until somebody notices or nothing comes any more.
func (m *model) predict(side inspect.Side, none bool) tea.Cmd {
	m.leave()
	event := m.time.session.Recording().Len()
	if !m.perform(m.wire.deed) {
		return nil
	}
	m.wire.guess = guess{true, m.wire.deed.unit.Conn, event, side, none}
	m.run("")
	m.tell("wire_predicted", "who", m.guessed())
	return nil
}

// skipPrediction does the deed; what comes after it waits as before.
func (m *model) skipPrediction() tea.Cmd {
	m.leave()
	m.perform(m.wire.deed)
	return nil
}

// toggleAsk turns the question on and off.
func (m *model) toggleAsk() tea.Cmd {
	m.wire.silent = !m.wire.silent
	if m.wire.silent {
		m.tell("wire_asks_not")
	} else {
		m.tell("wire_asks")
	}
	return nil
}

func (m *model) guessed() string {
	if m.wire.guess.none {
		return m.say("wire_nobody")
	}
	return m.say("wire_the_side", "side", m.side(m.wire.guess.side))
}

// prediction sets what was said beside what came of it, by the event at.
func (m *model) prediction(s *sheet, c *inspect.Connection, at int) {
	g := &m.wire.guess
	if !g.made || g.conn != c.Conn || at < g.event {
		return
	}
	notice, noticed := c.Noticed(at)
	_, over := m.time.ending(c.Conn, at)
	switch {
	case noticed && !g.none && notice.Side == g.side, !noticed && over && g.none:
		s.text(good, m.pal.glyphs.verified+" "+m.say("wire_guess_right", "who", m.guessed()))
	case noticed || over:
		s.text(bad, m.pal.glyphs.refuted+" "+m.say("wire_guess_wrong", "who", m.guessed()))
	default:
		s.text(strong, m.say("wire_guess_open", "who", m.guessed()))
	}
}
