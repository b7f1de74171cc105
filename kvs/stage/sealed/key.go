package sealed

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// KeyBits is the length of the modulus of every RSA key of the channel.
const KeyBits = 4096

// MaxPEM is how many bytes a public key may have on the wire. The PEM of an
// RSA-4096 key has 800 as a SubjectPublicKeyInfo, 775 in PKCS #1.
const MaxPEM = 4096

// ErrKey says that something is not the PEM of an RSA-4096 key.
var ErrKey = errors.New("not the PEM of an RSA-4096 key")

// A Key is the RSA-4096 key pair of one end. The zero value works: its pair is
// generated when it is first used, which takes between one second and several,
// and kept. Its methods are safe for concurrent use.
//
// It is a [crypto.Decrypter], as *rsa.PrivateKey is: whoever keeps keys elsewhere
// hands in another one.
type Key struct {
	once sync.Once
	pair *rsa.PrivateKey
	err  error
}

func (k *Key) load() (*rsa.PrivateKey, error) {
	k.once.Do(func() { k.pair, k.err = rsa.GenerateKey(rand.Reader, KeyBits) })
	return k.pair, k.err
}

// Public implements [crypto.Decrypter]: it returns an *rsa.PublicKey, or nil if
// no pair could be generated.
func (k *Key) Public() crypto.PublicKey {
	pair, err := k.load()
	if err != nil {
		return nil
	}
	return &pair.PublicKey
}

// Decrypt implements [crypto.Decrypter].
func (k *Key) Decrypt(random io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	pair, err := k.load()
	if err != nil {
		return nil, err
	}
	return pair.Decrypt(random, ciphertext, opts)
}

// OpenKey reads a private key from a PEM file (PKCS #8 or PKCS #1). The errors
// wrap [ErrKey] or those of package os: [os.ErrNotExist] where there is no file.
func OpenKey(path string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// CreateKey generates a key, which takes seconds, and writes it to a new PEM file that only its owner can
// read. The errors wrap those of package os: [os.ErrExist] where there is a file already.
func CreateKey(path string) (*rsa.PrivateKey, error) {
	key, err := new(Key).load()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return key, errors.Join(err, file.Close())
}

// ParsePrivateKey reads the PEM of an RSA-4096 private key, PKCS #8 or PKCS #1.
// The error wraps [ErrKey].
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, ErrKey
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, checkSize(&key.PublicKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: it is a %T", ErrKey, parsed)
	}
	return key, checkSize(&key.PublicKey)
}

// MarshalPublicKey writes a public key as it crosses the wire: the PEM of a
// SubjectPublicKeyInfo (RFC 7468 section 13), 800 bytes with the new line at its end.
func MarshalPublicKey(key *rsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParsePublicKey reads the PEM of an RSA-4096 public key: a SubjectPublicKeyInfo
// (RFC 7468 section 13), or the RSAPublicKey of PKCS #1 (RFC 8017 appendix A.1.1).
// Nothing but white space may stand around it. The error wraps [ErrKey].
func ParsePublicKey(text []byte) (*rsa.PublicKey, error) {
	text = bytes.TrimSpace(text)
	block, rest := pem.Decode(text)
	if block == nil || !bytes.HasPrefix(text, []byte("-----BEGIN ")) || len(bytes.TrimSpace(rest)) > 0 {
		return nil, ErrKey
	}
	key, err := parsePublicDER(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return key, checkSize(key)
}

func parsePublicDER(block *pem.Block) (*rsa.PublicKey, error) {
	switch block.Type {
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "PUBLIC KEY":
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		if key, ok := parsed.(*rsa.PublicKey); ok {
			return key, nil
		}
		return nil, fmt.Errorf("it is a %T", parsed)
	}
	return nil, fmt.Errorf("its PEM is labelled %q", block.Type)
}

// checkSize holds a key to the one size that the channel knows: a ciphertext of
// any other has another length than 512 bytes.
func checkSize(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits != KeyBits {
		return fmt.Errorf("%w: its modulus has %d bits", ErrKey, bits)
	}
	return nil
}

// A Fingerprint names a public key: the SHA-256 of its SubjectPublicKeyInfo in
// DER. It is what one end pins of the other.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of a public key.
func FingerprintOf(key *rsa.PublicKey) (Fingerprint, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Fingerprint{}, err
	}
	return sha256.Sum256(der), nil
}

// Pinned returns a function that takes these keys and no other: see [Config].
func Pinned(keys ...Fingerprint) func(Fingerprint) bool {
	return func(f Fingerprint) bool { return slices.Contains(keys, f) }
}

// ParseFingerprint reads what [Fingerprint.String] wrote.
func ParseFingerprint(text string) (Fingerprint, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != sha256.Size {
		return Fingerprint{}, fmt.Errorf("a fingerprint has %d hexadecimal digits", 2*sha256.Size)
	}
	return Fingerprint(b), nil
}

// String returns 64 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }
