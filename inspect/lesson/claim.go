package lesson

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// A claim is an assertion over values, which can be altered so that it is not
// true any more.
type claim interface {
	// judge returns what happened, and whether it is as claimed.
	judge(*run) (got *remark, ok bool)
	// mutants returns claims like this one, none of which should be true if it is.
	mutants(*run) []claim
}

// parseComparison reads an assertion over values, in words of which one in quotes
// still has them. ok is false for what is none.
func parseComparison(words []string) (c claim, what *remark, ok bool) {
	if len(words) > 1 && words[1] == "sends" {
		side, isSide := sides[words[0]]
		if isSide {
			return sending{side, words[2:]}, nil, true
		}
	}
	at := slices.IndexFunc(words, func(word string) bool { return word == "is" || word == "contains" || word == "lacks" })
	if at < 0 {
		return nil, nil, false
	}
	left, from, what := parseValueFrom(words[:at])
	if what != nil {
		return nil, what, true
	}
	c0 := comparison{left: left, op: words[at]}
	rest := words[at+1:]
	for _, longer := range []string{"not", "less than", "more than", "at least", "at most"} {
		if parts := strings.Fields(longer); words[at] == "is" && len(rest) >= len(parts) && slices.Equal(rest[:len(parts)], parts) {
			c0.op, rest = "is "+longer, rest[len(parts):]
		}
	}
	right, other, what := parseValueFrom(rest)
	c0.right, c0.from, c0.same = right, from.and(other), slices.Equal(words[:at], rest)
	return c0, what, true
}

// A comparison says how two values stand to each other.
type comparison struct {
	left, right expression
	op          string
	from        origin // of both
	same        bool   // they are written in the same words
}

// opposites are what is true if and only if the other is not.
var opposites = map[string]string{
	"is": "is not", "is not": "is", "is less than": "is at least", "is at least": "is less than",
	"is more than": "is at most", "is at most": "is more than", "contains": "lacks", "lacks": "contains",
}

func (c comparison) judge(r *run) (got *remark, ok bool) {
	left, err := c.left(r)
	if err != nil {
		return remarkOf(err), false
	}
	right, err := c.right(r)
	if err != nil {
		return remarkOf(err), false
	}
	ok, err = c.holds(left, right)
	if err != nil {
		return remarkOf(err), false
	}
	return say("seen_beside", "left", shortened(left), "right", shortened(right)), ok
}

func (c comparison) holds(left, right Value) (bool, error) {
	switch c.op {
	case "is":
		return left.equal(right), nil
	case "is not":
		return !left.equal(right), nil
	case "contains":
		return left.contains(right), nil
	case "lacks":
		return !left.contains(right), nil
	}
	a, err := left.number()
	if err != nil {
		return false, err
	}
	b, err := right.number()
	if err != nil {
		return false, err
	}
	return map[string]bool{"is less than": a < b, "is more than": a > b, "is at least": a >= b, "is at most": a <= b}[c.op], nil
}

// mutants are the opposite and, of what is exact, others in the right one's place.
func (c comparison) mutants(r *run) []claim {
	all := []claim{comparison{left: c.left, right: c.right, op: opposites[c.op]}}
	right, err := c.right(r)
	if err != nil || c.op != "is" && c.op != "contains" {
		return all
	}
	for _, mutant := range right.mutants() {
		all = append(all, comparison{left: c.left, right: always(mutant), op: c.op})
	}
	return all
}

// A sending names the messages that a side sends on the latest connection, or
// the units of its protocol: these and no others, in this order, as they were
// sent.
type sending struct {
	side  inspect.Side
	names []string
}

func (s sending) judge(r *run) (got *remark, ok bool) {
	r.session.Extend()
	names := r.messagesSent(s.side)
	return say("seen_sends", "side", s.side, "names", strings.Join(names, " ")), slices.Equal(names, s.names)
}

// mutants leave one out, or have two in the other's place.
func (s sending) mutants(*run) (all []claim) {
	for i := range s.names {
		all = append(all, sending{s.side, slices.Delete(slices.Clone(s.names), i, i+1)})
		if i > 0 && s.names[i] != s.names[i-1] {
			swapped := slices.Clone(s.names)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			all = append(all, sending{s.side, swapped})
		}
	}
	return all
}
