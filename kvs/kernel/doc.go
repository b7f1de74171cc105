// Package kernel is the managed server that every server of the lab is built on. It
// listens, completes handshakes, hands each connection to a handler in a goroutine
// of its own, and ends in good order; it counts what happens, tells whoever asked to be
// told, and lets no fault of a handler reach another client.
//
// A service is a [Handler]: what is said on a connection is its business. Package kvs is
// the one over text lines; the stages of the course are others.
//
// # A life
//
//	server := &kernel.Server{Addr: "127.0.0.1:0", Handler: handler}
//	err := server.Start(ctx)      // listens, and returns
//	addr := server.ListenAddr()   // the port that it took
//	server.Stop()                 // asks it to end, and returns
//	err = server.Wait()           // until it has
//
// [Server.Start] does not block; [Server.Run] does, until the server has stopped: it is Start and then
// [Server.Wait]. [Server.Stop] and [Server.Restart] ask and return at once, so that they can be called from
// anywhere, from handlers and callbacks too; Wait after them is the blocking way. A
// restart takes the same address again, also when Addr asked for any free port. The
// end of the context that a server was started with stops it as Stop does. Stopping is
// graceful first: requests that run are answered. What is not over within ShutdownTimeout is cut.
//
// A server that is handed its listener runs with [Server.Serve], which blocks; a single
// connection, in memory perhaps, is served by [Server.ServeConn].
//
// # Handshakes
//
// A connection that has a method HandshakeContext has a handshake: a *tls.Conn, or one with key exchange of another
// kind. Wrap makes such connections of those that the network gives:
//
//	Wrap: func(l net.Listener) net.Listener { return tls.NewListener(l, config) }
//
// # Verbs
//
// [Verbs] answers requests that begin with a word. Any word can be given a handler, at any time; requests and
// errors are counted by it. A handler that panics is an error like any other to its caller, a *[PanicError], and the
// service answers with what an internal error looks like in its protocol.
//
// # Events
//
// Every event has a method ([Server.OnClient]) and a name ([Server.On]), and a number where the system that the events come from
// has one:
//
//	 1  client            client                    the handshake is done
//	 2  client_closed     client                    why: [Conn.Err]
//	 3  connection        connection                before the handshake
//	 7  malformed_request client, errors            errors by field
//	 8  request           client                    before its verb is looked up
//	 9  runtime_error     thread, class, traceback, client
//	10  started
//	11  stopped
//	12  unknown_verb      client
//	    handshake_failed  connection, error
//	    refused           connection, error         one too many
//
// A service can [Server.Declare] its own, as the managed service of the course does for its containers (4, 5 and 6).
//
// For each connection, connection comes first; then one of handshake_failed, refused and client; and after client,
// last of all, client_closed. Callbacks are called one after the other, in the goroutine where the event
// happened (so several at once when there are several connections), and hold it up: they should be quick. A callback may close the connection or
// the client that it was given; the server notices and ends that session with [ErrDismissed]. A callback that panics
// is a runtime error and hurts nobody. A callback must not [Server.Wait].
//
// # Where it comes from
//
// Life, events, statistics and verbs are those of the Anweddol server (in Python). What is different, and why: stop and restart do not wait,
// since a callback that waits for its own connection waits for ever; callbacks add up and do not replace each other;
// an endless client is bounded in every way (connections, handshake, silence, writing, request size), where it had one time-out;
// many clients are served at once; and failed handshakes and refusals are events of their own, where it was silent.
package kernel
