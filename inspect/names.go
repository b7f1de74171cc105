package inspect

import "fmt"

// String returns the name of the content type, as in "handshake".
func (t ContentType) String() string { return contentTypes.name(uint16(t)) }

// String returns the name of the message, as in "client_hello".
func (t HandshakeType) String() string { return handshakeTypes.name(uint16(t)) }

// VersionName returns the name of a protocol version, as in "TLS 1.3".
func VersionName(version uint16) string { return versions.name(version) }

// SuiteName returns the name of a cipher suite or signalling value, as in
// "TLS_AES_128_GCM_SHA256".
func SuiteName(suite uint16) string { return suites.name(suite) }

// GroupName returns the name of a group for the key exchange, as in "x25519".
func GroupName(group uint16) string { return groups.name(group) }

// SchemeName returns the name of a signature scheme, as in "ed25519". Pairs of
// hash and signature algorithm that only TLS 1.2 knows are written as
// RFC 5246 section 7.4.1.4.1 writes them, as in "{sha224,rsa}".
func SchemeName(scheme uint16) string { return schemes.name(scheme) }

// ExtensionName returns the name of an extension, as in "server_name".
func ExtensionName(extension uint16) string { return extensions.name(extension) }

// AlertName returns the name of an alert's description, as in
// "bad_record_mac".
func AlertName(description byte) string { return alerts.name(uint16(description)) }

// AlertLevelName returns "warning" or "fatal".
func AlertLevelName(level byte) string { return alertLevels.name(uint16(level)) }

// A registry holds the names of one kind of code point. What it does not know
// is named by its number.
type registry struct {
	digits int // of a code point in hex
	grease bool
	names  map[uint16]string
	series func(code uint16) (name string, ok bool) // names that are counted, not listed; may be nil
}

// name returns the standard's name for a code point, "GREASE 0x0a0a", or
// "0x1234 unassigned or unknown".
func (r *registry) name(code uint16) string {
	if name, ok := r.lookup(code); ok {
		return name
	}
	if r.isGrease(code) {
		return "GREASE " + r.hex(code)
	}
	return r.hex(code) + " unassigned or unknown"
}

// label returns the name and the number beside it, as in
// "server_name (0x0000)".
func (r *registry) label(code uint16) string {
	if name, ok := r.lookup(code); ok {
		return name + " (" + r.hex(code) + ")"
	}
	return r.name(code)
}

func (r *registry) lookup(code uint16) (name string, ok bool) {
	name, ok = r.names[code]
	if !ok && r.series != nil {
		return r.series(code)
	}
	return name, ok
}

func (r *registry) hex(code uint16) string { return fmt.Sprintf("0x%0*x", r.digits, code) }

func (r *registry) isGrease(code uint16) bool {
	if r.digits == 2 {
		return r.grease && isGrease8(uint8(code))
	}
	return r.grease && isGrease16(code)
}

// isGrease16 reports whether the value is one of the sixteen, 0x0a0a to
// 0xfafa, that mean nothing and are sent so that receivers stay tolerant
// (RFC 8701 section 2).
func isGrease16(code uint16) bool { return code&0x0f0f == 0x0a0a && code>>8 == code&0xff }

// isGrease8 is the same for PskKeyExchangeMode: 0x0b, 0x2a and so on up to
// 0xe4, in steps of 0x1f.
func isGrease8(code uint8) bool { return code%0x1f == 0x0b }
