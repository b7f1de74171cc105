package kvs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// redisLevel is the version of Redis whose answers these are.
const redisLevel = "7.0.0"

// redisSession is what the requests of a connection in RESP have in common.
type redisSession struct {
	server *Server
	conn   *kernel.Conn
	store  *answers
	guest  *guest
	reply
	name           string // set by CLIENT SETNAME
	library, level string // set by CLIENT SETINFO
	done           bool
}

// serveRESP answers the requests of a connection in RESP.
func (s *Server) serveRESP(ctx context.Context, wire *wire, source *bufio.Reader) error {
	conn, out := wire.conn, wire.out
	in := respReader{source: source, limit: conn.MaxRequest()}
	session := redisSession{server: s, conn: conn, store: out, guest: s.Access.receive(conn), reply: reply{version: 2}}
	out.broken = func(err error) []byte {
		instead := reply{version: session.version}
		instead.failure(session.explain(err).text)
		return instead.b
	}
	for ctx.Err() == nil {
		if err := wire.await(source); err != nil {
			return err
		}
		arguments, err := in.next()
		if err == nil {
			err = session.answer(ctx, arguments)
		} else {
			err = session.malformed(err)
		}
		if err != nil {
			return err
		}
		out.add(session.b)
		session.recycle()
		conn.Hold(0)
		if session.done || out.err != nil {
			return out.flush()
		}
	}
	return cmp.Or(out.flush(), kernel.ErrStopping)
}

// pingLine is all that the lines know of what Redis calls inline commands: redis-benchmark begins with it, on connections of their
// own, unless it is told what to measure. Nothing of it changes anything, and whoever types it ends his line with a line feed alone.
const pingLine = "PING\r\n"

// pong answers pingLine as Redis does; the end of the line is not there yet.
func (s *session) pong(ctx context.Context) ([]byte, error) {
	redis := redisSession{server: s.server, conn: s.conn, store: s.store, guest: s.guest, reply: reply{version: 2}}
	err := redis.answer(ctx, [][]byte{[]byte("PING")})
	return bytes.TrimSuffix(redis.b, newline), err
}

// malformed answers what is no request, after which nothing more can be understood. Another error is returned.
func (s *redisSession) malformed(err error) error {
	var garbage protocolError
	if !errors.As(err, &garbage) {
		return err
	}
	s.conn.Malformed(map[string]string{"": garbage.Error()})
	s.failure("ERR " + garbage.Error())
	s.done = true
	return nil
}

// recycle keeps the memory of an answer for the next one, unless it was large.
func (s *redisSession) recycle() {
	if s.b = s.b[:0]; cap(s.b) > 64<<10 {
		s.b = nil
	}
}

// redisRequest is a request whose first word was understood.
type redisRequest struct {
	session   *redisSession
	arguments [][]byte // behind the first word
}

// answer appends the answer to a request. The error says that there is nobody to answer.
func (s *redisSession) answer(ctx context.Context, words [][]byte) error {
	verb, arguments := words[0], words[1:]
	name := ""
	if command := s.server.table.find(verb); command != nil {
		name = command.verb
	} else {
		name = string(verb)
	}
	start := len(s.b)
	s.store.verb = ""
	_, err := s.server.redis.Do(ctx, s.conn, name, redisRequest{s, arguments})
	switch {
	case err == nil:
		s.store.verb = name
		return nil
	case errors.Is(err, kernel.ErrDismissed), errors.As(err, new(*goneError)):
		return err
	}
	s.b = s.b[:start]
	if errors.Is(err, kernel.ErrUnknownVerb) {
		err = unknownCommand(verb, arguments)
	}
	s.failure(s.explain(err).text)
	return nil
}

// learnRedis sets who answers the commands of Redis.
func (s *Server) learnRedis() {
	s.table = newRedisTable()
	for _, command := range s.table.all {
		s.redis.Handle(command.verb, func(_ context.Context, _ *kernel.Conn, r redisRequest) (struct{}, error) {
			if n := 1 + len(r.arguments); n != command.arity && (command.arity >= 0 || n < -command.arity) {
				return struct{}{}, wrongArity(command.name)
			}
			if err := r.session.guest.may(command.name, command.needs); err != nil {
				return struct{}{}, err
			}
			return struct{}{}, command.run(r.session, r.arguments)
		})
	}
}

