package inspect

import "golang.org/x/crypto/cryptobyte"

// handshakes returns what each handshake of the connection is proved with. There
// is one, unless TLS 1.2 renegotiates: then all begins anew with each ClientHello
// (RFC 5246 section 7.4.1.2).
func (v *View) handshakes() []*View {
	var begins []int
	messages := v.asTheyCrossed()
	for i, m := range messages {
		if m.Type == typeClientHello {
			begins = append(begins, i)
		}
	}
	if version := v.state().Version; len(begins) < 2 || version == 0 || version == version13 {
		return []*View{v}
	}
	var all []*View
	for i, from := range begins {
		to := len(messages)
		if i+1 < len(begins) {
			to = begins[i+1]
		}
		all = append(all, v.alone(messages[from:to:to]))
	}
	return all
}

// alone returns a view of one handshake of TLS 1.2, for its proofs and its key
// schedule; the lanes are those of all.
func (v *View) alone(messages []*Message) *View {
	one := &View{session: v.session, conn: v.conn, side: v.side, shared: v.shared, lanes: v.lanes, messages: messages}
	var state State
	for _, m := range messages {
		switch m.Type {
		case typeClientHello:
			h := parseClientHello(m.body())
			state.ClientRandom, state.ServerName, one.ticket = h.random, h.serverName, h.ticket
		case typeServerHello:
			h := parseServerHello(m.body())
			state.Version, state.Suite, one.serverRandom = h.version, h.suite, h.random
		case typeServerKeyExchange:
			if m.isECDHE() {
				state.Group = curveOf(m.body())
			}
		case typeFinished:
			one.master = m.Record.key
		}
	}
	one.states = []milestone{{messages[0].Event, state}}
	return one
}

// latest returns the view of the latest handshake that a server has agreed to.
func (v *View) latest() *View {
	all := v.handshakes()
	for i := len(all) - 1; i > 0; i-- {
		if all[i].state().Suite != 0 {
			return all[i]
		}
	}
	return all[0]
}

// authentications returns, for each time that the client of TLS 1.3 proved who it
// is after the handshake, the messages that this is proved with: the request,
// and the client's Certificate, CertificateVerify and Finished (RFC 8446 section
// 4.6.2). They follow the handshake's own messages in the transcript.
func (v *View) authentications() (all [][]*Message) {
	if v.state().Version != version13 {
		return nil
	}
	requests := make(map[string]*Message)
	var answer []*Message
	for _, m := range v.asTheyCrossed() {
		context := requestContext(m)
		switch request := requests[context]; {
		case m.Record.Epoch.Kind != EpochApplication:
		case m.Side == Server && m.Type == typeCertificateRequest:
			requests[context] = m
		case m.Side == Server || len(all) == mostProofs:
		case m.Type == typeCertificate && request != nil:
			answer = []*Message{request, m}
		case m.Type == typeCertificateVerify && answer != nil:
			answer = append(answer, m)
		case m.Type == typeFinished && answer != nil:
			all = append(all, append(answer, m))
			answer = nil
		}
	}
	return all
}

// requestContext returns the certificate_request_context, with which the messages
// that have one begin, or "".
func requestContext(m *Message) string {
	s := cryptobyte.String(m.body())
	var context cryptobyte.String
	if m.Type != typeCertificateRequest && m.Type != typeCertificate || !s.ReadUint8LengthPrefixed(&context) {
		return ""
	}
	return string(context)
}
