package inspect

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"
)

func TestASignatureThatTLS13ForbidsOrThatWasNotAskedForIsRefused(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	all := []uint16{0x0201, 0x0203, 0x0401, 0x0403, 0x0503, 0x0804, 0x0807}
	signed := []byte("what is signed")
	digest := sha256.Sum256(signed)
	ecdsaBy := func(key *ecdsa.PrivateKey) []byte {
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	rsaBy := func(options crypto.SignerOpts) []byte {
		signature, err := rsaKey.Sign(rand.Reader, digest[:], options)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	pkcs1 := rsaBy(crypto.SHA256)
	pss := rsaBy(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	longSalt := rsaBy(&rsa.PSSOptions{SaltLength: 64, Hash: crypto.SHA256})
	for _, c := range []struct {
		name      string
		scheme    uint16
		key       any
		signature []byte
		tls13     bool
		listed    []uint16
		want      string // the reason's key; "" if it is verified
	}{
		{"P-256 in TLS 1.3", 0x0403, &p256.PublicKey, ecdsaBy(p256), true, all, ""},
		{"P-384 with SHA-256 in TLS 1.3", 0x0403, &p384.PublicKey, ecdsaBy(p384), true, all, "scheme_curve"},
		{"P-384 with SHA-256 in TLS 1.2", 0x0403, &p384.PublicKey, ecdsaBy(p384), false, all, ""},
		{"PKCS #1 in TLS 1.2", 0x0401, &rsaKey.PublicKey, pkcs1, false, all, ""},
		{"PKCS #1 in TLS 1.3", 0x0401, &rsaKey.PublicKey, pkcs1, true, all, "scheme_forbidden"},
		{"PSS in TLS 1.3", 0x0804, &rsaKey.PublicKey, pss, true, all, ""},
		{"PSS with a salt of another length", 0x0804, &rsaKey.PublicKey, longSalt, true, all, "signature_wrong"},
		{"not listed", 0x0804, &rsaKey.PublicKey, pss, true, []uint16{0x0403}, "scheme_not_listed"},
		{"not listed in TLS 1.2", 0x0403, &p256.PublicKey, ecdsaBy(p256), false, []uint16{0x0401}, "scheme_not_listed"},
		{"a list that is not known", 0x0804, &rsaKey.PublicKey, pss, true, nil, ""},
		{"another kind of key", 0x0804, &p256.PublicKey, pss, true, all, "key_kind"},
	} {
		proof := Verification{Got: c.signature}.signature(c.key, c.scheme, signing{c.tls13, c.listed}, signed)
		if proof.Because.Key != c.want || (proof.Outcome == Verified) != (c.want == "") {
			t.Errorf("%s: %s %q, want %q", c.name, proof.Outcome, proof.Because.Key, c.want)
		}
	}
}

func TestAServerThatChoosesAVersionThatWasNotOfferedIsRefuted(t *testing.T) {
	hello := hello{offered: version13, versions: []uint16{0x0a0a, version13}}
	for version, want := range map[uint16]bool{version13: true, version12: false, 0x0302: false} {
		if got := hello.offers(version); got != want {
			t.Errorf("%s offered: %v", VersionName(version), got)
		}
	}
	hello.versions, hello.offered = nil, version12
	for version, want := range map[uint16]bool{version13: false, version12: true, 0x0301: true} {
		if got := hello.offers(version); got != want {
			t.Errorf("without supported_versions, %s offered: %v", VersionName(version), got)
		}
	}
}
