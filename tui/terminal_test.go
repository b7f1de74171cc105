//go:build unix

package tui

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"github.com/creack/pty"
)

// A terminal runs the screen in another process, on a pseudo-terminal that answers no query.
type terminal struct {
	t    testing.TB
	cmd  *exec.Cmd
	tty  *os.File
	done chan struct{} // closed when everything it wrote is here

	mu     sync.Mutex
	change *sync.Cond
	output []byte
	seen   int // how much of it until has found
	over   bool
}

func newTerminal(t testing.TB, w, h uint16, env ...string) *terminal {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, cmd: exec.Command(program), done: make(chan struct{})}
	term.change = sync.NewCond(&term.mu)
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "NO_COLOR=") || strings.HasPrefix(v, "COLORFGBG=") || strings.HasPrefix(v, "TLSLAB_")
	})
	term.cmd.Env = append(inherited, append([]string{childVariable + "=echo", "TERM=xterm-256color", "TLSLAB_TUI_LANG=en"}, env...)...)
	term.tty, err = pty.StartWithSize(term.cmd, &pty.Winsize{Cols: w, Rows: h})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(term.done)
		term.read()
	}()
	t.Cleanup(term.close)
	return term
}

func (term *terminal) close() {
	term.cmd.Process.Kill()
	term.cmd.Wait()
	term.tty.Close()
	<-term.done
}

func (term *terminal) read() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := term.tty.Read(buffer)
		term.mu.Lock()
		term.output = append(term.output, buffer[:n]...)
		term.over = term.over || err != nil
		term.change.Broadcast()
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// until waits until what was written since the last call holds the text.
func (term *terminal) until(text string) {
	term.t.Helper()
	limit := time.AfterFunc(patience, func() {
		term.mu.Lock()
		term.over = true
		term.change.Broadcast()
		term.mu.Unlock()
	})
	defer limit.Stop()
	term.mu.Lock()
	defer term.mu.Unlock()
	for !bytes.Contains(term.output[term.seen:], []byte(text)) {
		if term.over {
			term.t.Fatalf("the terminal never showed %q; it got:\n%q", text, term.output[term.seen:])
		}
		term.change.Wait()
	}
	term.seen = len(term.output)
}

func (term *terminal) write(keys string) { io.WriteString(term.tty, keys) }

// What puts a terminal back as it was: the main screen, the cursor, no bracketed paste.
var restored = []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"}

// ends waits for the end of the program, and fails unless the terminal was restored.
func (term *terminal) ends() {
	term.t.Helper()
	term.cmd.Wait()
	term.mu.Lock()
	defer term.mu.Unlock()
	for !term.over {
		term.change.Wait()
	}
	for _, sequence := range restored {
		if !bytes.Contains(term.output, []byte(sequence)) {
			term.t.Errorf("the terminal was left without %q; the last it got: %q", sequence, term.output[max(len(term.output)-500, 0):])
		}
	}
}

// The first frame waits for nobody: neither for a session that is not open yet, nor for an answer of the terminal, which
// is never asked. How long that takes, BenchmarkTheFirstFrame says.
func TestTheFirstFrameStandsBeforeTheSessionIsOpen(t *testing.T) {
	in, keys := io.Pipe()
	defer keys.Close()
	out := new(waitingWriter)
	stage := waitingStage{make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- Run(ctx, Options{Stage: stage, Lang: "en", In: in, Out: out}) }()
	out.until("step 0 of")
	close(stage.open)
	out.until("sends ClientHello")
	cancel()
	if err := <-failed; err != context.Canceled {
		t.Errorf("Run returned %v, want the context's error", err)
	}
}

// A waitingStage opens its session when it is told to.
type waitingStage struct{ open chan struct{} }

func (s waitingStage) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	<-s.open
	return echoStage{}.Open(ctx, tap)
}

func BenchmarkTheFirstFrame(b *testing.B) {
	for b.Loop() {
		term := newTerminal(b, 80, 24)
		term.until("step 0 of")
		term.close()
	}
}

func TestLeavingRestoresTheTerminal(t *testing.T) {
	term := newTerminal(t, 80, 24)
	term.until("sends ClientHello")
	term.write("\x1b[C")
	term.until("sends ServerHello")
	term.write("q")
	term.until("Leave and end it?")
	term.write("y")
	term.ends()
}

func TestAPanicRestoresTheTerminal(t *testing.T) {
	term := newTerminal(t, 80, 24, childVariable+"=panic")
	term.ends()
}

func TestTheScreenNeverAsksTheTerminalForAnything(t *testing.T) {
	term := newTerminal(t, 200, 60)
	term.until("step 0 of")
	term.mu.Lock()
	seen := term.output
	term.mu.Unlock()
	for _, query := range []string{"\x1b]10;?", "\x1b]11;?", "\x1b[6n", "\x1b[c"} {
		if bytes.Contains(seen, []byte(query)) {
			t.Errorf("the screen asked %q", query)
		}
	}
}

func TestTheFirstFrameHasTheSizeOfTheTerminal(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Cols: 61, Rows: 17}); err != nil {
		t.Fatal(err)
	}
	l := newLive(t.Context())
	defer l.end()
	if m := newModel(Options{Stage: echoStage{}, Out: tty}, l); m.w != 61 || m.h != 17 {
		t.Errorf("the first frame has %dx%d cells, the terminal 61x17", m.w, m.h)
	}
}

func TestRunLeavesNothingBehind(t *testing.T) {
	in, keys := io.Pipe()
	out := new(waitingWriter)
	ctx, cancel := context.WithCancel(context.Background())
	closed := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- Run(ctx, Options{
			Stage: echoStage{}, Lang: "en", In: in, Out: out,
			NewTap: func(bool) (*inspect.Tap, func()) { return inspect.NewTap(), func() { close(closed) } },
		})
	}()
	out.until("sends ClientHello")
	io.WriteString(keys, "i")
	io.WriteString(keys, "create a b\r")
	out.until(`create a b`)
	cancel()
	keys.Close()
	if err := <-failed; err != context.Canceled {
		t.Errorf("Run returned %v, want the context's error", err)
	}
	<-closed
}

func TestRunWantsAStageOrARecording(t *testing.T) {
	if err := Run(t.Context(), Options{}); err == nil {
		t.Error("Run showed nothing at all")
	}
}

// A waitingWriter lets a test wait for what is written.
type waitingWriter struct {
	mu     sync.Mutex
	change sync.Cond
	text   bytes.Buffer
}

func (w *waitingWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if w.change.L != nil {
		w.change.Broadcast()
	}
	return len(b), nil
}

func (w *waitingWriter) until(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change.L = &w.mu
	for !strings.Contains(w.text.String(), text) {
		w.change.Wait()
	}
}
