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
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"example.com/tlslab/kvs/store"
	"example.com/tlslab/kvs/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	var s store.Memory // or store.Open("pairs.db")
	defer s.Close()

	fmt.Println(s.Create([]byte("nome"), []byte("ana")))
	fmt.Println(s.Create([]byte("nome"), []byte("eva")))
	s.Each(func(key, value []byte) error {
		_, err := fmt.Printf("%s is %s\n", key, value)
		return err
	})
	// Output:
	// <nil>
	// the key exists already
	// nome is ana
}

func TestMemoryDoesWhatEveryStoreMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return new(store.Memory) })
}

func TestBoltDoesWhatEveryStoreMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "pairs.db"))
	})
}

func TestMemoryPastItsLimitIsFullAndTakesMoreAfterADelete(t *testing.T) {
	m := store.Memory{Limit: 10}
	check(t, m.Create([]byte("a"), []byte("1234")))
	check(t, m.Create([]byte("b"), []byte("1234")))
	if err := m.Create([]byte("c"), nil); !errors.Is(err, store.ErrFull) {
		t.Errorf("create: %v, want ErrFull", err)
	}
	if err := m.Update([]byte("a"), []byte("12345")); !errors.Is(err, store.ErrFull) {
		t.Errorf("update: %v, want ErrFull", err)
	}
	check(t, m.Update([]byte("a"), []byte("4321"))) // no growth
	check(t, m.Delete([]byte("b")))
	check(t, m.Create([]byte("c"), []byte("1234")))
}

func TestBoltKeepsPairsBetweenRunsInAFileForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	s := open(t, path)
	check(t, s.Create([]byte("nome"), []byte("ana")))
	check(t, s.Close())

	s = open(t, path)
	if got, err := s.Read([]byte("nome")); err != nil || string(got) != "ana" {
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
	_, err := store.Open(path)
	waited := time.Since(start)

	var locked *store.LockedError
	if !errors.As(err, &locked) || locked.Path != path || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want a LockedError for %s", err, path)
	}
	if waited < 800*time.Millisecond || waited > 3*time.Second {
		t.Errorf("waited %v, want about 1 s", waited)
	}
	check(t, held.Create([]byte("still"), []byte("works")))
}

func TestAFileReleasedInTimeIsOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	held := open(t, path)
	opened := make(chan error)
	go func() {
		s, err := store.Open(path)
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	check(t, held.Close())
	check(t, <-opened)
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
		"cut in the middle":  good[:len(good)/2],
		"data overwritten":   changed(good, func(b []byte) { copy(b[4*page:], bytes.Repeat([]byte{0xff}, 4*page)) }),
		"data zeroed":        changed(good, func(b []byte) { clear(b[2*page:]) }),
		"text over the data": changed(good, func(b []byte) { copy(b[2*page:], text) }),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pairs.db")
			check(t, os.WriteFile(path, content, 0o600))
			_, err := store.Open(path)
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
		s, err := store.Open(path)
		if err != nil {
			refused++
			continue // not every byte of the file is in use
		}
		for i := range 10 { // the damage shows nowhere, also not in new pages
			check(t, s.Create(fmt.Appendf(nil, "new %d", i), make([]byte, 500)))
		}
		check(t, s.Each(func([]byte, []byte) error { return nil }))
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

	_, err = store.Open(path)
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
	var damaged *store.DamagedError
	if _, err := store.Open(dir); !errors.As(err, &damaged) {
		t.Errorf("a folder: got %v, want a DamagedError", err)
	}
	missing := filepath.Join(dir, "missing", "pairs.db")
	if _, err := store.Open(missing); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing folder: got %v", err)
	}
}

// sampleFile is the content of a store with enough pairs for branch pages and
// values that span pages.
func sampleFile(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "sample.db")
	s := open(t, path)
	for i := range 40 {
		check(t, s.Create(fmt.Appendf(nil, "key %03d", i), bytes.Repeat([]byte{byte(i)}, 100*(i%60))))
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
	s, err := store.Open(path)
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
