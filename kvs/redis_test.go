package kvs_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
	"example.com/tlslab/testdata/needs"
)

// conversations are requests in their order, of one connection each, and what Redis 7.0 answers to them in version 2. An
// answer that ends with … is the beginning of the real one.
var conversations = []struct{ request, answer string }{
	{"PING", "+PONG"},
	{"ping hi", "$2|hi"},
	{"PING a b", "-ERR wrong number of arguments for 'ping' command"},
	{"ECHO hello", "$5|hello"},
	{"ECHO", "-ERR wrong number of arguments for 'echo' command"},
	{"GET k", "$-1"},
	{"SET k v", "+OK"},
	{"get k", "$1|v"},
	{"GeT k", "$1|v"},
	{"GET", "-ERR wrong number of arguments for 'get' command"},
	{"GET a b", "-ERR wrong number of arguments for 'get' command"},
	{"SET k", "-ERR wrong number of arguments for 'set' command"},
	{"SET k w NX", "$-1"},
	{"SET k w NX GET", "$1|v"},
	{"SET k w XX GET", "$1|v"},
	{"SET new w XX", "$-1"},
	{"SET new w XX GET", "$-1"},
	{"SET new w NX GET", "$-1"},
	{"GET new", "$1|w"},
	{"SET k w NX XX", "-ERR syntax error"},
	{"SET k w EX", "-ERR syntax error"},
	{"SET k w BAD", "-ERR syntax error"},
	{"SET k w EX 10 PX 10", "-ERR syntax error"},
	{"SET k w EX 10 KEEPTTL", "-ERR syntax error"},
	{"SET k w KEEPTTL EX 10", "-ERR syntax error"},
	{"SET k w EX ten", "-ERR value is not an integer or out of range"},
	{"SET k w EX 0", "-ERR invalid expire time in 'set' command"},
	{"SET k w EX -1", "-ERR invalid expire time in 'set' command"},
	{"SET k w EX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
	{"SET k w PX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
	{"SET k w EX 9223372036854775808", "-ERR value is not an integer or out of range"},
	{"SET k w ex 100", "+OK"},
	{"TTL k", ":100"},
	{"SET k x KEEPTTL", "+OK"},
	{"TTL k", ":100"},
	{"SET k x", "+OK"},
	{"TTL k", ":-1"},
	{"TTL missing", ":-2"},
	{"SET k x PX 5000", "+OK"},
	{"TTL k", ":5"},
	{"SET k x EXAT 1", "+OK"},
	{"GET k", "$-1"},
	{"SET k x PXAT 4102444800000 GET", "$-1"},
	{"EXISTS k", ":1"},
	{"EXISTS k k missing new", ":3"},
	{"DEL k k missing", ":1"},
	{"DEL", "-ERR wrong number of arguments for 'del' command"},
	{"INCR n", ":1"},
	{"INCR n", ":2"},
	{"GET n", "$1|2"},
	{"SET n abc", "+OK"},
	{"INCR n", "-ERR value is not an integer or out of range"},
	{"SET n 007", "+OK"},
	{"INCR n", "-ERR value is not an integer or out of range"},
	{"SET n +1", "+OK"},
	{"INCR n", "-ERR value is not an integer or out of range"},
	{"SET n -0", "+OK"},
	{"INCR n", "-ERR value is not an integer or out of range"},
	{"SET n -9223372036854775808", "+OK"},
	{"INCR n", ":-9223372036854775807"},
	{"SET n 9223372036854775807", "+OK"},
	{"INCR n", "-ERR increment or decrement would overflow"},
	{"GET n", "$19|9223372036854775807"},
	{"SET n -1 EX 50", "+OK"},
	{"SET n -1 EX 5000 EX 50", "+OK"}, // the last one counts
	{"SET n -1 PX 5000 EX 50", "-ERR syntax error"},
	{"INCR n", ":0"},
	{"TTL n", ":50"},
	{"EXPIRE missing 10", ":0"},
	{"EXPIRE n 100", ":1"},
	{"TTL n", ":100"},
	{"EXPIRE n 50 GT", ":0"},
	{"EXPIRE n 50 LT", ":1"},
	{"EXPIRE n 50 NX", ":0"},
	{"EXPIRE n 70 XX", ":1"},
	{"EXPIRE n 80 XX GT", ":1"},
	{"EXPIRE new 10 GT", ":0"},
	{"EXPIRE new 10 XX", ":0"},
	{"EXPIRE new 10 LT", ":1"},
	{"EXPIRE n 10 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible"},
	{"EXPIRE n 10 GT LT", "-ERR GT and LT options at the same time are not compatible"},
	{"EXPIRE n 10 BAD", "-ERR Unsupported option BAD"},
	{"EXPIRE n ten", "-ERR value is not an integer or out of range"},
	{"EXPIRE n 9223372036854775807", "-ERR invalid expire time in 'expire' command"},
	{"EXPIRE n -9223372036854775807", "-ERR invalid expire time in 'expire' command"},
	{"EXPIRE n", "-ERR wrong number of arguments for 'expire' command"},
	{"EXPIRE n -1", ":1"},
	{"EXISTS n", ":0"},
	{"EXPIRE new 0", ":1"},
	{"DBSIZE", ":0"},
	{"MSET a 1 b 2 a 3", "+OK"},
	{"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"},
	{"MSET a", "-ERR wrong number of arguments for 'mset' command"},
	{"MGET a missing b", "*3|$1|3|$-1|$1|2"},
	{"MGET", "-ERR wrong number of arguments for 'mget' command"},
	{"DBSIZE", ":2"},
	{"DBSIZE x", "-ERR wrong number of arguments for 'dbsize' command"},
	{"KEYS a*", "*1|$1|a"},
	{"KEYS [^a]", "*1|$1|b"},
	{"KEYS none", "*0"},
	{"KEYS \\a", "*1|$1|a"},
	{"KEYS [b-z]*", "*1|$1|b"},
	{"KEYS [z-b]", "*1|$1|b"},
	{"KEYS *a*", "*1|$1|a"},
	{"KEYS [a", "*1|$1|a"},
	{"KEYS [", "*0"},
	{"KEYS []", "*0"},
	{"KEYS ??", "*0"},
	{"KEYS a\\", "*0"},
	{"KEYS *a**", "*1|$1|a"},
	{"KEYS [a-", "*1|$1|a"},
	{"DEL a", ":1"},
	{"KEYS *", "*1|$1|b"},
	{"SCAN 0", "*2|$1|0|*1|$1|b"},
	{"SCAN 0 MATCH b* COUNT 100", "*2|$1|0|*1|$1|b"},
	{"SCAN 0 MATCH c", "*2|$1|0|*0"},
	{"SCAN 0 TYPE string", "*2|$1|0|*1|$1|b"},
	{"SCAN 0 TYPE hash", "*2|$1|0|*0"},
	{"SCAN zero", "-ERR invalid cursor"},
	{"SCAN 0 COUNT 0", "-ERR syntax error"},
	{"SCAN 0 COUNT x", "-ERR value is not an integer or out of range"},
	{"SCAN 0 COUNT", "-ERR syntax error"},
	{"SCAN 0 BAD x", "-ERR syntax error"},
	{"SELECT 0", "+OK"},
	{"SELECT x", "-ERR value is not an integer or out of range"},
	{"SELECT 16", "-ERR DB index is out of range"},
	{"SELECT -1", "-ERR DB index is out of range"},
	{"AUTH secret", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"},
	{"AUTH default secret", "+OK"},
	{"AUTH someone secret", "-WRONGPASS invalid username-password pair or user is disabled."},
	{"AUTH a b c", "-ERR syntax error"},
	{"AUTH", "-ERR wrong number of arguments for 'auth' command"},
	{"CLIENT GETNAME", "$-1"},
	{"CLIENT SETNAME ana", "+OK"},
	{"CLIENT GETNAME", "$3|ana"},
	{"CLIENT SETNAME \xe3\xa9", "-ERR Client names cannot contain spaces, newlines or special characters."},
	{"CLIENT SETNAME", "-ERR wrong number of arguments for 'client|setname' command"},
	{"CLIENT", "-ERR wrong number of arguments for 'client' command"},
	{"CLIENT NOTHING", "-ERR unknown subcommand 'NOTHING'. Try CLIENT HELP."},
	{"COMMAND NOTHING", "-ERR unknown subcommand 'NOTHING'. Try COMMAND HELP."},
	{"COMMAND COUNT x", "-ERR wrong number of arguments for 'command|count' command"},
	{"COMMAND INFO nothing", "*1|$-1"},
	{"COMMAND DOCS nothing", "*0"},
	{"nothing", "-ERR unknown command 'nothing', with args beginning with: "},
	{"nothing a b", "-ERR unknown command 'nothing', with args beginning with: 'a' 'b' "},
	{"HELLO 1", "-NOPROTO unsupported protocol version"},
	{"HELLO 4", "-NOPROTO unsupported protocol version"},
	{"HELLO x", "-ERR Protocol version is not an integer or out of range"},
	{"HELLO 3 BAD", "-ERR Syntax error in HELLO option 'BAD'"},
	{"HELLO 3 AUTH a b", "-WRONGPASS invalid username-password pair or user is disabled."},
	{"HELLO 2 AUTH default x SETNAME eva", "*14|$6|server|$5|redis|$7|version…"},
	{"CLIENT GETNAME", "$3|eva"},
	{"HELLO 3", "%7|$6|server|$5|redis|$7|version…"},
	{"GET missing", "_"},
	{"MGET missing", "*1|_"},
	{"COMMAND INFO nothing", "*1|_"},
	{"COMMAND DOCS nothing", "%0"},
	{"PING", "+PONG"},
	{"INFO nothing", "=4|txt:|"},
	{"QUIT", "+OK"},
}

// talk asks in RESP and returns an answer with its line ends as bars.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func encode(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b.String()
}

func (c *talk) ask(words ...string) string {
	c.t.Helper()
	_, err := io.WriteString(c.conn, encode(words...))
	check(c.t, err)
	return c.answer()
}

func (c *talk) answer() string {
	c.t.Helper()
	var b strings.Builder
	check(c.t, readAnswer(c.in, &b))
	return strings.TrimSuffix(b.String(), "|")
}

// readAnswer is a second reading of the protocol, apart from the server's.
func readAnswer(in *bufio.Reader, b *strings.Builder) error {
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasSuffix(line, "\r\n") || len(line) < 3 {
		return fmt.Errorf("not a line of RESP: %q", line)
	}
	line = strings.TrimSuffix(line, "\r\n")
	b.WriteString(line + "|")
	n, err := strconv.Atoi(line[1:])
	switch line[0] {
	case '+', '-', '_':
		return nil
	case ':':
		return err
	case '$', '=':
		if n < 0 || err != nil {
			return err
		}
		value := make([]byte, n+2)
		if _, err := io.ReadFull(in, value); err != nil {
			return err
		}
		if !bytes.HasSuffix(value, []byte("\r\n")) {
			return fmt.Errorf("a bulk string does not end: %q", value)
		}
		b.WriteString(string(value[:n]) + "|")
		return nil
	case '%':
		n *= 2
		fallthrough
	case '*', '~':
		for range n {
			if err := readAnswer(in, b); err != nil {
				return err
			}
		}
		return err
	}
	return fmt.Errorf("not a type of RESP: %q", line)
}

// patience is how long a test waits for what must come, or talks. It is long since tests share their machine.
const patience = 2 * time.Minute

func newTalk(t *testing.T, conn net.Conn) *talk {
	conn.SetDeadline(time.Now().Add(patience))
	return &talk{t, conn, bufio.NewReader(conn)}
}

func dialRESP(t *testing.T, s *kvs.Server, change ...func(*kernel.Server)) *talk {
	t.Helper()
	return newTalk(t, newLab(t, s, change...).dial())
}

func converse(c *talk) {
	for _, line := range conversations {
		got := c.ask(strings.Split(line.request, " ")...)
		if begin, cut := strings.CutSuffix(line.answer, "…"); cut && strings.HasPrefix(got, begin) {
			continue
		}
		if got != strings.TrimSuffix(line.answer, "|") {
			c.t.Errorf("%s: got %q, want %q", line.request, got, line.answer)
		}
	}
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || err != nil {
		c.t.Errorf("after QUIT: %q, %v", rest, err)
	}
}

func TestEachCommandOfRedisIsAnsweredAsRedisDoes(t *testing.T) {
	t.Run("memory", func(t *testing.T) { converse(dialRESP(t, &kvs.Server{Store: new(store.Memory)})) })
	t.Run("file", func(t *testing.T) {
		file, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{Sync: store.Interval})
		check(t, err)
		t.Cleanup(func() { file.Close() })
		converse(dialRESP(t, &kvs.Server{Store: file}))
	})
}

// The table above is what Redis says, not what we think that it says. Debian's package redis-tools has the server in it, under
// the name of a tool that it is besides.
func TestRedisItselfAnswersAsTheTableHasIt(t *testing.T) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		server = needs.Program(t, "redis-check-rdb")
	}
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, server)
	command.Args = []string{"redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", t.TempDir()}
	check(t, command.Start())
	t.Cleanup(func() {
		cancel()
		command.Wait()
	})
	var conn net.Conn
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // it does not say when it listens
		if conn, err = net.Dial("unix", socket); err == nil || time.Now().After(end) {
			break
		}
	}
	check(t, err)
	defer conn.Close()
	converse(newTalk(t, conn))
}

