package lesson

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// lessonVerbs are those of scenes that make sense in a lesson, and its own.
var lessonVerbs = func() map[string]verb {
	verbs := maps.Clone(sceneVerbs)
	delete(verbs, "note")
	maps.Copy(verbs, map[string]verb{
		"expect":  parseClaim,
		"open":    parseOpen,
		"hold":    parseHold,
		"begin":   parseBegin,
		"release": parseRelease,
		"look":    parseLook(false),
		"explain": parseLook(true),
		"show":    parseShow,
		"let":     parseLet,
	})
	return verbs
}()

// A StepError says which step of a lesson could not be done.
type StepError struct {
	Lesson string
	Step   Step
	Err    error
}

func (e *StepError) Error() string { return ErrorIn(e, docs.English) }

func (e *StepError) Unwrap() error { return e.Err }

// wishes are what a script asks of whoever shows its session.
type wishes struct {
	open *opening // a fresh session
	look *Look
	show string
}

// An opening is a session that a script asks for.
type opening struct {
	stage, channel string
	with           []string
	glassBox       bool // its tap is one
}

// step does a step of a lesson, and judges what is expected there.
func (s *Sitting) step(st step, report func(Check)) error {
	r := s.run
	r.now = Moment{Step: st.Step, Unit: -1}
	if err := st.run(r); err != nil {
		return err
	}
	if open := s.wishes.open; open != nil {
		s.wishes.open = nil
		if open.glassBox && s.course.GlassBox != nil {
			if err := s.course.GlassBox(); err != nil {
				return err
			}
		}
		stage, err := s.course.Open(open.stage, open.channel, open.with)
		if err != nil {
			return err
		}
		r.close()
		s.begin(stage, open.glassBox)
	}
	if len(r.expected) > 0 {
		r.untouched(report)
	}
	for _, e := range r.expected {
		check := r.judge(e)
		if report(check); check.OK && s.course.altering != nil {
			r.alter(e, s.course.altering)
		}
	}
	r.expected = nil
	return nil
}

// untouched tells of the lines whose action could not be done, since it was told of them: the record went on as it was.
func (r *run) untouched(report func(Check)) {
	all := r.rules.Report()
	for _, applied := range all[min(r.reported, len(all)):] {
		var refusal *inspect.Refusal
		if applied.How == inspect.Refused && errors.As(applied.Err, &refusal) {
			st := r.ruleLines[applied.Rule]
			report(Check{Line: st.Line, Text: st.Text}.saw(say("seen_untouched", "reason", refusal.Reason)))
		}
	}
	r.reported = len(all)
}

// begin begins a session on a stage, or, without one, what stands for it.
func (s *Sitting) begin(stage inspect.Stage, glassBox bool) {
	runner := Runner{Patience: s.course.Patience}
	if stage != nil {
		runner.Watch = s.course.Watch
	}
	s.run = runner.begin(s.ctx, stage)
	s.run.tap.GlassBox, s.run.lang = glassBox, s.course.Lang
	s.run.lets, s.run.wishes = s.lets, &s.wishes
}

// explain says what a kind of field is.
func (c *Course) explain(kind string) string { return docs.For(c.Lang).Explain(kind) }

// quiet is how long nothing happens once everything that a step set off is over, in so many looks: see lull.
const (
	quiet = 25 * time.Millisecond
	looks = 5
)

// settle waits until nothing moves any more, and takes in what happened.
func (r *run) settle() {
	if r.current == nil {
		return
	}
	recording := r.tap.Recording()
	still, before := 0, recording.Len()
	for end := time.Now().Add(r.patience()); still < looks && time.Now().Before(end); still++ {
		time.Sleep(quiet / looks)
		if n := recording.Len(); n != before {
			still, before = -1, n
		}
	}
	r.session.Extend()
}

// judge holds an expectation against the session. What is expected may take its
// time, if there is a session.
func (r *run) judge(e expectation) Check {
	r.settle()
	deadline := r.lull(r.patience())
	defer deadline.Stop()
	for {
		got, ok := e.assertion(r)
		over := false
		select {
		case <-deadline.C:
			over = deadline.over()
		default:
		}
		if ok || over || r.current == nil || r.ctx.Err() != nil {
			return Check{Line: e.Line, Text: e.Text, OK: ok}.saw(got)
		}
		r.settle()
	}
}

// parseClaim reads what a lesson expects, which is played on one channel.
func parseClaim(words []string, tail string, hasTail bool) (func(*run) error, *remark) {
	if hasTail {
		return nil, say("fault_expect_channel")
	}
	return parseExpect(words, tail, hasTail)
}

// glassBox is the word for a session whose randomness is recorded, so that every
// value of its key schedule can be computed (see [inspect.Tap.GlassBox]).
const glassBox = "glass-box"

// parseOpen reads: open STAGE [CHANNEL] [with WORD...].
func parseOpen(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	var open opening
	if at := slices.Index(rest, "with"); at >= 0 {
		rest, open.with = rest[:at], slices.Clone(rest[at+1:])
		words := len(open.with)
		open.with = slices.DeleteFunc(open.with, func(word string) bool { return word == glassBox })
		open.glassBox = len(open.with) < words
	}
	if len(rest) == 0 || len(rest) > 2 {
		return nil, say("fault_open")
	}
	if open.glassBox && !slices.Contains([]string{TLS12, TLS13, MTLS}, rest[len(rest)-1]) {
		return nil, say("fault_glass_box")
	}
	if open.stage = rest[0]; len(rest) == 2 {
		open.channel = rest[1]
	}
	return func(r *run) error {
		r.wishes.open = &open
		return nil
	}, nil
}

