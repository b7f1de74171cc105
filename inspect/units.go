package inspect

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
)

// units are those of one direction in one view of a connection that is not TLS. It
// sees to it that whatever a Reader returns, every byte belongs to one unit, or to the
// run of bytes after the last.
type units struct {
	from   Side
	reader Reader // the view's; nil if the protocol is not known
	need   int    // of the unit that is not whole: how many bytes to ask again with
	lost   string // why what comes is no unit, if it is not; a key of reasons
	rest   []byte // the beginning of the unit that is not whole
}

func newUnits(reader Reader, from Side) *units {
	if reader == nil {
		return &units{lost: "no_tls"}
	}
	return &units{from: from, reader: reader}
}

// next returns the length of the unit that b begins with, more than len(b) if it
// is not whole; 0 if there are no more units, which lost tells why.
func (u *units) next(b []byte) (length int, reading Reading) {
	switch {
	case u.lost != "":
		return 0, nil
	case len(b) < u.need:
		return u.need, nil
	}
	n, reading := u.reader.Next(u.from, b)
	u.need = 0
	switch {
	case n <= 0:
		u.lost = "no_unit"
		return 0, nil
	case n > MaxUnit:
		u.lost = "unit_too_long"
		return 0, nil
	case n > len(b):
		u.need = n
	}
	return n, reading
}

// cut calls found for each unit that b completes, and lost with what is left when
// there are no more units. Both are given bytes that are valid for good only if b's are.
func (u *units) cut(b []byte, found func(unit []byte, behind int, reading Reading), lost func(rest []byte)) {
	if len(u.rest) > 0 {
		u.rest = append(u.rest, b...)
		b = u.rest
	}
	whole := len(b)
	for len(b) > 0 {
		n, reading := u.next(b)
		switch {
		case n == 0:
			u.rest = nil
			lost(b)
			return
		case n > len(b):
			if len(b) < whole || len(u.rest) == 0 {
				u.rest = slices.Clone(b)
			}
			return
		}
		found(b[:n:n], len(b)-n, reading)
		b = b[n:]
	}
	u.rest = nil
}

// A viewpoint is one endpoint's view as a gate needs it, to cut what the endpoint sends.
type viewpoint struct {
	mu             sync.Mutex
	sent, received *units
}

func newViewpoint(p Protocol, side Side) *viewpoint {
	reader := p.Reader()
	return &viewpoint{sent: newUnits(reader, side), received: newUnits(reader, side.Peer())}
}

// receive shows the reader what is about to reach the endpoint.
func (v *viewpoint) receive(b []byte) {
	v.received.cut(b, func([]byte, int, Reading) {}, func([]byte) {})
}

// length is next for a gate, to which what came at once is a unit where there is no other.
func (u *units) length(b []byte) int {
	if n, _ := u.next(b); n > 0 {
		return n
	}
	return len(b)
}

// addUnits takes e's bytes into a lane that is not TLS.
func (l *lane) addUnits(e Event, start int64) {
	switch {
	case e.Bytes == nil && e.N > 0:
		l.missedUnits(e, start)
	case (l.run == GapItem || l.run == BytesItem && l.turned(start)) && e.N > 0:
		l.begin(BytesItem, start, l.units.lost)
	case l.run == 0:
		found := func(unit []byte, behind int, reading Reading) {
			l.cutUnit(e, l.size-int64(behind), unit, reading, false)
		}
		l.units.cut(e.Bytes, found, func(rest []byte) { l.begin(BytesItem, l.size-int64(len(rest)), l.units.lost) })
	}
}

// missedUnits begins a gap at start, or makes it longer. Where a unit begins
// behind it cannot be known.
func (l *lane) missedUnits(e Event, start int64) {
	l.cutRest(e, start)
	l.units.lost = "after_gap"
	l.beginGap(e, start)
}

// cutRest makes a unit of what there is of one that is not whole; end is the
// offset behind it.
func (l *lane) cutRest(e Event, end int64) {
	if rest := l.units.rest; len(rest) > 0 {
		l.units.rest = nil
		l.cutUnit(e, end, rest, l.units.reader.Rest(l.from, rest), true)
	}
}

