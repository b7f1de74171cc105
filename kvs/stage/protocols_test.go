package stage_test

import (
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

func TestEveryUnitOfTheStagesOwnConversationsHasANameInBothLanguages(t *testing.T) {
	names := make(map[string]bool)
	for _, name := range stage.Names() {
		entry, err := stage.New(name, stage.Options{Keys: sealedKeys(t)})
		if err != nil {
			t.Fatal(err)
		}
		tap := inspect.NewTap()
		play, err := entry.Open(t.Context(), tap)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range entry.Conversation {
			play.Do(t.Context(), command)
		}
		play.Close()
		for r := range inspect.NewSession(tap.Recording()).Records() {
			if !r.TLS() {
				names[r.Name()] = true
			}
		}
	}
	for name := range names {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if !docs.For(lang).Has("unit_name_" + name) {
				t.Errorf("%s: nothing is said in %s", name, lang)
			}
		}
	}
	if !names["public_key"] || !names["definition"] || !names["request"] {
		t.Errorf("only %v crossed", names)
	}
}
