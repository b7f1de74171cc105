package inspect

import (
	"encoding/binary"
	"slices"
)

// A Draft is what a record says in clear, to be changed: see [Record.Draft]. Its
// methods return new ones and leave it as it is.
type Draft struct {
	// Bytes are those of the whole record, header included, if it is in clear;
	// of one that is protected, its content alone. They must not be changed.
	Bytes  []byte
	Fields Field // dissects Bytes

	Sealed  bool        // the record is protected
	Type    ContentType // of the content; in TLS 1.3 it stands inside a protected record, and may be changed
	Padding int         // zeros behind it (TLS 1.3); may be changed

	version, suite uint16
	begun          int // bytes at the beginning of the content that end a message of earlier records
}

// Draft returns what can be changed of a record that is in clear or was
// decrypted. Otherwise the error is a [*Refusal] that says why the record
// is not read.
//
// Of handshake messages that the record holds whole the fields are those of the
// message; a piece of one is a field by itself, which must keep its
// length, since the message's own length may lie in another record.
func (r *Record) Draft() (Draft, error) {
	raw := r.Raw()
	switch {
	case raw == nil:
		return Draft{}, &Refusal{WhyBytesLetGo.Reason()}
	case r.Truncated:
		return Draft{}, &Refusal{WhyCutOff.Reason()}
	case !r.readable():
		return Draft{}, &Refusal{r.Why.Reason()}
	}
	state := r.view.State(r.DecidedAt)
	d := Draft{Sealed: r.Encrypted, Type: r.InnerType, Padding: r.Padding, version: state.Version, suite: state.Suite}
	if len(r.Parts) > 0 && r.Parts[0].Type == "fragment" && (r.Parts[0].Message != nil || len(r.Parts) == 1) {
		d.begun = r.Parts[0].Length
	}
	if r.Encrypted {
		return d.with(r.Plaintext()), nil
	}
	return d.with(raw), nil
}

// Content returns the content alone. It must not be changed.
func (d Draft) Content() []byte { return d.Bytes[d.header():] }

// WithContent replaces the content, and makes the record's length fit. The error
// is a [*Refusal] if that is more than a record holds.
func (d Draft) WithContent(content []byte) (Draft, error) {
	if len(content) > maxFragment {
		return d, refuse("record_too_long", "count", len(content))
	}
	b := slices.Concat(d.Bytes[:d.header()], content)
	if !d.Sealed {
		binary.BigEndian.PutUint16(b[headerLength-2:], uint16(len(content)))
	}
	return d.with(b), nil
}

// Flip inverts the bits of mask in the byte at offset: see [FlipBits].
func (d Draft) Flip(offset int, mask byte) (Draft, error) {
	return d.changed(FlipBits(d.Bytes, offset, mask))
}

// SetBytes replaces length bytes from offset on: see [ReplaceBytes].
func (d Draft) SetBytes(offset, length int, value []byte) (Draft, error) {
	return d.changed(ReplaceBytes(d.Bytes, offset, length, value))
}

// Set replaces the bytes of a field: see [ReplaceField].
func (d Draft) Set(field Field, value []byte, fit bool) (Draft, error) {
	return d.changed(ReplaceField(d.Fields, d.Bytes, field, value, fit))
}

// SetValue replaces the first field of that kind by a value as [Field.Parse]
// reads it, and has the lengths fit.
func (d Draft) SetValue(kind, value string) (Draft, error) {
	field, ok := d.Fields.Find(kind)
	if !ok {
		return d, refuse("edit_no_field", "field", kind)
	}
	b, err := field.Parse(value)
	if err != nil {
		return d, err
	}
	return d.Set(field, b, true)
}

func (d Draft) changed(b []byte, err error) (Draft, error) {
	if err != nil {
		return d, err
	}
	if len(b) > d.header()+maxFragment {
		return d, refuse("record_too_long", "count", len(b)-d.header())
	}
	return d.with(b), nil
}

// with is the draft of other bytes.
func (d Draft) with(b []byte) Draft {
	d.Bytes = b
	d.Fields = d.dissect()
	return d
}

// header returns how many bytes come before the content.
func (d Draft) header() int {
	if d.Sealed {
		return 0
	}
	return min(headerLength, len(d.Bytes))
}

func (d Draft) dissect() Field {
	root := Field{Kind: "record.content", Name: "content", Length: len(d.Bytes), RFC: "RFC 8446 section 5.1"}
	if !d.Sealed {
		root.Kind, root.Name = "record", "TLS record"
		root.Children = d.headerFields()
	}
	at := d.header()
	for _, f := range d.contentFields(d.Bytes[at:]) {
		root.Children = append(root.Children, f.shifted(at))
	}
	if !d.Sealed && at == headerLength && int(binary.BigEndian.Uint16(d.Bytes[headerLength-2:])) == len(d.Bytes)-at {
		length := &root.Children[2]
		length.edit.form, length.edit.counts = fixedLength, int32(len(root.Children)-3)
	}
	return root
}

// headerFields dissects the header of a record in clear, or what there is of it.
func (d Draft) headerFields() []Field {
	c := newCursor("RFC 8446 section 5.1", d.Bytes[:d.header()])
	if d.version != 0 && d.version < version13 {
		c.rfc = "RFC 5246 section 6.2.1"
	}
	c.code("record.type", &contentTypes)
	c.code("record.version", &versions)
	c.uint("record.length", 2, nil)
	return c.fields
}

// contentFields dissects the content, which need not be what it was.
func (d Draft) contentFields(content []byte) (fields []Field) {
	if d.Type != Handshake {
		return contentFields(d.Type, content)
	}
	piece := func(from, to int) {
		if to > from {
			fields = append(fields, Field{Kind: "record.handshake", Name: "fragment", Offset: from, Length: to - from, RFC: "RFC 8446 section 5.1"})
		}
	}
	at := min(d.begun, len(content))
	piece(0, at)
	for at < len(content) {
		end, whole := messageEnd(content, at)
		if !whole {
			piece(at, len(content))
			break
		}
		m := Message{Type: HandshakeType(content[at]), Bytes: content[at:end], version: d.version, suite: d.suite}
		message := m.Fields().shifted(at)
		message.edit.elastic = true
		fields = append(fields, message)
		at = end
	}
	return fields
}

// messageEnd returns where the handshake message at an offset ends, if it does.
func messageEnd(b []byte, at int) (end int, whole bool) {
	if len(b)-at < handshakeHeaderLength {
		return 0, false
	}
	end = at + handshakeHeaderLength + int(b[at+1])<<16 + int(b[at+2])<<8 + int(b[at+3])
	return end, end <= len(b)
}
