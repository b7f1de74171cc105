package capture_test

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

func TestWhatTheSnapLengthCutOffIsToldFromWhatWasLost(t *testing.T) {
	file := written(t, inMemory(t, tls.VersionTLS13, []string{strings.Repeat("0123456789abcdef", 500)}))
	lost := packets(file, func(i int, packet []byte) []byte {
		if i == 12 {
			return nil
		}
		return packet
	})
	for name, test := range map[string]struct {
		file    []byte
		reasons []string
		told    string
	}{
		"all of it":           {file, nil, ""},
		"one lost":            {lost, []string{""}, ""},
		"one lost, rewritten": {written(t, read(t, lost)), []string{""}, ""},
		"cut off": {
			packets(file, snapped(120)),
			[]string{"the capture kept only the beginning of the packet (snap length)"},
			"the capture kept 120 bytes of each packet (snap length), and what came behind them is missing; capture again with -s 0, which keeps all",
		},
		"the headers alone": {
			packets(file, headers),
			[]string{"the capture kept only the beginning of the packet (snap length)"},
			"the capture kept 54 bytes of each packet (snap length), and what came behind them is missing; capture again with -s 0, which keeps all",
		},
	} {
		rec, err := capture.Read(bytes.NewReader(test.file))
		if got := errorText(err); got != test.told {
			t.Errorf("%s: it says %q", name, got)
		}
		var reasons []string
		for _, item := range inspect.NewSession(rec).Items() {
			if item.Kind == inspect.GapItem && (len(reasons) == 0 || reasons[len(reasons)-1] != item.Reason) {
				reasons = append(reasons, item.Reason)
			}
		}
		if diff := cmp.Diff(test.reasons, reasons); diff != "" {
			t.Errorf("%s: why bytes are missing (-want +got):\n%s", name, diff)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A frame of Ethernet is filled up to 60 bytes, which are none of the connection's.
func TestASingleMissingByteIsMissingWhenItIsReadAgain(t *testing.T) {
	for _, snapped := range []bool{true, false} {
		rec := new(inspect.Recording)
		event := func(e inspect.Event) {
			e.Time, e.Cause = time.Unix(1, 0), -1
			rec.Append(e)
		}
		event(inspect.Event{Kind: inspect.Opened, Opening: &inspect.Opening{Protocol: "tls"}})
		event(inspect.Event{Kind: inspect.Captured, Bytes: []byte("a")})
		event(inspect.Event{Kind: inspect.Captured, N: 1, Snapped: snapped})
		event(inspect.Event{Kind: inspect.Captured, Bytes: []byte("b")})
		again := readDamaged(t, written(t, rec))
		if diff := cmp.Diff(toldOfGaps(rec), toldOfGaps(again)); diff != "" {
			t.Errorf("snapped %v (-saved +opened again):\n%s", snapped, diff)
		}
	}
}

func TestAConnectionThatHadBegunBeforeTheCaptureIsSavedAsOne(t *testing.T) {
	file := written(t, inMemory(t, tls.VersionTLS12, []string{"create nome ana\n"}))
	late := packets(file, func(i int, packet []byte) []byte {
		if i < 8 {
			return nil
		}
		return packet
	})
	for name, test := range map[string]struct {
		file []byte
		late bool
	}{"whole": {file, false}, "late": {late, true}, "late, saved and read again": {written(t, read(t, late)), true}} {
		for e := range read(t, test.file).Events(0) {
			if e.Kind == inspect.Opened && e.Opening.Late != test.late {
				t.Errorf("%s: that it had begun before is %v", name, e.Opening.Late)
			}
		}
	}
}
