package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

// heldUp is a gated connection without TLS: of what the client wrote, the first unit went on by itself, the second was
// dropped, the third was altered; then the client had enough.
func heldUp() *inspect.Session {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	client := func(kind inspect.EventKind, after time.Duration, cause int, text string) inspect.Event {
		return inspect.Event{Kind: kind, Time: at.Add(after), Cause: cause, Bytes: []byte(text)}
	}
	return inspect.NewSession(recordingOf(
		inspect.Event{Kind: inspect.Opened, Time: at, Cause: -1, Opening: &inspect.Opening{
			Protocol: "lines", Speaks: inspect.Lines, Ours: [2]bool{true, true}, Gated: true,
		}},
		client(inspect.Wrote, 0, -1, "one\ntwo\nten\n"),
		client(inspect.Captured, 0, -1, "one\n"),
		client(inspect.Captured, 0, -1, "two\n"),
		client(inspect.Captured, 0, -1, "ten\n"),
		inspect.Event{Kind: inspect.Expired, Time: at.Add(time.Minute), Cause: 2},
		inspect.Event{Kind: inspect.Forwarded, Time: at.Add(time.Minute), Cause: 2},
		inspect.Event{Kind: inspect.Dropped, Time: at.Add(time.Minute), Cause: 3},
		client(inspect.Altered, time.Minute, 4, "tea\n"),
		inspect.Event{Kind: inspect.Read, Side: inspect.Server, Time: at.Add(time.Minute), Cause: -1, Bytes: []byte("one\ntea\n")},
		inspect.Event{Kind: inspect.Silent, Time: at.Add(2 * time.Minute), Cause: -1, N: 1500},
		inspect.Event{Kind: inspect.Ended, Time: at.Add(2 * time.Minute), Cause: -1, How: inspect.EndOfFile},
		inspect.Event{Kind: inspect.Failed, Side: inspect.Server, Time: at.Add(2 * time.Minute), Cause: -1, Err: &inspect.EndpointError{Op: "read", Text: "bad \x1b"}},
	))
}

func TestJSONTellsWhatRanOutOfTimeAndWhatBothEndpointsMadeOfIt(t *testing.T) {
	lines := jsonLines(t, heldUp())
	none := `{"records":0,"bytes":0}`
	for _, want := range []string{
		`{"kind":"expired","conn":0,"dir":"client","seq":0,"time":"2026-11-21T12:01:00.000000000Z"}`,
		`{"kind":"endpoint","conn":0,"side":"client","first_to_notice":false,"errors":[],"alerts":[],"silences":[1500],"waited":120000,` +
			`"wrote":12,"read":0,"text":"whole","not_received":{"held":` + none + `,"altered":` + none + `,"dropped":` + none + `,"undeliverable":` + none + `},` +
			`"ended":"end of file","peer_ended":null}`,
		`{"kind":"endpoint","conn":0,"side":"server","first_to_notice":true,"errors":["bad \\x1b"],"alerts":[],"silences":[],"waited":null,` +
			`"wrote":0,"read":8,"text":"different","not_received":{"held":` + none + `,"altered":{"records":1,"bytes":4},"dropped":{"records":1,"bytes":4},"undeliverable":` + none + `},` +
			`"ended":null,"peer_ended":null}`,
	} {
		if !strings.Contains(lines, want+"\n") {
			t.Errorf("there is no line\n%s\nin\n%s", want, lines)
		}
	}
}

func TestTextTellsWhatRanOutOfTimeAndWhatBothEndpointsMadeOfIt(t *testing.T) {
	for lang, want := range map[string]string{
		"en": `What both sides made of it: the server was the first to notice something.
The client: it met no error; it waited 2m0s in vain, then it gave up.
The server: it failed: bad \x1b; its program read 8 bytes, of which only the first 5 are as the other wrote them; 1 record for it was altered; 1 record for it was dropped (4 bytes).
`,
		"pt-BR": `O que os dois lados acharam: o servidor foi o primeiro a perceber algo.
O cliente: não teve erro; esperou 2m0s em vão, então desistiu.
O servidor: falhou: bad \x1b; seu programa leu 8 bytes, dos quais só os primeiros 5 são como o outro escreveu; 1 registro para ele foi alterado; 1 registro para ele foi descartado (4 bytes).
`,
	} {
		text := report.Text{Say: docs.For(lang)}
		if diff := cmp.Diff(want, text.Verdict(heldUp(), 0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", lang, diff)
		}
		told := told(t, text, heldUp())
		if !strings.HasSuffix(told, want) || !strings.Contains(told, "client → server: nobody decided in time") && lang == "en" {
			t.Errorf("%s: %s", lang, told)
		}
	}
}

func TestWithoutAGateThereIsNoVerdict(t *testing.T) {
	s := inspect.NewSession(recordingOf(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}}))
	if got := fmt.Sprint(report.Text{}.Verdict(s, 0), jsonLines(t, s)); strings.Contains(got, "endpoint") || strings.Contains(got, "made of it") {
		t.Error(got)
	}
}
