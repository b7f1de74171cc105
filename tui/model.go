package tui

import (
	"errors"
	"slices"
	"strings"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/tui/term"
	tea "github.com/charmbracelet/bubbletea"
)

// model is the screen: the one tea.Model of the program. Its mode decides who gets the keys; the panes are plain
// structs, and everything they show is a function of the session and the cursor in time.
type model struct {
	o         Options
	sentences *docs.Sentences
	theme     term.Theme
	pal       *palette
	keys      []binding
	w, h      int

	mode        mode
	list        mode // onStreams or onLadder: what the detail belongs to
	before      mode // where esc leads from help, secrets and editors
	asked       mode // where it leads from the question whether to leave
	time        *timeline
	streams     streams
	ladder      ladder
	detail      detail
	schedule    schedule
	wire        wire
	connections connections
	edit        *edit    // nil while nothing is being changed
	scene       *scene   // nil where the session is no scene
	sitting     *sitting // nil where it is of no lesson
	findings    findings
	scroll      int // of help and secrets
	shown       int // lines of them, as last drawn
	said        saying
	sought      string // by the latest search

	prompt, command, find, given editor

	playing bool
	speed   int // index in speeds
	ticks   int // which run of playing a tick belongs to

	live       *live
	generation int // of the session; messages of earlier ones are passed over
	play       inspect.Play
	stepper    *inspect.Stepper
	opening    bool
	reading    bool     // of a file: more comes
	eager      bool     // a step is to be taken as soon as there is one
	sent       []string // commands of this session
	waiting    int      // of them, without an answer
}

// A saying is what the screen last told the user: a sentence, so that it can be said in another language, or a text
// that is shown as it is.
type saying struct {
	ink   ink
	id    string
	pairs []any
	text  string
}

// Init sets the title and begins.
func (m *model) Init() tea.Cmd {
	title := tea.SetWindowTitle(inspect.Safe(m.title()))
	switch {
	case m.o.Play != "":
		return tea.Batch(title, m.commandScene(m.o.Play))
	case m.o.Lesson != "":
		return tea.Batch(title, m.commandLesson(m.o.Lesson))
	case m.o.Stage != nil:
		return tea.Batch(title, m.restart(m.o.Held))
	}
	if m.opening {
		return tea.Batch(title, m.live.read(m.o, m.generation), m.live.listen(m.o.News))
	}
	if m.reading {
		return tea.Batch(title, m.live.fill(m.o.Reading, m.generation), m.watch())
	}
	return tea.Batch(title, m.watch(), m.live.watchGate(m.stepper, m.generation, 0), m.live.listen(m.o.News))
}

func (m *model) title() string {
	if m.o.Title == "" {
		return "tlslab"
	}
	return m.o.Title
}

// Update takes one message. It never waits.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	m.attendWire()
	m.attendEdit()
	m.attend()
	m.attendLesson()
	return m, tea.Batch(cmd, m.count())
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		return m.pressed(msg)
	case opened:
		return m.began(msg)
	case news:
		return m.hear(msg)
	case filled:
		return m.filled(msg)
	case grown:
		return m.grow(msg)
	case halted:
		if msg.generation == m.generation {
			return m.live.watchGate(m.stepper, m.generation, msg.held)
		}
	case bulletin:
		m.said = saying{ink: bad, text: inspect.Safe(string(msg))}
		return m.live.listen(m.o.News)
	case answered:
		m.answer(msg)
	case compared:
		if msg.err != nil {
			m.complain("tui_compare_failed", "error", inspect.Safe(msg.err.Error()))
		}
	case saved:
		m.saved(msg)
	case tick:
		return m.tick(msg)
	case second:
		m.wire.clock = false
	case searching:
		return m.searchOn(msg)
	}
	return nil
}

// resize takes the terminal's size; one that does not know its own is left alone.
func (m *model) resize(w, h int) {
	if w <= 0 || h <= 0 {
		return
	}
	place := m.lessonPlace()
	m.w, m.h = w, h
	m.lessonMoved(place)
	m.reopen()
}

// pressed takes a key. Terminals hand over letters that come close together at once: each is a key of its own,
// unless it is pasted.
func (m *model) pressed(msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes || msg.Paste || len(msg.Runes) == 1 {
		return m.key(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		one := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt}
		if r == ' ' {
			one.Type = tea.KeySpace
		}
		cmds = append(cmds, m.key(one))
	}
	return tea.Batch(cmds...)
}

func (m *model) key(msg tea.KeyMsg) tea.Cmd {
	if m.cramped() { // nothing can be seen: no question, and not what a key does
		if msg.String() == "q" || msg.Type == tea.KeyCtrlC {
			return m.quit()
		}
		return nil
	}
	if b := m.binding(msg.String()); b != nil {
		m.said = saying{}
		if b.do == nil {
			return m.digit(msg.String())
		}
		return b.do(m)
	}
	if e := m.editor(); e != nil {
		m.said = saying{}
		e.key(msg)
		switch {
		case e.refused:
			e.refused = false
			m.tell("tui_paste_too_long", "most", maxInput)
		case msg.Paste && len(e.waiting) > 0:
			m.tell("tui_paste_lines", "count", len(e.waiting))
		}
		return nil
	}
	if msg.Paste {
		m.tell("tui_paste")
	} else {
		m.tell("tui_wrong_key", "key", keyName(msg))
	}
	return nil
}

// keyName is a key as a person reads it.
func keyName(msg tea.KeyMsg) string {
	name := inspect.Safe(msg.String())
	if len(name) > 24 {
		name = name[:24]
	}
	return name
}

// editor returns the line that letters go to, or nil.
func (m *model) editor() *editor {
	switch m.mode {
	case onPrompt:
		return &m.prompt
	case onCommand:
		return &m.command
	case onSearch:
		return &m.find
	case onAnswer:
		return &m.given
	case onFieldValue:
		if m.edit != nil {
			return &m.edit.typing
		}
	}
	return nil
}

func (m *model) tell(id string, pairs ...any) { m.said = saying{ink: quiet, id: id, pairs: pairs} }

func (m *model) complain(id string, pairs ...any) { m.said = saying{ink: bad, id: id, pairs: pairs} }

// say returns a sentence, in the signs that the terminal has. What is put into it keeps its own: it is not ours.
func (m *model) say(id string, pairs ...any) string {
	pairs = slices.Clone(pairs)
	for i, value := range pairs {
		if text, ok := value.(string); ok {
			pairs[i] = m.pal.letters(text)
		}
	}
	return m.pal.spell(m.sentences.Say(id, pairs...))
}

// look sets colours, signs and language.
func (m *model) look(theme term.Theme, sentences *docs.Sentences) {
	m.theme, m.sentences = theme, sentences
	var names *strings.Replacer
	if m.o.ASCII {
		names = keyNames(sentences)
	}
	m.pal = newPalette(m.o.Out, theme, names)
}

// began takes the session that was opened.
func (m *model) began(msg opened) tea.Cmd {
	if msg.generation != m.generation {
		return nil
	}
	m.opening = false
	m.play, m.stepper = msg.play, msg.stepper
	if msg.err != nil {
		m.play = nil
		m.complain("tui_open_failed", "error", inspect.Safe(msg.err.Error()))
	}
	m.time = msg.time
	if m.o.Stage == nil {
		m.last()
	}
	m.catchUp()
	return tea.Batch(m.watch(), m.live.watchGate(m.stepper, m.generation, 0))
}

// catchUp takes the step that was asked for when there was none.
func (m *model) catchUp() {
	if m.eager && len(m.time.steps) > 0 {
		m.eager, m.said = false, saying{}
		m.oneStep()
	}
}

// restart replaces the session by a new one.
func (m *model) restart(held bool) tea.Cmd {
	m.forget()
	return m.live.open(m.o, m.generation, held)
}

// forget leaves the session for one that is being opened.
func (m *model) forget() {
	m.generation++
	m.opening, m.waiting, m.playing, m.eager = true, 0, false, false
	m.sent = nil
	m.play, m.stepper = nil, nil
	m.time = newTimeline(new(inspect.Recording), nil)
	m.streams, m.detail, m.connections = streams{}, detail{}, connections{}
	m.ladder, m.schedule, m.findings, m.wire = ladder{}, schedule{}, findings{}, wire{silent: m.wire.silent}
	m.edit, m.scene, m.sitting = nil, nil, nil
	m.mode, m.before = m.list, m.list
}

func (m *model) watch() tea.Cmd {
	r := m.time.session.Recording()
	return m.live.watch(r, m.generation, m.time.taken())
}

// grow takes in what is new, and waits for more.
func (m *model) grow(msg grown) tea.Cmd {
	if msg.generation != m.generation || m.sitting.passes(msg.of) {
		return nil
	}
	m.extend()
	return m.watch()
}

