package main

import (
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/kvs/stage"
)

// The course as a student meets it, in both languages.
func TestEverythingThatALessonSaysIsTrue(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1") // for sessions in a glass box
	for _, lang := range []string{docs.English, docs.Portuguese} {
		for _, name := range docs.Lessons() {
			t.Run(lang+"/"+name, func(t *testing.T) {
				t.Parallel()
				text, _ := docs.Lesson(lang, name)
				parsed, err := lesson.ParseLesson(name, text)
				if err != nil {
					t.Fatal(err)
				}
				course := &lesson.Course{Lang: lang, Open: func(name, channel string, with []string) (inspect.Stage, error) {
					return stage.Named(name, channel, with, stage.Options{Lang: lang, Keys: sealedKeys()})
				}}
				report, err := course.Check(t.Context(), parsed, true)
				if err != nil {
					t.Fatal(err)
				}
				if err := report.Err(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
