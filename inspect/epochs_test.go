package inspect

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// A script is a connection whose peers say what Go's do not: the test seals
// their records itself, under secrets of its own making.
type script struct {
	rec    *Recording
	random [2][]byte
	suite  uint16
	keys   [2]*trafficKey
	seq    [2]uint64
	lost   Side
}

func newScript(suite uint16) *script {
	s := &script{rec: new(Recording), suite: suite}
	s.random[Client], s.random[Server] = []byte(strings.Repeat("c", 32)), []byte(strings.Repeat("s", 32))
	s.rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	return s
}

// log writes a secret of 32 bytes into the key log, if it is to be there, and
// puts that side's records under it.
func (s *script) log(label string, side Side, logged bool) {
	secret := []byte((label + strings.Repeat("k", 32))[:32])
	if logged {
		s.rec.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{
			Origin: FromFile, Label: label, ClientRandom: s.random[Client], Bytes: secret,
		}})
	}
	s.keys[side], s.seq[side] = aeadSuites[s.suite].trafficKey13(secret), 0
}

// master logs a master secret of TLS 1.2 and returns the keys that follow from it.
func (s *script) master(secret string) [2]*trafficKey {
	secret = (secret + strings.Repeat("m", masterSecretLength))[:masterSecretLength]
	s.rec.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{
		Origin: FromFile, Label: "CLIENT_RANDOM", ClientRandom: s.random[Client], Bytes: []byte(secret),
	}})
	return aeadSuites[s.suite].trafficKeys12([]byte(secret), s.random[Client], s.random[Server])
}

// clear sends a record that is not protected.
func (s *script) clear(from Side, kind ContentType, fragment []byte) {
	record := binary.BigEndian.AppendUint16([]byte{byte(kind), 3, 3}, uint16(len(fragment)))
	s.rec.Append(Event{Kind: Captured, Side: from, Cause: -1, Bytes: append(record, fragment...)})
}

// sealed sends a record under the side's key.
func (s *script) sealed(from Side, kind ContentType, content []byte) {
	key := s.keys[from]
	header := []byte{byte(kind), 3, 3}
	var explicit, additional []byte
	if key.tls13 {
		content, header[0] = append(append([]byte(nil), content...), byte(kind)), byte(ApplicationData)
		additional = binary.BigEndian.AppendUint16(header[:3:3], uint16(len(content)+tagLength))
	} else {
		explicit = binary.BigEndian.AppendUint64(nil, s.seq[from])[:key.explicit]
		additional = append(binary.BigEndian.AppendUint64(nil, s.seq[from]), header...)
		additional = binary.BigEndian.AppendUint16(additional, uint16(len(content)))
	}
	fragment := key.aead.Seal(explicit, key.nonce(explicit, s.seq[from]), content, additional)
	s.seq[from]++
	s.clear(from, ContentType(header[0]), fragment)
}

// message is a handshake message without a body that decoding looks at.
func message(kind HandshakeType, body ...byte) []byte {
	return append([]byte{byte(kind), 0, 0, byte(len(body))}, body...)
}

// hello is a ClientHello or ServerHello with the extensions given.
func (s *script) hello(side Side, extensions ...uint16) []byte {
	b := cryptobyte.NewBuilder([]byte{[2]byte{0x01, 0x02}[side]})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(version12)
		b.AddBytes(s.random[side])
		b.AddUint8(0)
		if side == Client {
			b.AddUint16(2)
		}
		b.AddUint16(s.suite)
		if side == Client {
			b.AddUint8(1)
		}
		b.AddUint8(0)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, kind := range extensions {
				b.AddUint16(kind)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
					if kind == extensionSupportedVersions && side == Server {
						b.AddUint16(version13)
					}
				})
			}
		})
	})
	return b.BytesOrPanic()
}

// told says of each record of a side its epoch, its sequence number and what
// is in it, or why that is not known.
func (s *script) told(side Side) string {
	var all []string
	for _, r := range NewSession(s.rec).Connections()[0].View(Client).Records(side) {
		line := r.Epoch.String()
		if r.Encrypted && r.DecidedAt >= 0 {
			line += string(rune('0'+r.TLSSeq)) + " "
		} else {
			line += " "
		}
		for _, part := range r.Parts {
			line += part.Type
		}
		all = append(all, line+r.Why.String())
	}
	return strings.Join(all, "; ")
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", strings.ReplaceAll(got, "; ", "\n"), strings.ReplaceAll(want, "; ", "\n"))
	}
}