func TestBytesOfAnyKindGoThroughUnchanged(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	key, value := "\x00\r\n*1\r\n", "\xff\r\n$-1\r\n\x1b[2J"
	if got := c.ask("SET", key, value); got != "+OK" {
		t.Fatal(got)
	}
	if got, want := c.ask("GET", key), fmt.Sprintf("$%d|%s", len(value), value); got != want {
		t.Errorf("got %q", got)
	}
	if got := c.ask("SET", "", ""); got != "+OK" {
		t.Error(got)
	}
	if got := c.ask("GET", ""); got != "$0|" {
		t.Errorf("got %q", got)
	}
}

func TestAnErrorHasNoControlCharacterOfTheClientsInIt(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	hostile := "\x1b]52;c;aGk=\a\r\n+OK\r\n\u202e\x9b"
	for _, words := range [][]string{
		{hostile},
		{"nothing", hostile},
		{"EXPIRE", "k", "1", hostile},
		{"CLIENT", hostile},
		{"COMMAND", hostile},
		{"HELLO", "3", hostile},
		{"CLIENT", "SETINFO", hostile, "x"},
		{"CLIENT", "SETINFO", "lib-name", hostile},
	} {
		answer := c.ask(words...)
		if !strings.HasPrefix(answer, "-ERR ") || len(answer) > 600 {
			t.Errorf("%q: %q", words, answer)
		}
		wantSafe(t, answer)
	}
	if got := c.ask("PING"); got != "+PONG" {
		t.Errorf("out of step: %q", got)
	}
}

