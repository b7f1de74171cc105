package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"example.com/tlslab/inspect"
)

// maxKeyLogLine is how long a line of a key log may be, in bytes.
const maxKeyLogLine = 16 << 10

// ParseKeyLog reads a key log (SSLKEYLOGFILE, RFC 9850 section 2): a label, an
// identifier (nearly always the ClientHello.random) and a secret a line, the
// latter two in hex. Labels that nobody knows are kept; empty lines, comments
// and a byte order mark are passed over. It may be UTF-16, as some shells write
// it.
//
// A line that is none of these, or is longer than 16 KiB, is left out, and the
// error names its number. The secrets of the other lines are returned all the
// same.
func ParseKeyLog(r io.Reader) ([]inspect.LoggedSecret, error) {
	var secrets []inspect.LoggedSecret
	var problems Problems
	log := keyLog{
		learn: func(secret inspect.LoggedSecret) { secrets = append(secrets, secret) },
		told:  func(p *Problem) { problems.Add(p) },
	}
	if _, err := io.Copy(&log, r); err != nil {
		problems.Add(&Problem{Offset: -1, Key: "key_log_read", Data: []any{"line", log.line}, Err: err, Ends: true})
	}
	log.end()
	return secrets, problems.Err()
}

// A keyLog takes in a key log in the pieces in which it comes.
type keyLog struct {
	learn func(inspect.LoggedSecret)
	told  func(*Problem) // of a line that holds no secret

	begun bool             // the first two bytes were there
	order binary.ByteOrder // of the 16-bit units that it is made of; nil for bytes
	half  []byte           // what is no whole unit yet, or not the first two bytes
	line  int              // whole lines
	rest  []byte           // the beginning of a line that is not whole yet
	long  bool             // rest is the end of a line that is too long
}

// Write takes in the next piece, and never fails.
func (k *keyLog) Write(b []byte) (int, error) {
	n := len(b)
	if !k.begun || k.order != nil {
		b = append(k.half, b...)
		k.half = nil
	}
	if !k.begun {
		if len(b) < 2 {
			k.half = b
			return n, nil
		}
		k.begun = true
		if k.order = utf16Order(b); k.order != nil {
			b = b[2:]
		}
	}
	if k.order != nil {
		b = k.narrow(b)
	}
	k.split(b)
	return n, nil
}

// narrow makes ASCII of 16-bit units; a unit that is none becomes a byte that
// is none.
func (k *keyLog) narrow(b []byte) []byte {
	narrow := make([]byte, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		narrow = append(narrow, byte(min(k.order.Uint16(b), 0x80)))
	}
	k.half = slices.Clone(b)
	return narrow
}

// split splits what has come into lines.
func (k *keyLog) split(b []byte) {
	for {
		part, behind, whole := bytes.Cut(b, []byte{'\n'})
		if len(k.rest) == 0 && !k.long { // a log that was emptied under a writer that does not append begins with these
			part = bytes.TrimLeft(part, "\x00")
		}
		if k.long = k.long || len(k.rest)+len(part) > maxKeyLogLine; k.long {
			k.rest = k.rest[:0]
		} else {
			k.rest = append(k.rest, part...)
		}
		if !whole {
			return
		}
		k.whole()
		b = behind
	}
}

// whole reads the line that rest has become.
func (k *keyLog) whole() {
	k.line++
	line, long := bytes.TrimSpace(bytes.TrimPrefix(k.rest, []byte(utf8Mark))), k.long
	k.rest, k.long = k.rest[:0], false
	switch {
	case long:
		k.told(k.odd(trouble("key_log_too_long", "most", maxKeyLogLine)))
		return
	case len(line) == 0 || line[0] == '#':
		return
	}
	secret, err := inspect.ParseSecret(line)
	if err != nil {
		k.told(k.odd(notASecret(line, err)))
		return
	}
	secret.Origin, secret.Line = inspect.FromFile, k.line
	k.learn(secret)
}

func (k *keyLog) odd(err error) *Problem {
	return &Problem{Offset: -1, Key: "key_log_line", Data: []any{"line", k.line}, Err: err}
}

// end says that nothing more comes: the last line is as whole as it will be.
func (k *keyLog) end() {
	if !k.begun {
		k.split(k.half)
	}
	if len(k.rest) > 0 || k.long {
		k.whole()
	}
}

// notASecret says what a line of a key log lacks. It does not quote the line.
func notASecret(line []byte, err error) error {
	words := bytes.Fields(line)
	switch {
	case len(words) != 3:
		return trouble("key_log_words", "number", len(words))
	case !isLabel(string(words[0])):
		return trouble("key_log_label")
	case len(words[1])%2 != 0 || !isHex(words[1]):
		return trouble("key_log_identifier")
	case len(words[2])%2 != 0 || !isHex(words[2]):
		return trouble("key_log_secret")
	}
	return err
}

func isHex(b []byte) bool { return len(bytes.Trim(b, "0123456789abcdefABCDEF")) == 0 }

// isLabel reports whether label can stand on a line of a key log.
func isLabel(label string) bool {
	for i := range len(label) {
		if label[i] <= ' ' || label[i] > '~' {
			return false
		}
	}
	return label != "" && label[0] != '#'
}

// WriteKeyLog writes secrets as a key log, a line each, as Wireshark and
// [ParseKeyLog] read it. The file should be readable by its owner alone.
func WriteKeyLog(w io.Writer, secrets ...inspect.LoggedSecret) error {
	for _, secret := range secrets {
		line, err := keyLogLine(&secret)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, line); err != nil {
			return fmt.Errorf("writing a key log: %w", err)
		}
	}
	return nil
}

func keyLogLine(s *inspect.LoggedSecret) (string, error) {
	if !isLabel(s.Label) || len(s.ClientRandom) == 0 || len(s.Bytes) == 0 {
		return "", fmt.Errorf("a secret with the label %q has no place in a key log: it wants a label without spaces, an identifier and bytes",
			inspect.Safe(s.Label))
	}
	line := fmt.Sprintf("%s %x %x\n", s.Label, s.ClientRandom, s.Bytes)
	if len(line) > maxKeyLogLine {
		return "", fmt.Errorf("a secret with the label %q has no place in a key log: a line has room for %d bytes", inspect.Safe(s.Label), maxKeyLogLine)
	}
	return line, nil
}
