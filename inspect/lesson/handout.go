package lesson

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
)

// Handout goes through a lesson without a student, and writes it as one HTML
// page made for printing: prose, what crossed the wire, the bytes that are to be
// looked at, the exercises with room for answers, and the right answers at the
// end. If it is blank, what only a session knows is left for a student to fill
// in, and so is what an exercise asks for, up to the end of its page; there are
// no answers.
//
// Nothing captured gets into the page but as text. If a step could not be done
// the error is a *[StepError]; if something that the lesson says is not so, it
// is a *[ClaimError].
func (c *Course) Handout(ctx context.Context, l *Lesson, blank bool, out io.Writer) error {
	s := c.Begin(ctx, l)
	defer s.Close()
	h := &handout{
		Lang: docs.For(c.Lang).Lang(), Title: drawn(l.Title), Blank: blank, Words: handoutWordsOf(docs.For(c.Lang)), say: docs.For(c.Lang),
	}
	if l.Minutes > 0 {
		h.Length = h.say.Say("handout_minutes", "count", l.Minutes)
	}
	for _, page := range l.Pages {
		h.Pages = append(h.Pages, &handoutPage{Title: drawn(page.Title)})
	}
	for {
		stop, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for _, check := range stop.Checks {
			if !check.OK {
				return &ClaimError{l.Name, check}
			}
		}
		h.take(stop)
	}
	if blank {
		h.conceal(s)
	} else {
		h.answers(s.attempts)
	}
	return handoutPaper.Execute(out, h)
}

// A ClaimError says what a lesson says that is not so.
type ClaimError struct {
	Lesson string
	Check  Check
}

func (e *ClaimError) Error() string {
	return fmt.Sprintf("%s, line %d: %s: %s", e.Lesson, e.Check.Line, inspect.Safe(e.Check.Text), inspect.Safe(e.Check.Got))
}

//go:embed handout.html
var handoutText string

var handoutPaper = html.Must(html.New("handout").Parse(handoutText))

// A handout is what stands on paper.
type handout struct {
	Lang, Title, Length string
	Blank               bool
	Words               handoutWords
	Pages               []*handoutPage
	Answers             []handoutAnswer

	say     *docs.Sentences
	session *inspect.Session
	told    int    // items of the session
	doing   []Step // what leads to the next stop
	asked   []*Question
}

type handoutPage struct {
	Title  string
	Pieces []handoutPiece
}

// A handoutPiece is one of its fields.
type handoutPiece struct {
	Steps    []handoutBlock
	Records  []handoutRecord
	Look     *handoutLook
	Block    *handoutBlock
	Question *handoutQuestion
}

type handoutRecord struct {
	Number     int
	Connection string // "" for the first
	FromClient bool
	What       string
	Mark       string // how it came to be there, if nobody sent it so
	Size       int
}

type handoutBlock struct {
	Item, Note bool
	Spans      []handoutSpan
}

type handoutSpan struct {
	Text                   string
	Strong, Emphasis, Code bool
	Claimed                bool // a template has it
	Room                   int  // for what is to be filled in, in characters; 0 for text
}

// blank leaves room for what the span says.
func (s *handoutSpan) blank() {
	const least, most = 4, 60
	s.Text, s.Room = "", min(max(utf8.RuneCountInString(s.Text), least), most)
}

type handoutLook struct {
	About string
	Lines []handoutLine
	More  string // of bytes that are left out
}

// A handoutLine is one of sixteen bytes.
type handoutLine struct {
	Offset  string
	Cells   []handoutCell
	Missing []struct{} // cells behind the last byte
	ASCII   []handoutCell
}

type handoutCell struct {
	Text   string
	Marked bool
}

type handoutQuestion struct {
	Number  int
	Predict bool
	Text    []handoutBlock
	Choices []handoutBlock
	Lines   []struct{} // to write on
}

type handoutAnswer struct {
	Number   int
	Expected string
	Why      handoutBlock
}

