package inspect_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
)

// dialogue has the client send lines and the server answer "ok" at their end;
// both read until the other has ended. Who waits a minute in vain is silent: it
// is the bubble's minute.
func dialogue(t testing.TB, gate inspect.Gate, version uint16, lines ...string) *inspect.Session {
	t.Helper()
	return dialogueUnder(t, gate, version, nil, lines...)
}

// dialogueUnder is a dialogue with the cipher suites that TLS 1.2 is to choose from.
func dialogueUnder(t testing.TB, gate inspect.Gate, version uint16, suites []uint16, lines ...string) *inspect.Session {
	t.Helper()
	client, server := configs(t)
	client.MaxVersion, client.CipherSuites = version, suites
	server.SessionTicketsDisabled = true
	tap := &inspect.Tap{Gate: gate}
	converseUntilSilence(tap, client, server, lines...)
	tap.Close()
	return inspect.NewSession(tap.Recording())
}

func converseUntilSilence(tap *inspect.Tap, client, server *tls.Config, lines ...string) {
	const patience = time.Minute
	c, s := tap.Pipe(client, server)
	read := func(conn *inspect.Conn, side inspect.Side) {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			tap.Recording().Append(inspect.Event{Kind: inspect.Silent, Conn: conn.ID(), Side: side, N: int(patience.Milliseconds()), Cause: -1})
		}
	}
	var parts sync.WaitGroup
	c.SetReadDeadline(time.Now().Add(patience))
	s.SetReadDeadline(time.Now().Add(patience))
	parts.Go(func() {
		for _, line := range lines {
			if _, err := io.WriteString(c, line); err != nil {
				break
			}
		}
		if c.ConnectionState().HandshakeComplete {
			c.CloseWrite()
		}
		read(c, inspect.Client)
	})
	parts.Go(func() {
		read(s, inspect.Server)
		if s.ConnectionState().HandshakeComplete {
			io.WriteString(s, "ok")
			s.CloseWrite()
		}
	})
	parts.Wait()
	c.Close()
	synctest.Wait() // so that who sees whose end does not depend on chance
	s.Close()
}

// accounts tells what both endpoints made of connection 0.
func accounts(s *inspect.Session, at int) string {
	c := s.Connections()[0]
	var lines []string
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		a := c.Account(side, at)
		line := fmt.Sprintf("%s: ended %s, saw %s, read %d of it %s", side, orNot(a.Ended), orNot(a.Saw), a.Read, a.Fidelity)
		for _, alert := range a.Alerts {
			line += fmt.Sprintf(", sent %s (%s)", inspect.AlertName(alert.Description), alert.Fate)
		}
		for _, alert := range a.Heard {
			line += ", heard " + inspect.AlertName(alert.Description)
		}
		for _, failure := range a.Errors {
			line += ", " + failure.Error.Op + ": " + failure.Error.Text
		}
		for _, silence := range a.Silences {
			line += ", silent for " + silence.Wait.String()
		}
		for _, missed := range []struct {
			what   string
			amount inspect.Amount
		}{{"dropped", a.Dropped}, {"altered", a.Altered}, {"undelivered", a.Undelivered}, {"held", a.Held}} {
			if missed.amount.Units > 0 {
				line += fmt.Sprintf(", %d %s", missed.amount.Units, missed.what)
			}
		}
		lines = append(lines, line)
	}
	noticed := "nobody noticed"
	if first, ok := c.Noticed(at); ok {
		noticed = first.Side.String() + " noticed"
	}
	return strings.Join(append(lines, noticed), "\n")
}

func orNot(c inspect.Closing) string {
	if c == 0 {
		return "not"
	}
	return c.String()
}

func second(m inspect.Match) inspect.Match {
	m.Nth = 2
	return m
}

