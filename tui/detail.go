package tui

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// A subject is what the detail pane is about: a message in clear, a record as it was sent, or what it is protected with.
type subject struct {
	title   string
	bytes   []byte
	root    inspect.Field
	message *inspect.Message // if it is one
	values  []inspect.Value  // of a protection: one for each of the root's children

	was   []byte             // what was sent, of bytes that arrived otherwise
	pairs map[string]pairing // of a comparison: by path
	open  map[string]bool    // the nodes that show their children at first; nil means the root
}

// detail is the pane of the selected row: the tree of a subject's fields and its bytes, linked both ways, and what the
// selected field means. The tree and the hex dump share one selection: a node, and a byte in it.
type detail struct {
	of       subjectKey
	subjects []subject
	current  int

	open   map[string]bool // nodes that show their children, by path
	nodes  []node          // the visible ones, from the top down
	sel    int             // of nodes
	at     int             // the byte the hex cursor stands on
	top    int             // first visible node
	hexTop int             // first visible line of bytes
	height int             // of tree and bytes, as last drawn
	width  int             // bytes a line, as last drawn
}

// A subjectKey says when subjects must be made anew.
type subjectKey struct {
	recording *inspect.Recording
	row       int
	decided   bool
	length    int
	lang      string
	inner     int  // how many ClientHellos can be shown that were encrypted in others
	wide      bool // there is room for two columns
	arrived   bool // as something else than was sent
}

// A node is a field as the tree shows it. The path is its place among its ancestors' children: "0.3.1".
type node struct {
	field  inspect.Field
	path   string
	trunks string // what connects it to its parent
}

// attend makes the pane be about the selected row, and keeps the selection where that has not changed.
func (m *model) attend() {
	if m.edit != nil {
		return
	}
	d := &m.detail
	row := m.streams.sel.row
	if row >= m.time.visible() {
		*d = detail{}
		return
	}
	item := m.time.item(row)
	key := subjectKey{recording: m.time.session.Recording(), row: row, lang: m.sentences.Lang()}
	switch item.Kind {
	case inspect.RecordItem:
		key.decided, key.length = m.isDecided(item.Record), len(item.Record.Raw())
		key.inner, key.wide = m.inners(item.Record), m.sessionWidth() >= sideBySide
		key.arrived = m.arrived(item.Record) != nil
	case inspect.BytesItem:
		key.length = len(m.time.session.Bytes(*item, m.time.event()))
	}
	if d.of == key {
		return
	}
	same := d.of.recording == key.recording && d.of.row == key.row && d.of.arrived == key.arrived && d.of.decided == key.decided && d.of.inner == key.inner
	old := *d
	*d = detail{of: key, subjects: m.subjects(item)}
	if same && old.current < len(d.subjects) {
		d.current, d.open, d.top, d.hexTop = old.current, old.open, old.top, old.hexTop
		d.layOut(m.pal)
		d.sel, d.at = min(old.sel, max(len(d.nodes)-1, 0)), old.at
		return
	}
	first := func(s subject) bool { return s.pairs != nil || s.was != nil && m.list == onWire }
	d.turnTo(max(slices.IndexFunc(d.subjects, first), 0), m.pal)
	m.leaveHex()
}

// subjects lists what can be shown of an item: its messages in clear, then the record as it was sent.
func (m *model) subjects(item *inspect.Item) []subject {
	switch item.Kind {
	case inspect.RecordItem:
		r := item.Record
		if !r.TLS() {
			return m.unitSubjects(r)
		}
		var list []subject
		if m.isDecided(r) {
			list = m.clearSubjects(r)
		}
		list = append(list, subject{title: m.say(asCrossed(r, "tui_subject_record", "tui_subject_received"), "count", len(r.Raw())), bytes: r.Raw(), root: r.Fields()})
		if m.isDecided(r) && r.Encrypted {
			list = append(list, m.protection(r)...)
		}
		if x := m.arrived(r); x != nil {
			list = append(list, subject{title: m.say("tui_subject_arrived", "count", len(x.Received.Raw())), bytes: x.Received.Raw(), root: x.Received.Fields(), was: x.Sent.Raw()})
		}
		return list
	case inspect.BytesItem:
		b := m.time.session.Bytes(*item, m.time.event())
		leaf := inspect.Field{Kind: inspect.NotUnderstood, Name: m.say("tui_bytes"), Length: len(b), Value: m.because(item.Because)}
		return []subject{{title: m.say("tui_subject_bytes", "count", len(b)), bytes: b, root: leaf}}
	}
	return nil
}

