package store

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Export writes every pair of one moment to w, a JSON object a line, in the order of the keys:
//
//	{"key":"nome","value":"ana"}
//	{"key_base64":"/wA=","value":"x","expires":"2026-12-31T23:59:59.999Z"}
//
// A key or value that is not UTF-8 is in base64, under another name. The lines are plain ASCII.
func Export(s Store, w io.Writer) error {
	out := bufio.NewWriter(w)
	err := s.View(func(r Reader) error {
		for pair := range r.Scan(nil) {
			if _, err := out.Write(appendLine(out.AvailableBuffer(), pair)); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, out.Flush())
}

func appendLine(b []byte, pair Pair) []byte {
	b = appendBytes(append(b, '{'), "key", pair.Key)
	b = appendBytes(append(b, ','), "value", pair.Value)
	if !pair.Expires.IsZero() {
		b = append(b, `,"expires":"`...)
		b = append(pair.Expires.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00"), '"')
	}
	return append(b, "}\n"...)
}

func appendBytes(b []byte, name string, text []byte) []byte {
	b = append(append(b, '"'), name...)
	if !utf8.Valid(text) {
		b = append(b, `_base64":"`...)
		return append(base64.StdEncoding.AppendEncode(b, text), '"')
	}
	b = append(b, `":"`...)
	for _, r := range string(text) {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case ' ' <= r && r <= '~':
			b = append(b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}

// MaxLine is how long a line may be for Import, in bytes: more than Export ever writes.
const MaxLine = 6*(MaxKey+MaxValue) + 128

// An ImportError says which line could not be taken.
type ImportError struct {
	Line int // the first is 1
	Err  error
}

func (e *ImportError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *ImportError) Unwrap() error { return e.Err }

// ErrLine is what is wrong with a line that is no pair.
var ErrLine = errors.New(`not a pair: a line is {"key":"…","value":"…"}, with key_base64 or value_base64 for bytes that are not UTF-8, and "expires":"2026-12-31T23:59:59Z" if it expires`)

// What Import puts into the store at once.
const (
	importPairs = 1000
	importBytes = 1 << 20
)

// Import puts the pairs that r holds into the store, as Export writes them; empty lines, and pairs that have expired since, are passed over. A key
// that is there with another value or expiry is replaced if replace says so, and else is an error (ErrExists).
//
// The error of a line is an *[ImportError], with ErrLine, ErrExists, ErrTooLarge, ErrFull or what the store said.
// The lines before it are kept or not, by the thousand; done says how many lines are kept, and the same lines can be
// imported again.
func Import(s Store, r io.Reader, replace bool) (done int, err error) {
	in := lines{source: bufio.NewReaderSize(r, 64<<10)}
	for {
		pairs, failure := in.batch()
		if len(pairs) > 0 {
			if err := s.Update(func(w Writer) error { return putAll(w, pairs, replace) }); err != nil {
				return done, err
			}
		}
		done += len(pairs)
		switch {
		case failure == io.EOF:
			return done, nil
		case failure != nil:
			return done, failure
		}
	}
}

// A numbered pair knows its line.
type numbered struct {
	Pair
	line int
}

func putAll(w Writer, pairs []numbered, replace bool) error {
	for _, pair := range pairs {
		old, exists := w.Get(pair.Key)
		same := exists && bytes.Equal(old.Value, pair.Value) && momentOf(old.Expires) == momentOf(pair.Expires)
		if exists && !same && !replace {
			return &ImportError{pair.line, ErrExists}
		}
		if same {
			continue
		}
		if err := w.Put(pair.Pair); err != nil {
			return &ImportError{pair.line, err}
		}
	}
	return nil
}

// lines reads pairs.
type lines struct {
	source *bufio.Reader
	number int
}

// batch returns some pairs, and io.EOF after the last one or what is wrong with the line after them.
func (l *lines) batch() (pairs []numbered, err error) {
	for size := 0; len(pairs) < importPairs && size < importBytes; {
		line, err := l.next()
		if err != nil {
			return pairs, err
		}
		if len(line) == 0 {
			continue
		}
		pair, err := parseLine(line)
		if err != nil {
			return pairs, &ImportError{l.number, err}
		}
		pairs = append(pairs, numbered{pair, l.number})
		size += len(pair.Key) + len(pair.Value)
	}
	return pairs, nil
}

// next returns a line without its end and the space around it.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.source.ReadSlice('\n')
		if line = append(line, part...); len(line) > MaxLine {
			l.number++
			return nil, &ImportError{l.number, ErrTooLarge}
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) == 0 || err != nil && err != io.EOF:
			return nil, err
		}
		l.number++
		return bytes.TrimSpace(line), nil
	}
}

// parseLine takes what Export writes and nothing else: encoding/json would let pass names twice or in
// capitals, and put U+FFFD where there is no character.
func parseLine(line []byte) (Pair, error) {
	if !utf8.Valid(line) || hasLoneSurrogate(line) {
		return Pair{}, ErrLine
	}
	fields := make(map[string]string)
	in := json.NewDecoder(bytes.NewReader(line))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return Pair{}, ErrLine
	}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return Pair{}, ErrLine
		}
		value, err := in.Token()
		text, isText := value.(string)
		if err != nil || !isText {
			return Pair{}, ErrLine
		}
		if _, twice := fields[name.(string)]; twice {
			return Pair{}, ErrLine
		}
		fields[name.(string)] = text
	}
	if _, err := in.Token(); err != nil {
		return Pair{}, ErrLine
	}
	if _, err := in.Token(); err != io.EOF {
		return Pair{}, ErrLine
	}
	return pairOf(fields)
}

func pairOf(fields map[string]string) (pair Pair, err error) {
	var ok [3]bool
	pair.Key, ok[0] = takeBytes(fields, "key")
	pair.Value, ok[1] = takeBytes(fields, "value")
	pair.Expires, ok[2] = takeTime(fields, "expires")
	if ok != [3]bool{true, true, true} || len(fields) > 0 {
		return Pair{}, ErrLine
	}
	return pair, check(pair)
}

// takeBytes takes a key or value out of the fields.
func takeBytes(fields map[string]string, name string) ([]byte, bool) {
	if text, ok := fields[name]; ok {
		delete(fields, name)
		return []byte(text), true
	}
	text, ok := fields[name+"_base64"]
	delete(fields, name+"_base64")
	decoded, err := base64.StdEncoding.Strict().DecodeString(text)
	return decoded, ok && err == nil
}

func takeTime(fields map[string]string, name string) (time.Time, bool) {
	text, there := fields[name]
	if !there {
		return time.Time{}, true
	}
	delete(fields, name)
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil && !t.IsZero()
}

// hasLoneSurrogate reports whether an escape of a JSON text is one half of a character.
func hasLoneSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		first, ok := escaped(text[i:])
		if !ok {
			i++ // what is escaped is no escape itself
			continue
		}
		i += 5
		if !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := escaped(text[i+1:])
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escaped reads \uXXXX.
func escaped(text []byte) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, digit := range text[2:6] {
		switch {
		case '0' <= digit && digit <= '9':
			digit -= '0'
		case 'a' <= digit|0x20 && digit|0x20 <= 'f':
			digit = digit | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}
