package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
)

// A desk is where whoever uses the client sits.
type desk interface {
	// ask puts a question and returns the line that answers it; io.EOF when there are no more.
	ask(ctx context.Context, question string) (string, error)
	// attended reports whether a person sits there, who can be asked again.
	attended() bool
	// watch tells, until it is stopped, that the user does not want to wait any longer.
	watch() (interrupted <-chan struct{}, stop func())
}

// A pipeDesk is standard input, whatever it is; a signal interrupts it.
type pipeDesk struct {
	next  func() (line, bool)
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
	return next.text, next.err
}

func (d *pipeDesk) attended() bool { return d.out != nil }

func (d *pipeDesk) watch() (<-chan struct{}, func()) { return nil, func() {} }
