package inspect

import "fmt"

// certificateTimestamps reads the extension (RFC 6962 section 3.3.1). Where
// the receiver asks for it, it is empty.
func certificateTimestamps(c *cursor, where place) {
	if where == inClientHello || where == inCertificateRequest {
		return
	}
	timestampList(c)
}

// timestampList reads a SignedCertificateTimestampList (RFC 6962 section 3.3),
// which stands in certificates and OCSP responses too.
func timestampList(c *cursor) {
	c.rfc = "RFC 6962 section 3.3"
	c.list("sct.sct_list", 2, func(c *cursor) {
		var said string
		c.nested("sct.serialized_sct", 2, func(c *cursor) { said = certificateTimestamp(c) })
		if said != "" {
			c.retell("sct.serialized_sct", said)
		}
	})
}

// certificateTimestamp reads a SignedCertificateTimestamp (RFC 6962 section
// 3.2) and says when and by which log it was made. Of another version than v1,
// nothing behind it is known.
func certificateTimestamp(c *cursor) (said string) {
	const v1 = 0x00
	c.rfc = "RFC 6962 section 3.2"
	if c.code("sct.sct_version", &sctVersions) != v1 {
		c.remaining("sct.other_version", nil)
		return ""
	}
	log := c.opaque("sct.log_id", 32, nil)
	at := c.uint("sct.timestamp", 8, milliseconds)
	c.vector("sct.extensions", 2, nil)
	signature(c, "sct.signature_algorithm", "sct.signature", true)
	if log == nil {
		return ""
	}
	return fmt.Sprintf("%s, log %x…", milliseconds(at), log[:8])
}
