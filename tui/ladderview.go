package tui

import (
	"crypto/tls"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	"github.com/charmbracelet/x/ansi"
)

// A rungLine says what one line of a rung shows.
type rungLine struct {
	band  bool // where a side goes over to another key
	arrow int  // of the rung, from the top
	note  int  // which line of what is known: the arrow itself stands on the first
}

// A column plan says how a line of the ladder is laid out: number, the client's margin, its lifeline, the arrows, the
// server's lifeline, its margin.
type columnPlan struct{ number, margin, inner int }

func (m *model) plan(w int) columnPlan {
	p := columnPlan{number: 2 + max(2, digits(len(m.time.rows))), margin: 14}
	switch {
	case w >= 160:
		p.margin = 38
	case w >= 110:
		p.margin = 24
	case w >= 76:
		p.margin = 17
	}
	p.inner = w - p.number - 2*p.margin - 4
	return p
}

// ladderOrIntro draws the ladder; before the first step, what there will be to see.
func (m *model) ladderOrIntro(w, height int) []string {
	c := m.conn()
	if c == nil || m.time.visible() == 0 {
		return m.streamsOrIntro(w, height)
	}
	l, p := &m.ladder, m.plan(w)
	l.extend(m.time, c.Conn)
	rungs := l.visible(m.time.visible())
	lines := func(i int) int { return len(m.rungLines(i, p)) }
	sel := min(l.rungOf(m.streams.sel.row), max(rungs-1, 0))
	part := m.selectedPart(sel)
	first, last := place{sel, 0}, place{sel, 0}
	if rungs > 0 {
		for i, line := range m.rungLines(sel, p) {
			if line.arrow == part && !line.band && line.note == 0 {
				first, last = place{sel, i}, place{sel, i}
			}
			if line.arrow == part {
				last.line = i
			}
		}
		if part == 0 {
			first.line = 0
		}
	}
	l.reveal(first, last, rungs, height, lines)
	drawn := make([]string, 0, height)
	for i := l.top.row; i < rungs && len(drawn) < height; i++ {
		for n, line := range m.rungLines(i, p) {
			if (i > l.top.row || n >= l.top.line) && len(drawn) < height {
				drawn = append(drawn, m.rungLine(i, line, p, i == sel && line.arrow == part && !line.band))
			}
		}
	}
	return m.fill(drawn, w, height)
}

// ladderHead names the lifelines and the margins.
func (m *model) ladderHead(w int) string {
	g, p := &m.pal.glyphs, m.plan(w)
	rule := func(n int) span { return span{quiet, strings.Repeat(g.rule, max(n, 0))} }
	clientName, serverName, knows := " "+m.say("tui_client")+" ", " "+m.say("tui_server")+" ", m.say("tui_ladder_knows")
	title := " " + m.ladderTitle(p.inner-4) + " "
	dashes := p.inner - width(title)
	left, right := p.number+p.margin+1-width(clientName), p.margin+1-width(serverName)
	spans := []span{rule(1), {quiet, " " + knows + " "}, rule(left - 2 - width(knows) - 1)}
	end := []span{rule(right - 3 - width(knows)), {quiet, " " + knows + " "}, rule(1)}
	switch room := right - width(knows); {
	case room < 1:
		spans, end = []span{rule(left)}, []span{rule(right)}
	case room < 3:
		end = []span{{quiet, knows + spaces(room)}}
	}
	spans = append(spans, span{strong, clientName}, span{quiet, g.tee}, rule(dashes/2), span{quiet, title}, rule(dashes-dashes/2), span{quiet, g.tee}, span{strong, serverName})
	return m.pal.line(w, false, append(spans, end...)...)
}

