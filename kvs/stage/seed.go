package stage

import (
	"crypto/sha3"
	"crypto/tls"
	"fmt"
	"io"
	"time"
)

// Now is the stage's clock, for a tap that records it: with a Seed it stands
// still.
func (k *KV) Now() time.Time {
	if k.Seed == nil {
		return time.Now()
	}
	return time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
}

// random returns what one part of a seeded stage draws from, and draws anew
// each time: the output of SHAKE256 (FIPS 202) on a line that names seed and
// part. It is nil without a Seed.
func (k *KV) random(part string) io.Reader {
	if k.Seed == nil {
		return nil
	}
	stream := sha3.NewSHAKE256()
	fmt.Fprintf(stream, "tlslab glass box, seed %d, %s", *k.Seed, part)
	return stream
}

// settle leaves nothing to chance: neither what the endpoints draw, nor the
// clock, nor the keys of the tickets. Hybrid groups would, since the server's
// encapsulation draws elsewhere than from Config.Rand.
func (k *KV) settle(client, server *tls.Config) {
	client.Rand, server.Rand = k.random("client"), k.random("server")
	client.Time, server.Time = k.Now, k.Now
	if k.Groups == nil {
		client.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	var key [32]byte
	io.ReadFull(k.random("tickets"), key[:]) // SHAKE256 has no end
	server.SetSessionTicketKeys([][32]byte{key})
}