// handoutWords are what stands on every handout.
type handoutWords struct {
	Name, Date, Done, Wire, Client, Server, Bytes, Question, Predict, Answers string
}

func handoutWordsOf(s *docs.Sentences) handoutWords {
	return handoutWords{
		Name: s.Say("handout_name"), Date: s.Say("handout_date"), Done: s.Say("handout_done"), Wire: s.Say("handout_wire"),
		Client: s.Say("handout_client"), Server: s.Say("handout_server"), Bytes: s.Say("handout_bytes"),
		Question: s.Say("handout_question"), Predict: s.Say("handout_predict"), Answers: s.Say("handout_answers"),
	}
}

// take puts on paper what is new at a stop.
func (h *handout) take(stop *Stop) {
	page := h.Pages[stop.Page]
	add := func(p handoutPiece) { page.Pieces = append(page.Pieces, p) }
	if len(h.doing) > 0 {
		var steps []handoutBlock
		for _, step := range h.doing {
			steps = append(steps, h.spans([]Span{{Text: step.Text}}))
		}
		add(handoutPiece{Steps: steps})
	}
	h.doing = stop.Next
	if records := h.records(stop); len(records) > 0 {
		add(handoutPiece{Records: records})
	}
	if stop.Look != nil {
		add(handoutPiece{Look: h.look(stop.Look)})
	}
	for _, block := range stop.Blocks[stop.New:] {
		set := h.block(block)
		add(handoutPiece{Block: &set})
	}
	if stop.Question != nil {
		h.asked = append(h.asked, stop.Question)
		add(handoutPiece{Question: h.question(stop.Question)})
	}
}

// records are those that were sent since the stop before, and those that arrived
// as nobody sent them.
func (h *handout) records(stop *Stop) (all []handoutRecord) {
	if stop.Recording == nil {
		return nil
	}
	if h.session == nil || h.session.Recording() != stop.Recording {
		h.session, h.told = inspect.NewSession(stop.Recording), 0
	}
	h.session.Extend()
	for items := h.session.Items(); h.told < len(items) && items[h.told].Event < stop.Event; h.told++ {
		item := items[h.told]
		if item.Kind != inspect.RecordItem || item.Lane == inspect.Received && item.Record.Verdict == inspect.VerdictUnreadable {
			continue // the latter crossed as it was sent
		}
		record := handoutRecord{Number: h.told + 1, FromClient: item.Side == inspect.Client, What: h.holds(item.Record), Size: len(item.Record.Raw())}
		switch {
		case item.Record.Verdict == inspect.VerdictInjected:
			record.Mark = h.say.Say("handout_injected")
		case item.Lane == inspect.Received:
			record.Mark = h.say.Say("handout_received")
		}
		if item.Conn > 0 {
			record.Connection = h.say.Say("handout_connection", "conn", item.Conn+1)
		}
		all = append(all, record)
	}
	return all
}

// holds names a record, and what it holds in clear.
func (h *handout) holds(r *inspect.Record) string {
	if !r.TLS() {
		return h.say.Unit(r.Name())
	}
	var parts []string
	for _, part := range r.Parts {
		if part.Message != nil {
			parts = append(parts, part.Message.Name())
		}
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case r.Decrypted:
		return r.InnerType.String()
	}
	return r.Name()
}

func (h *handout) block(b Block) handoutBlock {
	set := handoutBlock{Item: b.Kind == Item, Note: b.Kind == Note}
	for _, span := range b.Spans {
		text := handoutSpan{Text: drawn(span.Text), Strong: span.Style == Strong, Emphasis: span.Style == Emphasis, Code: span.Style == Code, Claimed: span.Claimed}
		if h.Blank && span.Computed && !span.Claimed {
			text.blank()
		}
		set.Spans = append(set.Spans, text)
	}
	return set
}

func (h *handout) spans(all []Span) handoutBlock { return h.block(Block{Spans: all}) }

