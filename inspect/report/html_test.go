package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

func page(t testing.TB, h report.HTML, s *inspect.Session) string {
	t.Helper()
	var out bytes.Buffer
	if err := h.Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// between returns what stands between two texts, the first time.
func between(t testing.TB, text, from, to string) string {
	t.Helper()
	_, behind, found := strings.Cut(text, from)
	inside, _, closed := strings.Cut(behind, to)
	if !found || !closed {
		t.Fatalf("nothing between %q and %q", from, to)
	}
	return inside
}

// body is a page without its style and script.
func body(t testing.TB, page string) string {
	t.Helper()
	return page[:strings.Index(page, "<style>")] + between(t, page, "</style>", "<script>")
}

// Everything that a page may be made of, and nothing else.
var (
	tags = words("!DOCTYPE html head meta title style body a header h1 h2 h3 h4 p strong fieldset legend label input nav ul li main section dl div dt dd " +
		"span details summary b i code pre button footer script svg text tspan line polygon")
	attributes = words("html lang charset http-equiv content name viewport class href type id checked aria-label aria-labelledby aria-hidden role tabindex hidden " +
		"data-a data-z data-all open viewBox width height x y x1 y1 x2 y2 dx dy points text-anchor")
)

func words(text string) map[string]bool {
	all := make(map[string]bool)
	for _, word := range strings.Fields(text) {
		all[word] = true
	}
	return all
}

// holdsNothingForeign fails if captured text has become anything but text.
func holdsNothingForeign(t testing.TB, page string) {
	t.Helper()
	if !utf8.ValidString(page) {
		t.Error("not UTF-8")
	}
	for _, r := range page {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029') {
			t.Errorf("%U stands in the page", r)
		}
	}
	for inside := body(t, page); ; {
		text, rest, found := strings.Cut(inside, "<")
		if strings.Contains(text, ">") {
			t.Errorf("what is no tag stands unescaped: %q", text)
		}
		if !found {
			break
		}
		element, behind, closed := strings.Cut(rest, ">")
		if name, _, _ := strings.Cut(strings.TrimPrefix(element, "/"), " "); !closed || !tags[strings.TrimSuffix(name, "/")] {
			t.Fatalf("a tag that no page has: <%s>", element)
		}
		attributesAreOurs(t, element)
		inside = behind
	}
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
}

// attributesAreOurs fails if an element has an attribute that no page has, or leads elsewhere.
func attributesAreOurs(t testing.TB, element string) {
	t.Helper()
	parts := strings.Split(element, `"`) // names, a value, names, a value, and so on
	if len(parts)%2 == 0 {
		t.Errorf("a value has no end: <%s>", element)
	}
	for i, part := range parts {
		if i%2 == 1 {
			leads := strings.HasSuffix(parts[i-1], " href=")
			if leads && part != "#records" && strings.Trim(part[min(2, len(part)):], "0123456789") != "" {
				t.Errorf("a link leads to %s", part)
			}
			continue
		}
		names := strings.Fields(strings.TrimSuffix(part, "/"))
		if i == 0 {
			names = names[1:] // that of the element
		}
		for _, name := range names {
			if !attributes[strings.TrimSuffix(name, "=")] {
				t.Errorf("an attribute that no page has: %s in <%s>", name, element)
			}
		}
	}
}

func TestEveryWordOfAPageIsThereInBothLanguages(t *testing.T) {
	for _, name := range sessions {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			got := page(t, report.HTML{Say: docs.For(lang)}, inspect.NewSession(recordingOf(load(t, name)...)))
			if strings.Contains(got, "«") || strings.Contains(got, "no value") {
				t.Errorf("%s, %s: a sentence is missing", name, lang)
			}
			if !strings.Contains(got, `<html lang="`+lang+`">`) {
				t.Errorf("%s: the page does not say that it is in %s", name, lang)
			}
			holdsNothingForeign(t, got)
		}
	}
}

