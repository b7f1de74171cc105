package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	"github.com/spf13/cobra"
)

// A checkRun is what tlslab lesson check was asked for.
type checkRun struct {
	*program
	mutate, watch, json bool
	lang                *choice
}

func (p *program) lessonCheck() *cobra.Command {
	run := &checkRun{program: p, lang: newChoice(append([]string{"all"}, languages...)...)}
	cmd := &cobra.Command{
		Use:                   "check " + p.say("cmd_lesson_check_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_lesson_check_short"),
		Long:                  p.say("cmd_lesson_check_long"),
		Example:               p.say("cmd_lesson_check_example"),
		Args:                  p.oneLesson,
		ValidArgsFunction:     completeLessons,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, args []string) error { return run.start(cmd.Context(), args) },
	}
	choose(cmd, run.lang, "lang", p.say("cmd_flag_lesson_check_lang"))
	cmd.Flags().BoolVar(&run.mutate, "mutate", false, p.say("cmd_flag_lesson_check_mutate"))
	cmd.Flags().BoolVar(&run.watch, "watch", false, p.say("cmd_flag_lesson_check_watch"))
	cmd.Flags().BoolVar(&run.json, "json", false, p.say("cmd_flag_lesson_check_json"))
	return cmd
}

func (r *checkRun) start(ctx context.Context, args []string) error {
	all, err := r.named(args)
	if err != nil {
		return err
	}
	if r.watch {
		if len(args) == 0 || !isOwn(args[0]) {
			return usage(r.say("lesson_check_watch_own"))
		}
		return r.keepWatch(ctx, args, all)
	}
	wrong, err := r.checkAll(ctx, all)
	if err != nil || ctx.Err() != nil {
		return err
	}
	if wrong > 0 {
		return failed(r.say("lesson_check_wrong", "count", wrong), nil)
	}
	return nil
}

// named are the lessons that were named, not read yet: all of the course, without a name.
func (r *checkRun) named(args []string) (all []*sheet, err error) {
	if len(args) > 0 && isOwn(args[0]) {
		return r.ownNamed(args[0])
	}
	names := docs.Lessons()
	if len(args) > 0 {
		s, err := r.sheetNamed(args[0])
		if err != nil {
			return nil, err
		}
		names = []string{s.note}
	}
	for _, lang := range r.languages() {
		for _, name := range names {
			all = append(all, &sheet{lang: lang, file: "docs/lessons/" + lang + "/" + name + ".md", note: name})
		}
	}
	return all, nil
}

// languages are those in which lessons are checked.
func (r *checkRun) languages() []string {
	if r.lang.value == "all" {
		return []string{docs.English, docs.Portuguese}
	}
	return []string{docs.Match(r.lang.value)}
}

