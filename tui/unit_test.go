package tui

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"example.com/tlslab/inspect"
)

// caesar is a protocol of lines: a hello of the client's, and behind it messages, encrypted as Caesar did.
type caesar struct{}

func (caesar) Name() string           { return "caesar" }
func (caesar) Reader() inspect.Reader { return new(caesarReader) }

type caesarReader struct {
	lines   [2]inspect.LineCutter
	greeted bool
}

func (r *caesarReader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	n := r.lines[from].Next(b)
	if n <= len(b) && from == inspect.Client && !r.greeted {
		r.greeted = true
		return n, caesarUnit("hello")
	}
	return n, caesarMessage{"message"}
}

func (r *caesarReader) Rest(inspect.Side, []byte) inspect.Reading { return caesarUnit("rest") }

type caesarUnit string

func (u caesarUnit) Name() string { return string(u) }
func (u caesarUnit) Text() bool   { return u == "message" }

func (u caesarUnit) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "unit", "", func(d *inspect.Dissector) {
		d.Text("line.text", max(len(b)-1, 0))
		d.Bytes("line.end", len(d.Rest()), "")
	})
}

type caesarMessage struct{ caesarUnit }

func (m caesarMessage) Open(b []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	keys := secrets("CAESAR_KEY", []byte("id"))
	if len(keys) == 0 {
		return nil, inspect.Reason{Key: "unit_no_secret"}
	}
	return shift(b, -keys[0].Bytes[0]), inspect.Reason{}
}

func (caesarMessage) BlockSize() int { return 16 }

func (m caesarMessage) ClearFields(clear []byte) inspect.Field { return m.Fields(clear) }

func (m caesarMessage) Seal(_, clear []byte, secrets inspect.Secrets) ([]byte, inspect.Reason) {
	return shift(clear, secrets("CAESAR_KEY", []byte("id"))[0].Bytes[0]), inspect.Reason{}
}

func shift(b []byte, by byte) []byte {
	b = bytes.Clone(b)
	for i, c := range b {
		if c != '\n' {
			b[i] = c + by
		}
	}
	return b
}

// caesarConn is one end of it.
type caesarConn struct {
	net.Conn
	side    inspect.Side
	in      *bufio.Reader
	greeted bool
}

func (c *caesarConn) Write(b []byte) (int, error) { return c.Conn.Write(shift(b, 3)) }

func (c *caesarConn) Read(b []byte) (int, error) {
	line, err := c.in.ReadBytes('\n')
	if c.side == inspect.Server && !c.greeted && err == nil {
		c.greeted = true
		line, err = c.in.ReadBytes('\n')
	}
	return copy(b, shift(line, 0xfd)), err
}

// caesarStage echoes what it hears over that. Without keys nobody tells theirs.
type caesarStage struct{ keys bool }

func (s caesarStage) Open(_ context.Context, tap *inspect.Tap) (inspect.Play, error) {
	client, server := tap.PipeOf(caesar{})
	ends := [2]*inspect.Endpoint{client, server}
	for side, end := range ends {
		if s.keys {
			fmt.Fprintf(end.KeyLog(), "CAESAR_KEY %x 03\n", "id")
		}
		ends[side] = end.Over(&caesarConn{Conn: end, side: inspect.Side(side), in: bufio.NewReader(end)})
	}
	p := &caesarPlay{tap: tap, client: ends[inspect.Client]}
	p.parts.Go(func() { fmt.Fprintln(client, "ave") })
	p.parts.Go(func() {
		lines := bufio.NewScanner(ends[inspect.Server])
		for lines.Scan() {
			fmt.Fprintln(ends[inspect.Server], "you said "+lines.Text())
		}
		ends[inspect.Server].Close()
	})
	return p, nil
}

type caesarPlay struct {
	tap    *inspect.Tap
	client *inspect.Endpoint
	parts  sync.WaitGroup
}

func (p *caesarPlay) Do(_ context.Context, command string) (string, error) {
	if _, err := fmt.Fprintln(p.client, command); err != nil {
		return "", err
	}
	answer := make([]byte, 100)
	n, err := p.client.Read(answer)
	return strings.TrimSpace(string(answer[:n])), err
}

