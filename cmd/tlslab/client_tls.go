package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

// facts are what there is to say of a TLS session, once its handshake is done.
type facts struct {
	state  tls.ConnectionState
	scheme string // that the server signed with; "" in a resumed session
	asked  string // the name in the ClientHello; "" for an address
}

func (r *clientRun) factsOf(conn *inspect.Conn) facts {
	f := facts{state: conn.ConnectionState(), asked: r.config.ServerName}
	if net.ParseIP(strings.Trim(f.asked, "[]")) != nil {
		f.asked = "" // an address is no server name (RFC 6066 section 3)
	}
	for _, m := range r.session.Connections()[conn.ID()].View(inspect.Client).Messages() {
		for _, kind := range []string{"certificate_verify.algorithm", "server_key_exchange.algorithm"} {
			if m.Side != inspect.Server {
				continue
			}
			if field, ok := m.Fields().Find(kind); ok {
				f.scheme = field.Text(m.Bytes)
			}
		}
	}
	return f
}

// tellTLS gives an account of the session: each fact, and what it means.
func (r *clientRun) tellTLS(f facts) string {
	var text strings.Builder
	fact := func(label, value, meaning string) {
		fmt.Fprintf(&text, "%s: %s\n", r.say(label), safe(value))
		for line := range strings.SplitSeq(wrap(meaning, 76), "\n") {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	s := f.state
	old := s.Version < tls.VersionTLS13
	fact("client_tls_version", tls.VersionName(s.Version), r.either(old, "client_tls_version_12", "client_tls_version_13"))
	fact("client_tls_suite", tls.CipherSuiteName(s.CipherSuite), r.say("client_tls_suite_means"))
	switch {
	case s.CurveID == 0:
		fact("client_tls_group", r.say("client_tls_none"), r.say("client_tls_group_none"))
	default:
		fact("client_tls_group", inspect.GroupName(uint16(s.CurveID)),
			r.either(s.CurveID == tls.X25519MLKEM768 || s.CurveID == tls.SecP256r1MLKEM768 || s.CurveID == tls.SecP384r1MLKEM1024, "client_tls_group_hybrid", "client_tls_group_means"))
	}
	if f.scheme == "" {
		fact("client_tls_scheme", r.say("client_tls_none"), r.say("client_tls_scheme_resumed"))
	} else {
		fact("client_tls_scheme", f.scheme, r.say("client_tls_scheme_means"))
	}
	fact("client_tls_resumed", r.either(s.DidResume, "client_tls_yes", "client_tls_no"), r.either(s.DidResume, "client_tls_resumed_yes", "client_tls_resumed_no"))
	if s.NegotiatedProtocol == "" {
		fact("client_tls_alpn", r.say("client_tls_none"), r.say("client_tls_alpn_none"))
	} else {
		fact("client_tls_alpn", s.NegotiatedProtocol, r.say("client_tls_alpn_means"))
	}
	if f.asked == "" {
		fact("client_tls_name", r.say("client_tls_none"), r.say("client_tls_name_none", "host", safe(r.config.ServerName)))
	} else {
		fact("client_tls_name", f.asked, r.say("client_tls_name_means"))
	}
	for i, c := range chainOf(s) {
		meaning := r.say("client_tls_chain_between")
		switch {
		case i == 0:
			meaning = r.say("client_tls_chain_server")
		case i == len(chainOf(s))-1:
			meaning = r.say("client_tls_chain_authority")
		}
		fact("client_tls_certificate", c.Subject.String(), meaning)
		fmt.Fprintf(&text, "    %s: %s\n", r.say("cmd_pki_issuer"), safe(c.Issuer.String()))
		if names := namesOf(c); names != "" {
			fmt.Fprintf(&text, "    %s: %s\n", r.say("cmd_pki_names"), safe(names))
		}
		left := int(time.Until(c.NotAfter).Hours() / 24)
		fmt.Fprintf(&text, "    %s: %s\n", r.say("cmd_pki_valid"), r.say("client_tls_valid", "from", day(c.NotBefore), "until", day(c.NotAfter), "count", left))
		fmt.Fprintf(&text, "    %s: %s\n", r.say("client_tls_key"), keyKind(c))
		fmt.Fprintf(&text, "    %s:\n", r.say("cmd_pki_fingerprint"))
		for line := range strings.SplitSeq(halved(fingerprint(c)), "\n") {
			fmt.Fprintf(&text, "      %s\n", line)
		}
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func (r *clientRun) either(first bool, yes, no string) string {
	if first {
		return r.say(yes)
	}
	return r.say(no)
}

// halved breaks a fingerprint into two lines, which fit a small terminal.
func halved(fingerprint string) string {
	half := len(fingerprint)/2 + 1
	return fingerprint[:half] + "\n" + fingerprint[half:]
}

// chainOf is the chain that was verified, from the server's certificate to the authority's.
func chainOf(s tls.ConnectionState) []*x509.Certificate {
	if len(s.VerifiedChains) > 0 {
		return s.VerifiedChains[0]
	}
	return s.PeerCertificates
}

func keyKind(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}

// A jsonTLS is what :tls says, for programs.
type jsonTLS struct {
	Kind       string            `json:"kind"`
	Version    string            `json:"version"`
	Suite      string            `json:"suite"`
	Group      string            `json:"group,omitempty"`
	Scheme     string            `json:"scheme,omitempty"`
	Resumed    bool              `json:"resumed"`
	ALPN       string            `json:"alpn,omitempty"`
	ServerName string            `json:"server_name,omitempty"`
	Chain      []jsonCertificate `json:"chain"`
}

type jsonCertificate struct {
	Subject     string   `json:"subject"`
	Issuer      string   `json:"issuer"`
	Names       []string `json:"names"`
	NotBefore   string   `json:"not_before"`
	NotAfter    string   `json:"not_after"`
	Key         string   `json:"key"`
	Fingerprint string   `json:"sha256"`
}

func tlsLine(f facts) []byte {
	s := f.state
	line := jsonTLS{
		Kind: "tls_session", Version: tls.VersionName(s.Version), Suite: tls.CipherSuiteName(s.CipherSuite), Scheme: f.scheme, Resumed: s.DidResume,
		ALPN: inspect.Safe(s.NegotiatedProtocol), ServerName: inspect.Safe(f.asked), Chain: []jsonCertificate{},
	}
	if s.CurveID != 0 {
		line.Group = inspect.GroupName(uint16(s.CurveID))
	}
	for _, c := range chainOf(s) {
		names := []string{}
		for _, name := range append(c.DNSNames, addresses(c)...) {
			names = append(names, inspect.Safe(name))
		}
		line.Chain = append(line.Chain, jsonCertificate{
			Subject: inspect.Safe(c.Subject.String()), Issuer: inspect.Safe(c.Issuer.String()), Names: names,
			NotBefore: jsonTime(c.NotBefore), NotAfter: jsonTime(c.NotAfter), Key: keyKind(c),
			Fingerprint: strings.ToLower(strings.ReplaceAll(fingerprint(c), ":", "")),
		})
	}
	return report.Line(line)
}

func addresses(c *x509.Certificate) (all []string) {
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

func jsonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }
