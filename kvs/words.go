package kvs

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Quote writes a word so that it can stand in a request or an answer, and [Split] gives it back. A word of plain
// characters stays as it is; any other, and the empty one, is put in double
// quotes.
//
// Plain characters are those that Unicode counts as letters, marks, numbers, punctuation and
// symbols (as unicode.IsPrint has it), except the space, the double quote, and those that are
// drawn as nothing. In quotes, plain characters and the space stand for themselves, and
// everything else is escaped: \n \t \r \\ \" and \xHH for each byte. So the
// result is valid UTF-8, on one line, and safe to show on a terminal.
func Quote(word []byte) string {
	if isPlain(word) {
		return string(word)
	}
	return `"` + escape(word, true) + `"`
}

func isPlain(word []byte) bool {
	for rest := word; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == ' ' || r == '"' || !isVisible(r, size) {
			return false
		}
		rest = rest[size:]
	}
	return len(word) > 0
}

// escape writes what stands between the quotes; or else, where there are none,
// leaves the quote and the backslash as they are, which does not lead back.
func escape(word []byte, inQuotes bool) string {
	b := make([]byte, 0, len(word)+8)
	for len(word) > 0 {
		r, size := utf8.DecodeRune(word)
		switch {
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case inQuotes && (r == '\\' || r == '"'):
			b = append(b, '\\', byte(r))
		case isVisible(r, size):
			b = append(b, word[:size]...)
		default:
			for _, c := range word[:size] {
				b = fmt.Appendf(b, `\x%02x`, c)
			}
		}
		word = word[size:]
	}
	return string(b)
}

// isVisible reports whether a decoded character may be shown. IsPrint leaves
// out controls, formats (bidirectional and zero-width ones among them) and
// all spaces but one; fillers and joiners, which are letters and marks that
// show nothing, must be left out besides.
func isVisible(r rune, size int) bool {
	invalid := r == utf8.RuneError && size == 1
	return !invalid && unicode.IsPrint(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// A SyntaxError says why a line cannot be split into words.
type SyntaxError struct {
	Offset int // of the byte that is to blame, in the line
	Reason Reason
}

// Reason is what is wrong with a line.
type Reason int

const (
	OpenQuote  Reason = iota + 1 // a quoted word does not end
	BadEscape                    // a backslash in quotes with something else after it than n t r \ " xHH
	AfterQuote                   // no space after a quoted word
	InnerQuote                   // a double quote in a word that does not begin with one
)

func (e *SyntaxError) Error() string {
	what := map[Reason]string{
		OpenQuote:  `a double quote is not closed`,
		BadEscape:  `after \ in quotes comes n, t, r, \, " or x and two hexadecimal digits`,
		AfterQuote: `a space is missing after a quoted word`,
		InnerQuote: `a word with a double quote in it must be quoted whole, with \" inside`,
	}[e.Reason]
	return fmt.Sprintf("byte %d: %s", e.Offset, what)
}

// Split reads the words of a line without its end. Words are separated by
// spaces and tabs. A word that begins with a double quote ends with the next
// one that is not escaped; any other is taken as it is, byte for byte. The error is a
// *[SyntaxError]. The words may share the line's memory.
func Split(line []byte) (words [][]byte, err error) {
	all, err := Scan(line)
	if err != nil {
		return nil, err
	}
	for _, word := range all {
		words = append(words, word.Text)
	}
	return words, nil
}

// A Word is a word of a line: where it stands, quotes included, and what it says.
type Word struct {
	Offset, Length int
	Text           []byte
}

// Scan is [Split] with the words' places. With an error come the words before it.
func Scan(line []byte) (words []Word, err error) {
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ', '\t':
			i++
		case '"':
			word, end, err := quoted(line, i)
			if err != nil {
				return words, err
			}
			words, i = append(words, Word{i, end - i, word}), end
		default:
			word := line[i:]
			if end := bytes.IndexAny(word, " \t"); end >= 0 {
				word = word[:end]
			}
			if at := bytes.IndexByte(word, '"'); at >= 0 {
				return words, &SyntaxError{i + at, InnerQuote}
			}
			words, i = append(words, Word{i, len(word), word}), i+len(word)
		}
	}
	return words, nil
}

// quoted reads the word whose first quote is at start; end is behind its last.
func quoted(line []byte, start int) (word []byte, end int, err error) {
	word = []byte{}
	for i := start + 1; i < len(line); i++ {
		switch line[i] {
		case '"':
			if i+1 < len(line) && line[i+1] != ' ' && line[i+1] != '\t' {
				return nil, 0, &SyntaxError{i + 1, AfterQuote}
			}
			return word, i + 1, nil
		case '\\':
			c, size := unescape(line[i:])
			if size == 0 {
				return nil, 0, &SyntaxError{i, BadEscape}
			}
			word = append(word, c)
			i += size - 1
		default:
			word = append(word, line[i])
		}
	}
	return nil, 0, &SyntaxError{start, OpenQuote}
}

// unescape reads the escape at the start of b. A size of 0 says that it is none.
func unescape(b []byte) (c byte, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'r':
		return '\r', 2
	case '\\', '"':
		return b[1], 2
	case 'x':
		if len(b) >= 4 {
			high, ok1 := hexDigit(b[2])
			low, ok2 := hexDigit(b[3])
			if ok1 && ok2 {
				return byte(high<<4 | low), 4
			}
		}
	}
	return 0, 0
}

func hexDigit(c byte) (value rune, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}
