package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"example.com/tlslab/kvs"
	"github.com/spf13/cobra"
)

// noTokens is what --tokens says for no file.
const noTokens = "none"

// defaultTokens is where tokens are kept if nothing else is said.
func defaultTokens() string { return filepath.Join(dataDir(), "tokens.jsonl") }

func (p *program) token() *cobra.Command {
	cmd := &cobra.Command{
		Use:                   "token " + p.say("cmd_command_arg"),
		Short:                 p.say("cmd_token_short"),
		Long:                  p.say("cmd_token_long"),
		Example:               p.say("cmd_token_example"),
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return p.unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	role := newChoice(kvs.Writer.String(), kvs.Reader.String())
	add := p.tokenCommand("add", p.say("cmd_token_add_short"), p.say("cmd_token_add_long"), true, func(tokens *kvs.Tokens, name string) error {
		return p.addToken(tokens, name, kvs.ParseRole(role.value))
	})
	choose(add, role, "role", p.say("cmd_flag_role"))
	cmd.AddCommand(
		add,
		p.tokenCommand("list", p.say("cmd_token_list_short"), p.say("cmd_token_list_long"), false, func(tokens *kvs.Tokens, _ string) error { return p.listTokens(tokens) }),
		p.tokenCommand("revoke", p.say("cmd_token_revoke_short"), p.say("cmd_token_revoke_long"), true, p.revokeToken),
	)
	return cmd
}

// tokenCommand is a command on the file of --tokens, and on one name if it wants one.
func (p *program) tokenCommand(name, short, long string, named bool, do func(tokens *kvs.Tokens, name string) error) *cobra.Command {
	use, file := name, ""
	if named {
		use += " " + p.say("cmd_name_arg")
	}
	cmd := &cobra.Command{
		Use: use + " " + p.say("cmd_options"), Short: short, Long: long, DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case !named:
				return p.noArgs(cmd, args)
			case len(args) != 1:
				return usage(p.say("cmd_wants_one_name", "command", name))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if file == "" {
				file = defaultTokens()
			}
			err := do(kvs.OpenTokens(file), append(args, "")[0])
			if errors.Is(err, kvs.ErrTokenName) {
				return usage(p.explain(err))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "tokens", "", p.say("cmd_flag_token_file"))
	return cmd
}

// addToken prints the token alone on standard output, so that a script can keep it, and what to know on standard error.
func (p *program) addToken(tokens *kvs.Tokens, name string, role kvs.Role) error {
	if tokens.Path() == defaultTokens() {
		if err := os.MkdirAll(dataDir(), 0o700); err != nil {
			return err
		}
	}
	first := !tokens.Exists()
	secret, err := tokens.Add(name, role)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.err, p.say("cmd_token_added", "name", name, "role", role.String(), "path", safe(tokens.Path())))
	fmt.Fprintln(p.out, secret)
	fmt.Fprintln(p.err, p.say("cmd_token_use"))
	if first {
		fmt.Fprintln(p.err, p.say("cmd_token_first"))
	}
	return nil
}

func (p *program) listTokens(tokens *kvs.Tokens) error {
	list, err := tokens.List()
	switch {
	case err != nil:
		return err
	case !tokens.Exists():
		fmt.Fprintln(p.err, p.say("cmd_token_none", "path", safe(tokens.Path())))
	case len(list) == 0:
		fmt.Fprintln(p.err, p.say("cmd_token_all_revoked", "path", safe(tokens.Path())))
	}
	for _, token := range list {
		fmt.Fprintf(p.out, "%s  %-6s  %s\n", day(token.Since), token.Role, token.Name)
	}
	return nil
}

func (p *program) revokeToken(tokens *kvs.Tokens, name string) error {
	if err := tokens.Revoke(name); err != nil {
		return err
	}
	fmt.Fprintln(p.out, p.say("cmd_token_revoked", "name", safe(name)))
	return nil
}
