package lesson

import (
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/docs"
)

// An Exercise asks for something that stands in this student's session, or, a
// prediction, for what will come of what the next script does.
type Exercise struct {
	Name    string // within its lesson
	Predict bool
	Line    int // of the lesson, from 1
	Hints   int // how many there are

	question []paragraph
	choices  []choice
	answers  []answer
	hints    []paragraph
	why      paragraph
}

// A choice is one of the answers that are offered.
type choice struct {
	line         int
	value, label []inline
	labelled     bool
	when         *condition // under which it is right; nil if the exercise has an answer
}

// A condition is what must be so for a choice to be right.
type condition struct {
	line   int
	text   string
	holds  assertion
	inputs []expression // what it compares: each of them must be there
}

// An answer is one that is right.
type answer struct {
	line   int
	source string
	value  func(*run) (Value, error)
	from   origin
}

// The signs with which the lines of an exercise begin.
const (
	signChoice = '-'
	signAnswer = '='
	signHint   = '?'
	signWhy    = '!'
)

// parseExercise reads the lines of an exercise: the question; choices, if it
// offers some; the right answer; hints, in layers; and what explains the answer.
func parseExercise(name string, first int, lines []string) (e *Exercise, wrong int, what *remark) {
	e = &Exercise{Name: name, Line: first - 1}
	for at := 0; at < len(lines); at++ {
		number, text := first+at, lines[at]
		for at+1 < len(lines) && strings.HasPrefix(lines[at+1], "  ") && !strings.HasPrefix(lines[at+1], whenLine) {
			at++
			text += " " + strings.TrimSpace(lines[at])
		}
		if text == "" {
			continue
		}
		if what = e.parse(number, text); what != nil {
			return nil, number, what
		}
	}
	e.Hints = len(e.hints)
	switch {
	case len(e.question) == 0:
		what = say("fault_ask_question")
	case len(e.answers) == 0 && len(e.choices) > 0 && slices.ContainsFunc(e.choices, func(c choice) bool { return c.when == nil }):
		what = say("fault_ask_choices")
	case len(e.answers) == 0 && len(e.choices) == 0:
		what = say("fault_ask_answer")
	case len(e.answers) > 0 && slices.ContainsFunc(e.choices, func(c choice) bool { return c.when != nil }):
		what = say("fault_ask_both")
	case len(e.hints) == 0:
		what = say("fault_ask_hints")
	case e.why.spans == nil:
		what = say("fault_ask_why")
	case len(e.choices) == 1:
		what = say("fault_ask_one")
	}
	return e, first - 1, what
}

// whenLine is how the line begins that has the condition of the choice before it.
const whenLine = "  when "

func (e *Exercise) parse(line int, text string) (what *remark) {
	if condition, ok := strings.CutPrefix(text, whenLine); ok {
		return e.parseWhen(line, strings.TrimSpace(condition))
	}
	sign, rest := text[0], ""
	if len(text) > 2 && text[1] == ' ' {
		rest = strings.TrimSpace(text[2:])
	}
	switch {
	case rest == "":
		sign = 0
	case sign == signChoice:
		return e.parseChoice(line, rest)
	case sign == signAnswer:
		return e.parseAnswer(line, rest)
	case sign == signHint || sign == signWhy:
		spans, what := parseInline(rest, line)
		switch {
		case sign == signHint:
			e.hints = append(e.hints, paragraph{line: line, spans: spans})
		case e.why.spans == nil:
			e.why = paragraph{line: line, spans: spans}
		default: // one paragraph over several lines
			e.why.spans = append(append(e.why.spans, inline{text: " "}), spans...)
		}
		return what
	}
	p, what := parseParagraph(Paragraph, text, line)
	if len(e.choices)+len(e.answers)+len(e.hints) > 0 {
		return say("fault_ask_order")
	}
	if n := len(e.question); n > 0 { // one paragraph over several lines
		e.question[n-1].spans = append(append(e.question[n-1].spans, inline{text: " "}), p.spans...)
		return what
	}
	e.question = append(e.question, p)
	return what
}

func (e *Exercise) parseChoice(line int, text string) (what *remark) {
	value, label, labelled := strings.Cut(text, ": ")
	if !labelled {
		label = value
	}
	c := choice{line: line, labelled: labelled}
	if c.value, what = parseInline(value, line); what == nil {
		c.label, what = parseInline(label, line)
	}
	if slices.ContainsFunc(c.value, func(in inline) bool { return in.template != nil && in.template.when != nil }) {
		return say("fault_when_choice")
	}
	e.choices = append(e.choices, c)
	return what
}

func (e *Exercise) parseAnswer(line int, text string) *remark {
	words, what := wordsOf(text)
	if what != nil {
		return what
	}
	value, from, what := parseValueFrom(words)
	e.answers = append(e.answers, answer{line, text, value, from})
	return what
}

