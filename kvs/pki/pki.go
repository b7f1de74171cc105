// Package pki makes the certificates of the lab: an authority of its own, and
// certificates for servers and clients that the authority signs.
//
// Use [NewAuthority] where everything lives in one process, as in the lab and in
// tests: each run gets new keys, and nothing is written; [NewSeededAuthority] gets the same ones
// each time. Use [Open] where programs are started one
// after the other and must know each other: the authority and its certificates are
// files in a folder, made on first use. Use [Load] and [LoadRoots] for files that a person names.
// [ServerConfig] and [ClientConfig] turn any of them into what crypto/tls wants.
//
// Keys are ECDSA on P-256, unless [Open] is told otherwise, and of a seeded authority Ed25519. The authority is valid for ten years, all else for one.
package pki

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode"
)

const (
	authorityYears = 10
	leafYears      = 1
	// clockSkew is how far back validity begins, for peers whose clock is slow.
	clockSkew = 5 * time.Minute
)

// DefaultServerNames returns what a server certificate is for when no names
// are given: this host, under the names that it has for itself.
func DefaultServerNames() []string {
	return []string{"localhost", "127.0.0.1", "::1"}
}

// Authority signs certificates. It does not change, and is safe for concurrent use.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	now         time.Time
	random      io.Reader // that keys and serial numbers are made of; nil means the system's
}

// NewAuthority makes an authority with a new key, in memory. It is valid, and issues
// what is valid, from now on: a peer whose clock is elsewhere needs its
// tls.Config.Time set.
func NewAuthority(now time.Time) (*Authority, error) {
	return NewSeededAuthority(now, nil)
}

// NewSeededAuthority is [NewAuthority] for a study in which nothing is left to
// chance: its certificates and keys, and those that it issues, one after the
// other, follow from now and from what is read of random. Whoever knows these
// has the keys. Keys are Ed25519, whose signatures need no randomness (RFC 8032
// section 5.1.6). It is as safe for concurrent use as random is. A nil random
// makes it [NewAuthority].
func NewSeededAuthority(now time.Time, random io.Reader) (*Authority, error) {
	key, err := newKey(random)
	if err != nil {
		return nil, err
	}
	return selfSigned(key, now, random)
}

// Certificate returns the authority's own certificate, which must not be changed.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// PEM returns the authority's own certificate as a PEM block: what a client
// needs to trust the lab's servers.
func (a *Authority) PEM() []byte { return certificatePEM(a.certificate.Raw) }

// Roots returns a new pool that holds the authority's certificate alone.
func (a *Authority) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// IssueServer makes a key and a certificate for a server of these DNS names
// and IP addresses, [DefaultServerNames] when there are none.
func (a *Authority) IssueServer(names ...string) (tls.Certificate, error) {
	template, err := serverTemplate(names)
	if err != nil {
		return tls.Certificate{}, err
	}
	return a.issue(template)
}

