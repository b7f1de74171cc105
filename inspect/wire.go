package inspect

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sort"
	"sync"
	"time"
)

// A wire is the pumped tap: it joins two connections by a reader, a queue and
// a writer for each direction. A reader never stops because the other side is
// slow, up to the tap's bound, so that two endpoints that both write first do
// not wait for each other for ever, as they would over a bare net.Pipe.
type wire struct {
	tap       *Tap
	recording *Recording
	conn      int
	speaks    Protocol      // nil for TLS
	views     [2]*viewpoint // by Side; nil for TLS, and without a gate
	gate      Gate
	ends      [2]net.Conn // towards each Side
	dirs      [2]*direction
	done      chan struct{} // closed when nothing of it is left

	gateMu sync.Mutex // the gate's calls for one connection come one at a time
	over   bool       // guarded by gateMu

	timersMu sync.Mutex
	alarms   []*alarm // those that have not rung, by when they are due
	silent   bool     // no alarm is set any more
}

// An alarm is what a gate wants to be called at.
type alarm struct {
	due   time.Time
	f     func()
	timer *time.Timer
}

// A direction is what one side sends.
type direction struct {
	wire   *wire
	from   Side
	stream stream // of captured bytes: the reader's alone
	sent   stream // of altered and injected bytes

	mu     sync.Mutex
	change *sync.Cond
	queue  []delivery   // decided, in the order of the decisions
	held   map[int]Unit // captured and not decided
	bytes  int          // in queue and held
	ended  bool         // the sender sends no more
	cut    bool         // nothing more is delivered
	left   bool         // the receiver is gone
	closed bool         // the sender, one of ours, has closed its end
	known  bool         // an Ended event was recorded
	dry    bool         // a Drained event was recorded
	over   bool         // nothing takes from the queue any more
	broken bool         // the sender's connection was reset: so is the receiver's, behind what is delivered
}

// A delivery is bytes on their way to the receiver, or, with the kind Ended,
// the place behind which nothing is delivered.
type delivery struct {
	kind  EventKind // Captured where there is no gate
	bytes []byte
	cause int
	pin   *slab
	make  func() []byte // what is delivered in place of bytes; it may be nil, or return nil
}

// pump starts a wire between the two ends.
func (t *Tap) pump(opening *Opening, client, server net.Conn) *wire {
	w := &wire{
		tap: t, recording: t.Recording(), speaks: opening.Speaks, gate: t.Gate, ends: [2]net.Conn{client, server}, done: make(chan struct{}),
	}
	w.conn = w.recording.open(opening, t.now())
	for _, from := range []Side{Client, Server} {
		d := &direction{wire: w, from: from, held: make(map[int]Unit)}
		if opening.Speaks != nil && t.Gate != nil {
			w.views[from] = newViewpoint(opening.Speaks, from)
		}
		d.stream = stream{conn: int32(w.conn), side: from}
		d.sent = stream{conn: int32(w.conn), side: from}
		d.change = sync.NewCond(&d.mu)
		w.dirs[from] = d
	}
	t.mu.Lock()
	if t.wires == nil {
		t.wires = make(map[*wire]struct{})
	}
	t.wires[w] = struct{}{}
	closed := t.closed
	t.mu.Unlock()
	go w.run()
	if closed {
		w.kill()
	}
	return w
}

func (w *wire) run() {
	var parts sync.WaitGroup
	for _, d := range w.dirs {
		parts.Go(d.read)
		parts.Go(d.write)
	}
	parts.Wait()
	w.gateMu.Lock()
	w.over = true
	w.gateMu.Unlock()
	w.timersMu.Lock()
	for _, alarm := range w.alarms {
		alarm.timer.Stop()
	}
	w.alarms, w.silent = nil, true
	w.timersMu.Unlock()
	for _, end := range w.ends {
		end.Close()
	}
	for _, d := range w.dirs {
		d.stream.retire(w.recording)
		d.sent.retire(w.recording)
	}
	w.tap.mu.Lock()
	delete(w.tap.wires, w)
	w.tap.mu.Unlock()
	close(w.done)
}

// kill cuts both directions, unless their sender has ended them already, and
// closes both ends.
func (w *wire) kill() {
	how := Broken
	if w.gate != nil {
		how = Cut
	}
	for _, d := range w.dirs {
		d.mu.Lock()
		if !d.closed {
			d.noteEnd(how)
		}
		d.noteDrained(Cut)
		d.cut = true
		d.change.Broadcast()
		d.mu.Unlock()
	}
	for _, end := range w.ends {
		end.Close()
	}
}

