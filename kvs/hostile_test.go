package kvs_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
	"example.com/tlslab/testdata/needs"
)

// A siege is a real server, on TCP and with TLS, that hostile clients have a go at from one address, while a peaceful client of each
// protocol reads from another, all the time.
type siege struct {
	*lab
	kernel *kernel.Server
	pairs  *store.Memory
	screen lockedBuffer
	mu     sync.Mutex
	ends   []error // of clients
}

const (
	hostile  = "127.0.0.1"
	peaceful = "127.0.0.2"

	memoryBound = 256 << 20       // how much the attacked server and its attackers, in one process, may take besides
	medianBound = 2 * time.Second // alone it is a tenth of a millisecond, but the machine may be busy with other tests
)

// besiege has the clients of an attack do what they do, and holds the server to its promises meanwhile.
func besiege(t *testing.T, change func(*kernel.Server), attack func(*siege)) {
	t.Helper()
	s := &siege{pairs: &store.Memory{Limit: 64 << 20}}
	s.lab = newLab(t, &kvs.Server{Store: s.pairs}, func(k *kernel.Server) {
		s.kernel = k
		if change != nil {
			change(k)
		}
		(&kvs.Screen{Lang: "en", Out: &s.screen}).Watch(k)
		k.OnClientClosed(func(client *kernel.Conn) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ends = append(s.ends, client.Err())
		})
	})
	check(t, store.Create(s.pairs, []byte("peace"), []byte("for everyone")))

	lines, resp := s.tls(peaceful), s.tls(peaceful)
	readers := []*reader{
		{t: t, conn: lines, request: "read peace\n", answer: "\"for everyone\"\n"},
		{t: t, conn: resp, request: encode("GET", "peace"), answer: "$12\r\nfor everyone\r\n"},
	}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	for _, r := range readers {
		reading.Go(func() { r.read(stop) })
	}
	alone := waits(readers, 100)
	debug.FreeOSMemory()
	memory := watchMemory()
	begun := time.Now()
	attack(s)
	took := time.Since(begun)
	heap, resident := memory()
	under := waits(readers, 10)
	close(stop)
	reading.Wait()
	t.Logf("%v; reads of others alone: half within %v, 99 of 100 within %v; meanwhile (%d): %v, %v; memory besides at most: heap %d KiB, resident %d KiB",
		took.Round(time.Millisecond), part(alone, 50), part(alone, 99), len(under), part(under, 50), part(under, 99), heap>>10, resident>>10)
	if p := part(under, 50); p > medianBound {
		t.Errorf("half of the reads of others took %v or more", p)
	}
	if heap > memoryBound {
		t.Errorf("the heap grew by %d bytes", heap)
	}
}

// A reader is a peaceful client.
type reader struct {
	t               *testing.T
	conn            net.Conn
	request, answer string

	mu    sync.Mutex
	waits []time.Duration
}

func (r *reader) read(stop <-chan struct{}) {
	got := make([]byte, len(r.answer))
	pace := time.NewTicker(500 * time.Microsecond)
	defer pace.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pace.C:
		}
		begun := time.Now()
		r.conn.SetDeadline(begun.Add(patience))
		io.WriteString(r.conn, r.request)
		if _, err := io.ReadFull(r.conn, got); err != nil || string(got) != r.answer {
			r.t.Errorf("a peaceful client got %q, %v", got, err)
			return
		}
		r.mu.Lock()
		r.waits = append(r.waits, time.Since(begun))
		r.mu.Unlock()
	}
}

// waits returns how long the readers waited since it was called last, sorted, when each of them has had so many answers.
func waits(readers []*reader, least int) []time.Duration {
	var all []time.Duration
	for _, r := range readers {
		for ; !r.t.Failed(); time.Sleep(time.Millisecond) {
			r.mu.Lock()
			if len(r.waits) >= least {
				all = append(all, r.waits...)
				r.waits = nil
				r.mu.Unlock()
				break
			}
			r.mu.Unlock()
		}
	}
	slices.Sort(all)
	return all
}

// part returns what so many of a hundred are within.
func part(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)*percent/100]
}

// watchMemory returns a function that says by how much the heap in use, and the resident memory, have grown at most meanwhile.
func watchMemory() func() (heap, resident int64) {
	look := func() (int64, int64) {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		metrics.Read(sample)
		var pages, resident int64
		if text, err := os.ReadFile("/proc/self/statm"); err == nil {
			fmt.Sscan(string(text), &pages, &resident)
		}
		return int64(sample[0].Value.Uint64() + sample[1].Value.Uint64()), resident * int64(os.Getpagesize())
	}
	heapBefore, residentBefore := look()
	heap, resident := heapBefore, residentBefore
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for pace := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-stop:
				pace.Stop()
				return
			case <-pace.C:
				h, r := look()
				heap, resident = max(heap, h), max(resident, r)
			}
		}
	}()
	return func() (int64, int64) {
		close(stop)
		<-done
		return heap - heapBefore, resident - residentBefore
	}
}

