package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
)

// The screen needs this much room; on less it says so.
const (
	leastWidth  = 60
	leastHeight = 16
)

// View draws the screen: exactly m.h lines of exactly m.w cells. The last cell of the last line is blank: Bubble Tea
// erases it where a frame has fewer lines than the one before, and not all terminals draw it alike.
func (m *model) View() string {
	if m.cramped() {
		return strings.Join(m.tooSmall(), "\n")
	}
	lines := m.header(m.w)
	lines = append(lines, m.withLesson(m.w, m.h-len(lines)-m.footerHeight())...)
	return strings.Join(append(lines, m.footer(m.w)...), "\n")
}

// cramped reports whether there is no room for the screen.
func (m *model) cramped() bool { return m.w < leastWidth || m.h < leastHeight }

func (m *model) tooSmall() []string {
	var lines []string
	for _, line := range wrap(m.say("tui_too_small", "width", leastWidth, "height", leastHeight), m.w-1) {
		lines = append(lines, m.pal.line(m.w-1, false, span{plain, line})+" ")
	}
	return m.fill(lines, m.w, m.h)
}

// wide reports whether the detail has room below the streams.
func (m *model) wide() bool {
	switch m.lessonPlace() {
	case textBeside: // whoever reads looks at what the text points at
		return m.h >= 32
	case textAbove:
		return m.h >= 56
	}
	return m.w >= 160 && m.h >= 32
}

func (m *model) body(w, height int) []string {
	switch m.sessionView() {
	case onHelp:
		return m.scrolled(m.rule(w, m.say("tui_help_title"), ""), m.help(w), w, height)
	case onEdit:
		return m.editView(w, height)
	case onVerdicts:
		return m.scrolled(m.rule(w, m.say("wire_verdicts"), ""), m.verdictPage(w), w, height)
	case onConnections:
		return m.connectionsView(w, height)
	case onLessons:
		return m.scrolled(m.rule(w, m.say("course_list"), ""), m.lessonList(w), w, height)
	case onResults:
		if m.sitting != nil {
			return m.scrolled(m.rule(w, m.say("course_results", "lesson", m.lessonTitle(m.sitting.name)), ""), m.results(w), w, height)
		}
	case onSecrets:
		return m.scrolled(m.rule(w, m.say("tui_secrets_title"), ""), m.secrets(w, height), w, height)
	case onField:
		return m.scrolled(m.rule(w, m.say("tui_field_title"), ""), m.field(w), w, height)
	case onSchedule:
		return m.scheduleView(w, height)
	case onValue:
		return m.valueView(w, height)
	case onTree, onHex:
		if !m.wide() {
			row := m.rowInLesson(w)
			return append(row, m.detailView(w, height-len(row))...)
		}
	}
	below := 0
	if m.wide() {
		below = max(height*11/20, 12)
	}
	head, list := m.columns, m.streamsOrIntro
	if m.list == onLadder || m.mode == onLadder {
		head, list = m.ladderHead, m.ladderOrIntro
	}
	if m.list == onWire || m.mode == onWire {
		head, list = m.wireHead, m.wireView
	}
	lines := append(m.sceneView(w, height), head(w))
	lines = append(lines, list(w, height-len(lines)-below)...)
	return append(lines, m.detailView(w, below)...)
}

// rowInLesson is the row that the detail is about, where a lesson has no room for both: its text speaks of rows.
func (m *model) rowInLesson(w int) []string {
	if m.sitting == nil || m.streams.sel.row >= m.time.visible() {
		return nil
	}
	return m.streams.view(m, w, 1)
}

// view returns the mode whose pane is shown: a question or a line that is being typed leaves the pane behind it.
func (m *model) view() mode {
	in := m.mode
	if in == onQuit {
		in = m.asked
	}
	if in > onHelp {
		in = m.before
	}
	return in
}

// scrolled draws a part of lines, below a title, and says how many follow.
func (m *model) scrolled(title string, lines []string, w, height int) []string {
	m.shown = max(height-1, 1)
	m.scroll = min(m.scroll, max(len(lines)-m.shown, 0))
	if m.scroll+m.shown < len(lines) {
		m.shown = max(m.shown-1, 1)
	}
	end := min(m.scroll+m.shown, len(lines))
	page := append([]string{title}, lines[m.scroll:end]...)
	if end < len(lines) {
		page = append(page, m.moreLines(len(lines)-end, w))
	}
	return m.fill(page, w, height)
}

