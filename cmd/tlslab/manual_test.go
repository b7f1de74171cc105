package main_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs/stage/sealed/testdata"
	"example.com/tlslab/testdata/loopback"
	"example.com/tlslab/testdata/needs"
)

// A step is a line that a page of the manual has someone type, or what both pages say instead of it, by language, and what
// comes of it.
type step struct {
	line  string
	words map[string]string
	says  string
}

// The steps of each page, from its top to its bottom.
var walks = map[string][]step{
	"stages": {
		{"tlslab lab --stage upper", nil, `OLÁ, SERVIDOR!`},
		{"tlslab lab --stage sockets-v5 --shared", nil, `consultar`},
		{"tlslab lab --stage router --flawed", nil, `FLAWED on purpose|DEFEITUOSO de propósito`},
		{"tlslab lab --stage sealed --authenticated", nil, `AUTHENTICATED|AUTENTICADA`},

		{"tlslab lab --channel plain", nil, `"create nome ana\\n"`},
		{"tlslab lab --channel sealed", nil, `(?s)(HOME-MADE|CASEIRA).*"create nome ana\\n"`},
		{"tlslab lab --channel sealed-authenticated", nil, `(?s)(AUTHENTICATED|AUTENTICADA).*"create nome ana\\n"`},
		{"tlslab lab --channel tls12", nil, `(?s)TLS 1\.2.*"create nome ana\\n"`},
		{"tlslab lab --channel tls13", nil, `(?s)TLS 1\.3.*"create nome ana\\n"`},
		{"tlslab lab --channel mtls", nil, `(?s)certificate_request.*"create nome ana\\n"`},

		{"tlslab stage upper serve --addr 127.0.0.1:8080", nil, `127\.0\.0\.1:`},
		{"tlslab stage upper client --addr 127.0.0.1:8080 'Olá, servidor!'", nil, `(Received:|Recebido:) OLÁ, SERVIDOR!`},

		{"tlslab stage sockets-v1 serve --addr 127.0.0.1:12000", nil, `127\.0\.0\.1:`},
		{"tlslab stage sockets-v1 client --addr 127.0.0.1:12000", nil, `127\.0\.0\.1:\d+ \(connect\)`},
		{"tlslab stage sockets-v1 client --addr 127.0.0.1:12000", nil, `Connection refused|Conexão recusada`},

		{"tlslab stage sockets-v2 serve --addr 127.0.0.1:12000", nil, `127\.0\.0\.1:`},
		{"tlslab stage sockets-v2 client --addr 127.0.0.1:12000", nil, `\(connect\)`},
		{"", map[string]string{"en": "good evening", "pt-BR": "boa noite"}, `over|terminou`},

		{"tlslab stage sockets-v3 serve --addr 127.0.0.1:12000", nil, `127\.0\.0\.1:`},
		{"tlslab stage sockets-v3 client --addr 127.0.0.1:12000 chamar os.system 'echo intruso'", nil, `os\.system`},

		{"tlslab stage sockets-v4 serve --addr 127.0.0.1:12000", nil, `127\.0\.0\.1:`},
		{"tlslab stage sockets-v4 client --addr 127.0.0.1:12000", nil, `\(connect\)`},
		{`adicionar 7 "caneta azul" 2.50`, nil, `\[OK\]`},
		{"tlslab stage sockets-v4 client --addr 127.0.0.1:12000", nil, `\(connect\)`},
		{"listar", nil, `no answer yet|ainda sem resposta`},
		{"terminar", nil, `the conversation is over|a conversa terminou`},

		{"tlslab stage sockets-v5 serve --addr 127.0.0.1:12000 --db products.db", nil, `127\.0\.0\.1:`},
		{"tlslab stage sockets-v5 client --addr 127.0.0.1:12000", nil, `\(connect\)`},
		{`adicionar 7 "caneta azul" 2.50`, nil, `\[OK\]`},
		{"tlslab stage sockets-v5 client --addr 127.0.0.1:12000 consultar 7", nil, `"caneta azul"`},
		{"tlslab stage sockets-v5 client --addr 127.0.0.1:12000 listar", nil, `"caneta azul"`},
		{"tlslab stage sockets-v5 warm-up", nil, `\b3[.,]\d`},
		{"terminar", nil, `the conversation is over|a conversa terminou`},

		{"mkdir shared", nil, ``},
		{"", map[string]string{
			"en": `printf 'the door opens with 1234\n' > shared/notes.txt`, "pt-BR": `printf 'a porta abre com 1234\n' > shared/notes.txt`,
		}, ``},
		{"", map[string]string{"en": `printf 'not for you\n' > secret.txt`, "pt-BR": `printf 'não é para você\n' > secret.txt`}, ``},
		{"tlslab stage router serve --addr 127.0.0.1:5050 --folder shared", nil, `127\.0\.0\.1:`},
		{"tlslab stage router client --addr 127.0.0.1:5050 --token-dir tokens hashes", nil, `"code":400`},
		{"tlslab stage router client --addr 127.0.0.1:5050 --token-dir tokens login ana-pc", nil, `"token":"[0-9a-f]{64}"`},
		{"tlslab stage router client --addr 127.0.0.1:5050 --token-dir tokens file notes.txt", nil, `"code":200`},
		{"tlslab stage router client --addr 127.0.0.1:5050 --token-dir tokens file ../secret.txt", nil, `"code":400`},
		{"tlslab stage router serve --addr 127.0.0.1:5050 --folder shared --flawed", nil, `FLAWED on purpose|DEFEITUOSO de propósito`},
		{
			`tlslab stage router client --addr 127.0.0.1:5050 --token-dir tokens '{"url":"/get_hashes","token":"a guess"}'`, nil,
			`(?s)"code":400.*"notes\.txt"`,
		},

		{"tlslab stage sealed key server.pem", nil, `^[0-9a-f]{64}\n$`},
		{"tlslab stage sealed key client.pem", nil, `^[0-9a-f]{64}\n$`},
		{`printf '{"key": "nome", "value": "ana"}\n' > image`, nil, ``},
		{"tlslab stage sealed serve --addr 127.0.0.1:6150 --key server.pem --image image --containers 1", nil, `[0-9a-f]{64}`},
		{"tlslab stage sealed client --addr 127.0.0.1:6150 --key client.pem STAT", nil, `"available":1`},
		{"tlslab stage sealed client --addr 127.0.0.1:6150 --key client.pem", nil, ``},
		{"CREATE", nil, `"container_uuid"`},
		{"SHELL show", nil, `\{"nome": "ana"\}`},
		{"DESTROY", nil, `(?s)"container_uuid".*"message":"OK"`},
		{"exit", nil, ``},
		{
			"tlslab stage sealed serve --addr 127.0.0.1:6150 --key server.pem --authenticated --pin $(tlslab stage sealed key client.pem)", nil,
			`[0-9a-f]{64}`,
		},
		{
			"tlslab stage sealed client --addr 127.0.0.1:6150 --key client.pem --authenticated --pin $(tlslab stage sealed key server.pem) STAT", nil,
			`"available":8`,
		},
		{"tlslab stage sealed client --addr 127.0.0.1:6150 --key client.pem STAT", nil, `--authenticated, --key`},
	},
	"sealed": {
		{"tlslab lab --stage sealed", nil, `STAT`},
		{"tlslab lab --scene flip --channel sealed", nil, `sealed`},
		{"tlslab lab --scene mitm --channel sealed", nil, `create nome ana`},
		{"tlslab lab --channel sealed", nil, `(?s)(HOME-MADE|CASEIRA).*"create nome ana\\n"`},
		{"tlslab compare", nil, `(?s)plain.*sealed.*sealed-authenticated.*tls12.*tls13.*mtls`},
		{"tlslab lab --stage sealed --authenticated", nil, `AUTHENTICATED|AUTENTICADA`},
	},
	"compare": {
		{"tlslab compare", nil, `(?s)plain.*sealed.*sealed-authenticated.*tls12.*tls13.*mtls`},
		{`printf 'create nome ana\nread nome\n' > conversation`, nil, ``},
		{"tlslab compare --script conversation --json", nil, `(?s)("kind":"comparison".*){6}`},
	},
}

