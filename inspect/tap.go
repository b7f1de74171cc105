package inspect

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
	"weak"
)

// DefaultQueue is how many bytes a pumped tap keeps for a receiver that does
// not read, in each direction, before its sender has to wait.
const DefaultQueue = 16 << 20

// A Tap sits on the path between two endpoints, records every byte that
// crosses it, and relays through its gate if it has one. One tap serves any
// number of connections, which share its recording.
//
// Where both ends or a gate are in its hands the tap is pumped: for each
// direction a reader, a queue and a writer. Over a net.Conn without a gate it
// is inline: a thin wrapper, through which addresses, deadlines and half-close
// pass.
//
// The zero value is ready to use. The fields must be set before the first
// connection; the methods are safe for concurrent use.
type Tap struct {
	Gate  Gate             // who decides what becomes of each captured unit; nil forwards everything
	Limit int64            // how many bytes the recording keeps; 0 means DefaultLimit
	Queue int              // how many bytes wait in a direction before its sender has to; 0 means DefaultQueue
	Now   func() time.Time // the clock of the recording; nil means time.Now

	// GlassBox has the endpoints of Pipe draw through the tap whatever they
	// draw from Config.Rand. The private keys that are found in it become part
	// of the recording, as [LabelClientEphemeral] and [LabelServerEphemeral], so
	// that the key schedule is known from its top: for study alone. A draw of
	// one byte, which Go's crypto makes by chance, does not reach Config.Rand,
	// so that one which always gives the same bytes gives the same session.
	//
	// Everything else that makes an endpoint of a connection with TLS is refused
	// with [ErrGlassBox]. crypto/tls draws its keys from Config.Rand only while the
	// environment has GODEBUG=cryptocustomrand=1, which may be set at run time;
	// [Connection.Dark] tells where it did not.
	GlassBox bool

	once      sync.Once
	recording *Recording

	mu      sync.Mutex
	closed  bool
	wires   map[*wire]struct{}
	configs map[configKey]*tls.Config
	glass   glassBox
	echKeys sync.Map // of the ECH configurations whose private keys are recorded
}

// NewTap returns a tap without a gate, recording with the system's clock.
func NewTap() *Tap { return new(Tap) }

// Recording returns what the tap records into.
func (t *Tap) Recording() *Recording {
	t.once.Do(func() { t.recording = &Recording{Limit: t.Limit} })
	return t.recording
}

// Pipe joins a new client and a new server in memory. Neither has begun its
// handshake; whoever reads or writes first does. Each configuration is cloned
// once for all connections, so that resumption works as it does without a tap;
// later changes to it are not seen. A nil configuration is an empty one.
func (t *Tap) Pipe(client, server *tls.Config) (*Conn, *Conn) {
	return t.PipeBetween("client", "server", client, server)
}

// PipeBetween is Pipe for endpoints that have other names, as someone in the
// middle has, who is the server to one side and the client to the other.
func (t *Tap) PipeBetween(clientName, serverName string, client, server *tls.Config) (*Conn, *Conn) {
	client, server = t.config(Client, client), t.config(Server, server)
	opening := &Opening{
		Protocol: ProtocolTLS, Addr: [2]string{clientName, serverName}, Ours: [2]bool{true, true},
		Gated: t.Gate != nil, GlassBox: t.GlassBox, ServerName: client.ServerName,
		Trust: [2]*Trust{trustOf(Client, client), trustOf(Server, server)},
	}
	clientEnd, serverEnd, conn := t.join(opening)
	return t.newConn(tls.Client(t.seen(clientEnd, Client), client), conn, Client),
		t.newConn(tls.Server(t.seen(serverEnd, Server), server), conn, Server)
}

// join makes two ends in memory and pumps between them.
func (t *Tap) join(opening *Opening) (client, server *pipeEnd, conn int) {
	names := [2]memoryAddr{memoryAddr(opening.Addr[Client]), memoryAddr(opening.Addr[Server])}
	client, clientWire := newPipe(names[Client], names[Server])
	server, serverWire := newPipe(names[Server], names[Client])
	w := t.pump(opening, clientWire, serverWire)
	client.closed = func() { w.left(Client) }
	server.closed = func() { w.left(Server) }
	return client, server, w.conn
}

