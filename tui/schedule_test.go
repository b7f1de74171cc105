package tui

import (
	"crypto/tls"
	"os/exec"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/needs"
	"github.com/charmbracelet/x/ansi"
)

// handshakeSecret is what RFC 8448 section 3 prints.
const handshakeSecret = "1d c8 26 e9 36 06 aa 6f dc 0a ad c1 2f 74 1b 01 04 6a a6 b9 9f 69 1e d2"

func TestTheKeyScheduleIsATreeOfValuesAsFarAsTheStepKnowsThem(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.size(200, 60)
	s.press("D")
	s.shows("▌ PSK", "↓ early_secret", "+ (EC)DHE shared secret", "▾↓ handshake_secret                    1d c8 26 e9", "├╴▾client_handshake_traffic_secret", "└╴▾resumption_master_secret", "└╴ PSK (of ticket 1)",
		"Finished (server)", "✓ verified")
	s.press("D", "home", "D")
	s.shows("The key schedule begins with the ServerHello")
	s.press(".", ".")
	s.shows("handshake_secret                    1d c8 26 e9")
	if !strings.Contains(s.text(), "resumption_master_secret            not known yet at this step") {
		t.Errorf("the resumption secret is known before the Finished of the client:\n%s", s.text())
	}
	s.hides("✓ verified")
}

func TestTheSelectedValueIsToldWithFormulaInputsAndMessages(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.press("D", "down", "down", "down", "down")
	s.shows("▌▾↓ handshake_secret", handshakeSecret, "= HKDF-Extract(salt = derived, IKM = (EC)DHE)", "RFC 8446 section 7.1")
	s.press("down", "enter")
	s.shows("client_handshake_traffic_secret", `= Derive-Secret(handshake_secret, "c hs traffic", ClientHello...ServerHello)`,
		"over 2 messages: ClientHello, ServerHello")
	s.press("esc")
	s.shows("▌├╴▸client_handshake_traffic_secret")
	s.press("right", "down")
	s.shows("▌│ ├╴ [sender]_write_key")
	s.press("left", "left")
	s.shows("▌├╴▸client_handshake_traffic_secret")
	s.press("left")
	s.shows("▌▾↓ handshake_secret")
}

func TestTheMessageThatAValueCoversIsAKeyAway(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.press("D", "o")
	s.shows("This value covers no message.")
	s.press("down", "down", "down", "down", "down", "o")
	s.shows("▌ 2 handshake, master ║◀─ ServerHello")
	s.press("D")
	for s.m.branches()[s.m.selectedBranch(s.m.branches())].proof == nil {
		s.press("down")
	}
	s.press("down", "o") // the CertificateVerify comes after the sign of a downgrade
	if s.m.mode != onLadder || s.m.streams.sel.row != 2 {
		t.Errorf("mode %d, row %d, want the ladder at the server's flight:\n%s", s.m.mode, s.m.streams.sel.row, s.text())
	}
}

// What stands on the screen is copied line by line, with whatever blanks the terminal kept, and run.
func TestACommandThatIsCopiedFromTheScreenPrintsItsValue(t *testing.T) {
	needs.Program(t, "openssl")
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		s := open(t, Options{Recording: traces(t, "1-rtt", "0-rtt")})
		s.size(size[0], size[1])
		s.press("D")
		ran := 0
		for _, b := range s.m.branches() {
			if b.value == nil || b.value.Command == "" {
				continue
			}
			var copied []string
			for _, line := range s.m.commandLines(b.value.Command, s.m.w) {
				copied = append(copied, ansi.Strip(line))
			}
			if size[0] == 60 && ran > 4 {
				break
			}
			printed, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(copied, "\n")).Output()
			if err != nil {
				t.Fatalf("%v:\n%s", err, strings.Join(copied, "\n"))
			}
			if got, want := hexOnly(string(printed)), hexOnly(spaced(b.value.Bytes)); got != want {
				t.Errorf("%s: printed %s, want %s", b.value.Name, got, want)
			}
			ran++
		}
		if ran < 5 {
			t.Errorf("%d columns: only %d commands", size[0], ran)
		}
	}
}

