package capture_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

// recorded is the folder of the sessions that OpenSSL's s_client and s_server held with each other.
const recorded = "../../testdata/openssl"

// A session is one server of OpenSSL's and the clients that came to it, one after the other.
type session struct {
	name   string
	shows  string   // in a sentence, for the README
	server []string // the arguments of s_server, but for those that all have
	runs   []run
	sealed bool // in a suite that is not decrypted yet: its records are covered and named
}

// A run is one connection: what s_client is told, what is typed, and what must come of it.
type run struct {
	client []string // the arguments of s_client, but for those that all have
	typed  []string // "> text" to the client, "< text" to the server; a letter alone may be a command
	early  string   // what the client sends as early data
	psk    bool     // binders can be verified: the key is in the session file, or on the command line
	want   outcome
}

// An outcome is what the run's state must say at the end.
type outcome struct {
	suite    uint16
	group    uint16
	resumed  bool
	retry    bool
	updates  [2]int // KeyUpdates in TLS 1.3, renegotiations in TLS 1.2, by sender
	alert    byte   // that is fatal: its description
	protocol string // ALPN
}

// What OpenSSL names, and what TLS does.
const (
	x25519    = 0x001d
	secp256r1 = 0x0017
	secp521r1 = 0x0019
	x448      = 0x001e
	ffdhe2048 = 0x0100

	handshakeFailure    = 40
	unknownCA           = 48
	protocolVersion     = 70
	certificateRequired = 116
)

// external is a pre-shared key that both sides are told on the command line.
var external = []string{"-psk_identity", "lab", "-psk", "000102030405060708090a0b0c0d0e0f"}

var (
	withECDSA   = []string{"-cert", "ecdsa.pem", "-key", "ecdsa.key"}
	withRSA     = []string{"-cert", "rsa.pem", "-key", "rsa.key"}
	withEd25519 = []string{"-cert", "ed25519.pem", "-key", "ed25519.key"}
)

// dialogue is what most runs type.
var dialogue = []string{"> create nome ana", "< Ok", "> Q"}

func with(first []string, more ...string) []string {
	return append(append([]string(nil), first...), more...)
}

