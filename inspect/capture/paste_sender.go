package capture

import (
	"slices"

	"example.com/tlslab/inspect"
)

// A said is bytes that one side sent.
type said struct {
	side  inspect.Side
	bytes []byte
}

const senderUnknown = "capture_sender_unknown"

// sides gives records or messages to who sent them: some are sent by one side
// alone. The others count as the same side's as those before them, at the
// beginning as those behind them. It says by what it goes.
func sides(chunks [][]byte) (all []said, why inspect.Reason) {
	type unit struct {
		said
		known  bool
		first  inspect.HandshakeType // of its messages, if it has any in clear
		begins bool                  // a chunk
	}
	var units []unit
	guessed := false
	why.Key = senderUnknown
	for _, chunk := range chunks {
		for begins := true; len(chunk) > 0; begins = false {
			length, first := unitOf(chunk)
			next := unit{said: said{bytes: chunk[:min(length, len(chunk))]}, first: first, begins: begins}
			next.side, next.known = senderOf(first)
			if next.known && why.Key == senderUnknown {
				why = inspect.Reason{Key: "capture_sender_" + next.side.String(), Data: []any{"name", first.String()}}
			}
			guessed = guessed || !next.known
			units, chunk = append(units, next), chunk[len(next.bytes):]
		}
	}
	for i := len(units) - 2; i >= 0; i-- { // a Certificate stands before what only its owner sends
		if u, next := &units[i], units[i+1]; !u.known && next.known && u.first == handshakeCertificate {
			u.side, u.known = next.side, true
		}
	}
	side := inspect.Client
	if i := slices.IndexFunc(units, func(u unit) bool { return u.known }); i >= 0 {
		side = units[i].side
	}
	for _, u := range units {
		if u.known {
			side = u.side
		}
		if last := len(all) - 1; last >= 0 && !u.begins && all[last].side == side {
			all[last].bytes = all[last].bytes[:len(all[last].bytes)+len(u.bytes)] // behind which they stand
			continue
		}
		all = append(all, said{side, u.bytes})
	}
	if guessed && why.Key != senderUnknown {
		why.Key += "_rest"
	}
	return all, why
}

// The types of handshake messages that only one side sends (RFC 8446 section 4,
// RFC 5246 section 7.4, RFC 6066 section 8), and the one that either does.
const handshakeCertificate inspect.HandshakeType = 11

var (
	ofClients = []inspect.HandshakeType{1, 5, 16}                      // client_hello, end_of_early_data, client_key_exchange
	ofServers = []inspect.HandshakeType{0, 2, 4, 6, 8, 12, 13, 14, 22} // hello_request, server_hello, new_session_ticket, hello_retry_request, encrypted_extensions, server_key_exchange, certificate_request, server_hello_done, certificate_status
)

func senderOf(first inspect.HandshakeType) (side inspect.Side, known bool) {
	switch {
	case slices.Contains(ofClients, first):
		return inspect.Client, true
	case slices.Contains(ofServers, first):
		return inspect.Server, true
	}
	return inspect.Client, false
}

// noMessage is the type of what has no handshake message that can be told.
const noMessage inspect.HandshakeType = 0xff

// unitOf returns the length of the record or message that b begins with, of
// what is neither all of it, and the type of the message in it that is first.
func unitOf(b []byte) (length int, first inspect.HandshakeType) {
	switch {
	case beginsRecord(b):
		length = 5 + int(b[3])<<8 + int(b[4])
		if b[0] == 0x16 && areMessages(b[5:min(length, len(b))]) { // or it is encrypted, or a fragment
			return length, inspect.HandshakeType(b[5])
		}
		return length, noMessage
	case len(b) >= 4:
		return 4 + int(b[1])<<16 + int(b[2])<<8 + int(b[3]), inspect.HandshakeType(b[0])
	}
	return len(b), noMessage
}
