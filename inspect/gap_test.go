package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lose takes the last n events off the script's recording and puts a gap of
// their length, and of some bytes more, in their place.
func (s *script) lose(n, more int) {
	kept := new(Recording)
	length, last := more, s.rec.Len()-n
	for e := range s.rec.Events(0) {
		switch {
		case e.Index < last || e.Kind != Captured:
			kept.Append(e)
		default:
			length += len(e.Bytes)
			s.lost = e.Side
		}
	}
	kept.Append(Event{Kind: Captured, Side: s.lost, Cause: -1, N: length})
	s.rec = kept
}

// serving is a connection of TLS 1.3 whose server is about to send under its
// first application key.
func serving() *script {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, true)
	s.sealed(Server, Handshake, message(typeFinished, 1))
	s.log("SERVER_TRAFFIC_SECRET_0", Server, true)
	return s
}

// resume sends two records, so that it can be seen where they begin.
func (s *script) resume(side Side) {
	s.sealed(side, ApplicationData, []byte("after"))
	s.sealed(side, ApplicationData, []byte("more"))
}

const begins = "clear server_hello; handshake0 finished; "

func TestBehindAGapRecordsAreReadUnderTheirOwnSequenceNumbers(t *testing.T) {
	s := serving()
	s.sealed(Server, ApplicationData, []byte("before"))
	for range 3 {
		s.sealed(Server, ApplicationData, []byte("lost"))
	}
	s.lose(3, 0)
	s.resume(Server)
	expect(t, s.told(Server), begins+"application0 application_data; application4 application_data; application5 application_data")
}

func TestOfASideWhoseLastBytesAreMissingNobodyIsToldThatItLeftOutItsCloseNotify(t *testing.T) {
	for missing, want := range map[bool]Closing{true: ClosedMissing, false: ClosedEndOfFile} {
		s := serving()
		s.sealed(Server, ApplicationData, []byte("the last"))
		if missing {
			s.lose(1, 0)
		}
		s.rec.Append(Event{Kind: Ended, Side: Server, Cause: -1})
		session := NewSession(s.rec)
		session.Extend()
		items := session.Items()
		if last := items[len(items)-1]; last.Kind != ClosedItem || last.How != want {
			t.Errorf("missing %v: %v, %v", missing, last.Kind, last.How)
		}
	}
}

func TestAKeyThatComesIntoForceWithinAGapIsFound(t *testing.T) {
	s := serving()
	s.sealed(Server, ApplicationData, []byte("before"))
	s.sealed(Server, Handshake, message(typeKeyUpdate, 0))
	s.keys[Server], s.seq[Server] = s.keys[Server].update(), 0
	s.sealed(Server, ApplicationData, []byte("lost"))
	s.lose(2, 0)
	s.resume(Server)
	expect(t, s.told(Server), begins+"application0 application_data; application+11 application_data; application+12 application_data")
}

func TestAHandshakeThatEndsWithinAGapIsLeftBehind(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, true)
	s.log("SERVER_TRAFFIC_SECRET_0", Server, true)
	handshake := aeadSuites[s.suite].trafficKey13([]byte("SERVER_HANDSHAKE_TRAFFIC_SECRETkkkkkkkkkkk")[:32])
	application := s.keys[Server]
	s.keys[Server] = handshake
	s.sealed(Server, Handshake, message(typeEncryptedExtensions, 0, 0))
	s.sealed(Server, Handshake, message(typeFinished, 1))
	s.keys[Server], s.seq[Server] = application, 0
	s.sealed(Server, ApplicationData, []byte("lost"))
	s.lose(2, 0)
	s.resume(Server)
	expect(t, s.told(Server), "clear server_hello; handshake0 encrypted_extensions; application1 application_data; application2 application_data")
}

func TestAChangeCipherSpecWithinAGapIsNoted(t *testing.T) {
	for _, suite := range []uint16{0xc02f, 0xcca8} {
		s := newScript(suite)
		s.clear(Client, Handshake, s.hello(Client))
		s.clear(Server, Handshake, s.hello(Server))
		s.keys = s.master("the master secret")
		s.clear(Client, ChangeCipherSpec, []byte{1})
		s.sealed(Client, Handshake, message(typeFinished, 1))
		s.sealed(Client, ApplicationData, []byte("lost"))
		s.lose(3, 0)
		s.resume(Client)
		expect(t, s.told(Client), "clear client_hello; application2 application_data; application3 application_data")
	}
}

