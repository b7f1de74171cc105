package inspect_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/tlslab/inspect"
)

// account tells all that a session says, but for the indexes of the events.
func account(s *inspect.Session) string {
	var b strings.Builder
	for _, item := range s.Items() {
		b.WriteString(accountOf(s, item))
	}
	b.WriteString(accountOfViews(s))
	return b.String()
}

// accountOf tells all that an item says, but for its event.
func accountOf(s *inspect.Session, item inspect.Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s %d %q %d %d %v %q %s\n", item.Kind, item.Side, item.Lane, item.From, item.Reason,
		item.Level, item.Description, item.Arrived, item.Text, item.How)
	switch item.Kind {
	case inspect.RecordItem:
		r := item.Record
		fmt.Fprintf(&b, "  %x %s %d %v %v %s %s %x %s\n", r.Raw(), r.Epoch, r.TLSSeq, r.Encrypted, r.Decrypted, r.Why, r.InnerType, r.Plaintext(), r.Verdict)
		for _, part := range r.Parts {
			fmt.Fprintf(&b, "  part %d+%d %s\n", part.Offset, part.Length, part.Type)
		}
	case inspect.BytesItem:
		fmt.Fprintf(&b, "  %x\n", s.Bytes(item, s.Recording().Len()))
	}
	return b.String()
}

// accountOfViews tells what the two ends of each connection know in the end.
func accountOfViews(s *inspect.Session) string {
	var b strings.Builder
	for _, c := range s.Connections() {
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			fmt.Fprintf(&b, "%+v\n", c.View(side).State(s.Recording().Len()))
			for _, m := range c.View(side).Messages() {
				fmt.Fprintf(&b, "%s %x\n", m.Type, m.Bytes)
			}
		}
	}
	return b.String()
}

// rechunked copies a recording, cutting and joining the captured bytes anew.
// Bytes of one direction are joined only where nothing stands between them,
// and not across the end of an event that a later one answers.
func rechunked(t *rapid.T, original *inspect.Recording) *inspect.Recording {
	copied := new(inspect.Recording)
	answered := make(map[int]bool)
	for e := range original.Events(0) {
		answered[e.Cause] = true
	}
	moved := make(map[int]int) // where the last byte of an event went
	var joined *inspect.Event
	flush := func() {
		if joined == nil {
			return
		}
		for rest := joined.Bytes; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			event := *joined
			event.Bytes, rest = rest[:n], rest[n:]
			moved[joined.Index] = copied.Append(event)
		}
		joined = nil
	}
	for e := range original.Events(0) {
		if e.Kind == inspect.Captured && joined != nil && joined.Side == e.Side && joined.Conn == e.Conn && !answered[joined.Index] {
			joined.Bytes, joined.Index = append(bytes.Clone(joined.Bytes), e.Bytes...), e.Index
			continue
		}
		flush()
		if e.Kind == inspect.Captured {
			joined = &e
			continue
		}
		if e.Cause >= 0 {
			e.Cause = moved[e.Cause]
		}
		copied.Append(e)
	}
	flush()
	return copied
}

