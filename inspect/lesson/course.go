package lesson

import (
	"context"
	"errors"
	"io"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// A Course goes through lessons with a student, or by itself.
type Course struct {
	// Open returns a stage of the course, on a channel where it has several,
	// whose endpoints differ from honest ones as with says.
	Open func(stage, channel string, with []string) (inspect.Stage, error)

	// Lang is the language in which fields are explained.
	Lang string

	// Patience is how long an answer is waited for before that is called silence,
	// and how long something that is expected may take; 0 means DefaultPatience.
	Patience time.Duration

	// Watch is told of each session's recording before it begins; nil for nobody.
	Watch func(*inspect.Recording)

	// GlassBox makes the program ready for a session in a glass box (see
	// [inspect.Tap.GlassBox]), before it is opened; nil if nothing is to be done.
	GlassBox func() error

	altering func(Check) // is told what alterations came to; nil unless a check alters
}

// A Stop is where a student reads, and looks, and then goes on.
type Stop struct {
	Page, Pages int // which page it is, from 0, of how many
	Title       string
	Blocks      []Block // of the page, up to here
	New         int     // index of the first that was not there at the stop before

	Recording *inspect.Recording // of the session; nil before the first
	Event     int                // how many events it had
	Held      []int              // the units that wait on its wire, by the index of their Captured events
	Look      *Look              // what is to be looked at; nil for nothing
	Show      string             // how: streams, detail, ladder, schedule, wire, verdicts, secrets; "" for as before

	Question *Question  // that waits; nil if none does
	Graded   []*Attempt // predictions that can be told from here on
	Checks   []Check    // what was claimed on the way here
	Next     []Step     // what going on does: the lines of the script that do something; none if it only shows something, or turns the page
	Turns    bool       // going on turns the page
	Last     bool       // there is nothing behind it
}

// A Look is a record, or a field of it, that a lesson points at.
type Look struct {
	Record  *inspect.Record
	Field   inspect.Field // the whole record, if no field is named
	Bytes   []byte        // that the field's offsets count in
	Message bool          // these are a message in clear, and not the record
	Explain bool
}

// A Sitting is one student's way through a lesson. It is for one goroutine.
type Sitting struct {
	Lesson *Lesson
	ctx    context.Context
	course *Course
	lets   map[string]Value
	wishes wishes
	run    *run // the session; before the first, one without a stage

	next     int // index of the part that comes next
	stops    []*Stop
	at       int // index of the stop where the student is; -1 before the first
	asked    map[*Exercise]*asked
	open     []*asked // predictions that wait for a script
	attempts []*Attempt
	noted    bool // a notebook has a note of it
}

// asked is an exercise that stood before the student.
type asked struct {
	*Question
	*Attempt
	right []Value
}

// Begin begins a lesson. The context ends its sessions.
func (c *Course) Begin(ctx context.Context, lesson *Lesson) *Sitting {
	s := &Sitting{Lesson: lesson, ctx: ctx, course: c, at: -1, asked: make(map[*Exercise]*asked), lets: make(map[string]Value)}
	s.begin(nil, false)
	return s
}

// Back returns to the stop before, as it was; nil at the first.
func (s *Sitting) Back() *Stop {
	if s.at <= 0 {
		return nil
	}
	s.at--
	return s.stops[s.at]
}

// Next goes on: to the stop behind this one, if the student went back; otherwise
// it does what comes next, and returns what there is to be read then. Behind the
// last stop it returns [io.EOF]. Any other error says that a step could not be
// done, and the lesson cannot go on.
func (s *Sitting) Next() (*Stop, error) {
	if s.at+1 < len(s.stops) {
		s.at++
		return s.stops[s.at], nil
	}
	if s.next >= len(s.Lesson.parts) {
		return nil, io.EOF
	}
	stop, err := s.goOn()
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, stop)
	s.at++
	return stop, nil
}

