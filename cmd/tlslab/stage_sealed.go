package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/stage/sealed"
	"github.com/spf13/cobra"
)

// registerKeys gives a command the flags of one's own key pair, and of the peers'.
func (r *stageRun) registerKeys(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.key, "key", "", r.say("cmd_flag_stage_key"))
	cmd.Flags().StringArrayVar(&r.pins, "pin", nil, r.say("cmd_flag_stage_pin"))
}

// config is what one end of the home-made channel goes by.
func (r *stageRun) config() (*sealed.Config, error) {
	if r.authenticated != (len(r.pins) > 0) || r.authenticated && r.key == "" {
		return nil, usage(r.say("cmd_stage_wants_pins"))
	}
	var pinned []sealed.Fingerprint
	for _, pin := range r.pins {
		fingerprint, err := sealed.ParseFingerprint(pin)
		if err != nil {
			return nil, usage(r.say("cmd_stage_bad_pin", "value", safe(pin)))
		}
		pinned = append(pinned, fingerprint)
	}
	config := &sealed.Config{Key: new(sealed.Key), Authenticated: r.authenticated, Trusts: sealed.Pinned(pinned...)}
	if r.key == "" {
		return config, nil
	}
	key, err := sealed.OpenKey(r.key)
	if errors.Is(err, os.ErrNotExist) {
		return nil, failed(r.say("cmd_stage_key_missing", "path", safe(r.key), "command", "tlslab stage sealed key "+safe(shellQuote(r.key))), err)
	}
	if err != nil {
		return nil, r.explainSealed(err)
	}
	config.Key = key
	return config, nil
}

func (p *program) explainSealed(err error) error {
	if errors.Is(err, sealed.ErrKey) {
		return failed(p.say("cmd_stage_bad_key", "reason", sealed.Explain(p.sentence, err)), err)
	}
	var failure *sealed.Error
	if errors.As(err, &failure) {
		return failed(sealed.Explain(p.sentence, err), err)
	}
	return err
}

func (r *stageRun) serveSealed(ctx context.Context, listener net.Listener) error {
	config, err := r.config()
	if err != nil {
		return err
	}
	options, err := r.options(r.program)
	if err != nil {
		return err
	}
	fingerprint, err := r.fingerprint(config)
	if err != nil {
		return err
	}
	server := sealed.NewServer(config)
	server.Lang, server.Image, server.Virtualization = r.sentence.Lang(), options.Image, &sealed.Containers{Max: r.containers}
	server.Screen = kvs.Screen{Lang: server.Lang, Out: r.out, Explain: func(err error) string {
		return r.andLikely(err, r.likelyClient(err, fingerprint))
	}}
	server.OnStarted(func() {
		fmt.Fprintln(r.out, r.say("cmd_stage_sealed_serving", "addr", listener.Addr().String(), "fingerprint", fingerprint.String()))
	})
	return server.Serve(ctx, server.Wrap(listener))
}

func (r *stageRun) talkToSealed(ctx context.Context, words []string) error {
	config, err := r.config()
	if err != nil {
		return err
	}
	own, err := r.fingerprint(config) // what takes seconds is done before the server waits
	if err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(r.addr)
	console := new(sealed.Console)
	console.Client.Dial = func(ctx context.Context) (net.Conn, error) {
		wire, err := r.dial(ctx)
		if err != nil {
			return nil, err
		}
		return sealed.ClientEnd(wire, config), nil
	}
	console.Shell = func(ctx context.Context, port int) (net.Conn, error) {
		wire, err := r.dialTo(ctx, net.JoinHostPort(host, strconv.Itoa(port)))
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, windowsRefused) {
			return nil, sealed.ErrNoShell
		}
		if err != nil {
			return nil, err
		}
		return sealed.ClientEnd(wire, config), nil
	}
	refused := false
	do := func(command string) error {
		if strings.TrimSpace(command) == "help" {
			_, err := fmt.Fprintln(r.out, r.stageCommands(r.name))
			return err
		}
		answer, err := console.Do(ctx, command)
		if likely := r.likelyServer(err, own); likely != "" {
			return failed(r.andLikely(err, likely), err)
		}
		switch {
		case errors.As(err, new(*sealed.CommandError)):
			refused, answer = true, sealed.Explain(r.sentence, err)
		case errors.As(err, new(*sealed.AnswerError)), errors.As(err, new(*kvs.AnswerError)):
			refused = true
		case err != nil:
			return r.explainSealed(err)
		}
		_, err = fmt.Fprintln(r.out, safe(answer))
		return err
	}
	if len(words) > 0 {
		if err := do(strings.Join(words, " ")); err != nil {
			return err
		}
		return r.failedIf(refused, words)
	}
	if isTerminal(r.in) {
		fmt.Fprintln(r.out, r.say("cmd_stage_sealed_hint"))
	}
	for line := range lines(ctx, r.in) {
		switch {
		case line.err != nil:
			return line.err
		case strings.TrimSpace(line.text) == "":
			continue
		case isExit(line.text):
			return r.failedIf(refused, words)
		}
		if err := do(line.text); err != nil {
			return err
		}
	}
	return r.failedIf(refused, words)
}

