package report

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"example.com/tlslab/inspect"
)

// Sentence tells item n in one line: the number of its row, its connection unless that is
// the first, number 0, who to whom, what it is and what it holds.
func (t Text) Sentence(s *inspect.Session, n int) string {
	item := s.Items()[n-1]
	number := fmt.Sprintf("#%d ", item.Row)
	if item.Conn > 0 {
		number += t.Say.Say("report_connection", "conn", item.Conn+1) + ": "
	}
	return number + t.sentence(s, item) + "\n"
}

func (t Text) sentence(s *inspect.Session, item inspect.Item) string {
	who := t.side(item.Side)
	switch item.Kind {
	case inspect.RecordItem:
		return t.record(s, item)
	case inspect.BytesItem:
		b, length := run(s, item)
		switch key := item.Because.Key; key {
		case "after_gap", "rest", "not_tls_next", "behind_no_tls", "no_tls", "no_unit", "unit_too_long":
			return t.Say.Say("report_not_split", "way", t.way(s, item), "size", t.size(int(length)), "why", t.Say.Say("reason_"+key))
		}
		if inspect.IsText(b) {
			return t.Say.Say("report_text", "way", t.way(s, item), "size", t.size(int(length)))
		}
		return t.Say.Say("report_not_tls", "way", t.way(s, item), "size", t.size(int(length)), "why", t.notTLS(b))
	case inspect.GapItem:
		if item.Because.Key != "" {
			return t.Say.Say("report_gap_because", "way", t.way(s, item), "size", t.size(int(missing(s, item))), "why", t.reason(item.Because))
		}
		return t.Say.Say("report_gap", "way", t.way(s, item), "size", t.size(int(missing(s, item))))
	case inspect.AlertItem:
		id := "report_alert_lost"
		switch {
		case item.Elsewhere:
			id = "report_alert_elsewhere"
		case item.Arrived:
			id = "report_alert"
		}
		if s.Connections()[item.Conn].Opening.Bare {
			id = "report_alert_bare"
		}
		return t.Say.Say(id, "way", t.way(s, item), "level", inspect.AlertLevelName(item.Level),
			"description", inspect.AlertName(item.Description), "code", item.Description, "peer", t.side(item.Side.Peer()))
	case inspect.ErrorItem:
		return t.Say.Say("report_error", "side", who, "text", t.failure(item.Text))
	case inspect.ClosedItem:
		if item.How == inspect.ClosedEndOfFile {
			return t.endOfFile(s, item)
		}
		if item.How == inspect.ClosedCut && !s.Connections()[item.Conn].Opening.Gated {
			return t.Say.Say("report_closed_reset", "side", who)
		}
		return t.Say.Say(closing(item.How), "side", who)
	case inspect.PrintedItem:
		return t.Say.Say("report_printed", "side", who, "text", inspect.SafeOnce(item.Text))
	case inspect.NoteItem:
		what := t.Say.Say("reason_"+item.Because.Key, item.Because.Data...)
		if s.Connections()[item.Conn].Opening.Bare {
			return t.Say.Say("report_note_bare", "what", what)
		}
		return t.Say.Say("report_note", "side", who, "what", what)
	case inspect.ExpiredItem:
		return t.Say.Say("report_expired", "way", t.way(s, item))
	case inspect.SilenceItem:
		return t.Say.Say("report_silence", "side", who, "wait", item.Wait.String())
	}
	return ""
}

