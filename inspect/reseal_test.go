package inspect_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/tlslab/inspect"
)

func replaced(old, with string) func([]byte) []byte {
	return func(content []byte) []byte { return bytes.ReplaceAll(content, []byte(old), []byte(with)) }
}

// serverRead returns what the server's program read.
func serverRead(session *inspect.Session) string {
	var text strings.Builder
	for e := range session.Recording().Events(0) {
		if e.Kind == inspect.Read && e.Side == inspect.Server {
			text.Write(e.Bytes)
		}
	}
	return text.String()
}

// eachSuite runs a test under every kind of protection, in a bubble.
func eachSuite(t *testing.T, test func(t *testing.T, version uint16, suites []uint16)) {
	for suite, version := range map[uint16]uint16{0: tls.VersionTLS13, 0xc02b: tls.VersionTLS12, 0xc02c: tls.VersionTLS12, 0xcca9: tls.VersionTLS12} {
		t.Run(fmt.Sprintf("%s/0x%04x", tls.VersionName(version), suite), func(t *testing.T) {
			var suites []uint16
			if suite != 0 {
				suites = []uint16{suite}
			}
			synctest.Test(t, func(t *testing.T) { test(t, version, suites) })
		})
	}
}

func TestWhoHasTheKeysAltersTextAndNobodyNotices(t *testing.T) {
	eachSuite(t, func(t *testing.T, version uint16, suites []uint16) {
		rules := &inspect.Rules{List: []inspect.Rule{{
			Match: inspect.Match{Content: []byte("pay 10")}, Do: inspect.Reseal(replaced("pay 10", "pay a thousand")),
		}}}
		session := dialogueUnder(t, rules, version, suites, "pay 10", ", please")
		if got := serverRead(session); got != "pay a thousand, please" {
			t.Errorf("the server read %q", got)
		}
		c := session.Connections()[0]
		if first, ok := c.Noticed(session.Recording().Len()); ok {
			t.Errorf("%s noticed", first.Side)
		}
		if a := c.Account(inspect.Server, session.Recording().Len()); a.Fidelity != inspect.TextDifferent || a.Agrees != 4 || a.Altered.Units != 1 {
			t.Errorf("the server's account is %+v", a)
		}
		if got := strings.Join(verdicts(session), "; "); got != "received resealed" {
			t.Errorf("verdicts: %s", got)
		}
		for _, r := range c.View(inspect.Server).Records(inspect.Client) {
			x := c.Crossing(r)
			if behind, counted := x.Behind(); r.Forged() != (r.Verdict == inspect.VerdictResealed) || counted && behind != 0 {
				t.Errorf("record %d: forged %v, verdict %s, behind %d", r.Seq, r.Forged(), r.Verdict, behind)
			}
		}
	})
}

func TestWhoHasTheKeysHidesALossBySealingEverythingAnewThatFollows(t *testing.T) {
	eachSuite(t, func(t *testing.T, version uint16, suites []uint16) {
		rules := &inspect.Rules{List: []inspect.Rule{
			{Match: second(clientsText), Do: inspect.Drop},
			{Match: inspect.Match{From: inspect.FromClient, Record: inspect.ApplicationData, Epoch: inspect.EpochApplication}, Do: inspect.Reseal(func(b []byte) []byte { return b })},
			{Match: inspect.Match{From: inspect.FromClient, Type: inspect.Alert}, Do: inspect.Reseal(func(b []byte) []byte { return b })},
		}}
		session := dialogueUnder(t, rules, version, suites, "one ", "two ", "three ")
		if got := serverRead(session); got != "one three " {
			t.Errorf("the server read %q", got)
		}
		c := session.Connections()[0]
		if first, ok := c.Noticed(session.Recording().Len()); ok {
			t.Errorf("%s noticed", first.Side)
		}
		if a := c.Account(inspect.Server, session.Recording().Len()); a.Saw != inspect.ClosedNotify {
			t.Errorf("the server saw its peer's end as %s", a.Saw)
		}
		if got := strings.Join(verdicts(session), "; "); got != "sent dropped; received dropped; received resealed; received resealed" {
			t.Errorf("verdicts: %s", got)
		}
	})
}

func TestInTheHandshakeTheKeysOfTheRecordsAreNotEnough(t *testing.T) {
	for _, c := range []struct {
		message, kind, value string
		place                int    // in the transcript
		alert                string // that the client answers with
	}{
		{"encrypted_extensions", "encrypted_extensions.extensions", "5a5a 0000", 2, "decrypt_error"}, // what the server signs covers it
		{"certificate", "der.string", "lab.attacker", 3, "bad_certificate"},
		{"finished", "finished.verify_data", strings.Repeat("00", 32), 5, "decrypt_error"},
	} {
		t.Run(c.message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				edit := inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) { return d.SetValue(c.kind, c.value) })
				rules := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromServer, Message: c.message}, Do: edit}}}
				session := dialogue(t, rules, tls.VersionTLS13, "one ")
				end := session.Recording().Len()
				connection := session.Connections()[0]
				if got := strings.Join(verdicts(session), "; "); got != "received resealed" {
					t.Errorf("verdicts: %s, report: %v", got, rules.Report())
				}
				if first := connection.Parting(end).First(); first != c.place {
					t.Errorf("the views part at %d", first)
				}
				alerts := connection.Account(inspect.Client, end).Alerts
				if len(alerts) != 1 || inspect.AlertName(alerts[0].Description) != c.alert || alerts[0].Fate != inspect.FateRead {
					t.Errorf("the client sent %+v", alerts)
				}
			})
		})
	}
}

