package tui

import (
	"slices"

	"example.com/tlslab/inspect"
)

// becauseLines explains from the bytes what the table of the verdicts only states: why an alert could be understood or
// not, and why nobody has noticed what was done on the wire.
func (m *model) becauseLines(s *sheet, c *inspect.Connection, at int) {
	if !c.Opening.Gated {
		return
	}
	m.whyCutOff(s, c, at)
	notice, noticed := c.Noticed(at)
	if !noticed {
		m.whyNobody(s, c, at)
		return
	}
	alerts := c.Account(notice.Side, at).Alerts
	if i := slices.IndexFunc(alerts, inspect.Alerted.Fatal); i >= 0 {
		m.whyUnderstood(s, c, alerts[i], at)
	}
}

// whyUnderstood says why the receiver of an alert could read it, or could not.
func (m *model) whyUnderstood(s *sheet, c *inspect.Connection, alert inspect.Alerted, at int) {
	x := c.Crossing(alert.Record)
	pairs := []any{"side", m.side(alert.Record.Side), "peer", m.side(alert.Record.Side.Peer())}
	switch {
	case alert.Fate == inspect.FateRead && !alert.Record.Encrypted:
		s.text(plain, m.say("predict_alert_clear", pairs...))
	case alert.Fate == inspect.FateRead && x.Intact() && differentSeals(x.Seals) == "":
		s.text(plain, m.say("predict_alert_sealed", append(pairs, "n", alert.Record.TLSSeq)...))
	case alert.Fate != inspect.FateUnread || x.Received == nil || x.Received.DecidedAt < 0 || x.Received.DecidedAt > at:
	case !alert.Record.Encrypted:
		s.text(plain, m.say("predict_alert_too_late", pairs...))
	case x.Received.Why == inspect.WhyTag:
		if m.firstUnreadable(c, x.Received, at) != x.Received { // which is explained anyway
			m.whyUnreadable(s, x, x.Received)
		}
	case x.Received.Why != inspect.WhyNone:
		s.text(plain, m.say("predict_alert_closed", append(pairs, "why", m.why(x.Received))...))
	}
}

// firstUnreadable returns the first record of r's lane whose tag does not verify.
func (m *model) firstUnreadable(c *inspect.Connection, r *inspect.Record, at int) *inspect.Record {
	for _, other := range c.View(r.Side.Peer()).Records(r.Side) {
		if other.Encrypted && !other.Decrypted && other.DecidedAt >= 0 && other.DecidedAt <= at && other.Why == inspect.WhyTag {
			return other
		}
	}
	return nil
}

// whyCutOff says where a direction ended inside a record.
func (m *model) whyCutOff(s *sheet, c *inspect.Connection, at int) {
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, r := range c.View(side).Records(side.Peer()) {
			row, ok := m.time.rowAt(r.Event)
			if ok && r.Truncated && r.Event <= at {
				s.text(plain, m.say("predict_cut_off", "row", row+1, "peer", m.side(side), "length", r.Length, "count", max(len(r.Raw())-recordHeader, 0)))
			}
		}
	}
}

// recordHeader is how long the header of a record is (RFC 8446 section 5.1).
const recordHeader = 5

// whyNobody says, of each record that did not arrive as it was sent, why nothing has told its receiver so.
func (m *model) whyNobody(s *sheet, c *inspect.Connection, at int) {
	m.wire.extend(m.time.session.Recording())
	waits := func(int) bool { return false }
	unprotected, told := c.Opening.Protocol == inspect.Lines.Name(), false
	var lost [2]bool
	for i := range m.wire.visible(at) {
		u := &m.wire.units[i]
		row, ok := m.time.rowAt(u.event)
		if u.conn != c.Conn || !ok {
			continue
		}
		switch state, _ := m.wire.stateAt(i, at, waits); {
		case state == unitOnItsWay || state == unitForwarded || state == unitUndeliverable:
		case unprotected && !told:
			told = true
			s.text(plain, m.say("predict_no_tls"))
		case unprotected:
		case state == unitDropped && !lost[u.from]: // what is lost after it is awaited no sooner
			lost[u.from] = m.whyLossUnnoticed(s, c, u, row, at)
		case state == unitAltered:
			m.whyChangeUnnoticed(s, c, u, row, at)
		}
	}
}

// whyLossUnnoticed explains a record that was dropped, and reports whether its receiver still awaits it.
func (m *model) whyLossUnnoticed(s *sheet, c *inspect.Connection, u *unit, row, at int) bool {
	r := m.time.item(row).Record
	if r == nil {
		return false
	}
	peer := u.from.Peer()
	received := c.View(peer).Records(u.from)
	later := slices.ContainsFunc(received, func(other *inspect.Record) bool { return other.Event > u.event && other.Event <= at })
	pairs := []any{"row", row + 1, "side", m.side(u.from), "peer", m.side(peer)}
	switch {
	case r.InnerType == inspect.ChangeCipherSpec && c.View(peer).State(at).Version == tls13:
		s.text(plain, m.say("predict_dropped_nothing", pairs...))
		return false
	case later:
		return false
	case r.Encrypted && r.InnerType == inspect.ApplicationData: // behind a handshake message a key can change
		s.text(plain, m.say("predict_dropped_sealed", append(pairs, "n", r.TLSSeq, "next", r.TLSSeq+1)...))
	default:
		s.text(plain, m.say("predict_dropped", pairs...))
	}
	return true
}

// tls13 is TLS 1.3, as the hellos write it.
const tls13 = 0x0304

// whyChangeUnnoticed explains a record of which only the header was changed.
func (m *model) whyChangeUnnoticed(s *sheet, c *inspect.Connection, u *unit, row, at int) {
	r := m.time.item(row).Record
	if r == nil || r.Encrypted {
		return
	}
	x := c.Crossing(r)
	if x.Received == nil || x.Received.DecidedAt < 0 || x.Received.DecidedAt > at || x.Received.Encrypted || x.Received.InnerType != r.InnerType {
		return
	}
	if slices.Equal(r.Plaintext(), x.Received.Plaintext()) && !x.Intact() {
		s.text(plain, m.say("predict_header_only", "row", row+1, "peer", m.side(u.from.Peer())))
	}
}
