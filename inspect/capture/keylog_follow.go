package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"example.com/tlslab/inspect"
)

// lookAgain is how often a key log that is followed is looked at.
const lookAgain = 50 * time.Millisecond

// FollowKeyLog reads a key log that other programs write, while they do, and
// gives each secret to learn, until ctx is done; then it reads what came before,
// and returns nil. The file need not be there yet. Where another takes its
// place, or it becomes shorter, it is read from its beginning again: a secret may
// be learned twice. Lines are read as [ParseKeyLog] reads them; the last one waits
// until it is whole.
//
// What cannot be used is told, each time as a wrapped [*Problem] and without a
// quotation: a line that holds no secret, a file that cannot be read, or more
// than 250,000 secrets, of which the rest is left out.
// Neither learn nor told is called by two goroutines at once.
func FollowKeyLog(ctx context.Context, name string, learn func(...inspect.LoggedSecret), told func(error)) {
	f := &followed{name: name, learn: learn, told: told}
	defer f.leave()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		over := ctx.Err() != nil
		f.look()
		if over {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
}

// A followed key log is one that grows.
type followed struct {
	name  string
	learn func(...inspect.LoggedSecret)
	told  func(error)

	file    *os.File // nil while there is none
	offset  int64    // of what has been read
	line    int      // whole lines before rest
	rest    []byte   // the beginning of a line that is not whole yet
	long    bool     // rest is the end of a line that is too long
	problem string   // the trouble with the file that was told last
	secrets int      // that were learned, or would have been
}

// look reads what has come since the last time.
func (f *followed) look() {
	info, err := os.Stat(f.name)
	if err != nil {
		f.readOn() // what was written before the file went
		if !errors.Is(err, fs.ErrNotExist) {
			f.trouble(err)
		}
		return
	}
	if !info.Mode().IsRegular() {
		f.trouble(trouble("key_log_not_a_file"))
		return
	}
	if f.file != nil {
		f.readOn()
		if own, err := f.file.Stat(); err == nil && os.SameFile(own, info) && info.Size() >= f.offset {
			return
		}
		f.leave()
	}
	if f.file, err = os.Open(f.name); err != nil {
		f.file = nil
		f.trouble(err)
		return
	}
	f.problem = ""
	f.readOn()
}

// readOn reads the open file to its present end.
func (f *followed) readOn() {
	if f.file == nil {
		return
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := f.file.ReadAt(buffer, f.offset)
		f.offset += int64(n)
		f.take(buffer[:n])
		if err != nil {
			if err != io.EOF {
				f.trouble(err)
			}
			return
		}
	}
}

// take splits what was read into lines.
func (f *followed) take(b []byte) {
	for {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		if f.long = f.long || len(f.rest)+len(part) > maxKeyLogLine; f.long {
			f.rest = f.rest[:0]
		} else {
			f.rest = append(f.rest, part...)
		}
		if end < 0 {
			return
		}
		f.whole()
		b = b[end+1:]
	}
}

// whole reads the line that rest has become.
func (f *followed) whole() {
	f.line++
	line, long := bytes.TrimSpace(f.rest), f.long
	f.rest, f.long = f.rest[:0], false
	switch {
	case long:
		f.told(&Problem{Offset: -1, Key: "key_log_line", Data: []any{"line", f.line}, Err: trouble("key_log_too_long", "most", maxKeyLogLine)})
		return
	case len(line) == 0 || line[0] == '#':
		return
	}
	secret, err := inspect.ParseSecret(line)
	if err != nil {
		f.told(&Problem{Offset: -1, Key: "key_log_line", Data: []any{"line", f.line}, Err: notASecret(line, err)})
		return
	}
	switch f.secrets++; {
	case f.secrets <= mostSecrets:
		secret.Origin = inspect.FromFile
		f.learn(secret)
	case f.secrets == mostSecrets+1:
		f.told(trouble("secrets_most", "most", mostSecrets))
	}
}

// trouble tells what is the matter with the file, once.
func (f *followed) trouble(err error) {
	if err.Error() != f.problem {
		f.problem = err.Error()
		f.told(&Problem{Offset: -1, Key: "key_log_read", Data: []any{"line", f.line}, Err: err})
	}
}

// leave closes the file, whose last line is as whole as it will be.
func (f *followed) leave() {
	if f.file == nil {
		return
	}
	if len(f.rest) > 0 || f.long {
		f.whole()
	}
	f.file.Close()
	f.file, f.offset, f.line = nil, 0, 0
}