func TestEveryRowIsABoxWithItsFieldsExplained(t *testing.T) {
	for _, name := range sessions {
		s := inspect.NewSession(recordingOf(load(t, name)...))
		got := page(t, report.HTML{}, s)
		rows, records := 0, 0
		for _, item := range s.Items() {
			if !item.HasRow() {
				continue
			}
			rows++
			if !strings.Contains(got, fmt.Sprintf(`id="r%d"`, rows)) {
				t.Errorf("%s: row %d has no box", name, rows)
			}
			if item.Kind == inspect.RecordItem && item.Record.Lane == item.Lane {
				records++
				raw := item.Record.Raw()
				if dump := dumpText(raw[:min(8, len(raw))]); !strings.Contains(strip(got), dump) {
					t.Errorf("%s: no dump begins with %s", name, dump)
				}
			}
		}
		if boxes := strings.Count(got, "<details class=\"box "); boxes != records || strings.Count(got, `id="r`)-1 != rows { // one is id="records"
			t.Errorf("%s: %d boxes that open for %d records, %d rows", name, boxes, records, rows)
		}
	}
	got := html.UnescapeString(page(t, report.HTML{}, inspect.NewSession(recordingOf(load(t, "tls13")...))))
	for _, kind := range []string{"record.type", "client_hello.random", "server_hello.cipher_suite", "schedule.handshake_secret", "protection.nonce", "proof.finished"} {
		if explanation := docs.For("en").Explain(kind); explanation == "" || !strings.Contains(got, explanation) {
			t.Errorf("%s is not explained", kind)
		}
	}
}

// dumpText is how bytes of one line stand in a dump, without what marks the fields.
func dumpText(b []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("%x", b), " ", "")
}

// strip leaves of a page the hex digits of its dumps, in a row.
func strip(page string) string {
	return strings.NewReplacer(" ", "", "\n", "").Replace(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(page, ""))
}

// secretsLast has the secrets come when all is over, so that alerts are read late.
func secretsLast(events []inspect.Event) (all []inspect.Event) {
	places := make(map[int]int)
	for _, secrets := range []bool{false, true} {
		for _, event := range events {
			if (event.Kind == inspect.Secret) == secrets {
				places[event.Index] = len(all)
				if event.Cause >= 0 {
					event.Cause = places[event.Cause]
				}
				all = append(all, event)
			}
		}
	}
	return all
}

func TestWhatHappenedIsToldInTheOrderOfTheRowsAndWhole(t *testing.T) {
	row := regexp.MustCompile(`<li><a href="#r(\d+)">`)
	for _, name := range sessions {
		s := inspect.NewSession(recordingOf(secretsLast(load(t, name))...))
		for _, lang := range []string{docs.English, docs.Portuguese} {
			shown := page(t, report.HTML{Say: docs.For(lang)}, s)
			last := 0
			for _, found := range row.FindAllStringSubmatch(between(t, shown, `<ul class="story">`, "</ul>"), -1) {
				if n, _ := strconv.Atoi(found[1]); n < last {
					t.Errorf("%s, %s: row %d is told behind row %d", name, lang, n, last)
				} else {
					last = n
				}
			}
			for _, drawn := range regexp.MustCompile(`<text class="event"[^>]*>([^<]*)</text>`).FindAllStringSubmatch(shown, -1) {
				if strings.HasSuffix(drawn[1], "…") {
					t.Errorf("%s, %s: the ladder breaks off: %s", name, lang, drawn[1])
				}
			}
			if strings.Contains(shown, "<dd>client</dd>") {
				t.Errorf("%s, %s: the end of a pipe has an address", name, lang)
			}
		}
	}
}

