package inspect

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// A Side is one endpoint of a connection. Bytes, records and errors belong to
// the side that sent, or suffered, them.
type Side uint8

// The two endpoints: the one that opens the conversation, and its peer.
const (
	Client Side = iota
	Server
)

// Peer returns the other endpoint.
func (s Side) Peer() Side { return s ^ 1 }

// String returns "client" or "server".
func (s Side) String() string {
	if s == Client {
		return "client"
	}
	return "server"
}

// An EventKind says what happened.
type EventKind uint8

// The kinds of event. On a connection without a gate, captured bytes go on
// at once, and only what did not arrive has a second event. On a gated one
// every captured unit is held until an event with its index as Cause says
// what became of it.
const (
	Opened        EventKind = iota + 1 // a connection: Opening is set
	Captured                           // Bytes left Side for its peer
	Forwarded                          // the unit Cause was let through, as it was
	Dropped                            // the unit Cause was taken off the wire
	Altered                            // Bytes were sent in place of the unit Cause
	Injected                           // Bytes were sent that Side never sent
	Undeliverable                      // the last N bytes of Cause could not be handed over
	Secret                             // Logged is set
	Wrote                              // the program at Side wrote Bytes, in clear
	Read                               // the program at Side read Bytes, in clear
	Failed                             // the endpoint Side failed with Err
	Ended                              // Side sends no more; How says in which way
	LetGo                              // N captured bytes of Side were let go, oldest first
	Trusted                            // Roots were given from outside, see [Recording.Trust]
	Drained                            // gated: no more of what Side sent will be delivered; How is what its peer sees
	Silent                             // Side waited N milliseconds, until its deadline, for what did not come
	Expired                            // the unit Cause was held as long as its gate may: it goes on by itself
	Printed                            // the program at Side said Text on its own screen, which its peer does not see
	Noted                              // Note was said of what Side sends, by whoever read or made the recording
)

var eventKinds = [...]string{
	Opened: "opened", Captured: "captured", Forwarded: "forwarded", Dropped: "dropped", Altered: "altered",
	Injected: "injected", Undeliverable: "undeliverable", Secret: "secret", Wrote: "wrote", Read: "read",
	Failed: "failed", Ended: "ended", LetGo: "let go", Trusted: "trusted", Drained: "drained", Silent: "silent",
	Expired: "expired", Printed: "printed", Noted: "noted",
}

// String returns the kind in lower case, as in "captured".
func (k EventKind) String() string {
	if int(k) < len(eventKinds) && k != 0 {
		return eventKinds[k]
	}
	return fmt.Sprintf("event kind %d", uint8(k))
}

// An Ending is the way in which a direction of a connection ended, as seen
// on the wire. Whether a close_notify came before is for [Session] to say:
// it stands in an encrypted record.
type Ending uint8

// The endings.
const (
	EndOfFile Ending = iota + 1 // an orderly end of the stream
	Cut                         // the side has reset the connection, or a gate has cut it off
	Broken                      // what the side sends reaches nobody any more: its peer has reset the connection or is gone, or the tap has ended it
)

// String returns "end of file", "cut" or "broken".
func (e Ending) String() string {
	switch e {
	case EndOfFile:
		return "end of file"
	case Cut:
		return "cut"
	case Broken:
		return "broken"
	}
	return fmt.Sprintf("ending %d", uint8(e))
}

// An Event is one thing that happened. Index is its place in the recording.
//
// Bytes is a view of the recording and must not be changed. It is nil, while
// N is not zero, when the bytes have been let go ([Tap.Limit]).
type Event struct {
	Index int
	Kind  EventKind
	Conn  int // from 0, in the order in which connections were opened; -1 for a secret, and for roots
	Side  Side
	Time  time.Time
	Bytes []byte
	N     int // len(Bytes), or the count that Kind names
	Cause int // the index of the event that this one answers; -1 if none
	How   Ending

	Snapped bool // of Captured without Bytes: the capture kept the beginning of a packet alone

	Opening *Opening
	Logged  *LoggedSecret
	Err     *EndpointError
	Roots   *x509.CertPool
	Note    *Reason
	Text    string // of a Printed event: one line, without its end, which its program made safe to show: see SafeOnce
}

