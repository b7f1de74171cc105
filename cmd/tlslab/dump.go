package main

import (
	"bufio"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/stage"
	"github.com/spf13/cobra"
)

func (p *program) dump() *cobra.Command {
	var lines, ascii bool
	var ca string
	protocol := newChoice(protocolNames()...)
	cmd := &cobra.Command{
		Use:                   "dump " + p.say("cmd_file_arg") + " " + p.say("cmd_options"),
		Short:                 p.say("cmd_dump_short"),
		Long:                  p.say("cmd_dump_long"),
		Example:               p.say("cmd_dump_example"),
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(p.say("cmd_dump_one_file"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return p.dumpFile(args[0], ca, protocol.value, p.storyOf(lines, ascii))
		},
	}
	cmd.Flags().BoolVar(&lines, "json", false, p.say("cmd_flag_json"))
	cmd.Flags().BoolVar(&ascii, "ascii", false, p.say("cmd_flag_ascii"))
	cmd.Flags().StringVar(&ca, "ca", "", p.say("cmd_flag_dump_ca"))
	choose(cmd, protocol, "protocol", p.say("cmd_flag_dump_protocol"))
	return cmd
}

// protocolNames are what the connections of a capture may be said to speak.
func protocolNames() []string {
	names := []string{inspect.ProtocolTLS}
	for _, protocol := range stage.Protocols() {
		names = append(names, protocol.Name())
	}
	return names
}

// A story is how a session is told: as text or as JSON lines.
type story func(out io.Writer) *report.Writer

func (p *program) storyOf(lines, ascii bool) story {
	if lines {
		return report.NewJSON
	}
	return report.Text{Say: p.sentence, ASCII: ascii}.Writer
}

// dumpFile tells what is in a capture, up to the damage if there is any. Its
// certificate chains are checked against the authority in the file ca, if there is one; its connections speak what is
// said.
func (p *program) dumpFile(name, ca, speaks string, tell story) error {
	var roots *x509.CertPool
	if ca != "" {
		var err error
		if roots, err = pki.LoadRoots(ca); err != nil {
			return err
		}
	}
	in, shown := p.in, p.say("cmd_standard_input")
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		in, shown = file, safe(name)
	}
	var protocol inspect.Protocol
	for _, known := range stage.Protocols() {
		if known.Name() == speaks {
			protocol = known
		}
	}
	recording, problem := capture.ReadAs(in, protocol)
	var path *fs.PathError
	switch {
	case errors.As(problem, &path):
		return path
	case problem != nil && recording.Len() == 0:
		return failed(p.say("cmd_not_a_capture", "file", shown, "reason", safe(capture.Explain(problem, p.say))), problem)
	}
	if roots != nil {
		recording.Trust(roots)
	}
	out := bufio.NewWriter(p.out)
	if err := tell(out).Close(inspect.NewSession(recording)); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if problem != nil {
		return failed(p.say("cmd_capture_damaged", "file", shown, "reason", safe(capture.Explain(problem, p.say))), problem)
	}
	return nil
}
