package inspect

// A Protocol is what a connection without TLS speaks: how its bytes are cut into
// units, and what each unit means. Whoever opens such a connection names it
// ([Tap.PipeOf], [Opening]); a unit then is a [Record] like those of TLS, and
// whatever shows, holds or changes records does so with it.
//
// It is done in three steps, so that a Session is the same however the bytes came and
// whenever a secret did: a [Splitter] cuts each direction by itself; a [Reader]
// says of unit after unit, from what anyone on the wire can see, what it is; and
// what is encrypted is opened by itself, when its secret is there ([SealedReading]).
//
// What is read may be hostile: it is whatever stood on the wire. Lengths and
// trees that make no sense are shown as not understood; a panic is not caught.
// The methods of a Protocol must be safe for concurrent use; what they return
// is used by one goroutine at a time.
type Protocol interface {
	// Name is a short word of printable ASCII, the same each time, as in "lines".
	Name() string
	// Splitter returns a new splitter for what from sends. Each end of the wire has
	// its own, and so has the gate.
	Splitter(from Side) Splitter
	// Reader returns a new reader for one endpoint's view of a connection.
	Reader() Reader
}

// A Splitter cuts the bytes of one direction into units. It may remember what
// came before.
type Splitter interface {
	// Next returns the length of the unit that b begins with. b is never empty,
	// and must not be changed or kept.
	//
	// If the unit is whole, the next call begins behind it. If the length is more
	// than len(b), Next is called again for the same unit once so many bytes of it
	// are there; len(b)+1 says that it is not known yet. If the length depends on b's
	// bytes alone, units are the same however they come. A protocol that has no
	// bounds of its own returns len(b): a unit is what came at once.
	//
	// 0 or less says that no unit begins so. Everything from there on is then a
	// run of bytes that is not understood, and so is a unit of more than [MaxUnit] bytes.
	Next(b []byte) int
}

// MaxUnit is the greatest length of a unit, in bytes.
const MaxUnit = 16 << 20

// A Reader follows one connection as one endpoint sees it, from what anyone on the
// wire can see, and says what each unit is.
type Reader interface {
	// Read is shown each unit of both sides, in the order in which their last bytes
	// crossed. b must not be changed or kept. If whole is false, the direction ended
	// within the unit. A nil Reading says that the unit is not understood.
	Read(from Side, b []byte, whole bool) Reading
}

// A Reading is what a unit is. A Session keeps it for each unit, so it should be
// small: what it needs of the unit's bytes it is given again.
type Reading interface {
	// Name is what the protocol calls such a unit, in printable ASCII: "request".
	Name() string
	// Text reports whether the unit carries what a program says to the other, as
	// application data of TLS does. What is the protocol's own, a key or an acknowledgement, does not.
	Text() bool
	// Fields dissects b: the unit as it was read, or as someone has changed it.
	// [Dissect] makes trees that are whole. Each Kind is to be explained
	// (docs/sentences/field); the root's name, offset and length are seen to.
	Fields(b []byte) Field
}

// A SealedReading is that of a unit which is encrypted.
type SealedReading interface {
	Reading
	// Open decrypts the unit b with secrets that it asks for, and returns what
	// it says in clear. The zero Reason says that this is so; any other, why it could not be
	// opened. What was asked for and is not there is waited for: Open is called
	// again when it comes. It is also called each time the clear text is looked at.
	Open(b []byte, secrets Secrets) (clear []byte, why Reason)
	// ClearFields dissects what Open returned, or what someone has made of it.
	ClearFields(clear []byte) Field
}

// A Resealer is a SealedReading that can be made anew by who has the keys, and
// accepted by its receiver in place of the unit that it was read from.
type Resealer interface {
	SealedReading
	// Seal returns the unit b saying clear instead, or why that cannot be done.
	Seal(b, clear []byte, secrets Secrets) (unit []byte, why Reason)
}

// Secrets returns the secrets of that label and identifier that one endpoint's
// view has, the likeliest first; nil if there is none so far. It is valid during
// the call that it was given to.
type Secrets func(label string, identifier []byte) []LoggedSecret
