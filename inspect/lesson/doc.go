// Package lesson plays scripts on a stage: scenes, in which someone on the
// wire attacks a session, and what must come of it is written beside it.
//
// A scene is a text of lines. A word in double quotes is written as in Go; a
// line that begins with # is a comment.
//
//	on plain tls12 tls13          the channels that it makes sense on
//	with expired                  how the endpoints differ from good ones
//	tamper client text 2: drop    from here on, the second such record is dropped
//	do create nome ana            the client does a command and waits
//	send "create a 1" "read a"    several, each in its own record, then the answers
//	pause 200ms                   the client thinks
//	connect                       the client comes again, on a new connection
//	guess "read a" "drop a -> Ok" from sizes alone: which one was the latest? (-> says which answer it gets)
//	exit                          the client leaves
//	note late-alert               a remark that belongs to what comes of it, by its name
//	only tls12: connect           a line that counts on some channels alone
//	expect tls12 tls13: server alerts bad_record_mac
//
// What tamper is about: the sender (client, server, either); the kind of record
// (record, text, alert, handshake, change_cipher_spec, a message such as
// client_hello, or unit and what a protocol without TLS calls it); which one (a number, the first if there is none, or every);
// and containing TEXT. What it does: drop, hold, repeat, swap, delay TIME, cut
// before, cut behind, cut N, inject HEX, inject text TEXT, flip byte N [bit B],
// flip field KIND, set field KIND to HEX, reseal byte N [bit B], which is flip by someone who
// has the keys, and seals what the record says anew. Of the home-made channel, whose ends take turns, also: repeat in turn, drop in
// turn, swap in turn, inject in turn "TEXT" knowing "TEXT". A negative N counts from the end; the
// kinds of fields are those of [inspect.Field], several to go down a tree.
//
// An expectation can be about values, too:
//
//	expect VALUE is VALUE         or: is not, contains, lacks, is less than, is more than, is at least, is at most
//	expect SIDE sends NAME NAME   these messages, or units of its protocol, and no others, on the latest connection
//
// A value is one of the following. Numbers are the same by number, bytes by their
// bytes, all else by text, exactly, but that ClientHello is client_hello and
// X25519 is x25519; what the session does not have is an error.
//
//	12  three  três  0x1603  "text"  NAME         the name of a let, or of a registry, as in bad_record_mac
//	first N of V   last N of V   byte N of V   bytes N to M of V
//	bit N of V                                    from the right, where its bytes end
//	size of V      count of V     how many bytes; how many fields or items
//	letters of V   port of V      how many letters a text has; the port of a service, as in: port of "http"
//	offset of V    of a field, within its message, else within what the record holds in clear, else within the record
//	name of V      text of V      line of V       number of V      hex of V
//	lines of V                                    how many its text has
//	sha256 of V    hmac of V with V               HMAC with SHA-256; the key stands last
//	equal bytes of V and V       equal blocks of V and V       how many, from the first on; a block has 16 bytes
//	different bytes of V and V                    at how many places they are not the same
//	different bits of V and V                     how many bits are not the same
//	V plus V  V minus V  V times V  V xor V       from left to right; a shorter one is padded on the left for xor
//	V then V                                      the bytes of both, one behind the other
//	UNIT                          a record as it was sent, through all connections: client text 2, server text last, server certificate
//	UNIT FIELD [N] FIELD [N]      the kind of a field, its last part, or the name in the standard's words; several to go down a tree
//	UNIT PART                     content, message, header, fragment, type, inner_type, padding, tag, sequence, nonce, additional_data, key, iv,
//	                              secret, epoch, received, verdict, row, connection, position, transcript
//	version  suite  group  scheme  server_name  resumed  round_trips       of the latest connection
//	answer  guessed  noticed  connections
//	looked                        the record or field that was looked at, as in: looked is server finished verify_data
//	alert of SIDE  error of SIDE  ending of SIDE  learned by SIDE  read by SIDE  wrote by SIDE
//	messages of SIDE  records of SIDE  sent by SIDE                        on its latest connection
//	schedule KIND [of SIDE] [seen by SIDE]   formula of V  command of V  input N of V  covers of V
//	secret LABEL                             as a key log has it
//	proof KIND of SIDE [seen by SIDE]        verified, refuted, ...; as its peer has it; reason of V (none, if it is verified), covers of V
//	proofs verified  proofs refuted          how many
//
// The position of a message is its place in the handshake's transcript, from 1,
// and transcript is the hash up to it and with it; row is the record's number on
// the screen; resumed is yes or no; round_trips is how often the client waits for
// the server before it may send its first text.
//
// Every expectation is judged by what the endpoints did: what their programs
// read, the errors they returned, the alerts they sent and whether those were
// understood, how they ended, or silence until a deadline. Nothing is guessed
// from the wording of an error but where the script itself quotes one. That a side
// alerts nothing leaves close_notify out, which is no error: whether it came, ends with says.
//
// # Lessons
//
// A [Lesson] is Markdown around such scripts, for one channel; it opens its
// sessions itself. Beside the lines above, but for on, with, only and note, it has:
//
//	open kv tls13 with expired    a fresh session: a stage, a channel where it has several, how the endpoints differ
//	open kv tls13 with glass-box  one whose randomness is recorded: its whole key schedule is known
//	hold client text 2            such a record will wait on the wire, and behind it what its sender sends meanwhile
//	begin read nome               the client does a command; goes on once something waits
//	release: flip byte 5          what waits goes on, or what stands behind the colon befalls it; the answer is waited for, or what is held next
//	look client client_hello random        a field goes by the names that it has in values
//	look client text last received         the same record as it arrived, changed on the way
//	explain client client_hello random
//	show ladder                   or: streams, detail, schedule, wire, verdicts, secrets
//	let first = VALUE             keeps a value, for later sessions too
//	do "read {{first}}"           in a command, a value
//
// In its prose {{VALUE}} is computed from the session, and {{LITERAL = VALUE}} is
// what the author wrote and is checked; a literal may be an ordinal, as in {{third = VALUE}}.
// {{WORDS when CONDITION}} are words that are true where the condition is, which is whatever may stand behind expect.
// What they say of sides, names, places, numbers, order, more and less, the same and another, and that something is not
// so, is what the condition says of them, in the same sequence:
//
//	{{The server receives the record when server receives altered}}
//	{{the CertificateVerify comes before the Finished when server certificate_verify position is less than server finished position}}
//
// Nothing else in prose may be a number or a name of the standards without proof: see [Lesson.Faults].
//
// Between fences that say ask NAME or predict NAME stands an [Exercise]: its
// question, then a line each for
//
//	= noticed                     the right answer, a VALUE that comes from the session
//	- client: the client          a choice: what is answered, and what is read
//	  when noticed is client      in place of =, behind each choice: what is expected if it is right; of exactly one it must come true
//	? Look at the alerts.         a hint; the next one helps more
//	! A MAC protects the bytes.   why
//
// A [Course] goes through lessons: with a student, as a [Sitting], or alone, with
// [Course.Check], which judges every claim and every exercise.
//
// The package knows no server: a [Runner], and a Course, are handed the stages.
package lesson
