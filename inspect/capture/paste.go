package capture

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/tlslab/inspect"
)

// maxPaste is how much text, or bytes, are looked at that are no capture, and
// maxContent how many bytes of records or messages are taken from that: each of
// them may be as short as its header.
const (
	maxPaste   = 16 << 20
	maxContent = 2 << 20
)

// A form is how bytes are written as text. The sentence "reason_capture_form_"
// and the form says so, and why it was taken for that.
type form string

const (
	formBytes  form = "bytes"  // no text
	formDump   form = "dump"   // 0000  16 03 01 02  ....
	formXXD    form = "xxd"    // 00000000: 1603 0102  ....
	formWords  form = "words"  // 0000000 0316 0201
	formHex    form = "hex"    // 16030102, 16:03:01:02
	formCode   form = "code"   // 0x16, 0x03; \x16\x03
	formBase64 form = "base64" // FgMBAg==
	formPEM    form = "pem"
)

// A paste is one way to read what is no capture: a run of bytes for each dump
// or PEM block that stands in it.
type paste struct {
	form   form
	chunks [][]byte
}

// pasted takes in what is no capture: text or bytes that someone copied.
func (r *Reader) pasted() error {
	b, err := io.ReadAll(io.LimitReader(r.file.in.r, maxPaste+1))
	r.file.in.offset += int64(len(b))
	switch {
	case err != nil:
		return &Problem{Offset: r.file.in.offset, Key: "unreadable", Err: err}
	case len(b) > maxPaste:
		return &Problem{Key: "paste_long", Data: []any{"bytes", begins(b), "most", maxPaste}}
	}
	text, isText := plainText(b)
	if !isText {
		return r.takeFirst(paste{formBytes, [][]byte{b}})
	}
	if isKeyLog(text) {
		secrets, err := ParseKeyLog(strings.NewReader(text))
		return errors.Join(err, r.streams.learn(secrets))
	}
	if strings.Contains(text, "-----BEGIN ") {
		p, err := readPEM(text)
		if err != nil {
			return err
		}
		return r.takeFirst(p)
	}
	var ways []paste
	for _, read := range []func(string) (paste, bool){readDump, readCode, readHex, readBase64} {
		if p, ok := read(text); ok {
			ways = append(ways, p)
		}
	}
	if len(ways) == 0 {
		return &Problem{Key: "paste_text", Data: []any{"bytes", begins(b)}}
	}
	return r.takeFirst(ways...)
}

// begins shows how something begins, for whoever has to guess what it is.
func begins(b []byte) string {
	var s strings.Builder
	for i, c := range b[:min(len(b), 4)] {
		s.WriteString(inspect.HexGap(i) + inspect.HexCell(c))
	}
	return s.String()
}

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

// isKeyLog reports whether the first line that says something is one of a key
// log.
func isKeyLog(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		secret, err := inspect.ParseSecret([]byte(line))
		return err == nil && len(secret.ClientRandom) >= 8 && len(secret.Bytes) >= 16
	}
	return false
}

// readPEM takes what PEM blocks hold (RFC 7468). A private key is a secret that
// belongs in no recording: nothing of it is shown.
func readPEM(text string) (paste, error) {
	if strings.Contains(text, "PRIVATE KEY-----") {
		return paste{}, &Problem{Key: "paste_private"}
	}
	p := paste{form: formPEM}
	for rest := []byte(text); ; {
		block, behind := pem.Decode(rest)
		if block == nil {
			break
		}
		p.chunks, rest = append(p.chunks, block.Bytes), behind
	}
	if len(p.chunks) == 0 {
		return paste{}, &Problem{Key: "paste_pem"}
	}
	return p, nil
}

// A row is a line of a hex dump: an offset, bytes, and perhaps the same as text.
type row struct {
	offset string
	bytes  []byte
	form   form
	again  bool // "*": the row before once more, up to the next offset
}

var dumpHeading = regexp.MustCompile(`^([A-Z][\w. -]*) \(\d+ bytes\):$`)

