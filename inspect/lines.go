package inspect

import "bytes"

// Lines is the plainest protocol: text in lines. Each line with its end is a unit.
var Lines Protocol = lines{}

type lines struct{}

func (lines) Name() string           { return "lines" }
func (lines) Splitter(Side) Splitter { return new(LineSplitter) }
func (lines) Reader() Reader         { return lineReader{} }

// MaxLine is the greatest length of a line, in bytes: of a longer one, each piece
// of so many bytes is a unit.
const MaxLine = 1 << 16

// A LineSplitter cuts lines, each of which ends with a line feed. Its zero value is
// ready to use.
type LineSplitter struct {
	Max  int // the greatest length of a line; 0 means MaxLine
	seen int // bytes of the line that have no end in them
}

// Next implements [Splitter].
func (s *LineSplitter) Next(b []byte) int {
	limit := s.Max
	if limit <= 0 {
		limit = MaxLine
	}
	within := b[:min(len(b), limit)]
	end := bytes.IndexByte(within[min(s.seen, len(within)):], '\n')
	switch {
	case end >= 0:
		end += s.seen + 1
	case len(b) >= limit:
		end = limit
	default:
		s.seen = len(b)
		return len(b) + 1
	}
	s.seen = 0
	return end
}

type lineReader struct{}

func (lineReader) Read(Side, []byte, bool) Reading { return line{} }

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
