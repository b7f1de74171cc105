package tui

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

var (
	update  = flag.Bool("update", false, "write the golden views anew")
	capture = flag.Bool("capture", false, "record the session of the golden views anew")
)

const sessionFile = "testdata/session.txt"

// TestGoldenViews draws one recorded session in every pane, size, and language. Read the difference before you accept it.
func TestGoldenViews(t *testing.T) {
	if *capture {
		record(t)
	}
	visits := []struct {
		title string
		keys  []string
	}{
		{"before the first step", []string{"home"}},
		{"after the ServerHello", []string{"home", "right", "right"}},
		{"at the end", []string{"end"}},
		{"a row unfolded", []string{"end", "up", "up", "up", "up", "enter", "down"}},
		{"the fields of the ClientHello", []string{"home", "right", "tab", "down", "down", "down", "down", "down", "down", "down", "down", "right"}},
		{"its bytes", []string{"tab", "right", "right", "right"}},
		{"one of them explained", []string{"e"}},
		{"the record as sent", []string{"esc", "esc", "home", "right", "right", "right", "right", "s", "tab", "end"}},
		{"secrets", []string{"esc", "end", "K"}},
		{"help", []string{"esc", "?"}},
		{"a wrong key", []string{"esc", "z"}},
		{"a command", []string{":", "r", "e", "s"}},
		{"an unknown command", []string{"t", "t", "enter"}},
		{"back at the streams", []string{"esc"}},
		{"the wire", []string{"end", "W"}},
		{"a record of it", []string{"up", "up"}},
		{"what both sides made of it", []string{"V"}},
	}
	for _, screen := range []struct {
		name  string
		w, h  int
		lang  string
		ascii bool
	}{
		{"60x16", 60, 16, "en", false},
		{"80x24", 80, 24, "en", false},
		{"80x24-pt-BR", 80, 24, "pt-BR", false},
		{"80x24-ascii", 80, 24, "en", true},
		{"200x60", 200, 60, "en", false},
	} {
		t.Run(screen.name, func(t *testing.T) {
			s := open(t, Options{Recording: replay(t), Lang: screen.lang, ASCII: screen.ascii})
			s.size(screen.w, screen.h)
			var views strings.Builder
			for _, visit := range visits {
				s.press(visit.keys...)
				s.fits()
				fmt.Fprintf(&views, "== %s\n", visit.title)
				for line := range strings.Lines(s.text()) {
					views.WriteString(strings.TrimRight(line, " \n") + "\n")
				}
			}
			compare(t, filepath.Join("testdata", screen.name+".golden"), views.String())
		})
	}
}

// TestGoldenLadderAndSchedule draws two connections of RFC 8448, whose bytes never change.
func TestGoldenLadderAndSchedule(t *testing.T) {
	visits := []struct {
		title string
		keys  []string
	}{
		{"the ladder at the ClientHello", []string{"L", "home", "right"}},
		{"after the server's flight", []string{"right", "right"}},
		{"the third message of its record", []string{"down", "down"}},
		{"its fields", []string{"enter"}},
		{"its proof", []string{"e"}},
		{"the end of the connection that resumes it", []string{"esc", "esc", "end"}},
		{"its beginning", []string{"pgup", "pgup", "pgup", "pgup"}},
		{"the key schedule at the end", []string{"D"}},
		{"a secret of it", []string{"down", "down"}},
		{"all of it", []string{"enter"}},
		{"the keys below it", []string{"esc", "right"}},
		{"the proofs", []string{"pgdown", "pgdown", "pgdown", "pgdown", "pgdown"}},
		{"one of them", []string{"up", "enter"}},
		{"what a record is protected with", []string{"esc", "esc", "esc", "pgdown", "pgdown", "shift+tab", "tab", "tab", "S", "down", "down", "down", "down", "down"}},
	}
	for _, screen := range []struct {
		w, h  int
		lang  string
		ascii bool
	}{
		{60, 16, "en", false},
		{60, 16, "pt-BR", false},
		{80, 24, "en", false},
		{80, 24, "pt-BR", false},
		{80, 24, "en", true},
		{120, 36, "en", false},
		{200, 60, "en", false},
		{200, 60, "pt-BR", false},
	} {
		name := fmt.Sprintf("ladder-%dx%d-%s", screen.w, screen.h, screen.lang)
		if screen.ascii {
			name += "-ascii"
		}
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{Recording: traces(t, "1-rtt", "0-rtt"), Lang: screen.lang, ASCII: screen.ascii})
			s.size(screen.w, screen.h)
			var views strings.Builder
			for _, visit := range visits {
				s.press(visit.keys...)
				s.fits()
				fmt.Fprintf(&views, "== %s\n", visit.title)
				for line := range strings.Lines(s.text()) {
					views.WriteString(strings.TrimRight(line, " \n") + "\n")
				}
			}
			compare(t, filepath.Join("testdata", name+".golden"), views.String())
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./tui -update writes it)", err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	view := ""
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "", ""
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if strings.HasPrefix(w, "== ") {
			view = w
		}
		if g != w {
			t.Fatalf("%s:%d (%s):\n got %q\nwant %q", file, i+1, view, g, w)
		}
	}
}

