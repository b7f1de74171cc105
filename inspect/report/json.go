package report

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/tlslab/inspect"
)

// Schema is the number of the JSON lines' schema.
const Schema = 1

// NewJSON returns a Writer of JSON lines: the session's line first, then one
// for each item, before the first of a connection the connection's, and at the end one for each value of the key schedule, each
// proof, and each endpoint of a gated connection. The schema stands in the manual, docs/manual/en/json-lines.md. Strings
// that may quote captured text are written as [inspect.Safe] gives them.
//
// The lines hold clear text, secrets and keys; see [JSON].
func NewJSON(out io.Writer) *Writer { return JSON{}.Writer(out) }

// JSON says what the lines hold.
type JSON struct {
	NoSecrets bool // secrets, keys and nonces are null, commands are empty, and so is clear text in which a key stands
}

// Writer returns a Writer of JSON lines, as [NewJSON] does.
func (j JSON) Writer(out io.Writer) *Writer {
	told := 0 // connections
	connections := func(s *inspect.Session, until int) (lines []byte) {
		for ; told < until; told++ {
			lines = append(lines, connectionLine(s, s.Connections()[told])...)
		}
		return lines
	}
	return &Writer{
		out: out, begin: sessionLine,
		item: func(s *inspect.Session, i int) []byte {
			return append(connections(s, s.Items()[i].Conn+1), j.itemLine(s, i)...)
		},
		end: func(s *inspect.Session) []byte {
			return append(connections(s, len(s.Connections())), j.computedLines(s)...)
		},
	}
}

// connectionLine says between whom a connection is, and what they speak.
func connectionLine(s *inspect.Session, c *inspect.Connection) []byte {
	line := connectionJSON{
		Kind: "connection", Conn: c.Conn, Protocol: inspect.Safe(cmp.Or(c.Opening.Protocol, inspect.ProtocolTLS)),
		Client: address(c, inspect.Client), Server: address(c, inspect.Server), Gated: c.Opening.Gated, Bare: c.Opening.Bare, SenderKnown: !c.Opening.SenderUnknown,
	}
	if c.Event < s.Recording().Len() {
		line.Time = jsonTime(s.Recording().At(c.Event).Time)
	}
	return encode(line)
}

// address returns who a side is, as its address says; nil if that is not known.
func address(c *inspect.Connection, side inspect.Side) *string {
	if c.Opening.Addr[side] == "" {
		return nil
	}
	text := inspect.Safe(c.Opening.Addr[side])
	return &text
}

func sessionLine(s *inspect.Session) []byte {
	line := sessionJSON{Kind: "session", Schema: Schema}
	for event := range s.Recording().Events(0) {
		if line.Time = jsonTime(event.Time); event.Conn >= 0 || !event.Time.Equal(time.Unix(0, 0)) {
			break // roots and key logs that were given first have no time
		}
	}
	return encode(line)
}

func (j JSON) itemLine(s *inspect.Session, i int) []byte {
	item := s.Items()[i]
	switch item.Kind {
	case inspect.RecordItem:
		if !item.Record.TLS() {
			return encode(j.unit(s, item))
		}
		return encode(j.record(s, item))
	case inspect.BytesItem:
		return encode(bytesLine(s, item))
	case inspect.GapItem:
		return encode(gapLine{
			Kind: "gap", Conn: item.Conn, Dir: item.Side.String(), Lane: item.Lane.String(),
			Offset: item.From, Length: missing(s, item), Time: jsonTime(item.Time), Why: item.Reason,
		})
	case inspect.ErrorItem:
		return encode(errorLine{
			Kind: "error", Conn: item.Conn, Side: item.Side.String(), Time: jsonTime(item.Time), Text: inspect.Safe(item.Text),
		})
	case inspect.AlertItem:
		line := alertLine{
			Kind: "alert", Conn: item.Conn, Dir: item.Side.String(), Lane: item.Lane.String(),
			Seq: item.Record.Seq, Time: jsonTime(item.Record.Time),
			Level: inspect.AlertLevelName(item.Level), Description: inspect.AlertName(item.Description),
		}
		if !item.Elsewhere && !s.Connections()[item.Conn].Opening.Bare {
			line.Arrived = &item.Arrived
		}
		return encode(line)
	case inspect.ClosedItem:
		return encode(closedLine{
			Kind: "closed", Conn: item.Conn, Dir: item.Side.String(), Time: jsonTime(item.Time), How: item.How.String(),
		})
	case inspect.ExpiredItem:
		line := expiredLine{Kind: "expired", Conn: item.Conn, Dir: item.Side.String(), Time: jsonTime(item.Time)}
		if item.Record != nil {
			line.Seq = &item.Record.Seq
		}
		return encode(line)
	case inspect.PrintedItem:
		return encode(printedLine{
			Kind: "printed", Conn: item.Conn, Side: item.Side.String(), Time: jsonTime(item.Time), Text: inspect.SafeOnce(item.Text),
		})
	case inspect.NoteItem:
		return encode(noteLine{
			Kind: "note", Conn: item.Conn, Dir: item.Side.String(), Time: jsonTime(item.Time), What: item.Because.Key, Text: item.Because.String(),
		})
	case inspect.SilenceItem:
		return encode(silenceLine{
			Kind: "silence", Conn: item.Conn, Side: item.Side.String(), Time: jsonTime(item.Time), Milliseconds: item.Wait.Milliseconds(),
		})
	}
	return nil
}

