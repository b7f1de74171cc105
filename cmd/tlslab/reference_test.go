package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/tui"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the parts of the manual that are made from the code anew")

// A part of a page of the manual is made from the code: it stands between two comments, of which the first names it.
var part = regexp.MustCompile(`(?s)(<!-- make reference: ([a-z]+) -->\n).*?(<!-- until here -->\n)`)

var parts = map[string]func(lang string) string{"commands": commandsPart, "keys": keysPart, "json": jsonPart, "statistics": statisticsPart}

// columns are the heads of the tables.
var columns = map[string]map[string]string{
	docs.English:    {"option": "option", "key": "key", "does": "does", "value": "value", "missing": "may be missing"},
	docs.Portuguese: {"option": "opção", "key": "tecla", "does": "faz", "value": "valor", "missing": "pode faltar"},
}

func TestTheReferenceSaysWhatTheCodeSays(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		pages, err := filepath.Glob("../../docs/manual/" + lang + "/*.md")
		if err != nil || len(pages) == 0 {
			t.Fatal(pages, err)
		}
		made := make(map[string]bool)
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			want := part.ReplaceAllStringFunc(string(text), func(old string) string {
				found := part.FindStringSubmatch(old)
				made[found[2]] = true
				if parts[found[2]] == nil {
					t.Fatalf("%s: nothing makes %q", page, found[2])
				}
				return found[1] + "\n" + parts[found[2]](lang) + "\n" + found[3]
			})
			if want == string(text) {
				continue
			}
			if *update {
				if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			t.Errorf("%s is not what the code says; make reference writes it anew (-page +code):\n%s", page, cmp.Diff(string(text), want))
		}
		for name := range parts {
			if !made[name] {
				t.Errorf("no page of %s holds %s", lang, name)
			}
		}
	}
}

// walkCommands visits every command that the help tells of, from the top.
func walkCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			walkCommands(sub, visit)
		}
	}
}

func commandsPart(lang string) string {
	p := speaker(lang)
	var page strings.Builder
	walkCommands(p.root(), func(cmd *cobra.Command) {
		fmt.Fprintf(&page, "%s `%s`\n\n", strings.Repeat("#", 1+min(max(strings.Count(cmd.CommandPath(), " "), 1), 3)), cmd.CommandPath())
		about := strings.TrimSpace(cmd.Long)
		if about == "" {
			about = cmd.Short + "."
		}
		page.WriteString(prose(about) + "\n\n    " + cmd.UseLine() + "\n")
		if example := strings.Trim(cmd.Example, "\n"); example != "" {
			page.WriteString("\n" + p.say("cmd_examples") + ":\n\n" + fenced(example))
		}
		page.WriteString(flagTable(cmd, lang) + "\n")
	})
	return strings.TrimSuffix(page.String(), "\n")
}

// prose writes what the help says as Markdown: paragraphs, and as it stands what is indented.
func prose(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	var paragraphs []string
	for _, paragraph := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(paragraph, " ") || regexp.MustCompile(`(?m)\S {2,}\S`).MatchString(paragraph) {
			paragraph = strings.TrimSuffix(fenced(paragraph), "\n")
		} else {
			paragraph = plainly(paragraph)
		}
		paragraphs = append(paragraphs, paragraph)
	}
	return strings.Join(paragraphs, "\n\n")
}

func fenced(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return "```\n" + strings.Join(lines, "\n") + "\n```\n"
}

// plainly writes text that Markdown takes as it is.
func plainly(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "").Replace(text)
}

func flagTable(cmd *cobra.Command, lang string) string {
	var rows strings.Builder
	tell := func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || cmd.HasParent() && f.Name == "lang" {
			return
		}
		word, does := pflag.UnquoteUsage(f)
		show := "--" + f.Name
		switch {
		case f.NoOptDefVal != "" && f.Value.Type() != "bool":
			show += "[=" + word + "]"
		case word != "":
			show += " " + word
		}
		fmt.Fprintf(&rows, "| `%s` | %s |\n", strings.ReplaceAll(show, "|", `\|`), plainly(does))
	}
	cmd.LocalFlags().VisitAll(tell)
	if rows.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("\n| %s | %s |\n|---|---|\n%s", columns[lang]["option"], columns[lang]["does"], rows.String())
}

