package inspect

import (
	"slices"
	"sort"
)

const (
	headerLength          = 5 // type, legacy_record_version, length (RFC 8446 section 5.1)
	handshakeHeaderLength = 4 // type, length (RFC 8446 section 4)

	// maxFragment is the longest fragment that any version allows: RFC 5246
	// section 6.2.3. TLS 1.3 allows 2^14 + 256 (RFC 8446 section 5.2).
	maxFragment = 1<<14 + 2048
)

// A lane is one direction's bytes at one end of the wire, split into records.
// It keeps where its bytes are, not the bytes.
type lane struct {
	from    Side
	lane    Lane
	verdict Verdict // on the bytes that are arriving
	chunks  []chunk
	source  *Recording
	size    int64
	records []*Record
	ended   bool
	units   *units // nil for TLS

	// The splitter: what it has of the record that is not whole yet.
	header []byte
	need   int      // of the fragment; -1 while the header is not whole
	run    ItemKind // BytesItem or GapItem, while what comes cannot be split into records
	runs   []int64  // where each such run began, and where records began again
	turn   int64    // where the bytes begin that came after the peer had sent some, while a run goes on; 0 if there are none
	found  []piece  // what the latest bytes completed
	gap    gap

	snapped bool // the run that goes on is missing since the capture kept the beginnings of packets alone

	// Decoding.
	decided  int // records before this one are
	lent     Why // the reason of those behind it, of which
	lentTo   int // the ones before this one have it
	epoch    Epoch
	key      *trafficKey // nil until it is found
	seq      uint64
	message  []byte // handshake bytes of a message that is not whole yet
	greeted  bool   // it has had a ClientHello or a ServerHello
	changed  bool   // it has had a change_cipher_spec
	headless bool   // it began with protected records
	holed    bool   // bytes of it are missing
	lacks    Why    // what the record that waits lacks
	torn     bool   // handshake bytes are missing, so that a message need not begin with the next record
	tears    int    // how often that was so
	lost     lost   // since the last record that could be read
	searched int64  // for the place of records behind the latest gap, in bytes
	tried    int    // with how many secrets the record that waits was searched for, and 1
	ahead    [2]int // the end of early data was looked for in so many records, with what so many secrets and messages tell
}

// A chunk says which event keeps the lane's bytes from an offset on.
type chunk struct {
	offset int64
	source int
	event  int // at which they came
}

// A piece is what the splitter found.
type piece struct {
	record *Record
	kind   ItemKind // BytesItem or GapItem, where there is no record
	from   int64
	reason string // its key
	unit   []byte // of a record that is not TLS: its bytes, valid as long as the piece
}

// add takes e's bytes, which the event source keeps, and returns what they
// complete: valid until more bytes come.
func (l *lane) add(e Event, source int) []piece {
	l.chunks = append(l.chunks, chunk{l.size, source, e.Index})
	start := l.size
	l.size += int64(e.N)
	l.ended = false // what is on its way when the peer cuts the connection may still be captured
	l.found = l.found[:0]
	if l.units != nil {
		l.addUnits(e, start)
		return l.found
	}
	if e.Bytes == nil && e.N > 0 {
		l.missed(e, start)
		return l.found
	}
	b := e.Bytes
	if l.gap.open {
		b = l.realign(b)
	}
	l.split(e, b)
	l.takeTurn()
	return l.found
}

// split cuts records off b, which the lane ends with.
func (l *lane) split(e Event, b []byte) {
	for len(b) > 0 && l.run == 0 {
		if len(l.header) < headerLength {
			l.header = append(l.header, b[0])
			b = b[1:]
			if reason := notTLS(l.header); reason != "" {
				from := l.size - int64(len(b)) - int64(len(l.header))
				l.begin(BytesItem, from, reason)
				before := l.header
				if l.header = l.header[:0]; from > 0 {
					return
				}
				b = l.beginInside(slices.Concat(before, b))
				continue
			}
			if len(l.header) == headerLength {
				l.need = int(l.header[3])<<8 | int(l.header[4])
			}
		} else {
			n := min(l.need, len(b))
			l.need -= n
			b = b[n:]
		}
		if len(l.header) == headerLength && l.need == 0 {
			l.cutRecord(e, l.size-int64(len(b)), false)
		}
	}
}

// begin begins a run of bytes that are not split into records.
func (l *lane) begin(kind ItemKind, from int64, reason string) {
	if l.run = kind; l.turn <= from {
		l.turn = 0
	}
	l.runs = append(l.runs, from)
	l.found = append(l.found, piece{kind: kind, from: from, reason: reason})
}

// latest returns the event that brought the lane's last bytes; -1 if it has none.
func (l *lane) latest() int {
	if len(l.chunks) == 0 {
		return -1
	}
	return l.chunks[len(l.chunks)-1].event
}

// turned reports whether the byte at an offset is the first of a new turn: a run
// ends where the peer speaks, so that runs stand in the order in which they crossed.
func (l *lane) turned(at int64) bool { return l.turn > 0 && at >= l.turn }

