package lesson

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Counts that are written in words. "Three" and more are held wherever they stand; "one" and "two", and which one
// of several is meant, in front of what is on the wire. Elsewhere "one" and "two" are hardly ever a claim, and in
// Portuguese "um" and "uma" are the article.

// A thing is what is counted, what tells in an expectation how many there are, and what tells which of them one is.
type thing struct {
	names   string // in both languages
	measure string
	index   string // "" for what is named by its place, or by its number alone
}

var things = []thing{
	{`bytes?`, `(size|(different|equal) bytes) of `, ""},
	{`bits?`, `different bits of `, ""},
	{`blocks?|blocos?`, `(equal blocks|count) of `, ""},
	{`connections?|conex(?:ão|ões)`, `\bconnections\b`, `\bconnection\b`},
	{`round trips?|idas? e voltas?`, `\bround_trips\b`, ""},
	{`lines?|linhas?`, `\blines of `, `\brow\b`},
	{`records?|registros?|messages?|mensage(?:m|ns)|fields?|campos?|extensions?|extens(?:ão|ões)|suites?|suítes?|certificates?|certificados?|` +
		`keys?|shares?|chaves?|alerts?|alertas?|signatures?|assinaturas?|requests?|pedidos?|answers?|respostas?`, `\b(count|lines) of |\bposition\b`, `\b(row|position)\b`},
}

// parts are the things that are counted within something else, and not on the wire.
const parts = 3

var (
	// aThing is a thing; in English a word before it may say of which sort it is.
	aThing, aSortOfThing = func() (string, string) {
		var names []string
		for _, t := range things {
			names = append(names, t.names)
		}
		thing := `(` + strings.Join(names, "|") + `)(?:[^\pL]|$)`
		return `()\s+` + thing, `\s+(?:([\pL_-]+)\s+)?` + thing
	}()

	// A count behind a word such as "the" speaks of what was counted before.
	determined = `(?i)(?:^|[^\pL-])(?:(the|these|those|its|their|os|as|dos|das|nos|nas|aos|às|pelos|pelas|estes|estas|esses|essas|seus|suas)\s+)?`

	counted = []*regexp.Regexp{
		regexp.MustCompile(determined + `(zero|one|two|a single|a pair of|a dozen)` + aSortOfThing),
		regexp.MustCompile(`(?i)(?:^|[^\pL-])()(no)\s+()(bytes|bits|blocks|lines|connections|round trips|fields|extensions|suites)(?:[^\pL]|$)`), // in the singular, no byte is Portuguese
		regexp.MustCompile(determined + `(nenhuma?|dois|duas|(?:um|uma) (?:só|único|única)|um par de|uma dúzia de)` + aThing),
	}
	ranked = []*regexp.Regexp{
		regexp.MustCompile(`(?i)(?:^|[^\pL-])()(` + strings.Join(slices.Concat(ordinals...), "|") + `)` + aSortOfThing),
	}
	twice = []*regexp.Regexp{regexp.MustCompile(determined + `(twice|two times|duas vezes)(?:[^\pL]|$)`)}

	// betweens are words that no sort of thing is called by.
	betweens = []string{"a", "an", "the", "o", "os", "as", "um", "uma", "this", "that", "and", "or", "e", "ou", "of", "de", "do", "da", "to", "in"}
)

// ordinals are the words for which one is meant: from the first to the tenth, and behind them the last.
var ordinals = [][]string{
	{"first", "primeiros?", "primeiras?"},
	{"second", "segund[oa]s?"},
	{"third", "terceir[oa]s?"},
	{"fourth", "quart[oa]s?"},
	{"fifth", "quint[oa]s?"},
	{"sixth", "sext[oa]s?"},
	{"seventh", "sétim[oa]s?"},
	{"eighth", "oitav[oa]s?"},
	{"ninth", "non[oa]s?"},
	{"tenth", "décim[oa]s?"},
	{"last", "últim[oa]s?"},
}

// A page's vouchers are what it computes, as written, and what it says that this is: "" where it does not.
type voucher struct{ value, is string }

