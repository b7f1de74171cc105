package inspect

import "slices"

// Behind a gap it is not known how many records are missing, nor whether the
// key has changed among them. So records are tried under further sequence
// numbers and the keys that may come next; the tag decides. How many bytes are
// decrypted in vain is bounded, for each gap and for the session.
const (
	searchedForGap     = 32 << 20
	searchedForSession = 256 << 20

	mostUpdatesInGap = 4 // KeyUpdates of a side within one gap

	shortestRecord = headerLength + 1 + tagLength // that is protected
)

// A position is where a record may stand: under a key, from a sequence number on.
type position struct {
	epoch Epoch
	key   *trafficKey
	seq   uint64
}

// behind notes what is missing before a record.
func (v *View) behind(l *lane, r *Record) {
	if !r.lost.torn {
		return
	}
	if r.lost.inside && greets(r.Raw()) {
		r.lost = lost{} // what came before was no TLS
		return
	}
	l.lost.bytes += r.lost.bytes
	l.searched, r.lost, l.holed = 0, lost{}, true
	v.tear(l)
}

// search looks for the place of a record behind a gap, and puts the lane there.
// final is false while a secret that might tell may still come.
func (v *View) search(l *lane, raw []byte) (plain []byte, found, final bool) {
	known := 1 + len(v.session.secrets[string(v.state().ClientRandom)])
	if l.tried == known {
		return nil, false, false // nothing new since
	}
	l.tried = known
	places := v.places(l)
	missing := uint64(l.lost.bytes/shortestRecord) + 1
	for further := uint64(0); further <= missing; further++ {
		for _, p := range places {
			if l.searched > searchedForGap || v.session.searched > searchedForSession {
				return nil, false, true
			}
			l.searched += int64(len(raw))
			v.session.searched += int64(len(raw))
			plain, err := p.key.open(v.scratch[:0], raw, p.seq+further)
			if err == nil {
				v.move(l, p, p.seq+further)
				return plain, true, true
			}
		}
	}
	last := func(p position) bool { return p.epoch.Kind == EpochApplication }
	return nil, false, slices.ContainsFunc(places, last)
}

// places lists where the lane may have got to: it goes on as it was, or its
// next keys are in force.
func (v *View) places(l *lane) []position {
	var all []position
	under := func(kind EpochKind) {
		epoch := Epoch{Kind: kind}
		for _, c := range v.candidates(epoch, l.from) {
			all = append(all, position{epoch, c.key, 0})
		}
	}
	switch {
	case l.key != nil:
		all = append(all, position{l.epoch, l.key, l.seq})
	case l.epoch.Kind != EpochClear:
		for _, c := range v.candidates(l.epoch, l.from) {
			all = append(all, position{l.epoch, c.key, l.seq})
		}
	}
	if v.state().Version != version13 {
		if l.epoch.Kind == EpochClear {
			under(EpochApplication)
		}
		return all
	}
	switch l.epoch.Kind {
	case EpochEarly:
		under(EpochHandshake)
		under(EpochApplication)
	case EpochHandshake:
		under(EpochApplication)
	}
	return append(all, updated(all, l.lost.bytes/shortestRecord)...)
}

// updated lists the places behind KeyUpdates, of which there are no more than
// records are missing.
func updated(places []position, missing int64) (behind []position) {
	for _, p := range places {
		if p.epoch.Kind != EpochApplication {
			continue
		}
		for range min(missing, mostUpdatesInGap) {
			p = position{Epoch{EpochApplication, p.epoch.Generation + 1}, p.key.update(), 0}
			behind = append(behind, p)
		}
	}
	return behind
}

// move puts the lane at a place that a tag has proved.
func (v *View) move(l *lane, p position, seq uint64) {
	if p.epoch != l.epoch {
		v.change(func(s *State) { s.Epoch[l.from] = p.epoch })
	}
	l.epoch, l.seq = p.epoch, seq
	v.proved(l, p.key)
}

// headless reports whether a record follows a beginning that is missing: one
// that is protected though its sender has not said hello, or whose peer's
// ServerHello will never come.
func (v *View) headless(l *lane, r *Record) bool {
	if v.state().Version != 0 || r.isClearChange() {
		return l.headless && !r.isClearChange()
	}
	sealed := v.sealed(l, r)
	if sealed && !l.greeted {
		if !l.headless {
			v.change(func(s *State) { s.Epoch[l.from], s.NoHandshake = Epoch{}, s.NoHandshake || v.late() || l.holed })
		}
		l.headless = true
		v.tear(l)
	}
	return l.headless || sealed && v.lanes[l.from.Peer()].headless
}

