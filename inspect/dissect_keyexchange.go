package inspect

import "strings"

// keyExchange returns the part of a TLS 1.2 suite's name that says how keys
// are exchanged and who signs, as in "ECDHE_RSA"; "" where it is not known.
func (m *Message) keyExchange() string {
	name, _ := suites.lookup(m.suite)
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	return name
}

// isECDHE reports whether the ServerKeyExchange begins with a curve.
func (m *Message) isECDHE() bool {
	switch m.keyExchange() {
	case "ECDHE_RSA", "ECDHE_ECDSA", "ECDH_anon":
		return true
	}
	return false
}

// RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279, RFC 5489: what it
// holds depends on the suite. Of a key exchange that is not known here, and of
// a curve that is not named by its number, all is one leaf.
func serverKeyExchange(c *cursor, m *Message) {
	how := m.keyExchange()
	if _, _, psk := strings.Cut("_"+how+"_", "_PSK_"); psk {
		c.rfc = "RFC 4279 section 2"
		c.vector("server_key_exchange.psk_identity_hint", 2, text)
	}
	switch how {
	case "ECDHE_RSA", "ECDHE_ECDSA", "ECDH_anon", "ECDHE_PSK":
		c.rfc = "RFC 8422 section 5.4"
		if len(c.rest) > 0 && c.rest[0] != namedCurve {
			c.remaining("server_key_exchange.params", nil)
			return
		}
		c.group("server_key_exchange.server_ecdh_params", serverECDHParams)
	case "DHE_RSA", "DHE_DSS", "DH_anon", "DHE_PSK":
		c.rfc = "RFC 5246 section 7.4.3"
		c.group("server_key_exchange.server_dh_params", serverDHParams)
	case "PSK", "RSA_PSK":
	default:
		c.rfc = "RFC 5246 section 7.4.3"
		c.remaining("server_key_exchange.params", nil)
	}
	switch how {
	case "ECDHE_ECDSA", "DHE_DSS":
		if !m.namesSchemes() {
			c.nested("server_key_exchange.signature", 2, ecdsaSignature)
			return
		}
		fallthrough
	case "ECDHE_RSA", "DHE_RSA":
		signature(c, "server_key_exchange.algorithm", "server_key_exchange.signature", m.namesSchemes())
	}
}

func serverECDHParams(c *cursor) {
	c.code("server_key_exchange.curve_type", &curveTypes)
	group := c.code("server_key_exchange.namedcurve", &groups)
	publicVector(c, "server_key_exchange.public", 1, group)
}

func serverDHParams(c *cursor) {
	c.vector("server_key_exchange.dh_p", 2, nil)
	c.vector("server_key_exchange.dh_g", 2, nil)
	c.vector("server_key_exchange.dh_ys", 2, nil)
}

// publicVector reads a length of size bytes and a public key of the group: a
// point with both coordinates, or one leaf.
func publicVector(c *cursor, kind string, size int, group uint16) {
	const form = 1
	if n := peekLength(c.rest, size); coordinates[group] > 0 && n == form+2*coordinates[group] && n <= len(c.rest)-size {
		c.nested(kind, size, ecPoint)
		return
	}
	c.vector(kind, size, nil)
}

// coordinates has the length of one coordinate for the curves whose points
// are written with both (RFC 8446 section 4.2.8.2, RFC 8422 section 5.4.1,
// RFC 7027, RFC 8734, RFC 8998).
var coordinates = map[uint16]int{
	0x0013: 24, 0x0015: 28, 0x0016: 32, 0x0017: 32, 0x0018: 48, 0x0019: 66, // secp192r1, 224r1, 256k1, 256r1, 384r1, 521r1
	0x001a: 32, 0x001b: 48, 0x001c: 64, 0x001f: 32, 0x0020: 48, 0x0021: 64, // brainpool
	0x0029: 32, // curveSM2
}

// RFC 5246 section 7.4.7, RFC 8422 section 5.7, RFC 4279, RFC 5489: what it
// holds depends on the suite. It is empty where the client's certificate has
// the key already.
func clientKeyExchange(c *cursor, m *Message) {
	how := m.keyExchange()
	if _, _, psk := strings.Cut("_"+how+"_", "_PSK_"); psk {
		c.rfc = "RFC 4279 section 2"
		c.vector("client_key_exchange.psk_identity", 2, text)
	}
	switch how {
	case "ECDHE_RSA", "ECDHE_ECDSA", "ECDH_anon", "ECDHE_PSK", "ECDH_RSA", "ECDH_ECDSA":
		c.rfc = "RFC 8422 section 5.7"
		if c.more() {
			c.nested("client_key_exchange.ecdh_yc", 1, ecPoint)
		}
	case "RSA", "RSA_PSK":
		c.rfc = "RFC 5246 section 7.4.7.1"
		if m.version == version30 { // without a length
			c.rfc = "RFC 6101 section 5.6.7.1"
			c.remaining("client_key_exchange.encrypted_pre_master_secret", nil)
			return
		}
		c.vector("client_key_exchange.encrypted_pre_master_secret", 2, nil)
	case "DHE_RSA", "DHE_DSS", "DH_anon", "DHE_PSK", "DH_RSA", "DH_DSS":
		c.rfc = "RFC 5246 section 7.4.7.2"
		if c.more() {
			c.vector("client_key_exchange.dh_yc", 2, nil)
		}
	case "PSK":
	default:
		c.remaining("client_key_exchange.exchange_keys", nil)
	}
}
