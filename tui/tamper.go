package tui

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	tea "github.com/charmbracelet/bubbletea"
)

// A deed is what is to become of a held unit. What has gone through, or was taken away, cannot be undone.
type deed struct {
	unit   inspect.Unit
	action inspect.Action
	done   string // the sentence that says it
	pairs  []any  // what it says beside the unit

	tampers bool // what arrives, or when, is not what its sender meant
}

// act does something to the selected unit; what tampers with it may be asked about before.
func (m *model) act(done string, action inspect.Action, tampers bool, pairs ...any) tea.Cmd {
	unit, ok := m.selectedHeld()
	if !ok {
		m.complainNotHeld()
		return nil
	}
	return m.commit(deed{unit: unit, action: action, done: done, pairs: pairs}, tampers)
}

// commit does a deed, after the questions what will come of it if they are to be asked.
func (m *model) commit(d deed, tampers bool) tea.Cmd {
	d.tampers, m.wire.asking = tampers, guess{}
	if tampers && !m.wire.silent && !m.noticedAlready(d.unit.Conn) {
		m.wire.deed = d
		return m.enter(onPredict)
	}
	m.perform(d)
	return nil
}

// complainNoGate says what has one, or who decides in the user's place.
func (m *model) complainNoGate() {
	switch {
	case m.scene.running():
		m.complain("wire_scene_decides", "arrow", m.forwardKey())
	case m.sitting != nil:
		m.complain("course_decides")
	case m.o.Stage == nil:
		m.complain("wire_no_gate_watch")
	case m.scene != nil:
		m.complain("wire_scene_over")
	default:
		m.complain("wire_no_gate")
	}
}

func (m *model) complainNotHeld() {
	switch {
	case m.stepper == nil:
		m.complainNoGate()
	case m.holding():
		m.complain("wire_not_held")
	default:
		m.complain("wire_not_holding")
	}
}

// perform does the deed, and goes to the present to see what comes of it.
func (m *model) perform(d deed) bool {
	name := m.named(d.unit)
	before := m.time.session.Recording().Len()
	if err := m.stepper.Resolve(d.unit.ID, d.action); err != nil {
		m.complain("wire_too_late", "what", name)
		return false
	}
	if d.tampers {
		m.remember(d, before)
	}
	m.tell(d.done, append([]any{"what", name}, d.pairs...)...)
	m.present()
	return true
}

// present goes to the end of what has happened, and stays there.
func (m *model) present() {
	m.playing = false
	m.wire.sel = 0
	m.extend()
	m.goTo(len(m.time.steps))
	m.time.follow = true
}

func (m *model) releaseUnit() tea.Cmd { return m.act("wire_released", inspect.Forward, false) }

func (m *model) dropUnit() tea.Cmd { return m.act("wire_dropped", inspect.Drop, true) }

func (m *model) repeatUnit() tea.Cmd { return m.act("wire_repeated", inspect.Repeat(1), true) }

func (m *model) cutBefore() tea.Cmd { return m.act("wire_cut_before", inspect.CutAfter(0), true) }

// cutHalf lets the first half of the unit through.
func (m *model) cutHalf() tea.Cmd {
	unit, _ := m.selectedHeld()
	return m.cutAfter(max(len(unit.Bytes)/2, 1))
}

func (m *model) cutAfter(n int) tea.Cmd {
	return m.act("wire_cut_inside", inspect.CutAfter(n), true, "count", n)
}

// commandCut ends the direction where it is told: behind so many bytes of the selected unit (counted from its end if
// negative), before or behind it, or in its middle.
func (m *model) commandCut(word string) tea.Cmd {
	m.showWire()
	unit, ok := m.selectedHeld()
	if !ok {
		m.complainNotHeld()
		return nil
	}
	n, err := strconv.Atoi(word)
	if n < 0 {
		n += len(unit.Bytes)
	}
	switch {
	case word == "":
		return m.cutHalf()
	case word == "before":
		return m.cutBefore()
	case word == "behind":
		return m.act("wire_cut_behind", inspect.CutAfter(len(unit.Bytes)), true)
	case err != nil || n <= 0 || n >= len(unit.Bytes):
		m.complain("wire_cut_what", "last", len(unit.Bytes)-1)
		return nil
	}
	return m.cutAfter(n)
}

// wait is how long a unit is delayed by a key, and longest how long at most.
const (
	wait    = 3 * time.Second
	longest = time.Hour
)

func (m *model) delayUnit() tea.Cmd { return m.delay(wait) }

func (m *model) delay(d time.Duration) tea.Cmd {
	return m.act("wire_delayed", inspect.Delay(d), false, "wait", d.String())
}

// commandDelay delays the selected unit for as long as it is told.
func (m *model) commandDelay(word string) tea.Cmd {
	m.showWire()
	if word == "" {
		return m.delayUnit()
	}
	d, err := time.ParseDuration(word)
	if err != nil || d <= 0 || d > longest {
		m.complain("wire_delay_what")
		return nil
	}
	return m.delay(d)
}

// releaseAll lets go what waits now; what comes after it waits as before.
func (m *model) releaseAll() tea.Cmd {
	pending := m.pending()
	if len(pending) == 0 {
		m.complainNotHeld()
		return nil
	}
	for _, u := range pending {
		m.stepper.Resolve(u.ID, inspect.Forward)
	}
	m.tell("wire_released_all", "count", len(pending))
	m.present()
	return nil
}

