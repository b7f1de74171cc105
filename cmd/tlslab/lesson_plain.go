package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	xterm "golang.org/x/term"
)

// width is how wide prose is set: that of the terminal, up to what is read with ease.
func (p *program) width() int {
	const widest, narrowest = 80, 20
	if w, _, err := xterm.GetSize(int(p.out.Fd())); err == nil {
		return max(narrowest, min(w, widest))
	}
	return widest
}

// A reading is a student's way through a lesson as text, made for the ear: nothing that was said is drawn over.
type reading struct {
	*lessonRun
	*sheet
	sitting *lesson.Sitting
	input   func() (line, bool)
	typed   bool // the student sits at a terminal
	over    bool // there is no more input

	columns int
	text    report.Text
	asked   map[*lesson.Exercise]*lesson.Question
	shown   map[string]string // what the lesson itself showed last, by its view
	session *inspect.Session  // that is told
	told    int               // items of it
	page    int               // that was told last; -1 before the first
	kept    error             // the notebook could not be, and that has been said
}

// read goes through a lesson as text, from a page on.
func (r *lessonRun) read(ctx context.Context, s *sheet, page int) error {
	input, stop := iter.Pull(iter.Seq[line](lines(ctx, r.in)))
	defer stop()
	reading := r.begin(ctx, s, input)
	defer reading.sitting.Close()
	err := reading.run(ctx, page)
	if ctx.Err() != nil {
		return nil // the student has seen enough
	}
	var step *lesson.StepError
	if errors.As(err, &step) {
		return failed(r.say("lesson_stuck", "where", safe(s.where(step.Step.Line)), "step", safe(step.Step.Text), "reason", safe(oneLine(lesson.ErrorIn(step.Err, r.sentence.Lang())))), err)
	}
	return err
}

// begin begins to read a lesson. The sitting is to be closed.
func (r *lessonRun) begin(ctx context.Context, s *sheet, input func() (line, bool)) *reading {
	return &reading{
		lessonRun: r, sheet: s, sitting: r.course(s.lang).Begin(ctx, s.Lesson), input: input,
		asked: make(map[*lesson.Exercise]*lesson.Question), shown: make(map[string]string), typed: isTerminal(r.in), page: -1, columns: r.width(),
		text: report.Text{Say: r.sentence, ASCII: r.look.ascii, Level: report.Sentences},
	}
}

func (r *reading) run(ctx context.Context, page int) error {
	r.print("", r.opening())
	r.views()
	if err := r.skip(page); err != nil {
		return err
	}
	for {
		stop, err := r.sitting.Next()
		if err == io.EOF {
			r.results()
			return nil
		}
		if err != nil {
			return err
		}
		r.tell(stop)
		r.keep()
		if on, err := r.listen(ctx, stop); !on {
			return err
		}
	}
}

// opening says what the lesson is called, and how long it takes, if its author says so.
func (r *reading) opening() string {
	title := r.Title
	if !strings.HasSuffix(title, "?") && !strings.HasSuffix(title, "!") && !strings.HasSuffix(title, ".") {
		title += "."
	}
	if r.Minutes == 0 {
		return title
	}
	return r.say("lesson_title", "title", title, "count", r.Minutes)
}

// skip goes to a page. What happens on the way is not told.
func (r *reading) skip(page int) error {
	last, err := r.sitting.Skip(page)
	if last == nil || err != nil {
		return err
	}
	if r.follow(last) {
		r.told = r.upTo(last)
	}
	r.print("", r.say("lesson_went_on", "page", page+1))
	return nil
}

// keep takes down how far the student has come.
func (r *reading) keep() {
	if r.kept == nil {
		r.kept = r.notebook.Note(r.note, r.sitting)
		r.warn(r.kept)
	}
}

// tell tells what is new at a stop: what happened, what is to be seen, prose, and the question.
func (r *reading) tell(stop *lesson.Stop) {
	if stop.Page != r.page && stop.Page > 0 {
		r.print("", r.say("lesson_page", "page", stop.Page+1, "pages", stop.Pages, "title", stop.Title))
	}
	r.page = stop.Page
	r.happened(stop)
	for _, attempt := range stop.Graded {
		r.graded(attempt)
	}
	if stop.Look != nil {
		r.lookAt(stop.Look)
	}
	r.showOnce(stop)
	for _, block := range stop.Blocks[stop.New:] {
		r.block(block)
	}
	for _, check := range stop.Checks {
		if !check.OK {
			r.print("", r.say("lesson_not_true", "where", r.where(check.Line), "text", check.Text, "got", check.GotIn(r.sentence.Lang())))
		}
	}
	if stop.Question != nil {
		r.ask(stop.Question)
	}
}

