package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"example.com/tlslab/kvs/kernel"
)

// What a server needs that is left running: certificates that are renewed, and statistics.

// renewer makes the configuration of TLS, and makes it anew when its files have changed.
func (r *serveRun) renewer() *kernel.Renewer {
	own := func(name string) string { return filepath.Join(dataDir(), "pki", name) }
	files := []string{own("ca.pem"), r.cert, r.key}
	if r.cert == "" {
		files = []string{own("ca.pem"), own("server.pem"), own("server.key")}
	}
	return &kernel.Renewer{Load: r.config, Files: files}
}

// keepCurrent has the renewer watch its files until done is called, and says what comes of it.
func (r *serveRun) keepCurrent(renewer *kernel.Renewer, config *tls.Config) (done func()) {
	log := r.told.Out
	shown := config.Certificates[0].Leaf
	renewer.Told = func(config *tls.Config, err error) {
		leaf := config.Certificates[0].Leaf
		switch {
		case err != nil:
			fmt.Fprintln(log, r.say("cmd_serve_not_renewed", "reason", r.explain(err), "until", day(shown.NotAfter)))
		case !bytes.Equal(leaf.Raw, shown.Raw):
			shown = leaf
			fmt.Fprintln(log, r.say("cmd_serve_renewed", "until", day(shown.NotAfter)))
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { renewer.Watch(ctx) })
	return func() {
		stop()
		watching.Wait()
	}
}

// listenStatistics listens where statistics are given out; nil is nowhere.
func (r *serveRun) listenStatistics(ctx context.Context) (net.Listener, error) {
	if r.stats == "" {
		return nil, nil
	}
	if err := r.checkAddr(ctx, r.stats); err != nil {
		return nil, err
	}
	addr, err := net.ResolveTCPAddr("tcp", r.stats)
	if err != nil || !addr.IP.IsLoopback() {
		return nil, usage(r.say("cmd_stats_not_loopback", "addr", safe(r.stats)))
	}
	return r.listenFor(ctx, "--stats", addr.String())
}

// giveStatistics gives them out until done is called.
func (r *serveRun) giveStatistics(server *kernel.Server, listener net.Listener) (done func() error) {
	if listener == nil {
		return func() error { return nil }
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.ServeStatistics(ctx, listener) }()
	return func() error {
		stop()
		err := <-ended
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	}
}
