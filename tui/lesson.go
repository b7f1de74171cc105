package tui

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	tea "github.com/charmbracelet/bubbletea"
)

// Lessons are what a student can go through on the screen. The zero value has none.
type Lessons struct {
	Names []string                       // in the order of the course
	Title func(name, lang string) string // of a lesson, in a language of [docs.For]
	// Begin begins a lesson in a language. Watch is what the course tells of each session; see [lesson.Course]. The sitting
	// is closed once it has been left, and its sessions end with ctx.
	Begin func(ctx context.Context, name, lang string, watch func(*inspect.Recording)) (*lesson.Sitting, error)
	// Progress is told after each stop, and after each answer and hint, how far the student has come: stop is where they are,
	// and [lesson.Sitting.Attempts] is what they made of the exercises. It may take its time: it is called by the goroutine that
	// drives the sitting. Nil for nobody.
	Progress func(s *lesson.Sitting, stop *lesson.Stop)
}

// sitting is the lesson that is gone through in the session's place, as far as the screen knows it. What can take long is
// asked of the goroutine that drives the lesson; it brings news.
type sitting struct {
	name, lang string
	lesson     *lesson.Lesson
	asks       chan func(*lesson.Sitting) tea.Msg
	news       chan tea.Msg
	working    bool  // something was asked, and no news of it has come
	quietly    bool  // the sessions on the way are not shown
	failed     error // the lesson cannot go on

	sessions map[*inspect.Recording]*lessonSession
	shown    *inspect.Recording

	stop        *lesson.Stop // where the student is; nil before the first
	at, reached int          // which one that is, and the furthest, from 0
	asked       map[*lesson.Exercise]*asked
	shows       []string       // by stop: what it asked to be shown, or one before it on its page
	refuted     []lesson.Check // what the lesson claims and is not so

	behind mode // of the session, while the text has the keys
	owed   bool // the stop shows something of the session, and that has not been seen yet
	whole  bool // the session has the place of the text, too, until the lesson goes on
	top    int  // first line of the text that is shown
	read   int  // lines of it that were
	width  int  // of the text, as last laid out
}

// A lessonSession is one of the sessions of a lesson.
type lessonSession struct {
	time    *timeline
	held    map[int]bool // units that waited on the wire at some stop
	watched bool         // somebody waits for it to grow
}

// The news of a lesson, beside what came of a question.
type (
	// begun says that a session begins.
	begun struct {
		recording *inspect.Recording
		session   *lessonSession
	}
	// arrived says where the student is now, or why the lesson does not go on.
	arrived struct {
		lesson   *lesson.Lesson
		stops    []*lesson.Stop // that were passed; the last is where the student is
		by       int            // so many stops further than before
		back     int            // of these, so many are behind it once more
		look     *pointed
		attempts []lesson.Attempt
		hints    map[*lesson.Exercise][][]lesson.Span
		err      error
	}
)

// A pointed is what a stop points at: nothing of the lesson's own view of its session, which it goes on changing.
type pointed struct {
	event   int
	field   inspect.Field
	bytes   []byte
	message bool
}

// works reports whether the lesson is doing something.
func (s *sitting) works() bool { return s != nil && s.working }

// stuck reports whether there is no way on from here.
func (s *sitting) stuck() bool { return s.failed != nil && s.at == s.reached }

// passes reports whether the growth of a recording is of no interest now.
func (s *sitting) passes(r *inspect.Recording) bool {
	if s == nil || r == s.shown {
		return false
	}
	if session := s.sessions[r]; session != nil {
		session.watched = false
	}
	return true
}

// commandLesson begins a lesson, by its name, or its number; without one it lists them.
func (m *model) commandLesson(rest string) tea.Cmd {
	if m.o.Lessons.Begin == nil {
		m.complain("course_none")
		return nil
	}
	if rest == "" {
		return m.toggleView(onLessons)
	}
	i := slices.IndexFunc(m.o.Lessons.Names, func(name string) bool { return isLesson(name, rest) })
	if i < 0 {
		m.complain("course_unknown", "name", inspect.Safe(rest))
		return nil
	}
	return m.beginLesson(m.o.Lessons.Names[i], repeat{})
}

// isLesson reports whether a lesson named as in 05-three-properties is meant by all of that, a part of it, or its number.
func isLesson(name, typed string) bool {
	number, words, _ := strings.Cut(name, "-")
	n, err := strconv.Atoi(typed)
	of, _ := strconv.Atoi(number)
	return typed == name || typed == words || err == nil && n == of
}

