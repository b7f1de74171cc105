package tui

import (
	"strings"

	"example.com/tlslab/inspect"
)

// What a connection shows that speaks another protocol than TLS.

// speaks reports whether the connection does.
func speaks(c *inspect.Connection) bool { return c != nil && c.Opening.Speaks != nil }

// isUnit reports whether it is a unit of another protocol than TLS.
func isUnit(r *inspect.Record) bool { return r != nil && !r.TLS() }

// recordName is what a record is called: one of TLS as the standard names its type, a unit in the language of the screen.
func (m *model) recordName(r *inspect.Record) string {
	if isUnit(r) {
		return m.sentences.Unit(r.Name())
	}
	return r.Name()
}

// nameUnit names a unit, as far as it is known at the cursor, and returns its length in clear, -1 if that is not known.
func (m *model) nameUnit(r *inspect.Record) (string, int) {
	name, summary := m.recordName(r), r.Summary()
	switch {
	case r.Encrypted && !m.isDecided(r):
		return name + ": " + m.say("tui_undecided"), -1
	case r.Encrypted && !r.Decrypted:
		return name + ": " + m.say("tui_not_decrypted", "why", m.why(r)), -1
	case summary != "":
		return name + " " + summary, r.Content
	case r.Text():
		return name + " " + said(r.Plaintext()), r.Content
	}
	return name, r.Content
}

// said shows what a program says: JSON, which has quotes of its own, as it stands, anything else between quotes.
func said(b []byte) string {
	const most = 512
	if len(b) > 0 && strings.IndexByte(`{["`, b[0]) >= 0 {
		return inspect.SafeBytes(b[:min(len(b), most)])
	}
	return quoted(b)
}

// unitSubjects lists what can be shown of a unit: what it says in clear, if it was encrypted, then the unit as it crossed the wire, and what it is
// decrypted with, if its protocol tells it.
func (m *model) unitSubjects(r *inspect.Record) (list []subject) {
	if content := r.Plaintext(); m.isDecided(r) && r.Decrypted {
		for _, part := range r.Parts {
			b := content[part.Offset:][:part.Length]
			title := m.say("tui_subject_content", "name", m.recordName(r), "count", len(b))
			list = append(list, subject{title: title, bytes: b, root: m.rooted(r, r.PartFields(part, b))})
		}
	}
	raw := r.Raw()
	list = append(list, subject{title: m.say(asCrossed(r, "unit_as_sent", "unit_as_received"), "name", m.recordName(r), "count", len(raw)), bytes: raw, root: m.rooted(r, m.fieldsAsSent(r))})
	if values := r.UnitProtection(); m.isDecided(r) && len(values) > 0 {
		s := subject{title: m.say("unit_protection"), root: inspect.Field{Kind: "sealed.message", Name: m.say("tui_protection")}}
		list = append(list, m.valued(s, values))
	}
	return list
}

// fieldsAsSent is the tree of a unit as it was sent, which says where it begins as an earlier one does.
func (m *model) fieldsAsSent(r *inspect.Record) inspect.Field {
	return r.FieldsWith(func(earlier *inspect.Record, blocks, block int) string {
		row, ok := m.time.rowOf(earlier)
		if !ok {
			return ""
		}
		return m.sentences.SameBlocks(row+1, blocks, block)
	})
}

// rooted gives the tree of a unit the unit's name in the language of the screen. The names of its fields are the protocol's.
func (m *model) rooted(r *inspect.Record, root inspect.Field) inspect.Field {
	root.Name = m.recordName(r)
	return root
}

// protocolName says what the connection speaks.
func (m *model) protocolName(c *inspect.Connection) string {
	if id := "unit_protocol_" + c.Opening.Protocol; m.sentences.Has(id) {
		return m.say(id)
	}
	return m.say("unit_protocol", "protocol", inspect.Safe(c.Opening.Protocol))
}

// protocolKeys is the line that says of other connections what their records are protected with.
func (m *model) protocolKeys(c *inspect.Connection, w int) string {
	var known [2]span
	told := 0
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		n := len(m.knownTo(c, side))
		told += n
		known[side] = span{sideInk(side), m.say("unit_secrets", "side", m.side(side), "count", n)}
	}
	if told == 0 {
		return m.ends(w, []span{{quiet, m.say("unit_no_secrets")}})
	}
	return m.ends(w, []span{known[inspect.Client]}, known[inspect.Server])
}

// scheduleOfProtocol says why there is no key schedule, and lists the secrets that were told, if any.
func (m *model) scheduleOfProtocol(c *inspect.Connection) string {
	if _, tells := c.Opening.Speaks.Reader().(inspect.Scheduler); tells {
		return m.say("unit_schedule_empty", "protocol", inspect.Safe(c.Opening.Protocol))
	}
	return m.say("unit_no_schedule", "protocol", inspect.Safe(c.Opening.Protocol))
}

// unitStroke is how the arrow of a unit is drawn: encrypted or not is all that is known of any protocol.
func (m *model) unitStroke(r *inspect.Record) string {
	if r.Encrypted {
		return m.pal.glyphs.stroke(inspect.EpochApplication)
	}
	return m.pal.glyphs.stroke(inspect.EpochClear)
}

// unitLegend says how the lines of the arrows tell units.
func (m *model) unitLegend() string {
	g := &m.pal.glyphs
	return strings.Repeat(g.stroke(inspect.EpochClear), 2) + " " + m.say("tui_epoch_clear") + "  " +
		strings.Repeat(g.stroke(inspect.EpochApplication), 2) + " " + m.say("unit_encrypted")
}

// howEnded says how a side ended what it sends. Only TLS has a close_notify that could be missed.
func (m *model) howEnded(item *inspect.Item) string {
	c := m.time.session.Connections()[item.Conn]
	if item.How == inspect.ClosedEndOfFile && (speaks(c) || !c.WasTLS(m.time.event())) {
		return m.say("unit_closed_end_of_file")
	}
	return m.how(item.How)
}
