package lesson

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The two languages of a lesson prove each other: both do, ask and compute the same, and each block of prose has the
// same templates, keys and commands, the same words for sides, names, parts, places, numbers, order, more and less, and
// none of the glossary in another one's place.

// Same reports in which way a lesson is not the same one in another language:
// pages, scripts, exercises and what is computed must be. What stands in quotes,
// and the literals of templates, may differ. The error is a *[SyntaxError] of the lesson.
func Same(other, l *Lesson) error {
	differs := func(line int, text, id string, pairs ...any) error {
		return &SyntaxError{Name: l.Name, Line: line, Text: text, what: say(id, pairs...)}
	}
	switch {
	case len(other.Pages) != len(l.Pages):
		return differs(1, "", "fault_same_pages", "here", len(l.Pages), "there", len(other.Pages))
	case other.Minutes != l.Minutes:
		return differs(1, "", "fault_same_minutes", "here", l.Minutes, "there", other.Minutes)
	}
	for page, p := range l.Pages {
		here, there := l.skeleton(page), other.skeleton(page)
		for i := range max(len(here), len(there)) {
			switch {
			case i >= len(here):
				return differs(p.Line, p.Title, "fault_same_missing", "text", there[i].text, "line", there[i].line)
			case i >= len(there):
				return differs(here[i].line, here[i].text, "fault_same_added")
			case here[i].says == there[i].says:
			case here[i].exercise != nil && there[i].exercise != nil && here[i].text == there[i].text:
				x, y := here[i].exercise, there[i].exercise
				return differs(x.Line, here[i].text, "fault_same_exercise", "choices", len(x.choices), "hints", len(x.hints), "otherchoices", len(y.choices), "otherhints", len(y.hints))
			default:
				return differs(here[i].line, here[i].text, "fault_same_other", "text", there[i].text, "line", there[i].line)
			}
		}
	}
	return nil
}

// inQuotes is what may differ between languages.
var inQuotes = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// A bone is what a lesson is in any language.
type bone struct {
	line     int
	text     string
	says     string    // the text without its language, and what else must be the same
	exercise *Exercise // that begins here
}

// skeleton is a page without its language.
func (l *Lesson) skeleton(page int) (bones []bone) {
	add := func(line int, text string) {
		bones = append(bones, bone{line: line, text: text, says: inQuotes.ReplaceAllString(text, `""`)})
	}
	for _, p := range l.parts {
		if p.page != page {
			continue
		}
		for _, s := range p.steps {
			add(s.Line, s.Text)
		}
		if e := p.ask; e != nil {
			text := "```" + map[bool]string{false: "ask ", true: "predict "}[e.Predict] + e.Name
			bones = append(bones, bone{line: e.Line, text: text, says: fmt.Sprint(text, len(e.choices), " ", len(e.hints)), exercise: e})
			for _, a := range e.answers {
				add(a.line, "= "+a.source)
			}
			for _, c := range e.choices {
				if c.labelled {
					add(c.line, "- "+Block{Spans: plain(c.value)}.Text())
				}
				if c.when != nil {
					add(c.when.line, "when "+c.when.text)
				}
			}
		}
	}
	return bones
}

// computedIn returns the values of the templates, without their literals, in their sequence.
func computedIn(p paragraph) (values []bone) {
	for _, in := range p.spans {
		if in.template == nil {
			continue
		}
		source := in.template.source
		if in.template.when != nil {
			source = "… when " + in.template.when.text
		}
		if in.template.checked {
			_, source, _ = strings.Cut(source, " = ")
		}
		text := "{{" + strings.TrimSpace(source) + "}}"
		values = append(values, bone{line: p.line, text: text, says: inQuotes.ReplaceAllString(text, `""`)})
	}
	return values
}

// idioms are words that are in one of the languages often something else than in the other.
var idioms = []string{"type", "types", "tipo", "tipos", "more", "mais", "behind", "earlier", "previous", "anterior", "anteriores"}

// isIdiom reports whether the other language may well say it in other words.
func isIdiom(w heard) bool {
	return w.sort >= likeWord || w.sort == countWord && w.value == "1" || slices.Contains(idioms, strings.ToLower(w.text))
}

