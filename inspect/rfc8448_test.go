package inspect

import (
	"bufio"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// PlayTrace is playTrace for the tests from outside.
var PlayTrace = playTrace

// playTrace appends a trace of RFC 8448 to a recording: its records, and the
// private keys that the RFC prints.
func playTrace(t testing.TB, r *Recording, name string) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "rfc8448", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	conn := r.conns
	r.Append(Event{Kind: Opened, Conn: conn, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	var random []byte
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		what, digits, ok := strings.Cut(lines.Text(), " ")
		if !ok || what == "#" {
			continue
		}
		value, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		secret := func(label string) {
			r.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{Origin: FromFile, Label: label, ClientRandom: random, Bytes: value}})
		}
		switch what {
		case "client_random":
			random = value
		case "client_private_key":
			secret(LabelClientEphemeral)
		case "server_private_key":
			secret(LabelServerEphemeral)
		case "client", "server":
			r.Append(Event{Kind: Captured, Conn: conn, Side: Side(slices.Index([]string{"client", "server"}, what)), Cause: -1, Bytes: value})
		}
	}
}

func TestEveryRecordOfRFC8448IsDecryptedFromThePrivateKeysAlone(t *testing.T) {
	for _, names := range [][]string{{"1-rtt"}, {"1-rtt", "0-rtt"}, {"hello-retry-request"}, {"client-authentication"}, {"middlebox"}} {
		t.Run(names[len(names)-1], func(t *testing.T) {
			recording := new(Recording)
			for _, name := range names {
				playTrace(t, recording, name)
			}
			session := NewSession(recording)
			protected := 0
			for r := range session.Records() {
				if r.Type == ApplicationData {
					protected++
					if !r.Decrypted {
						t.Errorf("connection %d, %s record %d: %s (%s)", r.Conn, r.Side, r.Seq, r.Why, r.Epoch)
					}
				}
			}
			if protected < 4 {
				t.Errorf("only %d protected records", protected)
			}
		})
	}
}

// The secrets that RFC 8448 section 3 prints, and the PSK of section 4.
var printed = map[string]string{
	"early":                               "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a",
	"shared":                              "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d",
	"handshake":                           "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac",
	"master":                              "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919",
	"client_handshake_traffic_secret":     "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
	"server_handshake_traffic_secret":     "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
	"client_application_traffic_secret_0": "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
	"server_application_traffic_secret_0": "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
	"exporter_master_secret":              "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50",
	"resumption_master_secret":            "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c",
}

func TestTheKeyScheduleOfRFC8448IsReproduced(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "1-rtt")
	playTrace(t, recording, "0-rtt")
	session := NewSession(recording)
	view := session.conns[0].views[Client]
	trunk, ok := view.top()
	if !ok {
		t.Fatal("the trunk cannot be computed")
	}
	got := map[string][]byte{"early": trunk.early, "shared": trunk.shared, "handshake": trunk.handshake, "master": trunk.master}
	for _, b := range branches13 {
		got[b.standard] = view.derived(b)
	}
	for name, want := range printed {
		if hex.EncodeToString(got[name]) != want {
			t.Errorf("%s: got %x, want %s", name, got[name], want)
		}
	}
	second := session.conns[1].views[Client]
	psk, _ := session.psk(string(second.chosen))
	if got, want := hex.EncodeToString(psk), "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3"; got != want {
		t.Errorf("the PSK of section 4: got %s, want %s", got, want)
	}
}

// Only a recording that lies can say so, but it must not do harm.
func TestASessionThatGaveItselfItsOwnTicketHasNoKnownPSK(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "1-rtt")
	playTrace(t, recording, "0-rtt")
	session := NewSession(recording)
	view := session.conns[1].views[Client]
	session.tickets[string(view.chosen)] = &ticket{view: view, nonce: []byte{0}}
	if psk, origin := session.psk(string(view.chosen)); psk != nil {
		t.Errorf("the key is %x, from %s", psk, origin)
	}
}

func TestEveryProofOfRFC8448IsVerified(t *testing.T) {
	for _, names := range [][]string{{"1-rtt"}, {"1-rtt", "0-rtt"}, {"hello-retry-request"}, {"client-authentication"}, {"middlebox"}} {
		t.Run(names[len(names)-1], func(t *testing.T) {
			recording := new(Recording)
			for _, name := range names {
				playTrace(t, recording, name)
			}
			session := NewSession(recording)
			all := session.conns[len(session.conns)-1].views[Client].Verifications()
			if len(all) < 2 {
				t.Errorf("only %d proofs", len(all))
			}
			for _, c := range all {
				switch c.Kind {
				case "certificate_chain": // the RFC says nothing of roots
					if c.Because.Key != "no_roots" {
						t.Errorf("%s's chain: %s: %s", c.Message.Side, c.Outcome, c.Reason)
					}
				case "downgrade_sentinel":
					if c.Outcome != NotApplicable {
						t.Errorf("the sign of a downgrade: %s: %s", c.Outcome, c.Reason)
					}
				default:
					if c.Outcome == Verified {
						continue
					}
					t.Errorf("%s %s: %s: %s\ngot  %x\nwant %x", c.Message.Side, c.Kind, c.Outcome, c.Reason, c.Got, c.Want)
				}
			}
		})
	}
}

func TestTheScheduleShowsWhatRFC8448Prints(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "1-rtt")
	got := make(map[string]string)
	for _, value := range NewSession(recording).conns[0].views[Client].Schedule() {
		got[value.Name] = hex.EncodeToString(value.Bytes)
	}
	names := map[string]string{"early": "early_secret", "shared": "(EC)DHE shared secret", "handshake": "handshake_secret", "master": "master_secret"}
	for name, want := range printed {
		if long := names[name]; long != "" {
			name = long
		}
		if got[name] != want {
			t.Errorf("%s: got %s, want %s", name, got[name], want)
		}
	}
}
