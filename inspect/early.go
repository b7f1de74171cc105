package inspect

import "slices"

// An earlyAnswer is what the server answers to early data (RFC 8446 section 4.2.10).
type earlyAnswer uint8

const (
	earlyUnknown earlyAnswer = iota
	earlyAccepted
	earlyRefused
)

// awaitsEarlySecret reports whether the lane's next record waits for the secret of early data.
func (l *lane) awaitsEarlySecret() bool {
	if l.epoch.Kind != EpochEarly || l.key != nil || l.decided == len(l.records) {
		return false
	}
	why := l.records[l.decided].Why
	return why == WhyNoSecret || why == WhyNoInnerSecret
}

// passEarlyData ends the wait for a secret of early data that the recording lacks,
// once a later record shows that the early data is over: then it stays unread. It
// reports whether it has decided anything.
//
// Secrets that come together may come in any order, so it is not called between them.
func (v *View) passEarlyData() bool {
	l := v.lanes[Client]
	if !l.awaitsEarlySecret() || v.state().Version != version13 {
		return false
	}
	end := v.endOfEarlyData(l)
	if end < 0 {
		return false
	}
	why := l.records[l.decided].Why
	for ; l.decided < end; l.decided++ {
		r := l.records[l.decided]
		if r.Type != ApplicationData {
			v.read(l, r) // in clear
			continue
		}
		v.behind(l, r)
		r.Encrypted, r.Content, r.Why = true, -1, why
		if r.Truncated {
			r.Why = WhyCutOff
		}
		r.Epoch, r.TLSSeq = l.epoch, l.seq
		l.seq++
		v.decided(l, r, nil)
	}
	return true
}

// endOfEarlyData returns the index of the lane's first record behind early data: what
// a handshake key opens as its first, or a second ClientHello before that; -1 if it is
// not known. The ClientHello alone does not tell whether the secrets are still to come.
func (v *View) endOfEarlyData(l *lane) int {
	looked, known := l.ahead, len(v.messages)+len(v.session.secrets[string(v.state().ClientRandom)])
	l.ahead = [2]int{len(l.records), known}
	from := l.decided + 1
	if looked[1] == known {
		from = max(from, looked[0])
	}
	if from >= len(l.records) {
		return -1
	}
	retry := slices.IndexFunc(l.records[l.decided:], func(r *Record) bool { return r.Type == Handshake && r.isHello() })
	keys := v.candidates(Epoch{Kind: EpochHandshake}, l.from)
	for i, r := range l.records[from:] {
		if r.Type != ApplicationData || r.Truncated || r.Raw() == nil || !opensAny(keys, r.Raw()) {
			continue
		}
		if retry >= 0 {
			return min(l.decided+retry, from+i)
		}
		return from + i
	}
	return -1
}
