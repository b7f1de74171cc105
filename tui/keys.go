package tui

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// A mode decides who gets the keys.
type mode uint8

const (
	onStreams mode = iota
	onTree
	onHex
	onLesson // the text of a lesson, beside the session
	onLadder
	onSchedule
	onEdit // a held unit is being changed
	onWire
	onSecrets
	onVerdicts    // what both endpoints made of the connection
	onValue       // all that is known of the selected value of the key schedule
	onField       // all that is known of the selected field
	onConnections // those of the session
	onLessons     // the lessons that there are
	onResults     // what came of a lesson's exercises
	onHelp
	onPrompt  // a command for the live session is being typed
	onCommand // a command for the screen
	onSearch
	onAnswer     // the answer to a question of a lesson is being typed
	onFieldValue // a value for the field that is being changed
	onBytes      // its bytes are written in hexadecimal
	onUntil      // where the wire is to run to
	onPredict    // which side will notice first
	onPredictAlert
	onPredictRead // whether the other side will understand the alert
	onQuit        // "really?"

	lastPane = onWire // what comes before can be gone back to

	whileLesson = onQuit + 1 // not one of its own: any of lessonModes, as long as a lesson is open
)

// Sets of modes, in which a binding holds.
const (
	inStreams    = 1 << onStreams
	inTree       = 1 << onTree
	inHex        = 1 << onHex
	inLadder     = 1 << onLadder
	inSchedule   = 1 << onSchedule
	inWire       = 1 << onWire
	inEdit       = 1 << onEdit
	inFieldValue = 1 << onFieldValue
	inBytes      = 1 << onBytes
	inVerdicts   = 1 << onVerdicts
	inUntil      = 1 << onUntil
	inWho        = 1 << onPredict
	inWhich      = 1 << onPredictAlert
	inRead       = 1 << onPredictRead
	inValue      = 1 << onValue
	inSecrets    = 1 << onSecrets
	inField      = 1 << onField
	inConns      = 1 << onConnections
	inLesson     = 1 << onLesson
	inLessons    = 1 << onLessons
	inResults    = 1 << onResults
	inAnswer     = 1 << onAnswer
	inWhile      = 1 << whileLesson
	inHelp       = 1 << onHelp
	inPrompt     = 1 << onPrompt
	inCommand    = 1 << onCommand
	inSearch     = 1 << onSearch
	inQuit       = 1 << onQuit

	inDetail  = inTree | inHex
	inLists   = inStreams | inLadder
	inPanes   = inLists | inDetail | inWire
	inPages   = inSecrets | inVerdicts | inValue | inField | inLessons | inResults | inHelp // they scroll
	inViews   = inPanes | inSchedule | inPages | inConns
	inPredict = inWho | inWhich | inRead
	inEditors = inPrompt | inCommand | inSearch | inAnswer | inFieldValue

	lessonModes = inPanes | inSchedule | inLesson | inSecrets | inVerdicts | inValue | inField
)

// A binding ties keys to what they do. Footer and help are made from it: show is how the keys are written there
// (in the footer foot, or the first of show), help names the sentence that says what they do, and brief, if any, the
// word for it in the footer.
type binding struct {
	in    int
	keys  []string
	show  string
	foot  string
	brief string
	help  string
	do    func(*model) tea.Cmd
}

func (b *binding) holds(in mode) bool { return b.in&(1<<in) != 0 }

