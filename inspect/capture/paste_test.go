package capture_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/testdata/needs"
)

// helloRecord is the first record of a recorded session: a ClientHello.
func helloRecord(t testing.TB) []byte {
	t.Helper()
	for r := range inspect.NewSession(kept(t, "tls13-aes128-gcm")).Records() {
		return slices.Clone(r.Raw())
	}
	t.Fatal("no records")
	return nil
}

// The forms in which people copy bytes, by what their notes must say.
var pastedForms = map[string]struct {
	note  string
	write func(b []byte) string
}{
	"hexdump -C": {"form_dump", hex.Dump},
	"hexdump -C, repeating": {"form_dump", func(b []byte) string {
		text := hex.Dump(b)
		var rows []string
		same := ""
		for line := range strings.Lines(text) {
			if bytes := line[8:]; bytes == same && len(line) == 79 {
				if rows[len(rows)-1] != "*\n" {
					rows = append(rows, "*\n")
				}
				continue
			} else {
				same = bytes
			}
			rows = append(rows, line)
		}
		return strings.Join(rows, "") + fmt.Sprintf("%08x\n", len(b))
	}},
	"xxd":       {"form_xxd", func(b []byte) string { return rowsOf(b, "%08x: ", "%02x%02x ", "  ") }},
	"Wireshark": {"form_dump", func(b []byte) string { return rowsOf(b, "%04x  ", "%02x %02x ", "   ") }},
	"hexdump": {"form_words", func(b []byte) string {
		var s strings.Builder
		for at := 0; at < len(b); at += 16 {
			fmt.Fprintf(&s, "%07x", at)
			for i := at; i < min(at+16, len(b)); i += 2 {
				high := byte(0)
				if i+1 < len(b) {
					high = b[i+1]
				}
				fmt.Fprintf(&s, " %02x%02x", high, b[i])
			}
			s.WriteString("\n")
		}
		fmt.Fprintf(&s, "%07x\n", len(b))
		return s.String()
	}},
	"od -t x1": {"form_dump", func(b []byte) string {
		var s strings.Builder
		for at := 0; at < len(b); at += 16 {
			fmt.Fprintf(&s, "%07o % x\n", at, b[at:min(at+16, len(b))])
		}
		fmt.Fprintf(&s, "%07o\n", len(b))
		return s.String()
	}},
	"digits":     {"form_hex", hex.EncodeToString},
	"spaced":     {"form_hex", func(b []byte) string { return fmt.Sprintf("% X\r\n", b) }},
	"colons":     {"form_hex", func(b []byte) string { return strings.ReplaceAll(fmt.Sprintf("% x", b), " ", ":") }},
	"lines":      {"form_hex", func(b []byte) string { return wrapped(hex.EncodeToString(b), 60) }},
	"0x":         {"form_code", func(b []byte) string { return strings.ReplaceAll(fmt.Sprintf("% #x", b), " ", ", ") }},
	"one number": {"form_code", func(b []byte) string { return fmt.Sprintf("%#x", b) }},
	"a C array": {"form_code", func(b []byte) string {
		return fmt.Sprintf("unsigned char r[] = { /* 16 */\n  %s };\nunsigned int r_len = %d;\n", strings.ReplaceAll(fmt.Sprintf("% #x", b), " ", ", "), len(b))
	}},
	"a C string":                      {"form_code", func(b []byte) string { return `"` + strings.ReplaceAll(" "+fmt.Sprintf("% x", b), " ", `\x`) + `"` }},
	"base64":                          {"form_base64", base64.StdEncoding.EncodeToString},
	"base64, wrap":                    {"form_base64", func(b []byte) string { return wrapped(base64.StdEncoding.EncodeToString(b), 76) }},
	"base64 URL":                      {"form_base64", base64.RawURLEncoding.EncodeToString},
	"bytes":                           {"form_bytes", func(b []byte) string { return string(b) }},
	"PEM":                             {"form_pem", func(b []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: "TLS", Bytes: b})) }},
	"a dump that does not begin at 0": {"form_xxd", func(b []byte) string { return shifted(rowsOf(b, "%08x: ", "%02x%02x ", "  "), 0x420000) }},
	"prose before a dump":             {"form_dump", func(b []byte) string { return "Frame 4, see below:\n\n" + hex.Dump(b) + "\nRegards\n" }},
	"a quoted dump": {"form_dump", func(b []byte) string {
		return "On Monday she wrote:\n> > " + strings.ReplaceAll(hex.Dump(b), "\n", "\n> > ")
	}},
	"a dump between fences": {"form_dump", func(b []byte) string { return "```text\n" + hex.Dump(b) + "```\n" }},
	"openssl -debug": {"form_dump", func(b []byte) string {
		var s strings.Builder
		s.WriteString("write to 0x55d0 [0x55e0] (517 bytes => 517 (0x205))\n")
		for at := 0; at < len(b); at += 16 {
			row := fmt.Sprintf("% x", b[at:min(at+16, len(b))])
			if len(row) > 23 {
				row = row[:23] + "-" + row[24:]
			}
			fmt.Fprintf(&s, "%04x - %s   ................\n", at, row)
		}
		return s.String()
	}},
	"od, octal bytes": {"form_octal", func(b []byte) string {
		var s strings.Builder
		for at := 0; at < len(b); at += 16 {
			fmt.Fprintf(&s, "%07o", at)
			for _, c := range b[at:min(at+16, len(b))] {
				fmt.Fprintf(&s, " %03o", c)
			}
			s.WriteString("\n")
		}
		fmt.Fprintf(&s, "%07o\n", len(b))
		return s.String()
	}},
	"Python": {"form_code", func(b []byte) string { return "data = b" + quotedBytes(b, '\'') + "\n" }},
	"JSON": {"form_code", func(b []byte) string {
		return strings.ReplaceAll("\""+strings.ReplaceAll(fmt.Sprintf(" % x", b), " ", `\u00`)+"\"", `""`, "")
	}},
	"Java": {"form_code", func(b []byte) string {
		return "byte[] b = {(byte)" + strings.ReplaceAll(fmt.Sprintf("% #x", b), " ", ", (byte)") + "};"
	}},
	"decimal": {"form_code", func(b []byte) string { return strings.ReplaceAll(fmt.Sprint(b), " ", ", ") }},
	"a data URL": {"form_base64_in", func(b []byte) string {
		return "data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString(b)
	}},
	"a JSON member": {"form_hex_in", func(b []byte) string { return `{"data":"` + hex.EncodeToString(b) + `"}` }},
	"hex in a mail": {"form_hex_in", func(b []byte) string { return "What is this?\n\n" + wrapped(hex.EncodeToString(b), 60) + "\nRegards\n" }},
	"base64 in mail": {"form_base64_in", func(b []byte) string {
		return "What is this?\n\n" + wrapped(base64.StdEncoding.EncodeToString(b), 76) + "\nRegards\n"
	}},
	"indented PEM": {"form_pem", func(b []byte) string {
		return "  " + strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "TLS", Bytes: b})), "\n", "\n  ")
	}},
	"PEM in JSON": {"form_pem", func(b []byte) string {
		return `{"pem": ` + fmt.Sprintf("%q", pem.EncodeToMemory(&pem.Block{Type: "TLS", Bytes: b})) + "}"
	}},
	"PEM in a program": {"form_pem", func(b []byte) string {
		text := strings.TrimSuffix(string(pem.EncodeToMemory(&pem.Block{Type: "TLS", Bytes: b})), "\n")
		return "pem = \"" + strings.ReplaceAll(text, "\n", "\\n\" +\n      \"") + "\\n\";\n"
	}},
}

