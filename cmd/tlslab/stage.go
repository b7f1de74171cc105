package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/router"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/stage/sockets"
	"example.com/tlslab/kvs/stage/upper"
	"github.com/spf13/cobra"
)

// A stageRun is what tlslab stage NAME serve, or client, was asked for.
type stageRun struct {
	*program
	stageFlags
	name, addr string
	folder, db string // of the router's server; of the server of sockets-v5
	tokens     string // folder of the router's client
	key        string // file of one's own key pair, for sealed
	pins       []string
	out        *sharedWriter
}

// ends are a stage's server and client over TCP.
type ends struct {
	addr  string // where the server listens unless it is told otherwise
	serve func(r *stageRun, ctx context.Context, listener net.Listener) error
	talk  func(r *stageRun, ctx context.Context, words []string) error
}

// endsOf returns those of a stage; the key-value service has commands of its own.
func endsOf(name string) ends {
	switch name {
	case stage.NameUpper:
		return ends{upper.DefaultAddr, (*stageRun).serveUpper, (*stageRun).askUpper}
	case stage.NameRouter:
		return ends{router.DefaultAddr, (*stageRun).serveRouter, (*stageRun).talkToRouter}
	case stage.NameSealed:
		return ends{sealed.DefaultAddr, (*stageRun).serveSealed, (*stageRun).talkToSealed}
	}
	return ends{sockets.Addr, (*stageRun).serveSockets, (*stageRun).talkToSockets}
}

func (p *program) stage() *cobra.Command {
	cmd := p.group("stage", "cmd_stage_short", "cmd_stage_long", "cmd_stage_example")
	for _, name := range stage.Names() {
		one := p.group(name, "", "", "")
		one.Short = p.aboutStage(name)
		if name == stage.NameKV {
			one.AddCommand(p.serve(), p.client())
		} else {
			one.AddCommand(p.stageServe(name), p.stageClient(name))
		}
		switch name {
		case stage.NameSealed:
			one.AddCommand(p.sealedKey())
		case sockets.V5.String():
			one.AddCommand(p.warmUp())
		}
		cmd.AddCommand(one)
	}
	return cmd
}

// group is a command that only holds others.
func (p *program) group(name, short, long, example string) *cobra.Command {
	cmd := &cobra.Command{
		Use:                   name + " " + p.say("cmd_command_arg"),
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return p.unknownCommand(cmd, args[0])
		},
		SuggestionsMinimumDistance: 2,
	}
	if short != "" {
		cmd.Short, cmd.Long, cmd.Example = p.say(short), p.say(long), p.say(example)
	}
	return cmd
}

func (p *program) stageServe(name string) *cobra.Command {
	run := &stageRun{program: p, name: name, out: &sharedWriter{out: p.out}}
	ends := endsOf(name)
	cmd := &cobra.Command{
		Use:                   "serve " + p.say("cmd_options"),
		Short:                 p.say("cmd_stage_serve_short"),
		Long:                  p.say("cmd_stage_serve_long", "about", p.aboutStage(name)),
		Example:               "  tlslab stage " + name + " serve --addr 127.0.0.1:0",
		Args:                  p.noArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			listener, err := p.listen(cmd.Context(), run.addr)
			if err != nil {
				return err
			}
			defer listener.Close()
			return ends.serve(run, cmd.Context(), listener)
		},
	}
	cmd.Flags().StringVar(&run.addr, "addr", ends.addr, p.say("cmd_flag_stage_serve_addr", "addr", ends.addr))
	cmd.Flags().Lookup("addr").DefValue = ""
	run.register(p, cmd, name)
	switch name {
	case stage.NameRouter:
		cmd.Flags().StringVar(&run.folder, "folder", "", p.say("cmd_flag_stage_folder"))
	case stage.NameSealed:
		run.registerKeys(cmd)
	case sockets.V5.String():
		cmd.Flags().StringVar(&run.db, "db", "", p.say("cmd_flag_stage_db"))
	}
	return cmd
}

