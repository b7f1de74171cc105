package tui

import (
	"regexp"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

// atClientHello opens a screen on a session with Encrypted Client Hello, its cursor behind the ClientHello.
func atClientHello(t *testing.T, o Options, w, h int) *screen {
	t.Helper()
	o.Stage = echoStage{ech: echkey.Common(t)}
	s := finished(t, o)
	s.size(w, h)
	s.press("home", "right")
	return s
}

// lineOf returns the first line of the screen that has the text.
func (s *screen) lineOf(text string) string {
	for line := range strings.Lines(s.text()) {
		if strings.Contains(line, text) {
			return strings.TrimRight(line, " \n")
		}
	}
	return ""
}

func TestTheOuterAndTheInnerClientHelloStandSideBySideWhereThereIsRoom(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		say := docs.For(lang).Say
		s := atClientHello(t, Options{Lang: lang}, 160, 60)
		s.shows(say("tui_subject_comparison"), say("tui_ech_outer"), say("tui_ech_inner"), say("tui_ech_about")[:40])
		for _, want := range []string{
			`≠ server_name +│ host_name \(0x00\), public\.example +│ host_name \(0x00\), kvs\.lab$`,
			`« key_share +│ X25519MLKEM768 .*│ ` + say("tui_ech_copied_short") + `$`,
			`= cipher_suites +│ TLS_.*│ TLS_`,
			`≠ random +│ [0-9a-f]{40}.*│ [0-9a-f]{40}`,
			`≠ encrypted_client_hello +│ outer \(0x00\).*│ inner \(0x01\)$`,
			`« legacy_session_id `,
		} {
			name := strings.Fields(want)[1]
			if line := s.lineOf(" " + name + " "); !regexp.MustCompile(want).MatchString(line) {
				t.Errorf("%s: %s stands as %q, not as %q", lang, name, line, want)
			}
		}
		s.press("tab", "down", "down")
		s.shows(say("tui_ech_unlike"), say("tui_ech_why_random")[:40])
	}
}

func TestOnANarrowScreenTheTwoValuesOfWhatDiffersStandOneUnderTheOther(t *testing.T) {
	s := atClientHello(t, Options{}, 80, 40)
	s.press("tab")
	s.shows("≠ server_name", "├╴ outer, in clear host_name (0x00), public.example", "└╴ inner, encrypted host_name (0x00), kvs.lab", "« key_share X25519MLKEM768")
	s.press("down", "down", "enter")
	s.shows("the field", "nobody on the path", "outer, in clear:", "inner, encrypted:")
	s.press("esc")
	s.size(160, 40)
	s.shows("outer, in clear", "inner, encrypted")
	s.hides("├╴ outer, in clear host_name")
}

func TestTheInnerClientHelloIsASubjectOfItsOwnAsItCountsAndAsItWasEncrypted(t *testing.T) {
	s := atClientHello(t, Options{}, 120, 50)
	for _, want := range []string{"ClientHelloInner, opened, ", "EncodedClientHelloInner, as encrypted, ", "what the inner ClientHello was encrypted with", "the record as sent, ", "ClientHello in clear, ", "outer and inner ClientHello"} {
		s.press("s")
		s.shows(want)
	}
	s.press("esc", "tab", "tab") // a comparison has no bytes to move in
	if s.m.mode == onHex {
		t.Error("the keys are with bytes that are not there")
	}
	s.press("s", "tab")
	if s.m.mode != onHex {
		t.Fatal("the keys are not with the bytes")
	}
	s.press("S")
	if s.m.mode == onHex {
		t.Error("the keys stay with bytes that are not there any more")
	}
}

func TestEachValueThatTheInnerClientHelloWasEncryptedWithHasItsFormula(t *testing.T) {
	s := atClientHello(t, Options{}, 120, 50)
	s.press("s", "s", "s", "tab")
	for _, want := range []string{"DH(skR, pkE)", "LabeledExtract(shared_secret", "LabeledExpand(secret, \"key\"", "base_nonce XOR sequence number"} {
		found := false
		for range 12 {
			if found = found || strings.Contains(s.text(), want); found {
				break
			}
			s.press("down")
		}
		if !found {
			t.Errorf("%q is not there:\n%s", want, s.text())
		}
	}
}

func TestAnInnerClientHelloThatNobodyCanOpenIsShownAsWhatItIsWithTheReason(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		say := docs.For(lang).Say
		opened := atClientHello(t, Options{Lang: lang}, 160, 60)
		closed := new(inspect.Recording)
		for e := range opened.m.time.session.Recording().Events(0) {
			if e.Kind != inspect.Secret {
				closed.Append(e)
			}
		}
		s := open(t, Options{Lang: lang, Recording: closed})
		s.size(160, 60)
		s.press("home", "right", "s")
		s.shows(say("tui_subject_sealed"), say("reason_inner_no_key"), say("field_ech_payload")[:40])
		s.press("tab", "tab", "right")
		if s.m.mode != onHex {
			t.Error("there are no bytes to move in")
		}
	}
}

func TestTheHeaderSaysWhatBecameOfECH(t *testing.T) {
	s := atClientHello(t, Options{}, 120, 40)
	s.shows("server public.example · ECH offered")
	s.press("right")
	s.shows("server kvs.lab · ECH accepted, in clear public.example")
	s.size(80, 24)
	s.shows("server kvs.lab · ECH accepted ")
	for status, want := range map[inspect.ECHStatus]string{
		inspect.ECHNotOffered: "", inspect.ECHRejected: "not accepted", inspect.ECHGrease: "never meant (GREASE)",
	} {
		if got := s.m.echFact(inspect.State{ECH: status}, 120); got != want {
			t.Errorf("%s: %q", status, got)
		}
	}
}
