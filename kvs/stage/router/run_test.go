package router_test

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/router"
)

// A screen keeps what is written, whole lines at a time.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	odd  []string
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Count(b, []byte("\n")) != 1 || !bytes.HasSuffix(b, []byte("\n")) {
		s.odd = append(s.odd, string(b))
	}
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestAPersonTalksToTheServer(t *testing.T) {
	address := serving(t, newServer(t, shared(t, twoFiles)))
	client := dial(t, address)
	var out screen
	if err := client.Run(t.Context(), strings.NewReader("\nhashes\nwhat?\n login ana-pc\nfile notes.txt\n/x\x1b[2J\nexit\nhashes\n"), &out); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{`{"code":400,`, `there is no such command; `, `{"code":200,"token":"`, `{"code":200,"data":"T2zDoSEK","name":"notes.txt"}`, `{"code":400,`}
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("%q, want %s…", line, want[i])
		}
	}
	if len(out.odd) > 0 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q", out.String())
	}
	if _, err := client.Hashes(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after exit: %v", err)
	}
}

func TestAPersonIsToldThatTheServerIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client := router.NewClient(near)
		client.Lang = "pt-BR"
		var out screen
		done := make(chan error)
		go func() { done <- client.Run(t.Context(), strings.NewReader("hashes\n"), &out) }()
		b := make([]byte, 100)
		far.Read(b) // and no answer for more than a second
		synctest.Wait()
		if out.String() != "" {
			t.Errorf("at once: %s", out.String())
		}
		time.Sleep(2 * time.Second)
		if !strings.Contains(out.String(), "atende um cliente por vez") {
			t.Errorf("waiting: %s", out.String())
		}
		far.Close()
		if err := <-done; !errors.Is(err, kvs.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func TestTheServerSaysWhatHappensAndShowsNoToken(t *testing.T) {
	for lang, want := range map[string]string{
		"en":    "waiting for connections on ADDR; the files of |FLAWED on purpose|A has connected|A asked for /login: 200|B has connected|B waits: one client is served before it|A asked for /get_hashes: 400|A asked for /get_hashes: 200|A asked for \"/x\\x1b\": 400|A has left|the conversation with B has ended: a package must begin with {|the server has ended|",
		"pt-BR": "aguardando conexões em ADDR; os arquivos de |DEFEITUOSO de propósito|A se conectou|A pediu /login: 200|B se conectou|B espera: um cliente é atendido antes dele|A pediu /get_hashes: 400|A pediu /get_hashes: 200|A pediu \"/x\\x1b\": 400|A foi embora|a conversa com B terminou: um pacote deve começar com {|o servidor terminou|",
	} {
		server := newServer(t, shared(t, nil))
		var out screen
		server.Out, server.Lang, server.Flawed = &out, lang, true
		waiting, closed := make(chan bool, 1), make(chan bool, 2)
		server.OnWaiting(func(*kernel.Conn, int) { waiting <- true })
		server.OnClientClosed(func(*kernel.Conn) { closed <- true })
		address := serving(t, server)
		first := dialRaw(t, address)
		token := first.login("ana-pc")
		second := dialRaw(t, address)
		second.send("GET / HTTP/1.1\r\n\r\n")
		<-waiting
		first.ask(`{"url":"/get_hashes","token":"guess"}`)
		first.hear()
		first.ask(`{"url":"/x\u001b","token":%q}`, token)
		first.Close()
		<-closed
		<-closed
		server.Stop()
		server.Wait()
		said := strings.NewReplacer(address, "ADDR", first.LocalAddr().String(), "A", second.LocalAddr().String(), "B").Replace(out.String())
		lines := strings.Split(said, "\n")
		for i, beginning := range strings.Split(want, "|") {
			if i >= len(lines) || !strings.HasPrefix(lines[i], beginning) {
				t.Errorf("line %d is not %q of:\n%s", i, beginning, said)
				break
			}
		}
		if len(lines) != strings.Count(want, "|")+1 || len(out.odd) > 0 || strings.Contains(said, token) {
			t.Errorf("said:\n%s", said)
		}
	}
}
