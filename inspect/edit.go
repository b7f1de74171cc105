package inspect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Refusal says why something cannot be changed, or sealed, as it was asked.
type Refusal struct{ Reason Reason }

func (e *Refusal) Error() string { return e.Reason.String() }

func refuse(key string, data ...any) error { return &Refusal{because(key, data...)} }

// FlipBits returns a copy of b in which the bits of mask are inverted in the
// byte at offset. The error is a [*Refusal] if there is no such byte.
func FlipBits(b []byte, offset int, mask byte) ([]byte, error) {
	if offset < 0 || offset >= len(b) {
		return nil, refuse("edit_outside", "offset", offset, "count", len(b))
	}
	flipped := bytes.Clone(b)
	flipped[offset] ^= mask
	return flipped, nil
}

// ReplaceBytes returns a copy of b with value in the place of the length bytes from
// offset on. The error is a [*Refusal] if they are not there.
func ReplaceBytes(b []byte, offset, length int, value []byte) ([]byte, error) {
	if offset < 0 || length < 0 || offset > len(b) || length > len(b)-offset {
		return nil, refuse("edit_outside", "offset", offset, "count", len(b))
	}
	return slices.Concat(b[:offset], value, b[offset+length:]), nil
}

// ReplaceField returns a copy of b, which the tree root dissects, with value in the
// place of a field of that tree.
//
// If fit is true, every length that counts the field's bytes is set to what it
// counts now: of the vector, of the lists and extensions around it, of
// the handshake message and of the record, as far as the tree has them. That
// can be done where the value may have any length: what a vector or an element
// of DER holds, the items of a list, and what fills the rest of its parent.
// Anything else keeps its length. A length itself cannot be set so.
//
// If fit is false, nothing but the field changes, and lengths are numbers like
// any other: what comes of it may not be a message any more.
//
// What else depends on the bytes (a signature, a MAC, a hash) is not
// touched. The error is a [*Refusal].
func ReplaceField(root Field, b []byte, field Field, value []byte, fit bool) ([]byte, error) {
	path := root.pathTo(field)
	if path == nil || root.Offset != 0 || root.Length != len(b) {
		return nil, refuse("edit_no_field", "field", field.Name)
	}
	target := path[len(path)-1].field
	if !fit {
		return ReplaceBytes(b, target.Offset, target.Length, value)
	}
	if err := target.takes(len(value)); err != nil {
		return nil, err
	}
	patches, err := path.lengths(b, len(value)-target.Length)
	if err != nil {
		return nil, err
	}
	edited := slices.Concat(b[:target.Offset], value, b[target.End():])
	for _, p := range patches { // from the last to the first: none moves what is still to come
		edited = slices.Concat(edited[:p.offset], p.value, edited[p.offset+p.length:])
	}
	return edited, nil
}

// takes returns an error if with fitting lengths the field cannot have so many bytes.
func (f Field) takes(n int) error {
	switch {
	case f.edit.form != noLength:
		return refuse("edit_is_length", "field", f.Name)
	case n == f.Length:
	case f.Kind == "record.handshake":
		return refuse("edit_piece", "want", f.Length, "got", n)
	case !f.edit.elastic:
		return refuse("edit_fixed_size", "field", f.Name, "want", f.Length, "got", n)
	case f.edit.number && n%f.Length != 0:
		return refuse("edit_items", "field", f.Name, "want", f.Length, "got", n)
	}
	return nil
}

// A fieldPath leads from the root to a field.
type fieldPath []fieldStep

// A fieldStep is a field and its place among its parent's children.
type fieldStep struct {
	field *Field
	place int
}

// pathTo returns the path to the field of that kind, offset and length.
func (f *Field) pathTo(wanted Field) fieldPath {
	if f.Kind == wanted.Kind && f.Offset == wanted.Offset && f.Length == wanted.Length {
		return fieldPath{{field: f}}
	}
	for i := range f.Children {
		child := &f.Children[i]
		if wanted.Offset < child.Offset || wanted.End() > child.End() {
			continue
		}
		if below := child.pathTo(wanted); below != nil {
			below[0].place = i
			return append(fieldPath{{field: f}}, below...)
		}
	}
	return nil
}

// A patch is what a length becomes.
type patch struct {
	offset, length int
	value          []byte
}

// lengths returns what becomes of the lengths that count the field at the path's
// end when it grows by so many bytes: the innermost, which stands last, first.
// One that gets longer itself is counted by those around it.
func (p fieldPath) lengths(b []byte, growth int) (patches []patch, err error) {
	for i := len(p) - 1; i > 0 && growth != 0; i-- {
		siblings, place := p[i-1].field.Children, p[i].place
		for j := place - 1; j >= 0; j-- {
			length := siblings[j]
			if j+int(length.edit.counts) < place {
				continue
			}
			old := b[length.Offset:length.End()]
			value, ok := length.edit.form.append(nil, length.edit.form.read(old)+uint64(growth), len(old))
			if !ok {
				return nil, refuse("edit_too_long", "field", length.Name, "count", len(old))
			}
			patches = append(patches, patch{length.Offset, length.Length, value})
			growth += len(value) - len(old)
		}
	}
	return patches, nil
}

// read returns what a length says.
func (l lengthForm) read(b []byte) uint64 {
	switch {
	case l == derLength && len(b) > 1:
		b = b[1:]
	case l == varintLength:
		b = bytes.Clone(b)
		b[0] &= 0x3f
	}
	var whole [8]byte
	copy(whole[8-len(b):], b)
	return binary.BigEndian.Uint64(whole[:])
}

// append writes a length in so many bytes if it can be written in them, and, if
// its form has no fixed size, in as many as it needs if not.
func (l lengthForm) append(to []byte, n uint64, size int) (b []byte, ok bool) {
	var whole [8]byte
	binary.BigEndian.PutUint64(whole[:], n)
	switch l {
	case derLength:
		if n < 0x80 {
			return append(to, byte(n)), true
		}
		octets := (bits.Len64(n) + 7) / 8
		return append(append(to, 0x80|byte(octets)), whole[8-octets:]...), octets <= 4
	case varintLength:
		for ; size < 8 && n >= 1<<(8*size-2); size *= 2 {
		}
		start := len(to)
		to = append(to, whole[8-size:]...)
		to[start] |= byte(bits.Len(uint(size))-1) << 6
		return to, n < 1<<62
	}
	return append(to, whole[8-size:]...), size == 8 || n < 1<<(8*size)
}

// textKinds are the fields that are text, whatever bytes they hold.
var textKinds = map[string]bool{
	"server_name.host_name": true, "alpn.protocol_name": true, "application_settings.protocol_name": true,
	"ech.public_name": true, "der.string": true, "record.application_data": true, "clear.text": true,
}

func (f Field) isText() bool { return f.edit.text || textKinds[f.Kind] }

// Parse reads a value for the field, as a person writes it: a number in decimal
// or as 0x and hex digits, or the name of a code point, where the field is a
// number; otherwise hex digits, two for each byte, with or without spaces; or
// text in quotation marks, as Go writes it. In a field that is text by
// nature the marks can be left out. The error is a [*Refusal].
func (f Field) Parse(value string) ([]byte, error) {
	value = strings.TrimSpace(value)
	switch {
	case strings.HasPrefix(value, `"`):
		unquoted, err := strconv.Unquote(value)
		if err != nil {
			return nil, refuse("value_bytes", "field", f.Name)
		}
		return []byte(unquoted), nil
	case f.edit.number:
		return f.parseNumber(value)
	case f.isText() && !strings.HasPrefix(value, "0x"):
		return []byte(value), nil
	}
	digits := strings.TrimPrefix(strings.ReplaceAll(value, " ", ""), "0x")
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, refuse("value_bytes", "field", f.Name)
	}
	return b, nil
}

func (f Field) parseNumber(value string) ([]byte, error) {
	base := 10
	if digits, prefixed := strings.CutPrefix(value, "0x"); prefixed {
		value, base = digits, 16
	}
	n, err := strconv.ParseUint(value, base, 8*f.Length)
	if f.edit.codes == nil {
		if err != nil {
			return nil, refuse("value_number", "field", f.Name, "count", f.Length)
		}
	} else if err != nil {
		code, ok := f.edit.codes.code(value)
		if !ok {
			return nil, refuse("value_code", "field", f.Name, "count", f.Length)
		}
		n = uint64(code)
	}
	b, _ := fixedLength.append(nil, n, f.Length)
	return b, nil
}

// Text writes the field's bytes as [Field.Parse] reads them: the field must be
// one of a tree that dissects b.
func (f Field) Text(b []byte) string {
	b = b[f.Offset:f.End()]
	switch {
	case f.edit.number && len(b) > 0:
		n := fixedLength.read(b)
		if f.edit.codes == nil {
			return strconv.FormatUint(n, 10)
		}
		if name, ok := f.edit.codes.lookup(uint16(n)); ok {
			if code, found := f.edit.codes.code(name); found && uint64(code) == n {
				return name
			}
		}
		return "0x" + hex.EncodeToString(b)
	case f.isText() && utf8.Valid(b):
		return strconv.QuoteToASCII(string(b))
	case f.isText():
		return "0x" + hex.EncodeToString(b)
	}
	return hex.EncodeToString(b)
}

// code returns the code point that goes by the name.
func (r *registry) code(name string) (code uint16, ok bool) {
	for _, c := range r.table {
		if strings.EqualFold(c.name, name) {
			return c.code, true
		}
	}
	return 0, false
}

// A Change is a run of bytes that is not what it was: New bytes, from Offset on
// in what there is now, stand in place of Old ones.
type Change struct {
	Offset, Old, New int
}

// Changes returns what was done to before to make it after: single bytes that
// were replaced, and, where the lengths differ, one run that was put in or taken out,
// at the place that leaves the fewest others changed.
func Changes(before, after []byte) (all []Change) {
	grown := len(after) - len(before)
	cut := len(before)
	if grown != 0 {
		cut = parting(before, after)
	}
	add := func(c Change) {
		if last := len(all) - 1; last >= 0 && all[last].Offset+all[last].New == c.Offset {
			all[last].Old, all[last].New = all[last].Old+c.Old, all[last].New+c.New
			return
		}
		all = append(all, c)
	}
	for i := range cut {
		if before[i] != after[i] {
			add(Change{i, 1, 1})
		}
	}
	if grown != 0 {
		add(Change{cut, max(-grown, 0), max(grown, 0)})
	}
	for i := cut + max(grown, 0); i < len(after); i++ {
		if before[i-grown] != after[i] {
			add(Change{i, 1, 1})
		}
	}
	return all
}

// parting returns the place behind which after stands as far from before as it is
// longer or shorter: the last of those that leave the fewest bytes changed.
func parting(before, after []byte) (best int) {
	short, long := before, after
	if len(short) > len(long) {
		short, long = long, short
	}
	shift := len(long) - len(short)
	changed := 0 // with the parting at 0
	for i := range short {
		if short[i] != long[i+shift] {
			changed++
		}
	}
	fewest := changed
	for i := range short { // from i to i+1
		if short[i] != long[i+shift] {
			changed--
		}
		if short[i] != long[i] {
			changed++
		}
		if changed <= fewest {
			best, fewest = i+1, changed
		}
	}
	return best
}
