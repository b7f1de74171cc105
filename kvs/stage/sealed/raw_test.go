package sealed_test

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/kvs/stage/sealed"
)

// raw speaks the protocol's frames over a socket, as its description has them.
type raw struct {
	t    *testing.T
	wire net.Conn
}

func (r raw) send(b []byte) {
	r.t.Helper()
	if _, err := r.wire.Write(b); err != nil {
		r.t.Error(err)
	}
}

func (r raw) receive(n int) []byte {
	r.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r.wire, b); err != nil {
		r.t.Errorf("%d bytes were awaited: %v", n, err)
	}
	return b
}

func (r raw) want(text string) {
	r.t.Helper()
	if got := r.receive(len(text)); string(got) != text {
		r.t.Errorf("got %q, want %q", got, text)
	}
}

func (r raw) receiveFramed() []byte {
	r.t.Helper()
	field := r.receive(8)
	var n int
	if _, err := fmt.Sscanf(strings.TrimRight(string(field), "="), "%d", &n); err != nil {
		r.t.Errorf("%q is no length", field)
		return nil
	}
	r.send([]byte("1"))
	return r.receive(n)
}

// sendFramedIfTaken sends a message, and says nothing if the peer wants none.
func (r raw) sendFramedIfTaken(body []byte) {
	if _, err := r.wire.Write(length(len(body))); err != nil {
		return
	}
	ack := make([]byte, 1)
	if _, err := io.ReadFull(r.wire, ack); err == nil && ack[0] == '1' {
		r.wire.Write(body)
	}
}

// exchangeKeys does a client's part of the exchange of public keys.
func (r raw) exchangeKeys(public []byte) (peer []byte) {
	r.t.Helper()
	r.send(length(len(public)))
	r.want("1")
	r.send(public)
	r.want("1")
	peer = r.receiveFramed()
	r.send([]byte("1"))
	return peer
}

// offline computes the secret of the mended variant from what was recorded and both private keys.
type offline struct {
	client, server *rsa.PrivateKey
}

func (o *offline) secret(clientBox, serverBox []byte) ([]byte, error) {
	var keys []byte
	for _, key := range []*rsa.PrivateKey{o.client, o.server} {
		fingerprint, err := sealed.FingerprintOf(&key.PublicKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, fingerprint[:]...)
	}
	open := func(key *rsa.PrivateKey, box []byte, sender string) []byte {
		label := append([]byte("tlslab sealed "+sender), keys...)
		secret, err := key.Decrypt(nil, box, &rsa.OAEPOptions{Hash: crypto.SHA256, Label: label})
		if err != nil {
			return nil
		}
		return secret
	}
	secrets := slices.Concat(open(o.server, clientBox, "client"), open(o.client, serverBox, "server"))
	salt := sha256.Sum256(bytes.Join([][]byte{keys, clientBox, serverBox}, nil))
	return hkdf.Extract(sha256.New, secrets, salt[:])
}
