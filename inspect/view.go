package inspect

import (
	"slices"
	"sort"
)

// A View is one endpoint's truth: the lane that it sent, the lane that it
// received, its transcript, its states. It belongs to its Session and is as
// little safe for concurrent use.
type View struct {
	session  *Session
	conn     *Connection
	side     Side
	shared   bool // there is no gate: the view is both endpoints'
	ours     bool // one endpoint's, of this process: it has logged the secrets that it knows
	lanes    [2]*lane
	messages []*Message
	states   []milestone
	scratch  []byte

	ticket       string     // TLS 1.2: offered by the client
	shares       [2][]share // TLS 1.3: by Side
	identities   [][]byte   // TLS 1.3: of the pre-shared keys that the client offered
	chosen       []byte     // TLS 1.3: the identity that the server chose; nil if none
	serverRandom []byte
	master       *trafficKey // TLS 1.2: one whose tag has verified, for its master secret
	finished     [2]bool
	heard        []*Record // gated: alerts that the view's endpoint received and could read
	ech          echOffer
	early        earlyAnswer

	reader  Reader               // of units; nil for TLS, and where the protocol is not known
	waiting map[string][]*Record // by identifier: units that a secret is missing for
	asked   []string             // the identifiers that secrets were asked for under, in order
	askedAt int                  // the event of the latest of them
	since   map[string]int       // by identifier: the event from which on a unit is read with it
}

// A milestone is the state from an event on.
type milestone struct {
	event int
	state State
}

// A KnownSecret is a secret of the connection and the event that brought it.
type KnownSecret struct {
	LoggedSecret
	Event int
}

func newView(s *Session, c *Connection, side Side) *View {
	v := &View{session: s, conn: c, side: side, shared: !c.Opening.Gated, ours: c.Opening.Gated && c.Opening.Ours[side] && !s.omniscient}
	if c.Opening.Speaks != nil {
		v.reader = c.Opening.Speaks.Reader()
	}
	for _, from := range []Side{Client, Server} {
		v.lanes[from] = &lane{from: from, source: s.recording, epoch: Epoch{Kind: EpochClear}}
		if !c.Opening.tls() {
			v.lanes[from].units = newUnits(v.reader, from)
		}
		if !v.shared && from != side {
			v.lanes[from].lane = Received
		}
	}
	clear := Epoch{Kind: EpochClear}
	v.states = []milestone{{c.Event, State{Epoch: [2]Epoch{clear, clear}}}}
	return v
}

// State returns what was agreed on, and which epochs were in force, once
// event at had happened.
func (v *View) State(at int) State {
	i := sort.Search(len(v.states), func(i int) bool { return v.states[i].event > at })
	return v.states[max(i-1, 0)].state
}

// Records returns the records of that side's lane in this view, in order. The
// slice must not be changed.
func (v *View) Records(from Side) []*Record { return v.lanes[from].records }

// Messages returns the handshake messages of both sides in the order in which
// they became known. The slice must not be changed.
func (v *View) Messages() []*Message { return v.messages }

// Count returns how many records and bytes had crossed side's lane in this
// view once event at had happened.
func (v *View) Count(side Side, at int) (records int, bytes int64) {
	l := v.lanes[side]
	records = sort.Search(len(l.records), func(i int) bool { return l.records[i].Event > at })
	return records, l.sizeAt(at)
}

// Secrets returns the secrets of this connection that the recording held once
// event at had happened and that knower knew, in the order in which they came.
// Secrets from a file belong to both, except private keys.
func (v *View) Secrets(knower Side, at int) []KnownSecret {
	var known []KnownSecret
	for _, secret := range v.secretsOf(v.State(at)) {
		if secret.Event <= at && secret.knownTo(knower) {
			known = append(known, secret)
		}
	}
	return known
}

func (v *View) state() State { return v.states[len(v.states)-1].state }

// change applies f to the state from the event that is being taken in on.
func (v *View) change(f func(*State)) {
	state := v.state()
	f(&state)
	if last := &v.states[len(v.states)-1]; last.event == v.session.now.Index {
		last.state = state
		return
	}
	v.states = append(v.states, milestone{v.session.now.Index, state})
}

func (v *View) arrive(from Side, e Event, verdict Verdict) { v.arriveFrom(from, e, e.Index, verdict) }