func TestATamperedRecordSaysWhatBecameOfIt(t *testing.T) {
	got := page(t, report.HTML{}, inspect.NewSession(recordingOf(load(t, "tampered")...)))
	for _, want := range []string{
		`<span class="mark altered"><span aria-hidden="true">≠</span> altered</span>`,
		`<span class="mark repeated"><span aria-hidden="true">↻</span> repeated</span>`,
		`<span class="mark dropped"><span aria-hidden="true">✗</span> undeliverable</span>`,
		"On the wire, at byte 7: 22 became 23.",
		"The server was the first to notice something.",
		"it sent the alert bad_record_mac, which the client understood",
		` changed"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %s", want)
		}
	}
}

func TestWhatIsHeldOrInjectedIsMarked(t *testing.T) {
	s := unitEvents(inspect.Lines, true,
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("held\n")},
		inspect.Event{Kind: inspect.Injected, Cause: -1, Side: inspect.Server, Bytes: []byte("put in\n")},
		inspect.Event{Kind: inspect.Captured, Cause: -1, Side: inspect.Server, Bytes: []byte("lost\n")},
		inspect.Event{Kind: inspect.Dropped, Side: inspect.Server, Cause: 3},
	)
	got := html.UnescapeString(page(t, report.HTML{}, s))
	for _, want := range []string{"‖</span> waits<", "+</span> injected<", "✗</span> dropped<"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestAPageMayLoadAndRunNothingButItsOwn(t *testing.T) {
	got := page(t, report.HTML{}, inspect.NewSession(recordingOf(load(t, "tls13")...)))
	policy := html.UnescapeString(between(t, got, `http-equiv="Content-Security-Policy" content="`, `"`))
	for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		hash := sha256.Sum256([]byte(between(t, got, "<"+element+">", "</"+element+">")))
		if want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "';"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("the policy %q lets more in", policy)
	}
	for _, outside := range []string{"://", "url(", "@import", "src=", "fetch(", "XMLHttpRequest", "innerHTML", "eval("} {
		if at := strings.Index(strings.ReplaceAll(got, "http-equiv", ""), outside); at >= 0 {
			t.Errorf("%s stands in the page", outside)
		}
	}
}

// hostileEvents says evil in every place where a page quotes what came from elsewhere.
func hostileEvents(evil string) []inspect.Event {
	text := []byte(evil + "\n")
	return []inspect.Event{
		{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: evil, Speaks: inspect.Lines, Addr: [2]string{evil, evil}, Gated: true, ServerName: evil}},
		{Kind: inspect.Captured, Cause: -1, Bytes: text},
		{Kind: inspect.Altered, Cause: 1, Bytes: append([]byte("x"), text...)},
		{Kind: inspect.Captured, Cause: -1, Side: inspect.Server, Bytes: []byte(evil)},
		{Kind: inspect.Printed, Cause: -1, Side: inspect.Server, Text: evil},
		{Kind: inspect.Failed, Cause: -1, Err: &inspect.EndpointError{Text: evil}},
		{Kind: inspect.Opened, Conn: 1, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Addr: [2]string{evil, ""}}},
		{Kind: inspect.Captured, Conn: 1, Cause: -1, Bytes: clientHello(evil)},
		{Kind: inspect.Captured, Conn: 1, Cause: -1, Side: inspect.Server, Bytes: []byte(evil)},
		{Kind: inspect.Secret, Conn: 1, Cause: -1, Logged: &inspect.LoggedSecret{Label: evil, ClientRandom: make([]byte, 32), Bytes: text}},
	}
}

// clientHello is one that asks for a server of that name, and for a protocol of that name.
func clientHello(name string) []byte {
	length16 := func(b []byte) []byte { return append([]byte{byte(len(b) >> 8), byte(len(b))}, b...) }
	extension := func(number byte, b []byte) []byte { return append([]byte{0x00, number}, length16(b)...) }
	server := extension(0x00, length16(append([]byte{0x00}, length16([]byte(name))...)))
	protocol := extension(0x10, length16(append([]byte{byte(len(name))}, name...)))
	body := append([]byte{0x03, 0x03}, make([]byte, 32)...)
	body = append(body, 0x00, 0x00, 0x02, 0x13, 0x01, 0x01, 0x00)
	body = append(body, length16(append(server, protocol...))...)
	message := append([]byte{0x01, 0x00, byte(len(body) >> 8), byte(len(body))}, body...)
	return append([]byte{0x16, 0x03, 0x01}, length16(message)...)
}

var evils = []string{
	`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `<!--`, `]]>`, `{{.}}`, `</style><b>`, `</title>`,
	"\x00\x1b[2J\x9b\u202e\u2066\u200b\u2028", "\xff\xfe\xc3", "&lt;b&gt; &#60;i&#62;", "javascript:alert(1)", "=cmd()", `\u003cscript\u003e`, "a\u0301\u0301\u0301\u0301\u0301\u0301",
}

func TestWhateverTheBytesSayIsTextAlone(t *testing.T) {
	for _, evil := range evils {
		got := page(t, report.HTML{Title: evil}, inspect.NewSession(recordingOf(hostileEvents(evil)...)))
		holdsNothingForeign(t, got)
		shown := html.UnescapeString(got)
		if n := strings.Count(shown, inspect.Safe(evil)); n < 8 {
			t.Errorf("%q is shown %d times, want it in every place", evil, n)
		}
	}
}

func FuzzAPageOfAnything(f *testing.F) {
	for _, evil := range evils {
		f.Add([]byte(evil), []byte(evil), false)
	}
	f.Add(clientHello("a"), []byte("\x15\x03\x03\x00\x02\x02\x28"), true)
	f.Fuzz(func(t *testing.T, sent, answered []byte, secret bool) {
		events := append(hostileEvents(string(sent[:min(len(sent), 200)])),
			inspect.Event{Kind: inspect.Captured, Conn: 1, Cause: -1, Bytes: sent},
			inspect.Event{Kind: inspect.Captured, Conn: 1, Cause: -1, Side: inspect.Server, Bytes: answered})
		holdsNothingForeign(t, page(t, report.HTML{NoSecrets: secret}, inspect.NewSession(recordingOf(events...))))
	})
}

func TestWithoutSecretsNoneStandsInWhatIsWritten(t *testing.T) {
	for _, name := range []string{"tls13", "tls12", "tampered", "ech"} {
		s := inspect.NewSession(recordingOf(load(t, name)...))
		var lines bytes.Buffer
		if err := (report.JSON{NoSecrets: true}).Writer(&lines).Close(s); err != nil {
			t.Fatal(err)
		}
		text := told(t, report.Text{NoSecrets: true}, s)
		bare := page(t, report.HTML{NoSecrets: true}, s)
		whole := page(t, report.HTML{}, s)
		secrets := secretValues(s)
		if len(secrets) < 5 {
			t.Fatalf("%s: %d secrets", name, len(secrets))
		}
		shown := 0
		for what, secret := range secrets {
			hex := fmt.Sprintf("%x", secret)
			for where, written := range map[string]string{"the page": strip(bare), "the JSON lines": lines.String(), "the text": strip(text)} {
				if strings.Contains(written, hex) {
					t.Errorf("%s: %s stands in %s", name, what, where)
				}
			}
			if strings.Contains(whole, hex) {
				shown++
			}
		}
		if shown != len(secrets) {
			t.Errorf("%s: the page with secrets has %d of %d", name, shown, len(secrets))
		}
		if !strings.Contains(bare, "Secrets and keys were left out") || !strings.Contains(whole, "This page holds the secrets") {
			t.Errorf("%s: a page does not say whether it holds secrets", name)
		}
	}
}

// secretValues are those of the key schedule, and those that were logged.
func secretValues(s *inspect.Session) map[string][]byte {
	secrets := make(map[string][]byte)
	for _, c := range s.Connections() {
		for side := range inspect.Side(2) {
			for _, v := range c.View(side).Schedule() {
				public := strings.Contains(v.Kind, "verify_data") || strings.HasSuffix(v.Kind, "hash") || strings.HasSuffix(v.Kind, "binder")
				if !public && len(bytes.Trim(v.Bytes, "\x00")) > 0 {
					secrets[v.Name] = v.Bytes
				}
			}
			for _, secret := range c.View(side).Secrets(side, s.Recording().Len()) {
				secrets[secret.Label] = secret.Bytes
			}
		}
	}
	return secrets
}

func TestAPageOfALongSessionIsBounded(t *testing.T) {
	events := []inspect.Event{{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "lines", Speaks: inspect.Lines}}}
	for i := range 10_007 {
		events = append(events, inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte(strconv.Itoa(i) + strings.Repeat("x", 5_000*(1-min(i, 1))) + "\n")})
	}
	got := page(t, report.HTML{Whole: 7}, inspect.NewSession(recordingOf(events...)))
	if open, all := strings.Count(got, `<details class="box `), strings.Count(got, `id="r`)-1; open != 7 || all != 10_000 { // one is id="records"
		t.Errorf("%d boxes that open, %d in all", open, all)
	}
	for _, want := range []string{"only the first 7 are shown", "7 more rows are not on this page", "906 more bytes are not shown", "9907 more rows"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	if len(got) > 4<<20 {
		t.Errorf("the page has %d bytes", len(got))
	}
}

