package inspect

// ocspResponse reads an OCSPResponse (RFC 6960 section 4.2.1) and shows it as
// what it says of each certificate. The signature is not looked at here.
func ocspResponse(c *cursor, kind string) {
	var said []string
	c.sequence(kind, func(c *cursor) {
		status := "?"
		c.element("ocsp.response_status", tagEnumerated, func(c *cursor) {
			c.code("ocsp.status", &ocspStatuses)
			status = c.last().Value
		})
		said = append(said, status)
		c.explicit("ocsp.response_bytes", 0, func(c *cursor) {
			c.sequence("ocsp.response_bytes", func(c *cursor) {
				id := c.oid("ocsp.response_type")
				c.element("ocsp.response", tagOctetString, func(c *cursor) {
					if id != oidOCSPBasic {
						c.remaining("ocsp.other_response", nil)
						return
					}
					said = append(said, basicOCSPResponse(c)...)
				})
			})
		})
	})
	c.retell(kind, inALine(said))
}

func basicOCSPResponse(c *cursor) (said []string) {
	c.sequence("ocsp.basic_ocsp_response", func(c *cursor) {
		said = ocspResponseData(c)
		algorithm := algorithmIdentifier(c, "ocsp.signature_algorithm")
		signatureBits(c, "ocsp.signature", algorithm)
		c.explicit("ocsp.certs", 0, func(c *cursor) {
			c.sequenceOf("ocsp.certs", tagSequence, func(c *cursor) { certificateDER(c, "x509.certificate") })
		})
	})
	return said
}

func ocspResponseData(c *cursor) (said []string) {
	c.sequence("ocsp.tbs_response_data", func(c *cursor) {
		c.explicit("ocsp.version", 0, func(c *cursor) { c.integer("ocsp.version", tagInteger, oneMore) })
		responderID(c)
		c.instant("ocsp.produced_at", tagGeneralizedTime)
		c.sequenceOf("ocsp.responses", tagSequence, func(c *cursor) { said = append(said, singleResponse(c)) })
		c.explicit("ocsp.response_extensions", 1, func(c *cursor) {
			certificateExtensions(c, "ocsp.response_extensions", new(certificateSummary))
		})
	})
	return said
}

// responderID reads a ResponderID: by name, or by the SHA-1 hash of the key.
func responderID(c *cursor) {
	if c.at(constructed(1)) {
		c.element("ocsp.by_name", constructed(1), func(c *cursor) { distinguishedName(c, "x509.name", tagSequence) })
		return
	}
	c.element("ocsp.by_key", constructed(2), func(c *cursor) {
		c.value("ocsp.key_hash", tagOctetString, "ocsp.hash", nil)
	})
}

// singleResponse reads what is said of one certificate, as in "serialNumber
// 5: good, thisUpdate 2026-11-01 12:00:00 UTC".
func singleResponse(c *cursor) (said string) {
	c.sequence("ocsp.single_response", func(c *cursor) {
		said = "serialNumber " + certID(c) + ": " + certStatus(c)
		said += ", thisUpdate " + c.instant("ocsp.this_update", tagGeneralizedTime)
		c.explicit("ocsp.next_update", 0, func(c *cursor) {
			said += ", nextUpdate " + c.instant("ocsp.next_update", tagGeneralizedTime)
		})
		c.explicit("ocsp.single_extensions", 1, func(c *cursor) {
			certificateExtensions(c, "ocsp.single_extensions", new(certificateSummary))
		})
	})
	c.retell("ocsp.single_response", said)
	return said
}

// certID returns the serial number.
func certID(c *cursor) (serial string) {
	c.sequence("ocsp.cert_id", func(c *cursor) {
		hashAlgorithm(c, "ocsp.hash_algorithm")
		c.value("ocsp.issuer_name_hash", tagOctetString, "ocsp.hash", nil)
		c.value("ocsp.issuer_key_hash", tagOctetString, "ocsp.hash", nil)
		c.integer("ocsp.serial_number", tagInteger, nil)
		serial = c.last().Value
	})
	return serial
}

func certStatus(c *cursor) (said string) {
	const good, unknown = 0, 2
	switch {
	case c.at(primitive(good)):
		said = "good"
		c.element("ocsp.good", primitive(good), func(*cursor) {})
		c.retell("ocsp.good", said)
	case c.at(primitive(unknown)):
		said = "unknown"
		c.element("ocsp.unknown", primitive(unknown), func(*cursor) {})
		c.retell("ocsp.unknown", said)
	default:
		said = "revoked"
		c.element("ocsp.revoked", constructed(1), func(c *cursor) {
			said += " " + c.instant("ocsp.revocation_time", tagGeneralizedTime)
			c.explicit("ocsp.revocation_reason", 0, func(c *cursor) {
				c.element("ocsp.revocation_reason", tagEnumerated, func(c *cursor) { c.code("ocsp.reason", &crlReasons) })
				said += " " + c.last().Value
			})
		})
		c.retell("ocsp.revoked", said)
	}
	return said
}
