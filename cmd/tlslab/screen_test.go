//go:build !windows

package main_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"example.com/tlslab/docs"
	"example.com/tlslab/testdata/needs"
	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts drive the program as go build makes it, in a pseudo-terminal, and look at what stands on the terminal then.
// Each is run in both languages, and on a small, a usual and a large screen: everywhere every size in one of the
// languages, and where programs are required in both.
func TestTheScreenDoesWhatItsScriptsSay(t *testing.T) {
	program := build(t)
	for _, folder := range []string{"first-15-minutes", "hostile-bytes", "hold"} {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			for _, size := range []string{"60x16", "80x24", "200x60"} {
				t.Run(folder+"/"+lang+"/"+size, func(t *testing.T) {
					if (lang == docs.English) == (size == "80x24") {
						needs.Time(t, "this size is run in the other language")
					}
					t.Parallel()
					play(t, folder, program, lang, size)
				})
			}
		}
	}
	t.Run("terminals", func(t *testing.T) {
		t.Parallel()
		play(t, "terminals", program, docs.English, "80x24")
	})
}

func play(t *testing.T, folder, program, lang, size string) {
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("..", "..", "testdata", "script", folder),
		RequireUniqueNames: true,
		Cmds:               commands,
		Setup: func(env *testscript.Env) error {
			env.Setenv("tlslab", program)
			env.Setenv("lang", lang)
			env.Setenv("size", size)
			env.Setenv("TERM", "xterm-256color")
			env.Setenv("COLORTERM", "truecolor")
			env.Values[onStage{}] = new(stage)
			return nil
		},
	})
}

// program is the one that the scripts of TestMain run.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("tlslab")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build makes the program, for all scripts.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tlslab")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// A terminal need not answer: the first frame stands, and nothing that the program has written by then is a question.
// Before that, nothing is waited for.
func TestTheFirstFrameAsksTheTerminalForNothing(t *testing.T) {
	terminal := firstFrame(t, program(t))
	defer terminal.close()
	if err := harmless(terminal.written()); err != nil {
		t.Error(err)
	}
}