func keysPart(lang string) string {
	var page strings.Builder
	for _, group := range tui.Reference(lang) {
		fmt.Fprintf(&page, "## %s\n\n| %s | %s |\n|---|---|\n", group.Title, columns[lang]["key"], columns[lang]["does"])
		for _, key := range group.Keys {
			names := slices.Clone(key.Names)
			for i, name := range names {
				names[i] = "`" + strings.ReplaceAll(name, "|", `\|`) + "`"
			}
			fmt.Fprintf(&page, "| %s | %s |\n", strings.Join(names, " "), plainly(key.Does))
		}
		page.WriteString("\n")
	}
	return strings.TrimSuffix(page.String(), "\n")
}

// jsonShapes are the JSON lines of this program, as the manual tells of them.
func jsonShapes() []report.Shape {
	return append(report.Shapes(), report.ShapesOf([]report.Named{
		{Name: "refused", Value: jsonRefused{}},
		{Name: "request", Value: jsonRequest{}},
		{Name: "tls_session", Value: jsonTLS{}},
		{Name: "scene", Value: jsonScene{}},
		{Name: "comparison", Value: jsonMeasure{}},
		{Name: "lesson", Value: jsonLesson{}},
		{Name: "lesson_check", Value: jsonLessonCheck{}},
	})...)
}

func jsonPart(lang string) string {
	var page strings.Builder
	for _, shape := range jsonShapes() {
		fmt.Fprintf(&page, "%s:\n\n| %s | %s | %s |\n|---|---|---|\n", "**`"+shape.Name+"`**",
			map[string]string{docs.English: "key", docs.Portuguese: "chave"}[lang], columns[lang]["value"], columns[lang]["missing"])
		for _, key := range shape.Keys {
			missing := ""
			if key.Optional {
				missing = "✓"
			}
			fmt.Fprintf(&page, "| `%s` | `%s` | %s |\n", key.Name, key.Value, missing)
		}
		page.WriteString("\n")
	}
	return strings.TrimSuffix(page.String(), "\n")
}

// Each kind of line has a section of its own, under its name; the objects within are told of where they first occur.
func TestTheManualExplainsEveryKeyOfTheJSONLines(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		text, err := os.ReadFile("../../docs/manual/" + lang + "/json-lines.md")
		if err != nil {
			t.Fatal(err)
		}
		told := part.ReplaceAllString(string(text), "")
		for _, shape := range jsonShapes() {
			section := told
			if _, own, found := strings.Cut(told, "\n## `"+shape.Name+"`"); found {
				section, _, _ = strings.Cut(own, "\n## ")
			}
			for _, key := range shape.Keys {
				if !strings.Contains(section, "`"+key.Name+"`") {
					t.Errorf("%s: what %s means in %s is told nowhere", lang, key.Name, shape.Name)
				}
			}
		}
	}
}

func TestTheManualTellsOfEveryCommandOfPlainMode(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/plain.md")
		if err != nil {
			t.Fatal(err)
		}
		commands := regexp.MustCompile(`:[a-z]+`).FindAllString(docs.For(lang).Say("cmd_plain_help"), -1)
		if len(commands) < 5 {
			t.Errorf("%s: the help tells only of %q", lang, commands)
		}
		for _, command := range commands {
			if !strings.Contains(string(page), "`"+command) {
				t.Errorf("%s: plain.md does not tell of %s", lang, command)
			}
		}
	}
}

func TestEveryCommandAndOptionIsToldInBothLanguages(t *testing.T) {
	told := func(lang string) map[string]string {
		texts := make(map[string]string)
		walkCommands(speaker(lang).root(), func(cmd *cobra.Command) {
			texts[cmd.CommandPath()] = cmd.Short
			if cmd.Long != "" {
				texts[cmd.CommandPath()+" (long)"] = cmd.Long
			}
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { texts[cmd.CommandPath()+" --"+f.Name] = f.Usage })
		})
		return texts
	}
	en, pt := told(docs.English), told(docs.Portuguese)
	if len(en) < 60 || len(en) != len(pt) {
		t.Errorf("%d commands and options in English, %d in Portuguese", len(en), len(pt))
	}
	for what, text := range en {
		other, ok := pt[what]
		if !ok || other == text || text == "" || strings.Contains(text+other, "«") {
			t.Errorf("%s: %q in English, %q in Portuguese", what, text, other)
		}
	}
}
