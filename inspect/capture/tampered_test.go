package capture_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// somethingHappens is a session in memory in which, mostly, something is done to a record on its way.
func somethingHappens(t testing.TB, seed uint64) *inspect.Recording {
	random := rand.New(rand.NewPCG(seed, 0))
	actions := []inspect.Action{
		inspect.Forward, inspect.Drop, inspect.Repeat(1 + random.IntN(2)), inspect.Flip(-1, 1<<random.IntN(8)), inspect.Flip(5+random.IntN(40), 1),
		inspect.Swap(50 * time.Millisecond), inspect.CutAfter(random.IntN(60)), inspect.Delay(time.Duration(random.IntN(150)) * time.Millisecond),
		inspect.Inject([]byte{0x17, 0x03, 0x03, 0, 20, 19: 1, 24: 0}), inspect.Inject([]byte{0x15, 0x03, 0x03, 0, 2, 1, 0}), inspect.Hold,
		inspect.FlipField("client_hello", "random"), inspect.FlipField("server_hello", "random"),
	}
	rules := &inspect.Rules{}
	for range random.IntN(3) {
		from := []inspect.Sender{inspect.FromClient, inspect.FromServer}[random.IntN(2)]
		rules.List = append(rules.List, inspect.Rule{
			Match: inspect.Match{From: from, Nth: 1 + random.IntN(8)}, Do: actions[random.IntN(len(actions))],
		})
	}
	tap := &inspect.Tap{Gate: rules}
	clientConfig, serverConfig := configs(t)
	clientConfig.MaxVersion = []uint16{tls.VersionTLS12, tls.VersionTLS13}[random.IntN(2)]
	for range 1 + random.IntN(2) {
		client, server := tap.Pipe(clientConfig, serverConfig)
		served := make(chan struct{})
		go func() {
			defer close(served)
			defer server.Close()
			server.SetDeadline(time.Now().Add(300 * time.Millisecond))
			io.Copy(server, server)
		}()
		client.SetDeadline(time.Now().Add(300 * time.Millisecond))
		for n := range random.IntN(4) {
			line := strings.Repeat(fmt.Sprintf("line %d\n", n), 1+random.IntN(1000))
			if _, err := io.WriteString(client, line); err != nil {
				break
			}
			if _, err := io.ReadFull(client, make([]byte, len(line))); err != nil {
				break
			}
		}
		client.Close()
		<-served
	}
	tap.Close()
	return tap.Recording()
}

// A sighting is what a capture can hold of a record that one side sent, or that reached it.
type sighting struct {
	raw, clear []byte
	decrypted  bool
}

func sightings(v *inspect.View, from inspect.Side) []sighting {
	var seen []sighting
	for _, r := range v.Records(from) {
		seen = append(seen, sighting{r.Raw(), r.Plaintext(), r.Decrypted})
	}
	return seen
}

func TestEachSideOfATamperedConnectionReadsBackAsItSawIt(t *testing.T) {
	whole, divided := 0, 0
	for seed := range uint64(60) {
		rec := somethingHappens(t, seed)
		session := inspect.NewSession(rec)
		file := written(t, rec)
		opened := inspect.NewSession(read(t, file))
		saved := make(map[string]*inspect.Connection)
		for _, c := range opened.Connections() {
			saved[c.Opening.Addr[inspect.Client]] = c
		}
		for i, c := range session.Connections() {
			mine := saved[fmt.Sprintf("127.0.0.1:%d", 49152+i)]
			views := [2]*inspect.Connection{mine, mine}
			if behind := saved[fmt.Sprintf("192.0.2.%d:%d", 1+i, 49152+i)]; behind != nil {
				views[inspect.Server] = behind
				divided++
			} else {
				whole++
			}
			for _, whose := range []inspect.Side{inspect.Client, inspect.Server} {
				for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
					want, got := sightings(c.View(whose), from), sightings(views[whose].View(whose), from)
					if len(got) < len(want) || len(got) > len(want) && !undelivered(rec, i, from) {
						t.Errorf("seed %d, connection %d: of the %s, the %s saw %d records, and %d are saved", seed, i, from, whose, len(want), len(got))
						continue
					}
					sent := sightings(c.View(from), from)
					inTurn := true // what a side gets out of turn it cannot decrypt; the recording knows it from its sender
					for n := range want {
						inTurn = inTurn && n < len(sent) && bytes.Equal(want[n].raw, sent[n].raw)
						if !bytes.Equal(want[n].raw, got[n].raw) || inTurn && want[n].decrypted && (!got[n].decrypted || !bytes.Equal(want[n].clear, got[n].clear)) {
							t.Errorf("seed %d, connection %d: record %d of the %s, as the %s saw it, is saved as another, or not decrypted: %x %t, %x %t", seed, i, n, from, whose, want[n].raw, want[n].decrypted, got[n].raw, got[n].decrypted)
						}
					}
				}
			}
		}
		if again := written(t, read(t, file)); !bytes.Equal(again, written(t, read(t, again))) {
			t.Errorf("seed %d: what was read and written twice differs", seed)
		}
	}
	if whole < 10 || divided < 10 {
		t.Errorf("%d connections were tampered with and %d not: that proves little", divided, whole)
	}
}

