package report

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// A chapter is about one connection.
type chapter struct {
	Conn      int // from 1 on
	Title     string
	Facts     []fact
	Story     []told // alerts, errors, ends: what became of it
	Noticed   string // where a gate was: who noticed something
	Parting   []string
	Accounts  []account
	Ladder    *ladder
	Proofs    []proofGroup
	Schedules []schedule
}

type fact struct{ Name, Value string }

// A told sentence, and the box that it is about; 0 if none.
type told struct {
	Text string
	Box  int
	row  int // that it has, or stands behind
}

// An account is what an endpoint made of a connection.
type account struct {
	Side string
	List []string
}

// Chapters are made one by one.
func (p *page) Chapters() iter.Seq[*chapter] {
	return func(yield func(*chapter) bool) {
		for i, c := range p.session.Connections() {
			if i == mostChapter || !yield(p.chapter(c)) {
				return
			}
		}
	}
}

// Contents lists the chapters.
func (p *page) Contents() (list []entry) {
	for i, c := range p.session.Connections() {
		if i == mostChapter {
			break
		}
		list = append(list, entry{fmt.Sprintf("c%d", i+1), p.chapterTitle(c)})
	}
	return list
}

// An entry of the table of contents.
type entry struct{ ID, Title string }

func (p *page) chapterTitle(c *inspect.Connection) string {
	if len(p.session.Connections()) > 1 {
		return p.Word("report_connection", "conn", c.Conn+1) + ": " + p.protocol(c)
	}
	return p.protocol(c)
}

// MoreChapters says how many connections have none; "" if all do.
func (p *page) MoreChapters() string {
	if left := len(p.session.Connections()) - mostChapter; left > 0 {
		return p.Word("page_more_chapters", "count", left)
	}
	return ""
}

func (p *page) chapter(c *inspect.Connection) *chapter {
	ch := &chapter{
		Conn: c.Conn + 1, Title: p.chapterTitle(c), Facts: p.facts(c), Story: p.story(c),
		Ladder: p.ladder(c), Proofs: p.proofs(c), Schedules: p.schedules(c),
	}
	if !c.Opening.Gated {
		return ch
	}
	ch.Noticed = p.Word("page_noticed_nobody")
	if notice, ok := c.Noticed(p.last); ok {
		ch.Noticed = p.Word("page_noticed", "side", p.text.side(notice.Side))
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		ch.Accounts = append(ch.Accounts, account{p.text.side(side), p.text.account(c, side, p.last)})
	}
	ch.Parting = p.parting(c)
	return ch
}

// protocol says what a connection speaks.
func (p *page) protocol(c *inspect.Connection) string {
	if name := c.Opening.Protocol; name != "" && name != inspect.ProtocolTLS {
		return p.Word("unit_protocol", "protocol", inspect.Safe(name))
	}
	if version := c.View(inspect.Client).State(p.last).Version; version != 0 {
		return inspect.VersionName(version)
	}
	return "TLS"
}

// facts are what was agreed on.
func (p *page) facts(c *inspect.Connection) (facts []fact) {
	put := func(id, value string) {
		if value != "" {
			facts = append(facts, fact{p.Word(id), inspect.Safe(value)})
		}
	}
	for side, addr := range c.Opening.Addr {
		if strings.Contains(addr, ":") { // the ends of a pipe have names
			put([...]string{"page_client_at", "page_server_at"}[side], addr)
		}
	}
	state := c.View(inspect.Client).State(p.last)
	if state.Suite != 0 {
		put("page_suite", inspect.SuiteName(state.Suite))
	}
	if state.Group != 0 {
		put("page_group", inspect.GroupName(state.Group))
	}
	put("page_server_name", state.ServerName)
	put("tui_alpn", state.Protocol)
	put("page_certificate", state.ServerSubject)
	put("page_client_certificate", state.ClientSubject)
	if state.Resumed {
		put("page_resumed", p.Word("page_yes"))
	}
	if state.HelloRetry {
		put("page_retry", p.Word("page_yes"))
	}
	switch state.ECH {
	case inspect.ECHAccepted:
		put("tui_ech", p.Word("tui_ech_accepted", "name", state.PublicName))
	case inspect.ECHRejected:
		put("tui_ech", p.Word("tui_ech_rejected"))
	case inspect.ECHGrease:
		put("tui_ech", p.Word("tui_ech_grease"))
	case inspect.ECHNotOffered:
	default:
		put("tui_ech", p.Word("tui_ech_offered"))
	}
	return facts
}

// story tells alerts, errors and ends, in the order of the rows: an alert may be read long after it was sent.
func (p *page) story(c *inspect.Connection) (story []told) {
	const most = 40
	boxes := make(map[*inspect.Record]int)
	number := 0
	for _, item := range p.session.Items() {
		if item.HasRow() {
			number++
		}
		if item.Conn != c.Conn || len(story) == most {
			continue
		}
		switch item.Kind {
		case inspect.RecordItem:
			if item.Record.InnerType == inspect.Alert && item.HasRow() {
				boxes[item.Record] = number
			}
		case inspect.AlertItem:
			if item.Lane == inspect.Sent {
				story = append(story, told{p.text.sentence(p.session, item), boxes[item.Record], cmp.Or(boxes[item.Record], number)})
			}
		case inspect.ErrorItem, inspect.ClosedItem, inspect.SilenceItem, inspect.PrintedItem, inspect.NoteItem, inspect.ExpiredItem:
			at := number
			if !item.HasRow() {
				at = 0
			}
			story = append(story, told{p.text.sentence(p.session, item), at, number})
		}
	}
	slices.SortStableFunc(story, func(a, b told) int { return a.row - b.row })
	return story
}

// parting says at which message the transcripts of both sides part, and the secrets with them.
func (p *page) parting(c *inspect.Connection) (lines []string) {
	parting := c.Parting(p.last)
	first := parting.First()
	if first < 0 {
		return nil
	}
	step := parting.Steps[first]
	client, server := step.Messages[inspect.Client], step.Messages[inspect.Server]
	switch {
	case client == nil || server == nil:
		return nil
	case client.Name() != server.Name() || client.Side != server.Side:
		return []string{p.Word("wire_parts_messages", "n", first+1, "client", structName(client.Name()), "server", structName(server.Name()))}
	}
	const most = 3
	var fields []string
	for _, pair := range step.Differences() {
		if fields = append(fields, inspect.Safe(pair[0].Name)); len(fields) == most {
			fields = append(fields, "…")
			break
		}
	}
	lines = append(lines, p.Word("wire_parts", "n", first+1, "message", structName(client.Name()), "fields", strings.Join(fields, ", ")))
	var labels []string
	for _, pair := range parting.Secrets {
		if pair.Secrets[inspect.Client] != nil && pair.Secrets[inspect.Server] != nil && !pair.Same() {
			labels = append(labels, inspect.Safe(pair.Label))
		}
	}
	if labels != nil {
		lines = append(lines, p.Word("wire_parts_secrets", "labels", strings.Join(labels, ", ")))
	}
	return lines
}
