package inspect

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"hash"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

// A suite is what decryption has to know of a cipher suite.
type suite struct {
	tls13    bool
	keyBytes int
	chacha   bool // ChaCha20-Poly1305, otherwise AES-GCM
	hash     func() hash.Hash
}

// aeadSuites are the AEAD suites that can be decrypted: those of RFC 8446 appendix
// B.4 that crypto/tls speaks, AES-GCM for TLS 1.2 (RFC 5288, RFC 5289) and
// ChaCha20-Poly1305 for TLS 1.2 (RFC 7905).
var aeadSuites = map[uint16]suite{
	0x1301: {true, 16, false, sha256.New},
	0x1302: {true, 32, false, sha512.New384},
	0x1303: {true, 32, true, sha256.New},

	0x009c: {false, 16, false, sha256.New},
	0x009d: {false, 32, false, sha512.New384},
	0x009e: {false, 16, false, sha256.New},
	0x009f: {false, 32, false, sha512.New384},
	0xc02b: {false, 16, false, sha256.New},
	0xc02c: {false, 32, false, sha512.New384},
	0xc02f: {false, 16, false, sha256.New},
	0xc030: {false, 32, false, sha512.New384},
	0xcca8: {false, 32, true, sha256.New},
	0xcca9: {false, 32, true, sha256.New},
	0xccaa: {false, 32, true, sha256.New},
}

const (
	tagLength           = 16
	explicitNonceLength = 8 // of AES-GCM in TLS 1.2 (RFC 5288 section 3)
)

// explicitNonce returns how many bytes of nonce stand in front of the cipher text.
func (s suite) explicitNonce() int {
	if s.tls13 || s.chacha {
		return 0
	}
	return explicitNonceLength
}

// A trafficKey opens the records of one direction in one epoch.
type trafficKey struct {
	aead     cipher.AEAD
	key      []byte
	iv       []byte // 12 bytes, or the 4 of AES-GCM in TLS 1.2
	tls13    bool
	explicit int    // bytes of nonce in front of each record's cipher text
	secret   []byte // that it is derived from: the traffic secret, or TLS 1.2's master secret
	seed     []byte // TLS 1.2: the randoms that the key block is made with
	origin   Origin // of the secret
	suite    suite
	previous *trafficKey // TLS 1.3: of the generation before
}

var (
	errTag      = errors.New("the tag does not verify")
	errTooShort = errors.New("too short to hold a nonce and a tag")
)

// open decrypts record, header included, into dst. In TLS 1.3 the result is
// TLSInnerPlaintext, inner type and padding included (RFC 8446 section 5.2).
func (k *trafficKey) open(dst, record []byte, seq uint64) ([]byte, error) {
	fragment := record[headerLength:]
	if len(fragment) < k.explicit+tagLength {
		return nil, errTooShort
	}
	nonce := k.nonce(fragment, seq)
	plain, err := k.aead.Open(dst, nonce, fragment[k.explicit:], k.suite.additionalData(record[:headerLength], seq))
	if err != nil {
		return nil, errTag
	}
	return plain, nil
}

// additionalData is the record's header (RFC 8446 section 5.2), or in TLS 1.2
// seq_num, type, version and the length of the plain text (RFC 5246 section
// 6.2.3.3), which the header gives with nonce and tag.
func (s suite) additionalData(header []byte, seq uint64) []byte {
	if s.tls13 {
		return header
	}
	length := binary.BigEndian.Uint16(header[3:]) - uint16(s.explicitNonce()+tagLength)
	additional := binary.BigEndian.AppendUint64(make([]byte, 0, 13), seq)
	additional = append(additional, header[:3]...)
	return binary.BigEndian.AppendUint16(additional, length)
}

// nonce is the IV combined with the sequence number (RFC 8446 section 5.3, RFC
// 7905 section 2), or followed by the record's explicit part (RFC 5288 section 3).
func (k *trafficKey) nonce(fragment []byte, seq uint64) []byte {
	nonce := append(make([]byte, 0, 12), k.iv...)
	if k.explicit > 0 {
		return append(nonce, fragment[:k.explicit]...)
	}
	for i := range 8 {
		nonce[4+i] ^= byte(seq >> (56 - 8*i))
	}
	return nonce
}

func (s suite) newAEAD(key []byte) cipher.AEAD {
	if s.chacha {
		aead, err := chacha20poly1305.New(key)
		if err != nil {
			panic(err) // the key's length is ours
		}
		return aead
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// trafficKey13 derives key and IV from a traffic secret (RFC 8446 section 7.3).
func (s suite) trafficKey13(secret []byte) *trafficKey {
	key := s.expandLabel(secret, "key", s.keyBytes)
	iv := s.expandLabel(secret, "iv", 12)
	return &trafficKey{aead: s.newAEAD(key), key: key, iv: iv, tls13: true, secret: secret, suite: s}
}

// update derives the next generation's key (RFC 8446 section 7.2).
func (k *trafficKey) update() *trafficKey {
	next := k.suite.trafficKey13(k.suite.expandLabel(k.secret, "traffic upd", k.suite.hash().Size()))
	next.origin, next.previous = Derived, k
	return next
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
func (s suite) expandLabel(secret []byte, label string, length int) []byte {
	return s.expandLabelContext(secret, label, nil, length)
}

// trafficKeys12 cuts the key block into the client's and the server's write
// key (RFC 5246 section 6.3). An AEAD suite has no MAC key.
func (s suite) trafficKeys12(master, clientRandom, serverRandom []byte) [2]*trafficKey {
	explicit := s.explicitNonce()
	ivBytes := 12 - explicit // the nonce's other part
	seed := slices.Concat(serverRandom, clientRandom)
	block := cryptobyte.String(s.prf(master, "key expansion", seed, 2*(s.keyBytes+ivBytes)))
	var keys, ivs [2][]byte
	for _, side := range []Side{Client, Server} {
		block.ReadBytes(&keys[side], s.keyBytes)
	}
	for _, side := range []Side{Client, Server} {
		block.ReadBytes(&ivs[side], ivBytes)
	}
	var both [2]*trafficKey
	for side := range both {
		both[side] = &trafficKey{aead: s.newAEAD(keys[side]), key: keys[side], iv: ivs[side], explicit: explicit, secret: master, seed: seed, suite: s}
	}
	return both
}

// prf is P_hash over label and seed (RFC 5246 section 5).
func (s suite) prf(secret []byte, label string, seed []byte, length int) []byte {
	labelled := append([]byte(label), seed...)
	step := func(parts ...[]byte) []byte {
		mac := hmac.New(s.hash, secret)
		for _, part := range parts {
			mac.Write(part)
		}
		return mac.Sum(nil)
	}
	var out []byte
	for a := step(labelled); len(out) < length; a = step(a) {
		out = append(out, step(a, labelled)...)
	}
	return out[:length]
}
