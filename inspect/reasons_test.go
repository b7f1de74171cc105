package inspect

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestEveryReasonIsToldInBothLanguages(t *testing.T) {
	placeholder := regexp.MustCompile(`{{\.(\w+)}}`)
	for key, text := range reasons {
		var pairs []any
		for _, name := range placeholder.FindAllStringSubmatch(text, -1) {
			pairs = append(pairs, name[1], "the "+name[1])
		}
		want := Reason{key, pairs}.String()
		if got := docs.For("en").Say("reason_"+key, pairs...); got != want {
			t.Errorf("%s: package docs says %q, this package %q", key, got, want)
		}
		portuguese := docs.For("pt-BR").Say("reason_"+key, pairs...)
		if portuguese == want {
			t.Errorf("%s is not told in Portuguese", key)
		}
		for name := range slices.Chunk(pairs, 2) {
			if !strings.Contains(portuguese, name[1].(string)) {
				t.Errorf("%s: %v is missing in %q", key, name[0], portuguese)
			}
		}
	}
}