// happened tells what crossed the wire, and what the endpoints said of it, since the stop before.
func (r *reading) happened(stop *lesson.Stop) {
	if !r.follow(stop) {
		return
	}
	if r.told < r.upTo(stop) {
		fmt.Fprintln(r.out)
	}
	for r.told < r.upTo(stop) {
		r.told++
		for line := range strings.SplitSeq(strings.TrimSpace(r.text.Item(r.session, r.told)), "\n") {
			r.indented("  ", line)
		}
	}
}

// follow takes in the session of a stop. It reports whether there is one.
func (r *reading) follow(stop *lesson.Stop) bool {
	if stop.Recording == nil {
		return false
	}
	if r.session == nil || r.session.Recording() != stop.Recording {
		r.session, r.told = inspect.NewSession(stop.Recording), 0
	}
	r.session.Extend()
	return true
}

// upTo is how many items of its session there were at a stop.
func (r *reading) upTo(stop *lesson.Stop) int {
	items := r.session.Items()
	n := slices.IndexFunc(items, func(i inspect.Item) bool { return i.Event >= stop.Event })
	if n < 0 {
		return len(items)
	}
	return n
}

// lookLines is how many lines of bytes are told of what is to be looked at.
const lookLines = 16

// lookAt tells the bytes of what is to be looked at.
func (r *reading) lookAt(look *lesson.Look) {
	field := look.Field
	size := r.say("lesson_bytes", "count", field.Length)
	about := r.say("lesson_look_whole", "number", r.numberOf(look.Record), "name", r.recordName(look.Record), "size", size)
	if look.Message || field.Length < len(look.Bytes) {
		id := "lesson_look_unit"
		switch {
		case look.Message:
			id = "lesson_look_message"
		case look.Record.TLS():
			id = "lesson_look_record"
		}
		about = r.say(id, "number", r.numberOf(look.Record), "name", inspect.Safe(field.Name), "from", field.Offset, "size", size)
		if field.Value != "" {
			about += " " + r.say("lesson_look_value", "value", inspect.Safe(field.Value))
		}
	}
	r.print("", about)
	dump := inspect.HexDump(look.Bytes[field.Offset:field.End()], field.Offset, 16)
	for _, line := range dump[:min(len(dump), lookLines)] {
		fmt.Fprintln(r.out, "  "+line.Text(16))
	}
	if len(dump) > lookLines {
		r.indented("  ", r.say("lesson_look_more", "size", r.say("lesson_bytes", "count", field.Length-lookLines*16)))
	}
}

// recordName is what a record is called: one of TLS as the standard names its type.
func (p *program) recordName(r *inspect.Record) string {
	if r.TLS() {
		return r.Name()
	}
	return p.sentence.Unit(r.Name())
}

// numberOf is the number of a record as it was told, or 0.
func (r *reading) numberOf(record *inspect.Record) int {
	return 1 + slices.IndexFunc(r.session.Items(), func(i inspect.Item) bool {
		of := i.Record
		return i.Kind == inspect.RecordItem && of.Conn == record.Conn && of.Side == record.Side && of.Lane == record.Lane && of.Seq == record.Seq
	})
}

func (r *reading) ask(q *lesson.Question) {
	r.asked[q.Exercise] = q
	id := "lesson_question"
	if q.Predict {
		id = "lesson_prediction"
	}
	r.print("", r.say(id))
	for _, block := range q.Text {
		r.indented("", plainSpans(block.Spans))
	}
	for i, choice := range q.Choices {
		r.indented("  ", fmt.Sprintf("%d) %s", i+1, plainSpans(choice.Label)))
	}
}