func (l *Lesson) vouchers(page int) (all []voucher) {
	// Where nothing is done, as at the beginning and at the end, it is told what is done elsewhere.
	plays := l.plays(page)
	compared := func(text string) {
		value, is, _ := strings.Cut(text, " is ")
		all = append(all, voucher{value, is})
	}
	templates := func(spans []inline) {
		for _, span := range spans {
			if t := span.template; t != nil && t.when != nil {
				compared(t.when.text)
			} else if t != nil {
				literal, value, checked := strings.Cut(t.source, " = ")
				if !checked {
					literal, value = "", t.source
				}
				all = append(all, voucher{value, literal})
			}
		}
	}
	for _, p := range l.parts {
		if plays && p.page != page {
			continue
		}
		for _, s := range p.steps {
			switch verb, rest, _ := strings.Cut(s.Text, " "); verb {
			case "expect":
				compared(rest)
			case "look", "explain", "let":
				all = append(all, voucher{value: rest})
			}
		}
		for _, paragraph := range p.prose {
			templates(paragraph.spans)
		}
		if p.ask == nil {
			continue
		}
		for _, paragraph := range p.ask.prose() {
			templates(paragraph.spans)
		}
		for _, a := range p.ask.answers {
			all = append(all, voucher{value: a.source})
		}
		for _, c := range p.ask.choices {
			if c.when != nil {
				compared(c.when.text)
			}
		}
	}
	return all
}

// miscounted are the counts of the lesson in words that nothing on their page vouches for.
func (l *Lesson) miscounted() (faults []Check) {
	for page, p := range l.Pages {
		vouchers := l.vouchers(page)
		faults = append(faults, countsIn(paragraph{line: p.Line, spans: []inline{{text: p.Title}}}, vouchers)...)
		for _, part := range l.parts {
			if part.page != page {
				continue
			}
			for _, paragraph := range slices.Concat(part.prose, part.ask.prose()) {
				faults = append(faults, countsIn(paragraph, vouchers)...)
			}
		}
	}
	return faults
}

// countsIn are the counts in a paragraph that nothing vouches for.
func countsIn(p paragraph, vouchers []voucher) (faults []Check) {
	var text strings.Builder // a thing may stand behind a template, and a count before one
	for _, span := range p.spans {
		if span.template != nil {
			text.WriteString("…")
		} else {
			text.WriteString(span.text)
		}
	}
	said := references.ReplaceAllString(text.String(), "…")
	wrong := func(claim, number, id string) {
		claim = strings.Join(strings.Fields(claim), " ")
		faults = append(faults, fault(p.line, claim, id, "number", number))
	}
	for _, m := range everyMatch(counted, said) {
		if number := m[2]; m[1] == "" && !told(number, m[4]) && !counts(vouchers, measureOf(m[4]), cardinal(number)) {
			wrong(number+" "+m[3]+" "+m[4], number, "fault_count")
		}
	}
	for _, m := range everyMatch(twice, said) {
		if m[1] == "" && !counts(vouchers, anyMeasure, 2) {
			wrong(m[2], m[2], "fault_count")
		}
	}
	for _, m := range everyMatch(ranked, said) {
		if number := m[2]; !ranks(vouchers, rank(number), m[4]) {
			wrong(number+" "+m[3]+" "+m[4], number, "fault_rank")
		}
	}
	return faults
}

// tellable is what is often said not to be there at all, as in: nenhuma resposta.
var tellable = regexp.MustCompile(`(?i)^(registros?|mensagem|certificados?|chaves?|alertas?|assinaturas?|pedidos?|respostas?)$`)

// told reports whether a thing is said not to be there, which is no count.
func told(number, thing string) bool {
	return slices.Contains([]string{"nenhum", "nenhuma"}, strings.ToLower(number)) && tellable.MatchString(thing)
}

