package report

import (
	"fmt"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// Proofs tells in one line which proofs of a connection's handshake are
// verified, which are refuted, which cannot be checked, and why. Where the two
// ends do not come to the same, each has a line, without the certificates that it
// sent itself: those its peer checks, by the roots that the peer trusts. Of an end that is someone
// else's program it is what its bytes prove, whatever it has checked itself. It is empty if nothing was to
// be proven. [Text.Item] tells it when both sides have closed.
func (t Text) Proofs(s *inspect.Session, conn int) string {
	c := s.Connections()[conn]
	where := ""
	if conn > 0 {
		where = t.Say.Say("report_connection", "conn", conn+1) + ": "
	}
	proofs := [...][]inspect.Verification{c.View(inspect.Client).Verifications(), c.View(inspect.Server).Verifications()}
	client, server := t.proofs(proofs[inspect.Client]), t.proofs(proofs[inspect.Server])
	switch {
	case client == "" && server == "":
		return ""
	case client == server:
		return where + t.Say.Say("report_proofs", "list", client) + "\n"
	}
	text := ""
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		list := t.proofs(proofsBy(c, side))
		id := "report_proofs_seen"
		if !c.Opening.Ours[side] {
			id = "report_proofs_stranger"
		}
		if list != "" {
			text += where + t.Say.Say(id, "side", t.side(side), "list", list) + "\n"
		}
	}
	return text
}

// proofsBy are the proofs of a connection's handshake as one side has them: without the certificates that it sent itself,
// which its peer checks by roots of its own.
func proofsBy(c *inspect.Connection, side inspect.Side) []inspect.Verification {
	return slices.DeleteFunc(c.View(side).Verifications(), func(proof inspect.Verification) bool {
		return proof.Kind == "certificate_chain" && proof.Message.Side == side
	})
}

// proofs lists what is proven: first what is well, then what is not.
func (t Text) proofs(all []inspect.Verification) string {
	var verified, refuted, open []string
	for _, proof := range all {
		name := t.Say.Say("report_proof", "name", proof.Kind, "side", t.side(proof.Message.Side))
		switch proof.Outcome {
		case inspect.Verified:
			verified = append(verified, name)
		case inspect.Refuted:
			refuted = append(refuted, t.Say.Say("report_proof_refuted", "proof", name, "why", t.reason(proof.Because)))
		case inspect.NotCheckable:
			open = append(open, t.Say.Say("report_proof_not_checkable", "proof", name, "why", t.reason(proof.Because)))
		}
	}
	var parts []string
	if len(verified) > 0 {
		parts = append(parts, t.Say.Say("report_proofs_verified", "list", strings.Join(verified, ", ")))
	}
	return strings.Join(slices.Concat(parts, refuted, open), "; ")
}

// reason tells a reason in the language of the text.
func (t Text) reason(r inspect.Reason) string {
	pairs := slices.Clone(r.Data)
	for i, datum := range pairs {
		if side, ok := datum.(inspect.Side); ok {
			pairs[i] = t.side(side)
		} else {
			pairs[i] = inspect.Safe(fmt.Sprint(datum))
		}
	}
	return t.Say.Say("reason_"+r.Key, pairs...)
}

// proofsAt tells the proofs of a connection where item n is its end.
func (t Text) proofsAt(s *inspect.Session, n int) string {
	item := s.Items()[n-1]
	if item.Kind != inspect.ClosedItem {
		return ""
	}
	if peer := s.Connections()[item.Conn].Closed(item.Side.Peer()); peer < 0 || peer > n-1 {
		return ""
	}
	return t.Proofs(s, item.Conn)
}

// last tells the proofs of the connections that never came to their end, and
// what both endpoints made of each that was gated.
func (t Text) last(s *inspect.Session) []byte {
	text := ""
	for i, c := range s.Connections() {
		if c.Closed(inspect.Client) < 0 || c.Closed(inspect.Server) < 0 {
			text += t.Proofs(s, i)
		}
		text += t.Verdict(s, i)
	}
	return []byte(text)
}