func TestAnAccountTellsWhatEachEndpointDidAndWhoNoticed(t *testing.T) {
	once := func(m inspect.Match, do inspect.Action) inspect.Rule { return inspect.Rule{Match: m, Do: do, Times: 1} }
	alert := inspect.Match{From: inspect.FromServer, Type: inspect.Alert}
	const untouched = "client: ended close_notify, saw close_notify, read 2 of it whole, sent close_notify (read), heard close_notify\n" +
		"server: ended close_notify, saw close_notify, read 8 of it whole, sent close_notify (read), heard close_notify\n" +
		"nobody noticed"
	for _, c := range []struct {
		name   string
		rules  []inspect.Rule
		want   string
		want12 string // in TLS 1.2, where that differs
		only13 bool
	}{
		{name: "nothing", want: untouched},
		{
			name: "flip", rules: []inspect.Rule{once(second(clientsText), inspect.Flip(-1, 0x01))},
			want: "client: ended close_notify, saw not, read 0 of it a beginning, sent close_notify (undeliverable), heard bad_record_mac, read: remote error: tls: bad record MAC, 1 undelivered\n" +
				"server: ended close_notify, saw not, read 4 of it a beginning, sent bad_record_mac (read), sent close_notify (undeliverable), read: local error: tls: bad record MAC, 1 altered, 1 undelivered\n" +
				"server noticed",
		},
		{
			name: "drop", rules: []inspect.Rule{once(second(clientsText), inspect.Drop)},
			want: "client: ended close_notify, saw not, read 0 of it a beginning, sent close_notify (not readable), heard bad_record_mac, read: remote error: tls: bad record MAC, 1 undelivered\n" +
				"server: ended close_notify, saw end of file, read 4 of it a beginning, sent bad_record_mac (read), sent close_notify (undeliverable), read: local error: tls: bad record MAC, 1 dropped\n" +
				"server noticed",
		},
		{
			name: "truncate at a boundary", rules: []inspect.Rule{once(second(clientsText), inspect.CutAfter(0))},
			want: "client: ended cut, saw close_notify, read 2 of it whole, sent close_notify (undeliverable), heard close_notify\n" +
				"server: ended close_notify, saw end of file, read 4 of it a beginning, sent close_notify (read), 1 dropped, 1 undelivered\n" +
				"nobody noticed",
		},
		{
			name: "truncate inside", rules: []inspect.Rule{once(second(clientsText), inspect.CutAfter(9))},
			want: "client: ended cut, saw close_notify, read 2 of it whole, sent close_notify (undeliverable), heard close_notify\n" +
				"server: ended close_notify, saw end of file, read 4 of it a beginning, sent close_notify (read), read: unexpected EOF, 1 altered, 1 undelivered\n" +
				"server noticed",
		},
		{
			name: "no ClientHello", rules: []inspect.Rule{once(inspect.Match{Message: "client_hello"}, inspect.Drop)},
			want: "client: ended end of file, saw not, read 0 of it whole, handshake: read pipe: i/o timeout, silent for 1m0s\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, handshake: read pipe: i/o timeout, silent for 1m0s, 1 dropped\n" +
				"nobody noticed",
		},
		{
			name: "held ServerHello", rules: []inspect.Rule{once(inspect.Match{Message: "server_hello"}, inspect.Hold)},
			want: "client: ended end of file, saw not, read 0 of it whole, handshake: tls: first record does not look like a TLS handshake, 5 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, handshake: read pipe: i/o timeout, silent for 1m0s\n" +
				"client noticed",
			want12: "client: ended end of file, saw not, read 0 of it whole, sent unexpected_message (read), handshake: tls: received unexpected handshake message of type *tls.certificateMsg when waiting for *tls.serverHelloMsg, 4 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, sent protocol_version (undeliverable), heard unexpected_message, handshake: tls: received record with version 301 when expecting version 303\n" +
				"client noticed",
		},
		{
			name: "another server random", rules: []inspect.Rule{once(inspect.Match{Message: "server_hello"}, inspect.Flip(20, 0x01))},
			want: "client: ended end of file, saw not, read 0 of it whole, sent bad_record_mac (not readable), handshake: local error: tls: bad record MAC, 1 altered, 4 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, sent bad_record_mac (undeliverable), handshake: local error: tls: bad record MAC\n" +
				"client noticed",
			want12: "client: ended end of file, saw not, read 0 of it whole, sent illegal_parameter (read), handshake: tls: invalid signature by the server certificate: ECDSA verification failure, 1 altered, 1 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, heard illegal_parameter, handshake: remote error: tls: illegal parameter\n" +
				"client noticed",
		},
		{
			name: "another client random", rules: []inspect.Rule{once(inspect.Match{Message: "client_hello"}, inspect.Flip(20, 0x01))},
			want: "client: ended end of file, saw not, read 0 of it whole, sent bad_record_mac (not readable), handshake: local error: tls: bad record MAC, 4 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, sent bad_record_mac (undeliverable), handshake: local error: tls: bad record MAC, 1 altered\n" +
				"client noticed",
			want12: "client: ended end of file, saw not, read 0 of it whole, sent illegal_parameter (read), handshake: tls: invalid signature by the server certificate: ECDSA verification failure, 1 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, heard illegal_parameter, handshake: remote error: tls: illegal parameter, 1 altered\n" +
				"client noticed",
		},
		{
			name: "no alert", rules: []inspect.Rule{once(second(clientsText), inspect.Flip(-1, 0x01)), once(alert, inspect.Drop)},
			want: "client: ended close_notify, saw not, read 0 of it a beginning, sent close_notify (undeliverable), read: local error: tls: bad record MAC, 1 dropped\n" +
				"server: ended close_notify, saw not, read 4 of it a beginning, sent bad_record_mac (dropped), sent close_notify (not readable), read: local error: tls: bad record MAC, 1 altered, 1 undelivered\n" +
				"server noticed",
		},
		{
			name: "altered alert", rules: []inspect.Rule{once(second(clientsText), inspect.Flip(-1, 0x01)), once(alert, inspect.Flip(-1, 0x01))},
			want: "client: ended close_notify, saw not, read 0 of it a beginning, sent close_notify (undeliverable), read: local error: tls: bad record MAC, 1 altered, 1 undelivered\n" +
				"server: ended close_notify, saw not, read 4 of it a beginning, sent bad_record_mac (altered), sent close_notify (undeliverable), read: local error: tls: bad record MAC, 1 altered, 1 undelivered\n" +
				"server noticed",
		},
		{
			name: "held alert", rules: []inspect.Rule{once(second(clientsText), inspect.Flip(-1, 0x01)), once(alert, inspect.Hold)},
			want: "client: ended close_notify, saw not, read 0 of it a beginning, sent close_notify (undeliverable), read: local error: tls: bad record MAC, 1 undelivered\n" +
				"server: ended close_notify, saw not, read 4 of it a beginning, sent bad_record_mac (undeliverable), sent close_notify (not readable), read: local error: tls: bad record MAC, 1 altered, 1 undelivered\n" +
				"server noticed",
		},
		{
			name: "clear alert too late", rules: []inspect.Rule{once(clientsText, inspect.Inject([]byte("\x15\x03\x03\x00\x02\x01\x00")))},
			want: "client: ended close_notify, saw not, read 0 of it a beginning, sent close_notify (undeliverable), heard bad_record_mac, read: remote error: tls: bad record MAC, 1 undelivered\n" +
				"server: ended close_notify, saw not, read 0 of it a beginning, sent bad_record_mac (read), sent close_notify (undeliverable), read: local error: tls: bad record MAC, 3 undelivered\n" +
				"server noticed",
		},
		{
			name: "another cipher suite", rules: []inspect.Rule{once(inspect.Match{Message: "server_hello"}, inspect.Flip(77, 0x01))},
			want: "client: ended end of file, saw not, read 0 of it whole, sent illegal_parameter (not readable), handshake: tls: server chose an unconfigured cipher suite, 1 altered, 6 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, sent bad_record_mac (undeliverable), handshake: local error: tls: bad record MAC\n" +
				"client noticed",
			only13: true,
		},
		{
			name: "injected alert", rules: []inspect.Rule{once(inspect.Match{Message: "server_hello"}, inspect.Inject([]byte("\x15\x03\x03\x00\x02\x02\x28")))},
			want: "client: ended end of file, saw not, read 0 of it whole, heard handshake_failure, handshake: remote error: tls: handshake failure, 6 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, handshake: read pipe: i/o timeout, silent for 1m0s\n" +
				"nobody noticed",
			want12: "client: ended end of file, saw not, read 0 of it whole, heard handshake_failure, handshake: remote error: tls: handshake failure, 4 undelivered\n" +
				"server: ended end of file, saw end of file, read 0 of it whole, handshake: read pipe: i/o timeout, silent for 1m0s\n" +
				"nobody noticed",
		},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			if c.only13 && version != tls.VersionTLS13 {
				continue
			}
			want := c.want
			if version == tls.VersionTLS12 && c.want12 != "" {
				want = c.want12
			}
			t.Run(c.name+"/"+tls.VersionName(version), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					session := dialogue(t, &inspect.Rules{List: c.rules}, version, "one ", "two ")
					if got := accounts(session, session.Recording().Len()); got != want {
						t.Errorf("got\n%s\nwant\n%s", got, want)
					}
				})
			})
		}
	}
}

