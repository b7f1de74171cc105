//go:build unix

package kernel_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/kvs/kernel"
)

// The server runs in a process of its own, with few file descriptors: this test, called by itself.
func TestAProcessWithoutFileDescriptorsLeftServesThoseWhoAreThereAndThenOthers(t *testing.T) {
	const few = "TLSLAB_TEST_FILE_DESCRIPTORS"
	if os.Getenv(few) != "" {
		serveWithFewDescriptors(t)
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), few+"=1")
	in, err := command.StdinPipe()
	check(t, err)
	out, err := command.StdoutPipe()
	check(t, err)
	check(t, command.Start())
	defer func() {
		in.Close() // and it ends
		check(t, command.Wait())
	}()
	lines := bufio.NewReader(out)
	say := func() string {
		line, err := lines.ReadString('\n')
		check(t, err)
		return strings.TrimSpace(line)
	}
	address := say()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", address) // the system connects, also where the process does not accept
		check(t, err)
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		return conn
	}
	first := dial()
	defer first.Close()
	talkTo(t, first, "ping", "pong")
	var others []net.Conn
	for range 100 {
		others = append(others, dial())
	}
	if got := say(); got != "accept too many open files" {
		t.Errorf("it said %q", got)
	}
	talkTo(t, first, "ping", "pong")
	for _, conn := range others {
		conn.Close()
	}
	last := dial()
	defer last.Close()
	talkTo(t, last, "ping", "pong")
	first.Close()
	last.Close()
	in.Close()
	if got := say(); got != "1 runtime error, some accept errors: true" {
		t.Errorf("in the end: %q", got)
	}
}

// serveWithFewDescriptors serves until its standard input ends, and says what goes wrong.
func serveWithFewDescriptors(t *testing.T) {
	var limit syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = 40
	check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	s := &kernel.Server{Handler: everyVerb(), Addr: "127.0.0.1:0"}
	s.OnRuntimeError(func(e kernel.RuntimeError) {
		var reason syscall.Errno
		errors.As(e.Err, &reason)
		fmt.Println(e.Thread, reason)
	})
	check(t, s.Start(t.Context()))
	fmt.Println(s.ListenAddr())
	bufio.NewReader(os.Stdin).ReadString('\n')
	got := s.Statistics()
	fmt.Printf("%d runtime error, some accept errors: %v\n", got.RuntimeErrors, got.AcceptErrors > 0)
	check(t, s.Stop())
	check(t, s.Wait())
}
