package main

import (
	"context"
	"crypto/tls"
	"io"
	"os"
	"slices"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/tui"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// What the lab's client can be told to offer, as inspect.GroupName spells them.
var groups = []tls.CurveID{
	tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
}

// A labRun is what tlslab lab was asked for.
type labRun struct {
	*program
	stageFlags
	name      *choice // of the stage
	tls, auth *choice
	ech       *choice
	groups    []string
	glassBox  bool
	seed      seed
	record    string
	noSecrets bool
	plain     bool
	json      bool
	scene     string
	begin     string // with this scene, on this channel
	channel   *choice
	look      look
}

// A look is how the screen is drawn.
type look struct {
	ascii bool
	theme *choice
}

func (p *program) lab() *cobra.Command {
	run := &labRun{program: p, tls: newChoice("1.3", "1.2"), auth: newChoice("none", "require"), channel: newChoice(append([]string{""}, stage.Channels()...)...)}
	cmd := &cobra.Command{
		Use:                   "lab " + p.say("cmd_options"),
		Short:                 p.say("cmd_lab_short"),
		Long:                  p.say("cmd_lab_long"),
		Example:               p.say("cmd_lab_example"),
		Args:                  run.noArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch scene := cmd.Flags().Changed("scene"); {
			case scene && run.name.value != stage.NameKV:
				return run.checkStage(cmd, run.name.value, flagsOfKV)
			case scene && (run.plain || run.json || !run.hasScreen()):
				return run.playScene(cmd)
			case scene:
				return run.showScene(cmd)
			}
			return run.start(cmd)
		},
	}
	run.name = &choice{stage.NameKV, stage.Names()}
	choose(cmd, run.name, "stage", p.say("cmd_flag_stage"))
	run.register(p, cmd, stage.Names()...)
	choose(cmd, run.tls, "tls", p.say("cmd_flag_tls"))
	cmd.Flags().StringSliceVar(&run.groups, "groups", nil, p.say("cmd_flag_groups"))
	complete(cmd, "groups", groupNames()...)
	choose(cmd, run.auth, "client-auth", p.say("cmd_flag_lab_client_auth"))
	run.flagECH(cmd)
	cmd.Flags().BoolVar(&run.glassBox, "glass-box", false, p.say("cmd_flag_glass_box"))
	cmd.Flags().Var(&run.seed, "seed", p.say("cmd_flag_seed"))
	complete(cmd, "seed")
	cmd.Flags().BoolVar(&run.plain, "plain", false, p.say("cmd_flag_plain"))
	cmd.Flags().BoolVar(&run.json, "json", false, p.say("cmd_flag_lab_json"))
	cmd.Flags().StringVar(&run.scene, "scene", "", p.say("cmd_flag_scene"))
	complete(cmd, "scene", docs.Scenes()...)
	choose(cmd, run.channel, "channel", p.say("cmd_flag_lab_channel"))
	p.flagRecord(cmd, &run.record, &run.noSecrets)
	run.look.flags(p, cmd)
	return cmd
}

func (l *look) flags(p *program, cmd *cobra.Command) {
	l.theme = newChoice("auto", "light", "dark")
	cmd.Flags().BoolVar(&l.ascii, "ascii", false, p.say("cmd_flag_ascii"))
	choose(cmd, l.theme, "theme", p.say("cmd_flag_theme"))
}

// name is the theme as the screen knows it: "" looks at the environment.
func (l *look) name() string { return strings.TrimPrefix(l.theme.value, "auto") }

func (r *labRun) start(cmd *cobra.Command) error {
	shown, err := r.lecture(cmd)
	if err != nil {
		return err
	}
	if r.glassBox {
		if err := drawFromConfigRand(); err != nil {
			return err
		}
	}
	files, err := r.keep(r.record, r.noSecrets)
	if err != nil {
		return err
	}
	if r.plain || r.json || !r.hasScreen() {
		err = r.runPlain(cmd.Context(), shown, files)
	} else {
		err = r.runScreen(cmd.Context(), shown, files)
	}
	if problem := files.close(); err == nil {
		err = problem
	}
	return err
}

// kv is the key-value service over TLS as the flags want it.
func (r *labRun) kv() (*stage.KV, error) {
	kv := &stage.KV{Lang: r.sentence.Lang(), Seed: r.seed.number}
	if kv.Seed != nil && !r.glassBox {
		return nil, usage(r.say("cmd_seed_without_glass_box"))
	}
	if r.tls.value == "1.2" {
		kv.MaxVersion = tls.VersionTLS12
	}
	if r.auth.value == "require" {
		kv.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if r.groups != nil && len(r.groups) == 0 { // --groups ""
		return nil, usage(r.say("cmd_groups_empty", "words", strings.Join(groupNames(), ", ")))
	}
	for _, name := range r.groups {
		i := slices.Index(groupNames(), strings.ToLower(name))
		if i < 0 {
			return nil, usage(r.say("cmd_flag_not_a_choice", "flag", "--groups", "value", safe(name), "words", strings.Join(groupNames(), ", ")))
		}
		kv.Groups = append(kv.Groups, groups[i])
	}
	return kv, r.offerECH(kv)
}

func groupNames() []string {
	var names []string
	for _, group := range groups {
		names = append(names, strings.ToLower(inspect.GroupName(uint16(group))))
	}
	return names
}

func (r *labRun) runScreen(ctx context.Context, shown *lecture, files *keeper) error {
	options := tui.Options{
		Stage: shown,
		NewTap: func(bool) (*inspect.Tap, func()) {
			tap := shown.tap()
			return tap, files.follow(tap.Recording())
		},
		Lang: r.sentence.Lang(), Theme: r.look.name(), ASCII: r.look.ascii, Waiting: shown.waiting, Title: shown.title,
		Hints: shown.Conversation, Label: shown.Label,
	}
	if shown.Name == stage.NameKV {
		options.Scene, options.Told, options.Play, options.Scenes = r.screenScene(files), sceneTold, r.begin, docs.Scenes()
	}
	options.Compare = func(ctx context.Context, lang string, in io.Reader, out io.Writer) error {
		spoken := *r.program
		spoken.sentence = docs.For(lang)
		return (&compareRun{program: &spoken, look: r.look}).show(ctx, comparedCommands, in, out)
	}
	kept := r.offerLessons(&options, shown)
	err := show(ctx, options)
	r.lessonRun().warn(*kept)
	return err
}

// offerLessons lets lessons be begun on the screen, and tells a student of them who was never in one. The error is what
// went wrong with the notebook, once the screen has been left.
func (r *labRun) offerLessons(o *tui.Options, shown *lecture) (kept *error) {
	run := r.lessonRun()
	o.Lessons, kept = run.screenLessons(nil, 0)
	course, err := r.courseShelf()
	if err == nil && len(course) > 0 && !shown.byItself && o.Play == "" && run.notebook.New() {
		first := r.say("lesson_first_time", "number", course[0].number, "title", course[0].Title)
		o.Waiting = append(slices.Clone(o.Waiting), first)
	}
	return kept
}

// show runs the screen until the user leaves it or ctx is done: by a signal,
// or because the server behind the screen has ended.
func show(ctx context.Context, o tui.Options) error {
	o.Save = saveRecording
	err := tui.Run(ctx, o)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// hasScreen reports whether there is a terminal that a screen can be drawn on.
func (p *program) hasScreen() bool {
	return isTerminal(p.in) && isTerminal(p.out) && os.Getenv("TERM") != "dumb"
}

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }
