package inspect

import "fmt"

// RFC 8446 section 5.1 and appendix B.1; heartbeat RFC 6520, tls12_cid
// RFC 9146, ACK RFC 9147, return_routability_check RFC 9853.
var contentTypes = registry{digits: 2, names: map[uint16]string{
	0x14: "change_cipher_spec",
	0x15: "alert",
	0x16: "handshake",
	0x17: "application_data",
	0x18: "heartbeat",
	0x19: "tls12_cid",
	0x1a: "ACK",
	0x1b: "return_routability_check",
}}

// RFC 8446 section 4 and appendix B.3; what TLS 1.3 no longer has, RFC 5246
// section 7.4, RFC 5077, RFC 6066, RFC 4680; hello_verify_request RFC 6347,
// connection identifiers RFC 9147,
// client_certificate_request RFC 9261, compressed_certificate RFC 8879,
// ekt_key RFC 8870; next_protocol was never standardised.
var handshakeTypes = registry{digits: 2, names: map[uint16]string{
	0x00: "hello_request",
	0x01: "client_hello",
	0x02: "server_hello",
	0x03: "hello_verify_request",
	0x04: "new_session_ticket",
	0x05: "end_of_early_data",
	0x08: "encrypted_extensions",
	0x09: "request_connection_id",
	0x0a: "new_connection_id",
	0x0b: "certificate",
	0x0c: "server_key_exchange",
	0x0d: "certificate_request",
	0x0e: "server_hello_done",
	0x0f: "certificate_verify",
	0x10: "client_key_exchange",
	0x11: "client_certificate_request",
	0x14: "finished",
	0x15: "certificate_url",
	0x16: "certificate_status",
	0x17: "supplemental_data",
	0x18: "key_update",
	0x19: "compressed_certificate",
	0x1a: "ekt_key",
	0x43: "next_protocol",
	0xfe: "message_hash",
}}

// Each version's own RFC: 6101, 2246, 4346, 5246, 8446; DTLS 4347, 6347, 9147.
// SSL 2.0 never had one; RFC 6176 prohibits it.
// The drafts of TLS 1.3 had numbers of their own from 0x7f00 on.
var versions = registry{digits: 4, grease: true, series: draftVersion, names: map[uint16]string{
	0x0002: "SSL 2.0",
	0x0300: "SSL 3.0",
	0x0301: "TLS 1.0",
	0x0302: "TLS 1.1",
	0x0303: "TLS 1.2",
	0x0304: "TLS 1.3",
	0xfeff: "DTLS 1.0",
	0xfefd: "DTLS 1.2",
	0xfefc: "DTLS 1.3",
}}

func draftVersion(version uint16) (name string, ok bool) {
	return fmt.Sprintf("TLS 1.3 draft %d", version&0xff), version>>8 == 0x7f
}

// RFC 8446 section 6 and appendix B.2, with RFC 5246 section 7.2 for the
// names of alerts that TLS 1.3 only reserves; RFC 6066, RFC 4279, RFC 7301,
// RFC 7507, RFC 9147 (0x34), RFC 9846 (0x75), RFC 9849 (0x79).
var alerts = registry{digits: 2, names: map[uint16]string{
	0x00: "close_notify",
	0x0a: "unexpected_message",
	0x14: "bad_record_mac",
	0x15: "decryption_failed_RESERVED",
	0x16: "record_overflow",
	0x1e: "decompression_failure",
	0x28: "handshake_failure",
	0x29: "no_certificate_RESERVED",
	0x2a: "bad_certificate",
	0x2b: "unsupported_certificate",
	0x2c: "certificate_revoked",
	0x2d: "certificate_expired",
	0x2e: "certificate_unknown",
	0x2f: "illegal_parameter",
	0x30: "unknown_ca",
	0x31: "access_denied",
	0x32: "decode_error",
	0x33: "decrypt_error",
	0x34: "too_many_cids_requested",
	0x3c: "export_restriction_RESERVED",
	0x46: "protocol_version",
	0x47: "insufficient_security",
	0x50: "internal_error",
	0x56: "inappropriate_fallback",
	0x5a: "user_canceled",
	0x64: "no_renegotiation",
	0x6d: "missing_extension",
	0x6e: "unsupported_extension",
	0x6f: "certificate_unobtainable",
	0x70: "unrecognized_name",
	0x71: "bad_certificate_status_response",
	0x72: "bad_certificate_hash_value",
	0x73: "unknown_psk_identity",
	0x74: "certificate_required",
	0x75: "general_error",
	0x78: "no_application_protocol",
	0x79: "ech_required",
}}

