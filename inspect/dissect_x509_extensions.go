package inspect

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// An x509Extension is how the value of one type of extension is read.
type x509Extension struct {
	kind string
	read func(*cursor, *certificateSummary)
}

// x509Extensions has the types whose value gets a tree, by object identifier.
// That of others is one leaf.
var x509Extensions = map[string]x509Extension{
	"2.5.29.14": {"x509.subject_key_identifier", func(c *cursor, _ *certificateSummary) {
		c.value("x509.key_identifier", tagOctetString, "x509.key_identifier_octets", nil)
	}},
	"2.5.29.15": {"x509.key_usage", func(c *cursor, _ *certificateSummary) {
		c.namedBits("x509.key_usage", tagBitString, "x509.named_bits", keyUsages)
	}},
	"2.5.29.17": {"x509.subject_alt_name", func(c *cursor, summary *certificateSummary) {
		summary.names = append(summary.names, generalNames(c, "x509.general_names", tagSequence)...)
	}},
	"2.5.29.18": {"x509.issuer_alt_name", func(c *cursor, _ *certificateSummary) {
		generalNames(c, "x509.general_names", tagSequence)
	}},
	"2.5.29.19": {"x509.basic_constraints", basicConstraints},
	"2.5.29.30": {"x509.name_constraints", nameConstraints},
	"2.5.29.31": {"x509.crl_distribution_points", crlDistributionPoints},
	"2.5.29.32": {"x509.certificate_policies", certificatePolicies},
	"2.5.29.33": {"x509.policy_mappings", policyMappings},
	"2.5.29.35": {"x509.authority_key_identifier", authorityKeyIdentifier},
	"2.5.29.36": {"x509.policy_constraints", policyConstraints},
	"2.5.29.37": {"x509.ext_key_usage", extKeyUsage},
	"2.5.29.46": {"x509.freshest_crl", crlDistributionPoints},
	"2.5.29.54": {"x509.inhibit_any_policy", func(c *cursor, _ *certificateSummary) {
		c.integer("x509.inhibit_any_policy", tagInteger, nil)
	}},
	"1.3.6.1.5.5.7.1.1":       {"x509.authority_info_access", accessDescriptions},
	"1.3.6.1.5.5.7.1.11":      {"x509.subject_info_access", accessDescriptions},
	"1.3.6.1.5.5.7.1.24":      {"x509.tls_feature", tlsFeatures},
	"1.3.6.1.5.5.7.48.1.2":    {"ocsp.nonce", ocspNonce},
	"1.3.6.1.5.5.7.48.1.5":    {"ocsp.no_check", nullValue},
	"1.3.6.1.4.1.11129.2.4.2": {"x509.sct_list", embeddedTimestamps},
	"1.3.6.1.4.1.11129.2.4.3": {"x509.ct_poison", nullValue},
	"1.3.6.1.4.1.11129.2.4.5": {"x509.sct_list", embeddedTimestamps},
}

// certificateExtensions reads Extensions (RFC 5280 section 4.1.2.9), as OCSP
// has them too; what they say for the summary goes there.
func certificateExtensions(c *cursor, kind string, summary *certificateSummary) {
	var names []string
	c.sequenceOf(kind, tagSequence, func(c *cursor) {
		certificateExtension(c, summary)
		names = append(names, c.last().Name)
	})
	c.retell(kind, inALine(names))
}

// certificateExtension reads one Extension. Its Kind follows from its
// identifier.
func certificateExtension(c *cursor, summary *certificateSummary) {
	const kind = "x509.extension"
	var id string
	var critical bool
	c.sequence(kind, func(c *cursor) {
		id = c.oid("x509.extn_id")
		if c.at(tagBoolean) {
			critical = c.boolean("x509.critical")
		}
		layout := x509Extensions[id]
		c.element("x509.extn_value", tagOctetString, func(c *cursor) {
			if layout.read == nil {
				c.remaining("x509.other_extension", nil)
				return
			}
			c.rfc = structures[layout.kind].rfc
			layout.read(c, summary)
		})
	})
	extension := c.last()
	if extension.Kind != kind || id == "" {
		return
	}
	extension.Name = shortOID(id)
	if layout, known := x509Extensions[id]; known {
		extension.Kind, extension.RFC = layout.kind, structures[layout.kind].rfc
	}
	extension.Value = inARow(extension.Children[len(extension.Children)-1:])
	if critical {
		extension.Value = strings.TrimSuffix("critical; "+extension.Value, "; ")
	}
}

// RFC 5280 section 4.2.1.3.
var keyUsages = []string{
	"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign",
	"encipherOnly", "decipherOnly",
}

// RFC 5280 section 4.2.1.13.
var reasonFlags = []string{
	"unused", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold",
	"privilegeWithdrawn", "aACompromise",
}

