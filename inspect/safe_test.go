package inspect

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSafeEscapesWhatIsNotDrawnAsItself(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"create nome ana", "create nome ana"},
		{"Olá, ação! 漢字 😀 שלום", "Olá, ação! 漢字 😀 שלום"},
		{"\x00\a\b\x1b[2J\x7f", `\x00\x07\x08\x1b[2J\x7f`},
		{"a\r\n\tb", `a\r\n\tb`},
		{"\u0080\u009b31m\u009f", `\u0080\u009b31m\u009f`},
		{"\x80\x9b\x9f", `\x80\x9b\x9f`},
		{"\xc3(\xff\xfe", `\xc3(\xff\xfe`},
		{"\xed\xa0\x80", `\xed\xa0\x80`}, // a surrogate
		{"\u202a\u202e\u2066\u2069\u200e\u200f\u061c", `\u202a\u202e\u2066\u2069\u200e\u200f\u061c`},
		{"a\u200bb\u200dc\u2060\ufeff", `a\u200bb\u200dc\u2060\ufeff`},
		{"\u2028\u2029\u0085", `\u2028\u2029\u0085`},
		{"\u00a0\u3000\u00ad", `\u00a0\u3000\u00ad`},
		{"x\ufe0f\U000e0100\U000e0041\u034f", `x\ufe0f\U000e0100\U000e0041\u034f`},
		{"\u3164\u115f\uffa0\u2800", `\u3164\u115f\uffa0\u2800`}, // letters and a symbol that are blank
		{"\ue000\U0010ffff\u0378", `\ue000\U0010ffff\u0378`},
		{"\ufffd", "\ufffd"}, // sent as such, so drawn as such
		{`C:\n`, `C:\\n`},
		{"\u0301e\u0301", "\\u0301e\u0301"},
		{"\x1b\u0301", `\x1b\u0301`},
		{"\\\u0301", `\\\u0301`},
		{"e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
		{"\u1100\u1161\u11a8", "\u1100\u1161\u11a8"},
	} {
		if got := Safe(test.in); got != test.want {
			t.Errorf("Safe(%+q) = %+q, want %+q", test.in, got, test.want)
		}
		if got := SafeBytes([]byte(test.in)); got != test.want {
			t.Errorf("SafeBytes(%+q) = %+q, want %+q", test.in, got, test.want)
		}
	}
}

func TestSafeOnceLeavesWhatSafeMadeAndEscapesTheRest(t *testing.T) {
	for _, text := range []string{"Olá", "a\\n", "\x1b[2J\u202e", "x\u0301\u0301\u0301\u0301\u0301", "\xff"} {
		if safe := Safe(text); SafeOnce(safe) != safe {
			t.Errorf("%q became %q", safe, SafeOnce(safe))
		}
	}
	if got := SafeOnce("\"Ol\\xc3\\xa1\"\x1b[2J"); got != `"Ol\xc3\xa1"\x1b[2J` {
		t.Errorf("got %s", got)
	}
}

func TestSafeDrawsNoCharacterOfTheDangerousKinds(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		if bad, kind := dangerous(Safe("a" + string(r) + "b")); bad {
			t.Fatalf("Safe lets %U through: %s", r, kind)
		}
	}
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{
		"plain", "\x1b]52;c;AAAA\a", "\x1b[2J", "\x1bPq\x1b\\", "\u009b2J", "a\bb", "\u202egnp.exe", "\x1b]0;never ends", "\xff\xfe\x80",
		`\x1b`, `\\`, "e\u0301\u0301\u0301\u0301\u0301\u0301", `"quoted"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		safe := Safe(s)
		if bad, kind := dangerous(SafeOnce(s)); bad {
			t.Fatalf("SafeOnce(%+q) = %+q holds a %s", s, SafeOnce(s), kind)
		}
		if bad, kind := dangerous(safe); bad {
			t.Fatalf("Safe(%+q) = %+q holds a %s", s, safe, kind)
		}
		back, err := strconv.Unquote(`"` + strings.ReplaceAll(safe, `"`, `\"`) + `"`)
		if err != nil || back != s {
			t.Fatalf("Safe(%+q) = %+q reads back as %+q, %v", s, safe, back, err)
		}
		if bad, kind := dangerous(Safe(safe)); bad {
			t.Fatalf("Safe twice, of %+q, holds a %s", s, kind)
		}
	})
}

// dangerous names the first thing in s that must not reach a terminal, by
// lists of its own.
func dangerous(s string) (bool, string) {
	marks := 100
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			return true, "byte that is not UTF-8"
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			return true, "control"
		case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0x061c, r == 0xfeff:
			return true, "format character"
		case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe0fff:
			return true, "variation selector or tag"
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp):
			return true, "invisible or private character"
		case unicode.Is(unicode.Zs, r) && r != ' ':
			return true, "space that is not one"
		case unicode.Is(unicode.M, r):
			if marks++; marks > 4 {
				return true, "pile of marks"
			}
		default:
			marks = 0
		}
	}
	return false, ""
}

func TestTextIsToldFromOtherBytesByItsBeginning(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "S": true, "GET / HTTP/1.1\r\n\thost: olá\r\n": true, "\x00": false, "a\x1bb": false, "\x7f": false, "\u0085": false, "\xc3": false, "a\xff": false,
		"a\xc3": true, strings.Repeat("a", 63) + "\xc3\xa1": true, strings.Repeat("a", 64) + "\x00": true, "\x16\x03\x01": false,
	} {
		if got := IsText([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
