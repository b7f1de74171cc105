package inspect

import "strings"

// keyExchange returns the part of a TLS 1.2 suite's name that says how keys
// are exchanged and who signs, as in "ECDHE_RSA"; "" where it is not known.
func (m *Message) keyExchange() string {
	name, _ := suites.lookup(m.suite)
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	return name
}

// isECDHE reports whether the key exchange is one of those of RFC 8422 that
// have a ServerKeyExchange. (That of ECDHE_PSK has another layout: RFC 5489
// section 2.)
func (m *Message) isECDHE() bool {
	switch m.keyExchange() {
	case "ECDHE_RSA", "ECDHE_ECDSA", "ECDH_anon":
		return true
	}
	return false
}

// RFC 8422 section 5.4. For key exchanges other than ECDHE with a named curve
// all of it is one leaf.
func serverKeyExchange(c *cursor, m *Message) {
	if !m.isECDHE() || len(c.rest) == 0 || c.rest[0] != namedCurve {
		c.rfc = "RFC 5246 section 7.4.3"
		c.remaining("server_key_exchange.params", nil)
		return
	}
	c.group("server_key_exchange.server_ecdh_params", func(c *cursor) {
		c.code("server_key_exchange.curve_type", &curveTypes)
		c.code("server_key_exchange.namedcurve", &groups)
		c.vector("server_key_exchange.public", 1, nil)
	})
	if m.keyExchange() == "ECDH_anon" {
		return
	}
	if m.namesSchemes() {
		c.code("server_key_exchange.algorithm", &schemes)
	}
	c.vector("server_key_exchange.signature", 2, nil)
}

// RFC 5246 section 7.4.7: what it holds depends on the suite.
func clientKeyExchange(c *cursor, m *Message) {
	switch m.keyExchange() {
	case "ECDHE_RSA", "ECDHE_ECDSA", "ECDH_anon":
		c.rfc = "RFC 8422 section 5.7"
		c.vector("client_key_exchange.ecdh_yc", 1, nil)
	case "RSA":
		c.rfc = "RFC 5246 section 7.4.7.1"
		if m.version == version30 { // without a length (RFC 6101 section 5.6.7.1)
			c.rfc = "RFC 6101 section 5.6.7.1"
			c.remaining("client_key_exchange.encrypted_pre_master_secret", nil)
			return
		}
		c.vector("client_key_exchange.encrypted_pre_master_secret", 2, nil)
	case "DHE_RSA", "DHE_DSS", "DH_anon":
		c.rfc = "RFC 5246 section 7.4.7.2"
		c.vector("client_key_exchange.dh_yc", 2, nil)
	default:
		c.remaining("client_key_exchange.exchange_keys", nil)
	}
}
