package tui

import (
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

// glassBox opens a session in a glass box, at its end.
func glassBox(t *testing.T, o Options) *screen {
	t.Helper()
	o.NewTap = func(bool) (*inspect.Tap, func()) { return &inspect.Tap{GlassBox: true}, func() {} }
	return finished(t, o)
}

func TestAGlassBoxSaysAtEveryStepAndSizeThatItIsForStudyOnly(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1")
	for lang, want := range map[string]string{
		"en": "GLASS BOX, for study only: private keys are shown (K, D)", "pt-BR": "CAIXA DE VIDRO, só para estudo: chaves privadas em K e D",
	} {
		s := glassBox(t, Options{Lang: lang})
		for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
			s.size(size[0], size[1])
			for _, key := range []string{"home", "right", "end", "K", "esc", "tab", "?", "esc"} {
				s.press(key)
				s.shows(want)
				s.fits()
			}
		}
	}
}

func TestAGlassBoxShowsEachSideItsOwnPrivateKeysFirst(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1")
	s := glassBox(t, Options{})
	s.size(200, 60)
	s.press("home", "right", "K")
	s.shows("the client knows 2 secrets", "CLIENT_EPHEMERAL_PRIVATE_KEY", "for X25519MLKEM768, from recorded randomness", "for x25519, from recorded randomness")
	s.hides("logged")
	s.press("esc", "end", "K")
	s.shows("the client knows 6 secrets", "the server knows 5 secrets", "SERVER_EPHEMERAL_PRIVATE_KEY")
	text := s.text()
	if key, logged := strings.Index(text, "SERVER_EPHEMERAL"), strings.Index(text, "SERVER_TRAFFIC"); key > logged {
		t.Error("the server's private key comes after what follows from it")
	}
}

func TestADarkGlassBoxSaysSoOnceTheKeyExchangeIsAgreedOn(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=0")
	s := glassBox(t, Options{})
	s.press("home", "right")
	s.shows("private keys are shown")
	s.press("right")
	s.shows("It is dark: crypto/tls took its private keys from")
	s.hides("private keys are shown")
	s.fits()
}

func TestOutsideOfAGlassBoxNothingIsSaidOfOne(t *testing.T) {
	s := finished(t, Options{})
	s.hides("GLASS BOX")
	s.press("K")
	s.hides("PRIVATE_KEY", "glass box")
}