// It is what redis-benchmark begins with.
func TestALineThatIsPINGAndEndsAsRedisEndsLinesIsAnsweredAsRedisDoes(t *testing.T) {
	conn := newLab(t, &kvs.Server{Store: new(store.Memory)}).dial()
	io.WriteString(conn, "PING\r\nPING\r\ncreate a 1\r\nPING\nping\r\nPING x\r\n PING\r\nPING\r\n")
	conn.CloseWrite()
	all, err := io.ReadAll(conn)
	check(t, err)
	answers := strings.SplitAfter(string(all), "\n")
	for i, want := range []string{"+PONG\r\n", "+PONG\r\n", "Ok\n", "Error: ", "Error: ", "Error: ", "Error: ", "+PONG\r\n", ""} {
		if i >= len(answers) || !strings.HasPrefix(answers[i], want) {
			t.Fatalf("%d: want %q, got %q", i, want, answers)
		}
	}
	access := &kvs.Access{Certificates: true}
	conn = newLab(t, &kvs.Server{Store: new(store.Memory), Access: access}).dial()
	io.WriteString(conn, "PING\r\n")
	conn.CloseWrite()
	if all, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(all), "-NOAUTH ") {
		t.Errorf("without a role: %q, %v", all, err)
	}
}

func TestWhatIsNotRESPIsAnsweredWithAnErrorAndTheEnd(t *testing.T) {
	for request, want := range map[string]string{
		"*1\r\n:1\r\n":                   "expected '$', got ':'",
		"*1\r\n\x1bx\r\n":                `expected '$', got '\x1b'`,
		"*1\r\n$4\r\nPING\r\nPING\r\n":   "expected '*', got 'P'",
		"*x\r\n":                         "invalid multibulk length",
		"*1\n":                           "invalid multibulk length",
		"*01\r\n":                        "invalid multibulk length",
		"*1000000\r\n":                   "invalid multibulk length",
		"*9223372036854775807\r\n":       "invalid multibulk length",
		"*" + strings.Repeat("1", 10000): "invalid multibulk length",
		"*1\r\n$-1\r\n":                  "invalid bulk length",
		"*1\r\n$x\r\n":                   "invalid bulk length",
		"*1\r\n$1001\r\n":                "invalid bulk length",
		"*1\r\n$4\r\nPINGxx":             "a bulk string does not end where its length says",
		"*2\r\n$600\r\n" + strings.Repeat("x", 600) + "\r\n$600\r\n": "the request is longer than 1000 bytes",
	} {
		conn := newLab(t, &kvs.Server{Store: new(store.Memory)}, limit(1000)).dial()
		io.WriteString(conn, request)
		conn.CloseWrite()
		all, err := io.ReadAll(conn)
		answer := strings.TrimPrefix(string(all), "+PONG\r\n")
		if err != nil || answer != "-ERR Protocol error: "+want+"\r\n" {
			t.Errorf("%.40q: got %q, %v", request, all, err)
		}
	}
}

