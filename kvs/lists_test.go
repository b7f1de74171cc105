package kvs_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// measured is a store that knows how much was gone through while others waited, and by how many at once.
type measured struct {
	store.Store
	longest, scans, together atomic.Int64
}

func (m *measured) View(do func(store.Reader) error) error {
	return m.Store.View(func(r store.Reader) error { return do(&measuredReader{r, m}) })
}

type measuredReader struct {
	store.Reader
	of *measured
}

func (r *measuredReader) Scan(from []byte) iter.Seq[store.Pair] {
	return func(yield func(store.Pair) bool) {
		most(&r.of.together, r.of.scans.Add(1))
		defer r.of.scans.Add(-1)
		n := int64(0)
		for pair := range r.Reader.Scan(from) {
			n++
			most(&r.of.longest, n)
			if !yield(pair) {
				return
			}
		}
	}
}

func most(max *atomic.Int64, n int64) {
	for was := max.Load(); n > was && !max.CompareAndSwap(was, n); was = max.Load() {
	}
}

const manyPairs = 20_000

func fill(t *testing.T, s store.Store) {
	t.Helper()
	check(t, s.Update(func(w store.Writer) error {
		for i := range manyPairs {
			if err := w.Put(store.Pair{Key: fmt.Appendf(nil, "%08d%040d", i, 0), Value: []byte("v")}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestAListIsGoneThroughInStretchesAndOfOneAddressOneAtATime(t *testing.T) {
	pairs := &measured{Store: new(store.Memory)}
	fill(t, pairs)
	s := newLab(t, &kvs.Server{Store: pairs}, func(k *kernel.Server) { k.RequestWait = kernel.NoTimeout })
	var asking sync.WaitGroup
	for _, list := range []struct {
		ask   string
		count func(answer string) int
	}{
		{"keys\n", func(answer string) int { return strings.Count(answer, ",") + 1 }},
		{"values\n", func(answer string) int { return strings.Count(answer, ",") + 1 }},
		{"show\n", func(answer string) int { return strings.Count(answer, ": ") }},
		{encode("KEYS", "*00*0"), func(answer string) int { return strings.Count(answer, "|$48|") }},
		{encode("SCAN", "0", "COUNT", "1000000"), func(answer string) int { return strings.Count(answer, "|$48|") }},
	} {
		conn := newTalk(t, s.dial())
		asking.Go(func() {
			io.WriteString(conn.conn, list.ask)
			answer := ""
			if list.ask[0] == '*' {
				answer = conn.answer()
			} else {
				answer, _ = conn.in.ReadString('\n')
			}
			if n := list.count(answer); n != manyPairs {
				t.Errorf("%.20q finds %d pairs: %.80q", list.ask, n, answer)
			}
		})
	}
	asking.Wait()
	if n := pairs.longest.Load(); n > 1001 {
		t.Errorf("others had to wait for %d pairs", n)
	}
	if n := pairs.together.Load(); n != 1 {
		t.Errorf("%d lists of one address were gone through at once", n)
	}
}

// Whoever asks for little does not wait until those who ask for much have got it.
func TestOthersReadAndWriteMeanwhileWhereDearPatternsAreLookedFor(t *testing.T) {
	file, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{Sync: store.Interval})
	check(t, err)
	t.Cleanup(func() { file.Close() })
	for name, pairs := range map[string]store.Store{"memory": new(store.Memory), "interval": file} {
		t.Run(name, func(t *testing.T) {
			fill(t, pairs)
			s := newLab(t, &kvs.Server{Store: pairs})
			var asking sync.WaitGroup
			var conns []net.Conn
			var mu sync.Mutex
			var lists []time.Duration
			for range 100 {
				conn := newTalk(t, s.dial())
				conns = append(conns, conn.conn)
				asking.Go(func() {
					for {
						begun := time.Now()
						if _, err := io.WriteString(conn.conn, encode("KEYS", "*"+strings.Repeat("0*", 50)+"b")); err != nil {
							return
						}
						if err := readAnswer(conn.in, new(strings.Builder)); err != nil {
							return
						}
						mu.Lock()
						lists = append(lists, time.Since(begun))
						mu.Unlock()
					}
				})
			}
			other := newTalk(t, s.dial())
			var waits []time.Duration
			for i := range 50 {
				begun := time.Now()
				if got := other.ask("SET", "key", fmt.Sprint(i)); got != "+OK" {
					t.Fatal(got)
				}
				if got := other.ask("GET", "key"); !strings.HasSuffix(got, fmt.Sprint("|", i)) {
					t.Fatal(got)
				}
				waits = append(waits, time.Since(begun))
			}
			slices.Sort(waits)
			mu.Lock()
			slices.Sort(lists)
			if half := part(waits, 50); len(lists) > 0 && half > part(lists, 50) {
				t.Errorf("half of the times a write and a read took %v or more, a list %v", half, part(lists, 50))
			}
			mu.Unlock()
			for _, conn := range conns {
				conn.Close()
			}
			asking.Wait()
		})
	}
}

// A page of SCAN takes no time in the store, and as many steps as a command may to be matched: the turn is for both.
func TestAPageOfSCANIsMatchedInItsTurnToo(t *testing.T) {
	pairs := new(store.Memory)
	check(t, pairs.Update(func(w store.Writer) error {
		for i := range 2 {
			if err := w.Put(store.Pair{Key: []byte(fmt.Sprint(i, strings.Repeat("a", 20_000)))}); err != nil {
				return err
			}
		}
		return nil
	}))
	s := newLab(t, &kvs.Server{Store: pairs}, func(k *kernel.Server) { k.RequestWait = 10 * time.Millisecond })
	matching, other := newTalk(t, s.dial()), newTalk(t, s.dial())
	found := make(chan bool)
	var scanning sync.WaitGroup
	scanning.Go(func() {
		for {
			select {
			case <-found:
				return
			default:
				matching.ask("SCAN", "0", "COUNT", "1", "MATCH", "*"+strings.Repeat("a", 10_000)+"b")
			}
		}
	})
	defer scanning.Wait()
	defer close(found)
	for end := time.Now().Add(patience); !strings.HasPrefix(other.ask("KEYS", "none"), "-BUSY "); {
		if time.Now().After(end) {
			t.Fatal("a list of the same address never had to wait for it")
		}
	}
}

// The client breaks the connection while its list is gone through; the store waits until that must be known.
func TestAListOfAConnectionThatIsBrokenIsGivenUp(t *testing.T) {
	pairs := &stalling{Store: new(store.Memory), views: make(chan bool), over: t.Context().Done()}
	fill(t, pairs.Store)
	ended := make(chan error, 1)
	s := newLab(t, &kvs.Server{Store: pairs}, func(k *kernel.Server) {
		k.OnClientClosed(func(client *kernel.Conn) { ended <- client.Err() })
	})
	conn := s.dial()
	io.WriteString(conn, "keys\n")
	<-pairs.views
	conn.NetConn().(*net.TCPConn).SetLinger(0)
	conn.NetConn().Close()
	for n := 1; ; n++ {
		select {
		case <-pairs.views:
			if n > manyPairs/1000-5 {
				t.Fatal("it is gone through to its end")
			}
			time.Sleep(100 * time.Millisecond) // as often as the server looks
		case err := <-ended:
			if err == nil || errors.Is(err, io.EOF) {
				t.Errorf("it ended with %v", err)
			}
			return
		}
	}
}

// stalling is a store of which each View waits to be let go.
type stalling struct {
	store.Store
	views chan bool
	over  <-chan struct{}
}

func (s *stalling) View(do func(store.Reader) error) error {
	select {
	case s.views <- true:
	case <-s.over:
	}
	return s.Store.View(do)
}
