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
	clear   bool // there is no TLS on it

	// The splitter: what it has of the record that is not whole yet.
	header []byte
	need   int      // of the fragment; -1 while the header is not whole
	run    ItemKind // BytesItem or GapItem, once what comes cannot be split into records
	runs   []int64  // where each such run began
	found  []piece  // what the latest bytes completed

	// Decoding.
	decided int // records before this one are
	epoch   Epoch
	key     *trafficKey // nil until it is found
	seq     uint64
	message []byte // handshake bytes of a message that is not whole yet
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
	reason string
}

// add takes e's bytes, which the event source keeps, and returns what they
// complete: valid until more bytes come.
func (l *lane) add(e Event, source int) []piece {
	l.chunks = append(l.chunks, chunk{l.size, source, e.Index})
	start := l.size
	l.size += int64(e.N)
	if e.Bytes == nil && e.N > 0 {
		return l.missed(e, start)
	}
	if l.run == GapItem {
		return []piece{l.begin(BytesItem, start, reasonAfterGap)}
	}
	found := l.found[:0]
	if l.clear && l.run == 0 {
		return []piece{l.begin(BytesItem, start, reasonClear)}
	}
	for b := e.Bytes; len(b) > 0 && l.run == 0; {
		if len(l.header) < headerLength {
			l.header = append(l.header, b[0])
			b = b[1:]
			if reason := notTLS(l.header); reason != "" {
				return append(found, l.begin(BytesItem, e.end(l, b)-int64(len(l.header)), reason))
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
			found = append(found, piece{record: l.cutRecord(e, e.end(l, b))})
		}
	}
	l.found = found
	return found
}

// missed begins a gap where bytes were let go, or never captured. The record
// that it interrupts is truncated.
func (l *lane) missed(e Event, start int64) (found []piece) {
	if l.run == 0 && len(l.header) > 0 {
		r := l.cutRecord(e, start)
		r.Truncated = true
		found = append(found, piece{record: r})
	}
	if l.run != GapItem {
		found = append(found, l.begin(GapItem, start, ""))
	}
	return found
}

// begin begins a run of bytes that are not split into records.
func (l *lane) begin(kind ItemKind, from int64, reason string) piece {
	l.run = kind
	l.runs = append(l.runs, from)
	return piece{kind: kind, from: from, reason: reason}
}

// runEnd returns where the run that began at from had ended, or come to, once
// event at had happened.
func (l *lane) runEnd(from int64, at int) int64 {
	end := l.sizeAt(at)
	if i := slices.Index(l.runs, from); i >= 0 && i+1 < len(l.runs) {
		return min(end, l.runs[i+1])
	}
	return end
}

const (
	reasonClear    = "there is no TLS on this connection"
	reasonAfterGap = "bytes before it are missing, so where a record begins is not known"
)

// end returns the offset within l at which the rest b of e's bytes begins.
func (e Event) end(l *lane, b []byte) int64 { return l.size - int64(len(b)) }

// cutRecord makes a record of what the splitter has; end is the offset behind it.
func (l *lane) cutRecord(e Event, end int64) *Record {
	h := append(l.header, make([]byte, headerLength-len(l.header))...)
	r := &Record{
		Side: l.from, Lane: l.lane, Seq: len(l.records), Event: e.Index, Time: e.Time,
		Type: ContentType(h[0]), Version: uint16(h[1])<<8 | uint16(h[2]), Length: int(h[3])<<8 | int(h[4]),
		DecidedAt: -1, Content: -1, Why: WhyUndecided, Verdict: l.verdict,
	}
	r.Offset = end - int64(len(l.header)) - int64(r.Length-l.need)
	if len(l.header) < headerLength {
		r.Offset = end - int64(len(l.header))
	}
	r.size = int(end - r.Offset)
	l.records = append(l.records, r)
	l.header, l.need = l.header[:0], 0
	return r
}

// finish returns the record whose tail is missing, if there is one.
func (l *lane) finish(e Event) *Record {
	if l.ended || l.run != 0 || len(l.header) == 0 {
		l.ended = true
		return nil
	}
	l.ended = true
	r := l.cutRecord(e, l.size)
	r.Truncated = true
	return r
}

// notTLS says why the beginning of a record header cannot be one, or "". It
// decides at the first byte that tells, however the bytes came.
func notTLS(header []byte) string {
	switch {
	case header[0] < byte(ChangeCipherSpec) || header[0] > maxContentType:
		return "its first byte is no content type of TLS"
	case len(header) > 1 && header[1] != 0x03:
		return "its second byte is not 0x03, the first byte of every TLS version"
	case len(header) >= headerLength && int(header[3])<<8|int(header[4]) > maxFragment:
		return "its length is more than a TLS record may have"
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
