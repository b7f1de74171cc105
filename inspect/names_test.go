package inspect

import (
	"bytes"
	"crypto/tls"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/tlslab/testdata/needs"
)

// registries are all there are.
var registries = map[string]*registry{
	"content type": &contentTypes, "version": &versions, "handshake type": &handshakeTypes, "alert level": &alertLevels,
	"alert": &alerts, "suite": &suites, "compression method": &compressionMethods, "extension": &extensions, "group": &groups,
	"scheme": &schemes, "hash": &hashes, "signature": &signatures, "point format": &pointFormats, "curve type": &curveTypes,
	"name type": &nameTypes, "max fragment length": &maxFragmentLengths, "PSK mode": &pskModes,
	"certificate type": &certificateTypes, "client certificate type": &clientCertificateTypes,
	"certificate compression": &certificateCompressions, "status type": &statusTypes, "SCT version": &sctVersions,
	"KeyUpdate request": &keyUpdateRequests, "change_cipher_spec type": &changeCipherSpecTypes, "ECH type": &echTypes,
	"HPKE KEM": &hpkeKEMs, "HPKE KDF": &hpkeKDFs, "HPKE AEAD": &hpkeAEADs,
	"point form": &pointForms, "OCSP status": &ocspStatuses, "CRL reason": &crlReasons, "trusted authority type": &trustedAuthorityTypes,
	"user mapping type": &userMappingTypes, "authorization format": &authorizationFormats, "SRTP profile": &srtpProfiles,
	"heartbeat mode": &heartbeatModes, "token binding key": &tokenBindingKeys, "cached information type": &cachedInformationTypes,
	"EKT cipher": &ektCiphers, "QUIC parameter": &quicParameters,
}

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
		SchemeName(0x0840):           "{Intrinsic,gostr34102012_256}",
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
		SchemeName(0x0801):           "0x0801 unassigned or unknown",
		SchemeName(0x0701):           "0x0701 unassigned or unknown",
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

// The numbers that a dissector of TLS has to know by name: what RFC 8446 and
// its successor have, what TLS 1.2 has besides, and what browsers send.
func TestEveryCodePointThatTLSUsesHasAName(t *testing.T) {
	through := func(first, last uint16) (all []uint16) {
		for code := first; code <= last; code++ {
			all = append(all, code)
		}
		return all
	}
	for name, codes := range map[string][]uint16{
		"content type":   through(20, 27),
		"version":        slices.Concat(through(0x0300, 0x0304), []uint16{0x0002, 0x7f00, 0x7f1c, 0xfeff, 0xfefd, 0xfefc}),
		"handshake type": slices.Concat(through(0, 6), through(8, 17), through(20, 26), []uint16{67, 254}),
		"alert":          slices.Concat([]uint16{0, 10, 20, 21, 22, 30, 60, 70, 71, 80, 86, 90, 100, 120, 121}, through(40, 52), through(109, 117)),
		"extension":      slices.Concat(through(0, 39), through(41, 45), through(47, 62), []uint16{13172, 17513, 17613, 30031, 30032, 0xfd00, 0xfe0d, 0xff01, 65445, 65486}),
		"group":          slices.Concat(through(1, 41), through(256, 260), through(0x0200, 0x0202), through(0x11eb, 0x11ee), []uint16{0x6399, 0x639a, 0xff01, 0xff02}),
		"scheme": slices.Concat([]uint16{0x0201, 0x0203, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0301, 0x0302, 0x0303, 0x0202},
			through(0x0708, 0x070f), through(0x0804, 0x080b), through(0x081a, 0x081c), through(0x0904, 0x0906), []uint16{0x0420, 0x0520, 0x0620}),
		"suite": slices.Concat(through(0x0000, 0x001b), through(0x001e, 0x0046), through(0x0067, 0x006d), through(0x0084, 0x00c7), []uint16{0x00ff, 0x5600},
			through(0x1301, 0x1307), through(0xc001, 0xc0b5), through(0xc100, 0xc106), through(0xcca8, 0xccae), []uint16{0xd001, 0xd002, 0xd003, 0xd005}),
	} {
		for _, code := range codes {
			if _, ok := registries[name].lookup(code); !ok {
				t.Errorf("%s %s", name, registries[name].name(code))
			}
		}
	}
}

