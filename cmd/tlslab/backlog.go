package main

import (
	"io"
	"sync"
	"time"
)

// A backlog takes what a server has to say, and writes it as fast as it is read: nobody who is served waits for a terminal that
// is paused, or for a pipe that nobody reads. What does not fit any more is left out and counted.
type backlog struct {
	out     io.Writer
	leftOut func(count int) string // says how many texts were left out

	mu      sync.Mutex
	waiting []byte
	lost    int
	idle    chan struct{} // closed when all is written; nil if it is
}

const (
	mostWaiting  = 64 << 10        // bytes
	lastPatience = 1 * time.Second // for the rest to be read, at the end
)

func (b *backlog) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting)+len(text) > mostWaiting {
		b.lost++
		return len(text), nil
	}
	b.waiting = append(b.waiting, text...)
	if b.idle == nil {
		b.idle = make(chan struct{})
		go b.drain(b.idle)
	}
	return len(text), nil
}

func (b *backlog) drain(idle chan struct{}) {
	for {
		b.mu.Lock()
		texts, lost := b.waiting, b.lost
		b.waiting, b.lost = nil, 0
		if len(texts) == 0 {
			b.idle = nil
			close(idle)
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		if lost > 0 {
			texts = append(append(texts, b.leftOut(lost)...), '\n')
		}
		b.out.Write(texts)
	}
}

// flush waits until all is written, but not for ever.
func (b *backlog) flush() {
	b.mu.Lock()
	idle := b.idle
	b.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-time.After(lastPatience):
	}
}
