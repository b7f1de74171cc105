package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/stage"
	"github.com/spf13/cobra"
)

// captures are the files that dump and open are given, and how they are to be
// read.
type captures struct {
	*program
	ca       string
	keys     []string // names of key logs
	protocol *choice

	secretsAlone bool // may be all that there is in the files

	ctx    context.Context // ends what waits for more of a pipe; nil if nothing has to be left at once
	stop   context.CancelFunc
	names  []string
	files  []*os.File
	roots  *x509.CertPool
	reader *capture.Reader
	opened []*capture.File // the first of the files: those that are read, or have been
	over   int             // how many have been

	done, total atomic.Int64 // bytes; total is 0 where it is not known

	mu       sync.Mutex // problems are told while more are found
	problems []fileProblem
}

// A fileProblem is what is wrong with a file.
type fileProblem struct {
	name    string // as it was given
	err     error
	nothing bool // nothing of it could be read
}

func (c *captures) flags(cmd *cobra.Command) {
	c.protocol = newChoice(protocolNames()...)
	cmd.Flags().StringArrayVar(&c.keys, "keys", nil, c.say("cmd_flag_keys"))
	cmd.Flags().StringVar(&c.ca, "ca", "", c.say("cmd_flag_dump_ca"))
	choose(cmd, c.protocol, "protocol", c.say("cmd_flag_dump_protocol"))
}

// protocolNames are what the connections of a capture may be said to speak.
func protocolNames() []string {
	names := []string{inspect.ProtocolTLS}
	for _, protocol := range stage.Protocols() {
		names = append(names, protocol.Name())
	}
	return names
}

// protocolNamed is what a stage of the lab, or what was pasted, speaks besides TLS; nil for no name of one.
func protocolNamed(name string) inspect.Protocol {
	for _, known := range append(stage.Protocols(), inspect.Messages, inspect.Certificates, inspect.Lines) {
		if known.Name() == name {
			return known
		}
	}
	return nil
}

// open opens the files, so that one that is not there is told before anything
// is read, and reads the key logs.
func (c *captures) open(names []string) error {
	if c.ca != "" {
		var err error
		if c.roots, err = pki.LoadRoots(c.ca); err != nil {
			return err
		}
	}
	c.reader = capture.NewReader(protocolNamed(c.protocol.value))
	c.reader.Speaks(protocolNamed)
	if c.roots != nil {
		c.reader.Recording().Trust(c.roots)
	}
	for _, name := range c.keys {
		if err := c.learn(name); err != nil {
			return err
		}
	}
	for _, name := range names {
		file, err := c.input(name)
		if err != nil {
			c.close()
			return err
		}
		c.names, c.files = append(c.names, name), append(c.files, file)
	}
	c.total.Store(c.size())
	c.begin()
	return nil
}

// begin begins the file whose turn it is, and those behind it that can be read
// together with it: whoever waits for more of a pipe is not to wait for the others.
func (c *captures) begin() {
	for together := true; together && len(c.opened) < len(c.files); {
		at := len(c.opened)
		c.opened = append(c.opened, c.beginOne(c.names[at], c.files[at]))
		together = isRegular(c.files[at]) && at+1 < len(c.files) && isRegular(c.files[at+1])
	}
}

func (c *captures) beginOne(name string, file *os.File) *capture.File {
	if name == "-" && isTerminal(file) {
		fmt.Fprintln(c.err, c.say("cmd_paste_hint"))
	}
	if c.ctx != nil && !isRegular(file) {
		return c.reader.Open(newInterruptible(c.ctx, file))
	}
	return c.reader.Open(file)
}

func isRegular(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

func (c *captures) input(name string) (*os.File, error) {
	if name == "-" {
		return c.in, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, failed(c.say("cmd_file_is_folder", "path", safe(name)), nil)
	}
	return file, nil
}

// size is how many bytes there are to read; 0 if that is not known.
func (c *captures) size() (total int64) {
	for _, file := range c.files {
		info, err := file.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		total += info.Size()
	}
	return total
}

// learn takes in a key log. Lines of it that say nothing do not keep the others from being used.
func (c *captures) learn(name string) error {
	file, err := c.input(name)
	if err != nil {
		return err
	}
	if name != "-" {
		defer file.Close()
	}
	secrets, problem := capture.ReadSecrets(file)
	if len(secrets) == 0 {
		if problem == nil {
			return failed(c.say("cmd_keys_none", "file", c.nameOf(name)), nil)
		}
		return failed(c.say("cmd_keys_unread", "file", c.nameOf(name), "reason", safe(capture.Explain(problem, c.say))), problem)
	}
	if err := c.reader.Learn(secrets...); err != nil {
		problem = errors.Join(problem, err)
	}
	if problem != nil {
		c.found(fileProblem{name: name, err: problem})
	}
	return nil
}

func (c *captures) nameOf(name string) string {
	if name == "-" {
		return c.say("cmd_standard_input")
	}
	return safe(name)
}

// next reads a little more, and reports whether there was anything.
func (c *captures) next() bool {
	defer func() { c.done.Store(c.reader.Offset()) }()
	if c.reader.Next() {
		return true
	}
	for ; c.over < len(c.opened); c.over++ {
		file := c.opened[c.over]
		if err := file.Err(); err != nil && !errors.Is(err, context.Canceled) {
			c.found(fileProblem{c.names[c.over], err, !file.Read()})
		}
	}
	if c.over < len(c.files) {
		c.begin()
		return true
	}
	c.reader.Close()
	if !c.secretsAlone && len(c.problems) == 0 && onlySecrets(c.reader.Recording()) {
		c.found(fileProblem{c.names[0], &capture.Problem{Offset: -1, Key: "key_log_alone"}, true})
	}
	return false
}

// onlySecrets reports whether a recording has secrets, and no connection that they could be of.
func onlySecrets(recording *inspect.Recording) bool {
	for event := range recording.Events(0) {
		if event.Kind == inspect.Opened {
			return false
		}
	}
	return hasSecrets(recording)
}

func (c *captures) found(problem fileProblem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, problem)
}

func (c *captures) close() {
	for i, file := range c.files {
		if c.names[i] != "-" {
			file.Close()
		}
	}
}

// Read reads on for a moment, or until ctx is done, and reports whether there
// is more to read.
func (c *captures) Read(ctx context.Context) (more bool) {
	const moment, often = 25 * time.Millisecond, 64
	defer context.AfterFunc(ctx, c.stop)()
	for begin, n := time.Now(), 1; ctx.Err() == nil; n++ {
		if !c.next() {
			return false
		}
		if n%often == 0 && time.Since(begin) > moment {
			break
		}
	}
	return ctx.Err() == nil
}

// Progress returns how many bytes have been read, of how many; 0 of them if
// that is not known.
func (c *captures) Progress() (read, total int64) { return c.done.Load(), c.total.Load() }

// Problem says in a language what could not be read; "" if everything was.
func (c *captures) Problem(lang string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	spoken := captures{program: &program{sentence: docs.For(lang)}}
	var told []string
	for _, problem := range c.problems {
		tell := func(id string, err error) {
			if err != nil {
				told = append(told, spoken.say(id, "file", spoken.nameOf(problem.name), "reason", safe(capture.Explain(err, spoken.say))))
			}
		}
		if problem.nothing {
			tell("cmd_not_a_capture", problem.err)
			continue
		}
		leftOut, ended := capture.Divide(problem.err)
		tell("cmd_capture_damaged", ended)
		tell("cmd_capture_left_out", leftOut)
	}
	return strings.Join(told, " ")
}

// failure is the error of a command once everything has been read.
func (c *captures) failure() error {
	if len(c.problems) == 0 {
		return nil
	}
	var path *fs.PathError
	if first := c.problems[0]; first.nothing && errors.As(first.err, &path) {
		return path
	}
	return failed(c.Problem(c.sentence.Lang()), c.problems[0].err)
}

// An interruptible reads from what may have nothing to say for long, until ctx
// is done.
type interruptible struct {
	ctx    context.Context
	chunks chan []byte
	rest   []byte
	err    error // once chunks is closed
}

func newInterruptible(ctx context.Context, in io.Reader) *interruptible {
	i := &interruptible{ctx: ctx, chunks: make(chan []byte)}
	go func() { // it ends with the program, if nothing more comes
		defer close(i.chunks)
		for {
			b := make([]byte, 64<<10)
			n, err := in.Read(b)
			if n > 0 {
				select {
				case i.chunks <- b[:n]:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				i.err = err
				return
			}
		}
	}()
	return i
}

func (i *interruptible) Read(b []byte) (int, error) {
	if len(i.rest) == 0 {
		select {
		case chunk, ok := <-i.chunks:
			if !ok {
				return 0, i.err
			}
			i.rest = chunk
		case <-i.ctx.Done():
			return 0, i.ctx.Err()
		}
	}
	n := copy(b, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}
