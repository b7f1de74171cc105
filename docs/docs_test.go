package docs

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"
	"text/template/parse"

	"github.com/BurntSushi/toml"
)

func TestEveryFileIsRead(t *testing.T) {
	for _, lang := range []string{English, Portuguese} {
		for _, err := range For(lang).broken {
			t.Error(err)
		}
	}
}

func TestEveryFileStandsInBothLanguages(t *testing.T) {
	en, pt := sentences(t, English), sentences(t, Portuguese)
	for name := range en {
		if pt[name] == nil {
			t.Errorf("sentences/%s.en.toml has no pt-BR file beside it", name)
		}
	}
	for name := range pt {
		if en[name] == nil {
			t.Errorf("sentences/%s.pt-BR.toml has no en file beside it", name)
		}
	}
	names, err := fs.Glob(files, "sentences/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !regexp.MustCompile(`^sentences/[a-z0-9_]+\.(en|pt-BR)\.toml$`).MatchString(name) {
			t.Errorf("%s: want a name like sentences/NAME.en.toml or sentences/NAME.pt-BR.toml", name)
		}
	}
}

func TestEverySentenceStandsInBothLanguagesWithTheSameValues(t *testing.T) {
	en, pt := sentences(t, English), sentences(t, Portuguese)
	for name := range en {
		for id := range en[name] {
			if _, ok := pt[name][id]; !ok {
				t.Errorf("%s is in sentences/%s.en.toml and not in the pt-BR file", id, name)
				continue
			}
			if got, want := values(t, id, pt[name][id]), values(t, id, en[name][id]); !slices.Equal(got, want) {
				t.Errorf("%s uses the values %q in pt-BR and %q in en", id, got, want)
			}
		}
		for id := range pt[name] {
			if _, ok := en[name][id]; !ok {
				t.Errorf("%s is in sentences/%s.pt-BR.toml and not in the en file", id, name)
			}
		}
	}
}

func TestEveryIDIsPrefixedWithItsFilesName(t *testing.T) {
	home := make(map[string]string)
	for _, lang := range []string{English, Portuguese} {
		for name, byID := range sentences(t, lang) {
			for id := range byID {
				if !regexp.MustCompile(`^` + name + `_[a-z0-9_]+$`).MatchString(id) {
					t.Errorf("sentences/%s.%s.toml: id %q, want %s_ and words in snake_case", name, lang, id, name)
				}
				if other := home[id]; other != "" && other != name {
					t.Errorf("%s stands in both sentences/%s and sentences/%s", id, other, name)
				}
				home[id] = name
			}
		}
	}
}

func TestEverySentenceIsUnderstoodByTheLibraryAsItStands(t *testing.T) {
	for _, lang := range []string{English, Portuguese} {
		s := For(lang)
		for _, byID := range sentences(t, lang) {
			for id, forms := range byID {
				pairs := []any{}
				for _, value := range values(t, id, forms) {
					pairs = append(pairs, value, 7)
				}
				text := s.Say(id, pairs...)
				if !s.Has(id) || strings.Contains(text, "«"+id+"»") || strings.Contains(text, "<no value>") || strings.TrimSpace(text) == "" {
					t.Errorf("%s in %s: says %q", id, lang, text)
				}
			}
		}
	}
}

func TestAnUnknownIDShows(t *testing.T) {
	for _, s := range []*Sentences{For("en"), For("pt-BR"), {}, nil} {
		if got := s.Say("docs_nowhere", "key", "k"); got != "«docs_nowhere»" {
			t.Errorf("%s: said %q", s.Lang(), got)
		}
		if s.Has("docs_nowhere") {
			t.Errorf("%s: has docs_nowhere", s.Lang())
		}
	}
}

func TestTheZeroValueSpeaksEnglish(t *testing.T) {
	for _, s := range []*Sentences{{}, nil} {
		if got := s.Say("docs_language"); got != "English" || s.Lang() != "en" || !s.Has("docs_language") {
			t.Errorf("says %q, lang %q", got, s.Lang())
		}
	}
}