// left is told that the program at side has closed its end: what is on its
// way there, held or not, can never arrive.
func (w *wire) left(side Side) {
	d := w.dirs[side]
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d = w.dirs[side.Peer()]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = true
	d.change.Broadcast()
}

// gone is told that the connection to side is broken, and not only at its end:
// nothing reaches it any more.
func (w *wire) gone(side Side) {
	if _, ours := w.ends[side].(*pipeEnd); ours {
		return // which tells by itself: see left
	}
	d := w.dirs[side.Peer()]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = true
	d.change.Broadcast()
}

func (w *wire) event(kind EventKind, from Side) entry {
	return entry{kind: kind, conn: int32(w.conn), side: from, time: w.tap.now().UnixNano(), cause: -1}
}

// leastRead is the least room that a read is given.
const leastRead = 512

// read captures what the sender sends until it ends.
func (d *direction) read() {
	var rest []byte // gated: the beginning of a unit that is not whole yet
	var err error
	for err == nil {
		d.waitForRoom()
		if d.wire.gate == nil {
			err = d.pass()
		} else {
			rest, err = d.offer(rest)
		}
	}
	d.finish(err)
}

// pass reads straight into the recording and queues what came.
func (d *direction) pass() error {
	room := d.stream.reserve(d.wire.recording, leastRead)
	n, err := d.wire.ends[d.from].Read(room)
	if n > 0 {
		d.stream.slab.pins.Add(1)
		pin := d.stream.slab
		captured := d.stream.commit(d.wire.recording, d.wire.event(Captured, d.from), n)
		d.acknowledge(n)
		d.enqueue(delivery{kind: Captured, bytes: room[:n:n], cause: captured, pin: pin})
	}
	return err
}

// offer reads on behind rest, hands every whole unit to the gate, and returns
// what is left; when the sender ends, that is a unit too. What came at once is
// captured at once: no answer to its beginning stands before its end.
func (d *direction) offer(rest []byte) ([]byte, error) {
	buffer := make([]byte, 16<<10)
	n, err := d.wire.ends[d.from].Read(buffer)
	rest = append(rest, buffer[:n]...)
	var captured []int
	for len(rest) > 0 {
		id, size := d.capture(rest, err != nil)
		if size == 0 {
			break
		}
		captured = append(captured, id)
		rest = rest[size:]
	}
	d.acknowledge(n)
	for _, id := range captured {
		d.hold(id)
	}
	return rest, err
}

// acknowledge lets the sender, if it is one of ours, go on: what it wrote was taken down.
func (d *direction) acknowledge(n int) {
	if end, ours := d.wire.ends[d.from].(*pipeEnd); ours {
		end.in.(*receipted).acknowledge(n)
	}
}

// capture records the unit that b begins with, and returns its length: 0 if it is
// not whole, and more may come.
func (d *direction) capture(b []byte, last bool) (id, size int) {
	if view := d.wire.views[d.from]; view != nil {
		view.mu.Lock() // the order of events is the one in which the view's reader is shown units
		defer view.mu.Unlock()
		size = view.sent.length(b)
	} else {
		size = unitLength(b)
	}
	if size > len(b) {
		if !last {
			return 0, 0
		}
		size = len(b)
	}
	return d.stream.append(d.wire.recording, d.wire.event(Captured, d.from), b[:size]), size
}

// unitLength returns the length of the TLS record that b begins with, or of what came
// at once; more than len(b) if it is not whole.
func unitLength(b []byte) int {
	if notTLS(b) != "" {
		return len(b)
	}
	if len(b) < headerLength {
		return headerLength
	}
	return headerLength + int(b[3])<<8 + int(b[4])
}

// hold hands the unit to the gate.
func (d *direction) hold(id int) {
	u := Unit{ID: id, Conn: d.wire.conn, From: d.from, Speaks: d.wire.speaks, Bytes: d.wire.recording.At(id).Bytes}
	d.mu.Lock()
	d.held[id] = u
	d.bytes += len(u.Bytes)
	d.change.Broadcast() // where nothing is delivered any more, it is given up
	d.mu.Unlock()
	d.wire.gateMu.Lock()
	defer d.wire.gateMu.Unlock()
	d.wire.gate.Captured(d.wire, u)
}

