// Package storetest is the suite that every store of package store must pass.
package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs/store"
)

// A Setting is a kind of store.
type Setting struct {
	// Open returns an empty store.
	Open func(t *testing.T) store.Store
	// Reopen closes a store and opens it again. Nil says that nothing outlives it.
	Reopen func(t *testing.T, s store.Store) store.Store
	// Limited returns an empty store that takes so many bytes of pairs.
	Limited func(t *testing.T, limit int64) store.Store
}

// Run tests the stores that setting opens. Each is closed at the end of its test. Where a test has to wait, time is not the real one.
func Run(t *testing.T, setting Setting) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"a created pair is read back", createdIsRead},
		{"creating a key twice fails and keeps the first value", createTwice},
		{"a missing key cannot be read, replaced or deleted", missing},
		{"replacing a value leaves the rest", replace},
		{"a deleted key can be created again", deleteAndCreate},
		{"keys and values may be any bytes, or empty", anyBytes},
		{"a scan goes in the order of the bytes", order},
		{"a scan begins at any key, there or not", scanFrom},
		{"a scan over many pairs visits each once, wherever it is interrupted", scanMany},
		{"a scan sees what its own loop changes ahead of it", scanChanging},
		{"an error from visit ends each and comes back", visitError},
		{"the caller's slices are not kept", ownSlices},
		{"what is too large is refused", tooLarge},
		{"the largest key and a large value are taken", largest},
		{"an update that fails leaves nothing", failedUpdate},
		{"an update that panics leaves nothing, and the store in use", panickingUpdate},
		{"an update sees what it did", ownChanges},
		{"of many who create one key, one succeeds", oneWinner},
		{"many who count lose none", counting},
		{"a reader sees all of an update or nothing", allOrNothing},
		{"many use it at once", concurrent},
		{"nobody waits for another's wait to be called", waitsApart},
		{"after close everything says closed", closed},
		{"it agrees with a map over random operations", model},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, opened(t, setting.Open(t))) })
	}
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"a pair is there until it expires, and not after", expiry},
		{"what is put again does not expire, and replacing leaves the expiry", expiryReplaced},
		{"what is put with a time that has passed is deleted", expiredAlready},
		{"an update that fails leaves the expiries", failedExpiry},
		{"an expired key can be created again", expiredCreated},
		{"nothing is left of what has expired, though it is not swept yet", expiredUnswept},
		{"it agrees with a map over random operations in time", expiryModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.test(t, opened(t, setting.Open(t))) })
		})
	}
	t.Run("past its limit it is full, and takes more after a delete", func(t *testing.T) { full(t, opened(t, setting.Limited(t, 2*(store.PairOverhead+5)))) })
	t.Run("what has expired makes room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { expiredMakesRoom(t, opened(t, setting.Limited(t, 20*(store.PairOverhead+5)))) })
	})
	if setting.Reopen != nil {
		t.Run("pairs and expiries outlive it", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { reopened(t, opened(t, setting.Open(t)), setting.Reopen) })
		})
	}
}

