package inspect

import "time"

// A Gate decides what becomes of captured units. A unit that it does not
// forward is held. The calls for one connection come one at a time; the gate
// may act on the wire within them or later, from any goroutine.
//
// A nil Gate forwards everything, and costs nothing.
type Gate interface {
	// Captured hands over the next unit that its sender put on the wire.
	Captured(w Wire, u Unit)
	// Ended says that from sends no more. The receiver learns it once every
	// unit before it has been decided on.
	Ended(w Wire, from Side)
}

// A Unit is what a gate decides on: one TLS record, one unit of another
// [Protocol], or what came at once where bytes are neither. ID is the index of
// its Captured event. Bytes is a view of the recording and must not be changed.
type Unit struct {
	ID     int
	Conn   int
	From   Side
	Speaks Protocol // the connection's; nil for TLS
	Bytes  []byte
}

// A Wire is one gated connection, as its gate may act on it. All methods are
// safe for concurrent use and return at once. Naming a unit that is not held
// does nothing, except that Forward sends it (again) while anything can
// arrive in its direction.
type Wire interface {
	// Conn is the connection's number in the recording, from 0.
	Conn() int
	// Recording is what the wire is recorded into.
	Recording() *Recording
	// Holds reports whether the unit is still held: it has not been decided
	// on, and may still arrive.
	Holds(id int) bool
	// Forward lets the unit through to its receiver.
	Forward(id int)
	// Expire is Forward for a held unit that nobody has decided on in time; the
	// recording says so by an [Expired] event.
	Expire(id int)
	// Send puts b on the wire as if from had sent it: in place of the held
	// unit cause, or, with a negative cause, out of nothing. What comes out of
	// nothing behind the end of its direction is undeliverable.
	Send(from Side, b []byte, cause int)
	// Replace sends in place of the held unit what f makes of it, once
	// everything that was decided on before in its direction is delivered, and in the
	// recording. If f returns nil, the unit goes on as it is. It is called at
	// most once, and must not wait.
	Replace(id int, f func() []byte)
	// Drop takes the unit off the wire.
	Drop(id int)
	// Cut ends the direction at once; what is held in it is never delivered.
	Cut(from Side)
	// Finish ends the direction once what has been decided on is delivered;
	// what is held, or comes later, never is.
	Finish(from Side)
	// After calls f once d has gone by, unless the connection is over by then.
	// Calls that are due at once come in the order in which they were asked for.
	After(d time.Duration, f func())
}
