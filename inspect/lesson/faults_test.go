package lesson

import (
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

// faultsOf are those of a lesson in which this stands, by their ids, or, for what is said without proof, its text.
func faultsOf(t *testing.T, page string) (ids []string) {
	t.Helper()
	for _, f := range readLesson(t, "# Title\nminutes: 5\n\n"+page+"\n").Faults() {
		ids = append(ids, f.remark.id)
		if en, pt := f.GotIn(docs.English), f.GotIn(docs.Portuguese); en == pt || en != f.Got || strings.Contains(en+pt, "no value") {
			t.Errorf("%s: %q, %q", page, en, pt)
		}
	}
	return ids
}

func TestWhatHasNothingOfTheSessionProvesNothing(t *testing.T) {
	script := func(lines string) string { return "```script\n" + lines + "\n```\n\n" }
	ask := func(lines string) string { return "```ask what\nWhat?\n" + lines + "\n? Look.\n! So.\n```\n" }
	for page, want := range map[string]string{
		"It has {{seven = 7}} of them.":                                                "fault_template",
		"It has {{7}} of them.":                                                        "fault_template",
		script("let n = 7") + "It has {{seven = n}} of them.":                          "fault_template",
		script("let n = answer\nlet n = 7") + "It has {{7 = n}}.":                      "fault_template",
		script("let n = answer\nlet m = n") + "It has {{7 = m}}.":                      "",
		"There are {{256 = 0xff plus 1}}.":                                             "fault_template",
		"It has {{seven = 3 plus 4}} of them.":                                         "fault_template",
		"It has {{ab = first 2 of \"abc\"}}.":                                          "fault_template",
		"It has {{three = size of \"abc\"}} letters.":                                  "fault_template",
		"It is {{0 = equal bytes of \"a\" and \"b\"}}.":                                "fault_template",
		script("let n = 3 plus 4") + "It has {{seven = n}} of them.":                   "fault_template",
		script("let n = 3 plus 4\nexpect n is 7"):                                      "fault_expect",
		"It is {{80 = port of \"http\"}}.":                                             "",
		script("let n = 3 plus size of answer\nexpect n is 7"):                         "",
		"It has {{four = letters of \"café\"}} letters.":                               "fault_template",
		"It has {{four = size of answer}}.":                                            "",
		ask("= 7"):                                                                     "fault_answer",
		ask("= \"early_secret\""):                                                      "fault_answer",
		ask("= client"):                                                                "fault_answer",
		ask("= size of \"abc\""):                                                       "fault_answer",
		script("let n = 7") + ask("= n plus 1"):                                        "fault_answer",
		ask("= alert of client"):                                                       "",
		ask("= first 4 of client client_hello random"):                                 "",
		ask("= version\n= \"TLS\""):                                                    "fault_answer",
		ask("- a\n  when 1 is 1\n- b\n  when noticed is client"):                       "fault_same",
		ask("- a\n  when 1 is 2\n- b\n  when noticed is client"):                       "fault_expect",
		ask("- a\n  when server alerts bad_record_mac\n- b\n  when noticed is client"): "",
		script("expect answer is answer"):                                              "fault_same",
		script("expect bad_record_mac is bad_record_mac"):                              "fault_same",
		script("expect bad_record_mac is not decode_error"):                            "fault_expect",
		script("let n = 7\nexpect n is 7"):                                             "fault_expect",
		script("let n = answer\nexpect n is 7"):                                        "",
		script("expect server alerts bad_record_mac\nexpect no answer"):                "",
		script("expect server sends server_hello"):                                     "",
	} {
		if got := strings.Join(faultsOf(t, page), ", "); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}

func TestSignsOfMarkdownThatAreNotRenderedAreFaults(t *testing.T) {
	for page, ok := range map[string]bool{
		"Words **strong**, *so*, `code [x](y) <b> **`.":                    true,
		"- an item\n- another\n  that goes on\n\n> a note\n> that goes on": true,
		"From a to b, x < y, y > x, A & B, [so], _.":                       true,
		"See [this](http://a.b).":                                          false,
		"See ![this](a.png).":                                              false,
		"See [this][that].":                                                false,
		"[that]: http://a.b":                                               false,
		"See <http://a.b>.":                                                false,
		"It is <b>so</b>.":                                                 false,
		"It is <!-- not --> so.":                                           false,
		"It is so.<br/>":                                                   false,
		"A&nbsp;b.":                                                        false,
		"It is ~~not~~ so.":                                                false,
		"It is \\*so\\*.":                                                  false,
		"It is _so_.":                                                      false,
		"It is __so__.":                                                    false,
		"It is **not *so* much**.":                                         false,
		"* one\n* two":                                                     false,
		"+ an item":                                                        false,
		"- an item\n  - within":                                            false,
		"> - an item":                                                      false,
		"| a | b |":                                                        false,
		"---":                                                              false,
		"Words\n===":                                                       false,
		"~~~\nx\n~~~":                                                      false,
		"```ask what\nWhat [is](it)?\n= answer\n? Look.\n! So.\n```":            false,
		"```ask what\nWhat?\n= answer\n? Look <i>there</i>.\n! So.\n```":        false,
		"```ask what\nWhat?\n- a: <b>a</b>\n- b\n= answer\n? Look.\n! So.\n```": false,
		"## A **page**\n\nWords.": false,
	} {
		faults := faultsOf(t, page)
		if ok && len(faults) > 0 || !ok && (len(faults) == 0 || faults[0] != "fault_markdown") {
			t.Errorf("%q: %q", page, faults)
		}
	}
}

func TestAFaultInAnExerciseNamesItsOwnLine(t *testing.T) {
	lines := strings.Split("# Title\nminutes: 5\n\n```ask what\nThe question is of the lesson.\n- a: the label\n- b: another\n= answer\n? A nudge.\n? The place.\n! So.\n! And so.\n```", "\n")
	for _, at := range []int{4, 5, 8, 9, 10} {
		text := slices.Clone(lines)
		text[at] += " <i>seven</i> clients"
		english, portuguese := readLesson(t, strings.Join(text, "\n")), readLesson(t, strings.Join(lines, "\n"))
		all := append(english.Faults(), Unlike(portuguese, english)...)
		if len(all) < 2 {
			t.Errorf("line %d: %+v", at+1, all)
		}
		for _, f := range all {
			if f.Line != at+1 {
				t.Errorf("%s: said of line %d, and stands in line %d", f.Text, f.Line, at+1)
			}
		}
	}
}

func TestALessonSaysHowLongItTakes(t *testing.T) {
	faults := readLesson(t, "# Title\n\nWords.\n").Faults()
	if len(faults) != 1 || faults[0].Line != 1 || !strings.Contains(faults[0].Got, "minutes: 15") {
		t.Errorf("%+v", faults)
	}
}

func TestANameIsProvenOnItsPage(t *testing.T) {
	const opened = "## First\n\nWords.\n\n```script\nopen kv tls13\nexpect version is \"TLS 1.3\"\nexpect server alerts bad_record_mac\nexpect server sends hello_retry_request\n```\n\n"
	other := func(prose string) string {
		return opened + "## Second\n\n" + prose + "\n\n```script\nexpect suite contains \"AES-128\"\n```\n\n"
	}
	for page, want := range map[string]string{
		opened + "It sent bad_record_mac.":                                            "",
		opened + "It sent decode_error.":                                              "fault_unproved",
		other("It sent bad_record_mac."):                                              "fault_unproved",
		other("It sent a HelloRetryRequest."):                                         "fault_unproved",
		opened + "It sent a HelloRetryRequest.":                                       "",
		other("It is AES, and no RSA."):                                               "fault_unproved",
		other("It is AES."):                                                           "",
		other("Words.") + "## Third\n\nIt sent bad_record_mac. It is AES.":            "",
		other("TLS 1.3 was opened."):                                                  "",
		other("*Connection reset by peer*, EOF."):                                     "fault_unproved, fault_unproved",
		"## First\n\nWords.\n\n```script\nopen kv sealed\n```\n\nIt is AES with CBC.": "",
	} {
		if got := strings.Join(faultsOf(t, page), ", "); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}
