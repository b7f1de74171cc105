package tui

import (
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestEveryKeyAndCommandIsToldInBothLanguages(t *testing.T) {
	ids := make(map[string]string)
	for _, b := range keyMap() {
		ids[b.help] = strings.Join(b.keys, " ")
		if b.brief != "" {
			ids[b.brief] = strings.Join(b.keys, " ")
		}
	}
	for _, k := range compareKeys() {
		ids[k.help] = strings.Join(k.keys, " ")
	}
	for _, c := range commands() {
		ids[c.help] = ":" + c.name
	}
	for _, group := range keyGroups() {
		ids[group.title] = "a title"
	}
	for id, of := range ids {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if !docs.For(lang).Has(id) {
				t.Errorf("%s: nothing in %s is called %q", of, lang, id)
			}
		}
	}
	en, pt := Reference(docs.English), Reference(docs.Portuguese)
	if len(en) != len(pt) {
		t.Fatalf("%d groups in English, %d in Portuguese", len(en), len(pt))
	}
	for i := range en {
		if len(en[i].Keys) != len(pt[i].Keys) || en[i].Title == pt[i].Title && en[i].Title != "Bytes" {
			t.Errorf("%s has %d keys, %s %d", en[i].Title, len(en[i].Keys), pt[i].Title, len(pt[i].Keys))
		}
	}
}

func TestTheReferenceHasEveryKeyOfTheScreen(t *testing.T) {
	all := 0
	for _, group := range keyGroups() {
		all |= group.in
	}
	for _, b := range keyMap() {
		if b.in&^all != 0 {
			t.Errorf("%q acts where the reference has no group: %b", b.keys, b.in&^all)
		}
	}
	groups := Reference(docs.English)
	for _, want := range []struct {
		group int
		names []string
	}{
		{0, []string{"→", "l"}},
		{0, []string{"PgUp", "Ctrl+B"}},
		{0, []string{"space"}},
		{1, []string{"e"}},
		{4, []string{"Enter", "e"}},
		{6, []string{"0–7"}},
		{6, []string{"0–9", "a–f", "A–F"}},
		{12, []string{"y", "Y", "s", "S", "Enter", "q"}},
		{13, []string{"q", "Esc", "Ctrl+C"}},
		{14, []string{":restart [held]"}},
		{14, []string{":save FILE", ":w FILE"}},
		{14, []string{":quit", ":q"}},
	} {
		if !slices.ContainsFunc(groups[want.group].Keys, func(k Key) bool { return slices.Equal(k.Names, want.names) }) {
			t.Errorf("%s does not tell of %q", groups[want.group].Title, want.names)
		}
	}
}
