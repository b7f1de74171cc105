package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sessions are recordings under testdata, one event of JSON a line, made with
// real endpoints by TestRecordSessions.
var sessions = []string{"tls13", "tls12", "tampered", "refused", "ech"}

// load reads the events of a recording.
func load(t testing.TB, name string) []inspect.Event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".events"))
	if err != nil {
		t.Fatal(err)
	}
	var events []inspect.Event
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var event inspect.Event
		if err := decoder.Decode(&event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

func recordingOf(events ...inspect.Event) *inspect.Recording {
	rec := new(inspect.Recording)
	for _, event := range events {
		rec.Append(event)
	}
	return rec
}

func jsonLines(t testing.TB, s *inspect.Session) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.NewJSON(&out).Close(s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func told(t testing.TB, text report.Text, s *inspect.Session) string {
	t.Helper()
	var out bytes.Buffer
	if err := text.Writer(&out).Close(s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestASessionIsToldAsItsGoldenFileSays(t *testing.T) {
	for _, name := range sessions {
		s := inspect.NewSession(recordingOf(load(t, name)...))
		for file, got := range map[string]string{
			name + ".jsonl":           jsonLines(t, s),
			name + ".en.txt":          told(t, report.Text{ASCII: true}, s),
			name + ".pt-BR.txt":       told(t, report.Text{Say: docs.For("pt-BR")}, s),
			name + ".sentences.txt":   told(t, report.Text{Level: report.Sentences}, s),
			name + ".bytes.pt-BR.txt": told(t, report.Text{Say: docs.For("pt-BR"), Level: report.WithBytes}, s),
		} {
			golden(t, file, got)
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it anew):\n%s", file, diff)
	}
}

func TestALiveSessionPrintsTheSameAsAFinishedOne(t *testing.T) {
	for _, name := range sessions {
		events := load(t, name)
		rec := recordingOf()
		s := inspect.NewSession(rec)
		var lines, text bytes.Buffer
		jsonWriter, textWriter := report.NewJSON(&lines), report.Text{}.Writer(&text)
		for _, event := range events {
			rec.Append(event)
			s.Extend()
			if err := jsonWriter.Extend(s); err != nil {
				t.Fatal(err)
			}
			if err := textWriter.Extend(s); err != nil {
				t.Fatal(err)
			}
		}
		if early := bytes.Count(lines.Bytes(), []byte("\n")); early < 5 {
			t.Errorf("%s: only %d lines were printed while the session lived", name, early)
		}
		jsonWriter.Close(s)
		textWriter.Close(s)
		finished := inspect.NewSession(recordingOf(events...))
		if diff := cmp.Diff(jsonLines(t, finished), lines.String()); diff != "" {
			t.Errorf("%s, JSON (-finished +live):\n%s", name, diff)
		}
		// Text says what was known of an alert when its connection had ended.
		arrival := strings.NewReplacer(" It arrived.", "", " It did not arrive, or could not be read.", "")
		if diff := cmp.Diff(arrival.Replace(told(t, report.Text{}, finished)), arrival.Replace(text.String())); diff != "" {
			t.Errorf("%s, text (-finished +live):\n%s", name, diff)
		}
	}
}

// A field as the JSON lines have it.
type field struct {
	Name           string
	Offset, Length int
	Children       []field
}

func TestFieldsCoverRawAndMessagesCoverPlaintextExactlyOnce(t *testing.T) {
	for _, name := range sessions {
		for _, text := range strings.Split(strings.TrimSpace(jsonLines(t, inspect.NewSession(recordingOf(load(t, name)...)))), "\n") {
			var line struct {
				Kind, Raw string
				Plaintext *string
				Fields    []field
				Messages  []struct {
					In, Type, Bytes string
					Offset, Length  int
					Fields          []field
				}
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			if line.Kind != "record" {
				continue
			}
			if got := cover(t, line.Fields, 0); got != len(line.Raw)/2 {
				t.Errorf("%s: fields cover %d of %d bytes of %s", name, got, len(line.Raw)/2, text)
			}
			at := 0
			for _, message := range line.Messages {
				if message.In != "" {
					if got := cover(t, message.Fields, 0); got != len(message.Bytes)/2 || got != message.Length {
						t.Errorf("%s: fields cover %d of %d bytes of a %s", name, got, len(message.Bytes)/2, message.Type)
					}
					continue
				}
				if message.Offset != at || cover(t, message.Fields, at) != at+message.Length {
					t.Errorf("%s: item %s at %d does not cover its %d bytes", name, message.Type, message.Offset, message.Length)
				}
				at += message.Length
			}
			if line.Plaintext != nil && at != len(*line.Plaintext)/2 {
				t.Errorf("%s: messages cover %d of %d bytes of plaintext", name, at, len(*line.Plaintext)/2)
			}
		}
	}
}

// cover returns the offset just behind the fields, which must follow each
// other from the offset at on, and be covered by their children.
func cover(t *testing.T, fields []field, at int) int {
	t.Helper()
	for _, f := range fields {
		if f.Offset != at {
			t.Errorf("field %s begins at %d, not at %d", f.Name, f.Offset, at)
		}
		at = f.Offset + f.Length
		if len(f.Children) > 0 && cover(t, f.Children, f.Offset) != at {
			t.Errorf("the children of field %s do not cover it", f.Name)
		}
	}
	return at
}

// hostile is what nobody wants on a terminal.
const hostile = "\x1b]52;c;AAAA\a\x1b[2J\x1bPq\x1b\\\u009b2J\b\u202e\u2066\x1b]0;never ends\xff\xfe\x9b\x00\u2028"

func TestExplainTellsEachFieldAndWhatItsKindIsForOnce(t *testing.T) {
	rec := recordingOf(
		inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")},
	)
	for _, lang := range []string{"en", "pt-BR"} {
		say := docs.For(lang)
		got := report.Text{Say: say}.Explain(inspect.NewSession(rec), 1)
		var lines []string
		for _, line := range strings.Split(got, "\n") {
			lines = append(lines, strings.TrimSpace(line))
		}
		joined := strings.Join(lines, " ")
		for _, want := range []string{"level, 1 byte ", "fatal (0x02) (" + say.Citation("RFC 8446 section 6") + ")", "handshake_failure (0x28)", say.Say("field_record_type"), say.Say("field_alert_level")} {
			if strings.Count(joined, want) != 1 {
				t.Errorf("%s: %q stands there %d times, want once:\n%s", lang, want, strings.Count(joined, want), got)
			}
		}
	}
}

func TestAFieldWithoutBytesIsSaidToBeEmpty(t *testing.T) {
	s := inspect.NewSession(recordingOf(load(t, "tls13")...))
	for _, told := range []struct{ lang, word string }{{docs.English, "(empty)"}, {docs.Portuguese, "(vazio)"}} {
		say := docs.For(told.lang)
		if got := page(t, report.HTML{Say: say}, s); !strings.Contains(got, `<span class="name">certificate_request_context</span> <span class="is">`+told.word) {
			t.Errorf("the page does not say %s of a certificate_request_context", told.word)
		}
		var fields string
		for n := range s.Items() {
			fields += report.Text{Say: say}.Explain(s, n+1)
		}
		if !regexp.MustCompile(`certificate_request_context, 0 [^:\n]*: ` + regexp.QuoteMeta(told.word)).MatchString(fields) {
			t.Errorf("the text does not say %s of a certificate_request_context", told.word)
		}
	}
}

func TestARecordWhoseHeaderIsCutHasNoLength(t *testing.T) {
	rec := recordingOf(
		inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("\x16\x03\x01\x00")},
		inspect.Event{Kind: inspect.Ended, Cause: -1, How: inspect.EndOfFile},
	)
	got := jsonLines(t, inspect.NewSession(rec))
	if want := `"type":"handshake","version":"0x0301","length":null,"raw":"16030100","truncated":true`; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
}

func TestWhatAProgramMadeSafeForItsOwnScreenIsEscapedOnce(t *testing.T) {
	s := inspect.NewSession(recordingOf(
		inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Printed, Side: inspect.Server, Cause: -1, Text: `"Ol\xc3\xa1"` + "\x1b"},
	))
	if got, want := jsonLines(t, s), `"text":"\"Ol\\xc3\\xa1\"\\x1b"`; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
	if got, want := told(t, report.Text{Say: docs.For("en")}, s), `screen: "Ol\xc3\xa1"\x1b`+"\n"; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
}

func TestNothingCapturedIsPrintedUnescaped(t *testing.T) {
	at := time.Unix(1, 0)
	clientHello := "\x16\x03\x01\x00\x30\x01\x00\x00\x2c" + hostile + "\x16\x03\x01\x00\x04"
	rec := recordingOf(
		inspect.Event{Kind: inspect.Opened, Time: at, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", ServerName: hostile}},
		inspect.Event{Kind: inspect.Captured, Time: at, Cause: -1, Bytes: []byte(clientHello + hostile)},
		inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Time: at, Cause: -1, Bytes: []byte(hostile)},
		inspect.Event{Kind: inspect.Failed, Time: at, Cause: -1, Err: &inspect.EndpointError{Text: hostile}},
	)
	s := inspect.NewSession(rec)
	for _, r := range jsonLines(t, s) {
		if r != '\n' && (r < ' ' || r > '~') {
			t.Errorf("JSON lines hold %U", r)
		}
	}
	for _, lang := range []string{"en", "pt-BR"} {
		text := told(t, report.Text{Say: docs.For(lang), Level: report.WithTrees}, s)
		if !utf8.ValidString(text) {
			t.Errorf("%s: text is not UTF-8", lang)
		}
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: text holds %U", lang, r)
			}
		}
	}
}

func TestTextFitsEightyColumnsBelowTheSentences(t *testing.T) {
	for _, name := range sessions {
		s := inspect.NewSession(recordingOf(load(t, name)...))
		for _, lang := range []string{"en", "pt-BR"} {
			for _, line := range strings.Split(told(t, report.Text{Say: docs.For(lang), Level: report.WithTrees}, s), "\n") {
				if strings.HasPrefix(line, " ") && utf8.RuneCountInString(line) > 80 {
					t.Errorf("%s: more than 80 columns: %s", name, line)
				}
			}
		}
	}
}

func TestLongApplicationDataIsQuotedAsFarAsThereIsRoom(t *testing.T) {
	for _, data := range []string{strings.Repeat("é", 500), strings.Repeat("\x1b", 500), strings.Repeat("漢字", 60) + "\xff", strings.Repeat("a", 70)} {
		rec := recordingOf(
			inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
			inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: append([]byte{0x15, 3, 3, byte(len(data) >> 8), byte(len(data))}, data...)},
		)
		for _, line := range strings.Split(report.Text{}.Streams(inspect.NewSession(rec), 1), "\n") {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("more than 80 columns: %s", line)
			}
		}
	}
}

