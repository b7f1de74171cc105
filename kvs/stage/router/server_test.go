package router_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/router"
)

func TestWhoHasLoggedInIsGivenTheFilesAndTheirHashes(t *testing.T) {
	client := dialRaw(t, serving(t, newServer(t, shared(t, twoFiles))))
	token := client.login("ana-pc")
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(token) {
		t.Errorf("the token is %q", token)
	}
	answer := client.ask(`{"url":"/get_hashes","token":%q}`, token)
	want := map[string]any{"notes.txt": hexSum("Olá!\n"), "empty": hexSum("")}
	if got, _ := answer["hashes"].(map[string]any); answer["code"] != 200.0 || !maps.Equal(got, want) || len(answer) != 2 {
		t.Errorf("hashes: %v", answer)
	}
	for name, content := range twoFiles {
		answer = client.ask(`{"url":"/get_file_data","name":%q,"token":%q}`, name, token)
		if answer["code"] != 200.0 || answer["data"] != base64.StdEncoding.EncodeToString([]byte(content)) || answer["name"] != name {
			t.Errorf("file: %v", answer)
		}
	}
}

func TestALoginIsAnsweredWithACodeAndAToken(t *testing.T) {
	client := dialRaw(t, serving(t, newServer(t, shared(t, nil))))
	answer := client.ask(`{"url":"/login","hostname":"hacknet-fedoralinux"}`)
	token, _ := answer["token"].(string)
	if answer["code"] != 200.0 || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(token) || len(answer) != 2 {
		t.Errorf("got %v, and not a code and a token alone", answer)
	}
}

func TestPackagesMayBeWrittenAndCutAnyhow(t *testing.T) {
	client := dialRaw(t, serving(t, newServer(t, shared(t, nil))))
	for _, text := range []string{
		"\r\n\t {\"url\"\n:\"\\/login\" , \"hostname\":\"a\\u006ea\"}\n\n", // ana
		`{"other":{"}{":["\"}"]},"url":"/login","hostname":"ana"}`,
	} {
		for _, b := range []byte(text) {
			client.send("%c", b)
		}
		if answer := client.hear(); answer["code"] != 200.0 {
			t.Errorf("%s: %v", text, answer)
		}
	}
	client.send(`{"url":"/login","hostname":"one"}{"url":"/nowhere"} {"url":"/login","hostname":"two"}`)
	for _, want := range []float64{200, 400, 200} {
		if answer := client.hear(); answer["code"] != want {
			t.Errorf("%v, want %v", answer, want)
		}
	}
}

func TestWhatIsWrongWithARequestIsSaidAndTheNextIsAnswered(t *testing.T) {
	client := dialRaw(t, serving(t, newServer(t, shared(t, twoFiles))))
	token := client.login("ana-pc")
	for _, c := range []struct{ request, reason string }{
		{`{}`, "bad_package"},
		{`{"url":7}`, "bad_package"},
		{`{"url":null}`, "bad_package"},
		{`{'url':'/login'}`, "bad_package"}, // as the original's text writes it
		{`{"url":"/login",}`, "bad_package"},
		{`{"url":"/login"]`, "bad_package"},
		{`{"url":"/login","hostname":"ana","url":"/get_hashes"}`, "bad_package"},
		{`{"url":"/login","hostname":"ana","\u0075rl":"/get_hashes"}`, "bad_package"},
		{"{\"url\":\"/login\",\"hostname\":\"ana\",\"x\":\"\xff\"}", "bad_package"},
		{"{\"url\":\"/login\",\"hostname\":\"ana\",\"x\":\"\x00\"}", "bad_package"},
		{`{"url":"/login","hostname":"ana","x":` + strings.Repeat("[", router.MaxDepth) + strings.Repeat("]", router.MaxDepth) + `}`, "bad_package"},
		{`{"URL":"/login","hostname":"ana"}`, "bad_package"},
		{`{"url":"","hostname":"ana"}`, "wrong_url"},
		{`{"url":"/Login","hostname":"ana"}`, "wrong_url"},
		{`{"url":"/login/","hostname":"ana"}`, "wrong_url"},
		{`{"url":"/login"}`, "bad_parameter"},
		{`{"url":"/login","hostname":""}`, "bad_parameter"},
		{`{"url":"/login","hostname":["ana"]}`, "bad_parameter"},
		{`{"url":"/login","hostname":"a\",\"time_stamp\":\""}`, "bad_parameter"},
		{`{"url":"/login","hostname":"joão"}`, "bad_parameter"},
		{`{"url":"/login","hostname":"` + strings.Repeat("a", router.MaxHostname+1) + `"}`, "bad_parameter"},
		{`{"url":"/get_file_data","token":"` + token + `"}`, "bad_parameter"},
		{`{"url":"/get_file_data","name":"other","token":"` + token + `"}`, "no_file"},
	} {
		client.refused(400, c.reason, "%s", c.request)
	}
	deep := strings.Repeat("[", router.MaxDepth-1) + strings.Repeat("]", router.MaxDepth-1)
	for _, request := range []string{
		`{"url":"/login","hostname":"` + strings.Repeat("a", router.MaxHostname) + `"}`,
		`{"url":"/login","hostname":"ana","x":` + deep + `}`,
	} {
		if answer := client.ask("%s", request); answer["code"] != 200.0 {
			t.Errorf("%s: %v", request, answer)
		}
	}
}