// arriveFrom takes e's bytes, which the event source keeps, into the lane.
func (v *View) arriveFrom(from Side, e Event, source int, verdict Verdict) {
	l := v.lanes[from]
	l.verdict = verdict
	if v.lanes[from.Peer()].latest() > l.latest() {
		l.turn = l.size
	}
	for _, found := range l.add(e, source) {
		v.found(l, found)
	}
}

// finish turns what is left of a record that will never be whole into one that is truncated.
func (v *View) finish(from Side) {
	l := v.lanes[from]
	for _, found := range l.finish(v.session.now) {
		v.found(l, found)
	}
}

// found adds what the splitter made of the lane's bytes to the session.
func (v *View) found(l *lane, p piece) {
	item := Item{Kind: p.kind, Side: l.from, Lane: l.lane, From: p.from, Verdict: l.verdict}
	item.Because = because(p.reason)
	item.Reason = item.Because.String()
	if p.record != nil {
		p.record.Conn, p.record.view = v.conn.Conn, v
		item.Kind, item.Record = RecordItem, p.record
		if l.lane == Sent && !v.shared {
			v.conn.units[v.session.now.Index] = p.record
		}
	}
	if l.lane == Sent || l.verdict != VerdictNone { // else it is the same as on the sent lane
		v.session.add(item)
	}
	if p.record != nil && v.reader != nil {
		v.readUnit(p.record, p.unit)
	}
}

// decide reads records as far as the secrets reach, in the order in which they
// crossed: what one side says can change what the other's records are under.
func (v *View) decide() {
	if v.reader != nil {
		return // units are read when they come
	}
	v.openECH()
	for progress := true; progress; progress = progress || v.session.now.Kind != Secret && v.passEarlyData() {
		progress = false
		var stuck [2]bool
		for l := v.earliest(stuck); l != nil; l = v.earliest(stuck) {
			if stuck[l.from] = !v.read(l, l.records[l.decided]); !stuck[l.from] {
				l.decided++
				progress = true
			}
		}
	}
	for _, l := range v.lanes {
		v.lend(l)
	}
	if l := v.lanes[Client]; v.session.now.Kind == Secret && l.awaitsEarlySecret() {
		v.session.waiting = append(v.session.waiting, v)
	}
}

// lend gives the records that wait behind one of their lane its reason, if that is
// something that the recording lacks.
func (v *View) lend(l *lane) {
	if l.decided == len(l.records) {
		return
	}
	why := l.records[l.decided].Why
	if why == WhyCutOff {
		why = l.lacks
	}
	if !why.lacks() {
		why = WhyUndecided
	}
	if why != l.lent {
		l.lent, l.lentTo = why, 0
	}
	version := v.state().Version
	for _, r := range l.records[max(l.decided+1, l.lentTo):] {
		if version != 0 && version != version13 || v.sealed(l, r) && (version == 0 || r.Type == ApplicationData) { // the others of TLS 1.3 are in clear
			if r.Why = why; r.Truncated {
				r.Why = WhyCutOff
			}
		}
	}
	l.lentTo = len(l.records)
}

// earliest returns the lane whose next record to be read crossed first; nil if
// there is none, but for those that are stuck.
func (v *View) earliest(stuck [2]bool) (first *lane) {
	for _, l := range v.lanes {
		if l.decided < len(l.records) && !stuck[l.from] && (first == nil || l.records[l.decided].Event < first.records[first.decided].Event) {
			first = l
		}
	}
	return first
}

// read decides what a record holds; false means that this cannot be said yet,
// and Why says why.
func (v *View) read(l *lane, r *Record) bool {
	v.behind(l, r)
	if v.headless(l, r) {
		return v.unplaced(l, r)
	}
	protected, known := v.protected(l, r)
	if !known {
		if l.lacks = WhyUndecided; v.state().Version == 0 {
			l.lacks = WhyNoServerHello
		}
		if r.Why = l.lacks; r.Truncated {
			r.Why = WhyCutOff
		}
		return false
	}
	raw := r.Raw()
	if !protected && (v.overslept(l, r, raw) || v.doubtful(l, r, raw)) {
		return true
	}
	if !protected {
		if raw == nil {
			v.tear(l)
		}
		r.InnerType = r.Type
		r.Epoch = Epoch{Kind: EpochClear}
		content := raw[min(headerLength, len(raw)):]
		r.Content = len(content)
		return v.decided(l, r, content)
	}
	r.Encrypted, r.Content = true, -1
	switch {
	case raw == nil:
		r.Why = WhyBytesLetGo
	case r.Truncated:
		r.Why = WhyCutOff
	default:
		return v.open(l, r, raw)
	}
	r.Epoch, r.TLSSeq, r.key = l.epoch, l.seq, l.key
	l.seq++
	return v.decided(l, r, nil)
}

// protected reports whether a record is under a key, if that can be said.
func (v *View) protected(l *lane, r *Record) (protected, known bool) {
	switch version := v.state().Version; {
	case version == version13:
		// RFC 8446 section 5.2: the outer type of a protected record is application_data.
		return r.Type == ApplicationData, r.Type != ApplicationData || l.epoch.Kind != EpochClear
	case version != 0:
		return l.epoch.Kind != EpochClear, true
	}
	return false, !v.sealed(l, r)
}

// open decrypts a record under the lane's key, which it may have to find first.
func (v *View) open(l *lane, r *Record, raw []byte) bool {
	if _, ok := aeadSuites[v.state().Suite]; !ok {
		r.Why = WhySuite
		return v.unread(l, r)
	}
	var plain []byte
	var err error
	final := true
	if l.key != nil {
		plain, err = l.key.open(v.scratch[:0], raw, l.seq)
	} else {
		plain, final, err = v.findKey(l, r, raw)
	}
	if err != nil && l.epoch.Kind == EpochEarly {
		handshake := v.candidates(Epoch{Kind: EpochHandshake}, l.from)
		if opensAny(handshake, raw) {
			v.enter(l, EpochHandshake)
			return v.open(l, r, raw)
		}
		final = final && len(handshake) > 0
	}
	if err == errTag && l.lost.bytes > 0 {
		var found bool
		if plain, found, final = v.search(l, raw); found {
			err = nil
		} else if r.Why != WhyNoSecret && r.Why != WhyNoClientHello {
			r.Why = WhyRecordsMissing
		}
	}
	if !final {
		return false
	}
	switch {
	case err == nil:
		v.scratch = plain
		return v.opened(l, r, plain)
	case err == errTooShort:
		r.Why = WhyTooShort
	case l.lost.bytes > 0, l.key == nil && v.state().Version != version13 && l.epoch.Generation > 0 && (l.holed || v.lanes[l.from.Peer()].holed): // a hello of the renegotiation may be missing
		return v.unplaced(l, r)
	default:
		r.Why = WhyTag
	}
	return v.unread(l, r)
}

// opensAny reports whether one of the keys opens the record as its first. Early
// data that the server does not accept ends without EndOfEarlyData: the client
// goes over to its handshake key unannounced (RFC 8446 section 4.2.10).
func opensAny(candidates []candidate, record []byte) bool {
	return slices.ContainsFunc(candidates, func(c candidate) bool {
		_, err := c.key.open(nil, record, 0)
		return err == nil
	})
}

// unread decides that a record cannot be read. A receiver that goes on after it
// does not count it: the sequence number grows on the sender's side alone.
func (v *View) unread(l *lane, r *Record) bool {
	r.Epoch, r.TLSSeq, r.key = l.epoch, l.seq, l.key
	if l.lane == Sent {
		l.seq++
	} else if r.Verdict == VerdictNone {
		r.Verdict = VerdictUnreadable
		v.session.add(Item{Kind: RecordItem, Side: l.from, Lane: Received, Record: r})
	}
	return v.decided(l, r, nil)
}

// findKey tries the candidates for the lane's epoch; the tag decides. It is
// not final while a secret that this view's endpoint logs may still come.
func (v *View) findKey(l *lane, r *Record, raw []byte) (plain []byte, final bool, err error) {
	err = errTag
	tried := false
	for _, candidate := range v.candidates(l.epoch, l.from) {
		tried = true
		plain, openErr := candidate.key.open(v.scratch[:0], raw, l.seq)
		if openErr == nil {
			v.proved(l, candidate.key)
			if v.state().ECH == ECHOffered { // the inner hello's secrets stand under its own random (RFC 9850 section 2.1)
				v.change(func(s *State) { s.ECH = ECHRejected })
			}
			return plain, true, nil
		}
		err = openErr
		final = final || candidate.own
	}
	if tried {
		r.Why = WhyTag
		return nil, final, err
	}
	if key := v.findStranger(l, raw); key != nil {
		l.key = key
		plain, err = key.open(v.scratch[:0], raw, l.seq)
		return plain, true, err
	}
	switch state := v.state(); {
	case state.ClientRandom == nil:
		r.Why = WhyNoClientHello
	case state.ECH == ECHOffered:
		r.Why = WhyNoInnerSecret
	default:
		r.Why = WhyNoSecret
	}
	return nil, final, err
}

