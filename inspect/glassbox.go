package inspect

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"slices"
	"sync"

	"golang.org/x/crypto/cryptobyte"
)

// ErrGlassBox is the error of every endpoint of a [Tap.GlassBox] that would
// talk over a connection: a session whose private keys are recorded is for
// study, between two endpoints in memory.
var ErrGlassBox = errors.New("inspect: a tap with GlassBox records private keys, and serves Tap.Pipe alone: take another tap for connections")

// rememberedDraws is how many draws of each side a private key is looked for
// among. A handshake takes about five.
const rememberedDraws = 256

// A glassBox remembers what the endpoints of a tap draw from Config.Rand, and
// finds the private keys among it.
type glassBox struct {
	mu    sync.Mutex
	draws [2][][]byte // by Side, in order
}

// reader returns the Config.Rand of an endpoint that would draw from source.
func (g *glassBox) reader(side Side, source io.Reader) io.Reader {
	if source == nil {
		source = rand.Reader
	}
	return steadyReader{&recordedReader{box: g, side: side, source: source}}
}

// A steadyReader answers a draw of one byte without asking its source. Go's
// crypto makes such draws by chance, so that nobody relies on what is drawn
// when, and throws the byte away; here the order of the others is to be relied on.
type steadyReader struct{ source io.Reader }

func (r steadyReader) Read(b []byte) (int, error) {
	if len(b) == 1 {
		b[0] = 0
		return 1, nil
	}
	return r.source.Read(b)
}

// A recordedReader hands on what source gives, and remembers it.
type recordedReader struct {
	box    *glassBox
	side   Side
	source io.Reader
}

func (r *recordedReader) Read(b []byte) (int, error) {
	r.box.mu.Lock()
	defer r.box.mu.Unlock()
	n, err := r.source.Read(b)
	draws := append(r.box.draws[r.side], bytes.Clone(b[:n]))
	r.box.draws[r.side] = draws[max(len(draws)-rememberedDraws, 0):]
	return n, err
}

// privateKey returns the private key of side's key share as the ephemeral
// labels have it ([LabelClientEphemeral]), or nil if it was not drawn.
func (g *glassBox) privateKey(side Side, s share) []byte {
	curve, ok := curves[s.group]
	if !ok {
		return nil
	}
	h, ok := hybrids[s.group]
	switch {
	case !ok:
		return g.find(side, scalarOf(curve, s.key))
	case len(s.key) <= h.ecdh:
		return nil
	}
	curvePublic, kemPublic := h.split(s.key, h.ecdh)
	scalar := g.find(side, scalarOf(curve, curvePublic))
	if side == Server {
		return scalar // its other part is a ciphertext, which has no private key
	}
	seed := g.find(side, h.seedOf(kemPublic))
	if scalar == nil || seed == nil {
		return nil
	}
	return h.join(scalar, seed)
}

// find has generate make a key from the draws that begin with each one that is
// remembered, the latest first, until it returns one.
func (g *glassBox) find(side Side, generate func(io.Reader) []byte) []byte {
	g.mu.Lock()
	draws := slices.Clone(g.draws[side])
	g.mu.Unlock()
	for i := len(draws) - 1; i >= 0; i-- {
		again := bytes.NewReader(slices.Concat(draws[i:]...))
		if key := generate(steadyReader{again}); key != nil {
			return key
		}
	}
	return nil
}

// scalarOf makes a key as crypto/ecdh makes it, whichever way that is, and
// returns it if public belongs to it.
func scalarOf(curve ecdh.Curve, public []byte) func(io.Reader) []byte {
	return func(random io.Reader) []byte {
		key, err := curve.GenerateKey(random)
		if err != nil || !bytes.Equal(key.PublicKey().Bytes(), public) {
			return nil
		}
		return key.Bytes()
	}
}

// seedOf returns the ML-KEM seed, the 64 bytes drawn (FIPS 203 algorithm 19),
// if the encapsulation key belongs to it.
func (h hybrid) seedOf(encapsulationKey []byte) func(io.Reader) []byte {
	return func(random io.Reader) []byte {
		seed := make([]byte, mlkem.SeedSize)
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil
		}
		key, err := h.decapsulationKey(seed)
		if err != nil || !bytes.Equal(key.Encapsulator().Bytes(), encapsulationKey) {
			return nil
		}
		return seed
	}
}

// A glassEnd is one end of a pipe in a glass box. It reads along what crosses
// it in clear, and adds to the recording the private key of each public key
// that its endpoint sends, just before that is sent.
type glassEnd struct {
	net.Conn
	tap  *Tap
	side Side

	mu    sync.Mutex
	clear [2]clearHandshake // by Side
	keys  publicKeys
}

func (e *glassEnd) Write(b []byte) (int, error) {
	e.readAlong(e.side, b)
	return e.Conn.Write(b)
}

func (e *glassEnd) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	e.readAlong(e.side.Peer(), b[:n])
	return n, err
}

func (e *glassEnd) readAlong(from Side, b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clear[from].add(b, func(kind HandshakeType, body cryptobyte.String) {
		for _, s := range e.keys.in(kind, body) {
			if from == e.side {
				e.reveal(s)
			}
		}
	})
}

