package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"example.com/tlslab/inspect"
)

// maxKeyLogLine is how long a line of a key log may be, in bytes.
const maxKeyLogLine = 16 << 10

// ParseKeyLog reads a key log (SSLKEYLOGFILE, RFC 9850 section 2): a label, an
// identifier (nearly always the ClientHello.random) and a secret a line, the
// latter two in hex. Labels that nobody knows are kept; empty lines and
// comments are passed over.
//
// A line that is none of these is left out, and the error names its number.
// The secrets of the other lines are returned all the same. Lines are at most
// 16 KiB long.
func ParseKeyLog(r io.Reader) ([]inspect.LoggedSecret, error) {
	var secrets []inspect.LoggedSecret
	var problems problems
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxKeyLogLine)
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		secret, err := inspect.ParseSecret(line)
		if err != nil {
			problems.add(&Problem{Offset: -1, Key: "key_log_line", Data: []any{"line", number}, Err: notASecret(line, err)})
			continue
		}
		secret.Origin = inspect.FromFile
		secrets = append(secrets, secret)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		problems.add(trouble("key_log_long", "line", number+1, "most", maxKeyLogLine))
	case err != nil:
		problems.add(&Problem{Offset: -1, Key: "key_log_read", Data: []any{"line", number}, Err: err})
	}
	return secrets, problems.err()
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