func TestAGapWithinARecordCostsThatRecordAlone(t *testing.T) {
	for _, missing := range []int{1, 30, 60} { // the last one ends where the record does
		s := serving()
		s.sealed(Server, ApplicationData, bytes.Repeat([]byte("x"), 78)) // 100 bytes in all
		whole := s.rec.At(s.rec.Len() - 1).Bytes
		cut := new(Recording)
		for e := range s.rec.Events(0) {
			if e.Index == s.rec.Len()-1 {
				cut.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: whole[:40]})
				cut.Append(Event{Kind: Captured, Side: Server, Cause: -1, N: missing})
				cut.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: whole[40+missing:]})
				continue
			}
			cut.Append(e)
		}
		s.rec = cut
		s.sealed(Server, ApplicationData, []byte("after")) // a single one: where it begins is known
		expect(t, s.told(Server), begins+"application0 its tail, with the tag, is missing; application1 application_data")
		session := NewSession(s.rec)
		var rest []string
		for _, item := range session.Items() {
			if item.Kind == BytesItem {
				length, over := session.Run(item, s.rec.Len())
				rest = append(rest, fmt.Sprint(item.Reason, " ", length, " ", over))
			}
		}
		want := fmt.Sprintf("[the rest of a record, of which the bytes before it are missing %d true]", 60-missing)
		if missing == 60 {
			want = "[]"
		}
		if got := fmt.Sprint(rest); got != want {
			t.Errorf("%d bytes missing: got %s, want %s", missing, got, want)
		}
	}
}

func TestBytesBehindAGapThatAreNoRecordAreShown(t *testing.T) {
	s := serving()
	s.sealed(Server, ApplicationData, []byte("lost"))
	s.lose(1, 0)
	s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: []byte("the end of a record \x17\x03\x03\x00\x05 and more")})
	s.resume(Server)
	expect(t, s.told(Server), begins+"application1 application_data; application2 application_data")
	var kinds []string
	session := NewSession(s.rec)
	for _, item := range session.Items() {
		if item.Side == Server && item.Kind != RecordItem {
			length, over := session.Run(item, s.rec.Len())
			kinds = append(kinds, fmt.Sprint(item.Kind == GapItem, length, over))
		}
	}
	if got := strings.Join(kinds, "; "); got != "true 26 true; false 34 true" {
		t.Errorf("got %s", got)
	}
}

func TestTheRecordsBehindAGapAreTheSameWhateverTheChunks(t *testing.T) {
	s := serving()
	for range 2 {
		s.sealed(Server, ApplicationData, []byte("lost"))
	}
	s.lose(2, 7)
	s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: []byte("\x17\x03")})
	s.resume(Server)
	s.sealed(Server, Alert, []byte{1, 0})
	want := s.told(Server)
	for _, size := range []int{1, 2, 5, 26, 1000} {
		again := new(Recording)
		for e := range s.rec.Events(0) {
			if e.Kind != Captured || e.Bytes == nil {
				again.Append(e)
				continue
			}
			for chunk := range slices.Chunk(e.Bytes, size) {
				e.Bytes = chunk
				again.Append(e)
			}
		}
		expect(t, (&script{rec: again}).told(Server), want)
	}
}

func TestTheLastRecordBehindAGapIsShownWhenTheLaneEnds(t *testing.T) {
	s := serving()
	s.sealed(Server, ApplicationData, []byte("lost"))
	s.lose(1, 0)
	s.sealed(Server, ApplicationData, []byte("last"))
	s.rec.Append(Event{Kind: Ended, Side: Server, How: EndOfFile, Cause: -1})
	expect(t, s.told(Server), begins+"application1 application_data")
}

func TestKeyUpdatesWithinAGapAreFoundUpToABound(t *testing.T) {
	for n := 2; n <= mostUpdatesInGap; n++ {
		s := serving()
		s.sealed(Server, ApplicationData, []byte("before"))
		s.update(Server, n)
		s.sealed(Server, ApplicationData, []byte("lost"))
		s.lose(n+1, 0)
		s.resume(Server)
		expect(t, s.told(Server), fmt.Sprintf(begins+"application0 application_data; application+%d1 application_data; application+%[1]d2 application_data", n))
	}
}

func TestKeyUpdatesWithinAGapWhoseKeyWasNeverUsedAreFound(t *testing.T) {
	s := serving()
	s.update(Server, 2)
	s.lose(2, 0)
	s.resume(Server)
	expect(t, s.told(Server), begins+"application+20 application_data; application+21 application_data")
}

