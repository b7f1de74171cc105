package tui

import (
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	tea "github.com/charmbracelet/bubbletea"
)

// A lessonPlace is where the text of a lesson stands.
type lessonPlace uint8

const (
	textNowhere lessonPlace = iota
	textBeside              // to the left of the session
	textAbove               // the session
	textInstead             // of the session, while it has the keys
)

// lessonPlace returns where there is room for the text.
func (m *model) lessonPlace() lessonPlace {
	switch {
	case m.sitting == nil:
		return textNowhere
	case m.w >= 110:
		return textBeside
	case m.h >= 22 && m.sitting.shown != nil && !m.sitting.whole: // before the first session there is nothing but text
		return textAbove
	}
	return textInstead
}

// alone reports whether the session has all of the room for now: with a value, in which stands a command to be copied by whole
// lines.
func (m *model) alone() bool { return m.lessonPlace() == textBeside && m.mode == onValue }

// sessionWidth returns how many cells the session's panes are wide.
func (m *model) sessionWidth() int {
	if m.lessonPlace() == textBeside && !m.alone() {
		return m.w - m.w*2/5 - 1
	}
	return m.w
}

// sessionView returns the mode whose pane of the session is shown.
func (m *model) sessionView() mode {
	view := m.view()
	switch {
	case view != onLesson:
		return view
	case m.sitting == nil:
		return m.list
	}
	return m.sitting.behind
}

// withLesson draws what stands between header and footer: the session, and the text of a lesson. Help, the list of the
// lessons, and their results take all of the room, and so does a value.
func (m *model) withLesson(w, height int) []string {
	view := m.view()
	if view == onHelp || view == onLessons || view == onResults || m.alone() {
		return m.body(w, height)
	}
	switch m.lessonPlace() {
	case textBeside:
		left := m.textPane(w*2/5, height)
		session := m.body(m.sessionWidth(), height)
		for i := range left {
			left[i] += m.pal.line(1, false, span{quiet, m.pal.glyphs.column}) + session[i]
		}
		return left
	case textAbove:
		_, text := m.textSize()
		return append(m.textPane(w, text), m.body(w, height-text)...)
	case textInstead:
		if view == onLesson {
			return m.textPane(w, height)
		}
	}
	return m.body(w, height)
}

// textSize returns the size of the pane with the text, if it is shown: above the session, what it takes of the height, between a
// third and two.
func (m *model) textSize() (w, height int) {
	room := m.h - m.footerHeight()
	switch m.lessonPlace() {
	case textBeside:
		return m.w * 2 / 5, room - len(m.header(m.w))
	case textAbove:
		room -= len(m.header(m.w))
		lines, _ := m.textLines(m.w)
		return m.w, min(max(len(lines)+1, room/3), room*2/3)
	}
	return m.w, room - len(m.warning(m.w)) - len(m.glassBox(m.w))
}

// textRows returns how many of the lines are shown at once: the title takes one, and so does, if they do not all have room,
// what says so.
func textRows(lines, height int) int {
	if lines <= height-1 {
		return max(height-1, 1)
	}
	return max(height-2, 1)
}

// attendLesson keeps what is shown of the text within it, and takes down what has been read.
func (m *model) attendLesson() {
	s := m.sitting
	if s == nil || m.cramped() || m.alone() || s.whole {
		return
	}
	w, height := m.textSize()
	lines, _ := m.textLines(w)
	rows := textRows(len(lines), height)
	s.top = max(min(s.top, len(lines)-rows), 0)
	if w != s.width {
		s.width, s.read = w, 0
	}
	if m.lessonPlace() != textInstead || m.view() == onLesson {
		s.read = max(s.read, s.top+rows)
	}
	if m.sessionSeen() {
		s.owed = false
	}
}

