package lesson

import (
	"bytes"
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// A Measure is what one conversation comes to on one channel. Everything in it is
// computed from the recordings of its runs.
type Measure struct {
	Channel    string
	Sent       [2]int  // bytes on the wire, by the side that sent them, in the whole conversation
	Said       [2]int  // bytes of the programs' text
	RoundTrips int     // before the first answer is there; opening a TCP connection would take one more
	Lines      int     // different lines of the programs' text
	Read       int     // of them, by an eavesdropper
	Keys       bool    // there are keys that could be swapped
	Flipped    Outcome // of a bit in the middle of a long command
	FlippedEnd Outcome // of one in the 17th byte from its end
	Swapped    Outcome
	ReadLater  int // lines that an eavesdropper reads who gets all long-term private keys afterwards

	Honest, Far, Flip, FlipEnd, Swap *Result            // the runs
	Wire, Stolen                     *inspect.Recording // what the eavesdropper has at first, and in the end
}

// A KeyHolder is a stage whose endpoints have private keys that outlive a
// session.
type KeyHolder interface {
	// Steal returns the secrets that whoever has all of these keys finds from what
	// stands on the wire, in the form of a key log.
	Steal(wire *inspect.Session) []inspect.LoggedSecret
}

// latency is how long each record is under way where round trips are counted:
// long enough for what an endpoint says by itself to be under way before an answer comes.
const latency = 40 * time.Millisecond

// longCommands are what a bit is flipped in, so that what comes of it tells of the channel and not of how long somebody's
// commands are: the first is of several blocks of 16 bytes, as a block cipher takes them.
var longCommands = []string{`create encontro "na praia do futuro, ao meio-dia em ponto"`, "read encontro"}

// Compare has the client do the commands on a channel, several times: in peace; over a
// long wire; and with someone in between, who shows both sides a key of their own.
// Two more conversations, each with one bit flipped in the record of a long command, are the same
// whatever the commands are: in its middle; and in the 17th byte from its end, which CBC without a tag
// combines with the last byte of the padding. Silence lasts as long as the runner's patience.
func (r Runner) Compare(ctx context.Context, channel string, commands []string) (*Measure, error) {
	m := &Measure{Channel: channel}
	tamper := func(match inspect.Match, act inspect.Action) *step {
		return &step{run: func(r *run) error { return r.tamper(match, act) }}
	}
	far := tamper(inspect.Match{}, inspect.Delay(latency))
	first := inspect.Match{From: inspect.FromClient, Type: inspect.ApplicationData, Nth: 1}
	for _, one := range []struct {
		name string
		with []string
		do   *step
		says []string
		into **Result
	}{
		{"honest", nil, nil, commands, &m.Honest},
		{"far", nil, far, commands, &m.Far},
		{"flip", nil, tamper(first, flipMiddle), longCommands, &m.Flip},
		{"flip-end", nil, tamper(first, inspect.Flip(-17, 0x01)), longCommands, &m.FlipEnd},
		{"swap", []string{SomeoneInBetween}, nil, commands, &m.Swap},
	} {
		var err error
		if *one.into, err = r.Run(ctx, conversation(one.name, one.with, one.do, one.says), channel); err != nil {
			return nil, err
		}
	}
	m.Flipped, m.FlippedEnd, m.Swapped = m.Flip.Outcome, m.FlipEnd.Outcome, m.Swap.Outcome
	m.count()
	return m, m.steal(r)
}

// SomeoneInBetween is what the stage of a [Runner] is asked for where a
// key is to be swapped.
const SomeoneInBetween = "someone-in-between"

// conversation is a scene of the commands, after a step of its own if there is one.
func conversation(name string, with []string, first *step, commands []string) *Scene {
	scene := &Scene{Name: name, With: with}
	add := func(verb, about string, f func(*run) error) {
		scene.steps = append(scene.steps, step{Step: Step{len(scene.steps) + 1, verb + " " + about, verb, about, ""}, run: f})
	}
	if first != nil {
		add("tamper", name, first.run)
	}
	for _, command := range commands {
		add("do", command, func(r *run) error { return r.do(command) })
	}
	if len(commands) == 0 || strings.TrimSpace(commands[len(commands)-1]) != "exit" {
		add("exit", "", (*run).exit)
	}
	return scene
}

// flipMiddle inverts the lowest bit of a record's middle byte.
func flipMiddle(h inspect.Held) { inspect.Flip(len(h.Bytes)/2, 0x01)(h) }

// count reads what can be read from the runs in peace.
func (m *Measure) count() {
	for e := range m.Honest.Recording.Events(0) {
		switch e.Kind {
		case inspect.Captured:
			m.Sent[e.Side] += len(e.Bytes)
		case inspect.Wrote:
			m.Said[e.Side] += len(e.Bytes)
		case inspect.Secret:
			m.Keys = true
		}
	}
	m.Lines, m.Read = len(lines(m.Honest.Recording)), len(m.Honest.Exposed)
	m.RoundTrips = roundTrips(m.Far.Recording)
}

// lines returns the lines of text that the programs wrote, each once.
func lines(recording *inspect.Recording) (all []string) {
	var text [2][]byte
	for e := range recording.Events(0) {
		if e.Kind == inspect.Wrote {
			text[e.Side] = append(text[e.Side], e.Bytes...)
		}
	}
	for line := range strings.Lines(string(text[inspect.Client]) + string(text[inspect.Server])) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return all
}

// roundTrips counts how often the client waits for the server until the first
// answer is there. What one side sends comes one crossing later than the latest that it
// has received by then; two crossings are a round trip.
func roundTrips(recording *inspect.Recording) int {
	session := inspect.NewSession(recording)
	session.Extend()
	answer := -1
	for _, c := range session.Connections() {
		for _, record := range c.View(inspect.Client).Records(inspect.Server) {
			if text := record.Text(); text && record.Lane == inspect.Received && answer < 0 {
				answer = recording.At(record.Event).Cause
			}
		}
	}
	var reached [2]int // crossings that lie behind what a side has received
	crossing := make(map[int]int)
	for e := range recording.Events(0) {
		switch e.Kind {
		case inspect.Captured:
			crossing[e.Index] = reached[e.Side] + 1
			if e.Index == answer {
				return (crossing[e.Index] + 1) / 2
			}
		case inspect.Forwarded:
			to := recording.At(e.Cause).Side.Peer()
			reached[to] = max(reached[to], crossing[e.Cause])
		}
	}
	return 0
}

// steal gives the eavesdropper the long-term private keys, when all is over, and
// counts what they can read then.
func (m *Measure) steal(r Runner) error {
	stage, ok := m.Honest.stage.(KeyHolder)
	m.Wire, m.Stolen = onTheWire(m.Honest.Recording), onTheWire(m.Honest.Recording)
	if ok {
		session := inspect.NewSession(m.Stolen)
		session.Extend()
		for _, secret := range stage.Steal(session) {
			m.Stolen.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &secret})
		}
		session.Extend()
		followUp(session)
	}
	readable := readable(m.Stolen)
	for _, line := range lines(m.Honest.Recording) {
		if bytes.Contains(readable, []byte(line)) {
			m.ReadLater++
		}
	}
	return nil
}