func (d *direction) finish(err error) {
	how := EndOfFile
	switch {
	case errors.Is(err, net.ErrClosed): // by the wire itself, since the other side has gone
		how = Broken
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe):
		how = Cut
	}
	d.mu.Lock()
	d.noteEnd(how)
	d.mu.Unlock()
	if how != EndOfFile {
		d.wire.gone(d.from)
	}
	if d.wire.gate != nil {
		d.wire.gateMu.Lock()
		d.wire.gate.Ended(d.wire, d.from)
		d.wire.gateMu.Unlock()
	}
	d.mu.Lock()
	d.ended, d.broken = true, how != EndOfFile
	d.change.Broadcast()
	d.mu.Unlock()
}

// noteEnd records how the direction ended, once. It is called with mu held.
func (d *direction) noteEnd(how Ending) {
	if d.known {
		return
	}
	d.known = true
	e := d.wire.event(Ended, d.from)
	e.how = how
	d.wire.recording.append(e)
}

// noteDrained records, once, that the receiver is about to be told that no more
// comes. It is called with mu held, before the receiver can see it.
func (d *direction) noteDrained(how Ending) {
	if d.dry || d.left || d.wire.gate == nil {
		return
	}
	d.dry = true
	e := d.wire.event(Drained, d.from)
	e.how = how
	d.wire.recording.append(e)
}

// waitForRoom blocks while the bound is reached.
func (d *direction) waitForRoom() {
	limit := d.wire.tap.Queue
	if limit == 0 {
		limit = DefaultQueue
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.bytes >= limit && !d.cut && !d.left {
		d.change.Wait()
	}
}

// enqueue has the item delivered once all before it is; behind the end of the
// direction it cannot be.
func (d *direction) enqueue(item delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		if item.kind != Ended {
			d.undeliverable(item.cause, len(item.bytes))
		}
		item.unpin()
		return
	}
	d.queue = append(d.queue, item)
	d.bytes += len(item.bytes)
	d.change.Broadcast()
}

// write delivers what was decided, in order, until the direction is over.
func (d *direction) write() {
	far := d.wire.ends[d.from.Peer()]
	for {
		item, ok := d.next()
		if !ok {
			break
		}
		d.deliver(far, item)
		d.mu.Lock()
		d.bytes -= len(item.bytes)
		d.change.Broadcast()
		d.mu.Unlock()
	}
	d.mu.Lock()
	socket, isSocket := far.(resettable)
	how := EndOfFile
	if isSocket && d.broken && !d.cut {
		how = Cut
	}
	d.noteDrained(how)
	d.mu.Unlock()
	if how == Cut {
		socket.SetLinger(0)
		socket.Close()
		return
	}
	closeWrite(far)
}

// A resettable connection is TCP's. Closed without lingering, it is reset, as by ABORT (RFC 9293 section 3.10.5).
type resettable interface {
	SetLinger(seconds int) error
	Close() error
}

// next waits for something to deliver; false means that nothing will come.
func (d *direction) next() (delivery, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if len(d.queue) > 0 && d.queue[0].kind == Ended {
			d.cut = true
			d.noteDrained(EndOfFile)
			closeWrite(d.wire.ends[d.from.Peer()])
		}
		if d.cut || d.left {
			d.giveUp()
		}
		if len(d.queue) > 0 {
			item := d.queue[0]
			d.queue[0] = delivery{}
			d.queue = d.queue[1:]
			return item, true
		}
		if d.ended && len(d.held) == 0 {
			d.over = true
			return delivery{}, false
		}
		d.change.Wait()
	}
}

// giveUp records everything that waits as undeliverable. It is called with mu held.
func (d *direction) giveUp() {
	for _, id := range slices.Sorted(maps.Keys(d.held)) {
		d.undeliverable(id, len(d.held[id].Bytes))
		d.bytes -= len(d.held[id].Bytes)
		delete(d.held, id)
	}
	for _, item := range d.queue {
		if item.kind != Ended {
			d.undeliverable(item.cause, len(item.bytes))
		}
		d.bytes -= len(item.bytes)
		item.unpin()
	}
	d.queue = nil
	d.change.Broadcast()
}

func (d *direction) undeliverable(cause, n int) {
	e := d.wire.event(Undeliverable, d.from)
	e.cause, e.n = int64(cause), int32(n)
	d.wire.recording.append(e)
}

