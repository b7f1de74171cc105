package store_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs/store"
	"example.com/tlslab/testdata/needs"
	"example.com/tlslab/testdata/powercut"
)

// The child is this test's own program, started anew with childFile set: it writes to the store in that file and prints what was acknowledged.
const (
	childFile = "TLSLAB_STORE_FILE"
	childSync = "TLSLAB_STORE_SYNC"
	childJob  = "TLSLAB_STORE_JOB" // flood, burst (a flood that ends) or steps
	killsVar  = "TLSLAB_KILLS"     // how many times it is killed
)

func child() {
	go func() { // it ends with its parent, whoever stands between them
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	runtime.LockOSThread() // strace counts system calls by the thread
	sync := store.Always
	if os.Getenv(childSync) == "interval" {
		sync = store.Interval
	}
	s, err := store.Open(os.Getenv(childFile), store.Options{Sync: sync})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	switch os.Getenv(childJob) {
	case "steps":
		steps(s)
	case "burst":
		flood(s, 40)
	default:
		flood(s, math.MaxInt)
	}
}

// Each writer counts in a key of its own, and leaves the last 50 numbers in others, with an expiry now and then, and values of many sizes.
// Every other one awaits several at once.
const floodWriters, floodKeys = 8, 50

func flood(s *store.Bolt, times int) {
	var all sync.WaitGroup
	for writer := range floodWriters {
		all.Go(func() {
			for range times / ahead(writer) {
				var numbers [floodDepth]uint64
				var waits [floodDepth]func() error
				var errs [floodDepth]error
				for i := range ahead(writer) {
					waits[i], errs[i] = s.Later(func(w store.Writer) (err error) {
						numbers[i], err = count(w, writer)
						return err
					})
				}
				for i := range ahead(writer) {
					if err := cmp.Or(waits[i](), errs[i]); err != nil {
						fmt.Println("failed", writer, numbers[i], err)
						return
					}
					fmt.Println("kept", writer, numbers[i])
				}
			}
		})
	}
	all.Wait()
}

const floodDepth = 7

// ahead is how many Updates a writer does before it waits for the first.
func ahead(writer int) int {
	if writer%2 == 0 {
		return 1
	}
	return floodDepth
}

func count(w store.Writer, writer int) (n uint64, err error) {
	last, _ := w.Get(lastKey(writer))
	if n = 1; len(last.Value) == 8 {
		n = binary.BigEndian.Uint64(last.Value) + 1
	}
	if err := w.Put(store.Pair{Key: lastKey(writer), Value: number(n)}); err != nil {
		return n, err
	}
	pair := store.Pair{Key: floodKey(writer, n), Value: append(number(n), make([]byte, n*n%3000)...)}
	if n%3 == 0 {
		pair.Expires = time.Now().Add(time.Hour)
	}
	return n, w.Put(pair)
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func lastKey(writer int) []byte { return fmt.Appendf(nil, "last %d", writer) }

func floodKey(writer int, n uint64) []byte { return fmt.Appendf(nil, "%d %d", writer, n%floodKeys) }

// wantFlood checks that what every writer was told is there, and of what came after it all or nothing. With atLeast nil only the latter.
func wantFlood(t *testing.T, path string, kept map[int]uint64, lossy bool) (last map[int]uint64) {
	t.Helper()
	s := open(t, path)
	defer s.Close()
	last = make(map[int]uint64)
	check(t, s.View(func(r store.Reader) error {
		for writer := range floodWriters {
			pair, ok := r.Get(lastKey(writer))
			if ok {
				last[writer] = binary.BigEndian.Uint64(pair.Value)
			}
			n := last[writer]
			if n > kept[writer]+uint64(ahead(writer)) || n < kept[writer] && !lossy {
				t.Errorf("writer %d was told that %d is kept, the file has %d", writer, kept[writer], n)
			}
			for i := n; i > 0 && i+floodKeys > n; i-- {
				pair, ok := r.Get(floodKey(writer, i))
				if !ok || !bytes.HasPrefix(pair.Value, number(i)) || pair.Expires.IsZero() != (i%3 != 0) {
					t.Errorf("writer %d: number %d of %d is missing, or another", writer, i, n)
				}
			}
		}
		return nil
	}))
	return last
}

// run starts the child, reads what it prints until it ends, and ends it after a while.
func runChild(t *testing.T, cmd *exec.Cmd, patience time.Duration, read func(line string)) {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	in, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	timer := time.AfterFunc(patience, func() {
		cmd.Process.Kill()
		in.Close()
	})
	defer timer.Stop()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // half a line was not said
			break
		}
		read(strings.TrimSuffix(line, "\n"))
	}
	cmd.Wait()
}

