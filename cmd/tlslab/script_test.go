package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/testdata/loopback"
	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	bolt "go.etcd.io/bbolt"
)

// patience is how long a script waits for what it expects before it fails.
const patience = time.Minute

// commands are what the scripts know beside testscript's own:
//
//	code N [<FILE] CMD...  run CMD, FILE being its input, and hold its exit code to N
//	start NAME CMD...      start CMD, its input open and its output gathered
//	terminal NAME CMD...   the same on a pseudo-terminal
//	await NAME RE [VAR]    wait until the output matches; VAR becomes the first group
//	send NAME TEXT         write TEXT to its input, as a Go string without quotes
//	eof NAME               end its input
//	signal NAME [TERM]     send it SIGINT, or SIGTERM, or with KILL what ends it at once
//	finish NAME [N]        wait for its end, hold its exit code to N, write NAME.out
//	silent ADDR            connect and say nothing, until the script is over
//	garbage ADDR           connect and send what is not TLS
//	plainserver VAR        listen and answer in clear; VAR becomes the address
//	badserver VAR KIND     listen with a certificate that is expired, not valid yet or for another name; or
//	                       answer with what terminals obey, half, nothing, without an end, or unasked
//	httpsserver VAR        a server of HTTP over TLS that says ola; VAR becomes its address
//	hostile FILE           write commands full of what terminals obey
//	clean FILE             hold a file to text that is safe to draw
//	drop REGEXP FILE       take the lines out of a file that it matches
//	jsonlines FILE         hold a file to the schema of the JSON lines
//	samebytes FILE FILE    hold two recordings to the same bytes each way
//	fromthetop FILE        hold a recording to key schedules without a gap
//	locked FILE            hold a store's lock, until the script is over
//	address VAR            VAR becomes an address of this computer that nobody gets by chance, and that can be listened on
//	                       again and again until the script is over
//	fromfile VAR FILE      VAR becomes what stands in a file
//	get URL FILE           write what HTTP gives for a URL to a file
//	needs PROGRAM          skip, or fail, without an outside program
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"code": runCode, "start": start, "terminal": startOnTerminal, "await": await, "send": send, "eof": eof,
	"signal": interrupt, "finish": finish, "silent": silent, "garbage": garbage, "plainserver": plainServer,
	"badserver": badServer, "hostile": hostile, "clean": clean, "drop": drop, "jsonlines": jsonLines, "locked": locked,
	"address": address, "fromfile": fromFile, "samebytes": sameBytes, "fromthetop": fromTheTop,
	"needs": requireProgram, "get": get, "httpsserver": httpsServer,
}

func httpsServer(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ola\n") }))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	answer, err := client.Get(args[0])
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o600))
}

func fromFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

func address(ts *testscript.TestScript, _ bool, args []string) {
	addr, release, err := loopback.Reserve()
	ts.Check(err)
	ts.Defer(release)
	ts.Setenv(args[0], addr)
}

func startOnTerminal(ts *testscript.TestScript, _ bool, args []string) { begin(ts, args, true) }

func start(ts *testscript.TestScript, _ bool, args []string) { begin(ts, args, false) }

// A running is a program that a script has started.
type running struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	done  chan struct{}

	mu      sync.Mutex
	output  bytes.Buffer
	changed chan struct{}
}

func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
	return r.output.Write(b)
}

func (r *running) said() (string, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.String(), r.changed
}

var runnings sync.Map // by script and name

func key(ts *testscript.TestScript, name string) string { return ts.Getenv("WORK") + "/" + name }

func named(ts *testscript.TestScript, name string) *running {
	r, ok := runnings.Load(key(ts, name))
	if !ok {
		ts.Fatalf("nothing was started as %s", name)
	}
	return r.(*running)
}

func begin(ts *testscript.TestScript, args []string, onTerminal bool) {
	name := args[0]
	r := &running{cmd: command(ts, args[1:]), done: make(chan struct{}), changed: make(chan struct{})}
	var output io.Reader
	if onTerminal {
		r.cmd.Env = append(r.cmd.Env, "TERM=xterm-256color")
		file, err := pty.StartWithSize(r.cmd, &pty.Winsize{Rows: 24, Cols: 80})
		ts.Check(err)
		r.input, output = file, file
	} else {
		input, err := r.cmd.StdinPipe()
		ts.Check(err)
		reader, writer, err := os.Pipe()
		ts.Check(err)
		r.cmd.Stdout, r.cmd.Stderr = writer, writer
		ts.Check(r.cmd.Start())
		writer.Close()
		r.input, output = input, reader
	}
	go func() {
		io.Copy(r, output) // a terminal ends with an error
		if closer, ok := output.(io.Closer); ok && !onTerminal {
			closer.Close()
		}
		r.cmd.Wait()
		close(r.done)
	}()
	runnings.Store(key(ts, name), r)
	ts.Defer(func() {
		r.cmd.Process.Kill()
		<-r.done
		r.input.Close()
		runnings.Delete(key(ts, name))
		if said, _ := r.said(); said != "" {
			ts.Logf("[%s]\n%s", name, strings.ToValidUTF8(said, "?"))
		}
	})
}

