package lesson

import (
	"sync"

	"example.com/tlslab/inspect"
)

// A pacer is the gate of scenes and lessons: a record that a lesson holds waits until it is released, and one that is
// about to be tampered with waits for whoever looks on. What its sender sends meanwhile waits
// behind it, in its turn, as on a wire. The other direction goes on.
type pacer struct {
	rules *inspect.Rules
	asked sync.WaitGroup

	mu    sync.Mutex
	lanes map[sender]*lane
}

// A sender is one side of one connection.
type sender struct {
	conn int
	side inspect.Side
}

// A lane is what comes from a sender. The wire calls its gate for one
// connection one call at a time, and nothing else touches a lane.
type lane struct {
	waits  bool
	behind []func() // what the rules are told once it does not
}

// Captured implements [inspect.Gate].
func (p *pacer) Captured(w inspect.Wire, u inspect.Unit) {
	p.lane(w, u.From).inTurn(func() { p.rules.Captured(w, u) })
}

// Ended implements [inspect.Gate].
func (p *pacer) Ended(w inspect.Wire, from inspect.Side) {
	p.lane(w, from).inTurn(func() { p.rules.Ended(w, from) })
}

func (p *pacer) lane(w inspect.Wire, from inspect.Side) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lanes == nil {
		p.lanes = make(map[sender]*lane)
	}
	key := sender{w.Conn(), from}
	if p.lanes[key] == nil {
		p.lanes[key] = new(lane)
	}
	return p.lanes[key]
}

// ask leaves the unit held until whoever looks on has seen it, and has act
// decide on it then; if they leave, nobody does.
func (p *pacer) ask(h inspect.Held, look func() error, act inspect.Action) {
	l := p.lane(h.Wire, h.From)
	l.waits = true
	p.asked.Go(func() {
		if look() != nil {
			return
		}
		h.Wire.After(0, func() {
			act(h)
			l.goOn()
		})
	})
}

// hold leaves the unit held until it is released.
func (p *pacer) hold(h inspect.Held) { p.lane(h.Wire, h.From).waits = true }

// release has act decide on a unit that was held, and then the rules on what came behind it. It returns a channel that is closed
// once that is done; it never is if the connection is over.
func (p *pacer) release(h inspect.Held, act inspect.Action) <-chan struct{} {
	done := make(chan struct{})
	h.Wire.After(0, func() {
		defer close(done)
		act(h)
		p.lane(h.Wire, h.From).goOn()
	})
	return done
}

func (l *lane) inTurn(tell func()) {
	if l.waits {
		l.behind = append(l.behind, tell)
		return
	}
	tell()
}

// goOn tells the rules what has come meanwhile, up to the next unit that waits.
func (l *lane) goOn() {
	for l.waits = false; !l.waits && len(l.behind) > 0; {
		tell := l.behind[0]
		l.behind = l.behind[1:]
		tell()
	}
}
