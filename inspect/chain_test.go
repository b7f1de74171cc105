package inspect_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// noon is when the sessions of these tests take place.
var noon = time.Date(2030, time.May, 17, 12, 0, 0, 0, time.UTC)

// An issuer signs certificates.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	above       [][]byte // the certificates between it and its root
}

// issue mints a certificate; a nil issuer makes a root.
func (i *issuer) issue(t *testing.T, subject string, change func(*x509.Certificate)) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: subject},
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), BasicConstraintsValid: true,
	}
	change(template)
	parent, signer := template, key
	made := &issuer{key: key}
	if i != nil {
		parent, signer = i.certificate, i.key
		if i.certificate.CheckSignatureFrom(i.certificate) != nil {
			made.above = append([][]byte{i.certificate.Raw}, i.above...)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if made.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return made
}

func authority(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

func leafFor(name string, use x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage, c.KeyUsage = []string{name}, []x509.ExtKeyUsage{use}, x509.KeyUsageDigitalSignature
	}
}

func (i *issuer) tls() tls.Certificate {
	return tls.Certificate{Certificate: append([][]byte{i.certificate.Raw}, i.above...), PrivateKey: i.key}
}

func (i *issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.certificate)
	return pool
}

func clock() time.Time { return noon }

// chains runs a handshake, which may fail, and returns how the certificate
// chains of both sides come out, in the view of the client.
func chains(t *testing.T, client, server *tls.Config) (*inspect.Recording, [2]inspect.Verification) {
	t.Helper()
	tap := &inspect.Tap{Now: clock}
	c, s := tap.Pipe(client, server)
	done := make(chan struct{})
	go func() {
		s.Handshake()
		s.Close()
		close(done)
	}()
	c.Handshake()
	c.Close()
	<-done
	tap.Close()
	return tap.Recording(), chainsOf(t, tap.Recording())
}

func chainsOf(t *testing.T, recording *inspect.Recording) (both [2]inspect.Verification) {
	t.Helper()
	for _, c := range inspect.NewSession(recording).Connections()[0].View(inspect.Client).Verifications() {
		if c.Kind == "certificate_chain" {
			both[c.Message.Side] = c
		}
		if c.Reason != c.Because.String() || (c.Reason == "") != (c.Outcome == inspect.Verified) {
			t.Errorf("%s is %s because %q, %q", c.Kind, c.Outcome, c.Reason, c.Because)
		}
	}
	return both
}

// came says how a verification came out.
func came(c inspect.Verification) string {
	all := []string{c.Outcome.String()}
	if c.Reason != "" {
		all = append(all, c.Reason)
	}
	for _, note := range c.Notes {
		all = append(all, note.String())
	}
	return strings.Join(all, "; ")
}

func TestACertificateChainIsCheckedAsItsReceiverChecksIt(t *testing.T) {
	root := (*issuer)(nil).issue(t, "root", authority)
	between := root.issue(t, "between", authority)
	good := between.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth))
	stranger := (*issuer)(nil).issue(t, "stranger", authority)
	for name, test := range map[string]struct {
		leaf   *issuer
		change func(*tls.Config)
		want   string
	}{
		"a good one": {good, nil, "verified; the chain CN=leaf < CN=between < CN=root is whole; for serverAuth; its name is lab.example; valid on 2030-05-17 12:00:00 UTC"},
		"of a subject with an e-mail address": {
			between.issue(t, "leaf", func(c *x509.Certificate) {
				leafFor("lab.example", x509.ExtKeyUsageServerAuth)(c)
				c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "ana@lab.example"}}
			}), nil, "verified; the chain emailAddress=ana@lab.example,CN=leaf < CN=between < CN=root is whole; ",
		},
		"of an unknown authority": {
			stranger.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth)), nil,
			"refuted; no chain leads from CN=leaf to a trusted root: its issuer should be one, or lead to one, but is CN=stranger",
		},
		"without the one between": {
			&issuer{certificate: good.certificate, key: good.key}, nil,
			"refuted; no chain leads from CN=leaf to a trusted root: its issuer should be one, or lead to one, but is CN=between",
		},
		"of another name": {
			between.issue(t, "leaf", leafFor("other.example", x509.ExtKeyUsageServerAuth)), nil,
			"refuted; it should be for lab.example, but is for other.example",
		},
		"too late": {
			good, func(c *tls.Config) { c.Time = func() time.Time { return noon.Add(2 * time.Hour) } },
			"refuted; CN=leaf should be valid on 2030-05-17 14:00:00 UTC, but was so only until 2030-05-17 13:00:00 UTC",
		},
		"too early": {
			good, func(c *tls.Config) { c.Time = func() time.Time { return noon.Add(-2 * time.Hour) } },
			"refuted; CN=leaf should be valid on 2030-05-17 10:00:00 UTC, but is so only from 2030-05-17 11:00:00 UTC on",
		},
		"for another use": {
			between.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageClientAuth)), nil,
			"refuted; a certificate of the chain should be for serverAuth, but is not",
		},
		"signed by no authority": {
			between.issue(t, "no authority", func(*x509.Certificate) {}).issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth)), nil,
			"refuted; no chain leads from CN=leaf to a trusted root: x509: certificate signed by unknown authority (possibly because of ",
		},
		"that breaks a rule": {
			between.issue(t, "narrow", func(c *x509.Certificate) {
				authority(c)
				c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
			}).issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth)), nil,
			"refuted; the chain from CN=leaf breaks a rule: ",
		},
		"that the client does not check": {
			stranger.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth)), func(c *tls.Config) { c.InsecureSkipVerify = true },
			"refuted; no chain leads from CN=leaf to a trusted root: its issuer should be one, or lead to one, but is CN=stranger; " +
				"the client itself does not check it: its configuration says so",
		},
		"that the client cannot check": {
			good, func(c *tls.Config) { c.InsecureSkipVerify, c.RootCAs = true, nil },
			"not checkable; the client itself does not check it: its configuration says so",
		},
		"that the system would have to check": {
			good, func(c *tls.Config) { c.RootCAs = nil },
			"not checkable; the client trusts the roots of its system, and they are not in the recording",
		},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := &tls.Config{RootCAs: root.pool(), ServerName: "lab.example", Time: clock, MaxVersion: version}
			if test.change != nil {
				test.change(client)
			}
			_, both := chains(t, client, &tls.Config{Certificates: []tls.Certificate{test.leaf.tls()}, Time: clock})
			if got := came(both[inspect.Server]); !strings.HasPrefix(got, test.want) {
				t.Errorf("a chain %s, version 0x%04x:\ngot  %s\nwant %s", name, version, got, test.want)
			}
		}
	}
}