// asCrossed chooses what is said of a record as it was sent, or, of one that stands for what arrived, as it was received.
func asCrossed(r *inspect.Record, sent, received string) string {
	if r.Lane == inspect.Received {
		return received
	}
	return sent
}

// arrived returns how a record crossed that was changed on the way, or nil: it was not, or has not arrived.
func (m *model) arrived(r *inspect.Record) *inspect.Crossing {
	conns := m.time.session.Connections()
	if r.Lane == inspect.Received && r.Verdict == inspect.VerdictNone || r.Conn >= len(conns) || !conns[r.Conn].Opening.Gated {
		return nil
	}
	x := conns[r.Conn].Crossing(r)
	if x.Sent == nil || x.Received == nil || x.Intact() || x.Received.Event > m.time.event() {
		return nil
	}
	return &x
}

func (m *model) clearSubjects(r *inspect.Record) []subject {
	content := r.Plaintext()
	if content == nil {
		return nil
	}
	var list, inner []subject
	for _, part := range r.Parts {
		if part.Message != nil {
			inner = append(inner, m.innerHello(part.Message)...)
			b := part.Message.Bytes
			name := structName(part.Message.Name())
			title := m.say("tui_subject_message", "name", name, "count", len(b))
			list = append(list, subject{title: title, bytes: b, root: part.Message.Fields(), message: part.Message})
			continue
		}
		if part.Offset+part.Length > len(content) {
			continue
		}
		b := content[part.Offset : part.Offset+part.Length]
		title := m.say("tui_subject_content", "name", m.partName(part), "count", len(b))
		list = append(list, subject{title: title, bytes: b, root: r.PartFields(part, b)})
	}
	return append(list, inner...)
}

// turnTo shows another subject from its beginning.
func (d *detail) turnTo(i int, p *palette) {
	d.current, d.sel, d.at, d.top, d.hexTop = i, 0, 0, 0, 0
	d.open = map[string]bool{"": true}
	if s := d.subject(); s != nil && s.open != nil {
		d.open = maps.Clone(s.open)
	}
	d.layOut(p)
}

func (d *detail) subject() *subject {
	if d.current >= len(d.subjects) {
		return nil
	}
	return &d.subjects[d.current]
}

// layOut lists the visible nodes.
func (d *detail) layOut(p *palette) {
	d.nodes = d.nodes[:0]
	s := d.subject()
	if s == nil {
		return
	}
	var walk func(f inspect.Field, path, own, below string)
	walk = func(f inspect.Field, path, own, below string) {
		d.nodes = append(d.nodes, node{f, path, own})
		if !d.open[path] {
			return
		}
		for i, child := range f.Children {
			branch, trunk := p.glyphs.branch, p.glyphs.trunk
			if i == len(f.Children)-1 {
				branch, trunk = p.glyphs.lastBranch, "  "
			}
			walk(child, fmt.Sprintf("%s.%d", path, i), below+branch, below+trunk)
		}
	}
	walk(s.root, "", "", "")
	d.sel = min(d.sel, len(d.nodes)-1)
}

// selected returns the field that is selected.
func (d *detail) selected() (inspect.Field, bool) {
	if d.sel >= len(d.nodes) {
		return inspect.Field{}, false
	}
	return d.nodes[d.sel].field, true
}

// moveNode selects another node; its first byte comes with it.
func (d *detail) moveNode(n int) {
	if len(d.nodes) == 0 {
		return
	}
	d.sel = min(max(d.sel+n, 0), len(d.nodes)-1)
	d.at = d.nodes[d.sel].field.Offset
}

