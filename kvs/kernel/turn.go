package kernel

import (
	"context"
	"slices"
	"sync"
)

// A Turn is what one client has at a time, for a [Handler] that serves one after the other: whoever came first has it
// first. The zero value is free. It is safe for concurrent use, and must not be copied.
type Turn struct {
	mu    sync.Mutex
	taken bool
	line  []chan struct{} // who waits, first come first
}

// Take returns nil when the caller has the turn, and then gives it back with [Turn.Give]; or [ErrStopping] if ctx was done
// before. A caller that has to wait stands in line already when wait is told how many are ahead of it.
func (t *Turn) Take(ctx context.Context, wait func(ahead int)) error {
	place, ahead := t.stand()
	if ahead > 0 {
		wait(ahead)
	}
	select {
	case <-place:
	case <-ctx.Done():
		t.leave(place)
		return ErrStopping
	}
	if ctx.Err() != nil {
		t.Give()
		return ErrStopping
	}
	return nil
}

// Give lets the next one have the turn.
func (t *Turn) Give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken = len(t.line) > 0; t.taken {
		close(t.line[0])
		t.line = slices.Delete(t.line, 0, 1)
	}
}

// stand returns what is closed when the caller has the turn, and how many are ahead of it: who has the turn, and who waits.
func (t *Turn) stand() (place chan struct{}, ahead int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	place = make(chan struct{})
	if !t.taken {
		t.taken = true
		close(place)
		return place, 0
	}
	t.line = append(t.line, place)
	return place, len(t.line)
}

// leave takes who does not wait any more out of the line; the turn goes on if it had come meanwhile.
func (t *Turn) leave(place chan struct{}) {
	t.mu.Lock()
	i := slices.Index(t.line, place)
	if i >= 0 {
		t.line = slices.Delete(t.line, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 {
		t.Give()
	}
}
