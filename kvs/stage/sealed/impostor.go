package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/subtle"
	"sync"

	"example.com/tlslab/inspect"
)

// An Impostor is someone on the wire who has no key. The ends of the channel take turns: a side sends the
// length of a message, the other acknowledges it by one byte, and the message follows. Nothing of that is protected, so
// that whoever keeps to the turns speaks in the place of either side, as long as a message stands in need of no key: one that
// was recorded, or one that is put together from blocks whose text is known.
//
// As a gate it forwards everything, but for what an attack waits for. The zero value works, for the original channel.
type Impostor struct {
	Authenticated bool // the mended variant: a message begins with its IV and ends with a tag

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

// The sizes of units beside lengthSize; that of a message is another one, since it is whole blocks.
const (
	ackSize    = 1
	anyMessage = 0
)

func (t turn) met(u inspect.Unit) bool {
	n := len(u.Bytes)
	return t.from == u.From && (n == t.size || t.size == anyMessage && n != ackSize && n != lengthSize)
}

// Captured implements [inspect.Gate].
func (i *Impostor) Captured(w inspect.Wire, u inspect.Unit) {
	if then := i.take(u); then != nil {
		then(w, u)
		return
	}
	w.Forward(u.ID)
}

// Ended implements [inspect.Gate].
func (i *Impostor) Ended(inspect.Wire, inspect.Side) {}

func (i *Impostor) take(u inspect.Unit) func(inspect.Wire, inspect.Unit) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.latest[u.From] = u
	if len(i.line) == 0 || !i.line[0].met(u) {
		return nil
	}
	then := i.line[0].then
	i.line = i.line[1:]
	return then
}

func (i *Impostor) await(from inspect.Side, size int, then func(inspect.Wire, inspect.Unit)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.line = append(i.line, turn{from, size, then})
}

// said returns the latest unit of a side that this gate was shown: none that a rule took.
func (i *Impostor) said(from inspect.Side) inspect.Unit {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.latest[from]
}

// Repeat lets a message of the client through. When the client's next turn comes it is said once more.
func (i *Impostor) Repeat(h inspect.Held) {
	length := i.said(inspect.Client)
	h.Wire.Forward(h.ID)
	i.await(inspect.Client, lengthSize, func(w inspect.Wire, next inspect.Unit) {
		i.say(w, func() { w.Forward(length.ID) }, func() { w.Forward(h.ID) }, next)
	})
}

// Inject lets a message of the client through, whose text is known. When the client's next turn comes another one
// is said that was made of it.
func (i *Impostor) Inject(wanted, known []byte) inspect.Action {
	return func(h inspect.Held) {
		made := forge(h.Bytes, wanted, known, i.Authenticated)
		h.Wire.Forward(h.ID)
		i.await(inspect.Client, lengthSize, func(w inspect.Wire, next inspect.Unit) {
			send := func(b []byte) func() { return func() { w.Send(inspect.Client, b, -1) } }
			i.say(w, send(lengthField(len(made))), send(made), next)
		})
	}
}

// Drop takes a message off the wire, of which the client has just sent the length, and answers it with what
// the server said last.
func (i *Impostor) Drop(h inspect.Held) {
	i.keep(h, func(w inspect.Wire, message inspect.Unit) {
		w.Drop(h.ID)
		w.Drop(message.ID)
	})
}

// Swap does as Drop, and says the message after the client's next one.
func (i *Impostor) Swap(h inspect.Held) {
	i.keep(h, func(_ inspect.Wire, message inspect.Unit) {
		i.await(inspect.Client, lengthSize, func(w inspect.Wire, overtaking inspect.Unit) { w.Forward(overtaking.ID) })
		i.await(inspect.Client, lengthSize, func(w inspect.Wire, next inspect.Unit) {
			i.say(w, func() { w.Forward(h.ID) }, func() { w.Forward(message.ID) }, next)
		})
	})
}

// keep speaks to the client in the server's place: acknowledges its length, takes its message, and answers with
// what the server said last. Then it is known what becomes of the message.
func (i *Impostor) keep(length inspect.Held, then func(w inspect.Wire, message inspect.Unit)) {
	answer := i.said(inspect.Server)
	length.Wire.Send(inspect.Server, []byte{ackYes}, -1)
	i.await(inspect.Client, anyMessage, func(w inspect.Wire, message inspect.Unit) {
		w.Send(inspect.Server, lengthField(len(answer.Bytes)), -1)
		i.await(inspect.Client, ackSize, func(w inspect.Wire, ack inspect.Unit) {
			w.Drop(ack.ID)
			w.Send(inspect.Server, answer.Bytes, -1)
			then(w, message)
		})
	})
}

// say speaks to the server in the client's place, whose next turn waits meanwhile: the client hears nothing of it.
func (i *Impostor) say(w inspect.Wire, length, message func(), next inspect.Unit) {
	length()
	i.await(inspect.Server, ackSize, func(w inspect.Wire, ack inspect.Unit) {
		w.Drop(ack.ID)
		message()
	})
	i.await(inspect.Server, lengthSize, func(w inspect.Wire, answer inspect.Unit) {
		w.Drop(answer.ID)
		w.Send(inspect.Client, []byte{ackYes}, -1)
	})
	i.await(inspect.Server, anyMessage, func(w inspect.Wire, answer inspect.Unit) {
		w.Drop(answer.ID)
		w.Forward(next.ID)
	})
}

// forge makes a message out of the last two blocks of one whose text is known. What the last of them decrypts to is combined
// with the block before it, which can be changed at will (CBC, NIST SP 800-38A section 6.2), so
// that it becomes the wanted text. The block before it becomes noise; in the mended variant it is the IV, and the old tag
// follows.
func forge(message, wanted, known []byte, authenticated bool) []byte {
	end := len(message)
	if authenticated {
		end -= tagSize
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
