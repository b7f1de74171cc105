package report

import (
	"strings"

	"example.com/tlslab/inspect"
)

// The lines that tell what was computed, their keys in the order of the manual.
type (
	keyLine struct {
		Kind    string       `json:"kind"`
		Conn    int          `json:"conn"`
		View    string       `json:"view"`
		What    string       `json:"what"`
		Name    string       `json:"name"`
		Value   hexBytes     `json:"value"`
		Missing string       `json:"missing,omitempty"`
		Origin  *string      `json:"origin"`
		Logged  bool         `json:"logged"`
		Time    jsonTime     `json:"time"`
		Formula string       `json:"formula"`
		Inputs  []inputJSON  `json:"inputs"`
		Covers  []messageRef `json:"covers"`
		Command string       `json:"command"`
		RFC     string       `json:"rfc"`
	}
	inputJSON struct {
		Name  string   `json:"name"`
		Value hexBytes `json:"value"`
	}
	verificationLine struct {
		Kind    string       `json:"kind"`
		Conn    int          `json:"conn"`
		View    string       `json:"view"`
		What    string       `json:"what"`
		Message *messageRef  `json:"message"`
		Outcome string       `json:"outcome"`
		Why     string       `json:"why,omitempty"`
		Reason  string       `json:"reason,omitempty"`
		Notes   []string     `json:"notes"`
		Got     hexBytes     `json:"got"`
		Want    hexBytes     `json:"want"`
		Covers  []messageRef `json:"covers"`
		Time    jsonTime     `json:"time"`
		RFC     string       `json:"rfc"`
	}
	messageRef struct {
		Type    string `json:"type"`
		Dir     string `json:"dir"`
		Lane    string `json:"lane"`
		Seq     *int   `json:"seq"`
		Message *int   `json:"message"`
	}
)

// computedLines are the key and verification lines of a session that has
// ended. Before, a value may still become known, or turn up in a key log.
func (j JSON) computedLines(s *inspect.Session) []byte {
	places := newPlaces(s)
	var lines []byte
	for _, c := range s.Connections() {
		views := []inspect.Side{inspect.Client}
		if c.Opening.Gated {
			views = []inspect.Side{inspect.Client, inspect.Server}
		}
		for _, side := range views {
			name := "both"
			if c.Opening.Gated {
				name = side.String()
			}
			teller := computed{JSON: j, session: s, places: places, conn: c.Conn, name: name, view: c.View(side)}
			lines = teller.keys(lines)
			proofs := teller.view.Verifications()
			if c.Opening.Gated {
				proofs = proofsBy(c, side)
			}
			lines = teller.verifications(proofs, lines)
		}
		lines = endpointLines(s, c, lines)
	}
	return lines
}

// A computed tells what was computed from one view of a connection.
type computed struct {
	JSON
	session *inspect.Session
	places  places
	conn    int
	name    string // of the view
	view    *inspect.View
}

// keys appends the lines of the key schedule, and of the keys that records
// were opened with besides: those after a KeyUpdate.
func (c computed) keys(lines []byte) []byte {
	told := make(map[string]bool)
	tell := func(value inspect.Value, event int) {
		if id := value.Name + "=" + string(value.Bytes); !told[id] {
			told[id] = true
			lines = append(lines, encode(c.key(value, event))...)
		}
	}
	for _, value := range c.ech() {
		tell(value, value.Event)
	}
	for _, handshake := range c.view.Schedules() {
		for _, value := range handshake {
			tell(value, value.Event)
		}
	}
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		var last inspect.Epoch
		for _, r := range c.view.Records(from) {
			if !r.Decrypted || r.Epoch == last {
				continue
			}
			last = r.Epoch
			for _, value := range r.Protection() {
				if strings.HasPrefix(value.Kind, "schedule.") {
					tell(value, r.DecidedAt)
				}
			}
		}
	}
	return lines
}

