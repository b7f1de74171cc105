package router

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// TokenLength is the length of a token: SHA-256 in lower-case hex.
const TokenLength = 2 * sha256.Size

// How many tokens are good at a time. A login more ends the oldest one: that of the same address, if it has as many as it may.
const (
	MaxTokens       = 1024
	MaxTokensOfAddr = 16
)

// MaxHostname is the greatest length of a hostname, in bytes.
const MaxHostname = 253

// StampLayout is how a time is written in a [Claim], in UTC.
const StampLayout = "2006-01-02 15:04:05.000000"

// A Claim is what a token is made of: who logged in, and when.
type Claim struct {
	IP       netip.Addr
	Hostname string // letters, digits, ".", "-" and "_", so that nothing needs to be escaped
	Time     time.Time
	Nonce    []byte // random; nil in the flawed server
}

// Text returns the claim as a JSON text, always written in the same way: without space, its members in
// this order, the nonce in hex and, if it is nil, left out.
//
//	{"ip":"127.0.0.1","hostname":"ana-pc","time_stamp":"2026-01-02 03:04:05.678901","nonce":"…"}
func (c Claim) Text() string {
	text := `{"ip":"` + c.IP.String() + `","hostname":"` + c.Hostname + `","time_stamp":"` + c.Time.UTC().Format(StampLayout) + `"`
	if c.Nonce != nil {
		text += `,"nonce":"` + hex.EncodeToString(c.Nonce) + `"`
	}
	return text + "}"
}

// Token returns the SHA-256 of the text, in hex.
func (c Claim) Token() string {
	sum := sha256.Sum256([]byte(c.Text()))
	return hex.EncodeToString(sum[:])
}

// newNonce returns 32 random bytes.
func newNonce() []byte {
	nonce := make([]byte, 32)
	rand.Read(nonce) // never fails
	return nonce
}

func isHostname(s string) bool {
	return 0 < len(s) && len(s) <= MaxHostname && !strings.ContainsFunc(s, func(r rune) bool {
		letter, digit := 'a' <= r|0x20 && r|0x20 <= 'z', '0' <= r && r <= '9'
		return r > '~' || !letter && !digit && r != '.' && r != '-' && r != '_'
	})
}

// addressOf returns the ip of a connection. What has none, in memory, counts as this host's.
func addressOf(conn net.Conn) netip.Addr {
	if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		return at.Addr()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// logins are the tokens that are good, the oldest first. They are used by one goroutine at a time.
type logins []login

type login struct {
	token string
	ip    netip.Addr
	until time.Time // the zero time is for ever
}

// add makes a token good, and lets others go where there are too many.
func (l *logins) add(new login) {
	var same []int
	for i, login := range *l {
		if login.ip == new.ip {
			same = append(same, i)
		}
	}
	switch {
	case len(same) >= MaxTokensOfAddr:
		*l = slices.Delete(*l, same[0], same[0]+1)
	case len(*l) >= MaxTokens:
		*l = slices.Delete(*l, 0, 1)
	}
	*l = append(*l, new)
}

// forget lets go of what is out of date.
func (l *logins) forget(now time.Time) {
	*l = slices.DeleteFunc(*l, func(login login) bool { return !login.until.IsZero() && !now.Before(login.until) })
}

// good reports whether a token is, for that address. How long that takes says nothing about the tokens
// that are good, but how many there are.
func (l logins) good(token string, ip netip.Addr) bool {
	found := 0
	for _, login := range l {
		same := subtle.ConstantTimeCompare([]byte(login.token), []byte(token))
		if login.ip == ip {
			found |= same
		}
	}
	return found == 1
}
