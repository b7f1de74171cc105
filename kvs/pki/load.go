package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// MaxFile is the largest certificate or key file that is read, in bytes.
const MaxFile = 1 << 20

// A Problem is what is wrong with a file of certificates or with a key file.
type Problem int

const (
	Unreadable     Problem = iota + 1 // the operating system says no; see FileError.Err
	TooLarge                          // more than MaxFile bytes
	NotPEM                            // no PEM block in it
	NoCertificate                     // PEM, but no certificate; perhaps a key
	NoKey                             // PEM, but no private key; perhaps a certificate
	EncryptedKey                      // the key needs a password
	BadCertificate                    // a certificate that cannot be parsed, or not an authority's
	BadKey                            // a key that cannot be parsed, or of an unknown kind
	Mismatch                          // the key is not that of the certificate in Other
	Expired                           // the authority's time is over
	Foreign                           // not signed by the authority in Other
	BadList                           // not a list of revoked certificates that the authority signed
	Locked                            // another process is changing the list of revoked certificates
)

// A FileError says what is wrong with a file, and what to do.
type FileError struct {
	Path    string
	Problem Problem
	Other   string // the second file, where two do not fit
	Err     error  // what caused it, or nil
}

func (e *FileError) Unwrap() error { return e.Err }

func (e *FileError) Error() string {
	switch e.Problem {
	case Unreadable:
		return fmt.Sprintf("%s cannot be read (%v): check its name and its permissions", e.Path, e.Err)
	case TooLarge:
		return fmt.Sprintf("%s has more than %d bytes: it is not a certificate or key file", e.Path, MaxFile)
	case NotPEM:
		return fmt.Sprintf("%s is not in PEM format: it must hold lines that begin with -----BEGIN", e.Path)
	case NoCertificate:
		return fmt.Sprintf("%s holds no certificate: give the file with -----BEGIN CERTIFICATE----- in it", e.Path)
	case NoKey:
		return fmt.Sprintf("%s holds no private key: give the file with -----BEGIN PRIVATE KEY----- in it", e.Path)
	case EncryptedKey:
		return fmt.Sprintf("the key in %s is encrypted: decrypt it first (openssl pkey -in FILE -out NEW)", e.Path)
	case BadCertificate:
		return fmt.Sprintf("the certificate in %s cannot be used (%v): get it anew from its source", e.Path, e.Err)
	case BadKey:
		return fmt.Sprintf("the key in %s cannot be used (%v): it must be RSA, ECDSA or Ed25519", e.Path, e.Err)
	case Mismatch:
		return fmt.Sprintf("the key in %s does not belong to the certificate in %s: give the two that were made together", e.Path, e.Other)
	case Expired:
		return fmt.Sprintf("the authority in %s has expired: move the folder away, and a new one is made", e.Path)
	case Foreign:
		return fmt.Sprintf("%s was not signed by the authority in %s: move it away, and a new one is made", e.Path, e.Other)
	case BadList:
		return fmt.Sprintf("the list of revoked certificates in %s cannot be used (%v): put back one that the authority signed", e.Path, e.Err)
	case Locked:
		return fmt.Sprintf("%s is there: another process is changing the list of revoked certificates; if there is none, remove that file", e.Path)
	default:
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
}

// Load reads a certificate, with those that lead from it to its authority if
// they are in the file, and its private key. The files may be one and the same. Errors are of type *[FileError].
// Whether the certificate is still valid is for the peer to judge.
func Load(certFile, keyFile string) (tls.Certificate, error) {
	chain, err := readCertificates(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readKey(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	if !belongs(key, chain[0]) {
		return tls.Certificate{}, &FileError{Path: keyFile, Problem: Mismatch, Other: certFile}
	}
	certificate := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		certificate.Certificate = append(certificate.Certificate, c.Raw)
	}
	return certificate, nil
}

// LoadRoots reads the certificates of authorities that are to be trusted. Errors are of
// type *[FileError].
func LoadRoots(file string) (*x509.CertPool, error) {
	certificates, err := readCertificates(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool, nil
}

// readCertificates returns at least one.
func readCertificates(file string) ([]*x509.Certificate, error) {
	blocks, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &FileError{Path: file, Problem: BadCertificate, Err: err}
		}
		certificates = append(certificates, c)
	}
	if len(certificates) == 0 {
		return nil, &FileError{Path: file, Problem: NoCertificate}
	}
	return certificates, nil
}

func readKey(file string) (crypto.Signer, error) {
	blocks, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, &FileError{Path: file, Problem: EncryptedKey}
		}
		key, err := parseKey(block.Bytes)
		if err != nil {
			return nil, &FileError{Path: file, Problem: BadKey, Err: err}
		}
		return key, nil
	}
	return nil, &FileError{Path: file, Problem: NoKey}
}

func readPEM(file string) (blocks []*pem.Block, err error) {
	content, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		blocks = append(blocks, block)
	}
	if len(blocks) == 0 {
		return nil, &FileError{Path: file, Problem: NotPEM}
	}
	return blocks, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, unreadable(file, err)
	}
	if len(content) > MaxFile {
		return nil, &FileError{Path: file, Problem: TooLarge}
	}
	return content, nil
}

// unreadable keeps what the system said, without the path that the FileError names.
func unreadable(file string, err error) *FileError {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return &FileError{Path: file, Problem: Unreadable, Err: err}
}

// parseKey takes PKCS #8, and the older formats of RSA (RFC 8017) and EC keys (RFC 5915).
func parseKey(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if rsaKey, err := x509.ParsePKCS1PrivateKey(der); err == nil {
			return rsaKey, nil
		}
		if ecKey, err := x509.ParseECPrivateKey(der); err == nil {
			return ecKey, nil
		}
		return nil, err
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	default:
		return nil, fmt.Errorf("it is a %T", key)
	}
}

func belongs(key crypto.Signer, certificate *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(certificate.PublicKey)
}
