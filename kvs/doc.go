// Package kvs is the key-value service of the lab: pairs of byte strings, kept by
// a server, and a protocol of text lines to create, read, update and delete them.
//
// [Server] is the service as a handler for package kernel, over a store of
// package store; [Client] talks to it over any net.Conn. TLS is the business of the
// connection: certificates come from package pki. For the words of a request alone use [Quote] and [Split];
// for an error that a person must read, in that person's language, [Explain].
//
// # The protocol
//
// A request is one line, and gets one line as its answer, in order. Lines end
// with \n or \r\n; a client may send many before it reads the first answer. Words are separated by
// spaces or tabs:
//
//	create KEY VALUE    Ok
//	read KEY            the value
//	update KEY VALUE    Ok
//	delete KEY          Ok
//	show                all pairs: a JSON object, in the order of the keys' bytes
//	keys                all keys: a JSON array, in the same order
//	values              all values: a JSON array, in the order of their keys
//	auth TOKEN          Ok; where there is an [Access] alone
//	lang en|pt-BR       Ok; what goes wrong is answered in that language from then on
//	exit                Ok, and then the server closes (in TLS with close_notify)
//
// Keys and values are any bytes, the empty string included, within what package
// store takes. A word with anything but plain printable characters in it stands in double
// quotes, where \n \t \r \\ \" and \xHH (two hexadecimal digits) stand for bytes. The server
// quotes the values in its answers by the same rule, so that spaces, line
// ends, control characters, bidirectional and zero-width characters, and bytes that are not
// UTF-8 never leave it as they are. See [Quote] for the rule and [Split] for what is read.
//
// JSON answers are pure ASCII. A byte that is not part of valid UTF-8 stands as a lone
// surrogate, \udc80 to \udcff for 0x80 to 0xff, which no valid text contains, so
// that every string leads back to its bytes (Python: s.encode("utf-8", "surrogateescape")).
//
// # Errors
//
// What cannot be done is answered too, and never ends the connection. Such an
// answer starts with "Error: " ("Erro: " in Portuguese),
// unquoted. A value cannot look like that: it has a space, so it would be quoted. That is
// how [Client] tells the two apart.
//
// A line that is too long is discarded up to its end and answered with an error. A last
// line without an end is answered with an error too, and not carried out:
// whoever cuts the connection must not turn one request into another.
//
// Nothing that a client sends is evaluated, and nothing but the words above is a command.
//
// # Who may do what
//
// With an [Access], a client is the subject of its certificate, or who its token stands for, and is a [Reader] or a [Writer] or neither.
// Each command says which it needs ([Command.Needs]). Whoever may not do something gets an error as the answer, which says what
// is missing, and the connection goes on.
//
// # Lists
//
// The commands show, keys and values, and KEYS and SCAN below, go through the pairs in stretches, and others read and write in between: a pair that is there
// all the while is found once, in its place; one that is changed meanwhile may be found as it was, as it is, or not at all. Of each address
// one stretch is carried out at a time, and few of all (see [kernel.Conn.Stretch]). A list that is asked for by a connection that is broken is given up.
//
// # Redis
//
// The same port speaks RESP, the protocol of Redis, in versions 2 and 3, over the same store: redis-cli, redis-benchmark and the
// libraries for Redis are clients. The first byte of a connection tells the two apart, for as long as it lasts. A request in RESP is
// an array, and begins with '*'. No command of the lines begins so, unless [Server.Handle] was given one: then it cannot be
// the first of a connection. So nobody else chooses a protocol for a client, and what was begun in one never goes on in the other. In
// particular RESP has no inline requests here: what is not an array is an error. The lines know one, for redis-benchmark's sake:
// PING, in capitals, alone and ended by a carriage return and a line feed, is answered +PONG; with any other end it is no command.
//
// The commands, answered as Redis 7.0 does: GET, SET (NX, XX, GET, EX, PX, EXAT, PXAT, KEEPTTL), DEL, EXISTS, INCR, EXPIRE (NX, XX, GT,
// LT), TTL, KEYS, SCAN (MATCH, COUNT, TYPE), DBSIZE, MGET, MSET, PING, ECHO, INFO, AUTH and HELLO (with tokens), COMMAND, CLIENT (ID, GETNAME, SETNAME,
// SETINFO, INFO), SELECT 0 and QUIT. Each that reads or changes pairs is one View or Update of the store,
// except for those that go through many. They are
// counted by their names in capitals. They are not commands of the lines, whose words keep their meaning.
//
// Bounds: a request has at most as many bytes, as they come, as the kernel's MaxRequest says, and takes about twice that in memory; past it,
// and after anything that is not RESP, comes an error and the end of the connection. The rest of a request
// must come within RequestTimeout of its first byte. Of each connection, and of all together, long answers take bounded memory (MaxAnswers). An answer is bounded by AnswerLimit, and a pattern by the steps that it takes (100 million). The latest
// 1024 cursors of SCAN are remembered, each with its key, for all connections of a server. Errors are in
// English, as Redis has them, and what they repeat of a request is escaped.
package kvs
