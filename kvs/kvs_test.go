package kvs_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
	"example.com/tlslab/testdata/needs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	authority, _ := pki.NewAuthority(time.Now())
	certificate, _ := authority.IssueServer()
	listener, _ := tls.Listen("tcp", "127.0.0.1:0", pki.ServerConfig(certificate, tls.NoClientCert, nil))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		server := &kernel.Server{Handler: &kvs.Server{Store: new(store.Memory)}}
		ended <- server.Serve(ctx, listener)
	}()

	conn, _ := tls.Dial("tcp", listener.Addr().String(), pki.ClientConfig(authority.Roots(), "localhost"))
	client := kvs.NewClient(conn)
	for _, line := range []string{`create nome ana`, `create "nome completo" "Ana Lima"`, `read nome`, `show`, `read idade`} {
		answer, err := client.Do(ctx, line)
		if err != nil {
			answer = err.Error()
		}
		fmt.Println(answer)
	}
	client.Close()
	stop()
	<-ended
	// Output:
	// Ok
	// Ok
	// ana
	// {"nome": "ana", "nome completo": "Ana Lima"}
	// Error: there is no key "idade"; to make it, use create
}

func TestEachCommandIsAnswered(t *testing.T) {
	conn := dialPipe(t, &kvs.Server{Store: new(store.Memory)})
	for _, c := range []struct{ request, answer string }{
		{`show`, `{}`},
		{`keys`, `[]`},
		{`values`, `[]`},
		{`create nome ana`, `Ok`},
		{`create Nome "Ana Lima"`, `Ok`},
		{`create "" ""`, `Ok`},
		{`create bytes "\x00\xff"`, `Ok`},
		{`read nome`, `ana`},
		{`read Nome`, `"Ana Lima"`},
		{`read ""`, `""`},
		{`read bytes`, `"\x00\xff"`},
		{`update nome eva`, `Ok`},
		{`  read   "nome"  `, `eva`},
		{`show`, `{"": "", "Nome": "Ana Lima", "bytes": "\u0000\udcff", "nome": "eva"}`},
		{`keys`, `["", "Nome", "bytes", "nome"]`},
		{`values`, `["", "Ana Lima", "\u0000\udcff", "eva"]`},
		{`delete bytes`, `Ok`},
		{`keys`, `["", "Nome", "nome"]`},
		{`exit`, `Ok`},
	} {
		if got := conn.ask(c.request); got != c.answer {
			t.Errorf("%s: got %s, want %s", c.request, got, c.answer)
		}
	}
	conn.wantEnd()
}

func TestWhatCannotBeDoneIsAnsweredInTheServersLanguage(t *testing.T) {
	for lang, prefix := range map[string]string{"en": "Error: ", "pt-BR": "Erro: "} {
		t.Run(lang, func(t *testing.T) {
			conn := dialPipe(t, &kvs.Server{Store: new(store.Memory), Lang: lang}, limit(40000))
			if got := conn.ask("create k v"); got != "Ok" {
				t.Fatal(got)
			}
			for _, request := range []string{
				`create k w`, `read missing`, `update missing v`, `delete missing`, `fetch k`, `CREATE a b`, ``, "  \t ",
				`read "k`, `read "\q"`, `read k"`, `read "k"k`, `create k`, `create a b c`, `show all`, `read`, `exit now`,
				`__import__('os').getpid() 1`, `create __proto__`, `__init__`, `__class__`, `Create a b`, `Each`, `Close`, `run`, "\x1b]52;c;aGk=\a", "read \u202e\x9b", `read "` + "\x1b[2J", `read "a b c"`,
				"read " + strings.Repeat("x", 1000), strings.Repeat("é", 1000), strings.Repeat("x", 40001),
				"create " + strings.Repeat("k", store.MaxKey+1) + " v",
			} {
				answer := conn.ask(request)
				if !strings.HasPrefix(answer, prefix) || !strings.Contains(answer, " ") || strings.Contains(answer, "«") || strings.Contains(answer, "no value") {
					t.Errorf("%.60q is answered %q", request, answer)
				}
				if len(answer) > 600 {
					t.Errorf("%.60q is answered with %d bytes", request, len(answer))
				}
				wantSafe(t, answer)
			}
			if got := conn.ask("show"); got != `{"k": "v"}` {
				t.Errorf("the pairs are now %s", got)
			}
		})
	}
}

