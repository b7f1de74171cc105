package store

import (
	"errors"
	"fmt"
)

// A LockedError says that another process holds the file of a store.
type LockedError struct {
	Path string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the database %s is in use by another process: "+
		"end that process, or choose another file", e.Path)
}

// What a [DamagedError] found, if it is not the disorder of the file's pages.
var (
	ErrNotFile    = errors.New("it is not a regular file")
	ErrEmpty      = errors.New("it is empty")
	ErrNoDatabase = errors.New("its first pages are not those of a database")
	ErrTheirs     = errors.New("it belongs to another program")
	ErrCut        = errors.New("it is cut")
)

// A DamagedError says that a file is not the database of a store, or no longer
// one in order. The file was left as it is.
type DamagedError struct {
	Path string
	Err  error // what was found
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged, or not a database of this program (%v): "+
		"it was left as it is; restore it from a copy, or choose another file", e.Path, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// A DiskError says that the disk did not take what was to be written, or did not keep it.
type DiskError struct {
	Path string // of the store's file
	Err  error
	// Broken says that it is not known what is on the disk: nothing more is written until the store is opened again.
	Broken bool
	// Lost is how many Updates had been answered before, with [Interval], and are not on the disk, at most.
	Lost int
}

func (e *DiskError) Error() string {
	if e.Broken {
		return fmt.Sprintf("the disk did not keep what was written to %s (%v): check the disk, and open the store again; until then nothing is written%s", e.Path, e.Err, e.lost())
	}
	return fmt.Sprintf("the disk did not take what was written to %s (%v): nothing of it was kept; make room and try again%s", e.Path, e.Err, e.lost())
}

func (e *DiskError) lost() string {
	if e.Lost == 0 {
		return ""
	}
	return fmt.Sprintf("; %d writes at most that were answered are lost", e.Lost)
}

func (e *DiskError) Unwrap() error { return e.Err }