// A page's lines are typed as it says: from its top to its bottom, each in the terminal that stands above its block, all
// in one folder that is empty at first, but for the key pairs that the page of stages has someone make: that takes seconds,
// and the script stage-sealed waits for it. There is no terminal, so that what would be a screen is text.
func TestTheManualCanBeWalkedFromItsTopToItsBottom(t *testing.T) {
	needs.Program(t, "sh")
	for page, expected := range walks {
		for lang, locale := range map[string]string{"en": "C", "pt-BR": "pt_BR.UTF-8"} {
			t.Run(page+" "+lang, func(t *testing.T) {
				t.Parallel()
				w := &walker{t: t, dir: t.TempDir(), locale: locale, ports: make(map[string]string), terminals: make(map[string]*typed)}
				defer w.stop()
				if page == "stages" {
					w.leave("server.pem", testdata.Server)
					w.leave("client.pem", testdata.Client)
				}
				text, err := os.ReadFile(filepath.Join("..", "..", "docs", "manual", lang, page+".md"))
				if err != nil {
					t.Fatal(err)
				}
				at := 0
				for _, b := range blocks(t, string(text)) {
					if b.afterCtrlC {
						w.interrupt(b.terminal)
					}
					for _, line := range b.lines {
						if at == len(expected) || line != expected[at].line+expected[at].words[lang] {
							t.Fatalf("terminal %s: %s is not what comes here", b.terminal, line)
						}
						if strings.HasPrefix(expected[at].says, "Connection refused") {
							w.awaitEnds(b.terminal)
						}
						w.enter(b.terminal, line, expected[at].says)
						at++
					}
				}
				if at < len(expected) {
					t.Errorf("%s is not on the page", expected[at].line)
				}
				for terminal, program := range w.terminals {
					if !program.over(patience) {
						t.Errorf("at the end of the page terminal %s is still kept by %s", terminal, program.line)
					}
				}
			})
		}
	}
}