// RFC 8446 section 6.
var alertLevels = registry{digits: 2, names: map[uint16]string{
	0x01: "warning",
	0x02: "fatal",
}}

// The registry "TLS ExtensionType Values" (RFC 8447, RFC 9847) and the RFCs it
// names. Never assigned there, but seen: next_protocol_negotiation,
// application_settings, channel_id, and the drafts' numbers at the end.
var extensions = registry{digits: 4, grease: true, names: map[uint16]string{
	0x0000: "server_name",
	0x0001: "max_fragment_length",
	0x0002: "client_certificate_url",
	0x0003: "trusted_ca_keys",
	0x0004: "truncated_hmac",
	0x0005: "status_request",
	0x0006: "user_mapping",
	0x0007: "client_authz",
	0x0008: "server_authz",
	0x0009: "cert_type",
	0x000a: "supported_groups",
	0x000b: "ec_point_formats",
	0x000c: "srp",
	0x000d: "signature_algorithms",
	0x000e: "use_srtp",
	0x000f: "heartbeat",
	0x0010: "application_layer_protocol_negotiation",
	0x0011: "status_request_v2",
	0x0012: "signed_certificate_timestamp",
	0x0013: "client_certificate_type",
	0x0014: "server_certificate_type",
	0x0015: "padding",
	0x0016: "encrypt_then_mac",
	0x0017: "extended_master_secret",
	0x0018: "token_binding",
	0x0019: "cached_info",
	0x001a: "tls_lts",
	0x001b: "compress_certificate",
	0x001c: "record_size_limit",
	0x001d: "pwd_protect",
	0x001e: "pwd_clear",
	0x001f: "password_salt",
	0x0020: "ticket_pinning",
	0x0021: "tls_cert_with_extern_psk",
	0x0022: "delegated_credential",
	0x0023: "session_ticket",
	0x0024: "TLMSP",
	0x0025: "TLMSP_proxying",
	0x0026: "TLMSP_delegate",
	0x0027: "supported_ekt_ciphers",
	0x0029: "pre_shared_key",
	0x002a: "early_data",
	0x002b: "supported_versions",
	0x002c: "cookie",
	0x002d: "psk_key_exchange_modes",
	0x002f: "certificate_authorities",
	0x0030: "oid_filters",
	0x0031: "post_handshake_auth",
	0x0032: "signature_algorithms_cert",
	0x0033: "key_share",
	0x0034: "transparency_info",
	0x0035: "connection_id (deprecated)",
	0x0036: "connection_id",
	0x0037: "external_id_hash",
	0x0038: "external_session_id",
	0x0039: "quic_transport_parameters",
	0x003a: "ticket_request",
	0x003b: "dnssec_chain",
	0x003c: "sequence_number_encryption_algorithms",
	0x003d: "rrc",
	0x003e: "tls_flags",
	0x3374: "next_protocol_negotiation",
	0x4469: "application_settings (old)",
	0x44cd: "application_settings",
	0x754f: "channel_id (old)",
	0x7550: "channel_id",
	0xfd00: "ech_outer_extensions",
	0xfe0d: "encrypted_client_hello",
	0xff01: "renegotiation_info",
	0xffa5: "quic_transport_parameters (draft)",
	0xffce: "encrypted_server_name (draft)",
}}

