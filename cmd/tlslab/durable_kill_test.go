package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs/store"
)

// A load is a client that writes step after step. What a step asks for, is answered and changes follows from its number alone, so that
// what a file holds tells how many steps were carried out.
type load struct {
	name  string
	ahead int // steps that are sent together
	step  func(l *load, n int) step

	from       int // the last step that the file held when this round began
	sent, kept int // the last that was sent, and that was answered
	answered   []time.Time
}

// A step sets pairs; an empty value deletes one.
type step struct {
	request, answer string
	sets            map[string]string
}

// ring is in how many steps each pair of a load was changed once.
const ring = 20

func loads() []*load {
	return []*load{
		{name: "line", ahead: 1, step: (*load).line},
		{name: "lines", ahead: 9, step: (*load).line},
		{name: "set", ahead: 1, step: (*load).set},
		{name: "sets", ahead: 16, step: (*load).set},
		{name: "incr", ahead: 16, step: (*load).incr},
		{name: "mset", ahead: 1, step: (*load).mset},
		{name: "msets", ahead: 5, step: (*load).mset},
	}
}

func (l *load) key(n int) string { return fmt.Sprintf("%s %d", l.name, n%ring) }

// value is up to three pages long.
func value(n int) string { return fmt.Sprint(n, strings.Repeat("x", n*n%9000)) }

// line makes each pair, changes it, and deletes it.
func (l *load) line(n int) step {
	key, v, words := l.key(n), value(n), ""
	switch (n - 1) / ring % 3 {
	case 0:
		words = fmt.Sprintf("create %q %s\n", key, v)
	case 1:
		words = fmt.Sprintf("update %q %s\n", key, v)
	case 2:
		v, words = "", fmt.Sprintf("delete %q\n", key)
	}
	return step{words, "Ok\n", map[string]string{key: v}}
}

func (l *load) set(n int) step {
	if n%3 > 0 {
		return step{inRESP("SET", l.key(n), value(n)), "+OK\r\n", map[string]string{l.key(n): value(n)}}
	}
	return step{inRESP("SET", l.key(n), value(n), "EX", "86400"), "+OK\r\n", map[string]string{l.key(n): value(n) + expiring}}
}

func (l *load) incr(n int) step {
	return step{inRESP("INCR", l.key(0)), fmt.Sprintf(":%d\r\n", n), map[string]string{l.key(0): strconv.Itoa(n)}}
}

// mset changes some pairs, and all of them or none.
func (l *load) mset(n int) step {
	words, sets := []string{"MSET"}, make(map[string]string)
	for i := range 6 {
		words, sets[l.key(i)] = append(words, l.key(i), value(n+i)), value(n+i)
	}
	return step{inRESP(words...), "+OK\r\n", sets}
}

// run does steps until the connection ends, or one has another answer than it should.
func (l *load) run(conn io.ReadWriter, answered func()) error {
	in := bufio.NewReader(conn)
	for {
		var requests, answers []string
		for range l.ahead {
			l.sent++
			s := l.step(l, l.sent)
			requests, answers = append(requests, s.request), append(answers, s.answer)
		}
		if _, err := io.WriteString(conn, strings.Join(requests, "")); err != nil {
			return nil
		}
		for _, want := range answers {
			got, err := in.ReadString('\n')
			switch {
			case err != nil: // half an answer is none
				return nil
			case got != want:
				return fmt.Errorf("%s: step %d was answered %q, want %q", l.name, l.kept+1, got, want)
			}
			l.kept++
			l.answered = append(l.answered, time.Now())
			answered()
		}
	}
}

// after is what there is of the load's pairs after a number of steps.
func (l *load) after(n int) map[string]string {
	pairs := make(map[string]string)
	for i := max(1, n-ring+1); i <= n; i++ {
		for key, v := range l.step(l, i).sets {
			if pairs[key] = v; v == "" {
				delete(pairs, key)
			}
		}
	}
	return pairs
}