// A block is what is typed in a terminal.
type block struct {
	terminal   string
	afterCtrlC bool
	lines      []string
}

var terminalAbove = regexp.MustCompile(`^\*\*Terminal (\d)\*\*(.*)$`)

// blocks returns the blocks of a page that have something to type, each with the terminal that is named above it.
func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	var above string
	inside := false
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		switch named := terminalAbove.FindStringSubmatch(above); {
		case strings.HasPrefix(line, "```"):
			inside = !inside
			if inside && named != nil {
				all = append(all, block{terminal: named[1], afterCtrlC: strings.Contains(named[2], "Ctrl+C")})
			}
		case inside && named != nil:
			all[len(all)-1].lines = append(all[len(all)-1].lines, line)
		case inside && strings.HasPrefix(line, "tlslab "):
			t.Errorf("no terminal is named above %s", line)
		case !inside && line != "":
			above = line
			if named := terminalAbove.FindStringSubmatch(line); named != nil && strings.HasPrefix(named[2], ": Ctrl+C") {
				all = append(all, block{terminal: named[1], afterCtrlC: true})
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("the page has nothing to type")
	}
	return all
}

// A walker types what a page says.
type walker struct {
	t           *testing.T
	dir, locale string
	ports       map[string]string // of the page, and which are free here
	terminals   map[string]*typed // the latest program of each
}

// A typed is a program that a line has started, and what it has said.
type typed struct {
	line  string
	cmd   *exec.Cmd
	input io.WriteCloser
	ended chan struct{}

	mu   sync.Mutex
	said bytes.Buffer
}

