//go:build !windows

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"golang.org/x/term"
)

// patience is how long a terminal waits for what must come. It is long since tests share their machine.
const patience = time.Minute

// shellLine stands on the terminal before the program starts, and must stand there when it has ended.
const shellLine = "$ tlslab"

// A terminal is a pseudo-terminal with a program in it, and an emulator that draws what the program writes. It answers
// no query, as many terminals do not.
type terminal struct {
	master, tty *os.File
	cmd         *exec.Cmd
	before      *term.State // the tty's settings
	after       *term.State // the same, when the program has ended

	mu       sync.Mutex
	emulator vt10x.Terminal
	raw      []byte        // everything that was written
	drawn    int           // how much of it the emulator has: whole characters only
	resized  bool          // the emulator may have lost lines of what stood there before
	changed  chan struct{} // closed when there is more

	over chan struct{} // closed when the program has ended and everything it wrote is here
}

// start runs the program in a terminal of that size. What it should read instead of the terminal, if anything, is stdin.
func start(cmd *exec.Cmd, width, height int, stdin *os.File) (*terminal, error) {
	master, tty, err := pty.Open()
	if err != nil {
		return nil, err
	}
	t := &terminal{
		master: master, tty: tty, cmd: cmd,
		emulator: vt10x.New(vt10x.WithSize(width, height)),
		changed:  make(chan struct{}), over: make(chan struct{}),
	}
	t.emulator.Write([]byte(shellLine + "\r\n"))
	if err := pty.Setsize(master, size(width, height)); err != nil {
		return nil, errors.Join(err, tty.Close(), master.Close())
	}
	if t.before, err = term.GetState(int(tty.Fd())); err != nil {
		return nil, errors.Join(err, tty.Close(), master.Close())
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, tty.Close(), master.Close())
	}
	var read sync.WaitGroup
	read.Go(t.readAll)
	go func() {
		cmd.Wait() // ProcessState says how it ended
		t.after, _ = term.GetState(int(tty.Fd()))
		tty.Close()
		read.Wait() // the last byte is followed by an error
		close(t.over)
	}()
	return t, nil
}

func size(width, height int) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}
}

// close ends the program, if it still runs.
func (t *terminal) close() {
	t.cmd.Process.Kill()
	<-t.over
	t.master.Close()
}

func (t *terminal) readAll() {
	buf := make([]byte, 1<<16)
	for {
		n, err := t.master.Read(buf)
		t.mu.Lock()
		t.raw = append(t.raw, buf[:n]...)
		t.draw()
		close(t.changed)
		t.changed = make(chan struct{})
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// draw gives the emulator what it does not have yet, but no part of a character: it would pass over it.
func (t *terminal) draw() {
	whole := t.drawn
	for whole < len(t.raw) && utf8.FullRune(t.raw[whole:]) {
		_, n := utf8.DecodeRune(t.raw[whole:])
		whole += n
	}
	t.emulator.Write(t.raw[t.drawn:whole])
	t.drawn = whole
}

func (t *terminal) write(s string) error {
	_, err := t.master.WriteString(s)
	return err
}

// resize changes the size, as a user does who pulls at the window's corner.
func (t *terminal) resize(width, height int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resized = true
	t.emulator.Resize(width, height)
	return pty.Setsize(t.master, size(width, height))
}

// A picture is what stands on the terminal: its lines, without spaces at their ends.
type picture []string

// framed ends with the place of the cursor, as Bubble Tea leaves it after each frame; modes and titles come in between.
var framed = regexp.MustCompile(`(\x1b\[[0-9;]*H|\x07|\x1b\[\?[0-9;]*[hl])$`)

// picture returns what stands on the terminal, and when to look again; whole is false while a frame is being drawn.
func (t *terminal) picture() (p picture, whole bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(t.emulator.String()) {
		p = append(p, strings.TrimRight(line, " \n"))
	}
	alternate := t.emulator.Mode()&vt10x.ModeAltScreen != 0
	tail := t.raw[max(len(t.raw)-32, 0):]
	return p, !alternate || framed.Match(tail), t.changed
}

// await waits until the terminal shows what is wanted, and returns what it shows.
func (t *terminal) await(wanted func(picture) bool) (picture, bool) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		p, whole, changed := t.picture()
		if whole && wanted(p) {
			return p, true
		}
		select {
		case <-changed:
		case <-t.over:
			p, _, _ = t.picture()
			return p, wanted(p)
		case <-deadline.C:
			return p, false
		}
	}
}

// anything stands in a text for what is not known of it.
const anything = "\x00"

// has reports whether the text stands in the picture, on one line or broken into several; with cut, its beginning is
// enough where an ellipsis follows it.
func (p picture) has(text string, cut bool) bool {
	screen := strings.Join(strings.Fields(strings.Join(p, " ")), " ")
	text = strings.Join(strings.Fields(text), " ")
	known := strings.Split(text, anything)
	for i, part := range known {
		known[i] = regexp.QuoteMeta(part)
	}
	if regexp.MustCompile(strings.Join(known, ".*")).MatchString(screen) {
		return true
	}
	return cut && p.hasBeginning(text)
}

