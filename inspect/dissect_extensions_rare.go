package inspect

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// Extensions that crypto/tls does not have, in the order of their numbers.

func maxFragmentLength(c *cursor, _ place) {
	const kind = "max_fragment_length.length"
	if code := c.code(kind, &maxFragmentLengths); code >= 1 && code <= 4 { // 2^9 to 2^12
		c.retell(kind, fmt.Sprintf("%s: %d bytes", maxFragmentLengths.label(code), 1<<(8+code)))
	}
}

// A server's is empty.
func trustedCAKeys(c *cursor, where place) {
	if where != inClientHello {
		return
	}
	c.list("trusted_ca_keys.trusted_authorities_list", 2, func(c *cursor) {
		const keyHash, x509Name, certHash = 0x01, 0x02, 0x03
		c.group("trusted_ca_keys.trusted_authority", func(c *cursor) {
			switch c.code("trusted_ca_keys.identifier_type", &trustedAuthorityTypes) {
			case keyHash, certHash:
				c.opaque("trusted_ca_keys.sha1_hash", 20, nil)
			case x509Name:
				authority(c)
			}
		})
	})
}

func userMapping(c *cursor, _ place) {
	c.list("user_mapping.user_mapping_types", 1, func(c *cursor) { c.code("user_mapping.user_mapping_type", &userMappingTypes) })
}

func authorization(c *cursor, _ place) {
	c.list("authz.authz_format_list", 1, func(c *cursor) { c.code("authz.authz_data_format", &authorizationFormats) })
}

// The client lists what it can, the server names one.
func certificateType(c *cursor, where place) {
	const kind = "certificate_type.certificate_type"
	if where != inClientHello {
		c.code(kind, &certificateTypes)
		return
	}
	c.list("certificate_type.certificate_types", 1, func(c *cursor) { c.code(kind, &certificateTypes) })
}

func srp(c *cursor, _ place) { c.vector("srp.srp_i", 1, text) }

func useSRTP(c *cursor, _ place) {
	c.list("use_srtp.srtp_protection_profiles", 2, func(c *cursor) { c.code("use_srtp.srtp_protection_profile", &srtpProfiles) })
	c.vector("use_srtp.srtp_mki", 1, nil)
}

func heartbeat(c *cursor, _ place) { c.code("heartbeat.mode", &heartbeatModes) }

// A server's is empty.
func statusRequestV2(c *cursor, where place) {
	if where != inClientHello {
		return
	}
	c.list("status_request_v2.certificate_status_req_list", 2, func(c *cursor) {
		c.group("status_request_v2.certificate_status_request_item", func(c *cursor) {
			c.code("status_request.status_type", &statusTypes)
			c.nested("status_request_v2.request", 2, ocspStatusRequest)
		})
	})
}

func tokenBinding(c *cursor, _ place) {
	c.uint("token_binding.version", 2, func(n uint64) string { return fmt.Sprintf("%d.%d", n>>8, n&0xff) })
	c.list("token_binding.key_parameters_list", 1, func(c *cursor) { c.code("token_binding.key_parameters", &tokenBindingKeys) })
}

func cachedInfo(c *cursor, where place) {
	c.list("cached_info.cached_info", 2, func(c *cursor) {
		c.group("cached_info.cached_object", func(c *cursor) {
			c.code("cached_info.type", &cachedInformationTypes)
			if where == inClientHello {
				c.vector("cached_info.hash_value", 1, nil)
			}
		})
	})
}

// A DelegatedCredential stands beside the certificate; the peer asks for it by
// the signature algorithms that it may have.
func delegatedCredential(c *cursor, where place) {
	if where != inCertificate {
		signatureAlgorithms(c, where)
		return
	}
	c.uint("delegated_credential.valid_time", 4, seconds)
	c.code("delegated_credential.dc_cert_verify_algorithm", &schemes)
	c.inline("delegated_credential.subject_public_key_info", 3, func(c *cursor) {
		publicKey(c, "delegated_credential.subject_public_key_info")
	})
	signature(c, "delegated_credential.algorithm", "delegated_credential.signature", true)
}

// The client lists what it can, the server names one.
func supportedEKTCiphers(c *cursor, where place) {
	const kind = "supported_ekt_ciphers.ekt_cipher"
	if where != inClientHello {
		c.code(kind, &ektCiphers)
		return
	}
	c.list("supported_ekt_ciphers.ekt_ciphers", 1, func(c *cursor) { c.code(kind, &ektCiphers) })
}

// The values are those that the extensions of a certificate may have.
func oidFilters(c *cursor, _ place) {
	c.list("oid_filters.filters", 2, func(c *cursor) {
		c.group("oid_filters.oid_filter", func(c *cursor) {
			var id string
			c.inline("oid_filters.certificate_extension_oid", 1, func(c *cursor) { id = c.oid("oid_filters.certificate_extension_oid") })
			layout, known := x509Extensions[id]
			if n := peekLength(c.rest, 2); !known || n == 0 {
				c.vector("oid_filters.certificate_extension_values", 2, nil)
				return
			}
			c.nested("oid_filters.certificate_extension_values", 2, func(c *cursor) {
				c.rfc = structures[layout.kind].rfc
				layout.read(c, new(certificateSummary))
			})
		})
	})
}

