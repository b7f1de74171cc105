package inspect

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestEveryReasonIsToldInBothLanguages(t *testing.T) {
	placeholder := regexp.MustCompile(`{{\.(\w+)}}`)
	for key, text := range reasons {
		var pairs []any
		for _, name := range placeholder.FindAllStringSubmatch(text, -1) {
			pairs = append(pairs, name[1], "the "+name[1])
		}
		want := Reason{key, pairs}.String()
		if got := docs.For("en").Say("reason_"+key, pairs...); got != want {
			t.Errorf("%s: package docs says %q, this package %q", key, got, want)
		}
		portuguese := docs.For("pt-BR").Say("reason_"+key, pairs...)
		if portuguese == want {
			t.Errorf("%s is not told in Portuguese", key)
		}
		for name := range slices.Chunk(pairs, 2) {
			if !strings.Contains(portuguese, name[1].(string)) {
				t.Errorf("%s: %v is missing in %q", key, name[0], portuguese)
			}
		}
	}
}

// Whatever the recording lacks, each record that cannot be read for that says so.
func TestEveryRecordSaysWhatTheRecordingLacksToReadIt(t *testing.T) {
	const (
		secret = "no secret for this client random"
		random = "the ClientHello is not in the recording, or not all of it, and without its random no secret can be found"
		choice = "the ServerHello, which chooses the version and the cipher suite, is not in the recording so far, or not all of it"
	)
	for name, test := range map[string]struct {
		suite  uint16
		logged bool
		only   []Side // whose bytes are in the recording
		want   [2]string
	}{
		"no secrets":                {0x1301, false, []Side{Client, Server}, [2]string{secret, secret}},
		"no secrets, TLS 1.2":       {0xc02f, false, []Side{Client, Server}, [2]string{secret, secret}},
		"what the server sends":     {0x1301, true, []Side{Server}, [2]string{"", random}},
		"what the server sends 1.2": {0xc02f, true, []Side{Server}, [2]string{"", random}},
		"what the client sends":     {0x1301, true, []Side{Client}, [2]string{choice, ""}},
		"what the client sends 1.2": {0xc02f, true, []Side{Client}, [2]string{choice, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(test.suite)
			var extensions []uint16
			if test.suite == 0x1301 {
				extensions = []uint16{extensionSupportedVersions}
			}
			s.clear(Client, Handshake, s.hello(Client, extensions...))
			s.clear(Server, Handshake, s.hello(Server, extensions...))
			if test.suite == 0x1301 {
				s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, test.logged)
				s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, test.logged)
			} else {
				s.keys = aeadSuites[test.suite].trafficKeys12([]byte("the master secret"), s.random[Client], s.random[Server])
			}
			for _, side := range []Side{Server, Client} {
				s.clear(side, ChangeCipherSpec, []byte{1})
				s.sealed(side, Handshake, message(typeFinished, 1))
				for range 3 {
					s.sealed(side, ApplicationData, []byte("more"))
				}
			}
			kept := new(Recording)
			for e := range s.rec.Events(0) {
				if e.Kind != Captured || slices.Contains(test.only, e.Side) {
					kept.Append(e)
				}
			}
			for _, side := range test.only {
				sealed := 0
				for _, r := range NewSession(kept).Connections()[0].View(Client).Records(side) {
					if r.Decrypted || len(r.Parts) > 0 {
						continue
					}
					if sealed++; r.Why.String() != test.want[side] {
						t.Errorf("%s's record %d, %s: %s", side, r.Seq, r.Type, r.Why)
					}
				}
				if sealed != 4 {
					t.Errorf("%d of the %s's records are not read", sealed, side)
				}
			}
		})
	}
}
