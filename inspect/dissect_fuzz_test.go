package inspect

import "testing"

// Whatever the bytes, the leaves cover them exactly once; and where all of a
// message is understood, no shorter message is.
func FuzzMessageFields(f *testing.F) {
	for _, how := range conversations {
		for _, m := range talk(f, how) {
			f.Add(m.Bytes, m.version, m.suite)
		}
	}
	_, messages := rfc8448(f)
	for _, m := range messages {
		f.Add(m.Bytes, m.version, m.suite)
	}
	for _, rec := range recordedSessions(f) {
		for _, c := range NewSession(rec).conns {
			for _, m := range c.views[Client].messages {
				f.Add(m.Bytes, m.version, m.suite)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, version, suite uint16) {
		m := Message{Bytes: b, version: version, suite: suite}
		if len(b) > 0 {
			m.Type = HandshakeType(b[0])
		}
		root := m.Fields()
		if err := checkTree(root, len(b)); err != nil {
			t.Fatal(err)
		}
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

func FuzzContentFields(f *testing.F) {
	for t := range uint8(0x1c) {
		f.Add(t, []byte{0x02, 0x28})
	}
	f.Fuzz(func(t *testing.T, kind uint8, content []byte) {
		root := Field{Kind: "root", Name: "root", RFC: "none", Length: len(content), Children: contentFields(ContentType(kind), content)}
		if err := checkTree(root, len(content)); err != nil {
			t.Fatal(err)
		}
	})
}
