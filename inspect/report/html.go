package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// How much of a session a page shows. Whoever needs all of it takes the JSON lines.
const (
	wholeBoxes  = 200     // by default: boxes with their bytes and fields
	mostBoxes   = 10_000  // boxes in all; those after the whole ones are a line each
	mostChapter = 20      // connections that have a chapter of their own: the ladder, the proofs, the key schedule
	mostRungs   = 100     // arrows of a ladder
	mostShown   = 4 << 10 // bytes of each hex dump
	mostNodes   = 1_500   // fields of each tree
	mostRounds  = 4       // handshakes of one connection whose key schedules are shown
)

// HTML tells a session as one page that needs nothing else: no request, no
// other file. Every row of the streams is a box that opens; inside, its bytes in clear and as sent,
// each field marked and explained, and what protects it, computed. Before the
// boxes each connection has what was agreed on, what became of it, its ladder, its
// proofs and its key schedule.
//
// What was captured is text in it and nothing more, whatever it says. A policy in the page
// (CSP) forbids it to load or run anything but its own style and script, and it
// shows everything without the script.
//
// The page holds clear text, secrets and keys; see NoSecrets. Its size is bounded: of 10,000
// rows the first Whole are shown in full, each with at most 4,096 bytes of a dump, the others are a
// line each; the first 20 connections have a chapter. What is left out is said.
// It is written box by box: in memory there is one at a time, besides the session.
//
// The zero value speaks English.
type HTML struct {
	Say       *docs.Sentences // the language; nil is English
	Title     string          // what the page calls the session; captured text will do
	NoSecrets bool            // secrets, keys and what gives them away are left out; clear text stays, unless it is a key
	Whole     int             // how many boxes have their bytes and fields; 0 means 200
}

// Write writes the page of a session, which it ends. The same session gives
// the same bytes.
func (h HTML) Write(out io.Writer, s *inspect.Session) error {
	s.End()
	p := &page{HTML: h, text: Text{Say: h.Say}, session: s, last: s.Recording().Len() - 1}
	if p.Whole <= 0 {
		p.Whole = wholeBoxes
	}
	p.fates = fatesOf(s)
	buffered := bufio.NewWriterSize(out, 1<<16)
	if err := pageTemplate().Execute(buffered, p); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

var pageTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

// A page is what its template asks for.
type page struct {
	HTML
	text     Text
	session  *inspect.Session
	last     int // event
	fates    map[int]inspect.EventKind
	secrets  map[int][][]byte                  // by connection: what nobody may see
	verified map[[2]int][]inspect.Verification // by connection and side
}

// Style and Script are this package's own, not captured.

func (p *page) Style() template.CSS { return template.CSS(pageStyle) }
func (p *page) Script() template.JS { return template.JS(pageScript) }

// Policy allows the page its own style and script, by their hashes, and nothing else.
func (p *page) Policy() string {
	return "default-src 'none'; style-src " + source(pageStyle) + "; script-src " + source(pageScript) + "; base-uri 'none'; form-action 'none'"
}

func source(text string) string {
	hash := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// Lang is what the page is written in.
func (p *page) Lang() string { return p.text.Say.Lang() }

// Word says a sentence of the page.
func (p *page) Word(id string, pairs ...any) string { return p.text.Say.Say(id, pairs...) }

// Heading is the page's title.
func (p *page) Heading() string {
	if p.Title == "" {
		return p.Word("page_title")
	}
	return inspect.Safe(p.Title)
}

// Lead says in a sentence what there is.
func (p *page) Lead() string {
	rows := 0
	for range p.rows() {
		rows++
	}
	lead := p.Word("page_lead_connections", "count", len(p.session.Connections())) + " " + p.Word("page_lead_rows", "count", rows)
	if len(p.session.Connections()) == 0 {
		return p.Word("page_lead_nothing")
	}
	if at := p.session.Recording().At(0).Time; isKnown(at) {
		lead += " " + p.Word("page_lead_time", "time", at.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return lead
}

// Caution says in a line whether the page holds secrets; "" if there are none.
func (p *page) Caution() string {
	switch {
	case !hasSecrets(p.session.Recording()):
		return ""
	case p.NoSecrets:
		return p.Word("page_no_secrets")
	}
	return p.Word("page_secrets")
}

func hasSecrets(r *inspect.Recording) bool {
	for event := range r.Events(0) {
		if event.Kind == inspect.Secret {
			return true
		}
	}
	return false
}