func (p *caesarPlay) Close() error {
	p.client.Close()
	p.tap.Close()
	p.parts.Wait()
	return nil
}

// spoken opens a screen on a session of that, a command done.
func spoken(t *testing.T, o Options) *screen {
	t.Helper()
	s := open(t, o)
	s.ask("create nome ana")
	s.press("esc")
	s.until("the answer", func() bool { return len(s.m.time.steps) >= 3 && s.m.time.follow })
	return s
}

func TestUnitsOfOtherProtocolsAreRowsWithTreesAndClearText(t *testing.T) {
	s := spoken(t, Options{Stage: caesarStage{keys: true}})
	s.size(120, 36)
	s.shows("caesar, without TLS", "client: 1 secret told", "server: 1 secret told")
	for row, want := range []string{"hello", `message "create nome ana\n"`, `message "you said create nome ana\n"`} {
		if line := s.row(want); !strings.Contains(line, fmt.Sprint(row+1)) {
			t.Errorf("row %d: %q", row+1, line)
		}
	}
	s.press("up", "up", "down", "tab")
	s.shows("message in clear, 16 bytes", "text create nome ana", "1 of 2")
}

func TestTheArrowsOfUnitsTellWhatIsEncrypted(t *testing.T) {
	s := spoken(t, Options{Stage: caesarStage{keys: true}})
	s.size(120, 36)
	s.press("L")
	g := &s.m.pal.glyphs
	s.shows(strings.Repeat(g.stroke(inspect.EpochApplication), 2)+" encrypted", `message "create nome ana\n"`)
	if line := s.row("hello"); !strings.Contains(line, g.stroke(inspect.EpochClear)) || strings.Contains(line, g.stroke(inspect.EpochApplication)) {
		t.Errorf("the hello is in clear: %q", line)
	}
	s.hides("key, record")
}

func TestTheSecretsOfAProtocolStandInPlaceOfAKeySchedule(t *testing.T) {
	s := spoken(t, Options{Stage: caesarStage{keys: true}})
	s.size(120, 36)
	s.press("D")
	s.shows("CAESAR_KEY", "03", "identifier", "client's key log")
	s = spoken(t, Options{Stage: caesarStage{}})
	s.size(120, 36)
	s.press("D")
	s.shows("This connection speaks caesar, which has no key schedule, and no secret of it was told.")
	s.press("esc")
	s.shows("no secrets told", "message: encrypted, secret not known yet")
}

func TestUnitsAreNamedInTheLanguageOfTheScreen(t *testing.T) {
	s := spoken(t, Options{Stage: caesarStage{keys: true}, Lang: "pt-BR"})
	s.size(120, 36)
	s.shows(`mensagem "create nome ana\n"`)
	s.press("up", "up", "down", "tab")
	s.shows("mensagem em claro, 16 bytes", "▾mensagem")
	s.press("esc", "L")
	s.shows(`mensagem "create nome ana\n"`)
	s.hides("message")
}

func TestJSONIsShownWithoutQuotesAroundIt(t *testing.T) {
	for text, want := range map[string]string{`{"a":"b"}` + "\n": `{"a":"b"}\n`, `"7"`: `"7"`, `say "7"`: `"say \"7\""`, "": `""`} {
		if got := said([]byte(text)); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}

func TestAUnitIsHeldAndChangedByItsFields(t *testing.T) {
	for name, keys := range map[string]bool{"with the key": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{Stage: caesarStage{keys: keys}, Held: true})
			s.size(120, 36)
			s.press("W", "right")
			s.waiting("hello")
			s.press("r", "i")
			s.write("create nome ana")
			s.press("enter", "esc")
			s.until("the message", func() bool {
				u, ok := s.m.selectedHeld()
				return ok && strings.HasPrefix(s.m.heldName(u), "message")
			})
			s.press("e")
			s.shows("CHANGING THE UNIT AS IT WAS SENT", "message as sent, 16 bytes", "changed blindly")
			s.press("s")
			if !keys {
				s.shows("cannot be changed", "CHANGING THE UNIT AS IT WAS SENT")
				return
			}
			s.shows("CHANGING WHAT IT SAYS", "create nome ana")
			s.press("v", "ctrl+u")
			s.write("read everything")
			s.press("enter", "enter", "enter")
			s.until("the changed message", func() bool { return strings.Contains(s.text(), "read everything") })
			s.press("H")
			s.until("the answer", func() bool { return strings.Contains(s.text(), "you said read everything") })
		})
	}
}

