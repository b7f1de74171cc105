// Package term settles what must be settled about the terminal before Bubble Tea starts.
//
// Bubble Tea v1 asks the terminal for its background colour in an init function, and waits five seconds where the
// terminal never answers. Go initialises packages in the order of their import paths, as soon as what they import is
// initialised; this package sorts before Bubble Tea and imports Lip Gloss alone, so its own init comes first, and
// answers the question without asking anyone.
//
// It therefore must import nothing that waits for Bubble Tea, and must be imported by every program that draws.
package term

import (
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
)

func init() {
	lipgloss.SetHasDarkBackground(FromEnvironment(os.Getenv) != Light)
}

// A Theme says which background the colours are chosen for.
type Theme uint8

// The themes. Neutral colours can be read on both backgrounds.
const (
	Neutral Theme = iota
	Dark
	Light
)

var themes = [...]string{Neutral: "neutral", Dark: "dark", Light: "light"}

// Themes returns the names that [ParseTheme] knows.
func Themes() []string { return themes[:] }

// ParseTheme returns the theme of that name; false if there is none.
func ParseTheme(name string) (Theme, bool) {
	for t, known := range themes {
		if strings.EqualFold(name, known) {
			return Theme(t), true
		}
	}
	return Neutral, false
}

// String returns the name of the theme.
func (t Theme) String() string { return themes[t] }

// FromEnvironment chooses the theme: TLSLAB_THEME, else what COLORFGBG says about the background, as several
// terminals set it ("15;0": white on black), else [Neutral].
func FromEnvironment(getenv func(string) string) Theme {
	if t, ok := ParseTheme(getenv("TLSLAB_THEME")); ok {
		return t
	}
	colours := strings.Split(getenv("COLORFGBG"), ";")
	background, err := strconv.Atoi(colours[len(colours)-1])
	switch {
	case err != nil || background < 0 || background > 15:
		return Neutral
	case background == 7 || background >= 9: // white and the bright colours; 8 is dark grey
		return Light
	}
	return Dark
}
