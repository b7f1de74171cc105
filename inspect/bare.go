package inspect

// Messages is what is left of a handshake when its records are taken away: the
// messages alone, as specifications print them and programs log them. Each is a
// unit. What they say of the version decides how they are read; where they do
// not, the layout that their length fits.
var Messages Protocol = messages{}

// Certificates are X.509 certificates in DER, one behind the other. Each is a unit.
var Certificates Protocol = certificates{}

type messages struct{}

func (messages) Name() string   { return "messages" }
func (messages) Reader() Reader { return messages{} }

func (messages) Next(_ Side, b []byte) (int, Reading) {
	if len(b) < handshakeHeaderLength {
		return len(b) + 1, nil
	}
	return handshakeHeaderLength + int(b[1])<<16 + int(b[2])<<8 + int(b[3]), bareMessage{HandshakeType(b[0])}
}

func (messages) Rest(_ Side, b []byte) Reading { return bareMessage{HandshakeType(b[0])} }

type bareMessage struct{ kind HandshakeType }

func (m bareMessage) Name() string { return m.kind.String() }
func (m bareMessage) Text() bool   { return false }

func (m bareMessage) Fields(b []byte) Field {
	return (&Message{Type: m.kind, Bytes: b, version: layoutOf(m.kind, b)}).Fields()
}

// layoutOf returns the version whose layout a message has where TLS 1.2 and 1.3
// have different ones; 0 where they do not, or where it cannot be said.
func layoutOf(kind HandshakeType, b []byte) uint16 {
	body := b[min(handshakeHeaderLength, len(b)):]
	at := func(i, size int) (n int) {
		for ; size > 0 && i < len(body); i, size = i+1, size-1 {
			n = n<<8 | int(body[i])
		}
		return n
	}
	old := false
	switch kind {
	case typeCertificate:
		old = len(body) >= 3 && at(0, 3) == len(body)-3 // certificate_list; TLS 1.3 has certificate_request_context first
	case typeNewSessionTicket:
		old = len(body) >= 6 && at(4, 2) == len(body)-6 // ticket; TLS 1.3 has ticket_age_add first
	case typeCertificateRequest:
		context := 1 + at(0, 1)
		old = context+2+at(context, 2) != len(body) // certificate_request_context, extensions
	case typeFinished:
		old = len(body) == 12 // RFC 5246 section 7.4.9
	case typeClientHello, typeServerHello:
		return 0
	}
	if old {
		return version12
	}
	return version13
}

type certificates struct{}

func (certificates) Name() string   { return "certificates" }
func (certificates) Reader() Reader { return certificates{} }

// Next reads the tag and the length of a SEQUENCE (X.690 section 8.1).
func (certificates) Next(_ Side, b []byte) (int, Reading) {
	const sequence, longForm = 0x30, 0x80
	if b[0] != sequence {
		return 0, nil
	}
	if len(b) < 2 {
		return 2, nil
	}
	if b[1] < longForm {
		return 2 + int(b[1]), bareCertificate{}
	}
	size := int(b[1] - longForm)
	if size == 0 || size > 4 {
		return 0, nil
	}
	if len(b) < 2+size {
		return 2 + size, nil
	}
	length := 0
	for _, digit := range b[2 : 2+size] {
		length = length<<8 | int(digit)
	}
	return 2 + size + length, bareCertificate{}
}

func (certificates) Rest(Side, []byte) Reading { return bareCertificate{} }

type bareCertificate struct{}

func (bareCertificate) Name() string { return "certificate" }
func (bareCertificate) Text() bool   { return false }

func (bareCertificate) Fields(b []byte) Field {
	c := newCursor("RFC 5280 section 4.1", b)
	certificateDER(c, "x509.certificate")
	c.end()
	if len(c.fields) == 1 {
		return c.fields[0]
	}
	return Field{Kind: "x509.certificate", Name: "Certificate", Length: len(b), RFC: c.rfc, Children: c.fields}
}