// extend takes in what the session has gained. Where it is over, there is nothing to type for.
func (m *model) extend() {
	was := m.time.visible()
	m.time.extend()
	m.tellExpired()
	if m.o.Reading != nil {
		m.extendRead(was)
	} else {
		m.moved(was)
	}
	m.catchUp()
	m.leavePromptIfOver()
}

func (m *model) leavePromptIfOver() {
	if m.mode == onPrompt && m.waiting == 0 && m.over() {
		m.leave()
	}
}

// goTo moves the cursor in time.
func (m *model) goTo(at int) {
	was := m.time.visible()
	m.time.move(at)
	m.moved(was)
}

// moved follows a move of the cursor: what happened last is selected, unless nothing did and the user selected something
// else.
func (m *model) moved(was int) {
	now := m.time.visible()
	if row, ok := m.time.decided(m.time.at - 1); ok && now == was {
		m.streams.choose(row)
	} else if now != was {
		m.streams.choose(now - 1)
	}
	m.reopen()
}

// forward does the next step. At the end of a session that is held it releases the oldest unit.
func (m *model) forward() tea.Cmd {
	m.playing = false
	return m.stepOn()
}

func (m *model) stepOn() tea.Cmd {
	if m.time.at < len(m.time.steps) {
		m.oneStep()
		return nil
	}
	if m.scene.running() {
		m.time.follow = true
		m.scene.goOn()
		m.selectTampered()
		return nil
	}
	if m.lives() && len(m.time.steps) == 0 {
		m.eager = true
		if m.opening {
			m.tell("tui_not_begun")
		} else { // as where nothing comes before the first command
			m.tell("tui_no_more")
		}
		return nil
	}
	if m.sitting != nil {
		m.tell("course_no_more")
		return nil
	}
	m.time.follow = m.time.at > 0 || m.o.Stage == nil
	switch {
	case m.stepper != nil && m.release():
	case m.o.Stage == nil && m.holding():
		m.tell("wire_nothing_waits")
	case m.o.Stage == nil:
		m.tell("tui_no_more_watch")
	case m.over():
		m.tell("tui_no_more_over")
	case m.holding() && m.waiting == 0:
		m.tell("tui_nothing_held")
	default:
		m.tell("tui_no_more")
	}
	return nil
}

// oneStep goes on by one step. It is one, also where the session goes on by itself: whoever steps to the latest record of a
// handshake that is under way has not asked for the rest of it.
func (m *model) oneStep() {
	m.goTo(m.time.at + 1)
	if m.o.Stage != nil && !m.holding() {
		m.time.follow = false
	}
}

// release lets the oldest unit on the wire go and reports whether there was one. What has not been shown yet is shown first.
func (m *model) release() bool {
	held := m.stepper.Pending()
	if len(held) == 0 {
		return false
	}
	if held[0].ID >= m.time.taken() {
		m.extend()
		return true
	}
	return m.stepper.Release()
}

func (m *model) back() tea.Cmd {
	m.playing = false
	if m.time.at == 0 {
		m.tell("tui_at_beginning")
	}
	m.goTo(m.time.at - 1)
	return nil
}

func (m *model) first() tea.Cmd {
	m.playing = false
	m.goTo(0)
	return nil
}

func (m *model) last() tea.Cmd {
	m.playing = false
	m.goTo(len(m.time.steps))
	m.streams.choose(m.time.visible() - 1)
	m.reopen()
	return nil
}

// speeds are those of playing, in steps a second.
var speeds = [...]float64{0.5, 1, 2, 4}

func speedOf(speed float64) int {
	for i, known := range speeds {
		if speed == known {
			return i
		}
	}
	return 1
}

// A tick is when the next step is due.
type tick struct{ run int }

func (m *model) togglePlay() tea.Cmd {
	if m.playing {
		m.playing = false
		return nil
	}
	m.playing = true
	if m.time.at == len(m.time.steps) && !m.holding() && !m.scene.running() {
		m.goTo(0)
	}
	return m.due()
}

func (m *model) due() tea.Cmd {
	m.ticks++
	run := m.ticks
	pause := time.Duration(float64(time.Second) / speeds[m.speed])
	return m.live.task(func() tea.Msg {
		select {
		case <-time.After(pause):
			return tick{run}
		case <-m.live.ctx.Done():
			return nil
		}
	})
}

func (m *model) tick(msg tick) tea.Cmd {
	if !m.playing || msg.run != m.ticks {
		return nil
	}
	m.stepOn()
	if m.time.at == len(m.time.steps) && (!m.holding() && !m.underWay() || m.over()) && !m.scene.running() {
		m.playing = false
		return nil
	}
	return m.due()
}

