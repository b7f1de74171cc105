package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

// masked is a protocol of lines, each of which is encrypted: the first byte of the key is added to all of its bytes
// but the last.
type masked struct{}

func (masked) Name() string           { return "masked" }
func (masked) Reader() inspect.Reader { return new(maskedReader) }

type maskedReader [2]inspect.LineCutter

func (r *maskedReader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	return r[from].Next(b), maskedUnit{}
}
func (r *maskedReader) Rest(inspect.Side, []byte) inspect.Reading { return nil }

type maskedUnit struct{}

func (maskedUnit) Name() string { return "secret\x1b" } // nothing may reach a terminal as it is
func (maskedUnit) Text() bool   { return true }

func (maskedUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "unit", "", func(d *inspect.Dissector) { d.Bytes("unit.box", len(b), "") })
}

func (maskedUnit) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	keys := secrets("MASK", []byte("one"))
	if len(keys) == 0 {
		return nil, inspect.Reason{Key: "unit_no_secret"}
	}
	clear := bytes.Clone(b)
	for i := range clear[:len(clear)-1] {
		clear[i] -= keys[0].Bytes[0]
	}
	return clear, inspect.Reason{}
}

func (maskedUnit) ClearFields(clear []byte) inspect.Field {
	return inspect.Dissect(clear, "unit", "", func(d *inspect.Dissector) { d.Text("unit.text", len(clear)) })
}

func unitEvents(protocol inspect.Protocol, gated bool, more ...inspect.Event) *inspect.Session {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	events := append([]inspect.Event{{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: protocol.Name(), Speaks: protocol, Gated: gated}}}, more...)
	for i := range events {
		events[i].Time = at
	}
	return inspect.NewSession(recordingOf(events...))
}

// unitLines returns the lines of kind unit.
func unitLines(t *testing.T, s *inspect.Session) (lines []string) {
	t.Helper()
	for line := range strings.Lines(jsonLines(t, s)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
		if strings.HasPrefix(line, `{"kind":"unit"`) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func TestUnitsHaveLinesOfTheirOwn(t *testing.T) {
	s := unitEvents(inspect.Lines, true,
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("one\n")},
		inspect.Event{Kind: inspect.Altered, Cause: 1, Bytes: []byte("two\n")},
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("x\n")},
		inspect.Event{Kind: inspect.Dropped, Cause: 3},
	)
	const when = `"time":"2026-11-21T12:00:00.000000000Z"`
	want := []string{
		`{"kind":"unit","conn":0,"protocol":"lines","dir":"client","lane":"sent","seq":0,` + when + `,"name":"line","text":true,"length":4,"raw":"6f6e650a",` +
			`"truncated":false,"encrypted":false,"decrypted":false,"plaintext":"6f6e650a","fields":[` +
			`{"name":"text","offset":0,"length":3,"value":"one","rfc":"","children":[]},{"name":"end","offset":3,"length":1,"value":"\\n","rfc":"","children":[]}],"clear_fields":[]}`,
		`{"kind":"unit","conn":0,"protocol":"lines","dir":"client","lane":"received","verdict":"altered","seq":0,"sent_seq":0,` + when +
			`,"name":"line","text":true,"length":4,"raw":"74776f0a","truncated":false,"encrypted":false,"decrypted":false,"plaintext":"74776f0a","fields":[` +
			`{"name":"text","offset":0,"length":3,"value":"two","rfc":"","children":[]},{"name":"end","offset":3,"length":1,"value":"\\n","rfc":"","children":[]}],"clear_fields":[]}`,
		`{"kind":"unit","conn":0,"protocol":"lines","dir":"client","lane":"sent","seq":1,` + when + `,"name":"line","text":true,"length":2,"raw":"780a",` +
			`"truncated":false,"encrypted":false,"decrypted":false,"plaintext":"780a","fields":[` +
			`{"name":"text","offset":0,"length":1,"value":"x","rfc":"","children":[]},{"name":"end","offset":1,"length":1,"value":"\\n","rfc":"","children":[]}],"clear_fields":[]}`,
		`{"kind":"unit","conn":0,"protocol":"lines","dir":"client","lane":"received","verdict":"dropped","seq":null,"sent_seq":1,` + when +
			`,"name":"line","text":true,"length":2,"raw":"","truncated":false,"encrypted":false,"decrypted":false,"plaintext":null,"fields":[],"clear_fields":[]}`,
	}
	if got := unitLines(t, s); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAnEncryptedUnitIsToldWithItsClearTextOrTheReason(t *testing.T) {
	sealed := inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("dqd\n")}
	key := inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{
		Origin: inspect.ClientLog, Label: "MASK", ClientRandom: []byte("one"), Bytes: []byte{3},
	}}
	for name, c := range map[string]struct {
		session              *inspect.Session
		line, text, sentence string
	}{
		"opened": {
			unitEvents(masked{}, false, key, sealed),
			`"encrypted":true,"decrypted":true,"plaintext":"616e610a","fields":[{"name":"box","offset":0,"length":4,"value":"6471640a","rfc":"","children":[]}],"clear_fields":[{"name":"text","offset":0,"length":4,"value":"ana\\n"`,
			`  in clear: "ana\n"`,
			`client -> server: secret\x1b, 4 bytes, encrypted; bytes in clear that it holds: 4.`,
		},
		"closed": {
			unitEvents(masked{}, false, sealed),
			`"encrypted":true,"decrypted":false,"why":"the secret that it is encrypted with is not in the recording","plaintext":null,"fields":[{"name":"box"`,
			`  as sent: 64 71 64 0a`,
			`client -> server: secret\x1b, 4 bytes, encrypted, not decrypted: the secret that it is encrypted with is not in the recording.`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines := unitLines(t, c.session)
			if len(lines) != 1 || !strings.Contains(lines[0], c.line) || !strings.Contains(lines[0], `"name":"secret\\x1b"`) {
				t.Errorf("got %s\nwant in it %s", lines, c.line)
			}
			told := report.Text{Say: docs.For("en"), ASCII: true, Level: report.WithTrees}
			text := told.Item(c.session, 1)
			if !strings.Contains(text, c.sentence) || strings.ContainsRune(text, '\x1b') {
				t.Errorf("got %s\nwant in it %s", text, c.sentence)
			}
			if clear := name == "opened"; strings.Contains(text, "text, 4 bytes") != clear {
				t.Errorf("the tree of the clear text is told: %v\n%s", !clear, text)
			}
			told.Level = report.Streams
			if text := told.Item(c.session, 1); !strings.Contains(text, c.text) {
				t.Errorf("got %s\nwant in it %s", text, c.text)
			}
		})
	}
	var out bytes.Buffer
	writer := report.NewJSON(&out)
	writer.Extend(unitEvents(masked{}, false, sealed))
	if strings.Contains(out.String(), `"unit"`) {
		t.Errorf("a unit is told while its secret may come: %s", out.String())
	}
	keys := jsonLines(t, unitEvents(masked{}, false, key, sealed))
	if want := `"what":"schedule.protocol_secret","name":"MASK","value":"03","origin":"client's key log","logged":true`; !strings.Contains(keys, want) {
		t.Errorf("no line of the key in %s", keys)
	}
}