// record tells a record: first what it looks like, then what it holds, then
// what is wrong with it.
func (t Text) record(s *inspect.Session, item inspect.Item) string {
	r := item.Record
	of := []any{"way", t.way(s, item), "type", t.recordName(r), "size", t.size(recordSize(r))}
	switch {
	case wasDropped(item) && !r.TLS():
		return t.Say.Say("report_unit_dropped", of...)
	case wasDropped(item):
		return t.Say.Say("report_dropped", of...)
	}
	var text string
	switch {
	case !r.TLS():
		text = t.unit(r, of)
	case r.DecidedAt < 0, r.Why == inspect.WhyDoubtful:
		text = t.Say.Say("report_record_waiting", append(of, "why", t.why(r))...)
	case r.Encrypted && !r.Decrypted:
		text = t.Say.Say("report_record_closed", append(of, "epoch", t.epoch(r.Epoch), "why", t.why(r))...)
	case r.Encrypted:
		text = t.Say.Say("report_record_opened", append(of, "epoch", t.epoch(r.Epoch), "holds", t.holds(r))...)
	default:
		text = t.Say.Say("report_record_clear", append(of, "holds", t.holds(r))...)
	}
	if ech := t.ech(s, item); ech != "" {
		text += " " + ech
	}
	if r.Truncated && r.Why != inspect.WhyCutOff {
		text += " " + t.Say.Say("report_truncated")
	}
	if item.Lane == inspect.Received && r.Verdict != inspect.VerdictNone {
		text += " " + t.Say.Say(verdict(r.Verdict))
	}
	return text
}

// unit tells a unit of another protocol than TLS.
func (t Text) unit(r *inspect.Record, of []any) string {
	switch {
	case r.Encrypted && !r.Decrypted:
		return t.Say.Say("report_unit_closed", append(of, "why", t.reason(r.Reason()))...)
	case r.Encrypted:
		return t.Say.Say("report_unit_opened", append(of, "count", r.Content)...)
	}
	if isShort(r) {
		return t.Say.Say("report_unit_short", append(of, "text", string(r.Raw()))...)
	}
	return t.Say.Say("report_unit_clear", of...)
}

// isShort reports whether a unit says all it says in its sentence: one of the protocol's own, a length
// or an acknowledgement, which what the programs say should not drown in.
func isShort(r *inspect.Record) bool {
	raw := r.Raw()
	return !r.TLS() && !r.Text() && !r.Encrypted && 0 < len(raw) && len(raw) <= shortUnit && !bytes.ContainsFunc(raw, isOdd)
}

const shortUnit = 16

// isOdd reports whether a character is none of ASCII that a person sees as it is.
func isOdd(c rune) bool { return c < ' ' || c > '~' || c == '\\' || c == '"' }

// recordName is what a record is called: one of TLS as the standard names its type.
func (t Text) recordName(r *inspect.Record) string {
	if r.TLS() {
		return r.Name()
	}
	return t.Say.Unit(r.Name())
}

// recordSize returns how many bytes of a record there are.
func recordSize(r *inspect.Record) int {
	switch {
	case r.Truncated:
		return len(r.Raw())
	case !r.TLS():
		return r.Length
	}
	return headerLength + r.Length
}

// holds lists what is in a record that could be read.
func (t Text) holds(r *inspect.Record) string {
	if r.Content <= 0 {
		return t.Say.Say("report_nothing")
	}
	if r.InnerType == inspect.ApplicationData {
		return t.Say.Say("report_application_data", "count", r.Content)
	}
	var parts []string
	for _, part := range r.Parts {
		parts = append(parts, t.part(part))
	}
	if len(parts) == 0 {
		return r.InnerType.String()
	}
	return strings.Join(parts, ", ")
}

// part names a part of a record's content.
func (t Text) part(part inspect.Part) string {
	switch {
	case part.Message == nil && part.Type == "fragment":
		return t.Say.Say("report_piece")
	case part.Message == nil:
		return part.Type
	case part.Length < len(part.Message.Bytes):
		return t.Say.Say("report_last_piece", "name", part.Message.Name(), "size", t.size(len(part.Message.Bytes)))
	}
	return part.Message.Name()
}

func (t Text) side(side inspect.Side) string {
	if side == inspect.Client {
		return t.Say.Say("report_client")
	}
	return t.Say.Say("report_server")
}

// way says who sent an item to whom, as far as that is known.
func (t Text) way(s *inspect.Session, item inspect.Item) string {
	if s.Connections()[item.Conn].Opening.SenderUnknown {
		return t.Say.Say("report_sender_unknown")
	}
	arrow := " → "
	if t.ASCII {
		arrow = " -> "
	}
	way := t.side(item.Side) + arrow + t.side(item.Side.Peer())
	if item.Lane == inspect.Received {
		way += ", " + t.Say.Say("report_received_lane")
	}
	return way
}

