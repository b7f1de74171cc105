package lesson

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"example.com/tlslab/inspect"
)

// Faults returns what the prose of the lesson says without proof: numbers and
// bytes outside of templates, and names of the standards that no value and no
// expectation of the lesson is about. References to RFCs and their sections need
// none. "One", "two", "twice" and ordinals are held in front of what is on the wire; an
// expectation of the same page may prove them. Faults are also words that say something else than the condition beside
// them, claims in which nothing comes from the session, signs of Markdown that are not rendered, and a lesson that does
// not say how long it takes.
func (l *Lesson) Faults() (faults []Check) {
	if l.Minutes == 0 {
		faults = append(faults, fault(1, "# "+l.Title, "fault_minutes", "most", maxMinutes))
	}
	whole := l.proof(everyPage)
	for page := range l.Pages {
		proof := l.proof(page)
		for _, p := range l.proseOf(page) {
			for _, span := range p.spans {
				if span.template != nil {
					continue
				}
				for _, claim := range claimsIn(span.text, span.style) {
					if !proof.covers(claim) && !(version.MatchString(claim) && whole.covers(claim)) {
						faults = append(faults, unproved(p.line, claim))
					}
				}
			}
		}
	}
	return slices.Concat(faults, l.miscounted(), l.mislabelled(), l.missided(), l.disordered(), l.rootless(), l.unwarranted(), l.unrendered())
}

// portuguese reports whether the lesson is, by its articles.
func (l *Lesson) portuguese() bool {
	n := 0
	for _, p := range l.prose() {
		for _, w := range everyWord.FindAllString(Block{Spans: plain(p.spans)}.Text(), -1) {
			switch strings.ToLower(w) {
			case "the", "of", "is":
				n--
			case "o", "que", "de":
				n++
			}
		}
	}
	return n > 0
}

// unproved is the fault of a claim that nothing proves.
func unproved(line int, claim string) Check {
	if written.MatchString(claim) && !literalValue(claim).Numeric {
		return fault(line, claim, "fault_number")
	}
	return fault(line, claim, "fault_unproved", "claim", claim)
}

// prose returns everything that is read but the choices of exercises, which may
// be wrong.
func (l *Lesson) prose() (all []paragraph) {
	for page := range l.Pages {
		all = append(all, l.proseOf(page)...)
	}
	return all
}

func (l *Lesson) proseOf(page int) (all []paragraph) {
	all = append(all, paragraph{line: l.Pages[page].Line, spans: []inline{{text: l.Pages[page].Title}}})
	for _, p := range l.parts {
		if p.page == page {
			all = append(append(all, p.prose...), p.ask.prose()...)
		}
	}
	return all
}

// prose is what is read of an exercise but its choices.
func (e *Exercise) prose() []paragraph {
	if e == nil {
		return nil
	}
	return append(slices.Concat(e.question, e.hints), e.why)
}

// all is prose, and the choices with it.
func (l *Lesson) all() (all []paragraph) {
	for page := range l.Pages {
		all = append(all, l.allOf(page)...)
	}
	return all
}

func (l *Lesson) allOf(page int) (all []paragraph) {
	all = l.proseOf(page)
	for _, p := range l.parts {
		if p.page != page || p.ask == nil {
			continue
		}
		for _, c := range p.ask.choices {
			all = append(all, paragraph{line: c.line, spans: c.label})
			if c.labelled {
				all = append(all, paragraph{line: c.line, spans: c.value})
			}
		}
	}
	return all
}

var (
	// references are what needs no proof, in both languages: the standards themselves.
	references = regexp.MustCompile(`(sections?|seç(ão|ões)) \d+(\.\d+)* (of|da|do) RFC \d+|RFCs? \d+((,? (e|and|ou|or))?,? (§ ?|sections? |seç(ão|ões) |appendix |apêndice )([A-Z]|\d+)(\.\d+)*((,| and| e) \d+(\.\d+)+)*)*|FIPS \d+(-\d+)?|SP \d+-\d+\w?|X\.509|X\.690|PKCS ?#\d+|ASN\.1|UTF-8`)

	// numbered are names with digits in them.
	numbered = regexp.MustCompile(`(TLS|SSL) \d(\.\d)?|\b[A-Za-z][A-Za-z_-]*\d[\w-]*`)

	// version is of a protocol; a lesson is about one or two of them, on all of its pages.
	version = regexp.MustCompile(`^(TLS|SSL) \d`)

	// digits are numbers, alone or in words, and bytes.
	digits = regexp.MustCompile(`\S*\pN\S*`)

	// octets are bytes without a digit, where they stand as code.
	octets = regexp.MustCompile(`^[a-f]{2}( [a-f]{2})*$`)

	octetsBefore = regexp.MustCompile(`\b([a-f]{2}) bytes?\b`)

	// written are numbers in words, from three on.
	written = regexp.MustCompile(`(?i)(^|[^\pL])(` + strings.Join(append(slices.Concat(numberWords[3:]...), beyond...), "|") + `)([^\pL]|$)`)

	// beyond are numbers in words that no value is written with.
	beyond = []string{
		`thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens`,
		`eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)ieth|hundredth|thousandth`,
		`thrice|triple|penultimate|double as|(?:score|couple)s? of|half (?:of )?(?:the |its |these )?(?:bytes|bits|blocks|records)`,
		`(?:a|one) (?:third|quarter|fifth|tenth) of|(?:two|three) (?:thirds|quarters)`,
		`trinta|quarenta|cinquenta|sessenta|setenta|oitenta|noventa|cem|cento|(?:duz|trez|quatroc|quinh|seisc|setec|oitoc|novec)ent[oa]s|mil|milhar(?:es)?|milhão|milhões|bilhão|bilhões`,
		`décim[oa]s? (?:primeir|segund|terceir|quart|quint|sext|sétim|oitav|non)[oa]s?|(?:vi|tri|quadra|quinqua|sexa|septua|octo|nona)gésim[oa]s?|(?:cent|mil)ésim[oa]s?`,
		`dobro|triplo|penúltim[oa]s?|meia dúzia|dúzias|dezenas?|centenas?|metade dos (?:bytes|bits|blocos|registros)|dupla de`,
		`um (?:terço|quarto|quinto) d[aeo]s?|dois terços|três quartos`,
	}

	// phrases are what programs say of a connection, and short names of algorithms.
	phrases = regexp.MustCompile(`(?i:connection (?:reset(?: by peer)?|refused)|broken pipe|i/o timeout|no route to host)|\b(?:EOF|AES|GCM|CCM|CBC|RSA|DSA|ECDSA|EdDSA|DES|ECDHE|DHE|ChaCha|Poly)\b`)

	// word is what can be a standard's name; snake what hardly is anything else.
	word  = regexp.MustCompile(`[A-Za-z][A-Za-z0-9_]*`)
	snake = regexp.MustCompile(`^[A-Za-z]+(_[A-Za-z0-9]+)+$`)
)

