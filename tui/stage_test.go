package tui

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

// echoStage is a stage of a client and a server over TLS that keeps pairs, one command a line. It is as simple as can
// be: what the real one says is not of interest here.
type echoStage struct {
	version uint16 // 0 means TLS 1.3
	refuse  bool   // the client does not know the authority
	ech     echkey.Setup
}

var testCertificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kvs.lab"}, DNSNames: []string{"kvs.lab"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

func (s echoStage) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	roots := x509.NewCertPool()
	if !s.refuse {
		roots.AddCert(testCertificate().Leaf)
	}
	clientConfig := &tls.Config{RootCAs: roots, ServerName: "kvs.lab", MaxVersion: s.version, EncryptedClientHelloConfigList: s.ech.List}
	serverConfig := &tls.Config{Certificates: []tls.Certificate{testCertificate()}, MaxVersion: s.version}
	if s.ech.List != nil {
		serverConfig.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{s.ech.Key}
	}
	client, server := tap.Pipe(clientConfig, serverConfig)
	p := &echoPlay{tap: tap, client: client, ready: make(chan struct{})}
	p.parts.Go(func() { serveEcho(server) })
	p.parts.Go(func() {
		p.failed = client.HandshakeContext(ctx)
		p.answers = bufio.NewReader(client)
		close(p.ready)
		if p.failed != nil {
			client.Close()
		}
	})
	return p, nil
}

type echoPlay struct {
	tap     *inspect.Tap
	client  *inspect.Conn
	answers *bufio.Reader
	ready   chan struct{}
	failed  error
	mu      sync.Mutex
	parts   sync.WaitGroup
}

func serveEcho(server *inspect.Conn) {
	defer server.Close()
	pairs := make(map[string]string)
	lines := bufio.NewScanner(server)
	for lines.Scan() {
		words := strings.SplitN(lines.Text(), " ", 3)
		answer := "Ok"
		switch {
		case words[0] == "exit":
			return
		case words[0] == "create" && len(words) == 3:
			pairs[words[1]] = words[2]
		case words[0] == "read" && len(words) == 2:
			answer = pairs[words[1]]
		default:
			answer = "not understood: " + lines.Text()
		}
		fmt.Fprintln(server, answer)
	}
}

func (p *echoPlay) Do(ctx context.Context, command string) (string, error) {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if p.failed != nil {
		return "", p.failed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintln(p.client, command); err != nil {
		return "", err
	}
	if command == "exit" {
		p.client.CloseWrite()
		_, err := io.Copy(io.Discard, p.answers)
		p.client.Close()
		return "", err
	}
	answer, err := p.answers.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

func (p *echoPlay) Close() error {
	p.client.Close()
	p.tap.Close()
	p.parts.Wait()
	return nil
}
