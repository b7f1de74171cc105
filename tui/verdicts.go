package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// toldVerdict is what was last told of both endpoints, and when it must be told anew.
type toldVerdict struct {
	of    verdictKey
	lines []string
}

type verdictKey struct {
	recording    *inspect.Recording
	conn, at, w  int
	lang         string
	theme        *palette
	guesses      int
	items, taken int
	refused      string
}

// verdictLines draws what both endpoints made of the connection at the cursor, beside each other, and why.
func (m *model) verdictLines(w int) []string {
	c := m.conn()
	if c == nil || m.time.at == 0 {
		return nil
	}
	at := m.time.event()
	key := verdictKey{m.time.session.Recording(), c.Conn, at, w, m.sentences.Lang(), m.pal, len(m.wire.guesses), m.time.items, m.time.taken(), m.whyNotSealed()}
	if m.wire.told.of == key {
		return m.wire.told.lines
	}
	s := &sheet{m: m, w: w}
	m.predictions(s, c, at)
	s.text(bad, key.refused)
	m.firstNotice(s, c, at)
	m.whyLines(s, c, at)
	m.becauseLines(s, c, at)
	m.accounts(s, c, at)
	m.patienceLine(s, c, at)
	m.wire.told = toldVerdict{key, s.lines}
	return s.lines
}

// whyNotSealed says why what someone who has the keys made was not sent; "" if it was.
func (m *model) whyNotSealed() string {
	if m.stepper == nil || m.wire.sealed == 0 {
		return ""
	}
	refusal := new(inspect.Refusal)
	if err := m.stepper.Refused(m.wire.sealed); errors.As(err, &refusal) {
		return m.say("edit_not_sealed", "why", m.because(refusal.Reason))
	}
	return ""
}

// verdictPage draws all of it.
func (m *model) verdictPage(w int) []string {
	s := &sheet{m: m, w: w}
	m.sceneLines(s)
	lines := append(s.lines, m.verdictLines(w)...)
	if lines == nil {
		return []string{m.pal.line(w, false, span{quiet, " " + m.say("wire_empty")})}
	}
	return lines
}

// firstNotice says who was the first to notice that something is wrong, and how it told the other.
func (m *model) firstNotice(s *sheet, c *inspect.Connection, at int) {
	notice, ok := c.Noticed(at)
	if !ok {
		s.text(strong, m.say("wire_noticed_nobody"))
		return
	}
	account := c.Account(notice.Side, at)
	side, peer := m.side(notice.Side), m.side(notice.Side.Peer())
	i := slices.IndexFunc(account.Alerts, inspect.Alerted.Fatal)
	if leftBefore(c, notice) {
		s.text(bad, m.say("wire_noticed_stranger_left", "side", side, "peer", peer))
		return
	}
	if i < 0 {
		s.text(bad, m.say("wire_noticed_no_alert", "side", side))
		return
	}
	alert := account.Alerts[i]
	s.text(bad, m.say("wire_noticed", "side", side, "alert", inspect.AlertName(alert.Description), "fate", m.alertFate(c, alert.Fate, notice.Side.Peer())))
}

// leftBefore reports whether the peer of who noticed, a program of others, had ended before: what it had noticed is not
// known, and its end may be all that was noticed then.
func leftBefore(c *inspect.Connection, notice inspect.Notice) bool {
	peer := notice.Side.Peer()
	return !c.Opening.Ours[peer] && c.Account(peer, notice.Event).Ended != 0
}

// alertFate says whether its receiver, that side, could understand an alert.
func (m *model) alertFate(c *inspect.Connection, f inspect.Fate, receiver inspect.Side) string {
	peer := m.side(receiver)
	switch f {
	case inspect.FateRead:
		if !c.Opening.Ours[receiver] { // what its program made of it is not known
			return m.say("wire_alert_readable", "peer", peer)
		}
		return m.say("wire_alert_read", "peer", peer)
	case inspect.FateUnread:
		return m.say("wire_alert_unread", "peer", peer)
	case inspect.FateLate:
		return m.say("wire_alert_late", "peer", peer)
	case inspect.FateAltered:
		return m.say("wire_alert_altered", "peer", peer)
	case inspect.FateDropped:
		return m.say("wire_alert_dropped", "peer", peer)
	case inspect.FateUndelivered:
		return m.say("wire_alert_undelivered", "peer", peer)
	case inspect.FateHeld:
		return m.say("wire_alert_held", "peer", peer)
	}
	return m.say("wire_alert_elsewhere", "peer", peer)
}

