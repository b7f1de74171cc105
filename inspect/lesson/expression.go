package lesson

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// An expression computes a value from the session as it stands. What is not to
// be had in it is an error, which says why.
type expression func(*run) (Value, error)

// parseValue reads a value in words, of which one in quotes still has them (see
// wordsOf); what says what is wrong, and what there is.
func parseValue(words []string) (value func(*run) (Value, error), what *remark) {
	value, _, what = parseValueFrom(words)
	return value, what
}

// parseValueFrom is parseValue, and tells what the value is made of.
func parseValueFrom(words []string) (value func(*run) (Value, error), from origin, what *remark) {
	p := &valueParser{words: words}
	e, what := p.value()
	switch {
	case what != nil:
		return nil, from, what
	case p.more():
		return nil, from, say("fault_value_behind", "word", p.words[p.at], "values", say("fault_values"))
	}
	return e, p.from, nil
}

// A valueParser reads values from words, from left to right.
type valueParser struct {
	words []string
	at    int
	from  origin // of what was read
}

func (p *valueParser) more() bool { return p.at < len(p.words) }

func (p *valueParser) peek() string {
	if p.more() {
		return p.words[p.at]
	}
	return ""
}

func (p *valueParser) next() string {
	word := p.peek()
	if p.more() {
		p.at++
	}
	return word
}

// take passes over the words if they come next.
func (p *valueParser) take(words ...string) bool {
	if len(p.words)-p.at < len(words) || !slices.Equal(p.words[p.at:p.at+len(words)], words) {
		return false
	}
	p.at += len(words)
	return true
}

// need is take, where nothing else may stand.
func (p *valueParser) need(word string) *remark {
	switch {
	case p.take(word):
		return nil
	case p.more():
		return say("fault_word_missing", "word", word, "before", p.peek())
	}
	return say("fault_word_missing_last", "word", word)
}

// value reads terms with what joins them, which counts from left to right.
func (p *valueParser) value() (expression, *remark) {
	left, what := p.term()
	for what == nil && p.more() {
		join, ok := operators[p.peek()]
		if !ok {
			break
		}
		p.at++
		var right expression
		if right, what = p.term(); what == nil {
			left = both(left, right, join)
		}
	}
	return left, what
}

// both computes two values, and from them a third.
func both(left, right expression, join func(a, b Value) (Value, error)) expression {
	return func(r *run) (Value, error) {
		a, err := left(r)
		if err != nil {
			return Value{}, err
		}
		b, err := right(r)
		if err != nil {
			return Value{}, err
		}
		return join(a, b)
	}
}

// of computes a value from another.
func of(inner expression, f func(Value) (Value, error)) expression {
	return func(r *run) (Value, error) {
		v, err := inner(r)
		if err != nil {
			return Value{}, err
		}
		return f(v)
	}
}

var operators = map[string]func(a, b Value) (Value, error){
	"plus":  reckon(func(a, b int) int { return a + b }),
	"minus": reckon(func(a, b int) int { return a - b }),
	"times": reckon(func(a, b int) int { return a * b }),
	"xor":   xored,
	"then":  joined,
}

func reckon(f func(a, b int) int) func(a, b Value) (Value, error) {
	return func(v, w Value) (Value, error) {
		a, err := v.number()
		if err != nil {
			return Value{}, err
		}
		b, err := w.number()
		if err != nil {
			return Value{}, err
		}
		return numberValue(f(a, b)), nil
	}
}

// xored inverts bits of the longer one: the shorter one is padded on the left
// with zeros, as a sequence number is (RFC 8446 section 5.3).
func xored(a, b Value) (Value, error) {
	if len(a.Bytes) < len(b.Bytes) {
		a, b = b, a
	}
	if len(b.Bytes) == 0 {
		return Value{}, say("seen_no_bytes", "value", shortened(b))
	}
	out := slices.Clone(a.Bytes)
	for i, x := range b.Bytes {
		out[len(out)-len(b.Bytes)+i] ^= x
	}
	return Value{Bytes: out}, nil
}

// joined is the bytes of both, one behind the other.
func joined(a, b Value) (Value, error) {
	return Value{Bytes: slices.Concat(a.Bytes, b.Bytes)}, bothHaveBytes(a, b)
}

