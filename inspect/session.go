package inspect

import (
	"crypto/x509"
	"iter"
	"time"
)

// A Session is what a recording means: records, messages, secrets, states. It
// is a function of the recording alone, and only ever grows; call
// [Session.Extend] to take in what is new. Bytes that the recording let go
// before a Session came are a gap to it, and what follows on that lane cannot
// be split into records: begin the Session of a long run with the run.
//
// A Session is not safe for concurrent use. Records and messages that it
// handed out stay valid; a record that waits for its secret is decided in
// place by a later Extend.
type Session struct {
	recording  *Recording
	omniscient bool // a view of an endpoint of ours reads with its peer's secrets too
	next       int  // the first event not taken in
	now        Event
	conns      []*Connection
	items      []Item
	rows       int                      // of them that have one
	secrets    map[string][]KnownSecret // by client random
	waiting    []*View                  // for the secret of early data, since the latest secrets came
	learned    int                      // the event of the latest of them
	greeted    map[string][]*Connection // by client random and by ticket: those whose ClientHello has been read
	masters    map[string]*View         // TLS 1.2: by ticket, the view whose master secret it stands for
	tickets    map[string][]*ticket     // TLS 1.3: by identity; several if it was given out again
	roots      *x509.CertPool           // given from outside
	searched   int64                    // bytes decrypted in vain

	echKeys    []KnownSecret // the private keys of ECH configurations
	echSecrets int           // how many secrets for ECH there are, of all kinds
	echTries   int           // how many more times one may be tried
	seeking    []*View       // those that offer ECH and have not been opened
	strangers  strangers
}

// NewSession returns the session of a recording, having taken in all that is
// there.
func NewSession(r *Recording) *Session { return newSession(r, false) }

func newSession(r *Recording, omniscient bool) *Session {
	s := &Session{
		recording: r, omniscient: omniscient, secrets: make(map[string][]KnownSecret), greeted: make(map[string][]*Connection), masters: make(map[string]*View),
		tickets: make(map[string][]*ticket), echTries: mostECHTries, strangers: strangers{tries: mostStrangerTries},
	}
	s.Extend()
	return s
}

// Recording returns what the session is made of.
func (s *Session) Recording() *Recording { return s.recording }

// Taken returns how many events of its recording the session has taken in. The
// recording may hold more by now.
func (s *Session) Taken() int { return s.next }

// Extend takes in what the recording has gained and reports whether there was
// anything.
func (s *Session) Extend() bool {
	from := s.next
	for event := range s.recording.Events(from) {
		s.now = event
		s.next = event.Index + 1
		s.take(event)
	}
	for _, v := range s.waiting {
		s.now.Conn = v.conn.Conn
		if v.passEarlyData() {
			v.decide()
		}
	}
	s.waiting = s.waiting[:0]
	return s.next > from
}

// Items returns all items so far, ordered by Event. The slice must not be
// changed; later items are not in it.
func (s *Session) Items() []Item { return s.items }

// Records yields the records of the sent lanes, in the order captured.
func (s *Session) Records() iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		for _, item := range s.items {
			if item.Kind == RecordItem && item.Lane == Sent && !yield(item.Record) {
				return
			}
		}
	}
}

// Connections returns the connections in the order in which they were opened.
func (s *Session) Connections() []*Connection { return s.conns }

// Unit returns the record that a gated connection's Captured event id brought,
// in its sender's view; nil if it brought none.
func (s *Session) Unit(conn, id int) *Record {
	if conn < 0 || conn >= len(s.conns) {
		return nil
	}
	return s.conns[conn].units[id]
}

// Bytes returns the bytes of a BytesItem as they stood once event at had
// happened. It is nil if they were let go, as those of a GapItem are.
func (s *Session) Bytes(item Item, at int) []byte {
	l := s.laneOf(item)
	return l.bytes(item.From, int(l.runEnd(item.From, at)-item.From))
}

// Run returns how many bytes a BytesItem or GapItem stood for once event at had
// happened, and whether there will be no more.
func (s *Session) Run(item Item, at int) (length int64, over bool) {
	l := s.laneOf(item)
	last := len(l.runs) > 0 && l.runs[len(l.runs)-1] == item.From
	answered := l.turnsEnd() && s.viewOf(item).lanes[item.Side.Peer()].latest() > l.latest()
	return l.runEnd(item.From, at) - item.From, l.ended || !last || answered
}

func (s *Session) laneOf(item Item) *lane { return s.viewOf(item).lanes[item.Side] }

// viewOf returns the view that has an item's lane: its sender's, or its receiver's.
func (s *Session) viewOf(item Item) *View {
	side := item.Side
	if item.Lane == Received {
		side = side.Peer()
	}
	return s.conns[item.Conn].views[side]
}

// End is told that the recording will not grow: a file has been read to its
// end, or everything is closed. The beginning of a record whose tail never
// came, without an end that would say so, becomes a truncated record.
func (s *Session) End() {
	for _, c := range s.conns {
		s.now.Conn = c.Conn
		for _, side := range []Side{Client, Server} {
			c.views[side].finish(Client)
			c.views[side].finish(Server)
		}
		c.decide()
	}
}

