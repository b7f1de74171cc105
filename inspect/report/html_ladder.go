package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/inspect"
)

// A ladder is one connection as arrows between two lifelines, drawn in units of a pixel.
type ladder struct {
	Width, Height  int
	Client, Server int // where the lifelines stand
	Foot           int // where they end
	Title          string
	Sideways       string // on a screen that it does not fit
	Names          [2]string
	Knows          string
	Gains          bool // some rung has something in its margins
	Rungs          []*rung
	More           string
	Legend         []stroke
}

// A stroke is how the arrows of an epoch are drawn.
type stroke struct{ Class, Name string }

// A rung is one line: an arrow, or word of an end or an error.
type rung struct {
	Number, Box    int
	Last           int // of a run of application data: the number of its last box
	Side           string
	Y, Text, Label int    // of the arrow, and of the text above it; Label is where that begins
	From, To       int    // of the arrow
	Head           string // the points of its head; "" if it never arrived
	Epoch          string // the class of its stroke
	What, Cut      string // whole, and what there is room for
	Rest           string // of what happened: the second line
	Marks          []mark
	Sentence       string
	Knows          [2][]note
	Anchor         string // of the text
	Event          bool   // no arrow
	Sign           string
}

// A note is a line in a margin.
type note struct {
	Y    int
	Text string
}

// The measures of a ladder.
const (
	ladderWidth  = 1000
	ladderMargin = 235
	rungHeight   = 38
	noteHeight   = 14
	labelRoom    = 62 // characters between the lifelines
	eventRoom    = 72 // smaller ones
)

func (p *page) ladder(c *inspect.Connection) *ladder {
	l := &ladder{
		Width: ladderWidth, Client: ladderMargin, Server: ladderWidth - ladderMargin, Title: p.Word("page_ladder_of", "protocol", p.protocol(c)),
		Sideways: p.Word("page_ladder_sideways"),
		Names:    [2]string{p.text.side(inspect.Client), p.text.side(inspect.Server)}, Knows: p.Word("page_knows"),
	}
	gains := gainsOf(c)
	y, seen, left := 46, make(map[string]bool), 0
	var before *inspect.Item // of the latest rung
	for number, i := range p.rows() {
		item := p.session.Items()[i]
		if item.Conn != c.Conn {
			continue
		}
		if before != nil && isBulk(item) && isBulk(*before) && item.Side == before.Side && len(p.marks(item)) == 0 && len(l.Rungs) > 0 && len(l.Rungs[len(l.Rungs)-1].Marks) == 0 {
			l.Rungs[len(l.Rungs)-1].Last = number
			continue
		}
		if len(l.Rungs) == mostRungs {
			left++
			continue
		}
		before = &p.session.Items()[i]
		r := p.rung(l, item, number, y)
		for side := range r.Knows {
			for n, secret := range gains(item, inspect.Side(side)) {
				r.Knows[side] = append(r.Knows[side], note{r.Y - 4 + n*noteHeight, inspect.Safe(secret)})
			}
		}
		l.Gains = l.Gains || len(r.Knows[0])+len(r.Knows[1]) > 0
		l.Rungs = append(l.Rungs, r)
		seen[r.Epoch] = true
		y += max(rungHeight, max(len(r.Knows[0]), len(r.Knows[1]))*noteHeight+rungHeight/2)
	}
	if len(l.Rungs) == 0 {
		return nil
	}
	for _, r := range l.Rungs {
		if r.Last > 0 {
			r.What = p.Word("page_run", "from", r.Number, "to", r.Last) + " " + r.What
			r.Cut = shortened(r.What, labelRoom)
		}
	}
	if left > 0 {
		l.More = p.Word("page_more_rungs", "count", left)
	}
	l.Foot, l.Height = y-8, y
	for _, s := range []stroke{
		{"clear", p.Word("tui_epoch_clear")},
		{"early", p.epochKeys("tui_epoch_early")},
		{"handshake", p.epochKeys("tui_epoch_handshake")},
		{"application", p.epochKeys("tui_epoch_application")},
		{"encrypted", p.Word("unit_encrypted")},
	} {
		if seen[s.Class] {
			l.Legend = append(l.Legend, s)
		}
	}
	return l
}

func (p *page) epochKeys(id string) string { return p.Word("tui_epoch_keys", "epoch", p.Word(id)) }

// isBulk reports whether an item is application data, of which many records in a row share an arrow.
func isBulk(item inspect.Item) bool {
	return item.Kind == inspect.RecordItem && item.Lane == inspect.Sent && item.Record.TLS() && item.Record.InnerType == inspect.ApplicationData
}