// The lines, their keys in the order of the manual.
type (
	sessionJSON struct {
		Kind   string   `json:"kind"`
		Schema int      `json:"schema"`
		Time   jsonTime `json:"time"`
	}
	connectionJSON struct {
		Kind        string   `json:"kind"`
		Conn        int      `json:"conn"`
		Time        jsonTime `json:"time"`
		Protocol    string   `json:"protocol"`
		Client      *string  `json:"client"`
		Server      *string  `json:"server"`
		Gated       bool     `json:"gated"`
		Bare        bool     `json:"bare"`
		SenderKnown bool     `json:"sender_known"`
	}
	recordJSON struct {
		Kind      string        `json:"kind"`
		Conn      int           `json:"conn"`
		Dir       string        `json:"dir"`
		Lane      string        `json:"lane"`
		Verdict   string        `json:"verdict,omitempty"`
		Seq       *int          `json:"seq"`
		SentSeq   optional[int] `json:"sent_seq,omitzero"`
		TLSSeq    *uint64       `json:"tls_seq"`
		Time      jsonTime      `json:"time"`
		Type      string        `json:"type"`
		Version   *codePoint    `json:"version"`
		Length    *int          `json:"length"`
		Raw       hexBytes      `json:"raw"`
		Truncated bool          `json:"truncated"`
		Epoch     string        `json:"epoch"`
		Decrypted bool          `json:"decrypted"`
		Why       string        `json:"why,omitempty"`
		Sealed    *sealJSON     `json:"sealed"`
		InnerType *string       `json:"inner_type"`
		Plaintext hexBytes      `json:"plaintext"`
		Fields    []fieldJSON   `json:"fields"`
		Messages  []messageJSON `json:"messages"`
	}
	sealJSON struct {
		Secret         string   `json:"secret"`
		Nonce          hexBytes `json:"nonce"`
		AdditionalData hexBytes `json:"additional_data"`
	}
	fieldJSON struct {
		Name     string      `json:"name"`
		Offset   int         `json:"offset"`
		Length   int         `json:"length"`
		Value    string      `json:"value"`
		RFC      string      `json:"rfc"`
		Children []fieldJSON `json:"children"`
	}
	messageJSON struct {
		In     string      `json:"in,omitempty"`
		Type   string      `json:"type"`
		Offset int         `json:"offset"`
		Length int         `json:"length"`
		Bytes  hexBytes    `json:"bytes,omitempty"`
		Fields []fieldJSON `json:"fields"`
		ECH    any         `json:"ech,omitempty"`
	}
	bytesJSON struct {
		Kind    string   `json:"kind"`
		Conn    int      `json:"conn"`
		Dir     string   `json:"dir"`
		Lane    string   `json:"lane"`
		Verdict string   `json:"verdict,omitempty"`
		Offset  int64    `json:"offset"`
		Length  int64    `json:"length"`
		Time    jsonTime `json:"time"`
		Raw     hexBytes `json:"raw"`
		Why     string   `json:"why"`
	}
	gapLine struct {
		Kind   string   `json:"kind"`
		Conn   int      `json:"conn"`
		Dir    string   `json:"dir"`
		Lane   string   `json:"lane"`
		Offset int64    `json:"offset"`
		Length int64    `json:"length"`
		Time   jsonTime `json:"time"`
		Why    string   `json:"why,omitempty"`
	}
	errorLine struct {
		Kind string   `json:"kind"`
		Conn int      `json:"conn"`
		Side string   `json:"side"`
		Time jsonTime `json:"time"`
		Text string   `json:"text"`
	}
	printedLine struct {
		Kind string   `json:"kind"`
		Conn int      `json:"conn"`
		Side string   `json:"side"`
		Time jsonTime `json:"time"`
		Text string   `json:"text"`
	}
	noteLine struct {
		Kind string   `json:"kind"`
		Conn int      `json:"conn"`
		Dir  string   `json:"dir"`
		Time jsonTime `json:"time"`
		What string   `json:"what"`
		Text string   `json:"text"`
	}
	alertLine struct {
		Kind        string   `json:"kind"`
		Conn        int      `json:"conn"`
		Dir         string   `json:"dir"`
		Lane        string   `json:"lane"`
		Seq         int      `json:"seq"`
		Time        jsonTime `json:"time"`
		Level       string   `json:"level"`
		Description string   `json:"description"`
		Arrived     *bool    `json:"arrived"`
	}
	closedLine struct {
		Kind string   `json:"kind"`
		Conn int      `json:"conn"`
		Dir  string   `json:"dir"`
		Time jsonTime `json:"time"`
		How  string   `json:"how"`
	}
	expiredLine struct {
		Kind string   `json:"kind"`
		Conn int      `json:"conn"`
		Dir  string   `json:"dir"`
		Seq  *int     `json:"seq"`
		Time jsonTime `json:"time"`
	}
	silenceLine struct {
		Kind         string   `json:"kind"`
		Conn         int      `json:"conn"`
		Side         string   `json:"side"`
		Time         jsonTime `json:"time"`
		Milliseconds int64    `json:"milliseconds"`
	}
)