// lockedBuffer is a screen.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), text)
}

// tcp returns a connection from an address; it is reset at the end of the test.
func (s *siege) tcp(from string) *net.TCPConn {
	s.t.Helper()
	conn, err := s.dialTCP(from)
	if err != nil && from == peaceful {
		s.t.Skip("this computer has one loopback address alone:", err)
	}
	check(s.t, err)
	conn.SetDeadline(time.Now().Add(patience))
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

func (s *siege) dialTCP(from string) (*net.TCPConn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	conn.(*net.TCPConn).SetLinger(0) // leaves no port behind for minutes
	return conn.(*net.TCPConn), nil
}

// tls returns a client that is done with the handshake.
func (s *siege) tls(from string) *tls.Conn {
	s.t.Helper()
	conn := tls.Client(s.tcp(from), s.client)
	check(s.t, conn.Handshake())
	return conn
}

// until waits until something is so.
func (s *siege) until(what string, so func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s never: %+v", what, s.kernel.Statistics())
		}
	}
}

// ended returns how many clients came to that end.
func (s *siege) ended(with error) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.ends {
		if errors.Is(err, with) {
			n++
		}
	}
	return n
}

// dribble writes a text byte by byte, as slowly as would take for ever, until the connection is closed.
func dribble(conn net.Conn, text string) {
	for i := 0; ; i = (i + 1) % len(text) {
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestHandshakesThatNeverEndTakeNoPlaceForLong(t *testing.T) {
	besiege(t, func(k *kernel.Server) { k.HandshakeTimeout, k.MaxHandshakesPerHost = 3*time.Second, 16 }, func(s *siege) {
		const clients = 300
		var all sync.WaitGroup
		for range clients {
			conn := s.tcp(hostile)
			all.Go(func() { dribble(conn, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") })
		}
		all.Wait()
		got := s.kernel.Statistics()
		if n := got.HandshakesFailed[kernel.ReasonTimeout] + got.Refused; n != clients || got.RefusedBy[kernel.RefusedHandshakes] == 0 {
			t.Errorf("of %d: %v, %v", clients, got.HandshakesFailed, got.RefusedBy)
		}
	})
}

func TestRequestsThatNeverEndAreNotWaitedForForLong(t *testing.T) {
	besiege(t, func(k *kernel.Server) { k.RequestTimeout = time.Second }, func(s *siege) {
		const clients = 100
		var all sync.WaitGroup
		for i := range clients {
			conn := s.tls(hostile)
			text := "create slow x"
			if i%2 == 1 {
				text = "*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$60000\r\nx"
			}
			all.Go(func() {
				io.WriteString(conn, text)
				dribble(conn, "x")
			})
		}
		all.Wait()
		s.until("all are sent away", func() bool { return s.ended(kernel.ErrSlow) == clients })
		if _, err := store.Read(s.pairs, []byte("slow")); !errors.Is(err, store.ErrNotFound) {
			t.Error("half a request was carried out")
		}
	})
}

func TestAnswersThatNobodyReadsHoldBoundedMemoryForABoundedTime(t *testing.T) {
	const pairs, size = 2000, 4 << 10 // all of them in one answer: 8 MiB, which counts 18; one address may hold two of them
	besiege(t, func(k *kernel.Server) { k.WriteTimeout, k.MaxAnswers = time.Second, 160<<20 }, func(s *siege) {
		everything := []string{"MGET"}
		for i := range pairs {
			key := fmt.Sprintf("key%d", i)
			check(t, store.Create(s.pairs, []byte(key), []byte(strings.Repeat("v", size))))
			everything = append(everything, key)
		}
		const clients = 60
		for i := range clients {
			conn := s.tls(hostile)
			conn.NetConn().(*net.TCPConn).SetReadBuffer(4 << 10)
			if i%2 == 0 {
				io.WriteString(conn, strings.Repeat("show\n", 10))
			} else {
				io.WriteString(conn, encode(everything...))
			}
		}
		s.until("there is an answer that was not read", func() bool { return s.ended(kernel.ErrNotRead) > 0 })
		s.until("all are gone, or got an error and wait for nothing", func() bool {
			got := s.kernel.Statistics()
			return got.Verbs["show"].Errors > 0 && got.Verbs["MGET"].Errors > 0
		})
		if s.screen.count("the client did not read its answer in time") == 0 {
			t.Error("nobody is told why they were closed")
		}

		// From another address one is answered, also now.
		other := newTalk(t, s.tls(peaceful))
		if got := other.ask(everything[:50]...); len(got) < 49*size {
			t.Errorf("got %d bytes", len(got))
		}
	})
}

func TestARequestOfAnyLengthTakesNoMoreMemoryThanTheLongestOne(t *testing.T) {
	besiege(t, nil, func(s *siege) {
		const length = 64 << 20
		lines := s.tls(hostile)
		chunk := strings.Repeat("x", 1<<20)
		for range length / len(chunk) {
			_, err := io.WriteString(lines, chunk)
			check(t, err)
		}
		io.WriteString(lines, "\nread peace\n")
		in := bufio.NewReader(lines)
		for _, want := range []string{"Error: the request is longer than 65536 bytes and was not carried out\n", "\"for everyone\"\n"} {
			if got, err := in.ReadString('\n'); got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
		for _, huge := range []string{
			"*2\r\n$3\r\nGET\r\n$4294967296\r\n", "*1000000000\r\n", "*2\r\n$3\r\nGET\r\n$65536\r\n", "*1\r\n$" + strings.Repeat("9", 100) + "\r\n",
		} {
			resp := s.tls(hostile)
			io.WriteString(resp, huge)
			if got, err := io.ReadAll(resp); err != nil || !strings.HasPrefix(string(got), "-ERR Protocol error") {
				t.Errorf("%.30q: got %q, %v", huge, got, err)
			}
		}
	})
}

func TestHalfARequestIsNeverCarriedOutHoweverTheClientGoes(t *testing.T) {
	besiege(t, func(k *kernel.Server) { k.IdleTimeout = 5 * time.Second }, func(s *siege) {
		before := s.kernel.Statistics().Total
		const times = 50
		for i := range times {
			for _, half := range []string{"create half x", "*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1\r\nx"} {
				conn := s.tls(hostile)
				io.WriteString(conn, half)
				switch i % 3 {
				case 0:
					conn.Close() // close_notify
				case 1:
					conn.NetConn().(*net.TCPConn).CloseWrite() // half-open, and without a goodbye
				case 2:
					conn.NetConn().Close() // reset
				}
			}
		}
		silent := s.tls(hostile) // as one whose computer was switched off
		s.until("the silent one is sent away", func() bool { return s.ended(kernel.ErrIdle) == 1 })
		s.until("all are gone", func() bool { return s.kernel.Statistics().Open == 2 })
		if got := s.kernel.Statistics().Total - before; got != 2*times+1 {
			t.Errorf("%d connections", got)
		}
		silent.NetConn().Close()
		if _, err := store.Read(s.pairs, []byte("half")); !errors.Is(err, store.ErrNotFound) {
			t.Error("half a request was carried out")
		}
	})
}

func TestGarbageBeforeAndInsideTLSIsAnsweredOrEndsItsConnectionAlone(t *testing.T) {
	besiege(t, nil, func(s *siege) {
		random := rand.New(rand.NewPCG(1, 2))
		noise := func(n int) []byte { return randomBytes(random, n) }
		const times = 50 // with four handshakes each less than an address may begin at once
		for range times {
			before := s.tcp(hostile)
			before.Write(noise(600))
			io.Copy(io.Discard, before)

			lines := s.tls(hostile) // noise is taken for lines, or for RESP
			lines.Write(append(noise(600), "\nexit\n"...))
			io.Copy(io.Discard, lines)

			resp := s.tls(hostile)
			resp.Write(append(append([]byte("*"), noise(600)...), "\r\n"...))
			io.Copy(io.Discard, resp)

			under := s.tls(hostile) // what is no record, in the middle of a session
			under.NetConn().Write(append([]byte{0x17, 0x03, 0x03, 0x02, 0x00}, noise(600)...))
			io.Copy(io.Discard, under.NetConn())
		}
		got := s.kernel.Statistics()
		if got.HandshakesFailed[kernel.ReasonNotTLS] < times*9/10 || got.RuntimeErrors != 0 {
			t.Errorf("%+v", got)
		}
		s.until("all are gone", func() bool { return s.kernel.Statistics().Open == 2 })
	})
}

func TestARenegotiationIsRefused(t *testing.T) {
	openssl := needs.Program(t, "openssl")
	besiege(t, nil, func(s *siege) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		command := exec.CommandContext(ctx, openssl, "s_client", "-tls1_2", "-CAfile", s.ca, "-connect", s.address)
		in, err := command.StdinPipe()
		check(t, err)
		var out lockedBuffer
		command.Stdout, command.Stderr = &out, &out
		check(t, command.Start())
		s.until("s_client has connected", func() bool { return out.count("Verify return code: 0 (ok)") > 0 })
		io.WriteString(in, "R\n")
		command.Wait()
		if out.count("RENEGOTIATING") == 0 || out.count("alert") == 0 {
			t.Errorf("s_client said:\n%s", out.b.String())
		}
		s.until("the connection has ended", func() bool { return s.kernel.Statistics().Open == 2 })
	})
}

func TestTenThousandConnectionsThatAreDroppedCostTheOthersNothing(t *testing.T) {
	besiege(t, nil, func(s *siege) {
		clients := 10_000
		if testing.Short() {
			clients = 1000
		}
		before := s.kernel.Statistics()
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for i := worker; i < clients; i += 8 {
					conn, err := s.dialTCP(hostile)
					if err != nil {
						t.Error(err)
						return
					}
					if i%2 == 0 {
						io.WriteString(conn, "\x16\x03\x01\x02\x00\x01")
					}
					conn.Close()
				}
			})
		}
		all.Wait()
		s.until("all are counted", func() bool {
			got := s.kernel.Statistics()
			failed := int64(0)
			for _, n := range got.HandshakesFailed {
				failed += n
			}
			return got.Open == 2 && got.Refused-before.Refused+failed >= int64(clients)*9/10 // some were reset before they were accepted
		})
		if n := s.screen.count("\n"); n > 50 {
			t.Errorf("that took %d lines on the screen", n)
		}
	})
}

// They come through one router, or work on one machine, and all at once.
func TestAClassBehindOneAddressIsServedWithTheLimitsAsTheyAre(t *testing.T) {
	const students, each = 40, 15
	var refused atomic.Int64
	l := newLab(t, &kvs.Server{Store: new(store.Memory)}, func(k *kernel.Server) {
		k.HandshakeTimeout = time.Minute // the machine may be busy
		k.OnRefused(func(net.Conn, error) { refused.Add(1) })
	})
	var class, asked sync.WaitGroup
	asked.Add(students * each)
	for range students * each {
		class.Go(func() {
			defer asked.Done()
			conn, err := tls.Dial("tcp", l.address, l.client)
			if err != nil {
				t.Error(err)
				return
			}
			class.Go(func() { // each stays until all have been served
				asked.Wait()
				conn.Close()
			})
			conn.SetDeadline(time.Now().Add(patience))
			io.WriteString(conn, "keys\n")
			if answer, err := bufio.NewReader(conn).ReadString('\n'); answer != "[]\n" {
				t.Errorf("got %q, %v", answer, err)
			}
		})
	}
	class.Wait()
	if n := refused.Load(); n > 0 {
		t.Errorf("%d were refused", n)
	}
}

func TestAFloodOfHandshakesLeavesTheOthersPromptAndTheDoorOpenForNewOnes(t *testing.T) {
	const rate = 50
	besiege(t, func(k *kernel.Server) { k.HandshakeRate = rate }, func(s *siege) {
		var begun atomic.Int64
		began := time.Now()
		end := began.Add(2 * time.Second)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for time.Now().Before(end) {
					conn, err := s.dialTCP(hostile)
					if err != nil {
						t.Error(err)
						return
					}
					conn.SetDeadline(time.Now().Add(patience))
					if err := tls.Client(conn, s.client).Handshake(); err == nil {
						begun.Add(1)
					}
					conn.Close()
				}
			})
		}
		served := 0
		for time.Now().Before(end) {
			conn, err := s.dialTCP(peaceful)
			check(t, err)
			check(t, tls.Client(conn, s.client).Handshake())
			conn.Close()
			served++
			time.Sleep(20 * time.Millisecond)
		}
		all.Wait()
		took := time.Since(began).Seconds()
		if most := int64(rate + rate*took + 8); begun.Load() > most || served == 0 {
			t.Errorf("%d handshakes in %.1f s, want %d at most; %d from elsewhere", begun.Load(), took, most, served)
		}
		t.Logf("%d handshakes of the flood in %.1f s, and %d from elsewhere, all of them served", begun.Load(), took, served)
	})
}