var dumpRow = regexp.MustCompile(`^(?:0x)?([0-9a-fA-F]{4,16})(:?)(?:\s+(.*))?$`)

// readDump reads hex dumps as xxd, hexdump, od and Wireshark print them. A row
// whose offset is 0 begins one of its own: Wireshark copies several packets so.
func readDump(text string) (paste, bool) {
	var rows []row
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
		if line == "*" && len(rows) > 0 && rows[len(rows)-1].again {
			continue
		}
		if line == "*" {
			rows = append(rows, row{again: true})
			continue
		}
		match := dumpRow.FindStringSubmatch(line)
		if match == nil {
			return paste{}, false
		}
		next := row{offset: match[1]}
		next.bytes, next.form = rowBytes(match[3], match[2] != "")
		if len(next.bytes) == 0 && strings.TrimSpace(match[3]) != "" {
			return paste{}, false
		}
		rows = append(rows, next)
	}
	if len(rows) == 0 || len(rows[0].bytes) == 0 {
		return paste{}, false
	}
	for _, radix := range []int{16, 8} { // od counts in octal
		if chunks, ok := joinRows(rows, radix); ok {
			return paste{rows[0].form, chunks}, true
		}
	}
	return paste{}, false
}

// rowBytes reads the bytes of a row up to the same as text, which stands behind
// a bar or a wider gap; what looks like bytes and is text is cut off when the
// next offset is known.
func rowBytes(rest string, colon bool) (b []byte, written form) {
	const most = 256
	if i := strings.IndexByte(rest, '|'); i >= 0 && !colon {
		rest = rest[:i]
	}
	words := true
	for gap := 0; rest != "" && len(b) < most; {
		if rest[0] == ' ' || rest[0] == '\t' {
			gap, rest = gap+1, rest[1:]
			continue
		}
		if gap > 2 || gap == 2 && len(b) > 0 && (colon || len(b) != 8) {
			break
		}
		word, behind, _ := strings.Cut(rest, " ")
		digits, err := hex.DecodeString(word)
		if err != nil || len(digits) > 8 {
			break
		}
		words = words && len(digits) == 2
		b, gap, rest = append(b, digits...), 1, behind
	}
	switch {
	case colon:
		return b, formXXD
	case words && len(b) > 0: // numbers of 16 bits, as a little-endian machine has them
		for pair := range slices.Chunk(b, 2) {
			pair[0], pair[1] = pair[1], pair[0]
		}
		return b, formWords
	}
	return b, formDump
}

// joinRows puts rows together where their offsets say that they belong.
func joinRows(rows []row, radix int) (chunks [][]byte, ok bool) {
	var chunk, last []byte
	again := false
	for i, r := range rows {
		if r.again {
			again = true
			continue
		}
		offset, err := strconv.ParseInt(r.offset, radix, 64)
		if err != nil || offset > maxPaste {
			return nil, false
		}
		if offset == 0 && len(r.bytes) > 0 && !again {
			if chunk != nil {
				chunks = append(chunks, chunk)
			}
			chunk = []byte{}
		}
		for again && len(last) > 0 && len(chunk) < int(offset) {
			chunk = append(chunk, last[:min(len(last), int(offset)-len(chunk))]...)
		}
		again = false
		if len(r.bytes) == 0 && int(offset) == len(chunk)-1 && rows[0].form == formWords {
			chunk = chunk[:offset] // a last byte that was alone was written with a zero
		}
		if chunk == nil || int(offset) != len(chunk) {
			return nil, false
		}
		last = r.bytes
		if i+1 < len(rows) && !rows[i+1].again {
			next, err := strconv.ParseInt(rows[i+1].offset, radix, 64)
			if err == nil && next > offset {
				last = last[:min(len(last), int(min(next-offset, maxPaste)))]
				if rows[0].form == formWords && len(last)%2 == 1 && len(last) < len(r.bytes) {
					last = r.bytes[:len(last)+1]
				}
			}
		}
		chunk = append(chunk, last...)
	}
	if len(chunk) > 0 {
		chunks = append(chunks, chunk)
	}
	return chunks, len(chunks) > 0 && !again
}

