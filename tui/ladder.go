package tui

import (
	"sort"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// A ladder is one connection as arrows between two lifelines. It has a rung for each row of the streams, except that
// application data of one side in a row shares one; a rung has an arrow for each message.
//
// The selection is that of the streams, and of the detail's subject: the ladder is another look at the same.
type ladder struct {
	window
	recording *inspect.Recording
	conn      int
	rungs     []rung
	looked    int                // rows of the streams that were looked at
	latest    [2]*inspect.Record // by Side
	pieces    [2][]int           // by Side: the rungs that hold the pieces of a message that is not complete
	undecided [2][2]int          // by Side and lane: the first rung whose record is not decided, plus 1; 0 if there is none
}

// A rung stands for the streams' rows from first to last.
type rung struct {
	first, last int32
	before      *inspect.Record  // what its sender had sent before
	other       *inspect.Record  // what the other side had
	whole       *inspect.Message // the message that it is a piece of
	piece, of   int32
	lost        int32 // the event at which a gate took it off the wire; 0 if none did
}

// extend makes the ladder be about the connection, and takes in what is new.
func (l *ladder) extend(t *timeline, conn int) {
	if l.recording != t.session.Recording() || l.conn != conn {
		*l = ladder{recording: t.session.Recording(), conn: conn}
	}
	l.forget(t)
	for ; l.looked < len(t.rows); l.looked++ {
		if item := t.item(l.looked); item.Conn == conn {
			l.add(t, l.looked, item)
		}
	}
}

// forget drops the rungs of records that have been decided since: they may be other ones now.
func (l *ladder) forget(t *timeline) {
	from := len(l.rungs)
	for side := range l.undecided {
		for lane := range l.undecided[side] {
			if i := l.undecided[side][lane] - 1; i >= 0 && t.item(int(l.rungs[i].first)).Record.DecidedAt >= 0 {
				from = min(from, i)
			}
		}
	}
	if from == len(l.rungs) {
		return
	}
	for side := range l.pieces {
		for _, i := range l.pieces[side] {
			from = min(from, i)
		}
	}
	l.looked = int(l.rungs[from].first)
	l.rungs = l.rungs[:from]
	l.latest, l.pieces = [2]*inspect.Record{}, [2][]int{}
	for side := range l.undecided {
		for lane := range l.undecided[side] {
			if l.undecided[side][lane] > from {
				l.undecided[side][lane] = 0
			}
		}
	}
	for i := from - 1; i >= 0 && (l.latest[0] == nil || l.latest[1] == nil); i-- {
		item := t.item(int(l.rungs[i].last))
		if l.latest[item.Side] == nil && marksEpoch(item) {
			l.latest[item.Side] = item.Record
		}
	}
}

func (l *ladder) add(t *timeline, row int, item *inspect.Item) {
	if n := len(l.rungs); n > 0 && !t.hasStopped(item.Record) && bulk(item) && alike(t.item(int(l.rungs[n-1].last)), item) {
		l.rungs[n-1].last = int32(row)
		return
	}
	r := rung{first: int32(row), last: int32(row), before: l.latest[item.Side], other: l.latest[item.Side.Peer()]}
	l.rungs = append(l.rungs, r)
	if item.Kind != inspect.RecordItem {
		return
	}
	if marksEpoch(item) {
		l.latest[item.Side] = item.Record
	}
	if doubt := &l.undecided[item.Side][item.Lane]; item.Record.DecidedAt < 0 && *doubt == 0 {
		*doubt = len(l.rungs)
	}
	if item.Lane == inspect.Received {
		l.taken(t, item)
		return
	}
	l.fragment(item)
}

// taken notes on the rung of what was sent that a gate took it off the wire.
func (l *ladder) taken(t *timeline, item *inspect.Item) {
	cause := item.Record.Event // of a record that was dropped, it is the sender's
	if item.Record.Lane == inspect.Received {
		cause = t.session.Recording().At(item.Record.Event).Cause
	}
	if item.Record.Verdict != inspect.VerdictDropped && item.Record.Verdict != inspect.VerdictAltered {
		return
	}
	i := sort.Search(len(l.rungs), func(i int) bool { return t.item(int(l.rungs[i].first)).Event >= cause })
	if i < len(l.rungs) && t.item(int(l.rungs[i].first)).Event == cause {
		l.rungs[i].lost = int32(item.Event)
	}
}

// fragment keeps track of the pieces of a message, until the one that completes it names it.
func (l *ladder) fragment(item *inspect.Item) {
	parts, pieces := item.Record.Parts, &l.pieces[item.Side]
	if len(parts) == 0 {
		return
	}
	if message := parts[0].Message; message != nil && parts[0].Type == "fragment" {
		whole := append(*pieces, len(l.rungs)-1)
		for n, i := range whole {
			l.rungs[i].whole, l.rungs[i].piece, l.rungs[i].of = message, int32(n+1), int32(len(whole))
		}
		*pieces = nil
	}
	if last := parts[len(parts)-1]; last.Type == "fragment" && last.Message == nil {
		*pieces = append(*pieces, len(l.rungs)-1)
	}
}

// bulk reports whether records like this one may share a rung.
func bulk(item *inspect.Item) bool {
	r := item.Record
	return item.Kind == inspect.RecordItem && item.Lane == inspect.Sent && r.Verdict == inspect.VerdictNone &&
		r.Type == inspect.ApplicationData && (!r.Decrypted || r.InnerType == inspect.ApplicationData)
}

func alike(a, b *inspect.Item) bool {
	return bulk(a) && a.Side == b.Side && a.Record.Epoch == b.Record.Epoch && a.Record.Decrypted == b.Record.Decrypted &&
		a.Record.Why == b.Record.Why && (a.Record.DecidedAt < 0) == (b.Record.DecidedAt < 0)
}

// marksEpoch reports whether the record tells what its sender protects its records with. A ChangeCipherSpec of TLS 1.3
// does not: it stays in clear, and means nothing (RFC 8446 appendix D.4).
func marksEpoch(item *inspect.Item) bool {
	r := item.Record
	return item.Kind == inspect.RecordItem && item.Lane == inspect.Sent && r.TLS() && (innerType(r) != inspect.ChangeCipherSpec || r.Onward(0) != r.Epoch)
}

// visible returns how many rungs have begun when so many rows of the streams are there.
func (l *ladder) visible(rows int) int {
	return sort.Search(len(l.rungs), func(i int) bool { return int(l.rungs[i].first) >= rows })
}

// rungOf returns the rung of a row of the streams, or the nearest before it.
func (l *ladder) rungOf(row int) int {
	return max(sort.Search(len(l.rungs), func(i int) bool { return int(l.rungs[i].first) > row })-1, 0)
}

// toggleLadder shows the ladder in place of the streams, or the streams again.
func (m *model) toggleLadder() tea.Cmd {
	if m.mode == onLadder {
		m.mode, m.list = onStreams, onStreams
		return nil
	}
	m.mode, m.list = onLadder, onLadder
	return nil
}

// climb moves the selection in the ladder by n arrows.
func (m *model) climb(n int) tea.Cmd {
	c := m.conn()
	if c == nil || m.time.visible() == 0 {
		return nil
	}
	l := &m.ladder
	l.extend(m.time, c.Conn)
	rungs := l.visible(m.time.visible())
	if rungs == 0 {
		return nil
	}
	at := place{min(l.rungOf(m.streams.sel.row), rungs-1), 0}
	at.line = m.selectedPart(at.row)
	at = m.climbed(at, n, rungs)
	m.streams.choose(l.latestRow(m.time, &l.rungs[at.row]))
	m.attend()
	if at.line < len(m.detail.subjects) {
		m.detail.turnTo(at.line, m.pal)
	}
	return nil
}

// climbed returns the arrow n further down, or up, from the one at p: lines count arrows here.
func (m *model) climbed(p place, n, rungs int) place {
	for ; n > 0; n-- {
		if p.line+1 < m.arrows(p.row) {
			p.line++
		} else if p.row+1 < rungs {
			p = place{p.row + 1, 0}
		}
	}
	for ; n < 0; n++ {
		if p.line > 0 {
			p.line--
		} else if p.row > 0 {
			p = place{p.row - 1, m.arrows(p.row-1) - 1}
		}
	}
	return p
}

// arrows returns how many arrows a rung has at the cursor: one for each part of a record whose content is known.
func (m *model) arrows(rung int) int {
	item := m.time.item(int(m.ladder.rungs[rung].first))
	if item.Kind != inspect.RecordItem || !m.isDecided(item.Record) {
		return 1
	}
	return max(len(item.Record.Parts), 1)
}

// selectedPart returns which of a rung's arrows is selected: the detail shows its subject.
func (m *model) selectedPart(rung int) int {
	if m.detail.current < m.arrows(rung) {
		return m.detail.current
	}
	return 0
}

// otherConnection goes to what the next connection did last, or with -1 the one before.
func (m *model) otherConnection(n int) tea.Cmd {
	c, conns := m.conn(), len(m.time.session.Connections())
	if m.time.alone >= 0 && conns > 1 {
		m.lookAt((m.time.alone + n + conns) % conns)
		return nil
	}
	least, found := conns, -1
	for row := range m.time.visible() {
		if away := ((m.time.item(row).Conn-c.Conn)*n + conns) % conns; away > 0 && away <= least {
			least, found = away, row
		}
	}
	if found < 0 {
		m.tell("tui_no_other_connection")
		return nil
	}
	m.streams.choose(found)
	return nil
}
