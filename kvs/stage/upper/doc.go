// Package upper is the uppercase server, the first TCP server of the course: a
// client sends a text, the server sends it back in capitals and closes. There is no
// security in it at all, and no protocol to speak of; it is the conversation that
// the later stages have through better channels.
//
// A request is what one read of the server brings: at most [MaxRequest] bytes. The
// white space around it is stripped, the server prints who sent it and its bytes,
// answers once with the text in capitals, without an end of line, and closes. An
// empty request has an empty answer.
//
// # What it teaches
//
// TCP carries bytes and knows of no messages: where a request ends is for the two
// programs to agree upon, and these did not. A text that arrives in two pieces is
// answered by its first; a longer one is cut, in the middle of a letter perhaps,
// since a letter may be several bytes. The letters that are whole are capitals in
// the answer, and the bytes that are none come back as they came. Everything is on
// the wire as it was said, for everyone on the path to read and to change.
//
// # Where it comes from
//
// It is the server of a first exercise in sockets, written in Python. What is
// different here, and why:
//
//   - Capitals are of letters, as Unicode has them, and not of bytes: "Olá,
//     servidor!" becomes "OLÁ, SERVIDOR!". The original called upper on bytes,
//     which knows the letters of ASCII alone, and would have said "OLá, SERVIDOR!";
//     its report shows the other one. There is no language, so i becomes I, as
//     the dotless ı does; and ß becomes SS, so an answer can be longer than its text.
//   - The bytes are printed as bytes, those that are not ASCII in hexadecimal:
//     "Ol\xc3\xa1, servidor!". (So did the original, though its report shows them
//     as letters: a first question to predict.)
//   - What is more than 1,024 bytes is read and thrown away before the server
//     closes, up to 256 KiB. If it were left unread, TCP would reset the
//     connection, and the client might never see its answer.
//   - The client reads until the server closes, and not once.
//   - A client that says nothing is sent away, and many are served at once.
package upper