func (h *handout) question(q *Question) *handoutQuestion {
	set := &handoutQuestion{Number: len(h.asked), Predict: q.Predict}
	for _, block := range q.Text {
		set.Text = append(set.Text, h.block(block))
	}
	for _, choice := range q.Choices {
		set.Choices = append(set.Choices, h.spans(choice.Label))
	}
	if len(q.Choices) == 0 {
		set.Lines = make([]struct{}, 2)
	}
	return set
}

// handoutBytes is how many bytes are printed of what is to be looked at, with
// what stands around it.
const handoutBytes = 12 * 16

// look prints the bytes around a field, and marks it.
func (h *handout) look(look *Look) *handoutLook {
	if h.Blank {
		return h.blankLook(look)
	}
	f := look.Field
	set := &handoutLook{About: h.about(look)}
	from := max(0, f.Offset-16) / 16 * 16
	end := min(len(look.Bytes), max(f.End()+15, from)/16*16+16, from+handoutBytes)
	for _, line := range inspect.HexDump(look.Bytes[from:end], from, 16) {
		row := handoutLine{Offset: fmt.Sprintf("%04x", line.Offset), Missing: make([]struct{}, 16-len(line.Bytes))}
		for i, b := range line.Bytes {
			marked := line.Offset+i >= f.Offset && line.Offset+i < f.End()
			row.Cells = append(row.Cells, handoutCell{inspect.HexCell(b), marked})
			row.ASCII = append(row.ASCII, handoutCell{inspect.ASCIICell(b), marked})
		}
		set.Lines = append(set.Lines, row)
	}
	if end < len(look.Bytes) {
		set.More = h.say.Say("handout_more", "size", h.say.Say("handout_size", "count", len(look.Bytes)-end))
	}
	return set
}

// about says what is to be looked at: a record, or a field of it.
func (h *handout) about(look *Look) string {
	f := look.Field
	size := h.say.Say("handout_size", "count", f.Length)
	id := "handout_look_unit"
	switch {
	case look.Message:
		id = "handout_look_message"
	case f.Length == len(look.Bytes):
		return h.say.Say("handout_look_whole", "name", h.holds(look.Record), "size", size)
	case look.Record.TLS():
		id = "handout_look_record"
	}
	return h.say.Say(id, "name", drawn(f.Name), "from", f.Offset, "size", size)
}

// blankLook has a box for each byte of a field, up to two lines, and nothing that
// is so in one session alone.
func (h *handout) blankLook(look *Look) *handoutLook {
	name := drawn(look.Field.Name)
	if !look.Message && look.Field.Length == len(look.Bytes) {
		name = h.holds(look.Record)
	}
	set := &handoutLook{About: h.say.Say("handout_look_blank", "name", name)}
	for left := min(look.Field.Length, 32); left > 0; left -= 16 {
		row := handoutLine{Cells: make([]handoutCell, min(left, 16))}
		for i := range row.Cells {
			row.Cells[i].Marked = true
		}
		set.Lines = append(set.Lines, row)
	}
	return set
}

// conceal leaves room for what the exercises ask for, which a lesson may say
// before it asks, or once it is known: where it is told on the page of the exercise,
// and, unless it is so short that it may well be something else, on the pages
// before. Of a choice it is left out from the exercise to the end of its page:
// the choices have the same words. What the question itself tells is for the student.
func (h *handout) conceal(s *Sitting) {
	for i, attempt := range s.attempts {
		question := h.asked[i]
		right := s.asked[question.Exercise].right
		if len(question.Choices) > 0 {
			h.Pages[attempt.Page].concealChoice(i+1, right)
			continue
		}
		is := func(text string) bool {
			return slices.ContainsFunc(right, func(v Value) bool { return v.accepts(text) })
		}
		for n, page := range h.Pages[:attempt.Page+1] {
			least := 1
			if n < attempt.Page {
				least = 3
			}
			for _, piece := range page.Pieces {
				if piece.Question == nil || piece.Question.Number != i+1 {
					piece.conceal(is, least)
				}
			}
		}
	}
}

