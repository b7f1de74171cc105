package inspect

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// RFC 8446 section 4.4.2; in TLS 1.2 a bare list (RFC 5246 section 7.4.2).
func certificate(c *cursor, m *Message) {
	if !m.is13() {
		c.rfc = "RFC 5246 section 7.4.2"
		c.list("certificate.certificate_list", 3, func(c *cursor) {
			c.vector("certificate.cert_data", 3, certificateSummary)
		})
		return
	}
	c.vector("certificate.certificate_request_context", 1, nil)
	c.list("certificate.certificate_list", 3, func(c *cursor) {
		c.group("certificate.certificate_entry", func(c *cursor) {
			c.vector("certificate.cert_data", 3, certificateSummary)
			extensionList(c, "certificate.extensions", inCertificate)
		})
	})
}

// certificateSummary tells of a DER certificate its subject, issuer, names,
// validity and key.
func certificateSummary(der []byte) string {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Sprintf("not an X.509 certificate that parses: %v", err)
	}
	parts := []string{"subject " + orEmpty(cert.Subject.String()), "issuer " + orEmpty(cert.Issuer.String())}
	if names := certificateNames(cert); len(names) > 0 {
		parts = append(parts, "names "+strings.Join(names, ", "))
	}
	parts = append(parts, fmt.Sprintf("valid %s to %s", second(cert.NotBefore), second(cert.NotAfter)), publicKey(cert))
	return strings.Join(parts, "; ")
}

func orEmpty(name string) string {
	if name == "" {
		return "(empty)"
	}
	return name
}

func certificateNames(cert *x509.Certificate) []string {
	names := append([]string(nil), cert.DNSNames...)
	for _, address := range cert.IPAddresses {
		names = append(names, address.String())
	}
	names = append(names, cert.EmailAddresses...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	return names
}

func publicKey(cert *x509.Certificate) string {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return cert.PublicKeyAlgorithm.String()
}

func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// ocspResponse tells what the responder says of the certificate (RFC 6960
// section 4.2). The signature is not looked at here.
func ocspResponse(der []byte) string {
	response, err := ocsp.ParseResponse(der, nil)
	if err != nil {
		return fmt.Sprintf("not an OCSP response that parses: %v", err)
	}
	status := map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[response.Status]
	said := fmt.Sprintf("%s; serial number %x; this update %s", status, response.SerialNumber, second(response.ThisUpdate))
	if !response.NextUpdate.IsZero() {
		said += "; next update " + second(response.NextUpdate)
	}
	return said
}

// RFC 8446 section 4.3.2; RFC 5246 section 7.4.4.
func certificateRequest(c *cursor, m *Message) {
	if m.is13() {
		c.vector("certificate_request.certificate_request_context", 1, nil)
		extensionList(c, "certificate_request.extensions", inCertificateRequest)
		return
	}
	c.rfc = "RFC 5246 section 7.4.4"
	c.list("certificate_request.certificate_types", 1, func(c *cursor) {
		c.code("certificate_request.certificate_type", &clientCertificateTypes)
	})
	if m.namesSchemes() {
		c.list("certificate_request.supported_signature_algorithms", 2, func(c *cursor) {
			c.code("certificate_request.signature_scheme", &schemes)
		})
	}
	certificateAuthorities(c, inCertificateRequest)
}

// namesSchemes reports whether a signature comes with its scheme: not before
// TLS 1.2.
func (m *Message) namesSchemes() bool { return m.version == 0 || m.version >= version12 }

// RFC 8446 section 4.4.3; RFC 5246 section 7.4.8 has the same layout.
func certificateVerify(c *cursor, m *Message) {
	if !m.is13() {
		c.rfc = "RFC 5246 section 7.4.8"
	}
	if m.namesSchemes() {
		c.code("certificate_verify.algorithm", &schemes)
	}
	c.vector("certificate_verify.signature", 2, nil)
}
