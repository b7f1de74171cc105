package tui

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	tea "github.com/charmbracelet/bubbletea"
)

// tryout is a lesson about the stage of Caesar, whose bytes are the same every time.
var tryout = map[string]string{
	"en": `# Words in the open
minutes: 5

Two programs talk. Their **first** words are read by *everybody* who stands between them: a ` + "`hello`" + ` and nothing else.

What comes behind it is shifted by a few letters, as Caesar is said to have written to his generals. This paragraph goes on for
some lines, so that there is something to scroll through wherever the screen is small: it says no more than that.

` + "```script\nopen caesar\ndo ave populus\nlook client unit message\n```" + `

The server says {{you said ave populus = answer}}.

- An item.
- Another item, with ` + "`code`" + ` in it.

> A note, set apart from all the rest, which is long enough to take more than a line wherever it stands.

` + "```ask what" + `
What did the server say before it repeated the client's words?
= "you said"
? A nudge.
? The place to look.
? The method.
! It repeats **everything**.
` + "```" + `

## Held on the way

Now somebody waits for the next message.

` + "```predict who" + `
Who will hear of it?
- client: the client
- server: the server
- nobody
= "nobody"
? Think.
! Nobody tells them.
` + "```" + `

` + "```script\nhold client unit message\nbegin veni vidi\nshow wire\n```" + `

It waits: {{client unit message 2 text}}.

` + "```script\nrelease\nshow streams\n```" + `

The server says {{you said veni vidi = answer}}. {{no such thing = answer}} is not what it says.
`,
	"pt-BR": `# Palavras abertas
minutes: 5

Dois programas conversam. As **primeiras** palavras são lidas por *todos* os que ficam entre eles: um ` + "`hello`" + ` e nada mais.

O que vem depois é deslocado por algumas letras, como se conta que César escrevia a seus generais. Este parágrafo segue por algumas
linhas, para haver o que rolar onde a tela é pequena: não diz mais do que isso.

` + "```script\nopen caesar\ndo ave populus\nlook client unit message\n```" + `

O servidor diz {{you said ave populus = answer}}.

- Um item.
- Outro item, com ` + "`code`" + `.

> Uma nota, à parte de todo o resto, que é longa o bastante para tomar mais de uma linha onde quer que fique.

` + "```ask what" + `
O que o servidor disse antes de repetir as palavras do cliente?
= "you said"
? Um empurrão.
? O lugar.
? O método.
! Ele repete **tudo**.
` + "```" + `

## Retida no caminho

Agora alguém espera pela próxima mensagem.

` + "```predict who" + `
Quem ficará sabendo?
- client: o cliente
- server: o servidor
- nobody: ninguém
= "nobody"
? Pense.
! Ninguém lhes conta.
` + "```" + `

` + "```script\nhold client unit message\nbegin veni vidi\nshow wire\n```" + `

Ela espera: {{client unit message 2 text}}.

` + "```script\nrelease\nshow streams\n```" + `

O servidor diz {{you said veni vidi = answer}}. {{no such thing = answer}} não é o que ele diz.
`,
}

// heardStage is caesarStage, where the hello comes first in every run.
type heardStage struct{ caesarStage }

func (s heardStage) Open(ctx context.Context, tap *inspect.Tap) (inspect.Play, error) {
	play, err := s.caesarStage.Open(ctx, tap)
	for n := 0; err == nil; {
		for e := range tap.Recording().Events(n) {
			if n = e.Index + 1; e.Kind == inspect.Forwarded {
				return play, nil
			}
		}
		_, err = tap.Recording().Wait(ctx, n)
	}
	return play, err
}