func TestARecordInClearIsEditedByValueAndItsLengthsFit(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		synctest.Test(t, func(t *testing.T) {
			edit := inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) {
				return d.SetValue("server_name.host_name", "a-much-longer-name.example")
			})
			rules := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{Message: "client_hello"}, Do: edit}}}
			session := dialogue(t, rules, version, "one ")
			c := session.Connections()[0]
			sent, received := c.View(inspect.Client).State(1<<30), c.View(inspect.Server).State(1<<30)
			if sent.ServerName != "lab.example" || received.ServerName != "a-much-longer-name.example" {
				t.Errorf("the client asks for %q, the server is asked for %q", sent.ServerName, received.ServerName)
			}
			if first, ok := c.Noticed(session.Recording().Len()); !ok || version == tls.VersionTLS13 && first.Side != inspect.Client {
				t.Errorf("%v, %v noticed", first, ok)
			}
			if got := strings.Split(strings.Join(verdicts(session), "; "), "; ")[0]; got != "received altered" {
				t.Errorf("the ClientHello is %s", got)
			}
		})
	}
}

func TestWithoutTheKeysTheRecordGoesOnAsItIsAndTheRulesSaySo(t *testing.T) {
	near, far := tcpPair(t)
	clientConfig, serverConfig := configs(t)
	rules := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromClient, Record: inspect.ApplicationData}, Do: inspect.Reseal(replaced("one", "two"))}}}
	tap := &inspect.Tap{Gate: rules}
	upstreamNear, upstreamFar := tcpPair(t)
	relayed := make(chan error, 1)
	go func() { relayed <- tap.Relay(t.Context(), far, upstreamNear) }()
	served := make(chan string, 1)
	go func() { // no endpoint of the tap: nobody logs a secret
		s := tls.Server(upstreamFar, serverConfig)
		text, _ := io.ReadAll(s)
		s.Close()
		served <- string(text)
	}()
	c := tls.Client(near, clientConfig)
	io.WriteString(c, "one")
	c.Close()
	if text := <-served; text != "one" {
		t.Errorf("the server read %q", text)
	}
	if err := <-relayed; err != nil {
		t.Error(err)
	}
	refused := 0
	for _, applied := range rules.Report() {
		if applied.How == inspect.Refused {
			refused++
			var refusal *inspect.Refusal
			if !errors.As(applied.Err, &refusal) || refusal.Reason.String() == "" {
				t.Errorf("refused since %v", applied.Err)
			}
		}
	}
	if refused < 3 { // Finished, text, close_notify
		t.Errorf("%d records are reported: %v", refused, rules.Report())
	}
}

func TestAPersonEditsAHeldRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := configs(t)
		server.SessionTicketsDisabled = true
		stepper := new(inspect.Stepper)
		tap := &inspect.Tap{Gate: stepper}
		stepper.Run(clientsText)
		var held, next inspect.Unit
		go func() {
			stepper.Wait(t.Context())
			held = stepper.Pending()[0]
			draft, err := inspect.NewSession(tap.Recording()).Unit(held.Conn, held.ID).Draft()
			if err != nil || string(draft.Bytes) != "one " || !draft.Sealed {
				t.Errorf("the draft is %+v, %v", draft, err)
			}
			stepper.Resolve(held.ID, inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) { return d.Flip(0, 'o'^'O') }))
			stepper.Wait(t.Context())
			next = stepper.Pending()[0]
			stepper.Resolve(next.ID, inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) { return d.SetBytes(9, 1, nil) }))
			stepper.Run()
		}()
		converseUntilSilence(tap, client, server, "one ", "two ")
		tap.Close()
		if got := serverRead(inspect.NewSession(tap.Recording())); got != "One two " {
			t.Errorf("the server read %q", got)
		}
		if stepper.Refused(held.ID) != nil || stepper.Refused(next.ID) == nil {
			t.Errorf("refused: %v, %v", stepper.Refused(held.ID), stepper.Refused(next.ID))
		}
	})
}

func TestTypeAndPaddingOfASealedRecordAreEditedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		edit := inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) {
			d.Padding = 100
			return d, nil
		})
		toAlert := inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) {
			d.Type = inspect.Alert
			return d.WithContent([]byte{2, 40})
		})
		rules := &inspect.Rules{List: []inspect.Rule{{Match: clientsText, Do: edit, Times: 1}, {Match: second(clientsText), Do: toAlert}}}
		session := dialogue(t, rules, tls.VersionTLS13, "one ", "two ")
		received := session.Connections()[0].View(inspect.Server).Records(inspect.Client)
		padded, alert := received[len(received)-3], received[len(received)-2] // close_notify follows
		if padded.Padding != 100 || string(padded.Plaintext()) != "one " || padded.Verdict != inspect.VerdictResealed {
			t.Errorf("the padded record is %+v", padded)
		}
		if alert.InnerType != inspect.Alert || alert.Verdict != inspect.VerdictResealed {
			t.Errorf("the record with another type is %+v", alert)
		}
		a := session.Connections()[0].Account(inspect.Server, session.Recording().Len())
		if len(a.Heard) != 1 || a.Heard[0].Description != 40 || len(a.Errors) != 1 || !strings.Contains(a.Errors[0].Error.Text, "handshake failure") {
			t.Errorf("the server heard %+v and failed with %v", a.Heard, a.Errors)
		}
		if first, ok := session.Connections()[0].Noticed(session.Recording().Len()); ok {
			t.Errorf("%s noticed a forged alert", first.Side)
		}
	})
}
