package inspect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ocsp"
)

// realCertificates are the samples, the authorities that this system trusts,
// and what Go tests its own parser with; those that crypto/x509 can read.
func realCertificates(t testing.TB) map[string]*x509.Certificate {
	t.Helper()
	ders := make(map[string][]byte)
	for name, b := range sampleCertificates() {
		ders["sample "+name] = b
	}
	files := []string{"/etc/ssl/certs/ca-certificates.crt"}
	if root, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		testdata := filepath.Join(strings.TrimSpace(string(root)), "src/crypto/x509/testdata")
		_ = filepath.WalkDir(testdata, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				files = append(files, path)
			}
			return nil
		})
	}
	for _, file := range files {
		rest, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if filepath.Ext(file) == ".crt" && !bytes.HasPrefix(rest, []byte("--")) {
			ders[file] = rest
		}
		for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				ders[fmt.Sprintf("%s %d", file, len(rest))] = block.Bytes
			}
		}
	}
	certificates := make(map[string]*x509.Certificate)
	for name, b := range ders {
		certificate, err := x509.ParseCertificate(b)
		if err == nil && !strings.Contains(name, "BadSignedCACert.crt") && !strings.Contains(name, "InvalidDSASignatureTest6EE.crt") {
			certificates[name] = certificate // and its signature is not mangled on purpose
		}
	}
	return certificates
}

