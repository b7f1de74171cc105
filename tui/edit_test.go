package tui

import (
	"io"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

// textHeld opens a session whose handshake went through, a command of the client on the wire.
func textHeld(t *testing.T, command string) *screen {
	t.Helper()
	s := finished(t, Options{})
	s.size(100, 44)
	s.press("W", "H", "p", "i")
	s.write(command)
	s.press("enter", "esc")
	s.waiting(`"` + command + `\n"`)
	return s
}

func TestAFlippedBitIsMarkedSentAndNoticed(t *testing.T) {
	s := textHeld(t, "read nome")
	s.press("e", "end", " ")
	s.press("left")
	s.shows("what anyone on the wire can do, without keys", "1 byte changed", "≠", "flip bit")
	s.press("right", " ")
	s.hides("1 byte changed")
	s.press("enter")
	s.shows("Nothing is changed yet")
	s.press(" ", "enter")
	s.shows("goes on as you changed it")
	s.press("H")
	s.until("the alert", func() bool { return strings.Contains(s.text(), "First to notice") })
	s.shows("altered", "First to notice: the server, which sent the alert bad_record_mac", "were changed on the way")
}

func TestHexDigitsWriteAByteAndGoOn(t *testing.T) {
	s := textHeld(t, "read nome")
	s.press("e", "right", "right", "right")
	before := s.m.edit.before[3]
	s.press("x")
	s.shows("a-f write the byte")
	s.press("A", "b")
	if got := s.m.edit.now()[3]; got != 0xab || s.m.detail.at != 4 || before == 0xab {
		t.Errorf("the byte is %02x, the cursor at %d", got, s.m.detail.at)
	}
	s.press("left")
	s.shows("Byte 0003 was 00, is ab.")
	s.press("enter", "u")
	if got := s.m.edit.now()[3]; got != before {
		t.Errorf("taken back, the byte is %02x", got)
	}
	s.press("esc")
	s.shows("‖ waits")
	if s.m.edit != nil || len(s.m.pending()) != 1 {
		t.Error("the edit was not left, or the unit is gone")
	}
}

func TestWhoHasTheKeysChangesWhatIsReadAndNobodyNotices(t *testing.T) {
	s := textHeld(t, "read nome")
	s.press("e")
	s.shows("Without the keys its header can be read, and the rest is cipher text", "encrypted_record", "authentication tag")
	s.press("s")
	s.shows("only someone who has the keys can do this", "application_data")
	s.press("v", "ctrl+u")
	s.write(`"read cidade das flores\n"`)
	s.press("enter", "enter")
	s.shows("sealed again with the keys")
	s.press("H")
	s.until("the answer", func() bool { return s.m.waiting == 0 })
	s.shows("altered", "Nobody has noticed anything wrong so far.", "its tag verifies all the same")
}

func TestAFieldIsSetByItsValueAndTheLengthsFit(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(120, 50)
	s.press("e", "s")
	s.shows("nobody needs keys to change it")
	field, ok := s.m.edit.draft.Fields.Find("server_name.host_name")
	if !ok {
		t.Fatal("no host_name in the ClientHello")
	}
	s.m.moveEdit(field.Offset - s.m.detail.at)
	s.press("v", "ctrl+u")
	s.write("other.lab")
	s.press("enter")
	if got := len(s.m.edit.now()); got != len(s.m.edit.before)+2 || s.m.edit.now()[4] != s.m.edit.before[4]+2 {
		t.Errorf("the record has %d bytes, its length says %d", got, s.m.edit.now()[4])
	}
	s.shows("host_name = other.lab", "≠")
	s.press("enter", "enter")
	s.waiting("ServerHello")
	s.shows("The transcripts part at message 1, ClientHello")
}

func TestAClientThatRefusesAnAlteredServerHelloHasNoHandshakeKeys(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(100, 40)
	s.press("r")
	s.waiting("ServerHello")
	s.press("e", "home")
	for range 44 { // to the first byte of legacy_session_id_echo
		s.press("right")
	}
	s.press(" ", "enter", "enter")
	s.until("the client's alert", func() bool { return strings.Contains(s.text(), "illegal_parameter") })
	s.shows("client: in clear, 0 secrets logged", "server: application keys")
	s.hides("client: handshake keys")
	s.press("home", "right", "right")
	s.hides("client: handshake keys")
}

func TestAnEditThatIsLeftByAnotherWayIsForgotten(t *testing.T) {
	s := textHeld(t, "read nome")
	s.press("e", " ", "?")
	s.press("esc")
	if s.m.edit == nil || s.m.mode != onEdit {
		t.Error("the help lost the edit")
	}
	s.press("?")
	s.command("ladder")
	if s.m.edit != nil {
		t.Error("the edit outlives its view")
	}
	s.command("restart")
	s.fits()
}

func TestWhatWaitedWhenTheScreenWasLeftIsSaid(t *testing.T) {
	in, keys := io.Pipe()
	out := new(waitingWriter)
	done := make(chan error, 1)
	go func() {
		done <- Run(t.Context(), Options{Stage: echoStage{}, Held: true, Lang: "en", In: in, Out: out})
	}()
	out.until("sends ClientHello")
	io.WriteString(keys, "q")
	out.until("Leave and end it?")
	io.WriteString(keys, "y")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	keys.Close()
	_, last, _ := strings.Cut(out.text.String(), "\x1b[?1049l")
	if !strings.Contains(last, "Never delivered: ClientHello (client), which waited on the wire, ") {
		t.Errorf("behind the screen stands %q", last)
	}
}

func TestAnEndpointThatDiesLeavesWhatWaitsUndeliverable(t *testing.T) {
	s := heldScreen(t, Options{})
	s.size(100, 40)
	s.press("r")
	s.waiting("ServerHello")
	s.m.play.(*echoPlay).client.Close()
	s.until("the ServerHello's fate", func() bool { return strings.Contains(s.text(), "✗ undeliverable") })
	if line := s.row("✗ undeliverable"); !strings.Contains(line, " ServerHello ") {
		t.Errorf("the ServerHello was for the client: %q", line)
	}
	s.until("the end of the server's records", func() bool {
		return !slices.ContainsFunc(s.m.pending(), func(u inspect.Unit) bool { return u.From == inspect.Server })
	})
	s.fits()
}

func TestEditingHoldsWhateverTheUnitIs(t *testing.T) {
	for _, b := range [][]byte{[]byte("GET / HTTP/1.1\r\n"), {0x16, 3, 1, 0, 0}, {0x17, 3, 3, 0, 3, 1, 2, 3}} {
		m, end := detached(Options{Recording: recordingOf(b)})
		m.last()
		m.list = onWire
		m.attendWire()
		e := &edit{unit: inspect.Unit{ID: 1, Bytes: b}}
		if row, ok := m.time.rowAt(1); ok {
			e.record = m.time.item(row).Record
		}
		m.begin(e, false)
		m.mode = onEdit
		for _, key := range []string{" ", "f", "0", "end", "f", "f", "v", "esc", "s", "u", "down", "home"} {
			m.Update(keyOf(t, key))
			if err := fits(m); err != nil {
				t.Fatal(err)
			}
		}
		end()
	}
}

func TestEachBitOfAByteIsFlippedByItsKey(t *testing.T) {
	s := heldScreen(t, Options{})
	s.press("e")
	for bit, key := range []string{"0", "1", "2", "3", "4", "5", "6", "7"} {
		s.press(key)
		if got, want := s.m.edit.now()[0], byte(0x16)^1<<bit; got != want {
			t.Errorf("the key %s makes %02x of 16, want %02x", key, got, want)
		}
		s.press(key)
	}
	s.shows("Byte 0000 is 16:", " 4:1", " 0:0")
	s.press("0")
	s.shows("Byte 0000 is 17:", "≠0:1")
	s.press("8")
	s.shows("8 does nothing here")
}

func TestACipherTextIsChangedByValueAndTheHeadersLengthFits(t *testing.T) {
	s := textHeld(t, "read nome")
	s.press("e")
	field, ok := s.m.edit.draft.Fields.Find("record.encrypted")
	if !ok {
		t.Fatal("no cipher text")
	}
	s.m.moveEdit(field.Offset)
	s.press("v", "ctrl+u")
	s.write("0102")
	s.press("enter")
	if got := s.m.edit.now(); len(got) != 5+2+16 || got[4] != 2+16 {
		t.Errorf("the record is % x", got)
	}
	s.press("enter", "H")
	s.until("the alert", func() bool { return strings.Contains(s.text(), "First to notice") })
	s.shows("bad_record_mac")
}