func TestAFloodOfNewKeysEndsAtTheStoresLimit(t *testing.T) {
	besiege(t, nil, func(s *siege) {
		const batch = 500
		value := strings.Repeat("v", 1000)
		var all sync.WaitGroup
		for worker := range 4 {
			conn := s.tls(hostile)
			in := bufio.NewReader(conn)
			all.Go(func() {
				for i := 0; ; i += batch {
					var b strings.Builder
					for n := i; n < i+batch; n++ {
						key := fmt.Sprintf("flood-%d-%d", worker, n)
						if worker%2 == 0 {
							fmt.Fprintf(&b, "create %s %s\n", key, value)
						} else {
							b.WriteString(encode("SET", key, value))
						}
					}
					go io.WriteString(conn, b.String())
					full := false
					for range batch {
						line, err := in.ReadString('\n')
						if err != nil {
							t.Error(err)
							return
						}
						switch strings.TrimSpace(line) {
						case "Ok", "+OK":
						case "Error: the store is full; delete something first", "-OOM command not allowed: the store is full; delete something first":
							full = true
						default:
							t.Errorf("got %q", line)
							return
						}
					}
					if full {
						return
					}
				}
			})
		}
		all.Wait()
		conn := newTalk(t, s.tls(hostile))
		if got := conn.ask("SET", "one more", value); !strings.HasPrefix(got, "-OOM") {
			t.Errorf("one more: %q", got)
		}
		if got := conn.ask("DEL", "flood-0-0"); got != ":1" {
			t.Errorf("making room: %q", got)
		}
		if got := conn.ask("SET", "one more", value); got != "+OK" {
			t.Errorf("when there is room: %q", got)
		}
	})
}

