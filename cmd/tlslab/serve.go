package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
	"github.com/spf13/cobra"
)

const (
	defaultAddr = "127.0.0.1:8888"
	inMemory    = "memory" // what --db says for no file
)

// A serveRun is what tlslab serve was asked for, and what it made of it.
type serveRun struct {
	*program
	addr, db  string
	cert, key string
	tls       *choice // the oldest version
	auth      *choice
	tokens    string
	sync      *choice
	backup    string
	stats     string
	record    string
	noSecrets bool
	inspect   bool
	hold      bool
	most      int // connections
	plain     bool
	bytes     bool
	once      bool
	look      look

	log  io.Writer   // where the server says what happens
	news *news       // what it says while the screen is there; nil without one
	told *kvs.Screen // says it
	ca   string      // file of the authority that clients should trust, or ""
	talk []string    // how to talk to the server, a line each
	who  *kvs.Access // who may do what

	revocations atomic.Pointer[pki.RevocationList] // of the authority whose certificates are taken now
	tap         *inspect.Tap                       // nil if nobody wants to see
	gate        *inspect.Stepper                   // nil if nothing is held
}

// holdFor is how long a record is held for a program of others, which does not
// wait for ever.
const holdFor = 10 * time.Minute

func (p *program) serve() *cobra.Command {
	run := &serveRun{program: p, tls: newChoice("1.3", "1.2"), auth: newChoice("none", "request", "require"), sync: newChoice("always", "interval")}
	cmd := &cobra.Command{
		Use:                   "serve " + p.say("cmd_options"),
		Short:                 p.say("cmd_serve_short"),
		Long:                  p.say("cmd_serve_long"),
		Example:               p.say("cmd_serve_example"),
		Args:                  p.noArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return run.start(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&run.addr, "addr", defaultAddr, p.say("cmd_flag_serve_addr"))
	flags.Lookup("addr").DefValue = ""
	flags.StringVar(&run.db, "db", "", p.say("cmd_flag_db"))
	choose(cmd, run.sync, "sync", p.say("cmd_flag_sync"))
	flags.StringVar(&run.backup, "backup", "", p.say("cmd_flag_backup"))
	flags.StringVar(&run.stats, "stats", "", p.say("cmd_flag_stats"))
	flags.IntVar(&run.most, "max-connections", kernel.DefaultMaxConns, p.say("cmd_flag_max_connections", "count", kernel.DefaultMaxConns, "least", fewestConnections))
	flags.Lookup("max-connections").DefValue = "0" // the help says it, in the reader's language
	choose(cmd, run.tls, "tls", p.say("cmd_flag_serve_tls"))
	choose(cmd, run.auth, "client-auth", p.say("cmd_flag_client_auth"))
	flags.StringVar(&run.tokens, "tokens", "", p.say("cmd_flag_tokens"))
	flags.StringVar(&run.cert, "cert", "", p.say("cmd_flag_serve_cert"))
	flags.StringVar(&run.key, "key", "", p.say("cmd_flag_serve_key"))
	flags.BoolVar(&run.inspect, "inspect", false, p.say("cmd_flag_inspect"))
	flags.BoolVar(&run.hold, "hold", false, p.say("cmd_flag_hold", "minutes", int(holdFor.Minutes())))
	flags.BoolVar(&run.plain, "plain", false, p.say("cmd_flag_serve_plain"))
	flags.BoolVar(&run.bytes, "bytes", false, p.say("cmd_flag_bytes"))
	p.flagRecord(cmd, &run.record, &run.noSecrets)
	flags.BoolVar(&run.once, "once", false, p.say("cmd_flag_once"))
	run.look.flags(p, cmd)
	return cmd
}

// fewestConnections is how few there may be at once: three quarters of them are one address's.
const fewestConnections = 4

// start makes everything that the server needs, in an order in which nothing
// has to be undone: what can be wrong is found out before anything is served.
func (r *serveRun) start(ctx context.Context) error {
	switch {
	case r.hold && !r.onScreen():
		return usage(r.say("cmd_hold_without_screen"))
	case r.bytes && !r.inspect:
		return usage(r.say("cmd_bytes_without_inspect"))
	case r.most < fewestConnections:
		return usage(r.say("cmd_few_connections", "value", r.most, "least", fewestConnections))
	}
	renewer := r.renewer()
	config, err := renewer.Config()
	if err != nil {
		return err
	}
	if err := r.access(); err != nil {
		return err
	}
	listener, err := r.listen(ctx, r.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	stats, err := r.listenStatistics(ctx)
	if err != nil {
		return err
	}
	if stats != nil {
		defer stats.Close()
	}
	r.log = &sharedWriter{out: r.out}
	said := &backlog{out: r.log, leftOut: func(count int) string { return r.say("cmd_serve_left_out", "count", count) }}
	r.told = &kvs.Screen{Lang: r.sentence.Lang(), Out: said, Explain: r.explain}
	if r.onScreen() {
		r.news = newNews()
		r.told.Out, r.told.TroubleOnly = r.news, true
	}
	pairs, where, err := r.openStore()
	if err != nil {
		return err
	}
	lastBackup, err := r.backUp(ctx, pairs)
	if err != nil {
		return errors.Join(err, pairs.Close())
	}
	files, err := r.keep(r.record, r.noSecrets)
	if err != nil {
		return errors.Join(err, lastBackup(), pairs.Close())
	}
	r.talk = r.howToTalk(listener.Addr())
	fmt.Fprintln(r.log, r.say("cmd_serve_listening", "addr", listener.Addr().String(), "where", where))
	if r.sync.value == "interval" {
		fmt.Fprintln(r.log, r.say("cmd_serve_interval"))
	}
	switch end := config.Certificates[0].Leaf.NotAfter; {
	case time.Now().After(end):
		fmt.Fprintln(r.log, r.say("cmd_serve_expired", "until", day(end)))
	case time.Until(end) < pki.RenewBefore:
		fmt.Fprintln(r.log, r.say("cmd_serve_ends_soon", "until", day(end)))
	}
	r.exposed(r.log, r.keys()...)
	if files, bounded := openFiles(); bounded && r.most > files-ownFiles {
		fmt.Fprintln(r.log, r.say("cmd_serve_few_files", "files", files, "count", r.most))
	}
	for _, line := range r.talk {
		fmt.Fprintln(r.log, line)
	}
	if stats != nil {
		fmt.Fprintln(r.log, r.say("cmd_serve_stats", "url", "http://"+stats.Addr().String()+"/"))
	}
	fmt.Fprintln(r.log, r.say("cmd_serve_waiting"))
	defer r.keepCurrent(renewer, config)()
	listener = kernel.Overhear(listener)

	if r.inspect || files != nil {
		r.tap = inspect.NewTap()
		if r.hold {
			r.gate = &inspect.Stepper{Patience: holdFor}
			r.tap.Gate = r.gate
		}
		listener = r.tap.Listener(listener, config)
		if r.inspect && !r.onScreen() {
			r.told.ScreenOf = r.screenOf
		}
	} else {
		listener = tls.NewListener(listener, config)
	}
	server := &kernel.Server{
		Handler: &kvs.Server{Store: pairs, Lang: r.sentence.Lang(), Access: r.who},
		Once:    r.once,
	}
	r.limit(server)
	r.watch(server)
	r.who.Told = r.told.Authenticated
	recorded := func() {}
	if r.tap != nil {
		if files != nil {
			files.alone = !r.inspect
		}
		recorded = files.follow(r.tap.Recording())
	}
	statsGiven := r.giveStatistics(server, stats)
	err = r.run(ctx, server, listener)
	recorded()
	said.flush()
	if problem := errors.Join(statsGiven(), lastBackup(), pairs.Close(), files.close()); err == nil {
		err = problem
	}
	return err
}

// ownFiles is about how many files the program has open besides its connections.
const ownFiles = 32

// limit sets how many connections there may be, and for how long.
func (r *serveRun) limit(server *kernel.Server) {
	server.MaxConns, server.MaxConnsPerHost = r.most, r.most/4*3
	server.MaxHandshakes, server.MaxHandshakesPerHost = server.MaxConns, server.MaxConnsPerHost
	server.HandshakeRate = max(kernel.DefaultHandshakeRate, r.most/4)
	if r.hold { // the time in which a record is held is the only limit
		server.HandshakeTimeout, server.IdleTimeout = kernel.NoTimeout, kernel.NoTimeout
		server.RequestTimeout, server.WriteTimeout = kernel.NoTimeout, kernel.NoTimeout
	}
}

// run serves, and shows what the tap sees, until the end.
func (r *serveRun) run(ctx context.Context, server *kernel.Server, listener net.Listener) error {
	serve := func(ctx context.Context) error { return server.Serve(ctx, listener) }
	if !r.inspect {
		return serve(ctx)
	}
	watched := watched{
		program: r.program, tap: r.tap, gate: r.gate, look: r.look, log: r.log, title: "tlslab serve " + listener.Addr().String(), waiting: r.talk,
		bytes: r.bytes,
	}
	if !r.onScreen() {
		return watched.tell(ctx, serve)
	}
	watched.news = r.news
	err := watched.show(ctx, serve)
	r.news.print(r.program, r.out)
	return err
}

// onScreen reports whether what the tap sees is shown on the screen.
func (r *serveRun) onScreen() bool { return r.inspect && !r.plain && !r.bytes && r.hasScreen() }

// config is what TLS needs: the certificate that was named or the lab's own, and the authority of those that clients show. It
// is made anew when a file changes.
func (r *serveRun) config() (*tls.Config, error) {
	auth, err := pki.ParseClientAuth(r.auth.value)
	if err != nil {
		return nil, err
	}
	named, err := r.pair(r.cert, r.key)
	if err != nil {
		return nil, err
	}
	if named != nil && auth == tls.NoClientCert {
		return r.version(pki.ServerConfig(named[0], auth, nil)), nil
	}
	dir, err := openPKI()
	if err != nil {
		return nil, err
	}
	if named == nil {
		r.ca = dir.CertFile("ca")
		certificate, err := dir.Server()
		if err != nil {
			return nil, err
		}
		named = []tls.Certificate{certificate}
	}
	config := r.version(pki.ServerConfig(named[0], auth, dir.Authority().Roots()))
	if auth != tls.NoClientCert {
		revocations := dir.Revocations()
		if err := revocations.Check(dir.Authority().Certificate()); err != nil { // it cannot be read
			return nil, err
		}
		config.VerifyConnection = revocations.VerifyConnection
		r.revocations.Store(revocations)
	}
	return config, nil
}

// keys are the files of the private keys that the server relies upon.
func (r *serveRun) keys() []string {
	if r.key != "" {
		return []string{r.key}
	}
	folder := filepath.Join(dataDir(), "pki")
	return []string{filepath.Join(folder, "ca.key"), filepath.Join(folder, "server.key")}
}

// version has the configuration take no older version than was asked for.
func (r *serveRun) version(config *tls.Config) *tls.Config {
	config.MinVersion = tls.VersionTLS13
	if r.tls.value == "1.2" {
		config.MinVersion = tls.VersionTLS12
	}
	return config
}

// access is who may do what: everybody everything, unless clients are asked for a certificate or there are tokens.
func (r *serveRun) access() error {
	r.who = &kvs.Access{Certificates: r.auth.value != "none", Revoked: func(c *x509.Certificate) error { return r.revocations.Load().Check(c) }}
	switch r.tokens {
	case noTokens:
		return nil
	case "":
		r.tokens = defaultTokens()
	}
	r.who.Tokens = kvs.OpenTokens(r.tokens)
	_, err := r.who.Tokens.List()
	return err
}

// openStore opens where the pairs are kept, and says where that is.
func (r *serveRun) openStore() (store.Store, string, error) {
	switch r.db {
	case inMemory:
		return new(store.Memory), r.say("cmd_serve_in_memory"), nil
	case "":
		r.db = defaultDB()
		if err := os.MkdirAll(dataDir(), 0o700); err != nil {
			return nil, "", err
		}
	}
	options := store.Options{Told: r.told.Disk}
	if r.sync.value == "interval" {
		options.Sync = store.Interval
	}
	pairs, err := store.Open(r.db, options)
	return pairs, safe(r.db), err
}

// listen takes the port of --addr, or names a free one.
func (p *program) listen(ctx context.Context, addr string) (net.Listener, error) {
	return p.listenFor(ctx, "--addr", addr)
}

// listenFor is listen for another option.
func (p *program) listenFor(ctx context.Context, option, addr string) (net.Listener, error) {
	if err := p.checkAddr(ctx, addr); err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(addr)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsInUse):
		return nil, failed(p.say("cmd_port_taken", "addr", safe(addr), "option", option, "free", freeAddr(ctx, host)), err)
	case errors.Is(err, os.ErrPermission):
		return nil, failed(p.say("cmd_port_permission", "addr", safe(addr)), err)
	}
	return nil, failed(p.say("cmd_cannot_listen", "addr", safe(addr), "reason", safe(withoutAddr(err))), err)
}

// checkAddr refuses what is no HOST:PORT.
func (p *program) checkAddr(ctx context.Context, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usage(p.say("cmd_bad_addr", "addr", safe(addr)))
	}
	if _, err := net.DefaultResolver.LookupPort(ctx, "tcp", port); err != nil {
		return usage(p.say("cmd_bad_port", "port", safe(port)))
	}
	return nil
}

// freeAddr returns an address at which one could listen a moment ago.
func freeAddr(ctx context.Context, host string) string {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return net.JoinHostPort(host, "0")
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return net.JoinHostPort(host, port)
}

// howToTalk says how to talk to the server, if the lab's own client can.
func (r *serveRun) howToTalk(addr net.Addr) []string {
	if r.ca == "" {
		return nil
	}
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	try, ca := net.JoinHostPort(host, port), safe(shellQuote(r.ca))
	show, own := "", ""
	var lines []string
	makeCertificate, makeToken := r.name+" pki client "+r.say("cmd_name_arg"), r.name+" token add "+r.say("cmd_name_arg")
	tokens := r.who.Tokens != nil && r.who.Tokens.Exists()
	switch {
	case r.auth.value == "require":
		show, own = " -cert FILE -key FILE", " --cert FILE --key FILE"
		lines = append(lines, r.say("cmd_serve_wants_certificates", "command", makeCertificate))
	case r.auth.value == "request" && r.who.Tokens == nil:
		lines = append(lines, r.say("cmd_serve_wants_certificates", "command", makeCertificate))
	case r.auth.value == "request":
		lines = append(lines, r.say("cmd_serve_wants_either", "certificate", makeCertificate, "token", makeToken))
	case tokens:
		lines = append(lines, r.say("cmd_serve_wants_tokens", "token", makeToken))
	}
	lines = append(lines,
		r.say("cmd_serve_try", "ca", safe(r.ca)),
		fmt.Sprintf("  openssl s_client -quiet -verify_return_error -CAfile %s -connect %s%s", ca, try, show),
		fmt.Sprintf("  %s client --addr %s --ca %s%s", safe(r.name), try, ca, own))
	if r.auth.value == "none" && !tokens {
		lines = append(lines, fmt.Sprintf("  python3 docs/manual/clients/client.py %s %s %s", host, port, ca))
	}
	return lines
}