// moreLines says that so many lines follow.
func (m *model) moreLines(count, w int) string {
	return m.pal.line(w, false, span{strong, " " + m.pal.glyphs.down + " " + m.say("course_more", "count", count)})
}

// fill cuts or fills to exactly height lines.
func (m *model) fill(lines []string, w, height int) []string {
	for len(lines) < height {
		lines = append(lines, m.pal.line(w, false))
	}
	return lines[:max(height, 0)]
}

// ends draws left and right, the right one whole.
func (m *model) ends(w int, left []span, end ...span) string {
	room := w
	for _, s := range end {
		room -= width(guard(s.text))
	}
	if room < w/3 {
		return m.pal.line(w, false, append(append(append([]span{{plain, " "}}, left...), span{plain, "  "}), end...)...)
	}
	return m.pal.line(room-3, false, append([]span{{plain, " "}}, left...)...) + m.pal.line(w-room+3, false, append([]span{{plain, "  "}}, end...)...)
}

// rule draws a horizontal line with a title, and a hint at its end.
func (m *model) rule(w int, title, hint string) string {
	g := &m.pal.glyphs
	title, hint = guard(title), guard(hint)
	if title == "" && hint == "" {
		return m.pal.line(w, false, span{quiet, strings.Repeat(g.rule, w)})
	}
	if hint != "" {
		hint = " " + hint + " "
	}
	dashes := w - 4 - width(title) - width(hint) - 2
	if dashes < 0 {
		hint, dashes = "", w-4-width(title)-2
	}
	return m.pal.line(w, false, span{quiet, g.rule + g.rule + " "}, span{strong, title}, span{quiet, " " + strings.Repeat(g.rule, max(dashes, 0))}, span{quiet, hint + g.rule + g.rule})
}

// columns draws the heads of the two columns.
func (m *model) columns(w int) string {
	g := &m.pal.glyphs
	left, rest := halves(w)
	head := func(title string, n int) []span {
		title = " " + fit(title, min(width(title), max(n-4, 0)), g.more) + " "
		return []span{{quiet, g.rule}, {strong, title}, {quiet, strings.Repeat(g.rule, max(n-1-width(title), 0))}}
	}
	return m.pal.line(left, false, head(m.say("tui_column_clear"), left)...) + m.pal.line(1, false, span{quiet, g.tee}) +
		m.pal.line(rest, false, head(m.say("tui_column_sent"), rest)...)
}

// streamsOrIntro draws the streams; before the first step, what there will be to see.
func (m *model) streamsOrIntro(w, height int) []string {
	if m.time.visible() > 0 {
		return m.streams.view(m, w, height)
	}
	m.streams.scroll(0, height)
	id := "tui_intro"
	switch {
	case len(m.time.session.Connections()) == 0: // what they will speak is not known yet
		id = "tui_intro_opening"
	case speaks(m.conn()):
		id = "unit_intro"
	}
	switch {
	case m.sitting != nil:
		id = "course_intro"
	case m.reading:
		id = "tui_reading"
	case m.o.Reading != nil:
		id = "tui_intro_read"
	case m.o.Stage == nil:
		id = "tui_intro_watch"
	case m.holding():
		id = "tui_intro_held"
	}
	left, _ := halves(w)
	var lines []string
	text, waiting := wrap(m.say(id), min(w-8, 72)), m.waitingLines(w)
	if m.opening && m.o.Stage == nil {
		text, waiting = []string{m.say("tui_reading")}, nil
	}
	if len(text)+len(waiting) > height && len(waiting) > 0 { // what can be done goes before what there will be
		return m.fill(waiting[1:], w, height)
	}
	for range max((height-len(text)-len(waiting))/3, 0) {
		lines = append(lines, m.pal.line(left, false)+m.pal.line(1, false, span{quiet, m.pal.glyphs.column})+m.pal.line(w-left-1, false))
	}
	if len(lines) > 1 {
		lines[len(lines)-1] = m.pal.line(left, false) + m.pal.line(1, false, span{quiet, m.pal.glyphs.upTee}) + m.pal.line(w-left-1, false)
	}
	for _, line := range text {
		lines = append(lines, m.pal.line(w, false, span{plain, spaces((w-min(w-8, 72))/2) + line}))
	}
	return m.fill(append(lines, waiting...), w, height)
}

