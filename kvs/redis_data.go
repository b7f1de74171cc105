package kvs

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/tlslab/kvs/store"
)

// The commands of Redis that read and change pairs. Each is one View or one Update; its answer is put together in memory meanwhile.

func (s *redisSession) get(arguments [][]byte) error {
	return s.view(func(r store.Reader) error {
		pair, exists := r.Get(arguments[0])
		s.value(pair, exists)
		return hold(s.conn, len(s.b))
	})
}

func (s *redisSession) value(pair store.Pair, exists bool) {
	if exists {
		s.bulk(pair.Value)
	} else {
		s.null()
	}
}

// setOptions are those of SET.
type setOptions struct {
	absent, present bool // NX, XX
	get, keep       bool // GET, KEEPTTL
	expires         time.Time
}

func (s *redisSession) setPair(arguments [][]byte) error {
	options, err := parseSet(arguments[2:])
	if err != nil {
		return err
	}
	return s.update(func(w store.Writer) error {
		pair := store.Pair{Key: arguments[0], Value: arguments[1], Expires: options.expires}
		if options != (setOptions{expires: options.expires}) {
			old, exists := w.Get(pair.Key)
			if options.get {
				s.value(old, exists)
				if err := hold(s.conn, len(s.b)); err != nil {
					return err
				}
			}
			if options.absent && exists || options.present && !exists {
				if !options.get {
					s.null()
				}
				return nil
			}
			if options.keep {
				pair.Expires = old.Expires
			}
		}
		if !options.get {
			s.status("OK")
		}
		return w.Put(pair)
	})
}

func parseSet(words [][]byte) (o setOptions, err error) {
	timed := ""            // by which word; it may come again
	var unit time.Duration // of the time that is given
	var absolute bool
	var number []byte
	for i := 0; i < len(words); i++ {
		switch word := strings.ToUpper(string(words[i])); {
		case word == "NX" && !o.present:
			o.absent = true
		case word == "XX" && !o.absent:
			o.present = true
		case word == "GET":
			o.get = true
		case word == "KEEPTTL" && timed == "":
			o.keep = true
		case (word == "EX" || word == "PX" || word == "EXAT" || word == "PXAT") && (timed == "" || timed == word) && !o.keep && i+1 < len(words):
			timed, absolute, unit = word, strings.HasSuffix(word, "AT"), time.Millisecond
			if word[0] == 'E' {
				unit = time.Second
			}
			i++
			number = words[i]
		default:
			return o, errSyntax
		}
	}
	if timed == "" {
		return o, nil
	}
	n, ok := parseInteger(number)
	if !ok {
		return o, errNotInteger
	}
	if o.expires, ok = expiry(n, unit, absolute); !ok || n <= 0 {
		return o, badExpiry("set")
	}
	return o, nil
}

// lastExpiry is the last time that a store keeps.
var lastExpiry = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// expiry is the time n units from now, or from 1970; ok says that a store can keep it. One before 1970 comes as 1970.
func expiry(n int64, unit time.Duration, absolute bool) (at time.Time, ok bool) {
	perUnit := int64(unit / time.Millisecond)
	if n > math.MaxInt64/perUnit || n < math.MinInt64/perUnit {
		return time.Time{}, false
	}
	milliseconds := n * perUnit
	if !absolute {
		now := time.Now().UnixMilli()
		if milliseconds > math.MaxInt64-now {
			return time.Time{}, false
		}
		milliseconds += now
	}
	if milliseconds > lastExpiry.UnixMilli() {
		return time.Time{}, false
	}
	return time.UnixMilli(max(milliseconds, 1)), true
}

func (s *redisSession) del(arguments [][]byte) error {
	return s.update(func(w store.Writer) error {
		deleted := 0
		for _, key := range arguments {
			if w.Delete(key) {
				deleted++
			}
		}
		s.integer(int64(deleted))
		return nil
	})
}

