package inspect

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// An innerExtension is an extension of a hello that a test makes.
type innerExtension struct {
	kind uint16
	data string
}

// innerBody is the body of a ClientHello with these extensions.
func innerBody(session string, extensions ...innerExtension) []byte {
	b := cryptobyte.NewBuilder(append([]byte{0x03, 0x03}, bytes.Repeat([]byte{'r'}, 32)...))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(session)) })
	b.AddBytes([]byte{0x00, 0x02, 0x13, 0x01, 0x01, 0x00})
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, e := range extensions {
			b.AddUint16(e.kind)
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(e.data)) })
		}
	})
	return b.BytesOrPanic()
}

var (
	versions13 = innerExtension{extensionSupportedVersions, "\x02\x03\x04"}
	marked     = innerExtension{extensionEncryptedClientHello, "\x01"}
	sealedMark = innerExtension{extensionEncryptedClientHello, "\x00\x00\x01\x00\x01\x07\x00\x00\x00\x01x"}
	groupsA    = innerExtension{0x000a, "\x00\x02\x00\x1d"}
	sharesA    = innerExtension{extensionKeyShare, "\x00\x00"}
)

// references is ech_outer_extensions with these types.
func references(kinds ...uint16) innerExtension {
	data := []byte{byte(2 * len(kinds))}
	for _, kind := range kinds {
		data = append(data, byte(kind>>8), byte(kind))
	}
	return innerExtension{extensionECHOuterExtensions, string(data)}
}

func TestAnInnerHelloIsPutTogetherFromWhatWasSealedAndTheOuterHello(t *testing.T) {
	outer := innerBody("session", groupsA, innerExtension{0x1234, "other"}, sharesA, sealedMark)
	name := innerExtension{extensionServerName, "\x00\x05\x00\x00\x02ab"}
	encoded := innerBody("", name, references(0x000a, extensionKeyShare), marked, versions13)
	inner, copied, padding, why := decodeInner(append(encoded, 0, 0, 0), outer)
	want := innerBody("session", name, groupsA, sharesA, marked, versions13)
	if why != ECHWhyNone || padding != 3 || len(copied) != 2 || !bytes.Equal(inner, append([]byte{0x01, 0x00, 0x00, byte(len(want))}, want...)) {
		t.Fatalf("%s; %d zeros; %x copied; %x", why, padding, copied, inner)
	}
	if why := illegalInner(inner); why != ECHWhyNone {
		t.Error(why)
	}
}

func TestWhatIsNoInnerHelloIsRefusedWithTheReason(t *testing.T) {
	outer := innerBody("session", groupsA, sharesA, sealedMark)
	good := innerBody("", marked, versions13)
	for name, c := range map[string]struct {
		encoded []byte
		want    ECHWhy
	}{
		"empty":                          {nil, ECHWhyCut},
		"a byte less":                    {good[:len(good)-1], ECHWhyCut},
		"a session ID":                   {innerBody("s", marked, versions13), ECHWhySessionID},
		"padding that says something":    {append(bytes.Clone(good), 0, 1), ECHWhyPadding},
		"an extension that is not there": {innerBody("", references(0x1234)), ECHWhyReference},
		"another order":                  {innerBody("", references(extensionKeyShare, 0x000a)), ECHWhyReference},
		"twice":                          {innerBody("", references(0x000a, 0x000a)), ECHWhyReference},
		"itself":                         {innerBody("", references(extensionEncryptedClientHello)), ECHWhyReferenced},
		"no references":                  {innerBody("", references()), ECHWhyCut},
		"half a reference":               {innerBody("", innerExtension{extensionECHOuterExtensions, "\x03\x00\x0a\x00"}), ECHWhyCut},
	} {
		if inner, _, _, why := decodeInner(c.encoded, outer); why != c.want || inner != nil {
			t.Errorf("%s: %q, not %q", name, why, c.want)
		}
	}
	long := make([]byte, 0xff00)
	if _, _, _, why := decodeInner(innerBody("", innerExtension{0x0015, string(long)}, references(0x1234)),
		innerBody("", innerExtension{0x1234, string(long[:0x1000])})); why != ECHWhyTooLong {
		t.Errorf("too long: %q", why)
	}
	for name, c := range map[string]struct {
		extensions []innerExtension
		want       ECHWhy
	}{
		"no mark":      {[]innerExtension{versions13}, ECHWhyNoMark},
		"the outer's":  {[]innerExtension{sealedMark, versions13}, ECHWhyNoMark},
		"no versions":  {[]innerExtension{marked}, ECHWhyOldVersion},
		"TLS 1.2 too":  {[]innerExtension{marked, {extensionSupportedVersions, "\x04\x03\x04\x03\x03"}}, ECHWhyOldVersion},
		"GREASE is no": {[]innerExtension{marked, {extensionSupportedVersions, "\x04\x0a\x0a\x03\x04"}}, ECHWhyNone},
	} {
		inner, _, _, why := decodeInner(innerBody("", c.extensions...), outer)
		if why != ECHWhyNone {
			t.Fatalf("%s: %q", name, why)
		}
		if why := illegalInner(inner); why != c.want {
			t.Errorf("%s: %q, not %q", name, why, c.want)
		}
	}
}

// The result is bounded by what went in, is one whole ClientHello, and its tree
// covers it; so does that of what was sealed.
func FuzzInnerHello(f *testing.F) {
	outer := innerBody("session", groupsA, sharesA, sealedMark)
	f.Add(innerBody("", references(0x000a, extensionKeyShare), marked, versions13), outer)
	f.Add(append(innerBody("", marked, versions13), 0, 0, 0), outer)
	f.Add(innerBody("", references(extensionKeyShare, 0x000a)), outer)
	f.Fuzz(func(t *testing.T, encoded, outer []byte) {
		offered := &OfferedECH{Encoded: append([]byte{}, encoded...)}
		if err := checkTree(offered.EncodedFields(), len(encoded)); err != nil {
			t.Fatal(err)
		}
		inner, _, padding, why := decodeInner(encoded, outer)
		if why != ECHWhyNone {
			return
		}
		if len(inner) > handshakeHeaderLength+len(encoded)-padding+len(outer) {
			t.Fatalf("%d bytes of %d and %d", len(inner), len(encoded), len(outer))
		}
		if h, ok := splitHello(inner[handshakeHeaderLength:]); !ok || len(h.rest) > 0 {
			t.Fatal("not one whole hello")
		}
		if err := checkTree((&Message{Type: typeClientHello, Bytes: inner, inner: true}).Fields(), len(inner)); err != nil {
			t.Fatal(err)
		}
		illegalInner(inner)
	})
}
