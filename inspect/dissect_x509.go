package inspect

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// A certificateSummary is what a person first asks of a certificate.
type certificateSummary struct {
	subject, issuer     string
	names               []string
	notBefore, notAfter string
	key                 string
}

// String says it in one line, in the words of RFC 5280.
func (s *certificateSummary) String() string {
	parts := []string{"subject " + orEmpty(s.subject), "issuer " + orEmpty(s.issuer)}
	if len(s.names) > 0 {
		parts = append(parts, "subjectAltName "+inALine(s.names))
	}
	return strings.Join(append(parts, "validity "+s.notBefore+" – "+s.notAfter, s.key), "; ")
}

func orEmpty(name string) string {
	if name == "" {
		return "(empty)"
	}
	return name
}

// certificateDER reads a Certificate (RFC 5280 section 4.1) and shows it as
// its summary.
func certificateDER(c *cursor, kind string) {
	var summary certificateSummary
	c.sequence(kind, func(c *cursor) {
		c.sequence("x509.tbs_certificate", func(c *cursor) { tbsCertificate(c, &summary) })
		algorithm := algorithmIdentifier(c, "x509.signature_algorithm")
		signatureBits(c, "x509.signature_value", algorithm)
	})
	c.retell(kind, summary.String())
}

func tbsCertificate(c *cursor, summary *certificateSummary) {
	c.explicit("x509.version", 0, func(c *cursor) { c.integer("x509.version", tagInteger, oneMore) })
	c.integer("x509.serial_number", tagInteger, nil)
	algorithmIdentifier(c, "x509.signature")
	summary.issuer = distinguishedName(c, "x509.issuer", tagSequence)
	c.sequence("x509.validity", func(c *cursor) {
		summary.notBefore = c.instant("x509.not_before", tagGeneralizedTime)
		summary.notAfter = c.instant("x509.not_after", tagGeneralizedTime)
	})
	summary.subject = distinguishedName(c, "x509.subject", tagSequence)
	summary.key = publicKey(c, "x509.subject_public_key_info")
	for i, kind := range []string{"x509.issuer_unique_id", "x509.subject_unique_id"} {
		if tag := primitive(derTag(i + 1)); c.at(tag) {
			c.bitString(kind, tag, func(c *cursor) { c.remaining("x509.unique_identifier", nil) })
		}
	}
	c.explicit("x509.extensions", 3, func(c *cursor) { certificateExtensions(c, "x509.extensions", summary) })
}

// oneMore shows a version: v1 is written 0.
func oneMore(n int64) string { return fmt.Sprintf("v%d (%d)", n+1, n) }

// distinguishedName reads a Name (RFC 5280 section 4.1.2.4), which may stand under another
// tag, and returns it as RFC 4514 writes it.
func distinguishedName(c *cursor, kind string, tag derTag) string {
	var said []string
	c.sequenceOf(kind, tag, func(c *cursor) { said = append(said, relativeName(c, "x509.relative_distinguished_name", tagSet)) })
	slices.Reverse(said) // RFC 4514 section 2.1
	text := strings.Join(said, ",")
	c.retell(kind, orEmpty(text))
	return text
}

// relativeName reads a RelativeDistinguishedName, as in "CN=lab.example".
func relativeName(c *cursor, kind string, tag derTag) string {
	var attributes []string
	c.sequenceOf(kind, tag, func(c *cursor) {
		var attribute string
		c.sequence("x509.attribute_type_and_value", func(c *cursor) {
			attribute = attributeName(c.oid("x509.attribute_type")) + "=" + attributeValue(c)
			attributes = append(attributes, attribute)
		})
		c.retell("x509.attribute_type_and_value", attribute)
	})
	said := strings.Join(attributes, "+")
	c.retell(kind, said)
	return said
}

func attributeValue(c *cursor) string {
	const kind = "x509.attribute_value"
	if len(c.rest) > 0 && stringTypes[derTag(c.rest[0])] == nil {
		c.anyElement(kind, func(c *cursor) { c.remaining("x509.other_attribute_value", nil) })
		return "(no text)"
	}
	return escapedAttribute(c.characters(kind))
}

