package tui

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"github.com/charmbracelet/x/ansi"
)

// rows returns the lines of the ladder as it is drawn, without their ends.
func (s *screen) ladderLines() []string {
	s.t.Helper()
	var lines []string
	for _, line := range s.m.ladderOrIntro(s.m.w, 200) {
		if text := strings.TrimRight(ansi.Strip(line), " "); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// has fails unless one line of the ladder has all of the words, in order.
func (s *screen) ladderHas(words ...string) {
	s.t.Helper()
	for _, line := range s.ladderLines() {
		at := 0
		for _, word := range words {
			i := strings.Index(line[at:], word)
			if i < 0 {
				at = -1
				break
			}
			at += i + len(word)
		}
		if at >= 0 {
			return
		}
	}
	s.t.Errorf("no line of the ladder has %q:\n%s", words, strings.Join(s.ladderLines(), "\n"))
}

func TestTheLadderShowsMessagesEpochsProofsAndWhatEachSideKnows(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt", "0-rtt")})
	s.size(80, 40)
	s.press("L", "C")
	s.ladderHas("1  ", "│── ClientHello ─", "▶│")
	s.ladderHas("handshake, master ║◀─ ServerHello ─", "─║ handshake, master")
	s.ladderHas("server_handshake_traffic_secret ═║")
	s.ladderHas("║◀═ EncryptedExtensions ═", "┐║")
	s.ladderHas("║◀═ CertificateVerify ✓ ═", "┤║")
	s.ladderHas("application, ║◀═ Finished ✓ ═", "┘┃ application,")
	s.ladderHas("║═ client_handshake_traffic_secret", "╌┃")
	s.ladderHas("resumption ┃══ Finished ✓ ═", "▶┃ resumption")
	s.ladderHas("PSK for later ┃◀━ NewSessionTicket ━")
	s.press("c")
	s.ladderHas("early ┆── ClientHello · binder ✓ ─", "▶│")
	s.ladderHas("┆┄ client_early_traffic_secret")
	s.ladderHas("┆◀─ ServerHello ─", "║ early, handshake,")
	s.ladderHas("║┄┄ EndOfEarlyData ┄", "▶┃")
	s.size(200, 60)
	s.ladderHas("early_secret ┆── ClientHello")
	s.ladderHas("client handshake key, from client_handshake_traffic_secret")
	s.ladderHas("2 messages in one record · handshake key, record 0 ·")
}

func TestTheLifelinesSayWhatTheHeadSays(t *testing.T) {
	glyphs := map[string]rune{"in clear": '│', "early keys": '┆', "handshake keys": '║', "application keys": '┃'}
	recordings := map[string]*inspect.Recording{
		"hello-retry-request": traces(t, "hello-retry-request"), "0-rtt": traces(t, "0-rtt"), "1-rtt": traces(t, "1-rtt"),
		"TLS 1.2": altered(t, echoStage{version: tls.VersionTLS12}, func(inspect.Unit) int { return -1 }),
	}
	for name, recording := range recordings {
		s := open(t, Options{Recording: recording})
		s.size(80, 60)
		s.press("L", "home")
		for s.m.time.at < len(s.m.time.steps) {
			s.press("right")
			lines := s.ladderLines()
			last := []rune(lines[len(lines)-1])
			p := s.m.plan(80)
			for side, at := range []int{p.number + p.margin + 1, p.number + p.margin + 2 + p.inner} {
				if item := s.m.time.item(s.m.time.visible() - 1); item.Kind != inspect.RecordItem {
					continue
				}
				epoch := s.m.epoch(s.m.time.state(s.m.conn(), inspect.Side(side)).Epoch[side])
				if last[at] != glyphs[epoch] && last[at] != '┊' { // not decided yet
					t.Errorf("%s, step %d: the head says of the %v %q, the lifeline %c:\n%s", name, s.m.time.at, inspect.Side(side), epoch, last[at], strings.Join(lines, "\n"))
				}
			}
		}
	}
}

func TestTheLadderShowsWhatTheStepHasBroughtAndNoMore(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.size(80, 40)
	s.press("L", "home", "right")
	s.ladderHas("│── ClientHello ─")
	s.hides("ServerHello ─", "handshake, master")
	s.press("right")
	s.ladderHas("handshake, master ║◀─ ServerHello ─", "║ handshake, master")
	s.hides("EncryptedExtensions ═", "application,", "Finished")
	s.press("right")
	s.ladderHas("◀═ Finished ✓")
	s.hides("resumption")
}

func TestSecretsThatComeLateDoNotShowBeforeTheyCome(t *testing.T) {
	r := new(inspect.Recording)
	for _, e := range secretsLast(traceEvents(t, "1-rtt", 0)) {
		r.Append(e)
	}
	s := open(t, Options{Recording: r})
	s.size(80, 40)
	s.press("L")
	s.ladderHas("◀═ Finished ✓")
	s.press("left")
	s.ladderHas("◀╌ encrypted, secret not known yet ╌")
	s.hides("Finished ✓")
}

func TestInAHeldSessionAnArrowStopsOnTheWireAndItsReceiverKnowsNothingOfIt(t *testing.T) {
	s := finished(t, Options{})
	s.command("restart held")
	s.until("the ClientHello on the wire", func() bool { return !s.m.opening && len(s.m.time.steps) > 0 })
	s.press("L", "right")
	s.comes("‖")
	s.ladderHas("│── ClientHello ─", "‖")
	s.press("right")
	s.comes("‖─ ServerHello ─")
	s.ladderHas("│── ClientHello ─", "▶│")
	s.ladderHas("  │          ‖─ ServerHello ─", "║ handshake, master")
	s.until("the ServerHello to arrive", func() bool {
		s.press("right")
		return strings.Contains(s.text(), "handshake, master ║◀─ ServerHello ─")
	})
	s.ladderHas("║          ‖═ EncryptedExtensions ═")
}

func TestApplicationDataInARowSharesARung(t *testing.T) {
	s := open(t, Options{Recording: recordingOf(bytes.Repeat([]byte{0x17, 3, 3, 0, 1, 0xff}, 3000))})
	s.press("L")
	s.ladderHas("1 ", "3000 records, 18,000 bytes: no")
	if got := len(s.ladderLines()); got != 1 {
		t.Errorf("%d lines, want one", got)
	}
}

func TestTheLadderAndTheStreamsHaveOneSelection(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.size(80, 40)
	s.press("L", "home", "right", "right", "right")
	s.press("down", "down") // Certificate and CertificateVerify, in the record of the EncryptedExtensions
	s.shows("▌                     ║◀═ CertificateVerify ✓")
	s.press("enter")
	s.shows("CertificateVerify in clear, 136 bytes · ✓ verified", "certificate_verify")
	s.press("esc")
	s.shows("▌                     ║◀═ CertificateVerify ✓")
	s.press("up", "up", "up")
	s.shows("▌ 2 handshake, master ║◀─ ServerHello")
	s.press("esc")
	s.shows("▌▸ 2 ←  ServerHello")
	if s.m.list != onStreams {
		t.Error("esc did not lead back to the streams")
	}
}

func TestTheDetailTakesTheLaddersPlaceOrStandsBelowIt(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.size(80, 24)
	s.press("L", "home", "right", "enter")
	s.shows("ClientHello in clear", "▌▾client_hello")
	s.hides("▶│")
	s.size(200, 60)
	s.shows("ClientHello in clear", "▌▾client_hello", "▶│")
	s.press("tab", "tab")
	if s.m.mode != onLadder {
		t.Errorf("tab led to mode %d, want the ladder", s.m.mode)
	}
}

func TestALadderThatGrewIsTheSameAsOneMadeAtOnce(t *testing.T) {
	for name, events := range map[string][]inspect.Event{
		"as it came":   append(traceEvents(t, "1-rtt", 0), traceEvents(t, "0-rtt", 1)...),
		"secrets last": secretsLast(append(traceEvents(t, "1-rtt", 0), traceEvents(t, "0-rtt", 1)...)),
	} {
		for conn := range 2 {
			r := new(inspect.Recording)
			grown := newTimeline(r, nil)
			var l ladder
			for _, e := range events {
				r.Append(e)
				grown.extend()
				l.extend(grown, conn)
			}
			var whole ladder
			whole.extend(newTimeline(r, nil), conn)
			if got, want := shape(l), shape(whole); got != want {
				t.Errorf("%s, connection %d: grown\n%sat once\n%s", name, conn, got, want)
			}
		}
	}
}

func shape(l ladder) string {
	var b strings.Builder
	for _, r := range l.rungs {
		before, other := -1, -1
		if r.before != nil {
			before = r.before.Seq
		}
		if r.other != nil {
			other = r.other.Seq
		}
		fmt.Fprintln(&b, r.first, r.last, before, other, r.piece, r.of, r.lost)
	}
	return b.String()
}

func TestAMessageOverSeveralRecordsIsCountedInPieces(t *testing.T) {
	hello := traceEvents(t, "1-rtt", 0)[1:]
	var whole []byte
	for _, e := range hello {
		if e.Kind == inspect.Captured {
			whole = e.Bytes[5:]
			break
		}
	}
	var units [][]byte
	for len(whole) > 0 {
		n := min(len(whole), 90)
		units = append(units, append([]byte{0x16, 3, 1, 0, byte(n)}, whole[:n]...), nil) // nothing from the server
		whole = whole[n:]
	}
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	for _, b := range units {
		if b != nil {
			r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: b})
		}
	}
	s := open(t, Options{Recording: r})
	s.press("L")
	s.ladderHas("ClientHello (1 of 3)")
	s.ladderHas("ClientHello (3 of 3)")
	s.press("left")
	s.hides("of 3)")
	s.shows("part of a message")
}

