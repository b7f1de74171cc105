package kvs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// slowDisk is a store whose disk takes its time: what is awaited later is there once the test says so, or fails.
type slowDisk struct {
	store.Memory
	outcome chan error

	mu      sync.Mutex
	waiting int // Updates that were not awaited yet
}

func (d *slowDisk) Later(do func(store.Writer) error) (wait func() error, err error) {
	d.mu.Lock()
	d.waiting++
	d.mu.Unlock()
	err = d.Update(do)
	return func() error {
		d.mu.Lock()
		d.waiting--
		d.mu.Unlock()
		return <-d.outcome
	}, err
}

func (d *slowDisk) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting
}

var bothProtocols = []struct {
	name                              string
	writes, read, ok, broken, answers string
}{
	{
		"lines", "create a 1\nupdate a 2\ncreate a 3\n", "read a\n", "Ok\nOk\n", "Error: the store failed",
		"Ok\nOk\nError: the key \"a\" exists already; to change its value, use update\n2\n",
	},
	{
		"RESP", encode("SET", "a", "1") + encode("INCR", "a") + encode("SET", "a", "3", "NX"), encode("GET", "a"), "+OK\r\n:2\r\n", "-ERR the store failed",
		"+OK\r\n:2\r\n$-1\r\n$1\r\n2\r\n",
	},
}

func TestAWriteIsAnsweredOnceItIsOnTheDiskThoughOtherRequestsCameWithIt(t *testing.T) {
	for _, protocol := range bothProtocols {
		t.Run(protocol.name, func(t *testing.T) {
			disk := &slowDisk{outcome: make(chan error)}
			conn := dialPipe(t, &kvs.Server{Store: disk})
			conn.send(protocol.writes + protocol.read)
			answered := make(chan string, 1)
			go func() {
				text := make([]byte, len(protocol.answers))
				n, _ := io.ReadFull(conn.in, text)
				answered <- string(text[:n])
			}()
			for range 3 {
				select {
				case got := <-answered:
					t.Fatalf("before the disk was done came %q", got)
				case disk.outcome <- nil:
				}
			}
			if got := <-answered; got != protocol.answers {
				t.Errorf("got %q, want %q", got, protocol.answers)
			}
		})
	}
}

func TestEveryWriteThatTheDiskFailedIsAnsweredWithThat(t *testing.T) {
	for _, protocol := range bothProtocols {
		t.Run(protocol.name, func(t *testing.T) {
			disk := &slowDisk{outcome: make(chan error, 3)}
			for range 3 {
				disk.outcome <- errors.New("the disk is on fire")
			}
			var host *kernel.Server
			conn := dialPipe(t, &kvs.Server{Store: disk}, func(k *kernel.Server) { host = k })
			conn.send(protocol.writes + protocol.read)
			for i := range 3 {
				if got := conn.line(); !strings.HasPrefix(got, protocol.broken) || strings.Contains(got, "fire") {
					t.Errorf("answer %d is %q", i+1, got)
				}
			}
			read := protocol.answers[len(protocol.answers)-len("2\n"):]
			if strings.HasPrefix(protocol.broken, "-") {
				read = "$1\r\n2\r\n"
			}
			rest := make([]byte, len(read))
			if _, err := io.ReadFull(conn.in, rest); string(rest) != read || err != nil {
				t.Errorf("what was read is answered %q, %v", rest, err)
			}
			for verb, n := range host.Statistics().Verbs {
				if reads := strings.EqualFold(verb, "read") || verb == "GET"; reads == (n.Errors > 0) || n.Errors > n.Requests {
					t.Errorf("%s: of %d requests %d are counted as errors", verb, n.Requests, n.Errors)
				}
			}
		})
	}
}

func TestWritesOfAClientThatIsGoneAreAwaitedAllTheSame(t *testing.T) {
	disk := &slowDisk{outcome: make(chan error)}
	conn := dialPipe(t, &kvs.Server{Store: disk})
	conn.send(bothProtocols[0].writes + "half a request")
	disk.outcome <- nil
	conn.conn.Close()
	disk.outcome <- nil
	disk.outcome <- nil
	deadline := time.Now().Add(patience)
	for disk.left() > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := disk.left(); n > 0 {
		t.Errorf("%d writes are awaited by nobody", n)
	}
}