// update has a side update its keys n times.
func (s *script) update(side Side, n int) {
	for range n {
		s.sealed(side, Handshake, message(typeKeyUpdate, 0))
		s.keys[side], s.seq[side] = s.keys[side].update(), 0
	}
}

func TestARecordWhosePlaceIsNotFoundSaysSo(t *testing.T) {
	s := serving()
	s.update(Server, mostUpdatesInGap+1)
	s.lose(mostUpdatesInGap+1, 0)
	s.resume(Server)
	expect(t, s.told(Server), begins+"unknown0 records before this one are missing; unknown0 records before this one are missing")
}

func TestAConnectionWhoseBeginningIsMissingSaysSo(t *testing.T) {
	s := serving()
	for range 3 {
		s.sealed(Server, ApplicationData, []byte("late"))
	}
	s.rec.At(0).Opening.Late = true
	late := new(Recording)
	for e := range s.rec.Events(0) {
		if e.Kind != Captured || e.Index > s.rec.Len()-3 {
			late.Append(e)
		}
	}
	s.rec = late
	s.clear(Client, ApplicationData, bytes.Repeat([]byte{1}, 40))
	s.clear(Client, Alert, bytes.Repeat([]byte{1}, 40))
	const missing = "unknown0 records before this one are missing"
	expect(t, s.told(Server), missing+"; "+missing)
	expect(t, s.told(Client), missing+"; "+missing)
	if r := NewSession(s.rec).Connections()[0].View(Client).Records(Server)[0]; parts(r) !=
		"sequence number records before this one are missing; nonce records before this one are missing; "+
			"additional_data records before this one are missing; plaintext records before this one are missing" {
		t.Errorf("its protection is %s", parts(r))
	}
}

func TestEachReasonWhyARecordIsNotReadIsSaid(t *testing.T) {
	protected := func(suite uint16, logged, altered bool) string {
		s := newScript(suite)
		s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
		s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		if aeadSuites[suite].hash == nil { // it cannot even be sealed
			s.clear(Client, ApplicationData, bytes.Repeat([]byte{1}, 40))
			return s.told(Client)
		}
		s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, logged)
		if altered {
			s.keys[Client].iv[0] ^= 1
		}
		s.sealed(Client, Handshake, message(typeFinished, 1))
		return s.told(Client)
	}
	expect(t, protected(0x1301, true, false), "clear client_hello; handshake0 finished")
	expect(t, protected(0x1301, false, false), "clear client_hello; unknown no secret for this client random")
	expect(t, protected(0x1301, true, true), "clear client_hello; handshake0 the tag does not verify")
	expect(t, protected(0x1304, true, false), "clear client_hello; handshake0 cipher suite not supported") // CCM
}

// What is missing must not make a proof look refuted.
func TestAProofOverMessagesThatAreMissingIsNotCheckable(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "client-authentication")
	for hole := range recording.Len() {
		if recording.At(hole).Kind != Captured {
			continue
		}
		torn := new(Recording)
		for e := range recording.Events(0) {
			if e.Index == hole {
				e.Bytes, e.N = nil, len(e.Bytes)
			}
			torn.Append(e)
		}
		session := NewSession(torn)
		session.End()
		view := session.conns[0].views[Client]
		for _, c := range view.Verifications() {
			if c.Outcome == Refuted {
				t.Errorf("without event %d, %s's %s is refuted: %s", hole, c.Message.Side, c.Kind, c.Reason)
			}
		}
		for _, b := range branches13 {
			whole, torn := NewSession(recording).conns[0].views[Client].derived(b), view.derived(b)
			if torn != nil && !bytes.Equal(torn, whole) {
				t.Errorf("without event %d, %s comes out as %x, not as %x", hole, b.standard, torn, whole)
			}
		}
	}
}

func TestALogThatLacksTheServersSecretRefutesNothing(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "1-rtt")
	var random []byte
	partial := new(Recording)
	for e := range recording.Events(0) {
		if e.Kind != Secret {
			partial.Append(e)
			continue
		}
		random = e.Logged.ClientRandom
	}
	for _, b := range branches13 {
		if strings.HasPrefix(b.keyLog, "CLIENT_") {
			if secret := NewSession(recording).conns[0].views[Client].derived(b); secret != nil {
				partial.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{Origin: FromFile, Label: b.keyLog, ClientRandom: random, Bytes: secret}})
			}
		}
	}
	finished := 0
	for _, c := range NewSession(partial).conns[0].views[Client].Verifications() {
		if c.Kind == "finished" {
			finished++
			if c.Outcome != NotCheckable || c.Because.Key != "messages_closed" {
				t.Errorf("%s's Finished is %s: %s", c.Message.Side, c.Outcome, c.Reason)
			}
		}
	}
	if finished != 1 {
		t.Errorf("%d Finished were read", finished)
	}
}