// keyMap returns every key of the screen, in the order of the help. No action needs a dead key of a Brazilian or
// US-International keyboard (´ ` ~ ^ ' ").
func keyMap() []binding {
	return []binding{
		{inWhile, []string{" "}, "space", "", "", "course_key_on", (*model).lessonOn},
		{inWhile, []string{"T"}, "T", "", "course_brief_text", "course_key_text", (*model).toggleLesson},
		{inWhile, []string{"backspace"}, "backspace", "", "course_brief_back", "course_key_back", (*model).lessonBack},
		{inWhile, strings.Split("123456789", ""), "1-9", "", "", "course_key_choose", nil},

		{inLists | inWire, []string{"right", "l"}, "→ l", "←→", "tui_brief_forward", "tui_key_forward", (*model).forward},
		{inLists | inWire, []string{"left", "h"}, "← h", "", "", "tui_key_back", (*model).back},
		{inDetail | inSchedule | inSecrets | inValue, []string{"."}, ".", "", "", "tui_key_forward", (*model).forward},
		{inDetail | inSchedule | inSecrets | inValue, []string{","}, ",", "", "", "tui_key_back", (*model).back},
		{inLists | inWire, []string{"home", "g"}, "Home g", "", "", "tui_key_first", (*model).first},
		{inLists | inWire, []string{"end", "G"}, "End G", "", "", "tui_key_last", (*model).last},
		{inDetail | inSchedule | inSecrets, []string{" "}, "space", "", "", "tui_key_play", (*model).togglePlay},
		{inPanes | inSchedule | inSecrets, []string{"+", ">"}, "+ >", "", "", "tui_key_faster", func(m *model) tea.Cmd { return m.changeSpeed(1) }},
		{inPanes | inSchedule | inSecrets, []string{"-", "<"}, "- <", "", "", "tui_key_slower", func(m *model) tea.Cmd { return m.changeSpeed(-1) }},

		{inStreams, []string{"up", "k"}, "↑ k", "", "", "tui_key_up", func(m *model) tea.Cmd { return m.selectLine(-1) }},
		{inStreams, []string{"down", "j"}, "↓ j", "", "", "tui_key_down", func(m *model) tea.Cmd { return m.selectLine(1) }},
		{inStreams, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.selectLine(-m.streams.page()) }},
		{inStreams, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.selectLine(m.streams.page()) }},
		{inStreams, []string{"enter"}, "enter", "", "tui_brief_unfold", "tui_key_unfold", (*model).toggleFold},
		{inLadder, []string{"up", "k"}, "↑ k", "", "", "tui_key_arrow_up", func(m *model) tea.Cmd { return m.climb(-1) }},
		{inLadder, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_select", "tui_key_arrow_down", func(m *model) tea.Cmd { return m.climb(1) }},
		{inLadder, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.climb(-m.ladder.page()) }},
		{inLadder, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.climb(m.ladder.page()) }},
		{inLadder, []string{"enter"}, "enter", "", "", "tui_key_detail", (*model).nextPane},
		{inLists | inWire, []string{"tab"}, "tab", "", "tui_brief_detail", "tui_key_detail", (*model).nextPane},
		{inDetail, []string{"tab"}, "tab", "", "tui_brief_pane", "tui_key_pane", (*model).nextPane},
		{inPanes, []string{"shift+tab"}, "shift+tab", "", "", "tui_key_previous_pane", (*model).previousPane},

		{inTree, []string{"up", "k"}, "↑ k", "", "", "tui_key_node_up", func(m *model) tea.Cmd { return m.selectNode(-1) }},
		{inTree, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_select", "tui_key_node_down", func(m *model) tea.Cmd { return m.selectNode(1) }},
		{inTree, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.selectNode(-max(m.detail.height-1, 1)) }},
		{inTree, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.selectNode(max(m.detail.height-1, 1)) }},
		{inTree, []string{"home", "g"}, "Home g", "", "", "tui_key_list_first", func(m *model) tea.Cmd { return m.selectNode(-1 << 30) }},
		{inTree, []string{"end", "G"}, "End G", "", "", "tui_key_list_last", func(m *model) tea.Cmd { return m.selectNode(1 << 30) }},
		{inTree, []string{"right", "l"}, "→ l", "", "tui_brief_expand", "tui_key_expand", func(m *model) tea.Cmd { return m.expand(true) }},
		{inTree, []string{"left", "h"}, "← h", "", "", "tui_key_collapse", func(m *model) tea.Cmd { return m.expand(false) }},
		{inTree, []string{"enter"}, "enter", "", "", "tui_key_toggle", (*model).toggleNode},
		{inDetail | inField, []string{"e"}, "e", "", "tui_brief_explain", "tui_key_explain", (*model).toggleField},

		{inHex, []string{"left", "h"}, "← h", "←→", "tui_brief_byte", "tui_key_byte_back", func(m *model) tea.Cmd { return m.selectByte(-1) }},
		{inHex, []string{"right", "l"}, "→ l", "", "", "tui_key_byte_on", func(m *model) tea.Cmd { return m.selectByte(1) }},
		{inHex, []string{"up", "k"}, "↑ k", "", "", "tui_key_bytes_up", func(m *model) tea.Cmd { return m.selectByte(-m.detail.width) }},
		{inHex, []string{"down", "j"}, "↓ j", "", "", "tui_key_bytes_down", func(m *model) tea.Cmd { return m.selectByte(m.detail.width) }},
		{inHex, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.selectByte(-m.detail.width * max(m.detail.height-1, 1)) }},
		{inHex, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.selectByte(m.detail.width * max(m.detail.height-1, 1)) }},
		{inHex, []string{"home", "g"}, "Home g", "", "", "tui_key_first_byte", func(m *model) tea.Cmd { return m.selectByte(-1 << 30) }},
		{inHex, []string{"end", "G"}, "End G", "", "", "tui_key_last_byte", func(m *model) tea.Cmd { return m.selectByte(1 << 30) }},
		{inDetail, []string{"s"}, "s", "", "tui_brief_subject", "tui_key_subject", func(m *model) tea.Cmd { return m.turnSubject(1) }},
		{inLists, []string{"s"}, "s", "", "", "tui_key_subject", func(m *model) tea.Cmd { return m.turnSubject(1) }},
		{inPanes, []string{"S"}, "S", "", "", "tui_key_previous_subject", func(m *model) tea.Cmd { return m.turnSubject(-1) }},

		{inSchedule, []string{"up", "k"}, "↑ k", "", "", "tui_key_value_up", func(m *model) tea.Cmd { return m.selectValue(-1) }},
		{inSchedule, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_select", "tui_key_value_down", func(m *model) tea.Cmd { return m.selectValue(1) }},
		{inSchedule, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.selectValue(-m.schedule.page()) }},
		{inSchedule, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.selectValue(m.schedule.page()) }},
		{inSchedule, []string{"home", "g"}, "Home g", "", "", "tui_key_list_first", func(m *model) tea.Cmd { return m.selectValue(-1 << 30) }},
		{inSchedule, []string{"end", "G"}, "End G", "", "", "tui_key_list_last", func(m *model) tea.Cmd { return m.selectValue(1 << 30) }},
		{inSchedule, []string{"right", "l"}, "→ l", "", "", "tui_key_branch_open", func(m *model) tea.Cmd { return m.branch(true) }},
		{inSchedule, []string{"left", "h"}, "← h", "", "", "tui_key_branch_close", func(m *model) tea.Cmd { return m.branch(false) }},
		{inSchedule, []string{"enter", "e"}, "enter e", "", "tui_brief_value", "tui_key_value", (*model).toggleValue},
		{inValue, []string{"enter", "e"}, "enter e", "", "", "tui_key_escape", (*model).toggleValue},
		{inSchedule | inValue, []string{"o"}, "o", "", "tui_brief_message", "tui_key_message", (*model).goToMessage},
		{inSchedule | inValue, []string{"s"}, "s", "", "", "tui_key_side", (*model).otherSide},

		{inStreams | inSchedule, []string{"L"}, "L", "", "tui_brief_ladder", "tui_key_ladder", (*model).toggleLadder},
		{inLadder | inWire | inDetail | inSecrets | inValue, []string{"L"}, "L", "", "", "tui_key_ladder", (*model).toggleLadder},
		{inLists, []string{"D"}, "D", "", "tui_brief_schedule", "tui_key_schedule", (*model).toggleSchedule},
		{inDetail | inWire | inSchedule | inSecrets | inValue, []string{"D"}, "D", "", "", "tui_key_schedule", (*model).toggleSchedule},
		{inLists | inWire, []string{" "}, "space", "", "tui_brief_play", "tui_key_play", (*model).togglePlay},
		{inStreams, []string{"W"}, "W", "", "wire_brief", "wire_key", (*model).toggleWire},
		{inLadder | inWire | inSchedule | inDetail | inSecrets | inValue, []string{"W"}, "W", "", "", "wire_key", (*model).toggleWire},
		{inPanes | inSchedule | inVerdicts, []string{"V"}, "V", "", "", "wire_key_verdicts", (*model).toggleVerdicts},
		{inLists | inSchedule, []string{"c"}, "c", "", "", "tui_key_connection", func(m *model) tea.Cmd { return m.otherConnection(1) }},
		{inLists | inSchedule, []string{"C"}, "C", "", "", "tui_key_previous_connection", func(m *model) tea.Cmd { return m.otherConnection(-1) }},
		{inPanes | inConns, []string{"o"}, "o", "", "", "tui_key_connections", (*model).toggleConnections},
		{inPanes, []string{"i"}, "i", "", "tui_brief_prompt", "tui_key_prompt", (*model).enterPrompt},
		{inViews | inLesson, []string{":"}, ":", "", "tui_brief_command", "tui_key_command", (*model).enterCommand},
		{inLists | inDetail | inSchedule, []string{"w"}, "w", "", "", "tui_key_save", (*model).askSave},
		{inPanes &^ inWire, []string{"/"}, "/", "", "", "tui_key_search", (*model).enterSearch},
		{inLists, []string{"n"}, "n", "", "", "tui_key_next_match", func(m *model) tea.Cmd { return m.search(1) }},
		{inLists, []string{"N"}, "N", "", "", "tui_key_previous_match", func(m *model) tea.Cmd { return m.search(-1) }},
		{inPanes | inSchedule | inSecrets | inValue, []string{"K"}, "K", "", "", "tui_key_secrets", (*model).toggleSecrets},

		{inConns, []string{"up", "k"}, "↑ k", "", "", "tui_key_connection_up", func(m *model) tea.Cmd { return m.selectConnection(-1) }},
		{inConns, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_select", "tui_key_connection_down", func(m *model) tea.Cmd { return m.selectConnection(1) }},
		{inConns, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.selectConnection(-m.connections.page()) }},
		{inConns, []string{"pgdown", "ctrl+f", " "}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.selectConnection(m.connections.page()) }},
		{inConns, []string{"home", "g"}, "Home g", "", "", "tui_key_list_first", func(m *model) tea.Cmd { return m.selectConnection(-1 << 30) }},
		{inConns, []string{"end", "G"}, "End G", "", "", "tui_key_list_last", func(m *model) tea.Cmd { return m.selectConnection(1 << 30) }},
		{inConns, []string{"enter"}, "enter", "", "tui_brief_open", "tui_key_open_connection", (*model).openConnection},

		{inWire, []string{"up", "k"}, "↑ k", "", "", "wire_key_up", func(m *model) tea.Cmd { return m.selectUnit(-1) }},
		{inWire, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_select", "wire_key_down", func(m *model) tea.Cmd { return m.selectUnit(1) }},
		{inWire, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.selectUnit(-m.wire.page()) }},
		{inWire, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.selectUnit(m.wire.page()) }},
		{inWire, []string{"r", "enter"}, "r enter", "", "wire_act_release", "wire_key_release", (*model).releaseUnit},
		{inWire, []string{"a"}, "a", "", "wire_act_all", "wire_key_all", (*model).releaseAll},
		{inWire, []string{"u"}, "u", "", "wire_act_until", "wire_key_until", (*model).askUntil},
		{inWire, []string{"H"}, "H", "", "wire_act_hold", "wire_key_hold", (*model).toggleHold},
		{inWire, []string{"e"}, "e", "", "wire_act_edit", "edit_key", (*model).editUnit},
		{inWire, []string{"d"}, "d", "", "wire_act_drop", "wire_key_drop", (*model).dropUnit},
		{inWire, []string{"t"}, "t", "", "wire_act_repeat", "wire_key_repeat", (*model).repeatUnit},
		{inWire, []string{"x"}, "x", "", "wire_act_swap", "wire_key_swap", (*model).swapUnit},
		{inWire, []string{"w"}, "w", "", "wire_act_delay", "wire_key_delay", (*model).delayUnit},
		{inWire, []string{"c"}, "c", "", "wire_act_cut_before", "wire_key_cut_before", (*model).cutBefore},
		{inWire, []string{"C"}, "C", "", "wire_act_cut_inside", "wire_key_cut_inside", (*model).cutHalf},
		{inWire, []string{"I"}, "I", "", "wire_act_inject", "wire_key_inject", (*model).askInject},
		{inWire, []string{"m"}, "m", "", "wire_act_extend", "wire_key_extend", (*model).extendPatience},
		{inWire, []string{"p"}, "p", "", "wire_act_ask", "wire_key_ask", (*model).toggleAsk},
		{inEdit | inBytes, []string{"left"}, "←", "←→", "tui_brief_byte", "tui_key_byte_back", func(m *model) tea.Cmd { return m.moveEdit(-1) }},
		{inEdit | inBytes, []string{"right"}, "→", "", "", "tui_key_byte_on", func(m *model) tea.Cmd { return m.moveEdit(1) }},
		{inEdit | inBytes, []string{"up"}, "↑", "", "", "tui_key_bytes_up", func(m *model) tea.Cmd { return m.moveEdit(-m.detail.width) }},
		{inEdit | inBytes, []string{"down"}, "↓", "", "", "tui_key_bytes_down", func(m *model) tea.Cmd { return m.moveEdit(m.detail.width) }},
		{inEdit | inBytes, []string{"pgup"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.moveEdit(-m.detail.width * max(m.detail.height-1, 1)) }},
		{inEdit | inBytes, []string{"pgdown"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.moveEdit(m.detail.width * max(m.detail.height-1, 1)) }},
		{inEdit | inBytes, []string{"home"}, "Home", "", "", "tui_key_first_byte", func(m *model) tea.Cmd { return m.moveEdit(-1 << 30) }},
		{inEdit | inBytes, []string{"end"}, "End", "", "", "tui_key_last_byte", func(m *model) tea.Cmd { return m.moveEdit(1 << 30) }},
		{inEdit, []string{"enter"}, "enter", "", "edit_act_send", "edit_key_send", (*model).sendEdit},
		{inEdit, []string{"esc"}, "esc", "", "edit_act_leave", "edit_key_leave", (*model).leaveEdit},
		{inEdit, bitNumbers, "0-7", "", "edit_act_flip", "edit_key_flip", nil},
		{inEdit, []string{" "}, "space", "", "", "edit_key_flip_lowest", func(m *model) tea.Cmd { return m.flipBit(0) }},
		{inEdit, []string{"x"}, "x", "", "edit_act_bytes", "edit_key_bytes", (*model).writeBytes},
		{inBytes, hexDigits, "0-9", "", "edit_act_digit", "edit_key_digit", nil},
		{inBytes, []string{"enter", "x", "esc"}, "enter x esc", "", "edit_act_bytes_done", "edit_key_bytes_done", (*model).doneWriting},
		{inEdit, []string{"v"}, "v", "", "edit_act_value", "edit_key_value", func(m *model) tea.Cmd { return m.askValue(true) }},
		{inEdit, []string{"V"}, "V", "", "edit_act_value_alone", "edit_key_value_alone", func(m *model) tea.Cmd { return m.askValue(false) }},
		{inEdit, []string{"s"}, "s", "", "edit_act_hands", "edit_key_hands", (*model).otherHands},
		{inEdit, []string{"u"}, "u", "", "edit_act_undo", "edit_key_undo", (*model).undoEdit},
		{inFieldValue, []string{"enter"}, "enter", "", "edit_brief_set", "edit_key_set", (*model).setValue},
		{inUntil, []string{"1"}, "1", "", "", "wire_key_until_other_side", func(m *model) tea.Cmd { return m.runUntil(0) }},
		{inUntil, []string{"2"}, "2", "", "", "wire_key_until_certificate", func(m *model) tea.Cmd { return m.runUntil(1) }},
		{inUntil, []string{"3"}, "3", "", "", "wire_key_until_text", func(m *model) tea.Cmd { return m.runUntil(2) }},
		{inUntil, []string{"4"}, "4", "", "", "wire_key_until_alert", func(m *model) tea.Cmd { return m.runUntil(3) }},
		{inWho, []string{"c"}, "c", "", "", "wire_key_predict_client", func(m *model) tea.Cmd { return m.predictWho(whoClient) }},
		{inWho, []string{"s"}, "s", "", "", "wire_key_predict_server", func(m *model) tea.Cmd { return m.predictWho(whoServer) }},
		{inWho, []string{"n"}, "n", "", "", "wire_key_predict_nobody", func(m *model) tea.Cmd { return m.predictWho(whoNobody) }},
		{inWhich, strings.Split("1234567890", ""), "0-9", "", "", "predict_key_alert", nil},
		{inRead, []string{"y", "Y", "s", "S"}, "y", "", "", "predict_key_read", func(m *model) tea.Cmd { return m.predictRead(readYes) }},
		{inRead, []string{"n", "N"}, "n", "", "", "predict_key_unread", func(m *model) tea.Cmd { return m.predictRead(readNo) }},
		{inWho, []string{" "}, "space", "", "predict_brief_pass", "predict_key_pass", func(m *model) tea.Cmd { return m.enter(onPredictAlert) }},
		{inWhich, []string{" "}, "space", "", "predict_brief_pass", "predict_key_pass", func(m *model) tea.Cmd { return m.enter(onPredictRead) }},
		{inRead, []string{" "}, "space", "", "predict_brief_pass", "predict_key_pass", (*model).observe},
		{inWho, []string{"enter", "r"}, "enter r", "", "wire_brief_skip", "wire_key_predict_skip", (*model).observe},
		{inWhich | inRead, []string{"enter", "r"}, "enter r", "", "predict_brief_enough", "predict_key_enough", (*model).observe},

		{inLesson, []string{"up", "k"}, "↑ k", "", "", "tui_key_scroll_up", func(m *model) tea.Cmd { return m.scrollLesson(-1) }},
		{inLesson, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_scroll", "tui_key_scroll_down", func(m *model) tea.Cmd { return m.scrollLesson(1) }},
		{inLesson | inAnswer, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.scrollLesson(-m.lessonPage()) }},
		{inLesson | inAnswer, []string{"pgdown", "ctrl+f"}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.scrollLesson(m.lessonPage()) }},
		{inLesson, []string{"home", "g"}, "Home g", "", "", "tui_key_top", func(m *model) tea.Cmd { return m.scrollLesson(-1 << 30) }},
		{inLesson, []string{"end", "G"}, "End G", "", "", "tui_key_bottom", func(m *model) tea.Cmd { return m.scrollLesson(1 << 30) }},
		{inLesson, []string{"enter"}, "enter", "", "course_brief_answer", "course_key_answer", (*model).enterAnswer},
		{inLesson, []string{"tab"}, "tab", "", "tui_brief_pane", "tui_key_pane", (*model).nextPane},
		{inLesson, []string{"shift+tab"}, "shift+tab", "", "", "tui_key_previous_pane", (*model).previousPane},
		{inLesson, []string{"esc"}, "esc", "", "", "course_key_session", (*model).toggleLesson},
		{inAnswer, []string{"enter"}, "enter", "", "course_brief_give", "course_key_give", (*model).giveAnswer},
		{inAnswer, []string{"tab"}, "tab", "", "course_brief_hint", "course_key_hint", (*model).askHint},
		{inAnswer, []string{"esc"}, "esc", "", "course_brief_session", "course_key_session", (*model).toggleLesson},
		{inResults, []string{" "}, "space", "", "", "course_key_results", (*model).resultsOn},
		{inResults, []string{"backspace", "esc", "q"}, "backspace esc", "", "course_brief_back", "tui_key_escape", (*model).escape},
		{inResults, []string{"n"}, "n", "", "course_brief_next", "course_key_next", (*model).nextLesson},

		{inPages, []string{"up", "k"}, "↑ k", "", "", "tui_key_scroll_up", func(m *model) tea.Cmd { return m.scrollView(-1) }},
		{inPages, []string{"down", "j"}, "↓ j", "↑↓", "tui_brief_scroll", "tui_key_scroll_down", func(m *model) tea.Cmd { return m.scrollView(1) }},
		{inPages, []string{"pgup", "ctrl+b"}, "PgUp", "", "", "tui_key_page_up", func(m *model) tea.Cmd { return m.scrollView(-m.page()) }},
		{inPages, []string{"pgdown", "ctrl+f", " "}, "PgDn", "", "", "tui_key_page_down", func(m *model) tea.Cmd { return m.scrollView(m.page()) }},
		{inPages, []string{"home", "g"}, "Home g", "", "", "tui_key_top", func(m *model) tea.Cmd { return m.scrollView(-1 << 30) }},
		{inPages, []string{"end", "G"}, "End G", "", "", "tui_key_bottom", func(m *model) tea.Cmd { return m.scrollView(1 << 30) }},

		{inPrompt, []string{"enter"}, "enter", "", "tui_brief_send", "tui_key_send", (*model).sendPrompt},
		{inCommand, []string{"enter"}, "enter", "", "tui_brief_run", "tui_key_run", (*model).runCommand},
		{inSearch, []string{"enter"}, "enter", "", "tui_brief_find", "tui_key_find", (*model).runSearch},
		{inPrompt, []string{"up", "ctrl+p"}, "↑", "", "tui_brief_history", "tui_key_history_back", func(m *model) tea.Cmd { return m.recall(-1) }},
		{inPrompt, []string{"down", "ctrl+n"}, "↓", "", "", "tui_key_history_on", func(m *model) tea.Cmd { return m.recall(1) }},
		{inPrompt | inCommand, []string{"tab"}, "tab", "", "tui_brief_complete", "tui_key_complete", (*model).complete},

		{inStreams, []string{"esc"}, "esc", "", "", "tui_key_escape", (*model).escape},
		{inDetail | inLadder | inSchedule | inWire | inPages&^inResults | inConns | inEditors&^inAnswer | inUntil | inPredict | inQuit, []string{"esc"}, "esc", "", "tui_brief_escape", "tui_key_escape", (*model).escape},
		{inViews | inLesson | inEdit | inBytes | inEditors, []string{"f1"}, "F1", "", "", "tui_key_help", (*model).toggleHelp},
		{inViews | inLesson | inEdit | inBytes, []string{"?"}, "?", "", "tui_brief_help", "tui_key_help", (*model).toggleHelp},
		{inPages | inConns, []string{"q"}, "q", "", "", "tui_key_escape", (*model).escape},
		{inPanes | inSchedule | inLesson, []string{"q"}, "q", "", "tui_brief_quit", "tui_key_quit", (*model).askToQuit},
		{inViews | inLesson | inEdit | inBytes | inEditors | inUntil | inPredict | inQuit, []string{"ctrl+c"}, "ctrl+c", "", "", "tui_key_interrupt", (*model).interrupt},
		{inQuit, []string{"y", "Y", "s", "S", "enter", "q"}, "enter", "", "tui_brief_yes", "tui_key_yes", (*model).quit},
		{inQuit, []string{"n", "N"}, "n", "", "tui_brief_no", "tui_key_no", (*model).escape},
	}
}

