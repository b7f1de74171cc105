package lesson

import "example.com/tlslab/docs"

// A remark is a sentence of package docs, and what it speaks of.
type remark struct {
	id    string
	pairs []any
}

func (m *remark) in(lang string) string { return docs.For(lang).Say(m.id, m.pairs...) }

func (m *remark) String() string { return m.in(docs.English) }

// fault is a check that failed before anything was done.
func fault(line int, text, id string, pairs ...any) Check {
	m := &remark{id, pairs}
	return Check{Line: line, Text: text, Got: m.String(), remark: m}
}

// Fault reports whether the check says what is wrong with a lesson whatever its session does.
func (c Check) Fault() bool { return c.remark != nil }

// GotIn is Got in a language, where package docs has it; otherwise Got.
func (c Check) GotIn(lang string) string {
	if c.remark == nil {
		return c.Got
	}
	return c.remark.in(lang)
}

// WhatIn is What in a language, where package docs has it; otherwise What.
func (e *SyntaxError) WhatIn(lang string) string {
	if e.remark == nil {
		return e.What
	}
	return e.remark.in(lang)
}
