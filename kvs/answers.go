package kvs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// answers are what the requests of a connection were answered, on their way to the client. Of requests that came together
// the answers go together, and what they write goes to the disk together: what an answer promises is there before it is sent.
//
// They are the store as the requests of the connection see it.
type answers struct {
	ctx    context.Context // done when the server is to stop: then nothing waits for its turn any more
	conn   *kernel.Conn
	store  store.Store
	source *bufio.Reader          // of the requests
	broken func(err error) []byte // the answer in place of one whose promise could not be kept
	gone   func() error           // why the client is not there any more; nil if it may be

	views    func(do func(store.Reader) error) error // a series; nil if none has begun
	endViews func()

	b    []byte
	owed []promise
	verb string       // of the request that was answered; "" if that was with an error
	wait func() error // what it must wait for; nil if it wrote nothing
	err  error        // of the connection
}

// A promise is an answer, b[from:to], that holds once wait has returned nil.
type promise struct {
	from, to int
	verb     string
	wait     func() error
}

const (
	mostOwed    = 1000     // answers that wait for the disk
	mostAnswers = 32 << 10 // bytes of answers that wait for each other
)

// View implements [store.Store]: it finds what the requests before have written. Requests that are there already when the first of them
// reads may find the store as it was then, until one of them writes.
func (a *answers) View(do func(store.Reader) error) error {
	a.settle()
	if a.views == nil {
		series, ok := a.store.(store.Series)
		if !ok || a.source.Buffered() == 0 {
			return a.store.View(do)
		}
		var err error
		if a.views, a.endViews, err = series.Views(); err != nil {
			return err
		}
	}
	return a.views(do)
}

// lookAnew ends the series of Views, if there is one.
func (a *answers) lookAnew() {
	if a.views != nil {
		a.endViews()
		a.views, a.endViews = nil, nil
	}
}

// Update implements [store.Store]. Where another request is there already, it does not wait for the disk.
func (a *answers) Update(do func(store.Writer) error) error {
	a.lookAnew()
	pipeline, ok := a.store.(store.Pipeline)
	if !ok || a.source.Buffered() == 0 || a.wait != nil {
		return a.store.Update(do)
	}
	wait, err := pipeline.Later(do)
	a.wait = wait
	return err
}

// How much of the store one stretch of a scan goes through.
const (
	stretchPairs = 1000
	stretchBytes = 256 << 10 // and one pair
)

// scan goes through the pairs from a key on, in the order of the keys' bytes, until see returns an error. It does so in stretches,
// each a View in its turn (see [kernel.Conn.Stretch]), so that nobody waits for the whole: a pair that is there all the while is
// seen once, one that others change meanwhile may be seen or not. See is called within a View and should be quick; behind, if
// there is such, after each (the one that errEnough ends included), for what is not.
func (a *answers) scan(from []byte, see func(store.Pair) error, behind func() error) error {
	// While it waits for its turn it has nothing open, and while it has that it does not wait for the disk.
	a.lookAnew()
	a.settle()
	stretch := func() (more bool, err error) {
		pairs, size := 0, 0
		err = a.store.View(func(r store.Reader) error {
			for pair := range r.Scan(from) {
				if pairs == stretchPairs || size >= stretchBytes {
					from, more = bytes.Clone(pair.Key), true
					return nil
				}
				pairs, size = pairs+1, size+len(pair.Key)+len(pair.Value)
				if err := see(pair); err != nil {
					return err
				}
			}
			return nil
		})
		if (err == nil || err == errEnough) && behind != nil {
			err = cmp.Or(behind(), err)
		}
		return more, err
	}
	for more := true; more; {
		err := a.conn.Stretch(a.ctx, func() (err error) {
			more, err = stretch()
			return err
		})
		if err != nil || !more {
			return err
		}
		if err := cmp.Or(a.flush(), a.gone()); err != nil {
			return &goneError{err}
		}
	}
	return nil
}

// goneError says that there is nobody to answer.
type goneError struct{ error }

func (e *goneError) Unwrap() error { return e.error }

// Close implements [store.Store]: the store is not theirs to close.
func (a *answers) Close() error { return nil }

// add has the request that is being answered answered by these parts, which are copied.
func (a *answers) add(parts ...[]byte) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if length >= mostAnswers { // it is not copied
		a.alone(parts)
		return
	}
	from := len(a.b)
	for _, part := range parts {
		a.b = append(a.b, part...)
	}
	if a.wait != nil {
		a.owed = append(a.owed, promise{from, len(a.b), a.verb, a.wait})
		a.wait = nil
	}
	if len(a.owed) >= mostOwed || len(a.b) >= mostAnswers {
		a.flush()
	}
}

func (a *answers) alone(parts [][]byte) {
	a.flush()
	if a.wait != nil {
		err := a.wait()
		if a.wait = nil; err != nil {
			a.failed(a.verb)
			parts = [][]byte{a.broken(err)}
		}
	}
	for _, part := range parts {
		a.write(part)
	}
}

// settle waits until every promise is kept, or replaces the answer.
func (a *answers) settle() {
	var b []byte
	from := 0
	for _, p := range a.owed {
		if err := p.wait(); err != nil {
			a.failed(p.verb)
			b = append(append(b, a.b[from:p.from]...), a.broken(err)...)
			from = p.to
		}
	}
	if from > 0 {
		a.b = append(b, a.b[from:]...)
	}
	clear(a.owed)
	a.owed = a.owed[:0]
}

// failed has a request of which the answer was replaced counted as what it is.
func (a *answers) failed(verb string) {
	if verb != "" {
		a.conn.Failed(verb)
	}
}

// flush sends what is there. The error is the connection's, from then on.
func (a *answers) flush() error {
	a.lookAnew()
	a.settle()
	a.write(a.b)
	if a.b = a.b[:0]; cap(a.b) > 2*mostAnswers {
		a.b = nil
	}
	return a.err
}

func (a *answers) write(b []byte) {
	if len(b) > 0 && a.err == nil {
		_, a.err = a.conn.Write(b)
	}
}

// end waits for what nobody will be told of.
func (a *answers) end() {
	a.lookAnew()
	if a.wait != nil {
		a.wait()
	}
	a.settle()
}
