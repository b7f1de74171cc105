package lesson

import (
	"strings"
)

// A Block is a piece of prose: what stands between two empty lines, or behind a
// dash.
type Block struct {
	Kind  BlockKind
	Spans []Span
}

// A BlockKind says how a block is set.
type BlockKind uint8

// The kinds of blocks.
const (
	Paragraph BlockKind = iota
	Item                // of a list
	Note                // set apart
)

// A Span is text of one style. It may hold what was captured: whoever draws it
// makes it safe.
type Span struct {
	Text     string
	Style    Style
	Computed bool // from the session, or held against it
	Claimed  bool // the author wrote it, and it is held against the session
}

// A Style is how text looks.
type Style uint8

// The styles.
const (
	Plain Style = iota
	Strong
	Emphasis
	Code // keys, commands, names, bytes
)

// Text joins what the block says.
func (b Block) Text() string {
	var all strings.Builder
	for _, span := range b.Spans {
		all.WriteString(span.Text)
	}
	return all.String()
}

// A paragraph is a block whose values are not known yet.
type paragraph struct {
	kind   BlockKind
	line   int
	source []string // its lines; nil in an exercise
	spans  []inline
}

// An inline is text as it stands, or a template.
type inline struct {
	text     string // as it stands
	style    Style
	template *template
}

// A template is a value that is computed: {{VALUE}}; or one that the author
// writes and that is checked: {{LITERAL = VALUE}}; or words and what must be so
// for them to be true: {{WORDS when CONDITION}}.
type template struct {
	line    int
	source  string // between the braces
	literal string
	checked bool
	value   func(*run) (Value, error)
	from    origin

	words []inline   // where there is a condition
	when  *condition // nil where there is a value
}

// paragraphKind tells what a line begins, and returns its text.
func paragraphKind(line string) (BlockKind, string) {
	if text, ok := strings.CutPrefix(line, "- "); ok {
		return Item, text
	}
	if text, ok := strings.CutPrefix(line, ">"); ok {
		return Note, strings.TrimSpace(text)
	}
	return Paragraph, strings.TrimSpace(line)
}

// goesOn reports whether the line belongs to the block of the kind that stands
// above it.
func goesOn(kind BlockKind, line string) bool {
	line = strings.TrimRight(line, " \t")
	switch {
	case line == "", strings.HasPrefix(line, "#"), strings.HasPrefix(line, "```"), strings.HasPrefix(line, "- "):
		return false
	}
	return strings.HasPrefix(line, ">") == (kind == Note)
}

// marks are what begins and ends a style; the longest first.
var marks = []struct {
	mark  string
	style Style
}{{"**", Strong}, {"*", Emphasis}, {"`", Code}}

// parseParagraph reads the text of a block.
func parseParagraph(kind BlockKind, text string, line int) (p paragraph, what *remark) {
	p.spans, what = parseInline(text, line)
	p.kind, p.line = kind, line
	return p, what
}

// parseInline reads text with styles and templates. Styles do not nest.
func parseInline(text string, line int) (spans []inline, what *remark) {
	style, mark := Plain, ""
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			spans = append(spans, inline{text: plain.String(), style: style})
			plain.Reset()
		}
	}
	for text != "" {
		if rest, ok := strings.CutPrefix(text, "{{"); ok {
			source, rest, ok := strings.Cut(rest, "}}")
			if !ok {
				return nil, say("fault_braces")
			}
			t, what := parseTemplate(source, line)
			if what != nil {
				return nil, what.within(source)
			}
			flush()
			spans, text = append(spans, inline{style: style, template: t}), rest
			continue
		}
		if s, m := markAt(text, mark); m != "" {
			flush()
			if text = text[len(m):]; mark == "" {
				style, mark = s, m
			} else {
				style, mark = Plain, ""
			}
			continue
		}
		plain.WriteByte(text[0])
		text = text[1:]
	}
	if flush(); mark != "" {
		return nil, say("fault_mark", "mark", mark)
	}
	return spans, nil
}

// markAt returns the mark with which the text begins: any one, or the one that
// is open.
func markAt(text, open string) (Style, string) {
	for _, m := range marks {
		if strings.HasPrefix(text, m.mark) && (open == "" || open == m.mark) {
			return m.style, m.mark
		}
	}
	return Plain, ""
}

func parseTemplate(source string, line int) (t *template, what *remark) {
	t = &template{line: line, source: source}
	if words, condition, ok := cutWhen(source); ok {
		if t.words, what = parseInline(strings.TrimSpace(words), line); what == nil {
			t.when, what = parseCondition(line, condition)
		}
		return t, what
	}
	words := source
	if literal, value, ok := strings.Cut(source, " = "); ok {
		t.literal, t.checked, words = strings.TrimSpace(literal), true, value
	}
	value, what := wordsOf(words)
	if what != nil {
		return nil, what
	}
	t.value, t.from, what = parseValueFrom(value)
	return t, what
}

// render fills the templates of the paragraph in. It reports those that are
// checked, and those that cannot be computed, which stand as they were written.
func (p paragraph) render(r *run, report func(Check)) Block {
	return Block{p.kind, renderInline(p.spans, r, report)}
}

func renderInline(all []inline, r *run, report func(Check)) (spans []Span) {
	for _, in := range all {
		if in.template == nil {
			spans = append(spans, Span{Text: in.text, Style: in.style})
			continue
		}
		if t := in.template; t.when != nil {
			report(t.judge(r))
			spans = append(spans, t.says(in.style)...)
			continue
		}
		text, check := in.template.fill(r)
		if check != nil {
			report(*check)
		}
		spans = append(spans, Span{Text: text, Style: in.style, Computed: true, Claimed: in.template.checked})
	}
	return spans
}

// withoutSession returns text as it stands without a session. What the author
// wrote there himself holds in every one.
func withoutSession(all []inline) (spans []Span) {
	for _, in := range all {
		span := Span{Text: in.text, Style: in.style}
		if t := in.template; t != nil {
			if t.when != nil {
				spans = append(spans, t.says(in.style)...)
				continue
			}
			if span.Text = "…"; t.checked {
				span.Text = t.literal
			}
		}
		spans = append(spans, span)
	}
	return spans
}

// fill returns what the template says; check is nil if it claims nothing and
// could be computed.
func (t *template) fill(r *run) (text string, check *Check) {
	check = &Check{Line: t.line, Text: "{{" + t.source + "}}"}
	value, err := t.value(r)
	switch {
	case err != nil:
		*check = check.failing(err)
		return check.Text, check
	case !t.checked:
		return value.in(r.lang), nil
	}
	*check = check.saw(verbatim(value.String()))
	check.OK = value.equal(literalValue(t.literal))
	return t.literal, check
}
