package inspect_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
	"pgregory.net/rapid"
)

// A toy is a protocol with a state: the client's hello names the conversation;
// each message is announced by its length in two digits, which the other side
// acknowledges with a 1. Only who knows what a side has received can tell an ack from
// a length that begins with 1. Messages are encrypted, and end with a checksum.
type toy struct{}

const toyLabel = "TOY_KEY"

func (toy) Name() string           { return "toy" }
func (toy) Reader() inspect.Reader { return new(toyReader) }

type toyReader struct {
	id     []byte
	owes   [2]int // acks
	length [2]int // of the message that comes next; 0 if none does
	count  [2]int // of messages
}

func (r *toyReader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	const hello, announced = 9, 2
	switch {
	case from == inspect.Client && r.id == nil:
		if len(b) < hello {
			return hello, nil
		}
		r.id = bytes.Clone(b[1:hello])
		return hello, toyUnit{"hello"}
	case r.length[from] > 0:
		n := r.length[from]
		if len(b) < n {
			return n, nil
		}
		r.length[from] = 0
		r.count[from]++
		return n, toyMessage{toyUnit{"message"}, r.id, from, r.count[from]}
	case r.owes[from] > 0 && b[0] == '1':
		r.owes[from]--
		return 1, toyUnit{"ack"}
	case len(b) < announced:
		return announced, nil
	}
	n, err := strconv.Atoi(string(b[:announced]))
	if err != nil {
		return 0, nil
	}
	r.length[from] = n
	r.owes[from.Peer()]++
	return announced, toyUnit{"length"}
}

func (r *toyReader) Rest(inspect.Side, []byte) inspect.Reading { return nil }

type toyUnit struct{ name string }

func (u toyUnit) Name() string { return u.name }
func (u toyUnit) Text() bool   { return u.name == "message" }

func (u toyUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "toy."+u.name, "", func(d *inspect.Dissector) { d.Bytes("toy.bytes", len(b), "") })
}

type toyMessage struct {
	toyUnit
	id    []byte
	from  inspect.Side
	count int
}

func (m toyMessage) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	why := inspect.Reason{Key: "unit_no_secret"}
	for _, secret := range secrets(toyLabel, m.id) {
		clear := toyCrypt(secret.Bytes, m.from, m.count, b)
		if last := len(clear) - 1; last >= 0 && clear[last] == checksum(clear[:last]) {
			return clear[:last], inspect.Reason{}
		}
		why = inspect.Reason{Key: "unit_mac"}
	}
	return nil, why
}

func (m toyMessage) ClearFields(clear []byte) inspect.Field {
	return inspect.Dissect(clear, "toy.clear", "", func(d *inspect.Dissector) { d.Text("toy.text", len(clear)) })
}

func (m toyMessage) Seal(b, clear []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	all := secrets(toyLabel, m.id)
	if len(all) == 0 {
		return nil, inspect.Reason{Key: "unit_no_secret"}
	}
	if len(clear)+1 != len(b) {
		return nil, inspect.Reason{Key: "unit_length"}
	}
	return toySeal(all[0].Bytes, m.from, m.count, string(clear)), inspect.Reason{}
}

func checksum(b []byte) (sum byte) {
	for _, c := range b {
		sum = sum*31 + c
	}
	return sum
}

func toyCrypt(key []byte, from inspect.Side, count int, b []byte) []byte {
	stream := sha256.Sum256(fmt.Appendf(nil, "%x %s %d", key, from, count))
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ stream[i%len(stream)]
	}
	return out
}

func toySeal(key []byte, from inspect.Side, count int, text string) []byte {
	return toyCrypt(key, from, count, append([]byte(text), checksum([]byte(text))))
}

const toyID = "id345678"

var (
	toyKey   = []byte("the key")
	toyTexts = [2][]string{
		inspect.Client: {"create nome ana", "read nome", ""},
		inspect.Server: {"Ok", "ana", strings.Repeat("y", 90)},
	}
)

// A toyEnd speaks the toy protocol, and writes in pieces of these sizes, in turn.
type toyEnd struct {
	*inspect.Endpoint
	side  inspect.Side
	sizes []int
	count int
}

