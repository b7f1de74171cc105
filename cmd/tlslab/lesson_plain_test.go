package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect/lesson"
)

// Whoever presses Enter alone comes to the end of each lesson, and so does whoever types nothing at all.
func TestEachLessonComesToItsEndAsTextWithoutAControlCharacter(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1") // for sessions in a glass box
	for i, name := range docs.Lessons() {
		for j, lang := range []string{docs.English, docs.Portuguese} {
			typed := ""
			if (i+j)%2 == 0 {
				typed = strings.Repeat("\n", 200)
			}
			unhurried(t, lang+"/"+name, func(t *testing.T) {
				said, err := readAsText(t, lang, name, typed)
				end := docs.For(lang).Say("lesson_end_next", "command", "tlslab lesson next")
				if name == docs.Lessons()[len(docs.Lessons())-1] {
					end = docs.For(lang).Say("course_last")
				}
				if err != nil || !strings.Contains(said, end) {
					t.Errorf("it does not come to its end: %v\n%s", err, said)
				}
				if id := regexp.MustCompile(`(?m)^[a-z][a-z0-9-]*: (open|solved|em aberto|resolvido)\.`).FindString(said); id != "" {
					t.Errorf("an exercise is called by the name that it has in the file: %q", id)
				}
				for line := range strings.SplitSeq(said, "\n") {
					tooWide := utf8.RuneCountInString(line) > 80 && strings.Contains(strings.TrimSpace(line), " ")
					if tooWide || strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
						t.Errorf("%q", line)
					}
				}
			})
		}
	}
}

func TestNoPredictionIsTakenThatIsNotAmongTheChoices(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		unhurried(t, lang, func(t *testing.T) {
			said, err := readAsText(t, lang, "05-three-properties", strings.Repeat("xx\n\n", 60))
			words := docs.For(lang)
			if err != nil || !strings.Contains(said, words.Say("lesson_choose", "last", 3)) || strings.Contains(said, words.Say("lesson_predicted")) {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}

func TestBehindALessonOfOnesOwnComesTheNextOfItsFolder(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"01-a.md", "02-b b.md", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("# A\n\nWords.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{"01-a.md": "tlslab lesson start '" + filepath.Join(folder, "02-b b.md") + "'", "02-b b.md": ""} {
		r := &reading{lessonRun: &lessonRun{program: speaker(docs.English)}, sheet: &sheet{own: true, file: filepath.Join(folder, file)}}
		if got := r.nextCommand(); got != want {
			t.Errorf("behind %s: %q, want %q", file, got, want)
		}
	}
}

// What an answer needs has been told when the question stands there, or is told on request. A prediction has its answer from
// what comes behind it.
func TestWhatTheExercisesAskForIsToldAsText(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1")
	for _, lang := range []string{docs.English, docs.Portuguese} {
		for _, name := range docs.Lessons()[6:11] {
			unhurried(t, lang+"/"+name, func(t *testing.T) {
				s, err := courseSheet(name, lang)
				if err != nil {
					t.Fatal(err)
				}
				p := speaker(lang)
				if p.out, err = os.Create(filepath.Join(t.TempDir(), "out")); err != nil {
					t.Fatal(err)
				}
				defer p.out.Close()
				p.in, p.err = p.out, p.out
				run := &lessonRun{program: p, notebook: new(lesson.Notebook)}
				told := make(map[*lesson.Exercise]string) // all that was, when the question stood there
				var r *reading
				var here *lesson.Exercise
				var commands []string
				r = run.begin(t.Context(), s, func() (line, bool) {
					if attempts := r.sitting.Attempts(); len(attempts) > 0 && attempts[len(attempts)-1].Exercise != here {
						here = attempts[len(attempts)-1].Exercise
						commands = everyView(len(r.session.Items()))
					}
					if len(commands) == 0 {
						if _, ok := told[here]; !ok && here != nil {
							text, err := os.ReadFile(p.out.Name())
							if err != nil {
								t.Error(err)
							}
							told[here] = squeezed(string(text))
						}
						return line{}, true
					}
					command := commands[0]
					commands = commands[1:]
					return line{text: command}, true
				})
				defer r.sitting.Close()
				if err := r.run(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				for _, a := range r.sitting.Attempts() {
					if !a.Predict && !strings.Contains(told[a.Exercise], squeezed(r.labelOf(a, a.Expected))) {
						t.Errorf("%s: %s is not told", a.Name, a.Expected)
					}
				}
			})
		}
	}
}

func everyView(items int) []string {
	commands := []string{":schedule", ":ladder", ":verdicts", ":secrets", ":wire", ":value handshake_secret"}
	for n := range items {
		for _, command := range []string{":protection", ":explain", ":hex"} {
			commands = append(commands, command+" "+strconv.Itoa(n+1))
		}
	}
	return commands
}

// squeezed is a text without spaces, so that where a line ends makes no difference.
func squeezed(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), "")) }

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
