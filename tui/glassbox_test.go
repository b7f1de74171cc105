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

func TestALabelStandsOnTopAllTheTime(t *testing.T) {
	s := finished(t, Options{Label: "FLAWED \x1b on purpose"})
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		s.size(size[0], size[1])
		for _, key := range []string{"home", "right", "end", "K", "esc", "?", "esc"} {
			s.press(key)
			s.shows(`FLAWED \x1b on purpose`)
			s.fits()
		}
	}
}

func TestOutsideOfAGlassBoxNothingIsSaidOfOne(t *testing.T) {
	s := finished(t, Options{})
	s.hides("GLASS BOX")
	s.press("K")
	s.hides("PRIVATE_KEY", "glass box")
}

func TestTheTopOfTheKeyScheduleIsToldInTheReadersLanguage(t *testing.T) {
	for lang, want := range map[string][]string{
		"en":    {"= ECDH(client's private key, server's key share) on x25519", "verify_data (server)", "PSK (of ticket 1)"},
		"pt-BR": {"= ECDH(chave privada do cliente, key share do servidor) em x25519", "verify_data (servidor)", "PSK (do ticket 1)"},
	} {
		s := open(t, Options{Lang: lang, Recording: traces(t, "1-rtt")})
		s.size(200, 60)
		s.press("D", "down", "down", "down")
		s.shows(want...)
		if lang == "pt-BR" {
			s.hides("'s private key", "'s key share", "(server)", "of ticket")
			hybrid := s.m.formula(&inspect.Value{Formula: "ML-KEM.Decaps(seed, ciphertext) + ECDH(scalar, point), where seed + scalar is the client's private key and ciphertext + point the server's key share"})
			if want := "ML-KEM.Decaps(seed, ciphertext) + ECDH(scalar, point), onde seed + scalar é: chave privada do cliente; ciphertext + point é: key share do servidor"; hybrid != want {
				t.Errorf("got %q\nwant %q", hybrid, want)
			}
		}
	}
}
