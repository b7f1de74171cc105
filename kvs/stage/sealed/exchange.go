package sealed

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
)

// The sizes of what the key exchange agrees on, in bytes.
const (
	keySize      = 32              // AES-256
	secretSize   = keySize + 16    // a key and an IV
	boxSize      = KeyBits / 8     // a secret, encrypted with RSA
	protocolName = "tlslab sealed" // in what the authenticated variant derives
)

// What can go wrong in a key exchange, besides what can be wrong with a frame.
var (
	ErrSecret = errors.New("the secret cannot be decrypted with this key, or has another length than 48 bytes")
	ErrEcho   = errors.New("the peer did not send the same key and IV back")
	ErrPin    = errors.New("the peer's public key is not one that was pinned")
)

// A Step is a part of the conversation.
type Step int

// The steps of a key exchange, in the order of the server, and of a message.
const (
	ReceiveKey Step = iota + 1
	SendKey
	ReceiveSecret
	SendSecret
	ReceiveMessage
	SendMessage
)

func (s Step) String() string {
	return [...]string{
		"step 0", "receive the peer's public key", "send the public key", "receive the peer's secret", "send the secret",
		"receive a message", "send a message",
	}[s]
}

// An Error says at which step a channel failed. It is of no use afterwards.
type Error struct {
	Step Step
	Err  error
}

