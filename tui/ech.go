package tui

import (
	"bytes"
	"fmt"
	"slices"

	"example.com/tlslab/inspect"
)

// A likeness says how a field of the outer ClientHello and that of the inner one go together.
type likeness uint8

const (
	matching likeness = iota
	copied            // matching, and left out of what was encrypted
	unlike
	outerOnly
	innerOnly
)

// A pairing is a field as both hellos have it. What only one has is empty in the other.
type pairing struct {
	outer, inner inspect.Field
	likeness     likeness
}

// sideBySide is how wide a comparison must be to have two columns; below that, one value stands under the other.
const sideBySide = 100

// extensionsKind is the kind of the one field whose parts are compared each for itself.
const extensionsKind = "client_hello.extensions"

// innerHello lists what can be shown of the ClientHello inside an outer one: both compared, and the inner one alone, put
// together and as it was encrypted.
func (m *model) innerHello(outer *inspect.Message) []subject {
	o := outer.ECH()
	switch {
	case o == nil:
		return nil
	case o.Inner == nil || o.Inner.Event > m.time.event():
		return []subject{m.sealed(o)}
	}
	name := structName(o.Inner.Name())
	return []subject{
		m.comparison(outer, o),
		{title: m.say("tui_subject_inner", "name", name, "count", len(o.Inner.Bytes)), bytes: o.Inner.Bytes, root: o.Inner.Fields()},
		{title: m.say("tui_subject_encoded", "count", len(o.Encoded)), bytes: o.Encoded, root: o.EncodedFields()},
		m.seal(o),
	}
}

// sealed is the payload of an outer ClientHello that is not opened, and why.
func (m *model) sealed(o *inspect.OfferedECH) subject {
	why := o.Why
	if o.Inner != nil { // what opens it comes later
		why = inspect.ECHWhyNoKey
	}
	root := inspect.Field{Kind: "ech.payload", Name: "payload", Length: len(o.Payload), Value: m.because(why.Reason()), RFC: "RFC 9849 section 5"}
	return subject{title: m.say("tui_subject_sealed"), bytes: o.Payload, root: root}
}

// seal is what an inner ClientHello was encrypted with, but for what was encrypted: that is a subject of its own.
func (m *model) seal(o *inspect.OfferedECH) subject {
	s := subject{title: m.say("tui_subject_seal"), root: inspect.Field{Kind: "ech.payload", Name: m.say("tui_ech_seal"), RFC: "RFC 9180 section 5"}}
	return m.valued(s, slices.DeleteFunc(o.Sealing(), func(v inspect.Value) bool { return v.Kind == "ech.plaintext" }))
}

// inners counts the ClientHellos that a record completes and whose inner one is known at the cursor.
func (m *model) inners(r *inspect.Record) (n int) {
	for _, part := range r.Parts {
		if part.Message != nil {
			if o := part.Message.ECH(); o != nil && o.Inner != nil && o.Inner.Event <= m.time.event() {
				n++
			}
		}
	}
	return n
}

// comparison pairs the fields of an outer and its inner ClientHello.
func (m *model) comparison(outer *inspect.Message, o *inspect.OfferedECH) subject {
	c := comparer{model: m, outer: outer.Bytes, inner: o.Inner.Bytes, copied: o.Copied, pairs: make(map[string]pairing), open: map[string]bool{"": true}}
	root := c.level(outer.Fields().Children, o.Inner.Fields().Children, "")
	return subject{
		title: m.say("tui_subject_comparison"), pairs: c.pairs, open: c.open,
		root: inspect.Field{Kind: "client_hello_inner", Name: "ClientHelloOuter, ClientHelloInner", Children: root},
	}
}

// A comparer makes one tree of two.
type comparer struct {
	*model
	outer, inner []byte
	copied       []uint16
	pairs        map[string]pairing // by path
	open         map[string]bool
}

// level pairs the fields of one level, by name, in the order in which they stand: those of the inner hello, and each
// that only the outer one has where it has it. Lengths and the header say nothing of their own.
func (c *comparer) level(outer, inner []inspect.Field, path string) []inspect.Field {
	telling := func(f inspect.Field) bool {
		return f.Kind != "vector.length" && f.Kind != "handshake.msg_type" && f.Kind != "handshake.length"
	}
	var level []inspect.Field
	add := func(p pairing) {
		level = append(level, c.row(p, fmt.Sprintf("%s.%d", path, len(level))))
	}
	used := make([]bool, len(outer))
	next := 0
	outerUpTo := func(end int) {
		for ; next < end; next++ {
			if f := outer[next]; !used[next] && telling(f) && !slices.ContainsFunc(inner, func(g inspect.Field) bool { return g.Name == f.Name }) {
				add(pairing{outer: f, likeness: outerOnly})
			}
		}
	}
	for _, f := range inner {
		if !telling(f) {
			continue
		}
		i := slices.IndexFunc(outer, func(g inspect.Field) bool { return g.Name == f.Name })
		if i < 0 || used[i] {
			add(pairing{inner: f, likeness: innerOnly})
			continue
		}
		used[i] = true
		outerUpTo(i)
		add(pairing{outer: outer[i], inner: f, likeness: c.compare(outer[i], f)})
	}
	outerUpTo(len(outer))
	return level
}