func hexOnly(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return r
		}
		return -1
	}, s))
}

func spaced(b []byte) string { return hexRun(b, 3*len(b), "") }

func TestALongCommandIsBrokenWhereAShellJoinsItAgain(t *testing.T) {
	for _, command := range []string{
		`openssl kdf -keylen 32 -kdfopt hexkey:` + strings.Repeat("0123456789abcdef", 20) + ` HKDF`,
		`printf '%s a long text between quotes %s\n' ` + strings.Repeat("ab", 70) + ` | od -An -v -tx1 | tr -d ' \n'`,
		`short`,
	} {
		for w := 40; w <= 200; w++ {
			whole, lines := "", shellLines(command, w)
			for i, line := range lines {
				if len(line) > w {
					t.Fatalf("%d columns: %q is too long", w, line)
				}
				if i == len(lines)-1 {
					whole += line
					break
				}
				if len(line) != w || !strings.HasSuffix(line, `\`) {
					t.Fatalf("%d columns: %q does not end in a backslash at the edge", w, line)
				}
				kept := strings.TrimSuffix(line, `\`)
				whole += kept
				if strings.Count(whole, "'")%2 == 1 {
					t.Fatalf("%d columns: broken between quotes: %q", w, line)
				}
			}
			if got, want := strings.Join(strings.Fields(whole), " "), strings.Join(strings.Fields(command), " "); got != want {
				t.Fatalf("%d columns: joined again it is %q", w, got)
			}
		}
	}
}

func TestARecordTellsWhatItIsProtectedWith(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.press("home", "right", "right", "right", "S")
	s.shows("protection of the record: handshake key, record 0", "[sender]_write_key", "nonce 5d313eb2671276ee13000b30", "additional_data 17030302a2")
	for range 5 {
		s.press("down")
	}
	s.shows("▌├╴ nonce", "server_write_iv XOR sequence number")
	s.press("e")
	s.shows("5d 31 3e b2 67 12 76 ee 13 00 0b 30", "sequence number  00 00 00 00 00 00 00 00", "printf")
	s.press("esc", "esc", "left", "S")
	s.hides("protection of the record")
}

func TestWhereTheWireIsAlteredEachSideHasItsOwnKeySchedule(t *testing.T) {
	s := open(t, Options{Recording: altered(t, echoStage{}, func(u inspect.Unit) int {
		if u.From == inspect.Client && u.Bytes[5] == 0x01 {
			return 5 + 4 + 2 + 32 + 1 // the session ID of the ClientHello
		}
		return -1
	})})
	s.size(200, 60)
	s.press("L")
	s.ladderHas("│── ClientHello ─", "✗")
	s.ladderHas("altered: ClientHello ─", "▶│")
	s.press("D")
	s.shows("key schedule of the client", "s: that of the server")
	s.press("s")
	s.shows("key schedule of the server", "s: that of the client")
}

func TestAProofThatIsRefutedSaysSoWithASign(t *testing.T) {
	for ascii, sign := range map[bool]string{false: "✗", true: "(NO)"} {
		s := open(t, Options{ASCII: ascii, Recording: altered(t, echoStage{version: tls.VersionTLS12}, func(u inspect.Unit) int {
			if u.From == inspect.Server && u.Bytes[5] == 0x0c {
				return len(u.Bytes) - 1 // the signature of the ServerKeyExchange
			}
			return -1
		})})
		s.size(120, 40)
		s.press("L")
		s.ladderHas("altered: ServerKeyExchange " + sign)
		for !strings.Contains(s.text(), "ServerKeyExchange in clear") {
			s.press("up", "tab")
			if s.m.mode == onLadder {
				continue
			}
			s.shows("in clear")
			if !strings.Contains(s.text(), "ServerKeyExchange in clear") {
				s.press("esc")
			}
		}
		s.shows(sign + " refuted")
		s.press("e")
		s.shows(sign + " refuted: the signature does not fit the key")
		s.press("esc", "D")
		s.shows("ServerKeyExchange", sign+" refuted")
	}
}

// altered is the recording of a session in which each unit loses a bit on the wire at the place that where returns; -1
// leaves it as it is.
func altered(t *testing.T, stage echoStage, where func(inspect.Unit) int) *inspect.Recording {
	t.Helper()
	tap := inspect.NewTap()
	tap.Gate = flipper(where)
	play, err := stage.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	play.Do(t.Context(), "create a b") // fails
	play.Close()
	return tap.Recording()
}

// A flipper says where it flips a bit of a unit.
type flipper func(inspect.Unit) int

func (f flipper) Captured(w inspect.Wire, u inspect.Unit) {
	at := f(u)
	if at < 0 {
		w.Forward(u.ID)
		return
	}
	changed := append([]byte(nil), u.Bytes...)
	changed[at] ^= 1
	w.Send(u.From, changed, u.ID)
}

func (f flipper) Ended(inspect.Wire, inspect.Side) {}

func TestHomeAndEndMoveInTheListThatHasTheFocusAndTimeStandsStill(t *testing.T) {
	for _, keys := range [][2]string{{"home", "end"}, {"g", "G"}} {
		s := open(t, Options{Recording: traces(t, "1-rtt")})
		at := s.m.time.at
		s.press("D", keys[1])
		s.shows("▌└╴ Finished (client)")
		s.press(keys[0])
		s.shows("▌ PSK")
		s.press("D", "L", "home", "right", "enter", keys[1])
		if last := len(s.m.detail.nodes) - 1; s.m.detail.sel != last || last == 0 {
			t.Errorf("%s selects field %d, want %d", keys[1], s.m.detail.sel, last)
		}
		s.press(keys[0])
		if s.m.detail.sel != 0 || s.m.time.at != 1 {
			t.Errorf("%s selects field %d at step %d, want the first at step 1", keys[0], s.m.detail.sel, s.m.time.at)
		}
		s.press("?", keys[1])
		s.shows(s.m.say("tui_sign_bracket"))
		s.press(keys[0])
		s.shows(s.m.keyNames("→ l"))
		s.press("esc", "esc", "end")
		if s.m.time.at != at {
			t.Errorf("step %d, want %d: in the ladder End goes to the present", s.m.time.at, at)
		}
		s.press("up", "up", "up", "end")
		if row, last := s.m.streams.sel.row, s.m.time.visible()-1; row != last {
			t.Errorf("in the present End leaves row %d selected, want %d", row, last)
		}
	}
}

func TestAValueThatIsNotKnownLeadsToTheGlassBoxWhereThereCanBeOne(t *testing.T) {
	lab := finished(t, Options{})
	opened := open(t, Options{Recording: lab.m.time.session.Recording()})
	for _, s := range []*screen{lab, opened} {
		s.size(80, 40)
		s.press("end", "D", "down", "down", "down")
		s.shows("▌ + (EC)DHE shared secret", "Not known: no private key of the key exchange is in the recording.")
	}
	hint := "tlslab lab --glass-box"
	lab.shows(hint)
	opened.hides(hint)
	lab.press("down")
	lab.shows("▌▾↓ handshake_secret", hint)
	lab.press("down")
	lab.shows("_handshake_traffic_secret")
	lab.hides(hint)
}

func TestAProtectionIsExplainedAsAWhole(t *testing.T) {
	for lang, want := range map[string]string{"en": "What this one record is protected with", "pt-BR": "Com que este registro é protegido"} {
		s := open(t, Options{Lang: lang, Recording: traces(t, "1-rtt")})
		s.size(120, 50)
		s.press("home", "right", "right", "right", "S")
		s.shows(want, s.m.cite("RFC 8446 section 5.2"))
	}
}
