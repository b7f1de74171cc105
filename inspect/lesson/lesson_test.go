package lesson

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/docs"
)

func readLesson(t *testing.T, text string) *Lesson {
	t.Helper()
	lesson, err := ParseLesson("try", text)
	if err != nil {
		t.Fatal(err)
	}
	return lesson
}

func TestProseMayNotClaimWhatNothingProves(t *testing.T) {
	for prose, want := range map[string]string{
		"The random has 32 bytes.":                                 "32",
		"It begins with 0x16.":                                     "0x16",
		"Its bytes are `ff fe`.":                                   "ff fe",
		"It is refused with bad_record_mac.":                       "bad_record_mac",
		"A ClientHello comes first.":                               "ClientHello",
		"They agree on TLS 1.3.":                                   "TLS 1.3",
		"They use X25519.":                                         "X25519",
		"There are three of them.":                                 "three",
		"Hundreds of bytes, a quarter of them, the eleventh.":      "Hundreds, a quarter of, eleventh",
		"Meia dúzia, centenas de bytes, um terço do resto.":        "Meia dúzia, centenas, um terço do",
		"O décimo segundo, e trezentos outros.":                    "décimo segundo, trezentos",
		"São dezesseis bytes.":                                     "dezesseis",
		"See RFC 8446 section 4.1.2, as of 2018.":                  "2018",
		"{{Ok = answer}} is said, and {{answer}}, see RFC 8446.":   "",
		"The client says {{ClientHello = answer}}: a ClientHello.": "",
		"RFC 8446, seção 4.1.2, e seção 4.1.2 da RFC 8446.":        "",
		"One side, two sides, the first of them.":                  "",
		"Letters in UTF-8, on the stage sockets-v5.":               "sockets-v5",
		"It is sockets-v4.\n\n```script\nopen sockets-v4\n```":     "",
	} {
		faults := readLesson(t, "# Title\nminutes: 5\n\n"+prose+"\n").Faults()
		var got []string
		for _, fault := range faults {
			got = append(got, fault.Text)
			if fault.OK || fault.Line != 4 {
				t.Errorf("%s: %+v", prose, fault)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: claims without proof: %q, want %q", prose, got, want)
		}
	}
}

func TestALessonThatIsWrittenWronglySaysInWhichLine(t *testing.T) {
	const good = "# Title\nminutes: 5\n\nWords.\n\n"
	for text, want := range map[string]int{
		"Title\n":                                 1,
		"# Title\nminutes: soon\n\nWords.\n":      2,
		"# Title\nminutes: 0\n\nWords.\n":         2,
		"# Title\nminutes: 121\n\nWords.\n":       2,
		"# Title\n":                               1,
		good + "# Another\n":                      6,
		good + "**never closed\n":                 6,
		good + "{{answer\n":                       6,
		good + "```script\ndo a\nfly away\n```\n": 8,
		good + "```script\ndo a\n":                6,
		good + "```script\ndo a\n\nWords.\n\n```script\ndo b\n```\n":                                                                6,
		good + "```ask what\nWhat?\n- a\n  when noticed is client\n- b\n? Look.\n! So.\n```\n":                                      6,
		good + "```ask what\nWhat?\n- a\n  when noticed is client\n- b\n  when noticed was server\n? Look.\n! So.\n```\n":           11,
		good + "```ask what\nWhat?\n- a\n  when noticed is client\n  when noticed is server\n? Look.\n! So.\n```\n":                 10,
		good + "```ask what\nWhat?\n- a\n  when noticed is client\n- b\n  when noticed is server\n= noticed\n? Look.\n! So.\n```\n": 6,
		good + "```sql\n```\n":                           6,
		good + "```ask what\nWhat?\n? Look.\n! So.\n```": 6,
		good + "```ask what\nWhat?\n= answer\n? Look.\n! So.\n```\n\n```ask what\nWhat?\n= answer\n? Look.\n! So.\n```\n": 13,
		good + "```predict what\nWhat?\n= answer\n? Look.\n! So.\n```\n":                                                  6,
	} {
		_, err := ParseLesson("try", text)
		wrong := new(SyntaxError)
		if !errors.As(err, &wrong) || wrong.Line != want {
			t.Errorf("%q: %v, want line %d", text, err, want)
		}
	}
}

func TestAFenceWithoutItsEndIsNamedByItsFirstLineInBothLanguages(t *testing.T) {
	for fence, want := range map[string][2]string{
		"```script\nopen kv\n\nWords.\n":                            {"the script of line 6 has no end", "o script da linha 6 não tem fim"},
		"```script\nopen kv\n\nWords.\n\n```script\nopen kv\n```\n": {"the script of line 6 has no end", "o script da linha 6 não tem fim"},
		"```ask what\nWhat?\n= answer\n\n```script\nopen kv\n```\n": {"what begins in line 6 has no end", "o que começa na linha 6 não tem fim"},
	} {
		_, err := ParseLesson("try", "# Title\nminutes: 5\n\nWords.\n\n"+fence)
		wrong := new(SyntaxError)
		if !errors.As(err, &wrong) {
			t.Fatalf("%q: %v", fence, err)
		}
		for i, lang := range []string{docs.English, docs.Portuguese} {
			if got := wrong.WhatIn(lang); !strings.HasPrefix(got, want[i]) {
				t.Errorf("%q: %q, want %q", fence, got, want[i])
			}
		}
	}
}

func TestTwoLanguagesOfALessonDoTheSame(t *testing.T) {
	english := "# A\n\nIt says {{Ok = answer}}.\n\n```script\nopen kv tls13\nexpect answer \"yes\"\n```\n\n```ask what\nWhat?\n- a: Yes\n- b: No\n= answer\n? Look.\n! So.\n```\n"
	portuguese := strings.NewReplacer("It says", "Ele diz", `"yes"`, `"sim"`, "Yes", "Sim", "b: No", "b: Não", "{{Ok =", "{{Certo =").Replace(english)
	if err := Same(readLesson(t, english), readLesson(t, portuguese)); err != nil {
		t.Error(err)
	}
	for _, change := range []struct {
		was, is, id string
		line        int
	}{
		{"tls13", "tls12", "fault_same_other", 6},
		{"= answer\n", "= version\n", "fault_same_other", 14},
		{"- b: Não", "- c: Não", "fault_same_other", 13},
		{"? Look.\n", "? Look.\n? More.\n", "fault_same_exercise", 10},
		{"Ele", "## Outra\n\nEle", "fault_same_pages", 1},
		{"# A\n", "# A\nminutes: 5\n", "fault_same_minutes", 1},
	} {
		other := strings.Replace(portuguese, change.was, change.is, 1)
		wrong := new(SyntaxError)
		if err := Same(readLesson(t, english), readLesson(t, other)); !errors.As(err, &wrong) || wrong.what.id != change.id || wrong.Line != change.line {
			t.Errorf("%q instead of %q: %v, want %s in line %d", change.is, change.was, err, change.id, change.line)
		}
	}
}

func FuzzParseLesson(f *testing.F) {
	f.Add("# A\nminutes: 5\n\nWords **strong** `code` {{Ok = answer}}.\n\n- item\n\n> note\n\n```script\nopen kv\n```\n\n```ask a\nQ?\n- x: y\n= answer\n? h\n! w\n```\n")
	f.Fuzz(func(t *testing.T, text string) {
		if lesson, err := ParseLesson("fuzz", text); err == nil {
			lesson.Faults()
			if err := Same(lesson, lesson); err != nil {
				t.Error(err)
			}
			if unlike := Unlike(lesson, lesson); unlike != nil {
				t.Error(unlike)
			}
		}
	})
}

func TestEveryKindOfExpectationCanBeAltered(t *testing.T) {
	for _, line := range []string{
		"answer Ok", "no answer", "silence", "client fails", "client fails \"bad record MAC\"", "server is content", "server alerts bad_record_mac",
		"server alerts bad_record_mac understood", "client notices", "nobody notices", "client learns of nothing", "server receives repeated",
		"server reads nothing", "attacker reads nothing", "attacker reads nome", "attacker changes nothing", "attacker changes the data",
		"attacker sees a pause of 200ms", "client ends with end of file", "resumed", "not resumed", "version TLS 1.3", "guessed", "not guessed",
	} {
		words, _ := wordsOf(line)
		altered := alterations(unquoted(words))
		if len(altered) == 0 {
			t.Errorf("%s: it has no alteration", line)
		}
		for _, words := range altered {
			if strings.Join(words, " ") == line {
				t.Errorf("%s: an alteration says the same", line)
			}
			if _, what := parseFact(words); what != nil {
				t.Errorf("%s: altered to %q, which is no expectation: %s", line, words, what)
			}
		}
	}
}

func TestALessonThatOpensNoSessionSaysSo(t *testing.T) {
	for _, step := range []string{"do read a", "begin show", "connect", "exit", `send "x"`, "pause 10ms", "tamper client text: drop", "hold client text"} {
		lesson := readLesson(t, "# Title\n\n```script\n"+step+"\n```\n")
		if _, err := new(Course).Check(t.Context(), lesson, false); !errors.Is(err, errNoSession) {
			t.Errorf("%s: %v, want that no session is open", step, err)
		}
	}
}

func TestNothingThatStandsBeforeASessionPanics(t *testing.T) {
	for _, step := range []string{
		"release", "release: drop", "look client text 1", "show ladder", "let n = size of client text", "expect answer Ok", "expect noticed is nobody", "expect proofs verified is 4",
		"expect client sends client_hello", "expect version is suite", "expect alert of client is decode_error", "expect round_trips is 1", "expect server is content",
		"expect attacker reads nothing", "expect attacker changes nothing", "expect attacker sees a pause of 1ms", "expect resumed", "expect schedule key is 0x00", "expect not guessed", `guess "a" "b"`,
	} {
		lesson := readLesson(t, "# Title\nminutes: 5\n\nIt says {{answer}}, {{version}}, {{noticed}}, {{connections}}.\n\n```script\n"+step+"\n```\n")
		(&Course{Patience: time.Millisecond}).Check(t.Context(), lesson, true)
	}
}
