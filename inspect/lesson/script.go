package lesson

import (
	"cmp"
	"crypto/aes"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/docs"
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

	what *remark
}

func (e *SyntaxError) Error() string { return ErrorIn(e, docs.English) }

// maxScript bounds a script, which is written by hand.
const maxScript = 1 << 16

// Parse reads a scene. What is wrong comes as a *[SyntaxError].
func Parse(name, text string) (*Scene, error) {
	scene := &Scene{Name: name}
	if len(text) > maxScript {
		return nil, &SyntaxError{Name: name, Line: 1, what: say("fault_script_long", "most", maxScript)}
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if what := scene.parse(i+1, line); what != nil {
			return nil, &SyntaxError{Name: name, Line: i + 1, Text: line, what: what}
		}
	}
	if len(scene.Channels) == 0 {
		return nil, &SyntaxError{Name: name, Line: 1, what: say("fault_channels")}
	}
	return scene, nil
}

// parse takes in a line and returns what is wrong with it, or nil.
func (s *Scene) parse(number int, line string) *remark {
	head, tail, _ := cutColon(line)
	words, what := split(head)
	switch {
	case what != nil:
		return what
	case len(words) == 0:
		return say("fault_no_verb")
	}
	switch verb, rest := words[0], words[1:]; verb {
	case "only":
		return s.parseOnly(number, rest, tail)
	case "on":
		s.Channels = append(s.Channels, rest...)
		return unknownChannel(rest)
	case "with":
		s.With = append(s.With, rest...)
		return nil
	}
	step, what := parseStep(number, line, sceneVerbs, "on", "only", "with")
	if what == nil {
		s.steps = append(s.steps, step)
	}
	return what
}

// A verb reads what stands behind it: the words before the colon, and what
// follows the colon, if there is one. It returns what is to be done, and what is
// wrong, or nil.
type verb func(rest []string, tail string, hasTail bool) (func(*run) error, *remark)

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
	return func(rest []string, _ string, _ bool) (func(*run) error, *remark) {
		if len(rest) > 0 {
			return nil, say("fault_alone", "verb", name)
		}
		return do, nil
	}
}

// parseStep reads a line that is a step. Beside the verbs, lines may begin with the others.
func parseStep(number int, line string, verbs map[string]verb, others ...string) (s step, what *remark) {
	head, tail, hasTail := cutColon(line)
	words, what := wordsOf(head)
	switch {
	case what != nil:
		return s, what
	case len(words) == 0:
		return s, say("fault_no_verb")
	}
	rest := words[1:]
	if words[0] != "expect" && words[0] != "let" { // which tell a text by its quotes
		rest = unquoted(rest)
	}
	parse, ok := verbs[words[0]]
	if !ok {
		there := slices.AppendSeq(others, maps.Keys(verbs))
		slices.Sort(there)
		return s, say("fault_verb", "word", words[0], "verbs", strings.Join(there, ", "))
	}
	run, what := parse(rest, tail, hasTail)
	about := strings.TrimSpace(strings.TrimPrefix(head, words[0]))
	return step{Step: Step{number, line, words[0], about, tail}, run: run}, what
}

// parseOnly reads a line that counts on some channels alone.
func (s *Scene) parseOnly(number int, channels []string, line string) *remark {
	if what := unknownChannel(channels); what != nil || line == "" {
		return cmp.Or(what, say("fault_only"))
	}
	before := len(s.steps)
	if what := s.parse(number, line); what != nil {
		return what
	}
	if len(s.steps) == before {
		return say("fault_only_whole")
	}
	s.steps[before].channels = channels
	return nil
}

// unknownChannel says which of the words is no channel, or nil.
func unknownChannel(words []string) *remark {
	for _, word := range words {
		if !slices.Contains(Channels, word) {
			return say("fault_channel", "word", word, "channels", strings.Join(Channels, ", "))
		}
	}
	return nil
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
func split(text string) (words []string, what *remark) {
	if words, what = wordsOf(text); what != nil {
		return nil, what
	}
	return unquoted(words), nil
}

// wordsOf is split, but leaves the quotes of the words that have them.
func wordsOf(text string) (words []string, what *remark) {
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
			if whole := inQuotes.FindString(text); strings.HasPrefix(text, whole) && whole != "" {
				return nil, say("fault_quoted", "text", whole)
			}
			return nil, say("fault_quote")
		}
		words, text = append(words, quoted), text[len(quoted):]
	}
	return words, nil
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
func parseDo(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	command, what := parseCommand("do", strings.Join(rest, " "))
	return func(r *run) error { return command.of(r, r.do) }, what
}

