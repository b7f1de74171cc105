package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// schedule is the view of the key schedule: a tree of values, each derived from the one around it, and the proofs.
type schedule struct {
	side    inspect.Side    // as which side has it
	sel     string          // the id of the selected branch
	toggled map[string]bool // branches that are not as they are by themselves, open or closed
	top     int
	height  int // as last drawn
}

func (s *schedule) page() int { return max(s.height-1, 1) }

// A branch is one line of the tree.
type branch struct {
	id     string // the value's name, or the number of the proof
	trunks string // what connects it to its parent
	step   string // of the trunk: how it comes from what stands above it
	value  *inspect.Value
	proof  *proof
	parent bool // it has branches of its own
	open   bool
}

// The id of the branch that has the proofs.
const proofsID = "proofs"

// valuesAt returns the key schedule as far as it was known at the cursor, as the side has it that is shown.
func (m *model) valuesAt(c *inspect.Connection) (values []inspect.Value, sources []int) {
	at, f := m.time.event(), m.findingsOf(c)
	if f.agreed[m.schedule.side] < 0 || f.agreed[m.schedule.side] > at {
		return nil, nil
	}
	s := f.schedule(m.schedule.side, at)
	values = slices.Clone(s.values)
	for i := range values {
		value := &values[i]
		if value.Event > at {
			value.Bytes, value.Command, value.Inputs, value.Covers = nil, "", nil, nil
			value.Missing = m.say("tui_value_later")
		} else {
			value.Missing = m.missing(value)
		}
	}
	return values, s.sources
}

func (m *model) proofsAt(c *inspect.Connection) []proof {
	var found []proof
	at := m.time.event()
	for _, p := range m.findingsOf(c).proofs[m.schedule.side] {
		if p.since <= at {
			found = append(found, p.until(at))
		}
	}
	return found
}

// branches lists the visible lines of the tree.
func (m *model) branches() []branch {
	c := m.conn()
	if c == nil || m.time.at == 0 {
		return nil
	}
	values, sources := m.valuesAt(c)
	if values == nil {
		return m.proofBranches(m.proofsAt(c))
	}
	sources, steps := m.trunk(values, sources)
	children := make(map[int][]int)
	for i, source := range sources {
		children[source] = append(children[source], i)
	}
	var list []branch
	var grow func(i int, own, below string)
	grow = func(i int, own, below string) {
		b := branch{id: values[i].Name, trunks: own, step: steps[i], value: &values[i], parent: len(children[i]) > 0}
		b.open = b.parent && m.isOpen(b.id, own != "")
		list = append(list, b)
		if !b.open {
			return
		}
		g := &m.pal.glyphs
		for n, j := range children[i] {
			if n == len(children[i])-1 {
				grow(j, below+g.lastBranch, below+"  ")
			} else {
				grow(j, below+g.branch, below+g.trunk)
			}
		}
	}
	for _, i := range children[-1] {
		grow(i, "", "")
	}
	return append(list, m.proofBranches(m.proofsAt(c))...)
}

func (m *model) proofBranches(proofs []proof) []branch {
	if len(proofs) == 0 {
		return nil
	}
	list := []branch{{id: proofsID, parent: true, open: m.isOpen(proofsID, false)}}
	if !list[0].open {
		return list
	}
	g := &m.pal.glyphs
	for i := range proofs {
		trunk := g.branch
		if i == len(proofs)-1 {
			trunk = g.lastBranch
		}
		list = append(list, branch{id: proofsID + strconv.Itoa(i), trunks: trunk, proof: &proofs[i]})
	}
	return list
}

// isOpen reports whether a branch shows those below it. On a small screen the keys of the secrets wait to be asked for.
func (m *model) isOpen(id string, inner bool) bool {
	return (m.wide() || !inner) != m.schedule.toggled[id]
}

// trunk returns of each value which other it hangs on, -1 for none, and of the trunk how it comes from what is above. The
// trunk, from the PSK down to the master secret, hangs on nothing: its values stand one below the other, as RFC 8446
// section 7.1 draws them.
func (m *model) trunk(values []inspect.Value, from []int) (sources []int, steps []string) {
	sources, steps = slices.Clone(from), make([]string, len(values))
	master := -1
	for i := range values {
		if values[i].Kind == "schedule.master_secret" || values[i].Kind == "schedule.master_secret_12" {
			master = i
		}
		if sources[i] < 0 && i > 0 {
			steps[i] = m.pal.glyphs.joins + " "
		}
	}
	if master < 0 { // another protocol's
		return sources, make([]string, len(values))
	}
	for at := master; at >= 0; {
		if steps[at] = m.pal.glyphs.down + " "; sources[at] < 0 && (at < master || at == 0) {
			steps[at] = "" // where the trunk begins
		}
		sources[at], at = -1, sources[at]
	}
	return sources, steps
}

