package main

import (
	"bufio"
	"errors"
	"io"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"github.com/spf13/cobra"
)

func (p *program) dump() *cobra.Command {
	var lines, ascii bool
	read := &captures{program: p}
	cmd := &cobra.Command{
		Use:                   "dump " + p.say("cmd_files_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_dump_short"),
		Long:                  p.say("cmd_dump_long"),
		Example:               p.say("cmd_dump_example"),
		DisableFlagsInUseLine: true,
		Args:                  p.someFiles,
		RunE: func(_ *cobra.Command, names []string) error {
			return read.dump(names, p.storyOf(lines, ascii))
		},
	}
	cmd.Flags().BoolVar(&lines, "json", false, p.say("cmd_flag_json"))
	cmd.Flags().BoolVar(&ascii, "ascii", false, p.say("cmd_flag_ascii"))
	read.flags(cmd)
	return cmd
}

// someFiles wants files to read, standard input at most once.
func (p *program) someFiles(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(p.say("cmd_no_file", "command", cmd.Name()))
	}
	inputs := 0
	for _, name := range args {
		if name == "-" {
			inputs++
		}
	}
	if inputs > 1 {
		return usage(p.say("cmd_input_twice"))
	}
	return nil
}

// A story is how a session is told: as text or as JSON lines.
type story func(out io.Writer) *report.Writer

func (p *program) storyOf(lines, ascii bool) story {
	if lines {
		return report.NewJSON
	}
	return report.Text{Say: p.sentence, ASCII: ascii}.Writer
}

// While captures are told, what has been read of them is told in between, so that bytes which the recording lets go have
// been. It is done after so many bytes, so that the same files are told in the same bytes each time.
const (
	toldAtOnce = 256 << 20
	toldOften  = 64 << 20
)

// dump tells what is in the files, up to the damage where there is any.
func (c *captures) dump(names []string, tell story) error {
	if err := c.open(names); err != nil {
		return err
	}
	defer c.close()
	out := bufio.NewWriter(c.out)
	writer := tell(out)
	session, err := c.session(writer.Extend)
	if err != nil {
		return err
	}
	if err := errors.Join(writer.Close(session), out.Flush()); err != nil {
		return err
	}
	return c.failure()
}

// session reads the files to their end. The session is given to told now and then, before bytes of it are let go. It is an
// error if there is nothing in the files but damage.
func (c *captures) session(told func(s *inspect.Session) error) (*inspect.Session, error) {
	session := inspect.NewSession(c.reader.Recording())
	due := int64(toldAtOnce)
	for c.next() {
		if session.Recording().Len()-session.Taken() >= 4096 {
			session.Extend()
		}
		if c.done.Load() < due {
			continue
		}
		due += toldOften
		session.Extend()
		if err := told(session); err != nil {
			return nil, err
		}
	}
	session.Extend()
	if len(session.Connections()) == 0 && len(c.problems) > 0 {
		return nil, c.failure()
	}
	return session, nil
}
