package inspect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func dissectJSON(text string) Field {
	return Dissect([]byte(text), "test", "RFC 8259", func(d *Dissector) { d.JSON("test.json", len(text)) })
}

// outline tells the kinds of a tree, and of its leaves the bytes.
func outline(f Field, text string) string {
	if len(f.Children) == 0 {
		return fmt.Sprintf("%s %s", f.Name, text[f.Offset:f.End()])
	}
	var parts []string
	for _, child := range f.Children {
		parts = append(parts, outline(child, text))
	}
	return f.Name + "(" + strings.Join(parts, "; ") + ")"
}

func TestAJSONTextIsATreeOfItsMembersAndValues(t *testing.T) {
	for text, want := range map[string]string{
		`{"code": "7", "price" :2.5e+1}`: `test(json(object(structural {; member(name "code"; structural : ; string "7"); structural , ; ` +
			`member(name "price"; structural  :; number 2.5e+1); structural })))`,
		`[1,[ ], -0.5 ,{}]`: `test(json(array(structural [; number 1; structural ,; array(structural [ ; structural ]); structural , ; number -0.5; ` +
			`structural  ,; object(structural {; structural }); structural ])))`,
		" true\n":       "test(json(ws  ; literal true; ws \n))",
		`"a\"\u00e1\\"`: `test(json(string "a\"\u00e1\\"))`,
		`null`:          `test(json(literal null))`,
	} {
		root := dissectJSON(text)
		if got := outline(root, text); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if err := checkTree(root, len(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatIsNoJSONIsNotUnderstoodFromThereOn(t *testing.T) {
	for text, at := range map[string]int{
		``: 0, `{`: 1, `{"a"`: 4, `{"a":`: 5, `{"a":1`: 6, `{a:1}`: 1, `{"a" 1}`: 4, `[1 2]`: 2, `[1,]`: 3, `{"a":1,}`: 7,
		`01`: 1, `-`: 0, `1.`: 0, `1e`: 0, `+1`: 0, `tru`: 0, `"a`: 0, `"\x"`: 0, `"\u12g4"`: 0, "\"\n\"": 0, `1 1`: 2, `'a'`: 0, `NaN`: 0, `[}`: 1,
	} {
		root := dissectJSON(text)
		f, found := notUnderstood(root)
		if !found || f.Offset != at || f.End() != len(text) {
			t.Errorf("%s: not understood is %q from %d on, want %d: %s", text, text[f.Offset:f.End()], f.Offset, at, f.Value)
		}
		if err := checkTree(root, len(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestJSONThatLiesTooDeepHidesNothingBehindIt(t *testing.T) {
	text := strings.Repeat("[", maxJSONDepth) + `[["]"]]` + strings.Repeat("]", maxJSONDepth)
	root := dissectJSON("[" + text + `,"behind"]`)
	if f, found := notUnderstood(root); !found || f.Length != len(`[[["]"]]]`) {
		t.Errorf("%+v", f)
	}
	if f, found := root.Find("json.string"); !found || f.Value != `"behind"` {
		t.Errorf("what stands behind it: %+v", f)
	}
	if f, found := notUnderstood(dissectJSON(strings.Repeat("[", maxJSONDepth) + strings.Repeat("]", maxJSONDepth))); found {
		t.Errorf("%d levels: %+v", maxJSONDepth, f)
	}
}

func TestJSONEndsWhereItIsSaidTo(t *testing.T) {
	root := Dissect([]byte("[1\n"), "test", "RFC 8259", func(d *Dissector) {
		d.JSON("test.json", 2)
		d.Bytes("test.end", 1, "")
	})
	if f, found := root.Find("test.end"); !found || f.Offset != 2 {
		t.Errorf("%+v", root)
	}
}

// A tree is whole whatever the bytes, and understood exactly where they are JSON to
// another reader, but for what lies too deep.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"code":"7","name":"lápis","price":2.5}`, `[{"a":[]},{"b":{}}]`, ` [1 ,-2.0e+10]`, `"\ud83d"`, "\"\xff\"", strings.Repeat("[", 30), strings.Repeat(`{"a":`, 20)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		root := dissectJSON(string(b))
		checkFuzzed(t, root, len(b))
		unknown, found := notUnderstood(root)
		if found && unknown.Value == tooDeep {
			return
		}
		if json.Valid(b) == found {
			t.Errorf("%q: valid %v, but not understood %v: %+v", b, json.Valid(b), found, unknown)
		}
	})
}

func TestEveryKindOfAJSONTextIsExplainedInBothLanguages(t *testing.T) {
	kinds := kindsNamed(t, "json.go")
	delete(kinds, "json.value") // names what is missing, never a field
	if len(kinds) != 9 {
		t.Errorf("%d kinds", len(kinds))
	}
	for kind := range kinds {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if docs.For(lang).Explain(kind) == "" {
				t.Errorf("nothing is said in %s of %s", lang, kind)
			}
		}
	}
}
