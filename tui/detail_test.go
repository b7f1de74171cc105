package tui

import (
	"fmt"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"github.com/charmbracelet/x/ansi"
)

// A certificate in an OCSP response stands some twenty structures deep.
func TestADeepFieldIsNamedHoweverNarrowItsTree(t *testing.T) {
	s := finished(t, Options{})
	f := inspect.Field{Kind: "der.integer", Name: "number", Length: 1}
	for i := range 30 {
		f = inspect.Field{Kind: "ocsp.responses", Name: fmt.Sprintf("part%d", i), Length: 1, Children: []inspect.Field{f}}
	}
	d := &s.m.detail
	d.subjects, d.width = []subject{{bytes: []byte{1}, root: f}}, 8
	d.turnTo(0, s.m.pal)
	d.moveByte(0, s.m.pal)
	for _, w := range []int{26, 39, 120} {
		for i, name := range map[int]string{len(d.nodes) - 1: "number", len(d.nodes) - 2: "part0", len(d.nodes) - 3: "part1"} {
			line := ansi.Strip(s.m.nodeLine(i, w))
			if !strings.Contains(line, name) || width(line) != w {
				t.Errorf("%d cells: %q, %d wide, without %s", w, line, width(line), name)
			}
		}
	}
}