// proved takes a key that has opened a record for the lane's.
func (v *View) proved(l *lane, key *trafficKey) {
	l.key = key
	if !key.tls13 {
		v.master = key
	}
}

// A candidate is a key that may be the one.
type candidate struct {
	key *trafficKey
	own bool // from this view's own endpoint: no better one will come
}

func (c candidate) from(origin Origin) candidate {
	c.key.origin = origin
	return c
}

// candidates returns the keys that may be the ones from sends under in epoch.
func (v *View) candidates(epoch Epoch, from Side) []candidate {
	state := v.state()
	if state.Version != version13 {
		return v.candidates12(from)
	}
	suite := aeadSuites[state.Suite]
	label := secretLabel(epoch, from)
	var found []candidate
	for _, secret := range v.likely(label) {
		if len(secret.Bytes) == v.secretLength() {
			found = append(found, candidate{suite.trafficKey13(secret.Bytes), v.owns(secret)}.from(secret.Origin))
		}
	}
	if secret := v.derivedAs(label); secret != nil {
		found = append(found, candidate{key: suite.trafficKey13(secret)}.from(Derived))
	}
	return found
}

// candidates12 also has the master secrets of the session that is resumed:
// crypto/tls logs none for a resumed one.
func (v *View) candidates12(from Side) []candidate {
	state := v.state()
	suite := aeadSuites[state.Suite]
	var found []candidate
	add := func(master []byte, own bool, origin Origin) {
		if len(master) != masterSecretLength {
			return
		}
		keys := suite.trafficKeys12(master, state.ClientRandom, v.serverRandom)
		found = append(found, candidate{keys[from], own}.from(origin))
	}
	for _, secret := range v.likely(labelMaster) {
		add(secret.Bytes, v.owns(secret), secret.Origin)
	}
	if v.ticket == "" {
		return found
	}
	if earlier := v.session.masters[v.ticket]; earlier != nil && earlier.master != nil {
		add(earlier.master.secret, false, Derived)
	}
	for i, secret := range v.session.secrets[v.ticket] {
		if secret.Label == LabelTicketMaster && i < maxCandidates {
			add(secret.Bytes, false, secret.Origin)
		}
	}
	return found
}

// maxCandidates is how many secrets of one label are tried for a record. There
// are more than two or three only if someone replays a ClientHello.
const maxCandidates = 32

// likely returns the secrets of that label and this client random, the
// likeliest first: those that this view's endpoint knows, then those that came
// after the connection was opened, then the others. What the peer of an endpoint
// of ours knows is not tried: after a tampered handshake it is something else.
// Early data is the exception, since a server that refuses it logs nothing.
func (v *View) likely(label string) []KnownSecret {
	return v.likelySecrets(label, string(v.state().ClientRandom))
}

// likelySecrets is likely for any identifier.
func (v *View) likelySecrets(label, identifier string) []KnownSecret {
	all := v.session.secrets[identifier]
	opened := sort.Search(len(all), func(i int) bool { return all[i].Event > v.conn.Event })
	var own, others []KnownSecret
	for i := range all {
		secret := all[(opened+i)%len(all)]
		switch {
		case secret.Label != label:
		case v.owns(secret):
			own = append(own, secret)
		case v.ours && label != earlyTrafficLabel:
		default:
			others = append(others, secret)
		}
		if len(own) == maxCandidates {
			break
		}
	}
	likely := append(own, others...)
	return likely[:min(len(likely), maxCandidates)]
}

// owns reports whether no better secret than this one will come for this view.
func (v *View) owns(secret KnownSecret) bool {
	return v.shared || secret.knownTo(v.side)
}

// labelMaster is the key log's name for the master secret of TLS 1.2.
const labelMaster = "CLIENT_RANDOM"

// earlyTrafficLabel is the key log's name for the secret of early data, which
// the client alone sends.
const earlyTrafficLabel = "CLIENT_EARLY_TRAFFIC_SECRET"

