package main

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A lecture is what the lab shows: a stage, and what is said of it.
type lecture struct {
	stage.Entry
	tap      func() *inspect.Tap // of one session
	notice   []string            // what is said of it first, as text
	waiting  []string            // the same, on the screen
	title    string              // of the screen; "" for the program's own
	byItself bool                // the stage's own conversation is played where no command comes
}

// Flags of lab that are about TLS, or about scenes, and so belong to the stage kv alone.
var flagsOfKV = []string{"tls", "groups", "client-auth", "ech", "glass-box", "seed", "scene", "channel"}

// lecture makes what the command line asks for.
func (r *labRun) lecture(cmd *cobra.Command) (*lecture, error) {
	if err := r.checkStage(cmd, r.name.value, flagsOfKV); err != nil {
		return nil, err
	}
	options, err := r.options()
	if err != nil {
		return nil, err
	}
	entry, err := stage.New(r.name.value, options)
	if err != nil {
		return nil, err
	}
	l := &lecture{Entry: entry, tap: inspect.NewTap, byItself: cmd.Flags().Changed("stage")}
	if entry.Name != stage.NameKV {
		l.notice = append([]string{r.say("cmd_lab_stage", "name", entry.Name, "about", r.aboutStage(entry.Name))}, r.stageNotice()...)
		l.waiting, l.title = l.notice, "tlslab lab --stage "+entry.Name
		return l, nil
	}
	kv, err := r.kv()
	if err != nil {
		return nil, err
	}
	l.Stage, l.title = kv, r.title()
	l.tap = func() *inspect.Tap { return &inspect.Tap{GlassBox: r.glassBox, Now: kv.Now} }
	l.notice = append(r.glassBoxNotice(kv), r.echNotice(kv)...)
	l.waiting = append(r.echNotice(kv), r.seedNotice(kv)...)
	return l, nil
}

// stageFlags are what the stages of the course can be told; each takes its own.
type stageFlags struct {
	*program
}

// register gives a command the flags that one of the stages takes.
func (f *stageFlags) register(cmd *cobra.Command, p *program, stages ...string) {
	f.program = p
}

// options are what the flags say. It is said only once, since a file is read.
func (f *stageFlags) options() (stage.Options, error) {
	return stage.Options{Lang: f.sentence.Lang()}, nil
}

// stageNotice says how a stage differs from what it was, or should be.
func (f *stageFlags) stageNotice() (lines []string) {
	return lines
}

// checkStage refuses the flags that make no sense with a stage.
func (p *program) checkStage(cmd *cobra.Command, name string, ofKV []string) (err error) {
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		takers := stage.Taking(flag.Name)
		if slices.Contains(ofKV, flag.Name) {
			takers = []string{stage.NameKV}
		}
		if err == nil && len(takers) > 0 && !slices.Contains(takers, name) {
			err = usage(p.say("cmd_stage_flag", "flag", "--"+flag.Name, "name", name, "stages", strings.Join(takers, ", ")))
		}
	})
	return err
}

// aboutStage says in a line what a stage is.
func (p *program) aboutStage(name string) string {
	return p.say("stage_" + underscored(name) + "_about")
}

// stageCommands says what a stage's client can be told, a line each.
func (p *program) stageCommands(name string) string {
	return p.say("stage_" + underscored(name) + "_commands")
}
