package kvs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// DefaultAnswerLimit is what the field AnswerLimit of a [Server] means when it is zero, in bytes.
const DefaultAnswerLimit = 16 << 20

// Server answers requests from a store. It is the Handler of a kernel.Server:
//
//	server := &kernel.Server{Addr: "127.0.0.1:8888", Handler: &kvs.Server{Store: new(store.Memory)}}
//	err := server.Run(ctx)
//
// Any number of connections share the store. The fields must not be changed
// once it serves. A request may be as long as the kernel's MaxRequest says, in bytes without
// the line's end, and a connection needs about as much memory. What goes wrong with the store is reported to the kernel
// as a runtime error; the client learns only that something did.
type Server struct {
	Store  store.Store
	Lang   string  // of its answers: "en" or "pt-BR"; a client may choose the other one by the command lang
	Access *Access // who may do what; nil lets everybody do everything, and knows no command auth

	// AnswerLimit is how long the answer to show, keys or values may be, in bytes; zero is
	// DefaultAnswerLimit. A longer one is an error instead. It is put
	// together in memory, so that a slow client never holds the store, and the kernel's MaxAnswers bounds that of all of them.
	AnswerLimit int

	once    sync.Once
	verbs   kernel.Verbs[request, []byte]
	redis   kernel.Verbs[redisRequest, struct{}]
	table   redisTable
	cursors cursors
}

// A Handler answers a request whose first word is its verb; the arguments are the other
// words, valid until it returns. The answer, and the text of the error, are made safe to stand on a line.
type Handler func(ctx context.Context, client *kernel.Conn, arguments [][]byte) (answer []byte, err error)

// Handle sets who answers a verb, one of [Commands] or any other word, from the next request on. Nil is nobody. Where
// there are roles, a word that is none of the commands needs [Writer].
func (s *Server) Handle(verb string, handler Handler) {
	s.learn()
	if handler == nil {
		s.verbs.Handle(verb, nil)
		return
	}
	needs := Writer
	if i := slices.IndexFunc(commands, func(c Command) bool { return c.Name == verb }); i >= 0 {
		needs = commands[i].Needs
	}
	s.verbs.Handle(verb, func(ctx context.Context, client *kernel.Conn, r request) ([]byte, error) {
		if err := r.session.guest.may(verb, needs); err != nil {
			return nil, err
		}
		r.session.store.lookAnew()
		r.session.store.settle() // it finds what the requests before have written
		answer, err := handler(ctx, client, r.arguments)
		if err != nil {
			return nil, &customError{err}
		}
		return []byte(escape(answer, false)), nil
	})
}

// customError is an error whose text is for the client.
type customError struct{ error }

func (e *customError) Unwrap() error { return e.error }

// learn sets who answers the verbs that every server has.
func (s *Server) learn() {
	s.once.Do(func() {
		for _, command := range commands {
			if command.Name == "auth" && s.Access == nil {
				continue
			}
			s.verbs.Handle(command.Name, func(_ context.Context, _ *kernel.Conn, r request) ([]byte, error) {
				if err := r.session.guest.may(command.Name, command.Needs); err != nil {
					return nil, err
				}
				if len(r.arguments) != len(command.Arguments) {
					return nil, &arityError{command}
				}
				return command.run(r.session, r.arguments)
			})
		}
		s.learnRedis()
	})
}

// arityError says that a command has another number of arguments.
type arityError struct{ command Command }

func (e *arityError) Error() string { return "wrong number of arguments for " + e.command.Name }

