package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"
)

const (
	// LockWait is how long Open waits for another process to let go of the file.
	LockWait = time.Second
	// MaxFile is how large the file of a Bolt grows, in bytes; past it writes
	// return ErrFull.
	MaxFile = 1<<31 - 1
)

// Bolt is a store in one file, an embedded database with transactions. A write
// has reached the disk when it returns.
type Bolt struct {
	db *bbolt.DB
}

// A LockedError says that another process holds the file of a store.
type LockedError struct {
	Path string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the database %s is in use by another process: "+
		"end that process, or choose another file", e.Path)
}

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

// The one bucket of the file. Each key in it stands behind one byte, since the
// format has no empty keys.
var (
	bucketName = []byte("pairs")
	keyPrefix  = []byte{'k'}
)

// Open opens the store in the file at path, and makes the file (mode 0600) when
// there is none. The folder must exist.
//
// A file that is there is read through before anything is written to it.
// Open returns a *[LockedError] when another process still holds the file after
// [LockWait], a *[DamagedError] when it is not a store in order, and otherwise
// what the operating system said.
func Open(path string) (*Bolt, error) {
	deadline := time.Now().Add(LockWait)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // made below
	case err != nil:
		return nil, fmt.Errorf("open the database: %w", err)
	case !info.Mode().IsRegular():
		return nil, &DamagedError{path, errors.New("it is not a regular file")}
	case info.Size() > 0:
		if err := verify(path); err != nil {
			return nil, err
		}
	}
	// Never zero, which would mean to wait for ever.
	wait := max(time.Until(deadline), 100*time.Millisecond)
	db, err := openFile(path, bbolt.Options{Timeout: wait, MaxSize: MaxFile})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucketName)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), db.Close())
	}
	return &Bolt{db}, nil
}

func openFile(path string, options bbolt.Options) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, &options)
	var pathError *fs.PathError
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, boltErrors.ErrTimeout):
		return nil, &LockedError{path}
	case errors.As(err, &pathError):
		return nil, fmt.Errorf("open the database: %w", err)
	default:
		return nil, &DamagedError{path, err}
	}
}

func (b *Bolt) Create(key, value []byte) error {
	return b.write(key, value, func(pairs *bbolt.Bucket, key []byte, exists bool) error {
		if exists {
			return ErrExists
		}
		return pairs.Put(key, value)
	})
}

func (b *Bolt) Update(key, value []byte) error {
	return b.write(key, value, func(pairs *bbolt.Bucket, key []byte, exists bool) error {
		if !exists {
			return ErrNotFound
		}
		return pairs.Put(key, value)
	})
}

func (b *Bolt) Delete(key []byte) error {
	return b.write(key, nil, func(pairs *bbolt.Bucket, key []byte, exists bool) error {
		if !exists {
			return ErrNotFound
		}
		return pairs.Delete(key)
	})
}

func (b *Bolt) Read(key []byte) (value []byte, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		found := tx.Bucket(bucketName).Get(fileKey(key))
		if found == nil {
			return ErrNotFound
		}
		value = append([]byte{}, found...)
		return nil
	})
	return value, plain(err)
}

func (b *Bolt) Each(visit func(key, value []byte) error) error {
	var stop error
	err := b.db.View(func(tx *bbolt.Tx) error {
		stop = tx.Bucket(bucketName).ForEach(func(key, value []byte) error {
			return visit(bytes.TrimPrefix(key, keyPrefix), value)
		})
		return nil
	})
	if stop != nil {
		return stop
	}
	return plain(err)
}

func (b *Bolt) Close() error {
	return b.db.Close()
}

func (b *Bolt) write(key, value []byte, change func(pairs *bbolt.Bucket, key []byte, exists bool) error) error {
	if err := checkSize(key, value); err != nil {
		return err
	}
	return plain(b.db.Update(func(tx *bbolt.Tx) error {
		pairs, key := tx.Bucket(bucketName), fileKey(key)
		return change(pairs, key, pairs.Get(key) != nil)
	}))
}

func fileKey(key []byte) []byte {
	return append(keyPrefix[:1:1], key...)
}

// plain replaces the database's words by those of this package.
func plain(err error) error {
	switch {
	case errors.Is(err, boltErrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, boltErrors.ErrMaxSizeReached):
		return fmt.Errorf("%w (its file may have %d bytes)", ErrFull, MaxFile)
	default:
		return err
	}
}