func TestTheNextConnectionIsAKeyAway(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt", "0-rtt", "hello-retry-request")})
	s.press("L", "C")
	s.shows("connection 2 of 3")
	s.press("c", "c")
	s.shows("connection 1 of 3")
	s.press("home", "right", "c")
	s.shows("There is no other connection up to this step.")
}

func TestEveryLineOfTheLadderFits(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt", "0-rtt", "client-authentication")})
	for _, lang := range []string{"en", "pt-BR"} {
		s.command("lang " + lang)
		s.press("L")
		for _, w := range []int{60, 72, 80, 100, 120, 160, 200, 250} {
			s.size(w, 16)
			head, first := []rune(ansi.Strip(s.m.ladderHead(w))), []rune(ansi.Strip(s.m.ladderOrIntro(w, 1)[0]))
			p := s.m.plan(w)
			for _, at := range []int{p.number + p.margin + 1, p.number + p.margin + 2 + p.inner} {
				if head[at] != '┬' || !strings.ContainsRune("│║┃┆", first[at]) {
					t.Errorf("%s, %d columns: no lifeline under its name:\n%s\n%s", lang, w, string(head), string(first))
				}
			}
			for i, line := range s.m.ladderOrIntro(w, 60) {
				if got := ansi.StringWidth(line); got != w {
					t.Errorf("%s, %d columns: line %d has %d: %q", lang, w, i, got, ansi.Strip(line))
				}
			}
		}
		s.press("esc")
	}
}

