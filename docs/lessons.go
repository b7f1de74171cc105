package docs

import (
	"embed"
	"strings"
)

//go:embed lessons
var lessons embed.FS

// Lessons returns the names of the lessons, in the order of the course.
func Lessons() (names []string) {
	files, err := lessons.ReadDir("lessons/" + English)
	if err != nil {
		return nil
	}
	for _, file := range files { // sorted by their numbers
		names = append(names, strings.TrimSuffix(file.Name(), ".md"))
	}
	return names
}

// Lesson returns the text of a lesson in a language that [Match] returns; ok is
// false if there is none of that name.
func Lesson(lang, name string) (text string, ok bool) {
	if strings.ContainsAny(name, `/\`) {
		return "", false
	}
	b, err := lessons.ReadFile("lessons/" + lang + "/" + name + ".md")
	return string(b), err == nil
}