func TestARequestOfExactlyTheLimitIsAnswered(t *testing.T) {
	head := "*2\r\n$4\r\nECHO\r\n$80\r\n"
	request := head + strings.Repeat("x", 80) + "\r\n"
	for size, want := range map[int]string{len(request): "$80|" + strings.Repeat("x", 80), len(request) - 1: "-ERR Protocol error: the request is longer than 100 bytes"} {
		c := dialRESP(t, &kvs.Server{Store: new(store.Memory)}, limit(size))
		io.WriteString(c.conn, request)
		if got := c.answer(); got != want {
			t.Errorf("%d: got %q", size, got)
		}
	}
}

func TestEmptyRequestsAreNotAnswered(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	io.WriteString(c.conn, "*0\r\n*-1\r\n"+encode("PING"))
	if got := c.answer(); got != "+PONG" {
		t.Error(got)
	}
}

func TestHalfARequestInRESPIsNotCarriedOut(t *testing.T) {
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	conn := l.dial()
	set := encode("SET", "k", "v")
	io.WriteString(conn, set+encode("DEL", "k")[:12])
	conn.CloseWrite()
	if all, err := io.ReadAll(conn); string(all) != "+OK\r\n" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
	if got := newTalk(t, l.dial()).ask("GET", "k"); got != "$1|v" {
		t.Error(got)
	}
}

