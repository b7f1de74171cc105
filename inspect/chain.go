package inspect

import (
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// verifyChain checks the certificates that a side sent against what its peer
// goes by: the roots that it trusts, the name that it expects of a server, its
// clock. ok is false where none was sent.
func (v *View) verifyChain(m *Message) (c Verification, ok bool) {
	c = Verification{Kind: "certificate_chain", Message: m, RFC: "RFC 5280 section 6"}
	chain, err := certificatesOf(m.body(), v.state().Version)
	if err != nil {
		return c.because("certificate_unparsed", "error", err), true
	}
	if len(chain) == 0 {
		return c, false // a client that has none
	}
	certificates := make([]*x509.Certificate, len(chain))
	for i, der := range chain {
		if certificates[i], err = x509.ParseCertificate(der); err != nil {
			return c.because("certificate_unparsed", "error", err), true
		}
	}
	return v.basis(m).check(c, certificates), true
}

// A basis is what a chain is checked by.
type basis struct {
	Trust
	known  bool // Trust is the endpoint's own
	sender Side
	name   string    // expected of a server; "" if it is not known
	now    time.Time // zero if it is not known
}

func (v *View) basis(m *Message) basis {
	opening := v.conn.Opening
	b := basis{sender: m.Side, now: m.Record.Time}
	if own := opening.Trust[m.Side.Peer()]; own != nil {
		b.Trust, b.known = *own, true
	}
	if b.Roots == nil {
		b.Roots = v.session.roots
	}
	if m.Side == Server {
		if b.name = opening.ServerName; b.name == "" {
			b.name = v.state().ServerName // that the client asks for
		}
		// Who rejects ECH proves the public name (RFC 9849 section 6.1.7), and
		// crypto/tls then checks whatever InsecureSkipVerify says.
		if v.state().ECH == ECHRejected {
			b.name, b.Skips = v.state().PublicName, false
		}
	}
	if !b.Time.IsZero() {
		b.now = b.Time
	} else if b.now.UnixNano() == 0 { // Append was given none
		b.now = time.Time{}
	}
	return b
}

// use is the purpose that the chain must be for (RFC 5280 section 4.2.1.12).
func (b basis) use() (x509.ExtKeyUsage, string) {
	if b.sender == Server {
		return x509.ExtKeyUsageServerAuth, "serverAuth"
	}
	return x509.ExtKeyUsageClientAuth, "clientAuth"
}

func (b basis) check(c Verification, chain []*x509.Certificate) Verification {
	peer := b.sender.Peer()
	switch {
	case b.Roots == nil && b.Skips:
		return c.because("not_checked", "side", peer)
	case b.Roots == nil && b.known:
		return c.because("system_roots", "side", peer)
	case b.Roots == nil:
		return c.because("no_roots", "side", peer)
	case b.now.IsZero():
		return c.because("no_clock")
	case b.Skips:
		c.Notes = append(c.Notes, because("not_checked", "side", peer))
	}
	usage, _ := b.use()
	options := x509.VerifyOptions{
		Roots: b.Roots, Intermediates: x509.NewCertPool(), CurrentTime: b.now, KeyUsages: []x509.ExtKeyUsage{usage}, DNSName: b.name,
	}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	chains, err := chain[0].Verify(options)
	switch {
	case err != nil:
		return c.ended(Refuted, b.failure(chain[0], err))
	case b.sender == Server && b.name == "":
		return c.because("no_name")
	}
	c.Outcome = Verified
	c.Notes = append(c.Notes, b.success(chains[0]))
	return c
}

// success tells what has been checked.
func (b basis) success(chain []*x509.Certificate) Reason {
	var subjects []string
	for _, certificate := range chain {
		subjects = append(subjects, distinguished(certificate.RawSubject))
	}
	_, use := b.use()
	data := []any{"chain", strings.Join(subjects, " < "), "use", use, "time", moment(b.now)}
	if b.sender == Server {
		return because("chain_name", append(data, "name", b.name)...)
	}
	return because("chain", data...)
}

// failure tells which check has failed, and what was expected.
func (b basis) failure(leaf *x509.Certificate, err error) Reason {
	_, use := b.use()
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		last := authority.Cert
		if last == nil {
			last = leaf
		}
		if text := authority.Error(); text != (x509.UnknownAuthorityError{}).Error() { // it says why one that is there was not taken
			return because("authority_refused", "subject", distinguished(last.RawSubject), "error", text)
		}
		return because("unknown_authority", "subject", distinguished(last.RawSubject), "issuer", distinguished(last.RawIssuer))
	case errors.As(err, &name):
		return because("wrong_name", "name", b.name, "names", namesOf(leaf))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		subject := distinguished(invalid.Cert.RawSubject)
		if b.now.Before(invalid.Cert.NotBefore) {
			return because("not_yet_valid", "subject", subject, "time", moment(b.now), "from", moment(invalid.Cert.NotBefore))
		}
		return because("expired", "subject", subject, "time", moment(b.now), "until", moment(invalid.Cert.NotAfter))
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return because("wrong_use", "use", use)
	}
	return because("chain_broken", "subject", distinguished(leaf.RawSubject), "error", err)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// distinguished is a distinguished name in DER as the trees show it, all of
// its attributes in their order, or a word for the empty one.
func distinguished(der []byte) string {
	if text := distinguishedName(newCursor("", der), "x509.name", tagSequence); text != "" {
		return text
	}
	return "(no name)"
}

// namesOf lists the names that a certificate is for (RFC 9525 section 6).
func namesOf(certificate *x509.Certificate) string {
	names := slices.Clone(certificate.DNSNames)
	for _, address := range certificate.IPAddresses {
		names = append(names, net.IP(address).String())
	}
	if len(names) == 0 {
		return "(no name)"
	}
	return strings.Join(names, ", ")
}