func TestTheColoursOfAPageContrast(t *testing.T) {
	style, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	colours := make(map[string][2]string)
	for _, found := range regexp.MustCompile(`--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(string(style), -1) {
		colours[found[1]] = [2]string{found[2], found[3]}
	}
	grounds := map[string][]string{
		"ink":     {"ground", "raised", "caution", "t1", "t2", "t3", "t4"},
		"quiet":   {"ground", "raised"},
		"link":    {"ground", "raised"},
		"client":  {"ground", "raised"},
		"server":  {"ground", "raised"},
		"good":    {"ground", "raised"},
		"bad":     {"ground", "raised", "t1", "t2", "t3", "t4"},
		"doubt":   {"ground", "raised"},
		"lit-ink": {"lit"},
	}
	for ink, on := range grounds {
		for _, ground := range on {
			for theme, name := range []string{"light", "dark"} {
				const enough = 4.5 // WCAG 2.2, 1.4.3, level AA
				if ratio := contrast(t, colours[ink][theme], colours[ground][theme]); ratio < enough {
					t.Errorf("%s on %s, %s: %.2f to 1", ink, ground, name, ratio)
				}
			}
		}
	}
}

// contrast is the ratio that WCAG 2.2 defines.
func contrast(t *testing.T, one, other string) float64 {
	a, b := luminance(t, one), luminance(t, other)
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	var rgb [3]uint8
	if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
		t.Fatalf("%q is no colour: %v", colour, err)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(rgb[i]) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestAPageIsAsItsGoldenFileSays(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		s := unitEvents(inspect.Lines, true,
			inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("one\n")},
			inspect.Event{Kind: inspect.Altered, Cause: 1, Bytes: []byte("two\n")},
			inspect.Event{Kind: inspect.Ended, Cause: -1, How: inspect.EndOfFile},
		)
		got := body(t, page(t, report.HTML{Say: docs.For(lang)}, s))
		golden(t, "page."+lang+".html", got[strings.Index(got, "<body>"):]) // what stands before has the hashes of style and script
	}
}

func TestAPageOfNothingSaysSo(t *testing.T) {
	got := page(t, report.HTML{}, inspect.NewSession(new(inspect.Recording)))
	if !strings.Contains(got, "Nothing was recorded.") || strings.Contains(got, "secrets") && strings.Contains(body(t, got), "holds the secrets") {
		t.Error(body(t, got))
	}
	holdsNothingForeign(t, got)
}

// A writer that takes so much and no more.
type full int

func (f *full) Write(b []byte) (int, error) {
	if *f -= full(len(b)); *f < 0 {
		return 0, os.ErrClosed
	}
	return len(b), nil
}

func TestAPageThatCannotBeWrittenSaysSo(t *testing.T) {
	s := inspect.NewSession(recordingOf(load(t, "tls13")...))
	for _, room := range []full{0, 100_000} {
		if err := (report.HTML{}).Write(&room, s); err == nil {
			t.Errorf("no error")
		}
	}
}