// record writes the events of a session of the echo stage to sessionFile, one a line: kind, connection, side, cause, how
// and bytes; of a secret origin, label, client random and bytes.
func record(t *testing.T) {
	s := open(t, Options{Stage: echoStage{}})
	for _, command := range []string{"create nome ana", "create cidade \"são joão\"", "read nome", "exit"} {
		s.ask(command)
	}
	s.until("the end", s.m.over)
	var b bytes.Buffer
	for e := range s.m.time.session.Recording().Events(0) {
		switch e.Kind {
		case inspect.Secret:
			fmt.Fprintf(&b, "secret %d %s %x %x\n", e.Logged.Origin, e.Logged.Label, e.Logged.ClientRandom, e.Logged.Bytes)
		case inspect.Opened:
			fmt.Fprintf(&b, "opened %s %s %s %s\n", e.Opening.Protocol, e.Opening.Addr[0], e.Opening.Addr[1], e.Opening.ServerName)
		default:
			fmt.Fprintf(&b, "event %d %d %d %d %d %x\n", e.Kind, e.Conn, e.Side, e.Cause, e.How, e.Bytes)
		}
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sessionFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replay makes a recording of what record wrote.
func replay(t *testing.T) *inspect.Recording {
	t.Helper()
	file, err := os.Open(sessionFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := new(inspect.Recording)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		number := func(i int) int {
			n, err := strconv.Atoi(words[i])
			if err != nil {
				t.Fatalf("%s: %q: %v", sessionFile, lines.Text(), err)
			}
			return n
		}
		digits := func(i int) []byte {
			b, err := hex.DecodeString(words[i])
			if err != nil {
				t.Fatalf("%s: %q: %v", sessionFile, lines.Text(), err)
			}
			return b
		}
		e := inspect.Event{Cause: -1, Conn: -1}
		switch words[0] {
		case "secret":
			e.Kind = inspect.Secret
			e.Logged = &inspect.LoggedSecret{Origin: inspect.Origin(number(1)), Label: words[2], ClientRandom: digits(3), Bytes: digits(4)}
		case "opened":
			e.Kind, e.Conn = inspect.Opened, 0
			e.Opening = &inspect.Opening{
				Protocol: words[1], Addr: [2]string{words[2], words[3]}, Ours: [2]bool{true, true}, Gated: true, ServerName: words[4],
			}
		default:
			e.Kind, e.Conn, e.Side = inspect.EventKind(number(1)), number(2), inspect.Side(number(3))
			e.Cause, e.How, e.Bytes = number(4), inspect.Ending(number(5)), digits(6)
			if len(e.Bytes) == 0 {
				e.Bytes = nil
			}
		}
		r.Append(e)
	}
	return r
}
