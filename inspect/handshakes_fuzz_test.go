package inspect

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzHandshakes lets two peers say any messages in any order, in clear or under
// any of the connection's keys, all of which the recording has, early or late:
// what is read is covered, and everything that is computed from it can be.
//
// A line of the play is one record: a byte that has its sender, its epoch and its
// type, the length of the content in two bytes, the content.
func FuzzHandshakes(f *testing.F) {
	for _, rec := range recordedSessions(f) {
		session := NewSession(rec)
		for _, c := range session.conns {
			f.Add(c.views[Client].state().Suite, playOf(c.views[Client]), false)
		}
	}
	f.Add(uint16(0x1301), []byte("\x10\x00\x04\x00\x00\x00\x00"), true)
	f.Fuzz(func(t *testing.T, suite uint16, play []byte, late bool) {
		if _, ok := aeadSuites[suite]; !ok {
			suite = 0x1301
		}
		rec := perform(suite, play, late)
		session := NewSession(rec)
		session.End()
		coveredOnce(t, session)
		view := session.conns[0].views[Client]
		for r := range session.Records() {
			r.Protection()
		}
		for _, m := range view.messages {
			if err := checkTree(m.Fields(), len(m.Bytes)); err != nil {
				t.Fatalf("%s: %v", m.Name(), err)
			}
		}
		for _, value := range view.Schedule() {
			if (value.Bytes == nil) != (value.Missing != "") {
				t.Fatalf("%s: %d bytes, missing %q", value.Name, len(value.Bytes), value.Missing)
			}
		}
		for _, c := range view.Verifications() {
			if (c.Outcome == Verified) != (c.Reason == "") {
				t.Fatalf("%s: %s: %q", c.Kind, c.Outcome, c.Reason)
			}
		}
	})
}

// The randoms of a play are always the same, so that its secrets are found.
var (
	playedClient = bytes.Repeat([]byte{'c'}, 32)
	playedServer = bytes.Repeat([]byte{'s'}, 32)
)

const playedHead = 3

// playOf writes the records of a view as a play.
func playOf(v *View) (play []byte) {
	at := [2]int{}
	for {
		var next *Record
		for side, l := range v.lanes {
			if at[side] < len(l.records) && (next == nil || l.records[at[side]].Event < next.Event) {
				next = l.records[at[side]]
			}
		}
		if next == nil {
			return play
		}
		at[next.Side]++
		if next.Content < 0 {
			continue
		}
		content := bytes.Clone(next.Plaintext())
		const random, end = handshakeHeaderLength + 2, handshakeHeaderLength + 2 + 32
		if len(content) >= end && next.InnerType == Handshake {
			switch HandshakeType(content[0]) {
			case typeClientHello:
				copy(content[random:], playedClient)
			case typeServerHello:
				if string(content[random:end]) != helloRetryRandom {
					copy(content[random:], playedServer)
				}
			}
		}
		epoch := max(next.Epoch.Kind, EpochClear) - EpochClear
		head := byte(next.Side) | byte(epoch)<<1 | byte(next.InnerType-ChangeCipherSpec)<<3
		play = append(binary.BigEndian.AppendUint16(append(play, head), uint16(len(content))), content...)
	}
}

// perform makes a recording of a play.
func perform(suite uint16, play []byte, late bool) *Recording {
	s := newScript(suite)
	s.random[Client], s.random[Server] = playedClient, playedServer
	var secrets []Event
	keys, seqs := [2][4]*trafficKey{}, [2][4]uint64{}
	log := func(label string, secret []byte) {
		secrets = append(secrets, Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{
			Origin: FromFile, Label: label, ClientRandom: playedClient, Bytes: secret,
		}})
	}
	as := aeadSuites[suite]
	if as.tls13 {
		for _, side := range []Side{Client, Server} {
			for i, kind := range []EpochKind{EpochEarly, EpochHandshake, EpochApplication} {
				label := secretLabel(Epoch{Kind: kind}, side)
				secret := bytes.Repeat([]byte{byte(i)<<1 | byte(side)}, as.hash().Size())
				log(label, secret)
				keys[side][i+1] = as.trafficKey13(secret)
			}
		}
	} else {
		master := bytes.Repeat([]byte{'m'}, 48)
		log("CLIENT_RANDOM", master)
		both := as.trafficKeys12(master, playedClient, playedServer)
		for side := range both {
			keys[side] = [4]*trafficKey{nil, both[side], both[side], both[side]}
		}
	}
	if !late {
		appendAll(s.rec, secrets)
	}
	for len(play) >= playedHead {
		head, length := play[0], int(binary.BigEndian.Uint16(play[1:]))
		content := play[playedHead:][:min(length, len(play)-playedHead, 1<<14)]
		play = play[playedHead+len(content):]
		side, epoch, kind := Side(head&1), head>>1&3, ChangeCipherSpec+ContentType(head>>3&3)
		if epoch == 0 {
			s.clear(side, kind, content)
			continue
		}
		key := &keys[side][epoch]
		s.keys[side], s.seq[side] = *key, seqs[side][epoch]
		s.sealed(side, kind, content)
		seqs[side][epoch] = s.seq[side]
		switch {
		case as.tls13 && epoch == 3 && kind == Handshake && len(content) > 0 && HandshakeType(content[0]) == typeKeyUpdate:
			*key, seqs[side][epoch] = (*key).update(), 0
		case !as.tls13 && kind == ChangeCipherSpec: // of a renegotiation
			seqs[side] = [4]uint64{}
		}
	}
	if late {
		appendAll(s.rec, secrets)
	}
	return s.rec
}

func appendAll(rec *Recording, events []Event) {
	for _, e := range events {
		rec.Append(e)
	}
}

// The play is worth fuzzing only if its records can be read.
func TestThePlaysThatFuzzingBeginsWithAreReadWhole(t *testing.T) {
	for name, rec := range recordedSessions(t) {
		for _, c := range NewSession(rec).conns {
			view := c.views[Client]
			if _, ok := aeadSuites[view.state().Suite]; !ok {
				continue
			}
			for _, late := range []bool{false, true} {
				for r := range NewSession(perform(view.state().Suite, playOf(view), late)).Records() {
					if r.Encrypted && !r.Decrypted || r.DecidedAt < 0 {
						t.Errorf("%s, late %v: %s record %d (%s): %s", name, late, r.Side, r.Seq, r.Epoch, r.Why)
					}
				}
			}
		}
	}
}