// cutUnit makes a record of the unit b; end is the offset behind it.
func (l *lane) cutUnit(e Event, end int64, b []byte, reading Reading, truncated bool) {
	r := &Record{
		Side: l.from, Lane: l.lane, Seq: len(l.records), Event: e.Index, Time: e.Time, Offset: end - int64(len(b)), Length: len(b),
		size: len(b), DecidedAt: -1, Content: -1, Verdict: l.verdict, Truncated: truncated, unit: &unit{reading: reading},
	}
	l.records = append(l.records, r)
	l.decided = len(l.records) // there is no order in which units must be opened
	l.found = append(l.found, piece{record: r, unit: b})
}

// A unit is what a record is that is not TLS.
type unit struct {
	reading Reading // nil: not understood
	because *Reason // why it is encrypted and not opened; nil if it is not so
	tries   int     // how often it was tried to open it
}

// readUnit decides a unit whose bytes are b, as far as that can be done yet.
func (v *View) readUnit(r *Record, b []byte) {
	sealed, ok := r.unit.reading.(SealedReading)
	if !ok {
		r.DecidedAt, r.Content, r.Epoch = v.session.now.Index, len(b), Epoch{Kind: EpochClear}
		return
	}
	r.Encrypted = true
	v.openUnit(r, sealed, b)
}

// openUnit opens an encrypted unit, if that can be done with the secrets that
// there are. A better one may come as long as one that was asked for is missing,
// or is not this view's endpoint's own.
func (v *View) openUnit(r *Record, sealed SealedReading, b []byte) {
	waits := false
	var asked []string
	clear, why := sealed.Open(b, func(label string, identifier []byte) []LoggedSecret {
		found := v.likelySecrets(label, string(identifier))
		if !slices.ContainsFunc(found, func(s KnownSecret) bool { return v.owns(s) }) {
			waits = true
		}
		asked = append(asked, string(identifier))
		return logged(found)
	})
	r.unit.tries++
	for _, identifier := range asked {
		v.ask(identifier)
	}
	switch {
	case why.Key == "":
		r.DecidedAt, r.Decrypted, r.Content, r.Why, r.unit.because = v.session.now.Index, true, len(clear), WhyNone, nil
		r.Parts = whole(r.Name(), clear)
		v.noteSince(asked)
		return
	case waits && r.unit.tries <= maxCandidates:
		r.Why, r.unit.because = WhyProtocol, &why
		for _, identifier := range asked {
			if list := v.waiting[identifier]; len(list) == 0 || list[len(list)-1] != r {
				v.waiting[identifier] = append(list, r)
			}
		}
		return
	}
	r.DecidedAt, r.Why, r.unit.because = v.session.now.Index, WhyProtocol, &why
	if r.Lane == Received && r.Verdict == VerdictNone && v.conn.senderReads(r) {
		r.Verdict = VerdictUnreadable
		v.session.add(Item{Kind: RecordItem, Side: r.Side, Lane: Received, Record: r})
	}
}

// noteSince notes from which event on a unit is read with the secrets of these identifiers.
func (v *View) noteSince(identifiers []string) {
	for _, identifier := range identifiers {
		if _, known := v.since[identifier]; known {
			continue
		}
		if v.since == nil {
			v.since = make(map[string]int)
		}
		v.since[identifier] = v.session.now.Index
	}
}

// senderReads reports whether the unit that arrived as r says something to its sender.
func (c *Connection) senderReads(r *Record) bool {
	sent := c.units[c.causeOf(r.Event)]
	return sent != nil && sent.Decrypted
}

// ask notes that secrets with the identifier are this view's.
func (v *View) ask(identifier string) {
	if _, known := v.waiting[identifier]; known {
		return
	}
	if v.waiting == nil {
		v.waiting = make(map[string][]*Record)
	}
	v.waiting[identifier] = nil
	v.asked, v.askedAt = append(v.asked, identifier), v.session.now.Index
	if greeted := v.session.greeted; !slices.Contains(greeted[identifier], v.conn) {
		greeted[identifier] = append(greeted[identifier], v.conn)
	}
}

