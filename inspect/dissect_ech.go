package inspect

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
		c.vector("ech.extensions", 2, nil)
	})
}