func opened(t *testing.T, s store.Store) store.Store {
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func wantValue(t *testing.T, s store.Store, key, want string) {
	t.Helper()
	got, err := store.Read(s, []byte(key))
	must(t, err)
	if string(got) != want {
		t.Errorf("read %.40q: got %.40q, want %.40q", key, got, want)
	}
}

func wantKeys(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	must(t, s.View(func(r store.Reader) error {
		if got := keysOf(r, ""); !slices.Equal(got, want) {
			t.Errorf("keys %.200q, want %.200q", got, want)
		}
		if n := r.Len(); n != len(want) {
			t.Errorf("it counts %d pairs, want %d", n, len(want))
		}
		return nil
	}))
}

func keysOf(r store.Reader, from string) (keys []string) {
	for pair := range r.Scan([]byte(from)) {
		keys = append(keys, string(pair.Key))
	}
	return keys
}

func put(key, value string, expires time.Time) func(store.Writer) error {
	return func(w store.Writer) error {
		return w.Put(store.Pair{Key: []byte(key), Value: []byte(value), Expires: expires})
	}
}

func create(s store.Store, key, value string) error {
	return store.Create(s, []byte(key), []byte(value))
}

func createdIsRead(t *testing.T, s store.Store) {
	must(t, create(s, "nome", "ana"))
	wantValue(t, s, "nome", "ana")
}

func createTwice(t *testing.T, s store.Store) {
	must(t, create(s, "k", "first"))
	wantErr(t, "create", create(s, "k", "second"), store.ErrExists)
	wantValue(t, s, "k", "first")
}

func missing(t *testing.T, s store.Store) {
	_, err := store.Read(s, []byte("k"))
	wantErr(t, "read", err, store.ErrNotFound)
	wantErr(t, "replace", store.Replace(s, []byte("k"), []byte("v")), store.ErrNotFound)
	wantErr(t, "delete", store.Delete(s, []byte("k")), store.ErrNotFound)
	wantKeys(t, s)
}

func replace(t *testing.T, s store.Store) {
	must(t, create(s, "j", "1"))
	must(t, create(s, "k", "a long first value"))
	must(t, store.Replace(s, []byte("k"), []byte("v")))
	wantValue(t, s, "j", "1")
	wantValue(t, s, "k", "v")
}

func deleteAndCreate(t *testing.T, s store.Store) {
	must(t, create(s, "k", "1"))
	must(t, store.Delete(s, []byte("k")))
	_, err := store.Read(s, []byte("k"))
	wantErr(t, "read", err, store.ErrNotFound)
	wantKeys(t, s)
	must(t, create(s, "k", "2"))
	wantValue(t, s, "k", "2")
}

func anyBytes(t *testing.T, s store.Store) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, b := range []string{"", "\x00", "\x00\x00", "\xff", "a\nb", string(every)} {
		must(t, create(s, b, b))
		wantValue(t, s, b, b)
	}
	must(t, store.Replace(s, []byte("a\nb"), nil))
	wantValue(t, s, "a\nb", "")
}

func order(t *testing.T, s store.Store) {
	want := []string{"", "\x00", "B", "a", "a\x00", "aa", "b", "é", "\xff"}
	for _, i := range rand.Perm(len(want)) {
		must(t, create(s, want[i], want[i]))
	}
	wantKeys(t, s, want...)
	must(t, store.Each(s, func(key, value []byte) error {
		if !bytes.Equal(key, value) {
			t.Errorf("key %q came with value %q", key, value)
		}
		return nil
	}))
}

func scanFrom(t *testing.T, s store.Store) {
	all := []string{"b", "bb", "d"}
	for _, key := range all {
		must(t, create(s, key, ""))
	}
	must(t, s.View(func(r store.Reader) error {
		for from, want := range map[string][]string{
			"": all, "a": all, "b": all, "b\x00": {"bb", "d"}, "bb": {"bb", "d"}, "c": {"d"}, "d": {"d"}, "d\x00": nil, "e": nil,
		} {
			if got := keysOf(r, from); !slices.Equal(got, want) {
				t.Errorf("from %q: %q, want %q", from, got, want)
			}
		}
		return nil
	}))
}

func scanMany(t *testing.T, s store.Store) {
	const n = 3000
	must(t, s.Update(func(w store.Writer) error {
		for _, i := range rand.Perm(n) {
			if err := put(fmt.Sprintf("%05d", 2*i), "", time.Time{})(w); err != nil {
				return err
			}
		}
		return nil
	}))
	seen := 0
	for from, more := "", true; more; {
		more = false
		must(t, s.View(func(r store.Reader) error {
			for pair := range r.Scan([]byte(from)) {
				if want := fmt.Sprintf("%05d", 2*seen); string(pair.Key) != want {
					t.Fatalf("%s came, want %s", pair.Key, want)
				}
				seen++
				if from = string(pair.Key) + "\x00"; seen%7 == 0 {
					more = true
					return nil
				}
			}
			return nil
		}))
	}
	if seen != n {
		t.Errorf("%d pairs, want %d", seen, n)
	}
}

func scanChanging(t *testing.T, s store.Store) {
	for _, key := range []string{"a", "b", "c", "d"} {
		must(t, create(s, key, "old"))
	}
	var seen []string
	must(t, s.Update(func(w store.Writer) error {
		for pair := range w.Scan(nil) {
			seen = append(seen, string(pair.Key)+"="+string(pair.Value))
			switch string(pair.Key) {
			case "a":
				w.Delete([]byte("a")) // itself
				w.Delete([]byte("b"))
				must(t, put("c", "new", time.Time{})(w))
			case "c":
				must(t, put("bb", "behind", time.Time{})(w))
				must(t, put("cc", "ahead", time.Time{})(w))
			}
		}
		return nil
	}))
	if want := []string{"a=old", "c=new", "cc=ahead", "d=old"}; !slices.Equal(seen, want) {
		t.Errorf("it saw %q, want %q", seen, want)
	}
	wantKeys(t, s, "bb", "c", "cc", "d")
}

