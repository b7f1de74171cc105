package lesson

import (
	"regexp"
	"strconv"
	"strings"
)

// A Lesson is a text for a student with a script in it: it opens sessions, does
// things to them, says what is seen, and asks.
//
// It is Markdown. The first line is its title; below it stand lines "minutes: N"
// until the first empty one. A page begins at each heading of the second level.
// What stands between fences is for the program: a script, whose lines are those
// of a scene and some more; an exercise (ask); a question about what has not
// happened yet (predict).
type Lesson struct {
	Name    string // as in 05-three-properties
	Title   string
	Minutes int // that it takes, about
	Pages   []*Page

	parts []part // of all pages, in order
}

// A Page is what stands together under a heading.
type Page struct {
	Title string
	Line  int // of its heading, from 1
}

// A part of a page is prose, a script or an exercise.
type part struct {
	page  int // index of its page
	line  int
	prose []paragraph
	steps []step
	ask   *Exercise
}

// Exercises returns the exercises of the lesson, predictions too, in order.
func (l *Lesson) Exercises() (all []*Exercise) {
	for _, p := range l.parts {
		if p.ask != nil {
			all = append(all, p.ask)
		}
	}
	return all
}

// maxMinutes bounds how long a lesson takes: two hours.
const maxMinutes = 120

// maxLesson bounds the text of a lesson, in bytes.
const maxLesson = 1 << 18

// ParseLesson reads a lesson. What is wrong comes as a *[SyntaxError].
func ParseLesson(name, text string) (*Lesson, error) {
	if len(text) > maxLesson {
		return nil, &SyntaxError{Name: name, Line: 1, what: say("fault_lesson_long", "most", maxLesson)}
	}
	r := &reader{lesson: &Lesson{Name: name}, lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	for _, read := range []func() *remark{r.head, r.body, r.whole} {
		if what := read(); what != nil {
			return nil, &SyntaxError{Name: name, Line: min(r.at, len(r.lines)-1) + 1, Text: r.line(), what: what}
		}
	}
	return r.lesson, nil
}

// A reader takes in a lesson line by line.
type reader struct {
	lesson *Lesson
	lines  []string
	at     int // index of the line that is being read
}

func (r *reader) line() string {
	if r.at >= len(r.lines) {
		return ""
	}
	return strings.TrimRight(r.lines[r.at], " \t")
}

// head reads the title and what follows it.
func (r *reader) head() *remark {
	title, ok := strings.CutPrefix(r.line(), "# ")
	if !ok {
		return say("fault_title")
	}
	r.lesson.Title = strings.TrimSpace(title)
	r.lesson.Pages = []*Page{{Title: r.lesson.Title, Line: 1}}
	for r.at++; r.line() != ""; r.at++ {
		key, value, _ := strings.Cut(r.line(), ":")
		minutes, err := strconv.Atoi(strings.TrimSpace(value))
		if key != "minutes" || err != nil || minutes < 1 || minutes > maxMinutes {
			return say("fault_minutes", "most", maxMinutes)
		}
		r.lesson.Minutes = minutes
	}
	return nil
}

// body reads the pages.
func (r *reader) body() *remark {
	for ; r.at < len(r.lines); r.at++ {
		line := r.line()
		var what *remark
		switch {
		case line == "":
		case strings.HasPrefix(line, "## "):
			r.lesson.Pages = append(r.lesson.Pages, &Page{Title: strings.TrimSpace(line[3:]), Line: r.at + 1})
		case strings.HasPrefix(line, "```"):
			what = r.fence(strings.Fields(line[3:]))
		case strings.HasPrefix(line, "#"):
			what = say("fault_heading")
		default:
			what = r.prose()
		}
		if what != nil {
			return what
		}
	}
	return nil
}

// add adds a part to the page that is being read.
func (r *reader) add(p part) {
	p.page = len(r.lesson.Pages) - 1
	r.lesson.parts = append(r.lesson.parts, p)
}

// prose reads a paragraph, an item or a note, which ends before an empty line,
// a heading, a fence, or the next item or note.
func (r *reader) prose() *remark {
	first := r.at
	source := []string{r.line()}
	kind, text := paragraphKind(r.line())
	for r.at+1 < len(r.lines) && goesOn(kind, r.lines[r.at+1]) {
		r.at++
		source = append(source, r.line())
		text += " " + strings.TrimSpace(strings.TrimPrefix(r.line(), ">"))
	}
	p, what := parseParagraph(kind, text, first+1)
	p.source = source
	if what != nil {
		return what
	}
	if n := len(r.lesson.parts); n > 0 && r.lesson.parts[n-1].prose != nil && r.lesson.parts[n-1].page == len(r.lesson.Pages)-1 {
		r.lesson.parts[n-1].prose = append(r.lesson.parts[n-1].prose, p)
		return nil
	}
	r.add(part{line: first + 1, prose: []paragraph{p}})
	return nil
}

// exerciseName is what exercises are called.
var exerciseName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// fence reads what stands between fences; info is what stands behind the first.
func (r *reader) fence(info []string) *remark {
	first := r.at
	var lines []string
	for r.at++; r.line() != "```"; r.at++ {
		if r.at >= len(r.lines) || strings.HasPrefix(r.line(), "```") { // another one begins
			r.at = first
			if len(info) == 1 && info[0] == "script" {
				return say("fault_script_open", "line", first+1)
			}
			return say("fault_fence_open", "line", first+1)
		}
		lines = append(lines, r.line())
	}
	last := r.at
	switch {
	case len(info) == 1 && info[0] == "script":
		steps, wrong, what := parseScript(first+2, lines)
		if what != nil {
			r.at = wrong - 1
			return what
		}
		r.add(part{line: first + 1, steps: steps})
	case len(info) == 2 && (info[0] == "ask" || info[0] == "predict") && exerciseName.MatchString(info[1]):
		ask, wrong, what := parseExercise(info[1], first+2, lines)
		if what != nil {
			r.at = wrong - 1
			return what
		}
		ask.Predict = info[0] == "predict"
		r.add(part{line: first + 1, ask: ask})
	default:
		r.at = first
		return say("fault_fence")
	}
	r.at = last
	return nil
}

// whole looks at the lesson as a whole.
func (r *reader) whole() *remark {
	r.at = 0
	if len(r.lesson.parts) == 0 {
		return say("fault_lesson_empty")
	}
	seen, graded := make(map[string]bool), true
	for _, p := range r.lesson.parts {
		if p.steps != nil {
			graded = true
		}
		if p.ask == nil {
			continue
		}
		r.at = p.line - 1
		if seen[p.ask.Name] {
			return say("fault_exercise_twice", "name", p.ask.Name)
		}
		seen[p.ask.Name], graded = true, graded && !p.ask.Predict
	}
	if !graded {
		return say("fault_prediction")
	}
	return nil
}

// parseScript reads the lines of a script, the first of which has the number
// first. If one is wrong, what says how, and wrong is its number.
func parseScript(first int, lines []string) (steps []step, wrong int, what *remark) {
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, what := parseStep(first+i, line, lessonVerbs)
		if what != nil {
			return nil, first + i, what
		}
		steps = append(steps, s)
	}
	return steps, 0, nil
}