// withLessons returns options with lessons, by language and name.
func withLessons(t *testing.T, lessons map[string]map[string]string, names ...string) Options {
	return Options{
		Stage: echoStage{},
		Lessons: Lessons{
			Names: names,
			Title: func(name, lang string) string {
				title, _, _ := strings.Cut(strings.TrimPrefix(lessons[name][lang], "# "), "\n")
				return title
			},
			Begin: func(ctx context.Context, name, lang string, watch func(*inspect.Recording)) (*lesson.Sitting, error) {
				text, ok := lessons[name][lang]
				if !ok {
					return nil, errors.New("no such lesson")
				}
				parsed, err := lesson.ParseLesson(name, text)
				if err != nil {
					return nil, err
				}
				course := &lesson.Course{Lang: lang, Patience: 300 * time.Millisecond, Watch: watch, Open: func(stage, _ string, _ []string) (inspect.Stage, error) {
					switch stage {
					case "caesar":
						return heardStage{caesarStage{keys: true}}, nil
					case "tls":
						return echoStage{}, nil
					}
					return nil, errors.New("no such stage")
				}}
				return course.Begin(ctx, parsed), nil
			},
		},
	}
}

// tryLesson opens a screen on the try-out.
func tryLesson(t *testing.T, lang string) *screen {
	t.Helper()
	o := withLessons(t, map[string]map[string]string{"01-words": tryout, "02-more": tryout}, "01-words", "02-more")
	o.Lang, o.Lesson = lang, "words"
	s := open(t, o)
	s.rests()
	return s
}

// rests waits until the lesson has done what was asked of it.
func (s *screen) rests() {
	s.t.Helper()
	s.until("the lesson", func() bool { return s.m.sitting == nil || !s.m.sitting.working })
}

// on presses the suggested key until the student is at another stop, or at the end.
func (s *screen) on() {
	s.t.Helper()
	before := s.m.sitting.at
	for range 50 {
		s.press(" ")
		s.rests()
		if s.m.sitting.at != before || s.m.mode == onResults {
			return
		}
	}
	s.t.Fatalf("the space bar does not go on:\n%s", s.text())
}

func TestGoldenLesson(t *testing.T) {
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}} {
		for _, lang := range []string{"en", "pt-BR"} {
			name := fmt.Sprintf("lesson-%dx%d-%s", size[0], size[1], lang)
			t.Run(name, func(t *testing.T) {
				s := tryLesson(t, lang)
				s.size(size[0], size[1])
				var views strings.Builder
				view := func(title string) {
					s.fits()
					fmt.Fprintf(&views, "== %s\n", title)
					for line := range strings.Lines(s.text()) {
						views.WriteString(strings.TrimRight(line, " \n") + "\n")
					}
				}
				view("the beginning")
				for i := range 40 {
					if s.press(" "); s.m.mode == onResults {
						break
					}
					s.rests()
					view(fmt.Sprintf("space, %d times", i+1))
					switch a := s.m.sitting.question(); {
					case a == nil || s.m.mode != onAnswer || s.m.unread():
					case a.question.Name == "what" && a.attempt.Hints == 0:
						s.press("tab")
						s.rests()
						s.write("Ave")
						view("a hint, and an answer")
						s.press("enter")
						s.rests()
						view("it is wrong")
						s.write("you said")
						s.press("enter")
						s.rests()
						view("it is right")
					case a.question.Predict:
						s.press("2")
						s.rests()
						view("a prediction")
					}
				}
				view("the results")
				s.press("esc", "T")
				view("the session")
				s.press("?")
				s.fits()
				s.press("esc")
				s.command("lesson")
				view("the lessons")
				compare(t, filepath.Join("testdata", name+".golden"), views.String())
			})
		}
	}
}

func TestOnlyTheSpaceBarLeadsThroughALesson(t *testing.T) {
	s := tryLesson(t, "en")
	for range 60 {
		if s.press(" "); s.m.mode == onResults {
			break
		}
		s.rests()
		s.fits()
	}
	s.shows("How you did: Words in the open", "0 of 2 exercises are right.", "no answer", "The next lesson: Words in the open", "n next lesson")
	for range 10 {
		if s.press(" "); s.m.mode != onResults {
			break
		}
		s.fits()
	}
	s.rests()
	if s.m.sitting.name != "02-more" || s.m.sitting.at != 0 {
		t.Errorf("the space bar begins %s at stop %d", s.m.sitting.name, s.m.sitting.at)
	}
	for range 60 {
		if s.press(" "); s.m.mode == onResults && !s.m.resultsBelow() {
			break
		}
		s.rests()
	}
	s.shows("nothing more: this was the last lesson")
	s.hides("next lesson")
	s.press(" ")
	s.shows("This was the last lesson.")
	s.press("backspace")
	s.shows("page 2 of 2")
}