func (s *redisSession) exists(arguments [][]byte) error {
	return s.view(func(r store.Reader) error {
		found := 0
		for _, key := range arguments {
			if _, exists := r.Get(key); exists {
				found++
			}
		}
		s.integer(int64(found))
		return nil
	})
}

func (s *redisSession) incr(arguments [][]byte) error {
	return s.update(func(w store.Writer) error {
		pair, exists := w.Get(arguments[0])
		n := int64(0)
		if exists {
			var ok bool
			if n, ok = parseInteger(pair.Value); !ok {
				return errNotInteger
			}
		}
		if n == math.MaxInt64 {
			return errOverflow
		}
		n++
		pair.Key, pair.Value = arguments[0], strconv.AppendInt(nil, n, 10)
		s.integer(n)
		return w.Put(pair)
	})
}

// expireOptions are those of EXPIRE: when the pair has no expiry, when it has one, when the new one is later, when it is sooner.
type expireOptions struct{ none, some, later, sooner bool }

func parseExpire(words [][]byte) (o expireOptions, err error) {
	for _, word := range words {
		switch strings.ToUpper(string(word)) {
		case "NX":
			o.none = true
		case "XX":
			o.some = true
		case "GT":
			o.later = true
		case "LT":
			o.sooner = true
		default:
			return o, unsupportedOption(word)
		}
	}
	switch {
	case o.none && (o.some || o.later || o.sooner):
		return o, errOptionsNX
	case o.later && o.sooner:
		return o, errOptionsGT
	}
	return o, nil
}

// allow reports whether a pair's expiry may be replaced; one that never expires lasts longest.
func (o expireOptions) allow(old, at time.Time) bool {
	never := old.IsZero()
	switch {
	case o.none && !never, o.some && never:
		return false
	case o.later:
		return !never && at.After(old)
	case o.sooner:
		return never || at.Before(old)
	}
	return true
}

func (s *redisSession) expire(arguments [][]byte) error {
	options, err := parseExpire(arguments[2:])
	if err != nil {
		return err
	}
	n, ok := parseInteger(arguments[1])
	if !ok {
		return errNotInteger
	}
	at, ok := expiry(n, time.Second, false)
	if !ok {
		return badExpiry("expire")
	}
	return s.update(func(w store.Writer) error {
		pair, exists := w.Get(arguments[0])
		if !exists || !options.allow(pair.Expires, at) {
			s.integer(0)
			return nil
		}
		s.integer(1)
		pair.Expires = at
		return w.Put(pair)
	})
}

func (s *redisSession) ttl(arguments [][]byte) error {
	return s.view(func(r store.Reader) error {
		pair, exists := r.Get(arguments[0])
		switch {
		case !exists:
			s.integer(-2)
		case pair.Expires.IsZero():
			s.integer(-1)
		default:
			s.integer((max(pair.Expires.UnixMilli()-time.Now().UnixMilli(), 0) + 500) / 1000)
		}
		return nil
	})
}

func (s *redisSession) keysLike(arguments [][]byte) error {
	found := matching{session: s, pattern: &glob{pattern: arguments[0]}}
	err := s.store.scan(nil, func(pair store.Pair) error {
		found.see(pair)
		return nil
	}, found.match)
	s.array(found.n)
	s.b = append(s.b, found.b...)
	return err
}

// matching are the keys that a pattern asks for. They are gathered while others wait for the store, and looked at afterwards.
type matching struct {
	session *redisSession
	pattern *glob    // nil is any
	seen    [][]byte // keys that are not looked at yet
	reply            // the others
	n       int      // how many of them
}

func (m *matching) see(pair store.Pair) { m.seen = append(m.seen, bytes.Clone(pair.Key)) }

func (m *matching) match() error {
	var turn yielder
	for _, key := range m.seen {
		turn.did(len(key))
		matches := m.pattern == nil || m.pattern.matches(key)
		if m.pattern != nil && m.pattern.exhausted() {
			return errPattern
		}
		if !matches {
			continue
		}
		m.n++
		m.bulk(key)
		if err := m.session.fits(len(m.b)); err != nil {
			return err
		}
	}
	clear(m.seen) // the next turn may be long in coming
	m.seen = m.seen[:0]
	return nil
}

