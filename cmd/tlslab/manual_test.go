package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What may differ between a line of the manual and the line of the script that runs it: the address, a fingerprint, the language.
var (
	addressOf = regexp.MustCompile(`--addr \S+`)
	pinOf     = regexp.MustCompile(`--pin \S+`)
	langOf    = regexp.MustCompile(` --lang \S+`)
	runBy     = regexp.MustCompile(`^(\[unix\] )?(exec|start \S+|code \d+|terminal \S+) `)
)

func normal(line string) string {
	line = langOf.ReplaceAllString(strings.TrimSpace(line), "")
	return pinOf.ReplaceAllString(addressOf.ReplaceAllString(line, "--addr ADDR"), "--pin PIN")
}

func TestEachLineOfTheManualsWalkThroughTheStagesIsRunByAScript(t *testing.T) {
	run := make(map[string]bool)
	scripts, err := filepath.Glob("../../testdata/script/cmd/stage-*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	for _, name := range scripts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if by := runBy.FindString(line); by != "" {
				run[normal(strings.TrimPrefix(line, by))] = true
			}
		}
	}
	for _, lang := range []string{"en", "pt-BR"} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/stages.md")
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(page)) {
			if !strings.HasPrefix(line, "tlslab ") {
				continue
			}
			lines++
			if !run[normal(line)] {
				t.Errorf("%s: no script runs %s", lang, line)
			}
		}
		if lines < 20 {
			t.Errorf("%s: only %d lines", lang, lines)
		}
	}
}
