package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"example.com/tlslab/kvs/store"
)

func TestManyWritersShareAnFsync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	s := open(t, path)
	const writers, writes = 50, 8
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range writes {
				if err := store.Create(s, fmt.Appendf(nil, "%d %d", w, i), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	check(t, s.Close())
	if commits := commitsOf(t, path); commits > writers*writes/4 {
		t.Errorf("%d commits for %d writes", commits, writers*writes)
	}
}

func commitsOf(t *testing.T, path string) (commits int) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	check(t, err)
	defer db.Close()
	check(t, db.View(func(tx *bbolt.Tx) error {
		commits = tx.ID()
		return nil
	}))
	return commits
}

func TestWritesOfOneCallerThatAreAwaitedLaterShareAnFsync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	s := open(t, path)
	check(t, s.Close())
	before := commitsOf(t, path)
	s = open(t, path)
	const writes = 100
	var waits []func() error
	for i := range writes {
		wait, err := s.Later(func(w store.Writer) error {
			if w.Len() != i {
				t.Errorf("write %d finds %d pairs", i, w.Len())
			}
			return w.Put(store.Pair{Key: fmt.Append(nil, i)})
		})
		check(t, err)
		waits = append(waits, wait)
	}
	for _, wait := range waits {
		check(t, wait())
	}
	check(t, s.View(func(r store.Reader) error {
		if r.Len() != writes {
			t.Errorf("%d pairs once all were awaited", r.Len())
		}
		return nil
	}))
	check(t, s.Close())
	if commits := commitsOf(t, path) - before; commits > 3 { // one, and those of opening
		t.Errorf("%d commits for %d writes", commits, writes)
	}
}

func TestAWriteThatIsAwaitedLaterHoldsUpNobody(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "pairs.db"))
	wait, err := s.Later(func(w store.Writer) error { return w.Put(store.Pair{Key: []byte("a")}) })
	check(t, err)
	check(t, store.Create(s, []byte("b"), nil)) // which puts both on the disk
	if _, err := store.Read(s, []byte("a")); err != nil {
		t.Error(err)
	}
	check(t, wait())
	wait, err = s.Later(func(w store.Writer) error {
		w.Put(store.Pair{Key: []byte("c")})
		return store.ErrExists
	})
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("its error is %v", err)
	}
	check(t, wait())
	if _, err := store.Read(s, []byte("c")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what failed is there: %v", err)
	}
	func() {
		defer func() { recover() }()
		s.Later(func(store.Writer) error { panic("by the caller") })
	}()
	check(t, store.Create(s, []byte("d"), nil))
	wait, err = s.Later(func(w store.Writer) error { return w.Put(store.Pair{Key: []byte("e")}) })
	check(t, err)
	check(t, s.Close())
	check(t, wait())
	if _, err := s.Later(nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestAFileFromBeforeThereWasExpiryOpensAndLearnsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	db, err := bbolt.Open(path, 0o600, nil)
	check(t, err)
	check(t, db.Update(func(tx *bbolt.Tx) error {
		pairs, err := tx.CreateBucket([]byte("pairs"))
		if err != nil {
			return err
		}
		return errors.Join(pairs.Put([]byte("ka"), []byte("1")), pairs.Put([]byte("k"), nil))
	}))
	check(t, db.Close())

	s := open(t, path)
	check(t, s.Update(func(w store.Writer) error {
		pair, _ := w.Get([]byte("a"))
		if string(pair.Value) != "1" || w.Len() != 2 {
			t.Errorf("a is %q, of %d", pair.Value, w.Len())
		}
		pair.Expires = time.Now().Add(time.Hour)
		return w.Put(pair)
	}))
	check(t, s.Close())
	got, err := store.Verify(path)
	if got.File, got.Free = 0, 0; err != nil || got != (store.Summary{Pairs: 2, Expiring: 1, Bytes: 2}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatExpiresIsRemovedFromTheFileThoughNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "pairs.db")
		s := open(t, path)
		check(t, s.Update(func(w store.Writer) error {
			for i := range 2500 { // more than one sweep takes
				if err := w.Put(store.Pair{Key: fmt.Append(nil, i), Expires: time.Now().Add(time.Minute)}); err != nil {
					return err
				}
			}
			return w.Put(store.Pair{Key: []byte("stays")})
		}))
		time.Sleep(time.Minute)
		synctest.Wait()
		time.Sleep(10 * time.Second)
		check(t, s.Close())
		if got, err := store.Verify(path); err != nil || got.Pairs != 1 || got.Expiring != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestABackupIsTakenWhileOthersWriteAndHoldsWhatWasAcknowledged(t *testing.T) {
	for _, sync := range []store.Sync{store.Always, store.Interval} {
		dir := t.TempDir()
		s, err := store.Open(filepath.Join(dir, "pairs.db"), store.Options{Sync: sync})
		check(t, err)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					if err := store.Create(s, fmt.Appendf(nil, "%06d", i), make([]byte, i%5000)); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		for i := range 5 {
			own := fmt.Appendf(nil, "before %d", i)
			check(t, store.Create(s, own, nil))
			backup := filepath.Join(dir, fmt.Sprint(i))
			check(t, s.BackupFile(backup))
			b := open(t, backup)
			if _, err := store.Read(b, own); err != nil {
				t.Error(err)
			}
			next := 0 // without a gap
			for pair := range scan(t, b, "0") {
				if string(pair.Key) == fmt.Sprintf("%06d", next) {
					next++
				} else if pair.Key[0] == '0' {
					t.Errorf("%s comes after %d", pair.Key, next)
				}
			}
			check(t, b.Close())
		}
		if err := s.BackupFile(filepath.Join(dir, "0")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a file that is there: %v", err)
		}
		close(stop)
		<-stopped
		check(t, s.Close())
	}
}

func scan(t *testing.T, s store.Store, from string) func(func(store.Pair) bool) {
	return func(yield func(store.Pair) bool) {
		check(t, s.View(func(r store.Reader) error {
			r.Scan([]byte(from))(yield)
			return nil
		}))
	}
}

func TestASlowReaderOfABackupHoldsUpNobody(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there the file's size in memory grows with it, and that waits for readers")
	}
	s := open(t, filepath.Join(t.TempDir(), "pairs.db"))
	check(t, store.Create(s, []byte("first"), make([]byte, 1<<20)))
	slow, w := io.Pipe()
	done := make(chan error)
	go func() {
		err := s.Backup(w)
		w.Close()
		done <- err
	}()
	_, err := io.ReadFull(slow, make([]byte, 1)) // it has begun
	check(t, err)
	for i := range 20 {
		check(t, store.Create(s, fmt.Append(nil, i), make([]byte, 1<<20)))
		_, err := store.Read(s, fmt.Append(nil, i))
		check(t, err)
	}
	io.Copy(io.Discard, slow)
	check(t, <-done)
}