// command is one that runs in the script's folder and environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, args[0])); err == nil {
			cmd = exec.Command(path, args[1:]...)
			break
		}
	}
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{
		"PATH", "HOME", "WORK", "TMPDIR", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "LANG", "LC_ALL", "SYSTEMROOT", "GORACE",
	} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	r := named(ts, args[0])
	want := regexp.MustCompile("(?m)" + args[1])
	deadline := time.After(patience)
	for over := false; ; {
		said, changed := r.said()
		if found := want.FindStringSubmatch(said); found != nil {
			if len(args) > 2 {
				ts.Setenv(args[2], found[1])
			}
			return
		}
		if over {
			ts.Fatalf("%s has ended and never said %s:\n%s", args[0], args[1], said)
		}
		select {
		case <-changed:
		case <-r.done:
			over = true
		case <-deadline:
			ts.Fatalf("%s did not say %s:\n%s", args[0], args[1], said)
		}
	}
}

func send(ts *testscript.TestScript, _ bool, args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	_, err = io.WriteString(named(ts, args[0]).input, text)
	ts.Check(err)
}

func eof(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(named(ts, args[0]).input.Close())
}

func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	var signal os.Signal = os.Interrupt
	switch {
	case len(args) > 1 && args[1] == "KILL":
		signal = os.Kill
	case len(args) > 1:
		signal = syscall.SIGTERM
	}
	ts.Check(named(ts, args[0]).cmd.Process.Signal(signal))
}

func finish(ts *testscript.TestScript, _ bool, args []string) {
	r := named(ts, args[0])
	select {
	case <-r.done:
	case <-time.After(patience):
		ts.Fatalf("%s does not end", args[0])
	}
	said, _ := r.said()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(said), 0o600))
	want := 0
	if len(args) > 1 {
		want, _ = strconv.Atoi(args[1])
	}
	if got := r.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", args[0], got, want)
	}
}

func runCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	input, redirected := strings.CutPrefix(args[1], "<")
	if redirected {
		args = args[1:]
	}
	cmd := command(ts, args[1:])
	if redirected {
		cmd.Stdin = strings.NewReader(ts.ReadFile(input))
	}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	ts.Check(cmd.Start())
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func dial(ts *testscript.TestScript, addr string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	return conn
}

func silent(ts *testscript.TestScript, _ bool, args []string) { dial(ts, args[0]) }

func garbage(ts *testscript.TestScript, _ bool, args []string) {
	conn := dial(ts, args[0])
	io.WriteString(conn, "\x1b]52;c;AAAA\x07 this is not TLS\n")
	conn.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, conn) // until the server has had enough
}

// plainServer answers whoever connects in clear.
func plainServer(ts *testscript.TestScript, _ bool, args []string) {
	serve(ts, args[0], func(conn net.Conn) { io.WriteString(conn, "220 mail.example ready\r\n") })
}

// badServer has a certificate of an authority in bad-ca.pem, and something is wrong with it.
func badServer(ts *testscript.TestScript, _ bool, args []string) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bad"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	switch args[1] {
	case "expired":
		template.NotBefore, template.NotAfter = now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0)
	case "notyet":
		template.NotBefore, template.NotAfter = now.AddDate(1, 0, 0), now.AddDate(2, 0, 0)
	case "othername":
		template.DNSNames, template.IPAddresses = []string{"evil\x1b[2J.example", "other.example"}, nil
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	ts.Check(err)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	ts.Check(os.WriteFile(ts.MkAbs("bad-ca.pem"), block, 0o600))
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	serve(ts, args[0], func(conn net.Conn) {
		server := tls.Server(conn, config)
		switch lines := bufio.NewReader(server); args[1] {
		case "hostile":
			lines.ReadString('\n')
			io.WriteString(server, "\x1b]0;owned\x07\x1b[2J \u202e \xff \u009b1m\n")
		case "half":
			lines.ReadString('\n')
			io.WriteString(server, "O\n")
			lines.ReadString('\n')
			io.WriteString(server, "half an ans")
			server.Close()
		case "endless":
			lines.ReadString('\n')
			for block := bytes.Repeat([]byte("a"), 1<<20); ; {
				if _, err := server.Write(block); err != nil {
					return
				}
			}
		case "unasked":
			lines.ReadString('\n')
			io.WriteString(server, "Ok\nand more\n")
		}
		io.Copy(io.Discard, server)
	})
}

// serve serves one connection after the other, until the script is over.
func serve(ts *testscript.TestScript, variable string, answer func(net.Conn)) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			answer(conn)
			conn.Close()
		}
	}()
	ts.Defer(func() {
		listener.Close()
		<-done
	})
	ts.Setenv(variable, listener.Addr().String())
}