// SelfSignedServer makes a key and a certificate for a server of these names,
// as IssueServer does, but signed with its own key: no authority vouches for it.
func SelfSignedServer(now time.Time, names ...string) (tls.Certificate, error) {
	template, err := serverTemplate(names)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := newKey(nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	itself := &Authority{certificate: template, key: key, now: now}
	template.NotAfter = now.AddDate(authorityYears, 0, 0)
	leaf, err := itself.sign(template, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// IssueClient makes a key and a certificate for a client. The name becomes the
// subject's common name, the units its organizational units: 1 to 64 printable characters
// each (RFC 5280, appendix A.1: ub-common-name, ub-organizational-unit-name).
func (a *Authority) IssueClient(name string, units ...string) (tls.Certificate, error) {
	template, err := clientTemplate(name, units)
	if err != nil {
		return tls.Certificate{}, err
	}
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) (tls.Certificate, error) {
	key, err := newKey(a.random)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := a.sign(template, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// sign completes a leaf's template: RFC 5280, section 4.2.1.
func (a *Authority) sign(template *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	t := *template
	t.NotBefore = a.now.Add(-clockSkew)
	t.NotAfter = a.now.AddDate(leafYears, 0, 0)
	if t.NotAfter.After(a.certificate.NotAfter) {
		t.NotAfter = a.certificate.NotAfter
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.BasicConstraintsValid = true
	id, err := subjectKeyID(key)
	if err != nil {
		return nil, err
	}
	t.SubjectKeyId = id
	return create(a.random, &t, a.certificate, key.Public(), a.key)
}

func selfSigned(key crypto.Signer, now time.Time, random io.Reader) (*Authority, error) {
	id, err := subjectKeyID(key)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"tlslab"}, CommonName: "tlslab authority"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.AddDate(authorityYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // it signs leaves, not authorities
		SubjectKeyId:          id,
	}
	certificate, err := create(random, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate, key, now, random}, nil
}

// create signs with a serial number that crypto/x509 reads from random.
func create(random io.Reader, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	if random == nil {
		random = rand.Reader
	}
	der, err := x509.CreateCertificate(random, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// A ServerNameError says that a certificate cannot be for a server of that name.
type ServerNameError struct{ Name string }

func (e *ServerNameError) Error() string {
	return fmt.Sprintf("%q is neither a DNS name nor an IP address: a server certificate needs one", e.Name)
}

func serverTemplate(names []string) (*x509.Certificate, error) {
	if len(names) == 0 {
		names = DefaultServerNames()
	}
	t := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if isDNSName(name) {
			t.DNSNames = append(t.DNSNames, name)
		} else {
			return nil, &ServerNameError{name}
		}
	}
	commonName := names[0]
	if len(commonName) > maxCommonName {
		commonName = "tlslab server" // nobody verifies it; the names above count
	}
	t.Subject = pkix.Name{Organization: []string{"tlslab"}, CommonName: commonName}
	return t, nil
}

const maxCommonName = 64 // RFC 5280, appendix A.1

func clientTemplate(name string, units []string) (*x509.Certificate, error) {
	for _, text := range append([]string{name}, units...) {
		unprintable := strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
		if n := len([]rune(text)); n == 0 || n > maxCommonName || unprintable {
			return nil, fmt.Errorf("%q cannot stand in a client's name: give 1 to %d printable characters", text, maxCommonName)
		}
	}
	return &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{"tlslab"}, OrganizationalUnit: units, CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, nil
}

// isDNSName takes letters, digits and hyphens in labels of at most 63 (RFC
// 1035, section 2.3.1), and a wildcard as the first label.
func isDNSName(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r >= 0x80 || r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return false
			}
		}
	}
	return true
}

func newKey(random io.Reader) (crypto.Signer, error) {
	if random != nil {
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	return generateKey(ECDSA)
}

// A KeyType is what a key signs with.
type KeyType string

const (
	ECDSA   KeyType = "ecdsa" // on P-256
	RSA     KeyType = "rsa"   // of 3072 bits, as strong as P-256 (NIST SP 800-57 part 1, table 2)
	Ed25519 KeyType = "ed25519"
)

const rsaBits = 3072

func generateKey(kind KeyType) (key crypto.Signer, err error) {
	switch kind {
	case RSA:
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case ECDSA:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("there are no keys of the type %q", kind)
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}

func keyTypeOf(key crypto.Signer) KeyType {
	switch key.(type) {
	case *rsa.PrivateKey:
		return RSA
	case ed25519.PrivateKey:
		return Ed25519
	}
	return ECDSA
}

// subjectKeyID is the first 160 bits of the SHA-256 of the public key's bits:
// RFC 7093, section 2, method 1.
func subjectKeyID(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	var info struct { // SubjectPublicKeyInfo, RFC 5280, section 4.1
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info.PublicKey.Bytes)
	return sum[:20], nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ServerConfig returns a new configuration for a server that shows certificate: TLS 1.2
// and 1.3, and in TLS 1.2 only suites with an AEAD and forward secrecy. When auth
// asks for the client's certificate, clients must have been signed by one of
// clientRoots; nil trusts no one.
func ServerConfig(certificate tls.Certificate, auth tls.ClientAuthType, clientRoots *x509.CertPool) *tls.Config {
	if clientRoots == nil {
		clientRoots = x509.NewCertPool() // nil would mean the system's
	}
	c := baseConfig()
	c.Certificates = []tls.Certificate{certificate}
	c.ClientAuth = auth
	c.ClientCAs = clientRoots
	return c
}

// ClientConfig returns a new configuration for a client that trusts roots, or what the
// system trusts when they are nil, and expects the server to be serverName, a
// DNS name or an IP address. Of the certificates at most one is shown, and only to a
// server that asks.
func ClientConfig(roots *x509.CertPool, serverName string, certificates ...tls.Certificate) *tls.Config {
	c := baseConfig()
	c.RootCAs = roots
	c.ServerName = serverName
	c.Certificates = certificates
	return c
}

func baseConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{ // of TLS 1.2; Go chooses the order, and those of TLS 1.3
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// ParseClientAuth reads what a server asks of its clients: "none" (or nothing)
// for no certificate, "request" for one that is verified if the client shows one, "require" for one that is verified.
func ParseClientAuth(text string) (tls.ClientAuthType, error) {
	switch cmp.Or(text, "none") {
	case "none":
		return tls.NoClientCert, nil
	case "request":
		return tls.VerifyClientCertIfGiven, nil
	case "require":
		return tls.RequireAndVerifyClientCert, nil
	default:
		return 0, fmt.Errorf("client authentication is \"none\", \"request\" or \"require\", not %q", text)
	}
}
