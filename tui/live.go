package tui

import (
	"context"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	tea "github.com/charmbracelet/bubbletea"
)

// live is the session that runs behind the screen, and whatever else runs there: everything that may wait is done by
// tasks, never by Update.
type live struct {
	ctx     context.Context
	cancel  context.CancelFunc
	session context.Context // of the session that is shown: ends when it is replaced
	stop    context.CancelFunc

	mu    sync.Mutex
	tasks sync.WaitGroup
	over  bool
	play  inspect.Play
	tap   *inspect.Tap
	done  func()
}

func newLive(ctx context.Context) *live {
	l := new(live)
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.session, l.stop = context.WithCancel(l.ctx)
	return l
}

// task makes a command of f that [live.end] waits for.
func (l *live) task(f func() tea.Msg) tea.Cmd {
	return func() tea.Msg {
		l.mu.Lock()
		if l.over {
			l.mu.Unlock()
			return nil
		}
		l.tasks.Add(1)
		l.mu.Unlock()
		defer l.tasks.Done()
		return f()
	}
}

// end closes the session and returns when no task runs any more.
func (l *live) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.close()
	l.cancel()
	l.tasks.Wait()
	l.close() // what a task opened meanwhile
}

// close closes the session, if there is one.
func (l *live) close() {
	l.mu.Lock()
	play, tap, done := l.play, l.tap, l.done
	l.play, l.tap, l.done = nil, nil, nil
	l.mu.Unlock()
	if play != nil {
		play.Close()
	}
	if tap != nil {
		tap.Close()
	}
	if done != nil {
		done()
	}
}

// opened says that a new session has begun, or why it has not; or that a recording has been read.
type opened struct {
	generation int
	time       *timeline
	play       inspect.Play
	stepper    *inspect.Stepper
	err        error
}

// open closes the old session and opens a new one, with a gate that holds, or lets through, a unit at a time: each record
// is captured by itself, however many came in one write, and the cursor walks through them one by one.
func (l *live) open(o Options, generation int, held bool) tea.Cmd {
	l.stop()
	l.session, l.stop = context.WithCancel(l.ctx)
	ctx := l.session
	return l.task(func() tea.Msg {
		l.close()
		tap, done := inspect.NewTap(), func() {}
		if o.NewTap != nil {
			tap, done = o.NewTap(held)
		}
		stepper, ours := tap.Gate.(*inspect.Stepper)
		if !ours && (held || tap.Gate == nil) {
			stepper = new(inspect.Stepper)
			tap.Gate = stepper
			if !held {
				stepper.Run()
			}
		}
		var stopped func(id int) bool
		if stepper != nil {
			stopped = stepper.Stopped
		}
		play, err := o.Stage.Open(ctx, tap)
		l.mu.Lock()
		l.play, l.tap, l.done = play, tap, done
		l.mu.Unlock()
		return opened{generation, newTimeline(tap.Recording(), stopped), play, stepper, err}
	})
}

// read lays out a recording that is watched.
func (l *live) read(o Options, generation int) tea.Cmd {
	return l.task(func() tea.Msg {
		return opened{generation: generation, time: newTimeline(o.Recording, o.stopped()), stepper: o.Gate}
	})
}

// bulletin says a sentence of what happens that the recording does not show.
type bulletin string

// listen waits for the next sentence; of no channel there is none.
func (l *live) listen(from <-chan string) tea.Cmd {
	if from == nil {
		return nil
	}
	return l.task(func() tea.Msg {
		select {
		case text := <-from:
			return bulletin(text)
		case <-l.ctx.Done():
			return nil
		}
	})
}

// grown says that the recording holds more than it did.
type grown struct {
	generation int
	of         *inspect.Recording
}

// A frame is how often the screen looks at what is new, at most.
const frame = 33 * time.Millisecond

// watch waits until the recording holds more than n events. However many come, they make one message a frame.
func (l *live) watch(r *inspect.Recording, generation, n int) tea.Cmd {
	ctx := l.session
	return l.task(func() tea.Msg {
		if _, err := r.Wait(ctx, n); err != nil {
			return nil
		}
		select {
		case <-time.After(frame):
		case <-ctx.Done():
			return nil
		}
		return grown{generation, r}
	})
}

// halted says that the gate has held more units than it had. The recording had them before, so that a screen may already
// have drawn them as on their way.
type halted struct {
	generation int
	held       int
}

// watchGate waits until the gate, if there is one, has held more than n units.
func (l *live) watchGate(gate *inspect.Stepper, generation, n int) tea.Cmd {
	if gate == nil {
		return nil
	}
	ctx := l.session
	return l.task(func() tea.Msg {
		held, err := gate.WaitHeld(ctx, n)
		if err != nil {
			return nil
		}
		return halted{generation, held}
	})
}

// answered is what came of a command.
type answered struct {
	generation int
	command    string
	answer     string
	err        error
}

// do has the client send a command.
func (l *live) do(play inspect.Play, generation int, command string) tea.Cmd {
	ctx := l.session
	return l.task(func() tea.Msg {
		answer, err := play.Do(ctx, command)
		return answered{generation, command, answer, err}
	})
}
