package lesson

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A Report says what came of a lesson that was gone through by itself.
type Report struct {
	Lesson      *Lesson
	Checks      []Check // everything that was claimed, in order
	Alterations []Check // of what was claimed: OK says that the lesson would notice
}

// Err returns nil if everything that the lesson claims is true and none of its
// alterations is, and says otherwise what is not so.
func (r *Report) Err() error {
	var errs []error
	for _, check := range append(slices.Clone(r.Checks), r.Alterations...) {
		if !check.OK {
			errs = append(errs, fmt.Errorf("%s, line %d: %s: %s", r.Lesson.Name, check.Line, check.Text, check.Got))
		}
	}
	return errors.Join(errs...)
}

// Check goes through a lesson without a student. Each of its claims is judged,
// and so is each exercise: it must not count as solved before it is, nor by
// another answer than the right one, and by that it must. What the prose says
// without proof (see [Lesson.Faults]) is reported too. With alter, each claim is
// judged with each value, name, error and order in it altered as well.
func (c *Course) Check(ctx context.Context, lesson *Lesson, alter bool) (*Report, error) {
	report, course := &Report{Lesson: lesson, Checks: lesson.Faults()}, *c
	if alter {
		course.altering = func(check Check) { report.Alterations = append(report.Alterations, check) }
	}
	s := course.Begin(ctx, lesson)
	defer s.Close()
	for {
		stop, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return report, err
		}
		report.Checks = append(report.Checks, stop.Checks...)
	}
	for _, attempt := range s.attempts {
		report.Checks = append(report.Checks, s.asked[attempt.Exercise].check()...)
	}
	return report, nil
}

// check tries the answers of an exercise.
func (a *asked) check() (all []Check) {
	judge := func(ok bool, id string, pairs ...any) {
		check := fault(a.Attempt.Line, a.Attempt.Name, id, pairs...)
		check.OK = ok
		all = append(all, check)
	}
	if len(a.right) == 0 { // which is told where it was to be computed, or its conditions judged
		return nil
	}
	judge(!a.Right, "fault_solved_before")
	judge(!grade(a.Question, a.right, ""), "fault_solved_empty")
	judge(grade(a.Question, a.right, a.Expected), "fault_own_answer", "answer", a.Expected)
	for _, wrong := range a.wrong() {
		judge(!grade(a.Question, a.right, wrong), "fault_also_right", "answer", wrong)
	}
	if len(a.Question.Choices) == 0 {
		return all
	}
	right := 0
	for _, choice := range a.Question.Choices {
		if grade(a.Question, a.right, choice.Value) {
			right++
		}
	}
	judge(right == 1, "fault_right_choices", "number", right)
	return all
}

// wrong are answers beside the right ones.
func (a *asked) wrong() (all []string) {
	for _, right := range a.right {
		for _, other := range right.mutants() {
			if !slices.ContainsFunc(a.right, other.equal) {
				all = append(all, other.String())
			}
		}
	}
	return all
}
