package lesson

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/docs"
)

// Words that carry their proof: {{WORDS when CONDITION}}. The condition is judged where they stand. What the words say of
// sides, names, parts, places, numbers, order, more and less, the same and another, in clear and encrypted, and that
// something is not so, must be what the condition says of them: then no other word of its sort could stand in the place of
// one of them.

// cutWhen cuts a template in two, where it has a condition.
func cutWhen(source string) (words, condition string, ok bool) {
	blank := func(quoted string) string { return strings.Repeat("_", len(quoted)) }
	at := strings.LastIndex(inQuotes.ReplaceAllStringFunc(source, blank), " when ")
	if at < 0 {
		return source, "", false
	}
	return source[:at], strings.TrimSpace(source[at+len(" when "):]), true
}

// parseCondition reads a condition: whatever may stand behind expect.
func parseCondition(line int, text string) (c *condition, what *remark) {
	words, what := wordsOf(text)
	if what != nil {
		return nil, what
	}
	c = &condition{line: line, text: text}
	c.holds, what = parseAssertion(words)
	if compared, wrong, is := parseComparison(words); is && wrong == nil && !slices.Equal(words[1:], content) {
		if compared, ok := compared.(comparison); ok {
			c.inputs = []expression{compared.left, compared.right}
		}
	}
	return c, what
}

// judge tells whether the words are true.
func (t *template) judge(r *run) Check {
	check := Check{Line: t.line, Text: "{{" + t.source + "}}"}
	holds, err := t.when.judge(r)
	if err != nil {
		return check.failing(err)
	}
	got, _ := t.when.holds(r)
	check.OK = holds
	return check.saw(got)
}

// says are the words, in their own styles or in the one that is set around them.
func (t *template) says(around Style) (spans []Span) {
	for _, in := range t.words {
		style := in.style
		if style == Plain {
			style = around
		}
		spans = append(spans, Span{Text: in.text, Style: style})
	}
	return spans
}

// Evidence is what a condition has for words to be held to.
type evidence struct {
	names  [orderWord][]string    // values of the sorts up to places and counts, in the sequence in which the condition names them
	says   [sortsOfWords][]string // of the others: what it says by words of its own
	nots   int                    // how often it says that something is not so
	keyed  bool                   // it says so of an epoch that is not clear, which is encrypted
	list   []string               // messages, in the order in which they are sent
	bytes  []string               // of the places, those of bytes
	hidden []string               // sides that need not be named: a ClientHello is the client's, and what it sends the server receives
}

// conditionWords are what conditions say by words of their own. Whether two things are the same or not goes with how
// often it is said that something is not so.
var conditionWords = []struct {
	sort    sort
	values  []string
	pattern *regexp.Regexp
}{
	{orderWord, []string{"before"}, regexp.MustCompile(`\bis less than\b|\bplus \S+ is\b|\bis \S.* minus \S+$`)},
	{orderWord, []string{"after"}, regexp.MustCompile(`\bis more than\b|\bminus \S+ is\b|\bis \S.* plus \S+$|\bafter its handshake\b`)},
	{orderWord, []string{"before", "after"}, regexp.MustCompile(`\bsends\b|^covers of\b`)}, // the names say which
	{amountWord, []string{"less"}, regexp.MustCompile(`\bis (?:less than|at most)\b`)},
	{amountWord, []string{"more"}, regexp.MustCompile(`\bis (?:more than|at least)\b`)},
	{likeWord, []string{"same", "other"}, regexp.MustCompile(`\b(?:is|equal|different)\b`)},
	{clearWord, []string{"clear"}, inClear},
	{clearWord, []string{"encrypted"}, regexp.MustCompile(`\bepoch is not clear\b|\bepoch is (?:_|early|handshake|application)|\b(?:secret|key) is\b|traffic_secret\b|\b(?:unreadable|fragment|ciphertext|content|record\.\w+)\b|^attacker reads nothing$`)},
}

var (
	// inClear is what shows that nothing is encrypted: no keys, or words that are found among the bytes on the wire.
	inClear = regexp.MustCompile(`\bepoch is clear\b|^(?:sent by )?(?:client|server) [\w. ]*contains\b|^attacker reads (?:_|[^n])`)

	// notClear denies of the epoch what the words need not deny.
	notClear = regexp.MustCompile(`\bepoch is not clear\b`)

	notSo     = regexp.MustCompile(`\b(?:not|no|nothing|nobody|silence|lacks|different)\b`)
	isNothing = regexp.MustCompile(`\bis (?:not )?(?:0|zero|"")$|"not received"`)

	// oneSided are messages that one side alone sends.
	oneSided = regexp.MustCompile(`\b(client|server) (?:client_hello|server_hello|hello_retry_request|encrypted_extensions|certificate_request|server_key_exchange|server_hello_done|client_key_exchange|new_session_ticket)\b`)
)