// likelyServer says to a client which difference between the two ends a failed key exchange probably comes from, and
// what to type; "" where it does not look like one. A refusal is a bare 0, and the step at which it comes is all that
// there is to go by.
func (r *stageRun) likelyServer(err error, own sealed.Fingerprint) string {
	var failure *sealed.Error
	if !errors.As(err, &failure) {
		return ""
	}
	refused := errors.Is(err, sealed.ErrRefused)
	switch {
	case refused && failure.Step != sealed.SendKey && failure.Step != sealed.SendSecret:
		return ""
	case refused && !r.authenticated: // the original takes every key, and every secret that it can decrypt
		return r.say("cmd_stage_likely_server_authenticated")
	case refused && failure.Step == sealed.SendKey:
		return r.say("cmd_stage_likely_server_not_pinned", "fingerprint", own.String())
	case refused:
		return r.say("cmd_stage_likely_server_original")
	}
	return r.likelyPin(err)
}

// likelyClient says the same to a server.
func (r *stageRun) likelyClient(err error, own sealed.Fingerprint) string {
	var failure *sealed.Error
	if errors.As(err, &failure) && failure.Step == sealed.SendKey && errors.Is(err, sealed.ErrRefused) {
		return r.say("cmd_stage_likely_client_not_pinned", "fingerprint", own.String())
	}
	return r.likelyPin(err)
}

// likelyPin says which fingerprint a peer has that was not pinned.
func (r *stageRun) likelyPin(err error) string {
	var pin *sealed.PinError
	if !errors.As(err, &pin) {
		return ""
	}
	return r.say("cmd_stage_likely_pin", "fingerprint", pin.Fingerprint.String())
}

// andLikely says what failed and what it probably comes from.
func (r *stageRun) andLikely(err error, likely string) string {
	text := sealed.Explain(r.sentence, err)
	if likely == "" {
		return text
	}
	return text + ". " + likely
}

// fingerprint is that of one's own public key. Where the key pair has yet to be generated it takes seconds.
func (r *stageRun) fingerprint(config *sealed.Config) (sealed.Fingerprint, error) {
	public, ok := config.Key.Public().(*rsa.PublicKey)
	if !ok {
		return sealed.Fingerprint{}, failed(r.say("cmd_stage_no_key"), sealed.ErrKey)
	}
	return sealed.FingerprintOf(public)
}

// sealedKey makes a key pair, and says which fingerprint the peer is to pin.
func (p *program) sealedKey() *cobra.Command {
	return &cobra.Command{
		Use:                   "key " + p.say("cmd_file_arg"),
		Short:                 p.say("cmd_stage_key_short"),
		Long:                  p.say("cmd_stage_key_long"),
		Example:               "  tlslab stage sealed key ana.pem",
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(p.say("cmd_stage_key_one_file"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := sealed.OpenKey(args[0])
			if errors.Is(err, os.ErrNotExist) {
				key, err = sealed.CreateKey(args[0])
			}
			if err != nil {
				return p.explainSealed(err)
			}
			fingerprint, err := sealed.FingerprintOf(&key.PublicKey)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.out, fingerprint)
			return err
		},
	}
}
