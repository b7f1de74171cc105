// Package sealed is a channel with home-made cryptography, and the managed service that
// speaks through it: a stage of the course, to be looked at and broken. Use it for nothing else; whoever
// wants a secure channel takes TLS.
//
// # The channel
//
// It is that of the Anweddol server (in Python), byte for byte. [ClientEnd] and [ServerEnd] make it of any net.Conn.
// First the keys are exchanged; each step is acknowledged by the other end with the one byte 1, or refused with 0:
//
//	client                                server
//	800===== and its public key    ─►
//	                               ◄─     800===== and its public key
//	512 bytes: AES key and IV      ─►
//	                               ◄─     512 bytes: the same key and IV
//
// A length is 8 ASCII characters, decimal and padded with "=" to the right; it is acknowledged before what
// it announces is sent, which then is acknowledged too. A public key is RSA-4096, as the PEM of a SubjectPublicKeyInfo (800
// bytes); that of PKCS #1 is understood as well. 512 bytes are RSA-OAEP, with SHA-256 for both its hashes and no label, over a
// 32-byte key and a 16-byte IV.
//
// A message then is its length in clear, as above and acknowledged with 1, and AES-256-CBC with PKCS #7 over its text, always with the
// same key and IV. It is not acknowledged itself.
//
// # What is wrong with it
//
// Nobody proves whose a public key is: whoever sits between swaps both, and reads and changes everything. Nothing
// authenticates a message: a bit of ciphertext that is flipped garbles one block and
// flips the same bit of the next. One IV serves the whole session, in both directions: equal beginnings
// show. Padding that is wrong ends the connection, where a request that makes no sense is answered: that difference is a padding
// oracle, which decrypts without the key. A recorded conversation can be played again. The server decrypts anybody's recorded 512 bytes, and sends them back encrypted to
// whatever public key it is shown: who has recorded a session asks it for the key. And who gets one of the two private keys some day reads
// all that was recorded before. The tests of this package do each of these.
//
// # What mends it, and what is still missing
//
// [Config.Authenticated] keeps the shape and mends it: each end knows the fingerprint of the other's public key
// (pinning); both give 48 random bytes, each encrypted under a label that binds it to both public keys
// and its sender; HKDF-SHA256 makes of them, and of a hash of all that was exchanged, a key for each direction and purpose; each
// message has a fresh random IV, and an HMAC-SHA256 over its number, its length, the IV and the ciphertext, which is
// verified before anything is decrypted.
//
// Compared with TLS 1.3 it still lacks: forward secrecy (both private keys open every recording); an end that is
// authenticated, such as close_notify (a cut between messages looks like the end); negotiation of versions and algorithms, and so a way out of
// those that are broken; certificates, with names, expiry and revocation (each key is carried to each peer by hand); the hiding of who
// talks (the public keys cross in clear); padding that hides lengths, for whoever wants it; new keys in a long session; a single round trip before the first
// request (the key exchange takes four, and the length of each message one more); and the many who have tried to break it.
//
// # The service
//
// A [Server] answers one request a connection, {"verb": "STAT", "parameters": {}}, with {"success": true, "message": "OK", "data": {}}:
//
//	STAT       uptime (seconds), available (containers)
//	CREATE     container_uuid, client_token, container_iso_sha256, container_username, container_password, container_listen_port
//	DESTROY    wants container_uuid and client_token
//
// and whatever [Server.Handle] adds. The messages are OK, Bad authentication, Bad request, Refused request, Unavailable and Internal
// error; a reason may follow, in brackets. A container is an isolated key-value space that begins as the [Image] has it, with a [Shell] on a
// port of its own; all are destroyed when the server stops. Life, limits and statistics are those of package kernel, and so are the
// events, among which the service has three of its own: created_container (4), created_endpoint_shell (5) and destroyed_container (6).
//
// # What is different from the original, and why
//
// The containers were virtual machines, their image an ISO file, their shell SSH. Here they are spaces of pairs, so that nothing but this program is needed.
//
// A length must be written as above, where Python's int() took signs, spaces and underscores, and it is bounded; reading goes on
// until all has come, where one recv had to bring it; a key must have 4,096 bits; the client compares the echo with what it
// sent, where it took over whatever came. None of this changes a byte of an honest conversation.
//
// Many clients are served at once. A request that is too long is refused by its length. A container that a
// callback does not want (it closes the client, or the shell) is undone, where it was left behind.
package sealed
