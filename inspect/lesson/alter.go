package lesson

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// alter judges what an expectation would be with one value, name, error or place
// of an order altered, and reports each: none may be true where that one is.
func (r *run) alter(e expectation, report func(Check)) {
	for _, altered := range r.mutants(strings.TrimPrefix(e.Text, "expect ")) {
		got, ok := altered(r)
		report(alteration(e.Line, e.Text, !ok, got))
	}
}

// alteration is the check that something notices an alteration.
func alteration(line int, text string, noticed bool, altered any) Check {
	return Check{Line: line, Text: text, OK: noticed}.saw(say("seen_altered", "altered", altered))
}

// mutants are assertions like the one in the text, none of which should be true if it is.
func (r *run) mutants(text string) (all []assertion) {
	words, _ := wordsOf(text)
	if c, what, is := parseComparison(words); is && what == nil {
		for _, altered := range c.mutants(r) {
			all = append(all, altered.judge)
		}
		return all
	}
	for _, altered := range alterations(unquoted(words)) {
		if a, what := parseFact(altered); what == nil {
			all = append(all, a)
		}
	}
	return all
}

// alter judges what the prose would say with another literal, or on another condition;
// to nobody, if nobody is told.
func (p paragraph) alter(r *run, report func(Check)) {
	if report == nil {
		return
	}
	for _, in := range p.spans {
		t := in.template
		if t != nil && t.when != nil && t.judge(r).OK {
			t.alter(r, report)
		}
		if t == nil || !t.checked {
			continue
		}
		value, err := t.value(r)
		for _, altered := range literalValue(t.literal).mutants() {
			report(alteration(t.line, "{{"+t.source+"}}", err != nil || !value.equal(altered), altered.String()))
		}
	}
}

// alter tells of each thing that says which answer is right what would come of it
// if it were altered: another answer in its place, or, of a choice, its condition. Then no
// choice would be right, or several; or the answer would not come from the session.
func (e *Exercise) alter(r *run, a *asked, report func(Check)) {
	for _, answer := range e.answers {
		for _, other := range a.others() {
			source := strconv.Quote(other)
			altered := &Exercise{}
			what := altered.parseAnswer(answer.line, source)
			report(alteration(answer.line, "= "+answer.source, what != nil || !altered.answers[0].from.session, source))
		}
	}
	e.alterLabels(report)
	if !e.conditional() || len(a.right) != 1 {
		return
	}
	for _, c := range e.choices {
		held := func(altered assertion) (n int) { // how many hold with this condition altered
			for _, other := range e.choices {
				holds := other.when.holds
				if other.when == c.when {
					holds = altered
				}
				if _, ok := holds(r); ok {
					n++
				}
			}
			return n
		}
		judge := func(altered assertion) {
			report(alteration(c.when.line, "when "+c.when.text, held(altered) != 1, c.when.text))
		}
		judge(func(r *run) (*remark, bool) { got, ok := c.when.holds(r); return got, !ok })
		if _, right := c.when.holds(r); right {
			for _, altered := range r.mutants(c.when.text) {
				judge(altered)
			}
		}
	}
}

// others are answers that are not right: the other choices, or what is like the right ones.
func (a *asked) others() (all []string) {
	for _, choice := range a.Question.Choices {
		if !grade(a.Question, a.right, choice.Value) {
			all = append(all, choice.Value)
		}
	}
	if len(a.Question.Choices) == 0 {
		return a.wrong()
	}
	return all
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
