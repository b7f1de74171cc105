package store_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/tlslab/kvs/store"
)

// Each is run by one goroutine and by fifty, as many as redis-benchmark has clients. How well writers share an fsync shows in how much
// faster fifty are than one. A key has 16 bytes, a value 64.

func benchStores(b *testing.B, run func(b *testing.B, s store.Store, writers int)) {
	for _, kind := range []string{"memory", "always", "interval"} {
		for _, writers := range []int{1, 50} {
			b.Run(fmt.Sprintf("%s/%d", kind, writers), func(b *testing.B) {
				b.ReportAllocs()
				run(b, benchStore(b, kind), writers)
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

// parallel calls do b.N times in all, with keys that are spread over 100,000.
func parallel(b *testing.B, writers int, do func(key []byte) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range writers {
		all.Go(func() {
			key := make([]byte, 16)
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				binary.BigEndian.PutUint64(key[8:], uint64(n)*7919%100_000)
				if err := do(key); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
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
	benchStores(b, func(b *testing.B, s store.Store, writers int) {
		value := make([]byte, 64)
		parallel(b, writers, func(key []byte) error {
			return s.Update(func(w store.Writer) error { return w.Put(store.Pair{Key: key, Value: value}) })
		})
	})
}

func BenchmarkGet(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store, writers int) {
		fill(b, s)
		parallel(b, writers, func(key []byte) error {
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
	benchStores(b, func(b *testing.B, s store.Store, writers int) {
		parallel(b, writers, func(key []byte) error {
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
	benchStores(b, func(b *testing.B, s store.Store, writers int) {
		value := make([]byte, 64)
		parallel(b, writers, func(key []byte) error {
			return s.Update(func(w store.Writer) error {
				return w.Put(store.Pair{Key: key, Value: value, Expires: time.Now().Add(time.Minute)})
			})
		})
	})
}

// A page of a SCAN: ten pairs from anywhere.
func BenchmarkScanTen(b *testing.B) {
	benchStores(b, func(b *testing.B, s store.Store, writers int) {
		fill(b, s)
		parallel(b, writers, func(key []byte) error {
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
