package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// A terminalDesk is a terminal, on which lines are edited and called back.
type terminalDesk struct {
	*term.Terminal
	keys     *keyboard
	out      *os.File
	history  *history
	complete func(line string, pos int, key rune) (string, int, bool)
}

// renew makes the terminal anew.
func (d *terminalDesk) renew() {
	d.Terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{d.keys, d.out}, "")
}

// atTerminal asks for commands on a terminal, with a history.
func (r *clientRun) atTerminal(ctx context.Context) error {
	state, err := term.MakeRaw(int(r.in.Fd()))
	if err != nil {
		return err
	}
	defer term.Restore(int(r.in.Fd()), state)
	known := newKnownKeys()
	keys := newKeyboard(ctx, r.in)
	d := &terminalDesk{keys: keys, out: r.out, history: openHistory(historyFile())}
	d.complete = known.completer(d)
	d.renew()
	r.desk, r.answers, r.notices = d, d, folded{d, r.out}
	r.config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // a connection that is lost is followed by another
	return r.converse(ctx, func() error { return r.prompt(ctx, known) })
}

const commandPrompt = "> "

// longestTyped is where package term cuts a line, in characters, and says nothing.
const longestTyped = 4096

// Why a line that was typed, or pasted, is not the one that was meant.
var (
	errCutLine = errors.New("the line is too long for the prompt")
	errForeign = errors.New("the line holds what the prompt does not take")
)

// ask reads a command, which the history keeps, if the question is empty; otherwise something else.
func (d *terminalDesk) ask(_ context.Context, question string) (string, error) {
	if width, height, err := term.GetSize(int(d.out.Fd())); err == nil && width > 0 && height > 0 {
		d.SetSize(width, height)
	}
	if question == "" {
		question, d.History, d.AutoCompleteCallback = commandPrompt, d.history, d.complete
	} else {
		d.History, d.AutoCompleteCallback = noHistory{}, nil
	}
	d.SetPrompt(question)
	line, err := d.ReadLine()
	d.SetPrompt("")
	foreign := d.keys.foreign
	d.keys.foreign = false
	switch {
	case (err == nil || errors.Is(err, term.ErrPasteIndicator)) && question == commandPrompt && utf8.RuneCountInString(line) >= longestTyped:
		err = errCutLine
	case (err == nil || errors.Is(err, term.ErrPasteIndicator)) && question == commandPrompt && foreign:
		err = errForeign
	case errors.Is(err, term.ErrPasteIndicator):
		err = nil
	case err == io.EOF:
		d.renew() // the old one would read the same Ctrl+C again, and draw what was typed behind whatever is said next
		if question != commandPrompt {
			err = errInterrupted
			fmt.Fprint(d.out, "\r\n")
		}
	}
	return line, err
}

func (d *terminalDesk) attended() bool { return true }

func (d *terminalDesk) watch() (<-chan struct{}, func()) { return d.keys.watch() }