// ServeConn answers the requests of one connection.
func (s *Server) ServeConn(ctx context.Context, conn *kernel.Conn) error {
	s.learn()
	out := &answers{ctx: ctx, conn: conn, store: s.Store}
	wire := &wire{conn: conn, out: out}
	source := bufio.NewReaderSize(wire, sourceSize)
	out.source, out.gone = source, wire.gone
	conn.BeforeWait(out.lookAnew)
	defer out.end()
	if resp, err := isRESP(source); err != nil {
		return err
	} else if resp {
		return s.serveRESP(ctx, wire, source)
	}
	in := lineReader{source: source, limit: conn.MaxRequest()}
	session := session{server: s, conn: conn, store: out, guest: s.Access.receive(conn), say: docs.For(s.Lang)}
	out.broken = func(err error) []byte { return append(session.failure(session.explain(err, nil)), '\n') }
	for ctx.Err() == nil {
		if err := wire.await(source); err != nil {
			return err
		}
		line, err := in.next()
		if err == io.EOF || err != nil && !errors.Is(err, errLine) {
			return err
		}
		var answer []byte
		if string(in.line) == pingLine && !slices.Contains(s.verbs.Names(), "PING") {
			answer, err = session.pong(ctx)
		} else {
			answer, err = session.answerLine(ctx, line, err)
		}
		if err != nil {
			return err
		}
		out.add(answer, newline)
		conn.Hold(0)
		if session.done || out.err != nil {
			return out.flush()
		}
	}
	return cmp.Or(out.flush(), kernel.ErrStopping)
}

// sourceSize is how many bytes of requests are taken at once: about what a record of TLS brings.
const sourceSize = 16 << 10

var newline = []byte{'\n'}

// Refuse says to a client why it is not served, in the protocol that it begins to speak; as a line if it says nothing soon.
func (s *Server) Refuse(conn *kernel.Conn, why error) {
	const patience = 250 * time.Millisecond
	conn.ReadBy(time.Now().Add(patience))
	first := make([]byte, 1)
	if n, _ := conn.Read(first); n == 1 && first[0] == respMark {
		fmt.Fprintf(conn, "-ERR %s\r\n", Explain(docs.For(docs.English), why))
		return
	}
	say := docs.For(s.Lang)
	fmt.Fprintln(conn, say.Say("kvs_error", "reason", Explain(say, why)))
}

// wire is what requests are read from. It writes what was answered before it waits for more: of many that came together, the
// answers go together. Once a request has begun, the rest of it must come in time.
type wire struct {
	conn         *kernel.Conn
	out          *answers
	begun, timed bool

	ahead  []byte // what was read to see whether the client is there
	err    error  // that came behind it
	looked time.Time
}

// await waits for the first byte of a request. Source reads from the wire.
func (w *wire) await(source *bufio.Reader) error {
	w.begun = false
	if w.timed {
		w.conn.ReadBy(time.Time{})
		w.timed = false
	}
	_, err := source.Peek(1)
	w.begun = true
	return err
}

