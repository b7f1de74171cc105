package tui

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

func TestSaveHandsOverTheSessionAndSaysWhatCameOfIt(t *testing.T) {
	type asked struct {
		name      string
		noSecrets bool
		lang      string
	}
	var got []asked
	m, end := detached(Options{Lang: "en", Recording: new(inspect.Recording), Save: func(_ *inspect.Recording, name string, noSecrets bool, lang string) (string, error) {
		got = append(got, asked{name, noSecrets, lang})
		if len(got) > 1 {
			return "", errors.New("it is there already")
		}
		return "written", nil
	}})
	defer end()
	for i, line := range []string{"a file.pcapng", "--no-secrets b.pcapng"} {
		m.saved(m.commandSave(line)().(saved))
		if want := []string{"written", "it is there already"}[i]; m.said.text != want {
			t.Errorf("said %q, want %q", m.said.text, want)
		}
	}
	if want := []asked{{"a file.pcapng", false, "en"}, {"b.pcapng", true, "en"}}; !slices.Equal(got, want) {
		t.Errorf("asked for %v", got)
	}
	if m.commandSave("") != nil || m.said.id != "tui_save_what" {
		t.Error("a file without a name is saved")
	}
	m.o.Save = nil
	if m.commandSave("x") != nil || m.said.id != "tui_no_save" {
		t.Error("something is saved where nothing can be")
	}
}

func TestTheFileToSaveIsCompleted(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"sessions", ".hidden", "\x1b[2J"} {
		if err := os.MkdirAll(folder+"/more", 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for typed, want := range map[string]string{"s": "sessions/", "sessions/": "sessions/more/", "--no-secrets s": "--no-secrets sessions/", "--n": "--no-secrets ", "": "session.pcapng"} {
		if got := filesLike(typed); !slices.Contains(got, want) {
			t.Errorf("%q is completed to %q", typed, got)
		}
	}
	if got := filesLike("\x1b"); len(got) > 1 {
		t.Errorf("what would harm a terminal is completed: %q", got)
	}
}

func TestAKeyBeginsToSaveAndLeavesTheNameToBeTyped(t *testing.T) {
	for name, keys := range map[string][]string{"the key": {"w"}, "the command": {":", "save "}, "the command of editors": {":", "w "}} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.Mkdir("sessions", 0o700); err != nil {
				t.Fatal(err)
			}
			var saved string
			s := openQuietly(t, Options{Recording: severalConnections(1), Save: func(_ *inspect.Recording, file string, _ bool, _ string) (string, error) {
				saved = file
				return "written", nil
			}})
			s.until("a row", func() bool { return s.m.time.visible() > 0 })
			s.press(keys[0])
			for _, r := range strings.Join(keys[1:], "") + "ses" {
				s.press(string(r))
			}
			s.press("tab")
			for _, r := range "a.pcapng" {
				s.press(string(r))
			}
			s.press("enter")
			s.until("what came of it", func() bool { return s.m.said.text == "written" })
			if saved != "sessions"+string(filepath.Separator)+"a.pcapng" {
				t.Errorf("saved as %q", saved)
			}
		})
	}
}
