package capture_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// damages are what happens to packets before they are in a capture. Each takes a
// file that a Writer made.
var damages = map[string]func(file []byte) []byte{
	"the first 200 bytes of each": func(file []byte) []byte { return packets(file, snapped(200)) },
	"the first 100 bytes of each": func(file []byte) []byte { return packets(file, snapped(100)) },
	"the headers alone":           func(file []byte) []byte { return packets(file, headers) },
	"one lost in five": func(file []byte) []byte {
		return packets(file, func(i int, packet []byte) []byte {
			if i > 3 && i%5 == 0 {
				return nil
			}
			return packet
		})
	},
	"many lost in a row": func(file []byte) []byte {
		return packets(file, func(i int, packet []byte) []byte {
			if i >= 20 && i < 100 {
				return nil
			}
			return packet
		})
	},
	"short, and one lost in seven": func(file []byte) []byte {
		return packets(file, func(i int, packet []byte) []byte {
			if i > 3 && i%7 == 0 {
				return nil
			}
			return snapped(300)(i, packet)
		})
	},
}

// snapped keeps the beginnings of packets.
func snapped(length int) func(int, []byte) []byte {
	return func(_ int, packet []byte) []byte { return packet[:min(length, len(packet))] }
}

// headers keeps those of a packet, but for TCP's options.
func headers(_ int, packet []byte) []byte {
	if packet[14]>>4 == 4 {
		return packet[:14+20+20]
	}
	return packet[:14+40+20]
}

// packets returns a pcapng file of a Writer with what keep leaves of each packet; nil is nothing.
func packets(file []byte, keep func(i int, packet []byte) []byte) []byte {
	const enhanced, head = 6, 28
	order := binary.LittleEndian
	var out bytes.Buffer
	for i := 0; len(file) > 0; {
		block := file[:order.Uint32(file[4:])]
		file = file[len(block):]
		if order.Uint32(block) != enhanced {
			out.Write(block)
			continue
		}
		length := order.Uint32(block[20:])
		kept := keep(i, block[head:head+length])
		if i++; kept == nil {
			continue
		}
		padded := append(bytes.Clone(kept), make([]byte, -len(kept)&3)...)
		options := block[head+(length+3)&^3 : len(block)-4]
		short := bytes.Clone(block[:head])
		order.PutUint32(short[4:], uint32(head+len(padded)+len(options)+4))
		order.PutUint32(short[20:], uint32(len(kept)))
		out.Write(short)
		out.Write(padded)
		out.Write(options)
		out.Write(short[4:8])
	}
	return out.Bytes()
}

func TestADamagedCaptureReadsBackAsTheSameSession(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 20_000)
	for of, file := range map[string][]byte{
		"TLS 1.3":       written(t, inMemory(t, tls.VersionTLS13, []string{"create nome ana\n", large, "end\n"})),
		"TLS 1.2":       written(t, inMemory(t, tls.VersionTLS12, []string{large})),
		"TCP over IPv6": written(t, overTCP(t, "[::1]:0", "create nome ana\n", large)),
		"by hand":       written(t, byHand()),
	} {
		for name, damage := range damages {
			t.Run(of+", "+name, func(t *testing.T) {
				rec := readDamaged(t, damage(file))
				again := readDamaged(t, written(t, rec))
				if diff := cmp.Diff(toldOfGaps(rec), toldOfGaps(again)); diff != "" {
					t.Errorf("(-opened +opened again):\n%s", diff)
				}
			})
		}
	}
}

// readDamaged is read; the file may say that packets were cut off.
func readDamaged(t *testing.T, file []byte) *inspect.Recording {
	t.Helper()
	rec, err := capture.Read(bytes.NewReader(file))
	var problem *capture.Problem
	if err != nil && (!errors.As(err, &problem) || !strings.HasPrefix(problem.Key, "snap")) {
		t.Fatal(err)
	}
	return rec
}

// toldOfGaps is told, with when it became known that bytes are missing.
func toldOfGaps(rec *inspect.Recording) []string {
	lines := told(rec)
	for e := range rec.Events(0) {
		if e.Kind == inspect.Captured && e.Bytes == nil {
			lines = append(lines, fmt.Sprintf("%d %s lacks %d, snapped %v, as is known at %s", e.Conn, e.Side, e.N, e.Snapped, e.Time))
		}
	}
	return lines
}