// waitingLines says how to make something happen, below an empty line.
func (m *model) waitingLines(w int) []string {
	var lines []string
	for _, text := range m.o.Waiting {
		if len(lines) == 0 {
			lines = append(lines, m.pal.line(w, false))
		}
		for _, line := range wrapWords(text, w-2) {
			lines = append(lines, m.pal.line(w, false, span{plain, " " + line}))
		}
	}
	return lines
}

// header draws the facts of the session at the cursor.
func (m *model) header(w int) []string {
	lines := append(m.warning(w), m.glassBox(w)...)
	if m.lessonPlace() == textInstead && m.view() == onLesson { // that of the session comes with the session
		return lines
	}
	lines = append(lines, m.agreed(w), m.traffic(w))
	if m.h >= 20 {
		lines = append(lines, m.endpoints(w))
	}
	return append(lines, m.timeLine(w))
}

// warning is what everyone who sees the session must know.
func (m *model) warning(w int) []string {
	if m.o.Label == "" {
		return nil
	}
	return []string{m.pal.line(w, false, span{bad, " " + inspect.Safe(m.o.Label)})}
}

// glassBox warns of a session whose private keys are recorded.
func (m *model) glassBox(w int) []string {
	c := m.conn()
	if c == nil || !c.Opening.GlassBox {
		return nil
	}
	id := "tui_glass_box"
	if m.time.at > 0 && c.Dark(m.time.event()) {
		id = "tui_glass_box_dark"
	}
	var lines []string
	for _, line := range wrap(m.say(id), w-2) {
		lines = append(lines, m.pal.line(w, false, span{bad, " " + line}))
	}
	return lines
}

// facts returns what is known of the connection at the cursor, of either endpoint.
func (m *model) facts(c *inspect.Connection) inspect.State {
	state := m.time.state(c, inspect.Client)
	if state.Version == 0 {
		if other := m.time.state(c, inspect.Server); other.Version != 0 || state.ServerName == "" {
			state = other
		}
	}
	return state
}

// agreed is the first line: version, suite, group; which step of how many.
func (m *model) agreed(w int) string {
	left := []span{{quiet, m.say("tui_nothing_agreed")}}
	c := m.conn()
	if c != nil && m.time.at > 0 && m.facts(c).NoHandshake {
		left = []span{{quiet, m.say("tui_handshake_missing")}}
	}
	if speaks(c) {
		left = []span{{strong, m.protocolName(c)}}
	} else if c != nil && m.time.at > 0 {
		if s := m.facts(c); s.Version != 0 {
			facts := []string{inspect.VersionName(s.Version)}
			if s.Suite != 0 {
				facts = append(facts, inspect.SuiteName(s.Suite))
			}
			if s.Group != 0 {
				facts = append(facts, inspect.GroupName(s.Group))
			}
			left = []span{{strong, strings.Join(facts, m.pal.glyphs.dot)}}
		}
	}
	if title := m.title() + m.pal.glyphs.dot; w >= 100 && width(guard(title))+width(left[0].text) < w-24 {
		left = append([]span{{quiet, title}}, left...)
	}
	id := "tui_step"
	if w < 72 {
		id = "tui_step_short"
	}
	return m.ends(w, left, span{strong, m.say(id, "at", m.time.at, "of", len(m.time.steps))})
}

