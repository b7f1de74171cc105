package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A choice is a flag that takes one of several words.
type choice struct {
	value string
	words []string // the first is what stands where the flag is not given; it may be ""
}

func newChoice(words ...string) *choice { return &choice{words[0], words} }

func (c *choice) String() string { return c.value }

func (c *choice) Type() string { return strings.TrimPrefix(strings.Join(c.words, "|"), "|") }

func (c *choice) Set(word string) error {
	if word == "" || !slices.Contains(c.words, word) {
		return errors.New("not one of " + c.Type())
	}
	c.value = word
	return nil
}

// choose gives cmd a flag that takes one of several words.
func choose(cmd *cobra.Command, c *choice, name, help string) {
	cmd.Flags().Var(c, name, help)
	cmd.Flags().Lookup(name).DefValue = "" // the help says it, in the reader's language
	complete(cmd, name, c.words...)
}

// complete has the shell suggest words for a flag.
func complete(cmd *cobra.Command, name string, words ...string) {
	err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // there is no such flag
	}
}

// flagError says in the reader's language what is wrong with a flag.
func (p *program) flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var without *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name := "--" + unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name = "-" + unknown.GetSpecifiedName()
		}
		return usage(p.say("cmd_flag_unknown", "flag", safe(name), "command", cmd.Name()))
	case errors.As(err, &without):
		return usage(p.say("cmd_flag_without_value", "flag", "--"+without.GetFlag().Name))
	case errors.As(err, &invalid):
		name, value := "--"+invalid.GetFlag().Name, safe(invalid.GetValue())
		if c, ok := invalid.GetFlag().Value.(*choice); ok {
			return usage(p.say("cmd_flag_not_a_choice", "flag", name, "value", value, "words", strings.ReplaceAll(c.Type(), "|", ", ")))
		}
		if _, ok := invalid.GetFlag().Value.(*seed); ok {
			return usage(p.say("cmd_flag_not_a_seed", "value", value))
		}
		return usage(p.say("cmd_flag_bad_value", "flag", name, "value", value))
	}
	return usage(safe(err.Error()))
}

// noArgs refuses words that a command does not take.
func (p *program) noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(p.say("cmd_too_many_words", "command", cmd.Name(), "word", safe(args[0])))
	}
	return nil
}
