package capture

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A row is a line of a hex dump: an offset, bytes, and perhaps the same as text.
type row struct {
	offset string
	rest   string // the bytes, and what follows them
	colon  bool   // behind the offset, as xxd has it
	again  bool   // "*": the row before once more, up to the next offset
	bytes  []byte
}

var (
	dumpHeading = regexp.MustCompile(`^([A-Z][\w. -]*) \(\d+ bytes\):$`)
	dumpRow     = regexp.MustCompile(`^(?:0x)?([0-9a-fA-F]{4,16})(:| -)?(?:\s+(.*))?$`)
	dumpHyphen  = regexp.MustCompile(`^((?:[0-9a-f]{2} ){7}[0-9a-f]{2})-`) // openssl has one in the middle
)

// A notation is how a dump writes its numbers.
type notation struct {
	form  form
	digit string // of which its words are made
	read  func(word string) []byte
}

var notations = []notation{
	{formDump, "0123456789abcdefABCDEF", unhex},
	{formWords, "0123456789abcdefABCDEF", func(word string) []byte {
		b := unhex(word)
		slices.Reverse(b)
		return b
	}},
	{formOctal, "01234567", readOctal},
	{formBits, "01", func(word string) []byte {
		n, err := strconv.ParseUint(word, 2, 8)
		if err != nil || len(word) != 8 {
			return nil
		}
		return []byte{byte(n)}
	}},
}

// readOctal reads a byte, or 16 bits as a little-endian machine has them.
func readOctal(word string) []byte {
	n, err := strconv.ParseUint(word, 8, 16)
	switch {
	case err == nil && len(word) == 3 && n < 0x100:
		return []byte{byte(n)}
	case err == nil && len(word) == 6:
		return []byte{byte(n), byte(n >> 8)}
	}
	return nil
}

// readDumps reads hex dumps as xxd, hexdump, od, openssl and Wireshark print
// them, in each notation that fits. A row whose offset is that of the first one
// again begins a dump of its own: Wireshark copies several packets so.
func readDumps(text string) (ways []paste) {
	rows := dumpRows(text)
	if len(rows) > 0 && rows[0].again {
		return nil
	}
	for _, n := range notations {
		size, ok := readRows(rows, n)
		if !ok || n.form == formDump && size == 2 && !rows[0].colon || n.form == formWords && size < 2 {
			continue // numbers of 16 bits are never printed the other way round
		}
		if n.form != formWords && n.form != formOctal {
			size = 1 // nothing is filled up
		}
		for _, radix := range []int{16, 8} { // od counts in octal
			if chunks, ok := joinRows(rows, max(size, 1), radix); ok {
				form := n.form
				if form == formDump && rows[0].colon {
					form = formXXD
				}
				ways = append(ways, paste{form: form, chunks: chunks})
				break
			}
		}
	}
	return ways
}

// dumpRows takes the rows out of a text; other words may stand around them.
func dumpRows(text string) (rows []row) {
	passed := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if heading := dumpHeading.FindStringSubmatch(line); heading != nil { // what tshark -x has put together or decrypted
			passed = heading[1] != "Frame" && heading[1] != "Packet"
			continue
		}
		if line == "" {
			passed = false
		}
		if line == "" || passed {
			continue
		}
		if line == "*" {
			if len(rows) == 0 || !rows[len(rows)-1].again {
				rows = append(rows, row{again: true})
			}
			continue
		}
		match := dumpRow.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		next := row{offset: match[1], rest: match[3], colon: match[2] == ":"}
		if match[2] == " -" {
			next.rest = dumpHyphen.ReplaceAllString(next.rest, "$1 ")
		}
		if next.rest == "" || strings.Trim(strings.Fields(next.rest)[0], "0123456789abcdefABCDEF") == "" {
			rows = append(rows, next)
		}
	}
	return rows
}