func TestEarlyDataIsReadUnderItsOwnKeyUpToEndOfEarlyData(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
	s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, true)
	s.sealed(Client, ApplicationData, []byte("early"))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.sealed(Client, Handshake, message(typeEndOfEarlyData))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.log("CLIENT_TRAFFIC_SECRET_0", Client, true)
	s.sealed(Client, ApplicationData, []byte("late"))
	expect(t, s.told(Client), "clear client_hello; early0 application_data; early1 end_of_early_data; handshake0 finished; application0 application_data")
}

func TestEarlyDataThatIsNotAcceptedEndsWithTheFirstHandshakeRecord(t *testing.T) {
	for _, logged := range []bool{true, false} {
		s := newScript(0x1301)
		s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
		s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, logged)
		if logged {
			s.sealed(Client, ApplicationData, []byte("early"))
		}
		s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
		s.sealed(Client, Handshake, message(typeFinished, 1))
		want := "clear client_hello; early0 application_data; handshake0 finished"
		if !logged { // none was sent
			want = "clear client_hello; handshake0 finished"
		}
		expect(t, s.told(Client), want)
	}
}

func TestEarlyDataWithoutItsSecretWaitsForIt(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
	s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, false)
	s.sealed(Client, ApplicationData, []byte("early"))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	expect(t, s.told(Client), "clear client_hello; unknown no secret for this client random")
}

func TestASecondClientHelloEndsEarlyData(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
	s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, true)
	s.sealed(Client, ApplicationData, []byte("early"))
	random := s.random[Server]
	s.random[Server] = []byte(helloRetryRandom)
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.random[Server] = random
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	s.sealed(Client, Handshake, message(typeFinished, 1))
	expect(t, s.told(Client), "clear client_hello; early0 application_data; clear client_hello; handshake0 finished")
}

func TestAFinishedAfterTheHandshakeChangesNoKeys(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.log("CLIENT_TRAFFIC_SECRET_0", Client, true)
	s.sealed(Client, Handshake, message(typeFinished, 2)) // of a post-handshake authentication
	s.sealed(Client, ApplicationData, []byte("more"))
	expect(t, s.told(Client), "clear client_hello; handshake0 finished; application0 finished; application1 application_data")
}

func TestAClientThatRefusesTheServerHelloInClearHasNoHandshakeKeys(t *testing.T) {
	alert := []byte{2, 47} // illegal_parameter
	for name, test := range map[string]struct {
		refuse func(*script)
		client EpochKind
	}{
		"in clear":             {func(s *script) { s.clear(Client, Alert, alert) }, EpochClear},
		"under handshake keys": {func(s *script) { s.sealed(Client, Alert, alert) }, EpochHandshake},
		"not at all":           {func(*script) {}, EpochHandshake},
	} {
		s := newScript(0x1301)
		s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
		s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		greeted := s.rec.Len() - 1
		s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
		test.refuse(s)
		v := NewSession(s.rec).Connections()[0].View(Client)
		if got := v.State(greeted - 1).Epoch[Server].Kind; got != EpochClear {
			t.Errorf("%s: before the ServerHello the server is in epoch %v", name, got)
		}
		for _, at := range []int{greeted, s.rec.Len() - 1} {
			if got := v.State(at).Epoch; got[Client].Kind != test.client || got[Server].Kind != EpochHandshake {
				t.Errorf("%s: at event %d the epochs are %v", name, at, got)
			}
		}
	}
}

func TestEachRenegotiationBeginsANewEpoch(t *testing.T) {
	for _, suite := range []uint16{0xc02f, 0xcca8} {
		s := newScript(suite)
		s.clear(Client, Handshake, s.hello(Client))
		s.clear(Server, Handshake, s.hello(Server))
		s.clear(Client, ChangeCipherSpec, []byte{1})
		first := s.master("the first master secret")
		s.keys[Client] = first[Client]
		s.sealed(Client, Handshake, message(typeFinished, 1))
		s.clear(Server, ChangeCipherSpec, []byte{1})
		s.keys[Server] = first[Server]
		s.sealed(Server, Handshake, message(typeFinished, 1))

		s.sealed(Server, Handshake, message(0x00)) // hello_request
		s.random[Client], s.random[Server] = []byte(strings.Repeat("C", 32)), []byte(strings.Repeat("S", 32))
		s.sealed(Client, Handshake, s.hello(Client))
		s.sealed(Server, Handshake, s.hello(Server))
		s.sealed(Client, ChangeCipherSpec, []byte{1})
		s.keys[Client], s.seq[Client] = s.master("the second master secret")[Client], 0
		s.sealed(Client, Handshake, message(typeFinished, 1))
		s.sealed(Client, ApplicationData, []byte("more"))
		expect(t, s.told(Client), "clear client_hello; clear change_cipher_spec; application0 finished; "+
			"application1 client_hello; application2 change_cipher_spec; application+10 finished; application+11 application_data")
		expect(t, s.told(Server), "clear server_hello; clear change_cipher_spec; application0 finished; "+
			"application1 hello_request; application2 server_hello")
	}
}

