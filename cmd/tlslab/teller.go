package main

import (
	"context"
	"io"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

// A teller prints a session while it grows.
type teller struct {
	session *inspect.Session
	stop    context.CancelFunc
	telling sync.WaitGroup

	mu      sync.Mutex
	writer  *report.Writer
	problem error
}

// lookLater is how often a teller looks whether it has waited long enough for what may yet be decrypted.
const lookLater = 250 * time.Millisecond

// tellAll begins to print a recording to out; done prints what is left.
func tellAll(recording *inspect.Recording, writer *report.Writer) *teller {
	ctx, stop := context.WithCancel(context.Background())
	t := &teller{session: inspect.NewSession(recording), writer: writer, stop: stop}
	t.telling.Go(func() { t.follow(ctx) })
	return t
}

func (t *teller) follow(ctx context.Context) {
	for seen := 0; ; {
		var err error
		if seen, err = t.wait(ctx, seen); err != nil || t.extend() != nil {
			return
		}
	}
}

// wait waits for something new, though not for long while something is held back.
func (t *teller) wait(ctx context.Context, seen int) (int, error) {
	t.mu.Lock()
	waits := t.writer.Waits()
	t.mu.Unlock()
	if !waits {
		return t.session.Recording().Wait(ctx, seen)
	}
	moment, done := context.WithTimeout(ctx, lookLater)
	defer done()
	if n, err := t.session.Recording().Wait(moment, seen); err == nil {
		return n, nil
	}
	return seen, ctx.Err()
}

// extend prints what has come.
func (t *teller) extend() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.problem == nil {
		t.session.Extend()
		t.problem = t.writer.Extend(t.session)
	}
	return t.problem
}

// say prints to out, where the recording is printed too, a line that is no part of it, after what has come before.
func (t *teller) say(out io.Writer, line []byte) error {
	if err := t.extend(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, t.problem = out.Write(line)
	return t.problem
}

// done prints the rest, when nothing more will happen.
func (t *teller) done() error {
	t.stop()
	t.telling.Wait()
	if t.problem != nil {
		return t.problem
	}
	t.session.Extend()
	return t.writer.Close(t.session)
}

// A sharedWriter lets several goroutines write, each a whole text at a time.
type sharedWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *sharedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}