// secretLabel returns the key log's name for the secret that the keys of an
// epoch of TLS 1.3 are derived from.
func secretLabel(epoch Epoch, from Side) string {
	name := [2]string{"CLIENT_", "SERVER_"}[from]
	switch epoch.Kind {
	case EpochEarly:
		return earlyTrafficLabel
	case EpochHandshake:
		return name + "HANDSHAKE_TRAFFIC_SECRET"
	}
	return name + "TRAFFIC_SECRET_0"
}

// opened takes in a record whose tag has verified.
func (v *View) opened(l *lane, r *Record, plain []byte) bool {
	r.Epoch, r.TLSSeq, r.key = l.epoch, l.seq, l.key
	r.Decrypted, r.Why = true, WhyNone
	l.seq++
	l.lost = lost{}
	r.InnerType, r.Content = r.Type, len(plain)
	if l.key.tls13 {
		r.InnerType, r.Content, r.Padding = innerPlaintext(plain)
	}
	if r.Verdict == VerdictAltered && r.Forged() {
		r.Verdict = VerdictResealed
	}
	return v.decided(l, r, plain[:r.Content])
}

// innerPlaintext takes a TLSInnerPlaintext apart (RFC 8446 section 5.2). A
// record of zeros alone has no inner type, which is an error of the sender's.
func innerPlaintext(plain []byte) (inner ContentType, content, padding int) {
	end := len(plain)
	for end > 0 && plain[end-1] == 0 {
		end--
	}
	if end == 0 {
		return 0, 0, len(plain)
	}
	return ContentType(plain[end-1]), end - 1, len(plain) - end
}

// decided takes in the content of a record that has been read, or nil.
func (v *View) decided(l *lane, r *Record, content []byte) bool {
	r.DecidedAt = v.session.now.Index
	if !r.Encrypted {
		r.Why = WhyNone
	}
	if r.Content < 0 {
		if r.Epoch.Kind != EpochEarly || v.early != earlyRefused { // then there is no EndOfEarlyData
			v.tear(l)
		}
		return true
	}
	if l.lane == Sent && !v.lastMissing(l.from) && !l.unread() {
		v.conn.lastRead(v.session, l.from)
	}
	switch r.InnerType {
	case Handshake:
		v.assemble(l, r, content)
	case Alert:
		r.Parts = whole("alert", content)
		v.alert(l, r, content)
	case ChangeCipherSpec:
		r.Parts = whole("change_cipher_spec", content)
		v.changeCipherSpec(l)
	case ApplicationData:
		r.Parts = whole("application_data", content)
		if l.from == Client && l.epoch.Kind == EpochApplication && v.state().ECH == ECHRejected {
			// A client that meant it ends the connection first (RFC 9849 section 6.1.6).
			v.change(func(s *State) { s.ECH = ECHGrease })
		}
	default:
		r.Parts = whole(r.InnerType.String(), content)
	}
	return true
}

func whole(kind string, content []byte) []Part {
	if len(content) == 0 {
		return nil
	}
	return []Part{{Length: len(content), Type: kind}}
}

func (v *View) alert(l *lane, r *Record, content []byte) {
	if len(content) != 2 || v.refuses(l, r) {
		return
	}
	const closeNotify = 0x00
	if content[1] == closeNotify {
		v.change(func(s *State) { s.CloseNotify[l.from] = true })
		if l.lane == Sent {
			v.conn.notified(v.session, l.from)
		}
	}
	if l.lane == Received {
		v.heard = append(v.heard, r)
		v.arrived(r, content)
		return
	}
	v.keyless(l, r)
	v.session.add(Item{
		Kind: AlertItem, Side: l.from, Lane: Sent, Record: r,
		Level: content[0], Description: content[1], Arrived: v.shared,
		Elsewhere: v.conn.part && v.conn.whose == l.from,
	})
}

// keyless takes back that the sender of an alert in clear sends under handshake
// keys: it has refused the ServerHello, say, and has none.
func (v *View) keyless(l *lane, r *Record) {
	if r.Encrypted || l.epoch.Kind != EpochHandshake || l.seq > 0 {
		return
	}
	for i := len(v.states) - 1; i >= 0 && v.states[i].state.Epoch[l.from].Kind == EpochHandshake; i-- {
		v.states[i].state.Epoch[l.from] = Epoch{Kind: EpochClear}
	}
}

// refuses reports whether a record that says something in clear comes too late
// for that: an endpoint of crypto/tls that awaits protected records of TLS 1.3
// takes it for one whose tag does not verify.
func (v *View) refuses(l *lane, r *Record) bool {
	return v.ours && l.lane == Received && !r.Encrypted && l.epoch.Kind != EpochClear
}