// Whoever presses nothing but the space bar has seen, before the lesson goes on, what each stop points at or shows.
func TestWhatAStopShowsIsSeenBeforeTheLessonGoesOn(t *testing.T) {
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}, {80, 16}, {100, 30}} {
		s := tryLesson(t, "en")
		s.size(size[0], size[1])
		seen := make(map[int]string) // by stop
		stops := make(map[int]*lesson.Stop)
		rows := make(map[int]int)
		for range 60 {
			at := s.m.sitting.at
			if s.press(" "); s.m.mode == onResults {
				break
			}
			s.rests()
			s.fits()
			if now := s.m.sitting.at; now != at {
				stops[now], rows[now] = s.m.sitting.stop, s.m.streams.sel.row+1
			}
			seen[s.m.sitting.at] += s.text()
		}
		if len(stops) != 4 {
			t.Errorf("%v: %d stops", size, len(stops))
		}
		for at, stop := range stops {
			selected := regexp.MustCompile(fmt.Sprintf("(?m)^.*[▌▏].? ?%d +[→←]", rows[at]))
			if stop.Look != nil && !selected.MatchString(seen[at]) {
				t.Errorf("%v, stop %d: row %d has not been seen:\n%s", size, at, rows[at], seen[at])
			}
			if title := map[string]string{"wire": "The wire", "streams": "in clear"}[stop.Show]; !strings.Contains(seen[at], title) {
				t.Errorf("%v, stop %d: %s has not been seen:\n%s", size, at, stop.Show, seen[at])
			}
		}
	}
}

func TestWhereTheSessionHasThePlaceOfTheTextTheWayBackLeadsToTheText(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(60, 16)
	s.on()
	s.shows("space: session", "backspace back")
	s.press(" ")
	s.shows("space  back to the question", "T text  backspace back")
	s.hides("A question")
	s.press("backspace")
	s.shows("A question", "space: later")
	s.press("esc")
	s.shows("space  back to the question")
	s.press(" ")
	s.write("you said")
	s.press("backspace")
	s.shows("you sai")
	for range len("you sai") {
		s.press("backspace")
	}
	s.shows("A question")
	s.press("backspace")
	s.rests()
	s.hides("A question")
	if s.m.sitting.at != 0 {
		t.Errorf("backspace leads to stop %d", s.m.sitting.at)
	}
	s.on()
	s.write("you said")
	s.press("enter")
	s.rests()
	s.shows("that is right")
}

func TestAPageBeginsWithoutTheViewsOfThePageBefore(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.press("esc", "L")
	s.shows("━━ encrypted")
	s.on()
	s.shows("Held on the way", "┬─ as sent")
	s.hides("━━ encrypted")
}

func TestWhatArrivedAlteredIsShownAsReceived(t *testing.T) {
	altered := map[string]string{
		"en": "# Altered\n\nNow.\n\n```script\nopen caesar\nhold client unit message\nbegin ave\nrelease: flip byte 0 bit 0\nlook client unit message received\n```\n\nOver.\n",
	}
	altered["pt-BR"] = altered["en"]
	for lang, title := range map[string]string{"en": "message as received, ", "pt-BR": "mensagem como chegou, "} {
		o := withLessons(t, map[string]map[string]string{"01-altered": altered}, "01-altered")
		o.Lesson, o.Lang = "1", lang
		s := open(t, o)
		s.rests()
		s.size(120, 40)
		s.on()
		s.shows(title)
	}
}

