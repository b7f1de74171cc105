package kvs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// What the fields of a [Server] mean when they are zero.
const (
	DefaultLimit       = 64 << 10 // bytes
	DefaultAnswerLimit = 16 << 20 // bytes
)

// Server answers requests from a store. It is the Handler of a kernel.Server:
//
//	server := &kernel.Server{Handler: &kvs.Server{Store: new(store.Memory)}}
//	err := server.Serve(ctx, tls.NewListener(listener, config))
//
// Any number of connections share the store. The fields must not be changed
// once it serves.
type Server struct {
	Store store.Store
	Lang  string // of its answers: "en" or "pt-BR"

	// Limit is how long a request may be, in bytes without the line's end; zero is
	// DefaultLimit. A connection needs about as much memory.
	Limit int
	// AnswerLimit is how long the answer to show, keys or values may be, in bytes; zero is
	// DefaultAnswerLimit. A longer one is an error instead. It is put
	// together in memory, so that a slow client never holds the store.
	AnswerLimit int

	// StoreFailed, if not nil, is told what went wrong with the store, of
	// which the client learns only that it did. Several connections may call it at once.
	StoreFailed func(conn net.Conn, err error)
}

// ServeConn answers the requests of one connection.
func (s *Server) ServeConn(ctx context.Context, conn *kernel.Conn) error {
	out := bufio.NewWriter(conn)
	in := lineReader{
		source: bufio.NewReader(flushFirst{conn, out}),
		limit:  cmp.Or(s.Limit, DefaultLimit),
	}
	session := session{server: s, conn: conn, say: docs.For(s.Lang)}
	for ctx.Err() == nil {
		line, err := in.next()
		if err == io.EOF || err != nil && !errors.Is(err, errLine) {
			return err
		}
		answer := session.answerLine(line, err)
		out.Write(answer) // an error shows at the next flush
		out.WriteByte('\n')
		if session.done {
			return out.Flush()
		}
	}
	return cmp.Or(out.Flush(), kernel.ErrStopping)
}

// flushFirst writes what was answered before it waits for more requests: of
// many that came together, the answers go together.
type flushFirst struct {
	in  io.Reader
	out *bufio.Writer
}

func (f flushFirst) Read(p []byte) (int, error) {
	if err := f.out.Flush(); err != nil {
		return 0, err
	}
	return f.in.Read(p)
}

// lineReader reads lines of a bounded length.
type lineReader struct {
	source *bufio.Reader
	limit  int
	line   []byte
}

var (
	errLine       = errors.New("not a request")
	errTooLong    = fmt.Errorf("%w: too long", errLine)
	errUnfinished = fmt.Errorf("%w: without an end of line", errLine)
)

