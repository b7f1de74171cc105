package inspect

import (
	"bytes"
	"strings"
	"time"
)

// A Held is a unit that waits on the wire for an [Action] to decide on it.
type Held struct {
	Unit
	Wire Wire

	look    func(f func(*Record))
	next    func(wait time.Duration, f func(came bool))
	refused func(err error) // told why the action let the unit go on as it was
}

// refuse lets the unit go on as it is, and tells why.
func (h Held) refuse(err error) {
	if h.refused != nil {
		h.refused(err)
	}
	Forward(h)
}

// Look calls f with the record that the unit is, as its sender means it, or with
// nil if it is none. The record must not be kept: one that cannot be read yet
// is decided later, from any goroutine.
func (h Held) Look(f func(r *Record)) { h.look(f) }

// Next calls f with true once another unit of the same sender has been decided
// on, or with false when the sender ends first, or wait goes by.
func (h Held) Next(wait time.Duration, f func(came bool)) { h.next(wait, f) }

// An Action decides what becomes of a held unit. One that does nothing leaves
// it held. It must not wait.
type Action func(Held)

// Forward lets the unit through as it is.
func Forward(h Held) { h.Wire.Forward(h.ID) }

// Hold leaves the unit where it is: it never arrives, unless someone else lets
// it through.
func Hold(Held) {}

// Drop takes the unit off the wire.
func Drop(h Held) { h.Wire.Drop(h.ID) }

// Repeat lets the unit through, and then again so many times.
func Repeat(times int) Action {
	return func(h Held) {
		for range times + 1 {
			h.Wire.Forward(h.ID)
		}
	}
}

// Alter sends what f makes of the unit's bytes in their place. f gets a copy,
// which it may change and return.
func Alter(f func(b []byte) []byte) Action {
	return func(h Held) { h.Wire.Send(h.From, f(bytes.Clone(h.Bytes)), h.ID) }
}

// Flip inverts the bits of mask in one byte of the unit. A negative offset
// counts from the end: -1 is the last byte. A unit that has no such byte goes on
// as it is: see [Rules.Report].
func Flip(offset int, mask byte) Action {
	return func(h Held) {
		at := offset
		if at < 0 {
			at += len(h.Bytes)
		}
		if at < 0 || at >= len(h.Bytes) {
			h.refuse(refuse("edit_outside", "offset", offset, "count", len(h.Bytes)))
			return
		}
		Alter(func(b []byte) []byte {
			b[at] ^= mask
			return b
		})(h)
	}
}

// Delay lets the unit through once d has gone by. What its sender sends
// meanwhile overtakes it, unless it is held as well.
func Delay(d time.Duration) Action {
	return func(h Held) { h.Wire.After(d, func() { Forward(h) }) }
}

// Swap lets the next unit of the same sender through first. If none comes for
// that long, or the sender ends, the unit goes on in its place.
func Swap(wait time.Duration) Action {
	return func(h Held) { h.Next(wait, func(bool) { Forward(h) }) }
}

// CutAfter delivers the first n bytes of the unit and cuts the direction
// there: at a boundary of records if n is 0 or the whole length, inside the
// record otherwise.
func CutAfter(n int) Action {
	return func(h Held) {
		switch {
		case n <= 0:
			h.Wire.Drop(h.ID)
		case n >= len(h.Bytes):
			h.Wire.Forward(h.ID)
		default:
			h.Wire.Send(h.From, h.Bytes[:n], h.ID)
		}
		h.Wire.Finish(h.From)
	}
}

// Inject puts b on the wire in the name of the unit's sender, and lets the
// unit follow.
func Inject(b []byte) Action {
	return func(h Held) {
		h.Wire.Send(h.From, b, -1)
		Forward(h)
	}
}

// Find returns where in the unit a field of one of its messages stands, or of the
// unit of another protocol than TLS: the
// first field of the first kind, in it the first of the second, and so on.
// There is none if the unit's record cannot be read.
func (h Held) Find(kinds ...string) (offset, length int, ok bool) {
	h.Look(func(r *Record) { offset, length, ok = r.find(kinds) })
	return offset, length, ok
}

// find is [Held.Find].
func (r *Record) find(kinds []string) (offset, length int, ok bool) {
	if r != nil && !r.TLS() && len(kinds) > 0 {
		field, found := r.Fields().find(kinds)
		return field.Offset, field.Length, found && field.Length > 0
	}
	if !r.readable() || len(kinds) == 0 {
		return 0, 0, false
	}
	start := headerLength
	if r.Encrypted {
		start += r.key.explicit // the cipher is a stream: each byte stays in its place
	}
	for _, part := range r.Parts {
		if part.Message == nil || part.Length != len(part.Message.Bytes) {
			continue
		}
		field, found := part.Message.Fields().find(kinds)
		if found && field.Length > 0 {
			return start + part.Offset + field.Offset, field.Length, true
		}
	}
	return 0, 0, false
}

// FlipField inverts the lowest bit of a field's last byte. A unit without such
// a field is let through as it is.
func FlipField(kinds ...string) Action {
	return func(h Held) {
		offset, length, ok := h.Find(kinds...)
		if !ok {
			h.refuse(refuse("edit_no_field", "field", strings.Join(kinds, " ")))
			return
		}
		Flip(offset+length-1, 0x01)(h)
	}
}

// SetField puts value in place of a field's first bytes, in a record in clear;
// the lengths stay as they are. A unit without such a field, or whose field is
// shorter, is let through as it is.
func SetField(value []byte, kinds ...string) Action {
	return func(h Held) {
		var offset, length int
		var ok bool
		h.Look(func(r *Record) {
			offset, length, ok = r.find(kinds)
			ok = ok && (!r.TLS() || !r.Encrypted)
		})
		if !ok || length < len(value) {
			h.refuse(refuse("edit_no_field", "field", strings.Join(kinds, " ")))
			return
		}
		Alter(func(b []byte) []byte {
			copy(b[offset:], value)
			return b
		})(h)
	}
}
