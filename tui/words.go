package tui

import (
	"fmt"
	"slices"
	"strconv"

	"example.com/tlslab/inspect"
)

// The words that inspect has in English, in the language of the screen.

func (m *model) side(s inspect.Side) string {
	if s == inspect.Client {
		return m.say("tui_client")
	}
	return m.say("tui_server")
}

func (m *model) how(c inspect.Closing) string {
	switch c {
	case inspect.ClosedNotify:
		return m.say("tui_closed_notify")
	case inspect.ClosedEndOfFile:
		return m.say("tui_closed_end_of_file")
	case inspect.ClosedMissing:
		return m.say("tui_closed_missing")
	case inspect.ClosedUnread:
		return m.say("tui_closed_unread")
	case inspect.ClosedBroken:
		return m.say("tui_closed_broken")
	}
	return m.say("tui_closed_cut")
}

func (m *model) why(r *inspect.Record) string {
	if reason := r.Reason(); len(reason.Data) > 0 { // it names what is missing
		return m.because(reason)
	}
	switch r.Why {
	case inspect.WhyProtocol:
		return m.because(r.Reason())
	case inspect.WhyNoSecret:
		return m.say("tui_why_no_secret")
	case inspect.WhyNoInnerSecret:
		return m.say("tui_why_no_inner_secret")
	case inspect.WhyNoClientHello:
		return m.say("tui_why_random_missing")
	case inspect.WhyNoServerHello:
		return m.say("tui_why_choice_missing")
	case inspect.WhyNoHello:
		return m.say("tui_why_hello_unsaid")
	case inspect.WhyDoubtful:
		return m.say("tui_why_doubtful")
	case inspect.WhyTag:
		return m.say("tui_why_tag")
	case inspect.WhySuite:
		return m.say("tui_why_suite")
	case inspect.WhyRecordsMissing:
		return m.say("tui_why_records_missing")
	case inspect.WhyBytesLetGo:
		return m.say("tui_why_let_go")
	case inspect.WhyTooShort:
		return m.say("tui_why_too_short")
	case inspect.WhyCutOff:
		return m.say("tui_why_cut_off")
	}
	return m.say("tui_why_undecided")
}

func (m *model) verdict(v inspect.Verdict) string {
	switch v {
	case inspect.VerdictAltered:
		return m.say("tui_verdict_altered")
	case inspect.VerdictInjected:
		return m.say("tui_verdict_injected")
	case inspect.VerdictRepeated:
		return m.say("tui_verdict_repeated")
	case inspect.VerdictReordered:
		return m.say("tui_verdict_reordered")
	case inspect.VerdictDropped:
		return m.say("tui_verdict_dropped")
	case inspect.VerdictResealed:
		return m.say("tui_verdict_resealed")
	}
	return m.say("tui_verdict_unreadable")
}

// shortVerdict is the same in a word.
func (m *model) shortVerdict(v inspect.Verdict) string {
	switch v {
	case inspect.VerdictAltered:
		return m.say("tui_short_altered")
	case inspect.VerdictInjected:
		return m.say("tui_short_injected")
	case inspect.VerdictRepeated:
		return m.say("tui_short_repeated")
	case inspect.VerdictReordered:
		return m.say("tui_short_reordered")
	case inspect.VerdictDropped:
		return m.say("tui_short_dropped")
	}
	return m.say("tui_short_unreadable")
}

func (m *model) epoch(e inspect.Epoch) string {
	switch e.Kind {
	case inspect.EpochClear:
		return m.say("tui_epoch_clear")
	case inspect.EpochUnknown:
		return m.say("tui_epoch_unknown")
	}
	return m.say("tui_epoch_keys", "epoch", m.epochName(e))
}

// epochName names an epoch that has keys; later generations of them are counted.
func (m *model) epochName(e inspect.Epoch) string {
	var name string
	switch e.Kind {
	case inspect.EpochEarly:
		name = m.say("tui_epoch_early")
	case inspect.EpochHandshake:
		name = m.say("tui_epoch_handshake")
	case inspect.EpochApplication:
		name = m.say("tui_epoch_application")
	default:
		return e.String()
	}
	if e.Generation > 0 {
		name += "+" + strconv.Itoa(e.Generation)
	}
	return name
}

func (m *model) origin(o inspect.Origin) string {
	switch o {
	case inspect.ClientLog:
		return m.say("tui_origin_client")
	case inspect.ServerLog:
		return m.say("tui_origin_server")
	case inspect.FromFile:
		return m.say("tui_origin_file")
	case inspect.Recorded:
		return m.say("tui_origin_recorded")
	}
	return m.say("tui_origin_derived")
}

// because is a reason in the language of the screen.
func (m *model) because(r inspect.Reason) string {
	id := "reason_" + r.Key
	if !m.sentences.Has(id) {
		return inspect.Safe(r.String())
	}
	pairs := slices.Clone(r.Data)
	for i := range pairs {
		switch datum := pairs[i].(type) {
		case inspect.Side:
			pairs[i] = m.side(datum)
		default:
			pairs[i] = inspect.Safe(fmt.Sprint(datum))
		}
	}
	return m.say(id, pairs...)
}
