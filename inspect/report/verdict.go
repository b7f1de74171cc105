package report

import (
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// Verdict tells what both endpoints made of a connection whose records waited
// for a gate: who was the first to notice something, and of each endpoint its
// errors, the alerts that it sent and what became of them, what it read, and what it
// did not get. It is empty where there was no gate.
// [Text.Writer] tells it at the end of the session.
func (t Text) Verdict(s *inspect.Session, conn int) string {
	c := s.Connections()[conn]
	if !c.Opening.Gated {
		return ""
	}
	last := s.Recording().Len() - 1
	text := t.Say.Say("report_noticed_nobody")
	if notice, ok := c.Noticed(last); ok {
		text = t.Say.Say("report_noticed", "side", t.side(notice.Side))
	}
	if conn > 0 {
		text = t.Say.Say("report_connection", "conn", conn+1) + ": " + text
	}
	text += "\n"
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		text += t.Say.Say("report_endpoint", "side", t.side(side), "list", strings.Join(t.account(c, side, last), "; ")) + "\n"
	}
	return text
}

// account lists what an endpoint made of a connection.
func (t Text) account(c *inspect.Connection, side inspect.Side, at int) (list []string) {
	a := c.Account(side, at)
	for _, failure := range a.Errors {
		list = append(list, t.Say.Say("report_endpoint_error", "text", t.failure(failure.Error.Text)))
	}
	if len(a.Errors) == 0 {
		id := "report_endpoint_content"
		if !c.Opening.Ours[side] {
			id = "report_endpoint_stranger"
		}
		list = append(list, t.Say.Say(id))
	}
	for _, alert := range a.Alerts {
		fate := [...]string{
			inspect.FateHeld: "report_fate_held", inspect.FateRead: "report_fate_read", inspect.FateUnread: "report_fate_unread",
			inspect.FateAltered: "report_fate_altered", inspect.FateDropped: "report_fate_dropped", inspect.FateUndelivered: "report_fate_undelivered",
			inspect.FateLate: "report_fate_late",
		}[alert.Fate]
		if alert.Fate == inspect.FateRead && !c.Opening.Ours[side.Peer()] { // what its program made of it is not known
			fate = "report_fate_readable"
		}
		list = append(list, t.Say.Say("report_endpoint_alert", "alert", inspect.AlertName(alert.Description), "fate", t.Say.Say(fate, "peer", t.side(side.Peer()))))
	}
	if w, ok := c.InVain(side, at); ok && w.For >= time.Second {
		list = append(list, t.Say.Say("report_endpoint_waited", "wait", w.For.Round(time.Millisecond).String()))
	}
	if toRead := a.Fidelity == inspect.TextBeginning || a.Fidelity == inspect.TextDifferent; c.Opening.Ours[side] && (a.Read > 0 || toRead) {
		id := [...]string{
			inspect.TextUnknown: "report_endpoint_read", inspect.TextWhole: "report_endpoint_read_whole",
			inspect.TextBeginning: "report_endpoint_read_beginning", inspect.TextDifferent: "report_endpoint_read_different",
		}[a.Fidelity]
		list = append(list, t.Say.Say(id, "size", t.size(int(a.Read)), "agrees", a.Agrees))
	}
	for _, missing := range []struct {
		id string
		of inspect.Amount
	}{
		{"report_missing_held", a.Held}, {"report_missing_altered", a.Altered}, {"report_missing_dropped", a.Dropped}, {"report_missing_undelivered", a.Undelivered},
	} {
		if missing.of.Units > 0 {
			list = append(list, t.Say.Say(missing.id, "count", missing.of.Units, "size", t.size(int(missing.of.Bytes))))
		}
	}
	return list
}

// endpointLines are the lines of what both endpoints made of a connection, where
// its records waited for a gate.
func endpointLines(s *inspect.Session, c *inspect.Connection, lines []byte) []byte {
	if !c.Opening.Gated {
		return lines
	}
	last := s.Recording().Len() - 1
	notice, noticed := c.Noticed(last)
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		a := c.Account(side, last)
		line := endpointLine{
			Kind: "endpoint", Conn: c.Conn, Side: side.String(), First: noticed && notice.Side == side,
			Errors: []string{}, Alerts: []fateJSON{}, Silences: []int64{}, Wrote: a.Wrote, Read: a.Read, Text: fidelity(a.Fidelity),
			Missing: missingJSON{amount(a.Held), amount(a.Altered), amount(a.Dropped), amount(a.Undelivered)},
			Ended:   closed(a.Ended), PeerEnded: closed(a.Saw),
		}
		for _, failure := range a.Errors {
			line.Errors = append(line.Errors, inspect.Safe(failure.Error.Text))
		}
		for _, alert := range a.Alerts {
			line.Alerts = append(line.Alerts, fateJSON{inspect.AlertName(alert.Description), alert.Fate.String()})
		}
		for _, silence := range a.Silences {
			line.Silences = append(line.Silences, silence.Wait.Milliseconds())
		}
		if w, ok := c.InVain(side, last); ok {
			waited := w.For.Milliseconds()
			line.Waited = &waited
		}
		lines = append(lines, encode(line)...)
	}
	return lines
}

// What an endpoint line says, its keys in the order of the manual.
type (
	endpointLine struct {
		Kind      string      `json:"kind"`
		Conn      int         `json:"conn"`
		Side      string      `json:"side"`
		First     bool        `json:"first_to_notice"`
		Errors    []string    `json:"errors"`
		Alerts    []fateJSON  `json:"alerts"`
		Silences  []int64     `json:"silences"`
		Waited    *int64      `json:"waited"`
		Wrote     int64       `json:"wrote"`
		Read      int64       `json:"read"`
		Text      *string     `json:"text"`
		Missing   missingJSON `json:"not_received"`
		Ended     *string     `json:"ended"`
		PeerEnded *string     `json:"peer_ended"`
	}
	fateJSON struct {
		Description string `json:"description"`
		Fate        string `json:"fate"`
	}
	missingJSON struct {
		Held        amountJSON `json:"held"`
		Altered     amountJSON `json:"altered"`
		Dropped     amountJSON `json:"dropped"`
		Undelivered amountJSON `json:"undeliverable"`
	}
	amountJSON struct {
		Records int   `json:"records"`
		Bytes   int64 `json:"bytes"`
	}
)

func amount(a inspect.Amount) amountJSON { return amountJSON{a.Units, a.Bytes} }

func fidelity(f inspect.Fidelity) *string {
	if f == inspect.TextUnknown {
		return nil
	}
	return pointer(f.String())
}

func closed(how inspect.Closing) *string {
	if how == 0 {
		return nil
	}
	return pointer(how.String())
}

func pointer(text string) *string { return &text }
