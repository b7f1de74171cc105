package kernel_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
)

// renewal is a server of echo whose certificate is in files.
type renewal struct {
	t          *testing.T
	authority  *pki.Authority
	cert, key  string
	clientAuth tls.ClientAuthType
	clientCAs  *x509.CertPool
	renewer    *kernel.Renewer
	address    string
	told       chan error
	written    time.Time // for the files: their times must differ, however coarse the clock
}

func newRenewal(t *testing.T, change ...func(*renewal)) *renewal {
	t.Helper()
	authority, err := pki.NewAuthority(time.Now())
	check(t, err)
	dir := t.TempDir()
	r := &renewal{t: t, authority: authority, cert: filepath.Join(dir, "server.pem"), key: filepath.Join(dir, "server.key"), told: make(chan error, 100), written: time.Now()}
	for _, c := range change {
		c(r)
	}
	r.write(r.issue())
	r.renewer = &kernel.Renewer{
		Files: []string{r.cert, r.key}, Every: 10 * time.Millisecond, Told: func(_ *tls.Config, err error) { r.told <- err },
		Load: func() (*tls.Config, error) {
			certificate, err := pki.Load(r.cert, r.key)
			return pki.ServerConfig(certificate, r.clientAuth, r.clientCAs), err
		},
	}
	config, err := r.renewer.Config()
	check(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	check(t, err)
	r.address = listener.Addr().String()
	s := &kernel.Server{Handler: echo}
	ctx, stop := context.WithCancel(context.Background())
	ended, watched := make(chan error), make(chan bool)
	go func() { ended <- s.Serve(ctx, listener) }()
	go func() {
		r.renewer.Watch(ctx)
		close(watched)
	}()
	t.Cleanup(func() {
		stop()
		check(t, <-ended)
		<-watched
	})
	return r
}

func (r *renewal) issue() tls.Certificate {
	certificate, err := r.authority.IssueServer()
	check(r.t, err)
	return certificate
}

func (r *renewal) write(certificate tls.Certificate) {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	check(r.t, err)
	r.writeFile(r.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
	r.writeFile(r.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
}

// writeFile puts a file in its place at once: half a file is one that may be read.
func (r *renewal) writeFile(file string, content []byte) {
	r.written = r.written.Add(time.Second)
	check(r.t, os.WriteFile(file+".new", content, 0o600))
	check(r.t, os.Chtimes(file+".new", r.written, r.written))
	check(r.t, os.Rename(file+".new", file))
}

// renew replaces the files, and waits until they are in use.
func (r *renewal) renew() tls.Certificate {
	r.t.Helper()
	fresh := r.issue()
	r.write(fresh)
	for err := range r.told {
		if err == nil {
			break
		}
		r.t.Log("between the two files:", err) // they may be seen at rest there
	}
	return fresh
}

// wantTold waits until it is told of a problem of the certificate. A change that comes while the files are read is read again, and
// told of again.
func (r *renewal) wantTold(problem pki.Problem) {
	r.t.Helper()
	for err := range r.told {
		var file *pki.FileError
		if errors.As(err, &file) && file.Problem == problem {
			if file.Path != r.cert {
				r.t.Errorf("told of %v", err)
			}
			return
		}
		r.t.Log("before:", err)
	}
}

// client is a configuration whose sessions are resumed.
func (r *renewal) client() *tls.Config {
	config := pki.ClientConfig(r.authority.Roots(), "localhost")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	return config
}

func (r *renewal) dial(config *tls.Config) *tls.Conn {
	r.t.Helper()
	conn, err := tls.Dial("tcp", r.address, config)
	check(r.t, err)
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	r.t.Cleanup(func() { conn.NetConn().Close() })
	return conn
}

func (r *renewal) wantCertificate(want tls.Certificate) {
	r.t.Helper()
	conn := r.dial(pki.ClientConfig(r.authority.Roots(), "localhost"))
	defer conn.Close()
	if got := conn.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, want.Certificate[0]) {
		r.t.Error("it shows another certificate")
	}
}

func TestANewCertificateIsTakenWhileTheServerRunsAndItsConnectionsGoOn(t *testing.T) {
	r := newRenewal(t)
	early := r.dial(r.client())
	talk(t, early, "before")
	r.wantCertificate(r.renew())
	talk(t, early, "after")
}

func TestFilesThatCannotBeUsedAreToldOfAndTheCertificateBeforeStaysInUse(t *testing.T) {
	r := newRenewal(t)
	good := r.renew()
	r.writeFile(r.cert, []byte("no certificate"))
	r.wantTold(pki.NotPEM)
	r.wantCertificate(good)
	check(t, os.Remove(r.cert))
	r.wantTold(pki.Unreadable)
	r.wantCertificate(good)

	r.wantCertificate(r.renew())
}

func TestFilesThatCannotBeUsedAreToldOfOnce(t *testing.T) {
	path, unusable := filepath.Join(t.TempDir(), "file"), error(nil)
	ctx, stop := context.WithCancel(t.Context())
	times := 0
	r := kernel.Renewer{
		Every: time.Millisecond, Files: []string{path}, Load: func() (*tls.Config, error) { return new(tls.Config), unusable },
		Told: func(_ *tls.Config, err error) {
			if times++; times == 1 {
				time.AfterFunc(50*time.Millisecond, stop)
			}
			if err != unusable {
				t.Errorf("told of %v", err)
			}
		},
	}
	_, err := r.Config()
	check(t, err)
	unusable = errors.New("unusable")
	check(t, os.WriteFile(path, nil, 0o600))
	r.Watch(ctx)
	if times != 1 {
		t.Errorf("told %d times", times)
	}
}

func TestNothingIsLoadedWhileNothingChanges(t *testing.T) {
	loads := 0
	r := kernel.Renewer{Every: time.Millisecond, Files: []string{"missing"}, Load: func() (*tls.Config, error) {
		loads++
		return new(tls.Config), nil
	}}
	_, err := r.Config()
	check(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	r.Watch(ctx)
	if loads != 1 {
		t.Errorf("it was loaded %d times", loads)
	}
}

func TestASessionIsResumedAfterARenewal(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newRenewal(t)
			client := r.client()
			client.MaxVersion = version
			talk(t, r.dial(client), "and so the ticket is there")
			r.renew()
			conn := r.dial(client)
			talk(t, conn, "again")
			if !conn.ConnectionState().DidResume {
				t.Error("the session was not resumed")
			}
		})
	}
}

func TestASessionOfAClientThatIsNoLongerTrustedIsNotResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			r := newRenewal(t, func(r *renewal) {
				r.clientAuth, r.clientCAs = tls.RequireAndVerifyClientCert, r.authority.Roots()
			})
			certificate, err := r.authority.IssueClient("ana")
			check(t, err)
			client := r.client()
			client.MaxVersion, client.Certificates = version, []tls.Certificate{certificate}
			talk(t, r.dial(client), "and so the ticket is there")
			second := r.dial(client)
			talk(t, second, "again")
			if !second.ConnectionState().DidResume {
				t.Error("the session was not resumed while the client was trusted")
			}

			other, err := pki.NewAuthority(time.Now())
			check(t, err)
			r.clientCAs = other.Roots()
			check(t, r.renewer.Renew())
			conn, err := tls.Dial("tcp", r.address, client)
			if err == nil {
				conn.SetDeadline(time.Now().Add(30 * time.Second))
				_, err = conn.Read(make([]byte, 1)) // in TLS 1.3 the refusal comes behind the handshake
				conn.Close()
			}
			var network *net.OpError
			if !errors.As(err, &network) || network.Op != "remote error" {
				t.Errorf("the server said %v, want an alert", err)
			}
		})
	}
}