func (c *comparer) compare(outer, inner inspect.Field) likeness {
	switch {
	case !bytes.Equal(c.outer[outer.Offset:outer.End()], c.inner[inner.Offset:inner.End()]):
		return unlike
	case inner.Kind == "client_hello.legacy_session_id" && inner.Length > 0, c.wasCopied(inner):
		return copied
	}
	return matching
}

func (c *comparer) wasCopied(f inspect.Field) bool {
	return slices.ContainsFunc(c.copied, func(extension uint16) bool { return inspect.ExtensionName(extension) == f.Name })
}

// row is one line of the comparison. The extensions have lines of their own; on a narrow screen so have the two values
// of what differs.
func (c *comparer) row(p pairing, path string) inspect.Field {
	c.pairs[path] = p
	f := p.inner
	if p.likeness == outerOnly {
		f = p.outer
	}
	row := inspect.Field{Kind: f.Kind, Name: f.Name, RFC: f.RFC}
	switch {
	case f.Kind == extensionsKind && p.likeness == unlike:
		row.Children = c.level(p.outer.Children, p.inner.Children, path)
	case c.w >= sideBySide:
		return row
	case p.likeness == unlike:
		for _, side := range []struct{ id, value string }{{"tui_ech_outer", p.outer.Value}, {"tui_ech_inner", p.inner.Value}} {
			row.Children = append(row.Children, inspect.Field{Kind: f.Kind, Name: c.say(side.id), Value: side.value, RFC: f.RFC})
		}
	default:
		row.Value = f.Value
		return row
	}
	c.open[path] = true
	return row
}

// leaveHex gives the keys to the tree where the subject has no bytes of its own to move in.
func (m *model) leaveHex() {
	if s := m.detail.subject(); m.mode == onHex && s != nil && s.pairs != nil {
		m.mode = onTree
	}
}

// pair returns the pairing that is selected, or whose value is; ok is false for the comparison as a whole.
func (d *detail) pair() (p pairing, ok bool) {
	s := d.subject()
	path := d.nodes[d.sel].path
	for path != "" {
		if p, ok = s.pairs[path]; ok {
			return p, true
		}
		path = path[:len(path)-1]
	}
	return p, false
}

// holdsValues reports whether what is below the selected node are the two values of one field.
func (d *detail) holdsValues() bool {
	p, ok := d.subject().pairs[d.nodes[d.sel].path]
	return ok && p.inner.Kind != extensionsKind
}

// likenessSign is what stands for a likeness in a line.
func (m *model) likenessSign(l likeness) span {
	sign := m.pal.glyphs.likeness[l]
	if l == matching || l == copied {
		return span{quiet, sign}
	}
	return span{strong, sign}
}

// likeness says in words how two fields go together.
func (m *model) likeness(l likeness) string {
	return m.say([...]string{
		matching: "tui_ech_alike", copied: "tui_ech_copied", unlike: "tui_ech_unlike", outerOnly: "tui_ech_outer_only", innerOnly: "tui_ech_inner_only",
	}[l])
}

// comparisonView draws a comparison on exactly height lines: in two columns where there is room for them.
func (m *model) comparisonView(w, height int) []string {
	d := &m.detail
	var lines []string
	if w >= sideBySide && height > 1 {
		lines = append(lines, m.pairColumns(w, false, span{}, span{quiet, m.say("tui_ech_outer")}, span{quiet, m.say("tui_ech_inner")}))
	}
	rows := height - len(lines)
	d.height = rows
	d.top = scrollTo(d.top, d.sel, len(d.nodes), rows)
	for i := range rows {
		lines = append(lines, m.pairLine(d.top+i, w))
	}
	return lines
}

// pairLine draws one field of a comparison.
func (m *model) pairLine(i, w int) string {
	d := &m.detail
	if i >= len(d.nodes) {
		return m.pal.line(w, false)
	}
	n := d.nodes[i]
	p, isPair := d.subject().pairs[n.path]
	if w < sideBySide || !isPair || len(n.field.Children) > 0 {
		return m.nodeLine(i, w)
	}
	text := func(f inspect.Field, there bool) span {
		if !there {
			return span{quiet, m.pal.glyphs.absent}
		}
		if p.likeness == matching || p.likeness == copied {
			return span{quiet, inspect.Safe(f.Value)}
		}
		return span{plain, inspect.Safe(f.Value)}
	}
	inner := text(p.inner, p.likeness != outerOnly)
	if p.likeness == copied {
		inner = span{quiet, m.say("tui_ech_copied_short")}
	}
	return m.pairColumns(w, i == d.sel, span{plain, n.field.Name}, text(p.outer, p.likeness != innerOnly), inner, m.nodeHead(i, w*3/10)...)
}