// Who asks for it sends an empty one.
func transparencyInfo(c *cursor, where place) {
	if where == inClientHello || where == inCertificateRequest {
		return
	}
	c.list("transparency_info.trans_item_list", 2, func(c *cursor) { c.vector("transparency_info.serialized_trans_item", 2, nil) })
}

func connectionID(c *cursor, _ place) { c.vector("connection_id.cid", 1, nil) }

func externalIDHash(c *cursor, _ place) { c.vector("external_id_hash.binding_hash", 1, nil) }

func externalSessionID(c *cursor, _ place) { c.vector("external_session_id.session_id", 1, text) }

func ticketRequest(c *cursor, where place) {
	if where != inClientHello {
		c.uint("ticket_request.expected_count", 1, nil)
		return
	}
	c.uint("ticket_request.new_session_count", 1, nil)
	c.uint("ticket_request.resumption_count", 1, nil)
}

func tlsFlags(c *cursor, _ place) {
	c.vector("tls_flags.flags", 1, func(b []byte) string {
		var set string
		for i := range 8 * len(b) {
			if len(set) < mostText && b[i/8]&(1<<(i%8)) != 0 {
				set += " " + strconv.Itoa(i)
			}
		}
		return "flags" + set
	})
}

// The client's is empty, and the server's list has no length of its own.
func nextProtocolNegotiation(c *cursor, where place) {
	for where != inClientHello && c.more() {
		c.vector("next_protocol_negotiation.protocol", 1, text)
	}
}

// The client lists the protocols that it has settings for; settings follow in
// EncryptedExtensions.
func applicationSettings(c *cursor, where place) {
	if where != inClientHello {
		c.remaining("application_settings.settings", nil)
		return
	}
	c.list("application_settings.supported_protocols", 2, func(c *cursor) {
		c.vector("application_settings.protocol_name", 1, protocolName)
	})
}

// RFC 9000 section 18: each parameter is an identifier, a length and a value,
// the first two of them integers of variable length.
func quicTransportParameters(c *cursor, _ place) {
	for c.more() {
		c.group("quic.transport_parameter", quicParameter)
	}
}

func quicParameter(c *cursor) {
	id, known := c.varint("quic.id", quicName)
	n, ok := c.varint("quic.length", func(n uint64) string { return strconv.FormatUint(n, 10) })
	if !known || !ok || n > uint64(len(c.rest)) {
		c.fail("quic.value", "%d bytes expected, %d left", n, len(c.rest))
		return
	}
	c.last().edit.form = varintLength
	value := len(c.fields)
	c.within(int(n), func(c *cursor) { quicValue(c, id) })
	c.counted(value)
}

// quicValue reads the value of a parameter (RFC 9000 section 18.2).
func quicValue(c *cursor, id uint64) {
	switch id {
	case 0x01, 0x0b: // idle timeout, delay of acknowledgements
		c.varint("quic.integer", func(n uint64) string { return fmt.Sprintf("%d ms", n) })
	case 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0e, 0x20:
		c.varint("quic.integer", func(n uint64) string { return strconv.FormatUint(n, 10) })
	case 0x00, 0x0f, 0x10:
		c.remaining("quic.connection_id", nil)
	case 0x02:
		c.opaque("quic.stateless_reset_token", 16, nil)
	case 0x0c, 0x2ab2: // being there is all they say
	case 0x0d:
		c.opaque("quic.ipv4_address", 4, ipAddress)
		c.uint("quic.ipv4_port", 2, nil)
		c.opaque("quic.ipv6_address", 16, ipAddress)
		c.uint("quic.ipv6_port", 2, nil)
		c.vector("quic.connection_id", 1, nil)
		c.opaque("quic.stateless_reset_token", 16, nil)
	case 0x11: // RFC 9368 section 3
		c.uint("quic.chosen_version", 4, hex32)
		for c.more() {
			c.uint("quic.available_version", 4, hex32)
		}
	default:
		c.remaining("quic.value", nil)
	}
}

// quicName names a parameter; those of the form 31 * N + 27 mean nothing (RFC
// 9000 section 18.1).
func quicName(id uint64) string {
	switch {
	case id <= 0xffff && id%31 != 27:
		return quicParameters.label(uint16(id))
	case id%31 == 27:
		return fmt.Sprintf("reserved 0x%x", id)
	}
	return fmt.Sprintf("0x%x unassigned or unknown", id)
}

// varint reads an integer of one, two, four or eight bytes, as the first two
// bits say (RFC 9000 section 16).
func (c *cursor) varint(kind string, format func(uint64) string) (n uint64, ok bool) {
	if !c.has(kind, 1) {
		return 0, false
	}
	b := c.opaque(kind, 1<<(c.rest[0]>>6), nil)
	if b == nil {
		return 0, false
	}
	var whole [8]byte
	copy(whole[8-len(b):], b)
	whole[8-len(b)] &= 0x3f
	n = binary.BigEndian.Uint64(whole[:])
	c.last().Value = format(n)
	return n, true
}
