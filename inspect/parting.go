package inspect

import (
	"bytes"
	"slices"
)

// A Parting sets the two views of a connection beside each other: whatever the
// wire changed makes them differ, and everything that follows from it.
//
// Each pair is by Side: what the client's view has, and what the server's has.
type Parting struct {
	Steps   []TranscriptStep // of the first handshake, in the order of the transcript
	Secrets []SecretPair     // in the order in which either side logged them
}

// Parting compares the views once event at had happened. Without a gate there
// is nothing to part: each pair is the same twice.
func (c *Connection) Parting(at int) Parting {
	return Parting{Steps: c.steps(at), Secrets: c.secretPairs(at)}
}

// First returns the index of the first step at which the two transcripts have
// not the same message; -1 if there is none. From there on the hashes differ,
// and what is computed from them.
func (p Parting) First() int {
	return slices.IndexFunc(p.Steps, func(s TranscriptStep) bool { return !s.Same() })
}

// A TranscriptStep is one place of the handshake's transcript.
type TranscriptStep struct {
	Messages [2]*Message // nil where a view has none: it never came, or has not come so far
	Hashes   [2][]byte   // of the transcript up to and with the message; nil while the hash is not agreed on
}

// Same reports whether both views have the same message here.
func (s TranscriptStep) Same() bool {
	client, server := s.Messages[Client], s.Messages[Server]
	return client != nil && server != nil && client.Side == server.Side && bytes.Equal(client.Bytes, server.Bytes)
}

// Differences returns the fields in which the two forms of the message differ:
// leaves, or, where the trees are not alike, what they have in each other's
// place. It is nil if one is missing.
func (s TranscriptStep) Differences() []FieldPair {
	client, server := s.Messages[Client], s.Messages[Server]
	if client == nil || server == nil {
		return nil
	}
	return differences(client.Fields(), server.Fields(), client.Bytes, server.Bytes)
}

// A FieldPair is a field as the client's view has it, and as the server's has it.
type FieldPair [2]Field

func differences(a, b Field, inA, inB []byte) []FieldPair {
	if bytes.Equal(inA[a.Offset:a.End()], inB[b.Offset:b.End()]) && a.Kind == b.Kind {
		return nil
	}
	alike := func(a, b Field) bool { return a.Kind == b.Kind }
	if a.Kind != b.Kind || len(a.Children) == 0 || !slices.EqualFunc(a.Children, b.Children, alike) {
		return []FieldPair{{a, b}}
	}
	var all []FieldPair
	for i := range a.Children {
		all = append(all, differences(a.Children[i], b.Children[i], inA, inB)...)
	}
	return all
}

func (c *Connection) steps(at int) []TranscriptStep {
	var steps []TranscriptStep
	for side, v := range c.views {
		transcript := v.transcriptAt(at)
		for len(steps) < len(transcript) {
			steps = append(steps, TranscriptStep{})
		}
		for i, m := range transcript {
			steps[i].Messages[side] = m
		}
		if s, agreed := aeadSuites[v.State(at).Suite]; agreed {
			for i, hash := range s.transcriptHashes(transcript) {
				steps[i].Hashes[side] = hash
			}
		}
	}
	return steps
}

// A SecretPair is a secret as each endpoint logged it.
type SecretPair struct {
	Label   string    // as in a key log
	Secrets [2][]byte // nil where an endpoint logged none
}

// Same reports whether both endpoints have the same secret.
func (s SecretPair) Same() bool {
	return s.Secrets[Client] != nil && bytes.Equal(s.Secrets[Client], s.Secrets[Server])
}

func (c *Connection) secretPairs(at int) []SecretPair {
	type logged struct {
		KnownSecret
		side Side
	}
	var all []logged
	for side, v := range c.views {
		for _, secret := range v.Secrets(Side(side), at) {
			if secret.Origin == ClientLog+Origin(side) && secret.Event > c.Event {
				all = append(all, logged{secret, Side(side)})
			}
		}
	}
	slices.SortFunc(all, func(a, b logged) int { return a.Event - b.Event })
	var pairs []SecretPair
	for _, secret := range all {
		i := slices.IndexFunc(pairs, func(p SecretPair) bool { return p.Label == secret.Label })
		if i < 0 {
			i = len(pairs)
			pairs = append(pairs, SecretPair{Label: secret.Label})
		}
		if pairs[i].Secrets[secret.side] == nil {
			pairs[i].Secrets[secret.side] = secret.Bytes
		}
	}
	return pairs
}

// A Crossing is a record as it left its sender and as it met its receiver.
type Crossing struct {
	Sent     *Record // in its sender's view; nil if that side never sent it
	Received *Record // in its receiver's view; nil if it never got there, or not so far
	Seals    []SealPair
}

// A SealPair is one value that the record is protected with, as its sender and
// as its receiver has it: see [Record.Protection].
type SealPair struct {
	Sent, Received Value
}

// Same reports whether both are known, and the same.
func (s SealPair) Same() bool {
	return s.Sent.Bytes != nil && bytes.Equal(s.Sent.Bytes, s.Received.Bytes)
}

// Intact reports whether the bytes that were received are those that were sent.
func (x Crossing) Intact() bool {
	return x.Sent != nil && x.Received != nil && bytes.Equal(x.Sent.Raw(), x.Received.Raw())
}

// Behind returns how many records fewer than its sender the receiver has
// counted under the key: what was lost before, less what was put in. ok is
// false if one of them does not count the record, or counts it under another
// epoch.
func (x Crossing) Behind() (records int, ok bool) {
	counted := func(r *Record) bool {
		return r != nil && r.TLS() && r.Encrypted && r.DecidedAt >= 0 && r.Why != WhyRecordsMissing
	}
	if !counted(x.Sent) || !counted(x.Received) || x.Sent.Epoch != x.Received.Epoch {
		return 0, false
	}
	return int(x.Sent.TLSSeq) - int(x.Received.TLSSeq), true
}

// Crossing sets a record of either view of a gated connection beside what it was
// in the other one. A record that was repeated crossed more than once: of the
// sent one this is the first time. Of one that cannot be read, the receiver's
// values are those that it would have been opened with. Without a gate, both
// are the same.
func (c *Connection) Crossing(r *Record) Crossing {
	x := Crossing{Sent: r, Received: r}
	switch {
	case !c.Opening.Gated:
	case r.Lane == Received:
		x.Sent = c.units[c.causeOf(r.Event)]
	default:
		x.Received = c.arrival(r)
	}
	if x.Sent == nil || x.Received == nil {
		return x
	}
	received := x.Received.Protection()
	for _, value := range x.Sent.Protection() {
		if i := slices.IndexFunc(received, func(other Value) bool { return other.Kind == value.Kind }); i >= 0 {
			x.Seals = append(x.Seals, SealPair{value, received[i]})
		}
	}
	return x
}

// causeOf returns the unit that the event delivered, or put something in the
// place of; -1 for none.
func (c *Connection) causeOf(event int) int {
	return c.views[Client].session.recording.At(event).Cause
}

// arrival returns the record in its receiver's view that a sent one, or what was
// put in its place, first became.
func (c *Connection) arrival(sent *Record) *Record {
	for e := range c.events(never) {
		if e.Cause != sent.Event || e.Side != sent.Side || e.Kind != Forwarded && e.Kind != Altered {
			continue
		}
		if r := c.views[sent.Side.Peer()].recordAt(sent.Side, e.Index); r != nil {
			return r
		}
	}
	return nil
}