func (p picture) hasBeginning(text string) bool {
	for _, line := range p {
		for beginning := range strings.SplitSeq(line, "…") {
			for at := range beginning {
				if len(beginning)-at >= 16 && strings.HasPrefix(text, beginning[at:]) {
					return true
				}
			}
		}
	}
	return false
}

func (p picture) matches(line *regexp.Regexp) bool {
	for _, l := range p {
		if line.MatchString(l) {
			return true
		}
	}
	return false
}

// step returns the step that the first line of facts says, and of how many. Above it a glass box has up to two lines.
func (p picture) step() (at, of int) {
	for _, line := range p[:min(3, len(p))] {
		if found := regexp.MustCompile(`(\d+)\D+(\d+)$`).FindStringSubmatch(line); found != nil {
			at, _ = strconv.Atoi(found[1])
			of, _ = strconv.Atoi(found[2])
			return at, of
		}
	}
	return -1, -1
}

func (p picture) String() string {
	edge := "+" + strings.Repeat("-", 8) + "\n"
	var s strings.Builder
	for i, line := range p {
		fmt.Fprintf(&s, "%3d|%s\n", i+1, line)
	}
	return edge + s.String() + edge
}

// written returns everything that the program has written.
func (t *terminal) written() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.raw)
}

// restored waits until the program has ended with that code, and reports whatever it did not leave as it was.
func (t *terminal) restored(code int) error {
	select {
	case <-t.over:
	case <-time.After(patience):
		p, _, _ := t.picture()
		return fmt.Errorf("the program still runs; the screen:\n%v", p)
	}
	var problems []error
	if got := t.cmd.ProcessState.ExitCode(); got != code {
		problems = append(problems, fmt.Errorf("exit code %d, want %d", got, code))
	}
	if t.after == nil || !reflect.DeepEqual(t.before, t.after) {
		problems = append(problems, fmt.Errorf("the tty's settings are not as they were: %+v, want %+v", t.after, t.before))
	}
	p, _, _ := t.picture()
	raw := t.written()
	left := modes(raw)
	for mode, set := range left {
		if set != (mode == "25") { // 25 is the cursor: shown
			problems = append(problems, fmt.Errorf("mode %s: left set is %v", mode, set))
		}
	}
	if t.emulator.Mode()&vt10x.ModeAltScreen != 0 || !t.emulator.CursorVisible() {
		problems = append(problems, errors.New("the alternate screen is not left, or the cursor is hidden"))
	}
	if _, screen := left["1049"]; screen && !t.resized && !t.scrolled(raw) && p[0] != shellLine {
		problems = append(problems, fmt.Errorf("what stood on the terminal before is gone:\n%v", p))
	}
	return errors.Join(append(problems, harmless(raw))...)
}

// scrolled reports whether what was written beside the alternate screen takes more lines than there are.
func (t *terminal) scrolled(raw []byte) bool {
	cols, rows := t.emulator.Size()
	above, rest, _ := strings.Cut(string(raw), "\x1b[?1049h")
	_, below, _ := strings.Cut(rest, "\x1b[?1049l")
	lines := 1 // that of the shell
	for line := range strings.Lines(above + below) {
		lines += 1 + utf8.RuneCountInString(line)/cols
	}
	return lines >= rows
}

var private = regexp.MustCompile(`\x1b\[\?([0-9;]+)([hl])`)

// modes returns the private modes that were set or reset, as they were left.
func modes(raw []byte) map[string]bool {
	left := make(map[string]bool)
	for _, m := range private.FindAllSubmatch(raw, -1) {
		for mode := range strings.SplitSeq(string(m[1]), ";") {
			left[mode] = m[2][0] == 'h'
		}
	}
	return left
}

// The sequences that a screen may send: places, clearing, colours, the modes it needs, a title. Clearing everything
// belongs to the alternate screen alone. None of them is a query.
var allowed = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`\x1b\[[0-9]*(?:;[0-9]*)?H`, `\x1b\[[0-9]*A`, `\x1b\[[02]?K`, `\x1b\[0?J`, `\x1b\[[0-9;]*m`,
	`\x1b\[\?1049h(?:\x1b\[2J)?`, `\x1b\[\?1049l`, `\x1b\[\?25[hl]`, `\x1b\[\?2004[hl]`, `\x1b\[\?100[236]l`,
	`\x1b\]2;[ -~]*\x07`, `\r`, `\n`,
}, "|") + `)`)

// harmless reports the first byte that a program of good manners would not send to a terminal.
func harmless(raw []byte) error {
	for at := 0; at < len(raw); {
		if n := len(allowed.Find(raw[at:])); n > 0 {
			at += n
			continue
		}
		r, n := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && n < 2 || !unicode.IsPrint(r) {
			return fmt.Errorf("byte %d of what was written: %q after %q", at, raw[at:min(at+40, len(raw))], raw[max(at-40, 0):at])
		}
		at += n
	}
	return nil
}