func TestAWrongTokenStopsTheRequest(t *testing.T) {
	server := newServer(t, shared(t, twoFiles))
	asked := 0
	server.Handle("/mine", func(context.Context, *kernel.Conn, *router.Request) (map[string]any, error) {
		asked++
		return map[string]any{"secret": secret}, nil
	})
	client := dialRaw(t, serving(t, server))
	for _, before := range []bool{true, false} {
		token := strings.Repeat("0", 64)
		if !before {
			token = client.login("ana-pc")
		}
		for _, wrong := range []string{
			`"x":0`, `"token":""`, `"token":null`, `"token":7`, `"token":["` + token + `"]`, `"token":"` + token[1:] + `"`, `"token":"` + token + `0"`,
			`"token":"` + strings.Repeat("0", 64) + `"`, `"token":"` + flipped(token) + `"`, `"Token":"` + token + `"`, `"token":"` + strings.Repeat("0", 1<<15) + `"`,
		} {
			for _, url := range []string{"/get_hashes", "/get_file_data", "/mine"} {
				client.refused(400, "wrong_token", `{"url":%q,"name":"notes.txt",%s}`, url, wrong)
			}
		}
	}
	client.CloseWrite()
	client.over() // nothing came after a refusal
	if asked != 0 {
		t.Errorf("the handler was asked %d times", asked)
	}
	if verb := server.Statistics().Verbs["/mine"]; verb.Errors != verb.Requests || verb.Errors == 0 {
		t.Errorf("counted: %+v", verb)
	}
}

func (r *raw) CloseWrite() { r.Conn.(*net.TCPConn).CloseWrite() }

// flipped returns the token with another last digit.
func flipped(token string) string {
	return token[:63] + map[bool]string{true: "1", false: "0"}[token[63] == '0']
}

// A distant conn comes from another address.
type distant struct {
	net.Conn
	address string
}

func (d distant) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(mustAddrPort(d.address))
}

// inMemory has the server serve one end of a pipe that comes from an address, and returns the other.
func inMemory(t *testing.T, server *router.Server, address string) *raw {
	t.Helper()
	client, end := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ServeConn(context.Background(), distant{end, address})
	}()
	r := rawOver(t, client)
	t.Cleanup(func() {
		client.Close()
		<-done
	})
	return r
}

func TestATokenIsGoodForTheAddressThatItWasGivenTo(t *testing.T) {
	server := newServer(t, shared(t, twoFiles))
	mine := inMemory(t, server, "192.0.2.1:1000")
	token := mine.login("ana-pc")
	mine.Close()
	for address, good := range map[string]bool{
		"192.0.2.1:2000": true, "[::ffff:192.0.2.1]:3000": true, "192.0.2.2:1000": false, "[2001:db8::1]:1000": false,
	} {
		client := inMemory(t, server, address)
		if answer := client.ask(`{"url":"/get_hashes","token":%q}`, token); (answer["code"] == 200.0) != good {
			t.Errorf("%s: %v", address, answer)
		}
		client.Close()
	}
}

func TestATokenEnds(t *testing.T) {
	server := newServer(t, shared(t, twoFiles))
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	server.Now = func() time.Time { return now } // it changes only while the server waits for the client
	server.TokenLifetime = 10 * time.Minute
	client := inMemory(t, server, "192.0.2.1:1000")
	token := client.login("ana-pc")
	for _, c := range []struct {
		later time.Duration
		good  bool
	}{{10*time.Minute - 1, true}, {1, false}, {-time.Minute, false}} {
		now = now.Add(c.later)
		if answer := client.ask(`{"url":"/get_hashes","token":%q}`, token); (answer["code"] == 200.0) != c.good {
			t.Errorf("after %v more: %v", c.later, answer)
		}
	}
}

