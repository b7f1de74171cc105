package lesson

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// sessionTerm reads what is said of the session or of one of its endpoints.
func (p *valueParser) sessionTerm() (e expression, ok bool, what *remark) {
	word := p.peek()
	switch {
	case sessionWords[word] != nil:
		p.at++
		p.from.session = true
		return sessionWords[word], true, nil
	case endpointWords[word].of != nil:
		p.at++
		p.from.session = true
		side, what := p.side(endpointWords[word].join)
		if what != nil {
			return nil, true, what
		}
		return func(r *run) (Value, error) {
			r.session.Extend()
			return endpointWords[word].of(r, side)
		}, true, nil
	case word == "schedule", word == "secret", word == "proof", word == "proofs":
		p.at++
		p.from.session = true
		e, what := map[string]func() (expression, *remark){"schedule": p.schedule, "secret": p.secret, "proof": p.proof, "proofs": p.proofs}[word]()
		return e, true, what
	}
	return nil, false, nil
}

// side reads: of SIDE, or by SIDE.
func (p *valueParser) side(join string) (inspect.Side, *remark) {
	if what := p.need(join); what != nil {
		return 0, what
	}
	side, ok := sides[p.next()]
	if !ok {
		return 0, say("fault_side", "word", join)
	}
	return side, nil
}

// sessionWords are values of the session: of its latest connection, as its
// client sees it, and of the latest answer.
var sessionWords = map[string]expression{
	"version": agreed("version", func(s inspect.State) (Value, bool) {
		return codeValue(s.Version, 2, inspect.VersionName(s.Version)), s.Version != 0
	}),
	"suite": agreed("suite", func(s inspect.State) (Value, bool) {
		return codeValue(s.Suite, 2, inspect.SuiteName(s.Suite)), s.Suite != 0
	}),
	"group": agreed("group", func(s inspect.State) (Value, bool) {
		return codeValue(s.Group, 2, inspect.GroupName(s.Group)), s.Group != 0
	}),
	"server_name": agreed("server_name", func(s inspect.State) (Value, bool) { return spoken(s.ServerName), s.ServerName != "" }),
	"resumed":     agreed("version", func(s inspect.State) (Value, bool) { return yesOrNo(s.Resumed), s.Version != 0 }),
	"scheme":      (*run).scheme,
	"answer": func(r *run) (Value, error) {
		switch {
		case r.silent:
			return Value{}, say("seen_no_answer_silent")
		case r.err != nil:
			return Value{}, say("seen_no_answer", "reason", r.err.Error())
		}
		return spoken(r.answer), nil
	},
	"guessed": func(r *run) (Value, error) {
		if r.guessed == "" {
			return Value{}, say("seen_no_guess")
		}
		return spoken(r.guessed), nil
	},
	"noticed": func(r *run) (Value, error) {
		r.session.Extend()
		return textValue(r.noticed()), nil
	},
	"looked":      (*run).lookedAt,
	"round_trips": (*run).roundTrips,
	"connections": func(r *run) (Value, error) {
		r.session.Extend()
		return numberValue(len(r.session.Connections())), nil
	},
}

var errNoConnection = say("seen_no_connection")

func yesOrNo(yes bool) Value {
	if yes {
		return textValue("yes")
	}
	return textValue("no")
}

// agreed is a value of the state of the latest connection.
func agreed(word string, of func(inspect.State) (Value, bool)) expression {
	return func(r *run) (Value, error) {
		r.session.Extend()
		state, ok := r.state()
		if !ok {
			return Value{}, errNoConnection
		}
		v, ok := of(state)
		if !ok {
			return Value{}, say("seen_not_agreed", "word", word)
		}
		return v, nil
	}
}

// scheme is what the server signed the latest handshake with.
func (r *run) scheme() (Value, error) {
	r.session.Extend()
	if c := r.newest(inspect.Server); c != nil {
		for _, m := range slices.Backward(c.View(inspect.Server).Messages()) {
			for _, kind := range []string{"certificate_verify.algorithm", "server_key_exchange.algorithm"} {
				if f, ok := m.Fields().Find(kind); ok && m.Side == inspect.Server && m.Event <= r.last() {
					return fieldValue(f, m.Bytes), nil
				}
			}
		}
	}
	return Value{}, say("seen_no_scheme")
}