// Unlike returns what the prose of a lesson says otherwise than it does in another language, block by block: what it
// computes, in another sequence too; its keys and commands; what it cites, and names as the field spells them; its words for sides, names, parts of records, places, numbers, order, more and less, those of each sort in the same sequence. The
// lessons must be the [Same].
func Unlike(other, l *Lesson) (faults []Check) {
	typed := bothType(other, l)
	for page := range l.Pages {
		here, there := l.blocks(page, typed), other.blocks(page, typed)
		if len(here) != len(there) {
			faults = append(faults, fault(l.Pages[page].Line, l.Pages[page].Title, "fault_same_blocks", "here", len(here), "there", len(there)))
			continue
		}
		for i := range here {
			faults = append(faults, here[i].computes(there[i])...)
			if mine, theirs := here[i].typed, there[i].typed; !slices.Equal(mine, theirs) {
				faults = append(faults, fault(here[i].line, here[i].text, "fault_same_typed", "here", listed(mine), "there", listed(theirs), "line", there[i].line))
			}
			for _, said := range []struct{ mine, theirs []string }{{here[i].cites, there[i].cites}, {here[i].technical, there[i].technical}} {
				if !slices.Equal(said.mine, said.theirs) {
					faults = append(faults, fault(here[i].line, here[i].text, "fault_same_names", "here", listed(said.mine), "there", listed(said.theirs), "line", there[i].line))
				}
			}
			if mine, theirs, same := here[i].beside(there[i]); !same {
				faults = append(faults, fault(here[i].line, here[i].text, "fault_same_words", "here", mine, "there", theirs, "line", there[i].line))
			} else if mine, theirs, same := here[i].instead(there[i]); !same {
				faults = append(faults, fault(here[i].line, here[i].text, "fault_same_terms", "here", mine, "there", theirs, "line", there[i].line))
			}
			if mine, theirs := here[i].denies, there[i].denies; mine != theirs && here[i].text != there[i].text {
				faults = append(faults, fault(here[i].line, here[i].text, "fault_same_not", "here", mine, "there", theirs, "line", there[i].line))
			}
		}
	}
	return faults
}

// A heardBlock is a block of prose, and what is heard in it.
type heardBlock struct {
	line      int
	text      string // its beginning
	values    []bone // of its templates
	typed     []string
	cites     []string // numbers of standards, and of their sections and appendices
	technical []string // names of the field, as it spells them
	words     []heard
	terms     []saidTerm
	denies    int
}

// blocks are those of a page, with the labels of choices.
func (l *Lesson) blocks(page int, typed []string) (all []heardBlock) {
	portuguese := l.portuguese()
	glossary := inEnglish()
	if portuguese {
		glossary = inPortuguese()
	}
	for _, p := range l.allOf(page) {
		text := saidIn(p.spans)
		names, rest := hearNames(text)
		beginning, _ := shortened(textValue(text)).(string)
		b := heardBlock{line: p.line, text: beginning, values: computedIn(p), typed: typedIn(p.spans, typed)}
		b.cites = numberCited.FindAllString(strings.Join(references.FindAllString(text, -1), " "), -1)
		b.technical = technical.FindAllString(references.ReplaceAllString(text, " "), -1)
		b.words = slices.DeleteFunc(hearWords(names, rest, portuguese), isIdiom)
		b.terms, b.denies = glossary.terms(string(rest)), denials(string(rest), portuguese)
		all = append(all, b)
	}
	return all
}

var (
	// numberCited is the number of a standard, or that of a section or appendix of it.
	numberCited = regexp.MustCompile(`\b[A-Z]+[.-][0-9]+(?:\.[0-9]+)*|[0-9]+(?:[.-][0-9]+)*|\b[A-Z]\b`)

	// technical is a word with a capital in it and behind that one another one or a digit, as in HMAC, X25519, HKDF-Extract.
	technical = regexp.MustCompile(`\b[A-Za-z0-9-]*[A-Z][A-Za-z-]*[A-Z0-9][A-Za-z0-9-]*\b|\b[a-z]+[A-Z][A-Za-z]+\b`)
)

// saidIn is the text of spans, with an ellipsis for values and code.
func saidIn(spans []inline) string {
	var text strings.Builder
	for _, span := range spans {
		switch t := span.template; {
		case t != nil && t.when != nil:
			text.WriteString(saidIn(t.words))
		case t != nil || span.style == Code:
			text.WriteString("…")
		default:
			text.WriteString(span.text)
		}
	}
	return text.String()
}

// bothType returns the words that the scripts of two lessons have a client say.
func bothType(other, l *Lesson) []string {
	there := other.types()
	return slices.DeleteFunc(l.types(), func(word string) bool { return !slices.Contains(there, word) })
}

func (l *Lesson) types() (words []string) {
	for _, p := range l.parts {
		for _, s := range p.steps {
			if verb, rest, _ := strings.Cut(s.Text, " "); slices.Contains([]string{"do", "begin", "send", "guess"}, verb) {
				words = append(words, everyWord.FindAllString(rest, -1)...)
			}
		}
	}
	return words
}

// betweenQuotes is what code of one language may have in other words.
var betweenQuotes = regexp.MustCompile(inQuotes.String() + `|'[^']*'`)

// typedIn is what stands as code, and of what is emphasised single letters and the words that are typed.
func typedIn(spans []inline, typed []string) (all []string) {
	for _, in := range spans {
		switch {
		case in.template != nil:
			all = append(all, typedIn(in.template.words, typed)...)
		case in.style == Code:
			all = append(all, betweenQuotes.ReplaceAllString(in.text, `""`))
		case in.style == Emphasis:
			for _, word := range everyWord.FindAllString(in.text, -1) {
				if utf8.RuneCountInString(in.text) == 1 || slices.Contains(typed, word) {
					all = append(all, word)
				}
			}
		}
	}
	return all
}

// computes returns the first value that the other block does not have in its place.
func (b heardBlock) computes(other heardBlock) []Check {
	for i := range max(len(b.values), len(other.values)) {
		switch {
		case i >= len(b.values):
			return []Check{fault(b.line, b.text, "fault_same_missing", "text", other.values[i].text, "line", other.line)}
		case i >= len(other.values):
			return []Check{fault(b.line, b.values[i].text, "fault_same_added")}
		case b.values[i].says != other.values[i].says:
			return []Check{fault(b.line, b.values[i].text, "fault_same_value", "text", other.values[i].text, "line", other.line)}
		}
	}
	return nil
}

// beside returns the words that only this block has, and those that only the other one has; all of a sort, if both have
// the same ones in another order.
func (b heardBlock) beside(other heardBlock) (here, there any, same bool) {
	var mine, theirs []heard
	for s := range likeWord {
		x, y := ofSort(b.words, s), ofSort(other.words, s)
		if slices.Equal(valuesOf(x), valuesOf(y)) {
			continue
		}
		onlyX, onlyY := beyondThose(x, y), beyondThose(y, x)
		if len(onlyX)+len(onlyY) == 0 {
			onlyX, onlyY = x, y
		}
		mine, theirs = append(mine, onlyX...), append(theirs, onlyY...)
	}
	return textsOf(mine), textsOf(theirs), len(mine)+len(theirs) == 0
}

// instead returns the terms of a row that this block has in the place of those of the other one, or in another sequence.
func (b heardBlock) instead(other heardBlock) (here, there any, same bool) {
	for row := range glossary {
		mine, theirs := ofRow(b.terms, row), ofRow(other.terms, row)
		onlyMine, onlyTheirs := beyondTerms(mine, theirs), beyondTerms(theirs, mine)
		switch {
		case len(onlyMine) > 0 && len(onlyTheirs) > 0:
			return textOfTerms(onlyMine), textOfTerms(onlyTheirs), false
		case len(onlyMine)+len(onlyTheirs) == 0 && !slices.EqualFunc(mine, theirs, isSpot):
			return textOfTerms(mine), textOfTerms(theirs), false
		}
	}
	return nil, nil, true
}

// beyondThose are the words without one for each of the others that says the same.
func beyondThose(words, others []heard) (left []heard) {
	values := valuesOf(others)
	for _, w := range words {
		if i := slices.Index(values, w.value); i >= 0 {
			values = slices.Delete(values, i, i+1)
		} else {
			left = append(left, w)
		}
	}
	return left
}

func textsOf(words []heard) any {
	var all []string
	for _, w := range words {
		all = append(all, w.text)
	}
	return listed(all)
}

func listed(all []string) any {
	if all == nil {
		return say("fault_no_word")
	}
	return shortened(textValue(strings.Join(all, ", ")))
}

func isSpot(a, b saidTerm) bool { return a.spot == b.spot }

func ofRow(terms []saidTerm, row int) (all []saidTerm) {
	for _, t := range terms {
		if t.row == row {
			all = append(all, t)
		}
	}
	return all
}

// beyondTerms are the terms without one for each of the others that says the same.
func beyondTerms(terms, others []saidTerm) (left []saidTerm) {
	others = slices.Clone(others)
	for _, t := range terms {
		if i := slices.IndexFunc(others, func(o saidTerm) bool { return isSpot(t, o) }); i >= 0 {
			others = slices.Delete(others, i, i+1)
		} else {
			left = append(left, t)
		}
	}
	return left
}

func textOfTerms(terms []saidTerm) any {
	var all []string
	for _, t := range terms {
		all = append(all, t.text)
	}
	return listed(all)
}