// traffic is the second line: who the server is; records and bytes each way.
func (m *model) traffic(w int) string {
	c := m.conn()
	if c == nil {
		return m.ends(w, []span{{quiet, m.say("tui_no_connection")}})
	}
	at, g := m.time.event(), &m.pal.glyphs
	var who []span
	add := func(id, value string) {
		if value == "" {
			return
		}
		if len(who) > 0 {
			who = append(who, span{quiet, g.dot})
		}
		who = append(who, span{quiet, m.say(id) + " "}, span{plain, inspect.Safe(value)})
	}
	if conns := len(m.time.session.Connections()); conns > 1 {
		id := "tui_connection"
		switch {
		case m.time.alone >= 0:
			id = "tui_connection_alone"
		case w >= 100:
			id = "tui_connection_listed"
		}
		who = append(who, span{quiet, m.say(id, "at", c.Conn+1, "of", conns)})
	}
	if m.time.at > 0 {
		s := m.facts(c)
		add("tui_server_name", s.ServerName)
		add("tui_ech", m.echFact(s, w))
		add("tui_certificate", s.ServerSubject)
		if w >= 100 {
			add("tui_client_certificate", s.ClientSubject)
			add("tui_alpn", s.Protocol)
		}
	}
	if address := c.Opening.Addr[inspect.Client]; strings.Contains(address, ":") { // the ends of a pipe have names
		add("tui_address", address)
	}
	said := int64(0)
	amount := func(sides ...inspect.Side) string {
		records, bytes := 0, int64(0)
		for _, side := range sides {
			if m.time.at > 0 {
				n, size := c.View(side).Count(side, at)
				records, bytes = records+n, bytes+size
			}
		}
		said += bytes
		id := "tui_count"
		if speaks(c) {
			id = "unit_count"
		}
		switch {
		case w < 100 && speaks(c):
			id = "unit_count_short"
		case w < 100:
			id = "tui_count_short"
		}
		return " " + m.say(id, "count", records, "bytes", thousands(bytes, m.sentences.Lang()))
	}
	amounts := []span{
		{client, g.arrow(inspect.Client) + amount(inspect.Client)}, {plain, "  "}, {server, g.arrow(inspect.Server) + amount(inspect.Server)},
	}
	switch {
	case c.Opening.SenderUnknown:
		who = append(who, span{quiet, m.say("report_sender_unknown")})
		amounts = []span{{plain, g.fromAnyone + amount(inspect.Client, inspect.Server)}}
	case len(who) == 0 && !speaks(c) && said == 0:
		who = []span{{quiet, m.say("tui_nobody")}}
	}
	return m.ends(w, who, amounts...)
}

// endpoints is the third line: what each endpoint protects its records with, and how many secrets it knows.
func (m *model) endpoints(w int) string {
	c := m.conn()
	if c == nil || m.time.at == 0 {
		return m.ends(w, []span{{quiet, m.say("tui_no_keys_yet")}})
	}
	if speaks(c) {
		return m.protocolKeys(c, w)
	}
	if c.Opening.SenderUnknown {
		return m.ends(w, []span{{quiet, m.say("tui_endpoints_unknown")}})
	}
	if facts := m.facts(c); facts.NoHandshake && facts.Version == 0 {
		return m.ends(w, []span{{quiet, m.say("tui_endpoints_late")}})
	}
	state := func(id string, side inspect.Side) span {
		epoch, secrets := m.epoch(m.time.state(c, side).Epoch[side]), len(m.knownTo(c, side))
		if secrets == 0 && !c.Opening.Ours[side] { // what a stranger knows cannot be said
			id = "tui_endpoint_narrow"
		}
		return span{sideInk(side), m.say(id, "side", m.side(side), "epoch", epoch, "count", secrets)}
	}
	ids := []string{"tui_endpoint", "tui_endpoint_short", "tui_endpoint_narrow"}
	if c.Opening.GlassBox { // private keys are not logged
		ids = ids[1:]
	}
	var left, end span
	for _, id := range ids {
		left, end = state(id, inspect.Client), state(id, inspect.Server)
		if width(left.text)+width(end.text)+4 <= w {
			break
		}
	}
	return m.ends(w, []span{left}, end)
}

// knownTo returns the recorded secrets that the side knows at the cursor.
func (m *model) knownTo(c *inspect.Connection, side inspect.Side) []inspect.KnownSecret {
	at, f := m.time.event(), m.findingsOf(c)
	return slices.DeleteFunc(c.View(side).Secrets(side, m.time.taken()-1), func(secret inspect.KnownSecret) bool { return f.secretSince(side, secret) > at })
}

