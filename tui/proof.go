package tui

import (
	"strings"

	"example.com/tlslab/inspect"
)

// proofName names a proof by what it proves and whose it is.
func (m *model) proofName(p *proof) string {
	name := m.messageName(p.Message)
	if p.Message.Name() == "certificate" || p.Message.Name() == "certificate_verify" { // both sides may send one
		name = m.say("tui_message_of", "message", name, "side", m.side(p.Message.Side))
	}
	if word := m.proofWord(p.Kind); word != "" {
		return m.say("tui_proof_in", "proof", word, "message", name)
	}
	return name
}

// proofWord names what a proof proves, where the name of its message does not.
func (m *model) proofWord(kind string) string {
	switch kind {
	case "finished", "certificate_verify", "server_key_exchange":
		return ""
	case "psk_binder":
		return m.say("tui_proof_binder")
	case "certificate_chain":
		return m.say("tui_proof_chain")
	case "downgrade_sentinel":
		return m.say("tui_proof_downgrade")
	case "ech_confirmation":
		return m.say("tui_proof_ech")
	}
	return strings.ReplaceAll(inspect.Safe(kind), "_", " ")
}

func (m *model) outcome(o inspect.Outcome) string {
	switch o {
	case inspect.Verified:
		return m.say("tui_verified")
	case inspect.Refuted:
		return m.say("tui_refuted")
	case inspect.NotApplicable:
		return m.say("tui_not_applicable")
	}
	return m.say("tui_not_checkable")
}

// verdictOf says how a proof came out, and why.
func (m *model) verdictOf(p *proof) span {
	sign, ink := m.outcomeSign(p.Outcome)
	text := sign + " " + m.outcome(p.Outcome)
	if why := m.whyOf(p); why != "" {
		text += ": " + why
	}
	return span{ink, text}
}

func (m *model) whyOf(p *proof) string {
	if p.early {
		return m.say("tui_proof_later")
	}
	return m.because(p.Because)
}

// aboutProof says what a proof is over, what was sent, and what it should have been.
func (m *model) aboutProof(p *proof, w int) []string {
	s := &sheet{m: m, w: w}
	s.lines = append(s.lines, m.ends(w, []span{{strong, m.proofName(p)}}, span{quiet, m.cite(p.RFC)}))
	verdict := m.verdictOf(p)
	s.text(verdict.ink, verdict.text)
	for _, note := range p.Notes {
		s.text(plain, m.because(note))
	}
	m.gotAndWant(s, p)
	m.covers(s, p.Covers)
	if text := m.proofMeaning(p.Kind); text != "" {
		if p.Outcome != inspect.Verified {
			text = m.say("tui_proof_would", "meaning", text)
		}
		s.put()
		s.text(plain, text)
	}
	return s.lines
}

func (m *model) gotAndWant(s *sheet, p *proof) {
	got, want := m.say("tui_proof_got"), m.say("tui_proof_want")
	column := max(width(got), width(want)) + 1
	if len(p.Got) > 0 {
		s.hex(got, column, plain, p.Got)
	}
	if len(p.Want) > 0 {
		s.hex(want, column, plain, p.Want)
	}
}

// aboutProofs counts how they came out.
func (m *model) aboutProofs(w int) []string {
	s := &sheet{m: m, w: w}
	var counts [4]int
	if c := m.conn(); c != nil {
		for _, p := range m.proofsAt(c) {
			counts[p.Outcome]++
		}
	}
	s.put(span{strong, m.say("tui_proofs")})
	for _, outcome := range []inspect.Outcome{inspect.Verified, inspect.Refuted, inspect.NotCheckable, inspect.NotApplicable} {
		sign, ink := m.outcomeSign(outcome)
		if n := counts[outcome]; n > 0 {
			s.put(span{ink, sign + " " + m.outcome(outcome)}, span{plain, ": " + thousands(int64(n), m.sentences.Lang())})
		}
	}
	s.put()
	s.text(plain, m.say("tui_proofs_about"))
	return s.lines
}

// proofMeaning says what a proof of that kind proves.
func (m *model) proofMeaning(kind string) string {
	return m.explain(inspect.Field{Kind: "proof." + kind})
}
