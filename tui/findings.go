package tui

import (
	"slices"
	"sort"

	"example.com/tlslab/inspect"
)

// findings are what follows from the messages and secrets of one connection: proofs, key schedules, and what each side
// can compute when. They are made anew when these have changed, and not for a frame.
type findings struct {
	recording *inspect.Recording
	conn      int
	changed   [2]int // by Side, of its view

	agreed    [2]int            // by Side: the event from which on it has a ServerHello, -1 if it never has
	proofs    [2][]proof        // by Side, as its view has them
	schedules [2][]keySchedule  // one for each handshake
	learned   [2]map[string]int // by Side: from which event on it can compute a secret
	gains     map[part][2][]string
	gained    map[part][2]int // the event from which on it is so
	proved    map[part][]proof
}

// A part is one part of the content of a record, as the sender's lane has it, unless it is there on the other one alone.
type part struct {
	record *inspect.Record
	index  int
}

// A proof is a verification by one side's view.
type proof struct {
	inspect.Verification
	by    inspect.Side
	since int  // the event from which on its side has the message
	early bool // something that it needs is not known yet
}

// A keySchedule is that of one handshake; sources say of each value which other it is derived from, as [inspect.Source]
// does.
type keySchedule struct {
	values  []inspect.Value
	sources []int
}

func newKeySchedule(values []inspect.Value) keySchedule {
	s := keySchedule{values: values}
	for i := range values {
		s.sources = append(s.sources, inspect.Source(values, i))
	}
	return s
}

// begun reports whether any of it was known at the event.
func (s *keySchedule) begun(at int) bool {
	return slices.ContainsFunc(s.values, func(v inspect.Value) bool { return v.Event >= 0 && v.Event <= at })
}

// schedule returns the key schedule of the handshake that was the latest at the event.
func (f *findings) schedule(side inspect.Side, at int) keySchedule {
	schedules := f.schedules[side]
	for i := len(schedules) - 1; i > 0; i-- {
		if schedules[i].begun(at) {
			return schedules[i]
		}
	}
	if len(schedules) == 0 {
		return keySchedule{}
	}
	return schedules[0]
}

// findingsOf returns those of the connection.
func (m *model) findingsOf(c *inspect.Connection) *findings {
	f := &m.findings
	session := m.time.session
	changed := [2]int{c.View(inspect.Client).Changed(), c.View(inspect.Server).Changed()}
	if f.recording != session.Recording() || f.conn != c.Conn || f.changed != changed {
		*f = findings{recording: session.Recording(), conn: c.Conn, changed: changed}
		f.find(c, m.time)
	}
	return f
}

func (f *findings) find(c *inspect.Connection, t *timeline) {
	f.gains, f.gained = make(map[part][2][]string), make(map[part][2]int)
	f.proved = make(map[part][]proof)
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		f.learned[side] = make(map[string]int)
		v := c.View(side)
		for _, gain := range v.Gains(side) {
			at := f.place(c, gain.Message)
			gains, gained := f.gains[at], f.gained[at]
			gains[side], gained[side] = gain.Secrets, t.since(gain.Message)
			f.gains[at], f.gained[at] = gains, gained
			for _, secret := range gain.Secrets {
				if _, before := f.learned[side][secret]; !before && secret != "PSK" { // that one is for a later connection
					f.learned[side][secret] = gained[side]
				}
			}
		}
		if side == inspect.Server && v == c.View(inspect.Client) {
			f.agreed[side], f.proofs[side], f.schedules[side] = f.agreed[inspect.Client], f.proofs[inspect.Client], f.schedules[inspect.Client]
			continue
		}
		f.agreed[side] = -1
		if speaks(c) {
			f.agreed[side] = c.Event
		}
		if i := slices.IndexFunc(v.Messages(), func(m *inspect.Message) bool { return m.Name() == "server_hello" || m.Name() == "hello_retry_request" }); i >= 0 {
			f.agreed[side] = t.since(v.Messages()[i])
		}
		for _, values := range v.Schedules() {
			s := newKeySchedule(values)
			f.date(&s, side, t)
			f.schedules[side] = append(f.schedules[side], s)
		}
		for _, verification := range v.Verifications() {
			p := proof{Verification: verification, by: side, since: t.since(verification.Message)}
			if p.Event == p.Message.Event {
				p.Event = p.since
			}
			f.proofs[side] = append(f.proofs[side], p)
			at := f.place(c, verification.Message)
			f.proved[at] = append(f.proved[at], p)
		}
	}
}

// date says of each value of a key schedule from which event on the screen shows it.
func (f *findings) date(s *keySchedule, side inspect.Side, t *timeline) {
	for i := range s.values {
		value := &s.values[i]
		if value.Event < 0 {
			continue
		}
		since := t.arrival(value.Event)
		if e := t.session.Recording().At(value.Event); e.Kind == inspect.Secret {
			since = f.secretSince(side, inspect.KnownSecret{LoggedSecret: *e.Logged, Event: e.Index})
		}
		if source := s.sources[i]; source >= 0 {
			since = max(since, s.values[source].Event)
		}
		for _, message := range value.Covers {
			since = max(since, t.since(message))
		}
		value.Event = max(since, f.learned[side][value.Name])
	}
}

// secretSince returns the event from which on a side knows a recorded secret. An endpoint writes its key log a moment
// before or after a record crosses, and another moment in the next run: what counts is which message the secret follows
// from.
func (f *findings) secretSince(side inspect.Side, secret inspect.KnownSecret) int {
	if since, ok := f.learned[side][inspect.SecretName(secret.Label)]; ok && (secret.Origin == inspect.ClientLog || secret.Origin == inspect.ServerLog) {
		return since
	}
	return secret.Event
}

// place returns where the message stands in the ladder: where it was sent, if it arrived as it was.
func (f *findings) place(c *inspect.Connection, message *inspect.Message) part {
	r := message.Record
	index := max(slices.IndexFunc(r.Parts, func(p inspect.Part) bool { return p.Message == message }), 0)
	if r.Lane == inspect.Received && r.Verdict == inspect.VerdictNone {
		cause := f.recording.At(r.Event).Cause
		sent := c.View(r.Side).Records(r.Side)
		i := sort.Search(len(sent), func(i int) bool { return sent[i].Event >= cause })
		if i < len(sent) && sent[i].Event == cause {
			r = sent[i]
		}
	}
	return part{r, index}
}

// at returns the proofs of one part, as they stood at the event: those of the receiver where it has the message, else
// those of the sender.
func (f *findings) at(p part, event int) []proof {
	var found [2][]proof
	for _, proof := range f.proved[p] {
		if proof.since > event {
			continue
		}
		found[proof.by] = append(found[proof.by], proof.until(event))
	}
	if receiver := found[p.record.Side.Peer()]; len(receiver) > 0 {
		return receiver
	}
	return found[p.record.Side]
}

// until returns the proof as it stood at the event.
func (p proof) until(event int) proof {
	if p.Event > event {
		p.Outcome, p.Want, p.Notes, p.early = inspect.NotCheckable, nil, nil, true
	}
	return p
}

// known returns what each side can compute since that part, and had at the event.
func (f *findings) known(p part, event int) (gains [2][]string) {
	for side := range gains {
		if gained := f.gained[p]; gained[side] <= event {
			gains[side] = f.gains[p][side]
		}
	}
	return gains
}
