package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/testdata/needs"
)

// breakDisk has every system call of a name fail for a process, until mend.
func breakDisk(t *testing.T, strace string, process int, call, problem string) (mend func()) {
	t.Helper()
	r := &running{done: make(chan struct{}), changed: make(chan struct{})}
	r.cmd = exec.Command(strace, "-f", "-o", os.DevNull, "-e", "trace="+call, "-e", "inject="+call+":error="+problem, "-p", fmt.Sprint(process))
	r.cmd.Stdout, r.cmd.Stderr = r, r
	noError(t, r.cmd.Start())
	go func() {
		r.cmd.Wait()
		close(r.done)
	}()
	mended := false
	mend = func() {
		if !mended {
			mended = true
			r.cmd.Process.Signal(os.Interrupt) // it lets go of the process, which goes on
			<-r.done
		}
	}
	t.Cleanup(mend)
	(&pairsServer{running: r, t: t}).await(regexp.MustCompile(`attached`))
	return mend
}

// disks are the ways in which a disk fails a write of bytes.
var disks = []struct {
	call, problem string
	lang          string
	broken        bool // nobody can say what is on it
	says          string
}{
	{"pwrite64", "ENOSPC", docs.English, false, "no space left on device"},
	{"pwrite64", "EIO", docs.Portuguese, false, "input/output error"},
	{"ftruncate", "ENOSPC", docs.Portuguese, false, "no space left on device"},
	{"fsync", "EIO", docs.English, true, "input/output error"},
	{"fdatasync", "EIO", docs.Portuguese, true, "input/output error"},
	{"fdatasync", "EIO", docs.English, true, "input/output error"},
}

func TestADiskThatFailsIsToldToEveryClientAndOnceToTheOperatorAndCostsNothingAcknowledged(t *testing.T) {
	strace := needs.Program(t, "strace")
	for _, disk := range disks {
		t.Run(disk.call+" "+disk.problem+" "+disk.lang, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			path := filepath.Join(home, "pairs.db")
			server := servePairs(t, home, nil, "--db", path, "--lang", disk.lang)
			lines, resp := server.client(), server.client()
			want(t, lines.ask("create kept 1\n", "create lines 1\n"), "Ok", "Ok")
			want(t, resp.ask(inRESP("SET", "resp", "1")), "+OK")

			mend := breakDisk(t, strace, server.cmd.Process.Pid, disk.call, disk.problem)
			large := strings.Repeat("x", 60_000)
			kept := map[string]string{"kept": "1", "lines": "1", "resp": "1"}
			for n := 0; ; n++ { // until the file must grow, in case that is what fails
				key := fmt.Sprint("fill ", n)
				if n == 10 || lines.ask(fmt.Sprintf("create %q %s\n", key, large))[0] != "Ok" {
					break
				}
				kept[key] = large
			}
			say, english := docs.For(disk.lang), docs.For(docs.English)
			refused := []string{"kvs_store_refused", "kvs_store_failed"}[btoi(disk.broken)]
			inLines := say.Say("kvs_error", "reason", say.Say(refused))
			inEnglish := "-MISCONF " + english.Say(refused)
			for range 3 { // one by one, and many together
				want(t, lines.ask("create a "+large+"\n"), inLines)
				want(t, resp.ask(inRESP("MSET", "resp", "2", "b", large)), inEnglish)
				want(t, lines.ask("create c "+large+"\n", "create d "+large+"\n", "read kept\n"), inLines, inLines, "1")
				want(t, resp.ask(inRESP("SET", "e", large), inRESP("SET", "f", large), inRESP("GET", "resp")), inEnglish, inEnglish, "1")
			}
			want(t, lines.ask("read lines\n"), "1")

			mend()
			told := say.Say("kvs_disk_refused", "path", path, "reason", disk.says)
			recovered := []string{"Ok", say.Say("kvs_screen_disk_again")}
			if disk.broken {
				told = say.Say("kvs_disk_broken", "path", path, "reason", disk.says)
				recovered = []string{inLines, ""}
			}
			want(t, lines.ask("create g 1\n"), recovered[0])
			if recovered[1] != "" {
				server.await(regexp.MustCompile(regexp.QuoteMeta(recovered[1])))
			}
			wantOnce(t, server, say.Say("kvs_screen_disk_failed", "reason", told), recovered[1])
			if code := server.stop(); code != btoi(disk.broken) {
				said, _ := server.said()
				t.Errorf("the server ended with exit code %d:\n%s", code, said)
			}
			file := readFile(t, path)
			for key, v := range kept {
				if file[key] != v {
					t.Errorf("%s is %.40q in the file", key, file[key])
				}
			}
			if !disk.broken && len(file) != len(kept)+1 { // of the write that the fsync failed nobody knows
				t.Errorf("the file holds %d pairs, want %d", len(file), len(kept)+1)
			}
			again := servePairs(t, home, nil, "--db", path)
			want(t, again.client().ask("create again 1\n", "read kept\n"), "Ok", "1")
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("the answers are\n%.200q, want\n%.200q", got, want)
	}
}

// wantOnce checks that the server has said these lines once each, and of the disk, or of its clients' writes, nothing else.
func wantOnce(t *testing.T, server *pairsServer, lines ...string) {
	t.Helper()
	for _, line := range lines { // what is said comes beside the answers
		server.await(regexp.MustCompile(regexp.QuoteMeta(line + "\n")))
	}
	said, _ := server.said()
	_, said, _ = strings.Cut(said, awaiting.FindString(said))
	for _, line := range lines {
		if n := strings.Count(said, line+"\n"); line != "" && n != 1 {
			t.Errorf("it is said %d times: %s\n%s", n, line, said)
		}
	}
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) && line != "..." && !strings.Contains(line, "127.0.0.1:") {
			t.Errorf("besides, it is said: %s", line)
		}
	}
	if strings.Contains(said, "armazenamento") || strings.Contains(said, "store") {
		t.Errorf("each write is said:\n%s", said)
	}
}

