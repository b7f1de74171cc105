package inspect

// A place is where an extension stands: the layout of some depends on it.
type place uint8

const (
	inClientHello place = iota
	inServerHello
	inHelloRetryRequest
	inEncryptedExtensions
	inCertificate
	inCertificateRequest
	inNewSessionTicket
)

// An extensionBody is how the data of one type of extension is read.
type extensionBody struct {
	kind, rfc string
	read      func(*cursor, place)
}

// extensionBodies has the types whose data gets a tree. That of others is one
// leaf under the type's name.
var extensionBodies = map[uint16]extensionBody{
	0x0000: {"extension.server_name", "RFC 6066 section 3", serverName},
	0x0001: {"extension.max_fragment_length", "RFC 6066 section 4", maxFragmentLength},
	0x0002: {"extension.client_certificate_url", "RFC 6066 section 5", empty},
	0x0003: {"extension.trusted_ca_keys", "RFC 6066 section 6", trustedCAKeys},
	0x0004: {"extension.truncated_hmac", "RFC 6066 section 7", empty},
	0x0005: {"extension.status_request", "RFC 6066 section 8", statusRequest},
	0x0006: {"extension.user_mapping", "RFC 4681 section 2", userMapping},
	0x0007: {"extension.client_authz", "RFC 5878 section 2", authorization},
	0x0008: {"extension.server_authz", "RFC 5878 section 2", authorization},
	0x0009: {"extension.cert_type", "RFC 6091 section 3", certificateType},
	0x000a: {"extension.supported_groups", "RFC 8446 section 4.2.7", supportedGroups},
	0x000b: {"extension.ec_point_formats", "RFC 8422 section 5.1.2", ecPointFormats},
	0x000c: {"extension.srp", "RFC 5054 section 2.8.1", srp},
	0x000d: {"extension.signature_algorithms", "RFC 8446 section 4.2.3", signatureAlgorithms},
	0x000e: {"extension.use_srtp", "RFC 5764 section 4.1.1", useSRTP},
	0x000f: {"extension.heartbeat", "RFC 6520 section 2", heartbeat},
	0x0010: {"extension.alpn", "RFC 7301 section 3.1", alpn},
	0x0011: {"extension.status_request_v2", "RFC 6961 section 2.2", statusRequestV2},
	0x0012: {"extension.signed_certificate_timestamp", "RFC 6962 section 3.3.1", certificateTimestamps},
	0x0013: {"extension.client_certificate_type", "RFC 7250 section 3", certificateType},
	0x0014: {"extension.server_certificate_type", "RFC 7250 section 3", certificateType},
	0x0015: {"extension.padding", "RFC 7685 section 3", padding},
	0x0016: {"extension.encrypt_then_mac", "RFC 7366 section 2", empty},
	0x0017: {"extension.extended_master_secret", "RFC 7627 section 5.1", empty},
	0x0018: {"extension.token_binding", "RFC 8472 section 2", tokenBinding},
	0x0019: {"extension.cached_info", "RFC 7924 section 3", cachedInfo},
	0x001b: {"extension.compress_certificate", "RFC 8879 section 3", compressCertificate},
	0x001c: {"extension.record_size_limit", "RFC 8449 section 4", recordSizeLimit},
	0x0021: {"extension.tls_cert_with_extern_psk", "RFC 8773 section 5", empty},
	0x0022: {"extension.delegated_credential", "RFC 9345 section 4", delegatedCredential},
	0x0023: {"extension.session_ticket", "RFC 5077 section 3.2", sessionTicket},
	0x0027: {"extension.supported_ekt_ciphers", "RFC 8870 section 5.2", supportedEKTCiphers},
	0x0029: {"extension.pre_shared_key", "RFC 8446 section 4.2.11", preSharedKey},
	0x002a: {"extension.early_data", "RFC 8446 section 4.2.10", earlyData},
	0x002b: {"extension.supported_versions", "RFC 8446 section 4.2.1", supportedVersions},
	0x002c: {"extension.cookie", "RFC 8446 section 4.2.2", cookie},
	0x002d: {"extension.psk_key_exchange_modes", "RFC 8446 section 4.2.9", pskKeyExchangeModes},
	0x002f: {"extension.certificate_authorities", "RFC 8446 section 4.2.4", certificateAuthorities},
	0x0030: {"extension.oid_filters", "RFC 8446 section 4.2.5", oidFilters},
	0x0031: {"extension.post_handshake_auth", "RFC 8446 section 4.2.6", empty},
	0x0032: {"extension.signature_algorithms_cert", "RFC 8446 section 4.2.3", signatureAlgorithms},
	0x0033: {"extension.key_share", "RFC 8446 section 4.2.8", keyShare},
	0x0034: {"extension.transparency_info", "RFC 9162 section 6.5", transparencyInfo},
	0x0036: {"extension.connection_id", "RFC 9146 section 3", connectionID},
	0x0037: {"extension.external_id_hash", "RFC 8844 section 3.2", externalIDHash},
	0x0038: {"extension.external_session_id", "RFC 8844 section 4.3", externalSessionID},
	0x0039: {"extension.quic_transport_parameters", "RFC 9000 section 18", quicTransportParameters},
	0x003a: {"extension.ticket_request", "RFC 9149 section 3", ticketRequest},
	0x003e: {"extension.tls_flags", "draft-ietf-tls-tlsflags", tlsFlags},
	0x3374: {"extension.next_protocol_negotiation", "draft-agl-tls-nextprotoneg", nextProtocolNegotiation},
	0x4469: {"extension.application_settings", "draft-vvv-tls-alps", applicationSettings},
	0x44cd: {"extension.application_settings", "draft-vvv-tls-alps", applicationSettings},
	0xfd00: {"extension.ech_outer_extensions", "RFC 9849 section 5.1", echOuterExtensions},
	0xfe0d: {"extension.encrypted_client_hello", "RFC 9849 section 5", encryptedClientHello},
	0xff01: {"extension.renegotiation_info", "RFC 5746 section 3.2", renegotiationInfo},
}