// ownNamed are a teacher's own lessons: a file, or those of a folder, which may have one for each language.
func (r *checkRun) ownNamed(path string) (all []*sheet, err error) {
	if !isFolder(path) {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return []*sheet{r.ownFile(path)}, nil
	}
	var folders []string
	for _, lang := range r.languages() {
		if inLanguage := filepath.Join(path, lang); isFolder(inLanguage) {
			folders = append(folders, inLanguage)
		}
	}
	if len(folders) == 0 {
		folders = []string{path}
	}
	for _, folder := range folders {
		files, err := r.folderFiles(folder)
		if err != nil {
			return nil, err
		}
		numbered := make(map[string]string) // the first of each number
		for _, file := range files {
			s := r.ownFile(file)
			s.twin = twinOf(path, folder, file)
			digits, _, _ := strings.Cut(filepath.Base(file), "-")
			number := strings.TrimLeft(digits, "0")
			if s.rival = numbered[number]; s.rival == "" {
				numbered[number] = file
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// twinOf is the file that holds a lesson of a folder in the other language; "" if there are not two languages.
func twinOf(path, folder, file string) string {
	for lang, other := range map[string]string{docs.English: docs.Portuguese, docs.Portuguese: docs.English} {
		if beside := filepath.Join(path, other); folder == filepath.Join(path, lang) && isFolder(beside) {
			return filepath.Join(beside, filepath.Base(file))
		}
	}
	return ""
}

// ownFile is a teacher's own lesson, not read yet.
func (r *checkRun) ownFile(file string) *sheet {
	s := &sheet{file: file, lang: r.fileLanguage(file), note: ownName(file), own: true}
	if r.lang.value != "all" {
		s.lang = docs.Match(r.lang.value)
	}
	return s
}

// atOnce is how many lessons are checked at once: most of the time they wait for what they expect.
const atOnce = 4

// checkAll checks lessons, tells of them in their order, and returns how many are not true.
func (r *checkRun) checkAll(ctx context.Context, all []*sheet) (wrong int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var checks sync.WaitGroup
	defer checks.Wait()
	defer cancel()
	for _, s := range all {
		s.paired = s.lang == docs.English && slices.ContainsFunc(all, func(o *sheet) bool { return o.lang == docs.Portuguese && o.note == s.note })
	}
	turn, results := make(chan struct{}, atOnce), make([]chan checked, len(all))
	for i := range all {
		results[i] = make(chan checked, 1)
	}
	checks.Go(func() {
		for i, s := range all {
			turn <- struct{}{}
			checks.Go(func() {
				results[i] <- r.check(ctx, s)
				<-turn
			})
		}
	})
	for i, s := range all {
		result := <-results[i]
		if ctx.Err() != nil {
			return wrong, nil // the user has seen enough
		}
		if !result.OK {
			wrong++
		}
		if err := r.tell(s, result); err != nil {
			return wrong, err
		}
	}
	return wrong, nil
}

// check reads a lesson and goes through it.
func (r *checkRun) check(ctx context.Context, s *sheet) checked {
	result := checked{jsonLessonCheck: jsonLessonCheck{Kind: "lesson_check", Lesson: inspect.Safe(s.note), Lang: s.lang, File: inspect.Safe(s.file), Wrong: []jsonCheck{}}}
	if err := r.guarded(func() error { return r.goThrough(ctx, s, &result) }); err != nil {
		line, text, got := s.trouble(err, r.sentence.Lang())
		where := s.where(line)
		if errors.Is(err, os.ErrNotExist) {
			where, got = s.file, r.say("lesson_check_gone")
		}
		result.wrong(line, text, oneLine(got), told(where, text, oneLine(got)))
	}
	if !s.twinned() {
		missing := r.say("lesson_check_no_twin", "file", safe(s.twin))
		result.wrong(1, "", missing, told(s.file, "", missing))
	}
	if s.rival != "" {
		both := r.say("lesson_check_number", "file", safe(s.rival))
		result.wrong(1, "", both, told(s.where(1), "", both))
	}
	result.OK = len(result.Wrong) == 0
	return result
}

// told tells where something is wrong, what stands there, and what is wrong with it.
func told(where, text, what string) string {
	if text != "" {
		where += ": " + text
	}
	return safe(where + ": " + what)
}

// guarded has the other lessons checked all the same if the program itself fails over one.
func (p *program) guarded(check func() error) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = errors.New(p.say("lesson_check_crash", "reason", fmt.Sprint(failure)))
		}
	}()
	return check()
}

// goThrough takes down what comes of a lesson.
func (r *checkRun) goThrough(ctx context.Context, s *sheet, result *checked) error {
	if err := s.read(); err != nil {
		return err
	}
	report, err := r.course(s.lang).Check(ctx, s.Lesson, r.mutate)
	result.Exercises, result.Claims, result.Alterations = len(s.Exercises()), len(report.Checks), len(report.Alterations)
	for _, check := range append(report.Checks, report.Alterations...) {
		if !check.OK {
			got := check.GotIn(r.sentence.Lang())
			line := r.notSo(s, check.Line, safe(check.Text), safe(got))
			if check.Fault() {
				line = told(s.where(check.Line), check.Text, got)
			}
			result.wrong(check.Line, check.Text, got, line)
		}
	}
	if err != nil {
		return err
	}
	other := s.other()
	if other == nil || s.paired {
		return nil
	}
	if err := lesson.Same(other.Lesson, s.Lesson); err != nil {
		return err
	}
	for _, unlike := range lesson.Unlike(other.Lesson, s.Lesson) {
		got := unlike.GotIn(r.sentence.Lang())
		result.wrong(unlike.Line, unlike.Text, got, told(s.where(unlike.Line), unlike.Text, got))
	}
	return nil
}

// twinned reports whether a lesson of a folder with two languages is there in both.
func (s *sheet) twinned() bool {
	if s.twin == "" {
		return true
	}
	_, err := os.Stat(s.twin)
	return err == nil
}

// other is the lesson in the other language; nil if there is none that can be read, which is told where that one is checked.
func (s *sheet) other() *sheet {
	lang := docs.English
	if s.lang == docs.English {
		lang = docs.Portuguese
	}
	other := &sheet{lang: lang, note: s.note, own: s.own}
	if whole, err := filepath.Abs(s.file); s.own {
		folder, name := filepath.Split(whole)
		if err != nil || filepath.Base(folder) != s.lang {
			return nil
		}
		other.file = filepath.Join(folder, "..", lang, name)
	}
	if other.read() != nil {
		return nil
	}
	return other
}

// read reads the lesson anew.
func (s *sheet) read() error {
	text, ok := docs.Lesson(s.lang, s.note)
	if s.own {
		var err error
		if text, err = readBounded(s.file); err != nil {
			return err
		}
	} else if !ok {
		return os.ErrNotExist
	}
	return s.parse(s.note, text, 0)
}

// trouble tells on which line of a lesson an error arose, what stands there, and what is wrong with it.
func (s *sheet) trouble(err error, lang string) (line int, text, what string) {
	var syntax *lesson.SyntaxError
	var step *lesson.StepError
	var claim *lesson.ClaimError
	switch {
	case errors.As(err, &claim):
		return claim.Check.Line, claim.Check.Text, claim.Check.GotIn(lang)
	case errors.As(err, &syntax):
		return syntax.Line, syntax.Text, syntax.WhatIn(lang)
	case errors.As(err, &step):
		return step.Step.Line, step.Step.Text, lesson.ErrorIn(step.Err, lang)
	}
	return 1, "", err.Error()
}

// A jsonLessonCheck is what came of a lesson that was checked, for programs.
type jsonLessonCheck struct {
	Kind        string      `json:"kind"`
	Lesson      string      `json:"lesson"`
	Lang        string      `json:"lang"`
	File        string      `json:"file"`
	OK          bool        `json:"ok"`
	Claims      int         `json:"claims"`
	Exercises   int         `json:"exercises"`
	Alterations int         `json:"alterations"`
	Wrong       []jsonCheck `json:"wrong"`
}

// A checked is what came of a lesson, for programs and for people.
type checked struct {
	jsonLessonCheck
	told []string // Wrong, in sentences
}

func (c *checked) wrong(line int, text, got, told string) {
	c.Wrong = append(c.Wrong, jsonCheck{line, inspect.Safe(text), false, inspect.Safe(got)})
	c.told = append(c.told, told)
}

// tell tells what came of a lesson: a line, and one for each thing that is not true.
func (r *checkRun) tell(s *sheet, result checked) error {
	if r.json {
		_, err := r.out.Write(report.Line(result.jsonLessonCheck))
		return err
	}
	if result.OK {
		told := r.say("lesson_check_true", "file", safe(s.file), "claims", result.Claims, "exercises", result.Exercises)
		if r.mutate {
			told += r.say("lesson_check_altered", "count", result.Alterations)
		}
		fmt.Fprintln(r.out, told)
		return nil
	}
	for _, told := range result.told {
		fmt.Fprintln(r.out, told)
	}
	return nil
}

// notSo says where in a lesson something is said that is not so, what it is, and what is seen.
func (p *program) notSo(s *sheet, line int, text, got string) string {
	if text == "" {
		return safe(s.where(line)) + ": " + got
	}
	return p.say("lesson_check_false", "where", safe(s.where(line)), "text", text, "got", got)
}

// watchEvery is how often --watch looks whether a file has changed.
const watchEvery = 300 * time.Millisecond

// keepWatch checks the lessons, and each again whenever its file changes, until the user has seen enough.
func (r *checkRun) keepWatch(ctx context.Context, args []string, all []*sheet) error {
	seen := make(map[string]stamp) // of each file that was checked
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for first := true; ; first = false {
		var changed []*sheet
		for _, s := range all {
			if now := stampOf(s.file); now != seen[s.file] {
				seen[s.file] = now
				changed = append(changed, s)
			}
		}
		if _, err := r.checkAll(ctx, changed); err != nil {
			return err
		}
		if first && !r.json {
			fmt.Fprintln(r.out, r.say("lesson_check_watching"))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if now, err := r.named(args); err == nil { // while a file is being saved it may be missing
			all = append(now, missingOf(all, now)...)
		}
	}
}

// missingOf are the lessons that are not among those that are there now: it is told of each that it is gone.
func missingOf(all, now []*sheet) (gone []*sheet) {
	for _, s := range all {
		if !slices.ContainsFunc(now, func(other *sheet) bool { return other.file == s.file }) {
			gone = append(gone, s)
		}
	}
	return gone
}

// A stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

func stampOf(file string) stamp {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}