// sessionSeen reports whether there is room now for the view of the session that is shown.
func (m *model) sessionSeen() bool {
	view, place := m.sessionView(), m.lessonPlace()
	switch {
	case m.view() == onLesson && place == textInstead || lessonModes&(1<<view) == 0:
		return false
	case place != textAbove:
		return true
	}
	_, text := m.textSize()
	height := m.h - m.footerHeight() - len(m.header(m.w)) - text
	switch view {
	case onWire:
		return height >= 8
	case onSchedule:
		return height >= 10
	case onVerdicts:
		return height > len(m.verdictPage(m.w))
	case onSecrets:
		return height > len(m.secrets(m.w, height))
	}
	return true
}

// unread reports whether there are lines of the text that have not been shown.
func (m *model) unread() bool {
	w, _ := m.textSize()
	lines, _ := m.textLines(w)
	return m.sitting.read < len(lines)
}

// readOn shows the lines that have not been shown.
func (m *model) readOn() {
	if m.lessonPlace() == textInstead && m.view() != onLesson {
		m.focusText()
		return
	}
	m.scrollLesson(m.lessonPage())
}

// lessonPage is how far the text scrolls at once: one line of what was shown stays.
func (m *model) lessonPage() int {
	w, height := m.textSize()
	lines, _ := m.textLines(w)
	return max(textRows(len(lines), height)-1, 1)
}

func (m *model) scrollLesson(n int) tea.Cmd {
	m.sitting.top = max(m.sitting.top+n, 0)
	m.attendLesson()
	return nil
}

// revealNew shows what is new at a stop, from its beginning, and with it as much of what stood there before as there is room for.
func (m *model) revealNew() {
	w, height := m.textSize()
	lines, first := m.textLines(w)
	m.sitting.top = max(min(first, len(lines)-textRows(len(lines), height)), 0)
	m.sitting.read = 0
}

// textPane draws the text of the lesson on exactly height lines.
func (m *model) textPane(w, height int) []string {
	s := m.sitting
	title, hint := m.lessonTitle(s.name), ""
	if s.stop != nil {
		title, hint = m.pal.spell(s.stop.Title), m.say("course_page", "at", s.stop.Page+1, "of", s.stop.Pages)
		if width(title)+width(hint)+8 > w {
			hint = m.say("course_page_short", "at", s.stop.Page+1, "of", s.stop.Pages)
		}
	}
	all, _ := m.textLines(w)
	rows := textRows(len(all), height)
	top := max(min(s.top, len(all)-rows), 0)
	lines := append([]string{m.rule(w, title, hint)}, all[top:min(top+rows, len(all))]...)
	if below := len(all) - top - rows; below > 0 {
		lines = append(lines, m.moreLines(below, w))
	}
	return m.fill(lines, w, height)
}

// lessonTitle is what a lesson is called.
func (m *model) lessonTitle(name string) string {
	if m.o.Lessons.Title == nil {
		return inspect.Safe(name)
	}
	return m.pal.spell(m.o.Lessons.Title(name, m.sentences.Lang()))
}

// textLines lays the text of the stop out: what is to be read, what turned out otherwise, what is asked. First is the first line
// that was not there at the stop before.
func (m *model) textLines(w int) (lines []string, first int) {
	s := m.sitting
	p := &page{m: m, w: w}
	switch {
	case s.stop != nil:
		for i, block := range s.stop.Blocks {
			p.fresh = s.stop.New > 0 && i >= s.stop.New
			p.block(block)
			if i < s.stop.New {
				first = len(p.lines) + 1 // behind the gap
			}
		}
		p.fresh = false
		p.refuted(s.stop)
		for _, attempt := range s.stop.Graded {
			p.graded(s.asked[attempt.Exercise])
		}
		if a := s.question(); a != nil {
			p.question(a)
		}
	case !s.stuck():
		p.paragraph(span{quiet, m.say("course_begins")})
	}
	if s.stuck() {
		p.paragraph(span{bad, m.say("course_failed", "error", inspect.Safe(lesson.ErrorIn(s.failed, m.sentences.Lang())))})
	}
	return p.lines, first
}

// A page is text that is being laid out.
type page struct {
	m     *model
	w     int
	fresh bool // what comes is new
	list  bool // the block before was an item
	lines []string
}

// block lays a block of prose out.
func (p *page) block(b lesson.Block) {
	g := &p.m.pal.glyphs
	if b.Kind != lesson.Item || !p.list {
		p.gap()
	}
	p.list = b.Kind == lesson.Item
	switch b.Kind {
	case lesson.Item:
		p.put(span{strong, g.item + " "}, span{plain, "  "}, p.m.inks(b.Spans))
	case lesson.Note:
		p.put(span{quiet, g.column + " "}, span{quiet, g.column + " "}, p.m.inks(b.Spans))
	default:
		p.put(span{}, span{}, p.m.inks(b.Spans))
	}
}

// gap leaves a line between blocks.
func (p *page) gap() {
	if len(p.lines) > 0 {
		p.lines = append(p.lines, p.m.pal.line(p.w, false))
	}
}

// paragraph puts text below a gap.
func (p *page) paragraph(text ...span) {
	p.gap()
	p.put(span{}, span{}, text)
}

// widest is how many cells a line of text has at most: longer ones are hard to read.
const widest = 100

// put lays text out behind what begins its first line, and what begins the others.
func (p *page) put(first, others span, text []span) {
	mark := span{plain, " "}
	if p.fresh {
		mark = span{strong, p.m.pal.glyphs.fresh}
	}
	for i, line := range flow(text, min(p.w-2, widest)-width(first.text)) {
		head := first
		if i > 0 {
			head = others
		}
		p.lines = append(p.lines, p.m.pal.line(p.w, false, append([]span{mark, head}, line...)...))
	}
}

// refuted says what the lesson claims and is not so.
func (p *page) refuted(stop *lesson.Stop) {
	for _, check := range stop.Checks {
		if !check.OK {
			p.paragraph(span{bad, p.m.pal.glyphs.refuted + " " + p.m.say("course_refuted", "line", check.Line, "text", inspect.Safe(check.Text), "got", inspect.Safe(check.GotIn(p.m.sentences.Lang())))})
		}
	}
}

// question asks, and says what was made of it so far.
func (p *page) question(a *asked) {
	m, q := p.m, a.question
	id := "course_question"
	if q.Predict {
		id = "course_prediction"
	}
	p.paragraph(span{strong, m.say(id)})
	for _, block := range q.Text {
		p.put(span{}, span{}, m.inks(block.Spans))
	}
	for i, choice := range q.Choices {
		number := strconv.Itoa(i + 1)
		p.put(span{strong, " " + number + " "}, span{plain, spaces(len(number) + 2)}, m.inks(choice.Label))
	}
	for i, hint := range a.hints {
		p.put(span{}, span{}, append([]span{{quiet, m.say("course_hint", "at", i+1, "of", q.Hints) + " "}}, m.inks(hint)...))
	}
	p.outcome(a)
}

// outcome says what came of an answer, and explains it once it is right; of a prediction, at the stop where it comes to pass.
func (p *page) outcome(a *asked) {
	m, given := p.m, inspect.Safe(a.given())
	switch {
	case a.question.Predict && a.attempt.Known:
		p.graded(a)
	case given == "":
	case a.question.Predict:
		p.put(span{}, span{}, []span{{strong, m.say("course_predicted", "given", given)}})
	case a.attempt.Right:
		p.put(span{}, span{}, []span{{good, m.pal.glyphs.verified + " " + m.say("course_right", "given", given)}})
		p.put(span{}, span{}, m.inks(a.attempt.Why.Spans))
	default:
		p.put(span{}, span{}, []span{{bad, m.pal.glyphs.refuted + " " + m.say("course_wrong", "given", given)}})
	}
}

