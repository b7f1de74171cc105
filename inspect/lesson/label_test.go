package lesson

import (
	"slices"
	"strings"
	"testing"
)

func TestALabelSaysWhatItsChoiceIs(t *testing.T) {
	for choices, want := range map[string]string{
		"client: the client; server: the server; nobody: neither of them":      "",
		"client: o cliente; server: ao servidor; nobody: a nenhum dos dois":    "",
		"client: the client; server: the client; nobody: nobody":               "server",
		"client: the server, behind the client; server: the server":            "client",
		"client: this one; server: the server":                                 "client",
		"bad_record_mac: bad_record_mac, no decode_error; decode_error: so":    "decode_error",
		"bad_record_mac: with decode_error; decode_error: with bad_record_mac": "bad_record_mac, decode_error",
		"certificate: unknown_ca, Certificate; finished: a Finished":           "",
		"43 41: `43 41`, whole; 43: `43`, half; nothing: nothing":              "",
		"43 41: `43 42`, whole; 43: 43, half; nothing: `43`":                   "43 41, 43, nothing",
		"0: not at all; 1: once; 2: both":                                      "",
		"0: nenhuma, uma coisa; 1: uma vez; 2: as duas":                        "",
		"0: twice; 1: twice; 2: twice":                                         "0, 1",
		"200: 200, and so on; 400: 500, so; 2.50: 2.50, of 3":                  "400",
		"2: one that has two; 3: three or two":                                 "",
		"in its handshake: before it; after its handshake: before it":          "after its handshake",
		"{{answer}}: so: {{answer}}; {{version}}: {{version}}, so":             "",
		"{{answer}}: so: {{version}}; {{version}}: so":                         "{{answer}}, {{version}}",
		"TLS 1.2: TLS 1.2, as in legacy_version; TLS 1.3: TLS 1.2":             "TLS 1.3",
		"name: the time; time: the name; other: so":                            "name, time",
		"a: one; b: two": "",
	} {
		text := "# Title\nminutes: 5\n\nWords.\n\n```ask what\nWhat?\n- " + strings.ReplaceAll(choices, "; ", "\n- ") + "\n= noticed\n? Look.\n! So.\n```\n"
		var got []string
		for _, f := range readLesson(t, text).Faults() {
			if f.remark.id == "fault_label" {
				value, _, _ := strings.Cut(strings.TrimPrefix(f.Text, "- "), ": ")
				got = append(got, value)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", choices, got, want)
		}
	}
}

func TestALabelOfAConditionSaysWhatThatIsAbout(t *testing.T) {
	when := "- a: o nome\n  when reason of proof certificate_chain of server is \"wrong_name\"\n- b: o prazo\n  when reason of proof certificate_chain of server is \"expired\"\n"
	for choices, want := range map[string]int{when: 0, strings.NewReplacer("o nome", "o prazo", "o prazo", "o nome").Replace(when): 2, strings.Replace(when, "o nome", "x", 1): 0} {
		l := readLesson(t, "# Title\nminutes: 5\n\nWords.\n\n```ask what\nWhat?\n"+choices+"? Look.\n! So.\n```\n")
		if got := l.mislabelled(); len(got) != want {
			t.Errorf("%s: %+v", choices, got)
		}
	}
}

func TestAnExchangeOfTwoLabelsIsNoticed(t *testing.T) {
	l := readLesson(t, "# Title\nminutes: 5\n\nWords.\n\n```ask what\nWhat?\n- client: the client\n- server: the server\n- nobody\n= noticed\n? Look.\n! So.\n```\n")
	var all []Check
	e := l.Exercises()[0]
	e.alterLabels(func(c Check) { all = append(all, c) })
	if len(all) != 1 || !all[0].OK {
		t.Errorf("%+v", all)
	}
	e.choices[0].label, e.choices[1].label = e.choices[1].label, e.choices[0].label
	if got := l.mislabelled(); len(got) != 2 || slices.ContainsFunc(got, func(c Check) bool { return c.GotIn("en") == c.GotIn("pt-BR") }) {
		t.Errorf("%+v", got)
	}
}