// arrived marks the sender's alert as one that its receiver could read.
func (v *View) arrived(r *Record, content []byte) {
	items := v.session.items
	for i := len(items) - 1; i >= 0; i-- {
		item := &items[i]
		if item.Kind == AlertItem && item.Conn == r.Conn && item.Side == r.Side && !item.Arrived &&
			item.Level == content[0] && item.Description == content[1] {
			item.Arrived = true
			return
		}
	}
}

// changeCipherSpec puts the records that follow under the negotiated keys in
// TLS 1.2. In TLS 1.3 it means nothing (RFC 8446 appendix D.4).
func (v *View) changeCipherSpec(l *lane) {
	l.changed = true
	if version := v.state().Version; version == version13 || version == 0 {
		return
	}
	v.enter(l, EpochApplication)
}

// enter begins an epoch of a lane, whose key is still to be found. One of the
// same kind follows a renegotiation of TLS 1.2.
func (v *View) enter(l *lane, kind EpochKind) {
	l.epoch, l.key, l.seq = l.epoch.next(kind), nil, 0
	v.change(func(s *State) { s.Epoch[l.from] = l.epoch })
}

// assemble puts handshake messages together from the content of records.
func (v *View) assemble(l *lane, r *Record, content []byte) {
	if l.torn && !wholeMessages(content) {
		r.Parts, r.torn = whole("fragment", content), true
		return
	}
	l.torn = false
	for at := 0; at < len(content); {
		part := Part{Offset: at, Type: "fragment"}
		for at < len(content) && l.missing() > 0 { // the header, then the body that it announces
			n := min(len(content)-at, l.missing())
			l.message = append(l.message, content[at:at+n]...)
			at += n
		}
		part.Length = at - part.Offset
		if l.missing() == 0 {
			m := v.message(l, r)
			part.Message = m
			if part.Length == len(m.Bytes) {
				part.Type = m.Name()
			}
			v.apply(l, m)
		}
		r.Parts = append(r.Parts, part)
	}
	if r.Truncated {
		v.cutHello(l)
	}
}

// cutHello takes from the beginning of a hello, all that there is of it, what
// stands there: the random, by which secrets are found.
func (v *View) cutHello(l *lane) {
	if len(l.message) < handshakeHeaderLength {
		return
	}
	switch HandshakeType(l.message[0]) {
	case typeClientHello:
		h := parseClientHello(l.message[handshakeHeaderLength:])
		if h.random == nil {
			return
		}
		l.greeted = true
		v.greet(h)
		if len(v.likely(earlyTrafficLabel)) > 0 { // which is logged where early data is offered
			v.enter(l, EpochEarly)
		}
	case typeServerHello:
		l.greeted = true
	}
}

// message makes a message of what the lane has put together.
func (v *View) message(l *lane, r *Record) *Message {
	state := v.state()
	m := &Message{
		Conn: v.conn.Conn, Side: l.from, Type: HandshakeType(l.message[0]), Bytes: l.message, Record: r,
		Event: v.session.now.Index, version: state.Version, suite: state.Suite, tears: l.tears,
	}
	l.message = nil
	v.messages = append(v.messages, m)
	return m
}

// apply lets a message have its effect on the state.
func (v *View) apply(l *lane, m *Message) {
	body := m.Bytes[handshakeHeaderLength:]
	l.greeted = l.greeted || m.Type == typeClientHello || m.Type == typeServerHello
	switch m.Type {
	case typeClientHello:
		v.finished = [2]bool{}
		v.offerECH(m)
		h := v.greeting(m)
		v.greet(h)
		if h.earlyData {
			v.enter(l, EpochEarly)
		} else if l.epoch.Kind == EpochEarly { // after a HelloRetryRequest (RFC 8446 section 4.2.10)
			v.enter(l, EpochClear)
			if v.lanes[Server].epoch.Kind != EpochClear { // the ServerHello has been read, while the early secret was waited for
				v.enter(l, EpochHandshake)
			}
		}
	case typeServerHello:
		v.serverHello(m, parseServerHello(body))
	case typeEncryptedExtensions:
		protocol, early := parseEncryptedExtensions(body)
		if v.early = earlyRefused; early {
			v.early = earlyAccepted
		}
		v.change(func(s *State) { s.Protocol = protocol })
	case typeCertificate:
		v.change(func(s *State) {
			subject := leafSubject(body, s.Version)
			if m.Side == Server {
				s.ServerSubject = subject
			} else {
				s.ClientSubject = subject
			}
		})
	case typeServerKeyExchange:
		if m.isECDHE() {
			v.change(func(s *State) { s.Group = curveOf(body) })
		}
	case typeNewSessionTicket:
		v.ticketed(body)
	case typeEndOfEarlyData:
		if l.epoch.Kind == EpochEarly {
			v.enter(l, EpochHandshake)
		}
	case typeFinished:
		v.finishedBy(l)
	case typeKeyUpdate:
		if v.state().Version == version13 && l.key != nil {
			l.key, l.seq = l.key.update(), 0
			l.epoch.Generation++
			v.change(func(s *State) { s.Epoch[l.from] = l.epoch })
		}
	}
}