// escapedAttribute writes an attribute so that it cannot be taken for more
// than one (RFC 4514 section 2.4).
func escapedAttribute(s string) string {
	var out strings.Builder
	for i, r := range s {
		edge := i == 0 || i == len(s)-1
		if strings.ContainsRune(`,+"\<>;`, r) || r == ' ' && edge || r == '#' && i == 0 {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// publicKey reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) and says
// what kind of key it is, as in "RSA 2048".
func publicKey(c *cursor, kind string) (said string) {
	c.sequence(kind, func(c *cursor) {
		algorithm, curve := algorithmAndCurve(c, "x509.algorithm_identifier")
		said = shortOID(algorithm)
		c.bitString("x509.subject_public_key", tagBitString, func(c *cursor) {
			switch algorithm {
			case oidRSA, oidRSAPSS:
				c.rfc = "RFC 8017 appendix A.1.1"
				said = fmt.Sprintf("RSA %d", rsaPublicKey(c))
			case oidECPublicKey:
				c.rfc = "RFC 5480 section 2.2"
				said = "EC " + shortOID(curve)
				ecPoint(c)
			case oidEd25519, oidEd448, oidX25519, oidX448:
				c.rfc = "RFC 8410 section 4"
				c.remaining("x509.public_key", nil)
			default:
				c.remaining("x509.public_key", nil)
			}
		})
	})
	c.retell(kind, said)
	return said
}

// rsaPublicKey returns the length of the modulus in bits.
func rsaPublicKey(c *cursor) (length int) {
	c.sequence("x509.rsa_public_key", func(c *cursor) {
		_, modulus := c.integer("x509.modulus", tagInteger, nil)
		for len(modulus) > 0 && modulus[0] == 0 {
			modulus = modulus[1:]
		}
		if len(modulus) > 0 {
			length = 8*(len(modulus)-1) + bits.Len8(modulus[0])
		}
		c.integer("x509.public_exponent", tagInteger, nil)
	})
	return length
}

// ecPoint reads all that is left as a point of an elliptic curve over a prime
// field (SEC 1 section 2.3.3). An uncompressed one has both coordinates, a
// compressed one x alone. What has another form is one leaf: the curves of RFC
// 7748 write a number.
func ecPoint(c *cursor) {
	const evenY, oddY, uncompressed = 0x02, 0x03, 0x04
	if len(c.rest) < 3 || len(c.rest)%2 == 0 || c.rest[0] < evenY || c.rest[0] > uncompressed {
		c.remaining("ec_point.octets", nil)
		return
	}
	if form := c.code("ec_point.form", &pointForms); form == evenY || form == oddY {
		c.remaining("ec_point.x", nil)
		return
	}
	half := len(c.rest) / 2
	c.opaque("ec_point.x", half, nil)
	c.opaque("ec_point.y", half, nil)
}

// algorithmIdentifier reads an AlgorithmIdentifier (RFC 5280 section 4.1.1.2)
// and returns which algorithm it is.
func algorithmIdentifier(c *cursor, kind string) (algorithm string) {
	algorithm, _ = algorithmAndCurve(c, kind)
	return algorithm
}

func algorithmAndCurve(c *cursor, kind string) (algorithm, curve string) {
	c.sequence(kind, func(c *cursor) {
		algorithm = c.oid("x509.algorithm")
		switch {
		case !c.more():
		case algorithm == oidECPublicKey && c.at(tagOID): // RFC 5480 section 2.1.1
			curve = c.oid("x509.named_curve")
		case algorithm == oidRSAPSS && c.at(tagSequence):
			pssParameters(c)
		default:
			otherParameters(c)
		}
	})
	return algorithm, curve
}

// otherParameters reads the parameters of an algorithm: NULL, which most have,
// or what is not taken apart.
func otherParameters(c *cursor) {
	if c.at(tagNull) {
		c.element("x509.parameters", tagNull, func(*cursor) {})
		return
	}
	c.anyElement("x509.parameters", func(c *cursor) { c.remaining("x509.other_parameters", nil) })
}

// pssParameters reads RSASSA-PSS-params (RFC 8017 appendix A.2.3). Defaults
// are left out.
func pssParameters(c *cursor) {
	c.sequence("x509.pss_parameters", func(c *cursor) {
		c.explicit("x509.hash_algorithm", 0, func(c *cursor) { hashAlgorithm(c, "x509.hash_algorithm") })
		c.explicit("x509.mask_gen_algorithm", 1, func(c *cursor) {
			c.sequence("x509.mask_gen_algorithm", func(c *cursor) {
				if c.oid("x509.algorithm") == oidMGF1 && c.more() {
					hashAlgorithm(c, "x509.hash_algorithm")
				} else if c.more() {
					otherParameters(c)
				}
			})
		})
		c.explicit("x509.salt_length", 2, func(c *cursor) { c.integer("x509.salt_length", tagInteger, nil) })
		c.explicit("x509.trailer_field", 3, func(c *cursor) { c.integer("x509.trailer_field", tagInteger, nil) })
	})
}

// hashAlgorithm reads the AlgorithmIdentifier of a hash.
func hashAlgorithm(c *cursor, kind string) {
	c.sequence(kind, func(c *cursor) {
		c.oid("x509.algorithm")
		if c.more() {
			otherParameters(c)
		}
	})
}

// signatureBits reads a signature in a BIT STRING.
func signatureBits(c *cursor, kind, algorithm string) {
	c.bitString(kind, tagBitString, func(c *cursor) {
		if signsInPairs[algorithm] {
			ecdsaSignature(c)
			return
		}
		c.remaining("x509.signature_octets", nil)
	})
}

// ecdsaSignature reads an ECDSA-Sig-Value; a DSA signature has the same form.
func ecdsaSignature(c *cursor) {
	c.sequence("ecdsa.sig_value", func(c *cursor) {
		c.integer("ecdsa.r", tagInteger, nil)
		c.integer("ecdsa.s", tagInteger, nil)
	})
}

// inALine puts a comma between what is named, and cuts the line off where it
// gets too long.
func inALine(names []string) string {
	const enough = 200
	length := 0
	for i, name := range names {
		if length > enough {
			return fmt.Sprintf("%s … (+%d)", strings.Join(names[:i], ", "), len(names)-i)
		}
		length += len(name) + 2
	}
	return strings.Join(names, ", ")
}