// next returns a line without its end, valid until the next call. After
// errTooLong the whole line was discarded; after errUnfinished comes io.EOF.
func (l *lineReader) next() ([]byte, error) {
	const lineEnd = 2 // \r\n
	l.line = l.line[:0]
	started, tooLong := false, false
	for {
		part, err := l.source.ReadSlice('\n')
		started = started || len(part) > 0
		if tooLong = tooLong || len(l.line)+len(part) > l.limit+lineEnd; !tooLong {
			l.line = append(l.line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && started:
			return nil, errUnfinished
		case err != nil:
			return nil, err
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(l.line, []byte{'\n'}), []byte{'\r'})
		if tooLong || len(line) > l.limit {
			return nil, errTooLong
		}
		return line, nil
	}
}

// Command is one of the words that a request can begin with.
type Command struct {
	Name      string
	Arguments []string // "key", "value"

	run func(s *session, arguments [][]byte) ([]byte, error)
}

// Commands returns the commands that there are, in the order in which one learns them.
func Commands() []Command {
	return []Command{
		{"create", []string{"key", "value"}, (*session).create},
		{"read", []string{"key"}, (*session).read},
		{"update", []string{"key", "value"}, (*session).update},
		{"delete", []string{"key"}, (*session).delete},
		{"show", nil, (*session).show},
		{"keys", nil, (*session).keys},
		{"values", nil, (*session).values},
		{"exit", nil, (*session).exit},
	}
}

var commands = Commands()

// session is what a connection's requests have in common.
type session struct {
	server *Server
	conn   *kernel.Conn
	say    *docs.Sentences
	done   bool
}

var ok = []byte("Ok")

// answerLine returns the answer to what lineReader.next returned: one line,
// without its end. A panic becomes an answer too, and is reported.
func (s *session) answerLine(line []byte, lineError error) (answer []byte) {
	defer func() {
		if value := recover(); value != nil {
			s.conn.Panicked(value)
			answer = s.failure(s.say.Say("kvs_internal_error"))
		}
	}()
	switch lineError {
	case errTooLong:
		return s.failure(s.say.Say("kvs_request_too_long", "limit", cmp.Or(s.server.Limit, DefaultLimit)))
	case errUnfinished:
		return s.failure(s.say.Say("kvs_request_unfinished"))
	}
	words, err := Split(line)
	if err != nil {
		return s.failure(s.say.Say("kvs_not_understood", "request", shown(line), "reason", Explain(s.say, err)))
	}
	if len(words) == 0 {
		return s.failure(s.say.Say("kvs_request_empty"))
	}
	return s.execute(string(words[0]), words[1:])
}

func (s *session) execute(name string, arguments [][]byte) []byte {
	for _, command := range commands {
		if command.Name != name {
			continue
		}
		if len(arguments) != len(command.Arguments) {
			return s.failure(s.say.Say("kvs_wrong_arguments", "usage", command.usage(s.say), "got", len(arguments)))
		}
		answer, err := command.run(s, arguments)
		if err != nil {
			return s.failure(s.explain(err, arguments))
		}
		return answer
	}
	return s.failure(s.say.Say("kvs_unknown_command", "command", shown([]byte(name)), "commands", commandNames()))
}

func (c Command) usage(say *docs.Sentences) string {
	words := []string{c.Name}
	for _, argument := range c.Arguments {
		if argument == "key" {
			words = append(words, say.Say("kvs_word_key"))
		} else {
			words = append(words, say.Say("kvs_word_value"))
		}
	}
	return strings.Join(words, " ")
}

func commandNames() string {
	var names []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	return strings.Join(names, ", ")
}

func (s *session) create(arguments [][]byte) ([]byte, error) {
	return ok, s.server.Store.Create(arguments[0], arguments[1])
}

func (s *session) read(arguments [][]byte) ([]byte, error) {
	value, err := s.server.Store.Read(arguments[0])
	return []byte(Quote(value)), err
}

func (s *session) update(arguments [][]byte) ([]byte, error) {
	return ok, s.server.Store.Update(arguments[0], arguments[1])
}

func (s *session) delete(arguments [][]byte) ([]byte, error) {
	return ok, s.server.Store.Delete(arguments[0])
}

func (s *session) show([][]byte) ([]byte, error) {
	return s.list("{}", func(b, key, value []byte) []byte {
		return appendJSON(append(appendJSON(b, key), ": "...), value)
	})
}

func (s *session) keys([][]byte) ([]byte, error) {
	return s.list("[]", func(b, key, _ []byte) []byte { return appendJSON(b, key) })
}

func (s *session) values([][]byte) ([]byte, error) {
	return s.list("[]", func(b, _, value []byte) []byte { return appendJSON(b, value) })
}

func (s *session) exit([][]byte) ([]byte, error) {
	s.done = true
	return ok, nil
}

var errAnswerTooLong = errors.New("the answer is too long")

// list puts every pair between brackets.
func (s *session) list(brackets string, add func(b, key, value []byte) []byte) ([]byte, error) {
	limit := cmp.Or(s.server.AnswerLimit, DefaultAnswerLimit)
	b := []byte{brackets[0]}
	err := s.server.Store.Each(func(key, value []byte) error {
		if len(b) > 1 {
			b = append(b, ", "...)
		}
		if b = add(b, key, value); len(b) >= limit {
			return errAnswerTooLong
		}
		return nil
	})
	return append(b, brackets[1]), err
}

func (s *session) failure(reason string) []byte {
	return []byte(s.say.Say("kvs_error", "reason", reason))
}

// explain says in the server's language why a command failed.
func (s *session) explain(err error, arguments [][]byte) string {
	switch {
	case errors.Is(err, store.ErrExists):
		return s.say.Say("kvs_key_exists", "key", `"`+shown(arguments[0])+`"`)
	case errors.Is(err, store.ErrNotFound):
		return s.say.Say("kvs_key_missing", "key", `"`+shown(arguments[0])+`"`)
	case errors.Is(err, store.ErrTooLarge):
		return s.say.Say("kvs_pair_too_large", "key", store.MaxKey, "value", store.MaxValue)
	case errors.Is(err, store.ErrFull):
		return s.say.Say("kvs_store_full")
	case errors.Is(err, errAnswerTooLong):
		return s.say.Say("kvs_answer_too_long", "limit", cmp.Or(s.server.AnswerLimit, DefaultAnswerLimit))
	}
	if s.server.StoreFailed != nil {
		s.server.StoreFailed(s.conn.Conn, err)
	}
	return s.say.Say("kvs_store_failed")
}

// shown returns the start of what a client sent, safe to stand in a sentence.
func shown(text []byte) string {
	const most = 80
	if len(text) <= most {
		return escape(text, true)
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return escape(text[:end], true) + "…"
}
