package sockets

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"example.com/tlslab/docs"
)

// tasks are how long the tasks of the warm-up sleep, the first one's number being 1.
var tasks = []time.Duration{3 * time.Second, 2 * time.Second, time.Second, 500 * time.Millisecond}

// WarmUp is the warm-up on concurrency before V5: four tasks that say when they begin and when they end, and sleep
// between. The zero value works.
type WarmUp struct {
	Lang   string    // "en" or "pt-BR"
	Screen io.Writer // what is said, a line in each Write; nil: nothing

	// The clock that tasks sleep by and that measures them; nil: the system's. Sleep must return when ctx is done.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error

	mu    sync.Mutex
	first int // the task that ended first
}

// Run does the tasks in sequence and then at once, and says of both how long it took.
func (w *WarmUp) Run(ctx context.Context) error {
	w.say("sockets_tasks_in_sequence")
	if _, err := w.InSequence(ctx); err != nil {
		return err
	}
	w.say("sockets_tasks_at_once")
	_, err := w.AtOnce(ctx)
	return err
}

// InSequence does one task after the other, and returns how long it took.
func (w *WarmUp) InSequence(ctx context.Context) (took time.Duration, err error) {
	return w.measure(func() error {
		for number := range len(tasks) {
			if err := w.task(ctx, number+1, func() {}); err != nil {
				return err
			}
		}
		return nil
	})
}

// AtOnce does all tasks concurrently: each has begun before the next is started, as Python's
// Thread.start has it. It returns how long it took.
func (w *WarmUp) AtOnce(ctx context.Context) (took time.Duration, err error) {
	return w.measure(func() error {
		var all sync.WaitGroup
		errs := make([]error, len(tasks))
		for number := range len(tasks) {
			begun := make(chan struct{})
			all.Go(func() { errs[number] = w.task(ctx, number+1, func() { close(begun) }) })
			<-begun
		}
		all.Wait()
		return cmp.Or(errs...)
	})
}

func (w *WarmUp) measure(work func() error) (took time.Duration, err error) {
	now := w.Now
	if now == nil {
		now = time.Now
	}
	w.first = 0
	began := now()
	if err := work(); err != nil {
		return 0, err
	}
	took = now().Sub(began)
	w.say("sockets_tasks_took", "seconds", decimal(took.Seconds(), 1, w.Lang), "task", w.first)
	return took, nil
}

// task is one task.
func (w *WarmUp) task(ctx context.Context, number int, begun func()) error {
	w.say("sockets_task_begins", "task", number)
	begun()
	sleep := w.Sleep
	if sleep == nil {
		sleep = doze
	}
	if err := sleep(ctx, tasks[number-1]); err != nil {
		return err
	}
	w.mu.Lock()
	if w.first == 0 {
		w.first = number
	}
	w.mu.Unlock()
	w.say("sockets_task_ends", "task", number)
	return nil
}

// doze sleeps by the system's clock.
func doze(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *WarmUp) say(id string, pairs ...any) {
	if w.Screen == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	io.WriteString(w.Screen, docs.For(w.Lang).Say(id, pairs...)+"\n")
}
