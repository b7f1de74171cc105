package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
	"github.com/spf13/cobra"
)

// answerTimeout is how long the client waits for an answer, unless it is told otherwise.
const answerTimeout = 30 * time.Second

// A clientRun is what tlslab client was asked for, and what it made of it.
type clientRun struct {
	*program
	addr, ca  string
	cert, key string
	tokenFile string
	timeout   time.Duration
	json      bool
	show      bool
	edit      bool
	noauth    bool

	config     *tls.Config
	withheld   []string                        // whose certificates the server wants, where the client's is of another authority and was not sent
	excused    bool                            // and that was said
	notRevoked func(tls.ConnectionState) error // nil where there is no list
	token      []byte                          // says who the client is; nil for none
	language   string                          // the request by which the language of the answers was chosen; "" for none
	text       report.Text                     // tells of records
	editor     *editor                         // with --edit

	tap     *inspect.Tap     // of the latest connection
	session *inspect.Session // of what it recorded
	shown   *teller          // with --show, until the connection is over
	link    *link            // to the server; nil where there is none

	desk    desk
	answers io.Writer // where answers go
	notices io.Writer // where everything else goes that is said
	count   int       // requests that were answered
	problem error     // with what --show prints
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
	flags.StringVar(&run.tokenFile, "token-file", "", p.say("cmd_flag_client_token", "variable", tokenVariable))
	flags.DurationVar(&run.timeout, "timeout", answerTimeout, p.say("cmd_flag_client_timeout"))
	flags.BoolVar(&run.json, "json", false, p.say("cmd_flag_client_json"))
	flags.BoolVar(&run.show, "show", false, p.say("cmd_flag_client_show"))
	flags.BoolVar(&run.edit, "edit", false, p.say("cmd_flag_client_edit"))
	flags.BoolVar(&run.noauth, "noauth", false, p.say("cmd_flag_client_noauth"))
	flags.Lookup("addr").DefValue, flags.Lookup("timeout").DefValue = "", "0s" // the help says it, in the reader's language
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
	if isTerminal(r.err) {
		r.notices = folded{r.err, r.err}
	}
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
		return r.batch(ctx, desk)
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
	if hostOf(r.addr) == "" { // there is no name to verify
		return usage(r.say("cmd_bad_addr", "addr", safe(r.addr)))
	}
	roots, err := r.roots()
	if err != nil {
		return err
	}
	mine, err := r.pair(r.cert, r.key)
	if err != nil {
		return err
	}
	if r.token, err = r.readToken(); err != nil {
		return err
	}
	r.config = pki.ClientConfig(roots, hostOf(r.addr), mine...)
	r.config.VerifyConnection = r.notRevoked
	if len(mine) > 0 {
		r.config.GetClientCertificate = r.certificateFor
	}
	r.text = report.Text{Say: r.sentence, Level: report.WithBytes}
	if r.edit {
		r.editor = newEditor()
	}
	return nil
}

// roots are whom the client trusts: the lab's own authority, if no other is named, but for what it has revoked.
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
		r.ca, r.notRevoked = dir.CertFile("ca"), dir.Revocations().VerifyConnection
		return pki.LoadRoots(r.ca)
	}
	roots, err := pki.LoadRoots(r.ca)
	if err != nil {
		return nil, err
	}
	// Whoever names the lab's own authority trusts it no further than who names none.
	own, revoked, err := pki.LoadRevocations(filepath.Join(dataDir(), "pki"))
	if err == nil {
		if _, err := own.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			r.notRevoked = revoked.VerifyConnection
		}
	}
	return roots, nil
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

// converse connects, holds the conversation, and says goodbye.
func (r *clientRun) converse(ctx context.Context, talk func() error) error {
	err := r.connect(ctx)
	if err == nil {
		err = talk()
		r.hangUp(ctx)
	}
	if err == nil {
		err = r.problem
	}
	return err
}

func (r *clientRun) notice(text string) { fmt.Fprintln(r.notices, text) }
