package main

import (
	"fmt"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

// views says what can be typed for what the screen has keys for.
func (r *reading) views() {
	r.print("", r.say("lesson_views"))
	for _, id := range []string{"lesson_view_schedule", "lesson_view_protection", "lesson_view_fields", "lesson_view_session"} {
		r.indented("  ", r.say(id))
	}
}

// colon does a command that shows something of the session, as it was at the stop.
func (r *reading) colon(stop *lesson.Stop, words []string) {
	switch command := words[0]; command {
	case ":help":
		r.views()
	case ":schedule", ":ladder", ":verdicts", ":secrets", ":wire":
		if !r.show(stop, command[1:]) {
			r.print(r.say("lesson_view_none"))
		}
	case ":value":
		r.value(stop, strings.Join(words[1:], " "))
	case ":protection", ":explain", ":hex":
		r.about(stop, words)
	default:
		r.print(r.say("lesson_view_unknown", "command", command))
		r.views()
	}
}

// showOnce tells what the script shows at the stop, and of what is as it was told before no more than that.
func (r *reading) showOnce(stop *lesson.Stop) {
	title, text := r.view(stop, stop.Show)
	if text != "" && r.shown[stop.Show] == text {
		r.print("", r.say("lesson_shown_same", "title", title, "command", ":"+stop.Show))
		return
	}
	r.shown[stop.Show] = text
	r.show(stop, stop.Show)
}

// show tells what a view of the screen has, as it was at the stop. It reports whether there was anything.
func (r *reading) show(stop *lesson.Stop, view string) bool {
	title, text := r.view(stop, view)
	if title == "" || text == "" && view != "wire" {
		return false
	}
	r.print("", title)
	r.lines(text)
	return true
}

// view returns what a view has. What those called streams and detail have is told by itself.
func (r *reading) view(stop *lesson.Stop, view string) (title, text string) {
	if !r.follow(stop) || len(r.session.Connections()) == 0 {
		return "", ""
	}
	conn, at := len(r.session.Connections())-1, stop.Event-1
	switch view {
	case "schedule":
		if text = r.text.Schedule(r.session, conn, at); text != "" {
			text += r.text.Proofs(r.session, conn)
		}
		return r.say("lesson_shown_schedule"), text
	case "ladder":
		return r.say("lesson_shown_ladder"), r.text.Ladder(r.session, conn, r.upTo(stop))
	case "verdicts":
		return r.say("lesson_shown_verdicts"), r.text.Verdict(r.session, conn) + r.text.Proofs(r.session, conn)
	case "secrets":
		return r.say("lesson_shown_secrets"), r.text.Secrets(r.session, conn, at)
	case "wire":
		return r.held(stop)
	}
	return "", ""
}

// held tells what waits on the wire at the stop.
func (r *reading) held(stop *lesson.Stop) (title, text string) {
	for _, event := range stop.Held {
		for i, item := range r.session.Items() {
			if item.Event == event {
				text += r.text.Sentence(r.session, i+1)
				break
			}
		}
	}
	if text == "" {
		return r.say("lesson_shown_wire_empty"), ""
	}
	return r.say("lesson_shown_wire"), text
}

// value tells all about one value of the key schedule.
func (r *reading) value(stop *lesson.Stop, name string) {
	text := ""
	if r.follow(stop) && len(r.session.Connections()) > 0 {
		text = r.text.Value(r.session, len(r.session.Connections())-1, stop.Event-1, name)
	}
	if text == "" {
		r.print(r.say("lesson_view_no_value", "name", name))
		return
	}
	fmt.Fprint(r.out, text) // whole lines: a command is to be copied
}

// about tells more of an item that has been told: its fields, its bytes, what protects it.
func (r *reading) about(stop *lesson.Stop, words []string) {
	var items []inspect.Item
	if r.follow(stop) {
		items = r.session.Items()[:r.upTo(stop)]
	}
	row := 0
	if len(words) == 2 {
		row, _ = strconv.Atoi(strings.TrimPrefix(words[1], "#"))
	}
	if len(items) == 0 {
		r.print(r.say("lesson_view_none"))
		return
	}
	n := itemOfRow(items, row)
	if n == 0 {
		r.print(r.say("lesson_view_which", "command", words[0], "count", rowsOf(items)))
		return
	}
	text := ""
	switch words[0] {
	case ":protection":
		if text = r.text.Protection(r.session, n); text != "" {
			text = r.say("lesson_shown_protection", "number", row) + "\n" + text
		}
	case ":explain":
		text = r.text.Explain(r.session, n)
	case ":hex":
		text = r.text.Hex(r.session, n)
	}
	if text == "" {
		text = r.say("lesson_view_nothing", "number", row) + "\n"
	}
	r.lines(text)
}

// lines prints lines that are told whole, each wrapped behind its own margin.
func (r *reading) lines(text string) {
	for line := range strings.Lines(text) {
		words := strings.TrimLeft(strings.TrimRight(line, "\n"), " ")
		margin := len(line) - len(strings.TrimLeft(line, " "))
		if words != "" && len(strings.TrimRight(line, "\n")) > r.columns && strings.Contains(words, " ") {
			r.indented(strings.Repeat(" ", margin), words)
			continue
		}
		fmt.Fprint(r.out, line)
	}
}