// A Connection is one conversation and its two views.
type Connection struct {
	Conn    int
	Event   int // of its opening
	Opening Opening
	Clear   [2][]int // by Side: the events at which its program wrote or read clear text, in order

	views     [2]*View
	forwarded map[int]bool    // gated: units that have been let through
	lastUnit  [2]int          // gated: the latest unit that was let through, by sender
	units     map[int]*Record // gated: by the event that captured it
	closed    [2]int          // index of the ClosedItem, or -1
	story     []int           // the events that an Account is made of, but for those in Clear
	alerts    []int           // the indexes of its AlertItems
	part      bool            // it is what one side, whose, saw of a connection that was tampered with
	whose     Side
}

// View returns the connection as that side sees it: what it sent, and what it
// received. Without a gate both views are the same.
func (c *Connection) View(side Side) *View { return c.views[side] }

// Closed returns the index of the ClosedItem that says that side sends no
// more, or -1.
func (c *Connection) Closed(side Side) int { return c.closed[side] }

func (s *Session) open(e Event) {
	c := &Connection{
		Conn: e.Conn, Event: e.Index, forwarded: make(map[int]bool), lastUnit: [2]int{-1, -1},
		units: make(map[int]*Record), closed: [2]int{-1, -1},
	}
	if e.Opening != nil {
		c.Opening = *e.Opening
	}
	c.views[Client] = newView(s, c, Client)
	c.views[Server] = c.views[Client]
	if c.Opening.Gated {
		c.views[Server] = newView(s, c, Server)
	}
	s.conns = append(s.conns, c)
}

func (s *Session) take(e Event) {
	if e.Kind == Opened {
		s.open(e)
		return
	}
	if e.Kind == Secret {
		s.learn(e)
		return
	}
	if e.Kind == Trusted {
		s.roots = e.Roots
		return
	}
	if e.Conn < 0 || e.Conn >= len(s.conns) {
		return
	}
	c := s.conns[e.Conn]
	c.tell(e)
	switch e.Kind {
	case Captured:
		c.views[e.Side].arrive(e.Side, e, VerdictNone)
	case Forwarded, Altered, Injected:
		c.deliver(e)
	case Dropped:
		if r := c.units[e.Cause]; r != nil {
			r.Verdict = VerdictDropped
			s.add(Item{Kind: RecordItem, Side: e.Side, Lane: Received, Record: r})
		}
	case Undeliverable:
		s.lost(e)
	case Wrote, Read:
		c.Clear[e.Side] = append(c.Clear[e.Side], e.Index)
	case Failed:
		s.add(Item{Kind: ErrorItem, Side: e.Side, Text: e.text()})
	case Printed:
		s.add(Item{Kind: PrintedItem, Side: e.Side, Text: e.Text})
	case Noted:
		c.partly(e.Note)
		if e.Note != nil && e.Note.Key != QuotingNote {
			s.add(Item{Kind: NoteItem, Side: e.Side, Because: *e.Note})
		}
	case Ended:
		c.end(e)
	case Drained:
		c.views[e.Side.Peer()].finish(e.Side)
	case Expired:
		s.add(Item{Kind: ExpiredItem, Side: e.Side, Record: c.units[e.Cause]})
	case Silent:
		s.add(Item{Kind: SilenceItem, Side: e.Side, Wait: time.Duration(e.N) * time.Millisecond})
	}
	c.decide()
}

// partly notes that a connection is what one end saw of one that was tampered with.
func (c *Connection) partly(note *Reason) {
	if note == nil || c.Opening.Gated || note.Key != ClientsPart && note.Key != ServersPart {
		return
	}
	whose := Client
	if note.Key == ServersPart {
		whose = Server
	}
	c.part, c.whose = true, whose
	for _, i := range c.alerts {
		if item := &c.views[whose].session.items[i]; item.Side == whose {
			item.Elsewhere = true
		}
	}
}

// add appends an item of the event that is being taken in.
func (s *Session) add(item Item) {
	item.Event, item.Conn, item.Time = s.now.Index, s.now.Conn, s.now.Time
	if item.Kind == AlertItem {
		s.conns[item.Conn].alerts = append(s.conns[item.Conn].alerts, len(s.items))
	}
	switch {
	case item.HasRow():
		s.rows++
		item.Row = s.rows
		if item.Record != nil {
			item.Record.row = s.rows
		}
	case item.Record != nil && item.Record.row > 0:
		item.Row = item.Record.row
	default:
		item.Row = s.rows
	}
	s.items = append(s.items, item)
}

// learn takes in a secret; records that waited for it are decided now.
func (s *Session) learn(e Event) {
	random := string(e.Logged.ClientRandom)
	secret := KnownSecret{*e.Logged, e.Index}
	s.secrets[random] = append(s.secrets[random], secret)
	s.learned = e.Index
	for _, c := range s.greeted[random] {
		s.now.Conn = c.Conn
		c.views[Client].retry(random)
		if c.views[Server] != c.views[Client] {
			c.views[Server].retry(random)
		}
		if c.waits() {
			c.decide()
		}
	}
	s.learnECH(secret)
}

// greet notes under which names secrets of the connection may come: the random
// of its ClientHello, and the tickets that this offers.
func (s *Session) greet(h hello, c *Connection) {
	s.greeted[string(h.random)] = append(s.greeted[string(h.random)], c)
	if h.ticket != "" {
		s.greeted[h.ticket] = append(s.greeted[h.ticket], c)
	}
	for _, identity := range h.identities[:min(len(h.identities), maxCandidates)] {
		s.greeted[string(identity)] = append(s.greeted[string(identity)], c)
	}
}

// waits reports whether a record of the connection is not decided.
func (c *Connection) waits() bool {
	for _, v := range c.views {
		for _, l := range v.lanes {
			if l.decided < len(l.records) {
				return true
			}
		}
	}
	return false
}

func (c *Connection) decide() {
	c.views[Client].decide()
	if c.views[Server] != c.views[Client] {
		c.views[Server].decide()
	}
}

// deliver brings what a gate let through, or put on the wire, to the receiver's view.
func (c *Connection) deliver(e Event) {
	receiver := c.views[e.Side.Peer()]
	switch e.Kind {
	case Altered:
		receiver.arrive(e.Side, e, VerdictAltered)
	case Injected:
		receiver.arrive(e.Side, e, VerdictInjected)
	case Forwarded:
		if e.Cause < 0 || e.Cause >= e.Index || receiver.session.recording.At(e.Cause).Kind != Captured {
			return // not made by a tap
		}
		verdict := VerdictNone
		if c.forwarded[e.Cause] {
			verdict = VerdictRepeated
		} else if e.Cause < c.lastUnit[e.Side] {
			verdict = VerdictReordered
		}
		c.forwarded[e.Cause] = true
		c.lastUnit[e.Side] = max(c.lastUnit[e.Side], e.Cause)
		unit := receiver.session.recording.At(e.Cause)
		unit.Index, unit.Time = e.Index, e.Time
		receiver.arriveFrom(e.Side, unit, e.Cause, verdict)
	}
}

// lost notes that an alert among the bytes that could not be handed over did
// not arrive.
func (s *Session) lost(e Event) {
	sent := s.conns[e.Conn].views[e.Side].lanes[e.Side]
	end, ok := sent.endOf(e.Cause)
	if !ok {
		return // not captured from the sender: put on the wire by a gate
	}
	for i := len(s.items) - 1; i >= 0; i-- {
		item := &s.items[i]
		if item.Kind != AlertItem || item.Conn != e.Conn || item.Side != e.Side {
			continue
		}
		if behind := item.Record.Offset + int64(headerLength+item.Record.Length); behind <= end-int64(e.N) {
			return
		}
		if item.Record.Offset < end {
			item.Arrived = false
		}
	}
}

func (c *Connection) end(e Event) {
	c.views[e.Side].finish(e.Side)
	s := c.views[e.Side].session
	how := ClosedEndOfFile
	switch {
	case e.How == Cut:
		how = ClosedCut
	case c.views[e.Side].state().CloseNotify[e.Side]:
		how = ClosedNotify
	case e.How == Broken:
		how = ClosedBroken
	case c.views[e.Side].lastMissing(e.Side):
		how = ClosedMissing
	case c.views[e.Side].lanes[e.Side].unread():
		how = ClosedUnread
	}
	c.closed[e.Side] = len(s.items)
	s.add(Item{Kind: ClosedItem, Side: e.Side, How: how})
}

// lastRead is told that the last record that side sent has been read. That may
// be after its end, when the secret came late.
func (c *Connection) lastRead(s *Session, side Side) {
	if i := c.closed[side]; i >= 0 && s.items[i].How == ClosedUnread {
		s.items[i].How = ClosedEndOfFile
	}
}

// notified is told that side's close_notify has been read, which may be late too.
func (c *Connection) notified(s *Session, side Side) {
	if i := c.closed[side]; i >= 0 && s.items[i].How != ClosedCut {
		s.items[i].How = ClosedNotify
	}
}

// lastMissing reports whether what a side sent last, which can be the close_notify,
// is missing: it stood in a gap, or before a recording that has only the side's end.
func (v *View) lastMissing(side Side) bool {
	l := v.lanes[side]
	before := v.late() && l.size == 0 && len(v.lanes[side.Peer()].records) > 0
	return l.units == nil && (l.run == GapItem || before)
}

// unread reports whether what came last in the lane, which can be the
// close_notify, is a whole record that could not be read, or not yet, or stands
// behind a gap where nobody can tell where a record begins.
func (l *lane) unread() bool {
	if l.run == BytesItem && l.gap.open && !l.gap.inside {
		return l.units == nil
	}
	if len(l.records) == 0 {
		return false
	}
	last := l.records[len(l.records)-1]
	return last.TLS() && !last.Truncated && last.Content < 0
}
