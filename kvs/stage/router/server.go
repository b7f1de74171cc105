package router

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
)

// What the fields of a [Server] are, or mean when they are zero.
const (
	DefaultAddr           = "127.0.0.1:5050"
	DefaultIdleTimeout    = 2 * time.Minute // who is served keeps all others waiting
	DefaultRequestTimeout = 10 * time.Second
	DefaultWriteTimeout   = 10 * time.Second
	DefaultTokenLifetime  = time.Hour
)

// EventWaiting: a client has come while another is served, and waits for its turn. Parameters: client,
// ahead (an int: how many are served before it).
const EventWaiting = "waiting"

// A Server is the JSON router over a folder. It serves one client at a time; whoever
// comes meanwhile waits, in the order in which they came. Life, limits, events and statistics are those of package
// kernel. The urls are the verbs.
//
// The fields must not be changed once it serves. [NewServer] sets those of the kernel's.
type Server struct {
	kernel.Server

	Lang string    // of messages: "en" or "pt-BR"
	Out  io.Writer // where it says what happens, a line in each Write, safe to show; nil is nowhere. See kernel.ScreenOf

	// Flawed brings two faults of the original back, to be looked at: a token is made of what can be
	// guessed, and who shows a wrong one is told so and then given what they asked for all the
	// same. Every answer says so, and so does [Server.Notice].
	Flawed bool

	RequestTimeout time.Duration // 10 s for a request, from its first byte to its last; kernel.NoTimeout waits for ever
	TokenLifetime  time.Duration // 1 h; kernel.NoTimeout is until the program ends
	MaxFile        int           // how large a file that is given out may be, in bytes; zero is 1 MiB, and a Client takes less than 6 MiB

	Now func() time.Time // the server's clock; nil is time.Now

	root   *os.Root
	verbs  kernel.Verbs[*Request, []reply]
	turn   kernel.Turn // of who is served
	logins logins      // used by whose turn it is
	out    sync.Mutex
}

// NewServer returns a server that listens on DefaultAddr and gives out the files of a folder, which
// the caller closes when the server has stopped. Nothing outside of it is ever read.
func NewServer(folder *os.Root) *Server {
	s := &Server{root: folder}
	s.Addr = DefaultAddr
	s.IdleTimeout, s.WriteTimeout = DefaultIdleTimeout, DefaultWriteTimeout
	s.Handler = kernel.HandlerFunc(s.serve)
	s.Declare(kernel.EventKind{Name: EventWaiting, Parameters: []string{"client", "ahead"}}) // there is none of that name
	s.Handle(URLLogin, s.login)
	s.Handle(URLHashes, s.hashes)
	s.Handle(URLFile, s.file)
	s.screen()
	return s
}

// A Handler answers the requests of a url, with members of JSON that stand beside the code in the
// answer. An error that is a *[Refusal] tells the client why; of any other the client learns
// that there was an internal error, and the server's own observers the rest. Ctx is done when
// the server is to stop. No two handlers run at the same time.
type Handler func(ctx context.Context, client *kernel.Conn, request *Request) (members map[string]any, err error)

// Handle sets who answers a url, a standard one or another, from the next request on. Nil is
// nobody. Before any url but /login the token is checked.
func (s *Server) Handle(url string, handler Handler) {
	switch {
	case handler == nil:
		s.verbs.Handle(url, nil)
	case url == URLLogin:
		s.verbs.Handle(url, s.carryOut(handler))
	default:
		s.verbs.Handle(url, s.guard(s.carryOut(handler)))
	}
}

// URLs returns the urls that are answered.
func (s *Server) URLs() []string { return s.verbs.Names() }

// OnWaiting: a client waits until those ahead of it have been served.
func (s *Server) OnWaiting(f func(client *kernel.Conn, ahead int)) {
	err := s.On(EventWaiting, func(e kernel.Event) { f(e.Values[0].(*kernel.Conn), e.Values[1].(int)) })
	if err != nil {
		panic(err) // NewServer has declared it
	}
}

// Notice says what everyone who sees the server must know: that it is flawed. It is "" if it is not.
func (s *Server) Notice() string {
	if !s.Flawed {
		return ""
	}
	return docs.For(s.Lang).Say("router_flawed")
}

// serve waits for the client's turn and answers its requests.
func (s *Server) serve(ctx context.Context, conn *kernel.Conn) error {
	err := s.turn.Take(ctx, func(ahead int) { s.Emit(EventWaiting, conn, ahead) })
	if err != nil {
		return err
	}
	defer s.turn.Give()
	requests := &objects{source: conn, limit: conn.MaxRequest(), begun: func() {
		if bound := cmp.Or(s.RequestTimeout, DefaultRequestTimeout); bound > 0 {
			conn.ReadBy(time.Now().Add(bound))
		}
	}}
	for ctx.Err() == nil {
		object, depth, err := requests.next()
		conn.ReadBy(time.Time{})
		if err != nil {
			if refused := refusePackage(docs.For(s.Lang), err); refused != nil {
				s.write(conn, s.malformed(conn, refused))
			}
			return err
		}
		answers, err := s.answer(ctx, conn, object, depth)
		if err != nil {
			return err
		}
		if err := s.write(conn, answers...); err != nil {
			return err
		}
	}
	return kernel.ErrStopping
}

