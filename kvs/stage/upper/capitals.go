package upper

import (
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Capitals returns a text in capitals, as Unicode has them for no language in
// particular; it may become longer, three times at most. Bytes that are not UTF-8 are
// no letters, and stay as they are.
func Capitals(text []byte) []byte {
	upper := cases.Upper(language.Und)
	capitals := make([]byte, 0, len(text))
	for len(text) > 0 {
		letters := validPrefix(text)
		capitals = append(capitals, upper.Bytes(text[:letters])...)
		text = text[letters:]
		if len(text) > 0 {
			capitals = append(capitals, text[0])
			text = text[1:]
		}
	}
	return capitals
}

// validPrefix returns how many bytes at the beginning of b are valid UTF-8.
func validPrefix(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}

// unfinished returns how many bytes at the end of b are the beginning of a letter
// whose end is missing.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}
