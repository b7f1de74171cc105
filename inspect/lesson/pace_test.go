package lesson_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// A late is an echo that has to prepare itself, for longer than anyone is patient.
type late struct{}

type preparing struct {
	inspect.Play
	prepared chan struct{}
}

func (late) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	play, err := echo{}.Open(ctx, tap)
	p := &preparing{play, make(chan struct{})}
	time.AfterFunc(10*lesson.DefaultPatience, func() { close(p.prepared) })
	return p, err
}

func (p *preparing) Prepared() <-chan struct{} { return p.prepared }

func (p *preparing) Do(ctx context.Context, command string) (string, error) {
	select {
	case <-p.prepared:
		return p.Play.Do(ctx, command)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func TestTimeThatAStagePreparesItselfIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scene, err := lesson.Parse("test", "on plain\ndo hello\nexpect answer hello")
		if err != nil {
			t.Fatal(err)
		}
		result, err := lesson.Runner{Open: func(string, []string) (inspect.Stage, error) { return late{}, nil }}.Run(t.Context(), scene, lesson.Clear)
		if err != nil {
			t.Fatal(err)
		}
		if err := result.Err(); err != nil {
			t.Error(err)
		}
	})
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

// A slow is a pair whose client takes its time before each letter, as on a machine that has much to do.
type slow struct{ *pair }

func (p slow) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	_, err := p.pair.Open(ctx, tap)
	return p, err
}

func (p slow) Do(ctx context.Context, command string) (string, error) {
	for _, letter := range command {
		time.Sleep(lesson.DefaultPatience * 9 / 10)
		if _, err := p.client.Write([]byte(string(letter))); err != nil {
			return "", err
		}
	}
	return p.pair.Do(ctx, "")
}

func TestWhatStillHappensIsNoSilence(t *testing.T) {
	open := func() (inspect.Stage, error) { return slow{new(pair)}, nil }
	synctest.Test(t, func(t *testing.T) {
		scene, err := lesson.Parse("test", "on plain\ndo hello\nexpect answer hello")
		if err != nil {
			t.Fatal(err)
		}
		runner := lesson.Runner{Open: func(string, []string) (inspect.Stage, error) { return open() }}
		result, err := runner.Run(t.Context(), scene, lesson.Clear)
		if err := errors.Join(err, result.Err()); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		parsed, err := lesson.ParseLesson("test", "# Slow\nminutes: 5\n\n## Page\n\n```script\nopen pair\nhold client text\nbegin hello\nrelease\nexpect answer hello\n```\n")
		if err != nil {
			t.Fatal(err)
		}
		course := lesson.Course{Open: func(string, string, []string) (inspect.Stage, error) { return open() }}
		report, err := course.Check(t.Context(), parsed, false)
		if err := errors.Join(err, report.Err()); err != nil {
			t.Error(err)
		}
	})
}

// A pair is a stage without TLS, both of whose ends are at hand: what is done is said by the client, and the answer
// is what the server reads next.
type pair struct {
	client, server *inspect.Endpoint
	heard          *bufio.Reader
}

func (p *pair) Open(_ context.Context, tap *inspect.Tap) (inspect.Play, error) {
	p.client, p.server = tap.PipeOf(inspect.Lines)
	p.heard = bufio.NewReader(p.server)
	return p, nil
}

func (p *pair) Do(_ context.Context, command string) (string, error) {
	if _, err := p.client.Write([]byte(command + "\n")); err != nil {
		return "", err
	}
	line, err := p.heard.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (p *pair) Close() error { return errors.Join(p.client.Close(), p.server.Close()) }

func TestARecordThatWaitsForWhoLooksOnHoldsUpWhatComesBehindItAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scene, err := lesson.Parse("test", "on plain\ntamper client text: flip byte 0 bit 5\ndo hello\nexpect answer Hello\ndo again\nexpect answer behind\nexpect attacker changes the data")
		if err != nil {
			t.Fatal(err)
		}
		stage := new(pair)
		slow := lesson.Runner{Open: func(string, []string) (inspect.Stage, error) { return stage, nil }}
		looked := 0
		slow.Pace = func(_ context.Context, m lesson.Moment) error {
			if looked++; m.Unit < 0 {
				return nil
			}
			if stage.client.SetDeadline(time.Now().Add(time.Minute)); looked == 3 { // the first record: two steps came before
				if _, err := stage.client.Write([]byte("behind\n")); err != nil {
					t.Errorf("the client could not go on speaking: %v", err)
				}
				stage.server.Write([]byte("news\n"))
				b := make([]byte, 100)
				if n, err := stage.client.Read(b); string(b[:n]) != "news\n" {
					t.Errorf("the client read %q, %v", b[:n], err)
				}
			}
			stage.client.SetDeadline(time.Time{})
			return nil
		}
		result, err := slow.Run(t.Context(), scene, lesson.Clear)
		if err != nil {
			t.Fatal(err)
		}
		if err := result.Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestASceneEndsWhereWhoLooksOnLeavesARecordBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scene, err := lesson.Parse("test", "on plain\ntamper client text: flip byte 0 bit 5\ndo hello")
		if err != nil {
			t.Fatal(err)
		}
		left := errors.New("seen enough")
		leaving := lesson.Runner{Open: func(string, []string) (inspect.Stage, error) { return new(pair), nil }}
		var recording *inspect.Recording
		leaving.Watch = func(r *inspect.Recording) { recording = r }
		leaving.Pace = func(_ context.Context, m lesson.Moment) error {
			if m.Unit >= 0 {
				return left
			}
			return nil
		}
		if _, err := leaving.Run(t.Context(), scene, lesson.Clear); !errors.Is(err, left) {
			t.Errorf("the scene ends with %v", err)
		}
		for e := range recording.Events(0) {
			if e.Kind == inspect.Altered {
				t.Error("it was tampered with after all")
			}
		}
	})
}
