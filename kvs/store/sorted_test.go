package store

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestASortedSetAgreesWithASliceOverRandomOperations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := sorted[int]{compare: cmp.Compare[int]}
	var want []int
	for round := range 20_000 {
		x := random.IntN(4000)
		place, there := slices.BinarySearch(want, x)
		switch {
		case there && random.IntN(20_000) < round: // it grows first, and shrinks then
			s.remove(x)
			want = slices.Delete(want, place, place+1)
		case !there && random.IntN(20_000) > round/2:
			s.add(x)
			want = slices.Insert(want, place, x)
		}
		if round%500 == 0 {
			from := random.IntN(4000)
			start, _ := slices.BinarySearch(want, from)
			if got := slices.Collect(s.from(from)); !slices.Equal(got, want[start:]) {
				t.Fatalf("round %d: from %d come %d elements, want %d", round, from, len(got), len(want)-start)
			}
		}
	}
	for _, chunk := range s.chunks {
		if len(chunk) == 0 || len(chunk) > chunkSize {
			t.Errorf("a chunk of %d", len(chunk))
		}
	}
	for _, x := range want {
		s.remove(x)
	}
	if len(s.chunks) != 0 {
		t.Errorf("%d chunks are left", len(s.chunks))
	}
}

func TestWhatComesInOrderFillsItsChunks(t *testing.T) {
	s := sorted[int]{compare: cmp.Compare[int]}
	for x := range 100 * chunkSize {
		s.add(x)
	}
	if len(s.chunks) > 101 {
		t.Errorf("%d chunks", len(s.chunks))
	}
}