// evidenceOf reads a condition.
func evidenceOf(condition string) (e evidence) {
	plain := inQuotes.ReplaceAllString(strings.ReplaceAll(condition, `"clear"`, "clear"), "_")
	for _, c := range conditionWords {
		if c.pattern.MatchString(plain) && (c.sort != clearWord || e.says[clearWord] == nil) {
			e.says[c.sort] = append(e.says[c.sort], c.values...)
		}
	}
	if e.keyed = notClear.MatchString(plain); e.keyed {
		e.says[likeWord] = nil // it compares with what is in clear, and says of nothing else whether it is the same
	}
	e.nots = len(notSo.FindAllString(plain, -1)) + len(isNothing.FindAllString(condition, -1))
	words, _ := wordsOf(condition)
	before, place := "", false
	for _, word := range words {
		e.take(word, before, place)
		place = word == "is" && slices.Contains([]string{"row", "position", "connection"}, before)
		before = word
	}
	for _, m := range oneSided.FindAllStringSubmatch(plain, -1) {
		e.hidden = append(e.hidden, m[1])
	}
	if _, names, ok := strings.Cut(plain, " sends "); ok {
		e.list = strings.Fields(names)
	} else if strings.HasPrefix(condition, "covers of ") {
		e.list = strings.Fields(strings.NewReplacer(",", " ", `"`, " ").Replace(condition))
	}
	return e
}

// counting are words in a condition behind which a number says how many, and not which one.
var counting = []string{"", "is", "not", "than", "least", "most", "plus", "minus", "times", "first", "last", "contains", "lacks", "and", "with", "xor", "then", "of"}

// take takes in a word of the condition and what it is evidence of.
func (e *evidence) take(word, before string, place bool) {
	add := func(s sort, value string) { e.names[s] = append(e.names[s], value) }
	if quoted, err := strconv.Unquote(word); err == nil && word[0] == '"' {
		for name := range strings.SplitSeq(quoted, ", ") {
			add(sortOfName(name), squeezed(name))
		}
		return
	}
	if v, ok := plainLiteral(word); ok {
		switch {
		case !v.Numeric:
		case place || !slices.Contains(counting, before):
			add(placeWord, strconv.Itoa(v.Number))
			if slices.Contains([]string{"byte", "bytes", "to"}, before) {
				e.bytes = append(e.bytes, strconv.Itoa(v.Number))
			}
		default:
			add(countWord, strconv.Itoa(v.Number))
		}
		return
	}
	switch word {
	case "client", "server", "attacker", "nobody":
		add(sideWord, word)
	case "received", "verdict": // by the other side
		if n := len(e.names[sideWord]); n > 0 {
			peer := peerOf(e.names[sideWord][n-1])
			add(sideWord, peer)
			e.hidden = append(e.hidden, peer)
		}
	case "noticed", "notices":
		add(placeWord, "1")
	case "first", "last":
		place := strings.Replace(word, "first", "1", 1)
		add(placeWord, place)
		e.bytes = append(e.bytes, place)
	}
	if word == "size" {
		add(partWord, "length")
	}
	for name := range strings.SplitSeq(word, ".") {
		if s := sortOfName(name); s != nameWord || snake.MatchString(name) || numbered.MatchString(name) {
			add(s, squeezed(name))
		}
		for _, part := range vocabulary[partWord] {
			if slices.Contains(strings.Split(name, "_"), part.value) {
				add(partWord, part.value)
			}
		}
	}
}

// refute says which of the words says something else than the condition, or could be another one without the condition
// being another one; nil if none.
func (e evidence) refute(words []heard) *remark {
	for s := range orderWord {
		if what := e.inSequence(s, ofSort(words, s), words); what != nil {
			return what
		}
	}
	for s := orderWord; s < notWord; s++ {
		for _, w := range ofSort(words, s) {
			if !slices.Contains(e.says[s], w.value) {
				return say("fault_when", "word", w.text)
			}
		}
	}
	if !e.denied(words) {
		return say("fault_when_not")
	}
	return nil
}

// inSequence holds the words of a sort to the sequence in which the condition has them.
func (e evidence) inSequence(s sort, said, words []heard) (what *remark) {
	if s == messageWord && e.list != nil {
		return e.inList(said, words)
	}
	for _, there := range e.readings(s) {
		if what = inStep(said, there); what == nil {
			break
		}
	}
	return what
}

// readings are the sequences in which words of a sort may stand: all that the condition has, or those that matter.
func (e evidence) readings(s sort) [][]string {
	all := e.names[s]
	switch s {
	case sideWord:
		return [][]string{without(all, e.hidden), all}
	case placeWord:
		return [][]string{without(all, e.bytes), e.bytes, all}
	}
	return [][]string{all}
}

// inStep holds words to a sequence, in which no other value may do in the place of one.
func inStep(said []heard, there []string) *remark {
	values := valuesOf(said)
	for i, w := range said {
		if !follows(values[:i+1], there) {
			return say("fault_when", "word", w.text)
		}
	}
	for i, w := range said {
		for _, other := range there {
			if swapped := slices.Clone(values); other != w.value {
				if swapped[i] = other; follows(swapped, there) {
					return say("fault_when_either", "word", w.text, "other", other)
				}
			}
		}
	}
	return nil
}