// accounts draws the table: a row for each kind of thing, the client's column left, the server's right.
func (m *model) accounts(s *sheet, c *inspect.Connection, at int) {
	var accounts [2]inspect.Account
	for side := range accounts {
		accounts[side] = c.Account(inspect.Side(side), at)
	}
	rows := []struct {
		name string
		of   func(a *inspect.Account, ours bool) []string
	}{
		{"wire_row_error", m.errorsOf},
		{"wire_row_alerts", func(a *inspect.Account, _ bool) []string { return m.alertsOf(c, a) }},
		{"wire_row_waits", func(a *inspect.Account, _ bool) []string { return m.waitsOf(c, a, at) }},
		{"wire_row_read", m.readOf},
		{"wire_row_missing", m.missingOf},
		{"wire_row_silence", m.silencesOf},
		{"wire_row_ended", m.endedOf},
		{"wire_row_saw", m.sawOf},
	}
	names := 0
	for _, row := range rows {
		names = max(names, width(m.say(row.name)))
	}
	column := (s.w - names - 6) / 2
	s.put(span{plain, spaces(names + 1)}, span{client, fit(m.side(inspect.Client), column+2, "")}, span{server, m.side(inspect.Server)})
	for _, row := range rows {
		var cells [2][]string
		for side := range cells {
			for _, text := range row.of(&accounts[side], c.Opening.Ours[side]) {
				cells[side] = append(cells[side], wrap(text, column)...)
			}
		}
		if len(cells[0])+len(cells[1]) == 0 {
			continue
		}
		name := m.say(row.name)
		for i := range max(len(cells[0]), len(cells[1])) {
			var left, right string
			if i < len(cells[0]) {
				left = cells[0][i]
			}
			if i < len(cells[1]) {
				right = cells[1][i]
			}
			s.put(span{quiet, fit(name, names+1, "")}, span{client, fit(left, column, m.pal.glyphs.more) + "  "}, span{server, right})
			name = ""
		}
	}
}

func (m *model) errorsOf(a *inspect.Account, ours bool) []string {
	if !ours {
		return []string{m.say("wire_stranger")}
	}
	var texts []string
	for _, failure := range a.Errors {
		texts = append(texts, inspect.Safe(failure.Error.Text))
	}
	if texts == nil {
		texts = []string{m.say("wire_no_error")}
	}
	return texts
}

func (m *model) alertsOf(c *inspect.Connection, a *inspect.Account) []string {
	var texts []string
	for _, alert := range a.Alerts {
		texts = append(texts, m.say("wire_alert", "alert", inspect.AlertName(alert.Description), "fate", m.alertFate(c, alert.Fate, a.Side.Peer())))
	}
	return texts
}

func (m *model) readOf(a *inspect.Account, ours bool) []string {
	if !ours || a.Read == 0 && a.Fidelity != inspect.TextDifferent {
		return nil
	}
	bytes := thousands(a.Read, m.sentences.Lang())
	switch a.Fidelity {
	case inspect.TextWhole:
		return []string{m.say("wire_read_whole", "bytes", bytes)}
	case inspect.TextBeginning:
		return []string{m.say("wire_read_beginning", "bytes", bytes)}
	case inspect.TextDifferent:
		return []string{m.say("wire_read_different", "bytes", bytes, "agrees", thousands(a.Agrees, m.sentences.Lang()))}
	}
	return []string{m.say("wire_read", "bytes", bytes)}
}

// missingOf says what the peer sent and the side did not get.
func (m *model) missingOf(a *inspect.Account, _ bool) []string {
	var texts []string
	for _, amount := range []struct {
		id string
		of inspect.Amount
	}{
		{"wire_missing_held", a.Held}, {"wire_missing_altered", a.Altered}, {"wire_missing_dropped", a.Dropped}, {"wire_missing_undelivered", a.Undelivered},
	} {
		if amount.of.Units > 0 {
			texts = append(texts, m.say(amount.id, "count", amount.of.Units, "bytes", thousands(amount.of.Bytes, m.sentences.Lang())))
		}
	}
	return texts
}

func (m *model) silencesOf(a *inspect.Account, _ bool) []string {
	var texts []string
	for _, silence := range a.Silences {
		texts = append(texts, m.say("wire_silence", "wait", silence.Wait.String()))
	}
	return texts
}

// waitsOf says whether the side waits for its peer, and what keeps it waiting; once it has given up, how long it had
// waited in vain.
func (m *model) waitsOf(c *inspect.Connection, a *inspect.Account, at int) []string {
	if w, ok := c.InVain(a.Side, at); ok {
		return []string{m.say("wire_waited", "wait", inSeconds(w.For))}
	}
	w, ok := c.Waiting(a.Side, at)
	switch {
	case !ok || w.Until >= 0:
		return nil
	case w.Fate == inspect.FateHeld:
		return []string{m.say("wire_waits_own_held")}
	case w.Fate == inspect.FateDropped:
		return []string{m.say("wire_waits_own_dropped")}
	case w.Fate == inspect.FateUndelivered:
		return []string{m.say("wire_waits_own_undelivered")}
	case a.Held.Units > 0:
		return []string{m.say("wire_waits_held")}
	case a.Dropped.Units > 0:
		return []string{m.say("wire_waits_dropped")}
	}
	return []string{m.say("wire_waits")}
}

// patienceLine says whether those who wait do so for ever.
func (m *model) patienceLine(s *sheet, c *inspect.Connection, at int) {
	waits := false
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		w, ok := c.Waiting(side, at)
		waits = waits || ok && w.Until < 0
	}
	switch {
	case !waits || m.stepper == nil:
	case c.Opening.Ours == [2]bool{true, true}:
		s.text(quiet, m.say("wire_waits_for_ever"))
	case c.Opening.Ours == [2]bool{}:
		s.text(quiet, m.say("wire_waits_strangers"))
	default:
		s.text(quiet, m.say("wire_waits_stranger"))
	}
}

