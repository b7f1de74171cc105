package lesson

import (
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// An assertion compares what a scene's author expects with what happened. It
// returns what happened, in English, and whether it is what was expected.
type assertion func(*run) (got string, ok bool)

// parseExpect reads: expect [CHANNEL...:] ASSERTION.
func parseExpect(words []string, tail string, hasTail bool) (func(*run) error, string) {
	var channels []string
	if hasTail {
		channels = words
		what := unknownChannel(channels)
		if what == "" {
			words, what = wordsOf(tail)
		}
		if what != "" {
			return nil, what
		}
	}
	check, what := parseAssertion(words)
	if what != "" {
		return nil, what
	}
	return func(r *run) error {
		if len(channels) == 0 || slices.Contains(channels, r.result.Channel) {
			r.expect(check)
		}
		return nil
	}, ""
}

const assertions = `there are: answer TEXT, no answer, silence, SIDE fails [TEXT], SIDE is content, SIDE alerts NAME [understood|not understood], SIDE alerts nothing (but close_notify),` +
	` SIDE notices, nobody notices, SIDE learns in its handshake|after its handshake|of nothing, SIDE receives VERDICT, SIDE reads nothing|something, attacker reads [TEXT|nothing], attacker changes nothing, attacker changes the data, attacker sees a pause of TIME, SIDE ends with close_notify|end of file|cut,` +
	` resumed, not resumed, version NAME, guessed, not guessed; ` + comparisons

var sides = map[string]inspect.Side{"client": inspect.Client, "server": inspect.Server}

// parseAssertion reads an assertion in words of which one in quotes still has
// them. What is said of values and can be read as something else too, as in
// "client is content", is that.
func parseAssertion(words []string) (assertion, string) {
	if len(words) == 0 {
		return nil, "expect needs an assertion; " + assertions
	}
	if _, isSide := sides[words[0]]; isSide && slices.Equal(words[1:], []string{"is", "content"}) {
		return parseFact(words)
	}
	c, wrong, isComparison := parseComparison(words)
	if isComparison && wrong == "" {
		return c.judge, ""
	}
	check, what := parseFact(unquoted(words))
	if isComparison && what != "" {
		return nil, wrong
	}
	return check, what
}

// parseFact reads an assertion that is not over values.
func parseFact(words []string) (assertion, string) {
	all := strings.Join(words, " ")
	switch all {
	case "no answer":
		return func(r *run) (string, bool) { return r.answered(), r.err != nil || r.silent }, ""
	case "silence":
		return func(r *run) (string, bool) { return r.answered(), r.silent }, ""
	case "nobody notices":
		return func(r *run) (string, bool) { return r.noticed(), r.noticed() == "nobody" }, ""
	case "attacker reads nothing":
		return func(r *run) (string, bool) { return r.exposed(), r.exposed() == "nothing" }, ""
	case "attacker changes nothing":
		return func(r *run) (string, bool) { return r.changed(), r.changed() == "nothing" }, ""
	case "attacker changes the data":
		return func(r *run) (string, bool) { return r.changed(), r.changed() != "nothing" }, ""
	case "resumed", "not resumed":
		return func(r *run) (string, bool) { return r.resumption(), r.resumption() == all }, ""
	case "guessed", "not guessed":
		return func(r *run) (string, bool) { return r.guessed, (r.guessed == r.latest) == (all == "guessed") }, ""
	}
	return parseAbout(words)
}

// parseAbout reads an assertion that has an argument.
func parseAbout(words []string) (assertion, string) {
	argument := strings.Join(words[1:], " ")
	side, isSide := sides[words[0]]
	switch {
	case len(words) == 1:
	case words[0] == "answer":
		return func(r *run) (string, bool) { return r.answered(), r.err == nil && !r.silent && r.answer == argument }, ""
	case words[0] == "version":
		return func(r *run) (string, bool) { return r.version(), r.version() == argument }, ""
	case words[0] == "attacker" && strings.HasPrefix(argument, "sees a pause of "):
		d, ok := parseTime(words[5:])
		if !ok {
			return nil, "a pause is of a time, as in: attacker sees a pause of 200ms"
		}
		return func(r *run) (string, bool) {
			return fmt.Sprintf("the longest pause is %v", r.paused()), r.paused() >= d
		}, ""
	case words[0] == "attacker" && words[1] == "reads" && len(words) == 3:
		return func(r *run) (string, bool) { return r.exposed(), r.readByAttacker(words[2]) }, ""
	case isSide:
		return parseOf(side, words[1], words[2:])
	}
	return nil, "no such assertion; " + assertions
}

// parseOf reads an assertion about one of the endpoints.
func parseOf(side inspect.Side, verb string, rest []string) (assertion, string) {
	argument := strings.Join(rest, " ")
	switch {
	case verb == "fails":
		return func(r *run) (string, bool) {
			errs := r.errors(side)
			return r.failing(side), len(errs) > 0 && (argument == "" || strings.Contains(strings.Join(errs, "; "), argument))
		}, ""
	case verb == "is" && argument == "content":
		return func(r *run) (string, bool) { return r.failing(side), len(r.errors(side)) == 0 }, ""
	case verb == "notices" && argument == "":
		return func(r *run) (string, bool) { return r.noticed(), r.noticed() == side.String() }, ""
	case verb == "learns" && slices.Contains([]string{inHandshake, afterHandshake, ofNothing}, argument):
		return func(r *run) (string, bool) {
			return side.String() + " learns " + r.learned(side), r.learned(side) == argument
		}, ""
	case verb == "reads" && (argument == "nothing" || argument == "something"):
		return func(r *run) (string, bool) {
			text := r.read(side)
			return fmt.Sprintf("the %s reads %q", side, text), (text == "") == (argument == "nothing")
		}, ""
	case verb == "receives" && len(rest) == 1:
		return func(r *run) (string, bool) {
			verdicts := r.received(side)
			return fmt.Sprintf("the %s receives %s", side, quoted(verdicts)), slices.Contains(verdicts, argument)
		}, ""
	case verb == "ends" && len(rest) > 1 && rest[0] == "with":
		how := strings.Join(rest[1:], " ")
		return func(r *run) (string, bool) { return r.ending(side), r.ending(side) == how }, ""
	case verb == "alerts" && len(rest) > 0:
		return parseAlert(side, rest[0], strings.Join(rest[1:], " "))
	}
	return nil, "no such assertion; " + assertions
}

func parseAlert(side inspect.Side, name, understood string) (assertion, string) {
	if !slices.Contains([]string{"", "understood", "not understood"}, understood) {
		return nil, "after the alert's name comes understood, not understood, or nothing"
	}
	return func(r *run) (string, bool) {
		alerts := r.alerts(side)
		var told []string
		ok := false
		for _, alert := range alerts {
			told = append(told, alert.String())
			ok = ok || alert.Name == name && (understood == "" || alert.Understood == (understood == "understood"))
		}
		if len(told) == 0 {
			return fmt.Sprintf("the %s sent no alert", side), name == "nothing"
		}
		return fmt.Sprintf("the %s sent %s", side, strings.Join(told, ", ")), ok
	}, ""
}
