package inspect

import (
	"strings"
	"testing"
)

const (
	handshakeGain   = "handshake_secret client_handshake_traffic_secret server_handshake_traffic_secret master_secret"
	applicationGain = "client_application_traffic_secret_0 server_application_traffic_secret_0 exporter_master_secret"
)

func TestWhatEachSideCanComputeFollowsFromTheMessages(t *testing.T) {
	for name, want := range map[string][2][]string{
		"1-rtt": {
			{"server_hello: " + handshakeGain, "finished: " + applicationGain, "finished: resumption_master_secret", "new_session_ticket: PSK"},
			{"server_hello: " + handshakeGain, "finished: " + applicationGain, "finished: resumption_master_secret", "new_session_ticket: PSK"},
		},
		"0-rtt": {
			{"client_hello: early_secret client_early_traffic_secret", "server_hello: " + handshakeGain, "finished: " + applicationGain, "finished: resumption_master_secret"},
			{"server_hello: early_secret client_early_traffic_secret " + handshakeGain, "finished: " + applicationGain, "finished: resumption_master_secret"},
		},
		"hello-retry-request": {
			{"server_hello: " + handshakeGain, "finished: " + applicationGain, "finished: resumption_master_secret"},
			{"server_hello: " + handshakeGain, "finished: " + applicationGain, "finished: resumption_master_secret"},
		},
	} {
		names := []string{name}
		if name == "0-rtt" {
			names = []string{"1-rtt", name}
		}
		session := NewSession(traces(t, names...))
		for _, side := range []Side{Client, Server} {
			gainsAre(t, session.conns[len(session.conns)-1].views[side], side, want[side])
		}
	}
}

func TestInTLS12TheMasterSecretComesWithTheClientKeyExchange(t *testing.T) {
	s := newScript(0xc02f)
	s.clear(Client, Handshake, s.hello(Client))
	s.clear(Server, Handshake, s.hello(Server))
	s.clear(Server, Handshake, message(typeServerHelloDone))
	s.clear(Client, Handshake, message(typeClientKeyExchange, 0))
	for _, side := range []Side{Client, Server} {
		gainsAre(t, NewSession(s.rec).conns[0].views[side], side, []string{"client_key_exchange: pre_master_secret master_secret key_block"})
	}
}

func TestAResumedTLS12SessionHasItsMasterSecretFromTheServerHelloOn(t *testing.T) {
	s := newScript(0xc02f)
	id := []byte{4, 'i', 'd', 'i', 'd'}
	for _, side := range []Side{Client, Server} {
		hello := s.hello(side)
		hello = append(append(hello[:4+2+32:4+2+32], id...), hello[4+2+32+1:]...)
		hello[3] += byte(len(id) - 1)
		s.clear(side, Handshake, hello)
	}
	gainsAre(t, NewSession(s.rec).conns[0].views[Client], Client, []string{"server_hello: master_secret key_block"})
}

func gainsAre(t *testing.T, v *View, side Side, want []string) {
	t.Helper()
	var got []string
	for _, g := range v.Gains(side) {
		got = append(got, g.Message.Name()+": "+strings.Join(g.Secrets, " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the %s learns\n%s\nwant\n%s", side, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