func (e *toyEnd) send(b string) {
	for rest := []byte(b); len(rest) > 0; {
		n := len(rest)
		if len(e.sizes) > 0 {
			n = min(n, e.sizes[0])
			e.sizes = append(e.sizes[1:], e.sizes[0])
		}
		e.Write(rest[:n])
		rest = rest[n:]
	}
}

// take returns the next n bytes; false if they do not come.
func (e *toyEnd) take(n int) (string, bool) {
	b := make([]byte, n)
	_, err := io.ReadFull(e.Endpoint, b)
	return string(b), err == nil
}

func (e *toyEnd) say(text string) bool {
	e.count++
	sealed := toySeal(toyKey, e.side, e.count, text)
	e.send(fmt.Sprintf("%02d", len(sealed)))
	ack, ok := e.take(1)
	if ok = ok && ack == "1"; ok {
		e.send(string(sealed))
	}
	return ok
}

func (e *toyEnd) hear() bool {
	digits, ok := e.take(2)
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 {
		return false
	}
	e.send("1")
	_, ok = e.take(n)
	return ok
}

// converse has the end say and hear its part, and close.
func (e *toyEnd) converse(texts []string) {
	defer e.CloseWrite()
	fmt.Fprintf(e.KeyLog(), "%s %x %x\n", toyLabel, toyID, toyKey)
	if e.side == inspect.Client {
		e.send("H" + toyID)
	} else if _, ok := e.take(9); !ok {
		return
	}
	for _, text := range texts {
		if e.side == inspect.Client && !e.say(text) || !e.hear() || e.side == inspect.Server && !e.say(text) {
			return
		}
	}
}

// toyTalk has a client and a server converse through the tap until they are done, or
// nothing goes on any more.
func toyTalk(t *testing.T, tap *inspect.Tap, sizes [2][]int) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		client, server := tap.PipeOf(toy{})
		go (&toyEnd{Endpoint: client, side: inspect.Client, sizes: sizes[0]}).converse(toyTexts[0])
		go (&toyEnd{Endpoint: server, side: inspect.Server, sizes: sizes[1]}).converse(toyTexts[1])
		synctest.Wait()
		tap.Close()
		client.Close()
		server.Close()
	})
}

var atOnce [2][]int // what is written is not cut

// still is a clock that stands.
func still() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// itemsAccount tells all items of a session of units.
func itemsAccount(s *inspect.Session) (all []string) {
	for _, item := range s.Items() {
		text := fmt.Sprintf("%d %s %s %s", item.Kind, item.Side, item.Lane, item.How)
		switch item.Kind {
		case inspect.RecordItem:
			text = unitAccount(item.Record)
		case inspect.BytesItem:
			text += fmt.Sprintf("%s from %d %s %x\n", item.Verdict, item.From, item.Reason, s.Bytes(item, s.Recording().Len()))
		}
		all = append(all, text)
	}
	return all
}

// viewsAccount tells what each endpoint sees.
func viewsAccount(s *inspect.Session) (all []string) {
	for _, c := range s.Connections() {
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
				for _, r := range c.View(side).Records(from) {
					all = append(all, fmt.Sprintf("%s sees %s", side, unitAccount(r)))
				}
			}
			for _, secret := range c.View(side).Secrets(side, s.Recording().Len()) {
				all = append(all, fmt.Sprintf("%s has %s %x %x\n", side, secret.Label, secret.ClientRandom, secret.Bytes))
			}
		}
	}
	return all
}

func unitAccount(r *inspect.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %d at %d+%d %x %s %v %v %v %q %q %d %v %s\n", r.Side, r.Lane, r.Seq, r.Offset, r.Length, r.Raw(), r.Name(), r.Text(),
		r.Encrypted, r.Decrypted, r.Reason(), r.Plaintext(), r.Content, r.Truncated, r.Verdict)
	tree(&b, r.Fields(), 1)
	for _, part := range r.Parts {
		tree(&b, r.PartFields(part, r.Plaintext()[part.Offset:][:part.Length]), 2)
	}
	return b.String()
}

func tree(b *strings.Builder, f inspect.Field, depth int) {
	fmt.Fprintf(b, "%*s%s %s %d+%d %q\n", 2*depth, "", f.Kind, f.Name, f.Offset, f.Length, f.Value)
	for _, child := range f.Children {
		tree(b, child, depth+1)
	}
}

