package lesson

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// A Report says what came of a lesson that was gone through by itself.
type Report struct {
	Lesson *Lesson
	Checks []Check // everything that was claimed, in order
}

// Err returns nil if everything that the lesson claims is true, and says
// otherwise what is not.
func (r *Report) Err() error {
	var errs []error
	for _, check := range r.Checks {
		if !check.OK {
			errs = append(errs, fmt.Errorf("%s, line %d: %s: what is seen is: %s", r.Lesson.Name, check.Line, check.Text, check.Got))
		}
	}
	return errors.Join(errs...)
}

// Check goes through a lesson without a student. Each of its claims is judged,
// and so is each exercise: it must not count as solved before it is, nor by
// another answer than the right one, and by that it must.
func (c *Course) Check(ctx context.Context, lesson *Lesson) (*Report, error) {
	s := c.Begin(ctx, lesson)
	defer s.Close()
	report := &Report{Lesson: lesson}
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
	judge := func(ok bool, got string) {
		all = append(all, Check{a.Attempt.Line, a.Attempt.Name, ok, got})
	}
	judge(!a.Right, "it counts as solved before anything was answered")
	judge(!grade(a.Question, a.right, ""), "nothing at all counts as the right answer")
	judge(len(a.right) > 0 && grade(a.Question, a.right, a.Expected), fmt.Sprintf("its own answer %q does not count as right", a.Expected))
	if len(a.Question.Choices) == 0 {
		return all
	}
	right := 0
	for _, choice := range a.Question.Choices {
		if grade(a.Question, a.right, choice.Value) {
			right++
		}
	}
	judge(right == 1, fmt.Sprintf("%d of the choices count as right", right))
	return all
}