func (s *redisSession) dbsize([][]byte) error {
	return s.view(func(r store.Reader) error {
		s.integer(int64(r.Len()))
		return nil
	})
}

func (s *redisSession) mget(arguments [][]byte) error {
	return s.view(func(r store.Reader) error {
		s.array(len(arguments))
		var turn yielder
		for _, key := range arguments {
			turn.did(len(key))
			pair, exists := r.Get(key)
			if err := s.fits(len(pair.Value)); err != nil {
				return err
			}
			s.value(pair, exists)
		}
		return nil
	})
}

func (s *redisSession) mset(arguments [][]byte) error {
	if len(arguments)%2 != 0 {
		return wrongArity("mset")
	}
	return s.update(func(w store.Writer) error {
		for i := 0; i < len(arguments); i += 2 {
			if err := w.Put(store.Pair{Key: arguments[i], Value: arguments[i+1]}); err != nil {
				return err
			}
		}
		s.status("OK")
		return nil
	})
}

// maxCursors is how many places of SCANs a server remembers: the latest ones, of all connections.
const maxCursors = 1024

// cursors are the places where SCANs left off. A number is good for as long as it is among the latest.
type cursors struct {
	mu     sync.Mutex
	latest uint64
	keys   [maxCursors][]byte
}

// keep returns a number, never 0, for the key where the next SCAN begins.
func (c *cursors) keep(key []byte) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest++
	c.keys[c.latest%maxCursors] = bytes.Clone(key)
	return c.latest
}

func (c *cursors) find(number uint64) (key []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if number == 0 || number > c.latest || c.latest-number >= maxCursors {
		return nil, number == 0
	}
	return c.keys[number%maxCursors], true
}

// scanOptions are those of SCAN.
type scanOptions struct {
	pattern *glob // nil is any
	count   int64
	nothing bool // another TYPE than string is asked for
}

func parseScan(words [][]byte) (o scanOptions, err error) {
	o.count = 10
	for ; len(words) >= 2; words = words[2:] {
		switch strings.ToUpper(string(words[0])) {
		case "MATCH":
			o.pattern = &glob{pattern: words[1]}
		case "COUNT":
			n, ok := parseInteger(words[1])
			switch {
			case !ok:
				return o, errNotInteger
			case n < 1:
				return o, errSyntax
			}
			o.count = n
		case "TYPE":
			o.nothing = !strings.EqualFold(string(words[1]), "string")
		default:
			return o, errSyntax
		}
	}
	if len(words) > 0 {
		return o, errSyntax
	}
	return o, nil
}

// scan goes on where the cursor says, through count pairs. In the order of the keys, what is there all the while is
// found once, whatever else changes.
func (s *redisSession) scan(arguments [][]byte) error {
	number, err := strconv.ParseUint(string(arguments[0]), 10, 64)
	if err != nil {
		return errCursor
	}
	options, err := parseScan(arguments[1:])
	if err != nil {
		return err
	}
	from, ok := s.server.cursors.find(number)
	if !ok {
		return errCursor
	}
	found, next, left := matching{session: s, pattern: options.pattern}, uint64(0), options.count
	err = s.store.scan(from, func(pair store.Pair) error {
		if left == 0 {
			next = s.server.cursors.keep(pair.Key)
			return errEnough
		}
		if left--; !options.nothing {
			found.see(pair)
		}
		return nil
	}, found.match)
	if err == errEnough {
		err = nil
	}
	s.array(2)
	s.text(strconv.FormatUint(next, 10))
	s.array(found.n)
	s.b = append(s.b, found.b...)
	return err
}

// errEnough ends a scan.
var errEnough = errors.New("enough pairs were seen")