func TestARequestMayComeByteByByte(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	for _, b := range []byte(encode("ECHO", "hello")) {
		_, err := c.conn.Write([]byte{b})
		check(t, err)
	}
	if got := c.answer(); got != "$5|hello" {
		t.Error(got)
	}
}

// countedWrites counts how often a server writes.
type countedWrites struct {
	net.Conn
	n int
}

func (c *countedWrites) Write(p []byte) (int, error) {
	c.n++
	return c.Conn.Write(p)
}

func TestAnswersToRequestsThatComeTogetherGoTogether(t *testing.T) {
	client, end := net.Pipe()
	server := &countedWrites{Conn: end}
	done := make(chan error)
	go func() {
		k := &kernel.Server{Handler: &kvs.Server{Store: new(store.Memory)}}
		done <- k.ServeConn(context.Background(), server)
	}()
	c := newTalk(t, client)
	_, err := io.WriteString(client, strings.Repeat(encode("INCR", "n"), 16))
	check(t, err)
	for i := range 16 {
		if got, want := c.answer(), fmt.Sprintf(":%d", i+1); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	client.Close()
	<-done
	if server.n != 1 {
		t.Errorf("16 answers took %d writes", server.n)
	}
}

func TestIncrementsOfManyClientsAllCount(t *testing.T) {
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	var clients sync.WaitGroup
	for range 8 {
		c := newTalk(t, l.dial())
		clients.Go(func() {
			for range 100 {
				io.WriteString(c.conn, encode("INCR", "n"))
				var b strings.Builder
				if err := readAnswer(c.in, &b); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	if got := newTalk(t, l.dial()).ask("GET", "n"); got != "$3|800" {
		t.Error(got)
	}
}

func TestScanFindsOnceWhatIsThereAllTheWhile(t *testing.T) {
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	c := newTalk(t, l.dial())
	for i := range 100 {
		c.ask("MSET", fmt.Sprintf("stays%02d", i), "v", fmt.Sprintf("goes%02d", i), "v")
	}
	seen := map[string]int{}
	cursor := "0"
	for round := 0; ; round++ {
		// From another connection each time, as a pool of connections does it.
		answer := strings.Split(newTalk(t, l.dial()).ask("SCAN", cursor, "COUNT", "7"), "|")
		cursor = answer[2]
		for i := 5; i < len(answer); i += 2 {
			seen[answer[i]]++
		}
		if cursor == "0" {
			break
		}
		c.ask("DEL", fmt.Sprintf("goes%02d", round), fmt.Sprintf("goes%02d", 99-round))
		c.ask("SET", fmt.Sprintf("comes%02d", round), "v")
	}
	for i := range 100 {
		if n := seen[fmt.Sprintf("stays%02d", i)]; n != 1 {
			t.Errorf("key %d was found %d times", i, n)
		}
	}
}

func TestACursorThatWasNeverGivenOutIsRefused(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	for _, cursor := range []string{"1", "18446744073709551615", "18446744073709551616", "-1", ""} {
		if got := c.ask("SCAN", cursor); got != "-ERR invalid cursor" {
			t.Errorf("%q: %s", cursor, got)
		}
	}
}

func TestAnAnswerInRESPThatWouldBeTooLongIsAnError(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory), AnswerLimit: 100})
	c.ask("SET", strings.Repeat("k", 50), strings.Repeat("v", 50))
	c.ask("SET", strings.Repeat("l", 50), "")
	for _, request := range [][]string{{"MGET", strings.Repeat("k", 50), strings.Repeat("k", 50)}, {"KEYS", "*"}, {"SCAN", "0"}} {
		if got := c.ask(request...); !strings.HasPrefix(got, "-ERR the answer would be longer than 100 bytes") {
			t.Errorf("%s: %q", request[0], got)
		}
	}
	if got := c.ask("PING"); got != "+PONG" {
		t.Error(got)
	}
}

func TestAPatternMadeToTakeForEverIsRefused(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	c.ask("SET", strings.Repeat("a", 30_000), "")
	for _, pattern := range []string{"*" + strings.Repeat("a", 15_000) + "b", "*[" + strings.Repeat("b", 29_000) + "]"} {
		if got := c.ask("KEYS", pattern); got != "-ERR the pattern takes too many steps; write a simpler one" {
			t.Errorf("KEYS %.5s: %.80s", pattern, got)
		}
		if got := c.ask("SCAN", "0", "MATCH", pattern); got != "-ERR the pattern takes too many steps; write a simpler one" {
			t.Errorf("SCAN %.5s: %.80s", pattern, got)
		}
	}
}

func TestAStoreThatIsFullSaysSoToClientsOfRedisAndKeepsNothingOfAnMSET(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: &store.Memory{Limit: 2 * store.PairOverhead}})
	if got := c.ask("MSET", "a", "1", "b", "2"); !strings.HasPrefix(got, "-OOM ") {
		t.Error(got)
	}
	if got := c.ask("EXISTS", "a", "b"); got != ":0" {
		t.Error(got)
	}
	if got := c.ask("SET", strings.Repeat("k", store.MaxKey+1), ""); !strings.HasPrefix(got, "-ERR too large") {
		t.Error(got)
	}
}

