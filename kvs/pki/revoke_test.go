package pki_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/testdata/needs"
)

func TestRevokingANameRevokesAllItsCertificatesAndNoOther(t *testing.T) {
	d := must(pki.Open(t.TempDir(), now))(t)
	first := must(d.Client("ana"))(t).Leaf
	renewed := must(d.Renew("ana"))(t).Leaf
	others := []*x509.Certificate{must(d.Client("ana.b"))(t).Leaf, must(d.Client("an"))(t).Leaf, must(d.Server())(t).Leaf}
	list := d.Revocations()
	check(t, list.Check(first))
	if n := must(d.Revoke("ana"))(t); n != 2 {
		t.Errorf("%d were revoked, want 2", n)
	}
	for _, c := range []*x509.Certificate{first, renewed} {
		var revoked *pki.RevokedError
		if err := list.Check(c); !errors.As(err, &revoked) || !revoked.Since.Equal(now) {
			t.Errorf("%v", err)
		}
	}
	for _, c := range others {
		check(t, list.Check(c))
	}
	if n := must(d.Revoke("ana"))(t); n != 0 {
		t.Errorf("%d were revoked again", n)
	}
	if _, err := d.Revoke("nobody"); !errors.Is(err, pki.ErrNotIssued) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := d.Revoke("ca"); !errors.Is(err, pki.ErrNotIssued) {
		t.Errorf("the authority: %v", err)
	}
}

func TestARevokedCertificateIsRenewedWithANewKeyAndNotBefore(t *testing.T) {
	d := must(pki.Open(t.TempDir(), now))(t)
	old := must(d.Client("ana", "reader"))(t)
	must(d.Revoke("ana"))(t)
	var revoked *pki.RevokedError
	if _, err := d.Client("ana"); !errors.As(err, &revoked) || revoked.Path != d.CertFile("ana") {
		t.Errorf("it was handed out: %v", err)
	}
	fresh := must(d.Renew("ana"))(t)
	if old.PrivateKey.(*ecdsa.PrivateKey).Equal(fresh.PrivateKey) {
		t.Error("the key is the old one")
	}
	check(t, d.Revocations().Check(fresh.Leaf))
	if got := must(pki.Load(d.CertFile("ana"), d.KeyFile("ana")))(t); !got.Leaf.Equal(fresh.Leaf) || fresh.Leaf.Subject.String() != old.Leaf.Subject.String() {
		t.Errorf("in the files: %v", got.Leaf.Subject)
	}
	kept := must(d.Renew("ana"))(t)
	if !kept.PrivateKey.(*ecdsa.PrivateKey).Equal(fresh.PrivateKey) || kept.Leaf.Equal(fresh.Leaf) {
		t.Error("what was not revoked is renewed with its key")
	}
}

func TestAnotherRoleRevokesTheCertificateWithTheOldOne(t *testing.T) {
	d := must(pki.Open(t.TempDir(), now))(t)
	writer := must(d.Client("ana", "writer"))(t)
	if same := must(d.Client("ana"))(t); !same.Leaf.Equal(writer.Leaf) {
		t.Error("it was issued anew for no reason")
	}
	reader := must(d.Client("ana", "reader"))(t)
	if got := reader.Leaf.Subject.String(); got != "CN=ana,OU=reader,O=tlslab" {
		t.Error(got)
	}
	list := d.Revocations()
	if err := list.Check(writer.Leaf); !errors.As(err, new(*pki.RevokedError)) {
		t.Errorf("the writer's: %v", err)
	}
	check(t, list.Check(reader.Leaf))
}