func TestATableIsSortedAndSaysNothingUnsafe(t *testing.T) {
	for name, r := range registries {
		for i, row := range r.table {
			if i > 0 && r.table[i-1].code >= row.code {
				t.Errorf("%s %s is out of order", name, r.hex(row.code))
			}
			if row.name == "" || row.name != Safe(row.name) || strings.TrimSpace(row.name) != row.name {
				t.Errorf("%s %s is called %q", name, r.hex(row.code), row.name)
			}
			if r.isGrease(row.code) {
				t.Errorf("%s %s is GREASE, and called %s", name, r.hex(row.code), row.name)
			}
			if r.digits == 2 && row.code > 0xff {
				t.Errorf("%s %s has no room in a byte", name, r.hex(row.code))
			}
		}
	}
}

func TestNamingWhatIsKnownAllocatesNothing(t *testing.T) {
	allocations := testing.AllocsPerRun(1, func() {
		for _, r := range registries {
			for _, row := range r.table {
				if r.name(row.code) != row.name {
					t.Errorf("%s is not %s", r.name(row.code), row.name)
				}
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestALabelOfAKeyLogNamesItsSecret(t *testing.T) {
	for label, want := range map[string]string{
		"CLIENT_RANDOM": "master_secret", "RSA": "premaster secret", "ECH_SECRET": "ECH shared_secret", "ECH_CONFIG": "ECHConfig",
		"SERVER_TRAFFIC_SECRET_1": "", "": "", "client_random": "",
	} {
		if got := SecretName(label); got != want {
			t.Errorf("%s is %q, not %q", label, got, want)
		}
	}
	for _, b := range branches13 {
		if got := SecretName(b.keyLog); b.keyLog != "" && got != b.standard {
			t.Errorf("%s is %q, in the key schedule %q", b.keyLog, got, b.standard)
		}
	}
}

// What tshark 4.0 calls otherwise than the registry does, and why.
var tsharkDiffers = map[uint16]string{
	0xcc13: "the drafts' number; tshark gives it the name of the final 0xcca8",
	0xcc14: "the drafts' number; tshark gives it the name of the final 0xcca9",
	0xcc15: "the drafts' number; tshark gives it the name of the final 0xccaa",
	0xffe0: "NSS's first number; tshark gives it the name of the later 0xfeff",
	0xffe1: "NSS's first number; tshark gives it the name of the later 0xfefe",
	0x1306: "its hash was SHA-384 in early drafts of AEGIS",
}

func TestSuitesHaveTheNamesThatTsharkGivesThem(t *testing.T) {
	out, err := exec.Command(needs.Program(t, "tshark"), "-G", "values").Output()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for line := range bytes.Lines(out) {
		words := strings.Split(strings.TrimSpace(string(line)), "\t")
		if len(words) != 4 || words[1] != "tls.handshake.ciphersuite" || strings.HasPrefix(words[3], "Reserved") {
			continue
		}
		code, err := strconv.ParseUint(words[2], 0, 16)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got, known := suites.lookup(uint16(code))
		if !known {
			continue
		}
		compared++
		if _, told := tsharkDiffers[uint16(code)]; got != words[3] && !told {
			t.Errorf("0x%04x is %s, to tshark %s", code, got, words[3])
		}
	}
	if compared < 350 {
		t.Errorf("only %d suites compared", compared)
	}
}

func FuzzNames(f *testing.F) {
	for _, code := range []uint16{0, 0x0a0a, 0x0b, 0x1301, 0x7f1c, 0x7fff, 0x0301, 0x0840, 0xfe0d, 0xffff} {
		f.Add(code, "CLIENT_RANDOM")
	}
	f.Add(uint16(1), "\x1b[31m")
	all := slices.Collect(maps.Values(registries))
	f.Fuzz(func(t *testing.T, code uint16, label string) {
		for _, r := range all {
			name, both := r.name(code), r.label(code)
			if name == "" || Safe(name) != name || Safe(both) != both {
				t.Errorf("%q, %q", name, both)
			}
			if !strings.Contains(both, r.hex(code)) {
				t.Errorf("%q does not tell %s", both, r.hex(code))
			}
		}
		if SecretName(label) != "" && Safe(label) != label {
			t.Errorf("%q is a label", label)
		}
	})
}