func TestWhoIsRefusedWithoutTLSIsToldWhyInTheProtocolThatItBeginsToSpeak(t *testing.T) {
	k := &kernel.Server{Addr: "127.0.0.1:0", MaxConns: 1, Handler: &kvs.Server{Store: new(store.Memory), Lang: "pt-BR"}}
	check(t, k.Start(t.Context()))
	defer func() {
		k.Stop()
		check(t, k.Wait())
	}()
	dial := func(says string) net.Conn {
		conn, err := net.Dial("tcp", k.ListenAddr().String())
		check(t, err)
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, says)
		return conn
	}
	first := dial("keys\n")
	if got, err := bufio.NewReader(first).ReadString('\n'); got != "[]\n" {
		t.Fatalf("got %q, %v", got, err)
	}
	const lines = "Erro: conexões demais ao mesmo tempo; tente mais tarde\n"
	for says, want := range map[string]string{
		"keys\n": lines, "": lines, encode("PING"): "-ERR too many connections at once; try again later\r\n",
	} {
		if got, err := io.ReadAll(dial(says)); string(got) != want {
			t.Errorf("%q: got %q, %v, want %q", says, got, err, want)
		}
	}
	first.Close()
}

func TestARequestThatCannotBeServedNowSaysSoInItsProtocolAndTheConnectionGoesOn(t *testing.T) {
	pairs := new(store.Memory)
	check(t, store.Create(pairs, []byte("long"), []byte(strings.Repeat("v", 100<<10))))
	busy := &kvs.Server{Store: pairs}
	working, goOn := make(chan bool), make(chan bool)
	busy.Handle("work", func(context.Context, *kernel.Conn, [][]byte) ([]byte, error) {
		working <- true
		<-goOn
		return nil, nil
	})
	l := newLab(t, busy, func(k *kernel.Server) { k.MaxAnswers, k.MaxRequests, k.RequestWait = 1, 1, 2*time.Second })
	conn := l.dial()
	lines := bufio.NewReader(conn)
	resp := newTalk(t, l.dial())
	ask := func(request string) string {
		t.Helper()
		io.WriteString(conn, request+"\n")
		line, err := lines.ReadString('\n')
		check(t, err)
		return strings.TrimSuffix(line, "\n")
	}
	want := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	const answers = "too many long answers wait to be read by their clients; try again later, or ask for less at once"
	for _, request := range []string{"read long", "show", "values"} {
		want(ask(request), "Error: "+answers)
	}
	for _, request := range [][]string{{"GET", "long"}, {"MGET", "long"}, {"SET", "long", "short", "GET"}} {
		want(resp.ask(request...), "-BUSY "+answers)
	}
	want(ask("keys"), `["long"]`)
	want(resp.ask("EXISTS", "long"), ":1")

	worker := l.dial()
	io.WriteString(worker, "work\n")
	<-working
	const tooMany = "the server has too many other requests, and this one was not carried out; try again"
	want(ask("create a 1"), "Error: "+tooMany)
	want(resp.ask("SET", "a", "1"), "-BUSY "+tooMany)
	goOn <- true
	io.ReadFull(worker, make([]byte, 1))
	want(resp.ask("EXISTS", "a"), ":0")
}