func nullValue(c *cursor, _ *certificateSummary) { c.element("x509.null", tagNull, func(*cursor) {}) }

// RFC 5280 section 4.2.1.9.
func basicConstraints(c *cursor, _ *certificateSummary) {
	const kind = "x509.basic_constraints"
	said := "cA FALSE"
	c.sequence(kind, func(c *cursor) {
		if c.at(tagBoolean) && c.boolean("x509.ca") {
			said = "cA TRUE"
		}
		if c.at(tagInteger) {
			n, _ := c.integer("x509.path_len_constraint", tagInteger, nil)
			said += fmt.Sprintf(", pathLenConstraint %d", n)
		}
	})
	c.retell(kind, said)
}

// RFC 5280 section 4.2.1.12.
func extKeyUsage(c *cursor, _ *certificateSummary) {
	c.sequenceOf("x509.ext_key_usage", tagSequence, func(c *cursor) { c.oid("x509.key_purpose_id") })
}

// RFC 5280 section 4.2.1.1.
func authorityKeyIdentifier(c *cursor, _ *certificateSummary) {
	c.sequence("x509.authority_key_identifier", func(c *cursor) {
		if c.at(primitive(0)) {
			c.value("x509.key_identifier", primitive(0), "x509.key_identifier_octets", nil)
		}
		if c.at(constructed(1)) {
			generalNames(c, "x509.authority_cert_issuer", constructed(1))
		}
		if c.at(primitive(2)) {
			c.integer("x509.authority_cert_serial_number", primitive(2), nil)
		}
	})
}

// RFC 5280 section 4.2.1.10.
func nameConstraints(c *cursor, _ *certificateSummary) {
	c.sequence("x509.name_constraints", func(c *cursor) {
		for i, kind := range []string{"x509.permitted_subtrees", "x509.excluded_subtrees"} {
			if tag := constructed(derTag(i)); c.at(tag) {
				c.sequenceOf(kind, tag, generalSubtree)
			}
		}
	})
}

func generalSubtree(c *cursor) {
	c.sequence("x509.general_subtree", func(c *cursor) {
		generalName(c)
		for i, kind := range []string{"x509.minimum", "x509.maximum"} {
			if tag := primitive(derTag(i)); c.at(tag) {
				c.integer(kind, tag, nil)
			}
		}
	})
}

// RFC 5280 section 4.2.1.13.
func crlDistributionPoints(c *cursor, _ *certificateSummary) {
	c.sequenceOf("x509.distribution_points", tagSequence, func(c *cursor) {
		c.sequence("x509.distribution_point", func(c *cursor) {
			c.explicit("x509.distribution_point_name", 0, func(c *cursor) {
				if c.at(constructed(1)) {
					relativeName(c, "x509.name_relative_to_crl_issuer", constructed(1))
					return
				}
				generalNames(c, "x509.full_name", constructed(0))
			})
			if c.at(primitive(1)) {
				c.namedBits("x509.reasons", primitive(1), "x509.named_bits", reasonFlags)
			}
			if c.at(constructed(2)) {
				generalNames(c, "x509.crl_issuer", constructed(2))
			}
		})
	})
}

// RFC 5280 section 4.2.1.4.
func certificatePolicies(c *cursor, _ *certificateSummary) {
	c.sequenceOf("x509.certificate_policies", tagSequence, func(c *cursor) {
		c.sequence("x509.policy_information", func(c *cursor) {
			c.oid("x509.policy_identifier")
			if c.more() {
				c.sequenceOf("x509.policy_qualifiers", tagSequence, policyQualifier)
			}
		})
	})
}

func policyQualifier(c *cursor) {
	c.sequence("x509.policy_qualifier_info", func(c *cursor) {
		switch c.oid("x509.policy_qualifier_id") {
		case oidCPS:
			c.characters("x509.cps_uri")
		case oidUserNotice:
			c.sequence("x509.user_notice", func(c *cursor) {
				if c.at(tagSequence) {
					c.sequence("x509.notice_ref", func(c *cursor) {
						c.characters("x509.organization")
						c.sequenceOf("x509.notice_numbers", tagSequence, func(c *cursor) { c.integer("x509.notice_number", tagInteger, nil) })
					})
				}
				if c.more() {
					c.characters("x509.explicit_text")
				}
			})
		default:
			c.anyElement("x509.qualifier", func(c *cursor) { c.remaining("x509.other_qualifier", nil) })
		}
	})
}

// RFC 5280 section 4.2.1.5.
func policyMappings(c *cursor, _ *certificateSummary) {
	c.sequenceOf("x509.policy_mappings", tagSequence, func(c *cursor) {
		c.sequence("x509.policy_mapping", func(c *cursor) {
			c.oid("x509.issuer_domain_policy")
			c.oid("x509.subject_domain_policy")
		})
	})
}