func TestWithoutItsSecretARecordWaitsAndIsPrintedAtTheEnd(t *testing.T) {
	events := load(t, "tls13")
	var withheld []inspect.Event
	for _, event := range events {
		if event.Kind != inspect.Secret {
			withheld = append(withheld, event)
		}
	}
	s := inspect.NewSession(recordingOf(withheld...))
	var out bytes.Buffer
	w := report.Text{Level: report.Sentences}.Writer(&out)
	w.Extend(s)
	if text := out.String(); strings.Contains(text, "application_data") || !strings.Contains(text, "client_hello") {
		t.Errorf("before the end:\n%s", text)
	}
	w.Close(s)
	if text := out.String(); !strings.Contains(text, "not decrypted: no secret for this client random is known") {
		t.Errorf("at the end:\n%s", text)
	}
}

func TestOfAnEndBehindRecordsThatCannotBeReadNobodySaysThatItCameWithoutCloseNotify(t *testing.T) {
	for _, version := range []string{"tls12", "tls13"} {
		events := load(t, version)
		var secrets, others []inspect.Event
		for _, event := range events {
			if event.Kind == inspect.Secret {
				secrets = append(secrets, event)
			} else {
				others = append(others, event)
			}
		}
		rec := recordingOf(others...)
		s := inspect.NewSession(rec)
		var text bytes.Buffer
		report.Text{Level: report.Sentences}.Writer(&text).Close(s)
		if strings.Contains(text.String(), "did not say so") || strings.Count(text.String(), "What it sent last could not be read") != 2 {
			t.Errorf("%s, without its secrets:\n%s", version, text.String())
		}
		endings := func(want inspect.Closing) {
			t.Helper()
			for _, item := range s.Items() {
				if item.Kind == inspect.ClosedItem && item.How != want {
					t.Errorf("%s: the %s ended with %s, want %s", version, item.Side, item.How, want)
				}
			}
			for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
				if got := s.Connections()[0].Account(side, rec.Len()).Ended; got != want {
					t.Errorf("%s: the account of the %s has %s, want %s", version, side, got, want)
				}
			}
		}
		endings(inspect.ClosedUnread)
		for _, secret := range secrets {
			rec.Append(secret)
		}
		s.Extend()
		endings(inspect.ClosedNotify)
	}
}

