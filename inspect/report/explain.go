package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/inspect"
)

// Explain tells the fields of item n, a line each, a parent before its
// children: name, length, offset, value, and where it is defined unless that is
// where its parent is. What a kind of field is for stands below the first of
// its kind. First come the fields of the record as sent, then those of each
// message that it completes.
func (t Text) Explain(s *inspect.Session, n int) string {
	item := s.Items()[n-1]
	if item.Record == nil || item.Kind == inspect.RecordItem && wasDropped(item) {
		return ""
	}
	e := explainer{text: t, told: make(map[string]bool)}
	e.tree(item.Record.FieldsWith(func(earlier *inspect.Record, blocks, block int) string {
		return t.Say.SameBlocks(numberOf(s, n, earlier), blocks, block)
	}), "", 1)
	for _, tree := range clearTrees(item.Record) {
		e.tree(tree, "", 1)
	}
	for _, part := range item.Record.Parts {
		if part.Message != nil {
			e.tree(part.Message.Fields(), "", 1)
			if o := part.Message.ECH(); o != nil && o.Inner != nil {
				e.tree(o.Inner.Fields(), "", 1)
			}
		}
	}
	return e.out.String()
}

// numberOf returns the number of the record's item, which stands before item n; 0 if it has none.
func numberOf(s *inspect.Session, n int, r *inspect.Record) int {
	for i := n - 1; i > 0; i-- {
		if item := s.Items()[i-1]; item.Kind == inspect.RecordItem && item.Record == r {
			return i
		}
	}
	return 0
}

// An explainer writes field trees. It tells what a kind is for once.
type explainer struct {
	text Text
	out  strings.Builder
	told map[string]bool
}

func (e *explainer) tree(f inspect.Field, known string, depth int) {
	say := e.text.Say
	line := say.Say("report_field", "name", inspect.Safe(f.Name), "size", e.text.size(f.Length), "offset", f.Offset)
	if value := e.text.fieldValue(f); value != "" {
		line += ": " + value
	}
	if f.RFC != "" && f.RFC != known {
		line += " (" + say.Citation(f.RFC) + ")"
	}
	e.paragraph(line, 2*depth)
	if explanation := say.Explain(f.Kind); explanation != "" && !e.told[f.Kind] {
		e.told[f.Kind] = true
		e.paragraph(explanation, 2*depth+4)
	}
	for _, child := range f.Children {
		e.tree(child, f.RFC, depth+1)
	}
}

// fieldValue is what a field says: of one that has no bytes, that it is empty.
func (t Text) fieldValue(f inspect.Field) string {
	if f.IsEmpty() {
		return t.Say.Say("tui_field_empty")
	}
	return inspect.Safe(f.Value)
}

// paragraph writes words in lines of the width, the later ones indented by
// two more. A word that is longer than a line is cut.
func (e *explainer) paragraph(text string, indent int) {
	indent = min(indent, width/2)
	column := indent
	fmt.Fprintf(&e.out, "%*s", indent, "")
	for i, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+length <= width:
			e.out.WriteByte(' ')
			column++
		default:
			fmt.Fprintf(&e.out, "\n%*s", indent+2, "")
			column = indent + 2
		}
		for column+length > width {
			room := width - column
			runes := []rune(word)
			fmt.Fprintf(&e.out, "%s\n%*s", string(runes[:room]), indent+2, "")
			word, length, column = string(runes[room:]), length-room, indent+2
		}
		e.out.WriteString(word)
		column += length
	}
	e.out.WriteByte('\n')
}
