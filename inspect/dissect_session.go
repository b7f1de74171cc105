package inspect

// RFC 8446 section 4.4.4; in TLS 1.2 the length is 12 (RFC 5246 section
// 7.4.9), in TLS 1.3 that of the hash.
func finished(c *cursor, m *Message) {
	if !m.is13() {
		c.rfc = "RFC 5246 section 7.4.9"
	}
	size := len(c.rest)
	switch {
	case m.version == version12:
		size = 12
	case m.is13():
		if hash, known := suiteHashSize[m.suite]; known {
			size = hash
		}
	}
	c.opaque("finished.verify_data", size, nil)
}

// suiteHashSize has the output lengths of the hashes of TLS 1.3's suites
// (RFC 8446 appendix B.4).
var suiteHashSize = map[uint16]int{0x1301: 32, 0x1302: 48, 0x1303: 32, 0x1304: 32, 0x1305: 32}

// RFC 8446 section 4.6.1; RFC 5077 section 3.3.
func newSessionTicket(c *cursor, m *Message) {
	if !m.is13() {
		c.rfc = "RFC 5077 section 3.3"
		c.uint("new_session_ticket.ticket_lifetime_hint", 4, seconds)
		c.vector("new_session_ticket.ticket", 2, nil)
		return
	}
	c.uint("new_session_ticket.ticket_lifetime", 4, seconds)
	c.uint("new_session_ticket.ticket_age_add", 4, hex32)
	c.vector("new_session_ticket.ticket_nonce", 1, nil)
	c.vector("new_session_ticket.ticket", 2, nil)
	extensionList(c, "new_session_ticket.extensions", inNewSessionTicket)
}

// RFC 8446 section 4.6.3.
func keyUpdate(c *cursor, _ *Message) {
	c.code("key_update.request_update", &keyUpdateRequests)
}

// The client's choice among those of the extension
// next_protocol_negotiation, padded to hide its length.
func nextProtocol(c *cursor, _ *Message) {
	c.vector("next_protocol.selected_protocol", 1, text)
	c.vector("next_protocol.padding", 1, nil)
}