// watch has the server's events told in sentences, and its errors to the tap.
func (r *serveRun) watch(server *kernel.Server) {
	r.told.Watch(server)
	server.OnHandshakeFailed(r.failed)
	server.OnRefused(r.failed)
	server.OnClientClosed(func(client *kernel.Conn) {
		if err := client.Err(); err != nil && !errors.Is(err, kernel.ErrStopping) && !errors.Is(err, kernel.ErrIdle) {
			r.failed(client.Conn, err)
		}
	})
}

// failed lets the recording know what crypto/tls said, word for word, or what the server itself found, in the reader's language.
func (r *serveRun) failed(conn net.Conn, err error) {
	tlsConn, ok := conn.(*tls.Conn)
	if !ok || r.tap == nil {
		return
	}
	var handshake *kernel.HandshakeError
	if errors.As(err, &handshake) {
		err = handshake.Unwrap()
	}
	if slices.ContainsFunc(serverFinds, func(found error) bool { return errors.Is(err, found) }) {
		err = &inLanguage{err, r.explain(err)}
	}
	r.tap.Failed(tlsConn, err)
}

// serverFinds is what the server itself ends connections for.
var serverFinds = []error{
	kernel.ErrHandshakeTimeout, kernel.ErrSlow, kernel.ErrNotRead, kernel.ErrTooMany, kernel.ErrTooManyOfHost, kernel.ErrHandshakes,
	kernel.ErrHandshakeRate, kernel.ErrOnce, kernel.ErrDismissed, kernel.ErrStopping,
}

// inLanguage is an error as the reader is told of it.
type inLanguage struct {
	error
	sentence string
}

func (e *inLanguage) Error() string { return e.sentence }
func (e *inLanguage) Unwrap() error { return e.error }

// screenOf has what is said of a connection stand in its recording, so that it is told where it belongs: with the connection's
// number, behind the records that it is about.
func (r *serveRun) screenOf(conn net.Conn) io.Writer {
	if client, ok := conn.(*kernel.Conn); ok {
		conn = client.Conn
	}
	if tlsConn, ok := conn.(*tls.Conn); ok {
		if screen := r.tap.Screen(tlsConn); screen != nil {
			return screen
		}
	}
	return r.told.Out
}
