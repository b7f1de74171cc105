package inspect_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// listen opens a loopback listener that the test's end closes.
func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// allDecrypted waits until the connection has ended both ways, and fails the
// test for each record that could not be read.
func allDecrypted(t *testing.T, session *inspect.Session) {
	t.Helper()
	records := 0
	for r := range session.Records() {
		records++
		if r.DecidedAt < 0 || r.Encrypted && !r.Decrypted {
			t.Errorf("%s record %d is not decrypted: %s", r.Side, r.Seq, r.Why)
		}
	}
	if records == 0 {
		t.Error("no record was captured")
	}
}

func decryptedText(session *inspect.Session, from inspect.Side) string {
	var all bytes.Buffer
	for r := range session.Records() {
		if r.Side == from && r.InnerType == inspect.ApplicationData {
			all.Write(r.Plaintext())
		}
	}
	return all.String()
}

func TestNetHTTPBehindAListenerServesHTTPSAndHTTP2AndDecrypts(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			client, server := configs(t)
			h2 := protocol == "HTTP/2.0"
			if h2 {
				server.NextProtos = []string{"h2", "http/1.1"}
			}
			tap := inspect.NewTap()
			inner := listen(t)
			web := &http.Server{TLSConfig: server, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "%s says ola", r.Proto)
			})}
			served := make(chan error)
			go func() { served <- web.Serve(tap.Listener(inner, server)) }()
			transport := &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: h2}
			for range 2 {
				answer, err := (&http.Client{Transport: transport}).Get("https://" + inner.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				if string(body) != protocol+" says ola" {
					t.Errorf("got %q", body)
				}
			}
			transport.CloseIdleConnections()
			if err := web.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			<-served
			session := inspect.NewSession(tap.Recording())
			allDecrypted(t, session)
			if text := decryptedText(session, inspect.Server); !strings.Contains(text, "says ola") {
				t.Errorf("the answer is not in the decrypted text %q", text)
			}
		})
	}
}

func TestAClientThatHalfClosesGetsItsAnswer(t *testing.T) {
	for _, gate := range []inspect.Gate{nil, forwardAll{}} {
		t.Run(fmt.Sprintf("%T", gate), func(t *testing.T) {
			client, server := configs(t)
			tap := &inspect.Tap{Gate: gate}
			defer tap.Close()
			c, s := tap.Pipe(client, server)
			done := make(chan error, 1)
			go func() {
				question, err := io.ReadAll(s)
				if err == nil {
					_, err = s.Write(bytes.ToUpper(question))
				}
				s.Close()
				done <- err
			}()
			if _, err := io.WriteString(c, "question"); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(c)
			if err != nil || string(answer) != "QUESTION" {
				t.Errorf("got %q, %v", answer, err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			c.Close()
		})
	}
}

func TestAConnectionThatIsNotRecordedAnyMoreGoesOnAndEndsInTheRecording(t *testing.T) {
	clientConfig, serverConfig := configs(t)
	listener := listen(t)
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			server := tls.Server(conn, serverConfig)
			_, err = io.Copy(server, server)
			server.Close()
		}
		done <- err
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tap := inspect.NewTap()
	client := tap.Client(raw, clientConfig)
	echo := func(text string) {
		t.Helper()
		buffer := make([]byte, len(text))
		if _, err := io.WriteString(client, text); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, buffer); err != nil || string(buffer) != text {
			t.Fatalf("%q, %v", buffer, err)
		}
	}
	echo("recorded")
	before := tap.Recording().Len()
	if !client.StopRecording() {
		t.Fatal("an inline connection is recorded on")
	}
	echo("unseen")
	if now := tap.Recording().Len(); now != before {
		t.Errorf("%d events more", now-before)
	}
	client.CloseWrite()
	io.Copy(io.Discard, client)
	client.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	session := inspect.NewSession(tap.Recording())
	if text := decryptedText(session, inspect.Server); text != "recorded" {
		t.Errorf("recorded %q", text)
	}
	if last := tap.Recording().At(tap.Recording().Len() - 1); last.Kind != inspect.Ended {
		t.Errorf("the last event is %v", last.Kind)
	}

	gated := &inspect.Tap{Gate: forwardAll{}}
	defer gated.Close()
	one, other := gated.Pipe(clientConfig, serverConfig)
	defer one.Close()
	defer other.Close()
	if one.StopRecording() {
		t.Error("a pumped connection is not recorded any more")
	}
}

