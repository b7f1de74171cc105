package lesson

import (
	"slices"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// alterations returns assertions that say something else than the one in words
// does, each in one value, name, error or place of an order. None of them can
// be true where that one is.
func alterations(words []string) (all [][]string) {
	put := func(words ...string) { all = append(all, words) }
	last := len(words) - 1
	with := func(at int, word string) { put(replaced(words, at, word)...) }
	others := func(at int, among ...string) {
		for _, other := range among {
			if other != words[at] {
				with(at, other)
			}
		}
	}
	switch line := strings.Join(words, " "); {
	case line == "no answer" || line == "silence":
		put("answer", "Ok")
		put("answer", "")
	case line == "nobody notices":
		others(0, "client", "server")
	case line == "resumed" || line == "guessed":
		put("not", line)
	case line == "not resumed" || line == "not guessed":
		put(words[1])
	case words[0] == "answer":
		put(append(slices.Clone(words), "~")...)
		put("no", "answer")
	case words[0] == "version":
		put("version", "TLS", "9.9")
	case line == "attacker changes nothing":
		put("attacker", "changes", "the", "data")
	case line == "attacker changes the data":
		put("attacker", "changes", "nothing")
	case strings.HasPrefix(line, "attacker sees a pause of "):
		if d, err := time.ParseDuration(words[last]); err == nil {
			with(last, (1000 * d).String())
		}
	case line == "attacker reads nothing":
		put("attacker", "reads", "")
	case strings.HasPrefix(line, "attacker reads "):
		put("attacker", "reads", "nothing")
		with(last, words[last]+"~")
	case len(words) > 1:
		all = alterationsOf(words)
	}
	return all
}

// alterationsOf are those of what is said of a side.
func alterationsOf(words []string) (all [][]string) {
	side, rest := words[0], words[2:]
	put := func(words ...string) { all = append(all, append([]string{side}, words...)) }
	switch words[1] {
	case "fails":
		put("is", "content")
		if len(rest) > 0 {
			put("fails", strings.Join(rest, " ")+"~")
		}
	case "is":
		put("fails")
	case "notices":
		all = append(all, []string{"nobody", "notices"}, []string{peerOf(side), "notices"})
	case "learns":
		for _, when := range []string{inHandshake, afterHandshake, ofNothing} {
			if when != strings.Join(rest, " ") {
				put(append([]string{"learns"}, strings.Fields(when)...)...)
			}
		}
	case "receives":
		put("receives", rest[0]+"~")
	case "reads":
		put("reads", "something")
	case "ends":
		for _, how := range []string{"close_notify", "end of file", "cut"} {
			if how != strings.Join(rest[1:], " ") {
				put(append([]string{"ends", "with"}, strings.Fields(how)...)...)
			}
		}
	case "alerts":
		all = append(all, alterationsOfAlert(side, rest)...)
	case "sends":
		for _, order := range disorders(rest) {
			put(append([]string{"sends"}, order...)...)
		}
	}
	return all
}

func peerOf(side string) string { return sides[side].Peer().String() }

// alterationsOfAlert are another alert, and whether it was understood.
func alterationsOfAlert(side string, rest []string) (all [][]string) {
	understood := rest[1:]
	for code := range 1 << 7 {
		if name := inspect.AlertName(byte(code)); name != rest[0] && name != "close_notify" && !strings.Contains(name, " ") {
			all = append(all, append([]string{side, "alerts", name}, understood...))
		}
	}
	switch strings.Join(understood, " ") {
	case "understood":
		all = append(all, []string{side, "alerts", rest[0], "not", "understood"})
	case "not understood":
		all = append(all, []string{side, "alerts", rest[0], "understood"})
	}
	return all
}

// disorders are a list with two neighbours exchanged, with one left out, with one
// more, and with one by another name.
func disorders(names []string) (all [][]string) {
	for i := range names {
		if i+1 < len(names) && names[i] != names[i+1] {
			swapped := slices.Clone(names)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			all = append(all, swapped)
		}
		if len(names) > 1 {
			all = append(all, slices.Delete(slices.Clone(names), i, i+1))
		}
		all = append(all, replaced(names, i, names[i]+"~"))
	}
	return append(all, append(slices.Clone(names), names[0]))
}

func replaced(words []string, at int, word string) []string {
	words = slices.Clone(words)
	words[at] = word
	return words
}
