package inspect

import (
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ./registry

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

// SecretName returns the name of the secret that a label of a key log stands
// for, as in "exporter_master_secret" for EXPORTER_SECRET (RFC 9850); "" if
// nobody has defined the label.
func SecretName(keyLogLabel string) string {
	i, known := slices.BinarySearchFunc(keyLogLabelsTable, keyLogLabel, func(l label, wanted string) int { return strings.Compare(l.label, wanted) })
	if !known {
		return ""
	}
	return keyLogLabelsTable[i].secret
}

// A registry holds the names of one kind of code point. What it does not know
// is named by its number.
type registry struct {
	digits int // of a code point in hex
	grease bool
	table  []codePoint                              // sorted
	series func(code uint16) (name string, ok bool) // names that are put together, not listed; may be nil
}

// A codePoint is a line of a generated table.
type codePoint struct {
	code uint16
	name string
}

// A label is a line of the generated table of a key log's labels.
type label struct{ label, secret string }

// The registries. Their tables are in names_generated.go; the folder registry
// says where they are from.
var (
	contentTypes            = registry{digits: 2, table: contentTypesTable}
	versions                = registry{digits: 4, table: protocolVersionsTable, grease: true, series: draftVersion}
	handshakeTypes          = registry{digits: 2, table: handshakeTypesTable}
	alertLevels             = registry{digits: 2, table: alertLevelsTable}
	alerts                  = registry{digits: 2, table: alertDescriptionsTable}
	suites                  = registry{digits: 4, table: cipherSuitesTable, grease: true}
	compressionMethods      = registry{digits: 2, table: compressionMethodsTable}
	extensions              = registry{digits: 4, table: extensionTypesTable, grease: true}
	groups                  = registry{digits: 4, table: supportedGroupsTable, grease: true}
	schemes                 = registry{digits: 4, table: signatureSchemesTable, grease: true, series: hashAndSignature}
	hashes                  = registry{digits: 2, table: hashAlgorithmsTable}
	signatures              = registry{digits: 2, table: signatureAlgorithmsTable}
	pointFormats            = registry{digits: 2, table: ecPointFormatsTable}
	curveTypes              = registry{digits: 2, table: ecCurveTypesTable}
	nameTypes               = registry{digits: 2, table: nameTypesTable}
	maxFragmentLengths      = registry{digits: 2, table: maxFragmentLengthsTable}
	pskModes                = registry{digits: 2, table: pskKeyExchangeModesTable, grease: true}
	certificateTypes        = registry{digits: 2, table: certificateTypesTable}
	clientCertificateTypes  = registry{digits: 2, table: clientCertificateTypesTable}
	certificateCompressions = registry{digits: 4, table: certificateCompressionAlgorithmsTable}
	statusTypes             = registry{digits: 2, table: certificateStatusTypesTable}
	sctVersions             = registry{digits: 2, table: sctVersionsTable}
	keyUpdateRequests       = registry{digits: 2, table: keyUpdateRequestsTable}
	changeCipherSpecTypes   = registry{digits: 2, table: changeCipherSpecTypesTable}
	echTypes                = registry{digits: 2, table: echTypesTable}
	hpkeKEMs                = registry{digits: 4, table: hpkeKemsTable}
	hpkeKDFs                = registry{digits: 4, table: hpkeKdfsTable}
	hpkeAEADs               = registry{digits: 4, table: hpkeAeadsTable}
	pointForms              = registry{digits: 2, table: ecPointFormsTable}
	ocspStatuses            = registry{digits: 2, table: ocspResponseStatusesTable}
	crlReasons              = registry{digits: 2, table: crlReasonsTable}
	trustedAuthorityTypes   = registry{digits: 2, table: trustedAuthorityTypesTable}
	userMappingTypes        = registry{digits: 2, table: userMappingTypesTable}
	authorizationFormats    = registry{digits: 2, table: authorizationDataFormatsTable}
	srtpProfiles            = registry{digits: 4, table: srtpProtectionProfilesTable}
	heartbeatModes          = registry{digits: 2, table: heartbeatModesTable}
	tokenBindingKeys        = registry{digits: 2, table: tokenBindingKeyParametersTable}
	cachedInformationTypes  = registry{digits: 2, table: cachedInformationTypesTable}
	ektCiphers              = registry{digits: 2, table: ektCiphersTable}
	quicParameters          = registry{digits: 4, table: quicTransportParametersTable}
)

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
	i, ok := slices.BinarySearchFunc(r.table, code, func(c codePoint, wanted uint16) int { return int(c.code) - int(wanted) })
	switch {
	case ok:
		return r.table[i].name, true
	case r.series != nil:
		return r.series(code)
	}
	return "", false
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

// draftVersion names the drafts of TLS 1.3, whose numbers counted from 0x7f00
// (draft-ietf-tls-tls13-28 section 4.2.1.1).
func draftVersion(version uint16) (name string, ok bool) {
	if version>>8 != 0x7f {
		return "", false
	}
	return fmt.Sprintf("TLS 1.3 draft %d", version&0xff), true
}

// hashAndSignature names the pairs of TLS 1.2 (RFC 5246 section 7.4.1.4.1)
// that are no scheme of TLS 1.3: its own, and those whose signature brings its
// hash along (RFC 8422 section 5.1.3, RFC 9189).
func hashAndSignature(scheme uint16) (name string, ok bool) {
	const sha512, intrinsic, ecdsa, gost = 0x06, 0x08, 0x03, 0x40
	hash, signature := scheme>>8, scheme&0xff
	if (hash > sha512 || signature > ecdsa) && (hash != intrinsic || signature < gost) {
		return "", false
	}
	hashName, _ := hashes.lookup(hash)
	signatureName, ok := signatures.lookup(signature)
	return "{" + hashName + "," + signatureName + "}", ok
}
