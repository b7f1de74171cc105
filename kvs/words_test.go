package kvs_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/kvs"
)

func TestAWordIsQuotedWhenItIsNotPlain(t *testing.T) {
	for word, want := range map[string]string{
		"ana":                   `ana`,
		"conceição":             `conceição`,
		"日本":                    `日本`,
		"Error:":                `Error:`,
		`C:\tmp`:                `C:\tmp`,
		"'":                     `'`,
		"":                      `""`,
		" ":                     `" "`,
		"a b":                   `"a b"`,
		`say "hi"`:              `"say \"hi\""`,
		"a\\ b":                 `"a\\ b"`,
		"a\nb\tc\rd":            `"a\nb\tc\rd"`,
		"\x00\x1b\x7f":          `"\x00\x1b\x7f"`,
		"\xff\xc3":              `"\xff\xc3"`,
		"\u009b2J":              `"\xc2\x9b2J"`,     // C1
		"a\u202eb":              `"a\xe2\x80\xaeb"`, // bidirectional override
		"a\u200bb":              `"a\xe2\x80\x8bb"`, // zero width
		"\ufeff":                `"\xef\xbb\xbf"`,
		"a\u00a0b":              `"a\xc2\xa0b"`, // no-break space
		"a\u2028b":              `"a\xe2\x80\xa8b"`,
		"\u3164":                `"\xe3\x85\xa4"`, // a letter that shows nothing
		"\x1b]52;c;aGk=\a":      `"\x1b]52;c;aGk=\x07"`,
		"Error: no such thing":  `"Error: no such thing"`,
		"\xed\xa0\x80":          `"\xed\xa0\x80"`, // a surrogate is not UTF-8
		"\U000e0041 tag \b\b\b": `"\xf3\xa0\x81\x81 tag \x08\x08\x08"`,
	} {
		if got := kvs.Quote([]byte(word)); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}

func TestALineIsSplitIntoItsWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                               {},
		" \t ":                           {},
		"show":                           {"show"},
		"  create\tk  v ":                {"create", "k", "v"},
		`create "a b" "c\nd"`:            {"create", "a b", "c\nd"},
		`create "" ""`:                   {"create", "", ""},
		`"\x00\xFF\xfe\\\""`:             {"\x00\xff\xfe\\\""},
		`read C:\tmp`:                    {"read", `C:\tmp`},
		"read \x00\xff\u202e":            {"read", "\x00\xff\u202e"},
		"read \"raw \x00\xff\"":          {"read", "raw \x00\xff"},
		`__import__('os').getpid() 1`:    {"__import__('os').getpid()", "1"},
		"create k\u00a0v\u2003w\vx\fy":   {"create", "k\u00a0v\u2003w\vx\fy"},
		`create "quoted"` + "\t" + `"x"`: {"create", "quoted", "x"},
	} {
		words, err := kvs.Split([]byte(line))
		if got := texts(words); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", line, got, err, want)
		}
	}
}

func TestALineThatCannotBeSplitSaysWhereAndWhy(t *testing.T) {
	for line, want := range map[string]kvs.SyntaxError{
		`read "a`:       {Offset: 5, Reason: kvs.OpenQuote},
		`"`:             {Offset: 0, Reason: kvs.OpenQuote},
		`read "a\"`:     {Offset: 5, Reason: kvs.OpenQuote},
		`read "a\q"`:    {Offset: 7, Reason: kvs.BadEscape},
		`read "\x4"`:    {Offset: 6, Reason: kvs.BadEscape},
		`read "\xg0"`:   {Offset: 6, Reason: kvs.BadEscape},
		`read "\`:       {Offset: 6, Reason: kvs.BadEscape},
		`read "a"b`:     {Offset: 8, Reason: kvs.AfterQuote},
		`read "a""b"`:   {Offset: 8, Reason: kvs.AfterQuote},
		`create k a"b"`: {Offset: 10, Reason: kvs.InnerQuote},
	} {
		_, err := kvs.Split([]byte(line))
		var syntax *kvs.SyntaxError
		if !errors.As(err, &syntax) || *syntax != want {
			t.Errorf("%s: got %v, want %+v", line, err, want)
		}
	}
}

func FuzzQuoteLeadsBackAndIsSafeToShow(f *testing.F) {
	for _, word := range []string{"", "ana", "a b", `\"`, "\x00\xff", "\u202e", "é\xc3", "\x1b[2J", "\u009b", "Error: x"} {
		f.Add([]byte(word))
	}
	f.Fuzz(func(t *testing.T, word []byte) {
		quoted := kvs.Quote(word)
		words, err := kvs.Split([]byte(quoted))
		if err != nil || len(words) != 1 || !bytes.Equal(words[0], word) {
			t.Errorf("%q became %s became %q, %v", word, quoted, words, err)
		}
		wantSafe(t, quoted)
		if strings.Contains(quoted, " ") && quoted[0] != '"' {
			t.Errorf("%s has a space and no quotes", quoted)
		}
	})
}

func FuzzSplitTakesAnyLine(f *testing.F) {
	for _, line := range []string{"", "create k v", `create "a b" "\x00\n"`, `read "a`, `a"b`, `"a"b`, "\xff \x00\t\"\\q\""} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		words, err := kvs.Split(line)
		if err != nil {
			var syntax *kvs.SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(line) || words != nil {
				t.Errorf("%q: %v, %q", line, err, words)
			}
			return
		}
		var quoted []string
		for _, word := range words {
			quoted = append(quoted, kvs.Quote(word))
		}
		again, err := kvs.Split([]byte(strings.Join(quoted, " ")))
		if err != nil || !slices.Equal(texts(again), texts(words)) {
			t.Errorf("%q: %q became %q, %v", line, words, again, err)
		}
	})
}

// wantSafe holds of everything that a server answers.
func wantSafe(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%q is not UTF-8", text)
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			t.Errorf("%q has %U in it", text, r)
		}
	}
}

func texts(words [][]byte) []string {
	all := []string{}
	for _, word := range words {
		all = append(all, string(word))
	}
	return all
}
