package tui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/inspect"
	"example.com/tlslab/tui/term"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// hostile is what a client may send as a key or a value to take the terminal over.
var hostile = []string{
	"\x1b]52;c;b3duZWQ=\a", "\x1b[2J\x1b[H", "\x1bP+q544e\x1b\\", "\u009b2J", "\x9b2J", "\b\b\b\bOk", "\u202ekey\u202c", "\u2066x",
	"\x1b]0;never ends", "\xff\xfe\xc3\x28", "\x00\x7f\r\n\t", "\u200b\u200d\ufeff", "\u2028\u2029", "\x1b[31mred", "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
	"世界", "\U000e0041", "\x0e\x0f", "\x1b(0", "\x1b_apc\x1b\\",
}

// hostileRecording has them wherever bytes can be: in place of TLS, as errors, as names.
func hostileRecording() *inspect.Recording {
	all := strings.Join(hostile, "")
	r := new(inspect.Recording)
	r.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{
		Protocol: all, Addr: [2]string{all, all}, Ours: [2]bool{true, true}, ServerName: all,
	}})
	for i, text := range hostile {
		side := inspect.Side(i % 2)
		r.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Side: side, Bytes: []byte(text)})
	}
	r.Append(inspect.Event{Kind: inspect.Failed, Cause: -1, Err: &inspect.EndpointError{Text: all}})
	r.Append(inspect.Event{Kind: inspect.Failed, Cause: -1, Side: inspect.Server, Err: &inspect.EndpointError{Text: strings.Repeat(all, 20)}})
	r.Append(inspect.Event{Kind: inspect.Ended, Cause: -1, How: inspect.Cut})
	r.Append(inspect.Event{Kind: inspect.Silent, Cause: -1, N: -1})
	return r
}

// Lip Gloss writes nothing but these.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// clean fails unless the view holds nothing but text and colours.
func clean(m *model) error {
	view := colours.ReplaceAllString(m.View(), "")
	if !utf8.ValidString(view) {
		return fmt.Errorf("the view is not UTF-8: %q", view)
	}
	for _, r := range view {
		if r != '\n' && !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector) {
			return fmt.Errorf("the view holds %U: %q", r, view)
		}
	}
	return nil
}

// coloured gives the model all the colours there are, so that the escape sequences of its own are there too.
func coloured(m *model) {
	renderer := lipgloss.NewRenderer(m.o.Out)
	renderer.SetColorProfile(termenv.TrueColor)
	m.pal = paletteOf(renderer, term.Dark, m.pal.names)
}

func TestNothingCapturedReachesTheTerminalRaw(t *testing.T) {
	s := finished(t, Options{Hints: hostile, Title: strings.Join(hostile, "")})
	for _, text := range hostile {
		answer, err := s.m.play.Do(t.Context(), "create "+oneLine.Replace(text)+" "+oneLine.Replace(text))
		s.send(answered{generation: s.m.generation, command: text, answer: answer + text, err: err})
		s.visit(t)
	}
	s.send(answered{generation: s.m.generation, command: hostile[0], err: fmt.Errorf("%s", strings.Join(hostile, ""))})
	s.visit(t)
	s.until("all of it", func() bool { return s.m.time.taken() == s.m.time.session.Recording().Len() })
	s.press("/")
	s.write(`u202e`)
	s.press("enter")
	s.shows(`"create \u202ekey`)
}

// Letters may stay: the words of the screen have them. Signs are named, and those that someone sent are escaped.
func TestWithASCIIAloneNoOtherSignIsDrawn(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
			s := open(t, Options{Stage: echoStage{}, Lang: lang, ASCII: true})
			s.size(size[0], size[1])
			signs := func() {
				for in := onStreams; in <= onQuit; in++ {
					s.m.mode, s.m.asked, s.m.before = in, onStreams, onStreams
					if at := strings.IndexFunc(s.text(), isSign); at >= 0 {
						t.Errorf("%s, mode %d: a sign in\n%s", lang, in, s.text())
					}
				}
				s.m.mode = onStreams
			}
			for _, line := range s.m.help(size[0]) {
				if strings.ContainsFunc(line, isSign) {
					t.Errorf("%s: the help shows a sign: %q", lang, line)
				}
			}
			signs()
			s.press("left")
			signs()
			s.press("end", "right")
			signs()
			s.ask("create → “…”")
			s.press("esc", "home")
			for s.m.time.at < len(s.m.time.steps) {
				s.press("right")
				signs()
			}
			s.shows(`\u2192`)
		}
	}
}

func TestAHostileRecordingIsWatchedSafely(t *testing.T) {
	s := open(t, Options{Recording: hostileRecording()})
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		s.size(size[0], size[1])
		for range s.m.time.visible() {
			s.press("up")
			s.visit(t)
		}
	}
}

func TestWhatTheUserTypesOrPastesIsDrawnSafely(t *testing.T) {
	s := finished(t, Options{})
	for _, enter := range []string{"i", ":", "/"} {
		for _, text := range hostile {
			s.press(enter)
			for _, r := range text {
				s.send(keyRune(r))
			}
			s.visit(t)
			s.press("ctrl+u", "esc")
		}
	}
	s.command("lang " + hostile[0])
	s.visit(t)
	s.command(hostile[0])
	s.visit(t)
}

// oneLine drops what would end a word or a line of the echo stage's protocol.
var oneLine = strings.NewReplacer("\n", ".", " ", ".")

// visit draws every pane, plain and in colours, and fails if anything of it is not text.
func (s *screen) visit(t *testing.T) {
	t.Helper()
	mode, before, plain := s.m.mode, s.m.before, s.m.pal
	for in := onStreams; in <= onQuit; in++ {
		s.m.mode = in
		if in > onHex {
			s.m.before = onStreams
		}
		for range 2 {
			if err := clean(s.m); err != nil {
				t.Fatalf("mode %d: %v", in, err)
			}
			s.fits()
			coloured(s.m)
		}
		s.m.pal = plain
	}
	s.m.mode, s.m.before = mode, before
}
