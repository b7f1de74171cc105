package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha3"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/testdata/needs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func Example() {
	authority, _ := pki.NewAuthority(time.Now())
	certificate, _ := authority.IssueServer("localhost")
	server := pki.ServerConfig(certificate, tls.NoClientCert, nil)
	client := pki.ClientConfig(authority.Roots(), "localhost")

	listener, _ := tls.Listen("tcp", "127.0.0.1:0", server)
	defer listener.Close()
	go func() {
		conn, _ := listener.Accept()
		defer conn.Close()
		conn.(*tls.Conn).Handshake()
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println(conn.ConnectionState().PeerCertificates[0].Subject)
	// Output: CN=localhost,O=tlslab
}

func TestAServerCertificateIsForThisHostUnlessNamesAreGiven(t *testing.T) {
	a := authority(t)
	leaf := must(a.IssueServer())(t).Leaf
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		verify(t, a, leaf, name, x509.ExtKeyUsageServerAuth)
	}
	leaf = must(a.IssueServer("kvs.example", "*.lab.example", "192.0.2.7"))(t).Leaf
	for _, name := range []string{"kvs.example", "a.lab.example", "192.0.2.7"} {
		verify(t, a, leaf, name, x509.ExtKeyUsageServerAuth)
	}
	if leaf.VerifyHostname("localhost") == nil {
		t.Error("it is for localhost too, which nobody asked for")
	}
}

func TestAClientCertificateIsForClientsAndBearsTheName(t *testing.T) {
	a := authority(t)
	leaf := must(a.IssueClient("Ana Conceição"))(t).Leaf
	verify(t, a, leaf, "", x509.ExtKeyUsageClientAuth)
	if leaf.Subject.CommonName != "Ana Conceição" {
		t.Errorf("common name %q", leaf.Subject.CommonName)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: a.Roots(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	if err == nil {
		t.Error("a client's certificate passes for a server's")
	}
}

func TestASeededAuthorityAndWhatItIssuesFollowFromWhatItReads(t *testing.T) {
	mint := func(seed string) (all [][]byte) {
		stream := sha3.NewSHAKE128()
		stream.Write([]byte(seed))
		a := must(pki.NewSeededAuthority(now, stream))(t)
		server, client := must(a.IssueServer())(t), must(a.IssueClient("ana"))(t)
		check(t, handshake(t, pki.ServerConfig(server, tls.RequireAndVerifyClientCert, a.Roots()), pki.ClientConfig(a.Roots(), "localhost", client)))
		for _, c := range []*x509.Certificate{a.Certificate(), server.Leaf, client.Leaf} {
			if c.SerialNumber.Sign() <= 0 || c.SerialNumber.BitLen() > 159 {
				t.Errorf("serial number %v", c.SerialNumber)
			}
			all = append(all, c.Raw)
		}
		return all
	}
	one := mint("one")
	if again := mint("one"); !slices.EqualFunc(one, again, bytes.Equal) {
		t.Error("the same seed gave other certificates")
	}
	for i, other := range mint("two") {
		if bytes.Equal(other, one[i]) {
			t.Errorf("certificate %d does not depend on the seed", i)
		}
	}
	if _, err := pki.NewSeededAuthority(now, strings.NewReader("short")); err == nil {
		t.Error("five bytes were enough")
	}
}

func TestCertificatesSayWhatTheyAreFor(t *testing.T) {
	a := authority(t)
	ca := a.Certificate()
	leaf := must(a.IssueServer())(t).Leaf
	if !ca.IsCA || ca.MaxPathLen != 0 || !ca.MaxPathLenZero || ca.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("the authority's basic constraints or key usage are wrong: %+v", ca)
	}
	if leaf.IsCA || !leaf.BasicConstraintsValid || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Error("the leaf's basic constraints or key usage are wrong")
	}
	if len(ca.SubjectKeyId) != 20 || len(leaf.SubjectKeyId) != 20 || !bytes.Equal(leaf.AuthorityKeyId, ca.SubjectKeyId) {
		t.Error("the key identifiers do not lead from the leaf to the authority")
	}
	for _, c := range []*x509.Certificate{ca, leaf} {
		if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
			t.Error("the key is not ECDSA on P-256")
		}
		if c.SerialNumber.Sign() <= 0 || c.SerialNumber.BitLen() < 64 {
			t.Errorf("serial number %v", c.SerialNumber)
		}
	}
	if want := now.AddDate(10, 0, 0); !ca.NotAfter.Equal(want) {
		t.Errorf("the authority ends %v, want %v", ca.NotAfter, want)
	}
	if want := now.AddDate(1, 0, 0); !leaf.NotAfter.Equal(want) {
		t.Errorf("the leaf ends %v, want %v", leaf.NotAfter, want)
	}
}