// greeting is what the handshake takes from a ClientHello.
func (v *View) greeting(m *Message) hello {
	h := parseClientHello(v.taken(m).body())
	if v.blind() {
		return hello{random: v.state().ClientRandom, serverName: v.state().ServerName, earlyData: h.earlyData}
	}
	return h
}

// greet makes the handshake go on with a ClientHello.
func (v *View) greet(h hello) {
	v.ticket, v.shares[Client], v.identities = h.ticket, h.shares, h.identities
	v.session.greet(h, v.conn)
	v.change(func(s *State) { s.ClientRandom, s.ServerName = h.random, h.serverName })
}

func (v *View) serverHello(m *Message, h hello) {
	m.version, m.suite = h.version, h.suite
	retry := string(h.random) == helloRetryRandom
	v.change(func(s *State) {
		s.Version, s.Suite, s.Group = h.version, h.suite, h.group
		s.HelloRetry = s.HelloRetry || retry
		s.Resumed = h.resumed
		if h.protocol != "" {
			s.Protocol = h.protocol
		}
	})
	v.serverRandom, v.shares[Server] = h.random, h.shares
	if retry { // RFC 8446 section 4.2.10
		v.early = earlyRefused
	}
	v.choose(h)
	v.answerECH(m, retry)
	client := v.lanes[Client]
	early := client.epoch.Kind == EpochEarly
	switch {
	case h.version != version13:
		if early { // the offer fell away with the version
			v.enter(client, EpochClear)
		}
	case !retry:
		if !early {
			v.enter(client, EpochHandshake)
		}
		v.enter(v.lanes[Server], EpochHandshake)
	}
	for _, l := range v.lanes {
		if h.version != version13 && l.changed && l.epoch.Kind == EpochClear && !(early && l == client) { // by the clock of its packets, it came before
			v.enter(l, EpochApplication)
		}
	}
}

// choose takes the PSK that a ServerHello chooses. Where the ClientHello that
// offered it is not known, it is one that nobody knows.
func (v *View) choose(h hello) {
	switch v.chosen = nil; {
	case !h.resumed:
	case h.identity < len(v.identities):
		v.chosen = v.identities[h.identity]
	case v.blind():
		v.chosen = []byte{}
	}
}

// ticketed keeps what a later connection needs to resume this one.
func (v *View) ticketed(body []byte) {
	if v.state().Version == version13 {
		if identity, nonce := parseTicket(body); identity != "" {
			v.session.ticketed(identity, &ticket{view: v, nonce: nonce})
		}
		return
	}
	if ticket := ticketOf(body); ticket != "" {
		v.session.masters[ticket] = v
	}
}

func (v *View) finishedBy(l *lane) {
	v.finished[l.from] = true
	if l.epoch.Kind == EpochHandshake { // a later one ends a post-handshake authentication (RFC 8446 section 4.6.2)
		v.enter(l, EpochApplication)
	}
	if v.finished[Client] && v.finished[Server] {
		v.change(func(s *State) {
			s.HandshakeDone = true
			// In TLS 1.2 all full handshakes have a ServerHelloDone (RFC 5246 section 7.3).
			s.Resumed = s.Resumed || s.Version != version13 && !v.latestHas(typeServerHelloDone)
		})
	}
}

// latestHas reports whether the latest handshake has a message of that type.
func (v *View) latestHas(kind HandshakeType) bool {
	for _, m := range slices.Backward(v.messages) {
		if m.Type == kind || m.Type == typeClientHello {
			return m.Type == kind
		}
	}
	return false
}