func TestAConnectionIsAnsweredInTheLanguageThatItAsksFor(t *testing.T) {
	s := &kvs.Server{Store: new(store.Memory), Access: new(kvs.Access)}
	one, other := dialPipe(t, s), dialPipe(t, s)
	for _, c := range []struct{ request, answer string }{
		{"read a", `Error: there is no key "a"; to make it, use create`},
		{"lang pt-BR", "Ok"},
		{"read a", `Erro: a chave "a" não existe; para criá-la, use create`},
		{"lang tlh", `Erro: não há respostas em "tlh"; há em en, pt-BR`},
		{"lang", "Erro: número errado de argumentos (0); escreva lang en|pt-BR, com aspas em torno de um argumento que tenha espaços"},
		{"lang EN", "Ok"},
		{"lang tlh", `Error: there are no answers in "tlh"; there are in en, pt-BR`},
	} {
		if got := one.ask(c.request); got != c.answer {
			t.Errorf("%s: got %s, want %s", c.request, got, c.answer)
		}
		if got := other.ask("read a"); !strings.HasPrefix(got, "Error: ") {
			t.Errorf("another one is answered %s", got)
		}
	}
}

func TestErrorsReadAsPeopleKnowThem(t *testing.T) {
	for _, c := range []struct{ lang, request, want string }{
		{"pt-BR", "conta", "Erro: 'conta' não foi interpretado pelo servidor; ele conhece create, read, update, delete, show, keys, values, lang, exit"},
		{"pt-BR", `read "a`, `Erro: não entendi o comando "read \"a" - as aspas abertas no byte 6 não foram fechadas`},
		{"pt-BR", "create k", "Erro: número errado de argumentos (1); escreva create CHAVE VALOR, com aspas em torno de um argumento que tenha espaços"},
		{"en", "conta", "Error: 'conta' was not understood by the server; it knows create, read, update, delete, show, keys, values, lang, exit"},
		{"en", `read "a`, `Error: the request "read \"a" was not understood - the double quote at byte 6 is not closed`},
		{"en", `update b 1`, `Error: there is no key "b"; to make it, use create`},
		{"pt-BR", `delete b`, `Erro: a chave "b" não existe; para criá-la, use create`},
		{"en", `read "a b"`, `Error: there is no key "a b"; to make it, use create`},
		{"en", "read a b", "Error: wrong number of arguments (2); write read KEY, and quote an argument that has spaces"},
		{"en", "", "Error: the request is empty; write a command, such as show"},
	} {
		conn := dialPipe(t, &kvs.Server{Store: new(store.Memory), Lang: c.lang})
		if got := conn.ask(c.request); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.request, got, c.want)
		}
	}
}

func TestALineThatIsTooLongIsAnsweredAndTheConnectionStaysInStep(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		conn := dialPipe(t, &kvs.Server{Store: new(store.Memory)}, limit(20))
		fits, tooLong := "create k "+strings.Repeat("v", 11), "create k "+strings.Repeat("v", 12)
		conn.send(tooLong + end + fits + end + strings.Repeat("create k w ", 10000) + end + "read k" + end)
		if got := conn.line(); !strings.HasPrefix(got, "Error: ") || !strings.Contains(got, "20 bytes") {
			t.Errorf("the first: %s", got)
		}
		if got := conn.line(); got != "Ok" {
			t.Errorf("the one that fits: %s", got)
		}
		if got := conn.line(); !strings.HasPrefix(got, "Error: ") {
			t.Errorf("the huge one: %s", got)
		}
		if got := conn.line(); got != strings.Repeat("v", 11) {
			t.Errorf("the last: %s", got)
		}
	}
	conn := dialPipe(t, &kvs.Server{Store: new(store.Memory)})
	if got := conn.ask("create k " + strings.Repeat("v", 64<<10-9)); got != "Ok" {
		t.Errorf("64 KiB: %s", got)
	}
	if got := conn.ask("update k " + strings.Repeat("v", 64<<10-8)); !strings.HasPrefix(got, "Error: ") {
		t.Errorf("64 KiB and a byte: %.40s", got)
	}
}