// concealChoice leaves room, behind an exercise, for the choice that is right: in
// templates, and, if it is a name or bytes that can hardly be something else,
// wherever it stands.
func (p *handoutPage) concealChoice(number int, right []Value) {
	behind := slices.IndexFunc(p.Pieces, func(p handoutPiece) bool { return p.Question != nil && p.Question.Number == number }) + 1
	is := func(text string) bool {
		return slices.ContainsFunc(right, func(v Value) bool { return v.accepts(text) })
	}
	isName := func(text string) bool { return strings.ContainsAny(text, "_-") && is(text) }
	for _, piece := range p.Pieces[behind:] {
		for _, block := range piece.blocks() {
			for i := range block.Spans {
				span := &block.Spans[i]
				if span.Claimed && (is(span.Text) || slices.ContainsFunc(right, func(v Value) bool { return hasBytes(span.Text, v) })) {
					span.blank()
				}
			}
			block.conceal(isName, 4)
		}
	}
}

// hasBytes reports whether the value's bytes, more than one, stand in a text.
func hasBytes(text string, v Value) bool {
	pairs := v.String()
	if v.Bytes != nil {
		pairs = hexPairs(v.Bytes)
	}
	return aRunOfBytes.MatchString(pairs) && strings.Contains(text, pairs)
}

var aRunOfBytes = regexp.MustCompile(`^[0-9a-f]{2}( [0-9a-f]{2})+$`)

// conceal leaves room in a piece for what is the answer, if that has so many characters.
func (p *handoutPiece) conceal(is func(string) bool, least int) {
	for _, block := range p.blocks() {
		block.conceal(is, least)
	}
}

// blocks are the text of a piece, but for choices.
func (p *handoutPiece) blocks() (blocks []*handoutBlock) {
	for i := range p.Steps {
		blocks = append(blocks, &p.Steps[i])
	}
	if p.Block != nil {
		blocks = append(blocks, p.Block)
	}
	if p.Question != nil {
		for i := range p.Question.Text {
			blocks = append(blocks, &p.Question.Text[i])
		}
	}
	return blocks
}

// aWord is what stands between spaces and quotes, without the stop behind it.
var aWord = regexp.MustCompile(`[^\s"“”«»()]*[^\s"“”«»().,;:?!]`)

// conceal leaves room for spans, and for words of them, that are the answer.
func (b *handoutBlock) conceal(is func(string) bool, least int) {
	var spans []handoutSpan
	for _, span := range b.Spans {
		if span.Room == 0 && utf8.RuneCountInString(span.Text) >= least && is(span.Text) {
			span.blank()
		}
		at := 0
		for _, word := range aWord.FindAllStringIndex(span.Text, -1) {
			text := span.Text[word[0]:word[1]]
			short := 4 // "um" may be a number, and may not
			if least > 1 && literalValue(text).Numeric {
				short = len(text) + 1 // nor need "first" be one, on another page
			}
			if strings.ContainsAny(text, "0123456789") {
				short = least
			}
			if utf8.RuneCountInString(text) >= short && is(text) {
				before, room := span, span
				before.Text, room.Text = span.Text[at:word[0]], text
				room.blank()
				spans, at = append(spans, before, room), word[1]
			}
		}
		if span.Text = span.Text[at:]; span.Text != "" || span.Room > 0 {
			spans = append(spans, span)
		}
	}
	b.Spans = spans
}

// answers puts down what is right. A choice stands as it is read.
func (h *handout) answers(attempts []*Attempt) {
	for i, a := range attempts {
		expected := drawn(a.Expected)
		for _, choice := range h.asked[i].Choices {
			if choice.Value == a.Expected {
				expected = drawn(Block{Spans: choice.Label}.Text())
			}
		}
		h.Answers = append(h.Answers, handoutAnswer{i + 1, expected, h.block(a.Why)})
	}
}

// drawn makes text safe to draw. What an author wrote keeps its backslashes,
// where nothing else needs an escape.
func drawn(text string) string {
	safe := inspect.Safe(text)
	if safe == strings.ReplaceAll(text, `\`, `\\`) {
		return text
	}
	return safe
}
