package main

import (
	"fmt"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
)

func TestTheTextSaysWhichEarlierMessageBeginsWithTheSameBlocks(t *testing.T) {
	for channel, times := range map[string]int{lesson.Sealed: 1, lesson.SealedAuthenticated: 0} {
		stage, err := speaker(docs.English).sceneStage(channel, nil)
		if err != nil {
			t.Fatal(err)
		}
		tap := inspect.NewTap()
		play, err := stage.Open(t.Context(), tap)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"create a-key-that-is-long ana", "create a-key-that-is-longer eva"} {
			if _, err := play.Do(t.Context(), command); err != nil {
				t.Fatal(err)
			}
		}
		play.Close()
		session := inspect.NewSession(tap.Recording())
		first, told := 0, ""
		for i, item := range session.Items() {
			if item.Kind == inspect.RecordItem && item.Side == inspect.Client && item.Record.Name() == "message" && first == 0 {
				first = i + 1
			}
			told += report.Text{Say: docs.For(docs.English)}.Explain(session, i+1)
		}
		for _, want := range []string{fmt.Sprintf("begins with the same block as #%d", first), fmt.Sprintf("equal to block 1 of #%d", first)} {
			if strings.Count(told, want) != times {
				t.Errorf("%s: %q is told %d times", channel, want, strings.Count(told, want))
			}
		}
		if strings.Contains(told, "equal to block 2") {
			t.Errorf("%s: the second blocks differ", channel)
		}
	}
}
