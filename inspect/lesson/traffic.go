package lesson

import (
	"crypto/aes"
	"slices"
	"time"

	"example.com/tlslab/inspect"
)

// What someone sees who has no keys: of each record its sender, its outer type,
// its length and its time, and the ServerHello, which is in clear.

// A candidate is a command that the latest one may have been.
type candidate struct {
	command string
	answer  string // that it is known to get
	known   bool   // or else it may get any
}

// fits reports whether a record of the client, and so many bytes of records of the server, may be the candidate
// and its answer, where length says how long a record with so many bytes of text is.
func (c candidate) fits(question, answer int, length func(text int) int) bool {
	return length(len(c.command)+len("\n")) == question && (!c.known || length(len(c.answer)+len("\n")) == answer)
}

// guess guesses which of the commands the latest one was, from the lengths of
// the client's latest record and of what the server sent after it.
func (r *run) guess(among []candidate) error {
	r.session.Extend()
	r.guessed = ""
	records := r.observed()
	last := len(records) - 1
	for last >= 0 && records[last].Side != inspect.Client {
		last--
	}
	length := r.sealing()
	if last < 0 || length == nil {
		return nil
	}
	answer := 0
	for _, record := range records[last+1:] {
		answer += record.Length
	}
	var fitting []string
	for _, c := range among {
		if c.fits(records[last].Length, answer, length) {
			fitting = append(fitting, c.command)
		}
	}
	if len(fitting) == 1 {
		r.guessed = fitting[0]
	}
	return nil
}

// observed returns the records of the latest connection that may carry text, in
// the order in which they crossed.
func (r *run) observed() (records []*inspect.Record) {
	conns := r.session.Connections()
	if len(conns) == 0 {
		return nil
	}
	c := conns[len(conns)-1]
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, record := range c.View(from).Records(from) {
			if (record.TLS() && record.Type == inspect.ApplicationData || !record.TLS() && record.Text()) && record.Event <= r.last() {
				records = append(records, record)
			}
		}
	}
	slices.SortFunc(records, func(a, b *inspect.Record) int { return a.Event - b.Event })
	return records
}

// sealing returns how long a record with so many bytes of text is, as version and suite say, or the
// home-made channel; nil where that is not known.
func (r *run) sealing() func(text int) int {
	const tag, explicitNonce, innerType = 16, 8, 1
	plus := func(n int) func(int) int { return func(text int) int { return text + n } }
	blocks := func(text int) int { return text + aes.BlockSize - text%aes.BlockSize }
	switch r.result.Channel {
	case Sealed:
		return blocks
	case SealedAuthenticated:
		const iv, mac = 16, 32
		return func(text int) int { return iv + blocks(text) + mac }
	}
	state, _ := r.state()
	switch state.Suite {
	case 0x1301, 0x1302, 0x1303: // TLS 1.3 with GCM and ChaCha20-Poly1305: RFC 8446 section 5.2
		return plus(innerType + tag)
	case 0xc02b, 0xc02c, 0xc02f, 0xc030: // TLS 1.2 with ECDHE and GCM: RFC 5288 section 3
		return plus(explicitNonce + tag)
	case 0xcca8, 0xcca9: // TLS 1.2 with ECDHE and ChaCha20-Poly1305: RFC 7905 section 2
		return plus(tag)
	}
	return nil
}

// paused returns the longest time in which nothing crossed between an answer
// of the server and what the client said next.
func (r *run) paused() (longest time.Duration) {
	records := r.observed()
	for i := 1; i < len(records); i++ {
		if records[i-1].Side == inspect.Server && records[i].Side == inspect.Client {
			longest = max(longest, records[i].Time.Sub(records[i-1].Time))
		}
	}
	return longest
}
