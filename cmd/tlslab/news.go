package main

import (
	"io"
	"strings"
	"sync"
)

// mostNews is how many sentences are kept for the end.
const mostNews = 1000

// A news is what its operator must learn of a server while a screen has the terminal: the screen shows the latest, and all of it is
// printed when the screen has been left.
type news struct {
	latest chan string // for the screen: has the latest sentence that was not taken

	mu      sync.Mutex
	said    []string
	dropped int // sentences that were not kept
}

func newNews() *news { return &news{latest: make(chan string, 1)} }

// Write takes whole sentences, a line each, safe to show.
func (n *news) Write(text []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		if len(n.said) == mostNews {
			n.said = n.said[1:]
			n.dropped++
		}
		n.said = append(n.said, line)
		select {
		case <-n.latest:
		default:
		}
		n.latest <- strings.TrimRight(line, "\n")
	}
	return len(text), nil
}

// print prints what was said, the latest last.
func (n *news) print(p *program, out io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dropped > 0 {
		io.WriteString(out, p.say("cmd_serve_news_dropped", "count", n.dropped)+"\n")
	}
	io.WriteString(out, strings.Join(n.said, ""))
}