func (p *program) stageClient(name string) *cobra.Command {
	run := &stageRun{program: p, name: name, out: &sharedWriter{out: p.out}}
	ends := endsOf(name)
	addr := dialable(ends.addr)
	cmd := &cobra.Command{
		Use:                   "client " + p.say("cmd_options") + " " + p.say("cmd_client_words"),
		Short:                 p.say("cmd_stage_client_short"),
		Long:                  p.say("cmd_stage_client_long", "about", p.aboutStage(name), "commands", indent(p.stageCommands(name))),
		Example:               "  " + run.example(addr),
		Args:                  cobra.ArbitraryArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.checkAddr(cmd.Context(), run.addr); err != nil {
				return err
			}
			return run.over(cmd.Context(), ends.talk(run, cmd.Context(), args))
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the first word belongs to the client
	cmd.Flags().StringVar(&run.addr, "addr", addr, p.say("cmd_flag_stage_client_addr", "addr", addr))
	cmd.Flags().Lookup("addr").DefValue = ""
	switch name {
	case stage.NameRouter:
		cmd.Flags().StringVar(&run.tokens, "token-dir", "", p.say("cmd_flag_stage_tokens"))
	case stage.NameSealed:
		cmd.Flags().BoolVar(&run.authenticated, "authenticated", false, p.say("cmd_flag_stage_authenticated"))
		run.registerKeys(cmd)
	}
	return cmd
}

// dialable is an address at which a server on this computer can be found that listens on addr.
func dialable(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// example is a command line with which this program's client of the stage talks to addr.
func (r *stageRun) example(addr string) string {
	entry, err := stage.New(r.name, stage.Options{})
	if err != nil || len(entry.Conversation) == 0 {
		return fmt.Sprintf("tlslab stage %s client --addr %s", r.name, addr)
	}
	return fmt.Sprintf("tlslab stage %s client --addr %s %s", r.name, addr, shellQuote(entry.Conversation[0]))
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// failedIf ends a client with exit code 1 if something that it was told to do was refused, and has said so:
// a script is to notice. A person has seen it.
func (r *stageRun) failedIf(refused bool, words []string) error {
	if refused && (len(words) > 0 || !isTerminal(r.in)) {
		return errSaid
	}
	return nil
}

// over is how a client's run ended. What the user ended needs no explanation.
func (r *stageRun) over(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// dial connects to the server.
func (r *stageRun) dial(ctx context.Context) (net.Conn, error) { return r.dialTo(ctx, r.addr) }

func (r *stageRun) dialTo(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, r.explainUnreachable(err)
	}
	return conn, nil
}

func (r *stageRun) explainUnreachable(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsRefused) {
		return failed(r.say("cmd_stage_refused", "addr", safe(r.addr), "name", r.name), err)
	}
	return failed(r.explainDial(r.addr, "", err), err)
}

// converse has a person talk, or does the one command of the arguments. What waits for the
// next line of the input is left behind when ctx is done.
func (r *stageRun) converse(ctx context.Context, words []string, run func(in io.Reader) error) error {
	in := io.Reader(r.in)
	if len(words) > 0 {
		in = strings.NewReader(strings.Join(words, " ") + "\n")
	}
	done := make(chan error, 1)
	go func() { done <- run(in) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (r *stageRun) serveUpper(ctx context.Context, listener net.Listener) error {
	server := upper.NewServer()
	server.Lang, server.Out, server.Addr = r.sentence.Lang(), r.out, r.addr
	return server.Serve(ctx, listener)
}

func (r *stageRun) askUpper(ctx context.Context, words []string) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	client := &upper.Client{Lang: r.sentence.Lang(), Out: r.out}
	if err := client.Run(ctx, conn, words...); err != nil {
		return failed(upper.Explain(r.sentence, err), err)
	}
	return nil
}
