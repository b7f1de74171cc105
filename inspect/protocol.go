package inspect

// A Protocol is what a connection without TLS speaks: how its bytes are cut into
// units, and what each unit means. Whoever opens such a connection names it
// ([Tap.PipeOf], [Opening]); a unit then is a [Record] like those of TLS, and
// whatever shows, holds or changes records does so with it.
//
// It is done in two steps, so that a Session is the same however the bytes came and
// whenever a secret did: a [Reader] cuts them into units and says, from what anyone on
// the wire can see, what each is; and what is encrypted is opened by itself, when its
// secret is there ([SealedReading]).
//
// What is read may be hostile: it is whatever stood on the wire. Lengths and
// trees that make no sense are shown as not understood; a panic is not caught.
// The methods of a Protocol must be safe for concurrent use; what they return
// is used by one goroutine at a time.
type Protocol interface {
	// Name is a short word of printable ASCII, the same each time, as in "lines".
	Name() string
	// Reader returns a new reader for one endpoint's view of a connection. Each view
	// has its own, and so has the gate for each.
	Reader() Reader
}

// A Reader follows one connection as one endpoint sees it: what that one sends,
// and what it receives. It is shown both as they cross, so that it knows what either side
// has had when it sends something; it may remember what it likes.
type Reader interface {
	// Next returns the length of the unit that b, which from sends, begins with,
	// and what it is. b is never empty, and must not be changed or kept.
	//
	// If the unit is whole, the next call for this side begins behind it. A nil
	// Reading says that the unit is not understood.
	//
	// If the length is more than len(b), Next is called again for the same unit once so
	// many bytes of it are there; len(b)+1 says that it is not known yet. Meanwhile the
	// other side may go on. A protocol that has no bounds of its own returns len(b): a
	// unit is then what came at once. Otherwise, what the bytes are must not depend on
	// how many there are.
	//
	// 0 or less says that no unit begins so. Everything from there on is then a
	// run of bytes that is not understood, and so is a unit of more than [MaxUnit] bytes.
	Next(from Side, b []byte) (length int, reading Reading)
	// Rest is told that what from sends ended within the unit that b is the beginning of.
	Rest(from Side, b []byte) Reading
}

// A Scheduler is a Reader that says how the keys of its connection come about.
type Scheduler interface {
	Reader
	// Schedule returns, in the order in which they are computed, the secrets that are asked for and what is derived from
	// them, as far as the units that were read call for it. Each has a name of its own, and goes by it in the Inputs of others; one that is not
	// known says why. Events and logs are seen to. The values of a Scheduler are not changed afterwards.
	Schedule(secrets Secrets) []Value
}

// MaxUnit is the greatest length of a unit, in bytes.
const MaxUnit = 16 << 20

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

// A Summarizer is a Reading of a unit that says something else than its bytes do when
// they are taken for text: a key, an object.
type Summarizer interface {
	Reading
	// Summary tells in a line what the unit b says, in no language, as in "Product{Code: 7}"; "" if that
	// cannot be told. It need not be safe to draw.
	Summary(b []byte) string
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

// A ProtectedReading is a SealedReading that tells what its unit is decrypted with.
type ProtectedReading interface {
	SealedReading
	// Protection returns what the unit b, which Open could open, is decrypted with and what that gives, in the order in
	// which it is computed.
	Protection(b []byte, secrets Secrets) []Value
}

// A BlockReading is a SealedReading of a unit whose bytes are blocks of a cipher in CBC mode.
type BlockReading interface {
	SealedReading
	// BlockSize is the length of a block, in bytes, if the blocks begin with the unit and all units of the
	// connection are under the same key and IV, so that those which begin alike have equal first blocks; 0 otherwise.
	BlockSize() int
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
