package inspect

import (
	"bytes"
	"sync"
)

// A Sender says from whom a unit comes.
type Sender uint8

// The senders.
const (
	FromEither Sender = iota
	FromClient
	FromServer
)

// A Match says which units a rule or a breakpoint is about. The zero value
// matches every unit; each field that is set narrows it.
//
// Type, Message, Epoch and Content ask what a record carries, which is read
// in its sender's view. A record that cannot be read, because its secret is
// not known yet, does not match them; of a unit of another protocol than TLS, which has no
// Epoch, that goes for Content alone.
type Match struct {
	From    Sender
	Record  ContentType // of TLS, as its header says, whatever it carries
	Type    ContentType // of what it carries; ApplicationData: a program's text, in whatever protocol
	Message string      // it completes such a message: "client_hello", as [Message.Name] says; or a unit, as [Record.Name] says
	Epoch   EpochKind   // EpochUnknown: any
	Content []byte      // stands in its clear text
	Nth     int         // of the units that match otherwise, from 1; 0: each of them
}

// reads reports whether m asks for more than the wire shows.
func (m Match) reads() bool {
	return m.Type != 0 || m.Message != "" || m.Epoch != EpochUnknown || len(m.Content) > 0
}

// fits reports whether a unit matches, Nth aside. r is nil if it is no record,
// or was not looked at.
func (m Match) fits(u Unit, r *Record) bool {
	switch {
	case !m.sender(u):
		return false
	case m.Record != 0 && (u.Speaks != nil || notTLS(u.Bytes) != "" || ContentType(u.Bytes[0]) != m.Record):
		return false
	case !m.reads():
		return true
	case r == nil && m.Type == 0 && m.Message == "" && m.Epoch == EpochUnknown && notTLS(u.Bytes) != "":
		return bytes.Contains(u.Bytes, m.Content) // without TLS, everything is in clear
	case r != nil && !r.TLS():
		return m.fitsUnit(r)
	case !r.readable():
		return false
	case m.Type != 0 && r.InnerType != m.Type:
		return false
	case m.Message != "" && !r.completes(m.Message):
		return false
	case m.Epoch != EpochUnknown && r.Epoch.Kind != m.Epoch:
		return false
	}
	return bytes.Contains(r.Plaintext(), m.Content)
}

// fitsUnit is fits for what a unit of another protocol than TLS is.
func (m Match) fitsUnit(r *Record) bool {
	switch {
	case m.Type != 0 && (m.Type != ApplicationData || !r.Text()), m.Message != "" && r.Name() != m.Message, m.Epoch != EpochUnknown:
		return false
	}
	return len(m.Content) == 0 || bytes.Contains(r.Plaintext(), m.Content)
}

func (m Match) sender(u Unit) bool {
	return m.From == FromEither || m.From == FromClient+Sender(u.From)
}

// readable reports whether what a record carries is known.
func (r *Record) readable() bool {
	return r != nil && r.DecidedAt >= 0 && (!r.Encrypted || r.Decrypted)
}

// unreadable reports whether m asks for something that is not known of r.
func (m Match) unreadable(r *Record) bool {
	if r == nil || r.readable() {
		return false
	}
	return r.TLS() || len(m.Content) > 0
}

func (r *Record) completes(message string) bool {
	for _, part := range r.Parts {
		if part.Message != nil && part.Message.Name() == message {
			return true
		}
	}
	return false
}

// A reader reads the units of gated connections in their sender's views. It
// takes in a recording only as far as it is asked to. A record that it hands out
// may be decided by the next reading: look at it with mu held.
type reader struct {
	mu         sync.Mutex
	session    *Session
	omniscient bool // it takes what any side knows for known to both
}

// look calls f with the record that the unit is; with nil if it is none.
func (r *reader) look(w Wire, u Unit, f func(*Record)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.read(w, u))
}

// read returns the record that the unit is; nil if it is none. What waits for
// a secret may be read later. It is called with mu held.
func (r *reader) read(w Wire, u Unit) *Record {
	if r.session == nil || r.session.Recording() != w.Recording() {
		r.session = newSession(w.Recording(), r.omniscient)
	}
	r.session.Extend()
	return r.session.Unit(u.Conn, u.ID)
}
