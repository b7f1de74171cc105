package inspect

import (
	"crypto/hmac"
	"slices"
)

// complete reports whether all that the transcript should have before m, which
// is behind before, is there: a proof over the rest would be refuted wrongly.
func (v *View) complete(before []*Message, m *Message) bool {
	v13 := v.state().Version == version13
	upTo := append(before[:len(before):len(before)], m)
	var first [2][2]*Message // by side; of the handshake, and after it
	for _, m := range upTo {
		after := 0
		if v13 && m.Record.Epoch.Kind == EpochApplication {
			after = 1
		}
		if first[m.Side][after] == nil {
			first[m.Side][after] = m
		}
		if m.tears != first[m.Side][after].tears || v13 && after == 0 && m.tears > 0 {
			return false
		}
		if !v13 && !m.follows(upTo[0]) {
			return false
		}
	}
	has := func(side Side, kind HandshakeType) bool {
		return slices.ContainsFunc(before, func(m *Message) bool { return m.Side == side && m.Type == kind && !m.retry() })
	}
	switch {
	case upTo[0].Type != typeClientHello || v13 && !v.begun(upTo):
		return false
	case m.Type == typeClientHello:
		return len(before) == 0 && m.tears == 0 || len(before) > 0 && before[len(before)-1].retry()
	case m.Type == typeServerHello:
		return true
	case !has(Server, typeServerHello):
		return false
	case v13 && m.Record.Epoch.Kind == EpochApplication: // post-handshake authentication is over all of the handshake
		return has(Server, typeFinished) && has(Client, typeFinished)
	case v13:
		return m.Side == Server || has(Server, typeFinished)
	case m.Side == Client:
		return has(Server, typeServerHelloDone) || has(Server, typeFinished)
	}
	return m.Type != typeFinished || !has(Server, typeServerHelloDone) || has(Client, typeFinished)
}

// follows reports whether a message of TLS 1.2 stands in the epoch where one of the
// handshake that first began has to: another one is of a renegotiation, and the
// messages between them are missing.
func (m *Message) follows(first *Message) bool {
	epoch := first.Record.Epoch
	if m.Type == typeFinished {
		epoch = epoch.next(EpochApplication)
	}
	return m.Record.Epoch == epoch
}

// begun reports whether a transcript of TLS 1.3 begins with the first ClientHello, as
// far as can be told: behind a HelloRetryRequest the client says a second one, before
// which the first and the request may be missing.
func (v *View) begun(transcript []*Message) bool {
	hello := transcript[0]
	if len(transcript) > 1 && transcript[1].retry() {
		return hello.Record.Event < transcript[1].Record.Event
	}
	if !v.late() && !v.lanes[Client].holed && !v.lanes[Server].holed {
		return true
	}
	for _, m := range v.asTheyCrossed() {
		switch {
		case m.Side == Server && m.Type == typeServerHello:
			return !v.conn.Opening.Late || v.provesBeginning(hello)
		case m.Side == Client && m.Type == typeClientHello && m.Record != hello.Record:
			return false // what it answers is missing
		}
	}
	return !v.conn.Opening.Late || v.provesBeginning(hello)
}

// provesBeginning reports whether nothing can have come before a ClientHello with
// which a recording begins that begins late: it has what a second one has not (RFC
// 8446 sections 4.1.2 and 4.2.10), or the server's Finished covers nothing else.
func (v *View) provesBeginning(hello *Message) bool {
	h := parseClientHello(hello.body())
	if _, cookie := hello.Fields().Find("cookie.cookie"); h.earlyData || len(h.shares) > 1 && !cookie {
		return true
	}
	s, ok := aeadSuites[v.state().Suite]
	transcript := v.transcript()
	for i, m := range transcript {
		if m.Side == Server && m.Type == typeFinished && ok && s.tls13 && m.Record.key != nil {
			return hmac.Equal(m.body(), s.finished(m, transcript[:i]))
		}
	}
	return false
}
