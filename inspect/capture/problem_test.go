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

func TestEqualProblemsAreOneWithTheFirstPlaceAndACount(t *testing.T) {
	var problems Problems
	for i := range 28 {
		problems.Add(&Problem{Offset: int64(967 + i), Key: "packet", Err: trouble("fragment_wrong")})
		if i == 5 {
			problems.Add(&Problem{Offset: 12, Key: "packet", Err: trouble("tcp_short", "length", 3)})
		}
	}
	before := problems.Err()
	problems.Add(ends(cut(4000, "block", io.EOF)))
	leftOut, ended := Divide(problems.Err())
	for lang, want := range map[string][2]string{
		"en": {"28 packets were left out, the first at byte 967: it came in fragments that overlap, or contradict each other; " +
			"at byte 12: a packet was left out: a TCP segment of 3 bytes", "at byte 4000: the file ends within a block"},
		"pt-BR": {"28 pacotes foram deixados de fora, o primeiro no byte 967: veio em fragmentos que se sobrepõem ou se contradizem; " +
			"no byte 12: um pacote foi deixado de fora: um segmento TCP de 3 bytes", "no byte 4000: o arquivo termina dentro de um bloco"},
	} {
		say := docs.For(lang).Say
		if got := [2]string{Explain(leftOut, say), Explain(ended, say)}; got != want {
			t.Errorf("%s: %q\nwant %q", lang, got, want)
		}
	}
	if leftOut, ended := Divide(before); leftOut == nil || ended != nil {
		t.Error("what was added later is in what was asked for before")
	}
}

func TestTheKindsOfProblemsThatAreToldAreBoundedAndTheEndIsAlwaysTold(t *testing.T) {
	var problems Problems
	for i := range 5000 {
		problems.Add(&Problem{Offset: int64(i), Key: "packet", Err: trouble("link", "link", i)})
	}
	problems.Add(ends(cut(4000, "block", io.EOF)))
	text := problems.Err().Error()
	if n := strings.Count(text, "link type"); n != maxProblems {
		t.Errorf("%d are told", n)
	}
	if !strings.Contains(text, "the file ends within a block") || !strings.Contains(text, "4990 problems more") {
		t.Error(text)
	}
}
