package capture

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// maxAhead is how far ahead of what has come the end of a stream may lie: most
// systems open no wider window, and the capture may have lost what is between.
const maxAhead = 16 << 20

// maxWindow is how far a TCP window reaches (RFC 7323 section 2.3).
const maxWindow = 1 << 30

// What is kept of TCP while a capture is read. What follows a missing segment
// waits for it within these bounds; past them the segment counts as lost.
const (
	maxConnections    = 100_000  // at once
	maxWaiting        = 1 << 20  // bytes, of one direction
	maxWaitingPieces  = 1024     // of one direction
	maxWaitingOfAll   = 64 << 20 // bytes
	rememberedEndings = 4096     // connections that are over, whose stray segments are known as such
	rememberedPieces  = 16       // of one direction, which what is sent again is compared with
	rememberedSpans   = 1024     // of one direction, which the capture cut off
	maxNotes          = 16 << 20 // bytes of comments
)

// mostConnections is how many connections a recording is given: what is kept of
// each grows with what it says, but some kilobytes are kept of any.
// The same goes for secrets.
const (
	mostConnections = 250_000
	mostSecrets     = 250_000
)

// streams puts TCP in order and appends what it carries to a recording.
type streams struct {
	rec      *inspect.Recording
	protocol inspect.Protocol // of the connections; nil for TLS, or what the file says
	speaks   func(name string) inspect.Protocol
	conns    map[pair]*connection
	over     []*connection // in the order in which they ended
	opened   int
	segments int               // of connections
	waiting  int               // bytes, of all connections
	last     time.Time         // of the segment that was added last
	secrets  map[[16]byte]bool // those that are in the recording, by their digests
	logged   int               // secrets, however often
	notes    []inspect.Reason  // of no connection that has been seen yet
	said     []inspect.Reason  // by comments of ours on the segment that is taken in next
	noted    int               // bytes of comments
	latest   *connection       // whose segment was added last; nil if that belonged to none
	side     inspect.Side      // who sent it
}

// A pair is the addresses of a connection, the smaller one first.
type pair [2]netip.AddrPort

// A connection is one TCP connection as far as it has been read.
type connection struct {
	key    pair
	number int
	addr   [2]netip.AddrPort // by Side
	half   [2]half           // by Side: what it sent
	over   bool
}

// A half is one direction of a connection.
type half struct {
	known   bool   // next is
	next    uint32 // the sequence number that comes next
	began   bool   // the SYN was seen, with the number initial
	initial uint32
	fin     bool // the FIN was seen, with the number finAt
	finAt   uint32
	ended   bool
	broken  bool   // its peer has reset the connection
	has     uint32 // up to which number its peer has said to have it, if heard
	heard   bool
	resets  *doubtful // a RST that may have been taken; nil if there is none
	stray   bool      // a RST or FIN that nobody takes was told
	waiting []piece   // by seq, no byte twice
	snapped []span    // of what is missing: which bytes the capture cut off, the latest of them
	bytes   int       // in waiting
	recent  []delivered
	last    int             // the event of the last delivered piece
	sent    int             // bytes, with those that the capture has lost
	lost    *inspect.Reason // from which of them on nothing could be delivered; nil where that is not said
	told    int             // up to which of them this has been told
}

// A doubtful RST is in the window, but not at the number that comes next: that
// counts if its sender falls silent, or if what is before it comes (RFC 9293
// section 3.10.7.4, RFC 5961 section 3.2).
type doubtful struct {
	seq   uint32
	spoke bool // its sender, afterwards
}

// A span is a run of sequence numbers.
type span struct{ from, to uint32 }

// A delivered piece is what the recording's event has from seq on.
type delivered struct {
	seq   uint32
	event int
}

// A piece is a run of bytes that came before its turn; an empty one says that
// the stream goes on as far as seq.
type piece struct {
	seq     uint32
	payload []byte
}

// before reports whether a comes before b (RFC 9293 section 3.4).
func before(a, b uint32) bool { return int32(a-b) < 0 }

func newStreams(rec *inspect.Recording) *streams {
	return &streams{rec: rec, conns: make(map[pair]*connection), secrets: make(map[[16]byte]bool)}
}

// taken counts what was taken in.
func (s *streams) taken() int { return s.segments + s.logged }

// add takes in one segment.
func (s *streams) add(seg segment, at time.Time) error {
	s.last = at
	c, err := s.find(seg)
	s.latest = c
	if c == nil {
		return err
	}
	s.segments++
	side := c.sideOf(seg)
	s.side = side
	_, lost := s.saidOf(lostKey, "missing")
	s.tellSaid(c, side)
	own, peer := &c.half[side], &c.half[side.Peer()]
	if seg.syn {
		if !own.known {
			own.began, own.initial = true, seg.seq
		}
		seg.seq++
	}
	own.start(seg.seq)
	if far := int32(seg.seq - own.next); far > maxWindow || far < -maxWindow {
		return trouble("tcp_window")
	}
	if s.strays(c, side, &seg) {
		return nil
	}
	if seg.acked { // before what it sends: it had that when it sent this
		peer.start(seg.ack)
		if !peer.heard || before(peer.has, seg.ack) {
			peer.has, peer.heard = seg.ack, true
		}
		s.acknowledge(c, side.Peer(), seg.ack)
	}
	if !own.keepsAlive(seg) && (len(seg.payload) > 0 || seg.length == 0) {
		s.take(c, side, seg.seq, seg.payload)
	}
	if len(seg.payload) < seg.length && !lost {
		own.snap(seg)
	}
	if end := seg.seq + uint32(seg.length); len(seg.payload) < seg.length || seg.fin {
		s.take(c, side, end, nil)
		if seg.fin && !own.fin {
			own.fin, own.finAt = true, end
		}
	}
	s.finished(c, side.Peer())
	s.finished(c, side)
	if r := own.resets; r != nil && r.seq == own.next {
		seg.reset, own.resets = true, nil
	}
	if seg.reset {
		s.reset(c, side)
	}
	return nil
}

// strays reports whether a segment is none to take in now: it is a RST or FIN
// that nobody takes, or a RST of which that is not known yet. Of a FIN that is
// behind what has come, the bytes count.
func (s *streams) strays(c *connection, side inspect.Side, seg *segment) bool {
	h, end := &c.half[side], seg.seq+uint32(seg.length)
	if !seg.reset && h.resets != nil {
		h.resets.spoke = true
	}
	far := int32(end-h.next) > maxAhead
	switch {
	case c.over:
		return false
	case seg.reset && (far || h.heard && before(seg.seq, h.has) && !h.expects(seg.seq)):
		s.tellStray(c, side, "RST")
		return true
	case seg.reset && !h.expects(seg.seq):
		h.resets = &doubtful{seq: seg.seq}
		return true
	case seg.fin && (far || !h.fin && before(end, h.next)):
		s.tellStray(c, side, "FIN")
		seg.fin = false
		return far
	}
	return false
}

// expects reports whether a RST has the number that comes next. Behind a FIN
// that is the FIN's own, too: who sends it answers what was sent before the FIN came.
func (h *half) expects(seq uint32) bool {
	return seq == h.next || h.fin && h.next == h.finAt && seq == h.finAt+1
}

// tellStray tells, once of a side, that it sent a RST or FIN which nobody takes.
func (s *streams) tellStray(c *connection, side inspect.Side, flag string) {
	if h := &c.half[side]; !h.stray {
		h.stray = true
		s.append(c, inspect.Event{Kind: inspect.Noted, Side: side, Note: &inspect.Reason{Key: "capture_stray", Data: []any{"flag", flag}}})
	}
}

// reset ends a connection, as side has.
func (s *streams) reset(c *connection, side inspect.Side) {
	s.giveUp(c)
	s.end(c, side, inspect.Cut)
	if peer := &c.half[side.Peer()]; !peer.ended && !peer.broken { // what it sent before it knew may still come
		peer.broken = true
		s.append(c, inspect.Event{Kind: inspect.Ended, Side: side.Peer(), How: inspect.Broken})
	}
	s.overNow(c)
}

// decide says of RSTs that were doubtful whether they were taken, now that
// nothing more comes.
func (s *streams) decide(c *connection) {
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		h := &c.half[side]
		r := h.resets
		h.resets = nil
		switch {
		case r == nil || c.over:
		case r.spoke:
			s.tellStray(c, side, "RST")
		default:
			s.take(c, side, r.seq, nil)
			s.reset(c, side)
		}
	}
}

// finish counts as lost whatever has not come.
func (s *streams) finish() {
	left := slices.SortedFunc(maps.Values(s.conns), func(a, b *connection) int { return cmp.Compare(a.number, b.number) })
	for _, c := range left {
		s.decide(c)
		s.giveUp(c)
		s.latest = c
	}
	if s.latest != nil {
		s.tellNotes(s.latest, s.side)
	}
}

// find returns the connection of a segment; nil if it begins none, and an
// error if there is no room for it.
func (s *streams) find(seg segment) (*connection, error) {
	key := pair{seg.from, seg.to}
	if seg.to.Compare(seg.from) < 0 {
		key = pair{seg.to, seg.from}
	}
	c := s.conns[key]
	if c != nil && !c.begunAnew(seg) {
		return c, nil
	}
	if !seg.syn && (seg.length == 0 || seg.reset) {
		return nil, nil // the rest of a connection that was over when the capture began
	}
	if c != nil {
		s.decide(c)
		s.giveUp(c)
	} else if len(s.conns) == maxConnections {
		return nil, trouble("connections", "most", maxConnections)
	}
	if s.opened == mostConnections {
		return nil, trouble("connections_total", "most", mostConnections)
	}
	c = &connection{key: key, number: s.opened, addr: [2]netip.AddrPort{seg.from, seg.to}}
	if !fromClient(seg) {
		c.addr = [2]netip.AddrPort{seg.to, seg.from}
	}
	s.opened++
	s.conns[key] = c
	opening := &inspect.Opening{
		Protocol: inspect.ProtocolTLS, Speaks: s.protocolSaid(), Addr: [2]string{c.addr[inspect.Client].String(), c.addr[inspect.Server].String()},
	}
	if opening.Speaks != nil {
		opening.Protocol = opening.Speaks.Name()
	}
	_, late := s.saidOf(lateKey, "beginning")
	opening.Late = late || !seg.syn
	if bare, ok := s.saidOf(bareKey, "sender"); ok {
		opening.Bare, opening.SenderUnknown, opening.Addr = true, bare == "unknown", [2]string{}
	}
	s.append(c, inspect.Event{Kind: inspect.Opened, Opening: opening})
	s.tellNotes(c, inspect.Client)
	return c, nil
}

// learn appends secrets, a bounded number of them, and each once.
func (s *streams) learn(secrets []inspect.LoggedSecret) error {
	for i := range secrets {
		s.logged++
		digest := digestOf(secrets[i])
		if s.secrets[digest] {
			continue
		}
		if len(s.secrets) == mostSecrets {
			return trouble("secrets_most", "most", mostSecrets)
		}
		s.secrets[digest] = true
		s.rec.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Time: s.last, Cause: -1, Logged: &secrets[i]})
	}
	return nil
}

func digestOf(s inspect.LoggedSecret) [16]byte {
	whole := sha256.Sum256(fmt.Appendf(nil, "%q %x %x", s.Label, s.ClientRandom, s.Bytes))
	return [16]byte(whole[:16])
}

// note keeps a comment until it is told.
func (s *streams) note(comment string) error {
	if s.noted += len(comment); s.noted > maxNotes {
		return trouble("comments_most", "most", maxNotes)
	}
	if _, ours := untagged(comment); ours {
		return nil // heard before the packet that it stands on
	}
	key := commentKey
	if strings.HasPrefix(comment, quoting) {
		key = quoteKey
	}
	s.notes = append(s.notes, inspect.Reason{Key: key, Data: []any{"text", inspect.SafeOnce(comment)}})
	return nil
}

// hear keeps what a comment of ours says until its segment is taken in. The
// bytes of comments are bounded by note.
func (s *streams) hear(comments []string) {
	s.said = nil
	for _, comment := range comments {
		if said, ours := untagged(comment); ours && s.noted+len(comment) <= maxNotes {
			s.said = append(s.said, said)
		}
	}
}

// protocolSaid is what the connection that is opened now speaks: nil for TLS.
func (s *streams) protocolSaid() inspect.Protocol {
	if s.protocol != nil || s.speaks == nil {
		return s.protocol
	}
	if name, ok := s.saidOf(protocolKey, "protocol"); ok {
		return s.speaks(name)
	}
	return nil
}

