package lesson

import (
	"cmp"
	"crypto/aes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/inspect"
)

// The channels that a scene can be played on. What opens the stage knows what
// each of them is.
const (
	Clear               = "plain"                // no TLS
	Sealed              = "sealed"               // cryptography of one's own making, and no TLS
	SealedAuthenticated = "sealed-authenticated" // its mended variant
	TLS12               = "tls12"
	TLS13               = "tls13"
	MTLS                = "mtls" // TLS 1.3, and the client shows a certificate too
)

// Channels are all of them, in the order of a table.
var Channels = []string{Clear, Sealed, SealedAuthenticated, TLS12, TLS13, MTLS}

// A Scene is a script that has been read: what is done to a session, and what
// must come of it on each channel.
type Scene struct {
	Name     string
	Channels []string // those that it makes sense on
	With     []string // how the endpoints differ from honest ones that are set up well

	steps []step
}

// A step is one line of a scene.
type step struct {
	Step
	channels []string // those on which it counts; nil: all
	run      func(*run) error
}

// on reports whether the step counts on the channel.
func (s step) on(channel string) bool {
	return s.channels == nil || slices.Contains(s.channels, channel)
}

// A Step is one line of a scene.
type Step struct {
	Line  int    // of the script, from 1
	Text  string // of that line
	Verb  string // its first word, but for only
	About string // what follows it, up to the colon
	Does  string // what follows the colon
}

// acts reports whether something happens, and not only something is said of, or
// shown of, what happened.
func (s Step) acts() bool {
	return !slices.Contains([]string{"expect", "note", "look", "explain", "show", "let"}, s.Verb)
}

// A SyntaxError says what is wrong with which line of a script.
type SyntaxError struct {
	Name string
	Line int // from 1
	Text string
	What string // in English

	remark *remark // what What says; nil where it is English alone
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s, line %d: %s: %s", e.Name, e.Line, e.What, inspect.Safe(e.Text))
}

// maxScript bounds a script, which is written by hand.
const maxScript = 1 << 16

// Parse reads a scene. What is wrong comes as a *[SyntaxError].
func Parse(name, text string) (*Scene, error) {
	scene := &Scene{Name: name}
	if len(text) > maxScript {
		return nil, &SyntaxError{Name: name, Line: 1, What: fmt.Sprintf("a script has at most %d bytes", maxScript)}
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if what := scene.parse(i+1, line); what != "" {
			return nil, &SyntaxError{Name: name, Line: i + 1, Text: line, What: what}
		}
	}
	if len(scene.Channels) == 0 {
		return nil, &SyntaxError{Name: name, Line: 1, What: "no line says on which channels it is played, as in: on tls12 tls13"}
	}
	return scene, nil
}

// parse takes in a line and returns what is wrong with it, or "".
func (s *Scene) parse(number int, line string) string {
	head, tail, _ := cutColon(line)
	words, what := split(head)
	if what != "" {
		return what
	}
	switch verb, rest := words[0], words[1:]; verb {
	case "only":
		return s.parseOnly(number, rest, tail)
	case "on":
		s.Channels = append(s.Channels, rest...)
		return unknownChannel(rest)
	case "with":
		s.With = append(s.With, rest...)
		return ""
	}
	step, what := parseStep(number, line, sceneVerbs)
	if what == "" {
		s.steps = append(s.steps, step)
	}
	return what
}

// A verb reads what stands behind it: the words before the colon, and what
// follows the colon, if there is one. It returns what is to be done, and what is
// wrong, or "".
type verb func(rest []string, tail string, hasTail bool) (func(*run) error, string)

// sceneVerbs are those of scenes, but for the ones that are about all of it.
var sceneVerbs = map[string]verb{
	"tamper":  parseTamper,
	"do":      parseDo,
	"send":    parseSend,
	"connect": alone("connect", (*run).connect),
	"exit":    alone("exit", (*run).exit),
	"pause":   parsePause,
	"guess":   parseGuess,
	"note":    parseNote,
	"expect":  parseExpect,
}

// alone is a verb behind which nothing stands.
func alone(name string, do func(*run) error) verb {
	return func(rest []string, _ string, _ bool) (func(*run) error, string) {
		if len(rest) > 0 {
			return nil, name + " stands alone"
		}
		return do, ""
	}
}

// parseStep reads a line that is a step.
func parseStep(number int, line string, verbs map[string]verb) (s step, what string) {
	head, tail, hasTail := cutColon(line)
	words, what := wordsOf(head)
	if what != "" {
		return s, what
	}
	rest := words[1:]
	if words[0] != "expect" && words[0] != "let" { // which tell a text by its quotes
		rest = unquoted(rest)
	}
	parse, ok := verbs[words[0]]
	if !ok {
		return s, fmt.Sprintf("no such verb; there are on, with, only, %s", strings.Join(slices.Sorted(maps.Keys(verbs)), ", "))
	}
	run, what := parse(rest, tail, hasTail)
	about := strings.TrimSpace(strings.TrimPrefix(head, words[0]))
	return step{Step: Step{number, line, words[0], about, tail}, run: run}, what
}

// parseOnly reads a line that counts on some channels alone.
func (s *Scene) parseOnly(number int, channels []string, line string) string {
	if what := unknownChannel(channels); what != "" || line == "" {
		return cmp.Or(what, "only needs channels, a colon, and a line, as in: only tls12: connect")
	}
	before := len(s.steps)
	if what := s.parse(number, line); what != "" {
		return what
	}
	if len(s.steps) == before {
		return "on and with count on every channel"
	}
	s.steps[before].channels = channels
	return ""
}

// unknownChannel says which of the words is no channel, or "".
func unknownChannel(words []string) string {
	for _, word := range words {
		if !slices.Contains(Channels, word) {
			return fmt.Sprintf("%q is no channel; there are %s", word, strings.Join(Channels, ", "))
		}
	}
	return ""
}

// cutColon cuts a line at the first colon that stands outside quotes and is
// followed by a space.
func cutColon(line string) (head, tail string, ok bool) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quoted:
			i++
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted && strings.HasPrefix(line[i+1:], " "):
			return line[:i], strings.TrimSpace(line[i+1:]), true
		}
	}
	return line, "", false
}

// split cuts text into words; one in quotes is written as in Go.
func split(text string) (words []string, what string) {
	if words, what = wordsOf(text); what != "" {
		return nil, what
	}
	return unquoted(words), ""
}

// wordsOf is split, but leaves the quotes of the words that have them.
func wordsOf(text string) (words []string, what string) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if text[0] != '"' {
			end := strings.IndexAny(text, " \t")
			if end < 0 {
				end = len(text)
			}
			words, text = append(words, text[:end]), text[end:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, "a quote without its end"
		}
		if _, err := strconv.Unquote(quoted); err != nil {
			return nil, "not a string as Go writes it"
		}
		words, text = append(words, quoted), text[len(quoted):]
	}
	if len(words) == 0 {
		return nil, "nothing before the colon"
	}
	return words, ""
}

// unquoted returns the words of wordsOf without their quotes.
func unquoted(words []string) (plain []string) {
	for _, word := range words {
		if text, err := strconv.Unquote(word); err == nil && word[0] == '"' {
			word = text
		}
		plain = append(plain, word)
	}
	return plain
}

// parseDo reads a command.
func parseDo(rest []string, _ string, _ bool) (func(*run) error, string) {
	command, what := parseCommand("do", strings.Join(rest, " "))
	return func(r *run) error { return command.of(r, r.do) }, what
}

// parseSend reads commands that are sent without waiting for answers.
func parseSend(rest []string, _ string, _ bool) (func(*run) error, string) {
	var commands []command
	for _, text := range rest {
		c, what := parseCommand("send", text)
		if what != "" {
			return nil, what
		}
		commands = append(commands, c)
	}
	if len(commands) == 0 {
		return nil, "send needs a command"
	}
	return func(r *run) error {
		var all []string
		for _, c := range commands {
			if err := c.of(r, func(text string) error { all = append(all, text); return nil }); err != nil {
				return err
			}
		}
		return r.send(all)
	}, ""
}

// A command is what the client is told to do, in which values may stand in double
// braces, as they do in the prose of a lesson.
type command []inline

func parseCommand(verb, text string) (c command, what string) {
	if text == "" {
		return nil, verb + " needs a command"
	}
	for {
		before, rest, ok := strings.Cut(text, "{{")
		c = append(c, inline{text: before})
		if !ok {
			return c, ""
		}
		source, rest, ok := strings.Cut(rest, "}}")
		if !ok {
			return nil, "{{ without }}"
		}
		t, what := parseTemplate(source, 0)
		if what != "" {
			return nil, fmt.Sprintf("{{%s}}: %s", source, what)
		}
		c, text = append(c, inline{template: t}), rest
	}
}

// of has something done with the command, once its values are computed.
func (c command) of(r *run, do func(text string) error) error {
	var text strings.Builder
	for _, in := range c {
		if in.template == nil {
			text.WriteString(in.text)
			continue
		}
		r.settle()
		value, err := in.template.value(r)
		if err != nil {
			return fmt.Errorf("{{%s}}: %w", in.template.source, err)
		}
		text.WriteString(value.String())
	}
	return do(text.String())
}

// parsePause reads how long the client thinks.
func parsePause(rest []string, _ string, _ bool) (func(*run) error, string) {
	d, ok := parseTime(rest)
	if !ok {
		return nil, "pause needs a time, as in: pause 200ms"
	}
	return func(r *run) error { return r.pause(d) }, ""
}

// parseTime reads a time of at most an hour, which stands alone.
func parseTime(words []string) (d time.Duration, ok bool) {
	if len(words) != 1 {
		return 0, false
	}
	d, err := time.ParseDuration(words[0])
	return d, err == nil && d > 0 && d <= time.Hour
}

// parseGuess reads the commands among which someone who sees only the wire
// guesses the latest one; behind an arrow, the answer that it is known to get.
func parseGuess(rest []string, _ string, _ bool) (func(*run) error, string) {
	if len(rest) < 2 {
		return nil, `guess needs two commands or more, as in: guess "read nome" "delete nome -> Ok"`
	}
	var among []candidate
	for _, text := range rest {
		command, answer, answered := strings.Cut(text, " -> ")
		among = append(among, candidate{command, answer, answered})
	}
	return func(r *run) error { return r.guess(among) }, ""
}

// parseNote reads the name of a remark that belongs to the outcome.
func parseNote(rest []string, _ string, _ bool) (func(*run) error, string) {
	if len(rest) != 1 {
		return nil, "note needs the name of a remark"
	}
	return func(r *run) error {
		r.notes = append(r.notes, rest[0])
		return nil
	}, ""
}

// parseTamper reads a rule: what it is about, and what it does.
func parseTamper(about []string, action string, hasAction bool) (func(*run) error, string) {
	if !hasAction {
		return nil, "tamper needs a colon and what to do, as in: tamper client text 1: drop"
	}
	m, err := parseMatch(about)
	if err != nil {
		return nil, err.Error()
	}
	words, what := split(action)
	if what != "" {
		return nil, what
	}
	if len(words) > 2 && words[1] == "in" && words[2] == "turn" {
		return parseInTurn(m, words)
	}
	act, what := parseAction(words)
	if what != "" {
		return nil, what
	}
	return func(r *run) error { return r.tamper(m, act) }, ""
}

// parseInTurn reads what becomes of a message of the home-made channel at the hands of someone who keeps to its turns.
func parseInTurn(m inspect.Match, words []string) (func(*run) error, string) {
	verb, rest := words[0], words[3:]
	act := map[string]func(*turns) inspect.Action{
		"repeat": func(t *turns) inspect.Action { return t.repeat },
		"drop":   func(t *turns) inspect.Action { return t.drop },
		"swap":   func(t *turns) inspect.Action { return t.swap },
	}[verb]
	switch {
	case act != nil && len(rest) == 0:
	case verb == "inject" && len(rest) == 3 && rest[1] == "knowing" && len(rest[0]) < aes.BlockSize && rest[2] != "":
		act = func(t *turns) inspect.Action { return t.inject([]byte(rest[0]), []byte(rest[2])) }
	default:
		return nil, `in turn there are: repeat in turn, drop in turn, swap in turn, inject in turn "TEXT" knowing "TEXT" (at most 15 bytes of the first)`
	}
	return func(r *run) error { return r.tamper(m, act(r.turns)) }, ""
}

var contentTypes = map[string]inspect.ContentType{
	"text": inspect.ApplicationData, "alert": inspect.Alert, "handshake": inspect.Handshake, "change_cipher_spec": inspect.ChangeCipherSpec,
}

// messages are the names of messages that a rule may be about.
var messages = []string{
	"client_hello", "server_hello", "hello_retry_request", "encrypted_extensions", "certificate", "certificate_request", "certificate_verify",
	"server_key_exchange", "server_hello_done", "client_key_exchange", "finished", "new_session_ticket", "key_update",
}

// A MatchError says which word of a match was not understood, and what may
// stand there.
type MatchError struct {
	Part MatchPart
	Word string // "" where a word is missing
}

// A MatchPart is a part of a match.
type MatchPart uint8

// The parts, in their order: SENDER KIND [NUMBER|every] [containing TEXT].
const (
	MatchSender MatchPart = iota + 1
	MatchKind
	MatchRest
	MatchQuote // no part, but a quote without its end, or not as Go writes it
)

// Choices returns the words that may stand in the part: each of them as it is
// written.
func (p MatchPart) Choices() []string {
	switch p {
	case MatchSender:
		return []string{"client", "server", "either"}
	case MatchKind:
		return append([]string{"record", "text", "alert", "handshake", "change_cipher_spec", "unit NAME"}, messages...)
	case MatchRest:
		return []string{"2", "every", "containing TEXT"}
	}
	return nil
}

func (e *MatchError) Error() string {
	if e.Part == MatchQuote {
		return "a quote without its end, or not a string as Go writes it"
	}
	what := fmt.Sprintf("%q is not understood", e.Word)
	if e.Word == "" {
		what = "a word is missing"
	}
	behind := [...]string{"", "first comes whose record it is", "then which kind", "then which of them"}[e.Part]
	return fmt.Sprintf("%s: %s: %s", what, behind, strings.Join(e.Part.Choices(), ", "))
}

// ParseMatch reads which records are meant, in the words of a scene, as in:
// server certificate; client text 3; either alert every. Without a number it is
// the first one. The error is a [*MatchError].
func ParseMatch(text string) (inspect.Match, error) {
	words, what := split(text)
	if what != "" && strings.TrimSpace(text) != "" {
		return inspect.Match{}, &MatchError{Part: MatchQuote}
	}
	m, err := parseMatch(words)
	if err != nil {
		return inspect.Match{}, err
	}
	return m, nil
}

var senders = map[string]inspect.Sender{"client": inspect.FromClient, "server": inspect.FromServer, "either": inspect.FromEither}

// parseMatch reads SENDER KIND [NUMBER|every] [containing TEXT]. Without a
// number the rule is about the first, from where it stands on.
func parseMatch(words []string) (m inspect.Match, err *MatchError) {
	var sender, kind string // "" where the words end
	if len(words) > 0 {
		sender = words[0]
	}
	if len(words) > 1 {
		kind = words[1]
	}
	from, ok := senders[sender]
	if !ok {
		return m, &MatchError{MatchSender, sender}
	}
	m.From, m.Nth = from, 1
	switch {
	case contentTypes[kind] != 0:
		m.Type = contentTypes[kind]
	case slices.Contains(messages, kind):
		m.Message = kind
	case kind == "unit" && len(words) > 2:
		m.Message, words = words[2], words[1:]
	case kind != "record":
		return m, &MatchError{MatchKind, kind}
	}
	for rest := words[2:]; len(rest) > 0; rest = rest[1:] {
		n, err := strconv.Atoi(rest[0])
		switch {
		case rest[0] == "every":
			m.Nth = 0
		case rest[0] == "containing" && len(rest) > 1:
			m.Content, rest = []byte(rest[1]), rest[1:]
		case err == nil && n > 0:
			m.Nth = n
		default:
			return m, &MatchError{MatchRest, rest[0]}
		}
	}
	return m, nil
}

// swapWait is how long a record that is to be overtaken waits for the next.
const swapWait = time.Second

// parseAction reads what becomes of a record.
func parseAction(words []string) (act inspect.Action, what string) {
	verb, rest := words[0], words[1:]
	number := func(i int) (int, bool) {
		if i >= len(rest) {
			return 0, false
		}
		n, err := strconv.Atoi(rest[i])
		return n, err == nil
	}
	switch verb {
	case "drop", "hold", "swap":
		if len(rest) > 0 {
			return nil, verb + " stands alone"
		}
		return map[string]inspect.Action{"drop": inspect.Drop, "hold": inspect.Hold, "swap": inspect.Swap(swapWait)}[verb], ""
	case "repeat":
		return inspect.Repeat(1), ""
	case "delay":
		if d, ok := parseTime(rest); ok {
			return inspect.Delay(d), ""
		}
		return nil, "delay needs a time, as in: delay 500ms"
	case "cut":
		n, ok := number(0)
		switch {
		case len(rest) == 1 && rest[0] == "before":
			return inspect.CutAfter(0), ""
		case len(rest) == 1 && rest[0] == "behind":
			return inspect.CutAfter(1 << 30), ""
		case ok && n > 0:
			return inspect.CutAfter(n), ""
		}
		return nil, "cut needs a place: before, behind, or after how many bytes of the record"
	case "inject":
		if len(rest) == 2 && rest[0] == "text" {
			return inspect.Inject([]byte(rest[1])), ""
		}
		if b, err := hex.DecodeString(strings.Join(rest, "")); err == nil && len(b) > 0 {
			return inspect.Inject(b), ""
		}
		return nil, `inject needs bytes in hexadecimal, or: text "..."`
	case "flip":
		return parseFlip(rest)
	case "reseal":
		return parseReseal(rest)
	case "set":
		return parseSet(rest)
	}
	return nil, "no such action; there are drop, hold, swap, repeat, delay, cut, inject, flip, set, reseal"
}

func parseFlip(rest []string) (inspect.Action, string) {
	const how = "flip needs a place: byte N, byte N bit B (0 is the lowest), or field KIND"
	if len(rest) < 2 {
		return nil, how
	}
	if rest[0] == "field" {
		return inspect.FlipField(rest[1:]...), ""
	}
	n, mask, ok := parseBit(rest)
	if !ok {
		return nil, how
	}
	return inspect.Flip(n, mask), ""
}

// parseReseal reads a change to what a record says, by someone who has its keys.
func parseReseal(rest []string) (inspect.Action, string) {
	n, mask, ok := parseBit(rest)
	if !ok {
		return nil, "reseal needs a place in what the record says: byte N, or byte N bit B (0 is the lowest)"
	}
	return inspect.Reseal(func(content []byte) []byte {
		at := n
		if n < 0 {
			at += len(content)
		}
		if at >= 0 && at < len(content) {
			content[at] ^= mask
		}
		return content
	}), ""
}

// parseBit reads byte N [bit B]. A negative N counts from the end.
func parseBit(words []string) (n int, mask byte, ok bool) {
	if len(words) != 2 && len(words) != 4 || words[0] != "byte" {
		return 0, 0, false
	}
	n, err := strconv.Atoi(words[1])
	bit := 0
	if err == nil && len(words) == 4 {
		bit, err = strconv.Atoi(words[3])
	}
	ok = err == nil && bit >= 0 && bit <= 7 && (len(words) == 2 || words[2] == "bit")
	return n, 1 << (bit & 7), ok
}

func parseSet(rest []string) (inspect.Action, string) {
	const how = "set needs a field and bytes in hexadecimal, as in: set field client_hello.random to 00"
	to := slices.Index(rest, "to")
	if len(rest) < 4 || rest[0] != "field" || to != len(rest)-2 || to < 2 {
		return nil, how
	}
	b, err := hex.DecodeString(rest[to+1])
	if err != nil || len(b) == 0 {
		return nil, how
	}
	return inspect.SetField(b, rest[1:to]...), ""
}
