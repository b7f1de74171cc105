package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
)

// A pairsServer is tlslab serve as a process of its own, whose pairs are in a file.
type pairsServer struct {
	*running
	t     *testing.T
	home  string
	addr  string
	roots *x509.CertPool
}

var (
	listensOn = regexp.MustCompile(`(127\.0\.0\.1:\d+);`)
	awaiting  = regexp.MustCompile(`(?m)^(Waiting for connections|Aguardando conexões)`)
)

// servePairs starts it and waits until it waits for connections. Before is a program that starts it, with its arguments, if there is one.
func servePairs(t *testing.T, home string, before []string, args ...string) *pairsServer {
	t.Helper()
	args = append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)
	s := &pairsServer{running: &running{done: make(chan struct{}), changed: make(chan struct{})}, t: t, home: home}
	s.cmd = tlslab(home, before, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.running, s.running
	noError(t, s.cmd.Start())
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(s.kill)
	s.await(awaiting)
	said, _ := s.said()
	s.addr = listensOn.FindStringSubmatch(said)[1]
	roots, err := pki.LoadRoots(filepath.Join(home, "tlslab", "pki", "ca.pem"))
	noError(t, err)
	s.roots = roots
	return s
}

// tlslab is the program, with what it keeps in the folder home.
func tlslab(home string, before []string, args ...string) *exec.Cmd {
	words := append(append(before[:len(before):len(before)], "tlslab"), args...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_DATA_HOME=" + home, "LANG=C.UTF-8", "GORACE=" + os.Getenv("GORACE")}
	return cmd
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until the server has said what matches.
func (s *pairsServer) await(want *regexp.Regexp) {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		said, changed := s.said()
		if want.MatchString(said) {
			return
		}
		select {
		case <-changed:
		case <-s.done:
			if said, _ := s.said(); !want.MatchString(said) {
				s.t.Fatalf("the server has ended and never said %s:\n%s", want, said)
			}
			return
		case <-deadline:
			s.t.Fatalf("the server did not say %s:\n%s", want, said)
		}
	}
}

// kill ends it as a power cut would: at once.
func (s *pairsServer) kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// stop ends it as Ctrl+C does, and returns its exit code.
func (s *pairsServer) stop() int {
	s.t.Helper()
	noError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Fatal("the server does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *pairsServer) dial() (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience}
	return tls.DialWithDialer(&dialer, "tcp", s.addr, pki.ClientConfig(s.roots, "localhost"))
}

// A pairsClient sends requests of either protocol, of which every answer is a line, but for values in RESP.
type pairsClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *pairsServer) client() *pairsClient {
	s.t.Helper()
	conn, err := s.dial()
	noError(s.t, err)
	noError(s.t, conn.SetDeadline(time.Now().Add(2*patience)))
	s.t.Cleanup(func() { conn.Close() })
	return &pairsClient{s.t, conn, bufio.NewReader(conn)}
}

// ask sends requests together, and returns their answers.
func (c *pairsClient) ask(requests ...string) (answers []string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, strings.Join(requests, ""))
	noError(c.t, err)
	for range requests {
		answers = append(answers, c.answer())
	}
	return answers
}

func (c *pairsClient) answer() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("in place of an answer came %q, %v", line, err)
	}
	line = strings.TrimRight(line, "\r\n")
	length := 0
	if n, err := fmt.Sscanf(line, "$%d", &length); n != 1 || err != nil || length < 0 {
		return line
	}
	value := make([]byte, length+len("\r\n"))
	_, err = io.ReadFull(c.in, value)
	noError(c.t, err)
	return string(value[:length])
}

// inRESP is a request in RESP.
func inRESP(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b.String()
}

// readFile returns the pairs of a file that nobody has open, and whether each expires; opening it verifies it.
func readFile(t *testing.T, path string) (pairs map[string]string) {
	t.Helper()
	file, err := store.Open(path, store.Options{})
	noError(t, err)
	defer file.Close()
	pairs = make(map[string]string)
	noError(t, file.View(func(r store.Reader) error {
		for pair := range r.Scan(nil) {
			value := string(pair.Value)
			if !pair.Expires.IsZero() {
				value += expiring
			}
			pairs[string(pair.Key)] = value
		}
		return nil
	}))
	return pairs
}

// expiring stands behind a value whose pair expires.
const expiring = " (expires)"