func TestAnIntervalServerSaysHowManyAnsweredWritesADiskHasLost(t *testing.T) {
	strace := needs.Program(t, "strace")
	t.Parallel()
	home := t.TempDir()
	path := filepath.Join(home, "pairs.db")
	server := servePairs(t, home, nil, "--db", path, "--sync", "interval")
	mend := breakDisk(t, strace, server.cmd.Process.Pid, "pwrite64", "ENOSPC")
	client, say := server.client(), docs.For(docs.English)
	want(t, client.ask("create a 1\n", "create b 1\n"), "Ok", "Ok")
	failed := say.Say("kvs_disk_refused", "path", path, "reason", "no space left on device") + "; " + say.Say("kvs_disk_lost", "count", 2)
	server.await(regexp.MustCompile(regexp.QuoteMeta(failed)))
	mend()
	want(t, client.ask("create c 1\n"), "Error: "+say.Say("kvs_store_refused")) // who comes next is told
	want(t, client.ask("create a 1\n", "read a\n"), "Ok", "1")
	server.await(regexp.MustCompile(regexp.QuoteMeta(say.Say("kvs_screen_disk_again"))))
	wantOnce(t, server, say.Say("kvs_screen_disk_failed", "reason", failed), say.Say("kvs_screen_disk_again"))
	if code := server.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if file := readFile(t, path); file["a"] != "1" || len(file) != 1 {
		t.Errorf("the file holds %v", file)
	}
}

// The disk is one in memory, of two megabytes, that nobody else sees.
func TestAServerWhoseDiskIsFullReadsOnAndWritesAgainWhenThereIsRoom(t *testing.T) {
	needs.Program(t, "unshare")
	t.Parallel()
	home, disk := t.TempDir(), t.TempDir()
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", disk).CombinedOutput(); err != nil {
		if os.Getenv(needs.Required) != "" {
			t.Fatalf("no file system can be mounted here: %v, %s", err, out)
		}
		t.Skipf("no file system can be mounted here: %v, %s", err, out)
	}
	path := filepath.Join(disk, "pairs.db")
	alone := []string{"unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=2m none "$0" && exec "$@"`, disk}
	server := servePairs(t, home, alone, "--db", path)
	seen, err := os.OpenRoot(fmt.Sprintf("/proc/%d/root%s", server.cmd.Process.Pid, disk))
	noError(t, err)
	defer seen.Close()
	noError(t, seen.WriteFile("theirs", make([]byte, 1<<20), 0o600))

	lines, resp, say := server.client(), server.client(), docs.For(docs.English)
	large := strings.Repeat("x", 50_000)
	kept := make(map[string]string)
	refused, inRedis := "Error: "+say.Say("kvs_store_refused"), "-MISCONF "+say.Say("kvs_store_refused")
	full := 0
	for n := 0; full < 50; n++ {
		if n > 200 {
			t.Fatal("the disk is never full")
		}
		key := fmt.Sprint("key ", n)
		answer := ""
		if n%2 == 0 {
			answer = lines.ask(fmt.Sprintf("create %q %s\n", key, large))[0]
		} else {
			answer = resp.ask(inRESP("SET", key, large))[0]
		}
		switch answer {
		case "Ok", "+OK":
			kept[key] = large
		case refused, inRedis:
			full++
		default:
			t.Fatalf("%.200q", answer)
		}
	}
	if len(kept) < 2 {
		t.Fatalf("%d pairs were kept", len(kept))
	}
	failed := say.Say("kvs_screen_disk_failed", "reason", say.Say("kvs_disk_refused", "path", path, "reason", "no space left on device"))
	server.await(regexp.MustCompile(regexp.QuoteMeta(failed)))
	for key, v := range kept {
		want(t, lines.ask(fmt.Sprintf("read %q\n", key)), v)
		want(t, resp.ask(inRESP("GET", key)), v)
	}
	noError(t, seen.Remove("theirs"))
	want(t, lines.ask("create room 1\n"), "Ok")
	want(t, resp.ask(inRESP("MSET", "more", "1", "room", "2")), "+OK")
	kept["room"], kept["more"] = "2", "1"
	again := say.Say("kvs_screen_disk_again")
	server.await(regexp.MustCompile(again + `\n$`)) // a full disk may have taken one and refused the next, but this is said last
	said, _ := server.said()
	if lines := strings.Count(said, failed) + strings.Count(said, again); lines > 8 || strings.Contains(said, "store failed") {
		t.Errorf("of %d writes that were refused, %d lines tell:\n%s", full, lines, said)
	}
	server.kill()
	content, err := seen.ReadFile("pairs.db") // of a file system that was mounted for the server alone
	noError(t, err)
	copied := filepath.Join(home, "copy.db")
	noError(t, os.WriteFile(copied, content, 0o600))
	file := readFile(t, copied)
	for key, v := range kept {
		if file[key] != v {
			t.Errorf("%s was acknowledged, and is %.40q", key, file[key])
		}
	}
	if len(file) != len(kept) {
		t.Errorf("the file holds %d pairs, want %d", len(file), len(kept))
	}
}
