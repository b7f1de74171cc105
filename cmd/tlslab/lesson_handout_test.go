package main

import (
	"html"
	"io"
	"regexp"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect/lesson"
)

// What differs between sessions is left out of a blank handout anyway. The numbers of rows stay: they are the names of records,
// and where a number is asked for, the row is what is to be found.
func TestABlankHandoutGivesNoAnswerAwayOnThePageOfItsExercise(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1")
	for _, lang := range []string{docs.English, docs.Portuguese} {
		for _, name := range docs.Lessons() {
			unhurried(t, lang+"/"+name, func(t *testing.T) {
				s, err := courseSheet(name, lang)
				if err != nil {
					t.Fatal(err)
				}
				course := speaker(lang).course(lang)
				var paper strings.Builder
				if err := course.Handout(t.Context(), s.Lesson, true, &paper); err != nil {
					t.Fatal(err)
				}
				pages := textOfPages(paper.String())
				if len(pages) != len(s.Pages) {
					t.Fatalf("%d pages of %d", len(pages), len(s.Pages))
				}
				attempts, choices := playedAlone(t, course, s.Lesson)
				for _, a := range attempts {
					told := regexp.MustCompile(`(^|[^0-9\pL_.#])` + regexp.QuoteMeta(a.Expected) + `($|[^0-9\pL_])`)
					at := told.FindStringIndex(pages[a.Page])
					byChance := len(a.Expected) < 3 && strings.Trim(a.Expected, "0123456789") != "" // a byte of this session
					if choices[a.Exercise] {
						if told := tellsChoice(section.FindAllString(paper.String(), -1)[a.Page], a.Expected); told != "" {
							t.Errorf("page %d tells that %s is right in %s: %s", a.Page+1, a.Expected, a.Name, told)
						}
						continue
					}
					if at != nil && !byChance {
						t.Errorf("page %d gives the answer of %s away: %s: …%s…", a.Page+1, a.Name, a.Expected, pages[a.Page][max(at[0]-60, 0):min(at[1]+60, len(pages[a.Page]))])
					}
				}
			})
		}
	}
}

// tellsChoice returns what stands on a page behind the last of the choices, if the right one is in it. It is looked for only if it
// is a name or bytes: who notices, and how often, a text has other words for.
func tellsChoice(page, right string) string {
	at := strings.LastIndex(page, `class="choice"`)
	if !aNameOrBytes.MatchString(right) || at < 0 {
		return ""
	}
	_, behind, _ := strings.Cut(page[at:], "</div>")
	if text := strings.Join(textOfPages("<section>"+behind), " "); strings.Contains(text, right) {
		return text
	}
	return ""
}

// playedAlone goes through a lesson without a student, and says which exercises offer choices.
func playedAlone(t *testing.T, course *lesson.Course, l *lesson.Lesson) (attempts []*lesson.Attempt, choices map[*lesson.Exercise]bool) {
	t.Helper()
	sitting := course.Begin(t.Context(), l)
	defer sitting.Close()
	choices = make(map[*lesson.Exercise]bool)
	for {
		stop, err := sitting.Next()
		if err == io.EOF {
			return sitting.Attempts(), choices
		}
		if err != nil {
			t.Fatal(err)
		}
		if stop.Question != nil {
			choices[stop.Question.Exercise] = len(stop.Question.Choices) > 0
		}
	}
}

func TestAHandoutTellsWhatArrivedAsNobodySentIt(t *testing.T) {
	for lang, marks := range map[string][2]string{docs.English: {"request (as received)", "answer (injected)"}, docs.Portuguese: {"pedido (como chegou)", "resposta (por injeção)"}} {
		unhurried(t, lang, func(t *testing.T) {
			s, err := courseSheet("05-three-properties", lang)
			if err != nil {
				t.Fatal(err)
			}
			var paper strings.Builder
			if err := speaker(lang).course(lang).Handout(t.Context(), s.Lesson, false, &paper); err != nil {
				t.Fatal(err)
			}
			told := strings.Join(textOfPages(paper.String()), "\n")
			for _, mark := range marks {
				if n := strings.Count(told, mark); n != 1 {
					t.Errorf("%d times %s in\n%s", n, mark, told)
				}
			}
		})
	}
}

var (
	aTag   = regexp.MustCompile(`<[^>]*>`)
	aLabel = regexp.MustCompile(`<div class="label">.*?</div>`)
	aRoom  = regexp.MustCompile(`<span class="room"[^>]*></span>`)
	// What can hardly stand in a text for something else.
	aNameOrBytes = regexp.MustCompile(`_|^[0-9a-f]{2}( [0-9a-f]{2})+$`)

	section = regexp.MustCompile(`(?s)<section>(.*?)</section>`)
)

// textOfPages is what is read on the pages of a handout.
func textOfPages(paper string) (pages []string) {
	for _, found := range section.FindAllStringSubmatch(paper, -1) {
		text := aTag.ReplaceAllString(aRoom.ReplaceAllString(aLabel.ReplaceAllString(found[1], ""), "____"), " ")
		pages = append(pages, strings.Join(strings.Fields(html.UnescapeString(text)), " "))
	}
	return pages
}
