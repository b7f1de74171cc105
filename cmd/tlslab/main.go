// Command tlslab is a lab in which people see TLS: a client and a server, a
// tap between them, and every byte in clear and as sent. README.md begins
// there; tlslab --help goes on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/stage"
	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitFine     = 0
	exitFailed   = 1 // the operation failed
	exitUsage    = 2 // the command line was not understood
	exitNobody   = 3 // client: no connection to the server, or one that was lost
	exitImpostor = 4 // client: the server's certificate does not verify
)

func main() {
	p := newProgram(os.Args)
	os.Exit(p.run(os.Args[1:]))
}

// A program is one run of tlslab: what it talks through, and in which language.
type program struct {
	name     string // as it was called
	in       *os.File
	out, err *os.File
	sentence *docs.Sentences
	keys     *stage.SealedKeys // of the home-made channel: they are generated when they are first used
}

func newProgram(args []string) *program {
	return &program{
		name: called(args[0]), in: os.Stdin, out: os.Stdout, err: os.Stderr,
		sentence: docs.For(docs.Match(knownLang(langOf(args[1:])))), keys: new(stage.SealedKeys),
	}
}

func (p *program) say(id string, pairs ...any) string { return p.sentence.Say(id, pairs...) }

// run does what args ask for, and returns the exit code. The first SIGINT or
// SIGTERM ends the context, in good order; the second ends the program.
func (p *program) run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()

	root := p.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitFine
	}
	return p.report(cmd, err)
}

// root is the command that all others belong to.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "tlslab " + p.say("cmd_command_arg") + " " + p.say("cmd_options"),
		Short:         p.say("cmd_short"),
		Long:          p.say("cmd_long"),
		Example:       p.say("cmd_example"),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return p.unknownCommand(cmd, args[0])
		},
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true},
		DisableFlagsInUseLine: true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(p.flagError)
	root.SetUsageTemplate(p.usageTemplate())
	root.PersistentFlags().BoolP("help", "h", false, p.say("cmd_flag_help"))
	lang := newChoice(append([]string{""}, languages...)...) // langOf has read it before
	root.PersistentFlags().Var(lang, "lang", p.say("cmd_flag_lang"))
	complete(root, "lang", docs.English, docs.Portuguese)
	root.Version = versionLine()
	root.SetVersionTemplate("{{.Version}}")
	root.Flags().Bool("version", false, p.say("cmd_version_short"))

	root.AddCommand(p.lab(), p.lesson(), p.stage(), p.compare(), p.scenes(), p.serve(), p.client(), p.relay(), p.open(), p.dump(), p.export(), p.store(), p.pki(), p.token(), p.version(), p.completion())
	keepOrder(root)
	root.SetHelpCommand(p.help(root))
	return root
}

// keepOrder has the help show options as they were named, the most useful first.
func keepOrder(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	for _, sub := range cmd.Commands() {
		keepOrder(sub)
	}
}

func (p *program) help(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:                   "help " + p.say("cmd_command_arg"),
		Short:                 p.say("cmd_help_short"),
		DisableFlagsInUseLine: true,
		ValidArgs:             commandNames(root),
		RunE: func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return p.unknownCommand(root, strings.Join(args, " "))
			}
			return about.Help()
		},
	}
}

// unknownCommand is what someone learns who names a command that there is not.
func (p *program) unknownCommand(cmd *cobra.Command, name string) error {
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usage(p.say("cmd_unknown_command_near", "command", safe(name), "near", strings.Join(near, ", ")))
	}
	return usage(p.say("cmd_unknown_command", "command", safe(name), "names", strings.Join(commandNames(cmd), ", ")))
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// report says what went wrong, in one sentence, and returns the exit code.
func (p *program) report(cmd *cobra.Command, err error) int {
	if errors.Is(err, errSaid) {
		return exitFailed
	}
	fmt.Fprintf(p.err, "tlslab: %s\n", p.explain(err))
	code := exitCode(err)
	if code == exitUsage {
		fmt.Fprintln(p.err, p.say("cmd_see_help", "command", cmd.CommandPath()))
	}
	return code
}

// usageTemplate is cobra's own, in the reader's language and within 80 columns.
func (p *program) usageTemplate() string {
	return p.say("cmd_usage") + `:
  {{.UseLine}}{{if .HasExample}}

` + p.say("cmd_examples") + `:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

` + p.say("cmd_commands") + `:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

` + p.say("cmd_options_title") + `:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

` + p.say("cmd_options_everywhere") + `:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

` + p.say("cmd_more_help", "help", `{{.CommandPath}}`) + `{{end}}
`
}

// languages are what --lang takes.
var languages = []string{docs.English, docs.Portuguese, "pt"}

// knownLang is a language that can be asked for, or "": then that of the environment says why it cannot.
func knownLang(asked string) string {
	if !slices.Contains(languages, asked) {
		return ""
	}
	return asked
}

// langOf finds the language before anything is said: the help that cobra
// builds is made of sentences already.
func langOf(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--lang="); ok {
			return value
		}
		if arg == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}
