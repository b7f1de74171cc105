package report

import (
	"fmt"
	"io"
	"time"

	"example.com/tlslab/inspect"
)

// A Writer prints the items of one session, in their order, while it grows.
// An item that is not decided yet holds back those after it: of JSON lines all
// of them, of text those of its own connection, so that a client that hangs
// costs the others nothing. It is not safe for concurrent use.
type Writer struct {
	out      io.Writer
	item     func(s *inspect.Session, i int) []byte
	begin    func(s *inspect.Session) []byte               // what comes before the first item; may be nil
	late     func(s *inspect.Session, unread []int) []byte // of items that were printed before a secret for them came; may be nil
	end      func(s *inspect.Session) []byte               // what comes after the last one; may be nil
	live     bool                                          // connections are printed apart, and alerts when their connection has ended
	patience time.Duration                                 // after which a record is printed as it stands; 0 is none
	begun    bool
	over     bool
	next     int   // item that has not been looked at
	held     []int // items that have, in order
	unread   []int // items that were printed and could not be read
	ended    map[sender]bool
	err      error
}

// A sender is one side of one connection.
type sender struct {
	conn int
	side inspect.Side
}

// Waits reports whether something is held back.
func (w *Writer) Waits() bool { return len(w.held) > 0 }

// Extend prints what is decided; the caller has extended the session. All
// calls must be given the same session. An error stays: later calls return
// it again.
func (w *Writer) Extend(s *inspect.Session) error { return w.print(s, false) }

// Close prints the rest of the session, which it ends. Nothing is printed after.
func (w *Writer) Close(s *inspect.Session) error {
	if w.over {
		return w.err
	}
	w.over = true
	s.End()
	w.print(s, true)
	w.again(s)
	if w.end != nil {
		w.write(w.end(s))
	}
	return w.err
}

func (w *Writer) print(s *inspect.Session, all bool) error {
	if !w.begun && (all || s.Recording().Len() > 0) {
		w.begun = true
		if w.begin != nil {
			w.write(w.begin(s))
		}
	}
	w.look(s.Items())
	blocked := make(map[int]bool) // connections; all of them have the number every
	const every = -1
	left := w.held[:0]
	for _, i := range w.held {
		item := s.Items()[i]
		group := every
		if w.live {
			group = item.Conn
		}
		if blocked[group] || !all && !w.decided(s, item) {
			blocked[group] = true
			left = append(left, i)
			continue
		}
		w.write(w.item(s, i))
		if w.late != nil && !all && isUnread(item) {
			w.unread = append(w.unread, i)
		}
	}
	w.held = left
	return w.err
}

// again prints what can be read by now, and could not be when it was printed.
func (w *Writer) again(s *inspect.Session) {
	var now []int
	for _, i := range w.unread {
		if !isUnread(s.Items()[i]) {
			now = append(now, i)
		}
	}
	if len(now) > 0 {
		w.write(w.late(s, now))
	}
}

// isUnread reports whether an item is a record that may yet be read, once a secret comes.
func isUnread(item inspect.Item) bool {
	r := item.Record
	return item.Kind == inspect.RecordItem && !wasDropped(item) && (r.DecidedAt < 0 || r.Encrypted && !r.Decrypted)
}

// look takes in new items.
func (w *Writer) look(items []inspect.Item) {
	if w.ended == nil {
		w.ended = make(map[sender]bool)
	}
	for ; w.next < len(items); w.next++ {
		w.held = append(w.held, w.next)
		if item := items[w.next]; item.Kind == inspect.ClosedItem {
			w.ended[sender{item.Conn, item.Side}] = true
		}
	}
}

// decided reports whether an item will stay as it is: a record has been read,
// a run of bytes has come to its end. That an alert could not be delivered may
// become known after its connection has ended; text takes no notice of that.
func (w *Writer) decided(s *inspect.Session, item inspect.Item) bool {
	own, peer := w.ended[sender{item.Conn, item.Side}], w.ended[sender{item.Conn, item.Side.Peer()}]
	switch item.Kind {
	case inspect.RecordItem:
		return item.Record.DecidedAt >= 0 || w.patience > 0 && time.Since(item.Time) > w.patience
	case inspect.AlertItem:
		return w.live && own && peer
	case inspect.BytesItem, inspect.GapItem:
		_, over := s.Run(item, s.Recording().Len())
		return over || own
	}
	return true
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.out.Write(b); err != nil {
		w.err = fmt.Errorf("printing a session: %w", err)
	}
}

// run returns the bytes of a BytesItem, as far as they have come, and their
// number; the bytes are nil if they were let go.
func run(s *inspect.Session, item inspect.Item) ([]byte, int64) {
	last := s.Recording().Len() - 1
	length, _ := s.Run(item, last)
	return s.Bytes(item, last), length
}

// missing returns how many bytes a GapItem stands for.
func missing(s *inspect.Session, item inspect.Item) int64 {
	length, _ := s.Run(item, s.Recording().Len()-1)
	return length
}

// wasDropped reports whether an item of a received lane stands for a record
// that never got there: then its Record is the sent one.
func wasDropped(item inspect.Item) bool {
	return item.Lane == inspect.Received && item.Record.Lane == inspect.Sent
}

// headerLength is how long a record's header is (RFC 8446 section 5.1).
const headerLength = 5

// contentStart returns the offset of a record's content within the record.
func contentStart(root inspect.Field) int {
	if nonce, ok := root.Find("record.nonce_explicit"); ok {
		return nonce.End()
	}
	return headerLength
}

// within returns the fields that lie within n bytes from an offset on.
func within(fields []inspect.Field, from, n int) []inspect.Field {
	var found []inspect.Field
	for _, f := range fields {
		if f.Offset >= from && f.End() <= from+n {
			found = append(found, f)
		}
	}
	return found
}
