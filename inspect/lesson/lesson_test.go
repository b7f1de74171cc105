package lesson

import (
	"errors"
	"strings"
	"testing"
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
		"São dezesseis bytes.":                                     "dezesseis",
		"See RFC 8446 section 4.1.2, as of 2018.":                  "2018",
		"{{Ok = answer}} is said, and {{answer}}, see RFC 8446.":   "",
		"The client says {{ClientHello = answer}}: a ClientHello.": "",
		"RFC 8446, seção 4.1.2, e seção 4.1.2 da RFC 8446.":        "",
		"One side, two sides, the first of them.":                  "",
		"Letters in UTF-8, on the stage sockets-v5.":               "sockets-v5",
		"It is sockets-v4.\n\n```script\nopen sockets-v4\n```":     "",
	} {
		faults := readLesson(t, "# Title\n\n"+prose+"\n").Faults()
		var got []string
		for _, fault := range faults {
			got = append(got, fault.Text)
			if fault.OK || fault.Line != 3 {
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
		"Title\n":                                        1,
		"# Title\nminutes: soon\n\nWords.\n":             2,
		"# Title\n":                                      1,
		good + "# Another\n":                             6,
		good + "**never closed\n":                        6,
		good + "{{answer\n":                              6,
		good + "```script\ndo a\nfly away\n```\n":        8,
		good + "```script\ndo a\n":                       6,
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

func TestTwoLanguagesOfALessonDoTheSame(t *testing.T) {
	english := "# A\n\nIt says {{Ok = answer}}.\n\n```script\nopen kv tls13\nexpect answer \"yes\"\n```\n\n```ask what\nWhat?\n- a: Yes\n- b: No\n= answer\n? Look.\n! So.\n```\n"
	portuguese := strings.NewReplacer("It says", "Ele diz", `"yes"`, `"sim"`, "Yes", "Sim", "{{Ok =", "{{Certo =").Replace(english)
	if err := Same(readLesson(t, english), readLesson(t, portuguese)); err != nil {
		t.Error(err)
	}
	for was, is := range map[string]string{"tls13": "tls12", "= answer\n": "= version\n", "- b: Não": "- c: Não", "? Look.\n": "? Look.\n? More.\n", "- b: No": "- c: Não", "Ele": "## Outra\n\nEle"} {
		other := strings.Replace(portuguese, was, is, 1)
		if other == portuguese {
			continue
		}
		if Same(readLesson(t, english), readLesson(t, other)) == nil {
			t.Errorf("%q instead of %q: nothing is said of it", is, was)
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
			if _, what := parseFact(words); what != "" {
				t.Errorf("%s: altered to %q, which is no expectation: %s", line, words, what)
			}
		}
	}
}

func TestALessonThatOpensNoSessionSaysSo(t *testing.T) {
	lesson := readLesson(t, "# Title\n\n```script\ndo read a\n```\n")
	if _, err := new(Course).Check(t.Context(), lesson, false); !errors.Is(err, errNoSession) {
		t.Errorf("%v, want that no session is open", err)
	}
}
