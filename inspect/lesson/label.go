package lesson

import (
	"regexp"
	"slices"
	"strconv"
)

// Labels of choices. What a student reads must be what is answered with it: of all things of its sort that a label
// names, be it numbers, bytes, sides, or names of a registry, the first is the choice's own. Of other words it is that
// no other choice's stands in its place.

// inWords are words for a value, in both languages, beside itself and those of the vocabulary.
var inWords = map[string]string{
	"nobody":       `neither|none|nenhum`,
	inHandshake:    `before|antes`,
	afterHandshake: `after|depois`,
	ofNothing:      `never|nunca`,
	"clear":        `em claro`,
	"yes":          `sim`,
	"no":           `não`,
	"verified":     `confirmad[oa]`,
	"refuted":      `refutad[oa]`,
	"cut":          `cortad[oa]`,
	"end of file":  `fim do arquivo`,
	"0":            `none|nothing|nobody|not at all|never|nenhum|nenhuma|nada|ninguém|nunca`,
	"2":            `as duas|os dois`,

	// The key schedule's, and reasons of proofs.
	"shared_secret":     `segredo compartilhado`,
	"unknown_authority": `authority|autoridade`,
	"wrong_name":        `name|nome`,
	"expired":           `time|prazo|validade|vencid[oa]`,
}

// pronouns are numbers that are hardly ever said to count: they do where the number is one.
var pronouns = []string{"one", "um", "uma"}

// sayings is a pattern of a value as a label says it.
func sayings(value string) string {
	pattern := regexp.MustCompile(`[_ -]`).ReplaceAllString(regexp.QuoteMeta(value), `[_ -]?`)
	for _, words := range []string{inWords[value], patternOf(sideWord, value), patternOf(countWord, value)} {
		if words != "" {
			pattern += "|" + words
		}
	}
	return pattern
}

// sortOf returns what says this choice's value and others of its sort; needed tells that the label must have one. The
// value itself is returned as it is written there.
func (e *Exercise) sortOf(c choice) (own string, all []saying, needed bool) {
	value := Block{Spans: plain(c.value)}.Text()
	if n, ok := amount(value); ok {
		for number, words := range numberWords {
			pattern := sayings(strconv.Itoa(number))
			for _, word := range words {
				if n == "1" || !slices.Contains(pronouns, word) {
					pattern += "|" + word
				}
			}
			all = append(all, saying{strconv.Itoa(number), pattern})
		}
		return n, append(all, saying{n, regexp.QuoteMeta(n)}), true
	}
	if names := registryOf(value); names != nil && c.when == nil {
		for _, name := range names {
			all = append(all, saying{name, sayings(name)})
		}
		return value, all, true
	}
	for _, other := range e.choices {
		value := Block{Spans: plain(other.value)}.Text()
		if len(value) > 1 { // a letter only marks a choice
			all = append(all, saying{value, sayings(value)})
		}
		for _, name := range e.namesOf(other) {
			all = append(all, saying{value, sayings(name)})
		}
	}
	return value, all, false
}

// amount is a number that stands for how many, or for itself.
func amount(value string) (number string, ok bool) {
	if value == "none" || value == "nothing" {
		return "0", true
	}
	if v, ok := plainLiteral(value); ok && v.Numeric {
		return strconv.Itoa(v.Number), true
	}
	_, err := strconv.ParseFloat(value, 64)
	return value, err == nil
}

// namesOf are what the condition of a choice is about, and no other's is.
func (e *Exercise) namesOf(c choice) (names []string) {
	if c.when == nil {
		return nil
	}
	for _, name := range word.FindAllString(c.when.text, -1) {
		others := slices.ContainsFunc(e.choices, func(other choice) bool {
			return other.line != c.line && other.when != nil && slices.Contains(word.FindAllString(other.when.text, -1), name)
		})
		if !others && (snake.MatchString(name) || inWords[name] != "" || patternOf(sideWord, name) != "") {
			names = append(names, name)
		}
	}
	return names
}

// firstOf returns what the label says first of things of a sort, and "" if none.
func firstOf(label string, sort []saying) (value string) {
	first, longest := len(label)+1, 0
	for _, s := range sort {
		pattern := regexp.MustCompile(`(?i)(^|[^\pL\d_])(` + s.pattern + `)([^\pL\d_]|$)`)
		if at := pattern.FindStringSubmatchIndex(label); at != nil && (at[4] < first || at[4] == first && at[5]-at[4] > longest) {
			value, first, longest = s.value, at[4], at[5]-at[4]
		}
	}
	return value
}

// values are the templates of a text; codes what stands there as code.
func values(spans []inline) (all []string) {
	for _, span := range spans {
		if span.template != nil {
			all = append(all, span.template.source)
		}
	}
	return all
}

func codesIn(spans []inline) (all []string) {
	for _, span := range spans {
		if span.style == Code && span.template == nil {
			all = append(all, span.text)
		}
	}
	return all
}

var pairsOfDigits = regexp.MustCompile(`(?i)^[\da-f]{2}( [\da-f]{2})*$`)

// isBytes reports whether the exercise offers bytes, and this is such a choice.
func (e *Exercise) isBytes(c choice) bool {
	text := func(c choice) string { return Block{Spans: plain(c.value)}.Text() }
	return pairsOfDigits.MatchString(text(c)) && slices.ContainsFunc(e.choices, func(other choice) bool { return literalValue(text(other)).Bytes != nil })
}

// misread reports whether a label would say another value than the choice has.
func (e *Exercise) misread(c choice, label []inline) bool {
	if own := values(c.value); own != nil {
		return !slices.Equal(own, values(label)[:min(len(own), len(values(label)))])
	}
	if e.isBytes(c) {
		codes := codesIn(label)
		return len(codes) == 0 || codes[0] != Block{Spans: plain(c.value)}.Text()
	}
	own, sort, needed := e.sortOf(c)
	first := firstOf(Block{Spans: plain(label)}.Text(), sort)
	return first != own && (needed || first != "")
}

// told reports whether the label names the choice.
func (e *Exercise) told(c choice) bool {
	own, sort, _ := e.sortOf(c)
	return values(c.value) != nil || e.isBytes(c) || firstOf(Block{Spans: plain(c.label)}.Text(), sort) == own
}

// mislabelled are the choices that are read as something else than they are.
func (l *Lesson) mislabelled() (faults []Check) {
	for _, e := range l.Exercises() {
		for _, c := range e.choices {
			if c.labelled && e.misread(c, c.label) {
				value := Block{Spans: plain(c.value)}.Text()
				faults = append(faults, fault(c.line, "- "+value+": "+Block{Spans: plain(c.label)}.Text(), "fault_label", "value", value))
			}
		}
	}
	return faults
}

// alterLabels tells what would come of it if two choices had each other's label, where one of these names its choice.
func (e *Exercise) alterLabels(report func(Check)) {
	for i, c := range e.choices {
		for _, other := range e.choices[:i] {
			if !c.labelled || !other.labelled {
				continue
			}
			if !e.told(c) && !e.told(other) {
				continue
			}
			label := "- " + Block{Spans: plain(other.value)}.Text() + ": " + Block{Spans: plain(c.label)}.Text()
			report(alteration(other.line, label, e.misread(c, other.label) || e.misread(other, c.label), label))
		}
	}
}
