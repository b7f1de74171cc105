package inspect

import (
	"crypto/tls"
	"strings"
	"testing"
)

func TestCodePointsHaveTheStandardsNames(t *testing.T) {
	for got, want := range map[string]string{
		ContentType(0x16).String():   "handshake",
		ContentType(0x1b).String():   "return_routability_check",
		HandshakeType(0x01).String(): "client_hello",
		HandshakeType(0xfe).String(): "message_hash",
		VersionName(0x0304):          "TLS 1.3",
		VersionName(0x0300):          "SSL 3.0",
		VersionName(0x7f1c):          "TLS 1.3 draft 28",
		VersionName(0xfefd):          "DTLS 1.2",
		SuiteName(0x1301):            "TLS_AES_128_GCM_SHA256",
		SuiteName(0x5600):            "TLS_FALLBACK_SCSV",
		SuiteName(0x00ff):            "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
		GroupName(0x001d):            "x25519",
		GroupName(0x11ec):            "X25519MLKEM768",
		SchemeName(0x0807):           "ed25519",
		SchemeName(0x0301):           "{sha224,rsa}",
		ExtensionName(0x0010):        "application_layer_protocol_negotiation",
		ExtensionName(0xfe0d):        "encrypted_client_hello",
		AlertName(20):                "bad_record_mac",
		AlertName(121):               "ech_required",
		AlertLevelName(2):            "fatal",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestAnUnknownCodePointIsNamedByItsNumber(t *testing.T) {
	for got, want := range map[string]string{
		ContentType(0x63).String():   "0x63 unassigned or unknown",
		HandshakeType(0x63).String(): "0x63 unassigned or unknown",
		VersionName(0x0305):          "0x0305 unassigned or unknown",
		SuiteName(0x1234):            "0x1234 unassigned or unknown",
		GroupName(0x1234):            "0x1234 unassigned or unknown",
		SchemeName(0x1234):           "0x1234 unassigned or unknown",
		ExtensionName(0x1234):        "0x1234 unassigned or unknown",
		AlertName(0xff):              "0xff unassigned or unknown",
		AlertLevelName(0):            "0x00 unassigned or unknown",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestTheSixteenGreaseValuesAreCalledGrease(t *testing.T) {
	names := []func(uint16) string{VersionName, SuiteName, GroupName, SchemeName, ExtensionName}
	count := 0
	for value := range 0x10000 {
		grease := strings.HasPrefix(SuiteName(uint16(value)), "GREASE 0x")
		if grease {
			count++
		}
		for _, name := range names {
			if strings.HasPrefix(name(uint16(value)), "GREASE 0x") != grease {
				t.Errorf("0x%04x is GREASE to some only", value)
			}
		}
	}
	if count != 16 {
		t.Errorf("%d values of GREASE", count)
	}
	for mode, want := range map[uint16]string{0x0b: "GREASE 0x0b", 0x2a: "GREASE 0x2a", 0xe4: "GREASE 0xe4", 0x01: "psk_dhe_ke (0x01)"} {
		if got := pskModes.label(mode); got != want {
			t.Errorf("PSK mode %q, not %q", got, want)
		}
	}
}

func TestGosOwnSuitesAndSchemesHaveGosNames(t *testing.T) {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if got := SuiteName(suite.ID); got != suite.Name {
			t.Errorf("0x%04x is %s, to Go %s", suite.ID, got, suite.Name)
		}
	}
	for _, group := range []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024} {
		if got := GroupName(uint16(group)); got != group.String() {
			t.Errorf("0x%04x is %s, to Go %s", uint16(group), got, group)
		}
	}
}

func TestALabelHasTheNumberBesideTheName(t *testing.T) {
	for got, want := range map[string]string{
		extensions.label(0x0000): "server_name (0x0000)",
		alerts.label(0x28):       "handshake_failure (0x28)",
		extensions.label(0x1a1a): "GREASE 0x1a1a",
		extensions.label(0x1234): "0x1234 unassigned or unknown",
		versions.label(0x7f1c):   "TLS 1.3 draft 28 (0x7f1c)",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