// RFC 5280 section 4.2.1.11.
func policyConstraints(c *cursor, _ *certificateSummary) {
	c.sequence("x509.policy_constraints", func(c *cursor) {
		for i, kind := range []string{"x509.require_explicit_policy", "x509.inhibit_policy_mapping"} {
			if tag := primitive(derTag(i)); c.at(tag) {
				c.integer(kind, tag, nil)
			}
		}
	})
}

// RFC 5280 sections 4.2.2.1 and 4.2.2.2.
func accessDescriptions(c *cursor, _ *certificateSummary) {
	c.sequenceOf("x509.access_descriptions", tagSequence, func(c *cursor) {
		c.sequence("x509.access_description", func(c *cursor) {
			c.oid("x509.access_method")
			generalName(c)
		})
	})
}

// RFC 7633 section 4.
func tlsFeatures(c *cursor, _ *certificateSummary) {
	c.sequenceOf("x509.tls_feature", tagSequence, func(c *cursor) {
		c.integer("x509.feature", tagInteger, func(n int64) string {
			if n < 0 || n > 0xffff {
				return strconv.FormatInt(n, 10)
			}
			return extensions.label(uint16(n))
		})
	})
}

// RFC 9654 section 2.1.
func ocspNonce(c *cursor, _ *certificateSummary) {
	c.value("ocsp.nonce", tagOctetString, "ocsp.nonce_octets", nil)
}

// embeddedTimestamps reads a list of timestamps in an OCTET STRING of its own
// (RFC 6962 section 3.3).
func embeddedTimestamps(c *cursor, _ *certificateSummary) {
	c.element("x509.sct_list", tagOctetString, timestampList)
}

// generalNames reads GeneralNames and returns them as in "dNSName lab.example".
func generalNames(c *cursor, kind string, tag derTag) (names []string) {
	c.sequenceOf(kind, tag, func(c *cursor) { names = append(names, generalName(c)) })
	c.retell(kind, inALine(names))
	return names
}

// generalName reads a GeneralName (RFC 5280 section 4.2.1.6).
func generalName(c *cursor) (said string) {
	if !c.has("x509.general_name", 1) {
		return ""
	}
	tag := derTag(c.rest[0])
	switch tag {
	case constructed(0):
		said = otherName(c)
	case primitive(1):
		said = string(c.value("x509.rfc822_name", tag, "der.string", text))
	case primitive(2):
		said = string(c.value("x509.dns_name", tag, "der.string", text))
	case constructed(4):
		c.element("x509.directory_name", tag, func(c *cursor) { said = distinguishedName(c, "x509.name", tagSequence) })
	case primitive(6):
		said = string(c.value("x509.uniform_resource_identifier", tag, "der.string", text))
	case primitive(7):
		said = ipAddress(c.value("x509.ip_address", tag, "x509.address", ipAddress))
	case primitive(8):
		c.element("x509.registered_id", tag, func(c *cursor) { said = c.oidContents("x509.registered_id") })
	case constructed(3), constructed(5): // x400Address, ediPartyName: nobody has been seen to use them
		c.element("x509.other_general_name", tag, func(c *cursor) { c.remaining("x509.other_name_value", nil) })
	default:
		c.fail("x509.general_name", "a GeneralName expected, %s found", tag)
		return ""
	}
	return strings.TrimSpace(c.last().Name + " " + text([]byte(said)))
}

func otherName(c *cursor) (said string) {
	c.element("x509.other_name", constructed(0), func(c *cursor) {
		said = shortOID(c.oid("x509.type_id"))
		c.explicit("x509.other_name_content", 0, func(c *cursor) {
			if len(c.rest) > 0 && stringTypes[derTag(c.rest[0])] != nil {
				said += " " + c.characters("x509.other_name_content")
				return
			}
			c.anyElement("x509.other_name_content", func(c *cursor) { c.remaining("x509.other_name_value", nil) })
		})
	})
	return said
}

// ipAddress shows an IP address; in name constraints a mask of the same length
// stands behind it.
func ipAddress(b []byte) string {
	if a, ok := netip.AddrFromSlice(b); ok {
		return a.String()
	}
	a, ok := netip.AddrFromSlice(b[:len(b)/2])
	if mask := net.IPMask(b[len(b)/2:]); ok && len(mask) == len(a.AsSlice()) {
		if ones, bits := mask.Size(); bits > 0 {
			return fmt.Sprintf("%s/%d", a, ones)
		}
		return fmt.Sprintf("%s mask %s", a, mask)
	}
	return shortHex(b)
}
