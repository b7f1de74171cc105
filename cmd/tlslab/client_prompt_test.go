package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/term"
)

func TestThePromptRefusesALineThatItWouldChange(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	long := strings.Repeat("z", longestTyped)
	for typed, want := range map[string]error{
		"read a\r":                          nil,
		"create \"é ü\" ação\r\n":           nil,
		long[1:] + "\r":                     nil,
		long + "\r":                         errCutLine,
		"create k " + long + long + "\r":    errCutLine,
		"create k x\x07y\r":                 errForeign,
		"read \xff\xfe\r":                   errForeign,
		"read \ufffd\r":                     errForeign,
		"read \u009b2J\r":                   errForeign,
		"create k \xc3\r":                   errForeign,
		"read b\x7fa\x01\x05\x1b[D\x1b[C\r": nil,
	} {
		in, keys := io.Pipe()
		d := &terminalDesk{keys: newKeyboard(t.Context(), in), out: null, history: &history{path: os.DevNull}}
		d.renew()
		go func() {
			io.WriteString(keys, typed+"read next\r")
			keys.Close()
		}()
		line, err := d.ask(t.Context(), "")
		if err != want || err == nil && line != strings.TrimRight(typed, "\r\n") && !strings.HasPrefix(typed, "read b") {
			t.Errorf("%.40q: %.40q, %v, want %v", typed, line, err, want)
		}
		if line, err := d.ask(t.Context(), ""); err != nil && err != term.ErrPasteIndicator || line != "read next" {
			t.Errorf("after %.40q: %.40q, %v", typed, line, err)
		}
	}
}
