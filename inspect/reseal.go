package inspect

import (
	"bytes"
	"encoding/binary"
)

// A Plain is what a record says, before it is protected.
type Plain struct {
	Type    ContentType
	Content []byte
	Padding int // zeros behind the content, in TLS 1.3
}

// Seal makes the record that says p and that from's receiver, in its view,
// accepts as the next one: under the key and with the sequence number that
// come next on this lane, or in clear where it is not under a key yet. That takes nothing
// but the keys: whoever has them can write in either side's name, and nobody
// can tell. A number may be used twice then, and with it the nonce, which no honest
// sender does (RFC 8446 section 5.3, RFC 5288 section 3).
//
// The error is a [*Refusal]: the secret is not known, records before are not
// decided, the cipher suite is not supported, or the record would be too long.
func (v *View) Seal(from Side, p Plain) ([]byte, error) {
	l := v.lanes[from]
	tls13 := v.state().Version == version13
	switch {
	case l.units != nil:
		return nil, refuse("seal_protocol")
	case l.decided < len(l.records):
		return nil, refuse("seal_undecided")
	case l.epoch.Kind == EpochClear || tls13 && p.Type == ChangeCipherSpec: // which is never protected (RFC 8446 section 5)
		return framed(p.Type, p.Content)
	}
	key := l.key
	if key == nil {
		if _, supported := aeadSuites[v.state().Suite]; !supported {
			return nil, &Refusal{WhySuite.Reason()}
		}
		candidates := v.candidates(l.epoch, from)
		if len(candidates) == 0 {
			return nil, refuse("seal_no_key")
		}
		key = candidates[0].key
	}
	return key.seal(p, l.seq)
}

// framed returns a record in clear.
func framed(kind ContentType, content []byte) ([]byte, error) {
	if len(content) > maxFragment {
		return nil, refuse("record_too_long", "count", len(content))
	}
	return append(recordHeader(kind, len(content)), content...), nil
}

// recordHeader is the header of a record of TLS 1.2 and 1.3, which has the same version in both.
func recordHeader(kind ContentType, length int) []byte {
	return binary.BigEndian.AppendUint16([]byte{byte(kind), byte(version12 >> 8), byte(version12 & 0xff)}, uint16(length))
}

// seal is what [trafficKey.open] opens.
func (k *trafficKey) seal(p Plain, seq uint64) ([]byte, error) {
	kind, plain := p.Type, p.Content
	size := len(plain)
	if k.tls13 {
		size += 1 + max(p.Padding, 0)
	}
	length := k.explicit + size + tagLength
	if p.Padding > maxFragment || length > maxFragment {
		return nil, refuse("record_too_long", "count", length)
	}
	if k.tls13 { // TLSInnerPlaintext (RFC 8446 section 5.2)
		kind = ApplicationData
		plain = append(append(make([]byte, 0, size), plain...), byte(p.Type))[:size]
	}
	header := recordHeader(kind, length)
	explicit := binary.BigEndian.AppendUint64(nil, seq)[:k.explicit]
	record := append(bytes.Clone(header), explicit...)
	return k.aead.Seal(record, k.nonce(explicit, seq), plain, k.suite.additionalData(header, seq)), nil
}

// Edit sends what change makes of the unit's record in its place. One that is
// protected is sealed anew, as [View.Seal] does for its receiver: the work of
// someone who has the keys. Without these, and if change returns an error, the
// unit goes on as it is: see [Rules.Report], [Stepper.Refused].
//
// The record is read, and changed, when its turn has come to be delivered: what
// its receiver awaits is known then. The first record of an epoch may need a
// secret that its receiver has not logged yet; the sender's is taken then.
func Edit(change func(Draft) (Draft, error)) Action {
	insider := new(insider)
	return func(h Held) {
		h.Wire.Replace(h.ID, func() []byte {
			b, err := insider.edit(h, change)
			if err != nil && h.refused != nil {
				h.refused(err)
			}
			return b
		})
	}
}

// Reseal is [Edit] for the content alone: f gets a copy, which it may change and
// return. What it returns unchanged is sealed anew too, so that the
// receiver accepts it whatever was lost before.
func Reseal(f func(content []byte) []byte) Action {
	return Edit(func(d Draft) (Draft, error) { return d.WithContent(f(bytes.Clone(d.Content()))) })
}

// Forged reports whether someone who has the keys made the record: it was
// decrypted, and its sender never sent it. Without a gate it is false, and so it is of
// units of another protocol than TLS, which may let anyone make them.
func (r *Record) Forged() bool {
	if !r.Decrypted || r.Lane != Received || !r.TLS() {
		return false
	}
	raw := r.Raw()
	for _, sent := range r.view.conn.views[r.Side].Records(r.Side) {
		if sent.size == r.size && bytes.Equal(sent.Raw(), raw) {
			return false
		}
	}
	return true
}

// An insider reads the recordings of gated connections, and knows every secret
// in them.
type insider struct{ reader reader }

// edit returns what is to be sent in place of the unit; nil if that is the unit itself.
func (i *insider) edit(h Held, change func(Draft) (Draft, error)) ([]byte, error) {
	i.reader.mu.Lock() // deliveries come from many directions
	defer i.reader.mu.Unlock()
	i.reader.omniscient = true
	r := i.reader.read(h.Wire, h.Unit)
	if r == nil {
		return nil, &Refusal{WhyUndecided.Reason()}
	}
	d, err := r.Draft()
	if err != nil {
		return nil, err
	}
	if d, err = change(d); err != nil {
		return nil, err
	}
	b := d.Bytes
	receiver := i.reader.session.conns[h.Conn].View(h.From.Peer())
	switch {
	case d.Sealed && d.unit != nil:
		var why Reason
		if b, why = d.unit.reading.(Resealer).Seal(h.Bytes, d.Bytes, receiver.secrets); why.Key != "" {
			return nil, &Refusal{why}
		}
	case d.Sealed:
		if b, err = receiver.Seal(h.From, Plain{d.Type, d.Bytes, d.Padding}); err != nil {
			return nil, err
		}
	}
	if bytes.Equal(b, h.Bytes) {
		return nil, nil
	}
	return b, nil
}
