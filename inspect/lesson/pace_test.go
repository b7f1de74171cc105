package lesson_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

const paced = `
on plain tls12
only tls12: connect
tamper client text 2: flip byte 0 bit 5
do hello
do again
note late-alert
expect answer Again
expect attacker changes the data`

func TestWhoLooksOnIsAskedBeforeEachStepAndEachRecordThatIsTamperedWith(t *testing.T) {
	scene, err := lesson.Parse("test", paced)
	if err != nil {
		t.Fatal(err)
	}
	var recording *inspect.Recording
	var asked []string
	slow := runner()
	slow.Watch = func(r *inspect.Recording) { recording = r }
	slow.Pace = func(_ context.Context, m lesson.Moment) error {
		said := fmt.Sprintf("%d of %d: %s(%s)%s", m.At, m.Of, m.Verb, m.About, m.Does)
		if m.Unit >= 0 {
			e := recording.At(m.Unit)
			said += fmt.Sprintf(" of %s, events behind it: %d", e.Bytes, recording.Len()-m.Unit-1)
		}
		asked = append(asked, said)
		return nil
	}
	result, err := slow.Run(t.Context(), scene, lesson.Clear)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Err(); err != nil {
		t.Error(err)
	}
	want := []string{
		"1 of 3: tamper(client text 2)flip byte 0 bit 5", "2 of 3: do(hello)", "3 of 3: do(again)",
		"1 of 3: tamper(client text 2)flip byte 0 bit 5 of again\n, events behind it: 0",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked: %q", asked)
	}
}

func TestTimeThatAPersonTakesIsNoSilence(t *testing.T) {
	for _, answered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			script := "on plain\ntamper client text: flip byte 0 bit 5\ndo hello\nexpect answer Hello"
			if !answered {
				script = "on plain\ntamper client text: drop\ndo hello\nexpect silence"
			}
			scene, err := lesson.Parse("test", script)
			if err != nil {
				t.Fatal(err)
			}
			slow := runner()
			slow.Pace = func(context.Context, lesson.Moment) error {
				time.Sleep(10*lesson.DefaultPatience + time.Millisecond)
				return nil
			}
			begun := time.Now()
			result, err := slow.Run(t.Context(), scene, lesson.Clear)
			if err != nil {
				t.Fatal(err)
			}
			if err := result.Err(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); !answered && took < 31*lesson.DefaultPatience {
				t.Errorf("the silence is over after %v", took)
			}
		})
	}
}

func TestASceneEndsWhereWhoLooksOnLeaves(t *testing.T) {
	scene, err := lesson.Parse("test", paced)
	if err != nil {
		t.Fatal(err)
	}
	left := errors.New("seen enough")
	for at := range 3 {
		leaving := runner()
		leaving.Pace = func(_ context.Context, m lesson.Moment) error {
			if m.At == at+1 {
				return left
			}
			return nil
		}
		if _, err := leaving.Run(t.Context(), scene, lesson.Clear); !errors.Is(err, left) {
			t.Errorf("at step %d: %v", at+1, err)
		}
	}
}
