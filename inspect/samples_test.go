package inspect

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/ocsp"
)

// Certificates, OCSP responses and timestamps, made here with keys of their
// own: between them they have every part that is claimed to be taken apart.

func der(tag derTag, contents ...[]byte) []byte {
	b := slices.Concat(contents...)
	switch n := len(b); {
	case n < 0x80:
		return append([]byte{byte(tag), byte(n)}, b...)
	case n < 0x100:
		return append([]byte{byte(tag), 0x81, byte(n)}, b...)
	default:
		return append([]byte{byte(tag), 0x82, byte(n >> 8), byte(n)}, b...)
	}
}

func derSequence(contents ...[]byte) []byte { return der(tagSequence, contents...) }

func derOID(arcs ...int) []byte {
	b, err := asn1.Marshal(asn1.ObjectIdentifier(arcs))
	if err != nil {
		panic(err)
	}
	return b
}

func derSmall(n byte) []byte { return der(tagInteger, []byte{n}) }

func unhex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return b
}

// keys are one of each kind that certificates are made with.
var keys = sync.OnceValue(func() (k struct {
	rsa     *rsa.PrivateKey
	ecdsa   map[string]*ecdsa.PrivateKey
	ed25519 ed25519.PrivateKey
},
) {
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	k.ecdsa = make(map[string]*ecdsa.PrivateKey)
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if k.ecdsa[curve.Params().Name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			panic(err)
		}
	}
	if _, k.ed25519, err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	return k
})

// sampleCertificates are certificates as crypto/x509 makes them, and one by
// hand with what it does not make.
var sampleCertificates = sync.OnceValue(func() map[string][]byte {
	k := keys()
	certificates := map[string][]byte{"by hand": certificateByHand(), "PSS key": certificateWithPSSKey()}
	for name, key := range map[string]crypto.Signer{
		"RSA": k.rsa, "P-224": k.ecdsa["P-224"], "P-256": k.ecdsa["P-256"], "P-384": k.ecdsa["P-384"], "P-521": k.ecdsa["P-521"], "Ed25519": k.ed25519,
	} {
		certificates[name] = selfSigned(plainTemplate(), key)
	}
	pss := plainTemplate()
	pss.SignatureAlgorithm = x509.SHA384WithRSAPSS
	certificates["RSA-PSS"] = selfSigned(pss, k.rsa)
	certificates["many extensions"] = selfSigned(fullTemplate(), k.ecdsa["P-256"])
	certificates["rare extensions"] = selfSigned(rareTemplate(), k.ecdsa["P-256"])
	return certificates
})

func selfSigned(template *x509.Certificate, key crypto.Signer) []byte {
	b, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return b
}

func plainTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(unhex("7f00000000000000000000000000000001")),
		Subject: pkix.Name{
			CommonName: "lab.example, or so", Organization: []string{"tlslab", "ensino"}, OrganizationalUnit: []string{"#1"},
			Country: []string{"BR"}, Province: []string{"São Paulo"}, Locality: []string{" Campinas"}, StreetAddress: []string{"Rua 1"},
			SerialNumber: "5", PostalCode: []string{"13083"},
		},
		NotBefore: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), NotAfter: time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func fullTemplate() *x509.Certificate {
	t := plainTemplate()
	_, network4, _ := net.ParseCIDR("192.0.2.0/24")
	_, network6, _ := net.ParseCIDR("2001:db8::/32")
	page, _ := url.Parse("https://lab.example/a?b=c")
	policy, _ := x509.OIDFromInts([]uint64{2, 23, 140, 1, 2, 1})
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLen = true, true, 2
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDecipherOnly
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageOCSPSigning}
	t.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}}
	t.SubjectKeyId, t.AuthorityKeyId = []byte("the name of this key"), []byte("the name of that key")
	t.DNSNames = []string{"lab.example", "*.lab.example"}
	t.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1), net.IPv6loopback}
	t.EmailAddresses, t.URIs = []string{"ana@lab.example"}, []*url.URL{page}
	t.OCSPServer, t.IssuingCertificateURL = []string{"http://ocsp.lab.example"}, []string{"http://lab.example/ca.der"}
	t.CRLDistributionPoints = []string{"http://lab.example/1.crl", "http://lab.example/2.crl"}
	t.Policies = []x509.OID{policy}
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains, t.ExcludedDNSDomains = []string{"lab.example"}, []string{"secret.lab.example"}
	t.PermittedIPRanges, t.ExcludedIPRanges = []*net.IPNet{network4, network6}, []*net.IPNet{{IP: net.IPv4(192, 0, 2, 8).To4(), Mask: net.IPMask{255, 0, 255, 0}}}
	t.PermittedEmailAddresses, t.PermittedURIDomains = []string{"lab.example"}, []string{".lab.example"}
	return t
}

func rareTemplate() *x509.Certificate {
	t := plainTemplate()
	name := derSequence(der(tagSet, derSequence(derOID(2, 5, 4, 3), der(tagUTF8String, []byte("ana")))))
	generalNames := [][]byte{
		der(constructed(0), derOID(1, 3, 6, 1, 4, 1, 311, 20, 2, 3), der(constructed(0), der(tagUTF8String, []byte("ana@lab")))),
		der(constructed(0), derOID(1, 2, 3), der(constructed(0), der(tagOctetString, []byte("unknown")))),
		der(constructed(4), name),
		der(constructed(5), der(constructed(1), der(tagUTF8String, []byte("party")))),
		der(primitive(8), []byte{0x2a, 0x03}),
	}
	policies := derSequence(
		derSequence(derOID(2, 23, 140, 1, 1), derSequence(
			derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 2, 1), der(tagIA5String, []byte("https://lab.example/cps"))),
			derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 2, 2), derSequence(
				derSequence(der(tagUTF8String, []byte("tlslab")), derSequence(derSmall(1), derSmall(2))),
				der(tagBMPString, unhex("006f006c00e1")))),
			derSequence(derOID(1, 2, 3), der(tagOctetString, []byte("unknown"))),
		)),
		derSequence(derOID(2, 5, 29, 32, 0)),
	)
	points := derSequence(
		derSequence(der(constructed(0), der(constructed(0), der(primitive(6), []byte("http://lab.example/3.crl")))),
			der(primitive(1), unhex("0660")), der(constructed(2), der(constructed(4), name))),
		derSequence(der(constructed(0), der(constructed(1), derSequence(derOID(2, 5, 4, 3), der(tagUTF8String, []byte("crl")))))),
	)
	add := func(value []byte, id ...int) {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: id, Critical: len(t.ExtraExtensions)%5 == 4, Value: value})
	}
	add(der(tagOctetString, sampleTimestamps()), 1, 3, 6, 1, 4, 1, 11129, 2, 4, 2)
	add(derSequence(derSmall(5), derSmall(17)), 1, 3, 6, 1, 5, 5, 7, 1, 24)
	add(der(tagNull), 1, 3, 6, 1, 5, 5, 7, 48, 1, 5)
	add(derSequence(derSequence(derOID(1, 2, 3), derOID(1, 2, 4))), 2, 5, 29, 33)
	add(derSequence(der(primitive(0), []byte{1}), der(primitive(1), []byte{0})), 2, 5, 29, 36)
	add(derSmall(3), 2, 5, 29, 54)
	add(derSequence(generalNames...), 2, 5, 29, 18)
	add(policies, 2, 5, 29, 32)
	add(points, 2, 5, 29, 31)
	add(points, 2, 5, 29, 46)
	add(derSequence(derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 48, 5), der(primitive(6), []byte("http://lab.example/")))), 1, 3, 6, 1, 5, 5, 7, 1, 11)
	add(derSequence(der(primitive(0), []byte("the name of that key")), der(constructed(1), der(constructed(4), name)), der(primitive(2), []byte{5})), 2, 5, 29, 35)
	add(derSequence(der(constructed(0), derSequence(der(primitive(2), []byte("lab.example")), der(primitive(0), []byte{0}), der(primitive(1), []byte{9})))), 2, 5, 29, 30)
	add(der(tagNull), 1, 3, 6, 1, 4, 1, 11129, 2, 4, 3)
	return t
}

// certificateByHand has unique identifiers, a name with attributes of every
// type for text, a key and a signature of unknown kinds, and an unknown
// extension.
func certificateByHand() []byte {
	attribute := func(value []byte) []byte { return derSequence(derOID(2, 5, 4, 10), value) }
	name := derSequence(
		der(tagSet, attribute(der(tagPrintableString, []byte("tlslab"))), attribute(der(tagTeletexString, []byte("jos\xe9")))),
		der(tagSet, attribute(der(tagBMPString, unhex("006f006c00e1")))),
		der(tagSet, attribute(der(tagUniversalString, unhex("0001f600")))),
		der(tagSet, derSequence(derOID(1, 2, 3), der(tagOctetString, []byte("no text")))),
	)
	algorithm := derSequence(derOID(1, 2, 3, 4), der(tagOctetString, []byte("parameters")))
	return derSequence(
		derSequence(
			der(constructed(0), derSmall(2)), derSmall(7), algorithm, name,
			derSequence(der(tagUTCTime, []byte("500101000000Z")), der(tagGeneralizedTime, []byte("99991231235959Z"))), derSequence(),
			derSequence(algorithm, der(tagBitString, []byte("\x00an unknown key"))),
			der(primitive(1), []byte("\x00issuer")), der(primitive(2), []byte("\x00subject")),
			der(constructed(3), derSequence(derSequence(derOID(1, 2, 3, 5), der(tagOctetString, []byte("an unknown extension"))))),
		),
		algorithm, der(tagBitString, []byte("\x00an unknown signature")),
	)
}

