package inspect

import (
	"context"
	"crypto/x509"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultLimit is how many bytes a recording keeps when no other limit is set.
const DefaultLimit = 512 << 20

// A Recording is the events of one run, in order, over any number of
// connections. It only ever grows: an event never changes its index, its kind
// or its bytes, so that whoever has seen the first n events has seen them for
// good (but for bytes that are let go), and a snapshot is nothing but [Recording.Len].
//
// The memory for bytes is bounded: once more than Limit bytes of captured and
// clear data are kept, the oldest are let go, whole slabs at a time, and a
// [LetGo] event says so; the Bytes of their events are nil from then on. Slices
// handed out before that stay valid. Not counted are the slabs that open
// connections are filling (at most 256 KiB for each of four streams) and the
// index, some 70 bytes an event. A Session that came in time keeps about as
// much again for each record, and the handshake messages.
//
// The zero value is ready to use. All methods are safe for concurrent use.
type Recording struct {
	// Limit is how many bytes are kept; 0 means DefaultLimit. Set it before
	// the first event.
	Limit int64

	length atomic.Int64
	root   [rootSize]atomic.Pointer[trunk]

	mu    sync.Mutex // held while an event is appended
	wake  chan struct{}
	conns int
	kept  int64   // bytes in slabs that are full
	full  []*slab // oldest first
	gone  int64   // events whose index entries have been given up: see Forget
	free  [][]byte
	given map[given]*stream // of the bytes that Append was given
}

// The index is a tree of fixed shape: an entry never moves, so that readers
// need no lock. It has room for 68,719,476,736 events, more than any memory.
const (
	blockSize  = 512
	branchSize = 1024
	trunkSize  = 1024
	rootSize   = 128
)

type (
	block  [blockSize]entry
	branch [branchSize]atomic.Pointer[block]
	trunk  [trunkSize]atomic.Pointer[branch]
)

// An entry is an Event as it is kept: its bytes lie in a slab.
type entry struct {
	kind  EventKind
	side  Side
	how   Ending
	cut   bool // Event.Snapped
	conn  int32
	n     int32
	at    int32 // of the bytes in the slab
	time  int64 // nanoseconds since 1970
	cause int64
	slab  *slab
	more  any // *Opening, *LoggedSecret, *EndpointError, *x509.CertPool, *Reason or string
}

// Len returns the number of events so far.
func (r *Recording) Len() int { return int(r.length.Load()) }

// At returns event i, which must be less than Len.
func (r *Recording) At(i int) Event {
	if i < 0 || int64(i) >= r.length.Load() {
		panic("inspect: event index out of range")
	}
	e := r.entry(int64(i))
	if e == nil {
		return Event{Index: i, Conn: -1, Cause: -1}
	}
	event := Event{
		Index: i, Kind: e.kind, Conn: int(e.conn), Side: e.side, Time: time.Unix(0, e.time).UTC(),
		N: int(e.n), Cause: int(e.cause), How: e.how, Snapped: e.cut,
	}
	if e.slab != nil {
		event.Bytes = e.slab.view(int(e.at), int(e.n))
	}
	switch more := e.more.(type) {
	case *Opening:
		event.Opening = more
	case *LoggedSecret:
		event.Logged = more
	case *EndpointError:
		event.Err = more
	case *x509.CertPool:
		event.Roots = more
	case *Reason:
		event.Note = more
	case string:
		event.Text = more
	}
	return event
}

// Events yields the events from index from to the last one there is now.
func (r *Recording) Events(from int) iter.Seq[Event] {
	end := r.Len()
	return func(yield func(Event) bool) {
		for i := from; i < end; i++ {
			if !yield(r.At(i)) {
				return
			}
		}
	}
}

// Append adds an event and returns its index; whoever opens a file or writes
// a test makes a recording with it. Index is ignored; Bytes are copied, and N
// follows from them; the connections must be numbered in the order of their
// Opened events. A zero Time stays zero: no clock is read.
func (r *Recording) Append(e Event) int {
	added := entry{kind: e.Kind, side: e.Side, how: e.How, cut: e.Snapped, conn: int32(e.Conn), n: int32(e.N), cause: int64(e.Cause)}
	if !e.Time.IsZero() {
		added.time = e.Time.UnixNano()
	}
	switch {
	case e.Opening != nil:
		added.more = e.Opening
		r.mu.Lock()
		r.conns = max(r.conns, e.Conn+1)
		r.mu.Unlock()
	case e.Logged != nil:
		added.more = e.Logged
	case e.Err != nil:
		added.more = e.Err
	case e.Roots != nil:
		added.more = e.Roots
	case e.Note != nil:
		added.more = e.Note
	case e.Text != "":
		added.more = e.Text
	}
	if e.Bytes == nil {
		if e.Kind == Ended {
			r.retireGiven(given{added.conn, added.side})
		}
		return r.append(added)
	}
	return r.givenStream(given{added.conn, added.side}).append(r, added, e.Bytes)
}

// Trust gives the recording roots from outside: certificate chains are checked
// against them wherever the recording does not know what the endpoint trusts.
// A capture file never does. The pool must not be changed afterwards.
func (r *Recording) Trust(roots *x509.CertPool) {
	r.Append(Event{Kind: Trusted, Conn: -1, Cause: -1, Roots: roots})
}

// given names a stream of bytes that Append was given.
type given struct {
	conn int32
	side Side
}

func (r *Recording) givenStream(key given) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.given == nil {
		r.given = make(map[given]*stream)
	}
	if r.given[key] == nil {
		r.given[key] = &stream{conn: key.conn, side: key.side}
	}
	return r.given[key]
}