var (
	codeByte  = regexp.MustCompile(`(?:0[xX]|\\x)((?:[0-9a-fA-F]{2})+|[0-9a-fA-F])`)
	codeNotes = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
)

// readCode reads bytes as programs write them: 0x16, 0x03 or "\x16\x03", alone
// or between the braces of an array.
func readCode(text string) (paste, bool) {
	text = codeNotes.ReplaceAllString(text, " ")
	if from := strings.IndexByte(text, '{'); from >= 0 {
		text, _, _ = strings.Cut(text[from+1:], "}")
	}
	if strings.Trim(codeByte.ReplaceAllString(text, ""), " \t\r\n,;[]()\"'+\\") != "" {
		return paste{}, false
	}
	var b []byte
	for _, match := range codeByte.FindAllStringSubmatch(text, -1) {
		digits := match[1]
		if len(digits) == 1 {
			digits = "0" + digits
		}
		b = append(b, unhex(digits)...)
	}
	return paste{formCode, [][]byte{b}}, len(b) > 0
}

// readHex reads nothing but digits, with or without signs between them.
func readHex(text string) (paste, bool) {
	b, err := hex.DecodeString(without(text, " \t\r\n:,-"))
	return paste{formHex, [][]byte{b}}, err == nil && len(b) > 0
}

// readBase64 reads base64 (RFC 4648 sections 4 and 5), padded or not.
func readBase64(text string) (paste, bool) {
	text = strings.TrimRight(without(text, "\r\n"), " \t=")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	b, err := base64.RawStdEncoding.DecodeString(text)
	return paste{formBase64, [][]byte{b}}, err == nil && len(b) > 0
}

func without(text, signs string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(signs, r) {
			return -1
		}
		return r
	}, text)
}

func unhex(digits string) []byte {
	b, _ := hex.DecodeString(digits)
	return b
}

// A content is what bytes are. The sentence "reason_capture_as_" and the
// content says so, and why it was taken for that.
type content string

const (
	asNothing      content = ""
	asRecords      content = "records"
	asMessages     content = "messages"
	asCertificates content = "certificates"
	asFrames       content = "frames"  // Ethernet
	asPackets      content = "packets" // IP
	asCapture      content = "capture"
	asPrivate      content = "private" // a private key
)

// contentOf tells what bytes are by how they begin and whether that fits.
func contentOf(b []byte) content {
	switch {
	case isCapture(b):
		return asCapture
	case beginsRecord(b):
		return asRecords
	case isPrivateKey(b):
		return asPrivate
	case areCertificates(b):
		return asCertificates
	case areMessages(b):
		return asMessages
	case isPacket(b):
		return asPackets
	case isFrame(b):
		return asFrames
	}
	return asNothing
}

func isCapture(b []byte) bool {
	if len(b) < 24 {
		return false
	}
	_, _, classic := classicMagic(b[:4])
	return classic || bytes.HasPrefix(b, []byte{0x0a, 0x0d, 0x0d, 0x0a})
}

// beginsRecord reports whether b begins with the header of a record (RFC 8446
// section 5.1): a content type, a version, and a length that one can have.
func beginsRecord(b []byte) bool {
	if len(b) < 6 || b[0] < 0x14 || b[0] > 0x18 || b[1] != 3 || b[2] > 4 {
		return false
	}
	length := int(b[3])<<8 | int(b[4])
	return length > 0 && length <= 1<<14+2048
}

// areMessages reports whether b is made of whole handshake messages (RFC 8446
// section 4), or begins with a hello that is cut.
func areMessages(b []byte) bool {
	if len(b) >= 6 && (b[0] == 1 || b[0] == 2) && b[1] == 0 && b[4] == 3 && b[5] <= 3 {
		return true
	}
	found := false
	for len(b) >= 4 {
		length := 4 + int(b[1])<<16 + int(b[2])<<8 + int(b[3])
		if named := inspect.HandshakeType(b[0]).String(); strings.HasPrefix(named, "0x") || length > len(b) {
			return false
		}
		b, found = b[length:], true
	}
	return found && len(b) == 0
}