// seen returns the end of a pipe, which a glass box looks at.
func (t *Tap) seen(end net.Conn, side Side) net.Conn {
	if !t.GlassBox {
		return end
	}
	return &glassEnd{Conn: end, tap: t, side: side}
}

// Client makes a client of conn, as tls.Client does.
func (t *Tap) Client(conn net.Conn, config *tls.Config) *Conn {
	config = t.config(Client, config)
	tapped, id := t.wrap(conn, Client, config)
	return t.newConn(tls.Client(tapped, config), id, Client)
}

// Server makes a server of conn, as tls.Server does.
func (t *Tap) Server(conn net.Conn, config *tls.Config) *Conn {
	config = t.config(Server, config)
	tapped, id := t.wrap(conn, Server, config)
	return t.newConn(tls.Server(tapped, config), id, Server)
}

// Listener returns a listener whose Accept returns a *tls.Conn, as that of
// tls.NewListener does: net/http and others ask for that very type. What its
// program reads and writes is therefore known from decryption alone, and its
// errors only from [Tap.Failed].
func (t *Tap) Listener(inner net.Listener, config *tls.Config) net.Listener {
	return &listener{Listener: inner, tap: t, config: t.config(Server, config)}
}

type listener struct {
	net.Listener
	tap    *Tap
	config *tls.Config
}

func (l *listener) Accept() (net.Conn, error) {
	if l.tap.GlassBox {
		return nil, ErrGlassBox
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tapped, _ := l.tap.wrap(conn, Server, l.config)
	return tls.Server(tapped, l.config), nil
}

// Failed records the error that a connection of [Tap.Listener] returned to its
// program. Connections of other taps, and errors that only say that a stream
// is over, are passed over.
func (t *Tap) Failed(conn *tls.Conn, err error) {
	if err == nil || err == io.EOF || errors.Is(err, net.ErrClosed) {
		return
	}
	if tapped, ok := conn.NetConn().(interface{ place() (int, Side) }); ok {
		id, side := tapped.place()
		t.failed(id, side, "", err)
	}
}

// Screen returns what takes down, as [Endpoint.Screen] does, what the program at our end of a connection of
// [Tap.Listener] says of it to whoever sits before it; nil for connections of other taps.
func (t *Tap) Screen(conn *tls.Conn) io.Writer {
	tapped, ok := conn.NetConn().(interface{ place() (int, Side) })
	if !ok {
		return nil
	}
	id, side := tapped.place()
	return ownScreen{t, func(kind EventKind) entry {
		return entry{kind: kind, conn: int32(id), side: side, time: t.now().UnixNano(), cause: -1}
	}}
}

// Relay passes bytes between two programs of anyone's until both have ended,
// or ctx is done: as they are, if no gate decides otherwise. An end of one
// direction is passed on as one; where a connection is reset, so is the other.
// The connection to the client and the one to the server are closed when it
// returns. It returns ctx's error, or nil.
func (t *Tap) Relay(ctx context.Context, fromClient, toServer net.Conn) error {
	return t.RelayOf(ctx, nil, fromClient, toServer)
}

// RelayOf is Relay for programs that speak p; nil is TLS.
func (t *Tap) RelayOf(ctx context.Context, p Protocol, fromClient, toServer net.Conn) error {
	if t.GlassBox {
		return errors.Join(ErrGlassBox, fromClient.Close(), toServer.Close())
	}
	opening := &Opening{
		Protocol: ProtocolTLS, Speaks: p, Addr: [2]string{address(fromClient.RemoteAddr()), address(toServer.RemoteAddr())}, Gated: t.Gate != nil,
	}
	if p != nil {
		opening.Protocol = p.Name()
	}
	w := t.pump(opening, fromClient, toServer)
	stop := context.AfterFunc(ctx, w.kill)
	defer stop()
	<-w.done
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// Unreachable records a client who came for a server that could not be reached,
// as err says, and closes the connection to the client.
func (t *Tap) Unreachable(fromClient net.Conn, server string, err error) error {
	id := t.Recording().open(&Opening{Protocol: ProtocolTLS, Addr: [2]string{address(fromClient.RemoteAddr()), server}}, t.now())
	note := func(kind EventKind, side Side, how Ending, more any) {
		t.Recording().append(entry{kind: kind, conn: int32(id), side: side, how: how, time: t.now().UnixNano(), cause: -1, more: more})
	}
	reason := unreachable(server, err)
	note(Noted, Server, 0, &reason)
	note(Ended, Server, EndOfFile, nil)
	note(Ended, Client, Broken, nil)
	return fromClient.Close()
}

// unreachable says why there is no connection to a server.
func unreachable(server string, err error) Reason {
	var lookup *net.DNSError
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsRefused):
		return because("server_refused", "addr", Safe(server))
	case errors.As(err, &lookup):
		return because("server_unknown", "addr", Safe(server))
	case errors.As(err, &timeout) && timeout.Timeout():
		return because("server_silent", "addr", Safe(server))
	case errors.As(err, &op):
		err = op.Err
	}
	return because("server_unreachable", "addr", Safe(server), "error", Safe(err.Error()))
}