func TestNamesThatCannotBeAreRefused(t *testing.T) {
	a := authority(t)
	for _, name := range []string{"", "a b", "-a", "a..b", "é.example", "a/b", strings.Repeat("a", 64), "a\x1b[2J"} {
		if _, err := a.IssueServer(name); err == nil {
			t.Errorf("a server's certificate for %q was issued", name)
		}
	}
	for _, name := range []string{"", strings.Repeat("a", 65), "a\nb", "a\x1b[2J", "a\u202eb"} {
		if _, err := a.IssueClient(name); err == nil {
			t.Errorf("a client's certificate for %q was issued", name)
		}
	}
}

func TestAClientOfAnotherAuthorityIsNotServed(t *testing.T) {
	ours, other := authority(t), authority(t)
	server := pki.ServerConfig(must(ours.IssueServer())(t), tls.RequireAndVerifyClientCert, ours.Roots())
	for _, c := range []struct {
		name   string
		client *tls.Config
		works  bool
	}{
		{"ours", pki.ClientConfig(ours.Roots(), "localhost", must(ours.IssueClient("ana"))(t)), true},
		{"without a certificate", pki.ClientConfig(ours.Roots(), "localhost"), false},
		{"of another authority", pki.ClientConfig(ours.Roots(), "localhost", must(other.IssueClient("ana"))(t)), false},
		{"that shows a server's certificate", pki.ClientConfig(ours.Roots(), "localhost", must(ours.IssueServer())(t)), false},
		{"that trusts another authority", pki.ClientConfig(other.Roots(), "localhost", must(ours.IssueClient("ana"))(t)), false},
		{"that expects another name", pki.ClientConfig(ours.Roots(), "kvs.example", must(ours.IssueClient("ana"))(t)), false},
	} {
		if err := handshake(t, server, c.client); (err == nil) != c.works {
			t.Errorf("a client %s: %v", c.name, err)
		}
	}
	nobody := pki.ServerConfig(must(ours.IssueServer())(t), tls.RequireAndVerifyClientCert, nil)
	if handshake(t, nobody, pki.ClientConfig(ours.Roots(), "localhost", must(ours.IssueClient("ana"))(t))) == nil {
		t.Error("a server without roots accepted a client")
	}
}

