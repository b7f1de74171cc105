package report

import "example.com/tlslab/inspect"

// unitJSON is the line of a unit of another protocol than TLS, its keys in the
// order of the manual.
type unitJSON struct {
	Kind        string        `json:"kind"`
	Conn        int           `json:"conn"`
	Protocol    string        `json:"protocol"`
	Dir         string        `json:"dir"`
	Lane        string        `json:"lane"`
	Verdict     string        `json:"verdict,omitempty"`
	Seq         *int          `json:"seq"`
	SentSeq     optional[int] `json:"sent_seq,omitzero"`
	Time        jsonTime      `json:"time"`
	Name        string        `json:"name"`
	Text        bool          `json:"text"`
	Length      int           `json:"length"`
	Raw         hexBytes      `json:"raw"`
	Truncated   bool          `json:"truncated"`
	Encrypted   bool          `json:"encrypted"`
	Decrypted   bool          `json:"decrypted"`
	Why         string        `json:"why,omitempty"`
	Plaintext   hexBytes      `json:"plaintext"`
	Fields      []fieldJSON   `json:"fields"`
	ClearFields []fieldJSON   `json:"clear_fields"`
}

func unitLine(s *inspect.Session, item inspect.Item) unitJSON {
	r := item.Record
	line := unitJSON{
		Kind: "unit", Conn: item.Conn, Protocol: inspect.Safe(s.Connections()[item.Conn].Opening.Protocol), Dir: item.Side.String(), Lane: item.Lane.String(),
		Seq: &r.Seq, Time: jsonTime(r.Time), Name: r.Name(), Text: r.Text(), Length: r.Length, Encrypted: r.Encrypted,
		Fields: []fieldJSON{}, ClearFields: []fieldJSON{},
	}
	if item.Lane == inspect.Received {
		line.Verdict = r.Verdict.String()
		line.SentSeq = sentSeq(s, item)
	}
	if wasDropped(item) {
		line.Seq, line.Raw = nil, hexBytes{}
		return line
	}
	line.Raw, line.Truncated, line.Decrypted, line.Why = r.Raw(), r.Truncated, r.Decrypted, why(r)
	line.Fields = fields(leavesOrChildren(r.Fields()), 0)
	if r.Encrypted && !r.Decrypted {
		return line
	}
	line.Plaintext = append(hexBytes{}, r.Plaintext()...)
	for _, tree := range clearTrees(r) {
		line.ClearFields = append(line.ClearFields, fields(leavesOrChildren(tree), 0)...)
	}
	return line
}

// why says in English why a unit is encrypted and not opened. A protocol may have
// reasons of its own, which package docs alone knows.
func why(r *inspect.Record) string {
	if reason := r.Reason(); reason.Key != "" {
		return Text{}.reason(reason)
	}
	return ""
}

// clearTrees are the trees of what an encrypted unit says: one, or none.
func clearTrees(r *inspect.Record) (trees []inspect.Field) {
	if r.TLS() {
		return nil
	}
	content := r.Plaintext()
	for _, part := range r.Parts {
		if part.Offset+part.Length <= len(content) {
			trees = append(trees, r.PartFields(part, content[part.Offset:][:part.Length]))
		}
	}
	return trees
}
