package tui

import (
	"slices"
	"strings"

	"example.com/tlslab/docs"
)

// A KeyGroup is what can be pressed, or typed, in one place of the screen.
type KeyGroup struct {
	Title string
	Keys  []Key
}

// A Key is one way, or several, to have something done.
type Key struct {
	Names []string // as they stand on a keyboard: "→", "l", "Ctrl+B"; of a command, how it is typed
	Does  string
}

// Reference returns every key of the screen, place by place, and at last the commands that are typed after ":", in a
// language as [docs.For] reads it. It is made from what the screen itself goes by.
func Reference(lang string) []KeyGroup {
	say := docs.For(lang)
	var groups []KeyGroup
	for _, group := range keyGroups() {
		g := KeyGroup{Title: say.Say(group.title)}
		for _, b := range keyMap() {
			if b.in&group.in != 0 {
				g.add(Key{keyboardNames(b.keys, say), say.Say(b.help)})
			}
		}
		groups = append(groups, g)
	}
	compare := KeyGroup{Title: say.Say("tui_help_compare")}
	for _, k := range compareKeys() {
		compare.add(Key{keyboardNames(k.keys, say), say.Say(k.help)})
	}
	typed := KeyGroup{Title: say.Say("tui_help_commands")}
	for _, c := range commands() {
		typed.add(Key{c.typed(), say.Say(c.help)})
	}
	return append(groups, compare, typed)
}

// add appends a key, unless the group tells the same already.
func (g *KeyGroup) add(key Key) {
	same := func(k Key) bool { return k.Does == key.Does && slices.Equal(k.Names, key.Names) }
	if !slices.ContainsFunc(g.Keys, same) {
		g.Keys = append(g.Keys, key)
	}
}

// keyboard has the names of the keys that are not written as they are.
var keyboard = map[string]string{
	"left": "←", "right": "→", "up": "↑", "down": "↓", "home": "Home", "end": "End", "pgup": "PgUp", "pgdown": "PgDn",
	"enter": "Enter", "backspace": "Backspace", "esc": "Esc", "tab": "Tab", "shift+tab": "Shift+Tab", "f1": "F1",
}

// keyboardNames writes keys as they stand on a keyboard; of many in a row, the first and the last.
func keyboardNames(keys []string, say *docs.Sentences) (names []string) {
	for i := 0; i < len(keys); i++ {
		row := i
		for row+1 < len(keys) && len(keys[row]) == 1 && len(keys[row+1]) == 1 && keys[row+1][0] == keys[row][0]+1 {
			row++
		}
		name := keyboard[keys[i]]
		switch letter, ctrl := strings.CutPrefix(keys[i], "ctrl+"); {
		case row-i >= 2:
			name, i = keys[i]+"–"+keys[row], row
		case keys[i] == " ":
			name = say.Say("tui_space")
		case ctrl:
			name = "Ctrl+" + strings.ToUpper(letter)
		case name == "":
			name = keys[i]
		}
		names = append(names, name)
	}
	return names
}