// retireGiven gives up the room behind the bytes of a stream that has ended.
func (r *Recording) retireGiven(key given) {
	r.mu.Lock()
	ended := r.given[key]
	delete(r.given, key)
	r.mu.Unlock()
	if ended != nil {
		ended.retire(r)
	}
}

// Wait blocks until the recording holds more than n events, and returns how
// many it holds, or the context's error.
func (r *Recording) Wait(ctx context.Context, n int) (int, error) {
	for {
		r.mu.Lock()
		if length := r.Len(); length > n {
			r.mu.Unlock()
			return length, nil
		}
		if r.wake == nil {
			r.wake = make(chan struct{})
		}
		wake := r.wake
		r.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return r.Len(), ctx.Err()
		}
	}
}

// open numbers a new connection and appends its Opened event.
func (r *Recording) open(opening *Opening, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	conn := r.conns
	r.conns++
	r.appendLocked(entry{kind: Opened, conn: int32(conn), time: now.UnixNano(), cause: -1, more: opening})
	return conn
}

// entry returns what is kept of an event; nil if it was forgotten.
func (r *Recording) entry(i int64) *entry {
	trunk := r.root[i/(blockSize*branchSize*trunkSize)].Load()
	branch := trunk[i/(blockSize*branchSize)%trunkSize].Load()
	if branch == nil {
		return nil
	}
	block := branch[i/blockSize%branchSize].Load()
	if block == nil {
		return nil
	}
	return &block[i%blockSize]
}

// Forget gives up the memory of the events before n, bytes and all, so that a run
// without end takes a bounded room: for whoever has read them and is the only
// reader. At tells no more of them than their index. It is done by the block, so
// that some that come shortly before n are still known.
func (r *Recording) Forget(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := min(int64(n), r.length.Load()-1)
	for ; r.gone+blockSize <= end; r.gone += blockSize {
		trunk := r.root[r.gone/(blockSize*branchSize*trunkSize)].Load()
		branch := &trunk[r.gone/(blockSize*branchSize)%trunkSize]
		last := r.gone/blockSize%branchSize == branchSize-1
		branch.Load()[r.gone/blockSize%branchSize].Store(nil)
		if last {
			branch.Store(nil)
		}
	}
	for len(r.full) > 0 && r.full[0].last < end {
		r.kept -= int64(len(*r.full[0].data.Swap(nil)))
		r.full[0] = nil
		r.full = r.full[1:]
	}
}

func (r *Recording) append(e entry) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.appendLocked(e)
}

func (r *Recording) appendLocked(e entry) int {
	i := r.length.Load()
	level1 := grown(&r.root[i/(blockSize*branchSize*trunkSize)])
	level2 := grown(&level1[i/(blockSize*branchSize)%trunkSize])
	grown(&level2[i/blockSize%branchSize])[i%blockSize] = e
	r.length.Store(i + 1) // publishes the entry
	if r.wake != nil {
		close(r.wake)
		r.wake = nil
	}
	return int(i)
}

