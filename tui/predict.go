package tui

import (
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// A guess is what the user said, before a deed, would come of it. Of a question that was passed over nothing is said, and
// of a deed before which nothing was asked nothing at all: it is kept all the same, since it bounds the one before.
type guess struct {
	conn  int
	event int // from which on it is held against what happened
	who   whoSaid
	alert alertSaid
	read  readSaid
}

// whoSaid is which side was said to be the first to notice.
type whoSaid uint8

const (
	whoUnsaid whoSaid = iota
	whoClient
	whoServer
	whoNobody
)

// readSaid is whether the other side was said to understand the alert.
type readSaid uint8

const (
	readUnsaid readSaid = iota
	readYes
	readNo
)

// alertSaid is the alert that was said.
type alertSaid struct {
	kind alertKind
	code byte // if it is a plausible one
}

type alertKind uint8

const (
	alertUnsaid alertKind = iota
	alertPlausible
	alertAnother // none of the plausible ones
	alertNone
)

// plausible are the alerts to choose among: 1 and so on; 9 is another one, 0 none.
var plausible = []byte{0x14, 0x0a, 0x2f, 0x32, 0x33, 0x28, 0x46, 0x2a}

// said reports whether any question was answered.
func (g guess) said() bool {
	return g.who != whoUnsaid || g.alert.kind != alertUnsaid || g.read != readUnsaid
}

// noticedAlready reports whether there is nothing left to guess.
func (m *model) noticedAlready(conn int) bool {
	conns := m.time.session.Connections()
	if conn < 0 || conn >= len(conns) {
		return true
	}
	_, noticed := conns[conn].Noticed(m.time.session.Recording().Len())
	return noticed
}

// predictLines asks the question that it is the turn of.
func (m *model) predictLines(w int) []string {
	s := &sheet{m: m, w: w}
	choose := func(question string, choices ...choice) []string {
		s.text(strong, m.say(question))
		s.lines = append(s.lines, m.choicesInLines(w, choices)...)
		s.text(quiet, m.say("predict_skip"))
		return s.lines
	}
	switch m.mode {
	case onPredictAlert:
		var alerts []choice
		for i, code := range plausible {
			alerts = append(alerts, choice{strconv.Itoa(i + 1), inspect.AlertName(code)})
		}
		return choose("predict_which", append(alerts, choice{"9", m.say("predict_another")}, choice{"0", m.say("predict_no_alert")})...)
	case onPredictRead:
		return choose("predict_read", choice{m.say("predict_key_yes"), m.say("predict_yes")}, choice{"n", m.say("predict_no")})
	}
	return choose("predict_who", choice{"c", m.say("wire_ask_client")}, choice{"s", m.say("wire_ask_server")}, choice{"n", m.say("wire_ask_nobody")})
}

// predictWho takes the first answer. Where nobody notices there is no alert to ask for.
func (m *model) predictWho(who whoSaid) tea.Cmd {
	m.wire.asking.who = who
	if who == whoNobody {
		return m.observe()
	}
	return m.enter(onPredictAlert)
}

// predictAlert takes the second answer, a digit. Where there is no alert nobody has to understand it.
func (m *model) predictAlert(digit int) tea.Cmd {
	alert := &m.wire.asking.alert
	switch {
	case digit == 0:
		alert.kind = alertNone
		return m.observe()
	case digit > len(plausible):
		alert.kind = alertAnother
	default:
		*alert = alertSaid{alertPlausible, plausible[digit-1]}
	}
	return m.enter(onPredictRead)
}

// predictRead takes the third answer.
func (m *model) predictRead(read readSaid) tea.Cmd {
	m.wire.asking.read = read
	return m.observe()
}

// observe does the deed. If something was said, it lets everything go on until somebody notices or nothing comes any
// more; if not, what comes after the deed waits as before.
func (m *model) observe() tea.Cmd {
	m.leave()
	if m.perform(m.wire.deed) && m.wire.asking.said() {
		said := m.guessed(m.wire.asking)
		m.run("")
		m.tell("wire_predicted", "who", said)
	}
	m.wire.asking = guess{}
	return nil
}

// remember keeps what was said before a deed; event is that after which it is done.
func (m *model) remember(d deed, event int) {
	g := m.wire.asking
	g.conn, g.event = d.unit.Conn, event
	m.wire.guesses = append(m.wire.guesses, g)
}

// toggleAsk turns the questions on and off.
func (m *model) toggleAsk() tea.Cmd {
	m.wire.silent = !m.wire.silent
	if m.wire.silent {
		m.tell("wire_asks_not")
	} else {
		m.tell("wire_asks")
	}
	return nil
}

// guessed says all of a guess.
func (m *model) guessed(g guess) string {
	var said []string
	if g.who != whoUnsaid {
		said = append(said, m.whoName(g.who))
	}
	switch g.alert.kind {
	case alertNone:
		said = append(said, m.say("predict_no_alert"))
	case alertAnother, alertPlausible:
		said = append(said, m.say("predict_said_alert", "alert", m.alertSaid(g.alert)))
	}
	switch g.read {
	case readYes:
		said = append(said, m.say("predict_said_read"))
	case readNo:
		said = append(said, m.say("predict_said_unread"))
	}
	return strings.Join(said, ", ")
}

func (m *model) whoName(who whoSaid) string {
	switch who {
	case whoClient:
		return m.say("wire_ask_client")
	case whoServer:
		return m.say("wire_ask_server")
	}
	return m.say("wire_ask_nobody")
}

func (m *model) alertSaid(a alertSaid) string {
	switch a.kind {
	case alertNone:
		return m.say("predict_no_alert")
	case alertAnother:
		return m.say("predict_another")
	}
	return inspect.AlertName(a.code)
}

// predictions sets what was said of the connection beside what came of it by the event at, the latest first. What was
// tampered with before anything came of it decides nothing.
func (m *model) predictions(s *sheet, c *inspect.Connection, at int) {
	until, again := at, false
	for _, g := range slices.Backward(m.wire.guesses) {
		if g.conn != c.Conn || g.event > at {
			continue
		}
		if g.said() {
			m.compare(s, c, g, until, again)
		}
		until, again = g.event-1, true
	}
}

// compare sets a guess beside what had come by the event at; again is whether something else was tampered with then.
func (m *model) compare(s *sheet, c *inspect.Connection, g guess, at int, again bool) {
	notice, noticed := c.Noticed(at)
	_, over := m.time.ending(c.Conn, at)
	said := m.guessed(g)
	switch {
	case noticed && leftBefore(c, notice):
		s.text(strong, m.say("predict_unknown", "said", said))
	case noticed:
		m.compareNotice(s, c, g, notice, at)
	case again:
		s.text(quiet, m.say("predict_again", "said", said))
	case over && (g.who == whoUnsaid || g.who == whoNobody) && (g.alert.kind == alertUnsaid || g.alert.kind == alertNone) && g.read == readUnsaid:
		s.text(good, m.pal.glyphs.verified+" "+m.say("predict_nobody_right", "said", said))
	case over:
		s.text(bad, m.pal.glyphs.refuted+" "+m.say("predict_nobody_wrong", "said", said))
	default:
		s.text(strong, m.say("predict_open", "said", said))
	}
}

// compareNotice compares answer by answer once somebody has noticed.
func (m *model) compareNotice(s *sheet, c *inspect.Connection, g guess, notice inspect.Notice, at int) {
	verdict := func(right bool, yes, no string, pairs ...any) {
		if right {
			s.text(good, m.pal.glyphs.verified+" "+m.say(yes, pairs...))
		} else {
			s.text(bad, m.pal.glyphs.refuted+" "+m.say(no, pairs...))
		}
	}
	if who := whoClient + whoSaid(notice.Side); g.who != whoUnsaid {
		verdict(g.who == who, "predict_who_right", "predict_who_wrong", "was", m.whoName(who), "said", m.whoName(g.who))
	}
	account := c.Account(notice.Side, at)
	i := slices.IndexFunc(account.Alerts, inspect.Alerted.Fatal)
	if i < 0 {
		switch none := m.say("predict_no_alert"); {
		case g.alert.kind == alertUnsaid:
		case account.Ended == 0:
			s.text(strong, m.say("predict_alert_open", "said", m.alertSaid(g.alert)))
		default:
			verdict(g.alert.kind == alertNone, "predict_alert_right", "predict_alert_wrong", "was", none, "said", m.alertSaid(g.alert))
		}
		return
	}
	alert := account.Alerts[i]
	if g.alert.kind != alertUnsaid {
		right := g.alert == alertSaid{alertPlausible, alert.Description} ||
			g.alert.kind == alertAnother && !slices.Contains(plausible, alert.Description)
		verdict(right, "predict_alert_right", "predict_alert_wrong", "was", inspect.AlertName(alert.Description), "said", m.alertSaid(g.alert))
	}
	m.compareRead(s, g, alert, verdict)
}

func (m *model) compareRead(s *sheet, g guess, alert inspect.Alerted, verdict func(right bool, yes, no string, pairs ...any)) {
	answers := map[bool]string{true: m.say("predict_yes"), false: m.say("predict_no")}
	peer, said := m.side(alert.Record.Side.Peer()), answers[g.read == readYes]
	switch read := alert.Fate == inspect.FateRead; {
	case g.read == readUnsaid:
	case alert.Fate == inspect.FateHeld:
		s.text(strong, m.say("predict_read_open", "peer", peer, "said", said))
	default:
		verdict(read == (g.read == readYes), "predict_read_right", "predict_read_wrong", "peer", peer, "was", answers[read], "said", said)
	}
}
