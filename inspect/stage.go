package inspect

import "context"

// A Stage is one server and client, ready to be driven through a tap. The
// screen and the lessons know their endpoints only by it.
type Stage interface {
	// Open joins a new server and client through the tap and lets the client
	// begin. It does not wait for a handshake, which may be held on the wire.
	Open(ctx context.Context, tap *Tap) (Play, error)
}

// A Play is a stage's client and server at work. Its methods are safe for
// concurrent use.
type Play interface {
	// Do has the client send one command and returns the server's answer. It
	// waits for what comes before it: the handshake and earlier commands.
	// An error means that the conversation is over, and why; but after a *[CommandError]
	// it goes on.
	Do(ctx context.Context, command string) (answer string, err error)
	// Close ends the conversation, held bytes or not, and waits until nothing
	// of it is left.
	Close() error
}

// A Preparer is a Play whose endpoints say something by themselves before the
// first command, as a key exchange does.
type Preparer interface {
	// Prepared is closed when that is over, whichever way it ended.
	Prepared() <-chan struct{}
}

// A Lasting is a Play whose commands may open further connections, so that it is not
// over when all that there are have ended.
type Lasting interface {
	// Over reports whether no further command can be done. It does not wait.
	Over() bool
}

// A Staller is a Play in which something can stand still until another command
// is done, as a client does whose server serves another one.
type Staller interface {
	// Stalled says in a line what waits, and what for; "" if nothing does. It does not wait.
	Stalled() string
}

// A TurnTaker is a Stage whose ends take turns, and protect nothing of that: whoever keeps to them speaks in the
// place of either side.
type TurnTaker interface {
	Stage
	// Impostor returns someone new on the wire; nil if the ends do not take turns on this channel.
	Impostor() Impostor
}

// An Impostor acts on what the client sends, without any key. It is the gate of a tap, which forwards all else.
type Impostor interface {
	Gate
	// Repeat has a message say itself once more, when the client's next turn comes.
	Repeat(message Held)
	// Drop takes a message away, of which the client has just sent the length, and answers in the server's place.
	Drop(length Held)
	// Swap does as Drop, and says the message behind the client's next one.
	Swap(length Held)
	// Inject makes another message of one whose text is known, and says it when the client's next turn comes. How
	// much it can make of it is the channel's matter; it may become something that nobody understands.
	Inject(wanted, known []byte) Action
}

// A CommandError says that the client refused a command by itself: nothing of
// it was sent.
type CommandError struct {
	Reply string // what it said, in its language; to be made safe before it is shown
}

func (e *CommandError) Error() string { return e.Reply }