// swapUnit lets the next unit of the same sender go before the selected one.
func (m *model) swapUnit() tea.Cmd {
	unit, ok := m.selectedHeld()
	if !ok {
		m.complainNotHeld()
		return nil
	}
	for _, next := range m.pending() {
		if next.ID > unit.ID && next.Conn == unit.Conn && next.From == unit.From {
			overtake := func(h inspect.Held) {
				if h.Wire.Holds(next.ID) { // forwarded by now, it would go a second time
					h.Wire.Forward(next.ID) // which is not pending any more once it is decided
				}
				h.Wire.Forward(h.ID)
			}
			return m.commit(deed{unit: unit, action: overtake, done: "wire_swapped"}, true)
		}
	}
	m.complain("wire_nothing_to_swap", "side", m.side(unit.From))
	return nil
}

// extendPatience gives every held unit its whole time again.
func (m *model) extendPatience() tea.Cmd {
	if m.stepper != nil && m.stepper.Patience > 0 {
		m.stepper.Extend()
		m.tell("wire_extended", "minutes", int(m.stepper.Patience.Minutes()))
	}
	return nil
}

// toggleHold lets everything through, or holds from now on.
func (m *model) toggleHold() tea.Cmd {
	if m.holding() {
		return m.runOn()
	}
	return m.hold()
}

func (m *model) hold() tea.Cmd {
	if m.stepper == nil {
		m.complainNoGate()
		return nil
	}
	m.stepper.Stop()
	m.wire.until = ""
	m.tell("wire_holding")
	return nil
}

func (m *model) runOn() tea.Cmd {
	if m.stepper == nil {
		m.complainNoGate()
		return nil
	}
	m.run("")
	m.tell("wire_running")
	return nil
}

// run lets everything go until one of the breakpoints.
func (m *model) run(until string, breakpoints ...inspect.Match) {
	m.wire.until = until
	m.stepper.Run(breakpoints...)
	m.present()
}

// A stop is a breakpoint of the short list.
type stop struct {
	name  string // the sentence
	match inspect.Match
}

// stops are where the wire can run to by one key.
func (m *model) stops() []stop {
	other := inspect.FromServer
	if i := m.selectedUnit(); i >= 0 && m.wire.units[i].from == inspect.Server {
		other = inspect.FromClient
	}
	return []stop{
		{"wire_until_other_side", inspect.Match{From: other}},
		{"wire_until_certificate", inspect.Match{From: inspect.FromServer, Message: "certificate"}},
		{"wire_until_text", inspect.Match{Type: inspect.ApplicationData}},
		{"wire_until_alert", inspect.Match{Type: inspect.Alert}},
	}
}

func (m *model) askUntil() tea.Cmd {
	if m.stepper == nil {
		m.complainNoGate()
		return nil
	}
	return m.enter(onUntil)
}

func (m *model) runUntil(i int) tea.Cmd {
	m.leave()
	chosen := m.stops()[i]
	until := m.say(chosen.name)
	m.run(until, chosen.match)
	m.tell("wire_run_until", "until", until)
	return nil
}

// untilLines lists the breakpoints, a digit each.
func (m *model) untilLines(w int) []string {
	sheet := &sheet{m: m, w: w}
	sheet.text(strong, m.say("wire_until_which"))
	for i, s := range m.stops() {
		sheet.put(span{strong, " " + string(rune('1'+i)) + " "}, span{plain, m.say(s.name)})
	}
	sheet.text(quiet, m.say("wire_until_other"))
	return sheet.lines
}

// commandUntil runs until what is written in the words of a scene.
func (m *model) commandUntil(words string) tea.Cmd {
	if m.stepper == nil {
		m.complainNoGate()
		return nil
	}
	match, err := lesson.ParseMatch(words)
	if unclear := new(lesson.MatchError); errors.As(err, &unclear) {
		m.complainUntil(unclear)
		return nil
	}
	m.run(inspect.Safe(words), match)
	m.tell("wire_run_until", "until", inspect.Safe(words))
	return nil
}

// complainUntil says which word of a breakpoint was not understood, and what may stand there.
func (m *model) complainUntil(e *lesson.MatchError) {
	id := map[lesson.MatchPart]string{
		lesson.MatchSender: "wire_until_sender", lesson.MatchKind: "wire_until_kind", lesson.MatchRest: "wire_until_rest", lesson.MatchQuote: "wire_until_quote",
	}[e.Part]
	word := inspect.Safe(e.Word)
	if word == "" {
		word = m.pal.glyphs.more
	}
	choices := e.Part.Choices()
	var messages []string
	if e.Part == lesson.MatchKind { // more of them than there is room for
		plain := slices.Index(choices, "client_hello")
		choices, messages = choices[:plain], []string{"client_hello", "server_hello", "certificate", "finished", m.pal.glyphs.more}
	}
	m.complain(id, "word", word, "choices", strings.Join(choices, ", "), "messages", strings.Join(messages, ", "))
}

// forgedAlert is a fatal handshake_failure in clear: what anybody can put on a wire.
const forgedAlert = "15 03 03 00 02 02 28"

// askInject begins the command that injects.
func (m *model) askInject() tea.Cmd {
	if _, ok := m.selectedHeld(); !ok {
		m.complainNotHeld()
		return nil
	}
	m.enterCommand()
	m.command.set("inject " + forgedAlert)
	return nil
}

// commandInject puts bytes on the wire before the selected unit, in the name of its sender.
func (m *model) commandInject(words string) tea.Cmd {
	b, err := hex.DecodeString(strings.ReplaceAll(words, " ", ""))
	if err != nil || len(b) == 0 {
		m.complain("wire_inject_what", "example", forgedAlert)
		return nil
	}
	m.showWire()
	return m.act("wire_injected", inspect.Inject(b), true)
}