// listen takes what the student says until the lesson is to go on. Where there is no more input, it does.
func (r *reading) listen(ctx context.Context, stop *lesson.Stop) (on bool, err error) {
	for !r.over && (!stop.Last || stop.Question != nil) {
		r.prompt(stop)
		said, ok := r.input()
		switch {
		case ctx.Err() != nil || said.err != nil:
			return false, said.err
		case !ok && r.typed: // Ctrl+D
			fmt.Fprintln(r.out)
			return false, nil
		case !ok:
			r.over = true
			return true, nil
		}
		word := strings.TrimSpace(said.text)
		if word == "" {
			return true, nil
		}
		asks := stop.Question != nil && !r.closed(stop.Question)
		if !r.typed {
			r.print("> " + word)
		}
		switch {
		case strings.HasPrefix(word, ":"):
			r.colon(stop, strings.Fields(word))
		case asks && isChoice(stop.Question, word):
			r.answer(word)
		case word == "q":
			return false, nil
		case word == "b":
			stop = r.back(stop)
		case word == "?" && asks:
			r.hintHere(stop.Question)
		case word == "?": // the prompt says it
			r.unprompted(stop)
		case asks && len(stop.Question.Choices) > 0 && !isNumberOf(stop.Question, word):
			r.print(r.say("lesson_choose", "last", len(stop.Question.Choices)))
		case asks:
			r.answer(word)
		default:
			r.print(r.say("lesson_not_understood", "word", word))
			r.unprompted(stop)
		}
		r.keep()
	}
	return true, nil
}

func isChoice(q *lesson.Question, word string) bool {
	return slices.ContainsFunc(q.Choices, func(c lesson.Choice) bool { return strings.EqualFold(c.Value, word) })
}

// isNumberOf reports whether a word is the number of a choice, as they are listed.
func isNumberOf(q *lesson.Question, word string) bool {
	n, err := strconv.Atoi(word)
	return err == nil && n >= 1 && n <= len(q.Choices)
}

// prompt says what can be typed here, to whom it concerns.
func (r *reading) prompt(stop *lesson.Stop) {
	if r.typed {
		r.print("", r.help(stop))
		fmt.Fprint(r.out, "> ")
	}
}

// unprompted says what can be typed here, where no prompt does.
func (r *reading) unprompted(stop *lesson.Stop) {
	if !r.typed {
		r.print(r.help(stop))
	}
}

// help says what can be typed here, and what going on does.
func (r *reading) help(stop *lesson.Stop) string {
	if stop.Question != nil && !r.answered(stop.Question) {
		return r.say("lesson_help_question")
	}
	var steps []string
	for _, step := range stop.Next {
		if told := step.Told(r.say); told != "" {
			steps = append(steps, told)
		}
	}
	if len(steps) == 0 {
		return r.say("lesson_help_page")
	}
	return r.say("lesson_help_steps", "steps", strings.Join(steps, "; "))
}

// closed reports whether there is nothing left to answer: it is right, or it was a prediction, and has come to pass.
func (r *reading) closed(q *lesson.Question) bool {
	return slices.ContainsFunc(r.sitting.Attempts(), func(a *lesson.Attempt) bool {
		return a.Exercise == q.Exercise && a.Known && (a.Right || a.Predict)
	})
}

// answered reports whether the question is closed, or something was said that is yet to come to pass.
func (r *reading) answered(q *lesson.Question) bool {
	return r.closed(q) || q.Predict && slices.ContainsFunc(r.sitting.Attempts(), func(a *lesson.Attempt) bool {
		return a.Exercise == q.Exercise && len(a.Given) > 0
	})
}

// back tells the stop before again.
func (r *reading) back(here *lesson.Stop) *lesson.Stop {
	before := r.sitting.Back()
	if before == nil {
		r.print(r.say("lesson_first"))
		return here
	}
	r.page = -1
	r.tell(before)
	return before
}

func (r *reading) hintHere(q *lesson.Question) {
	hint, err := r.sitting.Hint()
	if err != nil {
		return
	}
	taken := 0
	for _, attempt := range r.sitting.Attempts() {
		if attempt.Exercise == q.Exercise {
			taken = attempt.Hints
		}
	}
	r.print(r.say("lesson_hint", "number", taken, "all", q.Hints, "hint", plainSpans(hint)))
}

