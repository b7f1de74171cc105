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
// flip field KIND, set field KIND to HEX. A negative N counts from the end; the
// kinds of fields are those of [inspect.Field], several to go down a tree.
//
// Every expectation is judged by what the endpoints did: what their programs
// read, the errors they returned, the alerts they sent and whether those were
// understood, how they ended, or silence until a deadline. Nothing is guessed
// from the wording of an error but where the script itself quotes one.
//
// The package knows no server: a [Runner] is handed the stages.
package lesson
