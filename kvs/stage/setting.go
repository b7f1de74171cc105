package stage

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/stage/kv"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/store"
)

// The channels that the key-value service can be played on.
const (
	ChannelClear = "plain"
	ChannelTLS12 = "tls12"
	ChannelTLS13 = "tls13"
	ChannelMTLS  = "mtls" // TLS 1.3, and the client shows a certificate too

	ChannelSealed              = "sealed"               // the home-made one: package sealed
	ChannelSealedAuthenticated = "sealed-authenticated" // its mended variant
)

// What can be wrong with the endpoints of a [Setting], or between them.
const (
	WrongAuthority   = "wrong-authority"    // the server's certificate is signed by an authority that the client does not trust
	WrongName        = "wrong-name"         // it is for another name
	Expired          = "expired"            // its time is over
	SelfSigned       = "self-signed"        // no authority has signed it
	CopiedCert       = "copied-cert"        // it is a good one, and somebody else has its private key
	Unchecked        = "unchecked"          // the client does not check it
	NoClientCert     = "no-client-cert"     // the client has no certificate to show
	WrongClientCert  = "wrong-client-cert"  // the client's is signed by an authority that the server does not trust
	SomeoneInBetween = "someone-in-between" // speaks TLS with both, with a certificate of their own making
)

var faults = []string{WrongAuthority, WrongName, Expired, SelfSigned, CopiedCert, Unchecked, NoClientCert, WrongClientCert, SomeoneInBetween}

// A Setting is the key-value service with a channel of choice between client
// and server, and with something wrong: what a scene is played on. It
// implements [inspect.Stage]; its play can also reconnect, with the session
// tickets that it was given, and send several commands at once.
//
// The fields must not be changed once it has been opened; it may be opened any
// number of times. Certificates are minted when it is first opened.
type Setting struct {
	Channel string
	With    []string // of the faults above
	Lang    string   // of the server's answers
	Says    bool     // what the server says on its own screen stands in the session

	// Keys are those of the home-made channel; nil: its own.
	Keys *SealedKeys

	once           sync.Once
	client, server *tls.Config
	middle         [2]*tls.Config // of someone in between: as a client, as a server
	keys           *SealedKeys
	err            error
}

// Open implements [inspect.Stage].
func (s *Setting) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	if s.once.Do(func() { s.err = s.mint() }); s.err != nil {
		return nil, s.err
	}
	sequence := &sequence{setting: s, tap: tap, store: new(store.Memory)}
	sequence.play = sequence.connect(ctx)
	return sequence, nil
}

func (s *Setting) has(fault string) bool { return slices.Contains(s.With, fault) }

func (s *Setting) mint() error {
	for _, fault := range s.With {
		if !slices.Contains(faults, fault) {
			return fmt.Errorf("there is nothing like %q that can be wrong; there are %s", fault, strings.Join(faults, ", "))
		}
	}
	if !slices.Contains(Channels(), s.Channel) {
		return fmt.Errorf("there is no channel %q; there are %s", s.Channel, strings.Join(Channels(), ", "))
	}
	if s.isSealed() && slices.ContainsFunc(s.With, func(fault string) bool { return fault != SomeoneInBetween }) {
		return fmt.Errorf("of the things that can be wrong, the channel %q knows only %s: it has no certificates", s.Channel, SomeoneInBetween)
	}
	if s.keys = s.Keys; s.keys == nil {
		s.keys = new(SealedKeys)
	}
	switch { // now: to the client it would be silence
	case s.isSealed() && s.has(SomeoneInBetween):
		s.keys.Generate()
	case s.isSealed():
		generate(s.keys.client(), s.keys.server())
	}
	now := time.Now()
	authority, err := pki.NewAuthority(now)
	if err != nil {
		return err
	}
	stranger, err := pki.NewAuthority(now) // with the same name and another key
	if err != nil {
		return err
	}
	return errors.Join(s.mintServer(authority, stranger, now), s.mintClient(authority, stranger), s.mintMiddle(stranger))
}

