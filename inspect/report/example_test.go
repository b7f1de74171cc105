package report_test

import (
	"os"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

// A server refuses a client. Sessions come from a tap or from a capture; this
// one is made by hand.
func Example() {
	rec := new(inspect.Recording)
	rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	rec.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")})
	rec.Append(inspect.Event{Kind: inspect.Ended, Side: inspect.Server, Cause: -1, How: inspect.EndOfFile})

	session := inspect.NewSession(rec)
	text := report.Text{ASCII: true}
	if err := text.Writer(os.Stdout).Close(session); err != nil {
		panic(err)
	}
	// Output:
	// #1 server -> client: alert record, 7 bytes, in clear, holds alert.
	//   in clear: alert, 2 bytes
	//   as sent: 15 03 03 00 02 02 28
	//
	// #1 server -> client: alert, level fatal, handshake_failure (40). It arrived.
	// #2 The server sends no more; it ended with the alert handshake_failure, after which no close_notify is due.
}