// graded says how a prediction came out.
func (p *page) graded(a *asked) {
	if a == nil {
		return
	}
	m := p.m
	given, was := inspect.Safe(a.given()), inspect.Safe(a.label(a.attempt.Expected))
	switch {
	case given == "":
		p.paragraph(span{strong, m.say("course_unpredicted", "was", was)})
	case a.attempt.Right:
		p.paragraph(span{good, m.pal.glyphs.verified + " " + m.say("course_predicted_right", "given", given)})
	default:
		p.paragraph(span{bad, m.pal.glyphs.refuted + " " + m.say("course_predicted_wrong", "given", given, "was", was)})
	}
	p.put(span{}, span{}, m.inks(a.attempt.Why.Spans))
}

// lessonFoot says what the space bar does now; where it only scrolls, how the lesson goes on.
func (m *model) lessonFoot(w int) string {
	switch m.mode {
	case onResults:
		space := m.say("tui_space")
		return m.pal.line(w, false, span{strong, " " + space}, span{plain, "  " + m.resultsDo(w-width(space)-3)})
	case onLessons, onHelp:
		return m.pal.line(w, false, span{quiet, " " + m.say("course_foot_back")})
	}
	space := m.say("tui_space")
	return m.pal.line(w, false, span{strong, " " + space}, span{plain, "  " + m.spaceDoes(w-width(space)-3)})
}

// resultsDo says what the space bar does where the results are shown, in w cells.
func (m *model) resultsDo(w int) string {
	next := m.lessonAfter(m.sitting.name)
	if m.resultsBelow() {
		return m.say("course_results_rest")
	}
	if next == "" {
		return m.say("course_results_last")
	}
	if text := m.say("course_results_on", "lesson", m.lessonTitle(next)); width(text) <= w {
		return text
	}
	return m.say("course_results_over")
}

// resultsBelow reports whether there are results below those that are shown.
func (m *model) resultsBelow() bool {
	return m.below(m.results(m.w))
}

// below reports whether lines of a page that has all of the height follow those that are shown.
func (m *model) below(lines []string) bool {
	height := m.h - m.footerHeight() - len(m.header(m.w))
	return m.scroll+height-1 < len(lines)
}

// sessionBelow reports whether, of what the stop shows of the session, lines follow those that are shown.
func (m *model) sessionBelow() bool {
	s, w := m.sitting, m.sessionWidth()
	if place := m.lessonPlace(); s.stop == nil || s.at < s.reached || place == textAbove || place == textInstead && !m.sessionShown() {
		return false
	}
	switch view := m.sessionView(); {
	case view == onVerdicts && s.stop.Show == "verdicts":
		return m.below(m.verdictPage(w))
	case view == onSecrets && s.stop.Show == "secrets":
		return m.below(m.secrets(w, m.h-m.footerHeight()-len(m.header(m.w))))
	}
	return false
}

// resultsOn shows the results below, or else begins the next lesson.
func (m *model) resultsOn() tea.Cmd {
	if m.resultsBelow() {
		return m.scrollView(m.page())
	}
	return m.nextLesson()
}

// spaceDoes says what the space bar does now, in w cells.
func (m *model) spaceDoes(w int) string {
	s := m.sitting
	switch {
	case s.working:
		return m.say("course_works")
	case m.unread():
		return m.say("course_does_read")
	case s.stuck():
		return m.say("course_does_nothing")
	case s.owed && m.lessonPlace() == textAbove:
		return m.say("course_does_more_session")
	case s.owed:
		return m.say("course_does_session")
	case m.sessionBelow():
		return m.say("course_does_more_session")
	case m.textHidden() && m.canAnswer():
		return m.say("course_does_question")
	case s.stop.Last:
		return m.say("course_does_results")
	case s.at < s.reached:
		return m.say("course_does_forward")
	}
	var does []string
	for _, step := range s.stop.Next {
		if text := step.Told(m.say); text != "" {
			does = append(does, text)
		}
	}
	switch all := strings.Join(does, "; "); {
	case len(does) > 0 && width(all) <= w:
		return all
	case len(does) > 1 && width(m.say("course_does_first", "does", does[0], "count", len(does)-1)) <= w:
		return m.say("course_does_first", "does", does[0], "count", len(does)-1)
	case len(does) > 0:
		return m.say("course_does_steps", "count", len(does))
	case len(s.stop.Next) > 0:
		return m.say("course_does_look")
	case s.stop.Turns:
		if title := m.say("course_does_page", "title", s.lesson.Pages[s.stop.Page+1].Title); width(title) <= w {
			return title
		}
		return m.say("course_does_turn")
	case m.canAnswer():
		return m.say("course_does_later")
	}
	return m.say("course_does_on")
}

