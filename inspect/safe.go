package inspect

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may stand on one letter; whatever
// follows them is escaped, so that no text climbs out of its row.
const maxMarks = 4

// Safe makes any string safe to draw on a terminal, a page or in a log.
// Whatever comes from the wire or a file goes through it.
//
// What is not drawn as itself becomes an escape as Go writes it: \n, \r, \t,
// \x1b (a byte below 0x80, or one that is not UTF-8), \u202e, \U000e0001. That
// is every control (C0, DEL, C1), bidirectional, zero-width and other format
// characters, variation selectors and tags, line and paragraph separators,
// spaces other than U+0020, private and unassigned code points, and combining
// marks with nothing to stand on or more than four to a letter. A backslash is
// doubled, so that the escapes can be told from what looks like one, and
// reversed. The result is one line of valid UTF-8.
//
// Letters of right-to-left scripts stay as they are; a terminal that reorders
// them may move the digits and signs between them too.
func Safe(s string) string { return escaped(s, true) }

// SafeBytes is [Safe] for bytes.
func SafeBytes(b []byte) string { return Safe(string(b)) }

// SafeOnce is [Safe] for a line that whoever wrote it made safe to show already, as what a
// program says on its own screen is: a backslash stays one, and only what should not be there any
// more is escaped. It cannot be reversed.
func SafeOnce(s string) string { return escaped(s, false) }

// IsText reports whether bytes begin as text does that is meant to be read: the
// first 64 of them are UTF-8 without control characters, but tabs and the ends
// of lines. No bytes are no text.
func IsText(b []byte) bool {
	const looked = 64
	for at := 0; at < min(len(b), looked); {
		r, size := utf8.DecodeRune(b[at:])
		switch {
		case r == utf8.RuneError && size <= 1 && (utf8.FullRune(b[at:]) || at == 0):
			return false
		case r < ' ' && r != '\t' && r != '\r' && r != '\n', r == 0x7f, 0x80 <= r && r < 0xa0:
			return false
		}
		at += max(size, 1)
	}
	return len(b) > 0
}

// escaped returns s with escapes for what is not drawn as itself; a backslash is if it is not to be doubled.
func escaped(s string, doubled bool) string {
	if isPlain(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + len(s)/2)
	marks := maxMarks // on the character before; none may stand at the start or on an escape
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
			marks = maxMarks
		case combines(r) && marks < maxMarks && isDrawn(r):
			out.WriteRune(r)
			marks++
		case combines(r) || r == '\\' && doubled || !isDrawn(r):
			out.WriteString(escape(r))
			marks = maxMarks
		default:
			out.WriteRune(r)
			marks = 0
		}
		i += size
	}
	return out.String()
}

// isPlain reports whether s is printable ASCII without a backslash.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == '\\' {
			return false
		}
	}
	return true
}

// isDrawn reports whether r, assigned and public, leaves a mark of its own on
// the page and moves nothing else.
func isDrawn(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		r != 0x2800 // a Braille cell without dots
}

// combines reports whether r is drawn on what stands before it: a mark, or a
// vowel or final consonant of Hangul.
func combines(r rune) bool {
	return unicode.Is(unicode.M, r) || 0x1160 <= r && r <= 0x11ff || 0xd7b0 <= r && r <= 0xd7ff
}

func escape(r rune) string {
	switch {
	case r == '\\':
		return `\\`
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