// deliver records first: what the receiver does about the bytes comes after them.
func (d *direction) deliver(far net.Conn, item delivery) {
	defer item.unpin()
	size := len(item.bytes)
	if item.make != nil {
		if b := item.make(); b != nil {
			item.kind, item.bytes = Altered, b
		}
	}
	on, ok := d.noteDelivery(item, size)
	if !ok || len(item.bytes) == 0 { // a net.Pipe would wait for someone to read nothing
		return
	}
	n, err := far.Write(item.bytes)
	if err == nil {
		return
	}
	d.undeliverable(on, len(item.bytes)-n)
	d.mu.Lock()
	d.left = true
	d.mu.Unlock()
	d.wire.abandon(d.from)
}

// noteDelivery records that the item goes to the receiver, and returns the event
// that brings it there. If the direction was cut meanwhile it returns false, and
// what does not arrive is what was decided on, size bytes.
func (d *direction) noteDelivery(item delivery, size int) (event int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dry {
		d.undeliverable(item.cause, size)
		return 0, false
	}
	e := d.wire.event(item.kind, d.from)
	e.cause = int64(item.cause)
	if view := d.wire.views[d.from.Peer()]; view != nil {
		view.mu.Lock()
		defer view.mu.Unlock()
		view.receive(item.bytes)
	}
	switch item.kind {
	case Forwarded:
		return d.wire.recording.append(e), true
	case Altered, Injected:
		return d.sent.append(d.wire.recording, e, item.bytes), true
	}
	return item.cause, true
}

// abandon ends a sender outside this process whose receiver is gone and no
// longer speaks: what it says has nowhere to go. Endpoints of ours end by
// themselves, and their last words are worth recording.
func (w *wire) abandon(from Side) {
	if _, ours := w.ends[from].(*pipeEnd); ours {
		return
	}
	answers := w.dirs[from.Peer()]
	answers.mu.Lock()
	over := answers.ended || answers.cut
	answers.mu.Unlock()
	if over {
		w.ends[from].Close()
	}
}

func (i delivery) unpin() {
	if i.pin != nil {
		i.pin.pins.Add(-1)
	}
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	conn.Close()
}

// Conn and what follows make a wire a [Wire].

func (w *wire) Conn() int             { return w.conn }
func (w *wire) Recording() *Recording { return w.recording }

func (w *wire) Holds(id int) bool {
	for _, d := range w.dirs {
		d.mu.Lock()
		_, held := d.held[id]
		d.mu.Unlock()
		if held {
			return true
		}
	}
	return false
}

func (w *wire) Forward(id int) {
	for _, d := range w.dirs {
		d.mu.Lock()
		if u, ok := d.held[id]; ok {
			d.decide(u, delivery{kind: Forwarded, bytes: u.Bytes, cause: id})
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
	}
	if id < 0 || id >= w.recording.Len() {
		return
	}
	if e := w.recording.At(id); e.Kind == Captured && e.Conn == w.conn && e.Bytes != nil && !w.dirs[e.Side].dead() {
		w.dirs[e.Side].enqueue(delivery{kind: Forwarded, bytes: e.Bytes, cause: id})
	}
}

func (w *wire) Expire(id int) {
	for _, d := range w.dirs {
		d.mu.Lock()
		if u, held := d.held[id]; held {
			e := w.event(Expired, d.from)
			e.cause = int64(id)
			w.recording.append(e)
			d.decide(u, delivery{kind: Forwarded, bytes: u.Bytes, cause: id})
		}
		d.mu.Unlock()
	}
}

// dead reports whether nothing of the direction can arrive any more. What had
// come by then was recorded as undeliverable.
func (d *direction) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut || d.left || d.over
}

