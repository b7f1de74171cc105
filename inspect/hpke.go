package inspect

import (
	"crypto"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/mlkem"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// An hpkeAlgorithms names the three algorithms of HPKE (RFC 9180 section 7).
type hpkeAlgorithms struct{ kem, kdf, aead uint16 }

// An hpkeContext is a recipient's context in mode_base (RFC 9180 section 5),
// and what it was made from.
type hpkeContext struct {
	algorithms hpkeAlgorithms
	enc        []byte
	private    []byte // skR; nil if the shared secret is from a key log
	shared     []byte // shared_secret, of the KEM
	info       []byte
	key        []byte
	baseNonce  []byte
	aead       cipher.AEAD
}

var (
	errKEM     = errors.New("the KEM is not supported")
	errKDF     = errors.New("the KDF is not supported")
	errAEAD    = errors.New("the AEAD is not supported")
	errHPKEKey = errors.New("the private key is not one of this KEM")
	errEnc     = errors.New("the encapsulated key is not one of this KEM")
)

// open is Context.Open of the message with that sequence number (RFC 9180
// section 5.2).
func (c *hpkeContext) open(seq uint64, additional, sealed []byte) ([]byte, error) {
	plain, err := c.aead.Open(nil, c.nonce(seq), sealed, additional)
	if err != nil {
		return nil, errTag
	}
	return plain, nil
}

// nonce is ComputeNonce (RFC 9180 section 5.2).
func (c *hpkeContext) nonce(seq uint64) []byte {
	nonce := append([]byte(nil), c.baseNonce...)
	for i := range 8 {
		nonce[len(nonce)-8+i] ^= byte(seq >> (56 - 8*i))
	}
	return nonce
}

// newHPKE is KeySchedule in mode_base, from the shared secret on (RFC 9180
// section 5.1). The KDFs that take one step are those of draft-ietf-hpke-pq.
func newHPKE(suite hpkeAlgorithms, shared, info []byte) (*hpkeContext, error) {
	keyLength, ok := map[uint16]int{0x0001: 16, 0x0002: 32, 0x0003: 32}[suite.aead] // Nk (RFC 9180 section 7.3)
	if !ok {
		return nil, errAEAD
	}
	c := &hpkeContext{algorithms: suite, shared: shared, info: info}
	id := suite.id()
	switch kdf := hpkeKDF(suite.kdf); {
	case kdf != nil:
		context := kdf.context(id, info)
		secret := kdf.extract(id, shared, "secret", nil)
		c.key = kdf.expand(id, secret, "key", context, keyLength)
		c.baseNonce = kdf.expand(id, secret, "base_nonce", context, hpkeNonce)
	default:
		secret, err := suite.shake(shared, info, keyLength+hpkeNonce)
		if err != nil {
			return nil, err
		}
		c.key, c.baseNonce = secret[:keyLength], secret[keyLength:keyLength+hpkeNonce]
	}
	c.aead = newHPKEAEAD(suite.aead, c.key)
	return c, nil
}

const (
	hpkeNonce            = 12 // Nn of each AEAD (RFC 9180 section 7.3)
	aeadChaCha20Poly1305 = 0x0003
)

func newHPKEAEAD(id uint16, key []byte) cipher.AEAD {
	return suite{chacha: id == aeadChaCha20Poly1305}.newAEAD(key)
}

// id is suite_id (RFC 9180 section 5.1).
func (s hpkeAlgorithms) id() []byte {
	id := []byte("HPKE")
	for _, part := range []uint16{s.kem, s.kdf, s.aead} {
		id = binary.BigEndian.AppendUint16(id, part)
	}
	return id
}

// An hpkeHash is a KDF that extracts and expands: HKDF with a hash.
type hpkeHash func() hash.Hash

// hpkeKDF returns the HKDF with that number (RFC 9180 section 7.2), or nil.
func hpkeKDF(id uint16) hpkeHash {
	return map[uint16]hpkeHash{0x0001: sha256.New, 0x0002: sha512.New384, 0x0003: sha512.New}[id]
}

// context is key_schedule_context in mode_base (RFC 9180 section 5.1).
func (h hpkeHash) context(suiteID, info []byte) []byte {
	const base = 0x00
	context := append([]byte{base}, h.extract(suiteID, nil, "psk_id_hash", nil)...)
	return append(context, h.extract(suiteID, nil, "info_hash", info)...)
}

// labelled is what both put before their input (RFC 9180 section 4).
func labelled(suiteID []byte, label string, input []byte) []byte {
	return slices.Concat([]byte("HPKE-v1"), suiteID, []byte(label), input)
}

// extract is LabeledExtract (RFC 9180 section 4).
func (h hpkeHash) extract(suiteID, salt []byte, label string, keyMaterial []byte) []byte {
	secret, err := hkdf.Extract(h, labelled(suiteID, label, keyMaterial), salt)
	if err != nil {
		panic(err) // only a hash that FIPS 140 forbids
	}
	return secret
}

// expand is LabeledExpand (RFC 9180 section 4).
func (h hpkeHash) expand(suiteID, secret []byte, label string, info []byte, length int) []byte {
	full := append(binary.BigEndian.AppendUint16(nil, uint16(length)), labelled(suiteID, label, info)...)
	out, err := hkdf.Expand(h, secret, string(full), length)
	if err != nil {
		panic(err) // the length is ours
	}
	return out
}

// shake is KeySchedule with a KDF of one step: the first bytes of its secret
// are key and base_nonce (draft-ietf-hpke-pq).
func (s hpkeAlgorithms) shake(shared, info []byte, length int) ([]byte, error) {
	kdf, ok := map[uint16]struct {
		new  func() *sha3.SHAKE
		size int // Nh, of the exporter secret behind the other two
	}{0x0010: {sha3.NewSHAKE128, 32}, 0x0011: {sha3.NewSHAKE256, 64}}[s.kdf]
	if !ok {
		return nil, errKDF
	}
	const mode, label = 0x00, "secret"
	prefixed := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	none := prefixed(nil) // the psk, and its identity
	h := kdf.new()
	for _, part := range [][]byte{
		none, prefixed(shared), []byte("HPKE-v1"), s.id(), prefixed([]byte(label)),
		binary.BigEndian.AppendUint16(nil, uint16(length+kdf.size)),
		{mode},
		none, prefixed(info),
	} {
		h.Write(part)
	}
	secret := make([]byte, length)
	h.Read(secret)
	return secret, nil
}

// decapsulate is Decap of a KEM (RFC 9180 section 4.1; ML-KEM and its hybrids:
// draft-ietf-hpke-pq): the shared secret of enc.
func decapsulate(kem uint16, private, enc []byte) ([]byte, error) {
	if dh, ok := dhKEMs[kem]; ok {
		return dh.decapsulate(kem, private, enc)
	}
	if size, ok := mlkemKEMs[kem]; ok {
		return size.decapsulate(private, enc)
	}
	if h, ok := hybridKEMs[kem]; ok {
		return h.decapsulate(private, enc)
	}
	return nil, errKEM
}

// A dhKEM is a curve with a hash (RFC 9180 section 7.1).
type dhKEM struct {
	curve  ecdh.Curve
	hash   hpkeHash
	secret int // Nsecret
}

var dhKEMs = map[uint16]dhKEM{
	0x0010: {ecdh.P256(), sha256.New, 32},
	0x0011: {ecdh.P384(), sha512.New384, 48},
	0x0012: {ecdh.P521(), sha512.New, 64},
	0x0020: {ecdh.X25519(), sha256.New, 32},
}

func (d dhKEM) decapsulate(kem uint16, private, enc []byte) ([]byte, error) {
	key, dh, err := ecdhOf(d.curve, private, enc)
	if err != nil {
		return nil, err
	}
	suiteID := binary.BigEndian.AppendUint16([]byte("KEM"), kem)
	context := append(append([]byte(nil), enc...), key.PublicKey().Bytes()...)
	return d.hash.expand(suiteID, d.hash.extract(suiteID, nil, "eae_prk", dh), "shared_secret", context, d.secret), nil
}

// ecdhOf is Diffie-Hellman between a private key and the public key in enc.
func ecdhOf(curve ecdh.Curve, private, enc []byte) (key *ecdh.PrivateKey, shared []byte, err error) {
	if key, err = curve.NewPrivateKey(private); err != nil {
		return nil, nil, errHPKEKey
	}
	public, err := curve.NewPublicKey(enc)
	if err != nil {
		return nil, nil, errEnc
	}
	if shared, err = key.ECDH(public); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errEnc, err)
	}
	return key, shared, nil
}

