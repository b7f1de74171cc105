package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"example.com/tlslab/inspect"
)

// An editor is the gate of --edit: it holds what the client sends until its user has decided on it, and lets pass what
// the server sends.
type editor struct {
	mu     sync.Mutex
	offers []offer
	wake   chan struct{} // has one element while there are offers

	explained bool // how to edit
	finished  bool // nobody decides any more: everything passes
	broken    bool // a script went wrong, or the user left: nothing passes any more
	edited    bool // something was
}

// An offer is a record that waits to be decided on.
type offer struct {
	wire inspect.Wire
	unit inspect.Unit
}

func newEditor() *editor { return &editor{wake: make(chan struct{}, 1)} }

// Captured makes what the client sends an offer.
func (e *editor) Captured(w inspect.Wire, u inspect.Unit) {
	if u.From == inspect.Server {
		w.Forward(u.ID)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.offers = append(e.offers, offer{w, u})
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Ended is nothing to an editor: the end follows the last record.
func (e *editor) Ended(inspect.Wire, inspect.Side) {}

// offered tells that there are offers; of no editor there are none.
func (e *editor) offered() <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.wake
}

// isBroken reports whether nothing passes any more; without an editor everything passes.
func (e *editor) isBroken() bool { return e != nil && e.broken }

// take returns the offers that have come.
func (e *editor) take() []offer {
	e.mu.Lock()
	defer e.mu.Unlock()
	offers := e.offers
	e.offers = nil
	return offers
}

// offerAll has the user decide on each record that waits.
func (r *clientRun) offerAll(ctx context.Context) (problem error) {
	for _, o := range r.editor.take() {
		bytes, err := r.decide(ctx, o)
		switch {
		case err != nil:
			problem, r.editor.broken = err, true
			o.wire.Drop(o.unit.ID)
		case r.editor.broken:
			o.wire.Drop(o.unit.ID)
		case bytes == nil:
			o.wire.Forward(o.unit.ID)
		default:
			r.editor.edited = true
			o.wire.Send(o.unit.From, bytes, o.unit.ID)
		}
	}
	return problem
}

// decide shows a record, and returns what its user makes of it: nil if it goes as it is. A person who mistypes is asked
// again; a script that holds something else than edits is wrong from there on.
func (r *clientRun) decide(ctx context.Context, o offer) (edited []byte, err error) {
	if r.editor.finished || r.editor.broken || !o.wire.Holds(o.unit.ID) {
		return nil, nil
	}
	number := r.present(o.unit.ID)
	if !r.editor.explained {
		r.editor.explained = true
		r.notice(r.say("client_edit_how"))
	}
	for {
		line, err := r.desk.ask(ctx, r.say("client_edit_question", "number", number)+" ")
		switch {
		case err == errInterrupted || ctx.Err() != nil:
			return nil, errInterrupted
		case err != nil:
			r.editor.finished = true
			r.notice(r.say("client_edit_no_more"))
			return nil, nil
		}
		edited, err := applyEdits(o.unit.Bytes, line)
		switch {
		case err == nil && r.tellEdit(number, o.unit.Bytes, edited):
			return edited, nil
		case err == nil:
			return nil, nil
		}
		sentence := r.say("client_edit_refused", "line", safe(brief(line)), "reason", r.explainEdit(err))
		if !r.desk.attended() {
			return nil, usage(sentence + " " + r.say("client_edit_script", "number", number))
		}
		r.notice(sentence)
	}
}

// present shows the record that an event captured, and returns its number.
func (r *clientRun) present(event int) int {
	if r.shown != nil {
		r.shown.extend()
	}
	r.session.Extend()
	items := r.session.Items()
	at := slices.IndexFunc(items, func(i inspect.Item) bool {
		return i.Kind == inspect.RecordItem && i.Lane == inspect.Sent && i.Record.Event == event || i.Kind == inspect.BytesItem && i.Event == event
	})
	if at >= 0 && (r.shown == nil || r.editor.edited) { // what --show tells waits behind a record that was changed
		fmt.Fprint(r.notices, r.text.Item(r.session, at+1))
	}
	if at >= 0 && items[at].Kind == inspect.RecordItem {
		if content := items[at].Record.Plaintext(); items[at].Record.InnerType == inspect.Alert && len(content) == 2 {
			r.notice(r.say("client_edit_alert", "number", at+1, "alert", inspect.AlertName(content[1])))
		}
	}
	return at + 1
}

// tellEdit says what was changed, and reports whether anything was.
func (r *clientRun) tellEdit(number int, before, after []byte) bool {
	changed := false
	for i := range before {
		if before[i] != after[i] {
			changed = true
			r.notice(r.say("client_edit_done", "number", number, "offset", i, "before", inspect.HexCell(before[i]), "after", inspect.HexCell(after[i])))
		}
	}
	return changed
}

// handshakeOut waits until all that the client says in its handshake has been decided on: the client is done with it sooner.
func (r *clientRun) handshakeOut(ctx context.Context, conn *inspect.Conn) error {
	if r.editor == nil {
		return nil
	}
	session := inspect.NewSession(r.tap.Recording())
	for {
		done := session.Connections()[conn.ID()].View(inspect.Client).State(session.Taken() - 1).HandshakeDone
		if done && !waits(session, conn.ID()) {
			return nil
		}
		if _, err := session.Recording().Wait(ctx, session.Taken()); err != nil {
			return err
		}
		session.Extend()
	}
}

// waits reports whether something of what the client said has not been decided on.
func waits(s *inspect.Session, conn int) bool {
	undecided := make(map[int]bool)
	for e := range s.Recording().Events(0) {
		switch {
		case e.Index >= s.Taken() || e.Conn != conn || e.Side != inspect.Client:
		case e.Kind == inspect.Captured:
			undecided[e.Index] = true
		default:
			delete(undecided, e.Cause)
		}
	}
	return len(undecided) > 0
}

// An editError is why a line is no edit.
type editError struct {
	id   string // of its sentence
	word string
}

func (e *editError) Error() string { return e.id + " " + e.word }

func (r *clientRun) explainEdit(err error) string {
	var wrong *editError
	var outside *inspect.Refusal
	switch {
	case errors.As(err, &wrong):
		return r.say(wrong.id, "word", safe(brief(wrong.word)))
	case errors.As(err, &outside):
		return r.say("client_edit_outside")
	}
	return safe(err.Error())
}

// applyEdits returns what a line of edits, with commas between, makes of a record: as many bytes.
func applyEdits(record []byte, line string) ([]byte, error) {
	edited := slices.Clone(record)
	if strings.TrimSpace(line) == "" {
		return edited, nil
	}
	for edit := range strings.SplitSeq(line, ",") {
		var err error
		if edited, err = applyEdit(edited, strings.Fields(edit)); err != nil {
			return nil, err
		}
	}
	return edited, nil
}

// applyEdit does one: flip OFFSET [BIT], or set OFFSET VALUE.
func applyEdit(b []byte, words []string) ([]byte, error) {
	if len(words) == 2 && words[0] == "flip" {
		words = append(words, "0")
	}
	if len(words) != 3 || words[0] != "flip" && words[0] != "set" {
		return nil, &editError{"client_edit_unknown", strings.Join(words, " ")}
	}
	offset, err := strconv.ParseInt(words[1], 0, 32)
	if err != nil {
		return nil, &editError{"client_edit_bad_offset", words[1]}
	}
	if offset < 0 {
		offset += int64(len(b))
	}
	if words[0] == "flip" {
		bit, err := strconv.ParseUint(words[2], 10, 8)
		if err != nil || bit > 7 {
			return nil, &editError{"client_edit_bad_bit", words[2]}
		}
		return inspect.FlipBits(b, int(offset), 1<<bit)
	}
	value, err := strconv.ParseUint(words[2], 0, 8)
	if err != nil {
		return nil, &editError{"client_edit_bad_value", words[2]}
	}
	return inspect.ReplaceBytes(b, int(offset), 1, []byte{byte(value)})
}

// comeOfIt tells, where something was edited, which alerts, errors and ends came of it.
func (r *clientRun) comeOfIt() {
	if r.editor == nil || !r.editor.edited {
		return
	}
	r.editor.edited = false
	r.session.Extend()
	for i, item := range r.session.Items() {
		switch item.Kind {
		case inspect.AlertItem, inspect.ErrorItem, inspect.ClosedItem, inspect.SilenceItem:
			fmt.Fprint(r.notices, r.text.Sentence(r.session, i+1))
		}
	}
}
