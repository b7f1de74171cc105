package pki

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// RenewBefore is how long before its end a leaf is renewed.
const RenewBefore = 30 * 24 * time.Hour

// Dir is an authority whose files are in a folder: ca.pem and ca.key, server.pem
// and server.key, and NAME.pem and NAME.key for each client; crl.pem, the certificates that were
// revoked; and in issued/ a copy of each certificate.
//
// Several processes may use one folder at once. A file is written beside its
// place and then put there, whole, and what is there is never overwritten; the
// exceptions are a leaf's certificate that is renewed, and the list of those that were revoked. A key is always written before the certificate that
// is made for it, and a renewed certificate keeps its key, so the two fit at every moment; but where [Dir.Renew] makes a
// new key there is a moment in which they do not.
type Dir struct {
	path      string
	now       time.Time
	keys      KeyType
	authority *Authority
}

// Open reads the authority in the folder at path, and makes what is missing: the
// folder (mode 0700), the key (0600), the certificate. It judges and issues
// as of now. New keys are of the type that is given, at most one, or [ECDSA].
func Open(path string, now time.Time, keys ...KeyType) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the certificates: %w", err)
	}
	d := &Dir{path: path, now: now, keys: ECDSA}
	if len(keys) > 0 {
		d.keys = keys[0]
	}
	certificate, key, err := d.pair("ca", func(key crypto.Signer) (*x509.Certificate, error) {
		a, err := selfSigned(key, now, nil)
		if err != nil {
			return nil, err
		}
		return a.certificate, nil
	})
	if err != nil {
		return nil, err
	}
	switch {
	case !certificate.IsCA:
		return nil, &FileError{Path: d.CertFile("ca"), Problem: BadCertificate, Err: errors.New("it is not an authority's")}
	case now.After(certificate.NotAfter):
		return nil, &FileError{Path: d.CertFile("ca"), Problem: Expired}
	}
	d.authority = &Authority{certificate: certificate, key: key, now: now}
	return d, nil
}

// Authority returns the authority itself.
func (d *Dir) Authority() *Authority { return d.authority }

// CertFile returns the path of a certificate: of "ca", "server", or a client.
func (d *Dir) CertFile(name string) string { return filepath.Join(d.path, name+".pem") }

// KeyFile returns the path of a private key: of "ca", "server", or a client.
func (d *Dir) KeyFile(name string) string { return filepath.Join(d.path, name+".key") }

// Server returns the server's certificate and key, made on first use for these names, or
// [DefaultServerNames]. A certificate that ends within 30 days, or lacks
// one of the names that are given, is renewed, and keeps the names that it has.
func (d *Dir) Server(names ...string) (tls.Certificate, error) {
	names = unique(names)
	return d.leaf("server", func(old *x509.Certificate) (*x509.Certificate, error) {
		if old == nil {
			return serverTemplate(names)
		}
		return serverTemplate(unique(append(namesOf(old), names...)))
	}, func(c *x509.Certificate) bool {
		has := unique(namesOf(c))
		return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(has, name) })
	})
}

var clientFile = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ErrClientName says that a name cannot be that of a client's files.
var ErrClientName = errors.New(`not a name for a client's files: use 1 to 64 letters, digits, '.', '_' and '-', and not "ca", "crl" or "server"`)

// A SpellingError says that there are files of a name that differs from Name in capitals alone. Where a file system takes the two for
// the same, one would get the other's key.
type SpellingError struct{ Name, There string }

func (e *SpellingError) Error() string {
	return fmt.Sprintf("%q: there are files of %q, which differs in capitals alone", e.Name, e.There)
}

// spelled returns a *[SpellingError] where there are no files of that very name, but of one that differs in capitals.
func (d *Dir) spelled(name string) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	there := ""
	for _, entry := range entries {
		switch of, extension, _ := cutLast(entry.Name(), "."); {
		case extension != "pem" && extension != "key":
		case of == name:
			return nil
		case strings.EqualFold(of, name):
			there = of
		}
	}
	if there == "" {
		return nil
	}
	return &SpellingError{name, there}
}

// Client returns a client's certificate and key, made on first use, in the
// files NAME.pem and NAME.key. The name is 1 to 64 letters, digits, '.', '_' and '-', and neither
// "ca" nor "crl" nor "server", in capitals neither: there are file systems for which that is the same. For their sake a name that differs in capitals alone from
// one that is there is a *[SpellingError]. A certificate that ends within 30 days is renewed. The units become organizational units of the
// subject. One that has others is revoked, and a new one made; without units it keeps those that it has.
func (d *Dir) Client(name string, units ...string) (tls.Certificate, error) {
	if !clientFile.MatchString(name) || slices.Contains([]string{"ca", "crl", "server"}, strings.ToLower(name)) {
		return tls.Certificate{}, fmt.Errorf("%q: %w", name, ErrClientName)
	}
	if err := d.spelled(name); err != nil {
		return tls.Certificate{}, err
	}
	certificate, err := d.leaf(name, func(old *x509.Certificate) (*x509.Certificate, error) {
		if len(units) == 0 && old != nil {
			return clientTemplate(name, old.Subject.OrganizationalUnit)
		}
		return clientTemplate(name, units)
	}, func(c *x509.Certificate) bool {
		return len(units) == 0 || slices.Equal(c.Subject.OrganizationalUnit, units)
	})
	if err != nil || len(units) == 0 {
		return certificate, err
	}
	issued, err := d.issued(name)
	if err != nil {
		return certificate, err
	}
	_, err = d.revokeAll(slices.DeleteFunc(issued, func(c *x509.Certificate) bool { return slices.Equal(c.Subject.OrganizationalUnit, units) }))
	return certificate, err
}

