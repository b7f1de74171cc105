package lesson

import (
	"regexp"
	"strings"
)

// What a forge renders and this program does not: whoever reads the lesson here would see its signs.
var (
	unrenderedLines = []*regexp.Regexp{
		regexp.MustCompile(`^\s*(\d+[.)]|[*+]) `),                            // a list of another kind
		regexp.MustCompile(`^\s+- `),                                         // a list in a list
		regexp.MustCompile(`^\s*\|`),                                         // a table
		regexp.MustCompile(`^\s*(([-*_=] ?){3,}|={2,}|~~~.*|\[[^]]+\]:.*)$`), // a rule, a heading underlined, another fence, the target of a link
		regexp.MustCompile(`^>\s*(>|- |#|\d+[.)] )`),                         // anything but a paragraph in a note
		regexp.MustCompile(`\\$`),                                            // the end of a line
	}
	unrenderedText = []*regexp.Regexp{
		regexp.MustCompile(`!?\[[^]]*\](\(|\[)[^)\]]*[)\]]?`),                     // a link, an image
		regexp.MustCompile(`</?[A-Za-z!][^>]*>`),                                  // HTML, or an address
		regexp.MustCompile(`&(#\d+|#x[0-9a-fA-F]+|[A-Za-z]+);`),                   // a letter by its name
		regexp.MustCompile(`~~`),                                                  // struck out
		regexp.MustCompile(`\\($|[!-/:-@[-` + "`" + `{-~])`),                      // a sign that is to be taken as it is
		regexp.MustCompile(`(^|[^\pL\pN_])_{1,2}[^\s_][^_]*_{1,2}($|[^\pL\pN_])`), // emphasis, by the sign that names have
		regexp.MustCompile(`\*`),                                                  // a style within another one
	}
)

// unrendered are the signs of the lesson that its reader would see as they stand.
func (l *Lesson) unrendered() (faults []Check) {
	see := func(line int, text string, signs []*regexp.Regexp) {
		for _, sign := range signs {
			if found := sign.FindString(text); found != "" {
				faults = append(faults, fault(line, strings.TrimSpace(found), "fault_markdown"))
				return
			}
		}
	}
	for _, page := range l.Pages { // headings have no styles
		see(page.Line, page.Title, append(unrenderedText, styled))
	}
	for _, p := range l.all() {
		for i, line := range p.source {
			see(p.line+i, line, unrenderedLines)
		}
		for _, span := range p.spans {
			if span.template == nil && span.style != Code && len(p.spans) > 0 {
				see(p.line, span.text, unrenderedText)
			}
		}
	}
	return faults
}

// styled is what headings do not have.
var styled = regexp.MustCompile("[*`]|\\{\\{")