func (m *model) changeSpeed(n int) tea.Cmd {
	m.speed = min(max(m.speed+n, 0), len(speeds)-1)
	m.tell("tui_speed", "speed", speedName(m.speed))
	if m.playing {
		return m.due()
	}
	return nil
}

// conn returns the connection that the facts are about: that of the selected row, else the one that is next.
func (m *model) conn() *inspect.Connection {
	conns := m.time.session.Connections()
	i := max(m.time.alone, 0)
	if row := m.streams.sel.row; row < m.time.visible() {
		i = m.time.item(row).Conn
	} else if item := m.time.next(); item != nil {
		i = item.Conn
	}
	if i < 0 || i >= len(conns) {
		return nil
	}
	return conns[i]
}

// over reports whether both sides of every connection have ended, however far the cursor is, and no further one can come.
func (m *model) over() bool {
	if play, ok := m.play.(inspect.Lasting); ok && !play.Over() {
		return false
	}
	conns := m.time.session.Connections()
	for _, c := range conns {
		if _, over := m.time.ending(c.Conn, m.time.taken()); !over {
			return false
		}
	}
	return len(conns) > 0
}

// underWay reports whether the session that runs here is in its handshake: more will come without anybody's doing.
func (m *model) underWay() bool {
	if !m.lives() {
		return false
	}
	for _, c := range m.time.session.Connections() {
		if c.Opening.Speaks != nil {
			return m.preparing()
		}
		if c.View(inspect.Client).State(m.time.taken() - 1).HandshakeDone {
			return false
		}
	}
	return true
}

// preparing reports whether endpoints without TLS are still at what comes before the first command.
func (m *model) preparing() bool {
	play, ok := m.play.(inspect.Preparer)
	if !ok {
		return false
	}
	select {
	case <-play.Prepared():
		return false
	default:
		return true
	}
}

// lives reports whether there is a session that leaving would end.
func (m *model) lives() bool { return m.o.Stage != nil && (m.opening || m.play != nil && !m.over()) }

// selectLine moves the selection in the streams.
func (m *model) selectLine(n int) tea.Cmd {
	m.streams.move(n, m.time.visible())
	return nil
}

func (m *model) toggleFold() tea.Cmd {
	row := m.streams.sel.row
	switch {
	case row >= m.time.visible():
		m.tell("tui_no_row")
	case m.streams.open[row] != nil:
		m.streams.fold(row)
	case m.canUnfold(m.time.item(row)):
		m.unfold(row)
	default:
		m.tell("tui_no_bytes")
	}
	return nil
}

// nextPane goes from the streams to the tree, to the bytes, and back.
func (m *model) nextPane() tea.Cmd { return m.pane(1) }

func (m *model) previousPane() tea.Cmd { return m.pane(-1) }

func (m *model) pane(n int) tea.Cmd {
	panes := []mode{m.list}
	if s := m.detail.subject(); s != nil {
		panes = append(panes, onTree)
		if s.pairs == nil { // a comparison has no bytes of its own
			panes = append(panes, onHex)
		}
	}
	if m.sitting != nil {
		panes = append(panes, onLesson)
	}
	if len(panes) == 1 {
		m.tell("tui_no_detail")
		m.mode = m.list
		return nil
	}
	next := panes[(slices.Index(panes, m.mode)+n+len(panes))%len(panes)]
	if next == onLesson {
		return m.toggleLesson()
	}
	m.mode = next
	return nil
}

func (m *model) selectNode(n int) tea.Cmd {
	m.detail.moveNode(n)
	return nil
}

func (m *model) expand(open bool) tea.Cmd {
	m.detail.expand(open, m.pal)
	return nil
}

func (m *model) toggleNode() tea.Cmd {
	d := &m.detail
	if f, ok := d.selected(); ok && (len(f.Children) == 0 || d.holdsValues()) {
		return m.toggleField()
	} else if ok {
		path := d.nodes[d.sel].path
		d.open[path] = !d.open[path]
		d.layOut(m.pal)
	}
	return nil
}

func (m *model) selectByte(n int) tea.Cmd {
	m.detail.moveByte(n, m.pal)
	return nil
}

func (m *model) turnSubject(n int) tea.Cmd {
	d := &m.detail
	if len(d.subjects) == 0 {
		m.tell("tui_no_detail")
		return nil
	}
	d.turnTo((d.current+n+len(d.subjects))%len(d.subjects), m.pal)
	m.leaveHex()
	if m.mode == m.list && !m.wide() {
		m.mode = onTree
	}
	return nil
}