func kinds(fields []Field) string {
	var all []string
	for _, f := range fields {
		all = append(all, strings.TrimPrefix(f.Kind, "record."))
	}
	return strings.Join(all, " ")
}

// What is not known to be in clear is never shown as if it were, and a tag is
// shown only where the suite has one.
func TestARecordThatIsNotReadIsShownAsWhatItCanBe(t *testing.T) {
	const header = "type version length "
	for name, want := range map[string]struct {
		suite   uint16
		version bool // TLS 1.3
		fields  []string
	}{
		"TLS 1.3":            {0x1301, true, []string{header + "handshake", header + "encrypted tag", header + "encrypted tag", header + "change_cipher_spec.type"}},
		"TLS 1.2 AES-GCM":    {0xc02f, false, []string{header + "handshake", header + "change_cipher_spec.type", header + "nonce_explicit encrypted tag", header + "nonce_explicit encrypted tag"}},
		"TLS 1.2 ChaCha20":   {0xcca8, false, []string{header + "handshake", header + "change_cipher_spec.type", header + "encrypted tag", header + "encrypted tag"}},
		"TLS 1.2 CBC":        {0xc013, false, []string{header + "handshake", header + "change_cipher_spec.type", header + "encrypted", header + "encrypted"}},
		"nothing negotiated": {0, false, []string{header + "encrypted"}},
	} {
		s := newScript(want.suite)
		cipher := []byte(strings.Repeat("x", 40))
		switch {
		case want.suite == 0:
			s.clear(Client, ApplicationData, cipher)
		case want.version:
			s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
			s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
			s.clear(Client, ApplicationData, cipher)
			s.clear(Client, ApplicationData, cipher)
			s.clear(Client, ChangeCipherSpec, []byte{1})
		default:
			s.clear(Client, Handshake, s.hello(Client))
			s.clear(Server, Handshake, s.hello(Server))
			s.clear(Client, ChangeCipherSpec, []byte{1})
			s.clear(Client, Handshake, cipher)
			s.clear(Client, ApplicationData, cipher)
		}
		records := NewSession(s.rec).Connections()[0].View(Client).Records(Client)
		if len(records) != len(want.fields) {
			t.Fatalf("%s: %d records", name, len(records))
		}
		for i, r := range records {
			if got := strings.Replace(kinds(r.Fields().Children), header+"handshake", header+"handshake", 1); got != want.fields[i] {
				t.Errorf("%s: record %d is shown as %s, not as %s", name, i, got, want.fields[i])
			}
		}
	}
}

func TestAMessageIsCitedFromItsOwnVersionsStandard(t *testing.T) {
	for _, want := range []struct {
		version, suite uint16
		kind           HandshakeType
		rfc            string
	}{
		{version13, 0x1301, typeFinished, "RFC 8446 section 4.4.4"},
		{version12, 0xc02f, typeFinished, "RFC 5246 section 7.4.9"},
		{version12, 0xc02f, typeNewSessionTicket, "RFC 5077 section 3.3"},
		{version12, 0xc02f, typeCertificate, "RFC 5246 section 7.4.2"},
		{version12, 0xc02f, 0x0f, "RFC 5246 section 7.4.8"},
		{version13, 0x1301, 0x0f, "RFC 8446 section 4.4.3"},
		{version12, 0x009e, typeServerKeyExchange, "RFC 5246 section 7.4.3"},
		{version12, 0xc02f, 0x10, "RFC 8422 section 5.7"},
	} {
		m := &Message{Type: want.kind, Bytes: message(want.kind), version: want.version, suite: want.suite}
		if got := m.Fields().RFC; got != want.rfc {
			t.Errorf("%s of version 0x%04x: %s, not %s", want.kind, want.version, got, want.rfc)
		}
	}
}