func TestBackspaceReturnsToWhatWasReadAndToItsSession(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.shows("you said ave populus", "A question", "step 3 of 3")
	s.press("esc")
	s.on()
	s.press("1")
	s.rests()
	s.on()
	s.shows("It waits: [veni vidi]", "step 4 of 4")
	s.on()
	s.shows("step 6 of 6", "shows how you did")
	for _, stop := range []struct{ shows, hides string }{
		{"step 4 of 6", "[you said veni vidi]"}, {"What do you think?", "It waits"}, {"step 3 of 6", "Held on the way"}, {"has opened no session", "A question"},
	} {
		s.press("backspace")
		s.rests()
		s.fits()
		s.shows(stop.shows)
		s.hides(stop.hides)
	}
	s.press("backspace")
	s.rests()
	s.shows("This is where the lesson begins.", "goes forward again")
	for range 4 {
		s.on()
	}
	s.shows("step 6 of 6", "shows how you did")
	if n := len(s.m.sitting.sessions); n != 1 {
		t.Errorf("going forward again opened another session: there are %d", n)
	}
}

func TestAnEarlierQuestionCanBeAnsweredLater(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.on()
	s.shows("Held on the way")
	s.press("esc", "backspace")
	s.rests()
	s.shows("A question", "space: forward")
	s.write("you said")
	s.press("enter")
	s.rests()
	s.shows("you said: that is right.", "It repeats *everything*.")
	s.press("T", "enter")
	s.shows("Nothing is asked here now.")
}

func TestAWrongAnswerIsCalledWrongWithoutTheRightOne(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.write("ave Caesar")
	s.press("enter")
	s.rests()
	s.shows("ave Caesar: that is not it.", "answer ›")
	s.hides("It repeats", "that is right")
	for i, hint := range []string{"Hint 1 of 3: A nudge.", "Hint 2 of 3: The place to look.", "Hint 3 of 3: The method."} {
		s.press("tab")
		s.rests()
		s.shows(hint, fmt.Sprintf("(%d/3)", i+1))
	}
	s.press("tab")
	s.rests()
	s.shows("There are no more hints.")
	s.hides("Hint 4")
}

func TestAPredictionIsToldOnceItHasComeToPass(t *testing.T) {
	for key, told := range map[string]string{
		"3": "✓ You had said: nobody. So it turned out.",
		"2": "✗ You had said: the server. What turned out: nobody.",
		" ": "What turned out: nobody.",
	} {
		s := tryLesson(t, "en")
		s.size(120, 40)
		s.on()
		s.on()
		s.press(key)
		s.rests()
		if key != " " {
			s.shows("We will see.")
			s.hides("turned out")
			s.on()
		}
		s.shows("It waits", "Nobody tells them.")
		if told := strings.Join(strings.Fields(told), " "); !strings.Contains(strings.Join(strings.Fields(s.prose()), " "), told) {
			t.Errorf("%q: the text does not say %q:\n%s", key, told, s.prose())
		}
	}
}

func TestEnterBehindTheNumberOfAChoiceComplainsOfNothing(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.on()
	s.press("3", "enter")
	s.rests()
	s.shows("You say: nobody. We will see.")
	s.hides("No answer has been typed")
}

// prose is the left part of the screen, where the text stands beside the session.
func (s *screen) prose() string {
	var left strings.Builder
	for line := range strings.Lines(s.text()) {
		cells := []rune(line)
		left.WriteString(string(cells[:min(len(cells), s.m.w*2/5)]) + "\n")
	}
	return left.String()
}

func TestTheOtherKeysKeepWorkingInALesson(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.press("esc")
	for key, title := range map[string]string{"L": "step 3 of 3", "D": "key schedule", "W": "The wire", "K": "CAESAR_KEY", "V": "What both sides made of it", "?": "In a lesson, wherever"} {
		s.press(key)
		s.fits()
		s.shows(title)
		s.press("esc")
	}
	s.press("left")
	s.shows("step 2 of 3")
	s.press("i")
	s.shows("In a lesson its script is the client.")
	s.press("T")
	if s.m.mode != onAnswer {
		t.Errorf("T does not lead to the answer: mode %d", s.m.mode)
	}
	s.press("esc", "q")
	s.until("leaving", func() bool { return s.left })
}

func TestAValueOfTheKeyScheduleHasWholeLinesToItself(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.press("esc", "D", "enter")
	s.fits()
	s.shows("taken from the client's key log")
	if strings.Contains(s.text(), s.m.pal.glyphs.column) {
		t.Errorf("the text of the lesson stands beside a value:\n%s", s.text())
	}
	s.press("T")
	if s.fits(); !strings.Contains(s.text(), s.m.pal.glyphs.column) {
		t.Errorf("the text of the lesson does not come back:\n%s", s.text())
	}
}