// record is the line of a record, without what is to be left out.
func (j JSON) record(s *inspect.Session, item inspect.Item) recordJSON {
	line := recordLine(s, item)
	if j.NoSecrets && line.Sealed != nil {
		line.Sealed.Nonce = nil // TLS 1.3's gives the IV away
	}
	return line
}

// unit is the line of a unit of another protocol, without what is to be left out.
func (j JSON) unit(s *inspect.Session, item inspect.Item) unitJSON {
	line := unitLine(s, item)
	if j.NoSecrets && item.Record.Decrypted && holdsSecret(line.Plaintext, secretsOf(s, item.Conn)) {
		line.Plaintext, line.ClearFields = nil, []fieldJSON{}
	}
	return line
}

func recordLine(s *inspect.Session, item inspect.Item) recordJSON {
	r := item.Record
	line := recordJSON{
		Kind: "record", Conn: item.Conn, Dir: item.Side.String(), Lane: item.Lane.String(), Seq: &r.Seq,
		Time: jsonTime(r.Time), Type: r.Type.String(),
		Fields: []fieldJSON{}, Messages: []messageJSON{},
	}
	line.Version, line.Length = header(r)
	if item.Lane == inspect.Received {
		line.Verdict = r.Verdict.String()
		line.SentSeq = sentSeq(s, item)
	}
	if wasDropped(item) {
		line.Seq, line.Raw, line.Epoch = nil, hexBytes{}, inspect.Epoch{}.String()
		return line
	}
	root := r.Fields()
	line.Raw, line.Truncated, line.Epoch = r.Raw(), r.Truncated, r.Epoch.String()
	line.Decrypted, line.Why = r.Decrypted, r.Reason().String()
	line.Fields = fields(leavesOrChildren(root), 0)
	if r.Encrypted && r.DecidedAt >= 0 {
		line.TLSSeq = &r.TLSSeq
	}
	if r.Decrypted {
		seal := r.Sealed()
		line.Sealed = &sealJSON{seal.Secret, seal.Nonce, seal.AdditionalData}
	}
	if _, ok := root.Find("record.inner_type"); ok && r.Decrypted {
		inner := r.InnerType.String()
		line.InnerType = &inner
	}
	if r.Content >= 0 && (r.Decrypted || !r.Encrypted) {
		line.Plaintext = append(hexBytes{}, r.Plaintext()...)
		line.Messages = messages(statusOf(s, item), r, root)
	}
	return line
}

// header returns the version and the length, as far as the header is there.
func header(r *inspect.Record) (version *codePoint, length *int) {
	came := headerLength
	if r.Truncated {
		came = len(r.Raw())
	}
	if came >= 3 {
		version = (*codePoint)(&r.Version)
	}
	if came >= headerLength {
		length = &r.Length
	}
	return version, length
}

// sentSeq returns the index of the sent record that a received one stands for.
func sentSeq(s *inspect.Session, item inspect.Item) optional[int] {
	if wasDropped(item) {
		return optional[int]{set: true, value: &item.Record.Seq}
	}
	cause := s.Recording().At(item.Record.Event).Cause
	for _, sent := range s.Connections()[item.Conn].View(item.Side).Records(item.Side) {
		if sent.Event == cause {
			return optional[int]{set: true, value: &sent.Seq}
		}
	}
	return optional[int]{set: true}
}

// messages covers the content of a record once, and adds the messages that it completes.
func messages(status inspect.ECHStatus, r *inspect.Record, root inspect.Field) []messageJSON {
	all := []messageJSON{}
	start := contentStart(root)
	for _, part := range r.Parts {
		item := messageJSON{Type: part.Type, Offset: part.Offset, Length: part.Length, Fields: []fieldJSON{}}
		whole := part.Message != nil && part.Length == len(part.Message.Bytes)
		switch {
		case whole:
			item.Type = part.Message.Name()
			item.Fields = fields(leavesOrChildren(part.Message.Fields()), part.Offset)
		case r.InnerType != inspect.Handshake:
			item.Fields = fields(within(root.Children, start+part.Offset, part.Length), -start)
		default:
			item.Fields = append(item.Fields, fieldJSON{
				Name: "fragment", Offset: part.Offset, Length: part.Length, RFC: "RFC 8446 section 5.1", Children: []fieldJSON{},
			})
		}
		if whole {
			item.ECH = echJSON(status, part.Message)
		}
		all = append(all, item)
		if part.Message != nil && !whole {
			all = append(all, messageJSON{
				In: "message", Type: part.Message.Name(), Length: len(part.Message.Bytes), Bytes: part.Message.Bytes,
				Fields: fields(leavesOrChildren(part.Message.Fields()), 0), ECH: echJSON(status, part.Message),
			})
		}
		if part.Message != nil && part.Message.ECH() != nil && part.Message.ECH().Inner != nil {
			all = append(all, innerJSON(part.Message.ECH().Inner))
		}
	}
	return all
}

// leavesOrChildren returns what a tree is made of: the root itself, if it is a leaf.
func leavesOrChildren(root inspect.Field) []inspect.Field {
	if len(root.Children) == 0 && root.Length > 0 {
		return []inspect.Field{root}
	}
	return root.Children
}

// fields converts trees and moves their offsets.
func fields(from []inspect.Field, shift int) []fieldJSON {
	to := make([]fieldJSON, len(from))
	for i, f := range from {
		to[i] = fieldJSON{
			Name: f.Name, Offset: f.Offset + shift, Length: f.Length, Value: inspect.Safe(f.Value), RFC: f.RFC,
			Children: fields(f.Children, shift),
		}
	}
	return to
}

func bytesLine(s *inspect.Session, item inspect.Item) bytesJSON {
	raw, length := run(s, item)
	verdict := ""
	if item.Lane == inspect.Received {
		verdict = item.Verdict.String()
	}
	return bytesJSON{
		Verdict: verdict, Kind: "bytes", Conn: item.Conn, Dir: item.Side.String(), Lane: item.Lane.String(),
		Offset: item.From, Length: length, Time: jsonTime(item.Time), Raw: raw, Why: item.Reason,
	}
}

// optional is a key that is there only if set, and then may be null.
type optional[T any] struct {
	set   bool
	value *T
}

func (o optional[T]) IsZero() bool                 { return !o.set }
func (o optional[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.value) }

// hexBytes are lower-case hex digits; nil is null.
type hexBytes []byte

func (h hexBytes) MarshalJSON() ([]byte, error) {
	if h == nil {
		return []byte("null"), nil
	}
	text := make([]byte, 0, 2+hex.EncodedLen(len(h)))
	text = append(text, '"')
	text = hex.AppendEncode(text, h)
	return append(text, '"'), nil
}

type codePoint uint16

func (c codePoint) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"0x%04x"`, uint16(c)), nil }

// jsonTime is RFC 3339 with nine digits; a time that is not known is null.
type jsonTime time.Time

func (t jsonTime) MarshalJSON() ([]byte, error) {
	at := time.Time(t)
	if !isKnown(at) {
		return []byte("null"), nil
	}
	return []byte(at.UTC().Format(`"2006-01-02T15:04:05.000000000Z"`)), nil
}

func isKnown(at time.Time) bool { return !at.IsZero() && !at.Equal(time.Unix(0, 0)) }

// Line returns a JSON line as this package writes them: in ASCII, with a line
// feed at its end. The value must be one that has JSON.
func Line(line any) []byte { return encode(line) }

// encode returns the line in ASCII, and a line feed.
func encode(line any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		panic("report: " + err.Error()) // the lines hold nothing that has no JSON
	}
	return ascii(text.Bytes())
}

// ascii writes everything that is not ASCII as \u escapes: inside a JSON text
// it stands within strings alone.
func ascii(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == 0x7f:
			out = append(out, `\u007f`...)
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		text = text[size:]
	}
	return out
}