// extension reads one extension (RFC 8446 section 4.2). Its Kind follows from
// the extension's type.
func extension(c *cursor, where place) {
	const section = "RFC 8446 section 4.2"
	outer, start := c.rfc, len(c.fields)
	c.rfc = section
	number := c.code("extension.extension_type", &extensions)
	layout, known := extensionBodies[number]
	switch {
	case known:
	case isGrease16(number):
		layout = extensionBody{"extension.grease", "RFC 8701 section 2", opaqueExtension}
	default:
		layout = extensionBody{"extension.other", section, opaqueExtension}
	}
	c.inline("extension.extension_data", 2, func(c *cursor) {
		c.rfc = layout.rfc
		layout.read(c, where)
	})
	c.rfc = layout.rfc
	c.fold(layout.kind, start)
	c.rfc = outer
	extension := c.last()
	extension.Name = ExtensionName(number)
	extension.Value = inARow(extension.Children[1:])
}

func opaqueExtension(c *cursor, _ place) { c.remaining("extension.extension_data", nil) }

func empty(*cursor, place) {}

// A server's is empty.
func serverName(c *cursor, where place) {
	if where != inClientHello {
		return
	}
	c.list("server_name.server_name_list", 2, func(c *cursor) {
		c.group("server_name.server_name", func(c *cursor) {
			c.code("server_name.name_type", &nameTypes)
			c.vector("server_name.host_name", 2, text)
		})
	})
}

// A TLS 1.2 server's is empty, the response following in a message of its own;
// in TLS 1.3 the response stands beside its certificate (RFC 8446 section
// 4.4.2.1). In a CertificateRequest it is empty too.
func statusRequest(c *cursor, where place) {
	switch where {
	case inClientHello:
		c.code("status_request.status_type", &statusTypes)
		ocspStatusRequest(c)
	case inCertificate:
		certificateStatus(c)
	}
}

// ocspStatusRequest reads an OCSPStatusRequest (RFC 6066 section 8).
func ocspStatusRequest(c *cursor) {
	c.list("status_request.responder_id_list", 2, func(c *cursor) {
		c.nested("status_request.responder_id", 2, responderID)
	})
	if peekLength(c.rest, 2) == 0 {
		c.vector("status_request.request_extensions", 2, nil)
		return
	}
	c.inline("status_request.request_extensions", 2, func(c *cursor) {
		certificateExtensions(c, "status_request.request_extensions", new(certificateSummary))
	})
}

