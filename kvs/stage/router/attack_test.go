package router_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/kvs/stage/router"
)

// A wiretap is someone on the path, who has only the bytes.
type wiretap struct {
	net.Conn
	heard *bytes.Buffer
}

func (w wiretap) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.heard.Write(b[:n])
	return n, err
}

func (w wiretap) Write(b []byte) (int, error) {
	w.heard.Write(b)
	return w.Conn.Write(b)
}

// tokenIn finds the token in what was heard.
func tokenIn(t *testing.T, heard []byte) string {
	t.Helper()
	_, after, found := strings.Cut(string(heard), `"token":"`)
	if !found || len(after) < 64 {
		t.Fatalf("no token was heard in %q", heard)
	}
	return after[:64]
}

func TestWhoHearsTheTokenUsesItOnAnotherConnection(t *testing.T) {
	address := serving(t, newServer(t, shared(t, twoFiles)))
	var heard bytes.Buffer
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ana := router.NewClient(wiretap{conn, &heard})
	if _, err := ana.Login(t.Context(), "ana-pc"); err != nil {
		t.Fatal(err)
	}
	ana.Close()
	eve := dialRaw(t, address)
	if answer := eve.ask(`{"url":"/get_file_data","name":"notes.txt","token":%q}`, tokenIn(t, heard.Bytes())); answer["data"] != "T2zDoSEK" {
		t.Errorf("replayed: %v", answer)
	}
}

// The original meant to encrypt all that follows with the token. Here two do so, with a
// cipher that nothing is wrong with.
func TestEncryptingWithTheTokenHidesNothingFromWhoHeardTheLogin(t *testing.T) {
	var heard bytes.Buffer
	address := serving(t, newServer(t, shared(t, nil)))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ana := router.NewClient(wiretap{conn, &heard})
	token, err := ana.Login(t.Context(), "ana-pc")
	if err != nil {
		t.Fatal(err)
	}
	ana.Close()
	var sealed [][]byte // what follows on the wire
	for _, text := range []string{`{"url":"/get_hashes"}`, `{"code":200,"hashes":{"notes.txt":"…"}}`} {
		nonce := make([]byte, 12)
		rand.Read(nonce)
		sealed = append(sealed, append(nonce, withToken(t, token).Seal(nil, nonce, []byte(text), nil)...))
	}

	key := withToken(t, tokenIn(t, heard.Bytes())) // all that Eve has is what was on the wire
	for _, message := range sealed {
		clear, err := key.Open(nil, message[:12], message[12:], nil)
		if err != nil || !json.Valid(clear) {
			t.Errorf("Eve reads %q, %v", clear, err)
		}
	}
}

