// Package store keeps the pairs of the key-value service.
//
// Use [Memory] where nothing has to outlive the process: in the lab, in tests,
// and wherever several servers run on one host. Its zero value works. Use
// [Open] for a file that survives the process: one embedded database, held by one
// process at a time, in which a write is on the disk before it is answered ([Always]), or
// within a second ([Interval], which says what can be lost).
//
// A command is one call of View or of Update. This one counts, as INCR does:
//
//	err := s.Update(func(w store.Writer) error {
//		pair, _ := w.Get(key)
//		n, _ := strconv.Atoi(string(pair.Value))
//		pair.Key, pair.Value = key, strconv.AppendInt(nil, int64(n)+1, 10)
//		return w.Put(pair)
//	})
//
// [Create], [Read], [Replace], [Delete] and [Each] are the simplest ones, ready made.
// [Export] and [Import] write and read pairs as JSON lines. A file has [Bolt.Backup] while it is
// in use, and [Verify] and [Compact] while it is not.
//
// Every store passes the suite in package storetest, and any further one must.
package store

import (
	"errors"
	"fmt"
	"iter"
	"time"
)

// A Store keeps pairs. All methods are safe for concurrent use. What a call of View or Update does happens at once:
// others see the whole of it or nothing. The error of do is returned as it is.
//
// Do gets a Reader or Writer that is its own until it returns, and must not use the store itself meanwhile, nor may the loop over a
// Scan. It should be quick: others may have to wait for it.
type Store interface {
	// View calls do with the pairs as they stand at one moment.
	View(do func(Reader) error) error
	// Update calls do, once, with pairs that it may change meanwhile. If do returns an error or panics, nothing of
	// what it did is kept. When Update returns nil, everything is.
	Update(do func(Writer) error) error
	// Close lets go of what the store holds. After it, View and Update return ErrClosed; a second Close does nothing.
	Close() error
}

// A Series is a store of which many Views together cost less than each alone.
type Series interface {
	// Views begins a series of Views, for one goroutine, until end is called: soon, since what the store gives up meanwhile stays in
	// its file. Each finds the store as it was at some moment since the series began.
	Views() (view func(do func(Reader) error) error, end func(), err error)
}

// A Pipeline is a store whose Updates can be awaited later, so that several of one caller go to the disk together.
type Pipeline interface {
	Store
	// Later is Update, but for the wait. When it returns, do has been called, and the next Update, anybody's, finds what it
	// did; a View may not find it before wait has returned. Wait must be called, once, whatever the error is: it ends the
	// matter, and Update would have returned its error if it has one, else err. Others do not wait for that call.
	Later(do func(Writer) error) (wait func() error, err error)
}

// A Reader is the pairs of a store. A pair that has expired is not there.
type Reader interface {
	// Get returns the pair of a key, and whether there is one; if not, the zero Pair.
	Get(key []byte) (Pair, bool)
	// Scan goes through the pairs in the order of the keys' bytes, from the first key that is not less than from. The loop
	// may change pairs; it then comes by those that are still ahead, as they are when it gets there.
	Scan(from []byte) iter.Seq[Pair]
	// Len returns how many pairs there are.
	Len() int
}

// A Writer is the pairs of a store, and changes them.
type Writer interface {
	Reader
	// Put adds a pair or replaces the one of that key, with its expiry; a pair that has expired already is deleted. What is passed is copied. Errors:
	// ErrTooLarge and ErrFull, and then nothing was changed.
	Put(Pair) error
	// Delete removes the pair of a key, and reports whether there was one.
	Delete(key []byte) bool
}

// A Pair is a key and its value: any bytes, the empty string included, within
// [MaxKey] and [MaxValue]. Those of a Reader may be read until do returns, and must not be changed.
type Pair struct {
	Key, Value []byte
	// Expires is when the pair ceases to be; zero is never. It is kept to the millisecond, and not past the year 9999.
	Expires time.Time
}

// What a store takes.
const (
	MaxKey   = 32<<10 - 8 // bytes of a key; a time of 8 bytes stands before it in the file
	MaxValue = 16 << 20   // bytes of a value

	// PairOverhead is what a pair counts, in bytes, besides its key and its value, where the size of a store is
	// limited: about what is kept around them.
	PairOverhead = 128
)

var (
	ErrExists   = errors.New("the key exists already")
	ErrNotFound = errors.New("there is no such key")
	ErrTooLarge = fmt.Errorf("too large: a key has at most %d bytes, a value at most %d", MaxKey, MaxValue)
	ErrFull     = errors.New("the store is full: delete something first")
	ErrClosed   = errors.New("the store is closed")
)

// Create adds a pair that never expires. The error is ErrExists when the key is there already.
func Create(s Store, key, value []byte) error {
	return s.Update(func(w Writer) error {
		if _, exists := w.Get(key); exists {
			return ErrExists
		}
		return w.Put(Pair{Key: key, Value: value})
	})
}

// Read returns a copy of the value of a key. The error is ErrNotFound when there is none.
func Read(s Store, key []byte) (value []byte, err error) {
	err = s.View(func(r Reader) error {
		pair, exists := r.Get(key)
		if !exists {
			return ErrNotFound
		}
		value = append([]byte{}, pair.Value...)
		return nil
	})
	return value, err
}

// Replace sets the value of a key that is there, and leaves its expiry. The error is ErrNotFound when there is none.
func Replace(s Store, key, value []byte) error {
	return s.Update(func(w Writer) error {
		pair, exists := w.Get(key)
		if !exists {
			return ErrNotFound
		}
		return w.Put(Pair{Key: key, Value: value, Expires: pair.Expires})
	})
}

// Delete removes a pair. The error is ErrNotFound when there is none.
func Delete(s Store, key []byte) error {
	return s.Update(func(w Writer) error {
		if !w.Delete(key) {
			return ErrNotFound
		}
		return nil
	})
}

// Each visits every pair in the order of the keys' bytes, within one View. An
// error from visit ends it and is returned as it is.
func Each(s Store, visit func(key, value []byte) error) error {
	return s.View(func(r Reader) error {
		for pair := range r.Scan(nil) {
			if err := visit(pair.Key, pair.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// check refuses what is too large, before anything is touched.
func check(pair Pair) error {
	if len(pair.Key) > MaxKey || len(pair.Value) > MaxValue {
		return ErrTooLarge
	}
	return nil
}

func sizeOf(key, value []byte) int64 {
	return int64(len(key) + len(value) + PairOverhead)
}
