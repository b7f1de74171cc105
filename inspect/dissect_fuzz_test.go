package inspect

import (
	"fmt"
	"testing"
)

// checkBounds holds a tree of n bytes against the bounds that Message.Fields
// states.
func checkBounds(root Field, n int) error {
	const perByte, more, mostDepth = 3, 8, 40
	fields, deepest := 0, 0
	var count func(f Field, depth int)
	count = func(f Field, depth int) {
		fields, deepest = fields+1, max(deepest, depth)
		for _, child := range f.Children {
			count(child, depth+1)
		}
	}
	count(root, 1)
	if fields > perByte*n+more || fields > mostFields+mostFields/8 || deepest > mostDepth {
		return fmt.Errorf("%d fields, %d deep, of %d bytes", fields, deepest, n)
	}
	return nil
}

// checkFuzzed holds a tree of any bytes against what holds for all of them.
func checkFuzzed(t *testing.T, root Field, n int) {
	t.Helper()
	if err := checkTree(root, n); err != nil {
		t.Fatal(err)
	}
	if err := checkBounds(root, n); err != nil {
		t.Fatal(err)
	}
}

// everyMessage returns the messages of Go's and OpenSSL's endpoints and of RFC
// 8448, and those that are made by hand.
func everyMessage(f *testing.F) (all []*Message) {
	for _, messages := range live(f) {
		all = append(all, messages...)
	}
	_, messages := rfc8448(f)
	all = append(append(all, messages...), recordedMessages(f)...)
	for _, m := range rareMessages() {
		all = append(all, m)
	}
	return all
}

// Whatever the bytes, the leaves cover them exactly once; and where all of a
// message is understood, no shorter message is.
func FuzzMessageFields(f *testing.F) {
	for _, m := range everyMessage(f) {
		f.Add(m.Bytes, m.version, m.suite)
	}
	f.Fuzz(func(t *testing.T, b []byte, version, suite uint16) {
		m := Message{Bytes: b, version: version, suite: suite}
		if len(b) > 0 {
			m.Type = HandshakeType(b[0])
		}
		root := m.Fields()
		checkFuzzed(t, root, len(b))
		if len(b) == 0 {
			return
		}
		if _, found := notUnderstood(root); found {
			return
		}
		m.Bytes = b[:len(b)-1]
		if _, found := notUnderstood(m.Fields()); !found {
			t.Fatal("a byte less passes for whole")
		}
	})
}

// Every type of extension, in every place, also where it may not stand.
func FuzzExtension(f *testing.F) {
	for _, e := range rareExtensions() {
		f.Add(e.number, uint8(e.where), e.data)
	}
	for _, m := range everyMessage(f) {
		root := m.Fields()
		walk(root, func(field Field) {
			if field.Kind == "extension.extension_type" {
				number, rest := m.Bytes[field.Offset:field.End()], m.Bytes[field.End():]
				f.Add(uint16(number[0])<<8|uint16(number[1]), uint8(placeNames[root.Kind]), rest[2:2+peekLength(rest, 2)])
			}
		})
	}
	f.Fuzz(func(t *testing.T, number uint16, where uint8, data []byte) {
		where %= uint8(inNewSessionTicket) + 1
		if len(data) > 0xffff {
			return
		}
		b := append([]byte{byte(number >> 8), byte(number)}, vector16(data)...)
		checkFuzzed(t, dissecting(func(c *cursor) { extension(c, place(where)) })(b), len(b))
	})
}

func FuzzCertificate(f *testing.F) {
	for _, b := range sampleCertificates() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkFuzzed(t, dissectCertificate(b), len(b)) })
}

func FuzzOCSPResponse(f *testing.F) {
	for _, b := range sampleResponses() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkFuzzed(t, dissectResponse(b), len(b)) })
}

func FuzzTimestamps(f *testing.F) {
	f.Add(sampleTimestamps())
	f.Fuzz(func(t *testing.T, b []byte) { checkFuzzed(t, dissectTimestamps(b), len(b)) })
}

func FuzzEncodedClientHelloInner(f *testing.F) {
	f.Add(encodedInner(f))
	f.Fuzz(func(t *testing.T, b []byte) { checkFuzzed(t, encodedClientHelloInner(b), len(b)) })
}

func FuzzContentFields(f *testing.F) {
	for t := range uint8(0x1c) {
		f.Add(t, []byte{0x02, 0x28})
	}
	f.Fuzz(func(t *testing.T, kind uint8, content []byte) {
		root := Field{Kind: "root", Name: "root", RFC: "none", Length: len(content), Children: contentFields(ContentType(kind), version13, content)}
		checkFuzzed(t, root, len(content))
	})
}
