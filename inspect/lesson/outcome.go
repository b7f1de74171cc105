package lesson

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// AttackerName is what someone in the middle is called, as an endpoint of a
// connection ([inspect.Tap.PipeBetween]).
const AttackerName = "attacker"

// An Outcome is what came of a scene: what the attacker got, and what the two
// honest endpoints made of it.
type Outcome struct {
	Exposed  []string  // lines of the programs' text that the attacker could read, in order, each once
	Changed  []Change  // what a program took for its peer's text and was not, or was not all of it
	Noticed  string    // who noticed first: "client", "server", or "" for nobody
	Endpoint [2]Ending // by inspect.Side
	Silent   bool      // the client waited for an answer until its deadline
	Notes    []string  // the names of the scene's remarks on this channel, as where an endpoint departs from the standard
	Guessed  string    // the command that the attacker guessed from sizes alone; "" if it was not asked, or could not
}

// A Change says which program was deceived about what its peer had written.
type Change struct {
	Side  inspect.Side
	Wrote string // by its peer
	Read  string
}

// Cut reports whether what was read is true as far as it goes, and ends too soon.
func (c Change) Cut() bool { return strings.HasPrefix(c.Wrote, c.Read) }

// An Ending is how an endpoint came out.
type Ending struct {
	Errors []string // word for word
	Alerts []Alert  // that it sent, close_notify aside
	Closed string   // close_notify, end of file, cut, or "" if it sends on
}

// An Alert is one that an endpoint sent.
type Alert struct {
	Name       string
	Understood bool   // its peer received and could read it
	Fate       string // in English: read, not readable, undeliverable, ...
}

func (a Alert) String() string { return fmt.Sprintf("%s (%s)", a.Name, a.Fate) }

// last is the event up to which the endpoints are listened to: once there is
// silence, what follows is the end of the scene.
func (r *run) last() int {
	if r.until >= 0 {
		return r.until
	}
	return r.tap.Recording().Len()
}

// of returns the connections that a side of the two honest endpoints had.
func (r *run) of(side inspect.Side) (all []*inspect.Connection) {
	for _, c := range r.session.Connections() {
		if c.Opening.Addr[side] != AttackerName {
			all = append(all, c)
		}
	}
	return all
}

func (r *run) outcome() Outcome {
	o := Outcome{Exposed: r.exposedLines(), Changed: r.changes(), Silent: r.silent, Guessed: r.guessed, Notes: r.notes}
	if side := r.noticed(); side != "nobody" {
		o.Noticed = side
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		o.Endpoint[side] = Ending{Errors: r.errors(side), Alerts: r.alerts(side), Closed: r.ending(side)}
	}
	return o
}

// noticed names the honest endpoint that was the first to notice.
func (r *run) noticed() string {
	who, first := "nobody", 0
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, c := range r.of(side) {
			if notice, ok := c.NoticedBy(side, r.last()); ok && (who == "nobody" || notice.Event < first) {
				who, first = side.String(), notice.Event
			}
		}
	}
	return who
}

// When an endpoint can learn that its peer has refused it.
const (
	inHandshake    = "in its handshake"
	afterHandshake = "after its handshake" // which it believed to be over
	ofNothing      = "of nothing"
)

// learned says when the side heard of the first fatal alert of its peer.
func (r *run) learned(side inspect.Side) string {
	for _, c := range r.of(side) {
		for _, alert := range c.Account(side, r.last()).Heard {
			switch {
			case !alert.Fatal():
			case c.View(side).State(alert.Event).HandshakeDone:
				return afterHandshake
			default:
				return inHandshake
			}
		}
	}
	return ofNothing
}

// read joins what the side's program read on all its connections.
func (r *run) read(side inspect.Side) string {
	var all []byte
	for _, c := range r.of(side) {
		all = append(all, r.text(c, side, inspect.Read)...)
	}
	return string(all)
}

func (r *run) errors(side inspect.Side) (all []string) {
	for _, c := range r.of(side) {
		for _, failure := range c.Account(side, r.last()).Errors {
			if !slices.Contains(all, failure.Error.Text) {
				all = append(all, failure.Error.Text)
			}
		}
	}
	return all
}

func (r *run) failing(side inspect.Side) *remark {
	if errs := r.errors(side); len(errs) > 0 {
		return say("seen_fails", "side", side, "errors", strings.Join(errs, "; "))
	}
	return say("seen_content", "side", side)
}

func (r *run) alerts(side inspect.Side) (all []Alert) {
	for _, c := range r.of(side) {
		for _, alert := range c.Account(side, r.last()).Alerts {
			if alert.Description != 0 {
				name := inspect.AlertName(alert.Description)
				all = append(all, Alert{name, alert.Fate == inspect.FateRead, alert.Fate.String()})
			}
		}
	}
	return all
}

