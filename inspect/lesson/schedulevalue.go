package lesson

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// schedule reads: schedule KIND [of SIDE] [seen by SIDE].
func (p *valueParser) schedule() (expression, error) {
	if !p.more() {
		return nil, errors.New("schedule needs a value of the key schedule, as in: schedule handshake_secret")
	}
	kind, of, by := p.next(), "", ""
	var seer inspect.Side
	if p.peek() == "of" {
		side, err := p.side("of")
		if err != nil {
			return nil, err
		}
		seer, of = side, side.String()
	}
	if p.take("seen") {
		side, err := p.side("by")
		if err != nil {
			return nil, err
		}
		seer, by = side, " seen by "+side.String()
	}
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
		if of != "" {
			of = " of " + of
		}
		return Value{}, fmt.Errorf("the key schedule%s has no %s%s; there are %s", by, kind, of, strings.Join(slices.Compact(there), ", "))
	}, nil
}

// scheduleSeen is the key schedule of the latest connection of an endpoint, as
// that one can compute it.
func (r *run) scheduleSeen(seer inspect.Side) ([]inspect.Value, error) {
	r.session.Extend()
	c := r.newest(seer)
	if c == nil {
		return nil, errors.New("there is no connection yet")
	}
	values := c.View(seer).Schedule()
	if len(values) == 0 {
		return nil, errors.New("there is no key schedule: no cipher suite was agreed on")
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
func (p *valueParser) secret() (expression, error) {
	if !p.more() {
		return nil, errors.New("secret needs the label of a key log, as in: secret CLIENT_TRAFFIC_SECRET_0")
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
		return Value{}, fmt.Errorf("the session has no secret %s; there are %s", label, strings.Join(slices.Compact(there), ", "))
	}, nil
}

// noReason is the reason of a proof that is verified.
const noReason = "none"

// proof reads: proof KIND of SIDE [seen by SIDE]. It is judged as the peer of who
// sent it has it, unless said otherwise: a peer that refuses may be gone before
// all that was sent has reached it.
func (p *valueParser) proof() (expression, error) {
	kind := p.next()
	if kind == "" {
		return nil, errors.New("proof needs its kind, as in: proof finished of server")
	}
	side, err := p.side("of")
	if err != nil {
		return nil, err
	}
	seer := side.Peer()
	if p.take("seen") {
		if seer, err = p.side("by"); err != nil {
			return nil, err
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
			return Value{Text: v.Outcome.String(), facts: facts{reason: reason, covers: namesOf(v.Covers)}}, nil
		}
		return Value{}, fmt.Errorf("the %s has not proved %s; of its messages there are the proofs: %s", side, kind, strings.Join(there, ", "))
	}, nil
}

// proofs reads: proofs OUTCOME, which is how many came out so.
func (p *valueParser) proofs() (expression, error) {
	outcome := p.next()
	if outcome != inspect.Verified.String() && outcome != inspect.Refuted.String() {
		return nil, errors.New("behind proofs comes verified or refuted")
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
