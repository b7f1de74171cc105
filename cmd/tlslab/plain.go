package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
)

// runPlain is the lab as text: a conversation on a terminal, otherwise
// commands in and both streams out.
func (r *labRun) runPlain(ctx context.Context, shown *lecture, files *keeper) error {
	r.note(shown.notice)
	tap := shown.tap()
	defer files.follow(tap.Recording())()
	play, err := shown.Open(ctx, tap)
	if err != nil {
		return err
	}
	if !r.json && isTerminal(r.in) && isTerminal(r.out) {
		walk := &walk{labRun: r, shown: shown, play: play, session: inspect.NewSession(tap.Recording())}
		walk.text = report.Text{Say: r.sentence, ASCII: r.look.ascii, Level: report.Sentences}
		return walk.run(ctx)
	}
	told := &narration{labRun: r, play: play, teller: tellAll(tap.Recording(), r.storyOf(r.json, r.look.ascii)(r.out))}
	err = told.doAll(ctx, shown)
	play.Close()
	err = errors.Join(err, told.done())
	r.note(r.dark(told.session))
	if err == nil && told.refused {
		return errSaid
	}
	return err
}

// A narration is the commands of standard input, and what they come to as text or as JSON lines.
type narration struct {
	*labRun
	*teller
	play    inspect.Play
	refused bool // a command was, by the client itself
}

// doAll does the commands of standard input, until exit or its end; the
// stage's own, if the stage was named and none comes.
func (r *narration) doAll(ctx context.Context, shown *lecture) error {
	none := true
	for line := range lines(ctx, r.in) {
		if line.err != nil {
			return line.err
		}
		if strings.TrimSpace(line.text) == "" {
			continue
		}
		none = false
		if over, err := r.doOne(ctx, line.text); over || err != nil {
			return err
		}
	}
	if !none || !shown.byItself {
		return nil
	}
	for _, command := range shown.Conversation {
		if over, err := r.doOne(ctx, command); over || err != nil {
			return err
		}
	}
	return nil
}

func (r *narration) doOne(ctx context.Context, command string) (over bool, err error) {
	_, err = r.play.Do(ctx, command)
	var misuse *inspect.CommandError
	switch {
	case errors.As(err, &misuse):
		r.refused = true
		return false, r.refuse(command, misuse.Reply)
	case err != nil:
		return true, r.over(ctx, err)
	}
	return isExit(command), nil
}

// A jsonRefused is a command that the client did not send, for programs.
type jsonRefused struct {
	Kind    string `json:"kind"`
	Command string `json:"command"`
	Reply   string `json:"reply"`
}

// refuse says that a command was not sent, and why.
func (r *narration) refuse(command, reply string) error {
	if r.json {
		return r.teller.say(r.out, report.Line(jsonRefused{"refused", inspect.Safe(command), inspect.Safe(reply)}))
	}
	return r.teller.say(r.out, []byte(r.labRun.say("cmd_plain_refused", "command", safe(command), "reply", safe(reply))+"\n"))
}

// over is why a conversation ended before its time. What the user ended
// needs no explanation.
func (r *labRun) over(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return failed(r.say("cmd_lab_over", "reason", r.explain(err)), err)
}

func isExit(command string) bool { return strings.TrimSpace(command) == "exit" }

// A walk is a way through a session on a terminal, a sentence a step, made for
// the ear: nothing that was said is drawn over.
type walk struct {
	*labRun
	shown   *lecture
	play    inspect.Play
	session *inspect.Session
	text    report.Text
	told    int  // items up to which the listener has come
	noted   bool // what is to be said of a dark glass box has been said
}

func (w *walk) run(ctx context.Context) error {
	w.print(w.welcome())
	err := w.listen(ctx)
	w.play.Close()
	w.goOn()
	return err
}

func (w *walk) welcome() string {
	if w.shown.overTLS {
		return w.say("cmd_plain_welcome")
	}
	return w.say("cmd_plain_welcome_stage", "command", w.shown.Conversation[0])
}

func (w *walk) help() string {
	if w.shown.Name == stage.NameKV {
		return w.say("cmd_plain_help")
	}
	return w.say("cmd_plain_help_stage") + "\n" + w.stageCommands(w.shown.Name)
}

func (w *walk) listen(ctx context.Context) error {
	fmt.Fprint(w.out, "> ")
	for line := range lines(ctx, w.in) {
		if line.err != nil {
			return line.err
		}
		command := strings.TrimSpace(line.text)
		switch {
		case command == ":quit" || command == ":q":
			return nil
		case command == "":
			w.next(ctx)
		case strings.HasPrefix(command, ":"):
			w.colon(ctx, strings.Fields(command))
		default:
			if err := w.do(ctx, line.text); err != nil {
				return w.over(ctx, err)
			}
			if isExit(command) {
				return nil
			}
		}
		fmt.Fprint(w.out, "> ")
	}
	fmt.Fprintln(w.out)
	return nil
}