// selectedBranch returns the place of the selected branch among those that are visible.
func (m *model) selectedBranch(list []branch) int {
	return max(slices.IndexFunc(list, func(b branch) bool { return b.id == m.schedule.sel }), 0)
}

// toggleSchedule shows the key schedule, or what was there before.
func (m *model) toggleSchedule() tea.Cmd {
	if m.mode == onSchedule {
		m.mode = m.list
	} else {
		m.mode = onSchedule
	}
	return nil
}

func (m *model) selectValue(n int) tea.Cmd {
	if list := m.branches(); len(list) > 0 {
		m.schedule.sel = list[min(max(m.selectedBranch(list)+n, 0), len(list)-1)].id
	}
	return nil
}

// branch opens or closes the selected branch. Opening an open one goes inside, closing a closed one to the one around it.
func (m *model) branch(open bool) tea.Cmd {
	list := m.branches()
	if len(list) == 0 {
		return nil
	}
	i := m.selectedBranch(list)
	switch b := list[i]; {
	case b.parent && b.open != open:
		if m.schedule.toggled == nil {
			m.schedule.toggled = make(map[string]bool)
		}
		m.schedule.toggled[b.id] = !m.schedule.toggled[b.id]
	case open:
		return m.selectValue(1)
	default:
		for i > 0 && width(list[i].trunks) >= width(b.trunks) && b.trunks != "" {
			i--
		}
		m.schedule.sel = list[i].id
	}
	return nil
}

func (m *model) toggleValue() tea.Cmd {
	if len(m.branches()) == 0 {
		m.tell("tui_no_value")
		return nil
	}
	return m.toggleView(onValue)
}

// otherSide shows what the other side's view has, where it is another one.
func (m *model) otherSide() tea.Cmd {
	c := m.conn()
	if c == nil || m.sameSchedules(c) {
		m.tell("tui_no_other_side")
		return nil
	}
	m.schedule.side = m.schedule.side.Peer()
	return nil
}

// goToMessage shows, in the ladder, the message of the selected proof, or the last one that the selected value covers.
func (m *model) goToMessage() tea.Cmd {
	list := m.branches()
	if len(list) == 0 {
		m.tell("tui_no_value")
		return nil
	}
	var message *inspect.Message
	switch b := list[m.selectedBranch(list)]; {
	case b.proof != nil:
		message = b.proof.Message
	case b.value != nil && len(b.value.Covers) > 0:
		message = b.value.Covers[len(b.value.Covers)-1]
	default:
		m.tell("tui_no_message")
		return nil
	}
	p := m.findingsOf(m.conn()).place(m.conn(), message)
	row, ok := m.time.rowOf(p.record)
	if !ok {
		m.tell("tui_no_message")
		return nil
	}
	m.streams.choose(row)
	m.attend()
	m.detail.turnTo(p.index, m.pal)
	m.mode, m.list = onLadder, onLadder
	return nil
}

// scheduleView draws the tree, and below it or beside it what is known of the selected value.
func (m *model) scheduleView(w, height int) []string {
	list := m.branches()
	title := m.rule(w, m.scheduleTitle(), m.sideHint())
	if len(list) == 0 {
		lines := []string{title, m.pal.line(w, false)}
		text := m.say("tui_schedule_empty")
		if c := m.conn(); speaks(c) {
			text = m.scheduleOfProtocol(c)
		}
		for _, line := range wrap(text, w-4) {
			lines = append(lines, m.pal.line(w, false, span{plain, "  " + line}))
		}
		return m.fill(lines, w, height)
	}
	selected := list[m.selectedBranch(list)]
	if m.wide() {
		return append([]string{title}, m.besides(list, selected, w, height-1)...)
	}
	below := min(max(height*7/20, 4), 8)
	if height < 8 { // then rows go before what is known of one of them
		return append([]string{title}, m.tree(list, w, height-1)...)
	}
	lines := append([]string{title}, m.tree(list, w, height-1-below)...)
	about, hint := m.about(selected, w), ""
	if len(about) > below-1 || selected.value != nil && selected.value.Command != "" {
		hint = m.say("tui_value_more")
	}
	lines = append(lines, m.rule(w, m.branchTitle(selected), hint))
	return append(lines, m.fill(about, w, below-1)...)
}

// besides draws the tree left, what is known of the selected value right, and its command below both.
func (m *model) besides(list []branch, selected branch, w, height int) []string {
	var command []string
	if selected.value != nil && selected.value.Command != "" {
		command = append([]string{m.rule(w, m.say("tui_value_command"), "")}, m.commandLines(selected.value.Command, w)...)
	}
	left := min(max(w*2/5, m.nameColumn(list)+5), w*3/5) // of what stands in the tree, the names are not said beside it
	rows := max(height-len(command), 0)
	tree, about := m.tree(list, left, rows), m.cutShort(m.about(selected, w-left-1), w-left-1, rows)
	lines := make([]string, 0, height)
	for i := range rows {
		lines = append(lines, tree[i]+m.pal.line(1, false, span{quiet, m.pal.glyphs.column})+about[i])
	}
	return append(lines, command...)
}

