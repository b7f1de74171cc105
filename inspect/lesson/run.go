package lesson

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"example.com/tlslab/inspect"
)

// A Runner plays scenes on stages.
type Runner struct {
	// Open returns the stage of a channel, whose endpoints differ from honest
	// ones as with says. The words are the stage's own; one that it does not
	// know is an error.
	Open func(channel string, with []string) (inspect.Stage, error)

	// Patience is how long an answer is waited for before that is called
	// silence; 0 means DefaultPatience.
	Patience time.Duration

	// Watch is told of the recording before the play begins; nil for nobody.
	Watch func(*inspect.Recording)

	// Pace is asked before each line of the scene that does something, and again
	// before a record is tampered with, which waits on the wire then, and behind it
	// what its sender sends meanwhile; nil goes on at once. It may wait, as for a
	// person who looks on: that time counts for no deadline. An error ends the
	// scene. It can be called from any goroutine, for each direction of a
	// connection one at a time.
	Pace func(ctx context.Context, m Moment) error

	// Honest leaves the wire alone: no record is tampered with.
	Honest bool
}

// A Moment is where a scene stands.
type Moment struct {
	Step       // the line that is about to be done; of one that tampers, perhaps long ago
	At, Of int // it is the At-th of so many on its channel that do something, from 1
	Unit   int // the record that is about to be tampered with, by the index of its Captured event; -1 for none
}

// DefaultPatience is how long a [Runner] waits for an answer.
const DefaultPatience = time.Second

// A Result is what came of a scene on a channel: everything in it is computed
// from the recording.
type Result struct {
	Scene, Channel string
	Recording      *inspect.Recording
	Checks         []Check
	Tampers        int               // how many lines of the scene tamper with the wire on this channel
	Applied        []inspect.Applied // what came of them: the rules are numbered in their order
	Outcome

	stage inspect.Stage
}

// A Check is an expectation of the scene, and whether it was met.
type Check struct {
	Line int    // of the script
	Text string // of that line
	OK   bool
	Got  string // what happened, in English

	remark *remark // what Got says; nil where it has what the session did
	fault  bool
}

// Err returns nil if every expectation was met, and says otherwise which were
// not.
func (r *Result) Err() error {
	var errs []error
	for _, check := range r.Checks {
		if !check.OK {
			errs = append(errs, fmt.Errorf("%s on %s, line %d: %s: what happened is: %s", r.Scene, r.Channel, check.Line, check.Text, check.Got))
		}
	}
	return errors.Join(errs...)
}

// ErrReconnect says that a stage's play cannot open a further connection.
var ErrReconnect = errors.New("the stage cannot open a further connection")

// ErrSend says that a stage's play cannot send several commands at once.
var ErrSend = errors.New("the stage cannot send several commands at once")

// A Reconnecter is a play that can close its connection and open another one,
// as a client does that comes again.
type Reconnecter interface {
	Reconnect(ctx context.Context) error
}

// A Sender is a play that can send several commands, each in a record of its
// own, before it waits for the answers.
type Sender interface {
	Send(ctx context.Context, commands []string) (answers []string, err error)
}

// Run plays the scene on a channel, which must be one of the scene's own. An
// error means that it could not be played; whether its expectations were met is
// for [Result.Err] to say.
func (r Runner) Run(ctx context.Context, scene *Scene, channel string) (*Result, error) {
	stage, err := r.Open(channel, scene.With)
	if err != nil {
		return nil, fmt.Errorf("scene %s on %s: %w", scene.Name, channel, err)
	}
	run := r.begin(ctx, stage)
	run.result = &Result{Scene: scene.Name, Channel: channel, Recording: run.tap.Recording(), stage: stage}
	if err = run.play(scene); err == nil {
		err = context.Cause(run.ctx)
	}
	run.settle() // who is about to hear of an end hears of it, and of no other
	run.close()
	if err != nil {
		return nil, fmt.Errorf("scene %s on %s, %w", scene.Name, channel, err)
	}
	run.session.Extend()
	run.session.End()
	for _, expectation := range run.expected {
		run.check(expectation)
	}
	run.result.Outcome, run.result.Applied = run.outcome(), run.rules.Report()
	return run.result, nil
}

// begin makes ready for what is done to the stage.
func (r Runner) begin(ctx context.Context, stage inspect.Stage) *run {
	ctx, cancel := context.WithCancelCause(ctx)
	rules := new(inspect.Rules)
	var impostor inspect.Impostor
	if taker, ok := stage.(inspect.TurnTaker); ok && taker.Impostor() != nil {
		impostor = taker.Impostor()
		rules.Then = impostor
	}
	pacer := &pacer{rules: rules}
	tap := &inspect.Tap{Gate: pacer}
	if r.Watch != nil {
		r.Watch(tap.Recording())
	}
	return &run{
		Runner: r, ctx: ctx, leave: cancel, stage: stage, tap: tap, rules: rules, impostor: impostor, pacer: pacer, until: -1,
		session: inspect.NewSession(tap.Recording()), result: new(Result),
	}
}

