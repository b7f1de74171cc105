package sealed

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"

	"example.com/tlslab/inspect"
)

// Steal returns the secrets of a recorded connection that the private keys of its
// endpoints open, by [inspect.Side]: what whoever has recorded the wire finds once they have got hold of these keys. A
// key that is nil is one that they have not.
func (p Protocol) Steal(c *inspect.Connection, keys [2]crypto.Decrypter) (found []inspect.LoggedSecret) {
	var fingerprints, boxes [2][]byte
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, unit := range c.View(from).Records(from) {
			switch unit.Name() {
			case "public_key":
				if key, err := ParsePublicKey(unit.Raw()); err == nil {
					fingerprint, _ := FingerprintOf(key)
					fingerprints[from] = fingerprint[:]
				}
			case "secret":
				boxes[from] = unit.Raw()
			}
		}
	}
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		receiver := keys[from.Peer()]
		if receiver == nil || len(boxes[from]) != boxSize {
			continue
		}
		label, of := LabelKey, []byte(nil)
		if p.Authenticated {
			label = LabelSecret
			of = slices.Concat([]byte(protocolName+" "+from.String()), fingerprints[inspect.Client], fingerprints[inspect.Server])
		}
		secret, err := receiver.Decrypt(rand.Reader, boxes[from], &rsa.OAEPOptions{Hash: crypto.SHA256, Label: of})
		if err != nil {
			continue
		}
		// In the original both sides go by what the client's was sent in.
		if id := sha256.Sum256(boxes[p.named(from)]); boxes[p.named(from)] != nil {
			found = append(found, inspect.LoggedSecret{Origin: inspect.FromFile, Label: label, ClientRandom: id[:], Bytes: secret})
		}
	}
	return found
}

// named is the side whose box is the identifier of what from sends.
func (p Protocol) named(from inspect.Side) inspect.Side {
	if p.Authenticated {
		return from
	}
	return inspect.Client
}