// letName is what values that are kept are called.
var letName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// term reads a value without what may be joined to it.
func (p *valueParser) term() (expression, *remark) {
	word := p.peek()
	if word == "" && !p.more() {
		return nil, say("fault_value_missing", "values", say("fault_values"))
	}
	if strings.HasPrefix(word, `"`) {
		p.at++
		return always(textValue(unquoted([]string{word})[0])), nil
	}
	if v, ok := plainLiteral(word); ok {
		p.at++
		return always(v), nil
	}
	for _, read := range []func() (expression, bool, *remark){p.partTerm, p.propertyTerm, p.pairTerm, p.sessionTerm, p.unitTerm} {
		if e, ok, what := read(); ok || what != nil {
			return e, what
		}
	}
	if isName(word) {
		p.at++
		return always(textValue(word)), nil
	}
	if !letName.MatchString(word) {
		return nil, say("fault_value", "word", word, "values", say("fault_values"))
	}
	return p.kept(), nil
}

// reserved reports whether a word has a meaning of its own, so that no let can
// keep a value by it.
func reserved(word string) bool {
	_, literal := plainLiteral(word)
	others := []string{
		"first", "last", "bit", "byte", "bytes", "input", "equal", "different", "hmac", "schedule", "secret", "proof", "proofs",
		"client", "server", "is", "contains", "of", "to", "and", "with", "by",
	}
	return literal || isName(word) || operators[word] != nil || properties[word] != nil || sessionWords[word] != nil ||
		endpointWords[word].of != nil || slices.Contains(others, word)
}

func always(v Value) expression { return func(*run) (Value, error) { return v, nil } }

// kept reads the name of a value that a let keeps.
func (p *valueParser) kept() expression {
	name := p.next()
	p.from.lets = append(p.from.lets, name)
	return kept(name)
}

// kept is the value that a let keeps.
func kept(name string) expression {
	return func(r *run) (Value, error) {
		if v, ok := r.lets[name]; ok {
			return v, nil
		}
		return Value{}, say("seen_no_let", "word", name, "values", say("fault_values"))
	}
}

// partTerm reads: first N of, last N of, bit N of, byte N of, bytes N to M of, input N of.
func (p *valueParser) partTerm() (e expression, ok bool, what *remark) {
	word := p.peek()
	if !slices.Contains([]string{"first", "last", "bit", "byte", "bytes", "input"}, word) {
		return nil, false, nil
	}
	p.at++
	from, what := p.bound()
	to := from
	if what == nil && word == "bytes" {
		if what = p.need("to"); what == nil {
			to, what = p.bound()
		}
	}
	if what == nil {
		what = p.need("of")
	}
	if what != nil {
		return nil, true, what
	}
	inner, what := p.term()
	if what != nil {
		return nil, true, what
	}
	return func(r *run) (Value, error) {
		n, err := from.number(r)
		if err != nil {
			return Value{}, err
		}
		m, err := to.number(r)
		if err != nil {
			return Value{}, err
		}
		v, err := inner(r)
		if err != nil {
			return Value{}, err
		}
		return cut(word, n, m, v)
	}, true, nil
}

// number computes a number.
func (e expression) number(r *run) (int, error) {
	v, err := e(r)
	if err != nil {
		return 0, err
	}
	return v.number()
}

// bound reads a number, which is one word: in digits, in letters, or of a let.
func (p *valueParser) bound() (expression, *remark) {
	word := p.peek()
	if letName.MatchString(word) && !reserved(word) {
		return p.kept(), nil
	}
	p.next()
	if v, ok := plainLiteral(word); ok && v.Numeric {
		return always(v), nil
	}
	return nil, say("fault_bound", "word", word)
}

// cut takes bytes n to m out of a value, counted from 1.
func cut(word string, n, m int, v Value) (Value, error) {
	switch word {
	case "input":
		return v.input(n)
	case "bit":
		return v.bit(n)
	}
	if v.Bytes == nil && v.Text != "" {
		v.Bytes = []byte(v.Text)
	}
	size := len(v.Bytes)
	switch word {
	case "first":
		n, m = 1, n
	case "last":
		n, m = size-n+1, size
	}
	if n < 1 || m < n || m > size {
		return Value{}, say("seen_bytes", "value", shortened(v), "size", size, "first", n, "last", m)
	}
	out := Value{Bytes: v.Bytes[n-1 : m]}
	if v.Text == string(v.Bytes) && utf8.Valid(out.Bytes) {
		out.Text = string(out.Bytes)
	}
	if word == "byte" {
		out.Number, out.Numeric = int(out.Bytes[0]), true
	}
	if v.facts.placed {
		out.facts.placed, out.facts.offset = true, v.facts.offset+n-1
	}
	return out, nil
}

