package report_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

func TestTheShapesHaveEveryKeyThatIsPrinted(t *testing.T) {
	shapes := make(map[string]report.Shape)
	for _, shape := range report.Shapes() {
		shapes[shape.Name] = shape
	}
	kinds := 0
	for _, name := range sessions {
		for text := range strings.Lines(jsonLines(t, inspect.NewSession(recordingOf(load(t, name)...)))) {
			var line map[string]json.RawMessage
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			shape := shapes[strings.Trim(string(line["kind"]), `"`)]
			kinds++
			for _, key := range shape.Keys {
				value, ok := line[key.Name]
				if !ok && !key.Optional {
					t.Errorf("a line of the kind %s has no %s", line["kind"], key.Name)
				}
				if ok && !fits(value, key.Value) {
					t.Errorf("a line of the kind %s: %s should be %s: %s", line["kind"], key.Name, key.Value, value)
				}
			}
			for key := range line {
				if !slices.ContainsFunc(shape.Keys, func(k report.Key) bool { return k.Name == key }) {
					t.Errorf("a line of the kind %s has %s, and no shape does", line["kind"], key)
				}
			}
		}
	}
	if kinds == 0 {
		t.Error("nothing was printed")
	}
}

// fits reports whether JSON begins as a value of a shape does.
func fits(value json.RawMessage, what string) bool {
	if string(value) == "null" {
		return strings.HasSuffix(what, "or null") || what == "hex" || what == "time"
	}
	begins := map[byte]string{'"': "string hex time code", '[': "[", '{': "object", 't': "boolean", 'f': "boolean"}
	word, _, _ := strings.Cut(what, " ")
	want, known := begins[value[0]]
	switch {
	case !known:
		return word == "number"
	case value[0] == '[':
		return strings.HasPrefix(word, "[")
	}
	return slices.Contains(strings.Fields(want), word)
}