// A redisError is what a command of Redis answers that is not carried out. It begins with a word in capitals by which clients tell
// one kind from another.
type redisError struct{ text string }

func (e *redisError) Error() string { return e.text }

var (
	errSyntax      = &redisError{text: "ERR syntax error"}
	errNotInteger  = &redisError{text: "ERR value is not an integer or out of range"}
	errOverflow    = &redisError{text: "ERR increment or decrement would overflow"}
	errPattern     = &redisError{text: "ERR the pattern takes too many steps; write a simpler one"}
	errCursor      = &redisError{text: "ERR invalid cursor"}
	errOptionsNX   = &redisError{text: "ERR NX and XX, GT or LT options at the same time are not compatible"}
	errOptionsGT   = &redisError{text: "ERR GT and LT options at the same time are not compatible"}
	errIndex       = &redisError{text: "ERR DB index is out of range"}
	errRedisFailed = &redisError{text: "ERR the store failed, and the request may not have been carried out; the server's operator was told why"}
)

func badExpiry(command string) error {
	return &redisError{text: "ERR invalid expire time in '" + command + "' command"}
}

// wrongArity is for a command, or "command|subcommand".
func wrongArity(command string) error {
	return &redisError{text: "ERR wrong number of arguments for '" + command + "' command"}
}

func unsupportedOption(option []byte) error {
	return &redisError{text: "ERR Unsupported option " + shown(option)}
}

// unknownCommand shows the start of the request, as Redis does.
func unknownCommand(verb []byte, arguments [][]byte) error {
	var rest strings.Builder
	for _, argument := range arguments {
		if rest.Len() >= 128 {
			break
		}
		fmt.Fprintf(&rest, "'%s' ", shown(argument))
	}
	return &redisError{text: fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", shown(verb), rest.String())}
}

// explain makes an error of the store, or of a handler, one that can be answered.
func (s *redisSession) explain(err error) *redisError {
	var (
		known    *redisError
		panicked *kernel.PanicError
		disk     *store.DiskError
		access   *accessError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &access):
		return &redisError{text: refusalInRESP(access)}
	case errors.As(err, &panicked):
		return &redisError{text: "ERR internal error; the request may not have been carried out"}
	case errors.Is(err, store.ErrTooLarge):
		return &redisError{text: fmt.Sprintf("ERR too large; a key has at most %d bytes, a value at most %d", store.MaxKey, store.MaxValue)}
	case errors.Is(err, store.ErrFull):
		return &redisError{text: "OOM command not allowed: the store is full; delete something first"}
	case errors.Is(err, kernel.ErrBusy), errors.Is(err, kernel.ErrAnswers):
		return &redisError{text: "BUSY " + Explain(docs.For(docs.English), err)}
	case errors.Is(err, errAnswerTooLong):
		limit := s.answerLimit()
		return &redisError{text: fmt.Sprintf("ERR the answer would be longer than %d bytes; ask for less at once", limit)}
	case errors.As(err, &disk):
		s.conn.Report(err)
		return &redisError{text: "MISCONF " + docs.For(docs.English).Say(storeFailure(err))}
	}
	s.conn.Report(err)
	return errRedisFailed
}

func (s *redisSession) answerLimit() int { return cmp.Or(s.server.AnswerLimit, DefaultAnswerLimit) }

// fits returns an error once the answer is too long, or there is no memory for it.
func (s *redisSession) fits(more int) error {
	if len(s.b)+more > s.answerLimit() {
		return errAnswerTooLong
	}
	return hold(s.conn, len(s.b)+more)
}

func (s *redisSession) view(do func(store.Reader) error) error { return s.store.View(do) }

func (s *redisSession) update(do func(store.Writer) error) error { return s.store.Update(do) }

// isRESP reports whether a connection speaks RESP, by its first byte.
func isRESP(source *bufio.Reader) (bool, error) {
	first, err := source.Peek(1)
	if err != nil && err != io.EOF {
		return false, err
	}
	return len(first) == 1 && first[0] == respMark, nil
}