func (p *page) rung(l *ladder, item inspect.Item, number, y int) *rung {
	r := &rung{Number: number, Box: number, Side: p.sideOf(item), Y: y + 20, Text: y + 13, Marks: p.marks(item), Sentence: p.text.sentence(p.session, item)}
	unknown := p.session.Connections()[item.Conn].Opening.SenderUnknown
	if item.Kind != inspect.RecordItem && item.Kind != inspect.BytesItem || unknown {
		r.Event, r.Sign = true, map[inspect.ItemKind]string{inspect.ErrorItem: "✗", inspect.ClosedItem: "■", inspect.GapItem: "┄"}[item.Kind]
		if r.Sign == "" {
			r.Sign = "□"
		}
		r.What, r.From, r.Label, r.Anchor = r.Sentence, l.Client, l.Client+16, "start"
		if item.Side == inspect.Server {
			r.From, r.Label, r.Anchor = l.Server, l.Server-16, "end"
		}
		if p.sideOf(item) == "" {
			r.What, r.Sign = r.Sign+" "+r.What, ""
			r.Label, r.Anchor = (l.Client+l.Server)/2, "middle"
		}
		r.Cut, r.Rest = twoLines(r.What, eventRoom)
		return r
	}
	r.Label, r.Anchor = (l.Client+l.Server)/2, "middle"
	p.shaft(l, r, item)
	r.What, r.Epoch = p.Word("tui_bytes"), "clear"
	if item.Kind == inspect.RecordItem {
		r.What, r.Epoch = p.boxName(item), strokeOf(item.Record)
	}
	r.Cut = shortened(r.What, labelRoom-12*len(r.Marks))
	return r
}

// shaft says from where to where an arrow goes: what was taken off the wire has not arrived, and what was put on it begins there.
func (p *page) shaft(l *ladder, r *rung, item inspect.Item) {
	from, to, step := l.Client, l.Server, 1
	if item.Side == inspect.Server {
		from, to, step = l.Server, l.Client, -1
	}
	far := (l.Server - l.Client) / 4
	lost := false
	switch {
	case len(r.Marks) == 0:
	case item.Lane == inspect.Sent, item.Record != nil && item.Record.Verdict == inspect.VerdictDropped:
		lost, to = true, to-step*far
	case item.Record != nil && item.Record.Verdict != inspect.VerdictUnreadable:
		from += step * far
	}
	r.From, r.To = from, to
	if lost {
		return
	}
	r.To = to - step*9
	r.Head = points(to, r.Y, to-step*10, r.Y-5, to-step*10, r.Y+5)
}

// strokeOf is the class of an arrow: which keys protect the record.
func strokeOf(r *inspect.Record) string {
	switch {
	case !r.TLS() && r.Encrypted:
		return "encrypted"
	case !r.TLS():
		return "clear"
	}
	switch r.Epoch.Kind {
	case inspect.EpochClear:
		return "clear"
	case inspect.EpochEarly:
		return "early"
	case inspect.EpochHandshake:
		return "handshake"
	case inspect.EpochApplication:
		return "application"
	}
	return "encrypted"
}

// twoLines breaks a text at a space where it is longer than a line.
func twoLines(text string, room int) (first, rest string) {
	if utf8.RuneCountInString(text) <= room {
		return text, ""
	}
	head := string([]rune(text)[:room+1])
	at := strings.LastIndex(head, " ")
	if at <= 0 {
		return shortened(text, room), ""
	}
	return text[:at], shortened(text[at+1:], room)
}

func shortened(text string, room int) string {
	if utf8.RuneCountInString(text) <= room {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:room-1]), " ") + "…"
}

// gainsOf returns what each side can compute from an item on, where that is more than before.
func gainsOf(c *inspect.Connection) func(item inspect.Item, side inspect.Side) []string {
	var gains [2][]inspect.Gain
	for side := range gains {
		gains[side] = c.View(inspect.Side(side)).Gains(inspect.Side(side))
	}
	return func(item inspect.Item, side inspect.Side) (secrets []string) {
		if item.Kind != inspect.RecordItem || item.Lane != item.Record.Lane {
			return nil
		}
		for i, gain := range gains[side] {
			if gain.Message == nil || !carries(c, item, gain.Message) {
				continue
			}
			secrets = append(secrets, gain.Secrets...)
			gains[side][i].Message = nil // told once
		}
		return secrets
	}
}

// carries reports whether an item is where a message stands: its own record, or the sent one if it arrived as it was sent.
func carries(c *inspect.Connection, item inspect.Item, m *inspect.Message) bool {
	switch r := m.Record; {
	case r == nil:
		return false
	case r == item.Record:
		return true
	case r.Lane == inspect.Received && r.Verdict == inspect.VerdictNone && item.Lane == inspect.Sent && r.Side == item.Side:
		return c.Crossing(r).Sent == item.Record
	}
	return false
}

func points(coordinates ...int) string {
	var text strings.Builder
	for i := 0; i+1 < len(coordinates); i += 2 {
		fmt.Fprintf(&text, "%d,%d ", coordinates[i], coordinates[i+1])
	}
	return strings.TrimSpace(text.String())
}