// settle finds out how many steps the file holds, which must be all that were answered but may be more; none may be half done.
func (l *load) settle(t *testing.T, file map[string]string, least int) {
	t.Helper()
	own := maps.Clone(file)
	maps.DeleteFunc(own, func(key, _ string) bool { return !strings.HasPrefix(key, l.name+" ") })
	for n := l.sent; n >= least; n-- {
		if maps.Equal(own, l.after(n)) {
			l.from, l.sent, l.kept, l.answered = n, n, n, nil
			return
		}
	}
	t.Errorf("%s: the file holds what it does after none of the steps %d (which was answered) to %d (which was sent)", l.name, least, l.sent)
}

// flood has every load write to the server until it is killed, a while after each of them has had an answer.
func flood(t *testing.T, server *pairsServer, clients []*load, while time.Duration) {
	t.Helper()
	var all, first sync.WaitGroup
	for _, l := range clients {
		first.Add(1)
		all.Go(func() {
			answered := sync.OnceFunc(first.Done)
			defer answered()
			conn, err := server.dial()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if err := l.run(conn, answered); err != nil {
				t.Error(err)
			}
		})
	}
	first.Wait()
	select {
	case <-time.After(while):
	case <-server.done:
		said, _ := server.said()
		t.Errorf("the server ended by itself:\n%s", said)
	}
	server.kill()
	all.Wait()
}

// wantServed checks that the server says what the file held.
func wantServed(t *testing.T, server *pairsServer, clients []*load) {
	t.Helper()
	client := server.client()
	defer client.conn.Close()
	for _, l := range clients {
		for key, want := range l.after(l.from) {
			if got := client.ask(inRESP("GET", key))[0]; got != strings.TrimSuffix(want, expiring) {
				t.Errorf("after step %d, %q is %.40q, want %.40q", l.from, key, got, want)
			}
		}
	}
}

// The number of kills is 4 in a run of all tests; make kill has 200, or as many as one likes.
func TestAServerThatIsKilledUnderLoadLosesNoAcknowledgedWrite(t *testing.T) {
	kills := 4
	if text := os.Getenv("TLSLAB_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		noError(t, err)
		kills = n
	}
	begun, slowest, total := time.Now(), time.Duration(0), 0
	home := t.TempDir()
	path := filepath.Join(home, "pairs.db")
	clients := loads()
	for i := range kills {
		started := time.Now()
		server := servePairs(t, home, nil, "--db", path)
		slowest = max(slowest, time.Since(started))
		wantServed(t, server, clients)
		flood(t, server, clients, time.Duration(20+rand.IntN(150))*time.Millisecond)
		file := readFile(t, path)
		for _, l := range clients {
			total += l.kept - l.from
			l.settle(t, file, l.kept)
		}
		if t.Failed() {
			t.Fatalf("after kill %d", i+1)
		}
	}
	t.Logf("%d writes of %d TLS clients were acknowledged, and survived %d kills in %v; the slowest start took %v",
		total, len(clients), kills, time.Since(begun).Round(time.Second), slowest.Round(time.Millisecond))
	if total == 0 {
		t.Error("nothing was written")
	}
}

// The server puts what it answered on the disk every second; while it does, it answers nobody.
func TestWhatAnIntervalServerAnsweredMoreThanASecondAgoSurvivesAKill(t *testing.T) {
	t.Parallel()
	const late = 4 * time.Second // of a timer, and of a disk, on a busy machine
	home := t.TempDir()
	path := filepath.Join(home, "pairs.db")
	clients := loads()
	flood(t, servePairs(t, home, nil, "--db", path, "--sync", "interval"), clients, store.SyncInterval+late+2*time.Second)
	var last time.Time
	for _, l := range clients {
		if n := len(l.answered); n > 0 && l.answered[n-1].After(last) {
			last = l.answered[n-1]
		}
	}
	file := readFile(t, path)
	for _, l := range clients {
		least := 0
		for least < len(l.answered) && l.answered[least].Before(last.Add(-store.SyncInterval-late)) {
			least++
		}
		answered := len(l.answered)
		l.settle(t, file, least)
		t.Logf("%s: %d steps were answered, %d of them more than five seconds before; the file holds %d", l.name, answered, least, l.from)
		if least == 0 {
			t.Errorf("%s: nothing was answered in time", l.name)
		}
	}
}