func areCertificates(b []byte) bool {
	_, err := x509.ParseCertificates(b)
	return err == nil && len(b) > 0
}

func isPrivateKey(b []byte) bool {
	_, pkcs8 := x509.ParsePKCS8PrivateKey(b)
	_, rsa := x509.ParsePKCS1PrivateKey(b)
	_, ec := x509.ParseECPrivateKey(b)
	return pkcs8 == nil || rsa == nil || ec == nil
}

// isPacket reports whether b is TCP in an IP packet, whose length fits.
func isPacket(b []byte) bool {
	if len(b) < 40 {
		return false
	}
	length := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if b[0]>>4 == 4 {
		length = int(binary.BigEndian.Uint16(b[2:]))
	}
	_, err := transport(b)
	return err == nil && length >= len(b)
}

func isFrame(b []byte) bool {
	ip, err := network(linkEthernet, b)
	if err != nil {
		return false
	}
	_, err = transport(ip)
	return err == nil
}

// takeFirst takes in the first of several ways to read a paste that gives
// something known, and says what that was.
func (r *Reader) takeFirst(ways ...paste) error {
	best, kind := 0, asNothing
	known := 0
	for i, p := range ways {
		each := asNothing
		if len(p.chunks) > 0 {
			each = contentOf(p.chunks[0])
		}
		if each != asNothing {
			if known++; known == 1 {
				best, kind = i, each
			}
		}
	}
	p := ways[best]
	if kind == asNothing || kind == asPrivate {
		key := "paste_unknown"
		if kind == asPrivate {
			key = "paste_private"
		}
		return &Problem{Key: key, Data: []any{"form", string(p.form), "bytes", begins(p.chunks[0])}}
	}
	r.streams.tell(inspect.Reason{Key: "capture_form_" + string(p.form)})
	if known > 1 {
		r.streams.tell(inspect.Reason{Key: "capture_form_ambiguous"})
	}
	return r.takeAs(kind, p)
}

func (r *Reader) takeAs(kind content, p paste) error {
	if kind != asCapture {
		r.streams.tell(inspect.Reason{Key: "capture_as_" + string(kind)})
	}
	switch kind {
	case asCapture:
		r.file.in = &input{r: bufio.NewReader(bytes.NewReader(p.chunks[0]))}
		source, err := open(r.file.in)
		r.file.source = source
		return err
	case asFrames, asPackets:
		link := uint32(linkEthernet)
		if kind == asPackets {
			link = linkRaw
		}
		before := r.streams.taken()
		for _, packet := range p.chunks {
			r.block(block{link: link, packet: packet})
		}
		if r.streams.taken() == before {
			return &Problem{Key: "no_connection", Data: []any{"packets", len(p.chunks)}}
		}
	case asRecords:
		return r.takeBare(nil, p.chunks)
	case asMessages:
		return r.takeBare(inspect.Messages, p.chunks)
	case asCertificates:
		return r.takeBare(inspect.Certificates, [][]byte{slices.Concat(p.chunks...)})
	}
	return nil
}

// takeBare takes in what was said without packets, up to a bound, and says how
// it is known who said it.
func (r *Reader) takeBare(protocol inspect.Protocol, chunks [][]byte) error {
	room := maxContent
	var rest error
	for i := range chunks {
		if n := len(chunks[i]); n > room {
			chunks, chunks[i] = chunks[:i+1], chunks[i][:room]
			rest = &Problem{Key: "paste_rest", Data: []any{"most", maxContent}}
			break
		}
		room -= len(chunks[i])
	}
	var all []said
	why := inspect.Reason{Key: senderUnknown}
	if protocol == inspect.Certificates { // either side has some
		all = []said{{inspect.Client, chunks[0]}}
	} else {
		all, why = sides(chunks)
	}
	r.streams.tell(why)
	r.streams.bare(protocol, all, why.Key != senderUnknown)
	return rest
}