// A run is one session at work: a scene's, or one of those of a lesson.
type run struct {
	Runner
	ctx      context.Context
	leave    context.CancelCauseFunc // whoever looks on has seen enough
	stage    inspect.Stage
	tap      *inspect.Tap
	rules    *inspect.Rules
	impostor inspect.Impostor // nil where the ends do not take turns
	pacer    *pacer
	session  *inspect.Session
	current  inspect.Play
	result   *Result
	now      Moment

	ruleLines []Step // those that decide on what the rules match, by rule
	reported  int    // how many of the rules' reports were looked at

	pauses   pauses
	expected []expectation

	lang    string // of the prose
	answer  string // the latest
	err     error  // that came instead of it
	silent  bool   // it did not come until the deadline
	until   int    // silence: what happens after this event is only the end of the play; otherwise -1
	latest  string // the latest command
	guessed string
	notes   []string

	// Of a lesson alone.
	lets   map[string]Value // by name
	wishes *wishes          // nil in a scene
	looked *Look            // what a line of its script pointed at last
	begun  <-chan said      // a command that was begun; nil for none
	holds  holds
}

// An expectation is judged when everything is over, but for what is said of
// the latest answer.
type expectation struct {
	Step
	assertion
	answer, latest, guessed string
	err                     error
	silent                  bool
}

func (r *run) play(scene *Scene) error {
	for _, s := range scene.steps {
		if s.on(r.result.Channel) && s.acts() {
			r.now.Of++
		}
	}
	for _, s := range scene.steps {
		if !s.on(r.result.Channel) {
			continue
		}
		r.now.Step, r.now.Unit = s.Step, -1
		err := r.pace(s)
		if err == nil {
			err = s.run(r)
		}
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", s.Line, s.Text, err)
		}
	}
	return nil
}

// pace asks whether to go on with a step.
func (r *run) pace(s step) error {
	if !s.acts() {
		return nil
	}
	r.now.At++
	if r.Pace == nil {
		return nil
	}
	return r.Pace(r.ctx, r.now)
}

// paced is the action, once the person who looks on has seen what waits.
func (r *run) paced(act inspect.Action) inspect.Action {
	moment := r.now
	if r.Pace == nil {
		return act
	}
	return func(h inspect.Held) {
		moment := moment
		moment.Unit = h.ID
		r.pauses.begin()
		r.pacer.ask(h, func() error {
			defer r.pauses.end()
			err := r.Pace(r.ctx, moment)
			if err != nil {
				r.leave(err)
			}
			return err
		}, act)
	}
}

// pauses are when a deadline stands still.
type pauses struct {
	mu    sync.Mutex
	open  int
	ended time.Time
}

func (p *pauses) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open++
}

func (p *pauses) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	p.ended = time.Now()
}

// left returns how much of the patience is left when a deadline has come that
// knows of no pause: it begins anew with the end of each.
func (p *pauses) left(patience time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open > 0 {
		return patience
	}
	return patience - time.Since(p.ended)
}

func (r *run) expect(check assertion) {
	r.expected = append(r.expected, expectation{r.now.Step, check, r.answer, r.latest, r.guessed, r.err, r.silent})
}

func (r *run) check(e expectation) {
	r.answer, r.latest, r.guessed, r.err, r.silent = e.answer, e.latest, e.guessed, e.err, e.silent
	got, ok := e.assertion(r)
	r.result.Checks = append(r.result.Checks, Check{Line: e.Line, Text: e.Text, OK: ok}.saw(got))
}

// open opens the play when it is first needed, so that what is to be tampered
// with in the handshake can be said before.
func (r *run) open() error {
	if r.current != nil {
		return nil
	}
	if r.stage == nil {
		return errNoSession
	}
	held := r.holds.some()
	play, err := r.stage.Open(r.ctx, r.tap)
	r.current = play
	if p, ok := play.(inspect.Preparer); ok && err == nil { // to the client it would be silence
		r.prepare(p.Prepared(), held)
	}
	return err
}

// keysTake is how long a stage may prepare itself: endpoints without TLS may
// generate keys first.
const keysTake = 30 * time.Second

// prepare waits until a stage has prepared itself, or something waits on the
// wire. What the wire has swallowed never comes: that is for the client to find.
func (r *run) prepare(ready, held <-chan struct{}) {
	patience := r.patience()
	r.session.Extend()
	for _, c := range r.session.Connections() {
		if c.Opening.Speaks != nil {
			patience = keysTake
		}
	}
	deadline := r.lull(patience)
	defer deadline.Stop()
	for {
		select {
		case <-ready:
			return
		case <-held:
			return
		case <-r.ctx.Done():
			return
		case <-deadline.C:
			if deadline.over() {
				return
			}
		}
	}
}