// short is a protocol of lengths, each of four characters, and of nothing else.
type short struct{}

func (short) Name() string                                     { return "short" }
func (short) Reader() inspect.Reader                           { return short{} }
func (short) Next(inspect.Side, []byte) (int, inspect.Reading) { return 4, shortUnit{} }
func (short) Rest(inspect.Side, []byte) inspect.Reading        { return nil }

type shortUnit struct{}

func (shortUnit) Name() string            { return "length" }
func (shortUnit) Text() bool              { return false }
func (shortUnit) Summary(b []byte) string { return string(bytes.TrimRight(b, "=")) }

func (shortUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "unit", "", func(d *inspect.Dissector) { d.Bytes("unit.box", len(b), "") })
}

func TestAShortUnitOfTheProtocolsOwnIsToldInOneLineWithAllOfItsBytes(t *testing.T) {
	sent := func(b string) *inspect.Session {
		return unitEvents(short{}, false, inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte(b)})
	}
	for _, c := range []struct{ lang, sent, want string }{
		{"en", "32==", "#1 client → server: length, 4 bytes, in clear: \"32==\".\n"},
		{"pt-BR", "32==", "#1 cliente → servidor: comprimento, 4 bytes, em claro: \"32==\".\n"},
		{"en", "3\n==", "#1 client → server: length, 4 bytes, in clear.\n  in clear: 3\\n\n  as sent: 33 0a 3d 3d\n\n"},
	} {
		if got := (report.Text{Say: docs.For(c.lang)}).Item(sent(c.sent), 1); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if got := (report.Text{Level: report.WithBytes}).Item(sent("32=="), 1); !strings.Contains(got, "33 32 3d 3d") {
		t.Errorf("no bytes in %q", got)
	}
}