func (w *wire) Read(p []byte) (int, error) {
	if err := w.out.flush(); err != nil {
		return 0, err
	}
	if len(w.ahead) > 0 {
		n := copy(p, w.ahead)
		w.ahead = w.ahead[n:]
		return n, nil
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.begun && !w.timed {
		w.conn.ReadBy(w.conn.RequestDeadline())
		w.timed = true
	}
	return w.conn.Read(p)
}

// gone returns why there is nobody any more whom the request that is carried out could be answered. A client that has said all it
// has to say may be waiting for its answer.
func (w *wire) gone() error {
	const often, glance = 100 * time.Millisecond, time.Millisecond
	now := time.Now()
	if w.err == nil && len(w.ahead) == 0 && now.Sub(w.looked) >= often {
		w.looked = now
		b := make([]byte, sourceSize)
		w.conn.ReadBy(now.Add(glance))
		n, err := w.conn.Read(b)
		w.conn.ReadBy(time.Time{})
		w.timed = false
		w.ahead = b[:n]
		if !errors.Is(err, kernel.ErrSlow) && !errors.Is(err, kernel.ErrStopping) { // the request is finished all the same
			w.err = err
		}
	}
	if w.err == io.EOF {
		return nil
	}
	return w.err
}

// hold counts the memory of an answer that is so long by now: it takes twice that while it grows.
func hold(conn *kernel.Conn, length int) error {
	const small, step = 64 << 10, 1 << 20 // below the one it is not counted, above by the other
	if length <= small {
		return nil
	}
	return conn.Hold(2 * (int64(length)/step + 1) * step)
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
	Arguments []string // "key", "value", "token", "language"
	Needs     Role     // where there are roles

	run func(s *session, arguments [][]byte) ([]byte, error)
}

// Commands returns the commands that there are, in the order in which one learns them.
func Commands() []Command {
	return []Command{
		{"create", []string{"key", "value"}, Writer, (*session).create},
		{"read", []string{"key"}, Reader, (*session).read},
		{"update", []string{"key", "value"}, Writer, (*session).update},
		{"delete", []string{"key"}, Writer, (*session).delete},
		{"show", nil, Reader, (*session).show},
		{"keys", nil, Reader, (*session).keys},
		{"values", nil, Reader, (*session).values},
		{"auth", []string{"token"}, Anyone, (*session).auth},
		{"lang", []string{"language"}, Anyone, (*session).lang},
		{"exit", nil, Anyone, (*session).exit},
	}
}

var commands = Commands()

// session is what a connection's requests have in common.
type session struct {
	server *Server
	conn   *kernel.Conn
	store  *answers
	say    *docs.Sentences
	guest  *guest
	done   bool
}

// request is a line that was understood, without its first word.
type request struct {
	session   *session
	arguments [][]byte
}

var ok = []byte("Ok")

// answerLine returns the answer to what lineReader.next returned: one line,
// without its end. The error says that there is nobody to answer.
func (s *session) answerLine(ctx context.Context, line []byte, lineError error) (answer []byte, err error) {
	switch lineError {
	case errTooLong:
		return s.malformed(s.say.Say("kvs_request_too_long", "limit", s.conn.MaxRequest())), nil
	case errUnfinished:
		return s.malformed(s.say.Say("kvs_request_unfinished")), nil
	}
	words, err := Split(line)
	switch {
	case err != nil:
		return s.malformed(s.say.Say("kvs_not_understood", "request", shown(line), "reason", Explain(s.say, err))), nil
	case len(words) == 0:
		return s.malformed(s.say.Say("kvs_request_empty")), nil
	}
	verb, arguments := string(words[0]), words[1:]
	s.store.verb = ""
	answer, err = s.server.verbs.Do(ctx, s.conn, verb, request{s, arguments})
	switch {
	case err == nil:
		s.store.verb = verb
		return answer, nil
	case errors.Is(err, kernel.ErrDismissed), errors.As(err, new(*goneError)):
		return nil, err
	case errors.Is(err, kernel.ErrUnknownVerb):
		names := strings.Join(s.server.verbs.Names(), ", ")
		return s.failure(s.say.Say("kvs_unknown_command", "command", shown(words[0]), "commands", names)), nil
	}
	return s.failure(s.explain(err, arguments)), nil
}

// malformed answers a request that is none, and has it counted.
func (s *session) malformed(reason string) []byte {
	s.conn.Malformed(map[string]string{"line": reason})
	return s.failure(reason)
}

func (c Command) usage(say *docs.Sentences) string {
	words := []string{c.Name}
	for _, argument := range c.Arguments {
		switch argument {
		case "key":
			words = append(words, say.Say("kvs_word_key"))
		case "value":
			words = append(words, say.Say("kvs_word_value"))
		case "token":
			words = append(words, say.Say("kvs_word_token"))
		case "language":
			words = append(words, strings.Join(languages, "|"))
		}
	}
	return strings.Join(words, " ")
}

func (s *session) create(arguments [][]byte) ([]byte, error) {
	return ok, store.Create(s.store, arguments[0], arguments[1])
}

func (s *session) read(arguments [][]byte) ([]byte, error) {
	value, err := store.Read(s.store, arguments[0])
	if err != nil {
		return nil, err
	}
	answer := []byte(Quote(value))
	return answer, hold(s.conn, len(answer))
}

func (s *session) update(arguments [][]byte) ([]byte, error) {
	return ok, store.Replace(s.store, arguments[0], arguments[1])
}

func (s *session) delete(arguments [][]byte) ([]byte, error) {
	return ok, store.Delete(s.store, arguments[0])
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

func (s *session) auth(arguments [][]byte) ([]byte, error) {
	return ok, s.guest.authenticate("", arguments[0])
}

var languages = []string{docs.English, docs.Portuguese}

var errLanguage = errors.New("there are no answers in that language")

// lang has the connection answered in a language, whatever that of the server is.
func (s *session) lang(arguments [][]byte) ([]byte, error) {
	for _, language := range languages {
		if strings.EqualFold(string(arguments[0]), language) {
			s.say = docs.For(language)
			return ok, nil
		}
	}
	return nil, errLanguage
}

func (s *session) exit([][]byte) ([]byte, error) {
	s.done = true
	return ok, nil
}

// A yielder has a request that goes through many pairs let others run in between: a goroutine may otherwise have the processor for
// 10 ms at a stretch, and where many do so, short requests wait for all of them.
type yielder struct{ done int }

func (y *yielder) did(bytes int) {
	const perPair, stretch = 100, 32 << 10
	if y.done += perPair + bytes; y.done >= stretch {
		y.done = 0
		runtime.Gosched()
	}
}

var errAnswerTooLong = errors.New("the answer is too long")

// list puts every pair between brackets.
func (s *session) list(brackets string, add func(b, key, value []byte) []byte) ([]byte, error) {
	limit := cmp.Or(s.server.AnswerLimit, DefaultAnswerLimit)
	b := []byte{brackets[0]}
	err := s.store.scan(nil, func(pair store.Pair) error {
		if len(b) > 1 {
			b = append(b, ", "...)
		}
		if b = add(b, pair.Key, pair.Value); len(b) >= limit {
			return errAnswerTooLong
		}
		return hold(s.conn, len(b))
	}, nil)
	return append(b, brackets[1]), err
}

func (s *session) failure(reason string) []byte {
	return []byte(s.say.Say("kvs_error", "reason", reason))
}

// explain says in the server's language why a command failed.
func (s *session) explain(err error, arguments [][]byte) string {
	var (
		arity    *arityError
		panicked *kernel.PanicError
		custom   *customError
		access   *accessError
	)
	switch {
	case errors.As(err, &access):
		return explainAccess(s.say, access)
	case errors.Is(err, errLanguage):
		return s.say.Say("kvs_language_unknown", "language", shown(arguments[0]), "languages", strings.Join(languages, ", "))
	case errors.Is(err, errWrongToken):
		return s.say.Say("kvs_access_wrong_token")
	case errors.Is(err, errTokensOff):
		return s.say.Say("kvs_access_no_tokens")
	case errors.Is(err, errNoTokens):
		return s.say.Say("kvs_access_off")
	case errors.As(err, &arity):
		return s.say.Say("kvs_wrong_arguments", "usage", arity.command.usage(s.say), "got", len(arguments))
	case errors.As(err, &panicked):
		return s.say.Say("kvs_internal_error")
	case errors.As(err, &custom):
		return safe(custom.Error())
	case errors.Is(err, store.ErrExists):
		return s.say.Say("kvs_key_exists", "key", `"`+shown(arguments[0])+`"`)
	case errors.Is(err, store.ErrNotFound):
		return s.say.Say("kvs_key_missing", "key", `"`+shown(arguments[0])+`"`)
	case errors.Is(err, store.ErrTooLarge):
		return s.say.Say("kvs_pair_too_large", "key", store.MaxKey, "value", store.MaxValue)
	case errors.Is(err, store.ErrFull):
		return s.say.Say("kvs_store_full")
	case errors.Is(err, kernel.ErrBusy), errors.Is(err, kernel.ErrAnswers):
		return Explain(s.say, err)
	case errors.Is(err, errAnswerTooLong):
		return s.say.Say("kvs_answer_too_long", "limit", cmp.Or(s.server.AnswerLimit, DefaultAnswerLimit))
	}
	s.conn.Report(err)
	return s.say.Say(storeFailure(err))
}

// storeFailure is the sentence for a client whose request the store failed.
func storeFailure(err error) string {
	var disk *store.DiskError
	if errors.As(err, &disk) && !disk.Broken {
		return "kvs_store_refused"
	}
	return "kvs_store_failed"
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
