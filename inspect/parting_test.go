package inspect_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/tlslab/inspect"
)

// parted tells where the two views of connection 0 part.
func parted(p inspect.Parting) string {
	first := p.First()
	if first < 0 {
		return fmt.Sprintf("nowhere in %d messages; %s", len(p.Steps), compared(p.Secrets))
	}
	step := p.Steps[first]
	var forms, fields []string
	for _, m := range step.Messages {
		if m == nil {
			forms = append(forms, "none")
			continue
		}
		forms = append(forms, m.Name())
	}
	for _, pair := range step.Differences() {
		fields = append(fields, pair[0].Name)
	}
	return fmt.Sprintf("at %d %s, in %s; %s", first, strings.Join(forms, "/"), strings.Join(fields, ", "), compared(p.Secrets))
}

// compared counts the secrets that differ, and those that only one side has.
func compared(pairs []inspect.SecretPair) string {
	differ, alone := 0, 0
	for _, pair := range pairs {
		switch {
		case pair.Secrets[0] == nil || pair.Secrets[1] == nil:
			alone++
		case !pair.Same():
			differ++
		}
	}
	return fmt.Sprintf("of %d secrets %d differ, %d are one side's", len(pairs), differ, alone)
}

// alterSuite makes another one of the last cipher suite that a ClientHello offers.
func alterSuite(b []byte) []byte {
	suites := 44 + int(b[43])
	last := suites + int(b[suites])<<8 + int(b[suites+1])
	b[last] ^= 0x40
	return b
}

func TestTwoViewsPartAtTheMessageThatTheWireChanged(t *testing.T) {
	hello, answer := inspect.Match{Message: "client_hello"}, inspect.Match{Message: "server_hello"}
	for _, c := range []struct {
		name           string
		rule           inspect.Rule
		want13, want12 string
	}{
		{"nothing", inspect.Rule{Do: inspect.Forward}, "nowhere in 7 messages; of 4 secrets 0 differ, 0 are one side's", "nowhere in 8 messages; of 1 secrets 0 differ, 0 are one side's"},
		{"another client random", inspect.Rule{Match: hello, Do: inspect.Flip(20, 0x01)}, "at 0 client_hello/client_hello, in random; of 4 secrets 2 differ, 2 are one side's", "at 0 client_hello/client_hello, in random; of 0 secrets 0 differ, 0 are one side's"},
		{"another cipher suite", inspect.Rule{Match: hello, Do: inspect.Alter(alterSuite)}, "at 0 client_hello/client_hello, in cipher_suite; of 4 secrets 2 differ, 2 are one side's", "at 0 client_hello/client_hello, in cipher_suite; of 1 secrets 1 differ, 0 are one side's"},
		{"another server random", inspect.Rule{Match: answer, Do: inspect.Flip(20, 0x01)}, "at 1 server_hello/server_hello, in random; of 4 secrets 2 differ, 2 are one side's", "at 1 server_hello/server_hello, in random_bytes; of 0 secrets 0 differ, 0 are one side's"},
		{"no certificate", inspect.Rule{Match: inspect.Match{Message: "certificate"}, Do: inspect.Drop}, "at 3 none/certificate, in ; of 4 secrets 0 differ, 2 are one side's", "at 2 server_key_exchange/certificate, in server_key_exchange; of 0 secrets 0 differ, 0 are one side's"},
		{"another text", inspect.Rule{Match: clientsText, Do: inspect.Flip(-1, 0x01)}, "nowhere in 7 messages; of 4 secrets 0 differ, 0 are one side's", "nowhere in 8 messages; of 1 secrets 0 differ, 0 are one side's"},
	} {
		for version, want := range map[uint16]string{tls.VersionTLS13: c.want13, tls.VersionTLS12: c.want12} {
			t.Run(c.name+"/"+tls.VersionName(version), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					session := dialogue(t, &inspect.Rules{List: []inspect.Rule{c.rule}}, version, "one ", "two ")
					p := session.Connections()[0].Parting(session.Recording().Len())
					if got := parted(p); got != want {
						t.Errorf("got  %s\nwant %s", got, want)
					}
					for i, step := range p.Steps {
						hashes := step.Hashes
						if hashes[0] == nil || hashes[1] == nil {
							continue
						}
						if apart := p.First() >= 0 && i >= p.First(); bytes.Equal(hashes[0], hashes[1]) == apart {
							t.Errorf("after message %d the hashes are %x and %x", i, hashes[0], hashes[1])
						}
					}
				})
			})
		}
	}
}