// ladderTitle says how the lines of the arrows tell the epochs.
func (m *model) ladderTitle(w int) string {
	if speaks(m.conn()) {
		return ansi.Truncate(m.unitLegend(), max(w, 0), "")
	}
	g := &m.pal.glyphs
	legend := make([]string, 0, 4)
	for _, e := range []inspect.EpochKind{inspect.EpochClear, inspect.EpochEarly, inspect.EpochHandshake, inspect.EpochApplication} {
		name := m.say("tui_epoch_clear")
		if e != inspect.EpochClear {
			name = m.epochName(inspect.Epoch{Kind: e})
		}
		legend = append(legend, strings.Repeat(g.stroke(e), 2)+" "+name)
	}
	for from := range 2 { // early data is the rarest
		title := strings.Join(append(legend[:1:1], legend[1+from:]...), "  ")
		if width(title) <= w {
			return title
		}
	}
	return ansi.Truncate(m.say("tui_ladder"), max(w, 0), "")
}

// rungLines lists the lines of a rung at the cursor.
func (m *model) rungLines(i int, p columnPlan) []rungLine {
	r := &m.ladder.rungs[i]
	var lines []rungLine
	if m.newEpoch(r) {
		lines = append(lines, rungLine{band: true})
	}
	if item := m.time.item(int(r.first)); item.Kind != inspect.RecordItem && item.Kind != inspect.BytesItem {
		for n := range m.eventText(item, p) {
			lines = append(lines, rungLine{note: n})
		}
		return lines
	}
	for arrow := range m.arrows(i) {
		notes := m.notes(r, arrow, p.margin)
		for n := range max(len(notes[0]), len(notes[1]), 1) {
			lines = append(lines, rungLine{arrow: arrow, note: n})
		}
	}
	return lines
}

// newEpoch reports whether with this rung its sender goes over to another key, as far as it can be said.
func (m *model) newEpoch(r *rung) bool {
	item := m.time.item(int(r.first))
	if item.Kind != inspect.RecordItem || !marksEpoch(item) || !m.isDecided(item.Record) {
		return false
	}
	epoch := item.Record.Epoch
	return epoch.Kind != inspect.EpochUnknown && epoch != m.epochOf(r.before)
}

// epochOf is what the record was under, as far as the cursor has come; nil is before everything.
func (m *model) epochOf(r *inspect.Record) inspect.Epoch {
	if r == nil {
		return inspect.Epoch{Kind: inspect.EpochClear}
	}
	if !m.isDecided(r) {
		return inspect.Epoch{}
	}
	return r.Epoch
}

// notes returns what each side knows from an arrow on, as lines for the margins.
func (m *model) notes(r *rung, arrow, margin int) (lines [2][]string) {
	item := m.time.item(int(r.first))
	if !isThere(item) || r.first != r.last {
		return lines
	}
	f := m.findingsOf(m.time.session.Connections()[item.Conn])
	for side, secrets := range f.known(part{item.Record, arrow}, m.time.event()) {
		if len(secrets) == 0 {
			continue
		}
		if margin >= 36 {
			lines[side] = secrets
			continue
		}
		lines[side] = wrap(strings.Join(m.shortSecrets(secrets), ", "), margin)
	}
	return lines
}

// shortSecrets names secrets in a word each.
func (m *model) shortSecrets(secrets []string) []string {
	var words []string
	for _, secret := range secrets {
		word := m.shortSecret(secret)
		if word != "" && (len(words) == 0 || words[len(words)-1] != word) {
			words = append(words, word)
		}
	}
	return words
}

// shortSecret is "" for what follows at once from the one before it.
func (m *model) shortSecret(name string) string {
	switch {
	case name == "early_secret":
		return m.say("tui_secret_early")
	case name == "handshake_secret":
		return m.say("tui_epoch_handshake")
	case name == "pre_master_secret", strings.HasSuffix(name, "_handshake_traffic_secret"), strings.HasSuffix(name, "_early_traffic_secret"):
		return ""
	case name == "master_secret":
		return m.say("tui_secret_master")
	case name == "key_block":
		return m.say("tui_secret_key_block")
	case strings.HasSuffix(name, "_application_traffic_secret_0"):
		return m.say("tui_epoch_application")
	case name == "exporter_master_secret":
		return m.say("tui_secret_exporter")
	case name == "resumption_master_secret":
		return m.say("tui_secret_resumption")
	case name == "PSK":
		return m.say("tui_secret_psk")
	}
	if _, generation, ok := strings.Cut(name, "_application_traffic_secret_"); ok {
		return m.say("tui_epoch_application") + "+" + generation
	}
	return inspect.Safe(name)
}