// follows reports whether the values stand in the sequence, one after the other.
func follows(values, sequence []string) bool {
	at := 0
	for _, value := range values {
		found := slices.IndexFunc(sequence[at:], func(there string) bool {
			return there == value || phrases.MatchString(value) && strings.Contains(there, value)
		})
		if found < 0 {
			return false
		}
		at += found + 1
	}
	return true
}

// without takes one of each of the others out.
func without(all, others []string) []string {
	all = slices.Clone(all)
	for _, other := range others {
		if i := slices.Index(all, other); i >= 0 {
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}

// inList holds names of messages to a list of them in the order in which they are sent.
func (e evidence) inList(said, words []heard) *remark {
	for _, w := range said {
		if !slices.Contains(e.list, snakeOf(w.text)) {
			return say("fault_when", "word", w.text)
		}
	}
	order := ofSort(words, orderWord)
	after := len(order) > 0 && order[0].value == "after"
	for i := 1; i < len(said); i++ {
		first, second := snakeOf(said[i-1].text), snakeOf(said[i].text)
		if after {
			first, second = second, first
		}
		if !slices.Contains(e.list[slices.Index(e.list, first)+1:], second) {
			return say("fault_when", "word", said[i].text)
		}
	}
	return nil
}

// denied reports whether the words say as the condition does that something is not so. What is encrypted is not in clear.
func (e evidence) denied(words []heard) bool {
	if e.keyed {
		return nots(words)%2 == (e.nots-1)%2
	}
	return nots(words)%2 == e.nots%2
}

// again are words that in Portuguese say once more, behind não or one another, that something is not so.
var again = []string{"nada", "nenhum", "nenhuma", "ninguém", "nunca"}

// nots is how often words say that something is not so.
func nots(words []heard) (n int) {
	said := slices.ContainsFunc(words, func(w heard) bool { return strings.EqualFold(w.text, "não") })
	for _, w := range words {
		switch {
		case w.sort == notWord && slices.Contains(again, strings.ToLower(w.text)):
			if !said {
				n, said = n+1, true
			}
		case w.sort == notWord, w.sort == likeWord && w.value == "other", w.sort == countWord && w.value == "0":
			n++
		}
	}
	return n
}

func ofSort(words []heard, s sort) (all []heard) {
	for _, w := range words {
		if w.sort == s {
			all = append(all, w)
		}
	}
	return all
}

func valuesOf(words []heard) (all []string) {
	for _, w := range words {
		all = append(all, w.value)
	}
	return all
}

// said are the words of the template that are held to its condition.
func (t *template) said(portuguese bool) []heard {
	return hear(Block{Spans: plain(t.words)}.Text(), portuguese)
}

// numbers are those of the words that no condition has in words: digits, bytes, and what is counted in dozens.
func (t *template) numbers() (all []string) {
	for _, span := range t.words {
		for _, claim := range claimsIn(span.text, span.style) {
			if _, small := numberWord(claim); !small && isNumber(claim) {
				all = append(all, claim)
			}
		}
	}
	return all
}

// unwarranted are the words that say something else than the condition beside them, or nothing that it could hold.
func (l *Lesson) unwarranted() (faults []Check) {
	portuguese, kept := l.portuguese(), l.origins()
	for _, p := range l.all() {
		for _, span := range p.spans {
			t := span.template
			if t == nil || t.when == nil {
				continue
			}
			text := "{{" + t.source + "}}"
			faults = append(faults, kept.expectation(t.line, text, t.when.text)...)
			for _, number := range t.numbers() {
				faults = append(faults, unproved(t.line, number))
			}
			what := say("fault_when_nothing")
			if words := t.said(portuguese); len(words) > 0 {
				what = evidenceOf(t.when.text).refute(words)
			}
			if what != nil {
				faults = append(faults, fault(t.line, text, what.id, what.pairs...))
			}
		}
	}
	return faults
}

// alter tells what would come of it if the condition, or one of the words, were another one.
func (t *template) alter(r *run, report func(Check)) {
	for _, altered := range r.mutants(t.when.text) {
		got, ok := altered(r)
		report(alteration(t.line, "{{"+t.source+"}}", !ok, got))
	}
	t.alterWords(r.lang == docs.Portuguese, report)
}

// alterWords tells what would come of it if one of the words were another of its sort: it must be noticed.
func (t *template) alterWords(portuguese bool, report func(Check)) {
	words, evidence := t.said(portuguese), evidenceOf(t.when.text)
	for i, w := range words {
		for _, other := range othersOf(w, evidence) {
			altered := slices.Clone(words)
			altered[i].value, altered[i].text = other, other
			report(alteration(t.line, "{{"+t.source+"}}", evidence.refute(altered) != nil, w.text+" → "+other))
		}
	}
}

// othersOf are words of the same sort: of names, those that the condition has.
func othersOf(w heard, e evidence) (all []string) {
	switch {
	case w.sort == notWord:
		return nil // without it the condition would be the opposite, and that is altered
	case vocabulary[w.sort] == nil:
		all = slices.Clone(e.names[w.sort])
	default:
		for _, s := range vocabulary[w.sort] {
			all = append(all, s.value)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(value string) bool { return value == w.value })
}