func TestACertificateSaysWhatCryptoX509ReadsInIt(t *testing.T) {
	certificates := realCertificates(t)
	t.Logf("%d certificates", len(certificates))
	for name, certificate := range certificates {
		root := dissectCertificate(certificate.Raw)
		if err := checkTree(root, len(certificate.Raw)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f, found := notUnderstood(root); found {
			t.Errorf("%s: %s at %d not understood: %s\n%x", name, f.Name, f.Offset, f.Value, certificate.Raw)
			continue
		}
		r := reading{t: t, name: name, root: root, der: certificate.Raw}
		r.compare(certificate)
	}
}

// A reading is a certificate's tree, to be held against what another reads.
type reading struct {
	t    *testing.T
	name string
	root Field
	der  []byte
}

func (r reading) compare(want *x509.Certificate) {
	r.bytes(want.SerialNumber.Bytes(), "x509.tbs_certificate", "x509.serial_number", "der.integer")
	r.says(second(want.NotBefore), "x509.not_before")
	r.says(second(want.NotAfter), "x509.not_after")
	r.distinguishedName(want.RawSubject, "x509.subject")
	r.distinguishedName(want.RawIssuer, "x509.issuer")
	r.key(want.PublicKey)
	r.alternatives(want)
	r.whole(want.RawTBSCertificate, "x509.tbs_certificate")
	r.whole(want.RawSubjectPublicKeyInfo, "x509.subject_public_key_info")
	if f, found := r.root.Find("x509.signature_value"); !found || !bytes.HasSuffix(r.der[f.Offset:f.End()], want.Signature) {
		r.t.Errorf("%s: the signature is not %x", r.name, want.Signature)
	}
	if f, _ := r.root.Find("x509.version"); want.Version > 1 && f.Value != fmt.Sprintf("v%d (%d)", want.Version, want.Version-1) {
		r.t.Errorf("%s: version %q, want %d", r.name, f.Value, want.Version)
	}
	constraints, found := r.find("x509.basic_constraints", "x509.extn_value")
	if said := strings.Contains(constraints.Value, "cA TRUE"); want.BasicConstraintsValid && found && said != want.IsCA {
		r.t.Errorf("%s: %q, want CA %v", r.name, constraints.Value, want.IsCA)
	}
	if want.MaxPathLen > 0 && !strings.HasSuffix(constraints.Value, fmt.Sprintf(", pathLenConstraint %d", want.MaxPathLen)) {
		r.t.Errorf("%s: %q, want a path length of %d", r.name, constraints.Value, want.MaxPathLen)
	}
	r.usage(want.KeyUsage)
	if len(want.SubjectKeyId) > 0 {
		r.bytes(want.SubjectKeyId, "x509.subject_key_identifier", "x509.key_identifier_octets")
	}
	if len(want.AuthorityKeyId) > 0 {
		r.bytes(want.AuthorityKeyId, "x509.authority_key_identifier", "x509.key_identifier_octets")
	}
	var ids, policies, names []string
	for _, e := range want.Extensions {
		names = append(names, shortOID(e.Id.String()))
	}
	for _, policy := range want.Policies {
		policies = append(policies, oidLabel(policy.String()))
	}
	walk(r.root, func(f Field) {
		if f.Kind == "x509.extn_id" {
			ids = append(ids, shortOID(strings.TrimSuffix(f.Value[strings.LastIndexAny(f.Value, " (")+1:], ")")))
		}
	})
	if !slices.Equal(ids, names) {
		r.t.Errorf("%s: extensions %q, want %q", r.name, ids, names)
	}
	if got := r.all("x509.policy_identifier"); !slices.Equal(got, policies) {
		r.t.Errorf("%s: policies %q, want %q", r.name, got, policies)
	}
}

// find follows a path of kinds from the root down.
func (r reading) find(path ...string) (f Field, found bool) {
	f, found = r.root, true
	for _, kind := range path {
		if f, found = f.Find(kind); !found {
			return f, false
		}
	}
	return f, true
}

func (r reading) bytes(want []byte, path ...string) {
	r.t.Helper()
	f, found := r.find(path...)
	if got := r.der[f.Offset:f.End()]; !found || !bytes.Equal(bytes.TrimLeft(got, "\x00"), bytes.TrimLeft(want, "\x00")) {
		r.t.Errorf("%s: %s is %x, want %x", r.name, path[len(path)-1], got, want)
	}
}

func (r reading) whole(want []byte, kind string) {
	r.t.Helper()
	if f, found := r.find(kind); !found || !bytes.Equal(r.der[f.Offset:f.End()], want) {
		r.t.Errorf("%s: %s is %x, want %x", r.name, kind, r.der[f.Offset:f.End()], want)
	}
}

func (r reading) says(want, kind string) {
	r.t.Helper()
	if f, found := r.find(kind); !found || f.Value != want {
		r.t.Errorf("%s: %s reads %q, want %q", r.name, kind, f.Value, want)
	}
}

func (r reading) all(kind string) (values []string) {
	walk(r.root, func(f Field) {
		if f.Kind == kind {
			values = append(values, f.Value)
		}
	})
	return values
}

// distinguishedName holds the attributes of a name against encoding/asn1.
func (r reading) distinguishedName(raw []byte, kind string) {
	r.t.Helper()
	var want pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &want); err != nil {
		return // a string of a type that encoding/asn1 does not know
	}
	f, _ := r.find(kind)
	var types, values []string
	walk(f, func(f Field) {
		switch f.Kind {
		case "x509.attribute_type":
			types = append(types, f.Value)
		case "x509.attribute_value":
			values = append(values, f.Value)
		}
	})
	for _, set := range want {
		for _, attribute := range set {
			if len(values) == 0 {
				r.t.Fatalf("%s: %s ends before %s", r.name, kind, attribute.Type)
			}
			if want, ok := attribute.Value.(string); types[0] != oidLabel(attribute.Type.String()) || ok && values[0] != want {
				r.t.Errorf("%s: %s has %s = %q, want %s = %q", r.name, kind, types[0], values[0], attribute.Type, attribute.Value)
			}
			types, values = types[1:], values[1:]
		}
	}
	if len(values) > 0 {
		r.t.Errorf("%s: %s goes on with %q", r.name, kind, values)
	}
}

func (r reading) key(key any) {
	r.t.Helper()
	switch key := key.(type) {
	case *rsa.PublicKey:
		r.bytes(key.N.Bytes(), "x509.modulus", "der.integer")
		r.bytes(big.NewInt(int64(key.E)).Bytes(), "x509.public_exponent", "der.integer")
		r.says(fmt.Sprintf("RSA %d", key.N.BitLen()), "x509.subject_public_key_info")
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			r.t.Fatal(err)
		}
		half := len(point) / 2
		r.bytes(point[1:1+half], "x509.subject_public_key", "ec_point.x")
		r.bytes(point[1+half:], "x509.subject_public_key", "ec_point.y")
	case ed25519.PublicKey:
		r.bytes(key, "x509.public_key")
	}
}

