package stage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

func TestEachTextOfUpperCrossesAConnectionOfItsOwnInClear(t *testing.T) {
	tap := inspect.NewTap()
	play, err := new(stage.Upper).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range stage.UpperHints {
		if got, want := do(t, play, text), []string{"OLÁ, SERVIDOR!", "TESTANDO 123", "STRASSE"}[i]; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if got := do(t, play, ""); got != "" {
		t.Errorf("an empty text: %q", got)
	}
	play.Close()
	if _, err := play.Do(t.Context(), "late"); !errors.Is(err, stage.ErrEnded) {
		t.Errorf("after it was closed: %v", err)
	}

	session := inspect.NewSession(tap.Recording())
	session.End()
	var units []string
	for _, c := range session.Connections() {
		for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, r := range c.View(from).Records(from) {
				units = append(units, fmt.Sprintf("%d %s %q", c.Conn, r.Name(), r.Raw()))
			}
		}
	}
	first := session.Connections()[0].Conn
	want := []string{
		`0 request "Olá, servidor!\n"`, `0 answer "OLÁ, SERVIDOR!"`, `1 request "Testando 123\n"`, `1 answer "TESTANDO 123"`,
		`2 request "straße\n"`, `2 answer "STRASSE"`, `3 request "\n"`,
	}
	for i := range want {
		want[i] = fmt.Sprint(int(want[i][0]-'0')+first, want[i][1:])
	}
	if !slices.Equal(units, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(units, "\n"), strings.Join(want, "\n"))
	}
	for _, item := range session.Items() {
		if item.Kind == inspect.ErrorItem {
			t.Errorf("%s: %s", item.Side, item.Text)
		}
	}
}

func TestATextThatIsChangedOnTheWireIsAnsweredAsItArrives(t *testing.T) {
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	play, err := new(stage.Upper).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		answer, err := play.Do(t.Context(), "pague 10 a ana")
		answered <- fmt.Sprint(answer, err)
	}()
	if err := stepper.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	held := stepper.Pending()
	if len(held) != 1 || string(held[0].Bytes) != "pague 10 a ana\n" {
		t.Fatalf("held: %v", held)
	}
	err = stepper.Resolve(held[0].ID, inspect.Alter(func([]byte) []byte { return []byte("pague 99 a eva\n") }))
	if err != nil {
		t.Fatal(err)
	}
	stepper.Run()
	if got := <-answered; got != "PAGUE 99 A EVA<nil>" {
		t.Errorf("got %s", got) // nobody notices
	}
	play.Close()
}

func TestAHeldTextWaitsAsLongAsItIsHeldAndEndsWhenThePlayIsClosed(t *testing.T) {
	for name, end := range map[string]func(context.CancelFunc, inspect.Play){
		"by whoever asked": func(cancel context.CancelFunc, _ inspect.Play) { cancel() },
		"by closing":       func(_ context.CancelFunc, play inspect.Play) { play.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			stepper := new(inspect.Stepper)
			play, err := new(stage.Upper).Open(t.Context(), &inspect.Tap{Gate: stepper})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := play.Do(ctx, "held")
				ended <- err
			}()
			if err := stepper.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			end(cancel, play)
			if err := <-ended; err == nil {
				t.Error("it was answered")
			}
			play.Close()
		})
	}
}
