// Package powercut tells what a power cut leaves of a file: what was synced, and of what was written after that any part. It goes by the
// trace that strace makes of a program, with
//
//	strace -f -xx -s 10000000 -e trace=pwrite64,fdatasync,fsync,ftruncate,write -e signal=none
//
// and -yy where the program writes to several files or connections.
package powercut

import (
	"bufio"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A Call is a system call that succeeded.
type Call struct {
	Name   string
	File   string // the descriptor, and with -yy what strace says of it: "7<TCP:[127.0.0.1:8888->127.0.0.1:40000]>"
	Data   []byte // of a write
	Offset int64  // of pwrite64; the length, of ftruncate
}

// IsSync reports whether all that was written before the call is on the disk after it.
func (c Call) IsSync() bool { return isSync(c.Name) }

func isSync(name string) bool { return name == "fdatasync" || name == "fsync" }

var (
	traced = regexp.MustCompile(`^\d+ +(?:<\.\.\. )?(\w+)(?: resumed>)?(.*) = (\d+)$`)
	begun  = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
)

// Read reads a trace, and puts the two halves of a call together that strace saw another thread's in between: a sync counts from its
// end, anything else from its beginning.
func Read(t testing.TB, name string) (calls []Call) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in := bufio.NewReader(file)
	pending := make(map[string]string)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return calls
		}
		if err != nil {
			t.Fatal(err)
		}
		before, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), `"`)
		data, after, _ := strings.Cut(rest, `"`) // it is long, and looked at once
		line = before + after
		thread, _, _ := strings.Cut(line, " ")
		if m := begun.FindStringSubmatch(line); m != nil {
			pending[thread] = m[3]
			if !isSync(m[2]) {
				calls = append(calls, parse(t, m[2], m[3], data))
			}
			continue
		}
		m := traced.FindStringSubmatch(line)
		if m == nil {
			continue // the end of a thread, or of the trace
		}
		arguments := strings.TrimPrefix(m[2], "(")
		if strings.Contains(line, " resumed>") {
			if !isSync(m[1]) {
				continue
			}
			arguments = pending[thread]
		}
		calls = append(calls, parse(t, m[1], arguments, data))
	}
}

func parse(t testing.TB, name, arguments, data string) Call {
	t.Helper()
	fields := strings.Split(strings.TrimRight(arguments, ") "), ",")
	content, err := hex.DecodeString(strings.ReplaceAll(data, `\x`, ""))
	if err != nil {
		t.Fatal(err)
	}
	c := Call{Name: name, File: fields[0], Data: content}
	if name == "pwrite64" || name == "ftruncate" {
		if c.Offset, err = strconv.ParseInt(strings.TrimSpace(fields[len(fields)-1]), 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Replay returns what a power cut after these calls may leave of the file that they write with pwrite64 and ftruncate; random decides what is left
// of what was not synced.
func Replay(calls []Call, random *rand.Rand) (content []byte) {
	synced := 0
	for i, c := range calls {
		if c.IsSync() {
			synced = i
		}
	}
	for i, c := range calls {
		if i > synced && random.IntN(2) == 0 {
			continue
		}
		switch c.Name {
		case "ftruncate":
			content = append(content, make([]byte, max(0, c.Offset-int64(len(content))))...)
		case "pwrite64":
			end := c.Offset + int64(len(c.Data))
			content = append(content, make([]byte, max(0, end-int64(len(content))))...)
			copy(content[c.Offset:], c.Data)
		}
	}
	return content
}