// pairColumns draws a name and two values on one line.
func (m *model) pairColumns(w int, selected bool, name, outer, inner span, head ...span) string {
	selected = selected && m.mode == onTree
	first := w * 3 / 10
	second := (w - first - 2) / 2
	column := m.pal.line(1, false, span{quiet, m.pal.glyphs.column})
	return m.pal.line(first, selected, append(head, name)...) + column +
		m.pal.line(second, selected, span{plain, " "}, outer) + column +
		m.pal.line(w-first-second-2, selected, span{plain, " "}, inner)
}

// aboutComparison says what is selected of a comparison: values in a line each, or whole.
func (m *model) aboutComparison(w int, whole bool) []string {
	if p, ok := m.detail.pair(); ok {
		return m.aboutPair(p, w, whole)
	}
	var lines []string
	for l := range m.pal.glyphs.likeness {
		lines = append(lines, m.pal.line(w, false, span{plain, " "}, m.likenessSign(likeness(l)), span{plain, " " + m.likeness(likeness(l))}))
	}
	for _, line := range wrap(m.say("tui_ech_about"), w-4) {
		lines = append(lines, m.pal.line(w, false, span{plain, " " + line}))
	}
	return lines
}

// aboutPair says what the selected fields of both hellos are.
func (m *model) aboutPair(p pairing, w int, whole bool) []string {
	f := p.inner
	if p.likeness == outerOnly {
		f = p.outer
	}
	place := m.say("tui_place", "offset", f.Offset, "count", f.Length) + m.pal.glyphs.dot + m.cite(f.RFC)
	lines := []string{m.ends(w, []span{{strong, inspect.Safe(f.Name)}}, span{quiet, place})}
	add := func(i ink, text string) {
		for _, line := range wrap(text, w-4) {
			lines = append(lines, m.pal.line(w, false, span{i, " " + line}))
		}
	}
	add(plain, m.likeness(p.likeness))
	switch {
	case whole:
		for _, side := range []struct {
			id string
			f  inspect.Field
		}{{"tui_ech_outer", p.outer}, {"tui_ech_inner", p.inner}} {
			if side.f.Value != "" {
				add(quiet, m.say(side.id)+":")
				add(plain, inspect.Safe(side.f.Value))
			}
		}
	case p.likeness == unlike:
		lines = append(lines,
			m.pal.line(w, false, span{quiet, " " + m.say("tui_ech_outer") + ": "}, span{plain, inspect.Safe(p.outer.Value)}),
			m.pal.line(w, false, span{quiet, " " + m.say("tui_ech_inner") + ": "}, span{plain, inspect.Safe(p.inner.Value)}))
	}
	if id := whyUnlike[f.Kind]; id != "" && p.likeness != matching && p.likeness != copied {
		add(plain, m.say(id))
	} else if f.Kind != extensionsKind {
		add(plain, m.explain(f))
	}
	return lines
}

// whyUnlike says of some fields why the two hellos differ in them.
var whyUnlike = map[string]string{
	"client_hello.random":              "tui_ech_why_random",
	"extension.server_name":            "tui_ech_why_server_name",
	"extension.encrypted_client_hello": "tui_ech_why_mark",
	"extension.pre_shared_key":         "tui_ech_why_pre_shared_key",
	"extension.ec_point_formats":       "tui_ech_why_old",
	"extension.session_ticket":         "tui_ech_why_old",
	"extension.extended_master_secret": "tui_ech_why_old",
	"extension.renegotiation_info":     "tui_ech_why_old",
	"client_hello.cipher_suites":       "tui_ech_why_suites",
	"extension.supported_versions":     "tui_ech_why_versions",
}

// echFact says in the header what became of Encrypted Client Hello; "" if it was not offered.
func (m *model) echFact(s inspect.State, w int) string {
	switch s.ECH {
	case inspect.ECHOffered:
		return m.say("tui_ech_offered")
	case inspect.ECHAccepted:
		if w < sideBySide {
			return m.say("tui_ech_accepted_short")
		}
		return m.say("tui_ech_accepted", "name", s.PublicName)
	case inspect.ECHRejected:
		return m.say("tui_ech_rejected")
	case inspect.ECHGrease:
		return m.say("tui_ech_grease")
	}
	return ""
}