// readRows reads the bytes of each row, and returns how many a word has; 0 where
// they differ.
func readRows(rows []row, n notation) (size int, ok bool) {
	size = -1
	for i := range rows {
		r := &rows[i]
		one, fits := r.read(n)
		if !fits {
			return 0, false
		}
		switch {
		case len(r.bytes) == 0 || one == size:
		case size == -1:
			size = one
		case i < len(rows)-2: // the last may have less
			size = 0
		}
	}
	return size, size >= 0 && len(rows) > 0 && len(rows[0].bytes) > 0
}

// read reads the bytes of a row up to the same as text, which stands behind a
// bar or a wider gap; what looks like bytes and is text is cut off when the next
// offset is known. It returns how many bytes the first word has.
func (r *row) read(n notation) (size int, ok bool) {
	const most = 256
	r.bytes = nil
	rest := r.rest
	if i := strings.IndexByte(rest, '|'); i >= 0 && !r.colon {
		rest = rest[:i]
	}
	digits := 0 // of the first word
	for at, gap := 0, 0; at < len(rest) && len(r.bytes) < most; {
		if rest[at] == ' ' || rest[at] == '\t' {
			at, gap = at+1, gap+1
			continue
		}
		word, _, _ := strings.Cut(rest[at:], " ")
		short := n.form == formWords && r.colon && digits > 0 && (at+len(word)+1)%(digits+1) == 0 // xxd -e puts a last one to the right
		spread := !r.colon && gap == 4 && digits == 4 && len(word) == 4                           // hexdump -x
		if wide := gap > 2 || gap == 2 && len(r.bytes) > 0 && (r.colon || len(r.bytes) != 8); wide && !spread && !(short && gap > 2) {
			break
		}
		b := n.read(word)
		if len(b) == 0 || len(b) > 8 || strings.Trim(word, n.digit) != "" {
			break
		}
		if digits == 0 {
			size, digits = len(b), len(word)
		}
		r.bytes, at, gap = append(r.bytes, b...), at+len(word), 0
	}
	return size, len(r.bytes) > 0 || strings.TrimSpace(r.rest) == ""
}

// joinRows puts rows together where their offsets say that they belong; size is
// that of the numbers of which the last may be padded.
func joinRows(rows []row, size, radix int) (chunks [][]byte, ok bool) {
	var chunk, last []byte
	var base uint64 // where the first row stands
	again, filled := false, 0
	for i, r := range rows {
		if r.again {
			again = true
			continue
		}
		offset, err := strconv.ParseUint(r.offset, radix, 64)
		if i == 0 {
			base = offset
		}
		if err != nil || offset < base || offset-base > maxPaste {
			return nil, false
		}
		at := int(offset - base)
		if at == 0 && len(r.bytes) > 0 && !again {
			if chunk != nil {
				chunks = append(chunks, chunk)
			}
			chunk = []byte{}
		}
		for again && len(last) > 0 && len(chunk) < at {
			chunk = append(chunk, last[:min(len(last), at-len(chunk))]...)
		}
		again = false
		if len(r.bytes) == 0 && at < len(chunk) && at > len(chunk)-size {
			chunk = chunk[:at] // a last number was filled up with zeros
		}
		if chunk == nil || at != len(chunk) {
			return nil, false
		}
		if len(r.bytes) > 0 {
			filled++
		}
		last = r.bytes
		if i+1 < len(rows) && !rows[i+1].again {
			next, err := strconv.ParseUint(rows[i+1].offset, radix, 64)
			if err == nil && next > offset {
				whole := (int(min(next-offset, maxPaste)) + size - 1) / size * size
				last = last[:min(len(last), whole)]
			}
		}
		chunk = append(chunk, last...)
	}
	if len(chunk) > 0 {
		chunks = append(chunks, chunk)
	}
	alone := base != 0 && filled < 2 && !rows[0].colon // it may be any number
	return chunks, len(chunks) > 0 && !again && !alone
}

func unhex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil
	}
	return b
}
