package report

import (
	"fmt"
	"strings"

	"example.com/tlslab/inspect"
)

// Schedule tells the key schedule of a connection as far as it was known once event at had happened, in the order in
// which it is computed: of each value its name, its size, its formula, its bytes in hex, and which messages its
// transcript hash is over. Where the two ends do not have the same, each has its own. It is empty where there is none.
func (t Text) Schedule(s *inspect.Session, conn, at int) string {
	c := s.Connections()[conn]
	client, server := t.values(c.View(inspect.Client).Schedule(), at), t.values(c.View(inspect.Server).Schedule(), at)
	if client == server {
		return client
	}
	text := ""
	for side, values := range []string{client, server} {
		if values != "" {
			text += t.Say.Say("report_schedule_of", "side", t.side(inspect.Side(side))) + "\n" + values
		}
	}
	return text
}

// Protection tells what item n is protected with, value by value as Schedule does: the key, the
// IV, the sequence number, the nonce. It is empty of what is in clear, and where nothing is known.
func (t Text) Protection(s *inspect.Session, n int) string {
	item := s.Items()[n-1]
	if item.Kind != inspect.RecordItem {
		return ""
	}
	if item.Record.TLS() {
		return t.values(item.Record.Protection(), s.Recording().Len())
	}
	return t.values(item.Record.UnitProtection(), s.Recording().Len())
}

// Value tells all about one value of the key schedule of a connection: what Schedule tells, what it is for, what it is
// computed from, and a command that prints it in a shell. It is empty if no value has this name.
func (t Text) Value(s *inspect.Session, conn, at int, name string) string {
	text := ""
	for side := range inspect.Side(2) {
		for _, v := range s.Connections()[conn].View(side).Schedule() {
			if v.Name == name || t.Say.ValueName(inspect.Safe(v.Name)) == name {
				if told := t.whole(v, at); told != text {
					text += told
				}
			}
		}
	}
	return text
}

func (t Text) whole(v inspect.Value, at int) string {
	text := t.value(v, at)
	if v.Event > at {
		return text
	}
	if explanation := t.Say.Explain(v.Kind); explanation != "" {
		text += t.paragraph(explanation, 4)
	}
	for _, input := range v.Inputs {
		text += t.paragraph(t.Say.Say("report_value_input", "name", t.Say.ValueName(inspect.Safe(input.Name)), "size", t.size(len(input.Bytes))), 4) + hexLines(input.Bytes)
	}
	if v.Command != "" {
		text += t.paragraph(t.Say.Say("report_value_command"), 4) + v.Command + "\n"
	}
	return text
}

func (t Text) values(values []inspect.Value, at int) string {
	var text strings.Builder
	for _, v := range values {
		text.WriteString(t.value(v, at))
	}
	return text.String()
}

func (t Text) value(v inspect.Value, at int) string {
	name := t.Say.ValueName(inspect.Safe(v.Name))
	switch {
	case v.Event > at:
		return t.paragraph(t.Say.Say("report_value_later", "name", name), 2)
	case v.Bytes == nil:
		why := inspect.Safe(v.Missing)
		if v.Because.Key != "" {
			why = t.reason(v.Because)
		}
		return t.paragraph(t.Say.Say("report_value_missing", "name", name, "why", why), 2)
	}
	text := name + ", " + t.size(len(v.Bytes))
	if v.Formula != "" {
		text += " = " + t.Say.Formula(v.Kind, inspect.Safe(v.Formula))
	}
	text = t.paragraph(text, 2) + hexLines(v.Bytes)
	if len(v.Covers) > 0 {
		var names []string
		for _, m := range v.Covers {
			names = append(names, m.Name())
		}
		text += t.paragraph(t.Say.Say("report_value_covers", "count", len(v.Covers), "list", strings.Join(names, ", ")), 4)
	}
	return text
}

// hexLines are bytes as they are typed and copied: hex without gaps, 32 bytes a line.
func hexLines(b []byte) (text string) {
	for len(b) > 0 {
		n := min(len(b), 32)
		text += fmt.Sprintf("    %x\n", b[:n])
		b = b[n:]
	}
	return text
}

// Secrets tells the secrets of a connection that were known once event at had happened, as a key log labels them.
func (t Text) Secrets(s *inspect.Session, conn, at int) string {
	text, told := "", make(map[string]bool)
	for side := range inspect.Side(2) {
		for _, secret := range s.Connections()[conn].View(side).Secrets(side, at) {
			one := t.paragraph(inspect.Safe(secret.Label)+", "+t.size(len(secret.Bytes)), 2) + hexLines(secret.Bytes)
			if !told[one] {
				told[one] = true
				text += one
			}
		}
	}
	return text
}

// Ladder tells the records of a connection among the first items, a line each: the number of its row, who to whom,
// the messages in it, and the epoch that protects it.
func (t Text) Ladder(s *inspect.Session, conn, items int) string {
	text := ""
	for _, item := range s.Items()[:items] {
		if item.Conn != conn || item.Kind != inspect.RecordItem || wasDropped(item) {
			continue
		}
		r := item.Record
		holds := t.recordName(r)
		if r.TLS() {
			if r.Decrypted || !r.Encrypted {
				holds = t.holds(r)
			}
			switch {
			case !r.Encrypted:
				holds = t.Say.Say("report_rung_clear", "holds", holds)
			case r.Epoch.Kind != inspect.EpochUnknown:
				holds = t.Say.Say("report_rung_epoch", "holds", holds, "epoch", t.epoch(r.Epoch))
			}
		}
		text += t.paragraph(t.Say.Say("report_rung", "number", item.Row, "way", t.way(s, item), "holds", holds), 2)
	}
	return text
}

// paragraph is words in lines of the width, indented.
func (t Text) paragraph(words string, indent int) string {
	e := explainer{text: t}
	e.paragraph(words, indent)
	return e.out.String()
}