func TestLoginsOfOneAddressEndNoTokenOfAnother(t *testing.T) {
	server := newServer(t, shared(t, nil))
	other := inMemory(t, server, "192.0.2.1:1000")
	kept := other.login("ana-pc")
	other.Close()
	flood := inMemory(t, server, "192.0.2.2:1000")
	var tokens []string
	for range 3 * router.MaxTokensOfAddr {
		tokens = append(tokens, flood.login("flood"))
	}
	for i, token := range tokens {
		answer := flood.ask(`{"url":"/get_hashes","token":%q}`, token)
		if good := i >= len(tokens)-router.MaxTokensOfAddr; (answer["code"] == 200.0) != good {
			t.Errorf("token %d: %v", i, answer)
		}
	}
	flood.Close()
	other = inMemory(t, server, "192.0.2.1:1000")
	if answer := other.ask(`{"url":"/get_hashes","token":%q}`, kept); answer["code"] != 200.0 {
		t.Errorf("the other's: %v", answer)
	}
}

func TestAnyURLCanBeGivenAHandlerAndTakenOne(t *testing.T) {
	server := newServer(t, shared(t, nil))
	server.Handle("/double", func(_ context.Context, _ *kernel.Conn, r *router.Request) (map[string]any, error) {
		text, err := r.Text("text")
		if err != nil {
			return nil, &router.Refusal{Reason: "no_text", Message: "text is wanted"}
		}
		return map[string]any{"twice": text + text, "code": 7}, nil
	})
	server.Handle(router.URLHashes, nil)
	client := dialRaw(t, serving(t, server))
	token := client.login("ana-pc")
	if answer := client.ask(`{"url":"/double","text":"<á>","token":%q}`, token); answer["twice"] != "<á><á>" || answer["code"] != 200.0 {
		t.Errorf("%v", answer)
	}
	client.refused(400, "no_text", `{"url":"/double","token":%q}`, token)
	client.refused(400, "wrong_token", `{"url":"/double","text":"a"}`)
	client.refused(400, "wrong_url", `{"url":"/get_hashes","token":%q}`, token)
	if got := server.URLs(); !slices.Equal(got, []string{"/login", "/get_file_data", "/double"}) {
		t.Errorf("urls: %v", got)
	}
}

func TestAFaultOfTheServersIs500AndNoMoreIsSaid(t *testing.T) {
	server := newServer(t, shared(t, nil))
	var log bytes.Buffer
	server.Log = slog.New(slog.NewTextHandler(&log, nil))
	for url, fault := range map[string]func() (map[string]any, error){
		"/panics": func() (map[string]any, error) { panic("the reason") },
		"/fails":  func() (map[string]any, error) { return nil, errors.New("the reason") },
		"/no_json": func() (map[string]any, error) {
			return map[string]any{"channel": make(chan int)}, nil
		},
	} {
		server.Handle(url, func(context.Context, *kernel.Conn, *router.Request) (map[string]any, error) { return fault() })
	}
	reported := make(chan kernel.RuntimeError, 3)
	server.OnRuntimeError(func(e kernel.RuntimeError) { reported <- e })
	client := dialRaw(t, serving(t, server))
	token := client.login("ana-pc")
	for _, url := range []string{"/panics", "/fails", "/no_json"} {
		answer := client.ask(`{"url":%q,"token":%q}`, url, token)
		client.refusal(answer, 500, "internal")
		if strings.Contains(fmt.Sprint(answer), "the reason") {
			t.Errorf("%s tells the client: %v", url, answer)
		}
		<-reported
	}
	client.Close()
	server.Stop()
	server.Wait()
	if n := server.Statistics().RuntimeErrors; n != 3 {
		t.Errorf("%d runtime errors", n)
	}
	if strings.Contains(log.String(), token) {
		t.Error("the token stands in the log")
	}
}

