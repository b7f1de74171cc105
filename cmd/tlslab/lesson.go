package main

import (
	"cmp"
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/tui"
	"github.com/adrg/xdg"
	"github.com/spf13/cobra"
)

// notebook is where it stands how far the student has come, by the XDG Base Directory Specification.
func notebook() *lesson.Notebook {
	return &lesson.Notebook{Path: filepath.Join(xdg.StateHome, "tlslab", "lessons.toml")}
}

// A lessonRun is what tlslab lesson was asked for.
type lessonRun struct {
	*program
	notebook *lesson.Notebook
	warned   bool // that the notebook cannot be kept
	plain    bool
	json     bool
	look     look
}

func (p *program) lesson() *cobra.Command {
	cmd := p.group("lesson", "cmd_lesson_short", "cmd_lesson_long", "cmd_lesson_example")
	cmd.AddCommand(p.lessonList(), p.lessonStart(), p.lessonNext(), p.lessonHint(), p.lessonReset(), p.lessonCheck(), p.lessonHandout())
	return cmd
}

func (p *program) lessonRun() *lessonRun { return &lessonRun{program: p, notebook: notebook()} }

func (p *program) lessonList() *cobra.Command {
	run := p.lessonRun()
	cmd := &cobra.Command{
		Use:                   "list " + p.say("cmd_lesson_list_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_lesson_list_short"),
		Args:                  p.oneLesson,
		DisableFlagsInUseLine: true,
		RunE:                  func(_ *cobra.Command, args []string) error { return run.list(args) },
	}
	cmd.Flags().BoolVar(&run.json, "json", false, p.say("cmd_flag_lesson_list_json"))
	return cmd
}

func (p *program) lessonStart() *cobra.Command {
	run := p.lessonRun()
	cmd := &cobra.Command{
		Use:                   "start " + p.say("cmd_lesson_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_lesson_start_short"),
		Long:                  p.say("cmd_lesson_start_long"),
		Example:               p.say("cmd_lesson_start_example"),
		Args:                  p.oneLesson,
		ValidArgsFunction:     completeLessons,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return run.next(cmd.Context(), p.courseShelf)
			}
			if isOwn(args[0]) && isFolder(args[0]) {
				return run.next(cmd.Context(), func() ([]*sheet, error) { return p.folderShelf(args[0]) })
			}
			chosen, err := p.sheetNamed(args[0])
			if err != nil {
				return err
			}
			return run.start(cmd.Context(), chosen, 0)
		},
	}
	run.flags(cmd)
	return cmd
}

func (p *program) lessonNext() *cobra.Command {
	run := p.lessonRun()
	cmd := &cobra.Command{
		Use:                   "next " + p.say("cmd_options"),
		Short:                 p.say("cmd_lesson_next_short"),
		Args:                  p.noArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return run.next(cmd.Context(), p.courseShelf) },
	}
	run.flags(cmd)
	return cmd
}

// flags gives a command those that say how a lesson is shown.
func (r *lessonRun) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.plain, "plain", false, r.say("cmd_flag_lesson_plain"))
	r.look.flags(r.program, cmd)
}

func (p *program) lessonHint() *cobra.Command {
	run := p.lessonRun()
	return &cobra.Command{
		Use:                   "hint " + p.say("cmd_lesson_arg"),
		Short:                 p.say("cmd_lesson_hint_short"),
		Long:                  p.say("cmd_lesson_hint_long"),
		Args:                  p.oneLesson,
		ValidArgsFunction:     completeLessons,
		DisableFlagsInUseLine: true,
		RunE:                  func(_ *cobra.Command, args []string) error { return run.hint(args) },
	}
}

func (p *program) lessonReset() *cobra.Command {
	run := p.lessonRun()
	return &cobra.Command{
		Use:                   "reset " + p.say("cmd_lesson_arg"),
		Short:                 p.say("cmd_lesson_reset_short"),
		Args:                  p.oneLesson,
		ValidArgsFunction:     completeLessons,
		DisableFlagsInUseLine: true,
		RunE:                  func(_ *cobra.Command, args []string) error { return run.reset(args) },
	}
}