// secretsAndKeys is a lesson that shows views which scroll, or have long names.
const secretsAndKeys = "# Keys\n\nWords.\n\n```script\nopen tls\ndo hello\nshow secrets\n```\n\nSecrets.\n\n## More\n\n```script\nshow schedule\n```\n\nWhere they come from.\n"

func TestTheSpaceBarShowsAllOfAViewBeforeTheLessonGoesOn(t *testing.T) {
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 20}} {
		o := withLessons(t, map[string]map[string]string{"01-keys": {"en": secretsAndKeys}}, "01-keys")
		o.Lesson = "keys"
		s := open(t, o)
		s.rests()
		s.size(size[0], size[1])
		var seen strings.Builder
		for range 20 {
			if s.press(" "); s.m.sitting.works() {
				s.rests()
			}
			if s.fits(); s.m.sitting.stop.Page > 0 {
				break
			}
			seen.WriteString(s.text())
		}
		for _, want := range []string{" more lines", "SERVER_TRAFFIC_SECRET_0", "wire can."} {
			if !strings.Contains(seen.String(), want) {
				t.Errorf("%v: %s has not been seen:\n%s", size, want, seen.String())
			}
		}
	}
}

func TestBesideTheTextTheKeyScheduleHasWholeNames(t *testing.T) {
	o := withLessons(t, map[string]map[string]string{"01-keys": {"en": secretsAndKeys}}, "01-keys")
	o.Lesson = "keys"
	s := open(t, o)
	s.rests()
	s.size(120, 40)
	for !s.m.sitting.stop.Last {
		s.on()
	}
	s.fits()
	s.shows("verify_data (client)", "verify_data (server)", "client_handshake_traffic_secret", "server_application_traffic_secret_0")
}

func TestTheOtherLanguageGoesOnAtTheSamePlace(t *testing.T) {
	s := tryLesson(t, "en")
	s.size(120, 40)
	s.on()
	s.press("tab")
	s.rests()
	s.write("you said")
	s.press("enter")
	s.rests()
	s.on()
	s.press("3")
	s.rests()
	s.on()
	s.press("backspace")
	s.rests()
	s.shows("You had said: nobody.")
	s.command("lang pt-BR")
	s.shows("A lição recomeça em português")
	s.rests()
	s.fits()
	s.shows("Retida no caminho", "1 o cliente", "passo 3 de 4", "avança de novo")
	s.on()
	s.shows("Ela espera: [veni vidi]", "Você tinha dito: ninguém")
	s.press("backspace")
	s.rests()
	s.press("backspace")
	s.rests()
	s.shows("Dica 1 de 3: Um empurrão.")
	s.hides("está certo") // what was typed was about another session
	if n := len(s.m.sitting.asked); n != 2 {
		t.Errorf("%d questions are known, want 2", n)
	}
}