// everyMatch returns what matches: a word before the number, the number, a word behind it, the thing. Of two matches the first may
// end with what the second begins with.
func everyMatch(patterns []*regexp.Regexp, text string) (all [][]string) {
	for _, pattern := range patterns {
		for at := 0; at < len(text); {
			m := pattern.FindStringSubmatchIndex(text[at:])
			if m == nil {
				break
			}
			groups := make([]string, 5)
			for i := range len(m) / 2 {
				if m[2*i] >= 0 {
					groups[i] = text[at+m[2*i] : at+m[2*i+1]]
				}
			}
			if !slices.Contains(betweens, strings.ToLower(groups[3])) {
				all = append(all, groups)
			}
			at += m[5] // behind the number
		}
	}
	return all
}

var anyMeasure = regexp.MustCompile(``)

// cardinal is the number of a word that counts; no, and nenhum, are the others.
func cardinal(word string) int {
	n, _ := countOf(word)
	return n
}

// lastOne is the rank of the last.
const lastOne = -1

var ordinalWords = func() (all []*regexp.Regexp) {
	for _, words := range ordinals {
		all = append(all, regexp.MustCompile(`(?i)^(`+strings.Join(words, "|")+`)$`))
	}
	return all
}()

// rank is the number of an ordinal, from 1; 0 if it is none.
func rank(word string) int {
	n := slices.IndexFunc(ordinalWords, func(e *regexp.Regexp) bool { return e.MatchString(word) })
	if n == len(ordinals)-1 {
		return lastOne
	}
	return n + 1
}

func thingOf(name string) int {
	return slices.IndexFunc(things, func(t thing) bool { return regexp.MustCompile(`(?i)^(` + t.names + `)$`).MatchString(name) })
}

func measureOf(name string) *regexp.Regexp { return regexp.MustCompile(things[thingOf(name)].measure) }

// counts reports whether something vouches for the number, counted as it is measured.
func counts(vouchers []voucher, measure *regexp.Regexp, n int) bool {
	return slices.ContainsFunc(vouchers, func(v voucher) bool {
		is := literalValue(v.is)
		return is.Numeric && is.Number == n && measure.MatchString(v.value)
	})
}

var slicesOf = regexp.MustCompile(`\b(first|last|byte) \S+ of\b|\bbytes \S+ to \S+ of\b`)

// ranks reports whether something vouches for which one is meant: it names bytes by their place, or something that a side
// sent by its number; or it counts such things, and there are so many; or it tells which of them one is.
func ranks(vouchers []voucher, n int, thing string) bool {
	if thingOf(thing) < parts {
		return placed(vouchers, n)
	}
	index := things[thingOf(thing)].index
	return counts(vouchers, measureOf(thing), n) || index != "" && counts(vouchers, regexp.MustCompile(index), n) || slices.ContainsFunc(vouchers, func(v voucher) bool {
		return indexes(v.value, n) || indexes(v.is, n)
	})
}

// indexes reports whether a value names the nth of something that a side sent, as in: client client_hello cipher_suite 3.
func indexes(value string, n int) bool {
	sent, before := false, ""
	for _, word := range strings.Fields(slicesOf.ReplaceAllString(value, "")) {
		number, isOrdinal := ordinal(word)
		switch {
		case word == "client" || word == "server":
			sent = true
		case operators[word] != nil || word == "and" || word == "with" || word == "is":
			sent = false
		case sent && (isOrdinal && number == strconv.Itoa(n) || word == "last" && n == lastOne):
			return before != "containing"
		}
		before = word
	}
	return false
}

// placed reports whether something names bytes by their place.
func placed(vouchers []voucher, n int) bool {
	number := strconv.Itoa(max(n, 0))
	if n > 0 {
		number += "|" + strings.Join(numberWords[n], "|")
	}
	place := regexp.MustCompile(`\bbytes? (` + number + `) (of|to)\b|\bblock (` + number + `)( |$)`)
	switch n {
	case 1:
		place = regexp.MustCompile(place.String() + `|\bfirst \S+ of\b`)
	case lastOne:
		place = regexp.MustCompile(`\blast \S+ of\b|\bblock last\b`)
	}
	return slices.ContainsFunc(vouchers, func(v voucher) bool {
		return place.MatchString(v.value + " " + v.is)
	})
}
