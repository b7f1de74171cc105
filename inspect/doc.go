// Package inspect shows what TLS does: it records every byte that crosses a
// connection, and says what each of them means.
//
// # The idea
//
// There is one append-only [Recording] of what happened on the wire, and
// everything that anyone sees is a pure function of it. A [Tap] makes a
// recording of live connections; a file that is opened gives the same type.
// A [Session] reads a recording and knows its records, its messages, its
// secrets and the state of both endpoints at every moment.
//
//	program ── tls.Conn ── tap ── tls.Conn ── program
//	                        │
//	                    Recording ── Session ── records, messages, fields
//
// # Getting a recording
//
// Any Go server becomes inspectable with one line, and so does any client:
//
//	tap := inspect.NewTap()
//	ln = tap.Listener(ln, tlsConfig)                 // instead of tls.NewListener
//	conn := tap.Client(conn, tlsConfig)              // instead of tls.Client
//	client, server := tap.Pipe(clientCfg, serverCfg) // both, in memory
//	err := tap.Relay(ctx, fromClient, toServer)      // two programs of anyone's
//
// The tap clones each tls.Config once and adds a KeyLogWriter, so that the
// secrets stand in the recording beside the bytes that they protect; it looks
// into a client's ClientSessionCache for the secrets of its tickets. Nothing
// is decrypted or dissected while it is being captured. Over a net.Conn the
// tap is a thin wrapper; in memory, and wherever a [Gate] is to decide what
// becomes of each record, it reads and writes by itself and never stops
// reading because the other side is slow, up to [Tap.Queue] bytes.
//
// # Reading it
//
//	session := inspect.NewSession(tap.Recording())
//	for rec := range session.Records() {
//		fmt.Println(rec.Side, rec.Epoch, rec.InnerType, len(rec.Raw()), rec.Plaintext())
//	}
//
// [Session.Items] tells the same story with everything else that a person is
// shown: alerts, endpoint errors, bytes that are not TLS, and how each side
// ended. While the session lives, [Recording.Wait] says when there is more
// and [Session.Extend] takes it in.
//
// A [Record] is decided when the recording holds the secret that it is under.
// Until then [Record.Why] says what is missing. Looking up a secret yields
// candidates; the tag of the record decides between them.
//
// [Record.Fields] names every byte of a record as it was captured, and
// [Message.Fields] every byte of a handshake message in clear, certificates
// and OCSP responses included: trees of [Field] whose leaves cover each byte
// exactly once.
//
// [View.Schedule] computes the key schedule, [Record.Protection] what one record
// is sealed with, and [View.Verifications] does the proofs of the handshake
// again. Each value comes with its formula and its inputs, and, where OpenSSL can
// compute it, with a command that prints it.
//
// # Encrypted Client Hello
//
// A ClientHello can hold another one, encrypted: [Message.ECH] says what could be
// made of it. Where a server's key is known ([LabelECHKey], which a tap records),
// or what a key log has for it, the inner one is opened. If the server accepts it,
// transcript, secrets and proofs are the inner one's; [State.ECH] says so.
//
// # Two views of one connection
//
// What one side sent and what the other received are two lanes. They are the
// same unless a [Gate] drops, alters, repeats or reorders what was captured;
// then [Connection.View] shows each endpoint's truth: its bytes, its
// sequence numbers, its transcript, its secrets.
//
// [Connection.Account] says how one endpoint fared: its errors and alerts, how
// far these got, what never reached it, and whether its program read what the
// other wrote. [Connection.Noticed] says which of the two noticed first, if any.
// [Connection.Parting] says where the two transcripts part, and the secrets with
// them; [Connection.Crossing] what one record was sealed with, and what its
// receiver opens it with.
//
// # Changing what is on the wire
//
// [Rules] act on the units that a [Match] describes, a [Stepper] holds each of them for a
// person. An [Action] forwards, drops, repeats, delays, swaps, cuts, injects, alters.
// [Edit] changes a [Draft] of what a record says, by bits, bytes or fields: with
// the lengths that count them, if asked ([Draft.Set]). A record that is protected is
// sealed anew with the keys that the recording holds ([View.Seal]): its
// receiver accepts it, and only [VerdictResealed] tells.
//
// # Other protocols
//
// A connection may speak something else than TLS: [Tap.PipeOf] is told its
// [Protocol], which cuts its bytes into units, says what each is, and opens those
// that are encrypted with the secrets that the endpoints tell ([Endpoint.KeyLog]).
// A unit is a [Record] too, with a name, a tree and a clear text, and is held,
// matched and changed like any other; [Record.TLS] tells them apart. [Dissect] helps
// to make trees. [Lines] is the plainest protocol there is.
//
// # A glass box
//
// With [Tap.GlassBox], for study alone, the two endpoints of a [Tap.Pipe] draw
// their randomness through the tap. The private keys found in it are secrets of
// the recording, and [View.Schedule] then knows every value from the top down.
//
// # Bounds and safety
//
// A recording keeps at most [Recording.Limit] bytes and lets the oldest go
// after that. The memory of a [Session] is linear in what was captured. For each
// byte it keeps less than a tenth of a byte where records are full (16 KiB), some
// 7 bytes where they hold 40, some 10 where connections are nearly all handshake,
// and less than 120 of the worst that its tests know: empty records, alerts,
// KeyUpdates, single bytes. A unit of another protocol takes less than 700 bytes, however
// short it is, and what its protocol keeps of it. Trees are built when they are asked for and are not
// kept: at most some 1,600 bytes are allocated for each byte of a message, and a
// tree has at most 262,144 fields.
//
// Secrets are part of a recording: whoever holds it can read the session. Names
// and values in fields may quote captured text, which an attacker may have chosen:
// draw them through [Safe].
package inspect