func TestAnAlertThatComesBehindItsReceiversOwnFatalOneIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := configs(t)
		tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{{Match: clientsText, Do: inspect.Repeat(1), Times: 1}}}}
		defer tap.Close()
		c, s := tap.Pipe(client, server)
		go func() { // it fails, and does not close its end
			for err := error(nil); err == nil; {
				_, err = s.Read(make([]byte, 9))
			}
		}()
		if _, err := c.Write([]byte("one ")); err != nil {
			t.Fatal(err)
		}
		c.Read(make([]byte, 9))
		c.Close()
		synctest.Wait()
		conn, at := inspect.NewSession(tap.Recording()).Connections()[0], tap.Recording().Len()
		sent, refused := conn.Account(inspect.Client, at).Alerts, conn.Account(inspect.Server, at)
		if len(sent) != 1 || sent[0].Description != 0 || sent[0].Fate != inspect.FateLate {
			t.Errorf("the client sent %+v", sent)
		}
		if len(refused.Alerts) != 1 || refused.Alerts[0].Fate != inspect.FateRead {
			t.Errorf("the server sent %+v", refused.Alerts)
		}
		if len(refused.Heard) != 0 || refused.Saw == inspect.ClosedNotify {
			t.Errorf("the server heard %+v, and saw %v", refused.Heard, refused.Saw)
		}
	})
}

