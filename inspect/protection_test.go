package inspect_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/needs"
)

// value returns the one of that kind.
func valueOf(t *testing.T, values []inspect.Value, kind string) inspect.Value {
	t.Helper()
	for _, value := range values {
		if value.Kind == kind {
			return value
		}
	}
	t.Fatalf("no value of kind %s", kind)
	return inspect.Value{}
}

func TestEveryCommandOfARecordsProtectionReproducesItsValue(t *testing.T) {
	needs.Program(t, "openssl")
	for name, change := range map[string]func(client *tls.Config){
		"TLS 1.3": func(*tls.Config) {},
		"TLS 1.2 AES-GCM": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		},
		"TLS 1.2 ChaCha20": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := configs(t)
			change(client)
			tap := inspect.NewTap()
			c, s := tap.Pipe(client, server)
			converse(t, c, s, "hello\n", strings.Repeat("x", 20_000))
			tap.Close()
			session := inspect.NewSession(tap.Recording())
			protected := 0
			for r := range session.Records() {
				values := r.Protection()
				if !r.Encrypted {
					if values != nil {
						t.Errorf("%s record %d is in clear, but has a protection", r.Side, r.Seq)
					}
					continue
				}
				protected++
				reproduce(t, values, 4)
				plain := valueOf(t, values, "protection.plaintext").Bytes
				if content := r.Plaintext(); !bytes.HasPrefix(plain, content) || content == nil {
					t.Errorf("%s record %d: the plain text begins with % x, not with % x", r.Side, r.Seq, plain[:8], content[:8])
				}
			}
			if protected < 6 {
				t.Errorf("only %d protected records", protected)
			}
		})
	}
}

func TestTheProtectionOfEachRecordOfRFC8448IsReproduced(t *testing.T) {
	needs.Program(t, "openssl")
	recording := new(inspect.Recording)
	inspect.PlayTrace(t, recording, "1-rtt")
	inspect.PlayTrace(t, recording, "0-rtt")
	for r := range inspect.NewSession(recording).Records() {
		if values := r.Protection(); values != nil {
			reproduce(t, values, 6)
		}
	}
}

// The values that RFC 8448 section 3 prints for the server's handshake records.
func TestARecordsKeyAndIVAreThoseThatRFC8448Prints(t *testing.T) {
	recording := new(inspect.Recording)
	inspect.PlayTrace(t, recording, "1-rtt")
	records := inspect.NewSession(recording).Connections()[0].View(inspect.Client).Records(inspect.Server)
	values := records[1].Protection()
	for kind, want := range map[string]string{
		"schedule.server_handshake_traffic_secret": "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
		"schedule.key":               "3fce516009c21727d0f2e4e86ee403bc",
		"schedule.iv":                "5d313eb2671276ee13000b30",
		"protection.sequence_number": "0000000000000000",
		"protection.nonce":           "5d313eb2671276ee13000b30",
		"protection.additional_data": "17030302a2",
	} {
		if got := valueOf(t, values, kind); hex.EncodeToString(got.Bytes) != want {
			t.Errorf("%s is %x, not %s", kind, got.Bytes, want)
		}
	}
}

func TestAfterARecordItsSenderGoesOnUnderTheKeysOfTheNext(t *testing.T) {
	changes := map[string]int{}
	for name, recording := range inspect.KeptSessions(t) {
		for _, conn := range inspect.NewSession(recording).Connections() {
			for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
				var before *inspect.Record
				for _, r := range conn.View(side).Records(side) {
					if r.Type == inspect.ChangeCipherSpec && r.Onward(1) == r.Epoch { // of TLS 1.3, in clear (RFC 8446 appendix D.4)
						continue
					}
					if r.DecidedAt < 0 || !r.Decrypted && r.Encrypted || before == nil {
						before = r
						continue
					}
					onward := before.Onward(len(before.Parts))
					switch got := r.Epoch; {
					case got == onward:
						changes[before.Epoch.String()+" to "+got.String()]++
					case onward.Kind == inspect.EpochEarly && got.Kind == inspect.EpochClear: // since the HelloRetryRequest (RFC 8446 section 4.2.10)
					case side == inspect.Client && got.Kind == inspect.EpochHandshake: // since the ServerHello
					default:
						t.Errorf("%s: after %s record %d the %s should go on under %s, but did under %s", name, side, before.Seq, side, onward, got)
					}
					before = r
				}
			}
		}
	}
	for _, want := range []string{"clear to handshake", "handshake to application", "clear to application", "clear to early", "early to handshake", "application to application+1"} {
		if changes[want] == 0 {
			t.Errorf("nothing went from %s: %v", want, changes)
		}
	}
}

func TestOfABlockCipherNobodySaysThatItHasANonceOrAdditionalData(t *testing.T) {
	recording, records := inspect.KeptSessions(t)["tls12-cbc.pcapng"], 0
	if recording == nil {
		t.Fatal("no such recording")
	}
	for r := range inspect.NewSession(recording).Records() {
		for _, v := range r.Protection() {
			records++
			if v.Kind != "protection.sequence_number" || v.RFC != "RFC 5246 section 6.1" {
				t.Errorf("%s record %d: %s, %s", r.Side, r.Seq, v.Kind, v.RFC)
			}
		}
	}
	if records == 0 {
		t.Error("no protected record")
	}
}
