package lesson

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// A Value is something that can be said of a session: bytes, a number, a text,
// or several of them, as a cipher suite is a number and has a name.
type Value struct {
	Text    string   // as a person reads it; "" for bytes that say no more than that
	Bytes   []byte   // nil if it has none; must not be changed
	Number  int      // if Numeric
	Numeric bool     // it is a number
	Items   []string // of a list, in order

	words string // the sentence that says it on the screen, which prose prints; "" if none does
	facts facts
}

// in returns the value as prose of a language prints it.
func (v Value) in(lang string) string {
	if v.words != "" {
		return docs.For(lang).Say(v.words)
	}
	return v.String()
}

// facts are what can be asked of a value besides what it is.
type facts struct {
	name            string // in the standard's words
	placed          bool   // offset is known
	offset          int    // of its first byte within what was dissected: a message, a record, or what it holds in clear
	children        int    // how many fields it is made of
	formula, reason string
	command         string
	covers          []string // messages, in order
	inputs          []inspect.Input
}

// String returns the value as prose prints it: its text, or its bytes as pairs
// of hexadecimal digits. It is safe to draw.
func (v Value) String() string {
	if v.Text == "" && v.Bytes != nil {
		return hexPairs(v.Bytes)
	}
	return inspect.Safe(v.Text)
}

func hexPairs(b []byte) string { return fmt.Sprintf("% x", b) }

// equal reports whether both are the same: numbers by number, bytes by their
// bytes, all else by text, exactly. A name of a registry may be spelt as prose
// does it: ClientHello for client_hello, X25519 for x25519.
func (v Value) equal(w Value) bool {
	switch {
	case v.Numeric && w.Numeric:
		return v.Number == w.Number
	case v.Bytes != nil && w.Bytes != nil:
		return bytes.Equal(v.Bytes, w.Bytes)
	}
	a, b := v.text(), w.text()
	return a == b || v.says(b) || w.says(a) || v.spells(w) || w.spells(v) || folded(a) == folded(b) && (isName(a) || isName(b))
}

// says reports whether a text is the value in one of the languages.
func (v Value) says(text string) bool {
	return v.words != "" && slices.ContainsFunc([]string{docs.English, docs.Portuguese}, func(lang string) bool { return v.in(lang) == text })
}

// folded is a name without what its spellings differ in.
func folded(name string) string { return strings.ToLower(unspelt.Replace(name)) }

var unspelt = strings.NewReplacer("_", "", "-", "", " ", "")

// spells reports whether the value is bytes which are w's text.
func (v Value) spells(w Value) bool {
	return v.Bytes != nil && w.Bytes == nil && string(v.Bytes) == w.Text
}

// text is what stands for the value where it is compared as text.
func (v Value) text() string {
	if v.Text == "" && v.Bytes != nil {
		return hexPairs(v.Bytes)
	}
	return v.Text
}

// contains reports whether w is one of the items of a list, or stands in v's
// bytes or text: AES-128-GCM in TLS_AES_128_GCM_SHA256.
func (v Value) contains(w Value) bool {
	wanted := w.Bytes
	if wanted == nil {
		wanted = []byte(w.Text)
	}
	switch {
	case v.Items != nil:
		return slices.ContainsFunc(v.Items, func(item string) bool { return textValue(item).equal(textValue(w.Text)) })
	case len(wanted) == 0:
		return false
	case v.Bytes != nil && bytes.Contains(v.Bytes, wanted):
		return true
	}
	name := folded(w.Text)
	return w.Text != "" && strings.Contains(v.Text, w.Text) || name != "" && isName(v.Text) && strings.Contains(folded(v.Text), name)
}

// accepts reports whether what a student typed says the value: numbers in either
// base or as a word, or as a row's, #2; bytes in any spacing, text and names in any case.
func (v Value) accepts(given string) bool {
	given = strings.TrimSpace(given)
	if v.Numeric && v.Bytes == nil {
		given = strings.TrimPrefix(given, "#")
		literal := literalValue(given)
		digits, isHex := strings.CutPrefix(strings.ToLower(given), "0x")
		n, err := strconv.ParseInt(digits, 16, 64)
		return isHex && err == nil && int(n) == v.Number || literal.Numeric && literal.Number == v.Number
	}
	if v.Bytes != nil {
		digits := strings.NewReplacer(" ", "", ":", "", "0x", "", "0X", "").Replace(given)
		if b, err := hex.DecodeString(digits); err == nil && len(b) > 0 && bytes.Equal(b, v.Bytes) {
			return true
		}
	}
	if v.Text == "" {
		return false
	}
	literal, text := literalValue(given), strings.TrimSpace(v.Text)
	return strings.EqualFold(given, text) || strings.EqualFold(strings.Trim(given, `"`), text) || textValue(text).equal(textValue(given)) ||
		v.Numeric && literal.Numeric && literal.Number == v.Number
}

// number returns what the value is as a number: itself, what its text says in
// decimal, or what its bytes say, the most significant first.
func (v Value) number() (int, error) {
	if v.Numeric {
		return v.Number, nil
	}
	if n, err := strconv.Atoi(strings.TrimSpace(v.Text)); err == nil {
		return n, nil
	}
	if len(v.Bytes) == 0 || len(v.Bytes) > 7 {
		return 0, say("seen_no_number", "value", shortened(v))
	}
	n := 0
	for _, b := range v.Bytes {
		n = n<<8 | int(b)
	}
	return n, nil
}

// shortened is a value in an error.
func shortened(v Value) any {
	const most = 48
	text := []rune(v.String())
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	if len(text) == 0 {
		return say("seen_nothing")
	}
	return string(text)
}

func numberValue(n int) Value { return Value{Text: strconv.Itoa(n), Number: n, Numeric: true} }

func textValue(text string) Value { return Value{Text: text} }

func listValue(items []string) Value {
	if items == nil {
		items = []string{}
	}
	return Value{Text: strings.Join(items, ", "), Items: items}
}

// codeValue is a code point with its name.
func codeValue(code uint16, size int, name string) Value {
	b := []byte{byte(code >> 8), byte(code)}
	return Value{Text: name, Bytes: b[2-size:], Number: int(code), Numeric: true, facts: facts{name: name}}
}

// contentValue is text that crossed in bytes: it is read if it can be.
func contentValue(b []byte) Value {
	v := Value{Bytes: nonNil(b)}
	if lines := strings.NewReplacer("\n", "", "\r", "", "\\", "").Replace(string(b)); len(b) > 0 && inspect.Safe(lines) == lines {
		v.Text = string(b)
	}
	return v
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// literalValue is a value as an author writes it: a number in digits or as a
// word, bytes as 0x1603 or as pairs of digits with spaces between them, or text,
// which may stand in quotes.
func literalValue(text string) Value {
	text = strings.TrimSpace(text)
	if v, ok := plainLiteral(text); ok {
		return v
	}
	if n := rank(text); n > 0 {
		return Value{Text: text, Number: n, Numeric: true}
	}
	if n, ok := countOf(text); ok {
		return Value{Text: text, Number: n, Numeric: true}
	}
	if quoted, err := strconv.Unquote(text); err == nil && strings.HasPrefix(text, `"`) {
		return textValue(quoted)
	}
	if pairs := strings.Fields(text); len(pairs) > 1 && !slices.ContainsFunc(pairs, func(pair string) bool { return len(pair) != 2 }) {
		if b, err := hex.DecodeString(strings.Join(pairs, "")); err == nil {
			return Value{Bytes: b}
		}
	}
	return textValue(text)
}

// plainLiteral reads a number or bytes, written as one word.
func plainLiteral(word string) (Value, bool) {
	if digits, ok := strings.CutPrefix(word, "0x"); ok {
		b, err := hex.DecodeString(digits)
		return Value{Bytes: b}, err == nil && len(b) > 0
	}
	if n, err := strconv.Atoi(word); err == nil && n > math.MinInt32 && n < math.MaxInt32 {
		v := numberValue(n)
		v.Text = word
		return v, true
	}
	if n, ok := numberWord(word); ok {
		return numberValue(n), true
	}
	return Value{}, false
}

// numberWords are the numbers up to twenty, in English and in Portuguese.
var numberWords = [][]string{
	{"zero"},
	{"one", "um", "uma"},
	{"two", "dois", "duas"},
	{"three", "três"},
	{"four", "quatro"},
	{"five", "cinco"},
	{"six", "seis"},
	{"seven", "sete"},
	{"eight", "oito"},
	{"nine", "nove"},
	{"ten", "dez"},
	{"eleven", "onze"},
	{"twelve", "doze"},
	{"thirteen", "treze"},
	{"fourteen", "catorze", "quatorze"},
	{"fifteen", "quinze"},
	{"sixteen", "dezesseis"},
	{"seventeen", "dezessete"},
	{"eighteen", "dezoito"},
	{"nineteen", "dezenove"},
	{"twenty", "vinte"},
}

func numberWord(word string) (int, bool) {
	word = strings.ToLower(word)
	n := slices.IndexFunc(numberWords, func(words []string) bool { return slices.Contains(words, word) })
	return n, n >= 0
}