// A keyGroup is what the help tells together: the id of its title, and the modes.
type keyGroup struct {
	title string
	in    int
}

// keyGroups returns the groups in the order of the help. Together they have every mode.
func keyGroups() []keyGroup {
	return []keyGroup{
		{"tui_help_streams", inStreams},
		{"tui_help_tree", inTree},
		{"tui_help_hex", inHex},
		{"tui_help_ladder", inLadder},
		{"tui_help_schedule", inSchedule},
		{"wire_help", inWire},
		{"edit_help", inEdit | inBytes | inFieldValue},
		{"wire_help_questions", inUntil | inPredict},
		{"course_help", inWhile | inLesson | inAnswer | inResults},
		{"tui_help_connections", inConns},
		{"tui_help_views", inPages},
		{"tui_help_editors", inEditors},
		{"tui_help_quit", inQuit},
	}
}

// bitNumbers and hexDigits are keys while a unit is being changed: which of them was pressed decides what they do.
var bitNumbers = strings.Split("01234567", "")

var hexDigits = strings.Split("0123456789abcdefABCDEF", "")

// find returns the binding of a key in the mode, or nil.
func find(keys []binding, in mode, key string) *binding {
	for i := range keys {
		if keys[i].holds(in) && slices.Contains(keys[i].keys, key) {
			return &keys[i]
		}
	}
	return nil
}
