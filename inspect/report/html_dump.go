package report

import (
	"fmt"
	"strings"

	"example.com/tlslab/inspect"
)

// A dumping is what a hex dump and its fields are made of.
type dumping struct {
	title   string
	bytes   []byte
	root    inspect.Field
	told    map[string]bool // kinds that have been explained in this box
	changes []inspect.Change
}

// A dumped run of bytes: in lines of 16, each field marked, and its fields as a tree. A field and its bytes find each
// other by offsets: a field from A to Z has the runs that lie within.
type dumped struct {
	Title, Label, RFC string
	Lines             []hexLine
	Fields            []*node
	More              string // what is left out
}

// A hexLine has two halves of eight bytes.
type hexLine struct {
	Offset string
	Halves [2][]hexRun
	ASCII  []hexRun
}

// A hexRun is bytes of one field on one line.
type hexRun struct {
	A, Z    int
	Tint    int // of the field: its neighbours have others
	First   bool
	Changed bool
	Text    string
}

// A node is a field.
type node struct {
	A, Z                   int
	Tint                   int // of a leaf, from 1; 0 for a parent
	Name, Value, Size, Hex string
	RFC, Explanation       string
	NotUnderstood          bool
	Children               []*node
	Open                   bool
}

// tints is how many marks there are, so that a field's differs from those of its neighbours.
const tints = 4

func (p *page) dump(d dumping) dumped {
	shown := dumped{Title: d.title, Label: p.Word("page_dump", "title", d.title), RFC: p.text.Say.Citation(d.root.RFC)}
	if len(d.bytes) > mostShown {
		shown.More = p.Word("page_more_bytes", "count", len(d.bytes)-mostShown)
	}
	leaves := d.root.Leaves()
	shown.Lines = hexLines16(d.bytes[:min(len(d.bytes), mostShown)], leaves, changedBytes(d.changes))
	if d.told == nil {
		d.told = make(map[string]bool)
	}
	tree := planter{page: p, bytes: d.bytes, told: d.told, left: mostNodes}
	if len(d.root.Children) == 0 {
		shown.Fields = tree.grow([]inspect.Field{d.root}, d.root.RFC, 0)
	} else {
		shown.Fields = tree.grow(d.root.Children, d.root.RFC, 0)
	}
	if tree.left == 0 && shown.More == "" {
		shown.More = p.Word("page_more_fields", "count", mostNodes)
	}
	return shown
}

// changedBytes says of an offset whether its byte was put there on the wire.
func changedBytes(changes []inspect.Change) func(at int) bool {
	changed := make(map[int]bool)
	for _, change := range changes {
		for at := change.Offset; at < min(change.Offset+change.New, mostShown); at++ {
			changed[at] = true
		}
	}
	return func(at int) bool { return changed[at] }
}

// hexLines16 cuts bytes into lines, and these into runs of one field each.
func hexLines16(b []byte, leaves []inspect.Field, changed func(at int) bool) (lines []hexLine) {
	const width, half = 16, 8
	leaf := 0
	for start := 0; start < len(b); start += width {
		line := hexLine{Offset: fmt.Sprintf("%04x", start)}
		end := min(start+width, len(b))
		for at := start; at < end; {
			for leaf < len(leaves)-1 && at >= leaves[leaf].End() {
				leaf++
			}
			stop := min(end, start+half)
			if at >= start+half {
				stop = end
			}
			if leaf < len(leaves) && at < leaves[leaf].End() {
				stop = min(stop, leaves[leaf].End())
			}
			run := hexRun{A: at, Tint: leaf%tints + 1, First: leaf < len(leaves) && at == leaves[leaf].Offset, Changed: changed(at)}
			ascii := ""
			for at < stop && changed(at) == run.Changed {
				if run.Text != "" {
					run.Text += " "
				}
				run.Text += inspect.HexCell(b[at])
				ascii += inspect.ASCIICell(b[at])
				at++
			}
			run.Z = at
			side := (run.A - start) / half
			line.Halves[side] = append(line.Halves[side], run)
			run.Text = ascii
			line.ASCII = append(line.ASCII, run)
		}
		lines = append(lines, line)
	}
	return lines
}

// A planter makes the nodes of a tree, up to a bound.
type planter struct {
	page  *page
	bytes []byte
	told  map[string]bool
	left  int // nodes that may still be made
	leaf  int
}

func (t *planter) grow(fields []inspect.Field, rfc string, depth int) (nodes []*node) {
	for _, f := range fields {
		if t.left == 0 || f.Offset >= mostShown && f.Length > 0 {
			return nodes
		}
		t.left--
		nodes = append(nodes, t.node(f, rfc, depth))
	}
	return nodes
}

func (t *planter) node(f inspect.Field, rfc string, depth int) *node {
	say := t.page.text.Say
	n := &node{
		A: f.Offset, Z: f.End(), Name: inspect.Safe(f.Name), Value: t.page.text.fieldValue(f), NotUnderstood: f.Kind == inspect.NotUnderstood,
		Size: say.Say("page_place", "size", t.page.text.size(f.Length), "offset", f.Offset),
	}
	if f.RFC != rfc {
		n.RFC = say.Citation(f.RFC)
	}
	if explanation := say.Explain(f.Kind); explanation != "" && !t.told[f.Kind] {
		t.told[f.Kind] = true
		n.Explanation = explanation
	}
	if len(f.Children) == 0 {
		n.Tint = t.leaf%tints + 1
		t.leaf++
		n.Hex = t.hex(f)
		if t.isHex(f) { // said twice
			n.Value = ""
		}
		return n
	}
	first := t.left
	n.Children = t.grow(f.Children, f.RFC, depth+1)
	n.Open = depth == 0 || first-t.left <= 12
	return n
}

// isHex reports whether a field's value is nothing but its bytes in hex, or how they begin.
func (t *planter) isHex(f inspect.Field) bool {
	if f.Value == "" || f.End() > len(t.bytes) {
		return false
	}
	value, more := strings.CutSuffix(strings.ReplaceAll(f.Value, " ", ""), "...")
	hex := fmt.Sprintf("%x", t.bytes[f.Offset:f.End()])
	return value == hex || more && strings.HasPrefix(hex, value)
}

// hex returns the first bytes of a field.
func (t *planter) hex(f inspect.Field) string {
	const most = 16
	if f.Offset >= len(t.bytes) {
		return ""
	}
	b := t.bytes[f.Offset:min(f.End(), len(t.bytes))]
	text := ""
	for i, c := range b[:min(len(b), most)] {
		if i > 0 {
			text += " "
		}
		text += inspect.HexCell(c)
	}
	if len(b) > most {
		text += " …"
	}
	return text
}
