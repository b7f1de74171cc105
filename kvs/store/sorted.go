package store

import (
	"iter"
	"slices"
)

// A sorted is a set in order, for millions of elements: a list of chunks, each a short sorted list. Finding, adding and removing
// take two binary searches and the move of a chunk's part.
type sorted[T any] struct {
	compare func(a, b T) int
	chunks  [][]T // none is empty
}

const chunkSize = 512 // at most; a full one is halved

// find returns where x is, or would be.
func (s *sorted[T]) find(x T) (chunk, place int, found bool) {
	// The chunk is the last one that does not begin after x.
	chunk, found = slices.BinarySearchFunc(s.chunks, x, func(c []T, x T) int { return s.compare(c[0], x) })
	if found {
		return chunk, 0, true
	}
	if chunk == 0 {
		return 0, 0, false
	}
	chunk--
	place, found = slices.BinarySearchFunc(s.chunks[chunk], x, s.compare)
	return chunk, place, found
}

// add adds x, which must not be there.
func (s *sorted[T]) add(x T) {
	if len(s.chunks) == 0 {
		s.chunks = [][]T{{x}}
		return
	}
	c, place, _ := s.find(x)
	chunk := slices.Insert(s.chunks[c], place, x)
	s.chunks[c] = chunk
	if len(chunk) <= chunkSize {
		return
	}
	half := len(chunk) / 2
	if c == len(s.chunks)-1 && place == len(chunk)-1 {
		half = len(chunk) - 1 // what comes in order fills its chunks
	}
	second := append(make([]T, 0, chunkSize+1), chunk[half:]...)
	clear(chunk[half:])
	s.chunks[c] = chunk[:half]
	s.chunks = slices.Insert(s.chunks, c+1, second)
}

// remove removes x, which must be there.
func (s *sorted[T]) remove(x T) {
	c, place, _ := s.find(x)
	s.chunks[c] = slices.Delete(s.chunks[c], place, place+1)
	if len(s.chunks[c]) == 0 {
		s.chunks = slices.Delete(s.chunks, c, c+1)
	}
}

// from goes through the elements that are not less than x. The set must not change meanwhile.
func (s *sorted[T]) from(x T) iter.Seq[T] {
	return func(yield func(T) bool) {
		if len(s.chunks) == 0 {
			return
		}
		c, place, _ := s.find(x)
		for ; c < len(s.chunks); c, place = c+1, 0 {
			for _, element := range s.chunks[c][place:] {
				if !yield(element) {
					return
				}
			}
		}
	}
}
