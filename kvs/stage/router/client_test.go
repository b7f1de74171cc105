package router_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/router"
)

func Example() {
	dir, _ := os.MkdirTemp("", "router")
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("Olá!"), 0o644)
	folder, _ := os.OpenRoot(dir)
	defer folder.Close()

	server := router.NewServer(folder)
	server.Addr = "127.0.0.1:0"
	if err := server.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}

	conn, _ := net.Dial("tcp", server.ListenAddr().String())
	client := router.NewClient(conn)
	_, err := client.Hashes(context.Background())
	fmt.Println(err)
	client.Login(context.Background(), "ana-pc")
	hashes, _ := client.Hashes(context.Background())
	content, _ := client.File(context.Background(), "notes.txt")
	fmt.Println(hashes["notes.txt"][:8], string(content))
	client.Close()

	server.Stop()
	fmt.Println(server.Wait(), server.Statistics().Verbs[router.URLHashes])
	// Output:
	// 400 wrong_token: there is no token in the package: /login gives one
	// c6c5876c Olá!
	// <nil> {2 1}
}

// dial connects a client of the package.
func dial(t *testing.T, address string) *router.Client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client := router.NewClient(conn)
	t.Cleanup(func() { client.Close() })
	return client
}

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestTheClientKeepsItsTokenForTheNextConnection(t *testing.T) {
	address := serving(t, newServer(t, shared(t, twoFiles)))
	dir := t.TempDir()
	first := dial(t, address)
	first.Tokens = openRoot(t, dir)
	token, err := first.Login(t.Context(), "ana-pc")
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	content, err := os.ReadFile(filepath.Join(dir, "TOKEN"))
	if err != nil || string(content) != token {
		t.Errorf("the file says %q, %v", content, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "TOKEN")); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	second := dial(t, address)
	second.Tokens = openRoot(t, dir)
	hashes, err := second.Hashes(t.Context())
	if want := map[string]string{"notes.txt": hexSum("Olá!\n"), "empty": hexSum("")}; err != nil || !maps.Equal(hashes, want) {
		t.Errorf("%v, %v", hashes, err)
	}
	for name, want := range twoFiles {
		if content, err := second.File(t.Context(), name); err != nil || string(content) != want {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func TestATokenReplacesWhateverStoodInItsPlaceAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	elsewhere := filepath.Join(t.TempDir(), "precious")
	write(t, elsewhere, "precious")
	for _, name := range []string{"TOKEN", "TOKEN.new"} {
		if err := os.Symlink(elsewhere, filepath.Join(dir, name)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	token := strings.Repeat("a", 64)
	if err := router.SaveToken(root, token); err != nil {
		t.Fatal(err)
	}
	if got, err := router.LoadToken(root); got != token || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if content, _ := os.ReadFile(elsewhere); string(content) != "precious" {
		t.Errorf("elsewhere stands %q", content)
	}
}

func TestAFileThatHasNoTokenIsRefused(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	if token, err := router.LoadToken(root); token != "" || err != nil {
		t.Errorf("without a file: %q, %v", token, err)
	}
	for _, content := range []string{"", "abc", strings.Repeat("A", 64), strings.Repeat("a", 65), strings.Repeat("a", 1<<20), strings.Repeat("a", 63) + "\x1b"} {
		write(t, filepath.Join(dir, "TOKEN"), content)
		if token, err := router.LoadToken(root); token != "" || !errors.Is(err, router.ErrTokenFile) {
			t.Errorf("%.70q: %q, %v", content, token, err)
		}
	}
	write(t, filepath.Join(dir, "TOKEN"), strings.Repeat("a", 64)+"\n") // as an editor leaves it
	if token, err := router.LoadToken(root); len(token) != 64 || err != nil {
		t.Errorf("%q, %v", token, err)
	}
}

func TestWhatTheServerRefusesIsAnErrorAndTheConnectionGoesOn(t *testing.T) {
	client := dial(t, serving(t, newServer(t, shared(t, twoFiles))))
	var failed *router.AnswerError
	if _, err := client.Hashes(t.Context()); !errors.As(err, &failed) || failed.Reason != router.ReasonToken || failed.After != nil {
		t.Errorf("%v", err)
	}
	if _, err := client.Login(t.Context(), "not a hostname"); !errors.As(err, &failed) || failed.Reason != router.ReasonParameter || failed.Answer.Code != 400 {
		t.Errorf("%v", err)
	}
	if _, err := client.Login(t.Context(), "ana-pc"); err != nil {
		t.Error(err)
	}
	if _, err := client.File(t.Context(), "../secret.txt"); !errors.As(err, &failed) || failed.Reason != router.ReasonFile {
		t.Errorf("%v", err)
	}
	if _, err := client.Do(t.Context(), []byte(`{}{}`)); !errors.Is(err, router.ErrPackage) {
		t.Errorf("%v", err)
	}
	if _, err := client.Hashes(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheClientStaysInStepWithAFlawedServer(t *testing.T) {
	server := newServer(t, shared(t, twoFiles))
	server.Flawed = true
	client := dial(t, serving(t, server))
	for range 3 {
		var failed *router.AnswerError
		if _, err := client.Hashes(t.Context()); !errors.As(err, &failed) || failed.After == nil || !bytes.Contains(failed.After.Text, []byte(hexSum("Olá!\n"))) {
			t.Errorf("%v", err)
		}
	}
	if _, err := client.Login(t.Context(), "ana-pc"); err != nil {
		t.Error(err)
	}
	if content, err := client.File(t.Context(), "notes.txt"); err != nil || string(content) != "Olá!\n" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestWhoWaitsForTheServerCanGiveUp(t *testing.T) {
	server := newServer(t, shared(t, nil))
	waiting := make(chan int, 1)
	server.OnWaiting(func(*kernel.Conn, int) { waiting <- 1 })
	address := serving(t, server)
	first := dialRaw(t, address)
	first.login("first")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	asked := make(chan int, 1) // who gives up before asking is still in step
	second := router.NewClient(writing{conn, asked})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-waiting
		<-asked
		cancel()
	}()
	if _, err := second.Login(ctx, "second"); err != context.Canceled {
		t.Errorf("%v", err)
	}
	if _, err := second.Login(t.Context(), "second"); !errors.Is(err, kvs.ErrOutOfStep) {
		t.Errorf("then %v", err)
	}
}

// A writing connection tells what was written on it.
type writing struct {
	net.Conn
	wrote chan<- int
}

func (w writing) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.wrote <- n
	return n, err
}

// answering connects a client to a server that says this and closes.
func answering(t *testing.T, text string) *router.Client {
	client, server := net.Pipe()
	go func() {
		server.SetDeadline(time.Now().Add(10 * time.Second))
		server.Read(make([]byte, 1<<12))
		io.WriteString(server, text)
		server.Close()
	}()
	t.Cleanup(func() { client.Close() })
	return router.NewClient(client)
}

func TestAHostileAnswerIsAnErrorThatSaysSo(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 400 Bad Request\r\n\r\n", "{", `{"code":200`, `{}`, `{"code":"200"}`, `{"code":200.5}`, `{"code":0}`, `{"code":200}`, `{"code":200,"code":400}`, `{"code":200,"hashes":null}`,
		`{"code":200,"hashes":{"a":7}}`, `{"code":200,"hashes":[]}`, "{\"code\":200,\"x\":\"\xff\"}", `{"code":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		`{"x":"` + strings.Repeat("a", router.MaxAnswer) + `"}`, `[{"code":200}]`,
	} {
		if _, err := answering(t, text).Hashes(t.Context()); !errors.Is(err, router.ErrAnswer) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	if _, err := answering(t, "").Hashes(t.Context()); !errors.Is(err, kvs.ErrServerClosed) {
		t.Errorf("%v", err)
	}
	for _, text := range []string{`{"code":200}`, `{"code":200,"token":7}`, `{"code":200,"token":"\u001b[2J"}`, `{"code":200,"token":"` + strings.Repeat("a", 1<<20) + `"}`} {
		client := answering(t, text)
		dir := t.TempDir()
		client.Tokens = openRoot(t, dir)
		if _, err := client.Login(t.Context(), "ana"); !errors.Is(err, router.ErrAnswer) {
			t.Errorf("%.60q: %v", text, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("%.60q was kept", text)
		}
	}
	for _, text := range []string{`{"code":200}`, `{"code":200,"data":7}`, `{"code":200,"data":"?"}`, `{"code":200,"data":null}`} {
		if _, err := answering(t, text).File(t.Context(), "a"); !errors.Is(err, router.ErrAnswer) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var failed *router.AnswerError
	if _, err := answering(t, `{"code":500,"message":"\u001b[2J\u202e"}`).Hashes(t.Context()); !errors.As(err, &failed) {
		t.Errorf("%v", err)
	} else if text := router.Explain(docs.For("en"), err); text != `the server refused (500): \x1b[2J\xe2\x80\xae` {
		t.Errorf("shown as %q", text)
	}
}

func TestCommandsAreWrittenAsPackages(t *testing.T) {
	token := strings.Repeat("b", 64)
	for line, want := range map[string]string{
		"login ana-pc":              `{"url":"/login","hostname":"ana-pc"}`,
		" /login  ana-pc ":          `{"url":"/login","hostname":"ana-pc"}`,
		"hashes":                    `{"url":"/get_hashes","token":"` + token + `"}`,
		"/get_hashes":               `{"url":"/get_hashes","token":"` + token + `"}`,
		`file "with <space>\n"`:     `{"url":"/get_file_data","name":"with <space>\n","token":"` + token + `"}`,
		"/elsewhere":                `{"url":"/elsewhere","token":"` + token + `"}`,
		` {"url": 7, 'no JSON' } `:  `{"url": 7, 'no JSON' }`,
		`{"url":"/login","x":"}{"}`: `{"url":"/login","x":"}{"}`,
	} {
		near, far := net.Pipe()
		client := router.NewClient(near)
		client.Tokens = openRoot(t, t.TempDir())
		if err := router.SaveToken(client.Tokens, token); err != nil {
			t.Fatal(err)
		}
		sent := make(chan string)
		go func() {
			b := make([]byte, 1<<12)
			n, _ := far.Read(b)
			io.WriteString(far, `{"code":200}`)
			sent <- string(b[:n])
		}()
		if answer, err := client.Command(t.Context(), line); answer != `{"code":200}` || err != nil {
			t.Errorf("%s: %q, %v", line, answer, err)
		}
		if got := <-sent; got != want {
			t.Errorf("%s: sent %s", line, got)
		}
		client.Close()
	}
}

func TestWhatIsNoCommandIsNotSent(t *testing.T) {
	client := dial(t, serving(t, newServer(t, shared(t, twoFiles))))
	dir := t.TempDir()
	client.Tokens = openRoot(t, dir)
	for line, want := range map[string]string{
		"":          "there is no such command; write login HOSTNAME, hashes, file NAME, a url such as /get_hashes, or a package in braces",
		"show":      "there is no such command; write login HOSTNAME, hashes, file NAME, a url such as /get_hashes, or a package in braces",
		"login":     "write login HOSTNAME",
		"file a b":  "write file NAME",
		"/x\x1b 1":  `write /x\x1b`,
		"hashes x":  "write hashes",
		`file "a`:   "the double quote at byte 6 is not closed",
		`{"url":`:   "a package is one object, from { to the } that closes it, and nothing behind it",
		`{}{}`:      "a package is one object, from { to the } that closes it, and nothing behind it",
		`{} hashes`: "a package is one object, from { to the } that closes it, and nothing behind it",
	} {
		var failed *router.CommandError
		_, err := client.Command(t.Context(), line)
		if !errors.As(err, &failed) {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if text := router.Explain(docs.For("en"), err); text != want {
			t.Errorf("%q: %s", line, text)
		}
	}
	write(t, filepath.Join(dir, "TOKEN"), "?")
	if _, err := client.Command(t.Context(), "hashes"); router.Explain(docs.For("en"), err) != "the file TOKEN has no token in it; log in again" {
		t.Errorf("%v", err)
	}
	if _, err := client.Command(t.Context(), "login ana-pc"); err != nil {
		t.Error(err)
	}
	if answer, err := client.Command(t.Context(), "hashes"); err != nil || !strings.HasPrefix(answer, `{"code":200,"hashes":{`) {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestOfAFlawedServerACommandShowsBothAnswers(t *testing.T) {
	server := newServer(t, shared(t, nil))
	server.Flawed = true
	client := dial(t, serving(t, server))
	answer, err := client.Command(t.Context(), `{"url":"/get_hashes","token":"guess"}`)
	lines := strings.Split(answer, "\n")
	if err != nil || len(lines) != 2 || !strings.HasPrefix(lines[0], `{"code":400,`) || !strings.HasPrefix(lines[1], `{"code":200,`) {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestErrorsAreExplainedInBothLanguages(t *testing.T) {
	for _, err := range []error{
		router.ErrAnswer, router.ErrPackage, router.ErrTokenFile, kernel.ErrSlow, &router.CommandError{}, &router.CommandError{Err: router.ErrPackage}, &router.AnswerError{},
	} {
		en, pt := router.Explain(docs.For("en"), err), router.Explain(docs.For("pt-BR"), err)
		if en == pt || en == err.Error() || strings.Contains(en+pt, "«") {
			t.Errorf("%v: %q, %q", err, en, pt)
		}
	}
}