func TestAnEndBehindRecordsThatWereReadLateIsOneWithoutCloseNotify(t *testing.T) {
	events := load(t, "tls13")
	const alert = 24 // bytes of the record with the close_notify
	var secrets, others []inspect.Event
	for _, event := range events {
		switch {
		case event.Kind == inspect.Secret:
			secrets = append(secrets, event)
		case event.Kind == inspect.Captured && len(event.Bytes) == alert:
		default:
			others = append(others, event)
		}
	}
	rec := recordingOf(others...)
	s := inspect.NewSession(rec)
	for _, secret := range secrets {
		rec.Append(secret)
	}
	s.Extend()
	ends := 0
	for _, item := range s.Items() {
		if item.Kind == inspect.ClosedItem {
			ends++
			if item.How != inspect.ClosedEndOfFile {
				t.Errorf("the %s ended with %s", item.Side, item.How)
			}
		}
	}
	if ends != 2 {
		t.Errorf("%d ends", ends)
	}
}

func TestAConnectionThatHangsHoldsBackNoOtherInText(t *testing.T) {
	at := time.Unix(1, 0)
	rec := recordingOf(
		inspect.Event{Kind: inspect.Opened, Time: at, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Opened, Conn: 1, Time: at, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Captured, Time: at, Cause: -1, Bytes: []byte("GET")}, // may go on
		inspect.Event{Kind: inspect.Captured, Conn: 1, Time: at, Cause: -1, Bytes: []byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00")},
	)
	s := inspect.NewSession(rec)
	var text, lines bytes.Buffer
	report.Text{Level: report.Sentences, ASCII: true}.Writer(&text).Extend(s)
	report.NewJSON(&lines).Extend(s)
	want := "#2 connection 2: client -> server: handshake record, 9 bytes, in clear, holds client_hello.\n"
	if text.String() != want {
		t.Errorf("text: got\n%swant\n%s", text.String(), want)
	}
	if n := strings.Count(lines.String(), "\n"); n != 1 {
		t.Errorf("JSON: %d lines, want the session's alone, since lines stand in the order captured", n)
	}
}

func TestJSONTellsWhatIsNotARecordToo(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	rec := recordingOf(
		inspect.Event{Kind: inspect.Opened, Time: at, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Captured, Time: at, Cause: -1, Bytes: []byte("GET /")},
		inspect.Event{Kind: inspect.Captured, Time: at, Cause: -1, Bytes: []byte(" HTTP")},
		inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Time: at, Cause: -1, N: 7},
		inspect.Event{Kind: inspect.Failed, Side: inspect.Server, Time: at, Cause: -1, Err: &inspect.EndpointError{Text: "olá \x1b"}},
		inspect.Event{Kind: inspect.Ended, Time: at, Cause: -1, How: inspect.Cut},
		inspect.Event{Kind: inspect.Silent, Side: inspect.Server, Time: at, Cause: -1, N: 1500},
	)
	const when = `"time":"2026-11-21T12:00:00.000000000Z"`
	want := fmt.Sprintf(`{"kind":"session","schema":1,%[1]s}
{"kind":"connection","conn":0,%[1]s,"protocol":"tls","client":null,"server":null,"gated":false,"bare":false,"sender_known":true}
{"kind":"bytes","conn":0,"dir":"client","lane":"sent","offset":0,"length":10,%[1]s,"raw":"474554202f2048545450","why":"its first byte is no content type of TLS: it is no TLS, or the rest of a record whose beginning is missing"}
{"kind":"gap","conn":0,"dir":"server","lane":"sent","offset":0,"length":7,%[1]s}
{"kind":"error","conn":0,"side":"server",%[1]s,"text":"ol\u00e1 \\x1b"}
{"kind":"closed","conn":0,"dir":"client",%[1]s,"how":"cut"}
{"kind":"silence","conn":0,"side":"server",%[1]s,"milliseconds":1500}
`, when)
	if diff := cmp.Diff(want, jsonLines(t, inspect.NewSession(rec))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOfWhatWasPastedNeitherSenderNorArrivalIsAsserted(t *testing.T) {
	opening := &inspect.Opening{Protocol: "tls", Bare: true, SenderUnknown: true}
	s := inspect.NewSession(recordingOf(
		inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: opening},
		inspect.Event{Kind: inspect.Noted, Cause: -1, Note: &inspect.Reason{Key: "capture_form_hex"}},
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")},
	))
	s.End()
	for lang, odd := range map[string][]string{
		"en": {"client", "server", "arrived"}, "pt-BR": {"cliente", "servidor", "chegou"},
	} {
		var text strings.Builder
		if err := (report.Text{Say: docs.For(lang)}).Writer(&text).Close(s); err != nil {
			t.Fatal(err)
		}
		for _, word := range odd {
			if strings.Contains(text.String(), word) {
				t.Errorf("%s: %q in\n%s", lang, word, text.String())
			}
		}
	}
	shown := page(t, report.HTML{Say: docs.For("en")}, s)
	for _, odd := range []string{`class="box client"`, `class="box line client"`, `<a href="#r1" class="client">`, `<a href="#r2" class="client">`, `class="sign"`} {
		if strings.Contains(shown, odd) {
			t.Errorf("the page has %s", odd)
		}
	}
	lines := jsonLines(t, s)
	for _, want := range []string{`"arrived":null`, `"bare":true,"sender_known":false`} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %s in\n%s", want, lines)
		}
	}
	var table strings.Builder
	if err := report.CSV(&table, s); err != nil || !strings.Contains(table.String(), ",tls,unknown,sent,") {
		t.Errorf("%v\n%s", err, table.String())
	}
}

