package inspect

import (
	"bytes"
	"runtime"
	"testing"
)

// What a Session keeps, in bytes for each byte that was captured. The package's
// documentation states these numbers.
const (
	mostOfBulk  = 0.1 // records of 16 KiB
	mostOfSmall = 10  // records of 40 bytes
	mostOfShort = 20  // connections that are nearly all handshake
	mostOfAny   = 120 // whatever a peer can think of in TLS
	mostOfUnits = 700 // units of a single byte
)

func TestASessionTakesMemoryLinearInItsInput(t *testing.T) {
	for name, input := range map[string]struct {
		most float64
		make func(n int) *Recording // of some n units
		n    int
	}{
		"bulk":             {mostOfBulk, func(n int) *Recording { return sealedRecords(n, 1<<14) }, 250},
		"small records":    {mostOfSmall, func(n int) *Recording { return sealedRecords(n, 40) }, 10000},
		"short sessions":   {mostOfShort, func(n int) *Recording { return shortSessions(t, n) }, 200},
		"KeyUpdates":       {mostOfAny, keyUpdates, 4000},
		"empty records":    {mostOfAny, func(n int) *Recording { return clearRecords(n, ApplicationData, nil) }, 20000},
		"alerts":           {mostOfAny, func(n int) *Recording { return clearRecords(n, Alert, []byte{1, 90}) }, 20000},
		"HelloRequests":    {mostOfAny, func(n int) *Recording { return clearRecords(n, Handshake, make([]byte, 1<<14)) }, 5},
		"one byte a piece": {mostOfAny, byteByByte, 50000},
		"one byte a unit":  {mostOfUnits, emptyLines, 50000},
	} {
		t.Run(name, func(t *testing.T) {
			once, twice := kept(input.make(input.n)), kept(input.make(2*input.n))
			t.Logf("%.2f bytes for each byte, %.2f of twice as many", once, twice)
			if once > input.most || twice > input.most {
				t.Errorf("a session keeps %.2f bytes for each byte of its input, and %.2f of twice as many; at most %.2f are stated", once, twice, input.most)
			}
			if twice > 1.3*once+0.01 {
				t.Errorf("it keeps %.2f bytes for each byte, and of twice as many %.2f", once, twice)
			}
		})
	}
}

// kept returns how many bytes a session keeps for each byte that was captured.
func kept(rec *Recording) float64 {
	captured := 0
	for e := range rec.Events(0) {
		if e.Kind == Captured {
			captured += e.N
		}
	}
	before := heap()
	session := NewSession(rec)
	session.End()
	after := heap()
	runtime.KeepAlive(session)
	runtime.KeepAlive(rec)
	return (float64(after) - float64(before)) / float64(captured)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// begun is a connection of TLS 1.3 whose client may send application data.
func begun() *script {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.log("CLIENT_TRAFFIC_SECRET_0", Client, true)
	return s
}

func sealedRecords(n, size int) *Recording {
	s, content := begun(), make([]byte, size)
	for range n {
		s.sealed(Client, ApplicationData, content)
	}
	return s.rec
}

func keyUpdates(n int) *Recording {
	s := begun()
	for range n {
		s.sealed(Client, Handshake, message(typeKeyUpdate, 0))
		s.keys[Client], s.seq[Client] = s.keys[Client].update(), 0
	}
	return s.rec
}

func clearRecords(n int, kind ContentType, fragment []byte) *Recording {
	s := newScript(0x1301)
	for range n {
		s.clear(Client, kind, fragment)
	}
	return s.rec
}

func byteByByte(n int) *Recording {
	s := newScript(0x1301)
	record := append([]byte{0x17, 0x03, 0x03, 0x10, 0x00}, make([]byte, 1<<12)...)
	for i := range n {
		s.rec.Append(Event{Kind: Captured, Cause: -1, Bytes: record[i%len(record):][:1]})
	}
	return s.rec
}

func emptyLines(n int) *Recording {
	rec := new(Recording)
	rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: Lines.Name(), Speaks: Lines}})
	rec.Append(Event{Kind: Captured, Cause: -1, Bytes: bytes.Repeat([]byte("\n"), n)})
	return rec
}

// shortSessions are connections of a handshake and a line each way.
func shortSessions(t *testing.T, n int) *Recording {
	one, all := playCapture(t, "../testdata/openssl/tls13-aes128-gcm.pcapng"), new(Recording)
	for conn := range n {
		for e := range one.Events(0) {
			if e.Kind != Secret {
				e.Conn = conn
			}
			if e.Kind != Secret || conn == 0 {
				all.Append(e)
			}
		}
	}
	return all
}

func TestAnEndlessHandshakeIsNotProvedEndlessly(t *testing.T) {
	for _, proof := range [][]byte{
		message(typeServerKeyExchange, namedCurve, 0, 0x1d, 1, 1, 4, 3, 0, 0),
		message(typeCertificateVerify, 4, 3, 0, 0),
		message(typeCertificate, 0, 0, 0),
	} {
		s := newScript(0xc02f)
		s.clear(Client, Handshake, s.hello(Client))
		s.clear(Server, Handshake, s.hello(Server))
		for range 20 {
			s.clear(Server, Handshake, bytes.Repeat(proof, 1000))
		}
		view := NewSession(s.rec).conns[0].views[Client]
		if n := len(view.Verifications()); n > mostProofs {
			t.Errorf("%d proofs of %d messages", n, len(view.messages))
		}
	}
}

func TestOfAForgottenEventNothingIsKnownButItsIndex(t *testing.T) {
	rec := new(Recording)
	rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	for range 3000 {
		rec.Append(Event{Kind: Captured, Cause: -1, Bytes: []byte("a captured byte, or some")})
	}
	rec.Forget(2000)
	if e := rec.At(0); e.Kind != 0 || e.Opening != nil || e.Index != 0 || e.Conn != -1 {
		t.Errorf("it was forgotten, and is %+v", e)
	}
	for i := 2000; i < rec.Len(); i++ {
		if e := rec.At(i); e.Index != i || e.Kind != Captured || len(e.Bytes) != e.N {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	rec.Forget(rec.Len() + 7) // the last stays
	if e := rec.At(rec.Append(Event{Kind: Ended, Cause: -1, How: Cut}) - 1); e.Kind != Captured {
		t.Errorf("the last event was forgotten: %+v", e)
	}
}

func TestARunThatIsForgottenAsItGoesTakesNoRoom(t *testing.T) {
	rec := new(Recording)
	rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	grow := func(events int) uint64 {
		for i := range events {
			rec.Append(Event{Kind: Captured, Cause: -1, Bytes: []byte("a captured byte, or some")})
			if i%1000 == 0 {
				rec.Forget(rec.Len())
			}
		}
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	few, many := grow(10_000), grow(600_000) // more than a branch of the index
	if many > few+2<<20 {
		t.Errorf("%d bytes after 10,000 events, %d after 610,000", few, many)
	}
	runtime.KeepAlive(rec)
}
