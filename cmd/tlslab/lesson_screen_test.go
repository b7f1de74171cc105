//go:build !windows

package main_test

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	stages "example.com/tlslab/kvs/stage"
	"example.com/tlslab/testdata/needs"
)

// Whoever presses nothing but the space bar comes through the lesson, sees each page, and, where a page points at records,
// the row of one, however small the screen.
func TestTheSpaceBarAloneLeadsThroughALessonAndShowsWhatItPointsAt(t *testing.T) {
	program := program(t)
	for _, name := range []string{"00-tour", "05-three-properties"} {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			pages, pointed := pagesOf(t, name, lang)
			for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}} {
				t.Run(fmt.Sprintf("%s/%s/%dx%d", name, lang, size[0], size[1]), func(t *testing.T) {
					if (lang == docs.English) == (size[0] == 80) {
						needs.Time(t, "this size is run in the other language")
					}
					t.Parallel()
					screens := pressOn(t, program, name, lang, size)
					byPage, at := make(map[int]string), 0
					for _, screen := range screens {
						for i, page := range pages {
							if strings.Contains(screen, "── "+page.Title+" ─") {
								at = i
							}
						}
						byPage[at] += screen + "\n"
					}
					selected := regexp.MustCompile(`(?m)(^|│)[▌▏].? ?[0-9]+ (#[0-9]+ )?( |[→←])`)
					for at := range pages {
						if byPage[at] == "" {
							t.Errorf("page %d of %d was not on the screen", at+1, len(pages))
						} else if pointed[at] && !selected.MatchString(byPage[at]) {
							t.Errorf("page %d points at a record; no row of one was marked on the screen:\n%s", at+1, byPage[at])
						}
					}
				})
			}
		}
	}
}

// pressOn presses the space bar until the lesson is over, and returns what stood on the screen each time.
func pressOn(t *testing.T, program, name, lang string, size [2]int) (screens []string) {
	t.Helper()
	cmd := exec.Command(program, "lesson", "start", name, "--lang", lang)
	cmd.Env = []string{"TERM=xterm-256color", "HOME=" + t.TempDir()}
	terminal, err := start(cmd, size[0], size[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.close()
	words := docs.For(lang)
	works, begins, over := words.Say("course_works"), words.Say("course_begins"), words.Say("course_results", "lesson", "")
	last := ""
	for range 120 {
		p, ok := terminal.await(func(p picture) bool {
			now := strings.Join(p, "\n")
			return len(p) == size[1] && read(p, size[0]) != last && !strings.Contains(now, works) && !strings.Contains(now, begins)
		})
		if !ok {
			t.Fatalf("the space bar changes nothing:\n%v", p)
		}
		last = read(p, size[0])
		if screens = append(screens, strings.Join(p, "\n")); strings.Contains(screens[len(screens)-1], over) {
			return screens
		}
		if err := terminal.write(" "); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("the lesson does not come to its end:\n%s", last)
	return nil
}

// read is what changes only when the lesson goes on, of what stands on the screen: what the space bar does, the title of the
// page and the beginning of its text. The session beside it may change by itself.
func read(p picture, width int) string {
	told := p[len(p)-2]
	column := width
	if width >= 110 {
		column = width * 2 / 5
	}
	for i, line := range p {
		if strings.HasPrefix(line, "── ") && strings.HasSuffix(strings.TrimRight(string([]rune(line)[:min(column, len([]rune(line)))]), " "), "──") {
			for _, line := range p[i:min(i+6, len(p))] {
				cells := []rune(line)
				told += "\n" + string(cells[:min(column, len(cells))])
			}
			break
		}
	}
	return told
}

// pagesOf goes through the lesson without a screen: the pages that it has, and which of them, from 0, point at a record.
func pagesOf(t *testing.T, name, lang string) (pages []*lesson.Page, pointed map[int]bool) {
	t.Helper()
	text, _ := docs.Lesson(lang, name)
	parsed, err := lesson.ParseLesson(name, text)
	if err != nil {
		t.Fatal(err)
	}
	course := &lesson.Course{Lang: lang, Open: func(name, channel string, with []string) (inspect.Stage, error) {
		return stages.Named(name, channel, with, stages.Options{Lang: lang})
	}}
	pointed = make(map[int]bool)
	synctest.Test(t, func(t *testing.T) { // on a clock that nobody has to wait for
		sitting := course.Begin(t.Context(), parsed)
		defer sitting.Close()
		for {
			stop, err := sitting.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			pointed[stop.Page] = pointed[stop.Page] || stop.Look != nil && !slices.Contains([]string{"schedule", "secrets", "verdicts"}, stop.Show)
		}
	})
	return parsed.Pages, pointed
}