// prompt asks for commands until the user leaves. A server that goes away is said at once, and reached again for the
// next command; nothing is asked of it twice.
func (r *clientRun) prompt(ctx context.Context, known *knownKeys) error {
	r.notice(r.say("cmd_client_welcome", "addr", safe(r.addr)))
	for {
		unwatch := r.watchLink()
		line, err := r.desk.ask(ctx, "")
		unwatch()
		switch {
		case err == io.EOF: // Ctrl+C or Ctrl+D
			fmt.Fprintln(r.notices)
			return nil
		case err == errCutLine:
			r.notice(r.say("client_line_cut", "most", longestTyped-1))
			continue
		case err == errForeign:
			r.notice(r.say("client_line_foreign"))
			continue
		case err != nil:
			return err
		case strings.TrimSpace(line) == "":
			continue
		case strings.HasPrefix(line, ":"):
			over, err := r.colon(line)
			if err != nil {
				r.notice(r.explain(err))
			} else if over {
				return nil
			}
			continue
		}
		if !r.reconnect(ctx, line) {
			continue
		}
		o := r.do(ctx, line)
		known.learn(o)
		if o.lost != nil {
			r.notice(r.explain(o.lost))
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		if err := r.tell(o, r.answers); err != nil || isExit(line) {
			return err
		}
	}
}

// watchLink has it said when the server goes away, until it is stopped.
func (r *clientRun) watchLink() (stop func()) {
	link, stopped, done := r.link, make(chan struct{}), make(chan struct{})
	if link == nil || link.over() && link.told {
		return func() {}
	}
	go func() {
		defer close(done)
		select {
		case <-link.gone:
			link.told = true
			r.notice(r.departed(link))
		case <-stopped:
		}
	}()
	return func() {
		close(stopped)
		<-done
	}
}

// pauses are how long the client waits before it tries again to connect.
var pauses = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// reconnect makes a new link where there is none, or none any more; a certificate that does not verify is not tried again.
func (r *clientRun) reconnect(ctx context.Context, line string) bool {
	if r.link != nil && !r.link.over() {
		return true
	}
	r.drop(ctx)
	for try := 0; ; try++ {
		err := r.connect(ctx)
		switch {
		case err == nil:
			r.notice(r.say("client_reconnected", "addr", safe(r.addr)))
			return true
		case try == len(pauses) || exitCode(err) != exitNobody || ctx.Err() != nil || errors.Is(err, errInterrupted):
			r.notice(r.explain(err) + " " + r.say("client_fate_unsent", "request", safe(mentioned(line))))
			return false
		case try == 0:
			r.notice(r.explain(err) + " " + r.say("client_trying_again"))
		}
		if r.attend(ctx, time.Minute, pause(pauses[try])) != nil {
			r.notice(r.say("client_fate_unsent", "request", safe(mentioned(line))))
			return false
		}
	}
}

// pause waits.
func pause(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A keyboard reads what is typed, also while nobody asks for a line: Ctrl+C must be heard then.
type keyboard struct {
	ctx     context.Context
	typed   chan []byte
	ahead   []byte // typed before it was asked for
	foreign bool   // something was passed over that package term would pass over and say nothing
}

// mostAhead is how much may be typed ahead, in bytes; more is passed over.
const mostAhead = 1 << 16

const ctrlC = 0x03

func newKeyboard(ctx context.Context, in io.Reader) *keyboard {
	k := &keyboard{ctx: ctx, typed: make(chan []byte)}
	go func() { // ends with the program
		defer close(k.typed)
		for {
			buffer := make([]byte, 256)
			n, err := in.Read(buffer)
			if n > 0 {
				select {
				case k.typed <- buffer[:n]:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return k
}

// Read is for who reads lines: it returns no more than one. It ends with the program's context.
func (k *keyboard) Read(b []byte) (int, error) {
	for {
		if n := k.take(b); n > 0 || len(b) < utf8.UTFMax {
			return n, nil
		}
		select {
		case typed, ok := <-k.typed:
			if !ok {
				return 0, io.EOF
			}
			k.ahead = append(k.ahead, typed...)
		case <-k.ctx.Done():
			return 0, io.EOF
		}
	}
}

// termKeys are the control characters that package term takes for keys.
const termKeys = "\x01\x02\x03\x04\x05\x06\b\t\n\v\f\r\x0e\x10\x14\x15\x17\x1b\x7f"

// take takes whole characters of what was typed ahead, to the end of a line.
func (k *keyboard) take(b []byte) (n int) {
	for utf8.FullRune(k.ahead) {
		r, size := utf8.DecodeRune(k.ahead)
		if n+size > len(b) {
			break
		}
		if r == utf8.RuneError || unicode.IsControl(r) && !strings.ContainsRune(termKeys, r) {
			k.foreign, k.ahead = true, k.ahead[size:]
			continue
		}
		n += copy(b[n:], k.ahead[:size])
		k.ahead = k.ahead[size:]
		if r == '\n' || r == '\r' && !bytes.HasPrefix(k.ahead, []byte("\n")) {
			break
		}
	}
	return n
}

// watch listens for Ctrl+C while nobody reads. What was typed before it is passed over.
func (k *keyboard) watch() (<-chan struct{}, func()) {
	interrupted, stop, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		heard := false
		for {
			select {
			case typed, ok := <-k.typed:
				if !ok {
					return
				}
				for _, b := range typed {
					switch {
					case b == ctrlC:
						k.ahead = nil
						if !heard {
							close(interrupted)
						}
						heard = true
					case len(k.ahead) < mostAhead:
						k.ahead = append(k.ahead, b)
					}
				}
			case <-stop:
				return
			}
		}
	}()
	return interrupted, func() {
		close(stop)
		<-done
	}
}
