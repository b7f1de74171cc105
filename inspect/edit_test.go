package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// corpus are the messages of many handshakes.
func corpus(t testing.TB) []*Message {
	var all []*Message
	for _, how := range conversations {
		all = append(all, talk(t, how)...)
	}
	_, messages := rfc8448(t)
	return append(all, messages...)
}

// everyField calls visit for each field of a tree, parents first.
func everyField(f Field, visit func(Field)) {
	visit(f)
	for _, child := range f.Children {
		everyField(child, visit)
	}
}

func (m *Message) edited(b []byte) *Message {
	return &Message{Type: m.Type, Bytes: b, version: m.version, suite: m.suite}
}

func TestEveryFieldIsReadAsItIsWritten(t *testing.T) {
	for _, m := range corpus(t) {
		for _, leaf := range m.Fields().Leaves() {
			text := leaf.Text(m.Bytes)
			if b, err := leaf.Parse(text); err != nil || !bytes.Equal(b, m.Bytes[leaf.Offset:leaf.End()]) {
				t.Fatalf("%s of %s is written as %q, which is read as %x, %v", leaf.Kind, m.Name(), text, b, err)
			}
		}
	}
}

// told tells a tree but for its lengths: kinds and bytes of the leaves.
func leavesTold(root Field, b []byte) (all []string) {
	for _, leaf := range root.Leaves() {
		if leaf.edit.form == noLength {
			all = append(all, fmt.Sprintf("%s %x", leaf.Kind, b[leaf.Offset:leaf.End()]))
		}
	}
	return all
}

// asAGrammarWantsIt has the leaves whose bytes decide how others are read, or
// that may not hold just any: lists that were empty, and types of DER with a
// syntax of their own.
var asAGrammarWantsIt = map[string]bool{
	"der.object_identifier": true, "der.time": true, "der.integer": true, "session_ticket.ticket": true,
	"status_request.responder_id_list": true, "status_request.request_extensions": true, "certificate.certificate_list": true,
	"certificate.extensions": true, "new_session_ticket.extensions": true, "encrypted_extensions.extensions": true,
}

func TestWhatAVectorHoldsIsReplacedAndAllLengthsFit(t *testing.T) {
	tried := make(map[string]bool)
	for _, m := range corpus(t) {
		root := m.Fields()
		before := leavesTold(root, m.Bytes)
		for place, leaf := range slices.DeleteFunc(root.Leaves(), func(f Field) bool { return f.edit.form != noLength }) {
			if !leaf.edit.elastic || leaf.edit.number {
				continue
			}
			for _, n := range []int{0, 1, leaf.Length - 1, leaf.Length + 1, leaf.Length + 130, 250, 70_000} {
				value := bytes.Repeat([]byte{0x5a}, max(n, 0))
				b, err := ReplaceField(root, m.Bytes, leaf, value, true)
				if err != nil {
					if n < 200 && n > leaf.Length+130 || !strings.Contains(err.Error(), "cannot count so much") {
						t.Fatalf("%s: %v", leaf.Kind, err)
					}
					continue
				}
				tried[leaf.Kind] = true
				again := m.edited(b).Fields()
				if err := checkTree(again, len(b)); err != nil {
					t.Fatal(err)
				}
				if again.Children[1].edit.counts == 0 || again.Children[1].Value != fmt.Sprint(len(b)-handshakeHeaderLength) {
					t.Fatalf("%s of %d bytes: the message's length is %s, its body's %d", leaf.Kind, n, again.Children[1].Value, len(b)-handshakeHeaderLength)
				}
				want := slices.Clone(before)
				want[place] = fmt.Sprintf("%s %x", leaf.Kind, value)
				if got := leavesTold(again, b); !asAGrammarWantsIt[leaf.Kind] && !slices.Equal(got, want) {
					t.Fatalf("%s of %s with %d bytes:\n%s", leaf.Kind, m.Name(), n, strings.Join(got, "\n"))
				}
			}
		}
	}
	for _, kind := range []string{"server_name.host_name", "der.string", "client_hello.legacy_session_id", "key_share.key_exchange", "new_session_ticket.ticket"} {
		if !tried[kind] {
			t.Errorf("%s was not tried", kind)
		}
	}
}