// timeLine is where the cursor stands, and what comes next.
func (m *model) timeLine(w int) string {
	g := &m.pal.glyphs
	sign, ink := "", quiet
	if m.playing {
		sign, ink = g.play+" ", strong
	}
	speed := speedName(m.speed)
	next, nextInk := m.comesNext()
	if m.reading {
		next, _ = m.progress(0)
		nextInk = strong
	}
	bar := max(w/5, 10)
	bar = max(min(bar, w-width(sign+speed+next)-3), 0) // it gives way to what comes next
	done := 0
	if n := len(m.time.steps); n > 0 {
		done = m.time.at * bar / n
	}
	if m.reading {
		_, done = m.progress(bar)
	}
	return m.pal.line(w, false, span{ink, " " + sign + speed + " "}, span{strong, strings.Repeat(g.done, done)},
		span{quiet, strings.Repeat(g.todo, bar-done) + " "}, span{nextInk, next})
}

// comesNext says what the next step is.
func (m *model) comesNext() (string, ink) {
	if item := m.time.next(); item != nil {
		who := sideInk(item.Side)
		switch item.Kind {
		case inspect.ErrorItem, inspect.ClosedItem, inspect.SilenceItem, inspect.PrintedItem, inspect.NoteItem:
			what, _ := m.whatHappened(item)
			return m.say("tui_next", "what", what), who
		}
		return m.say("tui_next_sends", "arrow", m.forwardKey(), "side", m.side(item.Side), "what", m.upcoming(item)), who
	}
	if row, ok := m.time.decided(m.time.at); ok {
		item := m.time.item(row)
		return m.say("tui_next_delivers", "arrow", m.forwardKey(), "side", m.side(item.Side.Peer()), "what", m.upcoming(item)), sideInk(item.Side)
	}
	if m.time.at < len(m.time.steps) {
		return m.say("tui_next_gate"), plain
	}
	if m.opening && m.o.Stage == nil {
		return m.say("tui_reading"), quiet
	}
	if m.opening {
		return m.say("tui_opening"), quiet
	}
	if m.scene.running() {
		return m.sceneNext()
	}
	if m.sitting.works() {
		return m.say("course_works"), strong
	}
	if first, over := m.time.ending(m.current(), m.time.event()); over {
		return m.howItEnded(first), strong
	}
	if m.stepper != nil {
		if held := m.stepper.Pending(); len(held) > 0 {
			unit := held[0]
			if left, counted := m.patience(unit.ID); counted {
				return m.say("wire_next_release", "arrow", m.forwardKey(), "side", m.side(unit.From), "what", m.heldName(unit), "left", left), sideInk(unit.From)
			}
			return m.say("tui_next_release", "arrow", m.forwardKey(), "side", m.side(unit.From), "what", m.heldName(unit)), sideInk(unit.From)
		}
	}
	if m.waiting > 0 {
		return m.say("tui_waiting"), quiet
	}
	if play, ok := m.play.(inspect.Staller); ok && play.Stalled() != "" {
		return play.Stalled(), strong
	}
	if m.lives() {
		return m.say("tui_next_command"), quiet
	}
	if m.sitting != nil {
		return m.say("course_so_far"), quiet
	}
	return m.say("tui_next_nothing"), quiet
}

// upcoming names an item that the cursor has not reached: as it will be shown then, if that is known now.
func (m *model) upcoming(item *inspect.Item) string {
	if item.Kind != inspect.RecordItem {
		what, _ := m.whatHappened(item)
		return what
	}
	r := item.Record
	if r.DecidedAt < 0 {
		return m.recordName(r)
	}
	what, _ := m.nameRecord(r)
	return what
}

// heldName names a unit that waits on the wire.
func (m *model) heldName(unit inspect.Unit) string {
	row, ok := m.time.rowAt(unit.ID)
	if !ok {
		return m.say("tui_length", "count", len(unit.Bytes))
	}
	what, _ := m.whatHappened(m.time.item(row))
	return what
}

func (m *model) current() int {
	if c := m.conn(); c != nil {
		return c.Conn
	}
	return 0
}

// howItEnded says who ended the session, and how.
func (m *model) howItEnded(first *inspect.Item) string {
	return m.say("tui_ended", "side", m.side(first.Side), "how", m.withWhat(first))
}

// withWhat says what ended the session: a close_notify, an alert, an end.
func (m *model) withWhat(first *inspect.Item) string {
	switch {
	case first.Kind != inspect.AlertItem:
		return m.howEnded(first)
	case first.Description != 0:
		return m.say("tui_closed_alert", "alert", inspect.AlertName(first.Description))
	}
	return m.say("tui_closed_notify")
}

