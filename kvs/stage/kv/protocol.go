// Package kv says what the lines of the key-value service mean, to whoever looks at
// a connection without TLS: it is the [inspect.Protocol] of the plain channel. A
// request is one line, and so is an answer; the answers come in the order of the
// requests, and only who has seen a request knows how its answer is to be read.
package kv

import (
	"bytes"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
)

// Protocol is the key-value service's, in clear. Its zero value is ready to use.
type Protocol struct{}

// Name implements [inspect.Protocol].
func (Protocol) Name() string { return "kv" }

// Reader implements [inspect.Protocol].
func (Protocol) Reader() inspect.Reader {
	longest := inspect.LineCutter{Max: inspect.MaxUnit}
	return &reader{lines: [2]inspect.LineCutter{longest, longest}}
}

type reader struct {
	lines [2]inspect.LineCutter
	asked []answer // what the answers that have not come will be to, in order
}

// Next implements [inspect.Reader].
func (r *reader) Next(from inspect.Side, b []byte) (int, inspect.Reading) {
	n := r.lines[from].Next(b)
	if n > len(b) {
		return n, nil
	}
	reading := r.Rest(from, b[:n])
	if from == inspect.Client && bytes.HasSuffix(b[:n], []byte("\n")) {
		r.asked = append(r.asked, answerTo(b[:n]))
	} else if len(r.asked) > 0 && bytes.HasSuffix(b[:n], []byte("\n")) {
		r.asked = r.asked[1:]
	}
	return n, reading
}

// Rest implements [inspect.Reader].
func (r *reader) Rest(from inspect.Side, _ []byte) inspect.Reading {
	if from == inspect.Client {
		return request{}
	}
	if len(r.asked) == 0 {
		return toNothing
	}
	return r.asked[0]
}

// A request is a line of the client's.
type request struct{}

func (request) Name() string { return "request" }
func (request) Text() bool   { return true }

func (request) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "kv.request", "", func(d *inspect.Dissector) { line(d, len(b), readRequest) })
}

// readRequest reads a request without its end.
func readRequest(d *inspect.Dissector) {
	body := d.Rest()
	words, err := kvs.Scan(body)
	at := 0
	for i, word := range words {
		space(d, word.Offset-at)
		d.Text(kindOf(words[0].Text, i), word.Length)
		at = word.Offset + word.Length
	}
	space(d, len(body)-at-len(bytes.TrimLeft(body[at:], " \t")))
	if err != nil {
		d.Fail("kv.request", err.Error())
	}
}

func space(d *inspect.Dissector, n int) {
	if n > 0 {
		d.Bytes("kv.space", n, "")
	}
}

// kindOf returns what word i of a request that begins with the command is.
func kindOf(command []byte, i int) string {
	if i == 0 {
		return "kv.command"
	}
	for _, known := range kvs.Commands() {
		if known.Name == string(command) && i <= len(known.Arguments) {
			return "kv." + known.Arguments[i-1]
		}
	}
	return "kv.argument"
}

// An answer is a line of the server's: what it answers tells how it is to be read.
type answer byte

const (
	toNothing answer = iota // that is known
	toWrite
	toRead
	toShow
	toKeys
	toValues
)

var commands = map[string]answer{
	"create": toWrite, "update": toWrite, "delete": toWrite, "auth": toWrite, "lang": toWrite, "exit": toWrite, "read": toRead, "show": toShow, "keys": toKeys, "values": toValues,
}

func answerTo(request []byte) answer {
	words, _ := kvs.Scan(bytes.TrimRight(request, "\r\n"))
	if len(words) == 0 {
		return toNothing
	}
	return commands[string(words[0].Text)]
}

func (answer) Name() string { return "answer" }
func (answer) Text() bool   { return true }

func (a answer) Fields(b []byte) inspect.Field {
	return inspect.Dissect(b, "kv.answer", "", func(d *inspect.Dissector) { line(d, len(b), a.read) })
}

// read reads an answer without its end.
func (a answer) read(d *inspect.Dissector) {
	body := string(d.Rest())
	if failure := errorWord(body); failure > 0 {
		d.Text("kv.error", failure)
		text(d, "kv.reason")
		return
	}
	switch {
	case a == toWrite && body == "Ok":
		text(d, "kv.ok")
	case a == toRead:
		text(d, "kv.value")
	case a == toShow:
		list(d, "{}", "kv.key", ": ", "kv.value")
	case a == toKeys:
		list(d, "[]", "kv.key")
	case a == toValues:
		list(d, "[]", "kv.value")
	default:
		text(d, "kv.text")
	}
}

// errorWord returns the length of the word, with what follows it, that an answer begins with
// which says that its request failed; 0 if it does not.
func errorWord(answer string) int {
	for _, word := range []string{"Error: ", "Erro: "} {
		if len(answer) >= len(word) && answer[:len(word)] == word {
			return len(word)
		}
	}
	return 0
}

// text reads the rest, if there is any.
func text(d *inspect.Dissector, kind string) {
	if n := len(d.Rest()); n > 0 {
		d.Text(kind, n)
	}
}

// list reads strings between brackets: items of one string, or of two with a separator.
func list(d *inspect.Dissector, brackets, first string, second ...string) {
	if !token(d, "kv.bracket", brackets[:1]) {
		return
	}
	for more := len(d.Rest()) > 0 && d.Rest()[0] != brackets[1]; more; {
		if !quoted(d, first) || len(second) > 0 && !(token(d, "kv.separator", second[0]) && quoted(d, second[1])) {
			return
		}
		if more = bytes.HasPrefix(d.Rest(), []byte(", ")); more {
			d.Bytes("kv.separator", len(", "), "")
		}
	}
	token(d, "kv.bracket", brackets[1:])
}

// token reads what must stand here.
func token(d *inspect.Dissector, kind, want string) bool {
	if !bytes.HasPrefix(d.Rest(), []byte(want)) {
		d.Fail(kind, "here should stand "+want)
		return false
	}
	d.Bytes(kind, len(want), want)
	return true
}

// quoted reads a string of JSON.
func quoted(d *inspect.Dissector, kind string) bool {
	b := d.Rest()
	if len(b) > 0 && b[0] == '"' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				d.Text(kind, i+1)
				return true
			}
		}
	}
	d.Fail(kind, "here should stand a string in quotes")
	return false
}

// line reads a line of n bytes: what stands in it, and its end.
func line(d *inspect.Dissector, n int, read func(*inspect.Dissector)) {
	b := d.Rest()[:n]
	body := bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if len(body) > 0 {
		d.Part(len(body), read)
	}
	if end := n - len(body); end > 0 {
		d.Bytes("kv.end", end, "")
	}
}

// Asked is what requests have asked for, which tells how their answers are to be read. That of no
// request knows nothing.
type Asked []answer

// AskedBy returns what the lines of b ask for.
func AskedBy(b []byte) (asked Asked) {
	for request := range bytes.Lines(b) {
		asked = append(asked, answerTo(request))
	}
	return asked
}

// Requests reads all that is left as the client's lines, for who carries them in messages of their own.
func Requests(d *inspect.Dissector) {
	for len(d.Rest()) > 0 {
		d.Group("kv.request", func(d *inspect.Dissector) { line(d, lineLength(d), readRequest) })
	}
}

// Answers reads all that is left as the server's lines, in the order of what was asked.
func Answers(d *inspect.Dissector, asked Asked) {
	for len(d.Rest()) > 0 {
		to := toNothing
		if len(asked) > 0 {
			to, asked = asked[0], asked[1:]
		}
		d.Group("kv.answer", func(d *inspect.Dissector) { line(d, lineLength(d), to.read) })
	}
}

// lineLength is how long the next line is.
func lineLength(d *inspect.Dissector) int {
	rest := d.Rest()
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		return end + 1
	}
	return len(rest)
}