// A language made of the given TOML, beside which the real files stand for what it lacks.
func speaking(t *testing.T, lang, text string) *Sentences {
	t.Helper()
	s := empty(lang)
	if err := s.read("test."+lang+".toml", []byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSayFillsInValuesAsTheyAre(t *testing.T) {
	s := speaking(t, English, `test_key = "The key {{.key}} exists."`)
	for _, key := range []string{"nome", "{{.key}}", "<b>&\"", "\x1b]52;c;AAAA\a", "a\xff\x00b", ""} {
		if got, want := s.Say("test_key", "key", key), "The key "+key+" exists."; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSayChoosesThePluralFormByCount(t *testing.T) {
	en := speaking(t, English, "[test_pairs]\none = \"{{.count}} pair\"\nother = \"{{.count}} pairs\"\n")
	pt := speaking(t, Portuguese, "[test_pairs]\none = \"{{.count}} par\"\nother = \"{{.count}} pares\"\n")
	for _, c := range []struct {
		s     *Sentences
		count any
		want  string
	}{
		{en, 0, "0 pairs"},
		{en, 1, "1 pair"},
		{en, uint8(1), "1 pair"},
		{en, int64(2), "2 pairs"},
		{en, -1, "-1 pair"},
		{en, uint64(1 << 63), "9223372036854775808 pairs"},
		{en, "many", "many pairs"},
		{en, nil, "<no value> pairs"},
		{pt, 0, "0 par"},
		{pt, 1, "1 par"},
		{pt, 2, "2 pares"},
		{pt, 1000000, "1000000 pares"},
	} {
		if got := c.s.Say("test_pairs", "count", c.count); got != c.want {
			t.Errorf("%s, count %v: got %q, want %q", c.s.Lang(), c.count, got, c.want)
		}
	}
	plain := speaking(t, English, `test_plain = "count is {{.count}}"`)
	if got := plain.Say("test_plain", "count", 1); got != "count is 1" {
		t.Errorf("a sentence without plural forms: got %q", got)
	}
}

type panics struct{}

func (panics) String() string { panic("no") }

func TestSayNeverFails(t *testing.T) {
	s := speaking(t, English, "test_key = \"key {{.key}}\"\ntest_bad = \"{{.key.Nothing}}\"\ntest_worse = \"{{\"\n")
	for _, c := range []struct {
		id    string
		pairs []any
		want  string
	}{
		{"test_key", nil, "key <no value>"},
		{"test_key", []any{"key"}, "key <no value>"},
		{"test_key", []any{"key", nil}, "key <no value>"},
		{"test_key", []any{7, "x", "key", "k", "more"}, "key k"},
		{"test_bad", []any{"key", "k"}, "«test_bad»"},
		{"test_worse", nil, "«test_worse»"},
		{"test_key", []any{"key", func() {}}, "«test_key»"},
		{"", nil, "«»"},
	} {
		if got := s.Say(c.id, c.pairs...); got != c.want {
			t.Errorf("Say(%q, %v): got %q, want %q", c.id, c.pairs, got, c.want)
		}
	}
	if got := s.Say("test_key", "key", panics{}); !strings.HasPrefix(got, "key ") {
		t.Errorf("a value whose String panics: got %q", got)
	}
}

func TestASentenceMissingInPortugueseIsSaidInEnglish(t *testing.T) {
	pt := empty(Portuguese)
	if got := pt.Say("docs_language"); got != "English" {
		t.Errorf("got %q", got)
	}
}

func TestMatchTakesTheFlagThenTheEnvironment(t *testing.T) {
	for _, c := range []struct{ flag, all, messages, lang, want string }{
		{"", "", "", "", "en"},
		{"pt", "en_US.UTF-8", "", "", "pt-BR"},
		{"en", "pt_BR.UTF-8", "pt_BR.UTF-8", "pt_BR.UTF-8", "en"},
		{"PT-br", "", "", "", "pt-BR"},
		{"pt-PT", "", "", "", "pt-BR"},
		{"pt_BR.UTF-8", "", "", "", "pt-BR"},
		{"pt_BR@euro", "", "", "", "pt-BR"},
		{"fr", "pt_BR.UTF-8", "", "", "en"},
		{"not a language at all", "pt_BR", "", "", "en"},
		{"\x1b[2J", "", "", "", "en"},
		{"", "C", "pt_BR.UTF-8", "pt_BR.UTF-8", "en"},
		{"", "C.UTF-8", "", "", "en"},
		{"", "", "POSIX", "pt_BR", "en"},
		{"", "", "pt_BR.ISO-8859-1", "en_US", "pt-BR"},
		{"", "", "", "pt_PT", "pt-BR"},
		{"", "", "", "de_DE.UTF-8", "en"},
	} {
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_MESSAGES", c.messages)
		t.Setenv("LANG", c.lang)
		if got := Match(c.flag); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestForDoesNotLookAtTheEnvironment(t *testing.T) {
	t.Setenv("LC_ALL", "pt_BR.UTF-8")
	if got := For("").Lang(); got != "en" {
		t.Errorf("got %q", got)
	}
}

func TestSentencesMayBeSaidAtOnce(t *testing.T) {
	s := speaking(t, English, `test_key = "key {{.key}}"`)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if got, want := s.Say("test_key", "key", i), fmt.Sprint("key ", i); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	all.Wait()
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(Portuguese)
	}
}

func BenchmarkSay(b *testing.B) {
	s := For(English)
	for b.Loop() {
		s.Say("docs_language")
	}
}

// sentences reads the files of a language anew, without the library: by NAME and id, the forms ("other" alone, or
// "one" and "other").
func sentences(t *testing.T, lang string) map[string]map[string]map[string]string {
	t.Helper()
	paths, err := fs.Glob(files, "sentences/*."+lang+".toml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files for %s (%v)", lang, err)
	}
	all := make(map[string]map[string]map[string]string)
	for _, file := range paths {
		text, err := files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]any
		if err := toml.Unmarshal(text, &raw); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		byID := make(map[string]map[string]string)
		for id, value := range raw {
			byID[id] = forms(t, file, id, value)
		}
		all[strings.TrimSuffix(path.Base(file), "."+lang+".toml")] = byID
	}
	return all
}

func forms(t *testing.T, file, id string, value any) map[string]string {
	t.Helper()
	switch value := value.(type) {
	case string:
		return map[string]string{"other": value}
	case map[string]any:
		byForm := make(map[string]string)
		for form, text := range value {
			byForm[form], _ = text.(string)
			if form != "one" && form != "other" {
				t.Errorf("%s: %s has a form %q; there are one and other", file, id, form)
			}
		}
		if byForm["other"] == "" {
			t.Errorf("%s: %s has no form other", file, id)
		}
		return byForm
	default:
		t.Errorf("%s: %s is a %T, want text or a table of one and other", file, id, value)
		return nil
	}
}

// values lists the names of all values that any form of a sentence uses, "count" among them if it has plural forms.
func values(t *testing.T, id string, forms map[string]string) []string {
	t.Helper()
	names := make(map[string]bool)
	if len(forms) > 1 {
		names["count"] = true
	}
	for _, text := range forms {
		parsed, err := template.New(id).Parse(text)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		for _, node := range parsed.Root.Nodes {
			switch node := node.(type) {
			case *parse.TextNode:
			case *parse.ActionNode:
				names[valueName(t, id, node)] = true
			default:
				t.Errorf("%s: %s: a sentence holds text and {{.name}} alone", id, node)
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func valueName(t *testing.T, id string, action *parse.ActionNode) string {
	t.Helper()
	if len(action.Pipe.Cmds) == 1 && len(action.Pipe.Cmds[0].Args) == 1 {
		if field, ok := action.Pipe.Cmds[0].Args[0].(*parse.FieldNode); ok && len(field.Ident) == 1 {
			return field.Ident[0]
		}
	}
	t.Errorf("%s: %s: a sentence holds text and {{.name}} alone", id, action)
	return ""
}
