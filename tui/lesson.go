package tui

import (
	"context"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

// Lessons are what a student can go through on the screen. The zero value has none.
type Lessons struct {
	Names []string                       // in the order of the course
	Title func(name, lang string) string // of a lesson, in a language of [docs.For]
	// Begin begins a lesson in a language. Watch is what the course tells of each session; see [lesson.Course]. The sitting
	// is closed once it has been left, and its sessions end with ctx.
	Begin func(ctx context.Context, name, lang string, watch func(*inspect.Recording)) (*lesson.Sitting, error)
	// Progress is told after each stop, and after each answer and hint, how far the student has come: stop is where they are,
	// and [lesson.Sitting.Attempts] is what they made of the exercises. It may take its time: it is called by the goroutine that
	// drives the sitting. Nil for nobody.
	Progress func(s *lesson.Sitting, stop *lesson.Stop)
}