// parseWhen reads the condition of the latest choice.
func (e *Exercise) parseWhen(line int, text string) *remark {
	last := len(e.choices) - 1
	if last < 0 || e.choices[last].when != nil || len(e.answers)+len(e.hints) > 0 {
		return say("fault_ask_when")
	}
	when, what := parseCondition(line, text)
	e.choices[last].when = when
	return what
}

// A Question is an exercise as it stands before the student.
type Question struct {
	*Exercise
	Text    []Block
	Choices []Choice // none: the answer is written
}

// A Choice is one of the answers that are offered.
type Choice struct {
	Value string // what is answered
	Label []Span // what is read
}

// An Attempt is what a student made of an exercise so far.
type Attempt struct {
	*Exercise
	Page     int      // index of the exercise's page
	Given    []string // in order
	Right    bool     // the latest is
	Hints    int      // that were taken
	Known    bool     // the right answer is known: for a prediction, from the next script on
	Expected string   // the right answer; to be shown only at the end, or once it was given
	Why      Block    // what explains it

	noted int // how many of those given stand in the notebook
}

// Hint returns a hint, from 0 to Hints-1, as it stands without a session: an
// ellipsis is where a value would be computed from one.
func (e *Exercise) Hint(n int) []Span { return withoutSession(e.hints[n].spans) }

// Asks returns the question as it stands without a session.
func (e *Exercise) Asks() (all []Block) {
	for _, p := range e.question {
		all = append(all, Block{p.kind, withoutSession(p.spans)})
	}
	return all
}

// labelIDs are the sentences for choices without a label of their own.
var labelIDs = map[string]string{"client": "course_client", "server": "course_server", "nobody": "course_nobody"}

// ask asks the question: its text, and what is right, as the session stands now.
func (e *Exercise) ask(r *run, words *docs.Sentences, report func(Check)) *Question {
	q := &Question{Exercise: e}
	for _, p := range e.question {
		q.Text = append(q.Text, p.render(r, report))
	}
	for _, c := range e.choices {
		value := Block{Spans: renderInline(c.value, r, report)}
		label := renderInline(c.label, r, report)
		if id := labelIDs[value.Text()]; id != "" && !c.labelled {
			label = []Span{{Text: words.Say(id)}}
		}
		q.Choices = append(q.Choices, Choice{value.Text(), label})
	}
	return q
}

// conditional reports whether the choices have conditions.
func (e *Exercise) conditional() bool { return len(e.choices) > 0 && e.choices[0].when != nil }

// judge reports whether the condition holds. What it cannot compare is an error.
func (c *condition) judge(r *run) (holds bool, err error) {
	for _, input := range c.inputs {
		if _, err := input(r); err != nil {
			return false, err
		}
	}
	_, holds = c.holds(r)
	return holds, nil
}

// chooses computes which choices are right by their conditions: exactly one must be.
func (e *Exercise) chooses(r *run, report func(Check)) (right []Value) {
	var lines []string
	for _, c := range e.choices {
		holds, err := c.when.judge(r)
		check := Check{Line: c.when.line, Text: "when " + c.when.text, OK: err == nil}
		if report(check.failing(err)); holds {
			right = append(right, textValue(Block{Spans: renderInline(c.value, r, func(Check) {})}.Text()))
			lines = append(lines, fmt.Sprint(c.when.line))
		}
	}
	if len(right) != 1 {
		what := fault(e.Line, e.Name, "fault_conditions_none")
		if len(right) > 1 {
			what = fault(e.Line, e.Name, "fault_conditions_several", "lines", strings.Join(lines, ", "))
		}
		report(what)
		return nil
	}
	return right
}

// solve computes the right answers. What cannot be computed is reported.
func (e *Exercise) solve(r *run, report func(Check)) (right []Value) {
	if e.conditional() {
		return e.chooses(r, report)
	}
	for _, a := range e.answers {
		value, err := a.value(r)
		if err != nil {
			report(Check{Line: a.line, Text: "= " + a.source}.failing(err))
			continue
		}
		right = append(right, value)
	}
	return right
}

// grade reports whether what was given is right.
func grade(q *Question, right []Value, given string) bool {
	given = strings.TrimSpace(given)
	return slices.ContainsFunc(right, func(v Value) bool {
		if len(q.Choices) > 0 {
			return v.String() == given
		}
		return v.accepts(given)
	})
}

// chosen returns the choice that is meant by its number, from 1, or its value.
func (q *Question) chosen(given string) string {
	given = strings.TrimSpace(given)
	for i, c := range q.Choices {
		if given == fmt.Sprint(i+1) && !slices.ContainsFunc(q.Choices, func(c Choice) bool { return c.Value == given }) || strings.EqualFold(given, c.Value) {
			return c.Value
		}
	}
	return given
}