func (r reading) alternatives(want *x509.Certificate) {
	r.t.Helper()
	var addresses, pages []string
	for _, address := range want.IPAddresses {
		addresses = append(addresses, address.String())
	}
	for _, page := range want.URIs {
		pages = append(pages, page.String())
	}
	extension := r
	extension.root, _ = r.find("x509.subject_alt_name")
	for kind, want := range map[string][]string{
		"x509.dns_name": want.DNSNames, "x509.rfc822_name": want.EmailAddresses, "x509.ip_address": addresses,
		"x509.uniform_resource_identifier": pages,
	} {
		if got := extension.all(kind); len(want) > 0 && !slices.Equal(got, want) {
			r.t.Errorf("%s: %s %q, want %q", r.name, kind, got, want)
		}
	}
	extension.root, _ = r.find("x509.crl_distribution_points")
	if got := extension.all("x509.uniform_resource_identifier"); len(want.CRLDistributionPoints) > 0 && !slices.Equal(got, want.CRLDistributionPoints) {
		r.t.Errorf("%s: lists at %q, want %q", r.name, got, want.CRLDistributionPoints)
	}
	extension.root, _ = r.find("x509.authority_info_access")
	if got := extension.all("x509.uniform_resource_identifier"); len(got) < len(want.OCSPServer)+len(want.IssuingCertificateURL) {
		r.t.Errorf("%s: services at %q, want %q and %q", r.name, got, want.OCSPServer, want.IssuingCertificateURL)
	}
}

// usage holds the names of the bits against the numbers of crypto/x509.
func (r reading) usage(want x509.KeyUsage) {
	r.t.Helper()
	f, found := r.find("x509.key_usage", "x509.named_bits")
	if !found {
		if want != 0 {
			r.t.Errorf("%s: no key usage, want %b", r.name, want)
		}
		return
	}
	var names []string
	for _, bit := range []struct {
		usage x509.KeyUsage
		name  string
	}{
		{x509.KeyUsageDigitalSignature, "digitalSignature"},
		{x509.KeyUsageContentCommitment, "nonRepudiation"},
		{x509.KeyUsageKeyEncipherment, "keyEncipherment"},
		{x509.KeyUsageDataEncipherment, "dataEncipherment"},
		{x509.KeyUsageKeyAgreement, "keyAgreement"},
		{x509.KeyUsageCertSign, "keyCertSign"},
		{x509.KeyUsageCRLSign, "cRLSign"},
		{x509.KeyUsageEncipherOnly, "encipherOnly"},
		{x509.KeyUsageDecipherOnly, "decipherOnly"},
	} {
		if want&bit.usage != 0 {
			names = append(names, bit.name)
		}
	}
	if f.Value != strings.Join(names, ", ") {
		r.t.Errorf("%s: usage %q, want %q", r.name, f.Value, names)
	}
}

func TestAResponseSaysWhatCryptoOCSPReadsInIt(t *testing.T) {
	for name, b := range sampleResponses() {
		want, err := ocsp.ParseResponse(b, nil)
		if err != nil {
			continue // one that has nothing to say
		}
		r := reading{t: t, name: name, root: dissectResponse(b), der: b}
		r.says(map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked 2026-11-01 12:00:00 UTC", ocsp.Unknown: "unknown"}[want.Status]+
			map[bool]string{true: " keyCompromise (0x01)"}[want.RevocationReason == ocsp.KeyCompromise],
			map[int]string{ocsp.Good: "ocsp.good", ocsp.Revoked: "ocsp.revoked", ocsp.Unknown: "ocsp.unknown"}[want.Status])
		r.says(second(want.ProducedAt), "ocsp.produced_at")
		r.says(second(want.ThisUpdate), "ocsp.this_update")
		if !want.NextUpdate.IsZero() {
			r.says(second(want.NextUpdate), "ocsp.next_update")
		}
		r.says(want.SerialNumber.String(), "ocsp.serial_number")
		r.whole(want.TBSResponseData, "ocsp.tbs_response_data")
		if want.Certificate != nil {
			r.whole(want.Certificate.Raw, "x509.certificate")
		}
	}
}

func TestANameIsWrittenAsRFC4514WritesIt(t *testing.T) {
	for name, want := range map[string]string{
		"P-256": `serialNumber=5,CN=lab.example\, or so,OU=\#1,O=ensino+O=tlslab,postalCode=13083,STREET=Rua 1,L=\ Campinas,ST=São Paulo,C=BR`,
	} {
		root := dissectCertificate(sampleCertificates()[name])
		if f, _ := root.Find("x509.subject"); f.Value != want {
			t.Errorf("%s\nwant %s", f.Value, want)
		}
	}
	byHand := dissectCertificate(sampleCertificates()["by hand"])
	if f, _ := byHand.Find("x509.issuer"); f.Value != "1.2.3=(no text),O=😀,O=olá,O=tlslab+O=josé" {
		t.Error(f.Value)
	}
	if f, _ := byHand.Find("x509.subject"); f.Value != "(empty)" {
		t.Error(f.Value)
	}
	if f, _ := byHand.Find("x509.not_before"); f.Value != "1950-01-01 00:00:00 UTC" {
		t.Error(f.Value)
	}
}

