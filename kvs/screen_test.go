package kvs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
)

// A paper can be written on by several goroutines.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestManyFailedHandshakesOfOneKindDoNotHideAnother(t *testing.T) {
	said := new(paper)
	screen := &kvs.Screen{Lang: docs.English, Out: said}
	server := new(kernel.Server)
	failed := make(chan error, 10)
	screen.Watch(server)
	server.OnHandshakeFailed(func(_ net.Conn, err error) { failed <- err })
	fail := func(err error) {
		client, conn := net.Pipe()
		defer client.Close()
		server.ServeConn(t.Context(), failing{conn, err})
		<-failed
	}
	for range 5 {
		fail(io.ErrUnexpectedEOF)
	}
	fail(&kernel.RefusedError{Description: 0x30, Err: errors.New("tls: bad record MAC")})
	text := said.String()
	if strings.Count(text, "did not finish the handshake (pipe): it left\n") != 3 || strings.Count(text, "the client refused the server: unknown_ca (48)") != 1 {
		t.Error(text)
	}
}

// A failing connection is one whose handshake fails.
type failing struct {
	net.Conn
	err error
}

func (c failing) HandshakeContext(context.Context) error { return c.err }

func TestAFailedHandshakeIsExplainedInTheReadersLanguage(t *testing.T) {
	for err, want := range map[error]string{
		&kernel.RefusedError{Description: 0x2a}:                                       "bad_certificate (42)",
		&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}: "a conexão foi interrompida com um reset",
		&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}:     "o cliente recusou, com um alerta (tls: bad certificate)",
		errors.New("tls: client offered only unsupported versions: [303]"):            "--tls 1.2",
		errors.New("tls: no cipher suite supported by both client and server"):        "nenhuma suíte",
		errors.New("tls: client didn't provide a certificate"):                        "o cliente não mostrou certificado",
	} {
		if got := kvs.Explain(docs.For(docs.Portuguese), &kernel.HandshakeError{Err: err}); !strings.Contains(got, want) {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	reset := fmt.Errorf("read: %w", syscall.ECONNRESET)
	if got := kvs.Explain(docs.For(docs.Portuguese), reset); got != "a conexão foi interrompida com um reset" {
		t.Error(got)
	}
}

func TestAScreenForTroubleAloneSaysNothingElse(t *testing.T) {
	said := new(paper)
	screen := &kvs.Screen{Lang: docs.English, Out: said, TroubleOnly: true}
	server := &kernel.Server{Handler: kernel.HandlerFunc(func(_ context.Context, conn *kernel.Conn) error {
		screen.Authenticated(conn, kvs.Who{Name: "ana"}, nil)
		screen.Authenticated(conn, kvs.Who{}, errors.New("wrong"))
		conn.Report(errors.New("the store failed"))
		return nil
	})}
	screen.Watch(server)
	client, conn := net.Pipe()
	go io.Copy(io.Discard, client)
	defer client.Close()
	server.ServeConn(t.Context(), conn)
	if text := said.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "A token from pipe was wrong") || !strings.Contains(text, "The store failed") {
		t.Error(text)
	}
}

func TestTheRestOfManyFailedHandshakesIsCountedWithItsReasonInWords(t *testing.T) {
	for lang, want := range map[string]string{
		docs.English:    "More clients that did not finish the handshake, within 10 s: 2, like this one: the client showed no certificate, and this server wants one\n",
		docs.Portuguese: "Mais clientes que não finalizaram o handshake, em 10 s: 2, como este: o cliente não mostrou certificado, e este servidor exige um\n",
	} {
		said := new(paper)
		screen := &kvs.Screen{Lang: lang, Out: said}
		server := &kernel.Server{Addr: "127.0.0.1:0", Linger: time.Millisecond, Handler: kernel.HandlerFunc(func(context.Context, *kernel.Conn) error { return nil })}
		screen.Watch(server)
		failed := make(chan error, 10)
		server.OnHandshakeFailed(func(_ net.Conn, err error) { failed <- err })
		for i := range 6 {
			why := errors.New("tls: client didn't provide a certificate")
			if i == 5 {
				why = errors.New("tls: no cipher suite supported by both client and server")
			}
			client, conn := net.Pipe()
			server.ServeConn(t.Context(), failing{conn, why})
			client.Close()
			<-failed
		}
		check(t, server.Start(t.Context()))
		check(t, server.Stop())
		check(t, server.Wait())
		if text := said.String(); strings.Count(text, want) != 1 || strings.Count(text, "(pipe)") != 4 {
			t.Errorf("%s", text)
		}
	}
}