// mintServer makes the server's certificate, good or not.
func (s *Setting) mintServer(authority, stranger *pki.Authority, now time.Time) (err error) {
	names := pki.DefaultServerNames()
	var certificate tls.Certificate
	roots := authority.Roots()
	switch {
	case s.has(WrongAuthority):
		certificate, err = stranger.IssueServer(names...)
	case s.has(WrongName):
		certificate, err = authority.IssueServer("other.example")
	case s.has(Expired):
		var past *pki.Authority
		if past, err = pki.NewAuthority(now.AddDate(-3, 0, 0)); err == nil { // what it signs is good for a year
			roots = past.Roots()
			certificate, err = past.IssueServer(names...)
		}
	case s.has(SelfSigned):
		certificate, err = pki.SelfSignedServer(now, names...)
	case s.has(CopiedCert):
		var other tls.Certificate
		if other, err = authority.IssueServer(names...); err == nil {
			certificate, err = authority.IssueServer(names...)
			certificate.PrivateKey = other.PrivateKey
		}
	default:
		certificate, err = authority.IssueServer(names...)
	}
	if err != nil {
		return err
	}
	auth := tls.NoClientCert
	if s.Channel == ChannelMTLS {
		auth = tls.RequireAndVerifyClientCert
	}
	s.server = pki.ServerConfig(certificate, auth, authority.Roots())
	s.client = pki.ClientConfig(roots, ServerName)
	return nil
}

// mintClient makes what the client shows and checks.
func (s *Setting) mintClient(authority, stranger *pki.Authority) error {
	if s.client == nil {
		return nil // said already
	}
	if s.Channel == ChannelTLS12 {
		s.client.MaxVersion = tls.VersionTLS12
	}
	s.client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	s.client.InsecureSkipVerify = s.has(Unchecked)
	if s.Channel != ChannelMTLS || s.has(NoClientCert) {
		return nil
	}
	if s.has(WrongClientCert) {
		authority = stranger
	}
	mine, err := authority.IssueClient("ana")
	s.client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &mine, nil // also where the server does not ask for one by this authority
	}
	return err
}

// mintMiddle makes what someone in between shows to the client.
func (s *Setting) mintMiddle(stranger *pki.Authority) error {
	if !s.has(SomeoneInBetween) {
		return nil
	}
	forged, err := stranger.IssueServer(pki.DefaultServerNames()...)
	if err != nil {
		return err
	}
	s.middle[inspect.Server] = pki.ServerConfig(forged, tls.NoClientCert, nil)
	s.middle[inspect.Client] = pki.ClientConfig(nil, ServerName)
	s.middle[inspect.Client].InsecureSkipVerify = true
	return nil
}

// A sequence is the connections that the client of a setting opens, one after
// the other, to the same store.
type sequence struct {
	setting *Setting
	tap     *inspect.Tap
	store   store.Store

	mu   sync.Mutex
	play *play
}

func (s *sequence) now() *play {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.play
}

// Prepared implements [inspect.Preparer]: it is about the latest connection.
func (s *sequence) Prepared() <-chan struct{} { return s.now().Prepared() }

// Do implements [inspect.Play].
func (s *sequence) Do(ctx context.Context, command string) (string, error) {
	return s.now().Do(ctx, command)
}

// Send sends several commands, each in a record of its own, and then waits for
// their answers.
func (s *sequence) Send(ctx context.Context, commands []string) ([]string, error) {
	return s.now().send(ctx, commands)
}

// Reconnect ends the connection in good order and opens another one.
func (s *sequence) Reconnect(ctx context.Context) error {
	s.now().leave()
	next := s.connect(ctx)
	s.mu.Lock()
	s.play = next
	s.mu.Unlock()
	if !until(ctx, next.ready) {
		return ctx.Err()
	}
	return next.failed
}

// Close implements [inspect.Play].
func (s *sequence) Close() error { return s.now().Close() }

// connect opens a connection.
func (s *sequence) connect(ctx context.Context) *play {
	handler := &kvs.Server{Store: s.store, Lang: s.setting.Lang}
	if s.setting.Channel == ChannelClear {
		return s.connectClear(ctx, handler)
	}
	if s.setting.isSealed() {
		return s.connectSealed(ctx, handler)
	}
	if !s.setting.has(SomeoneInBetween) {
		client, server := s.tap.Pipe(s.setting.client, s.setting.server)
		return begin(ctx, s.tap, client, server, handler, s.setting.Says)
	}
	client, toClient := s.tap.PipeBetween("client", "attacker", s.setting.client, s.setting.middle[inspect.Server])
	toServer, server := s.tap.PipeBetween("attacker", "server", s.setting.middle[inspect.Client], s.setting.server)
	p := begin(ctx, s.tap, client, server, handler, s.setting.Says)
	p.parts.Go(func() { relay(ctx, toClient, toServer) })
	return p
}

