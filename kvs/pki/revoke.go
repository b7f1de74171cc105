package pki

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// lockPatience is how long one who changes the list of revoked certificates waits for another who does.
const lockPatience = 5 * time.Second

// ErrNotIssued says that the authority has issued no certificate of that name that is still valid.
var ErrNotIssued = errors.New("no valid certificate of that name was issued")

// A RevokedError says that a certificate was revoked.
type RevokedError struct {
	Path  string // of the certificate, or "" if it was shown by a peer
	Since time.Time
}

func (e *RevokedError) Error() string {
	return "the certificate was revoked on " + e.Since.UTC().Format(time.DateOnly)
}

// RevocationList is the authority's list of the certificates that it has revoked: a CRL (RFC 5280 section 5) in PEM. It is
// read again whenever its file has changed. Methods may be called from several goroutines.
type RevocationList struct {
	path      string
	authority *x509.Certificate

	mu   sync.Mutex
	read fs.FileInfo // of the file when it was read last
	list *x509.RevocationList
}

// CRLFile returns the path of the list of revoked certificates, which is there once there was a reason for it.
func (d *Dir) CRLFile() string { return filepath.Join(d.path, "crl.pem") }

// Revocations returns the list of revoked certificates.
func (d *Dir) Revocations() *RevocationList {
	return &RevocationList{path: d.CRLFile(), authority: d.authority.certificate}
}

// LoadRevocations returns the certificate of the authority in a folder that [Open] has made, and its list of revoked certificates,
// for whoever only verifies: it makes nothing, and needs no key.
func LoadRevocations(path string) (authority *x509.Certificate, list *RevocationList, err error) {
	d := &Dir{path: path}
	blocks, err := readPEM(d.CertFile("ca"))
	if err != nil {
		return nil, nil, err
	}
	authority, err = x509.ParseCertificate(blocks[0].Bytes)
	if err != nil {
		return nil, nil, &FileError{Path: d.CertFile("ca"), Problem: BadCertificate, Err: err}
	}
	return authority, &RevocationList{path: d.CRLFile(), authority: authority}, nil
}

// Check returns a *[RevokedError] for a certificate that is on the list, and another error if the list cannot be read or was
// not signed by the authority. Where there is no list, nothing was revoked. When the next list is due (nextUpdate) does not
// matter here: there is no newer one than that beside the authority.
func (l *RevocationList) Check(certificate *x509.Certificate) error {
	list, err := l.load()
	if err != nil || list == nil {
		return err
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(certificate.SerialNumber) == 0 {
			return &RevokedError{Since: entry.RevocationTime}
		}
	}
	return nil
}

// VerifyConnection refuses a peer that shows a revoked certificate. It is for the field of that name of a tls.Config,
// which is asked where a session is resumed, too: there the peer shows no certificate anew, and VerifyPeerCertificate is
// not asked.
func (l *RevocationList) VerifyConnection(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	return l.Check(state.PeerCertificates[0])
}

// load returns nil if there is no list.
func (l *RevocationList) load() (*x509.RevocationList, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.read, l.list = nil, nil
		return nil, nil
	case err != nil:
		return nil, unreadable(l.path, err)
	case l.read != nil && os.SameFile(info, l.read) && info.Size() == l.read.Size() && info.ModTime().Equal(l.read.ModTime()):
		return l.list, nil
	}
	list, err := readList(l.path, l.authority)
	if err != nil {
		return nil, err
	}
	l.read, l.list = info, list
	return list, nil
}

func readList(path string, authority *x509.Certificate) (*x509.RevocationList, error) {
	blocks, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	list, err := x509.ParseRevocationList(blocks[0].Bytes)
	if err == nil {
		err = list.CheckSignatureFrom(authority)
	}
	if err != nil {
		return nil, &FileError{Path: path, Problem: BadList, Err: err}
	}
	return list, nil
}

