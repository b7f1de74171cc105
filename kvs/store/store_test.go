package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"example.com/tlslab/kvs/store"
	"example.com/tlslab/kvs/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFile) != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

func Example() {
	s := new(store.Memory) // or store.Open("pairs.db", store.Options{})
	defer s.Close()

	fmt.Println(store.Create(s, []byte("nome"), []byte("ana")))
	fmt.Println(store.Create(s, []byte("nome"), []byte("eva")))
	store.Each(s, func(key, value []byte) error {
		_, err := fmt.Printf("%s is %s\n", key, value)
		return err
	})
	// Output:
	// <nil>
	// the key exists already
	// nome is ana
}

func TestMemoryDoesWhatEveryStoreMust(t *testing.T) {
	storetest.Run(t, storetest.Setting{
		Open:    func(*testing.T) store.Store { return new(store.Memory) },
		Limited: func(_ *testing.T, limit int64) store.Store { return &store.Memory{Limit: limit} },
	})
}

func TestBoltDoesWhatEveryStoreMust(t *testing.T) {
	for name, sync := range map[string]store.Sync{"always": store.Always, "interval": store.Interval} {
		t.Run(name, func(t *testing.T) {
			paths := make(map[store.Store]string)
			at := func(t *testing.T, path string, limit int64) store.Store {
				s, err := store.Open(path, store.Options{Sync: sync, Limit: limit})
				check(t, err)
				paths[s] = path
				return s
			}
			inNewFile := func(t *testing.T, limit int64) store.Store {
				return at(t, filepath.Join(t.TempDir(), "pairs.db"), limit)
			}
			storetest.Run(t, storetest.Setting{
				Open:    func(t *testing.T) store.Store { return inNewFile(t, 0) },
				Limited: inNewFile,
				Reopen: func(t *testing.T, s store.Store) store.Store {
					check(t, s.Close())
					return at(t, paths[s], 0)
				},
			})
		})
	}
}

func TestBoltKeepsPairsBetweenRunsInAFileForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	s := open(t, path)
	check(t, store.Create(s, []byte("nome"), []byte("ana")))
	check(t, s.Close())

	s = open(t, path)
	if got, err := store.Read(s, []byte("nome")); err != nil || string(got) != "ana" {
		t.Errorf("got %q, %v", got, err)
	}
	info, err := os.Stat(path)
	check(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

func TestOpeningAFileThatIsHeldGivesUpAfterASecondAndNamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	held := open(t, path)
	start := time.Now()
	_, err := store.Open(path, store.Options{})
	waited := time.Since(start)

	var locked *store.LockedError
	if !errors.As(err, &locked) || locked.Path != path || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want a LockedError for %s", err, path)
	}
	if waited < store.LockWait*8/10 {
		t.Errorf("waited %v, want about %v", waited, store.LockWait)
	}
	check(t, store.Create(held, []byte("still"), []byte("works")))
}

func TestAFileReleasedInTimeIsOpened(t *testing.T) {
	for path, inTime := filepath.Join(t.TempDir(), "pairs.db"), false; !inTime; { // a busy disk may be late
		held := open(t, path)
		opened := make(chan error)
		begun := time.Now()
		go func() {
			s, err := store.Open(path, store.Options{})
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
		check(t, held.Close())
		inTime = time.Since(begun) < store.LockWait/2
		if err := <-opened; inTime {
			check(t, err)
		}
	}
}

func TestADamagedFileIsRefusedAndLeftUntouched(t *testing.T) {
	good := sampleFile(t)
	page := os.Getpagesize()
	text := []byte(strings.Repeat("dear diary, ", 2000))
	for name, content := range map[string][]byte{
		"text":               text,
		"one byte":           {0},
		"zeros":              make([]byte, 8*page),
		"both metas broken":  changed(good, func(b []byte) { copy(b[20:], "xxxx"); copy(b[page+20:], "xxxx") }),
		"cut after 2 pages":  good[:2*page],
		"cut after 3 pages":  good[:3*page],
		"cut in the middle":  good[:8*page],
		"data overwritten":   changed(good, func(b []byte) { copy(b[4*page:], bytes.Repeat([]byte{0xff}, 4*page)) }),
		"data zeroed":        changed(good, func(b []byte) { clear(b[2*page:]) }),
		"text over the data": changed(good, func(b []byte) { copy(b[2*page:], text) }),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pairs.db")
			check(t, os.WriteFile(path, content, 0o600))
			_, err := store.Open(path, store.Options{})
			var damaged *store.DamagedError
			if !errors.As(err, &damaged) {
				t.Fatalf("got %v, want a DamagedError", err)
			}
			if text := err.Error(); !strings.Contains(text, path) || strings.Contains(text, "\n") {
				t.Errorf("the error is not one line that names the file: %q", text)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestAFileWithRandomDamageNeverEndsTheProcess(t *testing.T) {
	good := sampleFile(t)
	random := rand.New(rand.NewPCG(3, 4))
	path := filepath.Join(t.TempDir(), "pairs.db")
	refused := 0
	for range 60 {
		bad := changed(good, func(b []byte) {
			for range 1 + random.IntN(4) {
				page := 2 + random.IntN(len(b)/os.Getpagesize()-2)
				b[page*os.Getpagesize()+random.IntN(64)] = byte(random.Uint32()) // headers lie there
			}
		})
		check(t, os.WriteFile(path, bad, 0o600))
		s, err := store.Open(path, store.Options{})
		if err != nil {
			refused++
			continue // not every byte of the file is in use
		}
		for i := range 10 { // the damage shows nowhere, also not in new pages
			check(t, store.Create(s, fmt.Appendf(nil, "new %d", i), make([]byte, 500)))
		}
		check(t, store.Each(s, func([]byte, []byte) error { return nil }))
		check(t, s.Close())
	}
	t.Logf("%d of 60 refused", refused)
}

func TestADatabaseOfAnotherProgramIsRefusedAndLeftUntouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := bbolt.Open(path, 0o600, nil)
	check(t, err)
	check(t, db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("theirs"))
		if err != nil {
			return err
		}
		return b.Put([]byte("a"), []byte("b"))
	}))
	check(t, db.Close())
	before, err := os.ReadFile(path)
	check(t, err)

	_, err = store.Open(path, store.Options{})
	var damaged *store.DamagedError
	if !errors.As(err, &damaged) {
		t.Errorf("got %v, want a DamagedError", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestWhatCannotBeAFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.Open(dir, store.Options{}); !errors.Is(err, syscall.EISDIR) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: got %v", err)
	}
	missing := filepath.Join(dir, "missing", "pairs.db")
	if _, err := store.Open(missing, store.Options{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing folder: got %v", err)
	}
}

// sampleFile is the content of a store with enough pairs for branch pages and
// values that span pages.
func sampleFile(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "sample.db")
	s := open(t, path)
	for i := range 40 {
		check(t, store.Create(s, fmt.Appendf(nil, "key %03d", i), bytes.Repeat([]byte{byte(i)}, 100*(i%60))))
	}
	check(t, s.Close())
	content, err := os.ReadFile(path)
	check(t, err)
	return content
}

func changed(b []byte, change func([]byte)) []byte {
	b = bytes.Clone(b)
	change(b)
	return b
}

func open(t *testing.T, path string) *store.Bolt {
	t.Helper()
	s, err := store.Open(path, store.Options{})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestASeriesOfViewsFindsTheStoreAsItWasSinceItBegan(t *testing.T) {
	for _, sync := range []store.Sync{store.Always, store.Interval} {
		s, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{Sync: sync})
		check(t, err)
		check(t, store.Create(s, []byte("k"), []byte("old")))
		view, end, err := s.Views()
		check(t, err)
		read := func() (value string) {
			check(t, view(func(r store.Reader) error {
				pair, _ := r.Get([]byte("k"))
				value = string(pair.Value)
				return nil
			}))
			return value
		}
		if got := read(); got != "old" {
			t.Errorf("%v: got %q", sync, got)
		}
		check(t, store.Replace(s, []byte("k"), []byte("new")))
		if got := read(); got != "old" && got != "new" {
			t.Errorf("%v: meanwhile %q", sync, got)
		}
		end()
		if value, err := store.Read(s, []byte("k")); string(value) != "new" || err != nil {
			t.Errorf("%v: afterwards %q, %v", sync, value, err)
		}
		check(t, s.Close()) // which waits for Views
	}
}

func TestASeriesOfViewsFindsNothingThatHasExpired(t *testing.T) {
	for _, sync := range []store.Sync{store.Always, store.Interval} {
		synctest.Test(t, func(t *testing.T) {
			s, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{Sync: sync})
			check(t, err)
			t.Cleanup(func() { s.Close() })
			key := []byte("k")
			check(t, s.Update(func(w store.Writer) error {
				return w.Put(store.Pair{Key: key, Expires: time.Now().Add(time.Second)})
			}))
			view, end, err := s.Views()
			check(t, err)
			defer end()
			time.Sleep(time.Second)
			check(t, view(func(r store.Reader) error {
				if _, exists := r.Get(key); exists || r.Len() != 0 {
					t.Errorf("%v: it is there still, one of %d", sync, r.Len())
				}
				for pair := range r.Scan(nil) {
					t.Errorf("%v: a scan finds %q", sync, pair.Key)
				}
				return nil
			}))
		})
	}
}
