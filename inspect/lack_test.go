package inspect

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhichSecretOfAConnectionIsMissingIsSaid(t *testing.T) {
	random := fmt.Sprintf("%x", strings.Repeat("c", 32))
	const other = "dddddddddddddddddddddddddddddddd"
	for name, test := range map[string]struct {
		suite   uint16
		secrets []LoggedSecret
		want    string
	}{
		"none at all":         {0x1301, nil, "no secret for this client random"},
		"a label of nobody's": {0x1301, []LoggedSecret{{Label: "FUTURE_LABEL", ClientRandom: []byte(other), Bytes: make([]byte, 32)}}, "no secret for this client random"},
		"of another connection": {
			0x1301,
			[]LoggedSecret{{Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", ClientRandom: []byte(other), Bytes: make([]byte, 32)}},
			"the secrets in the recording are of other connections; of this one it lacks SERVER_HANDSHAKE_TRAFFIC_SECRET, SERVER_TRAFFIC_SECRET_0 (client random " + random + ")",
		},
		"of another connection, TLS 1.2": {
			0xc02f,
			[]LoggedSecret{{Label: "CLIENT_RANDOM", ClientRandom: []byte(other), Bytes: make([]byte, 48)}},
			"the secrets in the recording are of other connections; of this one it lacks CLIENT_RANDOM (client random " + random + ")",
		},
		"half of them": {
			0x1301,
			[]LoggedSecret{{Label: "SERVER_TRAFFIC_SECRET_0", Bytes: make([]byte, 32)}, {Label: "CLIENT_HANDSHAKE_TRAFFIC_SECRET", Bytes: make([]byte, 32)}},
			"of this connection's secrets, the recording lacks SERVER_HANDSHAKE_TRAFFIC_SECRET (client random " + random + ")",
		},
		"too short": {
			0x1301,
			[]LoggedSecret{{Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", Bytes: make([]byte, 31), Line: 7}},
			"its SERVER_HANDSHAKE_TRAFFIC_SECRET has 31 bytes, where 32 belong: line 7 of the key log",
		},
		"too long, from a block": {
			0x1301,
			[]LoggedSecret{{Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", Bytes: make([]byte, 48)}},
			"its SERVER_HANDSHAKE_TRAFFIC_SECRET in the recording has 48 bytes, where 32 belong",
		},
		"too short, SHA-384": {
			0x1302,
			[]LoggedSecret{{Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", Bytes: make([]byte, 32), Line: 1}},
			"its SERVER_HANDSHAKE_TRAFFIC_SECRET has 32 bytes, where 48 belong: line 1 of the key log",
		},
		"too short, TLS 1.2": {
			0xc02f,
			[]LoggedSecret{{Label: "CLIENT_RANDOM", Bytes: make([]byte, 47), Line: 2}},
			"its CLIENT_RANDOM has 47 bytes, where 48 belong: line 2 of the key log",
		},
		"another length beside the right one": {
			0x1301,
			[]LoggedSecret{{Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", Bytes: make([]byte, 31), Line: 7}, {Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", Bytes: make([]byte, 32)}},
			"the tag does not verify",
		},
	} {
		s := newScript(test.suite)
		for _, secret := range test.secrets {
			if secret.Origin = FromFile; secret.ClientRandom == nil {
				secret.ClientRandom = s.random[Client]
			}
			s.rec.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &secret})
		}
		var extensions []uint16
		if test.suite < 0x1400 {
			extensions = []uint16{extensionSupportedVersions}
		}
		s.clear(Client, Handshake, s.hello(Client, extensions...))
		s.clear(Server, Handshake, s.hello(Server, extensions...))
		if extensions == nil {
			s.clear(Server, ChangeCipherSpec, []byte{1})
		}
		for range 2 {
			s.clear(Server, ApplicationData, cipherText)
		}
		for _, r := range NewSession(s.rec).Connections()[0].View(Server).Records(Server) {
			if got := r.Reason().String(); r.Type == ApplicationData && got != test.want {
				t.Errorf("%s: record %d: %s", name, r.Seq, got)
			}
		}
	}
}

func TestOfMessagesThatAreThereNobodyIsToldThatTheyAreMissing(t *testing.T) {
	for name, want := range map[string]string{"closed": "messages_closed", "missing": "messages", "some closed, some missing": "messages_lacking"} {
		s := newScript(0x1301)
		s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
		s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, name == "missing")
		if name != "closed" {
			s.sealed(Server, Handshake, message(typeEncryptedExtensions, 0, 0))
			s.lose(1, 0)
		}
		s.sealed(Server, Handshake, message(typeCertificate, 0, 0, 0, 0))
		s.sealed(Server, Handshake, message(typeFinished, make([]byte, 32)...))
		s.clear(Server, ApplicationData, cipherText) // which no proof covers
		s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
		s.sealed(Client, Handshake, message(typeFinished, make([]byte, 32)...))
		found := false
		for _, c := range NewSession(s.rec).Connections()[0].View(Client).Verifications() {
			if c.Kind != "finished" || c.Message.Side != Client {
				continue
			}
			if found = true; c.Outcome != NotCheckable || c.Because.Key != want {
				t.Errorf("%s: the client's Finished is %s: %s", name, c.Outcome, c.Because.Key)
			}
		}
		if !found {
			t.Errorf("%s: there is no Finished", name)
		}
	}
}