func visitError(t *testing.T, s store.Store) {
	for _, k := range []string{"a", "b", "c"} {
		must(t, create(s, k, ""))
	}
	stop := errors.New("stop")
	visits := 0
	err := store.Each(s, func([]byte, []byte) error {
		if visits++; visits == 2 {
			return stop
		}
		return nil
	})
	if err != stop || visits != 2 {
		t.Errorf("got error %v after %d visits, want %v after 2", err, visits, stop)
	}
}

func ownSlices(t *testing.T, s store.Store) {
	key, value := []byte("key"), []byte("value")
	must(t, s.Update(func(w store.Writer) error {
		err := w.Put(store.Pair{Key: key, Value: value})
		key[0], value[0] = 'X', 'X'
		return err
	}))
	wantValue(t, s, "key", "value")
	got, err := store.Read(s, []byte("key"))
	must(t, err)
	got[0] = 'X'
	wantValue(t, s, "key", "value")
}

func tooLarge(t *testing.T, s store.Store) {
	must(t, create(s, "k", "v"))
	long := make([]byte, store.MaxKey+1)
	wantErr(t, "create a long key", store.Create(s, long, nil), store.ErrTooLarge)
	huge := make([]byte, store.MaxValue+1)
	wantErr(t, "create a long value", store.Create(s, []byte("l"), huge), store.ErrTooLarge)
	wantErr(t, "replace with a long value", store.Replace(s, []byte("k"), huge), store.ErrTooLarge)
	_, err := store.Read(s, long)
	wantErr(t, "read a long key", err, store.ErrNotFound)
	wantErr(t, "delete a long key", store.Delete(s, long), store.ErrNotFound)
	wantValue(t, s, "k", "v")
	wantKeys(t, s, "k")
}

func largest(t *testing.T, s store.Store) {
	key := strings.Repeat("\xff", store.MaxKey)
	value := strings.Repeat("v", 1<<20)
	must(t, s.Update(put(key, value, time.Now().Add(time.Hour))))
	wantValue(t, s, key, value)
	must(t, s.Update(put(key, "w", time.Now().Add(2*time.Hour))))
	wantKeys(t, s, key)
	must(t, store.Delete(s, []byte(key)))
	wantKeys(t, s)
}

// change does everything that can be done to a, b, c and d.
func change(t *testing.T, w store.Writer) {
	w.Delete([]byte("a"))
	must(t, put("a", "other", time.Now().Add(time.Hour))(w))
	must(t, put("b", "other", time.Time{})(w))
	must(t, put("b", "another", time.Time{})(w))
	w.Delete([]byte("c"))
	must(t, put("d", "new", time.Time{})(w))
	w.Delete([]byte("d"))
	must(t, put("e", "new", time.Now().Add(time.Hour))(w))
}

func wantUnchanged(t *testing.T, s store.Store) {
	t.Helper()
	wantKeys(t, s, "a", "b", "c")
	for _, key := range []string{"a", "b", "c"} {
		wantValue(t, s, key, "old")
	}
}

func failedUpdate(t *testing.T, s store.Store) {
	for _, key := range []string{"a", "b", "c"} {
		must(t, create(s, key, "old"))
	}
	no := errors.New("no")
	err := s.Update(func(w store.Writer) error {
		change(t, w)
		return no
	})
	if err != no {
		t.Errorf("got error %v, want %v", err, no)
	}
	wantUnchanged(t, s)
}

func panickingUpdate(t *testing.T, s store.Store) {
	for _, key := range []string{"a", "b", "c"} {
		must(t, create(s, key, "old"))
	}
	func() {
		defer func() {
			if p := recover(); p != "no" {
				t.Errorf("it panicked with %v", p)
			}
		}()
		s.Update(func(w store.Writer) error {
			change(t, w)
			panic("no")
		})
	}()
	func() {
		defer func() { recover() }()
		s.View(func(store.Reader) error { panic("no") })
	}()
	wantUnchanged(t, s)
	must(t, create(s, "d", ""))
	wantKeys(t, s, "a", "b", "c", "d")
}

