package kvs

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON as the answers to show, keys and values have it: strings of ASCII, in
// an array or an object. Package encoding/json cannot be used, since it makes
// all bytes that are not UTF-8 the same character.

const lowerHex = "0123456789abcdef"

// appendJSON appends a string literal.
func appendJSON(b, text []byte) []byte {
	b = append(b, '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			b = appendUnit(b, invalidByte|rune(text[0]))
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case ' ' <= r && r <= '~':
			b = append(b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, high), low)
		default:
			b = appendUnit(b, r)
		}
		text = text[size:]
	}
	return append(b, '"')
}

// invalidByte is added to a byte that is not part of valid UTF-8. Those are
// 0x80 to 0xff, so the sum is a surrogate that nothing pairs with.
const invalidByte = 0xdc00

func appendUnit(b []byte, u rune) []byte {
	return append(b, '\\', 'u', lowerHex[u>>12&0xf], lowerHex[u>>8&0xf], lowerHex[u>>4&0xf], lowerHex[u&0xf])
}

var errJSON = errors.New("the answer is not the JSON of a key-value server")

// stringsOf reads the strings of an array, or the names and values of an
// object in turn: what appendJSON wrote, joined by ", " and ": ".
func stringsOf(answer string, brackets string) (all [][]byte, err error) {
	rest, ok := cut(answer, brackets[:1])
	if !ok {
		return nil, errJSON
	}
	separators := []string{", "}
	if brackets == "{}" {
		separators = []string{": ", ", "}
	}
	for i := 0; ; i++ {
		if i%len(separators) == 0 && rest == brackets[1:] {
			return all, nil
		}
		if i > 0 {
			if rest, ok = cut(rest, separators[(i-1)%len(separators)]); !ok {
				return nil, errJSON
			}
		}
		var text []byte
		if text, rest, ok = stringLiteral(rest); !ok {
			return nil, errJSON
		}
		all = append(all, text)
	}
}

func cut(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return s, false
	}
	return s[len(prefix):], true
}

func stringLiteral(s string) (text []byte, rest string, ok bool) {
	if s, ok = cut(s, `"`); !ok {
		return nil, s, false
	}
	text = []byte{}
	for len(s) > 0 {
		switch c := s[0]; {
		case c == '"':
			return text, s[1:], true
		case c < ' ' || c > '~':
			return nil, s, false
		case c != '\\':
			text, s = append(text, c), s[1:]
		case len(s) > 1 && (s[1] == '"' || s[1] == '\\'):
			text, s = append(text, s[1]), s[2:]
		default:
			r, size := character(s)
			switch {
			case size == 0:
				return nil, s, false
			case invalidByte|0x80 <= r && r <= invalidByte|0xff:
				text = append(text, byte(r))
			case utf16.IsSurrogate(r):
				return nil, s, false
			default:
				text = utf8.AppendRune(text, r)
			}
			s = s[size:]
		}
	}
	return nil, s, false
}

// character reads \uXXXX, or two of them that are a pair. A size of 0 says
// that there is none.
func character(s string) (r rune, size int) {
	r, ok := unit(s)
	if !ok {
		return 0, 0
	}
	if low, ok := unit(s[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

func unit(s string) (u rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		digit, ok := hexDigit(s[i])
		if !ok {
			return 0, false
		}
		u = u<<4 | digit
	}
	return u, true
}