// connectSealed opens a connection over the home-made channel.
func (s *sequence) connectSealed(ctx context.Context, handler *kvs.Server) *play {
	channel := &sealedChannel{s.tap, s.setting.keys, s.setting.Channel == ChannelSealedAuthenticated}
	if !s.setting.has(SomeoneInBetween) {
		client, server := s.tap.PipeOf(channel.protocol())
		return begin(ctx, s.tap, channel.client(client), channel.server(server), handler, s.setting.Says)
	}
	client, fromClient := s.tap.PipeOfBetween("client", "attacker", channel.protocol())
	toServer, server := s.tap.PipeOfBetween("attacker", "server", channel.protocol())
	toClient, asClient := channel.between(fromClient, toServer)
	p := begin(ctx, s.tap, channel.client(client), channel.server(server), handler, s.setting.Says)
	p.parts.Go(func() { relayLines(ctx, fromClient, toClient, asClient) })
	return p
}

// Impostor implements [inspect.TurnTaker].
func (s *Setting) Impostor() inspect.Impostor {
	if !s.isSealed() {
		return nil
	}
	return &sealed.Impostor{Authenticated: s.Channel == ChannelSealedAuthenticated}
}

func (s *Setting) isSealed() bool {
	return s.Channel == ChannelSealed || s.Channel == ChannelSealedAuthenticated
}

// connectClear opens a connection without TLS, perhaps through someone in between.
func (s *sequence) connectClear(ctx context.Context, handler *kvs.Server) *play {
	if !s.setting.has(SomeoneInBetween) {
		client, server := s.tap.PipeOf(kv.Protocol{})
		return begin(ctx, s.tap, client, server, handler, s.setting.Says)
	}
	client, toClient := s.tap.PipeOfBetween("client", "attacker", kv.Protocol{})
	toServer, server := s.tap.PipeOfBetween("attacker", "server", kv.Protocol{})
	p := begin(ctx, s.tap, client, server, handler, s.setting.Says)
	p.parts.Go(func() { relay(ctx, toClient, toServer) })
	return p
}

// relay is what someone in between does: deceive the client, then the server,
// and pass on what they say. If the server refuses, the client is listened to
// all the same.
func relay(ctx context.Context, toClient, toServer endpoint) {
	defer toServer.Close()
	defer toClient.Close()
	if toClient.HandshakeContext(ctx) != nil {
		return
	}
	var answers sync.WaitGroup
	if toServer.HandshakeContext(ctx) == nil {
		answers.Go(func() { passOn(toClient, toServer) })
	}
	heard := make([]byte, 1<<10)
	for {
		n, err := toClient.Read(heard)
		if n > 0 {
			toServer.Write(heard[:n])
		}
		if err != nil {
			break
		}
	}
	toServer.CloseWrite()
	answers.Wait()
}

// passOn copies what one side says to the other, and its end if it is in order.
func passOn(to, from endpoint) {
	if _, err := io.Copy(to, from); err == nil {
		to.CloseWrite()
	}
}

// Steal returns what whoever gets hold of all long-term private keys, once a
// session is over, finds from what stands on the wire: the secrets that the session can be
// opened with, if it is so. For TLS these are the keys themselves, in the place of the private keys
// of the key exchange, which is all that the owner of a certificate for signatures (ECDSA) can try.
func (s *Setting) Steal(wire *inspect.Session) (found []inspect.LoggedSecret) {
	for _, c := range wire.Connections() {
		if s.isSealed() {
			protocol := sealed.Protocol{Authenticated: s.Channel == ChannelSealedAuthenticated}
			found = append(found, protocol.Steal(c, [2]crypto.Decrypter{s.keys.client(), s.keys.server()})...)
			continue
		}
		random := c.View(inspect.Client).State(wire.Recording().Len() - 1).ClientRandom
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, key := range s.longTerm(side) {
				label := [...]string{inspect.LabelClientEphemeral, inspect.LabelServerEphemeral}[side]
				found = append(found, inspect.LoggedSecret{Origin: inspect.FromFile, Label: label, ClientRandom: random, Bytes: key})
			}
		}
	}
	return found
}

// longTerm returns the private keys of a side's certificates, as a key exchange takes them.
func (s *Setting) longTerm(side inspect.Side) (keys [][]byte) {
	var certificates []tls.Certificate
	switch {
	case s.client == nil || s.Channel == ChannelClear:
	case side == inspect.Server:
		certificates = s.server.Certificates
	case s.client.GetClientCertificate != nil:
		if mine, err := s.client.GetClientCertificate(nil); err == nil {
			certificates = append(certificates, *mine)
		}
	}
	for _, certificate := range certificates {
		if key, ok := certificate.PrivateKey.(*ecdsa.PrivateKey); ok {
			if scalar, err := key.Bytes(); err == nil {
				keys = append(keys, scalar)
			}
		}
	}
	return keys
}
