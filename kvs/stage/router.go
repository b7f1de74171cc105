package stage

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/router"
)

// Router is the JSON router: a server that shares a folder of samples, and a client that keeps its
// token in another, both of which are removed in the end. Nothing times out, and a token is good as long as the play.
//
// The fields must not be changed once it has been opened; it may be opened any number of times. The
// commands of its play are those of router.Client, and two more:
//
//	login HOSTNAME   asks for a token
//	hashes           the names and hashes of the files
//	file NAME        what is in one
//	/URL             any other url
//	{…}              a package as it is to be sent
//	reconnect        leaves, and opens another connection: the token still is in the client's file
//	exit             leaves
type Router struct {
	Flawed bool   // with the original's two faults: see router.Server
	Lang   string // of the server's messages
}

// RouterHints is the stage's own short conversation.
var RouterHints = []string{
	"hashes", "login ana-pc", "hashes", "file notes.txt", "file ../secret.txt", `{"url":"/get_hashes","token":"a guess"}`, "reconnect", "file notes.txt", "exit",
}

// Notice says what everyone who sees the stage must know: that it is flawed. It is "" if it is not.
func (r *Router) Notice() string {
	return (&router.Server{Flawed: r.Flawed, Lang: r.Lang}).Notice()
}

// Open implements [inspect.Stage]. The tap must be the play's own: closing the play closes it.
func (r *Router) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	folders, err := r.folders()
	if err != nil {
		return nil, err
	}
	p := &routerPlay{tap: tap, folders: folders, say: docs.For(r.Lang), server: router.NewServer(folders.shared)}
	p.server.Flawed, p.server.Lang = r.Flawed, r.Lang
	p.server.RequestTimeout, p.server.TokenLifetime = kernel.NoTimeout, kernel.NoTimeout
	untimed(&p.server.Server)
	p.serving, p.stop = context.WithCancel(ctx)
	p.asking, p.hurry = context.WithCancel(ctx)
	p.connect()
	return p, nil
}

// routerFolders are those of a play.
type routerFolders struct {
	path           string   // of the folder that holds both
	shared, tokens *os.Root // the server's, and the client's
}

// folders makes them, with the samples; and beside the shared one a file that nobody is given.
func (r *Router) folders() (f *routerFolders, err error) {
	path, err := os.MkdirTemp("", "tlslab-router-")
	if err != nil {
		return nil, err
	}
	f = &routerFolders{path: path}
	say := docs.For(r.Lang)
	for name, content := range map[string]string{
		"shared/notes.txt":     say.Say("stage_router_notes") + "\n",
		"shared/products.json": `[{"code":"7","name":"` + say.Say("stage_router_product") + `","price":2.5}]` + "\n",
		"secret.txt":           say.Say("stage_router_secret") + "\n",
	} {
		file := filepath.Join(path, filepath.FromSlash(name))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600))
	}
	err = errors.Join(err, os.Mkdir(filepath.Join(path, "client"), 0o700))
	if err == nil {
		f.shared, err = os.OpenRoot(filepath.Join(path, "shared"))
	}
	if err == nil {
		f.tokens, err = os.OpenRoot(filepath.Join(path, "client"))
	}
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

func (f *routerFolders) remove() error {
	var err error
	for _, root := range []*os.Root{f.shared, f.tokens} {
		if root != nil {
			err = errors.Join(err, root.Close())
		}
	}
	return errors.Join(err, os.RemoveAll(f.path))
}

// A routerPlay is a server, and one client after the other.
type routerPlay struct {
	tap     *inspect.Tap
	folders *routerFolders
	say     *docs.Sentences
	server  *router.Server
	serving context.Context // until the play is over
	stop    context.CancelFunc
	asking  context.Context // until Close
	hurry   context.CancelFunc
	parts   sync.WaitGroup

	mu     sync.Mutex
	conn   *inspect.Endpoint
	client *router.Client
	ended  bool
}

// connect joins a client and the server.
func (p *routerPlay) connect() {
	client, server := p.tap.PipeOf(router.Protocol)
	p.parts.Go(func() { p.server.ServeConn(p.serving, server) })
	p.conn, p.client = client, router.NewClient(client)
	p.client.Tokens = p.folders.tokens
}

// Do implements [inspect.Play]. An answer that refuses is an answer like any other.
func (p *routerPlay) Do(ctx context.Context, command string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return "", ErrEnded
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.asking, cancel)()
	switch strings.TrimSpace(command) {
	case "exit":
		p.ended = true
		p.leave(ctx)
		return "", nil
	case "reconnect":
		p.leave(ctx)
		p.connect()
		return "", nil
	}
	answer, err := p.client.Command(ctx, command)
	var misuse *router.CommandError
	if errors.As(err, &misuse) {
		return "", &inspect.CommandError{Reply: router.Explain(p.say, err)}
	}
	if err != nil {
		p.ended = true
		p.leave(ctx)
	}
	return answer, err
}

// Reconnect ends the connection in good order and opens another one.
func (p *routerPlay) Reconnect(ctx context.Context) error {
	_, err := p.Do(ctx, "reconnect")
	return err
}

// leave ends the connection in good order, and waits until the server has ended it too, or ctx is done.
func (p *routerPlay) leave(ctx context.Context) {
	p.conn.SetDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { p.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if p.conn.CloseWrite() == nil {
		io.Copy(io.Discard, p.conn)
	}
	p.conn.Close()
}

// Close implements [inspect.Play]. An end in good order is tried first; what is held then is never
// delivered.
func (p *routerPlay) Close() error {
	p.hurry()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		ctx, cancel := inGoodTime(context.Background(), p.tap)
		defer cancel()
		p.leave(ctx)
	}
	p.tap.Close() // sooner than the server is stopped: to what is left this is an end, and no failure
	p.stop()
	p.parts.Wait()
	return p.folders.remove()
}
