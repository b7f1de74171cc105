package stage

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"io"
	"sync"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/sealed"
)

// SealedKeys are the key pairs of those who speak over the home-made channel. One that is nil is generated when it is first
// used, which takes seconds, and kept: stages that share these wait but once. The zero value works.
type SealedKeys struct {
	Client, Server, Attacker crypto.Decrypter

	own [3]sealed.Key
}

func (k *SealedKeys) client() crypto.Decrypter   { return orOwn(k.Client, &k.own[0]) }
func (k *SealedKeys) server() crypto.Decrypter   { return orOwn(k.Server, &k.own[1]) }
func (k *SealedKeys) attacker() crypto.Decrypter { return orOwn(k.Attacker, &k.own[2]) }

// Generate generates those that are missing, all at once, so that nobody waits for them later.
func (k *SealedKeys) Generate() { generate(k.client(), k.server(), k.attacker()) }

func generate(pairs ...crypto.Decrypter) {
	var all sync.WaitGroup
	for _, pair := range pairs {
		all.Go(func() { pair.Public() })
	}
	all.Wait()
}

func orOwn(pair crypto.Decrypter, own *sealed.Key) crypto.Decrypter {
	if pair == nil {
		return own
	}
	return pair
}

// A sealedChannel makes ends of channels through a tap.
type sealedChannel struct {
	tap           *inspect.Tap
	keys          *SealedKeys
	authenticated bool
}

func (c *sealedChannel) protocol() sealed.Protocol {
	return sealed.Protocol{Authenticated: c.authenticated}
}

// client returns the client's end over an end of a pipe. It trusts the server's key alone.
func (c *sealedChannel) client(end *inspect.Endpoint) *inspect.Endpoint {
	return end.Over(sealed.ClientEnd(end, c.config(end, c.keys.client(), c.keys.server())))
}

// server returns the server's end over an end of a pipe. It trusts the client's key alone.
func (c *sealedChannel) server(end *inspect.Endpoint) *inspect.Endpoint {
	return end.Over(sealed.ServerEnd(end, c.config(end, c.keys.server(), c.keys.client())))
}

// between returns the ends of someone in between, who trusts everybody.
func (c *sealedChannel) between(fromClient, toServer *inspect.Endpoint) (toClient, asClient *inspect.Endpoint) {
	return fromClient.Over(sealed.ServerEnd(fromClient, c.config(fromClient, c.keys.attacker(), nil))),
		toServer.Over(sealed.ClientEnd(toServer, c.config(toServer, c.keys.attacker(), nil)))
}

// config is that of an end; a peer that is nil is anybody.
func (c *sealedChannel) config(end *inspect.Endpoint, own, peer crypto.Decrypter) *sealed.Config {
	return &sealed.Config{
		Key: own, Authenticated: c.authenticated, KeyLogWriter: end.KeyLog(),
		Trusts: func(shown sealed.Fingerprint) bool {
			if peer == nil {
				return true
			}
			key, ok := peer.Public().(*rsa.PublicKey) // which may have to be generated first
			if !ok {
				return false
			}
			expected, err := sealed.FingerprintOf(key)
			return err == nil && expected == shown
		},
	}
}

// relayLines is what someone in between does to the key-value service: deceive the client, then the server, and
// pass on requests and answers. The channel takes turns, so it does too, and counts lines: each request has one as its answer.
// A client that refuses, over the wire that is given too, has left before the server hears of it.
func relayLines(ctx context.Context, wire io.Reader, toClient, toServer endpoint) {
	defer toServer.Close()
	defer toClient.Close()
	if toClient.HandshakeContext(ctx) != nil {
		io.Copy(io.Discard, wire)
		return
	}
	if toServer.HandshakeContext(ctx) != nil {
		return
	}
	for ended := false; !ended; {
		requests, err := passOnMessage(toServer, toClient)
		if err != nil {
			break
		}
		for awaited := bytes.Count(requests, []byte("\n")); awaited > 0; {
			answers, err := passOnMessage(toClient, toServer)
			if err != nil {
				return
			}
			awaited -= bytes.Count(answers, []byte("\n"))
		}
		lines := bytes.Split(bytes.TrimSpace(requests), []byte("\n"))
		ended = string(bytes.TrimSpace(lines[len(lines)-1])) == "exit" // after it both wait for the server's end
	}
	toServer.CloseWrite()
	toClient.CloseWrite()
}

// passOnMessage passes one message on, or a part of a long one, and returns it.
func passOnMessage(to, from endpoint) ([]byte, error) {
	message := make([]byte, 64<<10)
	n, err := from.Read(message)
	if err != nil {
		return nil, err
	}
	_, err = to.Write(message[:n])
	return message[:n], err
}