// publicKeys finds the public keys of a key exchange in the messages of both
// sides.
type publicKeys struct {
	random []byte // of the ClientHello
	group  uint16 // TLS 1.2: the server's curve
}

func (p *publicKeys) in(kind HandshakeType, body cryptobyte.String) []share {
	var public cryptobyte.String
	switch kind {
	case typeClientHello:
		h := parseClientHello(body)
		p.random = bytes.Clone(h.random)
		return h.shares
	case typeServerHello:
		return parseServerHello(body).shares
	case typeServerKeyExchange: // RFC 8422 section 5.4
		p.group = curveOf(body)
		if !body.Skip(3) || !body.ReadUint8LengthPrefixed(&public) {
			return nil
		}
	case typeClientKeyExchange: // RFC 8422 section 5.7
		if !body.ReadUint8LengthPrefixed(&public) {
			return nil
		}
	default:
		return nil
	}
	return []share{{p.group, public}}
}

func (e *glassEnd) reveal(s share) {
	key := e.tap.glass.privateKey(e.side, s)
	if key == nil {
		return
	}
	secret := &LoggedSecret{Origin: Recorded, Label: ephemeralLabels[e.side], ClientRandom: e.keys.random, Bytes: key}
	e.tap.Recording().append(entry{kind: Secret, conn: -1, time: e.tap.now().UnixNano(), cause: -1, more: secret})
}

// A clearHandshake puts together the handshake messages that one side sends,
// until it sends anything else. What TLS 1.2 encrypts after a ChangeCipherSpec
// still looks like one, but holds no key that was drawn.
type clearHandshake struct {
	records, messages []byte // not whole yet
	over              bool
}

// maxClear is how long a handshake message in clear may be at most: a ClientHello
// with every key share there is takes 5 kB.
const maxClear = 1 << 16

// add takes in what was sent and has each message read that it completes.
func (c *clearHandshake) add(b []byte, read func(HandshakeType, cryptobyte.String)) {
	if c.over {
		return
	}
	c.records = append(c.records, b...)
	s := cryptobyte.String(c.records)
	var kind uint8
	var fragment, body cryptobyte.String
	for !c.over && s.ReadUint8(&kind) && s.Skip(2) && s.ReadUint16LengthPrefixed(&fragment) {
		c.records = s
		switch ContentType(kind) {
		case Handshake:
			c.messages = append(c.messages, fragment...)
		case ChangeCipherSpec: // in TLS 1.3 one may come before the second ClientHello
		default:
			c.over = true
		}
	}
	var length uint32
	for s = c.messages; s.ReadUint8(&kind) && s.ReadUint24(&length); {
		if length > maxClear {
			c.over = true
			break
		}
		if !s.ReadBytes((*[]byte)(&body), int(length)) {
			break
		}
		c.messages = s
		read(HandshakeType(kind), body)
	}
	if c.over {
		c.records, c.messages = nil, nil
	}
}

// A refusedConn is a connection that a glass box does not serve.
type refusedConn struct{ net.Conn }

func (refusedConn) Read([]byte) (int, error)  { return 0, ErrGlassBox }
func (refusedConn) Write([]byte) (int, error) { return 0, ErrGlassBox }

// GroupOf returns the group of the key share, or of the key exchange of TLS 1.2,
// whose private key the secret is; 0 if it is the private key of none that this
// view has.
func (v *View) GroupOf(secret LoggedSecret) uint16 {
	var keys publicKeys
	for _, m := range v.messages {
		for _, s := range keys.in(m.Type, m.body()) {
			if secret.Label == ephemeralLabels[m.Side] && s.opensWith(m.Side, secret.Bytes) {
				return s.group
			}
		}
	}
	return 0
}

// opensWith reports whether private is what the ephemeral labels have for the
// key share.
func (s share) opensWith(side Side, private []byte) bool {
	curve, ok := curves[s.group]
	if !ok {
		return false
	}
	public := s.key
	if h, ok := hybrids[s.group]; ok && len(public) > h.ecdh {
		var kem, seed []byte
		public, kem = h.split(public, h.ecdh)
		if side == Client {
			seedBytes := min(mlkem.SeedSize, len(private))
			private, seed = h.split(private, len(private)-seedBytes)
			if h.seedOf(kem)(bytes.NewReader(seed)) == nil {
				return false
			}
		}
	}
	key, err := curve.NewPrivateKey(private)
	return err == nil && bytes.Equal(key.PublicKey().Bytes(), public)
}

// Dark reports whether the connection is a glass box in which nothing can be
// seen: at some event up to at a key exchange had been agreed on, and no private
// key of it had been found among what the endpoints drew from Config.Rand.
// That is so where crypto/tls draws its keys from elsewhere: without
// GODEBUG=cryptocustomrand=1, or once a release of Go does not know it any more.
func (c *Connection) Dark(at int) bool {
	if !c.Opening.GlassBox {
		return false
	}
	for _, side := range []Side{Client, Server} {
		if v := c.views[side]; v.State(at).Group != 0 {
			return !slices.ContainsFunc(v.secretsOf(v.State(at)), func(s KnownSecret) bool {
				return s.Event <= at && slices.Contains(ephemeralLabels[:], s.Label)
			})
		}
	}
	return false
}
