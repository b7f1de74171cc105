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

// printed returns the values that RFC 8448 prints of a trace, by name.
func printed(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rfc8448", name+".values"))
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); line[0] != '#' {
			values[line[:at]] = strings.TrimSpace(line[at+1:])
		}
	}
	return values
}

func TestTheScheduleShowsWhatRFC8448Prints(t *testing.T) {
	for _, names := range [][]string{{"1-rtt"}, {"1-rtt", "0-rtt"}, {"hello-retry-request"}, {"client-authentication"}, {"middlebox"}} {
		recording := new(Recording)
		for _, name := range names {
			playTrace(t, recording, name)
		}
		last := len(names) - 1
		got, hashes := make(map[string]string), make(map[string][]string)
		for _, value := range NewSession(recording).conns[last].views[Client].Schedule() {
			if got[value.Name] != "" {
				t.Errorf("%s: two values are called %s", names[last], value.Name)
			}
			got[value.Name] = hex.EncodeToString(value.Bytes)
			for _, input := range value.Inputs {
				if strings.HasPrefix(input.Name, "Transcript-Hash(") {
					hashes[input.Name] = append(hashes[input.Name], hex.EncodeToString(input.Bytes))
				}
			}
		}
		want := printed(t, names[last])
		if len(want) < 19 {
			t.Errorf("%s: only %d values", names[last], len(want))
		}
		for name, want := range want {
			all := hashes[name] // of as many values as go with it
			if len(all) == 0 {
				all = []string{got[name]}
			}
			for _, got := range all {
				if got != want {
					t.Errorf("%s: %s is %s, not %s", names[last], name, got, want)
				}
			}
		}
	}
}

// Only a recording that lies can say so, but it must not do harm.
func TestASessionThatGaveItselfItsOwnTicketHasNoKnownPSK(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "1-rtt")
	playTrace(t, recording, "0-rtt")
	session := NewSession(recording)
	view := session.conns[1].views[Client]
	session.tickets[string(view.chosen)] = []*ticket{{view: view, nonce: []byte{0}}}
	if psk := view.psk(string(view.chosen)); psk.bytes != nil {
		t.Errorf("the key is %x, from %s", psk.bytes, psk.origin)
	}
}

func TestTicketsThatMadeEachOtherHaveABeginningAllTheSame(t *testing.T) {
	recording := new(Recording)
	playTrace(t, recording, "1-rtt")
	playTrace(t, recording, "0-rtt")
	session := NewSession(recording)
	view := session.conns[1].views[Client]
	// The key of the first was computed before its identity was given out again.
	session.tickets[string(view.chosen)] = []*ticket{{view: view, nonce: []byte{0}, secret: make([]byte, 32)}}
	view.pskAt(string(view.chosen))
	if values := view.Schedule(); len(values) == 0 {
		t.Error("there is no key schedule")
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

func TestOfTheTicketsOfOneIdentityTheBinderTellsWhichOneWasOffered(t *testing.T) {
	for _, first := range []bool{true, false} {
		recording := new(Recording)
		playTrace(t, recording, "1-rtt")
		playTrace(t, recording, "0-rtt")
		session := NewSession(recording)
		view := session.conns[1].views[Client]
		identity := string(view.chosen)
		other := &ticket{view: session.conns[0].views[Client], nonce: []byte{1}}
		session.tickets[identity] = append(session.tickets[identity], other)
		if !first {
			slices.Reverse(session.tickets[identity])
		}
		if got := hex.EncodeToString(view.psk(identity).bytes); got != printed(t, "0-rtt")["PSK"] {
			t.Errorf("the PSK is %s", got)
		}
		for _, value := range view.Schedule() {
			if value.Name == "client_application_traffic_secret_0" && hex.EncodeToString(value.Bytes) != printed(t, "0-rtt")[value.Name] {
				t.Errorf("%s is %x", value.Name, value.Bytes)
			}
		}
		proofs := 0
		for _, c := range view.Verifications() {
			if c.Kind == "psk_binder" {
				if proofs++; c.Outcome != Verified {
					t.Errorf("the binder: %s: %s", c.Outcome, c.Reason)
				}
			}
		}
		if proofs != 1 {
			t.Errorf("%d binders", proofs)
		}
	}
}

func TestTicketsOfOneIdentityAreKeptUpToABound(t *testing.T) {
	session := NewSession(new(Recording))
	for i := range maxCandidates + 5 {
		session.ticketed("again", &ticket{nonce: []byte{byte(i)}})
	}
	all := session.tickets["again"]
	if len(all) != maxCandidates || all[len(all)-1].nonce[0] != maxCandidates+4 {
		t.Errorf("%d tickets, the last %x", len(all), all[len(all)-1].nonce)
	}
}
