package kernel

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// DigestPeriod is how long a [Digest] counts before it tells.
const DigestPeriod = 10 * time.Second

// A Digest keeps a flood of the same from becoming a flood of lines. Of each kind, some are told one by one; those that come
// besides within DigestPeriod are told together when it is over. The zero value is ready for use, by several goroutines.
type Digest struct {
	mu    sync.Mutex
	kinds map[string]*spell
}

// spell is a period in which there was something of a kind.
type spell struct {
	begun      time.Time
	told, more int
	timer      *time.Timer
	tell       func(more int)
}

// Tell reports whether one of a kind is to be told by itself: so are the first most of a period. For the others, more is called
// once with their number, by a timer or by Flush.
func (d *Digest) Tell(kind string, most int, more func(count int)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds == nil {
		d.kinds = make(map[string]*spell)
	}
	s := d.kinds[kind]
	if s == nil || s.more == 0 && time.Since(s.begun) >= DigestPeriod {
		s = &spell{begun: time.Now(), tell: more}
		d.kinds[kind] = s
	}
	if s.told < most {
		s.told++
		return true
	}
	if s.more++; s.more == 1 {
		s.timer = time.AfterFunc(time.Until(s.begun.Add(DigestPeriod)), func() { d.end(kind, s) })
	}
	return false
}

// Flush tells at once what is still to be told.
func (d *Digest) Flush() {
	d.mu.Lock()
	spells := d.kinds
	d.kinds = nil
	d.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(spells)) {
		if s := spells[kind]; s.timer != nil && s.timer.Stop() {
			s.tell(s.more)
		}
	}
}

func (d *Digest) end(kind string, s *spell) {
	d.mu.Lock()
	if d.kinds[kind] == s {
		delete(d.kinds, kind)
	}
	count := s.more
	d.mu.Unlock()
	s.tell(count)
}