// As many as one record of TLS brings, on a real file.
func TestManyRequestsThatComeTogetherAreAnsweredInOrderWhateverTheyDo(t *testing.T) {
	file, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{})
	check(t, err)
	t.Cleanup(func() { file.Close() })
	conn := newTalk(t, newLab(t, &kvs.Server{Store: file}).dial())
	const rounds = 500
	var requests strings.Builder
	for i := range rounds {
		key, value := fmt.Sprint("key ", i), strings.Repeat("x", i%7*1000)
		requests.WriteString(encode("SET", key, value) + encode("INCR", "n") + encode("GET", key) + encode("SET", key, "", "NX") + encode("DEL", key))
	}
	go io.WriteString(conn.conn, requests.String())
	for i := range rounds {
		value := strings.Repeat("x", i%7*1000)
		for _, want := range []string{"+OK", fmt.Sprint(":", i+1), fmt.Sprintf("$%d|%s", len(value), value), "$-1", ":1"} {
			if got := conn.answer(); got != want {
				t.Fatalf("round %d: got %.60q, want %.60q", i, got, want)
			}
		}
	}
}

func BenchmarkWritesThatComeTogether(b *testing.B) {
	for _, together := range []int{1, 16} {
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			file, err := store.Open(filepath.Join(b.TempDir(), "pairs.db"), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer file.Close()
			conn := newLab(b, &kvs.Server{Store: file}).dial()
			defer conn.Close()
			answers := bufio.NewReader(conn)
			requests := strings.Repeat(encode("SET", "nome", "ana"), together)
			for n := 0; n < b.N; n += together {
				io.WriteString(conn, requests)
				for range together {
					answers.ReadString('\n')
				}
			}
		})
	}
}

func TestAVerbOfOnesOwnFindsWhatItsClientWroteBefore(t *testing.T) {
	file, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{})
	check(t, err)
	t.Cleanup(func() { file.Close() })
	s := &kvs.Server{Store: file}
	s.Handle("peek", func(_ context.Context, _ *kernel.Conn, arguments [][]byte) ([]byte, error) {
		return store.Read(file, arguments[0])
	})
	conn := dialPipe(t, s)
	conn.send("create a 1\npeek a\nkeys\n")
	for _, want := range []string{"Ok", "1", `["a"]`} {
		if got := conn.line(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestWritesOfAClientThatIsSentAwayAreAwaitedBeforeItsSessionEnds(t *testing.T) {
	disk := &slowDisk{outcome: make(chan error, 2)}
	disk.outcome <- nil
	disk.outcome <- nil
	ended, requests := make(chan bool), 0
	conn := dialPipe(t, &kvs.Server{Store: disk}, func(k *kernel.Server) {
		k.OnRequest(func(client *kernel.Conn) {
			if requests++; requests == 3 {
				client.Close()
			}
		})
		k.OnClientClosed(func(*kernel.Conn) { close(ended) })
	})
	conn.send("create a 1\nupdate a 2\nread a\nread a\n")
	<-ended
	if n := disk.left(); n != 0 {
		t.Errorf("%d writes are awaited by nobody", n)
	}
}

// serial is a store that knows how many series of Views there were, and which goes on.
type serial struct {
	store.Memory
	mu            sync.Mutex
	begun, goesOn int
}

func (s *serial) Views() (view func(do func(store.Reader) error) error, end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.goesOn = s.begun+1, s.goesOn+1
	copied := new(store.Memory) // what is written meanwhile is not in it
	err = store.Each(&s.Memory, func(key, value []byte) error { return store.Create(copied, key, value) })
	return copied.View, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.goesOn--
	}, err
}

func (s *serial) series() (begun, goesOn int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun, s.goesOn
}

func TestReadsThatCameTogetherAreOneSeriesOfViewsThatNoWriteAndNoWaitFindsOpen(t *testing.T) {
	pairs := new(serial)
	conn := dialPipe(t, &kvs.Server{Store: pairs})
	conn.send("create a 1\nread a\nread a\nread a\nupdate a 2\nread a\nread a\nread nada\n")
	for i, want := range []string{"Ok", "1", "1", "1", "Ok", "2", "2", `Error: there is no key "nada"; to make it, use create`} {
		if got, err := conn.in.ReadString('\n'); got != want+"\n" || err != nil {
			t.Errorf("%d: got %q, %v, want %q", i, got, err, want)
		}
	}
	// The answers are there, so the server waits for more.
	if begun, goesOn := pairs.series(); begun != 2 || goesOn != 0 {
		t.Errorf("%d series began, %d go on", begun, goesOn)
	}
	check(t, store.Replace(&pairs.Memory, []byte("a"), []byte("3"))) // by somebody else
	if got := conn.ask("read a"); got != "3" {
		t.Errorf("later it finds %q", got)
	}
}

// pipes connects clients to one server, within a bubble of synctest.
func pipes(t *testing.T, k *kernel.Server, n int) (clients []*lines) {
	for range n {
		client, server := net.Pipe()
		done := make(chan error)
		go func() { done <- k.ServeConn(context.Background(), server) }()
		synctest.Wait() // each has its number in their order
		t.Cleanup(func() {
			client.Close()
			<-done
		})
		clients = append(clients, &lines{t, client, bufio.NewReader(client)})
	}
	return clients
}

// Each list waits for the write before it to be on the disk, and for its turn: of one address one at a time.
func TestClientsOfOneAddressThatPipelineAWriteAndAListDoNotWaitForEachOther(t *testing.T) {
	file, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{})
	check(t, err)
	t.Cleanup(func() { file.Close() })
	s := newLab(t, &kvs.Server{Store: file}, func(k *kernel.Server) { k.RequestWait = kernel.NoTimeout })
	var all sync.WaitGroup
	for client := range 3 {
		conn := newTalk(t, s.dial())
		conn.conn.SetDeadline(time.Now().Add(30 * time.Second))
		all.Go(func() {
			for round := range 10 {
				key := fmt.Sprint(client, "-", round)
				io.WriteString(conn.conn, "create "+key+" x\nkeys\ndelete "+key+"\nshow\n")
				for _, want := range []string{"Ok", `"` + key + `"`, "Ok", "{"} {
					if got, err := conn.in.ReadString('\n'); err != nil || !strings.Contains(got, want) {
						t.Errorf("round %d: got %.80q, %v, want %s", round, got, err, want)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

func TestAListWaitsForTheDiskBeforeItTakesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{outcome: make(chan error)}
		clients := pipes(t, &kernel.Server{Handler: &kvs.Server{Store: disk}, MaxStretches: 1}, 2)
		clients[0].send("create a 1\nkeys\n")
		synctest.Wait() // it waits for the disk
		if got := clients[1].ask("keys"); got != `["a"]` {
			t.Errorf("another list is answered %s", got)
		}
		disk.outcome <- nil
		for _, want := range []string{"Ok", `["a"]`} {
			if got := clients[0].line(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

// stallingSerial is serial, of which each View that is no part of a series waits to be let go.
type stallingSerial struct {
	serial
	letGo chan bool
}

func (s *stallingSerial) View(do func(store.Reader) error) error {
	<-s.letGo
	return s.serial.View(do)
}

func TestNoSeriesOfViewsIsOpenWhileAListIsGoneThroughOrWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pairs := &stallingSerial{letGo: make(chan bool)}
		clients := pipes(t, &kernel.Server{Handler: &kvs.Server{Store: pairs}, MaxStretches: 1}, 2)
		for _, client := range clients { // the first has its turn, the second waits
			client.send("create a 1\nread a\nkeys\nread a\n")
			synctest.Wait()
		}
		if begun, goesOn := pairs.series(); begun != 2 || goesOn != 0 {
			t.Errorf("%d series began, %d go on", begun, goesOn)
		}
		close(pairs.letGo)
		for i, client := range clients {
			for _, want := range []string{[]string{"Ok", "Error: the key \"a\" exists already; to change its value, use update"}[i], "1", `["a"]`, "1"} {
				if got := client.line(); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
	})
}

func TestNoSeriesOfViewsIsOpenWhileARequestWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pairs := new(serial)
		check(t, store.Create(pairs, []byte("a"), []byte("1")))
		stalls, letGo := make(chan bool), make(chan bool)
		s := &kvs.Server{Store: pairs}
		s.Handle("stall", func(context.Context, *kernel.Conn, [][]byte) ([]byte, error) {
			stalls <- true
			<-letGo
			return nil, nil
		})
		k := &kernel.Server{Handler: s, MaxRequests: 1}
		clients := pipes(t, k, 2)
		requests := 0 // of the first client
		k.OnRequest(func(client *kernel.Conn) {
			if client.ID != 1 {
				return
			}
			if requests++; requests == 2 { // the other one takes the turn
				clients[1].send("stall\n")
				<-stalls
				if _, goesOn := pairs.series(); goesOn != 1 {
					t.Errorf("%d series go on", goesOn)
				}
			}
		})
		clients[0].send("read a\nread a\n")
		synctest.Wait()
		if begun, goesOn := pairs.series(); begun != 1 || goesOn != 0 {
			t.Errorf("of %d series %d go on while the second request waits", begun, goesOn)
		}
		close(letGo)
		for range 2 {
			if got := clients[0].line(); got != "1" {
				t.Errorf("got %s", got)
			}
		}
	})
}
