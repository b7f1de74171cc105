package kernel

import (
	"cmp"
	"context"
	"crypto/tls"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultRenewEvery is how often a [Renewer] looks at its files when it is not said.
	DefaultRenewEvery = 2 * time.Second
	// RenewAnyway is how long a [Renewer] goes without loading, although no file changed: what it loads from may
	// itself renew what is about to expire.
	RenewAnyway = 24 * time.Hour
)

// A Renewer keeps the TLS configuration of a server up to date while the server runs: its certificate and key, and whom it
// trusts. A handshake is done with what was loaded last. Connections that are there go on as they are.
//
// Session tickets are not for one certificate: a client that has one resumes its session after a renewal too, as far as crypto/tls
// allows, which verifies the certificate that the client had shown against the new ClientCAs. What else is to hold for a
// client must be checked by the configuration's VerifyConnection, which is called for a session that is resumed too, while
// VerifyPeerCertificate is not. The keys that tickets are encrypted with are those of the configuration that Config returned, which
// crypto/tls replaces by itself every day.
//
// The fields must not be changed after Config.
type Renewer struct {
	// Load makes a configuration, from files perhaps. It is not called by two goroutines at once, and must
	// return a new one each time, or an error: then the one before stays in use.
	Load func() (*tls.Config, error)
	// Files are what Load reads. When one has changed, appeared or gone, and they have then stayed as they are for
	// Every, Load is called: so a certificate is not read without its key while they are being replaced.
	Files []string
	Every time.Duration // zero is DefaultRenewEvery
	// Told, if not nil, is told of each renewal that Watch makes, also of one that has changed nothing: of the
	// configuration that is in use now, or of the error of Load.
	Told func(config *tls.Config, err error)

	mu      sync.Mutex
	current atomic.Pointer[tls.Config]
	loaded  []fileState // what the files were when they were read last
}

// Config loads for the first time, and returns the configuration to listen with.
func (r *Renewer) Config() (*tls.Config, error) {
	if err := r.Renew(); err != nil {
		return nil, err
	}
	config := r.current.Load().Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config := r.current.Load()
		if config.GetConfigForClient == nil {
			return config, nil
		}
		if own, err := config.GetConfigForClient(hello); own != nil || err != nil {
			return own, err
		}
		return config, nil
	}
	return config, nil
}

// Renew loads now. After an error everything is as before.
func (r *Renewer) Renew() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loaded = r.look() // before they are read: a change meanwhile is one that is still to be read
	config, err := r.Load()
	if err != nil {
		return err
	}
	r.current.Store(config)
	return nil
}

// Watch looks at the files until ctx is done. Config must have been called.
func (r *Renewer) Watch(ctx context.Context) {
	ticker := time.NewTicker(cmp.Or(r.Every, DefaultRenewEvery))
	defer ticker.Stop()
	last, before := time.Now(), r.look()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := r.look()
		r.mu.Lock()
		changed := !slices.Equal(now, r.loaded)
		r.mu.Unlock()
		settled := slices.Equal(now, before)
		before = now
		if changed && settled || time.Since(last) >= RenewAnyway {
			last = time.Now()
			if err := r.Renew(); r.Told != nil {
				r.Told(r.current.Load(), err)
			}
		}
	}
}

// fileState is what tells whether a file has changed.
type fileState struct {
	exists   bool
	size     int64
	modified int64 // nanoseconds of Unix
}

func (r *Renewer) look() []fileState {
	var states []fileState
	for _, file := range r.Files {
		info, err := os.Stat(file)
		if err != nil {
			states = append(states, fileState{})
			continue
		}
		states = append(states, fileState{true, info.Size(), info.ModTime().UnixNano()})
	}
	return states
}