func TestAStoreThatFailsIsToldToTheOperatorAlone(t *testing.T) {
	closed := new(store.Memory)
	closed.Close()
	var told []error
	c := dialRESP(t, &kvs.Server{Store: closed}, func(k *kernel.Server) {
		k.OnRuntimeError(func(e kernel.RuntimeError) { told = append(told, e.Err) })
	})
	if got := c.ask("GET", "k"); !strings.HasPrefix(got, "-ERR the store failed") {
		t.Error(got)
	}
	if len(told) != 1 {
		t.Errorf("told %v", told)
	}
}

func TestLinesAndRESPShareTheStoreAndKeepToTheirProtocol(t *testing.T) {
	l := newLab(t, &kvs.Server{Store: new(store.Memory)})
	c := newTalk(t, l.dial())
	c.ask("SET", "nome", "ana")
	client := kvs.NewClient(l.dial())
	if got, err := client.Read(t.Context(), []byte("nome")); string(got) != "ana" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	check(t, client.Update(t.Context(), []byte("nome"), []byte("eva")))
	if got := c.ask("GET", "nome"); got != "$3|eva" {
		t.Error(got)
	}
	// The first byte decides, and later ones do not.
	if answer, err := client.Do(t.Context(), "*1"); err == nil || !strings.HasPrefix(err.Error(), "Error: '*1' was not understood") {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestALibraryMaySayWhatItIs(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	for _, line := range []struct{ request, answer string }{
		{"CLIENT SETINFO LIB-NAME redis-py", "+OK"},
		{"CLIENT SETINFO lib-ver 5.0", "+OK"},
		{"CLIENT SETINFO lib-color red", "-ERR Unrecognized option 'lib-color'"},
		{"CLIENT SETINFO lib-name", "-ERR wrong number of arguments for 'client|setinfo' command"},
	} {
		if got := c.ask(strings.Split(line.request, " ")...); got != line.answer {
			t.Errorf("%s: got %q", line.request, got)
		}
	}
	if got := c.ask("CLIENT", "INFO"); !strings.Contains(got, " lib-name=redis-py lib-ver=5.0\n") {
		t.Error(got)
	}
}

func TestEveryCommandTellsOfItself(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	names := strings.Split(c.ask("COMMAND", "LIST"), "|")
	count := strings.TrimPrefix(c.ask("COMMAND", "COUNT"), ":")
	if names[0] != "*"+count {
		t.Errorf("%s names, and the count is %s", names[0], count)
	}
	for i := 2; i < len(names); i += 2 {
		if got := c.ask("COMMAND", "INFO", names[i]); !strings.HasPrefix(got, fmt.Sprintf("*1|*10|$%d|%s|:", len(names[i]), names[i])) {
			t.Errorf("%s: %q", names[i], got)
		}
		if got := c.ask("COMMAND", "DOCS", names[i]); !strings.Contains(got, "|summary|") {
			t.Errorf("%s: %q", names[i], got)
		}
		if got := c.ask(names[i], "1", "2", "3", "4", "5", "6", "7"); strings.HasPrefix(got, "-ERR unknown command") {
			t.Errorf("%s: %q", names[i], got)
		}
		if names[i] == "quit" {
			break
		}
	}
}

func TestInfoHasWhatWasAskedFor(t *testing.T) {
	c := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
	c.ask("SET", "k", "v")
	all, part := c.ask("INFO"), c.ask("INFO", "keyspace", "clients")
	for _, want := range []string{"# Server\r\nredis_version:7.0.0\r\n", "\r\n# Clients\r\nconnected_clients:1\r\n", "# Keyspace\r\ndb0:keys=1\r\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %q", want, all)
		}
	}
	if !strings.HasSuffix(part, "|# Clients\r\nconnected_clients:1\r\n\r\n# Keyspace\r\ndb0:keys=1\r\n") {
		t.Errorf("%q", part)
	}
}

