package kernel_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
)

func TestTheStatisticsAreWhatTheClientsDid(t *testing.T) {
	s := &kernel.Server{Handler: everyVerb(), Addr: "127.0.0.1:0", MaxConns: 2}
	empty := kernel.Statistics{RefusedBy: map[string]int64{}, HandshakesFailed: map[string]int64{}, Verbs: map[string]kernel.VerbStatistics{}}
	if got := s.Statistics(); !reflect.DeepEqual(got, empty) {
		t.Errorf("before: %+v", got)
	}
	closed := signalClient(s.OnClientClosed)
	check(t, s.Start(t.Context()))

	first, second := dialTCP(t, s), dialTCP(t, s)
	talkTo(t, second, "ping", "pong") // it is there: the third finds no place
	sent, received := 0, 0
	for _, c := range []struct{ request, answer string }{
		{"ping", "pong"},
		{"echo Olá", "Olá"},
		{"echo", ""},
		{"refuse", "error: no "},
		{"refuse me", "error: no me"},
		{"sing", "error: unknown verb"},
		{"dance", "error: unknown verb"},
		{"panic", "internal error"},
		{"broken", "understood nothing"},
		{"report", "reported"},
	} {
		talkTo(t, first, c.request, c.answer)
		sent, received = sent+len(c.request)+1, received+len(c.answer)+1
	}
	third := dialTCP(t, s)
	third.Read(make([]byte, 1))
	want := kernel.Statistics{
		Running: true, RuntimeErrors: 2, Open: 2, Total: 3, Refused: 1,
		BytesIn: int64(sent + len("ping\n")), BytesOut: int64(received + len("pong\n")),
		RefusedBy: map[string]int64{"too_many": 1}, HandshakesFailed: map[string]int64{},
		Verbs: map[string]kernel.VerbStatistics{
			"ping": {Requests: 2}, "echo": {Requests: 2}, "refuse": {Requests: 2, Errors: 2}, "panic": {Requests: 1, Errors: 1}, "report": {Requests: 1},
		},
		UnknownVerbs: 2, MalformedRequests: 1,
	}
	wantStatistics(t, "while they talk", s, want)

	first.Close()
	<-closed
	second.Close()
	<-closed
	want.Open = 0
	wantStatistics(t, "when they have left", s, want)
	check(t, s.Stop())
	want.Running = false
	wantStatistics(t, "when it is asked to stop", s, want)
	check(t, s.Wait())
	check(t, s.Start(t.Context()))
	want.Running = true
	wantStatistics(t, "when it runs again", s, want)
	check(t, s.Stop())
	check(t, s.Wait())
}

func wantStatistics(t *testing.T, when string, s *kernel.Server, want kernel.Statistics) {
	t.Helper()
	got := s.Statistics()
	got.Uptime = want.Uptime // see the next test
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", when, got, want)
	}
}

func TestTheUptimeCountsFromTheLastStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &kernel.Server{Handler: echo}
		for range 2 {
			go s.Serve(t.Context(), &memory{conns: make(chan net.Conn), closed: make(chan bool)})
			time.Sleep(90*time.Second + 500*time.Millisecond)
			if got := s.Statistics(); got.Uptime != 90 || !got.Running {
				t.Errorf("after 90.5 s: %+v", got)
			}
			check(t, s.Stop())
			check(t, s.Wait())
			if got := s.Statistics(); got.Uptime != 0 || got.Running {
				t.Errorf("stopped: %+v", got)
			}
			time.Sleep(time.Hour)
		}
	})
}

// memory is a listener of connections in memory.
type memory struct {
	conns  chan net.Conn
	closed chan bool
}

func (l *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memory) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

func TestFailedHandshakesAreCountedByTheirReason(t *testing.T) {
	t.Parallel()
	s := &kernel.Server{Handler: echo, HandshakeTimeout: limit} // all but one are done before
	l := newLab(t, s, func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert })
	for _, c := range []struct {
		reason string
		client func(conn net.Conn)
	}{
		{kernel.ReasonTimeout, func(net.Conn) {}},
		{kernel.ReasonLeft, func(conn net.Conn) { conn.Close() }},
		{kernel.ReasonLeft, func(conn net.Conn) { conn.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}); conn.Close() }},
		{kernel.ReasonNotTLS, func(conn net.Conn) { io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n") }},
		{kernel.ReasonAlert, func(conn net.Conn) { tls.Client(conn, &tls.Config{ServerName: "localhost"}).Handshake() }}, // trusts others
		{kernel.ReasonCertificate, func(conn net.Conn) {
			config := l.client.Clone()
			config.Certificates = []tls.Certificate{stranger(t)}
			tls.Client(conn, config).Handshake()
		}},
		{kernel.ReasonOther, func(conn net.Conn) { tls.Client(conn, l.client.Clone()).Handshake() }}, // has no certificate
	} {
		before := s.Statistics().HandshakesFailed[c.reason]
		conn, err := net.Dial("tcp", l.address)
		check(t, err)
		c.client(conn)
		err = l.events.wait(t, "handshake_failed")
		if n := s.Statistics().HandshakesFailed[c.reason]; n != before+1 {
			t.Errorf("%s: %v was counted as %v", c.reason, err, s.Statistics().HandshakesFailed)
		}
		conn.Close()
	}
	conn, err := net.Dial("tcp", l.address)
	check(t, err)
	defer conn.Close()
	for range 8 {
		l.events.wait(t, "connection")
	}
	l.stop()
	check(t, l.wait())
	want := map[string]int64{"timeout": 1, "left": 2, "not_tls": 1, "alert": 1, "certificate": 1, "other": 1, "stopping": 1}
	if got := s.Statistics().HandshakesFailed; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// stranger is a certificate of somebody whom no server here trusts.
func stranger(t *testing.T) tls.Certificate {
	t.Helper()
	authority, err := pki.NewAuthority(time.Now())
	check(t, err)
	certificate, err := authority.IssueClient("eva")
	check(t, err)
	return certificate
}

func TestAHandshakeOfAnotherKindSaysHowItIsCounted(t *testing.T) {
	s := &kernel.Server{Handler: echo}
	client, server := net.Pipe()
	defer client.Close()
	if err := s.ServeConn(t.Context(), reasoned{server}); err == nil {
		t.Error("the handshake went well")
	}
	if got := s.Statistics().HandshakesFailed; !reflect.DeepEqual(got, map[string]int64{"wrong_key": 1}) {
		t.Errorf("got %v", got)
	}
}

type reasoned struct{ net.Conn }

func (reasoned) HandshakeContext(context.Context) error {
	return fmt.Errorf("exchange keys: %w", wrongKey{})
}
func (c reasoned) CloseWrite() error { return c.Close() }

type wrongKey struct{}

func (wrongKey) Error() string  { return "the key is not 4,096 bits long" }
func (wrongKey) Reason() string { return "wrong_key" }

func TestTheStatisticsAreJSON(t *testing.T) {
	s := &kernel.Server{Handler: everyVerb()}
	client, server := net.Pipe()
	done := make(chan error)
	go func() { done <- s.ServeConn(t.Context(), server) }()
	talkTo(t, client, "ping", "pong")
	talkTo(t, client, "refuse", "error: no ")
	talkTo(t, client, "sing", "error: unknown verb")
	talkTo(t, client, "broken", "understood nothing")
	talkTo(t, client, "report", "reported")
	got, err := json.Marshal(s.Statistics())
	check(t, err)
	const want = `{"running":false,"uptime":0,"runtime_errors":1,"accept_errors":0,"connections_open":1,"connections_total":1,"connections_refused":0,` +
		`"bytes_in":31,"bytes_out":64,"connections_refused_by":{},"handshakes_failed":{},` +
		`"verbs":{"ping":{"requests":1,"errors":0},"refuse":{"requests":1,"errors":1},"report":{"requests":1,"errors":0}},` +
		`"requests_refused":0,"unknown_verbs":1,"malformed_requests":1}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	client.Close()
	check(t, <-done)
}

func TestStatisticsOnceTakenDoNotChange(t *testing.T) {
	s := &kernel.Server{Handler: everyVerb()}
	client, server := net.Pipe()
	done := make(chan error)
	go func() { done <- s.ServeConn(t.Context(), server) }()
	talkTo(t, client, "ping", "pong")
	before := s.Statistics()
	talkTo(t, client, "ping", "pong")
	if before.Verbs["ping"].Requests != 1 {
		t.Error("they changed")
	}
	before.Verbs["ping"] = kernel.VerbStatistics{Requests: 100}
	if s.Statistics().Verbs["ping"].Requests != 2 {
		t.Error("they are the server's own")
	}
	client.Close()
	check(t, <-done)
}
