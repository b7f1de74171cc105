package store_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"example.com/tlslab/kvs/store"
)

// The benchmarks run with so many at once as redis-benchmark has clients: 1 and 50. A key has 16 bytes, a value 64.

func benchStores(b *testing.B, run func(b *testing.B, s store.Store)) {
	for _, kind := range []string{"memory", "always", "interval"} {
		for _, writers := range []int{1, 50} {
			b.Run(fmt.Sprintf("%s/%d", kind, writers), func(b *testing.B) {
				s := benchStore(b, kind)
				b.SetParallelism(writers) // for each processor
				b.ReportAllocs()
				run(b, s)
			})
		}
	}
}

func benchStore(b *testing.B, kind string) store.Store {
	if kind == "memory" {
		return new(store.Memory)
	}
	s, err := store.Open(filepath.Join(b.TempDir(), "pairs.db"), store.Options{Sync: map[string]store.Sync{"always": store.Always, "interval": store.Interval}[kind]})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// parallel calls do b.N times with numbers that are spread over 100,000.
func parallel(b *testing.B, do func(key []byte) error) {
	var next atomic.Uint64
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		key := make([]byte, 16)
		for p.Next() {
			binary.BigEndian.PutUint64(key[8:], next.Add(1)*7919%100_000)
			if err := do(key); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func fill(b *testing.B, s store.Store) {
	const n = 100_000
	for first := 0; first < n; first += 10_000 {
		err := s.Update(func(w store.Writer) error {
			for i := first; i < first+10_000; i++ {
				key := make([]byte, 16)
				binary.BigEndian.PutUint64(key[8:], uint64(i))
				if err := w.Put(store.Pair{Key: key, Value: make([]byte, 64)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store) {
		value := make([]byte, 64)
		parallel(b, func(key []byte) error {
			return s.Update(func(w store.Writer) error { return w.Put(store.Pair{Key: key, Value: value}) })
		})
	})
}

func BenchmarkGet(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store) {
		fill(b, s)
		parallel(b, func(key []byte) error {
			return s.View(func(r store.Reader) error {
				if _, ok := r.Get(key); !ok {
					return store.ErrNotFound
				}
				return nil
			})
		})
	})
}

func BenchmarkIncrement(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store) {
		parallel(b, func(key []byte) error {
			return s.Update(func(w store.Writer) error {
				pair, _ := w.Get(key)
				n, _ := strconv.ParseInt(string(pair.Value), 10, 64)
				pair.Key, pair.Value = key, strconv.AppendInt(nil, n+1, 10)
				return w.Put(pair)
			})
		})
	})
}

func BenchmarkSetThatExpires(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store) {
		value := make([]byte, 64)
		parallel(b, func(key []byte) error {
			return s.Update(func(w store.Writer) error {
				return w.Put(store.Pair{Key: key, Value: value, Expires: time.Now().Add(time.Minute)})
			})
		})
	})
}

// A page of a SCAN: ten pairs from anywhere.
func BenchmarkScanTen(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store) {
		fill(b, s)
		parallel(b, func(key []byte) error {
			return s.View(func(r store.Reader) error {
				n := 0
				for range r.Scan(key) {
					if n++; n == 10 {
						break
					}
				}
				return nil
			})
		})
	})
}

// How many writers share an fsync shows in how much faster fifty are than one.