func FuzzEveryRequestInRESPIsAnsweredInRESP(f *testing.F) {
	f.Add([]byte(encode("SET", "k", "v") + encode("GET", "k") + encode("HELLO", "3") + encode("MGET", "k", "l")))
	f.Add([]byte("*1\r\n$4\r\nPI"))
	f.Add([]byte("*2\r\n$4\r\nSCAN\r\n$1\r\n0\r\n*0\r\nGET k\r\n"))
	f.Add([]byte(encode("KEYS", "[a-\\]*?[^x") + encode("COMMAND") + encode("CLIENT", "INFO") + encode("INFO")))
	f.Add([]byte(encode("EXPIRE", "k", "-1", "LT") + encode("SET", "k", "1", "PX", "10", "GET") + encode("QUIT")))
	f.Fuzz(func(t *testing.T, input []byte) {
		conn := newScript(input)
		k := &kernel.Server{Handler: &kvs.Server{Store: &store.Memory{Limit: 1 << 16}}, MaxRequest: 1 << 12}
		k.ServeConn(context.Background(), conn)
		answers := bufio.NewReader(&conn.out)
		for {
			var b strings.Builder
			err := readAnswer(answers, &b)
			if err == io.EOF && b.Len() == 0 {
				return
			}
			if err != nil {
				t.Fatalf("%q is answered %q: %v", input, b.String(), err)
			}
			if strings.HasPrefix(b.String(), "-") {
				wantSafe(t, strings.TrimSuffix(b.String(), "|"))
			}
		}
	})
}