func (m *model) enter(in mode) tea.Cmd {
	if m.mode <= onHelp {
		m.before = m.mode
	}
	m.mode = in
	return nil
}

func (m *model) enterPrompt() tea.Cmd {
	switch {
	case m.sitting != nil:
		m.tell("course_no_prompt")
		return nil
	case m.o.Stage == nil:
		m.tell("tui_no_prompt")
		return nil
	case m.play == nil && !m.opening, m.over():
		m.tell("tui_prompt_over")
		return nil
	}
	m.prompt.past = 0
	return m.enter(onPrompt)
}

func (m *model) enterCommand() tea.Cmd {
	m.command.set("")
	return m.enter(onCommand)
}

func (m *model) enterSearch() tea.Cmd {
	m.find.set("")
	return m.enter(onSearch)
}

// escape leaves what is open, innermost first.
func (m *model) escape() tea.Cmd {
	switch {
	case m.mode == onQuit:
		m.mode = m.asked
		m.leavePromptIfOver()
	case m.mode > lastPane:
		m.leave()
	case m.mode != m.list:
		m.mode = m.list
	case m.mode == onLadder || m.mode == onWire:
		m.mode, m.list = onStreams, onStreams
	case m.playing:
		m.playing = false
	case m.streams.open[m.streams.sel.row] != nil:
		m.streams.fold(m.streams.sel.row)
	}
	return nil
}

func (m *model) leave() {
	m.mode = m.before
	if m.mode > lastPane {
		m.before = m.list
	}
}

func (m *model) toggleHelp() tea.Cmd { return m.toggleView(onHelp) }

func (m *model) toggleSecrets() tea.Cmd { return m.toggleView(onSecrets) }

func (m *model) toggleField() tea.Cmd { return m.toggleView(onField) }

func (m *model) toggleView(view mode) tea.Cmd {
	if m.mode == view {
		m.leave()
		return nil
	}
	m.scroll = 0
	if m.mode <= lastPane {
		m.before = m.mode
	} else if m.before > lastPane {
		m.before = m.list
	}
	m.mode = view
	return nil
}

// page is how far help and secrets scroll at once: one line of what was shown stays.
func (m *model) page() int { return max(m.shown-1, 1) }

func (m *model) scrollView(n int) tea.Cmd {
	m.scroll = max(m.scroll+n, 0) // drawing bounds it from above
	return nil
}

// askToQuit asks first while a session lives, or somebody waits for what is held.
func (m *model) askToQuit() tea.Cmd {
	if !m.lives() && len(m.pending()) == 0 {
		return m.quit()
	}
	m.asked, m.mode = m.mode, onQuit
	return nil
}

func (m *model) quit() tea.Cmd { return tea.Quit }

// interrupt clears the line that is being typed, then asks; asked once, it does not ask again.
func (m *model) interrupt() tea.Cmd {
	if e := m.editor(); e != nil && len(e.text) > 0 {
		e.set("")
		e.waiting = nil
		return nil
	}
	if m.mode == onQuit {
		return m.quit()
	}
	return m.askToQuit()
}

// sendPrompt gives the line to the live session. The cursor goes to the end, so that what comes of it is seen.
func (m *model) sendPrompt() tea.Cmd {
	line := strings.TrimSpace(m.prompt.take())
	if line == "" {
		return nil
	}
	if m.play == nil {
		m.tell("tui_prompt_opening")
		return nil
	}
	m.playing = false
	m.goTo(len(m.time.steps))
	m.time.follow = true
	m.sent = append(m.sent, line)
	m.waiting++
	m.tell("tui_asked", "command", inspect.Safe(line))
	return m.live.do(m.play, m.generation, line)
}

func (m *model) recall(n int) tea.Cmd {
	m.prompt.recall(n)
	return nil
}

// answer shows what the server said.
func (m *model) answer(msg answered) {
	if msg.generation != m.generation {
		return
	}
	m.waiting--
	m.extend()
	var misuse *inspect.CommandError
	switch {
	case errors.As(msg.err, &misuse):
		m.said = saying{ink: bad, text: inspect.Safe(misuse.Reply)}
	case msg.err != nil:
		m.complain("tui_failed", "command", inspect.Safe(msg.command), "error", inspect.Safe(msg.err.Error()))
	case msg.answer == "":
		m.tell("tui_no_answer", "command", inspect.Safe(msg.command))
	default:
		m.said = saying{ink: server, text: m.pal.glyphs.toClient + " " + inspect.Safe(msg.answer)}
	}
}