// turnsEnd reports whether the run that goes on is over once the peer has sent something.
func (l *lane) turnsEnd() bool {
	return len(l.gap.pending) == 0 && !(l.gap.open && l.gap.resume >= 0)
}

// takeTurn begins a new run where one goes on in which no records are looked for.
func (l *lane) takeTurn() {
	if l.run == BytesItem && !l.gap.open && l.turned(l.size) {
		l.begin(BytesItem, l.turn, "behind_no_tls")
	}
}

// runEnd returns where the run that began at from had ended, or come to, once
// event at had happened.
func (l *lane) runEnd(from int64, at int) int64 {
	end := l.sizeAt(at)
	if i, ok := slices.BinarySearch(l.runs, from); ok && i+1 < len(l.runs) {
		return min(end, l.runs[i+1])
	}
	return min(end, l.size-int64(len(l.gap.pending)))
}

// cutRecord makes a record of what the splitter has; end is the offset behind it.
func (l *lane) cutRecord(e Event, end int64, truncated bool) {
	h := append(l.header, make([]byte, headerLength-len(l.header))...)
	r := &Record{
		Side: l.from, Lane: l.lane, Seq: len(l.records), Event: e.Index, Time: e.Time,
		Type: ContentType(h[0]), Version: uint16(h[1])<<8 | uint16(h[2]), Length: int(h[3])<<8 | int(h[4]),
		DecidedAt: -1, Content: -1, Why: WhyUndecided, Verdict: l.verdict, Truncated: truncated, lost: l.gap.take(),
	}
	r.Offset = end - int64(len(l.header)) - int64(r.Length-l.need)
	if len(l.header) < headerLength {
		r.Offset = end - int64(len(l.header))
	}
	r.size = int(end - r.Offset)
	l.records = append(l.records, r)
	l.header, l.need = l.header[:0], 0
	l.found = append(l.found, piece{record: r})
}

// finish returns what is left when nothing more comes: a record whose tail is
// missing, or bytes behind a gap.
func (l *lane) finish(e Event) []piece {
	l.found = l.found[:0]
	if l.ended {
		return nil
	}
	l.ended = true
	if l.units != nil {
		l.cutRest(e, l.size)
		return l.found
	}
	if l.gap.open {
		l.split(e, l.settle())
	}
	if l.run == 0 && len(l.header) > 0 {
		l.cutRecord(e, l.size, true)
	}
	return l.found
}

// noRecord says why no record begins with b, at the first byte that tells.
func noRecord(b []byte) string {
	for n := 1; n <= min(len(b), headerLength); n++ {
		if reason := notTLS(b[:n]); reason != "" {
			return reason
		}
		if !headerLike(b[:n]) {
			break
		}
	}
	return "not_tls_next"
}

// notTLS says why the beginning of a record header cannot be one, or "". It
// decides at the first byte that tells, however the bytes came.
func notTLS(header []byte) string {
	switch {
	case header[0] < byte(ChangeCipherSpec) || header[0] > maxContentType:
		return "not_tls_type"
	case len(header) > 1 && header[1] != 0x03:
		return "not_tls_version"
	case len(header) >= headerLength && int(header[3])<<8|int(header[4]) > maxFragment:
		return "not_tls_length"
	}
	return ""
}

// maxContentType is the highest content type that is assigned.
const maxContentType = 0x1b

// missing returns how many bytes the message that is being put together
// lacks, as far as can be said: those of its header come first.
func (l *lane) missing() int {
	if len(l.message) < handshakeHeaderLength {
		return handshakeHeaderLength - len(l.message)
	}
	m := l.message
	return handshakeHeaderLength + int(m[1])<<16 + int(m[2])<<8 + int(m[3]) - len(m)
}

// sizeAt returns how many bytes had come once event at had happened.
func (l *lane) sizeAt(at int) int64 {
	i := sort.Search(len(l.chunks), func(i int) bool { return l.chunks[i].event > at })
	if i == len(l.chunks) {
		return l.size
	}
	return l.chunks[i].offset
}

// endOf returns the offset behind the bytes that an event brought.
func (l *lane) endOf(event int) (offset int64, ok bool) {
	i := sort.Search(len(l.chunks), func(i int) bool { return l.chunks[i].event >= event })
	if i == len(l.chunks) || l.chunks[i].event != event {
		return 0, false
	}
	if i+1 < len(l.chunks) {
		return l.chunks[i+1].offset, true
	}
	return l.size, true
}

// bytes returns n bytes from an offset on, or nil if they were let go. They
// are copied only if they do not lie together.
func (l *lane) bytes(offset int64, n int) []byte {
	if n <= 0 {
		return nil
	}
	i := sort.Search(len(l.chunks), func(i int) bool { return l.chunks[i].offset > offset }) - 1
	var joined []byte
	for ; i < len(l.chunks) && n > 0; i++ {
		data := l.source.At(l.chunks[i].source).Bytes
		if data == nil {
			return nil
		}
		data = data[offset-l.chunks[i].offset:]
		data = data[:min(n, len(data))]
		offset += int64(len(data))
		n -= len(data)
		if joined == nil && n == 0 {
			return data
		}
		joined = append(joined, data...)
	}
	return joined
}
