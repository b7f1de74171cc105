package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/tui"
	"github.com/spf13/cobra"
)

// A sceneRun is what tlslab scenes was asked for.
type sceneRun struct {
	*program
	run, json bool
	channel   *choice
	names     []string
}

func (p *program) scenes() *cobra.Command {
	run := &sceneRun{program: p, channel: channelChoice()}
	cmd := &cobra.Command{
		Use:                   "scenes " + p.say("cmd_scenes_args") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_scenes_short"),
		Long:                  p.say("cmd_scenes_long"),
		Example:               p.say("cmd_scenes_example"),
		ValidArgs:             docs.Scenes(),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			run.names = args
			return run.start(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&run.run, "run", false, p.say("cmd_flag_scenes_run"))
	cmd.Flags().BoolVar(&run.json, "json", false, p.say("cmd_flag_scenes_json"))
	choose(cmd, run.channel, "channel", p.say("cmd_flag_channel"))
	return cmd
}

// channelChoice is a flag that takes a channel.
func channelChoice() *choice { return newChoice(append([]string{""}, lesson.Channels...)...) }

func (r *sceneRun) start(ctx context.Context) error {
	scenes, err := r.chosen()
	if err != nil {
		return err
	}
	switch {
	case (r.json || r.channel.value != "") && !r.run:
		return usage(r.say("cmd_scenes_only_with_run"))
	case !r.run:
		r.list(scenes)
		return nil
	}
	return r.play(ctx, scenes)
}

// chosen reads the scenes that were named, or all.
func (r *sceneRun) chosen() (scenes []*lesson.Scene, err error) {
	names := r.names
	if len(names) == 0 {
		names = docs.Scenes()
	}
	for _, name := range names {
		scene, err := r.scene(name)
		if err != nil {
			return nil, err
		}
		scenes = append(scenes, scene)
	}
	return scenes, nil
}

// scene reads one scene of the lab's own.
func (p *program) scene(name string) (*lesson.Scene, error) {
	script, ok := docs.Scene(name)
	if !ok {
		return nil, usage(p.say("cmd_no_such_scene", "name", safe(name), "names", strings.Join(docs.Scenes(), ", ")))
	}
	return lesson.Parse(name, script)
}

// sceneStage is the stage that a scene is played on.
func (p *program) sceneStage(channel string, with []string) (inspect.Stage, error) {
	return &stage.Setting{Channel: channel, With: with, Lang: p.sentence.Lang(), Keys: p.keys}, nil
}

func (r *sceneRun) list(scenes []*lesson.Scene) {
	width := 0
	for _, scene := range scenes {
		width = max(width, len(scene.Name))
	}
	for _, scene := range scenes {
		fmt.Fprintf(r.out, "%-*s  %s\n", width, scene.Name, r.sceneTitle(scene.Name))
	}
}

func (p *program) sceneTitle(scene string) string {
	return p.say("scene_" + underscored(scene) + "_title")
}

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// play plays the scenes on their channels and tells what came of each.
func (r *sceneRun) play(ctx context.Context, scenes []*lesson.Scene) error {
	sensible := func(s *lesson.Scene) bool {
		return r.channel.value == "" || slices.Contains(s.Channels, r.channel.value)
	}
	if scenes = slices.DeleteFunc(scenes, func(s *lesson.Scene) bool { return !sensible(s) }); len(scenes) == 0 {
		return usage(r.say("cmd_scenes_nothing", "channel", r.channel.value))
	}
	var missed []error
	if !r.json {
		r.columns(r.out, r.say("scene_column_channel"), r.say("scene_column_got"), r.say("scene_column_noticed"))
		fmt.Fprintln(r.out)
	}
	for _, scene := range scenes {
		if !r.json {
			fmt.Fprintf(r.out, "%s: %s\n", scene.Name, r.sceneTitle(scene.Name))
		}
		var notes []string
		for _, channel := range lesson.Channels {
			if !slices.Contains(scene.Channels, channel) || r.channel.value != "" && channel != r.channel.value {
				continue
			}
			result, err := lesson.Runner{Open: r.sceneStage}.Run(ctx, scene, channel)
			if ctx.Err() != nil {
				return nil // the user has seen enough
			}
			if err != nil {
				return err
			}
			missed, notes = append(missed, result.Err()), append(notes, result.Notes...)
			if err := r.tell(result); err != nil {
				return err
			}
		}
		if !r.json {
			r.remarks(notes)
			fmt.Fprintln(r.out)
		}
	}
	if err := errors.Join(missed...); err != nil {
		return failed(r.say("cmd_scenes_missed", "checks", safe(oneLine(err.Error()))), err)
	}
	if !r.json {
		fmt.Fprintln(r.out, r.say("cmd_scenes_next"))
	}
	return nil
}

// remarks tells the scene's remarks, each once.
func (p *program) remarks(notes []string) {
	slices.Sort(notes)
	for _, note := range slices.Compact(notes) {
		for line := range strings.SplitSeq(wrap(p.say("scene_note_"+underscored(note)), 76), "\n") {
			fmt.Fprintf(p.out, "    %s\n", line)
		}
	}
}

// wrap breaks text into lines of at most width columns.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}

func (r *sceneRun) tell(result *lesson.Result) error {
	if r.json {
		_, err := r.out.Write(report.Line(sceneLine(result)))
		return err
	}
	r.row(r.out, result)
	return nil
}

// row is a line of the table: the channel, what the attacker got, who noticed, how.
func (r *sceneRun) row(out io.Writer, result *lesson.Result) {
	r.columns(out, result.Channel, r.got(result.Outcome), r.noticed(result.Outcome))
}

// columns sets a row; a channel with a long name stands on a line of its own.
func (r *sceneRun) columns(out io.Writer, channel, got, noticed string) {
	const narrow, wide = 6, 28
	if len(channel) > narrow {
		fmt.Fprintf(out, "  %s\n", channel)
		channel = ""
	}
	pad := strings.Repeat(" ", max(0, wide-utf8.RuneCountInString(got)))
	fmt.Fprintf(out, "  %-*s %s%s %s\n", narrow, channel, got, pad, noticed)
}

// got says what the attacker got.
func (r *sceneRun) got(o lesson.Outcome) string {
	var got []string
	if len(o.Exposed) > 0 {
		got = append(got, r.say("scene_got_text"))
	}
	if slices.ContainsFunc(o.Changed, lesson.Change.Cut) {
		got = append(got, r.say("scene_got_cut"))
	} else if len(o.Changed) > 0 {
		got = append(got, r.say("scene_got_change"))
	}
	if o.Guessed != "" && len(o.Exposed) == 0 {
		got = append(got, r.say("scene_got_guess", "command", safe(o.Guessed)))
	}
	if len(got) == 0 {
		return r.say("scene_got_nothing")
	}
	return strings.Join(got, ", ")
}

// noticed says who noticed first and with which alert, or how it ended.
func (r *sceneRun) noticed(o lesson.Outcome) string {
	side, ok := map[string]inspect.Side{"client": inspect.Client, "server": inspect.Server}[o.Noticed]
	switch {
	case !ok && o.Silent:
		return r.say("scene_noticed_silence")
	case !ok:
		return r.say("scene_noticed_nobody")
	}
	told := r.say("scene_noticed_by_" + o.Noticed)
	end := o.Endpoint[side]
	if len(end.Alerts) == 0 {
		return told + ": " + r.refusal(end)
	}
	alert := end.Alerts[0]
	return told + ": " + alert.Name + " (" + r.say("scene_alert_"+underscored(strings.ReplaceAll(alert.Fate, " ", "_"))) + ")"
}

// refusals are what an endpoint of the home-made channel finds wrong, and tells nobody: it has no alerts.
var refusals = []struct {
	err error
	id  string
}{{sealed.ErrPadding, "scene_refusal_padding"}, {sealed.ErrTag, "scene_refusal_tag"}, {sealed.ErrPin, "scene_refusal_pin"}}

// refusal says what an endpoint found wrong without sending an alert.
func (r *sceneRun) refusal(end lesson.Ending) string {
	for _, refusal := range refusals {
		if slices.ContainsFunc(end.Errors, func(text string) bool { return strings.Contains(text, refusal.err.Error()) }) {
			return r.say("scene_refusal", "why", r.say(refusal.id))
		}
	}
	return r.say("scene_no_alert")
}

// playScene is tlslab lab --plain --scene: which scene it is, its session on one
// channel told as text or as JSON lines, what came of it, and what that teaches.
func (r *labRun) playScene(cmd *cobra.Command) error {
	scene, channel, err := r.chosenScene(cmd)
	if err != nil {
		return err
	}
	files, err := r.keep(r.record, r.noSecrets)
	if err != nil {
		return err
	}
	if !r.json {
		fmt.Fprintf(r.out, "%s: %s\n\n", scene.Name, r.sceneTitle(scene.Name))
	}
	var told *teller
	var stop func()
	runner := lesson.Runner{Open: r.sceneStage, Watch: func(recording *inspect.Recording) {
		stop = files.follow(recording)
		told = tellAll(recording, r.storyOf(r.json, r.look.ascii)(r.out))
	}}
	result, err := runner.Run(cmd.Context(), scene, channel)
	if told != nil {
		err = errors.Join(err, told.done())
		stop()
	}
	if err = errors.Join(err, files.close()); err != nil {
		return err
	}
	table := &sceneRun{program: r.program, json: r.json}
	if !r.json {
		fmt.Fprintln(r.out)
	}
	if err := table.tell(result); err != nil {
		return err
	}
	if !r.json {
		r.remarks(result.Notes)
		fmt.Fprintf(r.out, "\n%s\n", wrap(r.say("scene_"+underscored(scene.Name)+"_lesson"), 80))
	}
	if err := result.Err(); err != nil {
		return failed(r.say("cmd_scenes_missed", "checks", safe(oneLine(err.Error()))), err)
	}
	return nil
}

// showScene is tlslab lab --scene on a terminal: the screen begins with the scene.
func (r *labRun) showScene(cmd *cobra.Command) error {
	scene, channel, err := r.chosenScene(cmd)
	if err != nil {
		return err
	}
	r.begin = scene.Name + " " + channel
	return r.start(cmd)
}

// screenScene plays a scene before the screen.
func (r *labRun) screenScene(files *keeper) func(ctx context.Context, name, channel string, a tui.Audience) (*lesson.Result, error) {
	return func(ctx context.Context, name, channel string, a tui.Audience) (*lesson.Result, error) {
		scene, channel, err := r.sceneOn(name, channel)
		if err != nil {
			return nil, err
		}
		stop := func() {}
		defer func() { stop() }()
		runner := lesson.Runner{Open: r.sceneStage, Pace: a.Pace, Watch: func(recording *inspect.Recording) {
			stop = files.follow(recording)
			a.Begins(scene, channel, recording)
		}}
		return runner.Run(ctx, scene, channel)
	}
}

// sceneTold says in a sentence what came of a scene.
func sceneTold(result *lesson.Result, lang string) string {
	table := &sceneRun{program: &program{sentence: docs.For(lang)}}
	return table.say("cmd_scene_told", "got", table.got(result.Outcome), "noticed", table.noticed(result.Outcome))
}

// chosenScene is the scene that was named, and the channel, the scene's last if
// none was: TLS 1.3 where it makes sense there.
func (r *labRun) chosenScene(cmd *cobra.Command) (scene *lesson.Scene, channel string, err error) {
	if err := r.refuseOwnTLS(cmd, "--scene"); err != nil {
		return nil, "", err
	}
	return r.sceneOn(r.scene, r.channel.value)
}

// refuseOwnTLS refuses the flags that say how TLS is spoken, beside one that says it all.
func (r *labRun) refuseOwnTLS(cmd *cobra.Command, by string) error {
	for _, flag := range []string{"tls", "groups", "client-auth", "glass-box", "seed", "ech"} {
		if cmd.Flags().Changed(flag) {
			return usage(r.say("cmd_flags_exclude", "by", by, "flag", "--"+flag))
		}
	}
	return nil
}

// sceneOn reads a scene, and finds its channel if none is named: TLS 1.3 where it makes sense there, else its last.
func (p *program) sceneOn(name, channel string) (*lesson.Scene, string, error) {
	scene, err := p.scene(name)
	if err != nil {
		return nil, "", err
	}
	if channel == "" {
		channel = scene.Channels[len(scene.Channels)-1]
		if slices.Contains(scene.Channels, lesson.TLS13) {
			channel = lesson.TLS13
		}
	}
	if !slices.Contains(scene.Channels, channel) {
		return nil, "", usage(p.say("cmd_scene_not_on_channel", "name", scene.Name, "channel", safe(channel), "channels", strings.Join(scene.Channels, ", ")))
	}
	return scene, channel, nil
}

// A jsonScene is what came of a scene on a channel, for programs.
type jsonScene struct {
	Kind     string       `json:"kind"`
	Scene    string       `json:"scene"`
	Channel  string       `json:"channel"`
	OK       bool         `json:"ok"`
	Exposed  []string     `json:"exposed"`
	Changed  []jsonChange `json:"changed"`
	Noticed  string       `json:"noticed,omitempty"`
	Silent   bool         `json:"silent"`
	Guessed  string       `json:"guessed,omitempty"`
	Notes    []string     `json:"notes"`
	Client   jsonEnding   `json:"client"`
	Server   jsonEnding   `json:"server"`
	Expected []jsonCheck  `json:"expected"`
}

type jsonChange struct {
	Side  string `json:"side"`
	Wrote string `json:"peer_wrote"`
	Read  string `json:"read"`
}

type jsonEnding struct {
	Errors []string        `json:"errors"`
	Alerts []jsonAlertSent `json:"alerts"`
	Closed string          `json:"closed,omitempty"`
}

type jsonAlertSent struct {
	Name       string `json:"name"`
	Understood bool   `json:"understood"`
	Fate       string `json:"fate"`
}

type jsonCheck struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	OK   bool   `json:"ok"`
	Got  string `json:"got"`
}

