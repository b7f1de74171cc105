package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// A handoutRun is what tlslab lesson handout was asked for.
type handoutRun struct {
	*program
	blank  bool
	output string
}

func (p *program) lessonHandout() *cobra.Command {
	run := &handoutRun{program: p}
	cmd := &cobra.Command{
		Use:               "handout " + p.say("cmd_lesson_handout_arg") + " " + p.say("cmd_options"),
		Short:             p.say("cmd_lesson_handout_short"),
		Long:              p.say("cmd_lesson_handout_long"),
		Example:           p.say("cmd_lesson_handout_example"),
		ValidArgsFunction: completeLessons,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(p.say("cmd_lesson_which"))
			}
			return p.oneLesson(cmd, args)
		},
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, args []string) error { return run.print(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&run.blank, "blank", false, p.say("cmd_flag_lesson_blank"))
	cmd.Flags().StringVar(&run.output, "output", "", p.say("cmd_flag_lesson_output"))
	return cmd
}

// print makes the handout of a lesson. A file that is there already is left as it is.
func (r *handoutRun) print(ctx context.Context, name string) error {
	s, err := r.sheetNamed(name)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := r.course(s.lang).Handout(ctx, s.Lesson, r.blank, &page); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		line, text, what := s.trouble(err, r.sentence.Lang())
		return failed(r.notSo(s, line, safe(text), safe(oneLine(what))), err)
	}
	if r.output == "" {
		_, err := r.out.Write(page.Bytes())
		return err
	}
	file, err := os.OpenFile(r.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(page.Bytes())
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	fmt.Fprintln(r.out, r.say("lesson_handout", "path", safe(r.output)))
	return nil
}
