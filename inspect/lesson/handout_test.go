package lesson_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

// echoes is a course on a server that says what it hears.
func echoes(lang string) *lesson.Course {
	return &lesson.Course{Lang: lang, Open: func(string, string, []string) (inspect.Stage, error) { return echo{}, nil }}
}

const hostileWord = "</p><script>alert(1)</script>\u202e\x1b[2J"

const paper = "# Paper <b>\nminutes: 7\n\nWords with **strong** ones & `<i>`.\n\n- an item\n\n> a note\n\n" +
	"```script\nopen echo\ndo \"HOSTILE\"\nlook client unit line\n```\n\nThe server says {{answer}}, {{size of client unit line}} bytes.\n\n" +
	"```ask what\nWhat?\n- right: {{answer}}\n- wrong\n= \"right\"\n? Look.\n! So it is: {{answer}}.\n```\n" +
	"```ask how-long\nHow long?\n= size of client unit line\n? Look.\n! So.\n```\n"

func handoutOf(t *testing.T, lang, text string, blank bool) string {
	t.Helper()
	l, err := lesson.ParseLesson("01-paper", text)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := echoes(lang).Handout(t.Context(), l, blank, &page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestAHandoutHoldsTheSessionAsTextAndNothingElse(t *testing.T) {
	text := strings.ReplaceAll(paper, `"HOSTILE"`, strings.ReplaceAll(strings.ReplaceAll(`"`+hostileWord+`"`, "\x1b", `\x1b`), "\u202e", `\u202e`))
	for _, lang := range []string{"en", "pt-BR"} {
		page := handoutOf(t, lang, text, false)
		for _, want := range []string{
			`<html lang="` + lang + `">`, "<strong>strong</strong> ones &amp; <code>&lt;i&gt;</code>", "Paper &lt;b&gt;",
			"&lt;/p&gt;&lt;script&gt;alert(1)", "do &#34;", `class="choice"`, `class="write"`, `class="answers"`, `<td class=" marked">3c</td>`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s in\n%s", lang, want, page)
			}
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "http:") || strings.Contains(page, "https:") {
			t.Errorf("%s: the page runs or loads something:\n%s", lang, page)
		}
		if i := strings.IndexFunc(page, func(r rune) bool { return r != '\n' && r != '\t' && r != '\u00a0' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: at %d stands %q", lang, i, page[i:i+8])
		}
	}
}

func TestABlankHandoutHasNothingOfTheSession(t *testing.T) {
	text := strings.ReplaceAll(paper, `"HOSTILE"`, "zebra")
	full, blank := handoutOf(t, "en", text, false), handoutOf(t, "en", text, true)
	if n := strings.Count(full, "zebra"); n < 4 {
		t.Errorf("%d times in the full one", n)
	}
	if n := strings.Count(blank, "zebra"); n != 1 { // as what is done
		t.Errorf("%d times in the blank one:\n%s", n, blank)
	}
	if strings.Contains(blank, "7a 65") || strings.Contains(blank, ">7a<") || strings.Contains(blank, `class="answers"`) {
		t.Error("bytes, or answers, stand in the blank one")
	}
	if !strings.Contains(blank, `class="room"`) {
		t.Error("there is no room to fill anything in")
	}
}

func TestABlankHandoutLeavesRoomForWhatAnExerciseAsksFor(t *testing.T) {
	text := "# Paper\n\nWords.\n\n```script\nopen echo\ndo 7531\n```\n\nIt is {{7531 = answer}}, as 7531 bytes are not; in the year 75310.\n\n## More\n\n" +
		"Words.\n\n```ask which\nWhich is it, with its {{5 = size of client unit line}} bytes?\n= answer\n? Look.\n! So.\n```\n\nIt is *{{7531 = answer}}*.\n\n## Behind\n\n{{7531 = answer}}.\n"
	blank := handoutOf(t, "en", text, true)
	for part, want := range map[string]int{"<section>": 3, "<div>do <span class=\"room\"": 1, "<span>Name:": 1, "minute": 0, "It is <span class=\"room\"": 2, "year 75310": 1, "its 5 bytes": 1, "7531.": 1} {
		if n := strings.Count(blank, part); n != want {
			t.Errorf("%d times %s, want %d:\n%s", n, part, want, blank)
		}
	}
	if n := strings.Count(strings.ReplaceAll(blank, "75310", ""), "7531"); n != 1 { // behind the page of the exercise
		t.Errorf("the answer stands there %d times:\n%s", n, blank)
	}
}

func TestNoHandoutIsMadeOfWhatIsNotSo(t *testing.T) {
	for text, line := range map[string]int{
		"# A\n\n```script\nopen echo\ndo hello\n```\n\nIt says {{nothing = answer}}.\n": 8,
		"# A\n\n```script\nopen echo\ndo hello\nlook client unit line 9\n```\n":         6,
	} {
		l, err := lesson.ParseLesson("01-a", text)
		if err != nil {
			t.Fatal(err)
		}
		var page strings.Builder
		err = echoes("en").Handout(t.Context(), l, false, &page)
		var claim *lesson.ClaimError
		var step *lesson.StepError
		if !(errors.As(err, &claim) && claim.Check.Line == line) && !(errors.As(err, &step) && step.Step.Line == line) || page.Len() > 0 {
			t.Errorf("%v, want line %d; %d bytes", err, line, page.Len())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, err := lesson.ParseLesson("01-a", "# A\n\n```script\nopen echo\ndo hello\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := echoes("en").Handout(ctx, l, false, new(strings.Builder)); err == nil {
		t.Error("a handout was made although nobody waits for it")
	}
}