func TestItemsOfAListAreLeftOutOrBecomeSeveral(t *testing.T) {
	for _, m := range corpus(t) {
		if m.Type != typeClientHello {
			continue
		}
		root := m.Fields()
		suite, _ := root.Find("client_hello.cipher_suite")
		extension, _ := root.Find("extension.supported_versions")
		for name, c := range map[string]struct {
			field Field
			value []byte
		}{
			"a suite less": {suite, nil}, "a suite more": {suite, []byte{0x13, 0x01, 0x13, 0x02}}, "an extension less": {extension, nil},
		} {
			if c.field.Length == 0 {
				continue
			}
			b, err := ReplaceField(root, m.Bytes, c.field, c.value, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if odd, found := notUnderstood(m.edited(b).Fields()); found || len(b) != len(m.Bytes)+len(c.value)-c.field.Length {
				t.Fatalf("%s: %+v", name, odd)
			}
		}
		if _, err := ReplaceField(root, m.Bytes, suite, []byte{1, 2, 3}, true); err == nil {
			t.Error("a cipher suite and a half went through")
		}
	}
}

func TestWhatCannotBeChangedIsRefusedWithTheReason(t *testing.T) {
	var hello *Message
	for _, m := range corpus(t) {
		if m.Type == typeClientHello {
			hello = m
		}
	}
	root := hello.Fields()
	find := func(kind string) Field {
		f, ok := root.Find(kind)
		if !ok {
			t.Fatalf("no %s", kind)
		}
		return f
	}
	set := func(kind string, value int, fit bool) func() error {
		return func() error {
			_, err := ReplaceField(root, hello.Bytes, find(kind), make([]byte, value), fit)
			return err
		}
	}
	parse := func(kind, value string) func() error {
		return func() error { _, err := find(kind).Parse(value); return err }
	}
	for name, c := range map[string]struct {
		do   func() error
		want string // "" if it is not refused
	}{
		"a random of 31 bytes":        {set("client_hello.random", 31, true), "edit_fixed_size"},
		"a random of 31 bytes, unfit": {set("client_hello.random", 31, false), ""},
		"a length":                    {set("handshake.length", 3, true), "edit_is_length"},
		"a length, unfit":             {set("handshake.length", 3, false), ""},
		"a session ID of 255 bytes":   {set("client_hello.legacy_session_id", 255, true), ""},
		"a session ID of 256 bytes":   {set("client_hello.legacy_session_id", 256, true), "edit_too_long"},
		"a field of another tree": {func() error {
			_, err := ReplaceField(root, hello.Bytes, Field{Kind: "finished.verify_data"}, nil, true)
			return err
		}, "edit_no_field"},
		"bytes of another length": {func() error {
			_, err := ReplaceField(root, hello.Bytes[1:], find("client_hello.random"), nil, true)
			return err
		}, "edit_no_field"},
		"a bit outside":                 {func() error { _, err := FlipBits([]byte{1}, 1, 1); return err }, "edit_outside"},
		"a bit before":                  {func() error { _, err := FlipBits([]byte{1}, -1, 1); return err }, "edit_outside"},
		"bytes outside":                 {func() error { _, err := ReplaceBytes([]byte{1, 2}, 1, 2, nil); return err }, "edit_outside"},
		"a suite by name":               {parse("client_hello.cipher_suite", "tls_aes_128_gcm_sha256"), ""},
		"a suite by a wrong name":       {parse("client_hello.cipher_suite", "TLS_AES_129_GCM_SHA256"), "value_code"},
		"a suite of three bytes":        {parse("client_hello.cipher_suite", "0x010000"), "value_code"},
		"a length by a name":            {parse("handshake.length", "short"), "value_number"},
		"a random in half a digit":      {parse("client_hello.random", "0xabc"), "value_bytes"},
		"a random in open quotes":       {parse("client_hello.random", `"abc`), "value_bytes"},
		"a random in spaced hex digits": {parse("client_hello.random", "01 02 0a"), ""},
	} {
		var refusal *Refusal
		switch err := c.do(); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &refusal) || refusal.Reason.Key != c.want || strings.Contains(err.Error(), "{{")):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestAValueIsReadAsItIsMeant(t *testing.T) {
	code := Field{Kind: "client_hello.cipher_suite", Length: 2, edit: editing{number: true, codes: &suites}}
	number := Field{Kind: "new_session_ticket.ticket_lifetime", Length: 4, edit: editing{number: true}}
	name := Field{Kind: "server_name.host_name"}
	opaque := Field{Kind: "client_hello.random"}
	for _, c := range []struct {
		field Field
		value string
		want  string
	}{
		{code, "TLS_AES_256_GCM_SHA384", "1302"},
		{code, "0x1302", "1302"},
		{code, "10", "000a"},
		{number, "010", "0000000a"},
		{number, "0xffffffff", "ffffffff"},
		{name, "abcd", "61626364"},
		{name, `"\x00é"`, "00c3a9"},
		{name, "0xabcd", "abcd"},
		{opaque, "ab cd", "abcd"},
		{opaque, `"abcd"`, "61626364"},
		{opaque, "", ""},
	} {
		if got, err := c.field.Parse(c.value); err != nil || fmt.Sprintf("%x", got) != c.want {
			t.Errorf("%s: %q is read as %x, %v", c.field.Kind, c.value, got, err)
		}
	}
}

func TestChangesAreTheBytesThatAreNotWhatTheyWere(t *testing.T) {
	for _, c := range []struct {
		before, after string
		want          []Change
	}{
		{"abc", "abc", nil},
		{"abcdef", "aXYdeZ", []Change{{1, 2, 2}, {5, 1, 1}}},
		{"abcdef", "abXYZdef", []Change{{2, 1, 3}}},
		{"aaa", "aa", []Change{{2, 1, 0}}},
		{"", "abc", []Change{{0, 0, 3}}},
		{"L5:M3:abc=z", "L7:M5:abcXY=z", []Change{{1, 1, 1}, {4, 1, 1}, {9, 0, 2}}}, // with its lengths
		{"L7:M5:abcXY=z", "L5:M3:abc=z", []Change{{1, 1, 1}, {4, 1, 1}, {9, 2, 0}}},
	} {
		if got := Changes([]byte(c.before), []byte(c.after)); !slices.Equal(got, c.want) {
			t.Errorf("%q to %q: %v", c.before, c.after, got)
		}
	}
}