func TestOpenSSLFindsNothingWrongWithTheCertificates(t *testing.T) {
	openssl := needs.Program(t, "openssl")
	path := t.TempDir()
	d := must(pki.Open(path, time.Now()))(t)
	must(d.Server())(t)
	must(d.Client("ana"))(t)
	for name, purpose := range map[string]string{"server": "sslserver", "ana": "sslclient"} {
		out, err := exec.Command(openssl, "verify", "-x509_strict", "-check_ss_sig", "-purpose", purpose,
			"-CAfile", d.CertFile("ca"), d.CertFile(name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestFilesAreMadeOnFirstUseAndKeptAfterwards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "pki")
	use := func() map[string]string {
		d := must(pki.Open(path, now))(t)
		must(d.Server())(t)
		must(d.Client("ana"))(t)
		return files(t, path)
	}
	first := use()
	for _, name := range []string{"ca.pem", "ca.key", "server.pem", "server.key", "ana.pem", "ana.key"} {
		if first[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if len(first) != 6 {
		t.Errorf("there are %d files, want 6", len(first))
	}
	for name, content := range use() {
		if content != first[name] {
			t.Errorf("%s changed", name)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name := range first {
		want := os.FileMode(0o644)
		if strings.HasSuffix(name, ".key") {
			want = 0o600
		}
		if got := must(os.Stat(filepath.Join(path, name)))(t).Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
	if got := must(os.Stat(path))(t).Mode().Perm(); got != 0o700 {
		t.Errorf("the folder has mode %v, want 0700", got)
	}
}

func TestManyWhoStartAtOnceAgreeOnOneAuthority(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "pki")
		roots := make([][]byte, 8)
		var wg sync.WaitGroup
		for i := range roots {
			wg.Go(func() {
				d, err := pki.Open(path, now)
				if err != nil {
					t.Error(err)
					return
				}
				roots[i] = d.Authority().PEM()
				server, err := d.Server()
				if err != nil {
					t.Error(err)
					return
				}
				if err := server.Leaf.CheckSignatureFrom(d.Authority().Certificate()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, root := range roots {
			if !bytes.Equal(root, roots[0]) {
				t.Fatal("there are two authorities")
			}
		}
		if n := len(files(t, path)); n != 4 {
			t.Errorf("%d files are left, want 4", n)
		}
	}
}

func TestAProcessThatEndedAfterWritingTheKeyIsContinued(t *testing.T) {
	path := t.TempDir()
	d := must(pki.Open(path, now))(t)
	before := files(t, path)["ca.key"]
	check(t, os.Remove(d.CertFile("ca")))
	must(must(pki.Open(path, now))(t).Server())(t)
	if files(t, path)["ca.key"] != before {
		t.Error("the key changed")
	}
}

func TestALeafThatHasExpiredIsRenewedAndKeepsItsKey(t *testing.T) {
	for name, later := range map[string]time.Time{
		"expired":          now.AddDate(2, 0, 0),
		"in its last days": now.AddDate(1, 0, -3),
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			old := must(must(pki.Open(path, now))(t).Server("kvs.example"))(t)
			key := files(t, path)["server.key"]

			d := must(pki.Open(path, later))(t)
			renewed := must(d.Server("kvs.example"))(t)
			if renewed.Leaf.Equal(old.Leaf) || !renewed.Leaf.NotAfter.After(later.AddDate(0, 11, 0)) {
				t.Errorf("it still ends %v", renewed.Leaf.NotAfter)
			}
			if files(t, path)["server.key"] != key {
				t.Error("the key changed")
			}
			loaded := must(pki.Load(d.CertFile("server"), d.KeyFile("server")))(t)
			if !loaded.Leaf.Equal(renewed.Leaf) {
				t.Error("the file holds another certificate")
			}
		})
	}
}

func TestANewNameIsAddedToTheServersCertificate(t *testing.T) {
	d := must(pki.Open(t.TempDir(), now))(t)
	must(d.Server())(t)
	leaf := must(d.Server("KVS.example", "0:0:0:0:0:0:0:1"))(t).Leaf
	for _, name := range []string{"kvs.example", "localhost", "127.0.0.1", "::1"} {
		verify(t, d.Authority(), leaf, name, x509.ExtKeyUsageServerAuth)
	}
	if again := must(d.Server("kvs.example"))(t).Leaf; !again.Equal(leaf) {
		t.Error("it was renewed again for a name that it has")
	}
}

func TestAFolderThatIsNotInOrderIsRefusedAndNothingIsOverwritten(t *testing.T) {
	other := must(pki.Open(t.TempDir(), now))(t)
	for _, c := range []struct {
		name    string
		spoil   func(d *pki.Dir) error
		later   time.Time
		problem pki.Problem
	}{
		{"the authority's key is missing", func(d *pki.Dir) error { return os.Remove(d.KeyFile("ca")) }, now, pki.Unreadable},
		{"the authority's key is another's", func(d *pki.Dir) error { return copyFile(other.KeyFile("ca"), d.KeyFile("ca")) }, now, pki.Mismatch},
		{"the authority is empty", func(d *pki.Dir) error { return os.WriteFile(d.CertFile("ca"), nil, 0o600) }, now, pki.NotPEM},
		{"the authority has expired", func(*pki.Dir) error { return nil }, now.AddDate(11, 0, 0), pki.Expired},
		{"the authority is a leaf", func(d *pki.Dir) error {
			return errors.Join(copyFile(d.CertFile("server"), d.CertFile("ca")), copyFile(d.KeyFile("server"), d.KeyFile("ca")))
		}, now, pki.BadCertificate},
		{"the authority was replaced", func(d *pki.Dir) error {
			return errors.Join(copyFile(other.CertFile("ca"), d.CertFile("ca")), copyFile(other.KeyFile("ca"), d.KeyFile("ca")))
		}, now, pki.Foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := t.TempDir()
			d := must(pki.Open(path, now))(t)
			must(d.Server())(t)
			check(t, c.spoil(d))
			before := files(t, path)
			d, err := pki.Open(path, c.later)
			if err == nil {
				_, err = d.Server()
			}
			wantProblem(t, err, c.problem)
			for name, content := range files(t, path) {
				if content != before[name] {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

func TestAClientsNameCannotLeaveTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pki")
	d := must(pki.Open(path, now))(t)
	for _, name := range []string{"", "..", "../ana", "a/b", `a\b`, "ca", "server", ".hidden", "a b", "a\x00b"} {
		if _, err := d.Client(name); err == nil {
			t.Errorf("a client named %q was made", name)
		}
	}
	if n := len(files(t, path)); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
}

func TestAWrongFileIsNamedWithWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	d := must(pki.Open(dir, now))(t)
	must(d.Server())(t)
	must(d.Client("ana"))(t)
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	cert, key := d.CertFile("server"), d.KeyFile("server")
	for _, c := range []struct {
		name, cert, key string
		problem         pki.Problem
	}{
		{"a missing certificate", filepath.Join(dir, "missing"), key, pki.Unreadable},
		{"a missing key", cert, filepath.Join(dir, "missing"), pki.Unreadable},
		{"a folder", dir, key, pki.Unreadable},
		{"the two swapped", key, cert, pki.NoCertificate},
		{"a certificate for a key", cert, cert, pki.NoKey},
		{"another's key", cert, d.KeyFile("ana"), pki.Mismatch},
		{"text", file("text", "hello"), key, pki.NotPEM},
		{"an empty key", cert, file("empty", ""), pki.NotPEM},
		{"a broken certificate", file("c", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), key, pki.BadCertificate},
		{"a broken key", cert, file("k", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), pki.BadKey},
		{"an encrypted key", cert, file("e", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), pki.EncryptedKey},
		{"an old encrypted key", cert, file("o", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), pki.EncryptedKey},
		{"a huge file", file("huge", strings.Repeat("x", pki.MaxFile+1)), key, pki.TooLarge},
	} {
		_, err := pki.Load(c.cert, c.key)
		t.Run(c.name, func(t *testing.T) { wantProblem(t, err, c.problem) })
	}
	_, err := pki.LoadRoots(key)
	wantProblem(t, err, pki.NoCertificate)
}

func TestCertificateAndKeyMayBeInOneFile(t *testing.T) {
	path := t.TempDir()
	d := must(pki.Open(path, now))(t)
	must(d.Server())(t)
	all := files(t, path)
	both := filepath.Join(path, "both.pem")
	check(t, os.WriteFile(both, []byte(all["server.key"]+all["server.pem"]+all["ca.pem"]), 0o600))
	certificate := must(pki.Load(both, both))(t)
	if len(certificate.Certificate) != 2 {
		t.Errorf("the chain has %d certificates, want 2", len(certificate.Certificate))
	}
}

func TestKeysOfOtherKindsAndFormatsAreLoaded(t *testing.T) {
	openssl := needs.Program(t, "openssl")
	for _, kind := range []string{"rsa:2048", "ed25519", "ec -pkeyopt ec_paramgen_curve:P-384"} {
		dir := t.TempDir()
		cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
		args := slices.Concat([]string{"req", "-x509", "-nodes", "-subj", "/CN=x", "-newkey"}, strings.Fields(kind), []string{"-keyout", key, "-out", cert})
		if out, err := exec.Command(openssl, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", kind, err, out)
		}
		if _, err := pki.Load(cert, key); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if kind == "ed25519" {
			continue // has no older format
		}
		old := filepath.Join(dir, "old.pem")
		if out, err := exec.Command(openssl, "pkey", "-traditional", "-in", key, "-out", old).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", kind, err, out)
		}
		if _, err := pki.Load(cert, old); err != nil {
			t.Errorf("%s, old format: %v", kind, err)
		}
	}
}

func TestClientAuthenticationIsNoneRequestOrRequire(t *testing.T) {
	for text, want := range map[string]tls.ClientAuthType{
		"": tls.NoClientCert, "none": tls.NoClientCert, "request": tls.VerifyClientCertIfGiven, "require": tls.RequireAndVerifyClientCert,
	} {
		if got, err := pki.ParseClientAuth(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := pki.ParseClientAuth("maybe"); err == nil {
		t.Error("\"maybe\" was taken")
	}
}

func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	server, client = server.Clone(), client.Clone()
	server.Time = func() time.Time { return now }
	client.Time = server.Time
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			defer conn.Close()
			err = tls.Server(conn, server).Handshake()
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err == nil {
		defer conn.Close()
	}
	return errors.Join(err, <-served)
}

func verify(t *testing.T, a *pki.Authority, leaf *x509.Certificate, name string, usage x509.ExtKeyUsage) {
	t.Helper()
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: a.Roots(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		t.Errorf("%q: %v", name, err)
	}
}

func wantProblem(t *testing.T, err error, want pki.Problem) {
	t.Helper()
	var fileError *pki.FileError
	if !errors.As(err, &fileError) || fileError.Problem != want {
		t.Errorf("got %v, want problem %d", err, want)
		return
	}
	if !strings.Contains(err.Error(), fileError.Path) || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is not one line that names the file: %q", err)
	}
}

func files(t *testing.T, path string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	for _, entry := range must(os.ReadDir(path))(t) {
		if !entry.IsDir() {
			contents[entry.Name()] = string(must(os.ReadFile(filepath.Join(path, entry.Name())))(t))
		}
	}
	return contents
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, content, 0o600))
}

func authority(t *testing.T) *pki.Authority { return must(pki.NewAuthority(now))(t) }

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoClientHasTheAuthoritysFilesNotEvenWhereCapitalsAreTheSame(t *testing.T) {
	d, err := pki.Open(t.TempDir(), time.Now())
	check(t, err)
	for _, name := range []string{"ca", "CA", "Ca", "Server", "CRL"} {
		if _, err := d.Client(name); !errors.Is(err, pki.ErrClientName) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANameThatDiffersInCapitalsAloneFromOneThatIsThereIsRefused(t *testing.T) {
	folder := t.TempDir()
	d, err := pki.Open(folder, time.Now())
	check(t, err)
	_, err = d.Client("ana")
	check(t, err)
	before, err := os.ReadFile(d.CertFile("ana"))
	check(t, err)
	for what, do := range map[string]func(name string) error{
		"Client": func(name string) error { _, err := d.Client(name, "reader"); return err },
		"Renew":  func(name string) error { _, err := d.Renew(name); return err },
		"Revoke": func(name string) error { _, err := d.Revoke(name); return err },
	} {
		var spelled *pki.SpellingError
		if err := do("Ana"); !errors.As(err, &spelled) || *spelled != (pki.SpellingError{Name: "Ana", There: "ana"}) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after, err := os.ReadFile(d.CertFile("ana")); err != nil || string(after) != string(before) {
		t.Errorf("the certificate of the other is another one: %v", err)
	}
	entries, err := os.ReadDir(folder)
	check(t, err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "Ana") {
			t.Errorf("there is %s", entry.Name())
		}
	}
	_, err = d.Client("ana", "reader") // in its own spelling it is taken
	check(t, err)
}