func (e *Error) Error() string { return e.Step.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A PinError says which public key it was that was not pinned. It wraps [ErrPin].
type PinError struct{ Fingerprint Fingerprint }

func (e *PinError) Error() string {
	return ErrPin.Error() + ": its fingerprint is " + e.Fingerprint.String()
}

// Unwrap returns [ErrPin].
func (e *PinError) Unwrap() error { return ErrPin }

// at says at which step an error came, if there is one.
func at(step Step, err error) error {
	if err == nil {
		return nil
	}
	return &Error{step, err}
}

// exchange does the whole key exchange.
func (c *Conn) exchange() error {
	own, ok := c.config.Key.Public().(*rsa.PublicKey)
	if !ok {
		return at(SendKey, ErrKey)
	}
	var peer *rsa.PublicKey
	receive := func() (err error) {
		peer, err = c.receiveKey()
		return err
	}
	send := func() error { return c.sendKey(own) }
	steps := []func() error{receive, send}
	if c.client {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	boxes, err := c.newBoxes(own, peer)
	if err != nil {
		return at(SendSecret, err)
	}
	if c.client {
		return c.beginSecrets(boxes)
	}
	return c.answerSecrets(boxes)
}

func (c *Conn) sendKey(own *rsa.PublicKey) error {
	text, err := MarshalPublicKey(own)
	if err != nil {
		return at(SendKey, err)
	}
	if err := sendFramed(c.wire, text); err != nil {
		return at(SendKey, err)
	}
	return at(SendKey, awaitAck(c.wire))
}

func (c *Conn) receiveKey() (*rsa.PublicKey, error) {
	text, _, err := receiveFramed(c.wire, MaxPEM, func(int) bool { return true })
	if err != nil {
		return nil, at(ReceiveKey, unexpected(err))
	}
	peer, err := ParsePublicKey(text)
	if err == nil && c.config.Authenticated {
		err = c.checkPin(peer)
	}
	if err != nil {
		return nil, at(ReceiveKey, refuse(c.wire, err))
	}
	return peer, at(ReceiveKey, acknowledge(c.wire))
}

func (c *Conn) checkPin(peer *rsa.PublicKey) error {
	fingerprint, err := FingerprintOf(peer)
	if err != nil {
		return err
	}
	if c.config.Trusts == nil || !c.config.Trusts(fingerprint) {
		return &PinError{fingerprint}
	}
	return nil
}

// boxes are what a session's secrets are sent in: encrypted with
// RSA-OAEP-SHA256. The labels (RFC 8017 section 7.1) bind those of the authenticated variant
// to both public keys and to their sender, so that a box recorded elsewhere
// does not open; the original has none.
type boxes struct {
	own            crypto.Decrypter
	peer           *rsa.PublicKey
	client, server []byte // the labels
	keys           []byte // the fingerprints of both public keys
}

func (c *Conn) newBoxes(own, peer *rsa.PublicKey) (*boxes, error) {
	b := &boxes{own: c.config.Key, peer: peer}
	if !c.config.Authenticated {
		return b, nil
	}
	keys := []*rsa.PublicKey{peer, own}
	if c.client {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		fingerprint, err := FingerprintOf(key)
		if err != nil {
			return nil, err
		}
		b.keys = append(b.keys, fingerprint[:]...)
	}
	b.client = slices.Concat([]byte(protocolName+" client"), b.keys)
	b.server = slices.Concat([]byte(protocolName+" server"), b.keys)
	return b, nil
}

func (b *boxes) seal(secret, label []byte) ([]byte, error) {
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, b.peer, secret, label)
}

func (b *boxes) open(box, label []byte) ([]byte, error) {
	secret, err := b.own.Decrypt(rand.Reader, box, &rsa.OAEPOptions{Hash: crypto.SHA256, Label: label})
	if err != nil || len(secret) != secretSize {
		return nil, ErrSecret // one answer, whatever was wrong
	}
	return secret, nil
}

// beginSecrets is the client's part: it makes a key and an IV, sends them, and
// wants them back; in the authenticated variant it wants a secret of the server's.
func (c *Conn) beginSecrets(b *boxes) error {
	mine := newSecret()
	sent, err := c.sendSecret(b, mine, b.client)
	if err != nil {
		return err
	}
	theirs, received, err := c.receiveSecret(b, b.server, func(theirs []byte) error {
		if !c.config.Authenticated && subtle.ConstantTimeCompare(mine, theirs) == 0 {
			return ErrEcho
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.establish(b, mine, theirs, sent, received)
}

// answerSecrets is the server's part.
func (c *Conn) answerSecrets(b *boxes) error {
	theirs, received, err := c.receiveSecret(b, b.client, func([]byte) error { return nil })
	if err != nil {
		return err
	}
	mine := theirs
	if c.config.Authenticated {
		mine = newSecret()
	}
	sent, err := c.sendSecret(b, mine, b.server)
	if err != nil {
		return err
	}
	return c.establish(b, theirs, mine, received, sent)
}

func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	return secret
}

func (c *Conn) sendSecret(b *boxes, secret, label []byte) (box []byte, err error) {
	if box, err = b.seal(secret, label); err != nil {
		return nil, at(SendSecret, err)
	}
	if _, err := c.wire.Write(box); err != nil {
		return nil, at(SendSecret, err)
	}
	return box, at(SendSecret, awaitAck(c.wire))
}

func (c *Conn) receiveSecret(b *boxes, label []byte, check func(secret []byte) error) (secret, box []byte, err error) {
	if box, err = readExactly(c.wire, boxSize); err != nil {
		return nil, nil, at(ReceiveSecret, err)
	}
	if secret, err = b.open(box, label); err == nil {
		err = check(secret)
	}
	if err != nil {
		return nil, nil, at(ReceiveSecret, refuse(c.wire, err))
	}
	return secret, box, at(ReceiveSecret, acknowledge(c.wire))
}

// establish makes the seals of both directions, and tells the key log.
func (c *Conn) establish(b *boxes, client, server, clientBox, serverBox []byte) error {
	label := LabelKey
	if c.config.Authenticated {
		label = LabelSecret
		fromClient, fromServer := newAuthenticatedSeals(extract(client, server, transcriptHash(b.keys, clientBox, serverBox)))
		c.out, c.in = fromServer, fromClient
		if c.client {
			c.out, c.in = fromClient, fromServer
		}
	} else {
		c.out, c.in = newPlainSeal(client), newPlainSeal(client)
	}
	if err := c.log(label, clientBox, client); err != nil {
		return err
	}
	return c.log(label, serverBox, server)
}

// transcriptHash covers all that the two ends have said in the key exchange.
func transcriptHash(keys, clientBox, serverBox []byte) []byte {
	hash := sha256.Sum256(slices.Concat(keys, clientBox, serverBox))
	return hash[:]
}

func (c *Conn) log(label string, box, secret []byte) error {
	if c.config.KeyLogWriter == nil {
		return nil
	}
	_, err := fmt.Fprintf(c.config.KeyLogWriter, "%s %x %x\n", label, sha256.Sum256(box), secret)
	return at(SendSecret, err)
}
