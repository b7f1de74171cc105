package sealed

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"sync"
)

// TokenSize is how many characters a client's token has.
const TokenSize = 255

// PasswordSize is how many characters the password of a container has.
const PasswordSize = 32

// A Database knows which token belongs to which container. It is one of the
// parts that are handed to a [Server], and that can be asked for.
type Database interface {
	// Add makes a token for a container, and returns it; ErrContainerExists if there is one.
	Add(uuid string) (token string, err error)
	// Check reports whether the token is that of the container.
	Check(uuid, token string) bool
	// Remove forgets a container, known or not.
	Remove(uuid string)
	// Len returns how many containers it knows.
	Len() int
}

// ErrContainerExists says that a container has a token already.
var ErrContainerExists = errors.New("the container is known already")

// Credentials is a [Database] in memory. It keeps the SHA-256 of each UUID and of its
// token, and never the two themselves. (A plain hash is enough for a token of 255 random characters;
// what people choose wants a slow one, such as Argon2.) The zero value is empty and ready
// for use, by several goroutines.
type Credentials struct {
	mu     sync.Mutex
	tokens map[digest]digest
}

type digest = [sha256.Size]byte

func digestOf(text string) digest { return sha256.Sum256([]byte(text)) }

// Add implements [Database].
func (c *Credentials) Add(uuid string) (string, error) {
	token := newToken()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.tokens[digestOf(uuid)]; ok {
		return "", ErrContainerExists
	}
	if c.tokens == nil {
		c.tokens = make(map[digest]digest)
	}
	c.tokens[digestOf(uuid)] = digestOf(token)
	return token, nil
}

// Check implements [Database]. It takes as long for a token that is nearly right as for any other.
func (c *Credentials) Check(uuid, token string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	want, known := c.tokens[digestOf(uuid)]
	return equal(want, digestOf(token)) && known
}

// Remove implements [Database].
func (c *Credentials) Remove(uuid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tokens, digestOf(uuid))
}

// Len implements [Database].
func (c *Credentials) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.tokens)
}

// equal compares in constant time.
func equal(a, b digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// newToken returns 255 characters of the alphabet that is safe in a URL (RFC 4648 section 5).
func newToken() string {
	random := make([]byte, (TokenSize*6+7)/8)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)[:TokenSize]
}

// newPassword returns letters and digits.
func newPassword() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	password := make([]byte, PasswordSize)
	for i := range password {
		password[i] = alphabet[draw(len(alphabet))]
	}
	return string(password)
}

// newUsername returns user_ and five digits.
func newUsername() string { return fmt.Sprintf("user_%05d", draw(100_000)) }

// newUUID returns a random UUID (version 4, RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// draw returns a random number below n.
func draw(n int) int {
	drawn, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return int(drawn.Int64())
}
