package inspect

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// A HandshakeType is the first byte of a handshake message (RFC 8446 section 4).
type HandshakeType uint8

// The handshake types that decoding a connection depends on.
const (
	typeHelloRequest        HandshakeType = 0x00
	typeClientHello         HandshakeType = 0x01
	typeServerHello         HandshakeType = 0x02
	typeNewSessionTicket    HandshakeType = 0x04
	typeEndOfEarlyData      HandshakeType = 0x05
	typeEncryptedExtensions HandshakeType = 0x08
	typeCertificate         HandshakeType = 0x0b
	typeServerKeyExchange   HandshakeType = 0x0c
	typeCertificateRequest  HandshakeType = 0x0d
	typeServerHelloDone     HandshakeType = 0x0e
	typeCertificateVerify   HandshakeType = 0x0f
	typeClientKeyExchange   HandshakeType = 0x10
	typeFinished            HandshakeType = 0x14
	typeKeyUpdate           HandshakeType = 0x18
	typeMessageHash         HandshakeType = 0xfe
)

const (
	version30 uint16 = 0x0300
	version12 uint16 = 0x0303
	version13 uint16 = 0x0304
)

// The extensions that decoding a connection depends on.
const (
	extensionServerName           = 0x0000
	extensionALPN                 = 0x0010
	extensionExtendedMasterSecret = 0x0017
	extensionSessionTicket        = 0x0023
	extensionPreSharedKey         = 0x0029
	extensionEarlyData            = 0x002a
	extensionSupportedVersions    = 0x002b
	extensionKeyShare             = 0x0033
)

// helloRetryRandom marks a ServerHello as a HelloRetryRequest (RFC 8446 section 4.1.3).
const helloRetryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91" +
	"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// A hello is what the state of a connection takes from a ClientHello or
// ServerHello. What could not be read stays zero.
type hello struct {
	version        uint16 // negotiated, of a ServerHello
	random         []byte
	suite          uint16
	group          uint16
	serverName     string
	ticket         string // of TLS 1.2
	protocol       string
	resumed        bool
	earlyData      bool // of a ClientHello: early data follows it
	shares         []share
	identities     [][]byte // of pre-shared keys, as a ClientHello offers them
	identity       int      // the one that a ServerHello chose, if resumed
	offered        uint16   // of a ClientHello: the highest version
	versions       []uint16 // of a ClientHello: those of supported_versions; nil without that extension
	extendedMaster bool     // of a ServerHello of TLS 1.2

	confirmation int // of a HelloRetryRequest: where in the message its ECH confirmation is; 0 if it has none
}

func parseClientHello(body []byte) (h hello) {
	s := cryptobyte.String(body)
	var session, suites, compression, extensions cryptobyte.String
	if !s.ReadUint16(&h.offered) || !s.ReadBytes(&h.random, 32) || !s.ReadUint8LengthPrefixed(&session) ||
		!s.ReadUint16LengthPrefixed(&suites) || !s.ReadUint8LengthPrefixed(&compression) ||
		!s.ReadUint16LengthPrefixed(&extensions) {
		return h
	}
	eachExtension(extensions, func(kind uint16, data cryptobyte.String) {
		switch kind {
		case extensionServerName:
			var names, name cryptobyte.String
			var nameType uint8
			if data.ReadUint16LengthPrefixed(&names) && names.ReadUint8(&nameType) && nameType == 0 && names.ReadUint16LengthPrefixed(&name) {
				h.serverName = string(name)
			}
		case extensionSessionTicket:
			h.ticket = string(data)
		case extensionSupportedVersions:
			var list cryptobyte.String
			var version uint16
			h.offered = 0 // it alone counts (RFC 8446 section 4.2.1)
			h.versions = []uint16{}
			for data.ReadUint8LengthPrefixed(&list); list.ReadUint16(&version); {
				h.versions = append(h.versions, version)
				if version <= version13 { // greater ones are drafts and GREASE
					h.offered = max(h.offered, version)
				}
			}
		case extensionEarlyData:
			h.earlyData = true
		case extensionKeyShare:
			var list cryptobyte.String
			for data.ReadUint16LengthPrefixed(&list); !list.Empty(); {
				entry, ok := readShare(&list)
				if !ok {
					break
				}
				h.shares = append(h.shares, entry)
			}
		case extensionPreSharedKey:
			var list, identity cryptobyte.String
			for data.ReadUint16LengthPrefixed(&list); list.ReadUint16LengthPrefixed(&identity) && list.Skip(4); {
				h.identities = append(h.identities, identity)
			}
		}
	})
	return h
}

