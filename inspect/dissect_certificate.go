package inspect

// RFC 8446 section 4.4.2; in TLS 1.2 a bare list (RFC 5246 section 7.4.2).
func certificate(c *cursor, m *Message) {
	if !m.is13() {
		c.rfc = "RFC 5246 section 7.4.2"
		c.list("certificate.certificate_list", 3, certificateData)
		return
	}
	c.vector("certificate.certificate_request_context", 1, nil)
	c.list("certificate.certificate_list", 3, func(c *cursor) {
		c.group("certificate.certificate_entry", func(c *cursor) {
			certificateData(c)
			extensionList(c, "certificate.extensions", inCertificate)
		})
	})
}

func certificateData(c *cursor) {
	c.inline("certificate.cert_data", 3, func(c *cursor) { certificateDER(c, "certificate.cert_data") })
}

// RFC 8446 section 4.3.2; RFC 5246 section 7.4.4.
func certificateRequest(c *cursor, m *Message) {
	if m.is13() {
		c.vector("certificate_request.certificate_request_context", 1, nil)
		extensionList(c, "certificate_request.extensions", inCertificateRequest)
		return
	}
	c.rfc = "RFC 5246 section 7.4.4"
	c.list("certificate_request.certificate_types", 1, func(c *cursor) {
		c.code("certificate_request.certificate_type", &clientCertificateTypes)
	})
	if m.namesSchemes() {
		c.list("certificate_request.supported_signature_algorithms", 2, func(c *cursor) {
			c.code("certificate_request.signature_scheme", &schemes)
		})
	}
	certificateAuthorities(c, inCertificateRequest)
}

// namesSchemes reports whether a signature comes with its scheme: not before
// TLS 1.2.
func (m *Message) namesSchemes() bool { return m.version == 0 || m.version >= version12 }

// RFC 8879 section 4: a Certificate message that is not unpacked here, since
// its bytes have no place in the tree.
func compressedCertificate(c *cursor, _ *Message) {
	c.code("compressed_certificate.algorithm", &certificateCompressions)
	c.uint("compressed_certificate.uncompressed_length", 3, nil)
	c.vector("compressed_certificate.compressed_certificate_message", 3, nil)
}

// RFC 8446 section 4.4.3; RFC 5246 section 7.4.8 has the same layout.
func certificateVerify(c *cursor, m *Message) {
	if !m.is13() {
		c.rfc = "RFC 5246 section 7.4.8"
	}
	signature(c, "certificate_verify.algorithm", "certificate_verify.signature", m.namesSchemes())
}

// signature reads the scheme, where there is one, and the signature that was
// made by it. Without it, before TLS 1.2, the key in the certificate decides,
// and the signature is one leaf.
func signature(c *cursor, algorithm, kind string, named bool) {
	if named && signsPairs(c.code(algorithm, &schemes)) {
		c.nested(kind, 2, ecdsaSignature)
		return
	}
	c.vector(kind, 2, nil)
}

// signsPairs reports whether signatures of the scheme are a pair of numbers:
// ECDSA's, DSA's and SM2's (RFC 5246 section 7.4.1.4.1, RFC 8446 section 4.2.3,
// RFC 8734, RFC 8998).
func signsPairs(scheme uint16) bool {
	const sm2, dsa, ecdsa = 0x0708, 0x02, 0x03
	hash, algorithm := scheme>>8, scheme&0xff
	return 1 <= hash && hash <= 6 && (algorithm == dsa || algorithm == ecdsa) || 0x081a <= scheme && scheme <= 0x081c || scheme == sm2
}
