package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/tlslab/inspect"
)

// A form is how bytes are written as text. The sentence "reason_capture_form_"
// and the form says so, and why it was taken for that; "capture_form_" and the
// form names it.
type form string

const (
	formBytes    form = "bytes"     // no text
	formDump     form = "dump"      // 0000  16 03 01 02  ....
	formXXD      form = "xxd"       // 00000000: 1603 0102  ....
	formWords    form = "words"     // 0000000 0316 0201
	formOctal    form = "octal"     // 0000000 001426 001001
	formBits     form = "bits"      // 00000000: 00010110 00000011
	formHex      form = "hex"       // 16030102, 16:03:01:02
	formCode     form = "code"      // 0x16, 0x03; \x16\x03; 22, 3
	formBase64   form = "base64"    // FgMBAg==
	formPEM      form = "pem"       // -----BEGIN CERTIFICATE-----
	formHexIn    form = "hex_in"    // {"data": "16030102"}
	formBase64In form = "base64_in" // data:application/octet-stream;base64,FgMBAg==
)

// A paste is one way to read what is no capture: a run of bytes for each dump
// or PEM block that stands in it.
type paste struct {
	form   form
	chunks [][]byte
	types  []string         // of PEM blocks, as they stand there
	notes  []inspect.Reason // what else there is to say of it
}

// textForms are the ways to read text, by how sure it is that it is that.
var textForms = []func(text string) []paste{readDumps, readCode, readHex, readBase64, readWithin}

// plainText reports whether b is text, and returns it as UTF-8 without a byte
// order mark; some shells write UTF-16.
func plainText(b []byte) (string, bool) {
	if order := utf16Order(b); order != nil && len(b)%2 == 0 {
		units := make([]uint16, 0, len(b)/2)
		for pair := range slices.Chunk(b[2:], 2) {
			units = append(units, order.Uint16(pair))
		}
		b = []byte(string(utf16.Decode(units)))
	}
	b = bytes.TrimPrefix(b, []byte(utf8Mark))
	if !utf8.Valid(b) {
		return "", false
	}
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return "", false
		}
	}
	return string(b), true
}

// utf8Mark is the byte order mark (U+FEFF) in UTF-8.
const utf8Mark = "\xef\xbb\xbf"

// utf16Order returns the order that a byte order mark in UTF-16 tells; nil if b
// does not begin with one.
func utf16Order(b []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return binary.BigEndian
	}
	return nil
}

// isKeyLog reports whether a line is one of a key log, with any label that is
// not hex, as a row of a dump begins.
func isKeyLog(text string) bool {
	for line := range strings.Lines(text) {
		secret, err := inspect.ParseSecret([]byte(strings.TrimSpace(line)))
		if err == nil && len(secret.ClientRandom) >= 8 && len(secret.Bytes) >= 16 && strings.Trim(secret.Label, "0123456789abcdefABCDEF:") != "" {
			return true
		}
	}
	return false
}

var quoteMarks = regexp.MustCompile(`(?m)^[ \t]*(?:>[> \t]*|(?:` + "```" + `|~~~).*$)`)

// unquoted takes away what mail and Markdown put around what is quoted: ">" in
// front of each line, and fences.
func unquoted(text string) string { return quoteMarks.ReplaceAllString(text, "") }

var (
	pemBegin = regexp.MustCompile(`[^\n]*?(-----BEGIN [^-\n]*-----)`)
	pemEnd   = regexp.MustCompile(`(-----END [^-\n]*-----)[^\n]*`)

	// A plus is a digit of base64 too: it joins strings in front of a quote, or alone.
	pemLead = regexp.MustCompile("^(?:[ \\t\\n\"'`,;\\\\]|\\+[ \\t]*(?:[\"'`]|\\n?$))*")
)

