// Package echkey makes keys for Encrypted Client Hello, with any algorithms that crypto/tls takes, for the tests of every
// package. The lab itself makes its own in kvs/pki.
package echkey

import (
	"crypto/hpke"
	"crypto/tls"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// PublicName is the one of every configuration.
const PublicName = "public.example"

// A Setup is a server's key, and the ECHConfigList that its clients have.
type Setup struct {
	Key  tls.EncryptedClientHelloKey
	List []byte
}

// New makes a key and an ECHConfig (RFC 9849 section 4), with algorithms as HPKE numbers them (RFC 9180 section 7).
func New(t testing.TB, id uint8, kemID, kdf, aead uint16) Setup {
	t.Helper()
	kem, err := hpke.NewKEM(kemID)
	if err != nil {
		t.Fatal(err)
	}
	key, err := kem.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	const maximumNameLength = 32
	var b, list cryptobyte.Builder
	b.AddUint16(0xfe0d) // version
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(id)
		b.AddUint16(kemID)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(key.PublicKey().Bytes()) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(kdf); b.AddUint16(aead) })
		b.AddUint8(maximumNameLength)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(PublicName)) })
		b.AddUint16(0) // no extensions
	})
	config := b.BytesOrPanic()
	list.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(config) })
	return Setup{tls.EncryptedClientHelloKey{Config: config, PrivateKey: private, SendAsRetry: true}, list.BytesOrPanic()}
}

// Common makes a key with X25519 and AES-128-GCM.
func Common(t testing.TB) Setup {
	t.Helper()
	return New(t, 0x07, 0x0020, 0x0001, 0x0001)
}