func TestUnitsAreReadAndOpenedInBothViews(t *testing.T) {
	tap := &inspect.Tap{Now: still, Gate: new(inspect.Rules)}
	toyTalk(t, tap, atOnce)
	session := inspect.NewSession(tap.Recording())
	session.End()
	c := session.Connections()[0]
	if c.Opening.Protocol != "toy" || c.Opening.Speaks == nil {
		t.Errorf("the connection is opened as %q", c.Opening.Protocol)
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
			var names, texts []string
			for _, r := range c.View(side).Records(from) {
				names = append(names, r.Name())
				if r.Encrypted != (r.Name() == "message") || r.TLS() || r.DecidedAt < 0 {
					t.Errorf("%s %d, a %s: encrypted %v, TLS %v, decided at %d", from, r.Seq, r.Name(), r.Encrypted, r.TLS(), r.DecidedAt)
				}
				if r.Decrypted {
					texts = append(texts, string(r.Plaintext()))
				}
			}
			want := "ack length message ack length message ack length message"
			if from == inspect.Client {
				want = "hello length message ack length message ack length message ack"
			}
			if strings.Join(names, " ") != want {
				t.Errorf("%s sees of the %s %q", side, from, names)
			}
			if !slices.Equal(texts, toyTexts[from]) {
				t.Errorf("%s reads of the %s %q", side, from, texts)
			}
		}
	}
	if secrets := c.View(inspect.Server).Secrets(inspect.Server, tap.Recording().Len()); len(secrets) != 1 || secrets[0].Origin != inspect.ServerLog {
		t.Errorf("the server's secrets: %v", secrets)
	}
	account := c.Account(inspect.Server, tap.Recording().Len())
	if account.Fidelity != inspect.TextWhole {
		t.Errorf("of what the client wrote, the server's program has read %s", account.Fidelity)
	}
}