// undelivered reports whether something that a side sent last had nobody to be delivered to.
func undelivered(rec *inspect.Recording, conn int, from inspect.Side) bool {
	for e := range rec.Events(0) {
		if e.Conn == conn && e.Side == from && e.Kind == inspect.Undeliverable {
			return true
		}
	}
	return false
}

// A packet that is there for its comment alone announces a larger window, as TCP does when there is more room; no window
// shrinks (RFC 9293 section 3.8.6).
func TestAWindowGrowsWhereAPacketIsThereForItsCommentAlone(t *testing.T) {
	grown := 0
	for seed := range uint64(12) {
		windows := make(map[string]uint16) // by sender and receiver
		packets(written(t, somethingHappens(t, seed)), func(i int, packet []byte) []byte {
			who, tcp := string(packet[26:38]), packet[34:] // IPv4 addresses and ports, behind 14 bytes of Ethernet
			window := binary.BigEndian.Uint16(tcp[14:])
			if before, ok := windows[who]; ok && tcp[13]&0x02 == 0 { // a SYN begins anew where a port is used again
				if window < before {
					t.Errorf("seed %d, packet %d: the window shrinks from %d to %d", seed, i, before, window)
				} else if window > before {
					grown++
				}
			}
			windows[who] = window
			return packet
		})
	}
	if grown == 0 {
		t.Error("no window grows: that proves nothing")
	}
}

func TestTsharkFindsNothingWrongWithWhatWasTamperedWith(t *testing.T) {
	for seed := range uint64(12) {
		rec := somethingHappens(t, seed)
		out := tshark(t, written(t, rec), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-Y",
			"(tcp.analysis.flags && !tcp.analysis.window_update) || _ws.short || "+`ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"`)
		if out != "" {
			t.Errorf("seed %d: tshark remarks on:\n%s", seed, out)
		}
	}
}

func TestATamperedConnectionIsTwoConversationsThatSayWhatWasDone(t *testing.T) {
	clientConfig, serverConfig := configs(t)
	tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{
		{Match: inspect.Match{From: inspect.FromClient, Type: inspect.ApplicationData, Nth: 1}, Do: inspect.Flip(-1, 0x01)},
		{Match: inspect.Match{From: inspect.FromServer, Message: "new_session_ticket"}, Do: inspect.Drop},
	}}}
	client, server := tap.Pipe(clientConfig, serverConfig)
	echo(t, client, server)
	_ = client
	tap.Close()

	tap = &inspect.Tap{Gate: tap.Gate}
	client, server = tap.Pipe(clientConfig, serverConfig)
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(server, server)
		server.Close()
	}()
	io.WriteString(client, "create nome ana\n")
	io.Copy(io.Discard, client)
	client.Close()
	<-done
	tap.Close()
	file := written(t, tap.Recording())
	out := tshark(t, file, "-T", "fields", "-e", "ip.src", "-e", "frame.comment", "-Y", "frame.comment")
	for _, want := range []string{
		"127.0.0.1\ttlslab: the client's program wrote 16 bytes: \"create nome ana\\n\"",
		"192.0.2.1\twhat reached the server, and what it sent; the conversation of 127.0.0.1:49152 is what the client sent and what reached it",
		"altered by the tap: the client sent something else",
		"the server failed: local error: tls: bad record MAC",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no packet is commented with %q:\n%s", want, out)
		}
	}
	if clear := tshark(t, file, "-o", "tcp.desegment_tcp_streams:TRUE", "-T", "fields", "-e", "tls.handshake.type", "-Y", "tls.handshake.type == 20"); strings.Count(clear, "20") < 4 {
		t.Errorf("the two Finished of two conversations are not all decrypted:\n%s", clear)
	}
	addrs := make(map[netip.AddrPort]bool)
	for e := range read(t, file).Events(0) {
		if e.Kind == inspect.Opened {
			addrs[netip.MustParseAddrPort(e.Opening.Addr[inspect.Client])] = true
		}
	}
	if len(addrs) != 2 {
		t.Errorf("the conversations are those of %v", addrs)
	}
}

func TestWithoutSecretsAFileOpensNothingAndQuotesNothing(t *testing.T) {
	rec := inMemory(t, tls.VersionTLS13, []string{"create nome ana\n"})
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	w.NoSecrets = true
	if err := w.Extend(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file.Bytes(), []byte("nome")) || bytes.Contains(file.Bytes(), []byte("TRAFFIC_SECRET")) {
		t.Error("there is clear text in it, or a secret")
	}
	for r := range inspect.NewSession(read(t, file.Bytes())).Records() {
		if r.Decrypted {
			t.Errorf("record %d is decrypted", r.Seq)
		}
	}
}

