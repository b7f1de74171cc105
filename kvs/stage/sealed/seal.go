package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
)

// What can be wrong with the bytes of a message.
var (
	// ErrPadding says that what was decrypted does not end in the padding of
	// PKCS #7. Who can tell this failure from others can decrypt without the key.
	ErrPadding = errors.New("the padding is wrong")
	// ErrTag says that the tag of a message is wrong: it was changed, repeated, left
	// out or reordered on its way, or sealed by somebody else.
	ErrTag = errors.New("the tag is wrong")
)

// A seal protects the messages of one direction.
type seal interface {
	// fits reports whether a body may have so many bytes.
	fits(length int) bool
	// overhead is how many bytes longer than its message a body is at most.
	overhead() int
	seal(message []byte) (body []byte)
	open(body []byte) (message []byte, err error)
}

// plainSeal is that of the original: AES-256-CBC with PKCS #7 and one IV for the
// whole session, in both directions, and nothing that authenticates.
type plainSeal struct {
	block cipher.Block
	iv    []byte
}

func newPlainSeal(secret []byte) plainSeal {
	return plainSeal{newAES(secret[:keySize]), secret[keySize:]}
}

func (s plainSeal) fits(n int) bool { return n > 0 && n%aes.BlockSize == 0 }
func (s plainSeal) overhead() int   { return aes.BlockSize }

func (s plainSeal) seal(message []byte) []byte { return encrypt(s.block, s.iv, message) }

func (s plainSeal) open(body []byte) ([]byte, error) { return decrypt(s.block, s.iv, body) }

// authenticatedSeal is AES-256-CBC with an IV of its own for each message, and
// HMAC-SHA256 over the ciphertext (encrypt-then-MAC), with keys of its own for
// each direction and each purpose. The tag covers the number of the message and
// the length field before it too. A body is IV, ciphertext, tag.
type authenticatedSeal struct {
	block    cipher.Block
	mac      hash.Hash
	sequence uint64
}

// newAuthenticatedSeals derives those of both directions.
func newAuthenticatedSeals(secret []byte) (client, server *authenticatedSeal) {
	return newAuthenticatedSeal(secret, "client"), newAuthenticatedSeal(secret, "server")
}

func newAuthenticatedSeal(secret []byte, sender string) *authenticatedSeal {
	return &authenticatedSeal{
		block: newAES(expand(secret, sender+" encryption")),
		mac:   hmac.New(sha256.New, expand(secret, sender+" authentication")),
	}
}

const tagSize = sha256.Size

func (s *authenticatedSeal) fits(n int) bool {
	n -= aes.BlockSize + tagSize
	return n > 0 && n%aes.BlockSize == 0
}

func (s *authenticatedSeal) overhead() int { return aes.BlockSize + aes.BlockSize + tagSize }

func (s *authenticatedSeal) seal(message []byte) []byte {
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	return s.sealWith(iv, message)
}

func (s *authenticatedSeal) sealWith(iv, message []byte) []byte {
	body := append(iv, encrypt(s.block, iv, message)...)
	return append(body, s.tag(body)...)
}

func (s *authenticatedSeal) open(body []byte) ([]byte, error) {
	covered, tag := body[:len(body)-tagSize], body[len(body)-tagSize:]
	if !hmac.Equal(tag, s.tag(covered)) {
		return nil, ErrTag
	}
	return decrypt(s.block, covered[:aes.BlockSize], covered[aes.BlockSize:])
}

// tag returns the tag of the next message.
func (s *authenticatedSeal) tag(covered []byte) []byte {
	s.mac.Reset()
	s.mac.Write(binary.BigEndian.AppendUint64(nil, s.sequence))
	s.mac.Write(lengthField(len(covered) + tagSize))
	s.mac.Write(covered)
	s.sequence++
	return s.mac.Sum(nil)
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has another size than keySize
	}
	return block
}

// extract makes one secret of those that the two ends gave, bound to what was said
// (HKDF-Extract, RFC 5869 section 2.2).
func extract(client, server, transcriptHash []byte) []byte {
	secret, err := hkdf.Extract(sha256.New, slices.Concat(client, server), transcriptHash)
	if err != nil {
		panic(err) // never outside of FIPS 140 mode, and there not with 96 bytes
	}
	return secret
}

// expand derives a key from a secret (HKDF-Expand, RFC 5869 section 2.3).
func expand(secret []byte, purpose string) []byte {
	key, err := hkdf.Expand(sha256.New, secret, protocolName+" "+purpose, keySize)
	if err != nil {
		panic(err) // more than 255 times 32 bytes
	}
	return key
}

// encrypt pads a message (PKCS #7, RFC 5652 section 6.3) and encrypts it.
func encrypt(block cipher.Block, iv, message []byte) []byte {
	padded := pad(message)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return padded
}

// pad pads a message to whole blocks.
func pad(message []byte) []byte {
	n := aes.BlockSize - len(message)%aes.BlockSize
	return append(bytes.Clone(message), bytes.Repeat([]byte{byte(n)}, n)...)
}

// decrypt is the inverse of encrypt; the length of the ciphertext must fit.
func decrypt(block cipher.Block, iv, ciphertext []byte) ([]byte, error) {
	message := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(message, ciphertext)
	padding := int(message[len(message)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, ErrPadding
	}
	end := len(message) - padding
	if !bytes.Equal(message[end:], bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, ErrPadding
	}
	return message[:end], nil
}