// saidOf returns what a comment of ours on this segment says of a name.
func (s *streams) saidOf(key, name string) (text string, ok bool) {
	for _, said := range s.said {
		if said.Key == key {
			return said.Text(name)
		}
	}
	return "", false
}

// tellSaid tells what the comments of ours say that stand on a segment of side's:
// before what the segment brings, as it was told when it was written.
func (s *streams) tellSaid(c *connection, side inspect.Side) {
	for _, said := range s.said {
		switch said.Key {
		case bareKey, lateKey, lostKey:
			continue
		case protocolKey:
			if s.protocolSaid() != nil {
				continue
			}
		case undeliverableKey:
			whose := inspect.Client
			if name, _ := said.Text("side"); name == inspect.Server.String() {
				whose = inspect.Server
			}
			s.undeliverable(c, whose, said)
			continue
		}
		s.append(c, inspect.Event{Kind: inspect.Noted, Side: side, Note: &said})
	}
	s.said = nil
}

// undeliverable says that what side has sent did not arrive, from a byte on that may yet come.
func (s *streams) undeliverable(c *connection, side inspect.Side, said inspect.Reason) {
	h := &c.half[side]
	if h.lost == nil {
		h.lost = &said
		if h.sent > 0 {
			s.lostIn(c, side, h.last)
		}
	}
}

// lostIn tells that the bytes of an event did not arrive, or the last of them.
func (s *streams) lostIn(c *connection, side inspect.Side, event int) {
	h := &c.half[side]
	n := h.sent - max(h.told, h.lost.Number("from"))
	if n <= 0 {
		return
	}
	s.rec.Append(inspect.Event{Kind: inspect.Undeliverable, Conn: c.number, Side: side, Time: s.last, N: n, Cause: event})
	if h.told == 0 {
		s.append(c, inspect.Event{Kind: inspect.Noted, Side: side, Note: h.lost})
	}
	h.told = h.sent
}

// tell says something of the connection that is opened next.
func (s *streams) tell(note inspect.Reason) { s.notes = append(s.notes, note) }

// bare opens a connection of which nothing is known but what was said, and
// perhaps by whom.
func (s *streams) bare(protocol inspect.Protocol, all []said, senderKnown bool) {
	c := &connection{number: s.opened}
	opening := &inspect.Opening{Protocol: inspect.ProtocolTLS, Speaks: protocol, Bare: true, SenderUnknown: !senderKnown}
	if protocol != nil {
		opening.Protocol = protocol.Name()
	}
	s.opened++
	s.segments++
	s.append(c, inspect.Event{Kind: inspect.Opened, Opening: opening})
	for i, said := range all {
		if i == 0 {
			s.tellNotes(c, said.side)
		}
		s.append(c, inspect.Event{Kind: inspect.Captured, Side: said.side, Bytes: said.bytes, N: len(said.bytes)})
	}
}

// tellNotes tells what is noted on what side of c sends.
func (s *streams) tellNotes(c *connection, side inspect.Side) {
	for _, note := range s.notes {
		s.append(c, inspect.Event{Kind: inspect.Noted, Side: side, Note: &note})
	}
	s.notes = nil
}

func (c *connection) sideOf(seg segment) inspect.Side {
	if seg.from == c.addr[inspect.Client] {
		return inspect.Client
	}
	return inspect.Server
}

// begunAnew reports whether the segment uses the addresses of c once more: it
// says so, or c is over and its bytes are far from where c stood.
func (c *connection) begunAnew(seg segment) bool {
	own := &c.half[c.sideOf(seg)]
	if !seg.syn {
		away := int32(seg.seq - own.next)
		return c.over && own.known && seg.length > 0 && !seg.reset && (away > maxWaiting*16 || away < -maxWaiting*16)
	}
	again := own.began && own.initial == seg.seq
	late := !own.began && own.next == seg.seq+1 // behind its answer
	return !seg.acked && (c.over || own.known && !again && !late)
}

// keepsAlive reports whether the segment only asks whether the peer is there:
// its byte, if it has one, was sent before and may be any (RFC 1122 section
// 4.2.3.6).
func (h *half) keepsAlive(seg segment) bool {
	return seg.length <= 1 && !seg.syn && !seg.fin && seg.seq == h.next-1
}