// Skip goes on, without a student, until what comes next is on a page, counted
// from 0. It returns the last stop before that, nil if there is none.
func (s *Sitting) Skip(page int) (last *Stop, err error) {
	for s.next < len(s.Lesson.parts) && s.Lesson.parts[s.next].page < page {
		if last, err = s.Next(); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// goOn does the parts up to the next stop: behind prose that leads to a script,
// at a question, at the end of a page.
func (s *Sitting) goOn() (*Stop, error) {
	parts := s.Lesson.parts
	stop := s.newStop(parts[s.next].page)
	s.wishes = wishes{}
	read := false
	for ; s.next < len(parts); s.next++ {
		p := parts[s.next]
		if p.page != stop.Page || p.steps != nil && read {
			break
		}
		if p.ask != nil {
			s.question(stop, p)
			s.next++
			break
		}
		read = read || p.prose != nil
		if err := s.do(stop, p); err != nil {
			return nil, err
		}
	}
	s.leave(stop)
	return stop, nil
}

// newStop begins a stop on a page, with what was to be read on it before.
func (s *Sitting) newStop(page int) *Stop {
	stop := &Stop{Page: page, Pages: len(s.Lesson.Pages), Title: s.Lesson.Pages[page].Title}
	if n := len(s.stops); n > 0 && s.stops[n-1].Page == page {
		before := s.stops[n-1]
		stop.Blocks = append(stop.Blocks, before.Blocks...)
	}
	stop.New = len(stop.Blocks)
	return stop
}

// leave takes down how things stand where the student reads.
func (s *Sitting) leave(stop *Stop) {
	stop.Look, stop.Show = s.wishes.look, s.wishes.show
	if s.run.stage != nil {
		stop.Recording = s.run.tap.Recording()
		stop.Event = stop.Recording.Len()
		stop.Held = s.run.holds.waiting()
	}
	stop.Last = s.next >= len(s.Lesson.parts)
	stop.Turns = !stop.Last && s.Lesson.parts[s.next].page != stop.Page
	if !stop.Last && s.Lesson.parts[s.next].page == stop.Page {
		for _, step := range s.Lesson.parts[s.next].steps {
			if step.acts() {
				stop.Next = append(stop.Next, step.Step)
			}
		}
	}
}

// do does a part that is prose or a script.
func (s *Sitting) do(stop *Stop, p part) error {
	report := func(c Check) { stop.Checks = append(stop.Checks, c) }
	if p.prose != nil {
		s.run.settle()
		for _, paragraph := range p.prose {
			stop.Blocks = append(stop.Blocks, paragraph.render(s.run, report))
			paragraph.alter(s.run, s.course.altering)
		}
		return nil
	}
	for _, step := range p.steps {
		if err := s.step(step, report); err != nil {
			return &StepError{s.Lesson.Name, step.Step, err}
		}
		if look := s.wishes.look; look != nil && look.Explain {
			if text := s.course.explain(look.Field.Kind); text != "" {
				stop.Blocks = append(stop.Blocks, Block{Note, []Span{{Text: text}}})
			}
			look.Explain = false
		}
	}
	s.run.settle()
	s.run.untouched(report)
	for _, asked := range s.open {
		asked.solve(s.run, report, s.course.altering)
		stop.Graded = append(stop.Graded, asked.Attempt)
	}
	s.open = nil
	return nil
}

// question puts an exercise before the student.
func (s *Sitting) question(stop *Stop, p part) {
	report := func(c Check) { stop.Checks = append(stop.Checks, c) }
	s.run.settle()
	asked := &asked{Question: p.ask.ask(s.run, docs.For(s.course.Lang), report), Attempt: &Attempt{Exercise: p.ask, Page: p.page}}
	for _, hint := range p.ask.hints {
		hint.render(s.run, report)
		hint.alter(s.run, s.course.altering)
	}
	for _, p := range p.ask.question {
		p.alter(s.run, s.course.altering)
	}
	s.asked[p.ask] = asked
	s.attempts = append(s.attempts, asked.Attempt)
	stop.Question = asked.Question
	if p.ask.Predict {
		s.open = append(s.open, asked)
		return
	}
	asked.solve(s.run, report, s.course.altering)
}

// solve takes down what is right, and whether what was given is.
func (a *asked) solve(r *run, report, altering func(Check)) {
	a.right = a.Question.Exercise.solve(r, report)
	if altering != nil {
		a.Question.Exercise.alter(r, a, altering)
	}
	a.Known = true
	if len(a.right) > 0 {
		a.Expected = a.right[0].String()
	}
	a.Why = a.Question.why.render(r, report)
	a.Question.why.alter(r, altering)
	if n := len(a.Given); n > 0 {
		a.Right = grade(a.Question, a.right, a.Given[n-1])
	}
}

// ErrNoQuestion says that nothing is asked where the student is.
var ErrNoQuestion = errors.New("nothing is asked here")

// Answer takes what the student gives for the question at the stop. The attempt
// says what came of it; of a prediction, only once it is known.
func (s *Sitting) Answer(given string) (*Attempt, error) {
	asked, err := s.here()
	if err != nil {
		return nil, err
	}
	given = asked.chosen(given)
	asked.Given = append(asked.Given, given)
	if asked.Known {
		asked.Right = grade(asked.Question, asked.right, given)
	}
	return asked.Attempt, nil
}

// Hint returns the next hint for the question at the stop; the last one again
// when there are no more.
func (s *Sitting) Hint() ([]Span, error) {
	asked, err := s.here()
	if err != nil {
		return nil, err
	}
	hint := asked.Question.hints[min(asked.Attempt.Hints, asked.Question.Hints-1)]
	asked.Attempt.Hints = min(asked.Attempt.Hints+1, asked.Question.Hints)
	return renderInline(hint.spans, s.run, func(Check) {}), nil
}

// here is the exercise where the student is.
func (s *Sitting) here() (*asked, error) {
	if s.at < 0 || s.stops[s.at].Question == nil {
		return nil, ErrNoQuestion
	}
	return s.asked[s.stops[s.at].Question.Exercise], nil
}

// Attempts returns what the student made of the exercises so far, in the order
// in which they were met.
func (s *Sitting) Attempts() []*Attempt { return s.attempts }

// Close ends the session of the lesson and waits until nothing of it is left.
func (s *Sitting) Close() { s.run.close() }
