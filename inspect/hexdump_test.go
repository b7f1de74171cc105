package inspect

import (
	"strings"
	"testing"
)

func dumped(b []byte, offset, width int) string {
	var out strings.Builder
	for _, line := range HexDump(b, offset, width) {
		out.WriteString(line.Text(width) + "\n")
	}
	return out.String()
}

func TestHexDumpShowsOffsetSixteenBytesWithAGapAndASCII(t *testing.T) {
	b := []byte("\x17\x03\x03\x00\x13create nome ana\n")
	want := "" +
		"0000  17 03 03 00 13 63 72 65  61 74 65 20 6e 6f 6d 65  .....create nome\n" +
		"0010  20 61 6e 61 0a                                     ana.\n"
	if got := dumped(b, 0, 16); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestHexDumpOfEightBytesALineFitsAHalfScreen(t *testing.T) {
	want := "" +
		"0100  00 01 02 7e 7f 80 ff 41  ...~...A\n" +
		"0108  42                       B\n"
	if got := dumped([]byte("\x00\x01\x02~\x7f\x80\xffAB"), 0x100, 8); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestHexDumpOfNothingHasNoLine(t *testing.T) {
	if lines := HexDump(nil, 0, 0); len(lines) != 0 {
		t.Errorf("got %d lines", len(lines))
	}
}
