package term

import "testing"

func TestTheThemeComesFromTheEnvironment(t *testing.T) {
	tests := []struct {
		theme, fgbg string
		want        Theme
	}{
		{"", "", Neutral},
		{"light", "", Light},
		{"Dark", "0;15", Dark},
		{"neutral", "0;15", Neutral},
		{"pink", "0;15", Light},
		{"", "15;0", Dark},
		{"", "0;7", Light},
		{"", "7;8", Dark},
		{"", "0;default;15", Light},
		{"", "0;default", Neutral},
		{"", "0;255", Neutral},
		{"", ";", Neutral},
	}
	for _, test := range tests {
		env := map[string]string{"TLSLAB_THEME": test.theme, "COLORFGBG": test.fgbg}
		got := FromEnvironment(func(name string) string { return env[name] })
		if got != test.want {
			t.Errorf("TLSLAB_THEME=%q COLORFGBG=%q: got %v, want %v", test.theme, test.fgbg, got, test.want)
		}
	}
}

func TestEveryThemeIsFoundByItsName(t *testing.T) {
	for i, name := range Themes() {
		if got, ok := ParseTheme(name); !ok || got != Theme(i) || got.String() != name {
			t.Errorf("ParseTheme(%q) = %v, %v", name, got, ok)
		}
	}
	if _, ok := ParseTheme("solarized"); ok {
		t.Error("an unknown theme was found")
	}
}
