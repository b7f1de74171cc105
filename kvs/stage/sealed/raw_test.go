package sealed_test

import (
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
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

// offline opens a message of the mended variant, the client's first, with what was recorded and both private keys.
type offline struct {
	client, server *rsa.PrivateKey
}

func (o *offline) open(t *testing.T, clientBox, serverBox, body []byte) string {
	t.Helper()
	var keys []byte
	for _, key := range []*rsa.PrivateKey{o.client, o.server} {
		fingerprint, err := sealed.FingerprintOf(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, fingerprint[:]...)
	}
	secret := func(key *rsa.PrivateKey, box []byte, sender string) []byte {
		label := append([]byte("tlslab sealed "+sender), keys...)
		secret, err := key.Decrypt(nil, box, &rsa.OAEPOptions{Hash: crypto.SHA256, Label: label})
		if err != nil {
			t.Fatalf("the %s's secret: %v", sender, err)
		}
		return secret
	}
	secrets := slices.Concat(secret(o.server, clientBox, "client"), secret(o.client, serverBox, "server"))
	salt := sha256.Sum256(slices.Concat(keys, clientBox, serverBox))
	extracted, err := hkdf.Extract(sha256.New, secrets, salt[:])
	if err != nil {
		t.Fatal(err)
	}
	aesKey, err := hkdf.Expand(sha256.New, extracted, "tlslab sealed client encryption", 32)
	if err != nil {
		t.Fatal(err)
	}
	iv, ciphertext := body[:16], body[16:len(body)-32]
	return openMessage(t, append(aesKey, iv...), ciphertext)
}

func encryptOAEP(t *testing.T, peer *rsa.PublicKey, secret []byte) []byte {
	t.Helper()
	box, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, peer, secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	return box
}
