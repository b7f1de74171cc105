package main

import (
	"testing"

	"example.com/tlslab/docs"
)

func TestTextIsMadeSafeAndAPlainBackslashStays(t *testing.T) {
	for text, want := range map[string]string{
		`C:\data\pairs.db`:        `C:\data\pairs.db`,
		`"a\x1b"`:                 `"a\x1b"`,
		"olá, \"mundo\"":          "olá, \"mundo\"",
		"\x1b]52;c;AAAA\a":        `\x1b]52;c;AAAA\x07`,
		"a\\b\x1b":                `a\\b\x1b`,
		"\u202egnp.exe\xff\u009b": `\u202egnp.exe\xff\u009b`,
	} {
		if got := safe(text); got != want {
			t.Errorf("safe(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAWordIsQuotedForAShellWhereItMustBe(t *testing.T) {
	for word, want := range map[string]string{
		"/home/ana/.local/ca.pem": "/home/ana/.local/ca.pem",
		"/home/ana maria/ca.pem":  "'/home/ana maria/ca.pem'",
		"it's":                    `'it'\''s'`,
		"$(reboot)":               "'$(reboot)'",
		"":                        "''",
	} {
		if got := shellQuote(word); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", word, got, want)
		}
	}
}

func TestALanguageThatIsNotThereIsRefusedInThatOfTheEnvironment(t *testing.T) {
	t.Setenv("LC_ALL", "pt_BR.UTF-8")
	for asked, want := range map[string]string{"xx": docs.Portuguese, "": docs.Portuguese, "all": docs.Portuguese, "en": docs.English} {
		if got := docs.Match(knownLang(asked)); got != want {
			t.Errorf("--lang %s: %s, want %s", asked, got, want)
		}
	}
}

func TestTheLanguageIsFoundBeforeTheFlagsAreRead(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"lab", "--lang", "pt-BR"}, "pt-BR"},
		{[]string{"--lang=pt", "lab"}, "pt"},
		{[]string{"lab", "--lang"}, ""},
		{[]string{"client", "--", "--lang", "pt-BR"}, ""},
		{nil, ""},
	} {
		if got := langOf(c.args); got != c.want {
			t.Errorf("langOf(%q) = %q, want %q", c.args, got, c.want)
		}
	}
}
