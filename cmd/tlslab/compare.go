package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/tui"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// compared are the channels that are compared, from the worst to the best.
var compared = lesson.Channels

// comparedCommands are the conversation where no script is given.
var comparedCommands = []string{
	`create encontro "na praia do futuro, ao meio-dia em ponto"`, "read encontro", "create nome ana", "show", "exit",
}

// maxScript bounds a script, which is written by hand.
const (
	maxScript   = 1 << 16
	maxCommands = 100
)

// A compareRun is what tlslab compare was asked for.
type compareRun struct {
	*program
	script      string
	json, plain bool
	look        look
}

func (p *program) compare() *cobra.Command {
	run := &compareRun{program: p}
	cmd := &cobra.Command{
		Use:                   "compare " + p.say("cmd_options"),
		Short:                 p.say("cmd_compare_short"),
		Long:                  p.say("cmd_compare_long"),
		Example:               p.say("cmd_compare_example"),
		Args:                  p.noArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return run.start(cmd.Context()) },
	}
	cmd.Flags().StringVar(&run.script, "script", "", p.say("cmd_flag_compare_script"))
	cmd.Flags().BoolVar(&run.json, "json", false, p.say("cmd_flag_compare_json"))
	cmd.Flags().BoolVar(&run.plain, "plain", false, p.say("cmd_flag_compare_plain"))
	run.look.flags(p, cmd)
	return cmd
}

func (r *compareRun) start(ctx context.Context) error {
	commands, err := r.commands()
	if err != nil {
		return err
	}
	if !r.json && !r.plain && r.hasScreen() {
		return r.show(ctx, commands, nil, nil)
	}
	var rows []*lesson.Measure
	for _, channel := range compared {
		m, err := lesson.Runner{Open: r.sceneStage}.Compare(ctx, channel, commands)
		if ctx.Err() != nil {
			return nil // the user has seen enough
		}
		if err != nil {
			return err
		}
		if r.json {
			if _, err := r.out.Write(report.Line(compareLine(m))); err != nil {
				return err
			}
		}
		rows = append(rows, m)
	}
	if r.json {
		return nil
	}
	r.table(r.out, rows, r.columns())
	return nil
}

// commands are those of the script, a line each.
func (r *compareRun) commands() (commands []string, err error) {
	if r.script == "" {
		return comparedCommands, nil
	}
	in := r.in
	if r.script != "-" {
		if in, err = os.Open(r.script); err != nil {
			return nil, err
		}
		defer in.Close()
	}
	text, err := io.ReadAll(io.LimitReader(in, maxScript+1))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			commands = append(commands, line)
		}
	}
	if len(text) > maxScript || len(commands) > maxCommands || len(commands) == 0 {
		return nil, usage(r.say("cmd_compare_bad_script", "file", safe(r.script), "lines", maxCommands, "bytes", maxScript))
	}
	return commands, nil
}

// show is the comparison on the screen: each cell opens the session that it was read from. Without in and out it is the
// program's own terminal.
func (r *compareRun) show(ctx context.Context, commands []string, in io.Reader, out io.Writer) error {
	table := &tui.Comparison{
		In: in, Out: out,
		Channels: compared, Title: "tlslab compare", Lang: r.sentence.Lang(), Theme: r.look.name(), ASCII: r.look.ascii,
		Measure: func(ctx context.Context, column int) (cells []tui.Cell, err error) {
			m, err := lesson.Runner{Open: r.sceneStage}.Compare(ctx, compared[column], commands)
			if err != nil {
				return nil, err
			}
			for _, q := range questions {
				cells = append(cells, tui.Cell{Text: q.cell(r, m), From: q.from(m), Run: r.say(q.run)})
			}
			return cells, nil
		},
	}
	for _, q := range questions {
		table.Questions = append(table.Questions, r.say(q.title))
	}
	for {
		chosen, err := table.Show(ctx)
		if ctx.Err() != nil || chosen == nil && err == nil {
			return nil
		}
		if err != nil {
			return err
		}
		err = show(ctx, tui.Options{
			Recording: chosen.From, Title: "tlslab compare, " + compared[table.Column], Label: r.label(compared[table.Column]),
			Lang: r.sentence.Lang(), Theme: r.look.name(), ASCII: r.look.ascii, In: in, Out: out,
		})
		if err != nil {
			return err
		}
	}
}

