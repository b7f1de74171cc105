package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect/lesson"
)

// Whoever presses Enter alone comes to the end of each lesson, and so does whoever types nothing at all. Most of the time
// they wait: so several read at once.
func TestEachLessonComesToItsEndAsTextWithoutAControlCharacter(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1") // for sessions in a glass box
	var readers sync.WaitGroup
	defer readers.Wait()
	seats := make(chan struct{}, 16)
	for i, name := range docs.Lessons() {
		for j, lang := range []string{docs.English, docs.Portuguese} {
			typed := ""
			if (i+j)%2 == 0 {
				typed = strings.Repeat("\n", 200)
			}
			readers.Go(func() {
				seats <- struct{}{}
				defer func() { <-seats }()
				said, err := readAsText(t, lang, name, typed)
				if end := docs.For(lang).Say("lesson_end_next"); err != nil || !strings.Contains(said, end) {
					t.Errorf("%s, %s: it does not come to its end: %v\n%s", name, lang, err, said)
				}
				for line := range strings.SplitSeq(said, "\n") {
					tooWide := utf8.RuneCountInString(line) > 80 && strings.Contains(strings.TrimSpace(line), " ")
					if tooWide || strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
						t.Errorf("%s, %s: %q", name, lang, line)
					}
				}
			})
		}
	}
}

func readAsText(t *testing.T, lang, name, typed string) (said string, err error) {
	s, err := courseSheet(name, lang)
	if err != nil {
		return "", err
	}
	in := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, []byte(typed), 0o600); err != nil {
		return "", err
	}
	p := speaker(lang)
	if p.in, err = os.Open(in); err != nil {
		return "", err
	}
	defer p.in.Close()
	if p.out, err = os.Create(in + ".out"); err != nil {
		return "", err
	}
	defer p.out.Close()
	p.err = p.out
	run := &lessonRun{program: p, notebook: new(lesson.Notebook)}
	err = run.read(t.Context(), s, 0)
	text, problem := os.ReadFile(p.out.Name())
	return string(text), errors.Join(err, problem)
}