// readPEM takes what PEM blocks hold (RFC 7468), indented or as strings of a
// program or of JSON too.
func readPEM(text string) paste {
	text = strings.NewReplacer(`\r`, "", `\n`, "\n", "\r", "").Replace(text)
	text = pemBegin.ReplaceAllString(text, "\n$1\n")
	text = pemEnd.ReplaceAllString(text, "$1\n")
	var bare strings.Builder
	for line := range strings.Lines(text) {
		line = line[len(pemLead.FindString(line)):]
		if end := strings.IndexAny(line, "\"'`"); end >= 0 {
			line = line[:end]
		}
		bare.WriteString(strings.TrimSpace(line) + "\n")
	}
	p := paste{form: formPEM}
	for rest := []byte(bare.String()); ; {
		block, behind := pem.Decode(rest)
		if block == nil {
			return p
		}
		p.chunks, p.types, rest = append(p.chunks, block.Bytes), append(p.types, block.Type), behind
	}
}

var (
	codeByte    = regexp.MustCompile(`0[xX]((?:[0-9a-fA-F]{2})+|[0-9a-fA-F])\b`)
	codeNotes   = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	codeCast    = regexp.MustCompile(`\((?:unsigned )?[a-z]\w*\)`)
	codeString  = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`)
	codeDecimal = regexp.MustCompile(`^\d{1,3}(?:[ \t\r\n]*,[ \t\r\n]*\d{1,3})+[ \t\r\n,]*$`)
)

// readCode reads bytes as programs write them: 0x16, 0x03 or 22, 3, alone or
// between the brackets of an array, and strings with escapes.
func readCode(text string) (ways []paste) {
	if b := readStrings(text); len(b) > 0 {
		ways = append(ways, paste{form: formCode, chunks: [][]byte{b}})
	}
	text = codeCast.ReplaceAllString(codeNotes.ReplaceAllString(text, " "), "")
	for _, brackets := range []string{"{}", "[]"} {
		if from := strings.LastIndexByte(text, brackets[0]); from >= 0 {
			text, _, _ = strings.Cut(text[from+1:], brackets[1:])
		}
	}
	var b []byte
	switch text = strings.TrimSpace(text); {
	case codeDecimal.MatchString(text):
		for number := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < '0' || r > '9' }) {
			n, err := strconv.ParseUint(number, 10, 8)
			if err != nil {
				return ways
			}
			b = append(b, byte(n))
		}
	case strings.Trim(codeByte.ReplaceAllString(text, ""), " \t\r\n,;[]()+") == "":
		for _, match := range codeByte.FindAllStringSubmatch(text, -1) {
			digits := match[1]
			if len(digits) == 1 {
				digits = "0" + digits
			}
			b = append(b, unhex(digits)...)
		}
	}
	if len(b) > 0 {
		ways = append(ways, paste{form: formCode, chunks: [][]byte{b}})
	}
	return ways
}

// readStrings puts the string literals of a program together that have bytes
// as \x16 or \u0016 in them, and those beside them: "\x16" "\x03", b'\x16L'.
func readStrings(text string) (b []byte) {
	if !strings.Contains(text, `\x`) && !strings.Contains(text, `\u00`) {
		return nil
	}
	literals := codeString.FindAllString(text, -1)
	if len(literals) == 0 {
		literals = []string{"'" + without(text, " \t\r\n") + "'"} // without its quotes
	}
	for _, literal := range literals {
		next, ok := unescape(literal[1 : len(literal)-1])
		if !ok {
			return nil
		}
		b = append(b, next...)
	}
	return b
}

// unescape reads the escapes of C, Go, Python and JSON that stand for bytes.
func unescape(text string) (b []byte, ok bool) {
	const signs, meant = `abfnrtv\'"/`, "\a\b\f\n\r\t\v\\'\"/"
	for i := 0; i < len(text); {
		c := text[i]
		i++
		if c >= 0x80 {
			return nil, false
		}
		if c != '\\' {
			b = append(b, c)
			continue
		}
		if i == len(text) {
			return nil, false
		}
		kind, digits, base := text[i], "", 16
		switch {
		case kind == 'x':
			digits, i = text[i+1:min(i+3, len(text))], i+3
		case kind == 'u' && strings.HasPrefix(text[i+1:], "00"):
			digits, i = text[i+3:min(i+5, len(text))], i+5
		case kind >= '0' && kind <= '7':
			base = 8
			for len(digits) < 3 && i < len(text) && text[i] >= '0' && text[i] <= '7' {
				digits, i = digits+text[i:i+1], i+1
			}
		default:
			at := strings.IndexByte(signs, kind)
			if at < 0 {
				return nil, false
			}
			b, i = append(b, meant[at]), i+1
			continue
		}
		n, err := strconv.ParseUint(digits, base, 8)
		if err != nil {
			return nil, false
		}
		b = append(b, byte(n))
	}
	return b, true
}

