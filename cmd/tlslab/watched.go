package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/tui"
)

// A watched is what goes on over a real network, with what its tap sees shown meanwhile.
type watched struct {
	*program
	tap     *inspect.Tap
	gate    *inspect.Stepper // nil if nothing is held
	look    look
	log     io.Writer // where it is told as text
	title   string    // of the screen
	bytes   bool      // each record whole, where it is told as text
	waiting []string  // how to make something happen
	news    *news     // what else happens, for the screen; nil for nothing

	patience time.Duration // for secrets that may yet come, where it is told as text: see [report.Text]
}

// tell serves until ctx is done, and tells as text what the tap sees.
func (w *watched) tell(ctx context.Context, serve func(context.Context) error) error {
	text := report.Text{Say: w.sentence, ASCII: w.look.ascii, Patience: w.patience}
	if w.bytes {
		text.Level = report.WithBytes
	}
	told := tellAll(w.tap.Recording(), text.Writer(w.log))
	err := serve(ctx)
	return errors.Join(err, told.done())
}

// show serves behind the screen; whoever leaves the screen ends what is served.
func (w *watched) show(ctx context.Context, serve func(context.Context) error) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	showing, leave := context.WithCancel(ctx)
	defer leave()
	var problem error
	var served sync.WaitGroup
	served.Go(func() {
		if problem = serve(serving); problem != nil {
			leave()
		}
	})
	end := func() {
		stop()
		served.Wait()
		w.tap.Close()
	}
	var latest <-chan string
	if w.news != nil {
		latest = w.news.latest
	}
	err := show(showing, tui.Options{
		News: latest, Recording: w.tap.Recording(), Gate: w.gate, End: end, Title: w.title,
		Lang: w.sentence.Lang(), Theme: w.look.name(), ASCII: w.look.ascii, Waiting: w.waiting,
	})
	end()
	return errors.Join(problem, err)
}