func TestTheRestOfManyFailuresIsCountedForEachReasonByItself(t *testing.T) {
	alert := func(name string) error { return &net.OpError{Op: "remote error", Err: errors.New("tls: " + name)} }
	said := new(paper)
	screen := &kvs.Screen{Lang: docs.English, Out: said}
	server := &kernel.Server{Addr: "127.0.0.1:0", MaxConns: 1, Handler: kernel.HandlerFunc(func(_ context.Context, conn *kernel.Conn) error {
		_, err := io.Copy(io.Discard, conn)
		return err
	})}
	screen.Watch(server)
	failed := make(chan error, 1)
	server.OnHandshakeFailed(func(_ net.Conn, err error) { failed <- err })
	for _, err := range []error{
		&kernel.RefusedError{Description: 0x30}, &kernel.RefusedError{Description: 0x2a}, &kernel.RefusedError{Description: 0xf0}, &kernel.RefusedError{Description: 0xf1},
		alert("bad certificate"), alert("expired certificate"), alert("alert(240)"), alert("alert(241)"),
		errors.New("tls: this way"), errors.New("tls: that way"), kernel.ErrHandshakeTimeout, syscall.ECONNRESET, syscall.EPIPE, io.EOF,
	} {
		for range 4 {
			client, conn := net.Pipe()
			server.ServeConn(t.Context(), failing{conn, err})
			client.Close()
			<-failed
		}
	}
	check(t, server.Start(t.Context()))
	check(t, server.Stop())
	check(t, server.Wait())
	var counts []string
	for line := range strings.Lines(said.String()) {
		if rest, found := strings.CutPrefix(line, "More clients that did not finish the handshake, within 10 s: "); found {
			counts = append(counts, strings.TrimSpace(rest))
		}
	}
	slices.Sort(counts)
	clear := "an alert in clear, which this server's TLS, already under keys, takes for a broken record"
	want := []string{
		"1, like this one: it took too long",
		"1, like this one: the client refused the server: bad_certificate (42), " + clear,
		"1, like this one: the client refused the server: unknown_ca (48), " + clear,
		"1, like this one: the client refused, with an alert (tls: bad certificate)",
		"1, like this one: the client refused, with an alert (tls: expired certificate)",
		"1, like this one: the connection was reset",
		"5, for reasons that are not counted one by one",
		"5, for reasons that are not counted one by one",
		"5, for reasons that are not counted one by one",
		"5, like this one: it left",
	}
	if !slices.Equal(counts, want) {
		t.Errorf("it counts\n%s", strings.Join(counts, "\n"))
	}
}

func TestTheRestOfManyRefusedConnectionsIsCountedForEachReasonByItself(t *testing.T) {
	said := new(paper)
	server := &kernel.Server{Addr: "127.0.0.1:0", MaxConns: 2, MaxConnsPerHost: 1, Handler: kernel.HandlerFunc(func(_ context.Context, conn *kernel.Conn) error {
		_, err := io.Copy(io.Discard, conn)
		return err
	})}
	(&kvs.Screen{Lang: docs.English, Out: said}).Watch(server)
	check(t, server.Start(t.Context()))
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", server.ListenAddr().String())
		check(t, err)
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		return conn
	}
	established := make(chan bool, 2)
	server.OnClient(func(*kernel.Conn) { established <- true })
	refused := make(chan error)
	server.OnRefused(func(_ net.Conn, err error) { refused <- err })
	first := dial()
	<-established
	refuse := func(want error) {
		for range 5 {
			dial()
			if err := <-refused; err != want {
				t.Errorf("refused for %v, want %v", err, want)
			}
		}
	}
	refuse(kernel.ErrTooManyOfHost)
	client, conn := net.Pipe() // of no address
	second := make(chan error)
	go func() { second <- server.ServeConn(t.Context(), conn) }()
	<-established
	refuse(kernel.ErrTooMany)
	client.Close()
	<-second
	first.Close()
	check(t, server.Stop())
	check(t, server.Wait())
	for _, want := range []string{
		"More connections refused, within 10 s: 2, like this one: too many connections at once from this address",
		"More connections refused, within 10 s: 2, like this one: too many connections at once; try again later",
	} {
		if text := said.String(); !strings.Contains(text, want) {
			t.Errorf("%s\nmissing: %s", text, want)
		}
	}
}