// received returns what the wire did to records that a side received, as
// [inspect.Verdict] says, each once.
func (r *run) received(side inspect.Side) (verdicts []string) {
	for _, item := range r.session.Items() {
		if item.Kind != inspect.RecordItem || item.Lane != inspect.Received || item.Side == side {
			continue
		}
		if verdict := item.Record.Verdict.String(); !slices.Contains(verdicts, verdict) {
			verdicts = append(verdicts, verdict)
		}
	}
	return verdicts
}

func (r *run) ending(side inspect.Side) string {
	conns := r.of(side)
	if len(conns) == 0 {
		return ""
	}
	return conns[len(conns)-1].Account(side, r.last()).Ended.String()
}

// exposedLines returns the lines of the programs' text that crossed the wire
// without protection, or that someone in the middle read as an endpoint. What
// happens to stand among encrypted bytes is not text.
func (r *run) exposedLines() (lines []string) {
	for _, c := range r.session.Connections() {
		for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
			if c.Opening.Addr[from] == AttackerName {
				continue
			}
			seen := r.unprotected(c, from)
			if c.Opening.Addr[from.Peer()] == AttackerName {
				seen = r.text(c, from.Peer(), inspect.Read)
			}
			for line := range strings.Lines(string(r.text(c, from, inspect.Wrote))) {
				line = strings.TrimSuffix(line, "\n")
				if !slices.Contains(lines, line) && bytes.Contains(seen, []byte(line)) {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}

// unprotected joins the text that from sent in records without protection: with
// TLS none, unless an endpoint does what it forbids.
func (r *run) unprotected(c *inspect.Connection, from inspect.Side) (all []byte) {
	for _, record := range c.View(from).Records(from) {
		if record.Text() && record.DecidedAt >= 0 && !record.Encrypted {
			all = append(all, record.Plaintext()...)
		}
	}
	return all
}

func (r *run) exposed() string {
	if lines := r.exposedLines(); len(lines) > 0 {
		return quoted(lines)
	}
	return "nothing"
}

func (r *run) readByAttacker(text string) bool {
	return slices.ContainsFunc(r.exposedLines(), func(line string) bool { return strings.Contains(line, text) })
}

func quoted(lines []string) string {
	var all []string
	for _, line := range lines {
		all = append(all, fmt.Sprintf("%q", line))
	}
	return strings.Join(all, ", ")
}

// text joins what side sent, wrote or, with Read, read.
func (r *run) text(c *inspect.Connection, side inspect.Side, kind inspect.EventKind) (all []byte) {
	for e := range r.tap.Recording().Events(0) {
		if e.Conn == c.Conn && e.Side == side && e.Kind == kind && e.Index <= r.last() {
			all = append(all, e.Bytes...)
		}
	}
	return all
}

// changes returns where a program read something else than its peer wrote, or
// saw an end before everything had come and did not fail.
func (r *run) changes() (all []Change) {
	for _, c := range r.session.Connections() {
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			account := c.Account(side, r.last())
			cut := account.Fidelity == inspect.TextBeginning && account.Saw != 0 && len(account.Errors) == 0
			if account.Fidelity == inspect.TextDifferent || cut {
				all = append(all, Change{side, string(r.text(c, side.Peer(), inspect.Wrote)), string(r.text(c, side, inspect.Read))})
			}
		}
	}
	return all
}

func (r *run) changed() *remark {
	all := r.changes()
	if len(all) == 0 {
		return verbatim("nothing")
	}
	first := all[0]
	return say("seen_changed", "writer", first.Side.Peer(), "wrote", fmt.Sprintf("%q", first.Wrote), "reader", first.Side, "read", fmt.Sprintf("%q", first.Read))
}

func (r *run) answered() *remark {
	switch {
	case r.silent:
		return say("seen_silence")
	case r.err != nil:
		return say("seen_no_answer", "reason", r.err.Error())
	}
	return say("seen_answer", "answer", fmt.Sprintf("%q", r.answer))
}

// state is that of the latest connection, as its client sees it.
func (r *run) state() (state inspect.State, ok bool) {
	conns := r.session.Connections()
	if len(conns) == 0 {
		return state, false
	}
	return conns[len(conns)-1].View(inspect.Client).State(r.last()), true
}

func (r *run) version() string {
	state, ok := r.state()
	if !ok || state.Version == 0 {
		return "no version was agreed on"
	}
	return inspect.VersionName(state.Version)
}

func (r *run) resumption() string {
	if state, _ := r.state(); state.Resumed {
		return "resumed"
	}
	return "not resumed"
}