func childCommand(path, job, sync string, before ...string) *exec.Cmd {
	words := append(slices.Clone(before), os.Args[0])
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), childFile+"="+path, childJob+"="+job, childSync+"="+sync)
	return cmd
}

// readKept notes what the writers of a flood were told.
func readKept(t *testing.T, kept map[int]uint64) func(string) {
	return func(line string) {
		var writer int
		var n uint64
		if _, err := fmt.Sscanf(line, "kept %d %d", &writer, &n); err != nil {
			t.Errorf("the child said %q", line)
			return
		}
		kept[writer] = n
	}
}

func TestAProcessThatIsKilledUnderLoadLosesNoAcknowledgedWrite(t *testing.T) {
	kills := 20
	if text := os.Getenv(killsVar); text != "" {
		n, err := strconv.Atoi(text)
		check(t, err)
		kills = n
	}
	path := filepath.Join(t.TempDir(), "pairs.db")
	kept := make(map[int]uint64)
	var total uint64
	for i := range kills {
		for w := range maps.Clone(kept) {
			total -= kept[w]
		}
		cmd, note := childCommand(path, "flood", "always"), readKept(t, kept)
		while, begun := time.Duration(20+rand.IntN(100))*time.Millisecond, func() {}
		patience := while // at any moment, while the file is opened too; a busy machine may not come further
		if i%2 == 0 {
			patience, begun = time.Minute, sync.OnceFunc(func() { time.AfterFunc(while, func() { cmd.Process.Kill() }) })
		}
		runChild(t, cmd, patience, func(line string) {
			begun()
			note(line)
		})
		for _, n := range kept {
			total += n
		}
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue // it was killed before it began
		}
		kept = wantFlood(t, path, kept, false)
		if t.Failed() {
			t.Fatalf("after kill %d", i+1)
		}
	}
	t.Logf("%d acknowledged writes survived %d kills", total, kills)
	if total == 0 {
		t.Error("nothing was written")
	}
}

func TestAnIntervalStoreThatIsKilledOpensAndHoldsWholeWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	kept := make(map[int]uint64)
	cmd, note := childCommand(path, "flood", "interval"), readKept(t, kept)
	begun := sync.OnceFunc(func() { time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() }) })
	runChild(t, cmd, time.Minute, func(line string) {
		begun()
		note(line)
	})
	last := wantFlood(t, path, kept, true)
	if len(kept) == 0 || len(last) == 0 {
		t.Errorf("%d writers were answered, %d are in the file after five seconds", len(kept), len(last))
	}
}

const stepCount = 30

// steps writes one pair after the other.
func steps(s *store.Bolt) {
	for i := range stepCount {
		err := store.Create(s, fmt.Appendf(nil, "%d", i), make([]byte, 10_000))
		var disk *store.DiskError
		switch {
		case err == nil:
			fmt.Println("kept", i)
		case errors.As(err, &disk):
			fmt.Println("failed", i, disk.Broken, err)
		default:
			fmt.Println("other", i, err)
		}
	}
	if err := s.Close(); err != nil {
		fmt.Println("close", errors.As(err, new(*store.DiskError)), err)
	}
}

