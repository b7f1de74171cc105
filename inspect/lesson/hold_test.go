package lesson_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

// burst is an echo whose client sends each word of a command in a unit of its own, and then waits for something to come back.
type burst struct{}

func (burst) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	play, err := echo{}.Open(ctx, tap)
	return bursting{play.(*echoing)}, err
}

type bursting struct{ *echoing }

func (b bursting) Do(_ context.Context, command string) (string, error) {
	for word := range strings.FieldsSeq(command) {
		if _, err := b.Write([]byte(word + "\n")); err != nil {
			return "", err
		}
	}
	answer := make([]byte, 100)
	n, err := b.Read(answer)
	return strings.TrimSpace(string(answer[:n])), err
}

func TestWhatComesBehindAHeldRecordWaitsInItsTurn(t *testing.T) {
	for script, read := range map[string]string{
		"hold client text\nbegin a b c\nexpect client text 1 verdict is \"not received\"\nexpect client text 3 verdict is \"not received\"\nrelease": "a b c ",
		"hold client text\nbegin a b c\nrelease: drop":                                                                                                                "b c ",
		"hold client text\nbegin a b c\nrelease: swap":                                                                                                                "b a c ",
		"hold client text 2\nbegin a b c\nexpect client text 1 verdict is unchanged\nrelease: repeat":                                                                 "a b b c ",
		"hold client text\ntamper client text 2: drop\nbegin a b c\nrelease":                                                                                          "a c ",
		"hold client text\nhold client text 2\nbegin a b c\nrelease\nexpect client text 2 verdict is \"not received\"\nrelease: drop":                                 "a c ",
		"hold client text every\nbegin a b c\nrelease\nrelease\nexpect client text 2 verdict is unchanged\nexpect client text 3 verdict is \"not received\"\nrelease": "a b c ",
		"hold either text every\nbegin a\nexpect read by server is \"\"\nrelease\nexpect read by client is \"\"\nrelease\nexpect answer a":                            "a ",
	} {
		text := "# Try\nminutes: 5\n\n```script\nopen burst\n" + script + "\nexpect lines of read by server is " + word(len(read)/2) + "\nexpect read by server is \"" + strings.ReplaceAll(read, " ", `\n`) + "\"\n```\n"
		parsed, err := lesson.ParseLesson("try", text)
		if err != nil {
			t.Fatal(err)
		}
		course := lesson.Course{Open: func(string, string, []string) (inspect.Stage, error) { return burst{}, nil }, Patience: 10 * time.Second}
		report, err := course.Check(t.Context(), parsed, false)
		if err == nil {
			err = report.Err()
		}
		if err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func word(n int) string { return [...]string{"zero", "one", "two", "three", "four"}[n] }

func TestALessonPointsAtAFieldByAnyOfItsNames(t *testing.T) {
	for where, want := range map[string]string{"client text 1 text": "first", "client text 1 line.text": "first"} {
		look, err := lookedAt(t, "do first\nlook "+where)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if got := string(look.Bytes[look.Field.Offset:look.Field.End()]); got != want {
			t.Errorf("%s: %q, want %q", where, got, want)
		}
	}
}
