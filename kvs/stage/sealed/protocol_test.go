package sealed_test

import (
	"slices"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/sealed"
)

// recorded makes a recording of what both sides sent: first so much of the client's, then so much of the server's, in turn.
func recorded(authenticated bool, client, server []byte, steps []byte) *inspect.Recording {
	recording := new(inspect.Recording)
	speaks := sealed.Protocol{Authenticated: authenticated}
	recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: speaks.Name(), Speaks: speaks}})
	streams := [2][]byte{client, server}
	for i, step := range append(slices.Clone(steps), 255, 255) {
		side := inspect.Side(i % 2)
		n := min(int(step), len(streams[side]))
		if i >= len(steps) {
			n = len(streams[side])
		}
		if n > 0 {
			recording.Append(inspect.Event{Kind: inspect.Captured, Side: side, Bytes: streams[side][:n], N: n})
			streams[side] = streams[side][n:]
		}
	}
	return recording
}

func FuzzProtocol(f *testing.F) {
	m := new(middle)
	converse(f, m, false, request, "an answer")
	f.Add(false, m.fromClient.bytes, m.fromServer.bytes, []byte{8, 1, 255, 1, 255, 0, 255})
	m = new(middle)
	converse(f, m, true, request, "an answer")
	f.Add(true, m.fromClient.bytes, m.fromServer.bytes, []byte{8, 1, 255, 1, 255, 0, 255})
	f.Add(false, []byte("99999999"), []byte("0"), []byte{8, 1})
	f.Add(true, []byte("8=======-----BEG1"), []byte("11-1======"), []byte{200})
	f.Fuzz(func(t *testing.T, authenticated bool, client, server, steps []byte) {
		recording := recorded(authenticated, client, server, steps)
		session := inspect.NewSession(recording)
		session.End()
		for r := range session.Records() {
			at := 0
			for _, leaf := range r.Fields().Leaves() {
				if leaf.Offset != at {
					t.Fatalf("%s %d: %s begins at %d, not at %d", r.Name(), r.Seq, leaf.Kind, leaf.Offset, at)
				}
				at = leaf.End()
			}
			if at != r.Length {
				t.Fatalf("%s %d: %d bytes of %d", r.Name(), r.Seq, at, r.Length)
			}
		}
	})
}

// Whatever became of a unit on its way, its tree can be made.
func TestAUnitThatWasCutOrChangedHasATreeAllTheSame(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		m := new(middle)
		converse(t, m, authenticated, request, "an answer")
		steps := []byte{8, 1, 255, 0, 255, 0, 255, 0, 255, 1, 0, 8, 1, 255, 0, 255, 0, 255, 0, 255, 1, 255, 255, 255}
		session := inspect.NewSession(recorded(authenticated, m.fromClient.bytes, m.fromServer.bytes, steps))
		seen := map[string]bool{}
		for r := range session.Records() {
			seen[r.Name()] = true
			draft, err := r.Envelope()
			if err != nil {
				t.Fatalf("%s: %v", r.Name(), err)
			}
			for offset := 0; offset < len(draft.Bytes); offset += 1 + len(draft.Bytes)/20 {
				changed, err := draft.Flip(offset, 0x81)
				if err != nil {
					t.Fatalf("%s: %v", r.Name(), err)
				}
				if leaves := changed.Fields.Leaves(); leaves[len(leaves)-1].End() != len(draft.Bytes) {
					t.Errorf("%s: the tree ends at %d of %d", r.Name(), leaves[len(leaves)-1].End(), len(draft.Bytes))
				}
			}
		}
		for _, name := range []string{"length", "ack", "public_key", "secret", "message"} {
			if !seen[name] {
				t.Errorf("there was no %s", name)
			}
		}
	})
}
