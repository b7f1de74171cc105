package capture

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"strings"

	"example.com/tlslab/inspect"
)

// A content is what bytes are. The sentence "reason_capture_as_" and the
// content says so, and why it was taken for that.
type content string

const (
	asNothing      content = ""
	asRecords      content = "records"
	asMessages     content = "messages"
	asCertificates content = "certificates"
	asFrames       content = "frames"  // Ethernet
	asPackets      content = "packets" // IP
	asCapture      content = "capture"
	asPrivate      content = "private" // a private key
)

// contentOf tells what bytes are by how they begin and whether that fits.
func contentOf(b []byte) content {
	switch {
	case isCapture(b):
		return asCapture
	case beginsRecord(b):
		return asRecords
	case isPrivateKey(b):
		return asPrivate
	case areCertificates(b):
		return asCertificates
	case areMessages(b):
		return asMessages
	case isPacket(b):
		return asPackets
	case isFrame(b):
		return asFrames
	}
	return asNothing
}

func isCapture(b []byte) bool {
	if len(b) < 24 {
		return false
	}
	_, _, classic := classicMagic(b[:4])
	return classic || bytes.HasPrefix(b, []byte{0x0a, 0x0d, 0x0d, 0x0a})
}

// beginsRecord reports whether b begins with the header of a record (RFC 8446
// section 5.1): a content type, a version, and a length that one can have.
func beginsRecord(b []byte) bool {
	if len(b) < 6 || b[0] < 0x14 || b[0] > 0x18 || b[1] != 3 || b[2] > 4 {
		return false
	}
	length := int(b[3])<<8 | int(b[4])
	return length > 0 && length <= 1<<14+2048
}

// areMessages reports whether b is made of whole handshake messages (RFC 8446
// section 4), or begins with a hello that is cut.
func areMessages(b []byte) bool {
	if len(b) >= 6 && (b[0] == 1 || b[0] == 2) && b[1] == 0 && b[4] == 3 && b[5] <= 3 {
		return true
	}
	found := false
	for len(b) >= 4 {
		length := 4 + int(b[1])<<16 + int(b[2])<<8 + int(b[3])
		if named := inspect.HandshakeType(b[0]).String(); strings.HasPrefix(named, "0x") || length > len(b) {
			return false
		}
		b, found = b[length:], true
	}
	return found && len(b) == 0
}

func areCertificates(b []byte) bool {
	_, err := x509.ParseCertificates(b)
	return err == nil && len(b) > 0
}

func isPrivateKey(b []byte) bool {
	_, pkcs8 := x509.ParsePKCS8PrivateKey(b)
	_, rsa := x509.ParsePKCS1PrivateKey(b)
	_, ec := x509.ParseECPrivateKey(b)
	return pkcs8 == nil || rsa == nil || ec == nil
}

// isPacket reports whether b is TCP in an IP packet, whose length fits.
func isPacket(b []byte) bool {
	if len(b) < 40 {
		return false
	}
	length := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if b[0]>>4 == 4 {
		length = int(binary.BigEndian.Uint16(b[2:]))
	}
	_, err := transport(b)
	return err == nil && length >= len(b)
}

func isFrame(b []byte) bool {
	ip, err := network(linkEthernet, b)
	if err != nil {
		return false
	}
	_, err = transport(ip)
	return err == nil
}

// nearly says what bytes are that are almost something known, or known and not
// shown; nil if nothing comes to mind.
func nearly(b []byte) *Problem {
	const most = 1<<14 + 2048 // RFC 5246 section 6.2.3; RFC 8446 section 5.2 has 256
	at := func(i int) int { return int(b[i])<<8 | int(b[i+1]) }
	isType := len(b) >= 3 && b[0] >= 0x14 && b[0] <= 0x18
	switch {
	case isType && b[1] == 3 && b[2] <= 4 && len(b) < 6:
		return trouble("nearly_header", "length", len(b))
	case isType && b[1] == 3 && b[2] <= 4:
		return trouble("nearly_record", "length", at(3), "most", most)
	case isType && b[1] == 0xfe && (b[2] == 0xff || b[2] == 0xfd || b[2] == 0xfc): // RFC 6347 section 4.1, RFC 9147
		return trouble("nearly_dtls")
	case len(b) >= 5 && b[0]&0x80 != 0 && b[2] == 1 && (at(3) == 2 || b[3] == 3 && b[4] <= 4): // RFC 5246 appendix E.2
		return trouble("nearly_ssl2")
	}
	if _, err := x509.ParseCertificateRequest(b); err == nil {
		return trouble("nearly_request")
	}
	if _, err := x509.ParsePKIXPublicKey(b); err == nil {
		return trouble("nearly_public")
	}
	var content struct { // RFC 5652 section 3
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional,explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(b, &content); err == nil && content.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return trouble("nearly_pkcs7")
	}
	return nil
}
