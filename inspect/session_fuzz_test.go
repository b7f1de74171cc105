package inspect_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"slices"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

// FuzzSession feeds any bytes, in any chunks, to both lanes of a connection
// whose secrets are those of real sessions: nothing of them may be lost.
func FuzzSession(f *testing.F) {
	var secrets []inspect.Event
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(f)
		client.MaxVersion = version
		tap := inspect.NewTap()
		c, s := tap.Pipe(client, server)
		converse(f, c, s, "create nome ana\n")
		tap.Close()
		for e := range tap.Recording().Events(0) {
			if e.Kind == inspect.Secret {
				secrets = append(secrets, e)
			}
		}
		f.Add(c.Outgoing().Sent(), s.Outgoing().Sent(), uint8(7), uint16(0), uint16(0))
		for _, gap := range []uint16{1, 3, 250, 700, 1200} {
			f.Add(c.Outgoing().Sent(), s.Outgoing().Sent(), uint8(50), gap, gap/3+1)
			f.Add(s.Outgoing().Sent(), c.Outgoing().Sent(), uint8(250), gap, gap/3+1)
		}
	}
	client, server := echConfigs(f, echkey.Common(f))
	ech := echTalk(f, client, server)
	for e := range ech.Events(0) {
		if e.Kind == inspect.Secret {
			secrets = append(secrets, e)
		}
	}
	f.Add(sent(ech), answered(ech), uint8(7), uint16(0), uint16(0))
	seen := make(map[string]bool)
	for _, rec := range inspect.KeptSessions(f) {
		sent := make(map[int]*[2][]byte) // by connection
		for e := range rec.Events(0) {
			switch e.Kind {
			case inspect.Opened:
				sent[e.Conn] = new([2][]byte)
			case inspect.Captured:
				sent[e.Conn][e.Side] = append(sent[e.Conn][e.Side], e.Bytes...)
			case inspect.Secret:
				if line := fmt.Sprintf("%s %x %x", e.Logged.Label, e.Logged.ClientRandom, e.Logged.Bytes); !seen[line] {
					seen[line] = true
					secrets = append(secrets, e)
				}
			}
		}
		for _, lanes := range sent {
			f.Add(lanes[inspect.Client], lanes[inspect.Server], uint8(255), uint16(0), uint16(0))
		}
	}
	f.Add([]byte("GET / HTTP/1.1\r\n"), []byte{0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46}, uint8(0), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, fromClient, fromServer []byte, chunk uint8, gap, missing uint16) {
		recording := new(inspect.Recording)
		recording.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
		for _, e := range secrets {
			recording.Append(e)
		}
		var missed [2][][2]int // ranges
		lanes := [2][]byte{fromClient, fromServer}
		for left := lanes; len(left[0])+len(left[1]) > 0; {
			for side := range left {
				n := min(len(left[side]), int(chunk)+1)
				if n == 0 {
					continue
				}
				e := inspect.Event{Kind: inspect.Captured, Side: inspect.Side(side), Bytes: left[side][:n], Cause: -1}
				if at := len(lanes[side]) - len(left[side]); at >= int(gap) && at < int(gap)+int(missing) {
					e.Bytes, e.N = nil, n
					missed[side] = append(missed[side], [2]int{at, at + n})
				}
				recording.Append(e)
				left[side] = left[side][n:]
			}
		}
		for side, ranges := range missed {
			for _, r := range slices.Backward(ranges) {
				lanes[side] = slices.Concat(lanes[side][:r[0]], lanes[side][r[1]:])
			}
		}
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			recording.Append(inspect.Event{Kind: inspect.Ended, Side: side, How: inspect.EndOfFile, Cause: -1})
		}
		nothingLost(t, inspect.NewSession(recording), lanes)
	})
}

// nothingLost holds every byte of the lanes against the items, the fields and
// the parts: each byte stands in exactly one of each.
func nothingLost(t *testing.T, session *inspect.Session, lanes [2][]byte) {
	t.Helper()
	var shown [2][]byte
	for _, item := range session.Items() {
		switch item.Kind {
		case inspect.BytesItem:
			shown[item.Side] = append(shown[item.Side], session.Bytes(item, session.Recording().Len())...)
		case inspect.RecordItem:
			raw := item.Record.Raw()
			shown[item.Side] = append(shown[item.Side], raw...)
			covers(t, "fields", item.Record.Fields().Leaves(), len(raw))
			at := 0
			for _, part := range item.Record.Parts {
				if part.Offset != at || part.Length <= 0 {
					t.Fatalf("part %+v, want one at %d", part, at)
				}
				at += part.Length
			}
			if plain := item.Record.Plaintext(); at != len(plain) {
				t.Fatalf("parts cover %d bytes of %d", at, len(plain))
			}
		}
	}
	for side := range lanes {
		if !bytes.Equal(shown[side], lanes[side]) {
			t.Fatalf("%s: the items hold\n%x\nand the lane\n%x", inspect.Side(side), shown[side], lanes[side])
		}
	}
}

func covers(t *testing.T, what string, leaves []inspect.Field, length int) {
	t.Helper()
	at := 0
	for _, leaf := range leaves {
		if leaf.Offset != at {
			t.Fatalf("%s: %s begins at %d, want %d", what, leaf.Kind, leaf.Offset, at)
		}
		at = leaf.End()
	}
	if at != length {
		t.Fatalf("%s cover %d bytes of %d", what, at, length)
	}
}
