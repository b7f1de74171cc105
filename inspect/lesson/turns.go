package lesson

import (
	"bytes"
	"crypto/aes"
	"crypto/subtle"
	"fmt"
	"sync"

	"example.com/tlslab/inspect"
)

// What someone on the wire can do to the home-made channel without any key. Its ends take turns: a side sends the
// length of a message, the other acknowledges it by one byte, and the message follows. Nothing of that is protected, so
// that whoever keeps to the turns speaks in the place of either side, as long as a message stands in need of no key: one that
// was recorded, or one that is put together from blocks whose text is known.

// turns is the gate of what no rule takes. It forwards everything, but for what an attack waits for.
type turns struct {
	authenticated bool // the mended variant: a message begins with its IV and ends with a tag

	mu     sync.Mutex
	line   []turn          // what is waited for, in this order
	latest [2]inspect.Unit // of each side
}

// A turn is what an attack does with the next unit of a side that has so many bytes.
type turn struct {
	from inspect.Side
	size int
	then func(w inspect.Wire, u inspect.Unit)
}

// The sizes of units; that of a message is another one, since it is whole blocks.
const (
	ackSize    = 1
	lengthSize = 8
	anyMessage = 0
)

func (t turn) met(u inspect.Unit) bool {
	n := len(u.Bytes)
	return t.from == u.From && (n == t.size || t.size == anyMessage && n != ackSize && n != lengthSize)
}

// Captured implements [inspect.Gate].
func (t *turns) Captured(w inspect.Wire, u inspect.Unit) {
	if then := t.take(u); then != nil {
		then(w, u)
		return
	}
	w.Forward(u.ID)
}

// Ended implements [inspect.Gate].
func (t *turns) Ended(inspect.Wire, inspect.Side) {}

func (t *turns) take(u inspect.Unit) func(inspect.Wire, inspect.Unit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latest[u.From] = u
	if len(t.line) == 0 || !t.line[0].met(u) {
		return nil
	}
	then := t.line[0].then
	t.line = t.line[1:]
	return then
}

func (t *turns) await(from inspect.Side, size int, then func(inspect.Wire, inspect.Unit)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line = append(t.line, turn{from, size, then})
}

// said returns the latest unit of a side that this gate was shown: none that a rule took.
func (t *turns) said(from inspect.Side) inspect.Unit {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.latest[from]
}

// repeat lets a message of the client through. When the client's next turn comes it is said once more.
func (t *turns) repeat(h inspect.Held) {
	length := t.said(inspect.Client)
	h.Wire.Forward(h.ID)
	t.await(inspect.Client, lengthSize, func(w inspect.Wire, next inspect.Unit) {
		t.say(w, func() { w.Forward(length.ID) }, func() { w.Forward(h.ID) }, next)
	})
}

// inject lets a message of the client through, whose text is known. When the client's next turn comes another one
// is said that was made of it.
func (t *turns) inject(wanted, known []byte) inspect.Action {
	return func(h inspect.Held) {
		made := forge(h.Bytes, wanted, known, t.authenticated)
		h.Wire.Forward(h.ID)
		t.await(inspect.Client, lengthSize, func(w inspect.Wire, next inspect.Unit) {
			send := func(b []byte) func() { return func() { w.Send(inspect.Client, b, -1) } }
			t.say(w, send(announce(made)), send(made), next)
		})
	}
}

// drop takes a message off the wire, of which the client has just sent the length, and answers it with what
// the server said last.
func (t *turns) drop(h inspect.Held) {
	t.keep(h, func(w inspect.Wire, message inspect.Unit) {
		w.Drop(h.ID)
		w.Drop(message.ID)
	})
}

// swap does as drop, and says the message after the client's next one.
func (t *turns) swap(h inspect.Held) {
	t.keep(h, func(_ inspect.Wire, message inspect.Unit) {
		t.await(inspect.Client, lengthSize, func(w inspect.Wire, overtaking inspect.Unit) { w.Forward(overtaking.ID) })
		t.await(inspect.Client, lengthSize, func(w inspect.Wire, next inspect.Unit) {
			t.say(w, func() { w.Forward(h.ID) }, func() { w.Forward(message.ID) }, next)
		})
	})
}

// keep speaks to the client in the server's place: acknowledges its length, takes its message, and answers with
// what the server said last. Then it is known what becomes of the message.
func (t *turns) keep(length inspect.Held, then func(w inspect.Wire, message inspect.Unit)) {
	answer := t.said(inspect.Server)
	length.Wire.Send(inspect.Server, []byte("1"), -1)
	t.await(inspect.Client, anyMessage, func(w inspect.Wire, message inspect.Unit) {
		w.Send(inspect.Server, announce(answer.Bytes), -1)
		t.await(inspect.Client, ackSize, func(w inspect.Wire, ack inspect.Unit) {
			w.Drop(ack.ID)
			w.Send(inspect.Server, answer.Bytes, -1)
			then(w, message)
		})
	})
}

// say speaks to the server in the client's place, whose next turn waits meanwhile: the client hears nothing of it.
func (t *turns) say(w inspect.Wire, length, message func(), next inspect.Unit) {
	length()
	t.await(inspect.Server, ackSize, func(w inspect.Wire, ack inspect.Unit) {
		w.Drop(ack.ID)
		message()
	})
	t.await(inspect.Server, lengthSize, func(w inspect.Wire, answer inspect.Unit) {
		w.Drop(answer.ID)
		w.Send(inspect.Client, []byte("1"), -1)
	})
	t.await(inspect.Server, anyMessage, func(w inspect.Wire, answer inspect.Unit) {
		w.Drop(answer.ID)
		w.Forward(next.ID)
	})
}

// announce writes the length of a message.
func announce(message []byte) []byte {
	return append(fmt.Appendf(nil, "%d", len(message)), "========"...)[:lengthSize]
}

// forge makes a message out of the last two blocks of one whose text is known. What the last of them decrypts to is combined
// with the block before it, which can be changed at will (CBC, NIST SP 800-38A section 6.2), so
// that it becomes the wanted text. The block before it becomes noise; in the mended variant it is the IV, and the old tag
// follows.
func forge(message, wanted, known []byte, authenticated bool) []byte {
	end := len(message)
	if authenticated {
		end -= 32 // the tag
	}
	if end < 2*aes.BlockSize {
		return message
	}
	made := bytes.Clone(message[end-2*aes.BlockSize:])
	was, is := pad(known), pad(wanted)
	subtle.XORBytes(made, made[:aes.BlockSize], was[len(was)-aes.BlockSize:])
	subtle.XORBytes(made, made[:aes.BlockSize], is[len(is)-aes.BlockSize:])
	return made
}

// pad pads a text to whole blocks (PKCS #7, RFC 5652 section 6.3).
func pad(text []byte) []byte {
	n := aes.BlockSize - len(text)%aes.BlockSize
	return append(bytes.Clone(text), bytes.Repeat([]byte{byte(n)}, n)...)
}
