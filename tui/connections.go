package tui

import (
	"strconv"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// connections is the list of a session's connections, of which one can be looked at alone. Only what is visible is
// looked at, so that it costs the same however many there are. Its first line stands for all of them.
type connections struct {
	window
	sel int // 0, or a connection's number plus 1
}

func (m *model) toggleConnections() tea.Cmd {
	if m.mode == onConnections {
		m.leave()
		return nil
	}
	switch {
	case len(m.time.session.Connections()) == 0:
		m.tell("tui_no_connection")
		return nil
	case m.sitting != nil:
		m.tell("course_no_connections")
		return nil
	}
	m.connections.sel = m.current() + 1
	return m.toggleView(onConnections)
}

func (m *model) selectConnection(n int) tea.Cmd {
	m.connections.sel = min(max(m.connections.sel+n, 0), len(m.time.session.Connections()))
	return nil
}

// openConnection goes back to the streams, which have the rows of the selected connection alone, or those of all.
func (m *model) openConnection() tea.Cmd {
	m.leave()
	m.lookAt(m.connections.sel - 1)
	return nil
}

// lookAt shows a connection alone, or all of them where there is none, -1, at the same event as before.
func (m *model) lookAt(conn int) {
	selected := -1
	if row := m.streams.sel.row; row < m.time.visible() {
		selected = m.time.item(row).Event
	}
	m.time.lookAt(conn)
	m.streams, m.ladder, m.detail = streams{}, ladder{}, detail{}
	m.streams.choose(m.time.visible() - 1)
	if row, ok := m.time.rowAt(selected); ok && row < m.time.visible() {
		m.streams.choose(row)
	}
}

// connectionsView draws the part of the list around the selected connection.
func (m *model) connectionsView(w, height int) []string {
	list, conns := &m.connections, m.time.session.Connections()
	lines := []string{m.rule(w, m.say("tui_connections"), m.say("tui_connections_count", "count", len(conns)))}
	one := func(int) int { return 1 }
	list.reveal(place{list.sel, 0}, place{list.sel, 0}, len(conns)+1, height-1, one)
	for row := list.top.row; row <= len(conns) && len(lines) < height; row++ {
		spans := []span{{plain, m.say("tui_connections_all")}}
		if row > 0 {
			spans = m.connectionCells(conns[row-1], w-2)
		}
		mark := " "
		if row == list.sel {
			mark = m.pal.glyphs.pointer
		}
		lines = append(lines, m.pal.line(w, row == list.sel, append([]span{{strong, mark}}, spans...)...))
	}
	return m.fill(lines, w, height)
}

// connectionCells says of a connection what it is, at the cursor: number, client, what is spoken, how much, how it ended.
func (m *model) connectionCells(c *inspect.Connection, w int) []span {
	number := right("#"+strconv.Itoa(c.Conn+1), digits(len(m.time.session.Connections()))+1) + " "
	client, wide := c.Opening.Addr[inspect.Client], w >= 120
	if !wide && m.time.at > 0 && m.facts(c).ClientSubject != "" { // there is no room for both, and who it is says more
		client = m.facts(c).ClientSubject
	}
	address := fit(inspect.Safe(client), 22, m.pal.glyphs.more) + " "
	records, bytes := m.countOf(c)
	spans := []span{{quiet, number}, {plain, address}, {strong, fit(m.spoken(c), 12, m.pal.glyphs.more) + " "}}
	used := width(number) + width(address) + 13
	if w >= 76 {
		amount := right(m.say("tui_connection_records", "count", records), 10) + "  "
		if records == 0 && bytes > 0 {
			amount = right(m.say("tui_connection_bytes", "count", bytes), 10) + "  "
		}
		spans, used = append(spans, span{quiet, amount}), used+width(amount)
	}
	end, ink := m.say("tui_connection_open"), quiet
	switch first, over := m.time.ending(c.Conn, m.time.event()); {
	case bytes == 0 && first == nil:
		end = m.say("tui_connection_silent")
	case first != nil && first.Kind == inspect.AlertItem && first.Description != 0:
		end, ink = m.say("tui_connection_ended", "side", m.side(first.Side), "how", m.withWhat(first)), bad
	case bytes == 0 && first != nil && first.Side == inspect.Server && c.Opening.Ours[inspect.Server]: // closed before anything was said
		end, ink = m.say("tui_connection_refused"), bad
		if errors := c.Account(inspect.Server, m.time.event()).Errors; len(errors) > 0 {
			end = m.say("tui_connection_refused_why", "why", inspect.Safe(errors[0].Error.Text))
		}
	case over:
		end, ink = m.say("tui_connection_ended", "side", m.side(first.Side), "how", m.withWhat(first)), plain
	}
	if facts := m.facts(c); wide && facts.ServerName+facts.ClientSubject != "" && m.time.at > 0 {
		who := inspect.Safe(facts.ServerName)
		if facts.ClientSubject != "" {
			who += " " + m.pal.glyphs.arrow(inspect.Server) + " " + inspect.Safe(facts.ClientSubject)
		}
		spans, used = append(spans, span{plain, fit(who, 34, m.pal.glyphs.more) + "  "}), used+36
	}
	return append(spans, span{ink, fit(end, max(w-used, 0), m.pal.glyphs.more)})
}

// countOf is how much both sides have sent at the cursor.
func (m *model) countOf(c *inspect.Connection) (records int, bytes int64) {
	if m.time.at == 0 {
		return 0, 0
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		n, size := c.View(side).Count(side, m.time.event())
		records, bytes = records+n, bytes+size
	}
	return records, bytes
}

// spoken names what crosses a connection, as far as it is known at the cursor.
func (m *model) spoken(c *inspect.Connection) string {
	switch {
	case speaks(c):
		return m.protocolName(c)
	case m.time.at > 0 && m.facts(c).Version != 0:
		return inspect.VersionName(m.facts(c).Version)
	case m.time.at > 0 && !c.WasTLS(m.time.event()):
		first, _ := m.time.ending(c.Conn, m.time.event())
		_, bytes := m.countOf(c)
		switch {
		case first == nil:
		case bytes == 0:
			return m.say("tui_connection_no_bytes")
		default:
			return m.say("tui_connection_not_tls")
		}
	}
	return m.say("tui_connection_unknown")
}
