package lesson

import (
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// schedule reads: schedule KIND [of SIDE] [seen by SIDE].
func (p *valueParser) schedule() (expression, *remark) {
	if !p.more() {
		return nil, say("fault_schedule")
	}
	first := p.at
	kind, of := p.next(), ""
	var seer inspect.Side
	if p.peek() == "of" {
		side, what := p.side("of")
		if what != nil {
			return nil, what
		}
		seer, of = side, side.String()
	}
	if p.take("seen") {
		side, what := p.side("by")
		if what != nil {
			return nil, what
		}
		seer = side
	}
	asked := p.words[first:p.at]
	return func(r *run) (Value, error) {
		values, err := r.scheduleSeen(seer)
		if err != nil {
			return Value{}, err
		}
		var there []string
		for _, v := range values {
			if scheduled(v, kind) && (of == "" || strings.Contains(v.Name, of)) {
				return computedValue(v)
			}
			there = append(there, scheduleWord(v))
		}
		slices.Sort(there)
		return Value{}, say("seen_schedule", "value", strings.Join(asked, " "), "values", strings.Join(slices.Compact(there), ", "))
	}, nil
}

// scheduleSeen is the key schedule of the latest connection of an endpoint, as
// that one can compute it.
func (r *run) scheduleSeen(seer inspect.Side) ([]inspect.Value, error) {
	r.session.Extend()
	c := r.newest(seer)
	if c == nil {
		return nil, errNoConnection
	}
	values := c.View(seer).Schedule()
	if len(values) == 0 {
		return nil, say("seen_no_schedule")
	}
	return values, nil
}

// scheduled reports whether a value goes by the word: its kind, or its name in
// the standard's words. In TLS 1.3 some kinds end otherwise than in TLS 1.2.
func scheduled(v inspect.Value, word string) bool {
	short := scheduleWord(v)
	return v.Kind == word || v.Name == word || short == word || short == word+"_12" || short == word+"_13" || strings.HasPrefix(v.Name, word+" (")
}

// scheduleWord is a value's kind in short.
func scheduleWord(v inspect.Value) string {
	return strings.TrimPrefix(v.Kind[strings.LastIndexByte(v.Kind, '.')+1:], "schedule_")
}

// secret reads: secret LABEL, as a key log has it.
func (p *valueParser) secret() (expression, *remark) {
	if !p.more() {
		return nil, say("fault_secret")
	}
	label := p.next()
	return func(r *run) (Value, error) {
		r.session.Extend()
		var there []string
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			c := r.newest(side)
			if c == nil {
				continue
			}
			for _, secret := range c.View(side).Secrets(side, r.last()) {
				if secret.Label == label {
					return Value{Bytes: secret.Bytes, facts: facts{name: secret.Label}}, nil
				}
				there = append(there, secret.Label)
			}
		}
		slices.Sort(there)
		return Value{}, say("seen_secret", "label", label, "labels", strings.Join(slices.Compact(there), ", "))
	}, nil
}

// noReason is the reason of a proof that is verified.
const noReason = "none"

// outcomeWords are the sentences that say, on the screen, how a proof came out.
var outcomeWords = map[inspect.Outcome]string{inspect.Verified: "tui_verified", inspect.Refuted: "tui_refuted"}

// proof reads: proof KIND of SIDE [seen by SIDE]. It is judged as the peer of who
// sent it has it, unless said otherwise: a peer that refuses may be gone before
// all that was sent has reached it.
func (p *valueParser) proof() (expression, *remark) {
	kind := p.next()
	if kind == "" {
		return nil, say("fault_proof")
	}
	side, what := p.side("of")
	if what != nil {
		return nil, what
	}
	seer := side.Peer()
	if p.take("seen") {
		if seer, what = p.side("by"); what != nil {
			return nil, what
		}
	}
	return func(r *run) (Value, error) {
		var there []string
		for _, v := range slices.Backward(r.proofsOf(side, seer)) {
			if v.Kind != kind {
				there = append(there, v.Kind)
				continue
			}
			reason := v.Because.Key
			if v.Outcome == inspect.Verified {
				reason = noReason
			}
			return Value{Text: v.Outcome.String(), words: outcomeWords[v.Outcome], facts: facts{reason: reason, covers: namesOf(v.Covers)}}, nil
		}
		return Value{}, say("seen_proof", "side", side, "proof", kind, "proofs", strings.Join(there, ", "))
	}, nil
}

// proofs reads: proofs OUTCOME, which is how many came out so.
func (p *valueParser) proofs() (expression, *remark) {
	outcome := p.next()
	if outcome != inspect.Verified.String() && outcome != inspect.Refuted.String() {
		return nil, say("fault_proofs")
	}
	return func(r *run) (Value, error) {
		n := 0
		for _, v := range append(r.proofsOf(inspect.Client, inspect.Server), r.proofsOf(inspect.Server, inspect.Client)...) {
			if v.Outcome.String() == outcome {
				n++
			}
		}
		return numberValue(n), nil
	}, nil
}

// proofsOf are those of a side's messages on its peer's latest connection, as
// seer has them at its end of it.
func (r *run) proofsOf(side, seer inspect.Side) (proofs []inspect.Verification) {
	r.session.Extend()
	c := r.newest(side.Peer())
	if c == nil {
		return nil
	}
	for _, v := range c.View(seer).Verifications() {
		if v.Message.Side == side && v.Event <= r.last() {
			proofs = append(proofs, v)
		}
	}
	return proofs
}