// A PSK identity hint, or a prime, of some 800 bytes has a length that begins
// like a named curve does.
func TestARecordHeaderIsCitedFromTheVersionAgreedOnAndBeforeThatFromBoth(t *testing.T) {
	const both = "RFC 8446 section 5.1, RFC 5246 section 6.2.1"
	for suite, want := range map[uint16]string{0x1301: "RFC 8446 section 5.1", 0xc02f: "RFC 5246 section 6.2.1"} {
		s := newScript(suite)
		s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
		if suite == 0x1301 {
			s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		} else {
			s.clear(Server, Handshake, s.hello(Server))
		}
		s.clear(Client, ChangeCipherSpec, []byte{1})
		for i, want := range []string{both, want} {
			record := NewSession(s.rec).conns[0].views[Client].lanes[Client].records[i]
			draft, err := record.Draft()
			if err != nil {
				t.Fatal(err)
			}
			for what, tree := range map[string]Field{"record": record.Fields(), "draft": draft.Fields} {
				if got := tree.Children[0].RFC; got != want {
					t.Errorf("%04x, the header of %s %d: %s", suite, what, i, got)
				}
			}
		}
	}
}

func TestOnlyTheKeyExchangesOfRFC8422NameACurve(t *testing.T) {
	body := append([]byte{0x03, 0x00}, make([]byte, 0x300)...)
	b := cryptobyte.NewBuilder([]byte{byte(typeServerKeyExchange)})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body) })
	for _, suite := range []uint16{0x009e, 0xc035, 0x1234} { // DHE_RSA, ECDHE_PSK, one without a name
		m := &Message{Type: typeServerKeyExchange, Bytes: b.BytesOrPanic(), version: version12, suite: suite}
		if f, found := m.Fields().Find("server_key_exchange.namedcurve"); found {
			t.Errorf("0x%04x: %+v", suite, f)
		}
	}
}

// Both sides update again and again, each in its own time; the other one's keys
// are not touched.
func TestKeysAreUpdatedOnBothSidesAnyNumberOfTimes(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	for side, name := range []string{"CLIENT", "SERVER"} {
		s.log(name+"_HANDSHAKE_TRAFFIC_SECRET", Side(side), true)
		s.sealed(Side(side), Handshake, message(typeFinished, 1))
		s.log(name+"_TRAFFIC_SECRET_0", Side(side), true)
	}
	updates := [2]int{12, 30}
	for n := range max(updates[Client], updates[Server]) {
		for _, side := range []Side{Server, Client} {
			if n < updates[side] {
				s.sealed(side, Handshake, message(typeKeyUpdate, byte(n%2)))
				s.keys[side], s.seq[side] = s.keys[side].update(), 0
			}
			s.sealed(side, ApplicationData, []byte("more"))
			s.sealed(side, ApplicationData, []byte("and more"))
		}
	}
	view := NewSession(s.rec).Connections()[0].View(Client)
	for _, side := range []Side{Client, Server} {
		for _, r := range view.Records(side)[2:] {
			if !r.Decrypted {
				t.Fatalf("%s record %d: %s", side, r.Seq, r.Why)
			}
		}
		if got := view.state().Epoch[side]; got != (Epoch{EpochApplication, updates[side]}) {
			t.Errorf("after %d updates the %s is in epoch %s", updates[side], side, got)
		}
	}
}

// After a change to the ClientHello both ends have secrets of their own, under
// one random. Each view is read by those of its own endpoint.
func TestTwoSecretsUnderOneRandomAreToldApartByTheTag(t *testing.T) {
	for _, late := range []bool{false, true} { // the client's comes behind what it cannot read
		twoSecrets(t, late)
	}
}

func twoSecrets(t *testing.T, late bool) {
	s := newScript(0x1301)
	s.rec = new(Recording)
	s.rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls", Gated: true, Ours: [2]bool{true, true}}})
	forward := func(index int) { s.rec.Append(Event{Kind: Forwarded, Side: s.rec.At(index).Side, Cause: index}) }
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	forward(s.rec.Len() - 1)
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	forward(s.rec.Len() - 1)
	var keys [2]*trafficKey
	log := func(knower Side) {
		secret := []byte(strings.Repeat(knower.String(), 8)[:32])
		keys[knower] = aeadSuites[s.suite].trafficKey13(secret)
		s.rec.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{
			Origin: ClientLog + Origin(knower), Label: "SERVER_HANDSHAKE_TRAFFIC_SECRET", ClientRandom: s.random[Client], Bytes: secret,
		}})
	}
	log(Server)
	if !late {
		log(Client)
	}
	s.keys[Server] = keys[Server]
	s.sealed(Server, Handshake, message(typeEncryptedExtensions, 0, 0))
	forward(s.rec.Len() - 1)
	if late {
		log(Client)
	}
	views := NewSession(s.rec).Connections()[0].views
	if r := views[Server].Records(Server)[1]; !r.Decrypted || r.key.origin != ServerLog {
		t.Errorf("in the server's own view: %s", r.Why)
	}
	if r := views[Client].Records(Server)[1]; r.Decrypted || r.Why != WhyTag {
		t.Errorf("the client could not read it, but in its view: %s", r.Why)
	}
	for side, want := range []Origin{ClientLog, ServerLog} {
		for _, value := range views[side].Schedule() {
			if value.Name == "server_handshake_traffic_secret" && (value.Origin != want || string(value.Bytes) != string(keys[side].secret)) {
				t.Errorf("the %s's schedule has the secret from %s", Side(side), value.Origin)
			}
		}
	}
}

