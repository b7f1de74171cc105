package lesson_test

import (
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

// lookedAt goes through a lesson of one script, and returns what it points at in the end.
func lookedAt(t *testing.T, script string) (*lesson.Look, error) {
	t.Helper()
	parsed, err := lesson.ParseLesson("try", "# Try\n\n```script\nopen echo\n"+script+"\n```\n")
	if err != nil {
		return nil, err
	}
	course := lesson.Course{Open: func(string, string, []string) (inspect.Stage, error) { return echo{}, nil }}
	sitting := course.Begin(t.Context(), parsed)
	defer sitting.Close()
	stop, err := sitting.Next()
	if err != nil {
		return nil, err
	}
	return stop.Look, nil
}

func TestALessonPointsAtARecordAsItWasSentOrAsItArrived(t *testing.T) {
	const altered = "do first\ntamper client text: flip byte 0 bit 1\ndo nome\n"
	for where, want := range map[string]string{
		"client text":                         "first\n",
		"client text 2":                       "nome\n",
		"client text last":                    "nome\n",
		"client text last received":           "lome\n",
		"client text containing \"nom\"":      "nome\n",
		"client text two received":            "lome\n",
		"server text last":                    "lome\n",
		"client text containing \"received\"": "",
	} {
		look, err := lookedAt(t, altered+"look "+where)
		switch {
		case want == "" && err == nil:
			t.Errorf("%s: %q is looked at", where, look.Bytes)
		case want != "" && (err != nil || string(look.Bytes) != want):
			t.Errorf("%s: %+v, %v, want %q", where, look, err, want)
		}
	}
}

func TestWhatIsNotThereIsNotLookedAt(t *testing.T) {
	for line, want := range map[string]string{
		"look client text received":      "as it was sent",
		"look client text 2":             "has no client text 2",
		"look client text recieved":      "has no field recieved; there are ",
		"look client text record.length": "has no field record.length",
		"explain client text received":   "explain needs a field",
		"look nobody text":               "first comes whose record it is",
		"look client":                    "then which kind",
		"look":                           "first comes whose record it is",
	} {
		if look, err := lookedAt(t, "do first\n"+line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", line, look, err, want)
		}
	}
}

func TestACommandCanSayWhatTheSessionSaidBefore(t *testing.T) {
	look, err := lookedAt(t, "do first\nlet word = first 3 of answer\ndo \"{{line of client text}}, {{word}}\"\nlook client text last")
	if err != nil || string(look.Bytes) != "first, fir\n" {
		t.Errorf("%+v, %v", look, err)
	}
	for script, want := range map[string]string{
		"do read {{lost}}":        "no let keeps a value as lost",
		"do read {{first":         "{{ has no end",
		"do read {{zzz of}}":      "of cannot stand here",
		"begin read {{alert of}}": `behind "of" comes client or server`,
		"send {{first}":           "{{ has no end",
		"send":                    "send needs commands",
	} {
		if _, err := lookedAt(t, script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

func TestWordsAreHeldToWhatALessonPointsAt(t *testing.T) {
	for condition, want := range map[string]string{
		"looked is client text 2":          "",
		"looked is client text 2 received": "6e 6f 6d 65 0a, beside 6c 6f 6d 65 0a",
		"looked is client text 1":          "beside first",
	} {
		text := "# Try\nminutes: 5\n\nWords.\n\n```script\nopen echo\ndo first\ntamper client text: flip byte 0 bit 1\ndo nome\nlook client text 2\n```\n\nAt {{the client's request when " + condition + "}}.\n"
		parsed, err := lesson.ParseLesson("try", text)
		if err != nil {
			t.Fatal(err)
		}
		course := lesson.Course{Patience: 30 * time.Second, Open: func(string, string, []string) (inspect.Stage, error) { return echo{}, nil }}
		report, err := course.Check(t.Context(), parsed, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := report.Err(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", condition, err, want)
		}
	}
	if _, err := lookedAt(t, "do first\nlet what = looked"); err == nil || !strings.Contains(err.Error(), "nothing was looked at") {
		t.Errorf("where nothing was looked at: %v", err)
	}
}