// expand shows or hides the children of the selected node; hiding what is hidden goes to the parent.
func (d *detail) expand(open bool, p *palette) {
	if d.sel >= len(d.nodes) {
		return
	}
	n := d.nodes[d.sel]
	if open {
		if len(n.field.Children) > 0 && d.open[n.path] {
			d.moveNode(1)
			return
		}
		d.open[n.path] = true
	} else if d.open[n.path] && len(n.field.Children) > 0 {
		delete(d.open, n.path)
	} else if dot := strings.LastIndexByte(n.path, '.'); dot >= 0 {
		d.choose(n.path[:dot])
		return
	}
	d.layOut(p)
}

func (d *detail) choose(path string) {
	for i, n := range d.nodes {
		if n.path == path {
			d.sel, d.at = i, n.field.Offset
			return
		}
	}
}

// moveByte moves the hex cursor; the tree opens down to the leaf that holds the byte.
func (d *detail) moveByte(n int, p *palette) {
	s := d.subject()
	if s == nil || len(s.bytes) == 0 {
		return
	}
	at := min(max(d.at+n, 0), len(s.bytes)-1)
	path, f := "", s.root
	for len(f.Children) > 0 {
		d.open[path] = true
		below := -1
		for i, child := range f.Children {
			if child.Offset <= at && at < child.End() {
				below = i
				break
			}
		}
		if below < 0 {
			break
		}
		path, f = fmt.Sprintf("%s.%d", path, below), f.Children[below]
	}
	d.layOut(p)
	d.choose(path)
	d.at = at
}

// scrollTo returns the first of the visible lines, so that sel is among them; it moves as little as needed.
func scrollTo(top, sel, lines, height int) int {
	if sel < top {
		top = sel
	}
	if sel >= top+height {
		top = sel - height + 1
	}
	return max(min(top, lines-height), 0)
}

// scrollBytes returns the first of the visible lines of bytes: the byte under the cursor is among them, and as much of
// its field as there is room for.
func (d *detail) scrollBytes(lines, height int) int {
	top, first := d.hexTop, d.at/d.width
	if f, ok := d.selected(); ok && f.Length > 0 && d.at == f.Offset {
		top = scrollTo(top, min((f.End()-1)/d.width, first+height-1), lines, height)
	}
	return scrollTo(top, first, lines, height)
}

// detailView draws the pane on exactly height lines.
func (m *model) detailView(w, height int) []string {
	if height <= 0 {
		return nil
	}
	d := &m.detail
	s := d.subject()
	if s == nil {
		return m.emptyDetail(w, height)
	}
	lines := []string{m.detailTitle(s, w)}
	about := min(max(height*9/20, 5), 9)
	if height < 9 {
		about = max(height-4, 0)
	}
	if m.sitting != nil && !m.wide() { // whose text says what the fields are for
		if about = min(about, 3); about < 3 {
			about = 0
		}
	}
	body := max(height-1-about, 0)
	if s.pairs != nil {
		lines = append(lines, m.comparisonView(w, body)...)
		return append(lines, m.aboutField(w, about)...)
	}
	d.width = bytesPerLine(m.sessionWidth())
	hex := 4 + 1 + hexWidth(d.width) + 2
	if w >= 72 {
		hex += 1 + d.width
	}
	tree := max(w-1-hex, w/3)
	hex = max(w-1-tree, 0)
	d.height = body
	d.top = scrollTo(d.top, d.sel, len(d.nodes), body)
	d.hexTop = d.scrollBytes((len(s.bytes)+d.width-1)/d.width, body)
	for i := range body {
		lines = append(lines, m.nodeLine(d.top+i, tree)+m.pal.line(1, false, span{quiet, m.pal.glyphs.column})+m.hexLine(d.hexTop+i, hex))
	}
	return append(lines, m.aboutField(w, about)...)
}

func (m *model) emptyDetail(w, height int) []string {
	lines := []string{m.rule(w, m.say("tui_detail"), "")}
	text := m.say("tui_detail_empty")
	if row := m.streams.sel.row; row < m.time.visible() {
		text, _ = m.whatHappened(m.time.item(row))
	}
	for _, line := range wrap(text, w-2) {
		lines = append(lines, m.pal.line(w, false, span{quiet, " " + line}))
	}
	return m.fill(lines, w, height)
}

