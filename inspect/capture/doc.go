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
// Of the events of a recording, a capture holds what a cable would have
// carried, and the secrets: connections, captured bytes, endings. Clear text
// that the program wrote or read, the errors of endpoints, the server's name
// that a client expected, the roots and the clock that an endpoint goes by, and
// where a secret came from, are not in it, nor that a connection was a glass
// box. [inspect.Recording.Trust] gives a capture the roots that its certificate
// chains are then checked against. Of a connection with a gate it holds what
// each side sent, not what was forwarded.
//
// Read after written therefore gives a recording with the same records,
// messages, alerts and closings. An address that a recording does not know
// becomes one of 127.0.0.0/8, and the server's port 8888.
//
// # What is pasted
//
// What is no capture is read as what someone may have copied: as text, a hex dump
// (of xxd, hexdump, od, Wireshark), hex digits, bytes in a program's source,
// base64, PEM; of TLS records, handshake messages ([inspect.Messages]),
// certificates ([inspect.Certificates]), packets, a capture, a key log. Noted
// events say what it was taken for. At most 16 MiB are looked at.
//
// # Secrets
//
// Both the pcapng files and key logs hold the secrets of their connections:
// whoever has the file reads all of it. [Create] makes them readable by their
// owner alone. No error of this package quotes a secret.
package capture