func TestAClientsChainIsCheckedByWhatTheServerTrusts(t *testing.T) {
	root := (*issuer)(nil).issue(t, "root", authority)
	mine := root.issue(t, "ana", leafFor("ana", x509.ExtKeyUsageClientAuth))
	stranger := (*issuer)(nil).issue(t, "stranger", authority)
	server := root.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth))
	for name, test := range map[string]struct {
		auth  tls.ClientAuthType
		roots *x509.CertPool
		want  string
	}{
		"checked": {tls.RequireAndVerifyClientCert, root.pool(), "verified; the chain CN=ana < CN=root is whole; for clientAuth; valid on 2030-05-17 12:00:00 UTC"},
		"refused": {tls.RequireAndVerifyClientCert, stranger.pool(), "refuted; no chain leads from CN=ana to a trusted root: its issuer should be one, or lead to one, but is CN=root"},
		"taken":   {tls.RequireAnyClientCert, nil, "not checkable; the server itself does not check it: its configuration says so"},
	} {
		client := &tls.Config{RootCAs: root.pool(), ServerName: "lab.example", Time: clock}
		certificate := mine.tls()
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
		_, both := chains(t, client, &tls.Config{
			Certificates: []tls.Certificate{server.tls()}, ClientAuth: test.auth, ClientCAs: test.roots, Time: clock,
		})
		if got := came(both[inspect.Client]); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
	}
}

func TestASessionFromAFileIsCheckedByTheRootsThatItIsGiven(t *testing.T) {
	root := (*issuer)(nil).issue(t, "root", authority)
	leaf := root.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth))
	recorded, _ := chains(t, &tls.Config{RootCAs: root.pool(), ServerName: "lab.example", Time: clock}, &tls.Config{Certificates: []tls.Certificate{leaf.tls()}, Time: clock})
	opened := new(inspect.Recording)
	for e := range recorded.Events(0) {
		if e.Kind == inspect.Opened {
			e.Opening = &inspect.Opening{Protocol: "tls"}
		}
		opened.Append(e)
	}
	if got, want := came(chainsOf(t, opened)[inspect.Server]), "not checkable; which roots the client trusts is not in the recording"; got != want {
		t.Errorf("without roots: %s", got)
	}
	opened.Trust(root.pool())
	if got, want := came(chainsOf(t, opened)[inspect.Server]), "verified; the chain CN=leaf < CN=root is whole; for serverAuth; its name is lab.example; valid on 2030-05-17 12:00:00 UTC"; got != want {
		t.Errorf("with roots: %s", got)
	}
}

func TestWithoutANameOrAClockAChainIsNotCheckable(t *testing.T) {
	root := (*issuer)(nil).issue(t, "root", authority)
	leaf := root.issue(t, "leaf", leafFor("192.0.2.1", x509.ExtKeyUsageServerAuth))
	recorded, _ := chains(t, &tls.Config{RootCAs: root.pool(), ServerName: "192.0.2.1", Time: clock}, &tls.Config{Certificates: []tls.Certificate{leaf.tls()}, Time: clock})
	for _, test := range []struct {
		times bool
		want  string
	}{
		{true, "not checkable; the chain leads to a trusted root, but which name the client expects is not in the recording"},
		{false, "not checkable; what time it was is not in the recording"},
	} {
		again := new(inspect.Recording)
		for e := range recorded.Events(0) {
			if e.Kind == inspect.Opened {
				e.Opening = &inspect.Opening{Protocol: "tls"}
			}
			if !test.times {
				e.Time = time.Time{}
			}
			again.Append(e)
		}
		again.Trust(root.pool())
		if got := came(chainsOf(t, again)[inspect.Server]); got != test.want {
			t.Errorf("times %v:\ngot  %s\nwant %s", test.times, got, test.want)
		}
	}
}

func TestRootsThatAreAddedLaterAreNotTrustedByWhatIsRecorded(t *testing.T) {
	root := (*issuer)(nil).issue(t, "root", authority)
	leaf := root.issue(t, "leaf", leafFor("lab.example", x509.ExtKeyUsageServerAuth))
	roots := x509.NewCertPool()
	roots.AddCert((*issuer)(nil).issue(t, "stranger", authority).certificate)
	recorded, _ := chains(t, &tls.Config{RootCAs: roots, ServerName: "lab.example", Time: clock}, &tls.Config{Certificates: []tls.Certificate{leaf.tls()}, Time: clock})
	roots.AddCert(root.certificate)
	if got := chainsOf(t, recorded)[inspect.Server]; got.Outcome != inspect.Refuted {
		t.Errorf("the chain that the client refused is now %s", came(got))
	}
}
