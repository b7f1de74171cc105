package sealed_test

import (
	"slices"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/sealed"
)

// recorded makes a recording of what both sides sent: first so much of the client's, then so much of the server's, in turn,
// and what is left in the end.
func recorded(authenticated bool, client, server []byte, steps []int) *inspect.Recording {
	recording := new(inspect.Recording)
	speaks := sealed.Protocol{Authenticated: authenticated}
	recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: speaks.Name(), Speaks: speaks}})
	streams := [2][]byte{client, server}
	for i, step := range append(slices.Clone(steps), len(client), len(server), len(client)) {
		side := inspect.Side(i % 2)
		if n := min(step, len(streams[side])); n > 0 {
			recording.Append(inspect.Event{Kind: inspect.Captured, Side: side, Bytes: streams[side][:n], N: n})
			streams[side] = streams[side][n:]
		}
	}
	return recording
}

// inOrder are the steps of a conversation of one request: what each side sends until it waits for the other.
var inOrder = []int{8, 1, 800, 1 + 8, 1, 800, 1 + 512, 1 + 512, 1 + 8, 1}

func FuzzProtocol(f *testing.F) {
	steps := func(sizes []int) (encoded []byte) {
		for _, n := range sizes {
			encoded = append(encoded, byte(n>>8), byte(n))
		}
		return encoded
	}
	m := new(middle)
	converse(f, m, false, request, "an answer")
	f.Add(false, m.fromClient.bytes, m.fromServer.bytes, steps(inOrder))
	m = new(middle)
	converse(f, m, true, request, "an answer")
	f.Add(true, m.fromClient.bytes, m.fromServer.bytes, steps(inOrder))
	f.Add(false, []byte("99999999"), []byte("0"), steps([]int{8, 1}))
	f.Add(true, []byte("8=======-----BEG1"), []byte("11-1======"), steps([]int{200}))
	f.Fuzz(func(t *testing.T, authenticated bool, client, server, steps []byte) {
		var sizes []int
		for ; len(steps) >= 2; steps = steps[2:] {
			sizes = append(sizes, int(steps[0])<<8|int(steps[1]))
		}
		session := inspect.NewSession(recorded(authenticated, client, server, sizes))
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
		session := inspect.NewSession(recorded(authenticated, m.fromClient.bytes, m.fromServer.bytes, inOrder))
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
