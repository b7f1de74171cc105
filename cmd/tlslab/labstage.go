package main

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sealed"
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
	overTLS  bool
}

// Flags of lab that are about TLS, or about scenes, and so belong to the stage kv alone.
var flagsOfKV = []string{"tls", "groups", "client-auth", "ech", "glass-box", "seed", "scene", "channel"}

// lecture makes what the command line asks for.
func (r *labRun) lecture(cmd *cobra.Command) (*lecture, error) {
	if err := r.checkStage(cmd, r.name.value, flagsOfKV); err != nil {
		return nil, err
	}
	options, err := r.options(r.program)
	if err != nil {
		return nil, err
	}
	if options.Channel = r.channel.value; options.Channel != "" {
		if err := r.refuseOwnTLS(cmd, "--channel"); err != nil {
			return nil, err
		}
	}
	entry, err := stage.New(r.name.value, options)
	if err != nil {
		return nil, err
	}
	l := &lecture{Entry: entry, tap: inspect.NewTap, byItself: cmd.Flags().Changed("stage") || options.Channel != ""}
	if entry.Name != stage.NameKV {
		l.notice = []string{r.say("cmd_lab_stage", "name", entry.Name, "about", r.aboutStage(entry.Name))}
		l.title = "tlslab lab --stage " + entry.Name
		if entry.Notice != "" {
			l.notice = append(l.notice, entry.Notice)
		}
		for _, flag := range []string{"shared", "flawed", "authenticated"} {
			if cmd.Flags().Changed(flag) {
				l.title += " --" + flag
			}
		}
		l.waiting = l.notice
		return l, nil
	}
	l.overTLS = !slices.Contains([]string{stage.ChannelClear, stage.ChannelSealed, stage.ChannelSealedAuthenticated}, options.Channel)
	if options.Channel != "" {
		l.notice = []string{r.say("cmd_lab_channel", "channel", options.Channel, "about", r.say("stage_channel_"+underscored(options.Channel)))}
		if entry.Notice != "" {
			l.notice = append(l.notice, entry.Notice)
		}
		l.title, l.waiting = "tlslab lab --channel "+options.Channel, l.notice
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
	shared, flawed, authenticated bool
	image                         string
	containers                    int
}

// register gives a command the flags that the stages take.
func (f *stageFlags) register(p *program, cmd *cobra.Command, stages ...string) {
	takes := func(option string) bool {
		return slices.ContainsFunc(stage.Taking(option), func(name string) bool { return slices.Contains(stages, name) })
	}
	help := func(id string, pairs ...any) string {
		text := p.say(id, pairs...)
		if len(stages) == 1 { // the stage that a flag belongs to goes without saying
			text = strings.TrimPrefix(text, stages[0]+": ")
		}
		return text
	}
	flags := cmd.Flags()
	for _, flag := range []struct {
		name, help string
		into       *bool
	}{
		{"shared", "cmd_flag_stage_shared", &f.shared},
		{"flawed", "cmd_flag_stage_flawed", &f.flawed},
		{"authenticated", "cmd_flag_stage_authenticated", &f.authenticated},
	} {
		if takes(flag.name) {
			flags.BoolVar(flag.into, flag.name, false, help(flag.help))
		}
	}
	if takes("image") {
		flags.StringVar(&f.image, "image", "", help("cmd_flag_stage_image"))
		flags.IntVar(&f.containers, "containers", sealed.DefaultMaxContainers, help("cmd_flag_stage_containers", "count", sealed.DefaultMaxContainers))
		flags.Lookup("containers").DefValue = "0" // the help says it, in the reader's language
	}
}

// options are what the flags say.
func (f *stageFlags) options(p *program) (o stage.Options, err error) {
	o = stage.Options{
		Lang: p.sentence.Lang(), Shared: f.shared, Flawed: f.flawed, Authenticated: f.authenticated, Containers: f.containers, Keys: p.keys,
	}
	if f.containers < 1 || f.containers > maxContainers {
		return o, usage(p.say("cmd_stage_bad_containers", "value", f.containers, "most", maxContainers))
	}
	if f.image == "" {
		return o, nil
	}
	if o.Image, err = sealed.OpenImage(f.image); err != nil {
		return o, failed(sealed.Explain(p.sentence, err), err)
	}
	return o, nil
}

// maxContainers bounds what takes memory.
const maxContainers = 1000

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