// ProtocolTLS is the protocol of a connection over TLS, and of one whose Opening names
// none. Others are named by their [Protocol].
const ProtocolTLS = "tls"

// An Opening says what a connection is: its protocol, who talks, and through
// what.
type Opening struct {
	Protocol   string    // its name
	Speaks     Protocol  // what its bytes mean; nil for TLS, and for a protocol that is not known
	Addr       [2]string // by Side, as net.Addr writes them; "" if unknown
	Ours       [2]bool   // by Side: an endpoint of this process
	Gated      bool      // units wait for a Gate
	GlassBox   bool      // the randomness of both endpoints is recorded: for study alone
	ServerName string    // what our client expects the server to be called
	Trust      [2]*Trust // by Side; nil if it is not known
	Late       bool      // it had begun before the recording did: what was said first is missing

	// Bare is of bytes alone, which someone has copied: nobody knows whether
	// they arrived, and with SenderUnknown not who sent them either; they are
	// held for the client's.
	Bare, SenderUnknown bool
}

// tls reports whether the bytes of the connection are TLS.
func (o Opening) tls() bool {
	return o.Speaks == nil && (o.Protocol == ProtocolTLS || o.Protocol == "")
}

// A Trust says how an endpoint checks the certificates of its peer.
type Trust struct {
	Roots *x509.CertPool // that it trusts; nil: those of its system, which are not in the recording
	Skips bool           // it does not check them: InsecureSkipVerify, or a server that takes any certificate
	Time  time.Time      // when the connection was opened by its own clock, tls.Config.Time; zero: it has none
}

// An Origin says where a secret comes from.
type Origin uint8

// The origins.
const (
	ClientLog Origin = iota + 1 // the client's crypto/tls logged it
	ServerLog                   // the server's crypto/tls logged it
	FromFile                    // a key log, or a capture with its secrets inside
	Derived                     // computed from other secrets of the recording
	Recorded                    // drawn by an endpoint in a glass box ([Tap.GlassBox])
	FromCache                   // the client's tls.Config.ClientSessionCache holds it
)

// String names the origin.
func (o Origin) String() string {
	switch o {
	case ClientLog:
		return "client's key log"
	case ServerLog:
		return "server's key log"
	case FromFile:
		return "file"
	case Derived:
		return "derived"
	case Recorded:
		return "recorded randomness"
	case FromCache:
		return "client's session cache"
	}
	return fmt.Sprintf("origin %d", uint8(o))
}

// A LoggedSecret is one line of a key log (SSLKEYLOGFILE, RFC 9850): a label
// such as CLIENT_TRAFFIC_SECRET_0, what identifies the connection (nearly always
// the ClientHello.random), and the secret itself. Another [Protocol] has labels
// and identifiers of its own.
type LoggedSecret struct {
	Origin       Origin
	Label        string
	ClientRandom []byte
	Bytes        []byte
	Line         int // of the key log that it is from, from 1; 0 if it is not from one, or that is not known
}

// knownTo reports whether side knows the secret. A private key is known to the
// side whose it is, whatever else a log says to the side that wrote it; what
// came from a file, or was computed, belongs to both.
func (s LoggedSecret) knownTo(side Side) bool {
	switch {
	case slices.Contains(ephemeralLabels[:], s.Label):
		return s.Label == ephemeralLabels[side]
	case s.Origin == FromCache:
		return side == Client
	case s.Origin == ClientLog || s.Origin == ServerLog:
		return s.Origin == ClientLog+Origin(side)
	}
	return true
}

// An EndpointError is what a tls.Conn returned, word for word. Err is nil
// when the recording was read from a file.
type EndpointError struct {
	Text string
	Err  error
	Op   string // what its program had asked for: "handshake", "read", "write" or "close"; "" if that is not known
}

func (e *EndpointError) Error() string { return e.Text }

// Unwrap returns the error as the endpoint returned it.
func (e *EndpointError) Unwrap() error { return e.Err }

// text returns the error of a Failed event, word for word.
func (e Event) text() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Text
}