// certificateWithPSSKey has an RSA key that is for PSS alone, with all of its
// parameters, as the names of algorithms.
func certificateWithPSSKey() []byte {
	sha256 := derSequence(derOID(2, 16, 840, 1, 101, 3, 4, 2, 1), der(tagNull))
	pss := derSequence(derOID(1, 2, 840, 113549, 1, 1, 10), derSequence(
		der(constructed(0), sha256),
		der(constructed(1), derSequence(derOID(1, 2, 840, 113549, 1, 1, 8), sha256)),
		der(constructed(2), derSmall(32)), der(constructed(3), derSmall(1)),
	))
	var certificate struct {
		Signed struct {
			Version                                           asn1.RawValue
			Serial, Algorithm, Issuer, Validity, Subject, Key asn1.RawValue
		}
		Algorithm, Signature asn1.RawValue
	}
	if _, err := asn1.Unmarshal(selfSigned(plainTemplate(), keys().rsa), &certificate); err != nil {
		panic(err)
	}
	signed := certificate.Signed
	key := x509.MarshalPKCS1PublicKey(&keys().rsa.PublicKey)
	body := derSequence(signed.Version.FullBytes, signed.Serial.FullBytes, pss, signed.Issuer.FullBytes, signed.Validity.FullBytes,
		signed.Subject.FullBytes, derSequence(pss, der(tagBitString, []byte{0}, key)))
	hash := sha256Sum(body)
	signature, err := rsa.SignPSS(rand.Reader, keys().rsa, crypto.SHA256, hash, &rsa.PSSOptions{SaltLength: 32})
	if err != nil {
		panic(err)
	}
	return derSequence(body, pss, der(tagBitString, []byte{0}, signature))
}

func sha256Sum(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }

// sampleTimestamps are two timestamps with real signatures, though not over
// what a log signs, and one of a version that nobody has defined.
func sampleTimestamps() []byte {
	ec, err := ecdsa.SignASN1(rand.Reader, keys().ecdsa["P-256"], sha256Sum(nil))
	if err != nil {
		panic(err)
	}
	rsa, err := rsa.SignPKCS1v15(nil, keys().rsa, crypto.SHA256, sha256Sum(nil))
	if err != nil {
		panic(err)
	}
	list := cryptobyte.NewBuilder(nil)
	list.AddUint16LengthPrefixed(func(list *cryptobyte.Builder) {
		for scheme, signature := range map[uint16][]byte{0x0403: ec, 0x0401: rsa} {
			list.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(sampleTimestamp(scheme, signature)) })
		}
	})
	return list.BytesOrPanic()
}

func sampleTimestamp(scheme uint16, signature []byte) []byte {
	b := cryptobyte.NewBuilder(make([]byte, 1+32)) // v1, the log
	b.AddUint64(0x018bcfe56800)
	b.AddUint16(0)
	b.AddUint16(scheme)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(signature) })
	return b.BytesOrPanic()
}

// sampleResponses are OCSP responses as x/crypto/ocsp makes them, and one by
// hand with what it does not make.
func sampleResponses() map[string][]byte {
	key := keys().ecdsa["P-256"]
	issuer, err := x509.ParseCertificate(sampleCertificates()["P-256"])
	if err != nil {
		panic(err)
	}
	update := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	make := func(response ocsp.Response) []byte {
		response.SerialNumber, response.ThisUpdate, response.NextUpdate = big.NewInt(5), update, update.Add(96*time.Hour)
		b, err := ocsp.CreateResponse(issuer, issuer, response, key)
		if err != nil {
			panic(err)
		}
		return b
	}
	timestamps := pkix.Extension{Id: []int{1, 3, 6, 1, 4, 1, 11129, 2, 4, 5}, Value: der(tagOctetString, sampleTimestamps())}
	return map[string][]byte{
		"good":    make(ocsp.Response{Status: ocsp.Good, ExtraExtensions: []pkix.Extension{timestamps}}),
		"revoked": make(ocsp.Response{Status: ocsp.Revoked, RevokedAt: update, RevocationReason: ocsp.KeyCompromise, Certificate: issuer}),
		"unknown": make(ocsp.Response{Status: ocsp.Unknown, IssuerHash: crypto.SHA256}),
		"error":   ocsp.TryLaterErrorResponse,
		"by hand": responseByHand(derOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 1)),
	}
}

// responseByHand has a version, names the responder by its key, and has an
// extension for all of it.
func responseByHand(kind []byte) []byte {
	algorithm := derSequence(derOID(1, 3, 101, 112))
	at := der(tagGeneralizedTime, []byte("20261101120000Z"))
	hash := der(tagOctetString, bytes.Repeat([]byte{7}, 20))
	data := derSequence(
		der(constructed(0), derSmall(0)), der(constructed(2), hash), at,
		derSequence(derSequence(derSequence(derSequence(derOID(1, 3, 14, 3, 2, 26)), hash, hash, derSmall(5)), der(constructed(1), at), at)),
		der(constructed(1), derSequence(derSequence(derOID(1, 3, 6, 1, 5, 5, 7, 48, 1, 2), der(tagOctetString, der(tagOctetString, bytes.Repeat([]byte{8}, 32)))))),
	)
	signature := ed25519.Sign(keys().ed25519, data)
	return derSequence(der(tagEnumerated, []byte{0}), der(constructed(0), derSequence(kind,
		der(tagOctetString, derSequence(data, algorithm, der(tagBitString, []byte{0}, signature))))))
}
