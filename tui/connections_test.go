package tui

import (
	"fmt"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

// severalConnections is a recording of n connections without TLS that talk at the same time: of each a line of the
// client, then of each an answer.
func severalConnections(n int) *inspect.Recording {
	r := new(inspect.Recording)
	for conn := range n {
		r.Append(inspect.Event{Kind: inspect.Opened, Conn: conn, Cause: -1, Opening: &inspect.Opening{
			Protocol: inspect.Lines.Name(), Speaks: inspect.Lines, Addr: [2]string{fmt.Sprintf("192.0.2.%d:1000\x1b[31m", conn+1), "server"},
		}})
	}
	for i, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for conn := range n {
			r.Append(inspect.Event{Kind: inspect.Captured, Conn: conn, Cause: -1, Side: side, Bytes: fmt.Appendf(nil, "%s %d\n", []string{"ask", "tell"}[i], conn+1)})
		}
	}
	return r
}

func TestAConnectionThatIsChosenFromTheListIsLookedAtAlone(t *testing.T) {
	r := severalConnections(3)
	s := openQuietly(t, Options{Recording: r})
	s.until("all rows", func() bool { return s.m.time.visible() == 6 })
	s.press("o")
	s.shows("all connections", "#1 192.0.2.1:1000", "#2 192.0.2.2", "#3 192.0.2.3", "2 rec")
	s.press("g", "down", "down", "enter")
	s.shows("connection 2 of 3, alone", "ask 2", "tell 2")
	for _, other := range []string{"ask 1", "tell 1", "ask 3", "tell 3"} {
		if strings.Contains(s.m.View(), other) {
			t.Errorf("beside connection 2 stands %q", other)
		}
	}
	s.press("c")
	s.shows("connection 3 of 3, alone", "ask 3", "tell 3")
	s.press("C")
	s.shows("connection 2 of 3, alone")
	s.press("left")
	s.shows("step 1 of 2")
	s.press("right")

	r.Append(inspect.Event{Kind: inspect.Captured, Conn: 2, Cause: -1, Side: inspect.Client, Bytes: []byte("ask again 3\n")})
	r.Append(inspect.Event{Kind: inspect.Captured, Conn: 1, Cause: -1, Side: inspect.Client, Bytes: []byte("ask again 2\n")})
	s.until("the new row", func() bool { return s.m.time.visible() == 3 })
	s.shows("ask again 2")

	s.press("o", "g", "enter")
	s.shows("connection 2 of 3", "ask again 3", "tell 1")
	if n := s.m.time.visible(); n != 8 {
		t.Errorf("%d rows of all connections, want 8", n)
	}
}

func TestLookingAtAConnectionAloneKeepsTheSelectedRowAndTheCursor(t *testing.T) {
	s := openQuietly(t, Options{Recording: severalConnections(3)})
	s.until("all rows", func() bool { return s.m.time.visible() == 6 })
	s.press("left", "k", "k", "k") // five steps are done; what client 2 asked is selected
	if c := s.m.conn(); c.Conn != 1 {
		t.Fatalf("connection %d is selected, want 1", c.Conn)
	}
	s.press("o", "enter")
	if s.m.time.alone != 1 || s.m.time.at != 2 || s.m.streams.sel.row != 0 {
		t.Errorf("connection %d alone, %d steps done, row %d; want 1, 2, 0", s.m.time.alone, s.m.time.at, s.m.streams.sel.row)
	}
	s.press("o", "g", "enter")
	if s.m.time.alone != -1 || s.m.time.at != 5 || s.m.streams.sel.row != 1 {
		t.Errorf("connection %d alone, %d steps done, row %d; want -1, 5, 1", s.m.time.alone, s.m.time.at, s.m.streams.sel.row)
	}
}

func TestTheListOfConnectionsFitsAndIsSafeAtEverySizeHoweverManyThereAre(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		s := openQuietly(t, Options{Recording: severalConnections(3000), Lang: lang})
		s.until("all rows", func() bool { return s.m.time.visible() == 6000 })
		s.press("o", "G")
		for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
			s.size(size[0], size[1])
			if err := fits(s.m); err != nil {
				t.Errorf("%s, %v: %v", lang, size, err)
			}
			s.shows("#3000 192.0.2.3000")
			if strings.Contains(s.m.View(), "\x1b[31m") {
				t.Errorf("%s, %v: an address of the recording reaches the terminal as it is", lang, size)
			}
		}
	}
}

func TestAConnectionThatTheServerRefusedIsOverAndSaysWhy(t *testing.T) {
	r := new(inspect.Recording)
	open := func(conn int) {
		r.Append(inspect.Event{Kind: inspect.Opened, Conn: conn, Cause: -1, Opening: &inspect.Opening{
			Protocol: inspect.ProtocolTLS, Addr: [2]string{"192.0.2.1:1", "server"}, Ours: [2]bool{false, true},
		}})
	}
	open(0)
	r.Append(inspect.Event{Kind: inspect.Failed, Conn: 0, Cause: -1, Side: inspect.Server, Err: &inspect.EndpointError{Text: "too many\x1b[2J"}})
	r.Append(inspect.Event{Kind: inspect.Ended, Conn: 0, Cause: -1, Side: inspect.Server, How: inspect.EndOfFile})
	open(1)
	r.Append(inspect.Event{Kind: inspect.Captured, Conn: 1, Cause: -1, Side: inspect.Client, Bytes: []byte("GET / HTTP/1.1\r\n\r\n")})
	r.Append(inspect.Event{Kind: inspect.Ended, Conn: 1, Cause: -1, Side: inspect.Client, How: inspect.EndOfFile})
	r.Append(inspect.Event{Kind: inspect.Ended, Conn: 1, Cause: -1, Side: inspect.Server, How: inspect.EndOfFile})
	open(2)
	open(3)
	r.Append(inspect.Event{Kind: inspect.Ended, Conn: 3, Cause: -1, Side: inspect.Client, How: inspect.EndOfFile})
	r.Append(inspect.Event{Kind: inspect.Ended, Conn: 3, Cause: -1, Side: inspect.Server, How: inspect.EndOfFile})
	s := openQuietly(t, Options{Recording: r})
	s.until("the connections", func() bool { return len(s.m.time.session.Connections()) == 4 })
	s.press("o")
	s.shows("refused: too many", "not TLS", "18 B", "client: end of file", "nothing sent yet")
	if view := s.m.View(); strings.Count(view, "not TLS ") != 2 || strings.Count(view, "no bytes") != 2 { // of two that said nothing nobody can say
		t.Error(view)
	}
	for _, false := range []string{"goes on", "close_notify"} {
		if strings.Contains(s.m.View(), false) {
			t.Errorf("the list says %q:\n%s", false, s.m.View())
		}
	}
}

func TestWhatTheRecordingDoesNotShowIsSaidOnTheScreen(t *testing.T) {
	said := make(chan string, 1)
	s := openQuietly(t, Options{Recording: severalConnections(1), News: said})
	for _, text := range []string{"the disk fails\x1b[2J", "the disk works again"} {
		said <- text
		s.until(text, func() bool { return strings.Contains(s.m.View(), text[:14]) })
	}
	s.press("o")
	if strings.Contains(s.m.View(), "works again") {
		t.Error("it stays when a key is pressed")
	}
}
