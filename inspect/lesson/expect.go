package lesson

import (
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// An assertion compares what a scene's author expects with what happened. It
// returns what happened, and whether it is what was expected.
type assertion func(*run) (got *remark, ok bool)

// parseExpect reads: expect [CHANNEL...:] ASSERTION.
func parseExpect(words []string, tail string, hasTail bool) (func(*run) error, *remark) {
	var channels []string
	if hasTail {
		channels = words
		what := unknownChannel(channels)
		if what == nil {
			words, what = wordsOf(tail)
		}
		if what != nil {
			return nil, what
		}
	}
	check, what := parseAssertion(words)
	if what != nil {
		return nil, what
	}
	return func(r *run) error {
		if len(channels) == 0 || slices.Contains(channels, r.result.Channel) {
			r.expect(check)
		}
		return nil
	}, nil
}

var sides = map[string]inspect.Side{"client": inspect.Client, "server": inspect.Server}

// content is what is said of a side that had no error; it looks like a comparison, and is none.
var content = []string{"is", "content"}

// parseAssertion reads an assertion in words of which one in quotes still has
// them. What is said of values and can be read as something else too, as in
// "client is content", is that.
func parseAssertion(words []string) (assertion, *remark) {
	if len(words) == 0 {
		return nil, say("fault_assertion_missing", "assertions", say("fault_assertions"))
	}
	if _, isSide := sides[words[0]]; isSide && slices.Equal(words[1:], content) {
		return parseFact(words)
	}
	c, wrong, isComparison := parseComparison(words)
	if isComparison && wrong == nil {
		return c.judge, nil
	}
	check, what := parseFact(unquoted(words))
	if isComparison && what != nil {
		return nil, wrong
	}
	return check, what
}

// parseFact reads an assertion that is not over values.
func parseFact(words []string) (assertion, *remark) {
	all := strings.Join(words, " ")
	switch all {
	case "no answer":
		return func(r *run) (*remark, bool) { return r.answered(), r.err != nil || r.silent }, nil
	case "silence":
		return func(r *run) (*remark, bool) { return r.answered(), r.silent }, nil
	case "nobody notices":
		return func(r *run) (*remark, bool) { return verbatim(r.noticed()), r.noticed() == "nobody" }, nil
	case "attacker reads nothing":
		return func(r *run) (*remark, bool) { return verbatim(r.exposed()), r.exposed() == "nothing" }, nil
	case "attacker changes nothing":
		return func(r *run) (*remark, bool) { return r.changed(), len(r.changes()) == 0 }, nil
	case "attacker changes the data":
		return func(r *run) (*remark, bool) { return r.changed(), len(r.changes()) > 0 }, nil
	case "resumed", "not resumed":
		return func(r *run) (*remark, bool) { return verbatim(r.resumption()), r.resumption() == all }, nil
	case "guessed", "not guessed":
		return func(r *run) (*remark, bool) {
			return verbatim(r.guessed), (r.guessed == r.latest) == (all == "guessed")
		}, nil
	}
	return parseAbout(words)
}

// parseAbout reads an assertion that has an argument.
func parseAbout(words []string) (assertion, *remark) {
	argument := strings.Join(words[1:], " ")
	side, isSide := sides[words[0]]
	switch {
	case len(words) == 1:
	case words[0] == "answer":
		return func(r *run) (*remark, bool) { return r.answered(), r.err == nil && !r.silent && r.answer == argument }, nil
	case words[0] == "version":
		return func(r *run) (*remark, bool) { return verbatim(r.version()), r.version() == argument }, nil
	case words[0] == "attacker" && strings.HasPrefix(argument, "sees a pause of "):
		d, ok := parseTime(words[5:])
		if !ok {
			return nil, say("fault_pause_seen")
		}
		return func(r *run) (*remark, bool) {
			return say("seen_pause", "time", r.paused()), r.paused() >= d
		}, nil
	case words[0] == "attacker" && words[1] == "reads" && len(words) == 3:
		return func(r *run) (*remark, bool) { return verbatim(r.exposed()), r.readByAttacker(words[2]) }, nil
	case isSide:
		return parseOf(side, words[1], words[2:])
	}
	return nil, say("fault_assertion", "assertions", say("fault_assertions"))
}

// parseOf reads an assertion about one of the endpoints.
func parseOf(side inspect.Side, verb string, rest []string) (assertion, *remark) {
	argument := strings.Join(rest, " ")
	switch {
	case verb == "fails":
		return func(r *run) (*remark, bool) {
			errs := r.errors(side)
			return r.failing(side), len(errs) > 0 && (argument == "" || strings.Contains(strings.Join(errs, "; "), argument))
		}, nil
	case verb == "is" && argument == "content":
		return func(r *run) (*remark, bool) { return r.failing(side), len(r.errors(side)) == 0 }, nil
	case verb == "notices" && argument == "":
		return func(r *run) (*remark, bool) { return verbatim(r.noticed()), r.noticed() == side.String() }, nil
	case verb == "learns" && slices.Contains([]string{inHandshake, afterHandshake, ofNothing}, argument):
		return func(r *run) (*remark, bool) {
			return say("seen_learned", "side", side, "when", r.learned(side)), r.learned(side) == argument
		}, nil
	case verb == "reads" && (argument == "nothing" || argument == "something"):
		return func(r *run) (*remark, bool) {
			text := r.read(side)
			return say("seen_read", "side", side, "text", fmt.Sprintf("%q", text)), (text == "") == (argument == "nothing")
		}, nil
	case verb == "receives" && len(rest) == 1:
		return func(r *run) (*remark, bool) {
			verdicts := r.received(side)
			return say("seen_received_all", "side", side, "verdicts", quoted(verdicts)), slices.Contains(verdicts, argument)
		}, nil
	case verb == "ends" && len(rest) > 1 && rest[0] == "with":
		how := strings.Join(rest[1:], " ")
		return func(r *run) (*remark, bool) { return verbatim(r.ending(side)), r.ending(side) == how }, nil
	case verb == "alerts" && len(rest) > 0:
		return parseAlert(side, rest[0], strings.Join(rest[1:], " "))
	}
	return nil, say("fault_assertion", "assertions", say("fault_assertions"))
}

func parseAlert(side inspect.Side, name, understood string) (assertion, *remark) {
	if !slices.Contains([]string{"", "understood", "not understood"}, understood) {
		return nil, say("fault_understood")
	}
	return func(r *run) (*remark, bool) {
		alerts := r.alerts(side)
		var told []string
		ok := false
		for _, alert := range alerts {
			told = append(told, alert.String())
			ok = ok || alert.Name == name && (understood == "" || alert.Understood == (understood == "understood"))
		}
		if len(told) == 0 {
			return say("seen_no_alert", "side", side), name == "nothing"
		}
		return say("seen_alerts", "side", side, "alerts", strings.Join(told, ", ")), ok
	}, nil
}
