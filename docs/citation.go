package docs

import (
	"regexp"
	"strings"
)

// cited is a place in a standard: "RFC 8446 section 4.1.2", "RFC 8017 appendix A.1.1".
var cited = regexp.MustCompile(`^(.+) (section|appendix) (\S+)$`)

// Citation is where something is defined (the RFC of an inspect.Field, Value or Verification), as it is written in the
// language: "RFC 8446, seção 4.1.2". Several places have a comma between them. What is no place in a standard stays as it is.
func (s *Sentences) Citation(rfc string) string {
	places := strings.Split(rfc, ", ")
	for i, place := range places {
		if part := cited.FindStringSubmatch(place); part != nil {
			id := "formula_section"
			if part[2] == "appendix" {
				id = "formula_appendix"
			}
			places[i] = s.Say(id, "standard", part[1], "number", part[3])
		}
	}
	return strings.Join(places, "; ")
}
