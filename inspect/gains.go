package inspect

import "fmt"

// A Gain is what an endpoint can compute from a message on, since it has sent
// or received it. It follows from the protocol alone, whatever the recording
// holds of the secrets themselves.
type Gain struct {
	Message *Message
	Secrets []string // in the standard's words, in the order of the key schedule
}

// Gains returns what side can compute, message by message, as this view has
// them: of a gated connection, side's own view tells what side itself learns.
//
// A secret that anybody can compute is none: without a pre-shared key, the
// early_secret is left out.
func (v *View) Gains(side Side) []Gain {
	var gains []Gain
	l := learner{side: side}
	for _, m := range v.messages {
		if secrets := l.learn(v.taken(m)); secrets != nil {
			gains = append(gains, Gain{m, secrets})
		}
	}
	return gains
}

// A learner follows a handshake as one of its endpoints.
type learner struct {
	side        Side
	offer       hello
	sessionID   string
	version     uint16
	hasEarly    bool
	finished    [2]bool
	generations [2]int
}

// learn returns what the message adds.
func (l *learner) learn(m *Message) []string {
	switch m.Type {
	case typeClientHello:
		return l.clientHello(m)
	case typeServerHello:
		if !m.retry() {
			return l.serverHello(m)
		}
	case typeClientKeyExchange:
		return []string{"pre_master_secret", "master_secret", "key_block"}
	case typeFinished:
		return l.finishedBy(m.Side)
	case typeNewSessionTicket:
		if l.version == version13 {
			return []string{"PSK"} // RFC 8446 section 4.6.1
		}
	case typeKeyUpdate:
		l.generations[m.Side]++
		return []string{fmt.Sprintf("%s_application_traffic_secret_%d", m.Side, l.generations[m.Side])} // RFC 8446 section 7.2
	}
	return nil
}

func (l *learner) clientHello(m *Message) []string {
	l.offer, l.sessionID = parseClientHello(m.body()), sessionID(m.body())
	l.finished = [2]bool{} // a renegotiation of TLS 1.2 begins anew
	if len(l.offer.identities) == 0 || l.side == Server || l.hasEarly {
		return nil
	}
	return l.early(l.offer.earlyData)
}

func (l *learner) early(traffic bool) []string {
	l.hasEarly = true
	if traffic {
		return []string{"early_secret", "client_early_traffic_secret"}
	}
	return []string{"early_secret"}
}

// serverHello decides the version, and in TLS 1.3 completes the key exchange.
func (l *learner) serverHello(m *Message) (secrets []string) {
	h := parseServerHello(m.body())
	l.version = h.version
	if h.version != version13 {
		// An abbreviated handshake answers with the session ID that was offered
		// (RFC 5246 section 7.3, RFC 5077 section 3.4).
		if id := sessionID(m.body()); id != "" && id == l.sessionID {
			return []string{"master_secret", "key_block"}
		}
		return nil
	}
	if h.resumed && !l.hasEarly {
		secrets = l.early(l.offer.earlyData && h.identity == 0) // which early data goes with (RFC 8446 section 4.2.10)
	}
	return append(secrets, "handshake_secret", "client_handshake_traffic_secret", "server_handshake_traffic_secret", "master_secret")
}

// finishedBy is what the transcript up to a Finished gives (RFC 8446 section 7.1).
func (l *learner) finishedBy(side Side) []string {
	if l.version != version13 || l.finished[side] {
		return nil
	}
	l.finished[side] = true
	if side == Server {
		return []string{"client_application_traffic_secret_0", "server_application_traffic_secret_0", "exporter_master_secret"}
	}
	return []string{"resumption_master_secret"}
}

// sessionID returns the (legacy_)session_id of a ClientHello or ServerHello,
// which both have behind version and random.
func sessionID(body []byte) string {
	const at = 2 + 32
	if len(body) <= at || len(body) < at+1+int(body[at]) {
		return ""
	}
	return string(body[at+1:][:body[at]])
}