// certificateStatus reads the structure CertificateStatus (RFC 6066 section 8,
// RFC 6961 section 2.2).
func certificateStatus(c *cursor) {
	const multi = 0x02
	if c.code("certificate_status.status_type", &statusTypes) == multi {
		c.rfc = "RFC 6961 section 2.2"
		c.list("certificate_status.ocsp_response_list", 3, certificateResponse)
		return
	}
	certificateResponse(c)
}

// certificateResponse reads an OCSPResponse. In a list, an empty one says that
// there is none for this certificate.
func certificateResponse(c *cursor) {
	const kind = "certificate_status.response"
	if peekLength(c.rest, 3) == 0 {
		c.vector(kind, 3, nil)
		return
	}
	c.inline(kind, 3, func(c *cursor) { ocspResponse(c, kind) })
}

func supportedGroups(c *cursor, _ place) {
	c.list("supported_groups.named_group_list", 2, func(c *cursor) {
		c.code("supported_groups.named_group", &groups)
	})
}

func ecPointFormats(c *cursor, _ place) {
	c.list("ec_point_formats.ec_point_format_list", 1, func(c *cursor) {
		c.code("ec_point_formats.ec_point_format", &pointFormats)
	})
}

func signatureAlgorithms(c *cursor, _ place) {
	c.list("signature_algorithms.supported_signature_algorithms", 2, func(c *cursor) {
		c.code("signature_algorithms.signature_scheme", &schemes)
	})
}

func alpn(c *cursor, _ place) {
	c.list("alpn.protocol_name_list", 2, func(c *cursor) {
		c.vector("alpn.protocol_name", 1, protocolName)
	})
}

// protocolName shows an ALPN identifier; two bytes can be GREASE.
func protocolName(b []byte) string {
	if len(b) == 2 && isGrease16(uint16(b[0])<<8|uint16(b[1])) {
		return "GREASE 0x" + shortHex(b)
	}
	return text(b)
}

func padding(c *cursor, _ place) { c.remaining("padding.padding", zeros) }

func compressCertificate(c *cursor, _ place) {
	c.list("compress_certificate.algorithms", 1, func(c *cursor) {
		c.code("compress_certificate.algorithm", &certificateCompressions)
	})
}

func recordSizeLimit(c *cursor, _ place) { c.uint("record_size_limit.limit", 2, nil) }

// The ticket fills the extension: no length of its own comes before it (RFC
// 5077 appendix A tells how that came about).
func sessionTicket(c *cursor, _ place) {
	if c.more() {
		c.remaining("session_ticket.ticket", nil)
	}
}

func preSharedKey(c *cursor, where place) {
	if where != inClientHello {
		c.uint("pre_shared_key.selected_identity", 2, nil)
		return
	}
	c.list("pre_shared_key.identities", 2, func(c *cursor) {
		c.group("pre_shared_key.psk_identity", func(c *cursor) {
			c.vector("pre_shared_key.identity", 2, nil)
			c.uint("pre_shared_key.obfuscated_ticket_age", 4, hex32)
		})
	})
	c.list("pre_shared_key.binders", 2, func(c *cursor) {
		c.vector("pre_shared_key.binder", 1, nil)
	})
}

func earlyData(c *cursor, where place) {
	if where == inNewSessionTicket {
		c.uint("early_data.max_early_data_size", 4, nil)
	}
}

func supportedVersions(c *cursor, where place) {
	if where != inClientHello {
		c.code("supported_versions.selected_version", &versions)
		return
	}
	c.list("supported_versions.versions", 1, func(c *cursor) {
		c.code("supported_versions.version", &versions)
	})
}

func cookie(c *cursor, _ place) { c.vector("cookie.cookie", 2, nil) }

func pskKeyExchangeModes(c *cursor, _ place) {
	c.list("psk_key_exchange_modes.ke_modes", 1, func(c *cursor) {
		c.code("psk_key_exchange_modes.ke_mode", &pskModes)
	})
}

func certificateAuthorities(c *cursor, _ place) {
	c.list("certificate_authorities.authorities", 2, authority)
}

// authority reads one DistinguishedName, as CertificateRequest has them too.
func authority(c *cursor) {
	const kind = "certificate_authorities.distinguished_name"
	c.inline(kind, 2, func(c *cursor) { distinguishedName(c, kind, tagSequence) })
}

func renegotiationInfo(c *cursor, _ place) {
	c.vector("renegotiation_info.renegotiated_connection", 1, nil)
}
