package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// A desk is where whoever uses the client sits.
type desk interface {
	// ask puts a question and returns the line that answers it; io.EOF when there are no more, errInterrupted where it is
	// not to be answered.
	ask(ctx context.Context, question string) (string, error)
	// attended reports whether a person sits there, who can be asked again.
	attended() bool
	// watch tells, until it is stopped, that the user does not want to wait any longer.
	watch() (interrupted <-chan struct{}, stop func())
}

// A pipeDesk is standard input, whatever it is; a signal interrupts it.
type pipeDesk struct {
	next  func() (line, bool)
	read  int // lines
	close func()
	out   io.Writer // where questions go if a person answers them; nil if not
}

func newPipeDesk(ctx context.Context, in *os.File, out io.Writer) *pipeDesk {
	d := new(pipeDesk)
	d.next, d.close = iter.Pull(lines(ctx, in))
	if isTerminal(in) {
		d.out = out
	}
	return d
}

func (d *pipeDesk) ask(_ context.Context, question string) (string, error) {
	if d.out != nil {
		fmt.Fprint(d.out, question)
	}
	next, ok := d.next()
	if !ok {
		return "", io.EOF
	}
	d.read++
	return next.text, next.err
}

func (d *pipeDesk) attended() bool { return d.out != nil }

func (d *pipeDesk) watch() (<-chan struct{}, func()) { return nil, func() {} }

// folded is a terminal on which lines that are too long are broken between words. It takes whole lines.
type folded struct {
	io.Writer
	terminal *os.File
}

func (f folded) Write(text []byte) (int, error) {
	width, _, err := term.GetSize(int(f.terminal.Fd()))
	if err != nil || width < 20 {
		return f.Writer.Write(text)
	}
	var lines strings.Builder
	for line := range strings.Lines(string(text)) {
		if content := strings.TrimRight(line, "\n"); utf8.RuneCountInString(content) >= width {
			words := strings.TrimLeft(content, " ")
			indent := content[:len(content)-len(words)]
			line = indent + strings.ReplaceAll(wrap(words, width-1-len(indent)), "\n", "\n"+indent) + "\n"
		}
		lines.WriteString(line)
	}
	if _, err := io.WriteString(f.Writer, lines.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}
