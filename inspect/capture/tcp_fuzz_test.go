package capture_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// A model of one direction of TCP: each byte is what was captured first, and a
// run is missing where nothing was, however the segments came. Its stream is
// short, so that no bound of the reader is reached.
type streamModel struct{ captured [256]int } // 0: not yet; else the byte, and 1

func (m *streamModel) take(from int, payload []byte) (differing int) {
	for i, b := range payload {
		switch at := &m.captured[from+i]; *at {
		case 0:
			*at = int(b) + 1
		case int(b) + 1:
		default:
			differing++
		}
	}
	return differing
}

// stream returns what was captured up to the last byte; -1 is one that is missing.
func (m *streamModel) stream() (bytes []int) {
	end := 0
	for i, b := range m.captured {
		if b != 0 {
			end = i + 1
		}
	}
	for _, b := range m.captured[:end] {
		bytes = append(bytes, b-1)
	}
	return bytes
}

func FuzzTCPIsPutTogetherAsAModelDoesIt(f *testing.F) {
	f.Add([]byte{0, 3, 'a', 3, 2, 'd', 1, 4, 'Z'})
	f.Add([]byte{9, 9, 'x', 5, 9, 'y', 0, 20, 'z', 30, 1, 'w', 31, 2, 'v'})
	f.Add([]byte{200, 7, 1, 100, 7, 2, 150, 7, 3, 99, 60, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		var model streamModel
		segments := slices.Clone(shake)
		differing := 0
		for step := range slices.Chunk(script[:min(len(script), 3*8)/3*3], 3) {
			from, length := int(step[0])%240, 2+int(step[1])%14
			payload := make([]byte, length)
			for i := range payload {
				payload[i] = step[2] + byte(from+i)
			}
			segments = append(segments, tcp{seq: 1 + uint32(from), ack: 1, payload: string(payload)})
			differing += model.take(from, payload)
		}
		rec, err := capture.Read(bytes.NewReader(capturedIn(segments...)))
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		told := 0
		for e := range rec.Events(0) {
			switch {
			case e.Kind == inspect.Noted:
				told += e.Note.Data[1].(int)
			case e.Kind == inspect.Captured && e.Bytes == nil:
				got = append(got, slices.Repeat([]int{-1}, e.N)...)
			case e.Kind == inspect.Captured:
				for _, b := range e.Bytes {
					got = append(got, int(b))
				}
			}
		}
		if diff := cmp.Diff(model.stream(), got); diff != "" {
			t.Errorf("the stream (-model +read):\n%s", diff)
		}
		if told != differing {
			t.Errorf("%d bytes are told to differ, want %d", told, differing)
		}
	})
}
