package tui

import (
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect/lesson"
	tea "github.com/charmbracelet/bubbletea"
)

// asked is an exercise that the student has met, and what they made of it.
type asked struct {
	question *lesson.Question
	attempt  lesson.Attempt
	hints    [][]lesson.Span // that were taken
}

// replied says what came of an answer or a hint.
type replied struct {
	attempts []lesson.Attempt
	exercise *lesson.Exercise
	hint     []lesson.Span // nil: it was an answer
	again    bool          // there is no further hint
	err      error
}

// remember takes in how the attempts stand.
func (s *sitting) remember(attempts []lesson.Attempt, hints map[*lesson.Exercise][][]lesson.Span) {
	for _, attempt := range attempts {
		if a := s.asked[attempt.Exercise]; a != nil {
			a.attempt = attempt
		}
	}
	for exercise, taken := range hints {
		s.asked[exercise].hints = taken
	}
}

// question returns the exercise at the stop, or nil.
func (s *sitting) question() *asked {
	if s == nil || s.stop == nil || s.stop.Question == nil {
		return nil
	}
	return s.asked[s.stop.Question.Exercise]
}

// closed reports whether there is nothing left to answer: it is right, or it was a prediction and has come to pass.
func (a *asked) closed() bool {
	return a.attempt.Right || a.question.Predict && a.attempt.Known
}

// given is the latest answer, as it is read; "" if there is none.
func (a *asked) given() string {
	if n := len(a.attempt.Given); n > 0 {
		return a.label(a.attempt.Given[n-1])
	}
	return ""
}

// label is what is read of an answer: of a choice, what stands beside its number.
func (a *asked) label(answer string) string {
	i := slices.IndexFunc(a.question.Choices, func(c lesson.Choice) bool { return c.Value == answer })
	if i < 0 {
		return answer
	}
	return lesson.Block{Spans: a.question.Choices[i].Label}.Text()
}

// canAnswer reports whether an answer is asked for now.
func (m *model) canAnswer() bool {
	a := m.sitting.question()
	return a != nil && !a.closed() && m.sitting.failed == nil && !m.sitting.working
}

// choosesBy reports whether a key stands before a choice.
func (m *model) choosesBy(key string) bool {
	n, err := strconv.Atoi(key)
	return err == nil && m.canAnswer() && 0 < n && n <= len(m.sitting.question().question.Choices)
}

// enterAnswer begins to type an answer.
func (m *model) enterAnswer() tea.Cmd {
	if !m.canAnswer() {
		m.tell("course_nothing_asked")
		return nil
	}
	m.focusText()
	return nil
}

// giveAnswer gives what was typed.
func (m *model) giveAnswer() tea.Cmd {
	given := strings.TrimSpace(m.given.take())
	switch {
	case given == "" && m.sitting.working: // enter behind the number of a choice, which is the answer
		return nil
	case given == "":
		m.tell("course_empty")
		return nil
	}
	return m.answerWith(given)
}

// choose gives the answer with a number.
func (m *model) choose(n int) tea.Cmd {
	return m.answerWith(m.sitting.question().question.Choices[n-1].Value)
}

func (m *model) answerWith(given string) tea.Cmd {
	if !m.canAnswer() {
		m.tell("course_nothing_asked")
		return nil
	}
	progress, stop := m.o.Lessons.tell, m.sitting.stop
	return m.ask(func(s *lesson.Sitting) tea.Msg {
		attempt, err := s.Answer(given)
		if err != nil {
			return replied{err: err}
		}
		return replied{exercise: attempt.Exercise}.tell(s, stop, progress)
	})
}

// askHint asks for the next hint.
func (m *model) askHint() tea.Cmd {
	if !m.canAnswer() {
		m.tell("course_nothing_asked")
		return nil
	}
	progress, stop := m.o.Lessons.tell, m.sitting.stop
	again := m.sitting.question().attempt.Hints == stop.Question.Hints
	return m.ask(func(s *lesson.Sitting) tea.Msg {
		hint, err := s.Hint()
		if err != nil {
			return replied{err: err}
		}
		return replied{exercise: stop.Question.Exercise, hint: hint, again: again}.tell(s, stop, progress)
	})
}

// tell completes the reply, and tells whoever keeps the progress.
func (r replied) tell(s *lesson.Sitting, stop *lesson.Stop, progress func(*lesson.Sitting, *lesson.Stop)) replied {
	r.attempts = attemptsOf(s)
	progress(s, stop)
	return r
}

// takeReply shows what came of an answer or a hint.
func (m *model) takeReply(r replied) {
	s := m.sitting
	s.working = false
	if r.err != nil {
		m.complain("course_failed", "error", r.err.Error())
		return
	}
	s.remember(r.attempts, nil)
	a := s.asked[r.exercise]
	switch {
	case r.again:
		m.tell("course_no_more_hints")
	case r.hint != nil:
		a.hints = append(a.hints, r.hint)
	case a.closed() || a.question.Predict:
		m.leaveAnswer()
	}
	m.scrollLesson(1 << 30)
}

// suggestAnswer says what can be done instead of typing an answer.
func (m *model) suggestAnswer() string {
	a := m.sitting.question()
	if a == nil {
		return ""
	}
	space := m.say("course_space_later")
	switch {
	case m.unread():
		space = m.say("course_space_rest")
	case m.sitting.owed:
		space = m.say("course_space_session")
	case m.sitting.at < m.sitting.reached:
		space = m.say("course_space_forward")
	}
	if n := len(a.question.Choices); n > 0 {
		return m.say("course_suggest_choice", "last", n, "taken", a.attempt.Hints, "of", a.question.Hints, "space", space)
	}
	return m.say("course_suggest", "taken", a.attempt.Hints, "of", a.question.Hints, "space", space)
}
