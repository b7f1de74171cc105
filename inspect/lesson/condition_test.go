package lesson_test

import (
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

// checked is what comes of a lesson in which something is asked after the client has said nome, and the server too.
func checked(t *testing.T, ask string) *lesson.Report {
	t.Helper()
	parsed, err := lesson.ParseLesson("try", "# Try\nminutes: 5\n\nWords.\n\n```script\nopen echo\ndo nome\n```\n\n```ask what\nWhat?\n"+ask+"? Look.\n! So.\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	course := lesson.Course{Patience: 30 * time.Second, Open: func(string, string, []string) (inspect.Stage, error) { return echo{}, nil }}
	report, err := course.Check(t.Context(), parsed, true)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestTheChoiceWhoseConditionHoldsIsTheRightOne(t *testing.T) {
	for ask, want := range map[string]string{
		"- a\n  when answer is \"ana\"\n- b\n  when answer is \"nome\"\n":                                             "",
		"- a: the name\n  when size of answer is 4\n- b: no\n  when no answer\n- c: d\n  when answer\n  is \"ana\"\n": "",
		"- a\n  when answer is \"ana\"\n- b\n  when size of answer is 5\n":                                            "no choice is right",
		"- a\n  when answer is \"nome\"\n- b\n  when size of answer is 4\n":                                           "by lines 14, 16",
		"- a\n  when alert of server is decode_error\n- b\n  when answer is \"nome\"\n":                               "sent no alert",
	} {
		switch err := checked(t, ask).Err(); {
		case want == "" && err != nil:
			t.Errorf("%s: %v", ask, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", ask, err, want)
		}
	}
}

// Each answer and each condition is altered, and each alteration noticed.
func TestWhatSaysWhichAnswerIsRightIsAltered(t *testing.T) {
	for ask, want := range map[string]int{
		"- a\n  when answer is \"ana\"\n- b\n  when answer is \"nome\"\n": 5, // each inverted; of the one that holds the opposite, and two other texts
		"- nome\n- ana\n= answer\n":                                       1, // the other choice
		"= size of answer\n":                                              2, // one less, one more
	} {
		report := checked(t, ask)
		if got := len(report.Alterations); got != want || report.Err() != nil {
			t.Errorf("%s: %d alterations, want %d; %v", ask, got, want, report.Err())
		}
	}
	if err := checked(t, "- ana\n- nome\n= \"nome\"\n").Err(); err == nil || !strings.Contains(err.Error(), "must come from the session") {
		t.Errorf("an answer that is written down: %v", err)
	}
}

// Words stand where their condition is judged; altered words and an altered condition are noticed.
func TestWordsAreTrueIfTheirConditionIs(t *testing.T) {
	ask := func(words string) string { return "- nome\n- ana\n= answer\n? " + words + ".\n" }
	if report := checked(t, ask("The answer is {{as long as another, and not the same when answer is not \"ana\"}}")); report.Err() == nil {
		t.Error("a word that says more than the condition is believed")
	}
	report := checked(t, ask("The answer is {{**another** when answer is not \"ana\"}}"))
	if report.Err() != nil || len(report.Alterations) != 3 {
		t.Errorf("%d alterations, want that of the choice, the opposite, and the other word: %v", len(report.Alterations), report.Err())
	}
	for words, want := range map[string]string{
		"The answer is {{another when answer is not \"nome\"}}":         `"nome" beside "nome"`,
		"The {{server when alert of server is bad_record_mac}} said so": "no alert",
	} {
		if err := checked(t, ask(words)).Err(); err == nil {
			t.Errorf("%s: true", words)
		} else {
			t.Log(want, err)
		}
	}
}

func TestALineThatCannotActSaysWhy(t *testing.T) {
	for _, lines := range []string{"open echo\ntamper client text: flip byte 9\ndo nome", "open echo\nhold client text\nbegin nome\nrelease: flip byte -9"} {
		parsed, err := lesson.ParseLesson("try", "# Try\nminutes: 5\n\nWords.\n\n```script\n"+lines+"\n```\n")
		if err != nil {
			t.Fatal(err)
		}
		course := lesson.Course{Patience: 30 * time.Second, Open: func(string, string, []string) (inspect.Stage, error) { return echo{}, nil }}
		report, err := course.Check(t.Context(), parsed, false)
		if err != nil {
			t.Fatal(err)
		}
		acts := lines[strings.Index(lines, "\n")+1:]
		if err := report.Err(); err == nil || !strings.Contains(err.Error(), ": flip byte ") || !strings.Contains(err.Error(), "lies outside of the bytes") {
			t.Errorf("%s: %v", acts, err)
		}
	}
}