func TestUnitsAreTheSameWhateverTheChunkingAndWheneverTheirSecretComes(t *testing.T) {
	tap := &inspect.Tap{Now: still}
	toyTalk(t, tap, atOnce)
	original := tap.Recording()
	full := inspect.NewSession(original)
	full.End()
	want := append(itemsAccount(full), viewsAccount(full)...)
	if !strings.Contains(strings.Join(want, ""), toyTexts[inspect.Client][0]) {
		t.Fatalf("nothing was opened:\n%s", want)
	}
	rapid.Check(t, func(t *rapid.T) {
		again := moved(t, rechunked(t, original))
		grown := new(inspect.Recording)
		session := inspect.NewSession(grown)
		for e := range again.Events(0) {
			grown.Append(e)
			if rapid.Bool().Draw(t, "extend") {
				session.Extend()
			}
		}
		session.Extend()
		session.End()
		if got := append(itemsAccount(session), viewsAccount(session)...); !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// moved copies a recording, with the secrets elsewhere in it.
func moved(t *rapid.T, original *inspect.Recording) *inspect.Recording {
	var events, secrets []inspect.Event
	for e := range original.Events(0) {
		if e.Kind == inspect.Secret {
			secrets = append(secrets, e)
		} else {
			events = append(events, e)
		}
	}
	places := rapid.SliceOfN(rapid.IntRange(1, len(events)), len(secrets), len(secrets)).Draw(t, "places")
	slices.Sort(places)
	copied := new(inspect.Recording)
	for i, e := range events {
		for len(places) > 0 && places[0] <= i {
			copied.Append(secrets[0])
			secrets, places = secrets[1:], places[1:]
		}
		copied.Append(e)
	}
	for _, e := range secrets {
		copied.Append(e)
	}
	return copied
}

// toyTampering are the actions of gates, and whether what comes of them has one order:
// where something comes out of nothing, both sides may speak at once.
var toyTampering = []struct {
	name    string
	act     inspect.Action
	ordered bool
}{
	{"forward", inspect.Forward, true},
	{"drop", inspect.Drop, true},
	{"hold", inspect.Hold, true},
	{"flip", inspect.Flip(-1, 0x01), true},
	{"swap", inspect.Swap(time.Hour), true},
	{"reseal", inspect.Reseal(bytes.ToUpper), true},
	{"field", inspect.FlipField("toy.length", "toy.bytes"), true},
	{"cut", inspect.CutAfter(1), true},
	{"repeat", inspect.Repeat(2), false},
	{"inject", inspect.Inject([]byte("1111051")), false},
}

func TestAGateIsHandedTheUnitsThatTheSessionHasWhateverTheChunking(outer *testing.T) {
	rapid.Check(outer, func(t *rapid.T) {
		tampering := rapid.SampledFrom(toyTampering).Draw(t, "tampering")
		match := inspect.Match{
			From: rapid.SampledFrom([]inspect.Sender{inspect.FromClient, inspect.FromServer}).Draw(t, "from"),
			Nth:  rapid.IntRange(1, 10).Draw(t, "nth"),
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 9)
		run := func(sizes [2][]int) []string {
			tap := &inspect.Tap{Now: still, Gate: &inspect.Rules{List: []inspect.Rule{{Match: match, Do: tampering.act}}}}
			toyTalk(outer, tap, sizes)
			session := inspect.NewSession(tap.Recording())
			session.End()
			unitsAreWhatWasCaptured(t, session)
			items := itemsAccount(session)
			slices.Sort(items) // what is delivered and what is captured meanwhile have no order
			return append(viewsAccount(session), items...)
		}
		want := run(atOnce)
		got := run([2][]int{sizes.Draw(t, "client"), sizes.Draw(t, "server")})
		if tampering.ordered && !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// unitsAreWhatWasCaptured compares the sent lanes with the events.
func unitsAreWhatWasCaptured(t *rapid.T, session *inspect.Session) {
	var captured, units [2][]string
	for e := range session.Recording().Events(0) {
		if e.Kind == inspect.Captured {
			captured[e.Side] = append(captured[e.Side], string(e.Bytes))
		}
	}
	for side := range units {
		from := inspect.Side(side)
		for _, r := range session.Connections()[0].View(from).Records(from) {
			units[side] = append(units[side], string(r.Raw()))
		}
		for _, item := range session.Items() {
			if item.Kind == inspect.BytesItem && item.Side == from && item.Lane == inspect.Sent {
				return // what came at once
			}
		}
		if !slices.Equal(units[side], captured[side]) {
			t.Fatalf("%s: units %q, captured %q", from, units[side], captured[side])
		}
	}
}

func TestWhatIsNoUnitIsShownAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		protocol inspect.Protocol
		came     []string
		units    int
		reason   string
	}{
		"no unit begins so":         {toy{}, []string{"Hid34567812", "twelve bytes?what", " comes"}, 3, "no_unit"},
		"too long":                  {cutter(func([]byte) int { return inspect.MaxUnit + 1 }), []string{"one", "two"}, 0, "unit_too_long"},
		"a protocol nobody knows":   {nil, []string{"one", "two"}, 0, "no_tls"},
		"units of what came":        {cutter(func(b []byte) int { return len(b) }), []string{"one", "two"}, 2, ""},
		"a length that is negative": {cutter(func([]byte) int { return -1 << 63 }), []string{"one", "two"}, 0, "no_unit"},
	} {
		t.Run(name, func(t *testing.T) {
			recording := new(inspect.Recording)
			recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "odd", Speaks: c.protocol}})
			for _, b := range c.came {
				recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte(b)})
			}
			session := inspect.NewSession(recording)
			items := session.Items()
			if c.reason == "" {
				if len(items) != c.units {
					t.Errorf("%d items, want %d", len(items), c.units)
				}
				return
			}
			if len(items) != c.units+1 || items[c.units].Kind != inspect.BytesItem || items[c.units].Because.Key != c.reason {
				t.Fatalf("got %+v", items)
			}
			all := strings.Join(c.came, "")
			if got := session.Bytes(items[c.units], recording.Len()); string(got) != all[items[c.units].From:] {
				t.Errorf("the bytes are %q", got)
			}
		})
	}
}

// A cutter is a protocol that knows nothing but lengths.
type cutter func(b []byte) int

func (c cutter) Name() string                              { return "cutter" }
func (c cutter) Reader() inspect.Reader                    { return c }
func (c cutter) Rest(inspect.Side, []byte) inspect.Reading { return nil }

func (c cutter) Next(_ inspect.Side, b []byte) (int, inspect.Reading) { return c(b), nil }