// footer draws what was said, the line that is typed, and the keys that act now.
func (m *model) footer(w int) []string {
	said := m.whatWasSaid()
	if m.onOneLine(said) {
		return []string{m.saidOrInputLine(w, said), m.keyLine(w)}
	}
	var lines []string
	if m.h >= 20 {
		lines = append(lines, m.rule(w, "", ""))
	}
	return append(append(lines, m.saidLines(w, said)...), m.inputLine(w, ""), m.keyLine(w))
}

// onOneLine reports whether one line must do for what was said and what is typed.
func (m *model) onOneLine(said string) bool {
	named := said != "" && m.sitting != nil && m.editor() == nil // what the space bar does stays named
	return m.h < 20 && width(said)+6 <= m.w && !named
}

// footerHeight returns how many lines the footer has.
func (m *model) footerHeight() int {
	said := m.whatWasSaid()
	switch {
	case m.onOneLine(said):
		return 2
	case m.h < 20:
		return len(m.saidLines(m.w, said)) + 2
	}
	return len(m.saidLines(m.w, said)) + 3
}

// saidLines is what was said, on as few lines as it needs.
func (m *model) saidLines(w int, said string) []string {
	const most = 4
	text := wrap(said, w-2)
	if len(text) > most {
		text = append(text[:most-1], text[most-1]+m.pal.glyphs.more)
	}
	var lines []string
	for _, line := range text {
		lines = append(lines, m.pal.line(w, false, span{m.said.ink, " " + line}))
	}
	return lines
}

// saidOrInputLine is both in one: what was said goes first, and beside the line that is typed there is room for it too.
func (m *model) saidOrInputLine(w int, said string) string {
	if said == "" || m.editor() != nil || m.mode == onQuit {
		return m.inputLine(w, said)
	}
	spans := []span{{m.said.ink, " " + said}}
	if next := "   " + m.invitation(); m.o.Stage != nil && !m.lives() && 1+width(said)+width(next) <= w {
		spans = append(spans, span{quiet, next})
	}
	return m.pal.line(w, false, spans...)
}

func (m *model) whatWasSaid() string {
	if m.said.id != "" {
		return m.say(m.said.id, m.said.pairs...)
	}
	return m.said.text
}

// inputLine is the line that is typed, or what can be typed; beside it stands what was said, if it has no line of its own.
func (m *model) inputLine(w int, said string) string {
	g := &m.pal.glyphs
	sign := ""
	switch m.mode {
	case onPrompt:
		sign = " " + g.prompt + " "
	case onCommand:
		sign = " :"
	case onSearch:
		sign = " /"
	case onAnswer:
		sign = " " + m.say("course_answer") + " " + g.prompt + " "
	case onFieldValue:
		sign = " " + m.fieldName() + " = "
	case onQuit:
		return m.pal.line(w, false, span{strong, " " + m.say("tui_really_quit")})
	default:
		if m.sitting != nil {
			return m.lessonFoot(w)
		}
		return m.pal.line(w, false, span{quiet, " " + g.prompt + " " + m.invitation()})
	}
	e := m.editor()
	if e == nil {
		return m.pal.line(w, false)
	}
	spans := append([]span{{strong, sign}}, e.spans(w-width(sign)-1, m.pal)...)
	if said != "" {
		spans = append(spans, span{m.said.ink, "  " + said})
	} else if len(e.text) == 0 {
		spans = append(spans, span{quiet, " " + m.suggestion()})
	}
	return m.pal.line(w, false, spans...)
}

// invitation says what can be typed.
func (m *model) invitation() string {
	switch {
	case m.o.Stage == nil:
		return m.say("tui_invite_command")
	case m.lives():
		return m.say("tui_invite_prompt", "hint", m.hint())
	}
	return m.say("tui_invite_restart")
}

