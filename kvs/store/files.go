package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"go.etcd.io/bbolt"
)

// Backup writes a copy of the store to w, as it is at this moment: the bytes of a file that Open takes. Others read and
// write meanwhile; while it lasts, the file cannot use again what they free.
func (b *Bolt) Backup(w io.Writer) error {
	b.mu.Lock()
	if b.group != nil { // with Interval, what was answered belongs to it
		b.commit()
	}
	err := b.failed
	b.mu.Unlock()
	if err != nil {
		return err
	}
	tx, err := b.db.Begin(false)
	if err != nil {
		return plain(err)
	}
	defer tx.Rollback()
	_, err = tx.WriteTo(w)
	return err
}

// BackupFile is Backup to a new file (mode 0600), which is on the disk and was verified when it returns. If there is a
// file of that name the error is fs.ErrExist; if anything else fails, the new file is removed.
func (b *Bolt) BackupFile(path string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(path)
		}
	}()
	if err := errors.Join(b.Backup(file), file.Sync(), file.Close()); err != nil {
		return err
	}
	if _, err := Verify(path); err != nil {
		return err
	}
	return syncFolder(path)
}

// Compact writes the file of a store that nobody has open anew, without the space that waits to be used again. It needs
// room for both files. The new one takes the old one's place in one step, when it is on the disk and was
// verified; after an error the old one is there, as it was. It has the old one's mode and owner. Where path is a symbolic link, the
// file that it leads to is replaced.
func Compact(path string) (before, after Summary, err error) {
	if before, err = Verify(path); err != nil {
		return before, after, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return before, after, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return before, after, err
	}
	old, err := openFile(path, bbolt.Options{Timeout: LockWait}) // holds the lock until the end
	if err != nil {
		return before, after, err
	}
	defer func() { err = errors.Join(err, old.Close()) }()
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return before, after, err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary.Name())
		}
	}()
	if err := errors.Join(temporary.Close(), copyPairs(temporary.Name(), old)); err != nil {
		return before, after, fmt.Errorf("compact the database %s: %w", path, err)
	}
	if after, err = Verify(temporary.Name()); err != nil {
		return before, after, err
	}
	if err := makeLike(temporary.Name(), info); err != nil {
		return before, after, err
	}
	if runtime.GOOS == "windows" { // which does not replace a file that is open
		if err := old.Close(); err != nil {
			return before, after, err
		}
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return before, after, err
	}
	return before, after, syncFolder(path)
}

func copyPairs(path string, from *bbolt.DB) error {
	to, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	return errors.Join(bbolt.Compact(to, from, groupBytes), to.Sync(), to.Close())
}

// syncFolder has the name of a file survive a power cut, and not only what is in it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // which has no such thing
		return nil
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) { // some file systems cannot
		err = nil
	}
	return errors.Join(err, folder.Close())
}
