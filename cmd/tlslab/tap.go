package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/kvs/stage"
	"github.com/spf13/cobra"
)

// A tapRun is what tlslab tap was asked for, and what it made of it.
type tapRun struct {
	*program
	listenAddr string
	upstream   string
	keys       []string // names of key logs
	record     string
	noSecrets  bool
	protocol   *choice
	hold       bool
	plain      bool
	bytes      bool
	look       look

	speaks inspect.Protocol // nil for TLS
	tap    *inspect.Tap
	gate   *inspect.Stepper // nil if nothing is held

	mu     sync.Mutex
	faults map[string]*capture.Problems // of key logs
}

const (
	defaultTap  = "127.0.0.1:8889"
	mostRelayed = 1024             // connections at once; more wait to be accepted
	tapQueue    = 1 << 20          // bytes that wait in a direction for who does not read
	dialFor     = 10 * time.Second // at most, to reach the server

	secretsWithin = 3 * time.Second // after a record: text that has been printed stays as it is, and so does a file
)

// relay makes tlslab tap, which sits between any client and any server.
func (p *program) relay() *cobra.Command {
	run := &tapRun{program: p, protocol: newChoice(protocolNames()...), faults: make(map[string]*capture.Problems)}
	cmd := &cobra.Command{
		Use:                   "tap --upstream HOST:PORT " + p.say("cmd_options"),
		Short:                 p.say("tap_short"),
		Long:                  p.say("tap_long"),
		Example:               p.say("tap_example"),
		Args:                  p.noArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return run.start(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&run.upstream, "upstream", "", p.say("tap_flag_upstream"))
	flags.StringVar(&run.listenAddr, "listen", defaultTap, p.say("tap_flag_listen"))
	flags.Lookup("listen").DefValue = ""
	flags.StringArrayVar(&run.keys, "keys", nil, p.say("tap_flag_keys"))
	p.flagRecord(cmd, &run.record, &run.noSecrets)
	flags.BoolVar(&run.hold, "hold", false, p.say("tap_flag_hold", "minutes", int(holdFor.Minutes())))
	flags.BoolVar(&run.plain, "plain", false, p.say("cmd_flag_serve_plain"))
	flags.BoolVar(&run.bytes, "bytes", false, p.say("cmd_flag_bytes"))
	choose(cmd, run.protocol, "protocol", p.say("tap_flag_protocol"))
	run.look.flags(p, cmd)
	return cmd
}

func (r *tapRun) start(ctx context.Context) error {
	onScreen := !r.plain && !r.bytes && r.hasScreen()
	if r.hold && !onScreen {
		return usage(r.say("tap_hold_without_screen"))
	}
	if r.upstream == "" {
		return usage(r.say("tap_no_upstream"))
	}
	if err := r.checkAddr(ctx, r.upstream); err != nil {
		return err
	}
	listener, err := r.listenFor(ctx, "--listen", r.listenAddr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := r.checkUpstream(ctx, listener.Addr().(*net.TCPAddr)); err != nil {
		return err
	}
	files, err := r.keep(r.record, r.noSecrets)
	if err != nil {
		return err
	}
	if files != nil && len(r.keys) > 0 {
		files.ready.Lag = secretsWithin
	}
	r.tap = &inspect.Tap{Queue: tapQueue}
	if r.hold {
		r.gate = &inspect.Stepper{Patience: holdFor}
		r.tap.Gate = r.gate
	}
	for _, protocol := range stage.Protocols() {
		if protocol.Name() == r.protocol.value {
			r.speaks = protocol
		}
	}
	waiting := r.howToUse(listener.Addr().String())
	log := &sharedWriter{out: r.out}
	for _, line := range waiting {
		fmt.Fprintln(log, line)
	}
	fmt.Fprintln(log, r.say("cmd_serve_waiting"))

	recorded, learned := files.follow(r.tap.Recording()), r.followKeys(ctx)
	watched := watched{
		program: r.program, tap: r.tap, gate: r.gate, look: r.look, log: log, title: "tlslab tap " + listener.Addr().String(), waiting: waiting,
		patience: time.Nanosecond, bytes: r.bytes,
	}
	if len(r.keys) > 0 {
		watched.patience = secretsWithin
	}
	serve := func(ctx context.Context) error {
		err := r.serve(ctx, listener)
		learned() // before the last is told
		return err
	}
	if onScreen {
		err = watched.show(ctx, serve)
	} else {
		err = watched.tell(ctx, serve)
	}
	recorded()
	return errors.Join(err, files.close(), r.keyProblem())
}

// howToUse says what the tap does, and what a client is to be told.
func (r *tapRun) howToUse(addr string) []string {
	lines := []string{r.say("tap_listening", "addr", addr, "upstream", safe(r.upstream))}
	if len(r.keys) == 0 && r.speaks == nil {
		lines = append(lines, r.say("tap_no_keys"))
	}
	for _, name := range r.keys {
		lines = append(lines, r.say("tap_keys", "file", safe(name)))
	}
	return lines
}

// checkUpstream refuses a server whose name nobody knows, and the tap itself.
func (r *tapRun) checkUpstream(ctx context.Context, own *net.TCPAddr) error {
	ctx, done := context.WithTimeout(ctx, dialFor)
	defer done()
	host, port, _ := net.SplitHostPort(r.upstream)
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return err
	}
	if host == "" {
		host = "localhost"
	}
	addrs, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		return failed(r.say("tap_no_such_host", "addr", safe(r.upstream)), err)
	}
	itself := func(ip net.IPAddr) bool {
		return ip.IP.Equal(own.IP) || own.IP.IsUnspecified() && (ip.IP.IsLoopback() || ip.IP.IsUnspecified()) ||
			ip.IP.IsUnspecified() && own.IP.IsLoopback()
	}
	if number == own.Port && slices.ContainsFunc(addrs, itself) {
		return usage(r.say("tap_itself", "addr", safe(r.upstream)))
	}
	return nil
}