// script is a client that says what it has to say, and then no more.
type script struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func newScript(input []byte) *script {
	_, server := net.Pipe() // for addresses and deadlines
	return &script{Conn: server, in: bytes.NewReader(append([]byte(encode("PING")), input...))}
}

func (s *script) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error) { return s.out.Write(p) }

func TestACountAndAKeptExpiryBeginAnewOnceTheKeyHasExpired(t *testing.T) {
	for _, kind := range []string{"memory", "file"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pairs := store.Store(new(store.Memory))
				if kind == "file" {
					file, err := store.Open(filepath.Join(t.TempDir(), "pairs.db"), store.Options{})
					check(t, err)
					pairs = file
				}
				t.Cleanup(func() { pairs.Close() })
				conn := newTalk(t, dialPipe(t, &kvs.Server{Store: pairs}).conn)
				conn.ask("SET", "swept", "", "PX", "1")
				time.Sleep(time.Millisecond)
				synctest.Wait() // the next sweep is not at once
				for _, key := range []string{"n", "k"} {
					conn.ask("SET", key, "5", "PX", "1")
				}
				time.Sleep(time.Millisecond)
				for _, exchange := range []struct{ request, answer string }{
					{"INCR n", ":1"},
					{"GET n", "$1|1"},
					{"TTL n", ":-1"},
					{"SET k new KEEPTTL", "+OK"},
					{"GET k", "$3|new"},
					{"TTL k", ":-1"},
					{"DBSIZE", ":2"},
				} {
					if got := conn.ask(strings.Fields(exchange.request)...); got != exchange.answer {
						t.Errorf("%s is answered %s, want %s", exchange.request, got, exchange.answer)
					}
				}
			})
		})
	}
}
