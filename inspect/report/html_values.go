package report

import (
	"fmt"
	"strings"

	"example.com/tlslab/inspect"
)

// A value is one of the key schedule, or of what protects a record.
type value struct {
	Name, Size, Hex  string
	Formula, Missing string
	Depth            int
	Inputs           []input
	Covers, Origin   string
	Explanation, RFC string
	Command          string
	Withheld         bool

	How, Shell, Unknown, WithheldWord string // words of the page
}

// More reports whether there is more to say than what it is and how it comes about.
func (v value) More() bool {
	return v.Explanation != "" || v.Covers != "" || len(v.Inputs) > 0 || v.Command != "" || v.RFC != ""
}

type input struct{ Name, Size, Hex string }

// isPublic reports whether a kind of value gives no secret away: anyone can compute it from what crossed the wire, or it
// is one of the proofs that cross it.
func isPublic(kind string) bool {
	switch kind {
	case "schedule.session_hash", "schedule.verify_data", "schedule.verify_data_13", "schedule.binder",
		"protection.sequence_number", "protection.additional_data", "protection.additional_data_12",
		"ech.sequence_number", "ech.additional_data", "ech.enc", "ech.accept_confirmation", "ech.hrr_accept_confirmation",
		"sealed.schedule_transcript_hash":
		return true
	}
	return false
}

// value tells a value; without secrets, a secret one has its name and formula alone.
func (p *page) value(v inspect.Value, depth int) value {
	say := p.text.Say
	told := value{
		Name: say.ValueName(inspect.Safe(v.Name)), Depth: depth, RFC: say.Citation(v.RFC), Explanation: say.Explain(v.Kind),
		Formula: say.Formula(v.Kind, inspect.Safe(v.Formula)),
		How:     say.Say("page_how"), Shell: say.Say("page_command"), WithheldWord: say.Say("page_withheld"),
	}
	if len(v.Covers) > 0 {
		told.Covers = say.Say("report_value_covers", "count", len(v.Covers), "list", names(v.Covers))
	}
	if v.Bytes == nil {
		told.Missing = inspect.Safe(v.Missing)
		if v.Because.Key != "" {
			told.Missing = p.text.reason(v.Because)
		}
		told.Unknown = say.Say("tui_value_missing", "why", told.Missing)
		return told
	}
	told.Size = p.text.size(len(v.Bytes))
	if p.NoSecrets {
		if told.Withheld = !isPublic(v.Kind); !told.Withheld {
			told.Hex = fmt.Sprintf("%x", v.Bytes)
		}
		return told // inputs and commands hold secrets too
	}
	told.Hex, told.Command = fmt.Sprintf("%x", v.Bytes), v.Command
	if v.Logged || v.Origin != inspect.Derived {
		told.Origin = say.Say("tui_secret_from", "origin", p.origin(v.Origin))
	}
	const most = 1 << 10 // bytes of an input: that of a record's clear text may be long
	for _, in := range v.Inputs {
		hex := fmt.Sprintf("%x", in.Bytes[:min(len(in.Bytes), most)])
		if len(in.Bytes) > most {
			hex += "…"
		}
		told.Inputs = append(told.Inputs, input{say.ValueName(inspect.Safe(in.Name)), p.text.size(len(in.Bytes)), hex})
	}
	return told
}

func (p *page) origin(o inspect.Origin) string {
	id := map[inspect.Origin]string{
		inspect.ClientLog: "tui_origin_client", inspect.ServerLog: "tui_origin_server", inspect.FromFile: "tui_origin_file",
		inspect.Recorded: "tui_origin_recorded",
	}[o]
	if id == "" {
		id = "tui_origin_derived"
	}
	return p.Word(id)
}

func names(messages []*inspect.Message) string {
	var list []string
	for _, m := range messages {
		list = append(list, structName(m.Name()))
	}
	return strings.Join(list, ", ")
}

// A schedule is the key schedule of one handshake, as one side has it or both do.
type schedule struct {
	Title  string
	Values []value
}

// schedules tells the key schedules of a connection; where the ends do not have the same, each has its own.
func (p *page) schedules(c *inspect.Connection) (all []schedule) {
	views := []inspect.Side{inspect.Client}
	if p.text.Schedule(p.session, c.Conn, p.last+1) != p.text.values(c.View(inspect.Client).Schedule(), p.last+1) {
		views = append(views, inspect.Server)
	}
	for _, side := range views {
		title := p.Word("tui_schedule_title")
		if len(views) > 1 {
			title = p.Word("report_schedule_of", "side", p.text.side(side))
		}
		for i, values := range c.View(side).Schedules() {
			if i == mostRounds {
				break
			}
			s := schedule{Title: title}
			depths := depthsOf(values)
			for i, v := range values {
				s.Values = append(s.Values, p.value(v, depths[i]))
			}
			all = append(all, s)
		}
	}
	return all
}