func TestBehindAGapUnitsAreBytesAgain(t *testing.T) {
	recording := new(inspect.Recording)
	recording.Append(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "lines", Speaks: inspect.Lines}})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte("one\ntw")})
	recording.Append(inspect.Event{Kind: inspect.Captured, N: 100})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte("e\nfour")})
	recording.Append(inspect.Event{Kind: inspect.Captured, Bytes: []byte("\n")})
	session := inspect.NewSession(recording)
	session.End()
	items := session.Items()
	if len(items) != 4 || !items[1].Record.Truncated || items[2].Kind != inspect.GapItem || items[3].Kind != inspect.BytesItem {
		t.Fatalf("got %+v", items)
	}
	if got := session.Bytes(items[3], recording.Len()); string(got) != "e\nfour\n" {
		t.Errorf("behind the gap stands %q", got)
	}
	if length, _ := session.Run(items[2], recording.Len()); length != 100 {
		t.Errorf("the gap has %d bytes", length)
	}
}

func TestAUnitThatNoSecretOpensSaysWhyAndWaitsOnlyAsLongAsABetterOneMayCome(t *testing.T) {
	tap := &inspect.Tap{Now: still}
	toyTalk(t, tap, atOnce)
	recording := new(inspect.Recording)
	for e := range tap.Recording().Events(0) {
		if e.Kind != inspect.Secret {
			recording.Append(e)
		}
	}
	session := inspect.NewSession(recording)
	messages := func(reason string, decided, decrypted bool) {
		t.Helper()
		n := 0
		for r := range session.Records() {
			if r.Name() != "message" {
				continue
			}
			n++
			if r.Reason().Key != reason || r.DecidedAt >= 0 != decided || r.Decrypted != decrypted || decrypted && r.Plaintext() == nil && r.Content > 0 {
				t.Errorf("%s %d: reason %q, decided at %d, decrypted %v", r.Side, r.Seq, r.Reason().Key, r.DecidedAt, r.Decrypted)
			}
		}
		if n != 6 {
			t.Errorf("%d messages", n)
		}
	}
	tell := func(identifier string, key []byte) {
		recording.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{
			Origin: inspect.FromFile, Label: toyLabel, ClientRandom: []byte(identifier), Bytes: key,
		}})
		session.Extend()
	}
	messages("unit_no_secret", false, false)
	tell("another!", toyKey)
	messages("unit_no_secret", false, false)
	tell(toyID, toyKey)
	messages("", true, true)
	tell(toyID, []byte("a wrong one, too late"))
	messages("", true, true)
}

func TestAUnitThatWasChangedIsAlteredForItsReceiverAndSaysWhyItCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		do     inspect.Action
		reason string
		text   string
	}{
		"a flipped bit":      {inspect.Flip(-1, 0x01), "unit_mac", ""},
		"by who has the key": {inspect.Reseal(bytes.ToUpper), "", "READ NOME"},
		"too long to seal":   {inspect.Reseal(func(b []byte) []byte { return append(b, b...) }), "", "read nome"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{Type: inspect.ApplicationData, Content: []byte("read")}, Do: c.do}}}
			tap := &inspect.Tap{Now: still, Gate: rules}
			toyTalk(t, tap, atOnce)
			session := inspect.NewSession(tap.Recording())
			for _, r := range session.Connections()[0].View(inspect.Server).Records(inspect.Client) {
				if r.Seq != 5 {
					continue
				}
				if r.Reason().Key != c.reason || string(r.Plaintext()) != c.text || r.DecidedAt < 0 {
					t.Errorf("reason %q, text %q, decided at %d", r.Reason().Key, r.Plaintext(), r.DecidedAt)
				}
				if want := inspect.VerdictAltered; c.text != "read nome" && r.Verdict != want {
					t.Errorf("verdict %s", r.Verdict)
				}
			}
			refused := 0
			for _, applied := range rules.Report() {
				if applied.How == inspect.Refused {
					refused++
				}
			}
			if refused > 0 != (c.text == "read nome") {
				t.Errorf("%d refused", refused)
			}
		})
	}
}