func (r *reading) answer(given string) {
	attempt, err := r.sitting.Answer(given)
	switch {
	case err != nil:
	case !attempt.Known:
		r.print(r.say("lesson_predicted"))
	case attempt.Right:
		r.print(r.say("lesson_right"))
		r.block(attempt.Why)
	default:
		r.print(r.say("lesson_wrong"))
	}
}

// labelOf is what is read where an answer is one of several.
func (r *reading) labelOf(a *lesson.Attempt, answer string) string {
	if q := r.asked[a.Exercise]; q != nil {
		for _, choice := range q.Choices {
			if choice.Value == answer {
				return plainSpans(choice.Label)
			}
		}
	}
	return answer
}

// graded tells what came of a prediction.
func (r *reading) graded(a *lesson.Attempt) {
	if len(a.Given) == 0 {
		return
	}
	id := "lesson_predicted_wrong"
	if a.Right {
		id = "lesson_predicted_right"
	}
	r.print("", r.say(id, "given", r.labelOf(a, a.Given[len(a.Given)-1])))
	if a.Right {
		r.block(a.Why)
	}
}

// results tells, at the end, what came of each exercise.
func (r *reading) results() {
	r.print("", r.say("lesson_end", "title", r.Title))
	for i, a := range r.sitting.Attempts() {
		given := r.say("lesson_result_nothing")
		if n := len(a.Given); n > 0 {
			given = r.labelOf(a, a.Given[n-1])
		}
		id := "lesson_result_open"
		if a.Known && a.Right {
			id = "lesson_result_solved"
		}
		r.print("", r.say(id, "number", i+1, "given", given, "expected", r.labelOf(a, a.Expected), "hints", a.Hints))
		r.indented("  ", plainSpans(a.Why.Spans))
	}
	switch next := r.nextCommand(); {
	case next != "":
		r.print("", r.say("lesson_end_next", "command", next))
	case !r.own:
		r.print("", r.say("course_last"))
	}
}

// nextCommand is what begins the lesson behind this one; "" if it is the last, or no other can be seen from it.
func (r *reading) nextCommand() string {
	if course := docs.Lessons(); !r.own {
		if r.Name == course[len(course)-1] {
			return ""
		}
		return "tlslab lesson next"
	}
	files, err := r.folderFiles(filepath.Dir(r.file))
	at := slices.Index(files, filepath.Clean(r.file))
	if err != nil || at < 0 || at == len(files)-1 {
		return ""
	}
	return "tlslab lesson start " + shellQuote(files[at+1])
}

// print prints paragraphs, wrapped, and safe to draw.
func (r *reading) print(paragraphs ...string) {
	for _, text := range paragraphs {
		fmt.Fprintln(r.out, wrap(safe(text), r.columns))
	}
}

// block prints a piece of prose.
func (r *reading) block(b lesson.Block) {
	text := plainSpans(b.Spans)
	fmt.Fprintln(r.out)
	switch b.Kind {
	case lesson.Item:
		r.hanging("- ", text)
	case lesson.Note:
		r.hanging("> ", text)
	default:
		r.indented("", text)
	}
}

// indented prints a paragraph behind a margin.
func (r *reading) indented(margin, text string) {
	for line := range strings.SplitSeq(wrap(safe(text), r.columns-len(margin)), "\n") {
		fmt.Fprintln(r.out, margin+line)
	}
}

// hanging prints a paragraph, the first line of which has a sign in its margin.
func (r *reading) hanging(sign, text string) {
	for line := range strings.SplitSeq(wrap(safe(text), r.columns-len(sign)), "\n") {
		fmt.Fprintln(r.out, sign+line)
		sign = strings.Repeat(" ", len(sign))
	}
}

// plainSpans is text without styles: what is to be typed or read word for word stands in backquotes, but for what comes
// from the session alone.
func plainSpans(spans []lesson.Span) string {
	var all strings.Builder
	for len(spans) > 0 {
		n := 1
		for n < len(spans) && (spans[n].Style == lesson.Code) == (spans[0].Style == lesson.Code) {
			n++
		}
		quote, text := "", ""
		for _, span := range spans[:n] {
			text += safe(span.Text)
			if span.Style == lesson.Code && (!span.Computed || span.Claimed) {
				quote = "`"
			}
		}
		all.WriteString(quote + text + quote)
		spans = spans[n:]
	}
	return all.String()
}