// serve relays until ctx is done, and returns when every connection is over.
func (r *tapRun) serve(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var relays sync.WaitGroup
	defer relays.Wait()
	room := make(chan struct{}, mostRelayed)
	for {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		fromClient, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				fromClient.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // too many open files, or the client is gone already
			<-room
			wait(ctx, 100*time.Millisecond)
			continue
		}
		relays.Go(func() {
			defer func() { <-room }()
			r.pass(ctx, fromClient)
		})
	}
}

// pass relays one connection.
func (r *tapRun) pass(ctx context.Context, fromClient net.Conn) {
	dialer := net.Dialer{Timeout: dialFor}
	toServer, err := dialer.DialContext(ctx, "tcp", r.upstream)
	switch {
	case ctx.Err() != nil:
		fromClient.Close()
		if err == nil {
			toServer.Close()
		}
	case err != nil:
		r.tap.Unreachable(fromClient, r.upstream, err)
	default:
		r.tap.RelayOf(ctx, r.speaks, fromClient, toServer)
	}
}

func wait(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// followKeys reads the key logs while they are written, until done is called.
func (r *tapRun) followKeys(ctx context.Context) (done func()) {
	ctx, stop := context.WithCancel(ctx)
	var following sync.WaitGroup
	for _, name := range r.keys {
		r.faults[name] = new(capture.Problems)
		following.Go(func() {
			capture.FollowKeyLog(ctx, name, func(secrets ...inspect.LoggedSecret) {
				for i := range secrets {
					r.tap.Recording().Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Time: time.Now(), Cause: -1, Logged: &secrets[i]})
				}
			}, func(err error) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.faults[name].Add(err)
			})
		})
	}
	return func() {
		stop()
		following.Wait()
	}
}

// keyProblem says what was wrong with the key logs.
func (r *tapRun) keyProblem() error {
	var told []string
	var all []error
	for _, name := range r.keys {
		if problems := r.faults[name]; problems != nil && problems.Err() != nil {
			err := problems.Err()
			all = append(all, err)
			told = append(told, r.say("cmd_capture_left_out", "file", safe(name), "reason", safe(capture.Explain(err, r.say))))
		}
	}
	if len(told) == 0 {
		return nil
	}
	return failed(strings.Join(told, " "), errors.Join(all...))
}
