package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/upper"
	"github.com/spf13/cobra"
)

// A stageRun is what tlslab stage NAME serve, or client, was asked for.
type stageRun struct {
	*program
	stageFlags
	name, addr string
	out        *sharedWriter
}

// ends are a stage's server and client over TCP.
type ends struct {
	addr  string   // where the server listens unless it is told otherwise
	words []string // what a shell suggests as the client's first word
	serve func(r *stageRun, ctx context.Context, listener net.Listener) error
	talk  func(r *stageRun, ctx context.Context, words []string) error
}

// endsOf returns those of a stage; the key-value service has commands of its own.
func endsOf(name string) ends {
	switch name {
	case stage.NameUpper:
		return ends{upper.DefaultAddr, nil, (*stageRun).serveUpper, (*stageRun).askUpper}
	}
	return ends{}
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
		Example:               "  tlslab stage " + name + " serve\n  tlslab stage " + name + " serve --addr 127.0.0.1:0",
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
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&run.addr, "addr", ends.addr, p.say("cmd_flag_stage_serve_addr", "addr", ends.addr))
	cmd.Flags().Lookup("addr").DefValue = ""
	run.register(cmd, p, name)
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
		ValidArgs:             ends.words,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := net.SplitHostPort(run.addr); err != nil {
				return usage(p.say("cmd_bad_addr", "addr", safe(run.addr)))
			}
			return run.over(cmd.Context(), ends.talk(run, cmd.Context(), args))
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the first word belongs to the client
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&run.addr, "addr", addr, p.say("cmd_flag_stage_client_addr", "addr", addr))
	cmd.Flags().Lookup("addr").DefValue = ""
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

// over is how a client's run ended. What the user ended needs no explanation.
func (r *stageRun) over(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// dial connects to the server.
func (r *stageRun) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.addr)
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