func TestAnAccountIsAFunctionOfTheEventsUpToThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flip := inspect.Rule{Match: second(clientsText), Do: inspect.Flip(-1, 0x01)}
		hold := inspect.Rule{Match: inspect.Match{From: inspect.FromServer, Type: inspect.Alert}, Do: inspect.Delay(time.Second)}
		whole := dialogue(t, &inspect.Rules{List: []inspect.Rule{flip, hold}}, tls.VersionTLS13, "one ", "two ")
		begun := new(inspect.Recording)
		told := make(map[string]bool)
		for e := range whole.Recording().Events(0) {
			begun.Append(e)
			if len(inspect.NewSession(begun).Connections()) == 0 {
				continue
			}
			now, later := accounts(inspect.NewSession(begun), e.Index), accounts(whole, e.Index)
			if now != later {
				t.Fatalf("after event %d\n%s\nbut from the whole recording\n%s", e.Index, now, later)
			}
			told[now] = true
		}
		held := 0
		for account := range told {
			if strings.Contains(account, "sent bad_record_mac (held)") {
				held++
			}
		}
		if len(told) < 20 || held == 0 {
			t.Errorf("%d different accounts, %d of them with the alert held", len(told), held)
		}
	})
}

func TestWhatIsHeldWhenTheTapClosesWasNeverDeliveredAndNobodyNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := configs(t)
		tap := &inspect.Tap{Gate: new(inspect.Stepper)}
		c, s := tap.Pipe(client, server)
		go c.Handshake()
		go s.Handshake()
		synctest.Wait()
		held := inspect.NewSession(tap.Recording())
		tap.Close()
		synctest.Wait()
		closed := inspect.NewSession(tap.Recording())
		before := held.Connections()[0].Account(inspect.Server, tap.Recording().Len())
		after := closed.Connections()[0].Account(inspect.Server, tap.Recording().Len())
		if before.Held.Units != 1 || before.Held.Bytes < 100 || after.Held.Units != 0 || after.Undelivered != before.Held {
			t.Errorf("held %+v, and then undelivered %+v", before.Held, after.Undelivered)
		}
		if len(after.Errors) != 1 || after.Saw != inspect.ClosedCut {
			t.Errorf("the server failed with %v, and saw %s", after.Errors, after.Saw)
		}
		if first, ok := closed.Connections()[0].Noticed(tap.Recording().Len()); ok {
			t.Errorf("%s noticed that the tap was closed", first.Side)
		}
		c.Close()
		s.Close()
	})
}