// label is what stands above a session on the channel in the lab too.
func (r *compareRun) label(channel string) string {
	entry, err := stage.New(stage.NameKV, stage.Options{Lang: r.sentence.Lang(), Channel: channel})
	if err != nil {
		return ""
	}
	return entry.Label
}

// A question is a row of the table: what is asked of each channel, and which run answers it.
type question struct {
	title string // id of its sentence
	cell  func(r *compareRun, m *lesson.Measure) string
	run   string // id of the sentence that says which one
	from  func(m *lesson.Measure) *inspect.Recording
}

var questions = []question{
	{"cmd_compare_sent", func(r *compareRun, m *lesson.Measure) string {
		return r.say("cmd_compare_sent_cell", "sent", m.Sent[0]+m.Sent[1], "said", m.Said[0]+m.Said[1])
	}, "cmd_compare_run_honest", func(m *lesson.Measure) *inspect.Recording { return m.Honest.Recording }},
	{
		"cmd_compare_trips", func(_ *compareRun, m *lesson.Measure) string { return fmt.Sprint(m.RoundTrips) },
		"cmd_compare_run_far", func(m *lesson.Measure) *inspect.Recording { return m.Far.Recording },
	},
	{
		"cmd_compare_reads", func(r *compareRun, m *lesson.Measure) string { return r.reads(m.Read, m.Lines) },
		"cmd_compare_run_wire", func(m *lesson.Measure) *inspect.Recording { return m.Wire },
	},
	{
		"cmd_compare_flip", func(r *compareRun, m *lesson.Measure) string { return r.cameOf(m.Flipped) },
		"cmd_compare_run_flip", func(m *lesson.Measure) *inspect.Recording { return m.Flip.Recording },
	},
	{
		"cmd_compare_flip_end", func(r *compareRun, m *lesson.Measure) string { return r.cameOf(m.FlippedEnd) },
		"cmd_compare_run_flip", func(m *lesson.Measure) *inspect.Recording { return m.FlipEnd.Recording },
	},
	{
		"cmd_compare_swap", (*compareRun).swapped,
		"cmd_compare_run_swap", func(m *lesson.Measure) *inspect.Recording { return m.Swap.Recording },
	},
	{
		"cmd_compare_later", func(r *compareRun, m *lesson.Measure) string { return r.reads(m.ReadLater, m.Lines) },
		"cmd_compare_run_stolen", func(m *lesson.Measure) *inspect.Recording { return m.Stolen },
	},
}

// reads says how much of the text someone can read.
func (r *compareRun) reads(n, of int) string {
	switch n {
	case 0:
		return r.say("cmd_compare_nothing")
	case of:
		return r.say("cmd_compare_everything")
	}
	return r.say("cmd_compare_some", "count", n, "of", of)
}

func (r *compareRun) scenes() *sceneRun { return &sceneRun{program: r.program} }

// cameOf says what came of an attack, for whom.
func (r *compareRun) cameOf(o lesson.Outcome) string {
	what := r.say("cmd_compare_unharmed")
	if len(o.Changed) > 0 {
		what = r.say("cmd_compare_changed")
	}
	return what + "; " + r.scenes().noticed(o)
}

func (r *compareRun) swapped(m *lesson.Measure) string {
	reads := r.reads(len(m.Swapped.Exposed), max(m.Lines, len(m.Swapped.Exposed)))
	noticed := r.scenes().noticed(m.Swapped)
	if !m.Keys {
		noticed = r.say("cmd_compare_no_key")
	}
	return r.say("cmd_compare_swap_cell", "noticed", noticed, "reads", reads)
}

