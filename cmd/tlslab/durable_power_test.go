package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/testdata/needs"
	"example.com/tlslab/testdata/powercut"
)

// The clients write this many steps each, and send some of them together. A step in RESP sets two pairs, in lines it makes one.
const servedSteps = 42

var servedClients = []servedClient{{0, false, 1}, {1, false, 7}, {2, true, 1}, {3, true, 7}, {4, true, 21}}

type servedClient struct {
	number int
	resp   bool
	ahead  int
}

func (c servedClient) request(n int) string {
	key, value := fmt.Sprint(c.number, " ", n), fmt.Sprint(n, strings.Repeat("x", n*n%3000))
	if !c.resp {
		return fmt.Sprintf("create %q %s\n", key, value)
	}
	return inRESP("MSET", fmt.Sprint("last ", c.number), fmt.Sprint(n), key, value)
}

// A receipt says that a client had an answer once it had so many bytes of the connection.
type receipt struct {
	bytes int
	step  int
}

// run writes all steps, and returns the receipts.
func (c servedClient) run(server *pairsServer) (local string, receipts []receipt, err error) {
	raw, err := net.Dial("tcp", server.addr)
	if err != nil {
		return "", nil, err
	}
	records := &recordReader{Conn: raw}
	conn := tls.Client(records, pki.ClientConfig(server.roots, "localhost"))
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	for n := 1; n <= servedSteps; n += c.ahead {
		var requests strings.Builder
		for i := range c.ahead {
			requests.WriteString(c.request(n + i))
		}
		if _, err := io.WriteString(conn, requests.String()); err != nil {
			return "", nil, err
		}
		for i := range c.ahead {
			answer, err := in.ReadString('\n')
			if err != nil || answer != "Ok\n" && answer != "+OK\r\n" {
				return "", nil, fmt.Errorf("client %d: step %d was answered %q, %v", c.number, n+i, answer, err)
			}
			receipts = append(receipts, receipt{records.total, n + i})
		}
	}
	return raw.LocalAddr().String(), receipts, nil
}

// recordReader never reads past the end of a record of TLS, so that its total tells which record an answer came in.
type recordReader struct {
	net.Conn
	header []byte
	left   int // of the record's content
	total  int
}

func (r *recordReader) Read(p []byte) (int, error) {
	const header = 5
	if r.left > 0 {
		n, err := r.Conn.Read(p[:min(len(p), r.left)])
		r.left -= n
		r.total += n
		return n, err
	}
	n, err := r.Conn.Read(p[:min(len(p), header-len(r.header))])
	r.total += n
	if r.header = append(r.header, p[:n]...); len(r.header) == header {
		r.left, r.header = int(binary.BigEndian.Uint16(r.header[3:])), r.header[:0]
	}
	return n, err
}

// What was written and not synced may be lost, or not; an answer counts from the moment at which the record that carries it is written to
// the socket.
func TestAPowerCutAtAnyMomentLosesNoWriteThatAServerAnswered(t *testing.T) {
	strace := needs.Program(t, "strace")
	t.Parallel()
	home, dir := t.TempDir(), t.TempDir()
	trace := filepath.Join(dir, "trace")
	server := servePairs(t, home, []string{
		strace, "-D", "-f", "-q", "-xx", "-yy", "-s", "10000000", "-o", trace,
		"-e", "trace=pwrite64,fdatasync,fsync,ftruncate,write,exit_group", "-e", "signal=none",
	}, "--db", filepath.Join(dir, "pairs.db"))
	receipts := make(map[string][]receipt) // by the client's address
	writers := make(map[string]int)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, c := range servedClients {
		all.Go(func() {
			local, got, err := c.run(server)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			receipts[local], writers[local] = got, c.number
			mu.Unlock()
		})
	}
	all.Wait()
	if code := server.stop(); code != 0 || t.Failed() {
		t.Fatalf("exit code %d", code)
	}
	awaitEnd(t, trace, server.cmd.Process.Pid)
	calls := ofTheStore(powercut.Read(t, trace))
	answers := findAnswers(calls, receipts, writers)
	count := 0
	for _, a := range answers {
		count += len(a)
	}
	if want := servedSteps * len(servedClients); count != want {
		t.Fatalf("%d answers were found in the trace, want %d", count, want)
	}
	random := rand.New(rand.NewPCG(9, 10))
	cut := filepath.Join(dir, "cut.db")
	kept := make(map[int]int) // by client
	cuts := 0
	for end := range calls {
		for _, a := range answers[end] {
			kept[a.writer] = a.step
		}
		if answers[end] == nil && random.IntN(len(calls)/60+1) > 0 {
			continue
		}
		cuts++
		content := powercut.Replay(calls[:end+1], random)
		if len(content) > 0 {
			noError(t, os.WriteFile(cut, content, 0o600))
			wantAnswered(t, readFile(t, cut), kept)
		}
		if t.Failed() {
			t.Fatalf("after system call %d of %d", end+1, len(calls))
		}
	}
	t.Logf("%d power cuts among %d system calls, and %d answers", cuts, len(calls), count)
}

// awaitEnd waits until strace has written all of a trace.
func awaitEnd(t *testing.T, trace string, process int) {
	t.Helper()
	over := regexp.MustCompile(fmt.Sprintf(`(?m)^%d +\+\+\+ exited with 0 \+\+\+$`, process))
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		content, err := os.ReadFile(trace)
		noError(t, err)
		if over.Match(content) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("strace does not end")
		}
	}
}

// ofTheStore leaves out the calls that are neither about the file of the pairs nor write to a connection.
func ofTheStore(calls []powercut.Call) (kept []powercut.Call) {
	first := slices.IndexFunc(calls, func(c powercut.Call) bool { return c.Name == "pwrite64" })
	file := calls[first].File
	for _, c := range calls {
		if c.File == file || peerOf(c) != "" {
			kept = append(kept, c)
		}
	}
	return kept
}

// peerOf is the address of the client to whom a call writes.
func peerOf(c powercut.Call) string {
	_, peer, _ := strings.Cut(c.File, "->")
	if c.Name != "write" {
		return ""
	}
	return strings.TrimRight(peer, "]>")
}

// An answer is the last that a client had when a call was done.
type answer struct{ writer, step int }

// findAnswers finds the writes to connections that carry the last byte of an answer's record.
func findAnswers(calls []powercut.Call, receipts map[string][]receipt, writers map[string]int) map[int][]answer {
	answers, sent := make(map[int][]answer), make(map[string]int)
	for i, c := range calls {
		peer := peerOf(c)
		sent[peer] += len(c.Data)
		for left := receipts[peer]; len(left) > 0 && left[0].bytes <= sent[peer]; left = receipts[peer] {
			answers[i] = append(answers[i], answer{writers[peer], left[0].step})
			receipts[peer] = left[1:]
		}
	}
	return answers
}

// wantAnswered checks that every step that was answered is there, and of the others all or nothing, in their order.
func wantAnswered(t *testing.T, file map[string]string, kept map[int]int) {
	t.Helper()
	for _, c := range servedClients {
		n := 0
		for strings.HasPrefix(file[fmt.Sprint(c.number, " ", n+1)], fmt.Sprint(n+1)) {
			n++
		}
		if n < kept[c.number] || n > servedSteps {
			t.Errorf("client %d was answered step %d, the file has %d", c.number, kept[c.number], n)
		}
		if last := file[fmt.Sprint("last ", c.number)]; c.resp && n > 0 && last != fmt.Sprint(n) {
			t.Errorf("client %d: of step %d one pair is there, and of the other %q", c.number, n, last)
		}
	}
}