// beginLesson begins a lesson, and goes on in it as far as it had come before.
func (m *model) beginLesson(name string, again repeat) tea.Cmd {
	m.forget()
	m.opening, m.said = false, saying{}
	s := &sitting{
		name: name, lang: m.sentences.Lang(), working: true, quietly: again.stops > 0, at: -1, reached: -1, behind: m.list,
		asks: make(chan func(*lesson.Sitting) tea.Msg), news: make(chan tea.Msg),
		sessions: make(map[*inspect.Recording]*lessonSession), asked: make(map[*lesson.Exercise]*asked),
	}
	m.sitting, m.mode = s, onLesson
	return tea.Batch(m.live.sit(m.o.Lessons, s, again), m.live.hear(s.news, m.generation))
}

// lessonIn goes on in another language: at the same place, but in a session of its own.
func (m *model) lessonIn(lang string) tea.Cmd {
	s := m.sitting
	if s == nil || s.lang == lang {
		return nil
	}
	again := repeat{stops: s.reached + 1, back: s.reached - s.at, exercises: make(map[string]*asked)}
	for exercise, asked := range s.asked {
		again.exercises[exercise.Name] = asked
	}
	cmd := m.beginLesson(s.name, again)
	m.tell("course_other_language")
	return cmd
}

// sit closes the session and goes through a lesson in its place, until it is replaced.
func (l *live) sit(lessons Lessons, s *sitting, again repeat) tea.Cmd {
	l.stop()
	l.session, l.stop = context.WithCancel(l.ctx)
	ctx, name, lang := l.session, s.name, s.lang
	tell := func(msg tea.Msg) {
		select {
		case s.news <- msg:
		case <-ctx.Done():
		}
	}
	watch := func(r *inspect.Recording) {
		session := &lessonSession{held: make(map[int]bool)}
		session.time = newTimeline(r, func(id int) bool { return session.held[id] })
		session.time.follow = true
		tell(begun{r, session})
	}
	return l.task(func() tea.Msg {
		l.close()
		sitting, err := lessons.Begin(ctx, name, lang, watch)
		if err != nil {
			tell(arrived{err: err})
			return nil
		}
		defer sitting.Close()
		tell(again.through(sitting, lessons.tell))
		for {
			select {
			case do := <-s.asks:
				tell(do(sitting))
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// tell tells whoever keeps the progress.
func (l *Lessons) tell(s *lesson.Sitting, stop *lesson.Stop) {
	if l.Progress != nil {
		l.Progress(s, stop)
	}
}

// A repeat goes through a lesson again: over so many stops, and back some of them.
type repeat struct {
	stops, back int
	exercises   map[string]*asked // as they stood before, by name
}

// through goes to the first stop, or to where the student was. What was chosen is chosen again; what was written was about
// another session.
func (r repeat) through(s *lesson.Sitting, progress func(*lesson.Sitting, *lesson.Stop)) tea.Msg {
	msg := arrived{lesson: s.Lesson, by: max(r.stops, 1), back: r.back, hints: make(map[*lesson.Exercise][][]lesson.Span)}
	for range msg.by {
		stop, err := s.Next()
		if err != nil {
			msg.err = err
			return msg
		}
		msg.stops = append(msg.stops, stop)
		if question := stop.Question; question != nil && r.exercises[question.Name] != nil {
			before := r.exercises[question.Name]
			for range before.attempt.Hints {
				hint, _ := s.Hint()
				msg.hints[question.Exercise] = append(msg.hints[question.Exercise], hint)
			}
			if len(question.Choices) > 0 {
				for _, given := range before.attempt.Given {
					s.Answer(given)
				}
			}
		}
	}
	for range r.back {
		msg.stops = append(msg.stops, s.Back())
	}
	return msg.tell(s, progress)
}

// tell completes the news with what the attempts are, and what is pointed at, and tells whoever keeps the progress.
func (msg arrived) tell(s *lesson.Sitting, progress func(*lesson.Sitting, *lesson.Stop)) arrived {
	msg.attempts = attemptsOf(s)
	stop := msg.stops[len(msg.stops)-1]
	if look := stop.Look; look != nil {
		msg.look = &pointed{look.Record.Event, look.Field, look.Bytes, look.Message}
	}
	progress(s, stop)
	return msg
}

// attemptsOf copies the attempts: the lesson goes on changing them.
func attemptsOf(s *lesson.Sitting) (all []lesson.Attempt) {
	for _, attempt := range s.Attempts() {
		copied := *attempt
		copied.Given = slices.Clone(attempt.Given)
		all = append(all, copied)
	}
	return all
}

// ask has something done by the goroutine that drives the lesson.
func (m *model) ask(do func(*lesson.Sitting) tea.Msg) tea.Cmd {
	s, ctx := m.sitting, m.live.session
	s.working = true
	return m.live.task(func() tea.Msg {
		select {
		case s.asks <- do:
		case <-ctx.Done():
		}
		return nil
	})
}

// lessonOn goes on: to what has not been read yet, else to what comes next.
func (m *model) lessonOn() tea.Cmd {
	s := m.sitting
	switch {
	case s.working:
		m.tell("course_wait")
	case m.unread():
		m.readOn()
	case s.stuck():
		m.complain("course_over_failed")
	case s.owed:
		m.showWhole()
	case m.sessionBelow():
		return m.scrollView(m.page())
	case m.textHidden() && m.canAnswer():
		m.focusText()
	case s.stop.Last:
		m.focusText()
		return m.toggleView(onResults)
	default:
		return m.nextStop()
	}
	return nil
}

// textHidden reports whether the session has the place of the text.
func (m *model) textHidden() bool {
	return m.lessonPlace() == textInstead && m.sessionShown()
}

// sessionShown reports whether a view of the session has the keys.
func (m *model) sessionShown() bool {
	view := m.view()
	return view != onLesson && lessonModes&(1<<view) != 0
}

// showWhole shows the session in the place of the text.
func (m *model) showWhole() {
	s := m.sitting
	s.owed, s.whole = false, m.lessonPlace() == textAbove
	m.leaveAnswer()
	m.focus(s.behind)
}

// nextStop goes to the stop behind this one, and does what leads there.
func (m *model) nextStop() tea.Cmd {
	m.leaveAnswer()
	progress := m.o.Lessons.tell
	return m.ask(func(s *lesson.Sitting) tea.Msg {
		stop, err := s.Next()
		if err != nil {
			return arrived{err: err}
		}
		return arrived{stops: []*lesson.Stop{stop}, by: 1}.tell(s, progress)
	})
}

// lessonBack returns to the stop before this one.
func (m *model) lessonBack() tea.Cmd {
	s := m.sitting
	switch {
	case s.working:
		m.tell("course_wait")
		return nil
	case m.textHidden():
		m.focusText()
		return nil
	case s.at <= 0:
		m.tell("course_at_beginning")
		return nil
	}
	progress := m.o.Lessons.tell
	return m.ask(func(s *lesson.Sitting) tea.Msg {
		return arrived{stops: []*lesson.Stop{s.Back()}, back: 1}.tell(s, progress)
	})
}

// nextLesson begins the lesson that comes next in the course.
func (m *model) nextLesson() tea.Cmd {
	if next := m.lessonAfter(m.sitting.name); next != "" {
		return m.beginLesson(next, repeat{})
	}
	m.tell("course_last")
	return nil
}

// lessonAfter returns the name of the lesson behind that one; "" if it is the last.
func (m *model) lessonAfter(name string) string {
	names := m.o.Lessons.Names
	if i := slices.Index(names, name); i >= 0 && i+1 < len(names) {
		return names[i+1]
	}
	return ""
}

// hearLesson takes news of the lesson.
func (m *model) hearLesson(msg tea.Msg) tea.Cmd {
	s := m.sitting
	switch msg := msg.(type) {
	case begun:
		s.sessions[msg.recording] = msg.session
		if s.quietly {
			return nil
		}
		return m.showSession(msg.recording)
	case arrived:
		return m.arrive(msg)
	case replied:
		m.takeReply(msg)
	}
	return nil
}

// arrive shows the stop where the student is now.
func (m *model) arrive(msg arrived) tea.Cmd {
	s := m.sitting
	s.working, s.quietly = false, false
	if msg.lesson != nil {
		s.lesson = msg.lesson
	}
	if msg.err != nil {
		s.failed = msg.err
		m.present()
		m.focusText()
		m.scrollLesson(1 << 30)
		return nil
	}
	onward := s.at+msg.by > s.reached && msg.back == 0
	before := s.stop
	s.at += msg.by - msg.back
	s.reached = max(s.reached, s.at+msg.back)
	s.stop = msg.stops[len(msg.stops)-1]
	for _, stop := range msg.stops {
		s.take(stop)
	}
	s.showing(msg.stops[:len(msg.stops)-msg.back])
	s.remember(msg.attempts, msg.hints)
	cmd := m.showSession(s.stop.Recording)
	m.goToStop()
	grown := s.stop.Recording != nil && (before == nil || before.Recording != s.stop.Recording || before.Event < s.stop.Event)
	s.whole = false
	if view := m.sessionView(); grown && msg.look == nil && (view == onTree || view == onHex) && !m.wide() {
		s.behind = m.list // what happened is more than what was pointed at before
		m.focus(s.behind)
	}
	m.turnTo(msg.look, onward)
	s.owed = onward && s.stop.Recording != nil && (grown || msg.look != nil || s.stop.Show != "")
	return cmd
}

// showing takes down what the stops that were reached ask to be shown.
func (s *sitting) showing(stops []*lesson.Stop) {
	for _, stop := range stops {
		show := stop.Show
		if n := len(s.shows); show == "" && n > 0 && stop.New > 0 {
			show = s.shows[n-1]
		}
		if len(s.shows) <= s.reached {
			s.shows = append(s.shows, show)
		}
	}
}

// take takes in what is new with a stop.
func (s *sitting) take(stop *lesson.Stop) {
	if q := stop.Question; q != nil && s.asked[q.Exercise] == nil {
		s.asked[q.Exercise] = &asked{question: q}
	}
	if session := s.sessions[stop.Recording]; session != nil {
		for _, id := range stop.Held {
			session.held[id] = true
		}
	}
	for _, check := range stop.Checks {
		if !check.OK && !slices.Contains(s.refuted, check) {
			s.refuted = append(s.refuted, check)
		}
	}
}

// showSession shows one of the lesson's sessions; nil before the first.
func (m *model) showSession(r *inspect.Recording) tea.Cmd {
	s := m.sitting
	if r == s.shown && r != nil {
		return nil
	}
	session := s.sessions[r]
	if session == nil {
		session = &lessonSession{time: newTimeline(new(inspect.Recording), nil), watched: true}
	}
	s.shown, m.time = r, session.time
	m.streams, m.detail = streams{}, detail{}
	m.ladder, m.schedule, m.findings, m.wire = ladder{}, schedule{}, findings{}, wire{silent: m.wire.silent}
	m.extend()
	if session.watched {
		return nil
	}
	session.watched = true
	return m.watch()
}

// goToStop moves the cursor to where the session stood at the stop.
func (m *model) goToStop() {
	m.playing = false
	m.extend()
	n := len(m.time.steps)
	for n > 0 && int(m.time.steps[n-1].event) >= m.sitting.stop.Event {
		n--
	}
	m.goTo(n)
}

// turnTo shows what the stop asks for in the session's panes, and its text. Onward is whether it is new.
func (m *model) turnTo(look *pointed, onward bool) {
	s := m.sitting
	if turned := s.stop.New == 0; s.stop.Show == "" && (turned || !onward) { // not as the student left it, but as it was then
		s.behind = m.viewFor(cmp.Or(s.shows[s.at], "streams"), nil)
		if look != nil && !m.wide() {
			s.behind = onTree
		}
	} else {
		s.behind = m.viewFor(s.stop.Show, look)
	}
	m.scroll = 0
	if look != nil {
		m.pointAt(look)
	}
	m.given.set("")
	switch {
	case m.canAnswer():
		m.focus(onAnswer)
	case m.lessonPlace() == textInstead:
		m.focus(onLesson)
	default:
		m.focus(s.behind)
	}
	m.revealNew()
}

// viewFor returns the view of the session that a stop asks for, or that what it points at is seen in.
func (m *model) viewFor(show string, look *pointed) mode {
	switch show {
	case "streams":
		m.list = onStreams
	case "detail":
		return onTree
	case "ladder":
		m.list = onLadder
	case "wire":
		m.list = onWire
	case "schedule":
		return onSchedule
	case "verdicts":
		return onVerdicts
	case "secrets":
		return onSecrets
	default:
		view := m.sessionView()
		if look != nil && !m.wide() {
			return onTree
		}
		if look == nil && view <= lastPane {
			return view
		}
	}
	return m.list
}

// pointAt selects the record, and the field of it, that a lesson points at.
func (m *model) pointAt(look *pointed) {
	row, ok := m.time.rowAt(look.event)
	if !ok || row >= m.time.visible() {
		return
	}
	m.streams.choose(row)
	m.wire.sel = look.event + 1
	m.attendWire()
	m.attend()
	d := &m.detail
	i := slices.IndexFunc(d.subjects, func(s subject) bool {
		return (s.message != nil) == look.message && (s.was == nil || m.list == onWire) && s.pairs == nil && bytes.Equal(s.bytes, look.bytes)
	})
	if i < 0 {
		return
	}
	d.turnTo(i, m.pal)
	if path, ok := pathTo(d.subjects[i].root, look.field, ""); ok {
		for at := range path {
			if path[at] == '.' {
				d.open[path[:at]] = true
			}
		}
		d.layOut(m.pal)
		d.choose(path)
	}
}

// pathTo returns the place of a field in a tree: those of its ancestors begin it.
func pathTo(f, wanted inspect.Field, path string) (string, bool) {
	if f.Kind == wanted.Kind && f.Offset == wanted.Offset && f.Length == wanted.Length {
		return path, true
	}
	for i, child := range f.Children {
		if found, ok := pathTo(child, wanted, fmt.Sprintf("%s.%d", path, i)); ok {
			return found, true
		}
	}
	return "", false
}

// focus gives the keys to the text, to the answer, or to a view of the session. A page that lies above all that, a line that is
// being typed and a question keep them: they will lead back there.
func (m *model) focus(to mode) {
	if to > lastPane && to != onAnswer {
		m.before = m.list
	}
	if to == onAnswer {
		m.before = onLesson
	}
	switch {
	case m.mode == onQuit:
		m.asked = to
	case m.mode <= onField || m.mode == onAnswer:
		m.mode = to
	case to == onAnswer:
	default:
		m.before = to
	}
}

// toggleLesson gives the keys to the text, or back to the session.
func (m *model) toggleLesson() tea.Cmd {
	if m.view() == onLesson {
		m.focus(m.sitting.behind)
	} else {
		m.focusText()
	}
	return nil
}

// focusText gives the keys to the text, or to the answer if one is asked for.
func (m *model) focusText() {
	if view := m.view(); view <= onField && view != onLesson {
		m.sitting.behind = view
	}
	m.sitting.whole = false
	if m.canAnswer() {
		m.focus(onAnswer)
	} else {
		m.focus(onLesson)
	}
}

// lessonMoved gives the keys to the text if that has come to have the session's place, and back to the session if there is room
// for both.
func (m *model) lessonMoved(from lessonPlace) {
	if m.sitting != nil && m.lessonPlace() == textBeside {
		m.sitting.whole = false
	}
	switch to := m.lessonPlace(); {
	case m.sitting == nil || m.sitting.stop == nil || (from == textInstead) == (to == textInstead) || m.cramped():
	case to == textInstead:
		m.focusText()
	case m.mode == onLesson:
		m.focus(m.sitting.behind)
	}
}

// leaveAnswer takes the keys from the answer: to the text where that has the session's place, else to the session.
func (m *model) leaveAnswer() {
	switch {
	case m.mode != onAnswer:
	case m.lessonPlace() == textInstead:
		m.mode = onLesson
	default:
		m.focus(m.sitting.behind)
	}
}

// binding returns the binding of a key now, or nil. While the text of a lesson has the keys, those that mean nothing to it act
// on the session.
func (m *model) binding(key string) *binding {
	typed := m.mode == onAnswer && len(m.given.text) == 0 && (key == " " || key == "backspace" || m.choosesBy(key))
	if m.sitting != nil && (typed || lessonModes&(1<<m.mode) != 0) {
		if b := find(m.keys, whileLesson, key); b != nil && (b.do != nil || m.choosesBy(key)) {
			return b
		}
	}
	b := find(m.keys, m.mode, key)
	if b == nil && m.mode == onLesson {
		if b = find(m.keys, m.sitting.behind, key); b != nil {
			m.focus(m.sitting.behind)
		}
	}
	return b
}

// actsNow reports whether the key is one of those that act now.
func (m *model) actsNow(b *binding) bool {
	if b.in&inWhile != 0 {
		return m.sitting != nil && (lessonModes&(1<<m.mode) != 0 && (b.brief != "course_brief_text" || m.sitting.shown != nil) ||
			m.mode == onAnswer && len(m.given.text) == 0 && b.brief == "course_brief_back")
	}
	if b.brief == "course_brief_next" && m.sitting != nil && m.lessonAfter(m.sitting.name) == "" {
		return false
	}
	if b.brief == "course_brief_answer" && !m.canAnswer() {
		return false
	}
	return b.holds(m.mode) && !m.overridden(b)
}

// brief is the word for a key in the footer. In a lesson what leads back to the text is no way back in it.
func (m *model) brief(b *binding) string {
	switch {
	case b.brief == "course_brief_text" && m.mode == onLesson:
		return m.say("course_brief_session")
	case b.brief == "tui_brief_escape" && m.sitting != nil && m.mode <= onHelp:
		return m.say("course_brief_close")
	}
	return m.say(b.brief)
}

// overridden reports whether the key means something else while a lesson is open.
func (m *model) overridden(b *binding) bool {
	return m.sitting != nil && b.in&^lessonModes == 0 && len(b.keys) == 1 && find(m.keys, whileLesson, b.keys[0]) != nil
}
