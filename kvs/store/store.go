// Package store keeps the pairs of the key-value service.
//
// Use [Memory] where nothing has to outlive the process: in the lab, in tests,
// and wherever several servers run on one host. Its zero value works. Use
// [Open] for a file that survives the process: one embedded database, held by one
// process at a time, in which every write is on the disk before it is answered.
//
// Both pass the suite in package storetest, which any further store must pass too.
package store

import (
	"errors"
	"fmt"
)

// A Store keeps pairs of byte strings. Keys and values are any bytes, of any
// content, the empty string included, within [MaxKey] and [MaxValue].
//
// All methods are safe for concurrent use, and each one happens at once: a
// reader sees the whole of a write or nothing of it. The slices that are handed in are
// copied, and those that Read returns belong to the caller.
// After Close every method returns [ErrClosed].
type Store interface {
	// Create adds a pair. ErrExists when the key is there already.
	Create(key, value []byte) error
	// Read returns the value of a key. ErrNotFound when there is none.
	Read(key []byte) ([]byte, error)
	// Update replaces the value of a key. ErrNotFound when there is none.
	Update(key, value []byte) error
	// Delete removes a pair. ErrNotFound when there is none.
	Delete(key []byte) error
	// Each visits every pair in the order of the keys' bytes, as they were when
	// it began. Its slices are valid until visit returns, and must not be
	// changed. An error from visit ends it and is returned as it is. Visit must
	// not use the store and should be quick: a file cannot grow meanwhile.
	Each(visit func(key, value []byte) error) error
	// Close lets go of what the store holds. A second Close does nothing.
	Close() error
}

// What a store takes. A longer key or value is refused with ErrTooLarge.
const (
	MaxKey   = 32<<10 - 1 // bytes; one less than the file's format allows
	MaxValue = 16 << 20   // bytes
)

var (
	ErrExists   = errors.New("the key exists already")
	ErrNotFound = errors.New("there is no such key")
	ErrTooLarge = fmt.Errorf("too large: a key has at most %d bytes, a value at most %d", MaxKey, MaxValue)
	ErrFull     = errors.New("the store is full: delete something first")
	ErrClosed   = errors.New("the store is closed")
)

func checkSize(key, value []byte) error {
	if len(key) > MaxKey || len(value) > MaxValue {
		return ErrTooLarge
	}
	return nil
}
