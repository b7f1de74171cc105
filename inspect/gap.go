package inspect

// A gap is a run of a lane's bytes that were let go, or never captured.
//
// Where it lies within one record, the record's header says where the next one
// begins. Otherwise that has to be found out: records go on where two headers
// stand one behind the other, just as far apart as the first one says. That
// bytes within a record look like this happens by chance once in some 10^13.
type gap struct {
	open    bool
	inside  bool   // there is no gap: what came first is no TLS, and may be the rest of a record
	resume  int64  // where the next record begins; -1 if it is not known
	pending []byte // the lane's last bytes, from where a record may begin
	behind  lost   // for the record that comes next
}

// What is lost before a record: how many bytes there are that no record
// accounts for, and whether there was a gap at all.
type lost struct {
	bytes  int64
	torn   bool
	inside bool // they came first, and may be no TLS
}

func (g *gap) take() lost {
	behind := g.behind
	g.behind = lost{}
	return behind
}

// missed begins a gap at start, or makes it longer. The record that it
// interrupts is truncated.
func (l *lane) missed(e Event, start int64) {
	g := &l.gap
	if g.open {
		l.leave(g.pending, start)
		if g.resume < l.size {
			g.resume = -1
		}
	} else {
		*g = gap{open: true, resume: -1}
		if len(l.header) == headerLength && start+int64(l.need) >= l.size {
			g.resume = start + int64(l.need)
		}
		if len(l.header) > 0 {
			l.cutRecord(e, start, true)
		}
	}
	g.behind.torn, l.holed = true, true
	if g.resume < 0 {
		g.behind.bytes += int64(e.N)
	}
	l.beginGap(e, start)
}

// beginGap begins a run of missing bytes, if none goes on that are missing for the same reason.
func (l *lane) beginGap(e Event, start int64) {
	if l.run == GapItem && !l.turned(start) && l.snapped == e.Snapped {
		return
	}
	reason := ""
	if l.snapped = e.Snapped; e.Snapped {
		reason = "snapped"
	}
	l.begin(GapItem, start, reason)
}

// beginInside looks for records in a lane whose first bytes are none: a capture
// may begin inside of a record, or something else may be said before TLS begins.
func (l *lane) beginInside(b []byte) []byte {
	l.gap = gap{open: true, inside: true, resume: -1, behind: lost{torn: true, inside: true}}
	return l.realign(b)
}

// leave gives up what is pending, which ends at end: it is not split into records.
func (l *lane) leave(pending []byte, end int64) {
	l.gap.pending = nil
	l.gap.behind.bytes += int64(len(pending))
	if len(pending) == 0 {
		return
	}
	from := end - int64(len(pending))
	l.giveUp(from, pending)
	if l.turn > from && l.turn < end {
		l.giveUp(l.turn, pending[l.turn-from:])
	}
}

// giveUp takes the byte at an offset, with which b begins, for one that is in no record.
func (l *lane) giveUp(at int64, b []byte) {
	switch {
	case l.run == GapItem, l.turned(at) && !l.gap.inside:
		l.begin(BytesItem, at, "after_gap")
	case l.turned(at):
		l.begin(BytesItem, at, noRecord(b))
	}
}

// realign returns those of the lane's last bytes that begin with a record, or
// nothing while it is not known where one does.
func (l *lane) realign(b []byte) []byte {
	g := &l.gap
	if g.resume >= 0 {
		return l.skipTo(g.resume, b)
	}
	for g.pending = append(g.pending, b...); len(g.pending) > 0; {
		switch begins, known := recordsBegin(g.pending); {
		case begins, g.inside && greets(g.pending):
			return l.settle()
		case !known:
			return nil
		}
		l.giveUp(l.size-int64(len(g.pending)), g.pending)
		g.pending = g.pending[1:]
		g.behind.bytes++
	}
	return nil
}

// skipTo passes over the rest of the record that the gap interrupted.
func (l *lane) skipTo(resume int64, b []byte) []byte {
	start := l.size - int64(len(b))
	if start < resume && len(b) > 0 && l.run == GapItem {
		l.begin(BytesItem, start, "rest")
	}
	if l.size <= resume {
		return nil
	}
	l.close(resume)
	return b[max(resume-start, 0):]
}

// settle takes what is pending for records: two headers fit, or nothing more
// comes that could speak against the first one.
func (l *lane) settle() []byte {
	pending := l.gap.pending
	if len(pending) < headerLength || l.gap.inside && !wholeRecord(pending) {
		l.leave(pending, l.size)
		return nil
	}
	l.close(l.size - int64(len(pending)))
	return pending
}

// wholeRecord reports whether b is one record, or begins with one that another
// follows, or with a hello.
func wholeRecord(b []byte) bool {
	begin, _ := recordsBegin(b)
	return begin || greets(b) || len(b) == headerLength+int(b[3])<<8+int(b[4])
}

// greets reports whether b begins with a record in clear that is a ClientHello
// or a ServerHello.
func greets(b []byte) bool {
	if len(b) < headerLength || !headerLike(b) || ContentType(b[0]) != Handshake {
		return false
	}
	length := int(b[3])<<8 | int(b[4])
	if b = b[headerLength:]; len(b) < length || !wholeMessages(b[:length]) {
		return false
	}
	kind := HandshakeType(b[0])
	return kind == typeClientHello || kind == typeServerHello
}

// close ends the gap: from offset at on there are records again.
func (l *lane) close(at int64) {
	l.gap = gap{behind: l.gap.behind}
	l.run, l.turn = 0, 0
	l.runs = append(l.runs, at)
}

// recordsBegin reports whether two records begin at the start of b, if that
// can be said yet.
func recordsBegin(b []byte) (begin, known bool) {
	if !headerLike(b) {
		return false, true
	}
	if len(b) < headerLength {
		return false, false
	}
	next := headerLength + int(b[3])<<8 + int(b[4])
	if len(b) <= next {
		return false, false
	}
	if !headerLike(b[next:]) {
		return false, true
	}
	return len(b) >= next+headerLength, len(b) >= next+headerLength
}

// headerLike reports whether b can be the beginning of a record, or of a part
// of its header.
func headerLike(b []byte) bool {
	b = b[:min(len(b), headerLength)]
	switch {
	case notTLS(b) != "" || b[0] > byte(ApplicationData):
		return false
	case len(b) > 2 && b[2] > byte(version13&0xff):
		return false
	}
	return len(b) < headerLength || b[3] != 0 || b[4] != 0
}
