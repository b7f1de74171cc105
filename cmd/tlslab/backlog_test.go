package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/kvs/pki"
)

func TestWhatNobodyReadsIsLeftOutAndCounted(t *testing.T) {
	in, out := io.Pipe()
	defer in.Close()
	b := &backlog{out: out, leftOut: func(count int) string { return fmt.Sprint(count, " left out") }}
	line := strings.Repeat("x", 999) + "\n"
	read := make([]byte, 1)
	fmt.Fprint(b, line)
	io.ReadFull(in, read) // it has begun to write that one, and cannot go on
	for range 100 {
		fmt.Fprint(b, line)
	}
	lines := bufio.NewReader(in)
	for n := range 67 { // the first, and as many as there is room for
		got, err := lines.ReadString('\n')
		noError(t, err)
		if last := n == 66; last && got != "35 left out\n" || !last && got != line[btoi(n == 0):] {
			t.Fatalf("line %d is %.80q", n, got)
		}
	}
	fmt.Fprint(b, "again\n")
	if got, err := lines.ReadString('\n'); got != "again\n" {
		t.Errorf("got %q, %v", got, err)
	}
	b.flush()
}

func TestAServerWhoseScreenNobodyReadsServesAndEndsAllTheSame(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	screen, stdout, err := os.Pipe()
	noError(t, err)
	defer screen.Close()
	cmd := tlslab(home, nil, "serve", "--addr", "127.0.0.1:0", "--db", "memory")
	cmd.Stdout = stdout
	noError(t, cmd.Start())
	defer stdout.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	said, lines := "", bufio.NewReader(screen)
	for !awaiting.MatchString(said) {
		line, err := lines.ReadString('\n')
		noError(t, err)
		said += line
	}
	roots, err := pki.LoadRoots(filepath.Join(home, "tlslab", "pki", "ca.pem"))
	noError(t, err)
	s := &pairsServer{running: &running{cmd: cmd}, t: t, home: home, addr: listensOn.FindStringSubmatch(said)[1], roots: roots}
	full := make(chan bool)
	go func() { // it writes until the reader is closed
		for n := 0; ; n++ {
			if n == 15 { // no pipe has room for more
				close(full)
			}
			if _, err := stdout.Write(make([]byte, 4<<10)); err != nil {
				return
			}
		}
	}()
	<-full
	for range 10 {
		want(t, s.client().ask("create a 1\n", "exit\n")[1:], "Ok")
	}
	noError(t, cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("it does not end")
	}
}
