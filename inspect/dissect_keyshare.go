package inspect

func keyShare(c *cursor, where place) {
	switch where {
	case inClientHello:
		c.list("key_share.client_shares", 2, func(c *cursor) { keyShareEntry(c, where) })
	case inHelloRetryRequest:
		c.code("key_share.selected_group", &groups)
	default:
		keyShareEntry(c, where)
	}
}

func keyShareEntry(c *cursor, where place) {
	c.group("key_share.key_share_entry", func(c *cursor) {
		group := c.code("key_share.group", &groups)
		hybrid, known := hybrids[group]
		parts := hybrid.parts(where)
		if n := peekLength(c.rest, 2); !known || n != parts[0].length+parts[1].length || n > len(c.rest)-2 {
			publicVector(c, "key_share.key_exchange", 2, group)
			return
		}
		c.nested("key_share.key_exchange", 2, func(c *cursor) {
			c.rfc = "draft-ietf-tls-ecdhe-mlkem"
			for _, part := range parts {
				c.opaque(part.kind, part.length, nil)
			}
		})
	})
}

// peekLength returns the length of size bytes that b begins with, -1 if it is
// cut.
func peekLength(b []byte, size int) (n int) {
	if len(b) < size {
		return -1
	}
	for _, octet := range b[:size] {
		n = n<<8 | int(octet)
	}
	return n
}

// A hybrid is a group whose key shares are two put one behind the other.
type hybrid struct {
	ecdh, encapsulationKey, ciphertext int // lengths
	mlkemFirst                         bool
}

// X25519MLKEM768 alone puts ML-KEM first (draft-ietf-tls-ecdhe-mlkem). The
// lengths of ML-KEM are those of FIPS 203 section 8, table 3.
var hybrids = map[uint16]hybrid{
	0x11eb: {ecdh: 65, encapsulationKey: 1184, ciphertext: 1088},                   // SecP256r1MLKEM768
	0x11ec: {ecdh: 32, encapsulationKey: 1184, ciphertext: 1088, mlkemFirst: true}, // X25519MLKEM768
	0x11ed: {ecdh: 97, encapsulationKey: 1568, ciphertext: 1568},                   // SecP384r1MLKEM1024
}

type sharePart struct {
	kind   string
	length int
}

// parts returns the two parts in their order: the client sends an
// encapsulation key, the server a ciphertext.
func (h hybrid) parts(where place) [2]sharePart {
	mlkem := sharePart{"key_share.mlkem_encapsulation_key", h.encapsulationKey}
	if where != inClientHello {
		mlkem = sharePart{"key_share.mlkem_ciphertext", h.ciphertext}
	}
	ecdh := sharePart{"key_share.ecdh_share", h.ecdh}
	if h.mlkemFirst {
		return [2]sharePart{mlkem, ecdh}
	}
	return [2]sharePart{ecdh, mlkem}
}