// windowsRefused is what Windows calls it; syscall.ECONNREFUSED is Go's own number there.
const windowsRefused = syscall.Errno(10061)

// Close cuts every pumped connection, held units or not, and returns when
// nothing of them is left; pumped connections opened later are cut at once.
// Inline connections belong to their programs and stay as they are. A gate must
// not call Close from within its own methods, which Close waits for.
func (t *Tap) Close() error {
	t.mu.Lock()
	t.closed = true
	wires := make([]*wire, 0, len(t.wires))
	for w := range t.wires {
		wires = append(wires, w)
	}
	t.mu.Unlock()
	for _, w := range wires {
		w.kill()
		<-w.done
	}
	return nil
}

func (t *Tap) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// wrap puts the tap around our own end of conn: inline, or pumped if a gate is to decide.
func (t *Tap) wrap(conn net.Conn, side Side, config *tls.Config) (net.Conn, int) {
	opening := &Opening{Protocol: ProtocolTLS, Gated: t.Gate != nil}
	opening.Ours[side], opening.Trust[side] = true, trustOf(side, config)
	if side == Client {
		opening.ServerName = config.ServerName
	}
	opening.Addr[side] = address(conn.LocalAddr())
	opening.Addr[side.Peer()] = address(conn.RemoteAddr())
	if t.GlassBox {
		return refusedConn{conn}, t.Recording().open(opening, t.now())
	}
	if t.Gate == nil {
		id := t.Recording().open(opening, t.now())
		inline := &inlineConn{Conn: conn, tap: t, recording: t.Recording(), id: id, side: side}
		for _, from := range []Side{Client, Server} {
			inline.streams[from] = stream{conn: int32(id), side: from}
		}
		return inline, id
	}
	end, wireEnd := newPipe(conn.LocalAddr(), conn.RemoteAddr())
	ends := [2]net.Conn{wireEnd, conn}
	if side == Server {
		ends = [2]net.Conn{conn, wireEnd}
	}
	w := t.pump(opening, ends[Client], ends[Server])
	end.closed = func() { w.left(side) }
	end.id, end.side = w.conn, side
	return end, w.conn
}

func (t *Tap) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

func (t *Tap) failed(conn int, side Side, op string, err error) {
	t.Recording().append(entry{
		kind: Failed, conn: int32(conn), side: side, time: t.now().UnixNano(), cause: -1,
		more: &EndpointError{Text: err.Error(), Err: err, Op: op},
	})
}