func TestRulesFindUnitsByNameTextAndField(t *testing.T) {
	rules := new(inspect.Rules)
	for _, m := range []inspect.Match{
		{Message: "length", Nth: 2},
		{Type: inspect.ApplicationData, From: inspect.FromServer, Nth: 3},
		{Type: inspect.Handshake},
		{Record: inspect.ApplicationData},
		{Content: []byte("nome ana")},
	} {
		rules.List = append(rules.List, inspect.Rule{Match: m, Do: inspect.Forward})
	}
	tap := &inspect.Tap{Now: still, Gate: rules}
	toyTalk(t, tap, atOnce)
	session := inspect.NewSession(tap.Recording())
	var got []string
	for _, applied := range rules.Report() {
		if applied.How != inspect.Acted {
			t.Errorf("%+v", applied)
		}
		r := session.Unit(0, applied.Unit)
		got = append(got, fmt.Sprintf("%d %s %d", applied.Rule, r.Side, r.Seq))
	}
	if want := []string{"4 client 2", "0 server 1", "1 server 8"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatAProgramSaysThroughSomethingThatEncryptsIsRecordedAsItIsReadThere(t *testing.T) {
	tap := &inspect.Tap{Now: still}
	below, peer := tap.PipeOf(toy{})
	above := below.Over(shifted{below})
	go func() {
		io.WriteString(above, "abc")
		above.CloseWrite()
	}()
	if got, err := io.ReadAll(peer); string(got) != "bcd" || err != nil {
		t.Errorf("%q crossed the wire, %v", got, err)
	}
	peer.Close()
	above.Close()
	var wrote []string
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Wrote {
			wrote = append(wrote, string(e.Bytes))
		}
	}
	if !slices.Equal(wrote, []string{"abc"}) {
		t.Errorf("the program wrote %q", wrote)
	}
}

// shifted encrypts as Caesar did.
type shifted struct{ *inspect.Endpoint }

func (s shifted) Write(b []byte) (int, error) {
	b = bytes.Clone(b)
	for i := range b {
		b[i]++
	}
	return s.Endpoint.Write(b)
}

func TestUnitsAreChangedByTheirFields(t *testing.T) {
	tap := &inspect.Tap{Now: still}
	client, server := tap.PipeOf(inspect.Lines)
	go func() {
		io.WriteString(client, "create nome ana\r\n")
		client.CloseWrite()
	}()
	io.ReadAll(server)
	client.Close()
	server.Close()
	for r := range inspect.NewSession(tap.Recording()).Records() {
		d, err := r.Draft()
		if err != nil || d.Sealed {
			t.Fatalf("sealed %v, %v", d.Sealed, err)
		}
		d, err = d.SetValue("line.text", "delete everything at once")
		if err != nil || string(d.Bytes) != "delete everything at once\r\n" {
			t.Errorf("%q, %v", d.Bytes, err)
		}
		if text, _ := d.Fields.Find("line.text"); text.Length != len(d.Bytes)-2 {
			t.Errorf("dissected anew: %+v", d.Fields)
		}
	}
}

func TestAFieldThatIsCountedIsSetWithItsLength(t *testing.T) {
	dissect := func(b []byte) inspect.Field {
		return inspect.Dissect(b, "odd", "", func(d *inspect.Dissector) {
			d.Counted("odd.body", 2, func(d *inspect.Dissector) { d.Text("odd.text", len(d.Rest())) })
		})
	}
	b := []byte("\x00\x03ana")
	root := dissect(b)
	text, ok := root.Find("odd.text")
	if !ok {
		t.Fatalf("%+v", root)
	}
	changed, err := inspect.ReplaceField(root, b, text, []byte("maria"), true)
	if err != nil || string(changed) != "\x00\x05maria" {
		t.Errorf("%q, %v", changed, err)
	}
}

// counted is a protocol of lines, each of which is encrypted with its number: whoever misses one cannot read the next.
type counted struct{}

func (counted) Name() string           { return "counted" }
func (counted) Reader() inspect.Reader { return new(countedReader) }

type countedReader struct {
	lines inspect.LineCutter
	count int
}

func (r *countedReader) Next(_ inspect.Side, b []byte) (int, inspect.Reading) {
	n := r.lines.Next(b)
	if n <= len(b) {
		r.count++
	}
	return n, countedLine{toyUnit{"line"}, r.count}
}

func (r *countedReader) Rest(inspect.Side, []byte) inspect.Reading { return nil }

type countedLine struct {
	toyUnit
	count int
}

func (l countedLine) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	if secrets("COUNTED", []byte("it")) == nil || b[0] != byte('0'+l.count) {
		return nil, inspect.Reason{Key: "unit_mac"}
	}
	return b[1:], inspect.Reason{}
}

func (l countedLine) ClearFields(clear []byte) inspect.Field { return l.Fields(clear) }