func TestALessonIsLeftAtAnyStopEvenAtWork(t *testing.T) {
	for at := range 5 {
		for _, waits := range []bool{true, false} {
			s := tryLesson(t, "en")
			for range at {
				s.on()
			}
			s.press("esc")
			for s.press(" "); !s.m.sitting.working && s.m.mode != onResults; s.press(" ") {
			}
			if waits {
				s.rests()
			}
			s.press("esc")
			s.command("restart")
			s.until("a session", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
			s.hides("page 1", "page 2")
			s.ask("create a b")
		}
	}
}

func TestWhileTheLessonWorksItSaysSoAndTheScreenAnswers(t *testing.T) {
	silent := map[string]string{"en": "# Silence\n\nNow.\n\n```script\nopen tls\nhold server text\nbegin read a\n```\n\nIt waits.\n\n```script\npause 300ms\n```\n\nOver.\n"}
	o := withLessons(t, map[string]map[string]string{"01-silence": silent}, "01-silence")
	o.Lesson = "1"
	s := open(t, o)
	s.rests()
	s.size(80, 24)
	s.on()
	s.press(" ")
	s.shows("the lesson is at work")
	s.fits()
	s.press(" ")
	s.shows("The lesson is at work: one moment.")
	s.press("backspace", "L", "L", "?", "esc")
	s.press("q")
	s.until("leaving", func() bool { return s.left })
}

func TestALessonThatFailsSaysWhereAndCanBeReadBack(t *testing.T) {
	broken := map[string]string{"en": "# Broken\n\nNow.\n\n```script\nopen caesar\ndo ave\n```\n\nFirst.\n\n```script\nrelease\n```\n\nNever.\n"}
	o := withLessons(t, map[string]map[string]string{"01-broken": broken}, "01-broken", "02-lost")
	s := finished(t, o)
	s.command("lesson")
	s.shows("Lessons", "Broken")
	s.press("esc", ":")
	s.write("lesson 01")
	s.press("tab", "enter")
	s.rests()
	s.on()
	s.shows("First.")
	s.press(" ")
	s.rests()
	s.shows("The lesson cannot go on: 01-broken, line 13: release: nothing waits on the", "wire")
	s.press(" ")
	s.shows("nothing more")
	s.press("backspace")
	s.rests()
	s.hides("First.", "cannot go on")
	s.fits()
	s.press(" ")
	s.rests()
	s.shows("First.", "cannot go on")
	s.command("lesson 2")
	s.rests()
	s.shows("The lesson cannot go on: no such lesson")
	s.press(" ", "backspace", "T", "T", "1", "enter", "?", "esc")
	s.fits()
	s.command("lesson 7")
	s.shows("There is no lesson 7.")
}

func TestWithoutLessonsTheScreenSaysSo(t *testing.T) {
	s := finished(t, Options{})
	s.command("lesson")
	s.shows("There are no lessons here.")
	s.press("T")
	s.shows("T does nothing here")
}

func TestNothingComputedInALessonReachesTheTerminalRaw(t *testing.T) {
	hostile := "\x1b]0;owned\a\x1b[31m\u202e\u2066世界\r\v\x9b31m"
	text := "# A \x1b[2J title\n\nAn \x1b[31m author.\n\n```script\nopen caesar\ndo " + hostile + "\n```\n\nIt says {{answer}} and `{{answer}}`, " +
		"{{nothing = answer}}.\n\n```ask what\nWhat is \x1b[5m{{answer}}?\n- {{answer}}: the \x1b[7m{{answer}}\n- b\n= answer\n? {{answer}}.\n! {{answer}}.\n```\n"
	o := withLessons(t, map[string]map[string]string{"01-hostile": {"en": text}}, "01-hostile")
	o.Lesson = "01-hostile"
	s := open(t, o)
	s.rests()
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}} {
		s.size(size[0], size[1])
		check := func() {
			t.Helper()
			s.fits()
			if err := clean(s.m); err != nil {
				t.Error(err)
			}
		}
		s.command("lesson 1")
		for s.rests(); s.m.mode != onResults; s.rests() {
			check()
			if a := s.m.sitting.question(); a != nil && !a.closed() {
				s.press("tab")
				s.rests()
				check()
				s.write("2" + hostile)
				s.press("enter")
				s.rests()
				check()
				s.press("1")
				s.rests()
			}
			s.press(" ")
		}
		check()
		s.command("lesson")
		check()
	}
}

func TestALessonFitsWhateverIsPressed(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 0))
		one := func(keys []string) string { return keys[r.IntN(len(keys))] }
		s := tryLesson(t, one([]string{"en", "pt-BR"}))
		for range 40 {
			key := one(someKeys)
			switch r.IntN(6) {
			case 0:
				s.send(tea.WindowSizeMsg{Width: 1 + r.IntN(250), Height: 1 + r.IntN(80)})
				key = "T"
			case 1, 2:
				key = one([]string{" ", "backspace", "1", "3", "tab", "enter"})
			}
			msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
			if named, ok := keyTypes[key]; ok {
				msg = tea.KeyMsg{Type: named}
			}
			if s.send(msg); r.IntN(3) > 0 { // or it is still at work when the next comes
				s.rests()
			}
			if err := fits(s.m); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if err := clean(s.m); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
}
