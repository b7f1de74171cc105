// Package storetest holds what every store must do. A store's own tests call
// [Run] with a function that opens an empty one.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/tlslab/kvs/store"
)

// Run tests the stores that open returns. Each is closed at the end of its test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"a created pair is read back", createdIsRead},
		{"creating a key twice fails and keeps the first value", createTwice},
		{"a missing key cannot be read, updated or deleted", missing},
		{"an update replaces the value", update},
		{"a deleted key can be created again", deleteAndCreate},
		{"keys and values may be any bytes, or empty", anyBytes},
		{"each visits in the order of the bytes", order},
		{"an error from visit ends each and comes back", visitError},
		{"the caller's slices are not kept", ownSlices},
		{"what is too large is refused", tooLarge},
		{"the largest key and a large value are taken", largest},
		{"of many who create one key, one succeeds", oneWinner},
		{"many use it at once", concurrent},
		{"after close everything says closed", closed},
		{"it agrees with a map over random operations", model},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { s.Close() })
			c.test(t, s)
		})
	}
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
	got, err := s.Read([]byte(key))
	must(t, err)
	if string(got) != want {
		t.Errorf("read %.40q: got %.40q, want %.40q", key, got, want)
	}
}

func allKeys(t *testing.T, s store.Store) (keys []string) {
	t.Helper()
	must(t, s.Each(func(key, _ []byte) error {
		keys = append(keys, string(key))
		return nil
	}))
	return keys
}

func createdIsRead(t *testing.T, s store.Store) {
	must(t, s.Create([]byte("nome"), []byte("ana")))
	wantValue(t, s, "nome", "ana")
}

func createTwice(t *testing.T, s store.Store) {
	must(t, s.Create([]byte("k"), []byte("first")))
	wantErr(t, "create", s.Create([]byte("k"), []byte("second")), store.ErrExists)
	wantValue(t, s, "k", "first")
}

func missing(t *testing.T, s store.Store) {
	_, err := s.Read([]byte("k"))
	wantErr(t, "read", err, store.ErrNotFound)
	wantErr(t, "update", s.Update([]byte("k"), []byte("v")), store.ErrNotFound)
	wantErr(t, "delete", s.Delete([]byte("k")), store.ErrNotFound)
	if keys := allKeys(t, s); len(keys) != 0 {
		t.Errorf("keys appeared: %q", keys)
	}
}

func update(t *testing.T, s store.Store) {
	must(t, s.Create([]byte("k"), []byte("a long first value")))
	must(t, s.Update([]byte("k"), []byte("v")))
	wantValue(t, s, "k", "v")
}

func deleteAndCreate(t *testing.T, s store.Store) {
	must(t, s.Create([]byte("k"), []byte("1")))
	must(t, s.Delete([]byte("k")))
	_, err := s.Read([]byte("k"))
	wantErr(t, "read", err, store.ErrNotFound)
	must(t, s.Create([]byte("k"), []byte("2")))
	wantValue(t, s, "k", "2")
}

func anyBytes(t *testing.T, s store.Store) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, b := range []string{"", "\x00", "\x00\x00", "\xff", "a\nb", string(every)} {
		must(t, s.Create([]byte(b), []byte(b)))
		wantValue(t, s, b, b)
	}
	must(t, s.Update([]byte("a\nb"), nil))
	wantValue(t, s, "a\nb", "")
}

func order(t *testing.T, s store.Store) {
	want := []string{"", "\x00", "B", "a", "a\x00", "aa", "b", "é", "\xff"}
	for _, i := range rand.Perm(len(want)) {
		must(t, s.Create([]byte(want[i]), []byte(want[i])))
	}
	var got []string
	must(t, s.Each(func(key, value []byte) error {
		if !bytes.Equal(key, value) {
			t.Errorf("key %q came with value %q", key, value)
		}
		got = append(got, string(key))
		return nil
	}))
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func visitError(t *testing.T, s store.Store) {
	for _, k := range []string{"a", "b", "c"} {
		must(t, s.Create([]byte(k), nil))
	}
	stop := errors.New("stop")
	visits := 0
	err := s.Each(func([]byte, []byte) error {
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
	must(t, s.Create(key, value))
	key[0], value[0] = 'X', 'X'
	wantValue(t, s, "key", "value")
	got, err := s.Read([]byte("key"))
	must(t, err)
	got[0] = 'X'
	wantValue(t, s, "key", "value")
}

func tooLarge(t *testing.T, s store.Store) {
	must(t, s.Create([]byte("k"), []byte("v")))
	long := make([]byte, store.MaxKey+1)
	wantErr(t, "create a long key", s.Create(long, nil), store.ErrTooLarge)
	huge := make([]byte, store.MaxValue+1)
	wantErr(t, "create a long value", s.Create([]byte("l"), huge), store.ErrTooLarge)
	wantErr(t, "update to a long value", s.Update([]byte("k"), huge), store.ErrTooLarge)
	wantValue(t, s, "k", "v")
	if keys := allKeys(t, s); len(keys) != 1 {
		t.Errorf("%d keys, want 1", len(keys))
	}
}

func largest(t *testing.T, s store.Store) {
	key := string(bytes.Repeat([]byte{0xff}, store.MaxKey))
	value := string(bytes.Repeat([]byte("v"), 1<<20))
	must(t, s.Create([]byte(key), []byte(value)))
	wantValue(t, s, key, value)
}

func oneWinner(t *testing.T, s store.Store) {
	var wins atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			switch err := s.Create([]byte("k"), []byte{byte(i)}); {
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

func concurrent(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				key := fmt.Appendf(nil, "%d.%d", w, i)
				if err := errors.Join(s.Create(key, key), s.Update(key, []byte("v"))); err != nil {
					t.Error(err)
				}
				if got, err := s.Read(key); err != nil || string(got) != "v" {
					t.Errorf("read %s: %q, %v", key, got, err)
				}
				if err := s.Each(func([]byte, []byte) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if keys := allKeys(t, s); len(keys) != 40 {
		t.Errorf("%d keys, want 40", len(keys))
	}
}

func closed(t *testing.T, s store.Store) {
	must(t, s.Create([]byte("k"), nil))
	must(t, s.Close())
	must(t, s.Close())
	_, err := s.Read([]byte("k"))
	wantErr(t, "read", err, store.ErrClosed)
	wantErr(t, "create", s.Create([]byte("l"), nil), store.ErrClosed)
	wantErr(t, "update", s.Update([]byte("k"), nil), store.ErrClosed)
	wantErr(t, "delete", s.Delete([]byte("k")), store.ErrClosed)
	wantErr(t, "each", s.Each(func([]byte, []byte) error { return nil }), store.ErrClosed)
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
			if err = s.Create([]byte(key), []byte(value)); exists {
				want = store.ErrExists
			} else {
				pairs[key] = value
			}
		case 1:
			if err = s.Update([]byte(key), []byte(value)); !exists {
				want = store.ErrNotFound
			} else {
				pairs[key] = value
			}
		case 2:
			if err = s.Delete([]byte(key)); !exists {
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
	if keys := allKeys(t, s); len(keys) != len(pairs) {
		t.Errorf("%d keys, want %d", len(keys), len(pairs))
	}
}
