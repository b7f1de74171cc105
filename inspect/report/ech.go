package report

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// statusOf returns what has become of Encrypted Client Hello, as far as the
// session knows by now, in the view that an item belongs to: of what was sent
// its sender's, of what was received its receiver's.
func statusOf(s *inspect.Session, item inspect.Item) inspect.ECHStatus {
	side := item.Side
	if item.Lane == inspect.Received {
		side = side.Peer()
	}
	return s.Connections()[item.Conn].View(side).State(s.Recording().Len() - 1).ECH
}

// An answerECH is what a server's message says of Encrypted Client Hello.
type answerECH uint8

const (
	silent answerECH = iota
	undecided
	accepted
	rejected
)

// answerOf returns what a ServerHello or HelloRetryRequest answers.
func answerOf(status inspect.ECHStatus, m *inspect.Message) answerECH {
	if name := m.Name(); name != "server_hello" && name != "hello_retry_request" {
		return silent
	}
	switch status {
	case inspect.ECHNotOffered:
		return silent
	case inspect.ECHAccepted:
		return accepted
	case inspect.ECHRejected, inspect.ECHGrease:
		return rejected
	}
	return undecided
}

// ech tells what the messages that a record completes say of Encrypted Client
// Hello; "" if nothing.
func (t Text) ech(s *inspect.Session, item inspect.Item) string {
	var text []string
	for _, part := range item.Record.Parts {
		if part.Message == nil {
			continue
		}
		if o := part.Message.ECH(); o != nil {
			text = append(text, t.offered(o))
		}
		switch answerOf(statusOf(s, item), part.Message) {
		case accepted:
			text = append(text, t.Say.Say("report_ech_accepted"))
		case rejected:
			text = append(text, t.Say.Say("report_ech_rejected"))
		case undecided:
			text = append(text, t.Say.Say("report_ech_undecided"))
		}
	}
	return strings.Join(text, " ")
}

// offered tells what is encrypted in a ClientHello.
func (t Text) offered(o *inspect.OfferedECH) string {
	if o.Inner == nil {
		return t.Say.Say("report_ech_closed", "why", t.reason(o.Why.Reason()))
	}
	text := t.Say.Say("report_ech_inner_nameless")
	if name := o.Inner.ServerName(); name != "" {
		text = t.Say.Say("report_ech_inner", "name", inspect.Safe(name))
	}
	if o.Why != inspect.ECHWhyNone {
		text += " " + t.Say.Say("report_ech_refused", "why", t.reason(o.Why.Reason()))
	}
	return text
}

// The keys of "ech" on a message: of a ClientHello that offers it, and of the
// message that answers.
type (
	offeredJSON struct {
		PublicName *string `json:"public_name"`
		InnerName  *string `json:"inner_name"`
		Why        string  `json:"why,omitempty"`
	}
	answeredJSON struct {
		Status string `json:"status"`
	}
)

// echJSON returns what a message's "ech" is, nil if it has none.
func echJSON(status inspect.ECHStatus, m *inspect.Message) any {
	if o := m.ECH(); o != nil {
		line := offeredJSON{PublicName: nameJSON(m), Why: o.Why.Reason().Key}
		if o.Inner != nil {
			line.InnerName = nameJSON(o.Inner)
		}
		return line
	}
	switch answerOf(status, m) {
	case accepted:
		return answeredJSON{"accepted"}
	case rejected:
		return answeredJSON{"rejected"}
	case undecided:
		return answeredJSON{"not known"}
	}
	return nil
}

func nameJSON(m *inspect.Message) *string {
	if name := m.ServerName(); name != "" {
		safe := inspect.Safe(name)
		return &safe
	}
	return nil
}

// innerJSON is the item of the ClientHelloInner that stands behind its outer one.
func innerJSON(inner *inspect.Message) messageJSON {
	return messageJSON{
		In: "inner", Type: inner.Name(), Length: len(inner.Bytes), Bytes: inner.Bytes, Fields: fields(leavesOrChildren(inner.Fields()), 0),
	}
}

// ech returns what the inner ClientHellos were sealed with, but for what was
// sealed, which stands in the lines of the records, and how the server confirms
// them.
func (c computed) ech() (values []inspect.Value) {
	for _, m := range c.view.Messages() {
		if o := m.ECH(); o != nil {
			values = append(values, slices.DeleteFunc(o.Sealing(), func(v inspect.Value) bool {
				return v.Kind == "ech.plaintext" || v.Kind == "ech.additional_data"
			})...)
		}
	}
	return append(values, c.view.Confirmations()...)
}