func TestAUnitIsUnreadableWhereItsSenderCanReadItAlone(t *testing.T) {
	recording := new(inspect.Recording)
	recording.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{
		Protocol: "counted", Speaks: counted{}, Gated: true, Ours: [2]bool{true, true},
	}})
	for _, origin := range []inspect.Origin{inspect.ClientLog, inspect.ServerLog} {
		recording.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{
			Origin: origin, Label: "COUNTED", ClientRandom: []byte("it"), Bytes: []byte{1},
		}})
	}
	for i, text := range []string{"1 one\n", "2 two\n", "no number\n"} {
		captured := recording.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte(text)})
		kind := inspect.Forwarded
		if i == 0 {
			kind = inspect.Dropped
		}
		recording.Append(inspect.Event{Kind: kind, Cause: captured})
	}
	session := inspect.NewSession(recording)
	var verdicts []string
	for _, r := range session.Connections()[0].View(inspect.Server).Records(inspect.Client) {
		verdicts = append(verdicts, r.Verdict.String())
	}
	if want := []string{"unreadable", ""}; !slices.Equal(verdicts, want) { // the last one nobody can read
		t.Errorf("verdicts %q, want %q", verdicts, want)
	}
}

func TestALineIsCutAtItsGreatestLengthHoweverItComes(t *testing.T) {
	text := []byte("abc\n" + strings.Repeat("x", 25) + "\nlast")
	rapid.Check(t, func(t *rapid.T) {
		cutter, rest, lengths := inspect.LineCutter{Max: 10}, []byte(nil), []int(nil)
		for left := text; len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(t, "chunk")
			rest, left = append(rest, left[:n]...), left[n:]
			for len(rest) > 0 {
				n := cutter.Next(rest)
				if n > len(rest) {
					break
				}
				lengths, rest = append(lengths, n), rest[n:]
			}
		}
		if want := []int{4, 10, 10, 6}; !slices.Equal(lengths, want) || string(rest) != "last" {
			t.Fatalf("lines of %v bytes, want %v, and %q", lengths, want, rest)
		}
	})
}

// failing is a connection that fails as it is told to.
type failing struct {
	net.Conn
	err error
}

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestAnErrorIsRecordedUnlessWhoeverDrivesTheEndsCausedIt(t *testing.T) {
	tap := inspect.NewTap()
	_, server := tap.PipeOf(toy{})
	beneath := &failing{server, errors.New("first")}
	program := server.Over(beneath)
	program.Read(nil)
	beneath.err = fmt.Errorf("read: %w", context.Canceled)
	program.Read(nil)
	beneath.err = errors.New("second")
	program.Read(nil)
	tap.Close()
	beneath.err = errors.New("third")
	program.Read(nil)
	var failed []string
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Failed {
			failed = append(failed, e.Err.Text)
		}
	}
	if !slices.Equal(failed, []string{"first", "second"}) {
		t.Errorf("recorded %q", failed)
	}
}

func TestWhatAProgramSaysOnItsOwnScreenIsRecordedAndDoesNotCrossTheWire(t *testing.T) {
	tap := inspect.NewTap()
	_, server := tap.PipeOf(toy{})
	fmt.Fprint(server.Screen(), "one\r\ntwo\n\n")
	fmt.Fprint(server.Screen(), "three")
	tap.Close()
	var said []string
	for e := range tap.Recording().Events(0) {
		switch e.Kind {
		case inspect.Printed:
			said = append(said, fmt.Sprint(e.Conn, e.Side, e.Text))
		case inspect.Captured, inspect.Wrote:
			t.Errorf("%s: %q", e.Kind, e.Bytes)
		}
	}
	if want := []string{"0 serverone", "0 servertwo", "0 serverthree"}; !slices.Equal(said, want) {
		t.Errorf("recorded %q", said)
	}
	session := inspect.NewSession(tap.Recording())
	if item := session.Items()[0]; item.Kind != inspect.PrintedItem || item.Side != inspect.Server || item.Text != "one" {
		t.Errorf("shown as %+v", item)
	}
	again := new(inspect.Recording)
	for e := range tap.Recording().Events(0) {
		if i := again.Append(e); again.At(i).Text != e.Text {
			t.Errorf("appended as %q", again.At(i).Text)
		}
	}
}