// retry tries the units again that a secret with this identifier was missing for.
func (v *View) retry(identifier string) {
	list := v.waiting[identifier]
	if len(list) == 0 {
		return
	}
	v.waiting[identifier] = nil
	for _, r := range list {
		sealed, ok := r.unit.reading.(SealedReading)
		if !ok || r.DecidedAt >= 0 {
			continue
		}
		b := r.Raw()
		if b == nil {
			r.DecidedAt, r.Why, r.unit.because = v.session.now.Index, WhyBytesLetGo, nil
			continue
		}
		v.openUnit(r, sealed, b)
	}
}

// unitSecrets returns the secrets of the view's units in the order in which they came.
func (v *View) unitSecrets() (all []KnownSecret) {
	for _, identifier := range v.asked {
		all = append(all, v.session.secrets[identifier]...)
	}
	slices.SortFunc(all, func(a, b KnownSecret) int { return a.Event - b.Event })
	return all
}

// told is what the protocol says of how its keys come about.
func (v *View) told() []Value {
	scheduler, ok := v.reader.(Scheduler)
	if !ok {
		return nil
	}
	values := scheduler.Schedule(v.secrets)
	for i := range values {
		value := &values[i]
		if value.Event = -1; value.Bytes == nil {
			continue
		}
		for _, input := range value.Inputs {
			if j := named(values[:i], input.Name); j >= 0 {
				value.Event = max(value.Event, values[j].Event)
			}
		}
		if since, logged := v.loggedSince(value.Bytes); logged {
			value.Logged, value.Event = true, max(value.Event, since)
		}
		if value.Event < 0 { // of what crossed alone
			value.Event = v.askedAt
		}
	}
	return values
}

// loggedSince returns the event from which on a secret of the view is known that has opened one of its units.
func (v *View) loggedSince(secret []byte) (event int, logged bool) {
	for identifier, since := range v.since {
		for _, known := range v.session.secrets[identifier] {
			if !bytes.Equal(known.Bytes, secret) || !v.owns(known) {
				continue
			}
			if at := max(known.Event, since); !logged || at < event {
				event, logged = at, true
			}
		}
	}
	return event, logged
}

// toldSecrets is the key schedule as the protocol tells it, and what other secrets this view's units can be opened with.
func (v *View) toldSecrets() []Value {
	values := v.told()
	names := make(map[string]int)
	for _, secret := range v.unitSecrets() {
		same := func(v Value) bool {
			return bytes.Equal(v.Bytes, secret.Bytes) && (v.Formula != "" || bytes.Equal(v.Inputs[0].Bytes, secret.ClientRandom))
		}
		if !v.owns(secret) || slices.ContainsFunc(values, same) || len(values) == mostTold {
			continue
		}
		name := Safe(secret.Label)
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, names[name])
		}
		values = append(values, Value{
			Kind: "schedule.protocol_secret", Name: name, Bytes: secret.Bytes, Logged: true, Origin: secret.Origin,
			Inputs: []Input{{"identifier", secret.ClientRandom}}, Event: secret.Event,
		})
	}
	return values
}

// mostTold is how many secrets of a protocol are told as values.
const mostTold = 256

func logged(known []KnownSecret) []LoggedSecret {
	if len(known) == 0 {
		return nil
	}
	secrets := make([]LoggedSecret, len(known))
	for i, secret := range known {
		secrets[i] = secret.LoggedSecret
	}
	return secrets
}

// secrets are those that the view's units can be opened with.
func (v *View) secrets(label string, identifier []byte) []LoggedSecret {
	return logged(v.likelySecrets(label, string(identifier)))
}

// mostLookedAt is how many units before one are looked at for the same beginning.
const mostLookedAt = 1000

// SameBeginning returns, of a unit whose protocol says that equal first blocks tell of equal beginnings
// ([BlockReading]), an earlier one of its connection, side and lane that begins with as many of the same blocks as any, the
// first such, and how long these are, in bytes and in blocks. It is nil if there is none. Nobody needs keys to see it.
func (r *Record) SameBeginning() (earlier *Record, length, blocks int) {
	size := r.blockSize()
	if size <= 0 {
		return nil, 0, 0
	}
	raw := r.Raw()
	before := r.view.lanes[r.Side].records[:r.Seq]
	for _, other := range before[max(0, len(before)-mostLookedAt):] {
		if other.blockSize() != size {
			continue
		}
		if n := equalBlocks(raw, other.Raw(), size); n > blocks {
			earlier, blocks = other, n
		}
	}
	return earlier, blocks * size, blocks
}

