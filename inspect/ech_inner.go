package inspect

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// The extensions of Encrypted Client Hello (RFC 9849 sections 5 and 5.1).
const (
	extensionEncryptedClientHello = 0xfe0d
	extensionECHOuterExtensions   = 0xfd00
)

// ECHClientHelloType (RFC 9849 section 5).
const (
	echOuter = 0x00
	echInner = 0x01
)

// A sealedECH is what a ClientHelloOuter's encrypted_client_hello holds.
type sealedECH struct {
	kdf, aead uint16
	configID  uint8
	enc       []byte
	payload   []byte
	at        int // of the payload in the message
}

// parseECH reads the encrypted_client_hello of a ClientHello, header included.
// kind is -1 if there is none that can be read.
func parseECH(hello []byte) (kind int, sealed sealedECH) {
	h, ok := splitHello(hello[handshakeHeaderLength:])
	if !ok || len(h.rest) > 0 {
		return -1, sealed
	}
	for list := h.extensions; ; {
		var number uint16
		var data, enc, payload cryptobyte.String
		var form uint8
		if !list.ReadUint16(&number) || !list.ReadUint16LengthPrefixed(&data) {
			return -1, sealed
		}
		if number != extensionEncryptedClientHello {
			continue
		}
		switch {
		case !data.ReadUint8(&form):
			return -1, sealed
		case form == echInner && data.Empty():
			return echInner, sealed
		case form != echOuter || !data.ReadUint16(&sealed.kdf) || !data.ReadUint16(&sealed.aead) || !data.ReadUint8(&sealed.configID) ||
			!data.ReadUint16LengthPrefixed(&enc) || !data.ReadUint16LengthPrefixed(&payload) || !data.Empty():
			return -1, sealed
		}
		sealed.enc, sealed.payload = enc, payload
		sealed.at = len(hello) - len(list) - len(payload) // it ends where the next extension begins
		return echOuter, sealed
	}
}

// additionalData is ClientHelloOuterAAD: the ClientHello without its header,
// its payload zeroed (RFC 9849 section 5.2).
func (e sealedECH) additionalData(hello []byte) []byte {
	zeroed := slices.Clone(hello)
	clear(zeroed[e.at:][:len(e.payload)])
	return zeroed[handshakeHeaderLength:]
}

// A splitClientHello is a ClientHello's body cut at its extensions.
type splitClientHello struct {
	versionAndRandom []byte
	sessionID        cryptobyte.String
	offers           []byte // cipher suites and compression methods, lengths included
	extensions       cryptobyte.String
	rest             []byte // what follows
}

func splitHello(body []byte) (h splitClientHello, ok bool) {
	const versionAndRandom = 2 + 32
	s := cryptobyte.String(body)
	var suites, compression cryptobyte.String
	if !s.ReadBytes(&h.versionAndRandom, versionAndRandom) || !s.ReadUint8LengthPrefixed(&h.sessionID) {
		return h, false
	}
	offers := s
	if !s.ReadUint16LengthPrefixed(&suites) || !s.ReadUint8LengthPrefixed(&compression) {
		return h, false
	}
	h.offers = offers[:len(offers)-len(s)]
	if !s.ReadUint16LengthPrefixed(&h.extensions) {
		return h, false
	}
	h.rest = s
	return h, true
}

// decodeInner makes the ClientHelloInner of an EncodedClientHelloInner (RFC
// 9849 section 5.1): a handshake message, header included. outer is the
// ClientHelloOuter's body. Copied are the extensions that ech_outer_extensions
// stood for, padding is the number of zeros at the end.
//
// Since each extension of the outer hello is copied at most once, the result is
// no longer than both together.
func decodeInner(encoded, outer []byte) (inner []byte, copied []uint16, padding int, why ECHWhy) {
	h, ok := splitHello(encoded)
	if !ok {
		return nil, nil, 0, ECHWhyCut
	}
	if len(h.sessionID) > 0 {
		return nil, nil, 0, ECHWhySessionID
	}
	if slices.ContainsFunc(h.rest, func(b byte) bool { return b != 0 }) {
		return nil, nil, 0, ECHWhyPadding
	}
	source, ok := splitHello(outer)
	if !ok {
		return nil, nil, 0, ECHWhyCut
	}
	extensions, copied, why := expand(h.extensions, source.extensions)
	if why != ECHWhyNone {
		return nil, nil, 0, why
	}
	b := cryptobyte.NewBuilder([]byte{byte(typeClientHello)})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddBytes(h.versionAndRandom)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(source.sessionID) })
		b.AddBytes(h.offers)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(extensions) })
	})
	if inner, err := b.Bytes(); err == nil {
		return inner, copied, len(h.rest), ECHWhyNone
	}
	return nil, nil, 0, ECHWhyTooLong
}

// expand puts the outer hello's extensions where ech_outer_extensions names
// them. They must be there, in that order, each once; encrypted_client_hello
// must not be one of them (RFC 9849 section 5.1). crypto/tls takes the same one
// twice in a row and refuses only the hello that comes of it.
func expand(extensions, outer cryptobyte.String) (expanded []byte, copied []uint16, why ECHWhy) {
	for !extensions.Empty() {
		start := extensions
		var number, wanted uint16
		var data, list cryptobyte.String
		if !extensions.ReadUint16(&number) || !extensions.ReadUint16LengthPrefixed(&data) {
			return nil, nil, ECHWhyCut
		}
		if number != extensionECHOuterExtensions {
			expanded = append(expanded, start[:len(start)-len(extensions)]...)
			continue
		}
		if !data.ReadUint8LengthPrefixed(&list) || list.Empty() || !data.Empty() {
			return nil, nil, ECHWhyCut
		}
		for !list.Empty() {
			if !list.ReadUint16(&wanted) {
				return nil, nil, ECHWhyCut
			}
			if wanted == extensionEncryptedClientHello {
				return nil, nil, ECHWhyReferenced
			}
			found := find(&outer, wanted)
			if found == nil {
				return nil, nil, ECHWhyReference
			}
			expanded, copied = append(expanded, found...), append(copied, wanted)
		}
	}
	return expanded, copied, ECHWhyNone
}

// find returns the next extension of that type, type and length included, and
// leaves in extensions what follows it; nil if there is none.
func find(extensions *cryptobyte.String, wanted uint16) []byte {
	for {
		start := *extensions
		var number uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&number) || !extensions.ReadUint16LengthPrefixed(&data) {
			return nil
		}
		if number == wanted {
			return start[:len(start)-len(*extensions)]
		}
	}
}

// illegal says why a server must refuse a ClientHelloInner that could be
// decoded (RFC 9849 section 7.1); ECHWhyNone if it need not.
func illegalInner(inner []byte) ECHWhy {
	if kind, _ := parseECH(inner); kind != echInner {
		return ECHWhyNoMark
	}
	h, _ := splitHello(inner[handshakeHeaderLength:])
	why := ECHWhyOldVersion
	eachExtension(h.extensions, func(kind uint16, data cryptobyte.String) {
		var list cryptobyte.String
		var version uint16
		if kind != extensionSupportedVersions || !data.ReadUint8LengthPrefixed(&list) {
			return
		}
		why = ECHWhyNone
		for list.ReadUint16(&version) {
			if version < version13 && !isGrease16(version) {
				why = ECHWhyOldVersion
			}
		}
	})
	return why
}