// depthsOf says how far in each value stands: the trunk, down to the master secret, at the edge, as RFC 8446
// section 7.1 draws it, and everything else one step further in than what it is derived from.
func depthsOf(values []inspect.Value) []int {
	depths, trunk := make([]int, len(values)), make(map[int]bool)
	for i, v := range values {
		if v.Kind == "schedule.master_secret" || v.Kind == "schedule.master_secret_12" {
			for at := i; at >= 0; at = inspect.Source(values, at) {
				trunk[at] = true
			}
		}
	}
	for i := range values {
		if source := inspect.Source(values, i); source >= 0 && !trunk[i] {
			depths[i] = min(depths[source]+1, 4)
		}
	}
	return depths
}

// A proof is one of the handshake, done again.
type proof struct {
	Class, Sign, Outcome string
	Name, Why            string
	Notes                []string
	Covers, Got, Want    string
	Meaning, RFC         string

	How, GotWord, WantWord string // words of the page
}

// proofs tells those that a connection has; where the ends do not come to the same, each has its own.
func (p *page) proofs(c *inspect.Connection) (groups []proofGroup) {
	client := p.tell(c.View(inspect.Client).Verifications())
	if fmt.Sprint(client) == fmt.Sprint(p.tell(c.View(inspect.Server).Verifications())) {
		return nonEmpty(proofGroup{"", client})
	}
	return nonEmpty(
		proofGroup{p.Word("page_as_seen", "side", p.text.side(inspect.Client)), p.tell(proofsBy(c, inspect.Client))},
		proofGroup{p.Word("page_as_seen", "side", p.text.side(inspect.Server)), p.tell(proofsBy(c, inspect.Server))},
	)
}

type proofGroup struct {
	Title  string
	Proofs []proof
}

func nonEmpty(groups ...proofGroup) (left []proofGroup) {
	for _, group := range groups {
		if len(group.Proofs) > 0 {
			left = append(left, group)
		}
	}
	return left
}

func (p *page) tell(proofs []inspect.Verification) (all []proof) {
	for _, verification := range proofs {
		all = append(all, p.proof(verification))
	}
	return all
}

// proofsOf tells the proofs that a message carries, as its receiver finds them.
func (p *page) proofsOf(m *inspect.Message) (all []proof) {
	for _, of := range []inspect.Side{m.Side.Peer(), m.Side} {
		for _, verification := range p.verifications(m.Conn, of) {
			if same := verification.Message; same == m || same.Side == m.Side && same.Name() == m.Name() && string(same.Bytes) == string(m.Bytes) {
				all = append(all, p.proof(verification))
			}
		}
		if all != nil {
			return all
		}
	}
	return nil
}

// verifications does those of a view once.
func (p *page) verifications(conn int, side inspect.Side) []inspect.Verification {
	key := [2]int{conn, int(side)}
	known, ok := p.verified[key]
	if !ok {
		if p.verified == nil || len(p.verified) > 2*mostChapter {
			p.verified = make(map[[2]int][]inspect.Verification)
		}
		known = p.session.Connections()[conn].View(side).Verifications()
		p.verified[key] = known
	}
	return known
}

func (p *page) proof(v inspect.Verification) proof {
	name := structName(v.Message.Name())
	if word := p.proofWord(v.Kind); word != "" {
		name = p.Word("tui_proof_in", "proof", word, "message", name)
	}
	told := proof{
		Name: p.Word("tui_message_of", "message", name, "side", p.text.side(v.Message.Side)),
		RFC:  p.text.Say.Citation(v.RFC), Meaning: p.text.Say.Explain("proof." + v.Kind), Got: fmt.Sprintf("%x", v.Got), Want: fmt.Sprintf("%x", v.Want),
		How: p.Word("page_how"), GotWord: p.Word("tui_proof_got"), WantWord: p.Word("tui_proof_want"),
	}
	switch v.Outcome {
	case inspect.Verified:
		told.Class, told.Sign, told.Outcome = "verified", "✓", p.Word("tui_verified")
	case inspect.Refuted:
		told.Class, told.Sign, told.Outcome = "refuted", "✗", p.Word("tui_refuted")
	case inspect.NotApplicable:
		told.Class, told.Sign, told.Outcome = "open", "–", p.Word("tui_not_applicable")
	default:
		told.Class, told.Sign, told.Outcome = "open", "?", p.Word("tui_not_checkable")
	}
	if v.Because.Key != "" {
		told.Why = p.text.reason(v.Because)
	}
	for _, note := range v.Notes {
		told.Notes = append(told.Notes, p.text.reason(note))
	}
	if len(v.Covers) > 0 {
		told.Covers = p.Word("report_value_covers", "count", len(v.Covers), "list", names(v.Covers))
	}
	switch {
	case v.Outcome == inspect.NotApplicable:
		told.Meaning = ""
	case v.Outcome != inspect.Verified && told.Meaning != "":
		told.Meaning = p.Word("tui_proof_would", "meaning", told.Meaning)
	}
	return told
}

// proofWord names what a proof proves, where the name of its message does not.
func (p *page) proofWord(kind string) string {
	id := map[string]string{
		"psk_binder": "tui_proof_binder", "certificate_chain": "tui_proof_chain", "downgrade_sentinel": "tui_proof_downgrade",
		"ech_confirmation": "tui_proof_ech",
	}[kind]
	if id == "" {
		return ""
	}
	return p.Word(id)
}