func TestARelayPassesBytesUnchangedAndEndsWithItsPrograms(t *testing.T) {
	for _, gate := range []inspect.Gate{nil, forwardAll{}} {
		t.Run(fmt.Sprintf("%T", gate), func(t *testing.T) {
			clientConfig, serverConfig := configs(t)
			front, back := listen(t), listen(t)
			go func() {
				conn, err := back.Accept()
				if err != nil {
					return
				}
				s := tls.Server(conn, serverConfig)
				io.Copy(s, s)
				s.Close()
			}()
			tap := &inspect.Tap{Gate: gate}
			done := make(chan error, 1)
			go func() {
				fromClient, err := front.Accept()
				if err != nil {
					done <- err
					return
				}
				toServer, err := net.Dial("tcp", back.Addr().String())
				if err != nil {
					done <- err
					return
				}
				done <- tap.Relay(t.Context(), fromClient, toServer)
			}()
			var keys bytes.Buffer
			clientConfig.KeyLogWriter = &keys
			c, err := tls.Dial("tcp", front.Addr().String(), clientConfig)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "ola")
			io.ReadFull(c, make([]byte, 3))
			c.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
			for line := range bytes.Lines(keys.Bytes()) {
				secret, err := inspect.ParseSecret(line)
				if err != nil {
					t.Fatal(err)
				}
				secret.Origin = inspect.FromFile
				tap.Recording().Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &secret})
			}
			session := inspect.NewSession(tap.Recording())
			allDecrypted(t, session)
			if got := decryptedText(session, inspect.Client); got != "ola" {
				t.Errorf("the client said %q", got)
			}
		})
	}
}

func TestARelayEndsWithItsContext(t *testing.T) {
	a, farA := tcpPair(t)
	b, farB := tcpPair(t)
	defer farA.Close()
	defer farB.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	tap := inspect.NewTap()
	done := make(chan error, 1)
	go func() { done <- tap.Relay(ctx, a, b) }()
	cancel(reason)
	if err := <-done; !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
}

func tcpPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	ln := listen(t)
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

func TestDeadlinesAndAddressesPassThroughTheTap(t *testing.T) {
	for _, gate := range []inspect.Gate{nil, forwardAll{}} {
		t.Run(fmt.Sprintf("%T", gate), func(t *testing.T) {
			near, far := tcpPair(t)
			defer far.Close()
			client, _ := configs(t)
			tap := &inspect.Tap{Gate: gate}
			defer tap.Close()
			c := tap.Client(near, client)
			defer c.Close()
			if c.RemoteAddr().String() != far.LocalAddr().String() || c.LocalAddr().String() != far.RemoteAddr().String() {
				t.Errorf("addresses are %v and %v", c.LocalAddr(), c.RemoteAddr())
			}
			c.SetDeadline(time.Now().Add(20 * time.Millisecond))
			var timeout net.Error
			if err := c.Handshake(); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("a handshake with nobody ended with %v", err)
			}
		})
	}
}

func TestTheMemoryBuffersShowWhatWasSentInClearAndAsSent(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "create nome ana\n")
	tap.Close()
	if got := string(c.Outgoing().Clear()); got != "create nome ana\n" {
		t.Errorf("the client's outgoing buffer in clear is %q", got)
	}
	if got := string(s.Incoming().Clear()); got != "create nome ana\n" {
		t.Errorf("the server's incoming buffer in clear is %q", got)
	}
	if !bytes.Equal(c.Outgoing().Sent(), s.Incoming().Sent()) || len(c.Outgoing().Sent()) == 0 || c.Outgoing().Sent()[0] != 0x16 {
		t.Errorf("as sent: client's outgoing %x, server's incoming %x", c.Outgoing().Sent(), s.Incoming().Sent())
	}
	if held := c.Outgoing().Held(); held != nil {
		t.Errorf("without a gate, %x is held", held)
	}
}

