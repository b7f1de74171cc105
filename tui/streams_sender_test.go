package tui

import (
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

func TestWhatNobodyKnowsTheSenderOfHasNoArrow(t *testing.T) {
	for _, unknown := range []bool{true, false} {
		recording := new(inspect.Recording)
		recording.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Bare: true, SenderUnknown: unknown}})
		recording.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: []byte("\x15\x03\x03\x00\x02\x02\x28"), N: 7})
		recording.Append(inspect.Event{Kind: inspect.Noted, Cause: -1, Note: &inspect.Reason{Key: "capture_form_hex"}})
		s := open(t, Options{Recording: recording})
		s.press("end")
		if unknown {
			s.shows("? 1 rec 7 B")
			s.hides("→ 1 rec")
			s.hides("client:")
		} else {
			s.shows("→ 1 rec 7 B")
		}
		s.shows("2  □ Note: read as hex digits") // by nobody
		row := ""
		for line := range strings.Lines(s.text()) {
			if strings.Contains(line, "handshake_failure") {
				row = line
				break
			}
		}
		if got := !strings.Contains(row, "→") && strings.Contains(row, "1 ?"); got != unknown {
			t.Errorf("unknown %v: %q in\n%s", unknown, row, s.text())
		}
		s.press("L")
		if got := strings.Contains(s.text(), "▶"); got == unknown {
			t.Errorf("unknown %v: the ladder\n%s", unknown, s.text())
		}
		s.shows("│ □ Note: read as hex digits")
	}
}