// completeLessons suggests the lessons of the course; a shell goes on with files.
func completeLessons(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return docs.Lessons(), cobra.ShellCompDirectiveDefault
}

// oneLesson refuses a second word.
func (p *program) oneLesson(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage(p.say("cmd_lesson_one", "command", cmd.CommandPath(), "word", safe(args[1])))
	}
	return nil
}

// list tells of each lesson in a line: of the course, or of a folder of a teacher's own.
func (r *lessonRun) list(args []string) error {
	sheets, err := r.courseShelf()
	if len(args) > 0 {
		sheets, err = r.folderShelf(args[0])
	}
	if err != nil {
		return err
	}
	progress := r.progress()
	width := 0
	for _, s := range sheets {
		width = max(width, len([]rune(s.Title)))
	}
	for _, s := range sheets {
		standing := progress[s.note]
		if r.json {
			if _, err := r.out.Write(report.Line(lessonLine(s, standing))); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(r.out, "%2d  %-*s  %s  %s\n", s.number, width, s.Title, r.say("lesson_minutes", "minutes", s.Minutes), r.standing(s, standing))
	}
	switch {
	case r.json:
	case len(args) > 0:
		fmt.Fprintln(r.out, "\n"+r.say("lesson_list_next_own", "folder", safe(args[0])))
	default:
		fmt.Fprintln(r.out, "\n"+r.say("lesson_list_next"))
	}
	return nil
}

// standing says how far the student has come in a lesson.
func (r *lessonRun) standing(s *sheet, standing *lesson.Standing) string {
	var told []string
	switch {
	case standing == nil:
	case standing.Done:
		told = append(told, r.say("lesson_done"))
	default:
		told = append(told, r.say("lesson_at_page", "page", s.pageOf(standing), "pages", len(s.Pages)))
	}
	if all := len(s.Exercises()); all > 0 {
		told = append(told, r.say("lesson_solved", "solved", standing.Solved(s.Lesson), "all", all))
	}
	return strings.Join(told, ", ")
}

// A jsonLesson is a lesson, and how far the student has come, for programs.
type jsonLesson struct {
	Kind      string `json:"kind"`
	Number    int    `json:"number"`
	Name      string `json:"name"`
	Title     string `json:"title"`
	Minutes   int    `json:"minutes"`
	Pages     int    `json:"pages"`
	Page      int    `json:"page"`
	Done      bool   `json:"done"`
	Exercises int    `json:"exercises"`
	Solved    int    `json:"solved"`
}

func lessonLine(s *sheet, standing *lesson.Standing) jsonLesson {
	line := jsonLesson{
		Kind: "lesson", Number: s.number, Name: s.Name, Title: inspect.Safe(s.Title), Minutes: s.Minutes, Pages: len(s.Pages),
		Exercises: len(s.Exercises()), Solved: standing.Solved(s.Lesson),
	}
	if standing != nil {
		line.Page, line.Done = s.pageOf(standing), standing.Done
	}
	return line
}

// progress reads how far the student has come. A notebook that cannot be read is told of, and passed over.
func (r *lessonRun) progress() lesson.Progress {
	progress, err := r.notebook.Read()
	r.warn(err)
	return progress
}

// noNotebook says what is wrong with the notebook, if something is.
func (p *program) noNotebook(err error) error {
	var damaged *lesson.NotebookError
	if errors.As(err, &damaged) {
		return failed(p.say("lesson_notebook_damaged", "path", safe(damaged.Path), "reason", safe(oneLine(damaged.Err.Error()))), err)
	}
	return err
}

// warn says, once, that the notebook cannot be read or written.
func (r *lessonRun) warn(err error) {
	if err != nil && !r.warned {
		r.warned = true
		fmt.Fprintf(r.err, "tlslab: %s\n", r.explain(r.noNotebook(err)))
	}
}

// next goes on where the student is: in the lesson where they were last, if it is not done; otherwise in the first that was
// begun and is not done; otherwise in the first that is not done.
func (r *lessonRun) next(ctx context.Context, shelf func() ([]*sheet, error)) error {
	sheets, err := shelf()
	if err != nil {
		return err
	}
	progress := r.progress()
	var first, begun *sheet
	for _, s := range sheets {
		switch standing := progress[s.note]; {
		case standing == nil:
			first = cmp.Or(first, s)
		case !standing.Done && (begun == nil || standing.Latest):
			begun = s
		}
	}
	switch {
	case begun != nil:
		return r.start(ctx, begun, begun.pageOf(progress[begun.note])-1)
	case first != nil:
		return r.start(ctx, first, 0)
	}
	fmt.Fprintln(r.out, r.say("lesson_all_done"))
	return nil
}

// start goes through a lesson with the student, from a page on.
func (r *lessonRun) start(ctx context.Context, s *sheet, page int) error {
	if r.plain || !r.hasScreen() {
		return r.read(ctx, s, page)
	}
	return r.show(ctx, s, page)
}

// show goes through a lesson on the screen.
func (r *lessonRun) show(ctx context.Context, s *sheet, page int) error {
	kv := &stage.KV{Lang: r.sentence.Lang()}
	lessons, kept := r.screenLessons(s, page)
	err := show(ctx, tui.Options{
		Stage: kv, Lang: r.sentence.Lang(), Theme: r.look.name(), ASCII: r.look.ascii, Lessons: lessons, Lesson: s.Name,
	})
	r.warn(*kept)
	return err
}

// screenLessons are the lessons of the course, and the one that was chosen, as the screen takes them. The error is what
// went wrong with the notebook, once the screen has been left.
func (r *lessonRun) screenLessons(chosen *sheet, page int) (lessons tui.Lessons, kept *error) {
	kept = new(error)
	var mu sync.Mutex                // two sittings can be there for a moment: one that is left, and the next
	notes := make(map[string]string) // by name
	lessons = tui.Lessons{
		Names: docs.Lessons(),
		Title: func(name, lang string) string {
			if s, err := r.screenSheet(chosen, name, lang); err == nil {
				return s.Title
			}
			return name
		},
		Begin: func(ctx context.Context, name, lang string, watch func(*inspect.Recording)) (*lesson.Sitting, error) {
			s, err := r.screenSheet(chosen, name, lang)
			if err != nil {
				return nil, err
			}
			mu.Lock()
			notes[s.Name] = s.note
			from := page
			if chosen == nil || name != chosen.Name {
				from = 0
			} else {
				page = 0 // the next time from the beginning
			}
			mu.Unlock()
			course := r.course(lang)
			course.Watch = watch
			sitting := course.Begin(ctx, s.Lesson)
			if _, err := sitting.Skip(from); err != nil {
				sitting.Close()
				return nil, err
			}
			return sitting, nil
		},
		Progress: func(s *lesson.Sitting, _ *lesson.Stop) {
			mu.Lock()
			defer mu.Unlock()
			if err := r.notebook.Note(notes[s.Lesson.Name], s); err != nil {
				*kept = err
			}
		},
	}
	if chosen != nil && chosen.own {
		lessons.Names = append([]string{chosen.Name}, lessons.Names...)
	}
	return lessons, kept
}

// screenSheet finds a lesson for the screen: a teacher's own stays as it is, whatever the language.
func (p *program) screenSheet(chosen *sheet, name, lang string) (*sheet, error) {
	if chosen != nil && chosen.own && name == chosen.Name {
		return chosen, nil
	}
	return courseSheet(name, lang)
}

// course goes through lessons, on the stages of the lab. What GODEBUG changes of
// TLS would make them false: it is undone, or, where that is too late, said.
func (p *program) course(lang string) *lesson.Course {
	recorded := func() error { return errors.Join(teachDefaults(), drawFromConfigRand()) }
	return &lesson.Course{Lang: lang, GlassBox: recorded, Open: func(name, channel string, with []string) (inspect.Stage, error) {
		if strings.Contains(channel, "tls") && fips140.Enabled() {
			return nil, errors.New(p.say("cmd_lesson_fips"))
		}
		if err := teachDefaults(); err != nil {
			return nil, err
		}
		opened, err := stage.Named(name, channel, with, stage.Options{Lang: lang, Keys: p.keys})
		if err != nil {
			return nil, &saidError{p.noStage(err, name, channel), err}
		}
		return opened, nil
	}}
}

// noStage says why a stage that a lesson asks for cannot be opened.
func (p *program) noStage(err error, name, channel string) string {
	among := func(all []string) string { return strings.Join(all, ", ") }
	switch {
	case errors.Is(err, stage.ErrNoStage):
		return p.say("lesson_no_stage", "stage", name, "stages", among(stage.Names()))
	case errors.Is(err, stage.ErrChannel) && name == stage.NameKV:
		return p.say("lesson_no_channel", "channel", channel, "channels", among(stage.Channels()))
	case errors.Is(err, stage.ErrChannel):
		return p.say("lesson_channel_of_kv", "stage", name, "kv", stage.NameKV)
	case errors.Is(err, stage.ErrWith) && len(stage.Differences(name, channel)) == 0:
		return p.say("lesson_no_with", "stage", name)
	case errors.Is(err, stage.ErrWith):
		return p.say("lesson_with", "words", among(stage.Differences(name, channel)))
	}
	return err.Error()
}

// A saidError is an error in the user's language.
type saidError struct {
	said string
	err  error
}

func (e *saidError) Error() string { return e.said }

func (e *saidError) Unwrap() error { return e.err }

// hint tells the next hint for the exercise where the student is.
func (r *lessonRun) hint(args []string) error {
	progress := r.progress()
	s, err := r.begun(args, progress)
	if err != nil {
		return err
	}
	standing := progress[s.note]
	if standing == nil {
		standing = new(lesson.Standing)
	}
	exercise := standing.Open(s.Lesson)
	if exercise == nil {
		fmt.Fprintln(r.out, r.say("lesson_hint_nothing", "title", safe(s.Title)))
		return nil
	}
	for _, block := range exercise.Asks() {
		fmt.Fprintln(r.out, wrap(plainSpans(block.Spans), r.width()))
	}
	n := min(standing.Marks(exercise).Hints, exercise.Hints-1)
	hint := plainSpans(exercise.Hint(n))
	fmt.Fprintln(r.out, wrap(r.say("lesson_hint", "number", n+1, "all", exercise.Hints, "hint", hint), r.width()))
	if strings.Contains(hint, "…") {
		fmt.Fprintln(r.out, wrap(r.say("lesson_hint_left_out"), r.width()))
	}
	r.warn(r.notebook.Hinted(s.note, exercise, n+1))
	return nil
}

// begun is the lesson that was named; without a name, the one in which the student was last, or another that is not done.
func (r *lessonRun) begun(args []string, progress lesson.Progress) (*sheet, error) {
	if len(args) > 0 {
		return r.sheetNamed(args[0])
	}
	sheets, err := r.courseShelf()
	if err != nil {
		return nil, err
	}
	var begun *sheet
	for name, standing := range progress {
		if standing.Latest && filepath.IsAbs(name) { // a teacher's own
			if s, err := r.ownSheet(name); err == nil {
				return s, nil
			}
		}
	}
	for _, s := range sheets {
		if standing := progress[s.note]; standing != nil && (standing.Latest || !standing.Done && begun == nil) {
			begun = s
		}
	}
	if begun != nil {
		return begun, nil
	}
	return nil, failed(r.say("lesson_hint_nowhere"), nil)
}

// reset takes out of the notebook what stands there of a lesson, or of all. One that cannot be read is put aside.
func (r *lessonRun) reset(args []string) error {
	var names []string
	told := r.say("lesson_reset_all")
	if len(args) > 0 {
		s, err := r.sheetNamed(args[0])
		if err != nil {
			return err
		}
		names, told = []string{s.note}, r.say("lesson_reset", "title", safe(s.Title))
	}
	err := r.notebook.Forget(names...)
	var damaged *lesson.NotebookError
	if errors.As(err, &damaged) {
		aside, failed := r.notebook.SetAside()
		if err = failed; err == nil {
			told = r.say("lesson_reset_aside", "path", safe(aside), "reason", safe(oneLine(damaged.Err.Error())))
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(r.out, told)
	return nil
}
