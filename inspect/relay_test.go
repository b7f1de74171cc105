package inspect_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// relay joins a client and a server over TCP by a relay.
func relay(t testing.TB, tap *inspect.Tap) (client, server *net.TCPConn, done chan error) {
	client1, fromClient := tcpPair(t)
	toServer, server1 := tcpPair(t)
	done = make(chan error, 1)
	go func() { done <- tap.Relay(t.Context(), fromClient, toServer) }()
	t.Cleanup(func() {
		client1.Close()
		server1.Close()
		tap.Close()
	})
	deadline := time.Now().Add(30 * time.Second)
	client1.SetDeadline(deadline)
	server1.SetDeadline(deadline)
	return client1.(*net.TCPConn), server1.(*net.TCPConn), done
}

func TestARelayChangesNoByteWhateverCrossesIt(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			tap := inspect.NewTap()
			client, server, done := relay(t, tap)
			said := [2][]byte{randomBytes(random), randomBytes(random)}
			var both sync.WaitGroup
			talk := func(conn *net.TCPConn, says, hears []byte, random *rand.Rand) {
				both.Go(func() { // in pieces, then nothing more
					for len(says) > 0 {
						n := min(len(says), 1+random.IntN(20_000))
						if _, err := conn.Write(says[:n]); err != nil {
							t.Error(err)
							return
						}
						says = says[n:]
					}
					conn.CloseWrite()
				})
				both.Go(func() {
					got, err := io.ReadAll(conn)
					if err != nil || !bytes.Equal(got, hears) {
						t.Errorf("heard %d bytes of %d, or others: %v", len(got), len(hears), err)
					}
				})
			}
			talk(client, said[0], said[1], rand.New(rand.NewPCG(seed, 2)))
			talk(server, said[1], said[0], rand.New(rand.NewPCG(seed, 3)))
			both.Wait()
			if err := <-done; err != nil {
				t.Error(err)
			}
			var recorded [2][]byte
			for e := range tap.Recording().Events(0) {
				if e.Kind == inspect.Captured {
					recorded[e.Side] = append(recorded[e.Side], e.Bytes...)
				}
				if e.Kind == inspect.Ended && e.How != inspect.EndOfFile {
					t.Errorf("the %s's stream ended by %s", e.Side, e.How)
				}
			}
			for side := range recorded {
				if !bytes.Equal(recorded[side], said[side]) {
					t.Errorf("recorded %d bytes of %d, or others", len(recorded[side]), len(said[side]))
				}
			}
		})
	}
}

func randomBytes(random *rand.Rand) []byte {
	b := make([]byte, random.IntN(1<<random.IntN(21)+1))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	if len(b) > 8 && random.IntN(2) == 0 { // as a record begins
		copy(b, []byte{0x16, 0x03, 0x01, 0xff, 0xff})
	}
	return b
}

func TestAResetPassesThroughARelay(t *testing.T) {
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		t.Run(from.String(), func(t *testing.T) {
			tap := inspect.NewTap()
			client, server, done := relay(t, tap)
			ends := [2]*net.TCPConn{client, server}
			one, other := ends[from], ends[from.Peer()]
			if _, err := one.Write([]byte("ola")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(other, make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			one.SetLinger(0)
			one.Close()
			if _, err := other.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the other end reads %v", err)
			}
			<-done
			want := [2]inspect.Ending{inspect.Broken, inspect.Broken}
			want[from] = inspect.Cut
			if got := endings(tap.Recording()); got != want {
				t.Errorf("the streams end by %v, want %v", got, want)
			}
		})
	}
}

// endings returns how the streams of a recording's first connection ended.
func endings(rec *inspect.Recording) (how [2]inspect.Ending) {
	for e := range rec.Events(0) {
		if e.Conn == 0 && e.Kind == inspect.Ended {
			how[e.Side] = e.How
		}
	}
	return how
}

func TestWhatTheTapEndsIsLaidToNeitherSide(t *testing.T) {
	tap := inspect.NewTap()
	client, server, done := relay(t, tap)
	if _, err := client.Write([]byte("ola")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	tap.Close()
	<-done
	if got, want := endings(tap.Recording()), [2]inspect.Ending{inspect.Broken, inspect.Broken}; got != want {
		t.Errorf("the streams end by %v, want %v", got, want)
	}
}

func TestAServerThatClosesFirstIsTheOneThatEnds(t *testing.T) {
	tap := inspect.NewTap()
	client, fromClient := tcpPair(t)
	defer client.Close()
	server := tap.Server(fromClient, &tls.Config{})
	server.Close()
	if got, want := endings(tap.Recording()), [2]inspect.Ending{inspect.Broken, inspect.EndOfFile}; got != want {
		t.Errorf("the streams end by %v, want %v", got, want)
	}
}

func TestARelayWaitsForASlowReader(t *testing.T) {
	tap := &inspect.Tap{Queue: 64 << 10, Limit: 1 << 20}
	client, server, _ := relay(t, tap)
	client.SetWriteBuffer(256 << 10)
	server.SetReadBuffer(256 << 10) // several segments of the loopback: with less the system hands over one in 200 ms
	written := 0
	block := make([]byte, 64<<10)
	client.SetWriteDeadline(time.Now().Add(time.Second))
	for {
		n, err := client.Write(block)
		written += n
		if err != nil { // its writer had to wait
			break
		}
		if written > 256<<20 {
			t.Fatal("a relay takes whatever comes, though nobody reads")
		}
	}
	client.SetWriteDeadline(time.Time{})
	go client.CloseWrite()
	n, err := io.Copy(io.Discard, server)
	if int(n) != written || err != nil {
		t.Errorf("%d bytes of %d came: %v", n, written, err)
	}
}

// BenchmarkThroughputThroughARelay compares two programs over TCP with the same through a relay that nobody decides on.
func BenchmarkThroughputThroughARelay(b *testing.B) {
	const size = 64 << 20
	transfer := func(client, server net.Conn) time.Duration {
		begin := time.Now()
		go func() {
			block := make([]byte, 64<<10)
			for sent := 0; sent < size; sent += len(block) {
				if _, err := client.Write(block); err != nil {
					b.Error(err)
					return
				}
			}
		}()
		if _, err := io.CopyN(io.Discard, struct{ io.Reader }{server}, size); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	var direct, through time.Duration
	for b.Loop() {
		client, server := tcpPair(b)
		direct += transfer(client, server)
		client.Close()
		server.Close()
		tap := &inspect.Tap{Limit: 16 << 20, Queue: 1 << 20}
		c, s, _ := relay(b, tap)
		through += transfer(c, s)
		tap.Close()
	}
	b.ReportMetric(float64(b.N)*size/through.Seconds()/1e6, "MB/s")
	b.ReportMetric(through.Seconds()/direct.Seconds(), "times-direct")
}