// holds are the units that wait on the wire until the script releases them.
type holds struct {
	mu  sync.Mutex
	all []inspect.Held
	new chan struct{} // closed with the next one; nil if nobody waits
}

func (h *holds) take(unit inspect.Held) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, unit)
	if h.new != nil {
		close(h.new)
		h.new = nil
	}
}

// let returns the units that wait, which then do no more.
func (h *holds) let() (all []inspect.Held) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all, h.all = h.all, nil
	return all
}

// waiting returns the units that wait, by the index of their Captured events.
func (h *holds) waiting() (ids []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, unit := range h.all {
		ids = append(ids, unit.ID)
	}
	return ids
}

// some returns a channel that is closed once a unit waits that did not before.
func (h *holds) some() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.new == nil {
		h.new = make(chan struct{})
	}
	return h.new
}

// parseHold reads which unit will wait on the wire.
func parseHold(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	m, err := parseMatch(rest)
	if err != nil {
		return nil, err.remark()
	}
	return func(r *run) error {
		if r.stage == nil {
			return errNoSession
		}
		r.addRule(inspect.Rule{Match: m, Do: func(unit inspect.Held) {
			r.pacer.hold(unit)
			r.holds.take(unit)
		}})
		return nil
	}, nil
}

// Errors of commands that are begun.
var (
	errNoSession = say("seen_no_session")
	errNoTurns   = say("seen_no_turns")
	errBegun     = say("seen_begun")
	errNotHeld   = say("seen_not_held")
	errNoHolder  = say("seen_no_hold")
)

// parseBegin reads a command whose answer is not waited for.
func parseBegin(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	command, what := parseCommand("begin", strings.Join(rest, " "))
	return func(r *run) error { return command.of(r, r.beginCommand) }, what
}

// beginCommand has the client do a command, and returns once something waits on
// the wire. It is an error if nothing does.
func (r *run) beginCommand(command string) error {
	if r.begun != nil {
		return errBegun
	}
	held := r.holds.some()
	if err := r.open(); err != nil {
		return err
	}
	done := make(chan said, 1)
	go func() {
		answer, err := r.current.Do(r.ctx, command)
		done <- said{answer, err}
	}()
	r.begun, r.latest, r.answer, r.err = done, command, "", nil
	deadline := r.lull(r.patience())
	defer deadline.Stop()
	for {
		select {
		case <-held:
			return nil
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-deadline.C:
			if deadline.over() {
				return errNoHolder
			}
		}
	}
}

// parseRelease reads what becomes of what waits: it goes on, or worse.
func parseRelease(rest []string, tail string, hasTail bool) (func(*run) error, *remark) {
	act := inspect.Action(inspect.Forward)
	if len(rest) > 0 {
		return nil, say("fault_release")
	}
	if hasTail {
		words, what := split(tail)
		if what != nil {
			return nil, what
		}
		if act, what = parseAction(words); what != nil {
			return nil, what
		}
	}
	return func(r *run) error {
		return r.release(act)
	}, nil
}

// release has the action decide on what waits on the wire. What its sender sent behind it follows. If that meets
// another hold, it waits in its turn; otherwise the command that was begun is waited for.
func (r *run) release(act inspect.Action) error {
	all, held := r.holds.let(), r.holds.some()
	if len(all) == 0 {
		return errNotHeld
	}
	for i, st := range r.ruleLines {
		if st.Verb == "hold" || st.Verb == "release" { // what it held is now for this line to decide on
			r.ruleLines[i] = r.now.Step
		}
	}
	deadline := r.lull(r.patience())
	defer deadline.Stop()
	over := false // as the connection is: then the wire releases nothing
	for _, unit := range all {
		released := r.pacer.release(unit, act)
		for done := over; !done; {
			select {
			case <-released:
				done = true
			case <-deadline.C:
				over = deadline.over()
				done = over
			case <-r.ctx.Done():
				return context.Cause(r.ctx)
			}
		}
	}
	if r.begun == nil {
		return nil
	}
	done := r.begun
	r.begun = nil
	return r.await(done, held)
}

// shows are what can be looked at.
var shows = []string{"streams", "detail", "ladder", "schedule", "wire", "verdicts", "secrets"}

func parseShow(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	if len(rest) != 1 || !slices.Contains(shows, rest[0]) {
		return nil, say("fault_show", "shows", strings.Join(shows, ", "))
	}
	return func(r *run) error {
		r.wishes.show = rest[0]
		return nil
	}, nil
}

// parseLet reads: let NAME = VALUE.
func parseLet(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	if len(rest) < 3 || rest[1] != "=" || !exerciseName.MatchString(rest[0]) {
		return nil, say("fault_let")
	}
	if reserved(rest[0]) {
		return nil, say("fault_let_reserved", "word", rest[0])
	}
	value, what := parseValue(rest[2:])
	return func(r *run) error {
		r.settle()
		v, err := value(r)
		if err == nil {
			r.lets[rest[0]] = v
		}
		return err
	}, what
}
