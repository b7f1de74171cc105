package main

import (
	"context"
	"crypto/rsa"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/kvs/stage/sealed/testdata"
)

// speaker is a program that speaks a language. The key pairs of its home-made channel are those of the tests of package
// sealed: to generate some takes seconds.
func speaker(lang string) *program { return &program{sentence: docs.For(lang), keys: sealedKeys()} }

var sealedKeys = sync.OnceValue(func() *stage.SealedKeys {
	read := func(text []byte) *rsa.PrivateKey {
		key, err := sealed.ParsePrivateKey(text)
		if err != nil {
			panic(err)
		}
		return key
	}
	return &stage.SealedKeys{Client: read(testdata.Client), Server: read(testdata.Server), Attacker: read(testdata.Stranger)}
})

// everyScene calls f for each scene and each of its channels, on a clock that
// nobody has to wait for.
func everyScene(t *testing.T, f func(t *testing.T, scene *lesson.Scene, channel string)) {
	for _, name := range docs.Scenes() {
		script, ok := docs.Scene(name)
		if !ok {
			t.Errorf("there is no file of the scene %s", name)
			continue
		}
		scene, err := lesson.Parse(name, script)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, channel := range scene.Channels {
			t.Run(name+"/"+channel, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { f(t, scene, channel) })
			})
		}
	}
}

func playScene(t *testing.T, scene *lesson.Scene, channel string, honest bool) *lesson.Result {
	t.Helper()
	p := speaker(docs.English)
	result, err := lesson.Runner{Open: p.sceneStage, Honest: honest}.Run(t.Context(), scene, channel)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestEverySceneEndsAsItsScriptExpects(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		result := playScene(t, scene, channel, false)
		if err := result.Err(); err != nil {
			t.Error(err)
		}
		if len(result.Checks) < 2 {
			t.Errorf("only %d expectations on this channel", len(result.Checks))
		}
	})
}

// Which scenes tamper with the wire on a channel is seen from playing them.
func TestNoAlteringSceneIsMetOnAWireThatForwardsEverything(t *testing.T) {
	altering := 0
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		result := playScene(t, scene, channel, true)
		if len(result.Applied) > 0 {
			t.Errorf("an honest wire did %v", result.Applied)
		}
		if result.Tampers == 0 {
			return
		}
		altering++
		if result.Err() == nil {
			t.Error("every expectation is met although nothing was tampered with")
		}
	})
	if altering < 30 {
		t.Errorf("only %d scenes on their channels tamper with the wire", altering)
	}
}

func TestEachLineThatTampersMeetsItsRecord(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		result := playScene(t, scene, channel, false)
		met := make(map[int]bool)
		for _, applied := range result.Applied {
			if applied.How != inspect.Acted {
				t.Errorf("%v", applied)
			}
			met[applied.Rule] = true
		}
		if len(met) != result.Tampers {
			t.Errorf("%d of %d lines met their record", len(met), result.Tampers)
		}
	})
}

// Where an endpoint is not as it should be, that is what decides.
func TestNoSceneOfFaultyEndpointsIsMetByGoodOnes(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		if len(scene.With) == 0 {
			return
		}
		p := speaker(docs.English)
		good := func(channel string, _ []string) (inspect.Stage, error) { return p.sceneStage(channel, nil) }
		result, err := lesson.Runner{Open: good}.Run(t.Context(), scene, channel)
		if err != nil {
			t.Fatal(err)
		}
		if result.Err() == nil {
			t.Error("every expectation is met although both endpoints are good")
		}
	})
}

func TestEveryStepOfASceneIsSaidInBothLanguages(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		p := speaker(docs.English)
		var mu sync.Mutex
		ids := make(map[string]bool)
		pace := func(_ context.Context, m lesson.Moment) error {
			mu.Lock()
			defer mu.Unlock()
			ids["scene_step_"+m.Verb] = true
			if action, _, _ := strings.Cut(m.Does, " "); m.Verb == "tamper" {
				ids["scene_why_"+action] = true
			}
			return nil
		}
		if _, err := (lesson.Runner{Open: p.sceneStage, Pace: pace}).Run(t.Context(), scene, channel); err != nil {
			t.Fatal(err)
		}
		for id := range ids {
			for _, lang := range []string{docs.English, docs.Portuguese} {
				if !docs.For(lang).Has(id) {
					t.Errorf("no sentence %s in %s", id, lang)
				}
			}
		}
	})
}

// Whoever looks on changes nothing.
func TestASceneThatSomebodyLooksOnAtEndsAsItsScriptExpects(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		p := speaker(docs.English)
		pace := func(context.Context, lesson.Moment) error {
			time.Sleep(time.Hour)
			return nil
		}
		result, err := lesson.Runner{Open: p.sceneStage, Pace: pace}.Run(t.Context(), scene, channel)
		if err != nil {
			t.Fatal(err)
		}
		if err := result.Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestASceneIsTheSameEachTime(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		table := &sceneRun{program: speaker(docs.English)}
		var rows []string
		for range 3 {
			var row strings.Builder
			table.row(&row, playScene(t, scene, channel, false))
			rows = append(rows, row.String())
		}
		if len(slices.Compact(slices.Clone(rows))) != 1 {
			t.Errorf("different rows: %q", rows)
		}
	})
}

func TestEveryRowOfTheTableFitsEightyColumnsAndIsSaidInBothLanguages(t *testing.T) {
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		result := playScene(t, scene, channel, false)
		for _, lang := range []string{docs.English, docs.Portuguese} {
			table := &sceneRun{program: speaker(lang)}
			var row strings.Builder
			table.row(&row, result)
			for line := range strings.Lines(row.String()) {
				if n := len([]rune(line)); n > 81 || strings.Contains(line, "scene_") {
					t.Errorf("%d columns: %q", n-1, line)
				}
			}
			for _, id := range []string{"_title", "_lesson"} {
				if !docs.For(lang).Has("scene_" + underscored(scene.Name) + id) {
					t.Errorf("no sentence %s in %s", id, lang)
				}
			}
		}
	})
}

func TestTheAlertOfARefusedClientIsNamedFromItsRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script, _ := docs.Scene("no-client-cert")
		scene, err := lesson.Parse("no-client-cert", script)
		if err != nil {
			t.Fatal(err)
		}
		end := playScene(t, scene, lesson.MTLS, false).Endpoint[inspect.Server]
		if len(end.Alerts) != 1 || end.Alerts[0].Name != "certificate_required" || !end.Alerts[0].Understood {
			t.Errorf("alerts: %v", end.Alerts)
		}
	})
}