func (p *typed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *typed) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *typed) over(within time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(within):
		return false
	}
}

// says waits until the program has said what matches.
func (p *typed) says(t *testing.T, pattern string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); ; {
		ended := p.over(10 * time.Millisecond)
		if want.MatchString(p.text()) {
			return
		}
		if ended || time.Now().After(deadline) {
			t.Fatalf("%s\nsaid %q, which has nothing of %s", p.line, p.text(), pattern)
		}
	}
}

var (
	fromAShell = regexp.MustCompile(`^(tlslab|mkdir|printf) `)
	keepsOn    = regexp.MustCompile(`^tlslab stage \S+ (serve( .*)?|client --addr \S+( --key \S+)?)$`)
	addressOf  = regexp.MustCompile(`127\.0\.0\.1:(\d+)`)
)

// enter types a line, at the shell or into the program that keeps the terminal.
func (w *walker) enter(terminal, line, says string) {
	w.t.Helper()
	program := w.terminals[terminal]
	if !fromAShell.MatchString(line) {
		if program == nil {
			w.t.Fatalf("terminal %s: nobody reads %s", terminal, line)
		}
		if _, err := io.WriteString(program.input, line+"\n"); err != nil {
			w.t.Fatalf("terminal %s: nobody reads %s: %v: %s", terminal, line, err, program.text())
		}
		program.says(w.t, says)
		return
	}
	if program != nil && !program.over(patience) {
		w.t.Fatalf("terminal %s is still kept by %s, and cannot take %s", terminal, program.line, line)
	}
	program = w.start(line)
	w.terminals[terminal] = program
	if !keepsOn.MatchString(line) || strings.Contains(line, "sockets-v1 client") {
		program.input.Close()
		if !program.over(2 * patience) {
			w.t.Fatalf("%s does not end: %s", line, program.text())
		}
	}
	program.says(w.t, says)
}

// start runs a line of a shell, on ports that are free here.
func (w *walker) start(line string) *typed {
	w.t.Helper()
	here := addressOf.ReplaceAllStringFunc(line, func(addr string) string {
		if w.ports[addr] == "" {
			reserved, release, err := loopback.Reserve()
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(release)
			w.ports[addr] = reserved
		}
		return w.ports[addr]
	})
	if strings.HasPrefix(here, "tlslab ") {
		here = "exec " + here // what interrupts the shell is to interrupt the program
	}
	p := &typed{line: line, cmd: exec.Command("sh", "-c", here), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = w.dir, p, p
	p.cmd.Env = append(os.Environ(), "LC_ALL="+w.locale, "XDG_DATA_HOME="+filepath.Join(w.dir, "data"))
	input, err := p.cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	p.input = input
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	return p
}

// awaitEnds waits until the programs of all other terminals have ended by themselves: a client may have ended before its
// server has.
func (w *walker) awaitEnds(terminal string) {
	w.t.Helper()
	for other, program := range w.terminals {
		if other != terminal && !program.over(patience) {
			w.t.Fatalf("terminal %s is still kept by %s", other, program.line)
		}
	}
}

// interrupt is Ctrl+C in a terminal.
func (w *walker) interrupt(terminal string) {
	w.t.Helper()
	program := w.terminals[terminal]
	if program == nil || program.over(0) {
		w.t.Fatalf("terminal %s has no server that Ctrl+C could end", terminal)
	}
	program.cmd.Process.Signal(os.Interrupt)
	if !program.over(patience) {
		w.t.Fatalf("Ctrl+C does not end %s", program.line)
	}
	if code := program.cmd.ProcessState.ExitCode(); code != 0 {
		w.t.Errorf("%s ended with exit code %d: %s", program.line, code, program.text())
	}
}

// leave leaves a file in the folder, as if it had been made there.
func (w *walker) leave(name string, content []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *walker) stop() {
	for _, program := range w.terminals {
		program.cmd.Process.Kill()
		<-program.ended
	}
}