// rungLine draws one line of a rung.
func (m *model) rungLine(i int, line rungLine, p columnPlan, selected bool) string {
	r := &m.ladder.rungs[i]
	item := m.time.item(int(r.first))
	number, mark := "", span{plain, " "}
	if !line.band && line.note == 0 && line.arrow == 0 {
		number = strconv.Itoa(int(r.first) + 1)
	}
	if selected && line.note == 0 {
		mark = span{sideInk(item.Side), m.pointer(onLadder)}
	}
	spans := []span{mark, {quiet, right(number, p.number-2) + " "}}
	lit := selected && (m.mode == onLadder || m.mode > lastPane)
	w := p.number + 2*p.margin + p.inner + 4
	if item.Kind != inspect.RecordItem && item.Kind != inspect.BytesItem {
		return m.pal.line(w, lit, append(spans, m.event(r, item, line.note, p)...)...)
	}
	notes := m.notes(r, line.arrow, p.margin)
	var margins [2]string
	for side := range margins {
		if !line.band && line.note < len(notes[side]) {
			margins[side] = notes[side][line.note]
		}
	}
	parts := line.arrow + 1
	if line.band {
		parts = 0
	}
	lifelines := m.lifelines(r, item, parts)
	spans = append(spans, span{plain, right(fit(margins[0], min(width(margins[0]), p.margin), m.pal.glyphs.more), p.margin) + " "}, span{client, lifelines[0]})
	switch {
	case line.band:
		spans = append(spans, m.band(item, p.inner)...)
	case line.note > 0:
		spans = append(spans, span{plain, spaces(p.inner)})
	default:
		spans = append(spans, m.arrow(r, item, line.arrow, p.inner)...)
	}
	return m.pal.line(w, lit, append(spans, span{server, lifelines[1]}, span{plain, " " + fit(margins[1], p.margin, m.pal.glyphs.more)})...)
}

// lifelines returns the signs of both lifelines behind the first parts of a rung: each tells what its side protects what
// it sends next with.
func (m *model) lifelines(r *rung, item *inspect.Item, parts int) (signs [2]string) {
	var epochs [2]inspect.Epoch
	epochs[item.Side], epochs[item.Side.Peer()] = m.onward(r.before), m.onward(r.other)
	if parts > 0 && item.Kind == inspect.RecordItem && marksEpoch(item) && m.isDecided(item.Record) {
		epochs[item.Side] = item.Record.Onward(parts)
	} else if parts > 0 && item.Kind == inspect.RecordItem && marksEpoch(item) {
		epochs[item.Side] = inspect.Epoch{}
	}
	if epochs[inspect.Client].Kind == inspect.EpochClear && epochs[inspect.Server].Kind != inspect.EpochClear {
		epochs[inspect.Client] = m.afterServerHello(item.Conn)
	}
	for side, epoch := range epochs {
		signs[side] = m.pal.glyphs.lifeline(epoch.Kind)
	}
	return signs
}

// onward is what the sender of the record, its last so far, protects the next one with; nil is before everything.
func (m *model) onward(r *inspect.Record) inspect.Epoch {
	if r == nil || !m.isDecided(r) {
		return m.epochOf(r)
	}
	return r.Onward(len(r.Parts))
}

// afterServerHello is what a client that has sent in clear until then goes on with once the server's records are
// protected: in TLS 1.3 the handshake keys, if the ServerHello has arrived.
func (m *model) afterServerHello(conn int) inspect.Epoch {
	state := m.time.state(m.time.session.Connections()[conn], inspect.Client)
	if state.Version == tls.VersionTLS13 && state.Epoch[inspect.Client].Kind != inspect.EpochClear {
		return inspect.Epoch{Kind: inspect.EpochHandshake}
	}
	return inspect.Epoch{Kind: inspect.EpochClear}
}