func TestTheManualsExampleIsWhatIsPrinted(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	printed := jsonLines(t, inspect.NewSession(recordingOf(
		inspect.Event{Kind: inspect.Opened, Time: at, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Time: at.Add(4 * time.Millisecond), Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")},
		inspect.Event{Kind: inspect.Ended, Side: inspect.Server, Time: at.Add(5 * time.Millisecond), Cause: -1, How: inspect.EndOfFile},
	)))
	for _, lang := range []string{"en", "pt-BR"} {
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", "manual", lang, "json-lines.md"))
		if err != nil {
			t.Fatal(err)
		}
		_, example, _ := strings.Cut(string(page), "```\n{")
		example, _, _ = strings.Cut("{"+example, "```")
		var unbroken strings.Builder
		for _, line := range strings.Split(strings.TrimSuffix(example, "\n"), "\n") {
			if strings.HasPrefix(line, "{") && unbroken.Len() > 0 {
				unbroken.WriteByte('\n')
			}
			unbroken.WriteString(strings.TrimLeft(line, " "))
		}
		if diff := cmp.Diff(printed, unbroken.String()+"\n"); diff != "" {
			t.Errorf("%s (-printed +manual):\n%s", lang, diff)
		}
	}
}

func TestAnEmptyRecordingHasTheSessionsLineAlone(t *testing.T) {
	if got := jsonLines(t, inspect.NewSession(new(inspect.Recording))); got != `{"kind":"session","schema":1,"time":null}`+"\n" {
		t.Errorf("got %s", got)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAWriterThatFailedSaysSoEachTime(t *testing.T) {
	s := inspect.NewSession(recordingOf(load(t, "refused")...))
	w := report.NewJSON(brokenPipe{})
	for range 2 {
		if err := w.Close(s); err == nil {
			t.Error("no error")
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), []byte("\x15\x03\x03\x00\x02\x02\x28"))
	f.Add([]byte(hostile), []byte("\x17\x03\x03\x00\x01"))
	f.Add([]byte("\x16\x03"), []byte(""))
	f.Fuzz(func(t *testing.T, client, server []byte) {
		s := inspect.NewSession(recordingOf(
			inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
			inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: client},
			inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: server},
			inspect.Event{Kind: inspect.Ended, Cause: -1, How: inspect.EndOfFile},
		))
		for _, line := range strings.Split(strings.TrimSuffix(jsonLines(t, s), "\n"), "\n") {
			if !json.Valid([]byte(line)) {
				t.Fatalf("not JSON: %s", line)
			}
		}
		for _, r := range told(t, report.Text{Level: report.WithTrees}, s) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("text holds %U", r)
			}
		}
	})
}

