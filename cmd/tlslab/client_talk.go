package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs"
)

// An outcome is what came of one request.
type outcome struct {
	request string
	answer  string // as the server wrote it; "" with an error
	refused bool   // the answer reports an error
	lost    error  // there is no answer, and the connection is of no more use
	unsent  error  // the client itself did not send it
	began   time.Time
	took    time.Duration
}

// do sends one request, once, and waits for its answer.
func (r *clientRun) do(ctx context.Context, line string) outcome {
	o := outcome{request: line, began: time.Now()}
	err := r.attend(ctx, r.timeout, func(ctx context.Context) (err error) {
		o.answer, err = r.link.do(ctx, line)
		return err
	})
	o.took = time.Since(o.began)
	var no *kvs.AnswerError
	switch {
	case errors.As(err, &no):
		o.answer, o.refused = no.Answer, true
		if len(r.withheld) > 0 && !r.excused { // that may be why
			r.excused = true
			r.notice(r.whyWithheld())
		}
	case errors.Is(err, kvs.ErrManyLines):
		o.unsent = err
	case err != nil:
		o.lost = r.unanswered(ctx, line, err)
		if r.shown == nil {
			r.comeOfIt()
		}
		r.drop(ctx)
		return o
	}
	r.answered(o)
	return o
}

// answered has everything told that is told before an answer.
func (r *clientRun) answered(o outcome) {
	if r.shown != nil {
		r.shown.extend()
	}
	if r.shown == nil && r.editor == nil && !r.link.used { // the handshake has been seen, and whatever the server had against it
		r.link.conn.StopRecording()
	}
	r.link.used = true
	if o.unsent == nil {
		r.count++
	}
	if words, err := kvs.Split([]byte(o.request)); err == nil && len(words) > 0 && string(words[0]) == "lang" && !o.refused && o.unsent == nil {
		r.language = o.request
	}
}

// once does the command that stands in the arguments. An answer that reports
// an error is a failure, so that a script can tell.
func (r *clientRun) once(ctx context.Context, args []string) error {
	if strings.HasPrefix(args[0], ":") {
		_, err := r.colon(strings.Join(args, " "))
		return err
	}
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = kvs.Quote([]byte(arg))
	}
	o := r.do(ctx, strings.Join(words, " "))
	if err := r.tell(o, r.notices); err != nil {
		return err
	}
	if o.refused && len(args) == 1 && strings.Contains(args[0], " ") && slices.Contains(kvCommands(), firstWord(args[0])) && !r.json {
		r.notice(r.say("client_words_apart"))
	}
	return o.failure()
}

// failure is the error that an outcome ends the program with, in the end.
func (o outcome) failure() error {
	switch {
	case o.lost != nil:
		return o.lost
	case o.unsent != nil:
		return o.unsent
	case o.refused:
		return errSaid
	}
	return nil
}

// batch does a command a line and prints an answer a line. It has failed if one of them reports an error, or could not
// be sent; one that has no answer is the last.
func (r *clientRun) batch(ctx context.Context, desk *pipeDesk) error {
	var failure error
	for {
		line, err := desk.ask(ctx, "")
		number := desk.read
		switch {
		case err == io.EOF:
			return failure
		case err != nil:
			return err
		case strings.HasPrefix(line, ":"):
			over, err := r.colon(line)
			switch {
			case err != nil:
				return err
			case over:
				return failure
			}
			continue
		}
		o := r.do(ctx, line)
		if err := r.tell(o, r.answers); err != nil {
			return err
		}
		if o.lost != nil {
			return r.broken(o, number)
		}
		if o.failure() != nil {
			failure = errSaid
		}
		if isExit(line) {
			return failure
		}
	}
}

// broken is the end of a batch before its time: where it came to, for whoever wants to go on from there.
func (r *clientRun) broken(o outcome, line int) error {
	return failedWith(exitCode(o.lost), r.explain(o.lost)+" "+r.say("client_batch_broken", "line", line, "count", r.count), o.lost)
}

// tell prints an answer, safe to show; one that reports an error to where such belong.
func (r *clientRun) tell(o outcome, errorsTo io.Writer) (err error) {
	switch {
	case r.json:
		_, err = r.answers.Write(report.Line(r.jsonOf(o)))
	case o.lost != nil:
	case o.unsent != nil:
		_, err = fmt.Fprintln(r.notices, r.explain(o.unsent))
	case o.refused:
		_, err = fmt.Fprintln(errorsTo, safe(o.answer))
	default:
		_, err = fmt.Fprintln(r.answers, safe(o.answer))
	}
	return err
}

// A jsonRequest is a request and what came of it, for programs.
type jsonRequest struct {
	Kind         string `json:"kind"`
	Request      string `json:"request"`
	Answer       string `json:"answer,omitempty"`
	Error        string `json:"error,omitempty"`
	Text         string `json:"text,omitempty"`
	Time         string `json:"time"`
	Microseconds int64  `json:"microseconds"`
}

func (r *clientRun) jsonOf(o outcome) jsonRequest {
	line := jsonRequest{
		Kind: "request", Request: safe(withoutSecret(o.request)), Answer: safe(o.answer), Time: jsonTime(o.began), Microseconds: o.took.Microseconds(),
	}
	var lost *lostError
	switch {
	case o.refused:
		line.Error = "answer"
	case o.unsent != nil:
		line.Error, line.Text = "request", inspect.Safe(r.explain(o.unsent))
	case errors.As(o.lost, &lost):
		line.Error, line.Text = lost.kind, inspect.Safe(r.explain(o.lost))
	}
	return line
}

// colon does a command to the client itself, and reports whether it is over.
func (r *clientRun) colon(line string) (over bool, err error) {
	switch word := strings.TrimSpace(line); word {
	case ":tls":
		switch {
		case r.link == nil:
			r.notice(r.say("client_not_connected"))
		case r.json:
			_, err = r.answers.Write(tlsLine(r.link.facts))
		default:
			_, err = fmt.Fprintln(r.answers, r.tellTLS(r.link.facts))
		}
		return false, err
	case ":help":
		_, err = fmt.Fprintln(r.answers, r.say("client_help"))
		return false, err
	case ":quit", ":q":
		return true, nil
	default:
		return true, usage(r.say("client_unknown_colon", "command", safe(brief(word))))
	}
}

// changesNothing are the requests after which everything is as before.
var changesNothing = map[string]bool{"read": true, "show": true, "keys": true, "values": true, "exit": true}

// secretive are requests, of this protocol or of another, whose arguments prove who one is.
var secretive = map[string]bool{"auth": true, "hello": true, "token": true}

func firstWord(line string) string {
	first, _, _ := strings.Cut(strings.Trim(line, " \t"), " ")
	first, _, _ = strings.Cut(first, "\t")
	return first
}

func isSecretive(line string) bool {
	command := firstWord(line)
	if words, err := kvs.Split([]byte(line)); err == nil && len(words) > 0 {
		command = string(words[0]) // without quotes and escapes
	}
	return secretive[strings.ToLower(strings.Trim(command, `"`))]
}

// withoutSecret is a request as it may be shown.
func withoutSecret(line string) string {
	if isSecretive(line) {
		return firstWord(line) + " …"
	}
	return line
}

// mentioned is a request as a sentence names it: its command and its key, without the value.
func mentioned(line string) string {
	line = withoutSecret(line)
	if words, err := kvs.Scan([]byte(line)); err == nil && len(words) > 2 {
		line = line[:words[1].Offset+words[1].Length] + " …"
	}
	return brief(line)
}

// brief cuts a text that would fill a screen.
func brief(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