// roundTrips counts how often the client waits for the server before it may send
// its first text: until both have sent Finished, or, without TLS, until it
// sends text.
func (r *run) roundTrips() (Value, error) {
	r.session.Extend()
	c := r.newest(inspect.Client)
	if c == nil {
		return Value{}, errNoConnection
	}
	var records []*inspect.Record
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		records = append(records, c.View(from).Records(from)...)
	}
	slices.SortStableFunc(records, func(a, b *inspect.Record) int { return a.Event - b.Event })
	trips, asked, finished := 0, false, [2]bool{}
	for _, record := range records {
		switch {
		case record.Event > r.last():
			return Value{}, say("seen_no_trips")
		case record.Side == inspect.Client && !record.TLS() && record.Text():
			return numberValue(trips), nil
		case record.Side == inspect.Client:
			asked = true
		case asked:
			trips, asked = trips+1, false
		}
		if messageIn(record, "finished") != nil {
			finished[record.Side] = true
		}
		if finished[inspect.Client] && finished[inspect.Server] {
			return numberValue(trips), nil
		}
	}
	return Value{}, say("seen_no_trips")
}

// newest returns the latest connection that a side of the two honest endpoints
// had; nil if it had none.
func (r *run) newest(side inspect.Side) *inspect.Connection {
	all := r.of(side)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// An endpointWord is what is asked of an endpoint: the word behind it, and how it
// is computed. Messages, records and bytes are those of its latest connection,
// all else is of all of them.
type endpointWord struct {
	join string
	of   func(*run, inspect.Side) (Value, error)
}

var endpointWords = map[string]endpointWord{
	"alert": {"of", (*run).alertOf},
	"error": {"of", func(r *run, side inspect.Side) (Value, error) {
		if errs := r.errors(side); len(errs) > 0 {
			return textValue(strings.Join(errs, "; ")), nil
		}
		return Value{}, say("seen_no_error", "side", side)
	}},
	"ending": {"of", func(r *run, side inspect.Side) (Value, error) {
		if ending := r.ending(side); ending != "" {
			return textValue(ending), nil
		}
		return Value{}, say("seen_no_ending", "side", side)
	}},
	"learned": {"by", func(r *run, side inspect.Side) (Value, error) { return textValue(r.learned(side)), nil }},
	"read":    {"by", func(r *run, side inspect.Side) (Value, error) { return contentValue([]byte(r.read(side))), nil }},
	"wrote": {"by", func(r *run, side inspect.Side) (Value, error) {
		var all []byte
		for _, c := range r.of(side) {
			all = append(all, r.text(c, side, inspect.Wrote)...)
		}
		return contentValue(all), nil
	}},
	"messages": {"of", func(r *run, side inspect.Side) (Value, error) { return listValue(r.messagesSent(side)), nil }},
	"records": {"of", func(r *run, side inspect.Side) (Value, error) {
		var names []string
		for _, record := range r.sent(side) {
			names = append(names, record.Name())
		}
		return listValue(names), nil
	}},
	"sent": {"by", func(r *run, side inspect.Side) (Value, error) {
		c := r.newest(side)
		if c == nil {
			return Value{}, errNoConnection
		}
		return Value{Bytes: nonNil(r.text(c, side, inspect.Captured))}, nil
	}},
}

// sent returns the records that a side sent on its latest connection.
func (r *run) sent(side inspect.Side) (records []*inspect.Record) {
	if c := r.newest(side); c != nil {
		for _, record := range c.View(side).Records(side) {
			if record.Event <= r.last() {
				records = append(records, record)
			}
		}
	}
	return records
}

// messagesSent names what a side sent on its latest connection: handshake
// messages, or the units of its protocol.
func (r *run) messagesSent(side inspect.Side) (names []string) {
	for _, record := range r.sent(side) {
		if !record.TLS() {
			names = append(names, record.Name())
		}
		for _, part := range record.Parts {
			if part.Message != nil {
				names = append(names, part.Message.Name())
			}
		}
	}
	return names
}

// alertOf is the first alert that a side sent, but for close_notify.
func (r *run) alertOf(side inspect.Side) (Value, error) {
	for _, c := range r.of(side) {
		for _, alert := range c.Account(side, r.last()).Alerts {
			if alert.Description != 0 {
				return codeValue(uint16(alert.Description), 1, inspect.AlertName(alert.Description)), nil
			}
		}
	}
	return Value{}, say("seen_no_alert", "side", side)
}