// withToken is AES-256-GCM, whose key is the token.
func withToken(t *testing.T, token string) cipher.AEAD {
	t.Helper()
	key, err := hex.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// guesses are the tokens of a hostname that logged in from this host between two times, by the description of the claim.
func guesses(hostname string, from, to time.Time) (tokens []string) {
	for at := from.Truncate(time.Microsecond); !at.After(to); at = at.Add(time.Microsecond) {
		text := fmt.Sprintf(`{"ip":"127.0.0.1","hostname":"%s","time_stamp":"%s"}`, hostname, at.UTC().Format("2006-01-02 15:04:05.000000"))
		tokens = append(tokens, fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
	}
	return tokens
}

// loggedInAround has Eve log in before and after Ana, and tell from her own tokens what the server's
// clock said then. She is given Ana's hostname, and hears nothing.
func loggedInAround(t *testing.T, flawed bool) (address, anas string, from, to time.Time, found bool) {
	server := newServer(t, shared(t, twoFiles))
	server.Flawed = flawed
	clock := time.Now()
	server.Now = func() time.Time { // a server's clock is a little wrong, and goes on while others log in
		clock = clock.Add(700 * time.Microsecond)
		return clock.Add(21 * time.Millisecond)
	}
	address = serving(t, server)
	var tokens [3]string
	for i, hostname := range []string{"eve-pc", "ana-pc", "eve-pc"} {
		client := dialRaw(t, address)
		tokens[i] = client.login(hostname)
		client.Close()
	}
	hers := make(map[string]time.Time)
	start := clock.Add(-50 * time.Millisecond)
	for i, token := range guesses("eve-pc", start, start.Add(100*time.Millisecond)) {
		hers[token] = start.Truncate(time.Microsecond).Add(time.Duration(i) * time.Microsecond)
	}
	from, found = hers[tokens[0]]
	return address, tokens[1], from, hers[tokens[2]], found
}

func TestAFlawedTokenIsGuessedFromWhatIsKnown(t *testing.T) {
	address, anas, from, to, found := loggedInAround(t, true)
	if !found {
		t.Fatal("Eve does not find when she logged in herself")
	}
	eve := dialRaw(t, address)
	tried := 0
	for _, token := range guesses("ana-pc", from, to) {
		tried++
		if answer := eve.ask(`{"url":"/get_hashes","token":%q}`, token); answer["code"] == 200.0 {
			if token != anas {
				t.Errorf("%s is good and not Ana's", token)
			}
			t.Logf("found at the guess number %d", tried)
			return
		}
		eve.hear() // what a flawed server gives all the same
	}
	t.Errorf("not found among %d", tried)
}

func TestATokenOfTheDefaultServerIsNotFoundSo(t *testing.T) {
	if _, _, _, _, found := loggedInAround(t, false); found {
		t.Error("Eve finds when she logged in: there is nothing random in her token")
	}
}

func TestTwoLoginsOfTheSameMomentDiffer(t *testing.T) {
	for flawed, same := range map[bool]bool{true: true, false: false} {
		server := newServer(t, shared(t, nil))
		server.Flawed = flawed
		server.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
		client := dialRaw(t, serving(t, server))
		if one, two := client.login("ana-pc"), client.login("ana-pc"); (one == two) != same {
			t.Errorf("flawed %v: %s and %s", flawed, one, two)
		}
	}
}

func TestAFlawedServerRefusesAndThenGivesTheDataAllTheSame(t *testing.T) {
	server := newServer(t, shared(t, twoFiles))
	server.Flawed = true
	client := dialRaw(t, serving(t, server))
	label := func(answer map[string]any) {
		t.Helper()
		if text, _ := answer["flawed"].(string); text == "" || text != server.Notice() {
			t.Errorf("not labelled: %v", answer)
		}
		delete(answer, "flawed")
	}
	for _, token := range []string{`,"token":"0000"`, ``} {
		first := client.ask(`{"url":"/get_file_data","name":"notes.txt"%s}`, token)
		label(first)
		client.refusal(first, 400, "wrong_token")
		second := client.hear()
		label(second)
		if second["code"] != 200.0 || second["data"] != "T2zDoSEK" {
			t.Errorf("the data all the same: %v", second)
		}
	}
	client.ask(`{"url":"/get_file_data","name":"elsewhere"}`)
	second := client.hear()
	label(second)
	client.refusal(second, 400, "no_file")
	for _, request := range []string{`{"url":"/login","hostname":"ana"}`, `{"url":"/elsewhere"}`, `{"'`} {
		client.send("%s", request)
		if strings.Contains(request, "'") {
			client.CloseWrite()
		}
		label(client.hear())
	}
	client.over()
}

func TestAServerIsNotFlawedUnlessItIsAskedToBe(t *testing.T) {
	server := newServer(t, shared(t, nil))
	if server.Notice() != "" {
		t.Error(server.Notice())
	}
	if answer := dialRaw(t, serving(t, server)).ask(`{"url":"/login","hostname":"ana"}`); answer["flawed"] != nil || len(answer) != 2 {
		t.Errorf("%v", answer)
	}
}

func TestATokenCanBeMadeByHand(t *testing.T) {
	claim := router.Claim{IP: mustAddrPort("127.0.0.1:1").Addr(), Hostname: "hacknet-fedoralinux", Time: time.Date(2022, 8, 26, 12, 9, 22, 563332000, time.UTC)}
	text := `{"ip":"127.0.0.1","hostname":"hacknet-fedoralinux","time_stamp":"2022-08-26 12:09:22.563332"}`
	if claim.Text() != text {
		t.Errorf("the text is %s", claim.Text())
	}
	if claim.Token() != hexSum(text) {
		t.Errorf("the token is %s", claim.Token())
	}
	claim.Nonce = []byte{0xab, 0x01}
	claim.Time = claim.Time.In(time.FixedZone("", -3*60*60)).Add(667 * time.Nanosecond)
	if want := strings.TrimSuffix(text, "}") + `,"nonce":"ab01"}`; claim.Text() != want {
		t.Errorf("with a nonce the text is %s", claim.Text())
	}
	sum, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("sha256sum is not there")
	}
	command := exec.CommandContext(context.Background(), sum)
	command.Stdin = strings.NewReader(claim.Text())
	out, err := command.Output()
	if got, _, _ := strings.Cut(string(out), " "); err != nil || got != claim.Token() {
		t.Errorf("sha256sum says %q, %v", out, err)
	}
}
