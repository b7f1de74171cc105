package lesson

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// parseLook reads what is to be looked at: a record, as it was sent or as it was
// received, and perhaps a field of it, or of the message that it completes.
func parseLook(explain bool) verb {
	return func(rest []string, _ string, _ bool) (func(*run) error, *remark) {
		p := &valueParser{words: rest}
		wanted, what := p.record()
		if what != nil {
			return nil, what
		}
		received := p.take("received")
		wanted.path = rest[p.at:]
		if explain && len(wanted.path) == 0 {
			return nil, say("fault_explain")
		}
		return func(r *run) error {
			r.settle()
			look, err := r.look(wanted, received)
			if err != nil {
				return err
			}
			look.Explain = explain
			r.wishes.look, r.looked = look, look
			return nil
		}, nil
	}
}

// lookedAt is what is looked at: the record, or the field, that a line of the session's script pointed at last.
func (r *run) lookedAt() (Value, error) {
	if r.looked == nil {
		return Value{}, say("seen_no_look")
	}
	return fieldValue(r.looked.Field, r.looked.Bytes), nil
}

// look finds what is to be looked at. A field goes by what a value goes by: its kind, the last part of it, or its
// name; a message's come before those of its record. But a whole kind is looked for first, in the record too.
func (r *run) look(wanted unitWanted, received bool) (*Look, error) {
	record, err := wanted.find(r)
	if err != nil {
		return nil, err
	}
	if received {
		if record = r.session.Connections()[record.Conn].Crossing(record).Received; record == nil || record.Verdict == inspect.VerdictNone {
			return nil, say("seen_received", "record", wanted.about)
		}
	}
	look := &Look{Record: record, Field: record.Fields(), Bytes: record.Raw()}
	if len(wanted.path) == 0 {
		return look, nil
	}
	if field, ok := descend(look.Field, wanted.path); ok {
		look.Field = field
		return look, nil
	}
	there := shortKinds(look.Field)
	for _, message := range r.messagesOf(record) {
		if field, ok := descendTo(message.Fields(), wanted.path); ok {
			return &Look{Record: record, Field: field, Bytes: message.Bytes, Message: true}, nil
		}
		there = append(there, shortKinds(message.Fields())...)
	}
	if field, ok := descendTo(look.Field, wanted.path); ok {
		look.Field = field
		return look, nil
	}
	slices.Sort(there)
	return nil, say("seen_no_field", "record", wanted.about, "field", strings.Join(wanted.path, " "), "fields", strings.Join(slices.Compact(there), ", "))
}

// descend goes down a tree, from kind to kind.
func descend(f inspect.Field, path []string) (inspect.Field, bool) {
	for _, kind := range path {
		next, ok := f.Find(kind)
		if !ok {
			return f, false
		}
		f = next
	}
	return f, true
}

// messagesOf returns the messages that the record completes.
func (r *run) messagesOf(record *inspect.Record) (all []*inspect.Message) {
	for _, c := range r.session.Connections() {
		if c.Conn != record.Conn {
			continue
		}
		seer := record.Side
		if record.Lane == inspect.Received {
			seer = seer.Peer()
		}
		for _, message := range c.View(seer).Messages() {
			if message.Record == record {
				all = append(all, message)
			}
		}
	}
	return all
}
