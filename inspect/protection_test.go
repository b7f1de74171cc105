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
