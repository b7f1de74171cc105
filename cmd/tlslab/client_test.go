package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

func TestALineOfEditsChangesBytesAndKeepsTheLength(t *testing.T) {
	record := []byte{0x16, 0x03, 0x01, 0x00, 0x02, 0xaa, 0xbb}
	for line, want := range map[string]string{
		"":                               "1603010002aabb",
		"  ":                             "1603010002aabb",
		"flip 0":                         "1703010002aabb",
		"flip 0x06 7":                    "1603010002aa3b",
		"set -1 0":                       "1603010002aa00",
		"set 5 0xff":                     "1603010002ffbb",
		"set 5 255, set -1 1, flip 5 0 ": "1603010002fe01",
	} {
		edited, err := applyEdits(record, line)
		if got := fmt.Sprintf("%x", edited); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", line, got, err, want)
		}
	}
	if !bytes.Equal(record, []byte{0x16, 0x03, 0x01, 0x00, 0x02, 0xaa, 0xbb}) {
		t.Errorf("the record itself is changed: %x", record)
	}
}

func TestALineThatIsNoEditIsRefused(t *testing.T) {
	var outside *inspect.Refusal
	for _, line := range []string{"flip", "flip x", "flip 0 8", "flip 0 -1", "set 0", "set 0 256", "set 0 -1", "set 0 xff", "drop 1", "flip 0,", "flip 0 1 2", "read nome"} {
		if edited, err := applyEdits([]byte{1, 2}, line); err == nil || errors.As(err, &outside) {
			t.Errorf("%q: %x, %v", line, edited, err)
		}
	}
	for _, line := range []string{"flip 2", "flip -3", "set 99 1", "set 0 1, set 2 1"} {
		if edited, err := applyEdits([]byte{1, 2}, line); !errors.As(err, &outside) {
			t.Errorf("%q: %x, %v", line, edited, err)
		}
	}
}

func FuzzEditsNeverChangeTheLength(f *testing.F) {
	for _, line := range []string{"flip 1 2, set -1 0x00", "set 0x7fffffff 1", "flip -9223372036854775808", ",", "\x00"} {
		f.Add(line, []byte("record"))
	}
	f.Fuzz(func(t *testing.T, line string, record []byte) {
		if edited, err := applyEdits(record, line); err == nil && len(edited) != len(record) {
			t.Errorf("%q: %x became %x", line, record, edited)
		}
	})
}

func TestTheHistoryKeepsItsLatestLinesForItsOwnerAndNothingSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tlslab", "client_history")
	h := &history{path: path}
	kept := []string{"create nome ana", ":tls", `create k "\x1b"`, "authors"}
	for _, line := range append(kept, " update k secret", "auth secret", `"AUTH" secret`, `"\x61uth" secret`, `auth "secret`, "AUTH\tsecret", "hello 3 auth u p", "token secret", "", "k \x1b[2J", strings.Repeat("x", longestLine+1)) {
		h.Add(line)
	}
	for range 2 {
		h.Add("keys") // once
	}
	text, err := os.ReadFile(path)
	if want := strings.Join(append(kept, "keys"), "\n") + "\n"; err != nil || string(text) != want {
		t.Errorf("kept %q, %v, want %q", text, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for i := range mostHistory + 10 {
		h.Add(fmt.Sprint("read ", i))
	}
	if h.Len() != mostHistory || h.At(0) != fmt.Sprint("read ", mostHistory+9) {
		t.Errorf("%d lines, the latest %q", h.Len(), h.At(0))
	}
}

func TestAHistoryThatWasTamperedWithIsReadAsFarAsItIsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client_history")
	long := strings.Repeat("read k\nkeys\n", mostHistoryKB<<10/10)
	if err := os.WriteFile(path, []byte(long+"show\n\x1b]52;c;AAAA\x07\nauth secret\n\xff\nread last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHistory(path)
	if h.Len() != mostHistory || h.At(0) != "read last" || h.At(1) != "show" {
		t.Errorf("%d lines, the latest %q, %q", h.Len(), h.At(0), h.At(1))
	}
	if info, err := os.Stat(path); err != nil || info.Size() > mostHistoryKB<<10 || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file was not cut: %v, %v", info, err)
	}
}

func TestTabCompletesCommandsAndTheKeysThatAnswersNamed(t *testing.T) {
	known := newKnownKeys()
	known.learn(outcome{request: "keys", answer: `["nome", "nome completo", "\udcff"]`})
	known.learn(outcome{request: "show", answer: `{"idade": "42", "\u001b[2J": "x"}`})
	known.learn(outcome{request: "create novo 1", answer: "Ok"})
	known.learn(outcome{request: "create gone 1", answer: "Ok"})
	known.learn(outcome{request: "delete gone", answer: "Ok"})
	known.learn(outcome{request: "read absent", answer: "Error: no", refused: true})
	known.learn(outcome{request: "create lost 1", lost: errTooSlow})
	known.learn(outcome{request: "lang nem-uma-chave", answer: "Ok"})
	for text, want := range map[string]string{
		"cr":        "create",
		"":          "create read update delete show keys values auth lang exit :help :quit :tls",
		":":         ":help :quit :tls",
		"read n":    `nome "nome completo" novo`,
		"delete \"": `"\x1b[2J" "nome completo"`,
		"update id": "idade",
		"read x":    "",
		"keys n":    "",
		"lang ":     "en pt-BR",
		"lang p":    "pt-BR",
		"conjure n": "",
		"read gone": "",
	} {
		_, _, all, _ := known.candidates(text)
		if got := strings.Join(all, " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	complete := known.completer(nil)
	for text, want := range map[string]string{"cr": "create ", "read i": "read idade ", "read nome c": `read "nome completo" `, "read nov": "read novo ", `read "no`: `read "nome completo" `} {
		got, pos, ok := complete(text, len(text), '\t')
		if !ok || got != want || pos != len(want) {
			t.Errorf("%q: %q, %d, want %q", text, got, pos, want)
		}
	}
	if _, _, ok := complete("cr", 2, 'x'); ok {
		t.Error("a letter completes")
	}
}

func TestNeitherAValueNorATokenIsNamedInASentence(t *testing.T) {
	for line, want := range map[string]string{
		"update nome segredo":  "update nome …",
		`create "a b" segredo`: `create "a b" …`,
		"read nome":            "read nome",
		"auth segredo":         "auth …",
		"HELLO 3 auth u p":     "HELLO …",
		"update \"a b":         "update \"a b",
	} {
		if got := mentioned(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := mentioned("read " + strings.Repeat("é", 500)); len([]rune(got)) > 61 {
		t.Errorf("%d letters", len([]rune(got)))
	}
}
