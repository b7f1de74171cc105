// Package stage holds the stages of the course: each one's server and client,
// joined in memory through a tap, ready to be driven by a screen or a lesson
// that knows them only as [inspect.Stage].
//
// [KV] is the key-value service over TLS, the lab's own session. [Upper] is the
// first of the course, the uppercase server.
package stage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
)

// ServerName is what the server of a stage is called in its certificate; with
// ECH it is [HiddenName].
const ServerName = "localhost"

// KV is the key-value service over TLS: a real server with a store in memory,
// and a real client. Authority and certificates are minted when it is first
// opened and serve until the program ends; each opening begins with an empty
// store. Nothing times out, since a person may hold the session for as long as
// they like.
//
// The zero value is TLS as Go speaks it by default. The fields must not be
// changed once it has been opened; it may be opened any number of times.
type KV struct {
	MaxVersion uint16        // tls.VersionTLS12 for the older one; 0 means the newest
	Groups     []tls.CurveID // the client's, in its order of preference; nil means Go's, or X25519 with a Seed
	ClientAuth tls.ClientAuthType
	ECH        ECH
	Lang       string  // of the server's answers
	Seed       *uint64 // makes the same session each time, in a glass box; nil leaves it to chance

	once           sync.Once
	client, server *tls.Config
	err            error
}

// ErrSeed says that a session whose keys anybody can compute was asked for
// outside of a glass box.
var ErrSeed = errors.New("a session with a seed protects nothing: it wants a tap with GlassBox")

// Open implements [inspect.Stage]. The tap must be the play's own: closing the
// play closes it.
func (k *KV) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	if k.Seed != nil && !tap.GlassBox {
		return nil, ErrSeed
	}
	if err := k.errVersion(); err != nil {
		return nil, err
	}
	clientConfig, serverConfig, err := k.configs()
	if err != nil {
		return nil, fmt.Errorf("mint the lab's certificates: %w", err)
	}
	client, server := tap.Pipe(clientConfig, serverConfig)
	return begin(ctx, tap, client, server, &kvs.Server{Store: new(store.Memory), Lang: k.Lang}, false), nil
}

// An endpoint is one end of a connection through a tap, with TLS or without.
type endpoint interface {
	net.Conn
	HandshakeContext(ctx context.Context) error
	CloseWrite() error
}

// begin has the handler serve one end and lets the client at the other begin. What the server is told to say on its own
// screen stands in the session.
func begin(ctx context.Context, tap *inspect.Tap, client, server endpoint, handler *kvs.Server, says bool) *play {
	ctx, cancel := context.WithCancel(ctx)
	p := &play{tap: tap, conn: client, client: kvs.NewClient(client), cancel: cancel, ready: make(chan struct{}), served: make(chan struct{})}
	host := &kernel.Server{Handler: handler}
	untimed(host)
	if says {
		screen := &kvs.Screen{Lang: handler.Lang}
		screen.Watch(host)
	}
	p.parts.Go(func() {
		defer close(p.served)
		host.ServeConn(ctx, server)
	})
	p.parts.Go(func() {
		p.failed = client.HandshakeContext(ctx)
		close(p.ready)
		if p.failed != nil {
			client.Close() // as any client does that was refused, or that refuses
		}
	})
	return p
}

// configs returns the configurations of the client and the server. Those with a
// seed are made for each opening, so that each begins with the same randomness.
func (k *KV) configs() (client, server *tls.Config, err error) {
	if k.Seed != nil {
		return k.mint()
	}
	k.once.Do(func() { k.client, k.server, k.err = k.mint() })
	return k.client, k.server, k.err
}

func (k *KV) mint() (client, server *tls.Config, err error) {
	authority, err := pki.NewSeededAuthority(k.Now(), k.random("certificates"))
	if err != nil {
		return nil, nil, err
	}
	certificate, err := authority.IssueServer(pki.DefaultServerNames()...)
	if err != nil {
		return nil, nil, err
	}
	server = pki.ServerConfig(certificate, k.ClientAuth, authority.Roots())
	client = pki.ClientConfig(authority.Roots(), ServerName)
	if k.ClientAuth != tls.NoClientCert {
		mine, err := authority.IssueClient("ana")
		if err != nil {
			return nil, nil, err
		}
		client.Certificates = []tls.Certificate{mine}
	}
	client.MaxVersion = k.MaxVersion
	client.CurvePreferences = k.Groups
	if k.ECH != NoECH {
		if err := k.offerECH(authority, client, server); err != nil {
			return nil, nil, err
		}
	}
	if k.Seed != nil {
		k.settle(client, server)
	}
	return client, server, nil
}

