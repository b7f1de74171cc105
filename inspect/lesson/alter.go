package lesson

import (
	"slices"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// alter judges what an expectation would be with one value, name, error or place
// of an order altered, and reports each: none may be true where that one is.
func (r *run) alter(e expectation, report func(Check)) {
	words, _ := wordsOf(strings.TrimPrefix(e.Text, "expect "))
	judge := func(a assertion) {
		got, ok := a(r)
		report(Check{e.Line, e.Text, !ok, "an alteration of it is true as well: " + got})
	}
	if c, what, is := parseComparison(words); is && what == "" {
		for _, altered := range c.mutants(r) {
			judge(altered.judge)
		}
		return
	}
	for _, altered := range alterations(unquoted(words)) {
		if a, what := parseFact(altered); what == "" {
			judge(a)
		}
	}
}

// alter judges what the prose would say with another literal.
func (p paragraph) alter(r *run, report func(Check)) {
	for _, in := range p.spans {
		t := in.template
		if t == nil || !t.checked {
			continue
		}
		value, err := t.value(r)
		for _, altered := range literalValue(t.literal).mutants() {
			report(Check{t.line, "{{" + t.source + "}}", err != nil || !value.equal(altered), "an alteration of it is true as well: " + altered.String()})
		}
	}
}

// alterations returns assertions that say something else than the one in words
// does, each in one value, name, error or place of an order. None of them can
// be true where that one is.
func alterations(words []string) (all [][]string) {
	put := func(words ...string) { all = append(all, words) }
	last := len(words) - 1
	with := func(at int, word string) { put(replaced(words, at, word)...) }
	others := func(at int, among ...string) {
		for _, other := range among {
			if other != words[at] {
				with(at, other)
			}
		}
	}
	switch line := strings.Join(words, " "); {
	case line == "no answer" || line == "silence":
		put("answer", "Ok")
		put("answer", "")
	case line == "nobody notices":
		others(0, "client", "server")
	case line == "resumed" || line == "guessed":
		put("not", line)
	case line == "not resumed" || line == "not guessed":
		put(words[1])
	case words[0] == "answer":
		put(append(slices.Clone(words), "~")...)
		put("no", "answer")
	case words[0] == "version":
		put("version", "TLS", "9.9")
	case line == "attacker changes nothing":
		put("attacker", "changes", "the", "data")
	case line == "attacker changes the data":
		put("attacker", "changes", "nothing")
	case strings.HasPrefix(line, "attacker sees a pause of "):
		if d, err := time.ParseDuration(words[last]); err == nil {
			with(last, (1000 * d).String())
		}
	case line == "attacker reads nothing":
		put("attacker", "reads", "")
	case strings.HasPrefix(line, "attacker reads "):
		put("attacker", "reads", "nothing")
		with(last, words[last]+"~")
	case len(words) > 1:
		all = alterationsOf(words)
	}
	return all
}

// alterationsOf are those of what is said of a side.
func alterationsOf(words []string) (all [][]string) {
	side, rest := words[0], words[2:]
	put := func(words ...string) { all = append(all, append([]string{side}, words...)) }
	switch words[1] {
	case "fails":
		put("is", "content")
		if len(rest) > 0 {
			put("fails", strings.Join(rest, " ")+"~")
		}
	case "is":
		put("fails")
	case "notices":
		all = append(all, []string{"nobody", "notices"}, []string{peerOf(side), "notices"})
	case "learns":
		for _, when := range []string{inHandshake, afterHandshake, ofNothing} {
			if when != strings.Join(rest, " ") {
				put(append([]string{"learns"}, strings.Fields(when)...)...)
			}
		}
	case "receives":
		put("receives", rest[0]+"~")
	case "reads":
		put("reads", "something")
	case "ends":
		for _, how := range []string{"close_notify", "end of file", "cut"} {
			if how != strings.Join(rest[1:], " ") {
				put(append([]string{"ends", "with"}, strings.Fields(how)...)...)
			}
		}
	case "alerts":
		all = append(all, alterationsOfAlert(side, rest)...)
	}
	return all
}

func peerOf(side string) string { return sides[side].Peer().String() }

// alterationsOfAlert are another alert, and whether it was understood.
func alterationsOfAlert(side string, rest []string) (all [][]string) {
	understood := rest[1:]
	for code := range 1 << 7 {
		if name := inspect.AlertName(byte(code)); name != rest[0] && name != "close_notify" && !strings.Contains(name, " ") {
			all = append(all, append([]string{side, "alerts", name}, understood...))
		}
	}
	switch strings.Join(understood, " ") {
	case "understood":
		all = append(all, []string{side, "alerts", rest[0], "not", "understood"})
	case "not understood":
		all = append(all, []string{side, "alerts", rest[0], "understood"})
	}
	return all
}

func replaced(words []string, at int, word string) []string {
	words = slices.Clone(words)
	words[at] = word
	return words
}