// The registry "TLS Supported Groups": RFC 4492 and RFC 8422 section 5.1.1, RFC 7027,
// RFC 8734, RFC 7919, RFC 8446 section 4.2.7, RFC 9189, RFC 8998,
// draft-ietf-tls-mlkem, draft-ietf-tls-ecdhe-mlkem. The two with Kyber are
// the drafts of 2023.
var groups = registry{digits: 4, grease: true, names: map[uint16]string{
	0x0001: "sect163k1",
	0x0002: "sect163r1",
	0x0003: "sect163r2",
	0x0004: "sect193r1",
	0x0005: "sect193r2",
	0x0006: "sect233k1",
	0x0007: "sect233r1",
	0x0008: "sect239k1",
	0x0009: "sect283k1",
	0x000a: "sect283r1",
	0x000b: "sect409k1",
	0x000c: "sect409r1",
	0x000d: "sect571k1",
	0x000e: "sect571r1",
	0x000f: "secp160k1",
	0x0010: "secp160r1",
	0x0011: "secp160r2",
	0x0012: "secp192k1",
	0x0013: "secp192r1",
	0x0014: "secp224k1",
	0x0015: "secp224r1",
	0x0016: "secp256k1",
	0x0017: "secp256r1",
	0x0018: "secp384r1",
	0x0019: "secp521r1",
	0x001a: "brainpoolP256r1",
	0x001b: "brainpoolP384r1",
	0x001c: "brainpoolP512r1",
	0x001d: "x25519",
	0x001e: "x448",
	0x001f: "brainpoolP256r1tls13",
	0x0020: "brainpoolP384r1tls13",
	0x0021: "brainpoolP512r1tls13",
	0x0022: "GC256A",
	0x0023: "GC256B",
	0x0024: "GC256C",
	0x0025: "GC256D",
	0x0026: "GC512A",
	0x0027: "GC512B",
	0x0028: "GC512C",
	0x0029: "curveSM2",
	0x0100: "ffdhe2048",
	0x0101: "ffdhe3072",
	0x0102: "ffdhe4096",
	0x0103: "ffdhe6144",
	0x0104: "ffdhe8192",
	0x0200: "MLKEM512",
	0x0201: "MLKEM768",
	0x0202: "MLKEM1024",
	0x11eb: "SecP256r1MLKEM768",
	0x11ec: "X25519MLKEM768",
	0x11ed: "SecP384r1MLKEM1024",
	0x11ee: "curveSM2MLKEM768",
	0x6399: "X25519Kyber768Draft00",
	0x639a: "SecP256r1Kyber768Draft00",
	0xff01: "arbitrary_explicit_prime_curves",
	0xff02: "arbitrary_explicit_char2_curves",
}}

// The registry "TLS SignatureScheme": RFC 8446 section 4.2.3 and appendix
// B.3.1.3, RFC 8734, RFC 8998, draft-ietf-tls-mldsa; the legacy ones
// RFC 9963. Pairs in braces are those
// of RFC 5246 section 7.4.1.4.1 for which TLS 1.3 has no name.
var schemes = registry{digits: 4, grease: true, names: map[uint16]string{
	0x0101: "{md5,rsa}",
	0x0102: "{md5,dsa}",
	0x0103: "{md5,ecdsa}",
	0x0201: "rsa_pkcs1_sha1",
	0x0202: "dsa_sha1_RESERVED",
	0x0203: "ecdsa_sha1",
	0x0301: "{sha224,rsa}",
	0x0302: "{sha224,dsa}",
	0x0303: "{sha224,ecdsa}",
	0x0401: "rsa_pkcs1_sha256",
	0x0402: "dsa_sha256_RESERVED",
	0x0403: "ecdsa_secp256r1_sha256",
	0x0420: "rsa_pkcs1_sha256_legacy",
	0x0501: "rsa_pkcs1_sha384",
	0x0502: "dsa_sha384_RESERVED",
	0x0503: "ecdsa_secp384r1_sha384",
	0x0520: "rsa_pkcs1_sha384_legacy",
	0x0601: "rsa_pkcs1_sha512",
	0x0602: "dsa_sha512_RESERVED",
	0x0603: "ecdsa_secp521r1_sha512",
	0x0620: "rsa_pkcs1_sha512_legacy",
	0x0708: "sm2sig_sm3",
	0x0804: "rsa_pss_rsae_sha256",
	0x0805: "rsa_pss_rsae_sha384",
	0x0806: "rsa_pss_rsae_sha512",
	0x0807: "ed25519",
	0x0808: "ed448",
	0x0809: "rsa_pss_pss_sha256",
	0x080a: "rsa_pss_pss_sha384",
	0x080b: "rsa_pss_pss_sha512",
	0x081a: "ecdsa_brainpoolP256r1tls13_sha256",
	0x081b: "ecdsa_brainpoolP384r1tls13_sha384",
	0x081c: "ecdsa_brainpoolP512r1tls13_sha512",
	0x0904: "mldsa44",
	0x0905: "mldsa65",
	0x0906: "mldsa87",
}}