func (m *model) detailTitle(s *subject, w int) string {
	hint, title := "", s.title
	for _, proof := range m.proofsOf(s) {
		if proof.Outcome == inspect.NotApplicable {
			continue
		}
		sign, _ := m.outcomeSign(proof.Outcome)
		title += m.pal.glyphs.dot + strings.TrimLeft(m.proofWord(proof.Kind)+" ", " ") + sign + " " + m.outcome(proof.Outcome)
	}
	if n := len(m.detail.subjects); n > 1 {
		hint = m.say("tui_detail_hint", "at", m.detail.current+1, "of", n)
	}
	return m.rule(w, title, hint)
}

func (m *model) nodeLine(i, w int) string {
	d := &m.detail
	if i >= len(d.nodes) {
		return m.pal.line(w, false)
	}
	n := d.nodes[i]
	name := span{plain, inspect.Safe(n.field.Name)}
	if n.field.Kind == inspect.NotUnderstood {
		name.ink = bad
	}
	if len(n.field.Children) > 0 {
		name.ink = strong
	}
	return m.pal.line(w, i == d.sel && m.mode == onTree, append(m.nodeHead(i, w), name, span{quiet, " " + m.fieldValue(n.field)})...)
}

// fieldValue is what a field says: of one that has no bytes, that it is empty.
func (m *model) fieldValue(f inspect.Field) string {
	if f.IsEmpty() {
		return m.say("tui_field_empty")
	}
	return inspect.Safe(f.Value)
}

// nodeHead is what stands before the name of a node: whether it is selected, where it hangs, whether it shows its
// children, and in a comparison the sign of its likeness.
func (m *model) nodeHead(i, w int) []span {
	d := &m.detail
	n := d.nodes[i]
	mark := span{plain, " "}
	if i == d.sel {
		mark = span{strong, m.pointer(onTree)}
	}
	fold := " "
	if len(n.field.Children) > 0 {
		fold = m.pal.glyphs.folded
		if d.open[n.path] {
			fold = m.pal.glyphs.unfolded
		}
	}
	trunks := n.trunks
	if left := d.left(w); left > 0 {
		cut := []rune(trunks) // one cell each
		trunks = m.pal.glyphs.more + string(cut[min(left+1, len(cut)):])
	}
	head := []span{mark, {quiet, trunks + fold}}
	if p, ok := d.subject().pairs[n.path]; ok {
		head = append(head, m.likenessSign(p.likeness), span{plain, " "})
	}
	return head
}

// left returns how many cells of the trunks are cut off on the left, so that they leave half of the width to what is
// said of the selected node, however deep it is.
func (d *detail) left(w int) int {
	if d.sel >= len(d.nodes) {
		return 0
	}
	return max(width(d.nodes[d.sel].trunks)-w/2, 0) &^ 1
}

// hexLine draws one line of bytes. The bytes of the selected field are lit and stand in brackets; the one under the
// cursor has a mark before it.
func (m *model) hexLine(i, w int) string {
	d := &m.detail
	s := d.subject()
	start := i * d.width
	if start >= len(s.bytes) {
		return m.pal.line(w, false)
	}
	f, _ := d.selected()
	onBytes, changes := m.view() == onHex || m.view() == onEdit, m.changedBytes()
	if d.sel == 0 && !onBytes { // all of it: nothing to point at
		f = inspect.Field{}
	}
	end := min(start+d.width, len(s.bytes))
	spans := []span{{quiet, fmt.Sprintf(" %04x", start)}}
	put := func(i ink, text string) {
		if last := &spans[len(spans)-1]; last.ink == i {
			last.text += text
			return
		}
		spans = append(spans, span{i, text})
	}
	for at := start; at < end; at++ {
		gap := []byte(inspect.HexGap(at - start))
		if at == start {
			gap = []byte(" ")
		}
		if at == f.Offset && f.Length > 0 {
			gap[len(gap)-1] = m.pal.glyphs.open[0]
		}
		if at == f.End() && f.Length > 0 && at > start {
			gap[0] = m.pal.glyphs.shut[0]
		}
		put(quiet, string(gap[:len(gap)-1]))
		if onBytes && at == d.at {
			put(lit, m.pal.glyphs.at)
		} else if isChanged(changes, at) {
			put(bad, m.pal.glyphs.altered)
		} else {
			put(quiet, string(gap[len(gap)-1:]))
		}
		put(m.byteInk(f, at), inspect.HexCell(s.bytes[at]))
	}
	shut := " "
	if end == f.End() && f.Length > 0 && end > start {
		shut = m.pal.glyphs.shut
	}
	put(quiet, shut+spaces(hexWidth(d.width)-hexWidth(end-start)))
	if w >= 5+1+hexWidth(d.width)+1+d.width {
		for at := start; at < end; at++ {
			put(m.byteInk(f, at), inspect.ASCIICell(s.bytes[at]))
		}
	}
	return m.pal.line(w, false, spans...)
}

