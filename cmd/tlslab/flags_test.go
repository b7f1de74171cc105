package main

import (
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand calls f with every command in both languages.
func eachCommand(t *testing.T, f func(t *testing.T, cmd *cobra.Command)) {
	t.Helper()
	for _, lang := range []string{docs.English, docs.Portuguese} {
		var visit func(cmd *cobra.Command)
		visit = func(cmd *cobra.Command) {
			t.Run(lang+" "+cmd.CommandPath(), func(t *testing.T) { f(t, cmd) })
			for _, sub := range cmd.Commands() {
				visit(sub)
			}
		}
		visit(newProgram([]string{"tlslab", "--lang", lang}).root())
	}
}

// What stands where an option is not given is said in the reader's language, once, by the sentence itself.
func TestTheHelpOfEveryOptionIsWhollyInTheReadersLanguage(t *testing.T) {
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			name, help := pflag.UnquoteUsage(flag)
			if help == "" {
				t.Errorf("--%s: nothing is said of it", flag.Name)
			}
			if strings.IndexFunc(name, func(r rune) bool { return r > '~' }) >= 0 {
				t.Errorf("--%s %s: what is not ASCII moves the column behind it", flag.Name, name)
			}
		})
		for line := range strings.Lines(cmd.LocalFlags().FlagUsages()) {
			if strings.Contains(line, "(default ") {
				t.Errorf("pflag has added to: %s", line)
			}
		}
	})
}

func TestOptionsStandInTheOrderInWhichTheyWereNamed(t *testing.T) {
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		if cmd.Flags().SortFlags {
			t.Error("sorted by name")
		}
	})
}
