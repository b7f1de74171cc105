package kernel

import (
	"maps"
	"sync/atomic"
)

// A readMostly is a map that every request looks into and hardly anything changes: reading takes no lock, changing copies it.
// Those who change it must do so one at a time.
type readMostly[V any] struct{ current atomic.Pointer[map[string]V] }

func (m *readMostly[V]) all() map[string]V {
	if current := m.current.Load(); current != nil {
		return *current
	}
	return nil
}

func (m *readMostly[V]) set(key string, value V) {
	changed := maps.Clone(m.all())
	if changed == nil {
		changed = make(map[string]V)
	}
	changed[key] = value
	m.current.Store(&changed)
}

func (m *readMostly[V]) remove(key string) {
	changed := maps.Clone(m.all())
	delete(changed, key)
	m.current.Store(&changed)
}