// columns is how wide text may be: as COLUMNS says, or the terminal; 80 where neither does.
func (r *compareRun) columns() int {
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	if columns, _, err := term.GetSize(int(r.out.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// table prints what each channel comes to: side by side where the width allows it, otherwise, for each question,
// one below the other.
func (r *compareRun) table(out io.Writer, rows []*lesson.Measure, width int) {
	if column := min(width, 200)/len(rows) - gap; column >= r.longestWord(rows) {
		r.grid(out, rows, column)
	} else {
		r.lists(out, rows, min(width, 80))
	}
	fmt.Fprintf(out, "%s\n", r.say("cmd_compare_next"))
}

// gap is what stands between two columns.
const gap = 2

// longestWord is how wide a column must be at least.
func (r *compareRun) longestWord(rows []*lesson.Measure) (longest int) {
	for _, m := range rows {
		longest = max(longest, len(m.Channel))
		for _, q := range questions {
			for word := range strings.FieldsSeq(q.cell(r, m)) {
				longest = max(longest, utf8.RuneCountInString(word))
			}
		}
	}
	return longest
}

// grid prints the channels side by side, each in a column of that width.
func (r *compareRun) grid(out io.Writer, rows []*lesson.Measure, column int) {
	line := func(cells []string) {
		var text strings.Builder
		for _, cell := range cells {
			fmt.Fprintf(&text, "%-*s", column+gap, cell)
		}
		fmt.Fprintf(out, "%s\n", strings.TrimRight(text.String(), " "))
	}
	names := make([]string, len(rows))
	for i, m := range rows {
		names[i] = m.Channel
	}
	line(names)
	for _, q := range questions {
		fmt.Fprintf(out, "\n%s\n", wrap(r.say(q.title), len(rows)*(column+gap)))
		cells, height := make([][]string, len(rows)), 0
		for i, m := range rows {
			cells[i] = strings.Split(wrap(q.cell(r, m), column), "\n")
			height = max(height, len(cells[i]))
		}
		for at := range height {
			row := make([]string, len(rows))
			for i := range rows {
				if at < len(cells[i]) {
					row[i] = cells[i][at]
				}
			}
			line(row)
		}
	}
	fmt.Fprintln(out)
}

// lists prints, for each question, what each channel comes to, one below the other.
func (r *compareRun) lists(out io.Writer, rows []*lesson.Measure, width int) {
	for _, q := range questions {
		fmt.Fprintf(out, "%s\n", wrap(r.say(q.title), width))
		for _, m := range rows {
			const margin, name = 2, len(lesson.SealedAuthenticated) + 2
			cell := strings.ReplaceAll(wrap(q.cell(r, m), width-margin-name), "\n", "\n"+strings.Repeat(" ", margin+name))
			fmt.Fprintf(out, "%*s%-*s%s\n", margin, "", name, m.Channel, cell)
		}
		fmt.Fprintln(out)
	}
}

// A jsonMeasure is what one conversation comes to on one channel, for programs.
type jsonMeasure struct {
	Kind       string      `json:"kind"`
	Channel    string      `json:"channel"`
	Sent       jsonBySide  `json:"sent"`
	Said       jsonBySide  `json:"said"`
	RoundTrips int         `json:"round_trips"`
	Lines      int         `json:"lines"`
	Read       int         `json:"read"`
	Flip       jsonOutcome `json:"flip"`
	FlipEnd    jsonOutcome `json:"flip_end"`
	Keys       bool        `json:"keys"`
	Swap       jsonOutcome `json:"swap"`
	ReadLater  int         `json:"read_later"`
}

type jsonBySide struct {
	Client int `json:"client"`
	Server int `json:"server"`
}

type jsonOutcome struct {
	Exposed int          `json:"exposed"`
	Changed []jsonChange `json:"changed"`
	Noticed string       `json:"noticed,omitempty"`
	Silent  bool         `json:"silent"`
	Client  jsonEnding   `json:"client"`
	Server  jsonEnding   `json:"server"`
}

func compareLine(m *lesson.Measure) jsonMeasure {
	return jsonMeasure{
		Kind: "comparison", Channel: m.Channel, Sent: jsonBySide{m.Sent[0], m.Sent[1]}, Said: jsonBySide{m.Said[0], m.Said[1]},
		RoundTrips: m.RoundTrips, Lines: m.Lines, Read: m.Read, Flip: jsonOutcomeOf(m.Flipped), FlipEnd: jsonOutcomeOf(m.FlippedEnd), Keys: m.Keys, Swap: jsonOutcomeOf(m.Swapped),
		ReadLater: m.ReadLater,
	}
}

func jsonOutcomeOf(o lesson.Outcome) jsonOutcome {
	told := jsonOutcome{
		Exposed: len(o.Exposed), Changed: []jsonChange{}, Noticed: o.Noticed, Silent: o.Silent,
		Client: jsonEnd(o.Endpoint[0]), Server: jsonEnd(o.Endpoint[1]),
	}
	for _, change := range o.Changed {
		told.Changed = append(told.Changed, jsonChange{change.Side.String(), inspect.Safe(change.Wrote), inspect.Safe(change.Read)})
	}
	return told
}
