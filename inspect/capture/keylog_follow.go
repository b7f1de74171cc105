package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"example.com/tlslab/inspect"
)

// lookAgain is how often a key log that is followed is looked at.
const lookAgain = 50 * time.Millisecond

// FollowKeyLog reads a key log that other programs write, while they do, and
// gives each secret to learn, until ctx is done; then it reads what came before,
// and returns. The file need not be there yet. Where another takes its place,
// or what was read of it last is no longer what stands there (it was emptied, and
// perhaps written anew), it is read from its beginning again: a secret may be
// learned twice. Lines are read as [ParseKeyLog] reads them; the last one waits
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
	log     keyLog   // of the file
	offset  int64    // of what has been read
	tail    []byte   // the end of what has been read, rememberedTail at most
	problem string   // the trouble with the file that was told last
	secrets int      // that were learned, or would have been
}

// rememberedTail is how many bytes of what was read last are compared with what
// stands in their place: more than the comments that a new log may have in
// common with the one before.
const rememberedTail = 1 << 10

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
		same := f.readOn()
		if own, err := f.file.Stat(); err == nil && os.SameFile(own, info) && same {
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
	f.log = keyLog{learn: f.one, told: func(p *Problem) { f.told(p) }}
	f.readOn()
}

// readOn reads the open file to its present end, and reports whether it is the
// one of before: the end of what has been read is read once more with each piece,
// in one go, since the file may be emptied and refilled at any time.
func (f *followed) readOn() bool {
	if f.file == nil {
		return false
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := f.file.ReadAt(buffer, f.offset-int64(len(f.tail)))
		fresh, same := bytes.CutPrefix(buffer[:n], f.tail)
		if err != nil && err != io.EOF {
			f.trouble(err)
			return true
		}
		if !same {
			return false
		}
		f.offset += int64(len(fresh))
		f.log.Write(fresh)
		f.tail = slices.Clone(buffer[max(0, n-rememberedTail):n])
		if err == io.EOF {
			return true
		}
	}
}

// one learns one secret, if there is room for it.
func (f *followed) one(secret inspect.LoggedSecret) {
	switch f.secrets++; {
	case f.secrets <= mostSecrets:
		f.learn(secret)
	case f.secrets == mostSecrets+1:
		f.told(trouble("secrets_most", "most", mostSecrets))
	}
}

// trouble tells what is the matter with the file, once.
func (f *followed) trouble(err error) {
	if err.Error() != f.problem {
		f.problem = err.Error()
		f.told(&Problem{Offset: -1, Key: "key_log_read", Data: []any{"line", f.log.line}, Err: err})
	}
}

// leave closes the file, whose last line is as whole as it will be.
func (f *followed) leave() {
	if f.file == nil {
		return
	}
	f.log.end()
	f.file.Close()
	f.file, f.log, f.offset, f.tail = nil, keyLog{}, 0, nil
}