func TestManyRequestsMaySentBeforeTheFirstAnswerIsRead(t *testing.T) {
	conn := dialPipe(t, &kvs.Server{Store: new(store.Memory)})
	var requests strings.Builder
	for i := range 500 {
		fmt.Fprintf(&requests, "create k%d v%d\nread k%d\n", i, i, i)
	}
	conn.send(requests.String())
	for i := range 500 {
		if got := conn.line(); got != "Ok" {
			t.Fatal(got)
		}
		if got, want := conn.line(), fmt.Sprintf("v%d", i); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestHalfARequestIsNotHeldAgainstTheOnesBeforeIt(t *testing.T) {
	conn := dialPipe(t, &kvs.Server{Store: new(store.Memory)})
	conn.send("create k v\nrea")
	if got := conn.line(); got != "Ok" {
		t.Errorf("got %s", got)
	}
	conn.send("d k\n")
	if got := conn.line(); got != "v" {
		t.Errorf("got %s", got)
	}
}

func TestALastLineWithoutAnEndIsNotCarriedOut(t *testing.T) {
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	conn := l.dial()
	io.WriteString(conn, "create nome ana\ncreate nomeada eva\ndelete nome") // was to be nomeada
	conn.CloseWrite()
	all, err := io.ReadAll(conn)
	lines := strings.Split(string(all), "\n")
	if err != nil || len(lines) != 4 || lines[1] != "Ok" || !strings.HasPrefix(lines[2], "Error: ") {
		t.Errorf("got %q, %v", all, err)
	}
	if got, err := kvs.NewClient(l.dial()).Read(t.Context(), []byte("nome")); string(got) != "ana" {
		t.Errorf("got %q, %v", got, err)
	}
}

// An answer of several megabytes does not fit into what the system keeps for a connection.
func TestAnAnswerIsWrittenWholeHoweverLongItIs(t *testing.T) {
	client := kvs.NewClient(newLab(t, &kvs.Server{Store: new(store.Memory)}).dial())
	value := bytes.Repeat([]byte("x"), 60_000)
	for i := range 100 {
		check(t, client.Create(t.Context(), fmt.Append(nil, i), value))
	}
	values, err := client.Values(t.Context())
	check(t, err)
	if len(values) != 100 || !bytes.Equal(values[99], value) {
		t.Errorf("got %d values", len(values))
	}
}

func TestAClientThatHalfClosesStillGetsEveryAnswer(t *testing.T) {
	conn := newLab(t, &kvs.Server{Store: new(store.Memory)}).dial()
	io.WriteString(conn, "create nome ana\nread nome\n")
	check(t, conn.CloseWrite())
	if all, err := io.ReadAll(conn); string(all) != "Ok\nana\n" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
}

func TestExitIsAnsweredBeforeTheServerCloses(t *testing.T) {
	conn := newLab(t, &kvs.Server{Store: new(store.Memory)}).dial()
	io.WriteString(conn, "exit\ncreate late request\n")
	if all, err := io.ReadAll(conn); string(all) != "Ok\n" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
}

func TestAnAnswerThatWouldBeTooLongIsAnErrorAndTheConnectionGoesOn(t *testing.T) {
	conn := dialPipe(t, &kvs.Server{Store: new(store.Memory), AnswerLimit: 30})
	conn.ask("create k " + strings.Repeat("v", 20))
	if got := conn.ask("show"); got != `{"k": "vvvvvvvvvvvvvvvvvvvv"}` {
		t.Errorf("just short enough: %s", got)
	}
	conn.ask("create l v")
	if got := conn.ask("show"); !strings.HasPrefix(got, "Error: ") {
		t.Errorf("got %s", got)
	}
	if got := conn.ask("keys"); got != `["k", "l"]` {
		t.Errorf("got %s", got)
	}
}

func TestAFullStoreIsAnswered(t *testing.T) {
	conn := dialPipe(t, &kvs.Server{Store: &store.Memory{Limit: 4 + store.PairOverhead}})
	conn.ask("create a b")
	if got := conn.ask("create c def"); !strings.HasPrefix(got, "Error: ") || !strings.Contains(got, "full") {
		t.Errorf("got %s", got)
	}
	if got := conn.ask("read a"); got != "b" {
		t.Errorf("got %s", got)
	}
}

func TestAStoreThatFailsIsReportedAndOneThatPanicsHurtsNobodyElse(t *testing.T) {
	reported := make(chan kernel.RuntimeError, 2)
	var host *kernel.Server
	conn := dialPipe(t, &kvs.Server{Store: &broken{Store: new(store.Memory)}}, func(k *kernel.Server) {
		host = k
		k.OnRuntimeError(func(e kernel.RuntimeError) { reported <- e })
	})
	if got := conn.ask("delete k"); !strings.HasPrefix(got, "Error: ") || strings.Contains(got, "/secret/path") {
		t.Errorf("got %s", got)
	}
	if e := <-reported; !strings.Contains(e.Error(), "/secret/path") || e.Client == nil {
		t.Errorf("reported %v", e)
	}
	if got := conn.ask("update k v"); !strings.HasPrefix(got, "Error: internal error") {
		t.Errorf("got %s", got)
	}
	var panicked *kernel.PanicError
	if e := <-reported; !errors.As(e, &panicked) || panicked.Value != "the store is broken" || !strings.Contains(e.Traceback, "kvs_test.go") {
		t.Errorf("reported %v", e)
	}
	if got := conn.ask("create k v"); got != "Ok" {
		t.Errorf("afterwards: %s", got)
	}
	if n := host.Statistics().RuntimeErrors; n != 2 {
		t.Errorf("%d runtime errors were counted, want 2", n)
	}
}

func TestRequestsAndErrorsAreCountedByVerb(t *testing.T) {
	var host *kernel.Server
	conn := dialPipe(t, &kvs.Server{Store: new(store.Memory)}, func(k *kernel.Server) { host = k })
	for _, request := range []string{"create k v", "create k v", "read k", "read l", "read", "show", "fetch", `read "k`, ""} {
		conn.ask(request)
	}
	got := host.Statistics()
	want := map[string]kernel.VerbStatistics{"create": {Requests: 2, Errors: 1}, "read": {Requests: 3, Errors: 2}, "show": {Requests: 1}}
	if !maps.Equal(got.Verbs, want) || got.UnknownVerbs != 1 || got.MalformedRequests != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestAVerbCanBeAddedReplacedAndTakenAwayWhileTheServerServes(t *testing.T) {
	s := &kvs.Server{Store: new(store.Memory)}
	conn := dialPipe(t, s)
	if got := conn.ask("count a b"); !strings.HasPrefix(got, "Error: ") {
		t.Errorf("before: %s", got)
	}
	s.Handle("count", func(_ context.Context, _ *kernel.Conn, arguments [][]byte) ([]byte, error) {
		if len(arguments) == 0 {
			return nil, errors.New("nothing to\ncount")
		}
		return fmt.Append(nil, len(arguments), " words\n"), nil
	})
	for request, want := range map[string]string{
		"count a b": `2 words\n`, "count": `Error: nothing to\ncount`,
		"fetch": "Error: 'fetch' was not understood by the server; it knows create, read, update, delete, show, keys, values, lang, exit, count",
	} {
		if got := conn.ask(request); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
	s.Handle("show", func(context.Context, *kernel.Conn, [][]byte) ([]byte, error) { return []byte("secret"), nil })
	s.Handle("count", nil)
	if got := conn.ask("show"); got != "secret" {
		t.Errorf("replaced: %s", got)
	}
	if got := conn.ask("count a"); !strings.Contains(got, "'count' was not understood") {
		t.Errorf("taken away: %s", got)
	}
}

// broken is a store of which the first Update fails, and the second panics.
type broken struct {
	store.Store
	updates int
}

func (b *broken) Update(do func(store.Writer) error) error {
	switch b.updates++; b.updates {
	case 1:
		return errors.New("write /secret/path: disk on fire")
	case 2:
		panic("the store is broken")
	}
	return b.Store.Update(do)
}

func TestAClientReadsBackAnyBytes(t *testing.T) {
	client := kvs.NewClient(newLab(t, &kvs.Server{Store: new(store.Memory)}).dial())
	ctx := t.Context()
	random := rand.New(rand.NewPCG(5, 6))
	want := map[string][]byte{}
	for i := range 200 {
		key, value := randomBytes(random, 1+i%20), randomBytes(random, i)
		if _, exists := want[string(key)]; exists {
			continue
		}
		check(t, client.Create(ctx, key, value))
		want[string(key)] = value
	}
	for key, value := range want {
		if got, err := client.Read(ctx, []byte(key)); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%q: got %q, %v, want %q", key, got, err, value)
		}
	}
	pairs, err := client.Show(ctx)
	check(t, err)
	keys, err := client.Keys(ctx)
	check(t, err)
	values, err := client.Values(ctx)
	check(t, err)
	if len(pairs) != len(want) || len(keys) != len(want) || len(values) != len(want) {
		t.Fatalf("%d pairs, %d keys, %d values, want %d", len(pairs), len(keys), len(values), len(want))
	}
	for i, pair := range pairs {
		if !bytes.Equal(pair.Key, keys[i]) || !bytes.Equal(pair.Value, values[i]) || !bytes.Equal(want[string(pair.Key)], pair.Value) {
			t.Errorf("%q: got %q", pair.Key, pair.Value)
		}
		if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 {
			t.Errorf("%q stands before %q", keys[i-1], keys[i])
		}
	}
	check(t, client.Update(ctx, keys[0], nil))
	if got, err := client.Read(ctx, keys[0]); err != nil || len(got) != 0 {
		t.Errorf("got %q, %v", got, err)
	}
	check(t, client.Delete(ctx, keys[0]))
	var answer *kvs.AnswerError
	if _, err := client.Read(ctx, keys[0]); !errors.As(err, &answer) {
		t.Errorf("got %v, want an AnswerError", err)
	}
}

func TestAValueThatLooksLikeAnErrorIsAValue(t *testing.T) {
	client := kvs.NewClient(newLab(t, &kvs.Server{Store: new(store.Memory)}).dial())
	for _, value := range []string{"Error: nothing", "Erro: nada", "Error:", "Ok", `["a"]`, "\nError: x"} {
		check(t, client.Create(t.Context(), []byte(value), []byte(value)))
		if got, err := client.Read(t.Context(), []byte(value)); err != nil || string(got) != value {
			t.Errorf("got %q, %v, want %q", got, err, value)
		}
	}
}

func TestManyClientsShareOneStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pairs.db")
	s, err := store.Open(path, store.Options{})
	check(t, err)
	defer s.Close()
	l := newLab(t, &kvs.Server{Store: s})
	var wg sync.WaitGroup
	wins := make(chan int, 16)
	for i := range 16 {
		client := kvs.NewClient(l.dial())
		wg.Go(func() {
			if client.Create(t.Context(), []byte("prize"), nil) == nil {
				wins <- i
			}
			for j := range 10 {
				key := fmt.Appendf(nil, "%d.%d", i, j)
				if err := client.Create(t.Context(), key, key); err != nil {
					t.Error(err)
				}
				if got, err := client.Read(t.Context(), key); err != nil || !bytes.Equal(got, key) {
					t.Errorf("%s: %q, %v", key, got, err)
				}
			}
		})
	}
	wg.Wait()
	if len(wins) != 1 {
		t.Errorf("%d clients made the same key, want 1", len(wins))
	}
	keys, err := kvs.NewClient(l.dial()).Keys(t.Context())
	if err != nil || len(keys) != 161 {
		t.Errorf("%d keys, %v, want 161", len(keys), err)
	}
}

func TestARequestWithALineEndIsNotSent(t *testing.T) {
	client := kvs.NewClient(newLab(t, &kvs.Server{Store: new(store.Memory)}).dial())
	if _, err := client.Do(t.Context(), "read k\ncreate k v"); !errors.Is(err, kvs.ErrManyLines) {
		t.Errorf("got %v", err)
	}
	if got, err := client.Do(t.Context(), "show"); got != "{}" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAContextEndsTheWaitAndTheClientKnowsThatItIsOutOfStep(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	client := kvs.NewClient(near)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		bufio.NewReader(far).ReadString('\n') // and no answer
		cancel()
	}()
	if _, err := client.Do(ctx, "show"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Do(t.Context(), "show"); !errors.Is(err, kvs.ErrOutOfStep) {
		t.Errorf("got %v, want ErrOutOfStep", err)
	}
}

func TestAContextThatIsOverLeavesTheConnectionAlone(t *testing.T) {
	client := kvs.NewClient(newLab(t, &kvs.Server{Store: new(store.Memory)}).dial())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Do(ctx, "show"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got, err := client.Do(t.Context(), "show"); got != "{}" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAServerThatIsNoneIsNoticed(t *testing.T) {
	for answer, want := range map[string]error{
		"":                      kvs.ErrServerClosed,
		"SSH-2.0":               kvs.ErrHalfAnswer, // no line end
		"{\"a\": 1}\n":          kvs.ErrAnswer,
		"[\"\\ud800\"]\n":       kvs.ErrAnswer,
		"<html>\r\n":            kvs.ErrAnswer,
		"{\"a\": \"b\"} more\n": kvs.ErrAnswer,
	} {
		near, far := net.Pipe()
		go func() {
			bufio.NewReader(far).ReadString('\n')
			io.WriteString(far, answer)
			far.Close()
		}()
		client := kvs.NewClient(near)
		if _, err := client.Show(t.Context()); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", answer, err, want)
		}
		client.Close()
	}
}

func TestAnAnswerThatNobodyAskedForIsNotTakenForTheNext(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	client := kvs.NewClient(near)
	defer client.Close()
	go func() {
		bufio.NewReader(far).ReadString('\n')
		io.WriteString(far, "Ok\nOk\n")
	}()
	if answer, err := client.Do(t.Context(), "create a 1"); answer != "Ok" || err != nil {
		t.Errorf("got %q, %v", answer, err)
	}
	if _, err := client.Do(t.Context(), "delete a"); !errors.Is(err, kvs.ErrAnswer) {
		t.Errorf("got %v, want ErrAnswer", err)
	}
}

func TestHalfAnAnswerIsTheServersEndToo(t *testing.T) {
	if !errors.Is(kvs.ErrHalfAnswer, kvs.ErrServerClosed) {
		t.Error("whoever handles ErrServerClosed must not have to know of ErrHalfAnswer")
	}
}

func TestEveryErrorIsExplainedInBothLanguages(t *testing.T) {
	cause := errors.New("cause \x1b[2J\u202e")
	errs := []error{
		kvs.ErrManyLines, kvs.ErrOutOfStep, kvs.ErrServerClosed, kvs.ErrAnswer,
		&store.LockedError{Path: "/tmp/a b.db"}, &store.DamagedError{Path: `C:\a b\x.db`, Err: cause},
		kernel.ErrIdle, kernel.ErrStopping, kernel.ErrTooMany, kernel.ErrTooManyOfHost, kernel.ErrHandshakes, kernel.ErrHandshakeRate,
		kernel.ErrBusy, kernel.ErrAnswers, kernel.ErrNotRead, kernel.ErrSlow, kernel.ErrOnce, kernel.ErrStuck, kernel.ErrDismissed,
	}
	for reason := kvs.OpenQuote; reason <= kvs.InnerQuote; reason++ {
		errs = append(errs, &kvs.SyntaxError{Offset: 3, Reason: reason})
	}
	for problem := pki.Unreadable; problem <= pki.Foreign; problem++ {
		errs = append(errs, &pki.FileError{Path: "/tmp/a.pem", Problem: problem, Other: "/tmp/b.pem", Err: cause})
	}
	for _, err := range []error{kernel.ErrHandshakeTimeout, kernel.ErrStopping, io.EOF, tls.RecordHeaderError{}, cause} {
		errs = append(errs, &kernel.HandshakeError{Err: err})
	}
	english, portuguese := docs.For("en"), docs.For("pt-BR")
	for _, err := range errs {
		wrapped := fmt.Errorf("serve: %w", err)
		en, pt := kvs.Explain(english, wrapped), kvs.Explain(portuguese, wrapped)
		if en == pt || strings.Contains(en+pt, "«") || strings.Contains(en+pt, "no value") || strings.HasPrefix(en, "serve: ") {
			t.Errorf("%v:\n%s\n%s", err, en, pt)
		}
		wantSafe(t, en)
		wantSafe(t, pt)
	}
	if got := kvs.Explain(english, errors.New("C:\\x \"y\" \a")); got != `C:\x "y" \x07` {
		t.Errorf("an unknown error: %s", got)
	}
}

func FuzzEveryLineGetsOneAnswer(f *testing.F) {
	for _, input := range []string{
		"create k v\nread k\n", "show\r\n\r\nexit\nshow\n", "read \"\n", "\x16\x03\x01\x02\x00\x01", strings.Repeat("x", 100) + "\n\n",
		"create \"\\x1b]52;c;\" \"\u202e\"\nshow\nkeys\nvalues\nread \"\\x1b]52;c;\"\n", "create a\xffb \x9b2J\nread a\xffb",
	} {
		f.Add([]byte(input))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if bytes.HasPrefix(input, []byte("*")) {
			t.Skip("this is RESP")
		}
		client, server := net.Pipe()
		defer client.Close()
		done := make(chan error, 1)
		k := &kernel.Server{Handler: &kvs.Server{Store: new(store.Memory)}, MaxRequest: 64, Linger: time.Millisecond}
		go func() { done <- k.ServeConn(t.Context(), halfCloser{server}) }()
		go func() {
			client.Write(input)
			client.Write([]byte("\nexit\n")) // after an end in case there was none
		}()
		answers := 0
		lines := bufio.NewScanner(client)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			answers++
			wantSafe(t, lines.Text())
		}
		client.Close()
		<-done
		want := 0
		for line := range bytes.SplitSeq(append(bytes.Clone(input), "\nexit"...), []byte("\n")) {
			want++
			if words, err := kvs.Split(bytes.TrimSuffix(line, []byte("\r"))); err == nil && len(words) == 1 && string(words[0]) == "exit" && len(line) <= 64 {
				break
			}
		}
		if answers != want {
			t.Errorf("%d answers to %d lines: %q", answers, want, input)
		}
	})
}

// halfCloser lets the server end its direction of a pipe, which has no other way.
type halfCloser struct{ net.Conn }

func (c halfCloser) CloseWrite() error { return c.Close() }

func TestOpenSSLIsAClient(t *testing.T) {
	openssl := needs.Program(t, "openssl")
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, openssl, "s_client", "-quiet", "-verify_return_error", "-servername", "localhost",
		"-verify_hostname", "localhost", "-CAfile", l.ca, "-connect", l.address)
	in, err := command.StdinPipe()
	check(t, err)
	out, err := command.StdoutPipe()
	check(t, err)
	check(t, command.Start())
	answers := bufio.NewReader(out)
	for _, c := range []struct{ request, answer string }{
		{"create nome ana", "Ok"}, {"read nome", "ana"}, {"read nada", `Error: there is no key "nada"; to make it, use create`}, {"exit", "Ok"},
	} {
		fmt.Fprintln(in, c.request)
		if got, err := answers.ReadString('\n'); got != c.answer+"\n" {
			t.Fatalf("%s: got %q, %v, want %s", c.request, got, err, c.answer)
		}
	}
	if rest, err := io.ReadAll(answers); len(rest) > 0 || err != nil {
		t.Errorf("after exit: %q, %v", rest, err)
	}
	if err := command.Wait(); err != nil { // close_notify is a good end to it
		t.Errorf("s_client ended with %v", err)
	}
}

func TestThePythonClientReadsRandomPairsBack(t *testing.T) {
	python := needs.Program(t, "python3")
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	_, port, _ := net.SplitHostPort(l.address)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	script := filepath.Join("..", "docs", "manual", "clients", "client.py")
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if out, err := exec.CommandContext(ctx, python, script, host, port, l.ca).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", host, err, out)
		}
	}
	// And it does notice: a server that answers everything with one value.
	liar := newLab(t, nil, func(k *kernel.Server) {
		k.Handler = kernel.HandlerFunc(func(_ context.Context, conn *kernel.Conn) error {
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				answer := "Ok\n"
				if lines.Text() == "show" {
					answer = "{}\n"
				}
				if _, err := io.WriteString(conn, answer); err != nil {
					return err
				}
			}
			return nil
		})
	})
	_, port, _ = net.SplitHostPort(liar.address)
	if exec.CommandContext(ctx, python, script, "localhost", port, liar.ca).Run() == nil {
		t.Error("it did not notice a difference")
	}
	if exec.CommandContext(ctx, python, script, "localhost", port, l.ca).Run() == nil {
		t.Error("it trusts another authority")
	}
	// A server whose close_notify does not arrive.
	cut := newLab(t, nil, func(k *kernel.Server) {
		honest := &kvs.Server{Store: new(store.Memory)}
		k.Handler = kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
			defer conn.Conn.(*tls.Conn).NetConn().Close()
			return honest.ServeConn(ctx, conn)
		})
	})
	_, port, _ = net.SplitHostPort(cut.address)
	out, err := exec.CommandContext(ctx, python, script, "localhost", port, cut.ca).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "EOF") {
		t.Errorf("it did not notice that close_notify was missing: %v\n%s", err, out)
	}
}