// colon does a command of the lab itself.
func (w *walk) colon(ctx context.Context, words []string) {
	switch words[0] {
	case ":next":
		w.next(ctx)
	case ":back":
		w.back()
	case ":hex":
		w.about(words, w.text.Hex)
	case ":explain":
		w.about(words, w.text.Explain)
	case ":help":
		w.print(w.help())
	default:
		w.print(w.say("cmd_plain_unknown", "command", safe(words[0])))
	}
}

// do goes to the present, sends one command, and tells what came of it.
func (w *walk) do(ctx context.Context, command string) error {
	w.settle(ctx)
	w.goOn()
	answer, err := w.play.Do(ctx, command)
	if isExit(command) {
		w.play.Close() // the goodbyes come before the answer is told
	}
	w.goOn()
	var misuse *inspect.CommandError
	switch {
	case errors.As(err, &misuse):
		w.print(w.say("cmd_plain_refused", "command", safe(strings.TrimSpace(command)), "reply", safe(misuse.Reply)))
		return nil
	case err == nil:
		w.print(w.say("cmd_plain_answer", "answer", safe(answer)))
	}
	return err
}

// next tells one item more.
func (w *walk) next(ctx context.Context) {
	w.settle(ctx)
	if w.told == len(w.session.Items()) {
		w.print(w.say("cmd_plain_present", "command", w.shown.Conversation[0]))
		return
	}
	w.told++
	fmt.Fprint(w.out, w.text.Item(w.session, w.told))
}

// back goes one item back, and tells again what happened last, then.
func (w *walk) back() {
	if w.told == 0 {
		w.print(w.say("cmd_plain_start"))
		return
	}
	w.told--
	if w.told == 0 {
		w.print(w.say("cmd_plain_start"))
		return
	}
	fmt.Fprint(w.out, w.text.Item(w.session, w.told))
}

// goOn tells everything that has happened.
func (w *walk) goOn() {
	w.session.Extend()
	for w.told < len(w.session.Items()) {
		w.told++
		fmt.Fprint(w.out, w.text.Item(w.session, w.told))
	}
}

// about tells more about an item: the one that was named, or the last one told.
func (w *walk) about(words []string, tell func(*inspect.Session, int) string) {
	told := w.session.Items()[:w.told]
	row := 0
	if len(words) > 1 {
		row, _ = strconv.Atoi(strings.TrimPrefix(words[1], "#"))
	} else if w.told > 0 {
		row = told[w.told-1].Row
	}
	n := itemOfRow(told, row)
	if n == 0 {
		w.print(w.say("cmd_plain_which", "command", words[0], "count", rowsOf(told)))
		return
	}
	text := tell(w.session, n)
	if text == "" {
		text = w.say("cmd_plain_no_bytes", "number", row) + "\n"
	}
	fmt.Fprint(w.out, text)
}

// itemOfRow returns which of the items, counted from 1, has the row of that number; 0 if none has.
func itemOfRow(items []inspect.Item, row int) int {
	return 1 + slices.IndexFunc(items, func(item inspect.Item) bool { return item.HasRow() && item.Row == row })
}

// rowsOf returns how many rows items have.
func rowsOf(items []inspect.Item) (most int) {
	for _, item := range items {
		most = max(most, item.Row)
	}
	return most
}

// settle waits for the end of the handshake, in whichever way it ends.
func (w *walk) settle(ctx context.Context) {
	if !w.shown.overTLS {
		w.prepare(ctx)
		return
	}
	seen := 0 // never more than what the session was extended by: what comes in between must not be waited for
	for w.session.Extend(); !w.settled(); w.session.Extend() {
		var err error
		if seen, err = w.session.Recording().Wait(ctx, seen); err != nil {
			return
		}
	}
	if dark := w.dark(w.session); dark != nil && !w.noted {
		w.noted = true
		w.note(dark)
	}
}

// prepare waits for what endpoints without TLS say by themselves.
func (w *walk) prepare(ctx context.Context) {
	if play, ok := w.play.(inspect.Preparer); ok {
		select {
		case <-play.Prepared():
		case <-ctx.Done():
		}
	}
	w.session.Extend()
}

func (w *walk) settled() bool {
	for _, c := range w.session.Connections() {
		if c.View(inspect.Client).State(w.session.Recording().Len() - 1).HandshakeDone {
			return true
		}
	}
	for _, item := range w.session.Items() {
		if item.Kind == inspect.ErrorItem || item.Kind == inspect.ClosedItem {
			return true
		}
	}
	return false
}

func (w *walk) print(text string) { fmt.Fprintln(w.out, strings.TrimSpace(text)) }

// A line is a line of input, or why there is none.
type line struct {
	text string
	err  error
}

// lines yields the lines of in, without their ends, until its end or ctx's.
// Whoever stops listening leaves one read behind, which ends with the program.
func lines(ctx context.Context, in io.Reader) func(yield func(line) bool) {
	return func(yield func(line) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		read := make(chan line)
		go func() {
			defer close(read)
			reader := bufio.NewReader(in)
			for {
				text, err := reader.ReadString('\n')
				next := line{text: strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")}
				if err != nil && err != io.EOF {
					next.err = err
				}
				if err == io.EOF && text == "" {
					return
				}
				select {
				case read <- next:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
		}()
		for {
			select {
			case next, ok := <-read:
				if !ok || !yield(next) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}