// Renew issues the certificate of "server" or of a client anew, for the same names and units, whenever it ends. It keeps its
// key, unless the certificate was revoked, or a type of keys is given.
func (d *Dir) Renew(name string, keys ...KeyType) (tls.Certificate, error) {
	if err := d.spelled(name); err != nil {
		return tls.Certificate{}, err
	}
	old, err := Load(d.CertFile(name), d.KeyFile(name))
	if err != nil {
		return tls.Certificate{}, err
	}
	if name == "ca" || old.Leaf.CheckSignatureFrom(d.authority.certificate) != nil {
		return tls.Certificate{}, &FileError{Path: d.CertFile(name), Problem: Foreign, Other: d.CertFile("ca")}
	}
	revoked := d.Revocations().Check(old.Leaf)
	if revoked != nil && !errors.As(revoked, new(*RevokedError)) {
		return tls.Certificate{}, revoked
	}
	key, fresh := old.PrivateKey.(crypto.Signer), revoked != nil || len(keys) > 0
	if fresh {
		kind := keyTypeOf(key)
		if len(keys) > 0 {
			kind = keys[0]
		}
		if key, err = generateKey(kind); err != nil {
			return tls.Certificate{}, err
		}
	}
	template, err := clientTemplate(name, old.Leaf.Subject.OrganizationalUnit)
	if name == "server" {
		template, err = serverTemplate(namesOf(old.Leaf))
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := d.authority.sign(template, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := d.record(name, leaf); err != nil {
		return tls.Certificate{}, err
	}
	if fresh {
		content, err := keyPEM(key)
		if err != nil {
			return tls.Certificate{}, err
		}
		if err := replace(d.KeyFile(name), content, 0o600); err != nil {
			return tls.Certificate{}, err
		}
	}
	if err := replace(d.CertFile(name), certificatePEM(leaf.Raw), 0o644); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// leaf returns what is in the files of that name, made or renewed as needed.
// Template is given the certificate that is to be renewed, or nil.
func (d *Dir) leaf(name string, template func(old *x509.Certificate) (*x509.Certificate, error),
	serves func(*x509.Certificate) bool,
) (tls.Certificate, error) {
	sign := func(old *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
		t, err := template(old)
		if err != nil {
			return nil, err
		}
		return d.authority.sign(t, key)
	}
	certificate, key, err := d.pair(name, func(key crypto.Signer) (*x509.Certificate, error) {
		certificate, err := sign(nil, key)
		if err != nil {
			return nil, err
		}
		return certificate, d.record(name, certificate)
	})
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := certificate.CheckSignatureFrom(d.authority.certificate); err != nil {
		return tls.Certificate{}, &FileError{Path: d.CertFile(name), Problem: Foreign, Other: d.CertFile("ca"), Err: err}
	}
	if err := d.Revocations().Check(certificate); err != nil {
		if revoked := (*RevokedError)(nil); errors.As(err, &revoked) {
			revoked.Path = d.CertFile(name)
		}
		return tls.Certificate{}, err
	}
	end := certificate.NotAfter
	ending := end.Before(d.now.Add(RenewBefore)) && end.Before(d.authority.certificate.NotAfter)
	if ending || !serves(certificate) {
		if certificate, err = sign(certificate, key); err != nil {
			return tls.Certificate{}, err
		}
		if err := d.record(name, certificate); err != nil {
			return tls.Certificate{}, err
		}
		if err := replace(d.CertFile(name), certificatePEM(certificate.Raw), 0o644); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}, nil
}

// pair returns the certificate and key of that name. When there is no
// certificate, it takes the key that is there, or makes one, and calls create.
func (d *Dir) pair(name string, create func(crypto.Signer) (*x509.Certificate, error)) (*x509.Certificate, crypto.Signer, error) {
	certFile, keyFile := d.CertFile(name), d.KeyFile(name)
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		if err := d.makeKey(keyFile); err != nil {
			return nil, nil, err
		}
		key, err := readKey(keyFile) // perhaps another process was first
		if err != nil {
			return nil, nil, err
		}
		certificate, err := create(key)
		if err != nil {
			return nil, nil, err
		}
		if err := putNew(certFile, certificatePEM(certificate.Raw), 0o644); err != nil {
			return nil, nil, err
		}
	}
	loaded, err := Load(certFile, keyFile)
	if err != nil {
		return nil, nil, err
	}
	return loaded.Leaf, loaded.PrivateKey.(crypto.Signer), nil
}

func (d *Dir) makeKey(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	key, err := generateKey(d.keys)
	if err != nil {
		return err
	}
	content, err := keyPEM(key)
	if err != nil {
		return err
	}
	return putNew(file, content, 0o600)
}

// putNew puts a new file in its place, whole. When there is one already, that one stays.
func putNew(path string, content []byte, mode fs.FileMode) error {
	temporary, err := writeBeside(path, content, mode)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	err = os.Link(temporary, path) // unlike a rename, never replaces anything
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// A file system without hard links. Two processes that come to this
	// line together leave the file of one of them, also whole.
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return os.Rename(temporary, path)
}

func replace(path string, content []byte, mode fs.FileMode) error {
	temporary, err := writeBeside(path, content, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return err
	}
	return nil
}

func writeBeside(path string, content []byte, mode fs.FileMode) (temporary string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if mode != 0o600 && err == nil {
		err = f.Chmod(mode)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// unique drops repetitions, also in another spelling.
func unique(names []string) (result []string) {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			name = ip.String()
		}
		name = strings.ToLower(name)
		if !slices.Contains(result, name) {
			result = append(result, name)
		}
	}
	return result
}
