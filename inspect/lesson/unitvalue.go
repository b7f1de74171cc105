package lesson

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"example.com/tlslab/inspect"
)

// A unitWanted is which record is meant, and what of it.
type unitWanted struct {
	match inspect.Match
	last  bool     // and not the Nth
	about string   // as it was written
	path  []string // kinds of fields, or one of the words of unitParts
}

// unitTerm reads SIDE KIND [N|last] [containing TEXT] [PART | FIELDKIND [N]...].
// A side that stands alone is its name.
func (p *valueParser) unitTerm() (e expression, ok bool, what *remark) {
	if p.peek() != "client" && p.peek() != "server" {
		return nil, false, nil
	}
	if len(p.words)-p.at < 2 || operators[p.words[p.at+1]] != nil {
		return always(textValue(p.next())), true, nil
	}
	wanted, what := p.record()
	if what != nil {
		return nil, true, what
	}
	p.from.session = true
	for p.more() && operators[p.peek()] == nil && p.peek() != "and" && p.peek() != "with" {
		word := p.next()
		if strings.HasPrefix(word, `"`) {
			return nil, true, say("fault_part", "word", word, "record", wanted.about, "parts", partWords)
		}
		wanted.path = append(wanted.path, word)
	}
	return wanted.value, true, nil
}

// record reads which record is meant: SIDE KIND [N|last] [containing TEXT].
func (p *valueParser) record() (wanted unitWanted, what *remark) {
	first := p.at
	about := []string{p.next(), p.next()}
	if about[1] == "unit" && p.more() {
		about = append(about, p.next())
	}
	wanted.last = p.take("last")
	if n, ok := ordinal(p.peek()); ok && !wanted.last {
		about = append(about, n)
		p.at++
	}
	if p.take("containing") {
		if !p.more() {
			return wanted, say("fault_containing")
		}
		about = append(about, "containing", unquoted([]string{p.next()})[0])
	}
	match, wrong := parseMatch(about)
	if wrong != nil {
		return wanted, wrong.remark()
	}
	wanted.match, wanted.about = match, strings.Join(p.words[first:p.at], " ")
	return wanted, nil
}

// ordinal reads which one is meant, in digits or as a word.
func ordinal(word string) (string, bool) {
	if v, ok := plainLiteral(word); ok && v.Numeric && v.Number > 0 {
		return strconv.Itoa(v.Number), true
	}
	return "", false
}

// value finds the record and what is wanted of it.
func (u unitWanted) value(r *run) (Value, error) {
	record, err := u.find(r)
	if err != nil {
		return Value{}, err
	}
	unit := &unit{run: r, record: record, conn: r.session.Connections()[record.Conn], match: u.match}
	if len(u.path) == 0 {
		return unit.whole()
	}
	if f, ok := unitParts[u.path[0]]; ok && len(u.path) == 1 {
		v, err := f(unit)
		if errors.Is(err, errNoTLS) { // another protocol may have a field of that name
			if field, ok := unit.inTrees(u.path); ok {
				return field, nil
			}
		}
		if err != nil {
			err = say("seen_part", "record", u.about, "part", u.path[0], "why", err)
		}
		return v, err
	}
	return unit.field(u)
}

// find returns the record that is meant, as its sender sent it.
func (u unitWanted) find(r *run) (*inspect.Record, error) {
	record := r.find(u.match)
	if u.last {
		record = r.findLast(u.match)
	}
	if record == nil {
		if unread := r.unread(u.match); unread > 0 {
			return nil, say("seen_no_record_read", "record", u.about, "count", unread)
		}
		return nil, say("seen_no_record", "record", u.about)
	}
	return record, nil
}

// find returns the record that is meant, as its sender sent it; nil if there is
// none. Records are counted in the order in which they crossed, through all
// connections.
func (r *run) find(m inspect.Match) *inspect.Record {
	if found := r.matching(m); len(found) >= max(m.Nth, 1) {
		return found[max(m.Nth, 1)-1]
	}
	return nil
}

func (r *run) findLast(m inspect.Match) *inspect.Record {
	if found := r.matching(m); len(found) > 0 {
		return found[len(found)-1]
	}
	return nil
}