// keyLine lists the keys that act now, as many as there is room for.
func (m *model) keyLine(w int) string {
	type entry struct {
		show, brief string
		always      bool
	}
	var entries []entry
	w-- // the last cell of the last line stays blank
	room := w - 1
	for i := range m.keys {
		b := &m.keys[i]
		if !m.actsNow(b) || b.brief == "" || b.actsOnWire() || b.actsInEdit() || (m.o.Stage == nil || m.scene != nil || m.sitting != nil) && b.brief == "tui_brief_prompt" {
			continue
		}
		e := entry{m.footKeys(b), m.brief(b), b.brief == "tui_brief_help" || b.brief == "tui_brief_quit" || b.brief == "tui_brief_escape"}
		if e.always {
			room -= width(e.show) + width(e.brief) + 3
		}
		entries = append(entries, e)
	}
	spans := []span{{plain, " "}}
	for _, e := range entries {
		if need := width(e.show) + width(e.brief) + 3; !e.always {
			if need > room+2 {
				continue
			}
			room -= need
		}
		spans = append(spans, span{strong, e.show}, span{quiet, " " + e.brief + "  "})
	}
	last := &spans[len(spans)-1]
	last.text = strings.TrimRight(last.text, " ")
	return m.pal.line(w, false, spans...) + " "
}

// footKeys writes the keys of a binding for the footer. The names of arrows are long in some languages: where the terminal
// has no arrows, the letters that do the same stand there, if there are any.
func (m *model) footKeys(b *binding) string {
	show, _, _ := strings.Cut(b.show, " ")
	if b.foot != "" {
		show = b.foot
	}
	letters := map[string]string{"←→": "h/l", "↑↓": "j/k", "→": "l"}[show]
	if m.o.ASCII && letters != "" && slices.ContainsFunc(b.keys, func(key string) bool { return len(key) == 1 && strings.Contains(letters, key) }) {
		return letters
	}
	return m.keyNames(show)
}

// keyNames writes keys with the signs that the terminal has.
func (m *model) keyNames(show string) string {
	return m.pal.spell(strings.NewReplacer("backspace", "backspace", "space", m.say("tui_space")).Replace(show))
}

// forwardKey stands before what the key does.
func (m *model) forwardKey() string {
	if m.o.ASCII {
		return m.say("tui_right") + ":"
	}
	return "→"
}

// help lists every key, then every command.
func (m *model) help(w int) []string {
	var lines []string
	add := func(spans ...span) { lines = append(lines, m.pal.line(w, false, spans...)) }
	column := 18
	wrapped := func(key, text string) {
		for i, line := range wrap(text, max(w-column-2, 20)) {
			if i > 0 {
				key = ""
			}
			add(span{strong, "  " + fit(key, column-2, "")}, span{plain, line})
		}
	}
	for _, line := range wrap(m.say("tui_help_intro"), w-4) {
		add(span{plain, "  " + line})
	}
	told := make(map[int]bool)
	groups := keyGroups()
	if m.sitting != nil { // what is open goes first, and its keys before those that mean something else otherwise
		slices.SortStableFunc(groups, func(a, b keyGroup) int { return cmp.Compare(b.in&inWhile, a.in&inWhile) })
	}
	for _, group := range groups {
		add()
		add(span{strong, "  " + m.say(group.title)})
		for i, b := range m.keys {
			if b.in&group.in != 0 && !told[i] && !m.overridden(&b) {
				told[i] = true
				wrapped(m.keyNames(b.show), m.say(b.help))
			}
		}
	}
	add()
	add(span{strong, "  " + m.say("tui_help_commands")})
	column = 34
	for _, c := range commands() {
		wrapped(strings.Join(c.typed(), ", "), m.say(c.help))
	}
	add()
	add(span{strong, "  " + m.say("tui_help_signs")})
	column = 18
	for _, sign := range m.signs() {
		wrapped(sign[0], sign[1])
	}
	return lines
}

// signs explains the glyphs.
func (m *model) signs() [][2]string {
	g := &m.pal.glyphs
	return [][2]string{
		{g.toServer, m.say("tui_sign_to_server")},
		{g.toClient, m.say("tui_sign_to_client")},
		{g.fromAnyone, m.say("tui_sign_from_anyone")},
		{g.held, m.say("tui_sign_held")},
		{g.altered, m.say("wire_sign_altered")},
		{g.failed, m.say("tui_sign_failed")},
		{g.ended, m.say("tui_sign_ended")},
		{g.onItsWay + " " + g.failed, m.say("tui_sign_stopped")},
		{g.gap, m.say("tui_sign_gap")},
		{g.folded + " " + g.unfolded, m.say("tui_sign_folded")},
		{g.open + g.shut, m.say("tui_sign_lit")},
		{g.verified + " " + g.refuted + " " + g.notCheckable, m.say("tui_sign_verified")},
		{strings.Join(g.strokes[inspect.EpochClear:], " "), m.say("tui_sign_stroke")},
		{strings.Join(g.brackets[inspect.Server][:], " "), m.say("tui_sign_bracket")},
	}
}