// RFC 5246 section 7.1.
var changeCipherSpecTypes = registry{digits: 2, names: map[uint16]string{0x01: "change_cipher_spec"}}

// RFC 3749, RFC 3943.
var compressionMethods = registry{digits: 2, names: map[uint16]string{
	0x00: "null",
	0x01: "DEFLATE",
	0x40: "LZS",
}}

// RFC 8422 section 5.1.2.
var pointFormats = registry{digits: 2, names: map[uint16]string{
	0x00: "uncompressed",
	0x01: "ansiX962_compressed_prime",
	0x02: "ansiX962_compressed_char2",
}}

// RFC 8422 section 5.4.
var curveTypes = registry{digits: 2, names: map[uint16]string{
	0x01: "explicit_prime",
	0x02: "explicit_char2",
	0x03: "named_curve",
}}

// RFC 5246 section 7.4.4, RFC 8422 section 5.5, RFC 9189.
var clientCertificateTypes = registry{digits: 2, names: map[uint16]string{
	0x01: "rsa_sign",
	0x02: "dss_sign",
	0x03: "rsa_fixed_dh",
	0x04: "dss_fixed_dh",
	0x05: "rsa_ephemeral_dh_RESERVED",
	0x06: "dss_ephemeral_dh_RESERVED",
	0x14: "fortezza_dms_RESERVED",
	0x40: "ecdsa_sign",
	0x41: "rsa_fixed_ecdh",
	0x42: "ecdsa_fixed_ecdh",
	0x43: "gost_sign256",
	0x44: "gost_sign512",
}}

// RFC 8446 section 4.2.9.
var pskModes = registry{digits: 2, grease: true, names: map[uint16]string{
	0x00: "psk_ke",
	0x01: "psk_dhe_ke",
}}

// RFC 6066 section 8, RFC 6961.
var statusTypes = registry{digits: 2, names: map[uint16]string{
	0x01: "ocsp",
	0x02: "ocsp_multi_RESERVED",
}}

// RFC 6066 section 3.
var nameTypes = registry{digits: 2, names: map[uint16]string{0x00: "host_name"}}

// RFC 8446 section 4.6.3.
var keyUpdateRequests = registry{digits: 2, names: map[uint16]string{
	0x00: "update_not_requested",
	0x01: "update_requested",
}}

// RFC 6962 section 3.2.
var sctVersions = registry{digits: 2, names: map[uint16]string{0x00: "v1"}}

// RFC 8879 section 7.3.
var certificateCompressions = registry{digits: 4, names: map[uint16]string{
	0x0001: "zlib",
	0x0002: "brotli",
	0x0003: "zstd",
}}

// RFC 9849 section 5.
var echTypes = registry{digits: 2, names: map[uint16]string{
	0x00: "outer",
	0x01: "inner",
}}

// RFC 9180 section 7.1.
var hpkeKEMs = registry{digits: 4, names: map[uint16]string{
	0x0010: "DHKEM(P-256, HKDF-SHA256)",
	0x0011: "DHKEM(P-384, HKDF-SHA384)",
	0x0012: "DHKEM(P-521, HKDF-SHA512)",
	0x0020: "DHKEM(X25519, HKDF-SHA256)",
	0x0021: "DHKEM(X448, HKDF-SHA512)",
}}

// RFC 9180 section 7.2.
var hpkeKDFs = registry{digits: 4, names: map[uint16]string{
	0x0001: "HKDF-SHA256",
	0x0002: "HKDF-SHA384",
	0x0003: "HKDF-SHA512",
}}

// RFC 9180 section 7.3.
var hpkeAEADs = registry{digits: 4, names: map[uint16]string{
	0x0001: "AES-128-GCM",
	0x0002: "AES-256-GCM",
	0x0003: "ChaCha20Poly1305",
	0xffff: "Export-only",
}}
