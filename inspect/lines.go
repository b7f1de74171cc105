package inspect

import "bytes"

// Lines is the plainest protocol: text in lines. Each line with its end is a unit.
var Lines Protocol = lines{}

type lines struct{}

func (lines) Name() string   { return "lines" }
func (lines) Reader() Reader { return new(lineReader) }

// MaxLine is the greatest length of a line, in bytes: of a longer one, each piece
// of so many bytes is a unit.
const MaxLine = 1 << 16

// A LineCutter finds the ends of lines in one direction, for a [Reader]. Its zero value is
// ready to use.
type LineCutter struct {
	Max  int // the greatest length of a line; 0 means MaxLine
	seen int // bytes of the line that have no end in them
}

// Next returns the length of the line that b begins with, its end included; more than len(b) if it is not whole.
func (c *LineCutter) Next(b []byte) int {
	limit := c.Max
	if limit <= 0 {
		limit = MaxLine
	}
	within := b[:min(len(b), limit)]
	end := bytes.IndexByte(within[min(c.seen, len(within)):], '\n')
	switch {
	case end >= 0:
		end += c.seen + 1
	case len(b) >= limit:
		end = limit
	default:
		c.seen = len(b)
		return len(b) + 1
	}
	c.seen = 0
	return end
}

type lineReader [2]LineCutter

func (r *lineReader) Next(from Side, b []byte) (int, Reading) { return r[from].Next(b), line{} }
func (r *lineReader) Rest(Side, []byte) Reading               { return line{} }

type line struct{}

func (line) Name() string { return "line" }
func (line) Text() bool   { return true }

func (line) Fields(b []byte) Field {
	return Dissect(b, "line", "", func(d *Dissector) {
		if n := len(bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))); n > 0 {
			d.Text("line.text", n)
		}
		if rest := d.Rest(); len(rest) > 0 {
			d.Bytes("line.end", len(rest), text(rest))
		}
	})
}
