package sealed_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/sealed"
)

// A rawClient speaks with a service over a bare socket, from the description alone.
type rawClient struct {
	raw
	secret []byte // 32 bytes of key and 16 of IV
}

// newRawClient exchanges keys with a service, in the plain variant.
func newRawClient(t *testing.T, s *service) *rawClient {
	t.Helper()
	c := &rawClient{raw: raw{t, s.dial()}, secret: bytes.Repeat([]byte{'k'}, 48)}
	public, err := sealed.MarshalPublicKey(&key(t, "client").PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := sealed.ParsePublicKey(c.exchangeKeys(public))
	if err != nil {
		t.Fatal(err)
	}
	c.send(encryptOAEP(t, peer, c.secret))
	c.want("1")
	if echo, err := openBox(key(t, "client"), c.receive(512)); err != nil || !bytes.Equal(echo, c.secret) {
		t.Errorf("the echo is %x, %v", echo, err)
	}
	c.send([]byte("1"))
	return c
}

// seal encrypts blocks, which are to be whole and padded already.
func (c *rawClient) seal(blocks string) []byte {
	c.t.Helper()
	block, err := aes.NewCipher(c.secret[:32])
	if err != nil {
		c.t.Fatal(err)
	}
	body := []byte(blocks)
	cipher.NewCBCEncrypter(block, c.secret[32:]).CryptBlocks(body, body)
	return body
}

// padded adds the padding of PKCS #7.
func padded(text string) string {
	n := 16 - len(text)%16
	return text + strings.Repeat(string(rune(n)), n)
}

// ask sends a message as it stands and returns the answer in clear; "" if the server closes instead.
func (c *rawClient) ask(body []byte) string {
	c.t.Helper()
	c.send(length(len(body)))
	c.want("1")
	c.send(body)
	return c.hear()
}

// hear returns the next answer in clear; "" if the server closes instead.
func (c *rawClient) hear() string {
	c.t.Helper()
	field := make([]byte, 8)
	if _, err := io.ReadFull(c.wire, field); err != nil {
		if err != io.EOF {
			c.t.Errorf("the end is %v", err)
		}
		return ""
	}
	n := 0
	for _, digit := range bytes.TrimRight(field, "=") {
		n = 10*n + int(digit-'0')
	}
	c.send([]byte("1"))
	return strings.TrimRight(openMessage(c.t, c.secret, c.receive(n)), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10")
}

func TestAClientOfBareSocketsIsServed(t *testing.T) {
	s := newService(t, false)
	c := newRawClient(t, s)
	answer := c.ask(c.seal(padded(`{"verb": "STAT", "parameters": {}}`)))
	if !strings.HasPrefix(answer, `{"success":true,"message":"OK","data":{"available":8,"uptime":`) {
		t.Errorf("got %q", answer)
	}
}

func TestAMessageMayComeInPieces(t *testing.T) {
	c := newRawClient(t, newService(t, false))
	body := c.seal(padded(`{"verb": "STAT", "parameters": {}}`))
	for _, b := range length(len(body)) {
		c.send([]byte{b})
	}
	c.want("1")
	for _, b := range body[:len(body)-16] {
		c.send([]byte{b})
	}
	c.send(body[len(body)-16:])
	answer := c.hear()
	if !strings.HasPrefix(answer, `{"success":true,"message":"OK"`) {
		t.Errorf("got %q", answer)
	}
}

// The difference between these two is a padding oracle: with it, and with the box of a recorded session, whoever
// listened decrypts byte after byte. It is the original's, and belongs to what the stage shows.
func TestWrongPaddingCanBeToldFromARequestThatMakesNoSense(t *testing.T) {
	s := newService(t, false)
	c := newRawClient(t, s)
	if answer := c.ask(c.seal(padded("no JSON at all"))); !strings.Contains(answer, "Bad request") {
		t.Errorf("garbage with good padding: got %q", answer)
	}
	s.until("2 client_closed")
	s.forget()
	c = newRawClient(t, s)
	if answer := c.ask(c.seal("no JSON at all\x00\x00")); answer != "" {
		t.Errorf("wrong padding: got %q", answer)
	}
	s.until("2 client_closed")
	s.until("7 malformed_request")
}

// In the mended variant nothing is decrypted whose tag is wrong, so nothing can be told.
func TestInTheMendedVariantWrongPaddingCannotBeToldFromAnythingElse(t *testing.T) {
	s := newService(t, true)
	const places = 2
	causes := make(chan error, places) // a client is told that its session is over before this is
	s.OnClientClosed(func(c *kernel.Conn) { causes <- c.Err() })
	for _, place := range [places]int{16, 100} { // garbles the first block, or the padding
		m := &middle{fromClient: direction{flip: flipBit(clientBody+place, 1)}}
		client, server, finish := betweenAddr(t, m, s.addr)
		conn := sealed.ClientEnd(client, s.clientConfig)
		if err := conn.WriteMessage([]byte(request)); err != nil {
			t.Fatal(err)
		}
		if answer, err := conn.ReadMessage(); err != io.EOF {
			t.Errorf("got %q, %v", answer, err)
		}
		server.Close()
		finish()
	}
	for range places {
		if err := <-causes; !errors.Is(err, sealed.ErrTag) {
			t.Errorf("it ended with %v", err)
		}
	}
}

// betweenAddr joins a client to a server at an address through a middle.
func betweenAddr(t *testing.T, m *middle, addr string) (client, server net.Conn, finish func()) {
	t.Helper()
	client, toClient := wires(t)
	server, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	var parts sync.WaitGroup
	parts.Go(func() { m.fromClient.pass(server, toClient) })
	parts.Go(func() { m.fromServer.pass(toClient, server) })
	return client, server, func() {
		client.Close()
		parts.Wait()
	}
}

// An attack is what a hostile client does, and what becomes of its connection.
type attack struct {
	do   func(c *rawClient)        // after the keys were exchanged
	meet func(t *testing.T, r raw) // or instead
	why  error                     // that the session or the key exchange ended with
	says string                    // that the server still says
}

func TestHostileInputEndsInAClearErrorAndHurtsNobodyElse(t *testing.T) {
	public, err := sealed.MarshalPublicKey(&key(t, "client").PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	small, err := sealed.MarshalPublicKey(&short.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]attack{
		"nothing at all":               {meet: func(_ *testing.T, r raw) {}, why: io.ErrUnexpectedEOF},
		"half a length":                {meet: func(_ *testing.T, r raw) { r.send([]byte("800=")) }, why: io.ErrUnexpectedEOF},
		"TLS":                          {meet: func(_ *testing.T, r raw) { r.send([]byte("\x16\x03\x01\x02\x00\x01\x00\x01")) }, why: sealed.ErrLength, says: "0"},
		"HTTP":                         {meet: func(_ *testing.T, r raw) { r.send([]byte("GET / HTTP/1.1\r\n\r\n")) }, why: sealed.ErrLength, says: "0"},
		"a negative length of its key": {meet: func(_ *testing.T, r raw) { r.send([]byte("-800====")) }, why: sealed.ErrLength, says: "0"},
		"a key that is too long":       {meet: func(_ *testing.T, r raw) { r.send([]byte("99999999")) }, why: sealed.ErrTooLong, says: "0"},
		"half a key":                   {meet: func(_ *testing.T, r raw) { r.send(length(len(public))); r.send(public[:400]) }, why: io.ErrUnexpectedEOF, says: "1"},
		"a key that is none":           {meet: func(_ *testing.T, r raw) { r.send([]byte("4=======none")) }, why: sealed.ErrKey, says: "10"},
		"a key of 2048 bits": {meet: func(_ *testing.T, r raw) {
			r.send(length(len(small)))
			r.want("1")
			r.send(small)
		}, why: sealed.ErrKey, says: "0"},
		"a secret that nobody encrypted": {meet: func(_ *testing.T, r raw) { r.exchangeKeys(public); r.send(make([]byte, 512)) }, why: sealed.ErrSecret, says: "0"},
		"half a secret":                  {meet: func(_ *testing.T, r raw) { r.exchangeKeys(public); r.send(make([]byte, 100)) }, why: io.ErrUnexpectedEOF},
		"no to the server's key": {meet: func(t *testing.T, r raw) {
			r.send(length(len(public)))
			r.want("1")
			r.send(public)
			r.want("1")
			r.receive(8)
			r.send([]byte("0"))
		}, why: sealed.ErrRefused},
		"neither yes nor no": {meet: func(t *testing.T, r raw) {
			r.send(length(len(public)))
			r.want("1")
			r.send(public)
			r.want("1")
			r.receive(8)
			r.send([]byte("\x00"))
		}, why: sealed.ErrAck},

		"half a request":             {do: func(c *rawClient) { c.send([]byte("64======")); c.want("1"); c.send(make([]byte, 40)) }, why: io.ErrUnexpectedEOF},
		"half a length of a request": {do: func(c *rawClient) { c.send([]byte("64")) }, why: io.ErrUnexpectedEOF},
		"too long a request":         {do: func(c *rawClient) { c.send([]byte("99999984")) }, why: sealed.ErrTooLong, says: "0"},
		"a negative length":          {do: func(c *rawClient) { c.send([]byte("-16=====")) }, why: sealed.ErrLength, says: "0"},
		"a length of nothing":        {do: func(c *rawClient) { c.send([]byte("0=======")) }, why: sealed.ErrLength, says: "0"},
		"a length that is no block":  {do: func(c *rawClient) { c.send([]byte("17======")) }, why: sealed.ErrLength, says: "0"},
		"garbage for a length":       {do: func(c *rawClient) { c.send([]byte("\xff\xfe\x00\x01abcd")) }, why: sealed.ErrLength, says: "0"},
		"wrong padding":              {do: func(c *rawClient) { c.send(length(16)); c.want("1"); c.send(c.seal(strings.Repeat("\x00", 16))) }, why: sealed.ErrPadding},
		"no to the answer": {do: func(c *rawClient) {
			body := c.seal(padded(`{"verb": "STAT", "parameters": {}}`))
			c.send(length(len(body)))
			c.want("1")
			c.send(body)
			c.receive(8)
			c.send([]byte("0"))
		}, why: sealed.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, false)
			ended := make(chan error, 1)
			s.OnHandshakeFailed(func(_ net.Conn, err error) { ended <- err })
			s.OnClientClosed(func(c *kernel.Conn) {
				if c.Err() != nil {
					ended <- c.Err()
				}
			})
			r := raw{t, nil}
			if a.meet != nil {
				r.wire = s.dial()
				a.meet(t, r)
			} else {
				c := newRawClient(t, s)
				a.do(c)
				r = c.raw
			}
			r.wire.(*net.TCPConn).CloseWrite()
			if said, err := io.ReadAll(r.wire); string(said) != a.says || err != nil {
				t.Errorf("the server says %q, %v", said, err)
			}
			if err := <-ended; !errors.Is(err, a.why) {
				t.Errorf("it ended with %v, not with %v", err, a.why)
			}
			if _, err := s.client().Stat(t.Context()); err != nil {
				t.Errorf("the next client: %v", err)
			}
			if n := s.Statistics().RuntimeErrors; n != 0 {
				t.Errorf("%d runtime errors", n)
			}
		})
	}
}

func TestASlowClientIsLeftBehindAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := newService(t, false, func(s *sealed.Server) {
		s.HandshakeTimeout, s.IdleTimeout = 8*time.Second, 8*time.Second // in which the other is done, on a busy machine too
	})
	ended := make(chan error, 2)
	s.OnHandshakeFailed(func(_ net.Conn, err error) { ended <- err })
	s.OnClientClosed(func(c *kernel.Conn) {
		if c.Err() != nil {
			ended <- c.Err()
		}
	})
	raw{t, s.dial()}.send([]byte("800="))
	if _, err := s.client().Stat(t.Context()); err != nil {
		t.Errorf("meanwhile: %v", err)
	}
	if err := <-ended; !errors.Is(err, kernel.ErrHandshakeTimeout) {
		t.Errorf("in the key exchange: %v", err)
	}
	newRawClient(t, s).send([]byte("64===="))
	if err := <-ended; !errors.Is(err, kernel.ErrIdle) {
		t.Errorf("in a request: %v", err)
	}
	if n := s.Statistics().HandshakesFailed[kernel.ReasonTimeout]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

func TestManyClientsAtOnceAreServedAndBounded(t *testing.T) {
	s := newService(t, false, func(s *sealed.Server) {
		s.MaxConns = 12
		s.Virtualization = &sealed.Containers{Max: 5}
	})
	for range 4 { // who hold a place and say nothing
		s.dial()
	}
	var clients sync.WaitGroup
	var mu sync.Mutex
	made := map[string]bool{}
	unavailable := 0
	for range 8 {
		clients.Go(func() {
			lease, err := s.client().Create(t.Context())
			mu.Lock()
			defer mu.Unlock()
			var failed *sealed.AnswerError
			switch {
			case err == nil:
				made[lease.UUID] = true
			case errors.As(err, &failed) && failed.Answer.Message == sealed.MessageUnavailable:
				unavailable++
			default:
				t.Error(err)
			}
		})
	}
	clients.Wait()
	if len(made) != 5 || unavailable != 3 {
		t.Errorf("%d containers were made, %d times there was no room", len(made), unavailable)
	}
	for range 12 {
		s.dial()
	}
	s.until("0 refused")
}

// A request that runs when the server is to stop is answered; who only holds a connection is not waited for.
func TestStoppingIsGraceful(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	s := newService(t, false, func(s *sealed.Server) {
		s.Handle("WAIT", func(_ context.Context, _ *kernel.Conn, _ sealed.Request) (sealed.Answer, error) {
			close(begun)
			<-goOn
			return sealed.Answer{Success: true, Message: sealed.MessageOK}, nil
		})
	})
	idle := newRawClient(t, s)
	answered := make(chan error, 1)
	go func() {
		_, err := s.client().Do(t.Context(), sealed.Request{Verb: "WAIT"})
		answered <- err
	}()
	<-begun
	s.Stop()
	close(goOn)
	if err := <-answered; err != nil {
		t.Error("the request that ran:", err)
	}
	if n, err := idle.wire.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("who only held a connection reads %d bytes, %v", n, err)
	}
	s.end()
}