// FieldsWith is Fields; where r begins with the same blocks as an earlier record ([Record.SameBeginning]), say
// gives the value of the root, which is block 0, and of each of these blocks, the first of which is block 1.
func (r *Record) FieldsWith(say func(earlier *Record, blocks, block int) string) Field {
	root := r.Fields()
	earlier, length, blocks := r.SameBeginning()
	if earlier == nil {
		return root
	}
	root.Value = say(earlier, blocks, 0)
	block := 0
	var tell func(f *Field)
	tell = func(f *Field) {
		for i := range f.Children {
			tell(&f.Children[i])
		}
		if len(f.Children) == 0 && f.End() <= length {
			block++
			f.Value = say(earlier, blocks, block)
		}
	}
	for i := range root.Children {
		tell(&root.Children[i])
	}
	return root
}

func (r *Record) blockSize() int {
	if r.unit == nil {
		return 0
	}
	if blocks, ok := r.unit.reading.(BlockReading); ok {
		return blocks.BlockSize()
	}
	return 0
}

// equalBlocks is how many whole blocks a and b both begin with.
func equalBlocks(a, b []byte, size int) (n int) {
	for len(a) >= size && len(b) >= size && bytes.Equal(a[:size], b[:size]) {
		a, b, n = a[size:], b[size:], n+1
	}
	return n
}

// unitClear opens a unit again.
func (r *Record) unitClear() []byte {
	sealed, ok := r.unit.reading.(SealedReading)
	raw := r.Raw()
	switch {
	case raw == nil:
		return nil
	case !ok:
		return raw
	}
	clear, why := sealed.Open(raw, r.view.secrets)
	if why.Key != "" {
		return nil
	}
	return clear
}

// unitFields dissects the unit as it crossed.
func (r *Record) unitFields() Field {
	raw := r.Raw()
	return r.unit.fields(raw)
}

// fields dissects b as the unit that was read.
func (u *unit) fields(b []byte) Field {
	if u.reading == nil {
		return asUnknown(Field{Kind: "unit", Name: "unit"}, len(b), "the protocol knows no such unit")
	}
	root := u.reading.Fields(b)
	root.Name = u.reading.Name()
	return checked(root, len(b))
}

// clearFields dissects what an encrypted unit says.
func (u *unit) clearFields(clear []byte) Field {
	sealed, ok := u.reading.(SealedReading)
	if !ok {
		return u.fields(clear)
	}
	root := sealed.ClearFields(clear)
	if root.Name == "" {
		root.Name = u.reading.Name()
	}
	return checked(root, len(clear))
}

// mostDepth is how deep a Protocol's tree may be.
const mostDepth = 64

// checked returns the tree of a Protocol over n bytes if it is one: children lie
// inside their parent, in order, disjoint, and together cover it. Otherwise all of
// it is not understood.
func checked(root Field, n int) Field {
	root.Offset, root.Length = 0, n
	if root.Kind == "" {
		root.Kind = "unit"
	}
	room := mostFields
	if !isTree(&root, &room, mostDepth) {
		return asUnknown(root, n, "the tree that the protocol made of these bytes does not cover them")
	}
	return root
}

func isTree(f *Field, room *int, depth int) bool {
	if *room--; *room < 0 || depth == 0 {
		return false
	}
	if f.Length == 0 || f.Length > 8 {
		f.edit.form, f.edit.number = noLength, false
	}
	if len(f.Children) == 0 {
		return true
	}
	children := slices.Clone(f.Children)
	f.Children = children
	at := f.Offset
	for i := range children {
		child := &children[i]
		if child.Offset != at || child.Length < 0 || child.Length > f.End()-at || !isTree(child, room, depth-1) {
			return false
		}
		at = child.End()
	}
	return at == f.End()
}

func asUnknown(root Field, n int, why string) Field {
	root.Offset, root.Length, root.Children, root.edit = 0, n, nil, editing{}
	if n > 0 {
		root.Children = []Field{{Kind: NotUnderstood, Name: "not understood", Length: n, Value: why}}
	}
	return root
}