// epoch names an epoch; its generation stands behind it as in "application+1".
func (t Text) epoch(e inspect.Epoch) string {
	id := map[inspect.EpochKind]string{
		inspect.EpochUnknown: "report_epoch_unknown", inspect.EpochClear: "report_epoch_clear", inspect.EpochEarly: "report_epoch_early",
		inspect.EpochHandshake: "report_epoch_handshake", inspect.EpochApplication: "report_epoch_application",
	}[e.Kind]
	name := t.Say.Say(id)
	if e.Generation > 0 {
		name += fmt.Sprintf("+%d", e.Generation)
	}
	return name
}

// why says why a record of TLS could not be read.
func (t Text) why(r *inspect.Record) string {
	if reason := r.Reason(); len(reason.Data) > 0 { // it names what is missing
		return t.reason(reason)
	}
	return t.Say.Say(map[inspect.Why]string{
		inspect.WhyNone: "report_why_none", inspect.WhyUndecided: "report_why_undecided", inspect.WhyNoSecret: "report_why_no_secret",
		inspect.WhyTag: "report_why_tag", inspect.WhySuite: "report_why_suite", inspect.WhyRecordsMissing: "report_why_records_missing",
		inspect.WhyBytesLetGo: "report_why_bytes_let_go", inspect.WhyTooShort: "report_why_too_short",
		inspect.WhyCutOff: "report_why_cut_off", inspect.WhyNoInnerSecret: "report_why_no_inner_secret",
		inspect.WhyNoClientHello: "report_why_random_missing", inspect.WhyNoServerHello: "report_why_choice_missing",
		inspect.WhyNoHello: "report_why_hello_unsaid", inspect.WhyDoubtful: "report_why_doubtful",
	}[r.Why])
}

// notTLS says why bytes cannot be a record's header, which its first bytes
// decide (RFC 8446 section 5.1).
func (t Text) notTLS(b []byte) string {
	switch {
	case len(b) > 0 && (b[0] < 0x14 || b[0] > 0x1b):
		return t.Say.Say("report_not_tls_type", "byte", fmt.Sprintf("0x%02x", b[0]))
	case len(b) > 1 && b[1] != 0x03:
		return t.Say.Say("report_not_tls_version", "byte", fmt.Sprintf("0x%02x", b[1]))
	}
	return t.Say.Say("report_not_tls_length")
}

// endOfFile tells of a stream that ended without close_notify, and whether one was due.
func (t Text) endOfFile(s *inspect.Session, item inspect.Item) string {
	c, at, who := s.Connections()[item.Conn], s.Taken()-1, t.side(item.Side)
	if c.Opening.Speaks != nil || !c.WasTLS(at) {
		return t.Say.Say("report_unit_closed_end_of_file", "side", who)
	}
	if alert, ok := c.FatalAlertOf(item.Side, at); ok {
		return t.Say.Say("report_closed_after_alert", "side", who, "description", inspect.AlertName(alert))
	}
	return t.Say.Say("report_closed_end_of_file", "side", who)
}

func closing(how inspect.Closing) string {
	switch how {
	case inspect.ClosedNotify:
		return "report_closed_notify"
	case inspect.ClosedCut:
		return "report_closed_cut"
	case inspect.ClosedMissing:
		return "report_closed_missing"
	case inspect.ClosedUnread:
		return "report_closed_unread"
	case inspect.ClosedBroken:
		return "report_closed_broken"
	}
	return "report_closed_end_of_file"
}

func verdict(v inspect.Verdict) string {
	switch v {
	case inspect.VerdictAltered:
		return "report_verdict_altered"
	case inspect.VerdictInjected:
		return "report_verdict_injected"
	case inspect.VerdictRepeated:
		return "report_verdict_repeated"
	case inspect.VerdictReordered:
		return "report_verdict_reordered"
	case inspect.VerdictDropped:
		return "report_verdict_dropped"
	case inspect.VerdictResealed:
		return "report_verdict_resealed"
	}
	return "report_verdict_unreadable"
}

// failure is the error of an endpoint, word for word, but for the one that says only that its user did not want it to go on.
func (t Text) failure(text string) string {
	if text == context.Canceled.Error() {
		return t.Say.Say("report_failure_canceled")
	}
	return inspect.Safe(text)
}
