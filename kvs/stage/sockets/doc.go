// Package sockets is the sockets course: five versions of one server and its client, each a step towards a
// concurrent server, and the warm-up and the exercise that belong to them. All of it is in clear: there is no TLS here.
//
//	V1   the server accepts a connection, says so on its screen, and ends
//	V2   the server speaks first, the client answers, both end: a protocol is born
//	V3   the client sends a product as a gob, an object of another type is refused, both end
//	V4   the client adds products to a list and has it listed, as JSON, until it says terminar, which ends the
//	     server; whoever connects meanwhile waits
//	V5   many clients at once, each on a list of its own or all on one; products are looked up by their codes
//
// [Server] and [Client] are those of a version; [WarmUp] comes before V5, and shows what concurrency is. The server
// is a handler of package kernel:
//
//	server := &sockets.Server{Version: sockets.V4, Lang: "pt-BR", Screen: os.Stdout}
//	err := server.Kernel().Run(ctx) // or Serve, with a listener
//
// # Addresses, ports and calls
//
// An IP address names a machine; 127.0.0.1 (localhost) is the machine itself. A port, a number from 0 to 65535, names a
// service on it: 80 is HTTP, 20 and 21 FTP, 22 SSH. Two services cannot have one port at the same time, so each
// student takes another, from 1024 on: those below are kept for the system. The server takes its
// port (bind), lets connections come (listen) and takes them one by one (accept); the client
// connects (connect). Then both send and receive, and close. Whoever connects where nobody listens is refused, which [Explain] tells.
//
// # What crosses the wire
//
// A line ends with \n, or \r\n. Sentences are in the language of the server: those below, or in English. What is
// refused is answered with a line that begins with "Erro: " or "Error: ".
//
//	V2   server  olá, cliente: o que você diz?
//	     client  any line
//
//	V3   server  esperando produtos...
//	     client  a gob: the definition of a struct Product with the fields Code string, Name string and Price
//	             float, in this order, and a value of it
//	     server  produto recebido [OK]
//
//	V4   client  adicionar
//	     server  esperando produtos...
//	     client  {"code":"7","name":"caneta","price":2.50}
//	     server  produto recebido [OK]
//
//	     client  listar
//	     server  [{"code":"7","name":"caneta","price":2.50}]
//
//	     client  terminar
//	     server  até logo
//
//	V5   and     consultar
//	     server  esperando código...
//	     client  "7"
//	     server  {"code":"7","name":"caneta","price":2.50}, or: Erro: não existe produto com o código 7
//
// In V4 and V5 the client may go on after a refusal, except after a line that is too long or has no end. In V4 nothing but
// terminar ends the server: if a client leaves without it, the next one has its turn.
//
// # Objects of strangers
//
// A decoder that evaluates what it reads, as Python's pickle does, hands the receiver over to the
// sender: a pickle names the functions that are to be called, and loading it calls them. Package gob calls nothing
// that the receiver has not chosen, but it has two dangers of its own. Its limits on sizes are far too
// high for a server; and it decodes any struct into another that has a field of it,
// and is silent about the rest. So V3 takes a bounded number of bytes, reads the definition of the type before it
// decodes, and refuses any type but the one that it expects. A [Call] shows it: what a decoder
// that evaluates would have done is told, and not done.
//
// # Where it comes from
//
// It is a course on sockets in Python; the sentences and verbs are its own. What is different, and why:
//
//   - A line has an end: TCP carries a stream of bytes and knows of no messages, so that what one read brings
//     may be half of one, or two.
//   - V3 has gob for pickle.
//   - V4's client has room for one read of 2,048 bytes, and says so when a list is longer; V5's puts all reads
//     together, until the end of the line.
//   - V4 takes the next client when one has left without terminar; there, the server took one connection in all.
//   - Whatever a client sends is bounded, in length and in time, and what makes no sense is answered.
//   - The lists of V4 and V5 are kept in package store: a code can be there once, and they are in the order of
//     the codes.
package sockets