func address(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// trustOf returns what side goes by when it checks its peer's certificates; nil
// where a server chooses that for each client.
func trustOf(side Side, config *tls.Config) *Trust {
	trust := &Trust{Roots: config.RootCAs, Skips: config.InsecureSkipVerify}
	if side == Server {
		if config.GetConfigForClient != nil {
			return nil
		}
		trust.Roots, trust.Skips = config.ClientCAs, config.ClientAuth < tls.VerifyClientCertIfGiven
	}
	if config.Time != nil {
		trust.Time = config.Time()
	}
	return trust
}

// A configKey finds the clone of a configuration without keeping the original alive.
type configKey struct {
	config weak.Pointer[tls.Config]
	side   Side
}

// config returns the clone of original that logs its secrets into the
// recording, and in a glass box draws through it. There is one for each configuration and side: a clone for each
// connection would draw its own ticket keys, and nothing could be resumed.
func (t *Tap) config(side Side, original *tls.Config) *tls.Config {
	if original == nil {
		original = new(tls.Config)
	}
	key := configKey{weak.Make(original), side}
	t.mu.Lock()
	defer t.mu.Unlock()
	if clone := t.configs[key]; clone != nil {
		return clone
	}
	clone := original.Clone()
	clone.RootCAs, clone.ClientCAs = clonePool(original.RootCAs), clonePool(original.ClientCAs) // the recording refers to them
	clone.KeyLogWriter = &keyLog{tap: t, origin: ClientLog + Origin(side), next: original.KeyLogWriter}
	if cache := original.ClientSessionCache; cache != nil && side == Client {
		clone.ClientSessionCache = &sessionCache{ClientSessionCache: cache, note: t.learn}
	}
	if t.GlassBox {
		clone.Rand = t.glass.reader(side, original.Rand)
	}
	if choose := original.GetConfigForClient; choose != nil && side == Server {
		clone.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen == nil || err != nil {
				return chosen, err
			}
			return t.config(side, chosen), nil
		}
	}
	if side == Server {
		t.recordECHKeys(clone)
	}
	if t.configs == nil {
		t.configs = make(map[configKey]*tls.Config)
	}
	t.configs[key] = clone
	runtime.AddCleanup(original, t.forget, key)
	return clone
}

func clonePool(pool *x509.CertPool) *x509.CertPool {
	if pool == nil {
		return nil
	}
	return pool.Clone()
}

func (t *Tap) forget(key configKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.configs, key)
}

func (t *Tap) learn(secret LoggedSecret) {
	t.Recording().append(entry{kind: Secret, conn: -1, time: t.now().UnixNano(), cause: -1, more: &secret})
}

// A keyLog takes the lines that crypto/tls writes to KeyLogWriter.
type keyLog struct {
	tap    *Tap
	origin Origin
	next   io.Writer // the user's own
}

func (k *keyLog) Write(line []byte) (int, error) {
	if secret, err := ParseSecret(line); err == nil {
		secret.Origin = k.origin
		k.tap.learn(secret)
	}
	if k.next != nil {
		return k.next.Write(line)
	}
	return len(line), nil
}

// ParseSecret reads one line of a key log (SSLKEYLOGFILE, RFC 9850): label,
// identifier (nearly always the ClientHello.random) and secret, the latter two
// in hex. Any label of printable ASCII will do. The Origin is left for the
// caller to say.
func ParseSecret(line []byte) (LoggedSecret, error) {
	words := bytes.Fields(line)
	if len(words) != 3 {
		return LoggedSecret{}, fmt.Errorf("%d words where a label, an identifier and a secret are wanted", len(words))
	}
	secret := LoggedSecret{Label: string(words[0])}
	if bytes.ContainsFunc(words[0], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return LoggedSecret{}, errors.New("the label is not printable ASCII")
	}
	var err error
	if secret.ClientRandom, err = hex.DecodeString(string(words[1])); err != nil {
		return LoggedSecret{}, errors.New("the identifier is not an even number of hex digits")
	}
	if secret.Bytes, err = hex.DecodeString(string(words[2])); err != nil {
		return LoggedSecret{}, errors.New("the secret is not an even number of hex digits")
	}
	return secret, nil
}
