package store

import (
	"bytes"
	"cmp"
	"iter"
	"strings"
	"sync"
)

// DefaultMemoryLimit is how many bytes of pairs a [Memory] takes when its Limit is zero.
const DefaultMemoryLimit = 256 << 20

// Memory is a store in the memory of the process. The zero value is empty and
// ready for use; it must not be copied afterwards. Any number of Views run at once, an Update alone.
type Memory struct {
	// Limit is how many bytes of pairs it takes, 0 for DefaultMemoryLimit. A pair counts its key, its
	// value and PairOverhead. Past it, Put returns ErrFull.
	Limit int64

	mu      sync.RWMutex
	pairs   map[string]*entry
	order   sorted[*entry] // by key
	due     sorted[*entry] // those that expire, by when and by key
	size    int64
	undo    []change // of the Update that runs
	closed  bool
	sweeper sweeper
}

// An entry is a pair. Its value is replaced, and never changed in place.
type entry struct {
	key     string
	value   []byte
	expires moment
}

func (e *entry) pair() Pair {
	return Pair{Key: []byte(e.key), Value: e.value, Expires: e.expires.time()}
}

func byKey(a, b *entry) int { return strings.Compare(a.key, b.key) }

func byExpiry(a, b *entry) int { return cmp.Or(cmp.Compare(a.expires, b.expires), byKey(a, b)) }

// A change is what an entry was before; added says that it was not there, removed that it is there no more.
type change struct {
	entry          *entry
	value          []byte
	expires        moment
	added, removed bool
}

// View implements [Store].
func (m *Memory) View(do func(Reader) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return ErrClosed
	}
	return do(&memoryTx{m: m})
}

// Update implements [Store].
func (m *Memory) Update(do func(Writer) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.pairs == nil {
		m.pairs = make(map[string]*entry)
		m.order.compare, m.due.compare = byKey, byExpiry
	}
	kept := false
	defer func() {
		if !kept {
			m.takeBack()
		}
		clear(m.undo)
		m.undo = m.undo[:0]
	}()
	if err := do(&memoryTx{m: m}); err != nil {
		return err
	}
	kept = true
	m.sweeper.wake(m.nextDue(), m.sweep)
	return nil
}

// Close implements [Store].
func (m *Memory) Close() error {
	m.sweeper.end()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pairs, m.order.chunks, m.due.chunks, m.size, m.closed = nil, nil, nil, 0, true
	return nil
}

// takeBack undoes what an Update has done, the latest first.
func (m *Memory) takeBack() {
	for i := len(m.undo) - 1; i >= 0; i-- {
		was := m.undo[i]
		switch {
		case was.added:
			m.remove(was.entry)
		case was.removed:
			m.add(was.entry)
		default:
			m.set(was.entry, was.value, was.expires)
		}
	}
}

func (m *Memory) add(e *entry) {
	m.pairs[e.key] = e
	m.order.add(e)
	if e.expires != 0 {
		m.due.add(e)
	}
	m.size += e.size()
}

func (m *Memory) remove(e *entry) {
	delete(m.pairs, e.key)
	m.order.remove(e)
	if e.expires != 0 {
		m.due.remove(e)
	}
	m.size -= e.size()
}

func (m *Memory) set(e *entry, value []byte, expires moment) {
	m.size += int64(len(value) - len(e.value))
	e.value = value
	if e.expires == expires {
		return
	}
	if e.expires != 0 {
		m.due.remove(e)
	}
	if e.expires = expires; expires != 0 {
		m.due.add(e)
	}
}

func (e *entry) size() int64 { return int64(len(e.key) + len(e.value) + PairOverhead) }

func (m *Memory) nextDue() moment {
	if len(m.due.chunks) == 0 {
		return 0
	}
	return m.due.chunks[0][0].expires
}

// sweep removes some of what has expired.
func (m *Memory) sweep() (next moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := new(clock)
	for range sweepPairs {
		if next = m.nextDue(); !now.past(next) {
			break
		}
		m.remove(m.due.chunks[0][0])
	}
	return m.nextDue()
}

// memoryTx is the store as one View or Update has it, under the lock.
type memoryTx struct {
	m *Memory
	clock
}

func (tx *memoryTx) Get(key []byte) (Pair, bool) {
	e := tx.m.pairs[string(key)]
	if e == nil || tx.past(e.expires) {
		return Pair{}, false
	}
	return Pair{Key: key, Value: e.value, Expires: e.expires.time()}, true
}

func (tx *memoryTx) Scan(from []byte) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		for next := (&entry{key: string(from)}); next != nil; {
			changes := len(tx.m.undo)
			here := next
			next = nil
			for e := range tx.m.order.from(here) {
				if tx.past(e.expires) {
					continue
				}
				if !yield(e.pair()) {
					return
				}
				if len(tx.m.undo) != changes {
					next = &entry{key: e.key + "\x00"} // the least key after this one
					break
				}
			}
		}
	}
}

func (tx *memoryTx) Len() int {
	expired := 0
	for e := range tx.m.due.from(&entry{}) {
		if !tx.past(e.expires) {
			break
		}
		expired++
	}
	return len(tx.m.pairs) - expired
}

func (tx *memoryTx) Put(pair Pair) error {
	if err := check(pair); err != nil {
		return err
	}
	m, expires := tx.m, momentOf(pair.Expires)
	if tx.past(expires) {
		tx.Delete(pair.Key)
		return nil
	}
	e := m.pairs[string(pair.Key)]
	if e != nil && tx.past(e.expires) {
		tx.drop(e)
		e = nil
	}
	growth := sizeOf(pair.Key, pair.Value)
	if e != nil {
		growth -= e.size()
	}
	if !tx.fits(growth) {
		return ErrFull
	}
	if e == nil {
		e = &entry{string(pair.Key), bytes.Clone(pair.Value), expires}
		m.add(e)
		m.undo = append(m.undo, change{entry: e, added: true})
		return nil
	}
	m.undo = append(m.undo, change{entry: e, value: e.value, expires: e.expires})
	m.set(e, bytes.Clone(pair.Value), expires)
	return nil
}

// fits makes room, if need be, by removing what has expired.
func (tx *memoryTx) fits(growth int64) bool {
	limit := cmp.Or(tx.m.Limit, DefaultMemoryLimit)
	for growth > 0 && tx.m.size+growth > limit {
		if !tx.past(tx.m.nextDue()) {
			return false
		}
		tx.drop(tx.m.due.chunks[0][0])
	}
	return true
}

func (tx *memoryTx) Delete(key []byte) bool {
	e := tx.m.pairs[string(key)]
	if e == nil {
		return false
	}
	tx.drop(e)
	return !tx.past(e.expires)
}

func (tx *memoryTx) drop(e *entry) {
	tx.m.remove(e)
	tx.m.undo = append(tx.m.undo, change{entry: e, removed: true})
}
