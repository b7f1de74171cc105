package main

import (
	"context"
	"fmt"
	"os"

	"example.com/tlslab/inspect/report"
	"example.com/tlslab/tui"
	"github.com/spf13/cobra"
)

// open shows on the screen what other programs, or the lab, have recorded.
func (p *program) open() *cobra.Command {
	var plain bool
	var look look
	read := &captures{program: p}
	cmd := &cobra.Command{
		Use:                   "open " + p.say("cmd_files_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_open_short"),
		Long:                  p.say("cmd_open_long"),
		Example:               p.say("cmd_open_example"),
		DisableFlagsInUseLine: true,
		Args:                  p.someFiles,
		RunE: func(cmd *cobra.Command, names []string) error {
			keyboard, done, err := read.keyboard(names)
			if err != nil || plain || keyboard == nil {
				return read.dump(names, report.Text{Say: p.sentence, ASCII: look.ascii}.Writer)
			}
			defer done()
			return read.show(cmd.Context(), names, look, keyboard)
		},
	}
	read.flags(cmd)
	cmd.Flags().BoolVar(&plain, "plain", false, p.say("cmd_flag_open_plain"))
	look.flags(p, cmd)
	return cmd
}

// keyboard returns where the screen's keys come from: nil if there is no terminal to draw on. Where standard input is read
// as a file, or piped, they come from the terminal itself.
func (c *captures) keyboard(names []string) (in *os.File, done func(), err error) {
	switch {
	case !isTerminal(c.out) || os.Getenv("TERM") == "dumb":
		return nil, nil, nil
	case isTerminal(c.in):
		return c.in, func() {}, nil
	}
	tty, err := os.Open(terminal)
	if err != nil {
		return nil, nil, err
	}
	return tty, func() { tty.Close() }, nil
}

// show draws the screen at once, and reads while it is there.
func (c *captures) show(ctx context.Context, names []string, look look, keyboard *os.File) error {
	ctx, c.stop = context.WithCancel(ctx)
	defer c.stop()
	c.ctx = ctx
	if err := c.open(names); err != nil {
		return err
	}
	defer c.close()
	err := show(ctx, tui.Options{
		Recording: c.reader.Recording(), Reading: c, Lang: c.sentence.Lang(), Theme: look.name(), ASCII: look.ascii,
		Title: c.title(), In: keyboard,
	})
	if err != nil {
		return err
	}
	return c.failure()
}

// title names the first file, and says how many more there are.
func (c *captures) title() string {
	title := c.nameOf(c.names[0])
	if more := len(c.names) - 1; more > 0 {
		title += fmt.Sprintf(" +%d", more)
	}
	return title
}
