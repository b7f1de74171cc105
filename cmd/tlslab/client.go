package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/pki"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// dialTimeout is how long a server may take to accept and to finish the handshake.
const dialTimeout = 10 * time.Second

// hangUpTimeout is how long the client waits for the server's goodbye.
const hangUpTimeout = time.Second

// A clientRun is what tlslab client was asked for.
type clientRun struct {
	*program
	addr, ca  string
	cert, key string
	conn      *kvs.Client
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
	cmd.Flags().SetInterspersed(false) // what follows the first word belongs to the command
	cmd.Flags().StringVar(&run.addr, "addr", defaultAddr, p.say("cmd_flag_client_addr"))
	cmd.Flags().Lookup("addr").DefValue = ""
	cmd.Flags().StringVar(&run.ca, "ca", "", p.say("cmd_flag_ca"))
	cmd.Flags().StringVar(&run.cert, "cert", "", p.say("cmd_flag_client_cert"))
	cmd.Flags().StringVar(&run.key, "key", "", p.say("cmd_flag_client_key"))
	return cmd
}

func kvCommands() []string {
	var names []string
	for _, c := range kvs.Commands() {
		names = append(names, c.Name)
	}
	return names
}

func (r *clientRun) start(ctx context.Context, args []string) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	r.conn = kvs.NewClient(conn)
	defer hangUp(conn)
	switch {
	case len(args) > 0:
		return r.once(ctx, args)
	case isTerminal(r.in) && isTerminal(r.out):
		return r.prompt(ctx)
	}
	return r.batch(ctx)
}

// dial connects to the server, and trusts it only if its certificate verifies.
func (r *clientRun) dial(ctx context.Context) (*tls.Conn, error) {
	if err := r.checkAddr(ctx, r.addr); err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(r.addr)
	roots, err := r.roots()
	if err != nil {
		return nil, err
	}
	mine, err := r.certificates()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dialer := &tls.Dialer{Config: pki.ClientConfig(roots, host, mine...)}
	conn, err := dialer.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, r.unreachable(err)
	}
	return conn.(*tls.Conn), nil
}

// unreachable says why the server cannot be talked to.
func (r *clientRun) unreachable(err error) error {
	if wantsCertificate(err) {
		return failed(r.say("cmd_remote_wants_certificate", "addr", safe(r.addr), "command", r.name+" pki client "+r.say("cmd_name_arg")), err)
	}
	return failed(r.explainDial(r.addr, r.ca, err), err)
}

// hangUp says goodbye and waits a moment for the server's: a TCP connection
// that is closed with something unread in it is reset instead of ended.
func hangUp(conn *tls.Conn) {
	if conn.CloseWrite() == nil {
		conn.SetReadDeadline(time.Now().Add(hangUpTimeout))
		io.Copy(io.Discard, conn)
	}
	conn.Close()
}

// roots are whom the client trusts: the lab's own authority, if no other is named.
func (r *clientRun) roots() (*x509.CertPool, error) {
	if r.ca == "" {
		dir, err := openPKI()
		if err != nil {
			return nil, err
		}
		r.ca = dir.CertFile("ca")
	}
	return pki.LoadRoots(r.ca)
}

// certificates returns what the client can show: nothing, or one.
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

func (r *clientRun) certificates() ([]tls.Certificate, error) { return r.pair(r.cert, r.key) }

// once does the command that stands in the arguments. An answer that reports
// an error is a failure, so that a script can tell.
func (r *clientRun) once(ctx context.Context, args []string) error {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = kvs.Quote([]byte(arg))
	}
	answer, refused, err := r.do(ctx, strings.Join(words, " "))
	switch {
	case err != nil:
		return err
	case refused:
		fmt.Fprintln(r.err, answer)
		return errSaid
	}
	_, err = fmt.Fprintln(r.out, answer)
	return err
}

// batch does a command a line and prints an answer a line. It has failed if one of them reports an error.
func (r *clientRun) batch(ctx context.Context) error {
	var failure error
	for line := range lines(ctx, r.in) {
		if line.err != nil {
			return line.err
		}
		answer, refused, err := r.do(ctx, line.text)
		if err != nil {
			return err
		}
		if refused {
			failure = errSaid
		}
		if _, err := fmt.Fprintln(r.out, answer); err != nil {
			return err
		}
		if isExit(line.text) {
			break
		}
	}
	return failure
}

// prompt asks for commands on a terminal, with a history.
func (r *clientRun) prompt(ctx context.Context) error {
	state, err := term.MakeRaw(int(r.in.Fd()))
	if err != nil {
		return err
	}
	defer term.Restore(int(r.in.Fd()), state)
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{r.in, r.out}, "> ")
	if width, height, err := term.GetSize(int(r.out.Fd())); err == nil && width > 0 {
		screen.SetSize(width, height)
	}
	screen.AutoCompleteCallback = completeCommand
	fmt.Fprintln(screen, r.say("cmd_client_welcome", "addr", safe(r.addr)))
	done := make(chan error, 1)
	go func() { done <- r.converse(ctx, screen) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (r *clientRun) converse(ctx context.Context, screen *term.Terminal) error {
	for {
		line, err := screen.ReadLine()
		if err == io.EOF { // Ctrl+C or Ctrl+D
			fmt.Fprintln(screen)
			return nil
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		answer, _, err := r.do(ctx, line)
		if err != nil {
			return err
		}
		fmt.Fprintln(screen, answer)
		if isExit(line) {
			return nil
		}
	}
}

// completeCommand completes the first word when Tab is pressed.
func completeCommand(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' || pos != len(line) || line == "" || strings.Contains(line, " ") {
		return "", 0, false
	}
	for _, name := range kvCommands() {
		if strings.HasPrefix(name, line) {
			return name + " ", len(name) + 1, true
		}
	}
	return "", 0, false
}

// do sends a command and returns the answer, safe to show, and whether it
// reports an error.
func (r *clientRun) do(ctx context.Context, line string) (answer string, refused bool, err error) {
	answer, err = r.conn.Do(ctx, line)
	var no *kvs.AnswerError
	switch {
	case errors.As(err, &no):
		return safe(no.Answer), true, nil
	case err == nil:
		return safe(answer), false, nil
	case fromPeer(err):
		return "", false, r.unreachable(err)
	}
	return "", false, err
}
