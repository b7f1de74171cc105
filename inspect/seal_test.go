package inspect

import (
	"bytes"
	"strings"
	"testing"
)

// parts says of each value of a record's protection whether it is known.
func parts(r *Record) string {
	var all []string
	for _, value := range r.Protection() {
		state := value.Missing
		if value.Bytes != nil {
			state = "known"
		}
		all = append(all, value.Name+" "+state)
	}
	return strings.Join(all, "; ")
}

func TestOfARecordThatWaitsForItsSecretTheAdditionalDataIsKnown(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, false)
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.sealed(Client, ApplicationData, []byte("more"))
	records := NewSession(s.rec).Connections()[0].View(Client).Records(Client)
	const no = "no secret for this client random"
	expect(t, parts(records[1]), "client_handshake_traffic_secret an input is not known; "+
		"[sender]_write_key (from client_handshake_traffic_secret) an input is not known; "+
		"[sender]_write_iv (from client_handshake_traffic_secret) an input is not known; "+
		"sequence number known; nonce "+no+"; additional_data known; TLSInnerPlaintext "+no)
	expect(t, parts(records[2]), "sequence number "+no+"; nonce "+no+"; additional_data known; TLSInnerPlaintext "+no)
}

func TestARecordWhoseTagDoesNotVerifyShowsWhatItsReceiverUsed(t *testing.T) {
	for _, suite := range []uint16{0x1301, 0xc02f, 0xcca8} {
		s := newScript(suite)
		extensions := []uint16{extensionSupportedVersions}
		if suite != 0x1301 {
			extensions = nil
		}
		s.clear(Client, Handshake, s.hello(Client, extensions...))
		s.clear(Server, Handshake, s.hello(Server, extensions...))
		if suite == 0x1301 {
			s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
		} else {
			s.clear(Client, ChangeCipherSpec, []byte{1})
			s.keys[Client] = s.master("the master secret")[Client]
		}
		s.clear(Client, ApplicationData, bytes.Repeat([]byte{1}, 40))
		records := NewSession(s.rec).Connections()[0].View(Client).Records(Client)
		r := records[len(records)-1]
		for _, value := range r.Protection() {
			if known := value.Bytes != nil; known == (value.Kind == "protection.plaintext") {
				t.Errorf("0x%04x: %s: known %v, missing %q", suite, value.Name, known, value.Missing)
			}
			if value.Kind == "protection.plaintext" && value.Missing != "the tag does not verify" {
				t.Errorf("0x%04x: the plain text is missing since %q", suite, value.Missing)
			}
		}
		if len(r.Protection()) < 6 {
			t.Errorf("0x%04x: %s", suite, parts(r))
		}
	}
}

func TestARecordAfterAKeyUpdateIsSealedWithTheNextGenerationsSecret(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, true)
	s.sealed(Server, Handshake, message(typeFinished, 1))
	s.log("SERVER_TRAFFIC_SECRET_0", Server, true)
	for range 2 {
		s.sealed(Server, Handshake, message(typeKeyUpdate, 0))
		s.keys[Server], s.seq[Server] = s.keys[Server].update(), 0
		s.sealed(Server, ApplicationData, []byte("more"))
	}
	records := NewSession(s.rec).Connections()[0].View(Client).Records(Server)
	secret := records[len(records)-1].Protection()[0]
	if secret.Name != "server_application_traffic_secret_2" || secret.Inputs[0].Name != "server_application_traffic_secret_1" ||
		!bytes.Equal(secret.Bytes, s.keys[Server].secret) || secret.Command == "" {
		t.Errorf("the secret is %+v, not the second update's, %x", secret, s.keys[Server].secret)
	}
}

// After a renegotiation the randoms have changed, and with them the key block;
// the records before it keep theirs.
func TestARenegotiationLeavesTheEarlierRecordsTheirKeys(t *testing.T) {
	s := newScript(0xc02f)
	s.clear(Client, Handshake, s.hello(Client))
	s.clear(Server, Handshake, s.hello(Server))
	s.clear(Client, ChangeCipherSpec, []byte{1})
	first := s.master("the first master secret")[Client]
	s.keys[Client] = first
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.clear(Server, ChangeCipherSpec, []byte{1})
	s.keys[Server] = s.master("the first master secret")[Server]
	s.random[Client], s.random[Server] = []byte(strings.Repeat("C", 32)), []byte(strings.Repeat("S", 32))
	s.sealed(Client, Handshake, s.hello(Client))
	s.sealed(Server, Handshake, s.hello(Server))
	records := NewSession(s.rec).Connections()[0].View(Client).Records(Client)
	shown := 0
	for _, value := range records[2].Protection() {
		if value.Kind == "schedule.client_write_key" {
			if shown++; !bytes.Equal(value.Bytes, first.key) {
				t.Errorf("the first key is %x, but %x is shown", first.key, value.Bytes)
			}
		}
	}
	if shown != 1 {
		t.Errorf("%d keys are shown", shown)
	}
	if last := records[3]; !last.Decrypted {
		t.Fatal("the second ClientHello was not read")
	}
}
