package inspect

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// KeptSessions is recordedSessions for the tests from outside.
var KeptSessions = recordedSessions

// recordedSessions returns, by name, all sessions that are kept, to begin fuzzing
// with: those of OpenSSL's programs, the traces of RFC 8448, and where Go came
// with them, the flows of crypto/tls.
func recordedSessions(t testing.TB) map[string]*Recording {
	t.Helper()
	all := make(map[string]*Recording)
	files, err := filepath.Glob("../testdata/openssl/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings of OpenSSL's: ", err)
	}
	for _, file := range files {
		all[filepath.Base(file)] = playCapture(t, file)
	}
	for _, name := range []string{"1-rtt", "0-rtt", "hello-retry-request", "client-authentication", "middlebox"} {
		all[name] = new(Recording)
		playTrace(t, all[name], name)
	}
	flows, _ := findGoFlows()
	for _, file := range flows {
		all[filepath.Base(file)] = new(Recording)
		playFlow(t, all[filepath.Base(file)], file)
	}
	return all
}

// playCapture reads one of our own captures: whole packets of Ethernet, IPv4 and
// TCP in order, in little-endian pcapng. (Package capture reads all others; it
// lies above this one.)
func playCapture(t testing.TB, file string) *Recording {
	t.Helper()
	blocks, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rec, conns := new(Recording), make(map[uint16]int) // by the client's port
	for len(blocks) > 0 {
		length := binary.LittleEndian.Uint32(blocks[4:])
		body := blocks[8 : length-4]
		switch kind := binary.LittleEndian.Uint32(blocks); kind {
		case 0x0000000a: // Decryption Secrets Block
			for line := range strings.Lines(string(body[8:][:binary.LittleEndian.Uint32(body[4:])])) {
				secret, err := ParseSecret([]byte(line))
				if err != nil {
					t.Fatal(file, err)
				}
				secret.Origin = FromFile
				rec.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &secret})
			}
		case 0x00000006: // Enhanced Packet Block
			playPacket(rec, conns, body[20:][:binary.LittleEndian.Uint32(body[12:])])
		}
		blocks = blocks[length:]
	}
	return rec
}

func playPacket(rec *Recording, conns map[uint16]int, packet []byte) {
	const syn, fin, server = 0x02, 0x01, 4433
	ip := packet[14:]
	ip = ip[:binary.BigEndian.Uint16(ip[2:])]
	tcp := ip[int(ip[0]&0x0f)*4:]
	side, port := Client, binary.BigEndian.Uint16(tcp)
	if port == server {
		side, port = Server, binary.BigEndian.Uint16(tcp[2:])
	}
	if side == Client && tcp[13]&syn != 0 {
		conns[port] = len(conns)
		rec.Append(Event{Kind: Opened, Conn: conns[port], Cause: -1, Opening: &Opening{Protocol: "tls"}})
	}
	if payload := tcp[int(tcp[12]>>4)*4:]; len(payload) > 0 {
		rec.Append(Event{Kind: Captured, Conn: conns[port], Side: side, Cause: -1, Bytes: payload})
	}
	if tcp[13]&fin != 0 {
		rec.Append(Event{Kind: Ended, Conn: conns[port], Side: side, Cause: -1, How: EndOfFile})
	}
}

func TestTheCapturesThatFuzzingBeginsWithAreReadWhole(t *testing.T) {
	for name, rec := range recordedSessions(t) {
		session := NewSession(rec)
		coveredOnce(t, session)
		if strings.HasSuffix(name, ".pcapng") && len(session.conns[0].views[Client].messages) == 0 {
			t.Errorf("%s holds no message", name)
		}
	}
}