// band says under which key its sender's records are from here on.
func (m *model) band(item *inspect.Item, w int) []span {
	r := item.Record
	key, epoch := r.KeyName(), m.epochName(r.Epoch)
	texts := []string{m.say("tui_band_clear", "side", m.side(r.Side))}
	if r.Epoch.Kind != inspect.EpochClear {
		whole := "tui_band"
		if !strings.HasSuffix(key, "_secret") && !strings.Contains(key, "_secret_") { // TLS 1.2 names the key itself
			whole = "tui_band_12"
		}
		narrow := m.say("tui_band_narrow", "side", m.side(r.Side), "epoch", epoch)
		texts = []string{m.say(whole, "side", m.side(r.Side), "epoch", epoch, "key", key), key, narrow}
		if whole == "tui_band_12" && r.Epoch.Generation > 0 { // it has the same name again
			texts = []string{texts[0], narrow}
		}
	}
	text := texts[len(texts)-1]
	for i := len(texts) - 1; i >= 0; i-- {
		if width(texts[i])+3 <= w {
			text = texts[i]
		}
	}
	text = " " + ansi.Truncate(text, max(w-3, 0), m.pal.glyphs.more) + " "
	stroke := m.pal.glyphs.stroke(r.Epoch.Kind)
	who, rest := sideInk(r.Side), max(w-1-width(text), 0)
	if r.Side == inspect.Client {
		return []span{{who, stroke}, {strong, text}, {quiet, strings.Repeat(m.pal.glyphs.dashes, rest)}}
	}
	return []span{{quiet, strings.Repeat(m.pal.glyphs.dashes, rest)}, {strong, text}, {who, stroke}}
}

// eventText says what is no bytes on the wire: an end, an error, bytes that were let go. It takes as many lines as it needs
// between the lifelines.
func (m *model) eventText(item *inspect.Item, p columnPlan) []string {
	what, _ := m.whatHappened(item)
	if item.Kind == inspect.ClosedItem {
		what = m.howEnded(item) // the place says whose
	}
	if m.isNobodys(item) {
		return wrap(what, p.inner-4)
	}
	return wrap(what, p.inner-2)
}

// isNobodys reports whether an item tells of something that neither side did: how bytes were taken that someone copied.
func (m *model) isNobodys(item *inspect.Item) bool {
	return item.Kind == inspect.NoteItem && m.time.session.Connections()[item.Conn].Opening.Bare
}

// event draws one line of it. Its sign stands on the lifeline of its side, or between them if it is nobody's.
func (m *model) event(r *rung, item *inspect.Item, line int, p columnPlan) []span {
	sign, ink := m.pal.glyphs.ended, sideInk(item.Side)
	switch item.Kind {
	case inspect.ErrorItem:
		sign, ink = m.pal.glyphs.failed, bad
	case inspect.PrintedItem, inspect.NoteItem:
		sign = m.pal.glyphs.printed
	case inspect.GapItem:
		sign, ink = m.pal.glyphs.gap, bad
	}
	lifelines := m.lifelines(r, item, 0)
	signs := [2]span{{client, lifelines[inspect.Client]}, {server, lifelines[inspect.Server]}}
	text := m.eventText(item, p)[line]
	switch {
	case m.isNobodys(item) && line == 0:
		ink, text = quiet, sign+" "+text
	case m.isNobodys(item):
		ink, text = quiet, "  "+text
	case line == 0:
		signs[item.Side] = span{ink, sign}
	}
	if item.Side == inspect.Client {
		text = fit(" "+text, p.inner, "")
	} else {
		text = right(text+" ", p.inner)
	}
	return []span{{plain, spaces(p.margin + 1)}, signs[inspect.Client], {ink, text}, signs[inspect.Server]}
}