func (m *model) byteInk(f inspect.Field, at int) ink {
	if f.Offset <= at && at < f.End() {
		return lit
	}
	if f.Length > 0 {
		return quiet
	}
	return plain
}

// aboutField says what the selected field is: value, place, RFC, explanation.
func (m *model) aboutField(w, height int) []string {
	if height == 0 {
		return nil
	}
	lines := []string{m.rule(w, "", "")}
	f, ok := m.detail.selected()
	if s := m.detail.subject(); s.pairs != nil && height > 1 {
		return append(lines, m.cutShort(m.aboutComparison(w, false), w, height-1)...)
	}
	if v := m.detail.value(); v != nil && height > 1 {
		return append(lines, m.cutShort(m.aboutValue(v, w), w, height-1)...)
	}
	if ok && height > 1 {
		head := []span{{strong, inspect.Safe(f.Name)}}
		switch {
		case f.IsEmpty():
			head = append(head, span{quiet, " " + m.fieldValue(f)})
		case f.Value != "":
			head = append(head, span{plain, " = " + m.fieldValue(f)})
		}
		place := m.say("tui_place", "offset", f.Offset, "count", f.Length)
		if f.RFC != "" {
			place += m.pal.glyphs.dot + m.cite(f.RFC)
		}
		if width(head[0].text)+width(head[len(head)-1].text)+width(place)+6 <= w {
			lines = append(lines, m.ends(w, head, span{quiet, place}))
		} else {
			lines = append(lines, m.ends(w, head), m.ends(w, []span{{quiet, place}}))
		}
		text := wrap(m.explain(f), w-4)
		if room := max(height-len(lines), 0); len(text) > room && room > 0 {
			text[room-1] += m.pal.glyphs.more
		}
		for _, line := range text {
			lines = append(lines, m.pal.line(w, false, span{plain, " " + line}))
		}
	}
	return m.fill(lines, w, height)
}

// field says all that is known of the selected field.
func (m *model) field(w int) []string {
	f, ok := m.detail.selected()
	s := m.detail.subject()
	if !ok || s == nil {
		return nil
	}
	if v := m.detail.value(); v != nil {
		return m.valuePage(v, w)
	}
	if s.pairs != nil {
		return m.aboutComparison(w, true)
	}
	var lines []string
	add := func(i ink, text string) {
		for _, line := range wrap(text, w-4) {
			lines = append(lines, m.pal.line(w, false, span{i, "  " + line}))
		}
	}
	add(strong, inspect.Safe(f.Name))
	add(quiet, m.say("tui_place", "offset", f.Offset, "count", f.Length)+m.pal.glyphs.dot+m.cite(f.RFC))
	for _, text := range []string{m.explain(f), m.fieldValue(f)} {
		if text != "" {
			add(plain, "")
			add(plain, text)
		}
	}
	for _, proof := range m.proofsOf(s) {
		if m.detail.sel == 0 || bytes.Equal(proof.Got, s.bytes[f.Offset:min(f.End(), len(s.bytes))]) {
			add(plain, "")
			lines = append(lines, m.aboutProof(&proof, w)...)
		}
	}
	if end := min(f.End(), len(s.bytes)); f.Offset < end {
		add(plain, "")
		for _, line := range inspect.HexDump(s.bytes[f.Offset:end], f.Offset, bytesPerLine(m.sessionWidth())) {
			lines = append(lines, m.pal.line(w, false, span{quiet, "  " + line.Text(bytesPerLine(m.sessionWidth()))}))
		}
	}
	return lines
}

// explain returns what the manual says about a field.
func (m *model) explain(f inspect.Field) string {
	return m.pal.spell(m.sentences.Explain(f.Kind))
}
