package inspect

import (
	"crypto/sha256"
	"crypto/tls"
	"sync"

	"golang.org/x/crypto/cryptobyte"
)

// A sessionCache is a client's own cache, which it hands everything on to. It
// notes the secret of each ticket that goes in or comes out: whoever has that
// can check the binders of pre_shared_key, and knows the key schedule of a
// resumed session from the early secret on.
type sessionCache struct {
	tls.ClientSessionCache
	note func(LoggedSecret)

	mu    sync.Mutex
	noted map[[sha256.Size]byte]bool // by ticket
}

// rememberedTickets is how many tickets are known to have been noted. What is
// noted twice does no harm.
const rememberedTickets = 1024

func (c *sessionCache) Put(key string, state *tls.ClientSessionState) {
	c.look(state)
	c.ClientSessionCache.Put(key, state)
}

func (c *sessionCache) Get(key string) (*tls.ClientSessionState, bool) {
	state, ok := c.ClientSessionCache.Get(key)
	if ok {
		c.look(state)
	}
	return state, ok
}

func (c *sessionCache) look(state *tls.ClientSessionState) {
	ticket, session, err := state.ResumptionState()
	if err != nil || session == nil || len(ticket) == 0 {
		return
	}
	name := sha256.Sum256(ticket)
	c.mu.Lock()
	known := c.noted[name]
	if len(c.noted) >= rememberedTickets || c.noted == nil {
		c.noted = make(map[[sha256.Size]byte]bool)
	}
	c.noted[name] = true
	c.mu.Unlock()
	if known {
		return
	}
	if encoded, err := session.Bytes(); err == nil {
		if secret, ok := ticketSecret(encoded); ok {
			secret.Origin, secret.ClientRandom = FromCache, ticket
			c.note(secret)
		}
	}
}

// ticketSecret finds the secret in the encoding of a tls.SessionState, which
// begins with version, type, cipher_suite, created_at and secret. Go may change
// that: what does not look like it in every respect is left alone.
func ticketSecret(encoded []byte) (LoggedSecret, bool) {
	const client = 2
	s := cryptobyte.String(encoded)
	var version, id uint16
	var kind uint8
	var secret cryptobyte.String
	if !s.ReadUint16(&version) || !s.ReadUint8(&kind) || kind != client || !s.ReadUint16(&id) || !s.Skip(8) ||
		!s.ReadUint8LengthPrefixed(&secret) {
		return LoggedSecret{}, false
	}
	suite, known := aeadSuites[id]
	switch {
	case version == version13 && known && suite.tls13 && len(secret) == suite.hash().Size():
		return LoggedSecret{Label: LabelPSK, Bytes: secret}, true
	case version == version12 && len(secret) == masterSecretLength:
		return LoggedSecret{Label: LabelTicketMaster, Bytes: secret}, true
	}
	return LoggedSecret{}, false
}

// masterSecretLength is that of every master secret (RFC 5246 section 8.1).
const masterSecretLength = 48
