package lesson

import (
	"slices"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// A remark is a sentence of package docs, and what it speaks of, which may be
// another one. As an error it is in English.
type remark struct {
	id     string
	pairs  []any
	source string // of the template in which it arose; "" for none
}

func say(id string, pairs ...any) *remark { return &remark{id: id, pairs: pairs} }

// verbatim is a remark that is the same in every language, as a word of scripts is.
func verbatim(text string) *remark { return &remark{pairs: []any{text}} }

// remarkOf is what an error says.
func remarkOf(err error) *remark {
	if m, ok := err.(*remark); ok {
		return m
	}
	return verbatim(err.Error())
}

func (m *remark) in(lang string) string {
	pairs := append(slices.Clone(m.pairs), "open", "{{", "close", "}}") // which sentences cannot have themselves
	say := docs.For(lang)
	for i, about := range pairs {
		switch about := about.(type) {
		case error:
			pairs[i] = ErrorIn(about, lang)
		case inspect.Reason:
			pairs[i] = say.Say("reason_"+about.Key, about.Data...)
		case inspect.Side:
			pairs[i] = sideIn(about, say)
		}
	}
	if m.id == "" {
		return pairs[0].(string)
	}
	text := say.Say(m.id, pairs...)
	if m.source != "" {
		text = "{{" + m.source + "}}: " + text
	}
	return text
}

func sideIn(side inspect.Side, say *docs.Sentences) string {
	if side == inspect.Client {
		return say.Say("course_client")
	}
	return say.Say("course_server")
}

func (m *remark) Error() string { return m.in(docs.English) }

// within is the remark about what stands between double braces.
func (m *remark) within(source string) *remark {
	return &remark{id: m.id, pairs: m.pairs, source: source}
}

// A templateError says why a value between double braces is not to be had.
type templateError struct {
	source string
	err    error
}

func (e *templateError) in(lang string) string {
	return "{{" + e.source + "}}: " + ErrorIn(e.err, lang)
}

func (e *templateError) Error() string { return e.in(docs.English) }

func (e *templateError) Unwrap() error { return e.err }

// ErrorIn is what an error of this package says in a language, where package docs
// has it; otherwise it is in English.
func ErrorIn(err error, lang string) string {
	switch err := err.(type) {
	case *remark:
		return err.in(lang)
	case *templateError:
		return err.in(lang)
	case *MatchError:
		return err.remark().in(lang)
	case *SyntaxError:
		return say("fault_at", "name", err.Name, "line", err.Line, "text", inspect.Safe(err.Text), "what", err.what).in(lang)
	case *StepError:
		return say("fault_at", "name", err.Lesson, "line", err.Step.Line, "text", inspect.Safe(err.Step.Text), "what", err.Err).in(lang)
	}
	return err.Error()
}

// fault is a check that failed, whatever the session does.
func fault(line int, text, id string, pairs ...any) Check {
	m := say(id, pairs...)
	return Check{Line: line, Text: text, Got: m.Error(), remark: m, fault: true}
}

// saw is the check, with what happened.
func (c Check) saw(got *remark) Check {
	c.Got, c.remark = got.Error(), got
	return c
}

// failing is the check, of something that an error kept from being compared; as it is, if there is none.
func (c Check) failing(err error) Check {
	if err == nil {
		return c
	}
	return c.saw(remarkOf(err))
}

// Fault reports whether the check says what is wrong with how a lesson is written,
// and not what its session does.
func (c Check) Fault() bool { return c.fault }

// GotIn is Got in a language.
func (c Check) GotIn(lang string) string {
	if c.remark == nil {
		return c.Got
	}
	return c.remark.in(lang)
}

// WhatIn is what is wrong, in a language.
func (e *SyntaxError) WhatIn(lang string) string { return e.what.in(lang) }