func TestAServerThatChoosesWhatWasNotOfferedIsRefuted(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client)) // up to TLS 1.2
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	proofs := NewSession(s.rec).conns[0].views[Client].Verifications()
	if len(proofs) != 1 || proofs[0].Outcome != Refuted || proofs[0].Because.String() != "the server chose TLS 1.3, which the client did not offer" {
		t.Errorf("%+v", proofs)
	}
}

func TestOfAServerHelloThatIsCutNothingIsProved(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, message(typeServerHello, 3, 3))
	proofs := NewSession(s.rec).conns[0].views[Client].Verifications()
	if len(proofs) != 1 || proofs[0].Outcome != NotCheckable || proofs[0].Because.Key != "unparsed" {
		t.Errorf("%+v", proofs)
	}
}

// The log of a server that refuses early data lacks its secret, and half a log may. What
// the client says behind it is read all the same, whenever the secrets come.
func TestWhatFollowsEarlyDataIsReadWithoutItsSecret(t *testing.T) {
	for _, late := range []bool{false, true} {
		for _, answer := range []string{"refused", "accepted", "retry"} {
			s := newScript(0x1301)
			s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
			s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, false)
			s.sealed(Client, ApplicationData, []byte("early"))
			s.sealed(Client, ApplicationData, []byte("more"))
			if answer == "retry" {
				random := s.random[Server]
				s.random[Server] = []byte(helloRetryRandom)
				s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
				s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
				s.random[Server] = random
			}
			s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
			s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, true)
			extensions := message(typeEncryptedExtensions, 0, 0)
			if answer == "accepted" {
				extensions = message(typeEncryptedExtensions, 0, 4, 0, extensionEarlyData, 0, 0)
			}
			s.sealed(Server, Handshake, extensions)
			s.sealed(Server, Handshake, message(typeFinished, make([]byte, 32)...))
			s.clear(Client, ChangeCipherSpec, []byte{1})
			s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, !late)
			s.sealed(Client, Handshake, message(typeFinished, make([]byte, 32)...))
			s.log("CLIENT_TRAFFIC_SECRET_0", Client, !late)
			s.sealed(Client, ApplicationData, []byte("said"))
			s.sealed(Client, Alert, []byte{1, 0})
			if late {
				s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
				s.log("CLIENT_TRAFFIC_SECRET_0", Client, true)
			}
			lacks := " of this connection's secrets, the recording lacks CLIENT_EARLY_TRAFFIC_SECRET (client random " + fmt.Sprintf("%x", s.random[Client]) + ")"
			want := "clear client_hello; early0" + lacks + "; early1" + lacks + "; "
			if answer == "retry" {
				want += "clear client_hello; "
			}
			want += "clear change_cipher_spec; handshake0 finished; application0 application_data; application1 alert"
			expect(t, strings.ReplaceAll(s.told(Client), WhyNoSecret.String(), lacks[1:]), want)
			v := NewSession(s.rec).Connections()[0].View(Client)
			for _, r := range v.Records(Client) {
				if got := r.Reason().String(); r.Epoch.Kind == EpochEarly && got != lacks[1:] {
					t.Errorf("%s: of record %d it says: %s", answer, r.Seq, got)
				}
			}
			// EndOfEarlyData, which the Finished covers, is sent only where early data is accepted.
			for _, c := range v.Verifications() {
				closed := c.Because.Key == "messages_closed"
				if c.Kind == "finished" && c.Message.Side == Client && closed != (answer == "accepted") {
					t.Errorf("%s: the client's Finished is %s: %s", answer, c.Outcome, c.Because)
				}
			}
		}
	}
}

// Secrets that come together may come in any order.
func TestEarlyDataIsReadThoughItsSecretComesBehindTheOthers(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
	s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, false)
	s.sealed(Client, ApplicationData, []byte("early"))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, false)
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, true)
	expect(t, s.told(Client), "clear client_hello; early0 application_data; handshake0 finished")
}
