package store

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// The database maps its file into memory and trusts the offsets in it, so that
// a damaged one shows up as panics and faults. Here they become errors, before
// anything is written.

// verify reads the file through.
func verify(path string) error {
	db, err := openFile(path, bbolt.Options{Timeout: LockWait, ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.View(inOrder); err != nil {
		return &DamagedError{path, err}
	}
	return nil
}

func inOrder(tx *bbolt.Tx) error {
	info, err := os.Stat(tx.DB().Path())
	if err != nil {
		return err
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("%d of its %d bytes are missing", tx.Size()-info.Size(), tx.Size())
	}
	if err := readAll(tx); err != nil {
		return err
	}
	// Comes second, since it works in a goroutine of its own, where a fault
	// would end the process.
	var found error
	for err := range tx.Check() {
		if found == nil {
			found = err
		}
	}
	return found
}

// readAll touches every key and value, and makes sure that they are ours.
func readAll(tx *bbolt.Tx) (err error) {
	defer faultsAsError(&err)()
	return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
		if string(name) != string(bucketName) {
			return errors.New("it belongs to another program")
		}
		var sum byte
		return bucket.ForEach(func(key, value []byte) error {
			if len(key) == 0 || key[0] != keyPrefix[0] || value == nil {
				return errors.New("it belongs to another program")
			}
			for _, b := range value {
				sum ^= b // a value may lie on pages that are not there
			}
			return nil
		})
	})
}

// openGuarded opens the database, which reads its list of free pages. When
// that fails half-way, the file is closed, so that its lock ends.
func openGuarded(path string, options bbolt.Options) (db *bbolt.DB, err error) {
	var file *os.File
	options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		var err error
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}
	defer func() {
		if err != nil && file != nil {
			file.Close() // a second close does nothing
		}
	}()
	defer faultsAsError(&err)()
	return bbolt.Open(path, 0o600, &options)
}

// faultsAsError makes panics and memory faults of this goroutine errors until
// the function that it returns is called, deferred.
func faultsAsError(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = fmt.Errorf("it cannot be read through: %v", p)
		}
	}
}