func TestASecondClientWaitsUntilTheFirstHasLeft(t *testing.T) {
	server := newServer(t, shared(t, nil))
	waiting := make(chan int, 10)
	server.OnWaiting(func(_ *kernel.Conn, ahead int) { waiting <- ahead })
	address := serving(t, server)
	first := dialRaw(t, address)
	first.login("first")
	order := make(chan string, 3)
	var queue []*raw
	for i, name := range []string{"second", "third", "fourth"} {
		client := dialRaw(t, address)
		queue = append(queue, client)
		client.send(`{"url":"/login","hostname":%q}`, name)
		if ahead := <-waiting; ahead != i+1 {
			t.Errorf("%s waits for %d", name, ahead)
		}
	}
	for i, client := range queue {
		go func() {
			client.hear()
			order <- []string{"second", "third", "fourth"}[i]
			client.Close()
		}()
	}
	first.login("again")
	if len(order) > 0 {
		t.Error("somebody was served meanwhile")
	}
	first.Close()
	for _, want := range []string{"second", "third", "fourth"} {
		if got := <-order; got != want {
			t.Errorf("served %s, want %s", got, want)
		}
	}
	dialRaw(t, address).login("fifth")
	dialRaw(t, address)
	if ahead := <-waiting; ahead != 1 {
		t.Errorf("then the next waits for %d", ahead)
	}
}

func TestWhoWaitsAndLeavesHoldsNobodyUp(t *testing.T) {
	server := newServer(t, shared(t, nil))
	waiting := make(chan int, 20)
	server.OnWaiting(func(_ *kernel.Conn, ahead int) { waiting <- ahead })
	address := serving(t, server)
	first := dialRaw(t, address)
	first.login("first")
	for range 10 {
		gone := dialRaw(t, address)
		<-waiting
		gone.Close()
	}
	last := dialRaw(t, address)
	<-waiting
	first.Close()
	last.login("last")
}