func TestBothSidesMayWriteFirstWithoutWaitingForEachOther(t *testing.T) {
	client, server := configs(t)
	server.CurvePreferences = []tls.CurveID{tls.CurveP521} // a HelloRetryRequest
	tap := inspect.NewTap()
	defer tap.Close()
	c, s := tap.Pipe(client, server)
	big := bytes.Repeat([]byte("z"), 1<<20)
	done := make(chan error, 2)
	for _, conn := range []*inspect.Conn{c, s} {
		go func() {
			_, err := conn.Write(big)
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range []*inspect.Conn{c, s} {
		if _, err := io.ReadFull(conn, make([]byte, len(big))); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	s.Close()
}

func TestASenderWaitsOnceTheBoundIsReached(t *testing.T) {
	near, far := tcpPair(t)
	quiet, end := tcpPair(t)
	tap := &inspect.Tap{Queue: 1 << 10}
	done := make(chan error, 1)
	go func() { done <- tap.Relay(t.Context(), near, quiet) }()
	far.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := far.Write(make([]byte, 256<<20))
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("256 MiB to a receiver that does not read: %d bytes, %v", n, err)
	}
	far.Close()
	end.Close()
	<-done
}

func TestARecordingLetsTheOldestGoAndSaysSo(t *testing.T) {
	client, server := configs(t)
	tap := &inspect.Tap{Limit: 1 << 20}
	c, s := tap.Pipe(client, server)
	kept := bytes.Repeat([]byte("k"), 64<<10)
	converse(t, c, s, string(kept), string(kept), string(kept), string(kept), string(kept), string(kept), string(kept), string(kept))
	tap.Close()
	gone, total := 0, 0
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.LetGo {
			gone += e.N
		}
		if len(e.Bytes) > 0 {
			total += len(e.Bytes)
		}
	}
	if gone == 0 || total > 3<<20 {
		t.Errorf("%d bytes were let go, %d are kept under a limit of %d", gone, total, 1<<20)
	}
	session := inspect.NewSession(tap.Recording())
	if kind := session.Items()[0].Kind; kind != inspect.GapItem {
		t.Errorf("a session that comes late begins with item kind %d, want a gap", kind)
	}
}

func TestWhatGetConfigForClientReturnsIsLoggedAndResumedToo(t *testing.T) {
	client, server := configs(t)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	outer := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return server, nil }}
	tap := inspect.NewTap()
	defer tap.Close()
	for i := range 2 {
		c, s := tap.Pipe(client, outer)
		converse(t, c, s, "hello\n")
		if resumed := c.ConnectionState().DidResume; resumed != (i == 1) {
			t.Errorf("connection %d: resumed is %v", i, resumed)
		}
	}
	origins := map[inspect.Origin]int{}
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Secret {
			origins[e.Logged.Origin]++
		}
	}
	if origins[inspect.ServerLog] != origins[inspect.ClientLog] || origins[inspect.ServerLog] == 0 {
		t.Errorf("secrets logged: %v", origins)
	}
}

func TestTheUsersOwnKeyLogIsStillWritten(t *testing.T) {
	client, server := configs(t)
	var own bytes.Buffer
	client.KeyLogWriter = &own
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	if !strings.Contains(own.String(), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("the user's key log holds %q", own.String())
	}
}

func TestTheBoundHoldsOverManyShortConnections(t *testing.T) {
	client, server := configs(t)
	tap := &inspect.Tap{Limit: 256 << 10}
	for range 200 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, strings.Repeat("x", 3000))
	}
	tap.Close()
	kept := 0
	for e := range tap.Recording().Events(0) {
		kept += len(e.Bytes)
	}
	if kept > 512<<10 {
		t.Errorf("%d bytes are kept under a limit of %d", kept, 256<<10)
	}
}
