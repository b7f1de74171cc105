package store

import (
	"sync"
	"time"
)

// A moment is milliseconds since 1970, in UTC; 0 is never.
type moment int64

// lastMoment is the end of the year 9999, past which a time cannot be written down as RFC 3339 has it.
var lastMoment = moment(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - 1)

// momentOf rounds up, so that nothing expires before its time.
func momentOf(t time.Time) moment {
	if t.IsZero() {
		return 0
	}
	t = t.UTC()
	switch year := t.Year(); {
	case year < 1970:
		return 1
	case year > 9999:
		return lastMoment
	}
	return min(max(moment(t.Add(time.Millisecond-1).UnixMilli()), 1), lastMoment)
}

func (m moment) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// A clock is read once, when it is first asked: to one View or Update it is always the same moment.
type clock struct{ now moment }

// past reports whether m has come.
func (c *clock) past(m moment) bool { return m != 0 && m <= c.read() }

func (c *clock) read() moment {
	if c.now == 0 {
		c.now = moment(time.Now().UnixMilli())
	}
	return c.now
}

// How much a sweep removes, and how soon the next one may begin.
const (
	sweepPairs = 1000 // in one Update, so that nobody waits long
	sweepPause = time.Second
)

// A sweeper has what has expired removed, in the background, though nobody asks for it. The zero value is at rest; it has
// a timer only while there is something that expires.
type sweeper struct {
	mu     sync.Mutex
	timer  *time.Timer
	at     time.Time
	ended  bool
	latest time.Time // when it last swept
}

// wake sees to it that sweep is called once m has come. Sweep returns when it is wanted next, 0 for never.
func (s *sweeper) wake(m moment, sweep func() moment) {
	if m == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := m.time()
	if soonest := s.latest.Add(sweepPause); at.Before(soonest) {
		at = soonest
	}
	switch {
	case s.ended || s.timer != nil && !at.Before(s.at):
		return
	case s.timer != nil:
		s.timer.Stop()
	}
	s.at = at
	s.timer = time.AfterFunc(time.Until(at), func() {
		s.mu.Lock()
		s.timer, s.latest = nil, time.Now()
		s.mu.Unlock()
		s.wake(sweep(), sweep)
	})
}

// end stops it for good.
func (s *sweeper) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
