package inspect

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// Whatever field of whatever message becomes whatever: where its lengths were
// made to fit, the record parses again, holds that message and nothing else,
// and its fields cover it.
func FuzzEdit(f *testing.F) {
	for i, m := range corpus(f) {
		f.Add(m.Bytes, m.version, m.suite, uint16(i), []byte("value"), true)
		f.Add(m.Bytes, m.version, m.suite, uint16(7*i), []byte{}, true)
		f.Add(m.Bytes, m.version, m.suite, uint16(3*i), bytes.Repeat([]byte{0xff}, 300), false)
	}
	f.Fuzz(func(t *testing.T, message []byte, version, suite, which uint16, value []byte, fit bool) {
		if len(message) > maxFragment {
			return
		}
		header := recordHeader(Handshake, len(message))
		d := Draft{Type: Handshake, version: version, suite: suite}.with(append(header, message...))
		if err := checkTree(d.Fields, len(d.Bytes)); err != nil {
			t.Fatal(err)
		}
		var fields []Field
		everyField(d.Fields, func(field Field) { fields = append(fields, field) })
		field := fields[int(which)%len(fields)]
		if text := field.Text(d.Bytes); len(field.Children) == 0 {
			if b, err := field.Parse(text); err != nil || !bytes.Equal(b, d.Bytes[field.Offset:field.End()]) {
				t.Fatalf("%s is written as %q, which is read as %x, %v", field.Kind, text, b, err)
			}
		}
		edited, err := d.Set(field, value, fit)
		if err != nil {
			if !bytes.Equal(edited.Bytes, d.Bytes) {
				t.Fatal("a refused edit changed something")
			}
			return
		}
		if err := checkTree(edited.Fields, len(edited.Bytes)); err != nil {
			t.Fatal(err)
		}
		if !fit {
			if len(edited.Bytes) != len(d.Bytes)-field.Length+len(value) {
				t.Fatalf("%d bytes became %d", len(d.Bytes), len(edited.Bytes))
			}
			return
		}
		fits(t, d, edited, field)
	})
}

// fits checks that the lengths of an edited draft say what is there.
func fits(t *testing.T, before, after Draft, field Field) {
	if field.Kind == "record" {
		return // the value is the whole record, its lengths included
	}
	content := after.Content()
	if int(binary.BigEndian.Uint16(after.Bytes[3:])) != len(content) {
		t.Fatalf("the record's length is %x, its content has %d bytes", after.Bytes[3:5], len(content))
	}
	whole := func(d Draft) bool {
		return len(d.Fields.Children) == 4 && d.Fields.Children[3].Kind != "record.handshake"
	}
	inside := field.Offset >= headerLength+handshakeHeaderLength
	if inside && whole(before) && !whole(after) {
		t.Fatalf("%s: the record does not hold one message any more: %+v", field.Kind, after.Fields.Children)
	}
	if after.Bytes[0] != byte(Handshake) || after.Bytes[1] != 3 {
		return // the record's own type or version was changed
	}
	r := new(Recording)
	r.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	r.Append(Event{Kind: Captured, Cause: -1, Bytes: after.Bytes})
	records := NewSession(r).Connections()[0].View(Client).Records(Client)
	if len(records) != 1 || !bytes.Equal(records[0].Raw(), after.Bytes) {
		t.Fatalf("the record became %d records", len(records))
	}
	if err := checkTree(records[0].Fields(), len(after.Bytes)); err != nil {
		t.Fatal(err)
	}
}

// Whatever the bytes and the keys, what is sealed opens again.
func FuzzSeal(f *testing.F) {
	for _, suite := range []uint16{0x1301, 0x1302, 0x1303, 0xc02f, 0xc030, 0xcca8} {
		f.Add(suite, byte(ApplicationData), []byte("text"), uint16(0), uint64(7))
		f.Add(suite, byte(Handshake), []byte{}, uint16(300), uint64(1<<40))
	}
	f.Fuzz(func(t *testing.T, suite uint16, kind byte, content []byte, padding uint16, seq uint64) {
		s, ok := aeadSuites[suite]
		if !ok {
			return
		}
		key := s.trafficKeys12([]byte("master"), nil, nil)[Client]
		if s.tls13 {
			key = s.trafficKey13([]byte("secret"))
		}
		record, err := key.seal(Plain{ContentType(kind), content, int(padding)}, seq)
		if err != nil {
			if len(content)+int(padding) < 1<<14 {
				t.Fatal(err)
			}
			return
		}
		if notTLS(record) != "" && kind >= byte(ChangeCipherSpec) && kind <= maxContentType || int(binary.BigEndian.Uint16(record[3:])) != len(record)-headerLength {
			t.Fatalf("%x is no record", record[:headerLength])
		}
		plain, err := key.open(nil, record, seq)
		if err != nil {
			t.Fatal(err)
		}
		if s.tls13 {
			inner, length, zeros := innerPlaintext(plain)
			if kind != 0 && (inner != ContentType(kind) || zeros != int(padding) || length != len(content)) {
				t.Fatalf("%s, %d bytes and %d zeros were opened", inner, length, zeros)
			}
			plain = plain[:len(content)]
		}
		if !bytes.Equal(plain, content) {
			t.Fatal("something else was opened")
		}
		if _, err := key.open(nil, record, seq+1); err == nil {
			t.Fatal("it opens under another number, too") // AES-GCM of TLS 1.2 has the number in its additional data
		}
	})
}