func TestAServerThatStopsEndsThoseWhoWaitToo(t *testing.T) {
	server := newServer(t, shared(t, nil))
	waiting := make(chan int, 1)
	server.OnWaiting(func(_ *kernel.Conn, ahead int) { waiting <- ahead })
	reached, release := make(chan struct{}), make(chan struct{})
	server.Handle("/slow", func(context.Context, *kernel.Conn, *router.Request) (map[string]any, error) {
		close(reached)
		<-release
		return map[string]any{"done": true}, nil
	})
	address := serving(t, server)
	first := dialRaw(t, address)
	token := first.login("first")
	first.send(`{"url":"/slow","token":%q}{"url":"/slow","token":%q}`, token, token)
	<-reached
	second := dialRaw(t, address)
	second.send(`{"url":"/login","hostname":"second"}`)
	<-waiting
	server.Stop()
	second.over()
	close(release)
	if answer := first.hear(); answer["done"] != true {
		t.Errorf("the request that ran: %v", answer)
	}
	first.over() // and not the next one
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAClientThatACallbackClosesIsNotAnswered(t *testing.T) {
	server := newServer(t, shared(t, nil))
	server.OnUnknownVerb(func(client *kernel.Conn) { client.Close() })
	closed := make(chan error, 2)
	server.OnClientClosed(func(client *kernel.Conn) { closed <- client.Err() })
	address := serving(t, server)
	client := dialRaw(t, address)
	client.send(`{"url":"/elsewhere"}`)
	client.over()
	if err := <-closed; !errors.Is(err, kernel.ErrDismissed) {
		t.Errorf("ended with %v", err)
	}
	if n := server.Statistics().RuntimeErrors; n != 0 {
		t.Errorf("%d runtime errors", n)
	}
	dialRaw(t, address).login("another")
}

func TestARestartKeepsTheAddressAndTheTokens(t *testing.T) {
	server := newServer(t, shared(t, nil))
	started := make(chan struct{}, 2)
	server.OnStarted(func() { started <- struct{}{} })
	address := serving(t, server)
	<-started
	client := dialRaw(t, address)
	token := client.login("ana-pc")
	client.Close()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	<-started
	if answer := dialRaw(t, address).ask(`{"url":"/get_hashes","token":%q}`, token); answer["code"] != 200.0 {
		t.Errorf("%v", answer)
	}
}

func TestARequestThatDoesNotBecomeWholeEndsInAnAnswer(t *testing.T) {
	ends := func(t *testing.T, address, text string, halfClose bool) {
		client := dialRaw(t, address)
		client.send("%s", text)
		if halfClose {
			client.CloseWrite()
		}
		client.refusal(client.hear(), 400, "bad_package")
		client.over()
	}
	server := newServer(t, shared(t, nil))
	server.MaxRequest = 1000
	var malformed []string
	server.OnMalformedRequest(func(_ *kernel.Conn, errs map[string]string) { malformed = append(malformed, errs[""]) })
	address := serving(t, server)
	for _, half := range []string{`{`, `{"url":"/login","hostname":"ana"`, `{"url":"/login`, `{"url":"/login\`, `  {"a":[`} {
		ends(t, address, half, true)
	}
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "[1]", `"{}"`, "}", "\x16\x03\x01\x02\x00\x01", "null", "\x00", "\xff\xfe{"} {
		ends(t, address, garbage, false)
	}
	for _, long := range []string{`{"url":"` + strings.Repeat("a", 1000), `{"a":"` + strings.Repeat("\\", 1<<16), `{"a":` + strings.Repeat(`[`, 1<<15)} {
		ends(t, address, long, false)
	}
	const frame = `{"url":"/login","hostname":"ana","x":""}`
	ofLength := func(n int) string { return strings.Replace(frame, `""`, `"`+strings.Repeat("x", n-len(frame))+`"`, 1) }
	ends(t, address, ofLength(1001), false)
	client := dialRaw(t, address) // one of just the greatest length, much space before it, and many at once
	client.send("%s", strings.Repeat(" ", 1<<16)+ofLength(1000)+strings.Repeat(frame, 500))
	for range 501 {
		if answer := client.hear(); answer["code"] != 200.0 {
			t.Fatal(answer)
		}
	}
	client.Close()
	server.Stop()
	server.Wait()
	if len(malformed) != 17 {
		t.Errorf("told of %d malformed requests: %q", len(malformed), malformed)
	}
}

func TestASlowClientIsSentAwayAndTheNextIsServed(t *testing.T) {
	server := newServer(t, shared(t, nil))
	synctest.Test(t, func(t *testing.T) {
		server.RequestTimeout, server.IdleTimeout = 10*time.Second, 20*time.Second
		began := time.Now()
		client, end := net.Pipe()
		ended := make(chan error)
		go func() { ended <- server.ServeConn(t.Context(), end) }()
		slow := rawOver(t, client)
		slow.send(`{"url":"/login",`)
		slow.send(`"hostname":"ana"}` + "\n")
		slow.hear()
		slow.send("\n") // space is no request that has begun
		time.Sleep(15 * time.Second)
		go func() {
			for {
				if _, err := client.Write([]byte("{")); err != nil {
					return
				}
				time.Sleep(3 * time.Second)
			}
		}()
		slow.refusal(slow.hear(), 400, "bad_package")
		go slow.Close()
		if err := <-ended; !errors.Is(err, kernel.ErrSlow) {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(began).Round(time.Second); took != 25*time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(5 * time.Second) // for the drip to notice
	})
	synctest.Test(t, func(t *testing.T) { // and who says nothing
		client, end := net.Pipe()
		defer client.Close()
		if err := newServer(t, shared(t, nil)).ServeConn(t.Context(), end); !errors.Is(err, kernel.ErrIdle) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestManyHostileClientsHurtNoOther(t *testing.T) {
	server := newServer(t, shared(t, twoFiles))
	address := serving(t, server)
	hostile := []string{"{", "garbage", `{"url":"/get_hashes"}`, `{"url":"/login","hostname":"a"}`, strings.Repeat("{", 1<<17), ""}
	for i := range 60 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte(hostile[i%len(hostile)]))
		conn.Close()
	}
	client := dialRaw(t, address)
	token := client.login("ana-pc")
	if answer := client.ask(`{"url":"/get_hashes","token":%q}`, token); answer["code"] != 200.0 {
		t.Errorf("%v", answer)
	}
	if n := server.Statistics().RuntimeErrors; n != 0 {
		t.Errorf("%d runtime errors", n)
	}
}

func TestTheServerListensOnThisMachineAloneUnlessItIsToldOtherwise(t *testing.T) {
	server := router.NewServer(nil)
	if server.Addr != "127.0.0.1:5050" {
		t.Errorf("on %s", server.Addr)
	}
	if got := server.URLs(); !slices.Equal(got, []string{"/login", "/get_hashes", "/get_file_data"}) {
		t.Errorf("it answers %q", got)
	}
}

func TestMessagesAreInTheServersLanguage(t *testing.T) {
	for lang, want := range map[string]string{"en": "there is no such url", "pt-BR": "não existe essa url"} {
		server := newServer(t, shared(t, nil))
		server.Lang = lang
		message, _ := dialRaw(t, serving(t, server)).ask(`{"url":"/x"}`)["message"].(string)
		if !strings.HasPrefix(message, want) {
			t.Errorf("%s: %q", lang, message)
		}
	}
}