// lab is a server on TCP with TLS.
type lab struct {
	t       testing.TB
	address string
	ca      string // file
	client  *tls.Config
}

// limit sets how long a request may be.
func limit(bytes int) func(*kernel.Server) {
	return func(k *kernel.Server) { k.MaxRequest = bytes }
}

func newLab(t testing.TB, s *kvs.Server, change ...func(*kernel.Server)) *lab {
	t.Helper()
	authority, err := pki.NewAuthority(time.Now())
	check(t, err)
	certificate, err := authority.IssueServer()
	check(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", pki.ServerConfig(certificate, tls.NoClientCert, nil))
	check(t, err)
	k := &kernel.Server{Handler: s}
	for _, c := range change {
		c(k)
	}
	l := &lab{t, listener.Addr().String(), filepath.Join(t.TempDir(), "ca.pem"), pki.ClientConfig(authority.Roots(), "localhost")}
	check(t, os.WriteFile(l.ca, authority.PEM(), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- k.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) dial() *tls.Conn {
	l.t.Helper()
	conn, err := tls.Dial("tcp", l.address, l.client)
	check(l.t, err)
	conn.SetDeadline(time.Now().Add(patience))
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

// lines is a connection in memory, without TLS.
type lines struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialPipe(t *testing.T, s *kvs.Server, change ...func(*kernel.Server)) *lines {
	t.Helper()
	client, server := net.Pipe()
	client.SetDeadline(time.Now().Add(patience))
	k := &kernel.Server{Handler: s}
	for _, c := range change {
		c(k)
	}
	done := make(chan error)
	go func() { done <- k.ServeConn(context.Background(), server) }()
	t.Cleanup(func() {
		client.Close()
		<-done
	})
	return &lines{t, client, bufio.NewReader(client)}
}

// send writes in the background, since a pipe holds nothing.
func (l *lines) send(text string) {
	sent := make(chan struct{})
	go func() {
		io.WriteString(l.conn, text)
		close(sent)
	}()
	l.t.Cleanup(func() { <-sent })
}

func (l *lines) line() string {
	l.t.Helper()
	line, err := l.in.ReadString('\n')
	check(l.t, err)
	return strings.TrimSuffix(line, "\n")
}

func (l *lines) ask(request string) string {
	l.t.Helper()
	l.send(request + "\n")
	return l.line()
}

func (l *lines) wantEnd() {
	l.t.Helper()
	if rest, err := io.ReadAll(l.in); len(rest) > 0 || err != nil {
		l.t.Errorf("got %q, %v, want the end", rest, err)
	}
}

func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
