package kvs

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestJSONStandsForAnyBytesInASCII(t *testing.T) {
	for text, want := range map[string]string{
		"ana":             `"ana"`,
		"":                `""`,
		`a "b" \c`:        `"a \"b\" \\c"`,
		"é":               `"\u00e9"`,
		"😀":               `"\ud83d\ude00"`,
		"\xff":            `"\udcff"`,
		"\x80\xc3é":       `"\udc80\udcc3\u00e9"`,
		"😀\x80":           `"\ud83d\ude00\udc80"`,
		"\x1b\n\x7f":      `"\u001b\u000a\u007f"`,
		"\u202e\u2028":    `"\u202e\u2028"`,
		"\xed\xb2\x80":    `"\udced\udcb2\udc80"`, // what an encoded lone surrogate would be
		"\ufffd":          `"\ufffd"`,
		"</script>&'\x00": `"</script>&'\u0000"`,
	} {
		if got := string(appendJSON(nil, []byte(text))); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func FuzzJSONLeadsBackToTheBytes(f *testing.F) {
	f.Add([]byte("ana"), []byte("😀\x80\xff\ud7ff"))
	f.Add([]byte("\xed\xa0\xbd\xed\xb8\x80"), []byte("\"\\, "))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		list := append(appendJSON(append(appendJSON([]byte("["), a), ", "...), b), ']')
		got, err := stringsOf(string(list), "[]")
		if err != nil || len(got) != 2 || !bytes.Equal(got[0], a) || !bytes.Equal(got[1], b) {
			t.Fatalf("%q and %q became %s became %q, %v", a, b, list, got, err)
		}
		for _, c := range list {
			if c < ' ' || c > '~' {
				t.Fatalf("%q is not plain ASCII", list)
			}
		}
		var theirs []string
		if err := json.Unmarshal(list, &theirs); err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		if utf8.Valid(a) && theirs[0] != string(a) {
			t.Fatalf("%q became %q for others", a, theirs[0])
		}
	})
}

func FuzzJSONFromAnyServerIsReadOrRefused(f *testing.F) {
	for _, answer := range []string{`[]`, `{}`, `["a", "b"]`, `{"a": "b"}`, `["\ud83d\ude00\udc80"]`, `["\ud83d"]`, `["\udc41"]`, `["`, `["\u12`, `[`, `{"a"}`, `["a",]`, `["a" "b"]`, `Ok`} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if all, err := stringsOf(answer, "{}"); err == nil && len(all)%2 != 0 {
			t.Errorf("%q: a name without a value: %q", answer, all)
		}
		stringsOf(answer, "[]")
	})
}