func TestABackupThatCannotBeWrittenLeavesNoFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "pairs.db"))
	check(t, s.Close())
	path := filepath.Join(t.TempDir(), "backup.db")
	if err := s.BackupFile(path); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestCompactingKeepsEveryPairAndGivesSpaceBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	s := open(t, path)
	end := time.Now().Add(time.Hour)
	for i := range 10 {
		check(t, s.Update(func(w store.Writer) error {
			return w.Put(store.Pair{Key: fmt.Append(nil, i), Value: make([]byte, 1<<20), Expires: end})
		}))
	}
	for i := range 9 {
		check(t, store.Delete(s, fmt.Append(nil, i)))
	}
	var before bytes.Buffer
	check(t, store.Export(s, &before))
	_, _, err := store.Compact(path)
	if !errors.As(err, new(*store.LockedError)) {
		t.Errorf("while it is open: %v", err)
	}
	check(t, s.Close())
	was, is, err := store.Compact(path)
	check(t, err)
	if is.File > was.File/4 || is.Pairs != 1 || is.Expiring != 1 || was.Pairs != 1 {
		t.Errorf("before %+v, after %+v", was, is)
	}
	var after bytes.Buffer
	check(t, store.Export(open(t, path), &after))
	if !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Error("the pairs are others")
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	wantAlone(t, path)
}

func wantAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestWhatIsNoStoreIsNotCompactedNorVerified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	for _, content := range []string{"", "hello", strings.Repeat("hello", 10_000)} {
		check(t, os.WriteFile(path, []byte(content), 0o600))
		_, _, err := store.Compact(path)
		if !errors.As(err, new(*store.DamagedError)) {
			t.Errorf("compact: %v", err)
		}
		if _, err := store.Verify(path); !errors.As(err, new(*store.DamagedError)) {
			t.Errorf("verify: %v", err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("the file was changed: %v", err)
		}
	}
	wantAlone(t, path)
	if _, err := store.Verify(path + "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// Who waits for the lock of a file that is compacted meanwhile must not get the old one.
func TestAFileThatIsReplacedWhileOneWaitsForItIsNotWrittenTo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there a file that is open is not replaced")
	}
	for range 5 {
		dir := t.TempDir()
		path := filepath.Join(dir, "pairs.db")
		held := open(t, path)
		check(t, held.BackupFile(path+".new"))
		opened := make(chan *store.Bolt)
		go func() {
			s, err := store.Open(path, store.Options{})
			if err != nil && !errors.As(err, new(*store.LockedError)) {
				t.Error(err)
			}
			opened <- s
		}()
		runtime.Gosched()
		check(t, os.Rename(path+".new", path))
		check(t, held.Close())
		s := <-opened
		if s == nil {
			continue
		}
		check(t, store.Create(s, []byte("k"), nil))
		check(t, s.Close())
		_, err := store.Read(open(t, path), []byte("k"))
		check(t, err)
	}
}

func TestCompactingReplacesWhereALinkLeadsAndKeepsTheMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there, and there is no such mode")
	}
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real.db"), filepath.Join(dir, "link.db")
	s := open(t, path)
	check(t, store.Create(s, []byte("k"), []byte("v")))
	check(t, s.Close())
	check(t, os.Chmod(path, 0o640))
	check(t, os.Symlink("real.db", link))
	before, err := os.Stat(path)
	check(t, err)
	_, _, err = store.Compact(link)
	check(t, err)
	after, err := os.Stat(path)
	check(t, err)
	if at, err := os.Readlink(link); at != "real.db" || os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("the link leads to %q, %v; the file, once %v, is %v now", at, err, before.Mode(), after.Mode())
	}
}