// CRL makes the list of revoked certificates if there is none yet, an empty one, and returns its path.
func (d *Dir) CRL() (path string, err error) {
	if _, err := os.Stat(d.CRLFile()); err == nil {
		return d.CRLFile(), nil
	}
	return d.CRLFile(), d.revoke(nil)
}

// Revoke puts every certificate that was issued under a name, and is still valid, on the list of revoked ones, and returns how
// many of them were not there yet. The name is "server" or a client's.
func (d *Dir) Revoke(name string) (int, error) {
	if err := d.spelled(name); err != nil {
		return 0, err
	}
	issued, err := d.issued(name)
	if err == nil && len(issued) == 0 {
		err = ErrNotIssued
	}
	if err != nil {
		return 0, err
	}
	return d.revokeAll(issued)
}

// revokeAll revokes those that are not revoked yet.
func (d *Dir) revokeAll(issued []*x509.Certificate) (int, error) {
	var serials []*big.Int
	known := d.Revocations()
	for _, certificate := range issued {
		err := known.Check(certificate)
		switch {
		case errors.As(err, new(*RevokedError)):
			continue
		case err != nil:
			return 0, err
		}
		serials = append(serials, certificate.SerialNumber)
	}
	if len(serials) == 0 {
		return 0, nil
	}
	return len(serials), d.revoke(serials)
}

// revoke adds serial numbers to the list. Whoever does it meanwhile is waited for, so that neither list loses what the other adds.
func (d *Dir) revoke(serials []*big.Int) error {
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: d.now, NextUpdate: d.authority.certificate.NotAfter}
	old, err := d.Revocations().load()
	if err != nil {
		return err
	}
	if old != nil {
		list.Number.Add(old.Number, list.Number)
		list.RevokedCertificateEntries = old.RevokedCertificateEntries
	}
	for _, serial := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: d.now})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, d.authority.certificate, d.authority.key)
	if err != nil {
		return fmt.Errorf("sign the list of revoked certificates: %w", err)
	}
	return replace(d.CRLFile(), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), 0o644)
}

// lock is held by a file that nobody else can make at the same time.
func (d *Dir) lock() (unlock func(), err error) {
	path := filepath.Join(d.path, "crl.lock")
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case err == nil:
			file.Close()
			return func() { os.Remove(path) }, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, err
		case time.Now().After(deadline):
			return nil, &FileError{Path: path, Problem: Locked}
		}
	}
}

// issuedDir is where a copy of each certificate stays that was issued, so that all of a name can be revoked: a renewed
// certificate does not make the one before it invalid.
func (d *Dir) issuedDir() string { return filepath.Join(d.path, "issued") }

// record keeps a copy of a certificate, before it is put in its place.
func (d *Dir) record(name string, certificate *x509.Certificate) error {
	if err := os.MkdirAll(d.issuedDir(), 0o700); err != nil {
		return err
	}
	file := fmt.Sprintf("%s.%x.pem", name, certificate.SerialNumber)
	return putNew(filepath.Join(d.issuedDir(), file), certificatePEM(certificate.Raw), 0o644)
}

// issued returns the certificates that were issued under a name and have not expired.
func (d *Dir) issued(name string) (all []*x509.Certificate, err error) {
	entries, err := os.ReadDir(d.issuedDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if of, _, _ := cutLast(strings.TrimSuffix(entry.Name(), ".pem"), "."); of == name {
			files = append(files, filepath.Join(d.issuedDir(), entry.Name()))
		}
	}
	if _, err := os.Stat(d.CertFile(name)); err == nil {
		files = append(files, d.CertFile(name)) // one from before copies were kept
	}
	seen := map[string]bool{}
	for _, file := range files {
		chain, err := readCertificates(file)
		if err != nil {
			return nil, err
		}
		certificate := chain[0]
		ours := certificate.CheckSignatureFrom(d.authority.certificate) == nil
		if serial := certificate.SerialNumber.String(); ours && !certificate.IsCA && d.now.Before(certificate.NotAfter) && !seen[serial] {
			seen[serial] = true
			all = append(all, certificate)
		}
	}
	return all, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