func ownChanges(t *testing.T, s store.Store) {
	must(t, create(s, "a", "1"))
	must(t, s.Update(func(w store.Writer) error {
		must(t, put("b", "2", time.Time{})(w))
		if pair, ok := w.Get([]byte("b")); !ok || string(pair.Value) != "2" || string(pair.Key) != "b" {
			t.Errorf("b is %v, %v", pair, ok)
		}
		if !w.Delete([]byte("a")) || w.Delete([]byte("a")) {
			t.Error("a is not deleted once")
		}
		if _, ok := w.Get([]byte("a")); ok {
			t.Error("a is still there")
		}
		if got := keysOf(w, ""); !slices.Equal(got, []string{"b"}) || w.Len() != 1 {
			t.Errorf("keys %q, %d of them", got, w.Len())
		}
		return nil
	}))
}

func oneWinner(t *testing.T, s store.Store) {
	var wins atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			switch err := store.Create(s, []byte("k"), []byte{byte(i)}); {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, store.ErrExists):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d succeeded, want 1", wins.Load())
	}
}

func counting(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				err := s.Update(func(w store.Writer) error {
					pair, _ := w.Get([]byte("n"))
					n, _ := strconv.Atoi(string(pair.Value))
					return put("n", strconv.Itoa(n+1), time.Time{})(w)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantValue(t, s, "n", "200")
}

func allOrNothing(t *testing.T, s store.Store) {
	both := func(value string) error {
		return s.Update(func(w store.Writer) error {
			return cmp.Or(put("a", value, time.Time{})(w), put("b", value, time.Time{})(w))
		})
	}
	must(t, both("0"))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				err := s.View(func(r store.Reader) error {
					a, _ := r.Get([]byte("a"))
					b, _ := r.Get([]byte("b"))
					if !bytes.Equal(a.Value, b.Value) {
						t.Errorf("a is %s, b is %s", a.Value, b.Value)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 50 {
		must(t, both(strconv.Itoa(i)))
	}
	close(done)
	wg.Wait()
}

func concurrent(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				key := fmt.Appendf(nil, "%d.%d", w, i)
				if err := errors.Join(store.Create(s, key, key), store.Replace(s, key, []byte("v"))); err != nil {
					t.Error(err)
				}
				if got, err := store.Read(s, key); err != nil || string(got) != "v" {
					t.Errorf("read %s: %q, %v", key, got, err)
				}
				if err := store.Each(s, func([]byte, []byte) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	must(t, s.View(func(r store.Reader) error {
		if r.Len() != 40 || len(keysOf(r, "")) != 40 {
			t.Errorf("%d pairs, want 40", r.Len())
		}
		return nil
	}))
}

// Who has the turn waits for the disk; the others wait for the turn.
func waitsApart(t *testing.T, s store.Store) {
	pipeline, ok := s.(store.Pipeline)
	if !ok {
		t.Skip("it is no Pipeline")
	}
	const callers, rounds = 4, 100
	var turn sync.Mutex
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for round := range rounds {
				do := put(fmt.Sprint(caller), fmt.Sprint(round), time.Time{})
				wait, err := pipeline.Later(do)
				turn.Lock()
				if caller == 0 {
					err = cmp.Or(err, pipeline.Update(do))
				}
				err = cmp.Or(wait(), err)
				turn.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	finished := make(chan bool)
	go func() {
		all.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-time.After(30 * time.Second):
		t.Fatal("they wait for each other")
	}
}

func closed(t *testing.T, s store.Store) {
	must(t, create(s, "k", ""))
	must(t, s.Close())
	must(t, s.Close())
	wantErr(t, "view", s.View(func(store.Reader) error { t.Error("view did"); return nil }), store.ErrClosed)
	wantErr(t, "update", s.Update(func(store.Writer) error { t.Error("update did"); return nil }), store.ErrClosed)
}

func model(t *testing.T, s store.Store) {
	random := rand.New(rand.NewPCG(1, 2))
	pairs := map[string]string{}
	for range 200 {
		key, value := fmt.Sprint(random.IntN(8)), fmt.Sprint(random.Int())
		_, exists := pairs[key]
		var err, want error
		switch random.IntN(3) {
		case 0:
			if err = create(s, key, value); exists {
				want = store.ErrExists
			} else {
				pairs[key] = value
			}
		case 1:
			if err = store.Replace(s, []byte(key), []byte(value)); !exists {
				want = store.ErrNotFound
			} else {
				pairs[key] = value
			}
		case 2:
			if err = store.Delete(s, []byte(key)); !exists {
				want = store.ErrNotFound
			}
			delete(pairs, key)
		}
		if !errors.Is(err, want) {
			t.Fatalf("key %s: got error %v, want %v", key, err, want)
		}
	}
	for key, value := range pairs {
		wantValue(t, s, key, value)
	}
	wantKeys(t, s, slices.Sorted(maps.Keys(pairs))...)
}

// wantExpiry says when a pair expires; zero is never.
func wantExpiry(t *testing.T, s store.Store, key string, want time.Time) {
	t.Helper()
	must(t, s.View(func(r store.Reader) error {
		if pair, ok := r.Get([]byte(key)); !ok || !pair.Expires.Equal(want) {
			t.Errorf("%s expires at %v (%v), want %v", key, pair.Expires, ok, want)
		}
		for pair := range r.Scan([]byte(key)) {
			if !pair.Expires.Equal(want) {
				t.Errorf("in a scan %s expires at %v, want %v", pair.Key, pair.Expires, want)
			}
			break
		}
		return nil
	}))
}

func expiry(t *testing.T, s store.Store) {
	soon, later := time.Now().Add(10*time.Second), time.Now().Add(time.Hour)
	must(t, create(s, "never", "1"))
	must(t, s.Update(put("soon", "2", soon)))
	must(t, s.Update(put("later", "3", later)))
	wantExpiry(t, s, "soon", soon)
	wantExpiry(t, s, "later", later)
	wantExpiry(t, s, "never", time.Time{})

	time.Sleep(10*time.Second - time.Millisecond)
	wantKeys(t, s, "later", "never", "soon")
	time.Sleep(time.Millisecond) // what expires now is gone, swept or not
	wantKeys(t, s, "later", "never")
	_, err := store.Read(s, []byte("soon"))
	wantErr(t, "read", err, store.ErrNotFound)
	wantErr(t, "delete", store.Delete(s, []byte("soon")), store.ErrNotFound)
	wantErr(t, "replace", store.Replace(s, []byte("soon"), nil), store.ErrNotFound)
	time.Sleep(2 * time.Hour)
	wantKeys(t, s, "never")
}

func expiryReplaced(t *testing.T, s store.Store) {
	end := time.Now().Add(10 * time.Second)
	for _, key := range []string{"a", "b", "c", "d"} {
		must(t, s.Update(put(key, "old", end)))
	}
	must(t, s.Update(put("a", "new", time.Time{})))
	must(t, store.Replace(s, []byte("b"), []byte("new")))
	must(t, s.Update(put("c", "new", end.Add(time.Hour))))
	must(t, s.Update(put("d", "new", end.Add(-5*time.Second))))
	wantExpiry(t, s, "a", time.Time{})
	wantExpiry(t, s, "b", end)
	wantExpiry(t, s, "c", end.Add(time.Hour))
	time.Sleep(6 * time.Second)
	wantKeys(t, s, "a", "b", "c")
	time.Sleep(6 * time.Second)
	wantKeys(t, s, "a", "c")
	time.Sleep(2 * time.Hour)
	wantKeys(t, s, "a")
	wantValue(t, s, "a", "new")
}

func expiredAlready(t *testing.T, s store.Store) {
	for key, expires := range map[string]time.Time{
		"a": time.Now(), "b": time.Now().Add(-time.Hour), "c": time.Unix(0, 0), "d": time.Unix(-1, 0), "e": time.Time{}.Add(1),
	} {
		must(t, create(s, key, "old"))
		must(t, s.Update(put(key, "new", expires)))
	}
	wantKeys(t, s)
	must(t, s.Update(put("f", "", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC))))
	wantExpiry(t, s, "f", time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC))
}

func failedExpiry(t *testing.T, s store.Store) {
	end := time.Now().Add(10 * time.Second)
	must(t, s.Update(put("a", "old", end)))
	must(t, s.Update(put("b", "old", end)))
	must(t, create(s, "c", "old"))
	s.Update(func(w store.Writer) error {
		change(t, w)
		return errors.New("no")
	})
	wantUnchanged(t, s)
	wantExpiry(t, s, "a", end)
	wantExpiry(t, s, "b", end)
	wantExpiry(t, s, "c", time.Time{})
	time.Sleep(11 * time.Second)
	wantKeys(t, s, "c")
}

func expiredCreated(t *testing.T, s store.Store) {
	must(t, s.Update(put("k", "old", time.Now().Add(time.Minute))))
	time.Sleep(time.Minute)
	must(t, create(s, "k", "new"))
	wantExpiry(t, s, "k", time.Time{})
	time.Sleep(time.Hour)
	wantValue(t, s, "k", "new")
}

func expiredUnswept(t *testing.T, s store.Store) {
	must(t, s.Update(put("swept", "", time.Now().Add(time.Millisecond))))
	time.Sleep(time.Millisecond)
	synctest.Wait() // the next sweep is not at once
	for _, key := range []string{"k", "n"} {
		must(t, s.Update(put(key, "5", time.Now().Add(time.Millisecond))))
	}
	time.Sleep(time.Millisecond)
	get := func(r store.Reader) error {
		if pair, exists := r.Get([]byte("k")); exists || pair.Key != nil || pair.Value != nil || !pair.Expires.IsZero() {
			t.Errorf("there is %q, that expires at %v: %t", pair.Value, pair.Expires, exists)
		}
		return nil
	}
	must(t, s.View(get))
	must(t, s.Update(func(w store.Writer) error { return get(w) }))
	must(t, s.Update(func(w store.Writer) error { // as the package's page counts
		pair, _ := w.Get([]byte("n"))
		n, _ := strconv.Atoi(string(pair.Value))
		pair.Key, pair.Value = []byte("n"), strconv.AppendInt(nil, int64(n)+1, 10)
		return w.Put(pair)
	}))
	wantKeys(t, s, "n")
	wantValue(t, s, "n", "1")
	time.Sleep(time.Hour)
	wantValue(t, s, "n", "1")
}

func expiryModel(t *testing.T, s store.Store) {
	random := rand.New(rand.NewPCG(5, 6))
	pairs := map[string]time.Time{}
	for range 300 {
		must(t, s.Update(func(w store.Writer) error {
			for range 1 + random.IntN(4) {
				key := fmt.Sprint(random.IntN(30))
				switch random.IntN(4) {
				case 0:
					w.Delete([]byte(key))
					delete(pairs, key)
				case 1:
					must(t, put(key, "", time.Time{})(w))
					pairs[key] = time.Time{}
				default:
					pairs[key] = time.Now().Add(time.Duration(random.IntN(5000)) * time.Millisecond)
					must(t, put(key, "", pairs[key])(w))
				}
			}
			return nil
		}))
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
		maps.DeleteFunc(pairs, func(_ string, at time.Time) bool { return !at.IsZero() && !at.After(time.Now()) })
		wantKeys(t, s, slices.Sorted(maps.Keys(pairs))...)
	}
}

func full(t *testing.T, s store.Store) {
	must(t, create(s, "a", "1234"))
	must(t, create(s, "b", "1234"))
	wantErr(t, "create", create(s, "c", ""), store.ErrFull)
	wantErr(t, "replace", store.Replace(s, []byte("a"), []byte("12345")), store.ErrFull)
	wantValue(t, s, "a", "1234")
	must(t, store.Replace(s, []byte("a"), []byte("4321"))) // no growth
	must(t, store.Delete(s, []byte("b")))
	must(t, create(s, "c", "1234"))
	wantErr(t, "a failed create", create(s, "d", ""), store.ErrFull)
	wantKeys(t, s, "a", "c")
}

func expiredMakesRoom(t *testing.T, s store.Store) {
	must(t, s.Update(put("swept", "", time.Now().Add(time.Millisecond))))
	time.Sleep(time.Millisecond) // the next sweep is not at once
	end := time.Now().Add(time.Millisecond)
	for i := range 20 {
		must(t, s.Update(put(string(rune('a'+i)), "1234", end)))
	}
	wantErr(t, "create", create(s, "z", ""), store.ErrFull)
	time.Sleep(time.Millisecond)
	must(t, create(s, "z", strings.Repeat("v", 19*(store.PairOverhead+5))))
	wantKeys(t, s, "z")
}

func reopened(t *testing.T, s store.Store, reopen func(*testing.T, store.Store) store.Store) {
	end := time.Now().Add(time.Hour)
	must(t, create(s, "a", "1"))
	must(t, s.Update(put("b", "2", end)))
	must(t, s.Update(put("c", "3", end.Add(time.Hour))))
	s = opened(t, reopen(t, s))
	wantKeys(t, s, "a", "b", "c")
	wantExpiry(t, s, "b", end)
	wantValue(t, s, "b", "2")
	must(t, s.Close())
	time.Sleep(90 * time.Minute)
	s = opened(t, reopen(t, s)) // b has expired while nobody looked
	wantKeys(t, s, "a", "c")
	time.Sleep(time.Hour)
	wantKeys(t, s, "a")
	wantValue(t, s, "a", "1")
}
