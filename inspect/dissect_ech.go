package inspect

import (
	"bytes"
	"strconv"
)

// RFC 9849 section 5: outer and inner in a ClientHello, a confirmation in a
// HelloRetryRequest, configurations to try again with in EncryptedExtensions.
func encryptedClientHello(c *cursor, where place) {
	switch where {
	case inClientHello:
		const outer = 0
		if kind := c.code("ech.type", &echTypes); kind != outer {
			return
		}
		c.group("ech.cipher_suite", hpkeSuite)
		c.uint("ech.config_id", 1, nil)
		c.vector("ech.enc", 2, nil)
		c.vector("ech.payload", 2, nil)
	case inHelloRetryRequest:
		c.opaque("ech.confirmation", 8, nil)
	default:
		c.list("ech.retry_configs", 2, func(c *cursor) { c.group("ech.ech_config", echConfig) })
	}
}

func hpkeSuite(c *cursor) {
	c.code("ech.kdf_id", &hpkeKDFs)
	c.code("ech.aead_id", &hpkeAEADs)
}

// RFC 9849 section 4.
func echConfig(c *cursor) {
	c.rfc = "RFC 9849 section 4"
	const version = 0xfe0d
	if v := c.uint("ech.version", 2, hex16); v != version {
		c.vector("ech.contents", 2, nil)
		return
	}
	c.nested("ech.contents", 2, func(c *cursor) {
		c.uint("ech.config_id", 1, nil)
		c.code("ech.kem_id", &hpkeKEMs)
		c.vector("ech.public_key", 2, nil)
		c.list("ech.cipher_suites", 2, func(c *cursor) { c.group("ech.cipher_suite", hpkeSuite) })
		c.uint("ech.maximum_name_length", 1, nil)
		c.vector("ech.public_name", 1, text)
		c.list("ech.extensions", 2, func(c *cursor) {
			c.group("ech.config_extension", func(c *cursor) {
				c.uint("ech.config_extension_type", 2, hex16)
				c.vector("ech.config_extension_data", 2, nil)
			})
		})
	})
}

// RFC 9849 section 5.1: the types of extensions that are the same in the inner
// ClientHello as in the outer one, and therefore left out.
func echOuterExtensions(c *cursor, _ place) {
	c.list("ech.outer_extensions", 1, func(c *cursor) { c.code("ech.outer_extension", &extensions) })
}

// encodedClientHelloInner dissects a ClientHello as Encrypted Client Hello
// encrypts it (RFC 9849 section 5.1): without a header, with an empty session
// identifier, perhaps with ech_outer_extensions in the place of extensions
// that the outer one has too, and padded with zeros.
func encodedClientHelloInner(b []byte) Field {
	const kind, rfc = "encoded_client_hello_inner", "RFC 9849 section 5.1"
	c := newCursor(bodies[typeClientHello].rfc, b)
	clientHello(c, nil)
	c.rfc = rfc
	if c.more() {
		c.remaining("ech.zeros", zeros)
	}
	return Field{Kind: kind, Name: "EncodedClientHelloInner", Length: len(b), RFC: rfc, Children: c.fields}
}

// zeros shows padding by its length, unless it is none.
func zeros(b []byte) string {
	if len(bytes.Trim(b, "\x00")) > 0 {
		return "not all zero: " + shortHex(b)
	}
	return strconv.Itoa(len(b))
}