// shifted is a dump of xxd whose offsets are as much greater.
func shifted(dump string, by int) string {
	var s strings.Builder
	for line := range strings.Lines(dump) {
		offset, rest, _ := strings.Cut(line, ":")
		var at int
		fmt.Sscanf(offset, "%x", &at)
		fmt.Fprintf(&s, "%08x:%s", at+by, rest)
	}
	return s.String()
}

// quotedBytes writes bytes as Python prints them.
func quotedBytes(b []byte, quote byte) string {
	var s strings.Builder
	s.WriteByte(quote)
	for _, c := range b {
		switch {
		case c == quote || c == '\\':
			s.WriteString(`\` + string(rune(c)))
		case c == '\n':
			s.WriteString(`\n`)
		case c >= ' ' && c <= '~':
			s.WriteByte(c)
		default:
			fmt.Fprintf(&s, `\x%02x`, c)
		}
	}
	return s.String() + string(rune(quote))
}

// rowsOf is a hex dump with the same as text behind it.
func rowsOf(b []byte, offset, pair, gap string) string {
	var s strings.Builder
	for at := 0; at < len(b); at += 16 {
		row := fmt.Sprintf(offset, at)
		for i := at; i < min(at+16, len(b)); i += 2 {
			if i+1 == len(b) {
				row += fmt.Sprintf("%02x", b[i])
			} else {
				row += fmt.Sprintf(pair, b[i], b[i+1])
			}
		}
		row = strings.TrimRight(row, " ") + gap
		for _, c := range b[at:min(at+16, len(b))] {
			row += inspect.ASCIICell(c)
		}
		s.WriteString(row + "\n")
	}
	return s.String()
}

func wrapped(text string, width int) string {
	var lines []string
	for chunk := range slices.Chunk([]byte(text), width) {
		lines = append(lines, string(chunk))
	}
	return strings.Join(lines, "\n") + "\n"
}

// notes are the keys of what is noted in a recording, bytes what was captured.
func pasteOf(rec *inspect.Recording) (notes []string, sent [2][]byte) {
	for e := range rec.Events(0) {
		switch e.Kind {
		case inspect.Noted:
			notes = append(notes, strings.TrimPrefix(e.Note.Key, "capture_"))
		case inspect.Captured:
			sent[e.Side] = append(sent[e.Side], e.Bytes...)
		}
	}
	return notes, sent
}

func TestARecordIsRecognisedHoweverItWasCopied(t *testing.T) {
	record := helloRecord(t)
	for name, form := range pastedForms {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(strings.NewReader(form.write(record)))
			if err != nil {
				t.Fatalf("%v\n%.300s", err, form.write(record))
			}
			notes, sent := pasteOf(rec)
			if diff := cmp.Diff([]string{form.note, "as_records", "sender_client"}, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			if !bytes.Equal(sent[inspect.Client], record) {
				t.Errorf("read % x\nwant % x", sent[inspect.Client], record)
			}
			for _, m := range inspect.NewSession(rec).Connections()[0].View(inspect.Client).Messages() {
				if m.Name() != "client_hello" {
					t.Errorf("a %s", m.Name())
				}
			}
		})
	}
}

func TestWhatOtherProgramsPrintIsRecognised(t *testing.T) {
	record := helloRecord(t)
	for _, command := range [][]string{
		{"xxd"},
		{"xxd", "-c", "7"},
		{"xxd", "-p"},
		{"xxd", "-i"},
		{"hexdump"},
		{"hexdump", "-C"},
		{"od"},
		{"od", "-x"},
		{"od", "-A", "x", "-t", "x1z"},
		{"base64"},
		{"xxd", "-e"},
		{"xxd", "-e", "-g2"},
		{"xxd", "-g4"},
		{"xxd", "-b"},
		{"xxd", "-o", "4096"},
		{"od", "-b"},
		{"od", "-t", "x4"},
		{"hexdump", "-x"},
	} {
		t.Run(strings.Join(command, " "), func(t *testing.T) {
			run := exec.Command(needs.Program(t, command[0]), command[1:]...)
			run.Stdin = bytes.NewReader(record)
			text, err := run.Output()
			if err != nil {
				t.Fatal(err)
			}
			rec, err := capture.Read(bytes.NewReader(text))
			if _, sent := pasteOf(rec); err != nil || !bytes.Equal(sent[inspect.Client], record) {
				t.Errorf("%v\n%.200s", err, text)
			}
		})
	}
}

func TestWhatWasPastedIsTakenForWhatItIs(t *testing.T) {
	record := helloRecord(t)
	messages := kept(t, "tls13-aes128-gcm")
	var client, server []byte
	for r := range inspect.NewSession(messages).Records() {
		if r.Side == inspect.Client && len(client) == 0 {
			client = slices.Clone(r.Raw())
		}
		if r.Side == inspect.Server && len(server) == 0 {
			server = slices.Clone(r.Raw())
		}
	}
	pemFile, err := os.ReadFile(filepath.Join("..", "..", "testdata", "openssl", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pemFile)
	frame := append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00"), tcp{seq: 1, payload: string(record)}.packet()...)
	answer := append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00"), tcp{server: true, seq: 1, payload: string(server)}.packet()...)
	file := written(t, messages)
	for name, test := range map[string]struct {
		text  string
		notes []string
		names [2][]string // by side: of messages, or units
	}{
		"a ServerHello":                {hex.EncodeToString(server), []string{"form_hex", "as_records", "sender_server"}, [2][]string{nil, {"server_hello"}}},
		"both directions":              {hex.EncodeToString(slices.Concat(client, server)), []string{"form_hex", "as_records", "sender_client"}, [2][]string{{"client_hello"}, {"server_hello"}}},
		"a message":                    {hex.EncodeToString(client[5:]), []string{"form_hex", "as_messages", "sender_client"}, [2][]string{{"client_hello"}}},
		"messages of both":             {hex.EncodeToString(slices.Concat(client[5:], server[5:])), []string{"form_hex", "as_messages", "sender_client"}, [2][]string{{"client_hello"}, {"server_hello"}}},
		"a Finished":                   {"1400000c000102030405060708090a0b", []string{"form_hex", "as_messages", "sender_unknown"}, [2][]string{{"finished"}}},
		"a message that is cut":        {hex.EncodeToString(client[5:90]), []string{"form_hex", "as_messages", "sender_client"}, [2][]string{{"client_hello"}}},
		"a certificate":                {string(pemFile), []string{"form_pem", "as_certificates", "sender_unknown"}, [2][]string{{"certificate"}}},
		"two certificates":             {string(pemFile) + string(pemFile), []string{"form_pem", "as_certificates", "sender_unknown"}, [2][]string{{"certificate", "certificate"}}},
		"a certificate in DER":         {string(block.Bytes), []string{"form_bytes", "as_certificates", "sender_unknown"}, [2][]string{{"certificate"}}},
		"a certificate in digits":      {hex.EncodeToString(block.Bytes), []string{"form_hex", "as_certificates", "sender_unknown"}, [2][]string{{"certificate"}}},
		"a frame":                      {rowsOf(frame, "%04x  ", "%02x %02x ", "   "), []string{"form_dump", "as_frames"}, [2][]string{{"client_hello"}}},
		"frames":                       {rowsOf(frame, "%04x  ", "%02x %02x ", "   ") + "\n" + rowsOf(answer, "%04x  ", "%02x %02x ", "   "), []string{"form_dump", "as_frames"}, [2][]string{{"client_hello"}, {"server_hello"}}},
		"frames as tshark -x has them": {"Frame (9 bytes):\n" + rowsOf(frame, "%04x  ", "%02x %02x ", "   ") + "Reassembled TCP (3 bytes):\n0000  00 01 02   ...\n\n" + rowsOf(answer, "%04x  ", "%02x %02x ", "   "), []string{"form_dump", "as_frames"}, [2][]string{{"client_hello"}, {"server_hello"}}},
		"a packet":                     {hex.EncodeToString(frame[14:]), []string{"form_hex", "as_packets"}, [2][]string{{"client_hello"}}},
		"a capture in base64":          {base64.StdEncoding.EncodeToString(file), []string{"form_base64"}, [2][]string{}},
		"UTF-16, as PowerShell pipes":  {"\xff\xfe" + string(bytes.Join(bytes.Split([]byte(hex.EncodeToString(client)), nil), []byte{0})) + "\x00", []string{"form_hex", "as_records", "sender_client"}, [2][]string{{"client_hello"}}},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			notes, _ := pasteOf(rec)
			if diff := cmp.Diff(test.notes, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			session := inspect.NewSession(rec)
			session.End()
			var names [2][]string
			for r := range session.Records() {
				if !r.TLS() {
					names[r.Side] = append(names[r.Side], r.Name())
					if err := covers(r.Fields(), len(r.Raw())); err != nil {
						t.Error(err)
					}
				}
			}
			for _, m := range session.Connections()[0].View(inspect.Client).Messages() {
				names[m.Side] = append(names[m.Side], m.Name())
			}
			if name == "a capture in base64" {
				if len(names[inspect.Client]) < 2 {
					t.Errorf("messages %v", names)
				}
				return
			}
			if diff := cmp.Diff(test.names, names); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

// covers reports whether the leaves of a tree have each byte once.
func covers(f inspect.Field, n int) error {
	at := 0
	var walk func(f inspect.Field)
	walk = func(f inspect.Field) {
		if len(f.Children) > 0 {
			for _, child := range f.Children {
				walk(child)
			}
			return
		}
		if f.Length > 0 && f.Offset == at {
			at += f.Length
		}
	}
	walk(f)
	if at != n {
		return fmt.Errorf("the leaves have %d bytes of %d", at, n)
	}
	return nil
}

func TestWhoSentWhatWasPastedFollowsFromWhatOnlyOneSideSends(t *testing.T) {
	const (
		hello       = "010000 2b 0303 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 0002 1301 01 00 0000"
		done        = "0e000000"
		certificate = "0b000003000000"
		keyExchange = "10000002 0102"
		finished    = "1400000c000102030405060708090a0b"
		ticket      = "040000060000000a0000"
	)
	for name, test := range map[string]struct {
		text   string
		why    string
		client string // what it sent
		server string
	}{
		"of a server":                 {done, "sender_server", "", done},
		"a request for a certificate": {"0d000000", "sender_server", "", "0d000000"},
		"hello_request":               {"00000000", "sender_server", "", "00000000"},
		"of a client":                 {keyExchange, "sender_client", keyExchange, ""},
		"end_of_early_data":           {"05000000", "sender_client", "05000000", ""},
		"of either":                   {certificate, "sender_unknown", certificate, ""},
		"a server's flight":           {certificate + done, "sender_server_rest", "", certificate + done},
		"both":                        {hello + certificate + done + certificate + keyExchange + finished, "sender_client_rest", hello + certificate + keyExchange + finished, certificate + done},
		"server_key_exchange":         {"0c00000400000000", "sender_server", "", "0c00000400000000"},
		"encrypted_extensions":        {"080000020000", "sender_server", "", "080000020000"},
		"one record of a server":      {"1603030004" + done, "sender_server", "", "1603030004" + done},
		"an alert":                    {"15030300020228", "sender_unknown", "15030300020228", ""},
		"application data":            {"1703030003010203", "sender_unknown", "1703030003010203", ""},
		"an alert to a ticket":        {"160303000a" + ticket + "15030300020228", "sender_server_rest", "", "160303000a" + ticket + "15030300020228"},
		"what looks like no message":  {"16030300080e00000010203040", "sender_unknown", "16030300080e00000010203040", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			notes, sent := pasteOf(rec)
			if why := notes[len(notes)-1]; why != test.why {
				t.Errorf("%s, want %s", why, test.why)
			}
			bare := func(text string) string { return strings.ReplaceAll(text, " ", "") }
			if got, want := hex.EncodeToString(sent[inspect.Client]), bare(test.client); got != want {
				t.Errorf("the client sent %s\nwant %s", got, want)
			}
			if got, want := hex.EncodeToString(sent[inspect.Server]), bare(test.server); got != want {
				t.Errorf("the server sent %s\nwant %s", got, want)
			}
			opening := inspect.NewSession(rec).Connections()[0].Opening
			if !opening.Bare || opening.SenderUnknown != (test.why == "sender_unknown") {
				t.Errorf("opened as %+v", opening)
			}
			if said := bytes.Contains(written(t, rec), []byte("and so is who sends them, which is not known")); said != opening.SenderUnknown {
				t.Errorf("a file of it says that its sender is made up: %t", said)
			}
		})
	}
}

func TestWhatCannotBeRecognisedIsSaidToBe(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, new(x509.CertificateRequest), key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, want string }{
		"prose":                        {"Dear Sir or Madam,", "no key log, hex dump, hex, base64 or PEM"},
		"hex of nothing known":         {"00 01 02 03 04", "read as hex digits, and what that gives begins with 00 01 02 03"},
		"base64 of a greeting":         {"SGVsbG8gV29ybGQ=", "read as letters of base64, and what that gives begins with 48 65 6c 6c"},
		"bytes":                        {"\x00\x01\x02", "read as bytes that are no text"},
		"a private key":                {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "it is a private key"},
		"a private key in DER":         {string(der), "it is a private key"},
		"half a private key":           {"-----BEGIN EC PRIVATE KEY-----\nAAAA", "it is a private key"},
		"a PEM block that is cut":      {"-----BEGIN CERTIFICATE-----\nMIIB", "no whole one"},
		"too much":                     {strings.Repeat("dear madam ", 2<<20), "longer than the 16777216 bytes"},
		"rows that do not fit":         {"0000  16 03 01\n0020  16 03 01\n", "read as hex digits, and"},
		"a star before anything":       {"*\n0010 16\n", "neither pcapng"},
		"a row that repeats for ever":  {"0000  16 03 01 00 05 01\n*\nffffffffffff\n", "neither pcapng"},
		"an odd number of digits":      {hex.EncodeToString(helloRecord(t)) + "0", "hex digits, an odd number"},
		"a length that none has":       {"16 03 03 ff ff 00", "it begins like a TLS record, but says that it is 65535 bytes long"},
		"half a header":                {"16 03 01", "it ends after 3 bytes, within the header of a TLS record"},
		"DTLS":                         {"16 fe ff 00 00 00 00 00 00 00 00 00 10", "DTLS, which is TLS over UDP"},
		"a hello of SSL 2.0":           {"80 2e 01 00 02 00 15 00 00 00 10", "a ClientHello of SSL 2.0"},
		"a certificate request":        {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})), "its PEM holds CERTIFICATE REQUEST: it is a certificate request (PKCS #10)"},
		"one in base64":                {base64.StdEncoding.EncodeToString(request), "it is a certificate request (PKCS #10)"},
		"a public key":                 {string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), "its PEM holds PUBLIC KEY: it is a public key alone"},
		"lines that begin with a plus": {string(pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: bytes.Repeat([]byte{0xfb, 0xef, 0xbe}, 100)})), "its PEM holds DH PARAMETERS"},
		"parameters":                   {"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n", "its PEM holds DH PARAMETERS: of PEM, certificates are shown"},
		"a dump that lacks a row":      {strings.Replace(hex.Dump(helloRecord(t)), "00000010", "zz", 1), "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(strings.NewReader(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if rec.Len() > 0 {
				t.Errorf("%d events", rec.Len())
			}
			if err != nil && strings.Contains(err.Error(), hex.EncodeToString(der[36:40])) {
				t.Error("the error quotes the key")
			}
		})
	}
}

func TestCertificatesAreShownAndAPrivateKeyBesideThemIsPassedOver(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "openssl", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	parameters := string(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 1, 0}}))
	for name, of := range map[string]string{"PRIVATE KEY": "", "ENCRYPTED PRIVATE KEY": "", "CERTIFICATE": parameters} { // the last lies
		private := string(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der}))
		rec, err := capture.Read(strings.NewReader(of + private + string(file)))
		if err != nil {
			t.Fatal(err)
		}
		notes, sent := pasteOf(rec)
		want := []string{"form_pem", "passed_private", "as_certificates", "sender_unknown"}
		if of != "" {
			want = slices.Insert(want, 2, "passed")
		}
		if diff := cmp.Diff(want, notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", name, diff)
		}
		if got := slices.Concat(sent[0], sent[1]); !bytes.Equal(got, block.Bytes) {
			t.Errorf("%s: shown is % x", name, got)
		}
	}
}

func TestAKeyLogIsRecognisedByAnyLine(t *testing.T) {
	const line = "CLIENT_RANDOM 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n"
	for name, test := range map[string]struct {
		first  string
		labels []string
		left   string // out
	}{
		"an unknown label": {"FUTURE_LABEL 00112233 aabb\n", []string{"FUTURE_LABEL", "CLIENT_RANDOM"}, ""},
		"RSA":              {"RSA 0011223344556677 00\n", []string{"RSA", "CLIENT_RANDOM"}, ""},
		"a broken line":    {"CLIENT_RANDOM zz yy\n", []string{"CLIENT_RANDOM"}, "key log line 1: the identifier"},
	} {
		rec, err := capture.Read(strings.NewReader(test.first + line))
		if err == nil != (test.left == "") || err != nil && !strings.Contains(err.Error(), test.left) {
			t.Errorf("%s: %v", name, err)
		}
		var labels []string
		for e := range rec.Events(0) {
			if e.Kind == inspect.Secret {
				labels = append(labels, e.Logged.Label)
			}
		}
		if diff := cmp.Diff(test.labels, labels); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAKeyLogMayBeLongerThanAPaste(t *testing.T) {
	const line = "CLIENT_RANDOM %064x 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n"
	var log strings.Builder
	n := 0
	for ; log.Len() < 17<<20; n++ {
		fmt.Fprintf(&log, line, n)
	}
	rec, err := capture.Read(strings.NewReader(log.String()))
	if err != nil || rec.Len() != n {
		t.Errorf("%d secrets of %d: %v", rec.Len(), n, err)
	}
}

func TestAKeyLogAmongTheFilesIsLearned(t *testing.T) {
	rec := kept(t, "tls13-aes128-gcm")
	var log strings.Builder
	bare := new(inspect.Recording)
	log.WriteString("# of a browser\r\n\r\n")
	for e := range rec.Events(0) {
		if e.Kind != inspect.Secret {
			bare.Append(e)
			continue
		}
		if err := capture.WriteKeyLog(&log, *e.Logged); err != nil {
			t.Fatal(err)
		}
	}
	reader := capture.NewReader(nil)
	for _, file := range [][]byte{written(t, bare), []byte(strings.ReplaceAll(log.String(), "\n", "\r\n"))} {
		opened := reader.Open(bytes.NewReader(file))
		for reader.Next() {
		}
		if err := opened.Err(); err != nil || !opened.Read() {
			t.Error(err)
		}
	}
	reader.Close()
	decrypted := 0
	for r := range inspect.NewSession(reader.Recording()).Records() {
		if r.Decrypted {
			decrypted++
		}
	}
	if decrypted < 5 {
		t.Errorf("%d records are decrypted", decrypted)
	}
}

func FuzzPasted(f *testing.F) {
	record := helloRecord(f)
	for _, form := range pastedForms {
		f.Add([]byte(form.write(record)))
	}
	f.Add([]byte("0000000 0316\n*\n0000100\n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rec, err := capture.Read(bytes.NewReader(text))
		if rec.Len() == 0 && err == nil {
			t.Fatal("nothing was read, and nothing said")
		}
		session := inspect.NewSession(rec)
		session.End()
		for r := range session.Records() {
			r.Fields()
		}
	})
}

func FuzzEachFormIsReadAsItWasWritten(f *testing.F) {
	for name := range pastedForms {
		f.Add(name, []byte("  |hello|  \"'\\\n\x00\xff"))
		f.Add(name, []byte("odd"))
	}
	f.Add("hexdump -C, repeating", make([]byte, 200))
	f.Add("hexdump", []byte("odd"))
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		form, ok := pastedForms[name]
		if !ok || len(payload) == 0 || len(payload) > 1000 || name == "bytes" {
			return
		}
		record := append([]byte{0x17, 3, 3, byte(len(payload) >> 8), byte(len(payload))}, payload...)
		rec, err := capture.Read(strings.NewReader(form.write(record)))
		if err != nil {
			t.Fatalf("%v\n%s", err, form.write(record))
		}
		if _, sent := pasteOf(rec); !bytes.Equal(slices.Concat(sent[0], sent[1]), record) {
			t.Errorf("read % x\nwant % x of\n%s", sent, record, form.write(record))
		}
	})
}
