package inspect_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

// everything returns sessions that together have every kind of value and of proof.
func everything(t *testing.T) []*inspect.Session {
	client, server := echConfigs(t, echkey.New(t, 7, 0x0020, 0x0001, 0x0001))
	resumption := new(inspect.Recording)
	inspect.PlayTrace(t, resumption, "1-rtt")
	inspect.PlayTrace(t, resumption, "0-rtt")
	tap := &inspect.Tap{Now: still}
	toyTalk(t, tap, atOnce)
	all := []*inspect.Session{inspect.NewSession(tap.Recording()), inspect.NewSession(echTalk(t, client, server)), inspect.NewSession(resumption)}
	for _, name := range slices.Sorted(maps.Keys(inspect.KeptSessions(t))) {
		all = append(all, inspect.NewSession(inspect.KeptSessions(t)[name]))
	}
	return all
}

func TestEveryKindOfValueAndOfProofIsExplainedInBothLanguagesAndNoOther(t *testing.T) {
	kinds := map[string]bool{"protection.record": true} // the whole, as the screen shows it
	for _, session := range everything(t) {
		for _, c := range session.Connections() {
			view := c.View(inspect.Client)
			names := make(map[string]bool)
			for _, value := range view.Schedule() {
				kinds[value.Kind] = true
				if names[value.Name] {
					t.Errorf("two values are called %s", value.Name)
				}
				names[value.Name] = true
				if (value.Bytes == nil) != (value.Missing != "") || value.Missing != value.Because.String() {
					t.Errorf("%s: %d bytes, missing %q, because %q", value.Name, len(value.Bytes), value.Missing, value.Because)
				}
				if told := value.Kind == "schedule.protocol_secret"; !told && (value.Formula == "" || value.RFC == "") {
					t.Errorf("%s has the formula %q, by %q", value.Name, value.Formula, value.RFC)
				}
			}
			for _, c := range view.Verifications() {
				kinds["proof."+c.Kind] = true
			}
		}
		for r := range session.Records() {
			for _, value := range r.Protection() {
				kinds[value.Kind] = true
			}
		}
	}
	ids := make(map[string]bool)
	for kind := range kinds {
		ids[strings.ToLower(strings.ReplaceAll(kind, ".", "_"))] = true
		for _, lang := range []string{docs.English, docs.Portuguese} {
			text := docs.For(lang).Explain(kind)
			if n := len(regexp.MustCompile(`[.!?](\s|$)`).FindAllString(text, -1)); n < 1 || n > 4 {
				t.Errorf("%s in %s: %d sentences: %q", kind, lang, n, text)
			}
		}
	}
	for _, name := range []string{"schedule", "protection", "proof"} {
		text, err := os.ReadFile("../docs/sentences/" + name + ".en.toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range regexp.MustCompile(`(?m)^(\w+) =`).FindAllStringSubmatch(string(text), -1) {
			if !ids[id[1]] {
				t.Errorf("%s explains a kind that no session has", id[1])
			}
		}
	}
}