// sealed reports whether a record is protected though no ServerHello has said how.
// Up to TLS 1.2 records of every type are, behind a change_cipher_spec; in TLS 1.3
// only a hello follows one in another type than application_data (RFC 8446
// appendix D.4).
func (v *View) sealed(l *lane, r *Record) bool {
	switch r.Type {
	case ApplicationData:
		return true
	case Alert:
		return !r.isClearAlert()
	case Handshake:
		return l.changed && !r.isHello()
	case ChangeCipherSpec: // of a renegotiation
		return !r.isClearChange()
	}
	return false
}

// isClearChange reports whether a record is a change_cipher_spec in clear: one byte
// (RFC 5246 section 7.1).
func (r *Record) isClearChange() bool { return r.Type == ChangeCipherSpec && r.Length == 1 }

// isClearAlert reports whether an alert record holds alerts in clear, two bytes
// each, the first of which is 1 or 2 (RFC 5246 section 7.2): those that are
// protected are longer, and look like anything.
func (r *Record) isClearAlert() bool {
	if r.Length == 2 {
		return true
	}
	raw := r.Raw()
	if r.Length%2 != 0 || len(raw) < headerLength+2 {
		return false
	}
	for i, b := range raw[headerLength:] {
		if i%2 == 0 && b != 1 && b != 2 {
			return false
		}
	}
	return true
}

// isHello reports whether a handshake record begins with the hello that its
// sender has to say.
func (r *Record) isHello() bool {
	kinds := [2]HandshakeType{typeClientHello, typeServerHello}
	b := r.Raw()
	if len(b) <= headerLength+handshakeHeaderLength {
		return false
	}
	b = b[headerLength:]
	return HandshakeType(b[0]) == kinds[r.Side] && b[1] == 0 && b[handshakeHeaderLength] == 0x03 // legacy_version
}

// doubtful reports whether nobody can tell if a handshake record is in clear: what
// came before is missing, and it does not begin with a message. It has been
// decided then.
func (v *View) doubtful(l *lane, r *Record, raw []byte) bool {
	switch {
	case r.Type != Handshake || v.state().Version == version13 || len(raw) <= headerLength:
		return false
	case !l.holed && !(v.late() && !l.greeted):
		return false
	case !l.torn && len(l.message) > 0 || beginsMessage(raw[headerLength:]):
		return false
	}
	v.unplaced(l, r)
	r.Why = WhyDoubtful
	return true
}

// late reports whether the connection may have begun before the recording.
func (v *View) late() bool { return v.conn.Opening.Late || v.conn.Opening.Bare }

// overslept reports whether a record that would be in clear is under a key,
// since the change_cipher_spec of TLS 1.2 is among what is missing. It has
// been decided then.
func (v *View) overslept(l *lane, r *Record, raw []byte) bool {
	version := v.state().Version
	if version == 0 || version == version13 || l.lost.bytes == 0 || raw == nil || r.isClearChange() {
		return false
	}
	if _, ok := aeadSuites[v.state().Suite]; ok && !r.Truncated {
		plain, found, _ := v.search(l, raw)
		if l.tried = 0; found {
			v.scratch, r.Encrypted = plain, true
			return v.opened(l, r, plain)
		}
	}
	return r.Type != Handshake && v.sealed(l, r) && v.unplaced(l, r)
}

// unplaced decides that a record cannot be read since records before it are
// missing.
func (v *View) unplaced(l *lane, r *Record) bool {
	r.Encrypted, r.Content, r.Why = true, -1, WhyRecordsMissing
	switch {
	case r.Truncated:
		r.Why = WhyCutOff
	case !l.holed && l.headless && !v.late():
		r.Why = WhyNoHello
	}
	r.Epoch, r.TLSSeq, r.key = Epoch{}, 0, nil
	l.seq++ // at least
	l.tried = 0
	return v.decided(l, r, nil)
}

// tear notes that handshake bytes of the lane are missing here.
func (v *View) tear(l *lane) {
	l.torn, l.message = true, nil
	l.tears++
}

// wholeMessages reports whether content is made of whole handshake messages
// that have a name.
func wholeMessages(content []byte) bool {
	for len(content) > 0 {
		if len(content) < handshakeHeaderLength {
			return false
		}
		length := handshakeHeaderLength + int(content[1])<<16 + int(content[2])<<8 + int(content[3])
		if _, named := handshakeTypes.lookup(uint16(content[0])); !named || length > len(content) {
			return false
		}
		content = content[length:]
	}
	return true
}

// beginsMessage reports whether content begins with a handshake message that has a
// name and a length that one may have, of which a later record may have the rest.
func beginsMessage(content []byte) bool {
	const longest = 1 << 18
	for len(content) > 0 {
		if _, named := handshakeTypes.lookup(uint16(content[0])); !named {
			return false
		}
		if len(content) < handshakeHeaderLength {
			return true
		}
		length := handshakeHeaderLength + int(content[1])<<16 + int(content[2])<<8 + int(content[3])
		if length > len(content) {
			return length <= longest
		}
		content = content[length:]
	}
	return true
}
