package capture

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"example.com/tlslab/inspect"
)

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
)

// streams puts TCP in order and appends what it carries to a recording.
type streams struct {
	rec      *inspect.Recording
	protocol inspect.Protocol // of the connections; nil for TLS
	conns    map[pair]*connection
	over     []*connection // in the order in which they ended
	opened   int
	waiting  int       // bytes, of all connections
	last     time.Time // of the segment that was added last
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
	waiting []piece // by seq
	bytes   int     // in waiting
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
	return &streams{rec: rec, conns: make(map[pair]*connection)}
}

// add takes in one segment.
func (s *streams) add(seg segment, at time.Time) error {
	s.last = at
	c, err := s.find(seg)
	if c == nil {
		return err
	}
	side := inspect.Client
	if seg.from != c.addr[inspect.Client] {
		side = inspect.Server
	}
	own, peer := &c.half[side], &c.half[side.Peer()]
	if seg.syn {
		if !own.known {
			own.began, own.initial = true, seg.seq
		}
		seg.seq++
	}
	own.start(seg.seq)
	if far := int32(seg.seq - own.next); far > maxWindow || far < -maxWindow {
		return errors.New("its TCP sequence number lies outside any window")
	}
	if seg.acked { // before what it sends: it had that when it sent this
		peer.start(seg.ack)
		s.acknowledge(c, side.Peer(), seg.ack)
	}
	s.take(c, side, seg.seq, seg.payload)
	if end := seg.seq + uint32(seg.length); len(seg.payload) < seg.length || seg.fin {
		s.take(c, side, end, nil)
		if seg.fin && !own.fin {
			own.fin, own.finAt = true, end
		}
	}
	s.finished(c, side.Peer())
	s.finished(c, side)
	if seg.reset {
		s.giveUp(c)
		s.end(c, side, inspect.Cut)
		s.overNow(c)
	}
	return nil
}

// finish counts as lost whatever has not come.
func (s *streams) finish() {
	left := slices.SortedFunc(maps.Values(s.conns), func(a, b *connection) int { return cmp.Compare(a.number, b.number) })
	for _, c := range left {
		s.giveUp(c)
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
		s.giveUp(c)
	} else if len(s.conns) == maxConnections {
		return nil, fmt.Errorf("more than %d connections at once", maxConnections)
	}
	c = &connection{key: key, number: s.opened, addr: [2]netip.AddrPort{seg.from, seg.to}}
	if !fromClient(seg) {
		c.addr = [2]netip.AddrPort{seg.to, seg.from}
	}
	s.opened++
	s.conns[key] = c
	opening := &inspect.Opening{
		Protocol: inspect.ProtocolTLS, Speaks: s.protocol, Addr: [2]string{c.addr[inspect.Client].String(), c.addr[inspect.Server].String()},
	}
	if s.protocol != nil {
		opening.Protocol = s.protocol.Name()
	}
	s.append(c, inspect.Event{Kind: inspect.Opened, Opening: opening})
	return c, nil
}

// begunAnew reports whether the segment uses the addresses of c once more.
func (c *connection) begunAnew(seg segment) bool {
	if !seg.syn || seg.acked {
		return false
	}
	own := &c.half[inspect.Client]
	if seg.from != c.addr[inspect.Client] {
		own = &c.half[inspect.Server]
	}
	return c.over || own.known && !(own.began && own.initial == seg.seq)
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
func (s *streams) take(c *connection, side inspect.Side, seq uint32, payload []byte) {
	h := &c.half[side]
	switch {
	case h.ended:
	case before(h.next, seq):
		s.wait(h, piece{seq, slices.Clone(payload)})
		if h.bytes > maxWaiting || len(h.waiting) > maxWaitingPieces || s.waiting > maxWaitingOfAll {
			s.lose(c, side, len(h.waiting))
		}
	default:
		s.deliver(c, side, piece{seq, payload})
		s.drain(c, side)
	}
}

func (s *streams) wait(h *half, p piece) {
	i, _ := slices.BinarySearchFunc(h.waiting, p.seq, func(w piece, seq uint32) int { return int(int32(w.seq - seq)) })
	h.waiting = slices.Insert(h.waiting, i, p)
	h.bytes += len(p.payload)
	s.waiting += len(p.payload)
}

// deliver appends the bytes of a piece that have not been delivered yet.
func (s *streams) deliver(c *connection, side inspect.Side, p piece) {
	h := &c.half[side]
	if known := h.next - p.seq; known < uint32(len(p.payload)) {
		fresh := p.payload[known:]
		s.append(c, inspect.Event{Kind: inspect.Captured, Side: side, Bytes: fresh, N: len(fresh)})
		h.next += uint32(len(fresh))
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
		missing := h.waiting[0].seq - h.next
		s.append(c, inspect.Event{Kind: inspect.Captured, Side: side, N: int(missing)})
		h.next += missing
		s.drain(c, side)
	}
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
		h.ended, h.waiting, h.bytes = true, nil, 0
		s.append(c, inspect.Event{Kind: inspect.Ended, Side: side, How: how})
	}
}

// overNow notes that c is over, and forgets one that has been for long.
func (s *streams) overNow(c *connection) {
	if c.over {
		return
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

func (s *streams) append(c *connection, e inspect.Event) {
	e.Conn, e.Time, e.Cause = c.number, s.last, -1
	s.rec.Append(e)
}
