package lesson

import (
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// parseLook reads what is to be looked at: a record, and perhaps a field of it,
// or of the message that it completes.
func parseLook(explain bool) verb {
	return func(rest []string, _ string, _ bool) (func(*run) error, string) {
		kinds := slices.IndexFunc(rest, func(word string) bool { return strings.Contains(word, ".") })
		if kinds < 0 {
			kinds = len(rest)
		}
		m, err := parseMatch(rest[:kinds])
		if err != nil {
			return nil, err.Error()
		}
		if explain && kinds == len(rest) {
			return nil, "explain needs a field, as in: explain client client_hello client_hello.random"
		}
		about, path := strings.Join(rest[:kinds], " "), rest[kinds:]
		return func(r *run) error {
			r.settle()
			look, err := r.look(m, about, path)
			if err != nil {
				return err
			}
			look.Explain = explain
			r.wishes.look = look
			return nil
		}, ""
	}
}

// look finds what is to be looked at.
func (r *run) look(m inspect.Match, about string, path []string) (*Look, error) {
	record := r.find(m)
	if record == nil {
		return nil, fmt.Errorf("no such record: %s", about)
	}
	look := &Look{Record: record, Field: record.Fields(), Bytes: record.Raw()}
	if len(path) == 0 {
		return look, nil
	}
	if field, ok := descend(look.Field, path); ok {
		look.Field = field
		return look, nil
	}
	for _, message := range r.messagesOf(record) {
		if field, ok := descend(message.Fields(), path); ok {
			return &Look{Record: record, Field: field, Bytes: message.Bytes, Message: true}, nil
		}
	}
	return nil, fmt.Errorf("%s has no field %s", about, strings.Join(path, " "))
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
		for _, message := range c.View(record.Side).Messages() {
			if message.Record == record {
				all = append(all, message)
			}
		}
	}
	return all
}
