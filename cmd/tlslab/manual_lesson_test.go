package main

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/kvs/stage"
)

var shownLesson = regexp.MustCompile("(?s)\n````markdown\n(.*?)````\n")

// With every alteration of what it checks it fails, as the page says.
func TestTheLessonThatTheManualShowsIsTrue(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/write-a-lesson.md")
		if err != nil {
			t.Fatal(err)
		}
		found := shownLesson.FindSubmatch(page)
		if found == nil {
			t.Fatalf("%s: the page shows no lesson", lang)
		}
		shown, err := lesson.ParseLesson("01-length", string(found[1]))
		if err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		course := &lesson.Course{Lang: lang, Open: func(name, channel string, with []string) (inspect.Stage, error) {
			return stage.Named(name, channel, with, stage.Options{Lang: lang, Keys: sealedKeys()})
		}}
		report, err := course.Check(t.Context(), shown, true)
		if err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		if err := report.Err(); err != nil {
			t.Errorf("%s: %v", lang, err)
		}
		names := []string{}
		for _, exercise := range shown.Exercises() {
			names = append(names, exercise.Name)
		}
		if !slices.Equal(names, []string{"length", "notices"}) {
			t.Errorf("%s: the exercises are %q", lang, names)
		}
	}
}