func (w *wire) Send(from Side, b []byte, cause int) {
	d := w.dirs[from]
	if cause < 0 {
		d.enqueue(delivery{kind: Injected, bytes: bytes.Clone(b), cause: -1})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if u, held := d.held[cause]; held {
		d.decide(u, delivery{kind: Altered, bytes: bytes.Clone(b), cause: cause})
	}
}

func (w *wire) Replace(id int, f func() []byte) {
	for _, d := range w.dirs {
		d.mu.Lock()
		if u, held := d.held[id]; held {
			d.decide(u, delivery{kind: Forwarded, bytes: u.Bytes, cause: id, make: f})
		}
		d.mu.Unlock()
	}
}

func (w *wire) Drop(id int) {
	for _, d := range w.dirs {
		d.mu.Lock()
		if u, ok := d.held[id]; ok {
			delete(d.held, id)
			d.bytes -= len(u.Bytes)
			e := w.event(Dropped, d.from)
			e.cause = int64(id)
			w.recording.append(e)
			d.change.Broadcast()
		}
		d.mu.Unlock()
	}
}

func (w *wire) Cut(from Side) {
	d := w.dirs[from]
	d.mu.Lock()
	d.noteEnd(Cut)
	d.noteDrained(EndOfFile)
	d.cut = true
	d.change.Broadcast()
	d.mu.Unlock()
	closeWrite(w.ends[from.Peer()])
}

func (w *wire) Finish(from Side) {
	d := w.dirs[from]
	d.mu.Lock()
	d.noteEnd(Cut)
	d.mu.Unlock()
	d.enqueue(delivery{kind: Ended})
}

func (w *wire) After(wait time.Duration, f func()) {
	w.timersMu.Lock()
	defer w.timersMu.Unlock()
	if w.silent {
		return
	}
	due := time.Now().Add(wait)
	place := sort.Search(len(w.alarms), func(i int) bool { return w.alarms[i].due.After(due) })
	alarm := &alarm{due: due, f: f, timer: time.AfterFunc(wait, w.ring)}
	w.alarms = slices.Insert(w.alarms, place, alarm)
}

// ring calls what is due first. Each alarm rings once, and those that are due
// at once come in the order in which they were set.
func (w *wire) ring() {
	w.gateMu.Lock()
	defer w.gateMu.Unlock()
	if w.over {
		return
	}
	w.timersMu.Lock()
	first := w.alarms[0]
	w.alarms = w.alarms[1:]
	w.timersMu.Unlock()
	first.f()
}

// decide moves a held unit's decision into the queue. It is called with mu held.
func (d *direction) decide(u Unit, item delivery) {
	delete(d.held, u.ID)
	d.queue = append(d.queue, item)
	d.bytes += len(item.bytes) - len(u.Bytes)
	d.change.Broadcast()
}

// A pipeEnd is one end of a connection in memory: a net.Pipe for each way, so
// that each way can end by itself.
type pipeEnd struct {
	in, out       net.Conn
	local, remote net.Addr
	closed        func() // told once, when the program closes its end
	once          sync.Once
	id            int
	side          Side
}

// newPipe returns the program's end and the wire's end.
func newPipe(local, remote net.Addr) (program, wire *pipeEnd) {
	programIn, wireOut := net.Pipe()
	taken, given := net.Pipe()
	wireIn, programOut := receipts(taken, given)
	return &pipeEnd{in: programIn, out: programOut, local: local, remote: remote},
		&pipeEnd{in: wireIn, out: wireOut, local: remote, remote: local}
}

// A receipted end is one of two between which a Write returns only when the reader has acknowledged what it read: by then the
// wire has taken it down, so that a program finds in the recording what it has written. A bare net.Pipe's returns sooner.
type receipted struct {
	net.Conn
	*receipt
}

type receipt struct {
	writing sync.Mutex // one Write at a time
	written int

	mu           sync.Mutex
	change       *sync.Cond
	acknowledged int
}

func receipts(reader, writer net.Conn) (*receipted, *receipted) {
	r := new(receipt)
	r.change = sync.NewCond(&r.mu)
	return &receipted{reader, r}, &receipted{writer, r}
}

func (r *receipted) Write(b []byte) (int, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	n, err := r.Conn.Write(b)
	r.written += n
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.acknowledged < r.written {
		r.change.Wait()
	}
	return n, err
}

func (r *receipt) acknowledge(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acknowledged += n
	r.change.Broadcast()
}

func (p *pipeEnd) place() (int, Side)                { return p.id, p.side }
func (p *pipeEnd) Read(b []byte) (int, error)        { return p.in.Read(b) }
func (p *pipeEnd) Write(b []byte) (int, error)       { return p.out.Write(b) }
func (p *pipeEnd) CloseWrite() error                 { return p.out.Close() }
func (p *pipeEnd) LocalAddr() net.Addr               { return p.local }
func (p *pipeEnd) RemoteAddr() net.Addr              { return p.remote }
func (p *pipeEnd) SetReadDeadline(t time.Time) error { return p.in.SetReadDeadline(t) }
func (p *pipeEnd) SetWriteDeadline(t time.Time) error {
	return p.out.SetWriteDeadline(t)
}

func (p *pipeEnd) SetDeadline(t time.Time) error {
	return errors.Join(p.in.SetReadDeadline(t), p.out.SetWriteDeadline(t))
}

func (p *pipeEnd) Close() error {
	p.once.Do(func() {
		p.out.Close()
		p.in.Close()
		if p.closed != nil {
			p.closed()
		}
	})
	return nil
}

// A memoryAddr is the address of an endpoint in memory.
type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }
