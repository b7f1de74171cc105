package inspect_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"example.com/tlslab/inspect"
)

func TestWithoutKeysAProtectedRecordIsAHeaderAndCipherText(t *testing.T) {
	eachSuite(t, func(t *testing.T, version uint16, suites []uint16) {
		session := dialogueUnder(t, nil, version, suites, "pay 10", ", please")
		protected := 0
		for r := range session.Records() {
			d, err := r.Envelope()
			if err != nil || !bytes.Equal(d.Bytes, r.Raw()) || d.Sealed {
				t.Fatalf("%v: %v", r, err)
			}
			if !r.Encrypted {
				continue
			}
			protected++
			if err := checkEnvelope(d); err != nil {
				t.Fatal(err)
			}
			cipher, ok := d.Fields.Find("record.encrypted")
			tag, tagged := d.Fields.Find("record.tag")
			if !ok || !tagged || tag.Length != 16 || tag.End() != len(d.Bytes) {
				t.Fatalf("the fragment is %+v", d.Fields.Children[3:])
			}
			if _, found := d.Fields.Find("record.application_data"); found || bytes.Contains([]byte(cipher.Value), []byte("pay")) {
				t.Errorf("the cipher text tells %q", cipher.Value)
			}
			longer, err := d.Set(cipher, make([]byte, cipher.Length+3), true)
			if err != nil || int(binary.BigEndian.Uint16(longer.Bytes[3:])) != r.Length+3 {
				t.Errorf("made longer, the header is % x: %v", longer.Bytes[:5], err)
			}
			alone, err := d.Set(cipher, nil, false)
			if err != nil || int(binary.BigEndian.Uint16(alone.Bytes[3:])) != r.Length {
				t.Errorf("left alone, the header is % x: %v", alone.Bytes[:5], err)
			}
			typed, err := d.SetValue("record.type", "alert")
			if err != nil || typed.Bytes[0] != byte(inspect.Alert) || !bytes.Equal(typed.Bytes[1:], d.Bytes[1:]) {
				t.Errorf("of another type, it begins with % x: %v", typed.Bytes[:5], err)
			}
		}
		if protected < 4 {
			t.Errorf("only %d protected records", protected)
		}
	})
}

// checkEnvelope fails unless the leaves cover the bytes in order.
func checkEnvelope(d inspect.Draft) error {
	at := 0
	for _, leaf := range d.Fields.Leaves() {
		if leaf.Offset != at {
			return errors.New(leaf.Kind + " does not follow what stands before it")
		}
		at = leaf.End()
	}
	if at != len(d.Bytes) {
		return errors.New("the leaves do not cover the record")
	}
	return nil
}

func TestAPieceOfAMessageKeepsItsLengthUnlessTheLengthsAreLeftAlone(t *testing.T) {
	pieces := 0
	for name, r := range inspect.KeptSessions(t) {
		session := inspect.NewSession(r)
		for record := range session.Records() {
			d, err := record.Draft()
			if err != nil {
				continue
			}
			for _, f := range d.Fields.Children {
				if f.Kind != "record.handshake" {
					continue
				}
				pieces++
				if _, err := d.Set(f, make([]byte, f.Length), true); err != nil {
					t.Errorf("%s: as many bytes: %v", name, err)
				}
				if _, err := d.Set(f, make([]byte, f.Length+1), false); err != nil {
					t.Errorf("%s: with the lengths left alone: %v", name, err)
				}
				_, err := d.Set(f, make([]byte, f.Length+1), true)
				if refusal := new(inspect.Refusal); !errors.As(err, &refusal) || refusal.Reason.Key != "edit_piece" {
					t.Errorf("%s: a byte more: %v", name, err)
				}
			}
		}
	}
	if pieces == 0 {
		t.Error("no message is in pieces")
	}
}

func TestTextWithoutTLSTakesAnyBytes(t *testing.T) {
	d := inspect.TextDraft([]byte("read nome\n"))
	if got := d.Fields.Text(d.Bytes); got != `"read nome\n"` {
		t.Errorf("the text is written as %s", got)
	}
	for _, value := range []string{`"read cidade\n"`, `read cidade`, `0x7265`, `""`} {
		b, err := d.Fields.Parse(value)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := d.Set(d.Fields, b, true)
		if err != nil || !bytes.Equal(changed.Bytes, b) || changed.Fields.Length != len(b) {
			t.Errorf("%s: %q, %v", value, changed.Bytes, err)
		}
	}
}
