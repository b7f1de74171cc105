package inspect

import (
	"slices"
	"sync"
	"time"
)

// Rules is a scripted gate: the first rule of the list that matches a unit
// decides what becomes of it. Its zero value forwards everything; its methods
// are safe for concurrent use. The fields must be set before the first
// connection; [Rules.Add] adds to the list later.
type Rules struct {
	List []Rule
	Then Gate // decides on the units that no rule takes; nil forwards them

	reader reader

	mu      sync.Mutex
	conns   map[int]*ruled
	reports []Applied
}

// A Rule says what becomes of which units. Match.Nth and Times are counted for
// each connection by itself; Nth counts the units that match, also those on which
// an earlier rule has decided.
type Rule struct {
	Match
	Do    Action
	Times int // how often it applies; 0: as often as it matches
}

// An Applied says what came of a rule.
type Applied struct {
	Rule int // its index in the list
	Conn int
	Unit int // the unit's ID
	How  Application
	Err  error // Refused: why
}

// An Application says how a rule met a unit.
type Application uint8

// The applications.
const (
	Acted     Application = iota + 1 // its action was called
	Unread                           // it asks what the record carries, which could not be read: passed over
	NeverCame                        // its action waited for another unit, and none came
	Refused                          // its action could not do what it was to do: the unit went on as it was
)

// String returns the application in English.
func (a Application) String() string {
	return [...]string{
		"", "acted", "passed over: the record could not be read", "the unit that it waited for never came",
		"the unit went on as it was: it could not be changed",
	}[a]
}

// ruled is what is counted for one connection.
type ruled struct {
	matched, acted []int                 // by rule
	waiting        [2][]*func(came bool) // by sender: called after its next unit
	ended          [2]bool
}

// Report returns what came of the rules so far, in the order in which it did.
func (r *Rules) Report() []Applied {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports)
}

// Add adds a rule behind the others. It counts from now on.
func (r *Rules) Add(rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.List = append(slices.Clip(r.List), rule)
	for _, c := range r.conns {
		c.matched, c.acted = append(c.matched, 0), append(c.acted, 0)
	}
}

func (r *Rules) report(a Applied) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, a)
}

// Captured implements [Gate].
func (r *Rules) Captured(w Wire, u Unit) {
	r.mu.Lock()
	c := r.conn(w.Conn())
	rule := r.choose(c, w, u)
	var do Action
	if rule >= 0 {
		do = r.List[rule].Do
	}
	waiting := c.waiting[u.From]
	c.waiting[u.From] = nil
	r.mu.Unlock()
	switch {
	case rule >= 0:
		do(Held{
			Unit: u, Wire: w,
			look:    func(f func(*Record)) { r.reader.look(w, u, f) },
			next:    func(wait time.Duration, f func(bool)) { r.next(w, u, rule, wait, f) },
			refused: func(err error) { r.report(Applied{rule, w.Conn(), u.ID, Refused, err}) },
		})
	case r.Then != nil:
		r.Then.Captured(w, u)
	default:
		w.Forward(u.ID)
	}
	for _, f := range waiting {
		(*f)(true)
	}
}

// Ended implements [Gate].
func (r *Rules) Ended(w Wire, from Side) {
	r.mu.Lock()
	c := r.conn(w.Conn())
	waiting := c.waiting[from]
	c.waiting[from], c.ended[from] = nil, true
	if c.ended[from.Peer()] {
		delete(r.conns, w.Conn())
	}
	r.mu.Unlock()
	for _, f := range waiting {
		(*f)(false)
	}
	if r.Then != nil {
		r.Then.Ended(w, from)
	}
}

func (r *Rules) conn(conn int) *ruled {
	c := r.conns[conn]
	if c == nil {
		c = &ruled{matched: make([]int, len(r.List)), acted: make([]int, len(r.List))}
		if r.conns == nil {
			r.conns = make(map[int]*ruled)
		}
		r.conns[conn] = c
	}
	return c
}

// choose returns the index of the rule that decides on the unit, or -1.
func (r *Rules) choose(c *ruled, w Wire, u Unit) int {
	r.reader.mu.Lock()
	defer r.reader.mu.Unlock()
	var record *Record
	read, chosen := false, -1
	for i, rule := range r.List {
		if rule.Times > 0 && c.acted[i] == rule.Times {
			continue
		}
		if rule.reads() && !read && rule.sender(u) {
			record, read = r.reader.read(w, u), true
		}
		if rule.reads() && rule.sender(u) && rule.unreadable(record) {
			if chosen < 0 {
				r.reports = append(r.reports, Applied{i, w.Conn(), u.ID, Unread, nil})
			}
			continue
		}
		if !rule.fits(u, record) {
			continue
		}
		if c.matched[i]++; chosen >= 0 || rule.Nth > 0 && c.matched[i] != rule.Nth {
			continue
		}
		c.acted[i]++
		r.reports = append(r.reports, Applied{i, w.Conn(), u.ID, Acted, nil})
		chosen = i
	}
	return chosen
}

// next has f called after the sender's next unit, or when none will come.
func (r *Rules) next(w Wire, u Unit, rule int, wait time.Duration, f func(came bool)) {
	var once sync.Once
	call := func(came bool) {
		once.Do(func() {
			if !came {
				r.report(Applied{rule, w.Conn(), u.ID, NeverCame, nil})
			}
			f(came)
		})
	}
	r.mu.Lock()
	c := r.conns[w.Conn()]
	if c == nil || c.ended[u.From] {
		r.mu.Unlock()
		call(false)
		return
	}
	c.waiting[u.From] = append(c.waiting[u.From], &call)
	r.mu.Unlock()
	w.After(wait, func() {
		r.mu.Lock()
		c.waiting[u.From] = slices.DeleteFunc(c.waiting[u.From], func(other *func(bool)) bool { return other == &call })
		r.mu.Unlock()
		call(false)
	})
}
