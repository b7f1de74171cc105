package inspect

import (
	"context"
	"sync"
)

// A Stepper is a gate that holds every unit until it is released, one at a
// time, in the order in which they were captured. Its zero value is ready to
// use; its methods are safe for concurrent use.
type Stepper struct {
	mu      sync.Mutex
	pending []heldUnit
	wake    chan struct{}
}

type heldUnit struct {
	wire Wire
	unit Unit
}

// Captured holds the unit.
func (s *Stepper) Captured(w Wire, u Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, heldUnit{w, u})
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// Wait blocks until a unit is held, or returns the context's error.
func (s *Stepper) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.pending) > 0 {
			s.mu.Unlock()
			return nil
		}
		if s.wake == nil {
			s.wake = make(chan struct{})
		}
		wake := s.wake
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Ended does nothing: the end of a direction follows the release of its last unit.
func (s *Stepper) Ended(Wire, Side) {}

// Release forwards the oldest held unit and reports whether there was one.
func (s *Stepper) Release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return false
	}
	oldest := s.pending[0]
	s.pending = s.pending[1:]
	oldest.wire.Forward(oldest.unit.ID)
	return true
}

// Pending returns the held units, oldest first.
func (s *Stepper) Pending() []Unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	units := make([]Unit, len(s.pending))
	for i, held := range s.pending {
		units[i] = held.unit
	}
	return units
}