// cutShort draws as many lines as there is room for, and says how to see the rest.
func (m *model) cutShort(lines []string, w, height int) []string {
	if len(lines) > height && height > 0 {
		lines = append(slices.Clone(lines[:height-1]), m.pal.line(w, false, span{quiet, " " + m.pal.glyphs.more + " " + m.say("tui_value_more")}))
	}
	return m.fill(lines, w, height)
}

func (m *model) scheduleTitle() string {
	c := m.conn()
	switch {
	case c == nil || m.sameSchedules(c):
		return m.say("tui_schedule_title")
	}
	return m.say("tui_schedule_title_of", "side", m.side(m.schedule.side))
}

// sameSchedules reports whether both sides' views have the same values and proofs at the cursor.
func (m *model) sameSchedules(c *inspect.Connection) bool {
	if c.View(inspect.Client) == c.View(inspect.Server) {
		return true
	}
	at, f := m.time.event(), m.findingsOf(c)
	known := func(side inspect.Side) string {
		var b strings.Builder
		for _, value := range f.schedule(side, at).values {
			if value.Event >= 0 && value.Event <= at {
				fmt.Fprintf(&b, "%s %x\n", value.Name, value.Bytes)
			}
		}
		for _, c := range f.proofs[side] {
			if c.Event <= at {
				fmt.Fprintf(&b, "%s %x %d\n", c.Kind, c.Got, c.Outcome)
			}
		}
		return b.String()
	}
	return known(inspect.Client) == known(inspect.Server)
}

func (m *model) sideHint() string {
	c := m.conn()
	if c == nil || m.sameSchedules(c) {
		return ""
	}
	return m.say("tui_schedule_hint", "side", m.side(m.schedule.side.Peer()))
}

// tree draws the visible branches.
func (m *model) tree(list []branch, w, height int) []string {
	s := &m.schedule
	s.height = height
	sel := m.selectedBranch(list)
	s.top = scrollTo(s.top, sel, len(list), height)
	column := min(m.nameColumn(list), max(w-3-24, w/2))
	if m.wide() { // the bytes stand beside the tree, too
		column = min(m.nameColumn(list), w-5)
	}
	lines := make([]string, 0, height)
	for i := s.top; i < len(list) && len(lines) < height; i++ {
		lines = append(lines, m.branchLine(list[i], i == sel, column, w))
	}
	return m.fill(lines, w, height)
}

// nameColumn returns how many cells the names take, with what leads to them.
func (m *model) nameColumn(list []branch) (column int) {
	for _, b := range list {
		column = max(column, width(b.trunks)+width(m.branchName(b)))
	}
	return column
}

func (m *model) branchLine(b branch, selected bool, column, w int) string {
	g := &m.pal.glyphs
	mark, fold := span{plain, " "}, " "
	if selected {
		mark = span{strong, m.pointer(onSchedule)}
	}
	if b.parent {
		fold = g.folded
		if b.open {
			fold = g.unfolded
		}
	}
	name := span{plain, fit(m.branchName(b), max(column-width(b.trunks), 0), g.more)}
	if b.trunks == "" {
		name.ink = strong
	}
	spans := []span{mark, {quiet, b.trunks + fold}, name, {plain, " "}}
	room := w - 3 - column
	switch {
	case b.proof != nil:
		sign, ink := m.outcomeSign(b.proof.Outcome)
		if outcome := sign + " " + m.outcome(b.proof.Outcome); width(outcome) <= room {
			sign = outcome
		}
		spans = append(spans, span{ink, sign})
	case b.value == nil:
	case b.value.Bytes == nil && (room >= width(b.value.Missing) || !m.wide()):
		spans = append(spans, span{quiet, b.value.Missing})
	case b.value.Bytes == nil:
	default:
		if room < 3*4 && m.wide() { // too few to know it by; they stand beside the tree
			room = 0
		}
		if 3*len(b.value.Bytes)-1 > room {
			room -= 1 + width(g.more) // for the sign that there is more
		}
		hex := hexRun(b.value.Bytes, room, "")
		if hex != "" && 3*len(b.value.Bytes)-1 > width(hex) {
			hex += " " + g.more
		}
		spans = append(spans, span{plain, hex})
	}
	return m.pal.line(w, selected && (m.mode == onSchedule || m.mode > lastPane), spans...)
}

// branchTitle says what kind of thing a branch is.
func (m *model) branchTitle(b branch) string {
	if b.value == nil {
		return m.say("tui_proof_title")
	}
	return m.say("tui_value_title")
}

// branchName names a branch; what its place in the tree tells already is left out.
func (m *model) branchName(b branch) string {
	switch {
	case b.proof != nil:
		return m.proofName(b.proof)
	case b.value == nil:
		return m.say("tui_proofs")
	}
	name, _, _ := strings.Cut(b.value.Name, " (from ")
	return b.step + m.owned(name)
}
