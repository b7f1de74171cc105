package report_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

// proofLines are the lines that tell proofs.
func proofLines(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "Proofs of") || strings.Contains(line, "Provas do") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// first returns the place of the client's first event of a kind.
func first(events []inspect.Event, kind inspect.EventKind) int {
	return slices.IndexFunc(events, func(e inspect.Event) bool { return e.Kind == kind && e.Side == inspect.Client })
}

// otherwise is a ClientHello whose last byte, which is of its key share, differs.
func otherwise(hello []byte) []byte {
	hello = bytes.Clone(hello)
	hello[len(hello)-1] ^= 1
	return hello
}

func TestProofsThatDoNotHoldAreToldWithTheReason(t *testing.T) {
	events := load(t, "tls13")
	hello := &events[first(events, inspect.Captured)]
	hello.Bytes = otherwise(hello.Bytes)
	s := inspect.NewSession(recordingOf(events...))
	for lang, want := range map[string]string{
		"en": "Proofs of the handshake: REFUTED certificate_verify (server): the signature does not fit the key and what it should be over; " +
			"REFUTED finished (server): the value differs from the one that the transcript gives; " +
			"REFUTED finished (client): the value differs from the one that the transcript gives; " +
			"not checkable certificate_chain (server): which roots the client trusts is not in the recording.\n",
		"pt-BR": "Provas do handshake: REFUTADA certificate_verify (servidor): a assinatura não corresponde à chave e ao que deveria assinar; " +
			"REFUTADA finished (servidor): o valor difere do que a transcrição dá; " +
			"REFUTADA finished (cliente): o valor difere do que a transcrição dá; " +
			"não verificável certificate_chain (servidor): em quais raízes o cliente confia não está na gravação.\n",
	} {
		if got := proofLines(told(t, report.Text{Say: docs.For(lang)}, s)); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}

func TestTheEndsThatProveDifferentThingsHaveALineEach(t *testing.T) {
	events := load(t, "tampered")
	sent, arrived := events[first(events, inspect.Captured)], &events[first(events, inspect.Forwarded)]
	arrived.Kind, arrived.Bytes, arrived.N = inspect.Altered, otherwise(sent.Bytes), len(sent.Bytes)
	got := proofLines(told(t, report.Text{}, inspect.NewSession(recordingOf(events...))))
	for _, want := range []string{
		"Proofs of the handshake, as the client has it: verified certificate_verify (server), finished (server), finished (client); not",
		"Proofs of the handshake, as the server has it: REFUTED certificate_verify (server): ",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestAProgramOfOthersIsNotSaidToHaveCheckedAnythingAndNobodyToCheckItsOwnCertificates(t *testing.T) {
	events := load(t, "tampered")
	sent, arrived := events[first(events, inspect.Captured)], &events[first(events, inspect.Forwarded)]
	arrived.Kind, arrived.Bytes, arrived.N = inspect.Altered, otherwise(sent.Bytes), len(sent.Bytes)
	opened := &events[first(events, inspect.Opened)]
	opening := *opened.Opening
	opening.Ours[inspect.Server] = false
	opened.Opening = &opening
	s := inspect.NewSession(recordingOf(events...))
	for lang, want := range map[string]string{
		"en":    "Proofs of the handshake, by the bytes that the server sent and got (it is someone else's program; what it checked is not known): ",
		"pt-BR": "Provas do handshake, pelos bytes que o servidor enviou e recebeu (é um programa alheio; o que ele verificou não é conhecido): ",
	} {
		lines := strings.SplitAfter(proofLines(told(t, report.Text{Say: docs.For(lang)}, s)), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "certificate_chain") || !strings.HasPrefix(lines[1], want) || strings.Contains(lines[1], "certificate_chain") {
			t.Errorf("got\n%s", strings.Join(lines, ""))
		}
	}
}

func TestTheProofsOfAConnectionThatDoesNotEndAreToldAtTheEndOfTheSession(t *testing.T) {
	events := slices.DeleteFunc(load(t, "tls13"), func(e inspect.Event) bool { return e.Kind == inspect.Ended && e.Side == inspect.Server })
	s := inspect.NewSession(recordingOf(events...))
	var out bytes.Buffer
	w := report.Text{Level: report.Sentences}.Writer(&out)
	w.Extend(s)
	if got := proofLines(out.String()); got != "" {
		t.Errorf("before the end: %s", got)
	}
	w.Close(s)
	if got := proofLines(out.String()); strings.Count(got, "verified certificate_verify (server)") != 1 {
		t.Errorf("at the end: %q", got)
	}
}

func TestASessionWithoutAHandshakeHasNoProofs(t *testing.T) {
	s := inspect.NewSession(recordingOf(
		inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}},
		inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28")},
	))
	if got := proofLines(told(t, report.Text{}, s)); got != "" {
		t.Errorf("got %s", got)
	}
}
