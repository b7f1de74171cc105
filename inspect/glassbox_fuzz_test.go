package inspect

import (
	"fmt"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// FuzzClearHandshake holds what reads along in a glass box to the same messages whatever the chunks, and to its bounds.
func FuzzClearHandshake(f *testing.F) {
	hello := append([]byte{0x16, 3, 1, 0, 8, 1, 0, 0, 4}, "body"...)
	f.Add(hello, 1)
	f.Add(append(append([]byte{0x14, 3, 3, 0, 1, 1}, hello...), hello...), 7)
	f.Add([]byte{0x16, 3, 1, 0, 4, 1, 0, 0, 4, 0x16, 3, 1, 0, 4, 'b', 'o', 'd', 'y', 0x17, 3, 3, 0, 0}, 3)
	f.Add([]byte{0x16, 3, 1, 0, 4, 1, 1, 0, 1, 0x16, 3, 1, 0, 4, 2, 0, 0, 0}, 3)
	f.Add([]byte("GET / HTTP/1.1\r\n"), 2)
	f.Fuzz(func(t *testing.T, sent []byte, size int) {
		read := func(size int) (all string) {
			var c clearHandshake
			var keys publicKeys
			for chunk := sent; len(chunk) > 0; {
				n := min(max(size, 1), len(chunk))
				c.add(chunk[:n], func(kind HandshakeType, body cryptobyte.String) {
					all += fmt.Sprintf("%d %x\n", kind, []byte(body))
					keys.in(kind, body)
				})
				chunk = chunk[n:]
				if len(c.records) >= headerLength+1<<16 || len(c.messages) > handshakeHeaderLength+maxClear {
					t.Fatalf("%d and %d bytes wait", len(c.records), len(c.messages))
				}
			}
			return all
		}
		if one, two := read(len(sent)), read(size); one != two {
			t.Errorf("at once:\n%s\nin chunks of %d:\n%s", one, size, two)
		}
	})
}