// Bytes and characters that terminals obey, or that make text look like something else.
var obeyed = []string{
	"\x1b]52;c;b3duZWQ=\x07",    // OSC 52: writes the clipboard
	"\x1b[2J\x1b[H",             // CSI: clears the screen
	"\x1bP$q\"p\x1b\\",          // DCS: asks the terminal something
	"\x1b]0;an OSC without end", // swallows all that follows
	"\x9b2J", "\u009b2J",        // CSI as one byte, and as one character
	"\b\b\b\b", "\r", "\x00", "\x7f", "\a", "\v\f",
	"\u202egnp.exe\u202c", "\u2066x\u2069", // bidirectional overrides
	"\u200b\u200d\ufeff",                                   // drawn as nothing
	"\xff\xfe\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", // not UTF-8
	"\u2028\u2029", "\U000e0041",
}

func hostile(ts *testscript.TestScript, _ bool, args []string) {
	var text strings.Builder
	for i, word := range obeyed {
		word = strings.NewReplacer(" ", "_", "\n", "_", "\"", "_").Replace(word)
		fmt.Fprintf(&text, "create k%d%s v%s\nread k%d%s\n%s\n", i, word, word, i, word, word)
	}
	text.WriteString("show\nkeys\nvalues\nexit\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text.String()), 0o600))
}

func clean(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n':
		case r == utf8.RuneError && size == 1:
			ts.Fatalf("%s: byte %d is not UTF-8: %q", args[0], i, around(text, i))
		case !unicode.IsPrint(r):
			ts.Fatalf("%s: at byte %d stands %U: %q", args[0], i, r, around(text, i))
		}
	}
}

func drop(ts *testscript.TestScript, _ bool, args []string) {
	matches, err := regexp.Compile(args[0])
	ts.Check(err)
	var kept strings.Builder
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if !matches.MatchString(line) {
			kept.WriteString(line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(kept.String()), 0o600))
}

func around(text string, i int) string { return text[max(0, i-30):min(len(text), i+30)] }

// jsonLines holds a file to what the manual promises of every line.
func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.SplitAfter(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	for n, line := range lines {
		line = strings.TrimSuffix(line, "\n")
		for i := range len(line) {
			if line[i] < 0x20 || line[i] > 0x7e {
				ts.Fatalf("line %d, byte %d is 0x%02x", n+1, i, line[i])
			}
		}
		var record struct {
			Kind, Raw string
			Version   string
			Schema    int
			Plaintext *string
			Fields    []jsonField
			Messages  []struct {
				In             string
				Offset, Length int
				Bytes          string
				Fields         []jsonField
			}
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			ts.Fatalf("line %d: %v", n+1, err)
		}
		if (n == 0) != (record.Kind == "session") || n == 0 && record.Schema != 1 {
			ts.Fatalf("line %d is a %s", n+1, record.Kind)
		}
		if record.Kind != "record" {
			continue
		}
		covers(ts, n+1, "raw", record.Fields, 0, hexLength(ts, record.Raw))
		at := 0
		for _, m := range record.Messages {
			from, length := m.Offset, m.Length
			if m.In != "" {
				if hexLength(ts, m.Bytes) != length || from != 0 {
					ts.Fatalf("line %d: a message of %d bytes says %d", n+1, len(m.Bytes)/2, length)
				}
			} else {
				if from != at {
					ts.Fatalf("line %d: messages leave a hole at %d", n+1, at)
				}
				at += length
			}
			covers(ts, n+1, "message", m.Fields, from, length)
		}
		if unit := record.Version == "0x0000"; unit && len(record.Messages) == 0 { // not TLS: its fields say it all
			continue
		}
		if record.Plaintext != nil && at != hexLength(ts, *record.Plaintext) {
			ts.Fatalf("line %d: messages cover %d of %d bytes", n+1, at, len(*record.Plaintext)/2)
		}
	}
}

type jsonField struct {
	Offset, Length int
	Children       []jsonField
}

func covers(ts *testscript.TestScript, line int, what string, fields []jsonField, from, length int) {
	at := from
	for _, f := range fields {
		if f.Offset != at {
			ts.Fatalf("line %d: the fields of a %s leave a hole, or overlap, at %d", line, what, at)
		}
		if len(f.Children) > 0 {
			covers(ts, line, what, f.Children, f.Offset, f.Length)
		}
		at += f.Length
	}
	if at != from+length {
		ts.Fatalf("line %d: the fields of a %s cover %d of %d bytes", line, what, at-from, length)
	}
}

func hexLength(ts *testscript.TestScript, text string) int {
	b, err := hex.DecodeString(text)
	ts.Check(err)
	return len(b)
}

func locked(ts *testscript.TestScript, _ bool, args []string) {
	db, err := bolt.Open(ts.MkAbs(args[0]), 0o600, nil)
	ts.Check(err)
	ts.Defer(func() { db.Close() })
}
