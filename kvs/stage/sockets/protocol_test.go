package sockets

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// units cuts what each side says in turn into units, and returns their names. Pieces of it come at once, of at most so many bytes.
func units(t testing.TB, p inspect.Protocol, piece int, said ...string) (names []string, trees []inspect.Field) {
	t.Helper()
	reader := p.Reader()
	var rest [2][]byte
	take := func(from inspect.Side, b []byte, reading inspect.Reading) {
		if reading == nil {
			names = append(names, from.String()+" ?")
			return
		}
		root := reading.Fields(b)
		covers(t, root, len(b))
		names, trees = append(names, from.String()+" "+reading.Name()), append(trees, root)
	}
	for turn, text := range said {
		from := inspect.Side(turn % 2)
		for len(text) > 0 {
			n := min(piece, len(text))
			rest[from], text = append(rest[from], text[:n]...), text[n:]
			for b := rest[from]; len(b) > 0; b = rest[from] {
				n, reading := reader.Next(from, b)
				if n > len(b) {
					break
				}
				if n <= 0 {
					take(from, b, nil)
					return names, trees
				}
				take(from, b[:n], reading)
				rest[from] = b[n:]
			}
		}
	}
	for from, b := range rest {
		if len(b) > 0 {
			take(inspect.Side(from), b, reader.Rest(inspect.Side(from), b))
		}
	}
	return names, trees
}

// covers wants the leaves of a tree to cover its bytes, each once and in order.
func covers(t testing.TB, root inspect.Field, n int) {
	t.Helper()
	at := 0
	for _, leaf := range root.Leaves() {
		if leaf.Offset != at {
			t.Fatalf("%s begins at %d, not at %d", leaf.Kind, leaf.Offset, at)
		}
		at = leaf.End()
	}
	if at != n {
		t.Fatalf("%s covers %d bytes of %d", root.Kind, at, n)
	}
}

func TestUnitsAreTheSameInWhateverPiecesTheyCome(t *testing.T) {
	for version, test := range map[Version]struct {
		said []string
		want string
	}{
		V2: {[]string{"", "hello\n", "hi\r\n"}, "server greeting, client reply"},
		V3: {[]string{"", "waiting\n", gobOf(t, Product{"7", "x", 1}) + "\x05half", "Error: no\n"}, "server answer, client definition, client value, server refusal, client value"},
		V4: {
			[]string{"consultar\nadicionar\n", "Error: no\nwaiting\n", "{}\nlistar\n", "ok\n[]\n", "{\"half"},
			"client verb, client verb, server refusal, server answer, client product, client verb, server answer, server list, client verb",
		},
		V5: {
			[]string{"consultar\n", "waiting\n", "\"7\"\r\n", "{\"code\":\"7\"}\n", "adicionar\n", "", "no JSON\n\n"},
			"client verb, server answer, client code, server product, client verb, client product, client verb",
		},
	} {
		for _, piece := range []int{1, 2, 7, 1 << 20} {
			names, _ := units(t, Protocol(version), piece, test.said...)
			if got := strings.Join(names, ", "); got != test.want {
				t.Errorf("%s in pieces of %d:\n got %s\nwant %s", version, piece, got, test.want)
			}
		}
	}
}

