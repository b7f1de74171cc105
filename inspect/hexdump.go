package inspect

import (
	"fmt"
	"strings"
)

// A HexLine is one line of a hex dump: up to 16 bytes and where they begin.
// Bytes is a view of what was dumped.
type HexLine struct {
	Offset int
	Bytes  []byte
}

// HexDump cuts b into lines of width bytes; 0 means 16. The first line has
// the offset given.
func HexDump(b []byte, offset, width int) []HexLine {
	if width <= 0 {
		width = 16
	}
	lines := make([]HexLine, 0, (len(b)+width-1)/width)
	for len(b) > 0 {
		n := min(width, len(b))
		lines = append(lines, HexLine{Offset: offset, Bytes: b[:n:n]})
		b, offset = b[n:], offset+n
	}
	return lines
}

// HexCell is one byte in the hex columns: "16".
func HexCell(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&0xf]})
}

// ASCIICell is one byte in the ASCII column: itself if printable, else ".".
func ASCIICell(b byte) string {
	if b < 0x20 || b > 0x7e {
		return "."
	}
	return string(rune(b))
}

// HexGap is what stands before byte i in the hex columns: nothing before the
// first, two spaces after every eighth, else one.
func HexGap(i int) string {
	switch {
	case i == 0:
		return ""
	case i%8 == 0:
		return "  "
	}
	return " "
}

// Text returns the line as text: the offset, width hex columns with a gap
// after every eighth, the bytes as ASCII. It ends without a new line.
//
//	0010  03 03 5d 2f 00 00 00 00  a0 a1 a2 a3 a4 a5 a6 a7  ..]/............
func (l HexLine) Text(width int) string {
	var hex, ascii strings.Builder
	for i, b := range l.Bytes {
		hex.WriteString(HexGap(i) + HexCell(b))
		ascii.WriteString(ASCIICell(b))
	}
	columns := 0
	for i := range width {
		columns += len(HexGap(i)) + 2
	}
	return fmt.Sprintf("%04x  %-*s  %s", l.Offset, columns, hex.String(), ascii.String())
}