// sessions is the list of what testdata/openssl holds; TestRecordOpenSSL makes it.
var sessions = []session{
	{
		name: "tls13-aes128-gcm", shows: "TLS 1.3 with TLS_AES_128_GCM_SHA256; the server signs with ECDSA", server: withECDSA,
		runs: []run{{client: []string{"-ciphersuites", "TLS_AES_128_GCM_SHA256"}, typed: dialogue, want: outcome{suite: 0x1301, group: x25519}}},
	},
	{
		name: "tls13-aes256-gcm", shows: "TLS 1.3 with TLS_AES_256_GCM_SHA384; the server signs with RSA-PSS", server: withRSA,
		runs: []run{{client: []string{"-ciphersuites", "TLS_AES_256_GCM_SHA384"}, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}}},
	},
	{
		name: "tls13-chacha20", shows: "TLS 1.3 with TLS_CHACHA20_POLY1305_SHA256; the server signs with Ed25519", server: withEd25519,
		runs: []run{{client: []string{"-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"}, typed: dialogue, want: outcome{suite: 0x1303, group: x25519}}},
	},
	{
		name: "tls13-ccm", shows: "TLS 1.3 with TLS_AES_128_CCM_SHA256, then with TLS_AES_128_CCM_8_SHA256, whose tag is 8 bytes long", sealed: true,
		server: with(withECDSA, "-ciphersuites", "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"),
		runs: []run{
			{client: []string{"-ciphersuites", "TLS_AES_128_CCM_SHA256"}, typed: dialogue, want: outcome{suite: 0x1304, group: x25519}},
			{client: []string{"-ciphersuites", "TLS_AES_128_CCM_8_SHA256"}, typed: dialogue, want: outcome{suite: 0x1305, group: x25519}},
		},
	},
	{
		name:   "tls13-key-update",
		shows:  "KeyUpdate by both sides, several times, asking for the peer's (K) or not (k)",
		server: withECDSA,
		runs: []run{{
			typed: []string{
				"> one", "< two", "> k", "> three", "> K", "> four", "< five", "< k", "< six", "< K", "< seven", "> eight",
				"> K", "> K", "> nine", "< ten", "> Q",
			},
			want: outcome{suite: 0x1302, group: x25519, updates: [2]int{5, 5}},
		}},
	},
	{
		name: "tls13-resumption", shows: "a session, and the same resumed with a ticket (psk_dhe_ke)", server: withECDSA,
		runs: []run{
			{client: []string{"-sess_out", "session.pem"}, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}},
			{client: []string{"-sess_in", "session.pem"}, typed: dialogue, psk: true, want: outcome{suite: 0x1302, group: x25519, resumed: true}},
		},
	},
	{
		name:   "tls13-early-data",
		shows:  "early data: a session that brings the ticket, early data that the server takes, and early data with the ticket once more, which it does not take",
		server: with(withECDSA, "-early_data"),
		runs: []run{
			{client: []string{"-sess_out", "session.pem"}, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}},
			{
				client: []string{"-sess_in", "session.pem", "-early_data", "early.txt"}, early: "read nome\n", typed: dialogue, psk: true,
				want: outcome{suite: 0x1302, group: x25519, resumed: true},
			},
			{
				client: []string{"-sess_in", "session.pem", "-early_data", "early.txt"}, early: "read nome\n", typed: dialogue, psk: true,
				want: outcome{suite: 0x1302, group: x25519},
			},
		},
	},
	{
		name: "tls13-early-data-retry", shows: "early data that a HelloRetryRequest makes void; OpenSSL then does not resume either",
		server: with(withECDSA, "-early_data", "-groups", "P-256"),
		runs: []run{
			{client: []string{"-groups", "P-256", "-sess_out", "session.pem"}, typed: dialogue, want: outcome{suite: 0x1302, group: secp256r1}},
			{
				client: []string{"-groups", "X25519:P-256", "-sess_in", "session.pem", "-early_data", "early.txt"}, early: "read nome\n", typed: dialogue, psk: true,
				want: outcome{suite: 0x1302, group: secp256r1, retry: true},
			},
		},
	},
	{
		name: "tls13-client-certificate", shows: "a client with a certificate: with RSA, with ECDSA, with Ed25519",
		server: with(withECDSA, "-Verify", "1", "-CAfile", "ca.pem"),
		runs: []run{
			{client: withRSA, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}},
			{client: withECDSA, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}},
			{client: withEd25519, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}},
		},
	},
	{
		name: "tls13-client-certificate-refused", shows: "a client without the certificate that the server wants, and one with a certificate that it does not trust",
		server: with(withECDSA, "-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"),
		runs: []run{
			{want: outcome{suite: 0x1302, group: x25519, alert: certificateRequired}},
			{client: []string{"-cert", "stranger.pem", "-key", "stranger.key"}, want: outcome{suite: 0x1302, group: x25519, alert: unknownCA}},
		},
	},
	{
		name: "tls13-post-handshake-authentication", shows: "a client that is asked for its certificate after the handshake", server: with(withECDSA, "-verify", "1", "-CAfile", "ca.pem"),
		runs: []run{{
			client: with(withECDSA, "-enable_pha"), typed: []string{"> create nome ana", "< c", "> read nome", "< ana", "> Q"},
			want: outcome{suite: 0x1302, group: x25519},
		}},
	},
	{
		name:   "tls13-hello-retry-request",
		shows:  "a HelloRetryRequest, since the client's first key share is for a group that the server does not take; and one before a resumption",
		server: with(withECDSA, "-groups", "P-256"),
		runs: []run{
			{
				client: []string{"-groups", "X25519:P-256", "-sess_out", "session.pem"}, typed: dialogue,
				want: outcome{suite: 0x1302, group: secp256r1, retry: true},
			},
			{
				client: []string{"-groups", "X25519:P-256", "-sess_in", "session.pem"}, typed: dialogue, psk: true,
				want: outcome{suite: 0x1302, group: secp256r1, retry: true, resumed: true},
			},
		},
	},
	{
		name: "tls13-psk", shows: "a pre-shared key that came from no ticket (psk_dhe_ke)", server: with(external, "-nocert"),
		runs: []run{{client: external, typed: dialogue, psk: true, want: outcome{suite: 0x1303, group: x25519, resumed: true}}},
	},
	{
		name: "tls13-psk-only", shows: "a pre-shared key without a key exchange (psk_ke), since the two have no group in common",
		server: with(external, "-nocert", "-allow_no_dhe_kex", "-groups", "P-256"),
		runs: []run{{
			client: with(external, "-allow_no_dhe_kex", "-groups", "X25519"), typed: dialogue, psk: true,
			want: outcome{suite: 0x1303, resumed: true},
		}},
	},
	{
		name: "tls13-padding", shows: "records that are padded to a multiple of 256 bytes by both sides", server: with(withECDSA, "-record_padding", "256"),
		runs: []run{{client: []string{"-record_padding", "256"}, typed: dialogue, want: outcome{suite: 0x1302, group: x25519}}},
	},
	{
		name: "tls13-fragments", shows: "records of at most 512 bytes: messages over several records", server: with(withRSA, "-max_send_frag", "512"),
		runs: []run{{
			client: []string{"-maxfraglen", "512"}, typed: []string{"> create nome ana", "< Ok", "> K", "> read nome", "< ana", "> Q"},
			want: outcome{suite: 0x1302, group: x25519, updates: [2]int{1, 1}},
		}},
	},
	{
		name: "tls13-groups", shows: "key exchanges that Go does not have: x448, ffdhe2048; and secp521r1", server: withECDSA,
		runs: []run{
			{client: []string{"-groups", "X448"}, typed: dialogue, want: outcome{suite: 0x1302, group: x448}},
			{client: []string{"-groups", "ffdhe2048"}, typed: dialogue, want: outcome{suite: 0x1302, group: ffdhe2048}},
			{client: []string{"-groups", "P-521"}, typed: dialogue, want: outcome{suite: 0x1302, group: secp521r1}},
		},
	},
	{
		name: "tls13-alpn", shows: "ALPN, a server name, and extensions that Go does not send", server: with(withECDSA, "-alpn", "http/1.1"),
		runs: []run{{
			client: []string{"-alpn", "h2,http/1.1", "-servername", "lab.example", "-status", "-enable_pha"},
			typed:  dialogue, want: outcome{suite: 0x1302, group: x25519, protocol: "http/1.1"},
		}},
	},
	{
		name: "tls12-ecdhe-ecdsa-aes128-gcm", shows: "TLS 1.2 with ECDHE, ECDSA and AES-128-GCM", server: withECDSA,
		runs: []run{{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}, typed: dialogue, want: outcome{suite: 0xc02b, group: x25519}}},
	},
	{
		name: "tls12-ecdhe-ecdsa-aes256-gcm", shows: "TLS 1.2 with ECDHE, ECDSA and AES-256-GCM", server: withECDSA,
		runs: []run{{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"}, typed: dialogue, want: outcome{suite: 0xc02c, group: x25519}}},
	},
	{
		name: "tls12-ecdhe-ecdsa-chacha20", shows: "TLS 1.2 with ECDHE, ECDSA and ChaCha20-Poly1305", server: withECDSA,
		runs: []run{{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"}, typed: dialogue, want: outcome{suite: 0xcca9, group: x25519}}},
	},
	{
		name: "tls12-ecdhe-rsa-aes128-gcm", shows: "TLS 1.2 with ECDHE, RSA and AES-128-GCM", server: withRSA,
		runs: []run{{client: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"}, typed: dialogue, want: outcome{suite: 0xc02f, group: x25519}}},
	},
	{
		name: "tls12-ecdhe-rsa-aes256-gcm", shows: "TLS 1.2 with ECDHE, RSA and AES-256-GCM", server: withRSA,
		runs: []run{{client: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384", "-groups", "P-256"}, typed: dialogue, want: outcome{suite: 0xc030, group: secp256r1}}},
	},
	{
		name: "tls12-ecdhe-rsa-chacha20", shows: "TLS 1.2 with ECDHE, RSA and ChaCha20-Poly1305", server: withRSA,
		runs: []run{{client: []string{"-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"}, typed: dialogue, want: outcome{suite: 0xcca8, group: x25519}}},
	},
	{
		name: "tls12-dhe-rsa", shows: "TLS 1.2 with DHE: AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305", server: withRSA,
		runs: []run{
			{client: []string{"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"}, typed: dialogue, want: outcome{suite: 0x009e}},
			{client: []string{"-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"}, typed: dialogue, want: outcome{suite: 0x009f}},
			{client: []string{"-tls1_2", "-cipher", "DHE-RSA-CHACHA20-POLY1305"}, typed: dialogue, want: outcome{suite: 0xccaa}},
		},
	},
	{
		name: "tls12-rsa", shows: "TLS 1.2 with the RSA key exchange: AES-128-GCM, AES-256-GCM", server: withRSA,
		runs: []run{
			{client: []string{"-tls1_2", "-cipher", "AES128-GCM-SHA256"}, typed: dialogue, want: outcome{suite: 0x009c}},
			{client: []string{"-tls1_2", "-cipher", "AES256-GCM-SHA384"}, typed: dialogue, want: outcome{suite: 0x009d}},
		},
	},
	{
		name: "tls12-ccm", shows: "TLS 1.2 with AES-128-CCM, then with AES-128-CCM-8", sealed: true,
		server: with(withECDSA, "-cipher", "ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"),
		runs: []run{
			{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"}, typed: dialogue, want: outcome{suite: 0xc0ac, group: x25519}},
			{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"}, typed: dialogue, want: outcome{suite: 0xc0ae, group: x25519}},
		},
	},
	{
		name: "tls12-cbc", shows: "TLS 1.2 with AES-128-CBC and HMAC-SHA-256: with Encrypt-then-MAC, and without", server: withECDSA, sealed: true,
		runs: []run{
			{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"}, typed: dialogue, want: outcome{suite: 0xc023, group: x25519}},
			{client: []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256", "-no_etm"}, typed: dialogue, want: outcome{suite: 0xc023, group: x25519}},
		},
	},
	{
		name: "tls12-psk", shows: "TLS 1.2 with a pre-shared key: alone, and with ECDHE", server: with(external, "-nocert", "-psk_hint", "who are you"), sealed: true,
		runs: []run{
			{client: with(external, "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256"), typed: dialogue, want: outcome{suite: 0x00a8}},
			{client: with(external, "-tls1_2", "-cipher", "ECDHE-PSK-CHACHA20-POLY1305"), typed: dialogue, want: outcome{suite: 0xccac}},
		},
	},
	{
		name: "tls12-ticket", shows: "TLS 1.2: a session, and the same resumed with a ticket", server: withECDSA,
		runs: []run{
			{client: []string{"-tls1_2", "-sess_out", "session.pem"}, typed: dialogue, want: outcome{suite: 0xc02c, group: x25519}},
			{client: []string{"-tls1_2", "-sess_in", "session.pem"}, typed: dialogue, want: outcome{suite: 0xc02c, resumed: true}},
		},
	},
	{
		name: "tls12-session-id", shows: "TLS 1.2: a session, and the same resumed by its session ID", server: with(withECDSA, "-no_ticket"),
		runs: []run{
			{client: []string{"-tls1_2", "-sess_out", "session.pem"}, typed: dialogue, want: outcome{suite: 0xc02c, group: x25519}},
			{client: []string{"-tls1_2", "-sess_in", "session.pem"}, typed: dialogue, want: outcome{suite: 0xc02c, resumed: true}},
		},
	},
	{
		name: "tls12-renegotiation", shows: "TLS 1.2: a renegotiation that the client begins, and one that the server asks for, which resumes",
		server: with(withECDSA, "-client_renegotiation"),
		runs: []run{{
			client: []string{"-tls1_2"}, typed: []string{"> one", "< two", "> R", "> three", "< four", "< r", "< five", "> six", "> Q"},
			want: outcome{suite: 0xc02c, resumed: true, updates: [2]int{2, 2}},
		}},
	},
	{
		name: "tls12-client-certificate", shows: "TLS 1.2: a client with a certificate, with RSA and with ECDSA", server: with(withECDSA, "-Verify", "1", "-CAfile", "ca.pem"),
		runs: []run{
			{client: with(withRSA, "-tls1_2"), typed: dialogue, want: outcome{suite: 0xc02c, group: x25519}},
			{client: with(withECDSA, "-tls1_2"), typed: dialogue, want: outcome{suite: 0xc02c, group: x25519}},
		},
	},
	{
		name: "tls12-refused", shows: "TLS 1.2 handshakes that fail: no client certificate, one that is not trusted, no suite in common, no version in common",
		server: with(withECDSA, "-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"),
		runs: []run{
			{client: []string{"-tls1_2"}, want: outcome{suite: 0xc02c, group: x25519, alert: handshakeFailure}},
			{client: []string{"-tls1_2", "-cert", "stranger.pem", "-key", "stranger.key"}, want: outcome{suite: 0xc02c, group: x25519, alert: unknownCA}},
			{client: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"}, want: outcome{alert: handshakeFailure}},
			{client: []string{"-tls1_3"}, want: outcome{alert: protocolVersion}},
		},
	},
}

// kept returns the recording of a session as the file has it.
func kept(t testing.TB, name string) *inspect.Recording {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(recorded, name+".pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, file)
}

// said is what a run's two programs were told to send.
func (r run) said() (clear [2]string) {
	clear[inspect.Client] = r.early
	for _, line := range r.typed {
		if text := line[2:]; len(text) > 1 {
			clear[strings.IndexByte("><", line[0])] += text + "\n"
		}
	}
	return clear
}

func TestSessionsOfOpenSSLAreReadAsTheyWereHeld(t *testing.T) {
	for _, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, inspect.NewSession(kept(t, s.name)))
		})
	}
}

// A key log may be opened after the capture, and have its lines in any order.
func TestSessionsOfOpenSSLAreReadAsWellWhenTheSecretsComeLate(t *testing.T) {
	for _, s := range sessions {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			late := new(inspect.Recording)
			var secrets []inspect.Event
			for e := range kept(t, s.name).Events(0) {
				if e.Kind == inspect.Secret {
					secrets = append(secrets, e)
				} else {
					late.Append(e)
				}
			}
			session := inspect.NewSession(late)
			if slices.ContainsFunc(secrets, func(e inspect.Event) bool { return strings.HasSuffix(e.Logged.Label, "_SECRET_N") }) {
				slices.Reverse(secrets[:4]) // not the generations, which have no number
			} else {
				slices.Reverse(secrets)
			}
			for _, e := range secrets {
				late.Append(e)
				session.Extend()
			}
			s.check(t, session)
		})
	}
}

// check holds what is read of a session against what was to come of it.
func (s session) check(t *testing.T, session *inspect.Session) {
	t.Helper()
	rec := session.Recording()
	conns := session.Connections()
	if len(conns) != len(s.runs) {
		t.Fatalf("%d connections, want %d", len(conns), len(s.runs))
	}
	everyByteOnce(t, session)
	fatal := make(map[int]byte)
	for _, item := range session.Items() {
		if item.Kind == inspect.AlertItem && item.Level == 2 {
			fatal[item.Conn] = item.Description
		}
	}
	for i, r := range s.runs {
		view := conns[i].View(inspect.Client)
		for _, m := range view.Messages() {
			if f, found := m.Fields().Find(inspect.NotUnderstood); found {
				t.Errorf("connection %d: %s: %s at %d: %s", i, m.Name(), f.Name, f.Offset, f.Value)
			}
		}
		if s.sealed {
			r.sealed(t, i, view)
		} else {
			r.opened(t, i, view)
			r.scheduled(t, i, view)
		}
		r.proved(t, i, view)
		r.agreed(t, i, view.State(rec.Len()), fatal[i])
	}
}

// agreed holds the state at the end against the run's outcome.
func (r run) agreed(t *testing.T, i int, state inspect.State, alert byte) {
	t.Helper()
	got := outcome{suite: state.Suite, group: state.Group, resumed: state.Resumed, retry: state.HelloRetry, alert: alert, protocol: state.Protocol}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		got.updates[side] = state.Epoch[side].Generation
	}
	if got != r.want {
		t.Errorf("connection %d: %+v, want %+v", i, got, r.want)
	}
}

// opened holds each record to being read, and the clear text against what was typed.
func (r run) opened(t *testing.T, i int, view *inspect.View) {
	t.Helper()
	for side, want := range r.said() {
		var clear strings.Builder
		for _, record := range view.Records(inspect.Side(side)) {
			if record.DecidedAt < 0 || record.Encrypted && !record.Decrypted {
				t.Errorf("connection %d, %s record %d: %s", i, record.Side, record.Seq, record.Why)
			}
			if record.InnerType == inspect.ApplicationData {
				clear.Write(record.Plaintext())
			}
		}
		if clear.String() != want {
			t.Errorf("connection %d: the %s said %q, want %q", i, inspect.Side(side), clear.String(), want)
		}
	}
}

// sealed holds each record that is not in clear to saying that its suite is not supported.
func (r run) sealed(t *testing.T, i int, view *inspect.View) {
	t.Helper()
	sealed := 0
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, record := range view.Records(side) {
			if !record.Encrypted && record.DecidedAt >= 0 {
				continue
			}
			sealed++
			if record.Why != inspect.WhySuite {
				t.Errorf("connection %d, %s record %d: %q, want %q", i, side, record.Seq, record.Why, inspect.WhySuite)
			}
		}
	}
	if sealed < 4 {
		t.Errorf("connection %d: only %d records are protected", i, sealed)
	}
}

// proved holds every message that proves something to being verified.
func (r run) proved(t *testing.T, i int, view *inspect.View) {
	t.Helper()
	verified := make(map[*inspect.Message]int)
	for _, c := range view.Verifications() {
		switch c.Outcome {
		case inspect.Refuted:
			t.Errorf("connection %d: %s by the %s is refuted: %s\ngot  %x\nwant %x", i, c.Kind, c.Message.Side, c.Reason, c.Got, c.Want)
		case inspect.Verified:
			verified[c.Message]++
		}
	}
	for _, m := range view.Messages() {
		proves := m.Name() == "certificate_verify" || m.Name() == "finished" || m.Name() == "client_hello" && r.psk
		if m.Name() == "server_key_exchange" {
			_, signed := m.Fields().Find("server_key_exchange.signature")
			proves = signed
		}
		if proves && verified[m] == 0 {
			t.Errorf("connection %d: nothing in the %s's %s at event %d is verified", i, m.Side, m.Name(), m.Event)
		}
	}
}

// scheduled holds the values of the key schedule against what OpenSSL logged.
func (r run) scheduled(t *testing.T, i int, view *inspect.View) {
	t.Helper()
	values := make(map[string]inspect.Value)
	for _, v := range view.Schedule() {
		values[v.Name] = v
	}
	var generations [2][][]byte
	for _, secret := range view.Secrets(inspect.Client, 1<<30) {
		switch name := standardNames[secret.Label]; {
		case secret.Label == "CLIENT_TRAFFIC_SECRET_N":
			generations[inspect.Client] = append(generations[inspect.Client], secret.Bytes)
		case secret.Label == "SERVER_TRAFFIC_SECRET_N":
			generations[inspect.Server] = append(generations[inspect.Server], secret.Bytes)
		case name == "" || inspect.SecretName(secret.Label) != name:
			t.Errorf("connection %d: OpenSSL logged a %s, which is called %q", i, secret.Label, inspect.SecretName(secret.Label))
		case !bytes.Equal(values[name].Bytes, secret.Bytes):
			t.Errorf("connection %d: %s is %x (%s), and OpenSSL logged %x", i, name, values[name].Bytes, values[name].Missing, secret.Bytes)
		}
	}
	finished := make(map[inspect.Side][]byte) // of the latest handshake, and not of what follows it in TLS 1.3
	for _, m := range view.Messages() {
		if m.Name() == "finished" && (view.State(1<<30).Version < 0x0304 || m.Record.Epoch.Kind == inspect.EpochHandshake) {
			finished[m.Side] = m.Bytes[4:]
		}
	}
	for side, sent := range finished {
		if v, ok := values["verify_data ("+side.String()+")"]; ok && !bytes.Equal(v.Bytes, sent) {
			t.Errorf("connection %d: %s is %x, and it sent %x", i, v.Name, v.Bytes, sent)
		}
	}
	updated(t, i, view, generations)
}

// updated holds the secret of each record after a KeyUpdate against what OpenSSL
// logged for its generation. (That it logs later generations is its own idea.)
func updated(t *testing.T, i int, view *inspect.View, generations [2][][]byte) {
	t.Helper()
	for side, logged := range generations {
		used := make(map[int]bool)
		for _, r := range view.Records(inspect.Side(side)) {
			if n := r.Epoch.Generation; n > 0 && n <= len(logged) {
				used[n] = true
				if secret := r.Protection()[0]; !bytes.Equal(secret.Bytes, logged[n-1]) {
					t.Errorf("connection %d: %s is %x, and OpenSSL logged %x", i, secret.Name, secret.Bytes, logged[n-1])
				}
			}
		}
		if len(used) != len(logged) {
			t.Errorf("connection %d: OpenSSL logged %d updates of the %s, and records came under %d", i, len(logged), inspect.Side(side), len(used))
		}
	}
}

func TestTheKeptAuthorityVouchesForAllButTheStranger(t *testing.T) {
	authority, err := os.ReadFile(filepath.Join(recorded, "ca.pem"))
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(authority) {
		t.Fatal("no authority: ", err)
	}
	for _, want := range []struct {
		name     string
		conn     int
		side     inspect.Side
		outcome  inspect.Outcome
		expected string
	}{
		{"tls13-client-certificate", 0, inspect.Client, inspect.Verified, ""},
		{"tls13-client-certificate", 2, inspect.Client, inspect.Verified, ""},
		{"tls13-post-handshake-authentication", 0, inspect.Client, inspect.Verified, ""},
		{"tls12-client-certificate", 1, inspect.Client, inspect.Verified, ""},
		{"tls13-alpn", 0, inspect.Server, inspect.Verified, ""},
		{"tls13-aes128-gcm", 0, inspect.Server, inspect.NotCheckable, "name"}, // the client asked for none
		{"tls13-client-certificate-refused", 1, inspect.Client, inspect.Refuted, "stranger.lab.example"},
		{"tls12-refused", 1, inspect.Client, inspect.Refuted, "stranger.lab.example"},
	} {
		rec := kept(t, want.name)
		rec.Append(inspect.Event{Kind: inspect.Trusted, Conn: -1, Cause: -1, Roots: roots})
		found := false
		for _, c := range inspect.NewSession(rec).Connections()[want.conn].View(inspect.Client).Verifications() {
			if c.Kind != "certificate_chain" || c.Message.Side != want.side {
				continue
			}
			found = true
			if c.Outcome != want.outcome || !strings.Contains(c.Reason, want.expected) {
				t.Errorf("%s, connection %d: the %s's chain is %s: %s", want.name, want.conn, want.side, c.Outcome, c.Reason)
			}
		}
		if !found {
			t.Errorf("%s, connection %d: the %s's chain is not looked at", want.name, want.conn, want.side)
		}
	}
}

// Without a key exchange all is known from the key that both sides were given.
func TestAPreSharedKeyAloneGivesTheWholeKeySchedule(t *testing.T) {
	logged := 0
	for _, v := range inspect.NewSession(kept(t, "tls13-psk-only")).Connections()[0].View(inspect.Client).Schedule() {
		if v.Bytes == nil {
			t.Errorf("%s: %s", v.Name, v.Missing)
		}
		if v.Logged {
			logged++
			if v.Command == "" {
				t.Errorf("%s was not computed", v.Name)
			}
		}
	}
	if logged < 5 {
		t.Errorf("only %d of the values were logged by OpenSSL too", logged)
	}
}

// standardNames are the names in the standards of what a key log calls otherwise.
var standardNames = map[string]string{
	"CLIENT_RANDOM":                   "master_secret",
	"CLIENT_EARLY_TRAFFIC_SECRET":     "client_early_traffic_secret",
	"EARLY_EXPORTER_SECRET":           "early_exporter_master_secret",
	"CLIENT_HANDSHAKE_TRAFFIC_SECRET": "client_handshake_traffic_secret",
	"SERVER_HANDSHAKE_TRAFFIC_SECRET": "server_handshake_traffic_secret",
	"CLIENT_TRAFFIC_SECRET_0":         "client_application_traffic_secret_0",
	"SERVER_TRAFFIC_SECRET_0":         "server_application_traffic_secret_0",
	"EXPORTER_SECRET":                 "exporter_master_secret",
}

// everyByteOnce holds the records' trees, the parts and the messages' trees to
// covering every byte of both lanes exactly once, and to understanding it.
func everyByteOnce(t *testing.T, session *inspect.Session) {
	t.Helper()
	type half struct {
		conn int
		side inspect.Side
	}
	sent, shown := make(map[half][]byte), make(map[half][]byte)
	for e := range session.Recording().Events(0) {
		if e.Kind == inspect.Captured {
			sent[half{e.Conn, e.Side}] = append(sent[half{e.Conn, e.Side}], e.Bytes...)
		}
	}
	for r := range session.Records() {
		at := half{r.Conn, r.Side}
		shown[at] = append(shown[at], r.Raw()...)
		what := fmt.Sprintf("connection %d, %s record %d", r.Conn, r.Side, r.Seq)
		understoodWhole(t, what, r.Fields(), len(r.Raw()))
		parts := 0
		for _, part := range r.Parts {
			if part.Offset != parts || part.Length <= 0 || part.Type == "" {
				t.Errorf("%s: a part %+v at %d", what, part, parts)
			}
			parts += part.Length
		}
		if n := len(r.Plaintext()); parts != n {
			t.Errorf("%s: its parts cover %d bytes of %d", what, parts, n)
		}
	}
	for at, want := range sent {
		if !bytes.Equal(shown[at], want) {
			t.Errorf("connection %d: the %s sent %d bytes, and its records hold %d", at.conn, at.side, len(want), len(shown[at]))
		}
	}
	for i, c := range session.Connections() {
		for _, m := range c.View(inspect.Client).Messages() {
			understoodWhole(t, fmt.Sprintf("connection %d, the %s's %s", i, m.Side, m.Name()), m.Fields(), len(m.Bytes))
		}
	}
}

// understoodWhole holds the leaves of a tree to covering n bytes exactly once.
func understoodWhole(t *testing.T, what string, root inspect.Field, n int) {
	t.Helper()
	at := 0
	for _, leaf := range root.Leaves() {
		if leaf.Offset != at || leaf.Name == "" || leaf.Kind == inspect.NotUnderstood {
			t.Errorf("%s: at %d stands %s %s %s at %d", what, at, leaf.Kind, leaf.Name, leaf.Value, leaf.Offset)
		}
		at = leaf.End()
	}
	if at != n {
		t.Errorf("%s: the leaves cover %d bytes of %d", what, at, n)
	}
}