func TestASessionIsTheSameWhateverTheChunking(t *testing.T) {
	for _, channel := range channels {
		t.Run(channel, func(t *testing.T) {
			instant := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			tap := &inspect.Tap{Now: func() time.Time { return instant }}
			c, s := openerOf(t, channel)(tap)
			converse(t, c, s, "create nome ana\n", strings.Repeat("y", 20_000))
			tap.Close()
			want := account(inspect.NewSession(tap.Recording()))
			rapid.Check(t, func(t *rapid.T) {
				again := rechunked(t, tap.Recording())
				if got := account(inspect.NewSession(again)); got != want {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

func TestASessionIsTheSameWhetherExtendedOrReadAtOnce(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	grown := new(inspect.Recording)
	session := inspect.NewSession(grown)
	for e := range tap.Recording().Events(0) {
		grown.Append(e)
		session.Extend()
	}
	if got, want := account(session), account(inspect.NewSession(tap.Recording())); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLateSecretsDecideWhatWaitedForThem(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	late := new(inspect.Recording)
	var secrets []inspect.Event
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Secret {
			secrets = append(secrets, e)
		} else {
			late.Append(e)
		}
	}
	session := inspect.NewSession(late)
	for r := range session.Records() {
		if r.Type == inspect.ApplicationData && (r.DecidedAt >= 0 || r.Why != inspect.WhyNoSecret && r.Why != inspect.WhyUndecided) {
			t.Errorf("%s record %d without a secret: decided at %d, why %q", r.Side, r.Seq, r.DecidedAt, r.Why)
		}
	}
	for _, e := range secrets {
		late.Append(e)
	}
	session.Extend()
	for r := range session.Records() {
		if r.Type == inspect.ApplicationData && !r.Decrypted {
			t.Errorf("%s record %d with its secret: %q", r.Side, r.Seq, r.Why)
		}
	}
	for _, item := range session.Items() {
		if item.Kind == inspect.ClosedItem && item.How != inspect.ClosedNotify {
			t.Errorf("%s closed with %s, want close_notify", item.Side, item.How)
		}
	}
}

func TestBytesThatAreNotTLSAreShownAsTheyAre(t *testing.T) {
	for _, garbage := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x02\x00", "\x17\x03\x03\xff\xff????", "\x00"} {
		recording := new(inspect.Recording)
		recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "tls"}})
		for i := range len(garbage) {
			recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte(garbage[i : i+1])})
		}
		session := inspect.NewSession(recording)
		if len(session.Items()) != 1 || session.Items()[0].Kind != inspect.BytesItem || session.Items()[0].Reason == "" {
			t.Fatalf("%q became %v", garbage, session.Items())
		}
		if got := session.Bytes(session.Items()[0], recording.Len()); string(got) != garbage {
			t.Errorf("got bytes %q, want %q", got, garbage)
		}
	}
}

func TestARecordWhoseTailIsMissingIsTruncated(t *testing.T) {
	whole := "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
	for n := 1; n < len(whole); n++ {
		recording := new(inspect.Recording)
		recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "tls"}})
		recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte(whole[:n])})
		recording.Append(inspect.Event{Kind: inspect.Ended, How: inspect.EndOfFile})
		session := inspect.NewSession(recording)
		r := session.Items()[0].Record
		if r == nil || !r.Truncated || string(r.Raw()) != whole[:n] {
			t.Fatalf("the first %d bytes became %+v", n, session.Items())
		}
		at := 0
		for _, leaf := range r.Fields().Leaves() {
			if leaf.Offset != at {
				t.Errorf("of %d bytes, %s begins at %d, want %d", n, leaf.Kind, leaf.Offset, at)
			}
			at = leaf.End()
		}
		if at != n {
			t.Errorf("fields cover %d bytes of %d", at, n)
		}
	}
}

func TestBytesAroundAGapAreAllShown(t *testing.T) {
	recording := new(inspect.Recording)
	recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "tls"}})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte("\x16\x03\x01\x00\x05\x01\x00")})
	recording.Append(inspect.Event{Kind: inspect.Captured, N: 100})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte("after")})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte(" it")})
	session := inspect.NewSession(recording)
	items := session.Items()
	if len(items) != 3 || items[0].Kind != inspect.RecordItem || items[1].Kind != inspect.GapItem || items[2].Kind != inspect.BytesItem {
		t.Fatalf("got %+v", items)
	}
	if r := items[0].Record; !r.Truncated || string(r.Raw()) != "\x16\x03\x01\x00\x05\x01\x00" {
		t.Errorf("the record before the gap is %x, truncated %v", r.Raw(), r.Truncated)
	}
	if items[1].From != 7 || items[2].From != 107 {
		t.Errorf("the gap begins at %d and ends at %d, want 7 and 107", items[1].From, items[2].From)
	}
	if got := session.Bytes(items[2], recording.Len()); string(got) != "after it" {
		t.Errorf("after the gap stands %q", got)
	}
}

func TestATailThatNeverCameIsTruncatedWhenTheSessionEnds(t *testing.T) {
	recording := new(inspect.Recording)
	recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "tls"}})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte("\x16\x03\x01\x00\x05\x01")})
	session := inspect.NewSession(recording)
	if n := len(session.Items()); n != 0 {
		t.Fatalf("%d items before anything is whole", n)
	}
	session.End()
	session.End() // again changes nothing
	if items := session.Items(); len(items) != 1 || !items[0].Record.Truncated || len(items[0].Record.Raw()) != 6 {
		t.Errorf("got %+v", items)
	}
}

func TestAReplayedClientHelloDoesNotMakeEveryConnectionTryEverySecret(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	recording := new(inspect.Recording)
	var logged []inspect.Event
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Secret {
			logged = append(logged, e)
		}
	}
	for conn := range 300 { // secrets that do not fit come with each replay
		for _, e := range logged {
			wrong := *e.Logged
			wrong.Bytes = bytes.Repeat([]byte{byte(conn)}, len(wrong.Bytes))
			recording.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &wrong})
		}
	}
	for e := range tap.Recording().Events(0) {
		recording.Append(e)
	}
	for r := range inspect.NewSession(recording).Records() {
		if r.Encrypted && !r.Decrypted {
			t.Errorf("%s record %d: %s: the secrets that came after the connection was opened are the likely ones", r.Side, r.Seq, r.Why)
		}
	}
}