func TestACrossingTellsWhyTheReceiverCannotReadARecord(t *testing.T) {
	third := clientsText
	third.Nth = 3
	for _, c := range []struct {
		name    string
		rule    inspect.Rule
		behind  int
		intact  bool
		differs map[string]string // by suite
	}{
		{"nothing", inspect.Rule{Do: inspect.Forward}, 0, true, map[string]string{"": ""}},
		{"drop", inspect.Rule{Match: second(clientsText), Do: inspect.Drop}, 1, true, map[string]string{
			"0x1301": "sequence_number nonce plaintext", "0xc02b": "sequence_number additional_data_12 plaintext", "0xcca9": "sequence_number nonce additional_data_12 plaintext",
		}},
		{"repeat", inspect.Rule{Match: third, Do: inspect.Repeat(1)}, -1, true, map[string]string{
			"0x1301": "sequence_number nonce plaintext", "0xc02b": "sequence_number additional_data_12 plaintext", "0xcca9": "sequence_number nonce additional_data_12 plaintext",
		}},
		{"flip", inspect.Rule{Match: third, Do: inspect.Flip(-1, 0x01)}, 0, false, map[string]string{"": "plaintext"}},
		{"another server random", inspect.Rule{Match: inspect.Match{Message: "server_hello"}, Do: inspect.Flip(20, 0x01)}, 0, true, map[string]string{
			"0x1301": "client_handshake_traffic_secret key iv nonce plaintext",
		}},
	} {
		for suite, version := range map[uint16]uint16{0x1301: tls.VersionTLS13, 0xc02b: tls.VersionTLS12, 0xcca9: tls.VersionTLS12} {
			want, known := c.differs[fmt.Sprintf("0x%04x", suite)]
			if every, all := c.differs[""]; all {
				want, known = every, true
			}
			if !known {
				continue
			}
			t.Run(fmt.Sprintf("%s/0x%04x", c.name, suite), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					rules := &inspect.Rules{List: []inspect.Rule{c.rule}}
					session := dialogueUnder(t, rules, version, []uint16{suite}, "one ", "two ", "three ")
					connection := session.Connections()[0]
					received := unreadable(connection.View(inspect.Server).Records(inspect.Client), c.name == "nothing")
					x := connection.Crossing(received)
					if behind, ok := x.Behind(); !ok || behind != c.behind || x.Intact() != c.intact {
						t.Errorf("the receiver is %d behind (%v), intact %v", behind, ok, x.Intact())
					}
					var differs []string
					for _, pair := range x.Seals {
						if !pair.Same() {
							differs = append(differs, pair.Sent.Kind[strings.IndexByte(pair.Sent.Kind, '.')+1:])
						}
					}
					if got := strings.Join(differs, " "); got != want {
						t.Errorf("%s differ, want %s", got, want)
					}
					if again := connection.Crossing(x.Sent); c.name != "repeat" && again.Received != received {
						t.Errorf("the sent record became %+v", again.Received)
					}
				})
			})
		}
	}
}

// unreadable returns the first record that could not be read, or the last one
// if all should be.
func unreadable(records []*inspect.Record, none bool) *inspect.Record {
	for _, r := range records {
		if r.Encrypted && !r.Decrypted && !none {
			return r
		}
	}
	return records[len(records)-1]
}

func TestWhatHasNotArrivedYetIsOnOneSideAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := dialogue(t, forwardAll{}, tls.VersionTLS13, "one ")
		c := session.Connections()[0]
		hello := c.View(inspect.Client).Messages()[0]
		p := c.Parting(hello.Event)
		if len(p.Steps) != 1 || p.Steps[0].Messages != [2]*inspect.Message{hello, nil} || p.First() != 0 || p.Steps[0].Differences() != nil {
			t.Errorf("when the ClientHello was captured: %+v", p)
		}
		if x := c.Crossing(hello.Record); x.Received == nil || !x.Intact() || len(x.Seals) != 0 {
			t.Errorf("the ClientHello crossed as %+v", x)
		}
	})
}