func (m *model) endedOf(a *inspect.Account, _ bool) []string {
	if a.Ended == 0 {
		return nil
	}
	return []string{m.how(a.Ended)}
}

func (m *model) sawOf(a *inspect.Account, _ bool) []string {
	if a.Saw == 0 {
		return nil
	}
	return []string{m.how(a.Saw)}
}

// whyLines says where the two views part.
func (m *model) whyLines(s *sheet, c *inspect.Connection, at int) {
	if !c.Opening.Gated {
		return
	}
	m.transcriptsPart(s, c, at)
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, r := range c.View(side).Records(side.Peer()) {
			if r.Event > at {
				break
			}
			if row, ok := m.time.rowAt(r.Event); ok && r.Verdict == inspect.VerdictInjected && r.Epoch.Kind == inspect.EpochClear {
				s.text(plain, m.say("wire_why_forged", "row", row+1, "side", m.side(side.Peer()), "peer", m.side(side)))
			}
			if row, ok := m.time.rowAt(r.Event); ok && r.DecidedAt >= 0 && r.DecidedAt <= at && r.Verdict != inspect.VerdictNone && r.Forged() {
				s.text(plain, m.say("edit_forged", "row", row+1, "side", m.side(side.Peer()), "peer", m.side(side)))
			}
			if r.Encrypted && !r.Decrypted && r.DecidedAt >= 0 && r.DecidedAt <= at && r.Why == inspect.WhyTag {
				m.whyUnreadable(s, c.Crossing(r), r)
				break
			}
		}
	}
}

// transcriptsPart says at which message the transcripts have not the same bytes any more. A message that is on its way is
// no difference yet.
func (m *model) transcriptsPart(s *sheet, c *inspect.Connection, at int) {
	parting := c.Parting(at)
	for i, step := range parting.Steps {
		client, server := step.Messages[inspect.Client], step.Messages[inspect.Server]
		if client == nil || server == nil {
			return
		}
		if step.Same() {
			continue
		}
		if client.Name() != server.Name() || client.Side != server.Side {
			s.text(plain, m.say("wire_parts_messages", "n", i+1, "client", m.messageName(client), "server", m.messageName(server)))
			return
		}
		s.text(plain, m.say("wire_parts", "n", i+1, "message", m.messageName(client), "fields", fieldNames(step.Differences())))
		if labels := differentSecrets(parting.Secrets); labels != "" {
			s.text(plain, m.say("wire_parts_secrets", "labels", labels))
		}
		return
	}
}

// fieldNames lists the fields that differ, a few of them.
func fieldNames(pairs []inspect.FieldPair) string {
	const most = 3
	var names []string
	for i, pair := range pairs {
		if i == most {
			names = append(names, "...")
			break
		}
		names = append(names, inspect.Safe(pair[0].Name))
	}
	return strings.Join(names, ", ")
}

// differentSecrets lists those that both sides logged, and not alike.
func differentSecrets(pairs []inspect.SecretPair) string {
	var labels []string
	for _, pair := range pairs {
		if pair.Secrets[inspect.Client] != nil && pair.Secrets[inspect.Server] != nil && !pair.Same() {
			labels = append(labels, inspect.Safe(pair.Label))
		}
	}
	return strings.Join(labels, ", ")
}

// whyUnreadable says why the tag of a received record does not verify.
func (m *model) whyUnreadable(s *sheet, x inspect.Crossing, r *inspect.Record) {
	from, to := m.side(r.Side), m.side(r.Side.Peer())
	if x.Sent == nil {
		s.text(plain, m.say("wire_why_injected", "side", from, "peer", to))
		return
	}
	row, _ := m.time.rowAt(x.Sent.Event)
	behind, counted := x.Behind()
	pairs := []any{"side", from, "peer", to, "sent", fmt.Sprint(x.Sent.TLSSeq), "received", fmt.Sprint(r.TLSSeq), "row", row + 1, "differ", differentSeals(x.Seals)}
	switch {
	case !counted:
		s.text(plain, m.say("wire_why_other_key", pairs...))
	case behind > 0:
		s.text(plain, m.say("wire_why_behind", append(pairs, "count", behind)...))
	case behind < 0:
		s.text(plain, m.say("wire_why_ahead", append(pairs, "count", -behind)...))
	case !x.Intact():
		s.text(plain, m.say("wire_why_altered", pairs...))
	default:
		s.text(plain, m.say("wire_why_keys", pairs...))
	}
}

// differentSeals names what the two sides have not alike: all but the plain text, which the receiver has not at all.
func differentSeals(pairs []inspect.SealPair) string {
	var names []string
	for _, pair := range pairs {
		if pair.Same() || pair.Sent.Kind == "protection.plaintext" {
			continue
		}
		name, _, _ := strings.Cut(pair.Sent.Name, " (from ")
		names = append(names, strings.TrimPrefix(name, "[sender]_write_"))
	}
	return strings.Join(names, ", ")
}
