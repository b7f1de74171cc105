package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sync"
)

// DefaultMemoryLimit is how many bytes of keys and values a [Memory] takes
// when its Limit is zero.
const DefaultMemoryLimit = 256 << 20

// Memory is a store in the memory of the process. The zero value is empty and
// ready for use; it must not be copied afterwards.
type Memory struct {
	// Limit is how many bytes of keys and values it takes, 0 for
	// DefaultMemoryLimit. Past it, Create and Update return ErrFull and change nothing.
	Limit int64

	mu     sync.RWMutex
	pairs  map[string][]byte // the values are never changed in place
	size   int64
	closed bool
}

func (m *Memory) Create(key, value []byte) error {
	if err := checkSize(key, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, exists, err := m.find(key)
	if err != nil {
		return err
	}
	if exists {
		return ErrExists
	}
	return m.put(key, value, int64(len(key)+len(value)))
}

func (m *Memory) Read(key []byte) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	value, exists, err := m.find(key)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, ErrNotFound
	}
	return bytes.Clone(value), nil
}

func (m *Memory) Update(key, value []byte) error {
	if err := checkSize(key, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, exists, err := m.find(key)
	if err != nil {
		return err
	}
	if !exists {
		return ErrNotFound
	}
	return m.put(key, value, int64(len(value)-len(old)))
}

func (m *Memory) Delete(key []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, exists, err := m.find(key)
	if err != nil {
		return err
	}
	if !exists {
		return ErrNotFound
	}
	m.size -= int64(len(key) + len(value))
	delete(m.pairs, string(key))
	return nil
}

// Each visits a snapshot, which takes some 50 bytes for each pair while it
// runs, and holds no lock meanwhile.
func (m *Memory) Each(visit func(key, value []byte) error) error {
	m.mu.RLock()
	if m.closed {
		m.mu.RUnlock()
		return ErrClosed
	}
	keys := slices.Collect(maps.Keys(m.pairs))
	slices.Sort(keys)
	values := make([][]byte, len(keys))
	for i, key := range keys {
		values[i] = m.pairs[key]
	}
	m.mu.RUnlock()

	for i, key := range keys {
		if err := visit([]byte(key), values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pairs, m.size, m.closed = nil, 0, true
	return nil
}

func (m *Memory) find(key []byte) (value []byte, exists bool, err error) {
	if m.closed {
		return nil, false, ErrClosed
	}
	value, exists = m.pairs[string(key)]
	return value, exists, nil
}

func (m *Memory) put(key, value []byte, growth int64) error {
	if growth > 0 && m.size+growth > cmp.Or(m.Limit, DefaultMemoryLimit) {
		return ErrFull
	}
	if m.pairs == nil {
		m.pairs = make(map[string][]byte)
	}
	m.size += growth
	m.pairs[string(key)] = append([]byte{}, value...)
	return nil
}
