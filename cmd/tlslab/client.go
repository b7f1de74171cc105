package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// answerTimeout is how long the client waits for an answer, unless it is told otherwise.
const answerTimeout = 30 * time.Second

// A clientRun is what tlslab client was asked for, and what it made of it.
type clientRun struct {
	*program
	addr, ca  string
	cert, key string
	timeout   time.Duration
	json      bool
	show      bool
	edit      bool
	noauth    bool

	config  *tls.Config
	tap     *inspect.Tap
	session *inspect.Session // of what the tap recorded
	told    int              // items of it of which the user knows
	text    report.Text      // tells of it
	shown   *teller          // with --show
	editor  *editor          // with --edit

	desk    desk
	answers io.Writer // where answers go
	notices io.Writer // where everything else goes that is said
	link    *link     // to the server; nil where there is none
	count   int       // requests that were answered
}

func (p *program) client() *cobra.Command {
	run := &clientRun{program: p}
	cmd := &cobra.Command{
		Use:                   "client " + p.say("cmd_options") + " " + p.say("cmd_client_words"),
		Short:                 p.say("cmd_client_short"),
		Long:                  p.say("cmd_client_long"),
		Example:               p.say("cmd_client_example"),
		Args:                  cobra.ArbitraryArgs,
		DisableFlagsInUseLine: true,
		ValidArgs:             kvCommands(),
		RunE:                  func(cmd *cobra.Command, args []string) error { return run.start(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows the first word belongs to the command
	flags.StringVar(&run.addr, "addr", defaultAddr, p.say("cmd_flag_client_addr"))
	flags.StringVar(&run.ca, "ca", "", p.say("cmd_flag_ca"))
	flags.StringVar(&run.cert, "cert", "", p.say("cmd_flag_client_cert"))
	flags.StringVar(&run.key, "key", "", p.say("cmd_flag_client_key"))
	flags.DurationVar(&run.timeout, "timeout", answerTimeout, p.say("cmd_flag_client_timeout"))
	flags.BoolVar(&run.json, "json", false, p.say("cmd_flag_client_json"))
	flags.BoolVar(&run.show, "show", false, p.say("cmd_flag_client_show"))
	flags.BoolVar(&run.edit, "edit", false, p.say("cmd_flag_client_edit"))
	flags.BoolVar(&run.noauth, "noauth", false, p.say("cmd_flag_client_noauth"))
	for _, name := range []string{"addr", "timeout"} {
		flags.Lookup(name).DefValue = "" // the help says it, in the reader's language
	}
	return cmd
}

func kvCommands() []string {
	var names []string
	for _, c := range kvs.Commands() {
		names = append(names, c.Name)
	}
	return names
}

// start finds out what is wrong with the command line, connects, and does what was asked.
func (r *clientRun) start(ctx context.Context, args []string) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.answers, r.notices = r.out, r.err
	if len(args) == 0 && !r.json && isTerminal(r.in) && isTerminal(r.out) {
		return r.atTerminal(ctx)
	}
	desk := newPipeDesk(ctx, r.in, r.err)
	defer desk.close()
	r.desk = desk
	return r.converse(ctx, func() error {
		if len(args) > 0 {
			return r.once(ctx, args)
		}
		return r.batch(ctx)
	})
}

// prepare makes what all connections have in common.
func (r *clientRun) prepare(ctx context.Context) error {
	switch {
	case r.timeout <= 0:
		return usage(r.say("cmd_flag_bad_value", "flag", "--timeout", "value", r.timeout.String()))
	case r.noauth && r.ca != "":
		return usage(r.say("client_noauth_and_ca"))
	}
	if err := r.checkAddr(ctx, r.addr); err != nil {
		return err
	}
	roots, err := r.roots()
	if err != nil {
		return err
	}
	mine, err := r.pair(r.cert, r.key)
	if err != nil {
		return err
	}
	r.config = pki.ClientConfig(roots, hostOf(r.addr), mine...)
	r.tap = inspect.NewTap()
	r.text = report.Text{Say: r.sentence, Level: report.WithBytes}
	if r.edit {
		r.editor = newEditor()
		r.tap.Gate = r.editor
	}
	return nil
}

// roots are whom the client trusts: the lab's own authority, if no other is named.
// With --noauth it is one that has signed nothing.
func (r *clientRun) roots() (*x509.CertPool, error) {
	if r.noauth {
		wrong, err := pki.NewAuthority(time.Now())
		if err != nil {
			return nil, err
		}
		return wrong.Roots(), nil
	}
	if r.ca == "" {
		dir, err := openPKI()
		if err != nil {
			return nil, err
		}
		r.ca = dir.CertFile("ca")
	}
	return pki.LoadRoots(r.ca)
}

// pair returns what one end can show: nothing, or one certificate with its key.
func (p *program) pair(cert, key string) ([]tls.Certificate, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, usage(p.say("cmd_cert_without_key"))
	}
	certificate, err := pki.Load(cert, key)
	return []tls.Certificate{certificate}, err
}

// converse connects, holds the conversation, says goodbye, and tells what --show and --edit want told.
func (r *clientRun) converse(ctx context.Context, talk func() error) error {
	r.session = inspect.NewSession(r.tap.Recording())
	if r.show {
		r.shown = tellAll(r.tap.Recording(), r.text.Writer(r.notices))
	}
	defer r.tap.Close()
	err := r.connect(ctx)
	if err == nil {
		err = talk()
		r.hangUp(ctx)
	}
	if r.shown != nil {
		if problem := r.shown.done(); err == nil {
			err = problem
		}
	}
	return err
}

// notice says something that is no answer, in lines that fit the terminal.
func (r *clientRun) notice(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if columns := r.columns(); columns > 0 && utf8.RuneCountInString(line) >= columns {
			line = wrap(line, columns-1)
		}
		fmt.Fprintln(r.notices, line)
	}
}

// columns is how wide the terminal is that notices go to; 0 if it is none.
func (r *clientRun) columns() int {
	file, ok := r.notices.(*os.File)
	if d, prompt := r.notices.(*terminalDesk); prompt {
		file, ok = d.out, true
	}
	if !ok || !isTerminal(file) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