// claimsIn returns what the text claims.
func claimsIn(text string, style Style) (all []string) {
	text = references.ReplaceAllString(text, "")
	all = numbered.FindAllString(text, -1)
	for _, number := range digits.FindAllString(numbered.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.Trim(number, ".,;:!?()“”\"'"))
	}
	for _, match := range written.FindAllStringSubmatch(text, -1) {
		all = append(all, match[2])
	}
	for _, match := range octetsBefore.FindAllStringSubmatch(text, -1) {
		if match[1] != "be" && match[1] != "de" {
			all = append(all, match[1])
		}
	}
	if style == Code && octets.MatchString(text) {
		all = append(all, text)
	}
	all = append(all, phrases.FindAllString(text, -1)...)
	for _, name := range word.FindAllString(text, -1) {
		if snake.MatchString(name) && !numbered.MatchString(name) || messageNames()[name] {
			all = append(all, name)
		}
	}
	return all
}

// messageNames are those of handshake messages, as in ClientHello.
var messageNames = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	for code := range 1<<8 + 1 {
		name := "hello_retry_request"
		if code < 1<<8 {
			name = inspect.HandshakeType(code).String()
		}
		if snake.MatchString(name) || name == "finished" {
			var camel strings.Builder
			for part := range strings.SplitSeq(name, "_") {
				camel.WriteString(strings.ToUpper(part[:1]) + part[1:])
			}
			names[camel.String()] = true
		}
	}
	return names
})

// A proof is everything that a page expects or computes. Where nothing is done, as at the beginning and at the end, it
// is told what is done elsewhere.
type proof []string

const everyPage = -1

func (l *Lesson) proof(page int) (all proof) {
	plays := page != everyPage && l.plays(page)
	for at := range l.Pages {
		if at == page || !plays {
			all = append(all, l.proven(at)...)
		}
	}
	return all
}

// plays reports whether a page has a script.
func (l *Lesson) plays(page int) bool {
	return slices.ContainsFunc(l.parts, func(p part) bool { return p.page == page && p.steps != nil })
}

// madeOf is what the home-made channels are made of, by their names.
var madeOf = map[string]string{Sealed: "AES CBC", SealedAuthenticated: "AES CBC HMAC"}

func (l *Lesson) proven(page int) (all proof) {
	for _, p := range l.parts {
		if p.page != page {
			continue
		}
		for _, s := range p.steps {
			switch s.Verb {
			case "open":
				all = append(all, squeezed(s.Text+" "+madeOf[strings.TrimSuffix(strings.TrimPrefix(s.Text, "open kv "), " ")]))
			case "expect", "look", "explain", "let", "tamper", "hold":
				all = append(all, squeezed(s.Text))
			}
		}
		if p.ask != nil {
			for _, a := range p.ask.answers {
				all = append(all, squeezed(a.source))
			}
			for _, c := range p.ask.choices {
				if c.when != nil {
					all = append(all, squeezed(c.when.text))
				}
			}
		}
	}
	for _, p := range l.proseOf(page) {
		for _, span := range p.spans {
			if span.template != nil {
				all = append(all, squeezed(span.template.source))
			}
		}
	}
	return all
}

// covers reports whether the claim, which is a name, stands in the proof. A
// number never does.
func (p proof) covers(claim string) bool {
	if isNumber(claim) {
		return false
	}
	name := squeezed(claim)
	return slices.ContainsFunc(p, func(text string) bool { return strings.Contains(text, name) })
}

// isNumber reports whether a claim is a number or bytes, and no name.
func isNumber(claim string) bool {
	return digits.MatchString(claim) && !numbered.MatchString(claim) || written.MatchString(claim) || octets.MatchString(claim)
}

// squeezed is text in which ClientHello and client_hello are the same.
func squeezed(text string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(text))
}

// plain is text whose templates stand as they were written.
func plain(all []inline) (spans []Span) {
	for _, in := range all {
		if in.template != nil {
			in.text = "{{" + in.template.source + "}}"
		}
		spans = append(spans, Span{Text: in.text, Style: in.style})
	}
	return spans
}
