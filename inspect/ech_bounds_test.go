package inspect

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// Whoever makes up many hellos and many secrets gets no more than so many tries: each would fit each.
func TestManyHellosAndManySecretsAreTriedABoundedNumberOfTimes(t *testing.T) {
	const connections, secrets = 400, 400
	s := newScript(0x1301)
	for i := range connections {
		b := cryptobyte.NewBuilder([]byte{byte(typeClientHello)})
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			body := innerBody("", sealedMark, versions13)
			binary.BigEndian.PutUint32(body[2:], uint32(i)) // a random of its own
			b.AddBytes(body)
		})
		if i > 0 {
			s.rec.Append(Event{Kind: Opened, Conn: i, Cause: -1, Opening: &Opening{Protocol: "tls"}})
		}
		clear := func(side Side, kind ContentType, fragment []byte) {
			record := binary.BigEndian.AppendUint16([]byte{byte(kind), 3, 3}, uint16(len(fragment)))
			s.rec.Append(Event{Kind: Captured, Conn: i, Side: side, Cause: -1, Bytes: append(record, fragment...)})
		}
		clear(Client, Handshake, b.BytesOrPanic())
		clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		clear(Server, ApplicationData, make([]byte, 40))
	}
	logged := func(label string, identifier, secret []byte) {
		s.rec.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{Origin: FromFile, Label: label, ClientRandom: identifier, Bytes: secret}})
	}
	for i := range secrets {
		logged("SERVER_HANDSHAKE_TRAFFIC_SECRET", fmt.Appendf(nil, "%032d", i), make([]byte, 32))
		config := append([]byte{0xfe, 0x0d, 0x00, 0x05, 0x07, 0x00, 0x20}, byte(i>>8), byte(i)) // too short for one, and read no further
		logged(LabelECHKey, config, make([]byte, 32))
	}
	session := NewSession(s.rec)
	if session.strangers.tries != 0 || session.echTries != 0 || len(session.seeking) != 0 {
		t.Errorf("%d and %d tries are left, %d connections are still looking", session.strangers.tries, session.echTries, len(session.seeking))
	}
	for _, c := range session.Connections() {
		if state := c.View(Client).State(s.rec.Len() - 1); state.ECH != ECHOffered {
			t.Fatalf("ECH %s", state.ECH)
		}
	}
}