// followUp adds the master secrets of TLS 1.2 that can be computed: records are
// opened with those that stand in a recording.
func followUp(session *inspect.Session) {
	for _, c := range session.Connections() {
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			state := c.View(side).State(session.Taken() - 1)
			for _, value := range c.View(side).Schedule() {
				if state.Version == tls.VersionTLS12 && value.Name == "master_secret" && value.Bytes != nil {
					secret := &inspect.LoggedSecret{Origin: inspect.Derived, Label: "CLIENT_RANDOM", ClientRandom: state.ClientRandom, Bytes: value.Bytes}
					session.Recording().Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: secret})
				}
			}
		}
	}
}

// onTheWire returns what someone on the wire has recorded.
func onTheWire(recording *inspect.Recording) *inspect.Recording {
	seen := new(inspect.Recording)
	became := make(map[int]int) // of the events that are kept, by their index
	for e := range recording.Events(0) {
		switch e.Kind {
		case inspect.Opened, inspect.Captured, inspect.Forwarded, inspect.Ended, inspect.Drained:
			if cause, ok := became[e.Cause]; ok {
				e.Cause = cause
			}
			index := e.Index
			became[index] = seen.Append(e)
		}
	}
	return seen
}

// readable joins the text of all records that can be read with the secrets in a recording.
func readable(recording *inspect.Recording) (all []byte) {
	session := inspect.NewSession(recording)
	session.Extend()
	session.End()
	for _, c := range session.Connections() {
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, record := range c.View(side).Records(side) {
				if record.Text() && (!record.Encrypted || record.Decrypted) {
					all = append(all, record.Plaintext()...)
				}
			}
		}
	}
	return all
}
