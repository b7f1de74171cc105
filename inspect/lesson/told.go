package lesson

import (
	"regexp"
	"slices"
	"strings"
)

// computedWords is what only a session knows, in a command.
var computedWords = regexp.MustCompile(`\{\{[^}]*\}\}`)

// Told says what a step does, in words for people, by sentences of package docs;
// "" if it only shows something. It is as safe to draw as what say returns, and
// what a script has in it is made so.
func (s Step) Told(say func(id string, pairs ...any) string) string {
	about := computedWords.ReplaceAllString(s.About, "…")
	words, what := split(about)
	if what != nil {
		words = strings.Fields(about)
	}
	switch s.Verb {
	case "open":
		return toldOpen(words, say)
	case "hold":
		return toldOf(words, say, "course_step_hold", "course_step_hold_message")
	case "tamper":
		return toldOf(words, say, "course_step_tamper", "course_step_tamper_message")
	case "do":
		return say("course_step_do", "about", drawn(strings.Join(words, " ")))
	case "begin":
		return say("course_step_begin", "about", drawn(strings.Join(words, " ")))
	case "send":
		return say("course_step_send", "about", drawn(strings.Join(words, ", ")))
	case "pause":
		return say("course_step_pause", "about", drawn(about))
	case "connect":
		return say("course_step_connect")
	case "exit":
		return say("course_step_exit")
	case "guess":
		return say("course_step_guess")
	case "release":
		return toldRelease(s.Does, say)
	}
	return ""
}

// toldOpen says what session begins: by the channel, or by the stage, if that has none.
func toldOpen(words []string, say func(string, ...any) string) string {
	if at := slices.Index(words, "with"); at >= 0 {
		words = words[:at]
	}
	if len(words) == 0 {
		return say("course_step_open")
	}
	stage, _, _ := strings.Cut(words[len(words)-1], "-v")
	switch stage {
	case Clear:
		return say("course_step_open_plain")
	case Sealed, SealedAuthenticated:
		return say("course_step_open_sealed")
	case TLS12:
		return say("course_step_open_tls12")
	case TLS13:
		return say("course_step_open_tls13")
	case MTLS:
		return say("course_step_open_mtls")
	case "upper":
		return say("course_step_open_upper")
	case "sockets":
		return say("course_step_open_sockets")
	case "router":
		return say("course_step_open_router")
	}
	return say("course_step_open")
}

// toldOf says what becomes of what a side says, or of a message of the handshake.
func toldOf(words []string, say func(string, ...any) string, id, ofMessage string) string {
	if len(words) < 2 {
		return say(id, "side", say("course_either"))
	}
	side := say("course_either")
	switch words[0] {
	case "client":
		side = say("course_client")
	case "server":
		side = say("course_server")
	}
	if kind := words[1]; !slices.Contains([]string{"record", "text", "unit", "alert", "handshake", "change_cipher_spec"}, kind) {
		return say(ofMessage, "name", drawn(standardName(kind)))
	}
	return say(id, "side", side)
}

// standardName is that of a message, as RFC 8446 writes it: ClientHello for client_hello.
func standardName(kind string) string {
	var name strings.Builder
	for part := range strings.SplitSeq(kind, "_") {
		if part != "" {
			name.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return name.String()
}

// toldRelease says what becomes of what waits on the wire.
func toldRelease(does string, say func(string, ...any) string) string {
	verb, _, _ := strings.Cut(strings.TrimSpace(does), " ")
	switch verb {
	case "":
		return say("course_step_release")
	case "drop":
		return say("course_step_release_drop")
	case "repeat":
		return say("course_step_release_repeat")
	case "swap":
		return say("course_step_release_swap")
	case "delay":
		return say("course_step_release_delay")
	case "cut":
		return say("course_step_release_cut")
	case "inject":
		return say("course_step_release_inject")
	}
	return say("course_step_release_changed")
}
