package kv_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/kv"
)

// read shows the lines of a conversation to one reader, and returns the trees of the last.
func read(t *testing.T, lines ...string) inspect.Field {
	t.Helper()
	reader := kv.Protocol{}.Reader()
	var root inspect.Field
	for i, line := range lines {
		n, reading := reader.Next(inspect.Side(i%2), []byte(line))
		if n != len(line) {
			t.Fatalf("%q: a unit of %d bytes", line, n)
		}
		root = reading.Fields([]byte(line))
	}
	return root
}

func leaves(root inspect.Field) string {
	var all []string
	for _, leaf := range root.Leaves() {
		all = append(all, fmt.Sprintf("%s %q", strings.TrimPrefix(leaf.Kind, "kv."), leaf.Value))
	}
	return root.Kind + ": " + strings.Join(all, ", ")
}

func TestALineIsTakenApart(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"create nome ana\n"}, `kv.request: command "create", space "20", key "nome", space "20", value "ana", end "0a"`},
		{[]string{"create \"a b\" x y\r\n"}, `kv.request: command "create", space "20", key "\"a b\"", space "20", value "x", space "20", argument "y", end "0d0a"`},
		{[]string{"fly high \n"}, `kv.request: command "fly", space "20", argument "high", space "20", end "0a"`},
		{[]string{"read \"no\n"}, `kv.request: command "read", space "20", not_understood "byte 5: a double quote is not closed", end "0a"`},
		{[]string{"\n"}, `kv.request: end "0a"`},
		{[]string{"create a b\n", "Ok\n"}, `kv.answer: ok "Ok", end "0a"`},
		{[]string{"read a\n", "Ok\n"}, `kv.answer: value "Ok", end "0a"`},
		{[]string{"read a\n", "Error: there is none\n"}, `kv.answer: error "Error: ", reason "there is none", end "0a"`},
		{[]string{"read a\n", "Erro: não há\n"}, `kv.answer: error "Erro: ", reason "não há", end "0a"`},
		{[]string{"show\n", `{"a": "b", "c\"": "d"}` + "\n"}, `kv.answer: bracket "{", key "\"a\"", separator ": ", value "\"b\"", separator "2c20", key "\"c\\\"\"", separator ": ", value "\"d\"", bracket "}", end "0a"`},
		{[]string{"keys\n", "[]\n"}, `kv.answer: bracket "[", bracket "]", end "0a"`},
		{[]string{"values\n", `["a", b]` + "\n"}, `kv.answer: bracket "[", value "\"a\"", separator "2c20", not_understood "here should stand a string in quotes", end "0a"`},
		{[]string{"fly\n", "what?\n"}, `kv.answer: text "what?", end "0a"`},
		{[]string{"create a b\n", "Ok\n", "read a\n", "b\n"}, `kv.answer: value "b", end "0a"`},
	} {
		if got := leaves(read(t, c.lines...)); got != c.want {
			t.Errorf("%q:\n%s, want\n%s", c.lines, got, c.want)
		}
	}
}

func TestAnswersToRequestsThatWereSentTogetherAreReadInTheirOrder(t *testing.T) {
	reader := kv.Protocol{}.Reader()
	for _, line := range []string{"read a\n", "keys\n"} {
		reader.Next(inspect.Client, []byte(line))
	}
	for _, want := range []string{`kv.answer: value "[]", end "0a"`, `kv.answer: bracket "[", bracket "]", end "0a"`, `kv.answer: text "[]", end "0a"`} {
		_, reading := reader.Next(inspect.Server, []byte("[]\n"))
		if got := leaves(reading.Fields([]byte("[]\n"))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEveryKindOfFieldIsExplainedInBothLanguages(t *testing.T) {
	kinds := make(map[string]bool)
	var walk func(inspect.Field)
	walk = func(f inspect.Field) {
		kinds[f.Kind] = true
		for _, child := range f.Children {
			walk(child)
		}
	}
	for _, lines := range [][]string{
		{"create k v more\n"}, {"create k v\n", "Ok\n"}, {"read a\n", "Error: none\n"}, {"show\n", `{"a": "b"}` + "\n"}, {"what\n", "?\n"},
	} {
		walk(read(t, lines...))
	}
	for kind := range kinds {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if docs.For(lang).Explain(kind) == "" {
				t.Errorf("%s is not explained in %s", kind, lang)
			}
		}
	}
}

// FuzzFields has the trees cover whatever stands on the wire.
func FuzzFields(f *testing.F) {
	for _, line := range []string{"create nome ana\n", "read \"a\\x41\" \r\n", `{"a": "b", "c": "d"}`, `["a", "b]`, "Error: ", "\n", `{"\`} {
		for question := range 6 {
			f.Add([]byte(line), uint8(question))
		}
	}
	questions := []string{"", "create a b\n", "read a\n", "show\n", "keys\n", "values\n"}
	f.Fuzz(func(t *testing.T, b []byte, question uint8) {
		reader := kv.Protocol{}.Reader()
		asked := questions[int(question)%len(questions)]
		side := inspect.Client
		if asked != "" {
			reader.Next(inspect.Client, []byte(asked))
			side = inspect.Server
		}
		at := 0
		for _, leaf := range reader.Rest(side, b).Fields(b).Leaves() {
			if leaf.Offset != at || len(b) == 0 && leaf.Length > 0 {
				t.Fatalf("%s at %d, want %d", leaf.Kind, leaf.Offset, at)
			}
			at = leaf.End()
		}
		if at != len(b) {
			t.Fatalf("%d of %d bytes are covered", at, len(b))
		}
	})
}

func Example() {
	tap := inspect.NewTap()
	client, server := tap.PipeOf(kv.Protocol{})
	go func() {
		fmt.Fprintln(client, "create nome ana")
		client.CloseWrite()
	}()
	io.ReadAll(server)
	tap.Close()
	for unit := range inspect.NewSession(tap.Recording()).Records() {
		key, _ := unit.Fields().Find("kv.key")
		fmt.Println(unit.Side, unit.Name(), unit.Length, key.Value)
	}
	// Output: client request 16 nome
}