// secrets lists what each endpoint knows at the cursor: the client's left, the server's right.
func (m *model) secrets(w, height int) []string {
	c := m.conn()
	left, rest := halves(w)
	column := m.pal.line(1, false, span{quiet, m.pal.glyphs.column})
	sides := [2][]string{}
	for i, width := range []int{left, rest} {
		side := inspect.Side(i)
		head := m.say("tui_secrets_none", "side", m.side(side))
		var known []inspect.KnownSecret
		if c != nil && m.time.at > 0 {
			known = m.knownTo(c, side)
			slices.SortStableFunc(known, func(a, b inspect.KnownSecret) int { return cmp.Compare(isLogged(a), isLogged(b)) })
		}
		if c != nil && !c.Opening.Ours[side] {
			head = m.say("tui_secrets_stranger", "side", m.side(side))
		}
		if len(known) > 0 {
			head = m.say("tui_secrets_known", "side", m.side(side), "count", len(known))
		}
		for n, line := range wrap(head, width-3) {
			arrow := m.pal.glyphs.arrow(side)
			if n > 0 {
				arrow = " "
			}
			sides[i] = append(sides[i], m.pal.line(width, false, span{sideInk(side), " " + arrow + " " + line}))
		}
		for _, secret := range known {
			if len(known)*3+3 < height {
				sides[i] = append(sides[i], m.pal.line(width, false))
			}
			sides[i] = append(sides[i], m.pal.line(width, false, span{strong, "   " + inspect.Safe(secret.Label)}))
			for row := range slices.Chunk(secret.Bytes, max((width-4)/3/8*8, 8)) { // all of it, so that it can be copied
				sides[i] = append(sides[i], m.pal.line(width, false, span{plain, fmt.Sprintf("   % x", row)}))
			}
			for _, line := range m.whereFrom(c.View(side), secret, width-4) {
				sides[i] = append(sides[i], m.pal.line(width, false, span{quiet, "   " + line}))
			}
		}
	}
	var lines []string
	for i := range max(len(sides[0]), len(sides[1])) {
		l, r := m.pal.line(left, false), m.pal.line(rest, false)
		if i < len(sides[0]) {
			l = sides[0][i]
		}
		if i < len(sides[1]) {
			r = sides[1][i]
		}
		lines = append(lines, l+column+r)
	}
	lines = append(lines, m.pal.line(w, false))
	note := m.say("tui_secrets_note")
	if c != nil && c.Opening.GlassBox {
		note += " " + m.say("tui_secrets_note_glass_box")
	}
	for _, line := range wrap(note, w-2) {
		lines = append(lines, m.pal.line(w, false, span{quiet, " " + line}))
	}
	return lines
}

// isLogged is 0 for what an endpoint draws, from which all that it logs follows.
func isLogged(secret inspect.KnownSecret) int {
	if secret.Origin == inspect.Recorded {
		return 0
	}
	return 1
}

// whereFrom says what a secret is for and where it comes from, if that is not its side's own key log.
func (m *model) whereFrom(v *inspect.View, secret inspect.KnownSecret, w int) []string {
	if secret.Origin == inspect.ClientLog || secret.Origin == inspect.ServerLog {
		return nil
	}
	if group := v.GroupOf(secret.LoggedSecret); group != 0 {
		return wrap(m.say("tui_secret_for", "group", inspect.GroupName(group), "origin", m.origin(secret.Origin)), w)
	}
	return wrap(m.say("tui_secret_from", "origin", m.origin(secret.Origin)), w)
}

func speedName(i int) string { return strconv.FormatFloat(speeds[i], 'f', -1, 64) + "x" }

// thousands writes a number in groups of three, as the language does.
func thousands(n int64, lang string) string {
	sep := ","
	if lang != "en" {
		sep = "."
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return thousands(n/1000, lang) + sep + fmt.Sprintf("%03d", n%1000)
}