func TestAUnitSaysWhichEarlierOneBeginsWithTheSameBlock(t *testing.T) {
	s := spoken(t, Options{Stage: caesarStage{}})
	s.size(120, 36)
	var messages []*inspect.Record
	for _, r := range s.m.time.session.Connections()[0].View(inspect.Client).Records(inspect.Client) {
		if r.Name() == "message" {
			messages = append(messages, r)
		}
	}
	if value := s.m.fieldsAsSent(messages[0]).Value; value != "" {
		t.Errorf("the first: %q", value)
	}
	s.press("i")
	s.write("create nome ana")
	s.press("enter", "esc")
	s.until("the second message", func() bool {
		messages = nil
		for _, r := range s.m.time.session.Connections()[0].View(inspect.Client).Records(inspect.Client) {
			if r.Name() == "message" {
				messages = append(messages, r)
			}
		}
		return len(messages) == 2
	})
	row, _ := s.m.time.rowOf(messages[0])
	root := s.m.fieldsAsSent(messages[1])
	if want := fmt.Sprintf("begins with the same block as #%d", row+1); root.Value != want {
		t.Errorf("%q, want %q", root.Value, want)
	}
	if leaf, want := root.Leaves()[0].Value, fmt.Sprintf("equal to block 1 of #%d", row+1); len(root.Children) > 0 && leaf != want {
		t.Errorf("its block: %q, want %q", leaf, want)
	}
}

func TestWhatComesOfABlindChangeIsSaidAsTheProtocolHasIt(t *testing.T) {
	s := spoken(t, Options{Stage: caesarStage{}})
	c := s.m.time.session.Connections()[0]
	for _, unit := range c.View(inspect.Client).Records(inspect.Client) {
		for protocol, want := range map[string]string{"caesar": "blindly.", "sealed": "flips that bit in the next one", "sealed-authenticated": "the tag will not verify"} {
			c.Opening.Protocol = protocol
			if unit.Name() != "message" {
				want = "blindly."
			}
			if said := s.m.blindly(unit); !strings.Contains(said, want) {
				t.Errorf("%s of %s: %s", unit.Name(), protocol, said)
			}
		}
	}
}

func TestUnitsFitEverySizeInBothLanguages(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		for _, keys := range []bool{true, false} {
			s := spoken(t, Options{Stage: caesarStage{keys: keys}, Lang: lang})
			for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
				s.size(size[0], size[1])
				for _, view := range []string{"L", "D", "W", "K", "?"} {
					s.press(view)
					s.fits()
					s.press("esc")
				}
				s.fits()
			}
		}
	}
}

// A stage whose keys are made first opens no connection for a while.
type unopenedStage struct{}

func (unopenedStage) Open(context.Context, *inspect.Tap) (inspect.Play, error) {
	return unopenedPlay{}, nil
}

type unopenedPlay struct{}

func (unopenedPlay) Do(context.Context, string) (string, error) { return "", io.EOF }
func (unopenedPlay) Close() error                               { return nil }

func TestBeforeAConnectionIsOpenTheScreenDoesNotSayWhatWillBeSpokenOnIt(t *testing.T) {
	s := openQuietly(t, Options{Stage: unopenedStage{}})
	s.size(80, 24)
	s.shows("Client and server are about to talk.")
	if strings.Contains(s.m.View(), "over TLS") {
		t.Errorf("the screen promises TLS:\n%s", s.m.View())
	}
}
