package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/inspect/report"
	"github.com/spf13/cobra"
)

// An exporter is what tlslab export was asked for.
type exporter struct {
	captures
	format    *choice
	output    string
	noSecrets bool
}

// An exportFormat is one way to tell a session.
type exportFormat struct {
	name    string
	secrets bool // it holds them, unless they are left out

	// One of them is set: what tells a session while it is read, or once it is.
	lines func(e *exporter, out io.Writer) *report.Writer
	whole func(e *exporter, out io.Writer, s *inspect.Session) error
	// Or neither: the recording itself is written, while it is read, as a capture.
}

// exportFormats are in the order of the help; the first is what is written where nothing is said.
var exportFormats = []exportFormat{
	{name: "html", secrets: true, whole: func(e *exporter, out io.Writer, s *inspect.Session) error {
		return report.HTML{Say: e.sentence, Title: e.pageTitle(), NoSecrets: e.noSecrets}.Write(out, s)
	}},
	{name: "json", secrets: true, lines: func(e *exporter, out io.Writer) *report.Writer {
		return report.JSON{NoSecrets: e.noSecrets}.Writer(out)
	}},
	{name: "text", lines: func(e *exporter, out io.Writer) *report.Writer {
		return report.Text{Say: e.sentence, NoSecrets: e.noSecrets}.Writer(out)
	}},
	{name: "csv", whole: func(_ *exporter, out io.Writer, s *inspect.Session) error { return report.CSV(out, s) }},
	{name: "keys", secrets: true, whole: func(_ *exporter, out io.Writer, s *inspect.Session) error { return writeKeys(out, s.Recording()) }},
	{name: "pcapng", secrets: true},
}

func (p *program) export() *cobra.Command {
	var names []string
	for _, format := range exportFormats {
		names = append(names, format.name)
	}
	e := &exporter{captures: captures{program: p}, format: newChoice(names...)}
	cmd := &cobra.Command{
		Use:                   "export " + p.say("cmd_files_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("export_short"),
		Long:                  p.say("export_long"),
		Example:               p.say("export_example"),
		DisableFlagsInUseLine: true,
		Args:                  p.someFiles,
		RunE:                  func(_ *cobra.Command, names []string) error { return e.run(names) },
	}
	choose(cmd, e.format, "format", p.say("export_flag_format"))
	cmd.Flags().StringVarP(&e.output, "output", "o", "", p.say("export_flag_output"))
	cmd.Flags().BoolVar(&e.noSecrets, "no-secrets", false, p.say("export_flag_no_secrets"))
	e.flags(cmd)
	return cmd
}

// run writes what was recorded, up to the damage where there is any.
func (e *exporter) run(names []string) error {
	i := slices.IndexFunc(exportFormats, func(f exportFormat) bool { return f.name == e.format.value })
	format := &exportFormats[i]
	if e.noSecrets && format.name == "keys" {
		return usage(e.say("export_keys_alone"))
	}
	if format.name == "pcapng" && e.output == "" && isTerminal(e.out) {
		return usage(e.say("export_no_text"))
	}
	e.secretsAlone = format.name == "keys"
	if err := e.open(names); err != nil {
		return err
	}
	defer e.close()
	if err := e.write(func(out io.Writer) error { return e.export(format, out) }); err != nil {
		return err
	}
	e.tell(format.secrets && !e.noSecrets && hasSecrets(e.reader.Recording()))
	return e.failure()
}

// export tells what is in the files.
func (e *exporter) export(format *exportFormat, out io.Writer) error {
	if format.whole != nil {
		session, err := e.session(func(*inspect.Session) error { return nil })
		if err != nil {
			return err
		}
		return format.whole(e, out, session)
	}
	if format.lines == nil {
		return e.capture(out)
	}
	writer := format.lines(e, out)
	session, err := e.session(writer.Extend)
	if err != nil {
		return err
	}
	return writer.Close(session)
}

// capture makes one capture of the files, with what was learned from key logs.
func (e *exporter) capture(out io.Writer) error {
	writer := capture.NewWriter(out)
	writer.NoSecrets, writer.Say = e.noSecrets, e.sentence.Say
	session, err := e.session(func(s *inspect.Session) error { return writer.Extend(s.Recording()) })
	if err != nil {
		return err
	}
	return errors.Join(writer.Extend(session.Recording()), writer.Close())
}

// write writes to a new file that its owner alone can read, or to standard output if none is named.
func (e *exporter) write(write func(out io.Writer) error) error {
	if e.output == "" {
		out := bufio.NewWriter(e.out)
		return errors.Join(write(out), out.Flush())
	}
	file, err := os.OpenFile(e.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	if err := write(out); err != nil {
		return errors.Join(err, file.Close(), os.Remove(e.output))
	}
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(e.output))
	}
	return nil
}

// tell says where it stands now, and whether it holds secrets.
func (e *exporter) tell(secrets bool) {
	switch {
	case e.output != "" && secrets:
		fmt.Fprintln(e.out, e.say("export_written_secrets", "path", safe(e.output)))
	case e.output != "":
		fmt.Fprintln(e.out, e.say("export_written", "path", safe(e.output)))
	case secrets:
		fmt.Fprintln(e.program.err, e.say("export_printed_secrets"))
	}
}

// pageTitle is what a page is called: the name of its first capture, and how many more there are.
func (e *exporter) pageTitle() string {
	if e.names[0] == "-" {
		return ""
	}
	title := filepath.Base(e.names[0])
	if more := len(e.names) - 1; more > 0 {
		title += fmt.Sprintf(" +%d", more)
	}
	return title
}

func hasSecrets(recording *inspect.Recording) bool {
	for event := range recording.Events(0) {
		if event.Kind == inspect.Secret {
			return true
		}
	}
	return false
}

// writeKeys writes the secrets of a recording as a key log, each once.
func writeKeys(out io.Writer, recording *inspect.Recording) error {
	written := make(map[string]bool)
	for event := range recording.Events(0) {
		if event.Kind != inspect.Secret {
			continue
		}
		key := fmt.Sprintf("%s %x %x", event.Logged.Label, event.Logged.ClientRandom, event.Logged.Bytes)
		if written[key] {
			continue
		}
		written[key] = true
		if err := capture.WriteKeyLog(out, *event.Logged); err != nil {
			return err
		}
	}
	return nil
}