// fromClient reports whether the client sent this first segment of a
// connection: it begins one, or says ClientHello, or comes from the greater port.
func fromClient(seg segment) bool {
	if seg.syn {
		return !seg.acked
	}
	if p := seg.payload; len(p) > 5 && p[0] == byte(inspect.Handshake) && p[1] == 3 && (p[5] == 1 || p[5] == 2) {
		return p[5] == 1
	}
	return seg.from.Port() >= seg.to.Port()
}

// start says where a half stands when it is first heard of.
func (h *half) start(seq uint32) {
	if !h.known {
		h.known, h.next = true, seq
	}
}

// take delivers bytes whose turn it is, and what waited for them; others wait.
// Where bytes were sent twice and differ, those count that were captured first.
func (s *streams) take(c *connection, side inspect.Side, seq uint32, payload []byte) {
	h := &c.half[side]
	if h.ended {
		return
	}
	p := piece{seq, payload}
	differing := 0
	if before(seq, h.next) {
		differing = s.unlikeDelivered(h, p)
	}
	if len(h.waiting) == 0 && !before(h.next, seq) {
		s.deliver(c, side, p)
	} else {
		differing += s.wait(h, p)
		s.drain(c, side)
	}
	if differing > 0 {
		s.append(c, inspect.Event{Kind: inspect.Noted, Side: side, Note: &inspect.Reason{Key: "capture_differs", Data: []any{"bytes", differing}}})
	}
	if h.bytes > maxWaiting || len(h.waiting) > maxWaitingPieces || s.waiting > maxWaitingOfAll {
		s.lose(c, side, len(h.waiting))
	}
}

// unlikeDelivered returns in how many bytes a piece differs from what was
// delivered in its place, as far as that is remembered.
func (s *streams) unlikeDelivered(h *half, p piece) (differing int) {
	for _, d := range h.recent {
		old, shift := s.rec.At(d.event).Bytes, int(int32(p.seq-d.seq))
		for i := max(0, -shift); i < min(len(p.payload), len(old)-shift); i++ {
			if p.payload[i] != old[i+shift] {
				differing++
			}
		}
	}
	return differing
}

// wait keeps those bytes of a piece that neither were delivered nor wait
// already, and returns how many of the latter differ.
func (s *streams) wait(h *half, p piece) (differing int) {
	if known := int32(h.next - p.seq); known > 0 {
		p = p.from(int(known))
	}
	if len(p.payload) == 0 {
		if at := h.covers(p.seq); before(h.next, p.seq) && (at == len(h.waiting) || before(p.seq, h.waiting[at].seq)) {
			h.waiting = slices.Insert(h.waiting, at, piece{p.seq, nil})
		}
		return 0
	}
	for len(p.payload) > 0 {
		at := h.covers(p.seq)
		lead := len(p.payload)
		if at < len(h.waiting) {
			lead = min(lead, max(0, int(int32(h.waiting[at].seq-p.seq))))
		}
		if lead > 0 {
			h.waiting = slices.Insert(h.waiting, at, piece{p.seq, slices.Clone(p.payload[:lead])})
			h.bytes += lead
			s.waiting += lead
			p = p.from(lead)
			continue
		}
		old := h.waiting[at]
		same := old.payload[p.seq-old.seq:]
		same = same[:min(len(same), len(p.payload))]
		for i := range same {
			if same[i] != p.payload[i] {
				differing++
			}
		}
		p = p.from(len(same))
	}
	return differing
}

// from returns a piece without its first n bytes, or what there are.
func (p piece) from(n int) piece {
	n = min(n, len(p.payload))
	return piece{p.seq + uint32(n), p.payload[n:]}
}

// covers returns the index of the first piece that waits and ends behind seq.
func (h *half) covers(seq uint32) int {
	return sort.Search(len(h.waiting), func(i int) bool {
		w := h.waiting[i]
		return before(seq, w.seq+uint32(len(w.payload)))
	})
}

// deliver appends the bytes of a piece that have not been delivered yet.
func (s *streams) deliver(c *connection, side inspect.Side, p piece) {
	h := &c.half[side]
	if known := h.next - p.seq; known < uint32(len(p.payload)) {
		fresh := p.payload[known:]
		event := s.append(c, inspect.Event{Kind: inspect.Captured, Side: side, Bytes: fresh, N: len(fresh)})
		if len(h.recent) == rememberedPieces {
			h.recent = slices.Delete(h.recent, 0, 1)
		}
		h.recent, h.last = append(h.recent, delivered{h.next, event}), event
		h.next += uint32(len(fresh))
		h.sent += len(fresh)
		if h.lost != nil {
			s.lostIn(c, side, event)
		}
	}
}

