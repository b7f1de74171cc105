package inspect

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A Stepper is a gate for a person: it holds every unit until it is decided
// on, one at a time or up to a breakpoint. Its zero value is ready to use; its
// methods are safe for concurrent use.
//
// A unit that could no longer arrive, since its receiver is gone or the
// direction was cut, is not pending any more. Of connections that have ended
// the stepper keeps a number for each unit that it ever held, which is less than
// the recording does.
type Stepper struct {
	// Patience is how long a unit is held before it goes on by itself, which an
	// [Expired] event says; 0 means for ever. A peer outside this process does
	// not wait for ever.
	Patience time.Duration

	mu      sync.Mutex
	pending []heldUnit
	stopped map[int]bool // units that were ever pending
	reader  reader
	until   []Match // while running: what to stop at
	running bool
	passed  []int // by breakpoint: units that match it, while running
	wake    chan struct{}

	refusedMu sync.Mutex
	refused   map[int]error // by unit: why an action let it go on as it was
}

type heldUnit struct {
	wire     Wire
	unit     Unit
	deadline time.Time // zero: none
	next     []func(came bool)
}

// ErrNotHeld says that a unit has been decided on, or can no longer arrive.
var ErrNotHeld = errors.New("the unit is not held")

// Captured holds the unit, unless the stepper is running and no breakpoint is met.
func (s *Stepper) Captured(w Wire, u Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		if !s.stops(w, u) {
			w.Forward(u.ID)
			return
		}
		s.running = false
	}
	held := heldUnit{wire: w, unit: u}
	if s.Patience > 0 {
		held.deadline = time.Now().Add(s.Patience)
		w.After(s.Patience, func() { s.expire(u.ID) })
	}
	if s.stopped == nil {
		s.stopped = make(map[int]bool)
	}
	s.stopped[u.ID] = true
	s.pending = append(s.pending, held)
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// Ended forgets the units that can no longer arrive. The end of a direction
// follows the release of its last unit.
func (s *Stepper) Ended(Wire, Side) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
}

// Wait blocks until a unit is held, or returns the context's error.
func (s *Stepper) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.prune(); len(s.pending) > 0 {
			s.mu.Unlock()
			return nil
		}
		wake := s.waker()
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitHeld blocks until more than n units were ever held, for however short a
// time, and returns how many were, or the context's error. A unit is held only
// once the recording has it: whoever shows what is held has to wait for both.
func (s *Stepper) WaitHeld(ctx context.Context, n int) (int, error) {
	for {
		s.mu.Lock()
		held := len(s.stopped)
		if held > n {
			s.mu.Unlock()
			return held, nil
		}
		wake := s.waker()
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return held, ctx.Err()
		}
	}
}

// waker is closed when the next unit is held. It is called with mu held.
func (s *Stepper) waker() <-chan struct{} {
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return s.wake
}

// Pending returns the held units, oldest first.
func (s *Stepper) Pending() []Unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	units := make([]Unit, len(s.pending))
	for i, held := range s.pending {
		units[i] = held.unit
	}
	return units
}

// Stopped reports whether the unit was ever held here, for however short a
// time, and not let through at once.
func (s *Stepper) Stopped(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped[id]
}

// Release lets the oldest held unit through and reports whether there was one.
func (s *Stepper) Release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prune(); len(s.pending) == 0 {
		return false
	}
	s.resolve(0, Forward)
	return true
}

// Resolve has act decide on a held unit, which is not pending any more then,
// also where act decides later ([Delay], [Swap]) or never ([Hold]). It returns
// [ErrNotHeld] if there is nothing to decide. The action must not call the
// stepper.
func (s *Stepper) Resolve(id int, act Action) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	i := slices.IndexFunc(s.pending, func(held heldUnit) bool { return held.unit.ID == id })
	if i < 0 {
		return ErrNotHeld
	}
	s.resolve(i, act)
	return nil
}