// matching returns the records that match, which is as for a rule of the gate.
func (r *run) matching(m inspect.Match) (found []*inspect.Record) {
	r.session.Extend()
	for _, c := range r.session.Connections() {
		for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
			if m.From != inspect.FromEither && m.From != inspect.FromClient+inspect.Sender(from) {
				continue
			}
			for _, record := range c.View(from).Records(from) {
				if record.Event <= r.last() && fits(m, record) {
					found = append(found, record)
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *inspect.Record) int { return a.Event - b.Event })
	return found
}

func fits(m inspect.Match, record *inspect.Record) bool {
	readable := record.DecidedAt >= 0 && (!record.Encrypted || record.Decrypted)
	switch {
	case !record.TLS():
		if m.Type != 0 && (m.Type != inspect.ApplicationData || !record.Text()) || m.Message != "" && record.Name() != m.Message {
			return false
		}
	case m.Type != 0 && (!readable || record.InnerType != m.Type):
		return false
	case m.Message != "" && messageIn(record, m.Message) == nil:
		return false
	}
	return len(m.Content) == 0 || readable && strings.Contains(string(record.Plaintext()), string(m.Content))
}

// unread counts records that may be meant and cannot be read.
func (r *run) unread(m inspect.Match) (n int) {
	if m.Type == 0 && m.Message == "" && m.Content == nil {
		return 0
	}
	for _, record := range r.matching(inspect.Match{From: m.From}) {
		if record.TLS() && (record.DecidedAt < 0 || record.Encrypted && !record.Decrypted) {
			n++
		}
	}
	return n
}

// messageIn returns the message of that name that the record completes; with no
// name, the first.
func messageIn(record *inspect.Record, name string) *inspect.Message {
	for _, part := range record.Parts {
		if part.Message != nil && (name == "" || part.Message.Name() == name) {
			return part.Message
		}
	}
	return nil
}

// A unit is a record that was found.
type unit struct {
	run    *run
	record *inspect.Record
	conn   *inspect.Connection
	match  inspect.Match
}

// whole is the record as it was sent, header and all.
func (u *unit) whole() (Value, error) {
	raw := u.record.Raw()
	if raw == nil {
		return Value{}, say("seen_let_go")
	}
	v := Value{Bytes: raw}
	if !u.record.TLS() && !u.record.Encrypted {
		v = contentValue(raw)
	}
	v.facts.name = u.name()
	return v, nil
}

// name is what the record is called: by the messages that it completes, by what
// it carries, or as its protocol has it.
func (u *unit) name() string {
	var names []string
	for _, part := range u.record.Parts {
		if part.Message != nil {
			names = append(names, part.Message.Name())
		}
	}
	switch {
	case names != nil:
		return strings.Join(names, ", ")
	case u.record.TLS() && u.record.Decrypted:
		return u.record.InnerType.String()
	}
	return u.record.Name()
}

var (
	errNoTLS = say("seen_no_tls")
	errClear = say("seen_clear")
)

// closed is why what the record holds is not known; nil if it is.
func (u *unit) closed() error {
	if u.record.DecidedAt >= 0 && (!u.record.Encrypted || u.record.Decrypted) {
		return nil
	}
	return say("seen_closed", "reason", u.record.Reason())
}

// unitParts are what a record has besides fields.
var unitParts = map[string]func(*unit) (Value, error){
	"content": func(u *unit) (Value, error) { return contentValue(u.record.Plaintext()), u.closed() },
	"header": func(u *unit) (Value, error) {
		if !u.record.TLS() {
			return Value{}, errNoTLS
		}
		v, err := u.whole()
		v.Bytes = v.Bytes[:min(recordHeader, len(v.Bytes))]
		return v, err
	},
	"fragment": func(u *unit) (Value, error) {
		if !u.record.TLS() {
			return Value{}, errNoTLS
		}
		v, err := u.whole()
		v.Bytes = v.Bytes[min(recordHeader, len(v.Bytes)):]
		return v, err
	},
	"message": func(u *unit) (Value, error) {
		m, err := u.message()
		if err != nil {
			return Value{}, err
		}
		return Value{Bytes: m.Bytes, facts: facts{name: m.Name()}}, nil
	},
	"position":   (*unit).position,
	"transcript": (*unit).transcript,
	"row":        (*unit).row,
	"connection": func(u *unit) (Value, error) { return numberValue(u.record.Conn + 1), nil },
	"received":   (*unit).received,
	"verdict":    (*unit).verdict,
	"sequence":   func(u *unit) (Value, error) { return u.protection("protection.sequence_number") },
	"nonce":      func(u *unit) (Value, error) { return u.protection("protection.nonce", "protection.nonce_explicit") },
	"additional_data": func(u *unit) (Value, error) {
		return u.protection("protection.additional_data", "protection.additional_data_12")
	},
	"key":    func(u *unit) (Value, error) { return u.protection("schedule.key", "schedule."+u.side()+"_write_key") },
	"iv":     func(u *unit) (Value, error) { return u.protection("schedule.iv", "schedule."+u.side()+"_write_IV") },
	"secret": func(u *unit) (Value, error) { return u.protection("") },
	"tag": func(u *unit) (Value, error) {
		if f, ok := u.record.Fields().Find("record.tag"); ok {
			return fieldValue(f, u.record.Raw()), nil
		}
		if v, ok := u.inTrees([]string{"tag"}); ok {
			return v, nil
		}
		return Value{}, say("seen_no_tag")
	},
	"padding": func(u *unit) (Value, error) {
		if !u.record.TLS() {
			return Value{}, errNoTLS
		}
		return numberValue(u.record.Padding), u.closed()
	},
	"type": func(u *unit) (Value, error) {
		if !u.record.TLS() {
			return Value{}, errNoTLS
		}
		return codeValue(uint16(u.record.Type), 1, u.record.Type.String()), nil
	},
	"inner_type": func(u *unit) (Value, error) {
		if !u.record.TLS() {
			return Value{}, errNoTLS
		}
		return codeValue(uint16(u.record.InnerType), 1, u.record.InnerType.String()), u.closed()
	},
	"epoch": func(u *unit) (Value, error) {
		if !u.record.TLS() {
			return Value{}, errNoTLS
		}
		return textValue(u.record.Epoch.String()), nil
	},
}

// recordHeader is the size of a record's header (RFC 8446 section 5.1).
const recordHeader = 5

// partWords are the keys of unitParts.
const partWords = "additional_data, connection, content, epoch, fragment, header, inner_type, iv, key, message, nonce, padding, position, received, row, secret, sequence, tag, transcript, type, verdict"

func (u *unit) side() string { return u.record.Side.String() }

func (u *unit) message() (*inspect.Message, error) {
	if m := messageIn(u.record, u.match.Message); m != nil {
		return m, nil
	}
	return nil, say("seen_no_message")
}

// protection is one of the values that the record is sealed with, by its kind;
// "" is the first of them, the secret that the key comes from.
func (u *unit) protection(kinds ...string) (Value, error) {
	switch {
	case !u.record.TLS():
		return Value{}, errNoTLS
	case !u.record.Encrypted && u.record.DecidedAt >= 0:
		return Value{}, errClear
	}
	for _, v := range u.record.Protection() {
		if slices.Contains(kinds, v.Kind) || kinds[0] == "" {
			return computedValue(v)
		}
	}
	return Value{}, say("seen_no_key")
}

// position is the place of the record's message in the handshake's transcript,
// from 1.
func (u *unit) position() (Value, error) {
	_, at, err := u.step()
	return numberValue(at + 1), err
}

// transcript is the hash of the handshake's messages up to the record's, and
// with it (RFC 8446 section 4.4.1).
func (u *unit) transcript() (Value, error) {
	step, _, err := u.step()
	if err == nil && step.Hashes[u.record.Side] == nil {
		err = say("seen_no_hash")
	}
	return Value{Bytes: step.Hashes[u.record.Side]}, err
}

func (u *unit) step() (step inspect.TranscriptStep, at int, err error) {
	m, err := u.message()
	if err != nil {
		return step, 0, err
	}
	steps := u.conn.Parting(u.run.last()).Steps
	at = slices.IndexFunc(steps, func(s inspect.TranscriptStep) bool { return s.Messages[u.record.Side] == m })
	if at < 0 {
		return step, 0, say("seen_no_position")
	}
	return steps[at], at, nil
}

// row is the number of the record on the screen.
func (u *unit) row() (Value, error) {
	n := 0
	for _, item := range u.run.session.Items() {
		if !item.HasRow() {
			continue
		}
		if n++; item.Record == u.record {
			return numberValue(n), nil
		}
	}
	return Value{}, say("seen_no_row")
}

// received is the record as its receiver got it.
func (u *unit) received() (Value, error) {
	got := u.conn.Crossing(u.record).Received
	if got == nil {
		return Value{}, say("seen_not_received")
	}
	return Value{Bytes: got.Raw(), facts: facts{name: got.Name()}}, nil
}

// verdict says what became of the record on the wire.
func (u *unit) verdict() (Value, error) {
	crossing := u.conn.Crossing(u.record)
	switch {
	case crossing.Received == nil && u.record.Verdict == inspect.VerdictNone:
		return textValue("not received"), nil
	case crossing.Received == nil:
		return textValue(u.record.Verdict.String()), nil
	case crossing.Received.Verdict == inspect.VerdictNone:
		return textValue("unchanged"), nil
	}
	return textValue(crossing.Received.Verdict.String()), nil
}

// A tree is a dissection and the bytes that it dissects.
type tree struct {
	root  inspect.Field
	bytes []byte
}

// trees are where the fields of the record are looked for: in its message, in
// what it holds in clear, in the record as it crossed.
func (u *unit) trees() (all []tree) {
	for _, part := range u.record.Parts {
		if part.Message != nil && (u.match.Message == "" || part.Message.Name() == u.match.Message) {
			all = append(all, tree{part.Message.Fields(), part.Message.Bytes})
		}
	}
	plain := u.record.Plaintext()
	for _, part := range u.record.Parts {
		if part.Message == nil && part.Offset+part.Length <= len(plain) {
			content := plain[part.Offset : part.Offset+part.Length]
			all = append(all, tree{u.record.PartFields(part, content), content})
		}
	}
	if raw := u.record.Raw(); raw != nil {
		all = append(all, tree{u.record.Fields(), raw})
	}
	return all
}

func (u *unit) field(wanted unitWanted) (Value, error) {
	v, ok := u.inTrees(wanted.path)
	if ok {
		return v, nil
	}
	path := strings.Join(wanted.path, " ")
	if err := u.closed(); err != nil {
		return v, say("seen_no_field_read", "record", wanted.about, "field", path, "why", err, "parts", partWords)
	}
	var there []string
	for _, t := range u.trees() {
		there = append(there, shortKinds(t.root)...)
	}
	slices.Sort(there)
	return v, say("seen_no_part", "record", wanted.about, "field", path, "parts", partWords, "fields", strings.Join(slices.Compact(there), ", "))
}

// inTrees returns the field at the end of a path, in the first tree that has it.
func (u *unit) inTrees(path []string) (v Value, ok bool) {
	for _, t := range u.trees() {
		if f, ok := descendTo(t.root, path); ok {
			return fieldValue(f, t.bytes), true
		}
	}
	return v, false
}

// descendTo goes down a tree, field by field. Behind a field may stand which one
// of its kind is meant.
func descendTo(f inspect.Field, path []string) (inspect.Field, bool) {
	for len(path) > 0 {
		word, nth := path[0], 1
		path = path[1:]
		if len(path) > 0 {
			if n, ok := ordinal(path[0]); ok {
				nth, _ = strconv.Atoi(n)
				path = path[1:]
			}
		}
		found := called(f, word)
		if len(found) < nth {
			return f, false
		}
		f = found[nth-1]
	}
	return f, true
}

// called returns the fields that go by the word, which is a kind, the last part
// of a kind, or the name in the standard's words, in that order of precedence.
func called(f inspect.Field, word string) []inspect.Field {
	for _, is := range []func(inspect.Field) bool{
		func(f inspect.Field) bool { return f.Kind == word },
		func(f inspect.Field) bool { return shortKind(f) == word },
		func(f inspect.Field) bool { return f.Name == word },
	} {
		if found := outermost(f, is); len(found) > 0 {
			return found
		}
	}
	return nil
}

// outermost returns the fields of which that is so, and none inside of another.
func outermost(f inspect.Field, is func(inspect.Field) bool) (found []inspect.Field) {
	if is(f) {
		return []inspect.Field{f}
	}
	for _, child := range f.Children {
		found = append(found, outermost(child, is)...)
	}
	return found
}

func shortKind(f inspect.Field) string { return f.Kind[strings.LastIndexByte(f.Kind, '.')+1:] }

func shortKinds(f inspect.Field) (all []string) {
	all = []string{shortKind(f)}
	for _, child := range f.Children {
		if !strings.HasPrefix(child.Kind, "der.") {
			all = append(all, shortKinds(child)...)
		}
	}
	return all
}

// fieldValue is a field of a tree that dissects b.
func fieldValue(f inspect.Field, b []byte) Value {
	v := Value{Bytes: nonNil(b[f.Offset:f.End()])}
	v.facts = facts{placed: true, offset: f.Offset, children: len(f.Children), name: f.Name}
	written := f.Text(b)
	n, err := strconv.ParseUint(written, 10, 32)
	switch {
	case f.Value == "":
	case written == hex.EncodeToString(v.Bytes):
		v.legible(f)
	case strings.HasPrefix(written, `"`):
		v.Text, _ = strconv.Unquote(written)
		v.Text = bare(v.Text)
	case strings.HasPrefix(written, "0x"):
		v.Text = f.Value
	case err == nil:
		v.Text, v.Number, v.Numeric = written, int(n), true
	default:
		v.Text, v.facts.name = written, written
		v.Number, _ = Value{Bytes: v.Bytes}.number()
		v.Numeric = true
	}
	v.Items = items(f, b)
	if v.Items != nil {
		v.Text = strings.Join(v.Items, ", ")
	}
	return v
}

// legible fills in what a person reads of a field that its dissector does not call
// a number or text: nothing where that would be its bytes once more.
func (v *Value) legible(f inspect.Field) {
	digits, _, _ := strings.Cut(strings.TrimPrefix(f.Value, "0x"), "…")
	if strings.HasPrefix(hex.EncodeToString(v.Bytes), strings.TrimSpace(digits)) {
		return
	}
	v.Text = bare(f.Value)
	name, number, labelled := strings.Cut(strings.TrimSuffix(f.Value, ")"), " (")
	if !labelled || !strings.HasSuffix(f.Value, ")") || strings.ContainsAny(number, " ,;()") {
		return
	}
	v.Text, v.facts.name = name, name // beside which stands a number, or an OBJECT IDENTIFIER
	if code, err := strconv.ParseUint(number, 0, 16); err == nil && strings.HasPrefix(number, "0x") {
		v.Number, v.Numeric = int(code), true
	}
}

// bare is a string of JSON without its quotes, and any other text as it is.
func bare(text string) string {
	var plain string
	if strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &plain) == nil {
		return plain
	}
	return text
}

// items are what a list of extensions or of code points holds.
func items(f inspect.Field, b []byte) (names []string) {
	for _, child := range f.Children {
		switch {
		case strings.HasPrefix(child.Kind, "extension."):
			names = append(names, child.Name)
		case len(child.Children) == 0 && child.Length > 0 && child.Kind != "vector.length" && strings.Contains(child.Value, " (0x"):
			names = append(names, child.Text(b))
		default:
			return nil
		}
	}
	return names
}

// computedValue is a value of the key schedule.
func computedValue(v inspect.Value) (Value, error) {
	f := facts{name: v.Name, formula: v.Formula, command: v.Command, inputs: v.Inputs, covers: namesOf(v.Covers)}
	out := Value{Bytes: v.Bytes, facts: f}
	if v.Bytes == nil {
		return out, say("seen_unknown", "name", v.Name, "reason", v.Missing)
	}
	if v.Kind == "protection.sequence_number" {
		out.Number, _ = Value{Bytes: v.Bytes[1:]}.number()
		out.Numeric, out.Text = true, strconv.Itoa(out.Number)
	}
	return out, nil
}

func namesOf(messages []*inspect.Message) (names []string) {
	for _, m := range messages {
		names = append(names, m.Name())
	}
	return names
}
