package capture

import (
	"bytes"
	"container/list"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"
)

// What is kept of IP packets that came in fragments. Past these bounds the oldest
// of them counts as never whole.
const (
	mostFragmented = 4096             // packets
	mostOfPacket   = 1024             // fragments of a packet
	mostFragments  = 16 << 20         // bytes of memory, of all
	fragmentKept   = 64               // bytes of memory besides the payload
	fragmentsWait  = 60 * time.Second // RFC 8200 section 4.5
	longestPacket  = 1<<16 - 1        // bytes of payload
)

// fragments puts IP packets together (RFC 791 section 3.2, RFC 8200 section 4.5).
// Its zero value is ready to use.
type fragments struct {
	seed   maphash.Seed
	of     map[fragmentKey]*list.Element
	oldest list.List // of *fragmented, by when they began
	bytes  int
}

// A fragmentKey is what the fragments of a packet have in common.
type fragmentKey struct {
	source, target netip.Addr
	id             uint32
}

// A fragmented packet is one of which some fragments have come. Where all have, or
// where they contradict each other, it is over, and remembered for those that
// come twice.
type fragmented struct {
	key    fragmentKey
	began  time.Time
	at     int64 // of the first fragment in the file
	next   byte  // of the fragment that the packet begins with
	pieces []fragment
	have   int // bytes of it
	length int // -1 until its last fragment has come
	kept   int // bytes in memory
	over   bool
	wrong  bool
}

// A fragment is a part of a packet's payload.
type fragment struct {
	offset, length int
	payload        []byte // as far as the capture has it; nil once the packet is over
	sum            uint64 // of the payload: what comes twice is known by it
}

// join takes in a fragment, which stands at a place in the file, and returns the
// datagram that it makes whole, if it does.
func (f *fragments) join(d datagram, now time.Time, at int64) (whole datagram, ok bool, err error) {
	if f.of == nil {
		f.seed, f.of = maphash.MakeSeed(), make(map[fragmentKey]*list.Element)
	}
	key := fragmentKey{d.source, d.target, d.id}
	piece := fragment{d.offset, d.length, d.payload, maphash.Bytes(f.seed, d.payload)}
	p := f.packet(key)
	if p != nil && slices.ContainsFunc(p.pieces, piece.same) {
		return datagram{}, false, nil
	}
	if p != nil && p.over && !p.wrong { // the number is used again
		f.forget(p)
		p = nil
	}
	if p == nil {
		p = &fragmented{key: key, began: now, at: at, length: -1}
		f.of[key] = f.oldest.PushBack(p)
	}
	if p.wrong {
		return datagram{}, false, nil
	}
	if !p.fits(piece, d.more) {
		f.settle(p)
		p.wrong = true
		return datagram{}, false, trouble("fragment_wrong")
	}
	if d.offset == 0 {
		p.next = d.next
	}
	piece.payload = bytes.Clone(d.payload)
	p.pieces = append(p.pieces, piece)
	p.have += piece.length
	f.keep(p, p.kept+len(piece.payload)+fragmentKept)
	if p.have != p.length {
		return datagram{}, false, nil
	}
	whole = datagram{source: d.source, target: d.target, next: p.next, payload: p.join(), length: p.length}
	f.settle(p)
	return whole, true, nil
}

// late returns the packets that are never made whole, since they have waited for too long
// by now, or since too many wait.
func (f *fragments) late(now time.Time) (all []*fragmented) {
	for f.oldest.Len() > 0 {
		p := f.oldest.Front().Value.(*fragmented)
		if f.oldest.Len() <= mostFragmented && f.bytes <= mostFragments && now.Sub(p.began) <= fragmentsWait {
			break
		}
		if f.forget(p); !p.over {
			all = append(all, p)
		}
	}
	return all
}

// rest returns the packets that are not whole, and forgets all.
func (f *fragments) rest() (all []*fragmented) {
	for e := f.oldest.Front(); e != nil; e = e.Next() {
		if p := e.Value.(*fragmented); !p.over {
			all = append(all, p)
		}
	}
	*f = fragments{}
	return all
}

func (f *fragments) packet(key fragmentKey) *fragmented {
	if e := f.of[key]; e != nil {
		return e.Value.(*fragmented)
	}
	return nil
}

func (f *fragments) forget(p *fragmented) {
	f.keep(p, 0)
	f.oldest.Remove(f.of[p.key])
	delete(f.of, p.key)
}

// settle keeps nothing of a packet but what its fragments are known by.
func (f *fragments) settle(p *fragmented) {
	for i := range p.pieces {
		p.pieces[i].payload = nil
	}
	f.keep(p, len(p.pieces)*fragmentKept)
	p.over = true
}

// keep notes how much memory a packet takes.
func (f *fragments) keep(p *fragmented, bytes int) {
	f.bytes += bytes - p.kept
	p.kept = bytes
}

func (a fragment) same(b fragment) bool {
	return a.offset == b.offset && a.length == b.length && a.sum == b.sum
}

// fits reports whether a fragment goes together with those that came before: none may
// overlap (RFC 5722), and none lie behind the last.
func (p *fragmented) fits(piece fragment, more bool) bool {
	end := piece.offset + piece.length
	if len(p.pieces) == mostOfPacket || end > longestPacket || piece.length <= 0 || more && piece.length%8 != 0 {
		return false
	}
	if !more {
		if p.length >= 0 {
			return false
		}
		p.length = end
	}
	for _, other := range p.pieces {
		if piece.offset < other.offset+other.length && other.offset < end || p.length >= 0 && other.offset+other.length > p.length {
			return false
		}
	}
	return p.length < 0 || end <= p.length
}

// join returns the payload of a packet whose fragments are all there, as far as
// the capture has the bytes of each.
func (p *fragmented) join() (payload []byte) {
	slices.SortFunc(p.pieces, func(a, b fragment) int { return a.offset - b.offset })
	for _, piece := range p.pieces {
		if payload = append(payload, piece.payload...); len(piece.payload) < piece.length {
			break
		}
	}
	return payload
}