// firstFrame starts the lab, and returns when its first frame is whole.
func firstFrame(t testing.TB, program string) *terminal {
	t.Helper()
	cmd := exec.Command(program, "lab", "--lang", "en")
	cmd.Env = []string{"TERM=xterm-256color", "HOME=" + t.TempDir()}
	terminal, err := start(cmd, 80, 24, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := terminal.await(func(p picture) bool {
		at, _ := p.step()
		return at == 0 && len(p) == 24 && p[23] != ""
	})
	if !ok {
		terminal.close()
		t.Fatalf("there is no whole frame:\n%v", p)
	}
	return terminal
}

// It stands within 100 ms on an idle machine. If anything asked the terminal and waited, that would take five seconds.
func BenchmarkTheFirstFrame(b *testing.B) {
	program := build(b)
	for b.Loop() {
		firstFrame(b, program).close()
	}
}

// A stage is what a script has: a terminal with the program in it, and what it remembers.
type stage struct {
	*terminal
	sentences *docs.Sentences
	pictures  map[string]picture
	escaped   bool // esc was pressed, and nothing was looked at since
	caller    *call
}

// A call is a client that talks to the server on the screen in the background.
type call struct {
	conn net.Conn
	done chan struct{}
	said string // what it was answered, once it is done
	err  error
}

// onStage finds the stage of a script among its values.
type onStage struct{}

// commands are what the scripts know beside testscript's own. Where they look, they wait for what they expect, and fail
// with the whole screen.
//
//	screen WxH LANG [-stdin FILE] ARG...   run tlslab ARG... --lang LANG in a terminal of that size; it reads FILE's lines
//	key KEY...                             press keys: right, enter, ctrl+c, x
//	type TEXT                              press its letters
//	paste TEXT                             paste it, as a terminal does that brackets what is pasted
//	see [-cut] TEXT                        the text stands on the screen; with -cut, its beginning, up to an ellipsis
//	! see [-cut] TEXT                      it does not
//	line REGEXP                            a line matches
//	! line REGEXP                          none does
//	step N [OF], step N+, step last        that step of a session is shown, of so many; that one, or a later one
//	resize WxH                             make the terminal that large
//	storm                                  make it fifty sizes, one right after the other, some of them absurd
//	picture NAME, same NAME                remember the screen; it is the same again
//	title TEXT                             the window's title
//	colourless                             no colour was sent, nor bold, nor reverse
//	bare [ascii]                           no escape sequence was sent at all; nothing but ASCII was
//	browse                                 the same for each row from the selected one up: its fields, its bytes, its place in the ladder, the key schedule
//	signal INT, signal TERM                send that signal to the program
//	attack FILE                            be a client of the server on the screen, and send each line of FILE
//	knock FILE                             the same, without TLS
//	call FILE                              be such a client in the background, until everything is answered
//	called [TEXT]                          the call has ended, as it should, and was answered with the text
//	vanish                                 the call is broken off: its connection is reset
//	below TEXT                             the text stands on the terminal after the screen has been left
//	inject FILE                            paste each line of FILE into the prompt, and send it
//	unharmed FILE                          nothing in these lines that a terminal would obey was written
//	restored [CODE]                        the program ends with that code (0), and the terminal is as it was
//
// TEXT is a text, or @ID NAME=VALUE... for a sentence of the program in the script's language; a VALUE can be @ID too,
// filled in with what follows it, or * for anything.
// The lines of FILE are Go strings.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"screen": command((*stage).start), "key": command((*stage).press), "type": command((*stage).letters),
	"paste": command((*stage).paste), "see": look((*stage).see), "line": look((*stage).line), "step": command((*stage).step),
	"resize": command((*stage).resizeTo), "storm": command((*stage).storm), "picture": command((*stage).keep),
	"same": command((*stage).same), "title": command((*stage).title), "colourless": command((*stage).colourless),
	"bare": command((*stage).bare), "browse": command((*stage).browse), "signal": command((*stage).signal), "attack": command((*stage).attack),
	"call": command((*stage).call), "called": command((*stage).called), "vanish": command((*stage).vanish), "below": command((*stage).below),
	"knock": command((*stage).knock), "inject": command((*stage).inject), "unharmed": command((*stage).unharmed),
	"restored": command((*stage).leave),
}

func command(do func(*stage, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, not bool, args []string) {
		if not {
			ts.Fatalf("this command knows no !")
		}
		do(ts.Value(onStage{}).(*stage), ts, args)
	}
}

func look(do func(*stage, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, not bool, args []string) {
		do(ts.Value(onStage{}).(*stage), ts, not, args)
	}
}

