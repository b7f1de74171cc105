package inspect

import (
	"fmt"
	"slices"
	"testing"
)

// said appends what the sides say in turn to a recording, the server first, in pieces of a size.
func said(rec *Recording, size int, turns ...string) {
	for i, turn := range turns {
		for piece := range slices.Chunk([]byte(turn), size) {
			rec.Append(Event{Kind: Captured, Side: Side((i + 1) % 2), Cause: -1, Bytes: piece})
		}
	}
}

// rows tells the items of a session that are records or bytes, in order.
func rows(rec *Recording) []string {
	session := NewSession(rec)
	session.End()
	var rows []string
	for _, item := range session.Items() {
		switch length, over := int64(0), false; item.Kind {
		case RecordItem:
			rows = append(rows, fmt.Sprint(item.Side, " ", item.Record.Type))
		case BytesItem:
			_, over = session.Run(item, rec.Len())
			rows = append(rows, fmt.Sprintf("%s %q %t %s", item.Side, session.Bytes(item, rec.Len()), over, item.Because.Key))
		case GapItem:
			length, over = session.Run(item, rec.Len())
			rows = append(rows, fmt.Sprint(item.Side, " lacks ", length, " ", over))
		}
	}
	return rows
}

func TestWordsBeforeTLSStandInTheOrderInWhichTheyCrossed(t *testing.T) {
	words := []string{"220 hi\r\n", "EHLO me\r\n", "250 STARTTLS\r\n", "STARTTLS\r\n", "\x16 but no record\r\n", "\x16\x03\x03\x00\x02x", "\x17\x03\x03\x40\xff"}
	want := []string{
		`server "220 hi\r\n" true not_tls_type`, `client "EHLO me\r\n" true not_tls_type`, `server "250 STARTTLS\r\n" true not_tls_type`,
		`client "STARTTLS\r\n" true not_tls_type`, `server "\x16 but no record\r\n" true not_tls_version`,
	}
	for _, size := range []int{1, 2, 3, 100} {
		for after, expected := range map[string][]string{
			"TLS":  {"client handshake", "server handshake"},
			"none": {`client "\x16\x03\x03\x00\x02x" true not_tls_next`, `server "\x17\x03\x03@\xff" true not_tls_next`},
		} {
			rec := new(Recording)
			rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: ProtocolTLS}})
			if after == "none" {
				said(rec, size, words...)
			} else {
				said(rec, size, words[:5]...)
				for e := range serving().rec.Events(0) {
					if e.Kind == Captured && len(e.Bytes) > 0 && ContentType(e.Bytes[0]) == Handshake {
						rec.Append(e)
					}
				}
			}
			if got, want := rows(rec), slices.Concat(want, expected); !slices.Equal(got, want) {
				t.Errorf("%s, in pieces of %d:\n%q\nwant\n%q", after, size, got, want)
			}
		}
	}
}

func TestWhatIsNoTLSBehindRecordsStandsInTheOrderInWhichItCrossed(t *testing.T) {
	rec := new(Recording)
	for e := range serving().rec.Events(0) {
		rec.Append(e)
	}
	before := len(rows(rec))
	said(rec, 100, "QUIT\r\n", "221 bye\r\n", "still there?\r\n", "\x17\x03\x03\x00\x01a", "and again\r\n")
	rec.Append(Event{Kind: Captured, Side: Client, Cause: -1, N: 7})
	said(rec, 100, "what?\r\n", "nothing\r\n")
	want := []string{
		`server "QUIT\r\n" true not_tls_type`, `client "221 bye\r\n" true not_tls_type`, `server "still there?\r\n" true behind_no_tls`,
		`client "\x17\x03\x03\x00\x01a" true behind_no_tls`, `server "and again\r\n" true behind_no_tls`,
		`client lacks 7 true`, `server "what?\r\n" true behind_no_tls`, `client "nothing\r\n" true after_gap`,
	}
	if got := rows(rec)[before:]; !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestWhatNobodyUnderstandsStandsInTheOrderInWhichItCrossed(t *testing.T) {
	rec := new(Recording)
	rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "unknown"}})
	said(rec, 2, "one", "two", "three")
	want := []string{`server "one" true no_tls`, `client "two" true no_tls`, `server "three" true no_tls`}
	if got := rows(rec); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestATurnIsOverOnceTheOtherSideSpeaks(t *testing.T) {
	rec := new(Recording)
	rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: ProtocolTLS}})
	said(rec, 100, "220 hi\r\n")
	session := NewSession(rec)
	first := session.Items()[0]
	if _, over := session.Run(first, rec.Len()); over {
		t.Error("before the other side speaks, it is over")
	}
	rec.Append(Event{Kind: Captured, Side: Client, Cause: -1, Bytes: []byte("QUIT\r\n")})
	session.Extend()
	if length, over := session.Run(first, rec.Len()); !over || length != 8 {
		t.Errorf("once the other side has spoken: %d bytes, over: %t", length, over)
	}
}