// A play is one client and its server.
type play struct {
	tap    *inspect.Tap
	conn   endpoint
	client *kvs.Client
	cancel context.CancelFunc
	parts  sync.WaitGroup

	served chan struct{} // closed when the server is done
	ready  chan struct{} // closed when the handshake is over
	failed error         // set before ready is closed

	mu    sync.Mutex
	ended bool
}

// ErrEnded says that the session was ended before.
var ErrEnded = errors.New("the session has ended")

// Prepared implements [inspect.Preparer].
func (p *play) Prepared() <-chan struct{} { return p.ready }

// Do implements [inspect.Play]. An answer that reports an error is an answer
// like any other. After exit the client closes, with close_notify.
func (p *play) Do(ctx context.Context, command string) (string, error) {
	answers, err := p.send(ctx, []string{command})
	return strings.Join(answers, ""), err
}

// send has the client send commands, each in a record of its own, before it
// waits for their answers.
func (p *play) send(ctx context.Context, commands []string) (answers []string, err error) {
	if !until(ctx, p.ready) {
		return nil, ctx.Err()
	}
	if p.failed != nil {
		return nil, p.failed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, ErrEnded
	}
	answers, err = p.client.Pipeline(ctx, commands...)
	if errors.Is(err, kvs.ErrManyLines) {
		return nil, err
	}
	if err != nil || strings.TrimSpace(commands[len(commands)-1]) == "exit" {
		p.ended = true
		p.awaitEnd(ctx) // asked to, the server ends the session, and the client follows
		p.conn.Close()
	}
	return answers, err
}

// awaitEnd reads until the server has said close_notify, or ctx is done.
func (p *play) awaitEnd(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { p.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	io.Copy(io.Discard, p.conn)
}

// How long Close waits for an end in good order.
const (
	patience      = 10 * time.Second
	patienceStill = 250 * time.Millisecond // since the last event, where a gate may hold the end
)

// inGoodTime returns a context for an end in good order. Where a gate may hold that, it is one [whileItMoves].
func inGoodTime(ctx context.Context, tap *inspect.Tap) (context.Context, context.CancelFunc) {
	if tap.Gate != nil {
		return whileItMoves(ctx, tap.Recording())
	}
	return context.WithTimeout(ctx, patience)
}

// whileItMoves returns a context that is done once nothing has happened for patienceStill. This is counted in turns: on a busy
// machine each takes longer than it should, and so does whoever is waited for.
func whileItMoves(ctx context.Context, recording *inspect.Recording) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	go func() {
		defer cancel()
		const turns = 10
		turn := time.NewTicker(patienceStill / turns)
		defer turn.Stop()
		for still, seen := 0, recording.Len(); still < turns; still++ {
			select {
			case <-turn.C:
			case <-ctx.Done():
				return
			}
			if n := recording.Len(); n != seen {
				still, seen = -1, n
			}
		}
	}()
	return ctx, cancel
}

// Close implements [inspect.Play]. An end in good order is tried first; what
// is held then is never delivered.
func (p *play) Close() error {
	if !p.leave() {
		p.cancel()
		p.conn.Close()
	}
	p.tap.Close() // sooner than the server is stopped, whose reading would fail by that: to it this is an end
	p.cancel()
	p.parts.Wait()
	return nil
}

// leave ends the connection in good order, as far as that can be done in time. It reports whether there was one: false
// means that the handshake has not come to its end.
func (p *play) leave() bool {
	ctx, cancel := inGoodTime(context.Background(), p.tap)
	defer cancel()
	if !until(ctx, p.ready) {
		return false
	}
	if p.failed == nil && p.conn.CloseWrite() == nil {
		p.awaitEnd(ctx)
	}
	p.conn.Close()
	until(ctx, p.served) // also after a handshake that failed: the server is to hear why
	return true
}

// until waits for done, and reports false if ctx was sooner.
func until(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
