package inspect

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Name returns the message's name in the standard's words, as in
// "client_hello". A ServerHello that is a HelloRetryRequest is called
// "hello_retry_request" (RFC 8446 section 4.1.4), a ClientHelloInner
// "client_hello_inner" (RFC 9849 section 5.1).
func (m *Message) Name() string {
	const random = 6 // offset: header and legacy_version come first
	if m.Type == typeServerHello && len(m.Bytes) > random && strings.HasPrefix(string(m.Bytes[random:]), helloRetryRandom) {
		return "hello_retry_request"
	}
	if m.inner {
		return "client_hello_inner"
	}
	return m.Type.String()
}

// Fields dissects the message, with offsets from its own first byte. The root
// has the message's name as Name, and as Kind if its layout is known. The tree
// is built anew at each call.
//
// Whatever the bytes, a tree has at most 3 fields for each of them and 8 more,
// some 262,144 fields in all, and is at most 40 deep. Making it allocates less
// than 1,600 bytes for each of them.
func (m *Message) Fields() Field {
	name := m.Name()
	kind := name
	layout, known := bodies[m.Type]
	if !known {
		kind = "handshake.message"
		layout = body{handshakeSection(m.version), func(c *cursor, _ *Message) { c.remaining("handshake.body", nil) }}
	}
	c := newCursor(handshakeSection(m.version), m.Bytes)
	c.code("handshake.msg_type", &handshakeTypes)
	length := int(c.uint("handshake.length", 3, nil))
	rfc := layout.rfc
	if !c.failed {
		present := min(length, len(c.rest))
		c.rfc = rfc
		c.within(present, func(c *cursor) {
			layout.read(c, m)
			rfc = c.rfc // before TLS 1.3, another one's
			if present < length {
				c.end()
				c.fail(NotUnderstood, "%d bytes expected, %d there", length, present)
			}
		})
		if present == length {
			const at = 1
			c.fields[at].edit.form = fixedLength
			c.counted(at + 1)
		}
	}
	c.end()
	return Field{Kind: kind, Name: name, Length: len(m.Bytes), RFC: rfc, Children: c.fields}
}

// A body is how the bytes behind a message's header are read.
type body struct {
	rfc  string
	read func(*cursor, *Message)
}

var bodies = map[HandshakeType]body{
	0x00:                    {"RFC 5246 section 7.4.1.1", nothing}, // hello_request
	typeClientHello:         {"RFC 8446 section 4.1.2", clientHello},
	typeServerHello:         {"RFC 8446 section 4.1.3", serverHello},
	typeNewSessionTicket:    {"RFC 8446 section 4.6.1", newSessionTicket},
	typeEndOfEarlyData:      {"RFC 8446 section 4.5", nothing},
	typeEncryptedExtensions: {"RFC 8446 section 4.3.1", encryptedExtensions},
	typeCertificate:         {"RFC 8446 section 4.4.2", certificate},
	typeServerKeyExchange:   {"RFC 8422 section 5.4", serverKeyExchange},
	0x0d:                    {"RFC 8446 section 4.3.2", certificateRequest},
	typeServerHelloDone:     {"RFC 5246 section 7.4.5", nothing},
	0x0f:                    {"RFC 8446 section 4.4.3", certificateVerify},
	0x10:                    {"RFC 5246 section 7.4.7", clientKeyExchange},
	typeFinished:            {"RFC 8446 section 4.4.4", finished},
	0x16:                    {"RFC 6066 section 8", func(c *cursor, _ *Message) { certificateStatus(c) }},
	typeKeyUpdate:           {"RFC 8446 section 4.6.3", keyUpdate},
	0x19:                    {"RFC 8879 section 4", compressedCertificate},
	0x43:                    {"draft-agl-tls-nextprotoneg", nextProtocol},
	typeMessageHash:         {"RFC 8446 section 4.4.1", func(c *cursor, _ *Message) { c.remaining("message_hash.hash", nil) }},
}

func nothing(*cursor, *Message) {}

// is13 reports whether TLS 1.3 was negotiated. Where that is not known, the
// message stands in clear, and those of TLS 1.3 that differ never do.
func (m *Message) is13() bool { return m.version == version13 }

// recordSection is where a version's records in clear are defined,
// handshakeSection where the header of its handshake messages is.
func recordSection(version uint16) string {
	return since13(version, "RFC 8446 section 5.1", "RFC 5246 section 6.2.1")
}

func handshakeSection(version uint16) string {
	return since13(version, "RFC 8446 section 4", "RFC 5246 section 7.4")
}

// since13 chooses the section that a version goes by. While none is agreed on,
// that is TLS 1.3's, which defines the ClientHello for both.
func since13(version uint16, tls13, before string) string {
	if version != 0 && version < version13 {
		return before
	}
	return tls13
}

// contentFields dissects the content, in clear, of a record of that type in
// that version, 0 while none is agreed on; the leaves' offsets count from its
// first byte. Handshake content is one leaf: its messages have trees of their own.
func contentFields(t ContentType, version uint16, content []byte) []Field {
	c := newCursor(recordSection(version), content)
	switch t {
	case Alert:
		c.rfc = since13(version, "RFC 8446 section 6", "RFC 5246 section 7.2")
		c.code("alert.level", &alertLevels)
		c.code("alert.description", &alerts)
	case ChangeCipherSpec:
		c.rfc = "RFC 5246 section 7.1"
		c.code("change_cipher_spec.type", &changeCipherSpecTypes)
	case Handshake:
		c.remaining("record.handshake", nil)
	case ApplicationData:
		c.remaining("record.application_data", text)
	default:
		c.remaining("record.content", nil)
	}
	c.end()
	return c.fields
}

// shortHex shows bytes in hex: up to 32 whole, the first 16 of more.
func shortHex(b []byte) string {
	const whole, first = 32, 16
	if len(b) <= whole {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%x… (%d)", b[:first], len(b))
}

// mostText is how long a text in a value may be, in bytes.
const mostText = 255

// text shows what is meant to be read by people, as it stands, cut off where
// it is too long for a line.
func text(b []byte) string {
	if len(b) <= mostText {
		return string(b)
	}
	return fmt.Sprintf("%s… (%d)", b[:mostText], len(b))
}

// seconds shows a lifetime, as in "604800 s = 7 d".
func seconds(n uint64) string {
	rest, parts := n, ""
	for _, unit := range []struct {
		symbol string
		length uint64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}} {
		if rest >= unit.length {
			parts += fmt.Sprintf(" %d %s", rest/unit.length, unit.symbol)
			rest %= unit.length
		}
	}
	if n < 60 {
		return fmt.Sprintf("%d s", n)
	}
	return fmt.Sprintf("%d s =%s", n, parts)
}

// milliseconds shows a time since 1970, in UTC.
func milliseconds(n uint64) string {
	if n > 1<<48 { // past the year 10000
		return fmt.Sprintf("%d ms", n)
	}
	return time.UnixMilli(int64(n)).UTC().Format("2006-01-02 15:04:05.000 UTC")
}

func hex16(n uint64) string { return fmt.Sprintf("0x%04x", n) }

func hex32(n uint64) string { return fmt.Sprintf("0x%08x", n) }