// A said is bytes that one side sent.
type said struct {
	side  inspect.Side
	bytes []byte
}

const senderUnknown = "capture_sender_unknown"

// sides gives records or messages to who sent them: some are sent by one side
// alone. The others count as the same side's as those before them, at the
// beginning as those behind them. It says by what it goes.
func sides(chunks [][]byte) (all []said, why inspect.Reason) {
	type unit struct {
		said
		known  bool
		first  inspect.HandshakeType // of its messages, if it has any in clear
		begins bool                  // a chunk
	}
	var units []unit
	guessed := false
	why.Key = senderUnknown
	for _, chunk := range chunks {
		for begins := true; len(chunk) > 0; begins = false {
			length, first := unitOf(chunk)
			next := unit{said: said{bytes: chunk[:min(length, len(chunk))]}, first: first, begins: begins}
			next.side, next.known = senderOf(first)
			if next.known && why.Key == senderUnknown {
				why = inspect.Reason{Key: "capture_sender_" + next.side.String(), Data: []any{"name", first.String()}}
			}
			guessed = guessed || !next.known
			units, chunk = append(units, next), chunk[len(next.bytes):]
		}
	}
	for i := len(units) - 2; i >= 0; i-- { // a Certificate stands before what only its owner sends
		if u, next := &units[i], units[i+1]; !u.known && next.known && u.first == handshakeCertificate {
			u.side, u.known = next.side, true
		}
	}
	side := inspect.Client
	if i := slices.IndexFunc(units, func(u unit) bool { return u.known }); i >= 0 {
		side = units[i].side
	}
	for _, u := range units {
		if u.known {
			side = u.side
		}
		if last := len(all) - 1; last >= 0 && !u.begins && all[last].side == side {
			all[last].bytes = all[last].bytes[:len(all[last].bytes)+len(u.bytes)] // behind which they stand
			continue
		}
		all = append(all, said{side, u.bytes})
	}
	if guessed && why.Key != senderUnknown {
		why.Key += "_rest"
	}
	return all, why
}

// The types of handshake messages that only one side sends (RFC 8446 section 4,
// RFC 5246 section 7.4, RFC 6066 section 8), and the one that either does.
const handshakeCertificate inspect.HandshakeType = 11

var (
	ofClients = []inspect.HandshakeType{1, 5, 16}                      // client_hello, end_of_early_data, client_key_exchange
	ofServers = []inspect.HandshakeType{0, 2, 4, 6, 8, 12, 13, 14, 22} // hello_request, server_hello, new_session_ticket, hello_retry_request, encrypted_extensions, server_key_exchange, certificate_request, server_hello_done, certificate_status
)

func senderOf(first inspect.HandshakeType) (side inspect.Side, known bool) {
	switch {
	case slices.Contains(ofClients, first):
		return inspect.Client, true
	case slices.Contains(ofServers, first):
		return inspect.Server, true
	}
	return inspect.Client, false
}

// noMessage is the type of what has no handshake message that can be told.
const noMessage inspect.HandshakeType = 0xff

// unitOf returns the length of the record or message that b begins with, of
// what is neither all of it, and the type of the message in it that is first.
func unitOf(b []byte) (length int, first inspect.HandshakeType) {
	switch {
	case beginsRecord(b):
		length = 5 + int(b[3])<<8 + int(b[4])
		if b[0] == 0x16 && areMessages(b[5:min(length, len(b))]) { // or it is encrypted, or a fragment
			return length, inspect.HandshakeType(b[5])
		}
		return length, noMessage
	case len(b) >= 4:
		return 4 + int(b[1])<<16 + int(b[2])<<8 + int(b[3]), inspect.HandshakeType(b[0])
	}
	return len(b), noMessage
}