// grown returns what p points at, having made it if there was nothing.
func grown[T any](p *atomic.Pointer[T]) *T {
	if p.Load() == nil {
		p.Store(new(T))
	}
	return p.Load()
}

// Slabs hold the bytes. A connection that says little costs little: each
// stream begins with a small slab and doubles up to a large one.
const (
	smallSlab = 2 << 10
	largeSlab = 256 << 10
)

// A slab is a run of memory that one stream fills from its start. Bytes once
// written never change while anyone may look at them: a slab that was let go
// is used again only if no one ever did.
type slab struct {
	data atomic.Pointer[[]byte]
	seen atomic.Bool  // a reader has been given a view, which lives as long as it likes
	pins atomic.Int32 // views on their way through a wire
	conn int32
	side Side
	used int64 // set when the slab is full
	last int64 // the last event whose bytes it holds
}

func (s *slab) view(at, n int) []byte {
	s.seen.Store(true) // before the load: letGo clears data before it looks at seen
	data := s.data.Load()
	if data == nil {
		return nil
	}
	return (*data)[at : at+n : at+n]
}

// A stream appends the bytes of one direction of one connection. Its zero
// value is ready to use.
type stream struct {
	mu   sync.Mutex
	conn int32
	side Side
	slab *slab
	used int
	size int // of the next slab
}

// append copies b behind the stream's earlier bytes and appends the event
// that points at it. It holds the stream's lock over both, so that a lane's
// bytes and events have one order.
func (s *stream) append(r *Recording, e entry, b []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.reserve(r, max(len(b), 1))
	copy(room, b)
	return s.commit(r, e, len(b))
}

// reserve returns at least least bytes of room behind what is there.
func (s *stream) reserve(r *Recording, least int) []byte {
	if s.slab == nil || len(*s.slab.data.Load())-s.used < least {
		s.renew(r, least)
	}
	return (*s.slab.data.Load())[s.used:]
}

// commit makes the first n bytes of the reserved room those of the event e.
func (s *stream) commit(r *Recording, e entry, n int) int {
	e.slab, e.at, e.n = s.slab, int32(s.used), int32(n)
	s.used += n
	index := r.append(e)
	s.slab.last = int64(index)
	return index
}

func (s *stream) renew(r *Recording, least int) {
	s.size = min(max(2*s.size, smallSlab), largeSlab)
	size := max(s.size, least)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.fullLocked(r)
	var data []byte
	if last := len(r.free) - 1; size == largeSlab && last >= 0 {
		data, r.free = r.free[last], r.free[:last]
	} else {
		data = make([]byte, size)
	}
	s.slab, s.used = &slab{conn: s.conn, side: s.side}, 0
	s.slab.data.Store(&data)
}

// retire counts the stream's last slab as full: its connection is over.
func (s *stream) retire(r *Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.shrink()
	s.fullLocked(r)
	s.slab, s.used, s.size = nil, 0, 0
}

// shrink moves the bytes of a slab that is less than half full to one of their
// size.
func (s *stream) shrink() {
	if s.slab == nil || s.used >= len(*s.slab.data.Load())/2 {
		return
	}
	data := slices.Clone((*s.slab.data.Load())[:s.used])
	s.slab.data.Store(&data)
}

func (s *stream) fullLocked(r *Recording) {
	if s.slab == nil {
		return
	}
	s.slab.used = int64(s.used)
	r.full = append(r.full, s.slab)
	r.kept += int64(len(*s.slab.data.Load()))
	r.letGoLocked()
}

func (r *Recording) letGoLocked() {
	limit := r.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	for r.kept > limit && len(r.full) > 0 {
		oldest := r.full[0]
		r.full[0] = nil
		r.full = r.full[1:]
		data := oldest.data.Swap(nil)
		r.kept -= int64(len(*data))
		if len(*data) == largeSlab && !oldest.seen.Load() && oldest.pins.Load() == 0 {
			r.free = append(r.free, *data)
		}
		last := r.entry(r.length.Load() - 1)
		r.appendLocked(entry{kind: LetGo, conn: oldest.conn, side: oldest.side, n: int32(oldest.used), time: last.time, cause: -1})
	}
}