// lessonList lists the lessons.
func (m *model) lessonList(w int) []string {
	s := &sheet{m: m, w: w}
	s.text(plain, m.say("course_list_how"))
	s.text(plain, " ")
	for _, name := range m.o.Lessons.Names {
		mark := " "
		if m.sitting != nil && m.sitting.name == name {
			mark = m.pal.glyphs.pointer
		}
		number, _, _ := strings.Cut(name, "-")
		if n, err := strconv.Atoi(number); err == nil {
			number = strconv.Itoa(n)
		}
		for i, line := range wrap(m.lessonTitle(name), w-9) {
			if i > 0 {
				mark, number = " ", ""
			}
			s.put(span{strong, mark + right(number, 4)}, span{plain, "  " + line})
		}
	}
	return s.lines
}

// results tells of every exercise what was given and what is right, and what comes next in the course.
func (m *model) results(w int) []string {
	p := &page{m: m, w: w}
	s, right, met := m.sitting, 0, 0
	for _, exercise := range s.lesson.Exercises() {
		a := s.asked[exercise]
		if a == nil {
			continue
		}
		if met++; a.attempt.Right {
			right++
		}
		p.result(met, a)
	}
	told := p.lines
	p.lines = nil
	if met > 0 {
		p.put(span{}, span{}, []span{{strong, m.say("course_results_count", "right", right, "count", met)}})
	} else {
		p.put(span{}, span{}, []span{{strong, m.say("course_results_none")}})
	}
	if len(s.refuted) > 0 {
		p.put(span{}, span{}, []span{{bad, m.pal.glyphs.refuted + " " + m.say("course_results_refuted", "count", len(s.refuted))}})
	}
	if next := m.lessonAfter(s.name); next != "" {
		p.put(span{}, span{}, []span{{plain, m.say("course_results_next", "lesson", m.lessonTitle(next))}})
	} else {
		p.put(span{}, span{}, []span{{plain, m.say("course_last")}})
	}
	if len(told) > 0 {
		p.gap()
	}
	return append(p.lines, told...)
}

// result tells of one exercise.
func (p *page) result(n int, a *asked) {
	m, g := p.m, &p.m.pal.glyphs
	sign, ink := g.notCheckable, quiet
	switch {
	case a.attempt.Right:
		sign, ink = g.verified, good
	case len(a.attempt.Given) > 0:
		sign, ink = g.refuted, bad
	}
	p.gap()
	head := span{ink, sign + " " + strconv.Itoa(n) + " "}
	indent := span{plain, "  "}
	for i, block := range a.question.Text {
		if i > 0 {
			head = indent
		}
		p.put(head, indent, m.inks(block.Spans))
	}
	given := make([]string, 0, len(a.attempt.Given))
	for _, answer := range a.attempt.Given {
		given = append(given, inspect.Safe(a.label(answer)))
	}
	if len(given) == 0 {
		given = append(given, m.say("course_result_none"))
	}
	p.put(indent, indent, []span{{quiet, m.say("course_result_given") + " "}, {plain, strings.Join(given, g.dot)}})
	p.put(indent, indent, []span{{quiet, m.say("course_result_expected") + " "}, {value, m.marked(value, inspect.Safe(a.label(a.attempt.Expected)))}})
	p.put(indent, indent, []span{{quiet, m.say("course_result_hints", "taken", a.attempt.Hints, "of", a.question.Hints)}})
	p.put(indent, indent, m.inks(a.attempt.Why.Spans))
}