func TestADiskThatFailsIsToldToTheCallerAndNothingAcknowledgedIsLost(t *testing.T) {
	strace := needs.Program(t, "strace")
	for _, c := range []struct {
		call, problem, when string
		broken              bool
		says                string
	}{
		{"pwrite64", "ENOSPC", "20..30", false, "no space left on device"},
		{"pwrite64", "EIO", "25", false, "input/output error"},
		{"pwrite64", "ENOSPC", "26+", false, "no space left on device"},
		{"ftruncate", "ENOSPC", "2", false, "no space left on device"},
		{"fdatasync", "EIO", "10", true, "input/output error"},
		{"fdatasync", "EIO", "11", true, "input/output error"},
		{"fsync", "EIO", "3", true, "input/output error"},
	} {
		t.Run(c.call+" "+c.problem+" "+c.when, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pairs.db")
			inject := fmt.Sprintf("inject=%s:error=%s:when=%s", c.call, c.problem, c.when)
			cmd := childCommand(path, "steps", "always", strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace="+c.call, "-e", inject)
			var kept, failed []int
			runChild(t, cmd, time.Minute, func(line string) {
				words := strings.Fields(line)
				if words[0] == "close" && c.broken {
					return
				}
				i, err := strconv.Atoi(words[1])
				switch {
				case err != nil || words[0] == "other" || words[0] == "failed" && (words[2] != strconv.FormatBool(c.broken) || !strings.Contains(line, c.says)):
					t.Errorf("the child said %q", line)
				case words[0] == "kept":
					kept = append(kept, i)
				default:
					failed = append(failed, i)
				}
			})
			if len(kept) < 2 || len(failed) == 0 || len(kept)+len(failed) != stepCount {
				t.Fatalf("kept %v, failed %v", kept, failed)
			}
			if c.broken && kept[len(kept)-1] > failed[0] {
				t.Errorf("after an fsync that failed it wrote on: kept %v, failed %v", kept, failed)
			}
			if !c.broken && !strings.HasSuffix(c.when, "+") && kept[len(kept)-1] != stepCount-1 {
				t.Errorf("it did not recover: kept %v, failed %v", kept, failed)
			}
			s := open(t, path)
			for _, i := range kept {
				if _, err := store.Read(s, fmt.Appendf(nil, "%d", i)); err != nil {
					t.Errorf("%d was acknowledged: %v", i, err)
				}
			}
			for _, i := range failed {
				if _, err := store.Read(s, fmt.Appendf(nil, "%d", i)); !c.broken && err == nil {
					t.Errorf("%d failed, and is there", i)
				}
			}
			check(t, store.Create(s, []byte("afterwards"), nil))
		})
	}
}

func TestEveryWriterWhoSharedAFailedFsyncIsTold(t *testing.T) {
	strace := needs.Program(t, "strace")
	path := filepath.Join(t.TempDir(), "pairs.db")
	cmd := childCommand(path, "burst", "always", strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=5+")
	kept := make(map[int]uint64)
	failed := make(map[string]bool)
	runChild(t, cmd, time.Minute, func(line string) {
		if rest, ok := strings.CutPrefix(line, "failed "); ok {
			failed[strings.Fields(rest)[0]] = true
			return
		}
		readKept(t, kept)(line)
	})
	if len(failed) != floodWriters {
		t.Errorf("%d of %d writers were told", len(failed), floodWriters)
	}
	wantFlood(t, path, kept, false)
}

func TestAnIntervalStoreTellsOfAFailedDiskWhenItIsClosed(t *testing.T) {
	strace := needs.Program(t, "strace")
	path := filepath.Join(t.TempDir(), "pairs.db")
	cmd := childCommand(path, "steps", "interval", strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=4+")
	told := false
	runChild(t, cmd, time.Minute, func(line string) { told = told || strings.HasPrefix(line, "close true ") })
	if !told {
		t.Error("it said nothing")
	}
	check(t, open(t, path).Close())
}

// A power cut leaves what was synced, and of the rest any part. The trace of a run says in which order the file was written and synced, and
// when the writers were answered.
func TestAPowerCutAtAnyMomentLosesNoAcknowledgedWrite(t *testing.T) {
	strace := needs.Program(t, "strace")
	dir := t.TempDir()
	path, trace := filepath.Join(dir, "pairs.db"), filepath.Join(dir, "trace")
	cmd := childCommand(path, "burst", "always", strace, "-f", "-qq", "-xx", "-s", "10000000", "-o", trace,
		"-e", "trace=pwrite64,fdatasync,fsync,ftruncate,write", "-e", "signal=none")
	runChild(t, cmd, time.Minute, func(string) {})
	calls := powercut.Read(t, trace)
	random := rand.New(rand.NewPCG(7, 8))
	cut := filepath.Join(dir, "cut.db")
	cuts, most := 0, 0
	for end := range calls {
		if random.IntN(len(calls)/60+1) > 0 {
			continue
		}
		cuts++
		content := powercut.Replay(calls[:end+1], random)
		check(t, os.WriteFile(cut, content, 0o600))
		kept := make(map[int]uint64)
		for _, call := range calls[:end+1] {
			var writer int
			var n uint64
			if _, err := fmt.Sscanf(string(call.Data), "kept %d %d\n", &writer, &n); err == nil && call.Name == "write" {
				kept[writer] = n
			}
		}
		if len(content) > 0 {
			wantFlood(t, cut, kept, false)
		}
		most = max(most, len(kept))
		if t.Failed() {
			t.Fatalf("after system call %d of %d", end+1, len(calls))
		}
	}
	t.Logf("%d power cuts among %d system calls", cuts, len(calls))
	if most < floodWriters {
		t.Errorf("answers of %d writers are in the trace, want %d", most, floodWriters)
	}
}