func (c computed) key(value inspect.Value, event int) keyLine {
	line := keyLine{
		Kind: "key", Conn: c.conn, View: c.name, What: value.Kind, Name: value.Name, Value: value.Bytes,
		Missing: inspect.Safe(value.Missing), Logged: value.Logged, Time: c.at(event),
		Formula: value.Formula, Inputs: []inputJSON{}, Covers: c.refs(value.Covers), Command: value.Command, RFC: value.RFC,
	}
	if value.Bytes != nil {
		line.Missing = ""
	} else {
		line.Time = jsonTime{}
	}
	if value.Origin != 0 {
		origin := value.Origin.String()
		line.Origin = &origin
	}
	for _, input := range value.Inputs {
		line.Inputs = append(line.Inputs, inputJSON{input.Name, input.Bytes})
	}
	if c.NoSecrets {
		line.Command = ""
		for i := range line.Inputs {
			line.Inputs[i].Value = nil
		}
		if !isPublic(value.Kind) {
			line.Value = nil
		}
	}
	return line
}

func (c computed) verifications(proofs []inspect.Verification, lines []byte) []byte {
	for _, v := range proofs {
		line := verificationLine{
			Kind: "verification", Conn: c.conn, View: c.name, What: v.Kind, Message: c.ref(v.Message), Outcome: v.Outcome.String(),
			Why: v.Because.Key, Reason: inspect.Safe(v.Reason), Notes: []string{}, Got: v.Got, Want: v.Want, Covers: c.refs(v.Covers),
			Time: c.at(v.Event), RFC: v.RFC,
		}
		for _, note := range v.Notes {
			line.Notes = append(line.Notes, inspect.Safe(note.String()))
		}
		lines = append(lines, encode(line)...)
	}
	return lines
}

// at returns the time of an event, if there is one.
func (c computed) at(event int) jsonTime {
	if event < 0 {
		return jsonTime{}
	}
	return jsonTime(c.session.Recording().At(event).Time)
}

func (c computed) refs(messages []*inspect.Message) []messageRef {
	refs := make([]messageRef, len(messages))
	for i, m := range messages {
		refs[i] = *c.ref(m)
	}
	return refs
}

// ref says in which of the record lines a message stands.
func (c computed) ref(m *inspect.Message) *messageRef {
	if m == nil {
		return nil
	}
	ref := &messageRef{Type: m.Name(), Dir: m.Side.String(), Lane: inspect.Sent.String()}
	if m.Record == nil {
		return ref
	}
	if i, ok := indexOf(m); ok {
		ref.Message = &i
	}
	lane, seq, ok := c.places.of(m.Record)
	if ref.Lane = lane.String(); ok {
		ref.Seq = &seq
	}
	return ref
}

// indexOf returns the place of a message within the messages of its record's
// line, where a message that other records begin stands behind its last piece,
// and an inner ClientHello behind its outer one.
func indexOf(m *inspect.Message) (i int, ok bool) {
	for _, part := range m.Record.Parts {
		if i++; part.Message == nil { // behind the part
			continue
		}
		if whole := part.Length == len(part.Message.Bytes); !whole {
			i++
		}
		if part.Message == m {
			return i - 1, true
		}
		if o := part.Message.ECH(); o != nil && o.Inner != nil {
			if i++; o.Inner == m {
				return i - 1, true
			}
		}
	}
	return 0, false
}

// places finds the lines of records.
type places struct {
	session  *inspect.Session
	received map[*inspect.Record]bool // that have a line of their own
	sent     map[sentUnit]int         // the seq of the record that a unit brought
}

// A sentUnit is what an event captured.
type sentUnit struct{ conn, event int }

func newPlaces(s *inspect.Session) places {
	p := places{s, make(map[*inspect.Record]bool), make(map[sentUnit]int)}
	for _, item := range s.Items() {
		switch {
		case item.Kind != inspect.RecordItem:
		case item.Record.Lane == inspect.Received:
			p.received[item.Record] = true
		case item.Lane == inspect.Sent:
			p.sent[sentUnit{item.Conn, item.Record.Event}] = item.Record.Seq
		}
	}
	return p
}

// of returns where a record's line is. One that arrived as it was sent has the
// line of the sent one.
func (p places) of(r *inspect.Record) (lane inspect.Lane, seq int, ok bool) {
	if r.Lane == inspect.Sent || p.received[r] {
		return r.Lane, r.Seq, true
	}
	seq, ok = p.sent[sentUnit{r.Conn, p.session.Recording().At(r.Event).Cause}]
	return inspect.Sent, seq, ok
}
