package capture

import (
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestEveryProblemIsToldInBothLanguages(t *testing.T) {
	placeholder := regexp.MustCompile(`{{\.(\w+)}}`)
	for key, text := range texts {
		var pairs []any
		for _, name := range placeholder.FindAllStringSubmatch(text, -1) {
			pairs = append(pairs, name[1], "the "+name[1])
		}
		want := english("capture_"+key, pairs...)
		if got := docs.For("en").Say("capture_"+key, pairs...); got != want {
			t.Errorf("%s: package docs says %q, this package %q", key, got, want)
		}
		portuguese := docs.For("pt-BR").Say("capture_"+key, pairs...)
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

func TestAProblemIsExplainedInALanguage(t *testing.T) {
	err := errors.Join(cut(76, "block", io.EOF), &Problem{Offset: 9, Key: "packet", Err: trouble("tcp_short", "length", 3)})
	const want = "no byte 76: o arquivo termina dentro de um bloco; no byte 9: um pacote foi deixado de fora: um segmento TCP de 3 bytes"
	if got := Explain(err, docs.For("pt-BR").Say); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