func TestFindingsAreMadeOnceAndNotForAFrame(t *testing.T) {
	s := open(t, Options{Recording: traces(t, "1-rtt")})
	s.press("L")
	s.text()
	before := reflect.ValueOf(s.m.findings.gains).Pointer()
	s.press("home", "right", "right", "D", "down", "L")
	s.text()
	if after := reflect.ValueOf(s.m.findings.gains).Pointer(); after != before {
		t.Error("they were made anew, though nothing has changed")
	}
}

func TestAnErrorAndAnEndStandWholeInTheLadder(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		s := open(t, Options{Lang: lang, Recording: altered(t, echoStage{}, func(u inspect.Unit) int {
			if u.From == inspect.Client && u.Bytes[5] == 0x01 {
				return 5 + 4 + 2 + 32 + 1
			}
			return -1
		})})
		s.press("L")
		for _, w := range []int{60, 80, 200} {
			s.size(w, 40)
			text := strings.Join(strings.FieldsFunc(strings.Join(s.ladderLines(), " "), func(r rune) bool { return strings.ContainsRune(" │║┃┆✗■", r) }), " ")
			for _, want := range []string{"tls: server did not echo the legacy session ID", s.m.how(inspect.ClosedEndOfFile)} {
				if !strings.Contains(text, want) {
					t.Errorf("%s, %d columns: %q is not there:\n%s", lang, w, want, strings.Join(s.ladderLines(), "\n"))
				}
			}
		}
	}
}

func TestAMarkStandsOnTheLifelineOfItsSideAndItsTextBetweenBoth(t *testing.T) {
	r := traces(t, "1-rtt")
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		r.Append(inspect.Event{Kind: inspect.Failed, Side: side, Cause: -1, Err: &inspect.EndpointError{Text: "tls: " + strings.Repeat("failed to verify certificate: ", 8)}})
		r.Append(inspect.Event{Kind: inspect.Ended, Side: side, Cause: -1})
	}
	for _, lang := range []string{"en", "pt-BR"} {
		s := open(t, Options{Lang: lang, Recording: r})
		s.press("L", "end")
		for _, w := range []int{60, 80, 132, 200} {
			s.size(w, 60)
			p := s.m.plan(w)
			lifelines := [2]int{p.number + p.margin + 1, p.number + p.margin + 2 + p.inner}
			var marks [2]string
			for _, text := range s.ladderLines() {
				line := []rune(text + spaces(w))
				for side, at := range lifelines {
					if strings.ContainsRune("✗■", line[at]) {
						marks[side] += string(line[at])
					} else if !strings.ContainsRune("│║┃┆", line[at]) {
						t.Errorf("%s, %d columns: a text stands on the lifeline of the %v:\n%s", lang, w, inspect.Side(side), text)
					}
				}
			}
			if marks != [2]string{"✗■", "✗■"} {
				t.Errorf("%s, %d columns: the client's lifeline has %q, the server's %q", lang, w, marks[0], marks[1])
			}
		}
	}
}

func TestWhatWasDroppedGetsNoFurtherThanTheWire(t *testing.T) {
	var hello inspect.Event
	for _, e := range traceEvents(t, "1-rtt", 0) {
		if e.Kind == inspect.Captured {
			hello = e
			break
		}
	}
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Gated: true}})
	r.Append(hello)
	r.Append(inspect.Event{Kind: inspect.Dropped, Cause: 1})
	s := open(t, Options{Recording: r})
	s.press("L")
	s.ladderHas("1 ", "│── ClientHello ─", "✗          │")
	s.ladderHas("2 ", "│── dropped: ClientHello ", "✗          │")
	s.press("left")
	s.ladderHas("│── ClientHello ─", "╌          │")
	if lines := s.ladderLines(); len(lines) != 1 {
		t.Errorf("before it was dropped, %d lines", len(lines))
	}
}