func TestTheReceiversViewKnowsOfATruncatedRecordOnceItsLaneHasEnded(t *testing.T) {
	send := inspect.Rule{Match: second(clientsText), Do: func(h inspect.Held) { h.Wire.Send(h.From, h.Bytes[:9], h.ID) }}
	cut := inspect.Rule{Match: inspect.Match{From: inspect.FromClient, Type: inspect.Alert}, Do: func(h inspect.Held) {
		h.Wire.After(time.Second, func() { h.Wire.Cut(h.From) })
	}}
	for name, rules := range map[string][]inspect.Rule{
		"finished": {{Match: second(clientsText), Do: inspect.CutAfter(9)}},
		"cut":      {send, cut},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				session := dialogue(t, &inspect.Rules{List: rules}, tls.VersionTLS13, "one ", "two ")
				received := session.Connections()[0].View(inspect.Server).Records(inspect.Client)
				last := received[len(received)-1]
				if !last.Truncated || len(last.Raw()) != 9 || last.Verdict != inspect.VerdictAltered {
					t.Errorf("the last record that the server received is %+v", last)
				}
				ends := 0
				for e := range session.Recording().Events(0) {
					if e.Kind == inspect.Drained && e.Side == inspect.Client {
						ends++
					}
				}
				if ends != 1 {
					t.Errorf("the end of the client's direction is recorded %d times", ends)
				}
			})
		})
	}
}

// inMemory is a recording of two endpoints of this process, made by hand.
func inMemory(gated bool, events ...inspect.Event) *inspect.Connection {
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Ours: [2]bool{true, true}, Gated: gated}})
	for _, e := range events {
		r.Append(e)
	}
	return inspect.NewSession(r).Connections()[0]
}

func TestTextThatWasChangedOnItsWayIsToldFromTextThatIsMissing(t *testing.T) {
	wrote := func(text string) inspect.Event {
		return inspect.Event{Kind: inspect.Wrote, Side: inspect.Client, Cause: -1, Bytes: []byte(text)}
	}
	read := func(text string) inspect.Event {
		return inspect.Event{Kind: inspect.Read, Side: inspect.Server, Cause: -1, Bytes: []byte(text)}
	}
	for _, c := range []struct {
		events []inspect.Event
		want   inspect.Fidelity
		agrees int64
	}{
		{nil, inspect.TextWhole, 0},
		{[]inspect.Event{wrote("pay 1"), wrote("0"), read("pay"), read(" 10")}, inspect.TextWhole, 6},
		{[]inspect.Event{wrote("pay 1"), wrote("0"), read("pa"), read("y 1")}, inspect.TextBeginning, 5},
		{[]inspect.Event{wrote("pay 1"), wrote("0"), read("pay 90")}, inspect.TextDifferent, 4},
		{[]inspect.Event{wrote("pay 10"), read("pay 10"), read("0")}, inspect.TextDifferent, 6},
		{[]inspect.Event{{Kind: inspect.Wrote, Side: inspect.Client, Cause: -1, N: 6}, read("pay 10")}, inspect.TextUnknown, 0},
	} {
		a := inMemory(true, c.events...).Account(inspect.Server, 100)
		if a.Fidelity != c.want || a.Agrees != c.agrees {
			t.Errorf("%s, %d bytes agree; want %s, %d", a.Fidelity, a.Agrees, c.want, c.agrees)
		}
	}
}

func TestWithoutAGateAnAlertThatCouldNotBeHandedOverWasNotHeard(t *testing.T) {
	const warning, fatal = "\x15\x03\x03\x00\x02\x01\x00", "\x15\x03\x03\x00\x02\x02\x28"
	sent := inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: []byte(fatal + warning)}
	for n, want := range map[int][2]inspect.Fate{
		0:  {inspect.FateRead, inspect.FateRead},
		1:  {inspect.FateRead, inspect.FateUndelivered},
		8:  {inspect.FateUndelivered, inspect.FateUndelivered},
		14: {inspect.FateUndelivered, inspect.FateUndelivered},
	} {
		c := inMemory(false, sent, inspect.Event{Kind: inspect.Undeliverable, Side: inspect.Server, Cause: 1, N: n})
		a := c.Account(inspect.Server, 100)
		if len(a.Alerts) != 2 || a.Alerts[0].Fate != want[0] || a.Alerts[1].Fate != want[1] {
			t.Errorf("with %d bytes lost: %+v", n, a.Alerts)
		}
		heard := 0
		for _, fate := range want {
			if fate == inspect.FateRead {
				heard++
			}
		}
		if got := c.Account(inspect.Client, 100); len(got.Heard) != heard {
			t.Errorf("with %d bytes lost the client heard %+v", n, got.Heard)
		}
		if got := c.Account(inspect.Client, 1); len(got.Heard) != 2 {
			t.Errorf("before they were lost the client had heard %+v", got.Heard)
		}
	}
}
