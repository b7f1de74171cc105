// Package kernel is the managed server that every server of the lab is built on. It
// listens, completes handshakes, hands each connection to a handler in a goroutine
// of its own, and ends in good order. It counts what happens, tells whoever asked
// to be told, and lets no fault of a handler reach another client.
//
// A service is a [Handler]: what is said on a connection is its business. Package
// kvs is the one over text lines; the stages of the course are others.
//
// # Life
//
//	server := &kernel.Server{Addr: "127.0.0.1:0", Handler: handler}
//	err := server.Start(ctx)    // listens, and returns
//	addr := server.ListenAddr() // with the port that it took
//	err = server.Stop()         // asks it to end, and returns
//	err = server.Wait()         // until it has
//
// [Server.Run] is Start and Wait in one: it blocks. Stop and [Server.Restart] ask,
// and return at once, so that anyone may call them, handlers and callbacks
// included; Wait is for whoever wants to block. A restart takes the same address
// again, also where Addr left the port open, and does not end Run or Wait. The end
// of the context that a server was started with stops it too.
//
// A server that stops takes no more connections, lets the requests that run be
// answered, and cuts what is not over within its ShutdownTimeout.
//
// [Server.Serve] blocks on a listener from elsewhere; [Server.ServeConn] serves a
// single connection, in memory perhaps, without a listener.
//
// # Handshakes and limits
//
// A connection with a method HandshakeContext has a handshake: a *tls.Conn, or one
// with a key exchange of another kind. The field Wrap makes such connections of
// those that come from the network:
//
//	Wrap: func(l net.Listener) net.Listener { return tls.NewListener(l, config) }
//
// What clients can take is bounded: how many connections, handshakes and requests
// there are at once, in all and for one address; the time for a handshake, for
// silence, for a request, for a write; the size of a request, and the memory of answers.
// The fields of [Server] say how much that is. Where there is no place, whoever
// waits gets the next one by the turn of its address, so that who waits for many keeps
// nobody else waiting for all of them.
//
// Two bounds need the service: it says when a request has begun and ended, with [Conn.ReadBy] and
// [Conn.RequestDeadline], since otherwise a client that sends a byte now and then keeps
// its place; and how much memory a long answer takes, with [Conn.Hold].
//
// A flood is counted in full, in [Statistics] and for callbacks. The log tells of
// it in one line each [DigestPeriod], behind the first few; so can others, with a [Digest].
//
// # A server that runs all day
//
// A [Renewer] takes new certificates while the server runs. [Server.ServeStatistics]
// gives out the numbers, on a loopback address.
//
// # Verbs
//
// [Verbs] answers requests that begin with a word. Any word can be given a
// handler, at any time. Requests and errors are counted by it, in [Statistics]. If
// the handler panics, the service gets a *[PanicError], and answers with what an
// internal error is in its protocol; the connection goes on.
//
// # Events
//
// Whoever wants to know what happens registers callbacks, by a method
// ([Server.OnClient]) or by name ([Server.On]):
//
//	    name               parameters
//	 1  client             client              the handshake is done
//	 2  client_closed      client              client.Err() says why
//	 3  connection         connection          the handshake is still to come
//	 7  malformed_request  client, errors      by field
//	 8  request            client              it was understood; its verb is looked up next
//	 9  runtime_error      thread, class, traceback, client, error
//	10  started
//	11  stopped
//	12  unknown_verb       client
//	 -  handshake_failed   connection, error
//	 -  refused            connection, error   there is no place for it
//
// A service adds events of its own with [Server.Declare] and [Server.Emit], as the
// managed service of the course does for its containers (4, 5 and 6).
//
// For each connection, connection comes first. Then comes one of handshake_failed,
// refused and client; and if it was client, client_closed comes last.
//
// Callbacks are called one after the other, in the goroutine in which it happened,
// which goes on when they are done: so they should be quick, and several run at
// once where there are several clients. A callback may close the connection or the
// client that it was given: the server notices, and ends that session with
// [ErrDismissed]. If it panics, that is a runtime error, and nobody else is hurt.
//
// # Where this comes from
//
// Life, events, statistics and verbs are those of the Anweddol server, a managed
// service written in Python. What is different here, and why:
//
//   - Stop and Restart do not wait. A callback that waited for its own connection
//     to end would wait for ever.
//   - Callbacks add up and do not replace each other: who counts and who shows do
//     not know of each other.
//   - It had one time-out for a client, and no other limit.
//   - A handshake that failed and a connection that was refused passed in silence;
//     here they are events, and counted.
//   - A panic is part of the statistics there as here, but a handler's is answered.
package kernel