// parseSend reads commands that are sent without waiting for answers.
func parseSend(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	var commands []command
	for _, text := range rest {
		c, what := parseCommand("send", text)
		if what != nil {
			return nil, what
		}
		commands = append(commands, c)
	}
	if len(commands) == 0 {
		return nil, say("fault_send")
	}
	return func(r *run) error {
		var all []string
		for _, c := range commands {
			if err := c.of(r, func(text string) error { all = append(all, text); return nil }); err != nil {
				return err
			}
		}
		return r.send(all)
	}, nil
}

// A command is what the client is told to do, in which values may stand in double
// braces, as they do in the prose of a lesson.
type command []inline

func parseCommand(verb, text string) (c command, what *remark) {
	if text == "" {
		return nil, say("fault_command", "verb", verb)
	}
	for {
		before, rest, ok := strings.Cut(text, "{{")
		c = append(c, inline{text: before})
		if !ok {
			return c, nil
		}
		source, rest, ok := strings.Cut(rest, "}}")
		if !ok {
			return nil, say("fault_braces")
		}
		t, what := parseTemplate(source, 0)
		if what == nil && t.when != nil {
			what = say("fault_when_command")
		}
		if what != nil {
			return nil, what.within(source)
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
			return &templateError{in.template.source, err}
		}
		text.WriteString(value.String())
	}
	return do(text.String())
}

// parsePause reads how long the client thinks.
func parsePause(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	const most = 10 * time.Second // somebody waits for it
	d, ok := parseTime(rest)
	if !ok || d > most {
		return nil, say("fault_pause")
	}
	return func(r *run) error { return r.pause(d) }, nil
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
func parseGuess(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	if len(rest) < 2 {
		return nil, say("fault_guess")
	}
	var among []candidate
	for _, text := range rest {
		command, answer, answered := strings.Cut(text, " -> ")
		among = append(among, candidate{command, answer, answered})
	}
	return func(r *run) error { return r.guess(among) }, nil
}

// parseNote reads the name of a remark that belongs to the outcome.
func parseNote(rest []string, _ string, _ bool) (func(*run) error, *remark) {
	if len(rest) != 1 {
		return nil, say("fault_note")
	}
	return func(r *run) error {
		r.notes = append(r.notes, rest[0])
		return nil
	}, nil
}

// parseTamper reads a rule: what it is about, and what it does.
func parseTamper(about []string, action string, hasAction bool) (func(*run) error, *remark) {
	if !hasAction {
		return nil, say("fault_tamper")
	}
	m, err := parseMatch(about)
	if err != nil {
		return nil, err.remark()
	}
	words, what := split(action)
	if what != nil {
		return nil, what
	}
	if len(words) > 2 && words[1] == "in" && words[2] == "turn" {
		return parseInTurn(m, words)
	}
	act, what := parseAction(words)
	if what != nil {
		return nil, what
	}
	return func(r *run) error { return r.tamper(m, act) }, nil
}

// parseInTurn reads what becomes of a message at the hands of someone who keeps to the turns of a channel.
func parseInTurn(m inspect.Match, words []string) (func(*run) error, *remark) {
	verb, rest := words[0], words[3:]
	act := map[string]func(inspect.Impostor) inspect.Action{
		"repeat": func(i inspect.Impostor) inspect.Action { return i.Repeat },
		"drop":   func(i inspect.Impostor) inspect.Action { return i.Drop },
		"swap":   func(i inspect.Impostor) inspect.Action { return i.Swap },
	}[verb]
	switch {
	case act != nil && len(rest) == 0:
	case verb == "inject" && len(rest) == 3 && rest[1] == "knowing" && len(rest[0]) < aes.BlockSize && rest[2] != "":
		act = func(i inspect.Impostor) inspect.Action { return i.Inject([]byte(rest[0]), []byte(rest[2])) }
	default:
		return nil, say("fault_in_turn")
	}
	return func(r *run) error {
		switch {
		case r.stage == nil:
			return errNoSession
		case r.impostor == nil:
			return errNoTurns
		}
		return r.tamper(m, act(r.impostor))
	}, nil
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

func (e *MatchError) Error() string { return e.remark().Error() }

func (e *MatchError) remark() *remark {
	choices := strings.Join(e.Part.Choices(), ", ")
	switch {
	case e.Part == MatchQuote:
		return say("fault_quote")
	case e.Part == MatchSender && e.Word == "":
		return say("fault_match_no_sender", "choices", choices)
	case e.Part == MatchSender:
		return say("fault_match_sender", "word", e.Word, "choices", choices)
	case e.Part == MatchKind && e.Word == "":
		return say("fault_match_no_kind", "choices", choices)
	case e.Part == MatchKind:
		return say("fault_match_kind", "word", e.Word, "choices", choices)
	}
	return say("fault_match_rest", "word", e.Word)
}

// ParseMatch reads which records are meant, in the words of a scene, as in:
// server certificate; client text 3; either alert every. Without a number it is
// the first one. The error is a [*MatchError].
func ParseMatch(text string) (inspect.Match, error) {
	words, what := split(text)
	if what != nil {
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
func parseAction(words []string) (act inspect.Action, what *remark) {
	if len(words) == 0 {
		return nil, say("fault_action")
	}
	verb, rest := words[0], words[1:]
	number := func(i int) (int, bool) {
		if i >= len(rest) {
			return 0, false
		}
		n, err := strconv.Atoi(rest[i])
		return n, err == nil
	}
	switch verb {
	case "drop", "hold", "swap", "repeat":
		if len(rest) > 0 {
			return nil, say("fault_alone", "verb", verb)
		}
		return map[string]inspect.Action{"drop": inspect.Drop, "hold": inspect.Hold, "swap": inspect.Swap(swapWait), "repeat": inspect.Repeat(1)}[verb], nil
	case "delay":
		if d, ok := parseTime(rest); ok {
			return inspect.Delay(d), nil
		}
		return nil, say("fault_delay")
	case "cut":
		n, ok := number(0)
		switch {
		case len(rest) == 1 && rest[0] == "before":
			return inspect.CutAfter(0), nil
		case len(rest) == 1 && rest[0] == "behind":
			return inspect.CutAfter(1 << 30), nil
		case ok && n > 0:
			return inspect.CutAfter(n), nil
		}
		return nil, say("fault_cut")
	case "inject":
		if len(rest) == 2 && rest[0] == "text" {
			return inspect.Inject([]byte(rest[1])), nil
		}
		if b, err := hex.DecodeString(strings.Join(rest, "")); err == nil && len(b) > 0 {
			return inspect.Inject(b), nil
		}
		return nil, say("fault_inject")
	case "flip":
		return parseFlip(rest)
	case "reseal":
		return parseReseal(rest)
	case "set":
		return parseSet(rest)
	}
	return nil, say("fault_action")
}

func parseFlip(rest []string) (inspect.Action, *remark) {
	if len(rest) < 2 {
		return nil, say("fault_flip")
	}
	if rest[0] == "field" {
		return inspect.FlipField(rest[1:]...), nil
	}
	n, mask, ok := parseBit(rest)
	if !ok {
		return nil, say("fault_flip")
	}
	return inspect.Flip(n, mask), nil
}

// parseReseal reads a change to what a record says, by someone who has its keys.
func parseReseal(rest []string) (inspect.Action, *remark) {
	n, mask, ok := parseBit(rest)
	if !ok {
		return nil, say("fault_reseal")
	}
	return inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) {
		at := n
		if n < 0 {
			at += len(d.Content())
		}
		content, err := inspect.FlipBits(d.Content(), at, mask)
		if err != nil {
			return d, err
		}
		return d.WithContent(content)
	}), nil
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

func parseSet(rest []string) (inspect.Action, *remark) {
	to := slices.Index(rest, "to")
	if len(rest) < 4 || rest[0] != "field" || to != len(rest)-2 || to < 2 {
		return nil, say("fault_set")
	}
	b, err := hex.DecodeString(rest[to+1])
	if err != nil || len(b) == 0 {
		return nil, say("fault_set")
	}
	return inspect.SetField(b, rest[1:to]...), nil
}