func TestASearchBehindGapsIsBounded(t *testing.T) {
	s := serving()
	record := binary.BigEndian.AppendUint16([]byte{byte(ApplicationData), 3, 3}, 1<<14)
	record = append(record, make([]byte, 1<<14)...)
	for range 30 {
		s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, N: 1 << 30})
		for range 3 {
			s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: record})
		}
	}
	start := time.Now()
	session := NewSession(s.rec)
	if session.searched > searchedForSession+2<<20 {
		t.Errorf("%d bytes were decrypted in vain", session.searched)
	}
	t.Logf("%d bytes in %s", session.searched, time.Since(start))
}

func TestAMessageWhoseMiddleIsMissingIsNotTakenForOthers(t *testing.T) {
	s := newScript(0xc02f)
	s.clear(Client, Handshake, s.hello(Client))
	s.clear(Server, Handshake, s.hello(Server))
	certificate := append([]byte{byte(typeCertificate), 0, 0, 90}, bytes.Repeat([]byte{byte(typeFinished), 0, 0, 7}, 23)...)[:94]
	s.clear(Server, Handshake, certificate[:40])
	s.clear(Server, Handshake, certificate[40:60])
	s.lose(1, 0)
	s.clear(Server, Handshake, certificate[60:])
	s.clear(Server, Handshake, message(typeServerHelloDone))
	expect(t, s.told(Server), "clear server_hello; clear fragment; unknown0 bytes before it are missing, so it may be protected, or a piece of a message in clear; clear server_hello_done")
	last := NewSession(s.rec).Connections()[0].View(Client).Records(Server)[2]
	if f := last.Fields().Children[3]; f.Kind != NotUnderstood || f.Value != last.Why.String() {
		t.Errorf("the last piece is shown as %+v", f)
	}
}

// skipped returns a recording without a side's first n bytes.
func skipped(rec *Recording, side Side, n int) *Recording {
	kept := new(Recording)
	for e := range rec.Events(0) {
		if e.Kind == Captured && e.Side == side {
			cut := min(n, len(e.Bytes))
			n -= cut
			if e.Bytes = e.Bytes[cut:]; len(e.Bytes) == 0 {
				continue
			}
		}
		kept.Append(e)
	}
	return kept
}

func TestACaptureThatBeginsInsideARecordGoesOnWithTheNext(t *testing.T) {
	s := serving()
	s.sealed(Server, ApplicationData, bytes.Repeat([]byte("x"), 78))
	s.resume(Server)
	for _, chunk := range []int{1, 7, 1000} {
		whole := skipped(s.rec, Client, 1000)
		before := 0
		for _, r := range NewSession(s.rec).conns[0].views[Server].lanes[Server].records[:2] {
			before += len(r.Raw())
		}
		recording := new(Recording)
		for e := range skipped(whole, Server, before+20).Events(0) {
			if e.Kind != Captured {
				recording.Append(e)
				continue
			}
			for piece := range slices.Chunk(e.Bytes, chunk) {
				e.Bytes = piece
				recording.Append(e)
			}
		}
		session := NewSession(recording)
		session.End()
		var told []string
		for _, item := range session.Items() {
			switch item.Kind {
			case BytesItem:
				length, over := session.Run(item, recording.Len())
				told = append(told, fmt.Sprint(item.Because.Key, " ", length, " ", over))
			case RecordItem:
				told = append(told, fmt.Sprint(item.Record.Length, " ", item.Record.Why))
			}
		}
		expect(t, strings.Join(told, "; "), "not_tls_type 80 true; 22 records before this one are missing; 21 records before this one are missing")
	}
}

func TestTLSThatBeginsBehindOtherWordsIsReadWhole(t *testing.T) {
	s := serving()
	s.resume(Server)
	recording := new(Recording)
	said := [2]bool{}
	for e := range s.rec.Events(0) {
		if e.Kind == Captured && !said[e.Side] {
			said[e.Side] = true
			e.Bytes = append([]byte("220 ready to start TLS\r\n"), e.Bytes...)
		}
		recording.Append(e)
	}
	s.rec = recording
	NewSession(recording).End()
	expect(t, s.told(Server), begins+"application0 application_data; application1 application_data")
	for _, m := range NewSession(recording).conns[0].views[Server].messages {
		if m.tears != 0 {
			t.Errorf("of the %s something is missing", m.Name())
		}
	}
}