func sceneLine(r *lesson.Result) jsonScene {
	line := jsonScene{
		Kind: "scene", Scene: r.Scene, Channel: r.Channel, OK: r.Err() == nil, Exposed: allSafe(r.Exposed), Changed: []jsonChange{},
		Noticed: r.Noticed, Silent: r.Silent, Guessed: r.Guessed, Notes: append([]string{}, r.Notes...), Client: jsonEnd(r.Endpoint[inspect.Client]), Server: jsonEnd(r.Endpoint[inspect.Server]),
	}
	for _, change := range r.Changed {
		line.Changed = append(line.Changed, jsonChange{change.Side.String(), inspect.Safe(change.Wrote), inspect.Safe(change.Read)})
	}
	for _, check := range r.Checks {
		line.Expected = append(line.Expected, jsonCheck{check.Line, check.Text, check.OK, check.Got})
	}
	return line
}

func jsonEnd(end lesson.Ending) jsonEnding {
	told := jsonEnding{Errors: allSafe(end.Errors), Alerts: []jsonAlertSent{}, Closed: end.Closed}
	for _, alert := range end.Alerts {
		told.Alerts = append(told.Alerts, jsonAlertSent(alert))
	}
	return told
}

// allSafe makes texts that may quote the wire harmless; none are an empty list, not null.
func allSafe(texts []string) []string {
	all := []string{}
	for _, text := range texts {
		all = append(all, inspect.Safe(text))
	}
	return all
}
