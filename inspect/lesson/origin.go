package lesson

import "strings"

// An origin is what a value is made of. A claim that is made of nothing but what
// its author wrote would be true of every session.
type origin struct {
	session bool     // something that its author did not write: that only the session knows, or a registry
	lets    []string // the names of what lets keep
}

func (o origin) and(other origin) origin {
	return origin{o.session || other.session, append(o.lets[:len(o.lets):len(o.lets)], other.lets...)}
}

// origins are those of what the lets of a lesson keep, by name.
type origins map[string]origin

func (l *Lesson) origins() origins {
	kept := make(origins)
	for _, p := range l.parts {
		for _, s := range p.steps {
			if s.Verb != "let" {
				continue
			}
			words, _ := wordsOf(strings.TrimPrefix(s.Text, "let "))
			_, from, _ := parseValueFrom(words[2:])
			from = kept.of(from)
			if before, ok := kept[words[0]]; ok { // of two, it counts as the poorer one
				from.session = from.session && before.session
			}
			kept[words[0]] = from
		}
	}
	return kept
}

// of is the origin of a value, with that of what it takes from lets. What no let
// keeps is an error where it is computed, and not here.
func (kept origins) of(from origin) origin {
	for _, name := range from.lets {
		before, ok := kept[name]
		from.session = from.session || before.session || !ok
	}
	from.lets = nil
	return from
}

// rootless are the claims of the lesson that have no root in its session: answers,
// expectations and templates in which nothing comes from it, however it is computed.
func (l *Lesson) rootless() (faults []Check) {
	kept := l.origins()
	for _, p := range l.parts {
		for _, s := range p.steps {
			if s.Verb == "expect" {
				faults = append(faults, kept.expectation(s.Line, s.Text, strings.TrimPrefix(s.Text, "expect "))...)
			}
		}
		if p.ask == nil {
			continue
		}
		for _, a := range p.ask.answers {
			if !kept.of(a.from).session {
				faults = append(faults, fault(a.line, "= "+a.source, "fault_answer"))
			}
		}
		for _, c := range p.ask.choices {
			if c.when != nil {
				faults = append(faults, kept.expectation(c.when.line, "when "+c.when.text, c.when.text)...)
			}
		}
	}
	for _, p := range l.all() {
		for _, span := range p.spans {
			if t := span.template; t != nil && t.when == nil {
				if !kept.of(t.from).session {
					faults = append(faults, fault(t.line, "{{"+t.source+"}}", "fault_template", "example", "{{five = size of client text 1 header}}"))
				}
			}
		}
	}
	return faults
}

// expectation looks at an expectation, or a condition, that compares values.
func (kept origins) expectation(line int, text, claim string) []Check {
	words, _ := wordsOf(claim)
	c, what, is := parseComparison(words)
	compared, ok := c.(comparison)
	switch {
	case !is || what != nil || !ok:
		return nil
	case compared.same:
		return []Check{fault(line, text, "fault_same")}
	}
	if !kept.of(compared.from).session {
		return []Check{fault(line, text, "fault_expect")}
	}
	return nil
}
