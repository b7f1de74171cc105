package lesson

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

// The files whose errors are not about a lesson: the notebook's, and those that carry others of these.
var otherErrors = []string{"notebook.go", "run.go", "check.go", "course.go"}

// Whatever is said of a lesson is a sentence of package docs, in whose place no literal can stand.
func TestWhatIsSaidOfALessonStandsInPackageDocs(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "remark.go" {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if what := literalIn(n, slices.Contains(otherErrors, name)); what != "" {
					t.Errorf("%s: %s", set.Position(n.Pos()), what)
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "remark" {
					t.Errorf("%s: a remark is made by say", set.Position(n.Pos()))
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Got" {
					t.Errorf("%s: what a check got is a remark", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// literalIn says in which way a call says something that is no sentence of package docs.
func literalIn(call *ast.CallExpr, otherErrors bool) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		from, _ := f.X.(*ast.Ident)
		if from != nil && !otherErrors && (from.Name == "errors" && f.Sel.Name == "New" || from.Name == "fmt" && f.Sel.Name == "Errorf") {
			return "an error that is no sentence"
		}
	case *ast.Ident:
		at, ok := map[string]int{"say": 0, "fault": 2, "verbatim": 0, "judge": 1}[f.Name]
		if !ok || at >= len(call.Args) {
			return ""
		}
		literal, isLiteral := call.Args[at].(*ast.BasicLit)
		if !isLiteral {
			return "" // a parameter, or what the session has
		}
		id, _ := strconv.Unquote(literal.Value)
		if f.Name == "verbatim" && strings.Contains(id, " ") || f.Name != "verbatim" && !docs.For(docs.English).Has(id) {
			return "no sentence: " + id
		}
	}
	return ""
}

// provoked are lessons, or, where it begins with on, scenes, with the fault that they have.
var provoked = map[string]string{
	"# T\n" + strings.Repeat("x", maxLesson): "fault_lesson_long",
	"# T\n":                                  "fault_lesson_empty",
	"T\n":                                    "fault_title",
	"# T\nminutes: 0\n":                      "fault_minutes",
	page("# Another"):                        "fault_heading",
	page("```sql\n```"):                      "fault_fence",
	page("```ask x"):                         "fault_fence_open",
	page("```script\ndo a"):                  "fault_script_open",
	page("**so"):                             "fault_mark",
	page("{{answer"):                         "fault_braces",
	page(ask("= answer")) + ask("= answer"):  "fault_exercise_twice",
	page("```predict x\nWhat?\n= answer\n? Look.\n! So.\n```"): "fault_prediction",
	page("```ask x\n= answer\n? Look.\n! So.\n```"):            "fault_ask_question",
	page(ask("- a\n  when noticed is client\n- b")):            "fault_ask_choices",
	page(ask("? More.")): "fault_ask_answer",
	page(ask("- a\n  when answer is 1\n- b\n  when answer is 2\n= noticed")): "fault_ask_both",
	page("```ask x\nWhat?\n= answer\n! So.\n```"):                            "fault_ask_hints",
	page("```ask x\nWhat?\n= answer\n? Look.\n```"):                          "fault_ask_why",
	page(ask("- a\n= answer")):                                               "fault_ask_one",
	page(ask("= answer\nAnd this?")):                                         "fault_ask_order",
	page(ask("- a\n  when noticed is client\n  when noticed is server")):     "fault_ask_when",
	"on plain\n" + strings.Repeat("#", maxScript):                            "fault_script_long",
	"do a\n":                                           "fault_channels",
	"on wire":                                          "fault_channel",
	"on plain\nonly tls12":                             "fault_only",
	"on plain\nonly tls12: on tls13":                   "fault_only_whole",
	script(": drop"):                                   "fault_no_verb",
	script("fly away"):                                 "fault_verb",
	script("exit now"):                                 "fault_alone",
	script("tamper client text: repeat 5"):             "fault_alone",
	script(`do "\q"`):                                  "fault_quoted",
	script(`do "read`):                                 "fault_quote",
	script(`do`):                                       "fault_command",
	script(`send`):                                     "fault_send",
	script(`pause long`):                               "fault_pause",
	script(`guess one`):                                "fault_guess",
	"on plain\nnote":                                   "fault_note",
	script("open"):                                     "fault_open",
	script("open router with glass-box"):               "fault_glass_box",
	script("release it"):                               "fault_release",
	script("show me"):                                  "fault_show",
	script("explain client client_hello"):              "fault_explain",
	script("let it be"):                                "fault_let",
	script("let size = 1"):                             "fault_let_reserved",
	script("hold me"):                                  "fault_match_sender",
	script("hold"):                                     "fault_match_no_sender",
	script("hold client ham"):                          "fault_match_kind",
	script("hold client"):                              "fault_match_no_kind",
	script("hold client text 0"):                       "fault_match_rest",
	script("tamper client text"):                       "fault_tamper",
	script("tamper client text: eat in turn"):          "fault_in_turn",
	script("tamper client text: eat"):                  "fault_action",
	script("tamper client text: delay"):                "fault_delay",
	script("tamper client text: cut"):                  "fault_cut",
	script("tamper client text: inject zz"):            "fault_inject",
	script("tamper client text: flip"):                 "fault_flip",
	script("tamper client text: reseal"):               "fault_reseal",
	script("tamper client text: set field x"):          "fault_set",
	script("expect tls12: silence"):                    "fault_expect_channel",
	script("expect"):                                   "fault_assertion_missing",
	script("expect client sleeps"):                     "fault_assertion",
	script("expect attacker sees a pause of night"):    "fault_pause_seen",
	script("expect client alerts decode_error loudly"): "fault_understood",
	page("{{Size}}"):                                   "fault_value",
	page("{{}}"):                                       "fault_value_missing",
	page("{{version suite}}"):                          "fault_value_behind",
	page("{{first 4 client text}}"):                    "fault_word_missing",
	page("{{equal blocks of 1}}"):                      "fault_word_missing_last",
	page("{{first of client text}}"):                   "fault_bound",
	page("{{alert of nobody}}"):                        "fault_side",
	page("{{client text containing}}"):                 "fault_containing",
	page(`{{client text 2 "x"}}`):                      "fault_part",
	page("{{schedule}}"):                               "fault_schedule",
	page("{{secret}}"):                                 "fault_secret",
	script(`do "{{x when answer is "a"}}"`):            "fault_when_command",
	page(ask("- {{x when answer is \"a\"}}: a")):       "fault_when_choice",
	page("{{proof}}"):                                  "fault_proof",
	page("{{proofs right}}"):                           "fault_proofs",
}

func TestEveryFaultOfTheCodeIsProvoked(t *testing.T) {
	known := []string{ // by other tests
		"fault_at", "fault_values", "fault_assertions", "fault_same_pages", "fault_same_minutes", "fault_same_missing", "fault_same_added", "fault_same_other", "fault_same_exercise", "fault_no_word",
		"fault_when", "fault_when_either", "fault_when_not", "fault_when_nothing",
	}
	for _, id := range provoked {
		known = append(known, id)
	}
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range regexp.MustCompile(`say\("(fault_\w+)"`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(known, said[1]) {
				t.Errorf("%s: no lesson provokes %s", name, said[1])
			}
		}
	}
}

func page(text string) string { return "# T\nminutes: 5\n\nWords.\n\n" + text + "\n" }

func script(line string) string { return page("```script\n" + line + "\n```") }

func ask(lines string) string { return "```ask x\nWhat?\n" + lines + "\n? Look.\n! So.\n```\n" }

func TestEveryFaultThatALessonIsNotReadForIsToldInBothLanguages(t *testing.T) {
	for text, id := range provoked {
		var err error
		if _, err = ParseLesson("try", text); !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "T") {
			_, err = Parse("try", text)
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %.80q: %v", id, text, err)
			continue
		}
		en, pt := syntax.WhatIn(docs.English), syntax.WhatIn(docs.Portuguese)
		if syntax.what.id != id || en == pt || strings.Contains(en+pt, "<no value>") || !strings.HasPrefix(ErrorIn(err, docs.Portuguese), "try, linha ") {
			t.Errorf("%.80q: %s, want %s: %q, %q", text, syntax.what.id, id, en, pt)
		}
		t.Logf("%s %d: %s\n\t%s\n\t%s", id, syntax.Line, syntax.Text, en, pt)
	}
}