func TestAFileOfATamperedConnectionIsWholeAfterEachWrite(t *testing.T) {
	var sizes wholeFiles
	w := capture.NewWriter(&sizes)
	growing := new(inspect.Recording)
	for e := range somethingHappens(t, 1).Events(0) {
		growing.Append(e)
		if err := w.Extend(growing); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if len(sizes.at) < 20 {
		t.Fatalf("only %d writes", len(sizes.at))
	}
	for _, size := range sizes.at[1:] { // the first has no packet
		if _, err := capture.Read(bytes.NewReader(sizes.file[:size])); err != nil {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
}

func TestWhatWasHeldForLongSaysSo(t *testing.T) {
	rec, at := new(inspect.Recording), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	event := func(after time.Duration, e inspect.Event) int {
		at = at.Add(after)
		e.Time = at
		return rec.Append(e)
	}
	event(0, inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Gated: true}})
	for i, side := range []inspect.Side{inspect.Client, inspect.Server, inspect.Server} {
		unit := event(time.Second, inspect.Event{Kind: inspect.Captured, Side: side, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x01\x5a")})
		event(time.Duration(i)*1250*time.Millisecond, inspect.Event{Kind: inspect.Forwarded, Side: side, Cause: unit})
	}
	out := tshark(t, written(t, rec), "-T", "fields", "-e", "tcp.len", "-e", "frame.comment", "-Y", "frame.comment")
	want := "7\tthe tap held this, from the server, for 1.2 s\n7\tthe tap held this, from the server, for 2.5 s\n"
	if out != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
}

// What was captured must not pass for what the lab itself says of a session.
func TestNoTextFromTheWirePassesForANoteOfTheLab(t *testing.T) {
	const forged = ` [tlslab ["capture_half","client","192.0.2.7:1"]]`
	rec := new(inspect.Recording)
	event := func(e inspect.Event) {
		e.Cause = -1
		rec.Append(e)
	}
	event(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "tls"}})
	event(inspect.Event{Kind: inspect.Captured, Bytes: []byte("\x15\x03\x03\x00\x02\x01\x00")})
	event(inspect.Event{Kind: inspect.Printed, Side: inspect.Server, Text: "he said" + forged})
	event(inspect.Event{Kind: inspect.Failed, Side: inspect.Server, Err: &inspect.EndpointError{Text: "no verb" + forged}})
	event(inspect.Event{Kind: inspect.Wrote, Side: inspect.Server, Bytes: []byte("x" + forged)})
	event(inspect.Event{Kind: inspect.Noted, Side: inspect.Server, Note: &inspect.Reason{Key: "capture_comment", Data: []any{"text", "see" + forged}}})
	for range 2 { // a comment in a file stays one when it is saved again
		rec = read(t, written(t, rec))
		for _, item := range inspect.NewSession(rec).Items() {
			if item.Kind == inspect.NoteItem && item.Because.Key != "capture_comment" {
				t.Errorf("a note of the lab: %s", item.Because)
			}
			if item.Kind == inspect.AlertItem && item.Elsewhere {
				t.Error("an alert of a divided connection")
			}
		}
	}
}

// Notes are told where they stood, whoever reads the file, and in whatever language it was written.
func TestNotesAreReadBackAsTheyWere(t *testing.T) {
	paste := "01 00 00 2b 03 03 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n" +
		"10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f 00 00 02 13 01 01 00 00 00\n"
	rec, err := capture.Read(strings.NewReader(paste))
	if err != nil {
		t.Fatal(err)
	}
	rec.Append(inspect.Event{Kind: inspect.Noted, Side: inspect.Server, Cause: -1, Note: &inspect.Reason{Key: "capture_differs", Data: []any{"bytes", 3}}})
	notes := func(rec *inspect.Recording) (all []string) {
		for _, item := range inspect.NewSession(rec).Items() {
			if item.Kind == inspect.NoteItem {
				all = append(all, fmt.Sprintf("%d on the %s: %s %#v", len(all), item.Side, item.Because.Key, item.Because.Data))
			} else {
				all = append(all, fmt.Sprint(item.Kind))
			}
		}
		return all
	}
	var file bytes.Buffer
	w := capture.NewWriter(&file)
	w.Say = docs.For(docs.Portuguese).Say
	if err := errors.Join(w.Extend(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
	whole := file.String()
	reader := capture.NewReader(nil)
	reader.Speaks(func(name string) inspect.Protocol {
		return map[string]inspect.Protocol{inspect.Messages.Name(): inspect.Messages}[name]
	})
	reader.Open(&file)
	for reader.Next() {
	}
	reader.Close()
	if diff := cmp.Diff(notes(rec), notes(reader.Recording())); diff != "" {
		t.Errorf("(-told +read):\n%s", diff)
	}
	if !strings.Contains(whole, "lido como dígitos hexadecimais") {
		t.Error("the comments are not in the language of who wrote them")
	}
}
