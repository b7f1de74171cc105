package pki

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// The algorithms of an ECHConfig, as HPKE numbers them (RFC 9180 section 7).
const (
	kemX25519  = 0x0020
	kdfSHA256  = 0x0001
	aeadAES128 = 0x0001
	aeadAES256 = 0x0002
	aeadChaCha = 0x0003
)

// maxHiddenName is the configuration's maximum_name_length: clients pad the
// name of the server to it, so that its length does not give it away.
const maxHiddenName = 64

// NewECHKey makes a key for Encrypted Client Hello, and the ECHConfig that goes
// with it (RFC 9849 section 4): a new X25519 key, and AES-GCM or
// ChaCha20-Poly1305 to choose from. The public name is what stands in clear in
// place of the server's own; the server must have a certificate for it. It needs
// two labels at least, or crypto/tls does not take it for a name. A random that
// is not nil makes the key, and the same each time.
func NewECHKey(id uint8, publicName string, random io.Reader) (tls.EncryptedClientHelloKey, error) {
	if !isDNSName(publicName) || !strings.Contains(publicName, ".") || strings.Contains(publicName, "*") {
		return tls.EncryptedClientHelloKey{}, fmt.Errorf("%q cannot be a public name: give a DNS name of two labels or more", publicName)
	}
	if random == nil {
		random = rand.Reader
	}
	seed := make([]byte, 32)
	if _, err := io.ReadFull(random, seed); err != nil {
		return tls.EncryptedClientHelloKey{}, fmt.Errorf("make a key: %w", err)
	}
	key, err := hpke.DHKEM(ecdh.X25519()).DeriveKeyPair(seed)
	if err != nil {
		return tls.EncryptedClientHelloKey{}, fmt.Errorf("make a key: %w", err)
	}
	private, err := key.Bytes()
	if err != nil {
		return tls.EncryptedClientHelloKey{}, fmt.Errorf("make a key: %w", err)
	}
	return tls.EncryptedClientHelloKey{Config: echConfig(id, publicName, key.PublicKey().Bytes()), PrivateKey: private, SendAsRetry: true}, nil
}

// echConfig writes an ECHConfig.
func echConfig(id uint8, publicName string, key []byte) []byte {
	const version = 0xfe0d
	contents := binary.BigEndian.AppendUint16([]byte{id}, kemX25519)
	contents = appendVector(contents, key)
	var suites []byte
	for _, aead := range []uint16{aeadAES128, aeadAES256, aeadChaCha} {
		suites = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(suites, kdfSHA256), aead)
	}
	contents = appendVector(contents, suites)
	contents = append(contents, maxHiddenName, byte(len(publicName)))
	contents = append(contents, publicName...)
	contents = appendVector(contents, nil) // extensions
	return appendVector(binary.BigEndian.AppendUint16(nil, version), contents)
}

// ECHConfigList returns what a client is given to encrypt its hello (RFC 9849
// section 4); servers publish it in the DNS.
func ECHConfigList(keys ...tls.EncryptedClientHelloKey) []byte {
	var list []byte
	for _, key := range keys {
		list = append(list, key.Config...)
	}
	return appendVector(nil, list)
}

// appendVector appends a length of two bytes and the content.
func appendVector(b, content []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(content))), content...)
}