func TestExtensionsSayWhatTheyMeanInTheirRow(t *testing.T) {
	for _, want := range []struct{ certificate, kind, value string }{
		{"many extensions", "x509.key_usage", "critical; digitalSignature, keyCertSign, cRLSign, decipherOnly"},
		{"many extensions", "x509.basic_constraints", "critical; cA TRUE, pathLenConstraint 2"},
		{"many extensions", "x509.subject_alt_name", "dNSName lab.example, dNSName *.lab.example, rfc822Name ana@lab.example, " +
			"iPAddress 192.0.2.1, iPAddress ::1, uniformResourceIdentifier https://lab.example/a?b=c"},
		{"many extensions", "x509.excluded_subtrees", "secret.lab.example, 192.0.2.0 mask ff00ff00"},
		{"many extensions", "x509.permitted_subtrees", "lab.example, 192.0.2.0/24, 2001:db8::/32, lab.example, .lab.example"},
		{"rare extensions", "x509.tls_feature", "status_request (0x0005), status_request_v2 (0x0011)"},
		{"rare extensions", "x509.policy_constraints", "critical; 1, 0"},
		{"rare extensions", "x509.reasons", "keyCompromise, cACompromise"},
		{"rare extensions", "x509.issuer_alt_name", "otherName msUPN ana@lab, otherName 1.2.3, directoryName CN=ana, GeneralName, registeredID 1.2.3"},
		{"rare extensions", "x509.explicit_text", "olá"},
		{"by hand", "x509.extension", "616e20756e6b6e6f776e20657874656e73696f6e"},
		{"PSS key", "x509.subject_public_key_info", "RSA 2048"},
		{"Ed25519", "x509.subject_public_key_info", "id-Ed25519"},
		{"P-384", "x509.subject_public_key_info", "EC secp384r1"},
	} {
		f, found := dissectCertificate(sampleCertificates()[want.certificate]).Find(want.kind)
		if !found || f.Value != want.value {
			t.Errorf("%s: %s reads %q, want %q", want.certificate, want.kind, f.Value, want.value)
		}
	}
}

func TestWhatIsNoDERSaysWhy(t *testing.T) {
	for _, want := range []struct{ der, value string }{
		{"", "1 bytes expected, 0 left"},
		{"30", "1 bytes expected, 0 left"},
		{"3080", "a length that DER does not have (0x80)"},
		{"30850000000001", "a length that DER does not have (0x85)"},
		{"3084ffffffff00", "4294967295 bytes expected, 1 left"},
		{"3003", "3 bytes expected, 0 left"},
		{"1f8100", "SEQUENCE (0x30) expected, (0x1f) found"},
		{"0400", "SEQUENCE (0x30) expected, OCTET STRING (0x04) found"},
		{"3000", "1 bytes expected, 0 left"},
	} {
		b := unhex(want.der)
		root := dissectCertificate(b)
		if err := checkTree(root, len(b)); err != nil {
			t.Errorf("%s: %v", want.der, err)
		}
		if f, _ := notUnderstood(root); f.Value != want.value {
			t.Errorf("%s: %q, want %q", want.der, f.Value, want.value)
		}
	}
}

func TestObjectIdentifiersAreWrittenAsNumbers(t *testing.T) {
	for b, want := range map[string]string{
		"550403": "2.5.4.3", "2a864886f70d01010b": "1.2.840.113549.1.1.11", "813403": "2.100.3", "00": "0.0", "27": "0.39",
		"8837": "2.999", "69" + "83ffffffffffffffffffffffffffffffffff7f": "2.25.340282366920938463463374607431768211455",
	} {
		if got, ok := oidText(unhex(b)); !ok || got != want {
			t.Errorf("%s is %q, want %s", b, got, want)
		}
	}
	for _, b := range []string{"", "80", "5584"} {
		if got, ok := oidText(unhex(b)); ok {
			t.Errorf("%s passes for %s", b, got)
		}
	}
}