// offers reports whether a server may choose the version: it is in
// supported_versions, or, without that extension, not above legacy_version
// (RFC 8446 sections 4.2.1 and 4.1.2).
func (h hello) offers(version uint16) bool {
	if h.versions != nil {
		return slices.Contains(h.versions, version)
	}
	return version <= h.offered
}

func readShare(s *cryptobyte.String) (share, bool) {
	var group uint16
	var key cryptobyte.String
	ok := s.ReadUint16(&group) && s.ReadUint16LengthPrefixed(&key)
	return share{group, key}, ok
}

func parseServerHello(body []byte) (h hello) {
	s := cryptobyte.String(body)
	var session, extensions cryptobyte.String
	if !s.ReadUint16(&h.version) || !s.ReadBytes(&h.random, 32) || !s.ReadUint8LengthPrefixed(&session) ||
		!s.ReadUint16(&h.suite) || !s.Skip(1) || !s.ReadUint16LengthPrefixed(&extensions) {
		return h
	}
	at := handshakeHeaderLength + len(body) - len(s) - len(extensions) // of what follows in the message
	eachExtension(extensions, func(kind uint16, data cryptobyte.String) {
		at += 4 + len(data)
		switch kind {
		case extensionEncryptedClientHello:
			if len(data) == confirmationLength {
				h.confirmation = at - confirmationLength
			}
		case extensionSupportedVersions:
			data.ReadUint16(&h.version)
		case extensionKeyShare:
			copied := data
			data.ReadUint16(&h.group) // all that a HelloRetryRequest has
			if entry, ok := readShare(&copied); ok {
				h.shares = []share{entry}
			}
		case extensionPreSharedKey:
			var identity uint16
			h.resumed = data.ReadUint16(&identity)
			h.identity = int(identity)
		case extensionALPN:
			h.protocol = selectedProtocol(data)
		case extensionExtendedMasterSecret:
			h.extendedMaster = true
		}
	})
	return h
}

// parseEncryptedExtensions returns the protocol that ALPN selected, or "",
// and whether early data is accepted.
func parseEncryptedExtensions(body []byte) (protocol string, earlyData bool) {
	s := cryptobyte.String(body)
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) {
		return "", false
	}
	eachExtension(extensions, func(kind uint16, data cryptobyte.String) {
		switch kind {
		case extensionALPN:
			protocol = selectedProtocol(data)
		case extensionEarlyData:
			earlyData = true
		}
	})
	return protocol, earlyData
}

func selectedProtocol(data cryptobyte.String) string {
	var list, name cryptobyte.String
	if !data.ReadUint16LengthPrefixed(&list) || !list.ReadUint8LengthPrefixed(&name) {
		return ""
	}
	return string(name)
}

func eachExtension(extensions cryptobyte.String, visit func(kind uint16, data cryptobyte.String)) {
	var kind uint16
	var data cryptobyte.String
	for extensions.ReadUint16(&kind) && extensions.ReadUint16LengthPrefixed(&data) {
		visit(kind, data)
	}
}

// leafSubject returns the subject of the first certificate of a Certificate
// message, or "" if there is none that can be read.
func leafSubject(body []byte, version uint16) string {
	certificate, err := leafCertificate(body, version)
	if err != nil {
		return ""
	}
	return distinguishedName(newCursor("", certificate.RawSubject), "x509.subject", tagSequence)
}

// ticketOf returns the ticket of a TLS 1.2 NewSessionTicket (RFC 5077 section 3.3).
func ticketOf(body []byte) string {
	s := cryptobyte.String(body)
	var ticket cryptobyte.String
	if !s.Skip(4) || !s.ReadUint16LengthPrefixed(&ticket) {
		return ""
	}
	return string(ticket)
}

// namedCurve is the curve type after which a curve's number comes (RFC 8422
// section 5.4).
const namedCurve = 0x03

// curveOf returns the group of a TLS 1.2 ServerKeyExchange with ECDHE (RFC
// 8422 section 5.4), or 0.
func curveOf(body []byte) (group uint16) {
	s := cryptobyte.String(body)
	var curveType uint8
	if s.ReadUint8(&curveType) && curveType == namedCurve {
		s.ReadUint16(&group)
	}
	return group
}
