package inspect_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/needs"
)

func named(t *testing.T, values []inspect.Value, name string) inspect.Value {
	t.Helper()
	for _, value := range values {
		if value.Name == name {
			return value
		}
	}
	t.Fatalf("there is no %s", name)
	return inspect.Value{}
}

// The Finished, the binders and the tickets are on the wire: what the schedule
// computes must be what crossed.
func TestTheScheduleEndsInWhatCrossedTheWire(t *testing.T) {
	recording := new(inspect.Recording)
	inspect.PlayTrace(t, recording, "1-rtt")
	inspect.PlayTrace(t, recording, "0-rtt")
	session := inspect.NewSession(recording)
	for _, c := range session.Connections() {
		view := c.View(inspect.Client)
		values := view.Schedule()
		for _, m := range view.Messages() {
			if m.Name() == "finished" {
				if got := named(t, values, "verify_data ("+m.Side.String()+")"); !bytes.Equal(got.Bytes, m.Bytes[4:]) {
					t.Errorf("%s is %x (%s), but %x was sent", got.Name, got.Bytes, got.Missing, m.Bytes[4:])
				}
			}
		}
	}
	ticket := named(t, session.Connections()[0].View(inspect.Client).Schedule(), "PSK (of ticket 1)")
	resumed := session.Connections()[1].View(inspect.Client)
	if psk := named(t, resumed.Schedule(), "PSK"); !bytes.Equal(ticket.Bytes, psk.Bytes) || ticket.Bytes == nil {
		t.Errorf("the ticket stands for %x, but the session was resumed with %x", ticket.Bytes, psk.Bytes)
	}
	hello := resumed.Messages()[0].Bytes
	if binder := named(t, resumed.Schedule(), "binder"); !bytes.HasSuffix(hello, binder.Bytes) || binder.Bytes == nil {
		t.Errorf("the binder is %x, but the ClientHello ends in %x", binder.Bytes, hello[len(hello)-32:])
	}
}

// A server without the ticket's key refuses the PSK: what comes from the offer
// is told apart from the schedule of the session.
func TestAnOfferThatWasRefusedHasNamesOfItsOwn(t *testing.T) {
	client, server := configs(t)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	c, s = tap.Pipe(client, server.Clone()) // with ticket keys of its own
	converse(t, c, s, "hello\n")
	tap.Close()
	view := inspect.NewSession(tap.Recording()).Connections()[1].View(inspect.Client)
	if view.State(1 << 30).Resumed {
		t.Fatal("the session was resumed")
	}
	values := view.Schedule()
	if psk := named(t, values, "PSK"); !bytes.Equal(psk.Bytes, make([]byte, len(psk.Bytes))) {
		t.Errorf("no PSK was agreed on, but it is %x", psk.Bytes)
	}
	offered, binder := named(t, values, "PSK (offered)"), named(t, values, "binder (offered)")
	if offered.Origin != inspect.FromCache || bytes.Equal(offered.Bytes, make([]byte, len(offered.Bytes))) {
		t.Errorf("the PSK that was offered is %x, from %s", offered.Bytes, offered.Origin)
	}
	if hello := view.Messages()[0].Bytes; !bytes.HasSuffix(hello, binder.Bytes) || binder.Bytes == nil {
		t.Errorf("the binder is %x, but the ClientHello ends in %x", binder.Bytes, hello[len(hello)-32:])
	}
	if early := named(t, values, "client_early_traffic_secret"); early.Inputs[0].Name != "early_secret (offered)" ||
		!bytes.Equal(early.Inputs[0].Bytes, named(t, values, "early_secret (offered)").Bytes) {
		t.Errorf("client_early_traffic_secret comes from %s", early.Inputs[0].Name)
	}
}

func TestEachKeyUpdateStandsInTheSchedule(t *testing.T) {
	needs.Program(t, "openssl")
	values := inspect.UpdatedSchedule(3, 5)
	for side, updates := range []int{3, 5} {
		for n := range updates + 2 {
			name := fmt.Sprintf("%s_application_traffic_secret_%d", inspect.Side(side), n)
			count := 0
			for _, value := range values {
				if value.Name == name || strings.HasSuffix(value.Name, "(from "+name+")") {
					count++
				}
			}
			if want := 3; n <= updates && count != want || n > updates && count != 0 {
				t.Errorf("%d values of %s", count, name)
			}
		}
	}
	reproduce(t, values, 30)
}

func TestTheMasterSecretOfTLS12SaysHowItIsMade(t *testing.T) {
	client, server := configs(t)
	client.MaxVersion = tls.VersionTLS12
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	values := inspect.NewSession(tap.Recording()).Connections()[0].View(inspect.Client).Schedule()
	if master := named(t, values, "master_secret"); master.Formula != `PRF(pre_master_secret, "extended master secret", session_hash)` || master.RFC != "RFC 7627 section 4" {
		t.Errorf("the master secret is %s (%s)", master.Formula, master.RFC)
	}
	if hash := named(t, values, "session_hash"); hash.Bytes == nil || hash.Covers[len(hash.Covers)-1].Name() != "client_key_exchange" {
		t.Errorf("the session hash is %+v", hash)
	}
}