// An mlkemSize is 768 or 1024.
type mlkemSize int

var mlkemKEMs = map[uint16]mlkemSize{0x0041: 768, 0x0042: 1024}

// decapsulate is ML-KEM.Decaps, with the private key as its seed (FIPS 203
// section 6.3). A ciphertext of the right length always has a shared secret.
func (size mlkemSize) decapsulate(seed, ciphertext []byte) (shared []byte, err error) {
	if len(seed) != mlkem.SeedSize {
		return nil, errHPKEKey
	}
	var key crypto.Decapsulator
	if size == 1024 {
		key, err = mlkem.NewDecapsulationKey1024(seed)
	} else {
		key, err = mlkem.NewDecapsulationKey768(seed)
	}
	if err != nil {
		return nil, errHPKEKey
	}
	if shared, err = key.Decapsulate(ciphertext); err != nil {
		return nil, errEnc
	}
	return shared, nil
}

// A hybridKEM is ML-KEM and a curve, put together by SHA3-256.
type hybridKEM struct {
	size       mlkemSize
	ciphertext int
	curve      ecdh.Curve
	scalar     int // bytes of the curve's private key
	label      string
}

var hybridKEMs = map[uint16]hybridKEM{
	0x0050: {768, mlkem.CiphertextSize768, ecdh.P256(), 32, "MLKEM768-P256"},
	0x0051: {1024, mlkem.CiphertextSize1024, ecdh.P384(), 48, "MLKEM1024-P384"},
	0x647a: {768, mlkem.CiphertextSize768, ecdh.X25519(), 32, `\.//^\`}, // X-Wing
}

func (h hybridKEM) decapsulate(seed, enc []byte) ([]byte, error) {
	const seedSize = 32
	if len(seed) != seedSize {
		return nil, errHPKEKey
	}
	if len(enc) <= h.ciphertext {
		return nil, errEnc
	}
	ciphertext, point := enc[:h.ciphertext], enc[h.ciphertext:]
	stream := sha3.NewSHAKE256()
	stream.Write(seed)
	mlkemSeed := make([]byte, mlkem.SeedSize)
	stream.Read(mlkemSeed)
	fromMLKEM, err := h.size.decapsulate(mlkemSeed, ciphertext)
	if err != nil {
		return nil, err
	}
	key, fromCurve, err := ecdhOf(h.curve, h.scalarOf(stream), point)
	if err != nil {
		return nil, err
	}
	sum := sha3.New256()
	for _, part := range [][]byte{fromMLKEM, fromCurve, point, key.PublicKey().Bytes(), []byte(h.label)} {
		sum.Write(part)
	}
	return sum.Sum(nil), nil
}

// scalarOf reads private keys from the stream until one is in the curve's range.
func (h hybridKEM) scalarOf(stream *sha3.SHAKE) []byte {
	scalar := make([]byte, h.scalar)
	for {
		stream.Read(scalar)
		if _, err := h.curve.NewPrivateKey(scalar); err == nil {
			return scalar
		}
	}
}
