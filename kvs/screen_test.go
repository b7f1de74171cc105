package kvs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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