func gobOf(t testing.TB, value any) string {
	t.Helper()
	stream, err := encodeGob(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(stream)
}

func TestWhatIsNoGobIsNotUnderstoodAndReservesNothing(t *testing.T) {
	for _, sent := range []string{"\x80", "\xf0\x01", "\xf8\x7f\xff\xff\xff\xff\xff\xff\xff", "\xfd\x01\x00\x01"} {
		if names, _ := units(t, Protocol(V3), 1, sent); strings.Join(names, ", ") != "client ?" {
			t.Errorf("%x: %s", sent, names)
		}
	}
}

func TestAGobIsATreeOfItsTypesAndFields(t *testing.T) {
	stream, err := hex.DecodeString("307f0301010750726f6475637401ff800001030104436f6465010c0001044e616d65010c0001055072696365010800000012ff8001013701066cc3a170697301fe044000")
	if err != nil {
		t.Fatal(err)
	}
	_, trees := units(t, Protocol(V3), 1<<20, string(stream))
	var all []string
	var walk func(f inspect.Field, depth int)
	walk = func(f inspect.Field, depth int) {
		line := strings.Repeat(" ", depth) + f.Kind
		if len(f.Children) == 0 {
			line += " " + f.Value
		}
		all = append(all, line)
		for _, child := range f.Children {
			walk(child, depth+1)
		}
	}
	walk(trees[0], 0)
	walk(trees[1], 0)
	got := strings.Join(all, "\n")
	for _, want := range []string{
		"gob.definition\n gob.length 48\n gob.type_id -64\n gob.struct\n  gob.field\n   gob.delta +3: StructT\n",
		"gob.delta +1: Name\n       gob.count 7\n       gob.text Product\n",
		"gob.delta +1: Id\n       gob.type_id 64\n",
		"gob.delta +1: Id\n        gob.type_id 4 (float)\n",
		"gob.value\n gob.length 18\n gob.type_id 64 (Product)\n gob.struct\n  gob.field\n   gob.delta +1: Code\n   gob.count 1\n   gob.text 7\n",
		"gob.delta +1: Price\n   gob.float 2.5\n  gob.end 0",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no\n%sin\n%s", want, got)
		}
	}
}

func TestAGobIsSummedUpWithTheNamesOfItsTypesAndFields(t *testing.T) {
	type inner struct{ Names []string }
	type outer struct {
		Count int
		Inner inner
		Empty string
	}
	stream := gobOf(t, outer{Count: 7, Inner: inner{[]string{"a", "b"}}}) + "\x03\xff\x00\x00"
	reader := Protocol(V3).Reader()
	var got []string
	for rest := []byte(stream); len(rest) > 0; {
		n, reading := reader.Next(inspect.Client, rest)
		got = append(got, reading.(inspect.Summarizer).Summary(rest[:n]))
		rest = rest[n:]
	}
	for i := range got { // package gob counts types as it meets them
		got[i] = regexp.MustCompile(`type \d+`).ReplaceAllString(got[i], "type N")
	}
	want := []string{"outer{Count int, Inner type N, Empty string}", "inner{Names type N}", "[]string", `outer{Count: 7, Inner: inner{Names: ["a", "b"]}}`, ""}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEveryKindOfFieldIsExplainedInBothLanguages(t *testing.T) {
	kinds := make(map[string]bool)
	for _, file := range []string{"protocol.go", "gob.go"} {
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(node ast.Node) bool {
			if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if word, _ := strconv.Unquote(lit.Value); regexp.MustCompile(`^(gob|sockets|line)\.[a-z_]+$`).MatchString(word) {
					kinds[word] = true
				}
			}
			return true
		})
	}
	if len(kinds) < 25 {
		t.Errorf("only %d kinds", len(kinds))
	}
	for kind := range kinds {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if docs.For(lang).Explain(kind) == "" {
				t.Errorf("nothing is said in %s of %s", lang, kind)
			}
		}
	}
}

// Whatever crosses, every byte of it is in one unit and in one leaf of its tree.
func FuzzProtocol(f *testing.F) {
	for version := V1; version <= V5; version++ {
		f.Add(byte(version), byte(3), "adicionar\n{\"code\":\"7\"}\nconsultar\n\"7\"\n", "waiting\nError: no\n[{}]\n")
		f.Add(byte(version), byte(200), gobOf(f, Product{"7", "x", 1})+gobOf(f, []string{"a"}), "\n\r\n")
	}
	for _, stream := range gobs(f) {
		f.Add(byte(V3), byte(5), string(stream), "")
	}
	f.Fuzz(func(t *testing.T, version, piece byte, client, server string) {
		p := Protocol(Version(version%5) + 1)
		names, trees := units(t, p, int(piece)+1, client, server)
		whole, _ := units(t, p, 1<<20, client, server)
		if fmt.Sprint(names) != fmt.Sprint(whole) {
			t.Errorf("%q is not %q", names, whole)
		}
		for _, root := range trees {
			if root.Kind == "" || bytes.ContainsRune([]byte(root.Kind), ' ') {
				t.Errorf("a root without a kind: %+v", root)
			}
		}
	})
}
