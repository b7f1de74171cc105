package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"github.com/adrg/xdg"
)

const (
	mostHistory   = 500     // lines that are called back
	mostHistoryKB = 256     // the file is written anew when it has more
	mostKnown     = 10_000  // keys that are suggested
	mostListed    = 40      // and shown at once
	longestLine   = 4 << 10 // that the history keeps, in bytes
)

// A history is the commands that were typed, the latest last; those of earlier runs stand in a file of its user's own.
// What proves who one is, and a line that begins with a space, is not kept.
type history struct {
	path  string
	lines []string
}

// historyFile is where the commands are kept.
func historyFile() string { return filepath.Join(xdg.StateHome, "tlslab", "client_history") }

// openHistory reads the file. A history that cannot be read, or kept, is one of this run alone.
func openHistory(path string) *history {
	h := &history{path: path}
	text, err := os.ReadFile(h.path)
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(text)) {
		h.lines = append(h.lines, strings.TrimRight(line, "\n"))
	}
	h.lines = slices.DeleteFunc(h.lines, func(line string) bool { return !keepable(line) })
	h.lines = h.lines[max(0, len(h.lines)-mostHistory):]
	if len(text) > mostHistoryKB<<10 {
		h.rewrite()
	}
	return h
}

// keepable reports whether a line may be kept.
func keepable(line string) bool {
	return line != "" && line[0] != ' ' && len(line) <= longestLine && utf8.ValidString(line) && safe(line) == line && !isSecretive(line)
}

// rewrite replaces the file by what is left of it.
func (h *history) rewrite() {
	temporary, err := os.CreateTemp(filepath.Dir(h.path), "client_history") // mode 0600
	if err != nil {
		return
	}
	_, err = temporary.WriteString(strings.Join(h.lines, "\n") + "\n")
	if temporary.Close() == nil && err == nil {
		err = os.Rename(temporary.Name(), h.path)
	}
	if err != nil {
		os.Remove(temporary.Name())
	}
}

// Add keeps a line.
func (h *history) Add(line string) {
	if !keepable(line) || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-mostHistory):]
	if os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	file, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	file.Chmod(0o600)
	fmt.Fprintln(file, line)
	file.Close()
}

// Len returns how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At returns a line, 0 being the latest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// noHistory is that of answers to questions.
type noHistory struct{}

func (noHistory) Add(string)    {}
func (noHistory) Len() int      { return 0 }
func (noHistory) At(int) string { panic("there is none") }

// aboutKeys are the commands whose first argument is a key.
var aboutKeys = []string{"create", "read", "update", "delete"}

// knownKeys are the keys that answers have told of.
type knownKeys struct{ names map[string]bool }

func newKnownKeys() *knownKeys { return &knownKeys{make(map[string]bool)} }

// learn takes in what an answer says of keys.
func (k *knownKeys) learn(o outcome) {
	words, err := kvs.Split([]byte(o.request))
	if err != nil || len(words) == 0 || o.refused || o.lost != nil || o.unsent != nil {
		return
	}
	switch command := string(words[0]); {
	case command == "keys":
		var names []string
		if json.Unmarshal([]byte(o.answer), &names) == nil {
			k.add(names...)
		}
	case command == "show":
		var pairs map[string]string
		if json.Unmarshal([]byte(o.answer), &pairs) == nil {
			k.add(slices.Collect(maps.Keys(pairs))...)
		}
	case command == "delete" && len(words) > 1:
		delete(k.names, string(words[1]))
	case len(words) > 1 && slices.Contains(aboutKeys, command):
		k.add(string(words[1]))
	}
}

// add keeps names, but none that JSON could not tell apart.
func (k *knownKeys) add(names ...string) {
	for _, name := range names {
		if len(k.names) < mostKnown && utf8.ValidString(name) && !strings.ContainsRune(name, utf8.RuneError) {
			k.names[name] = true
		}
	}
}

// completer completes what stands before the cursor when Tab is pressed: the command, or a key. Where there are several, it
// goes as far as they agree, and then lists them.
func (k *knownKeys) completer(out *terminalDesk) func(line string, pos int, key rune) (string, int, bool) {
	return func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		head, word, all, forms := k.candidates(line[:pos])
		if len(all) == 0 {
			return line, pos, true
		}
		longer := agreed(forms)
		if len(all) == 1 {
			longer = all[0] + " "
		}
		if longer == word {
			fmt.Fprintln(out, strings.Join(all[:min(len(all), mostListed)], "  "))
		}
		return head + longer + line[pos:], len(head) + len(longer), true
	}
}

// candidates returns the word that the text ends with, what stands before it, and all that the word may become, quoted; and
// each in the form, quoted or not, that begins with the word.
func (k *knownKeys) candidates(text string) (head, word string, all, forms []string) {
	names := append(kvCommands(), ":help", ":quit", ":tls")
	if first, rest, found := strings.Cut(text, " "); found {
		rest = strings.TrimLeft(rest, " ")
		head, word = text[:len(text)-len(rest)], rest
		switch {
		case slices.Contains(aboutKeys, first):
			names = slices.Sorted(maps.Keys(k.names))
		case first == "lang":
			names = []string{docs.English, docs.Portuguese}
		default:
			return text, "", nil, nil
		}
	} else {
		word = text
	}
	for _, name := range names {
		quoted := kvs.Quote([]byte(name))
		switch {
		case strings.HasPrefix(quoted, word):
			all, forms = append(all, quoted), append(forms, quoted)
		case strings.HasPrefix(name, word):
			all, forms = append(all, quoted), append(forms, name)
		}
	}
	return head, word, all, forms
}

// agreed is the beginning that all have in common, whole characters only.
func agreed(all []string) string {
	beginning := all[0]
	for _, name := range all[1:] {
		for !strings.HasPrefix(name, beginning) {
			_, size := utf8.DecodeLastRuneInString(beginning)
			beginning = beginning[:len(beginning)-size]
		}
	}
	return beginning
}