// Run lets through what is held and what comes, until a unit matches one of
// the breakpoints: that one is held, and what comes after it. The oldest held
// unit goes on in any case, so that running again leaves a breakpoint behind.
// Match.Nth counts from now on, over all connections. Without breakpoints,
// everything goes through until [Stepper.Stop].
func (s *Stepper) Run(until ...Match) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until, s.passed, s.running = slices.Clone(until), make([]int, len(until)), true
	s.prune()
	for first := true; len(s.pending) > 0; first = false {
		if !first && s.stops(s.pending[0].wire, s.pending[0].unit) {
			s.running = false
			return
		}
		s.resolve(0, Forward)
	}
}

// Stop has the stepper hold everything again.
func (s *Stepper) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
}

// Running reports whether units go through.
func (s *Stepper) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// Deadline returns when the unit goes on by itself; ok is false if it is not
// held, or held for ever.
func (s *Stepper) Deadline(id int) (deadline time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, held := range s.pending {
		if held.unit.ID == id && !held.deadline.IsZero() && held.wire.Holds(id) {
			return held.deadline, true
		}
	}
	return time.Time{}, false
}

// Extend gives every held unit its whole [Stepper.Patience] again.
func (s *Stepper) Extend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Patience <= 0 {
		return
	}
	for i := range s.pending {
		held := &s.pending[i]
		held.deadline = time.Now().Add(s.Patience)
		id := held.unit.ID
		held.wire.After(s.Patience, func() { s.expire(id) })
	}
}

// expire lets a unit go on whose deadline has come and was not put off.
func (s *Stepper) expire(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, held := range s.pending {
		if held.unit.ID == id && !held.deadline.After(time.Now()) {
			s.resolve(i, func(h Held) { h.Wire.Expire(h.ID) })
			return
		}
	}
}

// stops reports whether a unit meets a breakpoint.
func (s *Stepper) stops(w Wire, u Unit) bool {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	var record *Record
	met := false
	for i, m := range s.until {
		if m.reads() && record == nil && m.sender(u) {
			record = s.reader.read(w, u)
		}
		if m.fits(u, record) {
			s.passed[i]++
			met = met || m.Nth == 0 || m.Nth == s.passed[i]
		}
	}
	return met
}

// resolve decides on a pending unit, and then on what waited for that.
func (s *Stepper) resolve(i int, act Action) {
	held := s.pending[i]
	s.pending = slices.Delete(s.pending, i, i+1)
	act(Held{
		Unit: held.unit, Wire: held.wire,
		look:    func(f func(*Record)) { s.reader.look(held.wire, held.unit, f) },
		next:    func(_ time.Duration, f func(bool)) { s.follow(held, f) },
		refused: func(err error) { s.refuse(held.unit.ID, err) },
	})
	for _, f := range held.next {
		f(true)
	}
}

// refuse is told why an action let a unit go on as it was: from any goroutine,
// also while the stepper acts.
func (s *Stepper) refuse(id int, err error) {
	s.refusedMu.Lock()
	defer s.refusedMu.Unlock()
	if s.refused == nil {
		s.refused = make(map[int]error)
	}
	s.refused[id] = err
}

// Refused returns why an action that was to change the unit let it go on as it
// was; nil if it did not. That is known once the unit is delivered.
func (s *Stepper) Refused(id int) error {
	s.refusedMu.Lock()
	defer s.refusedMu.Unlock()
	return s.refused[id]
}

// follow has f called once the sender's next pending unit has been decided on.
// A person sees what is pending: without such a unit there is nothing to wait for.
func (s *Stepper) follow(held heldUnit, f func(came bool)) {
	for i := range s.pending {
		if other := &s.pending[i]; other.wire == held.wire && other.unit.From == held.unit.From && other.unit.ID > held.unit.ID {
			other.next = append(other.next, f)
			return
		}
	}
	f(false)
}

// prune forgets units that can no longer be decided on.
func (s *Stepper) prune() {
	s.pending = slices.DeleteFunc(s.pending, func(held heldUnit) bool { return !held.wire.Holds(held.unit.ID) })
}
