package lesson

import (
	"regexp"
	"strings"
)

// Sides. In a sentence, the side that is named last before a value of one side, as in alert of server, is that side.

const andOr = `\s+(?:and|or|e|ou)\s+(?:the\s+|o\s+)?`

var (
	ofSide = regexp.MustCompile(`\b(?:(?:alert|error|ending|messages|records) of|by) (client|server)\b`)

	clientSide, serverSide = patternOf(sideWord, "client"), patternOf(sideWord, "server")

	// sideOrEnd is a side, both of them, or the end of a sentence.
	sideOrEnd = regexp.MustCompile(`(?i)(` + clientSide + `)(?:[^\pL]|$)|(` + serverSide + `)(?:[^\pL]|$)|[.!?](?:\s|$)`)
	bothSides = regexp.MustCompile(`(?i)(?:` + clientSide + `)` + andOr + `(?:` + serverSide + `)|(?:` + serverSide + `)` + andOr + `(?:` + clientSide + `)`)
)

// missided are the values of one side of which the prose speaks as of the other's.
func (l *Lesson) missided() (faults []Check) {
	for _, p := range l.prose() {
		named := ""
		for _, span := range p.spans {
			if t := span.template; t != nil && t.when == nil {
				if side := sideOf(t.source); side != "" && named != "" && side != named {
					faults = append(faults, fault(t.line, "{{"+t.source+"}}", "fault_side_named", "named", sides[named], "side", sides[side]))
				}
				continue
			}
			for _, m := range sideOrEnd.FindAllStringSubmatch(bothSides.ReplaceAllString(span.text, ". "), -1) {
				switch {
				case m[1] != "":
					named = "client"
				case m[2] != "":
					named = "server"
				default:
					named = ""
				}
			}
		}
	}
	return faults
}

// sideOf is the side that a value is of; "" if it is of none, or of both.
func sideOf(value string) (side string) {
	if _, of, checked := strings.Cut(value, " = "); checked {
		value = of
	}
	for _, m := range ofSide.FindAllStringSubmatch(value, -1) {
		if side != "" && side != m[1] {
			return ""
		}
		side = m[1]
	}
	return side
}
