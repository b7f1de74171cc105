package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
)

// errSaid ends a command that has failed and has said so already.
var errSaid = errors.New("said already")

// A trouble is an error with its sentence, in the reader's language.
type trouble struct {
	sentence string
	code     int // the program's exit code; 0 stands for exitFailed
	cause    error
}

func (t *trouble) Error() string { return t.sentence }

func (t *trouble) Unwrap() error { return t.cause }

// usage is a command line that was not understood.
func usage(sentence string) error { return &trouble{sentence: sentence, code: exitUsage} }

func exitCode(err error) int {
	var t *trouble
	if errors.As(err, &t) {
		return cmp.Or(t.code, exitFailed)
	}
	return exitFailed
}

// failed is an operation that failed, and what to do.
func failed(sentence string, cause error) error { return &trouble{sentence: sentence, cause: cause} }

// failedWith is failed, with an exit code.
func failedWith(code int, sentence string, cause error) error {
	return &trouble{sentence: sentence, code: code, cause: cause}
}

// explain says in one sentence what an error means and what to do.
func (p *program) explain(err error) string {
	var said *trouble
	var file *pki.FileError
	var path *fs.PathError
	var rejection *tls.ECHRejectionError
	switch {
	case errors.As(err, &said):
		return said.sentence
	case errors.As(err, &rejection):
		return p.explainRejection(rejection)
	case errors.As(err, &file) && file.Problem == pki.Unreadable:
		return p.explainPath(&fs.PathError{Path: file.Path, Err: file.Err})
	case errors.As(err, &file), errors.As(err, new(*store.DiskError)):
	case errors.As(err, &path):
		return p.explainPath(path)
	}
	return safe(oneLine(kvs.Explain(p.sentence, err)))
}

// explainPath says what is the matter with a file.
func (p *program) explainPath(err *fs.PathError) string {
	name := safe(err.Path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return p.say("cmd_file_exists", "path", name)
	case errors.Is(err, fs.ErrNotExist):
		return p.say("cmd_file_missing", "path", name)
	case errors.Is(err, fs.ErrPermission):
		return p.say("cmd_file_permission", "path", name)
	case errors.Is(err, syscall.EISDIR):
		return p.say("cmd_file_is_folder", "path", name)
	}
	return p.say("cmd_file_other", "path", name, "reason", safe(err.Err.Error()))
}

// explainDial says why there is no connection to a server, and what an honest
// person does about it.
func (p *program) explainDial(addr, ca string, err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var lookup *net.DNSError
	var timeout net.Error
	var header tls.RecordHeaderError
	addr = safe(addr)
	switch {
	case errors.As(err, &authority):
		return p.say("cmd_cert_unknown_authority", "addr", addr, "ca", safe(ca))
	case errors.As(err, &name):
		return p.say("cmd_cert_wrong_name", "addr", addr, "host", safe(name.Host), "names", safe(namesOf(name.Certificate)))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return p.say("cmd_cert_not_yet", "addr", addr, "from", moment(invalid.Cert.NotBefore), "now", moment(time.Now()))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return p.say("cmd_cert_expired", "addr", addr, "from", day(invalid.Cert.NotBefore), "until", day(invalid.Cert.NotAfter))
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return p.say("cmd_cert_bad", "addr", addr, "reason", safe(err.Error()))
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsRefused):
		return p.say("cmd_dial_refused", "addr", addr)
	case errors.As(err, &lookup):
		return p.say("cmd_dial_no_such_host", "addr", addr)
	case errors.As(err, &header):
		return p.say("cmd_dial_not_tls", "addr", addr)
	case errors.As(err, &timeout) && timeout.Timeout():
		return p.say("cmd_dial_timeout", "addr", addr)
	case fromPeer(err):
		return p.say("cmd_remote_error", "addr", addr, "reason", safe(err.Error()))
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return p.say("cmd_dial_hung_up", "addr", addr)
	}
	return p.say("cmd_dial_other", "addr", addr, "reason", safe(withoutAddr(err)))
}

// withoutAddr is what package net says of an address, without the address.
func withoutAddr(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// What Windows calls these two; syscall.EADDRINUSE and ECONNREFUSED are Go's own numbers there.
const (
	windowsInUse   = syscall.Errno(10048)
	windowsRefused = syscall.Errno(10061)
)

// fromPeer reports whether crypto/tls says that the peer sent an alert. The
// alert itself is not exposed but as text.
func fromPeer(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

func namesOf(c *x509.Certificate) string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return strings.Join(names, ", ")
}