// bit is one of the bits of a value, counted from the right, where its bytes end, from 1.
func (v Value) bit(n int) (Value, error) {
	if v.Bytes == nil {
		number, err := v.number()
		if err != nil {
			return Value{}, err
		}
		v.Bytes = binary.BigEndian.AppendUint64(nil, uint64(number))
	}
	at := (n + 7) / 8 // from the last byte
	if size := len(v.Bytes); n < 1 || at > size {
		return Value{}, say("seen_bytes", "value", shortened(v), "size", size, "first", at, "last", at)
	}
	return numberValue(int(v.Bytes[len(v.Bytes)-at]>>((n-1)%8)) & 1), nil
}

func (v Value) input(n int) (Value, error) {
	if n < 1 || n > len(v.facts.inputs) {
		var names []string
		for _, input := range v.facts.inputs {
			names = append(names, input.Name)
		}
		return Value{}, say("seen_input", "number", n, "inputs", strings.Join(names, ", "))
	}
	input := v.facts.inputs[n-1]
	if input.Bytes == nil {
		return Value{}, say("seen_input_unknown", "name", input.Name)
	}
	return Value{Bytes: input.Bytes, facts: facts{name: input.Name}}, nil
}

// properties are what can be asked of any value, as in: size of VALUE.
var properties = map[string]func(Value) (Value, error){
	"size":    Value.size,
	"count":   Value.count,
	"letters": Value.letters,
	"offset":  Value.offset,
	"name":    func(v Value) (Value, error) { return v.told("name", v.facts.name) },
	"formula": func(v Value) (Value, error) { return v.told("formula", v.facts.formula) },
	"command": func(v Value) (Value, error) { return v.told("command", v.facts.command) },
	"reason":  func(v Value) (Value, error) { return v.told("reason", v.facts.reason) },
	"covers":  Value.covered,
	"port":    Value.port,
	"text":    Value.asText,
	"line": func(v Value) (Value, error) {
		text, err := v.asText()
		return spoken(strings.TrimRight(text.Text, "\r\n")), err
	},
	"lines": func(v Value) (Value, error) {
		text, err := v.asText()
		return numberValue(len(slices.Collect(strings.Lines(text.Text)))), err
	},
	"number": func(v Value) (Value, error) {
		n, err := v.number()
		return numberValue(n), err
	},
	"hex": func(v Value) (Value, error) {
		if v.Bytes == nil {
			return Value{}, say("seen_no_bytes", "value", shortened(v))
		}
		return Value{Bytes: v.Bytes}, nil
	},
	"sha256": func(v Value) (Value, error) {
		if v.Bytes == nil {
			v.Bytes = []byte(v.Text)
		}
		hash := sha256.Sum256(v.Bytes)
		return Value{Bytes: hash[:]}, nil
	},
}

// propertyTerm reads: size of VALUE, and its like.
func (p *valueParser) propertyTerm() (e expression, ok bool, what *remark) {
	f, ok := properties[p.peek()]
	if !ok || len(p.words)-p.at < 2 || p.words[p.at+1] != "of" {
		return nil, false, nil
	}
	if p.peek() == "port" { // which the registry has
		p.from.session = true
	}
	p.at += 2
	inner, what := p.term()
	if what != nil {
		return nil, true, what
	}
	return of(inner, f), true, nil
}

func (v Value) size() (Value, error) {
	switch {
	case v.Bytes != nil:
		return numberValue(len(v.Bytes)), nil
	case v.Numeric || v.Items != nil:
		return Value{}, say("seen_no_size", "value", shortened(v))
	}
	return numberValue(len(v.Text)), nil
}

func (v Value) count() (Value, error) {
	switch {
	case v.Items != nil:
		return numberValue(len(v.Items)), nil
	case v.facts.placed:
		return numberValue(v.facts.children), nil
	}
	return Value{}, say("seen_no_count", "value", shortened(v))
}

// letters counts code points, as a letter with its accent is one in the lessons.
func (v Value) letters() (Value, error) {
	text, err := v.asText()
	return numberValue(utf8.RuneCountInString(text.Text)), err
}

