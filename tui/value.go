package tui

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// valueView draws all that is known of the selected branch of the key schedule, its command last.
func (m *model) valueView(w, height int) []string {
	list := m.branches()
	if len(list) == 0 { // the cursor went back before the ServerHello
		return m.scheduleView(w, height)
	}
	b := list[m.selectedBranch(list)]
	lines := m.about(b, w)
	if b.value != nil {
		lines = m.valuePage(b.value, w)
	}
	return m.scrolled(m.rule(w, m.branchTitle(b), ""), lines, w, height)
}

// valuePage draws a value and the command that prints it.
func (m *model) valuePage(v *inspect.Value, w int) []string {
	lines := m.aboutValue(v, w)
	if v.Command == "" {
		return lines
	}
	lines = append(lines, m.pal.line(w, false))
	for _, line := range wrap(m.say("tui_value_command_how"), w-2) {
		lines = append(lines, m.pal.line(w, false, span{quiet, " " + line}))
	}
	return append(lines, m.commandLines(v.Command, w)...)
}

// about draws what is known of a branch, but for its command.
func (m *model) about(b branch, w int) []string {
	switch {
	case b.proof != nil:
		return m.aboutProof(b.proof, w)
	case b.value != nil:
		return m.aboutValue(b.value, w)
	}
	return m.aboutProofs(w)
}

// A sheet collects lines of text of one width.
type sheet struct {
	m     *model
	w     int
	lines []string
}

func (s *sheet) put(spans ...span) {
	s.lines = append(s.lines, s.m.pal.line(s.w, false, append([]span{{plain, " "}}, spans...)...))
}

// text puts a sentence, on as many lines as it takes.
func (s *sheet) text(ink ink, text string) {
	if text == "" {
		return
	}
	for _, line := range wrap(text, s.w-2) {
		s.put(span{ink, line})
	}
}

// named puts a word and what belongs to it, the lines of that below each other.
func (s *sheet) named(word string, column int, ink ink, lines []string) {
	for i, line := range lines {
		if i > 0 {
			word = ""
		}
		if column == 0 {
			s.put(span{ink, line})
			continue
		}
		s.put(span{quiet, fit(word, column, s.m.pal.glyphs.more) + " "}, span{ink, line})
	}
}

// hex puts all of the bytes behind a word.
func (s *sheet) hex(word string, column int, ink ink, b []byte) {
	var lines []string
	for row := range slices.Chunk(b, max((s.w-3-column)/3/8*8, 8)) {
		lines = append(lines, fmt.Sprintf("% x", row))
	}
	s.named(word, column, ink, lines)
}

// aboutValue says of a value its bytes, how it is computed, and of what.
func (m *model) aboutValue(v *inspect.Value, w int) []string {
	s := &sheet{m: m, w: w}
	s.lines = append(s.lines, m.ends(w, []span{{strong, m.owned(v.Name)}}, span{quiet, m.cite(v.RFC)}))
	if v.Bytes == nil {
		s.text(plain, m.say("tui_value_missing", "why", v.Missing))
		if m.inGlassBox(v) {
			s.text(plain, m.say("tui_value_glass_box"))
		}
	} else {
		s.hex("", 0, lit, v.Bytes)
	}
	if v.Formula != "" {
		for _, line := range wrapFormula("= "+m.formula(v), s.w-2) {
			s.put(span{strong, line})
		}
	}
	m.inputs(s, v.Inputs)
	m.covers(s, v.Covers)
	if text, ink := m.inLog(v); text != "" {
		s.text(ink, text)
	}
	if text := m.explainValue(v.Kind); text != "" {
		s.put()
		s.text(plain, text)
	}
	return s.lines
}

// inputs puts what a value is computed of: beside its name, or below it where names are long.
func (m *model) inputs(s *sheet, inputs []inspect.Input) {
	column := 0
	for _, input := range inputs {
		column = max(column, width(m.owned(input.Name))+1)
	}
	for _, input := range inputs {
		name := m.owned(input.Name)
		if column > s.w/4 {
			s.text(quiet, name)
			name = ""
		}
		if len(input.Bytes) == 0 {
			s.named(name, min(column, 1+width(name)), quiet, []string{m.say("tui_value_unknown")})
		} else if name == "" {
			s.hex("", 1, plain, input.Bytes)
		} else {
			s.hex(name, column, plain, input.Bytes)
		}
	}
}

// covers names the messages that a transcript hash, a MAC or a signature is over.
func (m *model) covers(s *sheet, messages []*inspect.Message) {
	if len(messages) == 0 {
		return
	}
	names := make([]string, 0, len(messages))
	bytes := 0
	for i, message := range messages {
		name := m.messageName(message)
		if i == 0 && len(messages) > 1 && messages[1].Name() == "hello_retry_request" {
			name = m.say("tui_covers_hash", "message", name) // RFC 8446 section 4.4.1
		}
		names = append(names, name)
		bytes += len(message.Bytes)
	}
	s.text(plain, m.say("tui_covers", "count", len(messages), "messages", strings.Join(names, ", ")))
}

// messageName is the message's name in the standard's words; of a Finished, whose it is.
func (m *model) messageName(message *inspect.Message) string {
	name := inspect.Safe(structName(message.Name()))
	if name == "Finished" {
		name = m.say("tui_finished_of", "side", m.side(message.Side))
	}
	return name
}

// keyLogLabels are the names that a key log has for values of the key schedule.
var keyLogLabels = map[string]string{
	"client_early_traffic_secret":         "CLIENT_EARLY_TRAFFIC_SECRET",
	"early_exporter_master_secret":        "EARLY_EXPORTER_SECRET",
	"client_handshake_traffic_secret":     "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
	"server_handshake_traffic_secret":     "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	"client_application_traffic_secret_0": "CLIENT_TRAFFIC_SECRET_0",
	"server_application_traffic_secret_0": "SERVER_TRAFFIC_SECRET_0",
	"exporter_master_secret":              "EXPORTER_SECRET",
	"master_secret":                       "CLIENT_RANDOM", // of TLS 1.2
}

// inLog says whether at the cursor a key log has the value too, and whether it is the same.
func (m *model) inLog(v *inspect.Value) (text string, ink ink) {
	c, label := m.conn(), keyLogLabels[v.Name]
	if c == nil || !v.Logged || v.Bytes == nil {
		return "", plain
	}
	side := m.schedule.side
	if speaks(c) {
		for _, secret := range m.knownTo(c, side) {
			if bytes.Equal(secret.Bytes, v.Bytes) {
				return m.say("tui_value_logged_only", "origin", m.origin(secret.Origin), "label", inspect.Safe(secret.Label)), plain
			}
		}
		return "", plain
	}
	for _, secret := range m.knownTo(c, side) {
		if secret.Label != label {
			continue
		}
		id, ink := "tui_value_logged_only", plain
		switch {
		case string(secret.Bytes) != string(v.Bytes):
			id, ink = "tui_value_logged_other", bad
		case v.Command != "":
			id = "tui_value_logged"
		}
		return m.say(id, "origin", m.origin(secret.Origin), "label", label), ink
	}
	return "", plain
}

// missing says why a value is not known.
func (m *model) missing(v *inspect.Value) string {
	if v.Because.Key == "" {
		return inspect.Safe(v.Missing)
	}
	return m.because(v.Because)
}

// inGlassBox reports whether the value would be known if the session that runs here were a glass box. Of what was recorded
// elsewhere, and of a scene, that cannot be said.
func (m *model) inGlassBox(v *inspect.Value) bool {
	c := m.conn()
	return m.play != nil && c != nil && !c.Opening.GlassBox && (v.Because.Key == "private_key" || v.Because.Key == "input")
}

// formula is as the standard writes it, the words in it in the language of the screen.
func (m *model) formula(v *inspect.Value) string {
	return m.pal.spell(m.sentences.Formula(v.Kind, inspect.Safe(v.Formula)))
}

// cite says where something is defined, as it is written in the language of the screen.
func (m *model) cite(rfc string) string {
	return m.pal.spell(m.sentences.Citation(inspect.Safe(rfc)))
}

// owned names values with the words for whose they are in the language of the screen.
func (m *model) owned(name string) string {
	return m.pal.spell(m.sentences.ValueName(inspect.Safe(name)))
}

// explainValue returns what the manual says about a kind of value.
func (m *model) explainValue(kind string) string { return m.explain(inspect.Field{Kind: kind}) }

// commandLines writes a command on lines of exactly w cells, each but the last with a backslash in its last cell: copied
// together they are the command again, whatever the terminal does at the end of a line.
func (m *model) commandLines(command string, w int) []string {
	var lines []string
	for _, line := range shellLines(inspect.Safe(command), w) {
		lines = append(lines, m.pal.line(w, false, span{plain, line}))
	}
	return lines
}

// shellLines breaks a command between words where it can, and never between single quotes, in which a shell would take
// the backslash for what it is.
func shellLines(command string, w int) []string {
	command = strings.ReplaceAll(command, `\\`, `\`) // as Safe wrote it
	var lines []string
	for len(command) > w {
		at, quoted := 0, false
		for i := range w - 1 {
			switch {
			case command[i] == '\'':
				quoted = !quoted
			case !quoted && command[i] == ' ' && i > 0:
				at = i + 1
			}
		}
		if at < w/2 {
			if hard := hardBreak(command, w-1); hard > 0 {
				at = hard
			}
		}
		if at == 0 {
			break
		}
		lines = append(lines, command[:at]+spaces(w-1-at)+`\`)
		command = command[at:]
	}
	return append(lines, command)
}

// hardBreak returns the last place up to most at which a word can be broken: not between quotes, not behind a backslash.
func hardBreak(command string, most int) (at int) {
	quoted := false
	for i := range most {
		if command[i] == '\'' {
			quoted = !quoted
		}
		if !quoted && command[i] != '\\' {
			at = i + 1
		}
	}
	return at
}