func (r *run) close() {
	if r.current != nil {
		r.current.Close()
	}
	r.tap.Close()
	r.leave(nil)
	r.pacer.asked.Wait()
}

func (r *run) tamper(m inspect.Match, act inspect.Action) error {
	r.result.Tampers++
	switch {
	case r.stage == nil:
		return errNoSession
	case r.Honest:
		return nil
	}
	r.addRule(inspect.Rule{Match: m, Do: r.paced(act)})
	return nil
}

// addRule adds a rule of the step that is being done.
func (r *run) addRule(rule inspect.Rule) {
	r.rules.Add(rule)
	r.ruleLines = append(r.ruleLines, r.now.Step)
}

func (r *run) do(command string) error {
	return r.wait(command, func() (string, error) { return r.current.Do(r.ctx, command) })
}

func (r *run) exit() error { return r.do("exit") }

func (r *run) send(commands []string) error {
	if err := r.open(); err != nil {
		return err
	}
	sender, ok := r.current.(Sender)
	if !ok {
		return ErrSend
	}
	return r.wait(commands[len(commands)-1], func() (string, error) {
		answers, err := sender.Send(r.ctx, commands)
		if len(answers) == 0 {
			return "", err
		}
		return answers[len(answers)-1], err
	})
}

// connect opens a further connection, as a client that comes again.
func (r *run) connect() error {
	if r.silent {
		return nil
	}
	if r.current == nil {
		return r.open()
	}
	play, ok := r.current.(Reconnecter)
	if !ok {
		return ErrReconnect
	}
	r.err = play.Reconnect(r.ctx)
	return nil
}

// pause has the client think for a while, unless the session is silent already.
func (r *run) pause(d time.Duration) error {
	if r.silent {
		return nil
	}
	if err := r.open(); err != nil {
		return err
	}
	thought := time.NewTimer(d)
	defer thought.Stop()
	select {
	case <-thought.C:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// wait does what the client is to do, unless the session is silent already.
func (r *run) wait(command string, do func() (string, error)) error {
	if r.silent {
		return nil
	}
	if err := r.open(); err != nil {
		return err
	}
	done := make(chan said, 1)
	go func() {
		answer, err := do()
		done <- said{answer, err}
	}()
	r.latest, r.answer, r.err = command, "", nil
	return r.await(done, nil)
}

// said is what a command got.
type said struct {
	answer string
	err    error
}

// patience is how long is waited.
func (r Runner) patience() time.Duration { return cmp.Or(r.Patience, DefaultPatience) }

// A lull is waited for: nothing has happened for as long as the patience lasts.
// What keeps happening, as on a slow machine, has no more than keysTake.
//
// Patience is counted in turns. Where others have the processor, a turn takes
// longer than it should, and so does whoever is waited for: it is no silence that
// nobody has had the time to speak.
type lull struct {
	*time.Timer // of one turn
	recording   *inspect.Recording
	seen        int
	patience    time.Duration
	left        int // turns
	end         time.Time
}

// turns are what patience is counted in.
const turns = 20

func (r *run) lull(patience time.Duration) *lull {
	recording := r.tap.Recording()
	return &lull{time.NewTimer(patience / turns), recording, recording.Len(), patience, turns, time.Now().Add(keysTake)}
}

// over reports, once the timer has fired, whether nothing has happened for long
// enough; else it is set anew.
func (l *lull) over() bool {
	if n := l.recording.Len(); n != l.seen && time.Now().Before(l.end) {
		l.seen, l.left = n, turns
	} else if l.left--; l.left <= 0 {
		return true
	}
	l.Reset(l.patience / turns)
	return false
}

// await waits for what a command gets, until that is called silence. If something is held instead, the command
// was only begun.
func (r *run) await(done <-chan said, held <-chan struct{}) error {
	patience := r.patience()
	deadline := r.lull(patience)
	defer deadline.Stop()
	for {
		select {
		case said := <-done:
			r.answer, r.err = said.answer, said.err
			if refused := new(inspect.CommandError); errors.As(said.err, &refused) { // then the client answers
				r.answer, r.err = refused.Reply, nil
			}
			return nil
		case <-held:
			r.begun = done
			return nil
		case <-r.ctx.Done():
			return context.Cause(r.ctx)
		case <-deadline.C:
		}
		if !deadline.over() {
			continue
		}
		if left := r.pauses.left(patience); left > 0 {
			deadline.Reset(left)
			continue
		}
		r.silent = true
		r.until = r.tap.Recording().Append(inspect.Event{
			Kind: inspect.Silent, Conn: r.client(), Side: inspect.Client, Cause: -1, Time: time.Now(), N: int(patience.Milliseconds()),
		})
		return nil
	}
}

// client returns the connection that the client has, which is the latest of its own.
func (r *run) client() int {
	r.session.Extend()
	conns := r.of(inspect.Client)
	if len(conns) == 0 {
		return -1
	}
	return conns[len(conns)-1].Conn
}
