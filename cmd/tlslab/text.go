package main

import (
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// safe makes text safe to draw. Unlike [inspect.Safe] it leaves a backslash
// alone where nothing else needs an escape, so that paths and quoted answers
// stay as they are.
func safe(text string) string {
	drawn := inspect.Safe(text)
	if drawn == strings.ReplaceAll(text, `\`, `\\`) {
		return text
	}
	return drawn
}

func oneLine(text string) string {
	return strings.Join(strings.Split(strings.TrimSpace(text), "\n"), "; ")
}

// shellQuote writes a word so that a shell takes it as one.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(`-_./:=@%+,\`, r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// called is the program's name as examples should show it.
func called(arg0 string) string {
	switch {
	case strings.Contains(arg0, "go-build"): // go run
		return "go run ./cmd/tlslab"
	case strings.ContainsAny(arg0, `/\`):
		return shellQuote(arg0)
	}
	return "tlslab"
}