// readHex reads nothing but digits, with or without signs between them.
func readHex(text string) []paste {
	b := unhex(without(text, " \t\r\n:,-"))
	if len(b) == 0 {
		return nil
	}
	return []paste{{form: formHex, chunks: [][]byte{b}}}
}

// isOddHex reports whether there is nothing but hex digits, of which one is
// missing, or one too many, and how many there are.
func isOddHex(text string) (digits int, odd bool) {
	text = without(text, " \t\r\n:,-")
	return len(text), len(text)%2 == 1 && isHex([]byte(text))
}

// readBase64 reads base64 (RFC 4648 sections 4 and 5), padded or not.
func readBase64(text string) []paste {
	b := unbase64(without(text, "\r\n"))
	if len(b) == 0 {
		return nil
	}
	return []paste{{form: formBase64, chunks: [][]byte{b}}}
}

func unbase64(text string) []byte {
	text = strings.TrimRight(text, " \t=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

var (
	hexRun     = regexp.MustCompile(`[0-9a-fA-F]{2}(?:[ :]?[0-9a-fA-F]{2}){5,}[0-9a-fA-F]?`)
	hexLine    = regexp.MustCompile(`^[0-9a-fA-F]{2}(?:[ :,-]{0,2}[0-9a-fA-F]{2})*,?$`)
	base64Run  = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`)
	base64Line = regexp.MustCompile(`^[A-Za-z0-9+/_-]+=*$`)
)

// readWithin reads the longest run of hex or base64 among other words: lines of
// a mail, a data URL, a member of JSON. Rows of a dump that do not fit are none.
func readWithin(text string) (ways []paste) {
	if slices.ContainsFunc(dumpRows(text), func(r row) bool { return r.rest != "" }) {
		return nil
	}
	if _, data, isURL := strings.Cut(text, ";base64,"); isURL { // RFC 2397
		text = data
	}
	if b := unhex(without(longest(text, hexLine, hexRun), " \t:,-\r\n")); len(b) > 0 {
		ways = append(ways, paste{form: formHexIn, chunks: [][]byte{b}})
	}
	if b := unbase64(without(longest(text, base64Line, base64Run), "\r\n \t")); len(b) > 0 {
		ways = append(ways, paste{form: formBase64In, chunks: [][]byte{b}})
	}
	return ways
}

// longest returns the longest of the runs in a text, and of lines in a row that
// are such as a whole, none longer than the first.
func longest(text string, whole, run *regexp.Regexp) (most string) {
	for _, one := range run.FindAllStringIndex(text, 10_000) {
		if one[1]-one[0] > len(most) {
			most = text[one[0]:one[1]]
		}
	}
	var lines strings.Builder
	first := 0
	for line := range strings.Lines(text + "\n.\n") {
		line = strings.TrimSpace(line)
		if whole.MatchString(line) && (lines.Len() == 0 || len(line) <= first) {
			if lines.Len() == 0 {
				first = len(line)
			}
			lines.WriteString(line)
			continue
		}
		if lines.Len() > len(most) {
			most = lines.String()
		}
		lines.Reset()
	}
	return most
}

func without(text, signs string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(signs, r) {
			return -1
		}
		return r
	}, text)
}