func TestTwoWhoRevokeAtOnceLoseNothing(t *testing.T) {
	path := t.TempDir()
	d := must(pki.Open(path, now))(t)
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	var issued []*x509.Certificate
	for _, name := range names {
		issued = append(issued, must(d.Client(name))(t).Leaf)
	}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			d, err := pki.Open(path, now)
			if err == nil {
				_, err = d.Revoke(name)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, c := range issued {
		if err := d.Revocations().Check(c); !errors.As(err, new(*pki.RevokedError)) {
			t.Errorf("%s: %v", names[i], err)
		}
	}
}

func TestAListThatIsNotTheAuthoritysOwnRevokesNobodyAndLetsNobodyIn(t *testing.T) {
	other := must(pki.Open(t.TempDir(), now))(t)
	foreign := must(os.ReadFile(must(other.CRL())(t)))(t)
	d := must(pki.Open(t.TempDir(), now))(t)
	ana := must(d.Client("ana"))(t).Leaf
	list := d.Revocations()
	for name, content := range map[string][]byte{"another's": foreign, "a certificate": must(os.ReadFile(d.CertFile("ana")))(t)} {
		check(t, os.WriteFile(d.CRLFile(), content, 0o600))
		err := list.Check(ana)
		wantProblem(t, err, pki.BadList)
		if _, err := d.Revoke("ana"); err == nil {
			t.Errorf("%s: it was written over", name)
		}
	}
	check(t, os.WriteFile(d.CRLFile(), []byte("hello"), 0o600))
	wantProblem(t, list.Check(ana), pki.NotPEM)
}

func TestOpenSSLReadsTheListOfRevokedCertificates(t *testing.T) {
	openssl := needs.Program(t, "openssl")
	for _, kind := range []pki.KeyType{pki.ECDSA, pki.RSA, pki.Ed25519} {
		path := t.TempDir()
		must(pki.Open(path, time.Now(), kind))(t)
		d := must(pki.Open(path, time.Now()))(t)
		must(d.Client("ana"))(t)
		must(d.Client("eva"))(t)
		must(d.Server())(t)
		crl := must(d.CRL())(t)
		verify := func(name string) string {
			out, err := exec.Command(openssl, "verify", "-x509_strict", "-crl_check", "-CAfile", d.CertFile("ca"), "-CRLfile", crl, d.CertFile(name)).CombinedOutput()
			if err == nil {
				return "OK"
			}
			return string(out)
		}
		for _, name := range []string{"ana", "eva", "server"} {
			if out := verify(name); out != "OK" {
				t.Errorf("%s, %s: %s", kind, name, out)
			}
		}
		must(d.Revoke("ana"))(t)
		if out := verify("ana"); !strings.Contains(out, "certificate revoked") {
			t.Errorf("%s: ana was revoked, and openssl says %s", kind, out)
		}
		if out := verify("eva"); out != "OK" {
			t.Errorf("%s, eva: %s", kind, out)
		}
	}
}

func TestKeysAreOfTheTypeThatIsAskedFor(t *testing.T) {
	for _, kind := range []pki.KeyType{pki.ECDSA, pki.RSA, pki.Ed25519} {
		d := must(pki.Open(t.TempDir(), now, kind))(t)
		server, client := must(d.Server())(t), must(d.Client("ana"))(t)
		for _, key := range []any{d.Authority().Certificate().PublicKey, server.Leaf.PublicKey, client.Leaf.PublicKey} {
			var got pki.KeyType
			switch key := key.(type) {
			case *ecdsa.PublicKey:
				got = pki.ECDSA
			case *rsa.PublicKey:
				if got = pki.RSA; key.N.BitLen() != 3072 {
					t.Errorf("%d bits", key.N.BitLen())
				}
			case ed25519.PublicKey:
				got = pki.Ed25519
			}
			if got != kind {
				t.Errorf("a key is %s, want %s", got, kind)
			}
		}
		err := handshake(t, pki.ServerConfig(server, tls.RequireAndVerifyClientCert, d.Authority().Roots()), pki.ClientConfig(d.Authority().Roots(), "localhost", client))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := pki.Open(t.TempDir(), now, "dsa"); err == nil {
		t.Error("a key of no type was made")
	}
	d := must(pki.Open(t.TempDir(), now))(t)
	must(d.Server("kvs.example"))(t)
	if fresh := must(d.Renew("server", pki.Ed25519))(t); fresh.Leaf.PublicKeyAlgorithm != x509.Ed25519 || strings.Join(fresh.Leaf.DNSNames, " ") != "kvs.example" {
		t.Errorf("%v for %v", fresh.Leaf.PublicKeyAlgorithm, fresh.Leaf.DNSNames)
	}
}

func TestAServerTakesNoOldVersionAndNoSuiteWithoutAEADAndForwardSecrecy(t *testing.T) {
	for _, kind := range []pki.KeyType{pki.ECDSA, pki.RSA} {
		path := t.TempDir()
		must(pki.Open(path, now))(t)
		d := must(pki.Open(path, now, kind))(t)
		server := pki.ServerConfig(must(d.Server())(t), tls.NoClientCert, nil)
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			client := pki.ClientConfig(d.Authority().Roots(), "localhost")
			client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
			good := strings.HasPrefix(suite.Name, "TLS_ECDHE_") && (strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_CHACHA20_")) &&
				strings.Contains(suite.Name, "_"+strings.ToUpper(string(kind))+"_")
			if err := handshake(t, server, client); (err == nil) != good {
				t.Errorf("%s, %s: %v", kind, suite.Name, err)
			}
		}
		for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			client := pki.ClientConfig(d.Authority().Roots(), "localhost")
			client.MinVersion, client.MaxVersion, client.CipherSuites = version, version, nil
			if err := handshake(t, server, client); (err == nil) != good {
				t.Errorf("%s, %s: %v", kind, tls.VersionName(version), err)
			}
		}
	}
}

func TestAClientThatHasExpiredIsRefusedAlsoWhereACertificateIsOnlyRequested(t *testing.T) {
	d := must(pki.Open(t.TempDir(), now.AddDate(-2, 0, 0)))(t)
	old := must(d.Client("ana"))(t)
	server := must(must(pki.Open(filepath.Dir(d.CRLFile()), now))(t).Server())(t)
	for _, auth := range []tls.ClientAuthType{tls.VerifyClientCertIfGiven, tls.RequireAndVerifyClientCert} {
		config := pki.ServerConfig(server, auth, d.Authority().Roots())
		err := handshake(t, config, pki.ClientConfig(d.Authority().Roots(), "localhost", old))
		if err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("%v: %v", auth, err)
		}
	}
}