func TestSilenceIsToldInBothLanguages(t *testing.T) {
	s := inspect.NewSession(recordingOf(
		inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Silent, Side: inspect.Server, Cause: -1, N: 1500},
	))
	for lang, want := range map[string]string{
		"en": "#1 The server waited 1.5s for what did not come.\n", "pt-BR": "#1 O servidor esperou 1.5s pelo que não veio.\n",
	} {
		if got := told(t, report.Text{Say: docs.For(lang)}, s); got != want {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

func TestACloseNotifyIsMissedWhereOneWasDue(t *testing.T) {
	for said, want := range map[string]string{
		"GET / HTTP/1.1\r\n\r\n":       "without TLS nobody can tell",
		"\x15\x03\x03\x00\x02\x02\x28": "it ended with the alert handshake_failure, after which no close_notify is due",
		"\x15\x03\x01\x00\x02\x01\x5a": "it did not say so with close_notify", // user_canceled, a warning
		"\x14\x03\x03\x00\x01\x01":     "it did not say so with close_notify",
	} {
		s := inspect.NewSession(recordingOf(
			inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: inspect.ProtocolTLS}},
			inspect.Event{Kind: inspect.Captured, Cause: -1, Side: inspect.Client, Bytes: []byte(said)},
			inspect.Event{Kind: inspect.Ended, Cause: -1, Side: inspect.Client, How: inspect.EndOfFile},
		))
		if got := (report.Text{}).Sentence(s, len(s.Items())); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

func TestWhatCouldBeReadTooLateIsToldAgainAtTheEnd(t *testing.T) {
	rec := new(inspect.Recording)
	var secrets []inspect.Event
	for _, event := range load(t, "tls13") {
		switch event.Kind {
		case inspect.Secret:
			secrets = append(secrets, event)
		case inspect.Opened, inspect.Captured, inspect.Ended:
			rec.Append(event)
		}
	}
	s := inspect.NewSession(rec)
	s.Extend()
	var out strings.Builder
	w := report.Text{Patience: time.Nanosecond}.Writer(&out)
	if err := w.Extend(s); err != nil {
		t.Fatal(err)
	}
	before := out.String()
	for _, secret := range secrets {
		rec.Append(secret)
	}
	s.Extend()
	if err := errors.Join(w.Extend(s), w.Close(s)); err != nil {
		t.Fatal(err)
	}
	again, now := strings.TrimPrefix(out.String(), before), 0
	for _, item := range s.Items() {
		if item.Kind == inspect.RecordItem && item.Lane == inspect.Sent && item.Record.Decrypted {
			now++
		}
	}
	if want := fmt.Sprintf("Secrets that came later open %d records that could not be read above:\n", now); !strings.Contains(again, want) || now < 5 {
		t.Errorf("no %q in\n%s", want, again)
	}
	for _, want := range []string{"holds encrypted_extensions", "in clear: \"", "verified "} {
		if strings.Contains(before, want) || strings.Count(again, want) == 0 {
			t.Errorf("%q: %d times at first, %d at the end", want, strings.Count(before, want), strings.Count(again, want))
		}
	}
	if text := told(t, report.Text{}, s); strings.Contains(text, "came later") {
		t.Error("what was read in time is told again")
	}
}

func TestTextAndTableCountTheRowsAlikeAndAnAlertStandsInThatOfItsRecord(t *testing.T) {
	for _, name := range sessions {
		s := inspect.NewSession(recordingOf(load(t, name)...))
		s.End()
		var table strings.Builder
		if err := report.CSV(&table, s); err != nil {
			t.Fatal(err)
		}
		rows := make(map[*inspect.Record]int)
		last := 0
		for i, item := range s.Items() {
			if !strings.HasPrefix((report.Text{}).Sentence(s, i+1), fmt.Sprintf("#%d ", item.Row)) {
				t.Errorf("%s: item %d is told as %s", name, i, (report.Text{}).Sentence(s, i+1))
			}
			switch {
			case !item.HasRow():
				if want, ok := rows[item.Record]; ok && item.Row != want {
					t.Errorf("%s: an alert has row %d, its record %d", name, item.Row, want)
				}
				continue
			case item.Row != last+1:
				t.Errorf("%s: row %d follows %d", name, item.Row, last)
			}
			last = item.Row
			if item.Kind == inspect.RecordItem {
				rows[item.Record] = item.Row
				if !strings.Contains(table.String(), fmt.Sprintf("\n%d,%d,", item.Row, item.Conn)) {
					t.Errorf("%s: the table has no row %d", name, item.Row)
				}
			}
		}
	}
}

func TestTextThatIsNoTLSIsReadAndOtherBytesAreExplained(t *testing.T) {
	for said, want := range map[string][2]string{
		"S": {
			"#1 server → client: 1 byte of text, not TLS.\n  in clear: \"S\"\n  as sent: 53\n",
			"#1 servidor → cliente: 1 byte de texto, fora do TLS.\n  em claro: \"S\"\n  como foi enviado: 53\n",
		},
		"220 olá\r\n": {
			"#1 server → client: 10 bytes of text, not TLS.\n  in clear: \"220 olá\\r\\n\"\n  as sent: 32 32 30 20 6f 6c c3 a1 0d 0a\n",
			"#1 servidor → cliente: 10 bytes de texto, fora do TLS.\n  em claro: \"220 olá\\r\\n\"\n  como foi enviado: 32 32 30 20 6f 6c c3 a1 0d 0a\n",
		},
		"\x00": {
			"#1 server → client: 1 byte, not TLS: a record begins with its content type, and 0x00 is none.\n  as sent: 00\n",
			"#1 servidor → cliente: 1 byte, fora do TLS: um registro começa pelo seu tipo de conteúdo, e 0x00 não é nenhum deles.\n  como foi enviado: 00\n",
		},
		"hi\x1b[2J": {
			"#1 server → client: 6 bytes, not TLS: a record begins with its content type, and 0x68 is none.\n  as sent: 68 69 1b 5b 32 4a\n",
			"#1 servidor → cliente: 6 bytes, fora do TLS: um registro começa pelo seu tipo de conteúdo, e 0x68 não é nenhum deles.\n  como foi enviado: 68 69 1b 5b 32 4a\n",
		},
	} {
		s := inspect.NewSession(recordingOf(
			inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: inspect.ProtocolTLS}},
			inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: []byte(said), N: len(said)},
		))
		for i, lang := range []string{"en", "pt-BR"} {
			text := report.Text{Say: docs.For(lang)}
			if got := text.Sentence(s, 1) + text.Streams(s, 1); got != want[i] {
				t.Errorf("%q, want %q", got, want[i])
			}
		}
	}
}