func (v Value) offset() (Value, error) {
	if !v.facts.placed {
		return Value{}, say("seen_no_offset", "value", shortened(v))
	}
	return numberValue(v.facts.offset), nil
}

// ports are what the registry of IANA (RFC 6335) has for services.
var ports = map[string]int{"ssh": 22, "http": 80, "https": 443}

func (v Value) port() (Value, error) {
	port, ok := ports[v.Text]
	if !ok {
		return Value{}, say("seen_no_port", "value", shortened(v), "services", strings.Join(slices.Sorted(maps.Keys(ports)), ", "))
	}
	return numberValue(port), nil
}

func (v Value) told(what, text string) (Value, error) {
	if text == "" {
		return Value{}, say("seen_no_property", "value", shortened(v), "property", what)
	}
	return textValue(text), nil
}

func (v Value) covered() (Value, error) {
	if v.facts.covers == nil {
		return Value{}, say("seen_no_covers", "value", shortened(v))
	}
	return listValue(v.facts.covers), nil
}

// asText is the value as a person reads it; its bytes are those of that text.
func (v Value) asText() (Value, error) {
	if v.Text == "" && len(v.Bytes) > 0 {
		if !utf8.Valid(v.Bytes) {
			return Value{}, say("seen_no_text", "value", shortened(v))
		}
		v.Text = string(v.Bytes)
	}
	return spoken(v.Text), nil
}

// spoken is text with its bytes.
func spoken(text string) Value { return Value{Text: text, Bytes: []byte(text)} }

// pairTerm reads what is said of two values.
func (p *valueParser) pairTerm() (e expression, ok bool, what *remark) {
	between := "and"
	var f func(a, b Value) (Value, error)
	switch {
	case p.take("equal", "bytes", "of"):
		f = equalFrom(1)
	case p.take("equal", "blocks", "of"):
		f = equalFrom(cipherBlock)
	case p.take("different", "bytes", "of"):
		f = different
	case p.take("different", "bits", "of"):
		f = differentBits
	case p.take("hmac", "of"):
		f, between = macOf, "with"
	default:
		return nil, false, nil
	}
	a, what := p.term()
	if what == nil {
		what = p.need(between)
	}
	if what != nil {
		return nil, true, what
	}
	b, what := p.term()
	return both(a, b, f), true, what
}

// cipherBlock is the size of a block of AES (FIPS 197), in bytes.
const cipherBlock = 16

// equalFrom counts how many blocks of that size are the same in both, from the
// first on. What is left over at an end is no block.
func equalFrom(size int) func(a, b Value) (Value, error) {
	return func(a, b Value) (Value, error) {
		n := 0
		for ; (n+1)*size <= min(len(a.Bytes), len(b.Bytes)); n++ {
			if string(a.Bytes[n*size:(n+1)*size]) != string(b.Bytes[n*size:(n+1)*size]) {
				break
			}
		}
		return numberValue(n), bothHaveBytes(a, b)
	}
}

// different counts the places at which the bytes are not the same.
func different(a, b Value) (Value, error) {
	n := max(len(a.Bytes), len(b.Bytes)) - min(len(a.Bytes), len(b.Bytes))
	for i := range min(len(a.Bytes), len(b.Bytes)) {
		if a.Bytes[i] != b.Bytes[i] {
			n++
		}
	}
	return numberValue(n), bothHaveBytes(a, b)
}

// differentBits counts the bits that are not the same; a byte that only one of them has counts as all of its bits.
func differentBits(a, b Value) (Value, error) {
	n := 8 * (max(len(a.Bytes), len(b.Bytes)) - min(len(a.Bytes), len(b.Bytes)))
	for i := range min(len(a.Bytes), len(b.Bytes)) {
		n += bits.OnesCount8(a.Bytes[i] ^ b.Bytes[i])
	}
	return numberValue(n), bothHaveBytes(a, b)
}

// macOf is HMAC (RFC 2104) with SHA-256.
func macOf(data, key Value) (Value, error) {
	h := hmac.New(sha256.New, key.Bytes)
	h.Write(data.Bytes)
	return Value{Bytes: h.Sum(nil)}, bothHaveBytes(data, key)
}

func bothHaveBytes(a, b Value) error {
	for _, v := range []Value{a, b} {
		if v.Bytes == nil {
			return say("seen_no_bytes", "value", shortened(v))
		}
	}
	return nil
}
