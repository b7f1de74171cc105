package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/testdata/needs"
)

// indented returns the lines of a page that are to be typed in a terminal: those that are set apart by four spaces.
func indented(t *testing.T, lang, page string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "manual", lang, page))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			lines = append(lines, strings.TrimSpace(code))
		}
	}
	return lines
}

func script(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "script", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The script plays make lab ARGS="..." as tlslab lab ...; make says that this is what it runs.
func TestEachCommandLineOfTheTutorialIsPlayedByItsScript(t *testing.T) {
	needs.Program(t, "make")
	var played []string
	for line := range strings.Lines(script(t, "first-15-minutes/tutorial.txtar")) {
		if args, ok := strings.CutPrefix(line, "screen $size $lang "); ok {
			played = append(played, strings.TrimSpace(args))
		}
	}
	for _, lang := range []string{"en", "pt-BR"} {
		var typed []string
		for _, line := range indented(t, lang, "tutorial.md") {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "make ", "make -n -C ../.. ", 1))
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			_, args, _ := strings.Cut(string(out), "./bin/tlslab ")
			typed = append(typed, strings.TrimSpace(strings.Split(args, "\n")[0]))
		}
		if !slices.Equal(typed, played) {
			t.Errorf("%s: the page runs tlslab %q, the script %q", lang, typed, played)
		}
	}
}

var (
	section = regexp.MustCompile(`(?m)^##? \d\. .*$`)
	inBold  = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	inCode  = regexp.MustCompile("`:?((?:hold|restart|read|create) ?[a-z ]*)`")
	pressed = map[string]string{
		"→": "right", "←": "left", "↓": "down", "Tab": "tab", "Enter": "enter", "Esc": "esc", "Home": "home", "End": "end",
		"space bar": "space", "barra de espaço": "space", "s": "s",
	}
)

// In each numbered part of the page, whatever key is to be pressed and whatever is to be typed stands in that part of the script.
func TestEachKeyOfTheTutorialIsPressedByItsScript(t *testing.T) {
	parts := section.Split(strings.ReplaceAll(script(t, "first-15-minutes/tutorial.txtar"), "\n# ", "\n## "), -1)[1:]
	for _, lang := range []string{"en", "pt-BR"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", "manual", lang, "tutorial.md"))
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(string(text), "\n## "+map[string]string{"en": "Where", "pt-BR": "Para"}[lang])
		page := section.Split(before, -1)[1:]
		if len(page) != len(parts) {
			t.Fatalf("%s: the page has %d parts, the script %d", lang, len(page), len(parts))
		}
		for i, prose := range page {
			for _, key := range inBold.FindAllStringSubmatch(prose, -1) {
				name := key[1]
				if pressed[name] != "" {
					name = pressed[name]
				}
				if lang == "pt-BR" && i == 6 && name == "s" {
					name = "y" // asked in Portuguese, s is yes too
				}
				if !regexp.MustCompile(`(?m)^key (.* )?` + regexp.QuoteMeta(name) + `( |$)`).MatchString(parts[i]) {
					t.Errorf("%s, part %d: the script does not press %s", lang, i+1, key[1])
				}
			}
			for _, typed := range inCode.FindAllStringSubmatch(prose, -1) {
				if !strings.Contains(parts[i], typed[1]) {
					t.Errorf("%s, part %d: the script does not type %s", lang, i+1, typed[1])
				}
			}
		}
	}
}

func TestEachCommandLineOnClientsOfOnesOwnIsRunByItsScript(t *testing.T) {
	same := strings.NewReplacer(`"$(dirname "$(tlslab pki ca)")/ca.key"`, "$PKI/ca.key", `"$(tlslab pki ca)"`, "$PKI/ca.pem", "docs/manual/clients/", "$CLIENTS/", "127.0.0.1:8888", "127.0.0.1:0", "8888", "$PORT")
	run := same.Replace(script(t, "cmd/own-client.txtar"))
	for _, lang := range []string{"en", "pt-BR"} {
		lines := indented(t, lang, "own-client.md")
		for _, line := range lines {
			if !regexp.MustCompile(`(?m)^(exec|start \w+|code \d) ` + regexp.QuoteMeta(same.Replace(line)) + `$`).MatchString(run) {
				t.Errorf("%s: no line of the script runs %s", lang, line)
			}
		}
		if len(lines) < 7 {
			t.Errorf("%s: only %d lines", lang, len(lines))
		}
	}
}