// drain delivers what has waited long enough.
func (s *streams) drain(c *connection, side inspect.Side) {
	h := &c.half[side]
	for len(h.waiting) > 0 && !before(h.next, h.waiting[0].seq) {
		p := h.waiting[0]
		h.waiting = slices.Delete(h.waiting, 0, 1)
		h.bytes -= len(p.payload)
		s.waiting -= len(p.payload)
		s.deliver(c, side, p)
	}
}

// acknowledge counts as lost what side's peer has and the capture has not.
func (s *streams) acknowledge(c *connection, side inspect.Side, ack uint32) {
	h := &c.half[side]
	for len(h.waiting) > 0 && !before(ack, h.waiting[0].seq) {
		s.lose(c, side, 1)
	}
}

// giveUp counts as lost whatever either side waits for.
func (s *streams) giveUp(c *connection) {
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		s.lose(c, side, len(c.half[side].waiting))
		s.finished(c, side)
	}
}

// lose passes over missing bytes, at most times over, as far as what waits.
func (s *streams) lose(c *connection, side inspect.Side, times int) {
	h := &c.half[side]
	for ; times > 0 && len(h.waiting) > 0; times-- {
		for before(h.next, h.waiting[0].seq) {
			end, snapped := h.missing(h.waiting[0].seq)
			n := int(end - h.next)
			s.append(c, inspect.Event{Kind: inspect.Captured, Side: side, N: n, Snapped: snapped})
			h.next = end
			h.sent += n
		}
		s.drain(c, side)
	}
}

// snap notes the bytes of a segment that the capture cut off.
func (h *half) snap(seg segment) {
	h.snapped = slices.DeleteFunc(h.snapped, func(s span) bool { return !before(h.next, s.to) })
	if len(h.snapped) == rememberedSpans {
		h.snapped = slices.Delete(h.snapped, 0, 1)
	}
	h.snapped = append(h.snapped, span{seg.seq + uint32(len(seg.payload)), seg.seq + uint32(seg.length)})
}

// missing returns how far the bytes from next on are missing for one reason, as
// far as end: they were cut off, or lost.
func (h *half) missing(end uint32) (to uint32, snapped bool) {
	to = end
	for _, s := range h.snapped {
		switch {
		case !before(h.next, s.to):
		case !before(h.next, s.from):
			if before(s.to, end) {
				end = s.to
			}
			return end, true
		case before(s.from, to):
			to = s.from
		}
	}
	return to, false
}

// finished ends a side all of whose bytes up to its FIN are there.
func (s *streams) finished(c *connection, side inspect.Side) {
	if h := &c.half[side]; h.fin && !before(h.next, h.finAt) {
		s.end(c, side, inspect.EndOfFile)
	}
	if c.half[inspect.Client].ended && c.half[inspect.Server].ended {
		s.overNow(c)
	}
}

func (s *streams) end(c *connection, side inspect.Side, how inspect.Ending) {
	if h := &c.half[side]; !h.ended {
		s.waiting -= h.bytes
		h.ended, h.waiting, h.bytes, h.recent = true, nil, 0, nil
		if !h.broken {
			s.append(c, inspect.Event{Kind: inspect.Ended, Side: side, How: how})
		}
	}
}

// overNow notes that c is over, and forgets one that has been for long.
func (s *streams) overNow(c *connection) {
	if c.over {
		return
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		if r := c.half[side].resets; r != nil && r.spoke {
			s.tellStray(c, side, "RST")
		}
	}
	c.over = true
	s.over = append(s.over, c)
	if len(s.over) <= rememberedEndings {
		return
	}
	if oldest := s.over[0]; s.conns[oldest.key] == oldest {
		delete(s.conns, oldest.key)
	}
	s.over = slices.Delete(s.over, 0, 1)
}

func (s *streams) append(c *connection, e inspect.Event) (index int) {
	e.Conn, e.Time, e.Cause = c.number, s.last, -1
	return s.rec.Append(e)
}
