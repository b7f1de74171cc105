// Package capture writes recordings as capture files that any tool opens, and
// reads captures and key logs, made anywhere, as recordings.
//
// A [Writer] makes pcapng: the connections of a recording as Ethernet, IP and
// TCP, with the secrets in Decryption Secrets Blocks, so that Wireshark shows
// the file decrypted. [Read] takes pcapng and classic pcap, puts TCP in order,
// and turns the secrets into events. [ParseKeyLog] and [WriteKeyLog] are for
// key logs in files of their own (SSLKEYLOGFILE, RFC 9850).
//
// # What a capture holds
//
// Of the events of a recording, a capture holds as packets what a cable would
// have carried, and the secrets: connections, captured bytes, endings.
//
// What else the recording knows stands in comments (opt_comment) on the packets
// that it belongs to: what the programs wrote and read in clear (the first 1024
// bytes of each), what an endpoint said on its own screen or failed with, what
// was held for long, altered, dropped or injected, and which protocol a
// connection speaks that is not over TLS. A comment on what someone did after
// their last packet is on their next acknowledgement; after the end of the
// connection there is no place for one. [Writer].Say gives the comments a
// language.
//
// A connection whose two ends saw different bytes, since something on the way
// between them was altered, dropped, injected, sent twice, out of turn or not at
// all, becomes two conversations, so that any tool reads both: what the client
// sent and what reached it, under the addresses of the connection; and what
// reached the server and what it sent, from an address for documentation
// (192.0.2.0/24, 2001:db8::/32). The second begins in the file where the
// difference did, though with the times of the whole connection.
//
// Read after written therefore gives a recording in which each side has the same
// records, messages, alerts and closings. It does not give back, but as
// comments:
//   - the errors of endpoints, and what programs wrote, read and printed;
//   - the server's name that a client expected, the roots and the clock that an
//     endpoint goes by ([inspect.Recording.Trust] gives a capture its roots);
//   - where a secret came from, so that each side seems to know all of them; and
//     that a connection was a glass box;
//   - what was done to a unit on its way, by whom, when, and how long it was
//     held: the verdicts of a tampered connection are those of two, of which
//     each is whole, and a record that reached a side out of turn is read no
//     better than that side could; what became of an alert is not said of
//     either ([inspect.Item.Elsewhere]);
//   - when what the server sent was captured, on a connection with a gate: its
//     time is that at which it reached the client;
//   - bytes that were let go, which are a gap.
//
// What was noted of a connection, what it speaks, and from where on nothing that
// a side sent could be delivered, is read back as it was: see [Reader.Speaks].
//
// An address that a recording does not know becomes one of 127.0.0.0/8, and the
// server's port 8888.
//
// The secrets of another protocol than TLS stand as lines of the same key log, in
// the same blocks: Wireshark passes over labels that it does not know.
//
// # Secrets
//
// Both the pcapng files and key logs hold the secrets of their connections:
// whoever has the file reads all of it. [Create] makes them readable by their
// owner alone. No error of this package quotes a secret.
package capture
