package kernel

import (
	"context"
	"net/netip"
	"slices"
	"sync"
)

// turns are places that are taken for a while: so many at once, and perhaps only so many of them by one address. When there is
// none, one waits; of the addresses that wait, each gets one place in turn, however many it waits for.
type turns struct {
	mu    sync.Mutex
	taken int
	of    map[netip.Addr]int             // taken, by address, where that is bounded
	lines map[netip.Addr][]chan struct{} // who waits, by address, first come first; none is empty
	order []netip.Addr                   // those that wait, the next one first
}

// bounds are how many places there are: in all, and for one address; 0 is no bound of its own.
type bounds struct{ most, mostOfHost int }

// takeNow takes a place where there is one. Who waits has waited for want of any that he may take.
func (t *turns) takeNow(host netip.Addr, b bounds) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seatNow(host, b)
}

func (t *turns) seatNow(host netip.Addr, b bounds) bool {
	may := t.taken < b.most && t.mayTake(host, b)
	if may {
		t.seat(host, b)
	}
	return may
}

// take reports whether there was a place before ctx was done. Who has taken one gives it back.
func (t *turns) take(ctx context.Context, host netip.Addr, b bounds) bool {
	t.mu.Lock()
	if t.seatNow(host, b) {
		t.mu.Unlock()
		return true
	}
	place := make(chan struct{})
	if t.lines == nil {
		t.lines = make(map[netip.Addr][]chan struct{})
	}
	if len(t.lines[host]) == 0 {
		t.order = append(t.order, host)
	}
	t.lines[host] = append(t.lines[host], place)
	t.mu.Unlock()

	select {
	case <-place:
		return true
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.lines[host], place)
	if i < 0 { // its turn came meanwhile
		return true
	}
	t.leave(host, i)
	return false
}

// give gives a place back, and has those sit down who can.
func (t *turns) give(host netip.Addr, b bounds) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	if b.mostOfHost > 0 && host.IsValid() {
		if t.of[host]--; t.of[host] == 0 {
			delete(t.of, host)
		}
	}
	for t.taken < b.most {
		i := slices.IndexFunc(t.order, func(host netip.Addr) bool { return t.mayTake(host, b) })
		if i < 0 {
			return
		}
		next := t.order[i]
		place := t.lines[next][0]
		t.leave(next, 0)
		if i := slices.Index(t.order, next); i >= 0 { // it waits for more: after the others
			t.order = append(slices.Delete(t.order, i, i+1), next)
		}
		t.seat(next, b)
		close(place)
	}
}

func (t *turns) mayTake(host netip.Addr, b bounds) bool {
	return b.mostOfHost == 0 || !host.IsValid() || t.of[host] < b.mostOfHost
}

func (t *turns) seat(host netip.Addr, b bounds) {
	t.taken++
	if b.mostOfHost == 0 || !host.IsValid() {
		return
	}
	if t.of == nil {
		t.of = make(map[netip.Addr]int)
	}
	t.of[host]++
}

// leave takes the i-th of an address out of its line.
func (t *turns) leave(host netip.Addr, i int) {
	if t.lines[host] = slices.Delete(t.lines[host], i, i+1); len(t.lines[host]) > 0 {
		return
	}
	delete(t.lines, host)
	at := slices.Index(t.order, host)
	t.order = slices.Delete(t.order, at, at+1)
}