// answer returns the answers to a package: one, if the server is not flawed. The error says that
// there is nobody to answer.
func (s *Server) answer(ctx context.Context, conn *kernel.Conn, object []byte, depth int) ([]reply, error) {
	request, refused := parseRequest(object, depth, docs.For(s.Lang))
	if refused != nil {
		return []reply{s.malformed(conn, refused)}, nil
	}
	answers, err := s.verbs.Do(ctx, conn, request.URL, request)
	switch {
	case conn.Dismissed():
		return nil, kernel.ErrDismissed
	case err != nil:
		answers = append([]reply{s.fail(conn, err)}, answers...)
	}
	s.report(conn, request.URL, answers)
	return answers, nil
}

// malformed tells of a package that is none, and returns the answer to it.
func (s *Server) malformed(conn *kernel.Conn, refused *Refusal) reply {
	conn.Malformed(map[string]string{"": refused.Message})
	return s.fail(conn, refused)
}

// fail returns the answer that says that a request failed.
func (s *Server) fail(conn *kernel.Conn, err error) reply {
	answer, report := s.refusal(err)
	if report {
		conn.Report(err)
	}
	return answer
}

// write sends answers, in one piece.
func (s *Server) write(conn *kernel.Conn, answers ...reply) error {
	var all []byte
	for _, answer := range answers {
		text, err := s.encode(answer)
		if err != nil { // a custom handler's members
			text, _ = s.encode(s.fail(conn, err))
		}
		all = append(all, text...)
	}
	_, err := conn.Write(all)
	return err
}

// encode writes an answer as JSON, its members in the order of their names, and last that the server is flawed.
func (s *Server) encode(answer reply) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return nil, err
	}
	text.Truncate(text.Len() - len("}\n")) // there is a code before it
	if s.Flawed {
		text.WriteString(`,"flawed":`)
		encoder.Encode(s.Notice())
	}
	return append(bytes.TrimSuffix(text.Bytes(), []byte("\n")), '}'), nil
}

// verb is how package kernel has requests answered.
type verb = kernel.VerbHandler[*Request, []reply]

// carryOut makes an answer of what a handler returns.
func (s *Server) carryOut(handler Handler) verb {
	return func(ctx context.Context, conn *kernel.Conn, request *Request) ([]reply, error) {
		members, err := handler(ctx, conn, request)
		if err != nil {
			return nil, err
		}
		answer := reply{}
		maps.Copy(answer, members)
		answer["code"] = CodeOK
		return []reply{answer}, nil
	}
}

// guard has a request answered only if its token is good. The flawed server refuses the request,
// and then does not stop.
func (s *Server) guard(next verb) verb {
	return func(ctx context.Context, conn *kernel.Conn, request *Request) ([]reply, error) {
		refused := s.checkToken(conn, request)
		switch {
		case refused == nil:
			return next(ctx, conn, request)
		case !s.Flawed:
			return nil, refused
		}
		answers, err := next(ctx, conn, request)
		if err != nil {
			answers = []reply{s.fail(conn, err)}
		}
		return answers, refused
	}
}

func (s *Server) checkToken(conn *kernel.Conn, request *Request) error {
	s.logins.forget(s.now())
	switch token, err := request.Text("token"); {
	case err != nil:
		return &Refusal{ReasonToken, docs.For(s.Lang).Say("router_no_token", "url", URLLogin)}
	case !s.logins.good(token, addressOf(conn)):
		return &Refusal{ReasonToken, docs.For(s.Lang).Say("router_wrong_token", "url", URLLogin)}
	}
	return nil
}

// login answers /login: it makes a token for who asks, and lets it be good for a while.
func (s *Server) login(_ context.Context, conn *kernel.Conn, request *Request) (map[string]any, error) {
	hostname, err := request.Text("hostname")
	if err != nil || !isHostname(hostname) {
		return nil, &Refusal{ReasonParameter, docs.For(s.Lang).Say("router_hostname", "limit", MaxHostname)}
	}
	now := s.now()
	claim := Claim{IP: addressOf(conn), Hostname: hostname, Time: now}
	if !s.Flawed {
		claim.Nonce = newNonce()
	}
	login := login{token: claim.Token(), ip: claim.IP}
	if lifetime := cmp.Or(s.TokenLifetime, DefaultTokenLifetime); lifetime > 0 {
		login.until = now.Add(lifetime)
	}
	s.logins.forget(now)
	s.logins.add(login)
	return map[string]any{"token": login.token}, nil
}

// hashes answers /get_hashes.
func (s *Server) hashes(ctx context.Context, _ *kernel.Conn, _ *Request) (map[string]any, error) {
	hashes, leftOut, err := s.share().hashes(ctx)
	answer := map[string]any{"hashes": hashes}
	if len(leftOut) > 0 {
		answer["left_out"] = leftOut
	}
	return answer, err
}

// file answers /get_file_data.
func (s *Server) file(_ context.Context, _ *kernel.Conn, request *Request) (map[string]any, error) {
	name, err := request.Text("name")
	if err != nil {
		return nil, &Refusal{ReasonParameter, docs.For(s.Lang).Say("router_name")}
	}
	content, err := s.share().read(name)
	return map[string]any{"name": name, "data": content}, err // data is in Base64, as Go writes bytes in JSON
}

func (s *Server) share() share { return share{s.root, s.maxFile()} }

func (s *Server) maxFile() int { return cmp.Or(s.MaxFile, DefaultMaxFile) }

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