func (s *stage) start(ts *testscript.TestScript, args []string) {
	width, height := parseSize(ts, args[0])
	s.sentences, s.pictures, s.escaped = docs.For(args[1]), make(map[string]picture), false
	lang, args := args[1], args[2:]
	var stdin *os.File
	if args[0] == "-stdin" {
		lines := ts.MkAbs("stdin")
		ts.Check(os.WriteFile(lines, []byte(strings.Join(quotedLines(ts, args[1]), "\n")+"\n"), 0o600))
		var err error
		stdin, err = os.Open(lines)
		ts.Check(err)
		defer stdin.Close()
		args = args[2:]
	}
	cmd := exec.Command(ts.Getenv("tlslab"), append(args, "--lang", lang)...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "TMPDIR", "TERM", "COLORTERM", "NO_COLOR", "GODEBUG"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	var err error
	s.terminal, err = start(cmd, width, height, stdin)
	ts.Check(err)
	ts.Defer(s.terminal.close)
}

func parseSize(ts *testscript.TestScript, text string) (width, height int) {
	if _, err := fmt.Sscanf(text, "%dx%d", &width, &height); err != nil {
		ts.Fatalf("%q is no size such as 80x24", text)
	}
	return width, height
}

// What a terminal sends for a key that is no letter.
var keys = map[string]string{
	"right": "\x1b[C", "left": "\x1b[D", "up": "\x1b[A", "down": "\x1b[B", "home": "\x1b[H", "end": "\x1b[F",
	"pgup": "\x1b[5~", "pgdown": "\x1b[6~", "insert": "\x1b[2~", "f1": "\x1bOP", "f5": "\x1b[15~", "shift+tab": "\x1b[Z",
	"enter": "\r", "tab": "\t", "esc": "\x1b", "space": " ", "backspace": "\x7f", "ctrl+c": "\x03", "alt+x": "\x1bx",
}

func (s *stage) press(ts *testscript.TestScript, args []string) {
	for _, name := range args {
		code, ok := keys[name]
		if !ok && len([]rune(name)) != 1 {
			ts.Fatalf("no key is called %s", name)
		}
		s.send(ts, code+name[min(len(name), len(name)*len(code)):])
		s.escaped = name == "esc"
	}
}

// send writes what the keyboard would. What follows esc at once would be taken for a part of its sequence.
func (s *stage) send(ts *testscript.TestScript, text string) {
	if s.escaped {
		ts.Fatalf("look at what esc did before the next key")
	}
	ts.Check(s.write(text))
}

func (s *stage) letters(ts *testscript.TestScript, args []string) { s.send(ts, args[0]) }

func (s *stage) paste(ts *testscript.TestScript, args []string) {
	s.send(ts, "\x1b[200~"+args[0]+"\x1b[201~")
}

// until looks at the terminal until it is as wanted, and fails otherwise.
func (s *stage) until(ts *testscript.TestScript, what string, wanted func(picture) bool) {
	s.escaped = false
	if p, ok := s.await(wanted); !ok {
		ts.Fatalf("%s\n%v", what, p)
	}
}

func (s *stage) see(ts *testscript.TestScript, not bool, args []string) {
	cut := args[0] == "-cut"
	if cut {
		args = args[1:]
	}
	text := s.text(ts, args)
	what := fmt.Sprintf("the screen does not show %q:", text)
	if not {
		what = fmt.Sprintf("the screen still shows %q:", text)
	}
	s.until(ts, what, func(p picture) bool { return p.has(text, cut) != not })
}

// text is what a script means by TEXT.
func (s *stage) text(ts *testscript.TestScript, args []string) string {
	id, isSentence := strings.CutPrefix(args[0], "@")
	if !isSentence {
		return args[0]
	}
	if !s.sentences.Has(id) {
		ts.Fatalf("there is no sentence %s", id)
	}
	var pairs []any
	for _, arg := range slices.Backward(args[1:]) {
		name, value, _ := strings.Cut(arg, "=")
		if inner, ok := strings.CutPrefix(value, "@"); ok {
			value = s.sentences.Say(inner, pairs...)
		}
		if value == "*" {
			value = anything
		}
		pairs = append(pairs, name, value)
	}
	return s.sentences.Say(id, pairs...)
}

func (s *stage) line(ts *testscript.TestScript, not bool, args []string) {
	line, err := regexp.Compile(args[0])
	ts.Check(err)
	what := fmt.Sprintf("no line matches %s:", args[0])
	if not {
		what = fmt.Sprintf("a line still matches %s:", args[0])
	}
	s.until(ts, what, func(p picture) bool { return p.matches(line) != not })
}

func (s *stage) step(ts *testscript.TestScript, args []string) {
	text, orLater := strings.CutSuffix(args[0], "+")
	n, err := strconv.Atoi(text)
	if err != nil && args[0] != "last" {
		ts.Fatalf("%s is no step", args[0])
	}
	all := 0
	if len(args) > 1 {
		all, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	s.until(ts, "this is not step "+strings.Join(args, " of ")+":", func(p picture) bool {
		at, of := p.step()
		switch {
		case of <= 0 || all > 0 && of != all:
			return false
		case args[0] == "last":
			return at == of
		}
		return at == n || orLater && at > n
	})
}

func (s *stage) resizeTo(ts *testscript.TestScript, args []string) {
	width, height := parseSize(ts, args[0])
	ts.Check(s.resize(width, height))
}

func (s *stage) storm(ts *testscript.TestScript, _ []string) {
	sizes := [...][2]int{{1, 1}, {59, 15}, {60, 16}, {300, 100}, {80, 1}, {1, 50}, {160, 32}, {159, 31}, {10, 5}, {132, 43}}
	for i := range 50 {
		size := sizes[i%len(sizes)]
		ts.Check(s.resize(size[0]+i/len(sizes), size[1]))
	}
}

func (s *stage) keep(_ *testscript.TestScript, args []string) {
	s.pictures[args[0]], _ = s.await(func(picture) bool { return true })
}

func (s *stage) same(ts *testscript.TestScript, args []string) {
	want := s.pictures[args[0]].String()
	s.until(ts, "this is not the picture "+args[0]+":\n"+want, func(p picture) bool { return p.String() == want })
}

func (s *stage) title(ts *testscript.TestScript, args []string) {
	s.until(ts, "the title is not "+args[0], func(picture) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.HasPrefix(s.emulator.Title(), args[0])
	})
}

func (s *stage) colourless(ts *testscript.TestScript, _ []string) {
	if colour := regexp.MustCompile(`\x1b\[[0-9;]*[1-9][0-9;]*m`).Find(s.written()); colour != nil {
		ts.Fatalf("%q was sent", colour)
	}
}

func (s *stage) bare(ts *testscript.TestScript, args []string) {
	for _, b := range s.written() {
		if b == 0x1b || b > 0x7e && len(args) > 0 {
			ts.Fatalf("0x%02x was sent: %q", b, s.written())
		}
	}
}

// selected is the line of the selected row: whether it can be unfolded, its number, and its sign.
var selected = regexp.MustCompile(`^▌(.) *(\d+) (?:#\d+ +)?[→←](.)`)

func (s *stage) browse(ts *testscript.TestScript, _ []string) {
	s.send(ts, "")
	for number, next := 0, ""; next != "0"; next = strconv.Itoa(number - 1) {
		var fold, sign string
		s.until(ts, "row "+next+" is not selected:", func(p picture) bool {
			for _, line := range p {
				if found := selected.FindStringSubmatch(line); found != nil {
					fold, sign = found[1], found[3]
					number, _ = strconv.Atoi(found[2])
					return next == "" || next == found[2]
				}
			}
			return false
		})
		if fold == "▸" {
			s.press(ts, []string{"enter"})
			if sign != "✗" && sign != "■" {
				s.press(ts, []string{"tab", "down", "down", "tab", "right", "s", "s", "s", "tab"})
			}
			s.line(ts, false, []string{fmt.Sprintf("^▌▾ *%d ", number)})
			s.press(ts, []string{"enter"})
		}
		s.press(ts, []string{"L", "D", "down", "enter", "enter", "L", "L"})
		s.line(ts, false, []string{fmt.Sprintf("^▌. *%d ", number)})
		s.press(ts, []string{"up"})
	}
}

func (s *stage) signal(ts *testscript.TestScript, args []string) {
	signals := map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	ts.Check(s.cmd.Process.Signal(signals[args[0]]))
}

func (s *stage) leave(ts *testscript.TestScript, args []string) {
	code := 0
	if len(args) > 0 {
		var err error
		code, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	ts.Check(s.restored(code))
}

// quotedLines reads a file of Go strings.
func quotedLines(ts *testscript.TestScript, file string) []string {
	var all []string
	for line := range strings.Lines(ts.ReadFile(file)) {
		text, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			ts.Fatalf("%s: %s: %v", file, line, err)
		}
		all = append(all, text)
	}
	return all
}

// dial connects to the server on the screen.
func (s *stage) dial(ts *testscript.TestScript) net.Conn {
	var addr string
	s.until(ts, "no address is to be seen", func(picture) bool {
		addr = string(regexp.MustCompile(`127\.0\.0\.1:\d+`).Find(s.written()))
		return addr != ""
	})
	conn, err := net.Dial("tcp", addr)
	ts.Check(err)
	ts.Check(conn.SetDeadline(time.Now().Add(5 * patience))) // a call lasts as long as its script
	return conn
}

// attack talks to the server as it should be talked to, in words that are meant for a terminal. The name and the protocol
// that it asks for are the first two lines.
func (s *stage) attack(ts *testscript.TestScript, args []string) {
	requests := quotedLines(ts, args[0])
	conn := tls.Client(s.dial(ts), &tls.Config{InsecureSkipVerify: true, ServerName: requests[0], NextProtos: requests[1:2]})
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, request := range requests {
		_, err := conn.Write([]byte(request + "\n"))
		ts.Check(err)
		_, err = answers.ReadString('\n')
		ts.Check(err)
	}
}

// knock says everything at once and waits until the server has had enough.
func (s *stage) knock(ts *testscript.TestScript, args []string) {
	conn := s.dial(ts)
	defer conn.Close()
	_, err := conn.Write([]byte(strings.Join(quotedLines(ts, args[0]), "\n")))
	ts.Check(err)
	ts.Check(conn.(*net.TCPConn).CloseWrite())
	for err == nil {
		_, err = conn.Read(make([]byte, 1024))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		ts.Fatalf("the server did not hang up")
	}
}

func (s *stage) call(ts *testscript.TestScript, args []string) {
	requests := quotedLines(ts, args[0])
	conn := s.dial(ts)
	c := &call{conn: conn, done: make(chan struct{})}
	s.caller = c
	ts.Defer(func() {
		conn.Close()
		<-c.done
	})
	go func() {
		defer close(c.done)
		defer conn.Close()
		defer io.Copy(io.Discard, conn) // a connection that is closed with bytes in it that nobody read is reset, and an alert with it
		defer conn.(*net.TCPConn).CloseWrite()
		client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
		answers := bufio.NewReader(client)
		for _, request := range requests {
			if _, c.err = client.Write([]byte(request + "\n")); c.err != nil {
				return
			}
			var answer string
			if answer, c.err = answers.ReadString('\n'); c.err != nil {
				return
			}
			c.said += answer
		}
		c.err = client.CloseWrite()
	}()
}

func (s *stage) called(ts *testscript.TestScript, args []string) {
	select {
	case <-s.caller.done:
	case <-time.After(patience):
		ts.Fatalf("the call has not ended")
	}
	ts.Check(s.caller.err)
	if len(args) > 0 && !strings.Contains(s.caller.said, args[0]) {
		ts.Fatalf("the call was answered with %q", s.caller.said)
	}
}

func (s *stage) vanish(ts *testscript.TestScript, _ []string) {
	ts.Check(s.caller.conn.(*net.TCPConn).SetLinger(0))
	ts.Check(s.caller.conn.Close())
}

func (s *stage) below(ts *testscript.TestScript, args []string) {
	text := strings.Split(s.text(ts, args), anything)
	_, last, _ := strings.Cut(string(s.written()), "\x1b[?1049l")
	for _, part := range text {
		if !strings.Contains(last, part) {
			ts.Fatalf("below the screen stands %q, without %q", last, part)
		}
	}
}

func (s *stage) inject(ts *testscript.TestScript, args []string) {
	for _, line := range quotedLines(ts, args[0]) {
		s.paste(ts, []string{line})
		s.press(ts, []string{"enter"})
	}
}

// unharmed looks for each character in the lines that is not a printable one, together with what follows it.
func (s *stage) unharmed(ts *testscript.TestScript, args []string) {
	raw := string(s.written())
	for _, line := range quotedLines(ts, args[0]) {
		for at, r := range line {
			piece := line[at:min(at+12, len(line))]
			if !unicode.IsPrint(r) && len(piece) > 3 && strings.Contains(raw, piece) {
				ts.Fatalf("%q reached the terminal", piece)
			}
		}
	}
}
