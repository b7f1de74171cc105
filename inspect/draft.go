package inspect

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A Draft is what waits on the wire, to be changed: see [Record.Draft],
// [Record.Envelope] and [TextDraft]. Its methods return new ones and leave it as
// it is.
type Draft struct {
	// Bytes are those of the whole record, header included; of one that is
	// to be sealed, its content alone: as those of a unit of another protocol than
	// TLS that can be ([Resealer]). They must not be changed.
	Bytes  []byte
	Fields Field // dissects Bytes

	Sealed  bool        // it is what a protected record says, to be sealed again
	Type    ContentType // of the content; in TLS 1.3 it stands inside a protected record, and may be changed
	Padding int         // zeros behind it (TLS 1.3); may be changed

	version, suite uint16
	begun          int   // bytes at the beginning of the content that end a message of earlier records
	closed         bool  // what is behind the header is cipher text
	bare           bool  // there is no record, but text
	unit           *unit // there is a unit of another protocol than TLS
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
	case !r.TLS():
		return r.unitDraft(raw)
	case !r.readable():
		return Draft{}, &Refusal{r.Reason()}
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

// Envelope returns what anyone on the wire can change of the record, without
// any key. In clear that is all of it, as in [Record.Draft]. Of one that is
// protected, or of which that is not known yet, it is the header, and behind it
// the cipher text, of which nothing is told but where its parts lie. The error is
// a [*Refusal]: the record's bytes were let go, or it is cut off.
func (r *Record) Envelope() (Draft, error) {
	d, err := r.Draft()
	raw := r.Raw()
	if err == nil && !d.Sealed || raw == nil || r.Truncated {
		return d, err
	}
	if !r.TLS() {
		return Draft{unit: r.unit}.with(raw), nil
	}
	state := r.view.state()
	return Draft{version: state.Version, suite: state.Suite, closed: true}.with(raw), nil
}

// TextDraft returns a draft of what is no whole record, as the text of a
// channel without TLS: a single field, which takes any bytes.
func TextDraft(text []byte) Draft { return Draft{bare: true}.with(text) }

// unitDraft is the draft of a unit.
func (r *Record) unitDraft(raw []byte) (Draft, error) {
	d := Draft{unit: r.unit, Sealed: r.Encrypted}
	_, can := r.unit.reading.(Resealer)
	switch {
	case !r.Encrypted:
		return d.with(raw), nil
	case !r.Decrypted:
		return Draft{}, &Refusal{r.Reason()}
	case !can:
		return Draft{}, refuse("seal_protocol")
	}
	return d.with(r.unitClear()), nil
}

// Content returns the content alone. It must not be changed.
func (d Draft) Content() []byte { return d.Bytes[d.header():] }

// WithContent replaces the content, and makes the record's length fit. The error
// is a [*Refusal] if that is more than a record holds.
func (d Draft) WithContent(content []byte) (Draft, error) {
	if len(content) > d.most() {
		return d, refuse("record_too_long", "count", len(content))
	}
	b := slices.Concat(d.Bytes[:d.header()], content)
	if d.header() == headerLength {
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
	if len(b) > d.header()+d.most() {
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

// most is how many bytes the content may have.
func (d Draft) most() int {
	if d.unit != nil {
		return MaxUnit
	}
	return maxFragment
}

// header returns how many bytes come before the content.
func (d Draft) header() int {
	if d.Sealed || d.bare || d.unit != nil {
		return 0
	}
	return min(headerLength, len(d.Bytes))
}

func (d Draft) dissect() Field {
	switch {
	case d.bare:
		return Field{Kind: "clear.text", Name: "text", Length: len(d.Bytes), edit: editing{elastic: true}}
	case d.unit != nil && d.Sealed:
		return d.unit.clearFields(d.Bytes)
	case d.unit != nil:
		return d.unit.fields(d.Bytes)
	}
	root := Field{Kind: "record.content", Name: "content", Length: len(d.Bytes), RFC: recordSection(d.version)}
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
	c := newCursor(recordHeaderRFC(d.version), d.Bytes[:d.header()])
	c.code("record.type", &contentTypes)
	c.code("record.version", &versions)
	c.uint("record.length", 2, nil)
	for i := range c.fields {
		if c.fields[i].Kind == "record.version" {
			c.fields[i].Name = recordVersionName(d.version)
		}
	}
	return c.fields
}

// contentFields dissects the content, which need not be what it was.
func (d Draft) contentFields(content []byte) (fields []Field) {
	switch {
	case d.closed:
		return d.cipherFields(content)
	case d.Type != Handshake:
		return contentFields(d.Type, d.version, content)
	}
	piece := func(from, to int) {
		if to > from {
			fields = append(fields, Field{Kind: "record.handshake", Name: "fragment", Offset: from, Length: to - from, RFC: recordSection(d.version)})
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

// cipherFields tells the parts of a protected fragment apart, as far as version
// and suite, which the ServerHello has in clear, say where they lie.
func (d Draft) cipherFields(fragment []byte) (fields []Field) {
	suite, known := aeadSuites[d.suite]
	explicit, tag, rfc := 0, 0, "RFC 8446 section 5.2"
	if known && len(fragment) >= suite.explicitNonce()+tagLength {
		explicit, tag = suite.explicitNonce(), tagLength
	}
	switch {
	case known && !suite.tls13:
		rfc = "RFC 5246 section 6.2.3.3"
	case d.version != 0 && d.version < version13:
		rfc = "RFC 5246 section 6.2.3"
	}
	at := 0
	leaf := func(kind, name, rfc string, length int, elastic bool) {
		if length > 0 {
			const most = 32
			value := fmt.Sprintf("%x", fragment[at:min(at+length, at+most)])
			fields = append(fields, Field{Kind: kind, Name: name, Offset: at, Length: length, Value: value, RFC: rfc, edit: editing{elastic: elastic}})
			at += length
		}
	}
	leaf("record.nonce_explicit", "nonce_explicit", "RFC 5288 section 3", explicit, false)
	leaf("record.encrypted", "encrypted_record", rfc, len(fragment)-explicit-tag, true)
	leaf("record.tag", "authentication tag", rfc, tag, false)
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
